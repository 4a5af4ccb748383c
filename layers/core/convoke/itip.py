"""What a calendar says: a Message as iCalendar bytes (RFC 5545, RFC 5546).

Order and spelling of what is written never vary: a message under one SEQUENCE and DTSTAMP is always the same
bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

from . import lines, series
from .lines import Line, clean, component, line, one_line
from .model import EventStatus, Method, Person, Unsayable, Wall, When
from .timezones import vtimezone
from .told import Message, is_separate

PRODID = "-//Convoke//Convoke//EN"  # no version: it would change the bytes
DECLINE_COUNTER = "DECLINECOUNTER"

# UTC by its names. It is written as `...Z`, without a VTIMEZONE: every client reads that alike, and a TZID may not
# stand beside a time in UTC (RFC 5545, section 3.2.19).
_UTC = frozenset({"Etc/UCT", "Etc/UTC", "Etc/Universal", "Etc/Zulu", "UCT", "UTC", "Universal", "Zulu"})

_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_UID = re.compile(r"[A-Za-z0-9._@-]{1,255}")


def calendar(message: Message, *, sequence: int, dtstamp: datetime) -> bytes:
    """The whole VCALENDAR of ``message``, read back and found to hold exactly what was meant.

    Raises :class:`Unsayable`, naming the property, where it does not. ``dtstamp`` is an instant in UTC.
    """
    if not _UID.fullmatch(message.entry_uid):
        raise Unsayable("UID has characters that not every mail system keeps")
    meant = component(
        "VCALENDAR",
        line("PRODID", PRODID),
        line("VERSION", "2.0"),
        line("CALSCALE", "GREGORIAN"),
        line("METHOD", message.method),
        *_zones(message),
        *component("VEVENT", *_event(message, sequence, dtstamp), *_alarms(message)),
    )
    written = lines.write(meant)
    _compare(meant, written)
    return written


def declined(
    *, uid: str, sequence: int, dtstamp: datetime, organizer: Person, date: datetime | date | None, comment: str
) -> bytes:
    """The VCALENDAR that declines a proposal (METHOD:DECLINECOUNTER, RFC 5546, section 3.2.8), read back as meant.

    ``uid`` and ``sequence`` are those of the proposal; ``date`` is the one date that it was about: an instant in UTC,
    or a whole day. A date that is an entry of its own has no RECURRENCE-ID. It holds no more than that: it takes
    nothing back and tells no time.
    """
    if not _UID.fullmatch(uid):
        raise Unsayable("UID has characters that not every mail system keeps")
    whole_day = date is not None and not isinstance(date, datetime)
    named = "" if date is None or is_separate(uid) else f"{date:%Y%m%d}" if whole_day else f"{date:%Y%m%dT%H%M%SZ}"
    meant = component(
        "VCALENDAR",
        line("PRODID", PRODID),
        line("VERSION", "2.0"),
        line("CALSCALE", "GREGORIAN"),
        line("METHOD", DECLINE_COUNTER),
        *component(
            "VEVENT",
            line("UID", uid),
            *((line("RECURRENCE-ID", named, **({"VALUE": "DATE"} if whole_day else {})),) if named else ()),
            line("SEQUENCE", str(sequence)),
            line("DTSTAMP", _instant(dtstamp)),
            line("ORGANIZER", f"mailto:{_mailto(organizer)}", **_named(organizer)),
            line("COMMENT", one_line(comment)),
        ),
    )
    written = lines.write(meant)
    _compare(meant, written)
    return written


def address(email: str) -> str:
    """``email`` as mail and calendars carry it: the domain in Punycode. Raises :class:`Unsayable` where they cannot."""
    local, _, domain = email.rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise Unsayable("an address has a domain that does not exist in Punycode") from error
    if not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise Unsayable("an address has characters that mail cannot carry")
    return f"{local}@{domain}"


def description(message: Message) -> str:
    """The description, and after it the link to join by: most clients do not show CONFERENCE."""
    text = clean(message.description).strip()
    if message.conference is None:
        return text
    link = f"{one_line(message.conference.label) or 'Join'}: {uri(message.conference.uri)}"
    return f"{text}\n\n{link}" if text else link


def uri(text: str) -> str:
    """``text`` as a URI: all that may not stand in one is percent-encoded."""
    return quote(one_line(text), safe="%/:?#[]@!$&'()*+,;=~")


def _zones(message: Message) -> Iterator[Line]:
    """The VTIMEZONE of each TZID that is used, right for all the life of a series."""
    times = [message.when]
    if message.recurs:
        starts = series.starts(message.schedule)
        times += [series.when_at(message.schedule, start) for start in (starts[0], starts[-1])]
    if message.recurrence_id is not None:
        times.append(When(start=message.recurrence_id, end=message.recurrence_id, time_zone=message.date_zone))
    zones: dict[str, list[datetime]] = {}
    for when in times:
        if not when.all_day and when.time_zone is not None and when.time_zone not in _UTC:
            zones.setdefault(when.time_zone, []).extend((when.starts_at, when.ends_at))
    for zone, instants in zones.items():
        yield from vtimezone(zone, min(instants), max(instants))


def _event(message: Message, sequence: int, dtstamp: datetime) -> Iterator[Line]:
    cancels = message.method is Method.CANCEL
    yield line("UID", message.entry_uid)
    if message.recurrence_id is not None:
        yield _wall("RECURRENCE-ID", message.recurrence_id, message.date_zone)
    yield line("SEQUENCE", str(sequence))
    yield line("DTSTAMP", _instant(dtstamp))
    yield line("CREATED", _instant(message.created_at))
    yield line("LAST-MODIFIED", _instant(max(message.created_at, message.updated_at)))
    yield from _when(message)
    yield from _dates(message)
    yield line("SUMMARY", one_line(message.title))
    if not cancels and (text := description(message)):
        yield line("DESCRIPTION", text)
    if location := one_line(message.location):
        yield line("LOCATION", location)
    if not cancels:
        yield from _links(message)
    yield line("ORGANIZER", f"mailto:{_mailto(message.organizer)}", **_named(message.organizer))
    yield line(
        "ATTENDEE",
        f"mailto:{_mailto(message.attendee)}",
        CUTYPE="INDIVIDUAL",
        ROLE="REQ-PARTICIPANT",
        PARTSTAT=message.participation.upper(),
        **({} if cancels else {"RSVP": "TRUE" if message.asks else "FALSE"}),
        **_named(message.attendee),
    )
    tentative = message.status is EventStatus.TENTATIVE
    yield line("STATUS", "CANCELLED" if cancels else "TENTATIVE" if tentative else "CONFIRMED")
    yield line("TRANSP", "TRANSPARENT" if cancels else "OPAQUE")
    yield line("CLASS", "PUBLIC")
    yield line("X-MICROSOFT-CDO-BUSYSTATUS", "FREE" if cancels else "TENTATIVE" if tentative else "BUSY")
    yield line("X-MICROSOFT-CDO-ALLDAYEVENT", "TRUE" if message.when.all_day else "FALSE")
    if cancels or not message.receives_replies:
        # Another time may be proposed for what takes place, where the proposal is received.
        yield line("X-MICROSOFT-DISALLOW-COUNTER", "TRUE")


def _when(message: Message) -> Iterator[Line]:
    when = message.when
    if not isinstance(when.start, datetime) or not isinstance(when.end, datetime):
        # DTEND is the first day that is free again (RFC 5545, section 3.6.1).
        yield _wall("DTSTART", when.start, None)
        yield _wall("DTEND", when.end + timedelta(days=1), None)
        return
    yield _wall("DTSTART", when.start, when.time_zone)
    yield _wall("DTEND", when.end, when.time_zone)


def _wall(name: str, wall: Wall, zone: str | None) -> Line:
    """A wall time of ``zone``, or a day."""
    if not isinstance(wall, datetime):
        return line(name, f"{wall:%Y%m%d}", VALUE="DATE")
    # A time that the clock shows twice is the first of the two (section 3.3.5): the second can only be said in UTC.
    if zone is None or zone in _UTC or wall.fold:
        return line(name, _instant(When(start=wall, end=wall, time_zone=zone or "UTC").starts_at))
    return line(name, f"{wall:%Y%m%dT%H%M%S}", TZID=zone)


def _dates(message: Message) -> Iterator[Line]:
    """Which dates a series has: its rule, and those that do not take place. Exchange takes no RDATE for what it is."""
    if not message.recurs:
        return
    said, zone = series.wire(message.schedule), message.when.time_zone
    if said.rule is not None:
        yield line("RRULE", said.rule)
    # One to a line: some clients read only the first of several.
    for without in sorted({*message.without, *said.excluded}):
        yield _wall("EXDATE", without, zone)


def _links(message: Message) -> Iterator[Line]:
    if message.url:
        yield line("URL", uri(message.url))
    if message.conference:
        label = one_line(message.conference.label)
        yield line("CONFERENCE", uri(message.conference.uri), VALUE="URI", **({"LABEL": label} if label else {}))


def _alarms(message: Message) -> Iterator[Line]:
    if message.method is Method.CANCEL:
        return
    for reminder in message.reminders:
        before = f"-{reminder}" if reminder.nominal else "PT0S"
        yield from component(
            "VALARM",
            line("ACTION", "DISPLAY"),
            line("DESCRIPTION", one_line(message.title)),
            line("TRIGGER", before, RELATED="START"),
        )


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _mailto(person: Person) -> str:
    local, _, domain = address(person.email).rpartition("@")
    return quote(local, safe="!$&'*+/=_~.-") + "@" + domain


def _named(person: Person) -> dict[str, str]:
    name = one_line(person.name)
    return {"CN": name} if name else {}


def _compare(meant: tuple[Line, ...], written: bytes) -> None:
    """Raise :class:`Unsayable` unless ``written`` holds the lines that were meant, in that order, and no other."""
    try:
        found = lines.read(written)
    except ValueError as error:
        raise Unsayable(f"the calendar cannot be read back: {error}") from error
    for was, now in zip(meant, found, strict=False):
        if was != now:
            raise Unsayable(f"{was.name} does not read back as it was meant")
    if len(meant) != len(found):
        raise Unsayable(f"{len(meant)} lines were meant, {len(found)} are there")
