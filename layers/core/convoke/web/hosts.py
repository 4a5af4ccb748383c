r"""The host of a link: one that people read as what it is.

A name that mixes letters of several scripts looks like another: ``p\u0430ypal.example`` has a Cyrillic letter. Browsers
show it in Punycode; mail programs show what was sent. So each part of a host is of one script, or of those that are
written together (UTS 39, section 5.2, "highly restrictive"), also where it is written in Punycode.
"""

from __future__ import annotations

import re
import unicodedata
from ipaddress import ip_address

LONGEST = 253
_TOGETHER = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)
# The first word of a character's name is that of its script, but for these.
_SCRIPTS = {"IDEOGRAPHIC": "CJK", "KATAKANA-HIRAGANA": "KATAKANA", "HALFWIDTH": "KATAKANA"}
_ASCII = re.compile(r"[a-z0-9_-]{1,63}", re.ASCII)


def must_be_plain(host: str) -> None:
    """Raise :class:`ValueError`, with a sentence for whoever sent it, where ``host`` is no name to be shown."""
    if ":" in host:
        try:
            ip_address(host)
        except ValueError:
            raise ValueError("must have a host that is a name or an address") from None
        return
    if len(host) > LONGEST:
        raise ValueError(f"must have a host of at most {LONGEST} characters")
    for label in host.removesuffix(".").split("."):
        _must_be_of_one_script(_decoded(label.lower()))


def _decoded(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label.removeprefix("xn--").encode("ascii").decode("punycode")
    except UnicodeError:
        raise ValueError("must have a host that is a name: its Punycode means nothing") from None


def _must_be_of_one_script(label: str) -> None:
    if _ASCII.fullmatch(label):
        return
    # Catalan has a dot between two of its letters (RFC 5892, appendix A.3).
    letters = [each for each in label.replace("l·l", "ll") if each not in "-_" and not each.isdecimal()]
    # Marks belong to the letter before them, whatever its script.
    if not label or len(label) > 63 or any(unicodedata.category(each)[0] not in "LM" for each in letters):
        raise ValueError("must have a host of letters, digits, hyphens and dots")
    scripts = {_script(each) for each in letters if unicodedata.category(each)[0] == "L"}
    if len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER):
        raise ValueError("must not mix scripts in a name of its host, such as Latin and Cyrillic letters")


def _script(letter: str) -> str:
    first = unicodedata.name(letter, "UNKNOWN").partition(" ")[0]
    return _SCRIPTS.get(first, first)
