"""Handles the hints in the queues: a fan-out to plan, a batch of one, a registration, a notification, or a survey."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.aws.queues import hint_of
from convoke.aws.records import RecordProcessor
from convoke.aws.runtime import aws, count, inform, inform_batch, logger, metrics
from convoke.delivery.fan_out import plan
from convoke.delivery.notify import dispatch
from convoke.delivery.survey import survey
from convoke.effects import BatchHint, NotificationHint, PlanHint, RegistrationHint, SurveyHint

# Imported while Lambda starts the function, not in the time of its first mail.
from convoke.mail import notification_mail, spliced  # noqa: F401

processor = RecordProcessor(EventType.SQS)


def handle_hint(record: SQSRecord, lambda_context: LambdaContext) -> None:
    """Do what one hint asks. An exception returns the hint to its queue, for another attempt."""
    hint = hint_of(record.body)
    runtime = aws()
    worker = runtime.worker(lambda_context.get_remaining_time_in_millis())
    if isinstance(hint, PlanHint):
        first = runtime.run(plan(hint.event_id, worker))
        metrics.add_metric(name="Planned", unit=MetricUnit.Count, value=1)
        logger.info("planned", event=hint.event_id)
        if first is not None:
            inform_batch(first, worker)
    elif isinstance(hint, BatchHint):
        inform_batch(hint, worker)
    elif isinstance(hint, SurveyHint):
        looked_at = runtime.run(survey(hint, worker))
        metrics.add_metric(name="Surveyed", unit=MetricUnit.Count, value=looked_at)
        logger.info("surveyed", event=hint.event_id, after=hint.after, looked_at=looked_at)
    elif isinstance(hint, NotificationHint):
        outcome = runtime.run(dispatch(hint.event_id, hint.registration_id, hint.notification_id, worker))
        count(outcome)
        logger.info("notification", event=hint.event_id, notification=hint.notification_id, outcome=outcome.value)
    elif isinstance(hint, RegistrationHint):
        inform(hint.event_id, hint.registration_id, worker)
    else:
        raise TypeError(f"the queue has a {type(hint).__name__}")


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event=event, record_handler=handle_hint, processor=processor, context=context)
