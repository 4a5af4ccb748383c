"""Trials of the pace: many mails at a known rate, by production's workers in a world without faults. Each yields what
it finds wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from convoke.delivery import fan_out
from convoke.effects import DrawTurns, Refusal, Refused, Send, Steps, StoreRate
from convoke.registrations import events, registry
from tests import factories

from . import quick, turns
from .checker import Violation
from .faults import Mode
from .history import People, heal
from .post import Answer, Post
from .scene import EVENT_ID
from .worker import Run
from .world import AT_ONCE, BATCH, PAGE, World

RATE, SHARE = 4.0, 0.95
FAST = 20.0
WINDOW = 5.0
LONGEST_WAIT = 10.0
SMEAR = 2
"""Mails whose turn was in the second before a window, and that leave in it, at most."""


class Busy(Post):
    """SES that refuses all mails between two moments, since there are too many."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.asked: list[float] = []
        self.refuses = (0.0, 0.0)

    def _receive(self, effect: Send) -> tuple[Answer, float]:
        self.asked.append(self._world.now)
        if self.refuses[0] <= self._world.now < self.refuses[1]:
            return Refused(refusal=Refusal.BUSY, why="ThrottlingException"), 0.1
        return super()._receive(effect)


class Steady(World):
    """Nothing goes wrong, calls are quick, and ``people`` were invited before the rate is known."""

    def __init__(self, people: int, rate: float = RATE, size: int = BATCH, seed: int = 1) -> None:
        super().__init__(seed, Mode.NONE)
        self.pace, self.contention, self.rate, self.size = 0.02, 0.0, rate, size
        self.post = self.busy = Busy(self)
        self.people = People(self)
        events.create_event(self.store, factories.event(event_id=EVENT_ID, title="A", notify_after=0))
        for _ in range(people):
            self.people.register()
        heal(self)
        self.post.asked.clear()
        self.store.records.store_rate(StoreRate(rate=rate))
        self.began = self.now

    def _plan_and_begin(self, run: Run) -> Steps[Any]:
        first = yield from fan_out.plan(EVENT_ID, run.worker, size=self.size, batches=PAGE)
        if first is not None:
            yield from fan_out.process_batch(first, run.worker, at_once=AT_ONCE)

    def change(self, **changes: Any) -> None:
        before = self.people.reads.event(EVENT_ID)
        after = replace(before, version=before.version + 1, **changes)  # type: ignore[type-var,union-attr]
        events.change_event(self.store, before, after, priority=1, now=self.instant())  # type: ignore[arg-type]

    def go_on(self, seconds: float) -> None:
        """Let so many seconds pass, with a sweep every minute."""
        until = self.now + seconds
        while self.now < until:
            self.run_until(min(until, self.now + 60))
            self.tick()

    def register(self, number: int, gone: dict[str, float]) -> None:
        gone[f"{number:010d}{EVENT_ID}"] = self.now
        self.people.register()

    def withdraw(self, number: int, gone: dict[str, float]) -> None:
        rid = f"{number:010d}{EVENT_ID}"
        gone[rid] = self.now
        registry.withdraw(self.store, EVENT_ID, rid, now=self.instant())

    def waited(self, gone: dict[str, float]) -> list[float]:
        """How many seconds the last mail to each left after they came or went, the longest last."""
        left = {copy.registration_id: copy.at for copy in self.post.accepted}
        return sorted(left[rid] - at if left.get(rid, 0.0) > at else float("inf") for rid, at in gone.items())

    def ask(self) -> list[float]:
        """When SES was asked to send, in seconds since the rate is known."""
        return [at - self.began for at in self.busy.asked]


def _too_many(asked: list[float], window: float = WINDOW) -> Iterator[Violation]:
    most = RATE * window + SMEAR
    for first in asked:
        count = sum(first <= at < first + window for at in asked)
        if count > most:
            yield Violation("pace", f"{count} mails in {window} s from {first:.1f} s on, and {most} may leave")


def _too_slow(asked: list[float], count: int, seconds: float) -> Iterator[Violation]:
    if len(asked) < count or asked[count - 1] > seconds:
        last = f"{asked[count - 1]:.1f} s" if len(asked) >= count else "never"
        yield Violation("pace", f"mail {count} left after {last}, and should within {seconds:.1f} s")


def a_fan_out_keeps_to_the_rate() -> Iterator[Violation]:
    """No more leave than the rate allows, and not many fewer."""
    world = Steady(60)
    world.change(title="B")
    world.go_on(120)
    yield from _too_many(world.ask())
    yield from _too_slow(world.ask(), 60, 60 / (RATE * SHARE) * 1.15 + 2)


def one_after_the_other_at_the_rate() -> Iterator[Violation]:
    """Who is told alone takes one turn, and leaves the others for others."""
    world = Steady(0)
    for number in range(60):
        world.at(number / 3, world.people.register)
    world.go_on(60)
    yield from _too_many(world.ask())
    yield from _too_slow(world.ask(), 60, 60 / 3 + 2)


def urgent_mail_beside_a_fan_out() -> Iterator[Violation]:
    """Urgent mail has half of each second, and so leaves at once; ordinary mail has the other half."""
    all_waited: list[float] = []
    for seed in range(1, 5):
        world = Steady(100, seed=seed)
        world.change(title="B")
        gone: dict[str, float] = {}
        for number in range(20):
            world.at(3 + 0.7 * number, partial(world.withdraw, 100 - number, gone))
        world.go_on(120)
        all_waited += world.waited(gone)
        yield from _too_many(world.ask())
        yield from _too_slow(world.ask(), 100, 100 / (RATE * SHARE) * 1.3 + 3)
    if (mean := sum(all_waited) / len(all_waited)) > 1.7 or max(all_waited) > 2.5:
        yield Violation("pace", f"urgent mails waited for {mean:.2f} s, at most {max(all_waited):.1f} s")


def urgent_mail_alone() -> Iterator[Violation]:
    """Many urgent mails at once take their turns in the seconds to come."""
    world = Steady(30)
    for number in range(15):
        world.at(0.01 * number, partial(world.withdraw, number + 1, {}))
    world.go_on(30)
    yield from _too_many(world.ask(), 1.0)
    yield from _too_slow(world.ask(), 15, 15 / (RATE * SHARE) + 2)


def ordinary_mail_alone() -> Iterator[Violation]:
    """Ordinary mails that come at once take their turns in the next seconds, not after the next sweeps."""
    world = Steady(0)
    for number in range(12):
        world.at(0.01 * number, world.people.register)
    world.go_on(30)
    yield from _too_many(world.ask(), 1.0)
    yield from _too_slow(world.ask(), 12, 12 / (RATE * SHARE) + 3)


def ses_is_busy() -> Iterator[Violation]:
    """After a refusal all go on at half the pace, which recovers in half a minute."""
    rate = FAST / 2
    world = Steady(400, rate)
    world.busy.refuses = (world.now + 2, world.now + 2.9)
    world.change(title="B")
    world.go_on(90)
    asked = world.ask()
    for since, least, most in ((4, 0.45, 0.75), (36, 0.9, 1.0)):
        count = sum(since <= at < since + WINDOW for at in asked)
        if not least * rate * SHARE * WINDOW - SMEAR <= count <= most * rate * WINDOW + SMEAR:
            yield Violation("pace", f"{count} mails in {WINDOW} s from {since} s on, after SES was busy at 2 s")


def ses_refuses_many_at_once() -> Iterator[Violation]:
    """A burst of refusals halves the pace once, though each worker has read what the refusal before it did."""
    world = Steady(0, FAST)
    world.busy.refuses = (world.now + 2, world.now + 2.9)
    for number in range(200):
        world.at(number / 16, world.people.register)
    world.go_on(12)
    count = sum(4 <= at < 4 + WINDOW for at in world.ask())
    if count < 0.45 * FAST * SHARE * WINDOW - SMEAR:
        yield Violation("pace", f"{count} mails in {WINDOW} s after one burst of refusals")


def others_beside_a_fan_out() -> Iterator[Violation]:
    """Others that come while a fan-out is told wait no longer than a few seconds. (That a batch draws a few turns at a
    time, ``turns`` shows with more of them.)
    """
    world = Steady(200, FAST, 50)
    world.change(title="B")
    gone: dict[str, float] = {}
    for number in range(12):
        world.at(1 + 0.53 * number, partial(world.register, 201 + number, gone))
    world.go_on(60)
    waited = world.waited(gone)
    if waited[-1] > 2.3:
        yield Violation("pace", f"other mails waited for up to {waited[-1]:.1f} s")


def all_turns_are_taken() -> Iterator[Violation]:
    """Who has no turn within some seconds leaves it to others, and does not wait until its function is stopped."""
    world = Steady(1)
    now = int(world.instant().timestamp())
    for second in range(now, now + 60):
        world.store.records.draw_turns(DrawTurns(second=second, count=9, most=9, urgent=True, ahead=False))
    world.change(title="B")
    world.run_until(world.now + 20)
    if late := [run.name for run in world.runs if world.now - run.began > LONGEST_WAIT]:
        yield Violation("pace", f"{late} have waited for {LONGEST_WAIT} s")


def _quickly(trial: Callable[[], Iterator[Violation]]) -> Callable[[], Iterator[Violation]]:
    def within() -> Iterator[Violation]:
        with quick.quick():
            quick.forget()
            yield from list(trial())

    return within


TRIALS = {
    trial.__name__: _quickly(trial)
    for trial in (
        a_fan_out_keeps_to_the_rate,
        one_after_the_other_at_the_rate,
        urgent_mail_beside_a_fan_out,
        urgent_mail_alone,
        ordinary_mail_alone,
        others_beside_a_fan_out,
        ses_refuses_many_at_once,
        all_turns_are_taken,
        ses_is_busy,
        *turns.TRIALS.values(),
    )
}
