"""An account's colour, used where what is written on it, or in it, can be read (WCAG 2.2, 1.4.3 and 1.4.11)."""

from __future__ import annotations

READABLE = 4.5
"""The least contrast of text with what is behind it."""
LIGHT, DARK = "ffffff", "16181d"
"""What pages are written on, in light and in dark."""


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
