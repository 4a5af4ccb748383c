"""Whose answer it is: what must be true of a mail that comes in before a registration believes it.

A calendar's reply is easily forged, so nothing in the mail is believed but what the receiving server vouches for: its
verdicts are read from SES's own notification, never from a header.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from .. import series
from ..attendance import standing
from ..case import order
from ..decide import over
from ..model import Event, EventStatus, RegistrationStatus, Reply, Wall, When, folded, noun
from ..plan import Seen
from .answers import Answer, Kind
from .envelope import Incoming
from .proposals import proposed
from .reasons import Quarantined, Reason

_UID = re.compile(r"([0-9a-v]{26})\.([0-9a-v]{36})\.[0-9]{1,9}(?:\.[0-9]{8}(?:t[0-9]{6})?-[0-9]{1,9})?@.+")

AHEAD = timedelta(days=1)
"""How far ahead a clock may be: no more than a day, whatever zone it takes for UTC."""

# Who hears no more of an event has nothing to answer either.
_GONE = (RegistrationStatus.CANCELLED, RegistrationStatus.ERASED)


@noun
class Receipt:
    """SES's word on one mail that came in, when (UTC), and where its bytes are. ``envelope_sender`` is in lower case,
    and empty where there is none.
    """

    ses_id: str
    bucket: str
    key: str
    received_at: datetime
    envelope_sender: str
    spam: str
    virus: str
    spf: str
    dmarc: str


def receipt_of(notification: Mapping[str, Any]) -> Receipt:
    """Read the notification of a receipt rule. Raises :class:`KeyError` or :class:`ValueError` for anything else."""
    receipt, mail = notification["receipt"], notification["mail"]
    return Receipt(
        ses_id=mail["messageId"],
        bucket=receipt["action"]["bucketName"],
        key=receipt["action"]["objectKey"],
        received_at=datetime.fromisoformat(mail["timestamp"]),
        envelope_sender=mail["source"].strip("<> ").lower(),
        spam=receipt["spamVerdict"]["status"],
        virus=receipt["virusVerdict"]["status"],
        spf=receipt["spfVerdict"]["status"],
        dmarc=receipt["dmarcVerdict"]["status"],
    )


def ids_of(uid: str) -> tuple[str, str] | None:
    """The event's and the registration's id in a UID of ours, or ``None``: then it is not one."""
    match = _UID.fullmatch(uid)
    return (match[1], match[2]) if match else None


def distrust(receipt: Receipt, incoming: Incoming) -> Reason | None:
    """Why the sender cannot be believed to be who the mail says; ``None`` where they can.

    DMARC must pass; or, where From's domain has no policy (GRAY), SPF must pass for an envelope sender in exactly that
    domain. A DKIM verdict alone names no domain and proves nothing.
    """
    if receipt.virus == "FAIL":
        return Reason.VIRUS
    if receipt.spam == "FAIL":
        return Reason.SPAM
    if receipt.dmarc == "PASS":
        return None
    if receipt.dmarc != "GRAY":
        return Reason.DMARC
    if receipt.spf != "PASS":
        return Reason.SPF
    return None if _domain(receipt.envelope_sender) == _domain(incoming.sender) != "" else Reason.ENVELOPE


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def stranger(incoming: Incoming, seen: Seen) -> Reason | None:
    """Why whoever sent the mail is not the person of this registration."""
    if folded(incoming.sender) != folded(seen.registration.email):
        return Reason.STRANGER
    # DMARC vouches for a domain. Where its own server says that another of its users wrote it, it was that other one.
    submitter = incoming.submitter or incoming.sender
    if _domain(submitter) == _domain(incoming.sender) and folded(submitter) != folded(incoming.sender):
        return Reason.SENDER
    return None


def check(answer: Answer, seen: Seen, received_at: datetime) -> None:
    """Raise :class:`Quarantined` where this answer does not fit this registration, whoever sent it."""
    registration, invitation, event = seen.registration, seen.invitation, seen.event
    told = [word.told for word in (invitation.intent, invitation.acknowledged) if word is not None]
    if all(answer.uid != one.uid and one.entry_of(answer.uid) is None for one in told):
        raise Quarantined(Reason.OUTDATED if told else Reason.UID)
    if folded(answer.attendee) != folded(registration.email):
        raise Quarantined(Reason.ATTENDEE)
    if registration.status in _GONE:
        raise Quarantined(Reason.STATUS)
    if answer.sequence > invitation.allocated:
        raise Quarantined(Reason.SEQUENCE)
    if answer.dtstamp > received_at + AHEAD:
        raise Quarantined(Reason.FUTURE)
    # An answer is history even then; what asks for something comes too late.
    if answer.kind is not Kind.REPLY and over(event, received_at):
        raise Quarantined(Reason.OVER)
    if answer.kind is Kind.COUNTER and event.status is EventStatus.CANCELLED:
        raise Quarantined(Reason.OVER)


def date_of(answer: Answer, seen: Seen) -> Wall | None:
    """The date that is meant, by its original start; ``None`` is the whole event. Raises :class:`Quarantined`."""
    event = seen.event
    for word in (seen.invitation.intent, seen.invitation.acknowledged):
        if word is not None and (entry := word.told.entry_of(answer.uid)) is not None:
            # The UID of an entry of its own says which date is meant.
            found = series.renamed(word.told.naming, event.schedule).get(entry.date)
            if found is None:
                raise Quarantined(Reason.DATE)
            return found
    if answer.date is None:
        return None
    found = series.find(event, answer.date) if event.recurs else None
    if found is None:
        raise Quarantined(Reason.DATE)
    return found


def reply_of(answer: Answer, date: Wall | None, received_at: datetime) -> Reply | None:
    """What a REPLY says, as it is kept. A clock that is ahead must not outdo all answers to come, so it is dated no
    later than it came.
    """
    if answer.participation is None:
        return None
    dtstamp = min(answer.dtstamp, received_at)
    return Reply(status=answer.participation, sequence=answer.sequence, dtstamp=dtstamp, date=date)


def proposed_of(answer: Answer, event: Event) -> When | None:
    """What a COUNTER proposes, as a time of the event. Raises :class:`Quarantined`."""
    try:
        return proposed(event, answer.proposed) if answer.proposed else None
    except (ValueError, OverflowError) as error:
        raise Quarantined(Reason.PROPOSAL) from error


def overtaken(reply: Reply, seen: Seen) -> Reason | None:
    """Why a reply comes too late: it is no newer than what stands."""
    last = standing(seen.registration, reply)
    if last is None or order(reply) > order(last):
        return None
    return Reason.REPEATED if reply == last else Reason.OLD
