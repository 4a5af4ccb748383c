"""moto, without the work that no test here looks at: most of the time that a call of DynamoDB in memory takes.

What a call answers and stores is the same (tests/test_quick_moto.py compares the two).
"""

from __future__ import annotations

import base64
import copy
import json
import sys
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
from botocore import xform_name
from botocore.client import BaseClient
from botocore.serialize import JSONSerializer as BotocoresSerializer
from botocore.validate import ParamValidator
from moto.core.exceptions import JsonRESTError
from moto.core.models import DEFAULT_ACCOUNT_ID, botocore_stubber
from moto.core.serialize import JSONSerializer
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing.ast_nodes import (  # type: ignore[attr-defined]
    DepthFirstTraverser,
    Expression,
    Node,
    UpdateExpressionFunction,
)
from moto.dynamodb.parsing.expressions import UpdateExpressionParser  # type: ignore[attr-defined]
from moto.dynamodb.responses import DynamoHandler

_responses: Any = sys.modules[DynamoHandler.__module__]

ASKED = ("dynamodb", "sqs")
"""The services that nearly all calls are of."""

DIRECTLY = (
    *("GetItem", "PutItem", "UpdateItem", "DeleteItem", "TransactGetItems", "TransactWriteItems"),
    *("BatchGetItem", "BatchWriteItem", "Query", "Scan"),
)
"""The operations that are asked of moto without a request of HTTP between."""
INDEX_NAME = 6
"""Its place among the arguments of moto's query, after the hash key."""

ITEM_SIZE = 405_000
"""From where on moto says that an item is too large."""
CONDITIONS = 1000

_find_clauses: Any = Node.find_clauses
_condition: Any = ConditionExpressionParser.parse
_conditions: dict[str, tuple[Any, list[str], list[str]]] = {}
_item: Any = Item.__init__
_make = UpdateExpressionParser.make
_quick_make = cache(_make)
_traverse = DepthFirstTraverser.traverse
_nothing_before = DepthFirstTraverser.pre_processing_of_child
_cast: Any = DynamoType.cast_value
_copied: Any = DynamoType.__deepcopy__
_copied_item: Any = Item.__deepcopy__
_call: Any = BaseClient.__dict__["_make_api_call"]
_plain: Any = _responses.dynamo_to_dict
_query: Any = Table.query
_size: Any = DynamoType.size
_serialize: Any = BotocoresSerializer.__dict__["_serialize"]
_structure = JSONSerializer._serialize_type_structure
_type: Any = DynamoType.__init__
_validate: Any = ParamValidator.__dict__["_validate"]
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
    Node.find_clauses = _quick_clauses
    # What a key is, as often as it is looked for, it finds out after all that a key cannot be.
    DynamoType.cast_value = property(_quick_cast)  # type: ignore[assignment,method-assign]
    # For each value it asks six times of what type it is, and makes those within a map anew to learn their sizes.
    DynamoType.__init__ = _quick_type  # type: ignore[assignment,method-assign]
    DynamoType.size = _quick_size  # type: ignore[method-assign]
    DynamoType.__deepcopy__ = _copy_of_value  # type: ignore[method-assign]
    Item.__deepcopy__ = _copy_of_item  # type: ignore[method-assign]
    # For each attribute of an item that is put it adds up the sizes of all those before it.
    Item.__init__ = _quick_item  # type: ignore[method-assign]
    # For each query it sorts all items of the table.
    Table.query = _quick_query  # type: ignore[method-assign]
    # For each call botocore and moto write, sign, route and read a request and an answer of HTTP.
    BaseClient._make_api_call = _quick_call  # type: ignore[attr-defined]
    # botocore looks at each of the ten types that a value may have, in each value, to check it and again to write it.
    ParamValidator._validate = _quick_validate  # type: ignore[attr-defined]
    BotocoresSerializer._serialize = _quick_serialize  # type: ignore[attr-defined]
    # For each value of an answer moto imports a module and asks what else than a value it might be.
    _responses.dynamo_to_dict = _quick_plain
    # For each call by HTTP botocore writes anew what Python, and on what machine, it is that calls.
    botocore.useragent.UserAgentString.to_string = _user_agent  # type: ignore[method-assign,assignment]


def _user_agent(_: Any) -> str:
    return "tests"


def _quick_call(self: Any, name: str, asked: dict[str, Any]) -> Any:
    """What moto's handler answers, or refuses; where it fails in another way, it is asked again by HTTP."""
    if name not in DIRECTLY or not _goes_to_moto(self, name):
        return _call(self, name, asked)
    operation = self.meta.service_model.operation_model(name)
    asked = self._emit_api_params(api_params=asked, operation_model=operation, context={})
    handler = DynamoHandler()
    handler.body = handler.params = _asked(self._serializer.serialize_to_request(asked, operation)["body"])
    handler.current_account, handler.region = DEFAULT_ACCOUNT_ID, self.meta.region_name
    try:
        found: dict[str, Any] = getattr(handler, xform_name(name))().result
    except JsonRESTError as refusal:
        read = _refused(self, operation, refusal)
        raise self.exceptions.from_code(read["Error"]["Code"])(read, name) from None
    except Exception:
        return _call(self, name, asked)
    answer = {name: found[name] for name in operation.output_shape.members if found.get(name) is not None}
    return answer | {"ResponseMetadata": {"HTTPStatusCode": 200}}


def _refused(self: Any, operation: Any, refusal: JsonRESTError) -> Any:
    """What botocore reads in moto's answer."""
    headers = {name.lower(): value for name, value in refusal.get_headers()}
    answer = {"status_code": refusal.code, "headers": headers, "body": refusal.get_body().encode()}
    read = self._response_parser.parse(answer, operation.output_shape)
    self._endpoint._add_modeled_error_fields(answer, read, operation, self._response_parser)
    return read


def _goes_to_moto(client: Any, operation: str) -> bool:
    """Whether nothing but moto receives what a client sends: a test may have registered something of its own."""
    if client.meta.service_model.service_name != "dynamodb" or ".amazonaws.com" not in client.meta.endpoint_url:
        return False
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


def _quick_clauses(self: Any, kinds: Any) -> list[Any]:
    """moto's, with the class of each node looked up instead of compared."""
    found = []
    for child in self.children or ():
        kind: Any = type(child)
        if kind in kinds:
            found.append(child)
        elif _is_a(kind, Expression) or _is_a(kind, UpdateExpressionFunction):
            found += child.find_clauses(kinds)
    return found


def _quick_type(self: Any, given: Any) -> None:
    if type(given) is DynamoType:
        self.type, value = given.type, given.value
    else:
        self.type, value = next(iter(given.items()))
    if self.type == "L":
        value = [DynamoType(one) for one in value]
    elif self.type == "M":
        value = {name: DynamoType(one) for name, one in value.items()}
    self.value = value


def _quick_size(self: Any) -> int:
    if self.type == "S" and type(self.value) is str:
        return len(self.value) if self.value.isascii() else len(self.value.encode())
    if self.type == "M":
        values = ((name, one if type(one) is DynamoType else DynamoType(one)) for name, one in self.value.items())
        return sum(len(name.encode()) + one.size() for name, one in values)
    size: int = _size(self)
    return size


def _copy_of_value(self: Any, memo: dict[int, Any]) -> Any:
    made = DynamoType.__new__(DynamoType)
    made.type, made.value = self.type, self.value
    if self.type == "L":
        made.value = [copy.deepcopy(one, memo) for one in self.value]
    elif self.type == "M":
        made.value = {name: copy.deepcopy(one, memo) for name, one in self.value.items()}
    elif type(self.value) is list:
        made.value = [*self.value]
    return made


def _copy_of_item(self: Any, memo: dict[int, Any]) -> Any:
    made: Any = Item.__new__(Item)
    made.hash_key, made.range_key = copy.deepcopy(self.hash_key), copy.deepcopy(self.range_key)
    made.attrs = LimitedSizeDict()
    for name, value in self.attrs.items():
        dict.__setitem__(made.attrs, name, value.__deepcopy__(memo))
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


def _quick_validate(self: Any, value: Any, shape: Any, errors: Any, name: str) -> None:
    if not _as_sent(value, shape):
        _validate(self, value, shape, errors, name)


def _quick_serialize(self: Any, serialized: Any, value: Any, shape: Any, key: str | None = None) -> None:
    if key and _as_sent(value, shape):
        serialized[key] = value
    else:
        _serialize(self, serialized, value, shape, key)


def _as_sent(value: Any, shape: Any) -> bool:
    """Whether it is one of DynamoDB's values, or a map of such, and stands as it is sent."""
    if shape.type_name == "map" and shape.value.name == "AttributeValue" and type(value) is dict:
        return all(type(name) is str for name in value) and all(map(as_sent, value.values()))
    return shape.name == "AttributeValue" and as_sent(value)


def _quick_plain(found: Any) -> Any:
    kind = type(found)
    if kind is str or kind is bytes or kind is bool:
        return found
    if kind is DynamoType and found.type in ("S", "N", "BOOL", "NULL", "M", "L"):
        return {found.type: _quick_plain(found.value)}
    if isinstance(found, dict):
        return {name: _quick_plain(value) for name, value in found.items()}
    return [_quick_plain(value) for value in found] if kind is list else _plain(found)


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
