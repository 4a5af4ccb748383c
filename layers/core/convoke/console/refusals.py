"""What a page says when the API refuses what somebody wants to do."""

from __future__ import annotations

import math

from ..languages import Texts
from ..languages import gettext_noop as noop
from ..pages.forms import Errors
from .client import Reply

STALE = noop(
    "This was changed meanwhile, by somebody else or in another window. Nothing of yours was saved yet: look at what "
    "you typed, and at how it is now, and send it once more."
)
"""Somebody was first: the version of the form is not the present one."""
KEPT = "Idempotency-Key"
"""The field of the API that says that the same form was sent before, with something else in it."""
SENTENCES = {
    "event_cancelled": noop("This event is cancelled. Reopen it first."),
    "event_draft": noop("The event is a draft, and nobody is told of a draft: publish it first."),
    "event_over": noop("This event is over, so that it cannot be changed any more."),
    "date_over": noop("This date is over, so that it cannot be changed any more."),
    "nothing_waits": noop("Nothing waits to be told any more: people are being told, or know."),
    "some_are_told": noop(
        "This cannot be undone any more: some people were told of it already. Change it back, and they are told."
    ),
    "registration_not_pending": noop("This was decided meanwhile, or they have withdrawn."),
    "registration_inactive": noop("They are not registered any more, so that nothing can be done for them."),
    "never_sent": noop("Nothing was sent to them yet: the invitation goes by itself as soon as it can."),
    "address_stopped": noop(
        "Mail to this address came back, so that it is not used any more. Change the address: the new one is invited."
    ),
    "managed_by_source": noop("This comes from a table of your own. Change its row there."),
    "scope_missing": noop("With the key that you signed in with, this may be seen, and not changed."),
    "split_running": noop("People are still being registered for this event. Please try again in a minute."),
    "busy": noop("Others are changing this at the moment. Nothing was saved. Please send it again."),
}
"""By the API's ``code``."""


def in_words(texts: Texts, reply: Reply) -> Errors:
    """What a page shows for a refused request: each field with what is wrong, or one sentence."""
    if reply.status == 412 or any(name == KEPT for name, _ in reply.errors):
        return (("", texts.gettext(STALE)),)
    if reply.status == 429:
        return (("", _wait(texts, reply)),)
    if reply.code in SENTENCES:
        return (("", texts.gettext(SENTENCES[reply.code])),)
    if reply.status == 409 and "cannot be released" in reply.errors[0][1]:
        return (("", texts.gettext("This mail cannot count: what it asks for is not possible any more.")),)
    return reply.errors


def _wait(texts: Texts, reply: Reply) -> str:
    minutes = max(1, math.ceil(int(reply.headers.get("retry-after", "60")) / 60))
    wait = texts.ngettext(
        "Nothing was saved. Please send it again in %(num)s minute.",
        "Nothing was saved. Please send it again in %(num)s minutes.",
        minutes,
        num=minutes,
    )
    return texts.sentences(*(said for _, said in reply.errors), wait)
