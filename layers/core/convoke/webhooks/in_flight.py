"""How many requests an account's webhooks may have in flight, and which hosts are given time to recover.

Workers are shared by all accounts. A server that does not answer holds one for ten seconds, so an account gets at most
half of them, and a host that did not answer :data:`BROKEN_AFTER` times in a row gets one request at a time, after a
wait (a circuit breaker). Hosts are counted for each account apart, so that nobody can close another's.
These functions are pure; all instants are UTC.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ..model import frozen

BROKEN_AFTER = 3
"""After how many requests in a row without a response a host gets time to recover."""
SHORTEST_RECOVERY, LONGEST_RECOVERY = timedelta(minutes=1), timedelta(minutes=15)
"""How long that is at first, and at most: it doubles with each further request without a response."""
SHORTEST_TURN, LONGEST_TURN = timedelta(seconds=2), timedelta(minutes=1)
"""How long a delivery waits for its turn at first, and at most."""
MAX_HOSTS = 20
"""How many hosts that did not answer are remembered, those that were posted to last."""
FORGOTTEN_AFTER = timedelta(days=1)
"""A host that nobody posted to for so long is not remembered."""


@frozen
class Request:
    """A request in flight: the id of its attempt, and until when (UTC) it counts if its worker died."""

    attempt: str
    until: datetime


@frozen
class Host:
    """A host that did not answer the last ``failures`` requests. Nobody posts to it before ``closed_until``."""

    name: str
    failures: int
    closed_until: datetime


@frozen
class InFlight:
    """An account's requests in flight, and its hosts that did not answer. ``fence`` is the version."""

    account: str
    fence: int = 0
    requests: tuple[Request, ...] = ()
    hosts: tuple[Host, ...] = ()

    def host(self, name: str) -> Host | None:
        return next((host for host in self.hosts if host.name == name), None)


def next_turn(seen: InFlight, now: datetime, *, most: int, chance: float, age: timedelta) -> datetime | None:
    """When a delivery's next turn is, or ``None`` if it may be now, since fewer than ``most`` requests are in flight.

    ``age`` is that of the delivery: the longer it waited, the longer it waits for its next turn. ``chance``, a number
    in [0, 1), keeps those that wait from coming all at once.
    """
    if len(_current(seen, now)) < most:
        return None
    return now + min(max(age / 2, SHORTEST_TURN), LONGEST_TURN) * (0.5 + chance)


def admit(seen: InFlight, host: str, request: Request, now: datetime, chance: float) -> InFlight | datetime:
    """``seen`` with one more request, or when its host has had its time to recover."""
    known = seen.host(host)
    if known is not None and known.failures >= BROKEN_AFTER:
        if known.closed_until > now:
            return known.closed_until + SHORTEST_TURN * chance
        # It gets one request, and no other until the worker of this one has said what became of it.
        seen = _with(seen, replace(known, closed_until=request.until))
    return replace(seen, requests=(*_current(seen, now), request))


def finish(seen: InFlight, host: str, attempt: str, *, answered: bool | None, now: datetime) -> InFlight:
    """``seen`` without the request. ``answered``: the host sent a response, whatever its status; ``None``: no request
    was made after all.
    """
    after = replace(seen, requests=tuple(each for each in _current(seen, now) if each.attempt != attempt))
    if answered is None:
        return after
    others = (each for each in seen.hosts if each.name != host and each.closed_until > now - FORGOTTEN_AFTER)
    after = replace(after, hosts=tuple(others))
    if answered:
        return after
    known = seen.host(host)
    failures = 1 if known is None else known.failures + 1
    recovery = min(SHORTEST_RECOVERY * 2 ** min(max(failures - BROKEN_AFTER, 0), 10), LONGEST_RECOVERY)
    closed_until = now + recovery if failures >= BROKEN_AFTER else now
    return _with(after, Host(name=host, failures=failures, closed_until=closed_until))


def _current(seen: InFlight, now: datetime) -> tuple[Request, ...]:
    return tuple(each for each in seen.requests if each.until > now)


def _with(seen: InFlight, host: Host) -> InFlight:
    others = tuple(each for each in seen.hosts if each.name != host.name)
    return replace(seen, hosts=(*others, host)[-MAX_HOSTS:])
