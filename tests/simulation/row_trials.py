"""Trials of a site's own table: two rows exchange their addresses, and the syncs of both meet, or fail for good."""

from __future__ import annotations

from collections.abc import Iterator

from . import orders, quick, rows
from .checker import Violation
from .history import heal
from .interrupted import Interrupted, interrupted
from .rows_checker import rows_at_the_end
from .worker import Crash


class Failing(Interrupted):
    """A world in which, besides, whoever makes a certain call to the tables dies at it."""

    dies_at = 0
    """The number of that call; 0 for none."""

    def before(self) -> None:
        super().before()
        if self.calls == self.dies_at:
            raise Crash(f"call {self.calls}")


def two_rows_that_exchange_addresses_meet() -> Iterator[Violation]:
    """Each is registered under the other's address, though both are synced in the same moment, and only once."""
    with quick.quick():
        quick.forget()
        base = orders.begin(orders.Scenario((), people=0))
        for at in range(1, _exchanged(base)[0].calls + 1):
            world, site = _exchanged(base, at=at)
            heal(world)
            yield from rows_at_the_end(world, site, 0)


def two_rows_that_exchange_addresses_fail() -> Iterator[Violation]:
    """As before, where one of the two dies on its way, and is synced no more: the daily comparison puts it right."""
    with quick.quick():
        quick.forget()
        base = orders.begin(orders.Scenario((), people=0))
        for at in range(1, _exchanged(base)[0].calls + 1):
            for dies_at in range(at, _exchanged(base, at=at)[0].calls + 1):
                world, site = _exchanged(base, at=at, dies_at=dies_at)
                world.dies_at = 0
                different = site.settle()
                heal(world)
                yield from rows_at_the_end(world, site, different)


def _exchanged(base: orders.Directed, *, at: int = 0, dies_at: int = 0) -> tuple[Failing, rows.Rows]:
    """A copy of ``base`` with two rows that exchanged their addresses, and were each synced once since."""
    users, emails = rows.USERS[:2], rows.ADDRESSES[:2]
    world = interrupted(base, lambda _: site.sync(users[1], 0), at=-1)
    world.__class__ = Failing
    assert isinstance(world, Failing)
    site = rows.Rows(world)
    for user, email in zip(users, emails, strict=True):
        site.write(user, email, heard=False)
        site.sync(user, 0)
    for user, email in zip(users, reversed(emails), strict=True):
        site.write(user, email, heard=False)
    world.interrupted_at, world.dies_at, world.calls = at, dies_at, 0
    site.sync(users[0], 0)
    world.interrupted_at = 0
    return world, site
