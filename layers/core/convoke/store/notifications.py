"""Notification mails that are due: scheduled in the transaction of what they are about, and kept with their content
until they are sent. After that the item stays for :data:`KEPT` without the content, so that none is sent twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from .. import effects
from ..mail.notifications import (
    Counter,
    Notification,
    NotificationKind,
    NotificationState,
    may_be_sent,
    notification_state,
    priority,
)
from ..model import DeliveryState, Participation, Person
from ..settings import Settings
from . import dynamo, items, keys
from .attention import attention_item, attention_of
from .items import Item
from .writes import NEW, Action, update

KEPT = timedelta(days=30)
"""How long a notification is remembered, so that it is not scheduled twice."""
COUNTED = timedelta(days=2)
"""How long a daily count is kept, from the beginning of its day."""

# Nobody wrote to the notification since it was read.
FENCE_IS_THE_ONE_READ = "#fence = :read"
# Fewer notifications were sent on the day than its limit.
FEWER_THAN_MAX = "attribute_not_exists(#count) OR #count < :most"


def schedule_action(settings: Settings, notification: Notification, now: datetime) -> Action:
    """The action that schedules ``notification``, for a transaction. One that was scheduled before is not changed."""
    parts = [f"#{name} = if_not_exists(#{name}, :{name})" for name in _new(notification, now)]
    key = keys.notification(notification.event_id, notification.registration_id, notification.notification_id)
    return update(settings.invitations_table, key, f"SET {', '.join(parts)}", "", **_new(notification, now))


def schedule(client: Any, settings: Settings, notification: Notification, *, now: datetime) -> bool:
    """Schedule ``notification``. False: it was scheduled before, or its recipient is the deployment's own address."""
    if not may_be_sent(notification, settings.sender):
        return False
    written, _ = dynamo.conditionally(
        client.put_item,
        TableName=settings.invitations_table,
        Item=dynamo.wire(
            {
                **keys.notification(notification.event_id, notification.registration_id, notification.notification_id),
                **_new(notification, now),
            }
        ),
        ConditionExpression=NEW,
    )
    return written


def _new(notification: Notification, now: datetime) -> Item:
    return {
        **_notification_state_item(notification_state(notification, keys.due_key(priority(notification.kind), now))),
        "expires_at": int((now + KEPT).timestamp()),
    }


class Notifications:
    """Carries out the effects of ``delivery.notify``."""

    def __init__(self, client: Any, settings: Settings) -> None:
        self._client = client
        self._table = settings.invitations_table

    def read(self, effect: effects.ReadNotification) -> NotificationState | None:
        key = keys.notification(effect.event_id, effect.registration_id, effect.notification_id)
        item = dynamo.get(self._client, self._table, key)
        return notification_state_of(item) if item else None

    def daily_count(self, effect: effects.CountDaily) -> bool:
        """Count one more notification of this kind for the event and day. False: the day's limit is reached."""
        day = datetime.fromisoformat(f"{effect.day}T00:00:00+00:00")
        written, _ = dynamo.conditionally(
            self._client.update_item,
            TableName=self._table,
            Key=dynamo.wire(
                keys.daily_count(effect.notification_state.event_id, effect.notification_state.kind, effect.day)
            ),
            UpdateExpression="SET expires_at = :expires ADD #count :one",
            ConditionExpression=FEWER_THAN_MAX,
            ExpressionAttributeNames={"#count": "count"},
            ExpressionAttributeValues=dynamo.wire(
                {":one": 1, ":most": effect.most, ":expires": int((day + COUNTED).timestamp())}
            ),
        )
        return written

    def claim(self, effect: effects.ClaimNotification) -> NotificationState | None:
        """Take the right to send: returns the claimed state, or ``None`` where another worker wrote to it."""
        seen = effect.seen
        claimed = replace(seen, lease_until=effect.lease_until, unknowns=seen.unknowns + 1, due_key=effect.due_key)
        return (
            replace(claimed, fence=seen.fence + 1)
            if self.record(effects.RecordNotification(notification_state=claimed))
            else None
        )

    def record(self, effect: effects.RecordNotification) -> bool:
        """Write the notification's state and raise its fence. False: another worker wrote to it since it was read."""
        changed = effect.notification_state
        changes = _notification_state_item(replace(changed, fence=changed.fence + 1))
        for name in ("notification_id", "event_id", "registration_id", "kind"):
            del changes[name]
        absent = [name for name in ("lease_until", "due_shard", "due_key") if name not in changes]
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in changes)
        if absent:
            expression += " REMOVE " + ", ".join(f"#{name}" for name in absent)
        written, _ = dynamo.conditionally(
            self._client.update_item,
            TableName=self._table,
            Key=dynamo.wire(keys.notification(changed.event_id, changed.registration_id, changed.notification_id)),
            UpdateExpression=expression,
            ConditionExpression=FENCE_IS_THE_ONE_READ,
            ExpressionAttributeNames={f"#{name}": name for name in (*changes, *absent)},
            ExpressionAttributeValues=dynamo.wire(
                {":read": changed.fence, **{f":{name}": value for name, value in changes.items()}}
            ),
        )
        return written


def forget(client: Any, settings: Settings, event_id: str, registration_id: str) -> None:
    """Delete every notification to or about a person."""
    first = keys.notification(event_id, registration_id, "")
    query = {
        "TableName": settings.invitations_table,
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
        "ExpressionAttributeValues": dynamo.wire({":pk": first["pk"], ":prefix": first["sk"]}),
        "ProjectionExpression": "pk, sk",
        "ConsistentRead": True,
    }
    for row in dynamo.pages(client.query, **query):
        client.delete_item(TableName=settings.invitations_table, Key=dynamo.wire(row))


# --- items --------------------------------------------------------------------------------------------------------


def _notification_state_item(notification_state: NotificationState) -> Item:
    lease = notification_state.lease_until
    return items.present(
        {
            "notification_id": notification_state.notification_id,
            "event_id": notification_state.event_id,
            "registration_id": notification_state.registration_id,
            "kind": notification_state.kind.value,
            # Sent ones keep an empty map, which `schedule_action` does not overwrite.
            "notification": notification_item(notification_state.notification)
            if notification_state.notification
            else {},
            "fence": notification_state.fence,
            "attempts": notification_state.attempts,
            "unknowns": notification_state.unknowns,
            "lease_until": keys.instant(lease) if lease else None,
            "state": notification_state.state.value,
            **items.due_attributes(notification_state.notification_id, notification_state.due_key),
        }
    )


def notification_state_of(item: Mapping[str, Any]) -> NotificationState:
    ids = {name: item[name] for name in ("notification_id", "event_id", "registration_id")}
    kind = NotificationKind(item["kind"])
    return NotificationState(
        **ids,
        kind=kind,
        notification=notification_of(item["notification"], ids, kind) if item["notification"] else None,
        fence=int(item["fence"]),
        attempts=int(item["attempts"]),
        unknowns=int(item["unknowns"]),
        lease_until=items.moment(item["lease_until"]) if "lease_until" in item else None,
        state=DeliveryState(item["state"]),
        due_key=item.get("due_key"),
    )


def notification_item(notification: Notification) -> Item:
    """The content of a notification, without its ids and kind, which the item around it has."""
    counter = notification.counter
    return items.present(
        {
            "recipient": _person_item(notification.recipient),
            "organizer": _person_item(notification.organizer),
            "title": notification.title,
            "when": items.when_item(notification.when),
            "author": _person_item(notification.author) if notification.author else None,
            "subject": notification.subject or None,
            "quoted": notification.quoted or None,
            "answered": notification.answered.value if notification.answered else None,
            "counter": _counter_item(counter) if counter else None,
            "missed": [attention_item(one) for one in notification.missed] or None,
            "more": notification.more or None,
            "written_at": keys.instant(notification.written_at),
        }
    )


def notification_of(item: Mapping[str, Any], ids: Mapping[str, str], kind: NotificationKind) -> Notification:
    return Notification(
        **ids,
        kind=kind,
        recipient=Person(**item["recipient"]),
        organizer=Person(**item["organizer"]),
        title=item["title"],
        when=items.when_of(item["when"]),
        author=Person(**item["author"]) if "author" in item else None,
        subject=item.get("subject", ""),
        quoted=item.get("quoted", ""),
        answered=Participation(item["answered"]) if "answered" in item else None,
        counter=_counter_of(item["counter"]) if "counter" in item else None,
        missed=tuple(map(attention_of, item.get("missed", ()))),
        more=int(item.get("more", 0)),
        written_at=items.moment(item["written_at"]),
    )


def _person_item(person: Person) -> Item:
    return {"name": person.name, "email": person.email}


def _counter_item(counter: Counter) -> Item:
    return items.present(
        {
            "uid": counter.uid,
            "sequence": counter.sequence,
            "date": counter.date.isoformat() if counter.date else None,
            "proposed": items.when_item(counter.proposed) if counter.proposed else None,
        }
    )


def _counter_of(item: Mapping[str, Any]) -> Counter:
    return Counter(
        uid=item["uid"],
        sequence=int(item["sequence"]),
        date=items.local_time_of(item["date"]) if "date" in item else None,
        proposed=items.when_of(item["proposed"]) if "proposed" in item else None,
    )
