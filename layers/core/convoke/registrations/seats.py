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

Registrations that wait for the organizer's decision take nothing; they are counted, in shards where they meet.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import datetime, timedelta

from ..decision.invitation import Hold, Seats, SeatShard
from ..model import Registration, RegistrationStatus, folded, frozen
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
    """What a registration would get now: a seat, a place on the waitlist, or (pending) neither, with the actions that
    take or count it.
    """

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
    decided: int = 0,
    email: str = "",
) -> Place | None:
    """Where ``count`` seats can be taken now, else a place on the waitlist; ``None`` where the event is closed.

    One of the actions is refused if somebody was faster: then it has to be asked again. ``conflicts`` is how often the
    transaction has met those of others: from the first on, a shard of its own is sought. ``decided`` is 1 for a
    registration that was pending, which is counted as such no more. ``email`` is whose new registration it is: seats
    that are kept for a former one of that address are passed on to it.

    Raises :class:`dynamo.Contention` where others use the shards at this moment, or, with ``yields``, where a change of
    the event is to pass first.
    """
    while True:
        seats = store.seats.read(event_id)
        if seats is None or not seats.open:
            return None
        if yields:
            _let_a_change_pass(seats, conflicts, now)
        if (former := kept(store, event_id, email, count, seats, now)) is not None:
            return _passed_on(store, former, registration_id, seats, count, now, decided)
        number = _shard_of(registration_id, conflicts)
        own = number if conflicts else None
        if seats.queued:
            taken = _take(store, event_id, seats, 1, own, number, waits=True, decided=decided)
            return _waiting(store, event_id, registration_id, taken)
        usable = any(_gives(shard, count, waits=False) for shard in seats.shards)
        if usable or seats.left is None or seats.left >= count:
            taken = _take(store, event_id, seats, count, own, number, waits=False, decided=decided)
            return Place(status=RegistrationStatus.REGISTERED, actions=taken)
        scattered = [shard for shard in seats.shards if shard.free]
        if not scattered:
            first = store.seats.wait_first_action(event_id, seats, count, now + LOOK_AGAIN, decided)
            return _waiting(store, event_id, registration_id, {"seats": first})
        store.seats.give_back(event_id, scattered[number % len(scattered)])


def are_free(store: Store, event_id: str, count: int) -> bool:
    """Whether :func:`take` would find ``count`` further seats for somebody who has one: nobody waits for them."""
    if count <= 0:
        return True
    seats = store.seats.read(event_id)
    if seats is None or not seats.open or seats.queued:
        return False
    return seats.left is None or seats.left + seats.lent(waits=False) >= count


def ask(
    store: Store, event_id: str, registration_id: str, *, count: int = 1, conflicts: int = 0, now: datetime
) -> Place | None:
    """What ``count`` registrations get that wait for the organizer's decision: nothing but to be counted; ``None``
    where the event is closed. As in :func:`take`, those that meet others are counted in shards, and
    :class:`dynamo.Contention` is raised where a change of the event is to pass first.
    """
    seats = store.seats.read(event_id)
    if seats is None or not seats.open:
        return None
    _let_a_change_pass(seats, conflicts, now)
    number = _shard_of(registration_id, conflicts)
    shard = next((shard for shard in seats.shards if shard.number == number), None)
    if conflicts and shard is not None and not shard.stopped:
        actions = {"seats": store.seats.ask_shard_action(event_id, number, count)}
    else:
        actions = store.seats.ask_actions(event_id, count, number if conflicts and shard is None else None)
    return Place(status=RegistrationStatus.PENDING, actions=actions)


def place(
    store: Store, registration: Registration, *, count: int | None = None, conflicts: int = 0, now: datetime
) -> Place | None:
    """What a new ``registration`` gets, or ``count`` places for those that are registered together with it; ``None``
    where the event is closed. A change of the event passes first. Raises :class:`dynamo.Contention`.
    """
    ids = registration.event_id, registration.registration_id
    if registration.status is RegistrationStatus.PENDING:
        return ask(store, *ids, count=1 if count is None else count, conflicts=conflicts, now=now)
    if count is not None:
        return take(store, *ids, count=count, conflicts=conflicts, now=now, yields=True)
    return take(
        store, *ids, count=registration.seats, conflicts=conflicts, now=now, yields=True, email=registration.email
    )


@frozen
class Kept:
    """Seats that are kept for a ``former`` registration, which was cancelled by one click."""

    former: Registration
    hold: Hold


def kept(store: Store, event_id: str, email: str, count: int, seats: Seats, now: datetime) -> Kept | None:
    """The seats that are kept for a former registration of this address, where together with what is free they are
    enough for ``count``; ``None`` where there are none. What an event keeps none for is not looked up.
    """
    registration_id = store.brakes.holds(event_id, email, now) if email and seats.held > 0 else None
    if registration_id is None:
        return None
    hold, former = store.seats.hold(event_id, registration_id), store.reads.registration(event_id, registration_id)
    if hold is None or former is None or folded(former.email) != folded(email):
        return None
    enough = count <= hold.seats or (not seats.queued and (seats.left is None or seats.left >= count - hold.seats))
    return Kept(former=former, hold=hold) if enough else None


def _passed_on(
    store: Store, kept: Kept, registration_id: str, seats: Seats, count: int, now: datetime, decided: int
) -> Place:
    former = kept.former
    without = replace(former, version=former.version + 1, updated_at=now, held_until=None)
    actions = {
        **store.seats.pass_on_held_actions(kept.hold, seats, count, now, decided),
        "former": store.registrations.change_action(former, without),
        # So that a click on the new registration's link keeps them, too.
        "mailbox": store.brakes.hold_instead_action(
            former.event_id, former.email, former.registration_id, registration_id
        ),
    }
    return Place(status=RegistrationStatus.REGISTERED, actions=actions)


def _let_a_change_pass(seats: Seats, conflicts: int, now: datetime) -> None:
    """Raise :class:`dynamo.Contention` where a change of the event is to pass first."""
    passing = seats.yield_until is not None and now < seats.yield_until
    if passing and conflicts < PATIENCE:
        raise dynamo.Contention("a change of the event is to pass first")


def _shard_of(registration_id: str, conflicts: int) -> int:
    return zlib.crc32(f"{registration_id}{conflicts}".encode()) % store_seats.SHARDS


def _take(
    store: Store, event_id: str, seats: Seats, count: int, own: int | None, number: int, *, waits: bool, decided: int
) -> dict[str, Action]:
    """The actions that take from a shard that has enough left, by preference ``own``; else from the event's item, which
    then lends ``own`` a block.
    """
    usable = [shard.number for shard in seats.shards if _gives(shard, count, waits=waits)]
    lent = count if own is None or own in usable else max(count, _block(None if waits else seats.left))
    if usable and (own in usable or lent == count):
        chosen = own if own is not None and own in usable else usable[number % len(usable)]
        taken = store.seats.take_from_shard_action(event_id, chosen, count, waits=waits, decided=decided)
        return {"seats": taken}
    block = own is not None and lent > count
    actions = {"seats": store.seats.take_action(event_id, seats, lent, waits=waits, block=block, decided=decided)}
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


def release_actions(store: Store, person: Registration, now: datetime) -> dict[str, Action]:
    """The actions that release the seats of ``person``, or leave the waitlist, or no more count them as pending; none
    for whoever has declined, whose seat was released then.
    """
    match person.status:
        case RegistrationStatus.WAITLISTED:
            return store.seats.leave_waitlist_actions(person.event_id, person.registration_id)
        case RegistrationStatus.PENDING:
            return {"seats": store.seats.count_action(person.event_id, pending=-1)}
        case RegistrationStatus.REGISTERED:
            return some_released_actions(store, person.event_id, person.seats, now)
        case _:
            return {}


def some_released_actions(store: Store, event_id: str, count: int, now: datetime) -> dict[str, Action]:
    """The actions that release so many seats, and make the waitlist due where somebody is on it."""
    anybody_waits = store.reads.seats(event_id).queued
    return {"seats": store.seats.release_action(event_id, count, now, anybody_waits=anybody_waits)}
