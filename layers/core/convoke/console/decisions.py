"""Deciding what waits: another time that somebody proposes, and a quarantined mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..pages import site
from ..pages.forms import Errors
from . import attention_page, person, words
from .previewing import Change, settle, version_of
from .refusals import in_words
from .visit import Again, Visit, page

EVENT = "/events/{event_id}"
PROPOSAL = f"{EVENT}/proposals/{{proposal_id}}"


# --- proposals ------------------------------------------------------------------------------------------------------


@page("GET", "/console/events/{event_id}/proposals/{proposal_id}")
def show(visit: Visit, event_id: str, proposal_id: str) -> site.Answer:
    return _proposal(visit, *_read(visit, event_id, proposal_id))


@page("POST", "/console/events/{event_id}/proposals/{proposal_id}/accept")
def accept(visit: Visit, event_id: str, proposal_id: str) -> site.Answer:
    event, proposal = _read(visit, event_id, proposal_id)
    title = visit.request.texts.isolated(event["title"])
    change = Change(
        method="POST",
        path=f"{PROPOSAL}/accept",
        at={"event_id": event_id, "proposal_id": proposal_id},
        body={},
        previewed=_previewed(visit, event, proposal),
        version=version_of(visit),
        title=visit.request.texts.gettext("Move %(title)s, as it was proposed", title=title),
        send=visit.request.texts.gettext("Move it, and tell everybody"),
    )
    return settle(
        visit,
        event,
        change,
        again=lambda errors: _proposal(visit, event, proposal, errors),
        then=f"/console/events/{event_id}",
    )


@page("POST", "/console/events/{event_id}/proposals/{proposal_id}/decline")
def decline(visit: Visit, event_id: str, proposal_id: str) -> site.Answer:
    event, proposal = _read(visit, event_id, proposal_id)
    return visit.do(
        "POST",
        f"{PROPOSAL}/decline",
        {"event_id": event_id, "proposal_id": proposal_id},
        {},
        again=lambda errors: _proposal(visit, event, proposal, errors),
        then=f"/console/events/{event_id}/attention",
        done="declined",
    )


def _read(visit: Visit, event_id: str, proposal_id: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The event and the proposal. Raises ``site.Refused`` (404) where there is none, or it may not be seen."""
    event = visit.event(event_id)
    for one in visit.api.every(f"{EVENT}/proposals", {"event_id": event_id}):
        if one["proposal_id"] == proposal_id:
            return event, one
    raise site.missing(visit.request)


def _previewed(visit: Visit, event: Mapping[str, Any], proposal: Mapping[str, Any]) -> dict[str, Any]:
    """The change that accepting makes, as the API previews it."""
    times = {"start": proposal["start"], "end": proposal["end"]}
    date = proposal["occurrence"]
    if date is None and event["recurrence"] is None and len(_dates(visit, event)) > 1:
        date = event["start"]  # of an event with added dates alone it means the first
    if date is not None:
        return {"occurrence": date, **times}
    if proposal["time_zone"] != event["time_zone"]:
        return {**times, "time_zone": proposal["time_zone"]}
    return times


def _proposal(visit: Visit, event: Mapping[str, Any], proposal: Mapping[str, Any], errors: Errors = ()) -> site.Answer:
    texts, at = visit.request.texts, {"event_id": event["event_id"], "registration_id": proposal["registration_id"]}
    who = visit.api.read(person.PERSON, at)
    present = event
    if proposal["occurrence"] is not None:
        named = (one for one in _dates(visit, event) if one["occurrence"] == proposal["occurrence"])
        present = next(named, event)
    return visit.show(
        "proposal.html",
        event=event,
        proposal=proposal,
        who=person.name_of(texts, who),
        person_path=person.path_of(event["event_id"], proposal["registration_id"]),
        path=f"/console/events/{event['event_id']}/proposals/{proposal['proposal_id']}",
        was=words.when(texts, present),
        when=words.when(texts, proposal),
        received=words.moment(texts, proposal["received_at"], event["time_zone"]),
        errors=errors,
    )


def _dates(visit: Visit, event: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return person.everything(visit, f"{EVENT}/occurrences", {"event_id": event["event_id"]})


# --- quarantined mails ----------------------------------------------------------------------------------------------


@page("POST", "/console/events/{event_id}/quarantine/{quarantine_id}/release")
def release(visit: Visit, event_id: str, quarantine_id: str) -> site.Answer:
    return _decide_of_event(visit, event_id, quarantine_id, "release", "released")


@page("POST", "/console/events/{event_id}/quarantine/{quarantine_id}/drop")
def drop(visit: Visit, event_id: str, quarantine_id: str) -> site.Answer:
    return _decide_of_event(visit, event_id, quarantine_id, "drop", "dropped")


@page("POST", "/console/quarantine/{quarantine_id}/release")
def release_any(visit: Visit, quarantine_id: str) -> site.Answer:
    return _decide_of_account(visit, quarantine_id, "release", "released")


@page("POST", "/console/quarantine/{quarantine_id}/drop")
def drop_any(visit: Visit, quarantine_id: str) -> site.Answer:
    return _decide_of_account(visit, quarantine_id, "drop", "dropped")


def _decide_of_event(visit: Visit, event_id: str, quarantine_id: str, decision: str, done: str) -> site.Answer:
    visit.event(event_id)  # whoever is signed in acts for it
    return _decide(
        visit,
        f"{EVENT}/quarantine/{{quarantine_id}}/{decision}",
        {"event_id": event_id, "quarantine_id": quarantine_id},
        again=lambda errors: attention_page.shown(visit, event_id, errors),
        then=f"/console/events/{event_id}/attention",
        done=done,
    )


def _decide_of_account(visit: Visit, quarantine_id: str, decision: str, done: str) -> site.Answer:
    if not visit.session.account:
        raise site.missing(visit.request)
    return _decide(
        visit,
        f"/quarantine/{{quarantine_id}}/{decision}",
        {"quarantine_id": quarantine_id},
        again=lambda errors: attention_page.all_shown(visit, errors),
        then="/console/attention",
        done=done,
    )


def _decide(visit: Visit, path: str, at: Mapping[str, str], *, again: Again, then: str, done: str) -> site.Answer:
    if visit.objections:
        return again(visit.objections)
    reply = visit.api.call("POST", path, at, {}, key=visit.form.text("once"))
    if reply.status == 404:
        raise site.missing(visit.request)
    return visit.go(then, done) if reply.ok else again(in_words(visit.request.texts, reply))
