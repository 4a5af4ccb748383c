"""A stack that runs as `make run` runs it, and what a test asks of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from itertools import chain, repeat
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import boto3

from convoke.model import frozen
from local import mailbag
from local.mailbag import Mail
from local.place import REGION, ROOT, STACK
from local.preflight import memory
from local.story import Caller

Seen = TypeVar("Seen")
BETWEEN_SWEEPS = 1.5
"""Seconds; deployed, a minute."""
BEFORE_A_SWEEP = 1.0
"""Seconds for what comes by itself, as most does."""
PAUSES = (0.05, 0.1)
"""Seconds before the second look and the third: most comes at once, in a tenth of a second."""
PAUSE = 0.2
"""Seconds before each further look."""
_SWEEPING = Lock()
"""One sweep at a time: for each beside another one the emulator starts a process that imports all anew."""
_PHYSICAL_IDS: dict[tuple[Path, str], str] = {}
"""By a stack's folder and the name in the template: they stay as they are."""


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listening.getsockname()[1] for listening in sockets]
    for listening in sockets:
        listening.close()
    return ports


def start(folder: Path, *, port: int, inbox_port: int) -> subprocess.Popen[bytes]:
    """The program behind `make run`, with a folder of its own for what it keeps, and one for what it must not."""
    (folder / "tmp").symlink_to(tempfile.mkdtemp(prefix="convoke-test-", dir=memory()))
    environment = os.environ | {
        "PYTHONPATH": "layers/core",
        "CONVOKE_LOCAL": str(folder / "local"),
        "CONVOKE_PORT": str(port),
        "CONVOKE_INBOX_PORT": str(inbox_port),
        "STORY": "no",
        "TMPDIR": str(folder / "tmp"),
    }
    with (folder / "said").open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "local.stack"], cwd=ROOT, env=environment, stdout=said, stderr=subprocess.STDOUT
        )


def begin(folder: Path) -> Running:
    """A stack that is built from now on; :meth:`Running.come_up` waits for it."""
    port, inbox_port = free_ports(2)
    process = start(folder, port=port, inbox_port=inbox_port)
    return Running(folder=folder, process=process, ports=(port, inbox_port))


class Meanwhile:
    """Tests that run in threads beside others, which look at what became of them: most of it is waiting."""

    def __init__(self, stack: Running, threads: Executor) -> None:
        self._stack, self._threads = stack, threads
        # By their names: pytest imports a file of tests as another module than others do.
        self._begun: dict[str, Future[None]] = {}

    def begin(self, first: Callable[[Running], None], *others: Callable[[Running], None]) -> None:
        """``others`` begin when the first one is over."""
        ahead = self._begun[first.__name__] = self._threads.submit(first, self._stack)

        def after_it(test: Callable[[Running], None]) -> None:
            wait([ahead])
            test(self._stack)

        for test in others:
            self._begun[test.__name__] = self._threads.submit(after_it, test)

    def settle(self) -> None:
        """Wait until all is over that was begun."""
        wait(self._begun.values())

    def result(self, test: Callable[[Running], None]) -> None:
        """Of one that was begun before, or is now."""
        if test.__name__ not in self._begun:
            self.begin(test)
        self.settle()
        self._begun[test.__name__].result()


@frozen
class Running:
    folder: Path
    process: subprocess.Popen[bytes]
    ports: tuple[int, ...]

    def come_up(self) -> None:
        """Wait until it can be used."""
        description = self.folder / "local" / "stack.json"
        deadline = time.monotonic() + 120
        while not description.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.leave()
                raise AssertionError(f"the stack did not start:\n{self.said()}")
            time.sleep(0.1)

    # --- what it says of itself

    @property
    def description(self) -> dict[str, Any]:
        described: dict[str, Any] = json.loads((self.folder / "local" / "stack.json").read_text())
        return described

    @property
    def temporary(self) -> Path:
        """Where it keeps what is removed with it."""
        (found,) = (self.folder / "tmp").resolve().glob("convoke-*")
        return found

    @property
    def exit_code(self) -> int | None:
        return self.process.poll()

    def said(self) -> str:
        return (self.folder / "said").read_text()

    # --- the API and the mail

    @property
    def call(self) -> Caller:
        return Caller(self.description["api"], self.description["key"])

    def an_event(self, **more: Any) -> str:
        """The path of a new event."""
        event = {
            "title": "Lesung",
            "start": "2031-03-12T19:00:00",
            "duration": "PT1H30M",
            "time_zone": "Europe/Berlin",
            "organizer": {"name": "Ada", "email": "ada@example.org"},
        }
        return f"/events/{self.call('POST', '/events', event | more)['event_id']}"

    def mails(self, email: str) -> list[Mail]:
        return [mail for mail in mailbag.read(Path(self.description["mail"])) if mail.to == email]

    def post(self, path: str, body: bytes | dict[str, object]) -> None:
        """To the mail endpoint: faults, mail from outside, what SES would report."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.description["inbox"] + path, data=data, method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310
            pass

    # --- AWS, with the right to do everything

    def client(self, service: str, **credentials: str) -> Any:
        connect: Callable[..., Any] = boto3.client
        everything = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return connect(
            service,
            endpoint_url=self.description["endpoint"],
            region_name=REGION,
            **(credentials or everything),
        )

    def physical_id(self, name: str) -> str:
        if (known := (self.folder, name)) not in _PHYSICAL_IDS:
            found = self.client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId=name)
            _PHYSICAL_IDS[known] = str(found["StackResourceDetail"]["PhysicalResourceId"])
        return _PHYSICAL_IDS[known]

    def logged(self, function: str, words: str) -> list[str]:
        """What a function said, where it says so."""
        events = self.client("logs").filter_log_events(logGroupName=self.physical_id(f"{function}Logs"))["events"]
        return [event["message"] for event in events if words in event["message"]]

    def sweep(self) -> None:
        """What happens every minute, now."""
        with _SWEEPING:
            answer = self.client("lambda").invoke(FunctionName=self.physical_id("Sweep"))
        assert "FunctionError" not in answer, answer["Payload"].read()

    def eventually(self, look: Callable[[], Seen], *, seconds: float = 20, sweeping: bool = False) -> Seen:
        """What ``look`` sees as soon as that is true of something. The sweeper may be asked to help, which it is now
        and then: it reads all that is due, and would be most of what the machine has to do.
        """
        deadline, sweep_at = time.monotonic() + seconds, time.monotonic() + BEFORE_A_SWEEP
        pauses = chain(PAUSES, repeat(PAUSE))
        while not (seen := look()):
            assert time.monotonic() < deadline, f"not after {seconds} s"
            if sweeping and time.monotonic() >= sweep_at:
                self.sweep()
                sweep_at = time.monotonic() + BETWEEN_SWEEPS
            time.sleep(next(pauses))
        return seen

    def patiently(
        self, look: Callable[[], Seen], moves: Callable[[], object], *, patience: float = 150, pause: float = 1
    ) -> Seen:
        """What ``look`` sees as soon as that is true of something, however long it takes while ``moves`` sees
        something new again and again: a machine may be slow, but not stand still.
        """
        moved, since = moves(), time.monotonic()
        while not (seen := look()):
            time.sleep(pause)
            if (now := moves()) != moved:
                moved, since = now, time.monotonic()
            assert time.monotonic() < since + patience, f"nothing moved for {patience} s: {moved}"
        return seen

    def log(self, program: str) -> str:
        """What a program said so far; nothing before it has begun."""
        said = self.folder / "local" / f"{program}.log"
        return said.read_text() if said.exists() else ""

    # --- the end

    def leave(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end, and wait until it has."""
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def left_behind(self) -> list[str]:
        """Processes that name its folder, ports where somebody listens, temporary files."""
        processes = subprocess.run(["ps", "-A", "-o", "command="], capture_output=True, text=True, check=True)  # noqa: S607
        names = [
            line
            for line in processes.stdout.splitlines()
            if f"{self.folder}/" in line or str((self.folder / "tmp").resolve()) in line
        ]
        open_ports = []
        for port in self.ports:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    open_ports.append(f"port {port}")
        temporary = (self.folder / "tmp").resolve()
        files = [str(path) for path in temporary.iterdir()]
        shutil.rmtree(temporary)
        return names + open_ports + files
