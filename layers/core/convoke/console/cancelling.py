"""Cancelling an event, with a reason, and letting it take place again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..pages import site
from . import words
from .client import Errors
from .previewing import Change, settle, version_of
from .visit import Visit, page

EVENT = "/events/{event_id}"
DATES_AT_A_TIME = 100
"""The most that the API lists at a time."""


@page("GET", "/console/events/{event_id}/cancel")
def ask_why(visit: Visit, event_id: str) -> site.Answer:
    return _cancelling(visit, visit.api.read(EVENT, {"event_id": event_id}))


@page("POST", "/console/events/{event_id}/cancel")
def cancel(visit: Visit, event_id: str) -> site.Answer:
    event = visit.api.read(EVENT, {"event_id": event_id})
    reason = visit.form.text("reason")
    _ = visit.request.texts.gettext
    change = _change(
        *(visit, event, "cancel"),
        body={"reason": reason},
        previewed={"cancel": True, "reason": reason},
        title=_("Cancel the event %(title)s", title=visit.request.texts.isolated(event["title"])),
        send=_("Cancel the event, and tell everybody"),
    )
    return settle(
        visit, event, change, again=lambda errors: _cancelling(visit, event, reason, errors), then=_of(event_id)
    )


def _cancelling(visit: Visit, event: Mapping[str, Any], reason: str = "", errors: Errors = ()) -> site.Answer:
    return visit.show("cancelling.html", 422 if errors else 200, event=event, reason=reason, errors=errors)


@page("GET", "/console/events/{event_id}/reopen")
def ask_which_dates(visit: Visit, event_id: str) -> site.Answer:
    return _reopening(visit, visit.api.read(EVENT, {"event_id": event_id}))


@page("POST", "/console/events/{event_id}/reopen")
def reopen(visit: Visit, event_id: str) -> site.Answer:
    event = visit.api.read(EVENT, {"event_id": event_id})
    dates = visit.form.every("occurrences")
    _ = visit.request.texts.gettext
    change = _change(
        *(visit, event, "reopen"),
        body={"occurrences": list(dates)},
        previewed={"reopen": {"occurrences": list(dates)}},
        title=_("Let the event %(title)s take place again", title=visit.request.texts.isolated(event["title"])),
        send=_("Reopen the event, and invite everybody"),
    )
    return settle(
        visit, event, change, again=lambda errors: _reopening(visit, event, dates, errors), then=_of(event_id)
    )


def _reopening(
    visit: Visit, event: Mapping[str, Any], chosen: tuple[str, ...] = (), errors: Errors = ()
) -> site.Answer:
    # The API names each date by its number in the list; the form has one field for all of them.
    errors = tuple((name.partition(".")[0], said) for name, said in errors)
    status = 422 if errors else 200
    dates = _cancelled_dates(visit, event) if event["recurrence"] else []
    return visit.show("reopening.html", status, event=event, dates=dates, chosen=chosen, errors=errors)


def _cancelled_dates(visit: Visit, event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The dates of a series that are cancelled one by one and not over: their names, and when they would take place."""
    found: list[tuple[str, str]] = []
    cursor = ""
    while cursor is not None:
        query = {"limit": DATES_AT_A_TIME, "cursor": cursor}
        part = visit.api.read("/events/{event_id}/occurrences", {"event_id": event["event_id"]}, query)
        found += [
            (one["occurrence"], words.when(visit.request.texts, one))
            for one in part["items"]
            if one["cancelled"] and not one["over"]
        ]
        cursor = part["next"]
    return found


def _change(visit: Visit, event: Mapping[str, Any], what: str, **changed: Any) -> Change:
    """The call of ``POST /events/{event_id}/<what>``."""
    at = {"event_id": event["event_id"]}
    return Change(method="POST", path=f"{EVENT}/{what}", at=at, version=version_of(visit), **changed)


def _of(event_id: str) -> str:
    return f"/console/events/{event_id}"
