"""Stored data classes as DynamoDB items, and back, with cattrs.

An attribute has the name of its field. Instants are ISO 8601 text in UTC, local times and dates ISO 8601 text without
an offset, enumerations their values. ``None`` and an empty tuple are left out, and so is, inside an attribute, whatever
has its default value: conditions compare attributes of items only. A missing attribute is read as the default value.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from ..decision.attention import Attention, Survey, Unreached
from ..decision.calendar_state import CalendarState, OccurrenceState, RenderedMail
from ..decision.fan_out import Batch, FanOut
from ..decision.invitation import Invitation, Seats, Sending, StoredMessage
from ..model import Duration, Event, LocalTime, ReceivedReply, Registration, When
from . import compression, keys
from .dynamo import Item

Stored = TypeVar("Stored")

converter = Converter(detailed_validation=False)

RECORDS: set[type] = {
    *(Batch, Event, FanOut, Invitation, ReceivedReply, Registration, Seats),
    *(Attention, Sending, StoredMessage, Survey, Unreached),
}
"""The data classes of whole items. Repositories add those that they alone know (:func:`record`)."""

OVERRIDES: dict[type, dict[str, Any]] = {}
"""What differs for some fields of a data class: a ``cattrs.gen.override`` each."""


def item(value: object, key: Mapping[str, str], **more: Any) -> Item:
    """The item of ``value`` under ``key``, with those of the attributes ``more`` that are not ``None``.

    Raises :class:`TypeError` for a data class that is not in :data:`RECORDS`.
    """
    if type(value) not in RECORDS:
        raise TypeError(f"{type(value).__name__} is not the data class of an item")
    return {**key, **converter.unstructure(value), **{name: one for name, one in more.items() if one is not None}}


def read(cls: type[Stored], item: Mapping[str, Any]) -> Stored:
    """The ``cls`` that an item holds; attributes that ``cls`` does not have are ignored."""
    return converter.structure(item, cls)


def value(value: object) -> Any:
    """One attribute: what an item has for ``value``."""
    return converter.unstructure(value)


def record(cls: type[Stored], **overrides: Any) -> type[Stored]:
    """Add a data class of a whole item, with what differs for some of its fields."""
    RECORDS.add(cls)
    OVERRIDES[cls] = overrides
    return cls


def epoch(at: datetime | None) -> int | None:
    """An instant as DynamoDB's Time to Live has it: in seconds since 1970."""
    return None if at is None else int(at.timestamp())


def due_attributes(identifier: str, due_key: str | None, existing: str | None = None) -> Item:
    """The attributes that put an item into the index of due items, in the place of the due key ``existing``; none where
    ``due_key`` is ``None``.
    """
    if due_key is None:
        return {}
    return {"due_shard": keys.shard(identifier), "due_key": keys.keep_due_since(due_key, existing)}


def task_attributes(identifier: str, due_key: str | None) -> Item:
    """The attributes that put a task into the index of due items; none where ``due_key`` is ``None``."""
    return {} if due_key is None else {"due_shard": keys.task_shard(identifier), "due_key": due_key}


def local_time(text: str) -> LocalTime:
    """A naive ``datetime``, or a ``date`` for whole days, of an ISO 8601 text without an offset."""
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


# --- data classes, and what differs for some of their fields --------------------------------------------------------


def _write(cls: type, converter: Converter) -> Callable[[Any], Item]:
    def left_out(default: object) -> bool:
        return cls not in RECORDS or default is None or default == ()

    named: dict[str, Any] = {field.name: override(omit_if_default=left_out(field.default)) for field in fields(cls)}
    return make_dict_unstructure_fn(cls, converter, **{**named, **OVERRIDES.get(cls, {})})


def _read(cls: type[Stored], converter: Converter) -> Callable[[Mapping[str, Any], Any], Stored]:
    read = make_dict_structure_fn(cls, converter, **OVERRIDES.get(cls, {}))
    return read if cls is not Invitation else lambda item, kind: read(_with_states(item), kind)


def _with_states(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The item of an invitation with those calendar states that stand in its intent alone (see ``invitations``)."""
    found, acknowledged = dict(item), item.get("acknowledged")
    if found.get("possibly_sent") is True:
        found["possibly_sent"] = item["intent"]["calendar_state"]
    if acknowledged is not None and "calendar_state" not in acknowledged:
        found["acknowledged"] = {**acknowledged, "calendar_state": item["intent"]["calendar_state"]}
    return found


converter.register_unstructure_hook_factory(is_dataclass, _write)
converter.register_structure_hook_factory(is_dataclass, _read)


def _packed(dates: tuple[OccurrenceState, ...]) -> bytes:
    """JSON, compressed with zlib. One item may hold three lists of hundreds of occurrences, and has at most 400 KB."""
    text = json.dumps(converter.unstructure(dates), ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode())


def _unpacked(packed: bytes, _: object) -> tuple[OccurrenceState, ...]:
    return converter.structure(json.loads(zlib.decompress(packed)), tuple[OccurrenceState, ...])


OVERRIDES[CalendarState] = {
    "dates": override(omit_if_default=True, unstruct_hook=_packed, struct_hook=_unpacked),
    "certain": override(omit=True),  # what is stored was certainly sent
}
OVERRIDES[StoredMessage] = {
    "expires_at": override(
        omit_if_default=True, unstruct_hook=epoch, struct_hook=lambda at, _: datetime.fromtimestamp(int(at), UTC)
    )
}
# A fan-out is due until all of it is planned.
OVERRIDES[FanOut] = {"planning": override(omit_if_default=True, rename="due_key", struct_hook=lambda *_: True)}


# --- values ---------------------------------------------------------------------------------------------------------


def _when_item(when: When) -> Item:
    found = {"start": when.start.isoformat(), "end": when.end.isoformat()}
    if when.time_zone is not None:
        found["time_zone"] = when.time_zone
    # ISO 8601 cannot tell the second time from the first that a clock shows the same time, in a change from
    # daylight-saving time.
    return {**found, "end_fold": True} if isinstance(when.end, datetime) and when.end.fold else found


def _when(item: Item, _: object) -> When:
    start, end = local_time(item["start"]), local_time(item["end"])
    if isinstance(end, datetime) and item.get("end_fold"):
        end = end.replace(fold=1)
    return When(start=start, end=end, time_zone=item.get("time_zone"))


converter.register_unstructure_hook(RenderedMail, lambda rendered: compression.packed(rendered))
converter.register_structure_hook(RenderedMail, lambda packed, _: compression.unpacked(packed))
converter.register_unstructure_hook(When, _when_item)
converter.register_structure_hook(When, _when)
converter.register_unstructure_hook(StrEnum, lambda one: one.value)
converter.register_unstructure_hook(date, lambda day: day.isoformat())
converter.register_unstructure_hook(datetime, lambda at: keys.instant(at) if at.tzinfo else at.isoformat())
converter.register_structure_hook(datetime, lambda text, _: datetime.fromisoformat(text))
# Both are unions: a copy of the converter keeps hooks of unions only where they are registered with a predicate.
converter.register_structure_hook_func(
    lambda cls: cls in (LocalTime, LocalTime | None), lambda text, _: None if text is None else local_time(text)
)
converter.register_unstructure_hook(float, lambda number: Decimal(str(number)))
converter.register_unstructure_hook(Duration, str)
converter.register_structure_hook(Duration, lambda text, _: Duration.parse(text))
