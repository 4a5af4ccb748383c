"""What it costs to tell everybody, counted: the same for each attendee, whether they are a hundred or ten thousand;
that the pages of a hundred thousand are planned for no more each, test_bench shows.

Production's own store runs over moto's tables for a few people, over the simulation's for many.
"""

from __future__ import annotations

import gc
import tracemalloc
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from convoke.decision.calendar_state import RenderedMail
from convoke.delivery.fan_out import (
    BATCH_SIZE,
    SECONDS_AFTER_TIMES_UP,
    plan,
    process_batch,
)
from convoke.delivery.reconcile import Outcome
from convoke.effects import Effect, Enqueue, PlanHint, Render, Send
from convoke.model import EventStatus, Method
from convoke.settings import Times
from convoke.store import dynamo, keys
from tests.bench import cost
from tests.factories import AFTERNOON, EVENT_ID
from tests.simulation.quick import quick
from tests.simulation.tables import Tables, Typed
from tests.tables import SETTINGS
from tests.world import World, a_world, announce

WRITES = ("put_item", "update_item", "delete_item", "transact_write_items")
READS = ("get_item", "batch_get_item", "query")
# Claim, store the mail, acknowledge.
WRITES_AN_ATTENDEE = 3
# The fan-out with the switch, the batch, the invitations of each partition, registrations, the event, and the fan-out
# again; the lease, the end.
READS_A_BATCH, WRITES_A_BATCH = 5 + keys.PARTITIONS, 2
# The fan-out with the switch, and the ids of each partition; all batches of a page are one transaction.
READS_A_PAGE, WRITES_A_PAGE = 1 + keys.PARTITIONS, 1
# The first batch of a page is planned as one that the planner has.
READS_BEGUN, WRITES_BEGUN = 2, 1
PAGES = {50: 1, 100: 1, 1_000: 2, 10_000: 5}


class Counting:
    """Any client of DynamoDB, and how often each of its operations was called."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls: Counter[str] = Counter()

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        done: Callable[..., Any] = getattr(self._client, operation)

        def counted(**arguments: Any) -> Any:
            self.calls[operation] += 1
            return done(**arguments)

        return counted


class Ordered(Tables):
    """The fake tables, with each partition's order made once: else a range would cost as much as all there is."""

    def __init__(self) -> None:
        super().__init__((SETTINGS.registrations_table,), lambda *_: None)
        self._order: dict[tuple[str, str], list[str]] = {}

    def copy(self) -> Ordered:
        """Tables of their own, with the same items, which are never changed once stored."""
        made = Ordered()
        made.rows = {table: {pk: {**items} for pk, items in found.items()} for table, found in self.rows.items()}
        made.due = {**self.due}
        return made

    def query(self, **asked: Any) -> dict[str, Any]:
        values = asked["ExpressionAttributeValues"]
        partition = self.rows.get(asked["TableName"], {}).get(values[":pk"], {})
        if ":first" not in values:
            assert not partition, "only what is empty is asked for in another way"
            return {"Items": []}
        if values[":first"] == keys.SEATS:  # of which nobody who registers here meets others, so there are no shards
            return {"Items": [partition[keys.SEATS]]}
        order = self._order.get((asked["TableName"], values[":pk"]))
        if order is None:
            order = self._order[asked["TableName"], values[":pk"]] = sorted(partition)
        first = bisect_left(order, values[":first"])
        if "ExclusiveStartKey" in asked:
            first = bisect_right(order, asked["ExclusiveStartKey"]["sk"])
        page = order[first : bisect_right(order, values[":last"])][: asked.get("Limit")]
        full = len(page) == asked.get("Limit")
        return {"Items": [partition[sk] for sk in page]} | ({"LastEvaluatedKey": {"sk": page[-1]}} if full else {})


@contextmanager
def over(client: Any) -> Iterator[tuple[World, Counting]]:
    """A world whose delivery asks a client that counts."""
    counting = Counting(client)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dynamo, "client", lambda: counting)
        yield World(client), counting


def publish(world: World, count: int) -> None:
    """An event at which so many people were told that it is."""
    world.publish(status=EventStatus.DRAFT)
    for number in range(count):
        world.register(number)
    world.change(status=EventStatus.CONFIRMED)
    follow(world)
    world.sent.clear()


Published = Callable[[int], tuple[Ordered, World]]


@pytest.fixture(scope="module")
def published() -> Published:
    """The tables after so many were told, and the world that they are of, each made once."""

    @cache
    def made(count: int) -> tuple[Ordered, World]:
        tables = Ordered()
        with quick(), over(tables) as (world, _):
            spare_the_letters(world)
            publish(world, count)
        return tables, world

    return made


def go_on(world: World, before: World) -> None:
    """As the world that there was before, which gave no two attempts the same id."""
    world.now, world._names = before.now, before._names


def follow(world: World) -> list[timedelta]:
    """Follow the fan-out to its end. How long each batch took."""
    took = []
    world.run(announce(EVENT_ID))
    while world.queue:
        hint: Any = world.queue.pop(0).hint
        if isinstance(hint, PlanHint):
            hint = world.run(plan(EVENT_ID, world.worker()))
        began = world.now
        if hint is not None:
            world.run(process_batch(hint, world.worker()))
        took.append(world.now - began)
        assert len(took) < 10_000, "it never ends"
    return took


def spare_the_letters(world: World) -> None:
    """Their words cost processor time, which nobody counts here, but no call."""
    perform = world.perform
    rendered = RenderedMail(calendar=b"BEGIN:VCALENDAR", mail=b"To: you")
    world.perform = lambda effect: rendered if isinstance(effect, Render) else perform(effect)  # type: ignore[method-assign]


def assert_cost(world: World, counting: Counting, count: int) -> None:
    """Move the event, and count what it takes to tell everybody."""
    world.change(when=AFTERNOON)
    counting.calls.clear()
    world.run(announce(EVENT_ID))
    to_announce = sum(counting.calls.values())
    world.queue.clear()
    counting.calls.clear()
    batches = len(follow(world))
    counting.calls["get_item"] -= to_announce

    writes, reads = (sum(counting.calls[operation] for operation in kind) for kind in (WRITES, READS))
    pages = PAGES[count]
    print(
        f"{count} attendees: {len(world.sent)} mails, {writes} writes, {reads} reads, {batches} batches, {pages} pages;"
        f" an attendee: {WRITES_AN_ATTENDEE} writes, a batch: {WRITES_A_BATCH} writes, {READS_A_BATCH} reads"
    )
    assert {rendered.intent.calendar_state.recipient for rendered in world.sent} == {
        f"person{n}@example.net" for n in range(count)
    }
    assert world.said() == [(Method.REQUEST, 1)] * count
    assert batches == count / BATCH_SIZE
    assert writes == WRITES_AN_ATTENDEE * count + WRITES_A_BATCH * batches + (WRITES_A_PAGE - WRITES_BEGUN) * pages
    assert reads == READS_A_BATCH * batches + (READS_A_PAGE - READS_BEGUN) * pages
    assert sum(counting.calls.values()) == writes + reads


def test_a_change_costs_three_writes_and_one_mail_for_each_attendee() -> None:
    with a_world() as made, over(made.client) as (world, counting):
        for number in range(BATCH_SIZE):
            world.look(world.register(number))
        world.sent.clear()
        assert_cost(world, counting, BATCH_SIZE)


def test_what_dynamodb_charges_for_a_registration_a_change_and_a_cancellation() -> None:
    """By the size of the items, with all that SES reports of the mail; ``make bench`` says what that is in dollars."""
    found = cost.measure()
    print({name: one for name, one in found.items() if name != "sizes"}, found["sizes"])
    assert found["registration"].write_units <= 20
    assert found["change"].write_units <= 10
    assert found["cancellation"].write_units <= 10
    assert found["sizes"]["Invitations MESSAGE"] <= 1024


@pytest.mark.xdist_group("published")
@pytest.mark.parametrize("count", [100, 1_000, pytest.param(10_000, marks=pytest.mark.long)])
def test_an_attendee_costs_the_same_however_many_there_are(count: int, published: Published) -> None:
    tables, before = published(count)
    with quick(), over(tables.copy()) as (world, counting):
        spare_the_letters(world)
        go_on(world, before)
        assert_cost(world, counting, count)


@pytest.mark.long
@pytest.mark.xdist_group("published")
def test_a_batch_takes_no_more_memory_where_there_are_a_hundred_times_as_many(published: Published) -> None:
    peaks = {count: peak_of_a_batch(*published(count)) for count in (100, 10_000)}
    print("memory of a batch: " + ", ".join(f"{peak / 1024:.0f} KiB of {count}" for count, peak in peaks.items()))
    assert peaks[10_000] == pytest.approx(peaks[100], rel=0.03)


def peak_of_a_batch(told: Ordered, before: World) -> int:
    """The most that the worker of a batch, its second, had in memory beyond what was there before, in bytes."""
    tables = told.copy()
    with quick(), over(tables) as (world, _):
        spare_the_letters(world)
        go_on(world, before)
        world.change(when=AFTERNOON)
        first, second, *_ = world.plan()
    with over(Typed(tables)) as (world, _):
        spare_the_letters(world)
        # What is made once, by the worker and by the fake, is made by the first.
        world.run(process_batch(first, world.worker()))
        # When cycles are collected depends on how much else there is: here they all count.
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            assert len(world.run(process_batch(second, world.worker()))) == BATCH_SIZE
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            gc.enable()


@pytest.mark.parametrize("seconds", [0.1, 0.5, 2, 10, 13])
def test_no_batch_outlives_its_function_however_slow_the_mail(seconds: float) -> None:
    """And everybody is told once all the same: the rest is left to another worker."""
    count, times = 120, Times()
    with quick(), over(Ordered()) as (world, _):
        spare_the_letters(world)
        publish(world, count)
        world.change(when=AFTERNOON)

        def slowly(effect: Effect) -> None:
            if isinstance(effect, Send):
                world.pass_time(seconds=seconds)

        world.before = slowly
        took = follow(world)
    print(f"{seconds} s a mail: {len(took)} times at a batch, the longest {max(took).total_seconds():g} s")
    assert max(took) <= times.function - times.guard
    assert world.said() == [(Method.REQUEST, 1)] * count
    assert len(took) > count / BATCH_SIZE + 1 or seconds <= 0.2


def test_a_batch_that_stops_early_leaves_the_rest_queued() -> None:
    with quick(), over(Ordered()) as (world, _):
        spare_the_letters(world)
        publish(world, BATCH_SIZE)
        world.change(when=AFTERNOON)
        (batch,) = world.plan()
        world.queue.clear()
        world.before = lambda effect: world.pass_time(seconds=5) if isinstance(effect, Send) else None
        outcomes = world.run(process_batch(batch, world.worker()))

        assert outcomes[-1] is Outcome.OUT_OF_TIME
        done = len(outcomes) - 1
        assert 0 < done < BATCH_SIZE
        assert len(world.sent) == done
        assert world.queue == [Enqueue(hint=batch, urgent=False, delay_seconds=SECONDS_AFTER_TIMES_UP)]
        left = dynamo.get(world.client, SETTINGS.invitations_table, keys.batch(EVENT_ID, batch.version, batch.first))
        assert left is not None
        assert left["after"] == f"{done - 1:010d}{EVENT_ID}"
