"""API keys, each of one account. Only a key's SHA-256 is stored; the key itself is shown once, when it is created."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Any

from ..model import InvalidField, frozen
from . import dynamo, keys
from .writes import NEW, Action, attempt, put, update

SECRET = re.compile(r"cvk_[A-Za-z0-9_-]{43}", re.ASCII)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)

# The account has no valid key of this name: none at all, or a revoked one.
NAME_IS_FREE = f"{NEW} OR attribute_exists(#revoked_at)"
# There is such a key, and it is not revoked.
IS_VALID = "attribute_exists(pk) AND attribute_not_exists(#revoked_at)"


@frozen
class Account:
    """The caller of the API: the account, and the name of its key."""

    account: str
    key: str


@frozen
class ApiKey:
    """An API key as it is listed. The instants are ISO 8601 text in UTC."""

    name: str
    created_at: str
    revoked_at: str | None


def create_key(client: Any, table: str, *, account: str, name: str, now: datetime, secret: str | None = None) -> str:
    """Create a key for ``account`` and return it. ``secret`` is the key itself; by default a random one.

    Raises :class:`InvalidField` where ``account`` or ``name`` has an invalid form, or the account has a valid key of
    that name.
    """
    for field, value in (("account", account), ("name", name)):
        if not NAME.fullmatch(value):
            raise InvalidField(field, "must be up to 64 letters, digits, dots, hyphens or underscores")
    secret = secret or "cvk_" + secrets.token_urlsafe(32)
    known = {"account": account, "name": name, "created_at": keys.instant(now)}
    refused = attempt(
        client,
        {
            "key": put(table, {**keys.api_key(secret), **known}, NEW),
            "name": put(
                table,
                {**keys.account_key(account, name), **known, "hash": keys.api_key(secret)["pk"]},
                NAME_IS_FREE,
            ),
        },
    )
    if refused:
        raise InvalidField("name", f"{account} has a key named {name}; revoke it first")
    _record_account(client, table, account)
    return secret


def only_account(client: Any, table: str) -> str | None:
    """The only account that ever had a key; ``None`` where there are several or none, or where no names are recorded
    yet.
    """
    names = _names(client, table)
    return next(iter(names)) if len(names) == 1 else None


def count(client: Any, table: str) -> int:
    """How many accounts ever had a key."""
    return len(_names(client, table))


def _names(client: Any, table: str) -> set[str]:
    known = dynamo.get(client, table, keys.accounts())
    return known["names"] if known else set()


def _record_account(client: Any, table: str, account: str) -> None:
    """Add the account to the item with all accounts' names. Where there is none yet, all keys are scanned once."""
    names = {account}
    if dynamo.get(client, table, keys.accounts()) is None:
        every = dynamo.pages(client.scan, TableName=table, ConsistentRead=True, **_ALL_KEYS)
        names |= {row["account"] for row in every}
    attempt(client, {"accounts": update(table, keys.accounts(), "ADD #names :names", "", names=names)})


_ALL_KEYS = {
    "FilterExpression": "sk = :key",
    "ProjectionExpression": "#account",
    "ExpressionAttributeNames": {"#account": "account"},
    "ExpressionAttributeValues": dynamo.wire({":key": "KEY"}),
}


def list_keys(client: Any, table: str, *, account: str) -> tuple[ApiKey, ...]:
    """The account's keys in order of name, including the revoked ones."""
    rows = dynamo.pages(
        client.query,
        TableName=table,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :keys)",
        ExpressionAttributeValues=dynamo.wire({":pk": keys.account(account)["pk"], ":keys": keys.ACCOUNT_KEY_PREFIX}),
        ConsistentRead=True,
    )
    return tuple(
        ApiKey(name=row["name"], created_at=row["created_at"], revoked_at=row.get("revoked_at")) for row in rows
    )


def revoke_key(client: Any, table: str, *, account: str, name: str, now: datetime) -> bool:
    """Revoke a key. API Gateway may accept it for up to a minute from its cache. False: there is no such valid key."""
    row = dynamo.get(client, table, keys.account_key(account, name))
    if row is None:
        return False
    refused = attempt(
        client,
        {
            "name": _revoke(table, keys.account_key(account, name), now),
            "key": _revoke(table, {"pk": row["hash"], "sk": "KEY"}, now),
        },
    )
    return not refused


def _revoke(table: str, key: keys.Key, now: datetime) -> Action:
    return update(table, key, "SET #revoked_at = :now", IS_VALID, now=keys.instant(now))


def account_of(client: Any, table: str, secret: str) -> Account | None:
    """The account that a key belongs to, or ``None`` for an unknown or a revoked key."""
    if not SECRET.fullmatch(secret):
        return None
    row = dynamo.get(client, table, keys.api_key(secret))
    if row is None or "revoked_at" in row:
        return None
    return Account(account=row["account"], key=row["name"])
