"""Checks of the machine before a run, within a second: each error is one line with what is wrong and what to do.

It runs before anything is installed, so it uses the standard library only.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

PORTS = {"CONVOKE_PORT": 4566, "CONVOKE_INBOX_PORT": 8025}
PAGES_PORT = "CONVOKE_PAGES_PORT"
MEGABYTE = 1_000_000
TO_INSTALL = {"run": 700, "tools": 700, "test": 1000, "fuzz": 1100, "bench": 1100}
"""Megabytes that the environments take, with their downloads."""
TO_RUN = 300
"""Megabytes for the build and the mail; and again for the copies of the layer that the emulator makes."""


class Unready(Exception):
    """Something is wrong with this machine or its settings: one line, with what to do."""


def check(purpose: str, environment: Mapping[str, str], root: Path, *, installs: bool) -> None:
    """Check everything that ``purpose`` ("run", "tools", "test" or "fuzz") needs, except the package index.

    ``installs`` says whether packages are missing. Raises :class:`Unready`.
    """
    if not os.access(root, os.W_OK | os.X_OK):
        raise Unready(f"{root} cannot be written to: give it to {_user()}, or use a copy of the project.")
    for name in (".venv", ".local"):
        if (root / name).exists() and not os.access(root / name, os.W_OK | os.X_OK):
            raise Unready(f"{root / name} belongs to somebody else: remove it, or give it to {_user()}.")
    if shutil.which("make") is None:
        raise Unready("make is missing, and the build runs it (Debian and Ubuntu: sudo apt install make).")
    if installs:
        for module in ("venv", "ensurepip"):
            if importlib.util.find_spec(module) is None:
                version = f"{sys.version_info.major}.{sys.version_info.minor}"
                raise Unready(
                    f"{sys.executable} has no {module} (Debian and Ubuntu: sudo apt install python{version}-venv)."
                )
    if purpose == "run":
        pages_port(environment, ports(environment))
    room(root, (TO_INSTALL[purpose] if installs else 0) + (0 if purpose == "tools" else TO_RUN))
    if purpose != "tools":
        room(temporary(environment), TO_RUN)


def _user() -> str:
    return os.environ.get("USER") or f"user {os.getuid()}"


def room(folder: Path, megabytes: int) -> None:
    """Raise :class:`Unready` if the disk that holds ``folder`` has less free space."""
    there = folder.resolve()
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free // MEGABYTE
    if free < megabytes:
        raise Unready(f"{folder} has room for {free} MB and {megabytes} MB are needed: make room, or use another disk.")


def memory() -> str | None:
    """A folder in memory with at least 2 GiB free that programs may be loaded from; ``None`` where there is none.

    The emulator unpacks the layer for every worker of every function; removing that from a disk may take half a minute.
    """
    shared = Path("/dev/shm")  # noqa: S108 - we only use a folder of our own in it
    if not shared.is_dir() or not os.access(shared, os.W_OK):
        return None
    kept_out = os.statvfs(shared).f_flag & getattr(os, "ST_NOEXEC", 0)
    return None if kept_out or shutil.disk_usage(shared).free < 2**31 else str(shared)


def temporary(environment: Mapping[str, str]) -> Path:
    """The folder for temporary files: TMPDIR, else one in memory, else the system's. Raises :class:`Unready`."""
    try:
        folder = Path(environment.get("TMPDIR") or memory() or tempfile.gettempdir())
    except OSError as error:
        raise Unready(f"There is no folder for temporary files ({error.strerror}): name one in TMPDIR.") from None
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise Unready(f"TMPDIR is {folder}, which is no folder that can be written to: make it, or name another.")
    return folder


def ports(environment: Mapping[str, str]) -> tuple[int, int]:
    """The emulator's and the inbox's port, both free. Raises :class:`Unready`, which suggests a free one."""
    port, inbox_port = (_port(environment, name) for name in PORTS)
    if port == inbox_port:
        raise Unready(f"CONVOKE_PORT and CONVOKE_INBOX_PORT are both {port}: choose two, such as {_other({port})}.")
    taken = {name: number for name, number in zip(PORTS, (port, inbox_port), strict=True) if in_use(number)}
    if taken:
        others: dict[str, int] = {}
        for name, number in taken.items():
            others[name] = _other({port, inbox_port, *others.values()}, number)
        which = " and port ".join(map(str, taken.values()))
        choice = " ".join(f"{name}={number}" for name, number in others.items())
        plural = "are" if len(taken) > 1 else "is"
        raise Unready(f"Port {which} {plural} in use. Stop what listens there, or choose another: make run {choice}")
    return port, inbox_port


def pages_port(environment: Mapping[str, str], others: tuple[int, ...]) -> int:
    """The port of the pages for people: CONVOKE_PAGES_PORT, which is free and none of ``others``, or 0 for any that is
    free. Raises :class:`Unready`.
    """
    if not environment.get(PAGES_PORT):
        return 0
    port = _port(environment, PAGES_PORT)
    if port in others or in_use(port):
        free = _other({port, *others})
        raise Unready(f"Port {port} is in use. Choose another: make run {PAGES_PORT}={free}")
    return port


def _port(environment: Mapping[str, str], name: str) -> int:
    usual = PORTS.get(name, 8080)
    said = environment.get(name) or str(usual)
    if not said.isascii() or not said.isdigit() or not 1024 <= int(said) <= 65535:
        raise Unready(f"{name} is {said!r}, which is no port: choose one from 1024 to 65535, such as {usual}.")
    return int(said)


def in_use(port: int) -> bool:
    """Whether a server of ours could not listen on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    with socket.socket() as probe:  # some systems allow two servers on one port
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _other(taken: set[int], start: int = 0) -> int:
    """A free port that is none of ``taken``, near ``start``."""
    first = start or min(taken)
    return next(
        (one for one in range(first + 1, min(first + 100, 65536)) if one not in taken and not in_use(one)), first + 100
    )
