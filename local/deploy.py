"""Builds template.yaml and deploys it to the emulator as to AWS, then adds what the pinned emulator does not support.

Each function here and in ``routes`` whose docstring begins with "Workaround" is for a gap of the emulator; an
end-to-end test fails when it is no longer needed, or no longer enough.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

from convoke.model import ConvokeError, frozen

from . import processes
from .place import REGION, ROOT, STACK, Place

SAM = Path(sys.executable).with_name("sam")
BATCH = "sqs:SendMessageBatch"
ARTIFACTS = "convoke-artifacts"
PARAMETERS = {
    "SenderAddress": "calendar@convoke.example",
    "CreateIdentity": "false",
    "ResendAfter": "5",
    "AttentionAfter": "10",
    "LocalWebhooks": "true",
}


class SamFailed(ConvokeError):
    def __init__(self, log: Path) -> None:
        super().__init__(f"sam failed; this is the end of {log}:\n\n" + log.read_text()[-2000:])


@frozen
class Deployed:
    """The deployed stack: its outputs, by their names in template.yaml, and the base URL of the API."""

    outputs: dict[str, str]
    api: str

    @property
    def tables(self) -> dict[str, str]:
        names = ("registrations", "invitations", "accounts", "webhooks")
        return {name: self.outputs[f"{name.capitalize()}Table"] for name in names}

    @property
    def queues(self) -> dict[str, str]:
        return {name: self.outputs[f"{name.capitalize()}Queue"] for name in ("urgent", "ordinary", "hooks", "imports")}


class Sam:
    """The SAM CLI, connected to the emulator, with its own files in our folder and without telemetry."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.build_folder = (place.folder / "build").absolute()
        self.log = place.folder / "sam.log"
        self.log.write_text("")
        notes = place.temporary / "sam"
        notes.mkdir()
        # Without this file it looks for a newer version at every start.
        (notes / "metadata.json").write_text(json.dumps({"lastVersionCheck": datetime.now(UTC).isoformat()}))
        self.environment = place.environment(
            SAM_CLI_TELEMETRY="0", __SAM_CLI_APP_DIR=str(notes), CONVOKE_PYTHON="local", PYTHON=sys.executable
        )

    def run(self, *arguments: str) -> None:
        """Run to the end. Raises :class:`SamFailed`; leaves no child behind when interrupted."""
        process = processes.start([str(SAM), *arguments], folder=ROOT, environment=self.environment, log=self.log)
        try:
            if process.wait():
                raise SamFailed(self.log)
        finally:
            processes.end(process)

    def build(self) -> None:
        self.run("build", "--template-file", "template.yaml", "--build-dir", str(self.build_folder))

    def deploy(self, more: Mapping[str, str]) -> Deployed:
        """Deploy with :data:`PARAMETERS` and ``more``."""
        client("s3", self.place).create_bucket(Bucket=ARTIFACTS)
        parameters = [f"{name}={value}" for name, value in {**PARAMETERS, **more}.items()]
        self.run(
            *("deploy", "--template-file", str(self.build_folder / "template.yaml"), "--stack-name", STACK),
            *("--s3-bucket", ARTIFACTS, "--region", REGION, "--capabilities", "CAPABILITY_IAM"),
            *("--no-confirm-changeset", "--no-progressbar", "--parameter-overrides", *parameters),
        )
        stack = client("cloudformation", self.place).describe_stacks(StackName=STACK)["Stacks"][0]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        api_id = physical_ids(self.place)["HttpApi"]
        return Deployed(outputs=outputs, api=f"{self.place.endpoint}/_aws/execute-api/{api_id}/v1")


def client(service: str, place: Place) -> Any:
    """A client of the emulator, with all permissions."""
    connect: Callable[..., Any] = boto3.client
    return connect(service, **_emulated(place))


def resource(service: str, place: Place) -> Any:
    """As :func:`client`, one that takes and gives plain values."""
    connect: Callable[..., Any] = boto3.resource
    return connect(service, **_emulated(place))


def _emulated(place: Place) -> dict[str, str]:
    return {
        "endpoint_url": place.endpoint,
        "region_name": REGION,
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }


def physical_ids(place: Place) -> dict[str, str]:
    resources = client("cloudformation", place).describe_stack_resources(StackName=STACK)["StackResources"]
    return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}


def forget_in_time(place: Place, deployed: Deployed) -> None:
    """Workaround: the emulator does not apply TimeToLiveSpecification."""
    tables = client("dynamodb", place)
    for name in ("invitations", "accounts", "webhooks"):
        tables.update_time_to_live(
            TableName=deployed.tables[name],
            TimeToLiveSpecification={"AttributeName": "expires_at", "Enabled": True},
        )


def count_workers(place: Place) -> None:
    """Workaround: a number from a parameter stays a string, and the poller of the queue then fails to compare it."""
    functions = client("lambda", place)
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        if most := mapping.get("ScalingConfig", {}).get("MaximumConcurrency"):
            functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": int(most)})


def queue_in_batches(place: Place) -> None:
    """Workaround: the emulator wants a permission SendMessageBatch. IAM has none: AWS asks for sqs:SendMessage."""
    access = client("iam", place)
    for role in access.list_roles()["Roles"]:
        for name in access.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
            document = access.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"]
            wider = [{**one, "Action": BATCH} for one in document["Statement"] if "sqs:SendMessage" in one["Action"]]
            if wider:
                widened = {**document, "Statement": [*document["Statement"], *wider]}
                access.put_role_policy(RoleName=role["RoleName"], PolicyName=name, PolicyDocument=json.dumps(widened))


def receive_replies(place: Place) -> None:
    """Workaround: the emulator creates no SES receipt rules, so the stack is deployed without, and the inbox accepts
    replies. RECEIVE_REPLIES of the functions is set afterwards.
    """
    functions = client("lambda", place)
    for function in functions.list_functions()["Functions"]:
        variables = function.get("Environment", {}).get("Variables", {})
        if "RECEIVE_REPLIES" in variables:
            functions.update_function_configuration(
                FunctionName=function["FunctionName"],
                Environment={"Variables": {**variables, "RECEIVE_REPLIES": "true"}},
            )
