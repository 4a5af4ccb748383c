"""The store of accepted mails, in the order of acceptance, in a folder that tools can read."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import letters
from .letters import Letter


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One accepted mail; ``number`` counts from 1, ``to`` is the envelope, ``accepted_at`` an instant in UTC."""

    number: int
    to: tuple[str, ...]
    sender: str
    tags: Mapping[str, str]
    configuration_set: str
    message_id: str
    accepted_at: datetime

    def is_for(self, address: str) -> bool:
        return any(same(address, recipient) for recipient in self.to)

    def note(self) -> dict[str, Any]:
        """The content of the .json file beside the mail."""
        return {
            "to": list(self.to),
            "from": self.sender,
            "tags": dict(self.tags),
            "message_id": self.message_id,
            "accepted_at": self.accepted_at.isoformat(),
        }


def same(one: str, other: str) -> bool:
    """Whether two addresses are one mailbox: addresses are compared without regard to case."""
    return one.casefold() == other.casefold()


class Shelf:
    """Keeps mail in ``folder`` as ``000001.eml`` and ``000001.json``; what an earlier run left there is removed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._mails: list[Accepted] = []
        self._letters: dict[int, Letter] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for pattern in ("*.eml", "*.json", "*.part"):
            for left in folder.glob(f"[0-9][0-9][0-9][0-9][0-9][0-9]{pattern}"):
                left.unlink()

    def accept(
        self, raw: bytes, *, to: tuple[str, ...], sender: str, tags: Mapping[str, str], configuration_set: str = ""
    ) -> Accepted:
        """Store the bytes as they are. The .json file is written last, so that both are complete when it exists."""
        with self._lock:
            now = datetime.now(UTC)
            mail = Accepted(
                number=len(self._mails) + 1,
                to=to,
                sender=sender,
                tags=tags,
                configuration_set=configuration_set,
                message_id=_message_id(now),
                accepted_at=now,
            )
            self._write(self._path(mail.number), raw)
            self._write(self._path(mail.number).with_suffix(".json"), json.dumps(mail.note(), indent=2).encode())
            self._mails.append(mail)
        return mail

    def all(self) -> tuple[Accepted, ...]:
        with self._lock:
            return tuple(self._mails)

    def mailbox(self, address: str) -> tuple[Accepted, ...]:
        """The mails to one address, oldest first."""
        return tuple(mail for mail in self.all() if mail.is_for(address))

    def find(self, message_id: str) -> Accepted | None:
        return next((mail for mail in self.all() if mail.message_id == message_id), None)

    def numbered(self, number: int) -> Accepted | None:
        mails = self.all()
        return mails[number - 1] if 1 <= number <= len(mails) else None

    def raw(self, mail: Accepted) -> bytes:
        return self._path(mail.number).read_bytes()

    def letter(self, mail: Accepted) -> Letter:
        """The parsed mail; it is parsed only once."""
        if mail.number not in self._letters:
            self._letters[mail.number] = letters.read(self.raw(mail))
        return self._letters[mail.number]

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.eml"

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        part = path.with_name(path.name + ".part")
        part.write_bytes(content)
        part.rename(path)


def _message_id(now: datetime) -> str:
    """A message id in SES's format: a time, a random part, a counter."""
    return f"0100{int(now.timestamp() * 1000):012x}-{uuid.uuid4()}-000000"
