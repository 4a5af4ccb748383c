"""What a page says after something was done; the address names it, so that reloading repeats nothing."""

from __future__ import annotations

NOTICES = {
    "saved": "Saved. Nobody had to be told.",
    "telling": "Saved. Whoever it concerns is told by mail.",
    "accepted": "They are accepted. The invitation is mailed to them.",
    "accepted-waiting": "They are accepted, and on the waitlist. That is mailed to them.",
    "turned-down": "They are declined, and told by mail.",
    "undone": "Undone. The event is as it was.",
    "settings": "Saved. All pages show it within a minute.",
    "split": "The dates from there on are an event of their own: this one. Whoever is registered for them is "
    "registered here as well, within about a minute.",
}
