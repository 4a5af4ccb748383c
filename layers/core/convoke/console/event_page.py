"""The overview of one event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..pages import site
from ..pages.event_page import map_link
from ..store.accounts import Scope
from . import dates, event_fields
from .visit import Visit, page
from .words import when_of

EVENT = "/events/{event_id}"
MOST_PEOPLE = 500
"""Of an event with more people answers are counted only upon request."""
MOST_PARTS = 4
"""Parts of a count, of two seconds each, that one page waits for."""
COUNTED = ("accepted", "tentative", "declined", "needs-action", "delegated")


@page("GET", "/console/events/{event_id}")
def show(visit: Visit, event_id: str) -> site.Answer:
    event = visit.event(event_id)
    texts, whole = visit.request.texts, when_of(event)
    following = event["next_date"]
    asked = event["registered"] + event["waiting"] <= MOST_PEOPLE or visit.request.query.get("count") == "answers"
    answers, complete = _answers(visit, event_id) if asked else (None, True)
    return visit.show(
        "event.html",
        logged={"event": event_id},
        event=event,
        when=texts.when(when_of(event, following)),
        first=texts.when(whole) if following and following["start"] != event["start"] else "",
        over=_is_over(visit, event),
        map_link=map_link(event["location"]),
        answers=answers,
        complete=complete,
        reminders=event_fields.reminder_options(tuple(event["reminders"]), texts),
        dates_part=dates.part(visit, event),
        creates=bool(visit.session.account),
        manages=Scope.MANAGE in visit.session.scopes,
        registers=Scope.REGISTER in visit.session.scopes,
    )


def _is_over(visit: Visit, event: Mapping[str, Any]) -> bool:
    """Whether no date is to come, and that not because it is cancelled."""
    over = event["next_date"] is None and when_of(event).ends_at <= visit.request.now
    return over and event["status"] != "cancelled"


def _answers(visit: Visit, event_id: str) -> tuple[dict[str, int], bool]:
    """How many gave which answer, and whether all people were counted."""
    path, at = f"{EVENT}/participation", {"event_id": event_id}
    counts, cursor = dict.fromkeys(COUNTED, 0), ""
    for _ in range(MOST_PARTS):
        part = visit.api.read(path, at, query={"cursor": cursor})
        counts = {name: count + part[name] for name, count in counts.items()}
        cursor = part["next"]
        if cursor is None:
            return counts, True
    return counts, False
