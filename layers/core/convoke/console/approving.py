"""Deciding about somebody who asked to come: who it is, and accepting or declining them, with a word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..languages import gettext_noop
from ..pages import site
from . import words
from .client import Errors, Reply
from .refusals import in_words
from .visit import Visit, page

PERSON = "/events/{event_id}/registrations/{registration_id}"
LONGEST_WORD = 2000
REFUSALS: Mapping[str, str] = {
    "registration_not_pending": gettext_noop("This was decided meanwhile, or they have withdrawn."),
    "event_draft": gettext_noop("The event is a draft, and nobody is told of a draft: publish it first."),
}
"""By the API's ``code``."""


@page("GET", "/console/events/{event_id}/people/{registration_id}/decide")
def decide(visit: Visit, event_id: str, registration_id: str) -> site.Answer:
    event, person = _read(visit, event_id, registration_id)
    return visit.show(
        "approving.html",
        event=event,
        person=person,
        path=_path(event_id, registration_id),
        asked=words.moment(visit.request.texts, person["created_at"], event["time_zone"]),
        responses=_responses(event, person),
        room=has_room(event, person),
    )


@page("GET", "/console/events/{event_id}/people/{registration_id}/accept")
def ask_to_accept(visit: Visit, event_id: str, registration_id: str) -> site.Answer:
    return _step(visit, "accept", *_read(visit, event_id, registration_id))


@page("POST", "/console/events/{event_id}/people/{registration_id}/accept")
def accept(visit: Visit, event_id: str, registration_id: str) -> site.Answer:
    return _decide(visit, "accept", event_id, registration_id)


@page("GET", "/console/events/{event_id}/people/{registration_id}/decline")
def ask_to_decline(visit: Visit, event_id: str, registration_id: str) -> site.Answer:
    return _step(visit, "decline", *_read(visit, event_id, registration_id))


@page("POST", "/console/events/{event_id}/people/{registration_id}/decline")
def decline(visit: Visit, event_id: str, registration_id: str) -> site.Answer:
    return _decide(visit, "decline", event_id, registration_id)


def _decide(visit: Visit, what: str, event_id: str, registration_id: str) -> site.Answer:
    event, person = _read(visit, event_id, registration_id)
    if visit.objections:
        return _step(visit, what, event, person, visit.objections)
    at = {"event_id": event_id, "registration_id": registration_id}
    word = visit.form.text("word")
    reply = visit.api.call("POST", f"{PERSON}/{what}", at, {"word": word}, key=visit.form.text("once"))
    if not reply.ok:
        return _step(visit, what, event, person, _refused(visit, reply))
    done = {"registered": "accepted", "waitlisted": "accepted-waiting"}.get(reply.data["status"], "turned-down")
    return visit.go(_path(event_id, registration_id), done)


def _step(
    visit: Visit, what: str, event: Mapping[str, Any], person: Mapping[str, Any], errors: Errors = ()
) -> site.Answer:
    """What will happen, with a field for a word and the button that does it; what was typed is kept."""
    return visit.show(
        "approving_step.html",
        422 if errors else 200,
        event=event,
        person=person,
        path=_path(event["event_id"], person["registration_id"]),
        accepts=what == "accept",
        room=has_room(event, person),
        word=visit.form.text("word") if visit.request.method == "POST" else "",
        longest_word=LONGEST_WORD,
        errors=errors,
    )


def has_room(event: Mapping[str, Any], person: Mapping[str, Any]) -> bool:
    """Whether somebody who is accepted now gets a seat, and each of their guests."""
    if event["capacity"] is None:
        return True
    left = event["capacity"] - event["registered"] - event["held"]
    return not event["waiting"] and left > person["guests"]


def _responses(event: Mapping[str, Any], person: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was asked, and what they said; to a question that was removed its id."""
    texts = {one["question_id"]: one["text"] for one in event["questions"]}
    return [(texts.get(name, name), said) for name, said in person["responses"].items()]


def _read(visit: Visit, event_id: str, registration_id: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Raises ``site.Refused`` (404) where there is none, or it may not be seen."""
    event = visit.api.read("/events/{event_id}", {"event_id": event_id})
    return event, visit.api.read(PERSON, {"event_id": event_id, "registration_id": registration_id})


def _refused(visit: Visit, reply: Reply) -> Errors:
    if reply.code in REFUSALS:
        return (("", visit.request.texts.gettext(REFUSALS[reply.code])),)
    return in_words(visit.request.texts, reply)


def _path(event_id: str, registration_id: str) -> str:
    """The person's page."""
    return f"/console/events/{event_id}/people/{registration_id}"
