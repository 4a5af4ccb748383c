"""The mail that carries a calendar (RFC 6047).

It is made with fixed boundaries and dates, so that the same message is always the same bytes, and is read back before
it may leave. What cannot be made to look as it was meant is sent plainer; only what would lie is not sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from email.utils import format_datetime

from ..calendar import itip
from ..calendar.content_lines import one_line
from ..decision.calendar_state import Message, RenderedMail
from ..model import Method, Person, RenderError
from . import freemail, header_fields, mime_parts
from .header_fields import Field
from .page import html
from .wording import text, words

KINDS = ("multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/calendar", "application/ics")
OF_THE_BODY = frozenset({"Content-Type", "Content-Transfer-Encoding"})
BY_A_MACHINE = (header_fields.token("MIME-Version", "1.0"), header_fields.token("Auto-Submitted", "auto-generated"))


def rendered(message: Message, *, sequence: int, dtstamp: datetime) -> RenderedMail:
    """``message`` ready for the post: its calendar, and the one mail to its one recipient.

    The same arguments give the same bytes. Raises :class:`RenderError` where what the mail, read back, says to whom is
    not what was meant.
    """
    calendar = itip.calendar(message, sequence=sequence, dtstamp=dtstamp)
    said = words(message, dtstamp)
    plain, page = mime_parts.text("plain", text(said)), mime_parts.text("html", html(said))
    boundaries = [mime_parts.boundary(f"{message.uid}/{sequence}", number) for number in range(2)]
    alternatives = (plain, page, mime_parts.calendar(calendar, message.method))
    body = mime_parts.multipart(
        "mixed",
        boundaries[0],
        (mime_parts.multipart("alternative", boundaries[1], alternatives), mime_parts.attachment(calendar)),
    )
    who = {"From": message.organizer, "To": message.attendee}
    if (answers_to := answers_go_to(message)) is not None:
        who["Reply-To"] = answers_to
    fields = (
        *(mailbox(name, person) for name, person in who.items()),
        subject(said.subject, instead=_plainest(message)),
        header_fields.token("Date", format_datetime(dtstamp)),
        header_fields.token("Message-ID", f"<{sequence}.{message.uid}>"),
        # SES gives every mail a Message-ID of its own. What answers it refers to this as well (RFC 5322, section
        # 3.6.4), and so leads back to the invitation.
        header_fields.token("References", f"<{message.uid}>"),
        *BY_A_MACHINE,
    )
    written = joined(fields, body)
    compare(written, fields, who)
    _compare(written, message, calendar)
    return RenderedMail(calendar=calendar, mail=written, plainer=plainer(fields))


def answers_go_to(message: Message) -> Person | None:
    """Whom its Reply-To names. Without one, what is answered comes to the sender's address and is passed on."""
    return freemail.reply_to(message.reply_to, receives_replies=message.receives_replies)


def mailbox(name: str, person: Person) -> Field:
    return header_fields.mailbox(name, in_a_header(person.name), itip.address(person.email))


def subject(said: str, *, instead: str) -> Field:
    return header_fields.text("Subject", in_a_header(said), instead=instead)


def in_a_header(text: str) -> str:
    """``text`` with plain single spaces: programs differ in what they do to others where a line is folded."""
    return " ".join(one_line(text).split())


def joined(fields: Iterable[Field], body: bytes) -> bytes:
    """The mail of these ``fields`` and of ``body``, which begins with the fields of its own kind."""
    return b"".join(field.written for field in fields) + body


def plainer(fields: Iterable[Field]) -> tuple[str, ...]:
    """The names of those fields that could not be made to look as they were meant."""
    return tuple(field.name for field in fields if field.plainer)


def _plainest(message: Message) -> str:
    """A subject that nothing can break: what it is, and the day."""
    day = message.when.start if message.date is None else message.date
    return f"{'Cancelled' if message.method is Method.CANCEL else 'Invitation'}: {day:%Y-%m-%d}"


def compare(written: bytes, fields: Iterable[Field], who: dict[str, Person]) -> None:
    """Raise :class:`RenderError` unless ``written`` is ASCII on short lines, and has these ``fields`` with those
    people's addresses, and no others but those that say what its body is.
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
        if addresses[name] != itip.address(person.email):
            raise RenderError(f"{name} does not read back as the one address that was meant")


def _compare(written: bytes, message: Message, calendar: bytes) -> None:
    """Raise :class:`RenderError` unless ``written`` has the parts that were meant, with this calendar twice."""
    parts = mime_parts.parts(written, KINDS)
    if mime_parts.method(parts[4]) != message.method:
        raise RenderError("the method of the mail is not the METHOD of the calendar")
    if any(mime_parts.held(part) != calendar for part in parts[4:]):
        raise RenderError("a calendar does not read back as it was meant")
