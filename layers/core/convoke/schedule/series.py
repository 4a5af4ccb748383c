"""The dates of a series: which exist, what each is named, and how the names change when the series changes.

A date is named by its original start, a local time of the series' zone or a whole day. Local times are kept when the
offset changes: a series at 09:00 stays at 09:00 in summer and winter. A local time that does not exist because clocks
are set forward is no date of the series and is not counted (RFC 5545, section 3.3.10); of one that occurs twice when
they are set back, the first is meant. Such times are called *skipped* and *repeated* below.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from ..model import (
    DateChange,
    Event,
    InvalidField,
    LocalTime,
    Occurrence,
    Schedule,
    When,
    frozen,
)
from .recurrence import MAX_DATES as MAX_DATES
from .recurrence import MAX_SPAN as MAX_SPAN
from .recurrence import (
    canonical_and_supported,
    day_of,
    days,
    exists,
    local_times,
    moment,
    plain,
)
from .rrule import Rule, read, spell

# A stored UNTIL is the instant of the last date. If the zone's rules have changed since, that date may now begin
# somewhat later. Dates are at least a day apart, so this does not add one.
_GRACE = timedelta(hours=12)


@frozen
class Wire:
    """A schedule as it is written in iCalendar, so that all programs compute the same dates.

    Some programs ignore skipped local times, as RFC 5545 requires; others put them an hour later and count them. For
    those ``excluded`` (EXDATE) removes them, and ``rule`` has UNTIL in place of COUNT. Dates that the rule does not
    yield are not included: see :func:`separate`.
    """

    rule: str | None
    excluded: tuple[datetime, ...]


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
def _yielded(schedule: Schedule) -> tuple[LocalTime, ...]:
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
        sorted(local_time for local_time in {*_yielded(schedule), *schedule.added} if exists(local_time, schedule.when))
    )


def skipped(schedule: Schedule) -> tuple[datetime, ...]:
    """The skipped local times of ``schedule``, sorted."""
    found = {
        local_time for local_time in (*_yielded(schedule), *schedule.added) if not exists(local_time, schedule.when)
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


@lru_cache(maxsize=16)
def occurrences(event: Event) -> tuple[Occurrence, ...]:
    """Every occurrence of ``event`` with its changes, sorted by original start. An event that is no series has one."""
    changes = {change.date: change for change in event.changes}
    return tuple(
        _occurrence(event, when, changes.get(start, DateChange(date=start)))
        for start, when in times(event.schedule).items()
    )


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


def comes(event: Event, now: datetime) -> bool:
    """Whether any date takes place that is not over at ``now`` (UTC)."""
    return any(not one.cancelled and one.when.ends_at > now for one in occurrences(event))


def when_next(event: Event, now: datetime) -> When:
    """Start and end of the first date that takes place and is not over at ``now`` (UTC), else ``event.when``."""
    coming = (one.when for one in occurrences(event) if not one.cancelled and one.when.ends_at > now)
    return min(coming, key=lambda when: when.starts_at, default=event.when)


# --- which dates belong to the series' calendar entry, and which are separate entries -------------------------------


def extra_dates(schedule: Schedule) -> tuple[LocalTime, ...]:
    """The added dates that the rule does not yield, sorted."""
    yielded = _yielded(schedule)
    return tuple(local_time for local_time in starts(schedule) if local_time not in yielded)


@lru_cache(maxsize=16)
def separate(event: Event) -> frozenset[LocalTime]:
    """The dates of ``event`` that are not sent as occurrences of its series, but each as a separate calendar entry.

    They are those that Exchange does not support in a series: dates beside the rule (RDATE), and those that were moved
    beyond the previous or the next one, onto the same day, or so that they overlap ([MS-OXCICAL], section
    2.1.3.1.1.20.18). Neighbours count at their times by the rule even if they were changed, so that a change of one
    date does not make another one separate; and where the previous date was moved to, if that is not separate itself.
    """
    separated = set(extra_dates(event.schedule))
    own = {change.date: change.when for change in event.changes if change.when is not None and not change.cancelled}
    if event.rule is None or not own:
        return frozenset(separated)
    dates = [start for start in starts(event.schedule) if start not in separated]
    previous: When | None = None
    for at, start in enumerate(dates):
        when = own.get(start)
        if when is not None:
            before = [when_at(event.schedule, dates[at - 1])] if at else []
            before += [previous] if previous is not None else []
            after = [when_at(event.schedule, dates[at + 1])] if at + 1 < len(dates) else []
            if not between(when, before, after, event.when.time_zone):
                separated.add(start)
                when = None
        previous = when
    return frozenset(separated)


def between(when: When, before: Iterable[When], after: Iterable[When], zone: str | None) -> bool:
    """Whether ``when`` is after all of ``before`` and before all of ``after``, on another day in ``zone`` than any of
    them, and does not overlap with them.
    """
    day = _day_of(when, zone)
    return all(_day_of(other, zone) < day and other.ends_at <= when.starts_at for other in before) and all(
        day < _day_of(other, zone) and when.ends_at <= other.starts_at for other in after
    )


def _day_of(when: When, zone: str | None) -> date:
    """The day on which ``when`` begins, in ``zone`` if it is timed."""
    return when.starts_at.astimezone(ZoneInfo(zone)).date() if zone and not when.all_day else day_of(when.start)


def stands(event: Event) -> bool:
    """Whether any date takes place that is not a separate entry."""
    separated = separate(event)
    return any(not one.cancelled and one.date not in separated for one in occurrences(event))


def main(event: Event) -> Event:
    """The event as in its main calendar entry, that is without the :func:`separate` dates: with the dates of its rule,
    or, if it has none, its first date with that date's changes.
    """
    return _main(event) if event.added else event


@lru_cache(maxsize=16)
def _main(event: Event) -> Event:
    if event.rule is not None:
        return replace(event, added=())
    first = next(one for one in occurrences(event) if one.date == event.when.start)
    return replace(
        event,
        title=first.title,
        when=first.when,
        location=first.location,
        description=first.description,
        added=(),
        changes=(),
    )


def by_rule(schedule: Schedule) -> Schedule:
    """A schedule with the same dates and a rule alone, if there is one that every calendar supports: the rule of
    ``schedule`` with a later end, or every so many days or weeks. Otherwise ``schedule``.
    """
    dates = starts(schedule)
    if not extra_dates(schedule):
        return schedule
    number, step = len(dates), (day_of(dates[1]) - day_of(dates[0])).days
    found = [] if schedule.rule is None else [replace(_endless(schedule.rule), count=number)]
    weeks, days_left = divmod(step, 7)
    frequency, interval = ("DAILY", step) if days_left else ("WEEKLY", weeks)
    found += [Rule(frequency=frequency, interval=interval, count=number)] if step else []
    for each in found:
        with suppress(InvalidField):
            same = Schedule(when=schedule.when, rule=rule(spell(each), schedule.when))
            if starts(same) == dates:
                return same
    return schedule


def ends_at(event: Event) -> datetime:
    """The first instant (UTC) at which all dates of ``event`` are over.

    Cancelled dates count, and moved ones at their original times, too: until then messages about them may be due.
    """
    dates = times(event.schedule)
    moved = (change.when.ends_at for change in event.changes if change.when and change.date in dates)
    return max((schedule_ends_at(event.schedule), *moved))


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


@lru_cache(maxsize=512)
def wire(schedule: Schedule) -> Wire:
    """How ``schedule`` is written in iCalendar."""
    yielded = _yielded(schedule)
    gaps = tuple(
        local_time
        for local_time in yielded
        if isinstance(local_time, datetime) and not exists(local_time, schedule.when)
    )
    return Wire(
        rule=schedule.rule if _counted(schedule) and not gaps else _until(schedule, yielded[-1]),
        excluded=gaps,
    )


def _counted(schedule: Schedule) -> bool:
    return schedule.rule is not None and read(schedule.rule).count is not None


def _until(schedule: Schedule, last: LocalTime) -> str | None:
    """The text of the rule with the date ``last`` as UNTIL; ``None`` without a rule."""
    if schedule.rule is None:
        return None
    return spell(replace(read(schedule.rule), count=None, until=moment(last, schedule.when)))


def find(within: Event | Schedule, recurrence_id: LocalTime) -> LocalTime | None:
    """The name of the date that a received RECURRENCE-ID refers to, or ``None`` if it does not refer to exactly one.

    It may be an instant in any zone, a local time, or the day on which one date begins. It is untrusted input, and may
    be in any year.
    """
    schedule = within.schedule if isinstance(within, Event) else within
    when = schedule.when
    if not isinstance(recurrence_id, datetime) or when.all_day:
        day = _day_in(recurrence_id, when)
        found = [local_time for local_time in starts(schedule) if day_of(local_time) == day]
    elif recurrence_id.tzinfo is not None:
        found = [local_time for local_time in starts(schedule) if moment(local_time, when) == recurrence_id]
    else:
        found = [local_time for local_time in starts(schedule) if local_time == recurrence_id]
    return found[0] if len(found) == 1 else None


def _day_in(moment: LocalTime, when: When) -> date:
    """The date of ``moment``: of an instant, that in the zone of ``when``."""
    if isinstance(moment, datetime) and moment.tzinfo is not None and when.time_zone is not None:
        with suppress(OverflowError):  # beyond `datetime.min` or `datetime.max`
            return moment.astimezone(ZoneInfo(when.time_zone)).date()
    return day_of(moment)


# --- when the series changes ----------------------------------------------------------------------------------------


def same_but_for_its_end(rule: str, other: str | None) -> bool:
    """Whether the rules are equal but for COUNT or UNTIL."""
    return other is not None and _endless(rule) == _endless(other)


def _endless(rule: str) -> Rule:
    return replace(read(rule), until=None, count=None)


def moved_rule(before: Schedule, when: When) -> str | None:
    """The text of the rule after the first date is moved to ``when``, with as many dates as before; ``None`` without a
    rule.

    Raises :class:`InvalidField` for ``start`` if the rule does not yield the new start, or dates outside the limits.
    """
    if before.rule is None:
        return None
    endless, day = _endless(before.rule), day_of(when.start)
    if next(days(endless, day), None) != day:
        raise InvalidField("start", "is no date of the recurrence any more: recurrence must be given as well")
    if _counted(before):
        return rule(before.rule, when, "start")
    number = len(_yielded(before))
    along = list(local_times(endless, when))[:number]
    if len(along) < number:
        raise InvalidField("start", "must leave all dates within two years, or recurrence be given as well")
    last = next(local_time for local_time in reversed(along) if exists(local_time, when))
    return rule(spell(replace(endless, until=moment(last, when))), when, "start")


def moved(before: Schedule, when: When) -> Schedule:
    """The series after its first date is moved to ``when``: the rule of :func:`moved_rule`, and added dates that keep
    their distance from the first.

    Raises :class:`InvalidField` for ``start`` as :func:`moved_rule` does, and if an added date would become one that
    the rule yields: two dates, for both of which people may be registered, would become one.
    """
    added = {_along(local_time, before.when.start, when.start) for local_time in before.added}
    rule = moved_rule(before, when)
    if added & {*_yielded(Schedule(when=when, rule=rule))}:
        raise InvalidField("start", "would put an added date onto another one: recurrence must be given as well")
    return Schedule(when=when, rule=rule, added=tuple(sorted(added)))


def _along(local_time: LocalTime, before: LocalTime, now: LocalTime) -> LocalTime:
    """``local_time`` after the first start moved from ``before`` to ``now``: shifted by the difference of local times,
    or of days if one of them is a whole day.
    """
    if isinstance(local_time, datetime) and isinstance(before, datetime) and isinstance(now, datetime):
        return local_time + (now - before)
    day = day_of(local_time) + (day_of(now) - day_of(before))
    return datetime.combine(day, now.time()) if isinstance(now, datetime) else day


@lru_cache(maxsize=256)
def renamed(before: Schedule, after: Schedule) -> Mapping[LocalTime, LocalTime]:
    """The names in ``after`` of the dates of ``before``, by their names there, without dates that no longer exist.

    If the rules are equal but for their ends, the n-th date stays the n-th, skipped local times included in the count,
    and added dates move with the first. If the rule is another, dates keep their names if ``after`` has them too.
    """
    here, there = starts(before), set(starts(after))
    names = {local_time: local_time for local_time in here}
    if before.rule is after.rule is None or (before.rule and same_but_for_its_end(before.rule, after.rule)):
        names = {local_time: _along(local_time, before.when.start, after.when.start) for local_time in before.added}
        names |= dict(zip(_yielded(before), _yielded(after), strict=False))
    return {local_time: names[local_time] for local_time in here if names.get(local_time) in there}


def named(event: Event, registration_dates: tuple[LocalTime, ...], naming: int) -> dict[LocalTime, LocalTime]:
    """The present names of ``registration_dates``, by their names under the schedule that ``event`` had when
    ``len(event.earlier)`` was ``naming``; without dates that no longer exist.
    """
    schedules = (*event.earlier[naming:], event.schedule)
    known = frozenset(starts(schedules[0]))
    names = {local_time: local_time for local_time in registration_dates if local_time in known}
    for before, after in pairwise(schedules):
        now = renamed(before, after)
        names = {first: now[name] for first, name in names.items() if name in now}
    return names


def shortened(schedule: Schedule, since: LocalTime) -> Schedule | None:
    """The schedule of the dates before ``since``, or ``None`` if there are none.

    Raises :class:`ValueError` if ``since`` is not one of the starts.
    """
    if starts(schedule).index(since) == 0:
        return None
    last = max(
        local_time for local_time in _yielded(schedule) if local_time < since and exists(local_time, schedule.when)
    )
    added = tuple(local_time for local_time in schedule.added if local_time < since)
    return replace(schedule, rule=_until(schedule, last), added=added)


def rest(schedule: Schedule, since: LocalTime) -> Schedule:
    """The schedule of the dates from ``since`` on. Raises :class:`ValueError` if that is not one of the starts.

    The rule cannot begin with an added date: then all dates are listed, unless another rule yields exactly them.
    """
    left = starts(schedule)[starts(schedule).index(since) :]
    when = when_at(schedule, since)
    if since not in _yielded(schedule) or schedule.rule is None:
        return by_rule(Schedule(when=when, added=left[1:]))
    rule = read(schedule.rule)
    if rule.count is not None:
        gone = sum(local_time < since and exists(local_time, schedule.when) for local_time in _yielded(schedule))
        rule = replace(rule, count=rule.count - gone)
    added = tuple(local_time for local_time in schedule.added if local_time > since)
    return Schedule(when=when, rule=spell(plain(rule, day_of(since))), added=added)
