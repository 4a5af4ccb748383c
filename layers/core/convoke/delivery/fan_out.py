"""Tell everybody at an event that it changed, a slice at a time.

The fan-out's item names the version that is being told and how far that is; a slice names both too, and works only
where they agree. So a newer change takes the item away from the chain of an older one, and of two chains one ends at
the next move.
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

SLICE = 50
SETTLED = frozenset({Outcome.ACKNOWLEDGED, Outcome.CLEARED, Outcome.FAILED, Outcome.GONE})
HALTED = frozenset({Outcome.REFUSED, Outcome.STOPPED, Outcome.LATE})
AFTER_REFUSAL = 10
"""Seconds before a slice tries again where SES said "not now"."""
AFTER_BUSY = 2
"""Seconds before somebody is looked at again whom another worker was telling of an earlier change."""


def urgency(event: Event, now: datetime, times: Times) -> int:
    """How pressing a change of the whole event is: as its most pressing message may be."""
    gone = event.status in (EventStatus.CANCELLED, EventStatus.DRAFT)
    return 0 if gone or series.next_start(event.schedule, now) - now <= times.soon else 1


def process_batch(part: Batch, worker: Worker, *, size: int = SLICE) -> Steps[tuple[Outcome, ...]]:
    """Tell the next attendees after ``part.cursor``; answers how the look at each of them ended.

    Whoever could not be told now is left owed. The reads come in the order that ``reconcile`` relies on.
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
        yield EndFanOut(slice=part)
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
        if outcome in HALTED:
            break
        if outcome not in SETTLED:
            now = yield Clock()
            yield WakeUp(
                event_id=part.event_id,
                registration_id=invitation.registration_id,
                due_key=keys.due_key(fan_out.priority, now + worker.times.hint),
            )
        if outcome is Outcome.BUSY:
            # The other may be through before the poke, and then nobody would look before the sweeper does.
            again = Hint(event_id=part.event_id, registration_id=invitation.registration_id)
            yield Enqueue(hint=again, urgent=fan_out.priority == 0, delay_seconds=AFTER_BUSY)
        cursor = invitation.registration_id

    if outcomes[-1] not in HALTED and len(invitations) < size:
        yield EndFanOut(slice=part)
    else:
        yield from _move(part, cursor, fan_out.priority, worker, outcomes[-1])
    return tuple(outcomes)


def _move(part: Batch, cursor: str, priority: int, worker: Worker, outcome: Outcome) -> Steps[None]:
    """Write down how far it is, then ask for the rest: soon, after a pause, or (all mail stopped) by the sweeper."""
    now = yield Clock()
    moved = yield MoveFanOut(slice=part, cursor=cursor, due_key=keys.due_key(priority, now + worker.times.hint))
    if moved and outcome is not Outcome.STOPPED:
        rest = Batch(event_id=part.event_id, version=part.version, cursor=cursor)
        delay = AFTER_REFUSAL if outcome is Outcome.REFUSED else 0
        yield Enqueue(hint=rest, urgent=priority == 0, delay_seconds=delay)


def announce(event_id: str) -> Steps[bool]:
    """An event may have changed: queue the slice that its fan-out names, if there is one."""
    fan_out = yield ReadFanOut(event_id=event_id)
    if fan_out is None:
        return False
    part = Batch(event_id=fan_out.event_id, version=fan_out.version, cursor=fan_out.cursor)
    yield Enqueue(hint=part, urgent=fan_out.priority == 0)
    return True
