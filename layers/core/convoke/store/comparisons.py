"""How far the daily comparison of a source is, and the differences that it has found so far.

One item for the comparison that is under way, and one for each difference, which are deleted with its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime

from ..model import frozen
from . import codec, conditions, dynamo, keys
from .repository import Repository
from .sources import RowKind, digest
from .writes import delete, put


@frozen
class Found:
    """A row from which something follows: its key in JSON."""

    kind: RowKind
    key: str


@frozen
class Progress:
    """How far a comparison that began at ``began_at`` (UTC) is.

    Next are the rows of ``kind`` after ``after``: of the site's table while ``shard`` is empty, of those that are
    known in that shard otherwise; ``kind`` is ``None`` when all are compared. ``rows`` were compared, ``standing``
    of them have become something that stands. ``differences`` are counted by table and outcome, without those that
    were to be expected. ``described`` is a hash of the source's description. ``fence`` is raised with each part
    that is compared. ``ended``: it is acted upon as well, or left to `make sync`, and no longer stored.
    """

    began_at: datetime
    kind: RowKind | None = None
    shard: str = ""
    after: str = ""
    rows: int = 0
    standing: int = 0
    differences: Mapping[str, int] = field(default_factory=dict)
    described: str = ""
    fence: int = 0
    ended: bool = False


codec.record(Progress)
codec.record(Found)


class Comparisons(Repository):
    def progress(self, account: str, source: str) -> Progress | None:
        """The comparison that is under way; ``None`` for none."""
        return self._get(Progress, self._people, _key(account, source))

    def save(self, account: str, source: str, now: Progress) -> Progress | None:
        """Store how far a comparison is. ``None``: somebody else goes on with it."""
        saved = replace(now, fence=now.fence + 1)
        condition = conditions.FENCE_UNCHANGED if now.fence else conditions.NEW
        item = codec.item(saved, _key(account, source))
        return saved if self._write(put(self._people, item, condition, fence=now.fence)) else None

    def add(self, account: str, source: str, found: Found) -> None:
        """Store a difference; one that is found again is stored once."""
        self._write(put(self._people, codec.item(found, _found_key(account, source, found))))

    def found(self, account: str, source: str) -> list[Found]:
        return list(self._all(Found, dynamo.starting_with(self._people, _found_key(account, source))))

    def remove(self, account: str, source: str, found: Found) -> None:
        self._write(delete(self._people, _found_key(account, source, found)))

    def end(self, account: str, source: str) -> None:
        """Forget the comparison, and the differences that are left."""
        for one in self.found(account, source):
            self.remove(account, source, one)
        self._write(delete(self._people, _key(account, source)))


def _key(account: str, source: str) -> keys.Key:
    return {"pk": f"SOURCE#{account}#{source}", "sk": "COMPARISON"}


def _found_key(account: str, source: str, found: Found | None = None) -> keys.Key:
    name = "" if found is None else f"{found.kind}#{digest(found.key)}"
    return {"pk": f"SOURCE#{account}#{source}#DIFFERENCES", "sk": f"DIFFERENCE#{name}"}
