"""Checks whether a mail is from the attendee whose answer it claims to be, and whether the answer fits what was sent.

A calendar reply is easily forged, so nothing in the mail itself proves its sender. The receiving server's verdicts
(DMARC, SPF, DKIM) are read from SES's notification, not from header fields that the sender could write.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from ..decision.answers import order
from ..decision.attendance import asked, previous_reply
from ..decision.calendar_state import CalendarState, OccurrenceState
from ..decision.decide import Snapshot, over
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
    mailbox,
)
from ..schedule import series, series_changes
from .itip_reply import Answer, IncomingMethod
from .mime import Incoming
from .proposals import proposed
from .reasons import Quarantined, Reason
from .trace import signers
from .uids import ids_of

AHEAD = timedelta(days=1)
"""How far an attendee's clock may be ahead: a day covers local time that is written as if it were UTC."""

GOOGLE_CALENDAR = "calendar-notification@google.com"
"""The Sender of mails that Google Calendar sends on behalf of somebody."""

# Registrations that are sent no more messages, and whose answers do not count.
_ENDED = (RegistrationStatus.CANCELLED, RegistrationStatus.ERASED)


@frozen
class Receipt:
    """SES's notification of one incoming mail: its verdicts, the time of receipt (UTC), and the S3 object of the mail.

    ``envelope_sender`` (MAIL FROM) is in lower case, and empty for a null reverse-path. ``dkim`` says whether some
    signature is valid, not of which domain; ``dmarc_policy`` is set where DMARC failed.
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
    """Parse the SNS notification of a receipt rule's S3 action.

    Raises :class:`KeyError` or :class:`ValueError` for anything else.
    """
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
    """Why the address in From is not authenticated; ``None`` if it is.

    DMARC must pass; or, if From's domain has no policy (GRAY), SPF must pass for an envelope sender of exactly that
    domain. SES's DKIM verdict names no domain, so it proves nothing by itself.
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


def domain(address: str) -> str:
    """The part after the last @, folded for comparison; empty where there is none."""
    _, at, rest = folded(address).rpartition("@")
    return rest if at else ""


def stranger(receipt: Receipt, incoming: Incoming, seen: Snapshot) -> Reason | None:
    """Why the sender of an authenticated mail is not the person of this registration; ``None`` if they are."""
    sender, person = incoming.sender or "", seen.registration.email
    if folded(sender) != folded(person) and not (
        mailbox(sender) == mailbox(person) and _sent_by_its_own_domain(receipt, sender)
    ):
        return Reason.STRANGER
    # DMARC authenticates a domain, not a user: if the domain's server names another user in Sender, they sent it.
    submitter = incoming.submitter or sender
    if domain(submitter) == domain(sender) and folded(submitter) != folded(sender):
        # Whoever sends from an alias of their own mailbox is themselves all the same.
        if mailbox(submitter) == mailbox(sender) and _sent_by_its_own_domain(receipt, sender):
            return None
        return Reason.SENDER
    return None


def _sent_by_its_own_domain(receipt: Receipt, sender: str) -> bool:
    """Whether DMARC passes, and the envelope sender is of From's domain, so that no other server forwarded the mail.

    Another spelling of the registered address is only accepted then. An empty envelope sender is allowed: automatic
    mail has it (RFC 5321, section 4.5.5).
    """
    envelope = receipt.envelope_sender
    # Domains are compared by mailbox(), since gmail.com and googlemail.com are one.
    same_domain = not envelope or domain(mailbox(f"x@{domain(envelope)}")) == domain(mailbox(f"x@{domain(sender)}"))
    return receipt.dmarc == "PASS" and same_domain


def is_delegate(incoming: Incoming, answer: Answer) -> bool:
    """Whether Sender, of the same domain as From, is the delegate that the calendar names (SENT-BY, RFC 5545, section
    3.2.18), as Exchange writes it where one user may answer for another.
    """
    submitter, sender = incoming.submitter or "", incoming.sender or ""
    return (
        answer.sent_by is not None
        and folded(answer.sent_by) == folded(submitter)
        and domain(submitter) == domain(sender) != ""
    )


def through_google(receipt: Receipt, incoming: Incoming, raw: bytes) -> bool:
    """Whether Google Calendar sent the mail for a domain without DKIM of its own: SES found a valid signature of
    Google, and the domain's DMARC policy does not forbid it.
    """
    return (
        receipt.spam != "FAIL"
        and (receipt.dmarc == "GRAY" or (receipt.dmarc, receipt.dmarc_policy) == ("FAIL", "none"))
        and receipt.dkim == "PASS"
        and incoming.submitter == GOOGLE_CALENDAR
        and "google.com" in signers(raw, receipt.ses_id, receipt.envelope_sender)
    )


def is_acceptance(answer: Answer) -> bool:
    """Whether it is an acceptance, which does no harm if it was forged: the person keeps their seat."""
    return answer.kind is IncomingMethod.REPLY and answer.participation is Participation.ACCEPTED


def check(answer: Answer, seen: Snapshot, received_at: datetime, *, vouched: bool = False) -> None:
    """Raise :class:`Quarantined` if the answer does not fit the registration of ``seen``, whoever sent it.

    ``received_at`` is UTC. ``vouched``: the organizer confirmed the sender by a release, so that only what makes the
    answer impossible is checked.
    """
    registration, event = seen.registration, seen.event
    if not may_have_been_sent(answer.uid, seen):
        if not _sent_states(seen) or ids_of(answer.uid) != (event.event_id, registration.registration_id):
            raise Quarantined(Reason.UID)
        if not vouched:
            raise Quarantined(Reason.OUTDATED)
    if not vouched and answer.attendee is not None and mailbox(answer.attendee) != mailbox(registration.email):
        raise Quarantined(Reason.ATTENDEE)
    if registration.status in _ENDED:
        raise Quarantined(Reason.STATUS)
    if not vouched and answer.dtstamp > received_at + AHEAD:
        raise Quarantined(Reason.FUTURE)
    # A REPLY is still recorded after the event; a request for something comes too late.
    if answer.kind is not IncomingMethod.REPLY and over(event, received_at):
        raise Quarantined(Reason.OVER)
    if answer.kind is IncomingMethod.COUNTER and event.status is EventStatus.CANCELLED:
        raise Quarantined(Reason.OVER)


def _sent_states(seen: Snapshot) -> list[CalendarState]:
    """The calendar states that the person may have: of the intent, which may have been sent, and the acknowledged."""
    invitation = seen.invitation
    return [message.calendar_state for message in (invitation.intent, invitation.acknowledged) if message is not None]


def may_have_been_sent(uid: str, seen: Snapshot) -> bool:
    """Whether the person may have been sent an entry with this UID."""
    return any(_has(state, uid) for state in _sent_states(seen))


def _has(state: CalendarState, uid: str) -> bool:
    return uid == state.uid or state.entry_of(uid) is not None


def date_of(answer: Answer, seen: Snapshot) -> LocalTime | None:
    """The original start of the date that is answered; ``None`` is the whole event. An event that is no series is
    answered whole, though some programs name its date.

    Raises :class:`Quarantined` (``DATE``) if the event has no such date.
    """
    event = seen.event
    for state in _sent_states(seen):
        if (entry := state.entry_of(answer.uid)) is not None:
            # The UID of a separate entry stands for its date.
            found = series_changes.renamed(state.naming, event.schedule).get(entry.date)
            if found is None:
                raise Quarantined(Reason.DATE)
            return found
    if answer.date is None:
        return None
    meant = _whole_day(answer.date) if event.when.all_day else None
    found = (series_changes.find(event, meant) if meant else None) or series_changes.find(event, answer.date)
    if found is None:
        raise Quarantined(Reason.DATE)
    return found if event.recurs else None


def _whole_day(named: LocalTime) -> date | None:
    """The day that ``named`` means, if it is a date or the midnight that begins a whole day in the attendee's zone.

    ``None`` if that is not known. It is untrusted input, and may be in any year.
    """
    if not isinstance(named, datetime):
        return named
    if named.time() == time():
        return named.date()
    with suppress(OverflowError):  # beyond `datetime.min` or `datetime.max`
        # Some programs write that midnight in UTC, or in the zone of another calendar.
        instant = None if named.tzinfo is None else named.astimezone(UTC)
        if instant is None or instant.minute % 15 or instant.second:
            return None
        # Zones are from 12 hours behind UTC to 14 ahead, so only between 10:00 and 12:00 UTC two days are possible.
        return None if 10 <= instant.hour < 12 else (instant + timedelta(hours=12)).date()
    return None


def reply_of(
    answer: Answer, date: LocalTime | None, seen: Snapshot, received_at: datetime, sent_at: datetime | None
) -> Reply | None:
    """The reply to store; ``None`` if there is no answer. ``sent_at`` is the mail's Date (UTC), if it has one.

    Its DTSTAMP is at most ``received_at``, so that an answer from a clock that is ahead does not override later ones.
    """
    if answer.participation is None:
        return None
    sequence = _sequence(answer, date, seen)
    return Reply(
        status=answer.participation,
        sequence=sequence,
        dtstamp=min(_answered_at(answer, sequence, seen, sent_at), received_at),
        date=date,
        received_at=received_at,
    )


def _answered_at(answer: Answer, sequence: int, seen: Snapshot, sent_at: datetime | None) -> datetime:
    """The answer's DTSTAMP; or when the mail was written, where it is that of the message which it answers: some
    programs copy it from there. When the mail arrived does not count: an old one may be sent again by anybody.
    """
    if sent_at is None:
        return answer.dtstamp
    states = (one for one in _sent_states(seen) if one.sequence <= sequence and _has(one, answer.uid))
    copied = any(answer.dtstamp == one.dtstamp for one in states)
    return max(sent_at, answer.dtstamp) if copied else answer.dtstamp


def _sequence(answer: Answer, date: LocalTime | None, seen: Snapshot) -> int:
    """The SEQUENCE of the message that is answered.

    Some programs raise the number themselves; some use the series' number for a date that was moved since, although
    its DTSTART is the new start.
    """
    invitation = seen.invitation
    last = invitation.acknowledged or invitation.intent
    if last is None:
        return answer.sequence
    known = last.calendar_state.occurrence_state(date) if date is not None else None
    if not may_have_been_sent(
        answer.uid, seen
    ):  # only for a release by the organizer: it then answers the present message
        return known.asked if known else last.calendar_state.asked
    if answer.sequence > invitation.allocated:
        return last.calendar_state.sequence
    if known is not None and answer.sequence < known.asked and known.when is not None and _is_start(answer, known):
        return known.asked
    return answer.sequence


def _is_start(answer: Answer, known: OccurrenceState) -> bool:
    """Whether the answer's DTSTART is the new start of a date that was moved."""
    when, start = known.when, answer.start
    if when is None or start is None or when.start == known.date:
        return False
    if isinstance(start, datetime) and start.tzinfo is not None:
        return not when.all_day and series_changes.is_at(start, when.starts_at)
    return start == when.start


def proposed_of(answer: Answer, event: Event) -> When | None:
    """The time that a COUNTER proposes, in the event's zone; ``None`` for others. Raises :class:`Quarantined`."""
    try:
        return proposed(event, answer.proposed) if answer.proposed else None
    except (ValueError, OverflowError) as error:
        raise Quarantined(Reason.PROPOSAL) from error


def proposes(proposed: When, date: LocalTime | None, event: Event, received_at: datetime) -> bool:
    """Whether ``proposed`` is another time than the event, or its ``date``, has, and was to come at ``received_at``
    (UTC). Some programs send an answer as a proposal of the time that there is, or of the moment at which they answer.

    What is proposed for a whole series is a time of its first date. Once that has begun, any other time is a proposal.
    """
    one = None if date is None else series.by_name(event).get(date)
    present = event.when if one is None else one.when
    begun = proposed.ends_at if proposed.all_day else proposed.starts_at
    times = [(when.all_day, when.starts_at, when.ends_at) for when in (present, proposed)]
    under_way = date is None and event.recurs and event.when.starts_at <= received_at
    return times[0] != times[1] and (under_way or begun > received_at)


def overtaken(reply: Reply, seen: Snapshot) -> Reason | None:
    """Why a reply has no effect: an equal or newer answer is stored already. ``None`` if it has."""
    last, question = previous_reply(seen.registration, reply), asked(seen.invitation, reply.date)
    if last is None or (order(reply, question) > order(last, question) and _content(reply) != _content(last)):
        return None
    return Reason.REPEATED if _content(reply) == _content(last) else Reason.OLD


def _content(reply: Reply) -> Reply:
    """The reply without its time of receipt, for comparison."""
    return replace(reply, received_at=None)
