"""IAM, as far as the template uses it: whether a role may do what a function asks of AWS, conditions included.

Every call that a handler makes in a test goes through :func:`asked`, while :func:`acting_as` says whose it is. One that
the function's role in the transformed template does not allow fails the test. What is not known here, a condition's
operator or an operation of a service, raises, rather than being let through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import yaml  # type: ignore[import-untyped]
from botocore.client import BaseClient
from samcli import yamlhelper  # type: ignore[import-untyped]
from samtranslator.translator.transform import transform  # type: ignore[import-untyped]

ACCOUNT, REGION = "123456789012", "eu-central-1"
PARAMETERS = {"SenderAddress": "events@convoke.example.com"}
"""What a deployment must say; everything else has its default."""
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::NoValue": None,
}
NAMED = {"urgent": "Urgent", "ordinary": "Ordinary", "hooks": "HooksDue"}
"""The queues of the tests, by their logical ids."""


class Denied(AssertionError):
    """A role does not allow what its function asked for."""


class Request(NamedTuple):
    """What IAM is asked: one action on one resource, with what is known of it."""

    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]]


def read_by_sam() -> dict[str, Any]:
    """The template as `sam build` reads it, which leaves traces in the YAML reader that all share: not here."""
    loader, constructors = yaml.SafeLoader, yaml.constructor.SafeConstructor.yaml_constructors
    with (
        patch.dict(constructors),
        patch.object(loader, "yaml_constructors", dict(loader.yaml_constructors)),
        patch.object(loader, "yaml_multi_constructors", dict(loader.yaml_multi_constructors)),
    ):
        read: dict[str, Any] = yamlhelper.yaml_parse((Path(__file__).parent.parent / "template.yaml").read_text())
    return read


@cache
def transformed() -> dict[str, Any]:
    """The template as SAM hands it to CloudFormation."""
    read = read_by_sam()
    # Where the code lies is written by `sam package`.
    read["Globals"]["Function"]["CodeUri"] = "s3://artifacts/code"
    read["Resources"]["CoreLayer"]["Properties"]["ContentUri"] = "s3://artifacts/layer"
    with patch.dict("os.environ", {"AWS_DEFAULT_REGION": REGION}):
        made: dict[str, Any] = transform(read, PARAMETERS, _NoManagedPolicies())
    return made


class _NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


class Deployment:
    """The template's values in one deployment, with ``parameters`` beside what must be said."""

    def __init__(self, *, stack: str = "convoke", **parameters: str) -> None:
        self.template = transformed()
        stack_id = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack}/6f747d92-6a3b-4a5e-8c57-1d0f6a1f9c1e"
        self._pseudo = PSEUDO | {"AWS::StackName": stack, "AWS::StackId": stack_id}
        self._parameters = {name: said.get("Default") for name, said in self.template["Parameters"].items()}
        self._parameters |= PARAMETERS | parameters

    def value(self, said: Any) -> Any:
        """``said`` with its intrinsic functions carried out. Raises :class:`KeyError` for one that is not known."""
        if isinstance(said, list):
            return [value for value in map(self.value, said) if value is not None]
        if not isinstance(said, dict):
            return said
        if len(said) == 1:
            [(name, argument)] = said.items()
            if name in ("Ref", "Condition") and isinstance(argument, str):
                return self._ref(argument) if name == "Ref" else self.holds(argument)
            if name.startswith("Fn::"):
                return self._function(name.removeprefix("Fn::"), argument)
        return {
            name: value for name, value in ((key, self.value(one)) for key, one in said.items()) if value is not None
        }

    def holds(self, condition: str) -> bool:
        return bool(self.value(self.template["Conditions"][condition]))

    def _ref(self, name: str) -> Any:
        if name in self._pseudo:
            return self._pseudo[name]
        return self._parameters.get(name, name)

    def _function(self, name: str, argument: Any) -> Any:
        if name == "If":
            return self.value(argument[1] if self.holds(argument[0]) else argument[2])
        if name == "GetAtt":
            return arn(self.template["Resources"], *argument)
        if name == "Sub":
            text, more = argument if isinstance(argument, list) else (argument, {})
            return re.sub(r"\$\{([\w:.]+)\}", lambda found: str(self._named(found[1], more)), text)
        given = self.value(argument)
        carried_out: dict[str, Callable[[], Any]] = {
            "Equals": lambda: given[0] == given[1],
            "Not": lambda: not given[0],
            "And": lambda: all(given),
            "Select": lambda: given[1][int(given[0])],
            "Split": lambda: given[1].split(given[0]),
        }
        return carried_out[name]()

    def _named(self, name: str, more: Mapping[str, Any]) -> Any:
        if name in more:
            return self.value(more[name])
        return (
            arn(self.template["Resources"], *name.split(".")) if "." in name and "::" not in name else self._ref(name)
        )

    def policies(self, role: str) -> list[dict[str, Any]]:
        """The statements of a role."""
        documents = self.template["Resources"][role]["Properties"]["Policies"]
        return [self.value(one) for document in documents for one in document["PolicyDocument"]["Statement"]]

    def allows(self, role: str, request: Request) -> bool:
        return decided(self.policies(role), request)


def arn(resources: Mapping[str, Any], name: str, attribute: str) -> str:
    """The ARN of a resource under its logical id, as the emulated services of the tests name them."""
    if attribute.startswith(("Dkim", "QueueName", "ApiEndpoint")):
        return f"{name}.{attribute}"
    kind = resources[name]["Type"]
    inside = {
        "AWS::DynamoDB::Table": f"dynamodb:{REGION}:{ACCOUNT}:table/{name}",
        "AWS::SQS::Queue": f"sqs:{REGION}:{ACCOUNT}:{name}",
        "AWS::S3::Bucket": f"s3:::{name}",
        "AWS::Logs::LogGroup": f"logs:{REGION}:{ACCOUNT}:log-group:{name}:*",
        "AWS::Lambda::Function": f"lambda:{REGION}:{ACCOUNT}:function:{name}",
        "AWS::IAM::Role": f"iam::{ACCOUNT}:role/{name}",
    }[kind]
    return f"arn:aws:{inside}/stream/*" if attribute == "StreamArn" else f"arn:aws:{inside}"


# --- deciding -----------------------------------------------------------------------------------------------------


def decided(statements: Iterable[Mapping[str, Any]], request: Request) -> bool:
    """Whether these policies allow it: some statement does, and none denies it."""
    matching = [one for one in statements if applies(one, request)]
    return any(one["Effect"] == "Allow" for one in matching) and all(one["Effect"] == "Allow" for one in matching)


def applies(statement: Mapping[str, Any], request: Request) -> bool:
    return (
        any(like(action.lower(), request.action.lower()) for action in several(statement["Action"]))
        and any(like(resource, request.resource) for resource in several(statement["Resource"]))
        and all(
            holds(operator, request.context.get(key), several(wanted))
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def like(pattern: str, text: str) -> bool:
    """IAM's patterns: * stands for any text, ? for one character."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text, re.DOTALL) is not None


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
    elif (service, operation) == ("sesv2", "GetAccount"):
        yield Request("ses:GetAccount", "*", {})
    else:
        raise KeyError(f"{service}:{operation}")


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


WHOLE = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


def _dynamodb(operation: str, said: Mapping[str, Any]) -> Iterator[Request]:
    if operation == "TransactWriteItems":
        for action in said["TransactItems"]:
            [(kind, what)] = action.items()
            yield _item(WHOLE[kind], what["TableName"], [what.get("Key") or what["Item"]])
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
        yield _item(operation, said["TableName"], [said.get("Key") or said["Item"]])
    else:
        raise KeyError(operation)


def _item(action: str, table: str, keys: list[Mapping[str, Any]]) -> Request:
    leading = tuple(key["pk"]["S"] for key in keys)
    resource = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"
    return Request(f"dynamodb:{action}", resource, {"dynamodb:LeadingKeys": leading})


# --- who asks -----------------------------------------------------------------------------------------------------

_acting: ContextVar[tuple[str, list[str]] | None] = ContextVar("acting", default=None)
_own = BaseClient.__dict__["_make_api_call"]
USED: dict[str, set[tuple[str, str]]] = {}
"""What each function has asked for so far: actions and resources."""


@cache
def _statements(role: str) -> list[dict[str, Any]]:
    return Deployment().policies(role)


def asked(service: str, operation: str, said: Mapping[str, Any]) -> None:
    """A function asks AWS for something. Raises :class:`Denied` where its role does not allow it."""
    acting = _acting.get()
    if acting is None:
        return
    function, denied = acting
    for request in requests_of(service, operation, said):
        USED.setdefault(function, set()).add((request.action, request.resource))
        if not decided(_statements(f"{function}Role"), request):
            denied.append(f"{function} may not {request.action} {request.resource} {dict(request.context)}")
            raise Denied(denied[-1])


def _watched(self: Any, operation: str, said: dict[str, Any]) -> Any:
    asked(self.meta.service_model.service_name, operation, said)
    return _own(self, operation, said)


@contextmanager
def acting_as(function: str) -> Iterator[None]:
    """What is asked of AWS meanwhile is asked by the function of this logical id, whatever becomes of the exception."""
    denied: list[str] = []
    token = _acting.set((function, denied))
    try:
        with patch.object(BaseClient, "_make_api_call", _watched):
            yield
    finally:
        _acting.reset(token)
        if denied:
            raise Denied(denied[0])
