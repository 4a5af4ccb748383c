"""Attempts at one delivery: claim, lease, result and back-off, the same for invitations, notifications and webhooks.

What has to be delivered is an item. A worker claims it, makes one attempt, and records its result::

    due -> claimed -> done | given up | due again

A claim ends with its lease, so that what a worker that died had claimed is found again. An attempt is counted when it
is claimed, and counts as one with an unknown outcome until its result is recorded. These functions are pure; they
decide, and the caller stores. All instants are UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from ..effects import Accepted, Refusal, Refused, Unknown
from ..model import frozen
from ..settings import Times


class Stage(StrEnum):
    """Whether there is anything left to try."""

    DUE = "due"
    DONE = "done"
    GIVEN_UP = "given-up"


@frozen
class Attempts:
    """The attempts at one delivery so far.

    ``failed`` counts those in a row that certainly failed, ``unknown`` those whose outcome is unknown. No attempt is
    made before ``not_before``, nor while another worker holds the claim, until ``lease_until``.
    """

    stage: Stage = Stage.DUE
    failed: int = 0
    unknown: int = 0
    lease_until: datetime | None = None
    not_before: datetime | None = None


@frozen
class Policy:
    """The rules of one kind of delivery.

    - ``longest``: how long one attempt can take, and what the worker does around it
    - ``exhausted``: whether no further attempt is made after these
    - ``wait``: how long to wait after these attempts, the last of which failed; its second argument is a random number
      in [0, 1)
    - ``unknown_wait``: how long to wait, at least, after an attempt with an unknown outcome
    """

    longest: timedelta
    exhausted: Callable[[Attempts], bool]
    wait: Callable[[Attempts, float], timedelta]
    unknown_wait: timedelta


class Cannot(StrEnum):
    """Why no attempt can be claimed now."""

    ENDED = "ended"
    """It is done, or given up."""
    BUSY = "busy"
    """Another worker holds the claim."""
    EARLY = "early"
    """The next attempt is not due yet."""
    EXHAUSTED = "exhausted"
    """As many attempts as allowed were made: it has to be given up."""
    LATE = "late"
    """The worker has too little time left for an attempt."""


@frozen
class Claimed:
    """One more attempt than ``before``, held until ``until``: for one attempt longer than its worker has time, so that
    what the worker began last is over by then.
    """

    before: Attempts
    until: datetime

    @property
    def attempts(self) -> Attempts:
        """The attempts with this one, whose outcome is unknown until it is recorded."""
        return replace(self.before, unknown=self.before.unknown + 1, lease_until=self.until, not_before=None)


def claim(seen: Attempts, policy: Policy, now: datetime, deadline: datetime) -> Claimed | Cannot:
    """One more attempt for a worker that has until ``deadline``, or why there can be none now."""
    if seen.stage is not Stage.DUE:
        return Cannot.ENDED
    if leased(seen.lease_until, now):
        return Cannot.BUSY
    if seen.not_before is not None and seen.not_before > now:
        return Cannot.EARLY
    if policy.exhausted(seen):
        return Cannot.EXHAUSTED
    if too_late(policy, now, deadline):
        return Cannot.LATE
    return Claimed(before=seen, until=deadline + policy.longest)


def leased(lease_until: datetime | None, now: datetime) -> bool:
    """Whether a worker may be making an attempt: storing a mail, and sending it."""
    return lease_until is not None and lease_until > now


def too_late(policy: Policy, now: datetime, deadline: datetime) -> bool:
    """Whether a worker that has until ``deadline`` has too little time left for an attempt."""
    return now + policy.longest > deadline


def outcome(
    claimed: Claimed, answer: Accepted | Refused | Unknown, policy: Policy, now: datetime, chance: float
) -> Attempts:
    """The attempts after the claimed one was answered: done, given up, or due again at ``not_before``.

    ``chance`` is a random number in [0, 1). While the outcome is unknown the claim is kept, so that nobody tries again
    while the attempt may still be going on.
    """
    ended = replace(claimed.before, lease_until=None, not_before=None)
    match answer:
        case Accepted():
            return replace(ended, stage=Stage.DONE)
        case Unknown():
            return replace(claimed.attempts, not_before=max(claimed.until, now + policy.unknown_wait))
        case Refused(refusal=refusal):
            failed = replace(ended, failed=ended.failed + 1)
            if refusal is Refusal.POISON or policy.exhausted(failed):
                return replace(failed, stage=Stage.GIVEN_UP)
            return replace(failed, not_before=now + policy.wait(failed, chance))
    raise TypeError(f"an attempt was answered with {type(answer).__name__}")


def mail_policy(times: Times) -> Policy:
    """The rules for what goes through SES: any number of refusals, and ``times.max_unknowns`` unknown outcomes."""
    return Policy(
        longest=times.send + times.guard,
        exhausted=lambda tried: tried.unknown >= times.max_unknowns,
        wait=lambda tried, chance: backoff(tried.failed, chance, times),
        unknown_wait=times.resend_after,
    )


def backoff(failed: int, chance: float, times: Times) -> timedelta:
    """How long to wait after ``failed`` refusals in a row: 2, 4, 8 … seconds up to ``times.backoff_cap``, of which
    ``chance``, a number in [0, 1), decides the second half.
    """
    whole = min(timedelta(seconds=2 ** min(failed, 20)), times.backoff_cap)
    return whole * (0.5 + chance / 2)
