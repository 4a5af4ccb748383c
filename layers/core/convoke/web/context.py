"""What all routes share: the caller's account, reading what a path names, checks before a write, and responses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from botocore.exceptions import BotoCoreError, ClientError

from ..decision.plan import Snapshot
from ..model import Event, EventStatus, LocalTime, Occurrence
from ..registrations import registry, split_transfer, waitlist
from ..registrations.registry import Obstacle
from ..schedule import edits, series
from ..settings import settings
from ..store import codec, dynamo, requests
from ..store.store import Store
from ..webhooks.events import Webhook
from . import presenters
from .problems import Problem
from .responses import EventOut, OccurrenceOut, RegistrationOut, WebhookOut

logger = Logger()
router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]
"""Has no routes of its own; ``current_event`` is the request that is being handled."""

BASE = "/v1"
"""What every path begins with: the name of the API's stage in the template. Routes are written without it."""
RETRY_AFTER_A_MINUTE = {"Retry-After": "60"}
"""Headers of a 503 while a split transfer is under way: it is done within about a minute."""

AN_ID = re.compile(r"[0-9a-z]{1,64}", re.ASCII)
LONGEST_NAME = 100
"""Characters of an occurrence's name in a path, as it is encoded there."""


@cache
def store() -> Store:
    return Store(dynamo.client(), settings())


def now() -> datetime:
    return datetime.now(UTC)


# --- the caller, and what the path names --------------------------------------------------------------------------


def caller(request: Mapping[str, Any] | None = None) -> str:
    """The account of the API key, as the authorizer found it.

    API Gateway calls the authorizer; a request without its result raises :class:`Problem` (401).
    """
    request = request or router.current_event.raw_event
    authorizer = request.get("requestContext", {}).get("authorizer") or {}
    account = (authorizer.get("lambda") or {}).get("account")
    if not account:
        raise Problem(HTTPStatus.UNAUTHORIZED, "an API key is required", headers={"WWW-Authenticate": "Bearer"})
    return str(account)


def own_event(event_id: str) -> Event:
    """The event, if it is the caller's. Raises :class:`Problem` (404) for any other."""
    account = caller()
    event = store().reads.own_event(event_id, account) if AN_ID.fullmatch(event_id) else None
    if event is None:
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such event")
    return event


def own_webhook(webhook_id: str) -> Webhook:
    """The webhook, if it is the caller's. Raises :class:`Problem` (404) for any other."""
    account = caller()
    webhook = store().webhooks.read(account, webhook_id) if AN_ID.fullmatch(webhook_id) else None
    if webhook is None:
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such webhook")
    return webhook


def own_date(event: Event, name: str) -> Occurrence:
    """The occurrence that a path names: ``name`` is its original start, percent-encoded.

    Raises :class:`Problem` (404) where the event has no such date.
    """
    try:
        if len(name) > LONGEST_NAME:
            raise ValueError("the name is too long")
        return edits.date(event, codec.local_time(unquote(name)))
    except (ValueError, edits.NoSuchDate):
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such date") from None


def read_snapshot(event: Event, registration_id: str) -> Snapshot:
    """The registration with its invitation. Raises :class:`Problem` (404) where the event has no such registration."""
    known = AN_ID.fullmatch(registration_id)
    seen = registry.read(store(), event.event_id, registration_id) if known else None
    if seen is None:
        raise Problem(HTTPStatus.NOT_FOUND, Obstacle.ABSENT.value)
    registration, invitation = seen
    return Snapshot(invitation=invitation, registration=registration, event=event)


def require_writable(event: Event, at: datetime) -> None:
    """Raise :class:`Problem` (409) if the event is cancelled, or over at ``at`` (UTC)."""
    if event.status is EventStatus.CANCELLED:
        raise Problem(HTTPStatus.CONFLICT, "the event is cancelled")
    require_not_over(event, at)


def require_not_over(event: Event, at: datetime) -> None:
    """Raise :class:`Problem` (409) if the event's last date has ended at ``at`` (UTC)."""
    if series.ends_at(event) <= at:
        raise Problem(HTTPStatus.CONFLICT, "the event is over")


def require_no_transfer(event_id: str) -> None:
    """Raise :class:`Problem` (503) while registrations are being copied to the event."""
    if store().events.transferring(event_id):
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, Obstacle.NOT_YET.value, headers=RETRY_AFTER_A_MINUTE)


def promote(event_id: str) -> None:
    """Give free seats to the waitlist at once. Where that fails they stay due, and the sweeper gives them."""
    try:
        waitlist.promote(store(), event_id, now=now())
    except (dynamo.Contention, dynamo.Refused, ClientError, BotoCoreError) as error:
        logger.warning("left to the sweeper", event=event_id, error=type(error).__name__)


def start_transfer(event_id: str) -> None:
    """Copy the first registrations to the new event of a split at once; the sweeper continues with the rest."""
    try:
        split_transfer.transfer_batch(store(), event_id, now=now())
    except (dynamo.Contention, dynamo.Refused, ClientError, BotoCoreError) as error:
        logger.warning("left to the sweeper", event=event_id, error=type(error).__name__)


# --- responses ----------------------------------------------------------------------------------------------------


def answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response[Any]:
    return Response(status, "application/json", body, {"Cache-Control": "no-store", **(headers or {})})


def show_event(
    event_id: str, status: int = 200, headers: Mapping[str, str] | None = None, dropped: tuple[LocalTime, ...] = ()
) -> Response[EventOut]:
    event = own_event(event_id)
    seats = store().reads.seats(event_id)
    missed = store().surveys.list_attention(event_id, now=now())
    shown = presenters.event(event, seats, dropped, missed, store().reads.fan_out(event_id))
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
    event = own_event(event_id)
    seen = read_snapshot(event, registration_id)
    return answer(status, presenters.registration(seen, settings().sender, now()), headers)


def show_webhook(webhook_id: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response[WebhookOut]:
    return answer(status, presenters.webhook(own_webhook(webhook_id)), headers)


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
