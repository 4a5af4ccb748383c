"""The text of a recurrence rule: what is read, what is refused, and the one way of saying each."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convoke.model import InvalidField, Schedule, When
from convoke.schedule import series
from convoke.schedule.rrule import Rule, read, spell

# A Friday, the second of its month.
FRIDAY = When(start=datetime(2027, 3, 12, 9, 0), end=datetime(2027, 3, 12, 10, 30), time_zone="Europe/Berlin")
WHOLE_DAY = When(start=date(2027, 3, 12), end=date(2027, 3, 12))


def refusal(text: str, when: When = FRIDAY) -> str:
    with pytest.raises(InvalidField) as refused:
        series.rule(text, when)
    assert refused.value.field == "recurrence"
    return refused.value.message


def test_all_parts_are_read() -> None:
    days = "BYMONTH=1,3;BYMONTHDAY=1,-1;BYDAY=MO,2TU,-1FR;BYSETPOS=-1"
    text = f"FREQ=MONTHLY;UNTIL=20281231T080000Z;INTERVAL=2;{days};WKST=SU"
    assert read(text) == Rule(
        frequency="MONTHLY",
        until=datetime(2028, 12, 31, 8, tzinfo=UTC),
        interval=2,
        months=(1, 3),
        month_days=(1, -1),
        weekdays=((0, 0), (2, 1), (-1, 4)),
        positions=(-1,),
        week_start=6,
    )
    assert spell(read(text)) == text


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("freq=weekly;count=4", "FREQ=WEEKLY;COUNT=4"),
        ("COUNT=4;FREQ=WEEKLY", "FREQ=WEEKLY;COUNT=4"),
        ("RRULE:FREQ=WEEKLY;COUNT=4", "FREQ=WEEKLY;COUNT=4"),
        ("FREQ=WEEKLY;COUNT=4;", "FREQ=WEEKLY;COUNT=4"),
        (" FREQ=WEEKLY;COUNT=4\n", "FREQ=WEEKLY;COUNT=4"),
        ("FREQ=WEEKLY;COUNT=004;INTERVAL=1;WKST=MO", "FREQ=WEEKLY;COUNT=4"),
        ("FREQ=WEEKLY;COUNT=4;WKST=SU", "FREQ=WEEKLY;COUNT=4"),
        ("FREQ=WEEKLY;COUNT=4;INTERVAL=2;WKST=SU", "FREQ=WEEKLY;COUNT=4;INTERVAL=2"),
        # The week of both begins before Friday and ends after Saturday, whether that is on Sunday or on Monday.
        ("FREQ=WEEKLY;COUNT=4;INTERVAL=2;BYDAY=SA,FR;WKST=SU", "FREQ=WEEKLY;COUNT=4;INTERVAL=2;BYDAY=FR,SA"),
        ("FREQ=WEEKLY;COUNT=4;INTERVAL=2;BYDAY=SU,FR;WKST=SU", "FREQ=WEEKLY;COUNT=4;INTERVAL=2;BYDAY=FR,SU;WKST=SU"),
        ("FREQ=WEEKLY;COUNT=4;INTERVAL=2;BYDAY=SU,FR;WKST=TH", "FREQ=WEEKLY;COUNT=4;INTERVAL=2;BYDAY=FR,SU"),
        ("FREQ=WEEKLY;COUNT=4;BYDAY=FR,MO,FR,WE", "FREQ=WEEKLY;COUNT=4;BYDAY=MO,WE,FR"),
        # What the start stands for anyway.
        ("FREQ=WEEKLY;COUNT=4;BYDAY=FR", "FREQ=WEEKLY;COUNT=4"),
        ("FREQ=MONTHLY;COUNT=4;BYMONTHDAY=12", "FREQ=MONTHLY;COUNT=4"),
        ("FREQ=YEARLY;COUNT=2;BYMONTH=3;BYMONTHDAY=12", "FREQ=YEARLY;COUNT=2"),
        ("FREQ=YEARLY;COUNT=2;BYMONTH=3", "FREQ=YEARLY;COUNT=2"),
        # What limits nothing, or is said twice.
        ("FREQ=MONTHLY;COUNT=4;BYMONTH=12,11,10,9,8,7,6,5,4,3,2,1", "FREQ=MONTHLY;COUNT=4"),
        ("FREQ=MONTHLY;COUNT=4;BYDAY=+2FR,02FR", "FREQ=MONTHLY;COUNT=4;BYDAY=2FR"),
        ("FREQ=MONTHLY;COUNT=4;BYDAY=FR,2FR,-1FR", "FREQ=WEEKLY;COUNT=4"),
        # Days and weeks.
        ("FREQ=DAILY;COUNT=4;BYDAY=MO,TU,WE,TH,FR", "FREQ=WEEKLY;COUNT=4;BYDAY=MO,TU,WE,TH,FR"),
        ("FREQ=WEEKLY;COUNT=4;BYDAY=MO,TU,WE,TH,FR,SA,SU", "FREQ=DAILY;COUNT=4"),
        ("FREQ=DAILY;COUNT=4;BYDAY=MO,TU,WE,TH,FR,SA,SU", "FREQ=DAILY;COUNT=4"),
        ("FREQ=MONTHLY;COUNT=4;BYDAY=MO,FR", "FREQ=WEEKLY;COUNT=4;BYDAY=MO,FR"),
        ("FREQ=YEARLY;COUNT=4;BYDAY=FR", "FREQ=WEEKLY;COUNT=4"),
        ("FREQ=YEARLY;COUNT=4;BYDAY=MO,TU,WE,TH,FR,SA,SU", "FREQ=DAILY;COUNT=4"),
        # Months that are equally far apart, and days that each month has.
        ("FREQ=YEARLY;COUNT=2;BYMONTH=9,3;BYMONTHDAY=12", "FREQ=MONTHLY;COUNT=2;INTERVAL=6"),
        ("FREQ=MONTHLY;COUNT=2;BYMONTH=3,7,11;BYDAY=2FR", "FREQ=MONTHLY;COUNT=2;INTERVAL=4;BYDAY=2FR"),
        ("FREQ=MONTHLY;COUNT=2;BYMONTH=3", "FREQ=YEARLY;COUNT=2"),
        ("FREQ=MONTHLY;COUNT=2;BYMONTH=3;BYDAY=2FR", "FREQ=YEARLY;COUNT=2;BYMONTH=3;BYDAY=2FR"),
        ("FREQ=YEARLY;COUNT=4;BYMONTHDAY=12", "FREQ=MONTHLY;COUNT=4"),
        ("FREQ=DAILY;COUNT=4;BYMONTHDAY=12", "FREQ=MONTHLY;COUNT=4"),
        ("FREQ=MONTHLY;COUNT=4;BYDAY=FR;BYMONTHDAY=8,9,10,11,12,13,14", "FREQ=MONTHLY;COUNT=4;BYDAY=2FR"),
        ("FREQ=MONTHLY;COUNT=4;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=12", "FREQ=MONTHLY;COUNT=4"),
        # Positions in a set, where the days say the same.
        ("FREQ=MONTHLY;COUNT=4;BYDAY=FR;BYSETPOS=2", "FREQ=MONTHLY;COUNT=4;BYDAY=2FR"),
        ("FREQ=MONTHLY;COUNT=4;BYDAY=FR;BYSETPOS=2,9", "FREQ=MONTHLY;COUNT=4;BYDAY=2FR"),
        ("FREQ=YEARLY;COUNT=2;BYMONTH=3;BYDAY=FR;BYSETPOS=2", "FREQ=YEARLY;COUNT=2;BYMONTH=3;BYDAY=2FR"),
        ("FREQ=WEEKLY;COUNT=4;BYDAY=MO,WE,FR;BYSETPOS=-1", "FREQ=WEEKLY;COUNT=4"),
        ("FREQ=WEEKLY;COUNT=4;BYDAY=MO,WE,FR;BYSETPOS=1,-1", "FREQ=WEEKLY;COUNT=4;BYDAY=MO,FR"),
        ("FREQ=WEEKLY;COUNT=4;BYDAY=SU,FR;BYSETPOS=2;WKST=SU", "FREQ=WEEKLY;COUNT=4"),
        # The end is the last date itself.
        ("FREQ=WEEKLY;UNTIL=20270402T070000Z", "FREQ=WEEKLY;UNTIL=20270402T070000Z"),
        ("FREQ=WEEKLY;UNTIL=20270402T065959Z", "FREQ=WEEKLY;UNTIL=20270326T080000Z"),
        ("FREQ=WEEKLY;UNTIL=20270402T090000", "FREQ=WEEKLY;UNTIL=20270402T070000Z"),
        ("FREQ=WEEKLY;UNTIL=20270402", "FREQ=WEEKLY;UNTIL=20270402T070000Z"),
        ("FREQ=WEEKLY;UNTIL=20270408", "FREQ=WEEKLY;UNTIL=20270402T070000Z"),
        ("FREQ=WEEKLY;UNTIL=20270312", "FREQ=WEEKLY;UNTIL=20270312T080000Z"),
    ],
)
def test_a_rule_has_one_spelling(said: str, meant: str) -> None:
    assert series.rule(said, FRIDAY) == meant
    assert series.rule(meant, FRIDAY) == meant


def test_a_rule_of_whole_days_ends_on_a_day() -> None:
    assert series.rule("FREQ=WEEKLY;UNTIL=20270401", WHOLE_DAY) == "FREQ=WEEKLY;UNTIL=20270326"
    for text in ("20270401T000000Z", "20270401T000000"):
        assert refusal(f"FREQ=WEEKLY;UNTIL={text}", WHOLE_DAY) == "must have UNTIL be a date, as start is"


def test_the_end_of_a_day_is_that_of_the_zone() -> None:
    late = When(start=datetime(2027, 3, 12, 23, 30), end=datetime(2027, 3, 12, 23, 45), time_zone="America/New_York")
    assert series.rule("FREQ=DAILY;UNTIL=20270315", late) == "FREQ=DAILY;UNTIL=20270316T033000Z"
    assert series.rule("FREQ=DAILY;UNTIL=20270315T233000", late) == "FREQ=DAILY;UNTIL=20270316T033000Z"


@pytest.mark.parametrize("frequency", ["HOURLY", "MINUTELY", "SECONDLY"])
def test_a_series_has_no_more_than_one_date_a_day(frequency: str) -> None:
    assert refusal(f"FREQ={frequency};COUNT=2") == (
        "must have FREQ be DAILY, WEEKLY, MONTHLY or YEARLY: a series has at most one date a day"
    )


NO_RULE = (
    "must be an RRULE such as FREQ=WEEKLY;COUNT=4, of the parts FREQ, UNTIL, COUNT, INTERVAL, BYMONTH, BYMONTHDAY, "
    "BYDAY, BYSETPOS, WKST"
)
TOO_LONG = "must be an RRULE such as FREQ=WEEKLY;COUNT=4, of at most 500 ASCII characters"
NO_UNTIL = "must have UNTIL be a time or a date such as 20270312T080000Z, or 20270312"
NO_WEEKDAY = "must have BYDAY be weekdays such as MO, 2TU or -1FR"
UNNUMBERED = "must have numbers in BYDAY (such as 2TU) only in a MONTHLY or YEARLY rule"
FAR = "must have UNTIL within two years of start"
TWO_YEARS = "must yield all its dates within two years"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", NO_RULE),
        ("every week", NO_RULE),
        ("FREQ=WEEKLY;COUNT=4;;", NO_RULE),
        ("FREQ=WEEKLY;;COUNT=4", NO_RULE),
        ("FREQ=WEEKLY;COUNT=4;BYEASTER=1", NO_RULE),
        ("FREQ=WEEKLY;COUNT=4;X-NAME=1", NO_RULE),
        ("FREQ=WEEKLY;COUNT=4;BYDAY", NO_RULE),
        ("FREQ=WEEKLY;COUNT=4;BYDAY=", NO_RULE),
        ("FREQ=WEEKLY;COUNT=4\nRRULE:FREQ=DAILY;COUNT=4", "must have COUNT only once"),
        ("FREQ=WEEKLY;COUNT=4;count=4", "must have COUNT only once"),
        ("FREQ=WEEKLY;COUNT=4;ıNTERVAL=1", TOO_LONG),
        ("FREQ=WEEKLY;COUNT=４", TOO_LONG),
        ("FREQ=WEEKLY;COUNT=4" + " " * 500, TOO_LONG),
        ("COUNT=4", "must have FREQ be DAILY, WEEKLY, MONTHLY or YEARLY"),
        ("FREQ=FORTNIGHTLY;COUNT=4", "must have FREQ be DAILY, WEEKLY, MONTHLY or YEARLY"),
        ("FREQ=DAILY;COUNT=4;BYHOUR=9", "must not have BYHOUR: each date begins at the time of day of start"),
        ("FREQ=DAILY;COUNT=4;BYMINUTE=0", "must not have BYMINUTE: each date begins at the time of day of start"),
        ("FREQ=DAILY;COUNT=4;BYSECOND=0", "must not have BYSECOND: each date begins at the time of day of start"),
        ("FREQ=YEARLY;COUNT=2;BYYEARDAY=71", "must not have BYYEARDAY: give the days by BYMONTH, BYMONTHDAY or BYDAY"),
        ("FREQ=YEARLY;COUNT=2;BYWEEKNO=10", "must not have BYWEEKNO: give the days by BYMONTH, BYMONTHDAY or BYDAY"),
        ("FREQ=WEEKLY;COUNT=4;UNTIL=20270402", "must not have both COUNT and UNTIL"),
        ("FREQ=WEEKLY", "must have COUNT or UNTIL: a series has an end"),
        ("FREQ=WEEKLY;COUNT=0", "must have COUNT from 1 to 999999999"),
        ("FREQ=WEEKLY;COUNT=-4", "must have COUNT from 1 to 999999999"),
        ("FREQ=WEEKLY;COUNT=+4", "must have COUNT from 1 to 999999999"),
        ("FREQ=WEEKLY;COUNT=4.0", "must have COUNT from 1 to 999999999"),
        ("FREQ=WEEKLY;COUNT=99999999999999999999", "must have COUNT from 1 to 999999999"),
        ("FREQ=WEEKLY;COUNT=4;INTERVAL=0", "must have INTERVAL from 1 to 999"),
        ("FREQ=WEEKLY;COUNT=4;INTERVAL=1000", "must have INTERVAL from 1 to 999"),
        ("FREQ=YEARLY;COUNT=2;BYMONTH=13", "must have BYMONTH from 1 to 12"),
        ("FREQ=YEARLY;COUNT=2;BYMONTH=-3", "must have BYMONTH from 1 to 12"),
        ("FREQ=MONTHLY;COUNT=2;BYMONTHDAY=32", "must have BYMONTHDAY from 1 to 31, or from -1 to -31"),
        ("FREQ=MONTHLY;COUNT=2;BYMONTHDAY=0", "must have BYMONTHDAY from 1 to 31, or from -1 to -31"),
        ("FREQ=MONTHLY;COUNT=2;BYMONTHDAY=12,,13", "must have BYMONTHDAY from 1 to 31, or from -1 to -31"),
        ("FREQ=MONTHLY;COUNT=2;BYDAY=FR;BYSETPOS=367", "must have BYSETPOS from 1 to 366, or from -1 to -366"),
        ("FREQ=WEEKLY;COUNT=4;BYDAY=FRI", NO_WEEKDAY),
        ("FREQ=MONTHLY;COUNT=4;BYDAY=0FR", NO_WEEKDAY + ": there is none with number 0"),
        ("FREQ=MONTHLY;COUNT=4;BYDAY=6FR", "must have numbers in BYDAY (such as 2TU) of at most 5 here"),
        ("FREQ=YEARLY;COUNT=2;BYMONTH=3;BYDAY=-6FR", "must have numbers in BYDAY (such as 2TU) of at most 5 here"),
        ("FREQ=YEARLY;COUNT=2;BYDAY=54FR", "must have numbers in BYDAY (such as 2TU) of at most 53 here"),
        ("FREQ=WEEKLY;COUNT=4;BYDAY=2FR", UNNUMBERED),
        ("FREQ=DAILY;COUNT=4;BYDAY=-1FR", UNNUMBERED),
        ("FREQ=WEEKLY;COUNT=4;WKST=FRI", "must have WKST be a weekday such as MO"),
        ("FREQ=WEEKLY;COUNT=4;BYMONTHDAY=12", "must not have BYMONTHDAY in a WEEKLY rule"),
        ("FREQ=DAILY;COUNT=4;BYSETPOS=1", "must have BYSETPOS only together with BYDAY, BYMONTHDAY or BYMONTH"),
        (
            "FREQ=WEEKLY;COUNT=4;BYDAY=FR;BYMONTH=3;BYSETPOS=1",
            "must not have BYSETPOS together with BYMONTH in a WEEKLY rule",
        ),
        ("FREQ=WEEKLY;UNTIL=tomorrow", NO_UNTIL),
        ("FREQ=WEEKLY;UNTIL=20270230", NO_UNTIL),
        ("FREQ=WEEKLY;UNTIL=20270402T250000Z", NO_UNTIL),
        ("FREQ=WEEKLY;UNTIL=2027-04-02", NO_UNTIL),
        ("FREQ=WEEKLY;UNTIL=20270402T0700Z", NO_UNTIL),
        # What it means.
        ("FREQ=WEEKLY;UNTIL=20270311", "must yield dates: there is none"),
        ("FREQ=WEEKLY;UNTIL=00010101T000000", FAR),
        ("FREQ=DAILY;COUNT=1;BYMONTH=2;BYMONTHDAY=31", "must yield dates: there is none"),
        ("FREQ=MONTHLY;COUNT=1;BYDAY=FR;BYSETPOS=6", "must yield dates: there is none at the BYSETPOS"),
        ("FREQ=WEEKLY;COUNT=1;BYDAY=FR,MO;BYSETPOS=3", "must yield dates: there is none at the BYSETPOS"),
        ("FREQ=DAILY;COUNT=1;BYDAY=FR;BYSETPOS=2", "must yield dates: there is none at the BYSETPOS"),
        ("FREQ=WEEKLY;COUNT=4;BYDAY=SA", "must yield start itself as the first date"),
        ("FREQ=MONTHLY;COUNT=4;BYDAY=-1FR", "must yield start itself as the first date"),
        ("FREQ=WEEKLY;COUNT=4;BYDAY=MO,FR;BYSETPOS=1", "must yield start itself as the first date"),
        ("FREQ=DAILY;COUNT=401", "must yield at most 400 dates"),
        ("FREQ=DAILY;UNTIL=20280416", "must yield at most 400 dates"),
        ("FREQ=WEEKLY;COUNT=106", TWO_YEARS),
        ("FREQ=YEARLY;COUNT=4", TWO_YEARS),
        ("FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=12,13;COUNT=6", TWO_YEARS),
        ("FREQ=DAILY;COUNT=2;INTERVAL=732", TWO_YEARS),
        ("FREQ=YEARLY;UNTIL=20290313", FAR),
        ("FREQ=YEARLY;UNTIL=20290312T230000Z", FAR),
        ("FREQ=YEARLY;UNTIL=99991231T235959Z", FAR),
    ],
)
def test_what_is_no_rule_of_ours_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    assert refusal(text) == sentence


EACH = "make an event for each, or add the other dates one by one"
LIMITED = "Outlook does not support that; make an event for each range of dates"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("FREQ=DAILY;COUNT=4;BYMONTH=3", f"must not have BYMONTH or BYMONTHDAY in a DAILY rule: {LIMITED}"),
        ("FREQ=DAILY;COUNT=4;BYMONTH=3;BYDAY=FR", f"must not have BYMONTH or BYMONTHDAY in a WEEKLY rule: {LIMITED}"),
        ("FREQ=WEEKLY;COUNT=4;BYMONTH=3,4,5", f"must not have BYMONTH or BYMONTHDAY in a WEEKLY rule: {LIMITED}"),
        (
            "FREQ=DAILY;INTERVAL=3;COUNT=4;BYDAY=MO,FR",
            "must have BYDAY in a WEEKLY rule: Outlook does not support it in a DAILY rule",
        ),
        (
            "FREQ=YEARLY;COUNT=2;BYMONTH=3,4",
            f"must name one month, in a YEARLY rule: Outlook does not support several; {EACH}",
        ),
        (
            "FREQ=MONTHLY;INTERVAL=2;COUNT=2;BYMONTH=3,5",
            f"must name one month, in a YEARLY rule: Outlook does not support several; {EACH}",
        ),
        (
            "FREQ=MONTHLY;COUNT=4;BYMONTHDAY=12,26",
            f"must name one day of the month: Outlook does not support several; {EACH}",
        ),
        (
            "FREQ=MONTHLY;COUNT=1;BYMONTHDAY=-20",
            "must count days from the beginning of the month, or be BYMONTHDAY=-1 for the last: "
            f"Outlook does not support -20; {EACH}",
        ),
        (
            "FREQ=MONTHLY;COUNT=4;BYDAY=2FR,4FR",
            f"must name one weekday of the month, such as BYDAY=2TU: Outlook does not support several; {EACH}",
        ),
        (
            "FREQ=MONTHLY;COUNT=4;BYDAY=FR;BYSETPOS=2,-1",
            f"must name one weekday of the month, such as BYDAY=2TU: Outlook does not support several; {EACH}",
        ),
        (
            "FREQ=MONTHLY;COUNT=4;BYDAY=FR;BYSETPOS=-3",
            f"must count weekdays from 1 to 4, or be -1 for the last: Outlook does not support -3; {EACH}",
        ),
        (
            "FREQ=MONTHLY;COUNT=4;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=10",
            f"must count weekdays from 1 to 4, or be -1 for the last: Outlook does not support 10; {EACH}",
        ),
        (
            "FREQ=MONTHLY;COUNT=4;BYDAY=TH,FR;BYSETPOS=4",
            "must have one BYSETPOS, and beside it a single day in BYDAY, MO,TU,WE,TH,FR or SA,SU: "
            f"Outlook does not support other sets of days; {EACH}",
        ),
        (
            "FREQ=MONTHLY;INTERVAL=2;COUNT=4;BYDAY=FR",
            "must give the number within the month, such as BYDAY=2TU: "
            f"Outlook does not support all of them here; {EACH}",
        ),
        (
            "FREQ=MONTHLY;COUNT=2;BYMONTHDAY=12;BYDAY=FR",
            "must not have both BYDAY and BYMONTHDAY: Outlook does not support that; give the weekday as 2TU",
        ),
        (
            "FREQ=YEARLY;COUNT=2;BYDAY=11FR",
            "must have BYMONTH beside BYDAY in a YEARLY rule: Outlook counts weekdays within a month only",
        ),
        (
            "FREQ=YEARLY;INTERVAL=2;COUNT=1;BYMONTHDAY=12",
            "must have BYMONTH beside BYMONTHDAY in a YEARLY rule: Outlook supports one day of the year only",
        ),
        (
            "FREQ=MONTHLY;COUNT=2;BYMONTHDAY=12,26;BYSETPOS=1",
            f"must have BYSETPOS only beside BYDAY: Outlook does not support it elsewhere; {EACH}",
        ),
        (
            "FREQ=WEEKLY;INTERVAL=100;COUNT=2",
            "must have INTERVAL of at most 99 in a WEEKLY rule: Outlook supports no others",
        ),
    ],
)
def test_a_rule_that_outlook_cannot_hold_is_refused_with_what_to_do_instead(text: str, sentence: str) -> None:
    assert refusal(text) == sentence


def test_a_day_that_some_months_have_not_is_refused_where_one_of_them_is_among_its_months() -> None:
    last = When(start=date(2027, 7, 31), end=date(2027, 7, 31))
    assert series.rule("FREQ=MONTHLY;COUNT=2", last) == "FREQ=MONTHLY;COUNT=2", "July and August have 31 days"
    assert refusal("FREQ=MONTHLY;COUNT=3", last) == (
        "must not be on day 31, which some of its months do not have: Outlook would show their last day; "
        "use BYMONTHDAY=-1 for the last day of each month, or start on a day up to the 28th"
    )
    assert series.rule("FREQ=MONTHLY;COUNT=3;BYMONTHDAY=-1", last) == "FREQ=MONTHLY;COUNT=3;BYMONTHDAY=-1"


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("FREQ=DAILY;COUNT=3", When(start=FRIDAY.start, end=datetime(2027, 3, 13, 9, 1), time_zone="Europe/Berlin")),
        ("FREQ=WEEKLY;COUNT=3", When(start=FRIDAY.start, end=datetime(2027, 3, 20, 9, 0), time_zone="Europe/Berlin")),
        ("FREQ=DAILY;COUNT=2", When(start=date(2027, 3, 12), end=date(2027, 3, 13))),
        ("FREQ=WEEKLY;COUNT=4;BYDAY=FR,SA", When(start=date(2027, 3, 12), end=date(2027, 3, 13))),
    ],
)
def test_dates_that_overlap_are_refused_since_outlook_holds_none(text: str, when: When) -> None:
    assert refusal(text, when) == (
        "must leave each date over before the next begins: Outlook cannot hold dates that overlap; "
        "make an event for each"
    )


def test_dates_that_touch_do_not_overlap() -> None:
    day = When(start=FRIDAY.start, end=datetime(2027, 3, 13, 9, 0), time_zone="Europe/Berlin")
    assert series.rule("FREQ=DAILY;COUNT=3", day) == "FREQ=DAILY;COUNT=3"
    assert series.rule("FREQ=DAILY;COUNT=3", WHOLE_DAY) == "FREQ=DAILY;COUNT=3"


def test_a_refusal_names_the_field_that_was_wrong() -> None:
    with pytest.raises(InvalidField) as refused:
        series.rule("FREQ=WEEKLY", FRIDAY, "series.rule")
    assert refused.value.field == "series.rule"


@pytest.mark.parametrize(
    ("text", "dates"),
    [
        ("FREQ=DAILY;COUNT=400", 400),
        ("FREQ=DAILY;UNTIL=20280414", 400),
        ("FREQ=WEEKLY;COUNT=105", 105),
        ("FREQ=YEARLY;COUNT=3", 3),
        ("FREQ=DAILY;INTERVAL=731;COUNT=2", 2),
        ("FREQ=YEARLY;UNTIL=20290312", 3),
        ("FREQ=DAILY;COUNT=1", 1),
    ],
)
def test_the_limits_themselves_are_within(text: str, dates: int) -> None:
    assert len(series.starts(Schedule(when=FRIDAY, rule=series.rule(text, FRIDAY)))) == dates


PARTS = {
    "FREQ": ["MONTHLY"],
    "COUNT": ["3", "03"],
    "BYMONTH": ["3,6,9,12", "12,9,6,3,3"],
    "BYDAY": ["2FR,+2FR", "+02FR", "2FR"],
    "WKST": ["MO", "SU"],
}


@given(
    st.fixed_dictionaries(
        {"FREQ": st.just("MONTHLY"), "COUNT": st.sampled_from(PARTS["COUNT"])},
        optional={name: st.sampled_from(PARTS[name]) for name in ("BYMONTH", "BYDAY", "WKST")},
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_and_the_case_of_what_is_written_say_nothing(parts: dict[str, str], chance: random.Random) -> None:
    def written() -> str:
        items = list(parts.items())
        chance.shuffle(items)
        text = ";".join(
            f"{name}={','.join(chance.sample(each := value.split(','), len(each)))}" for name, value in items
        )
        return "".join(chance.choice((rendered, rendered.lower())) for rendered in text)

    assert series.rule(written(), FRIDAY) == series.rule(written(), FRIDAY)
