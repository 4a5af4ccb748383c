"""Which of an attendee's answers counts for a message, and which of two is the newer (RFC 5546, section 2.1.5)."""

from __future__ import annotations

from datetime import UTC, datetime

from ..model import LocalTime, Participation, Registration, Reply


def answer(registration: Registration, asked: int, *dates: LocalTime | None, alone: bool = False) -> Participation:
    """The latest answer to the message of SEQUENCE ``asked`` or a later one: to the whole, or to one occurrence by any
    of the names ``dates``. Of an occurrence that is ``alone``, a separate entry, only answers to that count.
    """
    reply = reply_to(registration, asked, *dates, alone=alone)
    return reply.status if reply else Participation.NEEDS_ACTION


def reply_to(registration: Registration, asked: int, *dates: LocalTime | None, alone: bool = False) -> Reply | None:
    """The reply that :func:`answer` is taken from, or ``None`` without one."""
    whole = registration.reply
    # An answer to the whole that resets the participation does so for every entry.
    counts = whole is not None and (not alone or whole.status is Participation.NEEDS_ACTION)
    replies = [whole] if whole is not None and counts else []
    replies += [reply for reply in registration.date_replies if reply.date in dates]
    return max((reply for reply in replies if reply.sequence >= asked), key=lambda one: order(one, asked), default=None)


# Of two answers that arrived at the same instant, the later in this list counts: so nobody loses a seat by mistake.
_RANK = (
    Participation.NEEDS_ACTION,
    Participation.DELEGATED,
    Participation.DECLINED,
    Participation.TENTATIVE,
    Participation.ACCEPTED,
)
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


def order(reply: Reply, asked: int) -> tuple[int, datetime, datetime, int, int]:
    """The sort key by which the newer of two answers is greater: the SEQUENCE that they answer, then their DTSTAMP (RFC
    5546, section 2.1.5), then their arrival, since some programs give all answers the DTSTAMP of the invitation.

    All SEQUENCEs from ``asked`` on are one question. So the number does not decide between two answers to it: a program
    answers a series under the number of the series, however many messages about its dates came later, and an answer on
    the page has the latest number.

    When an answer was processed does not matter, so the result is the same in whatever order that happens.
    """
    arrived = reply.received_at or _BEFORE_ALL
    return min(reply.sequence, asked), reply.dtstamp, arrived, _RANK.index(reply.status), reply.sequence
