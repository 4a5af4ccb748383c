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
from ..store.sources import SHARDS, RowKind, digest
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
FOLLOWS = (Action.CREATE, Action.CHANGE, Action.REOPEN, Action.CANCEL)
KINDS = (RowKind.EVENTS, RowKind.REGISTRATIONS)

Report = Callable[[int], None]
Failed = Callable[[Exception], None]


@frozen
class Difference:
    """A row from which something follows: its key in JSON, and what; ``event_id`` is empty before it is created.

    Of a row from which ``NOTHING`` follows, what is known is not true any more, such as a problem: nobody is informed.
    ``expected``: it is no sign of a lost record, and does not count among too many.
    """

    kind: RowKind
    key: str
    outcome: Action | Outcome
    event_id: str
    expected: bool = False


@frozen
class Compared:
    """How many ``rows`` there are, how many of them have become something that stands, and the differences."""

    rows: int
    standing: int
    differences: tuple[Difference, ...]

    @property
    def too_many(self) -> bool:
        return too_many(sum(not one.expected for one in self.differences), self.rows)

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


def compare_part(
    site: Site, at: Progress, seen: set[str], now: datetime, failed: Failed | None = None
) -> tuple[Progress, list[Difference]]:
    """Look at the next rows without writing; returns how far the comparison is then, and the differences of this part.

    ``site`` is a dry one. A row that fails, and not since others are busy, is left out where ``failed`` is informed of
    it. Raises :class:`Unknown` as :meth:`Site.sync` does.
    """
    keys, after = next_keys(site, at, seen)
    assert at.kind is not None  # noqa: S101 (there is nothing after the end)
    found, standing = [], 0
    for key in keys:
        try:
            synced = site.sync(at.kind, read_key(json.loads(key)), now)
        except Exception as error:  # whatever it is, it must not keep other rows from being compared
            if failed is None or isinstance(error, Unknown) or dynamo.is_busy(error):
                raise
            failed(error)
            continue
        standing += synced.stands
        if synced.fresh or synced.outcome in FOLLOWS:
            expected = synced.outcome is Action.NOTHING or (synced.awaited and synced.outcome is not Action.CANCEL)
            ids = {"key": key, "event_id": synced.state.event_id}
            found.append(Difference(kind=at.kind, outcome=synced.outcome, expected=expected, **ids))
    counts = Counter(at.differences) + Counter(f"{one.kind} {one.outcome}" for one in found if not one.expected)
    done = replace(after, rows=at.rows + len(keys), standing=at.standing + standing, differences=dict(counts))
    return done, found


def compare(site: Site, now: datetime, report: Report = lambda _: None, failed: Failed | None = None) -> Compared:
    """Look at every row without writing. ``site`` is a dry one; ``report`` gets the number of rows now and then, and
    ``failed`` is as in :func:`compare_part`.
    """
    at, seen, found = Progress(began_at=now, kind=RowKind.EVENTS), set[str](), list[Difference]()
    while at.kind is not None:
        before = at.rows
        at, more = compare_part(site, at, seen, now, failed)
        found += more
        if at.rows // REPORTED > before // REPORTED:
            report(at.rows)
    return Compared(rows=at.rows, standing=at.standing, differences=tuple(found))


def too_many(differences: int, rows: int) -> bool:
    """Whether so many differences of so many rows are left to `make sync`."""
    return differences > min(MOST_KEPT, max(MOST_DIFFERENCES, rows // MOST_DIFFERENCES_SHARE))


def go_on(site: Site, now: datetime, time_is_up: Callable[[], bool], failed: Failed, *, begin: bool) -> Progress | None:
    """Go on with the daily comparison of a source, or ``begin`` one where none is under way, until it has ended or the
    time is up. ``site`` is one that writes. ``None``: nothing was to be done, or somebody else does it.

    A difference is acted upon when all rows are compared. A row that fails keeps no other from being compared and
    followed: ``failed`` is informed of it, and a difference is tried again until the next day's comparison. Raises
    :class:`Unknown` as :meth:`Site.sync` does, which ends the comparison.
    """
    ids, comparisons = (site.account, site.source.name), site.store.comparisons
    at, described = comparisons.progress(*ids), digest(site.source.model_dump_json())
    if at is not None and (at.described != described or (begin and at.kind is None)):
        # By another description, rows may have other keys. And what could not be done in a day is found again.
        comparisons.end(*ids)
        at, begin = None, True
    if at is None and begin:
        at = comparisons.save(*ids, Progress(began_at=now, kind=RowKind.EVENTS, described=described))
    dry, seen = Site(site.store, site.account, site.source, site.tables, dry=True), set[str]()
    while at is not None and at.kind is not None and not time_is_up():
        try:
            after, found = compare_part(dry, at, seen, now, failed)
        except Unknown:
            comparisons.end(*ids)
            raise
        for one in found[: max(0, MOST_KEPT - sum(at.differences.values()))]:
            comparisons.add(*ids, Found(kind=one.kind, key=one.key))
        at = comparisons.save(*ids, after)
    if at is None or at.kind is not None or time_is_up():
        return at
    site.store.sources.compared(*ids, at.standing)
    if too_many(sum(at.differences.values()), at.rows) or _acted(site, now, time_is_up, failed):
        comparisons.end(*ids)
        return replace(at, ended=True)
    return at


def _acted(site: Site, now: datetime, time_is_up: Callable[[], bool], failed: Failed) -> bool:
    """Do what follows from the differences that are left; whether none is left."""
    ids, comparisons = (site.account, site.source.name), site.store.comparisons
    done = True
    for one in comparisons.found(*ids):
        try:
            for _ in follow(site, one.kind, read_key(json.loads(one.key)), now):
                if time_is_up():
                    return False
        except Exception as error:  # whatever it is, it must not keep other rows from being followed
            failed(error)
            done = False
            continue
        comparisons.remove(*ids, one)
    return done


def act(
    site: Site, differences: tuple[Difference, ...], now: datetime, failed: Failed | None = None
) -> Mapping[str, int]:
    """Look at the rows of ``differences`` and do what follows, and at what waits for them; counts what was done. A row
    that fails keeps no other from being followed where ``failed`` is informed of it.
    """
    done: Counter[str] = Counter()
    for one in differences:
        try:
            for synced in follow(site, one.kind, read_key(json.loads(one.key)), now):
                done[f"{one.kind} {synced.outcome}"] += 1
        except Exception as error:  # whatever it is, it must not keep other rows from being followed
            if failed is None:
                raise
            failed(error)
    return done


def follow(site: Site, kind: RowKind, key: Mapping[str, Any], now: datetime) -> Iterator[Synced]:
    """Look at a row, then at each row that waited for what this has led to, and so on."""
    left = [(kind, key)]
    while left:
        synced = site.sync(*left.pop(), now)
        yield synced
        left += [(RowKind.REGISTRATIONS, read_key(json.loads(one))) for one in reversed(site.waiting(synced))]


def people(site: Site, differences: tuple[Difference, ...]) -> int:
    """How many people are informed at most: of an event, everybody with a seat."""
    told = 0
    for one in differences:
        if one.kind is RowKind.REGISTRATIONS:
            # Whoever waits for their event is registered where it is created before.
            told += one.outcome in (Action.CREATE, Action.CHANGE, Action.CANCEL, Action.WAIT)
        elif one.outcome in (Action.CHANGE, Action.CANCEL, Action.REOPEN):
            told += site.store.reads.seats(one.event_id).taken
    return told
