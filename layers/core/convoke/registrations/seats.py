"""Seats of an event and places on its waitlist: where one is taken, as actions for the caller's transaction.

Usually the event's own item counts them. Two transactions on one item at the same moment refuse each other, so where
registrations meet, blocks of seats are lent to shards, each an item of its own, and taken there. What a shard was lent
counts as taken in the event's item, so that no seat is given twice:

- Blocks of seats are lent only while nobody waits; released seats go to the event's item, never to a shard.
- The first who waits does so only if no shard has a seat left, and no block was lent since that was read.
- Closing an event, or another capacity, takes back what all shards have left.
- Once somebody waits, the places on the waitlist are lent in blocks in the same way.
"""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Any

from ..decision.invitation import Seats, SeatShard
from ..model import RegistrationStatus, frozen
from ..settings import Settings
from ..store import dynamo, keys
from ..store import seats as store_seats
from ..store.writes import (
    EXISTS,
    NEW,
    Action,
    attempt,
    delete,
    put,
    update,
)
from .events import read_seats

BLOCK = 16
"""How many seats, or places on the waitlist, are lent to a shard at a time; fewer where few are left."""

PATIENCE = 6
"""After so many conflicts nobody waits for a change of the event any more, which may have failed."""

# The event is open and nobody is on the waitlist.
NOBODY_OVERTAKEN = "#open = :true AND #waiting = :none"
# So many seats are free, with the capacity that was read.
SEATS_ARE_FREE = "#capacity = :capacity AND #taken <= :most"
UNLIMITED = "attribute_not_exists(#capacity)"
# The event is open and somebody is on the waitlist.
BEHIND_OTHERS = "#open = :true AND #waiting > :none"
# So many seats are not free, with the capacity that was read.
FULL = "#capacity = :capacity AND #taken > :most"
# The shard has so many left, and of this kind: seats, or places on the waitlist.
SHARD_HAS_SOME = "#free >= :count AND #waits = :waits"
# Nobody took any of the shard, or gave it any, since it was read.
SHARD_UNCHANGED = "#free = :free AND #back = :back AND #waits = :waits"
# A person who is transferred after a split keeps their seat, or their place on the waitlist, whatever is free.
TRANSFERRED = EXISTS
# Somebody is on the waitlist, and can get the released seat.
SOMEBODY_WAITS = "#waiting > :none"
# Nobody is on the waitlist.
NOBODY_WAITS = "#waiting = :none"


@frozen
class Place:
    """What a registration would get now: a seat, or a place on the waitlist, with the actions that take it."""

    status: RegistrationStatus
    actions: dict[str, Action]


def take(
    client: Any,
    settings: Settings,
    event_id: str,
    registration_id: str,
    *,
    count: int = 1,
    conflicts: int = 0,
    now: datetime | None = None,
) -> Place | None:
    """Where ``count`` seats can be taken now, else a place on the waitlist; ``None`` where the event is closed.

    One of the actions is refused if somebody was faster: then it has to be asked again. ``conflicts`` is how often the
    transaction has met those of others: from the first on, a shard of its own is sought.

    Raises :class:`dynamo.Contention` where others use the shards at this moment, or, with ``now`` (UTC), where a change
    of the event is to pass first.
    """
    while True:
        seats = store_seats.read(client, settings, event_id)
        if seats is None or not seats.open:
            return None
        passing = now is not None and seats.yield_until is not None and now < seats.yield_until
        if passing and conflicts < PATIENCE:
            raise dynamo.Contention("a change of the event is to pass first")
        number = zlib.crc32(f"{registration_id}{conflicts}".encode()) % store_seats.SHARDS
        if seats.queued:
            waiting = _take(settings, event_id, seats, 1, number if conflicts else None, number, waits=True)
            return _on_the_waitlist(settings, event_id, registration_id, waiting)
        own = number if conflicts else None
        usable = any(not shard.waits and shard.free >= count for shard in seats.shards)
        if usable or seats.left is None or seats.left >= count:
            taken = _take(settings, event_id, seats, count, own, number, waits=False)
            return Place(status=RegistrationStatus.REGISTERED, actions=taken)
        scattered = [shard for shard in seats.shards if shard.free or shard.back]
        if not scattered:
            first = _first_to_wait(settings, event_id, seats, count)
            return _on_the_waitlist(settings, event_id, registration_id, {"seats": first})
        give_back(client, settings, event_id, scattered[number % len(scattered)])


def _take(
    settings: Settings, event_id: str, seats: Seats, count: int, own: int | None, number: int, *, waits: bool
) -> dict[str, Action]:
    """The actions that take from a shard that has enough left, by preference ``own``; else from the event's item, which
    then lends ``own`` a block.
    """
    usable = [shard.number for shard in seats.shards if shard.waits is waits and shard.free >= count]
    left = None if waits else seats.left
    lent = count if own is None or own in usable else max(count, _block(left))
    if own in usable or (usable and lent == count):
        chosen = own if own in usable else usable[number % len(usable)]
        return {"seats": _take_from_shard(settings, event_id, chosen or 0, count, waits=waits)}
    actions = {"seats": _take_from_event(settings, event_id, seats, lent, waits=waits, block=lent > count)}
    if own is not None and lent > count:
        shard = "SET #waits = :waits, #back = if_not_exists(#back, :none) ADD #free :left"
        values = {"waits": waits, "none": 0, "left": lent - count}
        actions["shard"] = update(settings.invitations_table, keys.seat_shard(event_id, own), shard, "", **values)
    return actions


def _block(left: int | None) -> int:
    """How many of so many are lent at once: towards the end few, so that none is far from those who ask."""
    return BLOCK if left is None else min(BLOCK, (left + 1) // 2)


def _take_from_shard(settings: Settings, event_id: str, number: int, count: int, *, waits: bool) -> Action:
    return update(
        settings.invitations_table,
        keys.seat_shard(event_id, number),
        "ADD #free :less",
        SHARD_HAS_SOME,
        less=-count,
        count=count,
        waits=waits,
    )


def _take_from_event(
    settings: Settings, event_id: str, seats: Seats, count: int, *, waits: bool, block: bool
) -> Action:
    values: dict[str, Any] = {"count": count, "true": True, "none": 0}
    if waits:
        condition = BEHIND_OTHERS
    elif seats.capacity is None:
        condition = f"{NOBODY_OVERTAKEN} AND {UNLIMITED}"
    else:
        condition = f"{NOBODY_OVERTAKEN} AND {SEATS_ARE_FREE}"
        values |= {"capacity": seats.capacity, "most": seats.capacity - count}
    expression = f"ADD {'#waiting' if waits else '#taken'} :count"
    if block:
        expression, values["one"] = f"{expression}, #blocks :one", 1
    return update(settings.invitations_table, keys.seats(event_id), expression, condition, **values)


def _first_to_wait(settings: Settings, event_id: str, seats: Seats, count: int) -> Action:
    assert seats.capacity is not None  # noqa: S101 (without a limit there is a seat)
    values: dict[str, Any] = {"capacity": seats.capacity, "most": seats.capacity - count}
    values |= {"one": 1, "true": True, "none": 0}
    unchanged = store_seats.NO_BLOCK_EVER_LENT
    if seats.blocks:
        unchanged, values["blocks"] = store_seats.NO_BLOCK_LENT_SINCE, seats.blocks
    condition = f"{NOBODY_OVERTAKEN} AND {FULL} AND {unchanged}"
    return update(settings.invitations_table, keys.seats(event_id), "ADD #waiting :one", condition, **values)


def _on_the_waitlist(settings: Settings, event_id: str, registration_id: str, taken: dict[str, Action]) -> Place:
    place = {**keys.waiting(event_id, registration_id), "registration_id": registration_id}
    return Place(
        status=RegistrationStatus.WAITLISTED,
        actions={**taken, "waiting": put(settings.registrations_table, place, NEW)},
    )


def transfer_actions(settings: Settings, event_id: str, registration_id: str, *, waits: bool) -> dict[str, Action]:
    """The actions that take a seat, or (``waits``) a place on the waitlist, for a person who had one before a split:
    whatever is free.
    """
    counted = "#waiting" if waits else "#taken"
    seats = update(settings.invitations_table, keys.seats(event_id), f"ADD {counted} :one", TRANSFERRED, one=1)
    if not waits:
        return {"seats": seats}
    return _on_the_waitlist(settings, event_id, registration_id, {"seats": seats}).actions


def give_back(client: Any, settings: Settings, event_id: str, shard: SeatShard) -> bool:
    """Give what ``shard`` has left back to the event. False: somebody took of it, or it was given more, meanwhile.

    Raises :class:`dynamo.Contention`.
    """
    values = {"free": shard.free, "back": shard.back, "waits": shard.waits}
    refused = attempt(
        client,
        {
            "shard": update(
                settings.invitations_table,
                keys.seat_shard(event_id, shard.number),
                "SET #free = :nothing, #back = :nothing",
                SHARD_UNCHANGED,
                nothing=0,
                **values,
            ),
            "seats": update(
                settings.invitations_table,
                keys.seats(event_id),
                f"ADD {'#waiting' if shard.waits else '#taken'} :less",
                less=-(shard.free + shard.back),
            ),
        },
        attempts=1,
    )
    return not refused


def release_actions(
    client: Any, settings: Settings, event_id: str, registration_id: str, now: datetime, *, waits: bool
) -> dict[str, Action]:
    """The actions that release a seat, and make the waitlist due where somebody is on it; or (``waits``) leave the
    waitlist.
    """
    seats = keys.seats(event_id)
    if waits:
        return {
            "seats": update(settings.invitations_table, seats, "ADD #waiting :less", less=-1),
            "waiting": delete(settings.registrations_table, keys.waiting(event_id, registration_id), EXISTS),
        }
    expression, condition = "ADD #taken :less", NOBODY_WAITS
    values: dict[str, Any] = {"less": -1, "none": 0}
    if read_seats(client, settings, event_id).queued:
        expression, condition = f"SET #due_shard = :shard, #due_key = :due_key {expression}", SOMEBODY_WAITS
        values |= {"shard": keys.shard(event_id), "due_key": keys.due_key(2, now)}
    return {"seats": update(settings.invitations_table, seats, expression, condition, **values)}
