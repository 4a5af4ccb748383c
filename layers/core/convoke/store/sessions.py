"""Who is signed in to the console: one item for each session, in the accounts table, under the SHA-256 of a secret that
only the browser has. It is removed some time after it ends.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ..model import frozen
from ..settings import Settings
from . import codec, conditions, keys
from .accounts import Scope
from .repository import Repository
from .writes import delete, put

LASTS = timedelta(hours=12)
"""For how long somebody stays signed in."""


@frozen
class Session:
    """Somebody who is signed in. Instants are UTC.

    Either with an API key: ``account`` is the account that they act for, ``key_hash`` the partition key of the API
    key's record, ``name`` its name, and ``scopes`` what it may do. Or by a link that was mailed to ``organizer``, an
    address, which is also the ``name``: they act for the events with this organizer, and ``account`` is empty.
    """

    name: str
    account: str = ""
    key_hash: str = ""
    organizer: str = ""
    scopes: tuple[Scope, ...] = tuple(Scope)
    created_at: datetime
    valid_until: datetime


codec.record(Session)


class Sessions(Repository):
    def __init__(self, client: Any, settings: Settings) -> None:
        super().__init__(client, settings)
        self._table = settings.accounts_table

    def create(self, session: Session, secret: str) -> None:
        """Store a new session; ``secret`` is what the browser keeps, of at least 128 random bits."""
        expires_at = codec.epoch(session.valid_until)
        self._write(put(self._table, codec.item(session, keys.session(secret), expires_at=expires_at), conditions.NEW))

    def read(self, secret: str, now: datetime) -> Session | None:
        """The session, or ``None`` where there is none, or it has ended."""
        found = self._get(Session, self._table, keys.session(secret))
        return found if found is not None and now < found.valid_until else None

    def end(self, secret: str) -> None:
        """Sign out."""
        self._write(delete(self._table, keys.session(secret)))
