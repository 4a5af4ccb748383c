"""Dates and times as text for people, in English.

Names of days and months are defined here, since those of ``strftime`` depend on the locale.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ..model import LocalTime, When

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def in_words(when: When) -> str:
    """``Friday 12 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00)``."""
    if not isinstance(when.start, datetime) or not isinstance(when.end, datetime):
        days = day(when.start) if when.start == when.end else f"{day(when.start)} to {day(when.end)}"
        return f"{days}, all day" + (f" ({when.time_zone})" if when.time_zone else "")
    start, end = clock(when.start), clock(when.end)
    until = end if when.start.date() == when.end.date() else f"{day(when.end)}, {end}"
    return f"{day(when.start)}, {start} to {until} ({_zone(when.start, when.end, when.time_zone or 'UTC')})"


def in_short(when: When) -> str:
    """The start, for a subject: ``Fri 12 Mar 2027, 09:00``; of whole days the first and the last:
    ``Fri 2 to Mon 5 Apr 2027``.
    """
    start, end = when.start, when.end
    if isinstance(start, datetime):
        return f"{_short(start)}, {clock(start)}"
    if start == end:
        return _short(start)
    if start.year != end.year:
        return f"{_short(start)} to {_short(end)}"
    first = f"{_DAYS[start.weekday()][:3]} {start.day}"
    return f"{first} to {_short(end)}" if start.month == end.month else f"{_short(start)[:-5]} to {_short(end)}"


def day(date: date) -> str:
    """``Friday 12 March 2027``."""
    return f"{_DAYS[date.weekday()]} {date.day} {_MONTHS[date.month - 1]} {date.year}"


def clock(local_time: LocalTime) -> str:
    """``09:00``; for a whole day the empty string."""
    return f"{local_time:%H:%M}" if isinstance(local_time, datetime) else ""


def _short(date: date) -> str:
    return f"{_DAYS[date.weekday()][:3]} {date.day} {_MONTHS[date.month - 1][:3]} {date.year}"


def _zone(start: datetime, end: datetime, name: str) -> str:
    """``Europe/Berlin, UTC+01:00``, with the offset at the end if that is another."""
    first, last = (local_time.replace(tzinfo=ZoneInfo(name)).utcoffset() or timedelta() for local_time in (start, end))
    changes = "" if first == last else f", at its end {_utc(last)}"
    return f"{name}, {_utc(first)}{changes}" if name != "UTC" else name


def _utc(offset: timedelta) -> str:
    minutes = int(abs(offset).total_seconds()) // 60
    return f"UTC{'-' if offset < timedelta() else '+'}{minutes // 60:02}:{minutes % 60:02}"
