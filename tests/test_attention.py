"""Who was not reached: judged from what is true now, shown on the event, and mailed to its organizer once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from convoke.decision.attention import AttentionKind, AttentionReason, SentKind, kind_of_sent
from convoke.decision.decide import Snapshot
from convoke.decision.invitation import Stopped
from convoke.delivery import survey as surveys
from convoke.delivery.reconcile import Outcome
from convoke.delivery.reports import apply_report
from convoke.delivery.ses_events import Report
from convoke.delivery.survey import survey
from convoke.effects import EndSurvey, ReadSurvey, Refusal, Refused, StoreReport, SurveyHint
from convoke.model import DeliveryState, EventStatus, Method, Registration
from convoke.registrations.erasure import erase
from convoke.schedule.edits import cancel_date
from tests.factories import AFTERNOON, EVENT_ID, MORNING, existing
from tests.fixtures import fixture_of
from tests.mailbox import plain_text_of
from tests.test_approval import asks
from tests.world import World, a_quick_world

REQUEST, CANCEL = Method.REQUEST, Method.CANCEL
ACCEPTED, DELIVERED = DeliveryState.ACCEPTED, DeliveryState.DELIVERED
BOUNCED, COMPLAINED, SUPPRESSED = DeliveryState.BOUNCED, DeliveryState.COMPLAINED, DeliveryState.SUPPRESSED


world = fixture_of(a_quick_world)


def report(world: World, person: Registration, state: DeliveryState, *, final: bool | None = None) -> None:
    """SES reports something of the latest message to somebody."""
    last = existing(world.invitation(person).acknowledged)
    world.run(
        apply_report(
            Report(
                event_id=EVENT_ID,
                registration_id=person.registration_id,
                sequence=last.calendar_state.sequence,
                generation=last.calendar_state.generation,
                method=last.calendar_state.method,
                state=state,
                final=state in (BOUNCED, COMPLAINED, SUPPRESSED) if final is None else final,
                address=last.calendar_state.recipient,
                ses_id=last.ses_id,
                at=world.now,
            )
        )
    )


def invite(world: World, number: int = 1, *, state: DeliveryState | None = DELIVERED) -> Registration:
    person = world.register(number)
    assert world.look(person) is Outcome.ACKNOWLEDGED
    if state is not None:
        report(world, person, state)
    return person


def wait(world: World, minutes: int) -> None:
    for _ in range(minutes):
        world.pass_time(minutes=1)
        world.sweep()


def shown(world: World) -> list[tuple[int, AttentionKind, AttentionReason]]:
    """Number, kind and state of who is shown on the event."""
    found, count = world.store.surveys.list_attention(EVENT_ID, now=world.now)
    assert count == len(found)
    return [(int(one.registration_id[:10]), one.kind, one.state) for one in found]


def told(world: World, person: Registration) -> list[SentKind]:
    """What each message told, in order."""
    states = [one.calendar_state for one in world.reads.messages(person.registration_id)]
    return [kind_of_sent(state, states[:number]) for number, state in enumerate(states)]


def summaries(world: World) -> list[str]:
    return [plain_text_of(note.mail) for note in world.notifications]


def test_each_message_is_known_by_what_it_told(world: World) -> None:
    person = invite(world)
    for changes in ({"title": "Another title"}, {"when": AFTERNOON}, {"location": "Köln"}, {"description": "New"}):
        world.change(**changes)
        wait(world, 2)
    world.withdraw(person)
    wait(world, 2)
    said = ["invitation", "change", "move", "move", "change", "cancellation"]
    assert told(world, person) == said


# --- what is missed -----------------------------------------------------------------------------------------------


def test_where_all_is_well_nothing_is_shown_and_nobody_is_mailed(world: World) -> None:
    person = invite(world)
    world.change(when=AFTERNOON)
    wait(world, 1)
    report(world, person, DELIVERED)
    world.withdraw(person)
    wait(world, 1)
    report(world, person, DELIVERED)
    wait(world, 40)
    assert shown(world) == []
    assert world.notifications == []
    assert world.perform(ReadSurvey(event_id=EVENT_ID)).due_key is None


def test_a_move_that_nobody_saw_arrive_is_missed_after_a_quarter_of_an_hour(world: World) -> None:
    invite(world)
    world.change(when=AFTERNOON)
    wait(world, 14)
    assert shown(world) == []
    wait(world, 4)
    assert shown(world) == [(1, AttentionKind.MOVE, AttentionReason.UNDELIVERED)]
    assert len(world.notifications) == 1


def test_a_cancellation_that_nobody_saw_arrive_is_missed(world: World) -> None:
    world.withdraw(invite(world))
    wait(world, 18)
    assert shown(world) == [(1, AttentionKind.CANCELLATION, AttentionReason.UNDELIVERED)]
    [said] = summaries(world)
    assert "- Bo Ek <person1@example.net> may not know of the cancellation: nobody has seen the mail arrive" in said


def test_a_cancellation_that_came_back_is_shown_at_once_and_mailed_with_the_others(world: World) -> None:
    people = [invite(world, number) for number in range(1, 4)]
    world.cancel_event()
    wait(world, 1)
    report(world, people[0], BOUNCED)
    report(world, people[1], DELIVERED)
    wait(world, 1)
    assert shown(world) == [(1, AttentionKind.CANCELLATION, AttentionReason.BOUNCED)]
    assert world.notifications == []
    wait(world, 16)
    assert shown(world) == [
        (1, AttentionKind.CANCELLATION, AttentionReason.BOUNCED),
        (3, AttentionKind.CANCELLATION, AttentionReason.UNDELIVERED),
    ]
    [said] = summaries(world)
    assert "person1@example.net" in said
    assert "person2@example.net" not in said
    assert "person3@example.net" in said


def test_whoever_cannot_be_examined_hides_nobody_else_and_is_examined_again(world: World) -> None:
    people = [invite(world, number) for number in range(1, 4)]
    world.cancel_event()

    def failing(seen: Snapshot, *more: Any, **how: Any) -> Any:
        if seen.registration.registration_id == people[0].registration_id:
            raise KeyError("person")
        return judge(seen, *more, **how)

    judge = surveys.judge
    with patch.object(surveys, "judge", failing):
        wait(world, 18)
        assert [number for number, *_ in shown(world)] == [2, 3]
    wait(world, 18)
    assert [number for number, *_ in shown(world)] == [1, 2, 3]
    assert len(summaries(world)) == 2


def test_an_invitation_that_came_back_is_shown_and_not_mailed(world: World) -> None:
    invite(world, state=BOUNCED)
    wait(world, 30)
    assert shown(world) == [(1, AttentionKind.INVITATION, AttentionReason.BOUNCED)]
    assert world.notifications == []


def test_an_invitation_that_nobody_saw_arrive_is_not_missed(world: World) -> None:
    invite(world, state=None)
    world.change(title="Another title")
    wait(world, 30)
    assert shown(world) == []


def test_a_change_of_words_is_no_move_even_after_one_that_arrived(world: World) -> None:
    person = invite(world)
    world.change(when=AFTERNOON)
    wait(world, 1)
    report(world, person, DELIVERED)
    world.change(title="Another title", location="")
    wait(world, 30)
    assert world.said() == [(REQUEST, 0), (REQUEST, 1), (REQUEST, 2)]
    assert shown(world) == []


def test_a_change_of_words_does_not_hide_a_move_that_did_not_arrive(world: World) -> None:
    invite(world)
    world.change(when=AFTERNOON)
    wait(world, 1)
    world.change(title="Another title")
    wait(world, 20)
    assert shown(world) == [(1, AttentionKind.MOVE, AttentionReason.UNDELIVERED)]


def test_whoever_moved_back_in_time_missed_nothing_new(world: World) -> None:
    person = invite(world)
    world.change(when=AFTERNOON)
    world.change(when=MORNING)
    wait(world, 30)
    assert world.said(person.email) == [(REQUEST, 0)]
    assert shown(world) == []


def test_a_move_that_cannot_be_told_to_who_bounced_before_is_missed(world: World) -> None:
    invite(world, state=BOUNCED)
    world.change(when=AFTERNOON)
    wait(world, 18)
    assert world.said() == [(REQUEST, 0)]
    assert shown(world) == [(1, AttentionKind.MOVE, AttentionReason.BOUNCED)]
    assert len(world.notifications) == 1


def test_a_mail_that_does_not_leave_is_missed_too(world: World) -> None:
    person = invite(world)
    world.withdraw(person)
    world.answers = [Refused(refusal=Refusal.BUSY, why="TooManyRequestsException")] * 100
    wait(world, 18)
    assert shown(world) == [(1, AttentionKind.CANCELLATION, AttentionReason.PENDING)]


def test_a_mail_that_left_late_is_followed_until_it_arrives(world: World) -> None:
    person = invite(world)
    world.withdraw(person)
    world.answers = [Refused(refusal=Refusal.BUSY, why="TooManyRequestsException")] * 100
    wait(world, 18)
    assert shown(world) == [(1, AttentionKind.CANCELLATION, AttentionReason.PENDING)]
    world.answers = []
    wait(world, 32)
    assert shown(world) == [(1, AttentionKind.CANCELLATION, AttentionReason.UNDELIVERED)]
    report(world, person, DELIVERED)
    wait(world, 2)
    assert shown(world) == []


def test_a_mail_that_was_given_up_is_missed(world: World) -> None:
    person = invite(world)
    world.withdraw(person)
    world.answers = [Refused(refusal=Refusal.POISON, why="MessageRejected")]
    assert world.look(person) is Outcome.FAILED
    wait(world, 18)
    assert shown(world) == [(1, AttentionKind.CANCELLATION, AttentionReason.FAILED)]


def waits(world: World) -> Registration:
    """Who waits for the organizer's decision, and was mailed so."""
    world.change(approval=True)
    person = asks(world)
    wait(world, 3)
    assert world.invitation(person).wait_mail is not None
    world.notifications.clear()
    return person


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Refused(refusal=Refusal.POISON, why="MessageRejected"), AttentionReason.FAILED),
        (Refused(refusal=Refusal.BUSY, why="TooManyRequestsException"), AttentionReason.PENDING),
    ],
)
def test_who_waits_and_is_not_mailed_that_it_is_cancelled_is_missed_until_they_are(
    world: World, answer: Refused, state: AttentionReason
) -> None:
    waits(world)
    world.cancel_event()
    world.answers = [answer] * (1 if state is AttentionReason.FAILED else 100)
    wait(world, 12)
    assert shown(world) == [] or state is AttentionReason.FAILED
    wait(world, 6)
    assert shown(world) == [(1, AttentionKind.CANCELLATION, state)]
    world.answers = []
    world.change(reason="The hall is flooded.", priority=0)
    wait(world, 32)
    assert shown(world) == []


def test_who_waits_and_whose_address_is_stopped_is_missed_where_they_believe_that_it_takes_place(world: World) -> None:
    seen = world.invitation(waits(world))
    stopped = (Stopped(address="person1@example.net", state=BOUNCED),)
    assert world.perform(StoreReport(seen=seen, changed=replace(seen, stopped=stopped)))
    world.cancel_event()
    wait(world, 18)
    assert shown(world) == [(1, AttentionKind.CANCELLATION, AttentionReason.BOUNCED)]


def test_who_waits_and_is_mailed_that_it_is_cancelled_needs_no_attention(world: World) -> None:
    waits(world)
    world.cancel_event()
    wait(world, 18)
    assert (shown(world), len(world.notifications)) == ([], 1)


def test_who_complained_of_an_invitation_is_shown_and_of_a_cancellation_knows_it(world: World) -> None:
    invite(world, 1, state=COMPLAINED)
    gone = invite(world, 2)
    world.withdraw(gone)
    wait(world, 1)
    report(world, gone, COMPLAINED)
    wait(world, 30)
    assert shown(world) == [(1, AttentionKind.INVITATION, AttentionReason.COMPLAINED)]
    assert world.notifications == []


def test_one_date_of_a_series_that_was_cancelled_is_missed_by_its_name(world: World) -> None:
    world.change(rule="FREQ=WEEKLY;COUNT=3")
    person = invite(world)
    event = world.event()
    second = MORNING.start + timedelta(days=7)
    changed = cancel_date(event, second, "")
    world.change(changes=changed.changes)
    wait(world, 20)
    assert (CANCEL, 1) in world.said(person.email)
    found, _ = world.store.surveys.list_attention(EVENT_ID, now=world.now)
    assert [(one.kind, one.state, one.date) for one in found] == [
        (AttentionKind.CANCELLATION, AttentionReason.UNDELIVERED, second)
    ]


def test_one_date_that_cannot_be_told_is_missed_by_its_name(world: World) -> None:
    world.change(rule="FREQ=WEEKLY;COUNT=3")
    invite(world)
    event = world.event()
    second = MORNING.start + timedelta(days=7)
    world.change(changes=cancel_date(event, second, "").changes)
    world.answers = [Refused(refusal=Refusal.POISON, why="MessageRejected")]
    wait(world, 20)
    found, _ = world.store.surveys.list_attention(EVENT_ID, now=world.now)
    assert [(one.kind, one.state, one.date) for one in found] == [
        (AttentionKind.CANCELLATION, AttentionReason.FAILED, second)
    ]


# --- what is not missed any more ----------------------------------------------------------------------------------


def test_what_arrives_late_is_shown_no_more(world: World) -> None:
    person = invite(world)
    world.change(when=AFTERNOON)
    wait(world, 18)
    assert shown(world) != []
    report(world, person, DELIVERED)
    wait(world, 2)
    assert shown(world) == []
    assert len(world.notifications) == 1


def test_who_gets_another_address_is_shown_no_more(world: World) -> None:
    person = invite(world, state=BOUNCED)
    wait(world, 2)
    assert shown(world) == [(1, AttentionKind.INVITATION, AttentionReason.BOUNCED)]
    world.amend(person, email="new@example.net")
    world.look(person)
    report(world, person, DELIVERED)
    wait(world, 20)
    assert shown(world) == []


def test_who_was_forgotten_is_shown_no_more(world: World) -> None:
    person = invite(world)
    world.withdraw(person)
    wait(world, 18)
    assert len(shown(world)) == 1
    erase(world.store, EVENT_ID, person.registration_id, now=world.now)
    world.cancel_event()
    wait(world, 20)
    assert shown(world) == []


# --- one mail -----------------------------------------------------------------------------------------------------


def test_an_incident_is_mailed_once(world: World) -> None:
    person = invite(world)
    world.withdraw(person)
    wait(world, 18)
    report(world, person, BOUNCED)
    wait(world, 60)
    assert shown(world) == [(1, AttentionKind.CANCELLATION, AttentionReason.BOUNCED)]
    assert len(world.notifications) == 1


def test_what_is_new_is_mailed_and_not_sooner_than_a_quarter_of_an_hour_after_the_last(world: World) -> None:
    people = [invite(world, number) for number in range(1, 5)]
    for person in people:
        world.withdraw(person)
        wait(world, 3)
    sent: list[int] = []
    for minute in range(60):
        wait(world, 1)
        if len(world.notifications) > len(sent):
            sent.append(minute)
    assert len(sent) == len(world.notifications) == 2
    assert sent[1] - sent[0] >= 15
    first, second = summaries(world)
    assert "person1@example.net" in first
    assert "person1@example.net" not in second
    assert "person4@example.net" in second


def test_a_hundred_who_were_missed_are_one_mail(world: World) -> None:
    for number in range(1, 31):
        invite(world, number)
    world.cancel_event()
    wait(world, 20)
    assert len(shown(world)) == 30
    [said] = summaries(world)
    assert said.count("may not know of the cancellation") == 30


def test_a_survey_that_runs_out_of_time_is_gone_on_with(world: World) -> None:
    for number in range(1, 8):
        invite(world, number)
    world.cancel_event()
    world.sweep()
    world.drain()
    world.pass_time(minutes=16)
    hurried = replace(world.worker(), deadline=world.now)
    world.queue.clear()
    hint = SurveyHint(event_id=EVENT_ID)
    assert world.run(survey(hint, hurried)) == 0
    [queued] = world.queue
    assert queued.hint == replace(hint, wakeups=world.perform(ReadSurvey(event_id=EVENT_ID)).wakeups)
    assert world.run(survey(hint, world.worker(), size=2)) == 7
    assert len(shown(world)) == 7


def test_a_change_while_everybody_is_looked_at_is_looked_at_again(world: World) -> None:
    person = invite(world)
    world.withdraw(person)
    world.look(person)
    report(world, person, DELIVERED)
    world.pass_time(minutes=16)
    world.just_before(EndSurvey, lambda: world.change(when=AFTERNOON))
    world.run(survey(SurveyHint(event_id=EVENT_ID), world.worker()))
    assert world.perform(ReadSurvey(event_id=EVENT_ID)).due_key is not None


def test_nobody_is_surveyed_for_a_change_of_words(world: World) -> None:
    invite(world)
    world.change(title="Another title", description="More")
    assert world.perform(ReadSurvey(event_id=EVENT_ID)) is None


def test_the_organizer_of_a_draft_that_was_withdrawn_hears_of_who_does_not_know(world: World) -> None:
    invite(world)
    world.change(status=EventStatus.DRAFT)
    wait(world, 18)
    assert shown(world) == [(1, AttentionKind.CANCELLATION, AttentionReason.UNDELIVERED)]


# --- suppression --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "final", "withdrawn", "moved"),
    [
        (BOUNCED, True, [], []),
        (SUPPRESSED, True, [], []),
        # A full mailbox may have room tomorrow.
        (BOUNCED, False, [(CANCEL, 1)], [(REQUEST, 1)]),
        (COMPLAINED, True, [(CANCEL, 1)], []),
        (DELIVERED, False, [(CANCEL, 1)], [(REQUEST, 1)]),
    ],
)
def test_what_is_still_sent_to_whom(
    world: World,
    state: DeliveryState,
    final: bool,
    withdrawn: list[tuple[Method, int]],
    moved: list[tuple[Method, int]],
) -> None:
    leaves, stays, at_a_cancelled_event = (
        invite(world, 1, state=None),
        invite(world, 2, state=None),
        invite(world, 3, state=None),
    )
    for person in (leaves, stays, at_a_cancelled_event):
        report(world, person, state, final=final)
    world.withdraw(leaves)
    world.look(leaves)
    assert world.said(leaves.email)[1:] == withdrawn
    world.change(when=AFTERNOON)
    world.look(stays)
    assert world.said(stays.email)[1:] == moved
    world.cancel_event()
    world.look(at_a_cancelled_event)
    # What does not take place at all is taken back from whoever can be reached.
    assert world.said(at_a_cancelled_event.email)[1:] == withdrawn


def test_a_complaint_about_the_cancellation_itself_makes_no_other(world: World) -> None:
    person = invite(world, state=COMPLAINED)
    world.withdraw(person)
    world.look(person)
    report(world, person, COMPLAINED)
    wait(world, 30)
    assert world.said(person.email) == [(REQUEST, 0), (CANCEL, 1)]
