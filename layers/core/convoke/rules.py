"""The text of an RRULE (RFC 5545, section 3.3.10): read with care, said in one way only, and the days that it means.

Days are counted by ``dateutil``, always one bounded stretch at a time: asked for the next day of a rule that has none
it would look for one until the year 9999.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import MAXYEAR, UTC, date, datetime, timedelta
from typing import Any, Literal

from dateutil import rrule

from .model import noun

LONGEST = timedelta(days=731)
"""Two years, one of them a leap year: no rule is followed any further from its first day."""

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_FREQUENCIES: dict[str, Literal[0, 1, 2, 3]] = {
    "DAILY": rrule.DAILY,
    "WEEKLY": rrule.WEEKLY,
    "MONTHLY": rrule.MONTHLY,
    "YEARLY": rrule.YEARLY,
}
_FINER = ("HOURLY", "MINUTELY", "SECONDLY", "BYHOUR", "BYMINUTE", "BYSECOND")
_COARSE = ("BYYEARDAY", "BYWEEKNO")
_PARTS = ("FREQ", "UNTIL", "COUNT", "INTERVAL", "BYMONTH", "BYMONTHDAY", "BYDAY", "BYSETPOS", "WKST")
_LIMIT = 500  # characters of a rule
_EXAMPLE = "such as FREQ=WEEKLY;COUNT=4"

_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_DAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"([0-9]{8})(?:(T[0-9]{6})(Z?))?")

Weekday = tuple[int, int]
"""Which one of its month or year (-1 is the last, 0 stands for all of them), and the day of the week (0 is Monday)."""


@noun
class Rule:
    """An RRULE's parts. Lists are in the order of writing and without doubles.

    ``until`` is as it was written: an instant (UTC), a wall time, or a day. Exactly one of it and ``count`` is there.
    """

    frequency: str
    until: datetime | date | None = None
    count: int | None = None
    interval: int = 1
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    weekdays: tuple[Weekday, ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 0

    @property
    def ordinal(self) -> bool:
        return any(nth for nth, _ in self.weekdays)


def read(text: str) -> Rule:
    """The rule of ``text``. Raises :class:`ValueError` with a sentence for whoever wrote it."""
    parts = _parts(text)
    frequency = parts.get("FREQ", "")
    if frequency in _FINER:
        raise ValueError("must have a FREQ of DAILY, WEEKLY, MONTHLY or YEARLY: a series has at most one date a day")
    if frequency not in _FREQUENCIES:
        raise ValueError("must have a FREQ: DAILY, WEEKLY, MONTHLY or YEARLY")
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError("must not have both COUNT and UNTIL")
    if "COUNT" not in parts and "UNTIL" not in parts:
        raise ValueError("must have COUNT or UNTIL: a series has an end")
    rule = Rule(
        frequency=frequency,
        until=_until(parts["UNTIL"]) if "UNTIL" in parts else None,
        count=_number("COUNT", parts["COUNT"], 999_999_999) if "COUNT" in parts else None,
        interval=_number("INTERVAL", parts.get("INTERVAL", "1"), 999),
        months=_numbers("BYMONTH", parts, 12, signed=False),
        month_days=_numbers("BYMONTHDAY", parts, 31),
        weekdays=_weekdays(parts["BYDAY"]) if "BYDAY" in parts else (),
        positions=_numbers("BYSETPOS", parts, 366),
        week_start=_week_start(parts.get("WKST", "MO")),
    )
    _belong_together(rule)
    return rule


def _parts(text: str) -> dict[str, str]:
    if len(text) > _LIMIT or not text.isascii():
        raise ValueError(f"must be an RRULE {_EXAMPLE}, of at most {_LIMIT} ASCII characters")
    parts: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").split(";"):
        name, _, value = part.partition("=")
        if name in _FINER:
            raise ValueError(f"must not have {name}: each date begins at the time of day of start")
        if name in _COARSE:
            raise ValueError(f"must not have {name}: say the days by BYMONTH, BYMONTHDAY or BYDAY")
        if name not in _PARTS or not value:
            raise ValueError(f"must be an RRULE {_EXAMPLE}, of the parts {', '.join(_PARTS)}")
        if name in parts:
            raise ValueError(f"must have {name} only once")
        parts[name] = value
    return parts


def _number(name: str, text: str, most: int, *, signed: bool = False) -> int:
    number = int(text) if _NUMBER.fullmatch(text) and (signed or text.isdigit()) else 0
    if not 1 <= abs(number) <= most:
        raise ValueError(f"must have a {name} from 1 to {most}" + (f", or from -1 to -{most}" if signed else ""))
    return number


def _numbers(name: str, parts: dict[str, str], most: int, *, signed: bool = True) -> tuple[int, ...]:
    listed = parts[name].split(",") if name in parts else ()
    return _in_order(_number(name, each, most, signed=signed) for each in listed)


def _in_order(numbers: Iterable[int]) -> tuple[int, ...]:
    """As they come in a month: those that count from the end are last."""
    return tuple(sorted(set(numbers), key=lambda number: (number < 0, number)))


def _weekdays(text: str) -> tuple[Weekday, ...]:
    found = [_DAY.fullmatch(each) for each in text.split(",")]
    if not all(found):
        raise ValueError("must have a BYDAY of weekdays such as MO, 2TU or -1FR")
    days = {(int(each[1] or 0), _WEEKDAYS.index(each[2])) for each in found if each}
    if any(each and each[1] and not int(each[1]) for each in found):
        raise ValueError("must have a BYDAY of weekdays such as MO, 2TU or -1FR: there is none with number 0")
    return _by_week(days)


def _by_week(days: Iterable[Weekday]) -> tuple[Weekday, ...]:
    return tuple(sorted(set(days), key=lambda day: (day[0] < 0, *day)))


def _week_start(text: str) -> int:
    if text not in _WEEKDAYS:
        raise ValueError("must have a WKST that is a weekday such as MO")
    return _WEEKDAYS.index(text)


def _until(text: str) -> datetime | date:
    found = _UNTIL.fullmatch(text)
    try:
        if found is None:
            raise ValueError(text)
        if not found[2]:
            return date.fromisoformat(found[1])
        until = datetime.fromisoformat(found[1] + found[2])
    except ValueError:
        raise ValueError("must have an UNTIL such as 20270312T080000Z, or 20270312") from None
    return until.replace(tzinfo=UTC) if found[3] else until


def _belong_together(rule: Rule) -> None:
    """What RFC 5545 says of parts that stand beside each other, and what can be no day at all."""
    if rule.frequency == "WEEKLY" and rule.month_days:
        raise ValueError("must not have BYMONTHDAY in a WEEKLY rule")
    if rule.ordinal:
        if rule.frequency not in ("MONTHLY", "YEARLY"):
            raise ValueError("must have numbers in BYDAY (such as 2TU) only in a MONTHLY or YEARLY rule")
        most = 53 if rule.frequency == "YEARLY" and not rule.months else 5
        if any(abs(nth) > most for nth, _ in rule.weekdays):
            raise ValueError(f"must have numbers in BYDAY (such as 2TU) of at most {most} here")
    if rule.positions:
        if not (rule.months or rule.month_days or rule.weekdays):
            raise ValueError("must have BYSETPOS only together with BYDAY, BYMONTHDAY or BYMONTH")
        if rule.frequency == "WEEKLY" and rule.months:
            raise ValueError("must not have BYSETPOS together with BYMONTH in a WEEKLY rule")


def spell(rule: Rule) -> str:
    """The text of ``rule``, without what says nothing."""
    parts = {
        "FREQ": rule.frequency,
        "UNTIL": _moment(rule.until) if rule.until is not None else "",
        "COUNT": str(rule.count or ""),
        "INTERVAL": str(rule.interval) if rule.interval > 1 else "",
        "BYMONTH": ",".join(map(str, rule.months)),
        "BYMONTHDAY": ",".join(map(str, rule.month_days)),
        "BYDAY": ",".join(f"{nth or ''}{_WEEKDAYS[day]}" for nth, day in rule.weekdays),
        "BYSETPOS": ",".join(map(str, rule.positions)),
        "WKST": _WEEKDAYS[rule.week_start] if rule.week_start else "",
    }
    return ";".join(f"{name}={value}" for name, value in parts.items() if value)


def _moment(moment: datetime | date) -> str:
    if isinstance(moment, datetime):
        return f"{moment:%Y%m%dT%H%M%S}" + ("Z" if moment.tzinfo else "")
    return f"{moment:%Y%m%d}"


def plain(rule: Rule, start: date) -> Rule:
    """The same days from ``start`` on, which is one of them, said in the shortest of the ways that we tell to be equal.

    Raises :class:`ValueError` where it can be seen that there are none.
    """
    rule = _without_positions(_spelled_out(rule, start))
    every = {day for nth, day in rule.weekdays if not nth}
    rule = replace(rule, weekdays=tuple(each for each in rule.weekdays if not each[0] or each[1] not in every))
    if len(rule.months) == 12 and not rule.ordinal and (rule.frequency != "YEARLY" or rule.month_days or rule.weekdays):
        rule = replace(rule, months=())
    if len(every) == 7 and (rule.frequency == "DAILY" or rule.month_days):
        rule = replace(rule, weekdays=())
    if rule.interval == 1 and not rule.month_days:
        if rule.frequency == "DAILY" and rule.weekdays:
            rule = replace(rule, frequency="WEEKLY")
        elif rule.frequency == "WEEKLY" and len(every) == 7:
            rule = replace(rule, frequency="DAILY", weekdays=())
    return _implied(replace(rule, week_start=_first_that_matters(rule, start)), start)


def _spelled_out(rule: Rule, start: date) -> Rule:
    """With the days that ``start`` stands for where the rule leaves them out."""
    if rule.weekdays or rule.month_days or rule.frequency == "DAILY":
        return rule
    if rule.frequency == "WEEKLY":
        return replace(rule, weekdays=((0, start.weekday()),))
    if rule.frequency == "YEARLY":
        return replace(rule, months=rule.months or (start.month,), month_days=(start.day,))
    return replace(rule, month_days=(start.day,))


def _implied(rule: Rule, start: date) -> Rule:
    """Without the days that ``start`` stands for anyway, so that they move when it moves."""
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
    """BYSETPOS said by the days themselves, where that is the same: ``BYDAY=FR;BYSETPOS=-1`` is ``BYDAY=-1FR``."""
    if not rule.positions:
        return rule
    if rule.frequency == "DAILY":
        days, found = rule.weekdays, bool({1, -1} & set(rule.positions))
    elif rule.frequency == "WEEKLY":
        week = sorted(rule.weekdays, key=lambda each: (each[1] - rule.week_start) % 7)
        chosen = {pos - 1 if pos > 0 else pos + len(week) for pos in rule.positions}
        days = _by_week(day for number, day in enumerate(week) if number in chosen)
        found = bool(days)
    elif len(rule.weekdays) == 1 and not rule.ordinal and not rule.month_days and _monthly(rule):
        days = _by_week((pos, rule.weekdays[0][1]) for pos in rule.positions if abs(pos) <= 5)
        found = bool(days)
    else:
        return rule
    if not found:
        raise ValueError("must yield dates: there is none at the BYSETPOS")
    return replace(rule, weekdays=days, positions=())


def _monthly(rule: Rule) -> bool:
    """Whether each period of the rule has one month that counts."""
    return rule.frequency == "MONTHLY" or len(rule.months) == 1


def _first_that_matters(rule: Rule, start: date) -> int:
    """A weekday that parts the days as ``week_start`` does, seen from ``start``: Monday or Sunday where they do."""
    if rule.frequency != "WEEKLY" or rule.interval == 1:
        return 0

    def away(first: int) -> list[int]:
        return [(day - first) % 7 - (start.weekday() - first) % 7 for _, day in rule.weekdays]

    return next(first for first in (0, 6, 1, 2, 3, 4, 5) if away(first) == away(rule.week_start))


def days(rule: Rule, start: date) -> Iterator[date]:
    """All days of a ``plain`` rule in order, whatever its end: from ``start`` on for two years."""
    rule, last = _spelled_out(rule, start), start + LONGEST
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
    """The days of the one month or year that begins on ``first``: the next period would be after the last year."""
    return _follow(
        replace(rule, interval=MAXYEAR * 12),
        dtstart=first,
        bymonth=rule.months or None,
        bymonthday=rule.month_days or None,
        byweekday=_numbered(rule) or None,
        bysetpos=rule.positions or None,
    )


def _numbered(rule: Rule) -> list[rrule.weekday]:
    # dateutil takes FR,2TU to be the days that are both.
    most = 53 if rule.frequency == "YEARLY" and not rule.months else 5
    numbers = range(1, most + 1) if rule.ordinal else (None,)
    return [rrule.weekday(day, number) for nth, day in rule.weekdays for number in ((nth,) if nth else numbers)]


def _is_meant(rule: Rule, day: date) -> bool:
    """Whether ``day`` is within all that only limits the days of a daily or weekly rule."""
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
