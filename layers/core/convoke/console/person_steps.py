"""What is done with one person: the invitation once more, withdrawing them, erasing them."""

from __future__ import annotations

from ..pages import site
from . import person
from .client import Errors
from .person import PERSON, STANDING
from .refusals import in_words
from .visit import Visit, page


@page("POST", "/console/events/{event_id}/people/{registration_id}/resend")
def resend(visit: Visit, event_id: str, registration_id: str) -> site.Answer:
    seen = person.read(visit, event_id, registration_id)
    if visit.objections:
        return person.shown(visit, seen, visit.objections)
    reply = visit.api.call("POST", f"{PERSON}/resend", seen.at, {}, key=visit.form.text("once"))
    return (
        visit.go(seen.path, "resent") if reply.ok else person.shown(visit, seen, in_words(visit.request.texts, reply))
    )


# --- withdrawing ----------------------------------------------------------------------------------------------------


@page("GET", "/console/events/{event_id}/people/{registration_id}/withdraw")
def ask_withdrawal(visit: Visit, event_id: str, registration_id: str) -> site.Answer:
    return _withdrawal(visit, person.read(visit, event_id, registration_id))


@page("POST", "/console/events/{event_id}/people/{registration_id}/withdraw")
def withdraw(visit: Visit, event_id: str, registration_id: str) -> site.Answer:
    seen = person.read(visit, event_id, registration_id)
    if visit.objections:
        return _withdrawal(visit, seen, visit.objections)
    if seen.person["status"] not in STANDING:
        return visit.go(seen.path, "withdrawn")
    # As it is worded on the page, the tick allows what the API forbids by `final`.
    final = "false" if visit.form.text("may_return") else "true"
    reply = visit.api.call("DELETE", PERSON, seen.at, query={"final": final})
    return (
        visit.go(seen.path, "withdrawn") if reply.ok else _withdrawal(visit, seen, in_words(visit.request.texts, reply))
    )


def _withdrawal(visit: Visit, seen: person.Seen, errors: Errors = ()) -> site.Answer:
    return visit.show(
        "person_withdraw.html",
        422 if errors else 200,
        event=seen.event,
        person=seen.person,
        path=seen.path,
        standing=seen.person["status"] in STANDING,
        may_return=bool(visit.form.text("may_return")) if visit.request.method == "POST" else True,
        errors=errors,
    )


# --- erasing --------------------------------------------------------------------------------------------------------


@page("GET", "/console/events/{event_id}/people/{registration_id}/erase")
def ask_erasure(visit: Visit, event_id: str, registration_id: str) -> site.Answer:
    return _erasure(visit, person.read(visit, event_id, registration_id))


@page("POST", "/console/events/{event_id}/people/{registration_id}/erase")
def erase(visit: Visit, event_id: str, registration_id: str) -> site.Answer:
    seen = person.read(visit, event_id, registration_id)
    if visit.objections:
        return _erasure(visit, seen, visit.objections)
    if not visit.form.text("sure"):
        sure = visit.request.texts.gettext("Tick that you want to erase this person for good.")
        return _erasure(visit, seen, (("sure", sure),))
    reply = visit.api.call("DELETE", PERSON, seen.at, query={"erase": "true"})
    if not reply.ok:
        return _erasure(visit, seen, in_words(visit.request.texts, reply))
    return visit.go(seen.path, "erased" if reply.data["status"] == "erased" else "erasing")


def _erasure(visit: Visit, seen: person.Seen, errors: Errors = ()) -> site.Answer:
    return visit.show(
        "person_erase.html",
        422 if errors else 200,
        event=seen.event,
        person=seen.person,
        path=seen.path,
        errors=errors,
    )
