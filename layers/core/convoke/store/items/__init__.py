"""Items of DynamoDB to nouns, and back. Absent stays absent: a ``None`` is never written."""

from __future__ import annotations

from .delivery import (
    acknowledged_item,
    delivered_items,
    fan_item,
    fan_of,
    intent_item,
    invitation_item,
    invitation_of,
    owed_attributes,
    posted_item,
    posted_of,
    seats_item,
    seats_of,
    sending_of,
    stopped_items,
    told_item,
    told_of,
)
from .people import event_item, event_of, heard_item, heard_of, registration_item, registration_of
from .values import Item, moment, present, wall_of, walls, when_item, when_of

__all__ = [
    "Item",
    "acknowledged_item",
    "delivered_items",
    "event_item",
    "event_of",
    "fan_item",
    "fan_of",
    "heard_item",
    "heard_of",
    "intent_item",
    "invitation_item",
    "invitation_of",
    "moment",
    "owed_attributes",
    "posted_item",
    "posted_of",
    "present",
    "registration_item",
    "registration_of",
    "seats_item",
    "seats_of",
    "sending_of",
    "stopped_items",
    "told_item",
    "told_of",
    "wall_of",
    "walls",
    "when_item",
    "when_of",
]
