"""The actions of a DynamoDB transaction, and carrying out all of them or none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..model import ConvokeError
from . import dynamo
from .items import Item

Action = dict[str, Item]
"""One Put, Update, Delete or ConditionCheck, in the shape of ``transact_write_items``."""

NOTHING_ELSE: Mapping[str, Action] = {}
REQUEST = "request"
"""The name of the action that records an Idempotency-Key; see ``requests``."""

ROUNDS = 5
"""How often a write is rebuilt, from new reads, after another writer changed what it was based on."""

# No such item exists.
NEW = "attribute_not_exists(pk)"
# The item must exist, so that an update cannot create a partial one.
EXISTS = "attribute_exists(pk)"


class Repeated(ConvokeError):
    """Another request with the same Idempotency-Key was stored first; this one stored nothing."""


def put(table: str, item: Mapping[str, Any], condition: str = "", **values: Any) -> Action:
    return {"Put": _action(table, {"Item": dynamo.wire(item)}, condition, values)}


def update(table: str, key: Mapping[str, str], expression: str, condition: str = EXISTS, **values: Any) -> Action:
    """An Update. In ``expression`` and ``condition``, ``#name`` is the attribute ``name``, and ``:name`` the value
    given as the keyword argument ``name``. By default the item has to exist.
    """
    what = {"Key": dynamo.wire(key), "UpdateExpression": expression}
    return {"Update": _action(table, what, condition, values)}


def delete(table: str, key: Mapping[str, str], condition: str = "", **values: Any) -> Action:
    return {"Delete": _action(table, {"Key": dynamo.wire(key)}, condition, values)}


def check(table: str, key: Mapping[str, str], condition: str, **values: Any) -> Action:
    """A ConditionCheck: it writes nothing, and the transaction's other actions are done only where it holds."""
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


def attempt(client: Any, actions: Mapping[str, Action], attempts: int = dynamo.ATTEMPTS) -> dict[str, Item | None]:
    """Carry out all of ``actions`` or none. Returns the names of those whose condition failed, each with the existing
    item.

    An empty result means that everything was written. Raises :class:`Repeated` where the action named ``request``
    failed, and what :func:`dynamo.transact` raises, except :class:`dynamo.Refused`.
    """
    try:
        dynamo.transact(client, list(actions.values()), attempts)
    except dynamo.Refused as error:
        outcomes = zip(actions, error.reasons, error.items, strict=True)
        refused = {name: item for name, reason, item in outcomes if reason == "ConditionalCheckFailed"}
        if REQUEST in refused:
            raise Repeated(REQUEST) from None
        return refused
    return {}
