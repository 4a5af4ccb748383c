"""``python -m tests.bench``: how fast, and at what cost, on this machine; writes docs/performance.md.

Ratios within one run, medians and ranges; nothing here judges an absolute time. The last line printed is one JSON
object. ``ONLY=cost,seats`` measures some sections, and writes no page.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module, util
from pathlib import Path
from typing import Any

from . import cost, crowd, growth, latency, memory, people, rows

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "performance.md"
FUNCTIONS = ("api", "authorize", "notify", "deliver", "sweep", "audit", "feedback", "replies", "hooks")
STARTS = 3
WHOLE_PROCESSOR_MB = 1769
"""At so much memory Lambda gives a function one processor; at less, a part of one."""
SES_SECONDS, TABLE_SECONDS = 0.080, 0.005
"""What one call takes: what a worker waits for beside its own processor time."""
MEMORY_MB = {"api": 1024, "deliver": 512, "feedback": 512}

CLIENTS = "import boto3; [boto3.client(name, region_name='eu-west-1') for name in ('dynamodb', 'sesv2')]"
FIRST = {
    "api": "from convoke.web import context; context.store()",
    "authorize": "authorize",
    "hooks": "hooks",
}


def main() -> int:
    only = [name for name in os.environ.get("ONLY", "").split(",") if name]
    found: dict[str, Any] = {}
    for name, measure in SECTIONS.items():
        if only and name not in only:
            continue
        began = time.perf_counter()
        print(f"{name} …", file=sys.stderr, flush=True)
        section = measure()
        if section is not None:
            found[name] = section
        print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    page = written(found)
    if not only:
        PAGE.write_text(page)
    print(page)
    print(json.dumps(summary(found)))
    return 0


# --- the sections -------------------------------------------------------------------------------------------------


def rendering() -> Any:
    if any(util.find_spec(name) is None for name in ("vobject", "ics")):
        print("rendering needs tests/bench/requirements.txt", file=sys.stderr)
        return None
    return import_module("tests.bench.render").measure()


def fanning_out() -> Any:
    """Of :mod:`tests.bench.fanout`, where there is one."""
    return import_module("tests.bench.fanout").measure() if util.find_spec("tests.bench.fanout") else None


def seats() -> dict[str, Any]:
    """A thousand registrations for one event within ten seconds of simulated time."""
    found = {}
    for name, capacity in (("without a limit", None), ("capacity 500", 500), ("capacity 10", 10)):
        done = crowd.run(capacity=capacity)
        found[name] = {
            "refused": len(done.refused),
            "exact": done.statuses() == done.counted(),
            "median_ms": round(1000 * statistics.median(done.took)),
            "slowest_ms": round(1000 * max(done.took)),
            "conflicts": done.tables.conflicts,
        }
    return found


def costs(people: int = 100) -> dict[str, Any]:
    """Units and requests as counted; processor time of each part on this machine, and the dollars that follow."""
    counted = cost.measure()
    found: dict[str, Any] = {"sizes": counted["sizes"]}
    began = time.process_time()
    cost.measure(people)
    # A registration, a change and a cancellation, each with its mail and its reports, for each person.
    processor = (time.process_time() - began) / people / 3
    for name in ("registration", "change", "cancellation"):
        one = counted[name]
        waits = SES_SECONDS + one.requests * TABLE_SECONDS
        gigabyte_seconds = processor * WHOLE_PROCESSOR_MB / 1024 + waits * MEMORY_MB["deliver"] / 1024
        dollars = cost.dollars_a_million(one, gigabyte_seconds, invocations=1 + 2 / 25)
        found[name] = {
            "write_units": one.write_units,
            "writes": one.writes,
            "read_units": one.read_units,
            "requests": one.requests,
            "gb_seconds": round(gigabyte_seconds, 3),
            "dollars": {service: round(value, 2) for service, value in dollars.items()},
        }
    return found


def cold_starts() -> dict[str, Any]:
    """Import and the first clients of each function in a fresh process, against two clients of boto3 alone, in turns.

    From the package as it stands here, not from a built layer.
    """
    times: dict[str, list[float]] = {name: [] for name in ("boto3", *FUNCTIONS)}
    for _ in range(STARTS):
        for name, taken in times.items():
            taken.append(_start(CLIENTS if name == "boto3" else _first_use(name)))
    alone = statistics.median(times["boto3"])
    return {
        name: {
            "median_ms": round(1000 * statistics.median(taken)),
            "range_ms": [round(1000 * min(taken)), round(1000 * max(taken))],
            "ratio": round(statistics.median(taken) / alone, 2),
        }
        for name, taken in times.items()
    }


def _first_use(name: str) -> str:
    clients = FIRST.get(name, "from convoke.aws.runtime import aws; aws()._store; aws()._ses; aws()._sqs")
    return f"import {name}; {clients}"


def _start(program: str) -> float:
    """Seconds of a fresh interpreter that runs ``program``."""
    names = (
        *("REGISTRATIONS_TABLE", "INVITATIONS_TABLE", "ACCOUNTS_TABLE", "WEBHOOKS_TABLE", "URGENT_QUEUE"),
        *("ORDINARY_QUEUE", "HOOKS_QUEUE", "IMPORTS_QUEUE", "CONFIGURATION_SET", "INBOUND_BUCKET"),
    )
    environment = {
        **dict.fromkeys(names, "name"),
        "SENDER_ADDRESS": "events@example.com",
        "UID_DOMAIN": "example.com",
        "PUBLIC_URL": "https://pages.example.com/v1",
        "PYTHONPATH": f"{ROOT / 'layers/core'}:{ROOT / 'functions'}",
        "PATH": os.environ.get("PATH", ""),
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "POWERTOOLS_SERVICE_NAME": "convoke",
        "POWERTOOLS_METRICS_NAMESPACE": "Convoke",
    }
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603
    return time.perf_counter() - began


SECTIONS: dict[str, Callable[[], Any]] = {
    "render": rendering,
    "fanout": fanning_out,
    "latency": latency.measure,
    "memory": memory.measure,
    "seats": seats,
    "cost": costs,
    "cold": cold_starts,
    "growth": growth.measure,
    "people": people.measure,
    "rows": rows.measure,
}


# --- the page -----------------------------------------------------------------------------------------------------


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """The object of the last line; what was not measured is not in it."""
    short: dict[str, Any] = {}
    for name in ("render", "fanout", "latency", "memory", "seats", "growth", "people", "rows"):
        if name in found:
            short[name] = found[name]
    if "cost" in found:
        kinds = ("registration", "change", "cancellation")
        short["write_units"] = {kind: found["cost"][kind]["write_units"] for kind in kinds}
        short["dollars_per_million"] = {kind: found["cost"][kind]["dollars"] for kind in kinds}
    if "cold" in found:
        short["cold"] = {name: one["ratio"] for name, one in found["cold"].items() if name != "boto3"}
    return short


def written(found: dict[str, Any]) -> str:
    """docs/performance.md."""
    prices = json.loads(cost.PRICES.read_text())
    parts = [
        "# Performance",
        "Written by `make bench`: it measures on the machine it runs on, so compare within a table, not with another "
        "page. Units, requests and item sizes are counted, and the same everywhere.",
        f"Measured {datetime.now(UTC):%Y-%m-%d} with Python {platform.python_version()} on {os.cpu_count()} processors "
        f"({platform.machine()}), beside whatever else it did.",
    ]
    for name, section in (
        ("render", _rendering_table),
        ("fanout", _fan_out_table),
        ("latency", latency.table),
        ("memory", memory.table),
        ("seats", _seats_table),
        ("cost", lambda one: _cost_table(one, prices)),
        ("cold", _cold_table),
        ("growth", growth.table),
        ("people", people.table),
        ("rows", rows.table),
    ):
        if name in found:
            parts.append(section(found[name]))
    return "\n\n".join(parts) + "\n"


def table(heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in (heads, ("---",) * len(heads), *rows)]
    return "\n".join(lines)


def _rendering_table(one: dict[str, Any]) -> str:
    rows = [
        (name, f"{peer['median_ms']:g}", f"{peer['range_ms'][0]:g} to {peer['range_ms'][1]:g}", f"{peer['x']:g}")
        for name, peer in one["peers"].items()
    ]
    return (
        "## Rendering one mail\n\nThe same invitation for the same people; what each library says is compared first. "
        "Milliseconds of processor time, in turns.\n\n" + table(("how", "median", "range", "times as fast"), rows)
    )


def _fan_out_table(one: dict[str, Any]) -> str:
    rows = [
        (
            rate,
            f"{run['people']:,}",
            run["seconds"],
            run["ideal"],
            f"{100 * run['throttled']:.2g} %",
            "yes" if run["each_once_in_order"] else "**no**",
            run["processor"],
        )
        for rate, run in one.items()
        if rate != "worker"
    ]
    workers = [(at_once, run["mails_a_second"], run["cpu_ms_a_mail"]) for at_once, run in one["worker"].items()]
    return (
        "## A change to many people\n\nThe functions with real clients against a server that answers as SES (80 ms, at "
        "this many mails a second) and DynamoDB (5 ms) do. Seconds beside people / rate; `processors` are how many of "
        "this machine's server and workers took: where all, that is what bound the run.\n\n"
        + table(("mails a second", "people", "seconds", "ideal", "refused", "in order", "processors"), rows)
        + "\n\nOne worker, with so many sends under way:\n\n"
        + table(("at once", "mails a second", "processor ms a mail"), workers)
    )


def _seats_table(one: dict[str, Any]) -> str:
    rows = [
        (name, run["refused"], "yes" if run["exact"] else "**no**", run["median_ms"], run["slowest_ms"])
        for name, run in one.items()
    ]
    return (
        "## Registrations for one event at the same moment\n\nA thousand within ten seconds, against tables whose "
        "transactions take 15 ms, refuse each other on an item, and take 1,000 write units and 3,000 read units a "
        "second for each partition key. Simulated time, so the result is the same on any machine.\n\n"
        + table(("event", "refused", "seats exact", "median ms", "slowest ms"), rows)
    )


def _cost_table(one: dict[str, Any], prices: dict[str, Any]) -> str:
    kinds = ("registration", "change", "cancellation")
    rows = []
    for kind in kinds:
        this = one[kind]
        parts = ", ".join(f"{name} {units:g}" for name, units in this["writes"].items())
        rows.append((kind, f"{this['write_units']:g} ({parts})", f"{this['read_units']:g}", this["gb_seconds"]))
    bills = [(kind, *(f"{value:.2f}" for value in one[kind]["dollars"].values())) for kind in kinds]
    largest = ", ".join(f"{kind} {size}" for kind, size in sorted(one["sizes"].items()))
    return (
        "## What it costs\n\nFor one person, with the mail and all that SES reports of it, by the size of the items "
        "that are written; a write in a transaction counts twice, an entry of an index once.\n\n"
        + table(("", "write units", "read units", "GB-seconds"), rows)
        + f"\n\nDollars a million, at the prices of {prices['date']} ({prices['region']}), where one mail is sent at a "
        + "time:\n\n"
        + table(("", *one["change"]["dollars"]), bills)
        + f"\n\nThe largest items, in bytes: {largest}."
    )


def _cold_table(one: dict[str, Any]) -> str:
    rows = [
        (name, this["median_ms"], f"{this['range_ms'][0]} to {this['range_ms'][1]}", this["ratio"])
        for name, this in one.items()
    ]
    return (
        "## Cold start\n\nImport and the first clients in a fresh process, beside two clients of boto3 alone; "
        "milliseconds.\n\n" + table(("function", "median", "range", "ratio"), rows)
    )


if __name__ == "__main__":
    sys.exit(main())
