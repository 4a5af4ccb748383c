"""How many mails may be sent, so that nobody is flooded and no account spends what all share. Pure; all times are UTC.

Whole hours and whole days are counted. What is beyond a limit waits for the next hour or day: a request is refused with
that time, the message of a change is sent then. Cancellations are counted, but never wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime, time, timedelta

from ..model import frozen
from .invitation import Mailed, Quota

UNCOUNTED = 2
"""How many mails of one event to one person and day are sent without a look at the limits of their address."""
REGISTRATION = UNCOUNTED
"""For how many mails to its address a registration counts: those that are sent on its first day without being counted.
"""
NEAR = 0.8
"""The share of a limit from which on an account is reported as near it."""


@frozen
class Limit:
    """How many in an hour, and how many in a day."""

    hour: int
    day: int

    def until(self, counted: Mailed, now: datetime, more: int = 1) -> datetime | None:
        """When ``more`` than what was ``counted`` are allowed; ``None``: now."""
        counted = counted.at(now)
        if counted.in_day + more > self.day:
            return tomorrow(now)
        if counted.in_hour + more > self.hour:
            return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        return None


def tomorrow(now: datetime) -> datetime:
    """The next midnight, UTC."""
    return datetime.combine(now.date() + timedelta(days=1), time(), now.tzinfo)


@frozen
class Limits:
    """The limits of one account.

    - ``account``: its mails to everybody
    - ``recipient``: its mails to one mailbox, for all its events, that are no cancellations
    - ``event``: the mails of one event to one person
    - ``resend``: the mails of one registration that were asked for again
    - ``dates``: requests that cancel a single date of a series
    """

    account: Limit = Limit(hour=20_000, day=100_000)
    recipient: Limit = Limit(hour=60, day=120)
    event: Limit = Limit(hour=30, day=60)
    resend: Limit = Limit(hour=5, day=10)
    dates: Limit = Limit(hour=60, day=200)


DEFAULT = Limits()


@frozen
class AccountMails:
    """How many mails an account has sent, and its limits."""

    account: str
    mailed: Mailed
    limits: Limits = DEFAULT


@frozen
class Held:
    """The accounts that may only send cancellations, each ``until`` when; and those that are ``near`` their limit."""

    until: Mapping[str, datetime] = field(default_factory=dict)
    near: tuple[str, ...] = ()


def held(mails: Iterable[AccountMails], quota: Quota | None, *, share: float, accounts: int, now: datetime) -> Held:
    """Who has reached the limit of their account, or spent more than a fair share of SES's quota.

    ``share`` is the part of the day's quota that all may spend, ``accounts`` their number. Where there are several, an
    account that has had its equal part may not send more than it leaves to all others.
    """
    until: dict[str, datetime] = {}
    near = []
    for one in mails:
        limit, mailed = one.limits.account, one.mailed.at(now)
        end = limit.until(mailed, now)
        fair = float("inf")
        # SES reports an unlimited quota as a negative number.
        if quota is not None and quota.most >= 0 and accounts > 1:
            usable = quota.most * share
            fair = max(usable / accounts, usable - quota.sent)
            if mailed.in_day >= fair:
                end = tomorrow(now)
        if end is not None:
            until[one.account] = end
        if mailed.in_day >= NEAR * min(limit.day, fair) or mailed.in_hour >= NEAR * limit.hour:
            near.append(one.account)
    return Held(until=until, near=tuple(sorted(near)))
