"""Parses an incoming mail (RFC 5322, MIME), which may be hostile.

Sizes are checked before anything is parsed, nothing recurses, and long header fields are not parsed. Irregularities
that do not matter are ignored; what matters and is ambiguous becomes a problem, and the rest of the mail is still
parsed, so that it can be shown in the quarantine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ..model import frozen
from . import components, plain_text, uids
from .itip_reply import LARGEST as LARGEST_CALENDAR
from .itip_reply import Answer, IncomingMethod, answers
from .parts import (
    LARGEST_HEADERS,
    LONGEST_PARSED_HEADER,
    MOST_FIELDS,
    Fields,
    Part,
    fields,
    head_of,
    leaves,
    parameters,
)
from .reasons import Quarantined, Reason

LARGEST_MAIL = 5 * 1024 * 1024
_MOST_REFERENCES = 50
_MOST_CALENDARS = 4
_LONGEST_DATE = 100
_LONGEST_BEGIN = 100

# Line folds of calendars and header fields, and soft line breaks of quoted-printable.
_FOLDS = (b"\r\n ", b"\r\n\t", b"\n ", b"\n\t", b"=\r\n", b"=\n")
# Header fields, perhaps folded, and the empty line that ends them (RFC 5322, section 2.2).
_FIELDS = re.compile(rb"(?:[!-9;-~]+:[^\x00\r\n]*\r?\n(?:[ \t][^\x00\r\n]*\r?\n)*)*(?:\r?\n)?")
_METHOD = re.compile(r"[ \t]*METHOD[ \t]*:[ \t]*([A-Za-z]+)[ \t]*", re.IGNORECASE)
_CALENDARS = ("text/calendar", "application/ics", "text/x-vcalendar")
_REPORTS = ("message/disposition-notification", "message/delivery-status")
_UNOPENED = ("image/", "audio/", "video/", "font/")

_ADDRESS = r"([a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9.-]{1,253})"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
# Behind an address: one that nobody takes for an address.
_REMARK = r"\((?:[^()\\<>@]|\\[^<>@])*\)"
# A comment in one in one; deeper ones nobody writes.
_COMMENT = r"\((?:[^()\\]|\\.|\((?:[^()\\]|\\.|\([^()\\]*\))*\))*\)"
_QUIET = rf'(?:{_QUOTED}|{_COMMENT}|[^"<>@,;:()\\])*'
# Only letters of ASCII are the same in both cases here: K (the sign for kelvin) is no k of anybody's address.
_MAILBOX = re.compile(
    rf"{_QUIET}<\s*{_ADDRESS}\s*>\s*(?:{_REMARK}\s*)?|\s*{_ADDRESS}(?:\s+{_COMMENT})?\s*", re.IGNORECASE | re.ASCII
)
# A name that should be in quotes: with its own address in it, or a comma.
_LOOSE = re.compile(rf'[^"<>;:()\\]*<\s*{_ADDRESS}\s*>\s*', re.IGNORECASE | re.ASCII)
_REFERENCE = re.compile(r"<([^<>\s]{1,255})>")


@frozen
class Incoming:
    """The parsed parts of a mail. All of it is what the mail *claims*; only SES's verdicts prove anything.

    ``problem`` is the first reason why the mail cannot be used; the other fields are filled as far as possible, so that
    it can be shown in the quarantine.

    ``sender`` is the one address in From, ``submitter`` that in Sender where there is one, both in lower case;
    ``None`` where there is not one address that can be read in one way. ``calendar`` is the calendar's bytes,
    ``None`` where there is none: of several that differ, the one that answers; ``method`` is what its MIME part calls
    it. ``tnef``: Outlook packed it into a winmail.dat. ``references`` are the ids of the mails that it answers, the
    latest last. ``uids`` are the UIDs of our own form anywhere in the mail: first those in its calendars, of which
    those that answer come first, then those in ``references``, the latest first, then all others. ``sent_at`` is its
    Date (UTC).
    ``automatic``: it says itself that no human wrote it, or is a receipt. ``text`` is what somebody wrote, up to 16 KB.
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
    automatic: bool = False
    subject: str = ""
    text: str = ""


@frozen
class _Calendar:
    """A calendar in a MIME part, in UTF-8 and unfolded; ``method`` is its METHOD, ``named`` the part's parameter."""

    data: bytes
    method: str | None
    named: str | None

    @property
    def answers(self) -> bool:
        return (self.method or self.named) in list(IncomingMethod)


def incoming(raw: bytes) -> Incoming:
    """Parse a mail. It takes well under a second and never raises, whatever the mail contains.

    Only the first 5 MB are read.
    """
    problems = [Reason.SIZE] if len(raw) > LARGEST_MAIL else []
    raw = raw[:LARGEST_MAIL]
    head = head_of(raw)
    if len(head) > LARGEST_HEADERS:
        problems.append(Reason.HEADER)
    known = fields(head)
    sender = _mailbox(known.all("from"))
    submitters = known.all("sender")
    submitter = _mailbox(submitters)
    if sender is None or (submitters and submitter is None):
        problems.append(_no_mailbox(known))
    if _is_ambiguous(raw, head):
        problems.append(Reason.HEADER)
    found = leaves(raw, problems)
    parts = [leaf for leaf in found if leaf.kind in _CALENDARS] or [leaf for leaf in found if _is_calendar_file(leaf)]
    if len(parts) > _MOST_CALENDARS:
        problems.append(Reason.CALENDAR)
    calendars = [_calendar(leaf) for leaf in parts[:_MOST_CALENDARS]]
    sent_at = _sent_at(known.first("date"))
    readable = sorted((each for each in calendars if each), key=lambda each: not each.answers)
    calendar, method = _chosen(readable, len(calendars), sent_at, sender, problems)
    references = _references(known)
    return Incoming(
        problem=problems[0] if problems else None,
        sender=sender,
        submitter=submitter,
        calendar=calendar,
        method=method,
        tnef=any(leaf.kind in ("application/ms-tnef", "application/vnd.ms-tnef") for leaf in found),
        references=references,
        uids=uids.found(_texts(raw, [each.data for each in readable], references, found)),
        sent_at=sent_at,
        automatic=_is_automatic(known) or any(leaf.kind in _REPORTS for leaf in found),
        subject=plain_text.subject(known.first("subject")),
        text=_text(found),
    )


def _is_ambiguous(raw: bytes, head: bytes) -> bool:
    """Whether SES, whose verdict is about one From, may read another there than we do: a line that is no field is
    skipped by some and ends the headers for others, and not everybody ends a line where only LF or only CR is. Nor do
    we read more lines than so many: there may be another From behind them.
    """
    mixed = b"\r\n" in raw and re.search(rb"(?<!\r)\n", head) is not None
    return (
        mixed or head.count(b"\n") > MOST_FIELDS or (len(head) <= LARGEST_HEADERS and _FIELDS.fullmatch(head) is None)
    )


def _mailbox(values: list[str]) -> str | None:
    """The one address of From or Sender; ``None`` if it is missing or ambiguous.

    A display name without the quotes that it needs is accepted if the field has no other address: every parser reads
    the same in ``Ek, Bo <bo@example.net>`` and ``bo@example.net <bo@example.net>``.
    """
    if len(values) != 1 or len(values[0]) > LONGEST_PARSED_HEADER:
        return None
    found = _MAILBOX.fullmatch(values[0])
    if found is not None:
        return str(found[1] or found[2]).lower()
    found = _LOOSE.fullmatch(values[0])
    if found is None:
        return None
    address = str(found[1]).lower()
    name = re.sub(rf"(?:^|(?<=[\s,])){re.escape(address)}(?=[\s,]|$)", "", values[0][: found.start(1) - 1].lower())
    return None if "@" in name or (not name.replace(",", "").strip() and "," in name) else address


def _no_mailbox(known: Fields) -> Reason:
    """The reason for a missing or ambiguous From or Sender: ``HEADER`` if it is too long to parse, else ``FROM``."""
    values = [*known.all("from"), *known.all("sender")]
    return Reason.HEADER if any(len(each) > LONGEST_PARSED_HEADER for each in values) else Reason.FROM


def _references(known: Fields) -> tuple[str, ...]:
    """The Message-IDs of the mails that this one answers (RFC 5322, section 3.6.4), at most 50."""
    values = [*known.all("references"), *known.all("in-reply-to")]
    return tuple(_REFERENCE.findall(" ".join(values))[-_MOST_REFERENCES:])


def _sent_at(date: str) -> datetime | None:
    """The mail's Date in UTC; an unknown zone (-0000) is taken for UTC. ``None`` if it is missing or unreadable."""
    try:
        sent_at = parsedate_to_datetime(date[:_LONGEST_DATE])
        return sent_at.astimezone(UTC) if sent_at.tzinfo else sent_at.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _is_automatic(known: Fields) -> bool:
    """Whether the header says so: Auto-Submitted (RFC 3834), or one of the fields that were used before it."""
    submitted = known.first("auto-submitted").partition(";")[0].strip().lower()
    return (
        submitted not in ("", "no")
        or known.first("precedence").strip().lower() in ("auto_reply", "bulk", "junk", "list")
        or any(known.all(name) for name in ("list-id", "list-unsubscribe", "x-autoreply", "x-autorespond"))
        or parameters(known.first("content-type"))[0] == "multipart/report"
    )


# --- the calendar -------------------------------------------------------------------------------------------------


def _is_calendar_file(leaf: Part) -> bool:
    """Whether a part is a calendar by its name, or by how it begins where its kind says nothing. RFC 6047 wants it to
    say what it is; gateways forget it, or put another kind in its place.
    """
    if leaf.kind == "application/octet-stream":
        begin = replace(leaf, body=leaf.body[:_LONGEST_BEGIN]).decoded().removeprefix(b"\xef\xbb\xbf").lstrip()
        if begin.upper().startswith(b"BEGIN:VCALENDAR"):
            return True
    disposition = parameters(leaf.fields.first("content-disposition"))[1]
    names = (leaf.params.get("name", ""), disposition.get("filename", ""))
    return not leaf.kind.startswith(_UNOPENED) and any(name.lower().endswith(".ics") for name in names)


def _calendar(leaf: Part) -> _Calendar | None:
    """The calendar in a part; ``None`` if it is larger than an answer may be."""
    decoded = leaf.decoded()
    if len(decoded) > 2 * LARGEST_CALENDAR:
        return None
    lines = components.lines_of(decoded, leaf.charset or "utf-8")
    data = b"".join(line.encode("utf-8", "replace") + b"\r\n" for line in lines)
    if len(data) > LARGEST_CALENDAR:
        return None
    methods = {found[1].upper() for line in lines if (found := _METHOD.fullmatch(line))}
    named = leaf.params.get("method", "").strip().upper() or None
    return _Calendar(data=data, method=methods.pop() if len(methods) == 1 else None, named=named)


def _chosen(
    calendars: list[_Calendar], number: int, sent_at: datetime | None, sender: str | None, problems: list[Reason]
) -> tuple[bytes | None, str | None]:
    """The calendar that answers, and what its part calls it. An invitation may be attached to its answer once more."""
    if len(calendars) < number:
        problems.append(Reason.SIZE)
    answering = [each for each in calendars if each.answers]
    considered = answering if answering else calendars
    if not considered:
        return None, None
    if len({each.data for each in considered}) > 1 and not _agree(considered, sent_at, sender):
        problems.append(Reason.CALENDAR)
    named = {each.named for each in considered} - {None}
    if len(named) > 1:
        problems.append(Reason.MISMATCH)
    return considered[0].data, considered[0].named or next(iter(named), None)


def _agree(calendars: list[_Calendar], sent_at: datetime | None, sender: str | None) -> bool:
    """Whether calendars that differ give the same answers: a program that writes two need not write them alike, and a
    gateway may write its own into one of them.
    """
    if sum(len(each.data) for each in calendars) > LARGEST_CALENDAR:
        return False
    try:
        read = (answers(each.data, method=each.named, sent_at=sent_at, sender=sender) for each in calendars)
        said = {tuple(map(_words, each)) for each in read}
    except Quarantined:
        return False
    return len(said) == 1 and all(each.problem is None for each in next(iter(said)))


def _words(answer: Answer) -> Answer:
    """What it says, without when it was written, and what was written with it."""
    return replace(answer, dtstamp=datetime(1970, 1, 1, tzinfo=UTC), comment="")


# --- what else is in it -------------------------------------------------------------------------------------------


def _texts(raw: bytes, calendars: list[bytes], references: tuple[str, ...], found: tuple[Part, ...]) -> Iterator[bytes]:
    """The texts in which a UID of ours may occur, the likeliest first."""
    yield from calendars
    for reference in reversed(references):
        yield reference.encode("utf-8", "replace")
    yield _unfolded(raw)
    for leaf in found:
        if leaf.encoding in ("base64", "quoted-printable") and not leaf.kind.startswith(_UNOPENED):
            yield _unfolded(leaf.decoded())


def _unfolded(data: bytes) -> bytes:
    for fold in _FOLDS:
        if fold in data:
            data = data.replace(fold, b"")
    return data


def _text(found: tuple[Part, ...]) -> str:
    """The mail's text: the first text/plain part that is no attachment, else the first text/html."""
    for kind in ("text/plain", "text/html"):
        for leaf in found:
            if leaf.kind == kind and not leaf.fields.first("content-disposition").lower().startswith("attachment"):
                return plain_text.text(leaf.decoded(), charset=leaf.charset, is_html=kind == "text/html")
    return ""
