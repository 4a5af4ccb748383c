"""The hints in the queues, and the effects that put them there and count them.

A hint names an item to look at; losing one loses no change. All instants are UTC.
"""

from __future__ import annotations

from datetime import datetime

from ..mail.notifications import Notification
from ..model import frozen
from .base import Effect
from .webhooks import WebhookHint


@frozen
class PlanHint:
    """A queue message: plan the next batches of an event's fan-out."""

    event_id: str


@frozen
class BatchHint:
    """A queue message: work on the batch of ``version`` of an event that begins after the registration id ``first``."""

    event_id: str
    version: int
    first: str


@frozen
class RegistrationHint:
    """A queue message: one registration to reconcile."""

    event_id: str
    registration_id: str


@frozen
class NotificationHint:
    """A queue message: one notification to send. ``registration_id`` is empty if it concerns no registration."""

    event_id: str
    registration_id: str
    notification_id: str

    @classmethod
    def of(cls, mail: Notification) -> NotificationHint:
        return cls(event_id=mail.event_id, registration_id=mail.registration_id, notification_id=mail.notification_id)


@frozen
class SurveyHint:
    """A queue message: survey the registrations of an event that come after the registration id ``after``.

    ``wakeups`` is the survey's count of requests when it began; ``again`` is when some of the registrations before
    ``after`` have to be looked at again, ``None`` if none do.
    """

    event_id: str
    after: str = ""
    wakeups: int = 0
    again: datetime | None = None


@frozen
class ImportHint:
    """A queue message: go on with an import."""

    event_id: str
    import_id: str


Hint = PlanHint | BatchHint | RegistrationHint | NotificationHint | SurveyHint | ImportHint | WebhookHint
"""Whatever is in a queue."""


@frozen
class Enqueue(Effect):
    """Send ``hint``, delayed by ``delay_seconds``, to the urgent or the ordinary queue, or to that of webhooks or
    imports. Answer: ``None``.
    """

    hint: Hint
    urgent: bool
    delay_seconds: int = 0


@frozen
class EnqueueAll(Effect):
    """Send all of ``hints`` to the urgent or the ordinary queue, or to that of imports, ten to a request. Answer:
    ``None``.
    """

    hints: tuple[Hint, ...]
    urgent: bool


@frozen
class ReadBacklog(Effect):
    """Count the hints in the urgent or the ordinary queue. Answer: ``int``, approximate."""

    urgent: bool
