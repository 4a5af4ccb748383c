"""Content lines: the letters in which iCalendar is written (RFC 5545, section 3.1), and text that is safe in them.

Everything that we send is written by :func:`write` and read back by :func:`read` before it leaves. They are our
own because the library at hand changes text on the way: it writes ``C:\\New`` with a line break, and reads
``\\,`` in a name as a comma. A value that does not come back exactly is a mail that cannot be sent. Tests have
that library as a foreign reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..model import frozen

LIMIT = 75  # octets in a line, without its CRLF

# The properties that we write whose type is TEXT and whose value may hold anything (RFC 5545, section 3.3.11).
_TEXT = frozenset({"COMMENT", "DESCRIPTION", "LOCATION", "SUMMARY", "TZID", "TZNAME", "UID"})
_ESCAPES = {"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"}
_UNESCAPES = {"n": "\n", "N": "\n"}

# RFC 6868: how a parameter says what its quotes cannot hold. It is read, and never written: programs that do not know
# it show the carets.
_UNCARETS = {"^^": "^", "^'": '"', "^n": "\n"}

_NAME = re.compile(r"[A-Za-z0-9-]+")
_VALUE = r'(?:"[^"\x00-\x08\x0a-\x1f\x7f]*"|[^";:,\x00-\x08\x0a-\x1f\x7f]*)'
_PARAM = re.compile(rf";([A-Za-z0-9-]+)=({_VALUE}(?:,{_VALUE})*)")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

# C0 but for tab and line feed, C1, line and paragraph separators, bidirectional controls, lone surrogates.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@frozen
class Line:
    """One property: its name, its parameters in the order of writing, and its value as it is meant (not escaped)."""

    name: str
    value: str
    params: tuple[tuple[str, str], ...] = ()

    def param(self, name: str) -> str | None:
        """The value of the parameter ``name`` (upper case), or ``None``."""
        return dict(self.params).get(name)


def line(name: str, value: str, **params: str) -> Line:
    """One property; parameters are written in the order in which they are given, as :func:`parameter` has them."""
    return Line(name=name, value=value, params=tuple((each, parameter(text)) for each, text in params.items()))


def parameter(text: str) -> str:
    """``text`` as every reader understands it in a parameter, whether or not it knows the carets of RFC 6868.

    A quotation mark cannot stand there, and becomes an apostrophe; what is on several lines goes onto one; a caret that
    some would take for the beginning of an escape is left out, any other stays.
    """
    return re.sub(r"\^(?=[\^'n])", "", one_line(text).replace('"', "'"))


def component(name: str, *inside: Line) -> tuple[Line, ...]:
    """The lines ``inside``, between BEGIN and END."""
    return line("BEGIN", name), *inside, line("END", name)


def clean(text: str) -> str:
    """``text`` without what could change how the rest is read: control characters. Line breaks are ``\\n``."""
    return _UNSAFE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """``text`` as :func:`clean` leaves it, on a single line, without space around it."""
    return re.sub(r"[\t\n ]+", " ", clean(text)).strip()


def write(lines: Iterable[Line]) -> bytes:
    """The bytes of ``lines``: UTF-8, CRLF, at most 75 octets a line, never folded inside a character."""
    return b"".join(_fold(_unfolded(each)) for each in lines)


def read(data: bytes) -> tuple[Line, ...]:
    """The lines of ``data``, which is UTF-8; names are in upper case. Raises :class:`ValueError` for anything else.

    Takes time in proportion to the size of ``data``: no component is interpreted, no rule expanded.
    """
    unfolded = re.sub(rb"\r?\n[ \t]", b"", data).decode("utf-8")
    return tuple(_line(each) for each in unfolded.removeprefix("\ufeff").replace("\r\n", "\n").split("\n") if each)


def _unfolded(each: Line) -> str:
    value = re.sub(r"[\\;,\n]", lambda found: _ESCAPES[found[0]], each.value) if each.name in _TEXT else each.value
    return f"{each.name}{''.join(_param(*pair) for pair in each.params)}:{value}"


def _param(name: str, value: str) -> str:
    # Names are always quoted, as are all values that need it: `CN="Ek, Bo"`.
    quoted = name in {"CN", "LABEL"} or not re.fullmatch(r"[\w/+.-]+", value)
    return f';{name}="{value}"' if quoted else f";{name}={value}"


def _fold(text: str) -> bytes:
    folded, size = [""], 0
    # Clients that read a line before they unfold it want escapes whole as well as characters.
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
