"""Trials of registrations that meet each other, and other changes of who comes. Each yields what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import product
from typing import Any
from unittest.mock import patch

from convoke.model import Registration, RegistrationStatus
from convoke.registrations import approval, erasure, registry, returning, waitlist
from convoke.registrations import seats as taking
from convoke.store import keys, seats
from tests import factories

from . import checker, orders, quick
from .checker import Violation
from .history import heal
from .interrupted import Interrupted, interrupted
from .scene import EVENT_ID

Deed = Callable[[orders.Directed], object]
FOR_ONE, FOR_TWO, FOR_FOUR, FOR_TEN, NO_LIMIT = (orders.change(capacity=most) for most in (1, 2, 4, 10, None))


def _register(world: orders.Directed, number: int, **more: Any) -> None:
    email = f"person{number}@example.net"
    person = factories.registration(event_id=EVENT_ID, registration_id=f"{number:010d}{EVENT_ID}", email=email, **more)
    registry.register(world.store, person, now=world.instant())


def _asks(number: int) -> Deed:
    return partial(_register, number=number, status=RegistrationStatus.PENDING)


def _first(world: orders.Directed) -> Registration:
    person = world.store.reads.registration(EVENT_ID, f"{1:010d}{EVENT_ID}")
    assert person is not None
    return person


def _accept(world: orders.Directed) -> None:
    event, person = world.store.reads.event(EVENT_ID), _first(world)
    assert event is not None
    world.accepted[person.registration_id] += 1
    approval.accept(world.store, event, person, now=world.instant())


def _decline(world: orders.Directed) -> None:
    event, person = world.store.reads.event(EVENT_ID), _first(world)
    assert event is not None
    if isinstance(approval.decline(world.store, event, person, now=world.instant()), Registration):
        world.turned_down.append(person.registration_id)


def _come_back(world: orders.Directed) -> None:
    returning.come_back(world.store, EVENT_ID, f"{1:010d}{EVENT_ID}", now=world.instant())


def _erase(world: orders.Directed) -> None:
    rid = f"{1:010d}{EVENT_ID}"
    world.left[rid] += 1
    erasure.erase(world.store, EVENT_ID, rid, now=world.instant())


def _withdraw(world: orders.Directed, number: int) -> None:
    rid = f"{number:010d}{EVENT_ID}"
    world.left[rid] += 1
    registry.withdraw(world.store, EVENT_ID, rid, now=world.instant())


def _promote(world: orders.Directed) -> None:
    waitlist.promote(world.store, EVENT_ID, now=world.instant())


def _in_turn(*deeds: Deed) -> Callable[[orders.Directed], None]:
    def all_of_them(world: orders.Directed) -> None:
        for deed in deeds:
            deed(world)

    return all_of_them


def _meets(deed: Deed) -> Deed:
    """The deed, whose first write meets that of others."""

    def met(world: orders.Directed) -> None:
        world.__class__ = Interrupted
        assert isinstance(world, Interrupted)
        world.met = 1
        deed(world)

    return met


def _crowded(number: int) -> Deed:
    """One registers who meets others, so that a shard is lent a block."""
    return _meets(partial(_register, number=number))


def _nothing(_: orders.Directed) -> None:
    pass


ONE_GOES, TWO_GOES = (partial(_withdraw, number=number) for number in (1, 2))
TWO_COMES, THREE_COMES, FOUR_COMES, FIVE_COMES, SIX_COMES = (
    partial(_register, number=number) for number in (2, 3, 4, 5, 6)
)
TOO_FEW = (
    *(orders.change(capacity=3), TWO_COMES, THREE_COMES, partial(_register, number=4, guests=1)),
    *(orders.healed, ONE_GOES),
)
"""One seat is free, and who waits needs two."""


def _another_goes(world: orders.Directed) -> None:
    world.run_until(world.now + 1)
    TWO_GOES(world)


@contextmanager
def _one_shard() -> Iterator[None]:
    with quick.quick(), patch.object(seats, "SHARDS", 1):
        quick.forget()
        yield


def _begin(*first: Deed) -> orders.Directed:
    """A world in which one person was invited, and these deeds were done."""
    return orders.begin(orders.Scenario((), first=(_in_turn(*first),)))


def _bring(world: orders.Directed, guests: int) -> None:
    """The first person brings guests."""
    rid, changes = f"{1:010d}{EVENT_ID}", {"guests": guests}
    registry.change_registration(world.store, EVENT_ID, rid, changes=changes, priority=1, now=world.instant())


def _after(base: orders.Directed, deed: Deed, by: Deed, *, at: int, met: int = 0) -> Interrupted:
    """A copy of ``base`` in which ``deed`` was done, with ``by`` before the call with this number, and ``met`` of whose
    writes met those of others.
    """
    world = interrupted(base, by, at=at)
    world.met = met
    deed(world)
    world.interrupted_at, world.met = -1, 0
    return world


def _meet(base: orders.Directed, deed: Deed, by: Deed, *, met: int = 0) -> Iterator[Violation]:
    """What is wrong in the end where ``by`` is done at any call of the deed."""
    count = _after(base, deed, by, at=0, met=met).calls
    for at in range(1, count + 1):
        world = _after(base, deed, by, at=at, met=met)
        heal(world)
        yield from checker.at_the_end(world)


def _put_off(base: orders.Directed, deed: Deed, by: Deed) -> Iterator[Violation]:
    """Where the deed puts off a waitlist to which ``by`` gives a seat."""
    for at in range(1, _after(base, deed, by, at=0).calls + 1):
        world = _after(base, deed, by, at=at)
        found = world.store.reads.seats(EVENT_ID)
        if found.waiting and (found.due_key or "") > keys.due_key(2, world.instant()):
            yield Violation("pressing", f"call {at}: {found} are looked at only then")


def registrations_meet_others() -> Iterator[Violation]:
    """Seats and those who are pending are counted rightly, nobody waits for a seat that is free, and nobody is pending
    at an event that was cancelled before, alone or in a shard; nobody comes who is to be erased.
    """
    with _one_shard():
        empty = orders.begin(orders.Scenario((), people=0))
        yield from _meet(empty, _asks(1), orders.CANCELLED)
        sharded = _after(empty, _asks(1), orders.CANCELLED, at=0, met=1)
        yield from _meet(sharded, _asks(2), orders.CANCELLED, met=1)
        more_ask = _in_turn(_meets(_asks(3)), _meets(_asks(4)))
        yield from _meet(empty, _asks(2), more_ask, met=1)
        asked = _after(empty, _asks(1), orders.CANCELLED, at=0)
        yield from _meet(asked, _decline, _accept)
        few = orders.begin(orders.Scenario((), first=(orders.change(capacity=3),), people=0))
        with_a_shard = _after(few, partial(_register, number=1), orders.CANCELLED, at=0, met=1)
        yield from _meet(with_a_shard, partial(_register, number=2, guests=1), partial(_register, number=3))
        gone = orders.begin(orders.Scenario((), first=(orders.withdraw, orders.healed)))
        yield from _meet(gone, _come_back, orders.is_to_be_erased)
        yield from _meet(gone, _erase, _come_back)
        full = orders.begin(orders.Scenario((), first=(orders.change(capacity=1), orders.healed)))
        yield from _meet(full, orders.withdraw, partial(_register, number=2))


def seats_that_are_free_meet_others() -> Iterator[Violation]:
    """A seat that somebody has seen is given only while it is free, at an event that takes people, and not as a place
    on the waitlist; and all are counted rightly.
    """
    with _one_shard(), patch.object(taking, "BLOCK", 2):
        two, unlimited = _begin(FOR_TWO, orders.healed), _begin(orders.healed)
        lent = _begin(FOR_FOUR, orders.healed, _crowded(2))
        for base, by in product((two, unlimited, lent), (orders.CANCELLED, FOR_ONE)):
            yield from _meet(base, THREE_COMES, by)
        yield from _meet(lent, _in_turn(THREE_COMES, FIVE_COMES), FOUR_COMES)
        # The shard has places on the waitlist, where there were none, or seats.
        others_wait = _in_turn(THREE_COMES, FOUR_COMES, FIVE_COMES, SIX_COMES, _crowded(7))
        some_go = _in_turn(ONE_GOES, partial(_withdraw, number=3))
        yield from _meet(_begin(FOR_FOUR, orders.healed), TWO_COMES, _in_turn(others_wait, some_go), met=1)
        yield from _meet(unlimited, TWO_COMES, _in_turn(FOR_ONE, others_wait, NO_LIMIT), met=1)
        places_instead = _in_turn(FOUR_COMES, FIVE_COMES, SIX_COMES, _crowded(7))
        for guests in (0, 2):
            yield from _meet(lent, partial(_register, number=3, guests=guests), places_instead)


def who_waits_meets_others() -> Iterator[Violation]:
    """Nobody waits where a seat is free, or at an event that was closed before."""
    with _one_shard():
        full, many = _begin(FOR_ONE, orders.healed), _begin(partial(_bring, guests=9), FOR_TEN, orders.healed)
        for by in (orders.CANCELLED, ONE_GOES, _in_turn(FOR_TWO, _promote)):
            yield from _meet(full, TWO_COMES, by)
        # A shard has seats left, and the event itself has none.
        lent = _in_turn(ONE_GOES, _crowded(2), partial(_register, number=3, guests=4))
        yield from _meet(many, FOUR_COMES, lent)
        queued = _begin(FOR_ONE, TWO_COMES, orders.healed)
        for by in (orders.CANCELLED, _in_turn(TWO_GOES, ONE_GOES)):
            yield from _meet(queued, THREE_COMES, by)
        one_free = _begin(orders.change(capacity=3), TWO_COMES, orders.healed)
        # Who comes needs two seats; one is free, which somebody else waits for in the end.
        yield from _put_off(
            one_free, partial(_register, number=5, guests=1), _in_turn(THREE_COMES, FOUR_COMES, ONE_GOES)
        )


def who_is_promoted_meets_others() -> Iterator[Violation]:
    """Nobody gets a seat at an event that was closed before, or that another change took away; and a waitlist is due as
    long as somebody can be promoted, and no longer.
    """
    with _one_shard():
        limited = _begin(FOR_TWO, TWO_COMES, THREE_COMES, FOUR_COMES, ONE_GOES)
        unlimited = _begin(FOR_ONE, TWO_COMES, NO_LIMIT)
        for base, by in product((limited, unlimited), (orders.CANCELLED, FOR_ONE, _promote)):
            yield from _meet(base, _promote, by)
        yield from _meet(_begin(FOR_ONE), _promote, _in_turn(TWO_COMES, ONE_GOES))
        for first in ((FOR_ONE, TWO_COMES), (FOR_ONE, TWO_COMES, orders.CANCELLED, ONE_GOES), (FOR_TWO,)):
            yield from _meet(_begin(*first), _promote, _nothing)
        yield from _put_off(_begin(*TOO_FEW), _promote, _another_goes)


def a_block_meets_a_change() -> Iterator[Violation]:
    """A shard that is lent seats while the capacity is lowered gives out no more than there are then."""
    with _one_shard():
        come = (partial(_register, number=number) for number in range(3, 7))
        yield from _meet(_begin(orders.change(capacity=20)), _in_turn(orders.change(capacity=3), *come), _crowded(2))
