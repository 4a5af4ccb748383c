"""Schedules to try things on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from convoke.model import Schedule, When
from convoke.schedule import series
from tests.literal_rrule import WEEKDAYS

HOUR = timedelta(hours=1)


def timed(start: str, zone: str = "Europe/Berlin", length: timedelta = HOUR) -> When:
    """So long by the clock on the wall."""
    first = datetime.fromisoformat(start)
    return When(start=first, end=first + length, time_zone=zone)


def whole(first: str, last: str | None = None, zone: str | None = None) -> When:
    return When(start=date.fromisoformat(first), end=date.fromisoformat(last or first), time_zone=zone)


def schedule(when: When, rule: str | None = None, *added: str) -> Schedule:
    read = datetime.fromisoformat if isinstance(when.start, datetime) else date.fromisoformat
    return Schedule(
        when=when, rule=series.rule(rule, when) if rule else None, added=tuple(read(start) for start in added)
    )


ZONES = ["Europe/Berlin", "America/New_York", "Africa/Cairo", "Africa/Casablanca", "Australia/Lord_Howe", "UTC"]


@st.composite
def schedules(draw: Any) -> Schedule:
    """With a rule or without, timed or not, often around a change of the clock and at night."""
    day = date(2027, 3, 1) + timedelta(days=draw(st.integers(0, 250)))
    own, other = WEEKDAYS[day.weekday()], draw(st.sampled_from(WEEKDAYS))
    if draw(st.booleans()):
        when = When(start=day, end=day + timedelta(days=draw(st.integers(0, 2))))
    else:
        time = datetime(day.year, day.month, day.day, draw(st.sampled_from([0, 1, 2, 3, 9, 23])), 30)
        zone = draw(st.sampled_from(ZONES))
        start = time.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone))
        when = timed(start.replace(tzinfo=None, fold=0).isoformat(), zone)
    nth = (day.day - 1) // 7 + 1 if day.day <= 28 else -1
    # Each yields its own start, wherever that is.
    rule = draw(
        st.sampled_from(
            [
                "FREQ=DAILY",
                "FREQ=DAILY;INTERVAL=3",
                "FREQ=WEEKLY",
                f"FREQ=WEEKLY;BYDAY={own},{other}",
                f"FREQ=WEEKLY;INTERVAL=2;WKST={draw(st.sampled_from(WEEKDAYS))};BYDAY={own},{other}",
                f"FREQ=MONTHLY;BYDAY={nth}{own}",
                # From the 29th on some months have no such day.
                "FREQ=MONTHLY" if day.day <= 28 else f"FREQ=MONTHLY;BYDAY=-1{own}",
                None,
            ]
        )
    )
    if rule and (rule == "FREQ=DAILY" or "," in rule) and not isinstance(when.start, datetime):
        when = replace(when, end=when.start)  # no series has dates that overlap
    if rule:
        count = draw(st.integers(1, 12))
        counted = Schedule(when=when, rule=series.rule(f"{rule};COUNT={count}", when))
        last = series.starts(counted)[-1]
        rule = counted.rule if draw(st.booleans()) else series.rule(f"{rule};UNTIL={last:%Y%m%d}", when)
    lengths = draw(st.lists(st.integers(1, 60), max_size=3, unique=True))
    beside = [when.start + timedelta(days=length) for length in lengths]
    if isinstance(when.start, datetime):
        beside = [start + draw(st.integers(0, 5)) * HOUR for start in beside]
    return Schedule(when=when, rule=rule, added=tuple(sorted(set(beside))))
