"""An account's webhooks: at most :data:`MAX_WEBHOOKS`, each with its own signing secret, which the API shows once."""

from __future__ import annotations

from collections.abc import Mapping

from ..model import ConvokeError, frozen
from ..webhooks.events import Webhook, WebhookEventType, WebhookPayload
from . import codec, conditions, dynamo, keys
from .repository import Repository
from .writes import NOTHING_ELSE, Action, delete, put, update

MAX_WEBHOOKS = 10
"""How many webhooks an account may have."""

codec.record(Webhook)


@frozen
class Subscriptions:
    """The ``types`` of webhook events that at least one webhook of an account subscribes to, and those of them that one
    wants in ``full``.
    """

    types: frozenset[WebhookEventType]
    full: frozenset[WebhookEventType]


class TooManyWebhooks(ConvokeError):
    """The account already has :data:`MAX_WEBHOOKS` webhooks."""


class Webhooks(Repository):
    def create(self, webhook: Webhook, *, also: Mapping[str, Action] = NOTHING_ELSE) -> None:
        """Store a new webhook, with the actions ``also``. Raises :class:`TooManyWebhooks`."""
        count = update(
            self._hooks,
            keys.webhooks(webhook.account),
            {},
            conditions.BELOW_MAXIMUM,
            add={"count": 1},
            most=MAX_WEBHOOKS,
        )
        item = codec.item(webhook, keys.webhook(webhook.account, webhook.webhook_id))
        if self._attempt({"count": count, "webhook": put(self._hooks, item, conditions.NEW), **also}):
            raise TooManyWebhooks(webhook.account)

    def replace(self, seen: Webhook, now: Webhook, *, also: Mapping[str, Action] = NOTHING_ELSE) -> bool:
        """Replace ``seen`` by ``now``, with the actions ``also``. False: somebody removed or changed it meanwhile."""
        item = codec.item(now, keys.webhook(now.account, now.webhook_id))
        was = {name: codec.value(getattr(seen, name)) for name in ("secret", "url", "events", "payload")}
        return not self._attempt({"webhook": put(self._hooks, item, conditions.WEBHOOK_UNCHANGED, **was), **also})

    def remove(self, account: str, webhook_id: str) -> bool:
        """Delete a webhook and its secret; its pending deliveries end. False: the account has no such webhook."""
        count = update(self._hooks, keys.webhooks(account), {}, add={"count": -1})
        gone = delete(self._hooks, keys.webhook(account, webhook_id), conditions.EXISTS)
        return not self._attempt({"count": count, "webhook": gone})

    def read(self, account: str, webhook_id: str) -> Webhook | None:
        return self._get(Webhook, self._hooks, keys.webhook(account, webhook_id))

    def list_webhooks(self, account: str) -> tuple[Webhook, ...]:
        """The account's webhooks, in the order of their ids, strongly consistent."""
        return tuple(self._all(Webhook, dynamo.starting_with(self._hooks, keys.webhook(account, ""))))

    def subscriptions(self, account: str) -> Subscriptions:
        """The event types that the account's webhooks subscribe to, strongly consistent.

        Reads no other attributes: most functions, such as that for incoming mail, have no permission to read the
        secrets.
        """
        query = dynamo.starting_with(
            self._hooks,
            keys.webhook(account, ""),
            ExpressionAttributeNames={"#events": "events", "#payload": "payload"},
            ProjectionExpression="#events, #payload",
            Select="SPECIFIC_ATTRIBUTES",
        )
        rows = list(self._rows(query))
        full = [row for row in rows if row.get("payload") == WebhookPayload.FULL]
        return Subscriptions(
            types=frozenset(WebhookEventType(event) for row in rows for event in row["events"]),
            full=frozenset(WebhookEventType(event) for row in full for event in row["events"]),
        )
