"""Dates and zones as RFC 5545 defines them, read without a line of the code that writes them.

A *moment* is a ``datetime`` with a zone, or a ``date``. What is computed from moments are instants in UTC, or dates.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from itertools import islice, takewhile
from typing import Any

from dateutil.rrule import rrulestr
from icalendar import Calendar

Moment = datetime | date

VTIMEZONE = re.compile(rb"^BEGIN:VTIMEZONE\r?\n.*?^END:VTIMEZONE\r?\n", re.DOTALL | re.MULTILINE)
LONGEST = 500
"""So many dates of a rule are looked at: more than anybody may ask for."""


class Undefined(Exception):
    """A recurrence set for which RFC 5545 has no meaning, so that every reader makes something else of it."""


def instant(moment: Moment) -> Moment:
    """A time in UTC; whole days are days wherever one is."""
    if not isinstance(moment, datetime):
        return moment
    if moment.tzinfo is None:
        raise Undefined(f"{moment} is a time of no zone")
    return moment.astimezone(UTC)


def dates(
    start: Moment, rule: str = "", added: Iterable[Moment] = (), excluded: Iterable[Moment] = ()
) -> tuple[Moment, ...]:
    """The starts of the recurrence set (section 3.8.5) in order: DTSTART, RRULE and RDATE, without EXDATE.

    Raises :class:`Undefined` where DTSTART is not the first date of its own rule, or a value has another type than it.
    """
    all_day = not isinstance(start, datetime)
    beside, without = {instant(one) for one in added}, {instant(one) for one in excluded}
    if any(isinstance(one, datetime) is all_day for one in beside | without):
        raise Undefined("RDATE and EXDATE have another type than DTSTART")
    found = {instant(start), *beside}
    if rule:
        zone = start.tzinfo if isinstance(start, datetime) else None
        by_rule = _by_rule(start.replace(tzinfo=None) if isinstance(start, datetime) else start, zone, rule)
        if not by_rule or by_rule[0] != instant(start):
            raise Undefined(f"{start} is not the first date of {rule}")
        found.update(by_rule)
    return tuple(sorted(found - without))


@lru_cache(maxsize=512)
def _by_rule(local_time: Moment, zone: tzinfo | None, rule: str) -> tuple[Moment, ...]:
    """The wall times of a rule, each as an instant: one that the clock skips counts by the offset before (3.3.5)."""
    parts = dict(part.split("=") for part in rule.upper().split(";"))
    last = parts.pop("UNTIL", None)
    plain = ";".join(f"{name}={value}" for name, value in parts.items())
    first = local_time if isinstance(local_time, datetime) else datetime.combine(local_time, time())
    local_times = islice(rrulestr(plain, dtstart=first), LONGEST)
    every = (
        instant(one.replace(tzinfo=zone)) if isinstance(local_time, datetime) else one.date() for one in local_times
    )
    if last is None:
        return tuple(every)
    until = _until(last, all_day=not isinstance(local_time, datetime))
    return tuple(takewhile(lambda one: one <= until, every))


def _until(text: str, *, all_day: bool) -> Moment:
    """UNTIL has the type of DTSTART; of a time with a zone it is in UTC (section 3.3.10)."""
    try:
        if all_day:
            return date.fromisoformat(text)
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Undefined(f"UNTIL={text} has another type than DTSTART") from None


class Zone(tzinfo):
    """A VTIMEZONE (section 3.6.5): from each onset on, until the next, what its observance says.

    Of a time that the clock shows twice the first is meant, unless ``fold`` says otherwise.
    """

    def __init__(self, component: Any) -> None:
        self._name = str(component["TZID"])
        changes = sorted(change for part in component.subcomponents for change in _changes(part))
        self._instants = [at for at, _, _ in changes]
        self._offsets = [changes[0][1], *(after for _, _, after in changes)]
        # In wall times, as they are written: a gap still counts by the offset before it, as does the first of two.
        self._first = [at + max(before, after) for at, before, after in changes]
        self._second = [at + min(before, after) for at, before, after in changes]

    def __str__(self) -> str:
        return self._name

    def utcoffset(self, local_time: datetime | None) -> timedelta:
        assert local_time is not None
        passed = self._second if local_time.fold else self._first
        return self._offsets[bisect_right(passed, local_time.replace(tzinfo=None, fold=0))]

    def fromutc(self, at: datetime) -> datetime:
        local_time = at + self._offsets[bisect_right(self._instants, at.replace(tzinfo=None))]
        return local_time if local_time.utcoffset() == local_time - at else local_time.replace(fold=1)

    def dst(self, local_time: datetime | None) -> None:  # noqa: ARG002 - nobody asks
        return None

    def tzname(self, local_time: datetime | None) -> str:  # noqa: ARG002
        return self._name


def _changes(observance: Any) -> list[tuple[datetime, timedelta, timedelta]]:
    """Each onset: the instant (UTC, without a zone), the offset before and the offset from then on."""
    before, after = observance["TZOFFSETFROM"].td, observance["TZOFFSETTO"].td
    clock = timezone(before)
    rule = observance["RRULE"].to_ical().decode() if "RRULE" in observance else ""
    added = [local_time.replace(tzinfo=clock) for local_time, _ in values(observance, "RDATE")]
    onsets = dates(observance["DTSTART"].dt.replace(tzinfo=clock), rule, added)
    return [(at.replace(tzinfo=None), before, after) for at in onsets if isinstance(at, datetime)]


def values(component: Any, name: str) -> list[tuple[Any, str | None]]:
    """The values of a property with times in it, each with its TZID, in however many lines they stand."""
    found = component.get(name, [])
    lines = found if isinstance(found, list) else [found]
    return [(value.dt, line.params.get("TZID")) for line in lines for value in getattr(line, "dts", [line])]


def zones(calendar: bytes) -> tuple[dict[str, Zone], bytes]:
    """The zones that came along in the calendar, by TZID; and the calendar without them."""
    return {str(zone): zone for zone in map(_zone, VTIMEZONE.findall(calendar))}, VTIMEZONE.sub(b"", calendar)


@lru_cache(maxsize=256)
def _zone(text: bytes) -> Zone:
    return Zone(Calendar.from_ical(text))
