"""UIDs of our own form: the ids of an event and of a registration, and the generation of the invitation."""

from __future__ import annotations

import re
from collections.abc import Iterable

_UID = re.compile(r"([0-9a-v]{26})\.([0-9a-v]{36})\.[0-9]{1,9}@.+")
# It begins where such letters begin, so that a long run of them is looked at once.
_ANYWHERE = re.compile(rb"(?<![0-9a-v])[0-9a-v]{26}\.[0-9a-v]{36}\.[0-9]{1,9}@[A-Za-z0-9.-]{0,252}[A-Za-z0-9]")

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
            seen[match[0].decode("ascii")] = None
            if len(seen) == MOST:
                return tuple(seen)
    return tuple(seen)
