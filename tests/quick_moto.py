"""moto, without the work that no test here looks at: most of the time that a call of DynamoDB in memory takes.

What a call answers and stores is the same (tests/test_quick_moto.py compares the two).
"""

from __future__ import annotations

import base64
import copy
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any

import botocore.useragent
import moto.backend_index
import moto.core.models
import moto.core.responses
import moto.core.utils
from botocore import xform_name
from botocore.client import BaseClient
from moto.core.exceptions import JsonRESTError
from moto.core.models import DEFAULT_ACCOUNT_ID, botocore_stubber
from moto.core.serialize import JSONSerializer
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Node  # type: ignore[attr-defined]
from moto.dynamodb.parsing.expressions import UpdateExpressionParser  # type: ignore[attr-defined]
from moto.dynamodb.responses import DynamoHandler

ASKED = ("dynamodb", "sqs")
"""The services that nearly all calls are of."""

DIRECTLY = (
    *("GetItem", "PutItem", "UpdateItem", "DeleteItem", "TransactGetItems", "TransactWriteItems"),
    *("BatchGetItem", "BatchWriteItem", "Query", "Scan"),
)
"""The operations that are asked of moto without a request of HTTP between."""
INDEX_NAME = 6
"""Its place among the arguments of moto's query, after the hash key."""
DONE = SimpleNamespace(status_code=200)

ITEM_SIZE = 405_000
"""From where on moto says that an item is too large."""
CONDITIONS = 1000

_condition: Any = ConditionExpressionParser.parse
_conditions: dict[str, tuple[Any, list[str], list[str]]] = {}
_item: Any = Item.__init__
_make = UpdateExpressionParser.make
_quick_make = cache(_make)
_traverse = DepthFirstTraverser.traverse
_nothing_before = DepthFirstTraverser.pre_processing_of_child
_cast: Any = DynamoType.cast_value
_query: Any = Table.query
_request: Any = BaseClient.__dict__["_make_request"]
_structure = JSONSerializer._serialize_type_structure
_transact = DynamoDBBackend.transact_write_items
_written: dict[str, list[dict[str, Any]]] | None = None
"""While a transaction is being written: the keys, or whole items, that it names in each table."""
_kept: dict[str, Any] = {}
"""Meanwhile: the copy of each of these tables, which moto asks for again for each action before it does the first."""


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
    # It reads each condition two or three times, each update twice.
    ConditionExpressionParser.parse = _quick_condition  # type: ignore[method-assign]
    UpdateExpressionParser.make = _quick_make
    # It walks through each update ten times, and asks of each node whether it is of each abstract class.
    DepthFirstTraverser.traverse = _quick_traverse
    Node.__deepcopy__ = _copy_of_node
    # What a key is, as often as it is looked for, it finds out after all that a key cannot be.
    DynamoType.cast_value = property(_quick_cast)  # type: ignore[assignment,method-assign]
    # For each attribute of an item that is put it adds up the sizes of all those before it.
    Item.__init__ = _quick_item  # type: ignore[method-assign]
    # For each query it sorts all items of the table.
    Table.query = _quick_query  # type: ignore[method-assign]
    # For each call botocore and moto write, sign, route and read a request and an answer of HTTP.
    BaseClient._make_request = _quick_request  # type: ignore[attr-defined]
    # For each call botocore writes anew what Python, and on what machine, it is that calls.
    botocore.useragent.UserAgentString.to_string = _user_agent  # type: ignore[method-assign,assignment]


def _user_agent(_: Any) -> str:
    return "tests"


def _quick_request(self: Any, operation: Any, request: dict[str, Any], context: dict[str, Any]) -> Any:
    """What moto's handler answers, or refuses; where it fails in another way, it is asked again by HTTP."""
    if operation.name in DIRECTLY and ".amazonaws.com" in request["url"] and _goes_to_moto(self, operation.name):
        handler = DynamoHandler()
        handler.body = handler.params = _asked(request["body"])
        handler.current_account, handler.region = DEFAULT_ACCOUNT_ID, self.meta.region_name
        try:
            found: dict[str, Any] = getattr(handler, xform_name(operation.name))().result
        except JsonRESTError as refusal:
            return _refused(self, operation, refusal)
        except Exception:
            return _request(self, operation, request, context)
        answer = {name: found[name] for name in operation.output_shape.members if found.get(name) is not None}
        return DONE, answer | {"ResponseMetadata": {"HTTPStatusCode": 200}}
    return _request(self, operation, request, context)


def _refused(self: Any, operation: Any, refusal: JsonRESTError) -> Any:
    """What botocore reads in moto's answer."""
    headers = {name.lower(): value for name, value in refusal.get_headers()}
    answer = {"status_code": refusal.code, "headers": headers, "body": refusal.get_body().encode()}
    read = self._response_parser.parse(answer, operation.output_shape)
    self._endpoint._add_modeled_error_fields(answer, read, operation, self._response_parser)
    return SimpleNamespace(status_code=refusal.code), read


def _goes_to_moto(client: Any, operation: str) -> bool:
    """Whether nothing but moto receives what a client sends: a test may have registered something of its own."""
    handlers = client.meta.events._emitter._handlers.prefix_search(f"before-send.dynamodb.{operation}")
    return botocore_stubber.enabled and list(handlers) == [botocore_stubber]


def _asked(body: bytes) -> dict[str, Any]:
    asked: dict[str, Any] = json.loads(body, object_hook=_decoded if b'"B"' in body else None)
    return asked


def _decoded(value: dict[str, Any]) -> dict[str, Any]:
    """A binary value of DynamoDB as it was before it was encoded; any other map as it is."""
    return {"B": base64.b64decode(value["B"])} if type(value.get("B")) is str else value


def _quick_query(self: Any, hash_key: Any, *more: Any, hash_key_conditions: Any = (), **others: Any) -> Any:
    """moto's query of a table of those items alone whose hash key, or the index's, is the one that is asked for."""
    table = copy.copy(self)
    if more[INDEX_NAME] is None:
        table.items = {key: items for key, items in [(hash_key, self.items.get(hash_key))] if items}
    else:
        table.items = {
            first: {second: item for second, item in items.items() if _has(item.attrs, hash_key_conditions)}
            for first, items in self.items.items()
        }
    return _query(table, hash_key, *more, hash_key_conditions=hash_key_conditions, **others)


def _quick_condition(self: Any) -> Any:
    """What a condition was read as is the same tree again, which nobody changes."""
    asked = repr((self.condition_expression, self.expression_attribute_names, self.expression_attribute_values))
    if asked not in _conditions:
        if len(_conditions) == CONDITIONS:
            _conditions.clear()
        read = _condition(self)
        _conditions[asked] = read, self.expr_attr_names_found, self.expr_attr_values_found
    read, names, values = _conditions[asked]
    self.expr_attr_names_found, self.expr_attr_values_found = [*names], [*values]
    return read


def _quick_traverse(self: Any, root: Any) -> Any:
    """moto's, with the class of each node looked up instead of compared."""
    processing = tuple(self._processing_map().items())
    before = None if type(self).pre_processing_of_child is _nothing_before else self.pre_processing_of_child

    def visit(node: Any, place: int = -1) -> Any:
        parent = node.parent
        for number, child in enumerate(node.children or ()):
            if before is not None:
                before(node, number)
            kind_of_child: Any = type(child)
            if _is_a(kind_of_child, Node):
                visit(child, number)
        kind: Any = type(node)
        for processed, process in processing:
            if _is_a(kind, processed):
                node = process(node)
                node.parent = parent
                if parent:
                    parent.children[place] = node
                break
        return node

    return visit(root)


@cache
def _is_a(kind: type[Any], another: type[Any]) -> bool:
    return issubclass(kind, another)


def _copy_of_node(node: Any, memo: dict[int, Any]) -> Any:
    """A node with all below it; nothing else hangs from one."""
    made = copy.copy(node)
    if node.children is not None:
        made.children = [copy.deepcopy(child, memo) for child in node.children]
        for child in made.children:
            if isinstance(child, Node):
                child.set_parent(made)
    return made


def _quick_cast(self: Any) -> Any:
    return self.value if self.type in ("S", "BOOL", "B") else _cast.fget(self)


def _quick_item(self: Any, hash_key: Any, range_key: Any, attrs: dict[str, Any]) -> None:
    _item(self, hash_key, range_key, {})
    for name, value in attrs.items():
        dict.__setitem__(self.attrs, name, DynamoType(value))
    if self.size() > ITEM_SIZE:
        raise ItemSizeTooLarge


def _has(attributes: dict[str, Any], wanted: list[tuple[str, Any]]) -> bool:
    return all((one := attributes.get(name)) and one.value == value.value for name, value in wanted)


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
        _kept.clear()


def _copy_of_table(table: Any, memo: dict[int, Any]) -> Any:
    """All of it; or for a transaction, which changes no other item than those it names: copies of these, and the others
    themselves.
    """
    named = None if _written is None else _written[table.name]
    if named is None or not table.has_range_key or table.stream_shard is not None:
        return copy._reconstruct(table, memo, *table.__reduce_ex__(4))  # type: ignore[attr-defined]
    if table.name in _kept:
        return _kept[table.name]
    kept = _kept[table.name] = copy.copy(table)
    kept.items = defaultdict(dict, table.items)
    keys = [[DynamoType(one[name]) for name in (table.hash_key_attr, table.range_key_attr)] for one in named]
    for first in {first for first, _ in keys if first in table.items}:
        kept.items[first] = dict(table.items[first])
    for first, second in keys:
        if second in kept.items[first]:
            kept.items[first][second] = copy.deepcopy(table.items[first][second])
    return kept
