"""What pages load: stylesheet, script, an account's colour and image; each under a name that changes with it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

from ..store.store import Store
from ..web.files import FOREVER, REVALIDATED, File

STATIC = Path(__file__).parent / "static"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
READABLE = 4.5
"""The least contrast of text with what is behind it."""
LIGHT, DARK = "ffffff", "16181d"
"""What pages are written on, in light and in dark."""
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
    return File(stylesheet(digits).encode(), MEDIA_TYPES[".css"])


# --- an account's colour, used where what is written on it, or in it, can be read (WCAG 2.2, 1.4.3 and 1.4.11) -------


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, ``rrggbb``: from 1 to 21 (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def text_on(colour: str) -> str:
    """Black or white, whichever is read better on ``colour``. One of the two always has :data:`READABLE`."""
    return max(("000000", "ffffff"), key=lambda text: contrast(text, colour))


def stylesheet(colour: str) -> str:
    """The rules for an account's ``colour``, ``rrggbb``: behind the text of buttons everywhere, and as the colour of
    links where it can be read on the page.
    """
    rules = [f":root{{--fill:#{colour};--on-fill:#{text_on(colour)}}}"]
    for scheme, page in (("light", LIGHT), ("dark", DARK)):
        if contrast(colour, page) >= READABLE:
            rules.append(f"@media (prefers-color-scheme:{scheme}){{:root{{--link:#{colour}}}}}")
    return "\n".join(rules) + "\n"


def _luminance(colour: str) -> float:
    """The relative luminance of ``rrggbb`` (WCAG 2.2, "relative luminance")."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
