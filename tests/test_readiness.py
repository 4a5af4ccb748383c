"""What `make ready` finds, and what is read for it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import dns.exception
import dns.rdataset
import dns.resolver
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from convoke.aws import readiness as reading
from convoke.delivery import readiness
from convoke.delivery.readiness import (
    TABLES,
    Account,
    Concurrency,
    Facts,
    Finding,
    Identity,
    State,
    Subscriptions,
    Table,
    Unknown,
    findings,
)
from local import operate
from local.command import Refused
from tests import test_limits
from tests.deployment import Deployment, a_deployment, sample
from tests.factories import SENDER
from tests.tables import SETTINGS, create_tables, template

ROOT = Path(__file__).parent.parent
MX = "inbound-smtp.eu-central-1.amazonaws.com"
DOMAIN = SENDER.address.partition("@")[2]
IDENTITY = Identity(verified=True, dkim="SUCCESS", mail_from=None, mail_from_status="PENDING")
ONE = Subscriptions(confirmed=1, pending=0)
NONE = Subscriptions(confirmed=0, pending=0)


def table(name: str, **changes: bool) -> Table:
    every = {"protected": True, "recovery": True, "streams": True, "expires": True}
    return Table(name=name, **every | changes)


READY = Facts(
    sender=SENDER.address,
    domain=SENDER.domain,
    region="eu-central-1",
    receives=True,
    account=Account(production=True, sending=True, enforcement="HEALTHY"),
    identity=IDENTITY,
    recipients=frozenset({SENDER.address}),
    mx=(MX,),
    reports=ONE,
    inbound=ONE,
    alarms=ONE,
    concurrency=Concurrency(unreserved=1000, wanted=10),
    bytecode=True,
    tables=tuple(map(table, TABLES)),
)
SANDBOX = Account(production=False, sending=True, enforcement="HEALTHY")
MAIL_FROM = replace(IDENTITY, mail_from="bounce.example.org")
DEAF: dict[str, Any] = {"receives": False, "recipients": None, "mx": (), "inbound": NONE}


def tables(name: str, **changes: bool) -> dict[str, Any]:
    return {"tables": tuple(table(one, **changes) if one == name else table(one) for one in TABLES)}


FOUND: list[tuple[dict[str, Any], str, State, str]] = [
    ({}, "production access", State.OK, "any address"),
    ({"account": SANDBOX}, "production access", State.TO_DO, "Request production access"),
    ({}, "sending", State.OK, "enabled"),
    ({"account": Account(production=True, sending=False, enforcement="HEALTHY")}, "sending", State.TO_DO, "paused"),
    ({"account": Account(production=True, sending=True, enforcement="SHUTDOWN")}, "sending", State.TO_DO, "paused"),
    ({"account": Account(production=True, sending=True, enforcement="PROBATION")}, "sending", State.TO_DO, "PROBATION"),
    ({}, "identity", State.OK, f"{SENDER.domain} is verified"),
    ({"identity": None}, "identity", State.TO_DO, "CreateIdentity"),
    ({"identity": replace(IDENTITY, verified=False)}, "identity", State.TO_DO, "DkimRecord"),
    ({}, "DKIM", State.OK, "signed"),
    ({"identity": None}, "DKIM", State.TO_DO, "no identity"),
    ({"identity": replace(IDENTITY, dkim="PENDING")}, "DKIM", State.TO_DO, "PENDING"),
    ({}, "MAIL FROM", State.OK, "none was chosen"),
    ({"identity": replace(MAIL_FROM, mail_from_status="SUCCESS")}, "MAIL FROM", State.OK, "bounce.example.org"),
    ({"identity": replace(MAIL_FROM, mail_from_status="FAILED")}, "MAIL FROM", State.TO_DO, "FAILED"),
    ({}, "sender", State.OK, SENDER.domain),
    ({"sender": "a@mail." + SENDER.domain}, "sender", State.OK, SENDER.domain),
    ({"sender": "a@not" + SENDER.domain}, "sender", State.TO_DO, "is not within"),
    ({}, "receipt rule set", State.OK, "takes mail"),
    ({"recipients": frozenset({DOMAIN})}, "receipt rule set", State.OK, "takes mail"),
    ({"recipients": None}, "receipt rule set", State.TO_DO, "make receive"),
    ({"recipients": frozenset({"else@example.org"})}, "receipt rule set", State.TO_DO, "ReceiptRuleSet"),
    (DEAF, "receipt rule set", State.OK, "not needed"),
    ({}, "MX record", State.OK, "leads to SES"),
    ({"mx": ()}, "MX record", State.TO_DO, f"publish MX 10 {MX}"),
    ({"mx": (MX, "mx.example.org")}, "MX record", State.TO_DO, "other hosts"),
    (DEAF, "MX record", State.OK, "not needed"),
    ({}, "SES reports", State.OK, "received"),
    ({"reports": NONE}, "SES reports", State.TO_DO, "deploy again"),
    ({}, "incoming mail", State.OK, "a function"),
    ({"inbound": NONE}, "incoming mail", State.TO_DO, "deploy again"),
    (DEAF, "incoming mail", State.OK, "not needed"),
    ({}, "alarms", State.OK, "somebody"),
    ({"alarms": NONE}, "alarms", State.TO_DO, "AlarmEmail"),
    ({"alarms": Subscriptions(confirmed=1, pending=1)}, "alarms", State.TO_DO, "has not confirmed"),
    ({}, "concurrency", State.OK, "1000"),
    ({"concurrency": Concurrency(unreserved=10, wanted=10)}, "concurrency", State.TO_DO, "Service Quotas"),
    ({"concurrency": Concurrency(unreserved=10, wanted=9)}, "concurrency", State.OK, "10"),
    ({}, "bytecode", State.OK, "compiled"),
    ({"bytecode": False}, "bytecode", State.TO_DO, "python3.13"),
    ({}, "deletion protection", State.OK, "no table"),
    *((tables(name, protected=False), "deletion protection", State.TO_DO, f"deleted: {name}. Now") for name in TABLES),
    ({}, "tables", State.OK, "as deployed"),
    *((tables(name, recovery=False), "tables", State.TO_DO, f"{name} lacks point-in-time rec") for name in TABLES),
    (tables("registrations", streams=False), "tables", State.TO_DO, "registrations lacks its stream"),
    (tables("registrations", expires=False), "tables", State.OK, "as deployed"),
    (tables("invitations", expires=False), "tables", State.TO_DO, "invitations lacks its time to live"),
    (tables("invitations", streams=False), "tables", State.OK, "as deployed"),
    (tables("webhooks", streams=False, expires=False), "tables", State.TO_DO, "its stream and its time to live"),
]


@pytest.mark.parametrize(("changes", "what", "state", "words"), FOUND)
def test_each_fact_is_found_to_be_so_and_what_to_do_is_said(
    changes: dict[str, Any], what: str, state: State, words: str
) -> None:
    (found,) = (one for one in findings(replace(READY, **changes)) if one.what == what)
    assert (found.state, words in found.why) == (state, True), found


def test_everything_that_can_be_found_is_in_the_table_above_as_it_should_be_and_as_it_should_not() -> None:
    assert {one.what for one in findings(READY)} == {what for _, what, _, _ in FOUND}
    for wanted in (State.OK, State.TO_DO):
        assert {one.what for one in findings(READY)} == {what for _, what, state, _ in FOUND if state is wanted}


def test_a_deployment_that_has_everything_has_nothing_left_to_do() -> None:
    assert readiness.counts(findings(READY)) == {State.OK: len(findings(READY)), State.TO_DO: 0, State.UNKNOWN: 0}


def test_what_could_not_be_read_is_unknown_and_says_why() -> None:
    unknown = Unknown(why="GetAccount: AccessDeniedException")
    read = ("account", "identity", "recipients", "mx", "reports", "inbound", "alarms", "concurrency", "tables")
    changes: dict[str, Any] = dict.fromkeys(read, unknown)
    facts = replace(READY, **changes)
    known = {one.what for one in findings(facts) if one.state is not State.UNKNOWN}
    assert known == {"sender", "bytecode"}
    assert {one.why for one in findings(facts) if one.state is State.UNKNOWN} == {unknown.why}


def test_no_finding_names_an_address() -> None:
    for changes, _, _, _ in FOUND:
        assert "@" not in str(findings(replace(READY, **changes)))


def test_streams_and_times_to_live_are_wanted_where_the_template_has_them() -> None:
    made = {
        name.lower(): one["Properties"] for name, one in template()["Resources"].items() if "::Table" in one["Type"]
    }
    assert made.keys() == set(TABLES)
    assert {name for name in made if "StreamSpecification" in made[name]} == readiness.STREAMS
    assert {name for name in made if "TimeToLiveSpecification" in made[name]} == readiness.EXPIRES


# --- reading ------------------------------------------------------------------------------------------------------


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        yield


class Client:
    """A client of AWS whose every operation gives one answer, or raises it."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def __getattr__(self, _: str) -> Callable[..., Any]:
        def call(**_: Any) -> Any:
            if isinstance(self._answer, Exception):
                raise self._answer
            return self._answer

        return call


REFUSED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "arn:aws:iam::1:role/x"}}, "GetIt")
TOPICS = reading.Topics(
    reports_queue="https://sqs/1/Reports",
    reports="arn:aws:sns:a:b:r",
    inbound="arn:aws:sns:a:b:i",
    alarms="arn:aws:sns:a:b:a",
)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (REFUSED, "GetIt: AccessDeniedException"),
        (EndpointConnectionError(endpoint_url="https://ses"), "EndpointConnectionError"),
        ({}, "Error"),
        (None, "TypeError"),
        ("text", "Error"),
    ],
)
def test_whatever_aws_answers_nothing_is_raised(answer: Any, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "client", lambda _: Client(answer))
    monkeypatch.setattr(dns.resolver, "resolve", lambda *_, **__: [])
    facts = reading.read(SETTINGS, TOPICS, "eu-central-1")
    assert isinstance(facts.account, Unknown)
    assert why in facts.account.why
    found = findings(facts)
    assert {one.state for one in found if one.what in ("SES reports", "tables")} == {State.UNKNOWN}
    assert "role/x" not in str(found)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (dns.resolver.NXDOMAIN, ()),
        (dns.resolver.NoAnswer, ()),
        (dns.resolver.NoNameservers, Unknown(why="mail_exchangers: NoNameservers")),
        (dns.exception.Timeout, Unknown(why="mail_exchangers: Timeout")),
    ],
)
def test_a_domain_that_does_not_exist_has_no_mail_host_and_a_silent_resolver_says_nothing(
    answer: type[Exception], found: Any
) -> None:
    with patch.object(dns.resolver, "resolve", side_effect=answer):
        assert reading.mail_exchangers("example.org") == found


def test_the_hosts_of_a_domain_are_read_as_names() -> None:
    records = dns.rdataset.from_text("IN", "MX", 60, f"10 {MX.upper()}.", "5 a.example.org.")
    with patch.object(dns.resolver, "resolve", return_value=records):
        assert reading.mail_exchangers("example.org") == ("a.example.org", MX)


@pytest.mark.usefixtures("aws")
def test_an_identity_is_read_as_ses_has_it() -> None:
    assert reading.identity("example.org") is None
    boto3.client("sesv2").create_email_identity(EmailIdentity="example.org")
    assert reading.identity("example.org") == Identity(
        verified=False, dkim="disabled", mail_from=None, mail_from_status="PENDING"
    )


@pytest.mark.usefixtures("aws")
def test_only_what_the_active_rule_set_takes_counts() -> None:
    ses = boto3.client("ses")
    assert reading.recipients() is None
    ses.create_receipt_rule_set(RuleSetName="ours")
    for name, enabled in (("on", True), ("off", False)):
        rule = {"Name": name, "Enabled": enabled, "Recipients": [f"{name}@example.org"], "Actions": []}
        ses.create_receipt_rule(RuleSetName="ours", Rule=rule)
    assert reading.recipients() is None
    ses.set_active_receipt_rule_set(RuleSetName="ours")
    assert reading.recipients() == frozenset({"on@example.org"})


def test_a_subscription_counts_once_it_is_confirmed() -> None:
    class Sns:
        def get_paginator(self, _: str) -> Sns:
            return self

        def paginate(self, **_: str) -> list[dict[str, Any]]:
            arns = ["arn:aws:sns:eu-central-1:1:t:1", "PendingConfirmation", "Deleted"]
            return [{"Subscriptions": [{"SubscriptionArn": arn}]} for arn in arns]

    with patch.object(reading, "client", lambda _: Sns()):
        assert reading.subscriptions("arn") == Subscriptions(confirmed=1, pending=1)


@pytest.mark.usefixtures("aws")
def test_a_table_s_settings_are_read() -> None:
    client = boto3.client("dynamodb")
    create_tables(client)
    before = reading.table("webhooks", SETTINGS.webhooks_table)
    client.update_continuous_backups(
        TableName=SETTINGS.webhooks_table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    client.update_time_to_live(
        TableName=SETTINGS.webhooks_table,
        TimeToLiveSpecification={"AttributeName": "expires_at", "Enabled": True},
    )
    after = reading.table("webhooks", SETTINGS.webhooks_table)
    assert after == replace(before, recovery=True, expires=True)
    client.delete_table(TableName=SETTINGS.invitations_table)
    assert reading.tables(SETTINGS) == Unknown(why="DescribeTable: ResourceNotFoundException")


def test_only_our_own_queues_and_streams_count_against_the_limit() -> None:
    queue = "arn:aws:sqs:eu-central-1:1:"
    stream = "arn:aws:dynamodb:eu-central-1:1:table/"
    mappings = [
        {"EventSourceArn": f"{queue}{SETTINGS.urgent_queue}", "ScalingConfig": {"MaximumConcurrency": 2}},
        {"EventSourceArn": f"{queue}other", "ScalingConfig": {"MaximumConcurrency": 500}},
        {"EventSourceArn": f"{stream}{SETTINGS.registrations_table}/stream/2027", "ParallelizationFactor": 2},
        {"EventSourceArn": f"{stream}Other{SETTINGS.registrations_table}/stream/2027", "ParallelizationFactor": 9},
    ]

    class Lambda:
        def get_account_settings(self) -> dict[str, Any]:
            return {"AccountLimit": {"UnreservedConcurrentExecutions": 10}}

        def get_paginator(self, _: str) -> Lambda:
            return self

        def paginate(self) -> list[dict[str, Any]]:
            return [{"EventSourceMappings": mappings[:2]}, {"EventSourceMappings": mappings[2:]}]

    with patch.object(reading, "client", lambda _: Lambda()):
        assert reading.concurrency(SETTINGS, TOPICS.reports_queue) == Concurrency(unreserved=10, wanted=4)


def test_every_queue_and_stream_that_the_template_reads_from_counts() -> None:
    class Lambda:
        def get_account_settings(self) -> dict[str, Any]:
            return {"AccountLimit": {"UnreservedConcurrentExecutions": 1000}}

        def get_paginator(self, _: str) -> Lambda:
            return self

        def paginate(self) -> list[dict[str, Any]]:
            return [{"EventSourceMappings": list(test_limits.MAPPINGS.values())}]

    with patch.object(reading, "client", lambda _: Lambda()):
        assert reading.concurrency(SETTINGS, TOPICS.reports_queue) == Concurrency(
            unreserved=1000, wanted=int(test_limits.at_once())
        )


# --- the function, and the command --------------------------------------------------------------------------------


def ready(deployed: Deployment, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    topics = {
        name: boto3.client("sns").create_topic(Name=name)["TopicArn"] for name in ("FeedbackTopic", "InboundTopic")
    }
    topics["Alarms"] = boto3.client("sns").create_topic(Name="Alarms")["TopicArn"]
    for name, arn in zip(("FEEDBACK_TOPIC", "INBOUND_TOPIC", "ALARMS_TOPIC"), topics.values(), strict=True):
        monkeypatch.setenv(name, arn)
    monkeypatch.setenv("REPORTS_QUEUE", TOPICS.reports_queue)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setattr(dns.resolver, "resolve", lambda *_, **__: [])
    real = reading.client
    monkeypatch.setattr(reading, "client", lambda name: deployed.office if name == "sesv2" else real(name))
    found: list[dict[str, str]] = deployed.call("ready", sample("ready"))["findings"]
    return found


def test_the_function_finds_what_is_so_in_its_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_deployment(monkeypatch) as deployed:
        found = {one["what"]: one["state"] for one in ready(deployed, monkeypatch)}
    assert found.keys() == {one.what for one in findings(READY)}
    assert (found["identity"], found["alarms"], found["deletion protection"]) == ("to do",) * 3


def test_the_command_shows_each_finding_and_counts_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = [
        Finding(what="sending", state=State.OK, why="enabled"),
        Finding(what="alarms", state=State.TO_DO, why="deploy with AlarmEmail"),
        Finding(what="identity", state=State.UNKNOWN, why="GetEmailIdentity: 404"),
    ]
    payload = {"findings": [{"what": one.what, "state": one.state.value, "why": one.why} for one in said]}
    monkeypatch.setattr(operate, "described_stack", lambda _: ({}, {"ReadyFunction": "ready"}))
    monkeypatch.setattr("boto3.client", lambda _, **__: Client({"Payload": io.BytesIO(json.dumps(payload).encode())}))
    answer = operate.COMMANDS["ready"](SETTINGS, {}, str)
    assert answer == "1 ok, 1 to do, 1 unknown."
    assert isinstance(answer, Refused), "a script sees by the exit status that something is to be done"
    assert capsys.readouterr().out.splitlines() == [
        "ok       sending: enabled",
        "to do    alarms: deploy with AlarmEmail",
        "unknown  identity: GetEmailIdentity: 404",
    ]


@pytest.mark.parametrize("payload", ['{"errorMessage": "x"}', "null", "<html>", '{"findings": [{"state": "?"}]}'])
def test_a_function_that_fails_is_said_in_a_line(payload: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operate, "described_stack", lambda _: ({}, {"ReadyFunction": "ready"}))
    monkeypatch.setattr("boto3.client", lambda _, **__: Client({"Payload": io.BytesIO(payload.encode())}))
    with pytest.raises(operate.CannotTell, match="did not answer"):
        operate.COMMANDS["ready"](SETTINGS, {}, str)


def test_a_deployment_ends_with_what_it_still_needs() -> None:
    (recipe,) = re.findall(r"^deploy:  ##.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert "-m local.operate ready || true" in recipe.splitlines()[-1], "which does not fail where something is left"
