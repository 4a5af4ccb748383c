"""The keys of rows as JSON text."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from ..store import dynamo


def key_text(key: Mapping[str, Any]) -> str:
    """A row's key as JSON, in the shape that stream records have: ``{"id": {"S": "e1"}}``, binary values in Base64."""
    return json.dumps(_wire_text(dynamo.wire(key)), sort_keys=True, separators=(",", ":"))


def _wire_text(wire: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {kind: base64.b64encode(bytes(value)).decode() if kind == "B" else value for kind, value in typed.items()}
        for name, typed in wire.items()
    }


def read_key(wire: Mapping[str, Any]) -> dict[str, Any]:
    """A row's key as plain values, of a stream record's ``Keys`` or of :func:`key_text` as it is read from JSON."""
    return dynamo.unwire(
        {
            name: {kind: base64.b64decode(value) if kind == "B" else value for kind, value in typed.items()}
            for name, typed in wire.items()
        }
    )
