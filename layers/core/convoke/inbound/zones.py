"""Resolves a TZID of an incoming calendar to a zone.

It is an IANA name that ``zoneinfo`` knows; else a Windows name (by CLDR's table, in the icalendar library); else the
VTIMEZONE of that name in the calendar, by its rules. Any other zone is unknown, and a time in it is refused: a guess
could end up as the event's time in everybody's calendar.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from ..model import frozen
from ..schedule.rrule import WEEKDAYS
from .components import Component

_NAME = re.compile(r"[A-Za-z0-9_+/.-]{1,100}")
_LONGEST_NAME = 255
_MICROSOFT = "tzone://microsoft/"
_OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3])([0-5][0-9])([0-5][0-9])?")
_LOCAL = re.compile(r"([0-9]{8})T([0-9]{6})")
_BYDAY = re.compile(r"([+-]?[1-5])?(SU|MO|TU|WE|TH|FR|SA)")

_MOST_NAMES = 50  # in one calendar
_MOST_PARTS = 3  # America/Argentina/Buenos_Aires
_MOST_ZONES = 10  # of one name
_MOST_LOOKS = 40_000
"""How many observances may be looked at for all times of a calendar. A yearly one counts :data:`_A_YEAR` times more in
each year that was not asked for before. A hundred dates, each named twice in a zone of two rules, take 500.
"""
_A_YEAR = 20
_MOST_OBSERVANCES = 300
_MOST_ONSETS = 1000
_YEARS_LOOKED_AT = 4
"""Years before a time in which a yearly rule's latest onset is searched: it may be later in the year, or missing."""


@frozen
class _Yearly:
    """A yearly rule. ``days`` are pairs (number within the month, weekday with Monday = 0); the number 0 means every
    such weekday. ``position`` is BYSETPOS, or 0. ``last`` is the local time after which there is no onset.
    """

    month: int
    days: tuple[tuple[int, int], ...]
    month_days: tuple[int, ...]
    position: int
    last: datetime | None


@frozen
class _Observance:
    """STANDARD or DAYLIGHT: the offset to UTC is ``after`` from each onset on, and was ``before`` until then.

    Onsets are ``first``, ``others`` and those of ``yearly``, in local time by the offset ``before``.
    """

    first: datetime
    others: tuple[datetime, ...]
    yearly: _Yearly | None
    before: timedelta
    after: timedelta


_Observances = tuple[_Observance, ...]
"""What a VTIMEZONE says: its observances."""


class Zones:
    """The zones that one calendar names. What each name means is found out once, when it is first asked for, and the
    time that this takes, and that all times in them do, has a limit.
    """

    def __init__(self, calendar: Component) -> None:
        self._calendar = calendar
        self._described_zones: dict[str, list[Component]] | None = None
        self._resolved: dict[str, tzinfo | _Observances | str] = {}
        self._years: set[tuple[str, int]] = set()
        self._left = _MOST_LOOKS

    def aware(self, local_time: datetime, tzid: str) -> datetime:
        """``local_time`` in the zone that ``tzid`` names. Raises :class:`ValueError` for an unknown zone.

        A VTIMEZONE cannot redefine an IANA or a Windows name. Of two equal local times the first is meant.
        """
        name = _plain(tzid)
        if len(name) > _LONGEST_NAME:
            raise ValueError("no name of a zone")
        if name not in self._resolved:
            if len(self._resolved) == _MOST_NAMES:
                raise ValueError("too many zones")
            self._resolved[name] = known(name) or self._described(name.casefold())
        zone = self._resolved[name]
        if isinstance(zone, str):
            raise ValueError(zone)
        if isinstance(zone, tuple):
            self._look(name, zone, local_time.year)
            zone = _at(zone, local_time)
        return local_time.replace(tzinfo=zone)

    def _look(self, name: str, zone: _Observances, year: int) -> None:
        """Count that ``zone`` is looked at. Raises :class:`ValueError` where that is too much for one calendar."""
        self._left -= len(zone)
        if (name, year) not in self._years:
            self._years.add((name, year))
            self._left -= _A_YEAR * sum(each.yearly is not None for each in zone)
        if self._left < 0:
            raise ValueError("too many times in zones of too many rules")

    def _described(self, name: str) -> _Observances | str:
        """What the VTIMEZONEs of this name say; where that is nothing, two things, or cannot be read: why it is not
        known.
        """
        if self._described_zones is None:
            self._described_zones = {}
            for zone in self._calendar.all("VTIMEZONE"):
                for tzid in zone.properties("TZID"):
                    self._described_zones.setdefault(_plain(tzid.value).casefold(), []).append(zone)
        zones = self._described_zones.get(name, [])[:_MOST_ZONES]
        try:
            found = {tuple(map(_observance, _observances(zone))) for zone in zones}
        except (ValueError, OverflowError) as error:
            return str(error)
        return (next(iter(found)) if len(found) == 1 else ()) or "a zone that nobody knows"


def known(name: str) -> tzinfo | None:
    """The zone with this IANA or Windows name, or ``None``.

    Of a name with a prefix, such as ``/example.org/20250101_1/Europe/Berlin``, the end counts.
    """
    if name.lower().startswith(_MICROSOFT):
        name = name[len(_MICROSOFT) :]
        if name.lower() == "utc":
            return UTC
    return _iana(name) or _iana(_windows().get(name.casefold(), ""))


def _plain(tzid: str) -> str:
    return re.sub(r"\s+", " ", tzid).strip(' "')


def _iana(name: str) -> ZoneInfo | None:
    if not _NAME.fullmatch(name):
        return None
    parts = name.strip("/").split("/")
    for first in range(max(len(parts) - _MOST_PARTS, 0), len(parts)):
        try:
            return ZoneInfo("/".join(parts[first:]))
        except (ValueError, OSError, KeyError):
            continue
    return None


@lru_cache(maxsize=1)
def _windows() -> dict[str, str]:
    # Imported here, since that takes longer than to read a mail.
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    return {name.casefold(): zone for name, zone in WINDOWS_TO_OLSON.items()}


# --- VTIMEZONE (RFC 5545, section 3.6.5) ----------------------------------------------------------------------------


def _at(observances: _Observances, local_time: datetime) -> timezone:
    """The offset at ``local_time`` by these, of which there is one."""
    began = [(onset, each) for each in observances if (onset := _latest(each, local_time)) is not None]
    if began:
        return timezone(max(began, key=lambda one: one[0])[1].after)
    # Before all onsets, the offset is the TZOFFSETFROM of the first one.
    return timezone(min(observances, key=lambda one: one.first).before)


def _observances(zone: Component) -> list[Component]:
    found = [each for each in zone.inside if each.name in ("STANDARD", "DAYLIGHT")]
    if len(found) > _MOST_OBSERVANCES:
        raise ValueError("too many observances")
    return found


def _observance(component: Component) -> _Observance:
    first = _local(_value(component, "DTSTART"))
    rules = [each.value for each in component.properties("RRULE")]
    others = [_local(one) for each in component.properties("RDATE") for one in each.value.split(",")[:_MOST_ONSETS]]
    if len(rules) > 1 or len(others) > _MOST_ONSETS:
        raise ValueError("too many rules")
    before = _offset(_value(component, "TZOFFSETFROM"))
    return _Observance(
        first=first,
        others=tuple(sorted(others)),
        yearly=_yearly(rules[0], first, before) if rules else None,
        before=before,
        after=_offset(_value(component, "TZOFFSETTO")),
    )


def _value(component: Component, name: str) -> str:
    values = {each.value.strip() for each in component.properties(name)}
    if len(values) != 1:
        raise ValueError(f"not one {name}")
    return values.pop()


def _local(text: str) -> datetime:
    found = _LOCAL.fullmatch(text.strip())
    if found is None:
        raise ValueError("no local time")
    return datetime.strptime(found[1] + found[2], "%Y%m%d%H%M%S")  # noqa: DTZ007 (local time of the zone itself)


def _offset(text: str) -> timedelta:
    found = _OFFSET.fullmatch(text)
    if found is None:
        raise ValueError("no offset")
    sign, hours, minutes, seconds = found.groups()
    length = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds or 0))
    return -length if sign == "-" else length


def _yearly(text: str, first: datetime, before: timedelta) -> _Yearly:
    """A rule as zones have it: every year, on one weekday or day of a month. Raises :class:`ValueError` for others."""
    parts = dict(_pairs(text.upper()))
    if parts.pop("FREQ", "") != "YEARLY" or int(parts.pop("INTERVAL", "1")) != 1:
        raise ValueError("not every year")
    parts.pop("WKST", None)
    if "BYDAY" in parts and "BYMONTH" not in parts:
        raise ValueError("weekdays of a year")
    month = int(parts.pop("BYMONTH", first.month))
    month_days = tuple(int(each) for each in parts.pop("BYMONTHDAY", "").split(",") if each)
    days = tuple(_day(each) for each in parts.pop("BYDAY", "").split(",") if each)
    position = int(parts.pop("BYSETPOS", "0"))
    until, count = parts.pop("UNTIL", None), parts.pop("COUNT", None)
    if parts or not 1 <= month <= 12 or len(days) > 7 or len(month_days) > 31 or abs(position) > 31:
        raise ValueError("not a rule of a zone")
    last = None
    if until is not None:
        last = _until(until, before)
    elif count is not None:
        last = datetime(first.year + min(max(int(count), 1), 5000) - 1, 12, 31, 23, 59)
    if not days and not month_days:
        month_days = (first.day,)
    return _Yearly(month=month, days=days, month_days=month_days, position=position, last=last)


def _pairs(text: str) -> Iterable[tuple[str, str]]:
    for part in text.strip().strip(";").split(";"):
        name, equals, value = part.partition("=")
        if not equals:
            raise ValueError("not a rule")
        yield name.strip(), value.strip()


def _day(text: str) -> tuple[int, int]:
    found = _BYDAY.fullmatch(text.strip())
    if found is None:
        raise ValueError("no weekday")
    return int(found[1] or 0), WEEKDAYS.index(found[2])


def _until(text: str, before: timedelta) -> datetime:
    """UNTIL in local time: it is written in UTC (RFC 5545, section 3.3.10), by some programs as a date."""
    if re.fullmatch(r"[0-9]{8}", text):
        return _local(f"{text}T235959")
    return _local(text.removesuffix("Z")) + (before if text.endswith("Z") else timedelta())


def _latest(observance: _Observance, local_time: datetime) -> datetime | None:
    """The latest onset at or before ``local_time``; ``None`` if there is none."""
    first, others, yearly = observance.first, observance.others, observance.yearly
    onsets = [first] if first <= local_time else []
    onsets += others[: bisect_right(others, local_time)][-1:]
    if yearly is not None and onsets:
        end = local_time if yearly.last is None else min(local_time, yearly.last)
        for year in range(end.year, max(end.year - _YEARS_LOOKED_AT, first.year - 1), -1):
            onset = _onset(yearly, year, first)
            if onset is not None and first <= onset <= end:
                onsets.append(onset)
                break
    return max(onsets, default=None)


@lru_cache(maxsize=16_384)
def _onset(rule: _Yearly, year: int, first: datetime) -> datetime | None:
    weekday, length = monthrange(year, rule.month)
    among = {day if day > 0 else length + 1 + day for day in rule.month_days} or set(range(1, length + 1))
    if rule.days:
        among &= {day for which in rule.days for day in _named(which, weekday, length)}
    days = [day for day in sorted(among) if 1 <= day <= length]
    if rule.position:
        at = rule.position - 1 if rule.position > 0 else len(days) + rule.position
        days = days[at : at + 1] if at >= 0 else []
    return datetime.combine(date(year, rule.month, days[0]), first.time()) if days else None


def _named(which: tuple[int, int], first_weekday: int, length: int) -> list[int]:
    """The days of a month that begins on ``first_weekday`` which are the nth of a weekday, or each of it (0)."""
    nth, weekday = which
    found = list(range(1 + (weekday - first_weekday) % 7, length + 1, 7))
    return found if nth == 0 else found[nth - 1 : nth] if nth > 0 else found[nth : nth + 1 or None]
