"""moto, without the work that no test here looks at: two thirds of the time that a call of DynamoDB in memory takes.

What a call answers is the same, byte for byte (tests/test_quick_moto.py compares the two).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import moto.backend_index
import moto.core.models
import moto.core.responses
import moto.core.utils
from moto.core.serialize import JSONSerializer

ASKED = ("dynamodb", "sqs")
"""The services that nearly all calls are of."""

_structure = JSONSerializer._serialize_type_structure


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
