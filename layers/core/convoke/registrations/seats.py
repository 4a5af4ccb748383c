"""Actions that take and release seats of an event, and places on its waitlist, for the caller's transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..decision.invitation import Seats
from ..model import RegistrationStatus
from ..settings import Settings
from ..store import keys
from ..store.writes import (
    EXISTS,
    NEW,
    Action,
    delete,
    put,
    update,
)
from .events import read_seats

# The event is open, nobody is on the waitlist, and a seat is free.
A_SEAT_IS_FREE = "#open = :true AND #waiting = :none AND (attribute_not_exists(#capacity) OR #taken < #capacity)"
# The event is open, but no seat is free or somebody is on the waitlist: with an open event, the opposite of the above.
WAITLIST_ONLY = "#open = :true AND (#waiting > :none OR #taken >= #capacity)"
# A person who is transferred after a split keeps their seat, or their place on the waitlist, whatever is free.
TRANSFERRED = EXISTS
# Somebody is on the waitlist, and can get the released seat.
SOMEBODY_WAITS = "#waiting > :none"
# Nobody is on the waitlist.
NOBODY_WAITS = "#waiting = :none"


def available_status(seats: Seats) -> RegistrationStatus:
    """The status that a new registration would get: with a seat, or on the waitlist."""
    free = seats.waiting == 0 and (seats.capacity is None or seats.taken < seats.capacity)
    return RegistrationStatus.REGISTERED if free else RegistrationStatus.WAITLISTED


def take_actions(
    settings: Settings, event_id: str, registration_id: str, *, waits: bool, transferred: bool = False
) -> dict[str, Action]:
    """The actions that take a seat, or (``waits``) a place on the waitlist.

    The action named ``seats`` fails where only the other is available, or none; but not for a person who is
    ``transferred`` after a split.
    """
    counted, condition = ("#waiting", WAITLIST_ONLY) if waits else ("#taken", A_SEAT_IS_FREE)
    values: dict[str, Any] = {"one": 1, "true": True, "none": 0}
    if transferred:
        condition, values = TRANSFERRED, {"one": 1}
    seats = update(settings.invitations_table, keys.seats(event_id), f"ADD {counted} :one", condition, **values)
    if not waits:
        return {"seats": seats}
    place = {**keys.waiting(event_id, registration_id), "registration_id": registration_id}
    return {"seats": seats, "waiting": put(settings.registrations_table, place, NEW)}


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
    if read_seats(client, settings, event_id).waiting:
        expression, condition = f"SET #due_shard = :shard, #due_key = :due_key {expression}", SOMEBODY_WAITS
        values |= {"shard": keys.shard(event_id), "due_key": keys.due_key(2, now)}
    return {"seats": update(settings.invitations_table, seats, expression, condition, **values)}
