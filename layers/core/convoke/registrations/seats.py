"""Seats, and places in line for one: how they are taken and given back, as actions of somebody's transaction."""

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

# The event takes registrations, nobody is in line before me, and there is a seat.
A_SEAT_IS_FREE = "#open = :true AND #waiting = :none AND (attribute_not_exists(#capacity) OR #taken < #capacity)"
# The event takes registrations, but there is no seat or somebody is in line: just what the condition above leaves.
WAITLIST_ONLY = "#open = :true AND (#waiting > :none OR #taken >= #capacity)"
# Who is carried over from the event that this one was part of has their seat, or their place in line, already.
CARRIED = EXISTS
# Somebody waits for the seat that is given back.
SOMEBODY_WAITS = "#waiting > :none"
# Nobody waits for the seat that is given back.
NOBODY_WAITS = "#waiting = :none"


def available_status(seats: Seats) -> RegistrationStatus:
    """What somebody who comes now would get: a seat, or the end of the line."""
    free = seats.waiting == 0 and (seats.capacity is None or seats.taken < seats.capacity)
    return RegistrationStatus.REGISTERED if free else RegistrationStatus.WAITLISTED


def take_actions(
    settings: Settings, event_id: str, registration_id: str, *, waits: bool, carried: bool = False
) -> dict[str, Action]:
    """Take a seat, or (``waits``) a place in line. The action ``seats`` fails where it must be the other, or none; but
    not for who is ``carried``.
    """
    counted, condition = ("#waiting", WAITLIST_ONLY) if waits else ("#taken", A_SEAT_IS_FREE)
    values: dict[str, Any] = {"one": 1, "true": True, "none": 0}
    if carried:
        condition, values = CARRIED, {"one": 1}
    seats = update(settings.invitations_table, keys.seats(event_id), f"ADD {counted} :one", condition, **values)
    if not waits:
        return {"seats": seats}
    in_line = {**keys.waiting(event_id, registration_id), "registration_id": registration_id}
    return {"seats": seats, "waiting": put(settings.registrations_table, in_line, NEW)}


def release_actions(
    client: Any, settings: Settings, event_id: str, registration_id: str, now: datetime, *, waits: bool
) -> dict[str, Action]:
    """Give the seat back, which is then owed to the first in line; or (``waits``) leave the line."""
    seats = keys.seats(event_id)
    if waits:
        return {
            "seats": update(settings.invitations_table, seats, "ADD #waiting :less", less=-1),
            "waiting": delete(settings.registrations_table, keys.waiting(event_id, registration_id), EXISTS),
        }
    expression, condition = "ADD #taken :less", NOBODY_WAITS
    values: dict[str, Any] = {"less": -1, "none": 0}
    if read_seats(client, settings, event_id).waiting:
        expression, condition = f"SET #due_shard = :shard, #due_key = :owed {expression}", SOMEBODY_WAITS
        values |= {"shard": keys.shard(event_id), "owed": keys.due_key(2, now)}
    return {"seats": update(settings.invitations_table, seats, expression, condition, **values)}
