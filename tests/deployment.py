"""All handlers over moto, as Lambda would call them: environment, tables, queues, and a post office to look into."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from convoke.aws import runtime, ses
from convoke.model import Method
from convoke.settings import settings
from convoke.store import keys
from convoke.store.store import Store, store
from convoke.web import context
from tests import policies
from tests.factories import NOW, SENDER
from tests.tables import SETTINGS, create_tables

EVENTS = Path(__file__).parent.parent / "events"
HANDLERS = (
    "api",
    "authorize",
    "notify",
    "deliver",
    "sweep",
    "audit",
    "ready",
    "feedback",
    "replies",
    "hooks",
    "imports",
    "sources",
)


def sample(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return loaded


class Context(SimpleNamespace):
    """What Lambda gives to a handler beside the event."""

    def __init__(self, remaining_ms: int = 30_000) -> None:
        super().__init__(
            function_name="convoke",
            memory_limit_in_mb=512,
            invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:convoke",
            aws_request_id="6f747d92-6a3b-4a5e-8c57-1d0f6a1f9c1e",
        )
        self.get_remaining_time_in_millis = lambda: remaining_ms


class PostOffice:
    """Stands where boto3's SES client stands; keeps what it is given."""

    def __init__(self) -> None:
        self.accepted: list[dict[str, Any]] = []

    def send_email(self, **request: Any) -> dict[str, str]:
        policies.asked("sesv2", "SendEmail", request)
        self.accepted.append(request)
        return {"MessageId": f"ses-{len(self.accepted)}"}

    def get_account(self) -> dict[str, Any]:
        policies.asked("sesv2", "GetAccount", {})
        return {
            "ProductionAccessEnabled": True,
            "SendingEnabled": True,
            "EnforcementStatus": "HEALTHY",
            "SendQuota": {"Max24HourSend": 50_000.0, "SentLast24Hours": 0.0, "MaxSendRate": 14.0},
        }

    def get_email_identity(self, **request: str) -> dict[str, Any]:
        policies.asked("sesv2", "GetEmailIdentity", request)
        return {
            "VerifiedForSendingStatus": False,
            "DkimAttributes": {"SigningEnabled": True, "Status": "PENDING"},
            "MailFromAttributes": {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"},
        }

    def said(self) -> list[tuple[str, Method, str]]:
        """To whom, METHOD, subject of all mails, in order."""
        return [self._read(request) for request in self.accepted]

    def _read(self, request: dict[str, Any]) -> tuple[str, Method, str]:
        mail = message_from_bytes(request["Content"]["Raw"]["Data"], policy=policy.default)
        (calendar,) = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
        to = request["Destination"]["ToAddresses"][0]
        return to, Method(str(calendar.get_param("method"))), str(mail["Subject"])


class Deployment:
    """The functions, and what rings their doorbells."""

    def __init__(self, settings_: Any, client: Any, office: PostOffice) -> None:
        self.settings = settings_
        self.client = client
        self.office = office
        self.store = Store(client, settings_)
        self.reads = self.store.reads

    def call(self, function: str, event: dict[str, Any]) -> Any:
        """Raises :class:`policies.Denied` where it asks AWS for what its role does not allow."""
        with policies.acting_as(function.title()):
            # The sweep may run for a minute, of which it leaves the last half to what takes long.
            return import_module(function).handler(event, Context(60_000 if function == "sweep" else 30_000))

    def ring(self, *rows: keys.Key) -> Any:
        """The stream's records of these items, to notify."""
        record = sample("notify-event")["Records"][0]
        records = []
        for number, row in enumerate(rows):
            change = record["dynamodb"] | {
                "Keys": {name: {"S": value} for name, value in row.items()},
                "SequenceNumber": str(number),
            }
            records.append(record | {"dynamodb": change, "eventID": str(number)})
        return self.call("notify", {"Records": records})

    def drain(self) -> None:
        """What is in the queues, to deliver, until they are empty."""
        sqs = boto3.client("sqs")
        for _ in range(100):
            waiting = [
                (url, message)
                for url in (self.settings.urgent_queue, self.settings.ordinary_queue)
                for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            ]
            if not waiting:
                return
            for url, message in waiting:
                record = sample("deliver-batch")["Records"][0] | {"body": message["Body"]}
                assert self.call("deliver", {"Records": [record]}) == {"batchItemFailures": []}
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        raise AssertionError("the queues never ran dry")


@contextmanager
def a_deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """A fresh one; no client or setting of an earlier one is left."""
    with mock_aws():
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        client = boto3.client("dynamodb")
        create_tables(client)
        sqs = boto3.client("sqs")
        environment = {
            "REGISTRATIONS_TABLE": SETTINGS.registrations_table,
            "INVITATIONS_TABLE": SETTINGS.invitations_table,
            "ACCOUNTS_TABLE": SETTINGS.accounts_table,
            "WEBHOOKS_TABLE": SETTINGS.webhooks_table,
            "URGENT_QUEUE": sqs.create_queue(QueueName="urgent")["QueueUrl"],
            "ORDINARY_QUEUE": sqs.create_queue(QueueName="ordinary")["QueueUrl"],
            "HOOKS_QUEUE": sqs.create_queue(QueueName="hooks")["QueueUrl"],
            "IMPORTS_QUEUE": sqs.create_queue(QueueName="imports")["QueueUrl"],
            "SENDER_ADDRESS": SENDER.address,
            "UID_DOMAIN": SENDER.domain,
            "RECEIVE_REPLIES": "true",
            "CONFIGURATION_SET": "sending",
            "PUBLIC_URL": SETTINGS.public_url,
            "SOURCE_STREAMS": ",".join([*policies.FOLLOWS.values(), ""]),
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        office = PostOffice()
        monkeypatch.setattr(ses, "client", lambda _: office)
        # Else every test would fail on the day when its event is over.
        monkeypatch.setattr(runtime, "clock", lambda: NOW)
        monkeypatch.setattr(context, "now", lambda: NOW)
        forget_what_is_warm()
        yield Deployment(settings(), client, office)
        forget_what_is_warm()


def forget_what_is_warm() -> None:
    """What a warm container keeps between calls must not outlive a test."""
    settings.cache_clear()
    store.cache_clear()
    runtime.aws.cache_clear()
    for name in HANDLERS:
        for value in vars(import_module(name)).values():
            if hasattr(value, "cache_clear") and getattr(value, "__module__", None) == name:
                value.cache_clear()
