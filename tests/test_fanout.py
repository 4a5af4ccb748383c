"""Slices: everybody is told once, whatever dies, doubles, overtakes or refuses on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from convoke.decision.invitation import Batch, FanOut
from convoke.delivery.fan_out import SECONDS_AFTER_BUSY, SECONDS_AFTER_REFUSAL, announce, process_batch
from convoke.delivery.reconcile import Outcome
from convoke.effects import (
    Acknowledge,
    Effect,
    Enqueue,
    MoveFanOut,
    ReadInvitations,
    Refusal,
    Refused,
    Steps,
    Unknown,
    WakeUp,
)
from convoke.model import EventStatus, Method, Registration
from tests.factories import AFTERNOON, EVENT_ID, MORNING
from tests.world import World, a_world

REQUEST, CANCEL = Method.REQUEST, Method.CANCEL


class Crash(Exception):
    """The worker dies here."""


@pytest.fixture
def world() -> Iterator[World]:
    with a_world() as made:
        yield made


def invited(world: World, count: int) -> list[Registration]:
    people = [world.register(number) for number in range(count)]
    for person in people:
        world.look(person)
    world.sent.clear()
    return people


def test_a_change_is_told_to_everybody_slice_after_slice(world: World) -> None:
    people = invited(world, 7)
    world.change(when=AFTERNOON)
    assert world.run(announce(EVENT_ID))
    world.drain(size=3)

    assert [rendered.intent.calendar_state.recipient for rendered in world.sent] == [person.email for person in people]
    assert set(world.said()) == {(REQUEST, 1)}
    assert world.owed() == []


@pytest.mark.parametrize("count", [0, 2, 3, 4])
def test_the_last_slice_takes_the_fan_out_away(world: World, count: int) -> None:
    invited(world, count)
    world.change(when=AFTERNOON)
    world.run(announce(EVENT_ID))
    world.drain(size=2)

    assert len(world.sent) == count
    assert world.reads.fan_out(EVENT_ID) is None


def test_without_a_fan_out_there_is_nothing_to_announce(world: World) -> None:
    assert not world.run(announce(EVENT_ID))
    assert world.queue == []


def test_a_slice_of_an_older_version_tells_nobody(world: World) -> None:
    invited(world, 2)
    old = world.change(when=AFTERNOON)
    world.change(when=MORNING)

    assert world.run(process_batch(Batch(event_id=EVENT_ID, version=old.version), world.worker())) == ()
    assert world.reads.fan_out(EVENT_ID) == FanOut(event_id=EVENT_ID, version=old.version + 1)


def test_a_slice_that_comes_twice_tells_nobody_twice(world: World) -> None:
    invited(world, 4)
    changed = world.change(when=AFTERNOON)
    first = Batch(event_id=EVENT_ID, version=changed.version)
    world.run(process_batch(first, world.worker(), size=2))
    world.run(process_batch(first, world.worker(), size=2))

    assert len(world.sent) == 2
    named = [hint.hint for hint in world.queue]
    assert named[0] == named[1], "the second only names again where the first one went on"
    world.drain(size=2)
    assert len(world.sent) == 4


def test_of_two_workers_at_one_slice_only_one_goes_on(world: World) -> None:
    invited(world, 4)
    changed = world.change(when=AFTERNOON)
    first = Batch(event_id=EVENT_ID, version=changed.version)
    doubled = iter([True])

    def meanwhile(effect: Effect) -> None:
        if isinstance(effect, MoveFanOut) and next(doubled, False):
            world.run(process_batch(first, world.worker(), size=2))

    world.before = meanwhile
    world.run(process_batch(first, world.worker(), size=2))

    assert len(world.sent) == 2
    assert len(world.queue) == 1


def test_a_newer_change_takes_over_from_the_one_that_is_being_told(world: World) -> None:
    people = invited(world, 4)
    changed = world.change(when=AFTERNOON)
    world.run(process_batch(Batch(event_id=EVENT_ID, version=changed.version), world.worker(), size=2))
    world.change(when=MORNING)
    world.run(announce(EVENT_ID))
    world.drain(size=2)

    assert world.said(people[0].email) == [(REQUEST, 1), (REQUEST, 2)], "told of the move, and that it was taken back"
    assert world.said(people[3].email) == [], "nothing has changed for those who had not heard yet"


def test_whoever_is_busy_is_looked_at_again(world: World) -> None:
    people = invited(world, 3)
    world.change(title="Other")
    world.answers = [Unknown(why="ReadTimeoutError")]
    world.look(people[1])
    world.run(announce(EVENT_ID))
    world.drain()

    assert [rendered.intent.calendar_state.recipient for rendered in world.sent] == [people[0].email, people[2].email]
    world.settle()
    assert world.said(people[1].email) == [(REQUEST, 1)]


def to_the_end(steps: Steps[tuple[Outcome, ...]], effect: Effect, world: World) -> None:
    with suppress(StopIteration):
        while True:
            effect = steps.send(world.perform(effect))


def test_of_two_changes_at_one_moment_nobody_waits_for_the_sweeper_to_hear_the_second(world: World) -> None:
    """The worker who tells of the first is through before the other says that somebody must look again."""
    person = invited(world, 1)[0]
    first = process_batch(Batch(event_id=EVENT_ID, version=world.change(when=AFTERNOON).version), world.worker())
    effect = next(first)
    while not isinstance(effect, Acknowledge):
        effect = first.send(world.perform(effect))

    def meanwhile(wakeups: Effect) -> None:
        if isinstance(wakeups, WakeUp):
            world.before = lambda _: None
            to_the_end(first, effect, world)

    second = world.change(title="Other")
    world.before = meanwhile
    outcomes = world.run(process_batch(Batch(event_id=EVENT_ID, version=second.version), world.worker()))
    assert outcomes == (Outcome.BUSY,)

    assert [one.delay_seconds for one in world.queue] == [SECONDS_AFTER_BUSY]
    world.drain()
    assert world.said(person.email) == [(REQUEST, 1), (REQUEST, 2)]
    assert world.owed() == []


def test_what_was_looked_at_and_is_busy_is_woken_up_and_nobody_else(world: World) -> None:
    people = invited(world, 3)
    world.change(title="Other")
    world.answers = [Unknown(why="ReadTimeoutError")]
    world.look(people[1])
    woken = []
    world.before = lambda effect: woken.append(effect.registration_id) if isinstance(effect, WakeUp) else None
    world.run(announce(EVENT_ID))
    world.drain()

    assert woken == [people[1].registration_id]


def test_when_ses_refuses_the_slice_stops_and_goes_on_later_where_it_was(world: World) -> None:
    people = invited(world, 5)
    changed = world.change(when=AFTERNOON)
    slow: list[Effect] = []

    def refuse_the_third(effect: Effect) -> None:
        if len(world.sent) == 2 and not slow:
            slow.append(effect)
            world.answers = [Refused(refusal=Refusal.BUSY, why="TooManyRequestsException")]

    world.before = refuse_the_third
    world.run(process_batch(Batch(event_id=EVENT_ID, version=changed.version), world.worker()))

    assert len(world.sent) == 2
    rest = Batch(event_id=EVENT_ID, version=changed.version, cursor=people[1].registration_id)
    assert world.queue == [Enqueue(hint=rest, urgent=False, delay_seconds=SECONDS_AFTER_REFUSAL)]
    world.drain()
    assert [rendered.intent.calendar_state.recipient for rendered in world.sent] == [person.email for person in people]


def test_while_all_mail_is_stopped_a_slice_waits_for_the_sweeper(world: World) -> None:
    invited(world, 3)
    world.answers = [Refused(refusal=Refusal.PAUSED, why="SendingPausedException")]
    changed = world.change(when=AFTERNOON)
    part = Batch(event_id=EVENT_ID, version=changed.version)
    world.run(process_batch(part, world.worker()))
    world.queue.clear()
    world.run(process_batch(part, world.worker()))

    assert (world.sent, world.queue) == ([], [])
    world.settle()
    assert len(world.sent) == 3


@pytest.mark.parametrize("step", range(60))
def test_a_slice_that_dies_at_any_step_is_taken_up_by_the_sweeper(step: int) -> None:
    with a_world() as world:
        people = invited(world, 3)
        world.change(status=EventStatus.CANCELLED)
        left = iter(range(step))

        def die_at_the_step(_: Effect) -> None:
            if next(left, None) is None:
                raise Crash

        world.run(announce(EVENT_ID))
        world.before = die_at_the_step
        try:
            world.drain(size=2)
        except Crash:
            world.queue.clear()
        world.before = lambda _: None
        world.pass_time(minutes=3)
        world.settle()

        for person in people:
            said = world.said(person.email)
            assert said[-1:] == [(CANCEL, 1)], person.email
            assert len(said) <= 2, "at most the one whose acceptance nobody wrote down comes twice"


def test_an_attendee_costs_a_slice_the_same_however_many_there_are(world: World) -> None:
    """Three writes and one mail each, and not one read."""
    effects: list[str] = []
    world.before = lambda effect: effects.append(type(effect).__name__)
    costs: list[dict[str, int]] = []
    for count in (4, 8):
        for number in range(len(costs) * 4, count):
            world.look(world.register(number))
        changed = world.change(title=f"For {count}")
        effects.clear()
        world.run(process_batch(Batch(event_id=EVENT_ID, version=changed.version), world.worker()))
        costs.append(
            {
                name: effects.count(name)
                for name in ("Claim", "StoreMessage", "Send", "Acknowledge", "RecordMessageState")
            }
        )
        reads = [name for name in effects if name.startswith("Read")]
        assert sorted(reads) == [
            "ReadEvent",
            "ReadFanOut",
            ReadInvitations.__name__,
            "ReadRegistrations",
            "ReadSending",
        ]
        assert set(costs[-1].values()) == {count}
