"""Trials of writes that others come in between of: at each call to the tables that they make. Each yields what is
wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from convoke.effects import WakeUp
from convoke.registrations import erasure, registry
from convoke.store import keys

from . import checker, orders, quick, rows
from .checker import Violation
from .history import People, heal
from .rows_checker import rows_at_the_end
from .scene import EVENT_ID, TIMES
from .tables import refused

PERSON = f"{1:010d}{EVENT_ID}"


class Interrupted(orders.Directed):
    """A world in which, at one call of those to the tables, somebody else does all of their work."""

    interrupted_at, calls, met = 0, 0, 0
    """The call that somebody else comes before, how many there were, and how many writes meet those of others."""
    by: Callable[[Interrupted], object]

    def before(self) -> None:
        self.calls += 1
        if self.calls == self.interrupted_at:
            self.by(self)

    def lost(self) -> str:
        if self.met == 0:
            return super().lost()
        self.met -= 1
        return "conflict"


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
    world = interrupted(base, _sends_again, at=at)
    erasure.forget(world.store, EVENT_ID, PERSON, now=world.instant())
    world.interrupted_at = -1
    return world


def a_wake_up_meets_a_more_urgent_one() -> Iterator[Violation]:
    """Somebody who is looked at again is not looked at later since they are woken up for something less urgent."""
    with quick.quick():
        quick.forget()
        base = orders.begin(orders.Scenario(()))
        for at in (1, 2):
            world = interrupted(base, orders.withdraw, at=at)
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


def _changed(base: orders.Directed, deed: orders.Deed, *, at: int) -> Interrupted:
    world = interrupted(base, _wakes_up, at=at)
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


def a_batch_is_interrupted() -> Iterator[Violation]:
    """A change comes to its end and to everybody, whatever fails or is done by others while a worker is at a batch."""
    with quick.quick():
        quick.forget()
        base = orders.begin(orders.Scenario((), first=(orders.planned(orders.THERE),), people=3))
        for by in (fails, _tells_the_rest):
            count = _told(base, by, at=0).calls
            for at in range(1, count + 1):
                world = _told(base, by, at=at)
                yield from checker.while_it_lives(world)
                heal(world)
                yield from checker.at_the_end(world)


def _told(base: orders.Directed, by: Callable[[Interrupted], None], *, at: int) -> Interrupted:
    world = interrupted(base, by, at=at)
    world.start("who tells", orders.batch())
    world.run_until(world.now + 60)
    world.interrupted_at = -1
    return world


def fails(_: Interrupted) -> None:
    raise refused("ThrottlingException", "Call")


def _tells_the_rest(world: Interrupted) -> None:
    world.start("who tells the rest", orders.batch(-1))
    world.run_until(world.now + 20)


def a_request_arrives_after_its_cancellation() -> Iterator[Violation]:
    """The cancellation is sent again."""
    with quick.quick():
        quick.forget()
        world = orders.begin(orders.Scenario((), people=0))
        world.faults.often |= {"report lost": 0.0, "mail late": 1.0}
        # Five minutes late.
        world.reports_heard, world.random = True, lambda: 0.5
        for deed in (People(world).register, partial(orders.withdraw, world)):
            deed()
            world.start("who sends", orders.look())
            world.run_until(world.now + 10)
            world.faults.often["mail late"] = 0.0
        heal(world)
        yield from checker.at_the_end(world)


def two_rows_that_exchange_addresses_meet() -> Iterator[Violation]:
    """Each is registered under the other's address, though both are looked at in the same moment, and never again."""
    with quick.quick():
        quick.forget()
        base = orders.begin(orders.Scenario((), people=0))
        count = _exchanged(base, at=0)[0].calls
        for at in range(1, count + 1):
            world, site = _exchanged(base, at=at)
            heal(world)
            yield from rows_at_the_end(world, site, 0)


def _exchanged(base: orders.Directed, *, at: int) -> tuple[Interrupted, rows.Rows]:
    """A copy of ``base`` with two rows that exchanged their addresses, and are looked at once each since."""
    users, emails = rows.USERS[:2], rows.ADDRESSES[:2]
    world = interrupted(base, lambda _: site.sync(users[1], 0), at=-1)
    site = rows.Rows(world)
    for user, email in zip(users, emails, strict=True):
        site.write(user, email)
        site.sync(user, 0)
    for user, email in zip(users, reversed(emails), strict=True):
        site.write(user, email)
    world.interrupted_at, world.calls = at, 0
    site.sync(users[0], 0)
    return world, site


def interrupted(base: orders.Directed, by: Callable[[Interrupted], object], *, at: int) -> Interrupted:
    """A copy of ``base`` in which somebody else comes before the call with this number."""
    world = base.copy()
    world.__class__ = Interrupted
    assert isinstance(world, Interrupted)
    world.by, world.waiting, world.interrupted_at, world.calls = by, None, at, 0
    return world
