"""A trial of erasing somebody while others write to them: at each call to the tables that an erasure makes. Yields what
is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

from convoke.registrations import erasure

from . import checker, orders, quick
from .checker import Violation
from .history import heal
from .scene import EVENT_ID

PERSON = f"{1:010d}{EVENT_ID}"


class Interrupted(orders.Directed):
    """A world in which, at one call of those to the tables, somebody else does all of their work."""

    interrupted_at, calls = 0, 0

    def before(self) -> None:
        self.calls += 1
        if self.calls == self.interrupted_at:
            orders.repaired(self)
            self.start("who sends again", orders.look())
            self.run_until(self.now + 10)


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
    world = base.copy()
    world.__class__ = Interrupted
    assert isinstance(world, Interrupted)
    world.waiting, world.interrupted_at, world.calls = None, at, 0
    erasure.forget(world.store, EVENT_ID, PERSON, now=world.instant())
    world.interrupted_at = -1
    return world
