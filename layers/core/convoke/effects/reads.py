"""Effects that read from DynamoDB. All reads are strongly consistent but :class:`ReadDue`, which reads an index."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from ..model import frozen
from .base import Effect, OfEvent, OfRegistration


@frozen
class ReadSending(Effect):
    """Read the switch over all mail. Answer: ``Sending``."""


@frozen
class ReadInvitation(OfRegistration):
    """Read one invitation. Answer: ``Invitation``, or ``None`` if there is none."""


@frozen
class ReadRegistration(OfRegistration):
    """Read one registration. Answer: ``Registration``, or ``None`` if there is none."""


@frozen
class ReadEvent(OfEvent):
    """Read one event. Answer: ``Event``, or ``None`` if there is none."""


@frozen
class ReadTogether(OfRegistration):
    """Read the switch over all mail, and one invitation, its registration and its event, all as they were at one
    moment.

    Answer: a tuple of ``Sending``, ``Invitation``, ``Registration`` and ``Event``, each of the last three ``None`` if
    there is none; or ``None`` instead of the tuple, where another writer was at one of them.
    """


@frozen
class ReadStoredMessage(Effect):
    """Read the message sent to one registration under ``sequence``. Answer: ``StoredMessage``, or ``None``."""

    registration_id: str
    sequence: int


@frozen
class ReadFanOut(OfEvent):
    """Read the event's fan-out. Answer: ``FanOut``, or ``None`` if none is under way."""


@frozen
class ReadFanOutAndSending(OfEvent):
    """Read the event's fan-out and the switch over all mail, in no particular order. Answer: a tuple of ``FanOut``, or
    ``None`` if none is under way, and ``Sending``.
    """


@frozen
class ReadNewFanOut(OfEvent):
    """Read the event's fan-out, the switch over all mail, and how many of its seats are taken, in no particular order.

    Answer: a tuple of ``FanOut``, or ``None`` if none is under way, ``Sending``, and ``int``: at about how many people
    the event has, without those who left.
    """


@frozen
class ReadTelling(OfEvent):
    """Read whether people are being informed of a change of the event, or a change waits to be announced: whether it
    has a fan-out or a batch. Answer: ``bool``.
    """


@frozen
class ReadInvitations(OfEvent):
    """Read the event's invitations after the registration id ``after``: the next ``limit``, or all of them up to and
    including ``through``.

    Answer: tuple of ``Invitation``, in the order of the registration ids.
    """

    after: str
    limit: int | None = None
    through: str | None = None


@frozen
class ReadInvitationIds(OfEvent):
    """Read the registration ids of the event's next ``limit`` invitations after the id ``after``, from the table.

    Answer: tuple of ``str``, in order.
    """

    after: str
    limit: int


@frozen
class ReadRegistrations(OfEvent):
    """Read the event's registrations after the id ``after``, up to and including ``through``.

    Answer: tuple of ``Registration``, in the order of their ids.
    """

    after: str
    through: str


@frozen
class ReadPeople(OfEvent):
    """Read a few invitations, their registrations, and the event, all as they were at one moment; ``ids`` are at most
    49 registration ids.

    Answer: a tuple of the tuple of ``Invitation`` and that of ``Registration``, each in the order of ``ids`` and
    without those that do not exist, and the ``Event``, or ``None`` if there is none; or ``None`` instead of the tuple,
    where another writer was at one of them.
    """

    ids: tuple[str, ...]


@frozen
class ReadEvents(Effect):
    """Read a page of the ids of all events, in no particular order; ``after`` is empty for the first page.

    Answer: a pair of the tuple of ids and the ``after`` of the next page, ``None`` at the end.
    """

    after: str


@frozen
class ReadDue(Effect):
    """Read up to ``limit`` items of one shard and priority that are due at ``now`` (UTC). Eventually consistent.

    Answer: tuple of ``Due``, oldest first.
    """

    shard: str
    priority: int
    now: datetime
    limit: int


class DueKind(StrEnum):
    """The kinds of items that may be due. The value is the first part of the item's sort key, in lower case."""

    REGISTRATION = "registration"
    FAN_OUT = "fan_out"
    BATCH = "batch"
    SEATS = "seats"
    ERASURE = "erasure"
    HOLD = "hold"
    NOTIFICATION = "notification"
    SURVEY = "survey"
    SPLIT_TRANSFER = "split_transfer"
    IMPORT = "import"


@frozen
class Due:
    """An item that is due, as the index shows it. ``registration_id`` is empty for an item of the whole event;
    ``notification_id`` is empty for all but notifications. Of a batch, ``version`` is that of its event, and
    ``registration_id`` the id that it begins after; of an import ``registration_id`` is the import's id.
    """

    kind: DueKind
    event_id: str
    registration_id: str = ""
    notification_id: str = ""
    version: int = 0
    due_key: str
