"""Effects on fan-outs, on the queues, on due items other than invitations, and on the switch over all mail.

All due keys are ``<priority>#<instant>`` (see ``store.keys``), all instants UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ..decision.invitation import Batch
from ..model import frozen
from .kind import Effect
from .posting import WebhookHint
from .reading import Due


@frozen
class MoveFanOut(Effect):
    """Move the fan-out's cursor to the registration id ``cursor``, and its due key to ``due_key``.

    Condition: the item still has the version and cursor of ``batch``. Answer: ``bool``, whether it was written.
    """

    batch: Batch
    cursor: str
    due_key: str


@frozen
class EndFanOut(Effect):
    """All registrations were processed: delete the fan-out.

    Condition: the item still has the version and cursor of ``batch``. Answer: ``bool``, whether it was deleted.
    """

    batch: Batch


@frozen
class Enqueue(Effect):
    """Send ``hint``, delayed by ``delay_seconds``, to the urgent or the ordinary queue, or to that of webhooks. Answer:
    ``None``.
    """

    hint: Batch | Hint | NotificationHint | SurveyHint | WebhookHint
    urgent: bool
    delay_seconds: int = 0


@frozen
class Hint:
    """A queue message: one registration to reconcile."""

    event_id: str
    registration_id: str


@frozen
class NotificationHint:
    """A queue message: one notification to send. ``registration_id`` is empty if it concerns no registration."""

    event_id: str
    registration_id: str
    notification_id: str


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
class Promote(Effect):
    """Give the event's free seats to the first people on its waitlist. Answer: ``int``, how many were promoted."""

    event_id: str


@frozen
class TransferRegistrations(Effect):
    """Copy the next few registrations to the event that a series was split into.

    Answer: ``int``, how many were copied; 0 when all are.
    """

    event_id: str


@frozen
class ErasePerson(Effect):
    """Erase the personal data of a registration for which no cancellation is left to send, and end the erasure that
    ``due`` names. Answer: ``None``.
    """

    due: Due


@frozen
class StoreAuditPage(Effect):
    """Store page number ``page`` (from 0) of the differences found by the audit that stopped at ``at``, for 30 days.

    Answer: ``None``.
    """

    at: datetime
    page: int
    lines: tuple[str, ...]


@frozen
class Postpone(Effect):
    """A hint for this item is about to be queued: look again at ``due_key``.

    Condition: the item's due key is still that of ``due``. Answer: ``bool``, whether it was written.
    """

    due: Due
    due_key: str


@frozen
class StopSending(Effect):
    """Stop all mail until ``until``, with the reason ``why``.

    Condition: mail is not stopped until a later time already. Answer: ``None``.
    """

    until: datetime
    why: str


@frozen
class ReadQuota(Effect):
    """Ask SES for the account's sending quota. Answer: ``Quota``, or ``None`` if SES does not answer."""


@frozen
class ReadBacklog(Effect):
    """Count the hints in both queues. Answer: ``int``, approximate."""


@frozen
class ReserveQuota(Effect):
    """Send no invitations until ``until``: the rest of the day's quota is kept for cancellations and changes.

    Answer: ``None``.
    """

    until: datetime


@frozen
class ReadMailed(Effect):
    """Read how many mails each account has sent at ``now`` (UTC), in the day and the hour.

    Answer: tuple of ``AccountMails``, of those that have sent any.
    """

    now: datetime


@frozen
class CountAccounts(Effect):
    """Count the accounts of the deployment. Answer: ``int``."""


@frozen
class HoldAccounts(Effect):
    """Let these accounts and no others send only cancellations, each until its time (UTC). Answer: ``None``."""

    until: Mapping[str, datetime]
