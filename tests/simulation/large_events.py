"""Trials of how a large event is planned, and of the terms on which a batch is dropped. Each yields what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from convoke import effects
from convoke.decision.fan_out import Batch, FanOut
from convoke.decision.invitation import Sending
from convoke.delivery import fan_out
from convoke.delivery.reconcile import Worker

from .checker import Violation
from .due_model import DueModel
from .scene import EVENT_ID, SENDER, START, TIMES

MINUTE, FUNCTION = timedelta(minutes=1), timedelta(seconds=30)
WORKER = Worker(sender=SENDER, deadline=START + FUNCTION, times=TIMES)
SIZE, PEOPLE, RATE = 50, 12_000, 14.0
SHARE = 0.95


def _planned(sending: Sending) -> tuple[list[datetime], set[str], set[str]]:
    """When each batch of a large event is due, in order; which were queued; and which the planner began with."""
    model, left = DueModel(sending=sending), [f"{number:010d}" for number in range(1, PEOPLE + 1)]
    stands, due = FanOut(event_id=EVENT_ID, version=2, planning=True), list[tuple[str, datetime]]()
    queued, begun = set[str](), set[str]()

    def plan_batches(effect: effects.PlanBatches) -> bool:
        nonlocal stands
        due.extend((batch.first, datetime.fromisoformat(key.split("#")[1])) for batch, key in effect.batches)
        stands = replace(
            stands,
            planned_to=effect.through,
            left=stands.left + len(effect.batches),
            people=stands.people + effect.people,
            planning=effect.due_key is not None,
        )
        return True

    def enqueue(hints: tuple[Any, ...]) -> None:
        queued.update(hint.first for hint in hints if isinstance(hint, effects.BatchHint))

    model.answers = {
        effects.ReadFanOut: lambda _: stands,
        effects.ReadInvitationIds: lambda effect: tuple(each for each in left if each > effect.after)[: effect.limit],
        effects.PlanBatches: plan_batches,
        effects.Enqueue: lambda effect: enqueue((effect.hint,)),
        effects.EnqueueAll: lambda effect: enqueue(effect.hints),
    }
    while stands.planning:
        first = model.run(fan_out.plan(EVENT_ID, WORKER))
        begun.update(() if first is None else {first.batch.first})
    return [at for _, at in due], queued, begun


def a_large_event_is_planned() -> Iterator[Violation]:
    """Only the batches of the next two minutes are queued or begun with; each is due before its turn, or when its hint
    is lost, or whoever has it is dead.
    """
    due, queued, begun = _planned(Sending(rate=RATE))
    firsts = ["", *(f"{number:010d}" for number in range(SIZE, PEOPLE, SIZE))]
    for number, (first, at) in enumerate(zip(firsts, due, strict=True)):
        turn = START + timedelta(seconds=number * SIZE / (RATE * SHARE))
        ahead = turn < START + timedelta(minutes=2)
        if (first in queued | begun) is not ahead and abs(turn - START - timedelta(minutes=2)) > timedelta(seconds=5):
            yield Violation("turn", f"batch {number}, whose turn is {turn}, was {'not ' * ahead}queued")
        low, high = (turn + TIMES.hint, turn + TIMES.hint + MINUTE) if ahead else (turn - 2 * MINUTE, turn - MINUTE)
        if first in begun:
            low = high = WORKER.deadline + TIMES.guard - timedelta(seconds=1)
        if not low <= at <= high + timedelta(seconds=5):
            yield Violation("turn", f"batch {number}, whose turn is {turn}, is due at {at}")


def a_large_event_is_planned_while_mail_is_stopped() -> Iterator[Violation]:
    """No batch is queued before it is sent again."""
    _, queued, begun = _planned(Sending(rate=RATE, stopped_until=START + timedelta(hours=1)))
    if queued or begun:
        yield Violation("turn", f"{len(queued | begun)} batches were queued while all mail is stopped")


# --- batches of older versions ----------------------------------------------------------------------------------------

FAN_OUT = FanOut(event_id=EVENT_ID, version=5)
WAITS = replace(FAN_OUT, planning=True, told_at=START + timedelta(minutes=15), told=4)
BATCH = Batch(event_id=EVENT_ID, version=4, first="", after="", through="9")
CASES: dict[str, tuple[FanOut, Batch, bool]] = {
    "older, and the newer is being planned": (replace(FAN_OUT, planning=True), BATCH, True),
    "older and less pressing": (replace(FAN_OUT, planning=True, priority=0), BATCH, True),
    "older and more pressing": (replace(FAN_OUT, planning=True), replace(BATCH, priority=0), False),
    "older, and the newer is planned": (replace(FAN_OUT, left=3), BATCH, False),
    "of the version that is being planned": (replace(FAN_OUT, planning=True), replace(BATCH, version=5), False),
    "newer than what was read": (replace(FAN_OUT, planning=True), replace(BATCH, version=6), False),
    "left over": (WAITS, BATCH, True),
    "still being told when the change was made that waits": (replace(WAITS, overlaps=True), BATCH, False),
    "newer than what waits": (WAITS, replace(BATCH, version=6), False),
}
"""Of each: the fan-out that a worker reads, the batch that it takes, and whether it drops that."""


def _is_dropped(stands: FanOut, batch: Batch) -> bool:
    model = DueModel()
    model.answers = {
        effects.ReadFanOut: lambda _: stands,
        effects.ClaimBatch: lambda _: batch,
        effects.ReadInvitations: lambda _: (),
        effects.ReadRegistrations: lambda _: (),
    }
    model.run(fan_out.process_batch(effects.BatchHint(event_id=EVENT_ID, version=batch.version, first=""), WORKER))
    return not model.done[effects.ReadInvitations]


def a_batch_is_dropped_or_told() -> Iterator[Violation]:
    """A batch is dropped only if a newer fan-out tells its people no later, or nothing is left to tell them."""
    for what, (stands, batch, is_dropped) in CASES.items():
        if _is_dropped(stands, batch) is not is_dropped:
            yield Violation("turn", f"a batch {what} is {'told' if is_dropped else 'dropped'}")
