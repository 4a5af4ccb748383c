"""RRULE read to the letter (RFC 5545, section 3.3.10): each day of the calendar is asked whether the rule means it.

Slow, and without any library: what the layer counts with ``dateutil`` is judged by this.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import groupby

DAY = timedelta(days=1)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def days(rule: str, start: date, last: date) -> list[date]:
    """The days that ``rule`` means, from ``start`` to ``last``, whatever its COUNT or UNTIL."""
    parts = dict(part.split("=") for part in rule.split(";"))
    period = _period(parts)
    steps = int(parts.get("INTERVAL", "1"))
    found: list[date] = []
    # A period that began before the start counts from its beginning.
    for number, members in groupby(_calendar(start - 366 * DAY, last + 366 * DAY), key=period):
        if (number - period(start)) % steps == 0:
            found += _at_positions([day for day in members if _is_meant(day, parts, start)], parts)
    return [day for day in found if start <= day <= last]


def _calendar(first: date, last: date) -> Iterator[date]:
    first = first.replace(month=1, day=1)
    return (first + number * DAY for number in range((last - first).days + 1))


def _period(parts: dict[str, str]) -> Callable[[date], int]:
    """The number of the day, week, month or year that a day is in."""
    first = WEEKDAYS.index(parts.get("WKST", "MO"))
    return {
        "DAILY": date.toordinal,
        "WEEKLY": lambda day: (day.toordinal() - 1 - first) // 7,  # the day with number 1 was a Monday
        "MONTHLY": lambda day: day.year * 12 + day.month,
        "YEARLY": lambda day: day.year,
    }[parts["FREQ"]]


def _is_meant(day: date, parts: dict[str, str], start: date) -> bool:
    if "BYMONTH" in parts and str(day.month) not in parts["BYMONTH"].split(","):
        return False
    length = calendar.monthrange(day.year, day.month)[1]
    if "BYMONTHDAY" in parts and not {day.day, day.day - length - 1} & set(map(int, parts["BYMONTHDAY"].split(","))):
        return False
    if "BYDAY" in parts and not any(_is_weekday(day, each, parts) for each in parts["BYDAY"].split(",")):
        return False
    if "BYDAY" in parts or "BYMONTHDAY" in parts or parts["FREQ"] == "DAILY":
        return True
    # "Information, not contained in the rule, necessary to determine the various recurrence instance start time and
    # dates are derived from the Start Time (DTSTART)".
    if parts["FREQ"] == "WEEKLY":
        return day.weekday() == start.weekday()
    if parts["FREQ"] == "YEARLY" and "BYMONTH" not in parts and day.month != start.month:
        return False
    return day.day == start.day


def _is_weekday(day: date, text: str, parts: dict[str, str]) -> bool:
    if WEEKDAYS[day.weekday()] != text[-2:]:
        return False
    if not text[:-2]:
        return True
    number = int(text[:-2])
    if parts["FREQ"] == "YEARLY" and "BYMONTH" not in parts:
        place, length = day.timetuple().tm_yday, 365 + calendar.isleap(day.year)
    else:
        place, length = day.day, calendar.monthrange(day.year, day.month)[1]
    return number == ((place - 1) // 7 + 1 if number > 0 else -((length - place) // 7 + 1))


def _at_positions(members: list[date], parts: dict[str, str]) -> list[date]:
    if "BYSETPOS" not in parts:
        return members
    wanted = [int(number) for number in parts["BYSETPOS"].split(",")]
    return sorted({members[n - 1 if n > 0 else n] for n in wanted if -len(members) <= n <= len(members)})
