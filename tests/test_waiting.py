"""Who waits for a seat or for a decision, and was mailed so, is mailed that the event is cancelled, or on again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from convoke.decision.decide import Snapshot
from convoke.decision.invitation import Stopped, WaitMail, WaitMailed
from convoke.decision.waiting import missing_wait_mail, true_wait_mail
from convoke.delivery.fan_out import plan
from convoke.delivery.notify import dispatch
from convoke.delivery.reconcile import Outcome, reconcile
from convoke.effects import (
    ClaimNotification,
    HoldAccounts,
    ReadNotification,
    RecordNotification,
    Refusal,
    Refused,
    ReserveQuota,
    SendNotification,
    StoreReport,
    Unknown,
)
from convoke.links import tokens
from convoke.links.tokens import Purpose
from convoke.mail.new_notifications import asked_for, wait_notification
from convoke.mail.notifications import Notification, NotificationKind, NotificationState
from convoke.model import DeliveryState, Event, EventStatus, Method, Registration, RegistrationStatus
from convoke.registrations import approval, events, registry, returning, unconfirmed, waitlist
from convoke.registrations.asking import Asked
from convoke.schedule import edits, series
from tests.factories import EVENT_ID, NOW, event, existing, expect, invitation, registration
from tests.fixtures import fixture_of
from tests.mailbox import read_mail
from tests.test_approval import asks, mails, soon, text
from tests.world import World, a_quick_world, a_world

PENDING, REGISTERED = RegistrationStatus.PENDING, RegistrationStatus.REGISTERED
WAITLISTED = RegistrationStatus.WAITLISTED
PLACE, CANCELLED = WaitMail.PLACE, WaitMail.CANCELLED
ON_THE_WAITLIST, DECIDES = "You are on the waitlist", "The organizer decides about your registration"

world = fixture_of(a_quick_world, capacity=1)
slow_world = fixture_of(a_world, capacity=1)


def waits(world: World, number: int = 2, **changes: Any) -> Registration:
    """Somebody registers on the page of the event, which is full, and is mailed their place."""
    person = registration(
        **{"registration_id": f"{number:010d}{EVENT_ID}", "email": f"person{number}@example.net", **changes}
    )
    mail = wait_notification(world.event(), person, WaitMail.PLACE, world.now)
    return expect(Registration, registry.register(world.store, person, now=world.now, account="acme", mail=mail))


@pytest.fixture
def bo(world: World) -> Registration:
    """Who waits behind the one who has the seat, and was mailed so."""
    world.invite(1)
    bo = waits(world)
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST]
    return bo


def said(world: World, person: Registration) -> list[str]:
    """The subjects of the notifications to one person, without the title."""
    return [subject for to, subject in mails(world) if to == person.email]


def notification_of(world: World, person: Registration) -> NotificationState:
    one = wait_notification(world.event(), person, WaitMail.PLACE, world.now)
    read = ReadNotification(
        event_id=EVENT_ID, registration_id=person.registration_id, notification_id=one.notification_id
    )
    return expect(NotificationState, world.perform(read))


def send(world: World, person: Registration) -> Outcome:
    """A worker sees to the notification of somebody who waits."""
    ids = EVENT_ID, person.registration_id, notification_of(world, person).notification_id
    return expect(Outcome, world.run(dispatch(*ids, world.worker())))


def reopen(world: World) -> Event:
    return world.become(edits.reopen(world.event()))


# --- what is to be said -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [WAITLISTED, PENDING])
@pytest.mark.parametrize(
    ("last", "of_event", "mail"),
    [
        (None, EventStatus.CANCELLED, None),
        (None, EventStatus.CONFIRMED, None),
        (PLACE, EventStatus.CONFIRMED, None),
        (PLACE, EventStatus.TENTATIVE, None),
        (PLACE, EventStatus.CANCELLED, CANCELLED),
        (PLACE, EventStatus.DRAFT, CANCELLED),
        (CANCELLED, EventStatus.CANCELLED, None),
        (CANCELLED, EventStatus.DRAFT, None),
        (CANCELLED, EventStatus.CONFIRMED, PLACE),
    ],
)
def test_who_waits_is_mailed_what_they_were_not_mailed_last(
    status: RegistrationStatus, last: WaitMail | None, of_event: EventStatus, mail: WaitMail | None
) -> None:
    seen = snapshot(registration(status=status), event(status=of_event), last)
    assert missing_wait_mail(seen, NOW) is mail


@pytest.mark.parametrize("last", [PLACE, CANCELLED])
@pytest.mark.parametrize("of_event", list(EventStatus))
@pytest.mark.parametrize(
    "status", [RegistrationStatus.CANCELLED, RegistrationStatus.DECLINED, RegistrationStatus.ERASED]
)
def test_who_waits_no_more_is_mailed_nothing(status: RegistrationStatus, of_event: EventStatus, last: WaitMail) -> None:
    assert missing_wait_mail(snapshot(registration(status=status), event(status=of_event), last), NOW) is None


def test_of_an_event_that_is_over_nobody_is_mailed() -> None:
    seen = snapshot(registration(status=WAITLISTED), event(status=EventStatus.CANCELLED), PLACE)
    end = series.ends_at(seen.event)
    assert true_wait_mail(seen, end - timedelta(seconds=1)) is CANCELLED
    assert true_wait_mail(seen, end) is None


def snapshot(person: Registration, of: Event, last: WaitMail | None) -> Snapshot:
    mailed = None if last is None else WaitMailed(mail=last, links=person.links)
    return Snapshot(invitation=replace(invitation(), wait_mail=mailed), registration=person, event=of)


# --- a cancellation -----------------------------------------------------------------------------------------------


def test_who_waits_for_a_seat_is_mailed_once_that_the_event_is_cancelled(world: World, bo: Registration) -> None:
    world.cancel_event("The hall is flooded.")
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]
    assert "You need not keep the date" in text(world)
    assert "Reason: The hall is flooded." in text(world)
    assert "/r/" in text(world)
    assert world.said(bo.email) == [], "nothing is in their calendar"
    world.change(reason="The hall is still flooded.", priority=0)
    world.look(bo)
    soon(world)
    assert len(said(world, bo)) == 2


def test_who_waits_for_a_decision_is_mailed_once_that_the_event_is_cancelled(world: World) -> None:
    world.change(approval=True)
    cy = asks(world, language="de")
    soon(world)
    world.cancel_event()
    soon(world)
    assert [one.partition(":")[0] for one in said(world, cy)][1:] == ["Abgesagt"]
    assert world.registration(cy).status is PENDING


@pytest.mark.usefixtures("bo")
def test_the_mail_that_the_event_is_cancelled_has_no_calendar(world: World) -> None:
    world.cancel_event()
    soon(world)
    mail = read_mail(world.notifications[-1].mail)
    assert [part.get_content_type() for part in mail.walk()] == ["text/plain"]
    assert mail["Auto-Submitted"] == "auto-generated"


def test_an_event_that_becomes_a_draft_again_is_cancelled_for_who_waits(world: World, bo: Registration) -> None:
    world.change(status=EventStatus.DRAFT, priority=0)
    soon(world)
    assert said(world, bo)[1:] == ["Cancelled"]


def test_who_was_mailed_nothing_of_their_waiting_is_mailed_no_cancellation(world: World) -> None:
    world.invite(1)
    world.register(2)
    world.cancel_event()
    soon(world)
    assert world.notifications == []


def test_that_one_date_of_a_series_is_cancelled_is_mailed_to_nobody_who_waits(world: World) -> None:
    world.change(rule="FREQ=DAILY;COUNT=3")
    world.invite(1)
    bo = waits(world)
    soon(world)
    world.become(edits.cancel_date(world.event(), series.occurrences(world.event())[0].date, "Rain"))
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST]


def test_who_was_mailed_their_place_by_a_link_is_mailed_that_it_is_cancelled(slow_world: World) -> None:
    world = slow_world
    world.invite(1)
    cy = world.register(3)
    assert cy.status is WAITLISTED
    ask_for_link(world, cy)
    assert said(world, cy) == ["Your registration"]
    world.cancel_event()
    soon(world)
    assert said(world, cy) == ["Your registration", "Cancelled"]


def test_a_link_to_the_registration_of_a_cancelled_event_says_that_it_is(slow_world: World) -> None:
    world = slow_world
    world.invite(1)
    bo = world.register(2)
    world.cancel_event("Flood")
    ask_for_link(world, bo)
    assert said(world, bo) == ["Your registration"]
    assert existing(world.invitation(bo).wait_mail).without_id == WaitMailed(mail=CANCELLED, links=0)
    assert "is cancelled. You need not keep the date" in text(world)
    assert "Reason: Flood" in text(world)
    assert "waitlist" not in text(world)


def link_is_due(world: World, person: Registration) -> Notification:
    until = world.now + timedelta(hours=1)
    mail = asked_for(NotificationKind.LINK, world.event(), person.email, about="x", until=until, now=world.now)
    assert world.store.notifications.schedule(mail, now=world.now)
    return mail


def ask_for_link(world: World, person: Registration) -> None:
    link_is_due(world, person)
    soon(world)


def test_who_was_accepted_to_the_waitlist_is_mailed_that_it_is_cancelled(world: World) -> None:
    world.change(approval=True)
    world.invite(1)
    cy = asks(world, 2)
    soon(world)
    approval.accept(world.store, world.event(), cy, now=world.now)
    soon(world)
    world.cancel_event()
    soon(world)
    assert said(world, cy) == [DECIDES, "Your registration was accepted", "Cancelled"]


# --- an event that takes place again ------------------------------------------------------------------------------


def test_who_was_mailed_that_it_is_cancelled_is_mailed_their_place_when_it_takes_place_again(
    world: World, bo: Registration
) -> None:
    for _ in range(2):
        world.cancel_event()
        soon(world)
        reopen(world)
        soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", ON_THE_WAITLIST, "Cancelled", ON_THE_WAITLIST]


def test_nothing_is_mailed_where_the_event_is_reopened_before_it_leaves(world: World, bo: Registration) -> None:
    world.cancel_event()
    world.look(bo)
    assert notification_of(world, bo).due_key is not None
    reopen(world)
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST]
    world.cancel_event()
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"], "the next cancellation is mailed all the same"


def test_what_may_have_left_before_it_was_reopened_is_put_right(world: World, bo: Registration) -> None:
    world.cancel_event()
    world.look(bo)
    world.answers = [Unknown(why="ReadTimeoutError")]
    assert send(world, bo) is Outcome.UNKNOWN
    reopen(world)
    world.settle()
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", ON_THE_WAITLIST]


def test_a_reopening_that_waits_for_further_changes_is_mailed_with_them(world: World, bo: Registration) -> None:
    world.cancel_event()
    soon(world)
    world.change(status=EventStatus.CONFIRMED, notify_after=600)
    assert world.fan_out().waits(world.now)
    world.look(bo)
    soon(world)
    assert said(world, bo)[1:] == ["Cancelled"]
    world.pass_time(minutes=10)
    world.settle()
    assert said(world, bo)[1:] == ["Cancelled", ON_THE_WAITLIST]


def test_what_may_have_left_before_it_was_given_up_is_put_right(world: World, bo: Registration) -> None:
    world.cancel_event()
    world.look(bo)
    world.answers = [Unknown(why="ReadTimeoutError"), Refused(refusal=Refusal.POISON, why="MessageRejected")]
    assert send(world, bo) is Outcome.UNKNOWN
    world.pass_time(minutes=20)
    assert send(world, bo) is Outcome.FAILED
    assert existing(world.invitation(bo).wait_mail).without_id == WaitMailed(mail=CANCELLED, links=0, certain=False)
    reopen(world)
    soon(world)
    assert said(world, bo)[-1] == ON_THE_WAITLIST


def test_who_gets_a_seat_before_it_leaves_is_not_mailed_that_it_is_cancelled(world: World, bo: Registration) -> None:
    world.cancel_event()
    world.look(bo)

    def invited() -> None:
        world.change(status=EventStatus.CONFIRMED, capacity=2)
        waitlist.promote(world.store, EVENT_ID, now=world.now)
        world.look(bo)

    world.just_before(ClaimNotification, invited)
    assert send(world, bo) is Outcome.BUSY
    soon(world)
    assert (said(world, bo)[1:], world.said(bo.email)) == ([], [(Method.REQUEST, 0)])


def test_that_it_is_cancelled_does_not_wait_with_a_later_change(world: World) -> None:
    world.invite(1)
    bo = waits(world)

    def cancelled() -> None:
        world.cancel_event()
        world.drain()
        world.sweep()

    world.just_before(SendNotification, cancelled)
    assert send(world, bo) is Outcome.ACKNOWLEDGED
    world.change(description="The hall will be repaired by spring.", notify_after=900)
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]


def test_who_gets_a_seat_when_it_takes_place_again_is_sent_the_invitation(world: World, bo: Registration) -> None:
    world.cancel_event()
    soon(world)
    world.change(status=EventStatus.CONFIRMED, capacity=2)
    waitlist.promote(world.store, EVENT_ID, now=world.now)
    soon(world)
    assert said(world, bo)[1:] == ["Cancelled"]
    assert world.said(bo.email) == [(Method.REQUEST, 0)]


# --- who comes and goes meanwhile ---------------------------------------------------------------------------------


def test_who_withdraws_before_it_leaves_is_mailed_nothing(world: World, bo: Registration) -> None:
    world.cancel_event()
    world.look(bo)
    world.withdraw(bo)
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST]


def test_who_got_a_seat_too_late_to_be_invited_is_mailed_that_it_is_cancelled(world: World, bo: Registration) -> None:
    world.change(capacity=2)
    waitlist.promote(world.store, EVENT_ID, now=world.now)
    assert world.registration(bo).status is REGISTERED
    world.cancel_event()
    soon(world)
    assert (said(world, bo)[1:], world.said(bo.email)) == (["Cancelled"], [])


def test_who_was_invited_is_sent_the_cancellation_alone(world: World, bo: Registration) -> None:
    world.change(capacity=2)
    waitlist.promote(world.store, EVENT_ID, now=world.now)
    soon(world)
    world.cancel_event()
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST]
    assert [method for method, _ in world.said(bo.email)] == [Method.REQUEST, Method.CANCEL]


def test_who_comes_back_after_the_cancellation_is_mailed_of_the_next(world: World, bo: Registration) -> None:
    world.cancel_event()
    soon(world)
    world.withdraw(bo)
    reopen(world)
    soon(world)
    assert expect(Registration, returning.come_back(world.store, EVENT_ID, bo.registration_id, now=world.now))
    soon(world)
    world.cancel_event()
    soon(world)
    assert said(world, bo)[1:] == ["Cancelled", ON_THE_WAITLIST, "Cancelled"]


def test_who_changes_their_address_is_mailed_at_the_new_one(world: World, bo: Registration) -> None:
    world.cancel_event()
    world.look(bo)
    moved = world.amend(bo, email="elsewhere@example.net")
    soon(world)
    assert (said(world, bo), said(world, moved)) == ([ON_THE_WAITLIST], ["Cancelled"])


def test_nobody_is_mailed_a_place_at_an_event_that_was_cancelled_before_it_left(world: World) -> None:
    world.invite(1)
    bo = waits(world)
    world.cancel_event()
    soon(world)
    assert said(world, bo) == ["Cancelled"]
    soon(world)
    assert len(said(world, bo)) == 1


def test_a_first_mail_that_says_that_it_is_cancelled_says_why_and_what_is_true_then(world: World) -> None:
    world.invite(1)
    waits(world)
    world.change(title="Winter concert")
    world.cancel_event("The hall is flooded.")
    soon(world)
    assert "The hall is flooded." in text(world)
    assert "Winter concert" in text(world)


# --- delivery -----------------------------------------------------------------------------------------------------


def test_an_event_that_is_cancelled_while_the_place_is_mailed_is_mailed_after_it(world: World) -> None:
    world.invite(1)
    bo = waits(world)

    def cancelled() -> None:
        world.cancel_event()
        world.look(bo)

    world.just_before(SendNotification, cancelled)
    assert send(world, bo) is Outcome.ACKNOWLEDGED
    world.settle()
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]


def test_while_one_is_being_sent_the_next_waits(world: World, bo: Registration) -> None:
    world.cancel_event()
    world.look(bo)
    outcomes: list[Outcome] = []

    def reopened() -> None:
        reopen(world)
        outcomes.append(world.look(bo))
        outcomes.append(send(world, bo))

    world.just_before(SendNotification, reopened)
    assert send(world, bo) is Outcome.ACKNOWLEDGED
    assert outcomes == [Outcome.CLEARED, Outcome.BUSY]
    world.cancel_event()
    world.just_before(SendNotification, lambda: outcomes.append(world.look(bo)))
    world.settle()
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]


def test_whoever_dies_before_the_mail_is_due_leaves_it_to_the_next(world: World, bo: Registration) -> None:
    world.cancel_event()

    def die() -> None:
        raise RuntimeError("died")

    world.just_before(RecordNotification, die)
    with pytest.raises(RuntimeError):
        world.run(reconcile(EVENT_ID, bo.registration_id, world.worker()))
    world.settle()
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]


@pytest.mark.parametrize("kind", [ClaimNotification, SendNotification, RecordNotification])
def test_wherever_the_sender_dies_it_is_mailed_in_the_end(world: World, bo: Registration, kind: Any) -> None:
    world.cancel_event()
    world.look(bo)

    def die() -> None:
        raise RuntimeError("died")

    world.just_before(kind, die)
    with pytest.raises(RuntimeError):
        send(world, bo)
    world.settle()
    assert said(world, bo)[-1] == "Cancelled"
    assert len(said(world, bo)) == (3 if kind is RecordNotification else 2), "twice where SES may have taken it"


def test_what_ses_does_not_take_now_is_sent_later(world: World, bo: Registration) -> None:
    world.cancel_event()
    world.look(bo)
    world.answers = [Refused(refusal=Refusal.BUSY, why="ThrottlingException")]
    assert send(world, bo) is Outcome.REFUSED
    assert existing(world.invitation(bo).wait_mail).without_id == WaitMailed(mail=PLACE, links=0)
    world.settle()
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]


def test_a_mail_that_the_event_is_cancelled_waits_for_no_limit(world: World, bo: Registration) -> None:
    world.store.records.reserve(ReserveQuota(until=world.now + timedelta(days=1)))
    world.perform(HoldAccounts(until={"acme": world.now + timedelta(days=1)}))
    world.cancel_event()
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]


@pytest.mark.parametrize(("state", "mailed"), [(DeliveryState.BOUNCED, []), (DeliveryState.COMPLAINED, ["Cancelled"])])
def test_a_stopped_address_is_mailed_as_for_any_cancellation(
    world: World, bo: Registration, state: DeliveryState, mailed: list[str]
) -> None:
    seen = world.invitation(bo)
    stopped = (Stopped(address=bo.email, state=state),)
    assert world.perform(StoreReport(seen=seen, changed=replace(seen, stopped=stopped)))
    world.cancel_event()
    soon(world)
    assert said(world, bo)[1:] == mailed


# --- another address ----------------------------------------------------------------------------------------------


def readdressed(world: World, person: Registration, email: str) -> Registration:
    done = registry.change_registration(
        world.store, EVENT_ID, person.registration_id, changes={"email": email}, priority=1, now=world.now
    )
    return expect(Registration, done)


def test_a_new_address_is_mailed_once_that_it_waits_with_a_link_that_is_valid(world: World, bo: Registration) -> None:
    new = readdressed(world, bo, "new@example.net")
    for _ in range(2):
        world.look(new)
        soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST]
    assert said(world, new) == [ON_THE_WAITLIST]
    assert f"/r/{personal(world, new)}" in text(world)
    readdressed(world, new, bo.email)
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST] * 2, "the links in their earlier mail are void"


def personal(world: World, person: Registration) -> str:
    made_with = world.store.link_keys.at(world.now)
    return tokens.personal(made_with, Purpose.PERSONAL, EVENT_ID, person.registration_id, person.links)


def test_the_same_address_written_otherwise_is_not_mailed_again(world: World, bo: Registration) -> None:
    new = readdressed(world, bo, bo.email.upper())
    world.look(new)
    soon(world)
    assert said(world, new) == []


def test_what_has_not_left_yet_goes_to_the_address_that_they_have_when_it_does(world: World) -> None:
    world.invite(1)
    bo = waits(world)
    new = readdressed(world, bo, "new@example.net")
    soon(world)
    assert (said(world, bo), said(world, new)) == ([], [ON_THE_WAITLIST])


def test_what_may_have_left_to_a_former_address_is_mailed_to_the_new_one(world: World) -> None:
    world.invite(1)
    bo = waits(world)
    world.answers = [Unknown(why="ReadTimeoutError")]
    assert send(world, bo) is Outcome.UNKNOWN
    new = readdressed(world, bo, "new@example.net")
    world.cancel_event()
    world.settle()
    assert said(world, bo) == [ON_THE_WAITLIST]
    assert said(world, new) == ["Cancelled"]


def test_the_new_address_of_who_waited_for_a_cancelled_event_is_mailed_that_it_is(
    world: World, bo: Registration
) -> None:
    world.cancel_event()
    soon(world)
    new = readdressed(world, bo, "new@example.net")
    soon(world)
    assert said(world, new) == ["Cancelled"]


def test_who_waits_and_was_mailed_nothing_is_mailed_nothing_at_another_address(world: World) -> None:
    world.invite(1)
    new = readdressed(world, world.register(2), "new@example.net")
    soon(world)
    assert said(world, new) == []


def test_who_may_have_been_mailed_that_they_wait_is_mailed_a_cancellation_that_comes_before_their_invitation(
    world: World,
) -> None:
    world.invite(1)
    bo = waits(world)
    world.answers = [Unknown(why="ReadTimeoutError")]
    assert send(world, bo) is Outcome.UNKNOWN
    world.change(capacity=2)
    waitlist.promote(world.store, EVENT_ID, now=world.now)
    world.pass_time(minutes=20)
    assert send(world, bo) is Outcome.CLEARED, "they do not wait any more"
    world.cancel_event()
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]


def test_who_waits_is_mailed_so_where_a_link_may_have_said_it_and_is_given_up(slow_world: World) -> None:
    world = slow_world
    world.invite(1)
    cy = world.register(3)
    world.answers = [Unknown(why="ReadTimeoutError"), Refused(refusal=Refusal.POISON, why="MessageRejected")]
    ask_for_link(world, cy)
    world.settle()
    assert said(world, cy) == ["Your registration", ON_THE_WAITLIST]
    assert existing(world.invitation(cy).wait_mail).without_id == WaitMailed(mail=PLACE, links=0)


@pytest.mark.parametrize("after", [[], [Refused(refusal=Refusal.BUSY, why="ThrottlingException")]])
def test_what_may_have_left_before_is_kept_when_another_mail_is_given_up(
    world: World, bo: Registration, after: list[Refused]
) -> None:
    world.cancel_event()
    world.look(bo)
    poison = Refused(refusal=Refusal.POISON, why="MessageRejected")
    world.answers = [Unknown(why="ReadTimeoutError"), *after, poison]
    assert send(world, bo) is Outcome.UNKNOWN
    reopen(world)
    for _ in (*after, poison):
        world.pass_time(minutes=20)
        send(world, bo)
    assert notification_of(world, bo).state is DeliveryState.FAILED
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]
    soon(world)
    assert said(world, bo)[-1] == ON_THE_WAITLIST, "it takes place, and was mailed as cancelled perhaps"


# --- a split ------------------------------------------------------------------------------------------------------


def waits_for_a_series_that_is_split(world: World) -> tuple[Registration, Event]:
    """Who waited, and was mailed so, when the series was split, and the event to which nobody is copied yet."""
    world.change(rule="FREQ=DAILY;COUNT=4")
    world.invite(1)
    bo = waits(world)
    soon(world)
    new = world.cut(series.occurrences(world.event())[2].date)
    return bo, new


def test_who_is_copied_by_a_split_is_mailed_of_the_new_event_too(world: World) -> None:
    bo, new = waits_for_a_series_that_is_split(world)
    world.copy_all()
    [copy] = [one for one in world.everybody(new.event_id) if one.email == bo.email]
    found = existing(world.reads.invitation(new.event_id, copy.registration_id))
    assert (copy.status, found.wait_mail) == (WAITLISTED, WaitMailed(mail=PLACE, links=0))


def test_who_is_copied_by_a_split_with_a_new_address_is_mailed_nothing_twice(world: World) -> None:
    world.change(rule="FREQ=DAILY;COUNT=4")
    world.invite(1)
    bo = waits(world)
    soon(world)
    moved = readdressed(world, bo, "new@example.net")
    soon(world)
    new = world.cut(series.occurrences(world.event())[2].date)
    world.copy_all()
    world.settle()
    [copy] = [one for one in world.everybody(new.event_id) if one.email == moved.email]
    found = existing(world.reads.invitation(new.event_id, copy.registration_id))
    assert found.wait_mail == WaitMailed(mail=PLACE, links=0)
    assert said(world, moved) == [ON_THE_WAITLIST]


def test_who_is_copied_to_an_event_that_is_cancelled_already_is_mailed_so(world: World) -> None:
    bo, new = waits_for_a_series_that_is_split(world)
    cancelled = replace(new, status=EventStatus.CANCELLED, version=new.version + 1, updated_at=world.now)
    assert events.change_event(world.store, new, cancelled, priority=0, now=world.now)
    assert world.run(plan(new.event_id, world.worker())) is None, "nobody is copied yet"
    world.copy_all()
    world.settle()
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]


def test_a_link_that_says_that_they_wait_is_followed_by_the_cancellation(slow_world: World) -> None:
    world = slow_world
    world.change(public=True, confirm_address=False)
    world.invite(1)
    bo = world.register(2)
    wanted = unconfirmed.unconfirmed(
        world.event(),
        name="Bo",
        email=bo.email,
        language="en",
        occurrences=None,
        guests=0,
        responses=(),
        now=world.now,
        entropy=b"1" * 16,
    )
    asked = unconfirmed.ask(
        world.store,
        world.event(),
        wanted,
        source_ip="192.0.2.1",
        unconfirmed_mails=1000,
        now=world.now,
        entropy=b"2" * 16,
    )
    assert isinstance(asked, Asked)
    soon(world)
    assert said(world, bo) == ["Your registration"]
    world.cancel_event()
    soon(world)
    assert said(world, bo) == ["Your registration", "Cancelled"]
