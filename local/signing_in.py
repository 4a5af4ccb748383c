"""Links to sign in to the console with, for whoever may write the tables of a stack: an operator, or a visitor of the
stack on this machine.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from convoke.links import signing_in
from convoke.links.signing_in import VALID_FOR, SignIn
from convoke.links.urls import Urls
from convoke.settings import Settings
from convoke.store import dynamo, keys
from convoke.store.link_keys import LinkKeys
from convoke.store.store import Store

MINUTES = int(VALID_FOR / timedelta(minutes=1))


def link(stored: LinkKeys, public_url: str, account: str, now: datetime, valid_for: timedelta = VALID_FOR) -> str:
    """A new URL by which somebody signs in, once, as whoever acts for ``account``. ``now`` is UTC."""
    whom = SignIn(link_id=keys.event_id(secrets.token_bytes(16)), account=account)
    return Urls(public_url).sign_in(signing_in.token(stored.at(now), whom, now + valid_for))


def command(settings: Settings, said: Mapping[str, str]) -> str:
    """`make sign-in`; see ``operate`` for how commands are called."""
    account = said.get("ACCOUNT")
    if not account:
        return "Usage: make sign-in ACCOUNT=acme"
    store = Store(dynamo.client(), settings)
    if not store.accounts.known(account):
        return f"There is no account {account}: make key ACCOUNT={account} NAME=first makes one."
    print(f"Whoever opens this link, once, within {MINUTES} minutes, may do everything for {account}:")
    return link(store.link_keys, settings.public_url, account, datetime.now(UTC))
