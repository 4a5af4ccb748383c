"""Writes and parses the content lines of iCalendar (RFC 5545, section 3.1), and removes unsafe characters from text.

Every calendar that is sent is written by :func:`write`, and parsed again by :func:`read` before it is sent. The library
``icalendar`` is not used for this because it changes text: it writes ``C:\\New`` with a line break, and parses ``\\,``
in a parameter as a comma. A calendar in which one value does not read back exactly is not sent. Tests use that library
as an independent parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..model import frozen

LIMIT = 75  # octets in a line, without its CRLF

# The properties written here whose type is TEXT and whose value may be any text (RFC 5545, section 3.3.11).
_TEXT = frozenset({"COMMENT", "DESCRIPTION", "LOCATION", "SUMMARY", "TZID", "TZNAME", "UID"})
_ESCAPES = {"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"}
_UNESCAPES = {"n": "\n", "N": "\n"}

# RFC 6868: escapes in parameter values. They are parsed but never written, since programs that do not support them show
# the carets.
_UNCARETS = {"^^": "^", "^'": '"', "^n": "\n"}

_NAME = re.compile(r"[A-Za-z0-9-]+")
_VALUE = r'(?:"[^"\x00-\x08\x0a-\x1f\x7f]*"|[^";:,\x00-\x08\x0a-\x1f\x7f]*)'
_PARAM = re.compile(rf";([A-Za-z0-9-]+)=({_VALUE}(?:,{_VALUE})*)")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

# C0 but for tab and line feed, C1, line and paragraph separators, bidirectional controls, lone surrogates.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@frozen
class Line:
    """One property: its name, its parameters in the order in which they are written, and its value, unescaped."""

    name: str
    value: str
    params: tuple[tuple[str, str], ...] = ()

    def param(self, name: str) -> str | None:
        """The value of the parameter ``name`` (upper case), or ``None``."""
        return dict(self.params).get(name)


def line(name: str, value: str, **params: str) -> Line:
    """One property. Parameters are written in the given order, each made safe by :func:`parameter`."""
    return Line(name=name, value=value, params=tuple((each, parameter(text)) for each, text in params.items()))


def parameter(text: str) -> str:
    """``text`` as a parameter value that all programs parse alike, whether or not they support RFC 6868.

    Quotation marks, which are not allowed there, become apostrophes; line breaks become spaces; a caret that would
    begin an escape is removed.
    """
    return re.sub(r"\^(?=[\^'n])", "", one_line(text).replace('"', "'"))


def component(name: str, *inside: Line) -> tuple[Line, ...]:
    """The component ``name``: the lines ``inside`` between BEGIN and END."""
    return line("BEGIN", name), *inside, line("END", name)


def clean(text: str) -> str:
    """``text`` without characters that could change how the rest is displayed or parsed: control characters,
    bidirectional controls and lone surrogates. Line breaks become ``\\n``.
    """
    return _UNSAFE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """``text`` after :func:`clean`, on a single line, without white space at the beginning and the end."""
    return re.sub(r"[\t\n ]+", " ", clean(text)).strip()


def write(lines: Iterable[Line]) -> bytes:
    """The bytes of ``lines``: UTF-8, CRLF, at most 75 octets a line, not folded inside a character or an escape."""
    return b"".join(_fold(_unfolded(each)) for each in lines)


def read(data: bytes) -> tuple[Line, ...]:
    """Parse ``data``, in UTF-8. Names become upper case. Raises :class:`ValueError` if it is not content lines.

    The time is proportional to the size of ``data``: no component is interpreted, and no rule expanded.
    """
    unfolded = re.sub(rb"\r?\n[ \t]", b"", data).decode("utf-8")
    return tuple(_line(each) for each in unfolded.removeprefix("\ufeff").replace("\r\n", "\n").split("\n") if each)


def _unfolded(each: Line) -> str:
    value = re.sub(r"[\\;,\n]", lambda found: _ESCAPES[found[0]], each.value) if each.name in _TEXT else each.value
    return f"{each.name}{''.join(_param(*pair) for pair in each.params)}:{value}"


def _param(name: str, value: str) -> str:
    # People's names and labels are always quoted, other values if they need it: `CN="Ek, Bo"`.
    quoted = name in {"CN", "LABEL"} or not re.fullmatch(r"[\w/+.-]+", value)
    return f';{name}="{value}"' if quoted else f";{name}={value}"


def _fold(text: str) -> bytes:
    folded, size = [""], 0
    # Some programs parse lines before they unfold them: neither characters nor escapes may be folded inside.
    for piece in re.findall(r"\\.|.", text, re.DOTALL):
        octets = len(piece.encode("utf-8"))
        if size + octets > LIMIT:
            folded.append("")
            size = 1  # the space that begins a continuation
        folded[-1] += piece
        size += octets
    return "\r\n ".join(folded).encode("utf-8") + b"\r\n"


def _line(text: str) -> Line:
    name = _NAME.match(text)
    if name is None or _CONTROL.search(text):
        raise ValueError("not a content line")
    at, params = name.end(), []
    while found := _PARAM.match(text, at):
        params.append((found[1].upper(), _unquoted(found[2])))
        at = found.end()
    if text[at : at + 1] != ":":
        raise ValueError(f"{name[0].upper()} is not a content line")
    value, upper = text[at + 1 :], name[0].upper()
    if upper in _TEXT:
        value = re.sub(r"\\([\\;,nN])", lambda found: _UNESCAPES.get(found[1], found[1]), value)
    return Line(name=upper, value=value, params=tuple(params))


def _unquoted(value: str) -> str:
    if value.startswith('"') and value.find('"', 1) == len(value) - 1:
        value = value[1:-1]
    return re.sub(r"\^[\^'n]", lambda found: _UNCARETS[found[0]], value)
