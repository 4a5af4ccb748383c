"""What the commands of an operator have in common; see ``operate`` for how they are called."""

from __future__ import annotations

from collections.abc import Callable

from convoke.settings import Settings
from convoke.store import dynamo
from convoke.store.store import Store

Ask = Callable[[str], str]
"""Shows a question, and returns what was typed."""


class Refused(str):
    """The last line of output of a command that could not do what it was asked for, with what to correct.

    It goes to stderr, and the exit status is 1: a script notices, and takes it for nothing else.
    """

    __slots__ = ()


def store_of(settings: Settings) -> Store:
    return Store(dynamo.client(), settings)
