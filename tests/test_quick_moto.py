"""The shortcut for moto (tests/quick_moto.py) answers what moto itself answers."""

from __future__ import annotations

from typing import Any

import pytest
from moto.core.serialize import JSONSerializer, XFormedAttributePicker
from moto.core.utils import get_service_model

from tests import quick_moto
from tests.tables import in_memory

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


def test_a_query_is_looked_at_once_however_many_tables_there_were() -> None:
    for _ in range(3):
        with in_memory() as client:
            handlers = client.meta.events._emitter._handlers.prefix_search("provide-client-params.dynamodb.Query")
            assert [each.__name__ for each in handlers].count("_strict_query") == 1
