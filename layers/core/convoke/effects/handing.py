"""Handing on: the fan-out, the queues, what is owed to whole events, and the switch."""

from __future__ import annotations

from datetime import datetime

from ..decision.invitation import Batch
from ..model import frozen
from .kind import Effect
from .reading import Due


@frozen
class MoveFanOut(Effect):
    """Move the fan-out's cursor and its debt on, IF version and cursor are still the slice's. -> bool"""

    slice: Batch
    cursor: str
    due_key: str


@frozen
class EndFanOut(Effect):
    """Everybody was looked at: remove the fan-out, IF version and cursor are still the slice's. -> bool"""

    slice: Batch


@frozen
class Enqueue(Effect):
    """Hint that somebody look at a slice, a single registration, a note, or who was reached. -> None"""

    hint: Batch | Hint | NotificationHint | SurveyHint
    urgent: bool
    delay_seconds: int = 0


@frozen
class Hint:
    """One registration to look at."""

    event_id: str
    registration_id: str


@frozen
class NotificationHint:
    """One note to see to."""

    event_id: str
    registration_id: str
    notification_id: str


@frozen
class SurveyHint:
    """An event whose people are to be looked at after the registration id ``after``. What comes before it was looked
    at when there had been ``wakeups`` reasons to; ``again`` is when (UTC) some of them are to be looked at again.
    """

    event_id: str
    after: str = ""
    wakeups: int = 0
    again: datetime | None = None


@frozen
class Promote(Effect):
    """Give free seats to the first in line. -> how many were promoted"""

    event_id: str


@frozen
class TransferRegistrations(Effect):
    """Carry the next few registrations over to the event that a series was split into. -> how many; 0 when all are"""

    event_id: str


@frozen
class ErasePerson(Effect):
    """Erase the person from a registration that has been taken back everywhere; what was owed is done. -> None"""

    due: Due


@frozen
class StoreAuditPage(Effect):
    """Keep a page of what the audit that stopped at ``at`` (UTC) has found, for a month. -> None"""

    at: datetime
    page: int
    lines: tuple[str, ...]


@frozen
class Postpone(Effect):
    """Somebody was told of this debt: look again at ``due_key``, IF it is still the debt seen. -> bool"""

    due: Due
    due_key: str


@frozen
class StopSending(Effect):
    """Nobody sends until then, unless all is stopped for longer already. -> None"""

    until: datetime
    why: str


@frozen
class ReadQuota(Effect):
    """-> Quota, or None where SES does not say"""


@frozen
class ReadBacklog(Effect):
    """-> how many hints wait in the queues, about"""


@frozen
class Reserve(Effect):
    """What is left of the day's quota is for cancellations and changes: no invitations until then. -> None"""

    until: datetime
