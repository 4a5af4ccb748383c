"""Effects that write one invitation item: its claim, the result of an attempt to send, a report, a wake-up.

All but :class:`WakeUp` are conditional writes: they succeed only while the item's ``fence`` is the one that was read,
and raise it by one. All due keys are ``<priority>#<instant>`` (see ``store.keys``), all instants UTC.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from ..decision.invitation import Acknowledged, Intent, Invitation, WaitMail, WaitMailed
from ..model import frozen
from ..webhooks.events import WebhookEventType
from .base import Effect, OfRegistration


@frozen
class ClearDue(Effect):
    """No message is missing: remove the due key and raise the fence.

    Condition: ``fence`` and ``wakeups`` are those of ``seen``. Answer: ``bool``, whether it was written.

    ``expired`` also sets the delivery state to "expired": a message was missing, but the event is over. The fence is
    raised even if nothing was due, so that a slower worker that read an older event can no longer claim.
    """

    seen: Invitation
    expired: bool


@frozen
class Defer(Effect):
    """The message that is missing may not be sent yet: look again at ``due_key``, and raise the fence.

    Condition: ``fence`` and ``wakeups`` are those of ``seen``. Answer: ``bool``, whether it was written.
    """

    seen: Invitation
    due_key: str


@frozen
class Claim(Effect):
    """Take the exclusive right to send ``intent`` until ``lease_until``; look again at ``due_key``.

    A new SEQUENCE is counted in ``mailed``, at ``now``. ``wait_mail`` is the last wait mail, once the message has left.
    Condition: ``fence`` and ``wakeups`` are those of ``seen``. Answer: the claimed ``Invitation``, or ``None`` if
    another worker wrote first.
    """

    seen: Invitation
    intent: Intent
    lease_until: datetime
    due_key: str
    now: datetime
    wait_mail: WaitMailed | None = None


@frozen
class NewWebhookEvent:
    """A webhook event to be written to the outbox together with an effect, in one transaction. ``data`` is JSON."""

    account: str
    type: WebhookEventType
    data: dict[str, Any]
    at: datetime


@frozen
class ReleaseClaim(Effect):
    """Nothing was sent: end the lease, restore ``highest_possibly_sent`` and ``possibly_sent`` from ``before``, store
    ``wait_mail``, and do not count this attempt as one with an unknown outcome.

    Condition: no other worker has claimed since ``claimed``. Answer: ``bool``, whether it was written.

    ``due_key`` is when to look again; ``None``, for a message that is given up, removes the due key unless a wake-up
    has come since the claim. ``attempts`` is the number of refusals in a row. ``failed`` gives the message up: the
    invitation gets ``reason``, a code, and so does the stored message unless SES has reported something about it;
    ``webhook_event`` goes to the outbox, and a survey of the event becomes due.
    """

    claimed: Invitation
    before: Invitation
    due_key: str | None
    attempts: int
    failed: bool = False
    reason: str = ""
    webhook_event: NewWebhookEvent | None = None

    @property
    def wait_mail(self) -> WaitMailed | None:
        """The last wait mail after the release, if none was recorded since the claim. Where the claim replaced what it
        was, a wait mail that left meanwhile may not have been recorded: so whatever is true next is mailed.
        """
        kept = self.claimed.wait_mail == self.before.wait_mail
        return self.before.wait_mail if kept else WaitMailed(mail=WaitMail.NOTHING)


@frozen
class StoreReport(Effect):
    """Write what a report from SES changed: the intent, acknowledgement, delivery state, reason, stopped addresses,
    deliveries and last wait mail of ``changed``; and ``webhook_event`` to the outbox in the same transaction.

    Condition: ``fence`` is that of ``seen``, and where the wait mail is changed, no wake-up was added: there is one
    with each wait mail. Answer: ``bool``, whether it was written.
    """

    seen: Invitation
    changed: Invitation
    webhook_event: NewWebhookEvent | None = None


@frozen
class HoldClaim(Effect):
    """It is unknown whether the message left: keep the lease, and look again at ``due_key``.

    Condition: no other worker has claimed since ``claimed``. Answer: ``bool``, whether it was written.
    """

    claimed: Invitation
    due_key: str


class AcknowledgeResult(StrEnum):
    """What became of an :class:`Acknowledge`."""

    DONE = "done"
    """Written, and nothing is due any more."""
    STILL_DUE = "still-due"
    """Written, and the invitation must be looked at again."""
    OVERTAKEN = "overtaken"
    """Not written: another worker has claimed since."""


@frozen
class Acknowledge(Effect):
    """SES accepted the message: write the acknowledgement and end the lease.

    Condition: no other worker has claimed since ``claimed``. Answer: :class:`AcknowledgeResult`.

    ``due_key`` is when the next message is due; ``None`` removes the due key unless a wake-up has come since the claim.
    """

    claimed: Invitation
    acknowledged: Acknowledged
    due_key: str | None


@frozen
class WakeUp(OfRegistration):
    """Add one to ``wakeups``, so that the invitation is looked at from ``due_key`` on (an earlier due key stays).

    ``repair`` also adds one to ``repair``: the latest message is to be sent again under a new SEQUENCE.
    Condition: the item exists; the fence does not matter. Answer: ``None``.
    """

    due_key: str
    repair: bool = False
