"""The seats of an event: its own count, and the blocks of it that shards give out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..decision.invitation import Seats
from ..settings import Settings
from . import dynamo, items, keys
from .writes import EXISTS, Action, update

# No block was lent since the shards were read: what was empty then is empty now, and there are no others.
NO_BLOCK_LENT_SINCE = "#blocks = :blocks"
NO_BLOCK_EVER_LENT = "attribute_not_exists(#blocks)"

SHARDS = 16
"""How many shards an event's seats have at most. Those of an event where registrations never met have none."""


def read(client: Any, settings: Settings, event_id: str) -> Seats | None:
    """The event's seats, strongly consistent, or ``None`` where there are none.

    One query, but not one moment: what is registered meanwhile may or may not be counted.
    """
    query: dict[str, Any] = {
        "TableName": settings.invitations_table,
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
        "ExpressionAttributeValues": dynamo.wire(
            {
                ":pk": keys.seats(event_id)["pk"],
                ":first": keys.SEATS,
                # "~" sorts after all numbers.
                ":last": f"{keys.SEATS}#~",
            }
        ),
        "ConsistentRead": True,
    }
    found = list(dynamo.pages(client.query, **query))
    return items.seats_of(found[0], found[1:]) if found else None


def stop_actions(settings: Settings, event_id: str, seats: Seats) -> dict[str, Action]:
    """The actions after which no shard of ``seats`` gives out what it has left. For a transaction in which the event's
    own item is written under the condition that no block was lent since.
    """
    stopped = "SET #back = #back + #free, #free = :nothing"
    return {
        f"shard {shard.number}": update(
            settings.invitations_table, keys.seat_shard(event_id, shard.number), stopped, nothing=0
        )
        for shard in seats.shards
    }


def let_a_change_pass(client: Any, settings: Settings, event_id: str, until: datetime) -> None:
    """Make registrations wait until then (UTC), or until the change is written: a transaction with all shards of an
    event has no chance while a hundred registrations a second take seats from them.
    """
    dynamo.conditionally(
        client.update_item,
        TableName=settings.invitations_table,
        Key=dynamo.wire(keys.seats(event_id)),
        UpdateExpression="SET yield_until = :until",
        ConditionExpression=EXISTS,
        ExpressionAttributeValues=dynamo.wire({":until": keys.instant(until)}),
    )
