"""Parses a mail: its header, its text, and its calendar.

Nothing here trusts the mail. The reader is Python's older, lazy one (``compat32``), which looks into a header only when
asked: the newer one can be kept busy for minutes by one hostile line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import getaddresses

LONGEST_HEADER = 8_192
MOST_BRACKETS = 50  # in an address header: comments are read by recursion


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarPart:
    """A text/calendar part; ``method`` is the Content-Type's parameter in upper case, empty if there is none."""

    text: str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One parsed mail: ``headers`` unfolded but not decoded, other text decoded, people as (name, address)."""

    headers: tuple[tuple[str, str], ...]
    subject: str
    sender: tuple[str, str]
    to: tuple[tuple[str, str], ...]
    text: str = ""
    html: str = ""
    calendar: CalendarPart | None = None

    def header(self, name: str) -> str:
        """The first header of that name as it came, or an empty string."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


def read_headers(raw: bytes) -> Letter:
    """Parse the header only; it never raises, and what cannot be parsed is empty."""
    headers = tuple((key, _unfolded(value)) for key, value in BytesHeaderParser().parsebytes(raw).items())
    first = {key.lower(): value for key, value in reversed(headers)}
    return Letter(
        headers=headers,
        subject=decoded(first.get("subject", "")),
        sender=next(iter(addresses(first.get("from", ""))), ("", "")),
        to=addresses(first.get("to", "")),
    )


def read(raw: bytes) -> Letter:
    """Read the whole mail: the first text, HTML and calendar that are not attachments."""
    try:
        parts = list(_leaves(message_from_bytes(raw)))
    except RecursionError:  # parts that are nested too deep
        parts = []
    by_type = {part.get_content_type(): part for part in reversed(parts)}
    text, html, calendar = (by_type.get(f"text/{subtype}") for subtype in ("plain", "html", "calendar"))
    return replace(
        read_headers(raw),
        text=_text(text) if text is not None else "",
        html=_text(html) if html is not None else "",
        calendar=_calendar(calendar) if calendar is not None else None,
    )


def addresses(header: str) -> tuple[tuple[str, str], ...]:
    """The (decoded name, address) pairs of an address header; empty if it has no valid address."""
    if len(header) > LONGEST_HEADER or header.count("(") > MOST_BRACKETS:
        return ()
    return tuple((decoded(name), address) for name, address in getaddresses([header]) if "@" in address)


def decoded(header: str) -> str:
    """A header's text with encoded words decoded (RFC 2047), on one line."""
    if len(header) > LONGEST_HEADER:
        return printable(header[:LONGEST_HEADER])
    try:
        return printable(str(make_header(decode_header(header))))
    except (ValueError, LookupError):  # an unknown or wrong charset
        return printable(header)


def printable(text: str) -> str:
    """One line without control characters and surrogates."""
    whole = text.encode("utf-8", "replace").decode()
    return " ".join("".join(c if c.isprintable() else " " for c in whole).split())


def _leaves(mail: Message) -> Iterator[Message]:
    """The parts that are no multipart and no attachment, in order."""
    for part in mail.walk():
        if not part.is_multipart() and part.get_content_disposition() != "attachment":
            yield part


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    octets = payload if isinstance(payload, bytes) else b""
    try:
        return octets.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        return octets.decode("utf-8", "replace")


def _calendar(part: Message) -> CalendarPart:
    method = part.get_param("method", "")
    return CalendarPart(text=_text(part), method=method.upper() if isinstance(method, str) else "")


def _unfolded(value: object) -> str:
    return str(value).replace("\r", "").replace("\n", "").encode("utf-8", "replace").decode()
