"""What delivery writes to the invitations table beside invitations: stored messages, fan-outs, postponed due keys,
pages of an audit, and the switch that stops all sending.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from .. import effects
from ..decision.invitation import Batch, StoredMessage
from ..effects import Due, DueKind
from ..model import GRAVITY, DeliveryState
from ..settings import Settings
from . import dynamo, items, keys
from .items import Item
from .items.values import instant_or_none
from .writes import ROUNDS, Action, attempt, delete, put, update

KEPT = timedelta(days=30)
"""How long the differences that an audit found are kept."""

# No message is stored yet, or only a record without bytes: the bytes that the first attempt sent are never replaced.
NOT_STORED = "attribute_not_exists(pk) OR attribute_exists(unwritten)"
# The record exists, so that the update cannot create a partial one, and nothing graver was reported: reports arrive in
# any order.
NOTHING_GRAVER_REPORTED = "attribute_exists(pk) AND (attribute_not_exists(#rank) OR #rank <= :rank)"
# No newer change replaced the fan-out, and no other worker planned these batches.
STILL_AT_THIS_PAGE = "#version = :version AND #planned_to = :seen"
# No newer change replaced the fan-out, and no other batch of it ended since it was read.
STILL_SO_MANY_LEFT = "#version = :version AND #left = :seen"
# It is the last batch of a fan-out of which all is planned.
THE_LAST_BATCH = f"{STILL_SO_MANY_LEFT} AND attribute_not_exists(due_key)"
# No worker has the batch: none took it, it was given back, or the lease is over.
NOBODY_HAS_IT = "attribute_exists(pk) AND (attribute_not_exists(#lease_until) OR #lease_until <= :now)"
# The lease on the batch is still the one that this worker took.
STILL_MINE = "#lease_until = :mine"
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

    def plan_batches(self, effect: effects.PlanBatches) -> bool:
        """Write the batches and move ``planned_to``. False: another planner, or a newer change, was faster."""
        seen, key = effect.seen, keys.fan_out(effect.seen.event_id)
        actions = {
            batch.first: put(self._table, items.batch_item(batch, due_key=due_key)) for batch, due_key in effect.batches
        }
        values: Item = {"version": seen.version, "seen": seen.planned_to}
        if effect.due_key is None and not effect.batches:
            # Ends of batches do not delete a fan-out that is being planned: here it is known whether any is left.
            condition, values = f"{STILL_AT_THIS_PAGE} AND #left = :left", {**values, "left": seen.left}
            if seen.left == 0:
                return not attempt(self._client, {"fan-out": delete(self._table, key, condition, **values)})
        else:
            condition = STILL_AT_THIS_PAGE
        expression = "SET #planned_to = :through"
        if effect.due_key is not None:
            expression, values = f"{expression}, due_key = :due_key", {**values, "due_key": effect.due_key}
        else:
            expression += " REMOVE due_key, due_shard"
        expression += " ADD #people :people, #left :batches"
        values |= {"through": effect.through, "people": effect.people, "batches": len(effect.batches)}
        return not attempt(
            self._client, {**actions, "fan-out": update(self._table, key, expression, condition, **values)}
        )

    def claim_batch(self, effect: effects.ClaimBatch) -> Batch | None:
        """Take the lease on a batch. ``None``: there is no such batch any more, or another worker has it."""
        hint, lease = effect.hint, keys.instant(effect.lease_until)
        key = keys.batch(hint.event_id, hint.version, hint.first)
        found = dynamo.get(self._client, self._table, key)
        if found is None:
            return None
        batch = items.batch_of(found)
        written, _ = dynamo.conditionally(
            self._client.update_item,
            TableName=self._table,
            Key=dynamo.wire(key),
            UpdateExpression="SET #lease_until = :mine, due_key = :due_key",
            ConditionExpression=f"({NOBODY_HAS_IT}) AND #after = :after",
            ExpressionAttributeNames={"#lease_until": "lease_until", "#after": "after"},
            ExpressionAttributeValues=dynamo.wire(
                {
                    ":mine": lease,
                    ":now": keys.instant(effect.now),
                    ":after": batch.after,
                    ":due_key": keys.keep_due_since(
                        keys.due_key(batch.priority, effect.lease_until), found.get("due_key")
                    ),
                }
            ),
        )
        return replace(batch, lease_until=effect.lease_until) if written else None

    def move_batch(self, effect: effects.MoveBatch) -> bool:
        """Give the rest of a batch back. False: another worker has it, or it has ended."""
        batch = effect.batch
        written, _ = dynamo.conditionally(
            self._client.update_item,
            TableName=self._table,
            Key=dynamo.wire(keys.batch(batch.event_id, batch.version, batch.first)),
            UpdateExpression="SET #after = :after, due_key = :due_key REMOVE #lease_until",
            ConditionExpression=STILL_MINE,
            ExpressionAttributeNames={"#lease_until": "lease_until", "#after": "after"},
            ExpressionAttributeValues=dynamo.wire(
                {":after": effect.after, ":due_key": effect.due_key, ":mine": instant_or_none(batch.lease_until)}
            ),
        )
        return written

    def end_batch(self, effect: effects.EndBatch) -> bool:
        """Delete a batch, and count it off its fan-out. False: another worker has it, or it has ended."""
        batch = effect.batch
        gone = delete(
            self._table,
            keys.batch(batch.event_id, batch.version, batch.first),
            STILL_MINE,
            mine=instant_or_none(batch.lease_until),
        )
        key = keys.fan_out(batch.event_id)
        for _ in range(ROUNDS):
            actions = {"batch": gone}
            found = dynamo.get(self._client, self._table, key)
            fan_out = items.fan_out_of(found) if found else None
            if fan_out is not None and fan_out.version == batch.version:
                values = {"version": batch.version, "seen": fan_out.left}
                if fan_out.left <= 1 and not fan_out.planning:
                    actions["fan-out"] = delete(self._table, key, THE_LAST_BATCH, **values)
                else:
                    actions["fan-out"] = update(
                        self._table, key, "ADD #left :less", STILL_SO_MANY_LEFT, less=-1, **values
                    )
            refused = attempt(self._client, actions)
            if not refused:
                return True
            if "batch" in refused:
                return False
        raise dynamo.Contention("every attempt met the end of another batch")

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

    def store_rate(self, effect: effects.StoreRate) -> None:
        """Store the rate that SES grants the account."""
        self._client.update_item(
            TableName=self._table,
            Key=dynamo.wire(keys.sending()),
            UpdateExpression="SET #rate = :rate",
            ExpressionAttributeNames={"#rate": "rate"},
            ExpressionAttributeValues=dynamo.wire({":rate": Decimal(str(effect.rate))}),
        )

    def reserve(self, effect: effects.ReserveQuota) -> None:
        """Reserve SES's quota for urgent messages until ``effect.until``."""
        self._client.update_item(
            TableName=self._table,
            Key=dynamo.wire(keys.sending()),
            UpdateExpression="SET reserved_until = :until",
            ExpressionAttributeValues=dynamo.wire({":until": keys.instant(effect.until)}),
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
        case DueKind.BATCH:
            return keys.batch(due.event_id, due.version, due.registration_id)
        case DueKind.SEATS:
            return keys.seats(due.event_id)
        case DueKind.NOTIFICATION:
            return keys.notification(due.event_id, due.registration_id, due.notification_id)
        case DueKind.SURVEY:
            return keys.survey(due.event_id)
        case DueKind.SPLIT_TRANSFER:
            return keys.split_transfer(due.event_id)
