"""What an operator is informed of: the alarms, whom they inform, and the dashboard beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from convoke.aws import ses
from convoke.delivery.reconcile import Outcome
from tests.tables import template

ROOT = Path(__file__).parent.parent
RESOURCES = template()["Resources"]
ALARMS = {name: part["Properties"] for name, part in RESOURCES.items() if part["Type"] == "AWS::CloudWatch::Alarm"}
HEARTBEATS = {"Swept": 5 * 60, "Audited": 2 * 24 * 3600}
"""The metrics that must not be missing for so many seconds."""

OF_AWS = {
    "AWS/SQS": {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"},
    "AWS/Lambda": {"Errors", "IteratorAge"},
    "AWS/ApiGateway": {"4xx", "5xx", "Count", "Latency"},
    "AWS/SES": {
        *("Send", "Delivery", "Bounce", "Complaint", "Reject"),
        *("Reputation.BounceRate", "Reputation.ComplaintRate"),
    },
}


def counted() -> set[str]:
    """The metrics that the code emits: by name, one for each outcome, and one for each thing that is told."""
    code = [*(ROOT / "functions").glob("*.py"), *(ROOT / "layers/core/convoke").rglob("*.py")]
    texts = [path.read_text() for path in code]
    names = {name for text in texts for name in re.findall(r'(?:add|single)_metric\(name="(\w+)"', text)}
    told = {what.title().replace(" ", "") for text in texts for what in re.findall(r'Log\(what="([a-z ]+)"', text)}
    assert any("add_metric(name=outcome.name.title()" in text for text in texts)
    codes = {ses.metric_of(code) for code in (*ses.KNOWN_CODES, "any other")}
    return names | told | codes | {outcome.name.title().replace("_", "") for outcome in Outcome}


def widgets() -> list[dict[str, Any]]:
    body = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Sub"]
    shown: list[dict[str, Any]] = json.loads(re.sub(r"\$\{[\w:.]+\}", lambda found: found[0][2:-1], body))["widgets"]
    return shown


def graphed() -> Iterator[list[str]]:
    """Each metric of the dashboard written out: "." stands for what is above it, "..." for all that is above."""
    for widget in widgets():
        above: list[str] = []
        for row in widget["properties"]["metrics"]:
            said = [part for part in row if isinstance(part, str)]
            if said[:1] == ["..."]:
                said = above[: len(above) - len(said) + 1] + said[1:]
            above = [above[at] if part == "." else part for at, part in enumerate(said)]
            yield above


def watched(metric: str) -> set[str]:
    """The values of the dimension of all alarms on a metric."""
    values = [alarm["Dimensions"][0]["Value"] for alarm in ALARMS.values() if alarm["MetricName"] == metric]
    return {next(iter(value.values())).removesuffix(".QueueName") for value in values}


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_tells_somebody_what_it_means(name: str) -> None:
    assert ALARMS[name]["AlarmActions"] == [{"Ref": "Alarms"}]
    assert 80 < len(ALARMS[name]["AlarmDescription"]) < 1024


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_s_metric_is_counted_by_somebody(name: str) -> None:
    alarm = ALARMS[name]
    if alarm["Namespace"] == "Convoke":
        assert alarm["MetricName"] in counted()
        assert alarm["Dimensions"] == [{"Name": "service", "Value": {"Ref": "AWS::StackName"}}]
    else:
        assert alarm["MetricName"] in OF_AWS[alarm["Namespace"]]


@pytest.mark.parametrize("name", ALARMS)
def test_only_a_heartbeat_is_missed(name: str) -> None:
    alarm = ALARMS[name]
    if alarm["MetricName"] not in HEARTBEATS:
        assert alarm["TreatMissingData"] == "notBreaching"
        return
    assert alarm["TreatMissingData"] == "breaching"
    assert (alarm["Statistic"], alarm["ComparisonOperator"]) == ("SampleCount", "LessThanThreshold")
    assert alarm["Threshold"] == 1
    assert alarm["Period"] * alarm["EvaluationPeriods"] == HEARTBEATS[alarm["MetricName"]]


def test_both_hearts_are_listened_to() -> None:
    assert HEARTBEATS.keys() <= {alarm["MetricName"] for alarm in ALARMS.values()}


@pytest.mark.parametrize("name", ALARMS)
def test_cloudwatch_looks_back_a_day_and_a_week_only_in_steps_of_an_hour(name: str) -> None:
    seconds = ALARMS[name]["Period"] * ALARMS[name]["EvaluationPeriods"]
    assert seconds <= (86_400 if ALARMS[name]["Period"] < 3600 else 604_800)


def test_every_dead_letter_queue_has_an_alarm() -> None:
    named = set(re.findall(r"'(?:deadLetterTargetArn|Destination)': {'GetAtt': '(\w+)\.Arn'}", str(RESOURCES)))
    queues = {name for name, part in RESOURCES.items() if part["Type"] == "AWS::SQS::Queue"}
    assert named == queues - {"Urgent", "Ordinary", "HooksDue", "ImportsDue", "Reports"}
    assert watched("ApproximateNumberOfMessagesVisible") == named
    assert watched("ApproximateAgeOfOldestMessage") == {"Urgent", "Ordinary", "HooksDue", "ImportsDue", "Reports"}


def test_every_function_s_errors_have_an_alarm() -> None:
    functions = {name for name, part in RESOURCES.items() if part["Type"] == "AWS::Serverless::Function"}
    assert watched("Errors") == functions


def test_a_late_stream_is_noticed_before_its_records_are_thrown_away() -> None:
    ages = {
        name: event["Properties"]["MaximumRecordAgeInSeconds"]
        for name, part in RESOURCES.items()
        if part["Type"] == "AWS::Serverless::Function"
        for event in part["Properties"].get("Events", {}).values()
        if event["Type"] == "DynamoDB"
    }
    for part in RESOURCES.values():
        if part["Type"] == "AWS::Lambda::EventSourceMapping":
            ages[part["Properties"]["FunctionName"]["Ref"]] = part["Properties"]["MaximumRecordAgeInSeconds"]
    alarms = [alarm for alarm in ALARMS.values() if alarm["MetricName"] == "IteratorAge"]
    late = {alarm["Dimensions"][0]["Value"]["Ref"]: alarm["Threshold"] / 1000 for alarm in alarms}
    assert late.keys() == ages.keys() == {"Notify", "Hooks", "Sources"}
    assert all(late[name] < age for name, age in ages.items())


def test_what_is_left_to_the_sweeper_for_its_age_is_no_failure() -> None:
    """Lambda sends a stream's failure queue what was too old, too; and an alarm on a queue cannot tell that apart."""
    streams = [
        event["Properties"]
        for part in RESOURCES.values()
        if part["Type"] == "AWS::Serverless::Function"
        for event in part["Properties"].get("Events", {}).values()
        if event["Type"] == "DynamoDB"
    ]
    assert len(streams) == 2
    assert not any("DestinationConfig" in stream for stream in streams)
    assert "RecordFailed" in {alarm["MetricName"] for alarm in ALARMS.values()}


def test_what_could_be_lost_to_people_is_alarmed() -> None:
    assert {"Failed", "AuditStopped", "OldestDue", "5xx"} <= {alarm["MetricName"] for alarm in ALARMS.values()}


def test_stacks_that_share_an_account_do_not_share_their_metrics() -> None:
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "Convoke"


def test_the_dashboard_shows_metrics_that_are_counted() -> None:
    for namespace, metric, *dimension in graphed():
        if namespace == "Convoke":
            assert metric in counted()
            assert dimension == ["service", "AWS::StackName"]
        else:
            assert metric in OF_AWS[namespace]


def test_the_dashboard_shows_every_alarmed_metric_but_the_functions_errors_and_the_audit_s_heartbeat() -> None:
    alarmed = {alarm["MetricName"] for alarm in ALARMS.values()} - {"Errors", "Audited"}
    assert alarmed <= {metric for _, metric, *_ in graphed()}


def test_the_dashboard_shows_refusals_by_every_code_that_is_counted() -> None:
    shown = {metric for _, metric, *_ in graphed() if metric.startswith("Refused.")}
    assert shown == {ses.metric_of(code) for code in (*ses.KNOWN_CODES, "any other")}


def test_the_dashboard_names_what_is_in_the_template() -> None:
    named = re.findall(r"\$\{(\w+)(?:\.QueueName)?\}", RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Sub"])
    assert set(named) <= RESOURCES.keys()


def test_the_dashboard_s_widgets_do_not_lie_on_each_other() -> None:
    taken = [(widget["x"] + x, widget["y"] + y) for widget in widgets() for x in range(12) for y in range(6)]
    assert len(set(taken)) == len(taken)
    assert {(widget["width"], widget["height"]) for widget in widgets()} == {(12, 6)}
    assert max(x for x, _ in taken) < 24


@pytest.mark.parametrize(
    ("topic", "service"), [("FeedbackTopic", "ses"), ("InboundTopic", "ses"), ("Alarms", "cloudwatch")]
)
def test_a_topic_admits_one_service_and_for_this_account_only(topic: str, service: str) -> None:
    policies = [
        part["Properties"]["PolicyDocument"]["Statement"]
        for part in RESOURCES.values()
        if part["Type"] == "AWS::SNS::TopicPolicy" and {"Ref": topic} in part["Properties"]["Topics"]
    ]
    assert policies == [
        [
            {
                "Effect": "Allow",
                "Principal": {"Service": f"{service}.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": {"Ref": topic},
                "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
            }
        ]
    ]


def test_every_topic_has_a_policy_and_its_publisher_may_use_the_key() -> None:
    topics = {name for name, part in RESOURCES.items() if part["Type"] == "AWS::SNS::Topic"}
    assert topics == {"FeedbackTopic", "InboundTopic", "Alarms"}
    key = RESOURCES["NotificationKey"]["Properties"]["KeyPolicy"]["Statement"]
    (services,) = [one for one in key if "Service" in one["Principal"]]
    assert services["Principal"]["Service"] == ["ses.amazonaws.com", "cloudwatch.amazonaws.com"]
    assert services["Action"] == ["kms:GenerateDataKey", "kms:Decrypt"]
    # As SES documents it. A condition that its test publish does not meet would roll the first deployment back; whose
    # publishing comes through is for each topic's policy to say.
    assert "Condition" not in services


def test_alarms_are_mailed_to_whom_the_deployment_names_and_to_nobody_else() -> None:
    subscriptions = {
        name
        for name, part in RESOURCES.items()
        if part["Type"] == "AWS::SNS::Subscription" and part["Properties"]["TopicArn"] == {"Ref": "Alarms"}
    }
    assert subscriptions == {"AlarmsByMail"}
    assert RESOURCES["AlarmsByMail"]["Condition"] == "MailsAlarms"
    assert template()["Conditions"]["MailsAlarms"] == {"Not": [{"Equals": [{"Ref": "AlarmEmail"}, ""]}]}
