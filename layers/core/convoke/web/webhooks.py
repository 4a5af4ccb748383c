"""The routes of webhooks: URLs that an account's events are posted to, and the deliveries to them."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from ..settings import settings
from ..store import keys, webhooks
from ..store.outbox import new_event
from ..webhooks.events import Webhook, WebhookDeliveryState, WebhookEventType
from ..webhooks.url_guard import target_of
from . import context, presenters
from .idempotency import Record, once
from .problems import Problem
from .requests import Cursor, IdempotencyKey, Limit, TestIn, WebhookIn
from .responses import DeliveryPage, WebhookCreated, WebhookOut, WebhookPage, documented

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]
EMPTY_BODY = TestIn()


@router.post("/webhooks", summary="Create a webhook", responses=documented(201))
def create_webhook(body: WebhookIn, key: IdempotencyKey = None) -> Response[WebhookCreated]:
    account, at = context.caller(), context.now()
    target_of(body.url, local=settings().local_webhooks)

    def create(record: Record) -> Response[WebhookCreated]:
        webhook = Webhook(
            webhook_id=keys.event_id(secrets.token_bytes(16)),
            account=account,
            url=body.url,
            events=tuple(sorted({WebhookEventType(event) for event in body.events})),
            secret="whs_" + secrets.token_urlsafe(32),
            created_at=at,
        )
        try:
            recorded = record(status=201, webhook_id=webhook.webhook_id)
            context.store().webhooks.create(webhook, also=recorded)
        except webhooks.TooManyWebhooks:
            raise Problem(HTTPStatus.CONFLICT, f"an account has at most {webhooks.MAX_WEBHOOKS} webhooks") from None
        headers = {"Location": f"{context.BASE}/webhooks/{webhook.webhook_id}"}
        made = WebhookCreated(**presenters.webhook(webhook).model_dump(), secret=webhook.secret)
        return context.answer(201, made, headers)

    return once(key, create)


@router.get("/webhooks", summary="List webhooks", responses=documented(200))
def list_webhooks() -> Response[WebhookPage]:
    found = context.store().webhooks.list_webhooks(context.caller())
    return context.answer(200, WebhookPage(items=list(map(presenters.webhook, found)), next=None))


@router.delete("/webhooks/<webhook_id>", summary="Delete a webhook", responses=documented(200))
def remove_webhook(webhook_id: str) -> Response[WebhookOut]:
    webhook = context.own_webhook(webhook_id)
    context.store().webhooks.remove(webhook.account, webhook_id)
    return context.answer(200, presenters.webhook(webhook))


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


@router.post("/webhooks/<webhook_id>/test", summary="Send a test event to a webhook", responses=documented(202))
def try_webhook(
    webhook_id: str,
    body: Annotated[TestIn, Body()] = EMPTY_BODY,  # noqa: ARG001 (the body has no fields)
    key: IdempotencyKey = None,
) -> Response[WebhookOut]:
    def send_test(record: Record) -> Response[WebhookOut]:
        webhook, at = context.own_webhook(webhook_id), context.now()
        webhook_event = new_event(webhook.account, WebhookEventType.TEST, {"webhook_id": webhook_id}, at)
        recorded = record(status=202, webhook_id=webhook_id)
        context.store().deliveries.create_test(webhook, webhook_event, at, also=recorded)
        return context.show_webhook(webhook_id, 202)

    return once(key, send_test)
