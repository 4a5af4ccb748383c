"""Which seat or place on the waitlist a person gets, and how it is released.

Usually the event's own item counts seats. Two transactions on one item at the same moment refuse each other, so where
registrations meet, blocks of seats are lent to shards, each an item of its own, and taken there. What a shard was lent
counts as taken in the event's item, so that no seat is given twice:

- Blocks of seats are lent only while nobody waits; released seats go to the event's item, never to a shard.
- The first who waits does so only if no shard has a seat left, and no block was lent since that was read.
- Closing an event, or another capacity, stops all shards.
- Once somebody waits, the places on the waitlist are lent in blocks in the same way.

Who comes with guests takes a seat for each of them, all or none. Where there are not enough, all of them wait, on one
place, and whoever comes later waits behind them even where seats are free: the order of arrival is the only one that
nobody has to ask about. As long as seats are free and somebody waits, the waitlist stays due.
"""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta

from ..decision.invitation import Seats, SeatShard
from ..model import Registration, RegistrationStatus, frozen
from ..store import dynamo
from ..store import seats as store_seats
from ..store.store import Store
from ..store.writes import Action

BLOCK = 16
"""How many seats, or places on the waitlist, are lent to a shard at a time; fewer where few are left."""
PATIENCE = 6
"""After so many conflicts nobody waits for a change of the event any more, which may have failed."""
LOOK_AGAIN = timedelta(minutes=1)
"""When a waitlist is looked at again whose first cannot have a seat although some are free."""


@frozen
class Place:
    """What a registration would get now: a seat, or a place on the waitlist, with the actions that take it."""

    status: RegistrationStatus
    actions: dict[str, Action]


def take(
    store: Store,
    event_id: str,
    registration_id: str,
    *,
    count: int = 1,
    conflicts: int = 0,
    now: datetime,
    yields: bool = False,
) -> Place | None:
    """Where ``count`` seats can be taken now, else a place on the waitlist; ``None`` where the event is closed.

    One of the actions is refused if somebody was faster: then it has to be asked again. ``conflicts`` is how often the
    transaction has met those of others: from the first on, a shard of its own is sought.

    Raises :class:`dynamo.Contention` where others use the shards at this moment, or, with ``yields``, where a change of
    the event is to pass first.
    """
    while True:
        seats = store.seats.read(event_id)
        if seats is None or not seats.open:
            return None
        passing = yields and seats.yield_until is not None and now < seats.yield_until
        if passing and conflicts < PATIENCE:
            raise dynamo.Contention("a change of the event is to pass first")
        number = zlib.crc32(f"{registration_id}{conflicts}".encode()) % store_seats.SHARDS
        own = number if conflicts else None
        if seats.queued:
            return _waiting(store, event_id, registration_id, _take(store, event_id, seats, 1, own, number, waits=True))
        usable = any(_gives(shard, count, waits=False) for shard in seats.shards)
        if usable or seats.left is None or seats.left >= count:
            taken = _take(store, event_id, seats, count, own, number, waits=False)
            return Place(status=RegistrationStatus.REGISTERED, actions=taken)
        scattered = [shard for shard in seats.shards if shard.free]
        if not scattered:
            first = store.seats.wait_first_action(event_id, seats, count, now + LOOK_AGAIN)
            return _waiting(store, event_id, registration_id, {"seats": first})
        store.seats.give_back(event_id, scattered[number % len(scattered)])


def _take(
    store: Store, event_id: str, seats: Seats, count: int, own: int | None, number: int, *, waits: bool
) -> dict[str, Action]:
    """The actions that take from a shard that has enough left, by preference ``own``; else from the event's item, which
    then lends ``own`` a block.
    """
    usable = [shard.number for shard in seats.shards if _gives(shard, count, waits=waits)]
    lent = count if own is None or own in usable else max(count, _block(None if waits else seats.left))
    if usable and (own in usable or lent == count):
        chosen = own if own is not None and own in usable else usable[number % len(usable)]
        return {"seats": store.seats.take_from_shard_action(event_id, chosen, count, waits=waits)}
    block = own is not None and lent > count
    actions = {"seats": store.seats.take_action(event_id, seats, lent, waits=waits, block=block)}
    if own is not None and block:
        actions["shard"] = store.seats.lend_action(event_id, own, lent - count, waits=waits)
    return actions


def _gives(shard: SeatShard, count: int, *, waits: bool) -> bool:
    return shard.waits is waits and shard.free >= count and not shard.stopped


def _block(left: int | None) -> int:
    """How many of so many are lent at once: towards the end few, so that none is far from those who ask."""
    return BLOCK if left is None else min(BLOCK, (left + 1) // 2)


def _waiting(store: Store, event_id: str, registration_id: str, taken: dict[str, Action]) -> Place:
    actions = {**taken, "waiting": store.seats.place_action(event_id, registration_id)}
    return Place(status=RegistrationStatus.WAITLISTED, actions=actions)


def release_actions(store: Store, person: Registration, now: datetime, *, waits: bool) -> dict[str, Action]:
    """The actions that release the seats of ``person``, or (``waits``) leave the waitlist."""
    if waits:
        return store.seats.leave_waitlist_actions(person.event_id, person.registration_id)
    return some_released_actions(store, person.event_id, person.seats, now)


def some_released_actions(store: Store, event_id: str, count: int, now: datetime) -> dict[str, Action]:
    """The actions that release so many seats, and make the waitlist due where somebody is on it."""
    anybody_waits = store.reads.seats(event_id).queued
    return {"seats": store.seats.release_action(event_id, count, now, anybody_waits=anybody_waits)}
