"""Goes on with imports of people, as its queue says, and leaves the rest of a long one to the next call."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.aws.queues import hint_of
from convoke.aws.records import RecordProcessor
from convoke.aws.runtime import aws
from convoke.effects import Enqueue, ImportHint
from convoke.registrations import imports
from convoke.registrations.imports import Progress
from convoke.store.store import store
from convoke.web.bulk import person_or_reason
from convoke.web.context import now

processor = RecordProcessor(EventType.SQS)
logger = Logger()

MARGIN = timedelta(seconds=15)
"""How long before its end the function registers nobody more."""


def handle_hint(record: SQSRecord, lambda_context: LambdaContext) -> None:
    """Go on with one import. An exception returns the hint to its queue, for another attempt."""
    hint = hint_of(record.body)
    if not isinstance(hint, ImportHint):
        raise TypeError(type(hint).__name__)

    def left() -> timedelta:
        return timedelta(milliseconds=lambda_context.get_remaining_time_in_millis())

    progress = imports.work(
        store(),
        hint.event_id,
        hint.import_id,
        check=person_or_reason,
        lease=left() + MARGIN,
        clock=now,
        out_of_time=lambda: left() < MARGIN,
    )
    logger.info("import", event=hint.event_id, import_id=hint.import_id, progress=progress.value)
    if progress is Progress.AGAIN:
        aws().perform(Enqueue(hint=hint, urgent=False))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event=event, record_handler=handle_hint, processor=processor, context=context)
