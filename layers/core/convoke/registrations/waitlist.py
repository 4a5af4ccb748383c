"""The line in front of a full event: whoever came first gets the seat that comes free."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from ..decision.invitation import Seats
from ..model import Event, RegistrationStatus
from ..schedule import series
from ..settings import Settings
from ..store import dynamo, items, keys, outbox
from ..store.reads import Reads
from ..store.writes import (
    ROUNDS,
    STANDS,
    Action,
    attempt,
    delete,
    update,
)
from ..webhooks.events import WebhookEventType
from .registry import mark, wakeups

BATCH_SIZE = 25
"""How many are promoted in one go; the rest stays owed, and the sweeper comes again."""

# There still is a seat for the first in line.
A_SEAT_IS_FREE = "#open = :true AND #waiting > :none AND (attribute_not_exists(#capacity) OR #taken < #capacity)"
# No seat is free, or nobody waits for it: just what the condition above leaves.
NOTHING_TO_GIVE = "#open = :false OR #waiting <= :none OR #taken >= #capacity"


def promote(client: Any, settings: Settings, event_id: str, *, now: datetime, at_most: int = BATCH_SIZE) -> int:
    """Give free seats to the first in line, while there are both; answers to how many.

    What is owed to the line is settled when nothing is left to give; nobody is promoted to an event that is over.
    """
    event = Reads(client, settings).event(event_id)
    promoted, lost = 0, 0
    while promoted < at_most:
        seats = dynamo.get(client, settings.invitations_table, keys.seats(event_id))
        if event is None or seats is None:
            return promoted
        if series.ends_at(event) <= now or not _to_give(items.seats_of(seats)):
            if "due_key" in seats:
                _settle(client, settings, event, now)
            return promoted
        first = _first_in_line(client, settings, event_id)
        if first is not None and _seat(client, settings, event, first, now):
            promoted += 1
            continue
        # Somebody else was faster, or the first in line has left.
        lost += 1
        if lost == ROUNDS:
            return promoted
    return promoted


def _to_give(seats: Seats) -> bool:
    return seats.open and seats.waiting > 0 and (seats.capacity is None or seats.taken < seats.capacity)


def _first_in_line(client: Any, settings: Settings, event_id: str) -> str | None:
    answer = client.query(
        TableName=settings.registrations_table,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :line)",
        ExpressionAttributeValues=dynamo.wire({":pk": keys.event(event_id)["pk"], ":line": keys.WAITING_PREFIX}),
        ConsistentRead=True,
        Limit=1,
    )
    return dynamo.unwire(answer["Items"][0])["registration_id"] if answer["Items"] else None


def _seat(client: Any, settings: Settings, event: Event, registration_id: str, now: datetime) -> bool:
    event_id = event.event_id
    reads = Reads(client, settings)
    invitation = reads.invitation(event_id, registration_id)
    person = reads.registration(event_id, registration_id)
    if person is None or invitation is None or person.status is not RegistrationStatus.WAITLISTED:
        return False
    seated = replace(person, status=RegistrationStatus.REGISTERED, version=person.version + 1)
    actions: dict[str, Action] = {
        **outbox.telling(
            client, settings, event.account, WebhookEventType.REGISTRATION_PROMOTED, outbox.about(seated), now
        ),
        "registration": mark(settings, person, RegistrationStatus.REGISTERED, now),
        "waiting": delete(settings.registrations_table, keys.waiting(event_id, registration_id), STANDS),
        "seats": update(
            settings.invitations_table,
            keys.seats(event_id),
            "ADD #taken :one, #waiting :less",
            A_SEAT_IS_FREE,
            one=1,
            less=-1,
            none=0,
            true=True,
        ),
        "invitation": wakeups(settings, invitation, 2, now),
    }
    return not attempt(client, actions)


def _settle(client: Any, settings: Settings, event: Event, now: datetime) -> None:
    over = series.ends_at(event) <= now
    condition, values = (STANDS, {}) if over else (NOTHING_TO_GIVE, {"false": False, "none": 0})
    seats = keys.seats(event.event_id)
    attempt(
        client,
        {"seats": update(settings.invitations_table, seats, "REMOVE #due_shard, #due_key", condition, **values)},
    )
