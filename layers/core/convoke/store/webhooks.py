"""An account's webhooks: at most :data:`MAX_WEBHOOKS`, each with its own signing secret, which the API shows once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import ConvokeError
from ..settings import Settings
from ..webhooks.events import Webhook, WebhookEventType
from . import dynamo, items, keys
from .items import Item
from .writes import (
    EXISTS,
    NEW,
    NOTHING_ELSE,
    Action,
    attempt,
    delete,
    put,
    update,
)

MAX_WEBHOOKS = 10
"""How many webhooks an account may have."""

# The account has fewer webhooks than it may have.
FEWER_THAN_MAX = "attribute_not_exists(#count) OR #count < :most"


class TooManyWebhooks(ConvokeError):
    """The account already has :data:`MAX_WEBHOOKS` webhooks."""


def create(client: Any, settings: Settings, webhook: Webhook, *, also: Mapping[str, Action] = NOTHING_ELSE) -> None:
    """Store a new webhook, with the actions ``also``. Raises :class:`TooManyWebhooks`."""
    count = update(
        settings.webhooks_table,
        keys.webhooks(webhook.account),
        "ADD #count :one",
        FEWER_THAN_MAX,
        one=1,
        most=MAX_WEBHOOKS,
    )
    new = put(settings.webhooks_table, webhook_item(webhook), NEW)
    if attempt(client, {"count": count, "webhook": new, **also}):
        raise TooManyWebhooks(webhook.account)


def remove(client: Any, settings: Settings, account: str, webhook_id: str) -> bool:
    """Delete a webhook and its secret; its pending deliveries end. False: the account has no such webhook."""
    count = update(settings.webhooks_table, keys.webhooks(account), "ADD #count :less", less=-1)
    gone = delete(settings.webhooks_table, keys.webhook(account, webhook_id), EXISTS)
    return not attempt(client, {"count": count, "webhook": gone})


def read(client: Any, settings: Settings, account: str, webhook_id: str) -> Webhook | None:
    item = dynamo.get(client, settings.webhooks_table, keys.webhook(account, webhook_id))
    return webhook_of(item) if item else None


def list_webhooks(client: Any, settings: Settings, account: str) -> tuple[Webhook, ...]:
    """The account's webhooks, in the order of their ids, strongly consistent."""
    rows = dynamo.pages(
        client.query,
        TableName=settings.webhooks_table,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :webhooks)",
        ExpressionAttributeValues=dynamo.wire({":pk": keys.webhooks(account)["pk"], ":webhooks": keys.WEBHOOK_PREFIX}),
        ConsistentRead=True,
    )
    return tuple(map(webhook_of, rows))


def subscribed_types(client: Any, settings: Settings, account: str) -> frozenset[WebhookEventType]:
    """The event types that at least one of the account's webhooks subscribes to, strongly consistent.

    Reads no other attribute: most functions, such as that for incoming mail, have no permission to read the secrets.
    """
    rows = dynamo.pages(
        client.query,
        TableName=settings.webhooks_table,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :webhooks)",
        ExpressionAttributeNames={"#events": "events"},
        ExpressionAttributeValues=dynamo.wire({":pk": keys.webhooks(account)["pk"], ":webhooks": keys.WEBHOOK_PREFIX}),
        ProjectionExpression="#events",
        Select="SPECIFIC_ATTRIBUTES",
        ConsistentRead=True,
    )
    return frozenset(WebhookEventType(event) for row in rows for event in row["events"])


def webhook_item(webhook: Webhook) -> Item:
    return {
        **keys.webhook(webhook.account, webhook.webhook_id),
        "webhook_id": webhook.webhook_id,
        "account": webhook.account,
        "url": webhook.url,
        "events": [event.value for event in webhook.events],
        "secret": webhook.secret,
        "created_at": keys.instant(webhook.created_at),
    }


def webhook_of(item: Mapping[str, Any]) -> Webhook:
    return Webhook(
        webhook_id=item["webhook_id"],
        account=item["account"],
        url=item["url"],
        events=tuple(map(WebhookEventType, item["events"])),
        secret=item["secret"],
        created_at=items.moment(item["created_at"]),
    )
