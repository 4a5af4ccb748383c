"""Confirming an address, by the link that was mailed to it. Opening the link changes nothing: scanners open it, too."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from http import HTTPStatus

from ..links import tokens
from ..links.tokens import Purpose
from ..model import frozen
from ..registrations import addresses, unconfirmed
from ..registrations.registry import Obstacle, TooMany
from ..registrations.unconfirmed import Closed
from ..schedule import series
from . import forms, hints
from .forms import Errors
from .opening import personal_path
from .registering import closed
from .site import Answer, Refused, Request, gone, missing, page, route, see_other, too_many


@frozen
class Confirmation:
    """What the links of one purpose confirm: the pages that show it, that do it, and that say its time is over. The
    first two are given the request, the token's path, and its payload.
    """

    show: Callable[[Request, str, bytes], Answer]
    do: Callable[[Request, str, bytes], Answer]
    expired: Callable[[Request], Exception]


@route("GET", "/c/{token}")
def show(request: Request, token: str) -> Answer:
    what, payload = _opened(request, token)
    return what.show(request, f"/c/{token}", payload)


@route("POST", "/c/{token}")
def confirm(request: Request, token: str) -> Answer:
    what, payload = _opened(request, token)
    return what.do(request, f"/c/{token}", payload)


def _opened(request: Request, token: str) -> tuple[Confirmation, bytes]:
    """What a token confirms, and its payload. Raises ``site.Refused``: 410 for one whose time is over, else 404."""
    for purpose, what in CONFIRMATIONS.items():
        try:
            return what, tokens.opened(request.keys(), purpose, token, now=request.now)
        except tokens.ExpiredLink:
            raise what.expired(request) from None
        except tokens.InvalidLink:
            continue
    raise missing(request)


# --- a registration -----------------------------------------------------------------------------------------------


def _show_registration(request: Request, path: str, payload: bytes, errors: Errors = ()) -> Answer:
    unconfirmed_id = payload.decode()
    seen = unconfirmed.look(request.store, unconfirmed_id, request.now)
    if isinstance(seen, Closed):
        raise _closed(request, unconfirmed_id, seen)
    request = request.speaking(seen.wanted.language, seen.event.language)
    account = request.store.account_settings.of(seen.event.account)
    logged = {"event": seen.event.event_id}
    if seen.registration is not None:
        own = personal_path(request, seen.registration)
        return page(request, "confirmed.html", account=account, logged=logged, event=seen.event, own=own)
    chosen = set(seen.dates or ())
    return page(
        request,
        "confirm.html",
        account=account,
        logged=logged,
        event=seen.event,
        wanted=seen.wanted,
        dates=[request.texts.when(one.when) for one in series.occurrences(seen.event) if one.date in chosen],
        dates_gone=seen.dates_gone,
        place=seen.place,
        path=path,
        errors=errors,
    )


def _do_registration(request: Request, path: str, payload: bytes) -> Answer:
    unconfirmed_id = payload.decode()
    if objections := forms.objections(request, forms.read(request)):
        return _show_registration(request, path, payload, objections)
    done = unconfirmed.confirm(request.store, unconfirmed_id, now=request.now, entropy=secrets.token_bytes(16))
    if isinstance(done, Closed):
        raise _closed(request, unconfirmed_id, done)
    if isinstance(done, TooMany):
        raise too_many(request, done.until)
    hints.send(request.store.settings, done.hint)
    ids = {"event": done.registration.event_id, "registration": done.registration.registration_id}
    return see_other(request, personal_path(request, done.registration), logged=ids)


def _closed(request: Request, unconfirmed_id: str, why: Closed) -> Exception:
    wanted = request.store.unconfirmed.read(unconfirmed_id, request.now)
    event = None if wanted is None else request.store.reads.event(wanted.event_id)
    if event is not None:
        request = request.speaking(event.language)
    return closed(request, event, why)


# --- a new address ------------------------------------------------------------------------------------------------


def _show_address(request: Request, path: str, payload: bytes, errors: Errors = ()) -> Answer:
    seen = addresses.look(request.store, payload, request.now)
    if isinstance(seen, Obstacle):
        raise _obstacle(request, seen)
    event, person, change = seen
    request = request.speaking(person.language, event.language)
    return page(
        request,
        "new_address.html",
        account=request.store.account_settings.of(event.account),
        logged={"event": event.event_id, "registration": person.registration_id},
        event=event,
        email=change.email,
        path=path,
        errors=errors,
    )


def _do_address(request: Request, path: str, payload: bytes) -> Answer:
    if objections := forms.objections(request, forms.read(request)):
        return _show_address(request, path, payload, objections)
    done = addresses.confirm(request.store, payload, now=request.now)
    if isinstance(done, Obstacle):
        raise _obstacle(request, done)
    if isinstance(done, TooMany):
        raise too_many(request, done.until)
    hints.send(request.store.settings, done.hint)
    person = done.registration
    ids = {"event": person.event_id, "registration": person.registration_id}
    return see_other(request, f"{personal_path(request, person)}?done=moved", logged=ids)


def _address_expired(request: Request) -> Refused:
    _ = request.texts.gettext
    return gone(request, _("It was valid for 48 hours, and nothing was changed. Ask for the new address once more."))


def _obstacle(request: Request, why: Obstacle) -> Refused:
    _ = request.texts.gettext
    title = _("The address was not changed")
    match why:
        case Obstacle.TAKEN:
            text = _("This address is registered for the event already. Use the link in the mails that are sent to it.")
        case Obstacle.CLOSED:
            text = _("The event is cancelled, or it is over.")
        case Obstacle.INACTIVE:
            text = _("The registration has changed since this was asked for.")
        case _:
            return gone(request, _("It was used already, or another address was asked for since."))
    return Refused(HTTPStatus.CONFLICT, title, text, texts=request.texts)


CONFIRMATIONS = {
    Purpose.CONFIRM: Confirmation(
        show=_show_registration,
        do=_do_registration,
        expired=lambda request: closed(request, None, Closed.EXPIRED),
    ),
    Purpose.ADDRESS: Confirmation(show=_show_address, do=_do_address, expired=_address_expired),
}
