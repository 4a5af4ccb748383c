"""The model of a recipient, on examples made by hand: without it being right, nothing that it judges is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.mailbox import in_words
from tests.rfc5545 import Undefined, dates
from tests.rfc5546 import Message, Recipient, read

BERLIN = """TZID:Europe/Berlin
BEGIN:STANDARD|DTSTART:20261025T030000|RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0200|TZOFFSETTO:+0100|END:STANDARD
BEGIN:DAYLIGHT|DTSTART:20260329T020000|RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZOFFSETFROM:+0100|TZOFFSETTO:+0200|END:DAYLIGHT"""

UID = "choir@example.org"
MASTER = "DTSTART;TZID=Europe/Berlin:20270312T090000|DTEND;TZID=Europe/Berlin:20270312T103000"
WEEKLY = f"{MASTER}|RRULE:FREQ=WEEKLY;COUNT=4"
ALL_DAY = "DTSTART;VALUE=DATE:20270326|DTEND;VALUE=DATE:20270327|RRULE:FREQ=WEEKLY;COUNT=3"
CHOIR = '"Choir", weekly 2027-03-12 09:00 to 10:30 Europe/Berlin, CONFIRMED: '


def of(day: str, *, at: str = "090000", until: str = "103000", on: str = "") -> str:
    """One date of the series, ``day`` as MMDD: when it is now."""
    now = f"2027{on or day}T"
    return (
        f"RECURRENCE-ID;TZID=Europe/Berlin:2027{day}T090000|"
        f"DTSTART;TZID=Europe/Berlin:{now}{at}|DTEND;TZID=Europe/Berlin:{now}{until}"
    )


def ics(method: str, sequence: int, what: str, *, minute: int | None = None, zone: str = BERLIN) -> bytes:
    """A calendar written by hand; ``|`` and line breaks separate its lines. DTSTAMP follows SEQUENCE."""
    summary = "" if "SUMMARY:" in what else "SUMMARY:Choir|"
    status = "CANCELLED" if method == "CANCEL" else "CONFIRMED"
    text = f"""BEGIN:VCALENDAR|PRODID:-//by hand//EN|VERSION:2.0|METHOD:{method}
BEGIN:VTIMEZONE|{zone}|END:VTIMEZONE
BEGIN:VEVENT|UID:{UID}|SEQUENCE:{sequence}|DTSTAMP:20270101T12{sequence if minute is None else minute:02d}00Z
{what}|{summary}STATUS:{status}
ORGANIZER:mailto:events@example.org|ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bo@example.net
END:VEVENT|END:VCALENDAR|"""
    return text.replace("\n", "|").replace("|", "\r\n").encode()


def after(*messages: bytes, careless: bool = False) -> Recipient:
    recipient = Recipient(careless=careless)
    for message in messages:
        recipient.take(read(message))
    return recipient


REQUEST, CANCEL = "REQUEST", "CANCEL"
INVITED = ics(REQUEST, 0, WEEKLY)
MOVED = ics(REQUEST, 1, of("0319", on="0320"))
REMOVED = ics(CANCEL, 1, of("0326"))
ENDED = ics(CANCEL, 9, WEEKLY)

EXAMPLES: dict[str, tuple[list[bytes], str]] = {
    "a series is all of its dates": ([INVITED], CHOIR + "12 Mar, 19 Mar, 26 Mar, 2 Apr"),
    "EXDATE takes a date out, RDATE puts one in": (
        [
            ics(
                REQUEST,
                0,
                f"{WEEKLY}|EXDATE;TZID=Europe/Berlin:20270319T090000|RDATE;TZID=Europe/Berlin:20270405T180000",
            )
        ],
        CHOIR + "12 Mar, no 19 Mar, 26 Mar, 2 Apr, 5 Apr 18:00",
    ),
    "dates without a rule": (
        [ics(REQUEST, 0, f"{MASTER}|RDATE;TZID=Europe/Berlin:20270405T180000,20280101T090000")],
        '"Choir", by date 2027-03-12 09:00 to 10:30 Europe/Berlin, CONFIRMED: 12 Mar, 5 Apr 18:00, 1 Jan 2028',
    ),
    "one date moved": (
        [INVITED, MOVED],
        CHOIR + "12 Mar, 19 Mar (moved to 2027-03-20 09:00 to 10:30), 26 Mar, 2 Apr",
    ),
    "one date moved twice": (
        [INVITED, MOVED, ics(REQUEST, 2, of("0319", at="080000"))],
        CHOIR + "12 Mar, 19 Mar (moved to 2027-03-19 08:00 to 10:30), 26 Mar, 2 Apr",
    ),
    "one date moved beyond its neighbour keeps its place": (
        [INVITED, ics(REQUEST, 1, of("0319", on="0327"))],
        CHOIR + "12 Mar, 19 Mar (moved to 2027-03-27 09:00 to 10:30), 26 Mar, 2 Apr",
    ),
    "one date with words of its own": (
        [INVITED, ics(REQUEST, 1, of("0402") + "|SUMMARY:Concert|LOCATION:Dom|DESCRIPTION:Black tie")],
        CHOIR + '12 Mar, 19 Mar, 26 Mar, 2 Apr (called "Concert", at "Dom", described as "Black tie")',
    ),
    "one date said again as the series has it": (
        [INVITED, MOVED, ics(REQUEST, 2, of("0319"))],
        CHOIR + "12 Mar, 19 Mar, 26 Mar, 2 Apr",
    ),
    "one date cancelled": ([INVITED, REMOVED], CHOIR + "12 Mar, 19 Mar, no 26 Mar, 2 Apr"),
    "a moved date cancelled": (
        [INVITED, MOVED, ics(CANCEL, 2, of("0319", on="0320"))],
        CHOIR + "12 Mar, no 19 Mar, 26 Mar, 2 Apr",
    ),
    "a cancelled date is back": (
        [INVITED, REMOVED, ics(REQUEST, 2, of("0326"))],
        CHOIR + "12 Mar, 19 Mar, 26 Mar, 2 Apr",
    ),
    "a date that comes late does not replace a newer one": (
        [INVITED, ics(CANCEL, 2, of("0319")), MOVED],
        CHOIR + "12 Mar, no 19 Mar, 26 Mar, 2 Apr",
    ),
    "the whole again drops what was told of single dates": (
        [INVITED, MOVED, REMOVED, ics(REQUEST, 2, WEEKLY)],
        CHOIR + "12 Mar, 19 Mar, 26 Mar, 2 Apr",
    ),
    "what was told of a date after the whole stands, though it overtook it": (
        [INVITED, ics(REQUEST, 3, of("0319", on="0320")), ics(REQUEST, 2, WEEKLY)],
        CHOIR + "12 Mar, 19 Mar (moved to 2027-03-20 09:00 to 10:30), 26 Mar, 2 Apr",
    ),
    "a date older than the whole is void": (
        [ics(REQUEST, 2, WEEKLY), MOVED, REMOVED],
        CHOIR + "12 Mar, 19 Mar, 26 Mar, 2 Apr",
    ),
    "a series moved by a day": (
        [INVITED, ics(REQUEST, 1, WEEKLY.replace("0312T", "0313T"))],
        '"Choir", weekly 2027-03-13 09:00 to 10:30 Europe/Berlin, CONFIRMED: 13 Mar, 20 Mar, 27 Mar, 3 Apr',
    ),
    "every second week until a day": (
        [ics(REQUEST, 0, f"{MASTER}|RRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20270409T070000Z")],
        '"Choir", every 2 weeks 2027-03-12 09:00 to 10:30 Europe/Berlin, CONFIRMED: 12 Mar, 26 Mar, 9 Apr',
    ),
    "UNTIL is an instant: a second earlier there is a date less": (
        [ics(REQUEST, 0, f"{MASTER}|RRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20270409T065959Z")],
        '"Choir", every 2 weeks 2027-03-12 09:00 to 10:30 Europe/Berlin, CONFIRMED: 12 Mar, 26 Mar',
    ),
    "the whole series cancelled": ([INVITED, MOVED, ENDED], "empty"),
    "what was asked before the cancellation does not bring it back": ([INVITED, ENDED, INVITED, MOVED], "empty"),
    "what is cancelled before it came does not come": ([ENDED, INVITED, MOVED], "empty"),
    "a cancellation that comes late takes nothing away": (
        [ics(REQUEST, 3, WEEKLY), ics(CANCEL, 2, WEEKLY)],
        CHOIR + "12 Mar, 19 Mar, 26 Mar, 2 Apr",
    ),
    "some dates only": (
        [ics(REQUEST, 0, of("0319")), ics(REQUEST, 1, of("0402", on="0403"))],
        '"Choir", 2027-03-19 09:00 to 10:30 Europe/Berlin, CONFIRMED, one date and '
        '"Choir", 2027-04-03 09:00 to 10:30 Europe/Berlin, CONFIRMED, one date, moved from 2027-04-02 09:00',
    ),
    "some dates only, and one of them cancelled": (
        [ics(REQUEST, 0, of("0319")), ics(REQUEST, 1, of("0402")), ics(CANCEL, 2, of("0319"))],
        '"Choir", 2027-04-02 09:00 to 10:30 Europe/Berlin, CONFIRMED, one date',
    ),
    "a date that the series does not have": (
        [INVITED, ics(REQUEST, 1, of("0320"))],
        CHOIR + "12 Mar, 19 Mar, 20 Mar (not of the series), 26 Mar, 2 Apr",
    ),
    "a newer DTSTAMP with the same SEQUENCE": (
        [INVITED, ics(REQUEST, 0, WEEKLY + "|SUMMARY:Quire", minute=1)],
        CHOIR.replace("Choir", "Quire") + "12 Mar, 19 Mar, 26 Mar, 2 Apr",
    ),
    "an older DTSTAMP with a higher SEQUENCE": (
        [ics(REQUEST, 0, WEEKLY, minute=5), ics(REQUEST, 1, WEEKLY + "|SUMMARY:Quire", minute=1)],
        CHOIR.replace("Choir", "Quire") + "12 Mar, 19 Mar, 26 Mar, 2 Apr",
    ),
    "whole days": (
        [
            ics(REQUEST, 0, ALL_DAY),
            ics(CANCEL, 1, "RECURRENCE-ID;VALUE=DATE:20270326|" + ALL_DAY.rpartition("|")[0]),
            ics(
                REQUEST,
                2,
                "RECURRENCE-ID;VALUE=DATE:20270402|DTSTART;VALUE=DATE:20270403|DTEND;VALUE=DATE:20270405",
            ),
        ],
        '"Choir", weekly 2027-03-26, all day, CONFIRMED: '
        "no 26 Mar, 2 Apr (moved to 2027-04-03 to 2027-04-04, all day), 9 Apr",
    ),
    "a single event is told as ever": (
        [ics(REQUEST, 0, MASTER)],
        '"Choir", 2027-03-12 09:00 to 10:30 Europe/Berlin, CONFIRMED',
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_calendar_shows(name: str) -> None:
    messages, shown = EXAMPLES[name]
    assert in_words(after(*messages)) == shown


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_does_not_matter_in_which_order_they_arrive_nor_how_often(name: str) -> None:
    messages, _ = EXAMPLES[name]
    truth = after(*messages).shows()
    for order in permutations(messages):
        assert after(*order, *order[:1]).shows() == truth


def test_what_is_shown_is_instants_by_original_start_and_the_words() -> None:
    shown = after(
        INVITED, ics(REQUEST, 1, of("0402", on="0403") + "|LOCATION:Dom|DESCRIPTION:Bring both books")
    ).shows()
    (choir,) = shown.values()
    # Summer time begins on 28 March: 09:00 stays 09:00.
    assert list(choir) == [datetime(2027, 3, day, 8, tzinfo=UTC) for day in (12, 19, 26)] + [
        datetime(2027, 4, 2, 7, tzinfo=UTC)
    ]
    first, last = choir[datetime(2027, 3, 12, 8, tzinfo=UTC)], choir[datetime(2027, 4, 2, 7, tzinfo=UTC)]
    assert (first.start, first.end) == (datetime(2027, 3, 12, 8, tzinfo=UTC), datetime(2027, 3, 12, 9, 30, tzinfo=UTC))
    assert (last.start, last.end) == (datetime(2027, 4, 3, 7, tzinfo=UTC), datetime(2027, 4, 3, 8, 30, tzinfo=UTC))
    assert (last.title, last.location, last.description, last.status) == (
        "Choir",
        "Dom",
        "Bring both books",
        "CONFIRMED",
    )


# --- the careless -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("messages", "shown"),
    [
        ([INVITED, ENDED, INVITED], CHOIR + "12 Mar, 19 Mar, 26 Mar, 2 Apr"),
        ([INVITED, ics(CANCEL, 2, of("0319")), ics(REQUEST, 1, of("0319"))], CHOIR + "12 Mar, 19 Mar, 26 Mar, 2 Apr"),
        ([ics(REQUEST, 5, WEEKLY), ics(CANCEL, 4, WEEKLY)], "empty"),
        (
            [INVITED, MOVED, REMOVED, ics(REQUEST, 2, WEEKLY)],
            CHOIR + "12 Mar, 19 Mar (moved to 2027-03-20 09:00 to 10:30), 26 Mar, 2 Apr",
        ),
        ([ics(REQUEST, 2, WEEKLY), INVITED.replace(b"Choir", b"Quire")], CHOIR + "12 Mar, 19 Mar, 26 Mar, 2 Apr"),
        ([INVITED, REMOVED], CHOIR + "12 Mar, 19 Mar, no 26 Mar, 2 Apr"),
    ],
    ids=["puts back", "puts a date back", "obeys an old CANCEL", "keeps dates", "knows what is old", "removes a date"],
)
def test_a_careless_calendar_shows(messages: list[bytes], shown: str) -> None:
    assert in_words(after(*messages, careless=True)) == shown


# --- plain values, and any order ----------------------------------------------------------------------------------

START = datetime(2027, 3, 12, 9, tzinfo=ZoneInfo("Europe/Berlin"))


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Message], list[Message]]:
    """Messages about one UID, each with a SEQUENCE of its own: as they were made, and as they arrive."""
    made = []
    for sequence in range(draw(st.integers(1, 7))):
        nth = draw(st.none() | st.integers(0, 3))
        of = None if nth is None else START + timedelta(weeks=nth)
        made.append(
            Message(
                method=draw(st.sampled_from([REQUEST, REQUEST, CANCEL])),
                uid=UID,
                sequence=sequence,
                dtstamp=datetime(2027, 1, 1, tzinfo=UTC) + timedelta(minutes=sequence),
                recurrence_id=of,
                start=of or START,
                end=(of or START) + timedelta(hours=1),
                rule="FREQ=WEEKLY;COUNT=4" if of is None else "",
                title=f"told in {sequence}",
            )
        )
    return made, draw(st.permutations([*made, *draw(st.lists(st.sampled_from(made), max_size=3))]))


@given(histories())
@settings(max_examples=300, deadline=None)
def test_whatever_the_order_of_arrival_the_calendar_is_that_of_the_order_of_making(
    history: tuple[list[Message], list[Message]],
) -> None:
    made, arriving = history
    # What the words of the standard come to when nothing is late: the last word on all wipes out whatever was before.
    truth: dict[datetime, str] = {}
    for message in made:
        at = message.recurrence_id
        if at is None:
            truth = {}
        if message.method == REQUEST:
            starts = [at] if isinstance(at, datetime) else [START + timedelta(weeks=n) for n in range(4)]
            truth |= dict.fromkeys((start.astimezone(UTC) for start in starts), message.title)
        elif isinstance(at, datetime):
            truth.pop(at.astimezone(UTC), None)
    recipient = Recipient()
    for message in arriving:
        recipient.take(message)
    assert {at: shown.title for at, shown in recipient.shows().get(UID, {}).items()} == truth


# --- dates and zones ----------------------------------------------------------------------------------------------


def days(start: date, rule: str) -> list[str]:
    return [f"{day:%a} {day.day} {day:%b}" for day in dates(start, rule)]


@pytest.mark.parametrize(
    ("start", "rule", "expected"),
    [
        (date(2027, 3, 30), "FREQ=DAILY;INTERVAL=3;COUNT=3", ["Tue 30 Mar", "Fri 2 Apr", "Mon 5 Apr"]),
        (
            date(2027, 3, 12),
            "FREQ=WEEKLY;BYDAY=FR,MO;UNTIL=20270322",
            ["Fri 12 Mar", "Mon 15 Mar", "Fri 19 Mar", "Mon 22 Mar"],
        ),
        (date(2027, 1, 31), "FREQ=MONTHLY;COUNT=3", ["Sun 31 Jan", "Wed 31 Mar", "Mon 31 May"]),
        (date(2027, 3, 26), "FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", ["Fri 26 Mar", "Fri 30 Apr", "Fri 28 May"]),
        (date(2027, 3, 31), "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=2", ["Wed 31 Mar", "Fri 30 Apr"]),
        (date(2027, 3, 31), "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=2", ["Wed 31 Mar", "Fri 30 Apr"]),
        (date(2028, 2, 29), "FREQ=YEARLY;COUNT=2", ["Tue 29 Feb", "Sun 29 Feb"]),
        (
            date(2027, 8, 3),
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=MO;COUNT=3",
            ["Tue 3 Aug", "Sun 8 Aug", "Tue 17 Aug"],
        ),
        (
            date(2027, 8, 3),
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU;COUNT=3",
            ["Tue 3 Aug", "Sun 15 Aug", "Tue 17 Aug"],
        ),
    ],
)
def test_a_rule_yields_its_dates(start: date, rule: str, expected: list[str]) -> None:
    assert days(start, rule) == expected


@pytest.mark.parametrize(
    "what",
    [
        WEEKLY + ";BYDAY=MO",
        f"{MASTER}|RRULE:FREQ=WEEKLY;UNTIL=20270409",
        f"{MASTER}|RRULE:FREQ=WEEKLY;UNTIL=20270409T090000",
        f"{WEEKLY}|EXDATE;VALUE=DATE:20270319",
        WEEKLY.replace(";TZID=Europe/Berlin", ""),
        ALL_DAY.replace("COUNT=3", "UNTIL=20270409T070000Z"),
    ],
)
def test_what_has_no_meaning_in_the_standard_is_not_guessed(what: str) -> None:
    with pytest.raises(Undefined):
        after(ics(REQUEST, 0, what)).shows()


NIGHT = "DTSTART;TZID=Europe/Berlin:{0}|DTEND;TZID=Europe/Berlin:{1}|RRULE:FREQ=DAILY;COUNT=3"


def starts_in_utc(what: str, zone: str = BERLIN) -> list[str]:
    (shown,) = after(ics(REQUEST, 0, what, zone=zone)).shows().values()
    return [f"{one.start:%d %H:%M}-{one.end:%H:%M}" for one in shown.values()]


def test_a_time_that_the_clock_skips_counts_by_the_offset_before_and_one_it_shows_twice_is_the_first() -> None:
    spring = starts_in_utc(NIGHT.format("20270327T023000", "20270327T033000"))
    assert spring == ["27 01:30-02:30", "28 01:30-02:30", "29 00:30-01:30"]
    autumn = starts_in_utc(NIGHT.format("20271030T023000", "20271030T033000"))
    assert autumn == ["30 00:30-01:30", "31 00:30-01:30", "01 01:30-02:30"]


def test_a_skipped_time_is_told_as_the_clock_then_shows() -> None:
    calendar = after(ics(REQUEST, 0, NIGHT.format("20270327T023000", "20270327T033000")))
    assert in_words(calendar).endswith(": 27 Mar, 28 Mar 03:30, 29 Mar")


def test_times_are_read_by_the_zone_that_came_along_else_by_its_name() -> None:
    night = NIGHT.format("20270327T023000", "20270327T033000")
    unmoved = (
        "TZID:Europe/Berlin|BEGIN:STANDARD|DTSTART:19700101T000000|TZOFFSETFROM:+0100|TZOFFSETTO:+0100|END:STANDARD"
    )
    assert starts_in_utc(night, unmoved) == ["27 01:30-02:30", "28 01:30-02:30", "29 01:30-02:30"]
    other = BERLIN.replace("Berlin", "Paris")
    assert starts_in_utc(night, other) == starts_in_utc(night)


def test_a_zone_that_came_along_is_that_of_the_database_at_every_hour_of_two_years() -> None:
    zone, truth = read(INVITED).start, ZoneInfo("Europe/Berlin")
    assert isinstance(zone, datetime)
    hour = datetime(2026, 4, 1, tzinfo=UTC)
    while hour.year < 2028:
        here, there = hour.astimezone(zone.tzinfo), hour.astimezone(truth)
        assert (here.replace(tzinfo=None), here.fold) == (there.replace(tzinfo=None), there.fold)
        assert here.astimezone(UTC) == hour
        hour += timedelta(hours=1)
