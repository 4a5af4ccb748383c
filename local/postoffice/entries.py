"""One line of a person's calendar: read from a VEVENT, told in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from icalendar import Event, Timezone

from .letters import printable
from .shelf import same


class State(StrEnum):
    STANDS = "stands"
    REMOVED = "removed"  # it stood here, and a CANCEL took it away
    NEVER_WAS = "never was"  # a CANCEL came for what was not here; kept so that a late, older REQUEST does not add it


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the calendar.

    ``start`` and ``end`` are datetimes in ``zone``, or dates (``end`` exclusive). ``date_id`` is a RECURRENCE-ID, empty
    for a single event or a whole series. ``participation`` is a PARTSTAT, empty where the person is not an ATTENDEE.
    """

    uid: str
    date_id: str
    sequence: int
    dtstamp: datetime
    state: State
    title: str
    start: datetime | date
    end: datetime | date
    zone: str
    where: str
    status: str
    rule: str
    excluded: tuple[str, ...]
    participation: str
    organizer: str
    attendee: str
    event: Event
    zones: tuple[Timezone, ...]

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
        start = self.start if isinstance(self.start, datetime) else datetime.combine(self.start, time())
        return start if start.tzinfo else start.replace(tzinfo=UTC)


def read(event: Any, zones: tuple[Timezone, ...], address: str) -> Entry:
    """Read a VEVENT; raise one of several errors where it is broken or lacks what every iTIP object has."""
    attendee = next((name for name in _mailboxes(event, "ATTENDEE") if same(str(name)[7:], address)), None)
    organizer = next(iter(_mailboxes(event, "ORGANIZER")), None)
    stamp = event["DTSTAMP"].dt
    return Entry(
        uid=str(event["UID"]),
        date_id=_written(event, "RECURRENCE-ID"),
        sequence=int(event.get("SEQUENCE", 0)),
        dtstamp=stamp.astimezone(UTC),
        state=State.STANDS,
        title=printable(str(event.get("SUMMARY", ""))) or "(no title)",
        start=event.start,
        end=event.end,
        zone=printable(_zone(event)),
        where=printable(str(event.get("LOCATION", ""))),
        status=str(event.get("STATUS", "CONFIRMED")).upper(),
        rule=_written(event, "RRULE"),
        excluded=_excluded(event),
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
    """A property's value as it is written, empty where it is absent."""
    return event[name].to_ical().decode() if name in event else ""


def _zone(event: Any) -> str:
    start = event.start
    if not isinstance(start, datetime):
        return ""
    return str(event["DTSTART"].params.get("TZID", "UTC" if start.tzinfo else "any zone"))


def _excluded(event: Any) -> tuple[str, ...]:
    found = event.get("EXDATE", [])
    lists = found if isinstance(found, list) else [found]
    return tuple(day(one.dt) for dates in lists for one in dates.dts)


def day(moment: datetime | date) -> str:
    """``Fri 12 March 2027``"""
    return f"{moment:%a} {moment.day} {moment:%B %Y}"


def when(entry: Entry) -> str:
    """From when to when, in words, in the event's own zone."""
    start, end = entry.start, entry.end
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        last = end - timedelta(days=1)
        return f"{day(start)}, all day" if last <= start else f"{day(start)} – {day(last)}, all day"
    if start.date() == end.date():
        return f"{day(start)}, {start:%H:%M} – {end:%H:%M}"
    return f"{day(start)}, {start:%H:%M} – {day(end)}, {end:%H:%M}"


def repeats(entry: Entry) -> str:
    """A series in words: its plain rules in a sentence, others as they are written."""
    parts = dict(part.partition("=")[::2] for part in entry.rule.split(";"))
    often = {"DAILY": "every day", "WEEKLY": "every week", "MONTHLY": "every month", "YEARLY": "every year"}
    if parts.keys() - {"FREQ", "COUNT"} or parts.get("FREQ") not in often:
        return entry.rule
    return often[parts["FREQ"]] + (f", {parts['COUNT']} times" if "COUNT" in parts else "")
