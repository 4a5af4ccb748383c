"""Keeps what is sent below the account's rate: each mail waits for its turn, before its claim.

Both queues, the stream and notifications send, in any number of workers. All draw turns, a few at a time, from one item
for each second. Ordinary mail takes at most half of a second in which urgent mail was drawn, and at most half of those
to come. After SES has refused a mail because there were too many, all go on at half the pace, and recover.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ..decision.invitation import Sending
from ..effects import Clock, DrawTurns, Log, Refusal, Refused, SlowDown, Steps, StopSending, Wait
from ..settings import Times

SHARE = 0.95
"""The share of the account's rate that is used. Clocks differ, and others may send from the same account."""
RECOVERY = timedelta(seconds=30)
"""In what time the pace recovers after SES refused a mail because there were too many."""
SLOWEST = 1 / 16
"""The smallest share of the pace that is left."""
AHEAD = 5
"""How many seconds a worker waits for its turn at most."""
DRAWN_AT_ONCE = 4
"""How many turns a batch draws at a time."""
THROTTLED = frozenset({"TooManyRequestsException", "ThrottlingException", "Throttling"})
"""SES's error codes for too many requests in a second."""


@dataclass
class Turns:
    """The turns that one worker has drawn and not used: when (UTC) each may be used. ``wanted`` is how many other
    mails the worker still has to begin with, and ``coming`` for how many of them a thread is drawing. Threads share it:
    each of its steps is indivisible.
    """

    wanted: int = 0
    drawn: deque[datetime] = field(default_factory=deque)
    coming: int = 0


def pace(sending: Sending, now: datetime) -> float | None:
    """How many mails a second may be sent at ``now``; ``None`` while the account's rate is not known."""
    if sending.rate is None:
        return None
    return sending.rate * SHARE * _left(sending, now)


def _left(sending: Sending, now: datetime) -> float:
    """The share of the pace that is left at ``now`` after a refusal."""
    if sending.slowed_at is None:
        return 1.0
    recovered = max(0.0, (now - sending.slowed_at) / RECOVERY)
    return min(1.0, sending.slowed_to + (1 - sending.slowed_to) * recovered)


def turns_in(second: int, rate: float) -> int:
    """How many mails may be sent in one second (Unix time), so that they add up to ``rate`` a second."""
    return math.floor((second + 1) * rate) - math.floor(second * rate)


def wait_for_turn(sending: Sending, turns: Turns, *, urgent: bool) -> Steps[bool]:
    """Wait until one more mail may be sent. False: that is not within :data:`AHEAD` seconds."""
    now = yield Clock()
    rate = pace(sending, now)
    if rate is None:
        return True
    last = now + timedelta(seconds=AHEAD)
    while True:
        try:
            turn = turns.drawn.popleft()
        except IndexError:
            if (yield from _draw(rate, now, turns, urgent=urgent)):
                continue
            # What ordinary mail may not draw yet, it may draw when the next second has begun.
            begins = now.replace(microsecond=0) + timedelta(seconds=1)
            if urgent or begins > last:
                return False
            yield Wait(until=begins)
            now = yield Clock()
            continue
        if turn > now:
            yield Wait(until=turn)
        return True


def _draw(rate: float, now: datetime, turns: Turns, *, urgent: bool) -> Steps[bool]:
    """Draw some turns of this second or of the next ones. Whoever had one far ahead would wait for it, though a sooner
    one may come free; so ordinary mail, which leaves half of the seconds to come, looks no further than the next.
    """
    # One for this mail, and some for others for which no thread is drawing: those that nobody uses are lost to all.
    more = min(DRAWN_AT_ONCE - 1, max(0, turns.wanted - turns.coming))
    turns.coming += more
    try:
        first = int(now.timestamp())
        for second in range(first, first + (AHEAD if urgent else 2)):
            most = turns_in(second, rate)
            some = min(1 + more, most)
            for count in range(some, 0, -max(1, some - 1)):  # some of them, or the last one
                last = yield DrawTurns(second=second, count=count, most=most, urgent=urgent, ahead=second > first)
                if last is not None:
                    begins = datetime.fromtimestamp(second, UTC)
                    turns.drawn.extend(
                        begins + timedelta(seconds=(number - 1) / most) for number in range(last - count + 1, last + 1)
                    )
                    return True
        return False
    finally:
        turns.coming -= more


def heed(refused: Refused, sending: Sending, times: Times, now: datetime, about: Mapping[str, str]) -> Steps[None]:
    """What follows for all mail where SES refused one: none is sent while sending is paused, or all go on slower.
    ``about`` are the log's fields of the mail.
    """
    yield Log(what="mail refused", fields={**about, "why": refused.refusal, "code": refused.why})
    if refused.refusal is Refusal.PAUSED:
        yield Log(what="sending paused", fields={**about, "why": refused.why})
        yield StopSending(until=now + times.pause, why=refused.why)
    if refused.refusal is Refusal.BUSY:
        yield from slow_down(sending, now, refused.why)


def slow_down(sending: Sending, now: datetime, why: str) -> Steps[None]:
    """Halve the pace of all workers if SES refused a mail because there were too many."""
    if why in THROTTLED:
        yield SlowDown(at=now, to=max(SLOWEST, _left(sending, now) / 2))
