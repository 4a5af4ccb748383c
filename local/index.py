"""pip's settings on this machine, translated for uv, and a check whether the package index can be reached.

Settings such as a mirror, a proxy or a local folder of packages are in pip's configuration files or in PIP_ variables
(pip's user guide, "Configuration"). uv reads neither, so they are passed to it; if one has no equivalent, pip is used.
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
"""Seconds for an index to accept a connection. One that takes longer may only be slow, so that is no error."""

# Settings of pip itself, which uv does not need. Constraints do not matter where lock files pin everything, and with
# hashes uv takes none that are not pins themselves.
NOT_FOR_UV = frozenset(
    (
        *("break-system-packages", "cache-dir", "compile", "config-file", "constraint", "default-timeout"),
        *("disable-pip-version-check", "exists-action", "log", "no-cache-dir", "no-color", "no-compile", "no-input"),
        *("no-python-version-warning", "no-warn-script-location", "prefer-binary", "progress-bar", "quiet"),
        *("require-virtualenv", "retries", "root-user-action", "timeout", "user", "verbose"),
    )
)
EACH = {
    "extra-index-url": "--extra-index-url",
    "find-links": "--find-links",
    "trusted-host": "--allow-insecure-host",
}
SYSTEM = Path("/etc/pip.conf")
NO = frozenset(("", "0", "no", "false", "off"))
UNREACHABLE = frozenset((errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN))


@dataclass(frozen=True)
class Settings:
    """The settings of ``pip install``: the names of its long options without dashes, and the values as written."""

    values: Mapping[str, str]

    def of(self, name: str) -> str:
        return self.values.get(name, "").strip()

    @property
    def url(self) -> str | None:
        """The URL of the index; ``None`` with ``no-index``."""
        return None if self.of("no-index").lower() not in NO else self.of("index-url") or PYPI

    def for_uv(self) -> tuple[list[str], dict[str, str]] | None:
        """The same as options and environment variables of uv; ``None`` if one has no equivalent."""
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
    """Read pip's files, the most general first, then the environment, which overrides them."""
    values: dict[str, str] = {}
    for file in _files(environment):
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError):
            continue  # pip reports it, if pip has to be used
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
    """Connect to the index, or to the proxy before it. Raises :class:`Unready` if the connection is refused.

    Returns a warning where the result is not that clear, else an empty string.
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
    # In a thread, since a name lookup has no timeout.
    asking = threading.Thread(target=lambda: answers.append(_connect(host, port)), daemon=True)
    asking.start()
    asking.join(PATIENCE)
    error = answers[0] if answers else TimeoutError()
    if error is None:
        return ""
    if not isinstance(error, socket.gaierror) and getattr(error, "errno", None) not in UNREACHABLE:
        return f"{what} at {host}:{port} has not answered yet: still trying, which may take a while."
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
