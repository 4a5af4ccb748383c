"""Registering somebody by hand, and changing a registration. The fields have the names that they have in the API."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from ..languages import LANGUAGES
from ..model import Question, QuestionKind, frozen
from ..pages import site
from ..pages.forms import Errors
from ..pages.registration_fields import question_field
from ..registrations.registry import ACTIVE
from ..store.accounts import Scope
from . import person, words
from .client import Reply
from .person import PERSON, Seen, page_of_person
from .refusals import in_words
from .visit import Visit, page_of_event

MOST_GUESTS = 10
"""The most that the API takes, whatever visitors may bring."""
REGISTRATIONS = "/events/{event_id}/registrations"


@frozen
class Typed:
    """What stands in the fields. ``occurrences`` are the dates that are ticked, ``responses`` by question."""

    name: str = ""
    email: str = ""
    language: str = ""
    guests: str = "0"
    occurrences: tuple[str, ...] = ()
    responses: Mapping[str, str]


# --- registering ----------------------------------------------------------------------------------------------------


@page_of_event("GET", "/people/add")
def ask_who(visit: Visit, event: Mapping[str, Any]) -> site.Answer:
    if event["status"] == "cancelled":
        _ = visit.request.texts.gettext
        raise site.Refused(
            HTTPStatus.CONFLICT,
            _("Nobody can be added to this event"),
            _("It is cancelled. Let it take place again first."),
            ways=[(_("Back to the event"), f"/console/events/{event['event_id']}")],
            texts=visit.request.texts,
        )
    every = tuple(name for name, _ in coming(visit, event))
    return _adding(visit, event, Typed(occurrences=every, responses={}))


@page_of_event("POST", "/people/add")
def add(visit: Visit, event: Mapping[str, Any]) -> site.Answer:
    typed = _typed(visit, event)
    if visit.objections:
        return _adding(visit, event, typed, visit.objections)
    dates = coming(visit, event)
    if wrong := _no_date(visit, dates, typed):
        return _adding(visit, event, typed, wrong)
    known = holder(visit, event, typed.email)
    body = {
        **_values(typed, dates),
        "responses": {name: said for name, said in typed.responses.items() if said},
        # Whoever decides who comes has decided about whom they add.
        "approved": Scope.MANAGE in visit.session.scopes,
    }
    at = {"event_id": event["event_id"]}
    reply = visit.api.call("POST", REGISTRATIONS, at, body, key=visit.form.text("once"))
    # If this very form has registered them before, it is answered as it was then.
    if known is not None and known["status"] in ACTIVE and reply.status != HTTPStatus.CREATED:
        return _adding(visit, event, typed, known=known)
    if not reply.ok:
        return _adding(visit, event, typed, _errors(visit, event, reply))
    otherwise = "draft" if event["status"] == "draft" else "added"
    done = {"waitlisted": "waiting", "pending": "asked"}.get(reply.data["status"], otherwise)
    return visit.go(person.path_of(event["event_id"], reply.data["registration_id"]), done)


def holder(visit: Visit, event: Mapping[str, Any], email: str) -> Mapping[str, Any] | None:
    """Who has this address at the event."""
    at = {"event_id": event["event_id"]}
    reply = visit.api.call("GET", REGISTRATIONS, at, query={"email": email}) if email else None
    return next(iter(reply.data["items"]), None) if reply is not None and reply.ok else None


def _adding(
    visit: Visit,
    event: Mapping[str, Any],
    typed: Typed,
    errors: Errors = (),
    known: Mapping[str, Any] | None = None,
) -> site.Answer:
    path = f"/console/events/{event['event_id']}/people"
    return _form(
        visit,
        event,
        typed,
        errors,
        title=visit.request.texts.gettext("Add somebody"),
        path=f"{path}/add",
        back=path,
        person=None,
        was="",
        known=known,
        language="",
    )


# --- changing -------------------------------------------------------------------------------------------------------


@page_of_person("GET", "/change")
def ask_change(visit: Visit, seen: Seen) -> site.Answer:
    return _changing(visit, seen, _present(seen, coming(visit, seen.event)))


@page_of_person("POST", "/change")
def change(visit: Visit, seen: Seen) -> site.Answer:
    typed = _typed(visit, seen.event)
    if visit.objections:
        return _changing(visit, seen, typed, visit.objections)
    dates = coming(visit, seen.event)
    if wrong := _no_date(visit, dates, typed):
        return _changing(visit, seen, typed, wrong)
    patch = _patch(typed, _shown_with(visit, _present(seen, dates)), dates)
    if not patch:
        return visit.go(seen.path, "same")
    reply = visit.api.call("PATCH", PERSON, seen.at, patch)
    if reply.ok:
        return visit.go(seen.path, "readdressed" if "email" in patch else "changed")
    known = holder(visit, seen.event, typed.email) if reply.code == "address_taken" else None
    return _changing(visit, seen, typed, _errors(visit, seen.event, reply), known)


def _present(seen: Seen, dates: list[tuple[str, str]]) -> Typed:
    """What is true now."""
    is_person = seen.person
    theirs = is_person["occurrences"]
    return Typed(
        name=is_person["name"] or "",
        email=is_person["email"] or "",
        language=is_person["language"] or "",
        guests=str(is_person["guests"]),
        occurrences=tuple(name for name, _ in dates if theirs is None or name in theirs),
        responses={
            one["question_id"]: is_person["responses"].get(one["question_id"], "") for one in seen.event["questions"]
        },
    )


def _patch(typed: Typed, marks: Mapping[str, str], dates: list[tuple[str, str]]) -> dict[str, Any]:
    """What was changed in the form, of which the fields had these ``marks`` when it was shown: what nobody touched
    stays, whatever somebody else changed meanwhile.
    """
    changed = {name for name, mark in _marks(typed).items() if marks.get(name) != mark}
    patch = {name: value for name, value in _values(typed, dates).items() if name in changed}
    said = {name: text or None for name, text in typed.responses.items() if _field(name) in changed}
    return {**patch, "responses": said} if said else patch


def _marks(typed: Typed) -> dict[str, str]:
    """A short hash of what stands in each field: a form says by them what it was shown with."""
    fields = {
        "name": typed.name,
        "email": typed.email,
        "language": typed.language,
        "guests": typed.guests,
        "occurrences": " ".join(sorted(typed.occurrences)),
        **{_field(name): text for name, text in typed.responses.items()},
    }
    return {name: hashlib.sha256(text.encode()).hexdigest()[:12] for name, text in fields.items()}


def _shown_with(visit: Visit, present: Typed) -> Mapping[str, str]:
    """The marks that the form was shown with; those of what is true now, where it does not say so."""
    return marks_of(visit.form.text("was")) or _marks(present)


def marks_of(text: str) -> dict[str, str]:
    """The marks of a form by the names of its fields, as they are written in it: ``name=0123456789ab``."""
    pairs = (each.rpartition("=") for each in text.split())
    return {name: mark for name, _, mark in pairs if name and re.fullmatch("[0-9a-f]{12}", mark)}


def _changing(
    visit: Visit, seen: Seen, typed: Typed, errors: Errors = (), known: Mapping[str, Any] | None = None
) -> site.Answer:
    shown_with = _marks(typed)
    if visit.request.method == "POST":
        shown_with = dict(_shown_with(visit, _present(seen, coming(visit, seen.event))))
    return _form(
        visit,
        seen.event,
        typed,
        errors,
        title=visit.request.texts.gettext("Change this registration"),
        path=f"{seen.path}/change",
        back=seen.path,
        person=seen.person,
        was=" ".join(f"{name}={mark}" for name, mark in shown_with.items()),
        known=known,
        language=seen.person["language"] or "",
    )


# --- the form -------------------------------------------------------------------------------------------------------


def _form(
    visit: Visit,
    event: Mapping[str, Any],
    typed: Typed,
    errors: Errors,
    *,
    language: str,
    known: Mapping[str, Any] | None,
    **values: Any,
) -> site.Answer:
    """``known`` is who has the address already, ``language`` the present one."""
    texts = visit.request.texts
    return visit.show(
        "person_form.html",
        422 if errors or known else 200,
        event=event,
        typed=typed,
        errors=errors,
        known=known,
        dates=coming(visit, event),
        guests=[(str(number), str(number)) for number in range(MOST_GUESTS + 1)],
        languages=[("", texts.gettext("As the event")), *_languages(language)],
        # Nothing is required of an organizer but what the API requires.
        questions=[question_field(question_of(one), _field(one["question_id"]), texts) for one in event["questions"]],
        **values,
    )


def _languages(present: str) -> Iterable[tuple[str, str]]:
    """The languages to choose from, with the ``present`` tag even where it names a region or has no texts."""
    others = [(tag, name) for tag, name in LANGUAGES.items() if tag != present.partition("-")[0]]
    return sorted([*others, (present, person.language(present))], key=lambda one: one[1]) if present else others


def question_of(shown: Mapping[str, Any]) -> Question:
    """A question from the API's JSON."""
    return Question(**{**shown, "kind": QuestionKind(shown["kind"]), "choices": tuple(shown["choices"])})


def _field(question_id: str) -> str:
    return f"responses.{question_id}"


def coming(visit: Visit, event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The dates of a series that one can come to, by name, as text; none of an event of one date."""
    every = person.everything(visit, "/events/{event_id}/occurrences", {"event_id": event["event_id"]})
    if len(every) < 2:
        return []
    return [
        (one["occurrence"], words.when_short(visit.request.texts, one))
        for one in every
        if one["status"] == "confirmed" and not one["over"]
    ]


def _typed(visit: Visit, event: Mapping[str, Any]) -> Typed:
    form = visit.form
    return Typed(
        name=form.text("name"),
        email=form.text("email"),
        language=form.text("language"),
        guests=form.text("guests") or "0",
        occurrences=form.every("occurrences"),
        responses={one["question_id"]: form.text(_field(one["question_id"])) for one in event["questions"]},
    )


def _values(typed: Typed, dates: list[tuple[str, str]]) -> dict[str, Any]:
    """The fields for the API, without the responses."""
    return {
        "name": typed.name,
        "email": typed.email,
        "language": typed.language or None,
        "guests": _number(typed.guests),
        "occurrences": _chosen(dates, typed),
    }


def _number(text: str) -> int | str:
    """A number for the API, or the text itself, which it refuses."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else text


def _no_date(visit: Visit, dates: list[tuple[str, str]], typed: Typed) -> Errors:
    if not dates or typed.occurrences:
        return ()
    return (("occurrences", visit.request.texts.gettext("Choose at least one date.")),)


def _chosen(dates: list[tuple[str, str]], typed: Typed) -> list[str] | None:
    """The dates for the API; ``None``, all that there are and will be, where every one is ticked."""
    return None if {name for name, _ in dates} <= set(typed.occurrences) else list(typed.occurrences)


def _errors(visit: Visit, event: Mapping[str, Any], reply: Reply) -> Errors:
    """What is wrong, at the fields of the form, each as a sentence."""
    _ = visit.request.texts.gettext
    if reply.code == "address_taken":
        return (("email", _("Somebody else is registered with this address.")),)
    if reply.code == "seats_taken":
        return (("guests", _("There are not so many free seats.")),)
    labels = {
        "name": _("Name"),
        "email": _("E-mail address"),
        "language": _("Language of the mails"),
        "guests": _("Guests"),
        "occurrences": _("Dates"),
        **{_field(one["question_id"]): one["text"] for one in event["questions"]},
    }
    found = in_words(visit.request.texts, reply)
    if found != reply.errors or reply.status != 422:
        return found
    named = ((_of_form(name, labels), said) for name, said in found)
    return tuple((name, f"{labels[name]}: {said}." if name else said) for name, said in named)


def _of_form(name: str, labels: Mapping[str, str]) -> str:
    """The field of the form that a field of the API stands in: one for all dates; empty where there is none."""
    if name.startswith("occurrences."):
        return "occurrences"
    return name if name in labels else ""
