"""Carrying registrations over to the event that a series was split into: a debt, paid a few people at a time.

Each gets an id that follows from the old one and the new event, so whoever carries again what was carried changes
nothing. Until all are over, nobody else can register, nor can the new series be split: the seats are for those who had
them.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..model import Event, EventStatus, LocalTime, Registration, frozen
from ..schedule import series
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
from .registry import ACTIVE, STILL_THE_VERSION_SEEN, registration_actions

BATCH_SIZE = 50
"""How many registrations are looked at in one go; the rest stays owed, and the sweeper comes for it."""

# Nobody else carried since I read how far it was.
STILL_AT_THE_CURSOR = "#cursor = :seen"
# Nobody is carried over to it any more, or ever was.
NOT_UNDER_WAY = "attribute_not_exists(pk)"
# The event is as it was read.
STILL_THE_EVENT_SEEN = "#version = :seen"


@frozen
class SplitTransfer:
    """Whom to carry: those of the event ``source`` who came before ``at`` (UTC), when it was split, and to dates
    ``since``, as these were named when it had had ``named`` earlier schedules; done up to and including ``cursor``.
    """

    event_id: str
    source: str
    since: LocalTime
    named: int
    at: datetime
    cursor: str = ""


def start_action(settings: Settings, carry: SplitTransfer, *, priority: int, now: datetime) -> Action:
    """The debt, for the transaction that makes the new event."""
    item = {
        **keys.split_transfer(carry.event_id),
        "source": carry.source,
        "since": carry.since.isoformat(),
        "named": carry.named,
        "at": keys.instant(carry.at),
        "cursor": carry.cursor,
        **items.due_attributes(carry.event_id, keys.due_key(priority, now)),
    }
    return put(settings.invitations_table, item)


def under_way(client: Any, settings: Settings, event_id: str) -> bool:
    """Whether people are still to be carried over to this event."""
    return dynamo.get(client, settings.invitations_table, keys.split_transfer(event_id)) is not None


def not_under_way_check(settings: Settings, event_id: str) -> Action:
    return check(settings.invitations_table, keys.split_transfer(event_id), NOT_UNDER_WAY)


def transfer_batch(client: Any, settings: Settings, event_id: str, *, now: datetime, most: int = BATCH_SIZE) -> int:
    """Carry the next ``most`` people over to ``event_id``; answers how many more may be to come: none, or some."""
    item = dynamo.get(client, settings.invitations_table, keys.split_transfer(event_id))
    if item is None:
        return 0
    reads = Reads(client, settings)
    carry = SplitTransfer(
        event_id=event_id,
        source=item["source"],
        since=items.local_time_of(item["since"]),
        named=int(item["named"]),
        at=items.moment(item["at"]),
        cursor=item["cursor"],
    )
    people = reads.some_registrations(carry.source, carry.cursor, most)
    source = reads.event(carry.source)
    if source is None:
        return 0
    for person in people:
        _carry(client, settings, carry, source, person, now)
    if len(people) == most:
        moved = update(
            settings.invitations_table,
            keys.split_transfer(event_id),
            "SET #cursor = :cursor, #due_key = :owed",
            STILL_AT_THE_CURSOR,
            cursor=people[-1].registration_id,
            owed=keys.keep_due_since(keys.due_key(int(item["due_key"][0]), now), item["due_key"]),
            seen=carry.cursor,
        )
        attempt(client, {"carry": moved})
        return most
    _open(client, settings, carry, now)
    return 0


def transferred_id(registration_id: str, event_id: str) -> str:
    """The id of a registration at the new event: it arrives when the old one did."""
    digest = hashlib.sha256(f"{registration_id} {event_id}".encode()).digest()
    return registration_id[:10] + keys.event_id(digest[:16])


def transferred(carry: SplitTransfer, source: Event, person: Registration, now: datetime) -> Registration | None:
    """``person`` at the new event, or ``None`` for who does not come to any of its dates."""
    if person.status not in ACTIVE or person.created_at > carry.at:
        return None
    occurrences = person.occurrences
    if occurrences is not None:
        before = _as_it_was(source, carry.named)
        names = series.named(before, occurrences, person.named)
        occurrences = tuple(name for name in names.values() if name >= carry.since)
        if not occurrences:
            return None
    return Registration(
        event_id=carry.event_id,
        registration_id=transferred_id(person.registration_id, carry.event_id),
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
    """The event when it had had ``named`` earlier schedules, as far as dates and their names go."""
    schedule = (*event.earlier, event.schedule)[named]
    return replace(
        event, when=schedule.when, rule=schedule.rule, added=schedule.added, earlier=event.earlier[:named], changes=()
    )


def _carry(
    client: Any, settings: Settings, carry: SplitTransfer, source: Event, person: Registration | None, now: datetime
) -> None:
    for _ in range(ROUNDS):
        new = transferred(carry, source, person, now) if person is not None else None
        if person is None or new is None:
            return
        still = check(
            settings.registrations_table,
            keys.registration(person.event_id, person.registration_id),
            STILL_THE_VERSION_SEEN,
            seen=person.version,
        )
        # Refused, but for this one, where it was carried before, or where that address is registered there by now.
        refused = attempt(client, {"source": still, **registration_actions(settings, new, now, carried=True)})
        if "source" not in refused:
            return
        person = Reads(client, settings).registration(person.event_id, person.registration_id)
    raise dynamo.Contention(f"{ROUNDS} rounds met other writers")


def _open(client: Any, settings: Settings, carry: SplitTransfer, now: datetime) -> None:
    """All are over: from now on anybody may register, and a free seat goes to the first in line.

    Not where the event was cancelled meanwhile: then only the debt is done.
    """
    expression = "SET #open = :open, #due_shard = :shard, #due_key = :owed"
    for _ in range(ROUNDS):
        target = Reads(client, settings).event(carry.event_id)
        if target is None:
            return
        refused = attempt(
            client,
            {
                "carry": delete(
                    settings.invitations_table,
                    keys.split_transfer(carry.event_id),
                    STILL_AT_THE_CURSOR,
                    seen=carry.cursor,
                ),
                "event": check(
                    settings.registrations_table,
                    keys.event(carry.event_id),
                    STILL_THE_EVENT_SEEN,
                    seen=target.version,
                ),
                "seats": update(
                    settings.invitations_table,
                    keys.seats(carry.event_id),
                    expression,
                    open=target.status is not EventStatus.CANCELLED,
                    shard=keys.shard(carry.event_id),
                    owed=keys.due_key(2, now),
                ),
            },
        )
        if "event" not in refused:
            return
    raise dynamo.Contention(f"{ROUNDS} rounds met other writers")
