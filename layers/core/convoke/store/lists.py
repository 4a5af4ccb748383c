"""Lists for the API, a page at a time: an account's events, an event's registrations, an attendee's messages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any

from ..decision.invitation import Seats
from ..decision.plan import Snapshot
from ..model import Event, EventStatus, RegistrationStatus, folded, frozen
from ..settings import Settings
from . import cursors, dynamo, items, keys
from .items import Item


@frozen
class Page:
    """A page of a list, and the cursor of the next page: ``None`` at the end."""

    items: tuple[Any, ...]
    next: str | None


@frozen
class Counted:
    """An event with its seats: how many are taken, and how many people wait."""

    event: Event
    seats: Seats


class Order(StrEnum):
    """By what a list of events is sorted; each has an index."""

    CREATED = "created"
    START = "start"
    UPDATED = "updated"


INDEXES = {
    Order.CREATED: (keys.ACCOUNT_INDEX, "created_at"),
    Order.START: (keys.START_INDEX, "starts_at"),
    Order.UPDATED: (keys.UPDATED_INDEX, "updated_at"),
}
POSITION = r"[0-9TZ:.\-]{27}[0-9a-z]+"
"""The regular expression of a position: the instant that an event is sorted by, and its id."""
FIRST, LAST = "0", "~"
"""What sorts before and after every instant."""
FILTERED_EVENTS = 1000
"""How many rows of the index one query reads where they are filtered."""


@frozen
class Wanted:
    """Which events a list has: of one status, with a first date that starts from ``since`` on and before ``until``, and
    changed from ``updated_since`` on (all UTC); ``None`` is whatever it is.
    """

    status: EventStatus | None = None
    since: datetime | None = None
    until: datetime | None = None
    updated_since: datetime | None = None

    def has(self, event: Event) -> bool:
        return (
            (self.status is None or event.status is self.status)
            and (self.since is None or event.when.starts_at >= self.since)
            and (self.until is None or event.when.starts_at < self.until)
            and (self.updated_since is None or event.updated_at >= self.updated_since)
        )

    @property
    def ranges(self) -> dict[str, tuple[str, str]]:
        """The first and the last value of each attribute that is limited."""
        last = keys.instant(self.until - timedelta(microseconds=1)) if self.until else LAST
        found = {
            "starts_at": (keys.instant(self.since) if self.since else FIRST, last),
            "updated_at": (keys.instant(self.updated_since) if self.updated_since else FIRST, LAST),
        }
        return {name: span for name, span in found.items() if span != (FIRST, LAST)}


EVERY = Wanted()


def list_events(
    client: Any,
    settings: Settings,
    account: str,
    *,
    limit: int,
    cursor: str | None = None,
    order: Order = Order.CREATED,
    wanted: Wanted = EVERY,
) -> Page:
    """A page of the account's events as :class:`Counted`, in ``order``.

    The list comes from an index, which may lag by a moment; each event is then read strongly consistently, and left out
    if it is not ``wanted`` any more.
    """
    index, sorted_by = INDEXES[order]
    identity = f"events of {account}, {order} {wanted}"
    ranges = wanted.ranges
    first, last = ranges.pop(sorted_by, (FIRST, LAST))
    values = {":account": account, ":first": first, ":last": last}
    filters = []
    for name, (low, high) in ranges.items():
        filters.append(f"#{name} BETWEEN :{name}_low AND :{name}_high")
        values |= {f":{name}_low": low, f":{name}_high": high}
    if wanted.status is not None:
        filters.append("#status = :status")
        values[":status"] = wanted.status.value
    query: dict[str, Any] = {
        "TableName": settings.registrations_table,
        "IndexName": index,
        "KeyConditionExpression": f"account = :account AND {sorted_by} BETWEEN :first AND :last",
        "ExpressionAttributeValues": dynamo.wire(values),
        "Limit": FILTERED_EVENTS if filters else limit + 1,
    }
    if filters:
        query["FilterExpression"] = " AND ".join(filters)
        query["ExpressionAttributeNames"] = {
            f"#{name}": name for name in re.findall(r"#(\w+)", query["FilterExpression"])
        }
    if cursor is not None:
        position = cursors.decode(identity, cursor, POSITION)
        start = {**keys.event(position[27:]), "account": account, sorted_by: position[:27]}
        query["ExclusiveStartKey"] = dynamo.wire(start)
    found = list(islice(dynamo.pages(client.query, **query), limit + 1))
    rows = found[:limit]
    ids = [keys.event_id_of(row["pk"]) for row in rows]
    return Page(
        items=tuple(one for one in read_events(client, settings, ids) if wanted.has(one.event)),
        next=cursors.encode(identity, rows[-1][sorted_by] + ids[-1]) if len(found) > limit else None,
    )


def read_events(client: Any, settings: Settings, ids: Sequence[str]) -> tuple[Counted, ...]:
    """Up to a hundred events with their seats, strongly consistent, without those that do not exist."""
    events = read_all(client, settings.registrations_table, [keys.event(event_id) for event_id in ids])
    seats = read_all(client, settings.invitations_table, [keys.seats(event_id) for event_id in ids])
    return tuple(
        Counted(event=items.event_of(event), seats=items.seats_of(seats_item))
        for event, seats_item in zip(events, seats, strict=True)
        if event is not None and seats_item is not None
    )


def read_all(client: Any, table: str, wanted: Iterable[keys.Key]) -> list[Item | None]:
    """Up to a hundred items by their keys, strongly consistent, in the order of the keys; ``None`` where there
    is none.
    """
    wanted = list(wanted)
    found: dict[tuple[str, str], Item] = {}
    asked = {table: {"Keys": [dynamo.wire(key) for key in wanted], "ConsistentRead": True}} if wanted else {}
    while asked:
        answer = client.batch_get_item(RequestItems=asked)
        for item in map(dynamo.unwire, answer["Responses"].get(table, [])):
            found[item["pk"], item["sk"]] = item
        asked = answer.get("UnprocessedKeys", {})
    return [found.get((key["pk"], key["sk"])) for key in wanted]


FILTERED_PAGE_SIZE = 500
"""How many registrations one query reads where they are filtered by status."""


def list_registrations(
    client: Any,
    settings: Settings,
    event_id: str,
    *,
    limit: int,
    cursor: str | None = None,
    status: RegistrationStatus | None = None,
) -> Page:
    """A page of the event's registrations in order of arrival, as pairs of registration and invitation."""
    identity = f"registrations of {event_id}, {status or 'all'}"
    position = "" if cursor is None else cursors.decode(identity, cursor, r"[0-9a-z]+")
    first, last = keys.registration(event_id, position), keys.registration(event_id, "~")
    query: dict[str, Any] = {
        "TableName": settings.registrations_table,
        # An id and a space sorts right after that id, so this excludes the cursor's position alone.
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
        "ConsistentRead": True,
        "Limit": FILTERED_PAGE_SIZE if status else limit + 1,
    }
    values = {":pk": first["pk"], ":first": first["sk"] + (" " if position else ""), ":last": last["sk"]}
    if status is not None:
        query |= {"FilterExpression": "#status = :status", "ExpressionAttributeNames": {"#status": "status"}}
        values[":status"] = status.value
    query["ExpressionAttributeValues"] = dynamo.wire(values)
    found = list(islice(dynamo.pages(client.query, **query), limit + 1))
    people = [items.registration_of(item) for item in found[:limit]]
    invited = read_all(
        client,
        settings.invitations_table,
        [keys.registration(event_id, person.registration_id) for person in people],
    )
    return Page(
        items=tuple((person, items.invitation_of(item)) for person, item in zip(people, invited, strict=True) if item),
        next=cursors.encode(identity, people[-1].registration_id) if len(found) > limit else None,
    )


def read_people(client: Any, settings: Settings, wanted: Sequence[tuple[str, str]]) -> tuple[Snapshot, ...]:
    """Up to a hundred registrations, by event id and registration id, with their events and invitations, strongly
    consistent, without those that do not exist. An invitation is read before its registration, and the event last.
    """
    people = [keys.registration(*ids) for ids in wanted]
    invitations = read_all(client, settings.invitations_table, people)
    registrations = read_all(client, settings.registrations_table, people)
    ids = sorted({event_id for event_id, _ in wanted})
    events = dict(zip(ids, read_all(client, settings.registrations_table, map(keys.event, ids)), strict=True))
    return tuple(
        Snapshot(
            invitation=items.invitation_of(invitation),
            registration=items.registration_of(registration),
            event=items.event_of(event),
        )
        for (event_id, _), invitation, registration in zip(wanted, invitations, registrations, strict=True)
        if invitation and registration and (event := events[event_id])
    )


def list_person(
    client: Any, settings: Settings, account: str, email: str, *, limit: int, cursor: str | None = None
) -> Page:
    """A page of the registrations of an address at all events of the account as :class:`Snapshot`, in the order of
    their creation. The list comes from an index, which may lag by a moment.
    """
    person = keys.person(account, email)
    identity = f"registrations of {person}"
    query: dict[str, Any] = {
        "TableName": settings.registrations_table,
        "IndexName": keys.PERSON_INDEX,
        "KeyConditionExpression": "person = :person",
        "ExpressionAttributeValues": dynamo.wire({":person": person}),
        "Limit": limit + 1,
    }
    if cursor is not None:
        created_at, event_id, registration_id = cursors.decode(
            identity, cursor, r"[0-9TZ:.\-]{27} [0-9a-z]+ [0-9a-z]+"
        ).split(" ")
        start = {**keys.registration(event_id, registration_id), "person": person, "created_at": created_at}
        query["ExclusiveStartKey"] = dynamo.wire(start)
    found = [dynamo.unwire(item) for item in client.query(**query)["Items"]]
    rows = found[:limit]
    ids = [(keys.event_id_of(row["pk"]), row["sk"].removeprefix(keys.REGISTRATION_PREFIX)) for row in rows]
    people = read_people(client, settings, ids)
    return Page(
        items=tuple(one for one in people if folded(one.registration.email) == folded(email)),
        next=cursors.encode(identity, " ".join((rows[-1]["created_at"], *ids[-1]))) if len(found) > limit else None,
    )


def holder_of_address(client: Any, settings: Settings, event_id: str, email: str) -> str | None:
    """The id of the registration that has this address at the event, strongly consistent; ``None`` if none has."""
    item = dynamo.get(client, settings.registrations_table, keys.address(event_id, email))
    return item["registration_id"] if item else None


def list_messages(
    client: Any, settings: Settings, registration_id: str, *, limit: int, cursor: str | None = None
) -> Page:
    """A page of an attendee's messages in order of SEQUENCE, as :class:`StoredMessage` without the rendered mails."""
    identity = f"messages of {registration_id}"
    query = message_query(settings, registration_id) | {"Limit": limit + 1}
    if cursor is not None:
        position = cursors.decode(identity, cursor, r"[0-9]{1,10}")
        query["ExclusiveStartKey"] = dynamo.wire(keys.message(registration_id, int(position)))
    found = list(islice(dynamo.pages(client.query, **query), limit + 1))
    stored = tuple(items.stored_message_of(item) for item in found[:limit])
    return Page(
        items=stored,
        next=cursors.encode(identity, str(stored[-1].calendar_state.sequence)) if len(found) > limit else None,
    )


def message_query(settings: Settings, registration_id: str) -> dict[str, Any]:
    """The query for an attendee's stored messages, without the rendered mails, which are large."""
    first = keys.message(registration_id, 0)
    return {
        "TableName": settings.invitations_table,
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :messages)",
        "ExpressionAttributeValues": dynamo.wire({":pk": first["pk"], ":messages": keys.MESSAGE_PREFIX}),
        "ProjectionExpression": "pk, sk, registration_id, event_id, calendar_state, written_at, sent_at, ses_id, "
        "#state, reason",
        "ExpressionAttributeNames": {"#state": "state"},
        "ConsistentRead": True,
    }
