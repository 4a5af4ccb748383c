"""How fast one change reaches everybody: the function that delivers, in processes of its own with real boto3 clients,
against a server on this machine that answers as SES, SQS and DynamoDB do, each in its time.

SES takes 80 ms and refuses what goes beyond its rate, with a second's worth in store; a call to a table takes 5 ms.
Server and workers share the processors of this machine: ``processor`` says how much of one they took, and where that is
all there is, it is what bound the run.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from convoke.delivery.fan_out import AT_ONCE

ROOT = Path(__file__).resolve().parents[2]
SES_SECONDS, TABLE_SECONDS, QUEUE_SECONDS = 0.080, 0.005, 0.010
RUNS = {14: (400, 2), 50: (1500, 2), 200: (6000, 6)}
"""The account's rate: so many people as take half a minute, and how many workers docs/deploy.md has for it."""
SENDS = (1, 4, AT_ONCE, 16)
ALONE = 200
"""People that one worker tells, without a limit of SES, to see what it can."""
NO_LIMIT = 100_000
LONGEST = 240.0


def measure() -> dict[str, Any]:
    """Seconds and refusals for each rate, and what one worker can with so many sends at once."""
    return {
        **{str(rate): run(people, rate, workers) for rate, (people, workers) in RUNS.items()},
        "worker": {str(at_once): _alone(at_once) for at_once in SENDS},
    }


def _alone(at_once: int) -> dict[str, Any]:
    found = run(ALONE, NO_LIMIT, 1, at_once)
    mails = ALONE / found["seconds"]
    return {"mails_a_second": round(mails, 1), "cpu_ms_a_mail": round(1000 * found["worker_cpu"] / ALONE, 2)}


def run(people: int, rate: int, workers: int, at_once: int = AT_ONCE, prefix: tuple[str, ...] = ()) -> dict[str, Any]:
    """One change, told to ``people``; each worker is started as ``prefix`` has it."""
    started: list[subprocess.Popen[bytes]] = []
    with serving(people, rate) as port:
        try:
            started += [_process("tests.bench.worker", port, at_once, prefix=prefix) for _ in range(workers)]
            while ask(port, "found")["ready"] < workers:
                if any(one.poll() is not None for one in started):
                    raise RuntimeError("a worker has ended: what it wrote says why")
                time.sleep(0.2)
            before = ask(port, "found")["processor"]
            ask(port, "change")
            began = time.monotonic()
            while (found := ask(port, "found"))["accepted"] < people:
                if time.monotonic() - began > LONGEST:
                    raise TimeoutError(f"after {LONGEST:g} s: {found}")
                time.sleep(0.5)
            ask(port, "stop")
            for one in started:
                one.wait(60)
            found = ask(port, "found")
        finally:
            _end(started)
    seconds = found["last"] - found["changed"]
    cpu = found["processor"] - before + sum(found["workers"])
    return {
        "people": people,
        "seconds": round(seconds, 1),
        "ideal": round(people / rate, 1),
        "throttled": round(found["refused"] / (found["accepted"] + found["refused"]), 4),
        "each_once_in_order": found["in_order"],
        "workers": workers,
        "processor": round(cpu / seconds, 2),
        "worker_cpu": round(sum(found["workers"]), 2),
        "worker_mb": round(found["largest"]),
        "by_second": found["by_second"],
    }


@contextmanager
def serving(people: int, rate: int) -> Iterator[int]:
    """The server, in a process of its own; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    server = _process("tests.bench.server", port, people, rate)
    try:
        _wait_for(port, server)
        yield port
    finally:
        _end([server])


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for one in processes:
        one.kill()
        one.wait()


def command(module: str, *arguments: Any) -> list[str]:
    return [sys.executable, "-m", module, *map(str, arguments)]


def environment() -> dict[str, str]:
    paths = f"{ROOT / 'layers/core'}:{ROOT / 'functions'}:{ROOT}"
    # What the tests are installed with is not in the layer: botocore would sign with it.
    return {**os.environ, "PYTHONPATH": paths, "PYTHONTZPATH": "", "BOTO_DISABLE_CRT": "true"}


def _process(*arguments: Any, prefix: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    program = [*prefix, *command(*arguments)]
    return subprocess.Popen(program, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL)  # noqa: S603


def ask(port: int, what: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/bench/{what}", timeout=60) as answer:
        return json.loads(answer.read())


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if server.poll() is not None:
            break
        try:
            ask(port, "found")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the server did not start")


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
