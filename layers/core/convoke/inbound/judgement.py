"""Decides what to do with an incoming mail, from the mail and what ``look`` returns; it has no effects itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from ..decision.decide import Snapshot
from ..model import LocalTime, Participation, Reply, When, folded, frozen
from . import authenticity, itip_reply, mime
from .authenticity import Receipt
from .itip_reply import Answer, IncomingMethod
from .mime import Incoming
from .reasons import Quarantined, Reason
from .uids import ids_of

MOST_LOOKS = 3
"""How many of the UIDs in a mail are looked up at most."""

Look = Callable[[str], Snapshot | None]
"""Reads the registration of a UID, with its invitation and event; ``None`` if there is none."""


class Verdict(StrEnum):
    """What is done with an answer, or with a mail without any."""

    APPLY = "apply"
    """Store a REPLY as the attendee's participation."""
    LATE = "late"
    """Record a REPLY in the history only: there is an equal or newer answer."""
    PROPOSE = "propose"
    """Store the proposal of a COUNTER for the organizer."""
    REFRESH = "refresh"
    """Send the latest message again."""
    FORWARD = "forward"
    """Pass the mail on to the organizer: a person wrote it."""
    QUARANTINE = "quarantine"
    """Keep the mail for the organizer or operator to decide."""


@frozen
class Judgement:
    """The verdict on one answer, or on a mail without any, and the data to carry it out.

    ``seen`` is the registration that the mail is from, or claims to be from. ``date`` is the original start of the one
    date that is answered; ``reply`` is the reply to store, also that of a COUNTER, ``proposed`` the time that it
    proposes. ``reason`` is why it is quarantined or late. Several answers in one mail are judged separately: ``others``
    are those after the first.
    """

    verdict: Verdict
    reason: Reason | None = None
    incoming: Incoming | None = None
    answer: Answer | None = None
    date: LocalTime | None = None
    reply: Reply | None = None
    proposed: When | None = None
    seen: Snapshot | None = None
    others: tuple[Judgement, ...] = ()

    @property
    def each(self) -> tuple[Judgement, ...]:
        """The judgements of all answers in the mail; of a mail without any, the one of the mail."""
        return (replace(self, others=()), *self.others)


def judge(receipt: Receipt, raw: bytes, look: Look) -> Judgement:
    """Judge one mail, ``raw`` as SES received it. Never raises for the content of the mail.

    Also for a mail that is quarantined, ``seen`` is the registration that it names, if it names one.
    """
    incoming = mime.incoming(raw)
    mail = Judgement(verdict=Verdict.QUARANTINE, incoming=incoming, seen=_whose(incoming, look))
    if receipt.virus == "FAIL":
        return _quarantined(Reason.VIRUS, mail)
    found, problem = _answers(incoming)
    if found:
        through_google = authenticity.through_google(receipt, incoming, raw)
        first, *others = (
            _quarantined(answer.problem, mail)
            if answer.problem
            else _quarantined(problem, replace(mail, answer=answer, seen=_look(answer, look) or mail.seen))
            if problem
            else _judged(receipt, replace(mail, answer=answer), answer, look, through_google=through_google)
            for answer in found
        )
        return replace(first, others=tuple(others))
    if problem is None or (problem is Reason.METHOD and _is_our_own(incoming, mail.seen)):
        written = _without_calendar(receipt, mail, incoming)
        # What is wrong with the calendar is the better reason where the text cannot be passed on either.
        return written if problem is None or written.verdict is Verdict.FORWARD else _quarantined(problem, mail)
    return _quarantined(problem, mail)


def vouched(answer: Answer, seen: Snapshot, received_at: datetime) -> Judgement:
    """Judge an answer whose sender the organizer confirmed by releasing the mail: only whether it can be applied."""
    found = Judgement(verdict=_VERDICTS[answer.kind], answer=answer, seen=seen)
    return _fitted(found, answer, seen, received_at, vouched=True)


_VERDICTS = {
    IncomingMethod.REPLY: Verdict.APPLY,
    IncomingMethod.COUNTER: Verdict.PROPOSE,
    IncomingMethod.REFRESH: Verdict.REFRESH,
}


def _whose(incoming: Incoming, look: Look) -> Snapshot | None:
    """The first registration that the mail names by a UID of ours, anywhere in it."""
    return next((seen for uid in incoming.uids[:MOST_LOOKS] if (seen := look(uid))), None)


def _look(answer: Answer, look: Look) -> Snapshot | None:
    """The registration that it answers, by its UID alone."""
    return look(answer.uid) if ids_of(answer.uid) else None


def _answers(incoming: Incoming) -> tuple[tuple[Answer, ...], Reason | None]:
    """The answers in the mail's calendar, as far as they can be read, and why they cannot be used."""
    if incoming.calendar is None:
        return (), incoming.problem
    try:
        found = itip_reply.answers(
            incoming.calendar, method=incoming.method, sent_at=incoming.sent_at, sender=incoming.sender
        )
    except Quarantined as error:
        return (), incoming.problem or error.reason
    if found[0].kind is IncomingMethod.REFRESH:
        found = found[:1]  # several requests in one mail still ask for one message
    mismatch = incoming.method not in (None, found[0].kind)
    return found, incoming.problem or (Reason.MISMATCH if mismatch else None)


def _judged(receipt: Receipt, found: Judgement, answer: Answer, look: Look, *, through_google: bool) -> Judgement:
    """Judge one readable answer of a valid mail: whether its sender is authentic, and whether it fits."""
    incoming, proxy = found.incoming, None
    if incoming is None:
        return found
    # What else is named in the mail may be another's: whose event is answered, they alone are shown it.
    seen = _look(answer, look)
    found = replace(found, seen=seen or found.seen)
    if reason := authenticity.distrust(receipt, incoming):
        if not through_google:
            return _quarantined(reason, found)
        proxy = Reason.GOOGLE
    if seen is None:
        return _quarantined(Reason.UID, found)
    if reason := authenticity.stranger(receipt, incoming, seen):
        if reason is not Reason.SENDER or not authenticity.is_delegate(incoming, answer):
            return _quarantined(reason, found)
        proxy = Reason.SENDER
    fitted = _fitted(replace(found, verdict=_VERDICTS[answer.kind]), answer, seen, receipt.received_at)
    if proxy is None or fitted.verdict is Verdict.QUARANTINE:
        return fitted
    named = answer.attendee is not None and folded(answer.attendee) == folded(seen.registration.email)
    return fitted if named and authenticity.is_acceptance(answer) else _quarantined(proxy, found)


def _fitted(
    found: Judgement, answer: Answer, seen: Snapshot, received_at: datetime, *, vouched: bool = False
) -> Judgement:
    """``found`` with the answer's date, reply and proposal as the event has them; quarantined if it does not fit."""
    try:
        authenticity.check(answer, seen, received_at, vouched=vouched)
        date = authenticity.date_of(answer, seen)
        sent_at = found.incoming.sent_at if found.incoming else received_at
        reply = authenticity.reply_of(answer, date, seen, received_at, sent_at)
        proposed = authenticity.proposed_of(answer, seen.event)
    except Quarantined as error:
        return _quarantined(error.reason, found)
    says_no_more = proposed is not None and not authenticity.proposes(proposed, date, seen.event, received_at)
    if says_no_more and reply is None:
        return _quarantined(Reason.PROPOSAL, found)
    if says_no_more:
        found, proposed = replace(found, verdict=Verdict.APPLY), None
    elif proposed is not None and answer.participation is Participation.ACCEPTED:
        reply = None  # whoever asks for another time has not accepted this one: it was answered before
    reason = authenticity.overtaken(reply, seen) if reply is not None else None
    if found.verdict is not Verdict.APPLY and reason is not None:
        reply = reason = None  # what is proposed is another matter
    found = replace(found, date=date, reply=reply, proposed=proposed)
    return found if reason is None else replace(found, verdict=Verdict.LATE, reason=reason)


def _without_calendar(receipt: Receipt, found: Judgement, incoming: Incoming) -> Judgement:
    """Judge a mail without a calendar: it is passed on to the organizer if it answers a mail of ours."""
    seen = found.seen
    if incoming.tnef:
        return _quarantined(Reason.TNEF, found)
    if seen is None or not incoming.text or not _refers_to(incoming, seen):
        return _quarantined(Reason.CALENDAR, found)
    # An empty envelope sender means automatic mail (RFC 5321, section 4.5.5).
    if incoming.automatic or not receipt.envelope_sender:
        return _quarantined(Reason.AUTOMATIC, found)
    reason = authenticity.distrust(receipt, incoming) or authenticity.stranger(receipt, incoming, seen)
    return replace(found, verdict=Verdict.FORWARD) if reason is None else _quarantined(reason, found)


def _is_our_own(incoming: Incoming, seen: Snapshot | None) -> bool:
    """Whether the calendar in a mail is one that the person was sent: some programs attach it to an answer in words."""
    if seen is None or incoming.problem is not None or incoming.calendar is None:
        return False
    ids = seen.event.event_id, seen.registration.registration_id
    uids = itip_reply.uids(incoming.calendar)
    return bool(uids) and all(ids_of(uid) == ids for uid in uids)


def _refers_to(incoming: Incoming, seen: Snapshot) -> bool:
    """Whether In-Reply-To or References name a mail of ours to this registration; its UID in the text is not enough."""
    ids = seen.event.event_id, seen.registration.registration_id
    return any(ids_of(one) == ids for one in incoming.references)


def _quarantined(reason: Reason, found: Judgement) -> Judgement:
    return replace(found, verdict=Verdict.QUARANTINE, reason=reason)
