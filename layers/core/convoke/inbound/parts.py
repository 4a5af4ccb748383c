"""The parts of a mail (RFC 2045, 2046 and 2231), found in one pass over its bytes however deep they are."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from ..model import frozen
from . import plain_text
from .reasons import Reason

LARGEST_HEADERS = 256 * 1024
LONGEST_PARSED_HEADER = 2 * 1024
"""Of the few fields that are looked into."""
_LARGEST_PART_HEADERS = 32 * 1024
MOST_FIELDS = 5000
"""Lines of a mail's header that are read."""
_MOST_PART_FIELDS = 100
_MOST_PARAMS = 100
_MOST_PARTS = 100
_MOST_DELIMITERS = 20_000
"""Lines that begin as a delimiter does. Nobody writes as many."""
_DEEPEST = 10
_LONGEST_BOUNDARY = 250

_HEAD_END = re.compile(rb"(?:\A|\n)\r?\n")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:(.*)", re.DOTALL)
_LINE = re.compile(rb"\r?\n")
_PARAM = re.compile(r';\s*([a-z0-9-]{1,64})((?:\*[0-9]{1,4})?)(\*?)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]+)', re.I | re.S)
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))


@frozen
class Fields:
    """The fields of a header block in order of appearance: each name in lower case, and its value on one line.

    A value is in UTF-8, or in Latin-1 where it is not (RFC 6532 has the first, old programs write the second).
    """

    fields: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        """The values of all fields of this ``name``, which is in lower case."""
        return [value for known, value in self.fields if known == name]

    def first(self, name: str) -> str:
        """The first value of a field on which nothing depends, cut to what is looked into."""
        return next(iter(self.all(name)), "")[:LONGEST_PARSED_HEADER]

    def short(self, name: str, default: str) -> tuple[str, bool]:
        """The one value of a field, and whether it is the only one that is said, and short enough to be looked into."""
        values = set(self.all(name)) or {default}
        value = values.pop()
        return value[:LONGEST_PARSED_HEADER], not values and len(value) <= LONGEST_PARSED_HEADER


@frozen
class Part:
    """One part of a mail: its fields, the few of them that are looked into, and the body as it came."""

    fields: Fields
    kind: str
    params: dict[str, str]
    encoding: str
    body: bytes

    @property
    def charset(self) -> str:
        return self.params.get("charset", "")

    def decoded(self) -> bytes:
        """The body without its transfer encoding; of an encoding that is none, the body as it came."""
        if self.encoding == "base64":
            # A gateway may write that of a calendar that it decoded.
            return self.body if b"BEGIN:VCALENDAR" in self.body[:2000] else _from_base64(self.body)
        if self.encoding == "quoted-printable":
            return binascii.a2b_qp(self.body)
        return self.body


def fields(head: bytes, most: int = MOST_FIELDS) -> Fields:
    """The fields of a header block, those in its first ``most`` lines; a line that is none is passed over."""
    found: list[tuple[str, bytearray]] = []
    for line in _LINE.split(head, maxsplit=most)[:most]:
        if line[:1] in (b" ", b"\t") and found:
            found[-1][1].extend(b" " + line.strip())
        elif field := _FIELD.fullmatch(line):
            found.append((field[1].decode("ascii").lower(), bytearray(field[2].strip())))
    return Fields(fields=tuple((name, plain_text.decoded(bytes(value), "utf-8")) for name, value in found))


def head_of(raw: bytes) -> bytes:
    """The header block of a mail, with the empty line that ends it, as far as it is looked at."""
    end = _HEAD_END.search(raw, 0, LARGEST_HEADERS + 1)
    return raw[: end.end()] if end else raw[: LARGEST_HEADERS + 1]


def leaves(raw: bytes, problems: list[Reason]) -> tuple[Part, ...]:
    """The parts that hold no parts, in order; what is wrong with them is added to ``problems``.

    Mails inside the mail stay closed: what they hold, somebody else said. A boundary ends all parts inside its own,
    whether they end themselves or not.
    """
    found: list[Part] = []
    begun, body_at = _begun(raw, 0, LARGEST_HEADERS, problems)
    if not begun.kind.startswith("multipart/"):
        return (_with(begun, raw[body_at:]),)
    # From the outermost multipart to the innermost that is open: its boundary.
    path: list[bytes] = []
    _enter(begun, path, problems)
    current: tuple[Part, int] | None = None
    total = 1
    for start, end, boundary, last in _delimiters(raw, body_at, path, problems):
        if current is not None:
            found.append(_with(current[0], raw[current[1] : max(start, current[1])]))
            current = None
        del path[path.index(boundary) + (not last) :]
        if last:
            continue
        total += 1
        if total > _MOST_PARTS:
            problems.append(Reason.PARTS)
            break
        # A part may have no body, and end before its fields do.
        window = end + _LARGEST_PART_HEADERS + 1
        stops = (raw.find(b"\n--" + each, end + 1, window) for each in path)
        most = min((stop + 1 - end for stop in stops if stop >= 0), default=_LARGEST_PART_HEADERS)
        begun, body_at = _begun(raw, end, most, problems)
        if begun.kind.startswith("multipart/"):
            _enter(begun, path, problems)
        else:
            current = begun, body_at
    if current is not None:
        found.append(_with(current[0], raw[current[1] :]))
    return tuple(found)


def _delimiters(
    raw: bytes, at: int, path: list[bytes], problems: list[Reason]
) -> Iterator[tuple[int, int, bytes, bool]]:
    """The lines from ``at`` on that are a boundary in ``path``, which whoever asks changes on the way.

    Each as where its line break begins and where the next line does, the boundary, and whether it is the last of it.
    """
    looked = 0
    at = max(at - 1, 0)
    while (at := raw.find(b"\n--", at)) >= 0 and path:
        looked += 1
        if looked > _MOST_DELIMITERS:
            problems.append(Reason.PARTS)
            return
        end = raw.find(b"\n", at + 1, at + 1 + 2 * _LONGEST_BOUNDARY)
        line = raw[at + 3 : end if end >= 0 else at + 1 + 2 * _LONGEST_BOUNDARY].rstrip(b" \t\r")
        start, at = (at - 1 if raw[at - 1 : at] == b"\r" else at), at + 1
        if line in path:
            yield start, end if end >= 0 else len(raw), line, False
        elif line[-2:] == b"--" and line[:-2] in path:
            yield start, end if end >= 0 else len(raw), line[:-2], True


def _enter(part: Part, path: list[bytes], problems: list[Reason]) -> None:
    boundary = part.params.get("boundary", "").strip()
    if not boundary or not boundary.isascii() or len(boundary) > _LONGEST_BOUNDARY:
        problems.append(Reason.UNREADABLE)
    elif len(path) == _DEEPEST:
        problems.append(Reason.DEPTH)
    else:
        path.append(boundary.encode("ascii"))


def _begun(raw: bytes, at: int, most: int, problems: list[Reason]) -> tuple[Part, int]:
    """The part that begins at ``at``, with at most so many bytes of fields and no body yet, and where that begins."""
    end = _HEAD_END.search(raw, at, at + most)
    head = raw[at : end.end() if end else at + most]
    if end is None and len(head) >= _LARGEST_PART_HEADERS:
        problems.append(Reason.HEADER)
    known = fields(head, MOST_FIELDS if at == 0 else _MOST_PART_FIELDS)
    content_type, is_type = known.short("content-type", "text/plain")
    encoding, is_encoding = known.short("content-transfer-encoding", "7bit")
    if not is_type or not is_encoding:
        problems.append(Reason.HEADER)
    kind, params = parameters(content_type)
    coded = re.match(r"[ \t\"]*([a-z0-9-]*)", encoding.lower())
    part = Part(fields=known, kind=kind, params=params, encoding=coded[1] if coded else "", body=b"")
    return part, at + len(head)


def _with(part: Part, body: bytes) -> Part:
    return Part(fields=part.fields, kind=part.kind, params=part.params, encoding=part.encoding, body=body)


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """The value of Content-Type or Content-Disposition: what it names, in lower case, and its parameters.

    One may be in pieces and escaped by percent signs (RFC 2231): ``boundary*0*=us-ascii''%3D7ea; boundary*1*=803``.
    """
    kind = re.match(r"\s*([^\s;(]*)", value)
    whole: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for number, found in enumerate(_PARAM.finditer(value)):
        if number == _MOST_PARAMS:
            break
        name, index, escaped, text = found.groups()
        text = re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL) if text.startswith('"') else text
        if index or escaped:
            pieces.setdefault(name.lower(), {})[int(index[1:] or 0)] = text, bool(escaped)
        else:
            whole[name.lower()] = text
    for name, numbered in pieces.items():
        whole[name] = _joined(numbered)
    return kind[1].lower() if kind else "", whole


def _joined(pieces: dict[int, tuple[str, bool]]) -> str:
    charset, joined = "", b""
    for number, (text, escaped) in sorted(pieces.items()):
        if number == 0 and escaped and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        joined += unquote_to_bytes(text) if escaped else text.encode("utf-8", "replace")
    return plain_text.decoded(joined, charset or "utf-8")


def _from_base64(body: bytes) -> bytes:
    """What base64 says, up to its first padding, where it is cut off, or has other letters in it."""
    letters = body.translate(None, _NOT_BASE64).partition(b"=")[0]
    # One letter alone is no byte.
    letters = letters[:-1] if len(letters) % 4 == 1 else letters
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
