"""Webhook events and their deliveries: the types, the JSON that is posted, its signature, and the retries.

A webhook event is stored in the same transaction as the change that it reports, so none is lost. Each webhook that
subscribes to its type receives it at least once, always under the same id. It contains ids and states, but no names and
no addresses. All instants are UTC.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ..model import frozen


class WebhookEventType(StrEnum):
    """The types of webhook events that a webhook can subscribe to."""

    PARTICIPATION_CHANGED = "participation.changed"
    REGISTRATION_CREATED = "registration.created"
    REGISTRATION_CHANGED = "registration.changed"
    REGISTRATION_CANCELLED = "registration.cancelled"
    REGISTRATION_DECLINED = "registration.declined"
    REGISTRATION_PROMOTED = "registration.promoted"
    INVITATION_BOUNCED = "invitation.bounced"
    INVITATION_COMPLAINED = "invitation.complained"
    INVITATION_FAILED = "invitation.failed"
    TEST = "webhook.test"


class WebhookDeliveryState(StrEnum):
    """The state of a delivery: another attempt is due, the webhook accepted it, or all attempts failed."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@frozen
class WebhookEvent:
    """Something that happened at ``created_at`` to an event or registration of ``account``.

    ``webhook_event_id`` is its id; ``data`` is a JSON object of ids and states.
    """

    webhook_event_id: str
    account: str
    type: WebhookEventType
    data: Mapping[str, Any]
    created_at: datetime


@frozen
class Webhook:
    """A URL to which an account has the webhook events of the types ``events`` posted. ``secret`` is the key of the
    signatures.
    """

    webhook_id: str
    account: str
    url: str
    events: tuple[WebhookEventType, ...]
    secret: str
    created_at: datetime


@frozen
class Delivery:
    """The delivery of one webhook event to one webhook.

    ``attempts`` counts the attempts that were begun, the last of them at ``tried_at``; ``status`` is its HTTP status, 0
    without a response, and ``why`` says what was wrong, empty if nothing was. No attempt is made before ``next_at``,
    nor while another worker holds the delivery, until ``lease_until``. ``due_key`` (``<priority>#<instant>``) is from
    when on the sweep queues a hint; ``None`` when nothing is due.
    """

    webhook_id: str
    account: str
    webhook_event_id: str
    type: WebhookEventType
    created_at: datetime
    state: WebhookDeliveryState = WebhookDeliveryState.PENDING
    attempts: int = 0
    status: int = 0
    why: str = ""
    tried_at: datetime | None = None
    next_at: datetime | None = None
    lease_until: datetime | None = None
    due_key: str | None = None


RETRIES = (
    *(timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15)),
    *(timedelta(hours=1), timedelta(hours=3), timedelta(hours=6), timedelta(hours=12)),
)
"""The wait after each failed attempt: nine attempts in somewhat less than a day."""

SIGNATURE_HEADER = "Convoke-Signature"


def retry_delay(attempts: int) -> timedelta | None:
    """How long to wait after ``attempts`` failed attempts (at least 1), or ``None`` if there are no more."""
    return RETRIES[attempts - 1] if attempts <= len(RETRIES) else None


def body(webhook_event: WebhookEvent) -> bytes:
    """The JSON that is posted, the same bytes at each attempt."""
    payload = {
        "id": webhook_event.webhook_event_id,
        "type": webhook_event.type.value,
        "created_at": webhook_event.created_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "data": dict(webhook_event.data),
    }
    return json.dumps(payload, separators=(",", ":"), sort_keys=True).encode()


def signature(secret: str, body: bytes, at: datetime) -> str:
    """The value of the signature header: ``t=<Unix time>,v1=<hex HMAC-SHA256 of "<Unix time>.<body>">``.

    It proves who posted ``body``, and by its time that it is not an old request sent again.
    """
    timestamp = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"
