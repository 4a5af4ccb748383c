"""The fields of a registration that its form on an event's page and that on the personal page share: what stands in
them, and what is wrong with what was typed, by the rules that the API has, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from ..languages import LANGUAGES, Texts
from ..model import Event, InvalidField, Occurrence, Question, QuestionKind, folded, frozen
from ..registrations import responses
from ..registrations.responses import NO, YES, Responses
from ..registrations.typed_text import is_blank, line
from ..schedule import series
from ..web import fields
from .forms import Errors, Form
from .site import Request

LONGEST_NAME = 255
LONGEST_ADDRESS = 254
FEW_CHOICES = 6
"""So many choices are shown at once, as radio buttons; more drop down."""


@frozen
class Typed:
    """What stands in the fields of the form. ``dates`` are the names of dates, as text; ``given`` are the responses, by
    question.
    """

    name: str = ""
    email: str = ""
    language: str = ""
    dates: tuple[str, ...] = ()
    guests: str = "0"
    given: Mapping[str, str]


def typed_in(event: Event, form: Form, guests: str = "0") -> Typed:
    """``guests`` is the number where there is no field for it."""
    return Typed(
        name=form.text("name"),
        email=form.text("email"),
        language=form.text("language"),
        dates=form.every("dates"),
        guests=form.text("guests") or guests,
        given={one.question_id: form.text(_field(one.question_id)) for one in event.questions},
    )


def shown(texts: Texts, event: Event, dates: Sequence[Occurrence], most: int, typed: Typed) -> dict[str, Any]:
    """What ``registration_fields.html`` shows, but for the languages; ``most`` guests may come."""
    return {
        "typed": typed,
        "dates": [(one.date.isoformat(), texts.when(one.when)) for one in dates],
        "guests": guest_options(most, typed.guests),
        "questions": [question_field(one, _field(one.question_id), texts) for one in event.questions],
        "longest_name": LONGEST_NAME,
    }


def question_field(question: Question, name: str, texts: Texts) -> dict[str, Any]:
    """A question as the field ``name``, for ``forms.questions``: with what it is called by, and how it is asked."""
    options, kind = [(choice, choice) for choice in question.choices], "area"
    if question.kind is QuestionKind.YES_NO:
        options = [(YES, texts.gettext("Yes")), (NO, texts.gettext("No"))]
    if question.kind is not QuestionKind.TEXT:
        kind = "choices" if len(options) <= FEW_CHOICES else "select"
    return {
        "id": question.question_id,
        "name": name,
        "text": question.text,
        "kind": kind,
        "options": options,
        "optional": not question.required,
    }


def _field(question_id: str) -> str:
    return f"q-{question_id}"


def coming(event: Event, now: datetime) -> tuple[Occurrence, ...]:
    """The dates of a series that one can register for; of an event of one date none, since there is no choice."""
    return series.coming(event, now) if event.recurs else ()


def most_guests(event: Event) -> int:
    """How many people somebody may bring who registers on the page: never more than the event has seats for."""
    return event.guests if event.capacity is None else min(event.guests, event.capacity - 1)


def guest_options(most: int, typed: str) -> list[tuple[str, str]]:
    """The numbers to choose from. None where nobody may be brought, unless somebody chose a number meanwhile: then
    there is a field to say so at.
    """
    return [(str(number), str(number)) for number in range(most + 1)] if most or typed != "0" else []


# --- what was typed, each with what is wrong with it ----------------------------------------------------------------


def read_name(request: Request, typed: str) -> tuple[str, Errors]:
    """The name as it is kept."""
    with suppress(ValueError):
        if len(typed) <= LONGEST_NAME and (name := line(typed)):
            return name, ()
    return "", (("name", request.texts.gettext("Enter your name, in one line.")),)


def wrong_language(request: Request, typed: str, *also: str) -> Errors:
    """What is wrong with a language tag that is none of ours, and none of ``also``."""
    if typed in (*LANGUAGES, *also):
        return ()
    return (("language", request.texts.gettext("Choose one of the languages.")),)


def read_guests(request: Request, typed: str, most: int) -> tuple[int, Errors]:
    """The number that was chosen, from 0 to ``most``."""
    _ = request.texts.gettext
    found = next((number for number in range(most + 1) if typed == str(number)), None)
    if found is not None:
        return found, ()
    if not most:
        return 0, (("guests", _("You cannot bring anybody to this event: choose 0.")),)
    return 0, (("guests", _("Choose a number from 0 to %(most)s.", most=most)),)


def read_responses(
    request: Request, event: Event, given: Mapping[str, str], kept: Sequence[tuple[str, str]] = ()
) -> tuple[Responses, Errors]:
    """The responses as they are stored, with those that are ``kept``."""
    found, wrong = responses.checked(event.questions, given)
    questions = {f"responses.{one.question_id}": one for one in event.questions}
    errors = [_wrong_response(request, questions[error.field], given) for error in wrong]
    found = tuple(sorted([*kept, *found]))
    try:
        responses.within_bytes(found)
    except InvalidField:
        errors.append(("", request.texts.gettext("Your answers are too long together. Please shorten them.")))
    return found, tuple(errors)


def _wrong_response(request: Request, question: Question, given: Mapping[str, str]) -> tuple[str, str]:
    _, ngettext, most = request.texts.gettext, request.texts.ngettext, responses.LONGEST
    if is_blank(given[question.question_id]):
        said = _("Answer this question: %(question)s", question=question.text)
    elif question.kind is QuestionKind.TEXT:
        said = ngettext(
            "Write at most %(num)s character here.", "Write at most %(num)s characters here.", most, num=most
        )
    else:
        said = _("Choose one of the answers: %(question)s", question=question.text)
    return _field(question.question_id), said


def wrong_address(request: Request, email: str) -> Errors:
    """What is wrong with an address."""
    _ = request.texts.gettext
    sender = request.store.settings.sender.address
    try:
        valid = len(email) <= LONGEST_ADDRESS and bool(fields.address(email))
    except ValueError:
        valid = False
    if not valid and not email.rpartition("@")[0].isascii():
        return (("email", _("Before the @, only letters without accents can be written to yet.")),)
    if not valid:
        return (("email", _("Enter an e-mail address, such as name@example.com.")),)
    if folded(email) == folded(sender):
        return (("email", _("Enter your own address: this one sends the invitations.")),)
    return ()
