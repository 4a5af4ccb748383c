"""What the roles of the transformed template allow, held against what the functions ask of AWS.

Every call that a handler makes in any test is held against its role (see ``policies``); here is what no handler shows:
other deployments, an account in SES's sandbox, what Lambda does by itself, and what must not be allowed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests import policies
from tests.iam import ACCOUNT, REGION, Request, decided, requests_of, sending
from tests.policies import Denied, Deployment

SENDERS = ("Notify", "Deliver")
FUNCTIONS = {
    name: part["Properties"]
    for name, part in policies.transformed()["Resources"].items()
    if part["Type"] == "AWS::Lambda::Function"
}
ROLES = [name for name, part in policies.transformed()["Resources"].items() if part["Type"] == "AWS::IAM::Role"]
SECRET = {"pk": {"S": "KEY#0123"}, "sk": {"S": "KEY"}}


def allowed(function: str, requests: Iterable[Request], **parameters: str) -> list[bool]:
    deployment = Deployment(**parameters)
    return [deployment.allows(f"{function}Role", request) for request in requests]


def call(function: str, operation: str, **said: Any) -> list[bool]:
    return allowed(function, requests_of("dynamodb", operation, said))


# --- mail ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", SENDERS)
@pytest.mark.parametrize(
    ("sender", "parameters"),
    [
        ("events@convoke.example.com", {}),
        ("earlier@convoke.example.com", {}),
        ("Earlier.One@old.example.org", {"EarlierSenders": "Earlier.One@old.example.org"}),
        ("b@b.example.org", {"EarlierSenders": "a@a.example.org,b@b.example.org"}),
        ("events@mail.example.com", {"SenderAddress": "events@mail.example.com", "SenderDomain": "example.com"}),
    ],
    ids=["the sender", "an earlier one", "one at an earlier domain", "one of two", "one at a subdomain"],
)
def test_what_was_told_from_an_earlier_sender_can_be_taken_back(
    function: str, sender: str, parameters: dict[str, str]
) -> None:
    """A cancellation leaves from the address of the invitation: else a calendar would not believe it."""
    assert all(allowed(function, sending(sender, []), **parameters))


@pytest.mark.parametrize("function", SENDERS)
@pytest.mark.parametrize(
    "sender", ["events@example.com", "events@evil-convoke.example.com", "convoke.example.com", "", "a@b.example.org"]
)
def test_mail_leaves_from_no_address_but_the_senders(function: str, sender: str) -> None:
    assert not any(allowed(function, sending(sender, ["bo@example.net"]), EarlierSenders="a@a.example.org"))


@pytest.mark.parametrize("function", SENDERS)
def test_in_the_sandbox_the_recipient_s_verified_identity_is_asked_for_too(function: str) -> None:
    assert all(allowed(function, sending("events@convoke.example.com", ["bo@example.net"])))


@pytest.mark.parametrize("function", SENDERS)
def test_mail_leaves_by_this_account_this_region_and_this_configuration_set_only(function: str) -> None:
    context = {"ses:FromAddress": ("events@convoke.example.com",)}
    for resource in (
        f"arn:aws:ses:eu-west-1:{ACCOUNT}:identity/convoke.example.com",
        f"arn:aws:ses:{REGION}:999999999999:identity/convoke.example.com",
        f"arn:aws:ses:{REGION}:{ACCOUNT}:configuration-set/another",
    ):
        assert allowed(function, [Request("ses:SendEmail", resource, context)]) == [False]


def test_nobody_else_sends() -> None:
    for role in ROLES:
        allows = [Deployment().allows(role, one) for one in sending("events@convoke.example.com", [])]
        assert all(allows) if role.removesuffix("Role") in SENDERS else not any(allows)


# --- what must not be allowed -------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_no_function_can_make_an_api_key_or_change_one(role: str) -> None:
    function = role.removesuffix("Role")
    account = {"pk": {"S": "ACCOUNT#acme"}, "sk": {"S": "KEY#ci"}}
    for key in (SECRET, account):
        assert call(function, "PutItem", TableName="Accounts", Item=key) == [False]
        for change in ("SET #a = :a", "REMOVE #a", "SET last_used = :a, #a = :a"):
            for name in ("account", "scopes", "valid_until", "revoked_at", "hash"):
                words = {"UpdateExpression": change, "ExpressionAttributeNames": {"#a": name}}
                assert call(function, "UpdateItem", TableName="Accounts", Key=key, **words) == [False]
        assert call(function, "DeleteItem", TableName="Accounts", Key=key) == [False]
        assert call(
            function, "TransactWriteItems", TransactItems=[{"Put": {"TableName": "Accounts", "Item": key}}]
        ) == [False]


def test_the_authorizer_writes_when_a_key_was_last_used_and_is_shown_nothing_by_that() -> None:
    used = {"TableName": "Accounts", "UpdateExpression": "SET last_used = :day"}
    for role in ROLES:
        assert call(role.removesuffix("Role"), "UpdateItem", Key=SECRET, **used) == [role == "AuthorizeRole"]
    assert call("Authorize", "UpdateItem", Key=SECRET, **used, ReturnValues="ALL_OLD") == [False]
    account = {"pk": {"S": "ACCOUNT#acme"}, "sk": {"S": "KEY#ci"}}
    assert call("Authorize", "UpdateItem", Key=account, **used) == [False]


def test_only_the_authorizer_and_the_console_read_api_keys() -> None:
    readers = {
        role for role in ROLES if call(role.removesuffix("Role"), "GetItem", TableName="Accounts", Key=SECRET)[0]
    }
    assert readers == {"AuthorizeRole", "ConsoleRole"}


def test_what_was_answered_to_an_idempotency_key_is_kept_by_the_api() -> None:
    item = {"pk": {"S": "REQUESTS#acme"}, "sk": {"S": "POST /events#k"}}
    assert call("Api", "PutItem", TableName="Accounts", Item=item) == [True]
    assert call("Api", "GetItem", TableName="Accounts", Key=item) == [True]


def test_settings_of_accounts_are_changed_by_the_api_and_the_console_alone() -> None:
    for role in ROLES:
        for key in (
            {"pk": {"S": "SETTINGS#acme"}, "sk": {"S": "SETTINGS"}},
            {"pk": {"S": "LOGO#l"}, "sk": {"S": "LOGO"}},
        ):
            may = role in ("ApiRole", "ConsoleRole")
            assert call(role.removesuffix("Role"), "PutItem", TableName="Accounts", Item=key) == [may]


def test_nobody_but_the_console_lets_somebody_in() -> None:
    """Neither what mails the links nor what shows pages to everybody can make a session, or a link for an account."""
    for role in ROLES:
        for kind in ("SESSION", "SIGN_IN"):
            key = {"pk": {"S": f"{kind}#0123"}, "sk": {"S": kind}}
            may = call(role.removesuffix("Role"), "PutItem", TableName="Accounts", Item=key)
            assert may == [role == "ConsoleRole"], role


@pytest.mark.parametrize("function", ["Feedback", "Replies", "Sweep"])
def test_who_notes_facts_reads_no_secret_of_a_webhook_and_makes_no_webhook(function: str) -> None:
    query = {
        "TableName": "Webhooks",
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "ACCOUNT#acme"}},
    }
    assert call(function, "Query", **query) == [False]
    assert call(function, "Query", **query, ProjectionExpression="secret") == [False]
    assert call(function, "Query", **query, ProjectionExpression="events, secret") == [False]
    assert call(function, "Query", **query, ProjectionExpression="events", Select="ALL_ATTRIBUTES") == [False]
    assert call(function, "Query", **query, ProjectionExpression="events") == [True]
    webhook = {"pk": {"S": "ACCOUNT#acme"}, "sk": {"S": "WEBHOOK#w"}}
    assert call(function, "GetItem", TableName="Webhooks", Key=webhook) == [False]
    assert call(function, "PutItem", TableName="Webhooks", Item=webhook) == [False]
    assert call(
        function,
        "PutItem",
        TableName="Webhooks",
        Item={"pk": {"S": "WEBHOOK_EVENTS#acme"}, "sk": {"S": "WEBHOOK_EVENT#f"}},
    ) == [True]


# --- what Lambda does by itself -----------------------------------------------------------------------------------


def needed_by_lambda() -> Iterator[tuple[str, str, str]]:
    """What Lambda does in the name of a function: its role, the action, the resource."""
    deployment = Deployment(**policies.FOLLOWS)
    for part in policies.transformed()["Resources"].values():
        if part["Type"] not in ("AWS::Lambda::EventSourceMapping", "AWS::Lambda::EventInvokeConfig"):
            continue
        if "Condition" in part and not deployment.holds(part["Condition"]):
            continue
        properties = deployment.value(part["Properties"])
        role, source = f"{properties['FunctionName']}Role", properties.get("EventSourceArn", "")
        if ":sqs:" in source:
            for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
                yield role, f"sqs:{action}", source
        elif ":dynamodb:" in source:
            for action in ("DescribeStream", "GetRecords", "GetShardIterator"):
                yield role, f"dynamodb:{action}", source
            yield role, "dynamodb:ListStreams", "*"
        if aside := properties.get("DestinationConfig", {}).get("OnFailure"):
            yield role, "sqs:SendMessage", aside["Destination"]


def test_lambda_may_read_what_wakes_a_function_and_put_aside_what_it_gave_up() -> None:
    needed = list(needed_by_lambda())
    assert len(needed) == 5 * 3 + 4 * 4 + 2 + 1
    for role, action, resource in needed:
        assert Deployment(**policies.FOLLOWS).allows(role, Request(action, resource, {})), (role, action, resource)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_write_its_log_and_its_trace(function: str) -> None:
    logging = FUNCTIONS[function]["LoggingConfig"]
    assert logging["LogFormat"] == "JSON"
    group = logging["LogGroup"]["Ref"]
    stream = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:one"
    traces = [Request(f"xray:{action}", "*", {}) for action in ("PutTraceSegments", "PutTelemetryRecords")]
    assert all(
        allowed(
            function,
            [*(Request(f"logs:{action}", stream, {}) for action in ("CreateLogStream", "PutLogEvents")), *traces],
        )
    )


# --- who may come in ----------------------------------------------------------------------------------------------


def put_by(service: str, account: str, rule: str, secure: str, **parameters: str) -> bool:
    deployment = Deployment(ReceiveReplies="true", **parameters)
    document = policies.transformed()["Resources"]["InboundMailPolicy"]["Properties"]["PolicyDocument"]
    statements = [
        one
        for one in deployment.value(document["Statement"])
        if one["Principal"] == "*" or one["Principal"]["Service"] == service
    ]
    context = {"aws:SourceAccount": (account,), "aws:SourceArn": (rule,), "aws:SecureTransport": (secure,)}
    return decided(statements, Request("s3:PutObject", "arn:aws:s3:::InboundMail/mail", context))


def rule(rule_set: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:ses:{REGION}:{account}:receipt-rule-set/{rule_set}:receipt-rule/ReplyRule-1"


OURS = "convoke-6f747d92-6a3b-4a5e-8c57-1d0f6a1f9c1e"


def test_only_ses_for_a_rule_of_our_rule_set_puts_mails_into_the_bucket_and_only_over_tls() -> None:
    assert put_by("ses.amazonaws.com", ACCOUNT, rule(OURS), "true")
    assert put_by("ses.amazonaws.com", ACCOUNT, rule("theirs"), "true", ReceiptRuleSet="theirs")
    assert not put_by("ses.amazonaws.com", ACCOUNT, rule(OURS), "false")
    assert not put_by("ses.amazonaws.com", ACCOUNT, rule("theirs"), "true")
    assert not put_by("ses.amazonaws.com", "999999999999", rule(OURS, "999999999999"), "true")
    assert not put_by("s3.amazonaws.com", ACCOUNT, rule(OURS), "true")


def test_only_the_stack_on_one_machine_which_has_no_tls_goes_without() -> None:
    assert put_by("ses.amazonaws.com", ACCOUNT, rule(OURS), "false", LocalWebhooks="true")
    assert policies.transformed()["Parameters"]["LocalWebhooks"]["Default"] == "false"


# --- the evaluator itself -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {"k": "a"}}, {"k": ("a",)}, True),
        ({"StringEquals": {"k": ["a", "b"]}}, {"k": ("b",)}, True),
        ({"StringEquals": {"k": "a*"}}, {"k": ("ab",)}, False),
        ({"StringLike": {"k": "a*"}}, {"k": ("ab",)}, True),
        ({"StringLike": {"k": "a?"}}, {"k": ("abc",)}, False),
        ({"StringLike": {"k": "a.c"}}, {"k": ("abc",)}, False),
        ({"StringEquals": {"k": "a"}}, {}, False),
        ({"StringEqualsIfExists": {"k": "a"}}, {}, True),
        ({"StringEqualsIfExists": {"k": "a"}}, {"k": ("b",)}, False),
        ({"ForAllValues:StringLike": {"k": "a*"}}, {}, True),
        ({"ForAllValues:StringLike": {"k": "a*"}}, {"k": ("ab", "b")}, False),
        ({"ForAnyValue:StringLike": {"k": "a*"}}, {"k": ("ab", "b")}, True),
        ({"ForAnyValue:StringLike": {"k": "a*"}}, {}, False),
        ({"StringEquals": {"k": "a", "l": "b"}}, {"k": ("a",), "l": ("c",)}, False),
        ({"Bool": {"k": "false"}}, {"k": ("false",)}, True),
    ],
)
def test_a_condition_holds_as_aws_documents_it(
    condition: dict[str, Any], context: dict[str, tuple[str, ...]], holds: bool
) -> None:
    statement = {"Effect": "Allow", "Action": "a:*", "Resource": "*", "Condition": condition}
    assert decided([statement], Request("a:b", "r", context)) is holds


def test_a_denial_wins_and_what_is_not_said_is_denied() -> None:
    allow = {"Effect": "Allow", "Action": ["a:Get*"], "Resource": "arn:*:one/*"}
    deny = {"Effect": "Deny", "Action": "a:*", "Resource": "arn:x:one/two"}
    assert decided([allow], Request("a:GetIt", "arn:x:one/two", {}))
    assert not decided([allow, deny], Request("a:GetIt", "arn:x:one/two", {}))
    assert not decided([allow], Request("a:PutIt", "arn:x:one/two", {}))
    assert not decided([allow], Request("a:GetIt", "arn:x:two", {}))


def test_what_the_evaluator_does_not_know_it_lets_through_to_nobody() -> None:
    unknown = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"DateLessThan": {"k": "2027"}}}
    with pytest.raises(KeyError):
        decided([unknown], Request("a:b", "r", {"k": ("2026",)}))
    with pytest.raises(KeyError):
        list(requests_of("dynamodb", "DeleteTable", {}))
    with pytest.raises(KeyError):
        list(requests_of("iam", "CreateUser", {}))


def test_a_handler_that_asks_for_more_than_its_role_allows_fails_its_test_even_if_it_hides_that() -> None:
    hides = contextlib.suppress(Denied)
    with pytest.raises(Denied, match="Authorize may not dynamodb:PutItem"), policies.acting_as("Authorize"), hides:
        policies.asked("dynamodb", "PutItem", {"TableName": "Accounts", "Item": SECRET})
