"""Finds the MIME parts of a mail (RFC 2045, 2046 and 2231) in one pass over its bytes, without recursion."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import unquote_to_bytes

from ..model import frozen
from . import plain_text
from .reasons import Reason

LARGEST_HEADERS = 256 * 1024
LONGEST_PARSED_HEADER = 2 * 1024
"""Characters of a header field that is parsed further."""
_LARGEST_PART_HEADERS = 32 * 1024
MOST_FIELDS = 5000
"""Lines of a mail's header that are read."""
_MOST_PART_FIELDS = 100
_MOST_PARAMS = 100
_MOST_PARTS = 100
_MOST_DELIMITERS = 20_000
"""Lines that begin like a delimiter; no real mail has as many."""
_DEEPEST = 10
_LONGEST_BOUNDARY = 250

_HEAD_END = re.compile(rb"(?:\A|\n)\r?\n")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:(.*)", re.DOTALL)
_LINE = re.compile(rb"\r?\n")
_PARAM = re.compile(r';\s*([a-z0-9-]{1,64})((?:\*[0-9]{1,4})?)(\*?)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]+)', re.I | re.S)
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))


@frozen
class Fields:
    """The fields of a header block in order: the name in lower case, and the value unfolded.

    A value is decoded as UTF-8 (RFC 6532), else as Latin-1, which old programs write.
    """

    fields: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        """The values of all fields of this ``name`` (lower case)."""
        return [value for known, value in self.fields if known == name]

    def first(self, name: str) -> str:
        """The first value of this field, cut to the length that is parsed; for fields whose repetition does no harm."""
        return next(iter(self.all(name)), "")[:LONGEST_PARSED_HEADER]

    def short(self, name: str, default: str) -> tuple[str, bool]:
        """The value of this field, and whether it is unambiguous: not repeated with another value, and not too long."""
        values = set(self.all(name)) or {default}
        value = values.pop()
        return value[:LONGEST_PARSED_HEADER], not values and len(value) <= LONGEST_PARSED_HEADER


@frozen
class Part:
    """One MIME part: ``kind`` is its media type, ``params`` that field's parameters; ``body`` is still encoded."""

    fields: Fields
    kind: str
    params: dict[str, str]
    encoding: str
    body: bytes

    @property
    def charset(self) -> str:
        return self.params.get("charset", "")

    def decoded(self) -> bytes:
        """The body without its transfer encoding; for an unknown encoding, the body as it came."""
        if self.encoding == "base64":
            # Some gateways decode a calendar and leave the field Content-Transfer-Encoding as it was.
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
    """The header block of a mail with the empty line that ends it, cut one byte after the largest accepted size."""
    end = _HEAD_END.search(raw, 0, LARGEST_HEADERS + 1)
    return raw[: end.end()] if end else raw[: LARGEST_HEADERS + 1]


def leaves(raw: bytes, problems: list[Reason]) -> tuple[Part, ...]:
    """The parts that are no multipart, in order; reasons why the mail is invalid are appended to ``problems``.

    A message/rfc822 is one part and not opened, since somebody else wrote it. A delimiter also ends all parts nested in
    its own multipart that have no end delimiter.
    """
    found: list[Part] = []
    begun, body_at = _begun(raw, 0, LARGEST_HEADERS, problems)
    if not begun.kind.startswith("multipart/"):
        return (replace(begun, body=raw[body_at:]),)
    # The boundaries of the open multiparts, the outermost first.
    path: list[bytes] = []
    _enter(begun, path, problems)
    current: tuple[Part, int] | None = None
    total = 1
    for start, end, boundary, last in _delimiters(raw, body_at, path, problems):
        if current is not None:
            found.append(replace(current[0], body=raw[current[1] : max(start, current[1])]))
            current = None
        del path[path.index(boundary) + (not last) :]
        if last:
            continue
        total += 1
        if total > _MOST_PARTS:
            problems.append(Reason.PARTS)
            break
        # A part may end within its header, without a body.
        window = end + _LARGEST_PART_HEADERS + 1
        stops = (raw.find(b"\n--" + each, end + 1, window) for each in path)
        most = min((stop + 1 - end for stop in stops if stop >= 0), default=_LARGEST_PART_HEADERS)
        begun, body_at = _begun(raw, end, most, problems)
        if begun.kind.startswith("multipart/"):
            _enter(begun, path, problems)
        else:
            current = begun, body_at
    if current is not None:
        found.append(replace(current[0], body=raw[current[1] :]))
    return tuple(found)


def _delimiters(
    raw: bytes, at: int, path: list[bytes], problems: list[Reason]
) -> Iterator[tuple[int, int, bytes, bool]]:
    """The delimiter lines from ``at`` on whose boundary is in ``path``, which the caller changes while iterating.

    Each as (start of the line break before it, start of the next line, boundary, whether it is the end delimiter).
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
    """The part whose header begins at ``at`` and has at most ``most`` bytes, without its body; and the body's start."""
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


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """Content-Type or Content-Disposition: the type in lower case, and the parameters by name in lower case.

    Parameters may be continued and percent-encoded (RFC 2231): ``boundary*0*=us-ascii''%3D7ea; boundary*1*=803``.
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
    """Decoded base64, up to the first padding; other characters are skipped, and it may be truncated."""
    letters = body.translate(None, _NOT_BASE64).partition(b"=")[0]
    # A single character left over encodes no byte.
    letters = letters[:-1] if len(letters) % 4 == 1 else letters
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
