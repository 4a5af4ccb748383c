"""Which dates of a series are in its calendar entry and which are separate entries, and the rule as it is written.

Exchange does not support every date in a series; each that it does not is a calendar entry with a UID of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from ..model import Event, InvalidField, LocalTime, Schedule, When, frozen
from .recurrence import day_of, exists
from .rrule import Rule, endless, spell
from .series import Itself, by_name, counted, ending_with, occurrences, rule, starts, when_at, yielded_by_rule


@frozen
class RuleAndExdates:
    """RRULE and EXDATE of a schedule, so that all programs compute the same dates.

    Some programs ignore skipped local times, as RFC 5545 requires; others put them an hour later and count them. For
    those ``excluded`` (EXDATE) removes them, and ``rule`` (RRULE) has UNTIL in place of COUNT. Dates that the rule does
    not yield are not included: see :func:`separate`.
    """

    rule: str | None
    excluded: tuple[datetime, ...]


def extra_dates(schedule: Schedule) -> tuple[LocalTime, ...]:
    """The added dates that the rule does not yield, sorted."""
    yielded = yielded_by_rule(schedule)
    return tuple(local_time for local_time in starts(schedule) if local_time not in yielded)


def separate(event: Event) -> frozenset[LocalTime]:
    """The dates of ``event`` that are not sent as occurrences of its series, but each as a separate calendar entry.

    They are those that Exchange does not support in a series: dates beside the rule (RDATE), and those that were moved
    beyond the previous or the next one, onto the same day, or so that they overlap ([MS-OXCICAL], section
    2.1.3.1.1.20.18). Neighbours count at their times by the rule even if they were changed, so that a change of one
    date does not make another one separate; and where the previous date was moved to, if that is not separate itself.
    """
    return _separate(Itself(event))


@lru_cache(maxsize=16)
def _separate(its_event: Itself[Event]) -> frozenset[LocalTime]:
    event = its_event.value
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


def has_main_entry(event: Event) -> bool:
    """Whether any date takes place that is not a separate entry."""
    separated = separate(event)
    return any(not one.cancelled and one.date not in separated for one in occurrences(event))


def main_entry(event: Event) -> Event:
    """The event as in its main calendar entry, that is without the :func:`separate` dates: with the dates of its rule,
    or, if it has none, its first date with that date's changes.
    """
    return _main_entry(Itself(event)) if event.added else event


@lru_cache(maxsize=16)
def _main_entry(its_event: Itself[Event]) -> Event:
    event = its_event.value
    if event.rule is not None:
        return replace(event, added=())
    first = by_name(event)[event.when.start]
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
    found = [] if schedule.rule is None else [replace(endless(schedule.rule), count=number)]
    weeks, days_left = divmod(step, 7)
    frequency, interval = ("DAILY", step) if days_left else ("WEEKLY", weeks)
    found += [Rule(frequency=frequency, interval=interval, count=number)] if step else []
    for each in found:
        with suppress(InvalidField):
            same = Schedule(when=schedule.when, rule=rule(spell(each), schedule.when))
            if starts(same) == dates:
                return same
    return schedule


@lru_cache(maxsize=512)
def rule_and_exdates(schedule: Schedule) -> RuleAndExdates:
    """How ``schedule`` is written in iCalendar."""
    yielded = yielded_by_rule(schedule)
    gaps = tuple(
        local_time
        for local_time in yielded
        if isinstance(local_time, datetime) and not exists(local_time, schedule.when)
    )
    return RuleAndExdates(
        rule=schedule.rule if counted(schedule) and not gaps else ending_with(schedule, yielded[-1]),
        excluded=gaps,
    )
