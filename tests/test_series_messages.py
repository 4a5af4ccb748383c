"""From whatever was told to whatever is true, one message after the other, until the calendar holds the truth.

The calendar is that of a recipient who follows RFC 5546 to the letter, that of a careless one, and that of one who can
hold no more than Exchange.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from convoke.calendar import itip
from convoke.decision.calendar_state import CalendarState, Message
from convoke.decision.decide import next_message
from convoke.model import (
    DateChange,
    Event,
    EventStatus,
    InvalidField,
    LocalTime,
    Method,
    Registration,
    RegistrationStatus,
    When,
)
from convoke.schedule import edits, series, series_changes
from tests import rfc5546
from tests.factories import NOW, SENDER, event, registration
from tests.rfc5545 import instant

WEEKLY = "FREQ=WEEKLY;COUNT=5"
FRIDAY = When(start=datetime(2027, 3, 12, 9, 0), end=datetime(2027, 3, 12, 10, 30), time_zone="Europe/Berlin")


class Attendee:
    """Somebody who is told one message after the other, and their calendars."""

    def __init__(self, person: Registration) -> None:
        self.person = person
        self.calendar_state: CalendarState | None = None
        self.sequence = -1
        self.said: list[Message] = []
        self.literal = rfc5546.Recipient()
        self.careless = rfc5546.Recipient(careless=True)
        self.strict = rfc5546.Strict()

    def next(self, event: Event, now: datetime = NOW) -> Message | None:
        return next_message(event, self.person, self.calendar_state, SENDER, now)

    def apply_report(self, event: Event, most: int, now: datetime = NOW) -> int:
        """Tell them up to ``most`` messages; answers how many it took until there was nothing to say."""
        for count in range(most):
            message = self.next(event, now)
            if message is None:
                return count
            self.sequence += 1
            dtstamp = NOW + timedelta(seconds=self.sequence)
            read = rfc5546.read(itip.calendar(message, sequence=self.sequence, dtstamp=dtstamp))
            self.literal.take(read)
            self.careless.take(read)
            self.strict.take(read)
            self.calendar_state = message.calendar_state(sequence=self.sequence, dtstamp=dtstamp)
            self.said.append(message)
        return most


def truth(event: Event, person: Registration) -> list[tuple[Any, ...]]:
    """What the calendar of ``person`` should show, in the order of time."""
    if event.status not in (EventStatus.CONFIRMED, EventStatus.TENTATIVE):
        return []
    if person.status is not RegistrationStatus.REGISTERED:
        return []
    dates = series.occurrences(event)
    if person.occurrences is not None:
        names = set(series_changes.named(event, person.occurrences, person.named).values())
        dates = tuple(one for one in dates if one.date in names)
    return sorted(
        (one.when.starts_at, one.when.ends_at, one.title, one.location, one.description)
        for one in dates
        if not one.cancelled
    )


def shown(recipient: rfc5546.Recipient) -> list[tuple[Any, ...]]:
    return sorted(
        (instant(one.start), instant(one.end), one.title, one.location, one.description)
        for dates in recipient.shows().values()
        for one in dates.values()
    )


# --- what organizers do -------------------------------------------------------------------------------------------

Change = Callable[[Random, Event], Event]


def _some_date(dice: Random, event: Event) -> Any:
    return dice.choice(series.occurrences(event)).date


def cancel(dice: Random, event: Event) -> Event:
    after = edits.cancel_date(event, _some_date(dice, event), "")
    return after if after.status is event.status else event


def restore(dice: Random, event: Event) -> Event:
    return edits.restore_date(event, _some_date(dice, event))


def change_date(event: Event, change: DateChange) -> Event:
    """Of a series: what would be other about the only date is other about the event."""
    return edits.change_date(event, change) if event.recurs else event


def move_date(dice: Random, event: Event) -> Event:
    one = dice.choice(series.occurrences(event))
    by = timedelta(hours=dice.choice((1, 5, 26, -50, 24 * 5, -24 * 6, 24 * 7, 24 * 8, -24 * 9)))
    when = one.when
    moved = replace(when, start=when.start + by, end=when.end + by)
    return change_date(event, replace(edits.change_of(event, one.date), when=moved))


def put_back(dice: Random, event: Event) -> Event:
    return change_date(event, DateChange(date=_some_date(dice, event)))


def name_date(dice: Random, event: Event) -> Event:
    change = edits.change_of(event, _some_date(dice, event))
    return change_date(event, replace(change, title=dice.choice(("Rehearsal", "Concert"))))


def name(dice: Random, event: Event) -> Event:
    return replace(event, title=dice.choice(("Choir", "Quire", "Chorus")))


def relocate(dice: Random, event: Event) -> Event:
    return replace(event, location=dice.choice(("", "Dom", "Hall 2")))


def move(dice: Random, event: Event) -> Event:
    """At another hour, unless the API refuses that: an added date would become one that the rule yields."""
    by = timedelta(hours=dice.choice((1, 3)))
    when = replace(event.when, start=event.when.start + by, end=event.when.end + by)
    try:
        after = series_changes.moved(event.schedule, when)
    except InvalidField:
        return event
    return edits.reschedule(event, replace(event, when=after.when, rule=after.rule, added=after.added))[0]


def lengthen(dice: Random, event: Event) -> Event:
    return _follow(event, f"FREQ=WEEKLY;COUNT={dice.choice((3, 4, 6, 8))}")


def every_second_week(dice: Random, event: Event) -> Event:
    return _follow(event, f"FREQ=WEEKLY;INTERVAL=2;COUNT={dice.choice((2, 4))}")


def _follow(event: Event, rule: str) -> Event:
    """With another rule, unless all that it leaves is cancelled."""
    try:
        return edits.reschedule(event, replace(event, rule=series.rule(rule, event.when)))[0]
    except InvalidField:
        return event


def add(dice: Random, event: Event) -> Event:
    last = series.starts(event.schedule)[-1]
    later = timedelta(days=dice.choice((3, 5, 7, 10, 14)), hours=dice.choice((0, 0, 4)))
    start = dice.choice((event.when.start, last)) + later
    return event if start in series.starts(event.schedule) else edits.add_date(event, start, None)


def one_or_by_rule(dice: Random, event: Event) -> Event:
    """Without a rule, or with one. What was added stays."""
    rule = dice.choice((None, WEEKLY))
    try:
        return edits.reschedule(event, replace(event, rule=rule and series.rule(rule, event.when)))[0]
    except InvalidField:
        return event


def draft(dice: Random, event: Event) -> Event:
    return replace(event, status=dice.choice((EventStatus.DRAFT, EventStatus.CONFIRMED)))


# What leaves every date its name.
KEEP_NAMES: tuple[Change, ...] = (
    *(cancel, cancel, restore, move_date, move_date, put_back, name_date),
    *(name, relocate, lengthen, draft),
)
RENAME: tuple[Change, ...] = (move, every_second_week, add, add, one_or_by_rule)


def a_history(seed: int, changes: tuple[Change, ...], *, some: bool, doubt: float = 0.2) -> tuple[Event, Attendee]:
    """An event after a few changes, and somebody who was told some of them, some of that in doubt."""
    dice = Random(seed)  # noqa: S311 (chance, not a secret)
    rule = None if not some and dice.random() < 0.3 else series.rule(WEEKLY, FRIDAY)
    what = event(when=FRIDAY, rule=rule, title="Choir")
    bo = Attendee(registration(occurrences=series.starts(what.schedule)[1:4] if some else None))
    for _ in range(dice.randrange(1, 9)):
        bo.apply_report(what, dice.choice((0, 1, 2, 50)))
        if bo.calendar_state is not None and dice.random() < doubt:
            bo.calendar_state = bo.calendar_state.doubted
        what = replace(dice.choice(changes)(dice, what), version=what.version + 1)
    return what, bo


@pytest.mark.parametrize("some", [False, True], ids=["all dates", "some dates"])
@settings(deadline=None)
@given(seed=st.integers(0, 10**9))
def test_from_any_told_to_any_truth_the_calendar_comes_to_hold_the_truth(some: bool, seed: int) -> None:
    what, bo = a_history(seed, KEEP_NAMES + RENAME, some=some)
    before = len(bo.said)
    bound = 2 * len(series.occurrences(what)) + 12
    assert bo.apply_report(what, bound + 1) <= bound, [(said.method, said.date) for said in bo.said[before:]]
    assert bo.next(what) is None
    assert shown(bo.literal) == truth(what, bo.person)
    assert all(said.method is not Method.CANCEL or said.state_before is not None for said in bo.said)


@settings(deadline=None)
@given(seed=st.integers(0, 10**9), over=st.integers(0, 4))
def test_what_is_to_come_is_true_in_the_calendar_whatever_is_over(seed: int, over: int) -> None:
    what, bo = a_history(seed, KEEP_NAMES + RENAME, some=False)
    ends = [one.when.ends_at for one in series.occurrences(what)]
    now = ends[over % len(ends)]
    assume(now < series.ends_at(what))
    bo.apply_report(what, 100, now)
    assert bo.next(what, now) is None
    held, true = shown(bo.literal), truth(what, bo.person)
    assert [one for one in held if one[1] > now] == [one for one in true if one[1] > now]


@pytest.mark.parametrize("some", [False, True], ids=["all dates", "some dates"])
@settings(deadline=None)
@given(seed=st.integers(0, 10**9))
def test_a_calendar_that_keeps_single_dates_when_the_series_is_told_anew_holds_the_truth_too(
    some: bool, seed: int
) -> None:
    what, bo = a_history(seed, KEEP_NAMES, some=some)
    bo.apply_report(what, 100)

    assert bo.next(what) is None
    assert shown(bo.careless) == truth(what, bo.person)


@pytest.mark.parametrize("some", [False, True], ids=["all dates", "some dates"])
@settings(deadline=None)
@given(seed=st.integers(0, 10**9))
def test_a_calendar_that_can_hold_no_more_than_exchange_holds_the_truth_too(some: bool, seed: int) -> None:
    what, bo = a_history(seed, KEEP_NAMES + RENAME, some=some, doubt=0.0)
    bo.apply_report(what, 200)

    assert bo.next(what) is None
    refused = [(said.uid, said.sequence, said.recurrence_id) for said in bo.strict.refused]
    assert (refused if not some else [], shown(bo.strict)) == ([], truth(what, bo.person))


def _of_series(count: int, *changes: DateChange, interval: int = 1) -> Event:
    rule = series.rule(f"FREQ=WEEKLY;INTERVAL={interval};COUNT={count}", FRIDAY)
    return event(when=FRIDAY, rule=rule, title="Choir", changes=changes)


def _named(week: int) -> DateChange:
    return DateChange(date=_friday(week), title="Concert")


def _off(week: int) -> DateChange:
    return DateChange(date=_friday(week), cancelled=True)


def _friday(week: int) -> LocalTime:
    return FRIDAY.start + timedelta(weeks=week)


def _beyond(week: int, days: int) -> DateChange:
    start, end = (moment + timedelta(weeks=week, days=days) for moment in (FRIDAY.start, FRIDAY.end))
    return DateChange(date=_friday(week), when=replace(FRIDAY, start=start, end=end))


@pytest.mark.parametrize(
    ("before", "after", "weeks"),
    [
        (_of_series(2, _off(0), _named(1)), _of_series(2, _off(0), interval=2), [None, 1]),
        (_of_series(2, _off(0), _named(1)), _of_series(2, _off(1)), [None, 1, 0]),
        (_of_series(2, _off(0), _named(1)), _of_series(3, _off(0), _beyond(1, 8)), [None, 1, 1]),
        (_of_series(3, _off(0), _named(1), _named(2)), _of_series(2, _off(0), interval=3), [1, None, 2]),
        (_of_series(2, _named(1)), _of_series(2, interval=2), [1, None]),
    ],
    ids=["not by the new rule", "the other one after all", "beyond the next", "two of them", "not the last one"],
)
def test_the_last_date_that_a_series_shows_is_cancelled_only_once_the_series_shows_another(
    before: Event, after: Event, weeks: list[int | None]
) -> None:
    bo = Attendee(registration())
    bo.apply_report(before, 100)
    told = len(bo.said)
    bo.apply_report(after, 100)

    assert [said.date for said in bo.said[told:]] == [None if week is None else _friday(week) for week in weeks]
    assert bo.strict.refused == []
    for calendar in (bo.literal, bo.careless, bo.strict):
        assert shown(calendar) == truth(after, bo.person)


def test_the_last_date_that_a_series_shows_is_cancelled_where_nothing_is_repeated_any_more() -> None:
    before = _of_series(3, _off(0), _off(1), _named(2))
    bo = Attendee(registration())
    bo.apply_report(before, 100)
    after, dropped = edits.reschedule(before, edits.restore_date(replace(before, rule=None), _friday(0)))
    assert dropped
    bo.apply_report(after, 100)
    for calendar in (bo.literal, bo.careless, bo.strict):
        assert shown(calendar) == truth(after, bo.person)


@settings(deadline=None)
@given(seed=st.integers(0, 10**9))
def test_who_comes_no_more_holds_nothing_whatever_they_were_told(seed: int) -> None:
    what, bo = a_history(seed, KEEP_NAMES + RENAME, some=False)
    bo.person = replace(bo.person, status=RegistrationStatus.CANCELLED)
    bo.apply_report(what, 100)
    assert bo.next(what) is None
    assert (shown(bo.literal), shown(bo.careless), shown(bo.strict)) == ([], [], [])


@settings(deadline=None)
@given(seed=st.integers(0, 10**9))
def test_another_address_gets_all_of_it_and_the_old_one_keeps_nothing(seed: int) -> None:
    what, bo = a_history(seed, KEEP_NAMES + RENAME, some=False)
    before = {said.generation for said in bo.said}
    bo.person = replace(bo.person, email="other@example.net")
    bo.apply_report(what, 200)
    assert bo.next(what) is None
    assert shown(bo.literal) == truth(what, bo.person)
    standing = bo.literal.shows()
    old = {said.entry_uid for said in bo.said if said.generation in before and said.attendee.email != bo.person.email}
    assert not old & set(standing)
