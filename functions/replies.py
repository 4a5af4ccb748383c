"""Handles mails that an SES receipt rule stored in S3 and announced through SNS: attendees' answers, and others."""

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

from convoke.decision.decide import Snapshot
from convoke.inbound import Judgement, Verdict, judge
from convoke.inbound.authenticity import Receipt, receipt_of
from convoke.inbound.mime import LARGEST_MAIL
from convoke.inbound.uids import ids_of
from convoke.registrations import inbound_mail, registry
from convoke.store.store import store

logger = Logger()
metrics = Metrics()


@cache
def s3() -> Any:
    return boto3.client("s3")


@logger.inject_lambda_context
@metrics.log_metrics
@event_source(data_class=SNSEvent)
def handler(event: SNSEvent, context: LambdaContext) -> None:  # noqa: ARG001 (Lambda's signature)
    """Apply the mails that are authentic; quarantine the others, with the reason, and never answer them by mail.

    Unexpected exceptions propagate: Lambda tries twice more, then the SNS message goes to the queue RepliesFailures.
    """
    for record in event.records:
        is_mail = not is_setup(record.sns.message)
        metrics.add_metric(name="Received", unit=MetricUnit.Count, value=int(is_mail))
        if not is_mail:
            logger.info("SES set-up message")
            continue
        receipt = receipt_of(json.loads(record.sns.message))
        if store().received.is_processed(receipt.ses_id):
            logger.info("already processed", ses_id=receipt.ses_id)
            continue
        for one in process(receipt).each:
            person = one.seen.registration.registration_id if one.seen else None
            logger.info(
                LOG_MESSAGES[one.verdict],
                extra={"reason": one.reason, "ses_id": receipt.ses_id, "registration": person},
            )
            if one.verdict is Verdict.QUARANTINE:
                metrics.add_metric(name="PutAside", unit=MetricUnit.Count, value=1)
                if one.seen is None:
                    metrics.add_metric(name="PutAsideOfNobody", unit=MetricUnit.Count, value=1)


SETUP_MAIL = "AMAZON_SES_SETUP_NOTIFICATION"
SETUP_MESSAGES = ("Successfully validated SNS topic", '{"notificationType":"AmazonSnsSubscriptionSucceeded"')


def is_setup(message: str) -> bool:
    """Whether SES sent this message because a topic or a receipt rule was set up, as it does during a deployment.

    For a rule, it is the notification of a mail that SES itself made.
    """
    if message.startswith(SETUP_MESSAGES):
        return True
    notification = json.loads(message)
    mail = notification.get("mail") if isinstance(notification, dict) else None
    return isinstance(mail, dict) and mail.get("messageId") == SETUP_MAIL


LOG_MESSAGES = {
    Verdict.APPLY: "applied",
    Verdict.LATE: "late",
    Verdict.PROPOSE: "proposed",
    Verdict.REFRESH: "refreshed",
    Verdict.FORWARD: "forwarded",
    Verdict.QUARANTINE: "quarantined",
}


def process(receipt: Receipt) -> Judgement:
    """Read one mail from S3, judge it, and carry out the judgement."""
    raw = s3().get_object(Bucket=receipt.bucket, Key=receipt.key)["Body"].read(LARGEST_MAIL + 1)
    return inbound_mail.process(store(), judge(receipt, raw, read_snapshot), receipt, now=datetime.now(UTC))


def read_snapshot(uid: str) -> Snapshot | None:
    """The current state of the registration that a UID of ours belongs to; ``None`` if there is none."""
    ids = ids_of(uid)
    return registry.read_snapshot(store(), *ids) if ids else None
