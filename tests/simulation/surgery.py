"""Takes one guard out of production's code, or puts another line in its place, for as long as a ``with`` lasts."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FunctionType
from typing import Any
from unittest.mock import patch


class Moved(Exception):
    """The line to be cut is not there, or more than once: production has changed, and the mutant must follow."""


@contextmanager
def cut(owner: Any, name: str, old: str, new: str) -> Iterator[None]:
    """Within, function ``name`` of a module or class has ``new`` where its source has ``old``, once.

    The function stays the same object, so that modules that imported it by name, and tables, have the new code, too.
    """
    whole: FunctionType = getattr(owner, name)
    source = vars(whole).get("operated") or textwrap.dedent(inspect.getsource(whole))
    if source.count(old) != 1:
        raise Moved(f"{owner.__name__}.{name}: {old!r} stands there {source.count(old)} times")
    defined: dict[str, Any] = {}
    exec("from __future__ import annotations\n" + source.replace(old, new), whole.__globals__, defined)  # noqa: S102
    code, whole.__code__ = whole.__code__, defined[name].__code__
    try:
        with patch.dict(vars(whole), operated=source.replace(old, new)):
            yield
    finally:
        whole.__code__ = code


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Within, ``name`` of a module or class is ``value``, as it is in each module of ``convoke`` that imported it."""
    whole = getattr(owner, name)
    importers = [
        module
        for path, module in list(sys.modules.items())
        if path.startswith("convoke.") and module is not owner and vars(module).get(name) is whole
    ]
    with ExitStack() as stack:
        for each in (owner, *importers):
            stack.enter_context(patch.object(each, name, value))
        yield
