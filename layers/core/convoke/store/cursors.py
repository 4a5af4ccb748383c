"""Where a page of a list ends, for the caller to bring back: opaque, and good for that list only."""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from ..model import InvalidField


def encode(identity: str, position: str) -> str:
    return urlsafe_b64encode(f"{_digest(identity)}{position}".encode()).decode().rstrip("=")


def decode(identity: str, cursor: str, pattern: str) -> str:
    """The position. Raises :class:`InvalidField` for the cursor of another list, or one that is none."""
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
