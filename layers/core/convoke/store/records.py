"""What delivery writes to the invitations table beside invitations: stored messages, fan-outs, postponed due keys,
pages of an audit, and the switch that stops all sending.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from .. import effects
from ..decision.invitation import Batch, StoredMessage
from ..effects import Due, DueKind
from ..model import GRAVITY, DeliveryState
from ..settings import Settings
from . import dynamo, items, keys
from .items import Item
from .writes import Action, update

KEPT = timedelta(days=30)
"""How long the differences that an audit found are kept."""

# No message is stored yet, or only a record without bytes: the bytes that the first attempt sent are never replaced.
NOT_STORED = "attribute_not_exists(pk) OR attribute_exists(unwritten)"
# The record exists, so that the update cannot create a partial one, and nothing graver was reported: reports arrive in
# any order.
NOTHING_GRAVER_REPORTED = "attribute_exists(pk) AND (attribute_not_exists(#rank) OR #rank <= :rank)"
# The fan-out is still at the start of this batch: no newer change replaced it, and no other worker moved its cursor.
STILL_AT_THIS_BATCH = "#version = :version AND #cursor = :cursor"
# A pause of the SES account must not shorten an operator's stop.
NOT_STOPPED_FOR_LONGER = "attribute_not_exists(stopped_until) OR stopped_until < :until"
# The item still has the due key that was read.
DUE_KEY_UNCHANGED = "due_key = :seen"
# The record exists, and SES has reported nothing about it: a report is truer than that the message was given up.
NOTHING_REPORTED = "attribute_exists(pk) AND attribute_not_exists(#rank)"


def give_up_action(settings: Settings, registration_id: str, sequence: int, reason: str) -> Action:
    """The action that records in a stored message that it was given up, and why."""
    return update(
        settings.invitations_table,
        keys.message(registration_id, sequence),
        "SET #state = :failed, #reason = :reason",
        NOTHING_REPORTED,
        failed=DeliveryState.FAILED.value,
        reason=reason,
    )


class Records:
    """Writes to stored messages, fan-outs, due keys, pages of an audit, and the switch that stops sending."""

    def __init__(self, client: Any, settings: Settings) -> None:
        self._client = client
        self._table = settings.invitations_table

    def store_message(self, stored: StoredMessage) -> StoredMessage:
        """Store the message, unless it is stored already; returns the one that is stored."""
        written, existing = dynamo.conditionally(
            self._client.put_item,
            TableName=self._table,
            Item=dynamo.wire(items.stored_message_item(stored)),
            ConditionExpression=NOT_STORED,
        )
        return stored if written or existing is None else items.stored_message_of(existing)

    def record_sent(self, effect: effects.RecordMessageState) -> None:
        """Record that SES accepted the message. Does nothing where something graver was reported already."""
        dynamo.conditionally(
            self._client.update_item,
            TableName=self._table,
            Key=dynamo.wire(keys.message(effect.registration_id, effect.sequence)),
            # ``sent_at`` is that of the first acceptance; the invitation has that of a resend.
            UpdateExpression="SET sent_at = if_not_exists(sent_at, :at), ses_id = :ses_id, #state = :state, "
            "#rank = :rank, reason = :reason",
            ConditionExpression=NOTHING_GRAVER_REPORTED,
            ExpressionAttributeNames={"#state": "state", "#rank": "rank"},
            ExpressionAttributeValues=dynamo.wire(
                {
                    ":at": keys.instant(effect.at),
                    ":ses_id": effect.ses_id,
                    ":state": effect.state.value,
                    ":rank": GRAVITY.index(effect.state),
                    ":reason": effect.reason,
                }
            ),
        )

    def move_fan_out(self, effect: effects.MoveFanOut) -> bool:
        """Move the cursor behind the batch. False: the fan-out is not at this batch any more."""
        written, _ = dynamo.conditionally(
            self._client.update_item,
            **self._fan_out(effect.batch, {":to": effect.cursor, ":due_key": effect.due_key}),
            UpdateExpression="SET #cursor = :to, due_key = :due_key",
        )
        return written

    def end_fan_out(self, effect: effects.EndFanOut) -> bool:
        """Delete the fan-out after its last batch. False: it is not at this batch any more."""
        written, _ = dynamo.conditionally(self._client.delete_item, **self._fan_out(effect.batch, {}))
        return written

    def _fan_out(self, part: Batch, values: Item) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Key": dynamo.wire(keys.fan_out(part.event_id)),
            "ConditionExpression": STILL_AT_THIS_BATCH,
            "ExpressionAttributeNames": {"#version": "version", "#cursor": "cursor"},
            "ExpressionAttributeValues": dynamo.wire({":version": part.version, ":cursor": part.cursor, **values}),
        }

    def postpone(self, effect: effects.Postpone) -> bool:
        """Give a due item a later due key. False: it has another due key than the one that was read, or none."""
        written, _ = dynamo.conditionally(
            self._client.update_item,
            TableName=self._table,
            Key=dynamo.wire(item_key(effect.due)),
            UpdateExpression="SET due_key = :due_key",
            ConditionExpression=DUE_KEY_UNCHANGED,
            ExpressionAttributeValues=dynamo.wire(
                {":due_key": keys.keep_due_since(effect.due_key, effect.due.due_key), ":seen": effect.due.due_key}
            ),
        )
        return written

    def store_audit_page(self, effect: effects.StoreAuditPage) -> None:
        """Store a page of the differences that an audit found; it expires after :data:`KEPT`."""
        item = {
            **keys.audit_page(effect.at, effect.page),
            "at": keys.instant(effect.at),
            "differences": list(effect.lines),
            "expires_at": int((effect.at + KEPT).timestamp()),
        }
        self._client.put_item(TableName=self._table, Item=dynamo.wire(item))

    def audit_findings(self) -> Iterator[tuple[datetime, str]]:
        """The differences that the latest stored audit found: when (UTC), and a line with event, registration and
        reason.
        """
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :audit",
            "ExpressionAttributeValues": dynamo.wire({":audit": keys.AUDIT}),
        }
        last = self._client.query(**query, ScanIndexForward=False, Limit=1)["Items"]
        if not last:
            return
        at = dynamo.unwire(last[0])["at"]
        query["KeyConditionExpression"] += " AND begins_with(sk, :at)"
        query["ExpressionAttributeValues"] |= dynamo.wire({":at": at})
        for page in dynamo.pages(self._client.query, **query):
            yield from ((items.moment(at), line) for line in page["differences"])

    def stop_sending(self, effect: effects.StopSending) -> None:
        dynamo.conditionally(
            self._client.update_item,
            TableName=self._table,
            Key=dynamo.wire(keys.sending()),
            UpdateExpression="SET stopped_until = :until, reason = :why",
            ConditionExpression=NOT_STOPPED_FOR_LONGER,
            ExpressionAttributeValues=dynamo.wire({":until": keys.instant(effect.until), ":why": effect.why}),
        )

    def start_sending(self) -> None:
        """Send mail again, whatever stopped it."""
        self._client.update_item(
            TableName=self._table,
            Key=dynamo.wire(keys.sending()),
            UpdateExpression="REMOVE stopped_until, reason",
        )

    def reserve(self, effect: effects.ReserveQuota) -> None:
        """Reserve SES's quota for urgent messages until ``effect.until``."""
        self._client.update_item(
            TableName=self._table,
            Key=dynamo.wire(keys.sending()),
            UpdateExpression="SET reserved_until = :until",
            ExpressionAttributeValues=dynamo.wire({":until": keys.instant(effect.until)}),
        )

    def hold_accounts(self, effect: effects.HoldAccounts) -> None:
        """Replace the accounts that may only send cancellations."""
        self._client.update_item(
            TableName=self._table,
            Key=dynamo.wire(keys.sending()),
            UpdateExpression="SET held = :held",
            ExpressionAttributeValues=dynamo.wire(
                {":held": {account: keys.instant(until) for account, until in effect.until.items()}}
            ),
        )


def item_key(due: Due) -> keys.Key:
    """The key of a due item in the invitations table."""
    match due.kind:
        case DueKind.REGISTRATION:
            return keys.registration(due.event_id, due.registration_id)
        case DueKind.ERASURE:
            return keys.erasure(due.event_id, due.registration_id)
        case DueKind.FAN_OUT:
            return keys.fan_out(due.event_id)
        case DueKind.SEATS:
            return keys.seats(due.event_id)
        case DueKind.NOTIFICATION:
            return keys.notification(due.event_id, due.registration_id, due.notification_id)
        case DueKind.SURVEY:
            return keys.survey(due.event_id)
        case DueKind.SPLIT_TRANSFER:
            return keys.split_transfer(due.event_id)
