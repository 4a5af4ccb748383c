"""Where one stack lives: its folder and its ports. Two stacks with places of their own do not meet."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

from convoke.model import ConvokeError, noun

ROOT = Path(__file__).resolve().parent.parent
REGION = "us-east-1"
STACK = "convoke"
# What the caller may have set for AWS, or for this program, is not for the programs that we start.
FOREIGN = ("AWS_", "SAM_", "__SAM_", "PYTHON")


class PortInUse(ConvokeError):
    def __init__(self, port: int, variable: str) -> None:
        super().__init__(f"Port {port} is in use. Stop what listens there, or choose another: {variable}={port + 1}")


def memory() -> str | None:
    """A folder that is kept in memory, where there is one with room that programs may be loaded from.

    The emulator unpacks the layer for every worker of every function. A disk may take half a minute to remove all that.
    """
    shared = Path("/dev/shm")  # noqa: S108 - only ever a folder of our own in it
    if not shared.is_dir() or not os.access(shared, os.W_OK):
        return None
    kept_out = os.statvfs(shared).f_flag & getattr(os, "ST_NOEXEC", 0)
    return None if kept_out or shutil.disk_usage(shared).free < 2**31 else str(shared)


@noun
class Place:
    """``folder`` keeps what one may want to look at afterwards; ``temporary`` goes away with the stack."""

    folder: Path
    temporary: Path
    port: int
    inbox_port: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Place:
        folder = Path(environment.get("CONVOKE_LOCAL") or ".local")
        return cls(
            folder=folder,
            temporary=Path(tempfile.mkdtemp(prefix="convoke-", dir=environment.get("TMPDIR") or memory())),
            port=int(environment.get("CONVOKE_PORT") or 4566),
            inbox_port=int(environment.get("CONVOKE_INBOX_PORT") or 8025),
        )

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def mail(self) -> Path:
        return self.folder / "mail"

    @property
    def description(self) -> Path:
        return self.folder / "stack.json"

    def clear(self) -> None:
        """Forget the stack before this one. Raises :class:`PortInUse` where something listens already."""
        for port, variable in ((self.port, "CONVOKE_PORT"), (self.inbox_port, "CONVOKE_INBOX_PORT")):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    raise PortInUse(port, variable) from None
        self.description.unlink(missing_ok=True)
        shutil.rmtree(self.mail, ignore_errors=True)
        self.mail.mkdir(parents=True)

    def environment(self, **more: str) -> dict[str, str]:
        """The caller's environment without anything of AWS in it, pointed at the emulator; for its clients."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        return kept | {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "TMPDIR": str(self.temporary),
            **more,
        }
