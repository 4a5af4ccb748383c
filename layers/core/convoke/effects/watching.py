"""Who was not reached."""

from __future__ import annotations

from datetime import datetime

from ..decision.attention import Survey, Unreached
from ..model import frozen
from .kind import Effect


@frozen
class ScheduleSurvey(Effect):
    """Owe a survey of the event's people, from ``due_key`` on; unconditional. -> None"""

    event_id: str
    due_key: str


@frozen
class ReadSurvey(Effect):
    """-> Survey, or None"""

    event_id: str


@frozen
class ReadMessages(Effect):
    """-> tuple of all Posted to one attendee, in the order of SEQUENCE, without their letters"""

    registration_id: str


@frozen
class ReadUnreached(Effect):
    """-> tuple of the event's Unreached after the registration id ``after``, up to and including ``through``"""

    event_id: str
    after: str
    through: str


@frozen
class KeepUnreached(Effect):
    """Write down that somebody was not reached, or (``now`` is ``None``) that they were. -> None"""

    event_id: str
    was: Unreached | None
    now: Unreached | None


@frozen
class EndSurvey(Effect):
    """Everybody was looked at: owed again at ``due_key``, or not at all, IF nobody asked for it since. -> bool"""

    seen: Survey
    due_key: str | None
    summed_up_at: datetime | None
