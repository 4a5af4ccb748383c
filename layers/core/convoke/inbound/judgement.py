"""What is done with a mail that came in. Nothing is read here but the mail, and nothing is done yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum

from ..model import Reply, noun
from ..reconcile import Seen
from . import answers, envelope, firewall
from .answers import Answer, Kind
from .envelope import Incoming
from .firewall import Receipt
from .reasons import Quarantined, Reason

Look = Callable[[str], Seen | None]
"""From a UID to the registration that it is of, with its invitation and event; ``None`` where it is none of ours."""


class Verdict(StrEnum):
    APPLY = "apply"
    """A REPLY that counts."""
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

    ``seen`` is whose mail it is, or claims to be; ``reply`` what a REPLY says, as it is kept; ``reason`` why it is put
    aside.
    """

    verdict: Verdict
    reason: Reason | None = None
    incoming: Incoming | None = None
    answer: Answer | None = None
    reply: Reply | None = None
    seen: Seen | None = None


def judge(receipt: Receipt, raw: bytes, look: Look, *, vouched: bool = False) -> Judgement:
    """Judge one mail as it was received. ``vouched``: the organizer says that it is from whom it claims to be."""
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
    reply = firewall.reply_of(answer, receipt)
    found = Judgement(verdict=_VERDICTS[answer.kind], incoming=incoming, answer=answer, reply=reply, seen=seen)
    if incoming.method not in (None, answer.kind):
        return _aside(Reason.MISMATCH, found)
    if not vouched and (reason := firewall.distrust(receipt, incoming)):
        return _aside(reason, found)
    if seen is None:
        return _aside(Reason.UID, found)
    if not vouched and (reason := firewall.stranger(incoming, seen)):
        return _aside(reason, found)
    if reason := firewall.refusal(answer, seen):
        return _aside(reason, found)
    if reply is not None and (reason := firewall.overtaken(reply, seen)):
        return _aside(reason, found)
    return found


_VERDICTS = {Kind.REPLY: Verdict.APPLY, Kind.COUNTER: Verdict.PROPOSE, Kind.REFRESH: Verdict.REFRESH}


def _letter(receipt: Receipt, incoming: Incoming, look: Look) -> Judgement:
    """A mail without a calendar. It belongs to the invitation whose UID it refers to."""
    known = (seen for uid in reversed(incoming.references) if firewall.ids_of(uid) and (seen := look(uid)))
    seen = next(known, None)
    found = Judgement(verdict=Verdict.FORWARD, incoming=incoming, seen=seen)
    if seen is None or not incoming.text:
        return _aside(Reason.CALENDAR, found)
    # An empty envelope sender is a machine's: it wants no answer (RFC 5321, section 4.5.5).
    if incoming.automatic or not receipt.envelope_sender:
        return _aside(Reason.AUTOMATIC, found)
    reason = firewall.distrust(receipt, incoming) or firewall.stranger(incoming, seen)
    return found if reason is None else _aside(reason, found)


def _aside(reason: Reason, found: Judgement | None = None) -> Judgement:
    return replace(found or Judgement(verdict=Verdict.QUARANTINE), verdict=Verdict.QUARANTINE, reason=reason)
