"""Reads a REPLY, REFRESH or COUNTER from a calendar (RFC 5546, sections 3.2.3, 3.2.6 and 3.2.7), leniently.

METHOD and DTSTAMP may be missing: the MIME part's method and the mail's Date stand in. What is ambiguous is refused. No
recurrence rule is expanded. Whether the sender may answer is decided in ``authenticity``: where several are named, the
sender's own lines are read here, whoever they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import unquote

from ..calendar.content_lines import address, clean
from ..links import tokens
from ..model import Duration, LocalTime, Participation, RenderError, frozen, mailbox
from . import components, plain_text
from .components import Component, Property
from .reasons import Quarantined, Reason
from .zones import Zones

LONGEST_COMMENT = 1000
LARGEST = 256 * 1024
"""Bytes of a calendar."""
MOST_DATES = 100
"""Dates that one mail may answer."""
_MOST_COMMENTS = 20
_LONGEST_ADDRESS = 320
_LONGEST_PROPOSAL = timedelta(days=400)
_HIGHEST = 999_999_999
"""Above any SEQUENCE that is sent: a higher one is read as this. Some programs write a date and time in its place."""

_ANSWERS = frozenset(Participation) - {Participation.NEEDS_ACTION}
_IN_A_COUNTER = frozenset({Participation.ACCEPTED, Participation.TENTATIVE, Participation.DECLINED})
"""What a COUNTER can answer: some programs send it in place of a REPLY."""

_UID = re.compile(r"[A-Za-z0-9._@-]{1,255}")
# Exchange's own name of a mailbox (X.500), alone or packed into an address (IMCEAEX), and what several programs write
# for want of one.
_NO_ADDRESS = re.compile(
    r"(?:(?:mailto|ex)\s*:\s*)?/o=[^@]*|(?:mailto\s*:\s*)?imceaex-_o=[^@]*@[^@]*|invalid:nomail", re.IGNORECASE
)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
# The basic format of RFC 5545 (sections 3.3.4 and 3.3.5), and the extended one of ISO 8601.
_MOMENT = re.compile(r"([0-9]{4})(-?)([0-9]{2})\2([0-9]{2})(?:T([0-9]{2}):?([0-9]{2})(?::?([0-9]{2}))?(?:\.0+)?(Z*))?")


class IncomingMethod(StrEnum):
    """The iTIP methods that an attendee sends to the organizer."""

    REPLY = "REPLY"
    COUNTER = "COUNTER"
    REFRESH = "REFRESH"


@frozen
class Span:
    """The time that a COUNTER proposes, as it was written: aware datetimes; naive ones where it names no zone; or
    dates, of which ``end`` is the last day.
    """

    start: LocalTime
    end: LocalTime


@frozen
class Answer:
    """One attendee's answer, as it was written.

    ``attendee`` is their address in lower case; ``None`` where several are named and it is unclear who answers, or who
    answers is named by no address.
    ``sent_by`` is the address in SENT-BY. ``dtstamp`` is in UTC. ``participation`` is that of a REPLY, or what a
    COUNTER says beside the time that it proposes; ``proposed`` is this time; else they are ``None``. ``date`` is the
    RECURRENCE-ID: an aware datetime in its own zone, a naive one if it names no zone, or a date; ``None`` is the whole
    event. ``comment`` is the attendee's text. ``start`` is DTSTART, of the same types as ``date``; ``None`` if it is
    absent or unreadable. With a ``problem`` only ``date`` and ``uid`` have meaning.
    """

    kind: IncomingMethod
    uid: str
    attendee: str | None = None
    sent_by: str | None = None
    participation: Participation | None = None
    sequence: int
    dtstamp: datetime
    date: LocalTime | None = None
    start: LocalTime | None = None
    comment: str = ""
    proposed: Span | None = None
    problem: Reason | None = None


def answers(
    calendar: bytes, *, method: str | None = None, sent_at: datetime | None = None, sender: str | None = None
) -> tuple[Answer, ...]:
    """The answers in a calendar (UTF-8, up to 256 KB): several where it names several dates of one series.

    ``method`` is the MIME part's, for a calendar without METHOD; ``sent_at`` is the mail's Date (UTC), for a missing or
    unreadable DTSTAMP; ``sender`` is the address in From, whose answer it is where several are named. An unreadable one
    of several answers has a ``problem``. Raises :class:`Quarantined` if none is readable; with :attr:`Reason.SEVERAL`
    if they are of several UIDs or people, or contradict each other on one date.
    """
    if len(calendar) > LARGEST:
        raise Quarantined(Reason.SIZE)
    try:
        return _answers(components.read(calendar), method, _Mail(sent_at=sent_at, sender=sender))
    except ValueError as error:  # too deep, or too much of something
        raise Quarantined(Reason.UNREADABLE) from error


def uids(calendar: bytes) -> frozenset[str]:
    """The UIDs of the events in a calendar (UTF-8); an unreadable one is empty. None of what cannot be read at all."""
    try:
        return frozenset(_uid(event) or "" for event in components.read(calendar).all("VEVENT"))
    except ValueError:
        return frozenset()


@frozen
class _Mail:
    """What the mail says beside its calendar: its Date (UTC) and the address in From, if they can be read."""

    sent_at: datetime | None
    sender: str | None


def _answers(root: Component, method: str | None, mail: _Mail) -> tuple[Answer, ...]:
    if not root.inside:
        raise Quarantined(Reason.UNREADABLE)
    kind = _kind(root, method)
    events = list(root.all("VEVENT"))
    if not events:
        raise Quarantined(Reason.UNREADABLE)
    if len(events) > MOST_DATES or len({_uid(event) for event in events}) > 1:
        raise Quarantined(Reason.SEVERAL)
    zones = Zones(root)
    found = tuple(dict.fromkeys(_tried_answer(event, kind, zones, mail) for event in events))
    good = [each for each in found if each.problem is None]
    if not good:
        raise Quarantined(found[0].problem or Reason.UNREADABLE)
    # An answer with a problem may contradict another on the same date, so it counts here too.
    dates = [each.date for each in found if each.problem not in (Reason.DATE, Reason.RANGE)]
    if len({(each.attendee, each.sent_by) for each in good}) > 1 or len(set(dates)) < len(dates):
        raise Quarantined(Reason.SEVERAL)
    return found


def _tried_answer(event: Component, kind: IncomingMethod, zones: Zones, mail: _Mail) -> Answer:
    try:
        return _answer(event, kind, zones, mail)
    except Quarantined as error:
        problem = error.reason
    try:
        date = _date(event, zones)
    except Quarantined as error:
        date, problem = None, error.reason
    return Answer(kind=kind, uid=_uid(event) or "", sequence=0, dtstamp=_EARLIEST, date=date, problem=problem)


def _kind(root: Component, method: str | None) -> IncomingMethod:
    """METHOD of the calendar; else of its events, where some programs write it, and it has no other meaning; else the
    MIME part's. Raises :class:`Quarantined`.
    """
    outer = _methods([root, *root.all("VCALENDAR")])
    try:
        (name,) = outer or _methods(root.all("VEVENT")) or {(method or "").upper()}
        return IncomingMethod(name)
    except ValueError as error:
        raise Quarantined(Reason.METHOD) from error


def _methods(within: Iterable[Component]) -> set[str]:
    return {each.value.strip().upper() for one in within for each in one.properties("METHOD")} - {""}


def _answer(event: Component, kind: IncomingMethod, zones: Zones, mail: _Mail) -> Answer:
    uid = _uid(event)
    if uid is None:
        raise Quarantined(Reason.UID)
    attendee = _attendee(event, kind, mail.sender)
    if attendee is None and kind is IncomingMethod.REPLY:
        raise Quarantined(Reason.ATTENDEES)
    return Answer(
        kind=kind,
        uid=uid,
        attendee=_address(attendee) if attendee else None,
        sent_by=_sent_by(attendee) if attendee else None,
        participation=_participation(attendee, kind) if attendee else None,
        sequence=_sequence(event),
        dtstamp=_dtstamp(event, zones, mail.sent_at),
        date=_date(event, zones),
        start=_certain(event, "DTSTART", zones),
        comment=_comment(event, attendee),
        proposed=_proposed(event, zones) if kind is IncomingMethod.COUNTER else None,
    )


def _uid(event: Component) -> str | None:
    uids = {each.value.strip() for each in event.properties("UID")}
    uid = uids.pop() if len(uids) == 1 else ""
    return uid if _UID.fullmatch(uid) else None


def _sequence(event: Component) -> int:
    """SEQUENCE; 0 where it is absent (RFC 5546, 3.2.3), or not one number: so it answers the oldest question."""
    found = {each.value.strip() for each in event.properties("SEQUENCE")}
    number = found.pop() if len(found) == 1 else ""
    return min(int(number), _HIGHEST) if re.fullmatch(r"[0-9]{1,20}", number) else 0


def _comment(event: Component, attendee: Property | None) -> str:
    """The attendee's text: each COMMENT is a paragraph. Google writes it as a parameter of ATTENDEE, with HTML's
    entities in it. It is passed on to the organizer, so personal links that it quotes are made unusable.
    """
    comments = [components.text(each.value) for each in event.first("COMMENT", _MOST_COMMENTS)]
    if attendee is not None:
        comments.append(plain_text.unescaped(components.text(attendee.params.get("X-RESPONSE-COMMENT", ""))))
    paragraphs = dict.fromkeys(tokens.redacted(clean(each)).strip() for each in comments)
    return "\n".join(each for each in paragraphs if each)[:LONGEST_COMMENT]


# --- who ----------------------------------------------------------------------------------------------------------


def _attendee(event: Component, kind: IncomingMethod, sender: str | None) -> Property | None:
    """The ATTENDEE who answers. One who delegates may also name the delegate (RFC 5546, 3.2.2.3).

    Of several it is the ``sender``: programs name all addresses of their user, or repeat the line of the invitation.
    ``None`` if there is none, or a COUNTER repeats all who were invited (3.2.7). Raises :class:`Quarantined`.
    """
    attendees = event.properties("ATTENDEE")
    if len(attendees) > 1 and (own := _own(attendees, sender)) is not None:
        return own
    if len(attendees) > 1 and kind is IncomingMethod.COUNTER:
        return None
    if len(attendees) > 1:
        attendees = _without_organizer(event, attendees)
    if len(attendees) > 1:
        given = [each for each in attendees if "DELEGATED-FROM" not in each.params]
        if len(given) != 1 or _partstat(given[0]) != Participation.DELEGATED:
            raise Quarantined(Reason.ATTENDEES)
        attendees = given
    return attendees[0] if attendees else None


def _own(attendees: list[Property], sender: str | None) -> Property | None:
    """The line in which the ``sender`` answers; ``None`` if there is none, or it is not certain what they say.

    A line with NEEDS-ACTION, or without PARTSTAT, says nothing: it is left over from the invitation. Where one was
    delegated, it takes both lines to know who comes.
    """
    if sender is None or any("DELEGATED-FROM" in each.params for each in attendees):
        return None
    named = ((each, _mail(each.value)) for each in attendees)
    own = [each for each, mail in named if mail is not None and mailbox(mail) == mailbox(sender)]
    said = [each for each in own if _partstat(each) in _ANSWERS]
    ways = {(_partstat(each), _sent_by(each)) for each in said}
    known = all(_partstat(each) in (*_ANSWERS, "", Participation.NEEDS_ACTION) for each in own)
    return max(said, key=_remark_length) if len(ways) == 1 and known else None


def _remark_length(attendee: Property) -> int:
    return len(attendee.params.get("X-RESPONSE-COMMENT", ""))


def _sent_by(attendee: Property) -> str | None:
    return _mail(attendee.params.get("SENT-BY", ""))


def _without_organizer(event: Component, attendees: list[Property]) -> list[Property]:
    """``attendees`` without the organizer, whom some programs list beside whoever answers."""
    organizers = {_mail(each.value) for each in event.properties("ORGANIZER")} - {None}
    return [each for each in attendees if _mail(each.value) not in organizers] or attendees


def _address(attendee: Property) -> str | None:
    """The mail address: ATTENDEE's value, with or without ``mailto:``; else the parameter EMAIL. ``None`` for what
    programs write where they have none. Raises :class:`Quarantined` for any other value.
    """
    value = attendee.value.strip().strip('"<> ')
    nameless = _NO_ADDRESS.fullmatch(value) is not None
    address = None if nameless else _mail(value)
    is_mail = not nameless and re.match(r"mailto\s*:", value, re.IGNORECASE)
    if address is None and "EMAIL" in attendee.params and not is_mail:
        address = _mail(attendee.params["EMAIL"])
    if address is None and not nameless:
        raise Quarantined(Reason.ATTENDEES)
    return address


def _mail(text: str) -> str | None:
    """The mail address of a ``mailto:`` URI or a plain address, in lower case; ``None`` if it is none."""
    email = unquote(re.sub(r"\A\s*mailto\s*:", "", text.strip('"<> '), flags=re.IGNORECASE)).strip("<> ").lower()
    email = re.sub(r"\A'(.*)'\Z", r"\1", email)  # as Outlook writes it in place of a name
    if ":" in email or len(email) > _LONGEST_ADDRESS:
        return None
    try:
        address(email)
    except RenderError:
        return None
    return email


def _partstat(attendee: Property) -> str:
    return attendee.params.get("PARTSTAT", "").strip().lower()


def _participation(attendee: Property, kind: IncomingMethod) -> Participation | None:
    """The attendee's own PARTSTAT; whom they delegate to is not read. ``None`` where it is no answer of a COUNTER or a
    REFRESH. Raises :class:`Quarantined` for a REPLY without an answer.
    """
    partstat = _partstat(attendee)
    if kind is not IncomingMethod.REPLY:
        return Participation(partstat) if kind is IncomingMethod.COUNTER and partstat in _IN_A_COUNTER else None
    if partstat not in _ANSWERS:
        raise Quarantined(Reason.PARTSTAT)
    return Participation(partstat)


# --- when ---------------------------------------------------------------------------------------------------------


def _dtstamp(event: Component, zones: Zones, sent_at: datetime | None) -> datetime:
    # RFC 5545 requires UTC (section 3.8.7.2); without the Z, UTC is meant too.
    stamp = _certain(event, "DTSTAMP", zones)
    with suppress(OverflowError):  # beyond `datetime.min` or `datetime.max`
        if isinstance(stamp, datetime):
            stamp = stamp.astimezone(UTC) if stamp.tzinfo else stamp.replace(tzinfo=UTC)
            if stamp >= _EARLIEST:
                return stamp
    if sent_at is None:
        raise Quarantined(Reason.UNREADABLE)
    return sent_at


def _certain(event: Component, name: str, zones: Zones) -> LocalTime | None:
    """The date or time of the property ``name``; ``None`` if it is absent, unreadable, or there with several values."""
    properties = event.properties(name)
    try:
        (only,) = {_moment(each, zones) for each in properties}
    except (ValueError, OverflowError):
        return None
    return only


def _date(event: Component, zones: Zones) -> LocalTime | None:
    """RECURRENCE-ID. One with RANGE is refused: a REPLY names an instance (RFC 5546, 3.2.3), we never send that, and
    programs that meet it read it as one date or as all of them. Raises :class:`Quarantined`.
    """
    found = event.properties("RECURRENCE-ID")
    if not found:
        return None
    if any("RANGE" in each.params for each in found):
        raise Quarantined(Reason.RANGE)
    with _quarantining(Reason.DATE):
        (only,) = {_moment(each, zones) for each in found}
    return only


def _proposed(event: Component, zones: Zones) -> Span:
    with _quarantining(Reason.PROPOSAL):
        return _span(event, zones)


@contextmanager
def _quarantining(reason: Reason) -> Iterator[None]:
    """Raise :class:`Quarantined` with ``reason`` where what is read inside is no date or time."""
    try:
        yield
    except (ValueError, OverflowError, TypeError) as error:
        raise Quarantined(reason) from error


def _span(event: Component, zones: Zones) -> Span:
    (begins,) = event.properties("DTSTART")
    start = _moment(begins, zones)
    ends = [_moment(each, zones) for each in event.properties("DTEND")]
    lengths = [Duration.parse(each.value.strip().upper()) for each in event.properties("DURATION")]
    if len(ends) + len(lengths) != 1:
        raise ValueError("not one end")
    end = ends[0] if ends else _later(start, lengths[0])
    if not isinstance(end, datetime):
        end -= timedelta(days=1)  # DTEND is exclusive (RFC 5545, 3.6.1)
    span = Span(start=start, end=end)
    _must_be(span)
    return span


def _must_be(span: Span) -> None:
    """Raise :class:`ValueError` or :class:`TypeError` unless start and end are of one type, in order, and not too far
    apart.
    """
    start, end = _instant(span.start), _instant(span.end)
    if isinstance(start, datetime) is not isinstance(end, datetime):
        raise ValueError("a time and a day")
    length = end - start
    if length > _LONGEST_PROPOSAL or length < timedelta(0) or (isinstance(start, datetime) and not length):
        raise ValueError("does not end after it starts")


def _instant(local_time: LocalTime) -> LocalTime:
    """An aware datetime in UTC, anything else as it is: two of one zone differ by what its clocks show, which is less,
    or nothing, where they are set back in between.
    """
    aware = isinstance(local_time, datetime) and local_time.tzinfo is not None
    return local_time.astimezone(UTC) if isinstance(local_time, datetime) and aware else local_time


def _later(start: LocalTime, length: Duration) -> LocalTime:
    if not isinstance(start, datetime):
        if length.seconds:
            raise ValueError("hours of a day")
        return start + timedelta(days=length.days)
    day = start + timedelta(days=length.days)
    if day.tzinfo is None:
        return day + timedelta(seconds=length.seconds)
    return (day.astimezone(UTC) + timedelta(seconds=length.seconds)).astimezone(day.tzinfo)


def _moment(each: Property, zones: Zones) -> LocalTime:
    """A DATE or a DATE-TIME (RFC 5545, sections 3.3.4 and 3.3.5): a date, or a datetime, naive if it names no zone.

    Raises :class:`ValueError` for anything else, and for an unknown zone.
    """
    found = _MOMENT.fullmatch(each.value.strip().upper())
    if found is None:
        raise ValueError("neither a date nor a time")
    year, _, month, day, hour, minute, second, utc = found.groups()
    local_time = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    if hour is None:
        return local_time.date()
    if utc:
        return local_time.replace(tzinfo=UTC)
    # An empty TZID is a name too: Exchange writes one, with a VTIMEZONE of that name.
    return zones.aware(local_time, each.params["TZID"]) if "TZID" in each.params else local_time
