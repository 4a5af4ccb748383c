"""The routes of webhooks: URLs that an account's events are posted to, and the deliveries to them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from ..settings import settings
from ..store import deliveries, keys, webhooks
from ..store.outbox import new_event
from ..store.writes import rounds
from ..webhooks.events import Webhook, WebhookDeliveryState, WebhookEventType, WebhookPayload
from ..webhooks.url_guard import target_of
from . import context, presenters
from .idempotency import Record, once
from .problems import Problem
from .requests import EMPTY_BODY, AfterEvent, Cursor, EmptyIn, IdempotencyKey, Limit, RotateIn, WebhookIn, WebhookPatch
from .responses import (
    PROBLEM,
    ChangePage,
    DeliveryOut,
    DeliveryPage,
    WebhookCreated,
    WebhookOut,
    WebhookPage,
    documented,
)

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]
DEFAULT_OVERLAP = RotateIn()


@router.post("/webhooks", summary="Create a webhook", responses=documented(201))
def create_webhook(body: WebhookIn, key: IdempotencyKey = None) -> Response[WebhookCreated]:
    account, at = context.caller(), context.now()
    target_of(body.url, local=settings().local_webhooks)

    def create(record: Record) -> Response[WebhookCreated]:
        webhook = Webhook(
            webhook_id=keys.random_id(secrets.token_bytes(16)),
            account=account,
            url=body.url,
            events=body.types,
            payload=WebhookPayload(body.payload),
            secret=new_secret(),
            created_at=at,
        )
        try:
            recorded = record(status=201, webhook_id=webhook.webhook_id)
            context.store().webhooks.create(webhook, also=recorded)
        except webhooks.TooManyWebhooks:
            raise Problem(
                HTTPStatus.CONFLICT,
                f"an account has at most {webhooks.MAX_WEBHOOKS} webhooks",
                code="too_many_webhooks",
            ) from None
        headers = {"Location": f"{context.BASE}/webhooks/{webhook.webhook_id}"}
        made = WebhookCreated.from_stored(webhook)
        return context.answer(201, made, headers)

    return once(key, create)


@router.get("/webhooks", summary="List webhooks", responses=documented(200))
def list_webhooks() -> Response[WebhookPage]:
    found = context.store().webhooks.list_webhooks(context.caller())
    return context.answer(200, WebhookPage(items=list(map(WebhookOut.from_stored, found)), next=None))


@router.get("/webhooks/<webhook_id>", summary="Read a webhook", responses=documented(200))
def read_webhook(webhook_id: str) -> Response[WebhookOut]:
    return context.show_webhook(webhook_id)


@router.patch("/webhooks/<webhook_id>", summary="Change a webhook (JSON merge patch)", responses=documented(200))
def change_webhook(webhook_id: str, body: WebhookPatch) -> Response[WebhookOut]:
    for _ in rounds():
        seen = context.own_webhook(webhook_id)
        present = {"url": seen.url, "events": [str(event) for event in seen.events], "payload": str(seen.payload)}
        changes = WebhookIn.model_validate(body.applied_to(present))
        target_of(changes.url, local=settings().local_webhooks)
        changed = replace(seen, url=changes.url, events=changes.types, payload=WebhookPayload(changes.payload))
        if context.store().webhooks.replace(seen, changed):
            return context.answer(200, WebhookOut.from_stored(changed))
    raise AssertionError  # rounds() ends with Contention


@router.post(
    "/webhooks/<webhook_id>/rotate",
    summary="Give a webhook a new secret; the old one signs, too, for a while",
    responses=documented(200),
)
def rotate_secret(
    webhook_id: str, body: Annotated[RotateIn, Body()] = DEFAULT_OVERLAP, key: IdempotencyKey = None
) -> Response[WebhookCreated]:
    def rotate(record: Record) -> Response[WebhookCreated]:
        seen, until = context.own_webhook(webhook_id), context.now() + timedelta(seconds=body.overlap)
        changed = replace(seen, secret=new_secret(), previous_secret=seen.secret, previous_until=until)
        recorded = record(status=200, webhook_id=webhook_id)
        if not context.store().webhooks.replace(seen, changed, also=recorded):
            raise Problem(HTTPStatus.CONFLICT, "the webhook was changed meanwhile")
        made = WebhookCreated.from_stored(changed)
        return context.answer(200, made)

    return once(key, rotate)


@router.delete("/webhooks/<webhook_id>", summary="Delete a webhook", responses=documented(200))
def remove_webhook(webhook_id: str) -> Response[WebhookOut]:
    webhook = context.own_webhook(webhook_id)
    context.store().webhooks.remove(webhook.account, webhook_id)
    return context.answer(200, WebhookOut.from_stored(webhook))


@router.get(
    "/webhooks/<webhook_id>/deliveries",
    summary="List a webhook's deliveries, the latest first",
    responses=documented(200),
)
def list_deliveries(
    webhook_id: str,
    limit: Limit = 50,
    cursor: Cursor = None,
    state: Annotated[WebhookDeliveryState | None, Query()] = None,
) -> Response[DeliveryPage]:
    context.own_webhook(webhook_id)
    page = context.store().deliveries.list_deliveries(webhook_id, limit=limit, cursor=cursor, state=state)
    return context.answer(200, DeliveryPage(items=list(map(presenters.delivery, page.items)), next=page.next))


@router.post(
    "/webhooks/<webhook_id>/deliveries/<delivery_id>/redeliver",
    summary="Deliver an event again whose delivery is dead",
    responses=documented(202),
)
def deliver_again(
    webhook_id: str,
    delivery_id: str,
    body: Annotated[EmptyIn, Body()] = EMPTY_BODY,  # noqa: ARG001 (the body has no fields)
    key: IdempotencyKey = None,
) -> Response[DeliveryOut]:
    def shown(status: int, headers: Mapping[str, str] | None = None) -> Response[DeliveryOut]:
        return context.answer(status, presenters.delivery(context.own_delivery(webhook_id, delivery_id)), headers)

    def begin(record: Record) -> Response[DeliveryOut]:
        seen, recorded = context.own_delivery(webhook_id, delivery_id), record(status=202, webhook_id=webhook_id)
        dead = seen.state is WebhookDeliveryState.DEAD
        if not dead or not context.store().deliveries.deliver_again(seen, context.now(), also=recorded):
            raise Problem(HTTPStatus.CONFLICT, "the delivery is not dead")
        return shown(202)

    return once(key, begin, lambda earlier, headers: shown(earlier.status, headers))


@router.post(
    "/webhooks/<webhook_id>/test",
    summary="Send a test event to a webhook",
    responses=documented(202) | {429: PROBLEM},
)
def try_webhook(
    webhook_id: str,
    body: Annotated[EmptyIn, Body()] = EMPTY_BODY,  # noqa: ARG001 (the body has no fields)
    key: IdempotencyKey = None,
) -> Response[WebhookOut]:
    def send_test(record: Record) -> Response[WebhookOut]:
        webhook, at = context.own_webhook(webhook_id), context.now()
        webhook_event = new_event(webhook.account, WebhookEventType.TEST, {"webhook_id": webhook_id}, at)
        recorded = record(status=202, webhook_id=webhook_id)
        try:
            context.store().deliveries.create_test(webhook, webhook_event, at, also=recorded)
        except deliveries.TooManyTests:
            detail = f"an account has at most {deliveries.TESTS_A_MINUTE} test events a minute"
            wait = {"Retry-After": str(60 - at.second)}
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, headers=wait) from None
        return context.show_webhook(webhook_id, 202)

    return once(key, send_test)


@router.get("/changes", summary="List the account's webhook events, the oldest first", responses=documented(200))
def list_changes(limit: Limit = 50, after: AfterEvent = None) -> Response[ChangePage]:
    account, at = context.caller(), context.now()
    page = context.store().outbox.list_events(account, after or "", at, limit)
    return context.answer(200, ChangePage(items=list(map(presenters.change, page.items)), next=page.next))


def new_secret() -> str:
    return "whs_" + secrets.token_urlsafe(32)
