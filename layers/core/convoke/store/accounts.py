"""API keys: who may call, and for which account. Only a key's hash is kept; the key itself is shown once."""

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

# No key of the account that still works has this name.
NAME_IS_FREE = f"{NEW} OR attribute_exists(#revoked_at)"
# There is such a key, and it still works.
WORKS = "attribute_exists(pk) AND attribute_not_exists(#revoked_at)"


@frozen
class Account:
    """Who calls: the account, and the name of the key that it used."""

    account: str
    key: str


@frozen
class ApiKey:
    """A key as it is listed; instants in UTC, as they are stored."""

    name: str
    created_at: str
    revoked_at: str | None


def create_key(client: Any, table: str, *, account: str, name: str, now: datetime, secret: str | None = None) -> str:
    """Make a key for ``account`` and answer it. Raises :class:`InvalidField` where a working key has that name."""
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
    _note(client, table, account)
    return secret


def only_account(client: Any, table: str) -> str | None:
    """The account that alone ever had a key here; ``None`` where there are several, or where nobody has counted."""
    known = dynamo.get(client, table, keys.accounts())
    names = known["names"] if known else ()
    return next(iter(names)) if len(names) == 1 else None


def _note(client: Any, table: str, account: str) -> None:
    """Keep the names of all accounts in one place. Where that is not there yet, all keys are looked through once."""
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
    """The account's keys by name, the revoked ones among them."""
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
    """The key works no more. API Gateway may believe in it for a minute yet. False: there is no such working key."""
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
    return update(table, key, "SET #revoked_at = :now", WORKS, now=keys.instant(now))


def account_of(client: Any, table: str, secret: str) -> Account | None:
    """Whose key this is, or ``None`` where it is nobody's or was revoked."""
    if not SECRET.fullmatch(secret):
        return None
    row = dynamo.get(client, table, keys.api_key(secret))
    if row is None or "revoked_at" in row:
        return None
    return Account(account=row["account"], key=row["name"])
