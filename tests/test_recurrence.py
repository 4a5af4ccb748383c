"""The days that a rule means: by the examples of RFC 5545, and by a reading of it that knows no library."""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from convoke.model import InvalidField, Schedule, When
from convoke.schedule import calendar_entries, series
from convoke.schedule.recurrence import MAX_DATES, MAX_SPAN, canonical
from convoke.schedule.rrule import read, spell
from tests import literal_rrule

WEEKDAYS = literal_rrule.WEEKDAYS


def at_nine(day: str) -> When:
    start = datetime.fromisoformat(f"{day}T09:00:00")
    return When(start=start, end=start + timedelta(hours=1), time_zone="America/New_York")


def whole(day: date) -> When:
    return When(start=day, end=day)


def days(text: str) -> Iterator[str]:
    """``1997-09-02 04 10-02`` is that day, the 4th of the same month, and the 2nd of October."""
    last = ""
    for short in text.split():
        last = last[: len("1997-09-02") - len(short)] + short
        yield last


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=DAILY;COUNT=10", "1997-09-02 03 04 05 06 07 08 09 10 11"),
        ("FREQ=DAILY;INTERVAL=2;COUNT=4", "1997-09-02 04 06 08"),
        ("FREQ=DAILY;INTERVAL=10;COUNT=5", "1997-09-02 12 22 10-02 12"),
        ("FREQ=DAILY;BYMONTH=1;UNTIL=19990103T140000Z", "1998-01-01 02 03 " + " ".join(map(str, range(4, 32)))),
        ("FREQ=WEEKLY;COUNT=10", "1997-09-02 09 16 23 30 10-07 14 21 28 11-04"),
        (
            "FREQ=WEEKLY;UNTIL=19971224T000000Z",
            "1997-09-02 09 16 23 30 10-07 14 21 28 11-04 11 18 25 12-02 09 16 23",
        ),
        ("FREQ=WEEKLY;INTERVAL=2;WKST=SU;COUNT=5", "1997-09-02 16 30 10-14 28"),
        ("FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH", "1997-09-02 04 09 11 16 18 23 25 30 10-02"),
        ("FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH", "1997-09-02 04 09 11 16 18 23 25 30 10-02"),
        (
            "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
            "1997-09-01 03 05 15 17 19 29 10-01 03 13 15 17 27 29 31 11-10 12 14 24 26 28 12-08 10 12 22",
        ),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH", "1997-09-02 04 16 18 30 10-02 14 16"),
        ("FREQ=MONTHLY;COUNT=10;BYDAY=1FR", "1997-09-05 10-03 11-07 12-05 1998-01-02 02-06 03-06 04-03 05-01 06-05"),
        ("FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR", "1997-09-05 10-03 11-07 12-05"),
        (
            "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
            "1997-09-07 28 11-02 30 1998-01-04 25 03-01 29 05-03 31",
        ),
        ("FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "1997-09-22 10-20 11-17 12-22 1998-01-19 02-16"),
        ("FREQ=MONTHLY;COUNT=6;BYMONTHDAY=-3", "1997-09-28 10-29 11-28 12-29 1998-01-29 02-26"),
        ("FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15", "1997-09-02 15 10-02 15 11-02 15 12-02 15 1998-01-02 15"),
        ("FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1", "1997-09-30 10-01 31 11-01 30 12-01 31 1998-01-01 31 02-01"),
        (
            "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
            "1997-09-10 11 12 13 14 15 1999-03-10 11 12 13",
        ),
        ("FREQ=MONTHLY;INTERVAL=2;BYDAY=TU;COUNT=10", "1997-09-02 09 16 23 30 11-04 11 18 25 1998-01-06"),
        ("FREQ=YEARLY;COUNT=4;BYMONTH=6,7", "1997-06-10 07-10 1998-06-10 07-10"),
        ("FREQ=YEARLY;INTERVAL=2;COUNT=4;BYMONTH=1,2,3", "1997-03-10 1999-01-10 02-10 03-10"),
        ("FREQ=YEARLY;BYDAY=20MO;COUNT=3", "1997-05-19 1998-05-18 1999-05-17"),
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=TH;COUNT=7", "1997-03-13 20 27 1998-03-05 12 19 26"),
        ("FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8;COUNT=5", "1997-06-05 12 19 26 07-03"),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=4", "1998-02-13 03-13 11-13 1999-08-13"),
        (
            "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13;COUNT=6",
            "1997-09-13 10-11 11-08 12-13 1998-01-10 02-07",
        ),
        ("FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=1", "1996-11-05"),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997-09-04 10-07 11-06"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=5", "1997-09-29 10-30 11-27 12-30 1998-01-29"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1997-08-05 10 19 24"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1997-08-05 17 19 31"),
        ("FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "2007-01-15 30 02-15 03-15 30"),
        # Not of the RFC: days that some months and years have not, a last week, a week over the end of a year.
        ("FREQ=MONTHLY;COUNT=5", "2027-01-31 03-31 05-31 07-31 08-31"),
        ("FREQ=YEARLY;UNTIL=20300227", "2028-02-29"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1;COUNT=3", "2027-02-28 2028-02-29 2029-02-28"),
        ("FREQ=MONTHLY;BYDAY=5MO;COUNT=4", "2027-03-29 05-31 08-30 11-29"),
        ("FREQ=YEARLY;BYDAY=-1SU;COUNT=2", "2027-12-26 2028-12-31"),
        ("FREQ=MONTHLY;BYDAY=MO,2TU;COUNT=6", "2027-03-01 08 09 15 22 29"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SA;COUNT=5", "2026-12-28 2027-01-02 11 16 25"),
        ("FREQ=WEEKLY;BYMONTH=12;BYDAY=TH,FR;COUNT=4", "2026-12-31 2027-12-02 03 09"),
        ("FREQ=DAILY;BYMONTHDAY=-1,1;COUNT=5", "2028-02-29 03-01 31 04-01 30"),
    ],
)
def test_the_days_of_a_rule(rule: str, expected: str) -> None:
    # Those of the rules, too, that no calendar of Exchange holds: they are read, to be compared and refused.
    meant = list(days(expected))
    when = at_nine(meant[0])
    if "BYMONTH=1;UNTIL" in rule:
        meant += [f"1999-01-0{day}" for day in (1, 2, 3)]
    starts = series.starts(Schedule(when=when, rule=spell(canonical(read(rule), when))))
    assert [start.isoformat() for start in starts] == [f"{day}T09:00:00" for day in meant]


MONTH_DAYS = [*range(1, 32), *range(-31, 0)]


@st.composite
def rules(draw: Any) -> tuple[dict[str, str], date]:
    """A rule's parts, and a start that it often yields."""
    start = date(2024, 1, 1) + timedelta(days=draw(st.integers(0, 4 * 366)))
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = {"FREQ": frequency}
    if draw(st.booleans()):
        parts["INTERVAL"] = str(draw(st.integers(1, 5)))
    if draw(st.booleans()):
        parts["WKST"] = draw(st.sampled_from(WEEKDAYS))
    own = draw(st.booleans())
    if draw(st.booleans()):
        parts["BYMONTH"] = listed(draw(st.lists(st.integers(1, 12), min_size=1, max_size=4)), [start.month] * own)
    if frequency != "WEEKLY" and draw(st.booleans()):
        some = st.lists(st.sampled_from(MONTH_DAYS), min_size=1, max_size=6)
        parts["BYMONTHDAY"] = listed(draw(some), [start.day] * own)
    if draw(st.booleans()):
        most = 53 if frequency == "YEARLY" and "BYMONTH" not in parts else 5
        numbers = st.integers(-most, most) if frequency in ("MONTHLY", "YEARLY") and draw(st.booleans()) else st.just(0)
        some = st.lists(st.tuples(numbers, st.sampled_from(WEEKDAYS)), min_size=1, max_size=7)
        parts["BYDAY"] = listed([f"{nth or ''}{day}" for nth, day in draw(some)], [WEEKDAYS[start.weekday()]] * own)
    limited = {"BYMONTH", "BYMONTHDAY", "BYDAY"} & parts.keys()
    if limited and not (frequency == "WEEKLY" and "BYMONTH" in parts) and draw(st.booleans()):
        position = st.integers(-4, 4).filter(bool)
        parts["BYSETPOS"] = listed(draw(st.lists(position, min_size=1, max_size=3)), [])
    return parts, start


def listed(values: list[Any], own: list[Any]) -> str:
    return ",".join(str(value) for value in [*values, *own])


def read_with(endless: str, end: str, start: date) -> str:
    """The rule as it is read, whether or not Exchange can hold it. Raises :class:`ValueError`."""
    return spell(canonical(read(f"{endless};{end}"), whole(start)))


def endless(rule: str) -> str:
    return ";".join(part for part in rule.split(";") if not part.startswith(("COUNT=", "UNTIL=")))


@settings(max_examples=500, deadline=None)
@given(rules(), st.integers(1, 450))
def test_a_counted_rule_has_the_days_that_the_rfc_says_or_is_refused(said: tuple[dict[str, str], date], n: int) -> None:
    parts, start = said
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    meant = literal_rrule.days(text, start, start + MAX_SPAN, n)
    if meant[:1] != [start] or len(meant) < n or n > MAX_DATES:
        with pytest.raises(ValueError, match="must"):
            read_with(text, f"COUNT={n}", start)
    else:
        rule = read_with(text, f"COUNT={n}", start)
        assert list(series.starts(Schedule(when=whole(start), rule=rule))) == meant
        assert spell(canonical(read(rule), whole(start))) == rule, "what is plain stays as it is"


@settings(max_examples=300, deadline=None)
@given(rules(), st.integers(0, MAX_SPAN.days))
def test_a_rule_until_a_day_has_the_days_that_the_rfc_says_or_is_refused(
    said: tuple[dict[str, str], date], length: int
) -> None:
    parts, start = said
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    last = start + timedelta(days=length)
    meant = literal_rrule.days(text, start, last)
    if meant[:1] != [start] or len(meant) > MAX_DATES:
        with pytest.raises(ValueError, match="must"):
            read_with(text, f"UNTIL={last:%Y%m%d}", start)
    else:
        rule = read_with(text, f"UNTIL={last:%Y%m%d}", start)
        assert list(series.starts(Schedule(when=whole(start), rule=rule))) == meant
        assert rule == read_with(text, f"UNTIL={meant[-1]:%Y%m%d}", start), "as far as it goes is as far"


@st.composite
def simple_rules(draw: Any) -> tuple[dict[str, str], date]:
    """What people ask for most: near the templates, on both sides of them."""
    parts, start = draw(rules())
    keep = draw(st.lists(st.sampled_from(["INTERVAL", "WKST"]), unique=True))
    simple = {name: value for name, value in parts.items() if name in ("FREQ", *keep)}
    length = calendar.monthrange(start.year, start.month)[1]
    own, nth = WEEKDAYS[start.weekday()], (start.day - 1) // 7 + 1
    last = start.day > length - 7
    sets = ["MO,TU,WE,TH,FR", "SA,SU", "MO,TU,WE,TH,FR,SA,SU", f"{own},MO", own]
    window = ",".join(str(7 * nth - n) for n in range(7) if 7 * nth - n <= 31)
    if parts["FREQ"] in ("MONTHLY", "YEARLY"):
        simple |= draw(
            st.sampled_from(
                [
                    {},
                    {"BYMONTHDAY": str(start.day)},
                    {"BYMONTHDAY": str(start.day - length - 1)},
                    {"BYDAY": f"{-1 if last else nth}{own}"},
                    {"BYDAY": draw(st.sampled_from(sets)), "BYSETPOS": str(draw(st.sampled_from([1, nth, -1, -2])))},
                    {"BYDAY": own},
                    {"BYDAY": own, "BYMONTHDAY": window},
                ]
            )
        )
    elif draw(st.booleans()):
        simple["BYDAY"] = draw(st.sampled_from(sets))
    if draw(st.booleans()):
        steps = draw(st.sampled_from([1, 2, 3, 4, 6, 12]))
        simple["BYMONTH"] = ",".join(str((start.month - 1 + n) % 12 + 1) for n in range(0, 12, steps))
    return simple, start


@settings(max_examples=500, deadline=None)
@given(st.one_of(simple_rules(), rules()), st.integers(1, 60))
def test_what_is_accepted_exchange_shows_on_the_same_days_and_what_it_shows_so_is_accepted(
    said: tuple[dict[str, str], date], n: int
) -> None:
    parts, start = said
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    meant = literal_rrule.days(text, start, start + MAX_SPAN, n)
    assume(meant[:1] == [start] and len(meant) == n)
    try:
        rule = series.rule(f"{text};COUNT={n}", whole(start))
    except InvalidField as error:
        rule, refused = "", error.message
    if not rule:
        assert "Outlook" in refused, "why it is not possible"
        assert literal_rrule.exchange(text, start, meant[-1]) != meant, "Exchange could have held it as it was written"
    else:
        assert literal_rrule.exchange(endless(rule), start, meant[-1]) == meant
        assert series.rule(rule, whole(start)) == rule, "what is plain stays as it is"


LEAP_DAY = "2028-02-29"
EVERYTHING = ",".join(f"{sign}{n}{day}" for sign in ("", "-") for n in range(1, 6) for day in WEEKDAYS)


@pytest.mark.parametrize(
    ("day", "rule"),
    [
        ("2027-03-12", "FREQ=DAILY;BYMONTHDAY=31;BYMONTH=2;COUNT=1"),
        ("2027-03-12", "FREQ=DAILY;COUNT=999999999"),
        ("2027-03-12", "FREQ=DAILY;UNTIL=20290311"),
        ("2027-03-12", "FREQ=DAILY;UNTIL=99991231"),
        ("2027-03-12", "FREQ=DAILY;INTERVAL=7;BYDAY=SA;COUNT=2"),
        ("2027-03-12", "FREQ=DAILY;INTERVAL=999;COUNT=400"),
        ("2027-03-12", "FREQ=WEEKLY;INTERVAL=999;BYMONTH=7;COUNT=400"),
        ("2027-03-12", "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO,TU,WE,TH,FR,SA;WKST=TH;COUNT=366"),
        ("2027-03-12", "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30;COUNT=2"),
        ("2027-02-12", "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=-31;COUNT=2"),
        ("2027-03-12", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30,31;COUNT=2"),
        ("2027-03-12", "FREQ=YEARLY;BYDAY=FR,53MO,-53TU,53WE;COUNT=106"),
        ("2027-03-12", f"FREQ=YEARLY;BYMONTH=1,2,3,4,5,6,7,8,9,10,11,12;BYDAY={EVERYTHING};COUNT=400"),
        ("2027-03-12", "FREQ=YEARLY;BYDAY=MO,TU,FR;COUNT=9;BYSETPOS=" + ",".join(map(str, range(1, 130)))),
        ("2027-03-12", "FREQ=MONTHLY;BYDAY=MO,TU,FR;COUNT=9;BYSETPOS=" + ",".join(map(str, range(1, 130)))),
        (LEAP_DAY, "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=TU;COUNT=2"),
        (LEAP_DAY, "FREQ=DAILY;INTERVAL=730;BYMONTH=2;BYMONTHDAY=29;BYDAY=TU;COUNT=2"),
        (LEAP_DAY, "FREQ=MONTHLY;INTERVAL=7;BYMONTHDAY=29;BYMONTH=2;BYDAY=TU;COUNT=2"),
        (LEAP_DAY, "FREQ=YEARLY;COUNT=400"),
        (LEAP_DAY, "FREQ=YEARLY;INTERVAL=3;COUNT=2"),
        ("2027-03-12", "FREQ=DAILY;" * 100_000),
        ("2027-03-12", "FREQ=DAILY;BYMONTHDAY=" + "1," * 100_000),
        ("2027-03-12", "FREQ=DAILY;COUNT=" + "9" * 100_000),
        ("2027-03-12", "FREQ=DAILY;COUNT=400"),
    ],
    ids=lambda text: re.sub(r"(.{70}).+", r"\1…", text),
)
def test_no_rule_takes_long(day: str, rule: str) -> None:
    def spent() -> float:
        began = time.process_time()
        try:
            found = Schedule(when=when, rule=series.rule(rule, when))
            series.starts.cache_clear()
            calendar_entries.rule_and_exdates.cache_clear()
            series.yielded_by_rule.cache_clear()
            assert len(series.starts(found)) <= MAX_DATES
            calendar_entries.rule_and_exdates(found)
        except InvalidField:
            pass
        return time.process_time() - began

    when = at_nine(day)
    assert min(spent() for _ in range(5)) < 0.05
