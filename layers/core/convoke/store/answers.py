"""The history of what one attendee answered: the latest, each said once, in the order in which they count."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from ..model import ReceivedReply
from ..settings import Settings
from . import cursors, dynamo, items, keys
from .lists import Page
from .writes import NEW, Action, attempt, delete, put

LATEST = 100
"""How many are kept; somebody who answers more often loses the oldest."""
KEPT_AFTER_THE_EVENT = timedelta(days=365)

POSITION = r"[0-9]{10}(?:#[0-9TZ:.\-]{27}){1,2}#[0-9T:\-]*#[a-z\-]+"


def stored_keys(client: Any, settings: Settings, registration_id: str) -> list[str]:
    """The sort keys of all that are kept, oldest first."""
    query = _query(settings, registration_id) | {"ProjectionExpression": "sk"}
    return [row["sk"] for row in dynamo.pages(client.query, **query)]


def history_actions(
    settings: Settings, registration_id: str, heard: ReceivedReply, kept: list[str], ends_at: datetime
) -> dict[str, Action]:
    """The actions that add ``heard`` to those ``kept``, for the transaction of what it does; none where it is too old.

    ``ends_at`` is when the event is over, UTC.
    """
    key = keys.answer(registration_id, heard.reply)
    dropped = sorted([*kept, key["sk"]])[:-LATEST]
    if key["sk"] in dropped:
        return {}
    item = items.received_reply_item(registration_id, heard, expires_at=max(heard.at, ends_at) + KEPT_AFTER_THE_EVENT)
    actions = {"answer": put(settings.invitations_table, item, NEW)}
    for sk in dropped:
        actions[sk] = delete(settings.invitations_table, {"pk": key["pk"], "sk": sk})
    return actions


def list_answers(
    client: Any, settings: Settings, registration_id: str, *, limit: int, cursor: str | None = None
) -> Page:
    """A page of the history as :class:`ReceivedReply`, oldest first."""
    identity = f"answers of {registration_id}"
    query = _query(settings, registration_id) | {"Limit": limit + 1}
    if cursor is not None:
        position = cursors.decode(identity, cursor, POSITION)
        pk = query["ExpressionAttributeValues"][":pk"]
        query["ExclusiveStartKey"] = {"pk": pk, **dynamo.wire({"sk": f"{keys.ANSWER_PREFIX}{position}"})}
    found = list(islice(dynamo.pages(client.query, **query), limit + 1))
    more = len(found) > limit
    return Page(
        items=tuple(items.received_reply_of(item) for item in found[:limit]),
        next=cursors.encode(identity, found[limit - 1]["sk"].removeprefix(keys.ANSWER_PREFIX)) if more else None,
    )


def forget(client: Any, settings: Settings, registration_id: str) -> None:
    """Take the whole history away."""
    for sk in stored_keys(client, settings, registration_id):
        key = {**keys.message(registration_id, 0), "sk": sk}
        attempt(client, {"answer": delete(settings.invitations_table, key)})


def _query(settings: Settings, registration_id: str) -> dict[str, Any]:
    pk = keys.message(registration_id, 0)["pk"]
    return {
        "TableName": settings.invitations_table,
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :answers)",
        "ExpressionAttributeValues": dynamo.wire({":pk": pk, ":answers": keys.ANSWER_PREFIX}),
        "ConsistentRead": True,
    }
