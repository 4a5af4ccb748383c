"""``python -m tests.simulation WORLD=small``: the worlds that are walked to their end, two at a time."""

from __future__ import annotations

import json
import multiprocessing
import time
from dataclasses import dataclass

from .. import quick
from .walk import Broken, Walk


@dataclass(frozen=True)
class Bounds:
    """Which changes may happen, in any order; how many at most; and how many faults: a worker's death, or an answer of
    SES that is lost or is no.
    """

    deeds: tuple[str, ...]
    changes: int
    faults: int


SMALL = (
    Bounds(("move", "withdraw"), 3, 2),
    Bounds(("withdraw", "readdress", "resend"), 3, 2),
    Bounds(("move", "call off"), 3, 1),
    Bounds(("draft", "resend"), 2, 1),
    Bounds(("move", "readdress"), 2, 1),
)
SMALLER = (
    Bounds(("move",), 2, 1),
    Bounds(("move", "withdraw"), 2, 0),
    Bounds(("readdress", "resend"), 2, 1),
    Bounds(("withdraw", "resend"), 2, 1),
    Bounds(("draft", "call off"), 2, 0),
)
WORLDS = {"small": SMALL, "smaller": SMALLER}


def walked(bounds: Bounds) -> dict[str, object]:
    began, worked = time.perf_counter(), time.process_time()
    found: dict[str, object] = {"changes": bounds.changes, "of": bounds.deeds, "faults": bounds.faults}
    with quick.quick():
        quick.forget()
        try:
            found["situations"] = Walk(bounds.deeds, bounds.changes, bounds.faults).go()
        except Broken as broken:
            found["broken"] = broken.args
    seconds, of_work = time.perf_counter() - began, time.process_time() - worked
    return {**found, "seconds": round(seconds, 1), "of work": round(of_work, 1)}


def walk_all(world: str) -> int:
    """Walk through all bounds of a world; answers 1 where a promise is broken, with the way there printed."""
    began, situations, broken = time.perf_counter(), 0, 0
    # A process each: what one has met is of no use to the next.
    with multiprocessing.Pool(maxtasksperchild=1) as pool:
        for found in pool.imap_unordered(walked, WORLDS[world]):
            print(json.dumps(found), flush=True)
            broken += "broken" in found
            situations += int(str(found.get("situations", 0)))
    seconds = round(time.perf_counter() - began, 1)
    print(json.dumps({"world": world, "situations": situations, "seconds": seconds, "broken": broken}))
    return 1 if broken else 0
