"""The events of whoever is signed in: those to come, drafts, and those that are over; and looking for them by words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import frozen
from ..pages import site
from .visit import Visit, page
from .words import when_of

PER_PAGE = 25
LONGEST_SEARCH = 200
MOST_PEOPLE = 40
"""Of an event with more people answers are counted only upon request, since each of them has to be looked at."""
MOST_COUNTS = 8
"""Events of a page whose answers are counted; of the others they are counted only upon request."""
VIEWS: Mapping[str, Mapping[str, Any]] = {
    "upcoming": {"order": "start", "over": "false"},
    "drafts": {"order": "start", "status": "draft"},
    "past": {"order": "-start", "over": "true"},
}
ANSWERS = ("accepted", "tentative", "declined")


@frozen
class Row:
    """An event in the list: as the API answers it, when it takes place (next), and how many gave which answer, where
    that was counted.
    """

    event: Mapping[str, Any]
    when: str
    over: bool
    answers: Mapping[str, int] | None


@page("GET", "/console")
def show(visit: Visit) -> site.Answer:
    query = visit.request.query
    view = query.get("show", "")
    view = view if view in VIEWS else "upcoming"
    search = query.get("q", "").strip()[:LONGEST_SEARCH]
    found = visit.api.events(
        **VIEWS[view], search=search, limit=PER_PAGE, cursor=query.get("cursor", ""), details="true"
    )
    return visit.show(
        "home.html",
        view=view,
        search=search,
        rows=_rows(visit, found["items"], over=view == "past"),
        cursor=query.get("cursor", ""),
        following=found["next"],
        none_at_all=not (found["items"] or search or found["next"] or query.get("cursor")) and _has_none(visit),
        creates=bool(visit.session.account),
    )


def _has_none(visit: Visit) -> bool:
    """Whether there is no event at all, in whichever state."""
    return not visit.api.events(limit=1)["items"]


def _rows(visit: Visit, events: list[dict[str, Any]], *, over: bool) -> list[Row]:
    rows, left = [], MOST_COUNTS
    for event in events:
        when = when_of(event, event["next_date"])
        people = event["registered"] + event["waiting"]
        counted = people <= MOST_PEOPLE and (not people or left > 0)
        left -= bool(people and counted)
        row = Row(
            event=event,
            when=visit.request.texts.when_short(when),
            over=over or (event["next_date"] is None and when.ends_at <= visit.request.now),
            answers=_answers(visit, event) if counted else None,
        )
        rows.append(row)
    return rows


def _answers(visit: Visit, event: Mapping[str, Any]) -> Mapping[str, int]:
    """How many gave which answer; nobody is read for an event without people."""
    if not event["registered"] and not event["waiting"]:
        return dict.fromkeys(ANSWERS, 0)
    path, at = "/events/{event_id}/participation", {"event_id": event["event_id"]}
    counts: Mapping[str, int] = visit.api.read(path, at)
    return counts
