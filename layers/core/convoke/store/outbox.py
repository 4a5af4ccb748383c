"""The outbox: webhook events, written in the transaction of the change that they tell of."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ..model import Registration
from ..settings import Settings
from ..webhooks.events import WebhookEvent, WebhookEventType
from . import dynamo, items, keys, webhooks
from .items import Item
from .writes import EXISTS, Action, put

KEPT = timedelta(days=30)
"""How long a webhook event and its deliveries are kept."""
PRIORITY = 1
"""The priority in the due keys of webhook events and deliveries; all have the same."""


def event_actions(
    client: Any, settings: Settings, account: str, what: WebhookEventType, data: Mapping[str, Any], now: datetime
) -> dict[str, Action]:
    """The action, by its name, that adds a webhook event to a transaction; none where no webhook subscribes to
    ``what``.

    ``data`` is JSON of ids and states, without names and addresses. One transaction takes at most one event of a type.
    """
    if not account or what not in webhooks.subscribed_types(client, settings, account):
        return {}
    event = new_event(account, what, data, now)
    return {f"webhook event {what}": put(settings.webhooks_table, webhook_event_item(event, now))}


def new_event(account: str, what: WebhookEventType, data: Mapping[str, Any], now: datetime) -> WebhookEvent:
    """A webhook event under a new id, which begins with the time."""
    return WebhookEvent(
        webhook_event_id=keys.registration_id(now, secrets.token_bytes(16)),
        account=account,
        type=what,
        data=data,
        created_at=now,
    )


def registration_data(person: Registration) -> dict[str, Any]:
    """What a webhook event about a registration contains: ids, status and version."""
    return {
        "event_id": person.event_id,
        "registration_id": person.registration_id,
        "status": person.status.value,
        "version": person.version,
    }


def read_webhook_event(client: Any, settings: Settings, webhook_event_id: str) -> WebhookEvent | None:
    item = dynamo.get(client, settings.webhooks_table, keys.webhook_event(webhook_event_id))
    return webhook_event_of(item) if item else None


def mark_distributed(client: Any, settings: Settings, webhook_event_id: str) -> None:
    """Record that each subscribed webhook has its own delivery of the event: the event itself is not due any more."""
    dynamo.conditionally(
        client.update_item,
        TableName=settings.webhooks_table,
        Key=dynamo.wire(keys.webhook_event(webhook_event_id)),
        UpdateExpression="REMOVE due_shard, due_key",
        ConditionExpression=EXISTS,
    )


def webhook_event_item(event: WebhookEvent, now: datetime) -> Item:
    return {
        **keys.webhook_event(event.webhook_event_id),
        "webhook_event_id": event.webhook_event_id,
        "account": event.account,
        "type": event.type.value,
        "data": dict(event.data),
        "created_at": keys.instant(event.created_at),
        "expires_at": int((now + KEPT).timestamp()),
        **items.due_attributes(event.webhook_event_id, keys.due_key(PRIORITY, now)),
    }


def webhook_event_of(item: Mapping[str, Any]) -> WebhookEvent:
    return WebhookEvent(
        webhook_event_id=item["webhook_event_id"],
        account=item["account"],
        type=WebhookEventType(item["type"]),
        data={name: _json(value) for name, value in item["data"].items()},
        created_at=items.moment(item["created_at"]),
    )


def _json(value: Any) -> Any:
    """A value as JSON has it: numbers come from DynamoDB as ``Decimal``, and are all whole."""
    return value if isinstance(value, (str, bool, type(None))) else int(value)
