"""A site's own table of registrations, which some histories have in the place of an API's callers.

The table is the truth: rows are put, changed and deleted, exchange their addresses, and every write leaves a stream
record, which may be lost, doubled or late. Production's own ``sources.sync`` looks at the rows that records name.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import NamedTuple
from unittest.mock import patch

from convoke.sources import compare as compare_rows
from convoke.sources import row_sync
from convoke.sources.compare import act, compare, follow, go_on
from convoke.sources.mapping import parse
from convoke.sources.sync import Site
from convoke.store import dynamo
from convoke.store.sources import RowKind

from .faults import Mode
from .scene import ACCOUNT, EVENT_ID, SETTINGS
from .tables import Row
from .worker import FAILURES, Crash
from .world import World

TABLE = "site-people"
SOURCE = parse(
    json.dumps(
        {
            "name": "site",
            "registrations": {
                "table": TABLE,
                "key": {"partition": "pk", "sort": "sk"},
                "event": "pk",
                "fields": {"name": "name", "email": "email"},
                "status": {"field": "state", "registered": ["yes"], "withdrawn": ["no"]},
            },
        }
    )
)
SHARE = 0.12
"""In how many of the histories people come from a site's table."""
MOST_GONE = 1
"""How many rows may disappear before the source is paused, in half of these histories: so few that it happens."""
PART = 2
USERS = ("u1", "u2", "u3", "u4", "u5")
ADDRESSES = tuple(f"{name}@site.example.net" for name in "abcdef")
WRONG = "maybe"
"""A status that the description of the source does not name."""
RETRIES = 4
AN_HOUR = 3600.0
COMPARISONS = 4
"""Comparisons after which nothing is different any more."""
STYLE = {
    "rows.put": 5,
    "rows.change": 5,
    "rows.delete": 4,
    "rows.decline": 1,
    "rows.exchange": 4,
    "rows.spoil": 2,
    "rows.mend": 1,
    "rows.look_again": 2,
    "rows.compare": 2,
    "retitle": 2,
    "move": 2,
    "resend": 1,
    "withdraw": 2,
    "cancel_event": 1,
    "reopen": 2,
}


class Said(NamedTuple):
    """What a row says from a moment on, in seconds: whether somebody comes, and under which address."""

    at: float
    there: bool
    comes: bool
    email: str


@contextmanager
def brake(seed: int) -> Iterator[None]:
    """Within, the source of half of the histories is paused after :data:`MOST_GONE` rows; and comparisons go on in
    parts of :data:`PART` rows.
    """
    most = MOST_GONE if seed % 2 else row_sync.MOST_GONE
    with patch.object(row_sync, "MOST_GONE", most), patch.object(compare_rows, "PART", PART):
        yield


def drawn(seed: int, mode: Mode) -> bool:
    """Whether this history has a source: drawn apart, so that the others are what they are without."""
    share = {Mode.CONTENTION: 0.0, Mode.ROWS: 1.0}.get(mode, SHARE)
    return Random(f"rows {seed}").random() < share  # noqa: S311 (no secret)


class Rows:
    """The site: it writes its table, and knows nothing of what follows."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.dice = Random(f"site {world.seed}")  # noqa: S311 (no secret)
        self.said: dict[str, list[Said]] = defaultdict(list)
        self.brake = row_sync.MOST_GONE
        self.confirmed_at: float | None = None
        self.spoiled: set[str] = set()
        self.left: list[tuple[str, float, float]] = []
        """Who withdrew by themselves, by the ids of their registrations, from when until when."""
        # In some histories a record whose sync fails is followed no more, as after the last of its retries.
        self.gives_up = self.dice.choice((0.0, 0.0, 0.5, 1.0))
        if world.mode is not Mode.NONE and self.dice.random() < 0.5:
            # Whoever reads a row is often overtaken before what follows is written.
            world.faults.often["interrupted"] = 0.15
            world.faults.wire += 0.15

    # --- the site's table -------------------------------------------------------------------------------------

    def now(self, user: str) -> Said:
        """What the row of ``user`` says now."""
        return self.said[user][-1] if self.said[user] else Said(0.0, there=False, comes=False, email="")

    def _coming(self) -> list[str]:
        return [user for user in USERS if self.now(user).comes]

    def write(self, user: str, email: str, state: str = "yes", *, heard: bool = True) -> None:
        """``heard``: the write leaves a record."""
        key = {"pk": EVENT_ID, "sk": user}
        row = Row({**key, "name": user, "email": email, "state": state})
        self.world.tables.rows.setdefault(TABLE, {}).setdefault(EVENT_ID, {})[user] = row
        if state == WRONG:
            self.spoiled.add(user)
        else:
            self.spoiled.discard(user)
            self.said[user].append(Said(self.world.now, there=True, comes=state == "yes", email=email))
        self.world.note(f"the site's row {user} says {state} {email}")
        if heard:
            self._ring(user)

    def put(self) -> None:
        """A row of somebody new, or of somebody who was gone; now and then with the address of another row."""
        free = [user for user in USERS if not self.now(user).comes]
        if free:
            self.write(self.dice.choice(free), self.dice.choice(ADDRESSES))

    def change(self) -> None:
        if coming := self._coming():
            self.write(self.dice.choice(coming), self.dice.choice(ADDRESSES))

    def decline(self) -> None:
        if coming := self._coming():
            user = self.dice.choice(coming)
            self.write(user, self.now(user).email, "no")

    def delete(self) -> None:
        there = [user for user in USERS if self.now(user).there]
        if there:
            user = self.dice.choice(there)
            del self.world.tables.rows[TABLE][EVENT_ID][user]
            self.spoiled.discard(user)
            self.said[user].append(Said(self.world.now, there=False, comes=False, email=""))
            self.world.note(f"the site's row {user} is deleted")
            self._ring(user)

    def exchange(self) -> None:
        """Two rows, or a circle of more, exchange their addresses."""
        coming = self._coming()
        if len(coming) > 1:
            users = self.dice.sample(coming, self.dice.randint(2, len(coming)))
            emails = [self.now(user).email for user in users]
            for user, email in zip(users, [*emails[1:], emails[0]], strict=True):
                self.write(user, email)

    def spoil(self) -> None:
        """A row says what nobody understands, so that nothing follows from it."""
        if coming := self._coming():
            user = self.dice.choice(coming)
            self.write(user, self.now(user).email, WRONG)

    def mend(self, *, heard: bool = True) -> None:
        """Every row that was spoiled says again what it said before."""
        for user in sorted(self.spoiled):
            self.write(user, self.now(user).email, heard=heard)

    def look_again(self) -> None:
        """A record that was handled long ago comes once more."""
        if known := [user for user in USERS if self.said[user]]:
            self.sync(self.dice.choice(known), 0)

    def compare(self) -> None:
        """A day has passed: the daily comparison begins."""
        self._go_on(begin=True)

    # --- what follows -----------------------------------------------------------------------------------------

    def site(self, *, dry: bool = False, confirmed: bool = False) -> Site:
        """The source as one invocation has it."""
        return Site(self.world.store, ACCOUNT, SOURCE, self.world.tables, dry=dry, confirmed=confirmed)

    def _ring(self, user: str) -> None:
        faults, dice = self.world.faults, self.dice
        if faults.hit("record lost"):
            return
        after = 0.2 + 0.5 * dice.random()
        if faults.hit("record late"):
            after += 120 * dice.random()
        self.world.at(after, lambda: self.sync(user, RETRIES))
        if faults.hit("record doubled"):
            self.world.at(after + 60 * dice.random(), lambda: self.sync(user, RETRIES))

    def sync(self, user: str, retries: int) -> None:
        """As ``functions/sources.py``: a record whose sync failed comes again, a few times."""
        self.world.note(f"the source looks at {user}")
        try:
            for synced in follow(
                self.site(), RowKind.REGISTRATIONS, {"pk": EVENT_ID, "sk": user}, self.world.instant()
            ):
                self.world.note(f"row {synced.state.key}: {synced.outcome}")
        except (*FAILURES, Crash, dynamo.Refused) as error:
            self.world.note(f"the sync of {user} failed: {type(error).__name__} {error}")
            if retries and self.dice.random() >= self.gives_up:
                self.world.at(30 * self.dice.random(), lambda: self.sync(user, retries - 1))

    def _go_on(self, *, begin: bool) -> None:
        """One invocation of the daily comparison: its time is up after some parts and rows, and the next goes on."""
        left = self.dice.choice((1, 2, 4, 8, 100))

        def time_is_up() -> bool:
            nonlocal left
            left -= 1
            return left < 0

        def failed(error: Exception) -> None:
            self.world.note(f"a row failed: {type(error).__name__}")

        try:
            at = go_on(self.site(), self.world.instant(), time_is_up, failed, begin=begin)
            self.world.note(f"the daily comparison is at {at}")
            goes_on = at is not None and not at.ended
        except (*FAILURES, Crash, dynamo.Refused) as error:
            self.world.note(f"the daily comparison failed: {type(error).__name__}")
            goes_on = True
        if goes_on:
            self.world.at(900 * self.dice.random(), lambda: self._go_on(begin=False))

    def _compare(self) -> int:
        """`make sync`: compare all rows, and act upon what is different; returns how many were."""
        found = compare(self.site(dry=True, confirmed=True), self.world.instant())
        self.world.note(f"make sync finds {found.differences}")
        act(self.site(confirmed=True), found.differences, self.world.instant())
        return len(found.differences)

    def settle(self) -> int:
        """What is spoiled is mended; then the daily comparison, then `make sync` for what the brake holds; returns how
        many rows differ still. One more where a look at each row changes something that the comparison calls nothing.
        """
        self.mend(heard=False)
        self.world.run_until(self.world.now + AN_HOUR)
        self.compare()
        self.world.run_until(self.world.now + AN_HOUR)
        self.confirmed_at = self.world.now
        left = 0
        for _ in range(COMPARISONS):
            left = self._compare()
        before = self._stored()
        for user in self.said:
            self.sync(user, 0)
        return left + (self._stored() != before)

    def _stored(self) -> dict[tuple[str, str], dict[str, object]]:
        """Everything that is stored, without how often each row was looked at and what it said, without rows of which
        nothing became, and without what is known of the source.
        """
        found: dict[tuple[str, str], dict[str, object]] = {}
        for pk, part in self.world.tables.rows[SETTINGS.registrations_table].items():
            for sk, item in part.items():
                if sk == "STATE":
                    continue
                if not sk.startswith("ROW#"):
                    found[pk, sk] = item
                elif item.get("event_id") or item["waits_for"] or item["problem"]:
                    found[pk, sk] = {name: item[name] for name in ("registration_id", "key", "waits_for", "problem")}
        return found
