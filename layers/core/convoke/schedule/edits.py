"""An organizer's edits to the dates of a series. Each function returns the changed event. Pure: nothing is stored.

A date is named by its original start. If a series moves, its n-th date remains the n-th: changes of single dates get
its new name, but keep the time that they say. If it gets another rule, changes of dates that this does not yield are
dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from ..model import ConvokeError, DateChange, Event, EventStatus, InvalidField, LocalTime, Occurrence, Schedule, When
from . import calendar_entries, series, series_changes
from .recurrence import MAX_DATES, MAX_SPAN
from .series import takes_place

MAX_EARLIER_SCHEDULES = 200
"""How many earlier schedules an event may have. They are kept if the names of dates changed with them, since
registrations may still use the former names."""
MAX_EARLIER_BYTES = 60_000
"""About how many bytes they may take, since they are stored in the item of the event."""
MAX_TEXT_BYTES = {"title": 24_000, "location": 24_000, "description": 100_000, "reason": 24_000}
"""How many bytes of each field all changed dates of a series may have together, since they are stored in one item."""


class NoSuchDate(ConvokeError):
    """The series has no date of that name. The argument is the name in ISO 8601."""


def date(event: Event, name: LocalTime) -> Occurrence:
    """The date of this name. Raises :class:`NoSuchDate` if there is none."""
    found = series.by_name(event).get(name)
    if found is None:
        raise NoSuchDate(name.isoformat())
    return found


def cancel_date(event: Event, name: LocalTime, reason: str) -> Event:
    """Cancel one date. If no other date takes place, the whole event is cancelled.

    Raises :class:`NoSuchDate`, or :class:`InvalidField` if the changed dates have too much text of their own.
    """
    cancelled = change_date(event, replace(_change(event, name), cancelled=True, reason=reason))
    if takes_place(cancelled):
        return cancelled
    return replace(cancelled, status=EventStatus.CANCELLED, reason=reason)


def restore_date(event: Event, name: LocalTime) -> Event:
    """Let a cancelled date take place again, with the changes that it had."""
    return change_date(event, replace(_change(event, name), cancelled=False, reason=""))


def reopen(event: Event, names: Iterable[LocalTime] = ()) -> Event:
    """Let a cancelled event take place again, confirmed, and of its cancelled dates those of ``names``.

    Raises :class:`NoSuchDate`, or :class:`InvalidField` if no date would take place.
    """
    for name in names:
        date(event, name)
        event = restore_date(event, name)
    if not takes_place(event):
        raise InvalidField("occurrences", "is required: every date is cancelled, and one has to take place again")
    return replace(event, status=EventStatus.CONFIRMED, reason="")


def change_date(event: Event, change: DateChange) -> Event:
    """Replace all changes of one date; what is as in the series is no change. Raises :class:`InvalidField` if the
    changed dates have too much text.
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
    for field, most in MAX_TEXT_BYTES.items():
        if sum(len((getattr(one, field) or "").encode()) for one in changes) > most:
            raise InvalidField(field, "is too much: the changed dates of one series have too much text of their own")
    return replace(event, changes=_in_order(changes))


def change_of(event: Event, name: LocalTime) -> DateChange:
    """How a date differs from the series; without differences all fields are ``None``. Raises :class:`NoSuchDate`."""
    date(event, name)
    return _change(event, name)


def add_date(event: Event, start: LocalTime, when: When | None) -> Event:
    """Add a date that is as long as the others, or that takes place at ``when``.

    If a rule yields exactly the resulting dates, the event gets that rule; otherwise the date is put into ``added``.
    Raises :class:`InvalidField` if ``start`` cannot be a further date of this series.
    """
    if isinstance(start, datetime) != isinstance(event.when.start, datetime):
        raise InvalidField("start", "must be a date, or a time, as the start of the series is")
    first, starts = event.when.start, series.starts(event.schedule)
    if start in starts:
        raise InvalidField("start", "is a date of the series already")
    if start < first:
        raise InvalidField("start", "must not be before the first date of the series")
    if start > first + MAX_SPAN:
        raise InvalidField("start", "must be within two years of the first date")
    if len(starts) >= MAX_DATES:
        raise InvalidField("start", f"is one too many: a series has at most {MAX_DATES} dates")
    added = tuple(sorted((*event.added, start)))
    schedule = calendar_entries.by_rule(replace(event.schedule, added=added))
    longer = reschedule(event, replace(event, rule=schedule.rule, added=schedule.added))[0]
    if when is None or when == series.when_at(longer.schedule, start):
        return longer
    return change_date(longer, DateChange(date=start, when=when))


def reschedule(before: Event, after: Event) -> tuple[Event, tuple[LocalTime, ...]]:
    """Change the schedule of an event from that of ``before`` to that of ``after``.

    Returns ``after`` with ``changes`` under the names of its schedule, and the names of the changed dates that it no
    longer has. Raises :class:`InvalidField` if the schedule was changed too often, has too many dates, or if no date
    would take place.
    """
    if before.schedule == after.schedule:
        return after, ()
    earlier = (*before.earlier, before.schedule) if _is_named_otherwise(before, after) else before.earlier
    if len(earlier) > MAX_EARLIER_SCHEDULES or sum(map(_size, earlier)) > MAX_EARLIER_BYTES:
        raise InvalidField("recurrence", "was changed too often; cancel the event, and make a new one")
    if len(series.starts(after.schedule)) > MAX_DATES:
        raise InvalidField("recurrence", f"yields too many dates: with those that were added at most {MAX_DATES}")
    # An event with a single date has no changes of single dates.
    names = series_changes.renamed(before.schedule, after.schedule) if after.recurs else {}
    kept = [replace(one, date=names[one.date]) for one in before.changes if one.date in names]
    fits = [one if _fits(one, after.when) else replace(one, when=None) for one in kept]
    dropped = tuple(one.date for one in before.changes if one.date not in names)
    changes = _in_order(one for one in fits if one != DateChange(date=one.date))
    after = replace(after, changes=changes, earlier=earlier)
    if not takes_place(after):
        raise InvalidField("recurrence", "leaves no date that takes place: cancel the event instead")
    return after, dropped


def back_to(event: Event, former: Event) -> Event:
    """``event`` with the content of ``former``, as it was some changes before. Its versions and times stay, and so do
    its earlier schedules, by whose names some may have registered since, and at which of them it was split.

    Raises :class:`InvalidField` if the schedule was changed too often.
    """
    back = replace(
        former, version=event.version, earlier=event.earlier, splits=event.splits, updated_at=event.updated_at
    )
    if event.schedule == former.schedule:
        return back
    # What single dates had then is under the names that they have again.
    return replace(back, earlier=reschedule(event, back)[0].earlier)


def _is_named_otherwise(before: Event, after: Event) -> bool:
    """Whether somebody may use a name that a date does not have any more. The date of a single event has none, unless
    it is what a series was left with.
    """
    if not before.recurs and not before.earlier:
        return False
    names = series_changes.renamed(before.schedule, after.schedule)
    return before.when.time_zone != after.when.time_zone or any(
        names.get(start) != start for start in series.starts(before.schedule)
    )


def _size(schedule: Schedule) -> int:
    """About how many bytes ``schedule`` takes in the item of the event."""
    return 200 + len(schedule.rule or "") + 25 * len(schedule.added)


def split(event: Event, since: LocalTime, event_id: str, now: datetime) -> tuple[Event, Event]:
    """Split a series ("this and all following"): the event with the dates before ``since``, a new one with the rest.

    The new event has the id ``event_id`` and is created at ``now`` (UTC). Raises :class:`NoSuchDate`, or
    :class:`InvalidField` if no date of one of the two would take place: then an edit of the whole event is meant.
    """
    date(event, since)
    left = series_changes.shortened(event.schedule, since)
    if left is None:
        raise InvalidField("from", "is the first date: change the event itself")
    before = tuple(one for one in event.changes if one.date < since)
    if not takes_place(replace(_scheduled(event, left), changes=before)):
        raise InvalidField("from", "has no date before it that takes place: change the event itself")
    # Where it was split before and not noted when, any of its schedules so far may have been the one.
    former = tuple(range(len(event.earlier))) if event.was_split and not event.splits else event.splits
    splits = (*former, len(event.earlier))
    old, _ = reschedule(event, replace(_scheduled(event, left), was_split=True, splits=splits))
    new = replace(
        _scheduled(event, series_changes.rest(event.schedule, since)),
        event_id=event_id,
        version=1,
        changes=tuple(one for one in event.changes if one.date >= since),
        earlier=(),
        was_split=False,
        splits=(),
        former_texts=(),
        external_id="",
        created_at=now,
        updated_at=now,
    )
    if not takes_place(new):
        raise InvalidField("from", "has no date after it that takes place: shorten the series instead")
    return old, new


def _scheduled(event: Event, schedule: Schedule) -> Event:
    return replace(event, when=schedule.when, rule=schedule.rule, added=schedule.added)


def _change(event: Event, name: LocalTime) -> DateChange:
    return next((one for one in event.changes if one.date == name), DateChange(date=name))


def _in_order(changes: Iterable[DateChange]) -> tuple[DateChange, ...]:
    return tuple(sorted(changes, key=lambda one: one.date.isoformat()))


def _fits(change: DateChange, when: When) -> bool:
    """Whether the time of the change, if it has one, is timed or all-day as the series is."""
    return change.when is None or change.when.all_day is when.all_day
