"""What template.yaml must hold, where AWS would refuse it late, or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from samcli import yamlhelper  # type: ignore[import-untyped]

from convoke.store import keys, lookups, names
from convoke.web import context
from tests import policies
from tests.tables import Loader, template

ROOT = Path(__file__).parent.parent
TEMPLATE = template()
RESOURCES = TEMPLATE["Resources"]
FUNCTIONS = {
    name: part["Properties"] for name, part in RESOURCES.items() if part["Type"] == "AWS::Serverless::Function"
}
RESOURCES_MADE = policies.transformed()["Resources"]
ROLES = {name: part["Properties"] for name, part in RESOURCES.items() if part["Type"] == "AWS::IAM::Role"}

# AWS knows no narrower resource for these.
NEEDS_ANY_RESOURCE = {
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "dynamodb:ListStreams",
    "ses:GetAccount",
    "ses:DescribeActiveReceiptRuleSet",
    "lambda:GetAccountSettings",
    "lambda:ListEventSourceMappings",
}
WRITES = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"}


def statements(role: dict[str, Any]) -> Iterator[tuple[set[str], list[Any]]]:
    """Each statement's actions and resources."""
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            resources = statement["Resource"]
            yield set(statement["Action"]), resources if isinstance(resources, list) else [resources]


def granted(role: dict[str, Any], table: str) -> set[str]:
    """What a role may do with a table."""
    return {
        action
        for actions, resources in statements(role)
        if {"GetAtt": f"{table}.Arn"} in resources
        for action in actions
    }


def routes(function: str = "Api") -> dict[str, dict[str, Any]]:
    return {
        f"{event['Properties']['Method']} {event['Properties']['Path']}": event["Properties"]
        for event in FUNCTIONS[function]["Events"].values()
    }


def test_what_is_deployed_has_no_anchor_and_no_merge() -> None:
    """CloudFormation knows neither. This is how `sam build` reads the template, and how it writes what is deployed."""
    written = yamlhelper.yaml_dump(policies.read_by_sam())
    assert not [token for token in yaml.scan(written) if isinstance(token, yaml.AnchorToken | yaml.AliasToken)]
    assert "<<" not in written
    alarm = yaml.load(written, Loader)["Resources"]["HooksWait"]["Properties"]  # noqa: S506 (a safe loader)
    assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateAgeOfOldestMessage", 3600)


def test_each_function_has_a_role_of_its_own_and_logs_that_are_forgotten() -> None:
    assert sorted(function["Role"]["GetAtt"].removesuffix(".Arn") for function in FUNCTIONS.values()) == sorted(ROLES)
    groups = [function["LoggingConfig"]["LogGroup"]["Ref"] for function in FUNCTIONS.values()]
    assert len(set(groups)) == len(groups)
    for group in groups:
        assert RESOURCES[group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("name", ROLES)
def test_no_role_has_a_managed_policy_or_a_needless_wildcard(name: str) -> None:
    assert "ManagedPolicyArns" not in ROLES[name]
    for actions, resources in statements(ROLES[name]):
        assert not any("*" in action for action in actions)
        for resource in resources:
            text = json.dumps(resource)
            if actions <= NEEDS_ANY_RESOURCE:
                assert resource == "*"
            elif actions in ({"s3:GetObject"}, {"s3:DeleteObject"}):
                assert text.endswith('${InboundMail.Arn}/*"}')
            elif "ses:SendEmail" in actions:
                # In the sandbox the recipient's identity is asked for, too: what restricts is the sender, see below.
                assert re.search(r"(identity/\*|configuration-set/\$\{Sending\})\"\}$", text)
            else:
                assert "*" not in text


@pytest.mark.parametrize("name", ROLES)
def test_a_role_writes_to_the_log_of_its_own_function_only(name: str) -> None:
    logs = [resources for actions, resources in statements(ROLES[name]) if "logs:PutLogEvents" in actions]
    assert logs == [[{"GetAtt": name.replace("Role", "Logs.Arn")}]]


@pytest.mark.parametrize("name", ROLES)
def test_who_can_mail_cannot_change_what_is_true(name: str) -> None:
    every = {action for actions, _ in statements(ROLES[name]) for action in actions}
    assert not ("ses:SendEmail" in every and granted(ROLES[name], "Registrations") & WRITES)


def test_only_api_console_pages_sweep_replies_imports_and_sources_write_registrations_and_only_two_send() -> None:
    writers = {name for name, role in ROLES.items() if granted(role, "Registrations") & WRITES}
    senders = {
        name for name, role in ROLES.items() if any("ses:SendEmail" in actions for actions, _ in statements(role))
    }
    assert writers == {"ApiRole", "ConsoleRole", "PagesRole", "SweepRole", "RepliesRole", "SourcesRole", "ImportsRole"}
    assert senders == {"NotifyRole", "DeliverRole"}


def test_the_gateway_may_call_its_authorizer() -> None:
    authorizer = RESOURCES["HttpApi"]["Properties"]["Auth"]["Authorizers"]["ApiKey"]
    assert authorizer["EnableFunctionDefaultPermissions"] is True
    assert authorizer["AuthorizerPayloadFormatVersion"] == "2.0"
    assert authorizer["EnableSimpleResponses"] is True
    assert authorizer["Identity"] == {"Headers": ["Authorization"], "ReauthorizeEvery": 60}


def test_a_path_variable_fills_its_whole_segment() -> None:
    for route in routes() | routes("Pages") | routes("Console"):
        for segment in route.partition(" ")[2].removesuffix("{proxy+}").split("/"):
            assert "{" not in segment or re.fullmatch(r"\{[a-z_]+\}", segment), route


def test_every_path_begins_with_the_version() -> None:
    assert RESOURCES["HttpApi"]["Properties"]["StageName"] == context.BASE.removeprefix("/")
    assert template()["Outputs"]["ApiUrl"]["Value"] == {"Sub": f"${{HttpApi.ApiEndpoint}}{context.BASE}"}


def test_only_the_documentation_the_health_unknown_paths_and_the_pages_need_no_key() -> None:
    assert RESOURCES["HttpApi"]["Properties"]["Auth"]["DefaultAuthorizer"] == "ApiKey"
    free = {route for route, said in routes().items() if said.get("Auth") == {"Authorizer": "NONE"}}
    public = {"GET /docs", "GET /docs/{asset}", "GET /health", "GET /openapi.json"}
    assert free == {"ANY $default", *public, *(route.replace("GET", "HEAD") for route in public)}
    assert all("Auth" not in said for route, said in routes().items() if route not in free)
    assert all(said["Auth"] == {"Authorizer": "NONE"} for said in (routes("Pages") | routes("Console")).values())


def test_what_needs_no_key_cannot_use_up_what_the_api_takes() -> None:
    api = RESOURCES["HttpApi"]["Properties"]
    both = routes() | routes("Pages") | routes("Console")
    free = {route for route, said in both.items() if said.get("Auth") == {"Authorizer": "NONE"}}
    assert {"$default" if route == "ANY $default" else route for route in free} == api["RouteSettings"].keys()
    visited = {*(f"ANY /{page}/{{proxy+}}" for page in "ercfu"), "GET /assets/{name}"}
    visited |= {"ANY /console", "ANY /console/{proxy+}", "ANY /"}
    for route, limits in api["RouteSettings"].items():
        if route in visited:
            assert limits == {
                "ThrottlingBurstLimit": {"Ref": "PagesBurst"},
                "ThrottlingRateLimit": {"Ref": "PagesRate"},
            }
        else:
            assert limits == {"ThrottlingBurstLimit": 20, "ThrottlingRateLimit": 5}
    for name in ("Rate", "Burst"):
        assert TEMPLATE["Parameters"][f"Pages{name}"]["Default"] < TEMPLATE["Parameters"][f"Throttle{name}"]["Default"]


def test_head_of_a_page_has_a_route_of_its_own_since_head_of_all_else_needs_a_key() -> None:
    both = routes("Pages") | routes("Console")
    pages = {route.partition(" ")[2] for route in both}
    assert {f"HEAD {path}" for path in pages} <= both.keys()


def test_who_mails_knows_where_the_pages_are_and_what_the_api_refers_to_is_not_told_its_address() -> None:
    """A function that the API refers to, and that refers to the API, could not be created."""
    told = {
        name: made["Properties"]["Environment"]["Variables"]["PUBLIC_URL"]
        for name, made in RESOURCES_MADE.items()
        if made["Type"] == "AWS::Lambda::Function"
    }
    for parameters, address in (
        ({}, "HttpApi.ApiEndpoint/v1"),
        ({"PublicUrl": "https://e.example"}, "https://e.example"),
    ):
        deployment = policies.Deployment(**parameters)
        assert {deployment.value(told[name]) for name in ("Notify", "Deliver")} == {address}
        assert deployment.value(policies.transformed()["Outputs"]["PagesUrl"]["Value"]) == address
    assert all(told[name] == {"Ref": "PublicUrl"} for name in ("Api", "Console", "Pages", "Authorize"))


def test_the_stream_carries_keys_only_and_rings_for_events_and_registrations_only() -> None:
    assert RESOURCES["Registrations"]["Properties"]["StreamSpecification"] == {"StreamViewType": "KEYS_ONLY"}
    stream = FUNCTIONS["Notify"]["Events"]["Changed"]["Properties"]
    (pattern,) = (json.loads(each["Pattern"]) for each in stream["FilterCriteria"]["Filters"])
    assert pattern == {"dynamodb": {"Keys": {"sk": {"S": ["EVENT", {"prefix": "REGISTRATION#"}]}}}}
    assert stream["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_a_queue_hides_a_message_for_six_times_as_long_as_its_worker_may_run() -> None:
    for name, least in (("Deliver", 2), ("Hooks", 1)):
        queues = [event for event in FUNCTIONS[name]["Events"].values() if event["Type"] == "SQS"]
        assert len(queues) == least
        for event in queues:
            queue = RESOURCES[event["Properties"]["Queue"]["GetAtt"].removesuffix(".Arn")]["Properties"]
            assert queue["VisibilityTimeout"] >= 6 * FUNCTIONS[name]["Timeout"]
            assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_a_sweep_that_could_not_run_in_its_minute_is_not_run_later_beside_all_others() -> None:
    sweep = RESOURCES["Sweep"]["Properties"]
    assert sweep["Events"]["EveryMinute"]["Properties"]["Schedule"] == "rate(1 minute)"
    assert sweep["EventInvokeConfig"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}


def test_who_talks_to_strangers_servers_can_touch_nothing_but_the_outbox() -> None:
    reached = {
        resource["GetAtt"].removesuffix(".Arn")
        for actions, resources in statements(ROLES["HooksRole"])
        if not actions & NEEDS_ANY_RESOURCE
        for resource in resources
    }
    assert reached == {"HooksLogs", "Webhooks", "Webhooks.StreamArn", "HooksDue"}
    assert not granted(ROLES["HooksRole"], "Webhooks") & {"dynamodb:DeleteItem", "dynamodb:Scan"}


def test_the_outbox_rings_for_new_facts_only_and_says_nothing_of_them() -> None:
    assert RESOURCES["Webhooks"]["Properties"]["StreamSpecification"] == {"StreamViewType": "KEYS_ONLY"}
    stream = FUNCTIONS["Hooks"]["Events"]["Happened"]["Properties"]
    (pattern,) = (json.loads(each["Pattern"]) for each in stream["FilterCriteria"]["Filters"])
    assert pattern == {"eventName": ["INSERT"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "WEBHOOK_EVENT#"}]}}}}


def test_only_a_stack_on_one_machine_lets_webhooks_point_to_itself() -> None:
    assert TEMPLATE["Parameters"]["LocalWebhooks"]["Default"] == "false"


def test_every_table_survives_its_stack_and_can_be_set_back() -> None:
    tables = [part for part in RESOURCES.values() if part["Type"] == "AWS::DynamoDB::Table"]
    assert len(tables) == 4
    for table in tables:
        # A first deployment that is rolled back takes its empty tables along: the next one would find them in its way.
        assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
        assert table["Properties"]["DeletionProtectionEnabled"] == {"If": ["Protects", True, False]}
        assert table["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
        assert table["Properties"]["SSESpecification"]["SSEEnabled"] is True


def test_deletion_protection_waits_until_a_first_deployment_need_not_be_rolled_back_any_more() -> None:
    assert TEMPLATE["Parameters"]["ProtectTables"]["Default"] == "false"


def test_what_was_sent_can_be_taken_back_when_the_stack_no_longer_makes_the_identity() -> None:
    identity = RESOURCES["Identity"]
    assert (identity["DeletionPolicy"], identity["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_neither_the_bucket_with_mails_in_it_nor_an_active_rule_set_holds_up_the_deletion_of_a_stack() -> None:
    assert RESOURCES["InboundMail"]["DeletionPolicy"] == RESOURCES["InboundMail"]["UpdateReplacePolicy"] == "Retain"
    assert RESOURCES["RuleSet"]["DeletionPolicy"] == "RetainExceptOnCreate"
    # What is left of the rule set must not go on to take mails that nobody reads.
    assert "DeletionPolicy" not in RESOURCES["ReplyRule"]


def test_what_is_kept_has_no_name_that_a_later_stack_of_the_same_name_needs() -> None:
    for name, part in RESOURCES.items():
        if part.get("DeletionPolicy") and name != "Identity":
            named = [
                value for key, value in part["Properties"].items() if key in ("TableName", "BucketName", "RuleSetName")
            ]
            assert all("AWS::StackId" in json.dumps(value) for value in named), name


@pytest.mark.parametrize("stack", ["c", "c" * 128])
def test_what_is_named_here_fits_into_what_aws_takes_however_long_the_stack_s_name(stack: str) -> None:
    """SES takes 64 characters for a configuration set and for a rule set, CloudWatch 255 for a dashboard."""
    deployment = policies.Deployment(ReceiveReplies="true", stack=stack)
    most = {"Sending": ("Name", 64), "RuleSet": ("RuleSetName", 64), "Dashboard": ("DashboardName", 255)}
    for name, (key, longest) in most.items():
        assert re.fullmatch(rf"[A-Za-z0-9_-]{{1,{longest}}}", deployment.value(RESOURCES_MADE[name]["Properties"][key]))
    named = {
        name
        for name, part in RESOURCES_MADE.items()
        for key in part.get("Properties", {})
        if key in ("Name", "RuleSetName", "DashboardName", "FunctionName", "RoleName", "TableName", "QueueName")
        and part["Type"].split("::")[2] not in ("EventSourceMapping", "Permission", "EventInvokeConfig")
    }
    assert named - {"HttpApiApiGatewayDefaultStage", "ReplyRule"} <= most.keys()


@pytest.mark.parametrize(
    ("parameters", "domain"),
    [({}, "convoke.example.com"), ({"SenderDomain": "example.com"}, "example.com")],
    ids=["by default", "as said"],
)
def test_the_domain_is_that_of_the_sender_where_nothing_else_is_said(parameters: dict[str, str], domain: str) -> None:
    deployment = policies.Deployment(**parameters)
    made = [
        RESOURCES_MADE["Identity"]["Properties"]["EmailIdentity"],
        RESOURCES_MADE["Notify"]["Properties"]["Environment"]["Variables"]["UID_DOMAIN"],
        policies.transformed()["Outputs"]["SenderDomain"]["Value"],
    ]
    assert [deployment.value(one) for one in made] == [domain] * 3


@pytest.mark.parametrize("earlier", ["", "a@old.example.org,b@convoke.example.com"])
def test_answers_to_an_earlier_sender_come_in_too(earlier: str) -> None:
    said = RESOURCES_MADE["ReplyRule"]["Properties"]["Rule"]["Recipients"]
    wanted = ["events@convoke.example.com", *filter(None, earlier.split(","))]
    assert policies.Deployment(EarlierSenders=earlier).value(said) == wanted


def test_spf_has_a_domain_of_its_own_where_one_is_named_and_its_records_are_in_the_outputs() -> None:
    said = RESOURCES_MADE["Identity"]["Properties"]["MailFromAttributes"]
    assert policies.Deployment().value(said) is None
    deployment = policies.Deployment(MailFromDomain="bounce.example.com")
    assert deployment.value(said)["MailFromDomain"] == "bounce.example.com"
    assert deployment.holds("SaysMailFrom")
    outputs = policies.transformed()["Outputs"]
    assert [deployment.value(outputs[f"MailFromRecord{number}"]["Value"]) for number in (1, 2)] == [
        "bounce.example.com MX 10 feedback-smtp.eu-central-1.amazonses.com",
        'bounce.example.com TXT "v=spf1 include:amazonses.com -all"',
    ]


def test_how_much_the_api_takes_is_for_the_deployment_to_say() -> None:
    settings = RESOURCES["HttpApi"]["Properties"]["DefaultRouteSettings"]
    assert settings == {
        "ThrottlingBurstLimit": {"Ref": "ThrottleBurst"},
        "ThrottlingRateLimit": {"Ref": "ThrottleRate"},
    }


def test_the_access_log_says_which_route_and_which_key() -> None:
    said = json.loads(RESOURCES["HttpApi"]["Properties"]["AccessLogSettings"]["Format"])
    assert said["route"] == "$context.routeKey"
    assert (said["key"], said["key_id"]) == ("$context.authorizer.key", "$context.authorizer.key_id")


def test_no_index_of_the_registrations_carries_anything_of_a_person_but_those_by_name() -> None:
    indexes = {each["IndexName"]: each for each in RESOURCES["Registrations"]["Properties"]["GlobalSecondaryIndexes"]}
    for attribute in names.ATTRIBUTES:
        by_name = indexes.pop(f"by_{attribute}")
        assert [each["AttributeName"] for each in by_name["KeySchema"]] == ["event_id", attribute]
        assert by_name["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert indexes.keys() == {*(index for index, _ in lookups.INDEXES.values()), keys.PERSON_INDEX}
    filtered = {"status", "starts_at", "updated_at"}
    for index, sorted_by in lookups.INDEXES.values():
        assert [each["AttributeName"] for each in indexes[index]["KeySchema"]] == ["account", sorted_by]
        # What events are looked for by: an event's own words, which everybody at it knows.
        more = {"ends_at", "title", "location"} if sorted_by == "starts_at" else set()
        assert set(indexes[index]["Projection"]["NonKeyAttributes"]) == (filtered - {sorted_by}) | more
    assert indexes[keys.PERSON_INDEX]["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_what_names_people_is_encrypted_and_kept_four_days() -> None:
    for part in RESOURCES.values():
        if part["Type"] == "AWS::SNS::Topic":
            assert part["Properties"]["KmsMasterKeyId"] == {"Ref": "NotificationKey"}
        if part["Type"] == "AWS::SQS::Queue":
            assert part["Properties"]["SqsManagedSseEnabled"] is True
    for name in ("FeedbackFailures", "RepliesFailures"):
        assert RESOURCES[name]["Properties"]["MessageRetentionPeriod"] == 4 * 24 * 3600


def test_every_parameter_is_described() -> None:
    for name, parameter in TEMPLATE["Parameters"].items():
        assert parameter["Description"].endswith((".", '"none".')), name


def test_every_environment_variable_that_the_code_reads_is_in_the_template() -> None:
    code = [*(ROOT / "layers/core/convoke").rglob("*.py"), *(ROOT / "functions").glob("*.py")]
    read = {
        name for path in code for name in re.findall(r"(?:env|environ)(?:\[|\.get\()\s*\"([A-Z_]+)\"", path.read_text())
    }
    assert {"REGISTRATIONS_TABLE", "SENDER_ADDRESS"} <= read
    own = {name for one in FUNCTIONS.values() for name in one.get("Environment", {}).get("Variables", {})}
    assert read - {"AWS_REGION"} <= own | set(TEMPLATE["Globals"]["Function"]["Environment"]["Variables"])


def test_every_function_is_there_and_every_file_is_a_function() -> None:
    handlers = {function["Handler"] for function in FUNCTIONS.values()}
    assert handlers == {f"{path.stem}.handler" for path in (ROOT / "functions").glob("*.py")}
