"""What pages load: stylesheet, script, an account's colour and image; each under a name that changes with it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

from ..store.store import Store
from ..web.files import FOREVER, REVALIDATED, File
from . import colours

STATIC = Path(__file__).parent / "static"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_NAMED = re.compile(r"(?P<stem>[a-z]+)-(?P<version>[0-9a-f]{12})(?P<kind>\.[a-z]+)", re.ASCII)
_LOGO = re.compile(r"logo-[0-9a-f]{32}\.[a-z]+", re.ASCII)
_COLOUR = re.compile(r"colour-(?P<colour>[0-9a-f]{6})\.css", re.ASCII)


@cache
def files() -> Mapping[str, File]:
    """All files of this folder, by name."""
    return {path.name: File(path.read_bytes(), MEDIA_TYPES[path.suffix]) for path in sorted(STATIC.iterdir())}


@cache
def named(name: str) -> str:
    """The name under which browsers may keep this version of a file for good. Raises :class:`KeyError`."""
    stem, dot, kind = name.partition(".")
    return f"{stem}-{hashlib.sha256(files()[name].content).hexdigest()[:12]}{dot}{kind}"


def find(name: str, store: Store) -> tuple[File | None, str]:
    """The file of this name, and its Cache-Control. An older version's name finds the present file."""
    if _LOGO.fullmatch(name):
        logo = store.account_settings.logo(name)
        return (File(logo.data, logo.media_type), FOREVER) if logo else (None, "")
    if match := _COLOUR.fullmatch(name):
        return _colour(match["colour"]), FOREVER
    match = _NAMED.fullmatch(name)
    plain = match["stem"] + match["kind"] if match else ""
    if plain not in files():
        return None, ""
    return files()[plain], FOREVER if named(plain) == name else REVALIDATED


def colour(of: str) -> str:
    """The name of the stylesheet with an account's colour, ``#rrggbb``; empty where it has none."""
    name = f"colour-{of.removeprefix('#').lower()}.css"
    return name if of and _COLOUR.fullmatch(name) else ""


@lru_cache(maxsize=256)
def _colour(digits: str) -> File:
    return File(colours.stylesheet(digits).encode(), MEDIA_TYPES[".css"])
