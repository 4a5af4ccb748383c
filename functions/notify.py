"""Handles the stream of the registrations table.

A stream record only says which event or registration to look at; its content is never used.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.aws.records import RecordProcessor
from convoke.aws.runtime import aws, inform, inform_batch, logger, metrics
from convoke.delivery.fan_out import begin

# Imported while Lambda starts the function, not in the time of its first mail.
from convoke.mail import notification_mail, spliced  # noqa: F401
from convoke.store import keys

processor = RecordProcessor(EventType.DynamoDBStreams)


def handle_record(record: DynamoDBRecord, lambda_context: LambdaContext) -> None:
    """Reconcile a registration at once; begin with the fan-out of an event, or queue it. What cannot be sent now stays
    due.
    """
    key = record.dynamodb.keys if record.dynamodb else None
    if not key:
        return
    event_id = keys.event_id_of(key["pk"])
    runtime = aws()
    worker = runtime.worker(lambda_context.get_remaining_time_in_millis())
    if key["sk"] == keys.EVENT:
        few = runtime.run(begin(event_id, worker))
        metrics.add_metric(name="Announced", unit=MetricUnit.Count, value=1)
        if few is not None:
            inform_batch(few, worker)
    elif key["sk"].startswith(keys.REGISTRATION_PREFIX):
        inform(event_id, key["sk"].removeprefix(keys.REGISTRATION_PREFIX), worker)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event=event, record_handler=handle_record, processor=processor, context=context)
