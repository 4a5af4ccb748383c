"""How a series changes: moved, shortened or split; and which date has which name before and after.

A date is named by its original start, so moving a series renames its dates.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from ..model import Event, InvalidField, LocalTime, Occurrence, Schedule, When
from .calendar_entries import by_rule
from .recurrence import day_of, days, exists, local_times, moment, plain
from .rrule import endless, read, spell
from .series import by_name, counted, ending_with, rule, starts, when_at, yielded_by_rule


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
        found = [local_time for local_time in starts(schedule) if is_at(recurrence_id, moment(local_time, when))]
    else:
        found = [local_time for local_time in starts(schedule) if local_time == recurrence_id]
    return found[0] if len(found) == 1 else None


def is_at(named: datetime, instant: LocalTime) -> bool:
    """Whether ``named``, in any zone, is the ``instant`` (UTC): also in an hour that the clocks of its zone show twice,
    of which Python says that it equals no time of another zone.
    """
    with suppress(OverflowError):  # beyond `datetime.min` or `datetime.max`
        return named.astimezone(UTC) == instant
    return False


def _day_in(moment: LocalTime, when: When) -> date:
    """The date of ``moment``: of an instant, that in the zone of ``when``."""
    if isinstance(moment, datetime) and moment.tzinfo is not None and when.time_zone is not None:
        with suppress(OverflowError):  # beyond `datetime.min` or `datetime.max`
            return moment.astimezone(ZoneInfo(when.time_zone)).date()
    return day_of(moment)


def same_but_for_its_end(rule: str, other: str | None) -> bool:
    """Whether the rules are equal but for COUNT or UNTIL."""
    return other is not None and endless(rule) == endless(other)


def moved_rule(before: Schedule, when: When) -> str | None:
    """The text of the rule after the first date is moved to ``when``, with as many dates as before; ``None`` without a
    rule.

    Raises :class:`InvalidField` for ``start`` if the rule does not yield the new start, or dates outside the limits.
    """
    if before.rule is None:
        return None
    without_end, day = endless(before.rule), day_of(when.start)
    if next(days(without_end, day), None) != day:
        raise InvalidField("start", "is no date of the recurrence any more: recurrence must be given as well")
    if counted(before):
        return rule(before.rule, when, "start")
    number = len(yielded_by_rule(before))
    along = list(local_times(without_end, when))[:number]
    if len(along) < number:
        raise InvalidField("start", "must leave all dates within two years, or recurrence be given as well")
    last = next(local_time for local_time in reversed(along) if exists(local_time, when))
    return rule(spell(replace(without_end, until=moment(last, when))), when, "start")


def moved(before: Schedule, when: When) -> Schedule:
    """The series after its first date is moved to ``when``: the rule of :func:`moved_rule`, and added dates that keep
    their distance from the first.

    Raises :class:`InvalidField` for ``start`` as :func:`moved_rule` does, and if an added date would become one that
    the rule yields: two dates, for both of which people may be registered, would become one.
    """
    added = {_along(local_time, before.when.start, when.start) for local_time in before.added}
    rule = moved_rule(before, when)
    if added & {*yielded_by_rule(Schedule(when=when, rule=rule))}:
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
        names |= dict(zip(yielded_by_rule(before), yielded_by_rule(after), strict=False))
    return {local_time: names[local_time] for local_time in here if names.get(local_time) in there}


def named(event: Event, registration_dates: tuple[LocalTime, ...], naming: int) -> dict[LocalTime, LocalTime]:
    """The present names of ``registration_dates``, by their names under the schedule that ``event`` had when
    ``len(event.earlier)`` was ``naming``; without dates that no longer exist.
    """
    schedules = (*event.earlier[naming:], event.schedule)
    known, present = _last_known(schedules), len(schedules) - 1
    found = {date: known[date] for date in registration_dates if date in known}
    return {date: name for date, (number, name) in found.items() if number == present}


def chosen(event: Event, registration_dates: tuple[LocalTime, ...], naming: int) -> dict[LocalTime, Occurrence | None]:
    """The ``registration_dates`` as they are now, by their names as :func:`named` has them; ``None`` for a date that no
    longer exists.
    """
    names, dates = named(event, registration_dates, naming), by_name(event)
    return {date: dates.get(names[date]) if date in names else None for date in registration_dates}


def lost(event: Event, registration_dates: tuple[LocalTime, ...], naming: int) -> dict[LocalTime, tuple[int, When]]:
    """Those of ``registration_dates``, by their names as :func:`named` has them, that no longer exist: how many earlier
    schedules the event had when it last had the date, and the time at which the series had it then.
    """
    schedules = (*event.earlier[naming:], event.schedule)
    known, present = _last_known(schedules), len(schedules) - 1
    found = {date: known.get(date, (0, date)) for date in registration_dates}
    return {
        date: (naming + number, when_at(schedules[number], name))
        for date, (number, name) in found.items()
        if number != present or date not in known
    }


def may_be_elsewhere(event: Event, earlier: int) -> bool:
    """Whether a date that ``event`` last had when it had so many ``earlier`` schedules may take place in another event,
    since it was split then. Where it was not noted when, any date may until the whole event is cancelled.
    """
    return earlier in event.splits if event.splits else event.was_split and event.status.expects_people


@lru_cache(maxsize=64)
def _last_known(schedules: tuple[Schedule, ...]) -> Mapping[LocalTime, tuple[int, LocalTime]]:
    """Of each date of the first of ``schedules``, the index of the last one that has it, and its name there.

    From one schedule to the next the names are those of :func:`renamed`. What a change takes away is there again under
    its name where the change is taken back: where a later schedule has the same first start and rule, whatever its end.
    """
    has = [frozenset(starts(schedule)) for schedule in schedules]
    names, number = {name: name for name in starts(schedules[0])}, 0
    known = {name: (0, name) for name in names}
    while names and number < len(schedules) - 1:
        before = schedules[number]
        now = renamed(before, schedules[number + 1])
        following = {first: now[name] for first, name in names.items() if name in now}
        again = [other for other in range(number + 1, len(schedules)) if _is_taken_back(before, schedules[other])]
        best = max(again, key=lambda other: (len(has[other].intersection(names.values())), other), default=number)
        back = {first: name for first, name in names.items() if best > number and name in has[best]}
        names, number = (back, best) if back and len(back) >= len(following) else (following, number + 1)
        known |= {first: (number, name) for first, name in names.items()}
    return known


def _is_taken_back(before: Schedule, later: Schedule) -> bool:
    """Whether the dates of ``later`` have the names of ``before``: it begins as that does, with the same rule but for
    its end.
    """
    if before.when.start != later.when.start:
        return False
    return before.rule == later.rule or (before.rule is not None and same_but_for_its_end(before.rule, later.rule))


def shortened(schedule: Schedule, since: LocalTime) -> Schedule | None:
    """The schedule of the dates before ``since``, or ``None`` if there are none.

    Raises :class:`ValueError` if ``since`` is not one of the starts.
    """
    if starts(schedule).index(since) == 0:
        return None
    last = max(
        local_time
        for local_time in yielded_by_rule(schedule)
        if local_time < since and exists(local_time, schedule.when)
    )
    added = tuple(local_time for local_time in schedule.added if local_time < since)
    return replace(schedule, rule=ending_with(schedule, last), added=added)


def rest(schedule: Schedule, since: LocalTime) -> Schedule:
    """The schedule of the dates from ``since`` on. Raises :class:`ValueError` if that is not one of the starts.

    The rule cannot begin with an added date: then all dates are listed, unless another rule yields exactly them.
    """
    left = starts(schedule)[starts(schedule).index(since) :]
    when = when_at(schedule, since)
    if since not in yielded_by_rule(schedule) or schedule.rule is None:
        return by_rule(Schedule(when=when, added=left[1:]))
    rule = read(schedule.rule)
    if rule.count is not None:
        gone = sum(local_time < since and exists(local_time, schedule.when) for local_time in yielded_by_rule(schedule))
        rule = replace(rule, count=rule.count - gone)
    added = tuple(local_time for local_time in schedule.added if local_time > since)
    return Schedule(when=when, rule=spell(plain(rule, day_of(since))), added=added)
