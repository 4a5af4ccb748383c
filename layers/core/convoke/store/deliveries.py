"""Deliveries of webhook events: one item for each event and webhook, which is kept after its end to be listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from ..settings import Settings
from ..webhooks.events import Delivery, Webhook, WebhookDeliveryState, WebhookEvent, WebhookEventType
from . import cursors, dynamo, items, keys
from .items import Item
from .lists import Page
from .outbox import KEPT, PRIORITY, webhook_event_item
from .writes import NEW, NOTHING_ELSE, Action, attempt, put

# The delivery exists and is pending, and no other attempt has begun.
ATTEMPT_UNCHANGED = "#attempts = :seen AND #state = :pending"


def read(client: Any, settings: Settings, webhook_id: str, webhook_event_id: str) -> Delivery | None:
    item = dynamo.get(client, settings.webhooks_table, keys.delivery(webhook_id, webhook_event_id))
    return delivery_of(item) if item else None


def create(client: Any, settings: Settings, event: WebhookEvent, webhook: Webhook, due_at: datetime) -> None:
    """Store a pending delivery of ``event`` to ``webhook``, due at ``due_at`` (UTC), unless there is one already."""
    dynamo.conditionally(
        client.put_item,
        TableName=settings.webhooks_table,
        Item=dynamo.wire(delivery_item(_new_delivery(event, webhook, due_at))),
        ConditionExpression=NEW,
    )


def create_test(
    client: Any,
    settings: Settings,
    webhook: Webhook,
    event: WebhookEvent,
    now: datetime,
    *,
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> None:
    """Store a new webhook event together with its delivery to this webhook alone, and the actions ``also``."""
    # Without a due key, so that the event is not distributed to the account's other webhooks.
    item = {name: value for name, value in webhook_event_item(event, now).items() if not name.startswith("due_")}
    delivery = delivery_item(_new_delivery(event, webhook, now))
    attempt(
        client,
        {
            "event": put(settings.webhooks_table, item, NEW),
            "delivery": put(settings.webhooks_table, delivery, NEW),
            **also,
        },
    )


def _new_delivery(event: WebhookEvent, webhook: Webhook, due_at: datetime) -> Delivery:
    return Delivery(
        webhook_id=webhook.webhook_id,
        account=webhook.account,
        webhook_event_id=event.webhook_event_id,
        type=event.type,
        created_at=event.created_at,
        due_key=keys.due_key(PRIORITY, due_at),
    )


def replace_pending(client: Any, settings: Settings, seen: Delivery, now: Delivery) -> bool:
    """Replace the delivery ``seen`` by ``now``. False: another attempt has begun, or the delivery has ended."""
    written, _ = dynamo.conditionally(
        client.put_item,
        TableName=settings.webhooks_table,
        Item=dynamo.wire(delivery_item(now)),
        ConditionExpression=ATTEMPT_UNCHANGED,
        ExpressionAttributeNames={"#attempts": "attempts", "#state": "state"},
        ExpressionAttributeValues=dynamo.wire({":seen": seen.attempts, ":pending": WebhookDeliveryState.PENDING.value}),
    )
    return written


def delivery_item(delivery: Delivery) -> Item:
    def at(moment: datetime | None) -> str | None:
        return None if moment is None else keys.instant(moment)

    return items.present(
        {
            **keys.delivery(delivery.webhook_id, delivery.webhook_event_id),
            "webhook_id": delivery.webhook_id,
            "account": delivery.account,
            "webhook_event_id": delivery.webhook_event_id,
            "type": delivery.type.value,
            "created_at": keys.instant(delivery.created_at),
            "state": delivery.state.value,
            "attempts": delivery.attempts,
            "status": delivery.status,
            "why": delivery.why,
            "tried_at": at(delivery.tried_at),
            "next_at": at(delivery.next_at),
            "lease_until": at(delivery.lease_until),
            "expires_at": int((delivery.created_at + KEPT).timestamp()),
            **items.due_attributes(delivery.webhook_event_id, delivery.due_key),
        }
    )


def delivery_of(item: Mapping[str, Any]) -> Delivery:
    def at(name: str) -> datetime | None:
        return items.moment(item[name]) if name in item else None

    return Delivery(
        webhook_id=item["webhook_id"],
        account=item["account"],
        webhook_event_id=item["webhook_event_id"],
        type=WebhookEventType(item["type"]),
        created_at=items.moment(item["created_at"]),
        state=WebhookDeliveryState(item["state"]),
        attempts=int(item["attempts"]),
        status=int(item["status"]),
        why=item["why"],
        tried_at=at("tried_at"),
        next_at=at("next_at"),
        lease_until=at("lease_until"),
        due_key=item.get("due_key"),
    )


# --- due deliveries, and lists of them ----------------------------------------------------------------------------

# The item still has the due key that was read.
DUE_KEY_UNCHANGED = "due_key = :seen"


def due(client: Any, settings: Settings, now: datetime, limit: int) -> Iterator[dict[str, str]]:
    """Up to ``limit`` hints at events and deliveries that are due by ``now``; the due key of each is postponed by the
    time that a hint has to be processed.
    """
    left = limit
    for shard in keys.SHARDS:
        if left <= 0:
            return
        answer = client.query(
            TableName=settings.webhooks_table,
            IndexName=keys.DUE_INDEX,
            KeyConditionExpression="due_shard = :shard AND due_key <= :now",
            ExpressionAttributeValues=dynamo.wire({":shard": shard, ":now": keys.due_key(PRIORITY, now)}),
            Limit=left,
        )
        for row in map(dynamo.unwire, answer["Items"]):
            written, _ = dynamo.conditionally(
                client.update_item,
                TableName=settings.webhooks_table,
                Key=dynamo.wire({"pk": row["pk"], "sk": row["sk"]}),
                UpdateExpression="SET due_key = :due_key",
                ConditionExpression=DUE_KEY_UNCHANGED,
                ExpressionAttributeValues=dynamo.wire(
                    {":due_key": keys.due_key(PRIORITY, now + settings.times.hint), ":seen": row["due_key"]}
                ),
            )
            if written:
                left -= 1
                yield hint_of(row)


def hint_of(key: Mapping[str, str]) -> dict[str, str]:
    """The content of the queue message for the webhook event, or for the delivery, with this key."""
    webhook_event_id = key["pk"].removeprefix(keys.WEBHOOK_EVENT_PREFIX)
    if webhook_event_id != key["pk"]:
        return {"webhook_event": webhook_event_id}
    return {
        "webhook_event": key["sk"].removeprefix(keys.DELIVERY_PREFIX),
        "webhook": key["pk"].removeprefix(keys.WEBHOOK_PREFIX),
    }


def list_deliveries(
    client: Any,
    settings: Settings,
    webhook_id: str,
    *,
    limit: int,
    cursor: str | None = None,
    state: WebhookDeliveryState | None = None,
) -> Page:
    """A page of a webhook's deliveries, the latest first, optionally of one ``state``."""
    identity = f"deliveries of {webhook_id}, {state or 'all'}"
    first = keys.delivery(webhook_id, "")
    query: dict[str, Any] = {
        "TableName": settings.webhooks_table,
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :deliveries)",
        "ScanIndexForward": False,
        "ConsistentRead": True,
    }
    values = {":pk": first["pk"], ":deliveries": first["sk"]}
    if cursor is not None:
        position = cursors.decode(identity, cursor, r"[0-9a-z]+")
        query["ExclusiveStartKey"] = dynamo.wire(keys.delivery(webhook_id, position))
    if state is not None:
        query |= {"FilterExpression": "#state = :state", "ExpressionAttributeNames": {"#state": "state"}}
        values[":state"] = state.value
    else:
        query["Limit"] = limit + 1
    query["ExpressionAttributeValues"] = dynamo.wire(values)
    found = [delivery_of(item) for item in islice(dynamo.pages(client.query, **query), limit + 1)]
    page = tuple(found[:limit])
    return Page(items=page, next=cursors.encode(identity, page[-1].webhook_event_id) if len(found) > limit else None)
