"""What is done with a mail that came in. Nothing is read here but the mail, and nothing is done yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from ..decision.plan import Snapshot
from ..model import LocalTime, Reply, When, folded, frozen
from . import authenticity, itip_reply, mime
from .authenticity import Receipt
from .itip_reply import Answer, Kind
from .mime import Incoming
from .reasons import Quarantined, Reason

MOST_LOOKS = 3
"""After how many invitations is looked that a mail names."""

Look = Callable[[str], Snapshot | None]
"""From a UID to the registration that it is of, with its invitation and event; ``None`` where it is none of ours."""


class Verdict(StrEnum):
    APPLY = "apply"
    """A REPLY that counts."""
    LATE = "late"
    """A REPLY that something newer has overtaken: history, and nothing else."""
    PROPOSE = "propose"
    """A COUNTER, to be kept for the organizer."""
    REFRESH = "refresh"
    """The latest message is asked for again."""
    FORWARD = "forward"
    """A human wrote it, to the organizer."""
    QUARANTINE = "quarantine"


@frozen
class Judgement:
    """What is to be done, and of what.

    ``seen`` is whose mail it is, or claims to be. ``date`` is the one date that it is about, by its original start;
    ``reply`` is what a REPLY says, as it is kept, ``proposed`` what a COUNTER does. ``reason`` is why it is put aside,
    or comes too late. Where a mail holds several answers, each is judged by itself: ``others`` are those after the
    first.
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
        """The judgement of every answer in the mail; of a mail without any, of the mail."""
        return (replace(self, others=()), *self.others)


def judge(receipt: Receipt, raw: bytes, look: Look) -> Judgement:
    """Judge one mail as it was received. Whatever is wrong with it, ``seen`` is whose it may be, where that can be told
    by anything in it.
    """
    incoming = mime.incoming(raw)
    mail = Judgement(verdict=Verdict.QUARANTINE, incoming=incoming, seen=_whose(incoming, look))
    if receipt.virus == "FAIL":
        return _aside(Reason.VIRUS, mail)
    found, problem = _answers(incoming)
    if found:
        through = authenticity.through_google(receipt, incoming, raw)
        first, *others = (
            _aside(answer.problem, mail)
            if answer.problem
            else _aside(problem, replace(mail, answer=answer, seen=_look(answer, look) or mail.seen))
            if problem
            else _judged(receipt, replace(mail, answer=answer), answer, look, through_google=through)
            for answer in found
        )
        return replace(first, others=tuple(others))
    return _aside(problem, mail) if problem else _letter(receipt, mail, incoming)


def vouched(answer: Answer, seen: Snapshot, received_at: datetime) -> Judgement:
    """Judge what a mail says whose sender the organizer vouches for: whether it can be done, not who sent it."""
    found = Judgement(verdict=_VERDICTS[answer.kind], answer=answer, seen=seen)
    return _fitted(found, answer, seen, received_at, vouched=True)


_VERDICTS = {Kind.REPLY: Verdict.APPLY, Kind.COUNTER: Verdict.PROPOSE, Kind.REFRESH: Verdict.REFRESH}


def _whose(incoming: Incoming, look: Look) -> Snapshot | None:
    """The first registration that the mail names by a UID of ours, wherever that stands."""
    return next((seen for uid in incoming.uids[:MOST_LOOKS] if (seen := look(uid))), None)


def _look(answer: Answer, look: Look) -> Snapshot | None:
    """The registration that it answers, by its UID alone."""
    return look(answer.uid) if authenticity.ids_of(answer.uid) else None


def _answers(incoming: Incoming) -> tuple[tuple[Answer, ...], Reason | None]:
    """What its calendar answers, as far as that can be read, and why it cannot be used."""
    if incoming.calendar is None:
        return (), incoming.problem
    try:
        found = itip_reply.answers(incoming.calendar, method=incoming.method, sent_at=incoming.sent_at)
    except Quarantined as error:
        return (), incoming.problem or error.reason
    if found[0].kind is Kind.REFRESH:
        found = found[:1]  # however often it is asked for in a mail, it is one message
    mismatch = incoming.method not in (None, found[0].kind)
    return found, incoming.problem or (Reason.MISMATCH if mismatch else None)


def _judged(receipt: Receipt, found: Judgement, answer: Answer, look: Look, *, through_google: bool) -> Judgement:
    """One answer, of a mail in which nothing is wrong as a mail."""
    incoming, proxy = found.incoming, None
    if incoming is None:
        return found
    # What else is named in the mail may be another's: whose event is answered, they alone are shown it.
    seen = _look(answer, look)
    found = replace(found, seen=seen or found.seen)
    if reason := authenticity.distrust(receipt, incoming):
        if not through_google:
            return _aside(reason, found)
        proxy = Reason.GOOGLE
    if seen is None:
        return _aside(Reason.UID, found)
    if reason := authenticity.stranger(receipt, incoming, seen):
        if reason is not Reason.SENDER or not authenticity.is_delegate(incoming, answer):
            return _aside(reason, found)
        proxy = Reason.SENDER
    fitted = _fitted(replace(found, verdict=_VERDICTS[answer.kind]), answer, seen, receipt.received_at)
    if proxy is None or fitted.verdict is Verdict.QUARANTINE:
        return fitted
    named = answer.attendee is not None and folded(answer.attendee) == folded(seen.registration.email)
    return fitted if named and authenticity.is_acceptance(answer) else _aside(proxy, found)


def _fitted(
    found: Judgement, answer: Answer, seen: Snapshot, received_at: datetime, *, vouched: bool = False
) -> Judgement:
    """``found`` with what it says in the event's own terms, where it fits."""
    try:
        authenticity.check(answer, seen, received_at, vouched=vouched)
        date = authenticity.date_of(answer, seen)
        reply = authenticity.reply_of(answer, date, seen, received_at)
        proposed = authenticity.proposed_of(answer, seen.event)
    except Quarantined as error:
        return _aside(error.reason, found)
    found = replace(found, date=date, reply=reply, proposed=proposed)
    if reply is not None and (reason := authenticity.overtaken(reply, seen)):
        return replace(found, verdict=Verdict.LATE, reason=reason)
    return found


def _letter(receipt: Receipt, found: Judgement, incoming: Incoming) -> Judgement:
    """A mail without a calendar. It is for the organizer where it answers a mail of ours."""
    seen = found.seen
    if incoming.tnef:
        return _aside(Reason.TNEF, found)
    if seen is None or not incoming.text or not _refers_to(incoming, seen):
        return _aside(Reason.CALENDAR, found)
    # An empty envelope sender is a machine's: it wants no answer (RFC 5321, section 4.5.5).
    if incoming.automatic or not receipt.envelope_sender:
        return _aside(Reason.AUTOMATIC, found)
    reason = authenticity.distrust(receipt, incoming) or authenticity.stranger(receipt, incoming, seen)
    return replace(found, verdict=Verdict.FORWARD) if reason is None else _aside(reason, found)


def _refers_to(incoming: Incoming, seen: Snapshot) -> bool:
    """Whether it answers a mail of ours about this registration, and does not only speak of its UID."""
    ids = seen.event.event_id, seen.registration.registration_id
    return any(authenticity.ids_of(one) == ids for one in incoming.references)


def _aside(reason: Reason, found: Judgement) -> Judgement:
    return replace(found, verdict=Verdict.QUARANTINE, reason=reason)
