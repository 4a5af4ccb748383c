"""The dates of a series, their names, and what becomes of these when the series changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convoke.model import DateChange, Event, InvalidField, LocalTime, Schedule, When
from convoke.schedule import calendar_entries, series, series_changes
from convoke.schedule.recurrence import MAX_DATES, MAX_SPAN
from tests.factories import event
from tests.schedules import HOUR, schedule, schedules, timed, whole


def shown(local_times: Any) -> list[str]:
    """``03-12 09:00``, or ``03-12``."""
    return [
        f"{local_time:%m-%d %H:%M}" if isinstance(local_time, datetime) else f"{local_time:%m-%d}"
        for local_time in local_times
    ]


def instants(dates: Schedule) -> list[str]:
    return [f"{series.when_at(dates, start).starts_at:%m-%d %H:%M}" for start in series.starts(dates)]


def local_time(text: str) -> LocalTime:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


WEEKLY = schedule(timed("2027-03-12T09:00"), "FREQ=WEEKLY;COUNT=4")

# --- which dates there are ------------------------------------------------------------------------------------------


def test_a_single_event_has_one_date() -> None:
    assert series.starts(schedule(timed("2027-03-12T09:00"))) == (datetime(2027, 3, 12, 9),)


def test_added_dates_are_in_their_places_and_none_is_there_twice() -> None:
    dates = schedule(timed("2027-03-12T09:00"), "FREQ=WEEKLY;COUNT=3", "2027-03-20T14:00", "2027-03-26T09:00")
    assert shown(series.starts(dates)) == ["03-12 09:00", "03-19 09:00", "03-20 14:00", "03-26 09:00"]


def test_nine_stays_nine_when_the_clock_is_set() -> None:
    spring = schedule(timed("2027-03-26T09:00"), "FREQ=DAILY;COUNT=4")
    autumn = schedule(timed("2027-10-29T09:00"), "FREQ=DAILY;COUNT=4")
    assert instants(spring) == ["03-26 08:00", "03-27 08:00", "03-28 07:00", "03-29 07:00"]
    assert instants(autumn) == ["10-29 07:00", "10-30 07:00", "10-31 08:00", "11-01 08:00"]


def test_nine_stays_nine_where_summer_time_pauses_for_ramadan() -> None:
    dates = schedule(timed("2025-02-16T09:00", "Africa/Casablanca"), "FREQ=WEEKLY;COUNT=9")
    assert set(shown(series.starts(dates))) == {
        f"{day} 09:00" for day in ("02-16", "02-23", "03-02", "03-09", "03-16", "03-23", "03-30", "04-06", "04-13")
    }
    # From 23 February to 6 April the clock in Casablanca shows UTC, else an hour more.
    assert [text[-5:] for text in instants(dates)] == ["08:00", *["09:00"] * 6, "08:00", "08:00"]


def test_nine_stays_nine_where_a_country_moves_to_another_zone() -> None:
    # Nuuk did not set its clocks back in autumn 2023: what had been its summer time became its standard time.
    dates = schedule(timed("2023-01-15T09:00", "America/Nuuk"), "FREQ=MONTHLY;COUNT=24")
    assert [text[-5:] for text in instants(dates)] == [
        *["12:00"] * 3,  # until March 2023: UTC-3
        *["11:00"] * 12,  # until March 2024: UTC-2, summer and winter
        *["10:00"] * 7,  # until October 2024: UTC-1
        *["11:00"] * 2,
    ]


def test_a_time_that_is_there_twice_is_the_first() -> None:
    dates = schedule(timed("2027-10-30T02:30"), "FREQ=DAILY;COUNT=3")
    assert instants(dates) == ["10-30 00:30", "10-31 00:30", "11-01 01:30"]


@pytest.mark.parametrize(
    ("when", "kept", "skipped"),
    [
        (timed("2027-03-26T02:30"), ["03-26 02:30", "03-27 02:30", "03-29 02:30", "03-30 02:30"], ["03-28 02:30"]),
        (
            timed("2027-04-28T00:00", "Africa/Cairo"),
            ["04-28 00:00", "04-29 00:00", "05-01 00:00", "05-02 00:00"],
            ["04-30 00:00"],
        ),
        (
            timed("2028-03-11T00:30", "America/Havana"),
            ["03-11 00:30", "03-13 00:30", "03-14 00:30", "03-15 00:30"],
            ["03-12 00:30"],
        ),
    ],
)
def test_a_time_that_the_clock_skips_is_no_date_and_does_not_count(
    when: When, kept: list[str], skipped: list[str]
) -> None:
    dates = schedule(when, "FREQ=DAILY;COUNT=4")
    assert shown(series.starts(dates)) == kept
    assert shown(series.skipped(dates)) == skipped
    last = f"{series.starts(dates)[-1]:%Y%m%d}"
    assert series.starts(schedule(when, f"FREQ=DAILY;UNTIL={last}")) == series.starts(dates)


def test_an_added_date_that_the_clock_skips_is_none_either() -> None:
    dates = schedule(timed("2027-03-27T02:30"), None, "2027-03-28T02:30", "2027-03-29T02:30")
    assert shown(series.starts(dates)) == ["03-27 02:30", "03-29 02:30"]
    assert shown(series.skipped(dates)) == ["03-28 02:30"]


def test_a_series_of_whole_days_knows_no_clock() -> None:
    dates = schedule(whole("2027-04-29", zone="Africa/Cairo"), "FREQ=DAILY;COUNT=3")
    assert shown(series.starts(dates)) == ["04-29", "04-30", "05-01"]
    assert series.skipped(dates) == ()


def test_a_first_date_that_a_newer_database_skips_is_still_the_first() -> None:
    """A single event cannot lose its only date because a parliament moved the clocks."""
    gap = schedule(timed("2027-03-28T02:30"))
    assert series.starts(gap) == (datetime(2027, 3, 28, 2, 30),)
    assert series.ends_at(event(when=gap.when)) == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("hours", [-2, -1, 1, 2])
def test_the_last_date_is_not_lost_when_a_zone_changes_its_rules(hours: int) -> None:
    """UNTIL is an instant: it was written when the zone had another offset on that day."""
    now = schedule(timed("2027-03-12T09:00"), "FREQ=DAILY;UNTIL=20270420")
    assert now.rule == "FREQ=DAILY;UNTIL=20270420T070000Z"
    earlier = replace(now, rule=f"FREQ=DAILY;UNTIL=20270420T{7 + hours:02}0000Z")
    assert series.starts(earlier) == series.starts(now)
    assert calendar_entries.rule_and_exdates(earlier).rule == now.rule, "calendars are told the instant that it is now"


def test_a_last_date_that_a_newer_database_skips_is_gone() -> None:
    before = Schedule(when=timed("2027-03-26T02:30"), rule="FREQ=DAILY;UNTIL=20270328T003000Z")
    assert shown(series.starts(before)) == ["03-26 02:30", "03-27 02:30"]
    assert calendar_entries.rule_and_exdates(before).rule == "FREQ=DAILY;UNTIL=20270327T013000Z"


# --- how each is ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "start", "end", "fold"),
    [
        (timed("2027-03-12T09:00"), "2027-04-02T09:00", "2027-04-02T10:00", 0),
        # A night of three hours: in spring the clock shows four more, in autumn two.
        (timed("2027-03-12T00:30", length=3 * HOUR), "2027-03-28T00:30", "2027-03-28T04:30", 0),
        (timed("2027-03-12T00:30", length=3 * HOUR), "2027-10-31T00:30", "2027-10-31T02:30", 1),
        (timed("2027-03-12T00:30", length=2 * HOUR), "2027-10-31T00:30", "2027-10-31T02:30", 0),
        # The first one is that night itself.
        (timed("2027-03-28T00:30", length=3 * HOUR), "2027-04-04T00:30", "2027-04-04T02:30", 0),
        (whole("2027-03-12", "2027-03-14"), "2027-03-28", "2027-03-30", 0),
        (whole("2027-02-28", "2027-03-01", "Europe/Berlin"), "2028-02-28", "2028-02-29", 0),
    ],
)
def test_each_date_is_as_long_as_the_first(when: When, start: str, end: str, fold: int) -> None:
    at = series.when_at(Schedule(when=when), local_time(start))
    assert (at.start, at.end, at.time_zone) == (local_time(start), local_time(end), when.time_zone)
    assert getattr(at.end, "fold", 0) == fold
    if isinstance(at.start, datetime):
        assert at.ends_at - at.starts_at == when.ends_at - when.starts_at


def test_the_first_date_is_the_event_itself() -> None:
    for when in (
        timed("2027-03-12T09:00"),
        whole("2027-03-12", "2027-03-14"),
        When(start=datetime(2027, 10, 31, 1), end=datetime(2027, 10, 31, 2, 30, fold=1), time_zone="Europe/Berlin"),
    ):
        at = series.when_at(Schedule(when=when), when.start)
        assert at == when
        assert getattr(at.end, "fold", 0) == getattr(when.end, "fold", 0)


def weekly(*changes: DateChange, **others: Any) -> Event:
    return event(when=WEEKLY.when, rule=WEEKLY.rule, changes=changes, **others)


def test_a_date_is_as_the_series_says_but_for_its_changes() -> None:
    later = timed("2027-03-21T14:00")
    changed = weekly(
        DateChange(date=datetime(2027, 3, 19, 9), when=later, location="Upstairs"),
        DateChange(date=datetime(2027, 3, 26, 9), cancelled=True, reason="Easter", title="Egg hunt"),
        DateChange(date=datetime(2027, 3, 27, 9), cancelled=True),
        location="Hall 3",
        description="Bring a pen.",
    )
    first, second, third, fourth = series.occurrences(changed)
    assert [one.date for one in (first, second, third, fourth)] == list(series.starts(WEEKLY))
    assert (first.when, first.title, first.location, first.description) == (
        *(changed.when, "Kölner Treffen", "Hall 3", "Bring a pen."),
    )
    assert (first.moved, first.cancelled) == (False, False)
    assert (second.when, second.moved, second.location, second.title) == (later, True, "Upstairs", "Kölner Treffen")
    assert (third.cancelled, third.reason, third.title, third.moved) == (True, "Easter", "Egg hunt", False)
    assert not fourth.cancelled


def test_a_text_may_be_taken_away_from_one_date() -> None:
    bare = weekly(DateChange(date=datetime(2027, 3, 19, 9), location="", description=""), location="Hall 3")
    assert [one.location for one in series.occurrences(bare)] == ["Hall 3", "", "Hall 3", "Hall 3"]


def test_a_single_event_is_its_only_date() -> None:
    (only,) = series.occurrences(event(location="Hall 3"))
    assert (only.date, only.when, only.location) == (event().when.start, event().when, "Hall 3")


def test_a_series_is_over_when_its_last_date_is() -> None:
    last = datetime(2027, 4, 2, 8, tzinfo=UTC)
    assert series.ends_at(weekly()) == last
    assert series.ends_at(weekly(DateChange(date=datetime(2027, 4, 2, 9), cancelled=True))) == last
    assert series.ends_at(event(when=whole("2027-03-12"))) == datetime(2027, 3, 13, 12, tzinfo=UTC)


def test_a_moved_date_counts_where_it_is_and_where_it_was() -> None:
    def moved(start: str) -> Event:
        return weekly(DateChange(date=datetime(2027, 4, 2, 9), when=timed(start)))

    assert series.ends_at(moved("2027-05-01T09:00")) == datetime(2027, 5, 1, 8, tzinfo=UTC)
    assert series.ends_at(moved("2027-04-01T09:00")) == datetime(2027, 4, 2, 8, tzinfo=UTC)
    nowhere = weekly(DateChange(date=datetime(2027, 4, 3, 9), when=timed("2027-05-01T09:00")))
    assert series.ends_at(nowhere) == datetime(2027, 4, 2, 8, tzinfo=UTC)


def test_the_next_start_is_that_of_the_next_date() -> None:
    first, second = datetime(2027, 3, 12, 8, tzinfo=UTC), datetime(2027, 3, 19, 8, tzinfo=UTC)
    assert series.next_start(WEEKLY, first - HOUR) == first
    assert series.next_start(WEEKLY, first) == first
    assert series.next_start(WEEKLY, first + HOUR) == second
    assert series.next_start(WEEKLY, first + 90 * 24 * HOUR) == datetime(2027, 4, 2, 7, tzinfo=UTC)


# --- the date that a reader means ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("meant", "found"),
    [
        (datetime(2027, 4, 2, 7, tzinfo=UTC), "2027-04-02T09:00"),
        (datetime(2027, 4, 2, 3, tzinfo=timezone(-4 * HOUR)), "2027-04-02T09:00"),
        (datetime(2027, 4, 2, 9), "2027-04-02T09:00"),
        (datetime(2027, 4, 2, 9, fold=1), "2027-04-02T09:00"),
        (date(2027, 4, 2), "2027-04-02T09:00"),
        (datetime(2027, 4, 2, 9, tzinfo=UTC), None),
        (datetime(2027, 4, 2, 9, 0, 1), None),
        (date(2027, 4, 3), None),
        (date(2027, 3, 21), None),  # which of the two?
        (datetime(2027, 3, 21, 14), "2027-03-21T14:00"),
    ],
)
def test_a_date_is_found_by_whatever_name_a_reader_gives_it(meant: LocalTime, found: str | None) -> None:
    dates = replace(WEEKLY, added=(datetime(2027, 3, 21, 9), datetime(2027, 3, 21, 14)))
    assert series_changes.find(dates, meant) == (local_time(found) if found else None)
    assert series_changes.find(
        event(when=dates.when, rule=dates.rule, added=dates.added), meant
    ) == series_changes.find(dates, meant)


@pytest.mark.parametrize(
    ("zone", "meant", "found"),
    [
        (None, date(2027, 3, 19), "2027-03-19"),
        (None, datetime(2027, 3, 19), "2027-03-19"),
        (None, datetime(2027, 3, 19, tzinfo=UTC), "2027-03-19"),
        ("Europe/Berlin", datetime(2027, 3, 18, 23, tzinfo=UTC), "2027-03-19"),  # its midnight
        (None, date(2027, 3, 20), None),
    ],
)
def test_a_whole_day_is_found_by_its_date(zone: str | None, meant: LocalTime, found: str | None) -> None:
    dates = schedule(whole("2027-03-12", zone=zone), "FREQ=WEEKLY;COUNT=3")
    assert series_changes.find(dates, meant) == (local_time(found) if found else None)


FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize("zone", [None, "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize(
    "meant", [FIRST, LAST, FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), date.min, date.max]
)
def test_a_date_of_another_age_is_none_and_does_no_harm(meant: LocalTime, zone: str | None) -> None:
    days = schedule(whole("2027-03-12", zone=zone), "FREQ=WEEKLY;COUNT=3")
    assert series_changes.find(days, meant) is None
    assert series_changes.find(schedule(timed("2027-03-12T09:00", zone or "UTC"), "FREQ=WEEKLY;COUNT=3"), meant) is None


def test_an_instant_is_not_the_other_time_that_the_clock_shows_alike() -> None:
    twice = schedule(timed("2027-10-30T02:30"), "FREQ=DAILY;COUNT=3")
    assert series_changes.find(twice, datetime(2027, 10, 31, 0, 30, tzinfo=UTC)) == datetime(2027, 10, 31, 2, 30)
    assert series_changes.find(twice, datetime(2027, 10, 31, 1, 30, tzinfo=UTC)) is None


# --- the same series elsewhere --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("FREQ=WEEKLY;COUNT=4", "FREQ=WEEKLY;COUNT=8", True),
        ("FREQ=WEEKLY;COUNT=4", "FREQ=WEEKLY;UNTIL=20270402T070000Z", True),
        ("FREQ=WEEKLY;COUNT=4", "FREQ=WEEKLY;COUNT=4;INTERVAL=2", False),
        ("FREQ=WEEKLY;COUNT=4", "FREQ=WEEKLY;COUNT=4;BYDAY=MO,FR", False),
        ("FREQ=WEEKLY;COUNT=4", None, False),
    ],
)
def test_longer_or_shorter_is_the_same_rule(one: str, other: str | None, same: bool) -> None:
    assert series_changes.same_but_for_its_end(one, other) is same


@pytest.mark.parametrize(
    ("before", "when", "carried"),
    [
        (WEEKLY, timed("2027-03-13T10:00"), "FREQ=WEEKLY;COUNT=4"),
        (
            schedule(timed("2027-03-12T09:00"), "FREQ=WEEKLY;UNTIL=20270402"),
            timed("2027-03-16T10:00"),
            "FREQ=WEEKLY;UNTIL=20270406T080000Z",
        ),
        (
            schedule(timed("2027-03-12T09:00"), "FREQ=WEEKLY;UNTIL=20270402"),
            timed("2027-03-12T09:00", "America/New_York"),
            "FREQ=WEEKLY;UNTIL=20270402T130000Z",
        ),
        (
            schedule(timed("2027-03-12T09:00"), "FREQ=WEEKLY;UNTIL=20270402"),
            whole("2027-03-12"),
            "FREQ=WEEKLY;UNTIL=20270402",
        ),
        (
            schedule(whole("2027-03-12"), "FREQ=WEEKLY;UNTIL=20270402"),
            timed("2027-03-12T09:00"),
            "FREQ=WEEKLY;UNTIL=20270402T070000Z",
        ),
        (
            schedule(timed("2027-03-12T09:00"), "FREQ=WEEKLY;BYDAY=MO,FR;UNTIL=20270402"),
            timed("2027-03-15T09:00"),
            "FREQ=WEEKLY;UNTIL=20270405T070000Z;BYDAY=MO,FR",
        ),
        (
            schedule(timed("2027-03-12T09:00"), "FREQ=MONTHLY;BYDAY=2FR;UNTIL=20270514"),
            timed("2027-04-09T09:00"),
            "FREQ=MONTHLY;UNTIL=20270611T070000Z;BYDAY=2FR",
        ),
        # What had been skipped is there at another time of day; the last day stays the last day.
        (
            schedule(timed("2027-03-26T02:30"), "FREQ=DAILY;UNTIL=20270330"),
            timed("2027-03-26T09:00"),
            "FREQ=DAILY;UNTIL=20270330T070000Z",
        ),
        (
            schedule(timed("2027-03-26T09:00"), "FREQ=DAILY;UNTIL=20270328"),
            timed("2027-03-26T02:30"),
            "FREQ=DAILY;UNTIL=20270327T013000Z",
        ),
        (schedule(timed("2027-03-12T09:00")), timed("2027-03-13T10:00"), None),
    ],
)
def test_a_rule_goes_along_when_the_series_moves(before: Schedule, when: When, carried: str | None) -> None:
    assert series_changes.moved_rule(before, when) == carried


NEEDS_A_RULE = "is no date of the recurrence any more: recurrence must be given as well"


@pytest.mark.parametrize(
    ("rule", "when", "sentence"),
    [
        ("FREQ=WEEKLY;BYDAY=MO,FR;COUNT=4", timed("2027-03-13T09:00"), NEEDS_A_RULE),
        ("FREQ=MONTHLY;BYDAY=2FR;COUNT=4", timed("2027-03-13T09:00"), NEEDS_A_RULE),
        ("FREQ=MONTHLY;BYDAY=2FR;COUNT=4", timed("2027-03-19T09:00"), NEEDS_A_RULE),
        (
            "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=12;COUNT=2",
            timed("2028-02-29T09:00"),
            "must yield all its dates within two years",
        ),
        ("FREQ=MONTHLY;COUNT=20", timed("2027-03-31T09:00"), "must yield all its dates within two years"),
        (
            "FREQ=MONTHLY;UNTIL=20281012",
            timed("2027-03-31T09:00"),
            "must leave all dates within two years, or recurrence be given as well",
        ),
    ],
)
def test_a_rule_that_cannot_go_along_must_be_given(rule: str, when: When, sentence: str) -> None:
    before = schedule(timed("2027-03-12T09:00"), rule)
    with pytest.raises(InvalidField) as refused:
        series_changes.moved(before, when)
    assert (refused.value.field, refused.value.message) == ("start", sentence)


@pytest.mark.parametrize(
    ("before", "when", "added"),
    [
        (("2027-03-12T09:00", "2027-03-20T14:00"), timed("2027-03-13T10:30"), ["03-21 15:30"]),
        (("2027-03-12T09:00", "2027-03-20T14:00", "2027-03-20T16:00"), whole("2027-03-13"), ["03-21"]),
        (("2027-03-12", "2027-03-20"), timed("2027-03-13T10:00"), ["03-21 10:00"]),
        (("2027-03-12", "2027-03-20"), whole("2027-03-11"), ["03-19"]),
    ],
)
def test_added_dates_move_with_the_first(before: tuple[str, ...], when: When, added: list[str]) -> None:
    first, *others = before
    start = timed(first) if "T" in first else whole(first)
    moved = series_changes.moved(schedule(start, None, *others), when)
    assert (moved.when, shown(moved.added)) == (when, added)


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "names"),
    [
        (WEEKLY, ["03-12 09:00", "03-19 09:00", "03-26 09:00", "04-02 09:00"]),
        # The n-th stays the n-th.
        (
            series_changes.moved(WEEKLY, timed("2027-03-16T10:00")),
            ["03-16 10:00", "03-23 10:00", "03-30 10:00", "04-06 10:00"],
        ),
        (series_changes.moved(WEEKLY, timed("2027-03-12T09:00", "Asia/Tokyo")), shown(series.starts(WEEKLY))),
        (series_changes.moved(WEEKLY, whole("2027-03-13")), ["03-13", "03-20", "03-27", "04-03"]),
        # Longer, shorter, and moved at that.
        (schedule(WEEKLY.when, "FREQ=WEEKLY;COUNT=9"), shown(series.starts(WEEKLY))),
        (schedule(WEEKLY.when, "FREQ=WEEKLY;UNTIL=20270320"), ["03-12 09:00", "03-19 09:00", None, None]),
        (schedule(timed("2027-03-13T09:00"), "FREQ=WEEKLY;COUNT=2"), ["03-13 09:00", "03-20 09:00", None, None]),
        # Another rule: what it yields, too, stays.
        (schedule(WEEKLY.when, "FREQ=WEEKLY;INTERVAL=2;COUNT=4"), ["03-12 09:00", None, "03-26 09:00", None]),
        (schedule(WEEKLY.when, "FREQ=WEEKLY;BYDAY=MO,FR;COUNT=9"), shown(series.starts(WEEKLY))),
        (schedule(WEEKLY.when), ["03-12 09:00", None, None, None]),
        (schedule(timed("2027-03-19T09:00"), "FREQ=DAILY;COUNT=8"), [None, "03-19 09:00", "03-26 09:00", None]),
        (schedule(timed("2027-03-13T09:00")), [None] * 4),
    ],
)
def test_how_a_date_is_called_after_a_change(after: Schedule, names: list[str | None]) -> None:
    now = series_changes.renamed(WEEKLY, after)
    assert [shown([now[start]])[0] if start in now else None for start in series.starts(WEEKLY)] == names


def test_added_dates_are_renamed_with_the_first() -> None:
    before = schedule(timed("2027-03-12T09:00"), "FREQ=WEEKLY;COUNT=2", "2027-03-20T14:00")
    after = series_changes.moved(before, timed("2027-03-13T10:00"))
    assert series_changes.renamed(before, after)[datetime(2027, 3, 20, 14)] == datetime(2027, 3, 21, 15)
    without = replace(after, added=())
    assert datetime(2027, 3, 20, 14) not in series_changes.renamed(before, without)
    assert len(series_changes.renamed(before, without)) == 2
    single = schedule(timed("2027-03-12T09:00"), None, "2027-03-20T14:00")
    assert shown(series_changes.renamed(single, series_changes.moved(single, timed("2027-03-12T10:00"))).values()) == [
        "03-12 10:00",
        "03-20 15:00",
    ]


def test_a_day_keeps_its_name_when_the_time_before_it_is_no_longer_skipped() -> None:
    before = schedule(timed("2027-03-26T02:30"), "FREQ=DAILY;COUNT=4")
    names = series_changes.renamed(before, series_changes.moved(before, timed("2027-03-26T09:00")))
    assert names[datetime(2027, 3, 29, 2, 30)] == datetime(2027, 3, 29, 9)
    back = series_changes.renamed(series_changes.moved(before, timed("2027-03-26T09:00")), before)
    assert datetime(2027, 3, 28, 9) not in back
    assert back[datetime(2027, 3, 29, 9)] == datetime(2027, 3, 29, 2, 30)


def test_dates_are_known_by_the_names_of_any_time() -> None:
    fortnightly = schedule(timed("2027-03-13T10:00"), "FREQ=WEEKLY;INTERVAL=2;COUNT=4")
    moved = series_changes.moved(WEEKLY, timed("2027-03-13T10:00"))
    changed = event(when=fortnightly.when, rule=fortnightly.rule, earlier=(WEEKLY, moved))
    first, second, third, _ = series.starts(WEEKLY)
    stranger = datetime(2027, 3, 14, 9)
    now = {first: datetime(2027, 3, 13, 10), third: datetime(2027, 3, 27, 10)}
    assert series_changes.named(changed, (first, second, third, stranger), 0) == now
    assert series_changes.named(changed, tuple(now.values()), 1) == {name: name for name in now.values()}
    assert series_changes.named(changed, (datetime(2027, 4, 10, 10), stranger), 2) == {
        datetime(2027, 4, 10, 10): datetime(2027, 4, 10, 10)
    }


def test_dates_have_their_names_again_when_a_change_of_the_rule_is_taken_back() -> None:
    """Whatever else has changed: their time of day and back, the end of the rule, or how long each takes."""
    daily = schedule(timed("2027-03-12T09:00"), "FREQ=DAILY;COUNT=4")
    later = series_changes.moved(daily, timed("2027-03-12T11:00"))
    weekly = schedule(timed("2027-03-12T11:00"), "FREQ=WEEKLY;COUNT=4")
    first, second, third, fourth = series.starts(daily)
    every = {name: name for name in (first, second, third, fourth)}
    longer = replace(daily.when, end=datetime(2027, 3, 12, 12))
    for back in (daily, schedule(daily.when, "FREQ=DAILY;COUNT=5"), replace(daily, when=longer)):
        for earlier in ((daily, weekly), (daily, later, weekly), (daily, weekly, daily, weekly)):
            changed = event(when=back.when, rule=back.rule, earlier=earlier)
            assert series_changes.named(changed, tuple(every), 0) == every
            assert series_changes.lost(changed, tuple(every), 0) == {}
    shorter = event(when=daily.when, rule="FREQ=DAILY;COUNT=2", earlier=(daily, weekly))
    assert series_changes.named(shorter, tuple(every), 0) == {first: first, second: second}


def test_a_date_that_is_no_more_is_known_by_the_last_time_that_the_series_had_for_it() -> None:
    daily = schedule(timed("2027-03-12T09:00"), "FREQ=DAILY;COUNT=4")
    moved = series_changes.moved(daily, timed("2027-03-26T09:00"))
    last, stranger = series.starts(daily)[3], datetime(2027, 3, 14, 10)
    for when in (daily.when, moved.when):
        changed = event(when=when, rule="FREQ=DAILY;COUNT=3", earlier=(daily, moved))
        assert series_changes.lost(changed, (last,), 0) == {last: (1, timed("2027-03-29T09:00"))}
    changed = event(when=moved.when, rule=moved.rule, earlier=(daily,))
    assert series_changes.lost(changed, (last,), 0) == {}
    assert series_changes.lost(changed, (stranger,), 0) == {stranger: (0, timed("2027-03-14T10:00"))}
    assert series_changes.lost(changed, (stranger,), 1) == {stranger: (1, timed("2027-03-14T10:00"))}


# --- this and all following -----------------------------------------------------------------------------------------


def test_a_series_is_cut_in_two() -> None:
    dates = schedule(timed("2027-03-12T09:00"), "FREQ=WEEKLY;COUNT=4", "2027-03-20T14:00", "2027-03-29T14:00")
    since = datetime(2027, 3, 26, 9)
    assert series_changes.shortened(dates, since) == Schedule(
        when=dates.when, rule="FREQ=WEEKLY;UNTIL=20270319T080000Z", added=(datetime(2027, 3, 20, 14),)
    )
    assert series_changes.rest(dates, since) == Schedule(
        when=timed("2027-03-26T09:00"), rule="FREQ=WEEKLY;COUNT=2", added=(datetime(2027, 3, 29, 14),)
    )


def test_the_rest_of_a_series_has_its_end() -> None:
    dates = schedule(timed("2027-03-12T09:00"), "FREQ=WEEKLY;UNTIL=20270402")
    assert series_changes.rest(dates, datetime(2027, 3, 19, 9)).rule == dates.rule


def test_the_rest_has_as_many_dates_as_are_left_where_the_clock_skipped_one() -> None:
    nightly = schedule(timed("2027-03-26T02:30"), "FREQ=DAILY;COUNT=6")
    assert series_changes.rest(nightly, datetime(2027, 3, 30, 2, 30)).rule == "FREQ=DAILY;COUNT=3"


def test_nothing_is_left_before_the_first_date() -> None:
    first = WEEKLY.when.start
    assert series_changes.shortened(WEEKLY, first) is None
    assert series_changes.rest(WEEKLY, first) == WEEKLY


def test_the_rest_from_an_added_date_on_is_a_list() -> None:
    dates = schedule(timed("2027-03-12T09:00"), "FREQ=WEEKLY;COUNT=3", "2027-03-20T14:00")
    assert series_changes.rest(dates, datetime(2027, 3, 20, 14)) == Schedule(
        when=timed("2027-03-20T14:00"), added=(datetime(2027, 3, 26, 9),)
    )


def test_a_series_is_cut_only_at_one_of_its_dates() -> None:
    for cut in (series_changes.shortened, series_changes.rest):
        with pytest.raises(ValueError, match="not in tuple"):
            cut(WEEKLY, datetime(2027, 3, 20, 9))


@settings(deadline=None)
@given(schedules(), st.data())
def test_both_sides_of_a_cut_are_all_dates(dates: Schedule, data: st.DataObject) -> None:
    starts = series.starts(dates)
    since = data.draw(st.sampled_from(starts))
    before, after = series_changes.shortened(dates, since), series_changes.rest(dates, since)
    assert (series.starts(before) if before else ()) + series.starts(after) == starts
    for part in filter(None, (before, after)):
        for start in series.starts(part):
            assert series.when_at(part, start) == series.when_at(dates, start)
        assert part.rule is None or series.rule(part.rule, part.when) == part.rule, "said as it always is"
    if before:
        assert set(series_changes.renamed(dates, before).values()) == set(series.starts(before))


@settings(deadline=None)
@given(schedules(), st.integers(-20, 20), st.sampled_from([0, 1, 2, 9, 24]))
def test_a_series_that_moves_keeps_its_dates_or_says_that_it_cannot(dates: Schedule, days: int, hours: int) -> None:
    step = timedelta(days=days, hours=hours if isinstance(dates.when.start, datetime) else 0)
    when = replace(dates.when, start=dates.when.start + step, end=dates.when.end + step)
    try:
        moved = series_changes.moved(dates, when)
    except InvalidField:
        return
    names = series_changes.renamed(dates, moved)
    assert len(set(names.values())) == len(names), "no two dates get one name"
    assert list(names.values()) == sorted(names.values()) or moved.added, "they stay in their order"
    gaps = len(series.skipped(dates)) + len(series.skipped(moved))
    assert len(names) >= len(series.starts(dates)) - gaps - len(dates.added)
    assert names[dates.when.start] == when.start
    assert moved.rule is None or series_changes.same_but_for_its_end(moved.rule, dates.rule)


@settings(deadline=None)
@given(schedules())
def test_every_date_is_found_by_every_name_that_it_has(dates: Schedule) -> None:
    for start in series.starts(dates):
        assert series_changes.find(dates, start) == start
        if isinstance(start, datetime):
            assert series_changes.find(dates, series.when_at(dates, start).starts_at) == start


def test_a_series_of_two_years_has_its_limits() -> None:
    daily = schedule(timed("2027-03-12T09:00"), f"FREQ=DAILY;COUNT={MAX_DATES}")
    assert len(series.occurrences(event(when=daily.when, rule=daily.rule))) == MAX_DATES
    yearly = series.starts(schedule(timed("2027-03-12T09:00"), "FREQ=YEARLY;COUNT=3"))
    assert yearly[-1] == yearly[0] + MAX_SPAN
