"""Conversion of DynamoDB items to data classes and back: ``x_item`` makes an item, ``x_of`` reads one.

A ``None`` is never written: what is absent from the data class is absent from the item.
"""

from __future__ import annotations

from .delivery import (
    acknowledged_item,
    batch_item,
    batch_of,
    calendar_state_item,
    calendar_state_of,
    delivered_items,
    due_attributes,
    fan_out_item,
    fan_out_of,
    intent_item,
    invitation_item,
    invitation_of,
    seats_item,
    seats_of,
    sending_of,
    stopped_items,
    stored_message_item,
    stored_message_of,
)
from .people import (
    event_item,
    event_of,
    received_reply_item,
    received_reply_of,
    registration_item,
    registration_of,
)
from .values import (
    Item,
    local_time_of,
    local_times,
    moment,
    present,
    when_item,
    when_of,
)

__all__ = [
    "Item",
    "acknowledged_item",
    "batch_item",
    "batch_of",
    "calendar_state_item",
    "calendar_state_of",
    "delivered_items",
    "due_attributes",
    "event_item",
    "event_of",
    "fan_out_item",
    "fan_out_of",
    "intent_item",
    "invitation_item",
    "invitation_of",
    "local_time_of",
    "local_times",
    "moment",
    "present",
    "received_reply_item",
    "received_reply_of",
    "registration_item",
    "registration_of",
    "seats_item",
    "seats_of",
    "sending_of",
    "stopped_items",
    "stored_message_item",
    "stored_message_of",
    "when_item",
    "when_of",
]
