"""What a calendar answers (RFC 5546, sections 3.2.3, 3.2.6 and 3.2.7): read from its lines, and from nothing else.

No rule is expanded and no zone is built. Who may say it is for the firewall to judge.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from .. import itip, lines
from ..lines import Line, clean
from ..model import Duration, Participation, Unsayable, Wall, noun
from .reasons import Quarantined, Reason

LONGEST_COMMENT = 1000
_LARGEST = 64 * 1024
_DEEPEST = 4
_LONGEST_ADDRESS = 320
_LONGEST_PROPOSAL = timedelta(days=400)

_ANSWERS = frozenset(Participation) - {Participation.NEEDS_ACTION}

_UID = re.compile(r"[A-Za-z0-9._@-]{1,255}")
_DTSTAMP = re.compile(r"([0-9]{8}T[0-9]{6})Z?")
_EARLIEST = "19700101T000000"
_MOMENT = re.compile(r"([0-9]{8})(?:T([0-9]{6})(Z?))?")
_TZID = re.compile(r"[A-Za-z0-9_+/.-]{1,100}")


class Kind(StrEnum):
    """The methods that come in."""

    REPLY = "REPLY"
    COUNTER = "COUNTER"
    REFRESH = "REFRESH"


@noun
class Span:
    """From when to when a counter-proposal would have it, as it came: an instant (aware), a wall time of no zone that
    is known (naive), or whole days, of which ``end`` is the last.
    """

    start: Wall
    end: Wall


@noun
class Answer:
    """What one attendee answered, as it came.

    ``attendee`` is their address in lower case, ``None`` where the calendar names nobody; ``sent_by`` that of whoever
    wrote in their place (SENT-BY). ``dtstamp`` is an instant in UTC. ``participation`` is what a REPLY says,
    ``proposed`` what a COUNTER asks for; each is ``None`` for the others. ``date`` is the RECURRENCE-ID: an aware
    datetime where it is in UTC or in a zone that is known, a naive one where it is not, or a date; ``None`` is the
    whole. ``comment`` is what the person wrote with it. ``start`` is DTSTART, of the same kinds as ``date``: when they
    take it to be; ``None`` where that is absent or cannot be read.
    """

    kind: Kind
    uid: str
    attendee: str | None = None
    sent_by: str | None = None
    participation: Participation | None = None
    sequence: int
    dtstamp: datetime
    date: Wall | None = None
    start: Wall | None = None
    comment: str = ""
    proposed: Span | None = None


def answers(calendar: bytes, *, method: str | None = None, sent_at: datetime | None = None) -> tuple[Answer, ...]:
    """The answers that a calendar holds: several where it names several dates of one series.

    ``method`` is what the MIME part calls it, for a calendar without METHOD; ``sent_at``, when the mail was written,
    stands in for a missing DTSTAMP. Raises :class:`Quarantined`; with :attr:`Reason.SEVERAL` where they are of several
    UIDs or several people, or say two things of one date.
    """
    try:
        outer, events = _components(calendar)
    except ValueError as error:
        raise Quarantined(Reason.UNREADABLE) from error
    if not outer and not events:
        raise Quarantined(Reason.UNREADABLE)
    try:
        methods = {each.value.strip().upper() for each in outer if each.name == "METHOD"} - {""}
        (name,) = methods or {(method or "").upper()}
        kind = Kind(name)
    except ValueError as error:
        raise Quarantined(Reason.METHOD) from error
    if not events:
        raise Quarantined(Reason.UNREADABLE)
    if len(events) > 1 and len({_uids(event) for event in events}) > 1:
        raise Quarantined(Reason.SEVERAL)
    found = tuple(dict.fromkeys(_answer(event, kind, sent_at) for event in events))
    if len({(each.uid, each.attendee) for each in found}) > 1 or len({each.date for each in found}) < len(found):
        raise Quarantined(Reason.SEVERAL)
    return found


def _uids(event: list[Line]) -> tuple[str, ...]:
    return tuple(each.value.strip() for each in event if each.name == "UID")


def _answer(event: list[Line], kind: Kind, sent_at: datetime | None) -> Answer:
    uids = _uids(event)
    if len(uids) != 1 or not _UID.fullmatch(uids[0]):
        raise Quarantined(Reason.UID)
    attendees = [each for each in event if each.name == "ATTENDEE"]
    if len(attendees) > 1 or (not attendees and kind is Kind.REPLY):
        raise Quarantined(Reason.ATTENDEES)
    try:
        stamps = [each.value.strip() for each in event if each.name == "DTSTAMP"]
        dtstamp = sent_at if not stamps and sent_at else _instant(*stamps)
        sequence = _sequence(event)
        comment = _comment(event)
    except (ValueError, TypeError) as error:
        raise Quarantined(Reason.UNREADABLE) from error
    return Answer(
        kind=kind,
        uid=uids[0],
        attendee=_address(attendees[0].value) if attendees else None,
        participation=_participation(attendees[0]) if kind is Kind.REPLY else None,
        sequence=sequence,
        dtstamp=dtstamp,
        date=_date(event),
        comment=comment,
        proposed=_proposed(event) if kind is Kind.COUNTER else None,
    )


def _components(data: bytes) -> tuple[list[Line], list[list[Line]]]:
    """The properties of the one VCALENDAR, and those of each of its VEVENTs."""
    if len(data) > _LARGEST:
        raise ValueError("too large")
    outer: list[Line] = []
    events: list[list[Line]] = []
    path: list[str] = []
    begun = 0
    for each in lines.read(data):
        if each.name == "BEGIN":
            path.append(each.value.strip().upper())
            begun += len(path) == 1
            if len(path) > _DEEPEST or begun > 1 or path[0] != "VCALENDAR" or {"VCALENDAR", "VEVENT"} & {*path[2:]}:
                raise ValueError("not one calendar")
            if path == ["VCALENDAR", "VEVENT"]:
                events.append([])
        elif each.name == "END":
            if not path or path.pop() != each.value.strip().upper():
                raise ValueError("ends what has not begun")
        elif not path:
            raise ValueError("a line outside the calendar")
        elif path == ["VCALENDAR"]:
            outer.append(each)
        elif path == ["VCALENDAR", "VEVENT"]:
            events[-1].append(each)
    if path:
        raise ValueError("does not end")
    return outer, events


def _only(properties: list[Line], name: str) -> Line:
    (only,) = (each for each in properties if each.name == name)
    return only


def _instant(text: str) -> datetime:
    # RFC 5545 wants the Z (section 3.8.7.2); where it is left out, UTC is meant all the same.
    found = _DTSTAMP.fullmatch(text)
    if found is None or found[1] < _EARLIEST:
        raise ValueError("not an instant")
    return datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def _sequence(event: list[Line]) -> int:
    found = [each.value.strip() for each in event if each.name == "SEQUENCE"] or ["0"]
    if len(found) != 1 or not re.fullmatch(r"[0-9]{1,9}", found[0]):
        raise ValueError("not a SEQUENCE")
    return int(found[0])


def _comment(event: list[Line]) -> str:
    """What the person wrote; several COMMENTs are as many paragraphs."""
    said = "\n".join(each.value for each in event if each.name == "COMMENT")
    return clean(said).strip()[:LONGEST_COMMENT]


def _address(value: str) -> str:
    scheme, _, rest = value.strip().partition(":")
    email = unquote(rest).lower()
    if scheme.lower() != "mailto" or len(email) > _LONGEST_ADDRESS:
        raise Quarantined(Reason.ATTENDEES)
    try:
        itip.address(email)
    except Unsayable as error:
        raise Quarantined(Reason.ATTENDEES) from error
    return email


def _participation(attendee: Line) -> Participation:
    """What they say of themselves; to whom somebody delegates is nobody's business here."""
    said = (attendee.param("PARTSTAT") or "").lower()
    if said not in _ANSWERS:
        raise Quarantined(Reason.PARTSTAT)
    return Participation(said)


# --- times --------------------------------------------------------------------------------------------------------


def _date(event: list[Line]) -> Wall | None:
    """The one date that is meant. "This and all that follow" (RANGE) is nothing that we ever said."""
    found = [each for each in event if each.name == "RECURRENCE-ID"]
    if not found:
        return None
    if len(found) > 1 or found[0].param("RANGE") is not None:
        raise Quarantined(Reason.DATE)
    try:
        return _moment(found[0])
    except ValueError as error:
        raise Quarantined(Reason.DATE) from error


def _proposed(event: list[Line]) -> Span:
    try:
        start = _moment(_only(event, "DTSTART"))
        ends = [_moment(each) for each in event if each.name == "DTEND"]
        lengths = [Duration.parse(each.value.strip().upper()) for each in event if each.name == "DURATION"]
        if len(ends) + len(lengths) != 1:
            raise ValueError("not one end")
        end = ends[0] if ends else _later(start, lengths[0])
        if not isinstance(end, datetime):
            end -= timedelta(days=1)  # DTEND is the first day that is free again
        span = Span(start=start, end=end)
        _must_be(span)
    except (ValueError, OverflowError, TypeError) as error:
        raise Quarantined(Reason.PROPOSAL) from error
    return span


def _must_be(span: Span) -> None:
    """Raise :class:`ValueError` or :class:`TypeError` unless it ends soon after it starts, in times of one kind."""
    start, end = span.start, span.end
    if isinstance(start, datetime) is not isinstance(end, datetime):
        raise ValueError("a time and a day")
    length = end - start
    if length > _LONGEST_PROPOSAL or length < timedelta(0) or (isinstance(start, datetime) and not length):
        raise ValueError("does not end after it starts")


def _later(start: Wall, length: Duration) -> Wall:
    if not isinstance(start, datetime):
        if length.seconds:
            raise ValueError("hours of a day")
        return start + timedelta(days=length.days)
    day = start + timedelta(days=length.days)
    if day.tzinfo is None:
        return day + timedelta(seconds=length.seconds)
    return (day.astimezone(UTC) + timedelta(seconds=length.seconds)).astimezone(day.tzinfo)


def _moment(each: Line) -> Wall:
    """A DATE or a DATE-TIME (RFC 5545, sections 3.3.4 and 3.3.5)."""
    found = _MOMENT.fullmatch(each.value.strip().upper())
    if found is None:
        raise ValueError("neither a date nor a time")
    day, clock, utc = found.groups()
    if clock is None:
        return datetime.strptime(day, "%Y%m%d").date()  # noqa: DTZ007 (a day of no zone)
    wall = datetime.strptime(day + clock, "%Y%m%d%H%M%S")  # noqa: DTZ007 (its zone comes next)
    return wall.replace(tzinfo=UTC if utc else _zone(each.param("TZID") or ""))


def _zone(tzid: str) -> ZoneInfo | None:
    """The zone that a TZID names. Some programs write `/example.org/20250101_1/Europe/Berlin`: its end counts."""
    if not _TZID.fullmatch(tzid):
        return None
    parts = tzid.strip("/").split("/")
    for first in range(len(parts)):
        try:
            return ZoneInfo("/".join(parts[first:]))
        except (ValueError, OSError, KeyError):
            continue
    return None
