"""An integer of a body is one however JSON writes it: 5, 5.0, 5e0 (JSON Schema 2020-12, validation, 6.1.1)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from convoke.web import application, openapi
from tests.caller import BO, PARTY, World, a_caller
from tests.fixtures import patching_fixture_of

DESCRIPTION: dict[str, Any] = json.loads(application.described())
FIELDS = {"capacity": 100, "guests": 2, "notify_after": 0, "overlap": 0, "unconfirmed_mails": 7}
"""Each integer of a body, with a value of it."""


world = patching_fixture_of(a_caller)


def integers(schema: dict[str, Any], name: str = "") -> Iterator[str]:
    """The names of the integer fields of a schema, and of those that it is made of."""
    if "$ref" in schema:
        schema = DESCRIPTION["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "integer":
        yield name
    for inner in (*schema.get("anyOf", ()), *filter(None, [schema.get("items")])):
        yield from integers(inner, name)
    for field, inner in schema.get("properties", {}).items():
        yield from integers(inner, field)


def test_every_integer_of_a_body_is_looked_at_here() -> None:
    bodies = [each["requestBody"] for _, _, each in openapi.operations(DESCRIPTION) if "requestBody" in each]
    found = {name for body in bodies for name in integers(body["content"]["application/json"]["schema"])}
    assert found == FIELDS.keys()


def written(world: World, field: str, value: str) -> list[Any]:
    """Send ``value``, JSON text, as ``field`` to each route that has it; the status of each, with what is shown then,
    or with the fields that are wrong.
    """

    def sent(method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        text = json.dumps(body | {field: "@"}).replace('"@"', value)
        answer = world.call(method, path, text)
        good = answer.status in (200, 201)
        return answer.status, answer.body.get(field) if good else answer.fields

    match field:
        case "capacity":
            event = world.hold()
            return [sent("POST", "/events", PARTY), sent("PATCH", event, {})]
        case "guests":
            event = world.hold()
            other = world.register(event, "cy@example.net")
            return [sent("POST", f"{event}/registrations", BO), sent("PATCH", other, {})]
        case "notify_after":
            party = {name: part for name, part in PARTY.items() if name != field}
            return [sent("POST", "/events", party), sent("PATCH", world.hold(), {}), sent("PATCH", "/account", {})]
        case "unconfirmed_mails":
            return [sent("PATCH", "/account", {})]
        case _:
            hook = {"url": "https://hooks.example.com/", "events": ["event.changed"]}
            webhook = world.call("POST", "/webhooks", hook).body["webhook_id"]
            return [sent("POST", f"/webhooks/{webhook}/rotate", {})]


@pytest.mark.parametrize("field", FIELDS)
def test_an_integer_may_have_a_fraction_of_zero(world: World, field: str) -> None:
    plain = written(world, field, str(FIELDS[field]))
    assert {status for status, _ in plain} <= {200, 201}
    assert {shown for _, shown in plain} == ({None} if field == "overlap" else {FIELDS[field]})
    for text in (f"{FIELDS[field]}.0", f"{FIELDS[field]}e0", f"{FIELDS[field]}.000", *(["-0.0"] * (not FIELDS[field]))):
        again = written(world, field, text)
        assert again == plain, text
        assert not any(isinstance(shown, float) for _, shown in again)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", ["1.5", "0.9999", "1e308", "-1.0", "1e999", "-1e999", '"1"', '"1.0"', "true", "[1]"])
def test_what_is_no_integer_of_its_range_is_refused(world: World, field: str, value: str) -> None:
    for status, wrong in written(world, field, value):
        assert (status, wrong) == (422, [field])


def test_registering_many_at_once_reads_integers_alike(world: World) -> None:
    event = world.hold()
    body = {"registrations": [BO | {"guests": 2.0}, BO | {"email": "cy@example.net", "guests": 2.5}]}
    first, second = world.call("POST", f"{event}/registrations/bulk", body).body["items"]
    assert (first["status"], second["status"]) == (201, 422)
    assert [error["field"] for error in second["errors"]] == ["guests"]
    assert world.call("GET", f"{event}/registrations/{first['registration_id']}").body["guests"] == 2
