"""Production's store made quick enough for many thousands of histories: the same code, without the wire's typed values,
and each item read, and each fingerprint taken, once only. Nothing here changes an answer; ``test_simulation`` compares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from cattrs import Converter

from convoke import model
from convoke.decision import decide, fingerprints
from convoke.decision.calendar_state import CalendarState
from convoke.delivery import sweep
from convoke.model import Event, Registration, Schedule
from convoke.registrations import registry
from convoke.sources import event_sync, registration_sync, row_keys
from convoke.store import codec, dynamo, keys, names, outbox, spread

from .tables import Row
from .unguarded import unguarded

_memory: dict[Any, Any] = {}
_instants: dict[datetime, str] = {}


class Line(dict[str, Any]):
    """What was told, as it is stored, with the value it was made of."""

    __slots__ = ("value",)

    value: CalendarState


def forget() -> None:
    """Between two histories."""
    _memory.clear()
    _instants.clear()


def _same(item: Mapping[str, Any]) -> Mapping[str, Any]:
    return item


_read, _fingerprint, _instant = codec.read, fingerprints.fingerprint, keys.instant
_attributes = names.attributes
_of_date = fingerprints._of_date.__wrapped__  # two versions of the code share this process, and not what each remembers


def _quick_read(cls: type[Any], row: Any) -> Any:
    """Of one row, always the same ``cls``."""
    if type(row) is not Row:
        return _read(cls, row)
    try:
        return row.value
    except AttributeError:
        row.value = _read(cls, row)
        return row.value


@cache
def _quick_converter() -> Converter:
    """The codec's, but for the calendar states, which each are converted once only."""
    quick = codec.converter.copy()
    write, read = quick.get_unstructure_hook(CalendarState), quick.get_structure_hook(CalendarState)

    def quick_write(told: CalendarState) -> Mapping[str, Any]:
        known = _memory.get(id(told))
        if known is None:
            line = Line(write(told))
            if told.certain:
                line.value = told
            known = _memory[id(told)] = (told, line)
        return known[1]

    def quick_read(item: Mapping[str, Any], cls: Any) -> Any:
        try:
            return item.value  # type: ignore[attr-defined]
        except AttributeError:
            return read(item, cls)

    quick.register_unstructure_hook(CalendarState, quick_write)
    quick.register_structure_hook(CalendarState, quick_read)
    return quick


def _quick_fingerprint(event: Event, schema: int | None = None) -> str:
    schema = schema or fingerprints.SCHEMA
    fingerprints._CONTENT[schema]  # what the deployed code does not know, it does not remember either
    known = _memory.get((id(event), schema))
    if known is None:
        known = _memory[id(event), schema] = (event, _fingerprint(event, schema))
    return known[1]


def _quick_schedule(event: Event) -> Schedule:
    known = _memory.get(id(event))
    if known is None:
        known = _memory[id(event)] = (event, Schedule(when=event.when, rule=event.rule, added=event.added))
    return known[1]


def _quick_instant(at: datetime) -> str:
    text = _instants.get(at) if at.tzinfo is UTC else None
    if text is None:
        text = _instants[at] = _instant(at)
    return text


def _quick_names(person: Registration) -> dict[str, str]:
    named = (person.registration_id, person.name, person.email, person.status)
    known = _memory.get(named)
    if known is None:
        known = _memory[named] = _attributes(person)
    return {**known}


def _numbered(size: int) -> bytes:
    """In place of chance, so that the same seed is the same history."""
    _memory["number"] = _memory.get("number", 0) + 1
    number: int = _memory["number"]
    return number.to_bytes(size, "big")


@contextmanager
def quick(shards: int = 1) -> Iterator[None]:
    """Within, the store takes plain values, pauses for nobody, and keeps its due items in one shard."""
    few, few_tasks = keys.SHARDS[:shards], keys.TASK_SHARDS[:shards]
    folded = cache(model.folded)
    with ExitStack() as stack:
        stack.enter_context(unguarded())
        for target, name, value in (
            (dynamo, "wire", _same),
            (dynamo, "unwire", _same),
            (dynamo, "time", SimpleNamespace(sleep=lambda _: None)),
            (spread, "_begun", _same),
            (codec, "read", _quick_read),
            (codec, "converter", _quick_converter()),
            (outbox, "secrets", SimpleNamespace(token_bytes=_numbered)),
            (event_sync, "secrets", SimpleNamespace(token_bytes=_numbered)),
            (registration_sync, "secrets", SimpleNamespace(token_bytes=_numbered)),
            # Keys of rows are JSON text, in the wire's types.
            (row_keys, "dynamo", SimpleNamespace(wire=dynamo.wire, unwire=dynamo.unwire)),
            (codec, "zlib", SimpleNamespace(compress=bytes, decompress=bytes)),
            (codec, "compression", SimpleNamespace(packed=_same, unpacked=_same)),
            (fingerprints, "fingerprint", _quick_fingerprint),
            (fingerprints, "_of_date", _of_date),
            (keys, "instant", _quick_instant),
            (Event, "schedule", property(_quick_schedule)),
            (names, "attributes", _quick_names),
            *((module, "folded", folded) for module in (model, decide, keys, names, registry)),
            (keys, "SHARDS", few),
            (sweep, "SHARDS", few),
            (keys, "TASK_SHARDS", few_tasks),
            (sweep, "TASK_SHARDS", few_tasks),
        ):
            stack.enter_context(patch.object(target, name, value))
        yield
