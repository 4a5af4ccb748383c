"""Syncs one row of a site's table: reads it, and does what follows from it.

The state of the row is read first, then the row itself, strongly consistent, then the event or registration that it
became. What follows is written in one transaction with the next state, on condition that nobody looked at the row
meanwhile. So it does not matter how often, by how many workers, or in which order a row is looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..store import dynamo
from ..store.sources import RowKind
from ..store.writes import Overtaken, rounds
from .decide import Action
from .event_sync import EventSync
from .registration_sync import RegistrationSync
from .row_keys import read_key
from .row_sync import Outcome, Synced


class Site(EventSync, RegistrationSync):
    """One source of an account."""

    def sync(self, kind: RowKind, key: Mapping[str, Any], now: datetime) -> Synced:
        """Sync the row with the primary key ``key``, plain values by the names of its attributes, at ``now`` (UTC).

        Raises :class:`Unknown`, :class:`NotYet`, :class:`dynamo.Contention`, and botocore's errors: then nothing is
        known about the row, and it has to be looked at again.
        """
        first: Synced | None = None
        for _ in rounds():
            try:
                synced = self._events(key, now) if kind is RowKind.EVENTS else self._registrations(key, now)
            except Overtaken:
                continue
            if synced is None:
                continue
            if first is not None:
                same = synced.outcome in (Action.NOTHING, first.outcome)
                return replace(first if same else synced, state=synced.state, unblocks=first.unblocks + synced.unblocks)
            # A row that is withdrawn because it names another event is registered there by the next sync; and an
            # event may have appeared while its row was marked as waiting. Of two rows that exchange their addresses and
            # are looked at in the same moment, whichever is marked last finds the other.
            if self.dry or kind is RowKind.EVENTS or not _is_synced_again(synced):
                return synced
            first = synced
        raise AssertionError  # rounds() ends with Contention

    def has(self, kind: RowKind, key: str) -> bool:
        """Whether the site's table has the row with this key, in JSON."""
        rows = self.rows(kind)
        assert rows is not None  # noqa: S101 (the caller asks for rows that are described)
        wire = dynamo.wire(read_key(json.loads(key)))
        return "Item" in self.tables.get_item(TableName=rows.table, Key=wire, ConsistentRead=True)

    def waiting(self, synced: Synced) -> list[str]:
        """The keys, in JSON, of the rows of registrations that wait for what this sync has led to, or of which more
        follows.
        """
        marks = synced.unblocks if self.source.registrations is not None else ()
        waiting = (self.store.sources.waiting(self.account, self.source.name, mark) for mark in marks)
        return [*synced.again, *(key for keys in waiting for key in keys)]

    def expired(self, kind: RowKind, row: Mapping[str, Any]) -> None:
        """Remember that the site's time to live has deleted the row, so that it does not count as gone."""
        rows = self.rows(kind)
        for _ in rounds():
            assert rows is not None  # noqa: S101 (the caller asks for rows that are described)
            read = self._begin(kind, rows, row)
            if read.row is not None:
                return  # it is back
            try:
                # The key of who is erased stays forgotten.
                key = read.seen.key if read.stored.key or not read.stored.fence else ""
                self._settled(read, Action.NOTHING, replace(read.seen, key=key, expired=True, waits_for=""))
            except Overtaken:
                continue
            return


def _is_synced_again(synced: Synced) -> bool:
    """Whether more may follow from the row at once: it was withdrawn, or has been marked as waiting."""
    waits = synced.outcome is Outcome.PROBLEM and bool(synced.state.waits_for)
    return waits or synced.outcome in (Action.CANCEL, Action.WAIT)
