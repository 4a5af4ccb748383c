"""Fingerprints: hashes of all that an attendee sees of an event or of one of its occurrences.

Insignificant differences, such as white space at the end of a line, do not count. An old schema must stay in
``_CONTENT`` for ever: content that was sent under it is compared under it, so that a new version of the software, whose
messages have more content, does not send an update to everybody.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from ..model import Event, FormerText, InvalidField, Occurrence, Schedule, When
from ..schedule import calendar_entries, series

SCHEMA = 1
"""The schema of new fingerprints."""


def schema_of(fingerprint: str) -> int:
    """The schema of a fingerprint ``<schema>:<digest>``. Raises :class:`ValueError` for other text."""
    return int(fingerprint.partition(":")[0])


def fingerprint(event: Event, schema: int | None = None) -> str:
    """``<schema>:<digest>`` of all that an attendee sees of the main entry of ``event``; ``schema`` is by default the
    newest.

    Single occurrences and separate entries have fingerprints of their own: see :func:`of_date`.
    """
    schema = schema or SCHEMA
    text = json.dumps(
        _CONTENT[schema](calendar_entries.main_entry(event)), sort_keys=True, ensure_ascii=True, separators=(",", ":")
    )
    return f"{schema}:{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def of_date(event: Event, one: Occurrence, like: str = "") -> str:
    """The fingerprint of one occurrence, under the schema of the fingerprint ``like``, by default the newest."""
    return _of_date(series.Itself(event), series.Itself(one), schema_of(like) if like else SCHEMA)


@lru_cache(maxsize=1024)  # for each attendee of a series those of all its changed dates are asked for
def _of_date(its_event: series.Itself[Event], its_date: series.Itself[Occurrence], schema: int) -> str:
    event, one = its_event.value, its_date.value
    alone = replace(
        event,
        title=one.title,
        when=one.when,
        location=one.location,
        description=one.description,
        rule=None,
        added=(),
        changes=(),
    )
    return fingerprint(alone, schema)


# --- texts that count as equal ------------------------------------------------------------------------------------

MAX_FORMER_TEXTS = 20
MAX_FORMER_BYTES = 40_000
"""How many changes that nobody is informed of may follow each other, and about how many bytes their former texts may
have: they are stored in the item of the event."""
_TEXTS = ("title", "description", "url", "organizer", "reminders")
_LOUD = ("status", "schedule", "changes", "location", "conference")


def kept_quiet(before: Event, after: Event) -> Event:
    """``after``, a change of ``before``, as one that nobody is informed of: the event keeps its former text.

    Raises :class:`InvalidField` where time, place or status change, or too many such changes follow each other.
    """
    if any(getattr(before, name) != getattr(after, name) for name in _LOUD):
        raise InvalidField("notify", "must not be none where time, place or status change")
    texts = {name: getattr(before, name) for name in _TEXTS if getattr(before, name) != getattr(after, name)}
    if not texts:
        return after
    kept = (*before.former_texts, FormerText(**texts))
    if len(kept) > MAX_FORMER_TEXTS or len(repr(kept).encode()) > MAX_FORMER_BYTES:
        raise InvalidField("notify", "must not be none once more: too much was changed that nobody was told of")
    return replace(after, former_texts=kept)


def announced(before: Event, after: Event) -> Event:
    """``after``, a change of ``before``, without former texts if it is one that people are informed of: then whoever
    knows only a former text is sent the present one.
    """
    told = any(getattr(before, name) != getattr(after, name) for name in (*_LOUD, *_TEXTS))
    return replace(after, former_texts=()) if told and after.former_texts == before.former_texts else after


def same_texts(event: Event) -> Iterator[Event]:
    """``event``, and as it was before each change that nobody was informed of, the latest first."""
    yield event
    if event.former_texts:
        yield from _formerly(series.Itself(event))


@lru_cache(maxsize=16)  # always the same events, whose occurrences are kept too
def _formerly(its_event: series.Itself[Event]) -> tuple[Event, ...]:
    event, found = its_event.value, []
    for former in reversed(event.former_texts):
        texts = {name: text for name in _TEXTS if (text := getattr(former, name)) is not None}
        event = replace(event, **texts)
        found.append(event)
    return tuple(found)


def is_told(event: Event, told: str) -> bool:
    """Whether the fingerprint ``told`` of the main entry is that of ``event``, or of one of its former texts."""
    return bool(told) and any(fingerprint(each, schema_of(told)) == told for each in same_texts(event))


def is_date_told(event: Event, one: Occurrence, told: str) -> bool:
    """:func:`is_told` for one occurrence; ``told`` may be empty, which is no fingerprint."""
    return bool(told) and any(of_date(each, _same_date(each, one), told) == told for each in same_texts(event))


def former(event: Event, one: Occurrence | None = None) -> tuple[str, ...]:
    """The fingerprints, under the newest schema, of the former texts of the main entry, or of occurrence ``one``."""
    texts = list(same_texts(event))[1:]
    return tuple(fingerprint(each) if one is None else of_date(each, _same_date(each, one)) for each in texts)


def _same_date(event: Event, one: Occurrence) -> Occurrence:
    return series.by_name(event).get(one.date, one)


def _content_1(event: Event) -> dict[str, object]:
    conference = event.conference
    return {
        "title": event.title.strip(),
        **_when(event.when),
        "rule": _rule(event.schedule) if event.recurs else None,
        "location": event.location.strip(),
        "description": "\n".join(line.rstrip() for line in event.description.strip().splitlines()),
        "url": event.url.strip(),
        "conference": [conference.uri, conference.label.strip()] if conference else None,
        "reminders": sorted({(reminder.days, reminder.seconds) for reminder in event.reminders}),
        "status": event.status.value,
        "organizer": [event.organizer.name.strip(), event.organizer.email],
    }


def _when(when: When) -> dict[str, object]:
    """Both local times and instants: if the rules of a zone change, the meeting moves although its local time stays."""
    return {
        "start": when.start.isoformat(),
        "end": when.end.isoformat(),
        "zone": when.time_zone,
        "starts_at": when.starts_at.isoformat(),
        "ends_at": when.ends_at.isoformat(),
    }


@lru_cache(maxsize=256)
def _rule(schedule: Schedule) -> list[object]:
    """The rule, and the instants of all its dates: if the rules of a zone change, perhaps only some of them move."""
    starts = series.starts(schedule)
    instants = " ".join(series.when_at(schedule, start).starts_at.isoformat() for start in starts)
    added = [start.isoformat() for start in schedule.added]
    return [schedule.rule, added, hashlib.sha256(instants.encode()).hexdigest()[:32]]


_CONTENT = {1: _content_1}
