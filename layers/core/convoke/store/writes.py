"""The actions of a transaction, and doing all of them or none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..model import ConvokeError
from . import dynamo
from .items import Item

Action = dict[str, Item]
"""One Put, Update, Delete or ConditionCheck, as ``transact_write_items`` wants it."""

NOTHING_ELSE: Mapping[str, Action] = {}
REQUEST = "request"
"""The name of the action that records an Idempotency-Key; see ``requests``."""

ROUNDS = 5
"""How often a write is built anew where others changed what it had read."""

# It is new: nothing stands there.
NEW = "attribute_not_exists(pk)"
# It stands: an update must not bring forth a torso.
EXISTS = "attribute_exists(pk)"


class Repeated(ConvokeError):
    """A request with the same Idempotency-Key was faster; nothing was stored by this one."""


def put(table: str, item: Mapping[str, Any], condition: str = "", **values: Any) -> Action:
    return {"Put": _action(table, {"Item": dynamo.wire(item)}, condition, values)}


def update(table: str, key: Mapping[str, str], expression: str, condition: str = EXISTS, **values: Any) -> Action:
    """``#name`` in an expression is the attribute ``name``, ``:name`` the value given as ``name``."""
    what = {"Key": dynamo.wire(key), "UpdateExpression": expression}
    return {"Update": _action(table, what, condition, values)}


def delete(table: str, key: Mapping[str, str], condition: str = "", **values: Any) -> Action:
    return {"Delete": _action(table, {"Key": dynamo.wire(key)}, condition, values)}


def check(table: str, key: Mapping[str, str], condition: str, **values: Any) -> Action:
    """Nothing is written: the others are done only where this holds."""
    return {"ConditionCheck": _action(table, {"Key": dynamo.wire(key)}, condition, values)}


def _action(table: str, what: Item, condition: str, values: Mapping[str, Any]) -> Item:
    action: Item = {"TableName": table, **what}
    if condition:
        action["ConditionExpression"] = condition
        action["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    names = set(re.findall(r"#(\w+)", f"{condition} {action.get('UpdateExpression', '')}"))
    if names:
        action["ExpressionAttributeNames"] = {f"#{name}": name for name in sorted(names)}
    if values:
        action["ExpressionAttributeValues"] = dynamo.wire({f":{name}": value for name, value in values.items()})
    return action


def attempt(client: Any, actions: Mapping[str, Action]) -> dict[str, Item | None]:
    """Do all of ``actions`` or none. Answers the names of those whose condition failed, with what stood there.

    An empty answer means that all is done.
    Raises :class:`Repeated` where the one named ``request`` failed, and what ``dynamo.transact`` raises.
    """
    try:
        dynamo.transact(client, list(actions.values()))
    except dynamo.Refused as error:
        outcomes = zip(actions, error.reasons, error.items, strict=True)
        refused = {name: item for name, reason, item in outcomes if reason == "ConditionalCheckFailed"}
        if REQUEST in refused:
            raise Repeated(REQUEST) from None
        return refused
    return {}
