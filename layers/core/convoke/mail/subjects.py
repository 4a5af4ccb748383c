"""The subject of a mail: what kind of news, the title, and the date, at which it ends.

A list of mails shows the first words of a subject and cuts the rest. So a long title is shortened before the date is
reached; the mail itself has it whole.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

WIDTH = 100
"""Columns of a whole subject: about what the list of a desktop mail program shows. A wide character has two."""

_LEAST = 10  # columns that a title has in any case
_LONGEST_CLUSTER = 16  # code points; real ones have up to eleven, a family with skin colours
_ZWJ = "\u200d"
_JOINS = frozenset("\u200c\u200d\u0e33\u0eb3")
_VIRAMA = 9  # the combining class of what joins two Indic consonants into one character


def subject(kind: str, title: str, date: str) -> str:
    """``Invitation: Treffen · Fri 12 Mar 2027, 09:00``. ``title`` is on one line."""
    before, after = f"{kind}: ", f" · {date}"
    return f"{before}{shortened(title, max(_LEAST, WIDTH - width(before) - width(after)))}{after}"


def shortened(text: str, columns: int) -> str:
    """``text``, which is on one line, in at most so many columns: cut between words where there is a gap in the last
    third, else between characters as a reader sees them (never inside one), and ended with ``…``.
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
    """How many columns ``text`` takes in a list."""
    return sum(map(_columns, _clusters(text)))


def _columns(cluster: str) -> int:
    return 2 if any(unicodedata.east_asian_width(char) in "WF" for char in cluster) else 1


def _clusters(text: str) -> Iterator[str]:
    """The characters as a reader sees them (after UAX #29): a letter with its marks, an emoji of several, a flag."""
    cluster = ""
    for char in text:
        if cluster and len(cluster) < _LONGEST_CLUSTER and _continues(cluster, char):
            cluster += char
            continue
        if cluster:
            yield cluster
        cluster = char
    if cluster:
        yield cluster


def _continues(cluster: str, char: str) -> bool:
    last = cluster[-1]
    return (
        char in _JOINS
        or unicodedata.category(char).startswith("M")
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # the colour of a skin
        or "\U000e0020" <= char <= "\U000e007f"  # tags, of which regional flags are made
        or last == _ZWJ
        or (unicodedata.combining(last) == _VIRAMA and unicodedata.category(char) == "Lo")
        or (len(cluster) == 1 and _is_regional(last) and _is_regional(char))
        or ("\u1160" <= char <= "\u11ff" and "\u1100" <= last <= "\u11ff")  # Hangul in letters
    )


def _is_regional(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"
