"""Which zone a TZID means in a calendar that came in: a known one, one of Windows, one that the calendar describes."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from convoke.calendar.content_lines import write
from convoke.calendar.vtimezone import vtimezone
from convoke.inbound import components
from convoke.inbound.zones import Zones
from tests.factories import existing

NOON = datetime(2030, 3, 12, 12)
EASTERN = (
    ("STANDARD", "16010101T020000", "-0400", "-0500", "RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=1SU;BYMONTH=11"),
    ("DAYLIGHT", "16010101T020000", "-0500", "-0400", "RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=2SU;BYMONTH=3"),
)


def described(name: str, *observances: tuple[str, str, str, str, str]) -> Zones:
    """A calendar that says this of a zone: each observance as its name, DTSTART, both offsets and one line more."""
    inside = "".join(
        f"BEGIN:{kind}\nDTSTART:{start}\nTZOFFSETFROM:{before}\nTZOFFSETTO:{after}\n{more}\nEND:{kind}\n"
        for kind, start, before, after, more in observances
    )
    text = f"BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:{name}\n{inside}END:VTIMEZONE\nEND:VCALENDAR\n"
    return Zones(components.read(text.encode()))


NOTHING = described("Nowhere")


def offset(zones: Zones, tzid: str, local_time: datetime = NOON) -> float:
    """Hours off UTC."""
    return existing(zones.aware(local_time, tzid).utcoffset()) / timedelta(hours=1)


@pytest.mark.parametrize(
    ("tzid", "key"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("/freeassociation.sourceforge.net/Europe/Berlin", "Europe/Berlin"),
        ("/mozilla.org/20250101_1/America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ('"Europe/Berlin"', "Europe/Berlin"),
        ("Eastern Standard Time", "America/New_York"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("w. europe  standard time ", "Europe/Berlin"),
        ("E. South America Standard Time", "America/Sao_Paulo"),
        ("tzone://Microsoft/W. Europe Standard Time", "Europe/Berlin"),
    ],
)
def test_a_zone_that_iana_or_windows_knows_is_that_one(tzid: str, key: str) -> None:
    assert NOTHING.aware(NOON, tzid).tzinfo == ZoneInfo(key)


def test_utc_has_a_name_of_microsoft_s() -> None:
    assert NOTHING.aware(NOON, "tzone://Microsoft/Utc") == NOON.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "tzid",
    [
        "",
        "Nowhere",
        "Customized Time Zone",
        "tzone://Microsoft/Custom",
        "tzone://Microsoft/",
        "Eastern",
        "UTC+3",
        "a" * 300,
    ],
)
def test_a_zone_that_nobody_knows_is_not_guessed(tzid: str) -> None:
    with pytest.raises(ValueError, match="zone"):
        NOTHING.aware(NOON, tzid)


@pytest.mark.parametrize(
    "name", ["Customized Time Zone", "tzone://Microsoft/Custom", "(UTC-05:00) Eastern Time, Tijuana", "GMT-05:00", ""]
)
def test_a_zone_of_any_name_is_what_the_calendar_says_of_it(name: str) -> None:
    zones = described(name, *EASTERN)
    assert offset(zones, name) == -4
    assert offset(zones, name, datetime(2030, 1, 12, 12)) == -5


def test_what_a_calendar_says_of_a_zone_that_is_known_is_not_believed() -> None:
    lie = ("STANDARD", "16010101T000000", "+0900", "+0900", "X-NO:RULE")
    for name, hours in (("Europe/Berlin", 1), ("W. Europe Standard Time", 1), ("tzone://Microsoft/Utc", 0)):
        assert offset(described(name, lie), name) == hours


@pytest.mark.parametrize(
    ("local_time", "hours"),
    [
        (datetime(2030, 3, 10, 1, 59), -5),
        (datetime(2030, 3, 10, 3, 0), -4),
        (datetime(2030, 11, 3, 1, 30), -4),
        (datetime(2030, 11, 3, 2, 0), -5),
    ],
)
def test_a_clock_is_set_when_the_rules_say_so_and_what_it_shows_twice_is_the_first(
    local_time: datetime, hours: int
) -> None:
    assert offset(described("X", *EASTERN), "X", local_time) == hours


@pytest.mark.parametrize(
    ("hours", "more"),
    [
        (2, "X-NO:RULE"),
        (2, "RRULE:FREQ=YEARLY;BYMONTH=3"),
        (2, "RRULE:FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=12"),
        (2, "RRULE:FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=8,9,10,11,12,13,14;BYDAY=SU"),
        (2, "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=SU,MO;BYSETPOS=-1;WKST=MO"),
        (2, "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;UNTIL=20290401T000000Z"),
        (2, "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;UNTIL=20000101"),
        (2, "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"),
        (2, "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;COUNT=3"),
        (2, "RDATE:20000101T000000,20300301T000000"),
    ],
)
def test_rules_that_zones_have_are_understood(hours: int, more: str) -> None:
    zones = described("X", ("DAYLIGHT", "19990301T020000", "+0100", "+0200", more))
    assert offset(zones, "X") == hours
    assert offset(zones, "X", datetime(1999, 2, 1)) == 1


@pytest.mark.parametrize(
    "more",
    [
        "RRULE:FREQ=DAILY",
        "RRULE:FREQ=YEARLY;INTERVAL=2;BYMONTH=3",
        "RRULE:FREQ=YEARLY;BYDAY=1SU",
        "RRULE:FREQ=YEARLY;BYMONTH=13",
        "RRULE:FREQ=YEARLY;BYMONTH=3,4",
        "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=6SU",
        "RRULE:FREQ=YEARLY;BYMONTH=3;BYHOUR=4",
        "RRULE:FREQ=YEARLY;BYMONTH=3;UNTIL=never",
        "RRULE:FREQ=YEARLY;COUNT=x",
        "RRULE:",
        "RRULE:FREQ=YEARLY\nRRULE:FREQ=YEARLY",
        "RDATE:20000101T000000Z",
        "RDATE;VALUE=DATE:20000101",
        "TZOFFSETTO:+0300",
        "DTSTART:19700101T000000",
    ],
)
def test_a_zone_whose_rules_say_what_no_zone_does_is_none(more: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        described("X", ("STANDARD", "19990301T020000", "+0100", "+0200", more)).aware(NOON, "X")


def test_of_two_zones_of_one_name_that_differ_none_is_meant() -> None:
    one, other = (
        ("STANDARD", "16010101T000000", "+0100", "+0100", "X:y"),
        ("STANDARD", "16010101T000000", "+0200", "+0200", "X:y"),
    )

    def both(*said: tuple[str, str, str, str, str]) -> Zones:
        inside = [
            b"BEGIN:VTIMEZONE\nTZID:X\nBEGIN:%s\nDTSTART:%s\nTZOFFSETFROM:%s\nTZOFFSETTO:%s\nEND:STANDARD\nEND:VTIMEZONE\n"
            % tuple(part.encode() for part in each[:4])
            for each in said
        ]
        return Zones(components.read(b"".join(inside)))

    assert offset(both(one, one), "X") == 1
    with pytest.raises(ValueError, match="zone"):
        both(one, other).aware(NOON, "X")


WALLS = st.datetimes(datetime(2029, 6, 1), datetime(2031, 6, 1))
NAMES = (
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "America/Nuuk",
)


@given(st.sampled_from(NAMES), WALLS)
@example("Europe/Berlin", datetime(2030, 10, 27, 2, 30))
@settings(deadline=None)
def test_what_we_say_of_a_zone_ourselves_means_the_instants_that_it_has(name: str, local_time: datetime) -> None:
    zone = ZoneInfo(name)
    first, last = datetime(2030, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
    said = write(vtimezone(name, first, last)).replace(f"TZID:{name}".encode(), b"TZID:Ours")
    if local_time.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local_time:
        assert Zones(components.read(said)).aware(local_time, "Ours") == local_time.replace(tzinfo=zone).astimezone(UTC)


def test_a_zone_of_very_many_onsets_costs_no_time() -> None:
    one = ("STANDARD", "19700101T000000", "+0000", "+0100", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")
    many = described("X", *[one] * 300)
    began = time.process_time()
    for day in range(100):
        many.aware(NOON + timedelta(days=day), "X")
    assert time.process_time() - began < 1
    with pytest.raises(ValueError, match="many"):
        described("X", *[one] * 301).aware(NOON, "X")
