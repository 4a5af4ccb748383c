"""Quarantined mails: records of mails that were put aside, for the account whose event they name. They expire with the
mails themselves.

A mail that names no event belongs to the deployment's account where there is only one. Where there are several, a mail
for one account must not be shown to another: it is kept in a partition of its own, for the deployment's operator.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from ..inbound.authenticity import Receipt
from ..inbound.itip_reply import Answer, Kind, Span
from ..inbound.quarantine import KEPT, Owner, QuarantinedMail, QuarantineStatus
from ..inbound.reasons import Reason
from ..model import LocalTime, Participation
from ..settings import Settings
from . import attention, cursors, dynamo, items, keys
from .items import Item
from .lists import Page
from .writes import NEW, Action, put, update

# The mail waits for a decision.
IT_WAITS = "#status = :waiting"
# The mail waits for a decision, or has this one already.
IT_WAITS_OR_IS_DECIDED_SO = "#status IN (:waiting, :status)"


def quarantine_id(receipt: Receipt, number: int = 0) -> str:
    """The id of the ``number``-th answer of a mail, made of its time of arrival and SES's message id: always the same
    for the same answer, and sorted by arrival.
    """
    source = receipt.ses_id + (f"#{number}" if number else "")
    return keys.registration_id(receipt.received_at, hashlib.sha256(source.encode()).digest()[:16])


def put_action(settings: Settings, mail: QuarantinedMail) -> Action:
    """The action that stores a quarantined mail; it fails where it is stored already."""
    return put(settings.invitations_table, _item(mail), NEW)


def find(client: Any, settings: Settings, account: str, quarantine_id: str, *, now: datetime) -> QuarantinedMail | None:
    """The account's quarantined mail, or ``None`` where there is none or it has expired."""
    item = dynamo.get(client, settings.invitations_table, keys.quarantined(account, quarantine_id))
    mail = None if item is None else _of(item)
    # DynamoDB removes what has expired only hours later.
    return mail if mail is not None and mail.expires_at > now else None


def decision_actions(settings: Settings, mail: QuarantinedMail, status: QuarantineStatus) -> dict[str, Action]:
    """The actions that record a decision, for the transaction of its consequence. Repeating a decision is allowed."""
    key = keys.quarantined(mail.account, mail.quarantine_id)
    values = {"status": status.value, "waiting": QuarantineStatus.WAITING.value}
    actions = {
        "held": update(settings.invitations_table, key, "SET #status = :status", IT_WAITS_OR_IS_DECIDED_SO, **values)
    }
    if mail.event_id and mail.registration_id:
        ids = mail.event_id, mail.registration_id, mail.quarantine_id
        actions["attention"] = attention.confirmed_action(settings, *ids)
    return actions


def list_waiting(
    client: Any,
    settings: Settings,
    account: str,
    *,
    now: datetime,
    limit: int,
    cursor: str | None = None,
    event_id: str | None = None,
) -> Page:
    """A page of the account's mails that wait for a decision, as :class:`QuarantinedMail`, in order of arrival."""
    identity = f"quarantine of {account}, {event_id or 'all'}"
    first = keys.quarantined(account, "")
    names = {"#status": "status", "#expires_at": "expires_at"}
    values = {
        ":pk": first["pk"],
        ":prefix": first["sk"],
        ":waiting": QuarantineStatus.WAITING.value,
        ":now": int(now.timestamp()),
    }
    condition = f"{IT_WAITS} AND #expires_at > :now"
    if event_id is not None:
        condition += " AND #event_id = :event_id"
        names["#event_id"], values[":event_id"] = "event_id", event_id
    query: dict[str, Any] = {
        "TableName": settings.invitations_table,
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
        "FilterExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": dynamo.wire(values),
        "ConsistentRead": True,
    }
    if cursor is not None:
        position = cursors.decode(identity, cursor, r"[0-9a-v]{36}")
        query["ExclusiveStartKey"] = dynamo.wire(keys.quarantined(account, position))
    found = [_of(item) for item in islice(dynamo.pages(client.query, **query), limit + 1)]
    more = len(found) > limit
    return Page(
        items=tuple(found[:limit]),
        next=cursors.encode(identity, found[limit - 1].quarantine_id) if more else None,
    )


def list_unassigned(client: Any, settings: Settings) -> Iterator[QuarantinedMail]:
    """The quarantined mails that belong to no account, in order of arrival."""
    first = keys.unassigned("")
    query = {
        "TableName": settings.invitations_table,
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
        "ExpressionAttributeValues": dynamo.wire({":pk": first["pk"], ":prefix": first["sk"]}),
    }
    yield from map(_of, dynamo.pages(client.query, **query))


# --- mails beyond the daily limit ---------------------------------------------------------------------------------


def count_not_shown_action(settings: Settings, owner: Owner, now: datetime) -> Action:
    """The action that counts one more mail that exceeds the daily limit and is not listed."""
    return update(
        settings.invitations_table,
        keys.not_shown(_partition(owner.account), owner.event_id or "", now.date()),
        "SET #expires_at = :expires_at ADD #count :one",
        "",
        expires_at=int((now + KEPT + timedelta(days=1)).timestamp()),
        one=1,
    )


def not_shown_count(
    client: Any, settings: Settings, account: str, *, now: datetime, event_id: str | None = None
) -> int:
    """How many mails of the last seven days exceeded the daily limits and are not listed."""
    prefix = keys.NOT_SHOWN_PREFIX + (f"{event_id}#" if event_id else "")
    rows = dynamo.pages(
        client.query,
        TableName=settings.invitations_table,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
        ExpressionAttributeValues=dynamo.wire({":pk": _partition(account), ":prefix": prefix}),
    )
    since = (now - KEPT).date().isoformat()
    return sum(int(row["count"]) for row in rows if row["sk"].rpartition("#")[2] >= since)


def _partition(account: str) -> str:
    return _key(account, "")["pk"]


def _key(account: str, quarantine_id: str) -> keys.Key:
    return keys.quarantined(account, quarantine_id) if account else keys.unassigned(quarantine_id)


# --- items --------------------------------------------------------------------------------------------------------


def _item(mail: QuarantinedMail) -> Item:
    return items.present(
        {
            **_key(mail.account, mail.quarantine_id),
            "quarantine_id": mail.quarantine_id,
            "account": mail.account,
            "event_id": mail.event_id,
            "registration_id": mail.registration_id,
            "reason": mail.reason.value,
            "sender": mail.sender,
            "subject": mail.subject,
            "answer": _answer_item(mail.answer) if mail.answer else None,
            "status": mail.status.value,
            "received_at": keys.instant(mail.received_at),
            "expires_at": int(mail.expires_at.timestamp()),
        }
    )


def _of(item: Mapping[str, Any]) -> QuarantinedMail:
    return QuarantinedMail(
        quarantine_id=item["quarantine_id"],
        account=item["account"],
        event_id=item.get("event_id"),
        registration_id=item.get("registration_id"),
        reason=Reason(item["reason"]),
        sender=item["sender"],
        subject=item["subject"],
        answer=_answer_of(item["answer"]) if "answer" in item else None,
        status=QuarantineStatus(item["status"]),
        received_at=items.moment(item["received_at"]),
    )


def _answer_item(answer: Answer) -> Item:
    span = answer.proposed
    return items.present(
        {
            "kind": answer.kind.value,
            "uid": answer.uid,
            "attendee": answer.attendee,
            "sent_by": answer.sent_by,
            "participation": answer.participation.value if answer.participation else None,
            "sequence": answer.sequence,
            "dtstamp": keys.instant(answer.dtstamp),
            "date": _moment_item(answer.date),
            "start": _moment_item(answer.start),
            "comment": answer.comment,
            "proposed": {"start": _moment_item(span.start), "end": _moment_item(span.end)} if span else None,
        }
    )


def _answer_of(item: Mapping[str, Any]) -> Answer:
    span = item.get("proposed")
    return Answer(
        kind=Kind(item["kind"]),
        uid=item["uid"],
        attendee=item.get("attendee"),
        sent_by=item.get("sent_by"),
        participation=Participation(item["participation"]) if "participation" in item else None,
        sequence=int(item["sequence"]),
        dtstamp=items.moment(item["dtstamp"]),
        date=_moment_of(item["date"]) if "date" in item else None,
        start=_moment_of(item["start"]) if "start" in item else None,
        comment=item["comment"],
        proposed=Span(start=_moment_of(span["start"]), end=_moment_of(span["end"])) if span else None,
    )


def _moment_item(moment: LocalTime | None) -> Item | None:
    """A time as the mail had it: ISO 8601, and beside it the IANA time zone where it named one."""
    if moment is None:
        return None
    zone = moment.tzinfo if isinstance(moment, datetime) else None
    return items.present({"at": moment.isoformat(), "zone": zone.key if isinstance(zone, ZoneInfo) else None})


def _moment_of(item: Mapping[str, Any]) -> LocalTime:
    if "T" not in item["at"]:
        return date.fromisoformat(item["at"])
    moment = datetime.fromisoformat(item["at"])
    return moment.astimezone(ZoneInfo(item["zone"])) if "zone" in item else moment
