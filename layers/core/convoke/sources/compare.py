"""Compares all rows of a source with what became of them: for `make sync`, and daily for records that were lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from ..model import frozen
from ..store import dynamo
from ..store.sources import SHARDS, Kind
from .decide import Action
from .row_keys import key_text, read_key
from .sync import Looked, Outcome, Site

MOST_DIFFERENCES = 5
"""How many differences of one source the daily comparison acts upon; or, if that is more,"""
MOST_DIFFERENCES_SHARE = 100
"""one of so many rows. More of them are likelier an error than lost records."""
QUIET = (Action.NOTHING, Action.WAIT)
KINDS = (Kind.EVENTS, Kind.REGISTRATIONS)

Report = Callable[[int], None]


@frozen
class Difference:
    """A row from which something follows: its key in JSON, and what; ``event_id`` is empty before it is created."""

    kind: Kind
    key: str
    outcome: Action | Outcome
    event_id: str


@frozen
class Compared:
    """How many ``rows`` there are, how many of them have become something that stands, and the differences."""

    rows: int
    standing: int
    differences: tuple[Difference, ...]

    @property
    def too_many(self) -> bool:
        return len(self.differences) > max(MOST_DIFFERENCES, self.rows // MOST_DIFFERENCES_SHARE)

    def counted(self) -> Mapping[str, int]:
        """How many differences there are, by table and outcome."""
        return Counter(f"{one.kind} {one.outcome}" for one in self.differences)


def keys_of(site: Site, kind: Kind) -> Iterator[str]:
    """The keys, in JSON and each once, of all rows in the site's table and of all that were ever there.

    Raises :class:`sync.Unknown` as :meth:`Site.look` does.
    """
    rows = site.rows(kind)
    if rows is None:
        return
    seen = set()
    for row in dynamo.keys_in(site.tables, rows.table, rows.key.names):
        seen.add(key_text(row))
        yield key_text(row)
    for shard in SHARDS:
        for state in site.store.sources.known(site.account, site.source.name, kind, shard):
            if state.key and state.key not in seen:
                yield state.key


def compare(site: Site, now: datetime, report: Report = lambda _: None) -> Compared:
    """Look at every row without writing. ``site`` is a dry one; ``report`` gets the number of rows now and then."""
    rows = standing = 0
    found = []
    for kind in KINDS:
        for key in keys_of(site, kind):
            looked = site.look(kind, read_key(json.loads(key)), now)
            rows += 1
            standing += bool(looked.state.fingerprint)
            if looked.outcome not in QUIET and not _known(looked):
                found.append(Difference(kind=kind, key=key, outcome=looked.outcome, event_id=looked.state.event_id))
            if rows % 1000 == 0:
                report(rows)
    return Compared(rows=rows, standing=standing, differences=tuple(found))


def act(site: Site, differences: tuple[Difference, ...], now: datetime) -> Mapping[str, int]:
    """Look at the rows of ``differences`` and do what follows, and at what waits for them; counts what was done."""
    done: Counter[str] = Counter()
    for one in differences:
        for looked in follow(site, one.kind, read_key(json.loads(one.key)), now):
            done[f"{one.kind} {looked.outcome}"] += 1
    return done


def follow(site: Site, kind: Kind, key: Mapping[str, Any], now: datetime) -> Iterator[Looked]:
    """Look at a row, then at each row that waited for what this has led to."""
    looked = site.look(kind, key, now)
    yield looked
    for waiting in site.waiting(looked):
        yield from follow(site, Kind.REGISTRATIONS, read_key(json.loads(waiting)), now)


def people(site: Site, differences: tuple[Difference, ...]) -> int:
    """How many people are told at most: of an event, everybody with a seat."""
    told = 0
    for one in differences:
        if one.kind is Kind.REGISTRATIONS:
            told += one.outcome in (Action.CREATE, Action.CHANGE, Action.CANCEL)
        elif one.outcome in (Action.CHANGE, Action.CANCEL, Action.REOPEN):
            told += site.store.reads.seats(one.event_id).taken
    return told


def _known(looked: Looked) -> bool:
    """Whether the row has a problem that was known before: nothing new follows from it."""
    return looked.outcome is Outcome.PROBLEM and not looked.fresh
