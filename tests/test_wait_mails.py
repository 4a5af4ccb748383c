"""Who was shown on a page that they are registered, or wait, is mailed what becomes of it, whatever holds the mails up;
and what was decided about somebody is mailed only while it is true.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from convoke.decision.attention import AttentionKind, AttentionReason
from convoke.decision.decide import Snapshot
from convoke.decision.invitation import Invitation, WaitMail, WaitMailed
from convoke.delivery.notification_reports import apply_notification_report
from convoke.delivery.notify import dispatch
from convoke.delivery.preview import preview
from convoke.delivery.reconcile import Outcome
from convoke.delivery.reports import WriteContention, apply_report
from convoke.delivery.ses_events import NotificationReport
from convoke.delivery.survey import judge
from convoke.delivery.waiting import make_due
from convoke.effects import (
    ClaimNotification,
    HoldAccounts,
    ReadNotification,
    ReadTogether,
    RecordNotification,
    Refusal,
    Refused,
    ReserveQuota,
    ScheduleSurvey,
    Send,
    SendNotification,
    Steps,
    StopSending,
    StoreReport,
    Unknown,
    WakeUp,
)
from convoke.model import (
    AnswerChannel,
    DeliveryState,
    Event,
    EventStatus,
    Method,
    Participation,
    Registration,
    RegistrationStatus,
    Reply,
)
from convoke.registrations import approval, erasure, events, registry, replies, returning, waitlist
from convoke.schedule import series
from convoke.store import keys
from convoke.store.invitations import Invitations
from tests.factories import EVENT_ID, SENDER, existing, expect, report_on
from tests.fixtures import fixture_of
from tests.test_approval import asks, soon, text
from tests.test_waiting import (
    DECIDES,
    ON_THE_WAITLIST,
    link_is_due,
    notification_of,
    readdressed,
    reopen,
    said,
    send,
    waits,
)
from tests.world import World, a_quick_world, a_world

REGISTERED, WAITLISTED = RegistrationStatus.REGISTERED, RegistrationStatus.WAITLISTED
PENDING = RegistrationStatus.PENDING
BUSY = Refused(refusal=Refusal.BUSY, why="ThrottlingException")
POISON = Refused(refusal=Refusal.POISON, why="MessageRejected")
UNANSWERED = Unknown(why="ReadTimeoutError")
ACCEPTED = "Your registration was accepted"

world = fixture_of(a_quick_world, capacity=1)
slow_world = fixture_of(a_world, capacity=1)


def waits_and_is_mailed_that_it_is_cancelled(world: World) -> Registration:
    world.invite(1)
    bo = waits(world)
    soon(world)
    world.cancel_event()
    soon(world)
    return bo


def reserved(world: World, **delta: float) -> None:
    """What is left of the day's quota is kept for cancellations and changes."""
    world.store.records.reserve(ReserveQuota(until=world.now + timedelta(**delta)))


def come_back(world: World, person: Registration) -> Registration:
    back = returning.come_back(world.store, EVENT_ID, person.registration_id, now=world.now)
    return expect(Registration, back)


def comes_back_while_it_is_refused(world: World, person: Registration) -> None:
    """SES refuses the invitation for now; while it is asked, the person withdraws, and comes back to a seat."""

    def leaves_and_comes_back() -> None:
        world.withdraw(person)
        assert come_back(world, person).status is REGISTERED

    world.just_before(Send, leaves_and_comes_back)
    world.answers = [BUSY]
    assert world.look(person) is Outcome.REFUSED


# --- registered on a page -----------------------------------------------------------------------------------------


def test_who_registered_on_a_page_is_mailed_a_cancellation_that_comes_before_their_invitation(world: World) -> None:
    reserved(world, hours=10)
    cy = waits(world)
    assert cy.status is REGISTERED
    soon(world)
    world.cancel_event()
    soon(world)
    assert (said(world, cy), world.said(cy.email)) == (["Cancelled"], [])
    reopen(world)
    world.pass_time(hours=10)
    soon(world)
    assert (said(world, cy), world.said(cy.email)) == (["Cancelled"], [(Method.REQUEST, 0)])


def test_who_registered_on_a_page_and_was_invited_is_sent_the_calendar_s_cancellation_alone(world: World) -> None:
    cy = waits(world)
    soon(world)
    assert world.invitation(cy).wait_mail is None, "their invitation says more"
    world.cancel_event()
    soon(world)
    assert (said(world, cy), world.said(cy.email)) == ([], [(Method.REQUEST, 0), (Method.CANCEL, 1)])


@pytest.mark.parametrize("answer", [BUSY, POISON])
def test_who_registered_on_a_page_and_cannot_be_invited_is_mailed_that_it_is_cancelled(
    world: World, answer: Refused
) -> None:
    cy = waits(world)
    world.answers = [answer]
    assert world.look(cy) in (Outcome.REFUSED, Outcome.FAILED)
    world.cancel_event()
    soon(world)
    assert (said(world, cy), world.said(cy.email)) == (["Cancelled"], [])


@pytest.mark.parametrize("by", ["quota", "account"])
def test_a_first_mail_that_waits_for_a_limit_says_that_it_is_cancelled_at_once(world: World, by: str) -> None:
    world.invite(1)
    bo = waits(world)
    if by == "quota":
        reserved(world, hours=10)
    else:
        world.perform(HoldAccounts(until={"acme": world.now + timedelta(hours=10)}))
    soon(world)
    world.cancel_event()
    soon(world)
    assert said(world, bo) == ["Cancelled"]


def test_a_first_mail_that_is_held_up_for_days_leaves_all_the_same(world: World) -> None:
    world.invite(1)
    bo = waits(world)
    reserved(world, hours=50)
    soon(world)
    world.pass_time(hours=51)
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST]


def test_a_split_before_the_first_mail_left_has_the_copy_mailed_too(world: World) -> None:
    world.change(rule="FREQ=DAILY;COUNT=4")
    world.invite(1)
    bo = waits(world)
    new = world.cut(series.occurrences(world.event())[2].date)
    world.copy_all()
    soon(world)
    new = existing(world.reads.event(new.event_id))
    cancelled = replace(new, status=EventStatus.CANCELLED, version=new.version + 1, updated_at=world.now)
    assert events.change_event(world.store, new, cancelled, priority=0, now=world.now)
    world.settle()
    assert said(world, bo)[-1] == "Cancelled"


def test_a_split_before_an_invitation_left_has_the_copy_mailed_too(world: World) -> None:
    world.change(rule="FREQ=DAILY;COUNT=4")
    reserved(world, hours=10)
    cy = waits(world)
    assert cy.status is REGISTERED
    new = world.cut(series.occurrences(world.event())[2].date)
    world.copy_all()
    new = existing(world.reads.event(new.event_id))
    cancelled = replace(new, status=EventStatus.CANCELLED, version=new.version + 1, updated_at=world.now)
    assert events.change_event(world.store, new, cancelled, priority=0, now=world.now)
    soon(world)
    assert said(world, cy) == ["Cancelled"]


def test_who_was_invited_before_their_first_mail_was_looked_at_is_sent_the_calendar_s_cancellation_alone(
    world: World,
) -> None:
    cy = waits(world)
    assert world.look(cy) is Outcome.ACKNOWLEDGED
    reserved(world, hours=5)
    world.cancel_event()
    soon(world)
    world.pass_time(hours=6)
    soon(world)
    assert (said(world, cy), world.said(cy.email)) == ([], [(Method.REQUEST, 0), (Method.CANCEL, 1)])


def test_what_a_first_mail_may_have_said_does_not_count_once_an_invitation_has_left(world: World) -> None:
    world.invite(1)
    bo = waits(world)
    world.answers = [Unknown(why="ReadTimeoutError")]
    assert send(world, bo) is Outcome.UNKNOWN
    world.change(capacity=2)
    waitlist.promote(world.store, EVENT_ID, now=world.now)
    world.look(bo)
    world.cancel_event()
    world.look(bo)
    assert world.said(bo.email) == [(Method.REQUEST, 0), (Method.CANCEL, 1)]
    world.pass_time(minutes=20)
    assert send(world, bo) is Outcome.CLEARED
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST], "the calendar says that it is cancelled"


def test_a_new_address_that_is_not_invited_yet_is_mailed_that_it_is_cancelled(world: World) -> None:
    cy = waits(world)
    soon(world)
    reserved(world, hours=10)
    new = readdressed(world, cy, "new@example.net")
    soon(world)
    world.cancel_event()
    soon(world)
    assert world.said(cy.email) == [(Method.REQUEST, 0), (Method.CANCEL, 1)]
    assert (said(world, new), world.said(new.email)) == (["Cancelled"], [])


def test_who_waits_is_mailed_so_also_where_the_cancellation_of_their_entry_is_given_up(world: World) -> None:
    first = world.invite(1)
    bo = waits(world)
    soon(world)
    world.withdraw(first)
    waitlist.promote(world.store, EVENT_ID, now=world.now)
    assert come_back(world, first).status is WAITLISTED
    world.answers = [POISON]
    assert world.look(first) is Outcome.FAILED
    soon(world)
    assert said(world, first) == [ON_THE_WAITLIST]
    assert said(world, bo) == [ON_THE_WAITLIST]


def test_a_preview_does_not_count_a_first_mail_that_is_due_whatever_changes(world: World) -> None:
    world.invite(1)
    bo = waits(world)
    seen = Snapshot(invitation=world.invitation(bo), registration=bo, event=world.event())
    for after, mail in ((replace(seen.event, title="B"), None), (cancelled_event(seen.event), WaitMail.CANCELLED)):
        [previewed] = preview([seen], after, SENDER, world.now)
        assert previewed.wait_mail is mail


def cancelled_event(event: Event) -> Event:
    return replace(event, status=EventStatus.CANCELLED)


# --- coming back --------------------------------------------------------------------------------------------------


def test_who_comes_back_to_the_waitlist_is_mailed_so_and_that_it_is_cancelled(world: World) -> None:
    first = world.invite(1)
    world.withdraw(first)
    soon(world)
    world.invite(3)
    assert come_back(world, first).status is WAITLISTED
    soon(world)
    assert said(world, first) == [ON_THE_WAITLIST]
    world.cancel_event()
    soon(world)
    assert said(world, first) == [ON_THE_WAITLIST, "Cancelled"]


def test_who_comes_back_and_is_pending_is_mailed_that_the_organizer_decides(world: World) -> None:
    first = world.invite(1)
    world.withdraw(first)
    soon(world)
    world.change(approval=True)
    assert come_back(world, first).status is PENDING
    soon(world)
    assert said(world, first) == [DECIDES]


def test_who_comes_back_to_a_seat_is_mailed_a_cancellation_that_comes_before_their_invitation(world: World) -> None:
    first = world.invite(1)
    world.withdraw(first)
    soon(world)
    reserved(world, hours=10)
    assert come_back(world, first).status is REGISTERED
    world.cancel_event()
    soon(world)
    assert said(world, first) == ["Cancelled"]
    assert world.said(first.email) == [(Method.REQUEST, 0), (Method.CANCEL, 1)]


def test_who_comes_back_while_an_invitation_is_on_the_way_that_does_not_leave_is_mailed_that_it_is_cancelled(
    world: World,
) -> None:
    first = world.register(1)
    comes_back_while_it_is_refused(world, first)
    world.cancel_event()
    soon(world)
    assert (said(world, first), world.said(first.email)) == (["Cancelled"], [])


def test_who_comes_back_before_their_cancellation_left_is_mailed_of_their_entry_alone(world: World) -> None:
    first = world.invite(1)
    world.withdraw(first)
    assert come_back(world, first).status is REGISTERED
    world.cancel_event()
    soon(world)
    assert (said(world, first), world.said(first.email)) == ([], [(Method.REQUEST, 0), (Method.CANCEL, 1)])


def test_who_waits_with_an_entry_that_is_being_cancelled_is_mailed_what_is_new_at_another_address(world: World) -> None:
    first = world.invite(1)
    bo = waits(world)
    soon(world)
    world.withdraw(first)
    waitlist.promote(world.store, EVENT_ID, now=world.now)
    assert come_back(world, first).status is WAITLISTED
    new = readdressed(world, first, "new@example.net")
    soon(world)
    assert world.said(first.email) == [(Method.REQUEST, 0), (Method.CANCEL, 1)]
    assert (said(world, new), said(world, bo)) == ([ON_THE_WAITLIST], [ON_THE_WAITLIST])


# --- what was decided ---------------------------------------------------------------------------------------------


def accepted(world: World, person: Registration, word: str = "") -> Registration:
    return expect(Registration, approval.accept(world.store, world.event(), person, word=word, now=world.now))


@pytest.mark.parametrize("word", ["", "Glad that you come."])
def test_that_somebody_is_accepted_is_not_mailed_after_the_event_is_cancelled(world: World, word: str) -> None:
    world.change(approval=True)
    if not word:
        world.invite(1)
    cy = asks(world, 2)
    soon(world)
    reserved(world, hours=5)
    accepted(world, cy, word)
    world.cancel_event()
    soon(world)
    world.pass_time(hours=6)
    soon(world)
    assert said(world, cy) == [DECIDES, "Cancelled"]


def test_an_event_that_is_cancelled_while_an_acceptance_is_sent_is_mailed_last(world: World) -> None:
    world.change(approval=True)
    world.invite(1)
    cy = asks(world, 2)
    soon(world)
    accepted(world, cy)

    def cancel() -> None:
        world.cancel_event()
        world.look(cy)

    world.just_before(ClaimNotification, cancel)
    soon(world)
    assert said(world, cy)[-1] == "Cancelled"


def test_who_got_a_seat_is_not_mailed_that_they_are_on_the_waitlist(world: World) -> None:
    world.change(approval=True)
    world.invite(1)
    cy = asks(world, 2)
    soon(world)
    reserved(world, hours=5)
    accepted(world, cy)
    soon(world)
    world.change(capacity=2)
    waitlist.promote(world.store, EVENT_ID, now=world.now)
    world.pass_time(hours=6)
    soon(world)
    assert (said(world, cy), world.said(cy.email)) == ([DECIDES], [(Method.REQUEST, 0)])


def test_who_withdrew_is_not_mailed_that_they_were_accepted(world: World) -> None:
    world.change(approval=True)
    cy = asks(world)
    soon(world)
    reserved(world, hours=5)
    accepted(world, cy, "Glad that you come.")
    world.withdraw(cy)
    world.pass_time(hours=6)
    soon(world)
    assert said(world, cy) == [DECIDES]


def test_what_the_organizer_says_goes_to_the_address_that_the_person_has_when_it_leaves(world: World) -> None:
    world.change(approval=True, capacity=3)
    cy, di = asks(world, 2), asks(world, 3)
    soon(world)
    accepted(world, cy, "Glad that you come, Cy.")
    one, other = world.registration(cy), world.registration(di)
    emails = [{"email": other.email}, {"email": one.email}]
    swapped = [one, other]
    assert registry.swap_addresses(world.store, swapped, emails, priority=1, now=world.now, account="acme", also={})
    soon(world)
    assert ACCEPTED in said(world, di)
    assert ACCEPTED not in said(world, cy)


def test_who_has_a_seat_again_is_not_mailed_that_none_is_left(world: World) -> None:
    world.change(release_on_decline=True)
    first = world.invite(1)
    answers(world, first, Participation.DECLINED)
    soon(world)
    third = world.invite(3)
    answers(world, first, Participation.ACCEPTED)
    assert world.registration(first).status is WAITLISTED
    world.look(first)
    world.withdraw(third)
    waitlist.promote(world.store, EVENT_ID, now=world.now)
    soon(world)
    assert said(world, first) == []
    assert world.said(first.email)[-1][0] is Method.REQUEST


def who_accepted_without_a_seat(world: World) -> Registration:
    """Who declined and accepted later, when their seat was another's, and is to be mailed that none is left."""
    world.change(release_on_decline=True)
    first = world.invite(1)
    answers(world, first, Participation.DECLINED)
    soon(world)
    world.invite(3)
    reserved(world, hours=5)
    answers(world, first, Participation.ACCEPTED)
    assert world.registration(first).status is WAITLISTED
    return first


def test_who_accepted_without_a_seat_is_sent_the_calendar_s_cancellation_alone(world: World) -> None:
    first = who_accepted_without_a_seat(world)
    world.cancel_event()
    soon(world)
    world.pass_time(hours=6)
    soon(world)
    assert (said(world, first), world.said(first.email)[1:]) == ([], [(Method.CANCEL, 1)])


def test_who_accepted_without_a_seat_and_has_no_entry_any_more_is_mailed_that_it_is_cancelled(world: World) -> None:
    first = who_accepted_without_a_seat(world)
    world.look(first)
    world.cancel_event()
    soon(world)
    world.pass_time(hours=6)
    soon(world)
    assert (said(world, first), world.said(first.email)[1:]) == (["Cancelled"], [(Method.CANCEL, 1)])


@pytest.mark.parametrize("before", [accepted, None])
def test_what_was_not_mailed_while_the_event_was_cancelled_is_made_up_for_where_it_takes_place_again(
    world: World, before: Callable[[World, Registration], Registration] | None
) -> None:
    if before is None:
        person, mailed = who_accepted_without_a_seat(world), []
    else:
        world.change(approval=True)
        world.invite(1)
        person, mailed = asks(world, 2), [DECIDES]
        soon(world)
        before(world, person)
    world.cancel_event()
    world.store.records.reserve(ReserveQuota(until=world.now))
    for one in world.store.notifications.rows(EVENT_ID, person.registration_id):
        world.run(dispatch(EVENT_ID, person.registration_id, one["notification_id"], world.worker()))
    reopen(world)
    world.pass_time(hours=6)
    soon(world)
    assert said(world, person)[len(mailed) :][-1] == ON_THE_WAITLIST


def answers(world: World, person: Registration, status: Participation) -> None:
    world.pass_time(minutes=1)
    reply = Reply(status=status, sequence=world.invitation(person).allocated, dtstamp=world.now)
    replies.apply(world.store, EVENT_ID, person.registration_id, reply, channel=AnswerChannel.MAIL, now=world.now)


# --- late workers, erasures, backups ------------------------------------------------------------------------------


def test_what_an_acceptance_may_have_said_does_not_count_once_an_invitation_has_left(world: World) -> None:
    world.invite(1)
    world.change(approval=True)
    cy = asks(world, 2)
    soon(world)
    accepted(world, cy)
    rows = world.store.notifications.rows(EVENT_ID, cy.registration_id)
    name = next(one["notification_id"] for one in rows if one["kind"] == "accepted")
    world.answers = [Unknown(why="ReadTimeoutError")]
    assert world.run(dispatch(EVENT_ID, cy.registration_id, name, world.worker())) is Outcome.UNKNOWN
    world.change(capacity=2)
    waitlist.promote(world.store, EVENT_ID, now=world.now)
    world.look(cy)
    world.cancel_event()
    world.look(cy)
    assert world.said(cy.email) == [(Method.REQUEST, 0), (Method.CANCEL, 1)]
    world.pass_time(minutes=20)
    world.run(dispatch(EVENT_ID, cy.registration_id, name, world.worker()))
    soon(world)
    assert said(world, cy) == [DECIDES, ACCEPTED]


def test_what_a_page_showed_counts_more_than_what_an_earlier_attempt_may_have_said(world: World) -> None:
    world.invite(1)
    bo = waits(world)
    soon(world)
    world.cancel_event()
    world.look(bo)
    world.answers = [Unknown(why="ReadTimeoutError")]
    assert send(world, bo) is Outcome.UNKNOWN
    reserved(world, hours=5)
    world.change(status=EventStatus.CONFIRMED, capacity=3)
    world.withdraw(bo)
    assert come_back(world, bo).status is REGISTERED
    soon(world)
    world.cancel_event()
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", "Cancelled"]


def test_a_cancellation_that_may_have_been_mailed_is_mailed_when_it_is_cancelled_again(world: World) -> None:
    reserved(world, hours=5)
    cy = waits(world)
    world.cancel_event()
    world.look(cy)
    world.answers = [Unknown(why="ReadTimeoutError")]
    assert send(world, cy) is Outcome.UNKNOWN
    world.change(status=EventStatus.CONFIRMED)
    world.pass_time(minutes=20)
    assert send(world, cy) is Outcome.CLEARED, "it takes place, and their invitation is held up"
    world.cancel_event()
    soon(world)
    assert (said(world, cy), world.said(cy.email)) == (["Cancelled"] * 2, [])


def test_what_a_page_showed_while_an_invitation_was_on_the_way_counts_where_that_does_not_leave(world: World) -> None:
    bo = waits_and_is_mailed_that_it_is_cancelled(world)
    world.change(status=EventStatus.CONFIRMED, capacity=2)
    waitlist.promote(world.store, EVENT_ID, now=world.now)
    comes_back_while_it_is_refused(world, bo)
    world.cancel_event()
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", "Cancelled"]


@pytest.mark.parametrize("answer", [BUSY, POISON])
def test_a_wait_mail_that_left_while_an_invitation_was_claimed_counts_where_that_does_not_leave(
    world: World, answer: Refused
) -> None:
    bo = waits_and_is_mailed_that_it_is_cancelled(world)
    reopen(world)
    world.look(bo)
    recorded = up_to_the_record(world, dispatch_of(world, bo))
    world.change(capacity=2)
    waitlist.promote(world.store, EVENT_ID, now=world.now)
    world.just_before(Send, recorded)
    world.answers = [answer]
    assert world.look(bo) in (Outcome.REFUSED, Outcome.FAILED)
    world.cancel_event()
    world.pass_time(minutes=20)
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", ON_THE_WAITLIST, "Cancelled"]
    assert world.said(bo.email) == []


def dispatch_of(world: World, person: Registration) -> Steps[Outcome]:
    return dispatch(EVENT_ID, person.registration_id, notification_of(world, person).notification_id, world.worker())


def up_to_the_record(world: World, steps: Steps[Any]) -> Callable[[], None]:
    """Send a notification, up to the effect that records the result; returns what does that."""
    effect = next(steps)
    while not isinstance(effect, RecordNotification):
        effect = steps.send(world.perform(effect))

    def record() -> None:
        with pytest.raises(StopIteration):
            steps.send(world.perform(effect))

    return record


@pytest.mark.parametrize("held", ["bounced", "stopped"])
def test_a_new_address_whose_former_is_sent_no_cancellation_is_mailed_that_it_is_cancelled(
    world: World, held: str
) -> None:
    cy = waits(world)
    soon(world)
    assert world.said(cy.email) == [(Method.REQUEST, 0)]
    if held == "bounced":
        world.run(apply_report(report_on(world.sent[-1], DeliveryState.BOUNCED, world.now, final=True)))
        reserved(world, hours=2)
    else:
        world.perform(StopSending(until=world.now + timedelta(hours=2), why="x"))
    new = readdressed(world, cy, "new@example.net")
    soon(world)
    world.cancel_event()
    soon(world)
    world.pass_time(hours=3)
    soon(world)
    assert (world.said(new.email), said(world, new)) == ([], ["Cancelled"])


@pytest.mark.parametrize("answers", [[Unknown(why="ReadTimeoutError")] * 6, [Unknown(why="ReadTimeoutError"), POISON]])
def test_a_cancellation_that_may_not_have_been_mailed_to_who_waits_is_shown_to_the_organizer(
    world: World, answers: list[Unknown | Refused]
) -> None:
    world.invite(1)
    bo = waits(world)
    soon(world)
    world.cancel_event()
    world.look(bo)
    world.answers = list(answers)
    while world.answers:
        assert shown(world, bo) is None or shown(world, bo).state is AttentionReason.PENDING
        send(world, bo)
        world.pass_time(minutes=3)
    soon(world)
    found = shown(world, bo)
    assert found is not None
    assert (found.kind, found.state) == (AttentionKind.CANCELLATION, AttentionReason.FAILED)


def test_a_cancellation_that_was_given_up_and_is_made_due_by_a_slower_worker_is_shown_as_failed(world: World) -> None:
    world.invite(1)
    bo = waits(world)
    soon(world)
    world.cancel_event()
    world.look(bo)
    world.answers = [Unknown(why="ReadTimeoutError"), POISON]
    seen = Snapshot(invitation=world.invitation(bo), registration=bo, event=world.event())
    slower = make_due(seen, WaitMail.CANCELLED, world.worker().times, world.now)
    while world.answers:
        send(world, bo)
        world.pass_time(minutes=3)
    world.run(slower)
    soon(world)
    assert existing(shown(world, bo)).state is AttentionReason.FAILED


def test_a_cancellation_that_ses_never_answers_is_shown_while_it_is_tried_and_afterwards(slow_world: World) -> None:
    world = slow_world
    world.invite(1)
    bo = waits(world)
    soon(world)
    world.arrive()
    world.cancel_event()
    world.answers = [UNANSWERED] * 100
    states = set()
    for minute in range(60):
        world.pass_time(minutes=1)
        world.sweep()
        world.arrive()
        states.add(existing(shown(world, bo)).state)
        if minute == 6:
            world.perform(ScheduleSurvey(event_id=EVENT_ID, due_key=keys.due_key(1, world.now)))
    assert states == {AttentionReason.PENDING, AttentionReason.FAILED}
    assert listed(world, bo) == [AttentionReason.FAILED]


def listed(world: World, person: Registration) -> list[AttentionReason]:
    found, _ = world.store.surveys.list_attention(EVENT_ID, now=world.now)
    return [one.state for one in found if one.registration_id == person.registration_id]


def test_who_was_mailed_the_cancellation_at_a_new_address_is_not_shown_for_the_former(world: World) -> None:
    cy = waits(world)
    soon(world)
    world.run(apply_report(report_on(world.sent[-1], DeliveryState.BOUNCED, world.now, final=True)))
    reserved(world, hours=2)
    new = readdressed(world, cy, "new@example.net")
    soon(world)
    world.cancel_event()
    soon(world)
    assert (said(world, new), shown(world, new)) == (["Cancelled"], None)


@pytest.mark.parametrize("invited_since", [False, True])
def test_an_address_that_is_corrected_in_a_draft_is_mailed_nothing_of_a_cancellation(
    world: World, invited_since: bool
) -> None:
    world.change(status=EventStatus.DRAFT)
    cy = world.amend(world.register(2), email="new@example.net")
    soon(world)
    assert said(world, cy) == []
    if invited_since:
        world.change(status=EventStatus.CONFIRMED)
        soon(world)
        world.cancel_event()
        soon(world)
    assert (said(world, cy), len(world.said(cy.email))) == ([], 2 * invited_since)


def test_a_new_address_is_mailed_the_cancellation_where_the_former_had_several_entries(world: World) -> None:
    world.change(rule="FREQ=DAILY;COUNT=4", capacity=None)
    dates = [one.date for one in series.occurrences(world.event())]
    cy = waits(world, occurrences=(dates[1], dates[2]))
    soon(world)
    world.arrive()
    soon(world)
    new = readdressed(world, cy, "new@example.net")
    world.just_before(Send, lambda: world.perform(StopSending(until=world.now + timedelta(hours=2), why="x")))
    assert world.look(new) is Outcome.STOPPED
    assert [method for method, _ in world.said(cy.email)].count(Method.CANCEL) == 1
    world.cancel_event()
    soon(world)
    world.pass_time(hours=3)
    soon(world)
    assert (world.said(new.email), said(world, new)) == ([], ["Cancelled"])


def asks_for_link(world: World, person: Registration) -> Callable[[], Outcome]:
    """Answers what sends the link once."""
    mail = link_is_due(world, person)
    return lambda: world.run(dispatch(EVENT_ID, mail.registration_id, mail.notification_id, world.worker()))


def test_a_link_that_may_have_said_that_it_is_cancelled_does_not_stand_for_the_mail_that_it_is(
    slow_world: World,
) -> None:
    world = slow_world
    world.invite(1)
    bo = waits(world)
    soon(world)
    world.cancel_event()
    world.queue.clear()
    link = asks_for_link(world, bo)
    for _ in range(2):
        world.answers = [UNANSWERED]
        assert link() is Outcome.UNKNOWN
        world.pass_time(minutes=3)
    world.look(bo)
    send(world, bo)
    assert said(world, bo) == [ON_THE_WAITLIST, "Your registration", "Your registration", "Cancelled"]


def test_who_knows_that_they_wait_is_not_mailed_so_again_where_a_link_may_have_said_it(slow_world: World) -> None:
    world = slow_world
    world.invite(1)
    bo = waits(world)
    soon(world)
    link = asks_for_link(world, bo)
    world.answers = [UNANSWERED]
    assert link() is Outcome.UNKNOWN
    reserved(world, hours=2)
    world.pass_time(hours=3)
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Your registration"]


@pytest.mark.parametrize("meanwhile", ["promoted", "readdressed"])
def test_a_link_says_what_is_true_of_who_has_the_address_when_it_is_decided(slow_world: World, meanwhile: str) -> None:
    world = slow_world
    world.invite(1)
    bo = waits(world)
    soon(world)
    link = asks_for_link(world, bo)

    def others() -> None:
        if meanwhile == "readdressed":
            readdressed(world, bo, "new@example.net")
            return
        world.change(capacity=2)
        waitlist.promote(world.store, EVENT_ID, now=world.now)

    world.just_before(ReadTogether, others)
    link()
    if meanwhile == "readdressed":
        assert said(world, bo) == [ON_THE_WAITLIST], "the former address has no link any more"
    else:
        assert said(world, bo) == [ON_THE_WAITLIST, "Your registration"]
        assert "waitlist" not in text(world)


def test_what_a_page_showed_between_two_tries_to_release_a_claim_counts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bo = waits_and_is_mailed_that_it_is_cancelled(world)
    world.change(status=EventStatus.CONFIRMED, capacity=2)
    waitlist.promote(world.store, EVENT_ID, now=world.now)
    update, tries = Invitations._update, 0

    def watched(self: Invitations, seen: Invitation, changes: dict[str, Any], *more: Any, **options: Any) -> Any:
        nonlocal tries
        tries += "attempts" in changes
        if tries == 2 and "attempts" in changes:
            world.withdraw(bo)
            assert come_back(world, bo).status is REGISTERED
        return update(self, seen, changes, *more, **options)

    monkeypatch.setattr(Invitations, "_update", watched)
    wake_up = WakeUp(event_id=EVENT_ID, registration_id=bo.registration_id, due_key=keys.due_key(1, world.now))
    world.just_before(Send, lambda: world.store.invitations.wake_up(wake_up))
    world.answers = [BUSY]
    world.look(bo)
    assert tries > 2
    world.cancel_event()
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", "Cancelled"]


def report_of_last(world: World, state: DeliveryState = DeliveryState.BOUNCED, *, final: bool = False) -> Any:
    """What SES says of the last notification."""
    sent = world.notifications[-1].notification_state
    return NotificationReport(
        event_id=EVENT_ID,
        registration_id=sent.registration_id,
        stored_with=sent.registration_id,
        notification_id=sent.notification_id,
        fence=sent.fence,
        kind=sent.kind,
        state=state,
        final=final,
        address=existing(sent.notification).recipient.email,
    )


def reported(world: World, person: Registration, state: DeliveryState, *, final: bool = False) -> None:
    report = report_of_last(world, state, final=final)
    assert report.registration_id == person.registration_id
    assert world.run(apply_notification_report(report))


@pytest.mark.parametrize(
    ("state", "final"), [(DeliveryState.BOUNCED, True), (DeliveryState.BOUNCED, False), (DeliveryState.FAILED, False)]
)
def test_who_waits_and_was_not_reached_with_the_cancellation_is_shown_until_they_are(
    world: World, state: DeliveryState, final: bool
) -> None:
    bo = waits_and_is_mailed_that_it_is_cancelled(world)
    assert shown(world, bo) is None
    for _ in range(2):
        reported(world, bo, state, final=final)
        soon(world)
        found = shown(world, bo)
        assert (found.kind, found.state) == (AttentionKind.CANCELLATION, AttentionReason(state.value))
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"], "it is not mailed once more to where it came back from"
    new = readdressed(world, bo, "new@example.net")
    soon(world)
    assert (said(world, new), shown(world, new)) == (["Cancelled"], None)


def test_who_waits_and_cannot_be_mailed_is_shown_and_is_not_mailed_that_it_is_cancelled(world: World) -> None:
    world.invite(1)
    bo = waits(world)
    soon(world)
    reported(world, bo, DeliveryState.BOUNCED)
    assert shown(world, bo) is None, "a later mail may arrive"
    reported(world, bo, DeliveryState.BOUNCED, final=True)
    world.sweep()
    [listed], _ = world.store.surveys.list_attention(EVENT_ID, now=world.now)
    assert (listed.kind, listed.state) == (AttentionKind.INVITATION, AttentionReason.BOUNCED)
    world.cancel_event()
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST]
    assert shown(world, bo).kind is AttentionKind.CANCELLATION


def test_who_complains_about_the_cancellation_was_reached(world: World) -> None:
    bo = waits_and_is_mailed_that_it_is_cancelled(world)
    reported(world, bo, DeliveryState.COMPLAINED, final=True)
    assert (shown(world, bo), len(world.invitation(bo).stopped)) == (None, 1)


def test_a_report_about_a_former_address_or_who_is_erased_meanwhile_is_dropped(world: World) -> None:
    world.invite(1)
    bo = waits(world)
    soon(world)
    new = readdressed(world, bo, "new@example.net")
    reported(world, bo, DeliveryState.BOUNCED, final=True)
    soon(world)
    world.just_before(StoreReport, lambda: erasure.erase(world.store, EVENT_ID, bo.registration_id, now=world.now))
    reported(world, new, DeliveryState.BOUNCED, final=True)
    assert world.invitation(bo).stopped == ()


@pytest.mark.parametrize("priority", [0, 1, 2])
def test_an_address_that_is_corrected_while_the_former_one_is_invited_is_mailed_the_cancellation(
    world: World, priority: int
) -> None:
    cy = world.register(2)
    with world.meanwhile(lambda: world.look(cy)):
        registry.change_registration(
            world.store,
            EVENT_ID,
            cy.registration_id,
            changes={"email": "new@example.net"},
            priority=priority,
            now=world.now,
        )
    assert world.said(cy.email) == [(Method.REQUEST, 0)]
    world.cancel_event()
    for _ in range(2):
        soon(world)
        world.pass_time(hours=1)
    assert said(world, world.registration(cy)) == ["Cancelled"]


def test_who_waits_again_after_their_cancellation_came_back_is_shown_for_that(world: World) -> None:
    cy = waits(world)
    soon(world)
    world.withdraw(cy)
    world.register(3)
    assert come_back(world, cy).status is WAITLISTED
    soon(world)
    (cancel,) = (sent for sent in world.sent if sent.intent.calendar_state.method is Method.CANCEL)
    world.run(apply_report(report_on(cancel, DeliveryState.BOUNCED, world.now, final=True)))
    assert shown(world, cy).kind is AttentionKind.CANCELLATION


def leaves(world: World, person: Registration, how: str) -> None:
    """Somebody withdraws or is erased, and all that follows happens."""
    if how == "withdraws":
        world.withdraw(person)
    else:
        erasure.erase(world.store, EVENT_ID, person.registration_id, now=world.now)
    for _ in range(3):
        soon(world)
        world.pass_time(hours=1)


@pytest.mark.parametrize("how", ["withdraws", "is erased"])
def test_who_waited_and_was_not_reached_is_shown_until_they_withdraw(world: World, how: str) -> None:
    world.invite(1)
    bo = waits(world)
    soon(world)
    reported(world, bo, DeliveryState.BOUNCED, final=True)
    world.sweep()
    assert listed(world, bo) == [AttentionReason.BOUNCED]
    leaves(world, bo, how)
    assert listed(world, bo) == []


@pytest.mark.parametrize("how", ["withdraws", "is erased"])
def test_whose_invitation_was_given_up_is_shown_until_they_withdraw(world: World, how: str) -> None:
    cy = world.register(1)
    world.answers = [POISON]
    soon(world)
    assert listed(world, cy) == [AttentionReason.FAILED]
    leaves(world, cy, how)
    assert listed(world, cy) == []


def test_who_was_not_reached_is_shown_until_a_link_has_said_it(slow_world: World) -> None:
    world = slow_world
    bo = waits_and_is_mailed_that_it_is_cancelled(world)
    world.arrive()
    reported(world, bo, DeliveryState.BOUNCED)
    for _ in range(2):
        soon(world)
        world.pass_time(hours=1)
    assert listed(world, bo) == [AttentionReason.BOUNCED]
    assert asks_for_link(world, bo)() is Outcome.ACKNOWLEDGED
    for _ in range(2):
        soon(world)
        world.pass_time(hours=1)
    assert listed(world, bo) == []


def test_a_report_that_comes_before_the_mail_is_recorded_is_tried_again(world: World) -> None:
    world.invite(1)
    bo = waits(world)
    soon(world)
    world.cancel_event()
    world.look(bo)
    record = up_to_the_record(world, dispatch_of(world, bo))
    with pytest.raises(WriteContention):
        reported(world, bo, DeliveryState.BOUNCED)
    record()
    reported(world, bo, DeliveryState.BOUNCED)
    assert shown(world, bo).state is AttentionReason.BOUNCED


def test_a_new_address_that_cannot_be_mailed_is_shown(world: World) -> None:
    cy = waits(world)
    soon(world)
    world.arrive()
    reserved(world, hours=2)
    new = readdressed(world, cy, "new@example.net")
    world.cancel_event()

    def suppressed() -> None:
        with pytest.raises(WriteContention):
            reported(world, new, DeliveryState.SUPPRESSED, final=True)

    world.just_before(RecordNotification, suppressed)
    soon(world)
    assert said(world, new) == ["Cancelled"]
    assert shown(world, new).state is AttentionReason.SUPPRESSED


def shown(world: World, person: Registration) -> Any:
    person = world.registration(person)
    seen = Snapshot(invitation=world.invitation(person), registration=person, event=world.event())
    return world.run(judge(seen, SENDER, world.now))


def test_what_a_late_worker_mailed_is_put_right(world: World) -> None:
    bo = waits_and_is_mailed_that_it_is_cancelled(world)
    reopen(world)
    world.look(bo)

    def others() -> None:
        world.pass_time(minutes=5)  # the lease is over
        world.cancel_event()
        world.look(bo)
        send(world, bo)

    world.just_before(SendNotification, others)
    send(world, bo)
    world.settle()
    assert said(world, bo)[-2:] == [ON_THE_WAITLIST, "Cancelled"]


def test_nothing_is_stored_to_be_mailed_to_who_was_erased_meanwhile(world: World) -> None:
    world.invite(1)
    bo = waits(world)
    soon(world)
    world.cancel_event()

    def erased() -> None:
        erasure.erase(world.store, EVENT_ID, bo.registration_id, now=world.now)
        world.perform(StopSending(until=world.now + timedelta(days=2), why="x"))

    world.just_before(ReadNotification, erased)
    world.look(bo)
    soon(world)
    assert world.store.notifications.rows(EVENT_ID, bo.registration_id) == []


def test_after_a_restore_who_waits_is_mailed_once_more_what_is_true(world: World) -> None:
    world.invite(1)
    bo = waits(world)
    soon(world)
    backup = deepcopy((world.client.rows, world.client.due))
    world.cancel_event()
    soon(world)
    world.client.rows, world.client.due = backup
    for rows in world.client.rows.values():
        for row in [row for partition in rows.values() for row in partition.values() if "allocated" in row]:
            assert world.store.invitations.lift(row, 1000, world.now)
    assert world.invitation(bo).wait_mail == WaitMailed(mail=WaitMail.NOTHING)
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", ON_THE_WAITLIST]
