"""Who was not reached."""

from __future__ import annotations

from datetime import datetime

from ..decision.attention import Survey, Unreached
from ..model import noun
from .kind import Effect


@noun
class Watch(Effect):
    """Owe a survey of the event's people, from ``owed_at`` on; unconditional. -> None"""

    event_id: str
    owed_at: str


@noun
class ReadSurvey(Effect):
    """-> Survey, or None"""

    event_id: str


@noun
class ReadMessages(Effect):
    """-> tuple of all Posted to one attendee, in the order of SEQUENCE, without their letters"""

    registration_id: str


@noun
class ReadUnreached(Effect):
    """-> tuple of the event's Unreached after the registration id ``after``, up to and including ``through``"""

    event_id: str
    after: str
    through: str


@noun
class KeepUnreached(Effect):
    """Write down that somebody was not reached, or (``now`` is ``None``) that they were. -> None"""

    event_id: str
    was: Unreached | None
    now: Unreached | None


@noun
class EndSurvey(Effect):
    """Everybody was looked at: owed again at ``owed_at``, or not at all, IF nobody asked for it since. -> bool"""

    seen: Survey
    owed_at: str | None
    summed_up_at: datetime | None
