"""What an attendee sees of an event or of one of its dates, in a few characters: equal content is equal, whatever its
spelling.

An old schema stays in ``_CONTENT`` for ever: what was told in it is compared in it, so that a deployment which learns
to say more mails nobody.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import lru_cache

from . import series
from .model import Event, Occurrence, Schedule, When

SCHEMA = 1
"""The schema in which new messages are told."""


def schema_of(fingerprint: str) -> int:
    return int(fingerprint.partition(":")[0])


def fingerprint(event: Event, schema: int | None = None) -> str:
    """``<schema>:<digest>`` of all that an attendee sees of the event; equal content by another spelling is equal.

    What is told as an entry of its own has a fingerprint of its own: see :func:`of_date`.
    """
    schema = schema or SCHEMA
    text = json.dumps(_CONTENT[schema](series.main(event)), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return f"{schema}:{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def of_date(event: Event, one: Occurrence, like: str = "") -> str:
    """The fingerprint of one date, in the schema of ``like``."""
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
    """Wall times and instants both: a zone whose rules change moves the meeting though its wall time stays."""
    return {
        "start": when.start.isoformat(),
        "end": when.end.isoformat(),
        "zone": when.time_zone,
        "starts_at": when.starts_at.isoformat(),
        "ends_at": when.ends_at.isoformat(),
    }


@lru_cache(maxsize=256)
def _rule(schedule: Schedule) -> list[object]:
    """The rule, and the instants of all its dates: a zone whose rules change may move some of them only."""
    starts = series.starts(schedule)
    instants = " ".join(series.when_at(schedule, start).starts_at.isoformat() for start in starts)
    added = [start.isoformat() for start in schedule.added]
    return [schedule.rule, added, hashlib.sha256(instants.encode()).hexdigest()[:32]]


_CONTENT = {1: _content_1}
