"""What all routes share: the caller's account, reading what a path names, checks before a write, and responses."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import unquote

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from ..aws.best_effort import best_effort
from ..decision.decide import Snapshot
from ..decision.invitation import Invitation, Sending
from ..links.urls import Urls
from ..model import Event, EventStatus, LocalTime, Occurrence, Registration
from ..registrations import registry, split_transfer, waitlist
from ..registrations.events import Earlier
from ..registrations.registry import Obstacle
from ..schedule import edits, series
from ..settings import settings
from ..store import codec, requests
from ..store.limits import Charge
from ..store.repository import decode_cursor, encode_cursor
from ..store.store import store as store  # which routes call as context.store()
from ..webhooks.events import Delivery, Webhook
from . import presenters
from .problems import Problem
from .responses import EventOut, OccurrenceOut, RegistrationMade, RegistrationOut, WebhookOut

logger = Logger()
router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]
"""Has no routes of its own; ``current_event`` is the request that is being handled."""

BASE = "/v1"
"""What every path begins with: the name of the API's stage in the template. Routes are written without it."""

SECONDS_OF_A_PART = 2.0
"""For how long the people of an event are counted in one response, which is then there within three seconds."""

AN_ID = re.compile(r"[0-9a-z]{1,64}", re.ASCII)
Found = TypeVar("Found")
LONGEST_NAME = 100
"""Characters of an occurrence's name in a path, as it is encoded there."""


def now() -> datetime:
    return datetime.now(UTC)


# --- the caller, and what the path names --------------------------------------------------------------------------


def caller(request: Mapping[str, Any] | None = None) -> str:
    """The account of the API key, as the authorizer found it.

    For a key that is not valid it found none: then, and without its result, this raises :class:`Problem` (401).
    """
    request = request or router.current_event.raw_event
    authorizer = request.get("requestContext", {}).get("authorizer") or {}
    account = (authorizer.get("lambda") or {}).get("account")
    if not account:
        refused = 'Bearer error="invalid_token"' if "lambda" in authorizer else "Bearer"
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "a valid API key is required: Authorization: Bearer <key>",
            headers={"WWW-Authenticate": refused},
        )
    return str(account)


def organizer() -> str:
    """The address of an organizer, for whom the console asks; empty where somebody asks with an API key. API Gateway
    never says one: the authorizer knows keys only.
    """
    authorizer = router.current_event.raw_event["requestContext"].get("authorizer") or {}
    return str((authorizer.get("lambda") or {}).get("organizer") or "")


def own_event(event_id: str) -> Event:
    """The event, if it is the caller's. Raises :class:`Problem` (404) for any other."""
    return _owned(store().reads.event(event_id) if AN_ID.fullmatch(event_id) else None)


def _owned(event: Event | None) -> Event:
    if event is None or event.account != caller():
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such event")
    return event


def own_event_and_earlier(event_id: str) -> tuple[Event, Earlier]:
    """As :func:`own_event`, with the fan-out of the latest change of it, for a further one."""
    known = AN_ID.fullmatch(event_id)
    event, fan_out = store().reads.event_before_fan_out(event_id) if known else (None, None)
    return _owned(event), Earlier(fan_out=fan_out)


def own_event_and_sending(event_id: str) -> tuple[Event, Sending]:
    """As :func:`own_event`, with the switch over all mail."""
    known = AN_ID.fullmatch(event_id)
    event, sending = store().reads.event_and_sending(event_id) if known else (None, Sending())
    return _owned(event), sending


def found(what: str, an_id: str, read: Callable[[], Found | None]) -> Found:
    """What ``read`` finds. Raises :class:`Problem` (404) where it finds nothing, or there can be no such id."""
    one = read() if AN_ID.fullmatch(an_id) else None
    if one is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no such {what}")
    return one


def own_webhook(webhook_id: str) -> Webhook:
    """The webhook, if it is the caller's. Raises :class:`Problem` (404) for any other."""
    account = caller()
    return found("webhook", webhook_id, lambda: store().webhooks.read(account, webhook_id))


def own_delivery(webhook_id: str, webhook_event_id: str) -> Delivery:
    """A delivery to one of the caller's webhooks. Raises :class:`Problem` (404) for any other."""
    own_webhook(webhook_id)
    return found("delivery", webhook_event_id, lambda: store().deliveries.read(webhook_id, webhook_event_id))


def own_date(event: Event, name: str) -> Occurrence:
    """The occurrence that a path names: ``name`` is its original start, percent-encoded.

    Raises :class:`Problem` (404) where the event has no such date.
    """
    one = date_named(event, unquote(name)) if len(name) <= LONGEST_NAME else None
    if one is None:
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such date")
    return one


def date_named(event: Event, text: str) -> Occurrence | None:
    """The occurrence of an event by its original start as text, if there is one."""
    with suppress(ValueError, edits.NoSuchDate):
        return edits.date(event, codec.local_time(text))
    return None


def read_snapshot(event: Event, registration_id: str) -> Snapshot:
    """The registration with its invitation. Raises :class:`Problem` (404) where the event has no such registration."""
    known = AN_ID.fullmatch(registration_id)
    seen = registry.read(store(), event.event_id, registration_id) if known else None
    if seen is None:
        raise Problem(HTTPStatus.NOT_FOUND, Obstacle.ABSENT.value)
    registration, invitation = seen
    return Snapshot(invitation=invitation, registration=registration, event=event)


def _own_snapshot(event_id: str, registration_id: str) -> Snapshot:
    """The registration with its invitation and event, as they were at one moment, unless a writer was at one of them.
    Raises :class:`Problem` (404) where the caller has no such event, or that has no such registration.
    """
    known = AN_ID.fullmatch(event_id) and AN_ID.fullmatch(registration_id)
    together = store().reads.together(event_id, registration_id) if known else None
    if together is None:
        return read_snapshot(own_event(event_id), registration_id)
    _, invitation, registration, event = together
    event = _owned(event)
    if invitation is None or registration is None:
        raise Problem(HTTPStatus.NOT_FOUND, Obstacle.ABSENT.value)
    return Snapshot(invitation=invitation, registration=registration, event=event)


def urls() -> Urls:
    """The addresses of pages and their files: below the deployment's own, or below where this request came to."""
    asked = router.current_event.raw_event
    domain = asked["requestContext"].get("domainName") or asked.get("headers", {}).get("host", "")
    return Urls(public_url=settings().public_url or f"https://{domain}{BASE}")


def require_version(what: str, version: int, wanted: str | None) -> None:
    """Raise :class:`Problem` (412) unless If-Match is absent, ``*``, or names the ETag of the present version. Weak
    ones never match (RFC 9110, section 13.1.1). ``what`` has it: "the event has".
    """
    named = {tag.strip() for tag in (wanted or "*").split(",")}
    if not named & {"*", f'"{version}"'}:
        raise Problem(HTTPStatus.PRECONDITION_FAILED, f"{what} version {version}")


def require_writable(event: Event, at: datetime) -> None:
    """Raise :class:`Problem` (409) if the event is cancelled, or over at ``at`` (UTC)."""
    if event.status is EventStatus.CANCELLED:
        raise Problem(HTTPStatus.CONFLICT, "the event is cancelled", code="event_cancelled")
    require_not_over(event, at)


def require_not_over(event: Event, at: datetime) -> None:
    """Raise :class:`Problem` (409) if the event's last date has ended at ``at`` (UTC)."""
    if series.ends_at(event) <= at:
        raise Problem(HTTPStatus.CONFLICT, "the event is over", code="event_over")


def require_mails(account: str, at: datetime, sending: Sending | None = None) -> None:
    """Raise :class:`Problem` (429) where the account's limit of mails is reached at ``at`` (UTC). ``sending`` is the
    switch over all mail, where the caller has read it.
    """
    until = (sending or store().reads.sending()).held_until(account, at)
    if until is not None:
        raise too_many("the account's limit of mails is reached", until, at)


def require_count(charge: Charge, what: str) -> None:
    """Count what a request causes. Raises :class:`Problem` (429) where the limit ``what`` is reached."""
    until = store().limits.count(charge)
    if until is not None:
        raise too_many(what, until, charge.now)


def too_many(what: str, until: datetime, at: datetime) -> Problem:
    """The refusal of a request that a limit does not allow before ``until`` (UTC)."""
    logger.warning("limited", account=caller(), why=what)
    seconds = math.ceil((until - at).total_seconds())
    return Problem(HTTPStatus.TOO_MANY_REQUESTS, what, headers={"Retry-After": str(max(1, seconds))})


def require_unmanaged(what: Event | Registration, advice: str = "change its row there") -> None:
    """Raise :class:`Problem` (409) if it follows a row of the account's own tables; ``advice`` says what to do."""
    if what.source is not None:
        detail = f"it is managed by the source {what.source}: {advice}"
        raise Problem(HTTPStatus.CONFLICT, detail, code="managed_by_source")


def require_no_transfer(event_id: str) -> None:
    """Raise :class:`Problem` (503) while registrations are being copied to the event."""
    if store().events.transferring(event_id):
        raise split_running()


def split_running() -> Problem:
    """The refusal of what has to wait for a split transfer, which is done within about a minute."""
    wait = {"Retry-After": "60"}
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, Obstacle.NOT_YET.value, headers=wait, code="split_running")


def promote(event_id: str) -> None:
    """Give free seats to the waitlist at once. Where that fails they stay due, and the sweep gives them."""
    with best_effort(event_id):
        waitlist.promote(store(), event_id, now=now())


def start_transfer(event_id: str) -> None:
    """Copy the first registrations to the new event of a split at once; the sweep continues with the rest."""
    with best_effort(event_id):
        split_transfer.transfer_batch(store(), event_id, now=now())


# --- all people of an event ---------------------------------------------------------------------------------------


class Part:
    """The event's registrations with their invitations, in order of arrival, from a cursor on, for
    :data:`SECONDS_OF_A_PART`. Read once; then ``next`` is the cursor to go on from, ``None`` if nobody is left.

    ``identity`` is what the cursor belongs to. Raises :class:`InvalidField` for a cursor of something else.
    """

    def __init__(self, event_id: str, identity: str, cursor: str | None) -> None:
        self.next: str | None = None
        self._identity = identity
        after = "" if cursor is None else decode_cursor(identity, cursor, r"[0-9a-z]+")
        self._people = store().reads.everybody(event_id, after)

    def __iter__(self) -> Iterator[tuple[Registration, Invitation]]:
        until, last = time.monotonic() + SECONDS_OF_A_PART, ""
        for person, invitation in self._people:
            if last and time.monotonic() > until:
                self.next = encode_cursor(self._identity, last)
                return
            yield person, invitation
            last = person.registration_id


# --- responses ----------------------------------------------------------------------------------------------------


def answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response[Any]:
    return Response(status, "application/json", body, {"Cache-Control": "no-store", **(headers or {})})


def show_event(
    event_id: str, status: int = 200, headers: Mapping[str, str] | None = None, dropped: tuple[LocalTime, ...] = ()
) -> Response[EventOut]:
    known = AN_ID.fullmatch(event_id)
    found, fan_out = store().reads.event_and_fan_out(event_id) if known else (None, None)
    event = _owned(found)
    seats = store().reads.seats(event_id)
    missed = store().surveys.list_attention(event_id, now=now())
    shown = presenters.event(event, seats, dropped, missed, fan_out, now(), urls=urls())
    return answer(status, shown, {**etag(event), **(headers or {})})


def show_occurrence(
    event_id: str, date: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response[OccurrenceOut]:
    event = own_event(event_id)
    return answer(
        status, presenters.occurrence(own_date(event, date), event, now()), {**etag(event), **(headers or {})}
    )


def etag(event: Event) -> dict[str, str]:
    return {"ETag": f'"{event.version}"'}


def show_registration(
    event_id: str, registration_id: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response[RegistrationOut]:
    seen = _own_snapshot(event_id, registration_id)
    return answer(status, presenters.registration(seen, settings().sender, now()), headers)


def show_made(
    event_id: str, registration_id: str, status: int, headers: Mapping[str, str] | None = None
) -> Response[RegistrationMade]:
    """The answer to a registration; with 200 the address was registered before."""
    made = presenters.registration(_own_snapshot(event_id, registration_id), settings().sender, now())
    return answer(status, RegistrationMade(**made.model_dump(), existing=status == HTTPStatus.OK), headers)


def show_webhook(webhook_id: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response[WebhookOut]:
    return answer(status, WebhookOut.from_stored(own_webhook(webhook_id)), headers)


def show(answered: requests.Answered, headers: Mapping[str, str] | None = None) -> Response[Any]:
    """What an earlier request with the same Idempotency-Key created or changed, as it is now."""
    if answered.webhook_id:
        return show_webhook(answered.webhook_id, answered.status, headers)
    if answered.date:
        return show_occurrence(answered.event_id, answered.date, answered.status, headers)
    if answered.registration_id:
        return show_registration(answered.event_id, answered.registration_id, answered.status, headers)
    return show_event(answered.event_id, answered.status, headers)


def location(event_id: str, registration_id: str = "") -> dict[str, str]:
    path = f"{BASE}/events/{event_id}"
    return {"Location": f"{path}/registrations/{registration_id}" if registration_id else path}
