"""What came in by mail, over HTTP: proposals to decide about, mails that were put aside."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from convoke.decision.attention import Attention, AttentionKind, AttentionReason
from convoke.inbound.itip_reply import IncomingMethod, Span
from convoke.inbound.quarantine import Owner
from convoke.inbound.reasons import Reason
from convoke.mail.notifications import NotificationState
from convoke.model import When
from convoke.registrations import erasure
from convoke.store import codec, dynamo, keys
from tests.caller import World, a_caller, everybody
from tests.factories import AFTERNOON, NOW, answer, existing
from tests.fixtures import patching_fixture_of
from tests.tables import everything, unchanged

ONE, OTHER, THIRD = (keys.registration_id(NOW + timedelta(minutes=number), bytes(16)) for number in range(3))


world = patching_fixture_of(a_caller)


def somebody(world: World, **party: Any) -> str:
    """A person who has been invited."""
    return world.invite(world.hold(**party))


def noted(world: World) -> list[dict[str, Any]]:
    return [row for row in everything(world.client)["Invitations"] if row["sk"].startswith(keys.NOTIFICATION_PREFIX)]


# --- proposals ----------------------------------------------------------------------------------------------------


def test_what_is_proposed_is_shown(world: World) -> None:
    person = somebody(world)
    path = world.propose(person)
    event, _, registration_id = person.rpartition("/registrations/")
    answered = world.call("GET", f"{event}/proposals")
    assert answered.body == {
        "items": [
            {
                "proposal_id": path.rpartition("/")[2],
                "event_id": event.rpartition("/")[2],
                "registration_id": registration_id,
                "status": "open",
                "occurrence": None,
                "start": "2027-03-12T15:00:00",
                "end": "2027-03-12T16:30:00",
                "time_zone": "Europe/Berlin",
                "comment": "After lunch?",
                "received_at": "2027-01-15T12:00:00.000000Z",
            }
        ],
        "next": None,
    }


def test_proposals_are_listed_a_page_at_a_time(world: World) -> None:
    person = somebody(world)
    for proposal_id in (THIRD, ONE, OTHER):
        world.propose(person, proposal_id=proposal_id)
    pages = everybody(world, f"{person.partition('/registrations')[0]}/proposals", limit="2")
    assert [[one["proposal_id"] for one in page] for page in pages] == [[ONE, OTHER], [THIRD]]


def test_accepting_moves_the_event_and_owes_it_to_everybody(world: World) -> None:
    person = somebody(world)
    path, event = world.propose(person), person.partition("/registrations")[0]
    answered = world.call("POST", f"{path}/accept")
    assert (answered.status, answered.body["status"]) == (200, "accepted")
    moved = world.call("GET", event).body
    assert (moved["start"], moved["end"], moved["version"]) == ("2027-03-12T15:00:00", "2027-03-12T16:30:00", 2)
    assert existing(world.store.reads.fan_out(event.rpartition("/")[2])).version == 2
    with unchanged(world.client):
        assert world.call("POST", f"{path}/accept").status == 200
    assert world.call("POST", f"{path}/decline").status == 409
    assert noted(world) == []


def test_accepting_for_one_date_moves_that_date_alone(world: World) -> None:
    person = somebody(world, recurrence="FREQ=WEEKLY;COUNT=4")
    when = When(start=datetime(2027, 3, 19, 14), end=datetime(2027, 3, 19, 15), time_zone="Europe/Berlin")
    path, event = world.propose(person, date=datetime(2027, 3, 19, 9), when=when), person.partition("/registrations")[0]
    assert world.call("POST", f"{path}/accept").body["occurrence"] == "2027-03-19T09:00:00"
    dates = world.call("GET", f"{event}/occurrences").body["items"]
    assert [one["start"] for one in dates] == [
        "2027-03-12T09:00:00",
        "2027-03-19T14:00:00",
        "2027-03-26T09:00:00",
        "2027-04-02T09:00:00",
    ]


def test_declining_tells_who_proposed_and_changes_nothing_else(world: World) -> None:
    person = somebody(world)
    path, event = world.propose(person), person.partition("/registrations")[0]
    before = world.call("GET", event).body
    for _ in range(2):
        assert world.call("POST", f"{path}/decline").body["status"] == "declined"
    (row,) = noted(world)
    note = existing(codec.read(NotificationState, row).notification)
    assert (note.recipient.email, existing(note.counter).proposed) == ("bo@example.net", AFTERNOON)
    assert world.call("GET", event).body == before
    assert world.call("POST", f"{path}/accept").status == 409


def test_declining_tells_nobody_who_has_left(world: World) -> None:
    person = somebody(world)
    path = world.propose(person)
    world.call("DELETE", person)
    assert world.call("POST", f"{path}/decline").status == 200
    assert noted(world) == []


@pytest.mark.parametrize(
    "hindrance",
    [
        lambda world, event: world.call("POST", f"{event}/cancel"),
        lambda world, _: setattr(world, "now", NOW + timedelta(days=90)),
    ],
    ids=["the event is cancelled", "it is over"],
)
def test_what_cannot_take_place_any_more_cannot_be_accepted(world: World, hindrance: Any) -> None:
    person = somebody(world)
    path = world.propose(person)
    hindrance(world, person.partition("/registrations")[0])
    with unchanged(world.client):
        assert world.call("POST", f"{path}/accept").status == 409


def test_a_time_that_is_over_cannot_be_accepted(world: World) -> None:
    past = replace(AFTERNOON, start=datetime(2027, 1, 14, 9), end=datetime(2027, 1, 14, 10))
    assert world.call("POST", f"{world.propose(somebody(world), when=past)}/accept").status == 409


def test_a_date_that_is_no_more_cannot_be_accepted(world: World) -> None:
    person = somebody(world, recurrence="FREQ=WEEKLY;COUNT=4")
    path = world.propose(person, date=datetime(2027, 3, 20, 9))
    assert world.call("POST", f"{path}/accept").status == 409


def test_accepting_what_is_so_already_decides_it(world: World) -> None:
    person = somebody(world)
    path, event = world.propose(person), person.partition("/registrations")[0]
    world.call("PATCH", event, {"start": "2027-03-12T15:00:00", "end": "2027-03-12T16:30:00"})
    assert world.call("POST", f"{path}/accept").body["status"] == "accepted"
    assert world.call("GET", event).body["version"] == 2


def test_accepting_honours_the_version_that_is_known(world: World) -> None:
    path = world.propose(somebody(world))
    assert world.call("POST", f"{path}/accept", if_match='"7"').status == 412
    assert world.call("POST", f"{path}/accept", if_match='"1"').status == 200


def test_whoever_is_forgotten_has_proposed_nothing(world: World) -> None:
    person, event = somebody(world), ""
    path, event = world.propose(person), person.partition("/registrations")[0]
    other = world.propose(world.register(event, "cleo@example.com"), proposal_id=OTHER)
    event_id, registration_id = event.rpartition("/")[2], person.rpartition("/")[2]
    world.call("DELETE", person)
    erasure.forget(world.store, event_id, registration_id, now=NOW)
    assert [one["proposal_id"] for one in world.call("GET", f"{event}/proposals").body["items"]] == [
        other.rpartition("/")[2]
    ]
    assert world.call("POST", f"{path}/decline").status == 404


def test_proposals_of_one_person_or_of_one_status_are_listed(world: World) -> None:
    bo = somebody(world)
    event, _, registration_id = bo.rpartition("/registrations/")
    cy = world.register(event, "cy@example.net")
    first, second = world.propose(bo, proposal_id=ONE), world.propose(cy, proposal_id=OTHER)
    assert world.call("POST", f"{first}/decline").status == 200

    def listed(**query: str) -> list[str]:
        return [one["proposal_id"] for page in everybody(world, f"{event}/proposals", **query) for one in page]

    assert listed(registration_id=registration_id) == [ONE]
    assert listed(status="open", limit="1") == [second.rpartition("/")[2]]
    assert listed(status="open", registration_id=registration_id) == []
    assert listed(limit="1") == [ONE, OTHER]
    assert world.call("GET", f"{event}/proposals", query={"status": "lost"}).status == 422


# --- quarantine ---------------------------------------------------------------------------------------------------


def at_hand(world: World, person: str, **changes: Any) -> str:
    """Their answer to what they were told, put aside."""
    return world.put_aside(person, **{"answer": answer(uid="told@convoke.example.com")} | changes)


def test_what_was_put_aside_is_shown_with_its_reason(world: World) -> None:
    person = somebody(world)
    path = at_hand(world, person)
    _, _, event_id, _, registration_id = person.split("/")
    answered = world.call("GET", "/quarantine")
    assert answered.body["items"] == [
        {
            "quarantine_id": path.rpartition("/")[2],
            "event_id": event_id,
            "registration_id": registration_id,
            "reason": "dmarc",
            "status": "waiting",
            "sender": "bo@example.net",
            "subject": "Accepted: Kölner Treffen",
            "method": "REPLY",
            "participation": "accepted",
            "comment": "",
            "received_at": "2027-01-15T12:00:00.000000Z",
            "expires_at": "2027-01-22T12:00:00.000000Z",
        }
    ]


def test_what_was_put_aside_is_listed_a_page_at_a_time_and_by_event(world: World) -> None:
    person, elsewhere = somebody(world), somebody(world)
    for quarantine_id, whose in ((ONE, person), (OTHER, elsewhere), (THIRD, person)):
        at_hand(world, whose, quarantine_id=quarantine_id)
    world.call("POST", f"/quarantine/{ONE}/drop")
    assert [[one["quarantine_id"] for one in page] for page in everybody(world, "/quarantine", limit="1")] == [
        [OTHER],
        [THIRD],
    ]
    event_id = person.split("/")[2]
    (page,) = everybody(world, "/quarantine", event_id=event_id)
    assert [one["quarantine_id"] for one in page] == [THIRD]


def test_nobody_sees_or_decides_about_another_account_s_mail(world: World) -> None:
    person = somebody(world)
    at_hand(world, person)
    with unchanged(world.client):
        assert world.call("GET", "/quarantine", account="other").body["items"] == []
        assert world.call("GET", "/quarantine", query={"event_id": person.split("/")[2]}, account="other").status == 404
        for decision in ("release", "drop"):
            assert world.call("POST", f"/quarantine/a'b/{decision}").status == 404


def test_the_mails_of_one_event_are_listed_and_decided_below_it(world: World) -> None:
    person, elsewhere = somebody(world), somebody(world)
    event_id, _, registration_id = person.removeprefix("/events/").split("/")
    at_hand(world, person, quarantine_id=ONE)
    at_hand(world, person, quarantine_id=OTHER, registration_id=None)
    at_hand(world, elsewhere, quarantine_id=THIRD)
    below = f"/events/{event_id}/quarantine"
    (page,) = everybody(world, below)
    assert [one["quarantine_id"] for one in page] == [ONE, OTHER]
    (theirs,) = everybody(world, below, registration_id=registration_id)
    assert [one["quarantine_id"] for one in theirs] == [ONE]
    with unchanged(world.client):
        assert world.call("GET", below, account="other").status == 404
        for decision in ("release", "drop"):
            assert world.call("POST", f"{below}/{THIRD}/{decision}").status == 404
            assert world.call("POST", f"{below}/{ONE}/{decision}", account="other").status == 404
    assert world.call("POST", f"{below}/{ONE}/release", idempotency_key="k").body["status"] == "released"
    assert world.call("POST", f"{below}/{ONE}/release", idempotency_key="k").body["status"] == "released"
    assert world.call("POST", f"{below}/{OTHER}/drop").body["status"] == "dropped"
    assert world.call("GET", person).body["participation"] == "accepted"
    assert world.call("GET", below).body["items"] == []


def test_a_released_answer_counts(world: World) -> None:
    person = somebody(world)
    path = at_hand(world, person)
    for _ in range(2):
        assert world.call("POST", f"{path}/release").body["status"] == "released"
    assert world.call("GET", person).body["participation"] == "accepted"
    assert world.call("GET", "/quarantine").body["items"] == []
    assert world.call("POST", f"{path}/drop").status == 409


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": Reason.STRANGER, "answer": answer(uid="told@convoke.example.com", attendee="bo@firm.example")},
        {"reason": Reason.ATTENDEE, "answer": answer(uid="told@convoke.example.com", sequence=1)},
    ],
)
def test_the_organizer_overrules_what_is_about_who_sent_it(world: World, changes: dict[str, Any]) -> None:
    person = somebody(world)
    assert world.call("POST", f"{at_hand(world, person, **changes)}/release").status == 200
    assert world.call("GET", person).body["participation"] == "accepted"


@pytest.mark.parametrize("decision", ["release", "drop"])
def test_an_answer_that_waits_is_named_on_the_event_until_somebody_decides(world: World, decision: str) -> None:
    person = somebody(world)
    path, (_, _, event_id, _, registration_id) = at_hand(world, person, reason=Reason.STRANGER), person.split("/")
    quarantine_id = path.rpartition("/")[2]
    one = Attention(
        registration_id=registration_id,
        kind=AttentionKind.ANSWER,
        state=AttentionReason.ANOTHER_ADDRESS,
        since=NOW,
        quarantine_id=quarantine_id,
    )
    action = world.store.surveys.unconfirmed_action(event_id, one, NOW + timedelta(days=7))
    dynamo.transact(world.client, [action])
    body = world.call("GET", f"/events/{event_id}").body
    assert (body["attention"], body["attention_count"]) == (
        [
            {
                "registration_id": registration_id,
                "kind": "answer",
                "state": "another-address",
                "since": "2027-01-15T12:00:00.000000Z",
                "date": None,
                "start": None,
                "quarantine_id": quarantine_id,
            }
        ],
        1,
    )
    assert world.call("POST", f"{path}/{decision}").status == 200
    assert world.call("GET", f"/events/{event_id}").body["attention"] == []


def test_a_mail_that_names_no_event_is_shown_and_can_be_dropped(world: World) -> None:
    path = at_hand(world, somebody(world), event_id=None, registration_id=None, answer=None, sender="")
    (found,) = world.call("GET", "/quarantine").body["items"]
    assert (found["event_id"], found["registration_id"], found["sender"]) == (None, None, "")
    assert world.call("POST", f"{path}/release").status == 409
    assert world.call("POST", f"{path}/drop", idempotency_key="k").status == 200
    assert world.call("GET", "/quarantine").body["items"] == []


def test_how_many_are_not_shown_is_said(world: World) -> None:
    event_id = somebody(world).split("/")[2]
    owner = Owner(account="acme", event_id=event_id)
    for _ in range(2):
        dynamo.transact(world.client, [world.store.quarantine.count_not_shown_action(owner, NOW)])
    assert world.call("GET", "/quarantine").body["not_shown"] == 2
    assert world.call("GET", "/quarantine", query={"event_id": event_id}).body["not_shown"] == 2
    assert world.call("GET", "/quarantine", account="other").body["not_shown"] == 0


def test_a_released_proposal_waits_to_be_decided(world: World) -> None:
    person = somebody(world)
    span = Span(start=AFTERNOON.start, end=AFTERNOON.end)
    said = answer(uid="told@convoke.example.com", kind=IncomingMethod.COUNTER, participation=None, proposed=span)
    assert world.call("POST", f"{at_hand(world, person, answer=said)}/release").status == 200
    event = person.partition("/registrations")[0]
    assert [one["status"] for one in world.call("GET", f"{event}/proposals").body["items"]] == ["open"]


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason.DMARC, None),
        (Reason.UID, answer()),
        (Reason.DATE, answer(uid="told@convoke.example.com", date=datetime(2027, 3, 19, 9))),
    ],
)
def test_what_fits_no_registration_cannot_be_released_and_it_is_said_why(
    world: World, reason: Reason, said: Any
) -> None:
    path = at_hand(world, somebody(world), answer=said)
    with unchanged(world.client):
        refused = world.call("POST", f"{path}/release")
        assert (refused.status, refused.body["detail"]) == (409, f"the mail cannot be released: {reason}")


def test_nothing_comes_of_what_is_dropped(world: World) -> None:
    person = somebody(world)
    path = at_hand(world, person)
    for _ in range(2):
        assert world.call("POST", f"{path}/drop").body["status"] == "dropped"
    assert world.call("POST", f"{path}/release").status == 409
    assert world.call("GET", person).body["participation"] == "needs-action"


def test_what_is_forgotten_is_not_there(world: World) -> None:
    path = at_hand(world, somebody(world))
    world.now += timedelta(days=7)
    assert world.call("POST", f"{path}/release").status == 404


def test_every_decision_can_be_repeated(world: World) -> None:
    person = somebody(world)
    for path in (
        f"{world.propose(person)}/accept",
        f"{world.propose(person, proposal_id=OTHER)}/decline",
        f"{at_hand(world, person)}/release",
        f"{at_hand(world, person, quarantine_id=OTHER)}/drop",
    ):
        first = world.call("POST", path, idempotency_key="k")
        with unchanged(world.client):
            again = world.call("POST", path, idempotency_key="k")
            assert (again.status, again.body) == (200, first.body)
            assert again.headers["idempotent-replayed"] == "true"
        assert world.call("POST", path, {"name": "x"}).status == 422
