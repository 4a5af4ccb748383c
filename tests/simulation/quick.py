"""Production's store made quick enough for many thousands of histories: the same code, without the wire's typed values,
and each item read, and each fingerprint taken, once only. Nothing here changes an answer; ``test_simulation`` compares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from convoke import model
from convoke.decision import decide, fingerprints
from convoke.decision.calendar_state import CalendarState
from convoke.delivery import sweep
from convoke.model import Event
from convoke.registrations import registry
from convoke.store import dynamo, items, keys
from convoke.store.items import delivery

from .tables import Row

_memory: dict[Any, Any] = {}


class Line(dict[str, Any]):
    """What was told, as it is stored, with the noun it was made of."""

    __slots__ = ("noun",)

    noun: CalendarState


def forget() -> None:
    """Between two histories."""
    _memory.clear()


def _same(item: Mapping[str, Any]) -> Mapping[str, Any]:
    return item


def _once(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def quick(row: Any) -> Any:
        if type(row) is not Row:
            return read(row)
        try:
            return row.noun
        except AttributeError:
            row.noun = read(row)
            return row.noun

    return quick


_told_item, _told_of, _fingerprint = items.calendar_state_item, items.calendar_state_of, fingerprints.fingerprint


def _quick_told_item(told: CalendarState) -> Mapping[str, Any]:
    known = _memory.get(id(told))
    if known is None:
        line = Line(_told_item(told))
        if told.certain:
            line.noun = told
        known = _memory[id(told)] = (told, line)
    return known[1]


def _quick_told_of(item: Mapping[str, Any]) -> CalendarState:
    try:
        return item.noun  # type: ignore[no-any-return,attr-defined]
    except AttributeError:
        return _told_of(item)


def _quick_fingerprint(event: Event, schema: int | None = None) -> str:
    schema = schema or fingerprints.SCHEMA
    fingerprints._CONTENT[schema]  # what the deployed code does not know, it does not remember either
    known = _memory.get((id(event), schema))
    if known is None:
        known = _memory[id(event), schema] = (event, _fingerprint(event, schema))
    return known[1]


@contextmanager
def quick(shards: int = 1) -> Iterator[None]:
    """Within, the store takes plain values, pauses for nobody, and keeps its debts in one shard."""
    few = keys.SHARDS[:shards]
    folded = cache(model.folded)
    with ExitStack() as stack:
        for target, name, value in (
            (dynamo, "wire", _same),
            (dynamo, "unwire", _same),
            (dynamo, "time", SimpleNamespace(sleep=lambda _: None)),
            (items, "event_of", _once(items.event_of)),
            (items, "registration_of", _once(items.registration_of)),
            (items, "invitation_of", _once(items.invitation_of)),
            *((module, "calendar_state_item", _quick_told_item) for module in (items, delivery)),
            *((module, "calendar_state_of", _quick_told_of) for module in (items, delivery)),
            (delivery, "zlib", SimpleNamespace(compress=bytes, decompress=bytes)),
            (delivery, "compression", SimpleNamespace(packed=_same, unpacked=_same)),
            (fingerprints, "fingerprint", _quick_fingerprint),
            *((module, "folded", folded) for module in (model, decide, keys, registry)),
            (keys, "SHARDS", few),
            (sweep, "SHARDS", few),
        ):
            stack.enter_context(patch.object(target, name, value))
        yield
