"""An attendee's answer, written to their registration."""

from __future__ import annotations

from typing import Any

from ..model import Registration, Reply
from ..settings import Settings
from . import dynamo, items, keys

# Nobody wrote the registration since the answer was judged against it.
STILL_THE_VERSION_JUDGED = "version = :version"


def record(client: Any, settings: Settings, registration: Registration, reply: Reply) -> None:
    """Store ``reply``. Raises :class:`~.dynamo.Contention` where the registration changed since it was read."""
    written, _ = dynamo.conditionally(
        client.update_item,
        TableName=settings.registrations_table,
        Key=dynamo.wire(keys.registration(registration.event_id, registration.registration_id)),
        UpdateExpression="SET reply = :reply, version = :next",
        ConditionExpression=STILL_THE_VERSION_JUDGED,
        ExpressionAttributeValues=dynamo.wire(
            {":reply": items.reply_item(reply), ":version": registration.version, ":next": registration.version + 1}
        ),
    )
    if not written:
        raise dynamo.Contention("the registration changed while its answer was read")
