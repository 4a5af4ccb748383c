"""A recipient that follows RFC 5546 to the letter: what a calendar shows after messages in the order of their arrival.

It knows nothing of the code that decides and writes. :class:`Recipient` works on plain values, so that a simulation can
hand it :class:`Message` values without writing and reading iCalendar; :func:`read` makes one from what was really sent.

An object is known by its UID and RECURRENCE-ID; the higher SEQUENCE, or the same and the later DTSTAMP, is the newer
revision (section 2.1.5), and whatever is not newer changes nothing.

- A REQUEST without RECURRENCE-ID is the whole: it replaces what was told before it, of single dates too.
- A REQUEST with RECURRENCE-ID replaces that date alone; where there is no whole, the date stands by itself.
- A CANCEL with RECURRENCE-ID removes that date, one without removes all.
- A date that is older than the whole is void, in whatever order the two arrive.

So it does not matter in which order messages arrive. To a careless recipient it does (see :class:`Recipient`), and a
strict one does not take all of them (see :class:`Strict`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar

from convoke.model import frozen
from tests.rfc5545 import Moment, Zone, dates, instant, values, zones


@frozen
class Message:
    """One iTIP message about one object. Times have a zone; ``end`` is exclusive, as DTEND is."""

    method: str
    uid: str
    sequence: int
    dtstamp: datetime
    recurrence_id: Moment | None = None
    start: Moment
    end: Moment
    rule: str = ""
    added: tuple[Moment, ...] = ()
    excluded: tuple[Moment, ...] = ()
    title: str = ""
    location: str = ""
    description: str = ""
    status: str = "CONFIRMED"
    participation: str = "NEEDS-ACTION"

    @property
    def revision(self) -> tuple[int, datetime]:
        return self.sequence, self.dtstamp

    @property
    def stands(self) -> bool:
        return self.method in ("REQUEST", "PUBLISH")

    @property
    def recurs(self) -> bool:
        return bool(self.rule or self.added)

    def starts(self) -> tuple[Moment, ...]:
        return dates(self.start, self.rule, self.added, self.excluded)

    def shown(self, start: Moment) -> Shown:
        """The date that begins at ``start``: each lasts exactly as long as the first (section 3.8.5.3 of RFC 5545)."""
        length: Any = instant(self.end) - instant(self.start)
        return Shown(
            start=start,
            end=start + length,
            title=self.title,
            location=self.location,
            description=self.description,
            status=self.status,
            zone=self.start.tzinfo if isinstance(self.start, datetime) else None,
        )


@frozen
class Shown:
    """One date in a calendar: instants in UTC, or days (``end`` exclusive). ``zone`` is the one it was told in."""

    start: Moment
    end: Moment
    title: str
    location: str
    description: str
    status: str
    zone: tzinfo | None = field(default=None, compare=False)


class Known:
    """All that is known of one UID: the latest about the whole, and the latest about each single date."""

    def __init__(self) -> None:
        self.whole: Message | None = None
        self.single: dict[Moment, Message] = {}

    def shows(self) -> dict[Moment, Shown]:
        """What stands, by original start, in its order."""
        found = dict(self.without_changes())
        for original, one in self.single.items():
            found.pop(original, None)
            if one.stands:
                found[original] = one.shown(instant(one.start))
        return dict(sorted(found.items()))

    def without_changes(self) -> Iterator[tuple[Moment, Shown]]:
        """What the whole says of each date, whatever was told of single ones."""
        if self.whole is not None and self.whole.stands:
            yield from ((start, self.whole.shown(start)) for start in self.whole.starts())

    def removed(self) -> list[Moment]:
        """The dates that the series would have, and that it lost: to EXDATE or to a CANCEL."""
        if self.whole is None or not self.whole.stands:
            return []
        every = dates(self.whole.start, self.whole.rule, self.whole.added)
        shown = self.shows()
        return [start for start in every if start not in shown]


class Recipient:
    """A calendar that takes iTIP messages.

    A ``careless`` one does what some clients are known to do: it forgets what it has removed, so that an old REQUEST
    puts it back, obeys a CANCEL however old, and keeps single dates when the whole is replaced.
    """

    def __init__(self, *, careless: bool = False) -> None:
        self._careless = careless
        self.known: dict[str, Known] = {}

    def take(self, message: Message) -> None:
        known = self.known.setdefault(message.uid, Known())
        if self._careless:
            _take_carelessly(known, message)
        else:
            _take(known, message)

    def shows(self) -> Mapping[str, Mapping[Moment, Shown]]:
        """By UID what stands, by original start; a UID of which nothing stands is absent."""
        return {uid: shown for uid, known in self.known.items() if (shown := known.shows())}


class Strict(Recipient):
    """A calendar that can hold no more than Exchange can, and shows for ever as cancelled what was cancelled once.

    It does not take, and so shows something else than what was meant: an RDATE; a date of what is no series; a date
    that is moved past the one before or after it, onto the day of another, or into its time (MS-OXCICAL, section
    2.1.3.1.1.20.18); the removal of the last date that a series has; and what comes under a UID after its CANCEL.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[Message] = []
        self._ended: set[str] = set()

    def take(self, message: Message) -> None:
        known = self.known.setdefault(message.uid, Known())
        if message.uid in self._ended and message.stands:
            self.refused.append(message)
            return
        if message.added or not self._can_hold(known, message):
            self.refused.append(message)
            return
        super().take(message)
        if not message.stands and message.recurrence_id is None:
            self._ended.add(message.uid)

    def _can_hold(self, known: Known, message: Message) -> bool:
        whole = known.whole
        if message.recurrence_id is None or whole is None or not whole.stands:
            return True
        name, others = instant(message.recurrence_id), dict(known.shows())
        others.pop(name, None)
        if not whole.recurs or (not message.stands and not others):
            return False
        zone = whole.start.tzinfo if isinstance(whole.start, datetime) else None
        mine = message.shown(instant(message.start))
        return not message.stands or all(
            _day(one.start, zone) != _day(mine.start, zone)
            and (one.end <= mine.start if at < name else mine.end <= one.start)
            for at, one in others.items()
        )


def _day(moment: Moment, zone: tzinfo | None) -> date:
    return moment.astimezone(zone).date() if isinstance(moment, datetime) else moment


def _take(known: Known, message: Message) -> None:
    whole = known.whole
    if message.recurrence_id is None:
        if whole is None or message.revision > whole.revision:
            known.whole = message
            known.single = {at: one for at, one in known.single.items() if one.revision >= message.revision}
        return
    date = instant(message.recurrence_id)
    known_date = known.single.get(date)
    if whole is not None and message.revision < whole.revision:
        return
    if known_date is None or message.revision > known_date.revision:
        known.single[date] = message


def _take_carelessly(known: Known, message: Message) -> None:
    date = None if message.recurrence_id is None else instant(message.recurrence_id)
    standing = known.whole if date is None else known.single.get(date)
    if not message.stands and date is None:
        known.whole = None
        known.single = {}
    elif not message.stands and date is not None:
        known.single[date] = message
    elif standing is not None and standing.stands and message.revision <= standing.revision:
        return
    elif date is not None:
        known.single[date] = message
    else:
        known.whole = message
        # A removed date was only a hole in the series, and this is another series.
        known.single = {at: one for at, one in known.single.items() if one.stands}


def read(calendar: bytes) -> Message:
    """The one message in the calendar. Times are read by the VTIMEZONE that came along, else by the zone's name."""
    (one,) = read_all(calendar)
    return one


def read_all(calendar: bytes) -> list[Message]:
    """Each object in the calendar, as :func:`read` reads one."""
    by_name, rest = zones(calendar)
    whole: Any = Calendar.from_ical(rest.decode())
    return [_read(whole, event, by_name) for event in whole.walk("VEVENT")]


def _read(whole: Any, event: Any, by_name: Mapping[str, Zone]) -> Message:
    def every(name: str) -> tuple[Any, ...]:
        return tuple(_in_zone(moment, zone, by_name) for moment, zone in values(event, name))

    (start,), (end,) = every("DTSTART"), every("DTEND")
    return Message(
        method=str(whole["METHOD"]),
        uid=str(event["UID"]),
        sequence=int(event["SEQUENCE"]),
        dtstamp=event["DTSTAMP"].dt,
        recurrence_id=next(iter(every("RECURRENCE-ID")), None),
        start=start,
        end=end,
        rule=event["RRULE"].to_ical().decode() if "RRULE" in event else "",
        added=every("RDATE"),
        excluded=every("EXDATE"),
        title=str(event.get("SUMMARY", "")),
        location=str(event.get("LOCATION", "")),
        description=str(event.get("DESCRIPTION", "")),
        status=str(event.get("STATUS", "CONFIRMED")),
        participation=str(event["ATTENDEE"].params.get("PARTSTAT", "NEEDS-ACTION")) if "ATTENDEE" in event else "",
    )


def _in_zone(moment: Moment, name: str | None, by_name: Mapping[str, Zone]) -> Moment:
    if not isinstance(moment, datetime) or name is None:
        return moment
    return moment.replace(tzinfo=by_name.get(name) or ZoneInfo(name))
