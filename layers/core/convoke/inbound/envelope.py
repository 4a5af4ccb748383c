"""A mail that somebody sent us, taken apart with care (RFC 5322, MIME).

It is hostile until shown otherwise: sizes are looked at before anything is parsed, nothing calls itself, and no header
is given to a parser that needs more than a moment for it.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import parsedate_to_datetime

from ..lines import one_line
from ..model import noun
from . import prose, uids
from .reasons import Quarantined, Reason

LARGEST_MAIL = 256 * 1024
_LARGEST_HEADERS = 32 * 1024
_LONGEST_LINE = 8 * 1024
_LONGEST_PARSED_HEADER = 2 * 1024  # of the few headers that we look into
_MOST_PARTS = 20
_DEEPEST = 5
_LARGEST_CALENDAR = 64 * 1024
_MOST_REFERENCES = 50
_MOST_RESULTS = 10
_LONGEST_DATE = 100

_FOLD = re.compile(rb"(?<![\r\n])[\r\n]+[ \t]")

_PARAM = re.compile(r';\s*([a-z0-9-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]+)', re.IGNORECASE | re.DOTALL)

# Fields, each perhaps going on in the next lines, and the line that ends them (RFC 5322, section 2.2).
_FIELDS = re.compile(rb"(?:[!-9;-~]+:[^\x00\r\n]*\r?\n(?:[ \t][^\x00\r\n]*\r?\n)*)*(?:\r?\n)?")

_ADDRESS = r"([a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9.-]{1,253})"
_QUIET = r'(?:"(?:[^"\\]|\\.)*"|\([^()\\]*\)|[^"<>@,;:()\\\[\]])*'
_MAILBOX = re.compile(rf"{_QUIET}<\s*{_ADDRESS}\s*>\s*|\s*{_ADDRESS}(?:\s+\([^()\\]*\))?\s*", re.IGNORECASE)
_REFERENCE = re.compile(r"<([^<>\s]{1,255})>")


@noun
class Incoming:
    """What we want of a mail. All of it is what the mail *claims*: what of it is true, SES's verdicts say, no header.

    ``problem`` is the first thing that makes it unusable; whatever else could be found stands beside it, so that a mail
    that is put aside can still be shown to whom it concerns.

    ``sender`` is the one address in From, ``submitter`` that in Sender where there is one, both in lower case;
    ``None`` where there is not one address that can be read in one way. ``calendar`` is the calendar's bytes,
    ``None`` where there is none: of several that differ, the one that answers; ``method`` is what its MIME part calls
    it. ``tnef``: Outlook packed it into a winmail.dat. ``references`` are the ids of the mails that it answers, the
    latest last. ``uids`` are the UIDs of our own form anywhere in the mail: first those in its calendars, then those
    in ``references``, the latest first, then all others. ``sent_at`` is its Date (UTC).
    ``authentication_results`` are the values of the header fields of that name (RFC 8601), the topmost first.
    ``automatic``: it says itself that no human wrote it. ``text`` is what somebody wrote, cut to 16 KB.
    """

    problem: Reason | None = None
    sender: str | None = None
    submitter: str | None = None
    calendar: bytes | None = None
    method: str | None = None
    tnef: bool = False
    references: tuple[str, ...] = ()
    uids: tuple[str, ...] = ()
    sent_at: datetime | None = None
    authentication_results: tuple[str, ...] = ()
    automatic: bool = False
    subject: str = ""
    text: str = ""


@noun
class _Part:
    """One part of a mail: its headers, the few of them that are looked into, and the body as it came."""

    headers: Message
    kind: str
    params: dict[str, str]
    encoding: str
    body: bytes


def incoming(raw: bytes) -> Incoming:
    """Read a mail that somebody sent us, well under a second whatever it is; it never raises for what is in it."""
    try:
        return _read(raw)
    except Quarantined as error:
        problem = error.reason
    shown = Incoming(problem=problem, uids=uids.found([_FOLD.sub(b"", raw[: LARGEST_MAIL + 1])]))
    head, _ = _split(raw)
    headers = BytesHeaderParser(policy=compat32).parsebytes(head[:_LARGEST_HEADERS])
    shown = replace(shown, references=_references(headers), subject=prose.subject(_first(headers, "Subject")))
    try:
        return replace(shown, sender=_mailbox(headers.get_all("From", [])))
    except Quarantined:
        return shown


def _read(raw: bytes) -> Incoming:
    if len(raw) > LARGEST_MAIL:
        raise Quarantined(Reason.SIZE)
    if any(len(each) > _LONGEST_LINE for each in raw.split(b"\n")):
        raise Quarantined(Reason.LINE)
    root = _part(raw)
    sender = _mailbox(root.headers.get_all("From", []))
    submitter = _mailbox(root.headers.get_all("Sender", [])) if "Sender" in root.headers else None
    if _is_ambiguous(raw):
        raise Quarantined(Reason.HEADER)
    leaves = tuple(_leaves(root))
    inside = [leaf for leaf in leaves if leaf.kind in ("text/calendar", "application/ics")]
    calendars = {_calendar(leaf) for leaf in inside}
    methods = {leaf.params["method"].strip().upper() for leaf in inside if "method" in leaf.params}
    if len(calendars) > 1:
        raise Quarantined(Reason.CALENDAR)
    if len(methods) > 1:
        raise Quarantined(Reason.MISMATCH)
    references = _references(root.headers)
    texts = [*calendars, *(each.encode() for each in reversed(references)), _FOLD.sub(b"", raw)]
    return Incoming(
        sender=sender,
        submitter=submitter,
        calendar=calendars.pop() if calendars else None,
        method=methods.pop() if methods else None,
        tnef=any(leaf.kind == "application/ms-tnef" for leaf in leaves),
        references=references,
        uids=uids.found(texts),
        sent_at=_sent_at(_first(root.headers, "Date")),
        authentication_results=_authentication_results(root.headers),
        automatic=_is_automatic(root),
        subject=prose.subject(_first(root.headers, "Subject")),
        text=_text(leaves),
    )


def _sent_at(date: str) -> datetime | None:
    """When a mail says that it was written (UTC); a zone that it does not know (-0000) is UTC."""
    try:
        sent_at = parsedate_to_datetime(date[:_LONGEST_DATE])
        return sent_at.astimezone(UTC) if sent_at.tzinfo else sent_at.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _authentication_results(headers: Message) -> tuple[str, ...]:
    found = headers.get_all("Authentication-Results", [])[:_MOST_RESULTS]
    return tuple(one_line(str(each)[:_LONGEST_PARSED_HEADER]) for each in found)


def _is_ambiguous(raw: bytes) -> bool:
    """Whether SES, whose verdict is about one From, may read another there than we do: a line that is no field is
    skipped by some and ends the headers for others, and not everybody ends a line where only LF or only CR is.
    """
    head, _ = _split(raw)
    mixed = b"\r\n" in raw and re.search(rb"(?<!\r)\n", head) is not None
    return mixed or _FIELDS.fullmatch(head) is None


def _split(raw: bytes) -> tuple[bytes, bytes]:
    """The headers, with the empty line that ends them, and the body."""
    end = re.search(rb"(?:\A|\n)\r?\n", raw)
    return (raw[: end.end()], raw[end.end() :]) if end else (raw, b"")


def _part(raw: bytes) -> _Part:
    head, body = _split(raw)
    if len(head) > _LARGEST_HEADERS:
        raise Quarantined(Reason.HEADER)
    # The older policy leaves alone what nobody asks for; the newer one may take minutes for a header, or all the stack.
    headers = BytesHeaderParser(policy=compat32).parsebytes(head)
    kind, params = _content_type(_short(headers.get_all("Content-Type", ["text/plain"])))
    encoding = _short(headers.get_all("Content-Transfer-Encoding", ["7bit"])).strip().lower()
    return _Part(headers=headers, kind=kind, params=params, encoding=encoding, body=body)


def _short(values: list[str]) -> str:
    """The one value of a header, short enough to be looked into."""
    if len(values) != 1 or len(str(values[0])) > _LONGEST_PARSED_HEADER:
        raise Quarantined(Reason.HEADER)
    return str(values[0])


def _first(headers: Message, name: str) -> str:
    """The first value of a header of which nothing depends."""
    return str(headers.get(name, ""))[:_LONGEST_PARSED_HEADER]


def _content_type(value: str) -> tuple[str, dict[str, str]]:
    params = {found[1].lower(): re.sub(r"\\(.)", r"\1", found[2].strip('"')) for found in _PARAM.finditer(value)}
    return value.partition(";")[0].strip().lower(), params


def _mailbox(values: list[str]) -> str:
    """The one address of From or Sender. What could be read in two ways is not read at all."""
    found = _MAILBOX.fullmatch(_short(values)) if len(values) == 1 else None
    if found is None:
        raise Quarantined(Reason.FROM)
    return (found[1] or found[2]).lower()


def _references(headers: Message) -> tuple[str, ...]:
    """The ids of the mails that this one answers (RFC 5322, section 3.6.4)."""
    values = [str(each) for name in ("References", "In-Reply-To") for each in headers.get_all(name, [])]
    return tuple(_REFERENCE.findall(" ".join(values))[-_MOST_REFERENCES:])


def _is_automatic(root: _Part) -> bool:
    """RFC 3834, and what was in use before it."""
    submitted = _first(root.headers, "Auto-Submitted").partition(";")[0].strip().lower()
    return (
        submitted not in ("", "no")
        or _first(root.headers, "Precedence").strip().lower() in ("auto_reply", "bulk", "junk", "list")
        or any(name in root.headers for name in ("List-Id", "List-Unsubscribe", "X-Autoreply", "X-Autorespond"))
        or root.kind == "multipart/report"
    )


def _leaves(root: _Part) -> Iterator[_Part]:
    """The parts that hold no parts. Mails inside the mail stay closed: what they hold, somebody else said."""
    waiting, seen = [(root, 1)], 0
    while waiting:
        part, depth = waiting.pop()
        seen += 1
        if seen > _MOST_PARTS:
            raise Quarantined(Reason.PARTS)
        if not part.kind.startswith("multipart/"):
            yield part
            continue
        if depth == _DEEPEST:
            raise Quarantined(Reason.DEPTH)
        waiting += [(_part(each), depth + 1) for each in reversed(_inside(part))]


def _inside(part: _Part) -> list[bytes]:
    boundary = part.params.get("boundary", "")
    if not boundary or not boundary.isascii():
        raise Quarantined(Reason.UNREADABLE)
    line = rb"(?:\A|\r?\n)--" + re.escape(boundary.encode())
    body = re.split(line + rb"--[ \t]*(?=\r?\n|\Z)", part.body, maxsplit=1)[0]
    inside = re.split(line + rb"[ \t]*(?=\r?\n|\Z)", body, maxsplit=_MOST_PARTS + 1)[1:]
    if len(inside) > _MOST_PARTS:
        raise Quarantined(Reason.PARTS)
    return [re.sub(rb"\A\r?\n", b"", each) for each in inside]


def _calendar(part: _Part) -> bytes:
    """The calendar of a part: decoded, in UTF-8."""
    charset = part.params.get("charset", "utf-8").lower()
    if not prose.is_charset(charset):
        raise Quarantined(Reason.UNREADABLE)
    try:
        calendar = _decoded(part).decode(charset).encode("utf-8").strip()
    except (ValueError, LookupError) as error:
        raise Quarantined(Reason.UNREADABLE) from error
    if len(calendar) > _LARGEST_CALENDAR:
        raise Quarantined(Reason.SIZE)
    return calendar.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n"


def _text(leaves: tuple[_Part, ...]) -> str:
    """What somebody wrote: the first plain text that is not attached, else the first page."""
    for kind in ("text/plain", "text/html"):
        for leaf in leaves:
            if leaf.kind != kind or _first(leaf.headers, "Content-Disposition").lower().startswith("attachment"):
                continue
            try:
                body = _decoded(leaf)
            except ValueError:
                continue
            return prose.text(body, charset=leaf.params.get("charset", "ascii"), is_html=kind == "text/html")
    return ""


def _decoded(part: _Part) -> bytes:
    if part.encoding == "base64":
        return binascii.a2b_base64(part.body)
    if part.encoding == "quoted-printable":
        return binascii.a2b_qp(part.body)
    if part.encoding in ("7bit", "8bit", "binary"):
        return part.body
    raise ValueError("an encoding that mail does not know")
