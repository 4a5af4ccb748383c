"""Copies registrations to the event that a series was split into: fifty at a time, resumable, idempotent.

The new registration's id is made of the old one's and the new event's, so that copying it again changes nothing. Until
all are copied, nobody else can register for the new event, and it cannot be split: its seats are for those who had
them.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..model import Event, EventStatus, LocalTime, Registration, RegistrationStatus, frozen
from ..schedule import series_changes
from ..settings import Settings
from ..store import dynamo, items, keys
from ..store.reads import Reads
from ..store.writes import (
    ROUNDS,
    Action,
    attempt,
    check,
    delete,
    put,
    update,
)
from . import seats
from .registry import ACTIVE, STILL_THE_VERSION_SEEN, registration_actions

BATCH_SIZE = 50
"""How many registrations one call processes; the rest stays due, and the sweep calls again."""

# The transfer's cursor is still the one that was read.
CURSOR_UNCHANGED = "#cursor = :seen"
# There is no transfer to this event: it has ended, or there never was one.
NOT_UNDER_WAY = "attribute_not_exists(pk)"
# Nobody changed the event since it was read.
STILL_THE_EVENT_SEEN = "#version = :seen"


@frozen
class SplitTransfer:
    """Which registrations to copy to ``event_id``: those of the event ``source`` that were made before it was split,
    for dates after the split.
    """

    event_id: str
    """The new event."""
    source: str
    """The id of the event that was split."""
    since: LocalTime
    """The first occurrence that belongs to the new event."""
    named: int
    """The number of earlier schedules that ``source`` had when it was split; ``since`` is an occurrence's name then."""
    at: datetime
    """When it was split (UTC)."""
    cursor: str = ""
    """The id of the last registration that has been processed."""


def start_action(settings: Settings, transfer: SplitTransfer, *, priority: int, now: datetime) -> Action:
    """The action that starts the transfer, for the transaction that creates the new event."""
    item = {
        **keys.split_transfer(transfer.event_id),
        "source": transfer.source,
        "since": transfer.since.isoformat(),
        "named": transfer.named,
        "at": keys.instant(transfer.at),
        "cursor": transfer.cursor,
        **items.due_attributes(transfer.event_id, keys.due_key(priority, now)),
    }
    return put(settings.invitations_table, item)


def under_way(client: Any, settings: Settings, event_id: str) -> bool:
    """Whether registrations are still being copied to this event."""
    return dynamo.get(client, settings.invitations_table, keys.split_transfer(event_id)) is not None


def not_under_way_check(settings: Settings, event_id: str) -> Action:
    """The action that makes a transaction fail while registrations are being copied to this event."""
    return check(settings.invitations_table, keys.split_transfer(event_id), NOT_UNDER_WAY)


def transfer_batch(client: Any, settings: Settings, event_id: str, *, now: datetime, most: int = BATCH_SIZE) -> int:
    """Process the next ``most`` registrations. Returns ``most`` where more may follow, and 0 when the transfer has
    ended.
    """
    item = dynamo.get(client, settings.invitations_table, keys.split_transfer(event_id))
    if item is None:
        return 0
    reads = Reads(client, settings)
    transfer = SplitTransfer(
        event_id=event_id,
        source=item["source"],
        since=items.local_time_of(item["since"]),
        named=int(item["named"]),
        at=items.moment(item["at"]),
        cursor=item["cursor"],
    )
    people = reads.some_registrations(transfer.source, transfer.cursor, most)
    source = reads.event(transfer.source)
    if source is None:
        return 0
    for person in people:
        _copy(client, settings, transfer, source, person, now)
    if len(people) == most:
        moved = update(
            settings.invitations_table,
            keys.split_transfer(event_id),
            "SET #cursor = :cursor, #due_key = :due_key",
            CURSOR_UNCHANGED,
            cursor=people[-1].registration_id,
            due_key=keys.keep_due_since(keys.due_key(int(item["due_key"][0]), now), item["due_key"]),
            seen=transfer.cursor,
        )
        attempt(client, {"transfer": moved})
        return most
    _end(client, settings, transfer, now)
    return 0


def transferred_id(registration_id: str, event_id: str) -> str:
    """The id of the copy at the new event: it has the creation time of the old one, and so its place in the order."""
    digest = hashlib.sha256(f"{registration_id} {event_id}".encode()).digest()
    return registration_id[:10] + keys.event_id(digest[:16])


def transferred(transfer: SplitTransfer, source: Event, person: Registration, now: datetime) -> Registration | None:
    """The registration of ``person`` at the new event, or ``None`` where none of their dates belongs to it, or they
    withdrew or declined, or registered after the split.
    """
    if person.status not in ACTIVE or person.created_at > transfer.at:
        return None
    occurrences = person.occurrences
    if occurrences is not None:
        before = _as_it_was(source, transfer.named)
        names = series_changes.named(before, occurrences, person.named)
        occurrences = tuple(name for name in names.values() if name >= transfer.since)
        if not occurrences:
            return None
    return Registration(
        event_id=transfer.event_id,
        registration_id=transferred_id(person.registration_id, transfer.event_id),
        version=1,
        status=person.status,
        name=person.name,
        email=person.email,
        language=person.language,
        occurrences=occurrences,
        created_at=person.created_at,
        updated_at=now,
    )


def _as_it_was(event: Event, named: int) -> Event:
    """The event as it was with ``named`` earlier schedules, as far as its dates and their names are concerned."""
    schedule = (*event.earlier, event.schedule)[named]
    return replace(
        event, when=schedule.when, rule=schedule.rule, added=schedule.added, earlier=event.earlier[:named], changes=()
    )


def _copy(
    client: Any, settings: Settings, transfer: SplitTransfer, source: Event, person: Registration | None, now: datetime
) -> None:
    for _ in range(ROUNDS):
        new = transferred(transfer, source, person, now) if person is not None else None
        if person is None or new is None:
            return
        still = check(
            settings.registrations_table,
            keys.registration(person.event_id, person.registration_id),
            STILL_THE_VERSION_SEEN,
            seen=person.version,
        )
        # A refusal of any other action means that it was copied before, or the address is registered there already.
        waits = new.status is RegistrationStatus.WAITLISTED
        seat = seats.transfer_actions(settings, new.event_id, new.registration_id, waits=waits)
        refused = attempt(client, {"source": still, **registration_actions(settings, new, now), **seat})
        if "source" not in refused:
            return
        person = Reads(client, settings).registration(person.event_id, person.registration_id)
    raise dynamo.Contention(f"{ROUNDS} rounds met other writers")


def _end(client: Any, settings: Settings, transfer: SplitTransfer, now: datetime) -> None:
    """End the transfer and open the new event for registrations; the waitlist becomes due.

    An event that was cancelled meanwhile is not opened.
    """
    expression = "SET #open = :open, #due_shard = :shard, #due_key = :due_key"
    for _ in range(ROUNDS):
        target = Reads(client, settings).event(transfer.event_id)
        if target is None:
            return
        refused = attempt(
            client,
            {
                "transfer": delete(
                    settings.invitations_table,
                    keys.split_transfer(transfer.event_id),
                    CURSOR_UNCHANGED,
                    seen=transfer.cursor,
                ),
                "event": check(
                    settings.registrations_table,
                    keys.event(transfer.event_id),
                    STILL_THE_EVENT_SEEN,
                    seen=target.version,
                ),
                "seats": update(
                    settings.invitations_table,
                    keys.seats(transfer.event_id),
                    expression,
                    open=target.status is not EventStatus.CANCELLED,
                    shard=keys.shard(transfer.event_id),
                    due_key=keys.due_key(2, now),
                ),
            },
        )
        if "event" not in refused:
            return
    raise dynamo.Contention(f"{ROUNDS} rounds met other writers")
