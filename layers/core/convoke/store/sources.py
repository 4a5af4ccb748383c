"""What became of the rows of a site's own tables: one item for each row, what is wrong with rows, which rows wait for
something, and how many rows of a source have disappeared lately.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cattrs.gen import override

from ..model import frozen
from . import codec, conditions, dynamo, keys
from .repository import Page, Repository
from .writes import ROW, Action, delete, put, update

WINDOW = timedelta(minutes=10)
"""How long a disappearance counts; the windows begin at full ten minutes, and the one before counts, too."""
SHARDS = "0123456789abcdef"
"""The first digit of a row's digest, by which the rows of a source are spread over partitions."""


UPON_LOOKING = conditions.FENCE_UNCHANGED
"""Nobody has looked at the row since its state was read: what it said then is not older than what was done."""


class RowKind(StrEnum):
    """Which of a source's two tables a row is of."""

    EVENTS = "events"
    REGISTRATIONS = "registrations"


@frozen
class Place:
    """Where what is known about one row is stored: by its source, and by a hash of its primary key as text."""

    account: str
    source: str
    kind: RowKind
    digest: str


def place(account: str, source: str, kind: RowKind, external_id: str) -> Place:
    return Place(account=account, source=source, kind=kind, digest=digest(external_id))


def digest(*texts: str) -> str:
    """A hash of texts of any length, 40 hexadecimal digits."""
    return hashlib.sha256("\x00".join(texts).encode()).hexdigest()[:40]


@frozen
class RowState:
    """What became of a row: the ``event_id``, of a registration also the ``registration_id``.

    ``fingerprint`` is that of what the row said when it was last acted upon, empty while it never was or once it was
    gone. ``fence`` is the version of this state; every look raises it. ``key`` is the row's primary key, as a stream
    record has it in JSON. ``fields`` are the mapped fields that the row had when it was last acted upon. ``waits_for``
    is the digest of what the row waits for, and ``problem`` what is wrong with it: both empty for nothing.
    ``expired``: the site's time to live deleted the row, and that is not to count.
    """

    fence: int = 0
    fingerprint: str = ""
    event_id: str = ""
    registration_id: str = ""
    key: str = ""
    fields: tuple[str, ...] = ()
    waits_for: str = ""
    problem: str = ""
    expired: bool = False


@frozen
class RowProblem:
    """What is wrong with one row, since ``since`` (UTC). ``field`` is that of the HTTP API, empty for the whole row."""

    kind: RowKind
    digest: str
    key: str
    field: str
    reason: str
    since: datetime


@frozen
class KnownTable:
    """A table of a site, and the id by which it is told from a later one of the same name."""

    name: str
    table_id: str


@frozen
class SourceState:
    """How a source is doing: since when it is ``paused_at`` (UTC), how many rows were ``standing`` at the last full
    comparison, and its ``tables``.
    """

    paused_at: datetime | None = None
    standing: int = 0
    tables: tuple[KnownTable, ...] = ()

    def table_id(self, name: str) -> str | None:
        return next((one.table_id for one in self.tables if one.name == name), None)


codec.record(RowProblem)
codec.record(SourceState)
# The id of an event is a key of an index, and no such key may be empty.
codec.record(RowState, event_id=override(omit_if_default=True))


class Sources(Repository):
    # --- rows -------------------------------------------------------------------------------------------------------

    def row(self, where: Place) -> RowState:
        """What became of a row; of one that was never looked at, the state with fence 0."""
        return self._get(RowState, self._people, _row_key(where)) or RowState()

    def row_actions(self, where: Place, seen: RowState, now: RowState) -> dict[str, Action]:
        """The actions that replace the state ``seen`` by ``now``, and move the mark of what the row waits for.

        Where somebody else looked at the row meanwhile, the transaction raises :class:`writes.Overtaken`.
        """
        item = codec.item(now, _row_key(where)) | {"fence": seen.fence + 1, "key": now.key}
        unseen = UPON_LOOKING if seen.fence else conditions.NEW
        actions = {ROW: put(self._people, item, unseen, fence=seen.fence)}
        if seen.waits_for and seen.waits_for != now.waits_for:
            actions["waited"] = delete(self._people, _mark_key(where, seen.waits_for))
        if now.waits_for and seen.waits_for != now.waits_for:
            actions["waits"] = put(self._people, {**_mark_key(where, now.waits_for), "key": now.key})
        return actions

    def known(
        self, account: str, source: str, kind: RowKind, shard: str, after: str, limit: int
    ) -> tuple[list[RowState], str]:
        """At most ``limit`` states of the rows of one shard, one of :data:`SHARDS`, after the position ``after``, empty
        for the first; and the position of the last of them, empty where no other follows.
        """
        first = _row_key(Place(account=account, source=source, kind=kind, digest=shard))
        query = dynamo.starting_with(self._people, {**first, "sk": f"ROW#{kind}#"}, Limit=limit)
        if after:
            query["ExclusiveStartKey"] = dynamo.wire({**first, "sk": after})
        answer = self.client.query(**query)
        last = dynamo.unwire(answer["LastEvaluatedKey"])["sk"] if "LastEvaluatedKey" in answer else ""
        return [codec.read(RowState, dynamo.unwire(item)) for item in answer["Items"]], last

    def waiting(self, account: str, source: str, what: str) -> list[str]:
        """The keys of the rows of registrations that wait for ``what``, as stream records have them in JSON."""
        where = Place(account=account, source=source, kind=RowKind.REGISTRATIONS, digest="")
        return [str(row["key"]) for row in self._rows(dynamo.starting_with(self._people, _mark_key(where, what)))]

    # --- problems ---------------------------------------------------------------------------------------------------

    def problem_action(self, where: Place, problem: RowProblem, *, same: bool) -> Action:
        """The action that stores what is wrong with a row; ``same``: since when it was wrong before is kept."""
        item = codec.item(problem, {})
        first = ("since",) if same else ()
        return update(self._people, _problem_key(where), item, "", first=first)

    def mended_action(self, where: Place) -> Action:
        return delete(self._people, _problem_key(where))

    def list_problems(self, account: str, source: str, *, limit: int, cursor: str | None = None) -> Page:
        """A page of :class:`RowProblem`. Raises :class:`InvalidField` for the cursor of another list."""
        first, identity = {**_state_key(account, source), "sk": "PROBLEM#"}, f"problems {account} {source}"
        pattern = r"[a-z]+#[0-9a-f]{40}"
        return self._list(RowProblem, self._people, first, identity, pattern, limit=limit, cursor=cursor)

    # --- the brake --------------------------------------------------------------------------------------------------

    def state(self, account: str, source: str) -> SourceState:
        return self._get(SourceState, self._people, _state_key(account, source)) or SourceState()

    def remember_table(self, account: str, source: str, table: str, table_id: str) -> None:
        """Remember the id of a table, or, where that is empty, forget the one that is known."""
        others = [one for one in self.state(account, source).tables if one.name != table]
        tables = (*others, KnownTable(name=table, table_id=table_id)) if table_id else tuple(others)
        self._write(update(self._people, _state_key(account, source), {"tables": codec.value(tables)}, ""))

    def compared(self, account: str, source: str, standing: int) -> None:
        """Record how many rows were registered or took place at a full comparison."""
        self._write(update(self._people, _state_key(account, source), {"standing": standing}, ""))

    def exists(self, account: str, source: str) -> bool:
        """Whether a row of the source was ever looked at."""
        return self._item(self._people, _state_key(account, source)) is not None

    def pause(self, account: str, source: str, now: datetime) -> bool:
        """Hold all further disappearances of the source. False: it was paused before."""
        key, changes = _state_key(account, source), {"paused_at": keys.instant(now)}
        return self._write(update(self._people, key, changes, conditions.NOT_PAUSED))

    def resume(self, account: str, source: str, now: datetime) -> None:
        """End the pause, and count disappearances from none."""
        self._write(update(self._people, _state_key(account, source), {}, "", remove=("paused_at",)))
        for at in (now, now - WINDOW):
            self._write(delete(self._people, _gone_key(account, source, at)))

    def count_gone(self, account: str, source: str, people: int, now: datetime) -> int:
        """Add ``people`` to those concerned by disappearances; returns how many they are in the last windows."""
        # Not through a condition or a transaction: each worker gets a number of its own from the one counter.
        answer = self.client.update_item(
            TableName=self._people,
            Key=dynamo.wire(_gone_key(account, source, now)),
            UpdateExpression="ADD people :people",
            ExpressionAttributeValues=dynamo.wire({":people": people}),
            ReturnValues="ALL_NEW",
        )
        before = self._item(self._people, _gone_key(account, source, now - WINDOW)) or {"people": 0}
        return int(dynamo.unwire(answer["Attributes"])["people"]) + int(before["people"])


def _row_key(where: Place) -> keys.Key:
    shard = where.digest[:1]
    return {"pk": f"SOURCE#{where.account}#{where.source}#{shard}", "sk": f"ROW#{where.kind}#{where.digest}"}


def _mark_key(where: Place, what: str) -> keys.Key:
    return {"pk": f"SOURCE#{where.account}#{where.source}#WAITS#{what}", "sk": f"WAITS#{where.digest}"}


def _state_key(account: str, source: str) -> keys.Key:
    return {"pk": f"SOURCE#{account}#{source}", "sk": "STATE"}


def _problem_key(where: Place) -> keys.Key:
    return {**_state_key(where.account, where.source), "sk": f"PROBLEM#{where.kind}#{where.digest}"}


def _gone_key(account: str, source: str, at: datetime) -> keys.Key:
    seconds = int(WINDOW.total_seconds())
    start = datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, UTC)
    return {**_state_key(account, source), "sk": f"GONE#{keys.instant(start)}"}
