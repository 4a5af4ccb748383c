"""The base class of all effects, and the effects that need no storage: clock, randomness, logging."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from typing import Any, TypeVar

from ..model import frozen

Result = TypeVar("Result")
Steps = Generator["Effect", Any, Result]
"""A step of the protocol: a generator that yields effects, is sent the answer to each, and returns a ``Result``."""


@frozen
class Effect:
    """The base class. Each effect is indivisible; a worker may die before or after any of them, not within one."""


@frozen
class OfEvent(Effect):
    """The base class of those about one event."""

    event_id: str


@frozen
class OfRegistration(OfEvent):
    """The base class of those about one registration."""

    registration_id: str


@frozen
class Clock(Effect):
    """Read the clock. Answer: an aware ``datetime``, UTC."""


@frozen
class Wait(Effect):
    """Do nothing until ``until`` (UTC), some seconds from now. Answer: ``None``."""

    until: datetime


@frozen
class Random(Effect):
    """Draw a random number. Answer: ``float`` in [0, 1)."""


@frozen
class NewAttemptId(Effect):
    """Make a unique id for one attempt to send. Answer: ``str``."""


@frozen
class All(Effect):
    """Carry out all of ``steps``, at most ``at_once`` of them at the same time; they are begun in their order.

    Answer: a tuple of what each returned, in the same order, or the exception that it raised. All have ended by then.
    """

    steps: tuple[Steps[Any], ...]
    at_once: int


@frozen
class Log(Effect):
    """Write a warning with the message ``what`` and ``fields`` (ids and codes, no personal data) to the log, and add
    one to the metric of the same name. Answer: ``None``.
    """

    what: str
    fields: dict[str, str]
