"""Recognizes our own UIDs: ``<event id>.<registration id>.<generation>@<domain>``.

The UID of a separate entry also has its date and a number, before the @.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_UID = re.compile(r"([0-9a-v]{26})\.([0-9a-v]{36})\.[0-9]{1,9}(?:\.[0-9]{8}(?:t[0-9]{6})?-[0-9]{1,9})?@.+")
# For speed the dot after the event's id is searched first: base64, most of a large mail, has no dots. Lookbehinds then
# require exactly 26 characters of an id before it.
_ANYWHERE = re.compile(
    rb"\.(?<=[0-9a-v]{26}\.)(?<![0-9a-v]{27}\.)[0-9a-v]{36}\.[0-9]{1,9}(?:\.[0-9]{8}(?:t[0-9]{6})?-[0-9]{1,9})?"
    rb"@[A-Za-z0-9.-]{0,252}[A-Za-z0-9]"
)
_BEFORE = 26

MOST_UIDS = 20
"""Different UIDs that are searched for in one mail."""


def ids_of(uid: str) -> tuple[str, str] | None:
    """The event's and the registration's id in a UID of ours; ``None`` for any other UID."""
    match = _UID.fullmatch(uid)
    return (match[1], match[2]) if match else None


def found(texts: Iterable[bytes]) -> tuple[str, ...]:
    """The first 20 different UIDs of our form anywhere in ``texts``, in order of appearance."""
    seen: dict[str, None] = {}
    for text in texts:
        for match in _ANYWHERE.finditer(text):
            seen[text[match.start() - _BEFORE : match.end()].decode("ascii")] = None
            if len(seen) == MOST_UIDS:
                return tuple(seen)
    return tuple(seen)
