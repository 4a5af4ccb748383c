"""The JSON of SES's notifications, as event publishing and receipt rules publish them to SNS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import formataddr
from enum import StrEnum
from typing import Any

from . import letters
from .letters import Letter
from .shelf import Accepted

MOST_HEADERS = 10 * 1024  # beyond which SES truncates them
SIMULATOR = "simulator.amazonses.com"
SUPPRESSED = f"suppressionlist@{SIMULATOR}"


class Kind(StrEnum):
    """The events that can be reported, by SES's names."""

    SEND = "Send"
    DELIVERY = "Delivery"
    BOUNCE = "Bounce"
    COMPLAINT = "Complaint"
    REJECT = "Reject"
    DELIVERY_DELAY = "DeliveryDelay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The AWS resources that the notifications name."""

    feedback_topic: str
    inbound_topic: str
    inbound_bucket: str
    region: str

    @property
    def account(self) -> str:
        return self.feedback_topic.split(":")[4]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """SES's verdicts on an incoming mail; ``policy`` is the domain's DMARC policy, used if DMARC failed."""

    spam: str = "PASS"
    virus: str = "PASS"
    spf: str = "PASS"
    dkim: str = "PASS"
    dmarc: str = "PASS"
    policy: str = "reject"


VERDICTS = ("PASS", "FAIL", "GRAY", "PROCESSING_FAILED")


def sending_event(kind: Kind, mail: Accepted, letter: Letter, places: Places, now: datetime) -> dict[str, Any]:
    """The notification of one sending event, as event publishing sends it to SNS; ``now`` is UTC."""
    domain = mail.sender.rpartition("@")[2]
    tags = {"ses:from-domain": [domain], "ses:caller-identity": ["local"], "ses:source-ip": ["127.0.0.1"]}
    if mail.configuration_set:
        tags["ses:configuration-set"] = [mail.configuration_set]
    about = {
        "timestamp": _instant(mail.accepted_at),
        "source": mail.sender,
        "sourceArn": f"arn:aws:ses:{places.region}:{places.account}:identity/{domain}",
        "sendingAccountId": places.account,
        "messageId": mail.message_id,
        "destination": list(mail.to),
        **_headers(letter),
        "tags": tags | {name: [value] for name, value in mail.tags.items()},
    }
    about["commonHeaders"] |= {"messageId": mail.message_id}
    name = kind.value[0].lower() + kind.value[1:]
    return {"eventType": kind.value, "mail": about, name: _details(kind, mail, now)}


def _details(kind: Kind, mail: Accepted, now: datetime) -> dict[str, Any]:
    stamp = _instant(now)
    people = [{"emailAddress": address} for address in mail.to]
    match kind:
        case Kind.SEND:
            return {}
        case Kind.REJECT:
            return {"reason": "Bad content"}
        case Kind.DELIVERY:
            return {
                "timestamp": stamp,
                "processingTimeMillis": int((now - mail.accepted_at).total_seconds() * 1000),
                "recipients": list(mail.to),
                "smtpResponse": "250 2.6.0 Message received",
                "reportingMTA": "mta.example.com",
            }
        case Kind.BOUNCE:
            suppressed = SUPPRESSED in (address.lower() for address in mail.to)
            why = "smtp; 550 5.1.1 user unknown"
            return {
                "feedbackId": mail.message_id,
                "bounceType": "Permanent",
                "bounceSubType": "Suppressed" if suppressed else "General",
                "bouncedRecipients": [
                    person | {"action": "failed", "status": "5.1.1", "diagnosticCode": why} for person in people
                ],
                "timestamp": stamp,
                "reportingMTA": "dsn; mta.example.com",
            }
        case Kind.COMPLAINT:
            return {
                "feedbackId": mail.message_id,
                "complaintSubType": None,
                "complainedRecipients": people,
                "timestamp": stamp,
                "userAgent": "ExampleCorp Feedback Loop (V0.01)",
                "complaintFeedbackType": "abuse",
                "arrivalDate": stamp,
            }
        case Kind.DELIVERY_DELAY:
            why = "smtp; 421 4.4.1 Unable to connect to remote host"
            return {
                "timestamp": stamp,
                "delayType": "TransientCommunicationFailure",
                "expirationTime": _instant(now + timedelta(hours=14)),
                "delayedRecipients": [person | {"status": "4.4.1", "diagnosticCode": why} for person in people],
            }


def receipt(
    letter: Letter,
    message_id: str,
    *,
    recipient: str,
    source: str,
    verdicts: Verdicts,
    places: Places,
    now: datetime,
) -> dict[str, Any]:
    """The notification that a receipt rule's S3 action publishes to its topic; ``now`` is UTC."""
    found = {
        f"{name}Verdict": {"status": getattr(verdicts, name)} for name in ("spam", "virus", "spf", "dkim", "dmarc")
    }
    policy = {"dmarcPolicy": verdicts.policy} if verdicts.dmarc == "FAIL" else {}
    return {
        "notificationType": "Received",
        "mail": {
            "timestamp": _instant(now),
            "source": source,
            "messageId": message_id,
            "destination": [address for _, address in letter.to] or [recipient],
            **_headers(letter),
        },
        "receipt": {
            "timestamp": _instant(now),
            "processingTimeMillis": 0,
            "recipients": [recipient],
            **found,
            **policy,
            "action": {
                "type": "S3",
                "topicArn": places.inbound_topic,
                "bucketName": places.inbound_bucket,
                "objectKey": message_id,
            },
        },
    }


def _headers(letter: Letter) -> dict[str, Any]:
    """``headersTruncated``, ``headers`` and ``commonHeaders``."""
    kept, room = [], MOST_HEADERS
    for name, value in letter.headers:
        room -= len(name) + len(value)
        if room < 0:
            break
        kept.append({"name": name, "value": value})
    return {"headersTruncated": room < 0, "headers": kept, "commonHeaders": _common(letter)}


def _common(letter: Letter) -> dict[str, Any]:
    singles = {
        "returnPath": letter.header("Return-Path").strip("<> "),
        "date": letter.header("Date"),
        "messageId": letter.header("Message-ID").strip(),
        "subject": letter.subject,
    }
    lists = {
        key: [formataddr(pair, "utf-8") if pair[0].isascii() else f"{pair[0]} <{pair[1]}>" for pair in pairs]
        for key, pairs in (
            ("from", letters.addresses(letter.header("From"))),
            ("to", letter.to),
            ("cc", letters.addresses(letter.header("Cc"))),
            ("replyTo", letters.addresses(letter.header("Reply-To"))),
        )
    }
    return {key: value[:MOST_HEADERS] for key, value in singles.items() if value} | {
        k: v for k, v in lists.items() if v
    }


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
