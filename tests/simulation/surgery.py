"""Takes one guard out of production's code, or puts another line in its place, for as long as a ``with`` lasts."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any


class Moved(Exception):
    """The line to be cut is not there, or more than once: production has changed, and the mutant must follow."""


@contextmanager
def cut(owner: Any, name: str, old: str, new: str) -> Iterator[None]:
    """Within, function ``name`` of a module or class has ``new`` where its source has ``old``, once."""
    whole = getattr(owner, name)
    source = getattr(whole, "operated", None) or textwrap.dedent(inspect.getsource(whole))
    if source.count(old) != 1:
        raise Moved(f"{owner.__name__}.{name}: {old!r} stands there {source.count(old)} times")
    code: dict[str, Any] = {}
    exec("from __future__ import annotations\n" + source.replace(old, new), whole.__globals__, code)  # noqa: S102
    replaced: FunctionType = code[name]
    replaced.operated = source.replace(old, new)  # type: ignore[attr-defined]
    setattr(owner, name, replaced)
    try:
        yield
    finally:
        setattr(owner, name, whole)
