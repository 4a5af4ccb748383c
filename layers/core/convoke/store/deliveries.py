"""Deliveries of webhook events: one item for each event and webhook, which is kept after its end to be listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ..webhooks.events import Delivery, Webhook, WebhookDeliveryState, WebhookEvent
from . import codec, conditions, dynamo, keys
from .outbox import KEPT, PRIORITY, webhook_event_item
from .repository import Page, Repository, decode_cursor, page
from .writes import NOTHING_ELSE, Action, put, update

codec.record(Delivery)


class Deliveries(Repository):
    def read(self, webhook_id: str, webhook_event_id: str) -> Delivery | None:
        return self._get(Delivery, self._hooks, keys.delivery(webhook_id, webhook_event_id))

    def create(self, event: WebhookEvent, webhook: Webhook, due_at: datetime) -> None:
        """Store a pending delivery of ``event`` to ``webhook``, due at ``due_at`` (UTC), unless there is one."""
        self._write(self._put(_new_delivery(event, webhook, due_at), conditions.NEW))

    def create_test(
        self, webhook: Webhook, event: WebhookEvent, now: datetime, *, also: Mapping[str, Action] = NOTHING_ELSE
    ) -> None:
        """Store a new webhook event together with its delivery to this webhook alone, and the actions ``also``."""
        # It is not due, so that it is not distributed to the account's other webhooks.
        new = put(self._hooks, webhook_event_item(event, due_at=None), conditions.NEW)
        delivery = self._put(_new_delivery(event, webhook, now), conditions.NEW)
        self._attempt({"event": new, "delivery": delivery, **also})

    def replace_pending(self, seen: Delivery, now: Delivery) -> bool:
        """Replace the delivery ``seen`` by ``now``. False: another attempt has begun, or the delivery has ended."""
        pending = WebhookDeliveryState.PENDING.value
        return self._write(self._put(now, conditions.ATTEMPT_UNCHANGED, attempts=seen.attempts, pending=pending))

    def _put(self, delivery: Delivery, condition: str, **values: Any) -> Action:
        due = codec.due_attributes(delivery.webhook_event_id, delivery.due_key)
        key, expires_at = (
            keys.delivery(delivery.webhook_id, delivery.webhook_event_id),
            codec.epoch(delivery.created_at + KEPT),
        )
        return put(self._hooks, codec.item(delivery, key, expires_at=expires_at, **due), condition, **values)

    def due(self, now: datetime, limit: int) -> Iterator[dict[str, str]]:
        """Up to ``limit`` hints at events and deliveries that are due by ``now``; the due key of each is postponed by
        the time that a hint has to be processed.
        """
        left, later = limit, {"due_key": keys.due_key(PRIORITY, now + self.settings.times.hint)}
        for shard in keys.SHARDS:
            if left <= 0:
                return
            answer = self.client.query(
                TableName=self._hooks,
                IndexName=keys.DUE_INDEX,
                KeyConditionExpression="due_shard = :shard AND due_key <= :now",
                ExpressionAttributeValues=dynamo.wire({":shard": shard, ":now": keys.due_key(PRIORITY, now)}),
                Limit=left,
            )
            for row in map(dynamo.unwire, answer["Items"]):
                key, seen = {"pk": row["pk"], "sk": row["sk"]}, row["due_key"]
                if self._write(update(self._hooks, key, later, conditions.DUE_KEY_UNCHANGED, due_key=seen)):
                    left -= 1
                    yield hint_of(row)

    def list_deliveries(
        self, webhook_id: str, *, limit: int, cursor: str | None = None, state: WebhookDeliveryState | None = None
    ) -> Page:
        """A page of a webhook's deliveries, the latest first, optionally of one ``state``."""
        identity = f"deliveries of {webhook_id}, {state or 'all'}"
        query = dynamo.starting_with(self._hooks, keys.delivery(webhook_id, ""), ScanIndexForward=False)
        if cursor is not None:
            position = decode_cursor(identity, cursor, r"[0-9a-z]+")
            query["ExclusiveStartKey"] = dynamo.wire(keys.delivery(webhook_id, position))
        if state is not None:
            query |= {"FilterExpression": "#state = :state", "ExpressionAttributeNames": {"#state": "state"}}
            query["ExpressionAttributeValues"] |= dynamo.wire({":state": state.value})
        else:
            query["Limit"] = limit + 1
        found = (codec.read(Delivery, item) for item in dynamo.pages(self.client.query, **query))
        return page(found, limit, identity, lambda delivery: delivery.webhook_event_id)


def _new_delivery(event: WebhookEvent, webhook: Webhook, due_at: datetime) -> Delivery:
    return Delivery(
        webhook_id=webhook.webhook_id,
        account=webhook.account,
        webhook_event_id=event.webhook_event_id,
        type=event.type,
        created_at=event.created_at,
        due_key=keys.due_key(PRIORITY, due_at),
    )


def hint_of(key: Mapping[str, str]) -> dict[str, str]:
    """The content of the queue message for the webhook event, or for the delivery, with this key."""
    webhook_event_id = key["pk"].removeprefix(keys.WEBHOOK_EVENT_PREFIX)
    if webhook_event_id != key["pk"]:
        return {"webhook_event": webhook_event_id}
    return {
        "webhook_event": key["sk"].removeprefix(keys.DELIVERY_PREFIX),
        "webhook": key["pk"].removeprefix(keys.WEBHOOK_PREFIX),
    }
