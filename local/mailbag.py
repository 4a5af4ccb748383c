"""Reads the folder of accepted mail: each as an ``.eml`` with its bytes and a ``.json`` with what SES was given."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Container, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path

from convoke.model import ConvokeError, frozen

from .postoffice import letters


class NotArrived(ConvokeError):
    def __init__(self, count: int, wanted: int, seconds: float) -> None:
        super().__init__(f"After {seconds:.0f} s there were {count} mails instead of {wanted}")


@frozen
class Mail:
    """One accepted mail; ``accepted_at`` is UTC, ``calendar`` the text of its calendar part, empty without one."""

    raw: bytes
    to: str
    accepted_at: datetime
    tags: dict[str, str]
    message_id: str
    subject: str
    calendar: str

    @property
    def method(self) -> str:
        return self.value("METHOD")

    @property
    def sequence(self) -> int:
        return int(self.value("SEQUENCE"))

    @property
    def lines(self) -> list[str]:
        """The calendar's content lines, unfolded (RFC 5545, section 3.1)."""
        return re.sub(r"\r?\n[ \t]", "", self.calendar).splitlines()

    def value(self, name: str) -> str:
        """The value of a calendar property that has no parameters; empty where it is not there."""
        return next((line.partition(":")[2] for line in self.lines if line.startswith(f"{name}:")), "")


def read(folder: Path, people: Container[str] | None = None) -> list[Mail]:
    """All accepted mails, or those to one of these addresses, in the order of acceptance."""
    mails = [read_one(note) for note in sorted(folder.glob("[0-9]*.json"))]
    return mails if people is None else [mail for mail in mails if mail.to in people]


def wait(folder: Path, people: Container[str], count: int, *, seconds: float = 30) -> list[Mail]:
    """All accepted mails to these addresses, once there are at least ``count``. Raises :class:`NotArrived` after
    ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while len(mails := read(folder, people)) < count:
        if time.monotonic() > deadline:
            raise NotArrived(len(mails), count, seconds)
        time.sleep(0.05)
    return mails


@cache
def read_one(note: Path) -> Mail:
    """The accepted mail whose ``.json`` this is. It is read once: whoever waits for a mail looks again and again, and
    one that was accepted stays as it is.
    """
    said = json.loads(note.read_text())
    raw = note.with_suffix(".eml").read_bytes()
    rendered = letters.read(raw)
    return Mail(
        raw=raw,
        to=said["to"][0],
        accepted_at=datetime.fromisoformat(said["accepted_at"]),
        tags=said["tags"],
        message_id=said["message_id"],
        subject=rendered.subject,
        calendar=rendered.calendar.text if rendered.calendar else "",
    )


def table(mails: list[Mail], people: Mapping[str, str]) -> str:
    """Who of ``people``, names by address, was sent what, in the order of acceptance."""
    lines = ["What each of them was sent:"]
    for email, name in people.items():
        lines.append(f"\n    {name} <{email}>")
        lines += [
            f"      {mail.accepted_at.astimezone():%H:%M:%S}  {mail.method:<8} {mail.sequence}  {mail.subject}"
            for mail in mails
            if mail.to == email
        ]
    return "\n".join(lines) + "\n"


def steps(folder: Path, people: Container[str], say: Callable[[str], None]) -> Callable[[str, int], list[Mail]]:
    """A function that waits until ``count`` more mails to these addresses have arrived, says ``step``, and returns all
    of them since this call. It raises :class:`NotArrived` as :func:`wait` does.
    """
    already = len(read(folder, people))
    arrived = 0

    def mails_after(step: str, count: int) -> list[Mail]:
        nonlocal arrived
        arrived += count
        mails = wait(folder, people, already + arrived)[already:]
        say(f"    {step}")
        return mails

    return mails_after
