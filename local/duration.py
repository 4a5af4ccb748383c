"""How long commands take, to say so before they begin: as the last time on this machine, else as measured elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

KEPT = Path(__file__).resolve().parent.parent / ".local" / "took.json"
# Seconds, measured on two cores.
FIRST = {"install": 20.0, "run": 30.0, "test": 340.0}


def expected(what: str, *, kept: Path = KEPT) -> str:
    """A phrase such as "about 30 s" or "about 6 minutes, as the last time here"."""
    last = _took(kept).get(what)
    return f"about {words(FIRST[what] if last is None else last)}" + ("" if last is None else ", as the last time here")


def words(seconds: float) -> str:
    if seconds < 100:
        return f"{max(5, 5 * round(seconds / 5))} s"
    return f"{max(2, round(seconds / 60))} minutes"


def remember(what: str, seconds: float, *, kept: Path = KEPT) -> None:
    """Store the duration for the next time. A file that cannot be written is ignored."""
    took = _took(kept) | {what: round(seconds, 1)}
    try:
        kept.write_text(json.dumps(took))
    except OSError:
        return


def _took(kept: Path) -> dict[str, float]:
    try:
        read = json.loads(kept.read_text())
        return {what: float(read[what]) for what in FIRST if what in read}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
