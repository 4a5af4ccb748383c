"""The console's pages for the dates of an event: the list, the month, and what is done to a date."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest

from convoke.console import date_times, month, splitting
from convoke.languages import texts
from convoke.model import Event, When
from convoke.pages.forms import Form
from convoke.schedule import series
from convoke.store.accounts import Scope
from tests.factories import existing
from tests.secretary import Secretary
from tests.visitor import Shown

FIRST, SECOND, THIRD, FOURTH = ("20270312T090000", "20270319T090000", "20270326T090000", "20270402T090000")
HOSTILE = "<script>alert(1)</script> \"'&"


@pytest.fixture
def choir(secretary: Secretary) -> str:
    """The path of the dates of a weekly series of four dates, at 09:00 in Berlin."""
    return hold(secretary, title="Choir", recurrence="FREQ=WEEKLY;COUNT=4", location="Dom", description="Bring water.")


def hold(secretary: Secretary, **changes: Any) -> str:
    return f"/console{secretary.world.hold(**changes)}/dates"


def stored(secretary: Secretary, path: str) -> Event:
    return existing(secretary.store.reads.event(path.split("/")[3]))


def occurrence(secretary: Secretary, path: str, name: str) -> Any:
    return next(
        one
        for one in series.occurrences(stored(secretary, path))
        if one.date.isoformat().replace("-", "").replace(":", "") == name
    )


def said(shown: Shown) -> str:
    """The words of a page without its tags."""
    _, main, _ = re.split(r"<main[^>]*>|</main>", shown.text)
    return " ".join(re.sub(r"<[^>]*>", " ", main).split())


def errors(shown: Shown) -> dict[str, str]:
    """What is wrong, by the field at which it stands; of the whole form by the empty name."""
    assert shown.status == 422, said(shown)
    at_fields = re.findall(r'<p class="error" id="(\w+)-error"><span[^>]*>Error:</span> (.*?)</p>', shown.text)
    whole = re.findall(r"<li>([^<]+)</li>", shown.text.partition('id="problem"')[2].partition("</div>")[0])
    return {**({"": whole[0]} if whole else {}), **dict(at_fields)}


# --- the list -----------------------------------------------------------------------------------------------------


def test_the_dates_are_listed_with_their_times_and_what_can_be_done(secretary: Secretary, choir: str) -> None:
    shown = secretary.get(choir)
    assert shown.status == 200
    assert "All times are those of Europe/Berlin." in said(shown)
    assert "March 2027 Friday 12 March 2027, 09:00 to 10:30 Change Friday 12 March 2027 Cancel" in said(shown)
    assert "April 2027 Friday 2 April 2027, 09:00 to 10:30" in said(shown)
    for way in ("", "/cancel"):
        assert f'href="/v1{choir}/{FIRST}{way}"' in shown.text
    assert f"{FIRST}/restore" not in shown.text


def test_the_list_says_what_was_moved_from_when_and_cancelled_why(secretary: Secretary, choir: str) -> None:
    event = choir.removeprefix("/console").removesuffix("/dates")
    api = secretary.world
    api.call("PATCH", f"{event}/occurrences/2027-03-19T09:00:00", {"start": "2027-03-20T11:00:00"})
    api.call("PATCH", f"{event}/occurrences/2027-03-12T09:00:00", {"end": "2027-03-12T11:00:00", "title": HOSTILE})
    api.call("POST", f"{event}/occurrences/2027-03-26T09:00:00/cancel", {"reason": f"Storm {HOSTILE}"})
    shown = secretary.get(choir)
    assert "Saturday 20 March 2027, 11:00 to 12:30 Moved Moved from Friday 19 March 2027, 09:00." in said(shown)
    assert "09:00 to 11:00 Moved It ends at another time than the other dates." in said(shown)
    assert "<s>Friday 26 March 2027, 09:00 to 10:30</s>" in shown.text
    assert "Why: Storm &lt;script&gt;" in said(shown)
    assert "<script>alert" not in shown.text
    assert f'href="/v1{choir}/{THIRD}/restore"' in shown.text
    assert f'href="/v1{choir}/{THIRD}/cancel"' not in shown.text


def test_past_dates_are_shown_apart_the_last_of_them_first(secretary: Secretary, choir: str) -> None:
    secretary.world.now = datetime(2027, 3, 20, tzinfo=UTC)
    secretary.sign_in()
    coming, past = secretary.get(choir), secretary.get(f"{choir}?show=past")
    assert "To come (2) Past (2)" in said(coming)
    assert "19 March" not in said(coming)
    assert re.findall(r"Friday \d+ March 2027, 09:00 to 10:30 Over", said(past)) == [
        "Friday 19 March 2027, 09:00 to 10:30 Over",
        "Friday 12 March 2027, 09:00 to 10:30 Over",
    ]
    assert "/cancel" not in past.text


def test_where_nothing_is_to_come_or_over_the_list_says_where_to_go_on(secretary: Secretary, choir: str) -> None:
    assert "No date is over yet." in said(secretary.get(f"{choir}?show=past"))
    secretary.world.now = datetime(2028, 3, 20, tzinfo=UTC)
    secretary.sign_in()
    assert "No date is still to come. Past dates" in said(secretary.get(choir))


def test_a_long_series_has_fifty_dates_on_a_page_and_all_to_print(secretary: Secretary) -> None:
    path = hold(secretary, recurrence="FREQ=DAILY;COUNT=400")
    first, last, every = (secretary.get(f"{path}?page={page}") for page in (1, 8, "all"))
    assert [shown.text.count('<li class="date">') for shown in (first, last, every)] == [50, 50, 400]
    assert "Page 1 of 8 Later in this list All on one page" in said(first)
    assert "Earlier in this list Page 8 of 8 All on one page" in said(last)
    assert "50 dates on a page" in said(every)
    names = re.findall(r'<p class="day"><a class="alone" href="[^"]*/(\w+)"', every.text)
    assert names == sorted(set(names))
    for page in ("0", "-1", "9999999", "x", "", "²"):
        assert secretary.get(f"{path}?page={page}").status == 200


def test_a_local_time_that_does_not_exist_is_listed_as_none(secretary: Secretary) -> None:
    """In Berlin the clocks go from 02:00 to 03:00 on 28 March 2027, and from 03:00 to 02:00 on 31 October."""
    path = hold(
        secretary, start="2027-03-27T02:30:00", end="2027-03-27T02:45:00", recurrence="FREQ=DAILY;UNTIL=20270330"
    )
    shown = secretary.get(path)
    assert "Sunday 28 March 2027" in said(shown)
    assert "Does not take place The clocks go forward past this time" in said(shown)
    assert f"{path}/20270328T023000/cancel" not in shown.text
    one = secretary.get(f"{path}/20270328T023000")
    assert one.status == 200
    assert "<form method" not in one.text.partition("<main")[2]


def test_a_time_that_exists_twice_is_said_to_be_the_first(secretary: Secretary) -> None:
    path = hold(
        secretary, start="2027-10-30T02:30:00", end="2027-10-30T02:45:00", recurrence="FREQ=DAILY;UNTIL=20271102"
    )
    said_twice = "The clocks go back, and show this time twice on this day. The first is meant."
    assert said(secretary.get(path)).count(said_twice) == 1
    assert said_twice in said(secretary.get(f"{path}/20271031T023000"))
    assert said_twice not in said(secretary.get(f"{path}/20271030T023000"))


def test_an_event_of_one_date_leads_to_its_own_form(secretary: Secretary) -> None:
    path = hold(secretary)
    shown = secretary.get(path)
    assert "This event has one date: Friday 12 March 2027, 09:00 to 10:30" in said(shown)
    assert f'href="/v1{path.removesuffix("/dates")}/edit"' in shown.text
    assert "It is the only date of its event" in said(secretary.get(f"{path}/{FIRST}"))


def test_the_dates_of_a_cancelled_event_cannot_be_changed(secretary: Secretary, choir: str) -> None:
    event = choir.removeprefix("/console").removesuffix("/dates")
    form = secretary.get(f"{choir}/{FIRST}/cancel")
    secretary.world.call("POST", f"{event}/cancel", {})
    shown = secretary.get(choir)
    assert "The event is cancelled, with all of its dates." in said(shown)
    assert f"{choir}/add" not in shown.text
    assert f"{choir}/{FIRST}/" not in shown.text
    for way in ("", "/cancel", "/restore", "/split"):
        page = secretary.get(f"{choir}/{SECOND}{way}")
        assert page.status == 200
        assert "<form method" not in page.text.partition("<main")[2]
    assert errors(secretary.sends(form, f"{choir}/{FIRST}/cancel"))[""]


@pytest.mark.parametrize("name", ["20270313T090000", "20270312", "20271399", "20271332T250000"])
def test_a_date_that_there_is_not_leads_back_to_the_list(secretary: Secretary, choir: str, name: str) -> None:
    for way in ("", "/cancel", "/restore", "/split"):
        shown = secretary.get(f"{choir}/{name}{way}")
        assert shown.status == 404
        assert f'href="/v1{choir}"' in shown.text


def test_another_account_s_dates_are_not_there(secretary: Secretary, choir: str) -> None:
    secretary.sign_in(account="other")
    for path in (choir, f"{choir}/add", f"{choir}/{FIRST}", f"{choir}/{FIRST}/cancel", f"{choir}/{FIRST}/split"):
        assert secretary.get(path).status == 404
    secretary.sign_in(organizer="eve@example.org")
    assert secretary.get(choir).status == 404
    secretary.sign_in(organizer="ADA@example.org")
    assert secretary.get(choir).status == 200


def test_the_event_s_page_has_its_next_dates(secretary: Secretary, choir: str) -> None:
    event = choir.removeprefix("/console").removesuffix("/dates")
    secretary.world.call("POST", f"{event}/occurrences/2027-03-26T09:00:00/cancel", {})
    secretary.world.now = datetime(2027, 3, 15, tzinfo=UTC)
    secretary.sign_in()
    section = (
        secretary.get(f"/console{event}").text.partition('aria-labelledby="next-dates"')[2].partition("</section>")[0]
    )
    assert re.findall(rf'href="/v1{choir}/(\w+)"', section) == [SECOND, THIRD, FOURTH, "add"]
    assert "<s>Friday 26 March 2027, 09:00 to 10:30</s>" in section
    assert f'href="/v1{choir}"' in section


def test_the_page_of_a_long_series_has_the_next_five_dates(secretary: Secretary) -> None:
    path = hold(secretary, recurrence="FREQ=DAILY;COUNT=400")
    shown = secretary.get(path.removesuffix("/dates")).text
    assert len(re.findall(rf'href="/v1{path}/\d\w+"', shown)) == 5


def test_the_page_of_an_event_of_one_date_offers_to_add_one(secretary: Secretary) -> None:
    path = hold(secretary)
    shown = secretary.get(path.removesuffix("/dates"))
    assert "This event has one date. A further date makes it a series." in said(shown)
    assert f'href="/v1{path}/add"' in shown.text
    secretary.submits(f"{path}/add", start="2027-03-20", start_time="18:00", end="19:00")
    assert f'href="/v1{path}/20270320T180000"' in secretary.get(path.removesuffix("/dates")).text


def test_whoever_may_only_look_is_told_so(secretary: Secretary, choir: str) -> None:
    secretary.sign_in(scopes=(Scope.READ,))
    shown = secretary.get(choir)
    assert "Friday 12 March 2027, 09:00 to 10:30" in said(shown)
    assert "your key lacks the scope “manage”" in said(shown)
    assert "/cancel" not in shown.text
    for way in (f"/{SECOND}", f"/{SECOND}/cancel", f"/{SECOND}/split", "/add"):
        assert "<form method" not in secretary.get(choir + way).text.partition("<main")[2]


# --- by month -----------------------------------------------------------------------------------------------------


def test_a_month_is_a_table_of_its_days_with_links_to_the_dates(secretary: Secretary, choir: str) -> None:
    shown = secretary.get(f"{choir}?view=month")
    assert "<caption>March 2027</caption>" in shown.text
    assert re.findall(r"<th [^>]*>(\w+)</th>", shown.text)[0] == "Monday"
    assert shown.text.count('<tr role="row"') == 1 + 5
    assert shown.text.count("<time datetime=") == 31
    links = re.findall(rf'href="/v1{choir}/(\w+)"', shown.text.partition("<table")[2])
    assert links == [FIRST, SECOND, THIRD]
    assert f'href="/v1{choir}?view=month&amp;month=2027-02"' in shown.text
    assert f'href="/v1{choir}?view=month&amp;month=2027-04"' in shown.text


def test_a_month_marks_today_by_the_clock_of_the_event(secretary: Secretary) -> None:
    secretary.world.now = datetime(2027, 3, 11, 20, tzinfo=UTC)
    secretary.sign_in()
    path = hold(secretary, time_zone="Asia/Tokyo", recurrence="FREQ=WEEKLY;COUNT=4")
    shown = secretary.get(f"{path}?view=month")
    assert '<time datetime="2027-03-12" aria-current="date">' in shown.text
    assert shown.text.count('aria-current="date"') == 1


def test_a_month_without_dates_leads_to_the_next_one(secretary: Secretary, choir: str) -> None:
    shown = secretary.get(f"{choir}?view=month&month=2029-12")
    assert "Nothing takes place in this month. The next date is on Friday 12 March 2027." in said(shown)
    assert f'href="/v1{choir}?view=month&amp;month=2030-01"' in shown.text


@pytest.mark.parametrize("text", ["2027-13", "2027-00", "1969-12", "2200-01", "x", "2027-3", "٢٠٢٧-٠٣", ""])
def test_what_is_no_month_is_that_of_the_next_date(secretary: Secretary, choir: str, text: str) -> None:
    assert month.read(text) is None
    assert "<caption>March 2027</caption>" in secretary.get(f"{choir}?view=month&month={text}").text


def test_the_first_and_the_last_month_lead_no_further(secretary: Secretary, choir: str) -> None:
    assert 'rel="prev"' not in secretary.get(f"{choir}?view=month&month=1970-01").text
    assert 'rel="next"' not in secretary.get(f"{choir}?view=month&month=2199-12").text


@pytest.mark.parametrize(
    ("this", "before", "after"),
    [("2027-03", "2027-02", "2027-04"), ("2027-01", "2026-12", "2027-02"), ("2027-12", "2027-11", "2028-01")],
)
def test_months_follow_one_another_across_years(this: str, before: str, after: str) -> None:
    found = existing(month.read(this))
    assert found.previous == month.read(before)
    assert found.next == month.read(after)


@pytest.mark.parametrize(
    ("name", "first_weekday", "weeks", "gaps"),
    [
        ("2027-02", 0, 4, (0, 0)),  # from Monday the 1st to Sunday the 28th
        ("2027-02", 6, 5, (1, 6)),
        ("2027-03", 0, 5, (0, 4)),
        ("2027-08", 0, 6, (6, 5)),
        ("2028-02", 5, 5, (3, 3)),  # 29 days, weeks from Saturday
        ("2027-03", 6, 5, (1, 3)),
    ],
)
def test_weeks_begin_on_the_given_day_and_have_every_day_once(
    name: str, first_weekday: int, weeks: int, gaps: tuple[int, int]
) -> None:
    found = existing(month.read(name))
    shown = found.weeks(first_weekday)
    days = [day for week in shown for day in week]
    assert len(shown) == weeks
    assert all(len(week) == 7 for week in shown)
    assert days[gaps[0]] == found.first
    before, after = gaps
    assert days[:before] == [None] * before
    assert days[len(days) - after :] == [None] * after
    assert [day.day for day in days if day] == list(range(1, len(days) - before - after + 1))


@pytest.mark.parametrize(
    ("language", "first"),
    [
        ("en", "Monday"),
        ("en-US", "Sunday"),
        ("en-GB", "Monday"),
        ("de", "Montag"),
        ("de-XX", "Montag"),
        ("ar", "السبت"),
        ("ja", "日曜日"),
        ("pt", "domingo"),
    ],
)
def test_a_week_begins_as_the_language_has_it(language: str, first: str) -> None:
    weekdays = texts(language).weekdays
    assert weekdays[0][1] == first
    assert sorted(number for number, _ in weekdays) == list(range(7))


def timed(start: str, end: str) -> When:
    return When(start=datetime.fromisoformat(start), end=datetime.fromisoformat(end), time_zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("when", "days"),
    [
        (timed("2027-03-12T09:00", "2027-03-12T10:30"), [12]),
        (timed("2027-03-12T22:00", "2027-03-13T01:00"), [12, 13]),
        (timed("2027-03-12T22:00", "2027-03-13T00:00"), [12]),
        (timed("2027-03-27T23:00", "2027-03-28T04:00"), [27, 28]),  # the clocks go forward
        (timed("2027-02-28T22:00", "2027-03-01T01:00"), [1]),
        (timed("2027-03-31T22:00", "2027-04-02T01:00"), [31]),
        (timed("2027-04-01T00:00", "2027-04-01T01:00"), []),
        (When(start=date(2027, 3, 30), end=date(2029, 1, 1)), [30, 31]),
        (When(start=date(2020, 1, 1), end=date(2199, 1, 1)), list(range(1, 32))),
    ],
)
def test_a_date_is_on_every_day_of_the_month_that_it_touches(when: When, days: list[int]) -> None:
    march = month.Month(year=2027, number=3)
    assert [day.day for day in march.days_of(when)] == days


def test_a_date_that_ends_earlier_on_the_clock_since_it_goes_back_is_on_its_day() -> None:
    when = When(
        start=datetime(2027, 10, 31, 2, 30), end=datetime(2027, 10, 31, 2, 10, fold=1), time_zone="Europe/Berlin"
    )
    assert month.Month(year=2027, number=10).days_of(when) == (date(2027, 10, 31),)


# --- one date is changed ------------------------------------------------------------------------------------------


def test_a_date_is_moved_and_gets_another_place(secretary: Secretary, choir: str) -> None:
    form = secretary.get(f"{choir}/{SECOND}")
    sent = secretary.sends(
        form, f"{choir}/{SECOND}", start="2027-03-20", start_time="11:00", end="12:00", location="Hall"
    )
    assert sent.location.startswith(f"{choir}/{SECOND}?")
    one = occurrence(secretary, choir, SECOND)
    assert (one.when.start, one.when.end) == (datetime(2027, 3, 20, 11), datetime(2027, 3, 20, 12))
    assert (one.title, one.location, one.description) == ("Choir", "Hall", "Bring water.")
    shown = secretary.follow(sent)
    assert "Moved from Friday 19 March 2027, 09:00. Place: Hall" in said(shown)
    assert "The other dates have: Dom" in said(shown)


def test_what_the_api_says_is_wrong_is_said_as_a_sentence(secretary: Secretary, choir: str) -> None:
    path = f"{choir}/{SECOND}"
    shown = secretary.submits(path, end_day="2027-03-18")
    assert errors(shown) == {"end": "End: must be after start."}


def test_what_is_sent_as_it_was_shown_changes_nothing(secretary: Secretary, choir: str) -> None:
    before = stored(secretary, choir)
    sent = secretary.submits(f"{choir}/{SECOND}")
    assert sent.status == 303
    assert stored(secretary, choir).changes == before.changes


def test_a_place_that_is_emptied_is_none(secretary: Secretary, choir: str) -> None:
    secretary.submits(f"{choir}/{SECOND}", location="", description="")
    one = occurrence(secretary, choir, SECOND)
    assert (one.location, one.description) == ("", "")
    assert "Place: none" in said(secretary.get(choir))


def test_a_date_until_after_midnight_ends_on_the_next_day(secretary: Secretary, choir: str) -> None:
    form = secretary.get(f"{choir}/{SECOND}")
    secretary.sends(form, f"{choir}/{SECOND}", start_time="22:00", end="01:00")
    assert occurrence(secretary, choir, SECOND).when.end == datetime(2027, 3, 20, 1)
    form = secretary.get(f"{choir}/{SECOND}")
    assert 'name="end_day" type="date" value=""' in form.text
    secretary.sends(form, f"{choir}/{SECOND}", end_day="2027-03-22")
    assert occurrence(secretary, choir, SECOND).when.end == datetime(2027, 3, 22, 1)
    assert 'name="end_day" type="date" value="2027-03-22"' in secretary.get(f"{choir}/{SECOND}").text


WRONG: list[tuple[dict[str, str], str]] = [
    ({"start": ""}, "start"),
    ({"start_time": ""}, "start_time"),
    ({"end": ""}, "end"),
    ({"start": "soon"}, "start"),
    ({"start": "2027-03-28", "start_time": "02:30", "end": "04:00"}, "start"),
    ({"start": "0001-01-01"}, "start"),
    ({"start": "9999-12-31", "end": "01:00"}, "start"),
    ({"start": "2020-03-19"}, "end"),
    ({"end_day": "2027-03-18"}, "end"),
    ({"title": ""}, "title"),
    ({"title": "x" * 256}, "title"),
    ({"location": "a\u202eb"}, "location"),
    ({"description": "x" * 8001}, "description"),
]


@pytest.mark.parametrize(("typed", "field"), WRONG, ids=[str(typed)[:40] for typed, _ in WRONG])
def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(
    secretary: Secretary, choir: str, typed: dict[str, str], field: str
) -> None:
    before = stored(secretary, choir)
    path = f"{choir}/{SECOND}"
    shown = secretary.submits(path, **{"reason": HOSTILE, "description": HOSTILE, **typed})
    assert list(errors(shown)) == [field]
    assert stored(secretary, choir) == before
    again = secretary.sends(shown, path)
    assert list(errors(again)) == [field], "the form has what was typed"
    if "description" not in typed:
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in again.text
    assert "<script>alert" not in again.text


def test_whoever_changes_what_somebody_else_changed_meanwhile_is_told_so(secretary: Secretary, choir: str) -> None:
    path = f"{choir}/{SECOND}"
    form = secretary.get(path)
    secretary.submits(path, location="Hall")
    refused = secretary.sends(form, path, title="Quire")
    assert errors(refused)[""].startswith("This was changed meanwhile")
    assert "Somebody else changed" not in said(refused), "it is said once"
    wrong = secretary.sends(form, path, title="Quire", start="")
    assert errors(wrong).keys() == {"start"}
    assert "Somebody else changed the event after this form was opened." in said(wrong)
    assert occurrence(secretary, choir, SECOND).title == "Choir"
    assert secretary.sends(refused, path).status == 303
    assert occurrence(secretary, choir, SECOND).title == "Quire"


def test_a_form_of_another_session_changes_nothing(secretary: Secretary, choir: str) -> None:
    before = stored(secretary, choir)
    for way in ("", "/cancel", "/split"):
        form = secretary.get(f"{choir}/{SECOND}{way}")
        secretary.sign_in()
        shown = secretary.sends(form, f"{choir}/{SECOND}{way}", title="Kept")
        assert errors(shown)[""] == "This page was open for too long. Please send it once more."
    assert stored(secretary, choir) == before


def test_a_date_that_is_over_is_shown_and_not_changed(secretary: Secretary, choir: str) -> None:
    form = secretary.get(f"{choir}/{FIRST}")
    secretary.world.now = datetime(2027, 3, 15, tzinfo=UTC)
    secretary.sign_in()
    shown = secretary.get(f"{choir}/{FIRST}")
    assert "This date is over, so it cannot be changed any more." in said(shown)
    assert "<form method" not in shown.text.partition("<main")[2]
    secretary.world.now = datetime(2027, 3, 12, 7, tzinfo=UTC)
    secretary.sign_in()
    form = secretary.get(f"{choir}/{FIRST}")
    secretary.world.now = datetime(2027, 3, 12, 9, 31, tzinfo=UTC)
    assert errors(secretary.sends(form, f"{choir}/{FIRST}", title="Late"))[""]


def test_a_day_of_a_series_of_whole_days_is_changed_by_its_days(secretary: Secretary) -> None:
    path = hold(secretary, start="2027-03-12", end="2027-03-12", recurrence="FREQ=WEEKLY;COUNT=4")
    assert "Friday 19 March 2027, all day" in said(secretary.get(path))
    assert "All day" in said(secretary.get(f"{path}?view=month"))
    form = secretary.get(f"{path}/20270319")
    assert 'type="time"' not in form.text
    secretary.sends(form, f"{path}/20270319", start="2027-03-20", end="2027-03-21")
    one = occurrence(secretary, path, "20270319")
    assert (one.when.start, one.when.end) == (date(2027, 3, 20), date(2027, 3, 21))
    assert "Saturday 20 March 2027 to Sunday 21 March 2027, all day" in said(secretary.get(path))
    form = secretary.get(f"{path}/20270319")
    assert errors(secretary.sends(form, f"{path}/20270319", end="2027-03-18")).keys() == {"end"}


# --- cancel, restore, add -----------------------------------------------------------------------------------------


def test_a_date_is_cancelled_with_a_reason_and_restored(secretary: Secretary, choir: str) -> None:
    asked = secretary.get(f"{choir}/{SECOND}/cancel")
    assert "This date alone is cancelled. The other 3 dates take place as they are." in said(asked)
    shown = secretary.follow(secretary.sends(asked, f"{choir}/{SECOND}/cancel", reason=HOSTILE))
    one = occurrence(secretary, choir, SECOND)
    assert one.cancelled
    assert one.reason == HOSTILE
    assert "Cancelled Why: &lt;script&gt;" in said(shown)
    assert "<form method" not in shown.text.partition("<main")[2]
    asked = secretary.get(f"{choir}/{SECOND}/restore")
    assert "It takes place after all" in said(asked)
    secretary.sends(asked, f"{choir}/{SECOND}/restore")
    assert not occurrence(secretary, choir, SECOND).cancelled


def test_a_reason_that_cannot_be_mailed_stands_at_its_field(secretary: Secretary, choir: str) -> None:
    path = f"{choir}/{SECOND}/cancel"
    shown = secretary.submits(path, reason="x" * 1001)
    assert errors(shown).keys() == {"reason"}
    assert "x" * 1001 in shown.text
    assert not occurrence(secretary, choir, SECOND).cancelled


def test_with_the_last_date_the_event_is_cancelled_which_is_said_before(secretary: Secretary, choir: str) -> None:
    for name in (FIRST, SECOND, THIRD):
        secretary.submits(f"{choir}/{name}/cancel")
    asked = secretary.get(f"{choir}/{FOURTH}/cancel")
    assert "with this one the whole event is cancelled" in said(asked)
    secretary.sends(asked, f"{choir}/{FOURTH}/cancel")
    assert stored(secretary, choir).status == "cancelled"


def test_what_cannot_be_cancelled_or_restored_is_not_offered(secretary: Secretary, choir: str) -> None:
    assert "This date cannot be restored." in said(secretary.get(f"{choir}/{SECOND}/restore"))
    secretary.submits(f"{choir}/{SECOND}/cancel")
    assert "This date cannot be cancelled." in said(secretary.get(f"{choir}/{SECOND}/cancel"))


def test_a_date_is_added_as_long_as_the_others_unless_it_is_said(secretary: Secretary, choir: str) -> None:
    form = secretary.get(f"{choir}/add")
    assert 'name="start" type="date" value=""' in form.text
    assert 'name="end" type="time" value="10:30"' in form.text
    sent = secretary.sends(form, f"{choir}/add", start="2027-03-30")
    assert sent.location.startswith(f"{choir}?")
    assert occurrence(secretary, choir, "20270330T090000").when.end == datetime(2027, 3, 30, 10, 30)
    assert "Tuesday 30 March 2027, 09:00 to 10:30" in said(secretary.follow(sent))


def test_a_date_that_is_added_to_an_event_of_one_makes_it_a_series(secretary: Secretary) -> None:
    path = hold(secretary)
    secretary.submits(f"{path}/add", start="2027-03-20", start_time="18:00", end="19:00")
    assert [one.date for one in series.occurrences(stored(secretary, path))] == [
        datetime(2027, 3, 12, 9),
        datetime(2027, 3, 20, 18),
    ]
    assert "To come (2)" in said(secretary.get(path))


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({}, "start"),
        ({"start": "2027-03-12"}, "start"),
        ({"start": "2027-03-11"}, "start"),
        ({"start": "2031-03-11"}, "start"),
        ({"start": "2027-03-30", "end": ""}, "end"),
        ({"start": "2027-03-30", "end_day": "2027-03-29"}, "end"),
    ],
)
def test_what_cannot_be_added_is_said_at_its_field(
    secretary: Secretary, choir: str, typed: dict[str, str], field: str
) -> None:
    before = stored(secretary, choir)
    shown = secretary.submits(f"{choir}/add", **typed)
    assert list(errors(shown)) == [field]
    assert stored(secretary, choir) == before


# --- this and all that follow -------------------------------------------------------------------------------------


def split(secretary: Secretary, choir: str, **typed: str) -> Event:
    """The new event."""
    path = f"{choir}/{THIRD}/split"
    sent = secretary.submits(path, **typed)
    assert sent.status == 303, errors(sent)
    made, _, query = sent.location.partition("?")
    assert query.startswith("done=split")
    return existing(secretary.store.reads.event(made.removeprefix("/console/events/")))


def starts(event: Event) -> list[Any]:
    return [one.when.start for one in series.occurrences(event)]


def test_a_date_and_all_that_follow_become_an_event_of_their_own(secretary: Secretary, choir: str) -> None:
    asked = secretary.get(f"{choir}/{THIRD}/split")
    assert "This date and those that follow, 2 in all, become an event of their own." in said(asked)
    made = split(secretary, choir, start_time="11:00", end="12:00", title=f"Quire {HOSTILE}", location="")
    assert starts(made) == [datetime(2027, 3, 26, 11), datetime(2027, 4, 2, 11)]
    assert (made.title, made.location, made.description) == (f"Quire {HOSTILE}", "", "Bring water.")
    assert starts(stored(secretary, choir)) == [datetime(2027, 3, 12, 9), datetime(2027, 3, 19, 9)]


@pytest.mark.parametrize(
    ("pattern", "until", "expected"),
    [
        ("", "2027-04-16", ["03-26", "04-02", "04-09", "04-16"]),
        ("weekly", "2027-04-09", ["03-26", "04-02", "04-09"]),
        ("fortnightly", "2027-04-30", ["03-26", "04-09", "04-23"]),
        ("daily", "2027-03-28", ["03-26", "03-27", "03-28"]),
        ("monthly-day", "2027-06-30", ["03-26", "04-26", "05-26", "06-26"]),
        ("monthly-weekday", "2027-06-30", ["03-26", "04-23", "05-28", "06-25"]),
    ],
)
def test_the_rest_of_a_series_repeats_otherwise(
    secretary: Secretary, choir: str, pattern: str, until: str, expected: list[str]
) -> None:
    made = split(secretary, choir, recurrence=pattern, until=until)
    assert [f"{start:%m-%d}" for start in starts(made)] == expected


def test_the_fifth_weekday_of_a_month_is_its_last() -> None:
    assert splitting.rule_of("monthly-weekday", date(2027, 3, 31)) == "FREQ=MONTHLY;BYDAY=-1WE"
    assert splitting.rule_of("monthly-weekday", date(2027, 3, 12)) == "FREQ=MONTHLY;BYDAY=2FR"


def test_the_rest_of_a_series_of_whole_days_repeats_otherwise(secretary: Secretary) -> None:
    path = hold(secretary, start="2027-03-12", end="2027-03-12", recurrence="FREQ=WEEKLY;COUNT=4")
    where = f"{path}/20270319/split"
    sent = secretary.submits(where, start="2027-03-20", end="2027-03-20", recurrence="daily")
    made = existing(secretary.store.reads.event(sent.location.partition("?")[0].removeprefix("/console/events/")))
    assert starts(made) == [date(2027, 3, 20 + day) if day < 12 else date(2027, 4, day - 11) for day in range(14)]


def test_a_moved_date_splits_at_the_time_of_its_series(secretary: Secretary, choir: str) -> None:
    path = f"{choir}/{THIRD}"
    secretary.submits(path, start="2027-03-27", location="Hall")
    asked = secretary.get(f"{path}/split")
    assert 'name="start" type="date" value="2027-03-26"' in asked.text
    made = split(secretary, choir, title="Quire")
    assert starts(made) == [datetime(2027, 3, 27, 9), datetime(2027, 4, 2, 9)], "it is moved still"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({}, ""),
        ({"start": ""}, "start"),
        ({"recurrence": "weekly", "until": ""}, "until"),
        ({"recurrence": "weekly", "until": "in June"}, "until"),
        ({"until": "2031-06-30"}, "recurrence"),
        ({"title": "x" * 256}, "title"),
        ({"title": ""}, "title"),
        ({"end_day": "2027-03-25"}, "end"),
    ],
)
def test_what_cannot_be_split_is_said_at_its_field(
    secretary: Secretary, choir: str, typed: dict[str, str], field: str
) -> None:
    before = stored(secretary, choir)
    path = f"{choir}/{THIRD}/split"
    shown = secretary.submits(path, **typed)
    assert list(errors(shown)) == [field]
    assert list(errors(secretary.sends(shown, path))) == [field], "the form has what was typed"
    assert stored(secretary, choir) == before


def test_a_way_to_repeat_that_is_not_offered_is_refused(secretary: Secretary, choir: str) -> None:
    path = f"{choir}/{THIRD}/split"
    shown = secretary.submits(path, recurrence=HOSTILE, until="2027-06-30")
    assert errors(shown).keys() == {"recurrence"}


def test_the_first_date_and_all_that_follow_are_the_event_itself(secretary: Secretary, choir: str) -> None:
    shown = secretary.get(f"{choir}/{FIRST}/split")
    assert "This is the first date, so you mean all of them" in said(shown)
    assert f'href="/v1{choir.removesuffix("/dates")}/edit"' in shown.text
    assert "<form method" not in shown.text.partition("<main")[2]


def test_dates_without_a_rule_get_one_only_if_it_is_said(secretary: Secretary) -> None:
    path = hold(secretary)
    secretary.submits(f"{path}/add", start="2027-03-14", start_time="18:00", end="19:00")
    where = f"{path}/20270314T180000/split"
    shown = secretary.submits(where, until="2027-06-30")
    assert errors(shown).keys() == {"recurrence"}


# --- the fields for times -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "when",
    [
        timed("2027-03-12T09:00", "2027-03-12T10:30"),
        timed("2027-03-12T09:00:30", "2027-03-12T10:30:15"),
        timed("2027-03-12T22:00", "2027-03-13T01:00"),
        timed("2027-03-12T22:00", "2027-03-15T23:00"),
        timed("2027-12-31T22:00", "2028-01-01T22:00"),
        When(start=date(2027, 3, 12), end=date(2027, 3, 14)),
    ],
)
def test_a_time_that_is_shown_is_read_as_it_was(when: When) -> None:
    form = Form(fields={name: (value,) for name, value in date_times.fields_of(when).items()})
    start, end, missing = date_times.read(form, texts("en"), all_day=when.all_day)
    assert missing == ()
    assert not date_times.differs(start, when.start)
    assert not date_times.differs(end, when.end)


# --- with people who are registered -------------------------------------------------------------------------------


@pytest.fixture
def told(secretary: Secretary, choir: str) -> str:
    """The path of the dates of a series of which Bo was told."""
    event = choir.removeprefix("/console").removesuffix("/dates")
    secretary.world.invite(event)
    return choir


def in_order(secretary: Secretary, path: str, **typed: str) -> tuple[Shown, Shown]:
    """The preview of what the form of ``path`` does, and where it leads once it is sent."""
    foreseen = secretary.submits(path, **typed)
    assert foreseen.status == 200, errors(foreseen)
    return foreseen, secretary.sends(foreseen, path, step="send")


def test_before_somebody_is_mailed_of_a_date_the_mail_is_shown(secretary: Secretary, told: str) -> None:
    path = f"{told}/{SECOND}"
    before = stored(secretary, told)
    foreseen = secretary.submits(path, start="2027-03-20", description=HOSTILE)
    assert '<h1 dir="auto">Move Friday 19 March 2027</h1>' in foreseen.text
    assert "bo@example.net" in said(foreseen)
    assert "<script>alert" not in foreseen.text
    assert stored(secretary, told) == before, "nothing is changed yet"
    back = secretary.sends(foreseen, path, step="edit")
    assert 'name="start" type="date" value="2027-03-20"' in back.text
    assert "&lt;script&gt;" in back.text
    sent = secretary.sends(secretary.sends(back, path), path, step="send")
    assert sent.location == f"{path}?done=telling"
    assert occurrence(secretary, told, SECOND).when.start == datetime(2027, 3, 20, 9)


def test_a_cancelled_date_s_reason_is_in_the_mail_that_is_shown(secretary: Secretary, told: str) -> None:
    foreseen, sent = in_order(secretary, f"{told}/{SECOND}/cancel", reason="The hall is flooded")
    assert "The hall is flooded" in said(foreseen)
    assert "Cancel this date, and send" in said(foreseen)
    assert sent.location == f"{told}/{SECOND}?done=telling"
    assert occurrence(secretary, told, SECOND).reason == "The hall is flooded"


def test_one_who_was_told_that_a_date_is_cancelled_is_told_that_it_is_restored(secretary: Secretary, told: str) -> None:
    event = told.removeprefix("/console").removesuffix("/dates")
    secretary.world.call("POST", f"{event}/occurrences/2027-03-19T09:00:00/cancel", {"reason": "Storm"})
    secretary.submits(f"{told}/{SECOND}/restore", step="send")
    assert not occurrence(secretary, told, SECOND).cancelled


def test_an_added_date_is_told(secretary: Secretary, told: str) -> None:
    foreseen, sent = in_order(secretary, f"{told}/add", start="2027-03-30")
    assert "Tuesday 30 March 2027" in said(foreseen)
    assert sent.location == f"{told}?done=telling"
    assert occurrence(secretary, told, "20270330T090000")


def test_the_rest_of_a_series_is_told_and_the_new_event_says_what_became_of_it(secretary: Secretary, told: str) -> None:
    foreseen, sent = in_order(secretary, f"{told}/{THIRD}/split", title="Quire", start_time="11:00", end="12:00")
    assert "Quire" in said(foreseen)
    made = sent.location.partition("?")[0].removeprefix("/console/events/")
    assert sent.location == f"/console/events/{made}?done=split&done=telling"
    assert existing(secretary.store.reads.event(made)).title == "Quire"
    shown = secretary.follow(sent)
    assert "Whoever is registered for them is registered here as well, within about a minute." in said(shown)
    assert len(starts(stored(secretary, told))) == 2


def test_a_form_that_is_sent_twice_adds_one_date(secretary: Secretary, told: str) -> None:
    path = f"{told}/add"
    foreseen = secretary.submits(path, start="2027-03-30")
    for _ in range(2):
        assert secretary.sends(foreseen, path, step="send").status == 303
    assert len(starts(stored(secretary, told))) == 5


def test_sending_a_change_of_a_date_twice_says_both_times_that_it_was_done(secretary: Secretary, told: str) -> None:
    path = f"{told}/{SECOND}"
    preview = secretary.submits(path, start_time="11:00", end="12:30")
    assert preview.status == 200
    for _ in range(2):
        assert secretary.sends(preview, path, step="send").location == f"{path}?done=telling"
    assert stored(secretary, told).version == 2
