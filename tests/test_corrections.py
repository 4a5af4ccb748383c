"""Each fault of the icalendar library that is worked round: a test fails when it is corrected, or when ours has it too.

Once one fails because the library has corrected the fault, what works round it can go.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
from icalendar.parser import Contentline

from convoke.calendar import content_lines, itip
from convoke.calendar.corrections import PlainParameters, Text, Unchanged
from convoke.calendar.vtimezone import vtimezone
from convoke.model import Duration, Person
from tests.factories import MORNING, NOW, message

AT: dict[str, Any] = {"sequence": 0, "dtstamp": NOW}
YEAR = datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)


def test_a_backslash_before_a_letter_n_is_no_line_break() -> None:
    assert icalendar.vText("C:\\New").to_ical() == b"C:\\new"
    assert Text("C:\\New").to_ical() == b"C:\\\\New"


def test_a_day_s_hours_are_not_a_day() -> None:
    assert icalendar.vDuration(timedelta(hours=24)).to_ical() == b"P1D"  # type: ignore[no-untyped-call]
    assert Unchanged(str(Duration(seconds=24 * 60 * 60))).to_ical() == b"PT24H"


def test_the_parts_of_a_rule_stay_in_their_order() -> None:
    rule = "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU"
    assert icalendar.vRecur.from_ical(rule).to_ical() == b"FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3"
    assert Unchanged(rule).to_ical() == rule.encode()


def test_a_caret_in_a_name_is_not_doubled() -> None:
    assert icalendar.Parameters({"CN": "Zoe ^_^"}).to_ical() == b'CN="Zoe ^^_^^"'
    assert PlainParameters({"CN": "Zoe ^_^"}).to_ical() == b'CN="Zoe ^_^"'


def test_a_zone_that_equals_utc_keeps_its_name() -> None:
    """So a zone is given to the library by its name, as a parameter."""
    greenwich = icalendar.vDDDTypes(datetime(2027, 3, 12, 9, tzinfo=ZoneInfo("Etc/GMT")))
    assert (greenwich.to_ical(), dict(greenwich.params)) == (b"20270312T090000Z", {})
    sent = itip.calendar(message(when=replace(MORNING, time_zone="Etc/GMT")), **AT).decode()
    assert "DTSTART;TZID=Etc/GMT:20270312T090000\r\n" in sent


def test_a_line_is_not_folded_inside_an_escape() -> None:
    line = f"SUMMARY:{'x' * 64}\\\\n"
    assert Contentline(line).to_ical() == f"SUMMARY:{'x' * 64}\\\r\n \\n".encode()  # type: ignore[no-untyped-call]
    assert content_lines.folded(line) == f"SUMMARY:{'x' * 64}\\\\n\r\n".encode()


def test_a_comma_after_a_backslash_in_a_name_leaves_the_backslash_there() -> None:
    """So what is to be sent is not read back by the library."""
    line = 'ATTENDEE;CN="a\\,b":mailto:bo@example.net'
    _, params, _ = Contentline(line).raw_parts()  # type: ignore[no-untyped-call]
    assert params["CN"] == "a,b"
    (read,) = content_lines.read(line.encode())
    assert dict(read.params)["CN"] == "a\\,b"
    sent = itip.calendar(message(attendee=Person(name="a\\,b", email="bo@example.net")), **AT)
    assert b'CN="a\\,b":mailto:' in sent.replace(b"\r\n ", b"")


def test_summer_time_begins_at_the_local_time_before_it() -> None:
    """The clock goes from 02:00 to 03:00; DTSTART is in the offset before the onset (RFC 5545, section 3.6.5)."""
    library = icalendar.Timezone.from_tzinfo(ZoneInfo("Europe/Berlin"), None, *(day.date() for day in YEAR))
    assert b"BEGIN:DAYLIGHT\r\nDTSTART:20270328T030000\r\n" in library.to_ical()
    ours = content_lines.write(vtimezone("Europe/Berlin", *YEAR))
    assert b"BEGIN:DAYLIGHT\r\nDTSTART:19700329T020000\r\n" in ours
