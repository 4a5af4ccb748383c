"""A hint from a queue: one slice of a fan-out, or one registration, that somebody should look at."""

from __future__ import annotations

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from convoke.fanout import tell_slice
from convoke.model import Slice
from convoke.perform import Aws, hint_of
from convoke.reconcile import reconcile
from convoke.settings import settings

logger = Logger()
processor = BatchProcessor(event_type=EventType.SQS)


@cache
def aws() -> Aws:
    return Aws(settings(), logger)


def follow(record: SQSRecord, lambda_context: LambdaContext) -> None:
    hint = hint_of(record.body)
    world = aws()
    worker = world.worker(lambda_context.get_remaining_time_in_millis())
    if isinstance(hint, Slice):
        looked_at = world.run(tell_slice(hint, worker))
        logger.info("slice", event=hint.event_id, version=hint.version, after=hint.cursor, looked_at=looked_at)
    else:
        outcome = world.run(reconcile(hint.event_id, hint.registration_id, worker))
        logger.info("looked", event=hint.event_id, registration=hint.registration_id, outcome=outcome.value)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event=event, record_handler=follow, processor=processor, context=context)
