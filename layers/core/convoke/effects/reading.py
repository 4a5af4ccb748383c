"""Reading, strongly consistent."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from ..model import noun
from .kind import Effect


@noun
class ReadSending(Effect):
    """-> Sending"""


@noun
class ReadInvitation(Effect):
    """-> Invitation, or None"""

    event_id: str
    registration_id: str


@noun
class ReadRegistration(Effect):
    """-> Registration, or None"""

    event_id: str
    registration_id: str


@noun
class ReadEvent(Effect):
    """-> Event, or None"""

    event_id: str


@noun
class ReadPosted(Effect):
    """-> Posted, or None"""

    registration_id: str
    sequence: int


@noun
class ReadFan(Effect):
    """-> Fan, or None"""

    event_id: str


@noun
class ReadInvitations(Effect):
    """-> tuple of the next ``limit`` Invitations of the event after the registration id ``after``, in order"""

    event_id: str
    after: str
    limit: int


@noun
class ReadRegistrations(Effect):
    """-> tuple of the event's Registrations after ``after``, up to and including ``through``, in order"""

    event_id: str
    after: str
    through: str


@noun
class ReadEvents(Effect):
    """-> (tuple of event ids, the ``after`` of the next page or None): all events, in no order"""

    after: str


@noun
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


@noun
class Due:
    """Something owed, as the index shows it. ``registration_id`` is empty where the whole event is meant; a note has
    an id of its own.
    """

    kind: DueKind
    event_id: str
    registration_id: str = ""
    note_id: str = ""
    owed_at: str
