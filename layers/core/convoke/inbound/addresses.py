"""Which addresses are one mailbox: a tag behind a plus is the owner's own (RFC 5233), and Gmail sees no dots."""

from __future__ import annotations

from ..model import folded

_GMAIL = frozenset({"gmail.com", "googlemail.com"})


def domain(address: str) -> str:
    """What stands behind the last @, as it is compared; empty where there is none."""
    _, at, rest = folded(address).rpartition("@")
    return rest if at else ""


def mailbox(address: str) -> str:
    """The address that all spellings of one mailbox share. It serves to compare, never to be mailed."""
    local, at, rest = folded(address).rpartition("@")
    name, _, _ = local.partition("+")
    local = name or local  # nothing before the plus: no tag of anybody's
    if rest in _GMAIL:
        local, rest = local.replace(".", "") or local, "gmail.com"
    return f"{local}{at}{rest}"
