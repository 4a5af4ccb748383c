"""Reconciles all registrations of a changed event, a batch at a time.

The fan-out's item holds the event's version and the cursor, the last registration id that was processed. A batch names
both, and is processed only while they are still the item's. So a newer change ends the chain of batches of an older
one, and of two chains for the same version one ends when the other moves the cursor.
"""

from __future__ import annotations

from datetime import datetime

from ..decision.invitation import Batch
from ..decision.plan import Snapshot
from ..effects import (
    Clock,
    EndFanOut,
    Enqueue,
    Hint,
    MoveFanOut,
    ReadEvent,
    ReadFanOut,
    ReadInvitations,
    ReadRegistrations,
    ReadSending,
    Steps,
    WakeUp,
)
from ..model import Event, EventStatus
from ..schedule import series
from ..settings import Times
from ..store import keys
from .reconcile import Outcome, Worker, reconcile

BATCH_SIZE = 50
"""Registrations in one batch."""
FINISHED = frozenset({Outcome.ACKNOWLEDGED, Outcome.CLEARED, Outcome.FAILED, Outcome.MISSING, Outcome.DEFERRED})
"""Outcomes after which this attendee needs no wake-up: nothing is due, or only later."""
HALTING = frozenset({Outcome.REFUSED, Outcome.STOPPED, Outcome.OUT_OF_TIME})
"""Outcomes after which the rest of the batch is left for later."""
SECONDS_AFTER_REFUSAL = 10
"""The delay of the next batch after SES refused a mail for now."""
SECONDS_AFTER_BUSY = 2
"""The delay of the hint for an attendee to whom another worker was sending an earlier change."""


def urgency(event: Event, now: datetime, times: Times) -> int:
    """The priority of a change to a whole event: 0 if cancelled, unpublished or soon (``times.soon``), else 1."""
    gone = event.status in (EventStatus.CANCELLED, EventStatus.DRAFT)
    return 0 if gone or series.next_start(event.schedule, now) - now <= times.soon else 1


def process_batch(part: Batch, worker: Worker, *, size: int = BATCH_SIZE) -> Steps[tuple[Outcome, ...]]:
    """Reconcile the next ``size`` attendees after ``part.cursor``; returns the outcome for each of them.

    Whoever could not be sent a message now stays due. The reads are in the order that ``reconcile`` requires. Empty if
    the batch is not the current one.
    """
    fan_out = yield ReadFanOut(event_id=part.event_id)
    if fan_out is None or fan_out.version != part.version:
        return ()
    if fan_out.cursor != part.cursor:
        if fan_out.cursor > part.cursor:
            yield from announce(part.event_id)
        return ()
    sending = yield ReadSending()
    invitations = yield ReadInvitations(event_id=part.event_id, after=part.cursor, limit=size)
    if not invitations:
        yield EndFanOut(batch=part)
        return ()
    through = invitations[-1].registration_id
    registrations = yield ReadRegistrations(event_id=part.event_id, after=part.cursor, through=through)
    event = yield ReadEvent(event_id=part.event_id)
    if event is None:
        return ()
    people = {registration.registration_id: registration for registration in registrations}

    outcomes: list[Outcome] = []
    cursor = part.cursor
    for invitation in invitations:
        person = people.get(invitation.registration_id)
        seen = Snapshot(invitation=invitation, registration=person, event=event) if person else None
        outcome = yield from reconcile(part.event_id, invitation.registration_id, worker, seen=seen, sending=sending)
        outcomes.append(outcome)
        if outcome in HALTING:
            break
        if outcome not in FINISHED:
            now = yield Clock()
            yield WakeUp(
                event_id=part.event_id,
                registration_id=invitation.registration_id,
                due_key=keys.due_key(fan_out.priority, now + worker.times.hint),
            )
        if outcome is Outcome.BUSY:
            # The other worker may end before the wake-up; without this hint only the sweep would look again.
            again = Hint(event_id=part.event_id, registration_id=invitation.registration_id)
            yield Enqueue(hint=again, urgent=fan_out.priority == 0, delay_seconds=SECONDS_AFTER_BUSY)
        cursor = invitation.registration_id

    if outcomes[-1] not in HALTING and len(invitations) < size:
        yield EndFanOut(batch=part)
    else:
        yield from _move(part, cursor, fan_out.priority, worker, outcomes[-1])
    return tuple(outcomes)


def _move(part: Batch, cursor: str, priority: int, worker: Worker, outcome: Outcome) -> Steps[None]:
    """Move the cursor, then queue the next batch: at once, after a delay if SES refused, or, if all mail is stopped,
    not at all (the sweep queues it later).
    """
    now = yield Clock()
    moved = yield MoveFanOut(batch=part, cursor=cursor, due_key=keys.due_key(priority, now + worker.times.hint))
    if moved and outcome is not Outcome.STOPPED:
        rest = Batch(event_id=part.event_id, version=part.version, cursor=cursor)
        delay = SECONDS_AFTER_REFUSAL if outcome is Outcome.REFUSED else 0
        yield Enqueue(hint=rest, urgent=priority == 0, delay_seconds=delay)


def announce(event_id: str) -> Steps[bool]:
    """Queue the next batch of the event's fan-out; returns whether there is a fan-out."""
    fan_out = yield ReadFanOut(event_id=event_id)
    if fan_out is None:
        return False
    part = Batch(event_id=fan_out.event_id, version=fan_out.version, cursor=fan_out.cursor)
    yield Enqueue(hint=part, urgent=fan_out.priority == 0)
    return True
