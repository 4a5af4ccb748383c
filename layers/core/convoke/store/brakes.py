"""The counts of what anybody may ask for on the pages, in the invitations table, each removed within two days.

They are written by themselves, before the transaction of what is asked for: a count that many meet must not make their
transactions fail. The rules and the figures are in ``decision.brakes``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from ..decision import brakes
from ..decision.brakes import Purpose
from ..decision.limits import Limit
from ..model import mailbox
from . import codec, conditions, dynamo, keys
from .limits import Charge
from .repository import Repository
from .writes import Action, alone, put, update

KEPT = timedelta(hours=25)
"""How long the times of the latest mails to a mailbox are kept: a little longer than they count."""
NEVER = ""
"""Stands for the time of a mail that was not sent; it sorts before all times."""
KEPT_SEATS = "held"
"""Stands in the place of a purpose for seats that are kept."""
LAST = "~"
"""Sorts after all ids of mails."""


class Brakes(Repository):
    def count(
        self,
        purpose: Purpose,
        *,
        source_ip: str,
        event_id: str = "",
        account: str = "",
        most_in_account: Limit | None = None,
        now: datetime,
    ) -> datetime | None:
        """Count one request: for its networks, then for the event and the account, where it is about any. Returns when
        it is allowed (UTC), where it is not now; what was counted before that stays counted.
        """
        counted = [(f"network {name}", limit) for name, limit in brakes.networks(source_ip)]
        if purpose in brakes.EVENT:
            counted.append((f"event {event_id}", brakes.EVENT[purpose]))
        if most_in_account is not None:
            counted.append((f"account {account}", most_in_account))
        for whose, limit in counted:
            charge = Charge(key=keys.brake(purpose, whose, f"{now:%Y-%m-%d}"), limit=limit, now=now)
            if limit.day < charge.more:
                return charge.until(None)
            written, existing = alone(self.client, charge.action(self.settings))
            if not written:
                return charge.until(existing)
        return None

    def may_hold(self, event_id: str, registration_id: str, email: str, until: datetime, now: datetime) -> bool:
        """Note that seats of an event are kept for a registration ``until`` then. False: they are already for another
        registration of the same mailbox. So nobody keeps many seats by registering and withdrawing in turn.
        """
        item = {
            **keys.brake(KEPT_SEATS, f"{event_id} {mailbox(email)}", keys.MAILBOX),
            "registration_id": registration_id,
            "until": keys.instant(until),
            "expires_at": codec.epoch(until),
        }
        values = {"registration_id": registration_id, "now": keys.instant(now)}
        return alone(self.client, put(self._sent, item, conditions.HOLDS_NOTHING_ELSE, **values))[0]

    def holds(self, event_id: str, email: str, now: datetime) -> str | None:
        """The id of the registration of a mailbox for which :meth:`may_hold` noted that its seats are kept, and may be
        still at ``now`` (UTC).
        """
        key = keys.brake(KEPT_SEATS, f"{event_id} {mailbox(email)}", keys.MAILBOX)
        found = dynamo.get(self.client, self._sent, key)
        return None if found is None or found["until"] <= keys.instant(now) else str(found["registration_id"])

    def hold_instead_action(self, event_id: str, email: str, former: str, registration_id: str) -> Action:
        """The action that notes ``registration_id``, in place of ``former``, as the one registration of a mailbox that
        may have seats kept for it. It fails where ``former`` is not noted any more.
        """
        key = keys.brake(KEPT_SEATS, f"{event_id} {mailbox(email)}", keys.MAILBOX)
        return update(self._sent, key, {"registration_id": registration_id}, conditions.HOLDS_FOR, former=former)

    def may_mail(self, purpose: Purpose, email: str, mail_id: str, now: datetime) -> bool:
        """Count one mail to a mailbox. False: it was sent as many as it may be, in an hour or in a day. The mail with
        this ``mail_id`` is counted once, however often it is tried.

        The item has the times of the latest mails with their ids, from the newest (``t1``) on. One write moves each by
        one place, on the condition that the one which would be too many is long enough ago: so no order of writes, and
        no clock that goes wrong, leads to more.
        """
        limit = brakes.MAILBOX[purpose]
        names = [f"t{number}" for number in range(1, limit.day + 1)]
        moved = [f"#{later} = if_not_exists(#{sooner}, :never)" for sooner, later in pairwise(names)]
        counted = " OR ".join(f"contains(#{name}, :id)" for name in names)
        condition = (
            f"{conditions.LONG_ENOUGH_AGO.format(in_hour=names[limit.hour - 1], in_day=names[-1])}"
            f" AND {conditions.NOT_COUNTED.format(terms=counted)}"
        )
        action = {
            "TableName": self._sent,
            "Key": dynamo.wire(keys.brake(purpose, mailbox(email), keys.MAILBOX)),
            "UpdateExpression": f"SET #expires_at = :expires_at, #t1 = :now, {', '.join(moved)}",
            "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            "ExpressionAttributeNames": {f"#{name}": name for name in ("expires_at", *names)},
            "ExpressionAttributeValues": dynamo.wire(
                {
                    ":id": mail_id,
                    ":now": f"{keys.instant(now)} {mail_id}",
                    ":never": NEVER,
                    ":hour_ago": f"{keys.instant(now - brakes.HOUR)} {LAST}",
                    ":day_ago": f"{keys.instant(now - brakes.DAY)} {LAST}",
                    ":expires_at": codec.epoch(now + KEPT),
                }
            ),
        }
        written, existing = alone(self.client, {"Update": action})
        return written or any(mail_id in str((existing or {}).get(name, "")) for name in names)
