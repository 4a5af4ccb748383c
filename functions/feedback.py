"""Applies what SES reports about accepted mails, received through SNS: sent, delivered, bounced, complained about."""

from __future__ import annotations

import json

from aws_lambda_powertools.utilities.data_classes import SNSEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.aws.runtime import aws, logger
from convoke.delivery.reports import apply_report, report_of


@logger.inject_lambda_context
@event_source(data_class=SNSEvent)
def handler(event: SNSEvent, context: LambdaContext) -> None:  # noqa: ARG001 (Lambda's signature)
    """Apply the reports, which may come in any order and several times. What is not an SES event is logged and dropped,
    since no retry would make it one.
    """
    for record in event.records:
        try:
            report = report_of(json.loads(record.sns.message))
        except (KeyError, ValueError, TypeError) as error:
            logger.warning("not an SES event", why=type(error).__name__, message_id=record.sns.message_id)
            continue
        if report is not None:
            found = aws().run(apply_report(report))
            logger.info("reported", registration=report.registration_id, state=report.state.value, known=found)
