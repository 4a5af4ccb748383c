"""moto, without the work that no test here looks at: two thirds of the time that a call of DynamoDB in memory takes.

What a call answers and stores is the same (tests/test_quick_moto.py compares the two).
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import botocore.useragent
import moto.backend_index
import moto.core.models
import moto.core.responses
import moto.core.utils
from moto.core.serialize import JSONSerializer
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

ASKED = ("dynamodb", "sqs")
"""The services that nearly all calls are of."""

_structure = JSONSerializer._serialize_type_structure
_transact = DynamoDBBackend.transact_write_items
_written: dict[str, list[dict[str, Any]]] | None = None
"""While a transaction is being written: the keys, or whole items, that it names in each table."""


def install() -> None:
    """Once in a process; again does nothing more."""
    # For each mock_aws() moto registers seven times two hundred addresses with the library ``requests``: not used here.
    moto.core.models.RESPONSES_METHODS.clear()
    # For each call it tries the addresses of all services in turn, of which only one can be the right one.
    moto.backend_index.backend_url_patterns.sort(key=lambda one: one[0] not in ASKED)
    # For each call it lists the methods of the class that answers.
    listed = cache(moto.core.utils.method_names_from_class)
    moto.core.responses.method_names_from_class = listed  # type: ignore[attr-defined]
    # It looks for each of the ten types that a value may have under six names each, in each value of each item.
    JSONSerializer._serialize_type_structure = _quick_structure  # type: ignore[method-assign]
    # For each action of a transaction it copies the whole table, to set it back should the transaction fail.
    DynamoDBBackend.transact_write_items = _quick_transact  # type: ignore[method-assign]
    Table.__deepcopy__ = _copy_of_table  # type: ignore[attr-defined]
    # For each call botocore writes anew what Python, and on what machine, it is that calls.
    botocore.useragent.UserAgentString.to_string = _user_agent  # type: ignore[method-assign,assignment]


def _user_agent(_: Any) -> str:
    return "tests"


def _quick_structure(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
    if shape.name == "AttributeValue" and key and as_sent(value):
        serialized[key] = value
    else:
        _structure(self, serialized, value, shape, key)


def as_sent(value: Any) -> bool:
    """Whether a value of DynamoDB stands as it is sent: one type and what it holds, and nothing that is encoded yet."""
    if type(value) is not dict or len(value) != 1:
        return False
    [(kind, content)] = value.items()
    if kind in ("S", "N"):
        return type(content) is str
    if kind == "M":
        return type(content) is dict and all(map(as_sent, content.values()))
    if kind == "L":
        return type(content) is list and all(map(as_sent, content))
    return kind in ("BOOL", "NULL") and type(content) is bool


def _quick_transact(self: Any, transact_items: list[dict[str, Any]]) -> None:
    with _writing(transact_items):
        _transact(self, transact_items)


@contextmanager
def _writing(actions: list[dict[str, Any]]) -> Iterator[None]:
    global _written
    _written = {}
    for what in (what for action in actions for what in action.values()):
        _written.setdefault(what["TableName"], []).append(what.get("Key") or what["Item"])
    try:
        yield
    finally:
        _written = None


def _copy_of_table(table: Any, memo: dict[int, Any]) -> Any:
    """All of it; or for a transaction, which changes no other item than those it names: copies of these, and the others
    themselves.
    """
    named = None if _written is None else _written[table.name]
    if named is None or not table.has_range_key or table.stream_shard is not None:
        return copy._reconstruct(table, memo, *table.__reduce_ex__(4))  # type: ignore[attr-defined]
    kept = copy.copy(table)
    kept.items = defaultdict(dict, table.items)
    keys = [[DynamoType(one[name]) for name in (table.hash_key_attr, table.range_key_attr)] for one in named]
    for first in {first for first, _ in keys if first in table.items}:
        kept.items[first] = dict(table.items[first])
    for first, second in keys:
        if second in kept.items[first]:
            kept.items[first][second] = copy.deepcopy(table.items[first][second])
    return kept
