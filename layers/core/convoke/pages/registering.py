"""Registering from an event's page, and asking for a lost personal link.

What a visitor is shown after either is the same whoever is registered (see ``registrations.unconfirmed``): the mail to
the address says it. What was typed is never lost: whatever is wrong, the form comes back as it was filled in.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus
from math import ceil
from typing import Any

from ..languages import LANGUAGES
from ..model import Event, LocalTime
from ..registrations import unconfirmed
from ..registrations.registry import TooMany
from ..registrations.unconfirmed import Closed
from . import forms, hints
from .event_page import public_event
from .forms import Errors
from .registration_fields import (
    LONGEST_ADDRESS,
    Typed,
    coming,
    most_guests,
    read_guests,
    read_name,
    read_responses,
    shown,
    typed_in,
    wrong_address,
    wrong_language,
)
from .site import Answer, Refused, Request, page, route, see_other

LEAST = timedelta(seconds=2)
"""Nobody fills in the form in less."""


# --- the form -----------------------------------------------------------------------------------------------------


@route("GET", "/e/{event_id}/register")
def show(request: Request, event_id: str) -> Answer:
    request, event = public_event(request, event_id)
    _require_open(request, event)
    every_date = tuple(date.date.isoformat() for date in coming(event, request.now))
    blank = Typed(language=request.texts.language, dates=every_date, given={})
    return _form(request, event, blank)


@route("POST", "/e/{event_id}/register")
def register(request: Request, event_id: str) -> Answer:
    request, event = public_event(request, event_id)
    _require_open(request, event)
    form = forms.read(request)
    typed = typed_in(event, form)
    checked, wrong = _checked(request, event, typed)
    if errors := (*forms.objections(request, form, LEAST), *wrong):
        return _form(request, event, typed, errors)
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
        return _too_many(request, asked.until, lambda errors: _form(request, event, typed, errors))
    hints.send(request.store.settings, asked.hint)
    return see_other(request, f"/e/{event_id}/register/sent", logged={"event": event_id})


@route("GET", "/e/{event_id}/register/sent")
def sent(request: Request, event_id: str) -> Answer:
    request, event = public_event(request, event_id)
    return _page(request, event, "register_sent.html", hours=int(unconfirmed.VALID_FOR / timedelta(hours=1)))


def _form(request: Request, event: Event, typed: Typed, errors: Errors = ()) -> Answer:
    """The form as it was filled in, with what is wrong."""
    return _page(
        request,
        event,
        "register.html",
        errors=errors,
        languages=list(LANGUAGES.items()),
        waits=_waits(request, event),
        longest_address=LONGEST_ADDRESS,
        **shown(request.texts, event, coming(event, request.now), most_guests(event), typed),
    )


def _waits(request: Request, event: Event) -> bool:
    """Whether whoever registers now has to wait for a seat. How many do is not said."""
    seats = request.store.seats.read(event.event_id)
    return seats is not None and (seats.queued or (seats.capacity is not None and seats.taken >= seats.capacity))


# --- what was typed -----------------------------------------------------------------------------------------------


def _checked(request: Request, event: Event, typed: Typed) -> tuple[dict[str, Any], Errors]:
    """The fields of a registration, and what is wrong, in the order of the form."""
    name, wrong_name = read_name(request, typed.name)
    occurrences, wrong_dates = _read_dates(request, event, typed.dates)
    guests, wrong_guests = read_guests(request, typed.guests, most_guests(event))
    responses, wrong_responses = read_responses(request, event, typed.given)
    wrong = (*wrong_name, *wrong_address(request, typed.email), *wrong_dates, *wrong_guests, *wrong_responses)
    checked = {
        "name": name,
        "email": typed.email,
        "language": typed.language,
        "occurrences": occurrences,
        "guests": guests,
        "responses": responses,
    }
    return checked, (*wrong, *wrong_language(request, typed.language))


def _read_dates(request: Request, event: Event, typed: tuple[str, ...]) -> tuple[tuple[LocalTime, ...] | None, Errors]:
    """The dates of a series that were chosen; ``None``: all."""
    _ = request.texts.gettext
    if not event.recurs:
        return None, ()
    every = {one.date.isoformat(): one.date for one in coming(event, request.now)}
    known = set(typed) & set(every)
    if len(known) < len(set(typed)):
        return None, (("dates", _("Choose among these dates: another one has been cancelled, or is over.")),)
    if not known:
        return None, (("dates", _("Choose at least one date.")),)
    return tuple(sorted((every[one] for one in known), key=str)) if len(known) < len(every) else None, ()


# --- a lost link --------------------------------------------------------------------------------------------------


@route("GET", "/e/{event_id}/link")
def show_lost(request: Request, event_id: str) -> Answer:
    request, event = public_event(request, event_id)
    return _lost_form(request, event, "")


@route("POST", "/e/{event_id}/link")
def send_lost(request: Request, event_id: str) -> Answer:
    request, event = public_event(request, event_id)
    form = forms.read(request)
    email = form.text("email")
    if errors := forms.objections(request, form) or wrong_address(request, email):
        return _lost_form(request, event, email, errors)
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
        return _too_many(request, asked.until, lambda errors: _lost_form(request, event, email, errors))
    hints.send(request.store.settings, asked.hint)
    return see_other(request, f"/e/{event_id}/link/sent", logged={"event": event_id})


@route("GET", "/e/{event_id}/link/sent")
def lost_sent(request: Request, event_id: str) -> Answer:
    request, event = public_event(request, event_id)
    return _page(request, event, "link_sent.html")


def _lost_form(request: Request, event: Event, email: str, errors: Errors = ()) -> Answer:
    return _page(request, event, "link.html", errors=errors, email=email, longest_address=LONGEST_ADDRESS)


# --- both ---------------------------------------------------------------------------------------------------------


def _page(request: Request, event: Event, template: str, **values: Any) -> Answer:
    account = request.store.account_settings.of(event.account)
    return page(request, template, account=account, logged={"event": event.event_id}, event=event, **values)


def _too_many(request: Request, until: datetime, again: Callable[[Errors], Answer]) -> Answer:
    """The form as it was filled in, by ``again``, for who has to wait until then (UTC)."""
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
    shown = again((("", message),))
    headers = {**shown.headers, "Retry-After": str(seconds)}
    return replace(shown, status=HTTPStatus.TOO_MANY_REQUESTS.value, headers=headers)


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
    return Refused(status, title, text, ways=ways, headers=headers, account=account, texts=request.texts)
