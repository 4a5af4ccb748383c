"""The mail that carries a calendar, and the calendar in a mail that comes in (RFC 6047).

What goes out is made with fixed boundaries and dates, so that the same message is always the same bytes, and is
read back before it may leave. What comes in is hostile until shown otherwise: sizes are looked at before
anything is parsed, nothing calls itself, and no header is given to a parser that needs more than a moment for
it.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser
from email.policy import SMTP, compat32

from . import itip
from .lines import one_line
from .model import ConvokeError, Letter, Message, Person, Unsayable, noun
from .words import html, text, words

LONGEST_LINE = 998  # octets, RFC 5322, section 2.1.1

HEADERS = ("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "Auto-Submitted", "Content-Type")
_PARTS = ("multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/calendar", "application/ics")

POLICY = SMTP.clone(cte_type="7bit", max_line_length=76)


def letter(message: Message, *, sequence: int, dtstamp: datetime) -> Letter:
    """``message`` ready for the post: its calendar, and the one mail to its one recipient.

    The same arguments give the same bytes. Raises :class:`Unsayable` where the mail, read back, is not what was meant.
    """
    calendar = itip.calendar(message, sequence=sequence, dtstamp=dtstamp)
    said = words(message)
    mail = EmailMessage(policy=POLICY)
    mail["From"] = mailbox(message.organizer)
    mail["To"] = mailbox(message.attendee)
    mail["Reply-To"] = mailbox(message.reply_to)
    mail["Subject"] = subject = in_a_header(said.subject)
    mail["Date"] = dtstamp
    mail["Message-ID"] = f"<{sequence}.{message.uid}>"
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
    if tuple(read.keys()) != HEADERS:
        raise Unsayable("the mail has other headers than were meant")
    for header, person in (("From", message.organizer), ("To", message.attendee), ("Reply-To", message.reply_to)):
        if [each.addr_spec for each in read[header].addresses] != [itip.address(person.email)]:
            raise Unsayable(f"{header} does not read back as the one address that was meant")
    if read["Subject"] != subject:
        raise Unsayable("Subject does not read back as it was meant")
    parts = tuple(read.walk())
    if tuple(part.get_content_type() for part in parts) != _PARTS or any(part.defects for part in parts):
        raise Unsayable("the mail has other parts than were meant")
    if parts[4].get_param("method") != message.method:
        raise Unsayable("the method of the mail is not the METHOD of the calendar")
    if any(part.get_payload(decode=True) != calendar for part in parts[4:]):
        raise Unsayable("a calendar does not read back as it was meant")


# --- what comes in ------------------------------------------------------------------------------------------------

_LARGEST_MAIL = 256 * 1024
_LARGEST_HEADERS = 32 * 1024
_LONGEST_INCOMING_LINE = 8 * 1024
_LONGEST_PARSED_HEADER = 2 * 1024  # of the few headers that we look into
_MOST_PARTS = 20
_DEEPEST = 5
_LARGEST_CALENDAR = 64 * 1024

# Codecs whose time grows with the length alone. Python has others, and it is the sender who names one.
_CHARSETS = re.compile(
    r"utf-?8|utf-16(be|le)?|(us-)?ascii|iso-8859-\d+|windows-125\d|koi8-[ru]"
    r"|iso-2022-jp|euc-(jp|kr)|shift_jis|gb2312|gbk|gb18030|big5"
)

_PARAM = re.compile(r';\s*([a-z0-9-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]+)', re.IGNORECASE | re.DOTALL)

_ADDRESS = r"([a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9.-]{1,253})"
_QUIET = r'(?:"(?:[^"\\]|\\.)*"|\([^()\\]*\)|[^"<>@,;:()\\\[\]])*'
_FROM = re.compile(rf"{_QUIET}<\s*{_ADDRESS}\s*>\s*|\s*{_ADDRESS}\s*(?:\([^()\\]*\)\s*)?", re.IGNORECASE)


class Quarantined(ConvokeError):
    """A mail that is put aside. ``reason``: size, header, line, parts, depth, from, calendar, tnef or unreadable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@noun
class Incoming:
    """What we want of a mail: the one address in From, in lower case, and the calendar's bytes, in UTF-8."""

    sender: str
    calendar: bytes


@noun
class _Part:
    """One part of a mail: the few headers that are looked into, and the body as it came."""

    kind: str
    params: dict[str, str]
    encoding: str
    senders: tuple[str, ...]
    body: bytes


def incoming(raw: bytes) -> Incoming:
    """Read a mail that somebody sent us, well under a second whatever it is. Raises :class:`Quarantined`.

    ``sender`` is what the mail claims: whether it is true, SES's verdicts say, never a header.
    """
    if len(raw) > _LARGEST_MAIL:
        raise Quarantined("size")
    if any(len(each) > _LONGEST_INCOMING_LINE for each in raw.split(b"\n")):
        raise Quarantined("line")
    root = _part(raw)
    sender = _sender(root)
    leaves = tuple(_leaves(root))
    calendars = {_calendar(leaf) for leaf in leaves if leaf.kind in ("text/calendar", "application/ics")}
    if not calendars and any(leaf.kind == "application/ms-tnef" for leaf in leaves):
        raise Quarantined("tnef")
    if len(calendars) != 1:
        raise Quarantined("calendar")
    return Incoming(sender=sender, calendar=calendars.pop())


def _part(raw: bytes) -> _Part:
    end = re.search(rb"(?:\A|\n)\r?\n", raw)
    head, body = (raw[: end.end()], raw[end.end() :]) if end else (raw, b"")
    if len(head) > _LARGEST_HEADERS:
        raise Quarantined("header")
    # The older policy leaves alone what nobody asks for; the newer one may take minutes for a header, or all the stack.
    headers = BytesHeaderParser(policy=compat32).parsebytes(head)
    kind, params = _content_type(_short(headers.get_all("Content-Type", ["text/plain"])))
    encoding = _short(headers.get_all("Content-Transfer-Encoding", ["7bit"])).strip().lower()
    senders = tuple(str(each) for each in headers.get_all("From", []))
    return _Part(kind=kind, params=params, encoding=encoding, senders=senders, body=body)


def _short(values: list[str]) -> str:
    """The one value of a header, short enough to be looked into."""
    if len(values) != 1 or len(str(values[0])) > _LONGEST_PARSED_HEADER:
        raise Quarantined("header")
    return str(values[0])


def _content_type(value: str) -> tuple[str, dict[str, str]]:
    params = {found[1].lower(): re.sub(r"\\(.)", r"\1", found[2].strip('"')) for found in _PARAM.finditer(value)}
    return value.partition(";")[0].strip().lower(), params


def _sender(root: _Part) -> str:
    found = _FROM.fullmatch(_short(list(root.senders))) if len(root.senders) == 1 else None
    if found is None:
        raise Quarantined("from")
    return (found[1] or found[2]).lower()


def _leaves(root: _Part) -> Iterator[_Part]:
    """The parts that hold no parts. Mails inside the mail stay closed: what they hold, somebody else said."""
    waiting, seen = [(root, 1)], 0
    while waiting:
        part, depth = waiting.pop()
        seen += 1
        if seen > _MOST_PARTS:
            raise Quarantined("parts")
        if not part.kind.startswith("multipart/"):
            yield part
            continue
        if depth == _DEEPEST:
            raise Quarantined("depth")
        waiting += [(_part(each), depth + 1) for each in _inside(part)]


def _inside(part: _Part) -> list[bytes]:
    boundary = part.params.get("boundary", "")
    if not boundary or not boundary.isascii():
        raise Quarantined("unreadable")
    line = rb"(?:\A|\r?\n)--" + re.escape(boundary.encode())
    body = re.split(line + rb"--[ \t]*(?=\r?\n|\Z)", part.body, maxsplit=1)[0]
    inside = re.split(line + rb"[ \t]*(?=\r?\n|\Z)", body, maxsplit=_MOST_PARTS + 1)[1:]
    if len(inside) > _MOST_PARTS:
        raise Quarantined("parts")
    return [re.sub(rb"\A\r?\n", b"", each) for each in inside]


def _calendar(part: _Part) -> bytes:
    """The calendar of a part: decoded, in UTF-8."""
    charset = part.params.get("charset", "utf-8").lower()
    if not _CHARSETS.fullmatch(charset):
        raise Quarantined("unreadable")
    try:
        calendar = _decoded(part).decode(charset).encode("utf-8").strip()
    except (ValueError, LookupError) as error:
        raise Quarantined("unreadable") from error
    if len(calendar) > _LARGEST_CALENDAR:
        raise Quarantined("size")
    return calendar.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n"


def _decoded(part: _Part) -> bytes:
    if part.encoding == "base64":
        return binascii.a2b_base64(part.body)
    if part.encoding == "quoted-printable":
        return binascii.a2b_qp(part.body)
    if part.encoding in ("7bit", "8bit", "binary"):
        return part.body
    raise ValueError("an encoding that mail does not know")
