"""The text of a mail as plain text: decoded from any charset, without HTML and control characters, cut in length."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header

from ..calendar.content_lines import clean, one_line
from ..links import tokens

LONGEST = 16 * 1024
LONGEST_SUBJECT = 200
_MOST_BYTES = {False: 4 * LONGEST, True: 16 * LONGEST}
"""Bytes of a body that are read, by whether it is HTML."""

# Byte order marks of UTF-16.
_MARKS = (b"\xff\xfe", b"\xfe\xff")

# Codecs that take linear time: the sender chooses the charset, and Python also has others.
_CHARSETS = re.compile(
    r"utf-?8|utf-16(be|le)?|(us-)?ascii|iso-8859-\d+|windows-125\d|koi8-[ru]"
    r"|iso-2022-jp|euc-(jp|kr)|shift_jis|gb2312|gbk|gb18030|big5|big5-hkscs|cp(437|850|852|866|874|932|949|950)"
    r"|iso-2022-kr|mac-(roman|cyrillic|latin2)|tis-620"
)
# Names that mail programs write and that Python does not know, or knows as a smaller set, such as EUC-KR for cp949.
_ALIASES = {
    **dict.fromkeys(("ks_c_5601-1987", "ks_c_5601-1989", "ks_c_5601", "ksc5601", "ksc_5601", "windows-949"), "cp949"),
    **dict.fromkeys(("iso-8859-8-i", "iso-8859-8-e"), "iso-8859-8"),
    **dict.fromkeys(("x-sjis", "shift-jis", "sjis", "windows-31j", "ms_kanji", "cswindows31j"), "cp932"),
    **dict.fromkeys(("x-euc-jp",), "euc-jp"),
    **dict.fromkeys(("gb_2312-80", "x-gbk", "cp936", "windows-936", "gb2312-80"), "gbk"),
    **dict.fromkeys(("x-big5", "cn-big5", "windows-950"), "big5"),
    **dict.fromkeys(("windows-874", "iso-8859-11"), "cp874"),
    **dict.fromkeys(("macintosh", "x-mac-roman"), "mac-roman"),
    **dict.fromkeys(("latin1", "iso8859-1", "iso_8859-1", "ansi", "x-ansi", "unknown-8bit"), "windows-1252"),
    **dict.fromkeys(("unicode", "ucs-2"), "utf-16"),
    **{f"cp{number}": f"windows-{number}" for number in range(1250, 1259)},
    **{f"iso8859-{number}": f"iso-8859-{number}" for number in range(2, 17)},
}
_MOST_TAGS = 20_000
_HIDDEN = frozenset({"head", "script", "style", "title"})
_BREAKS = frozenset({"br", "div", "li", "p", "tr"})
_ENTITY = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")


def decoded(data: bytes, charset: str) -> str:
    """``data`` decoded in the named charset; else as UTF-8; else as Latin-1, which never fails and keeps ASCII."""
    return _decoded(data, _known(charset))


def decoded_lines(data: bytes, charset: str) -> str:
    """As :func:`decoded`, but line by line if necessary, so that a line in another charset does not affect others."""
    codec = _known(charset)
    try:
        return data.decode(codec)
    except (ValueError, LookupError):
        return "\n".join(_decoded(line, codec) for line in data.split(b"\n"))


def _decoded(data: bytes, codec: str) -> str:
    for each in (codec, "utf-8"):
        try:
            return data.decode(each)
        except (ValueError, LookupError):
            continue
    return data.decode("latin-1")


def narrow(data: bytes, charset: str) -> tuple[bytes, str]:
    """``data`` in a superset of ASCII, and its charset: UTF-16 is converted to UTF-8, also where it is not named.

    In UTF-16, a text that begins with ASCII, as calendars do, has a zero in one of its first two bytes.
    """
    named = _known(charset).startswith("utf-16")
    if data[:2] in _MARKS or (named and b"\0" in data[:2]):
        codec = "utf-16" if data[:2] in _MARKS else "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
        return data.decode(codec, "replace").encode("utf-8", "replace"), "utf-8"
    return data, "utf-8" if named else charset


def subject(header: str) -> str:
    """A decoded Subject (RFC 2047) on one line, at most 200 characters."""
    try:
        whole = "".join(
            part if isinstance(part, str) else part.decode(_known(charset), "replace")
            for part, charset in decode_header(header)
        )
    except (HeaderParseError, LookupError, ValueError):
        whole = header
    return one_line(whole)[:LONGEST_SUBJECT]


def text(body: bytes, *, charset: str, is_html: bool) -> str:
    """The body of a part as plain text, at most 16 KB. Personal links that it quotes are made unusable: what is written
    to Convoke is passed on to the organizer.
    """
    whole = _decoded_body(*narrow(body[: _MOST_BYTES[is_html]], charset))
    if is_html:
        whole = "".join(_visible(whole))
        whole = unescaped(whole)
    # Before it is cut: of a link that is cut the rest may be guessed.
    return re.sub(r"\n{3,}", "\n\n", tokens.redacted(clean(whole))[:LONGEST].strip())


def unescaped(text: str) -> str:
    """``text`` with the characters that HTML's entities stand for."""
    return _ENTITY.sub(lambda found: html.unescape(found[0]), text)


def _decoded_body(body: bytes, charset: str) -> str:
    """``body`` decoded as by :func:`decoded`, but with U+FFFD for a character that is cut off or invalid."""
    known = _known(charset)
    if known == "ascii":
        known = "utf-8"
    try:
        whole = body.decode(known, "replace")
    except LookupError:
        return decoded(body, "ascii")
    # Several replacement characters mean that the charset is wrong, such as Latin-1 labelled as UTF-8.
    return decoded(body, charset) if whole.count("\ufffd") > 1 else whole


def _known(charset: str | None) -> str:
    """Python's codec for a named charset; ASCII for one that is unknown or not accepted."""
    name = (charset or "").strip(" '\"").lower()
    name = _ALIASES.get(name, name)
    return name if _CHARSETS.fullmatch(name) else "ascii"


def _visible(page: str) -> Iterator[str]:
    """The text between HTML tags, without elements that are not shown; in linear time, up to 20,000 tags."""
    hidden = ""
    first, *pieces = page.split("<", _MOST_TAGS)[:_MOST_TAGS]
    yield first
    for piece in pieces:
        tag, closed, content = piece.partition(">")
        name = re.match(r"/?[A-Za-z0-9]{0,16}", tag)[0].lower()  # type: ignore[index]
        if hidden:
            hidden = "" if name == f"/{hidden}" else hidden
        elif name in _HIDDEN:
            hidden = name
        if hidden or not closed:
            continue
        yield "\n" if name.removeprefix("/") in _BREAKS else ""
        yield re.sub(r"\s+", " ", content)
