"""The smallest parts: absent stays absent, and what times and schedules look like when they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from ...model import LocalTime, Schedule, When
from ..keys import instant

Item = dict[str, Any]


def present(item: Mapping[str, Any]) -> Item:
    """The item without what is absent."""
    return {name: value for name, value in item.items() if value is not None}


def moment(value: str) -> datetime:
    return datetime.fromisoformat(value)


def moment_or_none(value: str | None) -> datetime | None:
    return None if value is None else moment(value)


def instant_or_none(value: datetime | None) -> str | None:
    return None if value is None else instant(value)


def int_or_none(value: Any) -> int | None:
    return None if value is None else int(value)


def when_item(when: When) -> Item:
    later = isinstance(when.end, datetime) and when.end.fold == 1
    return present(
        {
            "start": when.start.isoformat(),
            "end": when.end.isoformat(),
            "time_zone": when.time_zone,
            # ISO 8601 has no way to say "the second time the clock shows this".
            "end_fold": True if later else None,
        }
    )


def when_of(item: Mapping[str, Any]) -> When:
    start, end = wall_of(item["start"]), wall_of(item["end"])
    if isinstance(end, datetime) and item.get("end_fold"):
        end = end.replace(fold=1)
    return When(start=start, end=end, time_zone=item.get("time_zone"))


def wall_of(text: str) -> LocalTime:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def local_times(local_times: tuple[LocalTime, ...] | None) -> list[str] | None:
    return None if local_times is None else [local_time.isoformat() for local_time in local_times]


def schedule_item(schedule: Schedule) -> Item:
    return present(
        {"when": when_item(schedule.when), "rule": schedule.rule, "added": local_times(schedule.added or None)}
    )


def schedule_of(item: Mapping[str, Any]) -> Schedule:
    return Schedule(when=when_of(item["when"]), rule=item.get("rule"), added=tuple(map(wall_of, item.get("added", ()))))
