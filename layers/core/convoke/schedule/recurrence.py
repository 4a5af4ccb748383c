"""What a recurrence rule yields from a given start on: its days and local times; and its canonical form.

Days are computed by ``dateutil``, always within a bounded period: for the next day of a rule that has no more it would
search until the year 9999.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import replace
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from dateutil import rrule

from ..model import LocalTime, When
from . import outlook_templates
from .rrule import Rule, by_week

MAX_DATES = 400
"""How many dates a series may have."""
MAX_SPAN = timedelta(days=731)
"""Two years, one of them a leap year: the longest time from the first date of a series to its last."""

_FREQUENCIES: dict[str, Literal[0, 1, 2, 3]] = {
    "YEARLY": rrule.YEARLY,
    "MONTHLY": rrule.MONTHLY,
    "WEEKLY": rrule.WEEKLY,
    "DAILY": rrule.DAILY,
}


def canonical_and_supported(rule: Rule, when: When) -> Rule:
    """The canonical form of ``rule`` for a series that begins with ``when``; UNTIL becomes the last date.

    Raises :class:`ValueError`, with a sentence for the API's caller, if it yields no date at the start, more than
    ``MAX_DATES`` dates, or one later than ``MAX_SPAN`` after the start, or if calendars do not support it
    (``outlook_templates``).
    """
    rule = canonical(rule, when)
    outlook_templates.must_fit(rule, [day_of(local_time) for local_time in local_times(rule, when)])
    return rule


def canonical(rule: Rule, when: When) -> Rule:
    """:func:`canonical_and_supported` without the check whether calendars support the rule."""
    if rule.count is not None and rule.count > MAX_DATES:
        raise ValueError(f"must yield at most {MAX_DATES} dates")
    rule = replace(plain(rule, day_of(when.start)), until=_until(rule.until, when))
    dates = [local_time for local_time in local_times(rule, when) if exists(local_time, when)]
    if not dates:
        raise ValueError("must yield dates: there is none")
    if dates[0] != when.start:
        raise ValueError("must yield start itself as the first date")
    if len(dates) > MAX_DATES:
        raise ValueError(f"must yield at most {MAX_DATES} dates")
    if rule.count is not None:
        if len(dates) < rule.count:
            raise ValueError("must yield all its dates within two years")
        return rule
    return replace(rule, until=moment(dates[-1], when))


def _until(until: LocalTime | None, when: When) -> LocalTime | None:
    """UNTIL as an instant (UTC); for all-day events, as a date.

    A local time is read in the zone of ``when``, and a date is the end of that day. For all-day events it must be a
    date, since a time would be ambiguous. Raises :class:`ValueError` if it is not, or is later than ``MAX_SPAN`` after
    the start.
    """
    if until is None:
        return None
    first = day_of(when.start)
    # Checked before conversions to UTC, which overflow at the limits of `datetime`.
    if abs(day_of(until) - first) > MAX_SPAN + timedelta(days=2):
        raise ValueError("must have UNTIL within two years of start")
    if when.all_day:
        if isinstance(until, datetime):
            raise ValueError("must have UNTIL be a date, as start is")
        last = until
    else:
        zone = ZoneInfo(when.time_zone or "")
        if not isinstance(until, datetime):
            until = datetime.combine(until, time(23, 59, 59))
        until = (until if until.tzinfo else until.replace(tzinfo=zone)).astimezone(UTC)
        last = until.astimezone(zone).date()
    if last > first + MAX_SPAN:
        raise ValueError("must have UNTIL within two years of start")
    return until


def local_times(rule: Rule, when: When, *, grace: timedelta = timedelta()) -> Iterator[LocalTime]:
    """All that ``rule`` yields from the start of ``when`` on, including local times that do not exist because clocks
    are set forward.

    COUNT does not count those (RFC 5545, section 3.3.10). What begins at most ``grace`` after UNTIL is yielded, too.
    """
    real = 0
    for day in days(rule, day_of(when.start)):
        local_time = datetime.combine(day, when.start.time()) if isinstance(when.start, datetime) else day
        if rule.until is not None and moment(local_time, when) > rule.until + grace:
            return
        yield local_time
        real += exists(local_time, when)
        if real == rule.count or real > MAX_DATES:
            return


def day_of(local_time: LocalTime) -> date:
    """The date of a local time, without any conversion."""
    return local_time.date() if isinstance(local_time, datetime) else local_time


def moment(local_time: LocalTime, when: When) -> LocalTime:
    """The value for UNTIL: the instant (UTC) of a local time in the zone of ``when``; a whole day unchanged.

    For a time that does not exist because clocks are set forward, the offset before the change is used.
    """
    if not isinstance(local_time, datetime):
        return local_time
    return local_time.replace(tzinfo=ZoneInfo(when.time_zone or "")).astimezone(UTC)


def exists(local_time: LocalTime, when: When) -> bool:
    """Whether ``local_time`` exists in the zone of ``when``: it does not if clocks are set forward past it.

    The first start always counts as existing. It did when it was stored, and a later change of the zone's rules must
    not remove it, since a series cannot be without its first date.
    """
    if not isinstance(local_time, datetime) or local_time == when.start:
        return True
    return exists_in(local_time, when.time_zone or "")


def exists_in(local_time: datetime, time_zone: str) -> bool:
    """Whether a local time exists in a zone (an IANA name)."""
    zone = ZoneInfo(time_zone)
    return local_time.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local_time


# --- the days -------------------------------------------------------------------------------------------------------


def days(rule: Rule, start: date) -> Iterator[date]:
    """All days of a ``plain`` rule, sorted, from ``start`` on for ``MAX_SPAN``; COUNT and UNTIL are ignored."""
    rule, last = _spelled_out(rule, start), start + MAX_SPAN
    if rule.frequency == "DAILY":
        found = _follow(rule, dtstart=start, until=last)
    elif rule.frequency == "WEEKLY":
        week = [day for _, day in rule.weekdays]
        found = _follow(rule, dtstart=start, until=last, wkst=rule.week_start, byweekday=week)
    else:
        first = start.replace(day=1) if rule.frequency == "MONTHLY" else start.replace(month=1, day=1)
        found = (day for each in _follow(rule, dtstart=first, until=last) for day in _inside(rule, each))
    return (day for day in found if start <= day <= last and _is_meant(rule, day))


def _inside(rule: Rule, first: date) -> Iterator[date]:
    """The days of the one month or year that begins on ``first``.

    The interval puts the next period after the last year that ``dateutil`` considers.
    """
    return _follow(
        replace(rule, interval=MAXYEAR * 12),
        dtstart=first,
        bymonth=rule.months or None,
        bymonthday=rule.month_days or None,
        byweekday=_numbered(rule) or None,
        bysetpos=rule.positions or None,
    )


def _numbered(rule: Rule) -> list[rrule.weekday]:
    # dateutil intersects weekdays with a number and those without, as in FR,2TU; so all get numbers.
    numbers = range(1, rule.weeks + 1) if rule.ordinal else (None,)
    return [rrule.weekday(day, number) for nth, day in rule.weekdays for number in ((nth,) if nth else numbers)]


def _is_meant(rule: Rule, day: date) -> bool:
    """Whether ``day`` fits the parts that only restrict the days of a daily or weekly rule."""
    if rule.frequency not in ("DAILY", "WEEKLY"):
        return True
    behind = day.day - monthrange(day.year, day.month)[1] - 1
    return (
        (not rule.months or day.month in rule.months)
        and (not rule.month_days or day.day in rule.month_days or behind in rule.month_days)
        and (not rule.weekdays or (0, day.weekday()) in rule.weekdays)
    )


def _follow(rule: Rule, **parts: Any) -> Iterator[date]:
    return (each.date() for each in rrule.rrule(_FREQUENCIES[rule.frequency], interval=rule.interval, **parts))


# --- the canonical form --------------------------------------------------------------------------------------------


def plain(rule: Rule, start: date) -> Rule:
    """The shortest rule known to be equivalent to ``rule`` from ``start`` on, which must be one of its days.

    Raises :class:`ValueError` if BYSETPOS selects no day.
    """
    rule = _without_positions(_spelled_out(rule, start))
    every = {day for nth, day in rule.weekdays if not nth}
    rule = replace(rule, weekdays=tuple(each for each in rule.weekdays if not each[0] or each[1] not in every))
    if len(rule.months) == 12 and not (rule.frequency == "YEARLY" and rule.ordinal):
        rule = replace(rule, months=())
    rule = outlook_templates.nearest(rule, start)
    if len(every) == 7 and (rule.frequency == "DAILY" or rule.month_days):
        rule = replace(rule, weekdays=())
    if rule.interval == 1 and not rule.month_days:
        if rule.frequency == "DAILY" and rule.weekdays:
            rule = replace(rule, frequency="WEEKLY")
        elif rule.frequency == "WEEKLY" and len(every) == 7:
            rule = replace(rule, frequency="DAILY", weekdays=())
    return _implied(replace(rule, week_start=_first_that_matters(rule, start)), start)


def _spelled_out(rule: Rule, start: date) -> Rule:
    """``rule`` with explicit days, those of ``start``, if it has none (RFC 5545, section 3.3.10)."""
    if rule.weekdays or rule.month_days or rule.frequency == "DAILY":
        return rule
    if rule.frequency == "WEEKLY":
        return replace(rule, weekdays=((0, start.weekday()),))
    if rule.frequency == "YEARLY":
        return replace(rule, months=rule.months or (start.month,), month_days=(start.day,))
    return replace(rule, month_days=(start.day,))


def _implied(rule: Rule, start: date) -> Rule:
    """``rule`` without days that follow from ``start``, so that they change when the start is moved."""
    if rule.positions:
        return rule
    if rule.frequency == "WEEKLY" and rule.weekdays == ((0, start.weekday()),):
        return replace(rule, weekdays=())
    if rule.frequency in ("MONTHLY", "YEARLY") and not rule.weekdays and rule.month_days == (start.day,):
        if rule.frequency == "MONTHLY":
            return replace(rule, month_days=())
        if rule.months:
            return replace(rule, month_days=(), months=() if rule.months == (start.month,) else rule.months)
    return rule


def _without_positions(rule: Rule) -> Rule:
    """Days without BYSETPOS, if that is equivalent: ``BYDAY=-1FR`` in place of ``BYDAY=FR;BYSETPOS=-1``."""
    if not rule.positions:
        return rule
    if rule.frequency == "DAILY":
        weekdays, found = rule.weekdays, bool({1, -1} & set(rule.positions))
    elif rule.frequency == "WEEKLY":
        week = sorted(rule.weekdays, key=lambda each: (each[1] - rule.week_start) % 7)
        chosen = {pos - 1 if pos > 0 else pos + len(week) for pos in rule.positions}
        weekdays = by_week(day for number, day in enumerate(week) if number in chosen)
        found = bool(weekdays)
    elif len(rule.weekdays) == 1 and not rule.ordinal and not rule.month_days and _numbers_once(rule):
        weekdays = by_week((pos, rule.weekdays[0][1]) for pos in rule.positions if abs(pos) <= rule.weeks)
        found = bool(weekdays)
    else:
        return rule
    if not found:
        raise ValueError("must yield dates: there is none at the BYSETPOS")
    return replace(rule, weekdays=weekdays, positions=())


def _numbers_once(rule: Rule) -> bool:
    """Whether numbers in BYDAY count once in each period of the rule, and not in each of several months."""
    return rule.frequency == "MONTHLY" or len(rule.months) <= 1


def _first_that_matters(rule: Rule, start: date) -> int:
    """The canonical WKST that yields the same days as ``week_start``: Monday if possible, else Sunday, else another."""
    if rule.frequency != "WEEKLY" or rule.interval == 1:
        return 0

    def away(first: int) -> list[int]:
        return [(day - first) % 7 - (start.weekday() - first) % 7 for _, day in rule.weekdays]

    return next(first for first in (0, 6, 1, 2, 3, 4, 5) if away(first) == away(rule.week_start))
