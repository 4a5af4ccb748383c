"""The shortcut for moto (tests/quick_moto.py) answers what moto itself answers."""

from __future__ import annotations

from typing import Any

import moto.dynamodb.responses
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.serialize import JSONSerializer as BotocoresSerializer
from botocore.validate import ParamValidator
from moto.core.serialize import JSONSerializer, XFormedAttributePicker
from moto.core.utils import get_service_model
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Node  # type: ignore[attr-defined]
from moto.dynamodb.parsing.expressions import UpdateExpressionParser  # type: ignore[attr-defined]

from tests import quick_moto
from tests.tables import everything, in_memory

VALUES: list[dict[str, Any]] = [
    {"S": "ü"},
    {"S": ""},
    {"N": "0"},
    {"N": "1E+3"},
    {"BOOL": False},
    {"NULL": True},
    {"M": {}},
    {"L": []},
    {"M": {"a": {"L": [{"S": "b"}, {"M": {"S": {"N": "1"}}}, {"BOOL": True}]}, "N": {"NULL": True}}},
]
LEFT_TO_MOTO: list[dict[str, Any]] = [
    {"B": b"\x00\xff"},
    {"L": [{"B": b"a"}]},
    {"M": {"a": {"B": b"a"}}},
    {"SS": ["a", "b"]},
    {"S": 1},
    {"S": "a", "N": "1"},
]


def answered(value: dict[str, Any]) -> str:
    operation = get_service_model("dynamodb").operation_model("GetItem")
    serializer = JSONSerializer(operation, value_picker=XFormedAttributePicker())
    return str(serializer.serialize({"Item": {"key": value}})["body"])


@pytest.mark.parametrize("value", [*VALUES, *LEFT_TO_MOTO], ids=repr)
def test_the_shortcut_changes_no_byte_of_an_answer(value: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    quick_moto.install()
    quickly = answered(value)
    monkeypatch.setattr(JSONSerializer, "_serialize_type_structure", quick_moto._structure)
    assert answered(value) == quickly


def test_what_has_to_be_encoded_is_left_to_moto() -> None:
    assert all(map(quick_moto.as_sent, VALUES))
    assert not any(map(quick_moto.as_sent, LEFT_TO_MOTO))


def write(name: str, number: int, *, is_there: bool | None = None) -> dict[str, Any]:
    condition = {None: {}, True: {"ConditionExpression": "attribute_exists(pk)"}}.get(
        is_there, {"ConditionExpression": "attribute_not_exists(pk)"}
    )
    update = "SET #n = if_not_exists(#n, :zero) + :one"
    values = {":zero": {"N": "0"}, ":one": {"N": "1"}}
    key = {"pk": {"S": name}, "sk": {"S": str(number)}}
    return {
        "Update": {"TableName": "Accounts", "Key": key, "UpdateExpression": update}
        | {"ExpressionAttributeNames": {"#n": "n"}, "ExpressionAttributeValues": values}
        | condition
    }


def delete(name: str, number: int) -> dict[str, Any]:
    return {"Delete": {"TableName": "Accounts", "Key": {"pk": {"S": name}, "sk": {"S": str(number)}}}}


def put(name: str, number: int) -> dict[str, Any]:
    return {"Put": {"TableName": "Webhooks", "Item": {"pk": {"S": name}, "sk": {"S": str(number)}, "put": {"S": "x"}}}}


TRANSACTIONS = [
    [write("a", 1), write("a", 2), write("b", 1), put("a", 1)],
    [write("a", 1), delete("a", 2), put("c", 1), write("b", 1, is_there=False)],
    [write("a", 3), write("c", 1), delete("b", 1), put("a", 1), write("d", 1, is_there=True)],
    [write("a", 1, is_there=True), delete("b", 1), put("a", 2)],
]


def test_a_transaction_writes_all_or_nothing_as_with_moto(monkeypatch: pytest.MonkeyPatch) -> None:
    def stored() -> list[tuple[str, dict[str, Any]]]:
        seen = []
        with in_memory() as client:
            for actions in TRANSACTIONS:
                before = everything(client)
                try:
                    client.transact_write_items(TransactItems=actions)
                except ClientError as error:
                    assert everything(client) == before
                    seen.append((str(error), before))
                else:
                    seen.append(("", everything(client)))
        return seen

    quickly = stored()
    assert [bool(error) for error, _ in quickly] == [False, True, True, False]
    monkeypatch.setattr(DynamoDBBackend, "transact_write_items", quick_moto._transact)
    assert stored() == quickly


KEYS = [{"pk": {"S": first}, "sk": {"S": second}} for first in ("b", "a") for second in ("2", "1", "3")]
PARTITION: dict[str, Any] = {"KeyConditionExpression": "pk = :a", "ExpressionAttributeValues": {":a": {"S": "a"}}}
CONDITIONS: dict[str, Any] = {"ConditionExpression": "#n = :n", "ExpressionAttributeNames": {"#n": "n"}}
VALUE: dict[str, Any] = {"ExpressionAttributeValues": {":n": {"N": "7"}}}
LARGE: dict[str, Any] = {"ExpressionAttributeValues": {":n": {"S": "x" * 410_000}}}
OLD = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
OPERATIONS: list[tuple[str, dict[str, Any]]] = [
    ("get_item", {"Key": KEYS[0]}),
    *(
        ("put_item", {"Item": key | {"n": {"N": str(number)}, "b": {"B": b"\x00\xff"}, "m": {"M": {"B": {"B": b""}}}}})
        for number, key in enumerate(KEYS)
    ),
    ("get_item", {"Key": KEYS[0], "ConsistentRead": True}),
    ("query", PARTITION),
    ("query", PARTITION | {"Limit": 2}),
    ("query", PARTITION | {"ScanIndexForward": False, "ExclusiveStartKey": KEYS[3]}),
    ("query", PARTITION | {"ProjectionExpression": "sk, b"}),
    ("query", PARTITION | {"ExpressionAttributeValues": {":a": {"S": "nobody"}}}),
    ("query", PARTITION | {"IndexName": "there_is_none"}),
    ("scan", {}),
    ("scan", {"Limit": 2, "ExclusiveStartKey": KEYS[0]}),
    ("put_item", {"Item": KEYS[0]} | CONDITIONS | VALUE | OLD),
    ("put_item", {"Item": {"pk": {"S": "a"}}}),
    ("delete_item", {"Key": KEYS[1]} | CONDITIONS | VALUE),
    ("delete_item", {"Key": KEYS[1], "ReturnValues": "ALL_OLD"}),
    ("update_item", {"Key": KEYS[2], "UpdateExpression": "ADD n :n", "ReturnValues": "UPDATED_NEW"} | VALUE),
    ("update_item", {"Key": KEYS[1], "UpdateExpression": "SET m.x = :n"} | VALUE),
    ("update_item", {"Key": KEYS[2], "UpdateExpression": "SET #n.x = :n, #n = :n REMOVE b"} | CONDITIONS | VALUE),
    ("update_item", {"Key": KEYS[2], "UpdateExpression": "SET m.y = :n, a = if_not_exists(a, :n) REMOVE b"} | VALUE),
    ("update_item", {"Key": KEYS[2], "UpdateExpression": "SET status = :n"} | VALUE),
    ("update_item", {"Key": KEYS[2], "UpdateExpression": "SET sk = :n"} | VALUE),
    ("put_item", {"Item": KEYS[2] | {"large": {"S": "ü" * 250_000}}}),
    ("update_item", {"Key": KEYS[2], "UpdateExpression": "SET a = :n"} | LARGE),
    ("batch_get_item", {"RequestItems": {"Accounts": {"Keys": KEYS}}}),
    ("transact_get_items", {"TransactItems": [{"Get": {"TableName": "Accounts", "Key": key}} for key in KEYS]}),
    ("transact_get_items", {"TransactItems": [{"Get": {"TableName": "Nowhere", "Key": KEYS[0]}}]}),
    ("transact_get_items", {"TransactItems": [{"Get": {"TableName": "Accounts", "Key": {"pk": {"S": "a"}}}}]}),
    ("batch_write_item", {"RequestItems": {"Accounts": [{"DeleteRequest": {"Key": KEYS[5]}}]}}),
    ("transact_write_items", {"TransactItems": [{"Delete": {"TableName": "Accounts", "Key": KEYS[0]}}]}),
    ("transact_write_items", {"TransactItems": [write("a", 2, is_there=False), delete("a", 1)]}),
]


def test_what_is_asked_directly_is_answered_as_by_http(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers() -> list[Any]:
        found: list[Any] = []
        with in_memory() as client:
            for operation, asked in OPERATIONS:
                table = {} if {"RequestItems", "TransactItems"} & set(asked) else {"TableName": "Accounts"}
                try:
                    answer = getattr(client, operation)(**table, **asked)
                    assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == 200
                    found.append(answer)
                except ClientError as error:
                    left_out = ("ResponseMetadata",)
                    found.append({name: value for name, value in error.response.items() if name not in left_out})
            found.append(everything(client))
        return found

    quickly = answers()
    assert sum("Error" in answer for answer in quickly) == 13
    monkeypatch.setattr(BaseClient, "_make_api_call", quick_moto._call)
    monkeypatch.setattr(ParamValidator, "_validate", quick_moto._validate)
    monkeypatch.setattr(BotocoresSerializer, "_serialize", quick_moto._serialize)
    monkeypatch.setattr(moto.dynamodb.responses, "dynamo_to_dict", quick_moto._plain)
    assert answers() == quickly
    monkeypatch.setattr(Table, "query", quick_moto._query)
    monkeypatch.setattr(ConditionExpressionParser, "parse", quick_moto._condition)
    monkeypatch.setattr(UpdateExpressionParser, "make", quick_moto._make)
    monkeypatch.setattr(DepthFirstTraverser, "traverse", quick_moto._traverse)
    monkeypatch.delattr(Node, "__deepcopy__")
    monkeypatch.setattr(Node, "find_clauses", quick_moto._find_clauses)
    monkeypatch.setattr(DynamoType, "__init__", quick_moto._type)
    monkeypatch.setattr(DynamoType, "size", quick_moto._size)
    monkeypatch.setattr(DynamoType, "__deepcopy__", quick_moto._copied)
    monkeypatch.setattr(Item, "__deepcopy__", quick_moto._copied_item)
    monkeypatch.setattr(Item, "__init__", quick_moto._item)
    monkeypatch.setattr(DynamoType, "cast_value", quick_moto._cast)
    assert answers() == quickly


def test_an_index_is_asked_as_with_moto(monkeypatch: pytest.MonkeyPatch) -> None:
    def rows() -> list[Any]:
        with in_memory() as client:
            for number in range(40):
                due = {"due_shard": {"S": f"s{number % 3}"}, "due_key": {"S": f"{number * 7 % 11}"}}
                item = {"pk": {"S": f"{number % 5}"}, "sk": {"S": f"{number}"}} | (due if number % 4 else {})
                client.put_item(TableName="Invitations", Item=item)
            found, more = [], dict[str, Any]()
            while True:
                page = client.query(
                    TableName="Invitations",
                    IndexName="due",
                    KeyConditionExpression="due_shard = :shard AND due_key < :key",
                    ExpressionAttributeValues={":shard": {"S": "s1"}, ":key": {"S": "7"}},
                    Limit=3,
                    **more,
                )
                found.append(page["Items"])
                if "LastEvaluatedKey" not in page:
                    return found
                more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    quickly = rows()
    assert len(quickly) > 2
    monkeypatch.setattr(Table, "query", quick_moto._query)
    assert rows() == quickly


def test_a_query_is_looked_at_once_however_many_tables_there_were() -> None:
    for _ in range(3):
        with in_memory() as client:
            handlers = client.meta.events._emitter._handlers.prefix_search("provide-client-params.dynamodb.Query")
            assert [each.__name__ for each in handlers].count("_strict_query") == 1
