"""Cursors: the end of a page of a list, as an opaque text that the caller sends back for the next page.

A cursor is valid only for the list, with the same filters, that it came from.
"""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from ..model import InvalidField


def encode(identity: str, position: str) -> str:
    """The cursor for ``position`` in the list that ``identity`` names."""
    return urlsafe_b64encode(f"{_digest(identity)}{position}".encode()).decode().rstrip("=")


def decode(identity: str, cursor: str, pattern: str) -> str:
    """The position in the list that ``identity`` names, which has to match the regular expression ``pattern``.

    Raises :class:`InvalidField` for the cursor of another list, and for text that is no cursor.
    """
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        text = ""
    digest, position = text[:_LENGTH], text[_LENGTH:]
    if digest != _digest(identity) or not re.fullmatch(pattern, position, re.ASCII):
        raise InvalidField("cursor", "is not a cursor of this list")
    return position


_LENGTH = 16


def _digest(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()[:_LENGTH]
