"""The subject of a mail: the kind of message, the event's title, and the date.

Mail programs show only the beginning of a long subject in their lists. So a long title is shortened, for the date to be
shown; the mail itself has the whole title.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from ..decision.calendar_state import Message
from ..languages import Texts
from ..model import Method
from . import header_fields
from .header_fields import Field

WIDTH = 100
"""Columns of a whole subject, about what the list of a desktop mail program shows. A wide character takes two."""

_MIN_TITLE_WIDTH = 10  # columns
_MAX_CLUSTER = 16  # code points; real clusters have up to eleven, an emoji of a family with skin tones
_ZWJ = "\u200d"
_JOINS = frozenset("\u200c\u200d\u0e33\u0eb3")
_ISOLATES = frozenset("\u2068\u2069")
_VIRAMA = 9  # the canonical combining class of signs that join two Indic consonants


def subject(texts: Texts, pattern: str, title: str, date: str) -> str:
    """``Invitation: Treffen · Fri 12 Mar 2027, 09:00``. ``pattern`` has the places of ``%(title)s`` and ``%(date)s`` in
    this language. ``title`` is on one line.
    """
    others = width(pattern % {"title": "", "date": date})
    title = shortened(title, max(_MIN_TITLE_WIDTH, WIDTH - others))
    return pattern % {"title": texts.isolated(title), "date": date}


def field(message: Message, text: str) -> Field:
    """The field Subject of the mail for ``message``, with ``text``."""
    return header_fields.subject(text, instead=_plainest(message))


def _plainest(message: Message) -> str:
    """A subject of ASCII text that always reads back: the kind of message, and the day."""
    day = message.when.start if message.date is None else message.date
    return f"{'Cancelled' if message.method is Method.CANCEL else 'Invitation'}: {day:%Y-%m-%d}"


def shortened(text: str, columns: int) -> str:
    """``text``, which is on one line, in at most ``columns``. It is cut at a space in the last third if there is one,
    else between grapheme clusters, and ``…`` is appended.
    """
    if width(text) <= columns:
        return text
    kept, used, gap = "", 1, ""  # one column is for the ellipsis
    for cluster in _clusters(text):
        if cluster.isspace() and used * 3 >= columns * 2:
            gap = kept
        used += _columns(cluster)
        if used > columns:
            break
        kept += cluster
    return (gap or kept).rstrip(" ,;:.–—-(") + "…"


def width(text: str) -> int:
    """How many columns ``text`` takes."""
    return sum(map(_columns, _clusters(text)))


def _columns(cluster: str) -> int:
    if cluster in _ISOLATES:
        return 0
    return 2 if any(unicodedata.east_asian_width(char) in "WF" for char in cluster) else 1


def _clusters(text: str) -> Iterator[str]:
    """The grapheme clusters (simplified from UAX #29): a letter with its marks, a combined emoji, a flag."""
    cluster = ""
    for char in text:
        if cluster and len(cluster) < _MAX_CLUSTER and _continues(cluster, char):
            cluster += char
            continue
        if cluster:
            yield cluster
        cluster = char
    if cluster:
        yield cluster


def _continues(cluster: str, char: str) -> bool:
    """Whether ``char`` belongs to the grapheme cluster before it."""
    last = cluster[-1]
    return (
        char in _JOINS
        or unicodedata.category(char).startswith("M")
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= char <= "\U000e007f"  # tags, in the flags of regions
        or last == _ZWJ
        or (unicodedata.combining(last) == _VIRAMA and unicodedata.category(char) == "Lo")
        or (len(cluster) == 1 and _is_regional(last) and _is_regional(char))
        or ("\u1160" <= char <= "\u11ff" and "\u1100" <= last <= "\u11ff")  # Hangul Jamo
    )


def _is_regional(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"
