"""The transformed template against what AWS takes: each limit with where AWS says so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from convoke.model import frozen
from convoke.settings import Times
from tests import policies

Made = dict[str, Any]
DEPLOYMENT = policies.Deployment(ReceiveReplies="true", MailFromDomain="bounce.convoke.example.com")
TEMPLATE = policies.transformed()


def made(kind: str) -> Made:
    """The resources of a type as they are deployed, by their logical ids."""
    return {
        name: DEPLOYMENT.value(part.get("Properties", {}))
        for name, part in TEMPLATE["Resources"].items()
        if part["Type"] == kind and DEPLOYMENT.holds_for(part)
    }


FUNCTIONS = made("AWS::Lambda::Function")
QUEUES = made("AWS::SQS::Queue")
MAPPINGS = made("AWS::Lambda::EventSourceMapping")
ALARMS = made("AWS::CloudWatch::Alarm")
STREAMS = {name: one for name, one in MAPPINGS.items() if "Queue" not in one and ":dynamodb:" in one["EventSourceArn"]}
WORKERS = {name: one for name, one in MAPPINGS.items() if ":sqs:" in one["EventSourceArn"]}
HANDED_TO_SQS = "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"
LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
STREAM = "https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html"
SQS = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html"
CLOUDFORMATION = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"
HTTP_API = "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html"
ALARM = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"
IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"


@frozen
class Limit:
    """What AWS takes, ``least`` to ``most``, and where it says so. ``found`` yields what there is, by a name."""

    what: str
    source: str
    found: Callable[[], Iterator[tuple[str, float]]]
    least: float = 0
    most: float


def size(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":")).encode())


def each(resources: Made, *path: str) -> Callable[[], Iterator[tuple[str, float]]]:
    """The number at ``path`` in each resource that has one."""

    def found() -> Iterator[tuple[str, float]]:
        for name, one in resources.items():
            for step in path:
                one = one.get(step, {})
            if one != {}:
                yield name, float(one)

    return found


def sized(resources: Made, *path: str) -> Callable[[], Iterator[tuple[str, float]]]:
    def found() -> Iterator[tuple[str, float]]:
        for name, one in resources.items():
            for step in path:
                one = one.get(step, {})
            yield name, size(one) if isinstance(one, (dict, list)) else len(one.encode())

    return found


def one(what: str, number: float) -> Callable[[], Iterator[tuple[str, float]]]:
    return lambda: iter([(what, number)])


def function_of(mapping: Made) -> Made:
    found: Made = FUNCTIONS[mapping["FunctionName"]]
    return found


def hidden_for() -> Iterator[tuple[str, float]]:
    """How many times as long as its worker may run a message is hidden."""
    for name, mapping in WORKERS.items():
        queue = QUEUES[mapping["EventSourceArn"].rsplit(":", 1)[1]]
        yield name, queue["VisibilityTimeout"] / function_of(mapping)["Timeout"]


def looked_back() -> Iterator[tuple[str, float]]:
    """Days that an alarm looks back, as a part of what its period allows."""
    for name, alarm in ALARMS.items():
        yield name, alarm["Period"] * alarm["EvaluationPeriods"] / (86_400 if alarm["Period"] < 3600 else 604_800)


def at_once() -> float:
    """The instances that the pollers keep busy, with one shard a stream."""
    workers = sum(float(mapping["ScalingConfig"]["MaximumConcurrency"]) for mapping in WORKERS.values())
    return workers + sum(float(mapping.get("ParallelizationFactor", 1)) for mapping in STREAMS.values())


LIMITS = [
    Limit(what="seconds of a function", source=LAMBDA, found=each(FUNCTIONS, "Timeout"), least=1, most=900),
    Limit(what="MB of a function", source=LAMBDA, found=each(FUNCTIONS, "MemorySize"), least=128, most=10_240),
    Limit(what="bytes of environment", source=LAMBDA, found=sized(FUNCTIONS, "Environment", "Variables"), most=4096),
    Limit(what="characters of a description", source=LAMBDA, found=sized(FUNCTIONS, "Description"), most=256),
    # The default. Of new accounts AWS says only that theirs is lower, and rises with use: make ready compares it.
    Limit(what="instances of an account", source=LAMBDA, found=one("pollers", at_once()), most=999),
    Limit(what="times the function's timeout", source=HANDED_TO_SQS, found=hidden_for, least=6, most=10_000),
    Limit(
        what="workers of a queue",
        source="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html",
        found=each(WORKERS, "ScalingConfig", "MaximumConcurrency"),
        least=2,
        most=1000,
    ),
    Limit(
        what="receives",
        source=HANDED_TO_SQS,
        found=each(QUEUES, "RedrivePolicy", "maxReceiveCount"),
        least=5,
        most=1000,
    ),
    Limit(what="seconds hidden", source=SQS, found=each(QUEUES, "VisibilityTimeout"), most=43_200),
    Limit(what="seconds kept", source=SQS, found=each(QUEUES, "MessageRetentionPeriod"), least=60, most=1_209_600),
    Limit(what="records of a batch", source=STREAM, found=each(STREAMS, "BatchSize"), least=1, most=10_000),
    Limit(what="batches of a shard", source=STREAM, found=each(STREAMS, "ParallelizationFactor"), least=1, most=10),
    Limit(
        what="seconds of a record",
        source=STREAM,
        found=each(STREAMS, "MaximumRecordAgeInSeconds"),
        least=60,
        most=604_800,
    ),
    Limit(what="its alarm's window", source=ALARM, found=looked_back, most=1),
    Limit(what="characters of an alarm", source=ALARM, found=sized(ALARMS, "AlarmDescription"), least=80, most=1024),
    # As `sam deploy` passes it, in S3. In the request itself it would be 51,200.
    Limit(what="bytes of a template", source=CLOUDFORMATION, found=one("template", size(TEMPLATE)), most=1_000_000),
    Limit(what="resources", source=CLOUDFORMATION, found=one("template", len(TEMPLATE["Resources"])), most=500),
    Limit(what="parameters", source=CLOUDFORMATION, found=one("template", len(TEMPLATE["Parameters"])), most=200),
    Limit(what="outputs", source=CLOUDFORMATION, found=one("template", len(TEMPLATE["Outputs"])), most=200),
    Limit(
        what="routes",
        source=HTTP_API,
        found=one("api", sum(map(len, made("AWS::ApiGatewayV2::Api")["HttpApi"]["Body"]["paths"].values()))),
        most=300,
    ),
    Limit(
        # API Gateway waits for half a minute. What is answered later reaches nobody.
        what="seconds of an integration",
        source=HTTP_API,
        found=one("Api and Authorize", FUNCTIONS["Api"]["Timeout"] + FUNCTIONS["Authorize"]["Timeout"]),
        most=29,
    ),
    Limit(
        what="seconds of an authorizer",
        source=HTTP_API,
        found=each({"Authorize": FUNCTIONS["Authorize"]}, "Timeout"),
        most=10,
    ),
    Limit(
        what="bytes of a log line's format",
        source=HTTP_API,
        found=sized(made("AWS::ApiGatewayV2::Stage"), "AccessLogSettings", "Format"),
        most=3072,
    ),
    Limit(
        what="characters of a role's policies", source=IAM, found=sized(made("AWS::IAM::Role"), "Policies"), most=10_240
    ),
    Limit(
        what="bytes of a key's policy",
        source="https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html",
        found=sized(made("AWS::KMS::Key"), "KeyPolicy"),
        most=32_768,
    ),
    Limit(
        what="bytes of a bucket's policy",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/add-bucket-policy.html",
        found=sized(made("AWS::S3::BucketPolicy"), "PolicyDocument"),
        most=20_480,
    ),
    Limit(
        what="indexes of a table",
        source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html",
        found=lambda: (
            (name, len(table.get("GlobalSecondaryIndexes", []))) for name, table in made("AWS::DynamoDB::Table").items()
        ),
        most=20,
    ),
]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.what)
def test_what_is_deployed_is_what_aws_takes(limit: Limit) -> None:
    assert limit.source.startswith("https://docs.aws.amazon.com/")
    found = dict(limit.found())
    assert found
    assert {name: number for name, number in found.items() if not limit.least <= number <= limit.most} == {}


def test_a_lease_outlives_the_function_that_holds_it() -> None:
    times = Times()
    assert times.function.total_seconds() == FUNCTIONS["Deliver"]["Timeout"] == FUNCTIONS["Notify"]["Timeout"]
    assert times.send + times.guard < times.function
