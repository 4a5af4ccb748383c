"""What is done to an event: cancelling it, letting it take place again, and announcing at once or undoing a change that
waits.

The page of the event includes ``console/telling_part.html``: how many people are informed of a change. While they are,
the page is loaded again every few seconds, or a script fetches the part alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..pages import site
from ..pages.forms import Errors
from . import words
from .previewing import Change, settle, version_of
from .visit import Again, Visit, page, page_of_event

EVENT = "/events/{event_id}"


@page_of_event("POST", "/cancel")
def cancel(visit: Visit, event: Mapping[str, Any]) -> site.Answer:
    _, reason = visit.request.texts.gettext, visit.form.text("reason")
    change = _change(
        visit,
        event,
        "cancel",
        body={"reason": reason},
        previewed={"cancel": True, "reason": reason},
        title=_("Cancel the event %(title)s", title=visit.request.texts.isolated(event["title"])),
        send=_("Cancel the event, and tell everybody"),
    )
    return _settled(visit, event, change, lambda errors: ask_why(visit, event, reason, errors))


@page_of_event("GET", "/cancel")
def ask_why(visit: Visit, event: Mapping[str, Any], reason: str = "", errors: Errors = ()) -> site.Answer:
    return visit.show("cancelling.html", event=event, reason=reason, errors=errors)


@page_of_event("POST", "/reopen")
def reopen(visit: Visit, event: Mapping[str, Any]) -> site.Answer:
    _, dates = visit.request.texts.gettext, visit.form.every("occurrences")
    change = _change(
        visit,
        event,
        "reopen",
        body={"occurrences": list(dates)},
        previewed={"reopen": {"occurrences": list(dates)}},
        title=_("Let the event %(title)s take place again", title=visit.request.texts.isolated(event["title"])),
        send=_("Reopen the event, and invite everybody"),
    )
    return _settled(visit, event, change, lambda errors: ask_which_dates(visit, event, dates, errors))


@page_of_event("GET", "/reopen")
def ask_which_dates(
    visit: Visit, event: Mapping[str, Any], chosen: tuple[str, ...] = (), errors: Errors = ()
) -> site.Answer:
    # The API names each date by its number in the list; the form has one field for all of them.
    errors = tuple((name.partition(".")[0], said) for name, said in errors)
    dates = _cancelled_dates(visit, event) if event["recurrence"] else []
    return visit.show("reopening.html", event=event, dates=dates, chosen=chosen, errors=errors)


def _cancelled_dates(visit: Visit, event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The dates of a series that are cancelled one by one and not over: their names, and when they would take place."""
    return [
        (one["occurrence"], words.when(visit.request.texts, one))
        for one in visit.api.every(f"{EVENT}/occurrences", {"event_id": event["event_id"]})
        if one["cancelled"] and not one["over"]
    ]


def _change(visit: Visit, event: Mapping[str, Any], what: str, **changed: Any) -> Change:
    """The call of ``POST /events/{event_id}/<what>``."""
    at = {"event_id": event["event_id"]}
    return Change(method="POST", path=f"{EVENT}/{what}", at=at, version=version_of(visit), **changed)


def _settled(visit: Visit, event: Mapping[str, Any], change: Change, again: Again) -> site.Answer:
    return settle(visit, event, change, again=again, then=f"/console/events/{event['event_id']}")


# --- how far a change has been announced ----------------------------------------------------------------------------


@page_of_event("GET", "/telling")
def show_part(visit: Visit, event: Mapping[str, Any]) -> site.Answer:
    """The part alone, for a script that puts it into the event's page."""
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
    return visit.do(
        "POST",
        f"/events/{{event_id}}/{step}",
        {"event_id": event_id},
        version=version_of(visit),
        again=lambda errors: _asked(visit, event_id, step, errors),
        then=f"/console/events/{event_id}",
        done=done,
    )


def _asked(visit: Visit, event_id: str, step: str, errors: Errors = ()) -> site.Answer:
    return visit.show("telling_step.html", step=step, errors=errors, event=visit.event(event_id))
