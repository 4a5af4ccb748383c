"""One entry of a person's calendar: read from a VEVENT, and its times in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from icalendar import Event, Timezone, vDDDTypes

from . import rules
from .letters import printable
from .rules import Moment, day
from .shelf import same


class State(StrEnum):
    STANDS = "stands"
    REMOVED = "removed"  # it was here, and a CANCEL removed it
    NEVER_WAS = "never was"  # a CANCEL arrived first; kept so that a late, older REQUEST does not add it


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the calendar.

    ``start`` and ``end`` are datetimes in ``zone``, or dates (``end`` exclusive). ``original`` is a RECURRENCE-ID and
    ``date_id`` its name whatever zone it is told in, empty for a single event or a whole series. ``participation`` is a
    PARTSTAT, empty where the person is not an ATTENDEE.
    """

    uid: str
    original: Moment | None
    sequence: int
    dtstamp: datetime
    state: State
    title: str
    start: Moment
    end: Moment
    zone: str
    where: str
    description: str
    status: str
    rule: str
    added: tuple[Moment, ...]
    excluded: tuple[Moment, ...]
    participation: str
    organizer: str
    attendee: str
    event: Event
    zones: tuple[Timezone, ...]

    @property
    def date_id(self) -> str:
        if self.original is None:
            return ""
        name = "%Y%m%dT%H%M%SZ" if isinstance(self.original, datetime) else "%Y%m%d"
        return instant(self.original).strftime(name)

    @property
    def revision(self) -> tuple[int, datetime]:
        return self.sequence, self.dtstamp

    @property
    def stands(self) -> bool:
        return self.state is State.STANDS

    @property
    def can_answer(self) -> bool:
        return self.stands and bool(self.organizer and self.attendee)

    @property
    def sort_key(self) -> datetime:
        start = instant(self.start)
        return start if isinstance(start, datetime) else datetime.combine(start, time(), UTC)


def read(event: Any, zones: tuple[Timezone, ...], address: str) -> Entry:
    """Read a VEVENT. Raises one of several errors if it is broken or lacks what iTIP requires."""
    attendee = next((name for name in _mailboxes(event, "ATTENDEE") if same(str(name)[7:], address)), None)
    organizer = next(iter(_mailboxes(event, "ORGANIZER")), None)
    stamp = event["DTSTAMP"].dt
    return Entry(
        uid=str(event["UID"]),
        original=event["RECURRENCE-ID"].dt if "RECURRENCE-ID" in event else None,
        sequence=int(event.get("SEQUENCE", 0)),
        dtstamp=stamp.astimezone(UTC),
        state=State.STANDS,
        title=printable(str(event.get("SUMMARY", ""))) or "(no title)",
        start=event.start,
        end=event.end,
        zone=printable(_zone(event)),
        where=printable(str(event.get("LOCATION", ""))),
        description=str(event.get("DESCRIPTION", "")),
        status=str(event.get("STATUS", "CONFIRMED")).upper(),
        rule=_written(event, "RRULE"),
        added=_moments(event, "RDATE"),
        excluded=_moments(event, "EXDATE"),
        participation=str(attendee.params.get("PARTSTAT", "NEEDS-ACTION")).upper() if attendee is not None else "",
        organizer=str(organizer)[7:] if organizer is not None else "",
        attendee=str(attendee)[7:] if attendee is not None else "",
        event=event,
        zones=zones,
    )


def _mailboxes(event: Any, name: str) -> list[Any]:
    found = event.get(name, [])
    every = found if isinstance(found, list) else [found]
    return [one for one in every if str(one)[:7].lower() == "mailto:"]


def _written(event: Any, name: str) -> str:
    """A property's value as it is written; empty if it is absent."""
    return event[name].to_ical().decode() if name in event else ""


def _zone(event: Any) -> str:
    start = event.start
    if not isinstance(start, datetime):
        return ""
    return str(event["DTSTART"].params.get("TZID", "UTC" if start.tzinfo else "any zone"))


def _moments(event: Any, name: str) -> tuple[Moment, ...]:
    found = event.get(name, [])
    lists = found if isinstance(found, list) else [found]
    every = [one.dt for dates in lists for one in dates.dts]
    return tuple(one[0] if isinstance(one, tuple) else one for one in every)  # a period begins with its start


def instant(moment: Moment) -> Moment:
    """A time in UTC for comparison (a naive one is taken for UTC); a date as it is."""
    if not isinstance(moment, datetime):
        return moment
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def one_date(series: Entry, start: Moment) -> Entry:
    """The date of a series that begins at ``start``, as an entry of its own; all dates are as long as the first."""
    event = Event(series.event)
    for name in ("RRULE", "RDATE", "EXDATE", "DTEND", "DURATION"):
        event.pop(name, None)
    length: Any = instant(series.end) - instant(series.start)
    end = instant(start) + length
    if isinstance(start, datetime) and isinstance(end, datetime):
        end = end.astimezone(start.tzinfo) if start.tzinfo else end.replace(tzinfo=None)
    for name, moment in (("RECURRENCE-ID", start), ("DTSTART", start), ("DTEND", end)):
        event[name] = vDDDTypes(moment)
    return replace(series, original=start, start=start, end=end, rule="", added=(), excluded=(), event=event)


def when(entry: Entry) -> str:
    """Start and end in words, in the event's own zone."""
    last = entry.end - timedelta(days=1)
    if not isinstance(entry.start, datetime) and last > entry.start:
        return f"{day(entry.start)} – {day(last)}, all day"
    return f"{day(entry.start)}, {hours(entry)}"


def short_day(moment: Moment, beside: Moment) -> str:
    """``Fri 12 Mar``, with the year if it is not that of ``beside``."""
    return f"{moment:%a} {moment.day} {moment:%b}" + (f" {moment.year}" if moment.year != beside.year else "")


def day_and_time(moment: Moment) -> str:
    return f"{day(moment)}, {moment:%H:%M}" if isinstance(moment, datetime) else day(moment)


def hours(entry: Entry) -> str:
    """Only the times, such as ``09:00 – 10:30``; of whole days, that they are."""
    start, end = entry.start, entry.end
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        last = end - timedelta(days=1)
        return "all day" if last <= start else f"until {day(last)}, all day"
    if start.date() == end.date():
        return f"{start:%H:%M} – {end:%H:%M}"
    return f"{start:%H:%M} – {day(end)}, {end:%H:%M}"


def repeats(entry: Entry) -> str:
    """A series in words: its rule as a phrase if it is simple enough, else as it is written."""
    return rules.in_words(entry.rule, entry.start) if entry.rule else "on several dates"
