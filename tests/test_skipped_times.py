"""Wall times that the clock skips: whatever a calendar program makes of them, it shows the same dates of a series.

A series at 02:30 has no date on the night on which the clock goes from 02:00 to 03:00, says RFC 5545 in section 3.3.10.
Its section 3.3.5 says what such a time would mean, 03:30, and many programs show that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import recurring_ical_events  # type: ignore[import-untyped]
from hypothesis import assume, given, settings
from icalendar import Calendar

from convoke.calendar import itip
from convoke.model import LocalTime, Schedule
from convoke.schedule import calendar_entries, series
from tests import literal_rrule
from tests.factories import NOW, message
from tests.schedules import schedule, schedules, timed

NIGHTLY = schedule(timed("2027-03-26T02:30"), "FREQ=DAILY;COUNT=4")


def sent(dates: Schedule) -> bytes:
    """The invitation, as it leaves."""
    said = message(when=dates.when, rule=dates.rule)
    return itip.calendar(said, sequence=0, dtstamp=NOW)


def instant(local_time: LocalTime) -> LocalTime:
    """The instant of a time with a zone, as much later as is skipped; a day itself."""
    return local_time.astimezone(UTC) if isinstance(local_time, datetime) else local_time


def is_real(local_time: LocalTime) -> bool:
    return (
        not isinstance(local_time, datetime) or local_time.astimezone(UTC).astimezone(local_time.tzinfo) == local_time
    )


def listed(component: Any, name: str) -> list[LocalTime]:
    found = component.get(name, [])
    return [value.dt for line in (found if isinstance(found, list) else [found]) for value in line.dts]


days = lru_cache(maxsize=4)(literal_rrule.days)  # each of the readers asks for the same


def by_rule(component: Any, counts: Callable[[LocalTime], bool]) -> Iterator[LocalTime]:
    """What a reader takes the rule to yield, up to its end, where only some of it ``counts``."""
    start: LocalTime = component["DTSTART"].dt
    if "RRULE" not in component:
        yield start
        return
    parts = dict(part.split("=") for part in component["RRULE"].to_ical().decode().split(";"))
    count, until = int(parts.pop("COUNT", "0")), parts.pop("UNTIL", "")
    first = start.date() if isinstance(start, datetime) else start
    last = datetime.fromisoformat(until) if until else None
    for day in days(";".join("=".join(part) for part in parts.items()), first, first + timedelta(days=800)):
        local_time = datetime.combine(day, start.timetz()) if isinstance(start, datetime) else day
        if last and instant(local_time) > (last if isinstance(local_time, datetime) else last.date()):
            return
        yield local_time
        count -= counts(local_time)
        if not count:
            return


def ignoring(data: bytes) -> list[LocalTime]:
    """A reader like Thunderbird: what the clock never shows is not there."""
    (component,) = Calendar.from_ical(data).walk("VEVENT")
    found = {local_time for local_time in by_rule(component, is_real) if is_real(local_time)} | set(
        listed(component, "RDATE")
    )
    without = set(listed(component, "EXDATE"))
    return sorted(map(instant, found - without))


def shifting(data: bytes) -> list[LocalTime]:
    """A reader like libical, Google and Apple: it is there later, and EXDATE means an instant."""
    (component,) = Calendar.from_ical(data).walk("VEVENT")
    found = {*map(instant, by_rule(component, lambda _: True)), *map(instant, listed(component, "RDATE"))}
    return sorted(found - set(map(instant, listed(component, "EXDATE"))))


def shifting_by_wall(data: bytes) -> list[LocalTime]:
    """The same, but EXDATE means what is written."""
    (component,) = Calendar.from_ical(data).walk("VEVENT")
    without = {local_time.isoformat() for local_time in listed(component, "EXDATE")}
    found = [*by_rule(component, lambda _: True), *listed(component, "RDATE")]
    return sorted({instant(local_time) for local_time in found if local_time.isoformat() not in without})


def library(data: bytes) -> list[LocalTime]:
    """A reader that others have written, ``recurring-ical-events``."""
    calendar = Calendar.from_ical(data)
    found = recurring_ical_events.of(calendar).between(date(2020, 1, 1), date(2035, 1, 1))
    return sorted({instant(one["DTSTART"].dt) for one in found})


READERS = [ignoring, shifting, shifting_by_wall, library]


def true_dates(dates: Schedule) -> list[LocalTime]:
    zone = dates.when.time_zone
    return [
        start.replace(tzinfo=ZoneInfo(zone or "")).astimezone(UTC) if isinstance(start, datetime) else start
        for start in series.starts(dates)
    ]


def test_readers_would_not_agree_on_the_rule_as_it_is() -> None:
    bare = sent(NIGHTLY).replace(b"UNTIL=20270330T003000Z", b"COUNT=4")
    bare = bare.replace(b"EXDATE;TZID=Europe/Berlin:20270328T023000\r\n", b"")
    assert [f"{at:%d %H:%M}" for at in ignoring(bare)] == ["26 01:30", "27 01:30", "29 00:30", "30 00:30"]
    assert [f"{at:%d %H:%M}" for at in shifting(bare)] == ["26 01:30", "27 01:30", "28 01:30", "29 00:30"]
    assert len(library(bare)) == 4
    assert library(bare) != ignoring(bare)


def test_where_the_clock_skips_a_date_the_rule_does_not_count_and_the_date_is_excluded() -> None:
    assert calendar_entries.rule_and_exdates(NIGHTLY) == calendar_entries.RuleAndExdates(
        rule="FREQ=DAILY;UNTIL=20270330T003000Z", excluded=(datetime(2027, 3, 28, 2, 30),)
    )


def test_else_it_is_said_as_it_is() -> None:
    morning = schedule(timed("2027-03-26T09:00"), "FREQ=DAILY;COUNT=4", "2027-03-27T09:00", "2027-04-02T02:30")
    assert calendar_entries.rule_and_exdates(morning) == calendar_entries.RuleAndExdates(
        rule="FREQ=DAILY;COUNT=4", excluded=()
    )
    single = schedule(timed("2027-03-26T09:00"), None, "2027-03-28T02:30", "2027-03-29T02:30")
    assert calendar_entries.rule_and_exdates(single) == calendar_entries.RuleAndExdates(rule=None, excluded=())


def test_what_is_beside_the_rule_is_not_said_with_it() -> None:
    beside = replace(NIGHTLY, added=(datetime(2027, 3, 28, 3, 30),))
    assert calendar_entries.rule_and_exdates(beside) == calendar_entries.rule_and_exdates(NIGHTLY)
    assert sent(beside) == sent(NIGHTLY)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "dates",
    [
        NIGHTLY,
        schedule(timed("2027-03-26T02:30"), "FREQ=DAILY;UNTIL=20270330"),
        schedule(timed("2027-03-27T02:30"), "FREQ=DAILY;COUNT=1"),
        schedule(timed("2027-03-07T02:15"), "FREQ=WEEKLY;COUNT=5"),
        schedule(timed("2027-02-28T02:00"), "FREQ=MONTHLY;BYDAY=-1SU;COUNT=14"),
        schedule(timed("2027-04-28T00:00", "Africa/Cairo"), "FREQ=DAILY;COUNT=400"),
        schedule(timed("2028-03-11T00:30", "America/Havana"), "FREQ=DAILY;COUNT=3"),
        schedule(timed("2027-10-02T02:15", "Australia/Lord_Howe"), "FREQ=DAILY;COUNT=3"),
        schedule(timed("2025-03-30T02:30", "Africa/Casablanca"), "FREQ=WEEKLY;COUNT=3"),
        schedule(timed("2024-03-29T23:30", "America/Nuuk"), "FREQ=DAILY;COUNT=2"),
    ],
    ids=lambda dates: f"{dates.when.time_zone} {dates.rule}",
)
def test_all_readers_show_the_same_dates(reader: Callable[[bytes], list[LocalTime]], dates: Schedule) -> None:
    assert reader(sent(dates)) == true_dates(dates)


@settings(max_examples=150, deadline=None)
@given(schedules())
def test_all_readers_show_the_same_dates_of_any_series(dates: Schedule) -> None:
    dates = replace(dates, added=())
    skipped = {at.replace(tzinfo=ZoneInfo(dates.when.time_zone or "UTC")) for at in series.skipped(dates)}
    assume(not {instant(at) for at in skipped} & set(true_dates(dates)))
    data = sent(dates)
    assert {reader.__name__: reader(data) for reader in READERS} == {
        reader.__name__: true_dates(dates) for reader in READERS
    }
