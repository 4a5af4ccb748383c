"""Calls to DynamoDB: typed attribute values, consistent reads, paged queries, and conditional writes and transactions
that are repeated after a conflict.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ..model import ConvokeError

Item = dict[str, Any]

MAX_CONNECTIONS = 16
"""Connections that a client keeps: as many as there may be threads that use it."""
USER_AGENT = "Convoke"
"""What the clients call themselves. One with a fixed name saves the composition of botocore's own for every request."""
IN_A_CALL = 100
"""How many items one read names."""
ATTEMPTS = 5
"""How often a write that meets a transaction of another writer is made at most."""

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


class Contention(ConvokeError):
    """A write conflicted with other writers at every attempt; nothing was stored."""


BUSY = (
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "InternalServerError",
    "TransactionInProgressException",
)
"""The codes of DynamoDB's errors after which the same request may succeed a moment later, as after any 5xx."""


def is_busy(error: Exception) -> bool:
    """Whether the same may succeed a moment after ``error``."""
    if isinstance(error, ClientError):
        status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or error.response["Error"]["Code"] in BUSY
    return isinstance(error, (Contention, BotoCoreError))


class Refused(ConvokeError):
    """The condition of at least one action of a transaction failed; nothing was stored.

    ``reasons`` has DynamoDB's code for each action, in order: "ConditionalCheckFailed" where its condition failed,
    "None" where it was not the cause. ``items`` has the item that each failed condition met (with
    ``ReturnValuesOnConditionCheckFailure``), or ``None``.
    """

    def __init__(self, reasons: list[str], items: list[Item | None]) -> None:
        super().__init__(", ".join(reasons))
        self.reasons = reasons
        self.items = items


def client() -> Any:
    """A DynamoDB client. An attempt fails that finds no connection for two seconds, or no answer for five, and is
    repeated, three times at most.

    So a Lambda function of ten seconds outlives one attempt that hangs, not two: then it ends at its own timeout, as
    after a crash, and what the request has stored is found out by repeating it with its Idempotency-Key.
    ``authorize``, with five seconds, outlives an attempt without a connection only.

    It does not check the shape of requests, which this package composes: that takes as long as to sign them.
    """
    return boto3.client(
        "dynamodb",
        config=Config(
            connect_timeout=2,
            read_timeout=5,
            retries={"mode": "standard", "total_max_attempts": 4},
            max_pool_connections=MAX_CONNECTIONS,
            parameter_validation=False,
            user_agent=USER_AGENT,
        ),
    )


def wire(item: Mapping[str, Any]) -> Item:
    """Plain values as DynamoDB's typed attribute values: ``{"n": 1}`` as ``{"n": {"N": "1"}}``."""
    return {name: _serializer.serialize(value) for name, value in item.items()}


def unwire(item: Mapping[str, Any]) -> Item:
    """DynamoDB's typed attribute values as plain values; numbers are ``Decimal``, binary values ``bytes``."""
    return {name: _plain(_deserializer.deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    """Binary values in maps and lists as ``bytes``; boto3's deserializer wraps them in ``Binary``."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return bytes(value) if hasattr(value, "value") and isinstance(value.value, (bytes, bytearray)) else value


def get(client: Any, table: str, key: Mapping[str, str]) -> Item | None:
    """One item, strongly consistent, or ``None``."""
    answer = client.get_item(TableName=table, Key=wire(key), ConsistentRead=True)
    return unwire(answer["Item"]) if "Item" in answer else None


def get_each(client: Any, wanted: Sequence[tuple[str, Mapping[str, str]]]) -> list[Item | None]:
    """Items by table and key, a hundred in a call, each strongly consistent, but in no particular order; ``None`` where
    there is none. What DynamoDB leaves out, since too much is read, is asked for again after a pause.

    Raises :class:`Contention` where something was left out at every attempt.
    """
    if len(wanted) > IN_A_CALL:
        return get_each(client, wanted[:IN_A_CALL]) + get_each(client, wanted[IN_A_CALL:])
    asked: dict[str, Any] = {}
    for table, key in wanted:
        asked.setdefault(table, {"Keys": [], "ConsistentRead": True})["Keys"].append(wire(key))
    found: dict[tuple[str, str, str], Item] = {}
    attempts = _attempts()
    while asked:
        if next(attempts, None) is None:
            raise Contention("some items were left out at every attempt")
        answer = client.batch_get_item(RequestItems=asked)
        for table, items in answer["Responses"].items():
            found.update({(table, item["pk"], item["sk"]): item for item in map(unwire, items)})
        asked = answer.get("UnprocessedKeys", {})
    return [found.get((table, key["pk"], key["sk"])) for table, key in wanted]


def get_together(client: Any, wanted: Sequence[tuple[str, Mapping[str, str]]]) -> list[Item | None] | None:
    """Up to a hundred items by table and key, all as they were at one moment; ``None`` where a writer was at one of
    them. Costs twice as many read units as :func:`get_each`.
    """
    asked = [{"Get": {"TableName": table, "Key": wire(key)}} for table, key in wanted]
    try:
        answer = client.transact_get_items(TransactItems=asked)
    except ClientError as error:
        if error.response["Error"]["Code"] != "TransactionCanceledException":
            raise
        return None
    return [unwire(one["Item"]) if "Item" in one else None for one in answer["Responses"]]


def starting_with(table: str, first: Mapping[str, str], **more: Any) -> Item:
    """The query, strongly consistent, for the items of a partition whose sort key begins as that of ``first``."""
    prefix = {":prefix": first["sk"]} if first["sk"] else {}
    return {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk" + (" AND begins_with(sk, :prefix)" if prefix else ""),
        "ExpressionAttributeValues": wire({":pk": first["pk"], **prefix}),
        "ConsistentRead": True,
        **more,
    }


def between(table: str, after: Mapping[str, str], last: Mapping[str, str], *, start: bool = False, **more: Any) -> Item:
    """The query, strongly consistent, for the items of a partition with a sort key up to that of ``last`` and greater
    than that of ``after``; or, at the ``start`` of a range, equal to it.
    """
    # An id and a space sorts right after that id.
    values = {":pk": after["pk"], ":first": after["sk"] + ("" if start else " "), ":last": last["sk"]}
    return {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
        "ExpressionAttributeValues": wire(values),
        "ConsistentRead": True,
        **more,
    }


def of_index(
    table: str, index: str, partition: tuple[str, str], span: tuple[str, str, str] | None = None, **more: Any
) -> Item:
    """The query for the items of an index with a value of its partition key, which is given with its name; and with a
    sort key from a first value to a last, both included, which are given after its name.
    """
    of, value = partition
    condition, values = f"{of} = :{of}", {f":{of}": value}
    if span is not None:
        by, first, last = span
        condition, values = f"{condition} AND {by} BETWEEN :first AND :last", {**values, ":first": first, ":last": last}
    return {
        "TableName": table,
        "IndexName": index,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": wire(values),
        **more,
    }


def with_values(query: Item, wanted: Mapping[str, Any]) -> Item:
    """What is added to ``query`` to find only items with those values of ``wanted`` that are not ``None``; empty where
    all are.
    """
    given = {name: value for name, value in wanted.items() if value is not None}
    if not given:
        return {}
    return {
        "FilterExpression": " AND ".join(f"#{name} = :{name}" for name in given),
        "ExpressionAttributeNames": {f"#{name}": name for name in given},
        "ExpressionAttributeValues": query["ExpressionAttributeValues"]
        | wire({f":{name}": value for name, value in given.items()}),
    }


def pages(read: Callable[..., Any], **query: Any) -> Iterator[Item]:
    """All items of a query or a scan; a page is requested only when the caller has consumed the one before."""
    while True:
        answer = read(**query)
        yield from (unwire(item) for item in answer["Items"])
        if "LastEvaluatedKey" not in answer:
            return
        query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def keys_in(
    client: Any, table: str, names: tuple[str, ...], after: Mapping[str, Any] | None, limit: int
) -> tuple[list[Item], Item | None]:
    """At most ``limit`` primary keys of a table that has the key attributes ``names``, strongly consistent, after the
    key ``after``; and the key to go on after, ``None`` at the end.
    """
    named = {f"#key{number}": name for number, name in enumerate(names)}
    start = {} if after is None else {"ExclusiveStartKey": wire(after)}
    answer = client.scan(
        TableName=table,
        ProjectionExpression=", ".join(named),
        ExpressionAttributeNames=named,
        ConsistentRead=True,
        Limit=limit,
        **start,
    )
    last = unwire(answer["LastEvaluatedKey"]) if "LastEvaluatedKey" in answer else None
    return [unwire(item) for item in answer["Items"]], last


def conditionally(write: Callable[..., Any], **arguments: Any) -> tuple[bool, Item | None]:
    """Make one write. Returns (True, None), or (False, the existing item or ``None``) where the condition
    failed.

    Where another transaction is in progress on the item, the write is repeated after a pause. Raises
    :class:`Contention` when all attempts met one.
    """
    for _ in _attempts():
        try:
            write(**arguments)
        except ClientError as error:
            match error.response["Error"]["Code"]:
                case "ConditionalCheckFailedException":
                    existing: Item | None = error.response.get("Item")  # type: ignore[assignment]
                    return False, unwire(existing) if existing else None
                case "TransactionConflictException":
                    continue
            raise
        return True, None
    raise Contention("every attempt met a transaction of another writer")


def transact(client: Any, actions: list[Item], attempts: int = ATTEMPTS) -> None:
    """Carry out all of ``actions`` or none. A conflict with another writer is repeated after a pause.

    Raises :class:`Refused` where a condition failed, also beside a conflict, since repeating cannot help then;
    :class:`Contention` where every attempt met a conflict; botocore's ``ClientError`` for anything else.
    """
    for _ in _attempts(attempts):
        try:
            client.transact_write_items(TransactItems=actions)
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
            causes: list[Item] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
            reasons = [cause.get("Code", "None") for cause in causes]
            if "ConditionalCheckFailed" in reasons:
                items = [unwire(cause["Item"]) if "Item" in cause else None for cause in causes]
                raise Refused(reasons, items) from None
            if not {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"} & set(reasons):
                raise
        else:
            return
    raise Contention("every attempt met other writers")


def _attempts(count: int = ATTEMPTS) -> Iterator[int]:
    """Attempt numbers from 0, with a pause before each but the first."""
    for number in range(count):
        if number:
            pause(number)
        yield number


def pause(number: int) -> None:
    """Wait after the conflict of this number, from 1: 25 to 50 ms, then twice as long each time, up to 400 ms. The
    jitter keeps writers that met once from meeting again.
    """
    time.sleep(random.uniform(0.5, 1) * min(0.025 * 2**number, 0.4))  # noqa: S311 (jitter, not a secret)
