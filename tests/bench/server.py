"""The server of :mod:`tests.bench.fanout`: SES, two queues and the tables, each of which takes its time, over HTTP/1.1
with persistent connections, and no more of that than boto3 uses.

It shares the processors of the machine with the workers that are measured, so it is to take little of them: requests
are parsed in one go, and values of DynamoDB go from the wire to plain ones and back in one step.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from base64 import b64decode, b64encode
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from convoke.effects import StoreRate
from convoke.model import Event, EventStatus
from convoke.registrations.events import change_event, create_event
from convoke.registrations.registry import register
from convoke.store.store import Store
from tests import factories
from tests.simulation.tables import Item, Row, Tables, Typed
from tests.tables import SETTINGS

from .fanout import NO_LIMIT, QUEUE_SECONDS, SES_SECONDS, TABLE_SECONDS

Answer = tuple[int, Any]
"""A status of HTTP, and what is said as JSON."""


def draft_with(store: Store, people: int) -> Event:
    """A draft of an event, which nobody has been told of: publishing it tells so many people."""
    event = factories.event(status=EventStatus.DRAFT)
    create_event(store, event)
    for number in range(people):
        identifier = f"{number:010d}{factories.EVENT_ID}"
        person = factories.registration(registration_id=identifier, email=f"person{number}@example.net")
        register(store, person, now=factories.NOW)
    return store.reads.event(event.event_id) or event


class Server:
    """SES, two queues and the tables, and what was seen of them."""

    def __init__(self, people: int, rate: int) -> None:
        tables = Sorted(SETTINGS.registrations_table, lambda *_: None)
        self.tables = Typed(tables, wire, unwire)
        self.store = Store(Typed(tables), SETTINGS)
        self.event = draft_with(self.store, people)
        self.public = factories.event(event_id="b" * 26, capacity=None, public=True)
        create_event(self.store, self.public)
        if rate != NO_LIMIT:
            self.store.records.store_rate(StoreRate(rate=rate))
        self.rate, self.stock, self.filled = rate, float(rate), time.monotonic()
        self.queue: list[tuple[float, str]] = []
        self.said: dict[str, list[int]] = {}
        self.refused, self.accepted, self.last, self.changed = 0, 0, 0.0, 0.0
        self.by_second: Counter[int] = Counter()
        """Mails that were accepted in each second after the change."""
        self.ready, self.workers, self.largest = 0, list[float](), 0.0
        self.calls, self.calls_to_mail = 0, 0
        self.committed, self.calls_to_commit = 0.0, 0
        self.stopped = False

    def take(self, path: str, target: str, body: bytes) -> tuple[float, Callable[[], Answer]]:
        """How many seconds one request takes, and what is done and answered after them."""
        if path.startswith("/bench/"):
            return 0, lambda: (200, self._bench(path.removeprefix("/bench/")))
        self.calls += 1
        if path.startswith("/v2/email"):
            return self._ses(json.loads(body))
        service, _, operation = target.partition(".")
        if service == "AmazonSQS":
            return QUEUE_SECONDS, lambda: (200, self._sqs(operation, json.loads(body)))
        return TABLE_SECONDS, lambda: self._table(operation, json.loads(body))

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
            "by_second": [self.by_second[second] for second in range(1 + max(self.by_second, default=-1))],
            "processor": time.process_time(),
        }

    def _ses(self, asked: Any) -> tuple[float, Callable[[], Answer]]:
        now = time.monotonic()
        self.stock = min(float(self.rate), self.stock + (now - self.filled) * self.rate)
        self.filled = now
        if self.stock < 1:
            self.refused += 1
            said = {"__type": "TooManyRequestsException", "message": "Maximum sending rate exceeded."}
            return QUEUE_SECONDS, lambda: (429, said)
        self.stock -= 1
        self.accepted += 1
        self.last, self.calls_to_mail = now, self.calls
        self.by_second[int(now - self.changed)] += 1
        tags = {tag["Name"]: tag["Value"] for tag in asked["EmailTags"]}
        self.said.setdefault(tags["registration"], []).append(int(tags["sequence"]))
        number = self.accepted
        return SES_SECONDS, lambda: (200, {"MessageId": f"ses-{number}"})

    def _sqs(self, operation: str, asked: Any) -> Any:
        now = time.monotonic()
        entries = asked["Entries"] if operation == "SendMessageBatch" else [asked]
        self.queue += [(now + one.get("DelaySeconds", 0), one["MessageBody"]) for one in entries]
        if operation == "SendMessageBatch":
            done = [{"Id": one["Id"], "MessageId": "m", "MD5OfMessageBody": ""} for one in entries]
            return {"Successful": done, "Failed": []}
        return {"MessageId": "m"}

    def _table(self, operation: str, asked: Any) -> Answer:
        name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation)[1:]
        asked.pop("ClientRequestToken", None)
        if operation == "TransactWriteItems":
            self.committed, self.calls_to_commit = time.monotonic(), self.calls
        try:
            return 200, getattr(self.tables, name)(**asked)
        except ClientError as error:
            parts = {name: one for name, one in error.response.items() if name in ("CancellationReasons", "Item")}
            return 400, {"__type": error.response["Error"]["Code"], "message": "", **parts}


class Sorted(Tables):
    """The fake tables, with the order of a partition kept until an item comes or goes: else each query would sort."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._order: dict[tuple[str, str], list[str]] = {}

    def _in_order(self, table: str, values: Mapping[str, Any]) -> Iterable[Row]:
        partition = self.rows.get(table, {}).get(values[":pk"], {})
        place = (table, values[":pk"])
        order = self._order.get(place)
        if order is None or len(order) != len(partition):
            order = self._order[place] = sorted(partition)
        first = bisect_left(order, values.get(":first", ""))
        return [partition[sk] for sk in order[first : bisect_right(order, values.get(":last", "\U0010ffff"))]]

    def _apply(self, verb: str, action: Item) -> None:
        if verb in ("Put", "Delete"):
            key = action.get("Key") or action["Item"]
            self._order.pop((action["TableName"], key["pk"]), None)
        super()._apply(verb, action)


def wire(item: Mapping[str, Any]) -> Item:
    """Plain values as they stand in DynamoDB's JSON: typed, with binary values in Base64."""
    return {name: _typed(value) for name, value in item.items()}


def _typed(value: Any) -> dict[str, Any]:
    match value:
        case str():
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case None:
            return {"NULL": True}
        case int() | Decimal():
            return {"N": str(value)}
        case dict():
            return {"M": wire(value)}
        case list() | tuple():
            return {"L": list(map(_typed, value))}
        case bytes():
            return {"B": b64encode(value).decode()}
        case set() | frozenset():
            return {"SS": sorted(value)}
    raise TypeError(type(value).__name__)


def unwire(item: Mapping[str, Any]) -> Item:
    """What :func:`wire` was given."""
    return {name: _plain(value) for name, value in item.items()}


def _plain(value: Mapping[str, Any]) -> Any:
    [(kind, content)] = value.items()
    match kind:
        case "S" | "BOOL":
            return content
        case "N":
            return Decimal(content)
        case "M":
            return unwire(content)
        case "L":
            return list(map(_plain, content))
        case "B":
            return b64decode(content)
        case "SS":
            return set(content)
        case "NULL":
            return None
    raise TypeError(kind)


# --- HTTP ---------------------------------------------------------------------------------------------------------

_HEADER = re.compile(rb"\r\n(content-length|expect|x-amz-target):[ \t]*([^\r]*)", re.IGNORECASE)


class Connection(asyncio.Protocol):
    """One connection: a request after the other, each answered before the next is looked at."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._received = b""
        self._head: tuple[str, str, int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._head is None:
            head, end, rest = self._received.partition(b"\r\n\r\n")
            if not end:
                return
            self._received = rest
            named = {name.lower(): value for name, value in _HEADER.findall(head)}
            if b"expect" in named:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            path, target = head.split(b" ", 2)[1].decode(), named.get(b"x-amz-target", b"").decode()
            self._head = (path, target, int(named.get(b"content-length", b"0")))
        path, target, length = self._head
        if len(self._received) >= length:
            body, self._received, self._head = self._received[:length], self._received[length:], None
            seconds, answer = self._server.take(path, target, body)
            if seconds:
                asyncio.get_running_loop().call_later(seconds, self._say, answer)
            else:
                self._say(answer)

    def _say(self, answer: Callable[[], Answer]) -> None:
        status, what = answer()
        said = json.dumps(what).encode()
        head = f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {len(said)}\r\n\r\n"
        self._transport.write(head.encode() + said)


async def serve(port: int, people: int, rate: int) -> None:
    server = Server(people, rate)
    listening = await asyncio.get_running_loop().create_server(lambda: Connection(server), "127.0.0.1", port)
    async with listening:
        await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(*map(int, sys.argv[1:])))
