"""A mail that came in through an SES receipt rule: an attendee's answer, or something that only looks like one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes import SNSEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.itip import NotAnAnswer, answer
from convoke.mail import Quarantined, incoming
from convoke.model import Means
from convoke.replies import Receipt, distrust, ids_of, receipt_of, refusal, reply_of
from convoke.settings import settings
from convoke.store import dynamo, replies
from convoke.store.reads import Reads

logger = Logger()

LARGEST = 256 * 1024
"""Bytes of a mail that are fetched at the most: what is larger is quarantined for its size."""


@cache
def s3() -> Any:
    return boto3.client("s3")


@cache
def dynamodb() -> Any:
    return dynamo.client()


@logger.inject_lambda_context
@event_source(data_class=SNSEvent)
def handler(event: SNSEvent, context: LambdaContext) -> None:  # noqa: ARG001 (Lambda's signature)
    """Apply what may be believed; quarantine the rest: it stays in the bucket, with its reason in the log. Never answer
    by mail.
    """
    for record in event.records:
        receipt = receipt_of(json.loads(record.sns.message))
        reason = take(receipt)
        logger.info("applied" if reason is None else "quarantined", reason=reason, ses_id=receipt.ses_id)


def take(receipt: Receipt) -> str | None:
    """Believe one mail, or answer the reason code why not."""
    try:
        raw = s3().get_object(Bucket=receipt.bucket, Key=receipt.key)["Body"].read(LARGEST + 1)
        mail = incoming(raw)
        if reason := distrust(receipt, mail):
            return reason
        answered = answer(mail.calendar)
    except (Quarantined, NotAnAnswer) as error:
        return error.reason
    ids = ids_of(answered.uid)
    if ids is None:
        return "uid"
    reads = Reads(dynamodb(), settings())
    invitation, registration = reads.invitation(*ids), reads.registration(*ids)
    if invitation is None or registration is None:
        return "uid"
    if reason := refusal(mail, answered, registration, invitation):
        return reason
    applied = replies.apply(dynamodb(), settings(), *ids, reply_of(answered), means=Means.MAIL, now=datetime.now(UTC))
    return "status" if applied.outcome is replies.Outcome.INACTIVE else None
