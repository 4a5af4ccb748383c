"""Deliveries of webhook events: one item for each event and webhook, which is kept after its end to be listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ..effects import WebhookHint
from ..model import ConvokeError
from ..webhooks.events import PRIORITY, Delivery, Webhook, WebhookDeliveryState, WebhookEvent, new_delivery
from ..webhooks.in_flight import InFlight
from . import codec, conditions, dynamo, keys
from .outbox import KEPT, webhook_event_item
from .repository import Page, Repository
from .writes import NOTHING_ELSE, Action, mark, put, update

codec.record(Delivery)
codec.record(InFlight)

TESTS_A_MINUTE = 10
"""How many test events an account may have posted in a minute."""
COUNTED = timedelta(hours=1)
"""How long their count is kept."""

UPON_RECORDING = conditions.FENCE_UNCHANGED
UPON_RECORDING_IN_FLIGHT = conditions.NEW_OR_FENCE_UNCHANGED


class TooManyTests(ConvokeError):
    """The account had :data:`TESTS_A_MINUTE` test events posted in this minute already."""


class Deliveries(Repository):
    def read(self, webhook_id: str, webhook_event_id: str) -> Delivery | None:
        return self._get(Delivery, self._hooks, keys.delivery(webhook_id, webhook_event_id))

    def add(self, delivery: Delivery) -> None:
        """Store a new delivery, unless the webhook has one of this event already."""
        self._write(self._put(delivery, conditions.NEW))

    def create_test(
        self, webhook: Webhook, event: WebhookEvent, now: datetime, *, also: Mapping[str, Action] = NOTHING_ELSE
    ) -> None:
        """Store a new test event together with its delivery to this webhook alone, and the actions ``also``.

        Both are due: the stream's record of the event brings the first attempt within seconds. Raises
        :class:`TooManyTests`.
        """
        delivery = new_delivery(event, webhook, keys.due_key(PRIORITY, now + self.settings.times.hint))
        expires_at = codec.epoch(now + COUNTED)
        count = update(
            self._hooks,
            keys.test_count(webhook.account, now),
            {"expires_at": expires_at},
            conditions.BELOW_MAXIMUM,
            add={"count": 1},
            most=TESTS_A_MINUTE,
        )
        new = put(self._hooks, webhook_event_item(event, due_at=now), conditions.NEW)
        if self._attempt({"event": new, "delivery": self._put(delivery, conditions.NEW), "count": count, **also}):
            raise TooManyTests(webhook.account)

    def record(self, delivery: Delivery) -> bool:
        """Write the delivery and raise its fence. False: another worker wrote to it since it was read."""
        mine = mark()
        return self._write_own(self._record_action(delivery, mine), mine)

    def deliver_again(self, dead: Delivery, now: datetime, *, also: Mapping[str, Action] = NOTHING_ELSE) -> bool:
        """Make a dead delivery pending again, due now, with the actions ``also``. False: somebody wrote to it
        meanwhile.
        """
        again = dead.again(now, keys.due_key(PRIORITY, now))
        return not self._attempt({"delivery": self._record_action(again, {}), **also})

    def _record_action(self, delivery: Delivery, more: Mapping[str, Any]) -> Action:
        raised = replace(delivery, fence=delivery.fence + 1)
        return self._put(raised, UPON_RECORDING, more, fence=delivery.fence)

    def _put(self, delivery: Delivery, condition: str, more: Mapping[str, Any] = {}, **values: Any) -> Action:
        due = codec.due_attributes(delivery.webhook_event_id, delivery.due_key)
        key = keys.delivery(delivery.webhook_id, delivery.webhook_event_id)
        expires_at = codec.epoch(delivery.begun_at + KEPT)
        return put(self._hooks, codec.item(delivery, key, expires_at=expires_at, **due, **more), condition, **values)

    def due(self, now: datetime, limit: int) -> Iterator[WebhookHint]:
        """Up to ``limit`` hints at events and deliveries that are due by ``now``; the due key of each is postponed by
        the time that a hint has to be processed.
        """
        left, later = limit, {"due_key": keys.due_key(PRIORITY, now + self.settings.times.hint)}
        for shard in keys.SHARDS:
            if left <= 0:
                return
            span = ("due_key", f"{PRIORITY}#", keys.due_key(PRIORITY, now))
            query = dynamo.of_index(self._hooks, keys.DUE_INDEX, ("due_shard", shard), span, Limit=left)
            answer = self.client.query(**query)
            for row in map(dynamo.unwire, answer["Items"]):
                key, seen = {"pk": row["pk"], "sk": row["sk"]}, row["due_key"]
                if self._write(update(self._hooks, key, later, conditions.DUE_KEY_UNCHANGED, due_key=seen)):
                    left -= 1
                    yield hint_of(row)

    def list_deliveries(
        self, webhook_id: str, *, limit: int, cursor: str | None = None, state: WebhookDeliveryState | None = None
    ) -> Page:
        """A page of a webhook's deliveries, the latest first, optionally of one ``state``."""
        return self._list(
            Delivery,
            self._hooks,
            keys.delivery(webhook_id, ""),
            identity=f"deliveries of {webhook_id}, {state or 'all'}",
            pattern=r"[0-9a-z]+",
            limit=limit,
            cursor=cursor,
            where={"state": state and state.value},
            ScanIndexForward=False,
        )


def hint_of(key: Mapping[str, str]) -> WebhookHint:
    """The hint at the webhook event, or at the delivery, with this key."""
    account = key["pk"].removeprefix(keys.WEBHOOK_EVENTS_PREFIX)
    if account != key["pk"]:
        return WebhookHint(webhook_event_id=key["sk"].removeprefix(keys.WEBHOOK_EVENT_PREFIX), account=account)
    return WebhookHint(
        webhook_event_id=key["sk"].removeprefix(keys.DELIVERY_PREFIX),
        webhook_id=key["pk"].removeprefix(keys.WEBHOOK_PREFIX),
    )


class RequestsInFlight(Repository):
    """What an account's webhooks have in flight: one item for each account."""

    def read(self, account: str) -> InFlight:
        return self._get(InFlight, self._hooks, keys.in_flight(account)) or InFlight(account=account)

    def record(self, in_flight: InFlight) -> bool:
        """Write it and raise its fence. False: another worker wrote to it since it was read."""
        raised, mine = replace(in_flight, fence=in_flight.fence + 1), mark()
        item = codec.item(raised, keys.in_flight(in_flight.account), **mine)
        return self._write_own(put(self._hooks, item, UPON_RECORDING_IN_FLIGHT, fence=in_flight.fence), mine)
