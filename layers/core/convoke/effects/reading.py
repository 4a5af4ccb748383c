"""Reading, strongly consistent."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from ..model import frozen
from .kind import Effect


@frozen
class ReadSending(Effect):
    """-> Sending"""


@frozen
class ReadInvitation(Effect):
    """-> Invitation, or None"""

    event_id: str
    registration_id: str


@frozen
class ReadRegistration(Effect):
    """-> Registration, or None"""

    event_id: str
    registration_id: str


@frozen
class ReadEvent(Effect):
    """-> Event, or None"""

    event_id: str


@frozen
class ReadStoredMessage(Effect):
    """-> Posted, or None"""

    registration_id: str
    sequence: int


@frozen
class ReadFanOut(Effect):
    """-> Fan, or None"""

    event_id: str


@frozen
class ReadInvitations(Effect):
    """-> tuple of the next ``limit`` Invitations of the event after the registration id ``after``, in order"""

    event_id: str
    after: str
    limit: int


@frozen
class ReadRegistrations(Effect):
    """-> tuple of the event's Registrations after ``after``, up to and including ``through``, in order"""

    event_id: str
    after: str
    through: str


@frozen
class ReadEvents(Effect):
    """-> (tuple of event ids, the ``after`` of the next page or None): all events, in no order"""

    after: str


@frozen
class ReadDue(Effect):
    """-> tuple of up to ``limit`` Due of one shard and priority whose time has come, oldest first"""

    shard: str
    priority: int
    now: datetime
    limit: int


class DueKind(StrEnum):
    REGISTRATION = "registration"
    FAN = "fan"
    SEATS = "seats"
    ERASURE = "erasure"
    NOTE = "note"
    SURVEY = "survey"
    CARRY = "carry"


@frozen
class Due:
    """Something owed, as the index shows it. ``registration_id`` is empty where the whole event is meant; a note has
    an id of its own.
    """

    kind: DueKind
    event_id: str
    registration_id: str = ""
    notification_id: str = ""
    due_key: str
