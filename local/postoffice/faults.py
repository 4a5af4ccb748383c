"""Faults that tests order: each makes a number of sends fail."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from .shelf import same

MOST = 1_000_000


class Kind(StrEnum):
    """How a send fails, from the sender's point of view."""

    THROTTLE = "throttle"
    ERROR_500 = "error-500"
    RESET = "reset"
    TIMEOUT = "timeout"
    TIMEOUT_AFTER_ACCEPT = "timeout-after-accept"
    REJECT = "reject"
    PAUSED = "paused"


class BadOrder(Exception):
    """A value of a request is not valid; ``field`` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The next ``count`` sends to ``to``, or to anybody where that is empty, fail in this way."""

    kind: Kind
    count: int = 1
    to: str = ""

    @classmethod
    def order(cls, body: object) -> Fault:
        """Parse an order. Raises :class:`BadOrder` with the invalid field."""
        if not isinstance(body, dict):
            raise BadOrder("body", 'must be a JSON object such as {"kind": "throttle", "count": 3}')
        for field in body:
            if field not in ("kind", "count", "to"):
                raise BadOrder(str(field), "is not known; the fields are kind, count and to")
        kind, count, to = body.get("kind"), body.get("count", 1), body.get("to", "")
        if kind not in list(Kind):
            raise BadOrder("kind", "must be one of " + ", ".join(Kind))
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST:
            raise BadOrder("count", f"must be a whole number from 1 to {MOST}")
        if not isinstance(to, str) or (to and "@" not in to) or ("to" in body and not to):
            raise BadOrder("to", "must be a mail address; leave it out to mean anybody")
        return cls(kind=Kind(kind), count=count, to=to)

    def note(self) -> dict[str, Any]:
        return {"kind": self.kind.value, "count": self.count} | ({"to": self.to} if self.to else {})


class Faults:
    """The orders that are still pending, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._pending.append(fault)

    def pending(self) -> tuple[Fault, ...]:
        with self._lock:
            return tuple(self._pending)

    def clear(self) -> None:
        with self._lock:
            self._pending.clear()

    def take(self, recipients: Iterable[str]) -> Kind | None:
        """Use up one turn of the oldest order that concerns this send, and say how it fails."""
        recipients = tuple(recipients)
        with self._lock:
            for index, fault in enumerate(self._pending):
                if not fault.to or any(same(fault.to, recipient) for recipient in recipients):
                    left = [replace(fault, count=fault.count - 1)] if fault.count > 1 else []
                    self._pending[index : index + 1] = left
                    return fault.kind
        return None
