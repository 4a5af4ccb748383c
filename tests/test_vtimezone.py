"""Every zone that ``zoneinfo`` knows, judged by plain UTC arithmetic with a reader of our own."""

from __future__ import annotations

import calendar
import zoneinfo
from bisect import bisect
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from itertools import pairwise

import pytest

from convoke.calendar import content_lines, itip
from convoke.calendar.vtimezone import vtimezone
from convoke.schedule import series
from tests.factories import NOW, existing, message
from tests.schedules import schedule, timed

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
YEAR = 365 * DAY
# Events of an hour, series of two years, and one that lasts longer than any may.
LIVES = [
    *((datetime(year, 3, 12, 9, tzinfo=UTC), timedelta(hours=1)) for year in (2026, 2027, 2029, 2032, 2035, 2038)),
    *((datetime(year, 10, 20, 9, tzinfo=UTC), timedelta(days=731)) for year in (2026, 2031)),
    (datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=12 * 365)),
]
FIRST, LAST = datetime(2024, 12, 1, tzinfo=UTC), datetime(2039, 12, 1, tzinfo=UTC)


@pytest.fixture(autouse=True, scope="module")
def pinned_database() -> Iterator[None]:
    """The ``tzdata`` package alone, as with an empty PYTHONTZPATH."""
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath(to=before)


@cache
def zones() -> tuple[str, ...]:
    return tuple(sorted(zoneinfo.available_timezones()))


def written(zone: str, first: datetime, last: datetime) -> str:
    return content_lines.write(vtimezone(zone, first, last)).decode()


class Reader:
    """Reads a VTIMEZONE as RFC 5545, section 3.6.5 tells: the latest onset at or before an instant says the offset."""

    def __init__(self, text: str, until: datetime) -> None:
        self.onsets = sorted(
            onset for block in self._observances(text) for onset in self._expand(block, until.year + 1)
        )
        self._instants = [at for at, _ in self.onsets]

    @staticmethod
    def _observances(text: str) -> Iterator[dict[str, str]]:
        for line in text.split("\r\n"):
            name, _, value = line.partition(":")
            if name == "BEGIN":
                block: dict[str, str] = {}
            elif name == "END" and value != "VTIMEZONE":
                yield block
            else:
                block[name] = value

    @classmethod
    def _expand(cls, block: dict[str, str], until: int) -> Iterator[tuple[datetime, timedelta]]:
        start = datetime.fromisoformat(block["DTSTART"])
        before, after = cls._offset(block["TZOFFSETFROM"]), cls._offset(block["TZOFFSETTO"])
        days = [start.date()]
        if "RRULE" in block:
            days = [cls._day(year, block["RRULE"]) for year in range(start.year, until + 1)]
            assert days[0] == start.date(), "DTSTART is the first of its own rule"
        for day in days:
            yield datetime.combine(day, start.time(), UTC) - before, after

    @staticmethod
    @cache
    def _day(year: int, text: str) -> date:
        rule = dict(part.split("=") for part in text.split(";"))
        assert rule.pop("FREQ") == "YEARLY"
        month, by_day = int(rule["BYMONTH"]), rule["BYDAY"]
        weekday = WEEKDAYS.index(by_day[-2:])
        days = [date(year, month, n + 1) for n in range(calendar.monthrange(year, month)[1])]
        days = [day for day in days if day.weekday() == weekday]
        assert rule.keys() == {"BYMONTH", "BYDAY"}, "as Exchange takes it"
        nth = int(by_day[:-2])
        assert nth in (1, 2, 3, 4, -1)
        return days[nth - 1 if nth > 0 else nth]

    @staticmethod
    def _offset(text: str) -> timedelta:
        assert text[0] in "+-"
        assert len(text) in (5, 7)
        length = timedelta(hours=int(text[1:3]), minutes=int(text[3:5]), seconds=int(text[5:] or 0))
        return -length if text[0] == "-" else length

    def offset(self, instant: datetime) -> timedelta:
        latest = bisect(self._instants, instant) - 1
        assert latest >= 0, "something holds at every instant"
        return self.onsets[latest][1]


def truth(zone: str, instant: datetime) -> timedelta:
    return existing(instant.astimezone(zoneinfo.ZoneInfo(zone)).utcoffset())


@cache
def same_clock(zone: str) -> str:
    """The first zone with the same file, as nearly every second one has: it shows the same time at every instant."""
    return next(one for one in zones() if _file(one) == _file(zone))


@cache
def _file(zone: str) -> bytes:
    return resources.files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes()


@cache
def changes_in_all(zone: str) -> tuple[datetime, ...]:
    return tuple(changes(zone, FIRST, LAST))


def changes(zone: str, first: datetime, last: datetime) -> Iterator[datetime]:
    """The instants between which and a second earlier ``zoneinfo`` sees the offset change."""
    early, was = first, truth(zone, first)
    while early < last:
        late = early + 3 * DAY
        now = truth(zone, late)
        if now != was:
            low, high = early, late
            while high - low > SECOND:
                middle = (low + (high - low) / 2).replace(microsecond=0)
                low, high = (middle, high) if truth(zone, middle) == was else (low, middle)
            yield high
        early, was = late, now


@pytest.mark.long
def test_every_zone_is_right_for_the_life_of_an_event_and_a_year_on_either_side() -> None:
    wrong = []
    for zone in zones():
        seen = changes_in_all(same_clock(zone))
        for first, length in LIVES:
            since, until = first - YEAR, first + length + YEAR
            reader = Reader(written(zone, first, first + length), until)
            instants = {since, first, first + length, until}
            for change in seen:
                instants |= {change - SECOND, change, change + SECOND, change + 40 * DAY}
            wrong += [
                (zone, first, at)
                for at in sorted(instants)
                if since <= at <= until and reader.offset(at) != truth(zone, at)
            ]
    assert wrong == []


@pytest.mark.parametrize("first", [datetime(2026, 10, 24, tzinfo=UTC), datetime(2027, 3, 27, tzinfo=UTC)])
def test_every_zone_is_right_for_one_event_and_small(first: datetime) -> None:
    last = first + 9 * DAY
    wrong, sizes = [], {}
    for zone in zones():
        text = written(zone, first, last)
        reader = Reader(text, last)
        instants = [first + timedelta(hours=hours) for hours in range(0, 9 * 24 + 1, 6)]
        wrong += [(zone, at) for at in instants if reader.offset(at) != truth(zone, at)]
        sizes[zone] = len(text.encode())
    assert wrong == []
    assert max(sizes.values()) < 700, "of Gaza, whose clock was set five times from a year before to a year after"
    assert sum(sizes.values()) / len(sizes) < 300


def by_onset(year: int) -> set[str]:
    """The zones that change their clocks that year, and are written without a rule."""
    first, last = datetime(year, 1, 10, tzinfo=UTC), datetime(year, 12, 20, tzinfo=UTC)
    changing = {zone for zone in zones() if next(changes(zone, first, last), None)}
    return {zone for zone in changing if "RRULE" not in written(zone, first, last)}


def test_only_zones_whose_rule_no_nth_weekday_says_in_these_years_are_written_onset_by_onset() -> None:
    cairo, gaza, nuuk = {"Africa/Cairo", "Egypt"}, {"Asia/Gaza", "Asia/Hebron"}, {"America/Godthab", "America/Nuuk"}
    jerusalem, santiago = {"Asia/Jerusalem", "Asia/Tel_Aviv", "Israel"}, {"America/Santiago", "Chile/Continental"}
    # Each is a day or two beside the nth weekday of a month: in some years this is the fourth, in others the last.
    assert by_onset(2029) == {*cairo, *gaza, *jerusalem, *nuuk, *santiago, "America/Scoresbysund"}


@pytest.mark.parametrize(
    ("zone", "first", "rules"),
    [
        ("Asia/Jerusalem", "2027-03-12", {"3;BYDAY=4FR", "10;BYDAY=-1SU"}),
        ("Asia/Jerusalem", "2024-06-01", {"3;BYDAY=-1FR", "10;BYDAY=-1SU"}),
        ("America/Nuuk", "2027-03-12", {"3;BYDAY=4SA", "10;BYDAY=-1SU"}),
        ("America/Santiago", "2027-03-12", {"9;BYDAY=1SU", "4;BYDAY=1SU"}),
        ("Africa/Cairo", "2027-03-12", {"4;BYDAY=-1FR", "10;BYDAY=-1FR"}),
    ],
)
def test_the_nth_weekday_that_holds_for_these_years_is_said(zone: str, first: str, rules: set[str]) -> None:
    start = datetime.fromisoformat(f"{first}T09:00:00+00:00")
    text = written(zone, start, start + timedelta(hours=1))
    assert {line.partition("BYMONTH=")[2] for line in text.split("\r\n") if line.startswith("RRULE")} == rules


def test_a_zone_that_changes_its_rules_is_right_before_and_after() -> None:
    for first in (datetime(2026, 10, 20, tzinfo=UTC), datetime(2027, 7, 1, tzinfo=UTC)):
        last = first + 20 * DAY
        reader = Reader(written("America/Vancouver", first, last), last)
        assert [reader.offset(at) for at in (first, last)] == [truth("America/Vancouver", at) for at in (first, last)]


def test_ramadan_interrupts_summer_time_in_gaza() -> None:
    # The table holds these decades ahead; the rule at its end does not know of them.
    first, last = datetime(2040, 1, 1, tzinfo=UTC), datetime(2041, 1, 1, tzinfo=UTC)
    text = written("Asia/Gaza", first, last)
    assert "RRULE" not in text
    reader = Reader(text, last)
    seen = list(changes("Asia/Gaza", first, last))
    assert len(seen) == 4
    assert all(reader.offset(at) == truth("Asia/Gaza", at) for change in seen for at in (change - SECOND, change))


@pytest.mark.parametrize(
    ("zone", "start", "rule", "shifts"),
    [
        # Summer time pauses for Ramadan twice, and is given up after that.
        ("Africa/Casablanca", "2025-01-06T09:00", "FREQ=WEEKLY;BYDAY=MO,WE,SU;COUNT=300", 5),
        ("Africa/Casablanca", "2024-11-24T02:30", "FREQ=DAILY;INTERVAL=2;COUNT=300", 4),
        # From winter time to summer time for good, and then to summer time of that.
        ("America/Nuuk", "2023-01-09T09:00", "FREQ=WEEKLY;BYDAY=MO,FR;COUNT=200", 3),
        ("America/Nuuk", "2023-01-09T23:30", "FREQ=DAILY;INTERVAL=2;COUNT=360", 3),
    ],
)
def test_a_series_of_two_years_is_right_at_each_of_its_dates(zone: str, start: str, rule: str, shifts: int) -> None:
    dates = schedule(timed(start, zone, length=timedelta(hours=3)), rule)
    said = itip.calendar(message(when=dates.when, rule=dates.rule), sequence=0, dtstamp=NOW).decode()
    whens = [series.when_at(dates, at) for at in series.starts(dates)]
    reader = Reader(said[said.index("BEGIN:VTIMEZONE") : said.index("BEGIN:VEVENT")], whens[-1].ends_at)
    instants = [at for when in whens for at in (when.starts_at, when.ends_at)]
    assert [at for at in instants if reader.offset(at) != truth(zone, at)] == []
    seen = [truth(zone, at) for at in instants]
    assert sum(one != other for one, other in pairwise(seen)) == shifts


def test_summer_time_begins_at_the_wall_time_that_the_clock_shows_before_it_is_set() -> None:
    assert written("Europe/Berlin", datetime(2027, 3, 12, tzinfo=UTC), datetime(2027, 3, 13, tzinfo=UTC)) == (
        "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\n"
        "BEGIN:DAYLIGHT\r\nDTSTART:19700329T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\n"
        "TZNAME:CEST\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nEND:DAYLIGHT\r\n"
        "BEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\n"
        "TZNAME:CET\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\n"
        "END:VTIMEZONE\r\n"
    )


@pytest.mark.parametrize(
    ("zone", "daylight"),
    [
        ("Europe/Dublin", "DTSTART:19700329T010000|+0000|+0100"),  # its law has winter as the exception
        ("Australia/Lord_Howe", "DTSTART:19701004T020000|+1030|+1100"),
        ("Pacific/Chatham", "DTSTART:19700927T024500|+1245|+1345"),
        ("Antarctica/Troll", "DTSTART:19700329T010000|+0000|+0200"),
        ("America/Nuuk", "DTSTART:19700328T230000|-0200|-0100"),  # an hour before Sunday is Saturday, the fourth
    ],
)
def test_daylight_is_the_later_clock(zone: str, daylight: str) -> None:
    text = written(zone, datetime(2027, 7, 1, tzinfo=UTC), datetime(2027, 7, 2, tzinfo=UTC))
    start, before, after = daylight.split("|")
    block = text[text.index("BEGIN:DAYLIGHT") : text.index("END:DAYLIGHT")]
    assert start in block
    assert f"TZOFFSETFROM:{before}\r\nTZOFFSETTO:{after}" in block


def test_a_zone_that_never_changes_is_one_standard_time() -> None:
    text = written("Asia/Kolkata", datetime(2027, 7, 1, tzinfo=UTC), datetime(2027, 7, 2, tzinfo=UTC))
    assert text.count("BEGIN:STANDARD") == 1
    assert "DAYLIGHT" not in text
    assert "TZOFFSETFROM:+0530\r\nTZOFFSETTO:+0530" in text


def test_an_unknown_zone_is_not_made_up() -> None:
    with pytest.raises(zoneinfo.ZoneInfoNotFoundError):
        vtimezone("Europe/Atlantis", FIRST, LAST)
