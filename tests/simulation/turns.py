"""Trials of how turns are drawn: many threads of many workers, of which each mail does nothing but wait for its turn
and then take its time, over a table in memory. Each yields what it finds wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from heapq import heappop, heappush
from random import Random
from typing import Any

from convoke.decision.invitation import Sending
from convoke.delivery.fan_out import AT_ONCE
from convoke.delivery.pace import SHARE, Turns, wait_for_turn
from convoke.effects import Clock, DrawTurns, Steps, Wait
from convoke.store.store import Store

from .checker import Violation
from .scene import SETTINGS, START
from .tables import Tables

CALL, MAIL = 0.008, 0.12
"""Seconds that a call to the table and a mail take, as a rule."""
BATCH, BETWEEN = 50, 0.06
"""Mails of a batch, and seconds that a worker takes from one batch to the next."""


class Telling:
    """``workers`` that tell batches to their end, each of so many threads at once, at ``rate`` mails a second."""

    def __init__(self, rate: float, workers: int, *, at_once: int = AT_ONCE, batches: int = 40) -> None:
        self.sending, self._at_once, self._left = Sending(rate=rate), at_once, batches
        self.now = 0.0
        self.sent: list[float] = []
        """When each mail of a batch had its turn."""
        self.waited: list[float] = []
        """How many seconds each mail alone waited for its turn, and infinity where it got none."""
        self.drawn, self.draws = 0, 0
        self._store = Store(Tables((), lambda *_: None), SETTINGS)
        self._dice = Random(1)  # noqa: S311 (chance, not a secret)
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._entries = 0
        for number in range(workers):
            self.at(BETWEEN * number, self._begin)

    def at(self, moment: float, what: Callable[[], None]) -> None:
        self._entries += 1
        heappush(self._agenda, (max(self.now, moment), self._entries, what))

    def alone(self, moment: float, *, urgent: bool) -> None:
        """One mail that comes at a moment, of a worker of its own."""

        def begin() -> None:
            steps = wait_for_turn(self.sending, Turns(), urgent=urgent)
            self._go_on(steps, None, lambda has: self.waited.append(self.now - moment if has else float("inf")))

        self.at(moment, begin)

    def run(self) -> None:
        while self._agenda:
            self.now, _, what = heappop(self._agenda)
            what()

    def _about(self, seconds: float) -> float:
        return seconds * (0.8 + 0.5 * self._dice.random())

    def _begin(self) -> None:
        if self._left == 0:
            return
        self._left -= 1
        turns, running = Turns(wanted=BATCH), [self._at_once]

        def thread() -> None:
            if turns.wanted == 0:
                running[0] -= 1
                if running == [0]:
                    self.at(self.now + BETWEEN, self._begin)
                return
            turns.wanted -= 1
            self._go_on(wait_for_turn(self.sending, turns, urgent=False), None, sent)

        def sent(_: bool) -> None:
            self.sent.append(self.now)
            self.at(self.now + self._about(MAIL), thread)

        for _ in range(self._at_once):
            thread()

    def _go_on(self, steps: Steps[bool], answer: Any, done: Callable[[bool], None]) -> None:
        try:
            effect = steps.send(answer)
        except StopIteration as stop:
            done(stop.value)
            return
        match effect:
            case Clock():
                self._go_on(steps, START + timedelta(seconds=self.now), done)
            case Wait(until=until):
                self.at((until - START).total_seconds(), lambda: self._go_on(steps, None, done))
            case DrawTurns():
                self.at(self.now + self._about(CALL / 2), lambda: self._draw(effect, steps, done))

    def _draw(self, effect: DrawTurns, steps: Steps[bool], done: Callable[[bool], None]) -> None:
        last = self._store.records.draw_turns(effect)
        self.draws += last is not None
        self.drawn += 0 if last is None else effect.count
        self.at(self.now + self._about(CALL / 2), lambda: self._go_on(steps, last, done))


def drawn_turns_are_used() -> Iterator[Violation]:
    """Of the turns that many threads draw, some at a time, hardly one is lost: so they send as many mails as the rate
    allows.
    """
    telling = Telling(200, 6, batches=60)
    telling.run()
    lost = telling.drawn / len(telling.sent) - 1
    if lost > 0.025:
        yield Violation("pace", f"{100 * lost:.1f} % of the turns were drawn and not used")
    at_a_time = telling.drawn / telling.draws
    if at_a_time < 3:
        yield Violation("pace", f"{at_a_time:.1f} turns were drawn at a time")
    seconds = len(telling.sent) / (200 * SHARE) * 1.05 + 1
    if (last := max(telling.sent)) > seconds:
        yield Violation("pace", f"the last mail left after {last:.1f} s, and should within {seconds:.1f} s")


def others_beside_batches() -> Iterator[Violation]:
    """A batch draws a few turns at a time: where it does not need all, others get one of the same moment."""
    telling = Telling(50, 1, at_once=4, batches=6)
    for number in range(60):
        telling.alone(0.5 + 0.13 * number, urgent=False)
    telling.run()
    if (mean := sum(telling.waited) / len(telling.waited)) > 0.06:
        yield Violation("pace", f"other mails waited for {mean:.2f} s, at most {max(telling.waited):.2f} s")


def urgent_mail_beside_batches() -> Iterator[Violation]:
    """Where urgent mails keep coming, half of each second is theirs."""
    telling = Telling(50, 4, batches=24)
    for number in range(300):
        telling.alone(2 + number / 15, urgent=True)
    telling.run()
    mean = sum(telling.waited) / len(telling.waited)
    if mean > 0.8:
        yield Violation("pace", f"urgent mails waited for {mean:.2f} s, at most {max(telling.waited):.2f} s")


TRIALS = {trial.__name__: trial for trial in (drawn_turns_are_used, others_beside_batches, urgent_mail_beside_batches)}
