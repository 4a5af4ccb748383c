"""Links to sign in to the console with: whom one signs in, as a token that is valid for some minutes.

Whether it was used is not in it: its id is remembered by whoever lets it in (``store.sessions``).
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from ..model import frozen
from . import tokens
from .tokens import InvalidLink, Keys, Purpose

VALID_FOR = timedelta(minutes=20)
"""For how long a link that was mailed, or printed, is valid."""
_ID = re.compile("[0-9a-v]{26}")
_ORGANIZER, _ACCOUNT = "o", "a"


@frozen
class SignIn:
    """Whom a link signs in: the organizer with this address, or whoever acts for this ``account``. ``link_id`` has the
    26 characters of an id of ``store.keys``.
    """

    link_id: str
    organizer: str = ""
    account: str = ""


def token(keys: Keys, one: SignIn, until: datetime) -> str:
    """The token that is valid until an instant (UTC, in whole seconds).

    Raises :class:`ValueError` for an address that is too long for a link.
    """
    kind, whom = (_ORGANIZER, one.organizer) if one.organizer else (_ACCOUNT, one.account)
    return tokens.sealed(keys, Purpose.SIGN_IN, f"{kind}{one.link_id}{whom}".encode(), until)


def opened(keys: Keys, token: str, now: datetime) -> SignIn:
    """Whom a token signs in at ``now`` (UTC). Raises :class:`tokens.InvalidLink`, and :class:`tokens.ExpiredLink` for
    one whose time is over.
    """
    text = tokens.opened(keys, Purpose.SIGN_IN, token, now=now).decode()
    kind, link_id, whom = text[:1], text[1:27], text[27:]
    if not _ID.fullmatch(link_id) or not whom:
        raise InvalidLink("not what a link to sign in has")
    return SignIn(link_id=link_id, **{"organizer" if kind == _ORGANIZER else "account": whom})
