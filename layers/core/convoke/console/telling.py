"""A change that waits or is being announced: how many people are informed, announcing it now, and undoing it.

A page of the event includes ``console/telling_part.html``, and ``console/telling_meta.html`` in its block ``meta``;
both need ``event``, as the API shows it. While people are being informed the page is loaded again every few seconds, or
a script fetches the part alone.
"""

from __future__ import annotations

from ..pages import site
from .client import Errors
from .previewing import version_of
from .refusals import in_words
from .visit import Visit, page


@page("GET", "/console/events/{event_id}/telling")
def show_part(visit: Visit, event_id: str) -> site.Answer:
    """The part alone, for a script that puts it into the event's page."""
    event = visit.api.read("/events/{event_id}", {"event_id": event_id})
    return visit.show("telling_part.html", event=event)


# --- announcing now, and undoing --------------------------------------------------------------------------------------


@page("POST", "/console/events/{event_id}/tell")
def tell_now(visit: Visit, event_id: str) -> site.Answer:
    return _step(visit, event_id, "tell", done="telling")


@page("GET", "/console/events/{event_id}/undo")
def ask_whether_to_undo(visit: Visit, event_id: str) -> site.Answer:
    return _asked(visit, event_id, "undo")


@page("POST", "/console/events/{event_id}/undo")
def undo(visit: Visit, event_id: str) -> site.Answer:
    return _step(visit, event_id, "undo", done="undone")


def _step(visit: Visit, event_id: str, step: str, *, done: str) -> site.Answer:
    if visit.objections:
        return _asked(visit, event_id, step, visit.objections)
    reply = visit.api.call(
        "POST",
        f"/events/{{event_id}}/{step}",
        {"event_id": event_id},
        version=version_of(visit),
        key=visit.form.text("once"),
    )
    if not reply.ok:
        return _asked(visit, event_id, step, in_words(visit.request.texts, reply))
    return visit.go(f"/console/events/{event_id}", done)


def _asked(visit: Visit, event_id: str, step: str, errors: Errors = ()) -> site.Answer:
    event = visit.api.read("/events/{event_id}", {"event_id": event_id})
    return visit.show("telling_step.html", 422 if errors else 200, step=step, errors=errors, event=event)
