"""The HTTP API of an event whose organizer decides who comes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from convoke.web.fields import WebhookEvents
from convoke.webhooks.events import WebhookEventType
from tests.caller import BO, Answer, World, a_caller
from tests.fixtures import patching_fixture_of
from tests.tables import everything, unchanged

world = patching_fixture_of(a_caller)


def decide(world: World, person: str, what: str, **body: Any) -> Answer:
    return world.call("POST", f"{person}/{what}", body or None)


def test_an_event_asks_nobody_unless_it_is_said(world: World) -> None:
    event = world.hold()
    assert world.call("GET", event).body["approval"] is False
    assert world.call("PATCH", event, {"approval": True}).body["approval"] is True
    assert world.call("PATCH", event, {"approval": None}).body["approval"] is False
    assert world.call("POST", f"{event}/registrations", BO).body["status"] == "registered"
    assert world.call("PATCH", event, {"approval": "yes"}).fields == ["approval"]


def test_who_registers_is_pending_and_counted(world: World) -> None:
    event = world.hold(approval=True, capacity=5)
    made = world.call("POST", f"{event}/registrations", BO | {"guests": 2})
    assert (made.status, made.body["status"], made.body["invitation"]["state"]) == (201, "pending", "none")
    shown = world.call("GET", event).body
    assert (shown["registered"], shown["waiting"], shown["pending"]) == (0, 0, 1)
    [listed] = world.call("GET", f"{event}/registrations", query={"status": "pending"}).body["items"]
    assert listed["registration_id"] == made.body["registration_id"]
    again = world.call("POST", f"{event}/registrations", BO)
    assert (again.status, again.body["existing"], again.body["status"]) == (200, True, "pending")
    assert "pending" in world.call("GET", f"{event}/registrations.csv").raw


def test_whom_the_organizer_adds_is_registered_at_once(world: World) -> None:
    event = world.hold(approval=True)
    made = world.call("POST", f"{event}/registrations", BO | {"approved": True})
    assert (made.status, made.body["status"]) == (201, "registered")
    people = [{"name": "Cy", "email": "cy@example.net", "approved": True}, {"name": "Di", "email": "di@example.net"}]
    done = world.call("POST", f"{event}/registrations/bulk", {"registrations": people}).body["items"]
    assert [one["registered"] for one in done] == ["registered", "pending"]


def test_a_key_that_may_only_register_asks(world: World) -> None:
    event = world.hold(approval=True)
    with unchanged(world.client):
        refused = world.call("POST", f"{event}/registrations", BO | {"approved": True}, scopes="register")
        assert (refused.status, refused.body["code"]) == (403, "scope_missing")
        people = {"registrations": [BO | {"approved": True}]}
        [one] = world.call("POST", f"{event}/registrations/bulk", people, scopes="register").body["items"]
        assert (one["status"], one["code"]) == (403, "scope_missing")
    assert world.call("POST", f"{event}/registrations", BO, scopes="register").body["status"] == "pending"
    plain = world.hold()
    assert world.call("POST", f"{plain}/registrations", BO | {"approved": True}, scopes="register").status == 201


def test_who_is_accepted_is_registered_and_invited(world: World) -> None:
    event = world.hold(approval=True)
    person = world.register(event)
    done = decide(world, person, "accept", word="Welcome")
    assert (done.status, done.body["status"], done.body["invitation"]["state"]) == (200, "registered", "pending")
    shown = world.call("GET", event).body
    assert (shown["registered"], shown["pending"]) == (1, 0)


def test_who_is_accepted_at_a_full_event_waits(world: World) -> None:
    event = world.hold(approval=True, capacity=1)
    world.register(event, "cy@example.net", approved=True)
    person = world.register(event)
    assert decide(world, person, "accept").body["status"] == "waitlisted"
    shown = world.call("GET", event).body
    assert (shown["registered"], shown["waiting"], shown["pending"]) == (1, 1, 0)


def test_who_is_declined_is_cancelled_and_can_ask_again(world: World) -> None:
    event = world.hold(approval=True)
    person = world.register(event)
    assert decide(world, person, "decline", word="No room").body["status"] == "cancelled"
    assert world.call("GET", event).body["pending"] == 0
    assert world.call("GET", world.register(event)).body["status"] == "pending"


@pytest.mark.parametrize("what", ["accept", "decline"])
def test_only_who_is_pending_is_decided_about(world: World, what: str) -> None:
    event = world.hold(approval=True)
    person = world.register(event, approved=True)
    with unchanged(world.client):
        refused = decide(world, person, what)
        assert (refused.status, refused.body["code"]) == (409, "registration_not_pending")
        assert decide(world, f"{event}/registrations/nobody", what).status == 404
        assert world.call("POST", f"{person}/{what}", account="else").status == 404
        assert world.call("POST", f"{person}/{what}", scopes="read register").status == 403


@pytest.mark.parametrize("what", ["accept", "decline"])
def test_a_decision_is_made_once_under_one_key(world: World, what: str) -> None:
    person = world.register(world.hold(approval=True))
    first = world.call("POST", f"{person}/{what}", {"word": "So"}, idempotency_key="once")
    again = world.call("POST", f"{person}/{what}", {"word": "So"}, idempotency_key="once")
    assert (first.status, again.status, again.body) == (200, 200, first.body)
    assert again.headers["idempotent-replayed"] == "true"
    assert decide(world, person, what).status == 409
    other = world.call("POST", f"{person}/{what}", {"word": "Else"}, idempotency_key="once")
    assert (other.status, other.fields) == (422, ["Idempotency-Key"])


@pytest.mark.parametrize("what", ["accept", "decline"])
@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("", 200),
        (" \n ", 200),
        ("Line one.\r\nLine two.\tTab", 200),
        ("<b>=cmd|' /C calc'!A0</b>", 200),
        ("漢" * 2000, 200),
        ("a" * 2001, 422),
        ("a\x00b", 422),
        ("a\u2028b", 422),
        ("a\u202eb", 422),
        (7, 422),
        (["a"], 422),
        (None, 200),
    ],
)
def test_a_word_is_text(world: World, what: str, word: Any, status: int) -> None:
    person = world.register(world.hold(approval=True))
    before = everything(world.client)
    answer = world.call("POST", f"{person}/{what}", {"word": word})
    assert answer.status == status
    if status != 200:
        assert answer.fields == ["word"]
        assert everything(world.client) == before


def test_unknown_fields_of_a_decision_are_refused(world: World) -> None:
    person = world.register(world.hold(approval=True))
    assert world.call("POST", f"{person}/accept", {"words": "a"}).fields == ["words"]
    assert world.call("POST", f"{person}/accept", {}).status == 200


@pytest.mark.parametrize("what", ["accept", "decline"])
def test_nothing_is_decided_of_an_event_that_is_a_draft_cancelled_or_over(world: World, what: str) -> None:
    event = world.hold(approval=True, status="draft")
    person = world.register(event)
    refused = decide(world, person, what)
    assert (refused.status, refused.body["code"]) == (409, "event_draft")
    world.call("PATCH", event, {"status": "confirmed"})
    world.call("POST", f"{event}/cancel", {})
    assert decide(world, person, what).body["code"] == "event_cancelled"
    world.call("POST", f"{event}/reopen", {})
    world.now += timedelta(days=4000)
    assert decide(world, person, what).body["code"] == "event_over"


def test_who_is_pending_is_changed_withdrawn_and_erased(world: World) -> None:
    event = world.hold(approval=True)
    person = world.register(event)
    assert world.call("PATCH", person, {"guests": 3, "name": "Other"}).body["guests"] == 3
    assert world.call("GET", event).body["pending"] == 1
    assert world.call("POST", f"{person}/resend").body["code"] == "never_sent"
    assert world.call("DELETE", person).body["status"] == "cancelled"
    other = world.register(event)
    assert world.call("DELETE", other, query={"erase": "true"}).body["status"] == "erased"
    assert world.call("GET", event).body["pending"] == 0


def test_a_split_copies_who_is_pending(world: World) -> None:
    event = world.hold(approval=True, recurrence="FREQ=WEEKLY;COUNT=4")
    world.register(event)
    dates = world.call("GET", f"{event}/occurrences").body["items"]
    made = world.call("POST", f"{event}/split", {"from": dates[2]["occurrence"]})
    new = f"/events/{made.body['event_id']}"
    [person] = world.call("GET", f"{new}/registrations").body["items"]
    assert (person["status"], world.call("GET", new).body["pending"]) == ("pending", 1)
    assert decide(world, f"{new}/registrations/{person['registration_id']}", "accept").body["status"] == "registered"


def test_webhooks_are_told_of_who_is_pending_and_of_decisions(world: World) -> None:
    wanted = ["registration.created", "registration.pending", "registration.accepted", "registration.waitlisted"]
    wanted.append("registration.cancelled")
    assert world.call("POST", "/webhooks", {"url": "https://example.org/", "events": wanted}).status == 201
    event = world.hold(approval=True, capacity=1)
    one, other, third = (world.register(event, f"{name}@example.net") for name in ("bo", "cy", "di"))
    decide(world, one, "accept")
    decide(world, other, "accept")
    decide(world, third, "decline")
    world.now += timedelta(hours=1)
    changes = world.call("GET", "/changes").body["items"]
    by_person = {
        person: sorted(
            (one["type"], one["data"]["status"])
            for one in changes
            if one["data"].get("registration_id") == person.rpartition("/")[2]
        )
        for person in (one, other, third)
    }
    asked = [("registration.created", "pending"), ("registration.pending", "pending")]
    assert by_person[one] == sorted([*asked, ("registration.accepted", "registered")])
    assert by_person[other] == sorted(
        [*asked, ("registration.accepted", "waitlisted"), ("registration.waitlisted", "waitlisted")]
    )
    assert by_person[third] == sorted([*asked, ("registration.cancelled", "cancelled")])


def test_every_type_of_webhook_event_but_the_test_can_be_subscribed_to() -> None:
    named = WebhookEvents.__origin__.__args__[0].__args__  # type: ignore[attr-defined]
    assert set(named) == {one.value for one in WebhookEventType} - {WebhookEventType.TEST.value}
