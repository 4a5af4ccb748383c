"""The outbox: facts that an account's webhooks are to be told, written in the transaction of what they are about."""

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
from .writes import STANDS, Action, put

KEPT = timedelta(days=30)
"""For how long facts, and what became of them, can be looked up."""
PRIORITY = 1


def telling(
    client: Any, settings: Settings, account: str, what: WebhookEventType, data: Mapping[str, Any], now: datetime
) -> dict[str, Action]:
    """The action, by its name, that goes into the transaction of what happened; none where no webhook listens.

    ``data`` is JSON of ids and states: no names, no addresses. A transaction takes one fact of a type.
    """
    if not account or what not in webhooks.listened_to(client, settings, account):
        return {}
    fact = new(account, what, data, now)
    return {f"fact {what}": put(settings.webhooks_table, webhook_event_item(fact, now))}


def new(account: str, what: WebhookEventType, data: Mapping[str, Any], now: datetime) -> WebhookEvent:
    """A fact under an id of its own, which begins with the time."""
    return WebhookEvent(
        fact_id=keys.registration_id(now, secrets.token_bytes(16)),
        account=account,
        type=what,
        data=data,
        created_at=now,
    )


def about(person: Registration) -> dict[str, Any]:
    """What a fact says of a registration."""
    return {
        "event_id": person.event_id,
        "registration_id": person.registration_id,
        "status": person.status.value,
        "version": person.version,
    }


def read_webhook_event(client: Any, settings: Settings, fact_id: str) -> WebhookEvent | None:
    item = dynamo.get(client, settings.webhooks_table, keys.fact(fact_id))
    return webhook_event_of(item) if item else None


def share(client: Any, settings: Settings, fact_id: str) -> None:
    """Every webhook that listens is owed the fact by a delivery of its own: the fact itself is not owed any more."""
    dynamo.conditionally(
        client.update_item,
        TableName=settings.webhooks_table,
        Key=dynamo.wire(keys.fact(fact_id)),
        UpdateExpression="REMOVE due_shard, due_key",
        ConditionExpression=STANDS,
    )


def webhook_event_item(fact: WebhookEvent, now: datetime) -> Item:
    return {
        **keys.fact(fact.fact_id),
        "fact_id": fact.fact_id,
        "account": fact.account,
        "type": fact.type.value,
        "data": dict(fact.data),
        "created_at": keys.instant(fact.created_at),
        "expires_at": int((now + KEPT).timestamp()),
        **items.due_attributes(fact.fact_id, keys.owed(PRIORITY, now)),
    }


def webhook_event_of(item: Mapping[str, Any]) -> WebhookEvent:
    return WebhookEvent(
        fact_id=item["fact_id"],
        account=item["account"],
        type=WebhookEventType(item["type"]),
        data={name: _json(value) for name, value in item["data"].items()},
        created_at=items.moment(item["created_at"]),
    )


def _json(value: Any) -> Any:
    """A number as JSON writes it: DynamoDB's are decimals, and ours are whole."""
    return value if isinstance(value, (str, bool, type(None))) else int(value)
