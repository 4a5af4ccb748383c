"""The routes of webhooks: where an account's own systems are told what happened, and what became of that."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from ..hooks import DeliveryEnd, FactType, Webhook
from ..settings import settings
from ..store import deliveries, keys, outbox, webhooks
from ..targets import target_of
from . import answers, desk
from .once import Record, once
from .problems import Problem
from .shapes import Cursor, Limit, Once, TestIn, WebhookIn
from .shown import DeliveryPage, WebhookMade, WebhookOut, WebhookPage, may_answer

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]
NO_WORDS = TestIn()


@router.post("/webhooks", summary="Be told of what happens, by POST", responses=may_answer(201))
def create_webhook(body: WebhookIn, key: Once = None) -> Response[WebhookMade]:
    account, at = desk.caller(), desk.now()
    target_of(body.url, local=settings().local_webhooks)

    def create(record: Record) -> Response[WebhookMade]:
        webhook = Webhook(
            webhook_id=keys.event_id(secrets.token_bytes(16)),
            account=account,
            url=body.url,
            events=tuple(sorted({FactType(event) for event in body.events})),
            secret="whs_" + secrets.token_urlsafe(32),
            created_at=at,
        )
        try:
            recorded = record(status=201, webhook_id=webhook.webhook_id)
            webhooks.create(desk.client(), settings(), webhook, also=recorded)
        except webhooks.TooMany:
            raise Problem(HTTPStatus.CONFLICT, f"an account has at most {webhooks.MOST} webhooks") from None
        headers = {"Location": f"/webhooks/{webhook.webhook_id}"}
        made = WebhookMade(**answers.webhook(webhook).model_dump(), secret=webhook.secret)
        return desk.answer(201, made, headers)

    return once(key, create)


@router.get("/webhooks", summary="List webhooks", responses=may_answer(200))
def list_webhooks() -> Response[WebhookPage]:
    found = webhooks.of_account(desk.client(), settings(), desk.caller())
    return desk.answer(200, WebhookPage(items=list(map(answers.webhook, found)), next=None))


@router.delete("/webhooks/<webhook_id>", summary="Remove a webhook", responses=may_answer(200))
def remove_webhook(webhook_id: str) -> Response[WebhookOut]:
    webhook = desk.own_webhook(webhook_id)
    webhooks.remove(desk.client(), settings(), webhook.account, webhook_id)
    return desk.answer(200, answers.webhook(webhook))


@router.get(
    "/webhooks/<webhook_id>/deliveries",
    summary="List what a webhook was told, or is to be, the latest first",
    responses=may_answer(200),
)
def list_deliveries(
    webhook_id: str,
    limit: Limit = 50,
    cursor: Cursor = None,
    state: Annotated[DeliveryEnd | None, Query()] = None,
) -> Response[DeliveryPage]:
    desk.own_webhook(webhook_id)
    page = deliveries.latest(desk.client(), settings(), webhook_id, limit=limit, cursor=cursor, state=state)
    return desk.answer(200, DeliveryPage(items=list(map(answers.delivery, page.items)), next=page.next))


@router.post("/webhooks/<webhook_id>/test", summary="Be told nothing much, to see it arrive", responses=may_answer(202))
def try_webhook(
    webhook_id: str,
    body: Annotated[TestIn, Body()] = NO_WORDS,  # noqa: ARG001 (there is nothing to say)
    key: Once = None,
) -> Response[WebhookOut]:
    def tell(record: Record) -> Response[WebhookOut]:
        webhook, at = desk.own_webhook(webhook_id), desk.now()
        fact = outbox.new(webhook.account, FactType.TEST, {"webhook_id": webhook_id}, at)
        recorded = record(status=202, webhook_id=webhook_id)
        deliveries.try_out(desk.client(), settings(), webhook, fact, at, also=recorded)
        return desk.show_webhook(webhook_id, 202)

    return once(key, tell)
