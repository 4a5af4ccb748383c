"""A hint from a queue: somebody should look at a slice of a fan-out, a registration, a note, or who was reached."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.aws.runtime import aws, count, hint_of, logger, metrics
from convoke.decision.invitation import Batch
from convoke.delivery.fan_out import process_batch
from convoke.delivery.notify import dispatch
from convoke.delivery.reconcile import reconcile
from convoke.delivery.survey import survey
from convoke.effects import NotificationHint, SurveyHint

processor = BatchProcessor(event_type=EventType.SQS)


def follow(record: SQSRecord, lambda_context: LambdaContext) -> None:
    hint = hint_of(record.body)
    world = aws()
    worker = world.worker(lambda_context.get_remaining_time_in_millis())
    if isinstance(hint, Batch):
        outcomes = world.run(process_batch(hint, worker))
        metrics.add_metric(name="Slices", unit=MetricUnit.Count, value=1)
        count(*outcomes)
        logger.info("slice", event=hint.event_id, version=hint.version, after=hint.cursor, looked_at=len(outcomes))
    elif isinstance(hint, SurveyHint):
        looked_at = world.run(survey(hint, worker))
        metrics.add_metric(name="Surveyed", unit=MetricUnit.Count, value=looked_at)
        logger.info("surveyed", event=hint.event_id, after=hint.after, looked_at=looked_at)
    elif isinstance(hint, NotificationHint):
        outcome = world.run(dispatch(hint.event_id, hint.registration_id, hint.notification_id, worker))
        count(outcome)
        logger.info("saw to a note", event=hint.event_id, note=hint.notification_id, outcome=outcome.value)
    else:
        outcome = world.run(reconcile(hint.event_id, hint.registration_id, worker))
        count(outcome)
        logger.info("looked", event=hint.event_id, registration=hint.registration_id, outcome=outcome.value)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event=event, record_handler=follow, processor=processor, context=context)
