"""What a person wrote in a mail, as plain text: cut to what may be passed on, without what could be more than text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header

from ..calendar.content_lines import clean, one_line

LONGEST = 16 * 1024
LONGEST_SUBJECT = 200
_MOST_BYTES = {False: 4 * LONGEST, True: 16 * LONGEST}
"""Of a body, plain or (with all that nobody sees) HTML."""

# How a text in UTF-16 begins, if it says which of the two it is.
_MARKS = (b"\xff\xfe", b"\xfe\xff")

# Codecs whose time grows with the length alone. Python has others, and it is the sender who names one.
_CHARSETS = re.compile(
    r"utf-?8|utf-16(be|le)?|(us-)?ascii|iso-8859-\d+|windows-125\d|koi8-[ru]"
    r"|iso-2022-jp|euc-(jp|kr)|shift_jis|gb2312|gbk|gb18030|big5|big5-hkscs|cp(437|850|852|866|874|932|949|950)"
    r"|iso-2022-kr|mac-(roman|cyrillic|latin2)|tis-620"
)
# Names that mail programs write, and Python does not know or knows as less: EUC-KR has fewer letters than Windows.
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
_UNSEEN = frozenset({"head", "script", "style", "title"})
_BREAKS = frozenset({"br", "div", "li", "p", "tr"})
_ENTITY = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")


def decoded(data: bytes, charset: str) -> str:
    """``data`` in the charset that somebody names; else in UTF-8; else as Latin-1, in which ASCII is right at least."""
    return _decoded(data, _known(charset))


def decoded_lines(data: bytes, charset: str) -> str:
    """As :func:`decoded`, but that a line in another charset makes no difference to the others."""
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
    """``data`` in a charset in which ASCII is itself, and that charset: UTF-16 becomes UTF-8, whoever names it or not.

    A text that begins in ASCII, as calendars do, has a nought in one of its first bytes where it is in UTF-16.
    """
    named = _known(charset).startswith("utf-16")
    if data[:2] in _MARKS or (named and b"\0" in data[:2]):
        codec = "utf-16" if data[:2] in _MARKS else "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
        return data.decode(codec, "replace").encode("utf-8", "replace"), "utf-8"
    return data, "utf-8" if named else charset


def subject(header: str) -> str:
    """A Subject as it was meant (RFC 2047), on one line."""
    try:
        said = "".join(
            part if isinstance(part, str) else part.decode(_known(charset), "replace")
            for part, charset in decode_header(header)
        )
    except (HeaderParseError, LookupError, ValueError):
        said = header
    return one_line(said)[:LONGEST_SUBJECT]


def text(body: bytes, *, charset: str, is_html: bool) -> str:
    """The body of a part, decoded, as a person would read it."""
    said = _said(*narrow(body[: _MOST_BYTES[is_html]], charset))
    if is_html:
        said = "".join(_seen(said))
        said = _ENTITY.sub(lambda found: html.unescape(found[0]), said)
    return re.sub(r"\n{3,}", "\n\n", clean(said[:LONGEST]).strip())


def _said(body: bytes, charset: str) -> str:
    """``body`` as :func:`decoded` reads it, but that a letter that was cut in two, or is a wrong one, is marked."""
    known = _known(charset)
    if known == "ascii":
        known = "utf-8"
    try:
        said = body.decode(known, "replace")
    except LookupError:
        return decoded(body, "ascii")
    # A mail that calls Latin-1 UTF-8 is full of marks.
    return decoded(body, charset) if said.count("\ufffd") > 1 else said


def _known(charset: str | None) -> str:
    """The codec of the charset that somebody names: ASCII for one that we do not read."""
    name = (charset or "").strip(" '\"").lower()
    name = _ALIASES.get(name, name)
    return name if _CHARSETS.fullmatch(name) else "ascii"


def _seen(page: str) -> Iterator[str]:
    """The text between tags, but for what no browser shows; each character is looked at once, up to so many tags."""
    unseen = ""
    first, *pieces = page.split("<", _MOST_TAGS)[:_MOST_TAGS]
    yield first
    for piece in pieces:
        tag, closed, said = piece.partition(">")
        name = re.match(r"/?[A-Za-z0-9]{0,16}", tag)[0].lower()  # type: ignore[index]
        if unseen:
            unseen = "" if name == f"/{unseen}" else unseen
        elif name in _UNSEEN:
            unseen = name
        if unseen or not closed:
            continue
        yield "\n" if name.removeprefix("/") in _BREAKS else ""
        yield re.sub(r"\s+", " ", said)
