"""The waitlist of a full event: free seats go to the person who has waited longest, and to their guests.

Where those need more seats than are free, nobody overtakes them. Only who needs more than the event has at all, since
its capacity was lowered or theirs became more, holds up nobody: they keep their place.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from ..decision.calendar_state import next_generation
from ..decision.decide import INVITATION, calendar_state_of
from ..decision.invitation import Seats
from ..model import Event, Registration, RegistrationStatus
from ..schedule import series
from ..store import dynamo
from ..store.outbox import about_registration
from ..store.store import Store
from ..store.writes import ROUNDS
from ..webhooks.events import WebhookEventType
from .seats import LOOK_AGAIN

BATCH_SIZE = 25
"""How many people are promoted in one call; the rest stays due, and the sweep calls until nobody can be promoted."""


def promote(store: Store, event_id: str, *, now: datetime, at_most: int = BATCH_SIZE) -> int:
    """Give free seats to the first people on the waitlist, at most ``at_most``; returns how many were promoted.

    The due key is removed once nobody can be promoted; where seats are free, but too few for the first, they are looked
    at again after :data:`seats.LOOK_AGAIN`. Nobody is promoted to an event that is over.
    """
    event: Event | None = None
    promoted, conflicts = 0, 0
    while promoted < at_most:
        seats = store.seats.read(event_id)
        if seats is None or (seats.due_key is None and not _can_promote(seats)):
            return promoted
        event = event or store.reads.event(event_id)
        if event is None:
            return promoted
        over = series.ends_at(event) <= now
        if over or not _can_promote(seats):
            if seats.due_key is not None:
                store.seats.clear_due(event_id, over=over)
            return promoted
        first, person = _first(store, event_id, seats)
        if person is not None and seats.left is not None and person.seats > seats.left:
            store.seats.look_again(event_id, seats, now + LOOK_AGAIN)
            return promoted
        if person is not None and _promote_one(store, event, seats, person, now):
            promoted += 1
            continue
        if first is None:
            # Nobody waits: the places that shards still have are given back, so that seats are given again.
            for shard in seats.shards:
                with suppress(dynamo.Contention):
                    store.seats.give_back(event_id, shard)
        # Another worker was faster, or that person has left the waitlist.
        conflicts += 1
        if conflicts == ROUNDS:
            return promoted
    return promoted


def _first(store: Store, event_id: str, seats: Seats) -> tuple[str | None, Registration | None]:
    """The id on the first place of the waitlist whose person does not need more seats than the event has, with that
    person as they are now. If all need more, it is the last of them.
    """
    found, person = store.reads.first_waiting(event_id), None
    while found is not None:
        person = store.reads.registration(event_id, found)
        if person is None or seats.capacity is None or person.seats <= seats.capacity:
            return found, person
        behind = store.reads.first_waiting(event_id, after=found)
        if behind is None:
            break
        found = behind
    return found, person


def _can_promote(seats: Seats) -> bool:
    return seats.open and seats.queued and (seats.left is None or seats.left > 0)


def _promote_one(store: Store, event: Event, seats: Seats, person: Registration, now: datetime) -> bool:
    event_id, registration_id = event.event_id, person.registration_id
    invitation = store.reads.invitation(event_id, registration_id)
    if invitation is None or person.status is not RegistrationStatus.WAITLISTED:
        return False
    known = calendar_state_of(invitation)
    promoted = replace(
        person,
        status=RegistrationStatus.REGISTERED,
        # An entry whose cancellation has not left yet is still in the calendar, and stays: nobody is invited anew.
        promoted=next_generation(known) if known is None or known.gone else 0,
        version=person.version + 1,
        updated_at=now,
    )
    happened = {WebhookEventType.REGISTRATION_PROMOTED: about_registration(promoted)}
    actions = {
        **store.outbox.event_actions(event.account, happened, now),
        **store.seats.promote_actions(event_id, registration_id, seats, person.seats),
        "registration": store.registrations.change_action(person, promoted),
        "invitation": store.invitations.wake_up_action(invitation, INVITATION, now),
    }
    return not store.attempt(actions)
