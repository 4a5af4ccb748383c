"""Records of requests with an Idempotency-Key, and what each led to, kept for a day.

The record is written in the transaction of the requested change: written separately, a function that stops between the
two would let the change happen twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from ..model import frozen
from . import codec, conditions, keys
from .repository import Repository
from .writes import REQUEST, Action, put

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
    event_id: str = ""
    registration_id: str = ""
    date: str = ""
    webhook_id: str = ""
    body: str


codec.record(Answered)


def digest(body: object) -> str:
    """The SHA-256 of a JSON value, independent of white space and the order of names."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


class Requests(Repository):
    def find(self, request: Request, now: datetime) -> Answered | None:
        """The result of the request with this key, if it was within the last day."""
        return self._get(Answered, self._accounts, _key(request), now=now)

    def record(self, request: Request, answered: Answered, now: datetime) -> dict[str, Action]:
        """The action, by its name, that records a request, for the transaction of the requested change."""
        item = codec.item(answered, _key(request), expires_at=codec.epoch(now + KEPT))
        return {REQUEST: put(self._accounts, item, conditions.UNUSED, now=codec.epoch(now))}

    def keep(self, recorded: Mapping[str, Action]) -> None:
        """Record a request, if it is to be, that needed no other write. Raises :class:`writes.Repeated`."""
        if recorded:
            self._attempt(recorded)


def _key(request: Request) -> keys.Key:
    return keys.request(request.account, request.route, request.key)
