"""What people do to the dates of a series: more of the sentences of :mod:`tests.conversation_steps`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from convoke.model import DateChange, Event, LocalTime
from convoke.schedule import edits, series, series_changes
from convoke.web.walltimes import read_when
from tests.conversation_steps import ACTIONS as ACTIONS
from tests.conversation_steps import CLOCK, NAME, TIME, Stage, local_time, says, when
from tests.factories import EVENT_ID, NEW_ID

NAMES = rf"{NAME}(?:(?:, | and ){NAME})*"


# --- what Ada does ------------------------------------------------------------------------------------------------


def _change(stage: Stage, change: Callable[[Event], Event]) -> None:
    stage.become(change(stage.world.event()))


@says(rf'Ada cancels the date (?P<date>{NAME})(?:: "(?P<reason>.*)")?')
def _cancel(stage: Stage, date: str, reason: str | None) -> None:
    _change(stage, lambda event: edits.cancel_date(event, local_time(date), reason or ""))


@says(rf"Ada restores the date (?P<date>{NAME})")
def _restore(stage: Stage, date: str) -> None:
    _change(stage, lambda event: edits.restore_date(event, local_time(date)))


@says(rf"Ada moves the date (?P<date>{NAME}) to (?P<start>{NAME})(?: to (?P<end>{CLOCK}))?")
def _move(stage: Stage, date: str, start: str, end: str | None) -> None:
    event = stage.world.event()
    one = edits.date(event, local_time(date))
    length = timedelta(days=(one.when.end - one.when.start).days)
    last = f"{start[:10]}T{end}" if end else (local_time(start) + length).isoformat()
    moved = read_when(start=start.replace(" ", "T"), end=last, duration=None, time_zone=event.when.time_zone)
    stage.become(edits.change_date(event, replace(edits.change_of(event, one.date), when=moved)))


@says(rf'Ada (?P<verb>calls|describes|holds) the date (?P<date>{NAME}) (?:as |in )?"(?P<text>.*)"')
def _write(stage: Stage, verb: str, date: str, text: str) -> None:
    change = edits.change_of(stage.world.event(), local_time(date))
    match verb:
        case "calls":
            change = replace(change, title=text)
        case "describes":
            change = replace(change, description=text)
        case "holds":
            change = replace(change, location=text)
    _change(stage, lambda event: edits.change_date(event, change))


@says(rf"Ada puts the date (?P<date>{NAME}) back")
def _put_back(stage: Stage, date: str) -> None:
    _change(stage, lambda event: edits.change_date(event, DateChange(date=local_time(date))))


@says(rf"Ada adds the date (?P<date>{NAME})")
def _add(stage: Stage, date: str) -> None:
    _change(stage, lambda event: edits.add_date(event, local_time(date), None))


@says(r"Ada makes the rule (?P<rule>FREQ=\S+)")
def _make_the_rule(stage: Stage, rule: str) -> None:
    def other(event: Event) -> Event:
        return edits.reschedule(event, replace(event, rule=series.rule(rule, event.when)))[0]

    _change(stage, other)


@says(rf'Ada splits it at (?P<date>{NAME})(?:, (?:called "(?P<title>.*)"|at (?P<time>{TIME})))?')
def _split(stage: Stage, date: str, title: str | None, time: str | None) -> None:
    def other(new: Event) -> Event:
        schedule = series_changes.moved(new.schedule, when(time) if time else new.when)
        after = replace(new, when=schedule.when, rule=schedule.rule, added=schedule.added, title=title or new.title)
        return edits.reschedule(new, after)[0]

    stage.world.cut(local_time(date), other)
    stage.world.copy_all()
    stage.ring(EVENT_ID)
    for person in stage.world.everybody(NEW_ID):
        stage.meet(person)


# --- what the others do -------------------------------------------------------------------------------------------


@says(rf"(?P<who>\w+) registers for (?P<dates>{NAMES})")
def _register(stage: Stage, who: str, dates: str) -> None:
    stage.register(who, occurrences=local_times(dates), named=len(stage.world.event().earlier))


@says(rf"(?P<who>\w+) chooses (?P<dates>{NAMES}|all dates)")
def _choose(stage: Stage, who: str, dates: str) -> None:
    chosen = None if dates == "all dates" else local_times(dates)
    stage.change_registration(who, occurrences=chosen, named=len(stage.world.event().earlier))


# --- dates --------------------------------------------------------------------------------------------------------


def local_times(text: str) -> tuple[LocalTime, ...]:
    return tuple(map(local_time, text.replace(" and ", ", ").split(", ")))
