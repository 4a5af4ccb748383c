"""What planning a change of an event with very many people takes: calls, writes and memory.

Of most people there is nothing but a number, of which the id is made, since planning reads no more.
"""

from __future__ import annotations

import gc
import tracemalloc
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Any

from convoke.delivery.fan_out import BATCH_SIZE, plan, process_batch
from convoke.effects import BatchHint, PlanHint
from convoke.store import keys
from tests.factories import AFTERNOON, EVENT_ID
from tests.simulation.quick import quick
from tests.simulation.tables import Typed
from tests.test_costs import Ordered, over, publish, spare_the_letters

HINTS_IN_A_REQUEST = 10


class Written(Ordered):
    """The fake tables, and how many items were ``written`` to them."""

    def __init__(self) -> None:
        super().__init__()
        self.written = 0

    def _apply(self, verb: str, action: dict[str, Any]) -> None:
        self.written += verb != "ConditionCheck"
        super()._apply(verb, action)


class Numbered(Written):
    """Those of an event with more invitations than there are items, once :meth:`grow` has been called."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers: dict[str, array[int]] = {}

    def grow(self, people: int) -> None:
        """From here on planning finds so many people, with the ids of :meth:`World.register`."""
        self._numbers = {place["pk"]: array("L") for place in keys.invitation_places(EVENT_ID, "")}
        for number in range(people):
            self._numbers[keys.invitation(EVENT_ID, f"{number:010d}{EVENT_ID}")["pk"]].append(number)

    def query(self, **asked: Any) -> dict[str, Any]:
        if not self._numbers or asked.get("ProjectionExpression") != "sk":
            return super().query(**asked)
        values, limit = asked["ExpressionAttributeValues"], asked["Limit"]
        numbers = self._numbers[values[":pk"]]
        first = bisect_left(numbers, values[":first"], key=_sk)
        if "ExclusiveStartKey" in asked:
            first = bisect_right(numbers, asked["ExclusiveStartKey"]["sk"], key=_sk)
        last = bisect_right(numbers, values[":last"], key=_sk)
        page: list[dict[str, Any]] = [{"sk": _sk(number)} for number in numbers[first : min(last, first + limit)]]
        return {"Items": page, **({"LastEvaluatedKey": page[-1]} if len(page) == limit else {})}


def _sk(number: int) -> str:
    return f"{keys.REGISTRATION_PREFIX}{number:010d}{EVENT_ID}"


def measure(people: int) -> dict[str, int]:
    """The ``calls`` of planning to DynamoDB and its ``requests`` to SQS, the items that it has ``written``, and its
    ``batches``. The most memory, in bytes and beyond what was there before, of the ``planner`` of one page and the
    ``worker`` of one batch.
    """
    tables = Numbered()
    with quick(), over(tables) as (world, _):
        spare_the_letters(world)
        publish(world, 2 * BATCH_SIZE)
        world.change(when=AFTERNOON)
    tables.grow(people)
    with over(Typed(tables)) as (world, counting):
        spare_the_letters(world)
        tables.written = 0
        first, planner = _peak(lambda: world.run(plan(EVENT_ID, world.worker())))
        calls, written = counting.calls.total(), tables.written
        queued = [one.hint for one in world.queue]
        second = next(hint for hint in queued if isinstance(hint, BatchHint))
        # What is made once, by the worker and by the fake, is made by the first.
        world.run(process_batch(first, world.worker()))
        outcomes, worker = _peak(lambda: world.run(process_batch(second, world.worker())))
        assert len(outcomes) == BATCH_SIZE
    found = {"calls": calls, "requests": _requests(queued), "written": written, "batches": 1}
    with quick(), over(tables) as (world, counting):
        tables.written = 0
        while PlanHint(event_id=EVENT_ID) in queued:
            found["batches"] += len(queued)  # with the first, which is not queued, and without the next page
            world.run(plan(EVENT_ID, world.worker()))
            queued = [one.hint for one in world.queue]
            found["requests"] += _requests(queued)
            world.queue.clear()
        found["batches"] += len(queued)
        found["calls"] += counting.calls.total()
        found["written"] += tables.written
    return {**found, "planner": planner, "worker": worker}


def _requests(queued: list[Any]) -> int:
    """To SQS: one for ten batches, and one for the next page."""
    batches = sum(1 for hint in queued if isinstance(hint, BatchHint))
    return -(-batches // HINTS_IN_A_REQUEST) + len(queued) - batches


def _peak(work: Callable[[], Any]) -> tuple[Any, int]:
    # When cycles are collected depends on how much else there is: here they all count.
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        return work(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.enable()
