"""What an organizer does to the dates of a series: each answers the event as it is then. Pure; who stores it, tells it.

A date is named by its original start. It is the n-th of its rule: where the series moves, what is other about single
dates moves along in name, not in time; where the rule becomes another, what it no longer yields is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from . import series
from .model import ConvokeError, DateChange, Event, EventStatus, InvalidField, Occurrence, Schedule, Wall, When

MOST_SCHEDULES = 200
"""How many schedules a series may have had: those are remembered by which registrations may name dates of which the
names have become others."""
MOST_PAST = 60_000
"""Bytes that they may take, about: they are kept with the event."""
MOST_TEXT = {"title": 24_000, "location": 24_000, "description": 100_000, "reason": 24_000}
"""Bytes that all changed dates of a series may have of their own: they are kept together, and told one by one."""


class NoSuchDate(ConvokeError):
    """The series has no date of that name."""


def takes_place(event: Event) -> bool:
    """Whether it has a date that is not cancelled."""
    return any(not one.cancelled for one in series.occurrences(event))


def date(event: Event, name: Wall) -> Occurrence:
    """The date of this name. Raises :class:`NoSuchDate`."""
    found = next((one for one in series.occurrences(event) if one.date == name), None)
    if found is None:
        raise NoSuchDate(name.isoformat())
    return found


def cancel_date(event: Event, name: Wall, reason: str) -> Event:
    """Without that date. The last one that is left is the event: without it, all of it is cancelled.

    Raises :class:`InvalidField` where the changed dates have too much text of their own.
    """
    cancelled = _with(event, replace(_change(event, name), cancelled=True, reason=reason))
    if takes_place(cancelled):
        return cancelled
    return replace(cancelled, status=EventStatus.CANCELLED, reason=reason)


def restore_date(event: Event, name: Wall) -> Event:
    """With that date again, as it was when it was cancelled."""
    return _with(event, replace(_change(event, name), cancelled=False, reason=""))


def change_date(event: Event, change: DateChange) -> Event:
    """With that date changed. Raises :class:`InvalidField` where the changed dates have too much text of their own."""
    return _with(event, change)


def change_of(event: Event, name: Wall) -> DateChange:
    """What is other about a date, nothing where it is as the series says. Raises :class:`NoSuchDate`."""
    date(event, name)
    return _change(event, name)


def add_date(event: Event, start: Wall, when: When | None) -> Event:
    """With one more date, as long as the others, or from when to ``when``. Raises :class:`InvalidField`.

    Where a rule yields just these dates, the event has that rule; else the date stands beside what it has.
    """
    if isinstance(start, datetime) != isinstance(event.when.start, datetime):
        raise InvalidField("start", "must be a date, or a time, as the start of the series is")
    first, starts = event.when.start, series.starts(event.schedule)
    if start in starts:
        raise InvalidField("start", "is a date of the series already")
    if start < first:
        raise InvalidField("start", "must not be before the first date of the series")
    if start > first + series.LONGEST:
        raise InvalidField("start", "must be within two years of the first date")
    if len(starts) >= series.MOST:
        raise InvalidField("start", f"is one too many: a series has at most {series.MOST} dates")
    added = tuple(sorted((*event.added, start)))
    schedule = series.by_rule(replace(event.schedule, added=added))
    longer = reschedule(event, replace(event, rule=schedule.rule, added=schedule.added))[0]
    if when is None or when == series.when_at(longer.schedule, start):
        return longer
    return _with(longer, DateChange(date=start, when=when))


def reschedule(before: Event, after: Event) -> tuple[Event, tuple[Wall, ...]]:
    """``after``, its single dates named as its schedule names them; and the names of those that are dropped.

    Raises :class:`InvalidField` where the schedule was changed too often, has too many dates, or none would take place.
    """
    if before.schedule == after.schedule:
        return after, ()
    earlier = (*before.earlier, before.schedule) if _is_named_otherwise(before, after) else before.earlier
    if len(earlier) > MOST_SCHEDULES or sum(map(_size, earlier)) > MOST_PAST:
        raise InvalidField("recurrence", "was changed too often; cancel the event, and make a new one")
    if len(series.starts(after.schedule)) > series.MOST:
        raise InvalidField("recurrence", f"yields too many dates: with those that were added at most {series.MOST}")
    # Of a single date nothing is other than the event says.
    names = series.renamed(before.schedule, after.schedule) if after.recurs else {}
    kept = [replace(one, date=names[one.date]) for one in before.changes if one.date in names]
    fits = [one if _fits(one, after.when) else replace(one, when=None) for one in kept]
    dropped = tuple(one.date for one in before.changes if one.date not in names)
    changes = _in_order(one for one in fits if one != DateChange(date=one.date))
    after = replace(after, changes=changes, earlier=earlier)
    if not takes_place(after):
        raise InvalidField("recurrence", "leaves no date that takes place: cancel the event instead")
    return after, dropped


def _is_named_otherwise(before: Event, after: Event) -> bool:
    """Whether a date may be known by a name that it does not have any more. Nobody names the date of a single event."""
    if not before.recurs:
        return False
    names = series.renamed(before.schedule, after.schedule)
    return before.when.time_zone != after.when.time_zone or any(
        names.get(start) != start for start in series.starts(before.schedule)
    )


def _size(schedule: Schedule) -> int:
    return 200 + len(schedule.rule or "") + 25 * len(schedule.added)


def split(event: Event, since: Wall, event_id: str, now: datetime) -> tuple[Event, Event]:
    """ "This and all following": the event with the dates before ``since``, and a new one with those from it on.

    Raises :class:`NoSuchDate`, or :class:`InvalidField` where one of the two would have no date that takes place: then
    all of it is meant.
    """
    date(event, since)
    left = series.shortened(event.schedule, since)
    if left is None:
        raise InvalidField("from", "is the first date: change the event itself")
    before = tuple(one for one in event.changes if one.date < since)
    if not takes_place(replace(_scheduled(event, left), changes=before)):
        raise InvalidField("from", "has no date before it that takes place: change the event itself")
    old, _ = reschedule(event, _scheduled(event, left))
    new = replace(
        _scheduled(event, series.rest(event.schedule, since)),
        event_id=event_id,
        version=1,
        changes=tuple(one for one in event.changes if one.date >= since),
        earlier=(),
        created_at=now,
        updated_at=now,
    )
    if not takes_place(new):
        raise InvalidField("from", "has no date after it that takes place: shorten the series instead")
    return old, new


def _scheduled(event: Event, schedule: Schedule) -> Event:
    return replace(event, when=schedule.when, rule=schedule.rule, added=schedule.added)


def _change(event: Event, name: Wall) -> DateChange:
    return next((one for one in event.changes if one.date == name), DateChange(date=name))


def _with(event: Event, change: DateChange) -> Event:
    """The event with this change; what is as the series has it is no change. Raises :class:`InvalidField` for too much
    text.
    """
    plain = series.when_at(event.schedule, change.date)
    change = replace(
        change,
        when=None if change.when == plain else change.when,
        title=None if change.title == event.title else change.title,
        location=None if change.location == event.location else change.location,
        description=None if change.description == event.description else change.description,
    )
    others = [one for one in event.changes if one.date != change.date]
    empty = change == DateChange(date=change.date)
    changes = others if empty else [*others, change]
    for field, most in MOST_TEXT.items():
        if sum(len((getattr(one, field) or "").encode()) for one in changes) > most:
            raise InvalidField(field, "is too much: the changed dates of one series have too much text of their own")
    return replace(event, changes=_in_order(changes))


def _in_order(changes: Iterable[DateChange]) -> tuple[DateChange, ...]:
    return tuple(sorted(changes, key=lambda one: one.date.isoformat()))


def _fits(change: DateChange, when: When) -> bool:
    """Whether a date's own time is of the series' kind: a time among times, a day among days."""
    return change.when is None or change.when.all_day is when.all_day
