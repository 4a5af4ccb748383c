"""The template's values and roles in a deployment, held against what the functions ask of AWS.

Every call that a handler makes in a test goes through :func:`asked`, while :func:`acting_as` says whose it is. One that
the function's role in the transformed template does not allow fails the test.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml  # type: ignore[import-untyped]
from botocore.client import BaseClient

from tests.iam import ACCOUNT, REGION, Request, concerns, decided, requests_of

TEMPLATE = Path(__file__).parent.parent / "template.yaml"
KEPT = TEMPLATE.parent / ".local"
PARAMETERS = {"SenderAddress": "events@convoke.example.com"}
"""What a deployment must say; everything else has its default."""
STREAM = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/%s/stream/2027-01-15T10:00:00.000"
FOLLOWS = {
    "SourceStream1": "acme=" + STREAM % "site-events",
    "SourceStream2": "acme=" + STREAM % "site-registrations",
}
"""A deployment that follows two tables of a site's own."""
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::NoValue": None,
}


class Denied(AssertionError):
    """A role does not allow what its function asked for."""


def read_by_sam() -> dict[str, Any]:
    """The template as `sam build` reads it, which leaves traces in the YAML reader that all share: not here."""
    from samcli import yamlhelper  # type: ignore[import-untyped]

    loader, constructors = yaml.SafeLoader, yaml.constructor.SafeConstructor.yaml_constructors
    with (
        patch.dict(constructors),
        patch.object(loader, "yaml_constructors", dict(loader.yaml_constructors)),
        patch.object(loader, "yaml_multi_constructors", dict(loader.yaml_multi_constructors)),
    ):
        read: dict[str, Any] = yamlhelper.yaml_parse(TEMPLATE.read_text())
    return read


SAM = ("aws-sam-translator", "aws-sam-cli")


@cache
def transformed() -> dict[str, Any]:
    """The template as SAM hands it to CloudFormation. What SAM made of it, which takes nearly two seconds, is kept for
    the other processes of the tests, until the template, SAM or this file is another.
    """
    written = (TEMPLATE.read_bytes(), Path(__file__).read_bytes(), *(version(name).encode() for name in SAM))
    digest = hashlib.sha256(b"\0".join(written)).hexdigest()
    kept = KEPT / f"transformed-{digest[:32]}.json"
    KEPT.mkdir(exist_ok=True)
    with (KEPT / "transformed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            for old in KEPT.glob("transformed-*.json"):
                old.unlink()
            made = kept.with_suffix(".new")
            made.write_text(json.dumps(_transformed()))
            made.replace(kept)  # whole, or not there, also where this process is ended in between
    read: dict[str, Any] = json.loads(kept.read_text())
    return read


def _transformed() -> dict[str, Any]:
    from samtranslator.translator.transform import transform  # type: ignore[import-untyped]

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

    def holds_for(self, part: Mapping[str, Any]) -> bool:
        """Whether a resource is made."""
        return "Condition" not in part or self.holds(part["Condition"])

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
            "Join": lambda: given[0].join(given[1]),
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
        resources = self.template["Resources"]
        documents = list(resources[role]["Properties"]["Policies"])
        documents += [
            one["Properties"]
            for one in resources.values()
            if one["Type"] == "AWS::IAM::Policy"
            and {"Ref": role} in one["Properties"]["Roles"]
            and self.holds(one["Condition"])
        ]
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


# --- who asks -----------------------------------------------------------------------------------------------------

_acting: ContextVar[tuple[str, list[str]] | None] = ContextVar("acting", default=None)
_own = BaseClient.__dict__["_make_api_call"]
USED: dict[str, set[tuple[str, str]]] = {}
"""What each function has asked for so far: actions and resources."""


@cache
def _statements(role: str) -> list[dict[str, Any]]:
    return Deployment(**FOLLOWS).policies(role)


@lru_cache(1000)
def _about(role: str, action: str, resource: str) -> list[dict[str, Any]]:
    """The role's statements that are about such a request at all; what they make it depend on is to be looked at."""
    return [one for one in _statements(role) if concerns(one, action, resource)]


def asked(service: str, operation: str, said: Mapping[str, Any]) -> None:
    """A function asks AWS for something. Raises :class:`Denied` where its role does not allow it."""
    acting = _acting.get()
    if acting is None:
        return
    function, denied = acting
    for request in requests_of(service, operation, said):
        USED.setdefault(function, set()).add((request.action, request.resource))
        if not decided(_about(f"{function}Role", request.action, request.resource), request):
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
    global _own
    before = BaseClient.__dict__["_make_api_call"]
    if before is not _watched:
        _own = before
    BaseClient._make_api_call = _watched  # type: ignore[attr-defined]
    try:
        yield
    finally:
        BaseClient._make_api_call = before  # type: ignore[attr-defined]
        _acting.reset(token)
        if denied:
            raise Denied(denied[0])
