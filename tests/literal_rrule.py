"""RRULE read to the letter (RFC 5545, section 3.3.10): each day of the calendar is asked whether the rule means it.

Slow, and without any library: what the layer counts with ``dateutil`` is judged by this. Beside it, what Exchange shows
of the same rule.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cache
from itertools import groupby

DAY = timedelta(days=1)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def days(rule: str, start: date, last: date, most: int | None = None) -> list[date]:
    """The days that ``rule`` means, from ``start`` to ``last``, whatever its COUNT or UNTIL; or the first ``most``."""
    parts = dict(part.split("=") for part in rule.split(";"))
    period = _period(parts)
    first_period, last_period = period(start), period(last)
    steps = int(parts.get("INTERVAL", "1"))
    found: list[date] = []
    # A period that began before the start counts from its beginning.
    for number, members in groupby(_calendar(start - 6 * DAY, last + 366 * DAY), key=period):
        if first_period <= number <= last_period and (number - first_period) % steps == 0:
            meant = _at_positions([day for day in members if _is_meant(day, parts, start)], parts)
            found += [day for day in meant if start <= day <= last]
            if most is not None and len(found) >= most:
                break
    return found[:most]


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
    if "BYMONTH" in parts and day.month not in _numbers(parts["BYMONTH"]):
        return False
    if "BYMONTHDAY" in parts and _numbers(parts["BYMONTHDAY"]).isdisjoint(
        (day.day, day.day - _length(day.year, day.month) - 1)
    ):
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


@cache
def _numbers(text: str) -> frozenset[int]:
    return frozenset(map(int, text.split(",")))


@cache
def _length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def _is_weekday(day: date, text: str, parts: dict[str, str]) -> bool:
    if WEEKDAYS[day.weekday()] != text[-2:]:
        return False
    if not text[:-2]:
        return True
    number = int(text[:-2])
    if parts["FREQ"] == "YEARLY" and "BYMONTH" not in parts:
        place, length = day.timetuple().tm_yday, 365 + calendar.isleap(day.year)
    else:
        place, length = day.day, _length(day.year, day.month)
    return number == ((place - 1) // 7 + 1 if number > 0 else -((length - place) // 7 + 1))


def _at_positions(members: list[date], parts: dict[str, str]) -> list[date]:
    if "BYSETPOS" not in parts:
        return members
    wanted = [int(number) for number in parts["BYSETPOS"].split(",")]
    return sorted({members[n - 1 if n > 0 else n] for n in wanted if -len(members) <= n <= len(members)})


# --- Exchange -------------------------------------------------------------------------------------------------------

WORKING_DAYS, WEEKEND = {"MO", "TU", "WE", "TH", "FR"}, {"SA", "SU"}


def exchange(rule: str, start: date, last: date) -> list[date] | None:
    """The days that Exchange shows of ``rule`` from ``start`` to ``last``, or ``None`` where it refuses it.

    By the templates of [MS-OXCICAL], sections 2.1.3.2.2.1 to 2.1.3.2.2.6. A day that a month has not is its last one.
    """
    parts = dict(part.split("=") for part in rule.split(";"))
    frequency, steps, first = parts.pop("FREQ"), int(parts.pop("INTERVAL", "1")), parts.pop("WKST", "MO")
    weekdays = [day for day in parts.pop("BYDAY", "").split(",") if day]
    if frequency == "DAILY" and not parts and not weekdays and steps <= 999:
        return [day for day in _calendar(start, last) if start <= day <= last and (day - start).days % steps == 0]
    if frequency == "WEEKLY" and not parts and set(weekdays) <= set(WEEKDAYS) and steps <= 99:
        text = f"FREQ=WEEKLY;INTERVAL={steps};WKST={first};BYDAY={','.join(weekdays) or WEEKDAYS[start.weekday()]}"
        return days(text, start, last)
    month, steps = parts.pop("BYMONTH", ""), steps * (12 if frequency == "YEARLY" else 1)
    if frequency not in ("MONTHLY", "YEARLY") or "," in month or (month and frequency == "MONTHLY") or steps > 99:
        return None
    if not weekdays:
        given = parts.pop("BYMONTHDAY", "")
        day = 0 if "," in given else int(given or start.day)
        if parts or not (day == -1 or 1 <= day <= 31) or (frequency == "YEARLY" and given and not month):
            return None
        return [one for one in _months(start, last, steps, month) if one.day == _clamped(day, one)]
    number = parts.pop("BYSETPOS", "")
    if not number and len(weekdays) == 1:
        number, weekdays = weekdays[0][:-2], [weekdays[0][-2:]]
    fits = number in ("1", "2", "3", "4", "-1") and not parts and (month or frequency == "MONTHLY")
    one_of_the_sets = set(weekdays) in (*({day} for day in WEEKDAYS), WORKING_DAYS, WEEKEND, {*WEEKDAYS})
    if not fits or not one_of_the_sets:
        return None
    nth = [f"{number}{day}" for day in weekdays] if len(weekdays) == 1 else weekdays
    text = f"FREQ=MONTHLY;BYDAY={','.join(nth)}" + (f";BYSETPOS={number}" if len(weekdays) > 1 else "")
    meant = set(days(text, start.replace(day=1), last))
    return [one for one in _months(start, last, steps, month) if one in meant]


def _months(start: date, last: date, steps: int, month: str) -> list[date]:
    """The days of every so many months, the first of which is that of ``start``."""
    if month and int(month) != start.month:
        return []
    begin = start.year * 12 + start.month
    return [
        day
        for day in _calendar(start, last)
        if start <= day <= last and (day.year * 12 + day.month - begin) % steps == 0
    ]


def _clamped(day: int, within: date) -> int:
    length = calendar.monthrange(within.year, within.month)[1]
    return length if day == -1 else min(day, length)
