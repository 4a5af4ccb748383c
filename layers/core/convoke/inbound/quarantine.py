"""A mail that was put aside: what its organizer sees of it, while the mail itself is kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from ..model import noun
from .answers import Answer
from .firewall import Receipt
from .judgement import Judgement
from .reasons import Reason

KEPT = timedelta(days=7)
"""As long as the mail is, in its bucket."""


class HeldStatus(StrEnum):
    WAITING = "waiting"
    RELEASED = "released"
    DROPPED = "dropped"


@noun
class Held:
    """One mail that was put aside, under the event whose UID it names; ``received_at`` is UTC.

    ``sender`` and ``subject`` are what it claims. ``answer`` is what the calendar in it says, where there is one that
    can be read: the mail is not opened again.
    """

    quarantine_id: str
    account: str
    event_id: str
    registration_id: str
    reason: Reason
    sender: str
    subject: str = ""
    answer: Answer | None = None
    status: HeldStatus = HeldStatus.WAITING
    received_at: datetime

    @property
    def expires_at(self) -> datetime:
        return self.received_at + KEPT


def held(judged: Judgement, receipt: Receipt, quarantine_id: str) -> Held | None:
    """What is shown of a mail that was put aside; ``None`` where it names no event, and so belongs to nobody."""
    if judged.seen is None or judged.incoming is None or judged.reason is None:
        return None
    return Held(
        quarantine_id=quarantine_id,
        account=judged.seen.event.account,
        event_id=judged.seen.event.event_id,
        registration_id=judged.seen.registration.registration_id,
        reason=judged.reason,
        sender=judged.incoming.sender or "",
        subject=judged.incoming.subject,
        answer=judged.answer,
        received_at=receipt.received_at,
    )
