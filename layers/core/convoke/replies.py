"""Whose answer it is: what must be true of a mail that comes in before a registration believes it.

A calendar's reply is easily forged, so nothing in the mail is believed but what the receiving server vouches for: its
verdicts are read from SES's own notification, never from a header.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .itip import Answer
from .ledger import Invitation
from .mail import Incoming
from .model import Registration, RegistrationStatus, Reply, folded, noun

_UID = re.compile(r"([0-9a-v]{26})\.([0-9a-v]{36})\.[0-9]{1,9}@.+")


@noun
class Receipt:
    """SES's word on one mail that came in, and where its bytes are. ``envelope_sender`` is in lower case."""

    ses_id: str
    bucket: str
    key: str
    envelope_sender: str
    spam: str
    virus: str
    spf: str
    dmarc: str


def receipt_of(notification: Mapping[str, Any]) -> Receipt:
    """Read the notification of a receipt rule. Raises :class:`KeyError` for anything else."""
    receipt, mail = notification["receipt"], notification["mail"]
    return Receipt(
        ses_id=mail["messageId"],
        bucket=receipt["action"]["bucketName"],
        key=receipt["action"]["objectKey"],
        envelope_sender=mail["source"].lower(),
        spam=receipt["spamVerdict"]["status"],
        virus=receipt["virusVerdict"]["status"],
        spf=receipt["spfVerdict"]["status"],
        dmarc=receipt["dmarcVerdict"]["status"],
    )


def ids_of(uid: str) -> tuple[str, str] | None:
    """The event's and the registration's id in a UID of ours, or ``None``: then it is not one."""
    match = _UID.fullmatch(uid)
    return (match[1], match[2]) if match else None


def distrust(receipt: Receipt, incoming: Incoming) -> str | None:
    """Why the sender cannot be believed to be who the mail says, as a reason code; ``None`` where they can.

    DMARC must pass; or, where From's domain has no policy (GRAY), SPF must pass for an envelope sender in exactly that
    domain. A DKIM verdict alone names no domain and proves nothing.
    """
    if receipt.virus == "FAIL":
        return "virus"
    if receipt.spam == "FAIL":
        return "spam"
    if receipt.dmarc == "PASS":
        return None
    own_domain = _domain(receipt.envelope_sender) == _domain(incoming.sender) != ""
    if receipt.dmarc == "GRAY" and receipt.spf == "PASS" and own_domain:
        return None
    return "dmarc"


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def refusal(incoming: Incoming, answer: Answer, registration: Registration, invitation: Invitation) -> str | None:
    """Why this answer does not count for this registration, as a reason code; ``None`` where it does."""
    told = [word.told for word in (invitation.intent, invitation.acknowledged) if word is not None]
    if answer.uid not in {one.uid for one in told}:
        return "uid"
    if answer.sequence > invitation.allocated:
        return "sequence"
    if registration.status in (RegistrationStatus.CANCELLED, RegistrationStatus.ERASED):
        return "status"
    if not folded(incoming.sender) == folded(answer.attendee) == folded(registration.email):
        return "attendee"
    return None


def reply_of(answer: Answer) -> Reply:
    return Reply(status=answer.participation, sequence=answer.sequence, dtstamp=answer.dtstamp)
