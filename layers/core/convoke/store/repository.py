"""What the repositories share: the client and the tables of a deployment, bound once, how items are read, listed and
deleted, and lists of which a caller asks for one page at a time.
"""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from ..model import InvalidField, frozen
from ..settings import Settings
from . import codec, dynamo
from .dynamo import Item
from .keys import Key
from .writes import Action, alone, attempt, delete

Stored = TypeVar("Stored")


class Repository:
    """One kind of item in the tables of one deployment. A method whose name ends in ``_action`` writes nothing: it
    returns an action for the caller's transaction.
    """

    def __init__(self, client: Any, settings: Settings) -> None:
        self.client = client
        self.settings = settings
        self._people = settings.registrations_table
        self._sent = settings.invitations_table
        self._hooks = settings.webhooks_table
        self._accounts = settings.accounts_table

    def _item(self, table: str, key: Key) -> Item | None:
        """The item under ``key``, strongly consistent, or ``None``."""
        return dynamo.get(self.client, table, key)

    def _get(self, cls: type[Stored], table: str, key: Key, *, now: datetime | None = None) -> Stored | None:
        """What the item under ``key`` holds, strongly consistent, or ``None``: also where it has expired by ``now``,
        if that is given, since DynamoDB removes what has expired only hours later.
        """
        item = self._item(table, key)
        expired = item is not None and now is not None and int(item["expires_at"]) <= now.timestamp()
        return None if item is None or expired else codec.read(cls, item)

    def _get_each(self, *wanted: tuple[type[Any], str, Key]) -> list[Any]:
        """The items of so many classes, tables and keys in one call, strongly consistent, but in no particular order;
        ``None`` where there is none.
        """
        found = dynamo.get_each(self.client, [(table, key) for _, table, key in wanted])
        return _read_each(wanted, found)

    def _get_together(self, *wanted: tuple[type[Any], str, Key]) -> list[Any] | None:
        """As :meth:`_get_each`, but all as they were at one moment; ``None`` where another writer was at one."""
        found = dynamo.get_together(self.client, [(table, key) for _, table, key in wanted])
        return None if found is None else _read_each(wanted, found)

    def _rows(self, query: Mapping[str, Any]) -> Iterator[Item]:
        """All items of a query, one page of it after the other."""
        return dynamo.pages(self.client.query, **query)

    def _all(self, cls: type[Stored], query: Mapping[str, Any]) -> Iterator[Stored]:
        return (codec.read(cls, item) for item in self._rows(query))

    def _list(
        self,
        cls: type[Any],
        table: str,
        first: Key,
        identity: str,
        pattern: str,
        *,
        limit: int,
        cursor: str | None,
        where: Mapping[str, Any] = {},  # only read
        **more: Any,
    ) -> Page:
        """A page of what begins as ``first`` in its partition, as ``cls``: with the values of ``where`` that are given.

        A position in it, which has to match ``pattern``, is what follows in the sort key. ``more`` is for the query.
        """
        query = dynamo.starting_with(table, first, **more)
        query |= dynamo.with_values(query, where) or {"Limit": limit + 1}
        if cursor is not None:
            position = decode_cursor(identity, cursor, pattern)
            query["ExclusiveStartKey"] = dynamo.wire({**first, "sk": first["sk"] + position})
        listed = page(self._rows(query), limit, identity, lambda row: str(row["sk"]).removeprefix(first["sk"]))
        return Page(items=tuple(codec.read(cls, row) for row in listed.items), next=listed.next)

    def _write(self, action: Action) -> bool:
        """Carry out one action; whether its condition held."""
        return alone(self.client, action)[0]

    def _write_own(self, action: Action, mine: Mapping[str, Any]) -> bool:
        """Carry out one action that writes the attributes ``mine``, among them a :func:`mark`; whether it did.

        botocore repeats a request whose answer was lost: then the condition fails for what the first of them wrote.
        """
        written, existing = alone(self.client, action)
        return written or (existing is not None and mine.items() <= existing.items())

    def _delete_all(self, table: str, first: Key) -> None:
        """Delete all items of a partition whose sort key begins as that of ``first``."""
        for key in self._rows(dynamo.starting_with(table, first, ProjectionExpression="pk, sk")):
            self._write(delete(table, key))

    def _attempt(self, actions: Mapping[str, Action]) -> dict[str, Item | None]:
        return attempt(self.client, actions)


def _read_each(wanted: tuple[tuple[type[Any], str, Key], ...], found: list[Item | None]) -> list[Any]:
    return [None if item is None else codec.read(cls, item) for (cls, _, _), item in zip(wanted, found, strict=True)]


# --- pages ----------------------------------------------------------------------------------------------------------


@frozen
class Page:
    """A page of a list, and the cursor of the next page: ``None`` at the end."""

    items: tuple[Any, ...]
    next: str | None


def page(rows: Iterable[Stored], limit: int, identity: str, position: Callable[[Stored], str]) -> Page:
    """The first ``limit`` of ``rows``. The next page of the list that ``identity`` names begins after the
    ``position`` of the last of them.
    """
    found = list(islice(rows, limit + 1))
    return Page(
        items=tuple(found[:limit]),
        next=encode_cursor(identity, position(found[limit - 1])) if len(found) > limit else None,
    )


def encode_cursor(identity: str, position: str) -> str:
    """The cursor for ``position`` in the list that ``identity`` names: opaque text that the caller sends back for the
    next page. It is valid only for the list, with the same filters, that it came from.
    """
    return urlsafe_b64encode(f"{_digest(identity, position)}{position}".encode()).decode().rstrip("=")


def decode_cursor(identity: str, cursor: str, pattern: str) -> str:
    """The position in the list that ``identity`` names, which has to match the regular expression ``pattern``.

    Raises :class:`InvalidField` for the cursor of another list, for one that was cut off or altered, and for text that
    is no cursor. The digest has no key: what DynamoDB would refuse is for ``pattern``, or the caller, to keep out.
    """
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        text = ""
    digest, position = text[:_LENGTH], text[_LENGTH:]
    if digest != _digest(identity, position) or not re.fullmatch(pattern, position, re.ASCII):
        raise InvalidField("cursor", NO_CURSOR)
    return position


NO_CURSOR = "is not a cursor of this list"
_LENGTH = 16


def _digest(identity: str, position: str) -> str:
    return hashlib.sha256(f"{identity}\0{position}".encode()).hexdigest()[:_LENGTH]
