"""Effects of webhooks: the events in the outbox, their deliveries, and the request to a webhook. All instants are UTC.

Writes to a delivery, and to what an account has in flight, are conditional on the ``fence`` that was read, and raise
it by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..model import frozen
from ..webhooks.events import Delivery, Webhook, WebhookEvent
from ..webhooks.in_flight import InFlight
from .base import Effect


@frozen
class WebhookHint:
    """A queue message: the delivery of an event to ``webhook_id`` to attempt; or an event of ``account`` to distribute.

    The other of the two is empty.
    """

    webhook_event_id: str
    webhook_id: str = ""
    account: str = ""


@frozen
class ReadWebhookEvent(Effect):
    """Read one webhook event. Answer: ``WebhookEvent``, or ``None`` if it is not kept any more."""

    account: str
    webhook_event_id: str


@frozen
class ReadWebhookContent(Effect):
    """Read what a webhook event says in full. Answer: a JSON object; empty if it was erased, or was never stored."""

    webhook_event: WebhookEvent


@frozen
class ReadWebhooks(Effect):
    """Read an account's webhooks. Answer: tuple of ``Webhook``."""

    account: str


@frozen
class ReadWebhook(Effect):
    """Read one webhook. Answer: ``Webhook``, or ``None`` if it was removed."""

    account: str
    webhook_id: str


@frozen
class ReadDelivery(Effect):
    """Read one delivery. Answer: ``Delivery``, or ``None`` if there is none."""

    webhook_id: str
    webhook_event_id: str


@frozen
class AddDelivery(Effect):
    """Store a new delivery, unless the webhook has one of this event already. Answer: ``None``."""

    delivery: Delivery


@frozen
class EndDistribution(Effect):
    """Each webhook that wants the event has its own delivery: the event itself is not due any more.

    Answer: ``None``.
    """

    account: str
    webhook_event_id: str


@frozen
class RecordDelivery(Effect):
    """Write a delivery. Condition: its fence is the one that was read. Answer: ``bool``, whether it was written."""

    delivery: Delivery


@frozen
class ReadInFlight(Effect):
    """Read which requests an account has in flight, and which hosts did not answer. Answer: ``InFlight``."""

    account: str


@frozen
class RecordInFlight(Effect):
    """Write it. Condition: its fence is the one that was read. Answer: ``bool``, whether it was written."""

    in_flight: InFlight


@frozen
class PostWebhook(Effect):
    """Post the event once, signed at ``at``, to the webhook, with the ``content`` that it says in full, if it is to.

    Answer: ``webhooks.http.Answer``.
    """

    webhook: Webhook
    webhook_event: WebhookEvent
    content: Mapping[str, Any]
    at: datetime
