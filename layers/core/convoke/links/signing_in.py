"""Links by which organizers sign in to the console: the address of one, as a token that is valid for some minutes.

Whether a link was used is not in it: that is remembered by whoever lets people in (``store.sessions``). Nobody can sign
in for a whole account by such a token: the functions that make these must not be able to.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from . import tokens
from .tokens import InvalidLink, Keys, Purpose

VALID_FOR = timedelta(minutes=20)
"""For how long a link to sign in with is valid."""
ID = 26
"""How many characters the id of a link has; it makes each link another one."""
_CONTENT = re.compile(f"[0-9a-v]{{{ID}}}.+")


def token(keys: Keys, link_id: str, organizer: str, until: datetime) -> str:
    """The token that signs in the organizer with this address until an instant (UTC, in whole seconds). ``link_id`` has
    the form of an event's id.

    Raises :class:`ValueError` for an address that is too long for a link.
    """
    return tokens.sealed(keys, Purpose.SIGN_IN, f"{link_id}{organizer}".encode(), until)


def opened(keys: Keys, token: str, now: datetime) -> str:
    """The address of the organizer whom a token signs in at ``now`` (UTC). Raises :class:`tokens.InvalidLink`, and
    :class:`tokens.ExpiredLink` for one whose time is over.
    """
    content = tokens.opened(keys, Purpose.SIGN_IN, token, now=now).decode()
    if not _CONTENT.fullmatch(content):
        raise InvalidLink("not what a link to sign in has")
    return content[ID:]
