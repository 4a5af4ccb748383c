"""Deciding what waits: another time that somebody proposes, and a mail that was put aside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..pages import site
from . import attention_page, person, words
from .client import Errors, Reply
from .previewing import Change, settle
from .refusals import in_words
from .visit import Visit, page

EVENT = "/events/{event_id}"
PROPOSAL = f"{EVENT}/proposals/{{proposal_id}}"


def refused(visit: Visit, reply: Reply) -> Errors:
    """What a page says where a decision was refused: somebody else made another, or it cannot be carried out."""
    found = in_words(visit.request.texts, reply)
    if reply.status == 409 and found == reply.errors and "cannot be released" in found[0][1]:
        return (
            ("", visit.request.texts.gettext("This mail cannot count: what it asks for is not possible any more.")),
        )
    return found


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
        version=_version(visit),
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
    if visit.objections:
        return _proposal(visit, event, proposal, visit.objections)
    at = {"event_id": event_id, "proposal_id": proposal_id}
    reply = visit.api.call("POST", f"{PROPOSAL}/decline", at, {}, key=visit.form.text("once"))
    if not reply.ok:
        return _proposal(visit, event, proposal, refused(visit, reply))
    return visit.go(f"/console/events/{event_id}/attention", "declined")


def _read(visit: Visit, event_id: str, proposal_id: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The event and the proposal. Raises ``site.Refused`` (404) where there is none, or it may not be seen."""
    at, cursor = {"event_id": event_id}, ""
    event = visit.api.read(EVENT, at)
    while cursor is not None:
        part = visit.api.read(f"{EVENT}/proposals", at, {"limit": person.AT_A_TIME, "cursor": cursor})
        for one in part["items"]:
            if one["proposal_id"] == proposal_id:
                return event, one
        cursor = part["next"]
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
        422 if errors else 200,
        event=event,
        proposal=proposal,
        who=who["name"] or texts.gettext("An erased person"),
        person_path=person.path_of(event["event_id"], proposal["registration_id"]),
        path=f"/console/events/{event['event_id']}/proposals/{proposal['proposal_id']}",
        was=words.when(texts, present),
        when=words.when(texts, proposal),
        received=words.moment(texts, proposal["received_at"], event["time_zone"]),
        errors=errors,
    )


def _dates(visit: Visit, event: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return person.everything(visit, f"{EVENT}/occurrences", {"event_id": event["event_id"]})


def _version(visit: Visit) -> int | None:
    """The version of the event that the form was made from."""
    said = visit.form.text("version")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else None


# --- mails that were put aside --------------------------------------------------------------------------------------


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
    at = {"event_id": event_id, "quarantine_id": quarantine_id}
    visit.api.read(EVENT, {"event_id": event_id})

    def again(errors: Errors) -> site.Answer:
        return attention_page.shown(visit, event_id, errors)

    path = f"{EVENT}/quarantine/{{quarantine_id}}/{decision}"
    return _decide(visit, path, at, again, f"/console/events/{event_id}/attention", done)


def _decide_of_account(visit: Visit, quarantine_id: str, decision: str, done: str) -> site.Answer:
    def again(errors: Errors) -> site.Answer:
        return attention_page.all_shown(visit, errors)

    if not visit.session.account:
        raise site.missing(visit.request)
    path = f"/quarantine/{{quarantine_id}}/{decision}"
    return _decide(visit, path, {"quarantine_id": quarantine_id}, again, "/console/attention", done)


def _decide(
    visit: Visit,
    path: str,
    at: Mapping[str, str],
    again: Callable[[Errors], site.Answer],
    then: str,
    done: str,
) -> site.Answer:
    if visit.objections:
        return again(visit.objections)
    reply = visit.api.call("POST", path, at, {}, key=visit.form.text("once"))
    if reply.status == 404:
        raise site.missing(visit.request)
    return visit.go(then, done) if reply.ok else again(refused(visit, reply))
