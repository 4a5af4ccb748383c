"""Fingerprints: hashes of all that an attendee sees of an event or of one of its occurrences.

Insignificant differences, such as white space at the end of a line, do not count. An old schema must stay in
``_CONTENT`` for ever: content that was sent under it is compared under it, so that a new version of the software, whose
messages have more content, does not send an update to everybody.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import lru_cache

from ..model import Event, Occurrence, Schedule, When
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
        _CONTENT[schema](calendar_entries.main(event)), sort_keys=True, ensure_ascii=True, separators=(",", ":")
    )
    return f"{schema}:{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def of_date(event: Event, one: Occurrence, like: str = "") -> str:
    """The fingerprint of one occurrence, under the schema of the fingerprint ``like``, by default the newest."""
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
    return fingerprint(alone, schema_of(like) if like else None)


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
