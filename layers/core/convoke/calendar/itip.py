"""Writes a ``Message`` as an iCalendar object (RFC 5545, RFC 5546), with the library ``icalendar``.

The order and spelling of properties never vary: one message with one SEQUENCE and DTSTAMP is always the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from icalendar import Alarm, Calendar, Component, Event, Timezone, vCalAddress, vDDDTypes, vInt, vUri

from .. import languages
from ..decision.calendar_state import Message, is_separate
from ..model import EventStatus, LocalTime, Method, Participation, Person, RenderError, Schedule, When
from ..schedule import calendar_entries, series
from . import content_lines
from .content_lines import Line, clean, mailto, one_line, parameter, uri
from .corrections import Text, Unchanged, with_parameters
from .vtimezone import vtimezone

Property = tuple[str, Any]
"""The name of a property, and its value as the library has it."""
C = TypeVar("C", bound=Component)

PRODID = "-//Convoke//Convoke//EN"  # no version: it would change the bytes
DECLINE_COUNTER = "DECLINECOUNTER"

# The names of UTC. Times in UTC are written as `...Z`, without a VTIMEZONE: all programs parse that alike, and TZID is
# not allowed with a time in UTC (RFC 5545, section 3.2.19).
UTC_NAMES = frozenset({"Etc/UCT", "Etc/UTC", "Etc/Universal", "Etc/Zulu", "UCT", "UTC", "Universal", "Zulu"})

_UID = re.compile(r"[A-Za-z0-9._@-]{1,255}")
_TIME = "([0-9]{8}T[0-9]{6}Z)"
_PERSONAL_LINES = re.compile(
    rf"UID:({_UID.pattern})\r\nSEQUENCE:([0-9]+)\r\nDTSTAMP:{_TIME}\r\nCREATED:{_TIME}\r\nLAST-MODIFIED:{_TIME}\r\n"
    r"ATTENDEE;([A-Z]+=[A-Z-]+(?:;[A-Z]+=[A-Z-]+)*)"
    r'(?:;CN="([^"\x00-\x08\x0a-\x1f\x7f]*)")?:(mailto:[!-~]+)\r\n'
)


def calendar(message: Message, *, sequence: int, dtstamp: datetime) -> bytes:
    """The whole VCALENDAR of ``message``, parsed again and compared with what was intended.

    Raises :class:`RenderError`, naming the property, if they differ. ``dtstamp`` is an instant in UTC.
    """
    _check_uid(message.entry_uid)
    event = filled(Event(), _event(message, sequence, dtstamp))
    for alarm in _alarms(message):
        event.add_component(alarm)
    return written(message.method, (*time_zones(_times(message)), event))


def personal_lines(message: Message, sequence: int, dtstamp: datetime) -> tuple[bytes, bytes, bytes]:
    """The lines of the calendar of ``message`` that others who are sent the same do not have, as :func:`calendar`
    writes them: UID; SEQUENCE, DTSTAMP, CREATED and LAST-MODIFIED; ATTENDEE. Raises :class:`RenderError` as it does.
    """
    uid, attendee, created = message.entry_uid, message.attendee, message.created_at
    numbers = (str(sequence), _utc(dtstamp), _utc(created), _utc(max(created, message.updated_at)))
    params = _written_attendance(message.method, message.participation, message.asks)
    name, address = parameter(attendee.name), mailto(attendee.email)
    named = f";{content_lines.parameters((('CN', name),))}" if name else ""
    written = (
        content_lines.folded(f"UID:{uid}"),
        "SEQUENCE:{}\r\nDTSTAMP:{}\r\nCREATED:{}\r\nLAST-MODIFIED:{}\r\n".format(*numbers).encode(),
        content_lines.folded(f"ATTENDEE;{params}{named}:{address}"),
    )
    found = _PERSONAL_LINES.fullmatch(content_lines.unfolded(b"".join(written)))
    if found is None or found.groups("") != (uid, *numbers, params, name, address):
        raise RenderError("the attendee's lines do not read back as they were meant")
    return written


def declined(
    *, uid: str, sequence: int, dtstamp: datetime, organizer: Person, date: datetime | date | None, comment: str
) -> bytes:
    """The VCALENDAR that declines a proposal (METHOD:DECLINECOUNTER, RFC 5546, section 3.2.8).
    ``uid`` and ``sequence`` are those of the proposal; ``date`` is the occurrence that it was about, an instant in UTC
    or a whole day, or ``None``. A separate entry has no RECURRENCE-ID. There is no DTSTART: it does not change the
    calendar entry. Raises :class:`RenderError` as :func:`calendar` does.
    """
    _check_uid(uid)
    event = Event()
    event.add("UID", Text(uid))
    if date is not None and not is_separate(uid):
        event.add("RECURRENCE-ID", vDDDTypes(date))
    event.add("SEQUENCE", vInt(sequence))
    event.add("DTSTAMP", instant(dtstamp))
    event.add("ORGANIZER", person(organizer))
    event.add("COMMENT", Text(one_line(comment)))
    return written(DECLINE_COUNTER, (event,))


def description(message: Message) -> str:
    """The description, followed by the link to join, since most programs do not show CONFERENCE."""
    text = clean(message.description).strip()
    if message.conference is None:
        return text
    texts = languages.texts_in(message.event_language, message.language)
    label = one_line(message.conference.label) or texts.gettext("Join")
    link = texts.gettext("%(label)s: %(link)s", label=label, link=uri(message.conference.uri))
    return f"{text}\n\n{link}" if text else link


def written(method: str, components: Iterable[Component], more: Iterable[Property] = ()) -> bytes:
    """The VCALENDAR with these ``components``, and ``more`` properties after its METHOD, as bytes that read back.
    Raises :class:`RenderError` as :func:`calendar` does.
    """
    head = (("PRODID", PRODID), ("VERSION", "2.0"), ("CALSCALE", "GREGORIAN"), ("METHOD", method))
    whole = filled(Calendar(), (*((name, Text(value)) for name, value in head), *more))
    for component in components:
        whole.add_component(component)
    data = content_lines.write(whole)
    compare(content_lines.meant(whole), data)
    return data


def filled(component: C, properties: Iterable[Property]) -> C:
    """``component`` itself, with these properties added in their order."""
    for name, value in properties:
        component.add(name, value)
    return component


def _times(message: Message) -> Iterator[When]:
    """The times that the calendar of ``message`` has; of a series the first and the last."""
    yield message.when
    if message.recurs:
        starts = series.starts(message.schedule)
        yield from (series.when_at(message.schedule, start) for start in (starts[0], starts[-1]))
    if message.recurrence_id is not None:
        yield When(start=message.recurrence_id, end=message.recurrence_id, time_zone=message.date_zone)


def time_zones(times: Iterable[When]) -> Iterator[Timezone]:
    """The VTIMEZONE of each TZID that ``times`` need, correct from the first to the last of them."""
    zones: dict[str, list[datetime]] = {}
    for when in times:
        if not when.all_day and when.time_zone is not None and when.time_zone not in UTC_NAMES:
            zones.setdefault(when.time_zone, []).extend((when.starts_at, when.ends_at))
    for zone, instants in zones.items():
        yield vtimezone(zone, min(instants), max(instants))


def _event(message: Message, sequence: int, dtstamp: datetime) -> Iterator[Property]:
    cancels = message.method is Method.CANCEL
    yield "UID", Text(message.entry_uid)
    if message.recurrence_id is not None:
        yield "RECURRENCE-ID", local_time(message.recurrence_id, message.date_zone)
    yield "SEQUENCE", vInt(sequence)
    yield "DTSTAMP", instant(dtstamp)
    yield "CREATED", instant(message.created_at)
    yield "LAST-MODIFIED", instant(max(message.created_at, message.updated_at))
    yield from start_and_end(message.when)
    if message.recurs:
        yield from rule_and_exdates(message.schedule, message.without)
    yield "SUMMARY", words(one_line(message.title), message.event_language)
    if not cancels and (text := description(message)):
        yield "DESCRIPTION", words(text, message.event_language)
    if location := one_line(message.location):
        yield "LOCATION", words(location, message.event_language)
    if not cancels:
        yield from _links(message)
    yield "ORGANIZER", person(message.organizer)
    attendance = _attendance(message.method, message.participation, message.asks)
    yield "ATTENDEE", person(message.attendee, **dict(attendance))
    tentative = message.status is EventStatus.TENTATIVE
    yield "STATUS", Text("CANCELLED" if cancels else "TENTATIVE" if tentative else "CONFIRMED")
    yield "TRANSP", Text("TRANSPARENT" if cancels else "OPAQUE")
    yield "CLASS", Text("PUBLIC")
    yield "X-MICROSOFT-CDO-BUSYSTATUS", Text("FREE" if cancels else "TENTATIVE" if tentative else "BUSY")
    yield "X-MICROSOFT-CDO-ALLDAYEVENT", Text("TRUE" if message.when.all_day else "FALSE")
    if cancels or not message.receives_replies:
        # Proposals of another time are only welcome if the event takes place and they are received.
        yield "X-MICROSOFT-DISALLOW-COUNTER", Text("TRUE")


def words(text: str, language: str) -> Text:
    """A text of an event, with its language if that has one (RFC 5545, section 3.2.10)."""
    return with_parameters(Text(text), LANGUAGE=language) if language else Text(text)


def start_and_end(when: When) -> Iterator[Property]:
    """DTSTART and DTEND."""
    if not isinstance(when.start, datetime) or not isinstance(when.end, datetime):
        # DTEND is exclusive: the day after the last (RFC 5545, section 3.6.1).
        yield "DTSTART", local_time(when.start, None)
        yield "DTEND", local_time(when.end + timedelta(days=1), None)
        return
    yield "DTSTART", local_time(when.start, when.time_zone)
    yield "DTEND", local_time(when.end, when.time_zone)


def local_time(at: LocalTime, zone: str | None) -> vDDDTypes:
    """A local time of ``zone``, or a whole day."""
    if not isinstance(at, datetime):
        return vDDDTypes(at)
    # A local time that occurs twice means the first of the two (section 3.3.5): the second can only be given in UTC.
    if zone is None or zone in UTC_NAMES or at.fold:
        return instant(When(start=at, end=at, time_zone=zone or "UTC").starts_at)
    # The zone is given by its name: one of Python's that equals UTC (`Etc/GMT`), the library would write as UTC.
    value = vDDDTypes(at)
    value.params["TZID"] = zone
    return value


def rule_and_exdates(schedule: Schedule, without: Iterable[LocalTime]) -> Iterator[Property]:
    """RRULE and EXDATE of a series in which the dates ``without`` do not take place. RDATE is never used, since
    Exchange does not support it.
    """
    written = calendar_entries.rule_and_exdates(schedule)
    if written.rule is not None:
        yield "RRULE", Unchanged(written.rule)
    # One date a line, since some programs read only the first of several.
    for excluded in sorted({*without, *written.excluded}):
        yield "EXDATE", local_time(excluded, schedule.when.time_zone)


def _links(message: Message) -> Iterator[Property]:
    if message.url:
        yield "URL", vUri(uri(message.url))
    if message.conference:
        label = one_line(message.conference.label)
        conference = vUri(uri(message.conference.uri))
        yield "CONFERENCE", with_parameters(conference, VALUE="URI", **({"LABEL": label} if label else {}))


def _alarms(message: Message) -> Iterator[Alarm]:
    if message.method is Method.CANCEL:
        return
    for reminder in message.reminders:
        before = Unchanged(f"-{reminder}" if reminder.nominal else "PT0S")
        yield filled(
            Alarm(),
            (
                ("ACTION", Text("DISPLAY")),
                ("DESCRIPTION", Text(one_line(message.title))),
                ("TRIGGER", with_parameters(before, RELATED="START")),
            ),
        )


def instant(at: datetime) -> vDDDTypes:
    """An aware ``datetime`` as a time in UTC."""
    return vDDDTypes(at.astimezone(UTC))


@lru_cache(maxsize=32)
def _written_attendance(method: Method, participation: Participation, asks: bool) -> str:
    return content_lines.parameters(_attendance(method, participation, asks))


def _attendance(method: Method, participation: Participation, asks: bool) -> tuple[tuple[str, str], ...]:
    """The parameters of ATTENDEE, beside the name."""
    params = (("CUTYPE", "INDIVIDUAL"), ("ROLE", "REQ-PARTICIPANT"), ("PARTSTAT", participation.upper()))
    return params if method is Method.CANCEL else (*params, ("RSVP", "TRUE" if asks else "FALSE"))


def person(who: Person, **params: str) -> vCalAddress:
    """The mailto URI of a person, with these parameters, and CN last if there is a name."""
    named = {"CN": name} if (name := parameter(who.name)) else {}
    return with_parameters(vCalAddress(mailto(who.email)), **params, **named)


def _utc(at: datetime) -> str:
    text = (at if at.tzinfo is UTC else at.astimezone(UTC)).isoformat()[:19]
    return text.replace("-", "").replace(":", "") + "Z"


def _check_uid(uid: str) -> None:
    if not _UID.fullmatch(uid):
        raise RenderError("UID has characters that not every mail system keeps")


def compare(intended: tuple[Line, ...], written: bytes) -> None:
    """Raise :class:`RenderError` unless ``written`` parses to exactly the lines ``intended``, in that order."""
    try:
        found = content_lines.read(written)
    except ValueError as error:
        raise RenderError(f"the calendar cannot be read back: {error}") from error
    if intended == found:
        return
    for line_intended, line_found in zip(intended, found, strict=False):
        if line_intended != line_found:
            raise RenderError(f"{line_intended.name} does not read back as it was meant")
    raise RenderError(f"{len(intended)} lines were meant, {len(found)} are there")
