"""The shortcut for moto (tests/quick_moto.py) answers what moto itself answers."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core.serialize import JSONSerializer, XFormedAttributePicker
from moto.core.utils import get_service_model
from moto.dynamodb.models import DynamoDBBackend

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


def test_a_query_is_looked_at_once_however_many_tables_there_were() -> None:
    for _ in range(3):
        with in_memory() as client:
            handlers = client.meta.events._emitter._handlers.prefix_search("provide-client-params.dynamodb.Query")
            assert [each.__name__ for each in handlers].count("_strict_query") == 1
