"""Builds the mail that contains a calendar (RFC 6047).

Boundaries and dates depend on the message alone, so that the same message is always the same bytes. The mail is parsed
again before it may be sent. Header text that does not read back is simplified; a mail with a wrong recipient, method or
calendar is not sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from email.utils import format_datetime

from ..calendar import itip
from ..calendar.content_lines import address, one_line
from ..decision.calendar_state import Message, RenderedMail
from ..model import Person, RenderError
from . import freemail, header_fields, mime_parts, page, placeholders, subjects, wording
from .header_fields import Field

KINDS = ("multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/calendar", "application/ics")
OF_THE_BODY = frozenset({"Content-Type", "Content-Transfer-Encoding"})
BY_A_MACHINE = (header_fields.token("MIME-Version", "1.0"), header_fields.token("Auto-Submitted", "auto-generated"))
TO_WITHDRAW = tuple(header_fields.token(*field) for field in placeholders.FIELDS)


def rendered(message: Message, *, sequence: int, dtstamp: datetime) -> RenderedMail:
    """``message`` as bytes: its calendar, and the mail to its one recipient. ``dtstamp`` is an instant in UTC.

    It has placeholders instead of personal links (see ``placeholders``). The same arguments give the same bytes. Raises
    :class:`RenderError` if the mail, parsed again, does not have the recipient and the content that were intended.
    """
    calendar = itip.calendar(message, sequence=sequence, dtstamp=dtstamp)
    worded = wording.words(message, dtstamp)
    plain = mime_parts.text("plain", *wording.around_link(worded))
    html = mime_parts.text("html", *page.around_link(worded))
    digest, in_base64 = boundaries_digest(message, sequence), mime_parts.base64_lines(calendar)
    alternatives = (plain, html, mime_parts.calendar(in_base64, message.method))
    inner = mime_parts.multipart("alternative", mime_parts.boundary(digest, 1), alternatives)
    body = mime_parts.multipart("mixed", mime_parts.boundary(digest, 0), (inner, mime_parts.attachment(in_base64)))
    who = {"From": message.organizer, "To": message.attendee}
    # Without a Reply-To replies go to the sender's address, and are forwarded from there.
    answers_to = freemail.reply_to(message.reply_to, receives_replies=message.receives_replies)
    if answers_to is not None:
        who["Reply-To"] = answers_to
    fields = (
        *(mailbox(name, person) for name, person in who.items()),
        subjects.field(message, worded.subject),
        *(header_fields.token(*field) for field in ids(message, sequence, dtstamp)),
        *BY_A_MACHINE,
        *TO_WITHDRAW,
    )
    written = joined(fields, body)
    compare(written, fields, who)
    _compare(written, message, calendar)
    return RenderedMail(calendar=calendar, mail=written, plainer=plainer(fields))


def ids(message: Message, sequence: int, dtstamp: datetime) -> tuple[tuple[str, str], ...]:
    """The fields Date, Message-ID and References: names and values."""
    return (
        ("Date", format_datetime(dtstamp)),
        ("Message-ID", f"<{sequence}.{message.uid}>"),
        # SES replaces the Message-ID. Replies copy References as well (RFC 5322, section 3.6.4): by that they can be
        # assigned to the invitation.
        ("References", f"<{message.uid}>"),
    )


def boundaries_digest(message: Message, sequence: int) -> str:
    """What tells the boundaries of this mail from those of others."""
    return mime_parts.digest(f"{message.uid}/{sequence}")


def mailbox(name: str, person: Person) -> Field:
    """The field ``name`` with one person. Raises :class:`RenderError` if the address cannot be written."""
    return header_fields.mailbox(name, in_a_header(person.name), address(person.email))


def in_a_header(text: str) -> str:
    """``text`` with all white space as single spaces, since programs treat other white space differently at a fold."""
    return " ".join(one_line(text).split())


def joined(fields: Iterable[Field], body: bytes) -> bytes:
    """The mail with these ``fields`` and ``body``, which begins with its own Content-Type and other such fields."""
    return b"".join(field.written for field in fields) + body


def plainer(fields: Iterable[Field]) -> tuple[str, ...]:
    """The names of the fields that could not be written as intended and were simplified."""
    return tuple(field.name for field in fields if field.plainer)


def compare(written: bytes, fields: Iterable[Field], who: dict[str, Person]) -> None:
    """Raise :class:`RenderError` unless ``written`` is ASCII with lines of allowed length, and has exactly these
    ``fields``, beside those that describe its body. ``who`` has the person whose address each address field must have.
    """
    if not written.isascii() or max(map(len, written.split(b"\r\n"))) > header_fields.LONGEST_LINE:
        raise RenderError("the mail is not made of short lines of ASCII")
    try:
        found = header_fields.fields(written.partition(b"\r\n\r\n")[0] + b"\r\n")
        addresses = {name: header_fields.mailbox_of(value)[1] for name, value in found if name in who}
    except ValueError as error:
        raise RenderError(f"the header cannot be read back: {error}") from error
    meant = header_fields.fields(b"".join(field.written for field in fields))
    if found[: len(meant)] != meant or not {name for name, _ in found[len(meant) :]} <= OF_THE_BODY:
        raise RenderError("the mail has other headers than were meant")
    for name, person in who.items():
        if addresses[name] != address(person.email):
            raise RenderError(f"{name} does not read back as the one address that was meant")


def _compare(written: bytes, message: Message, calendar: bytes) -> None:
    """Raise :class:`RenderError` unless ``written`` has the intended parts, with this calendar twice, and a placeholder
    in the header, in the text and in the page.
    """
    parts = mime_parts.parts(written, KINDS)
    if mime_parts.method(parts[4]) != message.method:
        raise RenderError("the method of the mail is not the METHOD of the calendar")
    if any(mime_parts.decoded_body(part) != calendar for part in parts[4:]):
        raise RenderError("a calendar does not read back as it was meant")
    texts = [mime_parts.decoded_body(part).count(placeholders.PERSONAL.encode()) for part in parts[2:4]]
    if placeholders.counted(written) != (1, placeholders.OF_A_MAIL) or 0 in texts:
        raise RenderError("the placeholders of links are not where they were meant")
