"""Writes a VTIMEZONE (RFC 5545, section 3.6.5) that agrees with ``zoneinfo``, with yearly rules wherever possible.

A zone's TZif file ends with a POSIX rule such as ``CET-1CEST,M3.5.0,M10.5.0/3``. If RRULEs with one weekday of a month,
from the first to the fourth or the last, yield exactly the onsets that ``zoneinfo`` has around the event, they are
used: two observances that all programs support. Exchange supports no other rules ([MS-OXCICAL], section
2.1.3.1.1.19.2.2: BYDAY or BYMONTHDAY, not both, and a single occurrence of a single day). Jerusalem's "Friday before
the last Sunday" is not such a rule, but in most years it is the fourth Friday, or the last: whichever of them
``zoneinfo`` confirms is used. In all other cases (transitions that are listed in the file one by one, years that have
no such weekday in common) there is one observance for each onset, which is always correct, and short.

Either is correct from a year before the event's first date to a year after its last, and not necessarily beyond that.

The POSIX rule is read from the ``tzdata`` package. ``zoneinfo`` reads the same files if PYTHONTZPATH is empty;
otherwise, a rule that disagrees with it is not used.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib import resources
from itertools import product
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard, vDDDTypes, vUTCOffset

from ..model import frozen
from .corrections import Text, Unchanged

_DAY = timedelta(days=1)
# Shorter than any time between two onsets of one zone since 1970: the shortest is a week less two hours.
_STRIDE = timedelta(days=5)
# Onsets begin in this year: no event is earlier, and all programs support it.
_BEGINNING = 1970

_WEEKDAYS = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")  # as POSIX counts them
_LEAP_YEAR_AND_COMMON = (2028, 2027)

_NAME = r"(?:<[^>]+>|[A-Za-z]+)"
_RULE = r"M(\d+)\.([1-5])\.([0-6])(?:/([-+\d:]+))?"
_FOOTER = re.compile(rf"({_NAME})([-+\d:]+)({_NAME})([-+\d:]+)?,{_RULE},{_RULE}")


@frozen
class _Onset:
    """The instant (UTC) at which the zone's offset changes from ``before`` to ``after``."""

    at: datetime
    before: timedelta
    after: timedelta
    name: str
    daylight: bool

    def observance(self, rule: str = "") -> TimezoneDaylight | TimezoneStandard:
        observance = TimezoneDaylight() if self.daylight else TimezoneStandard()
        # DTSTART is the local time of the onset in the offset *before* it (RFC 5545, section 3.6.5).
        observance.add("DTSTART", vDDDTypes(self.at.replace(tzinfo=None) + self.before))
        if rule:
            observance.add("RRULE", Unchanged(rule))
        observance.add("TZNAME", Text(self.name))
        observance.add("TZOFFSETFROM", vUTCOffset(self.before))
        observance.add("TZOFFSETTO", vUTCOffset(self.after))
        return observance


@frozen
class _Yearly:
    """A yearly onset: at ``clock``, a local time in the offset ``before``, on a weekday of ``month``.

    ``nth`` is which of them (-1 is the last), ``weekday`` is 0 for Sunday.
    """

    month: int
    nth: int
    weekday: int
    clock: timedelta
    before: timedelta
    after: timedelta
    name: str

    def onset(self, year: int) -> _Onset:
        """The onset of one year."""
        first = 7 * self.nth - 6 if self.nth > 0 else monthrange(year, self.month)[1] - 6
        on = date(year, self.month, first)
        on += _DAY * ((self.weekday - on.isoweekday()) % 7)
        return _Onset(
            at=datetime.combine(on, time(), UTC) + self.clock - self.before,
            before=self.before,
            after=self.after,
            name=self.name,
            daylight=self.after > self.before,
        )

    @property
    def rule(self) -> str:
        return f"FREQ=YEARLY;BYMONTH={self.month};BYDAY={self.nth}{_WEEKDAYS[self.weekday]}"


@lru_cache(maxsize=256)
def vtimezone(name: str, first: datetime, last: datetime) -> Timezone:
    """The VTIMEZONE of the IANA zone ``name``, correct from a year before ``first`` to a year after ``last`` (instants
    in UTC, 1970 or later).

    Raises :class:`zoneinfo.ZoneInfoNotFoundError` or :class:`ValueError` for an unknown zone.
    """
    zone = ZoneInfo(name)
    since, until = first - 366 * _DAY, last + 366 * _DAY
    seen = tuple(_onsets(zone, since, until))
    observances = _rules(name, seen, since, until)
    if observances is None:
        observances = tuple(onset.observance() for onset in (_opening(zone, since), *seen))
    found = Timezone()
    found.add("TZID", Text(name))
    for observance in observances:
        found.add_component(observance)
    return found


def _onsets(zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[_Onset]:
    """The onsets after ``since``, up to ``until``, according to ``zoneinfo``."""
    for year in range(since.year - 1, until.year + 1):
        yield from (onset for onset in _onsets_of(zone, year) if since < onset.at <= until)


@lru_cache(maxsize=1024)
def _onsets_of(zone: ZoneInfo, year: int) -> tuple[_Onset, ...]:
    """The onsets of a year in UTC: after its beginning, up to that of the next. Kept, since to find them takes most of
    the time of a VTIMEZONE, and events of one zone have years in common.
    """
    found = []
    early, end = (datetime(each, 1, 1, tzinfo=UTC) for each in (year, year + 1))
    was = _state(zone, early)
    while early < end:
        late = min(early + _STRIDE, end)
        now = _state(zone, late)
        if now != was:
            found.append(_onset(zone, early, late))
        early, was = late, now
    return tuple(found)


def _onset(zone: ZoneInfo, early: datetime, late: datetime) -> _Onset:
    """The one onset after ``early`` and not after ``late``, found by bisection, to the second."""
    was, now = _state(zone, early), _state(zone, late)
    low, high = 0, int((late - early).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _state(zone, early + timedelta(seconds=middle)) == was else (low, middle)
    # DAYLIGHT is the greater offset, also in Dublin, where by law the winter time is the exception.
    daylight = now[0] > was[0] if was[2] != now[2] else now[2]
    return _Onset(at=early + timedelta(seconds=high), before=was[0], after=now[0], name=now[1], daylight=daylight)


def _state(zone: ZoneInfo, instant: datetime) -> tuple[timedelta, str, bool]:
    """The offset, its abbreviation, and whether it is daylight saving time."""
    local = instant.astimezone(zone)
    return local.utcoffset() or timedelta(), local.tzname() or "", bool(local.dst())


def _opening(zone: ZoneInfo, since: datetime) -> _Onset:
    """An onset in 1970 of what holds at ``since``."""
    offset, name, _ = _state(zone, since)
    at = datetime(_BEGINNING, 1, 1, tzinfo=UTC) - offset
    return _Onset(at=at, before=offset, after=offset, name=name, daylight=False)


def _rules(
    name: str, seen: tuple[_Onset, ...], since: datetime, until: datetime
) -> tuple[TimezoneDaylight | TimezoneStandard, ...] | None:
    """The observances of two yearly rules that yield exactly the onsets ``seen``, or ``None`` if no rules do."""
    years = range(since.year - 1, until.year + 2)
    for pair in _pairs(name) if seen else ():
        yielded = sorted((rule.onset(year) for rule in pair for year in years), key=lambda onset: onset.at)
        if tuple(onset for onset in yielded if since < onset.at <= until) == seen:
            return tuple(rule.onset(_BEGINNING).observance(rule.rule) for rule in pair)
    return None


@lru_cache(maxsize=256)
def _pairs(name: str) -> tuple[tuple[_Yearly, _Yearly], ...]:
    """Pairs of yearly rules, for the beginning and the end of daylight saving time, that agree at least in some years
    with the rule at the end of the zone's TZif file (RFC 9636, section 3.3). Empty if there is no such rule.
    """
    data = resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    found = _FOOTER.fullmatch(data[:-1].rpartition(b"\n")[2].decode("ascii"))
    if found is None:
        return ()
    standard = -_clock(found[2])
    daylight = -_clock(found[4]) if found[4] else standard + timedelta(hours=1)
    begins = _yearly(found.group(5, 6, 7), found[8], standard, daylight, found[3].strip("<>"))
    ends = _yearly(found.group(9, 10, 11), found[12], daylight, standard, found[1].strip("<>"))
    return tuple(product(begins, ends))


def _yearly(
    rule: tuple[str | None, ...], clock: str | None, before: timedelta, after: timedelta, name: str
) -> tuple[_Yearly, ...]:
    month, week, weekday = (int(number or 0) for number in rule)
    # The time of a POSIX rule may be 24 hours or more, or negative: then it is on another day than the rule names.
    moved, time_of_day = divmod(_clock(clock or "2"), _DAY)
    return tuple(
        _Yearly(
            month=each,
            nth=nth,
            weekday=(weekday + moved) % 7,
            clock=time_of_day,
            before=before,
            after=after,
            name=name,
        )
        for each, nth in _nth_weekdays(month, week, moved)
    )


def _nth_weekdays(month: int, week: int, moved: int) -> tuple[tuple[int, int], ...]:
    """Each month and number of a weekday that may be ``moved`` days after the weekday of a POSIX rule, by its ``month``
    and ``week`` (5 is the last).
    """
    if not moved:
        return ((month, -1 if week == 5 else week),)
    found: dict[tuple[int, int], None] = {}
    for year in _LEAP_YEAR_AND_COMMON:
        last = monthrange(year, month)[1]
        first = last - 6 if week == 5 else 7 * week - 6
        for day in range(first, first + 7):
            on = date(year, month, 1) + _DAY * (day - 1 + moved)
            if on.day > monthrange(year, on.month)[1] - 7:
                found[on.month, -1] = None
            if on.day <= 28:
                found[on.month, (on.day + 6) // 7] = None
    return tuple(found)


def _clock(text: str) -> timedelta:
    """Parse an offset or time of a POSIX rule, such as ``-3``, ``12:45`` or ``+5:30:15``."""
    hours, minutes, seconds = (*(int(part) for part in text.lstrip("+-").split(":")), 0, 0)[:3]
    length = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return -length if text.startswith("-") else length
