"""What the API lists, a page at a time: an account's events, an event's registrations, what one attendee was sent."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from ..decision.invitation import Seats
from ..model import Event, RegistrationStatus, frozen
from ..settings import Settings
from . import cursors, dynamo, items, keys
from .items import Item


@frozen
class Page:
    """Part of a list, and where the next part begins: ``None`` at the end."""

    items: tuple[Any, ...]
    next: str | None


@frozen
class Counted:
    """An event, with how many come and how many wait."""

    event: Event
    seats: Seats


POSITION = r"[0-9TZ:.\-]{27}[0-9a-z]+"
"""When an event was created, and its id."""


def list_events(client: Any, settings: Settings, account: str, *, limit: int, cursor: str | None = None) -> Page:
    """The account's events as :class:`Counted`, in the order of their creation.

    The list comes from an index and may miss an event of the last moment; what it shows of each is read anew.
    """
    identity = f"events of {account}"
    query: dict[str, Any] = {
        "TableName": settings.registrations_table,
        "IndexName": keys.ACCOUNT_INDEX,
        "KeyConditionExpression": "account = :account",
        "ExpressionAttributeValues": dynamo.wire({":account": account}),
        "Limit": limit + 1,
    }
    if cursor is not None:
        position = cursors.decode(identity, cursor, POSITION)
        start = {**keys.event(position[27:]), "account": account, "created_at": position[:27]}
        query["ExclusiveStartKey"] = dynamo.wire(start)
    found = [dynamo.unwire(item) for item in client.query(**query)["Items"]]
    rows = found[:limit]
    ids = [row["pk"].removeprefix("EVENT#") for row in rows]
    events = read_all(client, settings.registrations_table, [keys.event(event_id) for event_id in ids])
    seats = read_all(client, settings.invitations_table, [keys.seats(event_id) for event_id in ids])
    return Page(
        items=tuple(
            Counted(event=items.event_of(event), seats=items.seats_of(room))
            for event, room in zip(events, seats, strict=True)
            if event is not None and room is not None
        ),
        next=cursors.encode(identity, rows[-1]["created_at"] + ids[-1]) if len(found) > limit else None,
    )


def read_all(client: Any, table: str, wanted: Iterable[keys.Key]) -> list[Item | None]:
    """Up to a hundred items by their keys, strongly consistent, in the order asked for; ``None`` where none stands."""
    wanted = list(wanted)
    found: dict[tuple[str, str], Item] = {}
    asked = {table: {"Keys": [dynamo.wire(key) for key in wanted], "ConsistentRead": True}} if wanted else {}
    while asked:
        answer = client.batch_get_item(RequestItems=asked)
        for item in map(dynamo.unwire, answer["Responses"].get(table, [])):
            found[item["pk"], item["sk"]] = item
        asked = answer.get("UnprocessedKeys", {})
    return [found.get((key["pk"], key["sk"])) for key in wanted]


ONE_MEGABYTE_IS_ENOUGH = 500
"""How many registrations to read at a time while looking for those of one status."""


def list_registrations(
    client: Any,
    settings: Settings,
    event_id: str,
    *,
    limit: int,
    cursor: str | None = None,
    status: RegistrationStatus | None = None,
) -> Page:
    """The event's registrations in order of arrival, each with its invitation."""
    identity = f"registrations of {event_id}, {status or 'all'}"
    position = "" if cursor is None else cursors.decode(identity, cursor, r"[0-9a-z]+")
    first, last = keys.registration(event_id, position), keys.registration(event_id, "~")
    query: dict[str, Any] = {
        "TableName": settings.registrations_table,
        # A space follows no id, yet comes before all that follow it.
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
        "ConsistentRead": True,
        "Limit": ONE_MEGABYTE_IS_ENOUGH if status else limit + 1,
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


def list_messages(
    client: Any, settings: Settings, registration_id: str, *, limit: int, cursor: str | None = None
) -> Page:
    """What was sent to one attendee, in the order of SEQUENCE, each as :class:`StoredMessage` without its letter."""
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
    """All that was written to one attendee, but for the letters themselves, which are large."""
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
