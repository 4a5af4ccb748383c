"""A mail that came in through an SES receipt rule: an attendee's answer, or something that only looks like one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import SNSEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.decision.plan import Snapshot
from convoke.inbound import Judgement, Verdict, judge
from convoke.inbound.authenticity import Receipt, ids_of, receipt_of
from convoke.inbound.mime import LARGEST_MAIL
from convoke.registrations import inbound_mail
from convoke.settings import settings
from convoke.store import dynamo

logger = Logger()
metrics = Metrics()


@cache
def s3() -> Any:
    return boto3.client("s3")


@cache
def dynamodb() -> Any:
    return dynamo.client()


@logger.inject_lambda_context
@metrics.log_metrics
@event_source(data_class=SNSEvent)
def handler(event: SNSEvent, context: LambdaContext) -> None:  # noqa: ARG001 (Lambda's signature)
    """Believe what may be believed; put the rest aside, with its reason. Never answer by mail to what is not believed.

    What nobody expected flies: Lambda tries twice more, then the notification waits in RepliesFailures.
    """
    for record in event.records:
        is_mail = not is_setup(record.sns.message)
        metrics.add_metric(name="Received", unit=MetricUnit.Count, value=int(is_mail))
        if not is_mail:
            logger.info("set up")
            continue
        receipt = receipt_of(json.loads(record.sns.message))
        if inbound_mail.is_processed(dynamodb(), settings(), receipt.ses_id):
            logger.info("known", ses_id=receipt.ses_id)
            continue
        for one in take(receipt).each:
            person = one.seen.registration.registration_id if one.seen else None
            logger.info(
                SAID[one.verdict],
                extra={"reason": one.reason, "ses_id": receipt.ses_id, "registration": person},
            )
            if one.verdict is Verdict.QUARANTINE:
                metrics.add_metric(name="PutAside", unit=MetricUnit.Count, value=1)
                if one.seen is None:
                    metrics.add_metric(name="PutAsideOfNobody", unit=MetricUnit.Count, value=1)


SETUP_MAIL = "AMAZON_SES_SETUP_NOTIFICATION"
SETUP_NOTES = ("Successfully validated SNS topic", '{"notificationType":"AmazonSnsSubscriptionSucceeded"')


def is_setup(message: str) -> bool:
    """Whether this is SES's own word that a topic or a rule was set up; it comes with the deployment that did so.

    For a rule it is the notification of a mail that nobody sent.
    """
    if message.startswith(SETUP_NOTES):
        return True
    said = json.loads(message)
    mail = said.get("mail") if isinstance(said, dict) else None
    return isinstance(mail, dict) and mail.get("messageId") == SETUP_MAIL


SAID = {
    Verdict.APPLY: "applied",
    Verdict.LATE: "late",
    Verdict.PROPOSE: "proposed",
    Verdict.REFRESH: "refreshed",
    Verdict.FORWARD: "forwarded",
    Verdict.QUARANTINE: "quarantined",
}


def take(receipt: Receipt) -> Judgement:
    """Judge one mail and do what was judged."""
    raw = s3().get_object(Bucket=receipt.bucket, Key=receipt.key)["Body"].read(LARGEST_MAIL + 1)
    return inbound_mail.process(dynamodb(), settings(), judge(receipt, raw, look), receipt, now=datetime.now(UTC))


def look(uid: str) -> Snapshot | None:
    """The registration that a UID is of, as it is now."""
    ids = ids_of(uid)
    return inbound_mail.read_snapshot(dynamodb(), settings(), *ids) if ids else None
