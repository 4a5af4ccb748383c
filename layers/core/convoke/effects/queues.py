"""Effects on fan-outs, on the queues, on due items other than invitations, and on the switch over all mail.

All due keys are ``<priority>#<instant>`` (see ``store.keys``), all instants UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ..decision.fan_out import Batch, FanOut
from ..mail.notifications import Notification
from ..model import frozen
from .base import Effect, OfEvent, OfRegistration
from .reads import Due
from .webhooks import WebhookHint


@frozen
class PlanBatches(Effect):
    """Write the next batches of the fan-out ``seen``, each with its due key, and move ``planned_to`` to ``through``.

    ``people`` is how many are in these batches. ``due_key`` is when to go on planning; ``None``: all are planned, and
    the fan-out is not due any more. Where no batch is left then, it is deleted.
    Condition: version and ``planned_to`` are those of ``seen``. Answer: ``bool``, whether it was written.
    """

    seen: FanOut
    batches: tuple[tuple[Batch, str], ...]
    through: str
    people: int
    due_key: str | None


@frozen
class ClaimBatch(Effect):
    """Take the exclusive right to work on a batch until ``lease_until``, which is also when it is due again.

    Condition: it exists, and no other worker has it at ``now``. Answer: the claimed ``Batch``, or ``None``.
    """

    hint: BatchHint
    now: datetime
    lease_until: datetime


@frozen
class MoveBatch(Effect):
    """The registrations up to the id ``after`` have been informed: the rest of the batch is due at ``due_key``.

    Condition: the worker still has the batch. Answer: ``bool``, whether it was written.
    """

    batch: Batch
    after: str
    due_key: str


@frozen
class EndBatch(Effect):
    """All registrations of the batch have been informed: delete it, and with the last batch its fan-out.

    Condition: the worker still has the batch; the fan-out is changed only if it is of the batch's version. Answer:
    ``bool``, whether it was written.
    """

    batch: Batch


@frozen
class Enqueue(Effect):
    """Send ``hint``, delayed by ``delay_seconds``, to the urgent or the ordinary queue, or to that of webhooks or
    imports. Answer: ``None``.
    """

    hint: AnyHint
    urgent: bool
    delay_seconds: int = 0


@frozen
class EnqueueAll(Effect):
    """Send all of ``hints`` to the urgent or the ordinary queue, or to that of imports, ten to a request. Answer:
    ``None``.
    """

    hints: tuple[AnyHint, ...]
    urgent: bool


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


AnyHint = PlanHint | BatchHint | Hint | NotificationHint | SurveyHint | ImportHint | WebhookHint
"""Whatever is in a queue."""


@frozen
class Promote(OfEvent):
    """Give the event's free seats to the first people on its waitlist. Answer: ``int``, how many were promoted."""


@frozen
class EndHold(OfRegistration):
    """Release the seats that were kept for a registration which was cancelled by one click, if their time is over.

    Answer: ``bool``, whether they were released.
    """


@frozen
class TransferRegistrations(OfEvent):
    """Copy the next few registrations to the event that a series was split into.

    Answer: ``int``, how many were copied; 0 when all are.
    """


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
    """Count the hints in the urgent or the ordinary queue. Answer: ``int``, approximate."""

    urgent: bool


@frozen
class CountHeld(Effect):
    """Count the fan-outs that wait at ``now`` (UTC) for further changes. Answer: ``int``, approximate."""

    now: datetime


@frozen
class DrawTurns(Effect):
    """Draw ``count`` of the ``most`` mails that may be sent in one ``second`` (Unix time).

    Condition: so many are left; for ordinary mail also, where urgent mail was drawn in this second, or it is one
    ``ahead``: ordinary mail has then drawn no more than half. Answer: ``int``, how many have been drawn in this second
    now, or ``None``.
    """

    second: int
    count: int
    most: int
    urgent: bool
    ahead: bool


@frozen
class SlowDown(Effect):
    """SES refused a mail at ``at`` (UTC) since there were too many: go on with the share ``to`` of the pace.

    Condition: it was not slowed down in the second before. Answer: ``None``.
    """

    at: datetime
    to: float


@frozen
class StoreRate(Effect):
    """Store how many mails a second SES accepts of this account. Answer: ``None``."""

    rate: float


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
