"""Quarantined mails: records of mails that were not acted on, for the account whose event they name. They expire with
the mails themselves.

A mail that names no event belongs to the deployment's account where there is only one. Where there are several, a mail
for one account must not be shown to another: it is kept in a partition of its own, for the deployment's operator.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cattrs.gen import override

from ..inbound.authenticity import Receipt
from ..inbound.itip_reply import Answer, Span
from ..inbound.quarantine import KEPT, Owner, QuarantinedMail, QuarantineStatus
from ..model import LocalTime, Registration, folded
from . import codec, conditions, dynamo, keys
from .attention import Surveys
from .dynamo import Item
from .repository import Page, Repository, decode_cursor, page
from .writes import Action, delete, put, update


def quarantine_id(receipt: Receipt, number: int) -> str:
    """The id of the ``number``-th answer of a mail, made of its time of arrival and SES's message id: always the same
    for the same answer, and sorted by arrival.
    """
    source = receipt.ses_id + (f"#{number}" if number else "")
    return keys.registration_id(receipt.received_at, hashlib.sha256(source.encode()).digest()[:16])


class Quarantine(Repository):
    def put_action(self, mail: QuarantinedMail, receipt: Receipt | None = None) -> Action:
        """The action that stores a quarantined mail, and where the mail itself is kept; it fails where it is stored
        already.
        """
        key, expires_at = _key(mail.account, mail.quarantine_id), codec.epoch(mail.expires_at)
        kept = {} if receipt is None else {"kept_in": [receipt.bucket, receipt.key]}
        return put(self._sent, codec.item(mail, key, expires_at=expires_at, **kept), conditions.NEW)

    def find(self, account: str, quarantine_id: str, *, now: datetime) -> QuarantinedMail | None:
        """The account's quarantined mail, or ``None`` where there is none or it has expired."""
        mail = self._get(QuarantinedMail, self._sent, keys.quarantined(account, quarantine_id))
        # DynamoDB removes what has expired only hours later.
        return mail if mail is not None and mail.expires_at > now else None

    def decision_actions(self, mail: QuarantinedMail, status: QuarantineStatus) -> dict[str, Action]:
        """The actions that record a decision, for the transaction of its consequence. Repeating a decision is
        allowed.
        """
        key, decision, waiting = keys.quarantined(mail.account, mail.quarantine_id), status.value, _WAITING
        condition = conditions.WAITS_OR_IS_DECIDED_SO
        held = update(self._sent, key, {"status": decision}, condition, decision=decision, waiting=waiting)
        if not (mail.event_id and mail.registration_id):
            return {"held": held}
        surveys = Surveys(self.client, self.settings)
        listed = surveys.confirmed_action(mail.event_id, mail.registration_id, mail.quarantine_id)
        return {"held": held, "attention": listed}

    def list_waiting(
        self,
        account: str,
        *,
        now: datetime,
        limit: int,
        cursor: str | None = None,
        event_id: str | None = None,
        registration_id: str | None = None,
    ) -> Page:
        """A page of the account's mails that wait for a decision, as :class:`QuarantinedMail`, in order of arrival: all
        of them, or those that name one event, or one registration.
        """
        identity = f"quarantine of {account}, {event_id or 'all'} {registration_id or 'all'}"
        query = dynamo.starting_with(self._sent, keys.quarantined(account, ""))
        wanted = {"status": _WAITING, "event_id": event_id, "registration_id": registration_id}
        query |= dynamo.with_values(query, wanted)
        if cursor is not None:
            position = decode_cursor(identity, cursor, r"[0-9a-v]{36}")
            query["ExclusiveStartKey"] = dynamo.wire(keys.quarantined(account, position))
        found = (mail for mail in self._all(QuarantinedMail, query) if mail.expires_at > now)
        return page(found, limit, identity, lambda mail: mail.quarantine_id)

    def list_unassigned(self) -> Iterator[QuarantinedMail]:
        """The quarantined mails that belong to no account, in order of arrival."""
        return self._all(QuarantinedMail, dynamo.starting_with(self._sent, keys.unassigned("")))

    def of_person(self, account: str, registration_id: str, person: Registration | None) -> list[Item]:
        """The items of the mails that are shown with a registration, or come from its address and name no other
        event.
        """
        found = []
        for partition in (account, ""):
            for row in self._rows(dynamo.starting_with(self._sent, _key(partition, ""))):
                theirs = person is not None and folded(row["sender"]) == folded(person.email) != ""
                here = person is not None and row.get("event_id") in (None, person.event_id)
                if row.get("registration_id") == registration_id or (theirs and here):
                    found.append(row)
        return found

    def forget(self, row: Item) -> None:
        """Delete the item of a mail."""
        gone = {"mail": delete(self._sent, {"pk": row["pk"], "sk": row["sk"]})}
        if "event_id" in row and "registration_id" in row:
            surveys, ids = Surveys(self.client, self.settings), (row["event_id"], row["registration_id"])
            gone["attention"] = surveys.confirmed_action(*ids, row["quarantine_id"])
        self._attempt(gone)

    # --- mails beyond the daily limit ---------------------------------------------------------------------------

    def count_not_shown_action(self, owner: Owner, now: datetime) -> Action:
        """The action that counts one more mail that exceeds the daily limit and is not listed."""
        key = keys.not_shown(_key(owner.account, "")["pk"], owner.event_id or "", now.date())
        expires_at = codec.epoch(now + KEPT + timedelta(days=1))
        return update(self._sent, key, {"expires_at": expires_at}, "", add={"count": 1})

    def not_shown_count(self, account: str, *, now: datetime, event_id: str | None = None) -> int:
        """How many mails of the last seven days exceeded the daily limits and are not listed."""
        prefix = keys.NOT_SHOWN_PREFIX + (f"{event_id}#" if event_id else "")
        query = dynamo.starting_with(self._sent, {**_key(account, ""), "sk": prefix})
        since = (now - KEPT).date().isoformat()
        return sum(int(row["count"]) for row in self._rows(query) if row["sk"].rpartition("#")[2] >= since)


_WAITING = QuarantineStatus.WAITING.value


def _key(account: str, quarantine_id: str) -> keys.Key:
    return keys.quarantined(account, quarantine_id) if account else keys.unassigned(quarantine_id)


# --- how answers are stored -----------------------------------------------------------------------------------------


def _moment_item(moment: LocalTime) -> Item:
    """A time as the mail had it: ISO 8601, and beside it the IANA time zone where it named one."""
    zone = moment.tzinfo if isinstance(moment, datetime) else None
    return {"at": moment.isoformat(), **({"zone": zone.key} if isinstance(zone, ZoneInfo) else {})}


def _moment(item: Item, _: object) -> LocalTime:
    moment = codec.local_time(item["at"])
    return moment.astimezone(ZoneInfo(item["zone"])) if isinstance(moment, datetime) and "zone" in item else moment


_AS_WRITTEN = override(omit_if_default=True, unstruct_hook=_moment_item, struct_hook=_moment)

codec.record(QuarantinedMail)
codec.OVERRIDES[Span] = {"start": _AS_WRITTEN, "end": _AS_WRITTEN}
# One that has a problem is never carried out: the mail is quarantined for that.
codec.OVERRIDES[Answer] = {
    "date": _AS_WRITTEN,
    "start": _AS_WRITTEN,
    "problem": override(omit=True),
}
