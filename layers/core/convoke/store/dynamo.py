"""The wire to DynamoDB: typed attribute values, consistent reads, paged queries, transactions that are tried again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import ClientError

from ..model import ConvokeError

Item = dict[str, Any]

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


class Contention(ConvokeError):
    """Others wrote the same items at the same moment, again and again; nothing was stored."""


class Refused(ConvokeError):
    """A transaction's conditions did not hold; nothing was stored.

    ``reasons`` has one code for each action, in order: "None" where it was not the cause, "ConditionalCheckFailed"
    where it was; ``items`` what stood there (with ``ReturnValuesOnConditionCheckFailure``), or ``None``.
    """

    def __init__(self, reasons: list[str], items: list[Item | None]) -> None:
        super().__init__(", ".join(reasons))
        self.reasons = reasons
        self.items = items


def client() -> Any:
    """A DynamoDB client that gives up soon enough for its function to answer."""
    return boto3.client(
        "dynamodb",
        config=Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 4}),
    )


def wire(item: Mapping[str, Any]) -> Item:
    return {name: _serializer.serialize(value) for name, value in item.items()}


def unwire(item: Mapping[str, Any]) -> Item:
    return {name: _plain(_deserializer.deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    """Binary as bytes, at any depth: the deserializer wraps it."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return bytes(value) if hasattr(value, "value") and isinstance(value.value, (bytes, bytearray)) else value


def get(client: Any, table: str, key: Mapping[str, str]) -> Item | None:
    """One item, strongly consistent, or ``None``."""
    answer = client.get_item(TableName=table, Key=wire(key), ConsistentRead=True)
    return unwire(answer["Item"]) if "Item" in answer else None


def pages(read: Callable[..., Any], **query: Any) -> Iterator[Item]:
    """Every item of a query or a scan, page after page, as the caller asks for them."""
    while True:
        answer = read(**query)
        yield from (unwire(item) for item in answer["Items"])
        if "LastEvaluatedKey" not in answer:
            return
        query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def conditionally(write: Callable[..., Any], **arguments: Any) -> tuple[bool, Item | None]:
    """Do one conditional write: (True, None), or (False, the item that stood in its way, if any).

    A transaction of somebody else under way on the same item is waited for: raises :class:`Contention` when it never
    ends.
    """
    for _ in _tries():
        try:
            write(**arguments, ReturnValuesOnConditionCheckFailure="ALL_OLD")
        except ClientError as error:
            match error.response["Error"]["Code"]:
                case "ConditionalCheckFailedException":
                    standing: Item | None = error.response.get("Item")  # type: ignore[assignment]
                    return False, unwire(standing) if standing else None
                case "TransactionConflictException":
                    continue
            raise
        return True, None
    raise Contention("a transaction of others never ended")


def transact(client: Any, actions: list[Item]) -> None:
    """Do all of ``actions`` or none. Raises :class:`Refused` for a failed condition, :class:`Contention` for conflict
    upon conflict.

    A failed condition wins over a conflict: with one, trying again cannot help.
    """
    for _ in _tries():
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
    raise Contention("every try met other writers")


def _tries(count: int = 5) -> Iterator[int]:
    """As many tries, with a pause between them that doubles and is half chance, so that those who met do not meet
    again.
    """
    for number in range(count):
        if number:
            time.sleep(random.uniform(0.5, 1) * 0.025 * 2**number)  # noqa: S311 (jitter, not a secret)
        yield number
