"""What every effect is, and those that need no storage."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

from ..model import frozen

Result = TypeVar("Result")
Steps = Generator["Effect", Any, Result]
"""A piece of protocol: yields effects, is sent their answers, returns a result."""


@frozen
class Effect:
    """The common kind; each effect is one indivisible step between which a worker may die."""


@frozen
class Clock(Effect):
    """-> the present instant, UTC."""


@frozen
class Random(Effect):
    """-> a float in [0, 1)."""


@frozen
class NewAttemptId(Effect):
    """-> a name for one attempt that no other attempt has."""


@frozen
class Log(Effect):
    """Log and count what somebody may want to know; ids only. -> None"""

    what: str
    facts: dict[str, str]
