"""The waitlist of a full event: a free seat goes to the person who has waited longest."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from ..decision.invitation import Seats
from ..model import Event, RegistrationStatus
from ..schedule import series
from ..store import dynamo
from ..store.outbox import registration_data
from ..store.store import Store
from ..store.writes import ROUNDS
from ..webhooks.events import WebhookEventType

BATCH_SIZE = 25
"""How many people are promoted in one call; the rest stays due, and the sweep calls until nobody can be promoted."""


def promote(store: Store, event_id: str, *, now: datetime, at_most: int = BATCH_SIZE) -> int:
    """Give free seats to the first people on the waitlist, at most ``at_most``; returns how many were promoted.

    The due key is removed once nobody can be promoted. Nobody is promoted to an event that is over.
    """
    event = store.reads.event(event_id)
    promoted, conflicts = 0, 0
    while promoted < at_most:
        seats = store.seats.read(event_id)
        if event is None or seats is None:
            return promoted
        over = series.ends_at(event) <= now
        if over or not _can_promote(seats):
            if seats.due_key is not None:
                store.seats.clear_due(event_id, over=over)
            return promoted
        first = store.reads.first_waiting(event_id)
        if first is not None and _promote_one(store, event, first, now):
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


def _can_promote(seats: Seats) -> bool:
    return seats.open and seats.queued and (seats.left is None or seats.left > 0)


def _promote_one(store: Store, event: Event, registration_id: str, now: datetime) -> bool:
    event_id = event.event_id
    invitation = store.reads.invitation(event_id, registration_id)
    person = store.reads.registration(event_id, registration_id)
    if person is None or invitation is None or person.status is not RegistrationStatus.WAITLISTED:
        return False
    promoted = replace(person, status=RegistrationStatus.REGISTERED, version=person.version + 1, updated_at=now)
    what, data = WebhookEventType.REGISTRATION_PROMOTED, registration_data(promoted)
    actions = {
        **store.outbox.event_actions(event.account, what, data, now),
        **store.seats.promote_actions(event_id, registration_id),
        "registration": store.registrations.change_action(person, promoted, "status"),
        "invitation": store.invitations.wake_up_action(invitation, 2, now),
    }
    return not store.attempt(actions)
