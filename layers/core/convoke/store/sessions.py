"""Who is signed in to the console: one item for each session, in the accounts table, under the SHA-256 of a secret that
only the browser has. It is removed some time after it ends.

And the links that one signs in by. One that was mailed is signed, and known here once it was used. An operator's is
known here from the beginning, under the SHA-256 of its token: so only who may write this table can make one.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ..model import frozen
from . import codec, conditions, keys
from .accounts import Scope
from .repository import Repository
from .writes import Action, delete, put

LASTS = timedelta(hours=12)
"""For how long somebody stays signed in."""
REMEMBERED = timedelta(days=2)
"""For how long it is known that a link was used, or that it was there: longer than any is valid."""


@frozen
class Session:
    """Somebody who is signed in. Instants are UTC.

    Either with an API key: ``account`` is the account that they act for, ``key_hash`` the partition key of the API
    key's record, ``name`` its name, and ``scopes`` what it may do. Or by a link of an operator, who acts for an
    ``account`` without a key. Or by a link that was mailed to ``organizer``, an address, which is also the ``name``:
    they act for the events with this organizer, and ``account`` is empty.
    """

    name: str
    account: str = ""
    key_hash: str = ""
    organizer: str = ""
    scopes: tuple[Scope, ...] = tuple(Scope)
    created_at: datetime
    valid_until: datetime


@frozen
class Link:
    """A link to sign in with. ``account`` is the one that an operator's is for, until ``valid_until`` (UTC)."""

    account: str = ""
    valid_until: datetime | None = None
    used: bool = False


codec.record(Session)
codec.record(Link)


class Sessions(Repository):
    def create(self, session: Session, secret: str) -> None:
        """Store a new session; ``secret`` is what the browser keeps, of at least 128 random bits."""
        self._write(self._new_action(session, secret))

    def create_by_link(self, session: Session, secret: str, token: str) -> bool:
        """Store a new session, and that the link with this token was used. False: it was used before, and no session is
        stored.
        """
        expires_at = codec.epoch(session.created_at + REMEMBERED)
        used = codec.item(Link(used=True), keys.sign_in(token), expires_at=expires_at)
        actions = {"session": self._new_action(session, secret), "link": put(self._accounts, used, conditions.NOT_USED)}
        return not self._attempt(actions)

    def offer(self, account: str, token: str, valid_until: datetime) -> None:
        """Let whoever has ``token``, of at least 128 random bits, sign in once for a whole account."""
        link, expires_at = Link(account=account, valid_until=valid_until), codec.epoch(valid_until + REMEMBERED)
        self._write(put(self._accounts, codec.item(link, keys.sign_in(token), expires_at=expires_at), conditions.NEW))

    def link(self, token: str) -> Link | None:
        """What is known of a link; ``None`` of one that was mailed and is not used, or was never made."""
        return self._get(Link, self._accounts, keys.sign_in(token))

    def read(self, secret: str, now: datetime) -> Session | None:
        """The session, or ``None`` where there is none, or it has ended."""
        found = self._get(Session, self._accounts, keys.session(secret))
        return found if found is not None and now < found.valid_until else None

    def end(self, secret: str) -> None:
        """Sign out."""
        self._write(delete(self._accounts, keys.session(secret)))

    def _new_action(self, session: Session, secret: str) -> Action:
        expires_at = codec.epoch(session.valid_until)
        return put(self._accounts, codec.item(session, keys.session(secret), expires_at=expires_at), conditions.NEW)
