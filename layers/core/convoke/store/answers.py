"""The history of one attendee's replies: the latest :data:`LATEST`, each once, in order of precedence."""

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
"""How many replies are kept for one attendee; beyond that the oldest are deleted."""
KEPT_AFTER_THE_EVENT = timedelta(days=365)

POSITION = r"[0-9]{10}(?:#[0-9TZ:.\-]{27}){1,2}#[0-9T:\-]*#[a-z\-]+"


def stored_keys(client: Any, settings: Settings, registration_id: str) -> list[str]:
    """The sort keys of the stored replies, in order of precedence, the lowest first."""
    query = _query(settings, registration_id) | {"ProjectionExpression": "sk"}
    return [row["sk"] for row in dynamo.pages(client.query, **query)]


def history_actions(
    settings: Settings, registration_id: str, received: ReceivedReply, kept: list[str], ends_at: datetime
) -> dict[str, Action]:
    """The actions that add ``received`` to the history; none where :data:`LATEST` replies of higher precedence are
    stored.

    ``kept`` are the sort keys of :func:`stored_keys`; ``ends_at`` is the end of the event (UTC).
    """
    key = keys.answer(registration_id, received.reply)
    dropped = sorted([*kept, key["sk"]])[:-LATEST]
    if key["sk"] in dropped:
        return {}
    expires_at = max(received.at, ends_at) + KEPT_AFTER_THE_EVENT
    item = items.received_reply_item(registration_id, received, expires_at=expires_at)
    actions = {"answer": put(settings.invitations_table, item, NEW)}
    for sk in dropped:
        actions[sk] = delete(settings.invitations_table, {"pk": key["pk"], "sk": sk})
    return actions


def list_answers(
    client: Any, settings: Settings, registration_id: str, *, limit: int, cursor: str | None = None
) -> Page:
    """A page of the history as :class:`ReceivedReply`, lowest precedence first."""
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
    """Delete the whole history."""
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
