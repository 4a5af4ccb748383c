"""The dates of a series: which there are, how each is named, and what becomes of the names when the series changes.

A date is named by its original start, a wall time of the series' zone or a whole day. Wall time wins: a series at 09:00
stays at 09:00 when the clock is set. A wall time that the clock skips is no date of the series and is not counted (RFC
5545, section 3.3.10); one that it shows twice is the first of the two.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from . import rules
from .model import DateChange, Event, InvalidField, Occurrence, Schedule, Wall, When, noun
from .rules import LONGEST, Rule

MOST = 400
"""How many dates a rule may have; and they are within ``LONGEST`` of each other."""

_DAY = timedelta(days=1)
# A stored UNTIL is the instant of the last date by the zone's rules of then; dates are at least a day apart.
_GRACE = timedelta(hours=12)


@noun
class Wire:
    """A schedule as iCalendar has it, so that all readers see the same dates.

    Some readers pass over the wall times that the clock skips, as they ought to; others put them an hour later, and
    count them. ``excluded`` (EXDATE) takes them away from those, and ``rule`` then does not count. ``added`` (RDATE)
    are real starts that the rule does not yield.
    """

    rule: str | None
    added: tuple[Wall, ...]
    excluded: tuple[datetime, ...]


def rule(text: str, when: When, field: str = "recurrence") -> str:
    """The one spelling of the RRULE ``text`` for a series that begins with ``when``.

    Raises :class:`InvalidField` for ``field`` where it is no rule that we follow, yields no date at ``when.start``, or
    yields more than ``MOST`` dates or some later than ``LONGEST`` after it. UNTIL becomes the instant of the last date.
    A wall time there is read in the zone of ``when``, a date is the end of that day; a series of whole days takes
    nothing but a date, for a time would leave open on which side of midnight it is meant.
    """
    try:
        return rules.spell(_checked(rules.plain(rules.read(text), _day(when.start)), when))
    except ValueError as error:
        raise InvalidField(field, str(error)) from None


def _checked(read: Rule, when: When) -> Rule:
    if read.count is not None and read.count > MOST:
        raise ValueError(f"must yield at most {MOST} dates")
    read = replace(read, until=_until(read.until, when))
    dates = [wall for wall in _nominal(read, when, timedelta()) if _exists(wall, when)]
    if not dates:
        raise ValueError("must yield dates: there is none")
    if dates[0] != when.start:
        raise ValueError("must yield the date of start itself")
    if len(dates) > MOST:
        raise ValueError(f"must yield at most {MOST} dates")
    if read.count is not None:
        if len(dates) < read.count:
            raise ValueError("must yield all its dates within two years")
        return read
    return replace(read, until=_said_at(dates[-1], when))


def _until(until: Wall | None, when: When) -> Wall | None:
    """The last instant (UTC), or day, that UNTIL leaves."""
    if until is None:
        return None
    if when.all_day:
        if isinstance(until, datetime):
            raise ValueError("must have an UNTIL that is a date, as start is")
        last = until
    else:
        zone = ZoneInfo(when.time_zone or "")
        if not isinstance(until, datetime):
            until = datetime.combine(until, time(23, 59, 59))
        until = (until if until.tzinfo else until.replace(tzinfo=zone)).astimezone(UTC)
        last = until.astimezone(zone).date()
    if last > _day(when.start) + LONGEST:
        raise ValueError("must yield all its dates within two years")
    return until


def _nominal(read: Rule, when: When, grace: timedelta) -> Iterator[Wall]:
    """What the rule yields from the start to its end, the wall times that the clock skips among them."""
    real = 0
    for day in rules.days(read, _day(when.start)):
        wall = datetime.combine(day, when.start.time()) if isinstance(when.start, datetime) else day
        if read.until is not None and _said_at(wall, when) > read.until + grace:
            return
        yield wall
        real += _exists(wall, when)
        if real == read.count or real > MOST:
            return


@lru_cache(maxsize=512)
def _yielded(schedule: Schedule) -> tuple[Wall, ...]:
    """What the rule of ``schedule`` yields up to its last date, the wall times that the clock skips among them."""
    if schedule.rule is None:
        return (schedule.when.start,)
    read, when = rules.read(schedule.rule), schedule.when
    found = list(_nominal(read, when, timedelta() if when.all_day else _GRACE))
    while found and not _exists(found[-1], when):
        found.pop()
    return tuple(found)


@lru_cache(maxsize=512)
def starts(schedule: Schedule) -> tuple[Wall, ...]:
    """The original starts of all dates, in order and without doubles."""
    return tuple(sorted(wall for wall in {*_yielded(schedule), *schedule.added} if _exists(wall, schedule.when)))


def skipped(schedule: Schedule) -> tuple[datetime, ...]:
    """The wall times that would be dates, had the clock not skipped them."""
    found = {wall for wall in (*_yielded(schedule), *schedule.added) if not _exists(wall, schedule.when)}
    return tuple(sorted(wall for wall in found if isinstance(wall, datetime)))


def when_at(schedule: Schedule, start: Wall) -> When:
    """The time of the date at ``start``: as long as the first in real time (RFC 5545, section 3.8.5.3), or in days."""
    when = schedule.when
    if not isinstance(start, datetime):
        return replace(when, start=start, end=start + (_day(when.end) - _day(when.start)))
    zone = ZoneInfo(when.time_zone or "")
    end = start.replace(tzinfo=zone).astimezone(UTC) + (when.ends_at - when.starts_at)
    return replace(when, start=start, end=end.astimezone(zone).replace(tzinfo=None))


def occurrences(event: Event) -> tuple[Occurrence, ...]:
    """Every date of ``event`` as it is, in the order of the original starts. An event that is no series has one."""
    schedule, changes = event.schedule, {change.date: change for change in event.changes}
    return tuple(_occurrence(event, schedule, changes.get(start, DateChange(date=start))) for start in starts(schedule))


def _occurrence(event: Event, schedule: Schedule, change: DateChange) -> Occurrence:
    return Occurrence(
        date=change.date,
        when=change.when or when_at(schedule, change.date),
        title=event.title if change.title is None else change.title,
        location=event.location if change.location is None else change.location,
        description=event.description if change.description is None else change.description,
        cancelled=change.cancelled,
        moved=change.when is not None,
        reason=change.reason,
    )


def ends_at(event: Event) -> datetime:
    """The first instant (UTC) at which its last date is over; cancelled dates count, moved ones where they are."""
    return max(occurrence.when.ends_at for occurrence in occurrences(event))


@lru_cache(maxsize=512)
def schedule_ends_at(schedule: Schedule) -> datetime:
    """The first instant (UTC) at which the last date of ``schedule`` is over."""
    return max(when_at(schedule, start).ends_at for start in starts(schedule))


def next_start(schedule: Schedule, now: datetime) -> datetime:
    """The instant (UTC) of the next start from ``now`` on, or of the last one."""
    begins = [when_at(schedule, start).starts_at for start in starts(schedule)]
    return next((at for at in begins if at >= now), begins[-1])


def begins_next(event: Event, now: datetime) -> datetime | None:
    """The instant (UTC) of the next start after ``now`` of a date that is not cancelled."""
    begins = (occurrence.when.starts_at for occurrence in occurrences(event) if not occurrence.cancelled)
    return min((at for at in begins if at > now), default=None)


def wire(schedule: Schedule) -> Wire:
    """How ``schedule`` is said in iCalendar."""
    when, dates = schedule.when, starts(schedule)
    yielded = [wall for wall in _yielded(schedule) if _exists(wall, when)]
    # Where a reader that shifts them would find another date, there is nothing to take away.
    real = {_said_at(wall, when) for wall in dates}
    gaps = [wall for wall in _yielded(schedule) if isinstance(wall, datetime) and not _exists(wall, when)]
    return Wire(
        rule=_said(schedule, yielded[-1], counted=not gaps),
        added=tuple(wall for wall in dates if wall not in yielded),
        excluded=tuple(wall for wall in gaps if _said_at(wall, when) not in real),
    )


def _said(schedule: Schedule, last: Wall, *, counted: bool) -> str | None:
    if schedule.rule is None:
        return None
    read = rules.read(schedule.rule)
    if counted and read.count is not None:
        return schedule.rule
    return rules.spell(replace(read, count=None, until=_said_at(last, schedule.when)))


def find(within: Event | Schedule, recurrence_id: Wall) -> Wall | None:
    """The date that a RECURRENCE-ID means, if it is one: an instant in any zone, a wall time, or a day on which exactly
    one date begins.
    """
    schedule = within.schedule if isinstance(within, Event) else within
    when = schedule.when
    if isinstance(recurrence_id, datetime) and recurrence_id.tzinfo is not None:
        zone = ZoneInfo(when.time_zone) if when.time_zone else recurrence_id.tzinfo
        recurrence_id = recurrence_id.astimezone(zone).replace(tzinfo=None)
    if isinstance(recurrence_id, datetime) and not when.all_day:
        found = [wall for wall in starts(schedule) if wall == recurrence_id.replace(fold=0)]
    else:
        found = [wall for wall in starts(schedule) if _day(wall) == _day(recurrence_id)]
    return found[0] if len(found) == 1 else None


# --- when the series changes ----------------------------------------------------------------------------------------


def same_but_for_its_end(rule: str, other: str | None) -> bool:
    """Whether one rule is the other, lengthened or shortened."""
    return other is not None and _endless(rule) == _endless(other)


def _endless(rule: str) -> Rule:
    return replace(rules.read(rule), until=None, count=None)


def carried(before: Schedule, when: When) -> str | None:
    """The rule of the series when its first date becomes ``when`` and the rule is not touched: as many dates as before.

    Raises :class:`InvalidField` for ``start`` where the rule does not yield that, or too much.
    """
    if before.rule is None:
        return None
    read, day = rules.read(before.rule), _day(when.start)
    if next(rules.days(read, day), None) != day:
        raise InvalidField("start", "is no date of the recurrence any more: recurrence must be given as well")
    if read.count is not None:
        return rule(before.rule, when, "start")
    number = len(_yielded(before))
    walls = list(_nominal(replace(read, until=None, count=None), when, timedelta()))[:number]
    if len(walls) < number:
        raise InvalidField("start", "must leave all dates within two years: recurrence must be given as well")
    last = [wall for wall in walls if _exists(wall, when)][-1]
    return rule(rules.spell(replace(read, until=_said_at(last, when))), when, "start")


def moved(before: Schedule, when: When) -> Schedule:
    """The series when its first date becomes ``when``: its rule carried, the added dates as far from the first as ever.

    Raises what :func:`carried` raises.
    """
    added = {_along(wall, before.when.start, when.start) for wall in before.added}
    return Schedule(when=when, rule=carried(before, when), added=tuple(sorted(added)))


def _along(wall: Wall, before: Wall, now: Wall) -> Wall:
    """``wall`` when the first start, ``before``, becomes ``now``: by wall time, or by days where one has none."""
    if isinstance(wall, datetime) and isinstance(before, datetime) and isinstance(now, datetime):
        return wall + (now - before)
    day = _day(wall) + (_day(now) - _day(before))
    return datetime.combine(day, now.time()) if isinstance(now, datetime) else day


def renamed(before: Schedule, after: Schedule) -> dict[Wall, Wall]:
    """The names that the dates of ``before`` have in ``after``; those that are gone have none.

    With the same rule, but for its end, the n-th that it yields stays the n-th, those that the clock skips counted; the
    added ones move with the first. With another rule a date stays where the new schedule has it too.
    """
    here, there = starts(before), set(starts(after))
    if not _same_rule(before, after):
        return {wall: wall for wall in here if wall in there}
    names = {wall: _along(wall, before.when.start, after.when.start) for wall in before.added}
    names |= dict(zip(_yielded(before), _yielded(after), strict=False))
    return {wall: names[wall] for wall in here if wall in names and names[wall] in there}


def _same_rule(before: Schedule, after: Schedule) -> bool:
    if before.rule is None:
        return after.rule is None
    return same_but_for_its_end(before.rule, after.rule)


def named(event: Event, registration_dates: tuple[Wall, ...], naming: int) -> dict[Wall, Wall]:
    """The names that dates have now, by those that they had when ``event`` had had ``naming`` earlier schedules.

    Those that are gone are not there.
    """
    schedules = (*event.earlier[naming:], event.schedule)
    known = set(starts(schedules[0]))
    names = {wall: wall for wall in registration_dates if wall in known}
    for before, after in pairwise(schedules):
        now = renamed(before, after)
        names = {first: now[name] for first, name in names.items() if name in now}
    return names


def shortened(schedule: Schedule, since: Wall) -> Schedule | None:
    """Only the dates before ``since``, one of the starts (else :class:`ValueError`); ``None`` where there is none."""
    left = starts(schedule)[: _place(schedule, since)]
    if not left:
        return None
    yielded = [wall for wall in left if wall in _yielded(schedule)]
    if not yielded:
        return _listed(schedule, left)
    text = _said(schedule, yielded[-1], counted=False)
    return replace(schedule, rule=text, added=_before(schedule.added, since))


def rest(schedule: Schedule, since: Wall) -> Schedule:
    """The dates from ``since`` on, one of the starts (else :class:`ValueError`). Where it is one that was added, no
    rule can begin with it: then all are listed.
    """
    left = starts(schedule)[_place(schedule, since) :]
    if since not in _yielded(schedule):
        return _listed(schedule, left)
    when = when_at(schedule, since)
    added = tuple(wall for wall in schedule.added if wall > since)
    if schedule.rule is None:
        return Schedule(when=when, added=added)
    read = rules.read(schedule.rule)
    if read.count is not None:
        gone = sum(_exists(wall, when) for wall in _yielded(schedule) if wall < since)
        read = replace(read, count=read.count - gone)
    return Schedule(when=when, rule=rules.spell(rules.plain(read, _day(since))), added=added)


def _place(schedule: Schedule, since: Wall) -> int:
    dates = starts(schedule)
    if since not in dates:
        raise ValueError(f"{since} is no date of the series")
    return bisect_left(dates, since)


def _before(walls: Iterable[Wall], since: Wall) -> tuple[Wall, ...]:
    return tuple(wall for wall in walls if wall < since)


def _listed(schedule: Schedule, dates: tuple[Wall, ...]) -> Schedule:
    return Schedule(when=when_at(schedule, dates[0]), added=dates[1:])


# --- wall times -----------------------------------------------------------------------------------------------------


def _day(wall: Wall) -> date:
    return wall.date() if isinstance(wall, datetime) else wall


def _said_at(wall: Wall, when: When) -> Wall:
    """As UNTIL says it: the instant (UTC) of a wall time, a day itself. A time that is skipped is as much later."""
    if not isinstance(wall, datetime):
        return wall
    return wall.replace(tzinfo=ZoneInfo(when.time_zone or "")).astimezone(UTC)


def _exists(wall: Wall, when: When) -> bool:
    """Whether the clock of the zone ever shows ``wall``."""
    if not isinstance(wall, datetime):
        return True
    zone = ZoneInfo(when.time_zone or "")
    return wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wall
