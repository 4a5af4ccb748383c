"""Where packages come from: what pip is told on this machine, the same for uv, and whether an index answers.

Whoever has a mirror, a proxy or packages on a disk has told pip of it, in a file or in PIP_ variables (pip's user
guide, "Configuration"). uv reads none of that, so it is told: and what cannot be said to it is left to pip.
"""

from __future__ import annotations

import configparser
import errno
import os
import socket
import sys
import threading
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from .preflight import Unready

PYPI = "https://pypi.org/simple"
PATIENCE = 0.8
"""Seconds for an index to accept a connection. One that has not by then may be slow: only a plain no is a no."""

# What pip may be told of itself, which is none of uv's concern.
NOT_FOR_UV = frozenset(
    (
        *("break-system-packages", "cache-dir", "compile", "config-file", "default-timeout"),
        *("disable-pip-version-check", "exists-action", "log", "no-cache-dir", "no-color", "no-compile", "no-input"),
        *("no-python-version-warning", "no-warn-script-location", "prefer-binary", "progress-bar", "quiet"),
        *("require-virtualenv", "retries", "root-user-action", "timeout", "user", "verbose"),
    )
)
EACH = {
    "extra-index-url": "--extra-index-url",
    "find-links": "--find-links",
    "constraint": "--constraint",
    "trusted-host": "--allow-insecure-host",
}
SYSTEM = Path("/etc/pip.conf")
NO = frozenset(("", "0", "no", "false", "off"))
UNREACHABLE = frozenset((errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN))


@dataclass(frozen=True)
class Settings:
    """What ``pip install`` is told here, by its long options' names; values as they are written."""

    values: Mapping[str, str]

    def of(self, name: str) -> str:
        return self.values.get(name, "").strip()

    @property
    def url(self) -> str | None:
        """The index, or ``None`` where there is none to be asked."""
        return None if self.of("no-index").lower() not in NO else self.of("index-url") or PYPI

    def for_uv(self) -> tuple[list[str], dict[str, str]] | None:
        """The same as options and environment variables of uv; ``None`` where it cannot be said."""
        options: list[str] = []
        for name, value in self.values.items():
            if name in EACH:
                options += [part for each in value.split() for part in (EACH[name], each)]
            elif name == "index-url":
                options += ["--index-url", value.strip()]
            elif name == "no-index":
                options += [] if value.strip().lower() in NO else ["--no-index"]
            elif name not in NOT_FOR_UV | {"cert", "proxy"}:
                return None
        if self.of("extra-index-url"):
            options += ["--index-strategy", "unsafe-best-match"]  # the newest of all indexes, as pip takes it
        proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), self.of("proxy")) if self.of("proxy") else {}
        return options, proxies | ({"SSL_CERT_FILE": self.of("cert")} if self.of("cert") else {})


def settings(environment: Mapping[str, str]) -> Settings:
    """Read pip's files, the general ones first, and then the environment, which has the last word."""
    values: dict[str, str] = {}
    for file in _files(environment):
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError):
            continue  # pip itself will say so, if it must be asked
        for section in ("global", "install"):
            if parser.has_section(section):
                values |= {name.lower().replace("_", "-"): value for name, value in parser.items(section)}
    for name, value in environment.items():
        if name.startswith("PIP_") and value:
            values[name[4:].lower().replace("_", "-")] = value
    return Settings(values)


def _files(environment: Mapping[str, str]) -> list[Path]:
    named = environment.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return []
    home = Path(environment.get("HOME") or "~").expanduser()
    files = [Path(named)] if named else []
    if sys.platform == "darwin":
        files.append(Path("/Library/Application Support/pip/pip.conf"))
    folders = environment.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    files += [Path(folder) / "pip" / "pip.conf" for folder in folders.split(os.pathsep) if folder]
    files += [SYSTEM, home / ".pip" / "pip.conf"]
    if sys.platform == "darwin":
        files.append(home / "Library/Application Support/pip/pip.conf")
    return [*files, Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"]


def check(known: Settings) -> str:
    """Ask whether the index, or the proxy before it, takes a connection. Raises :class:`Unready` where it does not.

    Whatever is less plain than that is no reason to stop: the answer is then a warning, else it is empty.
    """
    if known.url is None or not known.url.startswith(("http:", "https:")):
        return ""
    url = urlsplit(known.url)
    host, port, what = url.hostname or "", url.port or (443 if url.scheme == "https" else 80), "The package index"
    proxy = known.of("proxy") or urllib.request.getproxies().get(url.scheme, "")
    if proxy and (known.of("proxy") or not urllib.request.proxy_bypass(host)):
        there = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host, port, what = there.hostname or "", there.port or 80, "The proxy before the package index"
    answers: list[Exception | None] = []
    # In a thread, as looking up a name may take as long as it likes.
    asking = threading.Thread(target=lambda: answers.append(_connect(host, port)), daemon=True)
    asking.start()
    asking.join(PATIENCE)
    error = answers[0] if answers else TimeoutError()
    if error is None:
        return ""
    if not isinstance(error, socket.gaierror) and getattr(error, "errno", None) not in UNREACHABLE:
        return f"{what} at {host}:{port} has not answered yet: trying on, which may take a while."
    why = getattr(error, "strerror", None) or str(error)
    raise Unready(
        f"{what} at {host}:{port} cannot be reached ({why}), and packages are missing: "
        "connect this machine, or name a mirror in PIP_INDEX_URL."
    )


def _connect(host: str, port: int) -> Exception | None:
    try:
        socket.create_connection((host, port), timeout=PATIENCE).close()
    except (OSError, UnicodeError) as error:
        return error
    return None
