"""Tells all registrations of a changed event, in batches that do not wait for each other.

The transaction of a change also writes the event's fan-out. :func:`plan` goes through the event's invitations, page by
page, and makes batches of them; :func:`process_batch` reconciles those of one batch, several at the same time. Planners
and workers may die at any step, come twice, or come late:

- The batches of a page and the move of the fan-out's ``planned_to`` are one transaction, on the condition that version
  and ``planned_to`` are those that were read. So of two planners one stops, and nobody is left out.
- A page's first batch is written as one that the planner has: it works on it at once. If it dies, the batch is due
  when the lease is over, as any other is.
- The fan-out is kept until its last batch has ended. So a change that follows knows how urgent the one before is.
- A batch of an older version sends what is true now, as one of the newest does. Only while the newer fan-out is still
  being planned, and at least as urgent, the older batch is dropped.
- Of an event with few people the function that hears of the change is the planner, and informs them. It does what any
  planner and worker does; only the queue between them is left out.
- A fan-out that waits for further changes (``decision.fan_out``) is planned when its time has come, whoever asks for it
  before. Hints come early, twice or never; the time that stands in the fan-out alone decides.

Nobody has to be informed before another: the claim on each invitation keeps one attendee's messages in order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from ..decision.decide import URGENT, Snapshot
from ..decision.fan_out import LONGEST, Batch, FanOut
from ..decision.invitation import Invitation, Sending
from ..effects import (
    All,
    BatchHint,
    ClaimBatch,
    Clock,
    EndBatch,
    Enqueue,
    EnqueueAll,
    Log,
    MoveBatch,
    PlanBatches,
    PlanHint,
    ReadEvent,
    ReadFanOutAndSending,
    ReadInvitationIds,
    ReadInvitations,
    ReadNewFanOut,
    ReadPeople,
    ReadRegistrations,
    RegistrationHint,
    ScheduleSurveySoon,
    Steps,
    WakeUp,
)
from ..model import Event, Registration, frozen
from ..store import keys
from .pace import Turns, pace
from .reconcile import Outcome, Worker, reconcile

BATCH_SIZE = 50
"""Registrations in one batch."""
BATCHES_IN_A_PAGE = 99
"""Batches that one transaction writes at most, beside the fan-out: DynamoDB takes a hundred items."""
BATCHES_IN_THE_FIRST_PAGE = 4
"""Each page has three times as many batches more than all before it: the first mails leave before many ids are read."""
AT_ONCE = 8
"""How many attendees of a batch are reconciled at the same time."""
FEW = AT_ONCE
"""So many people are informed of a change by the worker that first hears of it, without a queue; and so many of a batch
that was just planned are read together.
"""
QUEUED_AHEAD = timedelta(minutes=2)
"""Batches whose turn comes later than this are not queued by the planner, but by the sweep, when they are due."""
FINISHED = frozenset({Outcome.ACKNOWLEDGED, Outcome.CLEARED, Outcome.FAILED, Outcome.MISSING, Outcome.DEFERRED})
"""Outcomes after which this attendee needs no wake-up: nothing is due, or only later."""
HALTING = frozenset({Outcome.REFUSED, Outcome.STOPPED, Outcome.OUT_OF_TIME})
"""Outcomes after which the rest of the batch is left for later."""
SECONDS_AFTER_REFUSAL = 10
"""The delay of the rest of a batch after SES refused a mail for now."""
SECONDS_AFTER_TIMES_UP = 1
"""The delay of the rest of a batch whose worker had no time left, or whose turn had not come."""
SECONDS_AFTER_BUSY = 2
"""The delay of the hint for an attendee to whom another worker was sending an earlier change."""


def progress(fan_out: FanOut) -> tuple[int, int]:
    """How many people have been informed of a change, and of how many; a batch counts once it has ended."""
    return max(0, fan_out.people - fan_out.left * BATCH_SIZE), fan_out.people


@frozen
class Begun:
    """A batch that the worker has, and the switch over all mail as it was read before. ``ids`` are its registrations,
    if they are few and were just read.
    """

    batch: Batch
    sending: Sending
    ids: tuple[str, ...] = ()


# --- planning -----------------------------------------------------------------------------------------------------


def begin(event_id: str, worker: Worker, *, few: int = FEW) -> Steps[Begun | None]:
    """Begin to announce a change: plan the event's fan-out at once where at most ``few`` people are invited, and return
    its only batch, which the caller has and works on; else queue the planning, and return ``None``.

    A queue takes as long as all of the planning; but whoever waits for the caller must not wait for many mails.
    """
    seen: FanOut | None
    seen, sending, taken = yield ReadNewFanOut(event_id=event_id)
    if seen is None or not seen.planning:
        return None
    now = yield Clock()
    if taken <= few and not seen.waits(now):
        found = yield ReadInvitationIds(event_id=event_id, after=seen.planned_to, limit=few + 1)
        if len(found) <= few:
            return (yield from _plan_page(seen, sending, found, worker, size=few, batches=1))
    yield to_be_planned(seen, now)
    return None


def to_be_planned(fan_out: FanOut, now: datetime) -> Enqueue:
    """The hint to plan the fan-out, which comes when it is announced."""
    hint = PlanHint(event_id=fan_out.event_id)
    return Enqueue(hint=hint, urgent=fan_out.priority == URGENT, delay_seconds=_seconds_to_wait(fan_out, now))


def _seconds_to_wait(fan_out: FanOut, now: datetime) -> int:
    """In how many seconds the fan-out is announced."""
    if fan_out.told_at is None or not fan_out.waits(now):
        return 0
    return math.ceil(min(LONGEST, fan_out.told_at - now).total_seconds())


def plan(
    event_id: str, worker: Worker, *, size: int = BATCH_SIZE, batches: int = BATCHES_IN_A_PAGE
) -> Steps[Begun | None]:
    """Plan the next page of the event's fan-out and queue its batches, and the next page if there is one.

    A page has at most ``batches`` batches of ``size`` people. Returns the first batch, which is not queued, since the
    caller has it and works on it; ``None`` if its turn comes much later, or there is nothing to plan, or not yet: then
    the planning is queued for the time that it waits for.
    """
    seen: FanOut | None
    seen, sending = yield ReadFanOutAndSending(event_id=event_id)
    if seen is None or not seen.planning:
        return None
    now = yield Clock()
    if seen.waits(now):
        yield to_be_planned(seen, now)
        return None
    batches = min(batches, BATCHES_IN_THE_FIRST_PAGE + 3 * math.ceil(seen.people / size))
    found = yield ReadInvitationIds(event_id=event_id, after=seen.planned_to, limit=size * batches + 1)
    return (yield from _plan_page(seen, sending, found, worker, size=size, batches=batches))


def _plan_page(
    seen: FanOut, sending: Sending, found: tuple[str, ...], worker: Worker, *, size: int, batches: int
) -> Steps[Begun | None]:
    """Plan a page of the fan-out that was read, with the first of the ids that were found after it was."""
    event_id, now = seen.event_id, (yield Clock())
    if seen.survey and not seen.planned_to:
        # First, so that no crash can lose it; a second planner schedules the same one.
        yield ScheduleSurveySoon(event_id=event_id, now=now)
    ids, more = found[: size * batches], len(found) > size * batches
    page = tuple(_batches(seen, ids, size))
    turns = [now + _wait(seen.left + number, size, pace(sending, now)) for number in range(len(page))]
    queued = [turn < now + QUEUED_AHEAD and not sending.stopped(now) for turn in turns]
    # One that is not queued is due before its turn, since the sweep comes once a minute.
    due = [
        turn + worker.times.hint if ahead else turn - QUEUED_AHEAD / 2
        for turn, ahead in zip(turns, queued, strict=True)
    ]
    begins = bool(page) and queued[0]
    if begins:
        due[0] = _lease_until(worker)
        page = (replace(page[0], lease_until=due[0]), *page[1:])
    planned = yield PlanBatches(
        seen=seen,
        batches=tuple((batch, keys.due_key(seen.priority, at)) for batch, at in zip(page, due, strict=True)),
        through=ids[-1] if ids else seen.planned_to,
        people=len(ids),
        due_key=keys.due_key(seen.priority, now + worker.times.hint) if more else None,
    )
    if not planned:
        return None
    if more:
        yield Enqueue(hint=PlanHint(event_id=event_id), urgent=seen.priority == URGENT)
    rest = tuple(_hint(batch) for batch, ahead in zip(page[1:], queued[1:], strict=True) if ahead)
    if rest:
        yield EnqueueAll(hints=rest, urgent=seen.priority == URGENT)
    if not begins:
        return None
    first = ids[:size]
    return Begun(batch=page[0], sending=sending, ids=first if len(first) <= FEW else ())


def _batches(seen: FanOut, ids: tuple[str, ...], size: int) -> Iterator[Batch]:
    first = seen.planned_to
    for number in range(0, len(ids), size):
        through = ids[min(number + size, len(ids)) - 1]
        yield Batch(
            event_id=seen.event_id,
            version=seen.version,
            first=first,
            through=through,
            after=first,
            priority=seen.priority,
        )
        first = through


def _hint(batch: Batch) -> BatchHint:
    return BatchHint(event_id=batch.event_id, version=batch.version, first=batch.first)


def _wait(before: int, size: int, rate: float | None) -> timedelta:
    """In what time so many batches of ``size`` are sent at ``rate`` mails a second."""
    return timedelta(seconds=before * size / rate) if rate else timedelta()


# --- a batch ------------------------------------------------------------------------------------------------------


def process_batch(hint: BatchHint | Begun, worker: Worker, *, at_once: int = AT_ONCE) -> Steps[tuple[Outcome, ...]]:
    """Reconcile the attendees of one batch, ``at_once`` at a time; returns the outcomes, in no particular order.

    Whoever could not be sent a message now stays due. The reads are as ``reconcile`` requires. Empty if the batch has
    ended, another worker has it, or a newer change takes its place. None can take that of one that the worker has just
    planned: its fan-out was the newest when it was written.
    """
    begun = hint if isinstance(hint, Begun) else (yield from _begin(hint, worker))
    if begun is None:
        return ()
    batch, sending = begun.batch, begun.sending
    invitations, registrations, event = yield from _read(begun)
    people = {registration.registration_id: registration for registration in registrations}
    halted: list[Outcome] = []
    worker = replace(worker, turns=Turns(wanted=len(invitations)))

    def tell(invitation: Invitation) -> Steps[Outcome | None]:
        if halted:
            return None
        worker.turns.wanted -= 1
        person = people.get(invitation.registration_id)
        seen = Snapshot(invitation=invitation, registration=person, event=event) if person and event else None
        outcome = yield from reconcile(batch.event_id, invitation.registration_id, worker, seen=seen, sending=sending)
        if outcome in HALTING:
            halted.append(outcome)
        return outcome

    outcomes = yield All(steps=tuple(map(tell, invitations)), at_once=at_once)
    for invitation, outcome in zip(invitations, outcomes, strict=True):
        yield from _wake_up(batch, invitation, outcome, worker)
    left = [one is None or one in HALTING for one in outcomes]
    if any(left):
        first = left.index(True)
        yield from _give_back(batch, invitations[first - 1].registration_id if first else batch.after, worker, halted)
    else:
        yield EndBatch(batch=batch)
    return tuple(outcome for outcome in outcomes if isinstance(outcome, Outcome))


def _read(begun: Begun) -> Steps[tuple[tuple[Invitation, ...], tuple[Registration, ...], Event | None]]:
    """The people of a batch, and the event: as they were at one moment, if they are few, or in the order in which
    ``reconcile`` reads them.
    """
    batch, ids = begun.batch, begun.ids
    if ids and (together := (yield ReadPeople(event_id=batch.event_id, ids=ids))) is not None:
        return together  # type: ignore[no-any-return]
    invitations = yield ReadInvitations(event_id=batch.event_id, after=batch.after, through=batch.through)
    registrations = yield ReadRegistrations(event_id=batch.event_id, after=batch.after, through=batch.through)
    event = yield ReadEvent(event_id=batch.event_id)
    return invitations, registrations, event


def _begin(hint: BatchHint, worker: Worker) -> Steps[Begun | None]:
    """Take the batch. ``None`` if there is nothing to do for it, or not for this worker."""
    now = yield Clock()
    fan_out: FanOut | None
    fan_out, sending = yield ReadFanOutAndSending(event_id=hint.event_id)
    batch: Batch | None = yield ClaimBatch(hint=hint, now=now, lease_until=_lease_until(worker))
    if batch is None:
        return None
    if fan_out is not None and (_is_left_over if fan_out.waits(now) else _takes_the_place)(fan_out, batch):
        yield EndBatch(batch=batch)
        return None
    return Begun(batch=batch, sending=sending)


def _lease_until(worker: Worker) -> datetime:
    return worker.deadline + worker.times.guard


def _takes_the_place(fan_out: FanOut, batch: Batch) -> bool:
    """Whether a newer fan-out is still to make batches of all people, no later than ``batch`` would inform them."""
    return fan_out.version > batch.version and fan_out.planning and fan_out.priority <= batch.priority


def _is_left_over(fan_out: FanOut, batch: Batch) -> bool:
    """Whether ``batch`` is of a change that all have been informed of, before the one that waits was made: nothing is
    left to be sent but what waits.
    """
    return fan_out.version > batch.version and not fan_out.overlaps


def _wake_up(batch: Batch, invitation: Invitation, outcome: Outcome | Exception | None, worker: Worker) -> Steps[None]:
    """Make the invitation due if its attendee could not be mailed; not if the batch itself is continued with it."""
    if outcome is None or outcome in FINISHED or outcome in HALTING:
        return
    hint = RegistrationHint(event_id=batch.event_id, registration_id=invitation.registration_id)
    if isinstance(outcome, Exception):
        fields = {"event": hint.event_id, "registration": hint.registration_id, "why": type(outcome).__name__}
        yield Log(what="person failed", fields=fields)
    now = yield Clock()
    due_key = keys.due_key(batch.priority, now + worker.times.hint)
    yield WakeUp(event_id=hint.event_id, registration_id=hint.registration_id, due_key=due_key)
    if outcome is Outcome.BUSY:
        # The other worker may end before the wake-up; without this hint only the sweep would look again.
        yield Enqueue(hint=hint, urgent=batch.priority == URGENT, delay_seconds=SECONDS_AFTER_BUSY)


def _give_back(batch: Batch, after: str, worker: Worker, halted: list[Outcome]) -> Steps[None]:
    """Leave the rest of the batch to another worker: after a moment, later if SES refused, or, if all mail is stopped,
    not before the sweep queues it.
    """
    now = yield Clock()
    moved = yield MoveBatch(batch=batch, after=after, due_key=keys.due_key(batch.priority, now + worker.times.hint))
    if moved and Outcome.STOPPED not in halted:
        delay = SECONDS_AFTER_REFUSAL if Outcome.REFUSED in halted else SECONDS_AFTER_TIMES_UP
        yield Enqueue(hint=_hint(batch), urgent=batch.priority == URGENT, delay_seconds=delay)
