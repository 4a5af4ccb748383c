"""A trial of registrations that meet each other, and other changes of who comes. It yields what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from unittest.mock import patch

from convoke.model import Registration, RegistrationStatus
from convoke.registrations import approval, registry, returning
from convoke.store import seats
from tests import factories

from . import checker, orders, quick
from .checker import Violation
from .history import heal
from .interrupted import Interrupted, interrupted
from .scene import EVENT_ID

Deed = Callable[[orders.Directed], object]


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


def registrations_meet_others() -> Iterator[Violation]:
    """Seats and those who are pending are counted rightly, nobody waits for a seat that is free, and nobody is pending
    at an event that was cancelled before, alone or in a shard; nobody comes who is to be erased.
    """
    with quick.quick(), patch.object(seats, "SHARDS", 1):
        quick.forget()
        empty = orders.begin(orders.Scenario((), people=0))
        yield from _meet(empty, _asks(1), orders.CANCELLED)
        sharded = _after(empty, _asks(1), orders.CANCELLED, at=0, met=1)
        yield from _meet(sharded, _asks(2), orders.CANCELLED, met=1)
        asked = _after(empty, _asks(1), orders.CANCELLED, at=0)
        yield from _meet(asked, _decline, _accept)
        few = orders.begin(orders.Scenario((), first=(orders.change(capacity=3),), people=0))
        with_a_shard = _after(few, partial(_register, number=1), orders.CANCELLED, at=0, met=1)
        yield from _meet(with_a_shard, partial(_register, number=2, guests=1), partial(_register, number=3))
        gone = orders.begin(orders.Scenario((), first=(orders.withdraw, orders.healed)))
        yield from _meet(gone, _come_back, orders.is_to_be_erased)
        full = orders.begin(orders.Scenario((), first=(orders.change(capacity=1), orders.healed)))
        yield from _meet(full, orders.withdraw, partial(_register, number=2))
