r"""Checks the host of a link against names that look like other names (homographs).

A name that mixes letters of several scripts can look like another one: ``p\u0430ypal.example`` has a Cyrillic letter.
Browsers show it in Punycode; mail programs show what was sent. So each label of a host must be of one script, or of
scripts that are written together (UTS 39, section 5.2, "highly restrictive"), also where it is written in Punycode.
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
# The first word of a character's Unicode name is its script, except for these.
_SCRIPTS = {"IDEOGRAPHIC": "CJK", "KATAKANA-HIRAGANA": "KATAKANA", "HALFWIDTH": "KATAKANA"}
_ASCII = re.compile(r"[a-z0-9_-]{1,63}", re.ASCII)


def require_plain(host: str) -> None:
    """Raise :class:`ValueError`, with a message for the caller of the API, unless ``host`` is safe to show to people.

    ``host`` is a name, in Unicode or Punycode, or an IP address.
    """
    if ":" in host:
        try:
            ip_address(host)
        except ValueError:
            raise ValueError("must have a host that is a name or an address") from None
        return
    if len(host) > LONGEST:
        raise ValueError(f"must have a host of at most {LONGEST} characters")
    for label in host.removesuffix(".").split("."):
        _require_one_script(_decoded(label.lower()))


def _decoded(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label.removeprefix("xn--").encode("ascii").decode("punycode")
    except UnicodeError:
        raise ValueError("must have a host that is a name: its Punycode cannot be decoded") from None


def _require_one_script(label: str) -> None:
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


def _script(character: str) -> str:
    first = unicodedata.name(character, "UNKNOWN").partition(" ")[0]
    return _SCRIPTS.get(first, first)
