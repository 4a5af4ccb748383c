"""Applies what SES reports about accepted mails, through SNS and a queue: sent, delivered, bounced, marked as spam."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.aws.records import RecordProcessor
from convoke.aws.runtime import aws, logger
from convoke.delivery.notification_reports import apply_notification_report
from convoke.delivery.reports import apply_report
from convoke.delivery.ses_events import Report, report_of

processor = RecordProcessor(EventType.SQS)


def handle_report(record: SQSRecord) -> None:
    """Apply one report; they may come in any order and several times. What is not an SES event is logged and dropped,
    since no retry would make it one. An exception returns the report to its queue, for another attempt.
    """
    try:
        report = report_of(json.loads(record.body))
    except (LookupError, ValueError, TypeError) as error:
        logger.warning("not an SES event", why=type(error).__name__, message_id=record.message_id)
        return
    if report is not None:
        steps = apply_report(report) if isinstance(report, Report) else apply_notification_report(report)
        found = aws().run(steps)
        logger.info("reported", registration=report.registration_id, state=report.state.value, known=found)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event=event, record_handler=handle_report, processor=processor, context=context)
