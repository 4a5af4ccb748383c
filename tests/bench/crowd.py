"""Registrations of one event at the same time, against tables whose calls take time and whose transactions conflict.

Time is simulated: each registration is a thread, only one of which runs at any moment, and a call to the tables lets
the clock go on. So a run takes as many steps as it has calls, and comes out the same each time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from heapq import heappop, heappush
from itertools import count
from math import ceil
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from boto3.dynamodb.types import TypeSerializer

from convoke.model import Registration, RegistrationStatus
from convoke.registrations import registry, waitlist
from convoke.registrations.events import create_event
from convoke.store import dynamo
from convoke.store.store import Store
from tests.factories import EVENT_ID, NOW, event
from tests.simulation import quick
from tests.simulation.tables import Row, Tables, refused
from tests.tables import SETTINGS
from tests.units import size

SERIALIZER = TypeSerializer()
READ, WRITE, TRANSACTION = 0.004, 0.005, 0.015
"""Seconds that a call to DynamoDB takes."""
WRITE_UNITS, READ_UNITS = 1000.0, 3000.0
"""What one partition key takes in a second."""


class Clock:
    """A clock that threads wait for, one of which runs at a time."""

    def __init__(self) -> None:
        self.now = 0.0
        self._order = count()
        self._waiting: list[tuple[float, int, threading.Event]] = []
        self._back = threading.Event()

    def sleep(self, seconds: float) -> None:
        """Called in a thread of :meth:`start`: let the others run for as long."""
        mine = threading.Event()
        heappush(self._waiting, (self.now + seconds, next(self._order), mine))
        self._back.set()
        mine.wait()

    def start(self, at: float, what: Callable[[], None]) -> None:
        mine = threading.Event()

        def run() -> None:
            mine.wait()
            try:
                what()
            finally:
                self._back.set()

        heappush(self._waiting, (at, next(self._order), mine))
        threading.Thread(target=run, daemon=True).start()

    def run(self) -> None:
        while self._waiting:
            self.now, _, next_one = heappop(self._waiting)
            self._back.clear()
            next_one.set()
            self._back.wait()


class Crowded(Tables):
    """Tables in which a call takes its time, one transaction at a time has an item, and a partition key takes
    ``WRITE_UNITS`` and ``READ_UNITS`` a second. Items have less than a kilobyte.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(SETTINGS.registrations_table, lambda *_: None)
        self.clock = clock
        self.conflicts = self.throttled = 0
        self._held: set[tuple[str, str, str]] = set()
        self._spent: dict[tuple[float, str, str], tuple[float, float]] = {}

    def get_item(self, **asked: Any) -> dict[str, Any]:
        self._spend(READ_UNITS, asked["TableName"], asked["Key"]["pk"], 1)
        self.clock.sleep(READ)
        return super().get_item(**asked)

    def query(self, **asked: Any) -> dict[str, Any]:
        reads = sum(map(_size, super().query(**asked)["Items"]))
        self._spend(
            READ_UNITS, asked["TableName"], asked["ExpressionAttributeValues"][":pk"], max(1, ceil(reads / 4096))
        )
        self.clock.sleep(READ)
        return super().query(**asked)

    def transact_write_items(self, **asked: Any) -> None:
        actions = [next(iter(action.values())) for action in asked["TransactItems"]]
        touched = {_place(action) for action in actions}
        for table, pk, _ in touched:
            self._spend(WRITE_UNITS, table, pk, 2)
        if touched & self._held:
            self.conflicts += 1
            reasons = [{"Code": "TransactionConflict" if _place(one) in self._held else "None"} for one in actions]
            self.clock.sleep(WRITE)
            raise refused("TransactionCanceledException", "TransactWriteItems", CancellationReasons=reasons)
        self._held |= touched
        try:
            self.clock.sleep(TRANSACTION)
            super().transact_write_items(**asked)
        finally:
            self._held -= touched

    def _single(self, operation: str, verb: str, action: dict[str, Any]) -> None:
        table, pk, _ = _place(action)
        self._spend(WRITE_UNITS, table, pk, 1)
        self.clock.sleep(WRITE)
        if _place(action) in self._held:
            self.conflicts += 1
            raise refused("TransactionConflictException", operation)
        super()._single(operation, verb, action)

    def _spend(self, rate: float, table: str, pk: str, units: int) -> None:
        """Take units of a partition key, of which there are ``rate`` a second, and those of one second in advance; wait
        for them, as the client does that repeats what was throttled.
        """
        while True:
            at, left = self._spent.get((rate, table, pk), (self.clock.now, rate))
            left = min(rate, left + (self.clock.now - at) * rate)
            self._spent[rate, table, pk] = self.clock.now, left
            if left >= units:
                self._spent[rate, table, pk] = self.clock.now, left - units
                return
            self.throttled += 1
            self.clock.sleep(0.05)


def _size(row: Row) -> int:
    """The bytes of an item of plain values."""
    return size({name: SERIALIZER.serialize(value) for name, value in row.items()})


def _place(action: dict[str, Any]) -> tuple[str, str, str]:
    key = action["Key"] if "Key" in action else action["Item"]
    return action["TableName"], key["pk"], key["sk"]


@dataclass
class Run:
    """What came of it: how many came in, with a seat or waiting; who was refused; and how long each took."""

    tables: Crowded
    stored: list[Registration] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    took: list[float] = field(default_factory=list)

    def statuses(self) -> tuple[int, int]:
        """How many have a seat, and how many wait."""
        rows = self.tables.rows[SETTINGS.registrations_table][f"EVENT#{EVENT_ID}"]
        found = [row["status"] for sk, row in rows.items() if sk.startswith("REGISTRATION#")]
        return found.count("registered"), found.count("waitlisted")

    def counted(self) -> tuple[int, int]:
        """What the event's seats say of both."""
        with quick.quick(), free_reads(self.tables):
            seats = Store(self.tables, SETTINGS).reads.seats(EVENT_ID)
        return seats.taken, seats.waiting


@contextmanager
def free_reads(tables: Crowded) -> Iterator[None]:
    with patch.object(tables.clock, "sleep", lambda _: None):
        yield


def run(
    *,
    capacity: int | None,
    people: int = 1000,
    rate: float = 100.0,
    seed: int = 1,
    meanwhile: Callable[[Run], None] | None = None,
    at: float = 0.0,
) -> Run:
    """``people`` register at random moments, ``rate`` a second; ``meanwhile`` is done ``at`` so many seconds."""
    dice, clock = Random(seed), Clock()  # noqa: S311 (chance, not a secret)
    tables = Crowded(clock)
    done = Run(tables)

    def come(number: int) -> None:
        person = Registration(
            event_id=EVENT_ID,
            registration_id=f"{number:010d}{EVENT_ID}",
            version=1,
            status=RegistrationStatus.REGISTERED,
            name=f"Person {number}",
            email=f"person{number}@example.net",
            created_at=NOW,
            updated_at=NOW,
        )
        began = clock.now
        try:
            stored = registry.register(Store(tables, SETTINGS), person, now=NOW + timedelta(seconds=began))
        except dynamo.Contention as error:
            done.refused.append(str(error))
            return
        if isinstance(stored, Registration):
            done.stored.append(stored)
        else:
            done.refused.append(str(stored))
        done.took.append(clock.now - began)

    with quick.quick(), patch.multiple(dynamo, time=SimpleNamespace(sleep=clock.sleep), random=dice):
        with free_reads(tables):
            create_event(Store(tables, SETTINGS), event(capacity=capacity))
        moment = 0.0
        for number in range(people):
            moment += dice.expovariate(rate)
            clock.start(moment, lambda number=number: come(number))  # type: ignore[misc]
        if meanwhile is not None:
            clock.start(at, lambda: meanwhile(done))
        clock.run()
    return done


def promote(done: Run) -> int:
    """Give free seats to whoever waits, as the sweeper does."""
    with quick.quick(), free_reads(done.tables):
        return waitlist.promote(Store(done.tables, SETTINGS), EVENT_ID, now=NOW)


def rows(done: Run, prefix: str) -> dict[str, Row]:
    found = done.tables.rows[SETTINGS.invitations_table][f"EVENT#{EVENT_ID}"]
    return {sk: row for sk, row in found.items() if sk.startswith(prefix)}
