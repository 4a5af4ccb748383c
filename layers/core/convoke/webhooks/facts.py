"""Webhooks: what an account's own systems are told, how that is signed, and how often it is tried.

A fact is written down in the same transaction as what it is about, so none is lost; each webhook that listens gets it
at least once, under one id. It holds ids and states, no names and no addresses.
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
    """What there is to be told."""

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


class DeliveryEnd(StrEnum):
    """How far one fact is on its way to one webhook."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@frozen
class WebhookEvent:
    """Something that happened to what ``account`` owns, ``created_at`` in UTC. ``data`` is JSON: ids and states."""

    fact_id: str
    account: str
    type: WebhookEventType
    data: Mapping[str, Any]
    created_at: datetime


@frozen
class Webhook:
    """Where an account wants to be told of what; ``secret`` is what its signatures are made with."""

    webhook_id: str
    account: str
    url: str
    events: tuple[WebhookEventType, ...]
    secret: str
    created_at: datetime


@frozen
class Delivery:
    """One fact on its way to one webhook. Times are UTC.

    ``attempts`` counts the tries that were begun; ``status`` is the HTTP status of the last one, 0 where there was
    none, ``why`` what was wrong with it. No try is made before ``next_at``; ``lease_until`` keeps two workers apart.
    ``due_key`` is when the sweeper looks after it.
    """

    webhook_id: str
    account: str
    fact_id: str
    type: WebhookEventType
    created_at: datetime
    state: DeliveryEnd = DeliveryEnd.PENDING
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
"""How long after each try that failed the next one comes: nine tries in somewhat less than a day."""

SIGNATURE = "Convoke-Signature"


def next_try(attempts: int) -> timedelta | None:
    """How long to wait after so many tries, or ``None`` where there is no other."""
    return RETRIES[attempts - 1] if attempts <= len(RETRIES) else None


def body(fact: WebhookEvent) -> bytes:
    """What is posted: the same bytes at each try."""
    payload = {
        "id": fact.fact_id,
        "type": fact.type.value,
        "created_at": fact.created_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "data": dict(fact.data),
    }
    return json.dumps(payload, separators=(",", ":"), sort_keys=True).encode()


def signature(secret: str, body: bytes, at: datetime) -> str:
    """The header that proves who posted ``body``, and that it is not an old one posted again."""
    moment = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"
