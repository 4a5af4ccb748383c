"""Reads of events, registrations, invitations, messages and due items, each strongly consistent."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from ..decision.invitation import FanOut, Invitation, Sending, StoredMessage
from ..effects import Due, DueKind
from ..model import Event, Registration
from ..settings import Settings
from . import dynamo, items, keys
from .items import Item
from .lists import message_query


class Reads:
    """Strongly consistent reads. Only the index of due items, and that of events, may lag by moments."""

    def __init__(self, client: Any, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._registrations = settings.registrations_table
        self._invitations = settings.invitations_table

    def invitation(self, event_id: str, registration_id: str) -> Invitation | None:
        item = self._get(self._invitations, keys.registration(event_id, registration_id))
        return items.invitation_of(item) if item else None

    def registration(self, event_id: str, registration_id: str) -> Registration | None:
        item = self._get(self._registrations, keys.registration(event_id, registration_id))
        return items.registration_of(item) if item else None

    def event(self, event_id: str) -> Event | None:
        item = self._get(self._registrations, keys.event(event_id))
        return items.event_of(item) if item else None

    def stored(self, registration_id: str, sequence: int) -> StoredMessage | None:
        item = self._get(self._invitations, keys.message(registration_id, sequence))
        return items.stored_message_of(item) if item else None

    def messages(self, registration_id: str) -> tuple[StoredMessage, ...]:
        rows = dynamo.pages(self._client.query, **message_query(self._settings, registration_id))
        return tuple(map(items.stored_message_of, rows))

    def fan_out(self, event_id: str) -> FanOut | None:
        item = self._get(self._invitations, keys.fan_out(event_id))
        return items.fan_out_of(item) if item else None

    def sending(self) -> Sending:
        return items.sending_of(self._get(self._invitations, keys.sending()))

    def invitations(
        self, event_id: str, after: str, limit: int | None, through: str | None = None
    ) -> tuple[Invitation, ...]:
        found = self._range(self._invitations, event_id, after, through=through, limit=limit)
        return tuple(items.invitation_of(item) for item in found)

    def invitation_ids(self, event_id: str, after: str, limit: int) -> tuple[str, ...]:
        found = self._range(self._invitations, event_id, after, through=None, limit=limit, ProjectionExpression="sk")
        return tuple(item["sk"].removeprefix(keys.REGISTRATION_PREFIX) for item in found)

    def registrations(self, event_id: str, after: str, through: str) -> tuple[Registration, ...]:
        found = self._range(self._registrations, event_id, after, through=through, limit=None)
        return tuple(items.registration_of(item) for item in found)

    def some_registrations(self, event_id: str, after: str, limit: int) -> tuple[Registration, ...]:
        """The next ``limit`` registrations of the event after the id ``after``, in order."""
        found = self._range(self._registrations, event_id, after, through=None, limit=limit)
        return tuple(items.registration_of(item) for item in found)

    def events(self, after: str) -> tuple[tuple[str, ...], str | None]:
        """A page of all events' ids, in no order, and where the next page begins. The index may lag by moments.

        ``after`` is what the page before returned as the start of the next, or empty.
        """
        scan: dict[str, Any] = {"TableName": self._registrations, "IndexName": keys.ACCOUNT_INDEX}
        if after:
            scan["ExclusiveStartKey"] = json.loads(after)
        answer = self._client.scan(**scan, ProjectionExpression="pk")
        found = tuple(keys.event_id_of(dynamo.unwire(item)["pk"]) for item in answer["Items"])
        following = answer.get("LastEvaluatedKey")
        return found, json.dumps(following) if following else None

    def due(self, shard: str, priority: int, now: datetime, limit: int) -> tuple[Due, ...]:
        """Up to ``limit`` items of one priority and shard that are due by ``now``, the earliest due key first."""
        answer = self._client.query(
            TableName=self._invitations,
            IndexName=keys.DUE_INDEX,
            KeyConditionExpression="due_shard = :shard AND due_key BETWEEN :first AND :last",
            ExpressionAttributeValues=dynamo.wire(
                {":shard": shard, ":first": f"{priority}#", ":last": keys.due_key(priority, now)}
            ),
            Limit=limit,
        )
        return tuple(_due(dynamo.unwire(item)) for item in answer["Items"])

    def _get(self, table: str, key: keys.Key) -> Item | None:
        return dynamo.get(self._client, table, key)

    def _range(
        self, table: str, event_id: str, after: str, *, through: str | None, limit: int | None, **more: str
    ) -> list[Item]:
        """Items of one event by registration id, greater than ``after`` and up to ``through``, in order of id."""
        first = keys.registration(event_id, after)
        query: dict[str, Any] = {
            "TableName": table,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": dynamo.wire(
                # Ids have no character beyond "v", so "~" sorts after all. An id and a space sorts right after that id.
                {
                    ":pk": first["pk"],
                    ":first": first["sk"] + (" " if after else ""),
                    ":last": keys.registration(event_id, "~" if through is None else through)["sk"],
                }
            ),
            "ConsistentRead": True,
            **more,
        }
        if limit is None:
            return list(dynamo.pages(self._client.query, **query))
        found = []
        for item in dynamo.pages(self._client.query, Limit=limit, **query):
            found.append(item)
            if len(found) == limit:
                break
        return found


def _due(item: Item) -> Due:
    event_id = keys.event_id_of(item["pk"])
    kind, _, about = item["sk"].partition("#")
    if kind == DueKind.BATCH.upper():
        version, _, first = about.partition("#")
        return Due(
            kind=DueKind.BATCH,
            event_id=event_id,
            registration_id=first,
            version=int(version),
            due_key=item["due_key"],
        )
    registration_id, _, notification_id = about.partition("#")
    return Due(
        kind=DueKind(kind.lower()),
        event_id=event_id,
        registration_id=registration_id,
        notification_id=notification_id,
        due_key=item["due_key"],
    )
