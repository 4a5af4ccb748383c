"""Runs the emulator of AWS, with no more of the caller's environment than it needs."""

from __future__ import annotations

import contextlib
import os
import time
import urllib.request
from pathlib import Path

from convoke.model import ConvokeError

from . import processes
from .place import REGION, ROOT, Place

PYTHON = ROOT / ".local" / "emulator" / "bin" / "python"
PROGRAM = Path(__file__).with_name("emulator_process.py")


class EmulatorStopped(ConvokeError):
    def __init__(self, log: Path) -> None:
        super().__init__(f"The emulator did not start; {log} says why")


class Emulator:
    """ministack on 127.0.0.1, with the roles' policies enforced.

    Workaround: its SES v2 rebuilds the MIME and loses the calendar, so functions send to ``mail_endpoint`` instead.
    Others are in its own process, ``emulator_process``.
    """

    def __init__(self, place: Place, mail_endpoint: str) -> None:
        self._place = place
        self._log = place.folder / "emulator.log"
        self._log.write_text("")
        # Not the caller's environment, since the functions inherit the emulator's.
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(place.temporary),
            "TMPDIR": str(place.temporary),
            "GATEWAY_PORT": str(place.port),
            "BIND_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",
            "AUTH": "true",
            "MINISTACK_REGION": REGION,
            "AWS_ENDPOINT_URL_SESV2": mail_endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONUNBUFFERED": "1",
        }
        self._process = processes.start(
            # Without the folder of the program on its path, whose modules are not for it.
            [str(PYTHON), "-P", str(PROGRAM)],
            folder=place.temporary,
            environment=environment,
            log=self._log,
        )

    def wait(self, seconds: float = 30) -> None:
        """Return when it answers. Raises :class:`EmulatorStopped` if it ended, or took longer than ``seconds``."""
        health = f"{self._place.endpoint}/health"
        deadline = time.monotonic() + seconds
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), urllib.request.urlopen(health, timeout=2):  # noqa: S310 - our own address
                return
            time.sleep(0.1)
        raise EmulatorStopped(self._log)

    def stop(self) -> None:
        processes.end(self._process)
