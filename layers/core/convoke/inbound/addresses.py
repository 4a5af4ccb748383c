"""Which addresses are one mailbox: a tag after a plus sign is the owner's own (RFC 5233), and Gmail ignores dots."""

from __future__ import annotations

from ..model import folded

_GMAIL = frozenset({"gmail.com", "googlemail.com"})


def domain(address: str) -> str:
    """The part after the last @, folded for comparison; empty where there is none."""
    _, at, rest = folded(address).rpartition("@")
    return rest if at else ""


def mailbox(address: str) -> str:
    """The normal form of all spellings of one mailbox. Only for comparison: mail is never sent to it."""
    local, at, rest = folded(address).rpartition("@")
    name, _, _ = local.partition("+")
    local = name or local  # with nothing before the plus sign it is no tag
    if rest in _GMAIL:
        local, rest = local.replace(".", "") or local, "gmail.com"
    return f"{local}{at}{rest}"
