"""Who waits for certain dates of a series, or comes to them and is not invited yet, is mailed that these are cancelled;
who has nothing of it to come is not mailed when all of it is cancelled.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from convoke.decision.attention import AttentionKind
from convoke.decision.decide import Snapshot
from convoke.decision.invitation import WaitMail, WaitMailed
from convoke.decision.waiting import true_wait_mail
from convoke.delivery.preview import preview
from convoke.delivery.reconcile import Outcome, reconcile
from convoke.delivery.reports import apply_report
from convoke.delivery.survey import judge
from convoke.effects import Accepted, Refusal, Refused, StopSending, Unknown
from convoke.mail.new_notifications import wait_notification
from convoke.model import DeliveryState, Event, EventStatus, LocalTime, Method, Registration, RegistrationStatus
from convoke.registrations import approval, waitlist
from convoke.schedule import edits, series
from tests.factories import EVENT_ID, SENDER, existing, report_on
from tests.fixtures import fixture_of
from tests.mailbox import read_mail
from tests.test_approval import asks, soon, text
from tests.test_wait_mails import BUSY, come_back, reserved, shown
from tests.test_waiting import (
    DECIDES,
    ON_THE_WAITLIST,
    ask_for_link,
    link_is_due,
    readdressed,
    reopen,
    said,
    send,
    waits,
)
from tests.world import World, a_quick_world, a_world

REGISTERED, WAITLISTED = RegistrationStatus.REGISTERED, RegistrationStatus.WAITLISTED
CANCELLED = WaitMail.CANCELLED
DAILY = "FREQ=DAILY;COUNT=4"
INVITED, TOLD = (Method.REQUEST, 0), (Method.CANCEL, 1)

world = fixture_of(a_quick_world, capacity=1, rule=DAILY)
slow_world = fixture_of(a_world, capacity=1, rule=DAILY)


def dates_of(world: World) -> list[LocalTime]:
    return [one.date for one in series.occurrences(world.event())]


def waits_for(world: World, *numbers: int, **changes: Any) -> Registration:
    """Who waits for these dates of the series, and was mailed so."""
    world.invite(1)
    bo = waits(world, occurrences=tuple(dates_of(world)[one] for one in numbers), **changes)
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST]
    return bo


def cancel(world: World, *numbers: int, reason: str = "Rain") -> None:
    for one in numbers:
        world.become(edits.cancel_date(world.event(), dates_of(world)[one], reason), priority=0)


def restore(world: World, number: int) -> Event:
    return world.become(edits.restore_date(world.event(), dates_of(world)[number]))


def snapshot(world: World, person: Registration) -> Snapshot:
    return Snapshot(invitation=world.invitation(person), registration=world.registration(person), event=world.event())


def until_over(world: World, number: int) -> None:
    """Time passes, until this date is over."""
    end = series.occurrences(world.event())[number].when.ends_at
    world.pass_time(seconds=(end - world.now).total_seconds())
    world.settle()


# --- who waits ----------------------------------------------------------------------------------------------------


def test_who_waits_for_dates_is_mailed_once_that_all_of_them_are_cancelled(world: World) -> None:
    bo = waits_for(world, 1, 2)
    cancel(world, 1)
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST], "one of theirs takes place"
    cancel(world, 2)
    for _ in range(2):
        soon(world)
        world.look(bo)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]
    assert world.said(bo.email) == [], "nothing is in their calendar"


def test_who_waits_for_a_decision_about_one_date_is_mailed_that_it_is_cancelled(world: World) -> None:
    world.change(approval=True)
    cy = asks(world, occurrences=(dates_of(world)[2],))
    soon(world)
    cancel(world, 2)
    soon(world)
    assert said(world, cy) == [DECIDES, "Cancelled"]


def test_the_mail_is_about_the_dates_that_were_chosen(world: World) -> None:
    waits_for(world, 1, 2)
    cancel(world, 1, 2, reason="The hall is flooded.")
    soon(world)
    assert text(world).startswith(
        "These dates of “Kölner Treffen”, organized by Ada <ada@example.org>, are cancelled, and you need not "
        "keep them. If one of them takes place after all, you are told by a mail.\n\n"
        "Saturday 13 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00)\n"
        "Sunday 14 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00)\n\n"
        "Reason: The hall is flooded.\n"
    )
    assert mails_subject(world) == "Cancelled: Kölner Treffen · from Sat 13 Mar 2027, 09:00"


def test_the_mail_about_one_date_names_it_alone(world: World) -> None:
    waits_for(world, 2)
    cancel(world, 2, reason="")
    soon(world)
    assert text(world).startswith("This date of “Kölner Treffen”, organized by")
    assert "\nSunday 14 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00)\n" in text(world)
    assert "Reason" not in text(world)
    assert mails_subject(world) == "Cancelled: Kölner Treffen · Sun 14 Mar 2027, 09:00"


def mails_subject(world: World) -> str:
    return str(read_mail(world.notifications[-1].mail)["Subject"])


def test_of_dates_that_are_cancelled_for_several_reasons_none_is_given(world: World) -> None:
    waits_for(world, 1, 2)
    cancel(world, 1, reason="Rain")
    cancel(world, 2, reason="Snow")
    soon(world)
    assert "Reason" not in text(world)


def test_who_waits_is_mailed_that_the_last_of_their_dates_is_cancelled_when_the_others_are_over(world: World) -> None:
    bo = waits_for(world, 0, 1)
    until_over(world, 0)
    cancel(world, 1)
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]
    assert "Friday 12 March" not in text(world), "that took place"


def test_who_waits_for_a_cancelled_date_and_one_that_is_over_by_now_is_mailed_so_when_they_are_looked_at(
    world: World,
) -> None:
    bo = waits_for(world, 0, 2)
    cancel(world, 2)
    until_over(world, 0)
    assert shown(world, bo) is None, "nothing is due by the clock alone"
    world.change(title="B")
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]


def test_who_waits_for_all_dates_is_mailed_that_the_last_is_cancelled_when_the_others_are_over(world: World) -> None:
    world.invite(1)
    bo = waits(world)
    until_over(world, 2)
    cancel(world, 3)
    assert world.event().status is EventStatus.CONFIRMED
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]


def test_who_waits_for_a_date_that_the_series_loses_is_mailed_that_it_is_cancelled(world: World) -> None:
    bo = waits_for(world, 3)
    world.become(edits.reschedule(world.event(), replace(world.event(), rule="FREQ=DAILY;COUNT=2"))[0], priority=0)
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]
    assert "Monday 15 March 2027" in text(world)


def test_who_waits_for_dates_that_go_to_another_event_by_a_split_is_not_mailed_that_they_are_cancelled(
    world: World,
) -> None:
    bo = waits_for(world, 3)
    world.cut(dates_of(world)[2])
    world.copy_all()
    world.settle()
    assert said(world, bo) == [ON_THE_WAITLIST]
    world.cancel_event()
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST], "theirs take place in the other one"


def test_who_waits_for_dates_that_are_over_is_mailed_no_cancellation(world: World) -> None:
    bo = waits_for(world, 0)
    until_over(world, 0)
    cancel(world, 1)
    world.cancel_event()
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST]


def test_who_knows_that_their_dates_are_cancelled_is_not_mailed_that_the_whole_event_is(world: World) -> None:
    bo = waits_for(world, 1)
    cancel(world, 1)
    soon(world)
    world.cancel_event()
    soon(world)
    reopen(world)
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"], "theirs does not take place"


@pytest.mark.parametrize("by", ["its date", "the event"])
def test_who_waits_is_mailed_their_place_when_a_date_of_theirs_takes_place_again(world: World, by: str) -> None:
    bo = waits_for(world, 2)
    cancel(world, 2)
    soon(world)
    if by == "its date":
        restore(world, 2)
    else:
        world.cancel_event()
        soon(world)
        world.become(edits.reopen(world.event(), [dates_of(world)[2]]))
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", ON_THE_WAITLIST]
    assert "Sunday 14 March 2027" in text(world), "the date that they wait for, and not the next of the series"


def test_nothing_is_mailed_where_the_date_is_restored_before_it_leaves(world: World) -> None:
    bo = waits_for(world, 1)
    cancel(world, 1)
    world.look(bo)
    restore(world, 1)
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST]
    cancel(world, 1)
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]


def test_what_may_have_left_before_the_date_was_restored_is_put_right(world: World) -> None:
    bo = waits_for(world, 1)
    cancel(world, 1)
    world.look(bo)
    world.answers = [Unknown(why="ReadTimeoutError")]
    assert send(world, bo) is Outcome.UNKNOWN
    restore(world, 1)
    world.settle()
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", ON_THE_WAITLIST]


def test_who_gets_a_seat_before_it_leaves_is_mailed_all_the_same(world: World) -> None:
    bo = waits_for(world, 1)
    cancel(world, 1)
    world.change(capacity=2)
    waitlist.promote(world.store, EVENT_ID, now=world.now)
    assert world.registration(bo).status is REGISTERED
    soon(world)
    assert (said(world, bo), world.said(bo.email)) == ([ON_THE_WAITLIST, "Cancelled"], [])
    restore(world, 1)
    soon(world)
    assert (said(world, bo)[2:], world.said(bo.email)) == ([], [INVITED])


def test_a_new_address_of_who_waits_is_mailed_that_the_date_is_cancelled(world: World) -> None:
    bo = waits_for(world, 1)
    cancel(world, 1)
    soon(world)
    new = readdressed(world, bo, "new@example.net")
    soon(world)
    assert said(world, new) == ["Cancelled"]


def test_that_a_date_is_cancelled_is_mailed_by_a_link_too(slow_world: World) -> None:
    world = slow_world
    bo = waits_for(world, 1)
    world.arrive()
    cancel(world, 1, reason="Flood")
    ask_for_link(world, bo)
    assert "Your registration" in said(world, bo)
    assert "This date of “Kölner Treffen”" in text(world)
    assert "Reason: Flood" in text(world)
    assert "waitlist" not in text(world)
    assert existing(world.invitation(bo).wait_mail).without_id == WaitMailed(mail=CANCELLED, links=0)


def test_a_link_to_who_comes_to_a_date_that_is_cancelled_says_so(slow_world: World) -> None:
    world = slow_world
    cy = world.invite(2, occurrences=(dates_of(world)[1],))
    cancel(world, 1)
    soon(world)
    link_is_due(world, cy)
    soon(world)
    assert "This date of “Kölner Treffen”" in text(world)


def test_a_link_does_not_say_that_the_event_is_cancelled_after_a_date_that_was(slow_world: World) -> None:
    world = slow_world
    world.invite(2, occurrences=(dates_of(world)[1],))
    cancel(world, 1)
    until_over(world, 1)
    ask_for_link(world, world.registration(world.everybody()[0]))
    assert text(world).startswith("You are registered for “Kölner Treffen”")


def test_of_a_date_that_the_series_lost_nobody_is_mailed_once_it_would_be_over(world: World) -> None:
    bo = waits_for(world, 3)
    end = series.ends_at(world.event())
    world.become(edits.reschedule(world.event(), replace(world.event(), rule="FREQ=DAILY;COUNT=2"))[0], priority=0)
    assert true_wait_mail(snapshot(world, bo), end - timedelta(seconds=1)) is CANCELLED, "though the event is over"
    assert true_wait_mail(snapshot(world, bo), end) is None


@pytest.mark.parametrize("word", ["", "Glad that you come."])
def test_that_somebody_is_accepted_is_not_mailed_after_their_date_is_cancelled(world: World, word: str) -> None:
    world.change(approval=True)
    if not word:
        world.invite(1)
    cy = asks(world, 2, occurrences=(dates_of(world)[1],))
    soon(world)
    reserved(world, hours=5)
    assert approval.accept(world.store, world.event(), cy, word=word, now=world.now)
    cancel(world, 1)
    soon(world)
    world.pass_time(hours=6)
    soon(world)
    assert said(world, cy) == [DECIDES, "Cancelled"]


def test_a_preview_shows_the_mail_to_who_waits_for_the_date(world: World) -> None:
    bo = waits_for(world, 1)
    seen = snapshot(world, bo)
    after = edits.cancel_date(seen.event, dates_of(world)[1], "Rain")
    [previewed] = preview([seen], after, SENDER, world.now)
    assert previewed.wait_mail is CANCELLED
    others = edits.cancel_date(seen.event, dates_of(world)[2], "Rain")
    assert next(iter(preview([seen], others, SENDER, world.now))).wait_mail is None


def test_who_waits_with_an_entry_that_is_being_withdrawn_is_mailed_that_the_date_is_cancelled(world: World) -> None:
    first = world.invite(1, occurrences=(dates_of(world)[1],))
    bo = waits(world)
    soon(world)
    world.withdraw(first)
    waitlist.promote(world.store, EVENT_ID, now=world.now)
    assert come_back(world, first).status is WAITLISTED
    cancel(world, 1)
    soon(world)
    assert world.said(first.email) == [INVITED, TOLD], "which says that the invitation is withdrawn"
    assert said(world, first) == ["Cancelled"]
    assert said(world, bo) == [ON_THE_WAITLIST]


# --- who comes ----------------------------------------------------------------------------------------------------


def comes_to(world: World, *numbers: int) -> Registration:
    """Who registers on the page for these dates of the series, or for all, and gets a seat."""
    cy = waits(world, occurrences=tuple(dates_of(world)[one] for one in numbers) or None)
    assert cy.status is REGISTERED
    return cy


@pytest.mark.parametrize("by", ["quota", "stop", "refusal"])
def test_who_registered_on_a_page_for_a_date_is_mailed_that_it_is_cancelled_before_their_invitation_leaves(
    world: World, by: str
) -> None:
    cy = comes_to(world, 1)
    if by == "quota":
        reserved(world, hours=10)
    elif by == "stop":
        world.perform(StopSending(until=world.now + timedelta(hours=1), why="x"))
    else:
        world.answers = [Refused(refusal=Refusal.BUSY, why="ThrottlingException")]
        assert world.look(cy) is Outcome.REFUSED
    cancel(world, 1)
    soon(world)
    world.pass_time(hours=2)
    soon(world)
    assert (said(world, cy), world.said(cy.email)) == (["Cancelled"], [])
    world.cancel_event()
    soon(world)
    assert said(world, cy) == ["Cancelled"], "they know"


def test_who_registered_on_a_page_for_two_dates_is_invited_to_the_one_that_takes_place(world: World) -> None:
    reserved(world, hours=10)
    cy = comes_to(world, 1, 2)
    cancel(world, 1)
    soon(world)
    world.pass_time(hours=11)
    soon(world)
    assert (said(world, cy), world.said(cy.email)) == ([], [INVITED])


def test_who_was_invited_to_a_date_is_sent_the_calendar_s_cancellation_alone(world: World) -> None:
    cy = comes_to(world, 1)
    soon(world)
    cancel(world, 1)
    soon(world)
    assert (said(world, cy), world.said(cy.email)) == ([], [INVITED, TOLD])


def test_who_comes_back_to_a_date_that_is_cancelled_before_their_invitation_leaves_is_mailed_so(world: World) -> None:
    cy = comes_to(world, 1)
    soon(world)
    world.withdraw(cy)
    soon(world)
    reserved(world, hours=10)
    assert come_back(world, cy).status is REGISTERED
    cancel(world, 1)
    soon(world)
    assert (said(world, cy), world.said(cy.email)) == (["Cancelled"], [INVITED, TOLD])


def test_whose_invitation_to_all_dates_is_withdrawn_for_one_that_is_cancelled_is_mailed_so(world: World) -> None:
    cy = comes_to(world)
    soon(world)
    cy = world.amend(cy, occurrences=(dates_of(world)[1],))
    cancel(world, 1)
    soon(world)
    assert (said(world, cy), world.said(cy.email)) == (["Cancelled"], [INVITED, TOLD])


def test_who_is_invited_by_another_address_to_a_date_that_is_cancelled_is_mailed_so(world: World) -> None:
    cy = comes_to(world, 1)
    soon(world)
    cancel(world, 1)
    other = replace(world.worker(), sender=replace(SENDER, address="other@convoke.example"))
    assert world.run(reconcile(EVENT_ID, cy.registration_id, other)) is Outcome.CLEARED
    soon(world)
    assert (said(world, cy), world.said(cy.email)) == (["Cancelled"], [INVITED, TOLD])


# --- the whole event is cancelled after that ----------------------------------------------------------------------


def had_a_date_that_is_cancelled(world: World) -> Registration:
    """Who came to one date, which was cancelled in their calendar."""
    cy = world.invite(2, occurrences=(dates_of(world)[1],))
    cancel(world, 1)
    soon(world)
    assert world.said(cy.email) == [INVITED, TOLD]
    return cy


def test_who_had_one_date_that_was_cancelled_is_not_mailed_when_the_whole_event_is(world: World) -> None:
    cy = had_a_date_that_is_cancelled(world)
    world.cancel_event()
    soon(world)
    assert (said(world, cy), world.said(cy.email)) == ([], [INVITED, TOLD])


@pytest.mark.parametrize("state", [DeliveryState.BOUNCED, DeliveryState.FAILED])
def test_whose_calendar_may_not_have_lost_the_date_is_mailed_when_the_whole_event_is_cancelled(
    world: World, state: DeliveryState
) -> None:
    cy = had_a_date_that_is_cancelled(world)
    world.run(apply_report(report_on(world.sent[-1], state, world.now)))
    soon(world)
    assert said(world, cy) == [], "the organizer is shown it"
    world.cancel_event()
    for _ in range(2):
        soon(world)
        world.look(cy)
    assert said(world, cy) == ["Cancelled"]


def test_a_link_names_the_next_date_that_somebody_chose(slow_world: World) -> None:
    ask_for_link(slow_world, waits_for(slow_world, 2))
    assert "Sunday 14 March" in text(slow_world)


def test_an_acceptance_names_the_next_date_that_somebody_chose(world: World) -> None:
    world.change(approval=True)
    cy = asks(world, occurrences=(dates_of(world)[2],))
    soon(world)
    assert approval.accept(world.store, world.event(), cy, word="Welcome.", now=world.now)
    soon(world)
    assert said(world, cy)[-1] == "Your registration was accepted"
    assert "Sunday 14 March" in text(world)


def test_who_is_invited_to_one_of_two_dates_is_mailed_of_the_other_when_both_are_cancelled(world: World) -> None:
    cy = comes_to(world, 1, 2)
    world.answers = [Accepted(ses_id="first"), BUSY]
    world.look(cy)
    reserved(world, days=100)
    assert world.said(cy.email) == [INVITED]
    cancel(world, 2)
    soon(world)
    cancel(world, 1)
    soon(world)
    assert (said(world, cy), world.said(cy.email)) == (["Cancelled"], [INVITED, (Method.CANCEL, 2)])
    assert "Sunday 14 March" in text(world)


def test_who_complains_about_the_cancellation_of_their_date_is_not_mailed_when_the_whole_event_is_cancelled(
    world: World,
) -> None:
    cy = had_a_date_that_is_cancelled(world)
    for state in (DeliveryState.DELIVERED, DeliveryState.COMPLAINED):
        world.run(apply_report(report_on(world.sent[-1], state, world.now, final=state is DeliveryState.COMPLAINED)))
    world.cancel_event()
    soon(world)
    assert said(world, cy) == []


def test_whose_cancellation_of_a_date_comes_back_once_the_whole_event_is_cancelled_is_mailed_so_once(
    world: World,
) -> None:
    cy = world.invite(2, occurrences=(dates_of(world)[1],))
    world.cancel_event()
    soon(world)
    assert (said(world, cy), world.said(cy.email)) == ([], [INVITED, TOLD])
    world.run(apply_report(report_on(world.sent[-1], DeliveryState.BOUNCED, world.now)))
    for _ in range(3):
        world.look(cy)
        soon(world)
    assert said(world, cy) == ["Cancelled"]


def test_a_corrected_address_is_mailed_that_a_date_is_cancelled_whose_cancellation_came_back(world: World) -> None:
    cy = had_a_date_that_is_cancelled(world)
    world.run(apply_report(report_on(world.sent[-1], DeliveryState.BOUNCED, world.now, final=True)))
    new = readdressed(world, cy, "new@example.net")
    soon(world)
    assert said(world, new) == ["Cancelled"]
    assert shown(world, new) is None


@pytest.mark.parametrize("how", ["given back", "split"])
def test_who_was_told_of_one_date_and_has_no_other_any_more_is_not_mailed_of_it_once_more(
    world: World, how: str
) -> None:
    one, other = dates_of(world)[1], dates_of(world)[3]
    cy = world.invite(2, occurrences=(one, other))
    cancel(world, 1)
    soon(world)
    if how == "split":
        world.cut(dates_of(world)[2])
        world.copy_all()
    else:
        cy = world.amend(cy, occurrences=(one,))
    soon(world)
    assert said(world, cy) == []


def test_whose_invitation_is_held_up_is_mailed_that_one_date_is_cancelled_when_the_other_is_over_by_now(
    world: World,
) -> None:
    reserved(world, days=100)
    cy = comes_to(world, 0, 2)
    soon(world)
    cancel(world, 2)
    soon(world)
    assert said(world, cy) == []
    until_over(world, 0)
    world.look(cy)
    soon(world)
    assert (said(world, cy), world.said(cy.email)) == (["Cancelled"], [])


def test_a_date_s_cancellation_that_may_not_have_left_is_sent_when_the_whole_event_is_cancelled(world: World) -> None:
    cy = world.invite(2, occurrences=(dates_of(world)[1],))
    cancel(world, 1)
    world.answers = [Unknown(why="ReadTimeoutError")]
    assert world.look(cy) is Outcome.UNKNOWN
    world.cancel_event()
    world.settle()
    assert world.said(cy.email) == [INVITED, TOLD]
    assert len([one for one in world.left if one.intent.calendar_state.recipient == cy.email]) == 3


def test_who_comes_to_a_date_that_is_over_is_not_mailed_when_the_whole_event_is_cancelled(world: World) -> None:
    reserved(world, days=100)
    cy = comes_to(world, 0)
    until_over(world, 0)
    world.cancel_event()
    soon(world)
    assert (said(world, cy), world.said(cy.email)) == ([], [])


def test_who_has_another_date_to_come_is_sent_the_cancellation_of_that_alone(world: World) -> None:
    cy = world.invite(2, occurrences=(dates_of(world)[1], dates_of(world)[2]))
    cancel(world, 1)
    soon(world)
    world.cancel_event()
    soon(world)
    assert [method for method, _ in world.said(cy.email)].count(Method.CANCEL) == 2
    assert said(world, cy) == []


def test_a_date_that_is_restored_and_cancelled_before_the_new_invitation_left_is_mailed_to_nobody(world: World) -> None:
    cy = had_a_date_that_is_cancelled(world)
    reserved(world, hours=10)
    restore(world, 1)
    soon(world)
    cancel(world, 1)
    soon(world)
    assert (said(world, cy), world.said(cy.email)) == ([], [INVITED, TOLD])
    restore(world, 1)
    world.pass_time(hours=11)
    soon(world)
    assert world.said(cy.email) == [INVITED, TOLD, (Method.REQUEST, 2)]
    world.cancel_event()
    soon(world)
    assert world.said(cy.email)[3:] == [(Method.CANCEL, 3)]


@pytest.mark.parametrize("before", ["mailed", "told by the calendar"])
def test_who_chooses_another_date_is_mailed_that_it_is_cancelled_before_their_invitation_leaves(
    world: World, before: str
) -> None:
    cy = comes_to(world, 1)
    if before == "mailed":
        reserved(world, hours=10)
    soon(world)
    cancel(world, 1)
    soon(world)
    reserved(world, hours=10)
    cy = world.amend(cy, occurrences=(dates_of(world)[2],))
    soon(world)
    mailed = len(said(world, cy))
    cancel(world, 2)
    soon(world)
    assert said(world, cy)[mailed:] == ["Cancelled"]
    assert "Sunday 14 March 2027" in text(world)


def test_who_has_a_date_that_goes_to_another_event_is_not_mailed_that_the_former_is_cancelled(world: World) -> None:
    cy = world.invite(2, occurrences=(dates_of(world)[3],))
    world.cut(dates_of(world)[2])
    world.copy_all()
    world.settle()
    world.cancel_event()
    world.settle()
    assert said(world, cy) == []


def test_a_new_address_of_who_had_a_date_that_was_cancelled_is_mailed_nothing_of_it(world: World) -> None:
    cy = had_a_date_that_is_cancelled(world)
    new = readdressed(world, cy, "new@example.net")
    soon(world)
    world.cancel_event()
    soon(world)
    assert (said(world, new), world.said(new.email)) == ([], [])
    reopen(world)
    restore(world, 1)
    soon(world)
    assert world.said(new.email) == [(Method.REQUEST, 2)]


def test_a_new_address_of_who_comes_to_a_date_is_mailed_that_it_is_cancelled_where_the_former_was_told(
    world: World,
) -> None:
    cy = comes_to(world, 1)
    soon(world)
    reserved(world, hours=10)
    new = readdressed(world, cy, "new@example.net")
    cancel(world, 1)
    soon(world)
    assert world.said(cy.email) == [INVITED, TOLD]
    assert (said(world, new), world.said(new.email)) == (["Cancelled"], [])


def test_who_was_not_reached_with_the_cancellation_of_their_date_is_shown_with_the_date(world: World) -> None:
    cy = had_a_date_that_is_cancelled(world)
    world.run(apply_report(report_on(world.sent[-1], DeliveryState.BOUNCED, world.now, final=True)))
    found = world.run(judge(snapshot(world, cy), SENDER, world.now))
    assert (found.kind, found.date) == (AttentionKind.CANCELLATION, dates_of(world)[1])


# --- the series changes more than once ----------------------------------------------------------------------------


def reschedule(world: World, **changes: Any) -> Event:
    return world.become(edits.reschedule(world.event(), replace(world.event(), **changes))[0], priority=0)


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("longer", [False, True])
def test_who_waits_for_a_date_is_mailed_their_place_when_a_change_of_the_rule_is_taken_back(
    world: World, told: bool, longer: bool
) -> None:
    bo = waits_for(world, 1)
    before = reschedule(world, rule="FREQ=WEEKLY;COUNT=4")
    if told:
        soon(world)
    reschedule(world, rule=DAILY)
    soon(world)
    if longer:
        assert len(reschedule(world, rule="FREQ=DAILY;COUNT=5").earlier) == len(before.earlier) + 1
        soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, *(["Cancelled", ON_THE_WAITLIST] if told else [])]


@pytest.mark.parametrize("told", [True, False])
def test_who_comes_to_a_date_has_it_when_a_change_of_the_rule_is_taken_back(slow_world: World, told: bool) -> None:
    world = slow_world
    cy = world.invite(2, occurrences=(dates_of(world)[1],))
    soon(world)
    reschedule(world, rule="FREQ=WEEKLY;COUNT=4")
    if told:
        soon(world)
    reschedule(world, rule=DAILY)
    soon(world)
    assert world.said(cy.email) == [INVITED, *([TOLD, (Method.REQUEST, 2)] if told else [])]


@pytest.mark.parametrize("by", [timedelta(days=7), timedelta(hours=1)], ids=["another day", "another hour"])
def test_who_chose_the_date_that_is_left_of_a_series_goes_along_when_that_is_moved(
    slow_world: World, by: timedelta
) -> None:
    world = slow_world
    cy = world.invite(1, occurrences=(dates_of(world)[0],))
    bo = waits(world, occurrences=(dates_of(world)[0],))
    soon(world)
    reschedule(world, rule=None)
    soon(world)
    when = world.event().when
    reschedule(world, when=replace(when, start=when.start + by, end=when.end + by))
    soon(world)
    assert world.said(cy.email) == [INVITED, (Method.REQUEST, 1)]
    assert said(world, bo) == [ON_THE_WAITLIST]


@pytest.mark.parametrize("by", ["a shorter series", "the whole event"])
def test_who_waits_for_a_date_that_was_moved_and_is_lost_is_mailed_that_it_is_cancelled(world: World, by: str) -> None:
    bo = waits_for(world, 3)
    when, days = world.event().when, timedelta(days=14)
    reschedule(world, when=replace(when, start=when.start + days, end=when.end + days))
    soon(world)
    world.pass_time(days=(series.occurrences(world.event())[0].when.starts_at - world.now).days)
    soon(world)
    reschedule(world, rule="FREQ=DAILY;COUNT=3")
    if by == "the whole event":
        world.cancel_event()
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]
    assert by == "the whole event" or "Monday 29 March 2027" in text(world)


def split(world: World, *numbers: int) -> Event:
    """The series, after it was split at these dates one after the other. Who is copied to the later parts is not."""
    for number in numbers:
        world.become(edits.split(world.event(), dates_of(world)[number], "E" * 22, world.now)[0], priority=0)
        soon(world)
    return world.event()


@pytest.mark.parametrize("since", ["before", "after"])
def test_who_waits_for_a_date_that_is_lost_after_a_split_is_mailed_that_it_is_cancelled(
    world: World, since: str
) -> None:
    world.change(rule="FREQ=DAILY;COUNT=5")
    if since == "before":
        bo = waits_for(world, 1)
    split(world, 4, 3)
    if since == "after":
        bo = waits_for(world, 1, named=len(world.event().earlier))
    reschedule(world, rule=None)
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]
    assert "Saturday 13 March 2027" in text(world)


@pytest.mark.parametrize("number", [3, 4])
def test_who_waits_for_dates_that_any_split_took_along_is_not_mailed_that_they_are_cancelled(
    world: World, number: int
) -> None:
    world.change(rule="FREQ=DAILY;COUNT=5")
    bo = waits_for(world, number)
    split(world, 4, 3)
    reschedule(world, rule="FREQ=DAILY;COUNT=2")
    soon(world)
    world.cancel_event()
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST]


def test_of_a_series_whose_split_was_stored_without_its_time_lost_dates_are_cancelled_with_the_whole_event(
    world: World,
) -> None:
    """Until then they may take place in another event: of all that it lost so far, also where it is split again."""
    bo = waits_for(world, 3)
    world.become(replace(split(world, 3), splits=()))
    reschedule(world, rule="FREQ=DAILY;COUNT=2")
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST]
    again = split(world, 1)
    assert again.splits == (0, 1, 2)
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST]
    world.become(replace(again, splits=()))
    world.cancel_event()
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]


def test_what_is_undone_leaves_when_an_event_was_split(world: World) -> None:
    before = world.event()
    assert edits.back_to(split(world, 3), before).splits == (0,)


@pytest.mark.parametrize("seat", [False, True])
def test_who_is_to_come_to_a_date_is_mailed_that_it_is_cancelled_when_the_series_is_ended(
    world: World, seat: bool
) -> None:
    """Whoever waits for it, or has a seat and was not invited yet."""
    if seat:
        reserved(world, days=90)
    someone = comes_to(world, 3) if seat else waits_for(world, 3)
    world.pass_time(seconds=(series.occurrences(world.event())[1].when.ends_at - world.now).total_seconds())
    reschedule(world, rule="FREQ=DAILY;COUNT=2")
    assert series.ends_at(world.event()) == world.now
    for _ in range(2):
        soon(world)
        world.look(someone)
    assert said(world, someone) == [*([] if seat else [ON_THE_WAITLIST]), "Cancelled"]
    assert "Monday 15 March 2027" in text(world)
    assert world.said(someone.email) == []


def test_who_chose_a_date_that_is_over_and_one_that_a_series_lost_as_it_was_ended_is_mailed_of_that(
    world: World,
) -> None:
    bo = waits_for(world, 0, 3)
    until_over(world, 1)
    reschedule(world, rule="FREQ=DAILY;COUNT=2")
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]
    assert "Friday 12 March" not in text(world)


def test_that_a_date_is_cancelled_which_an_ended_series_lost_is_mailed_until_that_would_be_over(world: World) -> None:
    bo = waits_for(world, 3)
    end = series.ends_at(world.event())
    until_over(world, 1)
    seen = snapshot(world, bo)
    ended = edits.reschedule(seen.event, replace(seen.event, rule="FREQ=DAILY;COUNT=2"))[0]
    assert wait_notification(ended, seen.registration, CANCELLED, world.now).until == end
    assert wait_notification(seen.event, seen.registration, CANCELLED, world.now).until == end


@pytest.mark.parametrize("splits", [False, True])
def test_whose_invitation_to_one_more_date_is_held_up_is_mailed_of_it_when_the_series_loses_both(
    world: World, splits: bool
) -> None:
    """Also where it was split before, and has lost other dates by that."""
    cy = world.invite(2, occurrences=(dates_of(world)[1],))
    soon(world)
    reserved(world, days=100)
    cy = world.amend(cy, occurrences=(dates_of(world)[1], dates_of(world)[2]))
    if splits:
        split(world, 3)
    reschedule(world, rule=None)
    soon(world)
    assert (said(world, cy), world.said(cy.email)) == (["Cancelled"], [INVITED, TOLD])
    assert "Sunday 14 March 2027" in text(world)
