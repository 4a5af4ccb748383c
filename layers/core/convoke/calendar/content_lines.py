"""Folds and parses the content lines of iCalendar (RFC 5545, section 3.1), and makes text, addresses and URIs safe.

A calendar that is sent is built with the library ``icalendar`` (see ``itip``), folded by :func:`write`, and parsed
again by :func:`read` before it is sent: one in which a single value does not read back exactly is not sent. The
library's own parser is not used for that. It takes ``\\,`` in a parameter for a comma, so that a name with a backslash
would be refused, and it has the faults of its writer.

This module does not import the library, since most functions never write a calendar.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from ..model import RenderError, ascii_domain

if TYPE_CHECKING:
    from icalendar import Component

LIMIT = 75  # octets in a line, without its CRLF

# The properties that are sent whose type is TEXT and whose value may be any text (RFC 5545, section 3.3.11).
_TEXT = frozenset({"COMMENT", "DESCRIPTION", "LOCATION", "NAME", "SUMMARY", "TZID", "TZNAME", "UID", "X-WR-CALNAME"})
_ESCAPES = {"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"}
_UNESCAPES = {"n": "\n", "N": "\n"}

# RFC 6868: escapes in parameter values. They are parsed but never written, since programs that do not support them show
# the carets.
_UNCARETS = {"^^": "^", "^'": '"', "^n": "\n"}

_BACKSLASH = ord("\\")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_VALUE = r'(?:"[^"\x00-\x08\x0a-\x1f\x7f]*"|[^";:,\x00-\x08\x0a-\x1f\x7f]*)'
_PARAM = re.compile(rf";([A-Za-z0-9-]+)=({_VALUE}(?:,{_VALUE})*)")
_PLAIN = re.compile(r"[\w/+.-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_FOLD = re.compile(rb"\r?\n[ \t]")

_SPACES = re.compile(r"[\t\n ]+")
_BEGUN_ESCAPE = re.compile(r"\^(?=[\^'n])")
# C0 but for tab and line feed, C1, line and paragraph separators, bidirectional controls, byte order marks, and lone
# surrogates.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")

_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")


class Line(NamedTuple):
    """One property: its name, its parameters in the order in which they are written, and its value, unescaped."""

    name: str
    value: str
    params: tuple[tuple[str, str], ...] = ()


def parameter(text: str) -> str:
    """``text`` as a parameter value that all programs parse alike, whether or not they support RFC 6868.

    Quotation marks, which are not allowed there, become apostrophes; line breaks become spaces; a caret that would
    begin an escape is removed.
    """
    return _BEGUN_ESCAPE.sub("", one_line(text).replace('"', "'"))


def clean(text: str) -> str:
    """``text`` without characters that could change how the rest is displayed or parsed: control characters,
    bidirectional controls, byte order marks (which readers remove) and lone surrogates. Line breaks become ``\\n``.
    """
    if text.isprintable():  # then it has none of them
        return text
    return _UNSAFE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """``text`` after :func:`clean`, on a single line, without white space at the beginning and the end."""
    return _SPACES.sub(" ", clean(text)).strip()


@lru_cache(maxsize=16)  # one mail asks several times
def address(email: str) -> str:
    """``email`` as it is written in mails and calendars: with its domain in Punycode. Raises :class:`RenderError` if it
    has characters that are not possible there.
    """
    local, _, domain = email.rpartition("@")
    try:
        domain = _punycode(domain)
    except UnicodeError as error:
        raise RenderError("an address has a domain that does not exist in Punycode") from error
    if not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise RenderError("an address has characters that mail cannot carry")
    return f"{local}@{domain}"


@lru_cache(maxsize=256)
def _punycode(domain: str) -> str:
    # Also of what was stored before such domains were refused: it must not be mailed to somebody else's.
    return domain.encode("idna").decode("ascii") if domain.isascii() else ascii_domain(domain)


def mailto(email: str) -> str:
    """The mailto URI (RFC 6068) of ``email``. Raises :class:`RenderError` as :func:`address` does."""
    local, _, domain = address(email).rpartition("@")
    return "mailto:" + quote(local, safe="!$&'*+/=_~.-") + "@" + domain


def uri(text: str) -> str:
    """``text`` as a URI: characters that are not allowed in one are percent-encoded."""
    return quote(one_line(text), safe="%/:?#[]@!$&'()*+,;=~")


def escaped(text: str) -> str:
    """``text`` as a value of the type TEXT (section 3.3.11)."""
    return re.sub(r"[\\;,\n]", lambda found: _ESCAPES[found[0]], text)


def parameters(params: tuple[tuple[str, str], ...]) -> str:
    """``params`` as they are written, names in upper case, separated by semicolons. The values are ones that
    :func:`parameter` has made safe.
    """
    # People's names and labels are always quoted, other values if they need it: `CN="Ek, Bo"`.
    return ";".join(
        f'{name}="{value}"' if name in {"CN", "LABEL"} or not _PLAIN.fullmatch(value) else f"{name}={value}"
        for name, value in params
    )


def write(calendar: Component) -> bytes:
    """The bytes of ``calendar``: UTF-8, CRLF, at most 75 octets a line, not folded inside a character or an escape."""
    return b"".join(folded(line) for line in calendar.content_lines(sorted=False) if line)


def meant(calendar: Component) -> tuple[Line, ...]:
    """The lines that :func:`read` must find in ``calendar`` as it is written."""
    return tuple(
        Line(
            name=name,
            value=value if isinstance(value, str) else _text(value),
            params=tuple(getattr(value, "params", {}).items()),
        )
        for name, value in calendar.property_items(sorted=False)
    )


def _text(value: Any) -> str:
    written = value if isinstance(value, bytes) else value.to_ical()
    return written if isinstance(written, str) else written.decode()


def read(data: bytes) -> tuple[Line, ...]:
    """Parse ``data``, in UTF-8. Names become upper case. Raises :class:`ValueError` if it is not content lines.

    The time is proportional to the size of ``data``: no component is interpreted, and no rule expanded.
    """
    text = unfolded(data).removeprefix("\ufeff").replace("\r\n", "\n")
    if _CONTROL.search(text):
        raise ValueError("control characters are not part of content lines")
    return tuple([_line(each) for each in text.split("\n") if each])


def unfolded(data: bytes) -> str:
    """``data``, in UTF-8, with its lines unfolded. Raises :class:`ValueError` for other bytes."""
    return _FOLD.sub(b"", data).decode("utf-8")


def folded(line: str) -> bytes:
    """``line`` with its CRLF, in UTF-8, folded to at most 75 octets."""
    octets = line.encode("utf-8")
    written, at, end = b"", 0, LIMIT
    while len(octets) > end:
        # Some programs parse lines before they unfold them: neither characters nor escapes may be folded inside.
        while octets[end] & 0xC0 == 0x80:
            end -= 1
        if octets[end - 1] == _BACKSLASH:
            end -= (end - at - len(octets[at:end].rstrip(b"\\"))) % 2
        written += octets[at:end] + b"\r\n "
        at, end = end, end + LIMIT - 1  # a continuation begins with a space
    return written + octets[at:] + b"\r\n"


def _line(text: str) -> Line:
    name, colon, value = text.partition(":")
    params: list[tuple[str, str]] = []
    if not colon or not _NAME.fullmatch(name):
        found = _NAME.match(text)
        if found is None:
            raise ValueError("not a content line")
        name, at = found[0], found.end()
        while found := _PARAM.match(text, at):
            params.append((found[1].upper(), _unquoted(found[2])))
            at = found.end()
        if text[at : at + 1] != ":":
            raise ValueError(f"{name.upper()} is not a content line")
        value = text[at + 1 :]
    name = name.upper()
    if "\\" in value and name in _TEXT:
        value = re.sub(r"\\([\\;,nN])", lambda found: _UNESCAPES.get(found[1], found[1]), value)
    return Line(name, value, tuple(params))


def _unquoted(value: str) -> str:
    if value.startswith('"') and value.find('"', 1) == len(value) - 1:
        value = value[1:-1]
    return re.sub(r"\^[\^'n]", lambda found: _UNCARETS[found[0]], value) if "^" in value else value
