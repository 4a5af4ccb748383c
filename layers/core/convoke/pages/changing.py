"""Changing a registration: name, language, dates, who comes with them, and responses to questions."""

from __future__ import annotations

from typing import Any

from ..languages import LANGUAGES
from ..model import InvalidField, Occurrence, Question, QuestionKind
from ..registrations import answering, registry, responses, typed_text
from ..registrations.registry import Obstacle, TooMany
from ..registrations.responses import NO, YES
from ..schedule import series
from .coming import promote
from .forms import Form
from .opening import Opened
from .personal_steps import ACTIVE, Actions, Errors, obstacle, personal_page, redirect, require, require_unmanaged
from .registering import LONGEST_NAME, guest_options, most_guests, read_guests, wrong_guests, wrong_response
from .site import Answer

FEW_CHOICES = 6
"""Up to so many choices are shown as radio buttons; more are a list to select from."""


def _show_change(seen: Opened, form: Form, errors: Errors) -> Answer:
    require(seen, *ACTIVE)
    require_unmanaged(seen)
    person, typed = seen.person, bool(form.fields)
    given = dict(person.responses)
    mine = answering.dates(seen.event, person).values()
    guests = form.text("guests") if typed and form.text("guests") else str(person.guests)
    return personal_page(
        seen,
        "personal_change.html",
        errors,
        typed_name=form.text("name") if typed else person.name,
        typed_language=form.text("language") if typed else person.language,
        typed_guests=guests,
        typed_dates=form.every("dates") if typed else [one.date.isoformat() for one in mine],
        given={
            one.question_id: form.text(_field(one)) if typed else given.get(one.question_id, "")
            for one in seen.event.questions
        },
        dates=[(one.date.isoformat(), seen.request.texts.when(one.when)) for one in _coming(seen)],
        guests=guest_options(_most_guests(seen), guests),
        languages=[("", seen.request.texts.gettext("As the event")), *_languages(person.language)],
        questions=[_question(seen, one) for one in seen.event.questions],
        longest_name=LONGEST_NAME,
    )


def _languages(present: str) -> list[tuple[str, str]]:
    """The tags and names of the languages to choose from. The ``present`` one stands in the place of the same language
    without its region, or first, where there are no texts in it: whoever changes something else keeps it.
    """
    language = present.partition("-")[0]
    choices = [(present, name) if tag == language else (tag, name) for tag, name in LANGUAGES.items()]
    return choices if not present or language in LANGUAGES else [(present, present), *choices]


def _coming(seen: Opened) -> tuple[Occurrence, ...]:
    """The dates among which one can choose."""
    return series.coming(seen.event, seen.request.now) if seen.event.recurs else ()


def _most_guests(seen: Opened) -> int:
    """How many people may come with them: those who come already, in any case."""
    return max(most_guests(seen.event), seen.person.guests)


def _field(question: Question) -> str:
    return f"q-{question.question_id}"


def _question(seen: Opened, question: Question) -> dict[str, Any]:
    _ = seen.request.texts.gettext
    options, kind = [(choice, choice) for choice in question.choices], "area"
    if question.kind is QuestionKind.YES_NO:
        options = [(YES, _("Yes")), (NO, _("No"))]
    if question.kind is not QuestionKind.TEXT:
        kind = "choices" if len(options) <= FEW_CHOICES else "select"
    return {
        "id": question.question_id,
        "name": _field(question),
        "text": question.text,
        "kind": kind,
        "options": options,
        "optional": not question.required,
    }


def _change(seen: Opened, form: Form) -> Answer:
    require(seen, *ACTIVE)
    require_unmanaged(seen)
    checked = _checked(seen, form)
    if not isinstance(checked, dict):
        return _show_change(seen, form, checked)
    request, event = seen.request, seen.event
    soon = series.next_start(event.schedule, request.now) - request.now <= request.store.settings.times.soon
    done = registry.change_registration(
        request.store,
        event.event_id,
        seen.person.registration_id,
        changes=checked,
        priority=0 if soon else 1,
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


def _checked(seen: Opened, form: Form) -> dict[str, Any] | Errors:
    """What is changed, by the rules that the API has, too; or what is wrong, in the order of the form."""
    _, event = seen.request.texts.gettext, seen.event
    errors: list[tuple[str, str]] = []
    changes: dict[str, Any] = {"language": form.text("language")}
    try:
        changes["name"] = typed_text.line(form.text("name")) if len(form.text("name")) <= LONGEST_NAME else ""
    except ValueError:
        changes["name"] = ""
    if not changes["name"]:
        errors.append(("name", _("Enter your name, in one line.")))
    if changes["language"] not in ("", seen.person.language, *LANGUAGES):
        errors.append(("language", _("Choose one of the languages.")))
    if event.recurs:
        changes |= _chosen(seen, form, errors)
    if typed := form.text("guests"):
        most = _most_guests(seen)
        guests = read_guests(typed, most)
        if guests is None:
            errors.append(("guests", wrong_guests(seen.request, most)))
        changes["guests"] = guests
    given = {one.question_id: form.text(_field(one)) for one in event.questions}
    found, wrong = responses.checked(event.questions, given)
    questions = {one.question_id: one for one in event.questions}
    for error in wrong:
        question = questions[error.field.removeprefix("responses.")]
        errors.append((_field(question), wrong_response(seen.request, question, given[question.question_id])))
    kept = [one for one in seen.person.responses if one[0] not in questions]
    try:
        changes["responses"] = responses.within_bytes(tuple(sorted([*kept, *found])))
    except InvalidField:
        errors.append(("", _("Your answers are too long together. Please shorten them.")))
    return tuple(errors) if errors else changes


def _chosen(seen: Opened, form: Form, errors: list[tuple[str, str]]) -> dict[str, Any]:
    """The dates as they were ticked; unchanged where they are the same, so that their names stay."""
    _ = seen.request.texts.gettext
    coming, ticked = {one.date.isoformat(): one.date for one in _coming(seen)}, set(form.every("dates"))
    mine = {one.date for one in answering.dates(seen.event, seen.person).values()}
    chosen = {coming[one] for one in ticked if one in coming}
    if not chosen:
        errors.append(("dates", _("Choose at least one date.")))
        return {}
    if ticked - coming.keys():
        errors.append(("dates", _("Choose among these dates: another one has been cancelled, or is over.")))
        return {}
    past = {one for one in mine if one.isoformat() not in coming}
    if chosen == mine - past:
        return {}
    if len(chosen) == len(coming) and seen.person.occurrences is None:
        return {}
    # Dates that are over stay theirs. Whoever had some dates keeps to some, so that their entries stay what they are.
    dates = tuple(sorted(chosen | past, key=str))
    return {"occurrences": dates, "named": len(seen.event.earlier)}


ACTIONS: Actions = {
    "change": (_show_change, _change),
}
