"""Registering from an event's page, and asking for a lost personal link.

What a visitor is shown after either is the same whoever is registered (see ``registrations.unconfirmed``): the mail to
the address says it. What was typed is never lost: whatever is wrong, the form comes back as it was filled in.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from math import ceil
from typing import Any

from ..languages import LANGUAGES, Texts
from ..model import Event, InvalidField, LocalTime, Occurrence, Question, QuestionKind, folded, frozen
from ..registrations import responses, unconfirmed
from ..registrations.registry import TooMany
from ..registrations.responses import NO, YES
from ..registrations.typed_text import is_blank, line
from ..registrations.unconfirmed import Closed
from ..schedule import series
from ..web import fields
from . import forms, hints
from .event_page import public_event
from .forms import Form
from .site import Answer, Refused, Request, page, route, see_other

LEAST = timedelta(seconds=2)
"""Nobody fills in the form in less."""
LONGEST_NAME = 255
LONGEST_ADDRESS = 254
FEW_CHOICES = 6
"""So many choices are shown at once; more drop down."""

Errors = tuple[tuple[str, str], ...]
"""Names of fields, empty for the whole form, each with what is wrong."""


@frozen
class Typed:
    """What stands in the fields of the form. ``dates`` are the names of dates, as text."""

    name: str = ""
    email: str = ""
    language: str = ""
    dates: tuple[str, ...] = ()
    guests: str = "0"
    given: Mapping[str, str]


# --- the form -----------------------------------------------------------------------------------------------------


@route("GET", "/e/{event_id}/register")
def show(request: Request, event_id: str) -> Answer:
    event = public_event(request, event_id)
    request = request.speaking(event.language)
    _require_open(request, event)
    every_date = tuple(date.date.isoformat() for date in _coming(event, request.now))
    blank = Typed(language=request.texts.language, dates=every_date, given={})
    return _form(request, event, blank)


@route("POST", "/e/{event_id}/register")
def register(request: Request, event_id: str) -> Answer:
    event = public_event(request, event_id)
    request = request.speaking(event.language)
    _require_open(request, event)
    form = forms.read(request)
    typed = _typed(event, form)
    objection = forms.objection(request, form, LEAST)
    checked = _checked(request, event, typed)
    if objection or not isinstance(checked, dict):
        errors = () if isinstance(checked, dict) else checked
        return _form(request, event, typed, (*((("", objection),) if objection else ()), *errors))
    settings = request.store.account_settings.of(event.account)
    asked = unconfirmed.ask(
        request.store,
        event,
        unconfirmed.unconfirmed(event, **checked, now=request.now, entropy=secrets.token_bytes(16)),
        source_ip=request.source_ip,
        unconfirmed_mails=settings.unconfirmed_mails,
        now=request.now,
        entropy=secrets.token_bytes(16),
    )
    if isinstance(asked, Closed):
        raise closed(request, event, asked)
    if isinstance(asked, TooMany):
        status, headers, message = _too_many(request, asked.until)
        return _form(request, event, typed, (("", message),), status, headers)
    hints.send(request.store.settings, asked.hint)
    return see_other(request, f"/e/{event_id}/register/sent", logged={"event": event_id})


@route("GET", "/e/{event_id}/register/sent")
def sent(request: Request, event_id: str) -> Answer:
    event = public_event(request, event_id)
    request = request.speaking(event.language)
    return _page(request, event, "register_sent.html", hours=int(unconfirmed.VALID_FOR / timedelta(hours=1)))


def _form(
    request: Request,
    event: Event,
    typed: Typed,
    errors: Errors = (),
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """The form as it was filled in, with what is wrong: 422, unless ``status`` says otherwise."""
    texts = request.texts
    dates = [(date.date.isoformat(), texts.when(date.when)) for date in _coming(event, request.now)]
    return _page(
        request,
        event,
        "register.html",
        status or (HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK),
        headers,
        typed=typed,
        errors=errors,
        dates=dates if event.recurs else [],
        guests=guest_options(most_guests(event), typed.guests),
        questions=[_shown(question, texts) for question in event.questions],
        languages=list(LANGUAGES.items()),
        waits=_waits(request, event),
        longest_name=LONGEST_NAME,
        longest_address=LONGEST_ADDRESS,
    )


def _shown(question: Question, texts: Texts) -> dict[str, Any]:
    """A question as its field: with what ``register.html`` calls it by, and how it is asked."""
    options, kind = [(choice, choice) for choice in question.choices], "area"
    if question.kind is QuestionKind.YES_NO:
        options = [(YES, texts.gettext("Yes")), (NO, texts.gettext("No"))]
    if question.kind is not QuestionKind.TEXT:
        kind = "choices" if len(options) <= FEW_CHOICES else "select"
    return {
        "id": question.question_id,
        "name": _field(question.question_id),
        "text": question.text,
        "kind": kind,
        "options": options,
        "optional": not question.required,
    }


def _field(question_id: str) -> str:
    return f"q-{question_id}"


def _waits(request: Request, event: Event) -> bool:
    """Whether whoever registers now has to wait for a seat. How many do is not said."""
    seats = request.store.seats.read(event.event_id)
    return seats is not None and (seats.queued or (seats.capacity is not None and seats.taken >= seats.capacity))


def _coming(event: Event, now: datetime) -> tuple[Occurrence, ...]:
    """The dates of a series that one can register for; of an event of one date none, since there is no choice."""
    return series.coming(event, now) if event.recurs else ()


# --- what was typed -----------------------------------------------------------------------------------------------


def _typed(event: Event, form: Form) -> Typed:
    return Typed(
        name=form.text("name"),
        email=form.text("email"),
        language=form.text("language"),
        dates=form.every("dates"),
        guests=form.text("guests") or "0",
        given={question.question_id: form.text(_field(question.question_id)) for question in event.questions},
    )


def _checked(request: Request, event: Event, typed: Typed) -> dict[str, Any] | Errors:
    """The fields of a registration, by the rules that the API has, too; or what is wrong, in the order of the form."""
    _ = request.texts.gettext
    errors: list[tuple[str, str]] = []
    name = _name(typed.name)
    if name is None:
        errors.append(("name", _("Enter your name, in one line.")))
    if (wrong := wrong_address(request, typed.email)) is not None:
        errors.append(("email", wrong))
    if typed.language not in LANGUAGES:
        errors.append(("language", _("Choose one of the languages.")))
    occurrences: tuple[LocalTime, ...] | None = None
    if event.recurs:
        coming = {one.date.isoformat(): one.date for one in _coming(event, request.now)}
        known = set(typed.dates) & set(coming)
        if len(known) < len(set(typed.dates)):
            errors.append(("dates", _("Choose among these dates: another one has been cancelled, or is over.")))
        elif not known:
            errors.append(("dates", _("Choose at least one date.")))
        elif len(known) < len(coming):
            occurrences = tuple(sorted((coming[one] for one in known), key=str))
    most = most_guests(event)
    guests = read_guests(typed.guests, most)
    if guests is None:
        errors.append(("guests", wrong_guests(request, most)))
    given, wrong_responses = responses.checked(event.questions, typed.given)
    by_id = {question.question_id: question for question in event.questions}
    for error in wrong_responses:
        question_id = error.field.removeprefix("responses.")
        errors.append((_field(question_id), wrong_response(request, by_id[question_id], typed.given[question_id])))
    try:
        responses.within_bytes(given)
    except InvalidField:
        errors.append(("", _("Your answers are too long together. Please shorten them.")))
    if errors:
        return tuple(errors)
    return {
        "name": name,
        "email": typed.email,
        "language": typed.language,
        "occurrences": occurrences,
        "guests": guests,
        "responses": given,
    }


def most_guests(event: Event) -> int:
    """How many people somebody may bring who registers on the page: never more than the event has seats for."""
    return event.guests if event.capacity is None else min(event.guests, event.capacity - 1)


def guest_options(most: int, typed: str) -> list[tuple[str, str]]:
    """The numbers to choose from. None where nobody may be brought, unless somebody chose a number meanwhile: then
    there is a field to say so at.
    """
    return [(str(number), str(number)) for number in range(most + 1)] if most or typed != "0" else []


def read_guests(typed: str, most: int) -> int | None:
    """The number that was chosen, or ``None`` for what is none from 0 to ``most``."""
    return next((number for number in range(most + 1) if typed == str(number)), None)


def wrong_guests(request: Request, most: int) -> str:
    _ = request.texts.gettext
    if not most:
        return _("You cannot bring anybody to this event: choose 0.")
    return _("Choose a number from 0 to %(most)s.", most=most)


def _name(typed: str) -> str | None:
    """The name as it is kept, or ``None`` for what is none."""
    try:
        name = line(typed) if len(typed) <= LONGEST_NAME else ""
    except ValueError:
        return None
    return name or None


def wrong_address(request: Request, email: str) -> str | None:
    """What is wrong with an address, as a sentence."""
    _ = request.texts.gettext
    sender = request.store.settings.sender.address
    try:
        valid = len(email) <= LONGEST_ADDRESS and bool(fields.address(email))
    except ValueError:
        valid = False
    if not valid and not email.rpartition("@")[0].isascii():
        return _("Before the @, only letters without accents can be written to yet.")
    if not valid:
        return _("Enter an e-mail address, such as name@example.com.")
    return _("Enter your own address: this one sends the invitations.") if folded(email) == folded(sender) else None


def wrong_response(request: Request, question: Question, given: str) -> str:
    """What is wrong with the answer to a question, as a sentence."""
    _, ngettext = request.texts.gettext, request.texts.ngettext
    if is_blank(given):
        return _("Answer this question: %(question)s", question=question.text)
    if question.kind is QuestionKind.TEXT:
        most = responses.LONGEST
        return ngettext(
            "Write at most %(num)s character here.", "Write at most %(num)s characters here.", most, num=most
        )
    return _("Choose one of the answers: %(question)s", question=question.text)


# --- a lost link --------------------------------------------------------------------------------------------------


@route("GET", "/e/{event_id}/link")
def show_lost(request: Request, event_id: str) -> Answer:
    event = public_event(request, event_id)
    request = request.speaking(event.language)
    return _lost_form(request, event, "")


@route("POST", "/e/{event_id}/link")
def send_lost(request: Request, event_id: str) -> Answer:
    event = public_event(request, event_id)
    request = request.speaking(event.language)
    form = forms.read(request)
    email = form.text("email")
    wrong = forms.objection(request, form)
    if wrong is not None:
        return _lost_form(request, event, email, (("", wrong),))
    if (wrong := wrong_address(request, email)) is not None:
        return _lost_form(request, event, email, (("email", wrong),))
    asked = unconfirmed.send_link(
        request.store,
        event,
        email,
        source_ip=request.source_ip,
        language=request.texts.language,
        now=request.now,
        entropy=secrets.token_bytes(16),
    )
    if isinstance(asked, TooMany):
        status, headers, message = _too_many(request, asked.until)
        return _lost_form(request, event, email, (("", message),), status, headers)
    hints.send(request.store.settings, asked.hint)
    return see_other(request, f"/e/{event_id}/link/sent", logged={"event": event_id})


@route("GET", "/e/{event_id}/link/sent")
def lost_sent(request: Request, event_id: str) -> Answer:
    event = public_event(request, event_id)
    request = request.speaking(event.language)
    return _page(request, event, "link_sent.html")


def _lost_form(
    request: Request,
    event: Event,
    email: str,
    errors: Errors = (),
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    status = status or (HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK)
    return _page(
        request,
        event,
        "link.html",
        status,
        headers,
        email=email,
        errors=errors,
        longest_address=LONGEST_ADDRESS,
    )


# --- both ---------------------------------------------------------------------------------------------------------


def _page(
    request: Request,
    event: Event,
    template: str,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Answer:
    account = request.store.account_settings.of(event.account)
    logged = {"event": event.event_id}
    return page(request, template, status, headers, account=account, logged=logged, event=event, **values)


def _too_many(request: Request, until: datetime) -> tuple[int, dict[str, str], str]:
    """The status, the headers and the sentence for who has to wait until then (UTC), and keeps what they typed."""
    seconds = max(1, ceil((until - request.now).total_seconds()))
    minutes = ceil(seconds / 60)
    message = request.texts.ngettext(
        "Too many have registered from here in a short time. What you typed is still there: send it again in %(num)s "
        "minute.",
        "Too many have registered from here in a short time. What you typed is still there: send it again in %(num)s "
        "minutes.",
        minutes,
        num=minutes,
    )
    return HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": str(seconds)}, message


def _require_open(request: Request, event: Event) -> None:
    """Raise :class:`Refused` where nobody can register."""
    why = unconfirmed.closed(event, request.now)
    if why is not None:
        raise closed(request, event, why)


def closed(request: Request, event: Event | None, why: Closed) -> Refused:
    """The page that says why nobody can register, or confirm that they do: 410, or 503 where it can be done soon."""
    _ = request.texts.gettext
    title = _("Nobody can register at the moment")
    status, headers = HTTPStatus.GONE, {}
    match why:
        case Closed.CANCELLED:
            title, text = _("The event is cancelled"), _("Nobody can register for it any more.")
        case Closed.OVER:
            title, text = _("The event is over"), _("Nobody can register for it any more.")
        case Closed.DATES_GONE:
            title = _("These dates do not take place")
            text = _("None of the dates that were chosen takes place any more. Please register again, for others.")
        case Closed.NOT_YET:
            text = _("The dates of this series are being divided. Please try again in a minute.")
            status, headers = HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "60"}
        case Closed.HIDDEN:
            text = _("The event takes no registrations here any more. Whoever organizes it can tell.")
        case Closed.EXPIRED:
            title = _("This link is not valid any more")
            text = _(
                "A registration has to be confirmed within 48 hours. Nobody was registered, and what was typed is "
                "deleted. If you still want to come, please register again."
            )
        case Closed.MOVED:
            title = _("This link is not valid any more")
            text = _("The address of this registration was changed since. Use the link in the newest mail about it.")
    ways = []
    if event is not None and event.public and why is not Closed.HIDDEN:
        ways = [(_("To the page of the event"), f"/e/{event.event_id}")]
    account = None if event is None else request.store.account_settings.of(event.account)
    return Refused(status, title, text, ways=ways, headers=headers, account=account)
