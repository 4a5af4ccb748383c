"""Delivers webhook events: makes a delivery for each webhook that subscribes to the event, and posts each delivery.

Called by the stream of the webhooks table (a new webhook event), and by the queue (a webhook event or one delivery),
which the sweep also fills. An error response of a webhook is not an error of this function: it is stored, and the
delivery is attempted again later. All instants are UTC.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.model import InvalidField
from convoke.settings import settings
from convoke.store import deliveries, dynamo, keys
from convoke.store.store import Store
from convoke.webhooks import http
from convoke.webhooks.events import (
    SIGNATURE_HEADER,
    Delivery,
    Webhook,
    WebhookDeliveryState,
    WebhookEvent,
    body,
    retry_delay,
    signature,
)
from convoke.webhooks.http import Answer
from convoke.webhooks.url_guard import target_of

logger = Logger()

LEASE = timedelta(seconds=30)
"""How long one attempt holds its delivery: longer than this function may run."""
MAX_DELAY = timedelta(minutes=15)
"""The longest delay of an SQS message. For what is due later, the sweep queues a hint."""


@cache
def store() -> Store:
    """The DynamoDB client, made once per process."""
    return Store(dynamo.client(), settings())


@cache
def sqs() -> Any:
    """The SQS client, made once per process."""
    return boto3.client("sqs")


def now() -> datetime:
    """The present instant, UTC."""
    return datetime.now(UTC)


def create_deliveries(webhook_event_id: str) -> None:
    """Store a delivery for each webhook that subscribes to the webhook event, and queue a hint for each."""
    webhook_event = store().outbox.read(webhook_event_id)
    if webhook_event is None:
        return
    for webhook in store().webhooks.list_webhooks(webhook_event.account):
        if webhook_event.type in webhook.events:
            store().deliveries.create(webhook_event, webhook, now() + settings().times.hint)
            hint(webhook.webhook_id, webhook_event_id)
    store().outbox.mark_distributed(webhook_event_id)


def attempt_delivery(webhook_id: str, webhook_event_id: str) -> None:
    """Make one attempt at a delivery, if one is due."""
    seen, at = store().deliveries.read(webhook_id, webhook_event_id), now()
    if seen is None or seen.state is not WebhookDeliveryState.PENDING:
        return
    if any(until is not None and until > at for until in (seen.lease_until, seen.next_at)):
        return
    webhook = store().webhooks.read(seen.account, webhook_id)
    webhook_event = store().outbox.read(webhook_event_id)
    if webhook is None or webhook_event is None:
        why = "the webhook was removed" if webhook is None else "the event is no longer kept"
        dead = replace(seen, state=WebhookDeliveryState.DEAD, why=why, due_key=None)
        store().deliveries.replace_pending(seen, dead)
        return
    until = at + LEASE
    claimed = replace(seen, attempts=seen.attempts + 1, tried_at=at, lease_until=until, due_key=keys.due_key(1, until))
    if store().deliveries.replace_pending(seen, claimed):
        record_result(claimed, post(webhook, webhook_event, at))


def post(webhook: Webhook, webhook_event: WebhookEvent, at: datetime) -> Answer:
    """Post the webhook event, signed at ``at``, to the webhook."""
    payload = body(webhook_event)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Convoke",
        SIGNATURE_HEADER: signature(webhook.secret, payload, at),
    }
    try:
        target = target_of(webhook.url, local=settings().local_webhooks)
    except InvalidField as error:
        return Answer(why=f"its URL {error.message}")
    return http.post(target, payload, headers)


def record_result(claimed: Delivery, answer: Answer) -> None:
    """Store how the attempt ended; queue a hint for the next one, or leave it to the sweep if it is too far off."""
    ended = replace(claimed, status=answer.status, why=answer.why, lease_until=None, next_at=None, due_key=None)
    wait = retry_delay(claimed.attempts) if answer.why else None
    if not answer.why:
        ended = replace(ended, state=WebhookDeliveryState.DELIVERED)
    elif wait is None:
        ended = replace(ended, state=WebhookDeliveryState.DEAD)
    else:
        next_at = now() + wait
        # A delayed hint comes at that time. If it is lost, or the delay is too long for SQS, the sweep queues one.
        due_key = next_at + settings().times.hint if wait <= MAX_DELAY else next_at
        ended = replace(ended, next_at=next_at, due_key=keys.due_key(1, due_key))
    written = store().deliveries.replace_pending(claimed, ended)
    if written and wait is not None and wait <= MAX_DELAY:
        hint(claimed.webhook_id, claimed.webhook_event_id, wait)
    logger.info(
        "webhook delivery",
        webhook=claimed.webhook_id,
        webhook_event=claimed.webhook_event_id,
        attempts=claimed.attempts,
        state=ended.state.value,
        status=answer.status,
        why=answer.why,
    )


def hint(webhook_id: str, webhook_event_id: str, after: timedelta = timedelta()) -> None:
    """Queue a hint for one delivery, delayed by ``after``."""
    sqs().send_message(
        QueueUrl=settings().hooks_queue,
        MessageBody=json.dumps({"webhook": webhook_id, "webhook_event": webhook_event_id}),
        # Whole seconds, rounded up, so that it never comes before the attempt is due.
        DelaySeconds=min(900, int(after.total_seconds()) + (1 if after else 0)),
    )


def handle_message(record: SQSRecord) -> None:
    """Handle a hint from the queue: one delivery, or a webhook event without its deliveries."""
    ids = json.loads(record.body)
    if "webhook" in ids:
        attempt_delivery(ids["webhook"], ids["webhook_event"])
    else:
        create_deliveries(ids["webhook_event"])


def handle_stream_record(record: DynamoDBRecord) -> None:
    """Handle a new item of the webhooks table: make the deliveries if it is a webhook event."""
    key = record.dynamodb.keys if record.dynamodb else None
    if key:
        ids = deliveries.hint_of(key)
        if "webhook" not in ids:
            create_deliveries(ids["webhook_event"])


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    queued = event["Records"][0]["eventSource"] == "aws:sqs"
    return process_partial_response(
        event=event,
        record_handler=handle_message if queued else handle_stream_record,
        processor=BatchProcessor(event_type=EventType.SQS if queued else EventType.DynamoDBStreams),
        context=context,
    )
