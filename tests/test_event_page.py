"""The page of a public event: what it says to people, to programs and to calendars."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import icalendar
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convoke.calendar import content_lines, published
from convoke.decision.invitation import Seats, SeatShard
from convoke.inbound.uids import ids_of
from convoke.model import AccountSettings, Conference, DateChange, Event, EventStatus, Person, Schedule, When
from convoke.pages import assets, calendar_links, event_page, structured_data
from convoke.pages.event_page import State, state_of
from convoke.registrations.events import change_event
from convoke.registrations.registry import register
from convoke.schedule import series
from convoke.store import keys
from convoke.store.store import Store
from tests import rfc5546
from tests.factories import EVENT_ID, MORNING, NOW, event, registration
from tests.fixtures import patching_fixture_of
from tests.schedules import schedules, timed, whole
from tests.tables import SETTINGS
from tests.visitor import Shown, Visitor, a_visitor

PAGE = f"{SETTINGS.public_url}/e/{EVENT_ID}"
WEEKLY = series.rule("FREQ=WEEKLY;COUNT=6", MORNING)
HOSTILE = [
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "<!--<script>",
    "{{ 7*7 }} {% raw %}",
    "מפגש בקלן 2027",
    "لقاء 2027 (Köln)",
    "👩\u200d👩\u200d👧 " + "W" * 300,
    "&lt;b&gt; &amp;",
    "\u2028\u2029]]>",
]


visitor = patching_fixture_of(a_visitor)


def words(shown: Shown) -> str:
    """What is read on the page, without tags."""
    main = shown.text.partition("<main>")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


class Tags(HTMLParser):
    """The tags of a page as a browser finds them, each with the names of its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, ...]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, *(name for name, _ in attrs)))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", data))


def tags(shown: Shown) -> list[tuple[str, ...]]:
    parser = Tags()
    parser.feed(shown.text)
    return parser.found


def structured(shown: Shown) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', shown.text, re.DOTALL)
    found: dict[str, Any] = json.loads(text)
    return found


# --- what people read ---------------------------------------------------------------------------------------------


def test_it_says_what_when_where_and_by_whom(visitor: Visitor) -> None:
    visitor.hold(location="Altes Pfandhaus, Köln", description="Bring a friend.\nSee https://example.org/a?b=1&c=2.")
    shown = visitor.get(f"/e/{EVENT_ID}")
    said = words(shown)
    assert "Friday 12 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00)" in said
    assert "Altes Pfandhaus, Köln" in said
    assert "Organizer Ada" in said
    assert 'href="https://www.openstreetmap.org/search?query=Altes%20Pfandhaus%2C%20K%C3%B6ln"' in shown.text
    assert '<a href="https://example.org/a?b=1&amp;c=2" rel="nofollow noopener">' in shown.text
    assert '<time datetime="2027-03-12T09:00:00+01:00" data-ends="2027-03-12T10:30:00+01:00"' in shown.text
    assert len(shown.data) < 30_000


def test_neither_the_organizer_s_address_nor_the_link_to_join_is_shown_to_everybody(visitor: Visitor) -> None:
    visitor.hold(conference=Conference(uri="https://meet.example.org/s3cr3t", label="Room"))
    for path in (f"/e/{EVENT_ID}", f"/e/{EVENT_ID}.ics"):
        shown = visitor.get(path)
        assert not re.search(r"ada@example\.org|s3cr3t", shown.text.replace("\r\n ", ""))
    assert "Online Whoever is registered gets the link to join." in words(visitor.get(f"/e/{EVENT_ID}"))


@pytest.mark.parametrize("place", ["https://meet.example.org/x", "Zoom: http://meet.example.org", ""])
def test_what_is_no_place_is_not_looked_up_on_a_map(place: str) -> None:
    assert event_page.map_link(place) == ""


def test_a_cancelled_event_says_so_and_why_and_takes_nobody(visitor: Visitor) -> None:
    visitor.hold(status=EventStatus.CANCELLED, reason="The hall is <flooded>.", capacity=2)
    shown = visitor.get(f"/e/{EVENT_ID}")
    assert shown.status == 200
    assert words(shown).startswith("Kölner Treffen This event is cancelled. The hall is <flooded>.")
    assert "<s>Friday 12 March 2027" in shown.text
    assert "seats" not in words(shown)
    assert "calendar.google.com" not in shown.text
    assert f"/e/{EVENT_ID}/register" not in shown.text


def test_an_event_that_is_over_says_so(visitor: Visitor) -> None:
    visitor.hold()
    visitor.now = MORNING.ends_at
    assert "This event is over." in words(visitor.get(f"/e/{EVENT_ID}"))
    visitor.now = MORNING.ends_at - timedelta(seconds=1)
    assert "This event is over." not in words(visitor.get(f"/e/{EVENT_ID}"))


def test_a_tentative_event_says_that_it_is_not_certain(visitor: Visitor) -> None:
    visitor.hold(status=EventStatus.TENTATIVE)
    assert "It is not certain yet" in words(visitor.get(f"/e/{EVENT_ID}"))


def test_a_page_is_in_the_language_of_whoever_opens_it_else_in_the_event_s(visitor: Visitor) -> None:
    visitor.hold(language="de")
    assert visitor.get(f"/e/{EVENT_ID}").headers["content-language"] == "de"
    shown = visitor.get(f"/e/{EVENT_ID}", accept_language="fr-CH, fr;q=0.9, en;q=0.8")
    assert '<html lang="fr-CH" dir="ltr">' in shown.text
    assert '<h1><bdi lang="de">' in shown.text
    assert '<html lang="ar" dir="rtl">' in visitor.get(f"/e/{EVENT_ID}?lang=ar", accept_language="fr").text


def test_the_dates_of_a_series_are_listed_with_what_became_of_them(visitor: Visitor) -> None:
    changes = (
        DateChange(date=datetime(2027, 3, 19, 9), cancelled=True, reason="Holiday"),
        DateChange(date=datetime(2027, 3, 26, 9), when=timed("2027-03-27T11:00:00")),
        DateChange(date=datetime(2027, 4, 2, 9), title="With guests", location="Garden"),
    )
    visitor.hold(rule=WEEKLY, changes=changes)
    visitor.now = datetime(2027, 3, 13, tzinfo=UTC)
    shown = words(visitor.get(f"/e/{EVENT_ID}"))
    assert "The next date Saturday 27 March 2027, 11:00 to 12:00" in shown
    listed = shown.partition(" Dates ")[2]
    assert "12 March" not in listed
    assert "Friday 19 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00) Cancelled Holiday" in listed
    assert (
        "Saturday 27 March 2027, 11:00 to 12:00 (Europe/Berlin, UTC+01:00) Moved from Fri 26 Mar 2027, 09:00" in listed
    )
    assert "With guests Garden" in listed


def test_of_a_long_series_the_next_dates_are_listed_and_the_rest_counted(visitor: Visitor) -> None:
    visitor.hold(rule=series.rule("FREQ=DAILY;COUNT=300", MORNING))
    shown = visitor.get(f"/e/{EVENT_ID}")
    assert shown.text.count("<li><time ") == event_page.MOST_DATES
    assert "And 240 more" in words(shown)
    assert len(shown.data) < 30_000


# --- seats --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seats", "state"),
    [
        (Seats(), State.UNLIMITED),
        (Seats(capacity=100, taken=89), State.FREE),
        (Seats(capacity=100, taken=90), State.FEW),
        (Seats(capacity=100, taken=99), State.FEW),
        (Seats(capacity=100, taken=100), State.FULL),
        (Seats(capacity=100, taken=120), State.FULL),
        (Seats(capacity=10, taken=7), State.FREE),
        (Seats(capacity=10, taken=8), State.FEW),
        (Seats(capacity=100, taken=90, waiting=1), State.FULL),
        (Seats(capacity=100, taken=90, shards=(SeatShard(number=1, free=5, waits=True),)), State.FULL),
        (Seats(capacity=100, taken=80, shards=(SeatShard(number=1, free=20),)), State.FREE),
    ],
)
def test_seats_are_told_coarsely(seats: Seats, state: State) -> None:
    assert state_of(event(), seats, NOW) is state


def test_one_registration_more_does_not_change_what_is_said(visitor: Visitor) -> None:
    """Else whoever registers an address would see whether it was registered before."""
    visitor.hold(capacity=50)
    before = visitor.get(f"/e/{EVENT_ID}").text
    register(visitor.store, registration(), now=NOW)
    assert visitor.get(f"/e/{EVENT_ID}").text == before
    assert "There are free seats." in before


def test_how_many_wait_is_told_as_about_so_many(visitor: Visitor) -> None:
    visitor.hold(capacity=1)
    assert "A few seats are left." in words(visitor.get(f"/e/{EVENT_ID}"))
    for number in range(4):
        person = registration(registration_id=keys.registration_id(NOW, bytes([number] * 16)), email=f"{number}@x.org")
        register(visitor.store, person, now=NOW)
        said = words(visitor.get(f"/e/{EVENT_ID}"))
        assert "All seats are taken." in said
        assert "Join the waitlist" in said
        assert ("the first to get a seat" in said) is (number == 0)
        assert ("About 5 people are waiting" in said) is (number > 0)


@pytest.mark.parametrize(
    ("number", "told"), [(1, 5), (4, 5), (7, 5), (8, 10), (23, 25), (49, 50), (54, 50), (56, 60), (1234, 1230)]
)
def test_numbers_of_people_are_rounded(number: int, told: int) -> None:
    assert event_page.about(number) == told


def test_what_has_only_cancelled_dates_to_come_is_over_or_cancelled() -> None:
    off = tuple(DateChange(date=start, cancelled=True) for start in series.starts(event(rule=WEEKLY).schedule))
    assert state_of(event(rule=WEEKLY, changes=off), Seats(), NOW) is State.CANCELLED
    assert state_of(event(rule=WEEKLY, changes=off[1:]), Seats(), NOW) is State.UNLIMITED
    assert state_of(event(rule=WEEKLY, changes=off[1:]), Seats(), MORNING.ends_at) is State.OVER


# --- hostile words ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_an_organizer_wrote_becomes_a_part_of_the_page(visitor: Visitor, text: str) -> None:
    visitor.hold(title="plain", location="plain", description="plain", organizer=Person(name="plain", email="a@x.org"))
    plain = visitor.get(f"/e/{EVENT_ID}")
    hostile = "f" * 26
    visitor.hold(
        event_id=hostile, title=text, location=text, description=text, organizer=Person(name=text, email="a@x.org")
    )
    shown = visitor.get(f"/e/{hostile}")
    assert tags(shown) == tags(plain)
    said = structured(shown)
    assert (said["name"], said["location"]["name"], said["organizer"]["name"]) == (text, text, text)


@pytest.mark.parametrize("link", ["javascript:alert(1)", "https://good.example@evil.example/", "data:text/html,x"])
def test_only_links_that_lead_where_they_say_are_links(visitor: Visitor, link: str) -> None:
    visitor.hold(description=f"See {link}")
    assert f'href="{link}' not in visitor.get(f"/e/{EVENT_ID}").text


# --- what programs read -------------------------------------------------------------------------------------------


def test_search_engines_are_told_the_event_as_schema_org_has_it(visitor: Visitor) -> None:
    visitor.hold(location="Altes Pfandhaus", description="All about it.", capacity=20, language="de")
    assert structured(visitor.get(f"/e/{EVENT_ID}")) == {
        "@context": "https://schema.org",
        "@type": "Event",
        "name": "Kölner Treffen",
        "description": "All about it.",
        "startDate": "2027-03-12T09:00:00+01:00",
        "endDate": "2027-03-12T10:30:00+01:00",
        "eventStatus": "https://schema.org/EventScheduled",
        "eventAttendanceMode": "https://schema.org/OfflineEventAttendanceMode",
        "location": {"@type": "Place", "name": "Altes Pfandhaus", "address": "Altes Pfandhaus"},
        "organizer": {"@type": "Person", "name": "Ada"},
        "maximumAttendeeCapacity": 20,
        "inLanguage": "de",
        "url": PAGE,
    }


def test_search_engines_are_told_of_a_cancellation_and_of_each_date_of_a_series(visitor: Visitor) -> None:
    moved = DateChange(date=datetime(2027, 3, 19, 9), when=timed("2027-03-20T11:00:00"))
    off = DateChange(date=datetime(2027, 3, 26, 9), cancelled=True)
    made = visitor.hold(rule=WEEKLY, changes=(moved, off))
    said = structured(visitor.get(f"/e/{EVENT_ID}"))
    assert (said["@type"], said["startDate"], said["endDate"]) == (
        "EventSeries",
        "2027-03-12T09:00:00+01:00",
        "2027-04-16T10:30:00+02:00",
    )
    first, second, third, *_ = said["subEvent"]
    assert first["eventStatus"] == "https://schema.org/EventScheduled"
    assert second["eventStatus"] == "https://schema.org/EventRescheduled"
    assert (second["startDate"], second["previousStartDate"]) == (
        "2027-03-20T11:00:00+01:00",
        "2027-03-19T09:00:00+01:00",
    )
    assert third["eventStatus"] == "https://schema.org/EventCancelled"
    assert {one["url"] for one in said["subEvent"]} == {said["url"]}
    after = replace(made, status=EventStatus.CANCELLED, version=2)
    assert change_event(visitor.store, made, after, priority=0, now=NOW)
    said = structured(visitor.get(f"/e/{EVENT_ID}"))
    assert {one["eventStatus"] for one in (said, *said["subEvent"])} == {"https://schema.org/EventCancelled"}


@pytest.mark.parametrize(
    ("place", "conference", "mode"),
    [
        ("Hall", None, "OfflineEventAttendanceMode"),
        ("Hall", Conference(uri="https://x.org"), "MixedEventAttendanceMode"),
        ("", Conference(uri="https://x.org"), "OnlineEventAttendanceMode"),
        ("", None, ""),
    ],
)
def test_how_one_attends_is_told_where_it_is_known(place: str, conference: Conference | None, mode: str) -> None:
    given = event(location=place, conference=conference)
    said = structured_data.event(given, page=PAGE, account=AccountSettings(name="Group"), image="", now=NOW)
    assert said.get("eventAttendanceMode", "").removeprefix("https://schema.org/") == mode
    assert "x.org" not in json.dumps(said)


def test_the_preview_of_a_link_says_what_and_when(visitor: Visitor) -> None:
    visitor.hold(location="Altes Pfandhaus", description='A "quoted"\n\nword')
    said = dict(re.findall(r'<meta property="([^"]+)" content="([^"]*)">', visitor.get(f"/e/{EVENT_ID}").text))
    assert said["og:title"] == "Kölner Treffen"
    assert unescape(said["og:description"]) == (
        'Friday 12 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00) · Altes Pfandhaus · A "quoted" word'
    )
    assert said["og:url"] == PAGE


# --- links that put it into a calendar ----------------------------------------------------------------------------


def given_links(when: When, **changes: Any) -> dict[str, dict[str, str]]:
    made = calendar_links.links(event(when=when, **changes), PAGE)
    return {name: {key: value[0] for key, value in parse_qs(urlsplit(link).query).items()} for name, link in made}


def test_each_provider_is_given_the_same_instants() -> None:
    found = given_links(MORNING, description="All about it", location="Altes Pfandhaus & Garten")
    about = f"All about it\n\n{PAGE}"
    assert found["Google"] == {
        "action": "TEMPLATE",
        "text": "Kölner Treffen",
        "dates": "20270312T090000/20270312T103000",
        "ctz": "Europe/Berlin",
        "details": about,
        "location": "Altes Pfandhaus & Garten",
    }
    assert found["Outlook.com"] == found["Office 365"]
    assert found["Outlook.com"] == {
        "path": "/calendar/action/compose",
        "rru": "addevent",
        "subject": "Kölner Treffen",
        "body": about,
        "startdt": "2027-03-12T08:00:00Z",
        "enddt": "2027-03-12T09:30:00Z",
        "location": "Altes Pfandhaus & Garten",
    }
    assert (found["Yahoo"]["st"], found["Yahoo"]["et"]) == ("20270312T080000Z", "20270312T093000Z")
    hosts = {name: urlsplit(link).hostname for name, link in calendar_links.links(event(), PAGE)}
    assert hosts == {
        "Google": "calendar.google.com",
        "Outlook.com": "outlook.live.com",
        "Office 365": "outlook.office.com",
        "Yahoo": "calendar.yahoo.com",
    }


def test_whole_days_are_given_to_those_who_take_them_as_they_are_meant() -> None:
    one, several = given_links(whole("2027-03-12")), given_links(whole("2027-03-12", "2027-03-14"))
    assert one.keys() == {"Google", "Yahoo"}
    assert several.keys() == {"Google"}
    assert one["Google"]["dates"] == "20270312/20270313"
    assert several["Google"]["dates"] == "20270312/20270315"
    assert "ctz" not in one["Google"]
    assert (one["Yahoo"]["st"], one["Yahoo"]["dur"]) == ("20270312", "allday")


@pytest.mark.parametrize("zone", ["UTC", "Etc/GMT-1", "CET", "GMT"])
def test_where_google_does_not_know_the_zone_it_is_given_utc(zone: str) -> None:
    found = given_links(timed("2027-03-12T09:00:00", zone))["Google"]
    assert "ctz" not in found
    assert re.fullmatch(r"20270312T\d{6}Z/20270312T\d{6}Z", found["dates"])


def test_a_time_that_occurs_twice_is_given_in_utc() -> None:
    start = datetime(2027, 10, 31, 2, 30)
    found = given_links(When(start=start, end=start.replace(fold=1, minute=45), time_zone="Europe/Berlin"))["Google"]
    assert found["dates"] == "20271031T003000Z/20271031T014500Z"


def test_a_series_has_no_such_links_but_its_calendar(visitor: Visitor) -> None:
    visitor.hold(rule=WEEKLY)
    shown = visitor.get(f"/e/{EVENT_ID}").text
    assert "calendar.google.com" not in shown
    assert f'href="/v1/e/{EVENT_ID}.ics"' in shown
    assert f'href="webcal://{PAGE.removeprefix("https://")}.ics"' in shown


# --- the calendar -------------------------------------------------------------------------------------------------


def test_the_calendar_is_published_and_kept_for_a_minute(visitor: Visitor) -> None:
    visitor.hold(title="Kölner Treffen", location="Altes Pfandhaus", language="de")
    shown = visitor.get(f"/e/{EVENT_ID}.ics")
    assert shown.status == 200
    assert shown.headers["content-type"] == "text/calendar; charset=utf-8; method=PUBLISH"
    assert shown.headers["content-disposition"] == (
        "attachment; filename=\"Klner Treffen.ics\"; filename*=UTF-8''K%C3%B6lner%20Treffen.ics"
    )
    assert shown.headers["cache-control"] == "public, max-age=60"
    assert "x-robots-tag" not in shown.headers
    lines = shown.text.replace("\r\n ", "").split("\r\n")
    assert lines[:9] == [
        "BEGIN:VCALENDAR",
        "PRODID:-//Convoke//Convoke//EN",
        "VERSION:2.0",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "NAME:Kölner Treffen",
        "X-WR-CALNAME:Kölner Treffen",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
    ]
    assert {
        f"UID:{EVENT_ID}.published@convoke.example.com",
        "SEQUENCE:0",
        "SUMMARY;LANGUAGE=de:Kölner Treffen",
        "LOCATION;LANGUAGE=de:Altes Pfandhaus",
        'ORGANIZER;CN="Ada":mailto:events@convoke.example.com',
        f"URL:{PAGE}",
        "STATUS:CONFIRMED",
        "TRANSP:OPAQUE",
        "DTSTART;TZID=Europe/Berlin:20270312T090000",
    } <= set(lines)
    assert not [line for line in lines if line.startswith(("ATTENDEE", "VALARM", "CONFERENCE"))]
    again = visitor.get(f"/e/{EVENT_ID}.ics", if_none_match=shown.headers["etag"])
    assert (again.status, again.data) == (304, b"")


def test_there_is_no_calendar_of_what_is_not_public(visitor: Visitor) -> None:
    unknown = visitor.get("/e/00000000000000000000000000.ics")
    visitor.hold(public=False)
    hidden = visitor.get(f"/e/{EVENT_ID}.ics")
    assert (hidden.status, hidden.data, hidden.headers) == (404, unknown.data, unknown.headers)


def test_no_invitation_has_the_uid_of_the_published_event() -> None:
    assert ids_of(published.uid(EVENT_ID, "convoke.example.com")) is None


def test_a_cancelled_event_stays_in_the_calendar_as_cancelled(visitor: Visitor) -> None:
    visitor.hold(status=EventStatus.CANCELLED, rule=WEEKLY)
    (entry,) = rfc5546.read_all(visitor.get(f"/e/{EVENT_ID}.ics").data)
    assert (entry.status, entry.title) == ("CANCELLED", "Cancelled: Kölner Treffen")
    assert len(entry.starts()) == 6


def test_a_series_without_any_date_left_is_cancelled_in_the_calendar() -> None:
    off = tuple(DateChange(date=start, cancelled=True) for start in series.starts(event(rule=WEEKLY).schedule))
    (entry,) = rfc5546.read_all(calendar_of(event(rule=WEEKLY, changes=off)))
    assert entry.status == "CANCELLED"


def test_a_later_version_of_the_event_is_a_later_revision() -> None:
    later = event(version=5, updated_at=NOW)
    (entry,) = rfc5546.read_all(calendar_of(later))
    assert entry.revision == (4, NOW)
    assert entry.revision > rfc5546.read_all(calendar_of(event()))[0].revision


def calendar_of(given: Event) -> bytes:
    return published.calendar(
        given,
        organizer=Person(name="Ada", email="events@convoke.example.com"),
        domain="convoke.example.com",
        page=PAGE,
        cancelled=f"Cancelled: {given.title}",
    )


def shown_by(calendar: bytes) -> list[tuple[Any, Any, str]]:
    """What a program that follows the standards shows: start and end (instants, or days) and title of each date."""
    recipient = rfc5546.Recipient()
    for one in rfc5546.read_all(calendar):
        recipient.take(one)
    return sorted(
        (shown.start, shown.end, shown.title) for dates in recipient.shows().values() for shown in dates.values()
    )


def meant(given: Event) -> list[tuple[Any, Any, str]]:
    """The same from what is stored."""
    found: list[tuple[Any, Any, str]] = []
    for one in series.occurrences(given):
        if not one.cancelled:
            start: Any = one.when.start if one.when.all_day else one.when.starts_at
            end: Any = one.when.end + timedelta(days=1) if one.when.all_day else one.when.ends_at
            found.append((start, end, one.title))
    return sorted(found)


DATES = [start for start in series.starts(event(rule=WEEKLY).schedule) if isinstance(start, datetime)]


@pytest.mark.parametrize(
    "given",
    [
        event(),
        event(when=whole("2027-03-12", "2027-03-14")),
        event(rule=WEEKLY),
        event(rule=WEEKLY, changes=(DateChange(date=DATES[1], cancelled=True),)),
        event(rule=WEEKLY, changes=(DateChange(date=DATES[1], when=timed("2027-03-20T11:00:00")),)),
        event(rule=WEEKLY, changes=(DateChange(date=DATES[1], when=timed("2027-04-01T11:00:00")),)),
        event(rule=WEEKLY, changes=(DateChange(date=DATES[1], when=timed("2027-03-20T11:00:00", "Asia/Tokyo")),)),
        event(rule=WEEKLY, added=(datetime(2027, 3, 15, 20, 0),)),
        event(
            rule=WEEKLY,
            added=(datetime(2027, 3, 15, 20, 0),),
            changes=(DateChange(date=datetime(2027, 3, 15, 20, 0), cancelled=True),),
        ),
        event(added=(datetime(2027, 3, 15, 20, 0), datetime(2027, 3, 18, 20, 0))),
        event(added=(datetime(2027, 3, 15, 20, 0),), changes=(DateChange(date=MORNING.start, cancelled=True),)),
        event(added=(datetime(2027, 3, 15, 20, 0),), changes=(DateChange(date=MORNING.start, title="First"),)),
    ],
    ids=lambda given: f"{given.rule}, added {len(given.added)}, changed {len(given.changes)}",
)
def test_a_subscriber_sees_the_dates_that_take_place_and_no_others(given: Event) -> None:
    assert shown_by(calendar_of(given)) == meant(given)
    assert len({one.uid for one in rfc5546.read_all(calendar_of(given))}) >= 1


@given(schedules(), st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_subscriber_sees_the_dates_of_any_series(schedule: Schedule, data: st.DataObject) -> None:
    dates = series.starts(schedule)
    off = data.draw(st.lists(st.sampled_from(dates), unique=True, max_size=max(0, len(dates) - 1)))
    changes = tuple(DateChange(date=start, cancelled=True) for start in sorted(off))
    held = event(when=schedule.when, rule=schedule.rule, added=schedule.added, changes=changes)
    assert shown_by(calendar_of(held)) == meant(held)


@given(st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_a_calendar_says_what_was_written_whatever_that_is(text: str) -> None:
    title = content_lines.clean(text)
    read: Any = icalendar.Calendar.from_ical(calendar_of(event(title=title, description=title, location=title)))
    (entry,) = read.walk("VEVENT")
    assert str(entry["SUMMARY"]) == content_lines.one_line(title)


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ('a"; filename="x.exe', "attachment; filename=\"a filenamexexe.ics\"; filename*=UTF-8''a%20filenamexexe.ics"),
        ("会議", "attachment; filename=\"event.ics\"; filename*=UTF-8''%E4%BC%9A%E8%AD%B0.ics"),
        ("../..\r\nX: y", "attachment; filename=\"X y.ics\"; filename*=UTF-8''X%20y.ics"),
        ("", "attachment; filename=\"event.ics\"; filename*=UTF-8''event.ics"),
    ],
)
def test_a_file_is_named_after_the_event_and_cannot_be_named_otherwise(title: str, said: str) -> None:
    assert event_page.disposition(title) == said


def test_days_have_no_time_to_be_shown_elsewhere(visitor: Visitor) -> None:
    visitor.hold(when=When(start=date(2027, 3, 12), end=date(2027, 3, 12)))
    shown = visitor.get(f"/e/{EVENT_ID}")
    assert '<time datetime="2027-03-12">Friday 12 March 2027, all day</time>' in shown.text


def test_without_an_address_of_its_own_the_page_is_at_the_one_that_it_was_asked_at(visitor: Visitor) -> None:
    visitor.store = Store(visitor.client, replace(SETTINGS, public_url=""))
    visitor.hold()
    shown = visitor.get(f"/e/{EVENT_ID}").text
    asked_at = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/v1"
    assert f'<link rel="canonical" href="{asked_at}/e/{EVENT_ID}">' in shown


# --- what the documentation shows ---------------------------------------------------------------------------------

DOCUMENTED = (Path(__file__).parent.parent / "docs" / "pages.md").read_text("utf-8")


def documented(language: str) -> str:
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENTED, re.MULTILINE | re.DOTALL)
    return str(block)


def test_the_json_ld_that_is_documented_is_what_the_page_has(visitor: Visitor) -> None:
    shown = json.loads(documented("json"))
    at = When(start=datetime(2030, 3, 12, 18), end=datetime(2030, 3, 12, 19, 30), time_zone="Europe/Berlin")
    visitor.hold(when=at, location="Dom, Köln", capacity=20, language="de")
    has = structured(visitor.get(f"/e/{EVENT_ID}"))
    assert has.pop("url") == PAGE
    assert shown.pop("url").rpartition("/")[0].endswith("/e")
    assert has == shown


def test_the_fields_that_are_documented_are_all_that_there_are() -> None:
    table = DOCUMENTED.partition("### What search engines read")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\|([^|]*)\|", table, re.MULTILINE))))
    moved = DateChange(date=datetime(2027, 3, 19, 9), when=timed("2027-03-20T11:00:00"))
    made = event(rule=WEEKLY, changes=(moved,), location="Hall", description="All.", capacity=2, language="de")
    said = structured_data.event(made, page=PAGE, account=AccountSettings(), image="https://x.example/a.png", now=NOW)
    assert {name for name in said if not name.startswith("@")} == named | {"name", "url"}
    assert len(said["subEvent"]) <= structured_data.MOST_DATES
    assert f"its next {structured_data.MOST_DATES} dates" in table


def test_the_button_to_copy_leads_to_a_page_can_be_read_and_loads_nothing(visitor: Visitor) -> None:
    visitor.hold()
    button = documented("html")
    parser = Tags()
    parser.feed(button)
    assert parser.found == [("a", "href", "style")]
    (address,) = re.findall(r"https?://[^\"\s]+", button)
    path = "/e/" + address.rpartition("/e/")[2].replace(json.loads(documented("json"))["url"][-26:], EVENT_ID)
    assert visitor.get(path).status == visitor.get(f"{path}/register").status == 200
    assert 'lang="de"' in visitor.get(f"{path}?lang=de", accept_language="fr").text
    behind, text = re.findall(r"color: #(\w{6})|background: #(\w{6})", button)
    assert assets.contrast(text[0], behind[1]) >= assets.READABLE


def test_an_organizer_without_a_name_is_none_to_search_engines() -> None:
    unnamed = event(organizer=Person(name="", email="ada@example.org"))
    for account, said in (
        (AccountSettings(name="Group"), {"@type": "Organization", "name": "Group"}),
        (AccountSettings(), None),
    ):
        found = structured_data.event(unnamed, page=PAGE, account=account, image="", now=NOW)
        assert found.get("organizer") == said
