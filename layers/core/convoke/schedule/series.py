"""The dates of a series: which exist, what each is named, and how the names change when the series changes.

A date is named by its original start, a local time of the series' zone or a whole day. Local times are kept when the
offset changes: a series at 09:00 stays at 09:00 in summer and winter. A local time that does not exist because clocks
are set forward is no date of the series and is not counted (RFC 5545, section 3.3.10); of one that occurs twice when
they are set back, the first is meant. Such times are called *skipped* and *repeated* below.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from ..model import DateChange, Event, InvalidField, LocalTime, Occurrence, Schedule, When
from .recurrence import canonical_and_supported, day_of, exists, local_times, moment
from .rrule import read, spell

# A stored UNTIL is the instant of the last date. If the zone's rules have changed since, that date may now begin
# somewhat later. Dates are at least a day apart, so this does not add one.
_GRACE = timedelta(hours=12)
T = TypeVar("T")


def rule(text: str, when: When, field: str = "recurrence") -> str:
    """The canonical text of the RRULE ``text`` for a series that begins with ``when``: it yields the same dates.

    Raises :class:`InvalidField` for ``field`` if it is not a supported rule, yields no date at ``when.start``, more
    than ``MAX_DATES`` dates, one later than ``MAX_SPAN`` after the first, or one that begins before the date before it
    ends: Exchange holds no such series (MS-OXOCAL, section 2.2.1.44). UNTIL becomes the instant (UTC) of the
    last date; a local time in it is read in the zone of ``when``, a date is the end of that day. All-day series have a
    date there.
    """
    try:
        canonical = spell(canonical_and_supported(read(text), when))
    except ValueError as error:
        raise InvalidField(field, str(error)) from None
    dates = times(Schedule(when=when, rule=canonical)).values()
    if any(later.starts_at < earlier.ends_at for earlier, later in pairwise(dates)):
        raise InvalidField(
            field,
            "must leave each date over before the next begins: Outlook cannot hold dates that overlap; "
            "make an event for each",
        )
    return canonical


@lru_cache(maxsize=512)
def yielded_by_rule(schedule: Schedule) -> tuple[LocalTime, ...]:
    """What the rule of ``schedule`` yields up to its last date, including skipped local times."""
    if schedule.rule is None:
        return (schedule.when.start,)
    when = schedule.when
    found = list(local_times(read(schedule.rule), when, grace=timedelta() if when.all_day else _GRACE))
    while not exists(found[-1], when):
        found.pop()
    return tuple(found)


@lru_cache(maxsize=512)
def starts(schedule: Schedule) -> tuple[LocalTime, ...]:
    """The original starts of all dates, sorted and without duplicates."""
    return tuple(
        sorted(
            local_time
            for local_time in {*yielded_by_rule(schedule), *schedule.added}
            if exists(local_time, schedule.when)
        )
    )


def skipped(schedule: Schedule) -> tuple[datetime, ...]:
    """The skipped local times of ``schedule``, sorted."""
    found = {
        local_time
        for local_time in (*yielded_by_rule(schedule), *schedule.added)
        if not exists(local_time, schedule.when)
    }
    return tuple(sorted(local_time for local_time in found if isinstance(local_time, datetime)))


def when_at(schedule: Schedule, start: LocalTime) -> When:
    """Start and end of the date at ``start``: with the same exact duration as the first date (RFC 5545, section
    3.8.5.3), or the same number of days.
    """
    when = schedule.when
    if not isinstance(start, datetime):
        return replace(when, start=start, end=start + (day_of(when.end) - day_of(when.start)))
    zone = ZoneInfo(when.time_zone or "")
    end = start.replace(tzinfo=zone).astimezone(UTC) + (when.ends_at - when.starts_at)
    return replace(when, start=start, end=end.astimezone(zone).replace(tzinfo=None))


@lru_cache(maxsize=64)
def times(schedule: Schedule) -> Mapping[LocalTime, When]:
    """Start and end of each date before changes, by its original start, sorted."""
    return {start: when_at(schedule, start) for start in starts(schedule)}


def occurrences(event: Event) -> tuple[Occurrence, ...]:
    """Every occurrence of ``event`` with its changes, sorted by original start. An event that is no series has one."""
    return tuple(by_name(event).values())


def by_name(event: Event) -> Mapping[LocalTime, Occurrence]:
    """The :func:`occurrences` of ``event``, by their original starts."""
    return _by_name(Itself(event))


class Itself(Generic[T]):
    """An event or occurrence as the key of a cache, equal to no other object: to hash all that a long series has, at
    each look, takes longer than to make its occurrences once.
    """

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Itself) and self.value is other.value


@lru_cache(maxsize=16)
def _by_name(key: Itself[Event]) -> Mapping[LocalTime, Occurrence]:
    event = key.value
    changes = {change.date: change for change in event.changes}
    return {
        start: _occurrence(event, when, changes.get(start, DateChange(date=start)))
        for start, when in times(event.schedule).items()
    }


def _occurrence(event: Event, when: When, change: DateChange) -> Occurrence:
    return Occurrence(
        date=change.date,
        when=change.when or when,
        title=event.title if change.title is None else change.title,
        location=event.location if change.location is None else change.location,
        description=event.description if change.description is None else change.description,
        cancelled=change.cancelled,
        moved=change.when is not None,
        reason=change.reason,
    )


def takes_place(event: Event) -> bool:
    """Whether the event has a date that is not cancelled."""
    return any(not one.cancelled for one in occurrences(event))


def coming(event: Event, now: datetime) -> tuple[Occurrence, ...]:
    """The occurrences that take place and are not over at ``now`` (UTC), sorted by original start."""
    return tuple(one for one in occurrences(event) if one.is_to_come(now))


def when_next(event: Event, now: datetime) -> When:
    """Start and end of the first date that takes place and is not over at ``now`` (UTC), else ``event.when``."""
    return min((one.when for one in coming(event, now)), key=lambda when: when.starts_at, default=event.when)


def ends_at(event: Event) -> datetime:
    """The first instant (UTC) at which all dates of ``event`` are over.

    Cancelled dates count, and moved ones at their original times, too: until then messages about them may be due.
    """
    schedule = event.schedule
    moved = [change for change in event.changes if change.when]
    dates = times(schedule) if moved else {}
    return max((schedule_ends_at(schedule), *(one.when.ends_at for one in moved if one.when and one.date in dates)))


@lru_cache(maxsize=512)
def schedule_ends_at(schedule: Schedule) -> datetime:
    """The first instant (UTC) at which the last date of ``schedule`` is over."""
    return when_at(schedule, starts(schedule)[-1]).ends_at


def next_start(schedule: Schedule, now: datetime) -> datetime:
    """The instant (UTC) of the first start at or after ``now``; if there is none, that of the last start."""
    begins = _begins(schedule)
    return begins[min(bisect_left(begins, now), len(begins) - 1)]


@lru_cache(maxsize=512)
def _begins(schedule: Schedule) -> tuple[datetime, ...]:
    return tuple(replace(schedule.when, start=start).starts_at for start in starts(schedule))


def counted(schedule: Schedule) -> bool:
    """Whether the rule of ``schedule`` ends by COUNT, and not by UNTIL; false without a rule."""
    return schedule.rule is not None and read(schedule.rule).count is not None


def ending_with(schedule: Schedule, last: LocalTime) -> str | None:
    """The text of the rule with the date ``last`` as UNTIL; ``None`` without a rule."""
    if schedule.rule is None:
        return None
    return spell(replace(read(schedule.rule), count=None, until=moment(last, schedule.when)))
