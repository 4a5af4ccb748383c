"""Values inside items: instants, local times and schedules as they are stored, and leaving out what is absent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from ...model import LocalTime, Schedule, When
from ..keys import instant

Item = dict[str, Any]


def present(item: Mapping[str, Any]) -> Item:
    """The item without the attributes that are ``None``."""
    return {name: value for name, value in item.items() if value is not None}


def moment(value: str) -> datetime:
    """The instant of an ISO 8601 text with an offset."""
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
            # ISO 8601 cannot tell the second time from the first that a clock shows the same time, in a change from
            # daylight-saving time.
            "end_fold": True if later else None,
        }
    )


def when_of(item: Mapping[str, Any]) -> When:
    start, end = local_time_of(item["start"]), local_time_of(item["end"])
    if isinstance(end, datetime) and item.get("end_fold"):
        end = end.replace(fold=1)
    return When(start=start, end=end, time_zone=item.get("time_zone"))


def local_time_of(text: str) -> LocalTime:
    """A naive ``datetime``, or a ``date`` for whole days, of an ISO 8601 text without an offset."""
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def local_times(local_times: tuple[LocalTime, ...] | None) -> list[str] | None:
    return None if local_times is None else [local_time.isoformat() for local_time in local_times]


def schedule_item(schedule: Schedule) -> Item:
    return present(
        {"when": when_item(schedule.when), "rule": schedule.rule, "added": local_times(schedule.added or None)}
    )


def schedule_of(item: Mapping[str, Any]) -> Schedule:
    return Schedule(
        when=when_of(item["when"]), rule=item.get("rule"), added=tuple(map(local_time_of, item.get("added", ())))
    )
