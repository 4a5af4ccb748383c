"""The keys that personal links are signed with: one item in the accounts table, for all functions of a deployment.

It is made by whoever needs it first. A rotation adds a key, which begins to sign only after every process has read it:
so nobody is sent a link that another function does not believe yet. Earlier keys go on verifying until they are
dropped. Instants are UTC.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ..links.tokens import KEY_BYTES, Keys
from ..model import InvalidField, frozen
from ..settings import Settings
from . import codec, conditions, keys
from .repository import Repository
from .writes import alone, put, rounds

KNOWN_FOR = 60.0
"""For how many seconds a process uses the keys that it has read."""
SIGNS_AFTER = timedelta(minutes=2)
"""How long after it was made a key begins to sign."""
MAX_KEYS = 8
"""How many keys there may be: each token is tried with all."""


@frozen
class LinkKey:
    """One key, and the instant from which on it signs."""

    key: bytes
    signs_from: datetime


@frozen
class StoredKeys:
    """All keys, the newest last. ``version`` rises by one with every change."""

    keys: tuple[LinkKey, ...]
    version: int = 1

    def at(self, now: datetime) -> Keys:
        """The keys as they are used at ``now``: the newest that signs by then, and all others to verify with."""
        signing = next((one for one in reversed(self.keys) if one.signs_from <= now), self.keys[0])
        return Keys(current=signing.key, earlier=tuple(one.key for one in self.keys if one is not signing))


codec.record(StoredKeys)


class LinkKeys(Repository):
    def __init__(self, client: Any, settings: Settings) -> None:
        super().__init__(client, settings)
        self._known: tuple[float, StoredKeys] | None = None

    def at(self, now: datetime) -> Keys:
        """The keys to use at ``now``, read at most once a minute. The first call of a deployment makes them.

        Those that are known are used on where they cannot be read; where none are known, botocore's error propagates.
        """
        known = self._known
        if known is None or time.monotonic() - known[0] > KNOWN_FOR:
            try:
                known = self._known = time.monotonic(), self._read_or_make(now)
            except (BotoCoreError, ClientError):
                if known is None:
                    raise
        return known[1].at(now)

    def stored(self) -> StoredKeys | None:
        """The keys as they are stored now; ``None`` before the first use."""
        return self._get(StoredKeys, self._accounts, keys.link_keys())

    def rotate(self, now: datetime) -> StoredKeys:
        """Add a key that signs from :data:`SIGNS_AFTER` ``now`` on.

        Raises :class:`InvalidField` where there are too many, or the one before does not sign yet.
        """
        for _ in rounds():
            before = self._read_or_make(now)
            _require_settled(before, now)
            if len(before.keys) >= MAX_KEYS:
                raise InvalidField("keys", f"there are {MAX_KEYS} already: drop the earlier ones first")
            added = (*before.keys, _new_key(now + SIGNS_AFTER))
            if (after := self._replace(before, added)) is not None:
                return after
        raise AssertionError  # rounds() ends with Contention

    def drop(self, now: datetime) -> int:
        """Drop all keys but the one that signs, and return how many: every link that they signed is void, in each
        process from the next time on that it reads the keys.

        Raises :class:`InvalidField` where there is no earlier key, or the newest does not sign yet.
        """
        for _ in rounds():
            before = self._read_or_make(now)
            _require_settled(before, now)
            if len(before.keys) == 1:
                raise InvalidField("keys", "there is only one, which signs: rotate first")
            if self._replace(before, before.keys[-1:]) is not None:
                return len(before.keys) - 1
        raise AssertionError  # rounds() ends with Contention

    def _read_or_make(self, now: datetime) -> StoredKeys:
        found = self.stored()
        if found is not None:
            return found
        made = StoredKeys(keys=(_new_key(now),))
        written, existing = alone(self.client, put(self._accounts, codec.item(made, keys.link_keys()), conditions.NEW))
        # Of two that make keys at once one is refused, and is shown those of the other.
        return made if written else codec.read(StoredKeys, existing or {})

    def _replace(self, before: StoredKeys, these: tuple[LinkKey, ...]) -> StoredKeys | None:
        """Store ``these`` in place of ``before``; ``None`` where somebody else changed them meanwhile."""
        after = replace(before, keys=these, version=before.version + 1)
        item = codec.item(after, keys.link_keys())
        if not self._write(put(self._accounts, item, conditions.VERSION_UNCHANGED, version=before.version)):
            return None
        self._known = None
        return after


def _new_key(signs_from: datetime) -> LinkKey:
    return LinkKey(key=secrets.token_bytes(KEY_BYTES), signs_from=signs_from)


def _require_settled(stored: StoredKeys, now: datetime) -> None:
    newest = stored.keys[-1].signs_from
    if now < newest:
        raise InvalidField("keys", f"the newest signs only from {newest:%H:%M:%S} UTC on: wait until then")
