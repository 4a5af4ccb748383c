"""A VTIMEZONE that is right: judged by ``zoneinfo``, said as a yearly rule wherever a rule says exactly the same.

A zone's TZif file ends with a POSIX rule such as ``CET-1CEST,M3.5.0,M10.5.0/3``. Where it can be said as
RRULEs, and these give exactly the onsets that ``zoneinfo`` sees around the event, it is said so: two
observances that every client understands. Everything else (transitions still in the table, rules that run over
the end of a month) becomes one observance an onset, which is always right, and short, since it need cover only
the event's life and a year on either side.

The rule is read from the ``tzdata`` package. ``zoneinfo`` reads the same files when PYTHONTZPATH is empty;
where it does not, a rule that disagrees with it is not used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from .lines import Line, component, line
from .model import noun

_DAY = timedelta(days=1)
# Shorter than any time between two onsets of one zone since 1970: the shortest is a week less two hours.
_STRIDE = timedelta(days=5)
# Nobody asks a client for the local time of anything earlier, and every client can hold it.
_BEGINNING = 1970

_WEEKDAYS = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")  # as POSIX counts them
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

_NAME = r"(?:<[^>]+>|[A-Za-z]+)"
_RULE = r"M(\d+)\.([1-5])\.([0-6])(?:/([-+\d:]+))?"
_FOOTER = re.compile(rf"({_NAME})([-+\d:]+)({_NAME})([-+\d:]+)?,{_RULE},{_RULE}")


@noun
class _Onset:
    """The instant (UTC) at which the clock is set from one offset to another."""

    at: datetime
    before: timedelta
    after: timedelta
    name: str
    daylight: bool

    def observance(self, *rule: Line) -> tuple[Line, ...]:
        # DTSTART is the local time that the clock shows *before* it is set (RFC 5545, section 3.6.5).
        return component(
            "DAYLIGHT" if self.daylight else "STANDARD",
            line("DTSTART", f"{self.at.replace(tzinfo=None) + self.before:%Y%m%dT%H%M%S}"),
            *rule,
            line("TZNAME", self.name),
            line("TZOFFSETFROM", _offset(self.before)),
            line("TZOFFSETTO", _offset(self.after)),
        )


@noun
class _Yearly:
    """Every year at ``clock``, in the old time, on the first ``weekday`` (0 is Sunday) from ``day`` of ``month`` on."""

    month: int
    day: int
    weekday: int
    clock: timedelta
    before: timedelta
    after: timedelta
    name: str

    def onset(self, year: int) -> _Onset:
        on = date(year, self.month, self.day)
        on += _DAY * ((self.weekday - on.isoweekday()) % 7)
        return _Onset(
            at=datetime.combine(on, time(), UTC) + self.clock - self.before,
            before=self.before,
            after=self.after,
            name=self.name,
            daylight=self.after > self.before,
        )

    @property
    def rule(self) -> Line:
        if self.day % 7 == 1:
            days = f"BYDAY={self.day // 7 + 1}{_WEEKDAYS[self.weekday]}"
        elif self.day + 6 == _MONTH_DAYS[self.month - 1]:
            days = f"BYDAY=-1{_WEEKDAYS[self.weekday]}"
        else:
            month_days = ",".join(str(self.day + n) for n in range(7))
            days = f"BYMONTHDAY={month_days};BYDAY={_WEEKDAYS[self.weekday]}"
        return line("RRULE", f"FREQ=YEARLY;BYMONTH={self.month};{days}")


@lru_cache(maxsize=256)
def vtimezone(name: str, first: datetime, last: datetime) -> tuple[Line, ...]:
    """The VTIMEZONE of the IANA zone ``name``, right for all instants from ``first`` to ``last`` (UTC, 1970 or later).

    Raises what :class:`zoneinfo.ZoneInfo` raises for a zone that it does not know.
    """
    zone = ZoneInfo(name)
    since, until = first - 366 * _DAY, last + 366 * _DAY
    seen = tuple(_onsets(zone, since, until))
    observances = _rules(name, seen, since, until)
    if observances is None:
        observances = tuple(each for onset in seen for each in onset.observance())
        if not seen or first < seen[0].at:
            observances = _opening(zone, since).observance() + observances
    return component("VTIMEZONE", line("TZID", name), *observances)


def _onsets(zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[_Onset]:
    """What ``zoneinfo`` sees: the instants after ``since`` at which the clock is set."""
    early, was = since, _state(zone, since)
    while early < until:
        late = min(early + _STRIDE, until)
        now = _state(zone, late)
        if now != was:
            yield _onset(zone, early, late)
        early, was = late, now


def _onset(zone: ZoneInfo, early: datetime, late: datetime) -> _Onset:
    was, now = _state(zone, early), _state(zone, late)
    low, high = 0, int((late - early).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _state(zone, early + timedelta(seconds=middle)) == was else (low, middle)
    # Summer time is the later clock, also in Dublin, whose law says that winter is the exception.
    daylight = now[0] > was[0] if was[2] != now[2] else now[2]
    return _Onset(at=early + timedelta(seconds=high), before=was[0], after=now[0], name=now[1], daylight=daylight)


def _state(zone: ZoneInfo, instant: datetime) -> tuple[timedelta, str, bool]:
    local = instant.astimezone(zone)
    return local.utcoffset() or timedelta(), local.tzname() or "", bool(local.dst())


def _opening(zone: ZoneInfo, since: datetime) -> _Onset:
    """What holds at ``since``, as if it had always been so."""
    offset, name, _ = _state(zone, since)
    at = datetime(_BEGINNING, 1, 1, tzinfo=UTC) - offset
    return _Onset(at=at, before=offset, after=offset, name=name, daylight=False)


def _rules(name: str, seen: tuple[_Onset, ...], since: datetime, until: datetime) -> tuple[Line, ...] | None:
    """The observances of the yearly rules, or ``None`` where they would not say exactly what was seen."""
    pair = _pair(name) if seen else None
    if pair is None:
        return None
    years = range(since.year - 1, until.year + 2)
    said = sorted((rule.onset(year) for rule in pair for year in years), key=lambda onset: onset.at)
    if tuple(onset for onset in said if since < onset.at <= until) != seen:
        return None
    return tuple(each for rule in pair for each in rule.onset(_BEGINNING).observance(rule.rule))


def _pair(name: str) -> tuple[_Yearly, _Yearly] | None:
    """The two rules at the end of the zone's TZif file (RFC 9636, section 3.3), where RRULEs can say them."""
    data = resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    found = _FOOTER.fullmatch(data[:-1].rpartition(b"\n")[2].decode("ascii"))
    if found is None:
        return None
    standard = -_clock(found[2])
    daylight = -_clock(found[4]) if found[4] else standard + timedelta(hours=1)
    begins = _yearly(found.group(5, 6, 7), found[8], standard, daylight, found[3].strip("<>"))
    ends = _yearly(found.group(9, 10, 11), found[12], daylight, standard, found[1].strip("<>"))
    return (begins, ends) if begins and ends else None


def _yearly(
    rule: tuple[str | None, ...], clock: str | None, before: timedelta, after: timedelta, name: str
) -> _Yearly | None:
    month, week, weekday = (int(number or 0) for number in rule)
    # A rule's clock may show more than 24 hours, or less than none: then it means another day of week and month.
    moved, time_of_day = divmod(_clock(clock or "2"), _DAY)
    month_days = _MONTH_DAYS[month - 1]
    day = moved + (month_days - 6 if week == 5 else week * 7 - 6)
    if day < 1 or day + 6 > month_days or (week == 5 and month == 2):
        return None
    return _Yearly(
        month=month,
        day=day,
        weekday=(weekday + moved) % 7,
        clock=time_of_day,
        before=before,
        after=after,
        name=name,
    )


def _clock(text: str) -> timedelta:
    """``-3``, ``12:45``, ``+5:30:15``."""
    hours, minutes, seconds = (*(int(part) for part in text.lstrip("+-").split(":")), 0, 0)[:3]
    length = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return -length if text.startswith("-") else length


def _offset(offset: timedelta) -> str:
    seconds = int(abs(offset).total_seconds())
    sign = "-" if offset < timedelta() else "+"
    tail = f"{seconds % 60:02}" if seconds % 60 else ""
    return f"{sign}{seconds // 3600:02}{seconds // 60 % 60:02}{tail}"
