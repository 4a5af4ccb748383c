"""The OpenAPI description, as programs that generate clients read it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from convoke.web import application, openapi
from convoke.web.fields import language_tag
from convoke.webhooks.events import WebhookEventType

DESCRIPTION: dict[str, Any] = json.loads(application.described())
OPERATIONS = list(openapi.operations(DESCRIPTION))


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


def test_operations_are_named_by_noun_and_verb() -> None:
    names = {f"{method} {path}": operation["operationId"] for path, method, operation in OPERATIONS}
    assert len(set(names.values())) == len(names)
    assert all(re.fullmatch(r"[a-z]+_[a-z]+", name) for name in names.values())
    expected = {
        "POST /events": "events_create",
        "GET /events": "events_list",
        "GET /events/{event_id}": "events_read",
        "PATCH /events/{event_id}": "events_update",
        "POST /events/{event_id}/cancel": "events_cancel",
        "POST /events/{event_id}/occurrences/{start}/cancel": "occurrences_cancel",
        "POST /events/{event_id}/registrations": "registrations_create",
        "POST /events/{event_id}/registrations/bulk": "registrations_bulk",
        "GET /registrations": "registrations_find",
        "DELETE /events/{event_id}/registrations/{registration_id}": "registrations_delete",
        "POST /quarantine/{quarantine_id}/drop": "quarantine_drop",
    }
    assert names.items() >= expected.items()
    tags = {tag["name"] for tag in DESCRIPTION["tags"]}
    assert {tag for _, _, operation in OPERATIONS for tag in operation["tags"]} == tags


def test_every_route_has_the_statuses_and_headers_that_all_have() -> None:
    for path, method, operation in OPERATIONS:
        answers = operation["responses"]
        assert answers.keys() >= {"401", "403", "429", "503"}, path
        for status, answer in answers.items():
            assert answer["headers"].keys() >= {"X-Request-Id", "RateLimit-Policy"}
            assert ("Location" in answer["headers"]) == (status == "201")
            assert ("Retry-After" in answer["headers"]) == (status in ("429", "503"))
        if method == "PATCH":
            assert operation["requestBody"]["content"].keys() == {"application/json", "application/merge-patch+json"}


def test_what_it_refers_to_is_there() -> None:
    for reference in set(references(DESCRIPTION)):
        assert reference.removeprefix("#/components/schemas/") in DESCRIPTION["components"]["schemas"]


def test_every_schema_is_of_something_that_is_asked_or_answered() -> None:
    used = {reference.removeprefix("#/components/schemas/") for reference in references(DESCRIPTION)}
    assert DESCRIPTION["components"]["schemas"].keys() == used


def test_what_there_is_many_of_comes_before_what_belongs_to_one() -> None:
    paths = list(DESCRIPTION["paths"])
    for before, after in (
        ("/events", "/events/{event_id}"),
        ("/events/{event_id}", "/events/{event_id}/registrations"),
        ("/events/{event_id}/registrations", "/events/{event_id}/registrations/bulk"),
    ):
        assert paths.index(before) < paths.index(after)


def test_null_is_allowed_for_each_field_of_a_body_that_may_be_absent() -> None:
    schemas = DESCRIPTION["components"]["schemas"]
    bodies = {name: schemas[name] for name in schemas if name.endswith(("In", "Patch"))}
    assert len(bodies) > 15
    for name, schema in bodies.items():
        for field, described in schema.get("properties", {}).items():
            nullable = {"type": "null"} in described.get("anyOf", ())
            assert nullable != (field in schema.get("required", ())), f"{name}.{field}"
    assert {"type": "integer", "minimum": 0, "maximum": 604800} in schemas["RotateIn"]["properties"]["overlap"]["anyOf"]


def test_webhooks_are_described_with_what_is_posted() -> None:
    assert DESCRIPTION["webhooks"].keys() == {each.value for each in WebhookEventType}
    for what, item in DESCRIPTION["webhooks"].items():
        payload = item["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert payload["properties"]["type"]["const"] == what
        assert set(payload["required"]) == {"id", "type", "created_at", "data"}


def test_formats_are_said() -> None:
    schemas = DESCRIPTION["components"]["schemas"]
    assert schemas["RegistrationIn"]["properties"]["email"]["format"] == "email"
    assert schemas["RegistrationOut"]["properties"]["created_at"]["format"] == "date-time"
    assert schemas["WebhookIn"]["properties"]["url"]["format"] == "uri"


@pytest.mark.parametrize(
    "tag", ["en", "pt-BR", "zh-Hant-TW", "es-419", "sl-rozaj-biske", "de-1996", "zh-yue-HK", "en-u-hc-h23", "DE"]
)
def test_a_language_is_a_tag_of_bcp_47(tag: str) -> None:
    assert language_tag(tag) == tag


def test_what_is_posted_of_mails_is_described() -> None:
    """As ``delivery.reports`` writes it, and ``delivery.reconcile`` of a mail that was given up."""
    described = {}
    for what, posted in DESCRIPTION["webhooks"].items():
        content = posted["post"]["requestBody"]["content"]["application/json"]["schema"]
        described[what] = set(content["properties"]["data"]["properties"])
    both = {"event_id", "registration_id", "state", "registration"}
    for what in ("delivered", "bounced", "complained", "failed"):
        assert described[f"invitation.{what}"] == {*both, "method", "sequence", "reason"}
    for what in ("bounced", "complained", "failed"):
        assert described[f"notification.{what}"] == {*both, "kind", "reason"}
