"""Who was not reached by a message, stored beside the event's invitations, and the survey that finds it out."""

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
MAX_LISTED = 100
"""How many people of one event the API lists."""

# No wake-up was added to the survey since it was read.
WAKEUPS_UNCHANGED = "#wakeups = :wakeups"


def survey_action(settings: Settings, event_id: str, now: datetime) -> Action:
    """The action that schedules a survey of the event, for the transaction of a change: it begins after the time that a
    change has to reach everybody. One that is scheduled already is not postponed.
    """
    return update(
        settings.invitations_table,
        keys.survey(event_id),
        "SET #event_id = :event_id, #due_shard = :shard, #due_key = if_not_exists(#due_key, :due_key) "
        "ADD #wakeups :one",
        "",
        event_id=event_id,
        shard=keys.shard(event_id),
        due_key=keys.due_key(PRIORITY, now + settings.times.attention),
        one=1,
    )


def survey_at_action(settings: Settings, event_id: str, due_key: str) -> Action:
    """The action that schedules a survey of the event at ``due_key``, for the transaction that records that a message
    did not reach somebody.
    """
    return update(
        settings.invitations_table,
        keys.survey(event_id),
        "SET #event_id = :event_id, #due_shard = :shard, #due_key = :due_key ADD #wakeups :one",
        "",
        event_id=event_id,
        shard=keys.shard(event_id),
        due_key=due_key,
        one=1,
    )


def list_attention(
    client: Any, settings: Settings, event_id: str, *, now: datetime
) -> tuple[tuple[Attention, ...], int]:
    """The first :data:`MAX_LISTED` people who were not reached, followed by those whose answers wait for the organizer;
    and how many there are in all.
    """
    query = _range(settings, event_id, "", "~")
    # The sort keys of both kinds are adjoining ranges.
    query["ExpressionAttributeValues"] |= dynamo.wire({":first": keys.UNCONFIRMED_PREFIX})
    unreached, waiting = [], []
    for row in dynamo.pages(client.query, **query):
        if row["sk"].startswith(keys.UNREACHED_PREFIX):
            unreached.append(row)
        elif row["expires_at"] > now.timestamp():  # DynamoDB removes what has expired only hours later
            waiting.append(row)
    return tuple(map(attention_of, [*unreached, *waiting][:MAX_LISTED])), len(unreached) + len(waiting)


def unconfirmed_action(settings: Settings, event_id: str, one: Attention, expires_at: datetime) -> Action:
    """The action that lists an answer as waiting for the organizer's decision, until its mail expires (UTC)."""
    key = keys.unconfirmed(event_id, one.registration_id, one.quarantine_id or "")
    item = {**key, **attention_item(one), "expires_at": int(expires_at.timestamp())}
    return put(settings.invitations_table, item)


def confirmed_action(settings: Settings, event_id: str, registration_id: str, quarantine_id: str) -> Action:
    """The action that removes it from the list, for the transaction of the decision."""
    return delete(settings.invitations_table, keys.unconfirmed(event_id, registration_id, quarantine_id))


class Surveys:
    """Carries out the effects of ``delivery.survey``."""

    def __init__(self, client: Any, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._table = settings.invitations_table

    def schedule(self, effect: effects.ScheduleSurvey) -> None:
        """Schedule a survey of the event at the effect's due key."""
        self._client.update_item(**survey_at_action(self._settings, effect.event_id, effect.due_key)["Update"])

    def read(self, event_id: str) -> Survey | None:
        item = dynamo.get(self._client, self._table, keys.survey(event_id))
        return None if item is None else survey_of(item)

    def unreached(self, effect: effects.ReadUnreached) -> tuple[Unreached, ...]:
        """The people who are stored as not reached, by registration id, greater than ``after`` and up to
        ``through``.
        """
        query = _range(self._settings, effect.event_id, effect.after, effect.through)
        return tuple(map(unreached_of, dynamo.pages(self._client.query, **query)))

    def store_unreached(self, effect: effects.StoreUnreached) -> None:
        """Write or delete one person. Unconditional, since two surveys at the same time come to the same result."""
        known = effect.now or effect.was
        if known is None:
            return
        key = keys.unreached(effect.event_id, known.attention.registration_id)
        if effect.now is None:
            self._client.delete_item(TableName=self._table, Key=dynamo.wire(key))
        else:
            self._client.put_item(TableName=self._table, Item=dynamo.wire({**key, **unreached_item(effect.now)}))

    def end(self, effect: effects.EndSurvey) -> bool:
        """Set the survey's next due key, or remove it. False: a wake-up was added since it was read."""
        seen, changes, expression = effect.seen, dict[str, Any](), []
        if effect.summed_up_at is not None:
            expression.append("summed_up_at = :summed_up_at")
            changes[":summed_up_at"] = keys.instant(effect.summed_up_at)
        if effect.due_key is not None:
            expression += ["due_shard = :shard", "due_key = :due_key"]
            changes |= {":shard": keys.shard(seen.event_id), ":due_key": effect.due_key}
        text = "SET " + ", ".join(expression) if expression else ""
        if effect.due_key is None:
            text += " REMOVE due_shard, due_key"
        written, _ = dynamo.conditionally(
            self._client.update_item,
            TableName=self._table,
            Key=dynamo.wire(keys.survey(seen.event_id)),
            UpdateExpression=text.strip(),
            ConditionExpression=WAKEUPS_UNCHANGED,
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
                # An id and a space sorts right after that id, so this excludes ``after`` alone.
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
        date=items.local_time_of(item["date"]) if "date" in item else None,
        quarantine_id=item.get("quarantine_id"),
    )
