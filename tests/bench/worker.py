"""A worker of :mod:`tests.bench.fanout`: what Lambda does with ``functions/deliver.py``, one hint after the other, with
real boto3 clients whose every service is the bench's server.

Nothing of the tests is imported here: some of it replaces parts of botocore by shortcuts.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import time
from functools import partial
from http.client import HTTPConnection
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any


class Bench:
    """What the bench is asked and told beside the services, over one connection."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, what: str) -> Any:
        self._connection.request("GET", f"/bench/{what}")
        return json.loads(self._connection.getresponse().read())


def work(port: int, at_once: int) -> None:
    settle_in(port)
    bench = Bench(port)
    deliver: Any = import_module("deliver")  # after its settings
    runtime: Any = import_module("convoke.aws.runtime")
    runtime.process_batch = partial(runtime.process_batch, at_once=at_once)
    aws = runtime.aws()
    _ = aws._ses, aws._sqs, aws._store
    before = _used()
    bench.ask("ready")
    while True:
        found = bench.ask("next")
        if found["hint"] is not None:
            ends = time.monotonic() + 30
            left = SimpleNamespace(get_remaining_time_in_millis=lambda ends=ends: int(1000 * (ends - time.monotonic())))
            deliver.handle_hint(SimpleNamespace(body=found["hint"]), left)
        elif found["stop"]:
            break
        else:
            time.sleep(0.02)
    bench.ask(f"done?{_used() - before},{peak()}")


def peak() -> float:
    """The most megabytes that this process has had in memory."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        # Where a process was started with fork, that begins with what its parent had.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (kilobytes,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(kilobytes) / 1024


def settle_in(port: int) -> None:
    """The settings of a function whose every service is the server at ``port``."""
    address = f"http://127.0.0.1:{port}"
    names = ("REGISTRATIONS_TABLE", "INVITATIONS_TABLE", "ACCOUNTS_TABLE", "WEBHOOKS_TABLE")
    tables = ("Registrations", "Invitations", "Accounts", "Webhooks")
    queues = {name: f"{address}/{name}" for name in ("URGENT_QUEUE", "ORDINARY_QUEUE", "HOOKS_QUEUE", "IMPORTS_QUEUE")}
    os.environ |= {
        **dict(zip(names, tables, strict=True)),
        **queues,
        "SENDER_ADDRESS": "events@convoke.example.com",
        "UID_DOMAIN": "convoke.example.com",
        "CONFIGURATION_SET": "Sending",
        "PUBLIC_URL": "https://pages.convoke.example.com/v1",
        **{f"AWS_ENDPOINT_URL_{service}": address for service in ("DYNAMODB", "SESV2", "SQS")},
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "POWERTOOLS_SERVICE_NAME": "convoke",
        "POWERTOOLS_METRICS_NAMESPACE": "Convoke",
        "POWERTOOLS_LOG_LEVEL": "WARNING",
    }


def _used() -> float:
    """Seconds of processor time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    work(*map(int, sys.argv[1:]))
