"""The four tables under test, made from template.yaml itself, so that code and template cannot drift apart."""

from __future__ import annotations

import copy
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml  # type: ignore[import-untyped]
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from convoke.settings import Settings
from convoke.store import compression, dynamo
from tests import quick_moto
from tests.simulation import scene

quick_moto.install()
TEMPLATE = Path(__file__).parent.parent / "template.yaml"
SETTINGS = replace(scene.SETTINGS, public_url="https://pages.convoke.example.com/v1")
# The tables with nothing in them, by region.
_EMPTY: dict[str, Any] = {}
OF_A_TABLE = (
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "GlobalSecondaryIndexes",
)


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML with CloudFormation's tags, each read as a map of one entry; ten times as fast where there is LibYAML."""


def _tag(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix: value}


Loader.add_multi_constructor("!", _tag)


@cache
def template() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(TEMPLATE.read_text(), Loader)  # noqa: S506 (a safe loader with three more tags)
    return loaded


@cache
def _client() -> Any:
    """One client for all tests: making it takes longer than most of them."""
    client = boto3.client(
        "dynamodb", region_name="eu-central-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    client.meta.events.register("provide-client-params.dynamodb.Query", _strict_query)
    return client


@contextmanager
def in_memory() -> Iterator[Any]:
    """A client of DynamoDB in memory, with the template's tables and nothing in them."""
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        create_tables(_client())
        patch.setattr(dynamo, "transact", _strict(dynamo.transact))
        yield _client()


def _strict_query(params: dict[str, Any], **_: Any) -> None:
    """DynamoDB refuses a BETWEEN whose first value is greater than its last; the one in memory finds nothing."""
    values = dynamo.unwire(params.get("ExpressionAttributeValues", {}))
    for name in ("KeyConditionExpression", "FilterExpression"):
        for first, last in re.findall(r"BETWEEN (:\w+) AND (:\w+)", params.get(name, "")):
            assert values[first] <= values[last], f"{name} {first} {last}"


def _strict(transact: Callable[..., None]) -> Callable[..., None]:
    """DynamoDB refuses a value that no expression uses, and two actions on one item; the one in memory does not."""

    def checked(client: Any, actions: list[dict[str, Any]], attempts: int = dynamo.ATTEMPTS) -> None:
        touched = set()
        for action in actions:
            [what] = action.values()
            expressions = what.get("ConditionExpression", "") + " " + what.get("UpdateExpression", "")
            assert set(re.findall(r":\w+", expressions)) == set(what.get("ExpressionAttributeValues", {}))
            key = what.get("Key") or what["Item"]
            touched.add((what["TableName"], str(key["pk"]), str(key["sk"])))
        assert len(touched) == len(actions)
        transact(client, actions, attempts)

    return checked


def create_tables(client: Any) -> Settings:
    """Make the template's tables, each under its logical id, and answer the settings that name them.

    In memory they are made once, and then copied: to make them takes fifty times as long as to copy them, and longer
    than most tests. Those of the emulator, which has an address of this machine, are made each time.
    """
    if "amazonaws.com" not in client.meta.endpoint_url:
        _make_tables(client)
        return SETTINGS
    region = client.meta.region_name
    tables = tables_of(client)
    assert not tables
    if region not in _EMPTY:
        _make_tables(client)
        _EMPTY[region] = copy.deepcopy(tables)
    else:
        tables.update(copy.deepcopy(_EMPTY[region]))
    return SETTINGS


def tables_of(client: Any) -> dict[str, Any]:
    """The tables in memory that this client asks: copies of them may be put in their places."""
    tables: dict[str, Any] = dynamodb_backends[DEFAULT_ACCOUNT_ID][client.meta.region_name].tables
    return tables


def _make_tables(client: Any) -> None:
    for name, resource in template()["Resources"].items():
        if resource["Type"] == "AWS::DynamoDB::Table":
            properties = resource["Properties"]
            wanted = {part: properties[part] for part in OF_A_TABLE if part in properties}
            client.create_table(TableName=name, **wanted)


def everything(client: Any) -> dict[str, list[dict[str, Any]]]:
    """All that is stored, to be compared with itself later."""
    return {
        name: sorted(
            (dynamo.unwire(item) for item in client.scan(TableName=name)["Items"]),
            key=lambda item: (item["pk"], item["sk"]),
        )
        for name in (
            *(SETTINGS.registrations_table, SETTINGS.invitations_table),
            *(SETTINGS.accounts_table, SETTINGS.webhooks_table),
        )
    }


def readable(stored: Any) -> str:
    """Items as text in which words can be looked for: what is stored compressed, as mails are, as it was before."""
    return str(_decompressed(stored))


_COMPRESSED: dict[str, Callable[[bytes], Any]] = {
    "rendered": compression.unpacked,
    "dates": zlib.decompress,
    "content": zlib.decompress,
}


def _decompressed(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _COMPRESSED.get(name, bytes)(each) if isinstance(each, bytes) else _decompressed(each)
            for name, each in value.items()
        }
    return [_decompressed(each) for each in value] if isinstance(value, list) else value


@contextmanager
def unchanged(client: Any) -> Iterator[None]:
    """What happens meanwhile stores nothing."""
    before = everything(client)
    yield
    assert everything(client) == before
