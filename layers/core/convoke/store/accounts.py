"""API keys, each of one account, and the descriptions of an account's sources.

Only a key's SHA-256 is stored; the key itself is shown once, when it is created.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ..model import InvalidField, frozen
from . import conditions, dynamo, keys
from .writes import Action, alone, attempt, put, update

SECRET = re.compile(r"cvk_[A-Za-z0-9_-]{43}", re.ASCII)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class Scope(StrEnum):
    """What a key may do. None of the scopes includes another."""

    READ = "read"  # read events, registrations, quarantine and webhooks; preview a change
    REGISTER = "register"  # register people, change and withdraw their registrations
    MANAGE = "manage"  # change everything else: events, dates, proposals, quarantine, webhooks


@frozen
class Caller:
    """Who calls the API: an account, by a key of this name, id and scopes."""

    account: str
    key: str
    key_id: str
    scopes: frozenset[str]


@frozen
class ApiKey:
    """An API key as it is listed. The instants are ISO 8601 text in UTC; ``last_used`` is a day, in UTC.

    The first instant at which an expired key is refused is ``valid_until``; ``None`` is a key that does not expire.
    """

    name: str
    key_id: str
    scopes: tuple[str, ...]
    created_at: str
    valid_until: str | None
    revoked_at: str | None
    last_used: str | None

    def works(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.valid_until is None or keys.instant(now) < self.valid_until)


class Accounts:
    """What is in one table of accounts."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def create_key(
        self,
        *,
        account: str,
        name: str,
        now: datetime,
        scopes: Collection[Scope] = tuple(Scope),
        valid_until: datetime | None = None,
        secret: str | None = None,
    ) -> str:
        """Create a key for ``account`` and return it. ``secret`` is the key itself; by default a random one.

        Raises :class:`InvalidField` where ``account`` or ``name`` has an invalid form, there is no scope,
        ``valid_until`` (UTC) is past, or the account has a key of that name which was not revoked.
        """
        for field, value in (("account", account), ("name", name)):
            if not NAME.fullmatch(value):
                raise InvalidField(field, "must be up to 64 letters, digits, dots, hyphens or underscores")
        if not scopes:
            raise InvalidField("scopes", "must not be empty")
        if valid_until is not None and valid_until <= now:
            raise InvalidField("valid_until", "must be in the future")
        secret = secret or "cvk_" + secrets.token_urlsafe(32)
        known = {"account": account, "name": name, "created_at": keys.instant(now), "scopes": set(map(str, scopes))}
        if valid_until is not None:
            # Not an attribute that the table's time to live deletes: a key that expired is still listed.
            known["valid_until"] = keys.instant(valid_until)
        by_name = {**keys.account_key(account, name), **known, "hash": keys.api_key(secret)["pk"]}
        actions = {
            "key": put(self._table, {**keys.api_key(secret), **known}, conditions.NEW),
            "name": put(self._table, by_name, conditions.NAME_IS_FREE),
            "accounts": update(self._table, keys.accounts(), {}, "", add={"names": {account}}),
        }
        if attempt(self._client, actions):
            raise InvalidField("name", f"{account} has a key named {name}; revoke it first")
        return secret

    def names(self) -> set[str]:
        """The accounts that ever had a key."""
        known = dynamo.get(self._client, self._table, keys.accounts())
        return known["names"] if known else set()

    def only_account(self) -> str | None:
        """The only account that ever had a key; ``None`` where there are several or none."""
        names = self.names()
        return next(iter(names)) if len(names) == 1 else None

    def list_keys(self, *, account: str) -> tuple[ApiKey, ...]:
        """The account's keys in order of name, including those that expired or were revoked."""
        query = dynamo.starting_with(self._table, keys.account_key(account, ""))
        rows = dynamo.pages(self._client.query, **query)
        return tuple(_listed(row, dynamo.get(self._client, self._table, _by_hash(row))) for row in rows)

    def revoke_key(self, *, account: str, name: str, now: datetime) -> bool:
        """Revoke a key. API Gateway may accept it for up to a minute from its cache. False: there is no such valid
        key.
        """
        row = dynamo.get(self._client, self._table, keys.account_key(account, name))
        if row is None:
            return False
        by_name = self._revoke(keys.account_key(account, name), now)
        actions = {"name": by_name, "key": self._revoke(_by_hash(row), now)}
        return not attempt(self._client, actions)

    def _revoke(self, key: keys.Key, now: datetime) -> Action:
        return update(self._table, key, {"revoked_at": keys.instant(now)}, conditions.IS_VALID)

    def caller_of(self, secret: str, now: datetime) -> Caller | None:
        """Who calls with a key, or ``None`` for a key that is unknown, expired or revoked.

        The day of its last use is recorded with one write a day; where that fails, the key works all the same.
        """
        found = key_hash(secret)
        row = None if found is None else self._working(found, now)
        if row is None:
            return None
        if row.get("last_used") != f"{now:%Y-%m-%d}":
            self._record_use({"pk": row["pk"], "sk": row["sk"]}, now)
        return _caller(row)

    def holder(self, key_hash: str, now: datetime) -> Caller | None:
        """Who calls with the key of this hash, with what it may do now; ``None`` for a key that is unknown, expired or
        revoked. Nothing is recorded.
        """
        row = self._working(key_hash, now)
        return None if row is None else _caller(row)

    def _working(self, key_hash: str, now: datetime) -> Mapping[str, Any] | None:
        row = dynamo.get(self._client, self._table, {"pk": key_hash, "sk": keys.API_KEY})
        if row is None or "revoked_at" in row or row.get("valid_until", "9") <= keys.instant(now):
            return None
        return row

    def _record_use(self, key: keys.Key, now: datetime) -> None:
        """Not by a transaction, and without a returned item: the authorizer's role may touch this attribute only."""
        action = update(self._table, key, {"last_used": f"{now:%Y-%m-%d}"})
        del action["Update"]["ReturnValuesOnConditionCheckFailure"]
        with suppress(ClientError, BotoCoreError):
            alone(self._client, action)

    # --- sources ------------------------------------------------------------------------------------------------

    def put_source(self, account: str, name: str, description: str) -> None:
        """Store the description of a source, JSON that ``sources.mapping.parse`` takes, in the place of a former
        one.
        """
        item = {**keys.source(account, name), "account": account, "name": name, "description": description}
        attempt(self._client, {"source": put(self._table, item)})

    def source(self, account: str, name: str) -> str | None:
        """The description of a source of the account, as it was stored."""
        item = dynamo.get(self._client, self._table, keys.source(account, name))
        return None if item is None else str(item["description"])

    def sources(self, account: str) -> tuple[str, ...]:
        """The descriptions of all sources of the account."""
        query = dynamo.starting_with(self._table, keys.source(account, ""))
        return tuple(str(item["description"]) for item in dynamo.pages(self._client.query, **query))


def key_hash(secret: str) -> str | None:
    """The hash under which the record of an API key is kept; ``None`` for what has not the form of a key."""
    return keys.api_key(secret)["pk"] if SECRET.fullmatch(secret) else None


def _caller(row: Mapping[str, Any]) -> Caller:
    return Caller(
        account=row["account"], key=row["name"], key_id=_key_id(row["pk"]), scopes=frozenset(row.get("scopes", ()))
    )


def _listed(row: Mapping[str, Any], by_hash: Mapping[str, Any] | None) -> ApiKey:
    return ApiKey(
        name=row["name"],
        key_id=_key_id(row["hash"]),
        scopes=tuple(scope for scope in Scope if scope in row["scopes"]),
        created_at=row["created_at"],
        valid_until=row.get("valid_until"),
        revoked_at=row.get("revoked_at"),
        last_used=(by_hash or {}).get("last_used"),
    )


def _by_hash(row: Mapping[str, Any]) -> keys.Key:
    """The key of the record by the API key's hash, of the one by its name."""
    return {"pk": row["hash"], "sk": keys.API_KEY}


def _key_id(partition_key: str) -> str:
    """The id of a key in logs: the beginning of its hash, which tells nothing of the key."""
    return partition_key.removeprefix("KEY#")[:12]
