"""The commands `make key`, `make keys` and `make revoke`; see ``operate`` for how commands are called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from convoke.model import InvalidField
from convoke.settings import Settings
from convoke.store.accounts import Scope

from .command import Ask, Refused, store_of


def key(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:  # noqa: ARG001 (all commands have the same signature)
    account, name = said.get("ACCOUNT"), said.get("NAME")
    if not account or not name:
        return Refused("Usage: make key ACCOUNT=acme NAME=ci (SCOPE=read,register,manage EXPIRES=2030-12-31)")
    now = datetime.now(UTC)
    try:
        secret = store_of(settings).accounts.create_key(
            account=account,
            name=name,
            now=now,
            scopes=_scopes(said.get("SCOPE") or ""),
            valid_until=_end_of(said.get("EXPIRES") or "", now),
        )
    except InvalidField as error:
        return Refused(f"No key was created: {error}")
    print("The new key, which is shown only now:")
    return secret


def _scopes(text: str) -> tuple[Scope, ...]:
    """SCOPE: names separated by commas or spaces; all scopes where nothing is said. Raises :class:`InvalidField`."""
    try:
        return tuple(map(Scope, re.findall(r"[^,\s]+", text))) or tuple(Scope)
    except ValueError:
        raise InvalidField("SCOPE", f"must be some of {', '.join(Scope)}") from None


def _end_of(text: str, now: datetime) -> datetime | None:
    """EXPIRES: the last day, in UTC, on which a key works. Raises :class:`InvalidField`."""
    if not text:
        return None
    try:
        end = datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise InvalidField("EXPIRES", "must be a day such as 2030-12-31") from None
    if end <= now:
        raise InvalidField("EXPIRES", "must not be past")
    return end


def list_keys(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:  # noqa: ARG001
    account = said.get("ACCOUNT")
    if not account:
        return Refused("Usage: make keys ACCOUNT=acme")
    found = store_of(settings).accounts.list_keys(account=account)
    now = datetime.now(UTC)
    for one in found:
        expires = f"  expires {one.valid_until:.10}T00:00Z" if one.valid_until else ""
        revoked = f"  revoked {one.revoked_at}" if one.revoked_at else ""
        print(
            f"{one.name}  id {one.key_id}  {','.join(one.scopes)}  created {one.created_at:.10}"
            f"  last used {one.last_used or 'never'}{expires}{revoked}"
        )
    working = sum(one.works(now) for one in found)
    return f"{account} has {working} working keys, and {len(found) - working} that expired or were revoked."


def revoke(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:
    account, name = said.get("ACCOUNT"), said.get("NAME")
    if not account or not name:
        return Refused("Usage: make revoke ACCOUNT=acme NAME=ci")
    if ask(f"Requests with the key {name} of {account} will be refused, permanently. Type yes: ") != "yes":
        return "Nothing was done."
    now = datetime.now(UTC)
    if not store_of(settings).accounts.revoke_key(account=account, name=name, now=now):
        return Refused(f"{account} has no working key {name}: make keys ACCOUNT={account} lists its keys.")
    return f"{name} is revoked. The API may accept it for up to one more minute."
