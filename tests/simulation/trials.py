"""Trials of what is about amounts and time, with thousands of items that no history has: the sweep, the planner of a
large event, and the terms on which a batch is dropped. Each yields what it finds wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from convoke import effects
from convoke.decision.invitation import Batch, FanOut, Sending
from convoke.delivery import fan_out, sweep
from convoke.delivery.reconcile import Worker
from convoke.effects import DueKind
from convoke.store import keys

from .checker import Violation
from .desk import MAILS, Desk
from .scene import EVENT_ID, SENDER, START, TIMES

MINUTE, FUNCTION = timedelta(minutes=1), timedelta(seconds=30)
MAIL_NOBODY = (DueKind.FAN_OUT, DueKind.SURVEY, DueKind.SEATS, DueKind.HOLD, DueKind.IMPORT)
LEAST = 0.9
"""The share of the rate that is used at least, while anything is due."""


def _look(desk: Desk) -> sweep.SweepResult:
    limits = desk.run(sweep.mail_limits(TIMES))
    result: sweep.SweepResult = desk.run(sweep.sweep(SENDER, TIMES, limits=limits, until=desk.now + FUNCTION))
    return result


def _with_much_due(batches: int = 300, **more: Any) -> Desk:
    """Batches that are due, some more urgent and some less urgent mails, and what mails nobody behind all of them."""
    desk = Desk(**more)
    for number in range(batches):
        desk.add(DueKind.BATCH, number, 1, timedelta(minutes=5))
    for number in range(400):
        desk.add(DueKind.REGISTRATION, number, 0 if number < 200 else 2, timedelta(minutes=1))
    for kind in MAIL_NOBODY:
        for number in range(3):
            desk.add(kind, 10_000 + number, 1)
    desk.answers |= {
        effects.EndHold: lambda effect: desk.due.pop(f"hold {effect.registration_id}") is not None,
        effects.Promote: lambda effect: int(desk.due.pop(f"seats {effect.event_id}", None) is not None),
    }
    return desk


def much_is_due() -> Iterator[Violation]:
    """All is handed out, at the rate, the most urgent first, nothing twice, and what mails nobody at once."""
    desk = _with_much_due()
    mails = sum(MAILS.get(due.kind, 0) for due in desk.due.values())
    most, kinds = int(desk.rate * 60), {key: due.kind for key, due in desk.due.items()}
    urgent = {key for key, due in desk.due.items() if due.due_key.startswith("0")}
    quiet = {key for key, due in desk.due.items() if due.kind in MAIL_NOBODY}
    minutes = int(mails / most / LEAST) + 3
    for minute in range(minutes):
        began, before = desk.now, len(desk.handed)
        _look(desk)
        handed = [key for _, key in desk.handed[before:]]
        count = sum(MAILS.get(kinds[key], 0) for key in handed)
        if count > most + MAILS[DueKind.BATCH]:
            yield Violation("sweep", f"{count} mails were handed out in minute {minute}, and {most} leave")
        if minute == 0 and not urgent <= set(handed):
            yield Violation("sweep", "the urgent had to wait for others")
        if minute == 0 and (left := [key for key in quiet & set(desk.due) if key not in handed]):
            yield Violation("sweep", f"{left} mail nobody, and were not looked at")
        desk.minute()
        desk.now = began + MINUTE
    twice = [key for key, count in Counter(key for _, key in desk.handed).items() if count > 1]
    if twice:
        yield Violation("sweep", f"{len(twice)} were handed out again before they were done")
    if desk.due:
        yield Violation("sweep", f"{len(desk.due)} were not done after {minutes} minutes")


def queues_are_long() -> Iterator[Violation]:
    """While more waits than a minute takes, only what is urgent or mails nobody is handed out."""
    desk = _with_much_due()
    desk.waiting[False] = [("earlier", 1)] * 5000
    urgent = {key for key, due in desk.due.items() if due.due_key.startswith("0")}
    quiet = {key for key, due in desk.due.items() if due.kind in MAIL_NOBODY}
    result = _look(desk)
    handed = {key for _, key in desk.handed}
    if not urgent <= handed:
        yield Violation("sweep", "the urgent had to wait for the ordinary queue")
    if left := (quiet & set(desk.due)) - handed:
        yield Violation("sweep", f"{left} mail nobody, and were not looked at")
    if more := handed - urgent - quiet:
        yield Violation("sweep", f"{len(more)} were handed out behind thousands")
    if result.oldest < timedelta(minutes=5):
        yield Violation("sweep", f"says that the oldest has been due for {result.oldest}")


def hints_of_changes_wait() -> Iterator[Violation]:
    """Hints that stay in the queue since their changes wait are no mails."""
    desk = _with_much_due(held=5000)
    _look(desk)
    if not any(key.startswith("batch") for _, key in desk.handed):
        yield Violation("sweep", "nothing was handed out beside changes that wait")


def all_mail_is_stopped() -> Iterator[Violation]:
    """Nothing that mails anybody is queued again and again, and what mails nobody goes on."""
    desk = _with_much_due(sending=Sending(stopped_until=START + timedelta(days=1)))
    quiet = {key for key, due in desk.due.items() if due.kind in MAIL_NOBODY}
    _look(desk)
    if more := {key for _, key in desk.handed} - quiet:
        yield Violation("sweep", f"{len(more)} were handed out while all mail is stopped")
    if left := (quiet & set(desk.due)) - {key for _, key in desk.handed}:
        yield Violation("sweep", f"{left} mail nobody, and were not looked at")


def another_sweep_runs() -> Iterator[Violation]:
    """What another sweep has postponed since it was read is that one's to hand out."""
    desk = _with_much_due()
    theirs = {key for number, key in enumerate(desk.due) if number % 3 == 0}
    desk.answers[effects.Postpone] = lambda effect: (
        f"{effect.due.kind} {effect.due.registration_id or effect.due.event_id}" not in theirs
    )
    _look(desk)
    if both := theirs & {key for _, key in desk.handed}:
        yield Violation("sweep", f"{len(both)} were handed out twice")


def an_error_about_one() -> Iterator[Violation]:
    """One that cannot be postponed, and one waitlist that cannot be looked at, hold up nothing else."""
    desk = _with_much_due(batches=0)

    def fail(_: Any) -> Any:
        raise KeyError("item")

    desk.answers[effects.Promote] = fail
    less_urgent = {key for key, due in desk.due.items() if due.due_key.startswith("2")}
    with suppress(KeyError):
        _look(desk)
    if not less_urgent & {key for _, key in desk.handed}:
        yield Violation("sweep", "nothing was handed out after an error")


def _ends(what: str, desk: Desk, over: timedelta) -> Iterator[Violation]:
    began = desk.now
    _look(desk)
    if desk.now > began + FUNCTION + over:
        yield Violation("sweep", f"took {desk.now - began} {what}")


def tables_are_slow() -> Iterator[Violation]:
    """A sweep ends in time whatever is slow, and keeps time for what comes last."""
    yield from _ends("to read", Desk(takes={effects.ReadDue: 2.0}), timedelta(seconds=3))
    desk = _with_much_due(batches=0, rate=1000.0, takes={effects.Postpone: 0.4})
    of_one_shard = [number for number in range(20_000) if keys.shard(f"event{number:05d}") == keys.SHARDS[0]]
    desk.add(DueKind.SPLIT_TRANSFER, of_one_shard[0], 0, timedelta(hours=1))
    for number in of_one_shard[1:]:
        desk.add(DueKind.NOTIFICATION, number, 0, timedelta(minutes=2))
    desk.answers[effects.TransferRegistrations] = lambda _: 1
    yield from _ends("to postpone, and to copy", desk, timedelta(seconds=1))
    if desk.done[effects.TransferRegistrations] < 100:
        yield Violation("sweep", "left no time to copy registrations")
    desk = _with_much_due(batches=0, takes={effects.Promote: 0.5})
    desk.answers[effects.Promote] = lambda _: int(desk.done[effects.Promote] < 200)
    yield from _ends("to promote people", desk, timedelta(seconds=2))


# --- a large event ----------------------------------------------------------------------------------------------------

WORKER = Worker(sender=SENDER, deadline=START + FUNCTION, times=TIMES)
SIZE, PEOPLE, RATE = 50, 12_000, 14.0
SHARE = 0.95


def _planned(sending: Sending) -> tuple[list[datetime], dict[str, datetime]]:
    """When each batch of a large event is due, in order; and when those were queued that were."""
    desk, left = Desk(sending=sending), [f"{number:010d}" for number in range(1, PEOPLE + 1)]
    stands, due = FanOut(event_id=EVENT_ID, version=2, planning=True), list[tuple[str, datetime]]()
    queued: dict[str, datetime] = {}

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
        queued.update({hint.first: desk.now for hint in hints if isinstance(hint, effects.BatchHint)})

    desk.answers = {
        effects.ReadFanOut: lambda _: stands,
        effects.ReadInvitationIds: lambda effect: tuple(each for each in left if each > effect.after)[: effect.limit],
        effects.PlanBatches: plan_batches,
        effects.Enqueue: lambda effect: enqueue((effect.hint,)),
        effects.EnqueueAll: lambda effect: enqueue(effect.hints),
    }
    while stands.planning:
        desk.run(fan_out.plan(EVENT_ID, WORKER))
    return [at for _, at in due], queued | {"": START} if queued else queued


def a_large_event_is_planned() -> Iterator[Violation]:
    """Only the batches of the next two minutes are queued; each is due just before its turn, or when its hint is lost."""
    due, queued = _planned(Sending(rate=RATE))
    firsts = ["", *(f"{number:010d}" for number in range(SIZE, PEOPLE, SIZE))]
    for number, (first, at) in enumerate(zip(firsts, due, strict=True)):
        turn = START + timedelta(seconds=number * SIZE / (RATE * SHARE))
        ahead = turn < START + timedelta(minutes=2)
        if (first in queued) is not ahead and abs(turn - START - timedelta(minutes=2)) > timedelta(seconds=5):
            yield Violation("turn", f"batch {number}, whose turn is {turn}, was {'not ' * ahead}queued")
        low, high = (turn + TIMES.hint, turn + TIMES.hint + MINUTE) if ahead else (turn - 2 * MINUTE, turn - MINUTE)
        if not low <= at <= high + timedelta(seconds=5):
            yield Violation("turn", f"batch {number}, whose turn is {turn}, is due at {at}")


def a_large_event_is_planned_while_mail_is_stopped() -> Iterator[Violation]:
    """No batch is queued before it is sent again."""
    _, queued = _planned(Sending(rate=RATE, stopped_until=START + timedelta(hours=1)))
    if queued:
        yield Violation("turn", f"{len(queued)} batches were queued while all mail is stopped")


# --- batches of older versions ----------------------------------------------------------------------------------------

LATER = START + timedelta(minutes=15)
CASES: dict[str, tuple[FanOut, Batch, bool]] = {
    what: (
        FanOut(event_id=EVENT_ID, version=5, **theirs),
        Batch(event_id=EVENT_ID, first="", after="", through="9", **mine),
        is_dropped,
    )
    for what, theirs, mine, is_dropped in (
        ("older, and the newer is being planned", {"planning": True}, {"version": 4}, True),
        ("older and less pressing", {"planning": True, "priority": 0}, {"version": 4}, True),
        ("older and more pressing", {"planning": True}, {"version": 4, "priority": 0}, False),
        ("older, and the newer is planned", {"planning": False, "left": 3}, {"version": 4}, False),
        ("of the version that is being planned", {"planning": True}, {"version": 5}, False),
        ("newer than what was read", {"planning": True}, {"version": 6}, False),
        ("left over", {"planning": True, "told_at": LATER, "told": 4}, {"version": 4}, True),
        (
            "still being told when the change was made that waits",
            {"planning": True, "told_at": LATER, "told": 4, "overlaps": True},
            {"version": 4},
            False,
        ),
        ("newer than what waits", {"planning": True, "told_at": LATER, "told": 4}, {"version": 6}, False),
    )
}


def a_batch_is_dropped_or_told() -> Iterator[Violation]:
    """A batch is dropped only if a newer fan-out tells its people no later, or nothing is left to tell them."""
    for what, (read, batch, is_dropped) in CASES.items():
        desk = Desk()
        desk.answers = {
            effects.ReadFanOut: lambda _, read=read: read,
            effects.ClaimBatch: lambda _, batch=batch: batch,
            effects.ReadInvitations: lambda _: (),
            effects.ReadRegistrations: lambda _: (),
        }
        desk.run(fan_out.process_batch(effects.BatchHint(event_id=EVENT_ID, version=batch.version, first=""), WORKER))
        if (desk.done[effects.ReadInvitations] == 0) is not is_dropped:
            yield Violation("turn", f"a batch {what} is {'told' if is_dropped else 'dropped'}")


TRIALS: dict[str, Callable[[], Iterator[Violation]]] = {
    trial.__name__: trial
    for trial in (
        much_is_due,
        queues_are_long,
        hints_of_changes_wait,
        all_mail_is_stopped,
        another_sweep_runs,
        an_error_about_one,
        tables_are_slow,
        a_large_event_is_planned,
        a_large_event_is_planned_while_mail_is_stopped,
        a_batch_is_dropped_or_told,
    )
}


def first_violation(name: str) -> Violation | None:
    return next(TRIALS[name](), None)
