"""The sweep: every minute, hands out whatever is due, even if every stream record and every queued hint was lost.

It sends no mail itself. It queues hints for registrations, fan-outs, notifications and surveys, most urgent first. What
the sending functions have no permission to do, it does itself: promoting people from the waitlist to free seats,
copying registrations after a split, and erasing people who asked for it. All instants are UTC.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ..decision.decide import CHANGE, INVITATION, URGENT
from ..decision.invitation import Quota
from ..decision.plan import decide
from ..effects import (
    BatchHint,
    Clock,
    Due,
    DueKind,
    Enqueue,
    ErasePerson,
    Hint,
    NotificationHint,
    PlanHint,
    Postpone,
    Promote,
    ReadBacklog,
    ReadDue,
    ReadQuota,
    ReadSending,
    ReserveQuota,
    Steps,
    SurveyHint,
    TransferRegistrations,
)
from ..model import Sender, frozen
from ..settings import Times
from ..store import keys
from ..store.keys import SHARDS, due_since
from .reconcile import read_snapshot

PRIORITIES = (URGENT, CHANGE, INVITATION)

INVITATION_QUOTA_SHARE = 0.8
"""The share of the day's quota that may be used before invitations have to wait."""
SWEEP_INTERVAL = timedelta(minutes=1)
TRANSFER_TIME = timedelta(seconds=30)
"""For how long one sweep copies registrations after a split: half of its function's time."""
DEFAULT_MAILS_PER_SWEEP = 60
"""How many mails a sweep assumes if SES does not tell its rate: the sandbox's one per second."""


def hint_limit(times: Times) -> Steps[int]:
    """How many items this sweep may hand out: as many mails as SES accepts in a minute, less the hints in the queues.

    If the day's quota runs low, invitations are stopped until the next sweeps have looked again (``times.hint``).
    """
    quota: Quota | None = yield ReadQuota()
    backlog: int = yield ReadBacklog()
    if quota is None:
        return max(0, DEFAULT_MAILS_PER_SWEEP - backlog)
    # SES reports an unlimited quota as a negative number.
    if quota.most >= 0 and quota.sent >= quota.most * INVITATION_QUOTA_SHARE:
        now = yield Clock()
        yield ReserveQuota(until=now + times.hint)
    return max(0, int(quota.rate * SWEEP_INTERVAL.total_seconds()) - backlog)


@frozen
class SweepResult:
    """How many items of each kind (a value of ``DueKind``) were handed out, and how long the oldest has been due."""

    counts: dict[str, int]
    oldest: timedelta = timedelta()


def sweep(sender: Sender, times: Times, *, limit: int) -> Steps[SweepResult]:
    """Hand out at most ``limit`` due items, most urgent first, or none while all mail is stopped; the next sweep takes
    the rest.
    """
    counts: dict[str, int] = {}
    oldest = timedelta()
    transfers: list[Due] = []
    sending = yield ReadSending()
    now = yield Clock()
    if sending.stopped(now):
        limit = 0
    for priority in PRIORITIES:
        for shard in SHARDS:
            left = limit - sum(counts.values())
            # At least one is read even if nothing may be handed out, to learn how long it has been due.
            dues = yield ReadDue(shard=shard, priority=priority, now=now, limit=max(1, left))
            for due in dues:
                oldest = max(oldest, now - due_since(due.due_key))
                # Postponed first: a lost hint is queued again later, and one that waits in the queue is not doubled.
                if left > 0 and (yield Postpone(due=due, due_key=keys.due_key(priority, now + times.hint))):
                    if due.kind is DueKind.SPLIT_TRANSFER:
                        transfers.append(due)
                    else:
                        yield from _hand_out(due, sender, urgent=priority == URGENT)
                    counts[due.kind.value] = counts.get(due.kind.value, 0) + 1
    for due in transfers:  # last, since they take long
        yield from _transfer(due.event_id, now + TRANSFER_TIME)
    return SweepResult(counts=counts, oldest=oldest)


def _transfer(event_id: str, until: datetime) -> Steps[None]:
    """Copy registrations after a split until all are copied or it is ``until``; the next sweep copies the rest."""
    while (yield Clock()) < until and (yield TransferRegistrations(event_id=event_id)):
        pass


def _hand_out(due: Due, sender: Sender, *, urgent: bool) -> Steps[None]:
    match due.kind:
        case DueKind.REGISTRATION:
            yield Enqueue(hint=Hint(event_id=due.event_id, registration_id=due.registration_id), urgent=urgent)
        case DueKind.FAN_OUT:
            yield Enqueue(hint=PlanHint(event_id=due.event_id), urgent=urgent)
        case DueKind.BATCH:
            hint = BatchHint(event_id=due.event_id, version=due.version, first=due.registration_id)
            yield Enqueue(hint=hint, urgent=urgent)
        case DueKind.SEATS:
            yield Promote(event_id=due.event_id)
        case DueKind.NOTIFICATION:
            note = NotificationHint(
                event_id=due.event_id, registration_id=due.registration_id, notification_id=due.notification_id
            )
            yield Enqueue(hint=note, urgent=urgent)
        case DueKind.SURVEY:
            yield Enqueue(hint=SurveyHint(event_id=due.event_id), urgent=False)
        case DueKind.ERASURE:
            if (yield from _may_erase(due, sender)):
                yield ErasePerson(due=due)


def _may_erase(due: Due, sender: Sender) -> Steps[bool]:
    """Whether a person may be erased: no worker holds a claim, and no message to them is missing or can be sent."""
    seen = yield from read_snapshot(due.event_id, due.registration_id)
    now = yield Clock()
    if seen is None:
        return True
    lease = seen.invitation.lease_until
    return (lease is None or lease <= now) and decide(seen, sender, now) is None
