"""Confirming a new address of a registration, by the link that was mailed to it."""

from __future__ import annotations

from http import HTTPStatus

from ..registrations import addresses
from ..registrations.registry import Obstacle, TooMany
from . import forms, hints
from .opening import personal_path
from .site import Answer, Refused, Request, gone, page, see_other, too_many


def show(request: Request, path: str, payload: bytes, errors: tuple[tuple[str, str], ...] = ()) -> Answer:
    seen = addresses.look(request.store, payload, request.now)
    if isinstance(seen, Obstacle):
        raise _obstacle(request, seen)
    event, person, change = seen
    request = request.speaking(person.language, event.language)
    return page(
        request,
        "new_address.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        account=request.store.account_settings.of(event.account),
        logged={"event": event.event_id, "registration": person.registration_id},
        event=event,
        email=change.email,
        path=path,
        errors=errors,
    )


def confirm(request: Request, path: str, payload: bytes) -> Answer:
    objection = forms.objection(request, forms.read(request))
    if objection is not None:
        return show(request, path, payload, (("", objection),))
    done = addresses.confirm(request.store, payload, now=request.now)
    if isinstance(done, Obstacle):
        raise _obstacle(request, done)
    if isinstance(done, TooMany):
        raise too_many(request, done.until)
    hints.send(request.store.settings, done.hint)
    person = done.registration
    ids = {"event": person.event_id, "registration": person.registration_id}
    return see_other(request, f"{personal_path(request, person)}?done=moved", logged=ids)


def expired(request: Request) -> Refused:
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
    return Refused(HTTPStatus.CONFLICT, title, text)
