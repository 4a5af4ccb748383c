"""Creates the two virtual environments in parallel, with a line of progress every few seconds.

This runs before anything is installed, so it uses the standard library only. What is installed is recorded as a
fingerprint of the requirements files, and not checked again until they, the Python or the folder change. uv installs,
if it can be fetched and pip's settings can be expressed for it; else pip does, which takes four times as long.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from . import duration, index, preflight
from .preflight import Unready

ROOT = Path(__file__).resolve().parent.parent
LOCKS = (
    (
        Path("tests/fuzz/requirements.txt"),
        Path("tests/requirements.txt"),
        Path("local/requirements.txt"),
        Path("layers/core/requirements.txt"),
    ),
    (Path("tests/bench/requirements.txt"),),
    (Path("local/emulator.txt"),),
    (Path("local/uv.txt"),),
)
"""The requirements files that have a lock file; those of a group agree, and the first of it names the others."""
UV = Path(".local/uv")
CACHE = Path(".local/cache")
TICK = 3.0
PIP = ("--disable-pip-version-check", "--no-input", "--progress-bar=off", "--no-compile")
LOCKED = ("--no-deps", "--require-hashes")
"""A lock file has all that is needed in turn, and what it has is what is installed."""


def lock_of(file: Path) -> Path:
    """The lock file beside a requirements file: all that it needs, with hashes."""
    return file.with_suffix(".lock.txt")


@dataclass
class Environment:
    """A virtual environment, the lock files it is made from (the last one has what the others have), and its state."""

    folder: Path
    files: tuple[Path, ...]
    doing: str = "waiting"
    lines: list[str] = field(default_factory=list)
    failed: bool = False

    @property
    def python(self) -> Path:
        return ROOT / self.folder / "bin" / "python"

    @property
    def stamp(self) -> Path:
        return ROOT / self.folder / "installed"

    @property
    def maker(self) -> Path:
        return ROOT / self.folder / "made-by"

    @property
    def wanted_maker(self) -> str:
        """The Python and folder that it must be made for: its scripts name the folder, its packages fit one Python."""
        return f"{sys.version}\n{ROOT}\n"

    def stands(self) -> bool:
        """Whether it exists, for this Python and this folder."""
        return self.python.exists() and self.maker.exists() and self.maker.read_text() == self.wanted_maker

    def fingerprints(self) -> list[str]:
        """A hash for each file together with those before it: what is installed for tests is enough to run."""
        texts, prints = [self.wanted_maker], []
        for file in self.files:
            texts.append((ROOT / file).read_text())
            prints.append(hashlib.sha256("\0".join(texts).encode()).hexdigest())
        return prints

    def is_ready(self) -> bool:
        known = self.stamp.read_text().split() if self.stamp.exists() and self.stands() else []
        return self.fingerprints()[-1] in known

    def run(self, *command: str, more: Mapping[str, str] | None = None) -> bool:
        """Run one command, with its output kept for the progress line and for an error. False where it failed."""
        environment = os.environ | {"PIP_USER": "no"} | dict(more or {})
        with subprocess.Popen(  # noqa: S603
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                self.lines.append(line)
                if line.startswith("Collecting"):
                    self.doing = "fetching " + re.split(r"[^\w.-]", line.split()[1])[0]
                elif line.startswith("Installing"):
                    self.doing = f"installing {line.count(',') + 1} packages"
                elif found := re.match(r"Resolved (\d+) packages", line):
                    self.doing = f"fetching {found[1]} packages"
        return process.returncode == 0

    def create(self, *, pip: bool) -> bool:
        """Create the environment if there is no usable one, with or without its own pip. False where that failed."""
        if self.stands():
            return True
        self.doing = "creating the environment"
        made = self.run(sys.executable, "-m", "venv", "--clear", *([] if pip else ["--without-pip"]), str(self.folder))
        if made:
            self.maker.write_text(self.wanted_maker)
        return made

    def fill(self, pip: Path, uv: Path | None, settings: index.Settings) -> bool:
        """Install what the files name. ``pip`` is the interpreter whose pip is used if there is no ``uv``, or it fails.

        An error of uv is not shown: pip reports whatever is wrong with the requirements or the index, too.
        """
        self.doing = "looking up what it needs"
        if uv is not None and (spoken := settings.for_uv()) is not None:
            options, more = spoken
            command = (str(uv), "pip", "install", "--python", str(self.python), "--cache-dir", str(ROOT / CACHE))
            if self.run(*command, *options, *LOCKED, "-r", str(self.files[-1]), more=more):
                return True
            self.doing = "looking up what it needs, with pip"
        return self.run(
            *(str(pip), "-m", "pip", "--python", str(self.python)),
            *("install", *PIP, *LOCKED, "-r", str(self.files[-1])),
        )

    def why(self) -> str:
        """The last line of output that reports an error."""
        said = [line.strip() for line in self.lines if line.strip()]
        errors = [line for line in said if re.search(r"error|no space|denied|failed", line, re.IGNORECASE)]
        return (errors or said or ["it said nothing"])[-1]


def environments(purpose: str) -> list[Environment]:
    """The environments for ``purpose`` ("run", "tools", "test", "fuzz" or "bench"): ``.venv`` and the emulator's."""
    more = {"test": ("tests",), "fuzz": ("tests", "tests/fuzz"), "bench": ("tests", "tests/bench")}.get(purpose, ())
    files = tuple(lock_of(Path(folder) / "requirements.txt") for folder in ("local", *more))
    emulator = (lock_of(Path("local/emulator.txt")),)
    return [Environment(Path(".venv"), files), Environment(Path(".local/emulator"), emulator)]


class Installation(threading.Thread):
    """Brings ``missing`` up to date in parallel; the first of ``every`` is the one with pip."""

    def __init__(self, every: list[Environment], missing: list[Environment], settings: index.Settings) -> None:
        super().__init__(daemon=True)
        self._first, self._missing, self._settings = every[0], missing, settings

    def run(self) -> None:
        makers = [threading.Thread(target=self._create, args=(one,), daemon=True) for one in self._missing]
        _together(makers)
        if not self._first.failed:
            uv = self._uv()
            _together([threading.Thread(target=self._fill, args=(one, uv), daemon=True) for one in self._missing])

    def _create(self, one: Environment) -> None:
        self._try(one, lambda: one.create(pip=one is self._first))

    def _fill(self, one: Environment, uv: Path | None) -> None:
        if not one.failed:
            self._try(one, lambda: one.fill(self._first.python, uv, self._settings))

    def _try(self, one: Environment, step: Callable[[], bool]) -> None:
        try:
            one.failed = not step()
        except OSError as error:
            one.lines.append(str(error))
            one.failed = True

    def _uv(self) -> Path | None:
        """The path of uv, in a folder of its own; ``None`` if it cannot be fetched or pip's settings do not fit it."""
        if self._settings.for_uv() is None:
            return None
        lock = lock_of(Path("local/uv.txt"))
        program, wanted = ROOT / UV / "bin" / "uv", (ROOT / lock).read_text()
        stamp = ROOT / UV / "installed"
        if program.exists() and stamp.exists() and stamp.read_text() == wanted:
            return program
        for one in self._missing:
            one.doing = "fetching uv"
        fetched = Environment(UV, ()).run(
            *(str(self._first.python), "-m", "pip", "install", *PIP, *LOCKED, "--only-binary=:all:", "--upgrade"),
            *("--target", str(ROOT / UV), "-r", str(lock)),
        )
        if not fetched or not program.exists():
            return None
        stamp.write_text(wanted)
        return program


def _together(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextmanager
def alone() -> Iterator[None]:
    """A lock: no other process installs into this folder meanwhile."""
    folder = ROOT / ".local"
    folder.mkdir(exist_ok=True)
    with (folder / "install.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another process is installing into this folder: waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install(every: list[Environment], settings: index.Settings) -> None:
    """Bring the environments up to date. Raises :class:`Unready` if one failed, after printing its last output."""
    missing = [one for one in every if not one.is_ready()]
    if not missing:
        return
    began = time.monotonic()
    folders = " and ".join(str(one.folder) for one in missing)
    print(f"Installing into {folders}: {duration.expected('install')}, longer on a slow connection.", flush=True)
    work = Installation(every, missing, settings)
    work.start()
    while work.is_alive():
        work.join(TICK)
        states = " · ".join(f"{one.folder}: {one.doing}" for one in missing if work.is_alive())
        print(f"{time.monotonic() - began:4.0f} s  {states or 'installed'}", flush=True)
    for one in missing:
        if one.failed:
            print("".join(one.lines[-30:]), file=sys.stderr)
            raise Unready(f"Installing into {one.folder} failed: {one.why()}")
        one.stamp.write_text("\n".join(one.fingerprints()))
    duration.remember("install", time.monotonic() - began)


def main(purpose: str, environment: Mapping[str, str]) -> int:
    """Check the machine and install what is missing. Returns the exit status: 1 after an error, which is one line."""
    try:
        every = environments(purpose)
        installs = not all(one.is_ready() for one in every)
        preflight.check(purpose, environment, ROOT, installs=installs)
        if installs:
            settings = index.settings(environment)
            if warning := index.check(settings):
                print(warning, file=sys.stderr, flush=True)
            with alone():
                install(every, settings)
    except (Unready, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
