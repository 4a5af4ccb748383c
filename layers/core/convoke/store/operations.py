"""An operator's actions on the tables: stop and start all mail, and raise every SEQUENCE after restoring a backup."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from ..effects import StopSending
from . import dynamo, keys
from .store import Store

UNTIL_STARTED = datetime(9999, 1, 1, tzinfo=UTC)
LIFT = 1000
"""By how much each SEQUENCE is raised: more than the messages to one attendee since the restored backup."""


def stop(store: Store, why: str) -> None:
    """Send no mail until :func:`start`. What is due stays due."""
    store.records.stop_sending(StopSending(until=UNTIL_STARTED, why=why))


def start(store: Store) -> None:
    """Send mail again: the sweep queues what is due, and each message is decided anew then."""
    store.records.start_sending()


def raise_sequences(store: Store, *, now: datetime) -> Iterator[int]:
    """Raise the SEQUENCE of every invitation by :data:`LIFT` and make it due; yields how many are done.

    After a table was restored from a backup, calendars may hold entries with a higher SEQUENCE than the next one that
    would be given, and would ignore it. What was sent since the backup is unknown, so each attendee is sent the current
    state once more. To be run while all mail is stopped. Running it twice raises twice, which is harmless.
    """
    table = store.settings.invitations_table
    scan = {
        "TableName": table,
        "FilterExpression": "begins_with(sk, :registration)",
        "ExpressionAttributeValues": dynamo.wire({":registration": keys.REGISTRATION_PREFIX}),
        "ConsistentRead": True,
    }
    for done, item in enumerate(dynamo.pages(store.client.scan, **scan), start=1):
        while not store.invitations.lift(item, LIFT, now):
            item = dynamo.get(store.client, table, {"pk": item["pk"], "sk": item["sk"]}) or item
        yield done
