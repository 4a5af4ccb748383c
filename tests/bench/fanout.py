"""How fast one change reaches everybody: the function that delivers, in processes of its own with real boto3 clients,
against a server on this machine that answers as SES, SQS and DynamoDB do, each in its time.

SES takes 80 ms and refuses what goes beyond its rate, with a second's worth in store; a call to a table takes 5 ms.
Server and workers share the processors of this machine: ``processor`` says how much of one they took, and where that is
all there is, it is what bound the run.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import socket
import subprocess
import sys
import time
import urllib.request
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from convoke.effects import StoreRate
from convoke.model import Event, EventStatus
from convoke.registrations.events import change_event, create_event
from convoke.registrations.registry import register
from convoke.store.store import Store
from tests import factories
from tests.simulation.tables import Tables, Typed
from tests.tables import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
SES_SECONDS, TABLE_SECONDS, QUEUE_SECONDS = 0.080, 0.005, 0.010
RUNS = {14: (400, 2), 50: (1500, 2), 200: (6000, 6)}
"""The account's rate: so many people as take half a minute, and how many workers docs/deploy.md has for it."""
AT_ONCE = (1, 4, 8, 16)
ALONE = 200
"""People that one worker tells, without a limit of SES, to see what it can."""
NO_LIMIT = 100_000
LONGEST = 240.0


def measure() -> dict[str, Any]:
    """Seconds and refusals for each rate, and what one worker can with so many sends at once."""
    return {
        **{str(rate): run(people, rate, workers) for rate, (people, workers) in RUNS.items()},
        "worker": {str(at_once): _alone(at_once) for at_once in AT_ONCE},
    }


def _alone(at_once: int) -> dict[str, Any]:
    found = run(ALONE, NO_LIMIT, 1, at_once)
    mails = ALONE / found["seconds"]
    return {"mails_a_second": round(mails, 1), "cpu_ms_a_mail": round(1000 * found["worker_cpu"] / ALONE, 2)}


def run(people: int, rate: int, workers: int, at_once: int = 8, prefix: tuple[str, ...] = ()) -> dict[str, Any]:
    """One change, told to ``people``; each worker is started as ``prefix`` has it."""
    started: list[subprocess.Popen[bytes]] = []
    with serving(people, rate) as port:
        try:
            started += [_process("work", port, at_once, prefix=prefix) for _ in range(workers)]
            while ask(port, "found")["ready"] < workers:
                time.sleep(0.2)
            before = ask(port, "found")["processor"]
            ask(port, "change")
            began = time.monotonic()
            while (found := ask(port, "found"))["accepted"] < people:
                if time.monotonic() - began > LONGEST:
                    raise TimeoutError(f"after {LONGEST:g} s: {found}")
                time.sleep(0.2)
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
    }


@contextmanager
def serving(people: int, rate: int) -> Iterator[int]:
    """The server, in a process of its own; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    server = _process("serve", port, people, rate)
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
    return {**os.environ, "PYTHONPATH": paths, "PYTHONTZPATH": ""}


def _process(*arguments: Any, prefix: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    program = [*prefix, *command("tests.bench.fanout", *arguments)]
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


def _draft_with(store: Store, people: int) -> Event:
    """A draft of an event, which nobody has been told of: publishing it tells so many people."""
    event = factories.event(status=EventStatus.DRAFT)
    create_event(store, event)
    for number in range(people):
        identifier = f"{number:010d}{factories.EVENT_ID}"
        person = factories.registration(registration_id=identifier, email=f"person{number}@example.net")
        register(store, person, now=factories.NOW)
    return store.reads.event(event.event_id) or event


# --- the server ---------------------------------------------------------------------------------------------------


class Server:
    """SES, two queues and the tables, and what was seen of them."""

    def __init__(self, people: int, rate: int) -> None:
        self.tables = Typed(Tables(SETTINGS.registrations_table, lambda *_: None))
        self.store = Store(self.tables, SETTINGS)
        self.event = _draft_with(self.store, people)
        self.public = factories.event(event_id="b" * 26, capacity=None, public=True)
        create_event(self.store, self.public)
        if rate != NO_LIMIT:
            self.store.records.store_rate(StoreRate(rate=rate))
        self.rate, self.stock, self.filled = rate, float(rate), time.monotonic()
        self.queue: list[tuple[float, str]] = []
        self.said: dict[str, list[int]] = {}
        self.refused, self.accepted, self.last, self.changed = 0, 0, 0.0, 0.0
        self.ready, self.workers, self.largest = 0, list[float](), 0.0
        self.calls, self.calls_to_mail = 0, 0
        self.committed, self.calls_to_commit = 0.0, 0
        self.stopped = False

    async def answer(self, path: str, target: str, body: bytes) -> tuple[int, Any]:
        if path.startswith("/bench/"):
            return 200, self._bench(path.removeprefix("/bench/"))
        self.calls += 1
        if path.startswith("/v2/email"):
            return await self._ses(json.loads(body))
        service, _, operation = target.partition(".")
        if service == "AmazonSQS":
            await asyncio.sleep(QUEUE_SECONDS)
            return 200, self._sqs(operation, json.loads(body))
        await asyncio.sleep(TABLE_SECONDS)
        return self._table(operation, json.loads(body))

    def _bench(self, what: str) -> Any:
        match what.partition("?"):
            case "change", _, _:
                after = replace(self.event, status=EventStatus.CONFIRMED, version=self.event.version + 1)
                assert change_event(self.store, self.event, after, priority=1, now=datetime.now(UTC))
                self.changed = time.monotonic()
                self.queue.append((0.0, json.dumps({"event": self.event.event_id, "plan": True})))
            case "next", _, _:
                now = time.monotonic()
                for number, (due, hint) in enumerate(self.queue):
                    if due <= now:
                        del self.queue[number]
                        return {"hint": hint}
                return {"hint": None, "stop": self.stopped}
            case "event", _, _:
                return {"event": self.public.event_id}
            case "stop", _, _:
                self.stopped = True
            case "ready", _, _:
                self.ready += 1
            case "done", _, used:
                cpu, megabytes = map(float, used.split(","))
                self.workers.append(cpu)
                self.largest = max(self.largest, megabytes)
        return {
            "accepted": self.accepted,
            "refused": self.refused,
            "last": self.last,
            "changed": self.changed,
            "in_order": all(each == [0] for each in self.said.values()),
            "ready": self.ready,
            "workers": self.workers,
            "largest": self.largest,
            "calls": self.calls,
            "calls_to_mail": self.calls_to_mail,
            "committed": self.committed,
            "calls_to_commit": self.calls_to_commit,
            "processor": time.process_time(),
        }

    async def _ses(self, asked: Any) -> tuple[int, Any]:
        now = time.monotonic()
        self.stock = min(float(self.rate), self.stock + (now - self.filled) * self.rate)
        self.filled = now
        if self.stock < 1:
            self.refused += 1
            await asyncio.sleep(QUEUE_SECONDS)
            return 429, {"__type": "TooManyRequestsException", "message": "Maximum sending rate exceeded."}
        self.stock -= 1
        self.accepted += 1
        self.last, self.calls_to_mail = now, self.calls
        tags = {tag["Name"]: tag["Value"] for tag in asked["EmailTags"]}
        self.said.setdefault(tags["registration"], []).append(int(tags["sequence"]))
        await asyncio.sleep(SES_SECONDS)
        return 200, {"MessageId": f"ses-{self.accepted}"}

    def _sqs(self, operation: str, asked: Any) -> Any:
        now = time.monotonic()
        entries = asked["Entries"] if operation == "SendMessageBatch" else [asked]
        self.queue += [(now + one.get("DelaySeconds", 0), one["MessageBody"]) for one in entries]
        if operation == "SendMessageBatch":
            done = [{"Id": one["Id"], "MessageId": "m", "MD5OfMessageBody": ""} for one in entries]
            return {"Successful": done, "Failed": []}
        return {"MessageId": "m"}

    def _table(self, operation: str, asked: Any) -> tuple[int, Any]:
        name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation)[1:]
        asked.pop("ClientRequestToken", None)
        if operation == "TransactWriteItems":
            self.committed, self.calls_to_commit = time.monotonic(), self.calls
        try:
            return 200, _coded(getattr(self.tables, name)(**_coded(asked, b64decode)) or {}, _text)
        except ClientError as error:
            parts = {name: one for name, one in error.response.items() if name in ("CancellationReasons", "Item")}
            return 400, {"__type": error.response["Error"]["Code"], "message": "", **_coded(parts, _text)}


def _text(value: bytes) -> str:
    return b64encode(value).decode()


def _coded(value: Any, code: Any) -> Any:
    """The same with each binary value, ``{"B": …}``, in Base64 or out of it."""
    if isinstance(value, dict):
        if value.keys() == {"B"}:
            return {"B": code(value["B"])}
        return {name: _coded(one, code) for name, one in value.items()}
    return [_coded(one, code) for one in value] if isinstance(value, list) else value


async def serve(port: int, people: int, rate: int) -> None:
    """HTTP/1.1 with persistent connections, no more of it than boto3 uses."""
    server = Server(people, rate)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                path, target, length = line.split()[1].decode(), "", 0
                while (header := await reader.readline()) not in (b"\r\n", b""):
                    name, _, value = header.decode().partition(":")
                    if name.lower() == "x-amz-target":
                        target = value.strip()
                    elif name.lower() == "content-length":
                        length = int(value)
                    elif name.lower() == "expect":
                        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                status, answer = await server.answer(path, target, await reader.readexactly(length))
                said = json.dumps(answer).encode()
                head = (
                    f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {len(said)}\r\n\r\n"
                )
                writer.write(head.encode() + said)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", port):
        await asyncio.Event().wait()


# --- a worker -----------------------------------------------------------------------------------------------------


def work(port: int, at_once: int) -> None:
    """What Lambda does with ``functions/deliver.py``, one hint after the other."""
    settle_in(port)
    deliver: Any = import_module("deliver")  # after its settings

    deliver.process_batch = partial(deliver.process_batch, at_once=at_once)
    runtime = deliver.aws()
    _ = runtime._ses, runtime._sqs, runtime._store
    before = _used()
    ask(port, "ready")
    while True:
        found = ask(port, "next")
        if found["hint"] is not None:
            ends = time.monotonic() + 30
            left = SimpleNamespace(get_remaining_time_in_millis=lambda ends=ends: int(1000 * (ends - time.monotonic())))
            deliver.handle_hint(SimpleNamespace(body=found["hint"]), left)
        elif found["stop"]:
            break
        else:
            time.sleep(0.02)
    ask(port, f"done?{_used() - before},{peak()}")


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
    match sys.argv[1:]:
        case ["serve", port, people, rate]:
            asyncio.run(serve(int(port), int(people), int(rate)))
        case ["work", port, at_once]:
            work(int(port), int(at_once))
        case _:
            print(json.dumps(measure(), indent=1))
