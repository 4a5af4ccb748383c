"""The waitlist of a full event: a free seat goes to the person who has waited longest."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..decision.invitation import Seats
from ..model import Event, RegistrationStatus
from ..schedule import series
from ..settings import Settings
from ..store import dynamo, keys, outbox
from ..store import seats as store_seats
from ..store.reads import Reads
from ..store.writes import (
    EXISTS,
    ROUNDS,
    Action,
    attempt,
    delete,
    update,
)
from ..webhooks.events import WebhookEventType
from . import seats
from .registry import status_action, wake_up_action

BATCH_SIZE = 25
"""How many people are promoted in one call; the rest stays due, and the sweep calls again."""

# The event is open, somebody is on the waitlist, and a seat is free.
CAN_PROMOTE = "#open = :true AND #waiting > :none AND (attribute_not_exists(#capacity) OR #taken < #capacity)"
# The event is closed, nobody is on the waitlist, or no seat is free: the opposite of the condition above.
CANNOT_PROMOTE = "#open = :false OR #waiting <= :none OR #taken >= #capacity"


def promote(client: Any, settings: Settings, event_id: str, *, now: datetime, at_most: int = BATCH_SIZE) -> int:
    """Give free seats to the first people on the waitlist, at most ``at_most``; returns how many were promoted.

    The due key is removed once nobody can be promoted. Nobody is promoted to an event that is over.
    """
    event = Reads(client, settings).event(event_id)
    promoted, conflicts = 0, 0
    while promoted < at_most:
        found = store_seats.read(client, settings, event_id)
        if event is None or found is None:
            return promoted
        if series.ends_at(event) <= now or not _can_promote(found):
            if found.due_key is not None:
                _clear_due(client, settings, event, now)
            return promoted
        first = _first_waiting(client, settings, event_id)
        if first is not None and _promote_one(client, settings, event, first, now):
            promoted += 1
            continue
        if first is None:
            for shard in found.shards:
                if shard.free or shard.back:
                    with suppress(dynamo.Contention):
                        seats.give_back(client, settings, event_id, shard)
        # Another worker was faster, or that person has left the waitlist.
        conflicts += 1
        if conflicts == ROUNDS:
            return promoted
    return promoted


def _can_promote(seats: Seats) -> bool:
    return seats.open and seats.queued and (seats.left is None or seats.left > 0)


def _first_waiting(client: Any, settings: Settings, event_id: str) -> str | None:
    answer = client.query(
        TableName=settings.registrations_table,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :waiting)",
        ExpressionAttributeValues=dynamo.wire({":pk": keys.event(event_id)["pk"], ":waiting": keys.WAITING_PREFIX}),
        ConsistentRead=True,
        Limit=1,
    )
    return dynamo.unwire(answer["Items"][0])["registration_id"] if answer["Items"] else None


def _promote_one(client: Any, settings: Settings, event: Event, registration_id: str, now: datetime) -> bool:
    event_id = event.event_id
    reads = Reads(client, settings)
    invitation = reads.invitation(event_id, registration_id)
    person = reads.registration(event_id, registration_id)
    if person is None or invitation is None or person.status is not RegistrationStatus.WAITLISTED:
        return False
    promoted = replace(person, status=RegistrationStatus.REGISTERED, version=person.version + 1)
    actions: dict[str, Action] = {
        **outbox.event_actions(
            client,
            settings,
            event.account,
            WebhookEventType.REGISTRATION_PROMOTED,
            outbox.registration_data(promoted),
            now,
        ),
        "registration": status_action(settings, person, RegistrationStatus.REGISTERED, now),
        "waiting": delete(settings.registrations_table, keys.waiting(event_id, registration_id), EXISTS),
        "seats": update(
            settings.invitations_table,
            keys.seats(event_id),
            "ADD #taken :one, #waiting :less",
            CAN_PROMOTE,
            one=1,
            less=-1,
            none=0,
            true=True,
        ),
        "invitation": wake_up_action(settings, invitation, 2, now),
    }
    return not attempt(client, actions)


def _clear_due(client: Any, settings: Settings, event: Event, now: datetime) -> None:
    over = series.ends_at(event) <= now
    condition, values = (EXISTS, {}) if over else (CANNOT_PROMOTE, {"false": False, "none": 0})
    own = keys.seats(event.event_id)
    attempt(
        client,
        {"seats": update(settings.invitations_table, own, "REMOVE #due_shard, #due_key", condition, **values)},
    )
