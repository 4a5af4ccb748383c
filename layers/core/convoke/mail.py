"""The mail that carries a calendar (RFC 6047).

It is made with fixed boundaries and dates, so that the same message is always the same bytes, and is read back before
it may leave.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from email.headerregistry import Address, HeaderRegistry, MessageIDHeader
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP

from . import freemail, itip
from .lines import one_line
from .model import Person, Unsayable
from .page import html
from .told import Letter, Message
from .words import text, words

LONGEST_LINE = 998  # octets, RFC 5322, section 2.1.1

HEADERS = ("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "Auto-Submitted", "Content-Type")
_HEADERS = (*HEADERS[:6], "References", *HEADERS[6:])
_PARTS = ("multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/calendar", "application/ics")

# The library folds an id that is long, unless it knows that it is one.
_KINDS = HeaderRegistry()
_KINDS.map_to_type("references", MessageIDHeader)  # type: ignore[arg-type]  # it is mixed into one

POLICY = SMTP.clone(cte_type="7bit", max_line_length=76, header_factory=_KINDS)


def letter(message: Message, *, sequence: int, dtstamp: datetime) -> Letter:
    """``message`` ready for the post: its calendar, and the one mail to its one recipient.

    The same arguments give the same bytes. Raises :class:`Unsayable` where the mail, read back, is not what was meant.
    """
    calendar = itip.calendar(message, sequence=sequence, dtstamp=dtstamp)
    said = words(message, dtstamp)
    mail = EmailMessage(policy=POLICY)
    mail["From"] = mailbox(message.organizer)
    mail["To"] = mailbox(message.attendee)
    if (answers_to := answers_go_to(message)) is not None:
        mail["Reply-To"] = mailbox(answers_to)
    mail["Subject"] = subject = in_a_header(said.subject)
    mail["Date"] = dtstamp
    mail["Message-ID"] = f"<{sequence}.{message.uid}>"
    # SES gives every mail a Message-ID of its own. What answers it refers to this as well (RFC 5322, section 3.6.4),
    # and so leads back to the invitation.
    mail["References"] = f"<{message.uid}>"
    mail["MIME-Version"] = "1.0"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text(said), cte="quoted-printable")
    mail.add_alternative(html(said), subtype="html", cte="quoted-printable")
    mail.add_alternative(calendar, "text", "calendar", params={"charset": "UTF-8", "method": str(message.method)})
    mail.make_mixed()
    mail.add_attachment(calendar, "application", "ics", params={"name": "invite.ics"}, filename="invite.ics")
    bind(mail, f"{message.uid}/{sequence}")
    written = mail.as_bytes()
    _compare(message, written, subject, calendar)
    return Letter(calendar=calendar, mail=written)


def answers_go_to(message: Message) -> Person | None:
    """Whom its Reply-To names. Without one, what is answered comes to the sender's address and is passed on."""
    return freemail.reply_to(message.reply_to, receives_replies=message.receives_replies)


def mailbox(person: Person) -> Address:
    local, _, domain = itip.address(person.email).rpartition("@")
    return Address(in_a_header(person.name), local, domain)


def in_a_header(text: str) -> str:
    """``text`` with plain single spaces: a no-break space where a line is folded would not come back."""
    return " ".join(one_line(text).split())


def bind(mail: EmailMessage, name: str) -> None:
    """Give each multipart a boundary that depends on ``name`` alone, and that no encoded body can hold."""
    for number, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        part.set_boundary(f"=_{number}_{hashlib.sha256(name.encode()).hexdigest()[:40]}")
    for part in mail.walk():
        if part is not mail:
            del part["MIME-Version"]


def _compare(message: Message, written: bytes, subject: str, calendar: bytes) -> None:
    """Raise :class:`Unsayable` unless ``written`` is a mail to this one person, with this calendar twice."""
    if not written.isascii() or max(map(len, written.split(b"\r\n"))) > LONGEST_LINE:
        raise Unsayable("the mail is not made of short lines of ASCII")
    read = BytesParser(EmailMessage, policy=POLICY).parsebytes(written)
    people = {"From": message.organizer, "To": message.attendee}
    if (answers_to := answers_go_to(message)) is not None:
        people["Reply-To"] = answers_to
    if tuple(read.keys()) != tuple(name for name in _HEADERS if name != "Reply-To" or name in people):
        raise Unsayable("the mail has other headers than were meant")
    for header, person in people.items():
        if [each.addr_spec for each in read[header].addresses] != [itip.address(person.email)]:
            raise Unsayable(f"{header} does not read back as the one address that was meant")
    if read["References"] != f"<{message.uid}>":
        raise Unsayable("References does not read back as it was meant")
    if read["Subject"] != subject:
        raise Unsayable("Subject does not read back as it was meant")
    parts = tuple(read.walk())
    if tuple(part.get_content_type() for part in parts) != _PARTS or any(part.defects for part in parts):
        raise Unsayable("the mail has other parts than were meant")
    if parts[4].get_param("method") != message.method:
        raise Unsayable("the method of the mail is not the METHOD of the calendar")
    if any(part.get_payload(decode=True) != calendar for part in parts[4:]):
        raise Unsayable("a calendar does not read back as it was meant")
