"""Changing a registration: name, language, dates, who comes with them, and responses to questions."""

from __future__ import annotations

from typing import Any

from ..decision import fan_out
from ..languages import LANGUAGES
from ..registrations import answering, registry
from ..registrations.registry import Obstacle, TooMany
from .coming import promote
from .forms import Errors, Form
from .opening import Opened
from .personal_steps import ACTIVE, Actions, obstacle, personal_page, redirect, require, require_unmanaged
from .registration_fields import (
    Typed,
    coming,
    most_guests,
    read_guests,
    read_name,
    read_responses,
    shown,
    typed_in,
    wrong_language,
)
from .site import Answer


def _show_change(seen: Opened, form: Form, errors: Errors) -> Answer:
    require(seen, *ACTIVE)
    require_unmanaged(seen)
    person, event, texts = seen.person, seen.event, seen.request.texts
    typed = typed_in(event, form, str(person.guests)) if form.fields else _present(seen)
    return personal_page(
        seen,
        "personal_change.html",
        errors,
        languages=[("", texts.gettext("As the event")), *_languages(person.language)],
        **shown(texts, event, coming(event, seen.request.now), _most_guests(seen), typed),
    )


def _present(seen: Opened) -> Typed:
    """What is true now."""
    person, given = seen.person, dict(seen.person.responses)
    return Typed(
        name=person.name,
        language=person.language,
        dates=tuple(one.date.isoformat() for one in answering.dates(seen.event, person).values()),
        guests=str(person.guests),
        given={one.question_id: given.get(one.question_id, "") for one in seen.event.questions},
    )


def _languages(present: str) -> list[tuple[str, str]]:
    """The tags and names of the languages to choose from. The ``present`` one stands in the place of the same language
    without its region, or first, where there are no texts in it: whoever changes something else keeps it.
    """
    language = present.partition("-")[0]
    choices = [(present, name) if tag == language else (tag, name) for tag, name in LANGUAGES.items()]
    return choices if not present or language in LANGUAGES else [(present, present), *choices]


def _most_guests(seen: Opened) -> int:
    """How many people may come with them: those who come already, in any case."""
    return max(most_guests(seen.event), seen.person.guests)


def _change(seen: Opened, form: Form) -> Answer:
    require(seen, *ACTIVE)
    require_unmanaged(seen)
    checked, errors = _checked(seen, form)
    if errors:
        return _show_change(seen, form, errors)
    request, event = seen.request, seen.event
    done = registry.change_registration(
        request.store,
        event.event_id,
        seen.person.registration_id,
        changes=checked,
        priority=fan_out.urgency(event, request.now, request.store.settings.times),
        now=request.now,
        account=event.account,
    )
    if done is Obstacle.FULL:
        few = seen.request.texts.gettext(
            "There are not so many free seats. Choose a smaller number, or leave it as it is."
        )
        return _show_change(seen, form, (("guests", few),))
    if isinstance(done, (Obstacle, TooMany)):
        raise obstacle(seen, done)
    if done.guests != seen.person.guests:
        promote(seen)
    return redirect(seen, "changed")


def _checked(seen: Opened, form: Form) -> tuple[dict[str, Any], Errors]:
    """What is changed, and what is wrong, in the order of the form."""
    request, event, person = seen.request, seen.event, seen.person
    typed = typed_in(event, form)
    asked = {one.question_id for one in event.questions}
    kept = [one for one in person.responses if one[0] not in asked]
    name, wrong_name = read_name(request, typed.name)
    dates, wrong_dates = _read_dates(seen, form.every("dates")) if event.recurs else ({}, ())
    guests, wrong_guests = read_guests(request, typed.guests, _most_guests(seen))
    responses, wrong_responses = read_responses(request, event, typed.given, kept)
    changes = {"name": name, "language": typed.language, **dates, "responses": responses}
    if form.text("guests"):
        changes["guests"] = guests
    else:
        wrong_guests = ()
    language = wrong_language(request, typed.language, "", person.language)
    return changes, (*wrong_name, *wrong_dates, *wrong_guests, *wrong_responses, *language)


def _read_dates(seen: Opened, typed: tuple[str, ...]) -> tuple[dict[str, Any], Errors]:
    """The dates as they were ticked; unchanged where they are the same, so that their names stay."""
    _ = seen.request.texts.gettext
    every, ticked = {one.date.isoformat(): one.date for one in coming(seen.event, seen.request.now)}, set(typed)
    mine = {one.date for one in answering.dates(seen.event, seen.person).values()}
    chosen = {every[one] for one in ticked if one in every}
    if not chosen:
        return {}, (("dates", _("Choose at least one date.")),)
    if ticked - every.keys():
        return {}, (("dates", _("Choose among these dates: another one has been cancelled, or is over.")),)
    past = {one for one in mine if one.isoformat() not in every}
    if chosen == mine - past:
        return {}, ()
    if len(chosen) == len(every) and seen.person.occurrences is None:
        return {}, ()
    # Dates that are over stay theirs. Whoever had some dates keeps to some, so that their entries stay what they are.
    dates = tuple(sorted(chosen | past, key=str))
    return {"occurrences": dates, "named": len(seen.event.earlier)}, ()


ACTIONS: Actions = {"change": (_show_change, _change)}
