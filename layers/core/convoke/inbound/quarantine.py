"""Quarantined mails: what is stored of one to be shown to its account, while the mail itself is kept in S3."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from ..decision.attention import Attention, AttentionKind, AttentionReason
from ..model import frozen
from .authenticity import Receipt, distrust, stranger
from .itip_reply import Answer
from .judgement import Judgement, Verdict, vouched
from .reasons import Reason

KEPT = timedelta(days=7)
"""As long as the mail itself is kept in its bucket."""


class QuarantineStatus(StrEnum):
    """What was decided about a quarantined mail: nothing yet (waiting), to do what it asks, or to discard it."""

    WAITING = "waiting"
    RELEASED = "released"
    DROPPED = "dropped"


class Origin(StrEnum):
    """Who a quarantined mail is from. Each has a daily limit of its own, so that forged mails do not use up the room of
    genuine ones, nor strangers that of the person.
    """

    PERSON = "person"
    """The address of the registration that it names, authenticated."""
    STRANGER = "stranger"
    """Another address, authenticated."""
    UNVERIFIED = "unverified"


def origin(judged: Judgement, receipt: Receipt) -> Origin:
    """Who a mail is from, as far as SES vouches for its sender."""
    incoming, seen = judged.incoming, judged.seen
    if incoming is None or not incoming.sender or distrust(receipt, incoming) is not None:
        return Origin.UNVERIFIED
    own = seen is not None and stranger(receipt, incoming, seen) is None
    return Origin.PERSON if own else Origin.STRANGER


@frozen
class Owner:
    """The ``account`` that a quarantined mail is shown to, and the event and registration that it names, if any.

    Without an account (empty) it is shown to the operator alone.
    """

    account: str = ""
    event_id: str | None = None
    registration_id: str | None = None


@frozen
class QuarantinedMail:
    """One quarantined answer, or a mail without any; account and ids are as in :class:`Owner`. ``received_at`` is UTC.

    ``sender`` and ``subject`` are unverified. ``answer`` is that of its calendar, if that is readable; a release uses
    it and does not parse the mail again.
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


def quarantined_mail(judged: Judgement, receipt: Receipt, owner: Owner, quarantine_id: str) -> QuarantinedMail:
    """The item to store for a judgement with the verdict ``QUARANTINE``."""
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


_UNCONFIRMED = {
    Reason.STRANGER: AttentionReason.ANOTHER_ADDRESS,
    Reason.ATTENDEE: AttentionReason.ANOTHER_ADDRESS,
    Reason.GOOGLE: AttentionReason.IN_THEIR_NAME,
    Reason.SENDER: AttentionReason.IN_THEIR_NAME,
}
"""Reasons for which the sender is authentic, and only their right to answer for the attendee is unknown."""


def unconfirmed(judged: Judgement, mail: QuarantinedMail) -> Attention | None:
    """The attention entry of an answer that would count if the organizer released it; ``None`` for anything else."""
    state, answer, seen = _UNCONFIRMED.get(mail.reason), judged.answer, judged.seen
    if state is None or answer is None or seen is None:
        return None
    released = vouched(answer, seen, mail.received_at)
    if released.verdict is not Verdict.APPLY:
        return None
    return Attention(
        registration_id=seen.registration.registration_id,
        kind=AttentionKind.ANSWER,
        state=state,
        since=mail.received_at,
        date=released.date,
        quarantine_id=mail.quarantine_id,
    )
