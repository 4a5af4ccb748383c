"""What to do about one row of a site's table: compares what it says with what became of it. Pure.

What was done for a row is remembered with the fingerprint of what it said. A row that says the same leads to nothing,
whatever has happened since: somebody who declined, withdrew or was erased does not come back because nobody changed
their row. Only a row that says something else does.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from ..model import Event, EventStatus, Registration, RegistrationStatus
from ..registrations.registry import ACTIVE, STANDING
from ..schedule import series
from ..store.sources import RowState
from .rows import EventRow, RegistrationRow, fingerprint


class Action(StrEnum):
    """What follows from a row."""

    NOTHING = "nothing"
    """It says what was done before, or it is about what is over."""
    CREATE = "create"
    """Create the event, or register the person."""
    CHANGE = "change"
    REOPEN = "reopen"
    """Let the cancelled event take place again, with all that the row says now."""
    CANCEL = "cancel"
    """Cancel the event, or withdraw the registration."""
    WAIT = "wait"
    """The registration's event is not there, or cancelled: the row is looked at again when it takes place."""


def of_event(state: RowState, row: EventRow | None, event: Event | None, now: datetime) -> Action:
    """What follows from the ``row`` of an event, ``None`` if it is gone; ``event`` is what it became.

    ``now`` is UTC. An event that is over is left as it is.
    """
    if event is None:
        return Action.NOTHING if row is None or row.status == EventStatus.CANCELLED else Action.CREATE
    if series.ends_at(event) <= now and (row is None or row.status == EventStatus.CANCELLED):
        return Action.NOTHING
    cancelled = event.status is EventStatus.CANCELLED
    if row is None:
        return Action.NOTHING if cancelled else Action.CANCEL
    if fingerprint(row) == state.fingerprint:
        return Action.NOTHING
    if row.status == EventStatus.CANCELLED:
        return Action.NOTHING if cancelled else Action.CANCEL
    return Action.REOPEN if cancelled else Action.CHANGE


def of_registration(
    state: RowState, row: RegistrationRow | None, registration: Registration | None, event: Event | None, now: datetime
) -> Action:
    """What follows from the ``row`` of a registration, ``None`` if it is gone; ``registration`` is what it became.

    ``event`` is the one that the row names now, ``None`` while there is none. A row that names another event than
    before, or whose person declined before it changed, is withdrawn first: looked at again, it is registered.
    """
    if registration is not None and registration.status is RegistrationStatus.ERASED:
        return Action.NOTHING
    standing = registration is not None and registration.status in STANDING
    if row is None or row.status == "withdrawn":
        return Action.CANCEL if standing else Action.NOTHING
    if registration is not None and standing and (event is None or event.event_id != registration.event_id):
        return Action.CANCEL
    if fingerprint(row) == state.fingerprint:
        return Action.NOTHING
    if event is None or event.status is EventStatus.CANCELLED:
        return Action.WAIT
    if series.ends_at(event) <= now:
        return Action.NOTHING
    if registration is None or not standing:
        return Action.CREATE
    return Action.CHANGE if registration.status in ACTIVE else Action.CANCEL
