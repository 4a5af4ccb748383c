"""What the OpenAPI description says beyond routes and models: tags and operation ids for generated clients, and
what every route has alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..webhooks.events import WebhookEventType
from . import problems

VERBS = {"POST": "create", "GET": "list", "PATCH": "update", "DELETE": "delete"}
"""What a method does to the last resource of a path; a GET that names one of them reads it."""
TAGS = {
    "events": "Events: create, find, change, cancel, reopen, split, preview",
    "occurrences": "The single dates of a series",
    "registrations": "People at an event: register, find, change, withdraw, erase",
    "messages": "What people were sent",
    "answers": "What people answered",
    "participation": "How many accept",
    "proposals": "Other times that people propose",
    "attention": "Who was not reached",
    "quarantine": "Mails that were put aside",
    "webhooks": "Your own systems that are informed",
    "deliveries": "What webhooks were posted",
    "sources": "Tables of your own that are followed",
    "account": "What the account has decided for its events and their pages",
    "changes": "What webhooks were sent, for who was down",
}
NAMES = {
    "GET /account": "account_read",
    "GET /events/{event_id}/registrations/{registration_id}/calendar": "registrations_calendar",
    "GET /registrations": "registrations_find",
    "GET /events/{event_id}/registrations.csv": "registrations_export",
    "GET /events/{event_id}/participation": "participation_count",
    "GET /events/{event_id}/registrations/{registration_id}/messages/{sequence}/mail": "messages_download",
    "GET /events/{event_id}/quarantine": "quarantine_find",
    "POST /events/{event_id}/quarantine/{quarantine_id}/release": "quarantine_allow",
    "POST /events/{event_id}/quarantine/{quarantine_id}/drop": "quarantine_discard",
}
"""Operation ids that do not follow from their paths."""
REQUEST_ID = {"description": "The id of the request, as in the logs.", "schema": {"type": "string"}}
RATE_LIMIT = {"description": "How many requests a second the API takes.", "schema": {"type": "string"}}
RETRY_AFTER = {"description": "Seconds after which to try again.", "schema": {"type": "integer"}}
ETAG = {"description": "The version of what is answered.", "schema": {"type": "string"}}
LOCATION = {"description": "Where what was created is.", "schema": {"type": "string", "format": "uri-reference"}}
REPLAYED = {
    "description": "That a request with this Idempotency-Key was carried out before.",
    "schema": {"type": "string", "const": "true"},
}
UNUSED = ("HTTPValidationError", "ResponseValidationError", "ValidationError")
"""Schemas of powertools that no answer of ours has."""
ALIKE = {
    "401": "There is no API key, or it is not valid.",
    "403": "The API key lacks the scope of this route.",
    "429": "Too many requests, or a limit is reached. From API Gateway it has a `message` only.",
    "503": "Busy.",
}
"""Statuses that every route may answer, besides its own."""


def refined(description: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI description of powertools with what is missing; it is changed in place, and returned."""
    for path, method, operation in operations(description):
        tag, name = named(method, path)
        operation |= {"tags": [tag], "operationId": name}
        _describe_answers(operation, method)
        if method == "PATCH":
            content = operation["requestBody"]["content"]
            content[problems.PATCH_MEDIA_TYPE] = content["application/json"]
    # Powertools says in the order of its routers; readers find `/events` before what belongs to one of them.
    description["paths"] = dict(sorted(description["paths"].items(), key=lambda one: one[0].count("/")))
    for name in UNUSED:
        description["components"]["schemas"].pop(name, None)
    description["tags"] = [{"name": tag, "description": text} for tag, text in TAGS.items()]
    description["webhooks"] = {each.value: _webhook(each) for each in WebhookEventType}
    return description


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation of every route."""
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def named(method: str, path: str) -> tuple[str, str]:
    """The tag that a route has, and its operation id: ``registrations_create``, ``events_cancel``."""
    parts = [part.removesuffix(".csv") for part in path.strip("/").split("/")]
    tag = next(part for part in reversed(parts) if part in TAGS)
    if (fixed := NAMES.get(f"{method} {path}")) is not None:
        return tag, fixed
    last = parts[-1]
    if last in TAGS:
        return tag, f"{tag}_{VERBS[method]}"
    if not last.startswith("{"):
        return tag, f"{tag}_{last}"
    return tag, f"{tag}_{'read' if method == 'GET' else VERBS[method]}"


def _describe_answers(operation: dict[str, Any], method: str) -> None:
    answers = operation["responses"]
    problem = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, text in ALIKE.items():
        answers.setdefault(status, {"description": text, "content": problem})
    for status, answer in answers.items():
        headers = {"X-Request-Id": REQUEST_ID, "RateLimit-Policy": RATE_LIMIT}
        if status in ("429", "503"):
            headers["Retry-After"] = RETRY_AFTER
        if status == "200" and method == "GET":
            headers["ETag"] = ETAG
        if status == "201":
            headers["Location"] = LOCATION
        if status.startswith("2") and method == "POST":
            headers["Idempotent-Replayed"] = REPLAYED
        # What several routes answer alike is one object in memory.
        answers[status] = {**answer, "headers": {**headers, **answer.get("headers", {})}}
    operation["responses"] = dict(sorted(answers.items()))


def _webhook(what: WebhookEventType) -> dict[str, Any]:
    ids = {"event_id": {"type": "string"}, "status": {"type": "string"}, "version": {"type": "integer"}}
    own = {
        "external_id": {"type": "string"},
        "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
    }
    data: dict[str, Any] = {"type": "object", "properties": {**ids, "registration_id": {"type": "string"}, **own}}
    about, text = what.value.partition(".")[0], {"type": "string"}
    of_mail = {"event_id": text, "registration_id": text, "state": text}
    if about == "invitation":
        data["properties"] = {**of_mail, "method": text, "sequence": {"type": "integer"}, "reason": text}
    if about == "notification":
        kind = {"type": "string", "description": "Which mail it was, beside the invitations."}
        data["properties"] = {**of_mail, "kind": kind, "reason": text}
    whole = "event" if about == "event" else "registration"
    full = {"type": "object", "description": f"The {whole} as the API has it, for a webhook whose payload is full."}
    data["properties"][whole] = full
    if what is WebhookEventType.TEST:
        data = {"type": "object", "properties": {"webhook_id": {"type": "string"}}}
    if what is WebhookEventType.SOURCE_PROBLEM:
        said = ("source", "rows", "problem_id", "field", "reason")
        data = {"type": "object", "properties": {name: {"type": "string"} for name in said}}
    payload = {
        "type": "object",
        "required": ["id", "type", "created_at", "data"],
        "properties": {
            "id": {"type": "string", "description": "The same in every repetition."},
            "type": {"type": "string", "const": what.value},
            "created_at": {"type": "string", "format": "date-time"},
            "data": data,
        },
    }
    signature = {
        "name": "Convoke-Signature",
        "in": "header",
        "required": True,
        "description": "`t=<unix time>,v1=<hex>`: an HMAC-SHA256 of `<t>.<body>` with the webhook's secret.",
        "schema": {"type": "string"},
    }
    operation_id = "on_" + re.sub(r"[^a-z]", "_", what.value)
    return {
        "post": {
            "summary": f"An event of the type {what.value}",
            "operationId": operation_id,
            "tags": ["webhooks"],
            "security": [],
            "parameters": [signature],
            "requestBody": {"required": True, "content": {"application/json": {"schema": payload}}},
            "responses": {"200": {"description": "Any 2xx within ten seconds counts as delivered."}},
        }
    }
