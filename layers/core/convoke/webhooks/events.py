"""Webhook events and their deliveries: the types, the JSON that is posted, its signature, and the retries.

A webhook event is stored in the same transaction as the change that it reports, so none is lost. Each webhook that
subscribes to its type receives it at least once, always under the same id. It contains ids and states; names and
addresses only for a webhook whose payload is full, and only as long as the person is not erased. All instants are UTC.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ..model import frozen


class WebhookEventType(StrEnum):
    """The types of webhook events that a webhook can subscribe to."""

    EVENT_CREATED = "event.created"
    EVENT_CHANGED = "event.changed"
    EVENT_CANCELLED = "event.cancelled"
    PARTICIPATION_CHANGED = "participation.changed"
    REGISTRATION_CREATED = "registration.created"
    REGISTRATION_CHANGED = "registration.changed"
    REGISTRATION_CANCELLED = "registration.cancelled"
    REGISTRATION_DECLINED = "registration.declined"
    REGISTRATION_PENDING = "registration.pending"
    REGISTRATION_ACCEPTED = "registration.accepted"
    REGISTRATION_WAITLISTED = "registration.waitlisted"
    REGISTRATION_PROMOTED = "registration.promoted"
    INVITATION_DELIVERED = "invitation.delivered"
    INVITATION_BOUNCED = "invitation.bounced"
    INVITATION_COMPLAINED = "invitation.complained"
    INVITATION_FAILED = "invitation.failed"
    NOTIFICATION_BOUNCED = "notification.bounced"
    NOTIFICATION_COMPLAINED = "notification.complained"
    NOTIFICATION_FAILED = "notification.failed"
    SOURCE_PROBLEM = "source.problem"
    TEST = "webhook.test"


class WebhookPayload(StrEnum):
    """What a webhook is posted: ids and states, or the whole event or registration, too."""

    IDS = "ids"
    FULL = "full"


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
    """A URL to which an account has the webhook events of the types ``events`` posted.

    ``secret`` is the key of the signatures. After a rotation the ``previous_secret`` signs, too, until
    ``previous_until``.
    """

    webhook_id: str
    account: str
    url: str
    events: tuple[WebhookEventType, ...]
    secret: str
    created_at: datetime
    payload: WebhookPayload = WebhookPayload.IDS
    previous_secret: str = ""
    previous_until: datetime | None = None

    def secrets(self, at: datetime) -> tuple[str, ...]:
        """The secrets that sign at ``at`` (UTC), the newest first."""
        overlaps = self.previous_until is not None and at < self.previous_until
        return (self.secret, self.previous_secret) if overlaps else (self.secret,)

    def wants(self, event: WebhookEvent) -> bool:
        """Whether the event is posted to this webhook: a test event to the one that it tests only."""
        if event.type is WebhookEventType.TEST:
            return bool(event.data["webhook_id"] == self.webhook_id)
        return event.type in self.events


@frozen
class Delivery:
    """The delivery of one webhook event to one webhook.

    ``attempts`` counts the attempts that were begun, the last of them at ``tried_at``; of ``unknown`` of them the
    outcome is not known, since their worker died. ``status`` is the last one's HTTP status, 0 without a response, and
    ``why`` says what was wrong, empty if nothing was. No attempt is made before ``next_at``, nor while another worker
    holds the delivery, until ``lease_until``. ``due_key`` (``<priority>#<instant>``) is from when on the sweep queues a
    hint; ``None`` when nothing is due. ``fence`` is the version, by which every write is conditional.
    """

    webhook_id: str
    account: str
    webhook_event_id: str
    type: WebhookEventType
    created_at: datetime
    redelivered_at: datetime | None = None
    state: WebhookDeliveryState = WebhookDeliveryState.PENDING
    fence: int = 0
    attempts: int = 0
    unknown: int = 0
    status: int = 0
    why: str = ""
    tried_at: datetime | None = None
    next_at: datetime | None = None
    lease_until: datetime | None = None
    due_key: str | None = None

    @property
    def begun_at(self) -> datetime:
        """Since when it is tried: since the event, or since it was asked to be delivered again."""
        return self.redelivered_at or self.created_at

    def again(self, now: datetime, due_key: str) -> Delivery:
        """The delivery from its beginning, asked for at ``now`` (UTC)."""
        return replace(
            self, state=WebhookDeliveryState.PENDING, attempts=0, unknown=0, redelivered_at=now, due_key=due_key
        )


def new_delivery(event: WebhookEvent, webhook: Webhook, due_key: str) -> Delivery:
    """The delivery of ``event`` to ``webhook``, before its first attempt."""
    return Delivery(
        webhook_id=webhook.webhook_id,
        account=webhook.account,
        webhook_event_id=event.webhook_event_id,
        type=event.type,
        created_at=event.created_at,
        due_key=due_key,
    )


PRIORITY = 1
"""The priority in the due keys of webhook events and deliveries; all have the same."""

RETRIES = (
    *(timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15)),
    *(timedelta(hours=1), timedelta(hours=3), timedelta(hours=6), timedelta(hours=12)),
)
"""The wait after each failed attempt: nine attempts in somewhat less than a day."""

SIGNATURE_HEADER = "Convoke-Signature"


def body(webhook_event: WebhookEvent, content: Mapping[str, Any]) -> bytes:
    """The JSON that is posted, with ``content`` beside the ids in its data: the same bytes at each attempt, unless a
    person whom it describes was erased meanwhile.
    """
    payload = {
        "id": webhook_event.webhook_event_id,
        "type": webhook_event.type.value,
        "created_at": webhook_event.created_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "data": {**webhook_event.data, **content},
    }
    return json.dumps(payload, separators=(",", ":"), sort_keys=True).encode()


def signature(secrets: Iterable[str], body: bytes, at: datetime) -> str:
    """The value of the signature header: ``t=<Unix time>``, and for each secret ``v1=<hex HMAC-SHA256 of "<Unix
    time>.<body>">``, separated by commas.

    It proves who posted ``body``, and by its time that it is not an old request sent again.
    """
    timestamp = int(at.timestamp())
    signed = f"{timestamp}.".encode() + body
    digests = (hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join([f"t={timestamp}", *(f"v1={digest}" for digest in digests)])


def request(
    webhook: Webhook, event: WebhookEvent, content: Mapping[str, Any], at: datetime
) -> tuple[bytes, dict[str, str]]:
    """The body and the headers of the request that posts ``event``, signed at ``at``, to ``webhook``."""
    payload = body(event, content)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Convoke",
        SIGNATURE_HEADER: signature(webhook.secrets(at), payload, at),
    }
    return payload, headers
