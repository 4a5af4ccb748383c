"""Whose answer it is: what must be true of a mail that comes in before a registration believes it.

A calendar's reply is easily forged, so nothing in the mail is believed but what the receiving server vouches for: its
verdicts are read from SES's own notification, never from a header.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from ..decision.attendance import standing
from ..decision.calendar_state import CalendarState, OccurrenceState
from ..decision.decide import over
from ..decision.messages import order
from ..decision.plan import Snapshot
from ..model import (
    Event,
    EventStatus,
    LocalTime,
    Participation,
    RegistrationStatus,
    Reply,
    When,
    folded,
    frozen,
)
from ..schedule import series
from .addresses import domain, mailbox
from .itip_reply import Answer, Kind
from .mime import Incoming
from .proposals import proposed
from .reasons import Quarantined, Reason
from .trace import signers
from .uids import ids_of as ids_of

AHEAD = timedelta(days=1)
"""How far ahead a clock may be: no more than a day, whatever zone it takes for UTC."""

GOOGLE_CALENDAR = "calendar-notification@google.com"
"""Sender of what Google Calendar sends in somebody's name."""

# Who hears no more of an event has nothing to answer either.
_GONE = (RegistrationStatus.CANCELLED, RegistrationStatus.ERASED)


@frozen
class Receipt:
    """SES's word on one mail that came in, when (UTC), and where its bytes are. ``envelope_sender`` is in lower case,
    and empty where there is none. ``dkim`` says that some signature holds, not whose; ``dmarc_policy`` is there where
    DMARC fails.
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
    dkim: str = ""
    dmarc_policy: str = ""


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
        dkim=receipt.get("dkimVerdict", {}).get("status", ""),
        dmarc_policy=receipt.get("dmarcPolicy", ""),
    )


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
    return None if domain(receipt.envelope_sender) == domain(incoming.sender or "") != "" else Reason.ENVELOPE


def stranger(receipt: Receipt, incoming: Incoming, seen: Snapshot) -> Reason | None:
    """Why whoever sent the mail is not the person of this registration."""
    sender, person = incoming.sender or "", seen.registration.email
    if folded(sender) != folded(person) and not (
        mailbox(sender) == mailbox(person) and _sent_by_its_own_domain(receipt, sender)
    ):
        return Reason.STRANGER
    # DMARC vouches for a domain. Where its own server says that another of its users wrote it, it was that other one.
    submitter = incoming.submitter or sender
    if domain(submitter) == domain(sender) and folded(submitter) != folded(sender):
        # Whoever sends from an alias of their own mailbox is themselves all the same.
        if mailbox(submitter) == mailbox(sender) and _sent_by_its_own_domain(receipt, sender):
            return None
        return Reason.SENDER
    return None


def _sent_by_its_own_domain(receipt: Receipt, sender: str) -> bool:
    """Whether DMARC passes, and the mail comes from there: an address that nobody wrote to is not believed where
    somebody else passes its mail on. An empty envelope sender is a machine's own (RFC 5321, section 4.5.5).
    """
    envelope = receipt.envelope_sender
    # Only the domain counts: of Gmail's two either may stand there.
    at_home = not envelope or domain(mailbox(f"x@{domain(envelope)}")) == domain(mailbox(f"x@{domain(sender)}"))
    return receipt.dmarc == "PASS" and at_home


def is_delegate(incoming: Incoming, answer: Answer) -> bool:
    """Whether whoever sent it in the person's name, of the same domain, is whom the calendar names (SENT-BY, RFC 5545,
    section 3.2.18), as Exchange does where somebody may answer for somebody.
    """
    submitter, sender = incoming.submitter or "", incoming.sender or ""
    return (
        answer.sent_by is not None
        and folded(answer.sent_by) == folded(submitter)
        and domain(submitter) == domain(sender) != ""
    )


def through_google(receipt: Receipt, incoming: Incoming, raw: bytes) -> bool:
    """Whether Google Calendar sent it for a domain that has no DKIM of its own: by SES's own word Google signed it, and
    the domain's policy (DMARC) does not forbid it.
    """
    return (
        receipt.spam != "FAIL"
        and (receipt.dmarc == "GRAY" or (receipt.dmarc, receipt.dmarc_policy) == ("FAIL", "none"))
        and receipt.dkim == "PASS"
        and incoming.submitter == GOOGLE_CALENDAR
        and "google.com" in signers(raw, receipt.ses_id, receipt.envelope_sender)
    )


def is_acceptance(answer: Answer) -> bool:
    """Whether it costs nothing if somebody sent it in the person's name without being asked: they keep their seat."""
    return answer.kind is Kind.REPLY and answer.participation is Participation.ACCEPTED


def check(answer: Answer, seen: Snapshot, received_at: datetime, *, vouched: bool = False) -> None:
    """Raise :class:`Quarantined` where this answer does not fit this registration, whoever sent it. ``vouched``: the
    organizer says that it is the person's own, so that nothing counts but whether it can be done.
    """
    registration, event = seen.registration, seen.event
    if not is_told(answer.uid, seen):
        if not _told(seen) or ids_of(answer.uid) != (event.event_id, registration.registration_id):
            raise Quarantined(Reason.UID)
        if not vouched:
            raise Quarantined(Reason.OUTDATED)
    if not vouched and answer.attendee is not None and mailbox(answer.attendee) != mailbox(registration.email):
        raise Quarantined(Reason.ATTENDEE)
    if registration.status in _GONE:
        raise Quarantined(Reason.STATUS)
    if not vouched and answer.dtstamp > received_at + AHEAD:
        raise Quarantined(Reason.FUTURE)
    # An answer is history even then; what asks for something comes too late.
    if answer.kind is not Kind.REPLY and over(event, received_at):
        raise Quarantined(Reason.OVER)
    if answer.kind is Kind.COUNTER and event.status is EventStatus.CANCELLED:
        raise Quarantined(Reason.OVER)


def _told(seen: Snapshot) -> list[CalendarState]:
    """What the person was told, and may be told now."""
    invitation = seen.invitation
    return [word.calendar_state for word in (invitation.intent, invitation.acknowledged) if word is not None]


def is_told(uid: str, seen: Snapshot) -> bool:
    """Whether the person was told an entry of this UID."""
    return any(uid == calendar_state.uid or calendar_state.entry_of(uid) is not None for calendar_state in _told(seen))


def date_of(answer: Answer, seen: Snapshot) -> LocalTime | None:
    """The date that is meant, by its original start; ``None`` is the whole event. Raises :class:`Quarantined`."""
    event = seen.event
    for calendar_state in _told(seen):
        if (entry := calendar_state.entry_of(answer.uid)) is not None:
            # The UID of an entry of its own says which date is meant.
            found = series.renamed(calendar_state.naming, event.schedule).get(entry.date)
            if found is None:
                raise Quarantined(Reason.DATE)
            return found
    if answer.date is None:
        return None
    found = None
    if event.recurs:
        meant = _whole_day(answer.date) if event.when.all_day else None
        found = (series.find(event, meant) if meant else None) or series.find(event, answer.date)
    if found is None:
        raise Quarantined(Reason.DATE)
    return found


def _whole_day(named: LocalTime) -> date | None:
    """The day that an attendee's calendar means which names a whole day by the midnight that begins it there."""
    if not isinstance(named, datetime):
        return named
    if named.time() == time():
        return named.date()
    if named.tzinfo is not UTC or named.minute % 15 or named.second:
        return None
    # No clock is more than 12 hours behind UTC nor 14 ahead of it, so only from ten to twelve are there two such days.
    return None if 10 <= named.hour < 12 else (named + timedelta(hours=12)).date()


def reply_of(answer: Answer, date: LocalTime | None, seen: Snapshot, received_at: datetime) -> Reply | None:
    """What a REPLY says, as it is kept. A clock that is ahead must not outdo all answers to come, so it is dated no
    later than it came.
    """
    if answer.participation is None:
        return None
    return Reply(
        status=answer.participation,
        sequence=_sequence(answer, date, seen),
        dtstamp=min(answer.dtstamp, received_at),
        date=date,
        received_at=received_at,
    )


def _sequence(answer: Answer, date: LocalTime | None, seen: Snapshot) -> int:
    """Which message of ours it answers. Some programs raise the number; some take that of the series for a date that
    was moved since, and say by its new start that they know of it.
    """
    invitation = seen.invitation
    last = invitation.acknowledged or invitation.intent
    if last is None:
        return answer.sequence
    known = last.calendar_state.occurrence_state(date) if date is not None else None
    if not is_told(answer.uid, seen):  # only where the organizer vouches for it: then it answers what is asked now
        return known.asked if known else last.calendar_state.asked
    if answer.sequence > invitation.allocated:
        return last.calendar_state.sequence
    if known is not None and answer.sequence < known.asked and known.when is not None and _is_start(answer, known):
        return known.asked
    return answer.sequence


def _is_start(answer: Answer, known: OccurrenceState) -> bool:
    """Whether it names the new start of a date that was moved."""
    when, start = known.when, answer.start
    if when is None or start is None or when.start == known.date:
        return False
    if isinstance(start, datetime) and start.tzinfo is not None:
        return not when.all_day and start == when.starts_at
    return start == when.start


def proposed_of(answer: Answer, event: Event) -> When | None:
    """What a COUNTER proposes, as a time of the event. Raises :class:`Quarantined`."""
    try:
        return proposed(event, answer.proposed) if answer.proposed else None
    except (ValueError, OverflowError) as error:
        raise Quarantined(Reason.PROPOSAL) from error


def overtaken(reply: Reply, seen: Snapshot) -> Reason | None:
    """Why a reply comes too late: it is no newer than what stands."""
    last = standing(seen.registration, reply)
    if last is None or (order(reply) > order(last) and _words(reply) != _words(last)):
        return None
    return Reason.REPEATED if _words(reply) == _words(last) else Reason.OLD


def _words(reply: Reply) -> Reply:
    """What it says, whenever it came."""
    return replace(reply, received_at=None)
