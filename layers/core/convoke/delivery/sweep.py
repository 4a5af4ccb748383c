"""Every minute: whatever is still owed is looked at, even if every stream record and every queued hint were lost.

The sweeper sends nothing itself. It hands registrations and slices to the queues, most pressing first, and does at once
what no sending function may do: it promotes the first in line to a free seat, and forgets a person who asked to be
forgotten.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ..decision.decide import CHANGE, INVITATION, PRESSING
from ..decision.invitation import Quota
from ..decision.plan import decide
from ..effects import (
    Clock,
    Due,
    DueKind,
    Enqueue,
    ErasePerson,
    Hint,
    NotificationHint,
    Postpone,
    Promote,
    ReadBacklog,
    ReadDue,
    ReadQuota,
    ReadSending,
    Reserve,
    Steps,
    SurveyHint,
    TransferRegistrations,
)
from ..model import Sender, frozen
from ..settings import Times
from ..store import keys
from ..store.keys import SHARDS, due_since
from .fan_out import announce
from .reconcile import look

PRIORITIES = (PRESSING, CHANGE, INVITATION)

RESERVE = 0.8
"""The part of the day's quota that invitations may use up."""
A_MINUTE = timedelta(minutes=1)
CARRYING = timedelta(seconds=30)
"""For how long one round carries registrations over: half of what its function has."""
CAUTIOUS = 60
"""Mails in a minute where SES does not say how many it takes: the sandbox's one a second."""


def take_stock(times: Times) -> Steps[int]:
    """How much may be handed out in this minute: what SES takes in it, less what waits already.

    Where the day's quota runs low, invitations are stopped for the time until the sweeper has looked again.
    """
    quota: Quota | None = yield ReadQuota()
    backlog: int = yield ReadBacklog()
    if quota is None:
        return max(0, CAUTIOUS - backlog)
    # A negative quota is how SES says that there is none.
    if quota.most >= 0 and quota.sent >= quota.most * RESERVE:
        now = yield Clock()
        yield Reserve(until=now + times.hint)
    return max(0, int(quota.rate * A_MINUTE.total_seconds()) - backlog)


@frozen
class SweepResult:
    """How many of each kind were seen to, and for how long the oldest that is due has been owed."""

    counts: dict[str, int]
    oldest: timedelta = timedelta()


def sweep(sender: Sender, times: Times, *, limit: int) -> Steps[SweepResult]:
    """One round: at most ``limit`` are seen to, most pressing first; the next round takes the rest."""
    counts: dict[str, int] = {}
    oldest = timedelta()
    carries: list[Due] = []
    sending = yield ReadSending()
    now = yield Clock()
    if sending.stopped(now):
        limit = 0
    for priority in PRIORITIES:
        for shard in SHARDS:
            left = limit - sum(counts.values())
            # Where nothing may be handed out, it is still to be known how long it has been owed.
            dues = yield ReadDue(shard=shard, priority=priority, now=now, limit=max(1, left))
            for due in dues:
                oldest = max(oldest, now - due_since(due.due_key))
                # Put off first: a hint that is lost comes again, and one that waits in the queue is not doubled.
                if left > 0 and (yield Postpone(due=due, due_key=keys.due_key(priority, now + times.hint))):
                    if due.kind is DueKind.CARRY:
                        carries.append(due)
                    else:
                        yield from _see_to(due, sender, urgent=priority == PRESSING)
                    counts[due.kind.value] = counts.get(due.kind.value, 0) + 1
    for due in carries:  # last, for it takes time
        yield from _carry(due.event_id, now + CARRYING)
    return SweepResult(counts=counts, oldest=oldest)


def _carry(event_id: str, until: datetime) -> Steps[None]:
    """Carry registrations over while there is somebody left, and time; the next round carries the rest."""
    while (yield Clock()) < until and (yield TransferRegistrations(event_id=event_id)):
        pass


def _see_to(due: Due, sender: Sender, *, urgent: bool) -> Steps[None]:
    match due.kind:
        case DueKind.REGISTRATION:
            yield Enqueue(hint=Hint(event_id=due.event_id, registration_id=due.registration_id), urgent=urgent)
        case DueKind.FAN:
            yield from announce(due.event_id)
        case DueKind.SEATS:
            yield Promote(event_id=due.event_id)
        case DueKind.NOTE:
            note = NotificationHint(
                event_id=due.event_id, registration_id=due.registration_id, notification_id=due.notification_id
            )
            yield Enqueue(hint=note, urgent=urgent)
        case DueKind.SURVEY:
            yield Enqueue(hint=SurveyHint(event_id=due.event_id), urgent=False)
        case DueKind.ERASURE:
            if (yield from _taken_back(due, sender)):
                yield ErasePerson(due=due)


def _taken_back(due: Due, sender: Sender) -> Steps[bool]:
    """Whether a person may be forgotten: nobody is writing to them, and nothing is left to say or no way to say it."""
    seen = yield from look(due.event_id, due.registration_id)
    now = yield Clock()
    if seen is None:
        return True
    lease = seen.invitation.lease_until
    return (lease is None or lease <= now) and decide(seen, sender, now) is None
