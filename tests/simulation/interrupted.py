"""Trials of writes that others come in between of: at each call to the tables that they make. Each yields what is
wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

from convoke.effects import BatchHint, ClaimBatch, EndBatch, WakeUp
from convoke.model import RegistrationStatus
from convoke.registrations import erasure, registry, returning, waitlist
from convoke.store import keys
from tests import factories

from . import checker, orders, quick
from .checker import Violation
from .history import heal
from .scene import EVENT_ID, TIMES
from .world import BATCH, PAGE

PERSON = f"{1:010d}{EVENT_ID}"
SEATS, MORE_SEATS = 2, 5
ANEW, OTHER = (
    factories.registration(event_id=EVENT_ID, registration_id=f"{number:010d}{EVENT_ID}", email=email)
    for number, email in ((8, "person1@example.net"), (9, "person1+other@example.net"))
)
"""Of the same mailbox: another registration of the first person's, and somebody else's."""


class Interrupted(orders.Directed):
    """A world in which, at one call of those to the tables, somebody else does all of their work."""

    interrupted_at, calls = 0, 0
    by: Callable[[Interrupted], None]

    def before(self) -> None:
        self.calls += 1
        if self.calls == self.interrupted_at:
            self.by(self)


def _sends_again(world: Interrupted) -> None:
    orders.repaired(world)
    world.start("who sends again", orders.look())
    world.run_until(world.now + 10)


def an_erasure_is_interrupted() -> Iterator[Violation]:
    """Whatever is sent and stored while somebody is erased is forgotten, too."""
    with quick.quick():
        quick.forget()
        base = orders.begin(orders.Scenario((), first=(orders.to_be_erased,)))
        count = _erased(base, at=0).calls
        for at in range(1, count + 1):
            world = _erased(base, at=at)
            heal(world)
            yield from checker.at_the_end(world)


def _erased(base: orders.Directed, *, at: int) -> Interrupted:
    """A copy of ``base`` in which somebody was erased, interrupted at the call with this number; 0 at none."""
    world = _interrupted(base, _sends_again, at=at)
    erasure.forget(world.store, EVENT_ID, PERSON, now=world.instant())
    world.interrupted_at = -1
    return world


def a_wake_up_meets_a_more_urgent_one() -> Iterator[Violation]:
    """Somebody who is looked at again is not looked at later since they are woken up for something less urgent."""
    with quick.quick():
        quick.forget()
        base = orders.begin(orders.Scenario(()))
        for at in (1, 2):
            world = _interrupted(base, orders.withdraw, at=at)
            later = keys.due_key(1, world.instant() + TIMES.hint)
            world.perform(WakeUp(event_id=EVENT_ID, registration_id=PERSON, due_key=later))
            seen = world.store.reads.invitation(EVENT_ID, PERSON)
            if seen is None or seen.due_key is None or not seen.due_key.startswith("0"):
                yield Violation("pressing", f"a withdrawal is due at {seen and seen.due_key}")


def a_change_meets_something_more_urgent() -> Iterator[Violation]:
    """What is asked for makes nobody wait who is due for something more urgent since."""
    with quick.quick():
        quick.forget()
        base = orders.begin(orders.Scenario(()))
        for deed in (_asks_again, _moves_house):
            count = _changed(base, deed, at=0).calls
            for at in range(1, count + 1):
                world = _changed(base, deed, at=at)
                seen = world.store.reads.invitation(EVENT_ID, PERSON)
                if seen is None or seen.due_key is None or not seen.due_key.startswith("0"):
                    yield Violation("pressing", f"{deed.__name__}, call {at}: it is due at {seen and seen.due_key}")


def a_batch_ends_while_the_last_is_planned() -> Iterator[Violation]:
    """A fan-out is over with its last batch, also where that is planned and ends while another counts itself off."""
    with quick.quick():
        quick.forget()
        base = orders.begin(orders.Scenario((), first=(_only_the_first_batch_is_left,), people=BATCH * PAGE + 1))
        count = _ended(base, at=0).calls
        for at in range(1, count + 1):
            world = _ended(base, at=at)
            heal(world)
            yield from checker.at_the_end(world)


def _only_the_first_batch_is_left(world: orders.Directed) -> None:
    """Of those that are planned; and its people were told, too."""
    orders.planned(orders.THERE)(world)
    for work in (*(orders.batch(-1) for _ in range(1, PAGE)), *map(orders.look, range(1, BATCH + 1))):
        _done(world, work)


def _ended(base: orders.Directed, *, at: int) -> Interrupted:
    """A copy of ``base`` in which the first batch ended; at this call of it all others are planned, and end."""
    world = _interrupted(base, _plans_and_tells, at=-1)
    hint = BatchHint(event_id=EVENT_ID, version=2, first="")
    batch = world.perform(ClaimBatch(hint=hint, now=world.instant(), lease_until=world.instant() + TIMES.hint))
    world.interrupted_at, world.calls = at, 0
    world.perform(EndBatch(batch=batch))
    return world


def _plans_and_tells(world: Interrupted) -> None:
    world.interrupted_at = -1
    _done(world, orders.plan_and_tell)


def _done(world: orders.Directed, work: orders.Work) -> None:
    world.start("a worker", work)
    world.run_until(world.now + TIMES.function.total_seconds())


def _changed(base: orders.Directed, deed: orders.Deed, *, at: int) -> Interrupted:
    world = _interrupted(base, _wakes_up, at=at)
    deed(world)
    return world


def _wakes_up(world: Interrupted) -> None:
    world.interrupted_at = -1
    urgent = keys.due_key(0, world.instant())
    world.store.invitations.wake_up(WakeUp(event_id=EVENT_ID, registration_id=PERSON, due_key=urgent))


def _asks_again(world: orders.Directed) -> None:
    registry.resend(world.store, EVENT_ID, PERSON, now=world.instant())


def _moves_house(world: orders.Directed) -> None:
    changes = {"email": "elsewhere@example.net"}
    registry.change_registration(world.store, EVENT_ID, PERSON, changes=changes, priority=1, now=world.instant())


def kept_seats_are_passed_on() -> Iterator[Violation]:
    """The seats that are kept for somebody are passed on once, to a new registration of theirs and to nobody else."""
    with quick.quick():
        quick.forget()
        base = orders.begin(orders.Scenario((), first=(_a_seat_is_kept,), people=SEATS))
        for by in (
            *(_comes_back, _comes_back_for_others, _is_over),
            *(_registers_too, _keeps_seats_of_the_mailbox),
        ):
            count = _registers_anew(base, by, at=0).calls
            for at in range(1, count + 1):
                world = _registers_anew(base, by, at=at)
                yield from _passed_on_otherwise(world, f"{by.__name__}, call {at}", by)
                heal(world)
                yield from checker.at_the_end(world)


def _a_seat_is_kept(world: orders.Directed) -> None:
    """The event is full, the first person withdrew by one click, and somebody waits."""
    orders.change(capacity=SEATS)(world)
    orders.healed(world)
    now = world.instant()
    assert world.store.brakes.may_hold(EVENT_ID, PERSON, ANEW.email, now + returning.HELD, now)
    world.left[PERSON] += 1
    registry.withdraw(world.store, EVENT_ID, PERSON, now=now, held_until=now + returning.HELD)
    registry.register(
        world.store, replace(ANEW, registration_id=f"{7:010d}{EVENT_ID}", email="li@example.net"), now=now
    )


def _registers_anew(base: orders.Directed, by: Callable[[Interrupted], None], *, at: int) -> Interrupted:
    world = _interrupted(base, by, at=at)
    world.returning.add(ANEW.registration_id)  # to seats that are taken until the transaction's end
    registry.register(world.store, ANEW, now=world.instant())
    return world


def _comes_back(world: Interrupted) -> None:
    world.interrupted_at = -1
    returning.come_back(world.store, EVENT_ID, PERSON, now=world.instant())


def _comes_back_for_others(world: Interrupted) -> None:
    """And withdraws by one click with guests, for whom there is room since."""
    _comes_back(world)
    orders.change(capacity=MORE_SEATS)(world)
    waitlist.promote(world.store, EVENT_ID, now=world.instant())
    now = world.instant() + timedelta(seconds=1)
    registry.change_registration(world.store, EVENT_ID, PERSON, changes={"guests": 2}, priority=1, now=now)
    world.left[PERSON] += 1
    registry.withdraw(world.store, EVENT_ID, PERSON, now=now, held_until=now + returning.HELD)


def _is_over(world: Interrupted) -> None:
    world.interrupted_at = -1
    returning.end_hold(world.store, EVENT_ID, PERSON, now=world.instant(), early=True)
    waitlist.promote(world.store, EVENT_ID, now=world.instant())


def _registers_too(world: Interrupted) -> None:
    """Another address of the same mailbox."""
    world.interrupted_at = -1
    registry.register(world.store, OTHER, now=world.instant())


def _keeps_seats_of_the_mailbox(world: Interrupted) -> None:
    """By a clock that is ahead, for which those that are kept are over."""
    world.interrupted_at = -1
    later = world.instant() + returning.HELD
    assert world.store.brakes.may_hold(EVENT_ID, OTHER.registration_id, OTHER.email, later + returning.HELD, later)


def _passed_on_otherwise(world: Interrupted, what: str, by: Callable[[Interrupted], None]) -> Iterator[Violation]:
    store, people = world.store, {person.registration_id: person for person, _ in world.store.reads.everybody(EVENT_ID)}
    come = [one for one in people.values() if one.status is RegistrationStatus.REGISTERED]
    seats, count = store.reads.seats(EVENT_ID), sum(one.seats for one in come)
    if seats.held + count != seats.taken or seats.taken not in range(SEATS, (seats.capacity or 0) + 1):
        yield Violation("G1", f"{what}: {count} seats for {len(come)} who come, {seats}")
    if (other := people.get(OTHER.registration_id)) is not None and other in come:
        yield Violation("G1", f"{what}: {other} has what was kept for somebody else")
    holds = store.brakes.holds(EVENT_ID, ANEW.email, world.instant())
    ours = OTHER.registration_id if by is _keeps_seats_of_the_mailbox else ANEW.registration_id
    if holds != ours and (by is _keeps_seats_of_the_mailbox or people.get(ours) in come):
        yield Violation("brake", f"{what}: the mailbox may keep seats for {holds}")


def _interrupted(base: orders.Directed, by: Callable[[Interrupted], None], *, at: int) -> Interrupted:
    world = base.copy()
    world.__class__ = Interrupted
    assert isinstance(world, Interrupted)
    world.by, world.waiting, world.interrupted_at, world.calls = by, None, at, 0
    return world
