"""The sweeper alone: with every stream record and every hint lost, everything still converges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from convoke.decision.invitation import Quota, Sending
from convoke.delivery.reconcile import Outcome
from convoke.delivery.reports import apply_report
from convoke.delivery.sweep import mail_limits
from convoke.effects import Promote, StopSending
from convoke.model import (
    DateChange,
    DeliveryState,
    Event,
    EventStatus,
    LocalTime,
    Method,
    Registration,
    RegistrationStatus,
)
from convoke.registrations import waitlist
from convoke.registrations.erasure import erase
from convoke.schedule import edits, series
from convoke.settings import Times
from tests.factories import AFTERNOON, EVENT_ID, MORNING, report
from tests.fixtures import fixture_of
from tests.tables import everything, readable
from tests.world import World, a_quick_world, a_world

REQUEST, CANCEL = Method.REQUEST, Method.CANCEL


world = fixture_of(a_world, capacity=2)


def test_with_every_hint_lost_the_whole_story_is_told(world: World) -> None:
    first, second = world.register(1), world.register(2)
    world.settle()
    world.change(when=AFTERNOON)
    world.settle()
    world.withdraw(first)
    world.settle()
    world.cancel_event()
    world.settle()

    assert world.said(first.email) == [(REQUEST, 0), (REQUEST, 1), (CANCEL, 2)]
    assert world.said(second.email) == [(REQUEST, 0), (REQUEST, 1), (CANCEL, 2)]


def test_what_was_handed_out_is_not_handed_out_again_at_once(world: World) -> None:
    world.register()
    world.queue.clear()
    first = world.run_sweep_without_following()
    again = world.run_sweep_without_following()
    world.pass_time(minutes=3)

    assert (first, again, world.run_sweep_without_following()) == (1, 0, 1)


def test_a_cancellation_is_handed_out_before_an_invitation(world: World) -> None:
    leaves = world.invite(1)
    world.register(2)
    world.withdraw(leaves)
    world.sweep()

    assert world.said()[1:] == [(CANCEL, 1), (REQUEST, 0)]


def test_the_first_in_line_gets_the_seat_that_came_free_and_an_invitation(world: World) -> None:
    people = [world.register(number) for number in range(4)]
    world.settle()
    assert {one.recipient for one in world.told} == {people[0].email, people[1].email}

    world.withdraw(people[0])
    world.settle()
    promoted = world.reads.registration(EVENT_ID, people[2].registration_id)
    waits = world.reads.registration(EVENT_ID, people[3].registration_id)
    assert isinstance(promoted, Registration)
    assert isinstance(waits, Registration)
    assert (promoted.status, waits.status) == (RegistrationStatus.REGISTERED, RegistrationStatus.WAITLISTED)
    assert (world.said(people[2].email), world.said(people[3].email)) == ([(REQUEST, 0)], [])


def test_one_sweep_gives_all_new_seats_to_the_waitlist() -> None:
    with a_quick_world(capacity=1) as world:
        people = [world.register(number) for number in range(waitlist.BATCH_SIZE + 6)]
        world.change(capacity=len(people) - 1)
        world.sweep()
        assert Counter(person.status for person in world.everybody()) == {
            RegistrationStatus.REGISTERED: len(people) - 1,
            RegistrationStatus.WAITLISTED: 1,
        }


def test_an_error_about_one_event_s_waitlist_holds_up_nothing_else(world: World) -> None:
    first, _, third = (world.register(number) for number in (1, 2, 3))
    world.settle()
    world.withdraw(first)
    other = world.register(4, email="other@example.net")
    world.queue.clear()

    def fail() -> None:
        raise KeyError("item")

    world.just_before(Promote, fail)
    world.pass_time(minutes=1)
    assert world.sweep()["registration"] == 1, "who withdrew"
    world.settle()
    assert world.said(third.email) == [(REQUEST, 0)]
    assert world.said(other.email) == []


def test_who_asks_to_be_forgotten_is_cancelled_first_and_forgotten_then(world: World) -> None:
    person = world.invite(name="Canary Bird")
    erase(world.store, EVENT_ID, person.registration_id, now=world.now)
    world.settle()

    assert world.said(person.email) == [(REQUEST, 0), (CANCEL, 1)]
    kept = readable(everything(world.client))
    assert "Canary" not in kept
    assert person.email not in kept
    assert world.registration(person).status is RegistrationStatus.ERASED
    assert world.invitation(person).acknowledged is not None


def test_while_all_mail_is_stopped_only_who_is_still_to_be_told_is_not_forgotten(world: World) -> None:
    def status(person: Registration) -> str:
        found = world.reads.registration(EVENT_ID, person.registration_id)
        assert found is not None
        return found.status.value

    told, other = world.register(1), world.register(2)
    for person in (told, other):
        world.look(person)
    world.withdraw(told)
    world.look(told)
    assert not world.store.attempt(
        {"erasure": world.store.registrations.erasure_action(EVENT_ID, told.registration_id, world.now)}
    )
    world.perform(StopSending(until=world.now + timedelta(hours=1), why="test"))
    erase(world.store, EVENT_ID, other.registration_id, now=world.now)
    world.pass_time(minutes=1)
    world.sweep()
    assert [status(person) for person in (told, other)] == ["erased", "cancelled"]
    world.pass_time(hours=1)
    world.settle()
    assert status(other) == "erased"
    assert world.said(other.email) == [(REQUEST, 0), (CANCEL, 1)]


def test_a_bounce_that_comes_after_somebody_was_forgotten_does_not_bring_them_back(world: World) -> None:
    person = world.invite()
    erase(world.store, EVENT_ID, person.registration_id, now=world.now)
    world.settle()
    bounce = report(
        DeliveryState.BOUNCED,
        registration_id=person.registration_id,
        sequence=1,
        method=CANCEL,
        final=True,
        address=person.email,
        at=world.now,
    )
    assert world.run(apply_report(bounce))

    assert person.email not in readable(everything(world.client))


def test_the_forgotten_are_never_written_to_again(world: World) -> None:
    person = world.invite()
    erase(world.store, EVENT_ID, person.registration_id, now=world.now)
    world.settle()
    world.change(status=EventStatus.CANCELLED)
    world.settle()

    assert len(world.sent) == 2


# --- stock --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quota", "backlog", "limit"),
    [
        pytest.param(Quota(most=50_000, sent=0, rate=14), 0, 840, id="what SES takes in a minute"),
        pytest.param(Quota(most=50_000, sent=0, rate=14), 800, 40, id="less what waits already"),
        pytest.param(Quota(most=50_000, sent=0, rate=14), 9_000, 0, id="nothing while more than that waits"),
        pytest.param(None, 0, 60, id="SES does not say: as in the sandbox"),
    ],
)
def test_no_more_is_handed_out_than_ses_takes_in_a_minute(
    world: World, quota: Quota | None, backlog: int, limit: int
) -> None:
    world.quota, world.backlog = quota, backlog

    limits = world.run(mail_limits(Times()))
    assert limits.all == limit
    assert limits.urgent == (60 if quota is None else 840), "urgent mail does not wait for others"
    assert world.reads.sending().rate == (None if quota is None else 14)


def test_invitations_stop_where_the_quota_runs_low_and_cancellations_do_not(world: World) -> None:
    leaves = world.invite(1)
    comes = world.register(2)
    world.withdraw(leaves)
    world.quota = Quota(most=200, sent=160, rate=14)
    world.run(mail_limits(Times()))

    assert (world.look(leaves), world.look(comes)) == (Outcome.ACKNOWLEDGED, Outcome.QUOTA_RESERVED)
    world.pass_time(minutes=3)
    assert world.look(comes) is Outcome.ACKNOWLEDGED, "the next day, or with a larger quota, nobody stops them again"


@pytest.mark.parametrize(
    ("change", "method"),
    [
        pytest.param(lambda event, date: edits.cancel_date(event, date, ""), CANCEL, id="off"),
        pytest.param(
            lambda event, date: edits.change_date(event, DateChange(date=date, location="Elsewhere")),
            REQUEST,
            id="elsewhere",
        ),
    ],
)
def test_an_invitation_to_one_date_that_has_to_wait_does_not_hold_back_what_is_other_about_another(
    world: World, change: Callable[[Event, LocalTime], Event], method: Method
) -> None:
    event = world.change(rule=series.rule("FREQ=WEEKLY;COUNT=4", MORNING))
    _, second, third, _ = series.starts(event.schedule)
    event = world.become(edits.cancel_date(event, second, ""))
    person = world.invite(occurrences=(second, third))
    event = world.become(edits.restore_date(event, second))
    world.become(change(event, third))
    world.quota = Quota(most=200, sent=160, rate=14)
    world.run(mail_limits(Times()))

    assert world.look(person) is Outcome.QUOTA_RESERVED
    assert [(one.method, one.date) for one in world.told] == [(REQUEST, third), (method, third)]


def test_with_no_quota_at_all_nothing_is_reserved(world: World) -> None:
    world.quota = Quota(most=-1, sent=1_000_000, rate=14)
    world.run(mail_limits(Times()))

    assert not world.reads.sending().reserved(world.now)


def test_a_pause_of_the_account_does_not_undo_a_person_s_switch(world: World) -> None:
    tomorrow = world.now + timedelta(days=1)
    world.perform(StopSending(until=tomorrow, why="by hand"))
    world.perform(StopSending(until=world.now + timedelta(minutes=5), why="SendingPausedException"))

    assert world.reads.sending() == Sending(stopped_until=tomorrow, reason="by hand")
    world.store.records.start_sending()
    assert not world.reads.sending().stopped(world.now)
