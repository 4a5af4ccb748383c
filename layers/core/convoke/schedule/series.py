"""The dates of a series: which there are, how each is named, and what becomes of the names when the series changes.

A date is named by its original start, a wall time of the series' zone or a whole day. Wall time wins: a series at 09:00
stays at 09:00 when the clock is set. A wall time that the clock skips is no date of the series and is not counted (RFC
5545, section 3.3.10); one that it shows twice is the first of the two.
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
from .recurrence import LONGEST as LONGEST
from .recurrence import MOST as MOST
from .recurrence import (
    day_of,
    days,
    exists,
    local_times,
    moment,
    plain,
    settled,
)
from .rrule import Rule, read, spell

# A stored UNTIL is the instant of the last date by the zone's rules of then; dates are at least a day apart.
_GRACE = timedelta(hours=12)


@frozen
class Wire:
    """A schedule as iCalendar has it, so that all readers see the same dates.

    Some readers pass over the wall times that the clock skips, as they ought to; others put them an hour later, and
    count them. ``excluded`` (EXDATE) takes them away from those, and ``rule`` then does not count. What the rule does
    not yield is not said here: see :func:`separate`.
    """

    rule: str | None
    excluded: tuple[datetime, ...]


def rule(text: str, when: When, field: str = "recurrence") -> str:
    """The one spelling of the RRULE ``text`` for a series that begins with ``when``: its dates are the same.

    Raises :class:`InvalidField` for ``field`` where it is no rule that we follow, yields no date at ``when.start``,
    more than ``MOST`` dates, one later than ``LONGEST`` after the first, or one that begins before the date before it
    is over: Exchange holds no series of such (MS-OXOCAL, section 2.2.1.44). UNTIL becomes the instant of the last date;
    a wall time in it is read in the zone of ``when``, a date is the end of that day, and whole days have a date there.
    """
    try:
        said = spell(settled(read(text), when))
    except ValueError as error:
        raise InvalidField(field, str(error)) from None
    if any(
        later.starts_at < earlier.ends_at for earlier, later in pairwise(times(Schedule(when=when, rule=said)).values())
    ):
        raise InvalidField(
            field,
            "must leave each date over before the next begins: Outlook cannot hold dates that overlap; "
            "make an event for each",
        )
    return said


@lru_cache(maxsize=512)
def _yielded(schedule: Schedule) -> tuple[LocalTime, ...]:
    """What the rule of ``schedule`` yields up to its last date, the wall times that the clock skips among them."""
    if schedule.rule is None:
        return (schedule.when.start,)
    when = schedule.when
    found = list(local_times(read(schedule.rule), when, grace=timedelta() if when.all_day else _GRACE))
    while not exists(found[-1], when):
        found.pop()
    return tuple(found)


@lru_cache(maxsize=512)
def starts(schedule: Schedule) -> tuple[LocalTime, ...]:
    """The original starts of all dates, in order and without doubles."""
    return tuple(
        sorted(local_time for local_time in {*_yielded(schedule), *schedule.added} if exists(local_time, schedule.when))
    )


def skipped(schedule: Schedule) -> tuple[datetime, ...]:
    """The wall times that would be dates, had the clock not skipped them."""
    found = {
        local_time for local_time in (*_yielded(schedule), *schedule.added) if not exists(local_time, schedule.when)
    }
    return tuple(sorted(local_time for local_time in found if isinstance(local_time, datetime)))


def when_at(schedule: Schedule, start: LocalTime) -> When:
    """The time of the date at ``start``: as long as the first in real time (RFC 5545, section 3.8.5.3), or in days."""
    when = schedule.when
    if not isinstance(start, datetime):
        return replace(when, start=start, end=start + (day_of(when.end) - day_of(when.start)))
    zone = ZoneInfo(when.time_zone or "")
    end = start.replace(tzinfo=zone).astimezone(UTC) + (when.ends_at - when.starts_at)
    return replace(when, start=start, end=end.astimezone(zone).replace(tzinfo=None))


@lru_cache(maxsize=64)
def times(schedule: Schedule) -> Mapping[LocalTime, When]:
    """When each of its dates is, by its start and in order, if nothing is other about it."""
    return {start: when_at(schedule, start) for start in starts(schedule)}


@lru_cache(maxsize=16)
def occurrences(event: Event) -> tuple[Occurrence, ...]:
    """Every date of ``event`` as it is, in the order of the original starts. An event that is no series has one."""
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
    """When the first of its dates is that takes place and is not over at ``now`` (UTC); else as the event has it."""
    coming = (one.when for one in occurrences(event) if not one.cancelled and one.when.ends_at > now)
    return min(coming, key=lambda when: when.starts_at, default=event.when)


# --- what is told as a date of the series, and what as an entry of its own ------------------------------------------


def beside(schedule: Schedule) -> tuple[LocalTime, ...]:
    """The dates that were added and that its rule does not yield."""
    yielded = _yielded(schedule)
    return tuple(local_time for local_time in starts(schedule) if local_time not in yielded)


@lru_cache(maxsize=16)
def separate(event: Event) -> frozenset[LocalTime]:
    """The dates of ``event`` that no calendar is told of as dates of its series, but each as an entry of its own.

    They are what Exchange cannot hold: dates beside the rule (RDATE), and those that were moved past the one before or
    after them, onto its day, or into its time (MS-OXCICAL, section 2.1.3.1.1.20.18). The neighbours count where the
    rule has them, whatever became of them, so that a date does not change its kind because another one does; and where
    they were moved to, of two the earlier first.
    """
    apart = set(beside(event.schedule))
    own = {change.date: change.when for change in event.changes if change.when is not None and not change.cancelled}
    if event.rule is None or not own:
        return frozenset(apart)
    dates = [start for start in starts(event.schedule) if start not in apart]
    previous: When | None = None
    for at, start in enumerate(dates):
        when = own.get(start)
        if when is not None:
            before = [when_at(event.schedule, dates[at - 1])] if at else []
            before += [previous] if previous is not None else []
            after = [when_at(event.schedule, dates[at + 1])] if at + 1 < len(dates) else []
            if not between(when, before, after, event.when.time_zone):
                apart.add(start)
                when = None
        previous = when
    return frozenset(apart)


def between(when: When, before: Iterable[When], after: Iterable[When], zone: str | None) -> bool:
    """Whether it is on a day of its own between these, and shares no time with them."""
    day = _day_of(when, zone)
    return all(_day_of(other, zone) < day and other.ends_at <= when.starts_at for other in before) and all(
        day < _day_of(other, zone) and when.ends_at <= other.starts_at for other in after
    )


def _day_of(when: When, zone: str | None) -> date:
    return when.starts_at.astimezone(ZoneInfo(zone)).date() if zone and not when.all_day else day_of(when.start)


def stands(event: Event) -> bool:
    """Whether any date takes place that is not told as an entry of its own."""
    apart = separate(event)
    return any(not one.cancelled and one.date not in apart for one in occurrences(event))


def main(event: Event) -> Event:
    """The event as the entry says it that is none of the :func:`separate` ones: the dates of its rule; or where it has
    none, its first date, whatever is other about that.
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
    """The same dates by a rule alone, where there is one that every calendar has: that of ``schedule`` made longer, or
    every so many days or weeks. Else ``schedule``.
    """
    dates = starts(schedule)
    if not beside(schedule):
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
    """The first instant (UTC) at which its last date is over.

    Cancelled dates count, and moved ones where they were, too: until then there is something to tell of them.
    """
    dates = times(event.schedule)
    moved = (change.when.ends_at for change in event.changes if change.when and change.date in dates)
    return max((schedule_ends_at(event.schedule), *moved))


@lru_cache(maxsize=512)
def schedule_ends_at(schedule: Schedule) -> datetime:
    """The first instant (UTC) at which the last of its dates is over."""
    return when_at(schedule, starts(schedule)[-1]).ends_at


def next_start(schedule: Schedule, now: datetime) -> datetime:
    """The instant (UTC) at which the next of its dates begins, from ``now`` on; that of the last where none is left."""
    begins = _begins(schedule)
    return begins[min(bisect_left(begins, now), len(begins) - 1)]


@lru_cache(maxsize=512)
def _begins(schedule: Schedule) -> tuple[datetime, ...]:
    return tuple(replace(schedule.when, start=start).starts_at for start in starts(schedule))


@lru_cache(maxsize=512)
def wire(schedule: Schedule) -> Wire:
    """How ``schedule`` is said in iCalendar."""
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
    """The rule with the date ``last`` as its end."""
    if schedule.rule is None:
        return None
    return spell(replace(read(schedule.rule), count=None, until=moment(last, schedule.when)))


def find(within: Event | Schedule, recurrence_id: LocalTime) -> LocalTime | None:
    """The date that a RECURRENCE-ID means, if it means one: an instant in whatever zone, a wall time, or the day on
    which exactly one date begins. It comes from anybody, and may be in any year.
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
    """The day that it is then, in the zone if there is one."""
    if isinstance(moment, datetime) and moment.tzinfo is not None and when.time_zone is not None:
        with suppress(OverflowError):  # before the first day of all, or after the last
            return moment.astimezone(ZoneInfo(when.time_zone)).date()
    return day_of(moment)


# --- when the series changes ----------------------------------------------------------------------------------------


def same_but_for_its_end(rule: str, other: str | None) -> bool:
    """Whether one rule is the other, lengthened or shortened."""
    return other is not None and _endless(rule) == _endless(other)


def _endless(rule: str) -> Rule:
    return replace(read(rule), until=None, count=None)


def carried(before: Schedule, when: When) -> str | None:
    """The rule when the first date becomes ``when`` and nobody gave another: COUNT stays, and with UNTIL as many dates.

    Raises :class:`InvalidField` for ``start`` where it does not yield that, or too much.
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
    """The series when its first date becomes ``when``: its rule carried, the added dates as far from the first as ever.

    Raises what :func:`carried` raises, also where an added date would become one that the rule yields: of two dates,
    both of which somebody may come to, one would be left.
    """
    added = {_along(local_time, before.when.start, when.start) for local_time in before.added}
    rule = carried(before, when)
    if added & {*_yielded(Schedule(when=when, rule=rule))}:
        raise InvalidField("start", "would put an added date onto another one: recurrence must be given as well")
    return Schedule(when=when, rule=rule, added=tuple(sorted(added)))


def _along(local_time: LocalTime, before: LocalTime, now: LocalTime) -> LocalTime:
    """Where ``local_time`` is when the first start moves from ``before`` to ``now``: by wall time, else by days."""
    if isinstance(local_time, datetime) and isinstance(before, datetime) and isinstance(now, datetime):
        return local_time + (now - before)
    day = day_of(local_time) + (day_of(now) - day_of(before))
    return datetime.combine(day, now.time()) if isinstance(now, datetime) else day


@lru_cache(maxsize=256)
def renamed(before: Schedule, after: Schedule) -> Mapping[LocalTime, LocalTime]:
    """The names that the dates of ``before`` have in ``after``; those that are gone have none.

    With the same rule, but for its end, the n-th that it yields stays the n-th, those that the clock skips counted; the
    added ones move with the first. With another rule a date stays where the new schedule has it too.
    """
    here, there = starts(before), set(starts(after))
    names = {local_time: local_time for local_time in here}
    if before.rule is after.rule is None or (before.rule and same_but_for_its_end(before.rule, after.rule)):
        names = {local_time: _along(local_time, before.when.start, after.when.start) for local_time in before.added}
        names |= dict(zip(_yielded(before), _yielded(after), strict=False))
    return {local_time: names[local_time] for local_time in here if names.get(local_time) in there}


def named(event: Event, registration_dates: tuple[LocalTime, ...], naming: int) -> dict[LocalTime, LocalTime]:
    """The names that dates have now, by those that they had when ``event`` had had ``naming`` earlier schedules.

    Those that are gone are not there.
    """
    schedules = (*event.earlier[naming:], event.schedule)
    known = frozenset(starts(schedules[0]))
    names = {local_time: local_time for local_time in registration_dates if local_time in known}
    for before, after in pairwise(schedules):
        now = renamed(before, after)
        names = {first: now[name] for first, name in names.items() if name in now}
    return names


def shortened(schedule: Schedule, since: LocalTime) -> Schedule | None:
    """The dates before ``since``, which is one of the starts (else :class:`ValueError`); ``None`` if there are none."""
    if starts(schedule).index(since) == 0:
        return None
    last = max(
        local_time for local_time in _yielded(schedule) if local_time < since and exists(local_time, schedule.when)
    )
    added = tuple(local_time for local_time in schedule.added if local_time < since)
    return replace(schedule, rule=_until(schedule, last), added=added)


def rest(schedule: Schedule, since: LocalTime) -> Schedule:
    """The dates from ``since`` on, one of the starts (else :class:`ValueError`). No rule can begin with one that was
    added: then all are listed, where no other rule yields just them.
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
