"""Somebody who calls the HTTP API, through its handler, with requests as API Gateway sends them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest

import api
from convoke.decision.calendar_state import RenderedMail
from convoke.decision.fingerprints import fingerprint
from convoke.decision.invitation import StoredMessage
from convoke.model import DeliveryState
from convoke.store import dynamo
from convoke.store.invitations import invitation_item
from convoke.store.records import message_item
from convoke.store.store import Store
from convoke.web import (
    application,
    context,
    events,
    idempotency,
    occurrences,
    participation,
    people,
    previews,
    proposals,
    quarantine,
    registrations,
    webhooks,
)
from tests import policies
from tests.factories import NOW, accepted, held, proposal, told
from tests.lambda_context import lambda_context
from tests.tables import SETTINGS, in_memory, template

PARTY: dict[str, Any] = {
    "title": "Kölner Treffen",
    "start": "2027-03-12T09:00:00",
    "end": "2027-03-12T10:30:00",
    "time_zone": "Europe/Berlin",
    "organizer": {"name": "Ada", "email": "ada@example.org"},
    "notify_after": 0,
}
BO = {"name": "Bo Ek", "email": "bo@example.net"}


CONTEXT = lambda_context("api")
# A hostile value of a hundred thousand characters is asked of every route, and takes long to be quoted.
quoted = lru_cache(64)(quote_plus)


@cache
def routes() -> list[str]:
    """Every route key that the template gives to the function."""
    found = [event["Properties"] for event in template()["Resources"]["Api"]["Properties"]["Events"].values()]
    keys = (f"{route['Method']} {route['Path']}" for route in found if route["Path"] not in ("$default", "/{proxy+}"))
    return [key for key in keys if not key.startswith("HEAD ")]


@cache
def segments() -> dict[tuple[str, int], list[tuple[str, list[str]]]]:
    """The routes with the segments of their paths, by their method and how many segments there are."""
    found: dict[tuple[str, int], list[tuple[str, list[str]]]] = {}
    for route in (*routes(), *application.PUBLIC_HEADS):
        method, _, path = route.partition(" ")
        parts = path.split("/")
        found.setdefault((method, len(parts)), []).append((route, parts))
    return found


def route_of(method: str, path: str) -> tuple[str, dict[str, str]]:
    """The route that API Gateway finds, with its path parameters."""
    asked = path.split("/")
    for route, parts in segments().get((method, len(asked)), ()):
        if all(one == part or (part.startswith("{") and one) for part, one in zip(parts, asked, strict=True)):
            return route, {part[1:-1]: one for part, one in zip(parts, asked, strict=True) if part.startswith("{")}
    return ("HEAD /{proxy+}", {"proxy": path.removeprefix("/")}) if method == "HEAD" else ("$default", {})


class Answer:
    def __init__(self, raw: dict[str, Any]) -> None:
        self.status: int = raw["statusCode"]
        self.headers: dict[str, str] = {name.lower(): value for name, value in raw["headers"].items()}
        self.raw: str = raw["body"]
        self.data = base64.b64decode(raw["body"]) if raw["isBase64Encoded"] else raw["body"].encode()

    @property
    def body(self) -> Any:
        return json.loads(self.data)

    @property
    def fields(self) -> list[str]:
        assert self.headers["content-type"] == "application/problem+json"
        return [error["field"] for error in self.body["errors"]]


class World:
    """A caller with a key, and the tables behind. ``role`` is the function whose role the API has: the console calls it
    in a process of its own.
    """

    def __init__(self, client: Any, role: str = "Api") -> None:
        self.client = client
        self.role = role
        self.store = Store(client, SETTINGS)
        self.now = NOW

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        account: str | None = "acme",
        scopes: str = "manage read register",
        query: dict[str, str] | None = None,
        content_type: str | None = "application/json",
        **headers: str,
    ) -> Answer:
        path = path.removeprefix(context.BASE)
        route, parameters = route_of(method, path)
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": route,
            "rawPath": context.BASE + path,
            "rawQueryString": urlencode(query or {}, quote_via=quoted),
            "headers": {name.replace("_", "-"): value for name, value in headers.items()},
            "requestContext": {
                "domainName": "api.convoke.example.com",
                "http": {"method": method, "path": context.BASE + path, "protocol": "HTTP/1.1"},
                "stage": "v1",
                "requestId": "RkQ0ThXKliAEMvg=",
                "routeKey": route,
            },
            "isBase64Encoded": isinstance(body, bytes),
        }
        if query:
            event["queryStringParameters"] = query
        if parameters:
            event["pathParameters"] = parameters
        if account and route != "$default":
            event["requestContext"]["authorizer"] = {
                "lambda": {"account": account, "key": "ci", "key_id": "0123456789ab", "scopes": scopes}
            }
        if body is not None:
            if isinstance(body, bytes):
                event["body"] = base64.b64encode(body).decode()
            else:
                event["body"] = body if isinstance(body, str) else json.dumps(body)
            if content_type:
                event["headers"]["content-type"] = content_type
        with policies.acting_as(self.role):
            return Answer(api.handler(event, CONTEXT))

    def hold(self, **changes: Any) -> str:
        answer = self.call("POST", "/events", PARTY | changes)
        assert answer.status == 201, answer.raw
        return f"/events/{answer.body['event_id']}"

    def register(self, event: str, email: str = BO["email"], **changes: Any) -> str:
        answer = self.call("POST", f"{event}/registrations", BO | {"email": email} | changes)
        assert answer.status == 201, answer.raw
        return f"{event}/registrations/{answer.body['registration_id']}"

    def invite(self, event: str, email: str = BO["email"], **changes: Any) -> str:
        """Somebody who registers, and to whom the invitation was sent."""
        person = self.register(event, email, **changes)
        self.tell(person)
        return person

    def tell(self, person: str, **changes: Any) -> None:
        """As if the first invitation had left and been accepted."""
        _, _, event_id, _, registration_id = person.split("/")
        invitation = self.store.reads.invitation(event_id, registration_id)
        event = self.store.reads.event(event_id)
        assert invitation is not None
        assert event is not None
        said = replace(told(), uid="told@convoke.example.com", when=event.when, recipient=BO["email"])
        said = replace(said, rule=event.rule, fingerprint=fingerprint(event))
        stored = StoredMessage(
            registration_id=registration_id,
            event_id=event_id,
            calendar_state=said,
            rendered=RenderedMail(calendar=b"BEGIN:VCALENDAR", mail=b"To: bo@example.net\r\n\r\nHej \xff"),
            written_at=self.now,
            sent_at=self.now,
            state=DeliveryState.ACCEPTED,
        )
        for item in (invitation_item(accepted(invitation, said, self.now, **changes)), message_item(stored)):
            self.client.put_item(TableName=SETTINGS.invitations_table, Item=dynamo.wire(item))

    def propose(self, person: str, **changes: Any) -> str:
        """As if they had proposed another time by mail; answers where it is."""
        _, _, event_id, _, registration_id = person.split("/")
        one = proposal(**{"event_id": event_id, "registration_id": registration_id} | changes)
        dynamo.transact(self.client, [self.store.proposals.put_action(one)])
        return f"/events/{event_id}/proposals/{one.proposal_id}"

    def put_aside(self, person: str, **changes: Any) -> str:
        """As if their answer had come in and nobody had believed it; answers where it is."""
        _, _, event_id, _, registration_id = person.split("/")
        one = held(**{"event_id": event_id, "registration_id": registration_id} | changes)
        dynamo.transact(self.client, [self.store.quarantine.put_action(one)])
        return f"/quarantine/{one.quarantine_id}"


@contextmanager
def a_caller(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with in_memory() as client:
        world = World(client)
        monkeypatch.setattr(context, "store", lambda: world.store)
        monkeypatch.setattr(context, "now", lambda: world.now)
        for room in (
            context,
            idempotency,
            events,
            occurrences,
            previews,
            registrations,
            participation,
            people,
            webhooks,
            proposals,
            quarantine,
        ):
            monkeypatch.setattr(room, "settings", lambda: SETTINGS, raising=False)
        yield world


def everybody(world: World, path: str, **query: str) -> list[list[dict[str, Any]]]:
    pages, cursor = [], ""
    while cursor is not None:
        answer = world.call("GET", path, query=query | ({"cursor": cursor} if cursor else {}))
        assert answer.status == 200, answer.raw
        pages.append(answer.body["items"])
        cursor = answer.body["next"]
    return pages
