"""The folder and the ports of one local stack. Stacks with different places do not interfere."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from convoke.model import frozen

from . import preflight

ROOT = Path(__file__).resolve().parent.parent
REGION = "us-east-1"
STACK = "convoke"
# Prefixes of the caller's variables that are not passed to the programs we start.
FOREIGN = ("AWS_", "SAM_", "__SAM_", "PYTHON")


@frozen
class Place:
    """``folder`` keeps logs and mails after the stack has ended; ``temporary`` is removed with it. ``pages_port`` is 0
    for any that is free.
    """

    folder: Path
    temporary: Path
    port: int
    inbox_port: int
    pages_port: int = 0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Place:
        """Raises :class:`preflight.Unready` if a port is in use, or there is not enough disk space."""
        port, inbox_port = preflight.ports(environment)
        pages_port = preflight.pages_port(environment, (port, inbox_port))
        kept = preflight.temporary(environment)
        preflight.room(kept, preflight.TO_RUN)
        return cls(
            folder=Path(environment.get("CONVOKE_LOCAL") or ".local"),
            temporary=Path(tempfile.mkdtemp(prefix="convoke-", dir=kept)),
            port=port,
            inbox_port=inbox_port,
            pages_port=pages_port,
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
        """Remove what the previous stack left."""
        self.description.unlink(missing_ok=True)
        shutil.rmtree(self.mail, ignore_errors=True)
        self.mail.mkdir(parents=True)

    def environment(self, **more: str) -> dict[str, str]:
        """The caller's environment for clients of the emulator: without AWS settings, with its endpoint."""
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
