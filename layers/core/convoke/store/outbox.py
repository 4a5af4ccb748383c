"""The outbox: webhook events, written in the transaction of the change that they tell of."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cattrs.gen import override

from ..model import Registration
from ..webhooks.events import WebhookEvent, WebhookEventType
from . import codec, conditions, keys
from .dynamo import Item
from .repository import Repository
from .webhooks import Webhooks
from .writes import DUE, Action, put, update

KEPT = timedelta(days=30)
"""How long a webhook event and its deliveries are kept."""
PRIORITY = 1
"""The priority in the due keys of webhook events and deliveries; all have the same."""


class Outbox(Repository):
    def event_actions(
        self, account: str, what: WebhookEventType, data: Mapping[str, Any], now: datetime
    ) -> dict[str, Action]:
        """The action, by its name, that adds a webhook event to a transaction; none where no webhook subscribes to
        ``what``.

        ``data`` is JSON of ids and states, without names and addresses. One transaction takes at most one event of a
        type.
        """
        if not account or what not in Webhooks(self.client, self.settings).subscribed_types(account):
            return {}
        event = new_event(account, what, data, now)
        return {f"webhook event {what}": put(self._hooks, webhook_event_item(event, due_at=now))}

    def read(self, webhook_event_id: str) -> WebhookEvent | None:
        return self._get(WebhookEvent, self._hooks, keys.webhook_event(webhook_event_id))

    def mark_distributed(self, webhook_event_id: str) -> None:
        """Record that each subscribed webhook has its own delivery of the event: the event itself is not due any
        more.
        """
        self._write(update(self._hooks, keys.webhook_event(webhook_event_id), {}, conditions.EXISTS, remove=DUE))


def new_event(account: str, what: WebhookEventType, data: Mapping[str, Any], now: datetime) -> WebhookEvent:
    """A webhook event under a new id, which begins with the time."""
    webhook_event_id = keys.registration_id(now, secrets.token_bytes(16))
    return WebhookEvent(webhook_event_id=webhook_event_id, account=account, type=what, data=data, created_at=now)


def registration_data(person: Registration) -> dict[str, Any]:
    """What a webhook event about a registration contains: ids, status and version."""
    return {
        "event_id": person.event_id,
        "registration_id": person.registration_id,
        "status": person.status.value,
        "version": person.version,
    }


def webhook_event_item(event: WebhookEvent, *, due_at: datetime | None) -> Item:
    """The item of an event, to be distributed from ``due_at`` (UTC) on; ``None``: it is not to be distributed."""
    due = codec.due_attributes(event.webhook_event_id, None if due_at is None else keys.due_key(PRIORITY, due_at))
    expires_at = codec.epoch(event.created_at + KEPT)
    return codec.item(event, keys.webhook_event(event.webhook_event_id), expires_at=expires_at, **due)


def _json(value: Any) -> Any:
    """A value as JSON has it: numbers come from DynamoDB as ``Decimal``, and are all whole."""
    return value if isinstance(value, (str, bool, type(None))) else int(value)


codec.record(
    WebhookEvent,
    data=override(unstruct_hook=dict, struct_hook=lambda data, _: {name: _json(value) for name, value in data.items()}),
)
