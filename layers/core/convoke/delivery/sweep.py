"""The sweep: every minute, hands out whatever is due, even if every stream record and every queued hint was lost.

It sends no mail itself. It queues hints for registrations, fan-outs, notifications, surveys and imports, most urgent
first. What the sending functions have no permission to do, it does itself: promoting people from the waitlist to free
seats, releasing seats that were kept long enough, copying registrations after a split, and erasing people who asked for
it. All instants are UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from ..decision.decide import CHANGE, INVITATION, URGENT, decide
from ..decision.invitation import Quota
from ..decision.limits import AccountMails, Held, held
from ..effects import (
    All,
    BatchHint,
    Clock,
    CountAccounts,
    CountHeld,
    Due,
    DueKind,
    EndHold,
    EnqueueAll,
    ErasePerson,
    Hint,
    HoldAccounts,
    ImportHint,
    Log,
    NotificationHint,
    PlanHint,
    Postpone,
    Promote,
    ReadBacklog,
    ReadDue,
    ReadMailed,
    ReadQuota,
    ReadSending,
    RegistrationHint,
    ReserveQuota,
    Steps,
    StoreRate,
    SurveyHint,
    TransferRegistrations,
)
from ..model import Sender, frozen
from ..settings import Times
from ..store import keys
from ..store.keys import SHARDS, TASK_SHARDS, due_since
from .attempts import leased
from .fan_out import BATCH_SIZE
from .reconcile import read_snapshot

PRIORITIES = (URGENT, CHANGE, INVITATION)
MAILS = {DueKind.REGISTRATION: 1, DueKind.NOTIFICATION: 1, DueKind.BATCH: BATCH_SIZE}
"""How many mails come of a due item at most. What mails nobody, a task, has no such limit."""
TASKS = 500
"""How many tasks of one shard and priority a sweep hands out at most."""

INVITATION_QUOTA_SHARE = 0.8
"""The share of the day's quota that may be used before invitations have to wait."""
SWEEP_INTERVAL = timedelta(minutes=1)
SHARE = 1 / 3
"""The share of a sweep's time that is kept for what it does itself, and another for copying registrations."""
DEFAULT_MAILS_PER_SWEEP = 60
"""How many mails a sweep assumes if SES does not report its rate: the sandbox's one per second."""
AT_ONCE = 16
"""How many items are postponed at the same time."""
CHUNK = 200
"""How many items are handed out between two looks at the clock."""


@frozen
class Limits:
    """How many mails one sweep may hand out: ``urgent`` ones, and ``all`` of them."""

    urgent: int
    all: int


UNKNOWN_LIMITS = Limits(urgent=DEFAULT_MAILS_PER_SWEEP, all=DEFAULT_MAILS_PER_SWEEP)
"""What a sweep may hand out where :func:`mail_limits` failed."""


def mail_limits(times: Times) -> Steps[Limits]:
    """As many mails as SES accepts in a minute, less the hints in the queues: urgent mail does not wait for others, and
    the hint of a change that waits to be announced, which stays in the queue meanwhile, stands for no mail.

    Also stores the account's rate, by which all mail is paced. If the day's quota runs low, invitations are stopped
    until the next sweeps have looked again (``times.hint``).
    """
    quota: Quota | None = yield ReadQuota()
    urgent: int = yield ReadBacklog(urgent=True)
    ordinary: int = yield ReadBacklog(urgent=False)
    if ordinary:
        ordinary = max(0, ordinary - (yield CountHeld(now=(yield Clock()))))
    mails = DEFAULT_MAILS_PER_SWEEP if quota is None else int(quota.rate * SWEEP_INTERVAL.total_seconds())
    if quota is not None:
        yield StoreRate(rate=quota.rate)
        # SES reports an unlimited quota as a negative number.
        if quota.most >= 0 and quota.sent >= quota.most * INVITATION_QUOTA_SHARE:
            now = yield Clock()
            yield ReserveQuota(until=now + times.hint)
    return Limits(urgent=max(0, mails - urgent), all=max(0, mails - urgent - ordinary))


@frozen
class SweepResult:
    """How many items of each kind (a value of ``DueKind``) were handed out, and how long the oldest has been due."""

    counts: dict[str, int]
    oldest: timedelta = timedelta()


def sweep(sender: Sender, times: Times, *, limits: Limits, until: datetime) -> Steps[SweepResult]:
    """Hand out due items, most urgent first, with at most as many mails as ``limits`` has, or none while all mail is
    stopped; the next sweep takes the rest. Ends by ``until`` (UTC), whatever is due then.
    """
    handed: list[Due] = []
    oldest = timedelta()
    sending = yield ReadSending()
    now = yield Clock()
    if sending.stopped(now):
        limits = Limits(urgent=0, all=0)
    share = (until - now) * SHARE
    queued_until, done_until = until - 2 * share, until - share
    for priority in PRIORITIES:
        for shard in (*TASK_SHARDS, *_from_another_on(SHARDS, now)):
            if (yield Clock()) >= queued_until:
                break
            left = (limits.urgent if priority == URGENT else limits.all) - sum(MAILS.get(one.kind, 0) for one in handed)
            # One is read even if no mail may be handed out: how long it has been due.
            limit = TASKS if shard in TASK_SHARDS else max(1, left)
            dues = yield ReadDue(shard=shard, priority=priority, now=now, limit=limit)
            oldest = max([oldest, *(now - due_since(due.due_key) for due in dues)])
            handed += yield from _hand_out_all(list(_within(dues, left)), priority, times, queued_until)
    # Last, since it takes long, one after the other.
    own = [due for due in handed if _hint(due) is None and due.kind is not DueKind.SPLIT_TRANSFER]
    yield from _in_turn(own, lambda due: _see_to(due, sender), done_until)
    transfers = [due for due in handed if due.kind is DueKind.SPLIT_TRANSFER]
    yield from _in_turn(transfers, _transfer, until)
    counts = Counter(due.kind.value for due in handed)
    return SweepResult(counts=dict(counts), oldest=oldest)


def _from_another_on(shards: tuple[str, ...], now: datetime) -> tuple[str, ...]:
    """``shards``, of which another comes first each minute: while more is due than leaves, none is always the last."""
    first = int(now.timestamp() / SWEEP_INTERVAL.total_seconds()) % len(shards)
    return shards[first:] + shards[:first]


def _within(dues: Iterable[Due], left: int) -> Iterator[Due]:
    """Those that mail nobody, and of the others the first with so many mails."""
    for due in dues:
        mails = MAILS.get(due.kind, 0)
        if not mails:
            yield due
        elif left > 0:
            left -= mails
            yield due


def _hand_out_all(dues: list[Due], priority: int, times: Times, until: datetime) -> Steps[list[Due]]:
    """Postpone ``dues``, and queue their hints, until it is ``until``; returns those that were postponed."""
    handed: list[Due] = []
    while dues and (yield Clock()) < until:
        chunk, dues = dues[:CHUNK], dues[CHUNK:]
        # Postponed first: a lost hint is queued again later, and one that waits in the queue is not doubled.
        answers = yield All(steps=tuple(_postpone(due, priority, times) for due in chunk), at_once=AT_ONCE)
        # One that could not be postponed, since somebody else wrote to it or for an error, stays as due as it was.
        ours = [due for due, answer in zip(chunk, answers, strict=True) if answer is True]
        hints = tuple(hint for hint in map(_hint, ours) if hint is not None)
        if hints:
            yield EnqueueAll(hints=hints, urgent=priority == URGENT)
        handed += ours
    return handed


def _postpone(due: Due, priority: int, times: Times) -> Steps[bool]:
    now = yield Clock()
    return (yield Postpone(due=due, due_key=keys.due_key(priority, now + times.hint)))  # type: ignore[no-any-return]


def _in_turn(dues: list[Due], some_of: Callable[[Due], Steps[bool]], until: datetime) -> Steps[None]:
    """Do some of each, and then more of each of which more is to be done, until all is done or it is ``until``; what is
    left is due again later. So what takes long, as copying ten thousand people, holds up nothing else; nor does an
    error.
    """
    while dues:
        answers = yield All(steps=tuple(_in_time(some_of(due), until) for due in dues), at_once=1)
        dues = [due for due, more in zip(dues, answers, strict=True) if more is True]


def _in_time(steps: Steps[bool], until: datetime) -> Steps[bool]:
    """What ``steps`` return; False where it is ``until`` already."""
    return (yield Clock()) < until and (yield from steps)


def _transfer(due: Due) -> Steps[bool]:
    """Copy some registrations after a split; returns whether more are to be copied."""
    return bool((yield TransferRegistrations(event_id=due.event_id)))


def _hint(due: Due) -> Hint | None:
    """What is queued for a due item; ``None`` if the sweep sees to it itself."""
    match due.kind:
        case DueKind.REGISTRATION:
            return RegistrationHint(event_id=due.event_id, registration_id=due.registration_id)
        case DueKind.FAN_OUT:
            return PlanHint(event_id=due.event_id)
        case DueKind.BATCH:
            return BatchHint(event_id=due.event_id, version=due.version, first=due.registration_id)
        case DueKind.NOTIFICATION:
            return NotificationHint(
                event_id=due.event_id, registration_id=due.registration_id, notification_id=due.notification_id
            )
        case DueKind.SURVEY:
            return SurveyHint(event_id=due.event_id)
        case DueKind.IMPORT:
            return ImportHint(event_id=due.event_id, import_id=due.registration_id)
    return None


def _see_to(due: Due, sender: Sender) -> Steps[bool]:
    """Some of what the sweep does itself; returns whether more of it may be left."""
    if due.kind is DueKind.SEATS:
        return (yield from _promote(due.event_id))
    if due.kind is DueKind.HOLD:
        if (yield EndHold(event_id=due.event_id, registration_id=due.registration_id)):
            yield from _promote(due.event_id)  # whom it leaves the next sweep finds, by the seats
        return False
    if due.kind is DueKind.ERASURE and (yield from _may_erase(due, sender)):
        yield ErasePerson(due=due)
    return False


def _promote(event_id: str) -> Steps[bool]:
    """Promote some people; returns whether more may be promoted. Those who are left stay due with the seats."""
    return bool((yield Promote(event_id=event_id)))


def _may_erase(due: Due, sender: Sender) -> Steps[bool]:
    """Whether a person may be erased: no worker holds a claim, and no message to them is missing or can be sent."""
    seen, _ = yield from read_snapshot(due.event_id, due.registration_id)
    now = yield Clock()
    if seen is None:
        return True
    return not leased(seen.invitation.lease_until, now) and decide(seen, sender, now) is None


def hold_accounts() -> Steps[Held]:
    """Hold back all but the cancellations of accounts that are over their limit; returns who is, and who is near it.

    What they are held back is due again when their limit begins anew. It is looked at once a minute, so an account may
    exceed its limit by what is sent in that time.
    """
    now = yield Clock()
    sending = yield ReadSending()
    mails: tuple[AccountMails, ...] = yield ReadMailed(now=now)
    quota: Quota | None = (yield ReadQuota()) if mails else None
    accounts: int = (yield CountAccounts()) if mails else 0
    found = held(mails, quota, share=INVITATION_QUOTA_SHARE, accounts=accounts, now=now)
    if found.until != {account: until for account, until in sending.held.items() if until > now}:
        yield HoldAccounts(until=found.until)
    for one in mails:
        if one.account in found.near:
            fields = {"account": one.account, "in_day": str(one.mailed.in_day), "in_hour": str(one.mailed.in_hour)}
            yield Log(what="account near its limit", fields=fields)
    return found
