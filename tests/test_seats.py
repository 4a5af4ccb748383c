"""Seats of an event for which many register at once: none is given twice, none is withheld, nobody is refused.

The guards that chance seldom needs are each shown here in the order of events that needs it, with and without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from convoke.model import EventStatus, Registration, RegistrationStatus
from convoke.registrations import registry, seats, waitlist
from convoke.registrations.events import change_event, create_event
from convoke.registrations.registry import Obstacle
from convoke.store import conditions
from convoke.store import seats as store_seats
from convoke.store.store import Store
from tests.bench import crowd
from tests.factories import EVENT_ID, NOW, event, existing, registration
from tests.simulation import quick
from tests.simulation.tables import Tables
from tests.tables import SETTINGS

TAKE = seats.take


class World(Tables):
    """Tables of one event, where something can happen after somebody has looked and before they write."""

    def __init__(self, **changes: Any) -> None:
        super().__init__(SETTINGS.registrations_table, lambda *_: None)
        self.meanwhile: Callable[[], None] | None = None
        self.event = event(**changes)
        self.store = Store(self, SETTINGS)
        create_event(self.store, self.event)
        self.came = 0

    def transact_write_items(self, **asked: Any) -> None:
        if (meanwhile := self.meanwhile) is not None:
            self.meanwhile = None
            meanwhile()
        super().transact_write_items(**asked)

    def register(self, meanwhile: Callable[[], None] | None = None, *, crowded: bool = False) -> str:
        self.came += 1
        # Whoever others come before, meanwhile, is the last in the order of arrival.
        who = f"{self.came + (100 if meanwhile else 0):010d}{EVENT_ID}"
        person = registration(registration_id=who, name=f"Person {who}", email=f"person{self.came}@example.net")
        self.meanwhile = meanwhile
        often = 1 if crowded else 0
        with patch.object(seats, "take", lambda *ids, conflicts, **how: TAKE(*ids, conflicts=conflicts + often, **how)):
            stored = registry.register(self.store, person, now=NOW)
        assert isinstance(stored, Registration)
        return who

    def rush_in(self) -> None:
        self.register(crowded=True)

    def withdraw(self, who: str) -> None:
        assert isinstance(registry.withdraw(self.store, EVENT_ID, who, now=NOW), Registration)

    def change(self, **changes: Any) -> None:
        before, self.event = self.event, replace(self.event, version=self.event.version + 1, **changes)
        assert change_event(self.store, before, self.event, priority=1, now=NOW)

    def promote(self) -> None:
        while waitlist.promote(self.store, EVENT_ID, now=NOW):
            pass

    def status(self, who: str) -> RegistrationStatus:
        return existing(self.store.reads.registration(EVENT_ID, who)).status

    def come(self) -> int:
        rows = self.rows[SETTINGS.registrations_table][f"EVENT#{EVENT_ID}"].values()
        return sum(row.get("status") == "registered" for row in rows)

    def counted(self) -> tuple[int, int]:
        found = self.store.reads.seats(EVENT_ID)
        return found.taken, found.waiting


@pytest.fixture(autouse=True)
def one_shard() -> Iterator[None]:
    with quick.quick(), patch.object(store_seats, "SHARDS", 1):
        yield


SEATS_ARE_FREE_WHOEVER_WAITS = "#open = :true AND #capacity = :capacity AND #taken <= :most"
WITHOUT = pytest.mark.parametrize("without", [False, True], ids=["with the guard", "without it"])


# --- many at once -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("capacity", [None, 150, 4], ids=["without a limit", "half of them", "a few"])
def test_a_hundred_a_second_are_all_taken_in_and_counted_exactly(capacity: int | None) -> None:
    """Three seconds of it; ``make bench`` shows ten."""
    with patch.object(store_seats, "SHARDS", 16):
        done = crowd.run(capacity=capacity, people=300)
    seated = 300 if capacity is None else capacity
    assert done.refused == []
    assert done.statuses() == done.counted() == (seated, 300 - seated)
    assert done.tables.conflicts


def test_a_capacity_that_is_lowered_in_the_rush_holds_from_then_on() -> None:
    seen: list[tuple[int, int]] = []

    def lower(done: crowd.Run) -> None:
        before = event(capacity=200)
        after = replace(before, version=before.version + 1, capacity=40)
        assert change_event(Store(done.tables, SETTINGS), before, after, priority=1, now=NOW + timedelta(seconds=1))
        seen.append(done.statuses())

    with patch.object(store_seats, "SHARDS", 16):
        done = crowd.run(capacity=200, people=200, meanwhile=lower, at=1.0)
    ((seated, _),) = seen
    assert done.refused == []
    assert done.statuses() == done.counted()
    assert done.statuses()[0] == max(seated, 40) < 200


def test_an_event_that_is_cancelled_in_the_rush_takes_nobody_afterwards() -> None:
    seen: list[tuple[int, int]] = []

    def cancel(done: crowd.Run) -> None:
        before = event()
        after = replace(before, version=before.version + 1, status=EventStatus.CANCELLED)
        assert change_event(Store(done.tables, SETTINGS), before, after, priority=0, now=NOW + timedelta(seconds=1))
        seen.append(done.statuses())

    with patch.object(store_seats, "SHARDS", 16):
        done = crowd.run(capacity=None, people=200, meanwhile=cancel, at=1.0)
    assert set(done.refused) == {Obstacle.CLOSED.value}
    assert [done.statuses()] == seen
    assert done.statuses() == done.counted()


# --- where nobody meets -------------------------------------------------------------------------------------------


def test_who_meets_nobody_takes_the_seat_from_the_event_and_no_shard_is_made() -> None:
    world = World(capacity=2)
    for _ in range(3):
        world.register()
    assert world.counted() == (2, 1)
    assert world.store.reads.seats(EVENT_ID).shards == ()


def test_seats_that_a_shard_has_left_are_given_before_anybody_waits() -> None:
    world = World(capacity=6)
    people = [world.register(crowded=True), *(world.register() for _ in range(6))]
    assert world.store.reads.seats(EVENT_ID).blocks
    assert [world.status(who).value for who in people] == ["registered"] * 6 + ["waitlisted"]
    assert world.counted() == (6, 1)


def test_the_waitlist_ends_with_the_last_who_waits_however_many_places_were_lent() -> None:
    world = World(capacity=1)
    first, second = world.register(), world.register()
    third = world.register(crowded=True)
    assert world.store.reads.seats(EVENT_ID).lent(waits=True)
    world.withdraw(second)
    world.withdraw(third)
    world.withdraw(first)
    world.promote()
    assert not world.store.reads.seats(EVENT_ID).queued
    assert world.status(world.register()) is RegistrationStatus.REGISTERED


def test_several_seats_are_taken_at_once_or_none() -> None:
    world = World(capacity=4)
    world.register(crowded=True)  # a block of two: one is left in the shard, and two of the event's
    for expected in (RegistrationStatus.REGISTERED, RegistrationStatus.WAITLISTED):
        place = existing(seats.take(world.store, EVENT_ID, "x", count=3, now=NOW))
        assert place.status is expected
        assert not world.store.attempt(place.actions)
    assert world.store.reads.seats(EVENT_ID).taken == 4


@pytest.mark.parametrize(
    ("capacity", "there", "change"),
    [
        (4, (False,), {"status": EventStatus.CANCELLED}),
        (4, (False,), {"capacity": 9}),
        (None, (), {"status": EventStatus.CANCELLED}),
        (None, (), {"capacity": 9}),
        (4, (True,), {"status": EventStatus.CANCELLED}),
        (4, (True,), {"capacity": 9}),
        (1, (False,), {"status": EventStatus.CANCELLED}),
        (1, (False,), {"capacity": 9}),
        (1, (False, False), {"status": EventStatus.CANCELLED}),
        (1, (False, True), {"status": EventStatus.CANCELLED}),
    ],
)
def test_a_place_is_not_given_where_the_event_was_changed_since_it_was_found(
    capacity: int | None, there: tuple[bool, ...], change: dict[str, Any]
) -> None:
    world = World(capacity=capacity)
    for crowded in there:
        world.register(crowded=crowded)
    place = existing(seats.take(world.store, EVENT_ID, "x", count=1, now=NOW))
    world.change(**change)
    assert "seats" in world.store.attempt(place.actions)


def test_the_last_seat_of_a_shard_is_given_once_and_not_given_back_as_well() -> None:
    world = World(capacity=4)
    world.register(crowded=True)
    (shard,) = world.store.reads.seats(EVENT_ID).shards
    assert shard.free == 1
    places = [existing(seats.take(world.store, EVENT_ID, who, count=1, now=NOW)) for who in ("x", "y")]
    assert [set(world.store.attempt(place.actions)) for place in places] == [set(), {"seats"}]
    assert not world.store.seats.give_back(EVENT_ID, shard)
    assert world.store.reads.seats(EVENT_ID).taken == 2


@pytest.mark.parametrize(
    ("capacity", "change"),
    [
        (2, {"status": EventStatus.CANCELLED}),
        (2, {"capacity": 1}),
        (None, {"status": EventStatus.CANCELLED}),
        (None, {"capacity": 1}),
    ],
)
def test_nobody_is_promoted_where_the_event_is_changed_at_the_same_moment(
    capacity: int | None, change: dict[str, Any]
) -> None:
    world = World(capacity=2)
    first, _, waits = world.register(), world.register(), world.register()
    if capacity is None:
        world.change(capacity=None)
    world.withdraw(first)

    really = world.store.attempt
    changed: list[dict[str, Any]] = []

    def attempt(*arguments: Any) -> Any:
        if not changed:
            changed.append(change)
            world.change(**change)
        return really(*arguments)

    with patch.object(world.store, "attempt", attempt):
        waitlist.promote(world.store, EVENT_ID, now=NOW)
    assert changed
    assert world.status(waits) is RegistrationStatus.WAITLISTED


# --- the guards ---------------------------------------------------------------------------------------------------


def unguarded(without: bool, change: AbstractContextManager[Any]) -> AbstractContextManager[Any]:
    return change if without else nullcontext()


@WITHOUT
def test_a_place_on_the_waitlist_is_not_taken_for_a_seat(without: bool) -> None:
    world = World(capacity=4)
    world.register(crowded=True)
    with unguarded(without, patch.object(conditions, "SHARD_HAS_SOME", "#free >= :count")):
        world.register(lambda: _all_taken(world))
    assert (world.come() > 4) is without


def _all_taken(world: World) -> None:
    """The last seats go, and places on the waitlist are lent to the shard that had seats."""
    for _ in range(3):
        world.register()
    world.register()
    world.register(crowded=True)


@WITHOUT
def test_nobody_waits_beside_a_seat_that_was_lent_meanwhile(without: bool) -> None:
    world = World(capacity=4)
    people = [world.register() for _ in range(4)]

    def three_go_and_two_come() -> None:
        for who in people[:3]:
            world.withdraw(who)
        # Both have seen three seats: one takes a single seat of the event, the other is lent a block of two.
        world.register(world.rush_in)

    unchanged = f" AND {conditions.NO_BLOCK_LENT_SINCE}"
    guard = patch.object(conditions, "FIRST_TO_WAIT", conditions.FIRST_TO_WAIT.replace(unchanged, ""))
    with unguarded(without, guard):
        last = world.register(three_go_and_two_come)
    world.promote()
    assert (world.status(last) is RegistrationStatus.WAITLISTED) is without
    assert world.come() == 4 - without


@WITHOUT
def test_nobody_overtakes_who_waits(without: bool) -> None:
    world = World(capacity=2)
    first = world.register()
    waits: list[str] = []

    def it_is_full_and_a_seat_is_released() -> None:
        world.register()
        waits.append(world.register())
        world.withdraw(first)

    with unguarded(without, patch.object(conditions, "SEATS_ARE_FREE", SEATS_ARE_FREE_WHOEVER_WAITS)):
        late = world.register(it_is_full_and_a_seat_is_released)
    world.promote()
    assert (world.status(waits[0]) is RegistrationStatus.WAITLISTED) is without
    assert (world.status(late) is RegistrationStatus.REGISTERED) is without


@WITHOUT
def test_a_block_that_is_lent_while_the_capacity_is_lowered_is_stopped_too(without: bool) -> None:
    world = World(capacity=20)
    world.register()
    world.meanwhile = world.rush_in
    with unguarded(without, patch.object(conditions, "NO_BLOCK_LENT_SINCE", conditions.EXISTS)):
        world.change(capacity=3)
    for _ in range(4):
        world.register()
    assert (world.come() > 3) is without
