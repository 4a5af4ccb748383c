"""What the post office asks the stack, once it is connected: how far changes of events have been told, and links to the
organizer's console.
"""

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


class Tellings:
    """What is read with the function that was connected; nothing before."""

    def __init__(self) -> None:
        self._read: Callable[[], Sequence[Telling]] = tuple

    def connect(self, read: Callable[[], Sequence[Telling]]) -> None:
        self._read = read

    def now(self) -> Sequence[Telling]:
        """The changes that are being told or wait. Raises whatever the stack answers that with."""
        return self._read()


class Console:
    """Makes links to sign in with by the function that was connected; there is none before. Who may sign in is decided
    by the stack. ``origin`` is where the links lead to.
    """

    def __init__(self) -> None:
        self.origin = ""
        self._link: Callable[[], str] | None = None

    def connect(self, origin: str, link: Callable[[], str]) -> None:
        self.origin, self._link = origin, link

    def link(self) -> str | None:
        """A new link. Raises whatever the stack answers that with."""
        return None if self._link is None else self._link()
