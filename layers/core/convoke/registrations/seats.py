"""Which seat or place on the waitlist a person gets, and how it is released."""

from __future__ import annotations

from datetime import datetime

from ..decision.invitation import Seats
from ..model import RegistrationStatus
from ..store.store import Store
from ..store.writes import Action


def available_status(seats: Seats) -> RegistrationStatus:
    """The status that a new registration would get: with a seat, or on the waitlist."""
    free = seats.waiting == 0 and (seats.capacity is None or seats.taken < seats.capacity)
    return RegistrationStatus.REGISTERED if free else RegistrationStatus.WAITLISTED


def release_actions(
    store: Store, event_id: str, registration_id: str, now: datetime, *, waits: bool
) -> dict[str, Action]:
    """The actions that release a seat, and make the waitlist due where somebody is on it; or (``waits``) leave the
    waitlist.
    """
    if waits:
        return store.seats.leave_waitlist_actions(event_id, registration_id)
    anybody_waits = store.reads.seats(event_id).waiting > 0
    return {"seats": store.seats.release_action(event_id, now, anybody_waits=anybody_waits)}
