"""What is done with a mail that came in. Nothing is read here but the mail, and nothing is done yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from ..model import Reply, Wall, When, noun
from ..plan import Seen
from . import answers, envelope, firewall
from .answers import Answer, Kind
from .envelope import Incoming
from .firewall import Receipt
from .reasons import Quarantined, Reason

MOST_LOOKS = 3
"""After how many invitations is looked that a mail refers to."""

Look = Callable[[str], Seen | None]
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


@noun
class Judgement:
    """What is to be done, and of what.

    ``seen`` is whose mail it is, or claims to be. ``date`` is the one date that it is about, by its original start;
    ``reply`` is what a REPLY says, as it is kept, ``proposed`` what a COUNTER does. ``reason`` is why it is put aside,
    or comes too late.
    """

    verdict: Verdict
    reason: Reason | None = None
    incoming: Incoming | None = None
    answer: Answer | None = None
    date: Wall | None = None
    reply: Reply | None = None
    proposed: When | None = None
    seen: Seen | None = None


def judge(receipt: Receipt, raw: bytes, look: Look) -> Judgement:
    """Judge one mail as it was received."""
    if receipt.virus == "FAIL":
        return _aside(Reason.VIRUS)
    try:
        incoming = envelope.incoming(raw)
        if incoming.calendar is None:
            return _letter(receipt, incoming, look)
        answer = answers.answer(incoming.calendar)
    except Quarantined as error:
        return _aside(error.reason)
    seen = look(answer.uid) if firewall.ids_of(answer.uid) else None
    found = Judgement(verdict=_VERDICTS[answer.kind], incoming=incoming, answer=answer, seen=seen)
    if incoming.method not in (None, answer.kind):
        return _aside(Reason.MISMATCH, found)
    if reason := firewall.distrust(receipt, incoming):
        return _aside(reason, found)
    if seen is None:
        return _aside(Reason.UID, found)
    if reason := firewall.stranger(incoming, seen):
        return _aside(reason, found)
    return _fitted(found, answer, seen, receipt.received_at)


def vouched(answer: Answer, seen: Seen, received_at: datetime) -> Judgement:
    """Judge what a mail says whose sender the organizer vouches for: whether it fits, not who sent it."""
    found = Judgement(verdict=_VERDICTS[answer.kind], answer=answer, seen=seen)
    return _fitted(found, answer, seen, received_at)


_VERDICTS = {Kind.REPLY: Verdict.APPLY, Kind.COUNTER: Verdict.PROPOSE, Kind.REFRESH: Verdict.REFRESH}


def _fitted(found: Judgement, answer: Answer, seen: Seen, received_at: datetime) -> Judgement:
    """``found`` with what it says in the event's own terms, where it fits."""
    try:
        firewall.check(answer, seen, received_at)
        date = firewall.date_of(answer, seen)
        reply = firewall.reply_of(answer, date, received_at)
        proposed = firewall.proposed_of(answer, seen.event)
    except Quarantined as error:
        return _aside(error.reason, found)
    found = replace(found, date=date, reply=reply, proposed=proposed)
    if reply is not None and (reason := firewall.overtaken(reply, seen)):
        return replace(found, verdict=Verdict.LATE, reason=reason)
    return found


def _letter(receipt: Receipt, incoming: Incoming, look: Look) -> Judgement:
    """A mail without a calendar. It belongs to the invitation whose UID it refers to."""
    # The latest few are enough, and each costs a look.
    ours = [uid for uid in incoming.references if firewall.ids_of(uid)][-MOST_LOOKS:]
    seen = next((seen for uid in reversed(ours) if (seen := look(uid))), None)
    found = Judgement(verdict=Verdict.FORWARD, incoming=incoming, seen=seen)
    if incoming.tnef:
        return _aside(Reason.TNEF, found)
    if seen is None or not incoming.text:
        return _aside(Reason.CALENDAR, found)
    # An empty envelope sender is a machine's: it wants no answer (RFC 5321, section 4.5.5).
    if incoming.automatic or not receipt.envelope_sender:
        return _aside(Reason.AUTOMATIC, found)
    reason = firewall.distrust(receipt, incoming) or firewall.stranger(incoming, seen)
    return found if reason is None else _aside(reason, found)


def _aside(reason: Reason, found: Judgement | None = None) -> Judgement:
    return replace(found or Judgement(verdict=Verdict.QUARANTINE), verdict=Verdict.QUARANTINE, reason=reason)
