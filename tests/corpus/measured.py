"""What it costs to judge a mail, and whether whoever judges it lives on.

Run as a program, it judges every hostile mail in a process of its own and prints what that came to, as JSON: a bomb
that overflows the stack takes this process with it and no test.
"""

from __future__ import annotations

import contextlib
import json
import re
import resource
import time
import tracemalloc
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.corpus import bombs, claims, forgeries, leniencies, misreadings
from tests.corpus.case import ASIDE, Case

SECONDS = 1
MEGABYTES = 256


@dataclass(frozen=True, kw_only=True)
class Measured:
    """``seconds`` of the processor's, whatever else runs, without the tracing that may have found ``peak``, in bytes
    beyond what was there before.
    """

    name: str
    verdict: str
    reason: str
    seconds: float
    peak: int


def hostile() -> tuple[Case, ...]:
    return (
        *forgeries.forgeries(),
        *leniencies.leniencies(),
        *claims.claims(),
        *misreadings.misreadings(),
        *bombs.bombs(),
    )


def measured(case: Case, *, traced: bool = True) -> Measured:
    """What one mail costs: its peak is that of all objects where it is ``traced``, which takes three times as long as
    to judge the mail; else that of the process, which is to begin anew before.
    """
    before, began = most(), time.process_time()
    judged = case.judged()
    seconds = time.process_time() - began
    peak = traced_peak(case) if traced else int((most() - before) * 2**20)
    # Of several answers the first that is believed.
    verdict = next((one.verdict for one in judged.each if one.verdict not in ASIDE), judged.verdict)
    return Measured(name=case.name, verdict=verdict, reason=judged.reason or "", seconds=seconds, peak=peak)


def main() -> None:
    """Print one line a case, then the most memory that the whole process ever had, in megabytes."""
    # Whoever takes a minute of CPU for all of them will not come to an end.
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    highest = most()
    for case in hostile():
        begin_anew()
        print(json.dumps(asdict(measured(case, traced=False))))
        highest = max(highest, most())
    print(json.dumps(highest))


def traced_peak(case: Case) -> int:
    tracemalloc.start()
    try:
        case.judged()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def begin_anew() -> None:
    """Let Linux forget the most memory that this process had so far; elsewhere a peak is what exceeds it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def most() -> float:
    """The most memory that this process had since it began anew, in megabytes.

    The high-water mark of its own address space: that of ``getrusage`` is handed down by whoever started it, so a run
    of the tests that had grown large by then was taken for the cost of a mail.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+([0-9]+) kB", status.read_text())[1]) / 1024  # type: ignore[index]
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes, where there is no /proc (macOS)


if __name__ == "__main__":
    main()
