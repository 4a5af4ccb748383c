"""Confirming an address, by the link that was mailed to it. Opening the link changes nothing: scanners open it, too."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from ..links import tokens
from ..links.tokens import Purpose
from ..model import frozen
from ..registrations import unconfirmed
from ..registrations.registry import TooMany
from ..registrations.unconfirmed import Closed
from ..schedule import series
from . import forms, hints, new_address
from .opening import personal_path
from .registering import closed
from .site import Answer, Request, missing, page, route, see_other, too_many


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


def _show_registration(request: Request, path: str, payload: bytes) -> Answer:
    return _registration_page(request, path, payload.decode())


def _registration_page(request: Request, path: str, unconfirmed_id: str, **more: Any) -> Answer:
    seen = unconfirmed.look(request.store, unconfirmed_id, request.now)
    if isinstance(seen, Closed):
        raise _closed(request, unconfirmed_id, seen)
    request = request.speaking(seen.wanted.language, seen.event.language)
    account = request.store.account_settings.of(seen.event.account)
    logged = {"event": seen.event.event_id}
    if seen.registration is not None:
        own = personal_path(request, seen.registration)
        return page(request, "confirmed.html", account=account, logged=logged, event=seen.event, own=own)
    dates = []
    if seen.dates is not None:
        chosen = set(seen.dates)
        dates = [one.when for one in series.occurrences(seen.event) if one.date in chosen]
    return page(
        request,
        "confirm.html",
        account=account,
        logged=logged,
        event=seen.event,
        wanted=seen.wanted,
        dates=[request.texts.when(when) for when in dates],
        dates_gone=seen.dates_gone,
        place=seen.place,
        path=path,
        **{"errors": (), **more},
    )


def _do_registration(request: Request, path: str, payload: bytes) -> Answer:
    unconfirmed_id = payload.decode()
    objection = forms.objection(request, forms.read(request))
    if objection is not None:
        return _registration_page(request, path, unconfirmed_id, status=422, errors=(("", objection),))
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


CONFIRMATIONS = {
    Purpose.CONFIRM: Confirmation(
        show=_show_registration,
        do=_do_registration,
        expired=lambda request: closed(request, None, Closed.EXPIRED),
    ),
    Purpose.ADDRESS: Confirmation(show=new_address.show, do=new_address.confirm, expired=new_address.expired),
}
