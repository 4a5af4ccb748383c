"""Compares all rows of a source with what became of them: for `make sync`, and daily for records that were lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..model import frozen
from ..store import dynamo
from ..store.comparisons import Found, Progress
from ..store.sources import SHARDS, Kind
from .decide import Action
from .row_keys import key_text, read_key
from .row_sync import Outcome, Synced, Unknown
from .sync import Site

MOST_DIFFERENCES = 5
"""How many differences of one source the daily comparison acts upon; or, if that is more,"""
MOST_DIFFERENCES_SHARE = 100
"""one of so many rows. More of them are likelier an error than lost records."""
MOST_KEPT = 1000
"""The daily comparison never acts upon more differences, however many rows there are."""
PART = 100
"""Rows that are compared between two moments at which the daily comparison stores how far it is."""
REPORTED = 1000
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
        return too_many(len(self.differences), self.rows)

    def counted(self) -> Mapping[str, int]:
        """How many differences there are, by table and outcome."""
        return Counter(f"{one.kind} {one.outcome}" for one in self.differences)


def next_keys(site: Site, at: Progress, seen: set[str]) -> tuple[list[str], Progress]:
    """The keys, in JSON, of the next rows to be compared, and where to go on: first those of the site's table, then
    those that were ever there and are not any more. ``seen`` are keys that are known to be in the site's table.
    """
    assert at.kind is not None  # noqa: S101 (there is nothing after the end)
    rows = site.rows(at.kind)
    if rows is None:
        return [], _following(replace(at, shard=SHARDS[-1]))
    if not at.shard:
        after = read_key(json.loads(at.after)) if at.after else None
        found, last = dynamo.keys_in(site.tables, rows.table, rows.key.names, after, PART)
        keys = [key_text(row) for row in found]
        seen.update(keys)
        return keys, _following(at) if last is None else replace(at, after=key_text(last))
    source = site.account, site.source.name
    states, position = site.store.sources.known(*source, at.kind, at.shard, at.after, PART)
    gone = [one.key for one in states if one.key and one.key not in seen and not site.has(at.kind, one.key)]
    return gone, replace(at, after=position) if position else _following(at)


def _following(at: Progress) -> Progress:
    """The beginning of the shard, or of the table, that follows."""
    assert at.kind is not None  # noqa: S101 (there is nothing after the end)
    number = SHARDS.index(at.shard) + 1 if at.shard else 0
    if number < len(SHARDS):
        return replace(at, shard=SHARDS[number], after="")
    others = KINDS[KINDS.index(at.kind) + 1 :]
    return replace(at, kind=others[0] if others else None, shard="", after="")


def compare_part(site: Site, at: Progress, seen: set[str], now: datetime) -> tuple[Progress, list[Difference]]:
    """Look at the next rows without writing; returns how far the comparison is then, and the differences of this part.

    ``site`` is a dry one. Raises :class:`Unknown` as :meth:`Site.sync` does.
    """
    keys, after = next_keys(site, at, seen)
    assert at.kind is not None  # noqa: S101 (there is nothing after the end)
    found, standing = [], 0
    for key in keys:
        synced = site.sync(at.kind, read_key(json.loads(key)), now)
        standing += bool(synced.state.fingerprint)
        if synced.outcome not in QUIET and not _known(synced):
            found.append(Difference(kind=at.kind, key=key, outcome=synced.outcome, event_id=synced.state.event_id))
    counts = Counter(at.differences) + Counter(f"{one.kind} {one.outcome}" for one in found)
    done = replace(after, rows=at.rows + len(keys), standing=at.standing + standing, differences=dict(counts))
    return done, found


def compare(site: Site, now: datetime, report: Report = lambda _: None) -> Compared:
    """Look at every row without writing. ``site`` is a dry one; ``report`` gets the number of rows now and then."""
    at, seen, found = Progress(began_at=now, kind=Kind.EVENTS), set[str](), list[Difference]()
    while at.kind is not None:
        before = at.rows
        at, more = compare_part(site, at, seen, now)
        found += more
        if at.rows // REPORTED > before // REPORTED:
            report(at.rows)
    return Compared(rows=at.rows, standing=at.standing, differences=tuple(found))


def too_many(differences: int, rows: int) -> bool:
    """Whether so many differences of so many rows are left to `make sync`."""
    return differences > min(MOST_KEPT, max(MOST_DIFFERENCES, rows // MOST_DIFFERENCES_SHARE))


def go_on(site: Site, now: datetime, time_is_up: Callable[[], bool], *, begin: bool) -> Progress | None:
    """Go on with the daily comparison of a source, or ``begin`` one where none is under way, until it has ended or the
    time is up. ``site`` is one that writes. ``None``: nothing was to be done, or somebody else does it.

    A difference is acted upon when all rows are compared. Raises :class:`Unknown` as :meth:`Site.sync` does, which
    ends the comparison.
    """
    ids, comparisons = (site.account, site.source.name), site.store.comparisons
    at = comparisons.progress(*ids)
    if at is None:
        at = comparisons.save(*ids, Progress(began_at=now, kind=Kind.EVENTS)) if begin else None
    dry, seen = Site(site.store, site.account, site.source, site.tables, dry=True), set[str]()
    while at is not None and at.kind is not None and not time_is_up():
        try:
            after, found = compare_part(dry, at, seen, now)
        except Unknown:
            comparisons.end(*ids)
            raise
        for one in found[: max(0, MOST_KEPT - sum(at.differences.values()))]:
            comparisons.add(*ids, Found(kind=one.kind, key=one.key))
        at = comparisons.save(*ids, after)
    if at is None or at.kind is not None or time_is_up():
        return at
    site.store.sources.compared(*ids, at.standing)
    if too_many(sum(at.differences.values()), at.rows) or _acted(site, now, time_is_up):
        comparisons.end(*ids)
        return replace(at, ended=True)
    return at


def _acted(site: Site, now: datetime, time_is_up: Callable[[], bool]) -> bool:
    """Do what follows from the differences that are left; whether none is left."""
    ids, comparisons = (site.account, site.source.name), site.store.comparisons
    for one in comparisons.found(*ids):
        for _ in follow(site, one.kind, read_key(json.loads(one.key)), now):
            if time_is_up():
                return False
        comparisons.remove(*ids, one)
    return True


def act(site: Site, differences: tuple[Difference, ...], now: datetime) -> Mapping[str, int]:
    """Look at the rows of ``differences`` and do what follows, and at what waits for them; counts what was done."""
    done: Counter[str] = Counter()
    for one in differences:
        for synced in follow(site, one.kind, read_key(json.loads(one.key)), now):
            done[f"{one.kind} {synced.outcome}"] += 1
    return done


def follow(site: Site, kind: Kind, key: Mapping[str, Any], now: datetime) -> Iterator[Synced]:
    """Look at a row, then at each row that waited for what this has led to."""
    synced = site.sync(kind, key, now)
    yield synced
    for waiting in site.waiting(synced):
        yield from follow(site, Kind.REGISTRATIONS, read_key(json.loads(waiting)), now)


def people(site: Site, differences: tuple[Difference, ...]) -> int:
    """How many people are informed at most: of an event, everybody with a seat."""
    told = 0
    for one in differences:
        if one.kind is Kind.REGISTRATIONS:
            told += one.outcome in (Action.CREATE, Action.CHANGE, Action.CANCEL)
        elif one.outcome in (Action.CHANGE, Action.CANCEL, Action.REOPEN):
            told += site.store.reads.seats(one.event_id).taken
    return told


def _known(synced: Synced) -> bool:
    """Whether the row has a problem that was known before: nothing new follows from it."""
    return synced.outcome is Outcome.PROBLEM and not synced.fresh
