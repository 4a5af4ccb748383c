"""An operator's actions on the tables: stop and start all mail, and raise every SEQUENCE after restoring a backup."""

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
"""By how much each SEQUENCE is raised: more than the messages to one attendee since the restored backup."""

# Nobody wrote to the invitation since it was read. The change raises the fence, like every write to an invitation.
FENCE_IS_THE_ONE_READ = "fence = :fence"


def stop(client: Any, settings: Settings, why: str) -> None:
    """Send no mail until :func:`start`. What is due stays due."""
    Records(client, settings).stop_sending(StopSending(until=UNTIL_STARTED, why=why))


def start(client: Any, settings: Settings) -> None:
    """Send mail again: the sweep queues what is due, and each message is decided anew then."""
    Records(client, settings).start_sending()


def raise_sequences(client: Any, settings: Settings, *, now: datetime) -> Iterator[int]:
    """Raise the SEQUENCE of every invitation by :data:`LIFT` and make it due; yields how many are done.

    After a table was restored from a backup, calendars may hold entries with a higher SEQUENCE than the next one that
    would be given, and would ignore it. What was sent since the backup is unknown, so each attendee is sent the current
    state once more. To be run while all mail is stopped. Running it twice raises twice, which is harmless.
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
    was_sent_something = item["allocated"] >= 0
    written, _ = dynamo.conditionally(
        client.update_item,
        TableName=settings.invitations_table,
        Key=dynamo.wire({"pk": item["pk"], "sk": item["sk"]}),
        UpdateExpression="SET fence = :raised, due_shard = :shard, due_key = :due_key "
        "ADD allocated :lift, wakeups :one, repair :repair",
        ConditionExpression=FENCE_IS_THE_ONE_READ,
        ExpressionAttributeValues=dynamo.wire(
            {
                ":fence": item["fence"],
                ":raised": item["fence"] + 1,
                ":shard": keys.shard(item["registration_id"]),
                ":due_key": item.get("due_key") or keys.due_key(1, now),
                ":lift": LIFT,
                ":one": 1,
                # According to the backup, nothing was sent to them: there is nothing to repair.
                ":repair": 1 if was_sent_something else 0,
            }
        ),
    )
    return written
