"""Delivers webhook events: makes a delivery for each webhook that wants the event, and posts each delivery.

Called by the stream of the webhooks table (a new webhook event), and by the queue (a webhook event or one delivery),
which the sweep also fills. An error response of a webhook is not an error of this function: it is stored, and the
delivery is attempted again later.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.aws.queues import hint_of
from convoke.aws.records import RecordProcessor
from convoke.aws.runtime import aws, logger
from convoke.delivery.webhooks import distribute, post
from convoke.effects import WebhookHint
from convoke.store import deliveries


def handle_hint(hint: WebhookHint, context: LambdaContext) -> None:
    """Do what one hint asks. An exception returns the hint to its queue, for another attempt."""
    runtime = aws()
    worker = runtime.worker(context.get_remaining_time_in_millis())
    if not hint.webhook_id:
        runtime.run(distribute(hint.account, hint.webhook_event_id, worker))
        return
    delivery = runtime.run(post(hint.webhook_id, hint.webhook_event_id, worker))
    if delivery is not None:
        logger.info(
            "webhook delivery",
            webhook=delivery.webhook_id,
            webhook_event=delivery.webhook_event_id,
            attempts=delivery.attempts,
            state=delivery.state.value,
            status=delivery.status,
            why=delivery.why,
        )


def handle_message(record: SQSRecord, lambda_context: LambdaContext) -> None:
    """Handle a hint from the queue: one delivery, or a webhook event without its deliveries."""
    hint = hint_of(record.body)
    if not isinstance(hint, WebhookHint):
        raise TypeError(type(hint).__name__)
    handle_hint(hint, lambda_context)


def handle_stream_record(record: DynamoDBRecord, lambda_context: LambdaContext) -> None:
    """Handle a new item of the webhooks table: make the deliveries if it is a webhook event."""
    key = record.dynamodb.keys if record.dynamodb else None
    hint = deliveries.hint_of(key) if key else None
    if hint is not None and not hint.webhook_id:
        handle_hint(hint, lambda_context)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    queued = event["Records"][0]["eventSource"] == "aws:sqs"
    return process_partial_response(
        event=event,
        record_handler=handle_message if queued else handle_stream_record,
        processor=RecordProcessor(EventType.SQS if queued else EventType.DynamoDBStreams),
        context=context,
    )
