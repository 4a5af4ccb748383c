"""Convoke's frozen data classes without the guard against assignment, so that they are made and copied quickly.

A frozen class sets each field by a call, and ``dataclasses.replace`` reads each one by name and goes through
``__init__``: together a fifth of the time of a history. The objects are the same.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from types import ModuleType
from typing import Any
from unittest.mock import patch

from convoke.store import codec  # noqa: F401 (what is not imported by now keeps its guard)

GUARDS = ("__setattr__", "__delattr__")

_copiers: dict[type, Callable[[Any], Any]] = {}


@contextmanager
def unguarded() -> Iterator[None]:
    """Within, instances of what ``model.frozen`` made are made, and copied by ``replace``, without those calls."""
    if _copiers:  # within another one
        yield
        return
    modules = [module for name, module in sys.modules.items() if name.startswith(("convoke.", "tests.simulation."))]
    classes = {one for module in modules for one in _frozen(module)}
    guarded = {cls: {name: vars(cls)[name] for name in ("__init__", *GUARDS)} for cls in classes}
    with ExitStack() as stack:
        stack.callback(_give_back, guarded)
        for cls in classes:
            cls.__init__ = _init(cls)  # type: ignore[misc]
            for name in GUARDS:
                delattr(cls, name)
        for module in modules:
            if getattr(module, "replace", None) is dataclasses.replace:
                stack.enter_context(patch.object(module, "replace", _replace))
        stack.callback(_copiers.clear)
        _copiers.update({cls: _copier(cls) for cls in classes})
        yield


def _give_back(guarded: dict[type, dict[str, Any]]) -> None:
    for cls, methods in guarded.items():
        for name, method in methods.items():
            setattr(cls, name, method)


@cache
def _frozen(module: ModuleType) -> list[type]:
    return [one for one in vars(module).values() if isinstance(one, type) and _is_frozen(one)]


def _is_frozen(cls: type) -> bool:
    """Whether ``model.frozen`` made it, and nothing is done beside setting its fields."""
    if not all(name in vars(cls) for name in (*GUARDS, "__slots__", "__dataclass_fields__")):
        return False
    return not hasattr(cls, "__post_init__") and all(one.kw_only and one.init for one in dataclasses.fields(cls))


@cache
def _init(cls: type) -> Callable[..., None]:
    """What ``__init__`` would be if the class were not frozen."""
    fields = [
        (one.name, Any, dataclasses.field(default=one.default, default_factory=one.default_factory))
        for one in dataclasses.fields(cls)
    ]
    return dataclasses.make_dataclass(cls.__name__, fields, kw_only=True).__init__  # type: ignore[misc,no-any-return]


@cache
def _copier(cls: type) -> Callable[[Any], Any]:
    lines = "".join(f"    new.{one.name} = old.{one.name}\n" for one in dataclasses.fields(cls))
    code: dict[str, Any] = {"cls": cls, "make": cls.__new__}
    exec(f"def copier(old):\n    new = make(cls)\n{lines}    return new", code)  # noqa: S102
    copier: Callable[[Any], Any] = code["copier"]
    return copier


def _replace(old: Any, /, **changes: Any) -> Any:
    copier = _copiers.get(type(old))
    if copier is None:
        return dataclasses.replace(old, **changes)
    new = copier(old)
    for name, value in changes.items():
        setattr(new, name, value)
    return new
