"""Renders the mails that say the same to many attendees: once, and then only what is personal of each.

Of a mail that ``invitation_mail`` has rendered, a template is kept, with gaps for what is personal: five lines of its
calendar (see ``itip.personal_lines``), To and three other header fields, the boundaries, and a line of the text and of
the page. The next mail with the same content is put together from it. It is the same bytes as ``invitation_mail``
renders, and what is personal is parsed again as there. If that cannot be written, ``invitation_mail`` decides what
happens.

A template is kept only if it gives back the very mail that it was made of, which was parsed and compared as a whole,
and the very mail that ``invitation_mail`` renders for somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from html import escape
from operator import attrgetter
from threading import Lock
from typing import Any

from ..calendar import itip
from ..calendar.content_lines import one_line
from ..decision.calendar_state import Message, RenderedMail
from ..model import LocalTime, Person, RenderError, When, frozen
from ..schedule import series
from . import header_fields, invitation_mail, mime_parts, page, wording
from .header_fields import Field

MAX_TEMPLATES = 64
"""How many templates a process keeps. Each takes some 10 kB, and with a long description up to 100 kB."""

# The fields of a message that are not in its mail at all, or only in what is personal, or as `_content` has them.
# All others are content, new ones too.
_OTHER = (
    *("uid", "generation", "separate", "attendee", "first", "kept", "separated", "asked", "fingerprint"),
    *("state_before", "created_at", "updated_at"),
)
_shared = attrgetter(*(field.name for field in fields(Message) if field.name not in _OTHER))

# Stands for the address in the text. A text that has this character itself, of those for private use, has no template.
_ADDRESS = "\ue000"
_WITH_TEXT = ("From", "To", "Reply-To", "Subject")
_OTHER_PERSON, _OTHER_UID = Person(name='Zoë "驚", &c', email="some.body's&else=@bücher.example"), "else@example.com"
_NEVER, _ALWAYS = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)

_seen: dict[Any, None] = {}
_templates: dict[Any, _Template | None] = {}
_lock = Lock()


def rendered(message: Message, *, sequence: int, dtstamp: datetime) -> RenderedMail:
    """What :func:`invitation_mail.rendered` renders, with a template of this process where there is one; it is made at
    the second mail with the same content. May be called by several threads at once. Raises :class:`RenderError` as it
    does.
    """
    content = _content(message)
    template = _templates.get(content)
    if template is not None and template.since <= dtstamp < template.until:
        try:
            return template.mail(message, sequence, dtstamp)
        except (RenderError, ValueError):
            return invitation_mail.rendered(message, sequence=sequence, dtstamp=dtstamp)
    whole = invitation_mail.rendered(message, sequence=sequence, dtstamp=dtstamp)
    if template is not None or (content in _seen and content not in _templates):
        _keep(_templates, content, _template(message, sequence, dtstamp, whole))
    else:
        _keep(_seen, content, None)
    return whole


def _keep(kept: dict[Any, Any], content: Any, value: Any) -> None:
    with _lock:
        kept[content] = value
        # What was kept first goes first: to make a template again costs as much as some mails.
        while len(kept) > MAX_TEMPLATES:
            del kept[next(iter(kept))]


@frozen
class _Template:
    """A calendar and a mail with named gaps, as ``%`` of bytes has them, and the parts of the ``plain`` line and of the
    line of the ``page`` around the address, quoted; empty if that has no address.

    It holds from ``since`` until ``until``, instants in UTC: then another date of a series is over, and is not named in
    the text any more.
    """

    calendar: bytes
    around: bytes
    plain: tuple[str, ...]
    page: tuple[str, ...]
    plainer: tuple[str, ...]
    since: datetime
    until: datetime

    def mail(self, message: Message, sequence: int, dtstamp: datetime) -> RenderedMail:
        """The mail of ``message``. Raises :class:`RenderError` if something personal does not read back."""
        calendar = self.calendar % _of_calendar(message, sequence, dtstamp)
        to = invitation_mail.mailbox("To", message.attendee)
        gaps = _of_mail(message, sequence, dtstamp, calendar, to, (self.plain, self.page))
        plainer = self.plainer
        if to.plainer:
            plainer = tuple(name for name in _WITH_TEXT if name in {*plainer, "To"})
        return RenderedMail(calendar=calendar, mail=self.around % gaps, plainer=plainer)


def _of_calendar(message: Message, sequence: int, dtstamp: datetime) -> dict[bytes, bytes]:
    """What is personal in the calendar, by the names of the gaps."""
    uid, numbers, attendee = itip.personal_lines(message, sequence, dtstamp)
    return {b"uid": uid, b"numbers": numbers, b"attendee": attendee}


def _of_mail(
    message: Message, sequence: int, dtstamp: datetime, calendar: bytes, to: Field, texts: tuple[tuple[str, ...], ...]
) -> dict[bytes, bytes]:
    """What is personal in the mail, by the names of the gaps. The address is in ``texts``."""
    plain, page = texts
    address = one_line(message.attendee.email)
    quoted, escaped = mime_parts.quoted(address), escape(address)
    return {
        b"to": to.written,
        b"ids": header_fields.tokens(*invitation_mail.ids(message, sequence, dtstamp)),
        b"digest": invitation_mail.boundaries_digest(message, sequence).encode(),
        b"plain": _line(quoted.join(plain)),
        b"page": _line((quoted if escaped == address else mime_parts.quoted(escaped)).join(page)),
        b"calendar": mime_parts.base64_lines(calendar),
    }


def _line(quoted: str) -> bytes:
    """One line of quoted-printable text, folded, or nothing."""
    if not quoted:
        return b""
    written = "\r\n".join(mime_parts.folded(quoted))
    if written.replace("=\r\n", "") != quoted:
        raise RenderError("the text does not read back as it was meant")
    return f"{written}\r\n".encode()


def _content(message: Message) -> Any:
    """What two messages have in common if their mails only differ in what is personal."""
    before, instead, was = message.before, message.instead, None
    times = [message.date, *message.without, message.when.start, message.when.end, *_of(message.moved)]
    if instead is not None:
        times += (instead.start, instead.end)
    if before is not None:
        times += (before.when.start, before.when.end)
        if before.schedule is not None and message.state_before is not None:
            known = message.state_before
            was = frozenset([one.date for one in known.dates if one.cancelled]), known.moved
            times += _of(known.moved)
    return (
        _shared(message),
        (bool(message.separate), message.asked is None, any(one.cancelled for one in message.kept), was),
        # Times that only differ in this are equal.
        tuple([getattr(time, "fold", 0) for time in times]),
    )


def _of(moved: Iterable[tuple[LocalTime, When]]) -> list[LocalTime]:
    """The starts and ends of dates that were moved."""
    return [time for _, when in moved for time in (when.start, when.end)]


def _template(message: Message, sequence: int, dtstamp: datetime, whole: RenderedMail) -> _Template | None:
    """The template of ``whole``, the mail of ``message``. ``None`` if it does not give back that mail, and the one that
    somebody else would be sent.
    """
    worded = wording.words(replace(message, attendee=replace(message.attendee, email=_ADDRESS)), dtstamp)
    to = invitation_mail.mailbox("To", message.attendee)
    since, until = _holds(message, dtstamp)
    other = replace(message, attendee=_OTHER_PERSON, uid=_OTHER_UID, created_at=message.created_at - timedelta(days=1))
    try:
        texts = plain, html = _around_address(wording.text(worded)), _around_address(page.html(worded))
        template = _Template(
            calendar=_with_gaps(whole.calendar, _of_calendar(message, sequence, dtstamp)),
            around=_with_gaps(whole.mail, _of_mail(message, sequence, dtstamp, whole.calendar, to, texts)),
            plain=plain,
            page=html,
            plainer=tuple(name for name in whole.plainer if name != "To"),
            since=since,
            until=until,
        )
        same = template.mail(message, sequence, dtstamp) == whole
        others = invitation_mail.rendered(other, sequence=sequence + 1, dtstamp=dtstamp)
        return template if same and template.mail(other, sequence + 1, dtstamp) == others else None
    except (RenderError, ValueError):
        return None


def _with_gaps(data: bytes, gaps: dict[bytes, bytes]) -> bytes:
    """``data`` with gaps instead of what is in ``gaps``."""
    data = data.replace(b"%", b"%%")
    for name, written in gaps.items():
        if written:
            data = data.replace(written.replace(b"%", b"%%"), b"%%(%b)b" % name)
    return data


def _around_address(content: str) -> tuple[str, ...]:
    """The quoted texts around the address in the line that has it; nothing if there is no such line, or several."""
    lines = [line for line in content.split("\n") if _ADDRESS in line]
    return tuple(map(mime_parts.quoted, lines[0].split(_ADDRESS))) if len(lines) == 1 else ()


def _holds(message: Message, now: datetime) -> tuple[datetime, datetime]:
    """From when until when the same dates are over as at ``now``, of those that the text may name."""
    schedules = [message.schedule] if message.recurs else []
    if message.before is not None and message.before.schedule is not None:
        schedules.append(message.before.schedule)
    ends = [when.ends_at for schedule in schedules for when in series.times(schedule).values()]
    known = message.state_before.moved if message.state_before is not None else ()
    ends += [when.ends_at for _, when in (*message.moved, *known)]
    return (
        max((end for end in ends if end <= now), default=_ALWAYS),
        min((end for end in ends if end > now), default=_NEVER),
    )
