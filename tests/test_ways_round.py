"""Each gap of the pinned emulator: a test fails when it is closed, or when our way no longer leads round it."""

from __future__ import annotations

import base64
import json
import socket
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator import PYTHON
from local.emulator_process import MANY, SharedArchive
from tests.caller import routes
from tests.running import Running

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

PACKAGES = PYTHON.parent.parent / "lib"
FAILS = "def handler(event, context):\n    raise ValueError('as ordered')\n"
PEEKS = "import ministack\ndef handler(event, context):\n    return 'seen'\n"
ASSUME = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def function(code: str) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"ZipFile": code},
        },
    }


# A small stack with everything that the emulator does not do, as a template would have it.
GAPS: dict[str, Any] = {
    "Parameters": {"Most": {"Type": "Number", "Default": 2}},
    "Resources": {
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {
                "Body": {
                    "openapi": "3.0.1",
                    "info": {"title": "gaps", "version": "1"},
                    "paths": {"/here": {"get": {"x-amazon-apigateway-integration": {"type": "http_proxy"}}}},
                }
            },
        },
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
                "StreamSpecification": {"StreamViewType": "KEYS_ONLY"},
            },
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": ASSUME,
                "Policies": [{"PolicyName": "all", "PolicyDocument": ALLOW}],
            },
        },
        "Fails": function(FAILS),
        "Peeks": function(PEEKS),
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Failures": {"Type": "AWS::SQS::Queue"},
        "FromTable": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "FunctionName": {"Ref": "Fails"},
                "EventSourceArn": {"Fn::GetAtt": ["Table", "StreamArn"]},
                "StartingPosition": "TRIM_HORIZON",
                "MaximumRetryAttempts": 1,
                "DestinationConfig": {"OnFailure": {"Destination": {"Fn::GetAtt": ["Failures", "Arn"]}}},
            },
        },
        "FromQueue": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "FunctionName": {"Ref": "Peeks"},
                "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
                "ScalingConfig": {"MaximumConcurrency": {"Ref": "Most"}},
            },
        },
    },
}


@pytest.fixture(scope="module")
def gaps(stack: Running) -> Iterator[dict[str, str]]:
    """The small stack's physical ids."""
    formation = stack.client("cloudformation")
    formation.create_stack(
        StackName="gaps",
        TemplateBody=json.dumps(GAPS),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": "Most", "ParameterValue": "2"}],
    )
    formation.get_waiter("stack_create_complete").wait(StackName="gaps", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    resources = formation.describe_stack_resources(StackName="gaps")["StackResources"]
    yield {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}
    formation.delete_stack(StackName="gaps")


def test_an_http_api_gets_no_routes_from_a_template(stack: Running, gaps: dict[str, str]) -> None:
    assert stack.client("apigatewayv2").get_routes(ApiId=gaps["Api"])["Items"] == []


def test_our_routes_lead_to_the_functions_as_the_template_says(stack: Running) -> None:
    gateway, api = stack.client("apigatewayv2"), stack.physical_id("HttpApi")
    made = {route["RouteKey"]: route for route in gateway.get_routes(ApiId=api)["Items"]}
    free = {key for key, route in made.items() if route["AuthorizationType"] == "NONE"}
    pages = {f"{method} /{page}/{{proxy+}}" for method in ("ANY", "HEAD") for page in "ercfu"}
    pages |= {"GET /assets/{name}", "HEAD /assets/{name}"}
    pages |= {f"{method} {path}" for method in ("ANY", "HEAD") for path in ("/console", "/console/{proxy+}")}
    pages |= {"ANY /", "HEAD /"}
    public = {f"{method} {path}" for method in ("GET", "HEAD") for path in ("/docs", "/docs/{asset}", "/health")}
    public |= {"GET /openapi.json", "HEAD /openapi.json"}
    assert free == {*public, "$default", *pages}
    assert made.keys() == {*routes(), *public, "$default", "HEAD /{proxy+}", *pages}
    with urllib.request.urlopen(f"{stack.description['api']}/openapi.json", timeout=10) as answer:  # noqa: S310
        described = json.load(answer)["paths"]
    documented = {f"{method.upper()} {path}" for path, methods in described.items() for method in methods}
    assert documented <= made.keys()


def test_time_to_live_in_a_template_is_not_applied_but_ours_is(stack: Running, gaps: dict[str, str]) -> None:
    database = stack.client("dynamodb")
    there = database.describe_time_to_live(TableName=gaps["Table"])["TimeToLiveDescription"]
    assert there["TimeToLiveStatus"] == "DISABLED"
    for name in ("invitations", "accounts"):
        ours = database.describe_time_to_live(TableName=stack.description["tables"][name])["TimeToLiveDescription"]
        assert ours == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}


def test_a_number_from_a_parameter_stays_text_and_its_queue_is_never_read(stack: Running, gaps: dict[str, str]) -> None:
    """That ours are read, the story shows: its changes go through them."""
    sqs = stack.client("sqs")
    sqs.send_message(QueueUrl=gaps["Queue"], MessageBody="{}")
    stack.eventually(lambda: "ESM SQS poller error: '>=' not supported" in stack.log("emulator"))
    depth = sqs.get_queue_attributes(QueueUrl=gaps["Queue"], AttributeNames=["ApproximateNumberOfMessages"])
    assert depth["Attributes"]["ApproximateNumberOfMessages"] == "1"


def test_a_stream_s_failing_record_is_tried_for_ever_and_never_reported(stack: Running, gaps: dict[str, str]) -> None:
    """So notify may not fail on what it reads; that the sweeper finds the rest, a throttled mail shows elsewhere."""
    stack.client("dynamodb").put_item(TableName=gaps["Table"], Item={"pk": {"S": "one"}})
    logs, group = stack.client("logs"), f"/aws/lambda/{gaps['Fails']}"

    def runs() -> bool:
        groups = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        events = logs.filter_log_events(logGroupName=group)["events"] if groups else []
        return sum("as ordered" in event["message"] for event in events) > 2

    stack.eventually(runs)
    failures = stack.client("sqs").receive_message(QueueUrl=gaps["Failures"], WaitTimeSeconds=1)
    assert "Messages" not in failures


def test_functions_see_the_emulator_s_own_packages(stack: Running, gaps: dict[str, str]) -> None:
    """So it has an environment of its own; test_layer says that ours import without it."""
    answer = stack.client("lambda").invoke(FunctionName=gaps["Peeks"])
    assert json.load(answer["Payload"]) == "seen"
    absent = ("pytest", "moto", "samcli", "flask", "icalendar")
    assert not [name for name in absent if list(PACKAGES.glob(f"*/site-packages/{name}/__init__.py"))]


RAW = (
    b"From: calendar@convoke.example\r\nTo: bo@example.net\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
    b"--b\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n--b--\r\n"
)


def test_the_emulator_s_own_ses_loses_the_calendar_and_reports_nothing(stack: Running) -> None:
    """So mail goes to our post office, which keeps the bytes and publishes the events."""
    ses, sns, sqs = stack.client("sesv2"), stack.client("sns"), stack.client("sqs")
    ses.create_email_identity(EmailIdentity="calendar@convoke.example")
    queue = sqs.create_queue(QueueName="possibly_sent")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name="events")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    ses.create_configuration_set(ConfigurationSetName="gaps")
    ses.create_configuration_set_event_destination(
        ConfigurationSetName="gaps",
        EventDestinationName="gaps",
        EventDestination={"Enabled": True, "MatchingEventTypes": ["SEND"], "SnsDestination": {"TopicArn": topic}},
    )
    ses.send_email(
        FromEmailAddress="calendar@convoke.example",
        Destination={"ToAddresses": ["bo@example.net"]},
        Content={"Raw": {"Data": RAW}},
        ConfigurationSetName="gaps",
    )
    with urllib.request.urlopen(f"{stack.description['endpoint']}/_ministack/ses/messages", timeout=10) as answer:  # noqa: S310
        kept = answer.read()
    assert b"hello" in kept
    assert b"BEGIN:VCALENDAR" not in kept
    assert base64.b64encode(RAW) not in kept
    assert "Messages" not in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2)


def test_receipt_rules_are_refused(stack: Running) -> None:
    """So a condition of the template leaves them out, and mail comes in through our post office."""
    formation = stack.client("cloudformation")
    rules = {"Resources": {"Rules": {"Type": "AWS::SES::ReceiptRuleSet"}}}
    with pytest.raises(ClientError, match="Unrecognized resource types"):
        formation.create_stack(StackName="rules", TemplateBody=json.dumps(rules))
    with pytest.raises(ClientError):
        stack.physical_id("ReplyRule")


def test_what_sends_knows_all_the_same_that_replies_are_received(stack: Running) -> None:
    functions = stack.client("lambda").list_functions()["Functions"]
    settings = [function.get("Environment", {}).get("Variables", {}) for function in functions]
    ours = [variables for variables in settings if "SENDER_ADDRESS" in variables]
    assert {variables["RECEIVE_REPLIES"] for variables in ours} == {"true"}


def test_the_emulator_s_threads_take_turns_of_python_s_own_length() -> None:
    """So ours are shorter; that they are short enough is seen where hundreds are told something at once: under fire."""
    (package,) = PACKAGES.glob("*/site-packages/ministack")
    assert not [source for source in package.rglob("*.py") if "setswitchinterval" in source.read_text()]


def test_the_emulator_would_unpack_the_layer_for_each_worker_but_ours_share_it(stack: Running) -> None:
    (source,) = PACKAGES.glob("*/site-packages/ministack/core/lambda_runtime.py")
    assert "lzf.extractall(layer_dir)" in source.read_text()
    workers = [place.resolve() for place in stack.temporary.glob("ministack-lambda-convoke-*/layer_0/python")]
    assert len(workers) > 1
    (shared,) = stack.temporary.glob("layers/*/python")
    assert set(workers) == {shared.resolve()}


def test_an_archive_of_many_files_is_unpacked_once_and_one_of_few_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SharedArchive, "folder", tmp_path / "layers")
    for count, shared in ((MANY, True), (MANY - 1, False)):
        with zipfile.ZipFile(tmp_path / "archive", "w") as archive:
            for number in range(count):
                archive.writestr(f"python/{number}", f"{count} {number}")
        for place in (tmp_path / f"{count} one", tmp_path / f"{count} other"):
            place.mkdir()
            with SharedArchive(tmp_path / "archive") as archive:
                names = archive.namelist()
                archive.extractall(place)
            assert names == (["python"] if shared else [f"python/{number}" for number in range(count)])
            assert (place / "python").is_symlink() == shared
            assert {file.name: file.read_text() for file in (place / "python").iterdir()} == {
                f"{number}": f"{count} {number}" for number in range(count)
            }
    assert len(list((tmp_path / "layers").iterdir())) == 1


def test_the_emulator_would_listen_everywhere_but_ours_does_not(stack: Running) -> None:
    (source,) = PACKAGES.glob("*/site-packages/ministack/app.py")
    assert 'os.environ.get("BIND_HOST", "0.0.0.0")' in source.read_text()
    # A datagram socket needs no answer to know which of this machine's addresses leads elsewhere.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outward:
        try:
            outward.connect(("192.0.2.1", 9))
        except OSError:
            return
        address = outward.getsockname()[0]
    for port in stack.ports:
        with socket.socket() as probe:
            probe.settimeout(2)
            assert probe.connect_ex((address, port)) != 0


def test_a_missing_permission_shows_here_too(stack: Running) -> None:
    role = stack.client("iam").get_role(RoleName=stack.physical_id("AuthorizeRole"))["Role"]["Arn"]
    lent = stack.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    database = stack.client(
        "dynamodb",
        aws_access_key_id=lent["AccessKeyId"],
        aws_secret_access_key=lent["SecretAccessKey"],
        aws_session_token=lent["SessionToken"],
    )
    key = {"pk": {"S": "KEY#none"}, "sk": {"S": "KEY"}}
    assert "Item" not in database.get_item(TableName=stack.description["tables"]["accounts"], Key=key)
    with pytest.raises(ClientError, match="AccessDenied"):
        database.put_item(TableName=stack.description["tables"]["accounts"], Item=key)
