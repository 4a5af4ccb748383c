"""A mutant: production with one guard less, for as long as a ``with`` lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from convoke.store import conditions

from .faults import Mode
from .surgery import cut, replaced

Change = Callable[[], AbstractContextManager[Any]]


class Mutant:
    """``changes`` take the guard out; ``mode`` is in which faults it matters.

    What chance seldom brings about is looked for in every order of one of ``orders.SCENARIOS``; what is about amounts
    and time, or about others who come between two calls to the tables, in one of ``trials.TRIALS``.
    """

    def __init__(self, *changes: Change, mode: Mode = Mode.ALL, scenario: str = "", trial: str = "") -> None:
        self.changes, self.mode, self.scenario, self.trial = changes, mode, scenario, trial

    @contextmanager
    def alive(self) -> Iterator[None]:
        with ExitStack() as stack:
            for change in self.changes:
                stack.enter_context(change())
            yield


def without(owner: Any, name: str, old: str, new: str) -> Change:
    return lambda: cut(owner, name, old, new)


def instead(owner: Any, name: str, value: Any) -> Change:
    return lambda: replaced(owner, name, value)


def without_term(name: str, term: str) -> Change:
    """The condition ``name`` lacks one of the terms that it joins."""
    joint = " OR " if " OR " in getattr(conditions, name) else " AND "
    terms = getattr(conditions, name).split(joint)
    terms.remove(term)
    return instead(conditions, name, joint.join(terms))
