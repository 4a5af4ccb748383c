"""Who was not reached, written down beside the event's invitations, and the debt to look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from .. import effects
from ..decision.attention import Attention, AttentionKind, AttentionReason, Survey, Unreached
from ..settings import Settings
from . import dynamo, items, keys
from .items import Item
from .writes import Action, delete, put, update

PRIORITY = 1
KEPT = timedelta(days=365)
SHOWN = 100
"""How many an event shows."""

# Nobody asked for another look since it began.
NOBODY_ASKED_SINCE = "#wakeups = :wakeups"


def watching(settings: Settings, event_id: str, now: datetime) -> Action:
    """The debt to look whether a change has reached everybody, in a while, for the transaction of the change. One that
    stands is not put off.
    """
    return update(
        settings.invitations_table,
        keys.survey(event_id),
        "SET #event_id = :event_id, #due_shard = :shard, #due_key = if_not_exists(#due_key, :owed) ADD #wakeups :one",
        "",
        event_id=event_id,
        shard=keys.shard(event_id),
        owed=keys.owed(PRIORITY, now + settings.times.attention),
        one=1,
    )


def watching_now(settings: Settings, event_id: str, due_key: str) -> Action:
    """The debt to look from ``due_key`` on, for the transaction of something that did not reach somebody."""
    return update(
        settings.invitations_table,
        keys.survey(event_id),
        "SET #event_id = :event_id, #due_shard = :shard, #due_key = :owed ADD #wakeups :one",
        "",
        event_id=event_id,
        shard=keys.shard(event_id),
        owed=due_key,
        one=1,
    )


def shown(client: Any, settings: Settings, event_id: str, *, now: datetime) -> tuple[tuple[Attention, ...], int]:
    """The first who were not reached, then whose answers wait for the organizer; and how many they are in all."""
    query = _range(settings, event_id, "", "~")
    # Both kinds lie side by side, and nothing between them.
    query["ExpressionAttributeValues"] |= dynamo.wire({":first": keys.UNCONFIRMED_PREFIX})
    unreached, waiting = [], []
    for row in dynamo.pages(client.query, **query):
        if row["sk"].startswith(keys.UNREACHED_PREFIX):
            unreached.append(row)
        elif row["expires_at"] > now.timestamp():  # DynamoDB removes what has expired only hours later
            waiting.append(row)
    return tuple(map(attention_of, [*unreached, *waiting][:SHOWN])), len(unreached) + len(waiting)


def unconfirmed(settings: Settings, event_id: str, one: Attention, expires_at: datetime) -> Action:
    """That an answer waits for the organizer's word, as long as the mail is kept."""
    key = keys.unconfirmed(event_id, one.registration_id, one.quarantine_id or "")
    item = {**key, **attention_item(one), "expires_at": int(expires_at.timestamp())}
    return put(settings.invitations_table, item)


def confirmed(settings: Settings, event_id: str, registration_id: str, quarantine_id: str) -> Action:
    """That it waits no more, for the transaction of what was decided."""
    return delete(settings.invitations_table, keys.unconfirmed(event_id, registration_id, quarantine_id))


class Surveys:
    """What ``survey`` reads and writes."""

    def __init__(self, client: Any, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._table = settings.invitations_table

    def watch(self, effect: effects.ScheduleSurvey) -> None:
        self._client.update_item(**watching_now(self._settings, effect.event_id, effect.due_key)["Update"])

    def read(self, event_id: str) -> Survey | None:
        item = dynamo.get(self._client, self._table, keys.survey(event_id))
        return None if item is None else survey_of(item)

    def unreached(self, effect: effects.ReadUnreached) -> tuple[Unreached, ...]:
        query = _range(self._settings, effect.event_id, effect.after, effect.through)
        return tuple(map(unreached_of, dynamo.pages(self._client.query, **query)))

    def keep(self, effect: effects.StoreUnreached) -> None:
        """Without a condition: two surveys at once come to the same end."""
        known = effect.now or effect.was
        if known is None:
            return
        key = keys.unreached(effect.event_id, known.attention.registration_id)
        if effect.now is None:
            self._client.delete_item(TableName=self._table, Key=dynamo.wire(key))
        else:
            self._client.put_item(TableName=self._table, Item=dynamo.wire({**key, **unreached_item(effect.now)}))

    def end(self, effect: effects.EndSurvey) -> bool:
        seen, changes, expression = effect.seen, dict[str, Any](), []
        if effect.summed_up_at is not None:
            expression.append("summed_up_at = :summed_up_at")
            changes[":summed_up_at"] = keys.instant(effect.summed_up_at)
        if effect.due_key is not None:
            expression += ["due_shard = :shard", "due_key = :owed"]
            changes |= {":shard": keys.shard(seen.event_id), ":owed": effect.due_key}
        text = "SET " + ", ".join(expression) if expression else ""
        if effect.due_key is None:
            text += " REMOVE due_shard, due_key"
        written, _ = dynamo.conditionally(
            self._client.update_item,
            TableName=self._table,
            Key=dynamo.wire(keys.survey(seen.event_id)),
            UpdateExpression=text.strip(),
            ConditionExpression=NOBODY_ASKED_SINCE,
            ExpressionAttributeNames={"#wakeups": "wakeups"},
            ExpressionAttributeValues=dynamo.wire({":wakeups": seen.wakeups, **changes}),
        )
        return written


def _range(settings: Settings, event_id: str, after: str, through: str) -> dict[str, Any]:
    first = keys.unreached(event_id, after)
    return {
        "TableName": settings.invitations_table,
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
        "ExpressionAttributeValues": dynamo.wire(
            {
                ":pk": first["pk"],
                # A space follows no id, yet comes before all that follow it.
                ":first": first["sk"] + (" " if after else ""),
                ":last": keys.unreached(event_id, through)["sk"],
            }
        ),
        "ConsistentRead": True,
    }


# --- items --------------------------------------------------------------------------------------------------------


def survey_of(item: Mapping[str, Any]) -> Survey:
    return Survey(
        event_id=item["event_id"],
        wakeups=int(item["wakeups"]),
        summed_up_at=items.moment(item["summed_up_at"]) if "summed_up_at" in item else None,
        due_key=item.get("due_key"),
    )


def unreached_item(one: Unreached) -> Item:
    expires_at = int((one.attention.since + KEPT).timestamp())
    return {**attention_item(one.attention), "notified": one.notified, "expires_at": expires_at}


def unreached_of(item: Mapping[str, Any]) -> Unreached:
    return Unreached(attention=attention_of(item), notified=bool(item["notified"]))


def attention_item(one: Attention) -> Item:
    return items.present(
        {
            "registration_id": one.registration_id,
            "kind": one.kind.value,
            "state": one.state.value,
            "since": keys.instant(one.since),
            "date": one.date.isoformat() if one.date else None,
            "quarantine_id": one.quarantine_id,
        }
    )


def attention_of(item: Mapping[str, Any]) -> Attention:
    return Attention(
        registration_id=item["registration_id"],
        kind=AttentionKind(item["kind"]),
        state=AttentionReason(item["state"]),
        since=items.moment(item["since"]),
        date=items.wall_of(item["date"]) if "date" in item else None,
        quarantine_id=item.get("quarantine_id"),
    )
