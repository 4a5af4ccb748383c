"""The counter of the post office: one mail, one attempt, and an honest account of what became of it.

boto3 by itself sends one mail up to five times. Here every request goes out once; whether it is tried again is decided
where the sequence of what an attendee hears is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ProxyConnectionError,
)

from .effects import Accepted, Refusal, Refused, Send, SendNote, Unknown
from .feedback import tag_of
from .itip import address
from .ledger import Cause, Quota
from .settings import Settings, Times

PAUSED = frozenset({"AccountSuspendedException", "SendingPausedException"})
POISON = frozenset({"MessageRejected", "BadRequestException", "ValidationException", "InvalidParameterValue"})
NOTHING_LEFT = (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError, NoCredentialsError)


def client(times: Times) -> Any:
    """An SES client that makes exactly one attempt."""
    return boto3.client(
        "sesv2",
        config=Config(
            retries={"mode": "standard", "total_max_attempts": 1},
            connect_timeout=times.connect.total_seconds(),
            read_timeout=times.read.total_seconds(),
        ),
    )


def send(client: Any, settings: Settings, effect: Send) -> Accepted | Refused | Unknown:
    """Hand one letter to SES. What broke, came late or is a 5xx is :class:`Unknown`: it may have left."""
    told = effect.intent.told
    tags = {
        "event": effect.event_id,
        "registration": effect.registration_id,
        "sequence": str(told.sequence),
        "generation": str(told.generation),
        "method": told.method.value,
        **({"date": tag_of(told.part)} if told.part else {}),
        **({"separate": told.separate} if told.separate else {}),
        "attempt": effect.intent.attempt,
    }
    return _hand_over(client, settings, told.organizer, told.recipient, effect.letter.mail, tags)


def send_note(client: Any, settings: Settings, effect: SendNote) -> Accepted | Refused | Unknown:
    """Hand one note to SES. Its tags name no registration: what becomes of it says nothing of any invitation."""
    errand = effect.errand
    if errand.note is None:
        return Refused(refusal=Refusal.POISON, why=Cause.SETTLED)
    tags = {"event": errand.event_id, "note": errand.note_id, "kind": errand.kind.value}
    return _hand_over(client, settings, settings.sender.address, errand.note.recipient.email, effect.mail, tags)


def _hand_over(
    client: Any, settings: Settings, sender: str, recipient: str, mail: bytes, tags: Mapping[str, str]
) -> Accepted | Refused | Unknown:
    try:
        answer = client.send_email(
            FromEmailAddress=sender,
            Destination={"ToAddresses": [address(recipient)]},
            Content={"Raw": {"Data": mail}},
            ConfigurationSetName=settings.configuration_set,
            EmailTags=[{"Name": name, "Value": value} for name, value in tags.items()],
        )
    except ClientError as error:
        return verdict(error)
    except NOTHING_LEFT as error:
        return Refused(refusal=Refusal.BUSY, why=type(error).__name__)
    except ParamValidationError as error:
        return Refused(refusal=Refusal.POISON, why=type(error).__name__)
    except BotoCoreError as error:
        return Unknown(why=type(error).__name__)
    return Accepted(ses_id=answer["MessageId"])


def quota(client: Any) -> Quota | None:
    """What SES grants this account today, or ``None`` where it does not answer."""
    try:
        granted = client.get_account()["SendQuota"]
    except (BotoCoreError, ClientError):
        return None
    return Quota(most=granted["Max24HourSend"], sent=granted["SentLast24Hours"], rate=granted["MaxSendRate"])


def verdict(error: ClientError) -> Refused | Unknown:
    """What an answer of SES other than yes means. SES's words may name an address, so only its code is kept."""
    code = error.response["Error"]["Code"]
    words = error.response["Error"].get("Message", "").lower()
    if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400) >= 500:
        return Unknown(why=code)
    if code in PAUSED:
        return Refused(refusal=Refusal.PAUSED, why=code)
    if code == "LimitExceededException" or "quota" in words:
        return Refused(refusal=Refusal.QUOTA, why=code)
    if code in POISON and "not verified" not in words:
        return Refused(refusal=Refusal.POISON, why=code)
    # Throttled; or our own set-up is not ready (identity, permission): neither is the mail's fault, both may pass.
    return Refused(refusal=Refusal.BUSY, why=code)
