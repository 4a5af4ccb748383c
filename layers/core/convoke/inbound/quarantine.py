"""A mail that was put aside: what its organizer sees of it, while the mail itself is kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from ..decision.attention import Attention, AttentionKind, AttentionReason
from ..model import frozen
from .authenticity import Receipt
from .itip_reply import Answer, Kind
from .judgement import Judgement, Verdict, vouched
from .reasons import Reason

KEPT = timedelta(days=7)
"""As long as the mail is, in its bucket."""


class QuarantineStatus(StrEnum):
    WAITING = "waiting"
    RELEASED = "released"
    DROPPED = "dropped"


@frozen
class Owner:
    """Whom a mail that was put aside is shown to: the ``account``, under the event and person that it is about, as far
    as they can be told. Where no account can be told it is empty: then the mail is shown to the operator alone.
    """

    account: str = ""
    event_id: str | None = None
    registration_id: str | None = None


@frozen
class QuarantinedMail:
    """One answer that was put aside, or a mail without any; ``received_at`` is UTC. Whose it is as in :class:`Owner`.

    ``sender`` and ``subject`` are what it claims. ``answer`` is what the calendar in it says, where there is one that
    can be read: the mail is not opened again.
    """

    quarantine_id: str
    account: str
    event_id: str | None = None
    registration_id: str | None = None
    reason: Reason
    sender: str
    subject: str = ""
    answer: Answer | None = None
    status: QuarantineStatus = QuarantineStatus.WAITING
    received_at: datetime

    @property
    def expires_at(self) -> datetime:
        return self.received_at + KEPT


def held(judged: Judgement, receipt: Receipt, owner: Owner, quarantine_id: str) -> QuarantinedMail:
    """What is shown of what was put aside."""
    incoming = judged.incoming
    return QuarantinedMail(
        quarantine_id=quarantine_id,
        account=owner.account,
        event_id=owner.event_id,
        registration_id=owner.registration_id,
        reason=judged.reason or Reason.UNREADABLE,
        sender=(incoming.sender or "") if incoming else "",
        subject=incoming.subject if incoming else "",
        answer=judged.answer,
        received_at=receipt.received_at,
    )


_DOUBTS = {
    Reason.STRANGER: AttentionReason.ANOTHER_ADDRESS,
    Reason.ATTENDEE: AttentionReason.ANOTHER_ADDRESS,
    Reason.GOOGLE: AttentionReason.IN_THEIR_NAME,
    Reason.SENDER: AttentionReason.IN_THEIR_NAME,
}
"""Whoever sent these is known, by SES's word; only whether they may is not."""


def unconfirmed(judged: Judgement, held: QuarantinedMail) -> Attention | None:
    """What the event shows of an answer that would count if the organizer said so; ``None`` for anything else."""
    doubt, answer, seen = _DOUBTS.get(held.reason), judged.answer, judged.seen
    if doubt is None or answer is None or seen is None or answer.kind is not Kind.REPLY:
        return None
    released = vouched(answer, seen, held.received_at)
    if released.verdict is not Verdict.APPLY:
        return None
    return Attention(
        registration_id=seen.registration.registration_id,
        kind=AttentionKind.ANSWER,
        state=doubt,
        since=held.received_at,
        date=released.date,
        quarantine_id=held.quarantine_id,
    )
