"""IAM, as far as the template uses it: whether policies allow a request, and what is asked for one call of the SDK.

What is not known here, a condition's operator or an operation of a service, raises, rather than being let through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

ACCOUNT, REGION = "123456789012", "eu-central-1"
NAMED = {"urgent": "Urgent", "ordinary": "Ordinary", "hooks": "HooksDue", "imports": "ImportsDue"}
"""The queues of the tests, by their logical ids."""


class Request(NamedTuple):
    """What IAM is asked: one action on one resource, with what is known of it."""

    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]]


# --- deciding -----------------------------------------------------------------------------------------------------


def decided(statements: Iterable[Mapping[str, Any]], request: Request) -> bool:
    """Whether these policies allow it: some statement does, and none denies it."""
    matching = [one for one in statements if applies(one, request)]
    return any(one["Effect"] == "Allow" for one in matching) and all(one["Effect"] == "Allow" for one in matching)


def applies(statement: Mapping[str, Any], request: Request) -> bool:
    return concerns(statement, request.action, request.resource) and all(
        holds(operator, request.context.get(key), several(wanted))
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def concerns(statement: Mapping[str, Any], action: str, resource: str) -> bool:
    """Whether a statement is about this action on this resource, whatever its conditions say."""
    actions, resources = several(statement["Action"]), several(statement["Resource"])
    return any(like(one.lower(), action.lower()) for one in actions) and any(like(one, resource) for one in resources)


def several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def like(pattern: str, text: str) -> bool:
    """IAM's patterns: * stands for any text, ? for one character."""
    return _pattern(pattern).fullmatch(text) is not None


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


COMPARED: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringLike": like,
    "ArnLike": like,
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
}


def holds(operator: str, values: tuple[str, ...] | None, wanted: list[str]) -> bool:
    """One condition. A key that a request has not fails it, except behind ``ForAllValues:`` and ``…IfExists``."""
    quantifier, _, plain = operator.rpartition(":")
    if plain.endswith("IfExists"):
        plain = plain.removesuffix("IfExists")
        if values is None:
            return True
    compared = COMPARED[plain]
    each = [any(compared(one, value) for one in wanted) for value in values or ()]
    if quantifier == "ForAllValues":
        return all(each)
    if quantifier not in ("", "ForAnyValue"):
        raise KeyError(operator)
    return any(each)


# --- what a call asks for -----------------------------------------------------------------------------------------


def requests_of(service: str, operation: str, said: Mapping[str, Any]) -> Iterator[Request]:
    """What IAM is asked for one call of the SDK. Raises :class:`KeyError` for one that is not known."""
    if service == "dynamodb":
        yield from _dynamodb(operation, said)
    elif service == "sqs":
        action = {"SendMessageBatch": "SendMessage", "DeleteMessageBatch": "DeleteMessage"}.get(operation, operation)
        queue = said["QueueUrl"].rsplit("/", 1)[1]
        yield Request(f"sqs:{action}", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{NAMED.get(queue, queue)}", {})
    elif service == "s3":
        yield Request(f"s3:{operation}", f"arn:aws:s3:::InboundMail/{said['Key']}", {})
    elif (service, operation) == ("sesv2", "SendEmail"):
        yield from sending(said["FromEmailAddress"], said["Destination"]["ToAddresses"], said["ConfigurationSetName"])
    elif (service, operation) in READING:
        yield Request(f"{service.removesuffix('v2')}:{operation}", READING[service, operation](said), {})
    else:
        raise KeyError(f"{service}:{operation}")


READING: dict[tuple[str, str], Callable[[Mapping[str, Any]], str]] = {
    ("sesv2", "GetAccount"): lambda _: "*",
    ("sesv2", "GetEmailIdentity"): lambda said: f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/{said['EmailIdentity']}",
    ("ses", "DescribeActiveReceiptRuleSet"): lambda _: "*",
    ("lambda", "GetAccountSettings"): lambda _: "*",
    ("lambda", "ListEventSourceMappings"): lambda _: "*",
    ("sns", "ListSubscriptionsByTopic"): lambda said: said["TopicArn"].rsplit(":", 1)[1],
}
"""The resource that each of these calls is about; of a topic its logical id, as which the tests name it."""


def sending(sender: str, recipients: Iterable[str], configuration_set: str = "Sending") -> Iterator[Request]:
    """SES asks for the sender's identity and for the configuration set; in its sandbox for each recipient's, too.

    With raw content the same is asked for ses:SendRawEmail.
    """
    context = {"ses:FromAddress": (sender,), "ses:Recipients": tuple(recipients)}
    names = [sender.partition("@")[2], *recipients]
    identities = [f"identity/{name}" for name in names]
    for action in ("ses:SendEmail", "ses:SendRawEmail"):
        for resource in (*identities, f"configuration-set/{configuration_set.capitalize()}"):
            yield Request(action, f"arn:aws:ses:{REGION}:{ACCOUNT}:{resource}", context)


# A transaction has no permission of its own: each action in it is authorized as the operation on one item that it is,
# with that item's condition keys, such as dynamodb:LeadingKeys.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
WHOLE = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


def _dynamodb(operation: str, said: Mapping[str, Any]) -> Iterator[Request]:
    if operation == "TransactWriteItems":
        for action in said["TransactItems"]:
            [(kind, what)] = action.items()
            yield _item(WHOLE[kind], what["TableName"], [what.get("Key") or what["Item"]], written(what))
    elif operation == "TransactGetItems":
        for each in said["TransactItems"]:
            yield _item("GetItem", each["Get"]["TableName"], [each["Get"]["Key"]])
    elif operation == "BatchGetItem":
        for table, wanted in said["RequestItems"].items():
            yield _item(operation, table, wanted["Keys"])
    elif operation in ("Query", "Scan"):
        index = f"/index/{said['IndexName']}" if "IndexName" in said else ""
        names = said.get("ExpressionAttributeNames", {})
        asked = re.findall(r"#?\w+", said.get("ProjectionExpression", ""))
        context = {
            "dynamodb:Select": (said.get("Select", "SPECIFIC_ATTRIBUTES" if asked else "ALL_ATTRIBUTES"),),
            "dynamodb:Attributes": tuple(names.get(name, name) for name in asked),
        }
        if operation == "Query" and not index:
            first = re.search(r"\bpk = (:\w+)", said["KeyConditionExpression"])
            assert first, said["KeyConditionExpression"]
            context["dynamodb:LeadingKeys"] = (said["ExpressionAttributeValues"][first[1]]["S"],)
        yield Request(
            f"dynamodb:{operation}", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{said['TableName']}{index}", context
        )
    elif operation in ("GetItem", "PutItem", "UpdateItem", "DeleteItem"):
        yield _item(operation, said["TableName"], [said.get("Key") or said["Item"]], written(said))
    elif operation in ("DescribeTable", "DescribeContinuousBackups", "DescribeTimeToLive"):
        yield _item(operation, said["TableName"], [])
    else:
        raise KeyError(operation)


def written(said: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """What IAM is told of a write's attributes: those of its key or item, and those that its expressions name."""
    text = f"{said.get('UpdateExpression', '')} {said.get('ConditionExpression', '')}"
    names = said.get("ExpressionAttributeNames", {})
    words = re.findall(r"(?<![:\w])#?[a-z]\w*(?![\w(])", re.sub(r"\b[a-z_]+\(", " ( ", text))
    named = {names.get(word, word) for word in words} - {"and", "or", "not"}
    context = {"dynamodb:Attributes": tuple(sorted({*(said.get("Key") or said.get("Item") or {}), *named}))}
    returned = said.get("ReturnValues", "ALL_OLD" if "ReturnValuesOnConditionCheckFailure" in said else None)
    return context | ({"dynamodb:ReturnValues": (returned,)} if returned else {})


def _item(
    action: str, table: str, keys: list[Mapping[str, Any]], more: Mapping[str, tuple[str, ...]] | None = None
) -> Request:
    leading = tuple(key["pk"]["S"] for key in keys if "pk" in key)  # tables of a site's own have other keys
    resource = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"
    return Request(f"dynamodb:{action}", resource, {"dynamodb:LeadingKeys": leading, **(more or {})})
