"""Read and write units of DynamoDB, counted from the requests themselves and the sizes of the items that they touch.

As DynamoDB bills them (on demand, the same for provisioned capacity):

- a write: a unit for each kilobyte of the item, before or after it, whichever is larger; twice that in a transaction,
  also for a ConditionCheck; as much where the condition fails
- in an index: a unit for each kilobyte of the entry that is put, and one for each that is removed
- a read: a unit for each four kilobytes, of an item or of all that a query reads; half of that where it need not be
  strongly consistent
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

from convoke.store import dynamo
from convoke.store.names import ATTRIBUTES

Item = Mapping[str, Any]
INDEXES = (
    ("due_shard", "due_key"),
    ("person", "created_at"),
    *(("event_id", attribute) for attribute in ATTRIBUTES),
)
"""Of each index that has the items which are counted here: the attributes that are its key."""


def size(item: Item | None) -> int:
    """The bytes of an item, given as typed attribute values."""
    return sum(len(name.encode()) + _size(value) for name, value in (item or {}).items())


def _size(value: Mapping[str, Any]) -> int:
    [(kind, content)] = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return (len(content.lstrip("-").replace(".", "")) + 1) // 2 + 1
        case "B":
            return len(bytes(content))
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + _size(each) for each in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _size(each) for name, each in content.items())
        case "SS":
            return sum(len(each.encode()) for each in content)
    raise TypeError(kind)


class Metered:
    """A client of DynamoDB that takes typed values, and what its requests cost: ``writes``, ``reads`` and ``calls``.

    ``by_item`` has the write units by the kind of item, ``written`` and ``read`` the units by table and partition key,
    without those of indexes, and ``largest`` the most bytes that one of a kind had.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.reset()

    def reset(self) -> None:
        self.writes = self.reads = 0.0
        self.calls: Counter[str] = Counter()
        self.by_item: Counter[str] = Counter()
        self.largest: Counter[str] = Counter()
        self.written: Counter[tuple[str, str]] = Counter()
        self.read: Counter[tuple[str, str]] = Counter()

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        done: Callable[..., Any] = getattr(self._client, operation)

        def metered(**asked: Any) -> Any:
            self.calls[operation] += 1
            if operation == "transact_write_items":
                return self._written([next(iter(one.values())) for one in asked["TransactItems"]], 2, done, asked)
            if operation in ("put_item", "update_item", "delete_item"):
                return self._written([asked], 1, done, asked)
            answer = done(**asked)
            self._read(operation, asked, answer)
            return answer

        return metered

    def _written(self, actions: list[Any], times: int, done: Callable[..., Any], asked: Any) -> Any:
        before = [self._stored(action) for action in actions]
        try:
            return done(**asked)
        finally:
            for action, was in zip(actions, before, strict=True):
                now = self._stored(action)
                own = times * max(1, ceil(max(size(was), size(now)) / 1024))
                units, kind = own + _indexed(was, now), _kind(action)
                self.written[action["TableName"], _partition(action)] += own
                self.writes += units
                self.by_item[kind] += units
                self.largest[kind] = max(self.largest[kind], size(now))

    def _stored(self, action: Any) -> Item | None:
        key = action.get("Key") or {name: action["Item"][name] for name in ("pk", "sk")}
        answer = self._client.get_item(TableName=action["TableName"], Key=key, ConsistentRead=True)
        found: Item | None = answer.get("Item")
        return found

    def _read(self, operation: str, asked: Any, answer: Any) -> None:
        if operation == "transact_get_items":
            self.reads += sum(2 * max(1, ceil(size(one.get("Item")) / 4096)) for one in answer["Responses"])
            return
        strong = asked.get("ConsistentRead", False)
        if operation == "get_item":
            read = [size(answer.get("Item"))]
        elif operation == "batch_get_item":
            read = [size(item) for items in answer["Responses"].values() for item in items]
        else:
            read = [sum(map(size, answer.get("Items", ())))]
        units = sum(max(1, ceil(each / 4096)) for each in read) * (1 if strong else 0.5)
        self.reads += units
        values = asked.get("ExpressionAttributeValues", {})
        if "IndexName" not in asked and ("Key" in asked or ":pk" in values):
            self.read[asked["TableName"], (asked["Key"]["pk"] if "Key" in asked else values[":pk"])["S"]] += ceil(units)


def _indexed(was: Item | None, now: Item | None) -> int:
    """The units that the indexes cost."""
    return sum(_of_one_index(_entry(was, index), _entry(now, index)) for index in INDEXES)


def _of_one_index(was: Item | None, now: Item | None) -> int:
    return 0 if was == now else sum(max(1, ceil(size(entry) / 1024)) for entry in (was, now) if entry)


def _entry(item: Item | None, index: tuple[str, str]) -> Item | None:
    """The entry of an item in an index, if it has one."""
    return {name: item[name] for name in ("pk", "sk", *index)} if item and set(index) <= set(item) else None


def _kind(action: Any) -> str:
    key = dynamo.unwire({"sk": (action.get("Key") or action["Item"])["sk"]})["sk"]
    return f"{action['TableName']} {key.partition('#')[0]}"


def _partition(action: Any) -> str:
    return str((action.get("Key") or action["Item"])["pk"]["S"])
