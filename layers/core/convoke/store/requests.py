"""Records of requests with an Idempotency-Key, and what each led to, kept for a day.

The record is written in the transaction of the requested change: written separately, a function that stops between the
two would let the change happen twice.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from ..model import frozen
from . import dynamo, keys
from .writes import NEW, REQUEST, Action, attempt, put

KEPT = timedelta(hours=24)


@frozen
class Request:
    """A request with an Idempotency-Key: the account, ``"<method> <path>"``, the key, and the digest of the body."""

    account: str
    route: str
    key: str
    body: str


@frozen
class Answered:
    """The result of a request: the HTTP status, what it created or changed, and the digest of its body."""

    status: int
    event_id: str
    registration_id: str
    date: str
    webhook_id: str
    body: str


def digest(body: object) -> str:
    """The SHA-256 of a JSON value, independent of white space and the order of names."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def find(client: Any, table: str, request: Request, now: datetime) -> Answered | None:
    """The result of the request with this key, if it was within the last day."""
    item = dynamo.get(client, table, keys.request(request.account, request.route, request.key))
    # DynamoDB deletes an expired item only hours later.
    if item is None or int(item["expires_at"]) <= now.timestamp():
        return None
    return Answered(
        status=int(item["status"]),
        event_id=item["event_id"],
        registration_id=item["registration_id"],
        date=item.get("date", ""),
        webhook_id=item.get("webhook_id", ""),
        body=item["body"],
    )


# No request of the last day had this key: there is no record, or it has expired.
UNUSED = f"{NEW} OR #expires_at <= :now"


def record(
    table: str,
    request: Request,
    *,
    status: int,
    event_id: str = "",
    registration_id: str = "",
    date: str = "",
    webhook_id: str = "",
    now: datetime,
) -> dict[str, Action]:
    """The action, by its name, that records a request, for the transaction of the requested change."""
    item = {
        **keys.request(request.account, request.route, request.key),
        "status": status,
        "event_id": event_id,
        "registration_id": registration_id,
        "date": date,
        "webhook_id": webhook_id,
        "body": request.body,
        "expires_at": int((now + KEPT).timestamp()),
    }
    return {REQUEST: put(table, item, UNUSED, now=int(now.timestamp()))}


def keep(client: Any, recorded: dict[str, Action]) -> None:
    """Record a request that needed no other write. Raises :class:`writes.Repeated`."""
    if recorded:
        attempt(client, recorded)
