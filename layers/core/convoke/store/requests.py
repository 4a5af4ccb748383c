"""What was answered to a request with an Idempotency-Key, for a day.

The record goes into the same transaction as the write that was asked for: one kept beside the write would let it happen
twice when the function dies between the two.
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
    """One repeatable request: whose, by which method and path, under which key, with which body (its digest)."""

    account: str
    route: str
    key: str
    body: str


@frozen
class Answered:
    """What a request led to."""

    status: int
    event_id: str
    registration_id: str
    date: str
    webhook_id: str
    body: str


def digest(body: object) -> str:
    """Of a JSON value, however it was spelled."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def find(client: Any, table: str, request: Request, now: datetime) -> Answered | None:
    """What this key led to within the last day. DynamoDB removes what has expired only hours later."""
    item = dynamo.get(client, table, keys.request(request.account, request.route, request.key))
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


# No request of the last day had this key: none ever, or one whose record has expired.
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
    """The action, by its name, that goes into the transaction of what was asked for."""
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
    """Record a request that was granted without a write. Raises :class:`writes.Repeated`."""
    if recorded:
        attempt(client, recorded)
