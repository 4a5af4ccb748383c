"""What syncing any row of a site's table has in common: its state and the row are read, and the result is written.

The state is read first, then the row, strongly consistent. It is written on condition that nobody looked at the row
meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from ..model import ConvokeError, Event, InvalidField, frozen
from ..store import dynamo
from ..store.external_ids import Taken
from ..store.outbox import About
from ..store.sources import Place, RowKind, RowProblem, RowState, digest, place
from ..store.store import Store
from ..store.writes import Action as Write
from ..web import problems
from ..webhooks.events import WebhookEventType
from . import contents
from .decide import Action
from .mapping import Rows, Source
from .row_keys import key_text
from .rows import EventRow, RegistrationRow, Row, counts, external_id, fingerprint

MOST_GONE = 20
"""How many people's rows may disappear in ten minutes before a source is paused; or, if that is more,"""
MOST_GONE_SHARE = 10
"""one of so many of the rows that stood at the last comparison."""
HELD = "has disappeared together with many others, or lacks a mapped attribute that it had: held until it is confirmed"


class Unknown(ConvokeError):
    """It cannot be known what the site's table says: it is not the table that it was. Nothing was done."""


class Outcome(StrEnum):
    """What the sync of a row led to, beside the actions of :class:`decide.Action`."""

    PROBLEM = "problem"
    HELD = "held"


@frozen
class Synced:
    """What the sync of a row led to. ``unblocks`` are the digests of what other rows may wait for, and now find;
    ``again`` are the keys, in JSON, of rows of which more follows at once.

    ``fresh``: what was known of the row is not true any more: it has a problem or none, it waits for something else, or
    whoever withdrew cannot come back. ``awaited``: the row was known to wait for what follows now. ``stands``: somebody
    is registered by the row, or its event takes place, and that is not ``over``.
    """

    outcome: Action | Outcome
    state: RowState
    unblocks: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    fresh: bool = False
    awaited: bool = False
    stands: bool = False
    over: bool = False


class Held(ConvokeError):
    """The row has disappeared, and the brake holds it."""


@frozen
class RowRead:
    """A row as it was read: its state, as it is ``stored`` and with what the read itself tells, and what it says,
    ``None`` where it is gone or does not count.
    """

    where: Place
    stored: RowState
    seen: RowState
    row: Row | None


class RowSync:
    """One source of an account, with a client that may read the site's tables."""

    def __init__(
        self, store: Store, account: str, source: Source, tables: Any, *, dry: bool = False, confirmed: bool = False
    ) -> None:
        """``dry``: report what would follow, and write nothing. ``confirmed``: rows that disappeared are not held."""
        self.store = store
        self.account = account
        self.source = source
        self.tables = tables
        self.dry = dry
        self.confirmed = confirmed
        self._known: set[str] = set()

    def rows(self, kind: RowKind) -> Rows | None:
        return self.source.events if kind is RowKind.EVENTS else self.source.registrations

    def _event(self, event_id: str) -> Event | None:
        return self.store.reads.own_event(event_id, self.account) if event_id else None

    def _place(self, kind: RowKind, name: str) -> Place:
        return place(self.account, self.source.name, kind, name)

    def _begin(self, kind: RowKind, rows: Rows, key: Mapping[str, Any]) -> RowRead:
        """Read the row's state, then the row."""
        where = self._place(kind, external_id(rows, key))
        stored = self.store.sources.row(where)
        only_key = {name: key[name] for name in rows.key.names}
        answer = self.tables.get_item(TableName=rows.table, Key=dynamo.wire(only_key), ConsistentRead=True)
        row = dynamo.unwire(answer["Item"]) if "Item" in answer else None
        if (row is None and stored.event_id) or rows.table not in self._known:
            self._require_same_table(rows.table)
        # A row that is in the table has not expired, whatever is wrong with it: it may be deleted for good.
        seen = replace(stored, key=key_text(only_key), expired=stored.expired and row is None)
        if row is not None and not counts(rows, row):
            row = None
        return RowRead(where=where, stored=stored, seen=seen, row=row)

    def _require_same_table(self, table: str) -> None:
        """Raise :class:`Unknown` unless the table is the one that was read before; the first one is remembered.

        Called after the read: an id never comes back, so the row was read from the table that has it now.
        """
        found = self.tables.describe_table(TableName=table)["Table"]
        # An emulator has no ids of tables.
        table_id = str(found.get("TableId") or found["CreationDateTime"].isoformat())
        known = self.store.sources.state(self.account, self.source.name).table_id(table)
        if known is None:
            self.store.sources.remember_table(self.account, self.source.name, table, table_id)
        elif known != table_id:
            raise Unknown(f"{table} is not the table that it was: make sync confirms the new one")
        self._known.add(table)

    def _brake(self, read: RowRead, event: Event | None, now: datetime) -> None:
        """Raise :class:`Held` where too many rows have disappeared lately. Those of an event count as all its
        people.
        """
        if self.confirmed:
            return
        sources, ids = self.store.sources, (self.account, self.source.name)
        state = sources.state(*ids)
        if state.paused_at is not None:
            raise Held(read.where.digest)
        if self.dry:
            return
        people = 1
        if event is not None:
            seats = self.store.reads.seats(event.event_id)
            people = max(1, seats.taken + seats.waiting)
        if sources.count_gone(*ids, people, now) > max(MOST_GONE, state.standing // MOST_GONE_SHARE):
            sources.pause(*ids, now)
            raise Held(read.where.digest)

    def _state_actions(self, read: RowRead, state: RowState) -> dict[str, Write]:
        """The actions that store ``state`` as that of a row with nothing wrong."""
        now = replace(state, problem="", fence=read.seen.fence + 1)
        actions = self.store.sources.row_actions(read.where, read.seen, now)
        if read.seen.problem:
            actions["mended"] = self.store.sources.mended_action(read.where)
        return actions

    def _settled(self, read: RowRead, action: Action, state: RowState | None = None, *, over: bool = False) -> Synced:
        """Nothing follows from the row. The state is written all the same: its fence stops slower workers."""
        state = read.seen if state is None else state
        if action is not Action.WAIT:
            state = replace(state, waits_for="")
        if not self.dry:
            self.store.attempt(self._state_actions(read, state))
        known = read.stored
        fresh = bool(known.problem) or known.waits_for != state.waits_for or known.expired != state.expired
        return Synced(outcome=action, state=state, fresh=fresh or bool(known.key and not state.key), over=over)

    def _wrong(
        self,
        read: RowRead,
        errors: list[tuple[str, str]],
        now: datetime,
        outcome: Outcome = Outcome.PROBLEM,
        waits_for: str = "",
    ) -> Synced:
        """Store what is wrong with the row, and inform the account of it once."""
        field, reason = errors[0]
        problem = RowProblem(
            kind=read.where.kind,
            digest=read.where.digest,
            key=read.seen.key,
            field=field,
            reason=reason,
            since=now,
        )
        summary = f"{field}: {reason}"
        known = read.seen.problem == summary
        state = replace(read.seen, problem=summary, waits_for=waits_for, fence=read.seen.fence + 1)
        actions = self.store.sources.row_actions(read.where, read.seen, state)
        actions["problem"] = self.store.sources.problem_action(read.where, problem, same=known)
        if not known:
            told = {"source": self.source.name, "rows": problem.kind.value, "problem_id": problem.digest}
            told |= {"field": field, "reason": reason}
            happened = {WebhookEventType.SOURCE_PROBLEM: About(data=told)}
            actions |= self.store.outbox.event_actions(self.account, happened, now)
        if not self.dry:
            self.store.attempt(actions)
        fresh = not known or read.seen.waits_for != waits_for
        return Synced(outcome=outcome, state=state, fresh=fresh)


def event_mark(event: str) -> str:
    return digest("event", event)


def said_by(seen: RowState, row: EventRow | RegistrationRow | None) -> RowState:
    """The next state once everything that ``row`` says is done; of a row that is gone, as if it had said nothing."""
    if row is None:
        return replace(seen, fingerprint="", fields=(), waits_for="")
    return replace(seen, fingerprint=fingerprint(row), fields=contents.filled(row.fields), waits_for="", expired=False)


def disappears(seen: RowState, row: EventRow | RegistrationRow | None) -> bool:
    """Whether the row is gone, or lacks a mapped field that it had when it was last acted upon, and does not say by its
    status that it is cancelled or withdrawn.
    """
    if row is None:
        return True
    explicit = row.status in ("cancelled", "withdrawn")
    return not explicit and bool(set(seen.fields) - set(contents.filled(row.fields)))


def errors_of(error: InvalidField | ValidationError | Taken) -> list[tuple[str, str]]:
    if isinstance(error, Taken):
        return [("external_id", str(error))]
    if isinstance(error, InvalidField):
        return [(error.field, str(error).removeprefix(f"{error.field}: "))]
    return list(problems.fields(error.errors(include_url=False, include_input=False)))
