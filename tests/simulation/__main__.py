"""``python -m tests.simulation HISTORIES=20000 SEED=1 [FAULTS=none|hints|zombie|slow|contention|rows|each]
[MUTANT=name|MUTANTS=all]``, or ``ORDERS=all``
"""

from __future__ import annotations

import json
import multiprocessing
import secrets
import sys
import time
from collections.abc import Iterator
from functools import partial

from . import orders, quick, trials
from .faults import Mode
from .mutants import MUTANTS
from .run import Tally, histories, history

PORTION = 250
WITHIN = 20_000
"""Histories in which a mutant must be caught."""


def portion(task: tuple[int, int, Mode, str]) -> Tally:
    seed, count, mode, mutant = task
    seeds = range(seed, seed + count)
    if not mutant:
        return histories(seeds, mode)
    with MUTANTS[mutant].alive():
        return histories(seeds, mode, stop_at_first=True)


def portions(seed: int, count: int, mode: Mode, mutant: str = "") -> Iterator[tuple[int, int, Mode, str]]:
    for first in range(seed, seed + count, PORTION):
        yield first, min(PORTION, seed + count - first), mode, mutant


def report(tally: Tally, seconds: float) -> dict[str, object]:
    return {
        "histories": tally.histories,
        "seconds": round(seconds, 1),
        "ms per history": round(1000 * seconds / max(1, tally.histories), 2),
        "sends": tally.sends,
        "posts": tally.posts,
        "duplicates": tally.duplicates,
        "unknown outcomes": tally.unknown,
        "violations": {promise: tally.violations[promise] for promise in PROMISES},
    }


PROMISES = (
    *("G1", "G2", "G3", "G4", "G5", "G6", "G7", "G8"),
    *("quiet", "stale", "effort", "pressing", "hold", "erasure", "names", "approval", "rows", "brake", "pace"),
    *("notifications", "waiting", "attention"),
    *("W1", "W2", "W3", "W4", "W5", "W6"),
)


def simulate(seed: int, count: int, mode: Mode, mutant: str) -> int:
    began, tally = time.perf_counter(), Tally()
    with multiprocessing.Pool() as pool:
        for part in pool.imap(portion, portions(seed, count, mode, mutant)):
            tally.merge(part)
            if mutant and tally.broken:
                break
    print(json.dumps({"seed": seed, "faults": mode, **report(tally, time.perf_counter() - began)}))
    if not tally.broken:
        return 0
    first = tally.broken[0][0]
    if mutant:
        with MUTANTS[mutant].alive():
            show(first, mode)
    else:
        show(first, mode)
    for broken, promise in tally.broken[:20]:
        print(
            f"{promise}: replay with SEED={broken} HISTORIES=1 FAULTS={mode}" + (f" MUTANT={mutant}" if mutant else "")
        )
    return 1


def show(seed: int, mode: Mode) -> None:
    """The trace of one history, with what it violates at its end."""
    with quick.quick():
        world, violations = history(seed, mode, traced=True)
    print("\n".join(world.trace or ()))
    for violation in violations:
        print(f"VIOLATED {violation.promise}: {violation.what}")


def catch(name: str, seed: int) -> tuple[str, str, str, float]:
    """Where one mutant was caught (nowhere: it got away), which promise it broke, and in how many seconds.

    A history that violates something without the mutant as well has not caught it.
    """
    began, mutant = time.perf_counter(), MUTANTS[name]
    with mutant.alive():
        if mutant.trial:
            where, promise = _in_a_trial(mutant.trial)
        else:
            where, promise = _in_some_order(mutant.scenario) if mutant.scenario else _by_chance(seed, mutant.mode)
    if where.startswith("history") and histories([seed + int(where.split()[1]) - 1], mutant.mode).broken:
        where = ""
    return name, where, promise, time.perf_counter() - began


def _by_chance(seed: int, mode: Mode) -> tuple[str, str]:
    tally = histories(range(seed, seed + WITHIN), mode, stop_at_first=True)
    return (f"history {tally.histories}", tally.broken[0][1]) if tally.broken else ("", "")


def _in_some_order(scenario: str) -> tuple[str, str]:
    count, violation = orders.first_violation(scenario)
    return (f"order {count}", violation.promise) if violation else ("", "")


def _in_a_trial(trial: str) -> tuple[str, str]:
    violation = trials.first_violation(trial)
    return ("its trial", violation.promise) if violation else ("", "")


def play_all() -> int:
    """Every order of all scenarios, and all trials."""
    broken = 0
    with multiprocessing.Pool() as pool:
        played = pool.imap(orders.first_violation, orders.SCENARIOS)
        tried = pool.imap(trials.first_violation, trials.TRIALS)
        for name, (count, violation) in zip(orders.SCENARIOS, played, strict=True):
            print(f"{name:60} {count:6} orders  {violation or 'every one keeps what is promised'}", flush=True)
            broken += violation is not None
        for name, violation in zip(trials.TRIALS, tried, strict=True):
            print(f"{name.replace('_', ' '):74} {violation or 'as it should be'}", flush=True)
            broken += violation is not None
    return 1 if broken else 0


def catch_all(seed: int) -> int:
    free, began = 0, time.perf_counter()
    # Mutants that are caught by random histories take longest: they come first, so that the last one ends sooner.
    names = sorted(MUTANTS, key=lambda name: bool(MUTANTS[name].scenario or MUTANTS[name].trial))
    print(f"{'without':48} {'caught in':>17}  by")
    with multiprocessing.Pool() as pool:
        for name, where, promise, seconds in pool.imap_unordered(partial(catch, seed=seed), names):
            free += not where
            print(f"{name:48} {where or 'got away':>17}  {promise:8} ({seconds:.1f} s)", flush=True)
    print(f"{free} of {len(MUTANTS)} got away, seed {seed}, {time.perf_counter() - began:.0f} s")
    return 1 if free else 0


def main(arguments: list[str]) -> int:
    wanted = dict(argument.split("=", 1) for argument in arguments)
    if wanted.get("ORDERS"):
        return play_all()
    seed = int(wanted.get("SEED") or secrets.randbelow(10**9))
    if wanted.get("MUTANTS"):
        return catch_all(seed)
    mutant = wanted.get("MUTANT", "")
    if mutant and (MUTANTS[mutant].scenario or MUTANTS[mutant].trial):
        _, where, promise, _ = catch(mutant, seed)
        print(f"{mutant}: {f'caught in {where}, by {promise}' if where else 'got away'}")
        return 1 if where else 0
    count = int(wanted.get("HISTORIES") or 20_000)
    if wanted.get("FAULTS") == "each":
        return max([simulate(seed, count, mode, mutant) for mode in Mode if mode is not Mode.ALL])
    mode = Mode(wanted.get("FAULTS") or (MUTANTS[mutant].mode if mutant else Mode.ALL))
    return simulate(seed, count, mode, mutant)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
