"""Tells accounts' own systems what happened: a fact is shared among the webhooks that listen, and carried to each.

A hint comes from the table's stream (a new fact), from the queue (a fact, or one delivery), or again from the sweeper.
What a webhook answers is no failure of this function: it is written down, and tried again later.
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
from convoke.store import deliveries, dynamo, keys, outbox, webhooks
from convoke.webhooks import http
from convoke.webhooks.facts import (
    SIGNATURE,
    Delivery,
    DeliveryEnd,
    Webhook,
    WebhookEvent,
    body,
    next_try,
    signature,
)
from convoke.webhooks.http import Answer
from convoke.webhooks.url_guard import target_of

logger = Logger()

LEASE = timedelta(seconds=30)
"""Longer than this function may run."""
MAX_DELAY = timedelta(minutes=15)
"""Of a message in SQS. What is due later, the sweeper hands out."""


@cache
def client() -> Any:
    return dynamo.client()


@cache
def sqs() -> Any:
    return boto3.client("sqs")


def now() -> datetime:
    return datetime.now(UTC)


def share(fact_id: str) -> None:
    """Owe the fact to each webhook that listens, and hint at each of these deliveries."""
    fact = outbox.read_webhook_event(client(), settings(), fact_id)
    if fact is None:
        return
    for webhook in webhooks.list_webhooks(client(), settings(), fact.account):
        if fact.type in webhook.events:
            deliveries.create(client(), settings(), fact, webhook, now() + settings().times.hint)
            hint(webhook.webhook_id, fact_id)
    outbox.mark_distributed(client(), settings(), fact_id)


def carry(webhook_id: str, fact_id: str) -> None:
    """One try, where one is due."""
    seen, at = deliveries.read(client(), settings(), webhook_id, fact_id), now()
    if seen is None or seen.state is not DeliveryEnd.PENDING:
        return
    if any(until is not None and until > at for until in (seen.lease_until, seen.next_at)):
        return
    webhook = webhooks.read(client(), settings(), seen.account, webhook_id)
    fact = outbox.read_webhook_event(client(), settings(), fact_id)
    if webhook is None or fact is None:
        why = "the webhook was removed" if webhook is None else "it is too old"
        deliveries.replace_pending(
            client(), settings(), seen, replace(seen, state=DeliveryEnd.DEAD, why=why, due_key=None)
        )
        return
    until = at + LEASE
    claimed = replace(seen, attempts=seen.attempts + 1, tried_at=at, lease_until=until, due_key=keys.due_key(1, until))
    if deliveries.replace_pending(client(), settings(), seen, claimed):
        settle(claimed, post(webhook, fact, at))


def post(webhook: Webhook, fact: WebhookEvent, at: datetime) -> Answer:
    payload = body(fact)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Convoke",
        SIGNATURE: signature(webhook.secret, payload, at),
    }
    try:
        target = target_of(webhook.url, local=settings().local_webhooks)
    except InvalidField as error:
        return Answer(why=f"its URL {error.message}")
    return http.post(target, payload, headers)


def settle(claimed: Delivery, answer: Answer) -> None:
    """Write down how the try ended, and when the next one is."""
    ended = replace(claimed, status=answer.status, why=answer.why, lease_until=None, next_at=None, due_key=None)
    wait = next_try(claimed.attempts) if answer.why else None
    if not answer.why:
        ended = replace(ended, state=DeliveryEnd.DELIVERED)
    elif wait is None:
        ended = replace(ended, state=DeliveryEnd.DEAD)
    else:
        next_at = now() + wait
        # A hint comes just then. Where it is lost, or would have to wait too long for a queue, the sweeper sees to it.
        due_key = next_at + settings().times.hint if wait <= MAX_DELAY else next_at
        ended = replace(ended, next_at=next_at, due_key=keys.due_key(1, due_key))
    written = deliveries.replace_pending(client(), settings(), claimed, ended)
    if written and wait is not None and wait <= MAX_DELAY:
        hint(claimed.webhook_id, claimed.fact_id, wait)
    logger.info(
        "calendar_state",
        webhook=claimed.webhook_id,
        fact=claimed.fact_id,
        attempts=claimed.attempts,
        state=ended.state.value,
        status=answer.status,
        why=answer.why,
    )


def hint(webhook_id: str, fact_id: str, after: timedelta = timedelta()) -> None:
    sqs().send_message(
        QueueUrl=settings().hooks_queue,
        MessageBody=json.dumps({"webhook": webhook_id, "fact": fact_id}),
        # Whole seconds, and not a moment before the try is due.
        DelaySeconds=min(900, int(after.total_seconds()) + (1 if after else 0)),
    )


def follow(record: SQSRecord) -> None:
    where = json.loads(record.body)
    if "webhook" in where:
        carry(where["webhook"], where["fact"])
    else:
        share(where["fact"])


def notice(record: DynamoDBRecord) -> None:
    key = record.dynamodb.keys if record.dynamodb else None
    if key:
        where = deliveries.hint_of(key)
        if "webhook" not in where:
            share(where["fact"])


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    queued = event["Records"][0]["eventSource"] == "aws:sqs"
    return process_partial_response(
        event=event,
        record_handler=follow if queued else notice,
        processor=BatchProcessor(event_type=EventType.SQS if queued else EventType.DynamoDBStreams),
        context=context,
    )
