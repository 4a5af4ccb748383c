"""UIDs of our own form: the ids of an event and of a registration, the generation of the invitation, and where it is a
separate entry, its date and a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_UID = re.compile(r"([0-9a-v]{26})\.([0-9a-v]{36})\.[0-9]{1,9}(?:\.[0-9]{8}(?:t[0-9]{6})?-[0-9]{1,9})?@.+")
# The dot behind the event's id is looked for first: there is none in base64, and so in most of a large mail. Before it
# are the 26 letters of the id, and no other such letter.
_ANYWHERE = re.compile(
    rb"\.(?<=[0-9a-v]{26}\.)(?<![0-9a-v]{27}\.)[0-9a-v]{36}\.[0-9]{1,9}(?:\.[0-9]{8}(?:t[0-9]{6})?-[0-9]{1,9})?"
    rb"@[A-Za-z0-9.-]{0,252}[A-Za-z0-9]"
)
_BEFORE = 26

MOST = 20
"""How many different ones are looked for in a mail."""


def ids_of(uid: str) -> tuple[str, str] | None:
    """The event's and the registration's id in a UID of ours, or ``None``: then it is not one."""
    match = _UID.fullmatch(uid)
    return (match[1], match[2]) if match else None


def found(texts: Iterable[bytes]) -> tuple[str, ...]:
    """The first few different UIDs of our form that stand anywhere in ``texts``, in order of appearance."""
    seen: dict[str, None] = {}
    for text in texts:
        for match in _ANYWHERE.finditer(text):
            seen[text[match.start() - _BEFORE : match.end()].decode("ascii")] = None
            if len(seen) == MOST:
                return tuple(seen)
    return tuple(seen)
