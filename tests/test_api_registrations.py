"""The HTTP API: people, their seats, and what they were sent."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from convoke.decision.invitation import Intent
from convoke.model import DeliveryState
from convoke.store import dynamo, keys
from tests.caller import BO, World, a_caller
from tests.factories import NOW, existing, told
from tests.fixtures import patching_fixture_of
from tests.tables import SETTINGS, everything, unchanged

world = patching_fixture_of(a_caller)


def test_a_registration_is_answered_with_its_invitation(world: World) -> None:
    event = world.hold()
    answer = world.call("POST", f"{event}/registrations", BO)
    event_id, registration_id = event.removeprefix("/events/"), answer.body["registration_id"]
    assert answer.status == 201
    assert answer.headers["location"] == f"/v1{event}/registrations/{registration_id}"
    assert re.fullmatch("[0-9a-z]{36}", registration_id)
    assert answer.body == BO | {
        "registration_id": registration_id,
        "event_id": event_id,
        "language": "en",
        "occurrences": None,
        "guests": 0,
        "responses": {},
        "external_id": None,
        "metadata": {},
        "source": None,
        "existing": False,
        "status": "registered",
        "participation": "needs-action",
        "answered_at": None,
        "accepted_at": None,
        "turned_down_at": None,
        "invitation": {
            "uid": f"{event_id}.{registration_id}.1@convoke.example.com",
            "method": None,
            "sequence": None,
            "state": "pending",
            "reason": None,
            "tried_anew": False,
            "sent_at": None,
        },
        "created_at": "2027-01-15T12:00:00.000000Z",
        "updated_at": "2027-01-15T12:00:00.000000Z",
    }
    read = world.call("GET", answer.headers["location"]).body
    assert read | {"existing": False} == answer.body
    assert world.call("GET", event).body["registered"] == 1


def test_who_has_no_language_has_that_of_the_event(world: World) -> None:
    event = world.hold(language="de")
    one, other = world.register(event), world.register(event, "cleo@example.com", language="fr")
    assert [world.call("GET", person).body["language"] for person in (one, other)] == ["de", "fr"]
    assert world.call("PATCH", one, {"name": "Bo"}).body["language"] == "de"
    assert world.call("PATCH", other, {"language": None}).body["language"] == "de"
    world.call("PATCH", event, {"language": None})
    assert world.call("GET", one).body["language"] == "en"


def test_what_was_told_is_shown_with_the_registration(world: World) -> None:
    event = world.hold()
    person = world.invite(event)
    assert world.call("GET", person).body["invitation"] == {
        "uid": "told@convoke.example.com",
        "method": "REQUEST",
        "sequence": 0,
        "state": "accepted",
        "reason": None,
        "tried_anew": False,
        "sent_at": "2027-01-15T12:00:00.000000Z",
    }
    world.call("PATCH", event, {"title": "Other"})
    assert world.call("GET", person).body["invitation"]["state"] == "pending"


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"state": DeliveryState.BOUNCED}, "bounced"),
        ({"acknowledged": None, "state": DeliveryState.NONE}, "unknown"),
        ({"acknowledged": None, "lease_until": NOW + timedelta(seconds=30), "state": DeliveryState.NONE}, "pending"),
        ({"acknowledged": None, "highest_possibly_sent": None, "intent": None, "state": DeliveryState.NONE}, "pending"),
    ],
    ids=["bounced", "nobody knows", "under way", "not yet"],
)
def test_sent_is_never_shown_as_told(world: World, changes: dict[str, Any], state: str) -> None:
    person = world.register(world.hold())
    world.tell(person, **changes)
    assert world.call("GET", person).body["invitation"]["state"] == state


def test_nothing_is_pending_for_those_who_wait_nor_in_a_draft(world: World) -> None:
    full, draft = world.hold(capacity=1), world.hold(status="draft")
    world.register(full)
    waiting = world.call("GET", world.register(full, "cy@example.net")).body
    assert (waiting["status"], waiting["invitation"]["state"]) == ("waitlisted", "none")
    assert world.call("GET", world.register(draft)).body["invitation"]["state"] == "none"


def test_the_same_address_again_is_answered_with_what_stands(world: World) -> None:
    event = world.hold()
    person = world.call("GET", world.register(event)).body
    before = everything(world.client)
    again = world.call("POST", f"{event}/registrations", {"name": "Else", "email": "BO@EXAMPLE.net", "language": "de"})
    assert (again.status, again.body) == (200, person | {"existing": True})
    assert everything(world.client) == before


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "Bo\nBcc: x@example.org"}, "name"),
        ({"email": None}, "email"),
        ({"email": "bo"}, "email"),
        ({"email": "@example.net"}, "email"),
        ({"email": "bo@localhost"}, "email"),
        ({"email": "bo@example..net"}, "email"),
        ({"email": "bo@example.net."}, "email"),
        ({"email": "bo@[127.0.0.1]"}, "email"),
        ({"email": "bo@-example.net"}, "email"),
        ({"email": "b.@example.net"}, "email"),
        ({"email": "bo ek@example.net"}, "email"),
        ({"email": '"bo ek"@example.net'}, "email"),
        ({"email": "<bo@example.net>"}, "email"),
        ({"email": "bø@example.net"}, "email"),
        ({"email": "bo@straße.example"}, "email"),
        ({"email": "bo@STRAẞE.example"}, "email"),
        ({"email": "bo@ﬀ.example"}, "email"),
        ({"email": "bo@example。net"}, "email"),
        ({"email": "bo@a\u1160b.example"}, "email"),
        ({"email": "bo@\uab70\uab71.example"}, "email"),
        ({"email": "bo@example.net\u200e"}, "email"),
        ({"email": "b" * 65 + "@example.net"}, "email"),
        ({"email": "bo@" + "example." * 32 + "net"}, "email"),
        ({"email": "Events@Convoke.Example.com"}, "email"),
        ({"language": "english language"}, "language"),
        ({"language": 5}, "language"),
        ({"language": "e"}, "language"),
        ({"language": "english"[:4]}, "language"),
        ({"language": "de-DE-Latn"}, "language"),
        ({"language": "en-"}, "language"),
        ({"language": "en_GB"}, "language"),
        ({"nmae": "Bo"}, "nmae"),
    ],
)
def test_a_bad_registration_is_refused_by_field_and_stores_nothing(
    world: World, changes: dict[str, Any], field: str
) -> None:
    event = world.hold()
    with unchanged(world.client):
        answer = world.call("POST", f"{event}/registrations", BO | changes, idempotency_key="k")
        assert (answer.status, answer.fields) == (422, [field])


def test_an_address_outside_ascii_is_told_why(world: World) -> None:
    answer = world.call("POST", f"{world.hold()}/registrations", BO | {"email": "bø@example.net"})
    assert "ASCII characters before the @" in answer.body["errors"][0]["message"]


def test_a_domain_is_the_same_in_punycode(world: World) -> None:
    event = world.hold()
    world.register(event, "bo@bücher.example")
    again = world.call("POST", f"{event}/registrations", BO | {"email": "bo@xn--bcher-kva.example"})
    assert (again.status, again.body["email"]) == (200, "bo@bücher.example")


def test_the_first_in_line_gets_the_seat_that_comes_free(world: World) -> None:
    event = world.hold(capacity=1)
    people = []
    for name in ("bo", "cy", "di"):
        world.now += timedelta(seconds=1)
        people.append(world.register(event, f"{name}@example.net"))
    bo, cy, di = people
    assert world.call("DELETE", bo).status == 200
    assert [world.call("GET", who).body["status"] for who in (bo, cy, di)] == ["cancelled", "registered", "waitlisted"]
    assert world.call("PATCH", event, {"capacity": 2}).body["registered"] == 2
    assert world.call("GET", di).body["status"] == "registered"


def test_a_promotion_that_fails_does_not_fail_the_withdrawal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    event = world.hold(capacity=1)
    bo = world.register(event)
    world.register(event, "cy@example.net")

    def fail(*_: Any, **__: Any) -> int:
        raise dynamo.Contention

    monkeypatch.setattr("convoke.registrations.waitlist.promote", fail)
    assert world.call("DELETE", bo).body["status"] == "cancelled"
    seats = existing(dynamo.get(world.client, SETTINGS.invitations_table, keys.seats(event.removeprefix("/events/"))))
    assert "due_key" in seats


def test_whoever_is_withdrawn_for_good_is_marked_so_and_an_unknown_word_is_refused(world: World) -> None:
    bo, cleo = world.register(world.hold()), world.register(world.hold(), "cleo@example.com")
    assert world.call("DELETE", bo, query={"final": "yes"}).status == 422
    for person, final in ((bo, {"final": "true"}), (cleo, {})):
        assert world.call("DELETE", person, query=final).body["status"] == "cancelled"
        _, _, event_id, _, registration_id = person.split("/")
        assert existing(world.store.reads.registration(event_id, registration_id)).removed is bool(final)


def test_withdrawing_again_changes_nothing_more_even_when_the_event_is_cancelled(world: World) -> None:
    event = world.hold()
    bo = world.register(event)
    first = world.call("DELETE", bo)
    with unchanged(world.client):
        assert world.call("DELETE", bo).body == first.body
    world.call("POST", f"{event}/cancel", {})
    assert world.call("DELETE", bo).body == first.body


def due_key_of(world: World, person: str) -> str | None:
    _, _, event_id, _, registration_id = person.split("/")
    return existing(world.store.reads.invitation(event_id, registration_id)).due_key


@pytest.mark.parametrize("happens", ["cancelled", "over"])
def test_withdrawing_is_granted_whatever_became_of_the_event(world: World, happens: str) -> None:
    event = world.hold(capacity=1)
    bo, waiting = world.register(event), world.register(event, "cy@example.net")
    world.tell(bo)
    world.call("POST", "/webhooks", {"url": "https://example.org/h", "events": ["registration.cancelled"]})
    if happens == "cancelled":
        world.call("POST", f"{event}/cancel", {})
    else:
        world.now += timedelta(days=365)
    answer = world.call("DELETE", bo)
    assert (answer.status, answer.body["status"]) == (200, "cancelled")
    # The cancellation that is due goes on; of what is over there is nothing to say.
    assert (due_key_of(world, bo) is not None) is (happens == "cancelled")
    shown = world.call("GET", event).body
    assert (shown["registered"], shown["waiting"]) == (0, 1)
    assert world.call("GET", waiting).body["status"] == "waitlisted"
    types = [row["type"] for row in everything(world.client)["Webhooks"] if "type" in row]
    assert types == ["registration.cancelled"]
    with unchanged(world.client):
        assert world.call("DELETE", bo).status == 200
    assert world.call("DELETE", waiting).body["status"] == "cancelled"
    assert world.call("GET", event).body["waiting"] == 0
    assert world.call("DELETE", bo, query={"erase": "true"}).status == 202


def test_a_person_is_erased_at_once_where_nothing_was_told_and_otherwise_it_is_due(world: World) -> None:
    event = world.hold()
    bo, cy = world.register(event), world.register(event, "cy@example.net")
    world.tell(bo)
    answer = world.call("DELETE", bo, query={"erase": "true"})
    assert (answer.status, answer.body["status"], answer.body["name"]) == (202, "cancelled", "Bo Ek")
    answer = world.call("DELETE", cy, query={"erase": "true"})
    assert (answer.status, answer.body["status"]) == (202, "erased")
    assert (answer.body["name"], answer.body["email"], answer.body["language"]) == (None, None, None)
    assert world.call("DELETE", cy, query={"erase": "true"}).status == 202
    assert world.call("DELETE", bo, query={"erase": "yes"}).fields == ["erase"]


def test_people_can_be_erased_whatever_became_of_the_event(world: World) -> None:
    event = world.hold()
    bo = world.register(event)
    world.call("POST", f"{event}/cancel", {})
    assert world.call("DELETE", bo, query={"erase": "true"}).body["status"] == "erased"


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"name": "Bo"}, {"name": "Bo"}),
        ({"language": None}, {"language": "en"}),
        ({"email": "BO@example.net"}, {"email": "BO@example.net"}),
        ({"email": "bo@example.org", "language": "sv"}, {"email": "bo@example.org", "language": "sv"}),
    ],
)
def test_a_registration_is_patched(world: World, patch: dict[str, Any], expected: dict[str, Any]) -> None:
    person = world.register(world.hold(), language="de")
    before = world.call("GET", person).body
    assert world.call("PATCH", person, patch).body == before | expected


@pytest.mark.parametrize(
    ("patch", "status"),
    [
        ({"name": None}, 422),
        ({"email": None}, 422),
        ({"email": "nobody"}, 422),
        ({"email": SETTINGS.sender.address}, 422),
        ({"status": "registered"}, 422),
        ({"email": "CY@example.net"}, 409),
    ],
)
def test_a_registration_is_not_patched_to_what_cannot_be(world: World, patch: dict[str, Any], status: int) -> None:
    event = world.hold()
    bo, _ = world.register(event), world.register(event, "cy@example.net")
    with unchanged(world.client):
        assert world.call("PATCH", bo, patch).status == status


def test_messages_are_listed_and_can_be_read_as_they_were_sent(world: World) -> None:
    person = world.register(world.hold())
    assert world.call("POST", f"{person}/resend").status == 409
    world.tell(person)
    listed = world.call("GET", f"{person}/messages").body
    assert listed == {
        "items": [
            {
                "uid": "told@convoke.example.com",
                "kind": "invitation",
                "date": None,
                "to": "bo@example.net",
                "method": "REQUEST",
                "sequence": 0,
                "dtstamp": "2027-01-15T12:00:00.000000Z",
                "state": "accepted",
                "created_at": "2027-01-15T12:00:00.000000Z",
                "reason": None,
                "sent_at": "2027-01-15T12:00:00.000000Z",
            }
        ],
        "next": None,
    }
    mail = world.call("GET", f"{person}/messages/0/mail")
    assert (mail.status, mail.headers["content-type"]) == (200, "message/rfc822")
    assert mail.data == b"To: bo@example.net\r\n\r\nHej \xff"
    for sequence in ("1", "x", "-1", "9" * 30):
        assert world.call("GET", f"{person}/messages/{sequence}/mail").status == 404
    again = world.call("POST", f"{person}/resend")
    assert again.body["invitation"]["tried_anew"] is False
    assert (again.status, again.body["invitation"]["state"]) == (202, "pending")


def test_a_resend_of_what_was_given_up_says_so_and_tries_it_anew(world: World) -> None:
    person = world.register(world.hold())
    given_up = Intent(calendar_state=told(), attempt="a", failed=True)
    world.tell(
        person,
        acknowledged=None,
        highest_possibly_sent=None,
        possibly_sent=None,
        intent=given_up,
        state=DeliveryState.FAILED,
    )
    shown = world.call("GET", person).body["invitation"]
    again = world.call("POST", f"{person}/resend", idempotency_key="once")
    assert (again.status, again.body["invitation"]["tried_anew"]) == (202, True)
    assert (again.body["invitation"]["state"], shown["tried_anew"]) == ("pending", False)
    assert due_key_of(world, person) is not None
    repeated = world.call("POST", f"{person}/resend", idempotency_key="once")
    assert repeated.body == again.body


def test_the_calendar_is_answered_over_http(world: World) -> None:
    held = world.hold()
    person = world.register(held)
    assert world.call("GET", f"{person}/calendar").body == {"items": []}
    world.tell(person)
    answer = world.call("GET", f"{person}/calendar")
    assert answer.status == 200
    (one,) = answer.body["items"]
    assert one == {
        "uid": "told@convoke.example.com",
        "date": None,
        "title": "Kölner Treffen",
        "start": "2027-03-12T09:00:00",
        "end": "2027-03-12T10:30:00",
        "time_zone": "Europe/Berlin",
        "location": one["location"],
        "state": "shown",
        "sequence": 0,
        "sent_at": "2027-01-15T12:00:00.000000Z",
        "delivery": "accepted",
        "true": one["true"],
        "over": False,
    }
    assert world.call("GET", f"{person}/calendar", account="eve").status == 404
    assert world.call("GET", f"{held}/registrations/nobody/calendar").status == 404
    world.call("PATCH", held, {"start": "2027-03-13T09:00:00"})
    (one,) = world.call("GET", f"{person}/calendar").body["items"]
    assert (one["start"], one["state"], one["true"]) == ("2027-03-12T09:00:00", "shown", False)


def test_registrations_are_searched_and_ordered_over_http(world: World) -> None:
    event = world.hold(capacity=2)
    for number, name in enumerate(("Cy Ek", "Änne Bo", "Anna Schmidt")):
        world.now += timedelta(seconds=1)
        world.register(event, f"person{number}@example.net", name=name)

    def found(**query: str) -> list[str]:
        answer = world.call("GET", f"{event}/registrations", query=query)
        assert (answer.status, answer.body["next"]) == (200, None)
        return [one["name"] for one in answer.body["items"]]

    assert found() == found(order="created") == ["Cy Ek", "Änne Bo", "Anna Schmidt"]
    assert found(order="-created") == ["Anna Schmidt", "Änne Bo", "Cy Ek"]
    assert found(order="name") == ["Anna Schmidt", "Änne Bo", "Cy Ek"]
    assert found(search="AN", order="name") == ["Anna Schmidt", "Änne Bo"]
    assert found(search="an", status="waitlisted") == ["Anna Schmidt"]
    assert found(order="-created", status="registered") == ["Änne Bo", "Cy Ek"]
    assert found(order="-created", delivery="pending") == ["Änne Bo", "Cy Ek"]
    assert found(order="name", participation="accepted") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"search": "-- ,"}, "search"),
        ({"search": ""}, "search"),
        ({"search": "x" * 201}, "search"),
        ({"search": "bo", "email": "bo@example.net"}, "search"),
        ({"search": "bo", "order": "created"}, "order"),
        ({"order": "-name"}, "order"),
        ({"search": "bo", "cursor": "eHh4"}, "cursor"),
        ({"order": "name", "cursor": "eHh4"}, "cursor"),
    ],
)
def test_a_search_that_cannot_be_made_is_refused(world: World, query: dict[str, str], field: str) -> None:
    answer = world.call("GET", f"{world.hold()}/registrations", query=query)
    assert (answer.status, answer.fields) == (422, [field])
