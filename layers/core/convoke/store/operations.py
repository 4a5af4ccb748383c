"""What an operator does to the tables by hand: stop and start all mail, and lift every SEQUENCE after a restore."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ..effects import StopSending
from ..settings import Settings
from . import dynamo, items, keys
from .records import Records

UNTIL_STARTED = datetime(9999, 1, 1, tzinfo=UTC)
LIFT = 1000
"""More messages than anybody was sent since the backup that was restored."""

# It is an invitation, and nobody wrote it since it was read: a lift is a write like any other, and raises the fence.
FENCE_IS_THE_ONE_READ = "fence = :fence"


def stop(client: Any, settings: Settings, why: str) -> None:
    """No mail leaves until :func:`start`. What is owed stays owed."""
    Records(client, settings).stop_sending(StopSending(until=UNTIL_STARTED, why=why))


def start(client: Any, settings: Settings) -> None:
    """Mail leaves again: the sweeper hands out what is owed, as it is true then."""
    Records(client, settings).start_sending()


def raise_sequences(client: Any, settings: Settings, *, now: datetime) -> Iterator[int]:
    """Lift the SEQUENCE of every invitation by :data:`LIFT`, and owe its latest word anew; yields how many are done.

    After a table was set back to a backup, calendars hold messages with a higher SEQUENCE than the next we would give,
    and would ignore it. Nobody knows what they were told since, so what is true is said to each once more. To be run
    while all mail is stopped; running it again lifts again, which does no harm.
    """
    scan = {
        "TableName": settings.invitations_table,
        "FilterExpression": "begins_with(sk, :registration)",
        "ExpressionAttributeValues": dynamo.wire({":registration": keys.REGISTRATION_PREFIX}),
        "ConsistentRead": True,
    }
    for done, item in enumerate(dynamo.pages(client.scan, **scan), start=1):
        while not _lift(client, settings, item, now):
            item = dynamo.get(client, settings.invitations_table, {"pk": item["pk"], "sk": item["sk"]}) or item
        yield done


def _lift(client: Any, settings: Settings, item: items.Item, now: datetime) -> bool:
    calendar_state = item["allocated"] >= 0
    written, _ = dynamo.conditionally(
        client.update_item,
        TableName=settings.invitations_table,
        Key=dynamo.wire({"pk": item["pk"], "sk": item["sk"]}),
        UpdateExpression="SET fence = :raised, due_shard = :shard, due_key = :owed "
        "ADD allocated :lift, wakeups :one, repair :repair",
        ConditionExpression=FENCE_IS_THE_ONE_READ,
        ExpressionAttributeValues=dynamo.wire(
            {
                ":fence": item["fence"],
                ":raised": item["fence"] + 1,
                ":shard": keys.shard(item["registration_id"]),
                ":owed": item.get("due_key") or keys.due_key(1, now),
                ":lift": LIFT,
                ":one": 1,
                # Who was told nothing, as far as the backup knows, has nothing to be told again.
                ":repair": 1 if calendar_state else 0,
            }
        ),
    )
    return written
