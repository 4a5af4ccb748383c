"""What is done with one person: deciding about somebody who asked to come, the invitation once more, withdrawing them,
erasing them.
"""

from __future__ import annotations

from ..pages import site
from ..pages.forms import Errors
from ..registrations.registry import STANDING
from . import person, words
from .client import free_seats
from .person import PERSON, Seen, page_of_person
from .visit import Visit

LONGEST_WORD = 2000


# --- deciding -------------------------------------------------------------------------------------------------------


@page_of_person("GET", "/decide")
def decide(visit: Visit, seen: Seen) -> site.Answer:
    return seen.show(
        visit,
        "approving.html",
        asked=words.moment(visit.request.texts, seen.person["created_at"], seen.event["time_zone"]),
        responses=person.responses(seen),
        room=has_room(seen),
    )


@page_of_person("GET", "/accept")
def ask_to_accept(visit: Visit, seen: Seen) -> site.Answer:
    return _decision(visit, seen, "accept")


@page_of_person("POST", "/accept")
def accept(visit: Visit, seen: Seen) -> site.Answer:
    return _decide(visit, seen, "accept")


@page_of_person("GET", "/decline")
def ask_to_decline(visit: Visit, seen: Seen) -> site.Answer:
    return _decision(visit, seen, "decline")


@page_of_person("POST", "/decline")
def decline(visit: Visit, seen: Seen) -> site.Answer:
    return _decide(visit, seen, "decline")


def _decide(visit: Visit, seen: Seen, what: str) -> site.Answer:
    done = {"registered": "accepted", "waitlisted": "accepted-waiting"}
    return visit.do(
        "POST",
        f"{PERSON}/{what}",
        seen.at,
        {"word": visit.form.text("word")},
        again=lambda errors: _decision(visit, seen, what, errors),
        then=seen.path,
        done=lambda decided: done.get(decided["status"], "turned-down"),
    )


def _decision(visit: Visit, seen: Seen, what: str, errors: Errors = ()) -> site.Answer:
    """What will happen, with a field for a word and the button that does it; what was typed is kept."""
    return seen.show(
        visit,
        "approving_step.html",
        accepts=what == "accept",
        room=has_room(seen),
        word=visit.form.text("word") if visit.request.method == "POST" else "",
        longest_word=LONGEST_WORD,
        errors=errors,
    )


def has_room(seen: Seen) -> bool:
    """Whether somebody who is accepted now gets a seat, and each of their guests."""
    free = free_seats(seen.event)
    return free is None or free > seen.person["guests"]


# --- the invitation once more ---------------------------------------------------------------------------------------


@page_of_person("POST", "/resend")
def resend(visit: Visit, seen: Seen) -> site.Answer:
    return visit.do(
        "POST",
        f"{PERSON}/resend",
        seen.at,
        {},
        again=lambda errors: person.shown(visit, seen, errors),
        then=seen.path,
        done="resent",
    )


# --- withdrawing ----------------------------------------------------------------------------------------------------


@page_of_person("POST", "/withdraw")
def withdraw(visit: Visit, seen: Seen) -> site.Answer:
    if seen.person["status"] not in STANDING and not visit.objections:
        return visit.go(seen.path, "withdrawn")
    # As it is worded on the page, the tick allows what the API forbids by `final`.
    final = "false" if visit.form.text("may_return") else "true"
    return visit.do(
        "DELETE",
        PERSON,
        seen.at,
        query={"final": final},
        again=lambda errors: ask_withdrawal(visit, seen, errors),
        then=seen.path,
        done="withdrawn",
    )


@page_of_person("GET", "/withdraw")
def ask_withdrawal(visit: Visit, seen: Seen, errors: Errors = ()) -> site.Answer:
    return seen.show(
        visit,
        "person_withdraw.html",
        standing=seen.person["status"] in STANDING,
        may_return=bool(visit.form.text("may_return")) if visit.request.method == "POST" else True,
        errors=errors,
    )


# --- erasing --------------------------------------------------------------------------------------------------------


@page_of_person("POST", "/erase")
def erase(visit: Visit, seen: Seen) -> site.Answer:
    if not visit.form.text("sure") and not visit.objections:
        sure = visit.request.texts.gettext("Tick that you want to erase this person for good.")
        return ask_erasure(visit, seen, (("sure", sure),))
    return visit.do(
        "DELETE",
        PERSON,
        seen.at,
        query={"erase": "true"},
        again=lambda errors: ask_erasure(visit, seen, errors),
        then=seen.path,
        done=lambda erased: "erased" if erased["status"] == "erased" else "erasing",
    )


@page_of_person("GET", "/erase")
def ask_erasure(visit: Visit, seen: Seen, errors: Errors = ()) -> site.Answer:
    return seen.show(visit, "person_erase.html", errors=errors)
