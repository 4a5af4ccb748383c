"""What a page says after something was done; the address names it, so that reloading repeats nothing."""

from __future__ import annotations

NOTICES = {
    "saved": "Saved. Nobody is mailed about it.",
    "added": "Registered. They are invited by mail.",
    "waiting": "The event is full: they are on the waitlist, and are invited as soon as a seat comes free.",
    "asked": "They are told that the organizer decides whether they come.",
    "draft": "Registered. The event is a draft: they are invited as soon as it is published.",
    "changed": "Saved.",
    "readdressed": "Saved. The new address is invited, and the calendar of the former one is told to remove the entry.",
    "same": "Nothing was changed.",
    "resent": "The latest mail is sent to them once more.",
    "withdrawn": "They are withdrawn. Whoever was invited is told by mail.",
    "erased": "This person is erased.",
    "erasing": "This person is erased as soon as the cancellation has left.",
    "released": "The answer counts.",
    "dropped": "The mail is discarded.",
    "declined": "Declined. Whoever proposed it is told by mail.",
    "telling": "Saved. Whoever it concerns is told by mail.",
    "accepted": "They are accepted. The invitation is mailed to them.",
    "accepted-waiting": "They are accepted, and on the waitlist. That is mailed to them.",
    "turned-down": "They are declined, and told by mail.",
    "undone": "Undone. The event is as it was.",
    "settings": "Saved. All pages show it within a minute.",
    "split": "The dates from there on are an event of their own: this one. Whoever is registered for them is "
    "registered here as well, within about a minute.",
    "unchanged": "Nothing was changed.",
    "created": "The event is published. Nobody is invited yet.",
    "drafted": "The draft is saved. Nobody can see it yet.",
}
