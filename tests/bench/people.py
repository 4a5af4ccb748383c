"""The console's list of people of an event at which thousands have answered: how long a page takes, and what it reads.

Production's console, API and client of DynamoDB, within one process, over tables in memory whose every answer takes
five milliseconds. What a client spends on requests and answers is in it; a network is not.
"""

from __future__ import annotations

import json
import statistics
import time
from base64 import b64encode
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from convoke.decision.fingerprints import fingerprint
from convoke.decision.invitation import Seats
from convoke.model import DeliveryState, Participation
from convoke.store import codec, dynamo, keys
from convoke.store.invitations import invitation_item
from convoke.store.names import attributes
from convoke.store.store import Store
from tests.factories import EVENT_ID, NOW, accepted, event, invitation, registration, reply, told
from tests.secretary import Secretary, a_secretary
from tests.tables import SETTINGS
from tests.units import size

PEOPLE = 15_000
TIMES = 20
SECONDS = 0.005
"""What an answer of DynamoDB takes."""
LARGEST_PAGE = 1024 * 1024
"""Bytes of items that one query reads at most."""
FIRST_NAMES = ("Anna", "Bo", "Chiara", "Dörte", "Émile", "Fatma", "Grzegorz", "Hana", "İpek", "José")
LAST_NAMES = ("Schmidt", "Nowak", "García", "Yılmaz", "Rossi", "Dubois", "Jansen", "Ek", "Silva", "Sato")
ANSWERS = (Participation.ACCEPTED, Participation.DECLINED, Participation.TENTATIVE)
PATH = f"/console/events/{EVENT_ID}/people"
PAGES = {
    "by name": "",
    "the latest first": "?order=-created",
    "search for a word": "?q=schm",
    "search for a word that one person has": "?q=x5b7",
    "search for two words": "?q=schm+an",
    "search for an address": "?q=p712.nowak@example.net",
    "search for a domain": "?q=@example.org",
    "by name, who declined": "?answer=declined",
    "by name, whose mail came back": "?delivery=bounced",
    "the latest first, whose mail came back": "?delivery=bounced&order=-created",
}
"""Pages of the list, the last three with a filter that is derived of each registration; nobody's mail came back."""


class Tables:
    """DynamoDB, for the reads of the list and for a session, behind boto3's own client: it answers as the real one,
    with what it has in memory. ``calls`` counts operations, ``items`` the items that were read.
    """

    def __init__(self, seconds: float) -> None:
        self.rows: dict[str, dict[str, dict[str, Any]]] = {}
        self.calls: Counter[str] = Counter()
        self.items = 0
        self._seconds = seconds
        self._sorted: dict[tuple[str, str, str], list[tuple[str, dict[str, Any]]]] = {}
        # Of a session of its own: the tests share those that boto3 makes.
        self.client = boto3.Session("testing", "testing", region_name="eu-central-1").client("dynamodb")
        self.client.meta.events.register_first("before-send.dynamodb", self._answer)

    def put(self, table: str, item: Mapping[str, Any]) -> None:
        """Store an item of typed values."""
        self.rows.setdefault(table, {}).setdefault(item["pk"]["S"], {})[item["sk"]["S"]] = dict(item)

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().partition(".")[2]
        asked = json.loads(request.body)
        self.calls[operation] += 1
        time.sleep(self._seconds)
        answer = getattr(self, f"_{operation}")(asked)
        raw = BytesIO(json.dumps(answer, default=lambda value: b64encode(value).decode()).encode())
        raw.stream = lambda *_, **__: iter([raw.getvalue()])  # type: ignore[attr-defined]
        return AWSResponse(request.url, 200, HTTPHeaders(), raw)

    def _PutItem(self, asked: Any) -> Any:  # noqa: N802 (DynamoDB's name)
        self.put(asked["TableName"], asked["Item"])
        return {}

    def _GetItem(self, asked: Any) -> Any:  # noqa: N802
        found = self._row(asked["TableName"], asked["Key"])
        return {} if found is None else {"Item": found}

    def _BatchGetItem(self, asked: Any) -> Any:  # noqa: N802
        found = {
            table: [row for key in wanted["Keys"] if (row := self._row(table, key))]
            for table, wanted in asked["RequestItems"].items()
        }
        return {"Responses": found, "UnprocessedKeys": {}}

    def _Query(self, asked: Any) -> Any:  # noqa: N802
        values = {name: value["S"] for name, value in asked["ExpressionAttributeValues"].items()}
        index = asked.get("IndexName", "").removeprefix("by_")
        rows = self._order(asked["TableName"], values.get(":pk", f"EVENT#{values.get(':event_id')}"), index)
        first, last = values.get(":first", values.get(":prefix", "")), values.get(":last", "\U0010ffff")
        if ":prefix" in values:
            last = first + last
        low, high = bisect_left(rows, first, key=_value), bisect_right(rows, last, key=_value)
        found = rows[low:high] if asked.get("ScanIndexForward", True) else rows[low:high][::-1]
        if "ExclusiveStartKey" in asked:
            start = asked["ExclusiveStartKey"][index or "sk"]["S"]
            forward = asked.get("ScanIndexForward", True)
            found = [one for one in found if (one[0] > start if forward else one[0] < start)]
        page: list[dict[str, Any]] = []
        bytes_of = 0
        for _, row in found[: asked.get("Limit")]:
            page.append(row)
            bytes_of += size(row)
            if bytes_of > LARGEST_PAGE:
                break
        self.items += len(page)
        more = len(page) < len(found)
        return {"Items": page} | ({"LastEvaluatedKey": _keys(page[-1], index)} if more else {})

    def _order(self, table: str, partition: str, index: str) -> list[tuple[str, dict[str, Any]]]:
        """The items of a partition of the table, or of an index, sorted; made once."""
        name = (table, partition, index)
        if name not in self._sorted:
            rows = self.rows.get(table, {}).get(partition, {}).values()
            if index:
                rows = [_keys(row, index) | {"event_id": row["event_id"]} for row in rows if index in row]  # type: ignore[assignment]
            self._sorted[name] = sorted(((row[index or "sk"]["S"], row) for row in rows), key=_value)
        return self._sorted[name]

    def _row(self, table: str, key: Mapping[str, Any]) -> dict[str, Any] | None:
        found = self.rows.get(table, {}).get(key["pk"]["S"], {}).get(key["sk"]["S"])
        self.items += found is not None
        return found


def _value(row: tuple[str, dict[str, Any]]) -> str:
    return row[0]


def _keys(row: Mapping[str, Any], index: str) -> dict[str, Any]:
    return {name: row[name] for name in ("pk", "sk", *((index,) if index else ()))}


def fill(tables: Tables, people: int) -> None:
    """The event with so many people who were invited and have answered."""
    held = event(when=event().when, capacity=None)
    said = replace(told(), fingerprint=fingerprint(held))
    tables.put(SETTINGS.registrations_table, dynamo.wire(codec.item(held, keys.event(EVENT_ID))))
    tables.put(SETTINGS.invitations_table, dynamo.wire(codec.item(Seats(taken=people), keys.seats(EVENT_ID))))
    invited = dynamo.wire(invitation_item(accepted(invitation(), said, state=DeliveryState.DELIVERED)))
    for number in range(people):
        at = NOW - timedelta(days=30) + timedelta(seconds=number)
        last = LAST_NAMES[number // 10 % 10]
        person = registration(
            registration_id=keys.registration_id(at, number.to_bytes(16)),
            name=f"{FIRST_NAMES[number % 10]} {last} x{number:x}",
            email=f"p{number}.{last.encode('ascii', 'ignore').decode().lower()}@example.net",
            reply=reply(status=ANSWERS[number % 3]),
            created_at=at,
            updated_at=at,
        )
        key = keys.registration(EVENT_ID, person.registration_id)
        tables.put(SETTINGS.registrations_table, dynamo.wire(codec.item(person, key, **attributes(person))))
        own = dynamo.wire(
            {**keys.invitation(EVENT_ID, person.registration_id), "registration_id": person.registration_id}
        )
        tables.put(SETTINGS.invitations_table, {**invited, **own})


@contextmanager
def crowded(people: int, seconds: float = SECONDS) -> Iterator[tuple[Secretary, Tables]]:
    """Somebody who is signed in to the console of an account with such an event."""
    with pytest.MonkeyPatch.context() as patch, a_secretary(patch) as secretary:
        tables = Tables(seconds)
        fill(tables, people)
        secretary.store = secretary.world.store = Store(tables.client, SETTINGS)
        secretary.sign_in()
        yield secretary, tables


def measure(people: int = PEOPLE, times: int = TIMES) -> dict[str, Any]:
    """For each of :data:`PAGES`: the median and the longest of so many times, in milliseconds of the processor and with
    the answers of the tables waited for; how many people it shows, and what was read for it.
    """
    with crowded(people) as (secretary, tables):
        return {name: _page(secretary, tables, PATH + query, times) for name, query in PAGES.items()}


def _page(secretary: Secretary, tables: Tables, path: str, times: int) -> dict[str, Any]:
    secretary.get(path)
    tables.calls.clear()
    tables.items = 0
    processor, elapsed, shown = [], [], 0
    for _ in range(times):
        began, used = time.perf_counter(), time.process_time()
        answer = secretary.get(path)
        elapsed.append(1000 * (time.perf_counter() - began))
        processor.append(1000 * (time.process_time() - used))
        assert answer.status == 200, path
        shown = answer.text.count('<th scope="row">')
    return {
        "median_ms": round(statistics.median(elapsed)),
        "longest_ms": round(max(elapsed)),
        "processor_ms": round(statistics.median(processor)),
        "people": shown,
        "calls": tables.calls.total() // times,
        "items": tables.items // times,
    }


def table(found: dict[str, Any]) -> str:
    """The section of docs/performance.md."""
    heads = ("page", "people shown", "calls", "items read", "median ms", "longest ms", "processor ms")
    names = ("people", "calls", "items", "median_ms", "longest_ms", "processor_ms")
    rows = [(page, *(f"{one[name]:,}" for name in names)) for page, one in found.items()]
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in (heads, ("---",) * len(heads), *rows)]
    said = (
        f"Of an event at which {PEOPLE:,} have answered, as the console shows it: {TIMES} times each, with DynamoDB's "
        f"answers after {1000 * SECONDS:g} ms. A filter by answer or by latest mail is worked out for each person, of "
        "whom one page looks at so many at most."
    )
    return "\n\n".join(("## The list of people", said, "\n".join(lines)))
