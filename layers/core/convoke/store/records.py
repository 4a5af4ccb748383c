"""What delivery writes beside the invitations: messages as they left, the fan-outs, debts put off, the switch."""

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
"""How long an audit's list is kept."""

# It is written down for the first time: what stands is what the first attempt sent. What could not be written was not.
NOT_WRITTEN_DOWN = "attribute_not_exists(pk) OR attribute_exists(unwritten)"
# It stands (an update must not bring forth a torso), and nothing graver was reported of it: reports come in any order.
STANDS_AND_NOTHING_GRAVER = "attribute_exists(pk) AND (attribute_not_exists(#rank) OR #rank <= :rank)"
# The fan-out is still where the slice found it: no newer change replaced it, no other chain moved it.
STILL_AT_THIS_BATCH = "#version = :version AND #cursor = :cursor"
# A person's switch is not turned on again by a pause of the account.
NOT_STOPPED_FOR_LONGER = "attribute_not_exists(stopped_until) OR stopped_until < :until"
# It is still the debt that was seen.
STILL_THE_DEBT_SEEN = "due_key = :seen"


# It stands, and SES has reported nothing of it: what was reported is truer than that we gave it up.
STANDS_AND_NOTHING_REPORTED = "attribute_exists(pk) AND attribute_not_exists(#rank)"


def giving_up(settings: Settings, registration_id: str, sequence: int, reason: str) -> Action:
    """The message's record says that it was given up, and why: for the transaction of giving it up."""
    return update(
        settings.invitations_table,
        keys.message(registration_id, sequence),
        "SET #state = :failed, #reason = :reason",
        STANDS_AND_NOTHING_REPORTED,
        failed=DeliveryState.FAILED.value,
        reason=reason,
    )


class Records:
    """Messages, fan-outs, debts and the switch in the invitations table."""

    def __init__(self, client: Any, settings: Settings) -> None:
        self._client = client
        self._table = settings.invitations_table

    def keep(self, stored: StoredMessage) -> StoredMessage:
        """Write the message down, unless it stands; answer what stands."""
        written, standing = dynamo.conditionally(
            self._client.put_item,
            TableName=self._table,
            Item=dynamo.wire(items.stored_message_item(stored)),
            ConditionExpression=NOT_WRITTEN_DOWN,
        )
        return stored if written or standing is None else items.stored_message_of(standing)

    def sent(self, effect: effects.RecordMessageState) -> None:
        dynamo.conditionally(
            self._client.update_item,
            TableName=self._table,
            Key=dynamo.wire(keys.message(effect.registration_id, effect.sequence)),
            # The first acceptance is when it was sent; what a resend did is told by the invitation.
            UpdateExpression="SET sent_at = if_not_exists(sent_at, :at), ses_id = :ses_id, #state = :state, "
            "#rank = :rank, reason = :reason",
            ConditionExpression=STANDS_AND_NOTHING_GRAVER,
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
        written, _ = dynamo.conditionally(
            self._client.update_item,
            **self._fan_out(effect.batch, {":to": effect.cursor, ":owed": effect.due_key}),
            UpdateExpression="SET #cursor = :to, due_key = :owed",
        )
        return written

    def end_fan_out(self, effect: effects.EndFanOut) -> bool:
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

    def put_off(self, effect: effects.Postpone) -> bool:
        written, _ = dynamo.conditionally(
            self._client.update_item,
            TableName=self._table,
            Key=dynamo.wire(due_key(effect.due)),
            UpdateExpression="SET due_key = :owed",
            ConditionExpression=STILL_THE_DEBT_SEEN,
            ExpressionAttributeValues=dynamo.wire(
                {":owed": keys.still_due(effect.due_key, effect.due.due_key), ":seen": effect.due.due_key}
            ),
        )
        return written

    def put_down(self, effect: effects.StoreAuditPage) -> None:
        """A page of an audit's list, which goes by itself after a month."""
        item = {
            **keys.finding(effect.at, effect.page),
            "at": keys.instant(effect.at),
            "differences": list(effect.lines),
            "expires_at": int((effect.at + KEPT).timestamp()),
        }
        self._client.put_item(TableName=self._table, Item=dynamo.wire(item))

    def findings(self) -> Iterator[tuple[datetime, str]]:
        """What the last audit that stopped has found: when (UTC); of each difference event, registration, reason."""
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
        """Whatever stopped it: from now on mail is sent again."""
        self._client.update_item(
            TableName=self._table,
            Key=dynamo.wire(keys.sending()),
            UpdateExpression="REMOVE stopped_until, reason",
        )

    def reserve(self, effect: effects.ReserveQuota) -> None:
        self._client.update_item(
            TableName=self._table,
            Key=dynamo.wire(keys.sending()),
            UpdateExpression="SET reserved_until = :until",
            ExpressionAttributeValues=dynamo.wire({":until": keys.instant(effect.until)}),
        )


def due_key(due: Due) -> keys.Key:
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
            return keys.note(due.event_id, due.registration_id, due.notification_id)
        case DueKind.SURVEY:
            return keys.survey(due.event_id)
        case DueKind.SPLIT_TRANSFER:
            return keys.carry(due.event_id)
