"""One history from its seed to its verdict, and many of them."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from . import checker, quick, rows
from .checker import Violation
from .faults import Mode
from .history import heal, live
from .rows_checker import rows_at_the_end
from .webhook_checker import webhooks_at_the_end
from .world import World


@dataclass
class Tally:
    """What many histories came to. ``broken`` are the seeds of those that violate a promise, and which."""

    histories: int = 0
    sends: int = 0
    posts: int = 0
    duplicates: int = 0
    unknown: int = 0
    violations: Counter[str] = field(default_factory=Counter)
    broken: list[tuple[int, str]] = field(default_factory=list)

    def add(self, world: World, violations: list[Violation]) -> None:
        self.histories += 1
        self.sends += len(world.post.accepted)
        self.posts += len(world.receivers.posted)
        self.duplicates += len(world.post.accepted) - len({(copy.uid, copy.sequence) for copy in world.post.accepted})
        self.unknown += sum(attempt.fate == "unknown" for attempt in world.post.attempts)
        self.violations.update({violation.promise for violation in violations})
        if violations:
            self.broken.append((world.seed, violations[0].promise))

    def merge(self, other: Tally) -> None:
        self.histories += other.histories
        self.sends += other.sends
        self.posts += other.posts
        self.duplicates += other.duplicates
        self.unknown += other.unknown
        self.violations.update(other.violations)
        self.broken += other.broken


def history(seed: int, mode: Mode = Mode.ALL, *, traced: bool = False) -> tuple[World, list[Violation]]:
    """Live one history, heal it, judge it. To be called within ``quick.quick()``."""
    quick.forget()
    world = World(seed, mode, traced=traced)
    try:
        return world, _violations(world)
    finally:
        world.as_deployed(1)


def _violations(world: World) -> list[Violation]:
    with rows.brake(world.seed):
        people = live(world)
        violations = list(checker.while_it_lives(world))
        heal(world)
        if people.rows is not None:
            different = people.rows.settle()
            heal(world)
            violations += rows_at_the_end(world, people.rows, different)
    violations += checker.at_the_end(world)
    violations += webhooks_at_the_end(world)
    return violations


def histories(seeds: Iterable[int], mode: Mode = Mode.ALL, *, stop_at_first: bool = False) -> Tally:
    tally = Tally()
    # A history is small and soon over: looking for garbage each moment costs more than it finds.
    gc.set_threshold(100_000, 50, 50)
    with quick.quick():
        for seed in seeds:
            tally.add(*history(seed, mode))
            if stop_at_first and tally.broken:
                break
    return tally
