"""A mail that came in through an SES receipt rule: an attendee's answer, or something that only looks like one."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes import SNSEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.inbound import Verdict, judge
from convoke.inbound.envelope import LARGEST_MAIL
from convoke.inbound.firewall import Receipt, ids_of, receipt_of
from convoke.inbound.reasons import Reason
from convoke.reconcile import Seen
from convoke.settings import settings
from convoke.store import dynamo, replies
from convoke.store.reads import Reads

logger = Logger()


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


def take(receipt: Receipt) -> Reason | None:
    """Believe one mail, or answer the reason why not."""
    raw = s3().get_object(Bucket=receipt.bucket, Key=receipt.key)["Body"].read(LARGEST_MAIL + 1)
    judged = judge(receipt, raw, look)
    if judged.verdict is Verdict.APPLY and judged.seen and judged.reply:
        # Another answer in the same moment: SNS delivers this one again, and it is judged anew.
        replies.record(dynamodb(), settings(), judged.seen.registration, judged.reply)
    return judged.reason


def look(uid: str) -> Seen | None:
    """The registration that a UID is of, as it is now."""
    ids = ids_of(uid)
    if ids is None:
        return None
    reads = Reads(dynamodb(), settings())
    invitation, registration, event = reads.invitation(*ids), reads.registration(*ids), reads.event(ids[0])
    if invitation is None or registration is None or event is None:
        return None
    return Seen(invitation=invitation, registration=registration, event=event)
