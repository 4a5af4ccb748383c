"""The counts of mails and of requests, one item for each subject and day, and the limits that an operator has set.

An item has the attributes ``total`` and ``h00`` to ``h23``, so that one write counts for the day and for the hour, on
the condition that neither limit is exceeded. All times are UTC.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from .. import effects
from ..decision.invitation import Mailed
from ..decision.limits import DEFAULT, REGISTRATION, AccountMails, Limit, Limits
from ..model import InvalidField, frozen
from ..settings import Settings
from . import codec, conditions, dynamo, keys
from .dynamo import Item
from .repository import Repository
from .writes import Action, alone, update

KEPT = timedelta(days=2)
"""How long a day's counts are kept, from its beginning."""
KNOWN_FOR = 60.0
"""For how many seconds a process uses the limits of an account that it has read."""


@frozen
class Charge:
    """``more`` to be counted under ``key``, if ``limit`` allows it; negative to take back what was counted."""

    key: keys.Key
    limit: Limit
    now: datetime
    more: int = 1

    def action(self, settings: Settings) -> Action:
        """The action that counts it; its condition fails where the limit would be exceeded."""
        hour = _hour(self.now)
        return update(
            settings.invitations_table,
            self.key,
            {"expires_at": _expires_at(self.now)},
            conditions.WITHIN_LIMIT.replace("#hour", f"#{hour}"),
            add={"total": self.more, hour: self.more},
            in_day=self.limit.day - self.more,
            in_hour=self.limit.hour - self.more,
        )

    def until(self, existing: Item | None) -> datetime:
        """When it is allowed, where the condition met the item ``existing``."""
        wait = self.limit.until(_mailed(existing or {}, self.now), self.now, self.more)
        return wait or self.now + timedelta(minutes=1)


codec.record(Limits)


class MailLimits(Repository):
    """The counts and limits of a deployment."""

    def __init__(self, client: Any, settings: Settings) -> None:
        super().__init__(client, settings)
        self._known: dict[str, tuple[float, Limits]] = {}

    # --- limits -------------------------------------------------------------------------------------------------

    def of(self, account: str) -> Limits:
        """The limits of an account, read at most once a minute."""
        at, known = self._known.get(account, (float("-inf"), DEFAULT))
        if time.monotonic() - at > KNOWN_FOR:
            known = self._get(Limits, self._sent, keys.limits(account)) or DEFAULT
            self._known[account] = time.monotonic(), known
        return known

    def change(self, account: str, what: str, limit: Limit) -> Limits:
        """Set the limit ``what``, a name in :class:`Limits`. Raises :class:`InvalidField`."""
        if what not in Limits.__dataclass_fields__:
            raise InvalidField("LIMIT", f"must be one of {', '.join(Limits.__dataclass_fields__)}")
        if not REGISTRATION <= limit.hour <= limit.day:
            raise InvalidField("HOUR", f"must be at least {REGISTRATION}, and at most DAY")
        self._write(update(self._sent, keys.limits(account), {what: codec.value(limit)}, ""))
        self._known.pop(account, None)
        return self.of(account)

    # --- what a request causes ----------------------------------------------------------------------------------

    def recipient(self, account: str, email: str, now: datetime, more: int = REGISTRATION) -> Charge:
        """``more`` mails to an address: by default what a registration with it, or a change to it, counts for."""
        key = keys.mailed_recipient(account, email, _day(now))
        return Charge(key=key, limit=self.of(account).recipient, now=now, more=more)

    def resend(self, account: str, registration_id: str, now: datetime) -> Charge:
        key = keys.counted(registration_id, "resend", _day(now))
        return Charge(key=key, limit=self.of(account).resend, now=now)

    def date(self, account: str, now: datetime) -> Charge:
        """What the cancellation of a single date counts for."""
        return Charge(key=keys.counted(account, "dates", _day(now)), limit=self.of(account).dates, now=now)

    def count(self, charge: Charge) -> datetime | None:
        """Count it by itself. Returns when it is allowed, where it is not now."""
        written, existing = alone(self.client, charge.action(self.settings))
        return None if written else charge.until(existing)

    # --- what delivery sends ------------------------------------------------------------------------------------

    def count_mail(self, effect: effects.CountMail) -> datetime | None:
        until = self.of(effect.account).event.until(effect.mailed, effect.now, effect.more)
        return until or self.count(self.recipient(effect.account, effect.recipient, effect.now, effect.more))

    def count_notification(self, effect: effects.CountNotification) -> datetime | None:
        now, key = effect.now, keys.daily_count(effect.event_id, effect.kind, _day(effect.now))
        of_kind = Charge(key=key, limit=Limit(hour=effect.most, day=effect.most), now=now, more=effect.more)
        until = self.count(of_kind)
        if until is None and effect.account:
            until = self.count(self.recipient(effect.account, effect.recipient, now, effect.more))
            if until is not None:
                self.count(replace(of_kind, more=-effect.more))
        return until

    def add(self, sent: Counter[str], now: datetime) -> None:
        """Count mails that were sent, by account."""
        for account, count in sent.items():
            key, more = keys.mailed_account(account, _day(now)), {"total": count, _hour(now): count}
            self._write(update(self._sent, key, {"expires_at": _expires_at(now)}, "", add=more))

    def accounts(self, now: datetime) -> tuple[AccountMails, ...]:
        """The mails of this day and hour of all accounts that sent any, with their limits."""
        every = dynamo.starting_with(self._sent, keys.limits(""))
        limits = {item["sk"]: codec.read(Limits, item) for item in self._rows(every)}
        mailed = dynamo.starting_with(self._sent, keys.mailed_account("", _day(now)))
        return tuple(
            AccountMails(account=item["sk"], mailed=_mailed(item, now), limits=limits.get(item["sk"], DEFAULT))
            for item in self._rows(mailed)
        )


def _mailed(item: Mapping[str, Any], now: datetime) -> Mailed:
    in_hour, in_day = int(item.get(_hour(now), 0)), int(item.get("total", 0))
    return Mailed(hour=f"{now:%Y-%m-%dT%H}", in_hour=in_hour, in_day=in_day)


def _hour(now: datetime) -> str:
    return f"h{now:%H}"


def _day(now: datetime) -> str:
    return f"{now:%Y-%m-%d}"


def _expires_at(now: datetime) -> int:
    """Seconds since 1970 at which DynamoDB may remove a count of the day of ``now``."""
    return int((datetime(now.year, now.month, now.day, tzinfo=UTC) + KEPT).timestamp())
