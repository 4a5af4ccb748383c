"""What a page says after something was done; the address names it, so that reloading repeats nothing."""

from __future__ import annotations

NOTICES = {
    "saved": "Saved. Nobody had to be told.",
    "unchanged": "Nothing was changed.",
    "created": "The event is published. Nobody is invited yet.",
    "drafted": "The draft is saved. Nobody can see it yet.",
}
