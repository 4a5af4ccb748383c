"""Effects of the survey, which finds out who was not reached. All instants are UTC."""

from __future__ import annotations

from datetime import datetime

from ..decision.attention import Survey, Unreached
from ..model import frozen
from .base import Effect, OfEvent


@frozen
class ScheduleSurvey(OfEvent):
    """Make a survey of the event due at ``due_key``, unconditionally. Answer: ``None``."""

    due_key: str


@frozen
class ScheduleSurveySoon(OfEvent):
    """A change begins to be announced at ``now``: schedule a survey for when it has to have reached everybody. One that
    is scheduled already is not postponed. Answer: ``None``.
    """

    now: datetime


@frozen
class HoldSurvey(OfEvent):
    """No other survey of the event is to begin before ``until``: one is under way since ``begun_at``, or a long one has
    just ended. One that is due meanwhile is due then. Answer: ``None``.
    """

    until: datetime
    begun_at: datetime


@frozen
class ReadSurvey(OfEvent):
    """Read the event's survey. Answer: ``Survey``, or ``None`` if there never was one."""


@frozen
class ReadMessages(Effect):
    """Read all messages stored for one registration, without their rendered mails.

    Answer: tuple of ``StoredMessage``, in the order of SEQUENCE.
    """

    registration_id: str


@frozen
class ReadUnreached(OfEvent):
    """Read who of the event was not reached, after the registration id ``after``, up to and including ``through``.

    Answer: tuple of ``Unreached``, in the order of the registration ids.
    """

    after: str
    through: str


@frozen
class StoreUnreached(OfEvent):
    """Store ``now`` in place of ``was``, unconditionally: that somebody was not reached, or, if ``now`` is ``None``,
    that they were after all. Answer: ``None``.
    """

    was: Unreached | None
    now: Unreached | None


@frozen
class EndSurvey(Effect):
    """All registrations were surveyed: the survey is due again at ``due_key``, or not at all if that is ``None``;
    ``summed_up_at`` is when the organizer was last mailed a summary.

    Condition: ``wakeups`` is that of ``seen``, so that no request made since is lost. Answer: ``bool``.
    """

    seen: Survey
    due_key: str | None
    summed_up_at: datetime | None
