"""Text that people typed, as it is kept: without control characters, so that it cannot end a content line of a calendar
or begin a header field of a mail. Pure.
"""

from __future__ import annotations

import re

# C0 and C1, the line and paragraph separators, bidi embeddings, overrides and isolates, and surrogates.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# LRM, RLM and ALM: invisible themselves, they only order the text beside them (Unicode, annex 9, section 2.6).
MARK = re.compile("[\u200e\u200f\u061c]")
# What is drawn as nothing: Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties), and an empty Braille cell.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def line(text: str) -> str:
    """One line of text, without trailing spaces; tabs become spaces. Raises :class:`ValueError`."""
    text = text.replace("\t", " ").rstrip(" ")
    if CONTROL.search(text):
        raise ValueError("must not contain control characters or line breaks")
    if text and is_blank(text):
        raise ValueError("must have a visible character")
    return text


def is_blank(text: str) -> bool:
    """Whether nothing of it is seen."""
    return not _UNSEEN.sub("", text).strip()


def lines(text: str) -> str:
    """Text of several lines, without trailing white space; tabs stay. Raises :class:`ValueError`."""
    text = text.replace("\r\n", "\n").rstrip(" \t\n")
    if CONTROL.search(text.replace("\n", "").replace("\t", "")):
        raise ValueError("must not contain control characters")
    return text
