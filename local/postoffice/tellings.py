"""How far changes of events have been told. The stack knows that, so it is read there, once the office is connected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """A change of the event ``title`` that ``told`` people have been told of, ``of`` how many; with ``at`` (UTC), one
    that nobody is told of before then.
    """

    title: str
    told: int = 0
    of: int = 0
    at: datetime | None = None


Read = Callable[[], Sequence[Telling]]


class Tellings:
    """What is read with the function that was connected; nothing before."""

    def __init__(self) -> None:
        self._read: Read | None = None

    def connect(self, read: Read) -> None:
        self._read = read

    def now(self) -> Sequence[Telling]:
        """The changes that are being told or wait. Raises whatever the stack answers that with."""
        return () if self._read is None else self._read()
