"""Deciding about somebody who asked to come: who it is, and accepting or declining them, with a word."""

from __future__ import annotations

from ..pages import site
from . import person, words
from .client import Errors
from .person import PERSON, Seen
from .refusals import in_words
from .visit import Visit, page

LONGEST_WORD = 2000


@page("GET", "/console/events/{event_id}/people/{registration_id}/decide")
def decide(visit: Visit, event_id: str, registration_id: str) -> site.Answer:
    seen = person.read(visit, event_id, registration_id)
    return visit.show(
        "approving.html",
        event=seen.event,
        person=seen.person,
        path=seen.path,
        asked=words.moment(visit.request.texts, seen.person["created_at"], seen.event["time_zone"]),
        responses=_responses(seen),
        room=has_room(seen),
    )


@page("GET", "/console/events/{event_id}/people/{registration_id}/accept")
def ask_to_accept(visit: Visit, event_id: str, registration_id: str) -> site.Answer:
    return _step(visit, "accept", person.read(visit, event_id, registration_id))


@page("POST", "/console/events/{event_id}/people/{registration_id}/accept")
def accept(visit: Visit, event_id: str, registration_id: str) -> site.Answer:
    return _decide(visit, "accept", event_id, registration_id)


@page("GET", "/console/events/{event_id}/people/{registration_id}/decline")
def ask_to_decline(visit: Visit, event_id: str, registration_id: str) -> site.Answer:
    return _step(visit, "decline", person.read(visit, event_id, registration_id))


@page("POST", "/console/events/{event_id}/people/{registration_id}/decline")
def decline(visit: Visit, event_id: str, registration_id: str) -> site.Answer:
    return _decide(visit, "decline", event_id, registration_id)


def _decide(visit: Visit, what: str, event_id: str, registration_id: str) -> site.Answer:
    seen = person.read(visit, event_id, registration_id)
    if visit.objections:
        return _step(visit, what, seen, visit.objections)
    word = visit.form.text("word")
    reply = visit.api.call("POST", f"{PERSON}/{what}", seen.at, {"word": word}, key=visit.form.text("once"))
    if not reply.ok:
        return _step(visit, what, seen, in_words(visit.request.texts, reply))
    done = {"registered": "accepted", "waitlisted": "accepted-waiting"}.get(reply.data["status"], "turned-down")
    return visit.go(seen.path, done)


def _step(visit: Visit, what: str, seen: Seen, errors: Errors = ()) -> site.Answer:
    """What will happen, with a field for a word and the button that does it; what was typed is kept."""
    return visit.show(
        "approving_step.html",
        422 if errors else 200,
        event=seen.event,
        person=seen.person,
        path=seen.path,
        accepts=what == "accept",
        room=has_room(seen),
        word=visit.form.text("word") if visit.request.method == "POST" else "",
        longest_word=LONGEST_WORD,
        errors=errors,
    )


def has_room(seen: Seen) -> bool:
    """Whether somebody who is accepted now gets a seat, and each of their guests."""
    event = seen.event
    if event["capacity"] is None:
        return True
    left = event["capacity"] - event["registered"] - event["held"]
    return bool(not event["waiting"] and left > seen.person["guests"])


def _responses(seen: Seen) -> list[tuple[str, str]]:
    """What was asked, and what they said; to a question that was removed its id."""
    texts = {one["question_id"]: one["text"] for one in seen.event["questions"]}
    return [(texts.get(name, name), said) for name, said in seen.person["responses"].items()]
