"""Two environments from nothing, side by side, with a line of progress every few seconds.

This is the one module here that runs before anything is installed, so it knows the standard library only. What has been
installed is remembered as a fingerprint of the files that asked for it, and not looked at again until they change.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYER = (Path("layers/core/requirements.txt"), Path("layers/core/constraints.txt"))
TICK = 3.0


@dataclass
class Environment:
    """A virtual environment, the requirements files it is made from (the last one names the others), and its state."""

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

    def fingerprints(self) -> list[str]:
        """One for each file together with those before it: what serves the tests serves a run."""
        texts = [sys.version]
        prints = []
        for file in self.files:
            texts.append((ROOT / file).read_text())
            prints.append(hashlib.sha256("\0".join(texts).encode()).hexdigest())
        return prints

    def is_ready(self) -> bool:
        known = self.stamp.read_text().split() if self.stamp.exists() and self.python.exists() else []
        return self.fingerprints()[-1] in known

    def run(self, *command: str) -> None:
        """Run one command, remembering its words for the progress line, and all of them should it fail."""
        both = subprocess.STDOUT
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=both, text=True) as process:  # noqa: S603
            for line in process.stdout or ():
                self.lines.append(line)
                if line.startswith("Collecting"):
                    self.doing = "fetching " + re.split(r"[^\w.-]", line.split()[1])[0]
                elif line.startswith("Installing"):
                    self.doing = f"installing {line.count(',') + 1} packages"
        self.failed = process.returncode != 0

    def make(self, *, pip: Path | None = None) -> None:
        """Create what is missing. ``pip`` is the interpreter whose pip serves; without it, this one gets its own."""
        self.doing = "creating the environment"
        if not self.python.exists():
            self.run(sys.executable, "-m", "venv", *(["--without-pip"] if pip else []), str(self.folder))
        if not self.failed:
            self.doing = "looking up what it needs"
            served = [str(pip), "-m", "pip", "--python", str(self.python)] if pip else [str(self.python), "-m", "pip"]
            options = ["--no-compile", "--disable-pip-version-check", "--no-input", "--progress-bar=off"]
            self.run(*served, "install", *options, "-r", str(self.files[-1]))
        if not self.failed:
            self.stamp.write_text("\n".join(self.fingerprints()))
        self.doing = "failed" if self.failed else "ready"


def environments(purpose: str) -> list[Environment]:
    """What ``purpose`` ("run", "test" or "fuzz") needs: `.venv`, and the emulator's own."""
    files: tuple[Path, ...] = (*LAYER, Path("local/requirements.txt"))
    if purpose in ("test", "fuzz"):
        files = (*files, Path("tests/requirements.txt"))
    if purpose == "fuzz":
        files = (*files, Path("tests/fuzz/requirements.txt"))
    return [Environment(Path(".venv"), files), Environment(Path(".local/emulator"), (Path("local/emulator.txt"),))]


def install(purpose: str) -> bool:
    """Bring the environments up to date, both at once. False where one failed; what pip said is then printed."""
    missing = [environment for environment in environments(purpose) if not environment.is_ready()]
    if not missing:
        return True
    began = time.monotonic()
    print(f"Installing into {' and '.join(str(environment.folder) for environment in missing)}.")
    threads = [threading.Thread(target=environment.make, daemon=True) for environment in missing]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        threads[0 if threads[0].is_alive() else -1].join(TICK)
        states = " · ".join(f"{environment.folder}: {environment.doing}" for environment in missing)
        print(f"{time.monotonic() - began:4.0f} s  {states}", flush=True)
    for environment in missing:
        if environment.failed:
            print("".join(environment.lines[-30:]), file=sys.stderr)
    return not any(environment.failed for environment in missing)


if __name__ == "__main__":
    try:
        sys.exit(0 if install(sys.argv[1]) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
