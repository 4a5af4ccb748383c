"""Lists for the API, a page at a time: an account's events, an event's registrations, an attendee's messages."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from ..decision.invitation import Invitation, Seats, with_outcomes
from ..model import Event, RegistrationStatus, frozen
from ..settings import Settings
from . import cursors, dynamo, items, keys, seats
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


POSITION = r"[0-9TZ:.\-]{27}[0-9a-z]+"
"""The regular expression of a position: when an event was created, and its id."""


def list_events(client: Any, settings: Settings, account: str, *, limit: int, cursor: str | None = None) -> Page:
    """A page of the account's events as :class:`Counted`, in the order of their creation.

    The list comes from an index, which may miss an event that was created a moment ago; each event is then read
    strongly consistently.
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
    own = read_all(client, settings.invitations_table, [keys.seats(event_id) for event_id in ids])
    # Most have no shards, so that their own item says it all.
    counted = [
        None if item is None else seats.read(client, settings, event_id) if "blocks" in item else items.seats_of(item)
        for event_id, item in zip(ids, own, strict=True)
    ]
    return Page(
        items=tuple(
            Counted(event=items.event_of(event), seats=of_it)
            for event, of_it in zip(events, counted, strict=True)
            if event is not None and of_it is not None
        ),
        next=cursors.encode(identity, rows[-1]["created_at"] + ids[-1]) if len(found) > limit else None,
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


def list_messages(
    client: Any, settings: Settings, invitation: Invitation, *, limit: int, cursor: str | None = None
) -> Page:
    """A page of an attendee's messages in order of SEQUENCE, as :class:`StoredMessage` without the rendered mails."""
    registration_id = invitation.registration_id
    identity = f"messages of {registration_id}"
    query = message_query(settings, registration_id) | {"Limit": limit + 1}
    if cursor is not None:
        position = cursors.decode(identity, cursor, r"[0-9]{1,10}")
        query["ExclusiveStartKey"] = dynamo.wire(keys.message(registration_id, int(position)))
    found = list(islice(dynamo.pages(client.query, **query), limit + 1))
    # The one after the page has what became of its last.
    stored = with_outcomes(map(items.stored_message_of, found), invitation)[:limit]
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
        "#state, reason, previous",
        "ExpressionAttributeNames": {"#state": "state"},
        "ConsistentRead": True,
    }
