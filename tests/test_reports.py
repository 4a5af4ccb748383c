"""What SES reports: in any order and number the same end, and nothing that a lesser report could undo."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convoke.decision.invitation import Acknowledged, Intent
from convoke.delivery.reconcile import Outcome
from convoke.delivery.reports import apply_report, out_of_order, updated_by
from convoke.delivery.ses_events import Report, report_of
from convoke.effects import Acknowledge, Refusal, Refused, Unknown
from convoke.model import GRAVITY, DeliveryState, Method
from convoke.registrations.registry import resend
from tests.factories import AFTERNOON, NOW, existing, invitation, report, told
from tests.fixtures import fixture_of
from tests.world import World, a_world

EVENTS = Path(__file__).parent.parent / "events"


world = fixture_of(a_world)


ACCEPTED = invitation(
    allocated=0,
    highest_possibly_sent=0,
    possibly_sent=told(),
    intent=Intent(calendar_state=told(), attempt="a"),
    acknowledged=Acknowledged(calendar_state=told(), ses_id="ses-1", at=NOW),
    state=DeliveryState.ACCEPTED,
)
PERHAPS_SENT = invitation(
    allocated=0, highest_possibly_sent=0, possibly_sent=told(), intent=Intent(calendar_state=told(), attempt="a")
)

STORY = (
    report(DeliveryState.ACCEPTED),
    report(DeliveryState.DELIVERED),
    report(DeliveryState.BOUNCED, final=True),
    report(DeliveryState.COMPLAINED, final=True),
)


@pytest.mark.parametrize("start", [ACCEPTED, PERHAPS_SENT], ids=["accepted", "perhaps sent"])
def test_any_order_of_the_same_reports_gives_the_same_state(start: Any) -> None:
    ends = set()
    for order in permutations((*STORY, STORY[1])):
        state = start
        for one in order:
            state = updated_by(state, one)
        ends.add((state.state, state.stopped, state.acknowledged))

    assert len(ends) == 1
    assert next(iter(ends))[0] is DeliveryState.COMPLAINED


@given(st.lists(st.sampled_from(GRAVITY), max_size=6), st.randoms(use_true_random=False))
def test_the_gravest_report_stands(states: list[DeliveryState], random: Any) -> None:
    shuffled = list(states)
    random.shuffle(shuffled)
    state = ACCEPTED
    for one in shuffled:
        state = updated_by(state, report(one))

    assert state.state is max([DeliveryState.ACCEPTED, *states], key=GRAVITY.index)


def test_a_report_proves_what_nobody_saw_accepted() -> None:
    known = updated_by(PERHAPS_SENT, report(DeliveryState.ACCEPTED))

    assert not known.doubt
    assert existing(known.acknowledged).calendar_state.sequence == 0


def test_a_report_does_not_answer_a_request_to_send_again() -> None:
    asked = replace(PERHAPS_SENT, resend=1, intent=Intent(calendar_state=told(), attempt="a", resend=1))
    known = updated_by(asked, report(DeliveryState.ACCEPTED))

    assert existing(known.acknowledged).resend == 0


def test_a_report_of_an_older_message_says_nothing_of_the_latest() -> None:
    newer = replace(
        ACCEPTED,
        allocated=1,
        highest_possibly_sent=1,
        acknowledged=Acknowledged(calendar_state=told(sequence=1), ses_id="ses-2", at=NOW),
    )

    assert updated_by(newer, report(DeliveryState.DELIVERED, sequence=0)).state is DeliveryState.ACCEPTED
    assert updated_by(newer, report(DeliveryState.BOUNCED, sequence=0)) == newer


def test_a_report_of_an_older_message_does_not_hide_that_a_newer_one_was_given_up() -> None:
    given_up = replace(
        ACCEPTED,
        allocated=1,
        intent=Intent(calendar_state=told(sequence=1), attempt="b", failed=True),
        state=DeliveryState.FAILED,
    )

    assert updated_by(given_up, report(DeliveryState.BOUNCED)).state is DeliveryState.FAILED


def test_that_an_older_message_left_after_all_does_not_hide_that_a_newer_one_was_given_up() -> None:
    given_up = replace(
        PERHAPS_SENT,
        allocated=1,
        intent=Intent(calendar_state=told(sequence=1, method=Method.CANCEL), attempt="b", failed=True),
        state=DeliveryState.FAILED,
    )
    proved = updated_by(given_up, report(DeliveryState.DELIVERED))

    assert proved.acknowledged is not None
    assert proved.state is DeliveryState.FAILED


@pytest.mark.parametrize("late", GRAVITY)
def test_no_report_of_an_older_message_hides_that_a_newer_one_expired(late: DeliveryState) -> None:
    """Its cancellation arrived, and the invitation that was to follow came too late: the event is over."""
    cancelled = told(method=Method.CANCEL)
    expired = replace(
        ACCEPTED,
        allocated=1,
        possibly_sent=cancelled,
        intent=Intent(calendar_state=told(sequence=1), attempt="b"),
        acknowledged=Acknowledged(calendar_state=cancelled, ses_id="ses-1", at=NOW),
        state=DeliveryState.EXPIRED,
    )

    assert updated_by(expired, report(late, method=Method.CANCEL)).state is DeliveryState.EXPIRED


def test_that_the_newest_message_left_after_all_is_shown_though_it_counted_as_expired() -> None:
    unknown = replace(PERHAPS_SENT, state=DeliveryState.EXPIRED)
    left = updated_by(unknown, report(DeliveryState.ACCEPTED))

    assert left.state is DeliveryState.ACCEPTED
    assert updated_by(left, report(DeliveryState.BOUNCED)).state is DeliveryState.BOUNCED
    assert updated_by(unknown, report(DeliveryState.DELIVERED)).state is DeliveryState.DELIVERED


def test_an_address_that_bounced_for_good_is_stopped_and_a_full_mailbox_is_not() -> None:
    full = updated_by(ACCEPTED, report(DeliveryState.BOUNCED, final=False))
    gone = updated_by(ACCEPTED, report(DeliveryState.BOUNCED, final=True))

    assert (full.state, full.stopped) == (DeliveryState.BOUNCED, ())
    assert gone.stop_of("Bo@example.net") is not None
    assert gone.stop_of("new@example.net") is None


def test_an_address_that_bounced_for_good_is_the_state_of_a_newer_message_of_which_nobody_knows() -> None:
    newer = told(sequence=1, method=Method.CANCEL)
    silent = replace(
        PERHAPS_SENT,
        allocated=1,
        highest_possibly_sent=1,
        possibly_sent=newer,
        intent=Intent(calendar_state=newer, attempt="b"),
    )
    elsewhere = replace(silent, intent=Intent(calendar_state=replace(newer, recipient="new@example.net"), attempt="b"))
    bounced, complained = (report(state, final=True) for state in (DeliveryState.BOUNCED, DeliveryState.COMPLAINED))

    assert updated_by(silent, bounced).state is DeliveryState.BOUNCED
    assert updated_by(updated_by(silent, bounced), complained) == updated_by(updated_by(silent, complained), bounced)
    assert (
        updated_by(updated_by(silent, bounced), report(DeliveryState.ACCEPTED, sequence=1)).state
        is DeliveryState.ACCEPTED
    )
    assert updated_by(elsewhere, bounced).state is DeliveryState.NONE


CANCELLED = replace(
    ACCEPTED,
    allocated=1,
    highest_possibly_sent=1,
    acknowledged=Acknowledged(calendar_state=told(sequence=1, method=Method.CANCEL), ses_id="ses-2", at=NOW),
)
REQUEST_LATE = report(DeliveryState.DELIVERED, at=NOW + timedelta(minutes=9))
REQUEST_EARLY = report(DeliveryState.DELIVERED, at=NOW + timedelta(minutes=1))
CANCEL_DELIVERED = report(DeliveryState.DELIVERED, sequence=1, method=Method.CANCEL, at=NOW + timedelta(minutes=5))


@pytest.mark.parametrize("order", list(permutations([REQUEST_LATE, CANCEL_DELIVERED, REQUEST_EARLY])), ids=range(6))
def test_a_request_delivered_after_its_cancellation_is_found_in_any_order_of_the_reports(
    order: tuple[Report, ...],
) -> None:
    state = CANCELLED
    for one in order:
        state = updated_by(state, one)

    assert out_of_order(state)
    assert not out_of_order(replace(state, repair=1)), "and is mended once"


@pytest.mark.parametrize(("entry", "found"), [("20270123t120000-1", True), ("20270124t120000-1", False)])
def test_a_separate_entry_is_one_whatever_its_date_is_called_since_the_series_was_moved(
    entry: str, *, found: bool
) -> None:
    was, moved = datetime(2027, 1, 23, 12), datetime(2027, 1, 23, 18)
    state = updated_by(CANCELLED, replace(CANCEL_DELIVERED, date=moved, separate="20270123t120000-1"))
    assert out_of_order(updated_by(state, replace(REQUEST_LATE, date=was, separate=entry))) is found


def test_what_was_delivered_in_order_is_left_alone() -> None:
    state = updated_by(updated_by(CANCELLED, REQUEST_EARLY), CANCEL_DELIVERED)

    assert not out_of_order(state)
    assert not out_of_order(updated_by(CANCELLED, REQUEST_LATE)), "the cancellation may still come"
    assert not out_of_order(updated_by(updated_by(ACCEPTED, REQUEST_EARLY), REQUEST_LATE))


def test_a_delivery_of_an_earlier_generation_says_nothing_of_the_latest() -> None:
    second = report(DeliveryState.DELIVERED, sequence=3, generation=2, method=Method.CANCEL)
    anew = replace(
        CANCELLED, acknowledged=Acknowledged(calendar_state=told(sequence=3, generation=2), ses_id="ses-4", at=NOW)
    )
    state = updated_by(updated_by(anew, second), REQUEST_LATE)

    assert not out_of_order(state)


def test_a_cancellation_that_an_older_request_overtook_is_said_again(world: World) -> None:
    person = world.invite()
    world.withdraw(person)
    world.look(person)
    for one in (CANCEL_DELIVERED, REQUEST_LATE, REQUEST_LATE):
        world.run(apply_report(replace(one, registration_id=person.registration_id)))
    world.settle()

    assert world.said() == [(Method.REQUEST, 0), (Method.CANCEL, 1), (Method.CANCEL, 2)]


def test_the_send_event_spares_a_copy_after_an_unknown_outcome(world: World) -> None:
    person = world.register()
    world.answers = [Unknown(why="ReadTimeoutError")]
    world.look(person)
    known = report(DeliveryState.ACCEPTED, registration_id=person.registration_id)
    assert world.run(apply_report(known))
    world.settle()

    assert world.sent == []
    assert world.invitation(person).state is DeliveryState.ACCEPTED


def test_an_event_of_ses_that_is_faster_than_its_answer_leaves_nothing_due(world: World) -> None:
    person = world.register()
    delivered = report(DeliveryState.DELIVERED, registration_id=person.registration_id)
    world.just_before(Acknowledge, lambda: world.run(apply_report(delivered)))
    world.look(person)

    assert (world.said(), world.all_due()) == ([(Method.REQUEST, 0)], [])
    assert world.invitation(person).lease_until is None


@pytest.mark.parametrize("state", [DeliveryState.DELIVERED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED])
@pytest.mark.parametrize("again", [False, True])
def test_what_ses_reports_before_its_answer_is_written_down_is_shown(
    world: World, state: DeliveryState, again: bool
) -> None:
    """Also of a message that is sent once more; a report of the message before says nothing of this one."""
    person = world.invite()
    if again:
        world.resend(person)
    else:
        world.change(when=AFTERNOON)
    sequence = 0 if again else 1
    reports = [report(DeliveryState.DELIVERED, registration_id=person.registration_id)] * (not again)
    reports.append(report(state, registration_id=person.registration_id, sequence=sequence))
    world.just_before(Acknowledge, lambda: [world.run(apply_report(one)) for one in reports])
    assert world.look(person) is Outcome.ACKNOWLEDGED
    assert (world.invitation(person).state, world.invitation(person).due_key) == (state, None)


def test_a_report_of_the_message_before_is_not_that_of_the_one_that_is_accepted_meanwhile(world: World) -> None:
    person = world.invite()
    world.change(when=AFTERNOON)
    delivered = report(DeliveryState.DELIVERED, registration_id=person.registration_id)
    world.just_before(Acknowledge, lambda: world.run(apply_report(delivered)))
    assert world.look(person) is Outcome.ACKNOWLEDGED
    assert world.invitation(person).state is DeliveryState.ACCEPTED


def test_a_report_about_nobody_is_dropped(world: World) -> None:
    assert not world.run(apply_report(report(DeliveryState.DELIVERED)))


@pytest.mark.parametrize(
    ("sample", "state", "final"),
    [
        ("feedback-send", DeliveryState.ACCEPTED, False),
        ("feedback-delivery", DeliveryState.DELIVERED, False),
        ("feedback-bounce", DeliveryState.BOUNCED, True),
        ("feedback-suppressed", DeliveryState.SUPPRESSED, True),
        ("feedback-complaint", DeliveryState.COMPLAINED, True),
        ("feedback-reject", DeliveryState.FAILED, False),
    ],
)
def test_the_samples_of_ses_are_read(sample: str, state: DeliveryState, final: bool) -> None:
    record = json.loads((EVENTS / f"{sample}.json").read_text())["Records"][0]
    read = report_of(json.loads(record["body"]))

    assert isinstance(read, Report)
    assert (read.state, read.final, read.sequence, read.address) == (state, final, 0, "bo@example.net")


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"complaintFeedbackType": "abuse"}, DeliveryState.COMPLAINED),
        ({"complaintFeedbackType": "other"}, DeliveryState.COMPLAINED),
        ({"complaintFeedbackType": None}, DeliveryState.COMPLAINED),
        ({"complaintSubType": "OnAccountSuppressionList"}, DeliveryState.SUPPRESSED),
        ({"complaintFeedbackType": "not-spam"}, None),
        ({"complaintFeedbackType": "auth-failure"}, None),
    ],
)
def test_a_feedback_report_that_is_no_complaint_does_not_count_as_one(
    said: dict[str, str | None], state: DeliveryState | None
) -> None:
    record = json.loads((EVENTS / "feedback-complaint.json").read_text())["Records"][0]
    event = json.loads(record["body"])

    read = report_of({**event, "complaint": {**event["complaint"], **said}})

    assert (read and read.state) == state


def test_mail_that_is_not_ours_and_a_delay_say_nothing() -> None:
    record = json.loads((EVENTS / "feedback-delivery.json").read_text())["Records"][0]
    delivery = json.loads(record["body"])

    assert report_of({**delivery, "eventType": "DeliveryDelay"}) is None
    assert report_of({**delivery, "mail": {**delivery["mail"], "tags": {}}}) is None
    with pytest.raises(KeyError):
        report_of({"notificationType": "AmazonSnsSubscriptionSucceeded"})


SILENCE_THEN_POISON = (
    Unknown(why="InternalServiceErrorException"),
    Refused(refusal=Refusal.POISON, why="MessageRejected"),
)


def test_what_was_given_up_and_yet_had_left_is_due_once_more(world: World) -> None:
    """In a series there may be more to tell after it."""
    person = world.register()
    world.answers = [*SILENCE_THEN_POISON]
    world.look(person)
    world.pass_time(minutes=3)
    assert world.look(person) is Outcome.FAILED
    assert world.all_due() == []

    world.run(apply_report(report(DeliveryState.ACCEPTED, registration_id=person.registration_id)))

    assert world.all_due() != []
    assert world.look(person) is Outcome.CLEARED


def test_what_was_asked_for_once_more_and_given_up_is_sent_once_the_first_proves_to_have_left(world: World) -> None:
    person = world.register()
    world.answers = [*SILENCE_THEN_POISON]
    world.look(person)
    resend(world.store, person.event_id, person.registration_id, now=world.now)
    world.pass_time(minutes=3)
    assert world.look(person) is Outcome.FAILED

    world.run(apply_report(report(DeliveryState.DELIVERED, registration_id=person.registration_id)))

    assert world.look(person) is Outcome.ACKNOWLEDGED
    assert world.said() == [(Method.REQUEST, 0)], "under its own number"
