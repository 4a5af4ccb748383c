"""Reads the start and the end of an event from a request, so that no code behind the API meets an impossible time.

A local time that does not exist, since the clocks go forward, is refused; of one that occurs twice the first is meant.
A duration is added as RFC 5545, section 3.3.6, says: its days on the calendar, its hours in elapsed time.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from ..model import YEARS, Duration, InvalidField, When
from ..schedule.recurrence import exists_in

NOT_ZONES = frozenset({"localtime", "posixrules", "Factory"})
"""Names in zoneinfo's list that are no zones: they depend on the machine, or mean nothing."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?", re.ASCII)
_OFFSET = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$", re.ASCII | re.IGNORECASE)


@cache
def zones() -> frozenset[str]:
    """The IANA names that are accepted as ``time_zone``."""
    return frozenset(available_timezones() - NOT_ZONES)


def read_when(
    *, start: str, end: str | None, duration: str | None, time_zone: str | None, current: When | None = None
) -> When:
    """Start and end of a request's texts: ``start`` and ``end`` as in :func:`read_moment`, ``duration`` in ISO 8601.

    ``current`` is the time that is replaced: an end that a duration had put into the second of two equal local times
    keeps that. Raises :class:`InvalidField` with the field that is wrong.
    """
    if time_zone is not None and time_zone not in zones():
        raise InvalidField("time_zone", "must be the IANA name of a time zone, such as Europe/Berlin")
    if end is not None and duration is not None:
        raise InvalidField("duration", "must not be given together with end")
    first = read_moment("start", start)
    if not isinstance(first, datetime):
        return _whole_days(first, end, duration, time_zone)
    if time_zone is None:
        raise InvalidField("time_zone", "is required, unless start is a date")
    _must_exist("start", first, time_zone)
    if duration is not None:
        last = _later(first, _duration(duration), time_zone)
    elif end is not None:
        last = _end(end, time_zone, current)
    else:
        raise InvalidField("end", "is required, or a duration")
    when = When(start=first, end=last, time_zone=time_zone)
    if when.ends_at <= when.starts_at:
        raise InvalidField("duration" if duration is not None else "end", "must be after start")
    return when


def _whole_days(first: date, end: str | None, duration: str | None, time_zone: str | None) -> When:
    if duration is not None:
        raise InvalidField("duration", "is for timed events; an event of whole days has an end, its last day")
    last = first if end is None else read_moment("end", end)
    if isinstance(last, datetime):
        raise InvalidField("end", "must be a date, as start is")
    if last < first:
        raise InvalidField("end", "must not be before start")
    return When(start=first, end=last, time_zone=time_zone)


def read_moment(field: str, text: str) -> datetime | date:
    """A naive datetime of ``2027-03-12T09:00:00`` (seconds optional), or a date of ``2027-03-12``.

    Raises :class:`InvalidField`.
    """
    if "T" in text.upper() and _OFFSET.search(text):
        raise InvalidField(field, "must be a local time of time_zone, without an offset")
    try:
        if _DATE.fullmatch(text):
            moment: datetime | date = date.fromisoformat(text)
        elif _TIME.fullmatch(text):
            moment = datetime.fromisoformat(text)
        else:
            raise ValueError(text)
    except ValueError:
        raise InvalidField(field, "must be a time such as 2027-03-12T09:00:00, or a date such as 2027-03-12") from None
    if moment.year not in YEARS:
        raise InvalidField(field, f"must be between the years {YEARS.start} and {YEARS.stop - 1}")
    return moment


def read_instant(field: str, text: str | None) -> datetime | None:
    """The instant, UTC, of a query parameter: RFC 3339 with an offset, or a date, which is its first moment in UTC.

    Raises :class:`InvalidField`.
    """
    if text is None:
        return None
    try:
        is_date = _DATE.fullmatch(text)
        at = datetime.combine(date.fromisoformat(text), time(), UTC) if is_date else datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError(text)
        at = at.astimezone(UTC)
    except (ValueError, OverflowError):
        at = None
    if at is None or at.year not in range(1000, 9999):
        raise InvalidField(field, "must be a time such as 2027-03-12T08:00:00Z, or a date such as 2027-03-12")
    return at


def _must_exist(field: str, local_time: datetime, time_zone: str) -> None:
    if not exists_in(local_time, time_zone):
        raise InvalidField(field, f"does not exist: the clock in {time_zone} skips it")


def _end(text: str, time_zone: str, current: When | None) -> datetime:
    last = read_moment("end", text)
    if not isinstance(last, datetime):
        raise InvalidField("end", "must be a time, as start is")
    _must_exist("end", last, time_zone)
    if current is not None and current.time_zone == time_zone and isinstance(current.end, datetime):
        # Both have the same text: ISO 8601 without an offset cannot tell the two equal local times apart.
        return current.end if current.end.replace(fold=0) == last else last
    return last


def _duration(text: str) -> Duration:
    try:
        return Duration.parse(text)
    except ValueError as error:
        raise InvalidField("duration", str(error)) from None


def _later(start: datetime, length: Duration, time_zone: str) -> datetime:
    zone = ZoneInfo(time_zone)
    try:
        day = (start + timedelta(days=length.days)).replace(tzinfo=zone)
        end = (day.astimezone(UTC) + timedelta(seconds=length.seconds)).astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        end = None
    if end is None or end.year not in YEARS:
        raise InvalidField("duration", f"must end before the year {YEARS.stop}")
    return end
