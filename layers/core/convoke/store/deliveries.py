"""Facts on their way to webhooks: one item for each fact and webhook, kept to be looked at when all is done."""

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

# It stands, nobody began another try, and nothing is settled.
STILL_THE_TRY_SEEN = "#attempts = :seen AND #state = :pending"


def read(client: Any, settings: Settings, webhook_id: str, fact_id: str) -> Delivery | None:
    item = dynamo.get(client, settings.webhooks_table, keys.delivery(webhook_id, fact_id))
    return delivery_of(item) if item else None


def begin(client: Any, settings: Settings, fact: WebhookEvent, webhook: Webhook, due_key: datetime) -> None:
    """Owe ``fact`` to ``webhook``, unless that is written down already."""
    dynamo.conditionally(
        client.put_item,
        TableName=settings.webhooks_table,
        Item=dynamo.wire(delivery_item(_first(fact, webhook, due_key))),
        ConditionExpression=NEW,
    )


def try_out(
    client: Any,
    settings: Settings,
    webhook: Webhook,
    fact: WebhookEvent,
    now: datetime,
    *,
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> None:
    """Owe a new ``fact`` to this webhook alone."""
    # Nobody is to share it among the others.
    item = {name: value for name, value in webhook_event_item(fact, now).items() if not name.startswith("owed_")}
    delivery = delivery_item(_first(fact, webhook, now))
    attempt(
        client,
        {
            "fact": put(settings.webhooks_table, item, NEW),
            "delivery": put(settings.webhooks_table, delivery, NEW),
            **also,
        },
    )


def _first(fact: WebhookEvent, webhook: Webhook, due_key: datetime) -> Delivery:
    return Delivery(
        webhook_id=webhook.webhook_id,
        account=webhook.account,
        fact_id=fact.fact_id,
        type=fact.type,
        created_at=fact.created_at,
        due_key=keys.owed(PRIORITY, due_key),
    )


def write(client: Any, settings: Settings, seen: Delivery, now: Delivery) -> bool:
    """Put ``now`` in the place of ``seen``, unless somebody else began a try or settled it."""
    written, _ = dynamo.conditionally(
        client.put_item,
        TableName=settings.webhooks_table,
        Item=dynamo.wire(delivery_item(now)),
        ConditionExpression=STILL_THE_TRY_SEEN,
        ExpressionAttributeNames={"#attempts": "attempts", "#state": "state"},
        ExpressionAttributeValues=dynamo.wire({":seen": seen.attempts, ":pending": WebhookDeliveryState.PENDING.value}),
    )
    return written


def delivery_item(delivery: Delivery) -> Item:
    def at(moment: datetime | None) -> str | None:
        return None if moment is None else keys.instant(moment)

    return items.present(
        {
            **keys.delivery(delivery.webhook_id, delivery.fact_id),
            "webhook_id": delivery.webhook_id,
            "account": delivery.account,
            "fact_id": delivery.fact_id,
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
            **items.due_attributes(delivery.fact_id, delivery.due_key),
        }
    )


def delivery_of(item: Mapping[str, Any]) -> Delivery:
    def at(name: str) -> datetime | None:
        return items.moment(item[name]) if name in item else None

    return Delivery(
        webhook_id=item["webhook_id"],
        account=item["account"],
        fact_id=item["fact_id"],
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


# --- what is due, what became of it -------------------------------------------------------------------------------

# It is still the debt that was seen.
STILL_THE_DEBT_SEEN = "due_key = :seen"


def due(client: Any, settings: Settings, now: datetime, limit: int) -> Iterator[dict[str, str]]:
    """Up to ``limit`` hints at what somebody must see to now, each put off for two minutes."""
    left = limit
    for shard in keys.SHARDS:
        if left <= 0:
            return
        answer = client.query(
            TableName=settings.webhooks_table,
            IndexName=keys.DUE_INDEX,
            KeyConditionExpression="due_shard = :shard AND due_key <= :now",
            ExpressionAttributeValues=dynamo.wire({":shard": shard, ":now": keys.owed(PRIORITY, now)}),
            Limit=left,
        )
        for row in map(dynamo.unwire, answer["Items"]):
            written, _ = dynamo.conditionally(
                client.update_item,
                TableName=settings.webhooks_table,
                Key=dynamo.wire({"pk": row["pk"], "sk": row["sk"]}),
                UpdateExpression="SET due_key = :owed",
                ConditionExpression=STILL_THE_DEBT_SEEN,
                ExpressionAttributeValues=dynamo.wire(
                    {":owed": keys.owed(PRIORITY, now + settings.times.hint), ":seen": row["due_key"]}
                ),
            )
            if written:
                left -= 1
                yield hint_of(row)


def hint_of(key: Mapping[str, str]) -> dict[str, str]:
    """What a queue's message says of the fact, or of the delivery, under this key."""
    fact_id = key["pk"].removeprefix(keys.WEBHOOK_EVENT_PREFIX)
    if fact_id != key["pk"]:
        return {"fact": fact_id}
    return {
        "fact": key["sk"].removeprefix(keys.DELIVERY_PREFIX),
        "webhook": key["pk"].removeprefix(keys.WEBHOOK_PREFIX),
    }


def latest(
    client: Any,
    settings: Settings,
    webhook_id: str,
    *,
    limit: int,
    cursor: str | None = None,
    state: WebhookDeliveryState | None = None,
) -> Page:
    """What a webhook was told, or is to be, the latest first."""
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
    return Page(items=page, next=cursors.encode(identity, page[-1].fact_id) if len(found) > limit else None)
