"""DynamoDB as the store sees it: a client over tables in memory, with conditions, transactions, index and stream.

Values are plain Python; :class:`Typed` takes the wire's typed values in front of it, to compare it with the real one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol

from botocore.exceptions import ClientError, ReadTimeoutError

from convoke.store import dynamo

from . import expressions

Item = dict[str, Any]
Key = tuple[str, str]


class Row(dict[str, Any]):
    """One version of an item, never changed once stored; ``frozen`` is what the store made of it."""

    __slots__ = ("digest", "value")

    digest: int
    value: Any


class Line(Protocol):
    """What may befall a call on its way; see ``faults``."""

    def before(self) -> None: ...

    def lost(self) -> str: ...

    def meanwhile(self) -> None: ...

    def torn(self) -> bool: ...


class Quiet:
    """Nothing befalls any call."""

    def before(self) -> None:
        pass

    def lost(self) -> str:
        return ""

    def meanwhile(self) -> None:
        pass

    def torn(self) -> bool:
        return False


def refused(code: str, operation: str, **more: Any) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}, **more}, operation)  # type: ignore[typeddict-item]


class Tables:
    """The fake client. ``ring`` is called with the key of every write to a table that has a stream."""

    def __init__(self, streamed: Collection[str], ring: Callable[[str, str], None], line: Line | None = None) -> None:
        self.rows: dict[str, dict[str, dict[str, Row]]] = {}
        self.due: dict[Key, Row] = {}
        self.line: Line = line or Quiet()
        self._streamed = streamed
        self._ring = ring

    # --- the client's face ------------------------------------------------------------------------------------

    def get_item(self, **asked: Any) -> Item:
        assert asked["ConsistentRead"], "delivery reads strongly consistent"
        self.line.before()
        row = self.row(asked["TableName"], asked["Key"])
        return {} if row is None else {"Item": row}

    def batch_get_item(self, **asked: Any) -> Item:
        self.line.before()
        found: Item = {}
        for number, (table, wanted) in enumerate(asked["RequestItems"].items()):
            if number and self.line.torn():
                self.line.meanwhile()
            assert wanted["ConsistentRead"], "delivery reads strongly consistent"
            found[table] = [row for key in wanted["Keys"] if (row := self.row(table, key)) is not None]
        return {"Responses": found}

    def transact_get_items(self, **asked: Any) -> Item:
        self.line.before()
        wanted = [each["Get"] for each in asked["TransactItems"]]
        if self.line.lost() == "conflict":
            reasons = [{"Code": "TransactionConflict"}, *({"Code": "None"} for _ in wanted[1:])]
            raise refused("TransactionCanceledException", "TransactGetItems", CancellationReasons=reasons)
        rows = [self.row(each["TableName"], each["Key"]) for each in wanted]
        return {"Responses": [{} if row is None else {"Item": row} for row in rows]}

    def query(self, **asked: Any) -> Item:
        self.line.before()
        values, limit = asked["ExpressionAttributeValues"], asked.get("Limit", 1 << 30)
        wanted = expressions.condition(asked["KeyConditionExpression"])
        if "IndexName" in asked:
            rows = self.rows.get(asked["TableName"], {})
            due = [row for (pk, sk), row in self.due.items() if rows.get(pk, {}).get(sk) is row]
            found = [row for row in due if wanted(row, values)]
            found.sort(key=lambda row: (row["due_key"], row["pk"], row["sk"]))
            found = [Row({name: row[name] for name in ("pk", "sk", "due_shard", "due_key")}) for row in found]
        else:
            assert asked["ConsistentRead"], "delivery reads strongly consistent"
            found = [row for row in self._in_order(asked["TableName"], values) if wanted(row, values)]
            if len(found) > 1 and self.line.torn():
                found = self._in_two_moments(found, asked["TableName"], values, wanted)
        if "ExclusiveStartKey" in asked:
            found = [row for row in found if row["sk"] > asked["ExclusiveStartKey"]["sk"]]
        page = found[:limit]
        # As the real one does: a page that is full has a key to go on from, even where nothing follows.
        if len(page) == limit:
            return {"Items": page, "LastEvaluatedKey": {"pk": page[-1]["pk"], "sk": page[-1]["sk"]}}
        return {"Items": page}

    def scan(self, **asked: Any) -> Item:
        """The keys of all items of a table: nothing else is asked of it."""
        self.line.before()
        names = asked["ExpressionAttributeNames"].values()
        found = [
            row for _, part in sorted(self.rows.get(asked["TableName"], {}).items()) for _, row in sorted(part.items())
        ]
        if "ExclusiveStartKey" in asked:
            last = asked["ExclusiveStartKey"]
            found = [row for row in found if (row["pk"], row["sk"]) > (last["pk"], last["sk"])]
        page = [{name: row[name] for name in names} for row in found[: asked.get("Limit", 1 << 30)]]
        more = {"LastEvaluatedKey": page[-1]} if len(page) < len(found) else {}
        return {"Items": page, **more}

    def describe_table(self, **asked: Any) -> Item:
        self.line.before()
        return {"Table": {"TableId": f"the only {asked['TableName']}"}}

    def put_item(self, **action: Any) -> None:
        self._single("PutItem", "Put", action)

    def update_item(self, **action: Any) -> Item:
        self._single("UpdateItem", "Update", action)
        # All that stands, where the real one returns what was written: nobody reads more than that.
        return {"Attributes": self.row(action["TableName"], _key(action))} if "ReturnValues" in action else {}

    def delete_item(self, **action: Any) -> None:
        self._single("DeleteItem", "Delete", action)

    def transact_write_items(self, **asked: Any) -> None:
        operation = "TransactWriteItems"
        self.line.before()
        lost = self.line.lost()
        actions = [next(iter(action.items())) for action in asked["TransactItems"]]
        if lost == "conflict":
            reasons = [{"Code": "TransactionConflict"}, *({"Code": "None"} for _ in actions[1:])]
            raise refused("TransactionCanceledException", operation, CancellationReasons=reasons)
        failed = [not self._holds(action) for _, action in actions]
        if any(failed):
            reasons = [
                self._reason(action) if fails else {"Code": "None"}
                for (_, action), fails in zip(actions, failed, strict=True)
            ]
            raise refused("TransactionCanceledException", operation, CancellationReasons=reasons)
        for verb, action in actions:
            self._apply(verb, action)
        # One whose answer was lost is repeated under the same token: it is done once, and the second answer is yes.
        if lost == "unanswered":
            raise ReadTimeoutError(endpoint_url="dynamodb")

    # --- inside -----------------------------------------------------------------------------------------------

    def _in_two_moments(self, found: list[Row], table: str, values: Item, wanted: Callable[..., bool]) -> list[Row]:
        """What a query finds of which the first rows were read before others wrote, and the rest after: each is as it
        stands, but they are not all as they were at one moment.
        """
        first = found[: len(found) // 2]
        self.line.meanwhile()
        partition = self.rows.get(table, {}).get(values[":pk"], {})
        return first + [row for sk, row in sorted(partition.items()) if sk > first[-1]["sk"] and wanted(row, values)]

    def row(self, table: str, key: Mapping[str, str]) -> Row | None:
        return self.rows.get(table, {}).get(key["pk"], {}).get(key["sk"])

    def _in_order(self, table: str, values: Mapping[str, Any]) -> Iterable[Row]:
        """The items of the partition that a query asks for, by sort key; what it does not want may be missing."""
        partition = self.rows.get(table, {}).get(values[":pk"], {})
        found: Iterable[str] = partition
        if ":first" in values and ":last" in values:
            first, last = values[":first"], values[":last"]
            found = [sk for sk in partition if first <= sk <= last]
        return [partition[sk] for sk in sorted(found)]

    def _single(self, operation: str, verb: str, action: Item) -> None:
        self.line.before()
        lost = self.line.lost()
        if lost == "conflict":
            raise refused("TransactionConflictException", operation)
        for attempt in range(2 if lost == "repeated" else 1):
            if attempt:
                self.line.meanwhile()
            if not self._holds(action):
                standing = self.row(action["TableName"], _key(action))
                more = {"Item": standing} if standing and "ReturnValuesOnConditionCheckFailure" in action else {}
                raise refused("ConditionalCheckFailedException", operation, **more)
            self._apply(verb, action)
        if lost == "unanswered":
            raise ReadTimeoutError(endpoint_url="dynamodb")

    def _reason(self, action: Item) -> Item:
        standing = self.row(action["TableName"], _key(action))
        more = {"Item": standing} if standing and "ReturnValuesOnConditionCheckFailure" in action else {}
        return {"Code": "ConditionalCheckFailed", **more}

    def _holds(self, action: Item) -> bool:
        if "ConditionExpression" not in action:
            return True
        row = self.row(action["TableName"], _key(action))
        return expressions.condition(action["ConditionExpression"])(
            {} if row is None else row, action.get("ExpressionAttributeValues", {})
        )

    def _apply(self, verb: str, action: Item) -> None:
        if verb == "ConditionCheck":
            return
        table, key = action["TableName"], _key(action)
        partition = self.rows.setdefault(table, {}).setdefault(key["pk"], {})
        before = partition.get(key["sk"])
        if verb == "Delete":
            partition.pop(key["sk"], None)
            row = None
        elif verb == "Put":
            row = partition[key["sk"]] = Row(action["Item"])
        else:
            row = Row(partition.get(key["sk"], key))
            clauses = expressions.update(action["UpdateExpression"])
            expressions.updated(row, clauses, action.get("ExpressionAttributeValues", {}))
            partition[key["sk"]] = row
        at = (key["pk"], key["sk"])
        if row is not None and "due_shard" in row and "due_key" in row:
            self.due[at] = row
        elif self.due.get(at) is before:
            # A registration and its invitation have the same key, each in its table.
            self.due.pop(at, None)
        if table in self._streamed:
            self._ring(*at)


def _key(action: Item) -> Item:
    return action["Key"] if "Key" in action else action["Item"]  # type: ignore[no-any-return]


class Typed:
    """The same client for those who speak the wire's typed values, which ``wire`` makes of plain ones, and ``unwire``
    makes plain.
    """

    def __init__(
        self,
        tables: Tables,
        wire: Callable[[Mapping[str, Any]], Item] = dynamo.wire,
        unwire: Callable[[Mapping[str, Any]], Item] = dynamo.unwire,
    ) -> None:
        self._tables, self._wire, self._unwire = tables, wire, unwire

    def __getattr__(self, operation: str) -> Callable[..., Item]:
        def call(**arguments: Any) -> Item:
            try:
                answer = getattr(self._tables, operation)(**self._unwired(arguments)) or {}
            except ClientError as error:
                if "Item" in error.response:
                    error.response["Item"] = self._wire(error.response["Item"])  # type: ignore[typeddict-unknown-key,typeddict-item]
                for reason in error.response.get("CancellationReasons", []):
                    if "Item" in reason:
                        reason["Item"] = self._wire(reason["Item"])  # type: ignore[typeddict-item]
                raise
            for name in ("Item", "Attributes"):
                if name in answer:
                    return {name: self._wire(answer[name])}
            if operation == "transact_get_items":
                return {"Responses": [{"Item": self._wire(one["Item"])} if one else {} for one in answer["Responses"]]}
            if "Responses" in answer:
                return {
                    "Responses": {table: list(map(self._wire, rows)) for table, rows in answer["Responses"].items()}
                }
            if "Items" in answer:
                more = (
                    {"LastEvaluatedKey": self._wire(answer["LastEvaluatedKey"])} if "LastEvaluatedKey" in answer else {}
                )
                return {"Items": [self._wire(item) for item in answer["Items"]], **more}
            return {}

        return call

    def _unwired(self, arguments: Item) -> Item:
        plain = dict(arguments)
        for name in ("Key", "Item", "ExpressionAttributeValues", "ExclusiveStartKey"):
            if name in plain:
                plain[name] = self._unwire(plain[name])
        if "RequestItems" in plain:
            plain["RequestItems"] = {
                table: {**asked, "Keys": list(map(self._unwire, asked["Keys"]))}
                for table, asked in plain["RequestItems"].items()
            }
        if "TransactItems" in plain:
            plain["TransactItems"] = [
                {verb: self._unwired(action) for verb, action in each.items()} for each in plain["TransactItems"]
            ]
        return plain
