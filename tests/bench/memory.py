"""What each size of a function can do: Lambda gives a function of ``M`` megabytes ``M / 1769`` of a processor, in
periods of 20 ms, and so does a control group of Linux here.

Needs a control group that this process may make (``cpu`` of version 1, or of version 2); without one nothing is found.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from . import cost, fanout, worker
from .latency import CONTEXT, request

WORKERS, VISITORS = (256, 512, 1024, 1769), (512, 1024, 1769)
"""Sizes in megabytes of the function that delivers, and of those that answer requests."""
WHOLE_PROCESSOR = 1769
PERIOD = 20_000
"""Microseconds of a period."""
BATCH = 50
PEOPLE = 200
REQUESTS = 15
PLACES = (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup"))


@contextmanager
def share(megabytes: int) -> Iterator[tuple[str, ...] | None]:
    """What a command begins with so that its process gets the share of ``megabytes``; ``None`` where that cannot be."""
    quota = max(1000, PERIOD * megabytes // WHOLE_PROCESSOR)
    for place in PLACES:
        group = place / f"convoke-bench-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            if (group / "cpu.max").exists():
                (group / "cpu.max").write_text(f"{quota} {PERIOD}")
            else:
                (group / "cpu.cfs_period_us").write_text(str(PERIOD))
                (group / "cpu.cfs_quota_us").write_text(str(quota))
        except OSError:
            group.rmdir()
            continue
        try:
            yield "/bin/sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"
        finally:
            group.rmdir()
        return
    yield None


def measure(people: int = PEOPLE) -> dict[str, Any] | None:
    """Of each size what one worker sends, and what a cold start, a request and a page take."""
    found: dict[str, Any] = {"worker": {}, "visits": {}}
    for megabytes in WORKERS:
        with share(megabytes) as prefix:
            if prefix is None:
                print("memory needs a control group for processors that may be written to", file=sys.stderr)
                return None
            run = fanout.run(people, fanout.NO_LIMIT, 1, prefix=prefix)
        mails = people / run["seconds"]
        found["worker"][str(megabytes)] = {
            "mails_a_second": round(mails, 1),
            "batch_seconds": round(BATCH / mails, 1),
            "resident_mb": run["worker_mb"],
            **bill(megabytes, mails),
        }
    with fanout.serving(0, fanout.NO_LIMIT) as port:
        for megabytes in VISITORS:
            with share(megabytes) as prefix:
                assert prefix is not None
                found["visits"][str(megabytes)] = {name: _visited(port, name, prefix) for name in VISITS}
    return found


def bill(megabytes: int, mails_a_second: float, workers: int = 1) -> dict[str, float]:
    """What a million mails cost in Lambda, while so many workers of a size send so many mails a second together."""
    prices = json.loads(cost.PRICES.read_text())["dollars"]
    gigabyte_seconds = workers * megabytes / 1024 * 1e6 / mails_a_second
    dollars = gigabyte_seconds * prices["gigabyte-second"] + 1e6 / BATCH * prices["invocation"]
    return {"gb_seconds": round(gigabyte_seconds), "dollars": round(dollars, 2)}


# --- a function that answers requests -----------------------------------------------------------------------------


def _visited(port: int, name: str, prefix: tuple[str, ...]) -> dict[str, float]:
    program = [*prefix, *fanout.command("tests.bench.memory", name, port)]
    began = time.time()
    said = subprocess.run(program, cwd=fanout.ROOT, env=fanout.environment(), check=True, stdout=subprocess.PIPE)  # noqa: S603
    found = json.loads(said.stdout.splitlines()[-1])
    return {
        "cold_ms": round(1000 * (found["ready"] - began)),
        "warm_ms": round(1000 * statistics.median(found["seconds"])),
        "resident_mb": round(found["resident_mb"]),
    }


def _registration(number: int, event_id: str) -> dict[str, Any]:
    person = {"name": "Bo Ek", "email": f"{os.getpid()}.{number}@example.net"}
    return request("POST", "/events/{event_id}/registrations", person, event_id=event_id)


def _page(_number: int, event_id: str) -> dict[str, Any]:
    return request("GET", "/e/{proxy}", proxy=event_id) | {"routeKey": "ANY /e/{proxy+}"}


def _console(_number: int, _event_id: str) -> dict[str, Any]:
    return request("GET", "/console/{proxy}", proxy="sign-in") | {"routeKey": "ANY /console/{proxy+}"}


VISITS = {"api": _registration, "pages": _page, "console": _console}


def visit(name: str, port: int) -> dict[str, Any]:
    """Import a function and make its first requests; when (Unix time) the first was answered, the seconds of the
    others, and the memory of the process.
    """
    worker.settle_in(port)
    event_id = fanout.ask(port, "event")["event"]
    handler = import_module(name).handler
    seconds: list[float] = []
    ready = 0.0
    for number in range(REQUESTS + 1):
        asked = VISITS[name](number, event_id)
        began = time.perf_counter()
        answer = handler(asked, CONTEXT)
        if answer["statusCode"] >= 300:
            raise RuntimeError(answer)
        if number:
            seconds.append(time.perf_counter() - began)
        else:
            ready = time.time()
    return {"ready": ready, "seconds": seconds, "resident_mb": worker.peak()}


# --- the page -----------------------------------------------------------------------------------------------------


def table(one: dict[str, Any]) -> str:
    workers = [
        f"| {size} | {int(size) / WHOLE_PROCESSOR:.2f} | {run['mails_a_second']} | {run['batch_seconds']} | "
        f"{run['resident_mb']} | {run['gb_seconds']:,} | {run['dollars']:.2f} |"
        for size, run in one["worker"].items()
    ]
    visits = [
        f"| {name} | {size} | {run['cold_ms']:,} | {run['warm_ms']} | {run['resident_mb']} |"
        for name in VISITS
        for size, run in ((size, runs[name]) for size, runs in one["visits"].items())
    ]
    return "\n".join(
        (
            "## Memory",
            "",
            "Lambda gives a function of so many megabytes so much of a processor; here a control group does, with "
            "periods of 20 ms. One worker of `Deliver`, without a limit of SES; GB-seconds and dollars of Lambda are "
            "of a million mails:",
            "",
            "| MB | of a processor | mails a second | seconds of a batch | resident MB | GB-seconds | dollars |",
            "|---|---|---|---|---|---|---|",
            *workers,
            "",
            "A fresh process until its first answer, and one request of a warm one (a registration, an event's page, "
            "the console's sign-in), in milliseconds:",
            "",
            "| function | MB | cold | warm | resident MB |",
            "|---|---|---|---|---|",
            *visits,
        )
    )


if __name__ == "__main__":
    print(json.dumps(visit(sys.argv[1], int(sys.argv[2]))))
