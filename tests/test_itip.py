"""What calendars are told, byte for byte, and whose answers are read."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from convoke.calendar import content_lines, itip
from convoke.decision.calendar_state import Message
from convoke.model import Conference, Duration, EventStatus, Method, Participation, Person, RenderError, When
from tests.factories import NOW, message
from tests.golden.cases import (
    ALONE,
    CANCELLED,
    CASES,
    DATE_LESS,
    INVITATION,
    OTHER_DATE,
    SERIES,
    TENTATIVE,
    dtstamp,
    kept,
)


def said(told: Message, sequence: int = 0) -> str:
    return itip.calendar(told, sequence=sequence, dtstamp=NOW).decode()


def unfolded(told: Message) -> list[str]:
    return said(told).replace("\r\n ", "").split("\r\n")


# --- what is said -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_the_bytes_of_each_kind_of_calendar_are_those_kept(name: str) -> None:
    told, sequence = CASES[name]
    made = itip.calendar(told, sequence=sequence, dtstamp=dtstamp(sequence))
    assert made == kept(f"{name}.ics", made)


def test_a_cancellation_says_what_is_cancelled_and_asks_for_nothing() -> None:
    found = unfolded(CANCELLED)
    names = [line.partition(":")[0].partition(";")[0] for line in found]
    assert "METHOD:CANCEL" in found
    assert "STATUS:CANCELLED" in found
    assert {"SUMMARY", "DTSTART", "DTEND", "LOCATION", "ORGANIZER", "ATTENDEE"} <= set(names)
    assert "BEGIN:VTIMEZONE" in found
    assert "BEGIN:VALARM" not in said(replace(CANCELLED, reminders=(Duration(seconds=900),)))
    assert "RSVP" not in said(CANCELLED)


def test_a_series_says_its_rule_and_what_does_not_take_place_and_nothing_of_what_is_beside_it() -> None:
    found = unfolded(SERIES)
    names = [line.partition(":")[0].partition(";")[0] for line in found]
    place = names.index("DTEND")
    assert names[place : place + 4] == ["DTEND", "RRULE", "EXDATE", "SUMMARY"]
    event: Any
    (event,) = icalendar.Calendar.from_ical(said(SERIES)).walk("VEVENT")
    berlin = ZoneInfo("Europe/Berlin")
    assert event["RRULE"] == {"FREQ": ["WEEKLY"], "COUNT": [4]}
    assert event["EXDATE"].dts[0].dt == datetime(2027, 3, 26, 9, 0, tzinfo=berlin)
    assert "RECURRENCE-ID" not in event


@pytest.mark.parametrize(("told", "date"), [(OTHER_DATE, 19), (DATE_LESS, 26), (ALONE, 12)])
def test_one_date_is_named_by_its_original_start_and_says_nothing_of_the_others(told: Message, date: int) -> None:
    found = unfolded(told)
    names = [line.partition(":")[0].partition(";")[0] for line in found[found.index("BEGIN:VEVENT") :]]
    assert names[1:3] == ["UID", "RECURRENCE-ID"]
    event: Any
    (event,) = icalendar.Calendar.from_ical(said(told)).walk("VEVENT")
    assert event["RECURRENCE-ID"].dt == datetime(2027, 3, date, 9, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    assert not {"RRULE", "RDATE", "EXDATE"} & set(names)


def test_whole_days_are_named_by_whole_days() -> None:
    days = When(start=date(2027, 3, 26), end=date(2027, 3, 28), time_zone="Europe/Berlin")
    found = unfolded(
        message(
            when=days,
            rule="FREQ=WEEKLY;COUNT=3",
            without=(date(2027, 4, 2),),
        )
    )
    assert "EXDATE;VALUE=DATE:20270402" in found
    assert "RECURRENCE-ID;VALUE=DATE:20270402" in unfolded(
        message(when=days, date=date(2027, 4, 2), date_zone="Europe/Berlin")
    )
    assert not any("TZID" in line for line in found)


@pytest.mark.parametrize("participation", Participation)
def test_only_who_has_not_answered_is_asked(participation: Participation) -> None:
    text = "\n".join(unfolded(message(participation=participation)))
    assert f"PARTSTAT={participation.upper()};" in text
    assert ("RSVP=TRUE" in text) == (participation is Participation.NEEDS_ACTION)


def test_an_end_in_the_second_of_two_equal_hours_is_said_in_utc() -> None:
    night = When(
        start=datetime(2027, 10, 31, 1, 0),
        end=datetime(2027, 10, 31, 2, 30, fold=1),
        time_zone="Europe/Berlin",
    )
    found = unfolded(message(when=night))
    assert "DTSTART;TZID=Europe/Berlin:20271031T010000" in found
    assert "DTEND:20271031T013000Z" in found


@pytest.mark.parametrize("name", ["UTC", "Etc/UTC", "Zulu"])
def test_utc_by_any_name_needs_no_zone(name: str) -> None:
    when = When(start=datetime(2027, 6, 1, 9), end=datetime(2027, 6, 1, 10), time_zone=name)
    found = unfolded(message(when=when))
    assert "DTSTART:20270601T090000Z" in found
    assert "DTEND:20270601T100000Z" in found
    assert not any("VTIMEZONE" in line or "TZID" in line for line in found)


def test_the_day_after_the_last_day_is_free_again() -> None:
    found = unfolded(message(when=When(start=date(2027, 12, 31), end=date(2027, 12, 31))))
    assert "DTSTART;VALUE=DATE:20271231" in found
    assert "DTEND;VALUE=DATE:20280101" in found
    assert "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE" in found


def test_reminders_count_back_from_the_start() -> None:
    found = unfolded(TENTATIVE)
    assert [line for line in found if line.startswith("TRIGGER")] == [
        "TRIGGER;RELATED=START:PT0S",
        "TRIGGER;RELATED=START:-PT15M",
        "TRIGGER;RELATED=START:-P1DT2H",
    ]


def test_the_link_to_join_by_is_also_where_every_client_shows_it() -> None:
    alone = message(conference=Conference(uri="tel:+4922112345"))
    assert "CONFERENCE;VALUE=URI:tel:+4922112345" in unfolded(alone)
    assert "DESCRIPTION:Join: tel:+4922112345" in unfolded(alone)
    beside = replace(alone, description="Hello")
    assert r"DESCRIPTION:Hello\n\nJoin: tel:+4922112345" in unfolded(beside)


def test_addresses_travel_in_punycode() -> None:
    found = "".join(unfolded(message(attendee=Person(name="Zoë", email="Zoe@bücher.example"))))
    assert 'CN="Zoë":mailto:Zoe@xn--bcher-kva.example' in found


@pytest.mark.parametrize(
    "email",
    ["", "bo", "bo@", "@example.net", "bö@example.net", "bo ek@example.net", "bo@exa mple.net", "a@b..c", "a,b@c.d"],
)
def test_an_address_that_mail_cannot_carry_is_unsayable(email: str) -> None:
    with pytest.raises(RenderError, match="address"):
        said(message(attendee=Person(name="Bo", email=email)))


@pytest.mark.parametrize(
    "uid", ["", "a b@example.org", "a\r\nATTENDEE:mailto:eve@example.org", "é@example.org", "a" * 256]
)
def test_a_uid_that_cannot_be_kept_as_it_is_is_unsayable(uid: str) -> None:
    with pytest.raises(RenderError, match="UID"):
        said(message(uid=uid))


def test_a_writer_that_loses_something_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = content_lines.write
    monkeypatch.setattr(content_lines, "write", lambda meant: honest(meant).replace(b"Treffen", b"Treff"))
    with pytest.raises(RenderError, match="SUMMARY"):
        said(INVITATION)


def test_a_writer_that_adds_a_guest_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = content_lines.write
    more = b"ATTENDEE:mailto:eve@example.org\r\nSTATUS:"
    monkeypatch.setattr(content_lines, "write", lambda meant: honest(meant).replace(b"STATUS:", more))
    with pytest.raises(RenderError, match="STATUS"):
        said(INVITATION)


def test_characters_that_would_change_how_the_rest_is_read_are_left_out() -> None:
    found = unfolded(message(title="a\x00b\x1b\x7f\x85c\u2028\u2029d\u202e\u2066e\ud800 f\r\n\tg"))
    assert "SUMMARY:abcde f g" in found


# --- laws ---------------------------------------------------------------------------------------------------------

# Whatever may stand in text, and often what is special in calendars, headers and HTML.
ANYTHING = st.text(max_size=120) | st.text(
    st.sampled_from("\\;,:\"^nN'%<>&=\r\n\t \x00\x1b\x85\u2028\u202e\ud800äé驚👩\u0301") | st.characters(), max_size=120
)
ANY_MESSAGE = st.builds(
    message,
    title=ANYTHING,
    description=ANYTHING,
    location=ANYTHING,
    url=ANYTHING,
    conference=st.none() | st.builds(Conference, uri=ANYTHING, label=ANYTHING),
    attendee=st.builds(Person, name=ANYTHING, email=st.just("bo@example.net")),
    organizer=st.builds(Person, name=ANYTHING, email=st.just("events@convoke.example.com")),
    reminders=st.just((Duration(seconds=900),)),
    method=st.sampled_from([Method.REQUEST, Method.CANCEL]),
    status=st.sampled_from(EventStatus),
    reason=ANYTHING,
    language=st.sampled_from(["en", "de", "ar", "ja", "en-US"]),
    event_language=st.sampled_from(["", "de", "ar", "zh-Hant-TW"]),
)

ALWAYS = ["UID", "SEQUENCE", "DTSTAMP", "CREATED", "LAST-MODIFIED", "DTSTART", "DTEND", "SUMMARY"]
ALWAYS += ["ORGANIZER", "ATTENDEE", "STATUS", "TRANSP", "CLASS", "X-MICROSOFT-CDO-BUSYSTATUS"]
ALWAYS += ["X-MICROSOFT-CDO-ALLDAYEVENT"]
NO_PROPOSALS = ["X-MICROSOFT-DISALLOW-COUNTER"]
SOMETIMES = {"DESCRIPTION", "LOCATION", "URL", "CONFERENCE"}


@given(ANY_MESSAGE)
@settings(max_examples=150, deadline=None)
def test_no_text_whatever_adds_or_takes_away_a_line(told: Message) -> None:
    written = itip.calendar(told, sequence=3, dtstamp=NOW)
    physical = written.split(b"\r\n")
    assert physical.pop() == b""
    for line in physical:
        line.decode("utf-8")  # no character is cut in two
        assert len(line) <= 75
        assert not any(octet < 32 or octet == 127 for octet in line.replace(b"\t", b""))
    # A reader that is not ours sees the same.
    parsed = icalendar.Calendar.from_ical(written)
    (event,) = parsed.walk("VEVENT")
    names = list(event.keys())
    cancels = told.method is Method.CANCEL
    assert [name for name in names if name not in SOMETIMES] == ALWAYS + (NO_PROPOSALS if cancels else [])
    assert event.errors == []
    assert [part.name for part in event.subcomponents] == ["VALARM"] * (told.method is Method.REQUEST)
    assert str(event["ATTENDEE"]) == "mailto:bo@example.net"
    assert str(event["UID"]) == told.uid
    for name in ("SUMMARY", "DESCRIPTION", "LOCATION"):
        if name in event:
            assert event[name].params.get("LANGUAGE", "") == told.event_language


@given(ANYTHING, ANYTHING)
@example("\ufeff", "\ufeff")
@settings(max_examples=150, deadline=None)
def test_a_reader_that_is_not_ours_finds_the_text_that_was_meant(title: str, description: str) -> None:
    written = itip.calendar(message(title=title, description=description), sequence=0, dtstamp=NOW)
    (event,) = icalendar.Calendar.from_ical(written).walk("VEVENT")
    assert str(event["SUMMARY"]) == content_lines.one_line(title)
    assert str(event.get("DESCRIPTION", "")) == content_lines.clean(description).strip()


# Without backslashes: that reader takes them for escapes, which a parameter does not have.
ANY_NAME = st.text(st.characters(exclude_characters="\\", exclude_categories=["Cs"]), max_size=60) | st.text("^n'\" a")


@given(ANY_NAME)
@settings(max_examples=300, deadline=None)
def test_a_name_may_hold_whatever_and_is_the_same_to_all_readers(name: str) -> None:
    written = itip.calendar(message(attendee=Person(name=name, email="bo@example.net")), sequence=0, dtstamp=NOW)
    (event,) = icalendar.Calendar.from_ical(written).walk("VEVENT")
    seen = event["ATTENDEE"].params.get("CN", "")
    assert seen == content_lines.parameter(name)
    # Whoever does not know RFC 6868 shows what stands between the quotes.
    (attendee,) = re.findall(r'ATTENDEE;[^:"]*;CN="([^"]*)"', written.decode().replace("\r\n ", "")) or [""]
    assert seen == attendee
    carets = [at for at, rendered in enumerate(attendee) if rendered == "^"]
    assert not any(attendee[at + 1 : at + 2] in ("^", "n", "'") for at in carets if at + 1 < len(attendee))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ('Zoë "Z" O’Hara', "Zoë 'Z' O’Hara"),
        ("Zoë\nO’Hara", "Zoë O’Hara"),
        ("Zoë ^_^", "Zoë ^_^"),
        ("2^n", "2n"),
        ("^^", "^"),
        ('a^"b', "a'b"),
    ],
)
def test_a_name_is_written_without_carets_that_only_some_programs_read(name: str, said: str) -> None:
    conference = Conference(uri="https://meet.example.org/1", label=name)
    told = message(attendee=Person(name=name, email="bo@example.net"), conference=conference)
    written = itip.calendar(told, sequence=0, dtstamp=NOW).decode().replace("\r\n ", "")
    assert f'CN="{said}":mailto:bo@example.net' in written
    assert f'LABEL="{said}":https://meet.example.org/1' in written


@pytest.mark.parametrize(("written", "meant"), [("a^'b", 'a"b'), ("a^nb", "a\nb"), ("a^^b", "a^b"), ("a^b", "a^b")])
def test_carets_that_others_write_are_read(written: str, meant: str) -> None:
    (line,) = content_lines.read(f'ATTENDEE;CN="{written}":mailto:bo@example.net\r\n'.encode())
    assert dict(line.params)["CN"] == meant


@given(ANY_MESSAGE)
@settings(max_examples=25, deadline=None)
def test_the_same_message_is_always_the_same_bytes(told: Message) -> None:
    assert said(told) == said(replace(told))
