"""Makes exactly one attempt to send a mail through SES (API v2, ``SendEmail``), and classifies the result.

boto3 by default repeats a failed request, and so may send one mail several times. Here each request is made once;
``delivery.reconcile`` and ``delivery.notify`` decide whether to try again, since they know the order of the messages.
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

from ..calendar.content_lines import address
from ..decision.invitation import Cause, Quota
from ..effects import (
    Accepted,
    Refusal,
    Refused,
    Send,
    SendNotification,
    Unknown,
)
from ..mail.notifications import NOBODY, registration_of
from ..model import basic
from ..settings import Settings, Times
from ..store import dynamo

PAUSED = frozenset(
    {
        "AccountSendingPausedException",
        "AccountSuspendedException",
        "ConfigurationSetSendingPausedException",
        "SendingPausedException",
    }
)
"""Error codes of an account or configuration set that may not send."""
POISON = frozenset({"MessageRejected", "BadRequestException", "ValidationException", "InvalidParameterValue"})
"""Error codes of a mail that SES will never accept."""
KNOWN_CODES = (
    *sorted(PAUSED | POISON),
    *("LimitExceededException", "MailFromDomainNotVerifiedException", "NotFoundException", "TooManyRequestsException"),
    *("AccessDeniedException", "ThrottlingException"),
)
"""The codes that have a metric of their own: those above, the others that SES documents for ``SendEmail``, and two of
the errors that all services of AWS have in common.
"""
NOT_SENT = (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError, NoCredentialsError)
"""Errors after which the request cannot have reached SES."""


def client(times: Times) -> Any:
    """An SES client that makes each request once, with the connect and read timeouts of ``times``."""
    return boto3.client(
        "sesv2",
        config=Config(
            retries={"mode": "standard", "total_max_attempts": 1},
            connect_timeout=times.connect.total_seconds(),
            read_timeout=times.read.total_seconds(),
            max_pool_connections=dynamo.MAX_CONNECTIONS,
            user_agent=dynamo.USER_AGENT,
        ),
    )


def send(client: Any, settings: Settings, effect: Send, mail: bytes) -> Accepted | Refused | Unknown:
    """Send ``mail``, the rendered mail of one message with its personal links.

    :class:`Unknown` after a broken connection, a read timeout or a 5xx: the mail may have been sent. The tags come back
    in SES's event publishing; ``delivery.ses_events`` reads them.
    """
    calendar_state = effect.intent.calendar_state
    tags = {
        "event": effect.event_id,
        "registration": effect.registration_id,
        "sequence": str(calendar_state.sequence),
        "generation": str(calendar_state.generation),
        "method": calendar_state.method.value,
        **({"date": basic(calendar_state.part)} if calendar_state.part else {}),
        **({"separate": calendar_state.separate} if calendar_state.separate else {}),
        "attempt": effect.intent.attempt,
    }
    return _send_raw(client, settings, calendar_state.organizer, calendar_state.recipient, mail, tags)


def send_notification(client: Any, settings: Settings, effect: SendNotification) -> Accepted | Refused | Unknown:
    """Send one notification. Its tags name the registration whose address it goes to, if it goes to one, and no
    SEQUENCE, so that reports about it are not taken for an invitation's; the registration that it is stored with, if
    that is another; and the fence of the claim.

    Answers as :func:`send` does.
    """
    notification_state = effect.notification_state
    if notification_state.notification is None:
        return Refused(refusal=Refusal.POISON, why=Cause.SETTLED)
    stored_with = notification_state.registration_id
    whose = registration_of(notification_state)
    tags = {
        "event": notification_state.event_id,
        **({"registration": whose} if whose else {}),
        **({"stored-with": stored_with or NOBODY} if whose and whose != stored_with else {}),
        "notification": notification_state.notification_id,
        "kind": (notification_state.sent_as or notification_state.kind).value,
        "fence": str(notification_state.fence),
    }
    return _send_raw(
        client, settings, settings.sender.address, notification_state.notification.recipient.email, effect.mail, tags
    )


def _send_raw(
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
    except NOT_SENT as error:
        return Refused(refusal=Refusal.BUSY, why=type(error).__name__)
    except ParamValidationError as error:
        return Refused(refusal=Refusal.POISON, why=type(error).__name__)
    except BotoCoreError as error:
        return Unknown(why=type(error).__name__)
    return Accepted(ses_id=answer["MessageId"])


def metric_of(code: str) -> str:
    """The name of the metric that counts refusals with this error code: one of a fixed number, whatever SES says."""
    return f"Refused.{code if code in KNOWN_CODES else 'other'}"


def quota(client: Any) -> Quota | None:
    """The account's sending quota (``GetAccount``), or ``None`` if SES does not answer."""
    try:
        granted = client.get_account()["SendQuota"]
    except (BotoCoreError, ClientError):
        return None
    return Quota(most=granted["Max24HourSend"], sent=granted["SentLast24Hours"], rate=granted["MaxSendRate"])


def verdict(error: ClientError) -> Refused | Unknown:
    """Classify an error response of SES. Only its code is kept, since its message may contain an address."""
    code = error.response["Error"]["Code"]
    message = error.response["Error"].get("Message", "").lower()
    if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400) >= 500:
        return Unknown(why=code)
    # SES may report a pause as MessageRejected, as its older API did; only the message text tells the two apart.
    if code in PAUSED or (code == "MessageRejected" and "paused" in message):
        return Refused(refusal=Refusal.PAUSED, why=code)
    if code == "LimitExceededException" or "quota" in message:
        return Refused(refusal=Refusal.QUOTA, why=code)
    if code in POISON and "not verified" not in message:
        return Refused(refusal=Refusal.POISON, why=code)
    # Throttled, or the set-up is not complete (identity, permission): not a fault of the mail, so a later try may work.
    return Refused(refusal=Refusal.BUSY, why=code)
