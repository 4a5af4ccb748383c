"""The page of a public event, for everybody."""

from __future__ import annotations

from ..model import Event, EventStatus
from .site import FOR_A_MINUTE, Answer, Request, missing, page, route, tagged


def public_event(request: Request, event_id: str) -> Event:
    """The event, if everybody may see it. Raises ``site.Refused`` (404) for any other, whatever the reason."""
    event = request.store.reads.event(event_id)
    if event is None or not event.public or event.status is EventStatus.DRAFT:
        raise missing(request)
    return event


@route("GET", "/e/{event_id}")
def show(request: Request, event_id: str) -> Answer:
    event = public_event(request, event_id)
    request = request.speaking(event.language)
    account = request.store.account_settings.of(event.account)
    seats = request.store.reads.seats(event_id)
    headers = {"Cache-Control": FOR_A_MINUTE, "X-Robots-Tag": "", "Vary": "Accept-Language"}
    shown = page(
        request,
        "event.html",
        headers=headers,
        account=account,
        logged={"event": event_id},
        event=event,
        seats=seats,
    )
    return tagged(request, shown)
