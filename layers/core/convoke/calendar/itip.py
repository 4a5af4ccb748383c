"""Writes a ``Message`` as an iCalendar object (RFC 5545, RFC 5546).

The order and spelling of properties never vary: one message with one SEQUENCE and DTSTAMP is always the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

from ..decision.calendar_state import Message, is_separate
from ..model import (
    EventStatus,
    LocalTime,
    Method,
    Person,
    RenderError,
    When,
)
from ..schedule import calendar_entries, series
from . import content_lines
from .content_lines import Line, clean, component, line, one_line
from .vtimezone import vtimezone

PRODID = "-//Convoke//Convoke//EN"  # no version: it would change the bytes
DECLINE_COUNTER = "DECLINECOUNTER"

# The names of UTC. Times in UTC are written as `...Z`, without a VTIMEZONE: all programs parse that alike, and TZID is
# not allowed with a time in UTC (RFC 5545, section 3.2.19).
_UTC = frozenset({"Etc/UCT", "Etc/UTC", "Etc/Universal", "Etc/Zulu", "UCT", "UTC", "Universal", "Zulu"})

_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_UID = re.compile(r"[A-Za-z0-9._@-]{1,255}")


def calendar(message: Message, *, sequence: int, dtstamp: datetime) -> bytes:
    """The whole VCALENDAR of ``message``, parsed again and compared with what was intended.

    Raises :class:`RenderError`, naming the property, if they differ. ``dtstamp`` is an instant in UTC.
    """
    if not _UID.fullmatch(message.entry_uid):
        raise RenderError("UID has characters that not every mail system keeps")
    meant = component(
        "VCALENDAR",
        line("PRODID", PRODID),
        line("VERSION", "2.0"),
        line("CALSCALE", "GREGORIAN"),
        line("METHOD", message.method),
        *_zones(message),
        *component("VEVENT", *_event(message, sequence, dtstamp), *_alarms(message)),
    )
    written = content_lines.write(meant)
    _compare(meant, written)
    return written


def declined(
    *, uid: str, sequence: int, dtstamp: datetime, organizer: Person, date: datetime | date | None, comment: str
) -> bytes:
    """The VCALENDAR that declines a proposal (METHOD:DECLINECOUNTER, RFC 5546, section 3.2.8).
    ``uid`` and ``sequence`` are those of the proposal; ``date`` is the occurrence that it was about, an instant in UTC
    or a whole day, or ``None``. A separate entry has no RECURRENCE-ID. There is no DTSTART: it does not change the
    calendar entry. Raises :class:`RenderError` as :func:`calendar` does.
    """
    if not _UID.fullmatch(uid):
        raise RenderError("UID has characters that not every mail system keeps")
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
    written = content_lines.write(meant)
    _compare(meant, written)
    return written


def address(email: str) -> str:
    """``email`` as it is written in mails and calendars: with its domain in Punycode. Raises :class:`RenderError` if it
    has characters that are not possible there.
    """
    local, _, domain = email.rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise RenderError("an address has a domain that does not exist in Punycode") from error
    if not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise RenderError("an address has characters that mail cannot carry")
    return f"{local}@{domain}"


def description(message: Message) -> str:
    """The description, followed by the link to join, since most programs do not show CONFERENCE."""
    text = clean(message.description).strip()
    if message.conference is None:
        return text
    link = f"{one_line(message.conference.label) or 'Join'}: {uri(message.conference.uri)}"
    return f"{text}\n\n{link}" if text else link


def uri(text: str) -> str:
    """``text`` as a URI: characters that are not allowed in one are percent-encoded."""
    return quote(one_line(text), safe="%/:?#[]@!$&'()*+,;=~")


def _zones(message: Message) -> Iterator[Line]:
    """The VTIMEZONE of each TZID that is used, correct from the first to the last date of a series."""
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
        yield _local_time("RECURRENCE-ID", message.recurrence_id, message.date_zone)
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
        # Proposals of another time are only welcome if the event takes place and they are received.
        yield line("X-MICROSOFT-DISALLOW-COUNTER", "TRUE")


def _when(message: Message) -> Iterator[Line]:
    when = message.when
    if not isinstance(when.start, datetime) or not isinstance(when.end, datetime):
        # DTEND is exclusive: the day after the last (RFC 5545, section 3.6.1).
        yield _local_time("DTSTART", when.start, None)
        yield _local_time("DTEND", when.end + timedelta(days=1), None)
        return
    yield _local_time("DTSTART", when.start, when.time_zone)
    yield _local_time("DTEND", when.end, when.time_zone)


def _local_time(name: str, local_time: LocalTime, zone: str | None) -> Line:
    """The property ``name`` with a local time of ``zone``, or a whole day."""
    if not isinstance(local_time, datetime):
        return line(name, f"{local_time:%Y%m%d}", VALUE="DATE")
    # A local time that occurs twice means the first of the two (section 3.3.5): the second can only be given in UTC.
    if zone is None or zone in _UTC or local_time.fold:
        return line(name, _instant(When(start=local_time, end=local_time, time_zone=zone or "UTC").starts_at))
    return line(name, f"{local_time:%Y%m%dT%H%M%S}", TZID=zone)


def _dates(message: Message) -> Iterator[Line]:
    """RRULE and EXDATE of a series. RDATE is never used, since Exchange does not support it."""
    if not message.recurs:
        return
    wire, zone = calendar_entries.wire(message.schedule), message.when.time_zone
    if wire.rule is not None:
        yield line("RRULE", wire.rule)
    # One date a line, since some programs read only the first of several.
    for without in sorted({*message.without, *wire.excluded}):
        yield _local_time("EXDATE", without, zone)


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


def _compare(intended: tuple[Line, ...], written: bytes) -> None:
    """Raise :class:`RenderError` unless ``written`` parses to exactly the lines ``intended``, in that order."""
    try:
        found = content_lines.read(written)
    except ValueError as error:
        raise RenderError(f"the calendar cannot be read back: {error}") from error
    for line_intended, line_found in zip(intended, found, strict=False):
        if line_intended != line_found:
            raise RenderError(f"{line_intended.name} does not read back as it was meant")
    if len(intended) != len(found):
        raise RenderError(f"{len(intended)} lines were meant, {len(found)} are there")
