"""What a person wrote in a mail, as plain text: cut to what may be passed on, without what could be more than text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header

from ..lines import clean, one_line

LONGEST = 16 * 1024
LONGEST_SUBJECT = 200

# Codecs whose time grows with the length alone. Python has others, and it is the sender who names one.
_CHARSETS = re.compile(
    r"utf-?8|utf-16(be|le)?|(us-)?ascii|iso-8859-\d+|windows-125\d|koi8-[ru]"
    r"|iso-2022-jp|euc-(jp|kr)|shift_jis|gb2312|gbk|gb18030|big5"
)
_UNSEEN = frozenset({"head", "script", "style", "title"})
_BREAKS = frozenset({"br", "div", "li", "p", "tr"})
_ENTITY = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")


def is_charset(name: str) -> bool:
    """Whether ``name``, in lower case, is a charset that we read."""
    return _CHARSETS.fullmatch(name) is not None


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
    try:
        said = body.decode(_known(charset.lower()), "replace")
    except LookupError:
        said = body.decode("ascii", "replace")
    if is_html:
        said = "".join(_seen(said))
        said = _ENTITY.sub(lambda found: html.unescape(found[0]), said)
    return re.sub(r"\n{3,}", "\n\n", clean(said[:LONGEST]).strip())


def _known(charset: str | None) -> str:
    return charset if charset and is_charset(charset.lower()) else "ascii"


def _seen(page: str) -> Iterator[str]:
    """The text between tags, but for what no browser shows; each character is looked at once."""
    unseen = ""
    first, *pieces = page.split("<")
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
