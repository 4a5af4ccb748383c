"""Writes to DynamoDB: actions, which are data, and carrying them out, one alone or several in one transaction."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from ..model import ConvokeError
from . import dynamo
from .conditions import CONSTANTS, EXISTS
from .dynamo import Item

Action = dict[str, Item]
"""One Put, Update, Delete or ConditionCheck, in the shape of ``transact_write_items``."""

NOTHING_ELSE: Mapping[str, Action] = {}
REQUEST = "request"
"""The name of the action that records an Idempotency-Key; see ``requests``."""
ROW = "row"
"""The name of the action that replaces the state of a row of a site's table; see ``sources``."""
DUE = ("due_shard", "due_key")
"""The attributes that put an item into the index of due items."""

ROUNDS = 5
"""How often a write is rebuilt, from new reads, after another writer changed what it was based on."""


class Repeated(ConvokeError):
    """Another request with the same Idempotency-Key was stored first; this one stored nothing."""


class Overtaken(ConvokeError):
    """Another worker looked at the same row of a site's table first; this one stored nothing."""


def rounds() -> Iterator[int]:
    """Numbers from 0 for a loop that reads, builds a write from that, and ends once it is written. Raises
    :class:`dynamo.Contention` after :data:`ROUNDS` of them.
    """
    yield from range(ROUNDS)
    raise dynamo.Contention(f"{ROUNDS} rounds met other writers")


def mark() -> dict[str, str]:
    """An attribute that no other request writes: by it a write whose answer was lost is known to have been done."""
    return {"claim": secrets.token_hex(8)}


def put(table: str, item: Mapping[str, Any], condition: str = "", **values: Any) -> Action:
    return {"Put": _action(table, {"Item": dynamo.wire(item)}, condition, values, {})}


def update(
    table: str,
    key: Mapping[str, str],
    changes: Mapping[str, Any],
    condition: str = EXISTS,
    *,
    add: Mapping[str, int | set[str]] = {},  # only read
    remove: tuple[str, ...] = (),
    first: tuple[str, ...] = (),
    **values: Any,
) -> Action:
    """An Update: sets ``changes``, adds ``add`` to what is stored, removes the attributes ``remove``. By default the
    item has to exist.

    Of ``changes``, those named in ``first`` are only set where the attribute is absent. A name with dots is a path into
    maps. ``values`` are those of the condition.
    """
    written = {_value(name): value for name, value in {**changes, **add}.items()}
    what = {"Key": dynamo.wire(key), "UpdateExpression": _expression(tuple(changes), remove, tuple(add), first)}
    return {"Update": _action(table, what, condition, values, written)}


def delete(table: str, key: Mapping[str, str], condition: str = "", **values: Any) -> Action:
    return {"Delete": _action(table, {"Key": dynamo.wire(key)}, condition, values, {})}


def check(table: str, key: Mapping[str, str], condition: str, **values: Any) -> Action:
    """A ConditionCheck: it writes nothing, and the transaction's other actions are done only where it holds."""
    return {"ConditionCheck": _action(table, {"Key": dynamo.wire(key)}, condition, values, {})}


@lru_cache(maxsize=1024)
def _expression(changes: tuple[str, ...], remove: tuple[str, ...], add: tuple[str, ...], first: tuple[str, ...]) -> str:
    """The update expression that sets, removes and adds to the attributes with these names."""
    sets = [
        f"{_path(n)} = " + (f"if_not_exists({_path(n)}, {_value(n)})" if n in first else _value(n)) for n in changes
    ]
    parts = (
        ("SET", sets),
        ("REMOVE", [_path(name) for name in remove]),
        ("ADD", [f"{_path(name)} {_value(name)}" for name in add]),
    )
    return " ".join(f"{verb} {', '.join(what)}" for verb, what in parts if what)


@lru_cache(maxsize=1024)
def _names(expressions: str) -> dict[str, str]:
    """The attributes that expressions name."""
    return {f"#{name}": name for name in sorted(set(re.findall(r"#(\w+)", expressions)))}


@lru_cache(maxsize=1024)
def _values(condition: str) -> tuple[str, ...]:
    """The values that a condition compares."""
    return tuple(re.findall(r":(\w+)", condition))


def _path(name: str) -> str:
    return ".".join(f"#{part}" for part in name.split("."))


def _value(name: str) -> str:
    return ":new_" + name.replace(".", "_")


def _action(table: str, what: Item, condition: str, values: Mapping[str, Any], written: Mapping[str, Any]) -> Item:
    action: Item = {"TableName": table, **what}
    if condition:
        action["ConditionExpression"] = condition
        action["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    names = _names(f"{condition} {action.get('UpdateExpression', '')}")
    if names:
        action["ExpressionAttributeNames"] = {**names}
    compared = {f":{name}": values[name] if name in values else CONSTANTS[name] for name in _values(condition)}
    if compared or written:
        action["ExpressionAttributeValues"] = dynamo.wire({**compared, **written})
    return action


_CALLS = {"Put": "put_item", "Update": "update_item", "Delete": "delete_item"}


def alone(client: Any, action: Action) -> tuple[bool, Item | None]:
    """Carry out one action outside a transaction. Returns (True, None), or (False, the existing item or ``None``) where
    its condition failed. Raises what :func:`dynamo.conditionally` raises.
    """
    [(verb, arguments)] = action.items()
    write: Callable[..., Any] = getattr(client, _CALLS[verb])
    return dynamo.conditionally(write, **arguments)


def attempt(client: Any, actions: Mapping[str, Action], attempts: int = dynamo.ATTEMPTS) -> dict[str, Item | None]:
    """Carry out all of ``actions`` or none. Returns the names of those whose condition failed, each with the existing
    item.

    An empty result means that everything was written. Raises :class:`Repeated` where the action named ``request``
    failed, :class:`Overtaken` where that named ``row`` did, and what :func:`dynamo.transact` raises, except
    :class:`dynamo.Refused`.
    """
    try:
        dynamo.transact(client, list(actions.values()), attempts)
    except dynamo.Refused as error:
        outcomes = zip(actions, error.reasons, error.items, strict=True)
        refused = {name: item for name, reason, item in outcomes if reason == "ConditionalCheckFailed"}
        if REQUEST in refused:
            raise Repeated(REQUEST) from None
        if ROW in refused:
            raise Overtaken(ROW) from None
        return refused
    return {}
