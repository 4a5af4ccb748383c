"""Reads what ``delivery.readiness`` decides on: from SES, SNS, Lambda, DynamoDB, the DNS and the layer itself.

Only reads. What cannot be read, for whatever reason, becomes ``Unknown``, and the rest is read all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import boto3
import dns.exception
import dns.resolver
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ..delivery.readiness import (
    TABLES,
    Account,
    Concurrency,
    Facts,
    Identity,
    Subscriptions,
    Table,
    Unknown,
)
from ..model import frozen
from ..settings import Settings

Arguments = ParamSpec("Arguments")
Found = TypeVar("Found")
SECONDS = 3
"""How long one request, or one look-up in the DNS, may take."""
CONFIG = Config(retries={"total_max_attempts": 2}, connect_timeout=SECONDS, read_timeout=SECONDS)


@frozen
class Topics:
    """The ARNs of the topics: of SES's reports, of incoming mail, and of alarms; and the URL of the reports' queue."""

    reports_queue: str
    reports: str
    inbound: str
    alarms: str


def or_unknown(read: Callable[Arguments, Found]) -> Callable[Arguments, Found | Unknown]:
    """``read``, which answers :class:`Unknown` where it raises: also for an answer that is not what AWS documents."""

    @wraps(read)
    def tried(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Found | Unknown:
        try:
            return read(*args, **kwargs)
        except ClientError as error:
            return Unknown(why=f"{error.operation_name}: {error.response['Error']['Code']}")
        except (BotoCoreError, dns.exception.DNSException, AttributeError, LookupError, TypeError, ValueError) as error:
            return Unknown(why=f"{read.__name__}: {type(error).__name__}")

    return tried


def read(settings: Settings, topics: Topics, region: str) -> Facts:
    """What is so now."""
    sender = settings.sender
    return Facts(
        sender=sender.address,
        domain=sender.domain,
        region=region,
        receives=sender.receives_replies,
        account=account(),
        identity=identity(sender.domain),
        recipients=recipients(),
        mx=mail_exchangers(sender.address.partition("@")[2]),
        reports=subscriptions(topics.reports),
        inbound=subscriptions(topics.inbound),
        alarms=subscriptions(topics.alarms),
        concurrency=concurrency(settings, topics.reports_queue),
        bytecode=Path(cache_from_source(__file__)).exists(),
        tables=tables(settings),
    )


def client(service: str) -> Any:
    made: Callable[..., Any] = boto3.client
    return made(service, config=CONFIG)


@or_unknown
def account() -> Account:
    said = client("sesv2").get_account()
    return Account(
        production=said["ProductionAccessEnabled"],
        sending=said["SendingEnabled"],
        enforcement=said["EnforcementStatus"],
    )


@or_unknown
def identity(domain: str) -> Identity | None:
    try:
        said = client("sesv2").get_email_identity(EmailIdentity=domain)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NotFoundException":
            return None
        raise
    signing, mail_from = said.get("DkimAttributes", {}), said.get("MailFromAttributes", {})
    return Identity(
        verified=said["VerifiedForSendingStatus"],
        dkim=signing.get("Status", "NOT_STARTED") if signing.get("SigningEnabled") else "disabled",
        mail_from=mail_from.get("MailFromDomain") or None,
        mail_from_status=mail_from.get("MailFromDomainStatus", "PENDING"),
    )


@or_unknown
def recipients() -> frozenset[str] | None:
    said = client("ses").describe_active_receipt_rule_set()
    if "Metadata" not in said:
        return None
    return frozenset(to for rule in said.get("Rules", []) if rule.get("Enabled") for to in rule.get("Recipients", []))


@or_unknown
def mail_exchangers(domain: str) -> tuple[str, ...]:
    """The hosts of the domain's MX records; none where the domain has none."""
    try:
        answer = dns.resolver.resolve(domain, "MX", lifetime=SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return ()
    return tuple(sorted(str(one.exchange).rstrip(".").lower() for one in answer))


@or_unknown
def subscriptions(topic: str) -> Subscriptions:
    pages = client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    arns = [one["SubscriptionArn"] for page in pages for one in page["Subscriptions"]]
    # A subscription that was given up is listed for a while, as "Deleted".
    return Subscriptions(
        confirmed=sum(arn.startswith("arn:") for arn in arns), pending=arns.count("PendingConfirmation")
    )


@or_unknown
def concurrency(settings: Settings, reports_queue: str) -> Concurrency:
    functions = client("lambda")
    queues = (
        *(settings.urgent_queue, settings.ordinary_queue, settings.hooks_queue, settings.imports_queue),
        reports_queue,
    )
    sources = (
        *(f":{queue.rpartition('/')[2]}" for queue in queues),
        *(f":table/{name}" for name in (settings.registrations_table, settings.webhooks_table)),
    )
    mappings = functions.get_paginator("list_event_source_mappings").paginate()
    ours = [
        mapping
        for page in mappings
        for mapping in page["EventSourceMappings"]
        if mapping["EventSourceArn"].partition("/stream/")[0].endswith(sources)
    ]
    limit = functions.get_account_settings()["AccountLimit"]
    return Concurrency(unreserved=limit["UnreservedConcurrentExecutions"], wanted=sum(map(at_once, ours)))


def at_once(mapping: Mapping[str, Any]) -> int:
    """The instances that a queue, or one shard of a stream, keeps busy at most."""
    return int(mapping.get("ScalingConfig", {}).get("MaximumConcurrency") or mapping.get("ParallelizationFactor") or 1)


@or_unknown
def tables(settings: Settings) -> tuple[Table, ...]:
    return tuple(table(name, getattr(settings, f"{name}_table")) for name in TABLES)


def table(name: str, real_name: str) -> Table:
    database = client("dynamodb")
    described = database.describe_table(TableName=real_name)["Table"]
    backups = database.describe_continuous_backups(TableName=real_name)["ContinuousBackupsDescription"]
    expiry = database.describe_time_to_live(TableName=real_name)["TimeToLiveDescription"]
    return Table(
        name=name,
        protected=described.get("DeletionProtectionEnabled", False),
        recovery=backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED",
        streams=described.get("StreamSpecification", {}).get("StreamEnabled", False),
        expires=expiry["TimeToLiveStatus"] in ("ENABLED", "ENABLING"),
    )
