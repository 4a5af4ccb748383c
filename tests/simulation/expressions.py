"""DynamoDB's expressions, compiled to Python once each: just the part of the language that Convoke's store uses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

Values = Mapping[str, Any]
Condition = Callable[[Mapping[str, Any], Values], bool]

_TOKEN = re.compile(
    r"\s*(attribute_exists|attribute_not_exists|begins_with|BETWEEN|AND|OR|NOT|<=|>=|<>|[=<>(),]|:\w+|#?\w+(?:\.#?\w+)*)"
)
_PYTHON = {"AND": "and", "OR": "or", "NOT": "not", "(": "(", ")": ")"}
_COMPARISONS = {"=": "==", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class NotSpoken(Exception):
    """An expression that this fake does not understand."""


def _compare(one: Any, operator: str, other: Any) -> bool:
    """As DynamoDB compares: what is absent, or of another type, is neither equal nor less nor greater."""
    if one is None or other is None or (type(one) is not type(other)):
        return operator == "!="
    match operator:
        case "<":
            return bool(one < other)
        case "<=":
            return bool(one <= other)
        case ">":
            return bool(one > other)
        case ">=":
            return bool(one >= other)
    return bool(one == other) is (operator == "==")


def tokens(expression: str) -> list[str]:
    found, at = [], 0
    while at < len(expression.rstrip()):
        match = _TOKEN.match(expression, at)
        if match is None:
            raise NotSpoken(expression)
        found.append(match.group(1))
        at = match.end()
    return found


def _operand(token: str) -> str:
    if token.startswith(":"):
        return f"v[{token!r}]"
    if "." in token:
        raise NotSpoken(token)
    return f"r.get({token.lstrip('#')!r})"


@cache
def condition(expression: str) -> Condition:
    """A predicate of an item (empty where there is none) and the values."""
    words, python = tokens(expression), []
    while words:
        word = words.pop(0)
        if word in _PYTHON:
            python.append(_PYTHON[word])
        elif word.startswith("attribute_"):
            _, name, _ = words.pop(0), words.pop(0), words.pop(0)
            python.append(f"({name.lstrip('#')!r} {'in' if word == 'attribute_exists' else 'not in'} r)")
        elif word == "begins_with":
            _, name, _, value, _ = (words.pop(0) for _ in range(5))
            python.append(f"(({_operand(name)} or '').startswith({_operand(value)}))")
        elif words[0] == "BETWEEN":
            _, low, _, high = (words.pop(0) for _ in range(4))
            python.append(f"({_operand(low)} <= {_operand(word)} <= {_operand(high)})")
        else:
            operator, other = _COMPARISONS[words.pop(0)], words.pop(0)
            if operator in ("==", "!="):
                python.append(f"({_operand(word)} {operator} {_operand(other)})")
            else:
                python.append(f"compare({_operand(word)}, {operator!r}, {_operand(other)})")
    return eval(f"lambda r, v: bool({' '.join(python)})", {"compare": _compare})  # type: ignore[no-any-return]  # noqa: S307


Clause = tuple[str, tuple[str, ...], str, bool]
"""SET, REMOVE or ADD; a path; the value's name; whether only where nothing stands."""


@cache
def update(expression: str) -> tuple[Clause, ...]:
    words, clauses, verb = tokens(expression), [], ""
    while words:
        word = words.pop(0)
        if word in ("SET", "REMOVE", "ADD"):
            verb = word
            continue
        if word == ",":
            continue
        path = tuple(part.lstrip("#") for part in word.split("."))
        if verb == "REMOVE":
            clauses.append((verb, path, "", False))
        elif verb == "ADD":
            clauses.append((verb, path, words.pop(0), False))
        else:
            words.pop(0)
            value = words.pop(0)
            unless = value == "if_not_exists"
            if unless:
                _, _, _, value, _ = (words.pop(0) for _ in range(5))
            clauses.append((verb, path, value, unless))
    return tuple(clauses)


def updated(item: dict[str, Any], clauses: tuple[Clause, ...], values: Values) -> dict[str, Any]:
    """``item``, the caller's own copy, with the clauses applied; what is nested is copied, never changed in place."""
    for verb, path, name, unless in clauses:
        target = item
        for part in path[:-1]:
            target[part] = dict(target[part])
            target = target[part]
        last = path[-1]
        if verb == "REMOVE":
            target.pop(last, None)
        elif verb == "ADD":
            target[last] = target.get(last, 0) + values[name]
        elif not (unless and last in target):
            target[last] = values[name]
    return item
