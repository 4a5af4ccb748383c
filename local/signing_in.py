"""Links to sign in to the console with, for whoever may write the tables of a stack: an operator, or a visitor of the
stack on this machine.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from convoke.links.signing_in import VALID_FOR
from convoke.links.urls import Urls
from convoke.settings import Settings
from convoke.store.sessions import Sessions

from .command import Ask, Refused, store_of

MINUTES = int(VALID_FOR / timedelta(minutes=1))


def link(sessions: Sessions, public_url: str, account: str, now: datetime, valid_for: timedelta = VALID_FOR) -> str:
    """A new URL by which somebody signs in, once, as whoever acts for ``account``. ``now`` is UTC."""
    token = secrets.token_urlsafe(32)
    sessions.offer(account, token, now + valid_for)
    return Urls(public_url).sign_in(token)


def command(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:  # noqa: ARG001
    """`make sign-in`; see ``operate`` for how commands are called."""
    account = said.get("ACCOUNT")
    if not account:
        return Refused("Usage: make sign-in ACCOUNT=acme")
    store = store_of(settings)
    if account not in store.accounts.names():
        return Refused(f"There is no account {account}: make key ACCOUNT={account} NAME=first makes one.")
    print(f"Whoever opens this link, once, within {MINUTES} minutes, may do everything for {account}:")
    return link(store.sessions, settings.public_url, account, datetime.now(UTC))
