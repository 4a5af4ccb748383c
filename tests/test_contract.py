"""Every route keeps to its OpenAPI description, as Schemathesis reads it: whatever is sent, the answer has a status, a
type and a content that are described, what the schemas do not allow is refused, and nothing is an internal error.

Valid data may be refused: that a time exists or a cursor belongs to a list is no matter of schemas. That a key is
needed is API Gateway's to see.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import HealthCheck, Phase, settings

import api
from convoke.store import keys
from convoke.web import application, context
from tests.caller import CONTEXT, World, a_caller, route_of
from tests.factories import NOW
from tests.hostile import operations

# One worker's: else each would import Schemathesis, which takes a second, and read the description. It is imported
# here and not as a plugin of pytest, by which each worker would make all requests while it collects the tests.
pytestmark = pytest.mark.xdist_group("contract")

EXAMPLES = 5
"""Requests for each route."""
LEFT_OUT = ("positive_data_acceptance", "ignored_auth", "unsupported_method")
"""Checks of what is not described, see above; of other methods there is a test of its own, in test_api."""


def wsgi(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """The function as WSGI (PEP 3333): a request becomes the event that API Gateway makes of it, payload format 2.0."""
    # PEP 3333 has the bytes of the path as Latin-1.
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace").removeprefix(context.BASE)
    body: io.BytesIO = environ["wsgi.input"]
    text = body.read(int(environ.get("CONTENT_LENGTH") or 0))
    method = environ["REQUEST_METHOD"]
    route, parameters = route_of(method, path)
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or (name == "CONTENT_TYPE" and value)
    }
    query: dict[str, str] = {}
    for name, value in parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": context.BASE + path,
        "rawQueryString": environ.get("QUERY_STRING", ""),
        "headers": headers,
        "requestContext": {
            "domainName": "api.convoke.example.com",
            "http": {"method": method, "path": context.BASE + path, "protocol": "HTTP/1.1"},
            "stage": "v1",
            "requestId": "RkQ0ThXKliAEMvg=",
            "routeKey": route,
        },
        "isBase64Encoded": True,
    }
    if query:
        event["queryStringParameters"] = query
    if parameters:
        event["pathParameters"] = parameters
    if route != "$default":
        caller = {"account": "acme", "key": "ci", "key_id": "0123456789ab", "scopes": "manage read register"}
        event["requestContext"]["authorizer"] = {"lambda": caller}
    if text:
        event["body"] = base64.b64encode(text).decode()
    answer = api.handler(event, CONTEXT)
    start_response(f"{answer['statusCode']} -", list(answer["headers"].items()))
    return [base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()]


@cache
def described() -> tuple[Any, dict[str, Any]]:
    """The description as Schemathesis reads it, without the key that every route needs, bound to the function; and each
    of its operations, by its method and path.
    """
    import schemathesis
    from schemathesis.checks import load_all_checks

    load_all_checks()
    description = json.loads(application.described()) | {"servers": [{"url": context.BASE}]}
    description.pop("security")
    description["components"].pop("securitySchemes")
    schema = schemathesis.openapi.from_dict(description)
    schema.app = wsgi
    found: Iterator[Any] = schema.get_all_operations()
    return schema, {one.ok().label: one.ok() for one in found}


@cache
def feedback() -> Any:
    from schemathesis.generation.feedback import FeedbackSources
    from schemathesis.python._constants.orchestrator import make_constants_value_source

    return FeedbackSources(constants_value_source=make_constants_value_source(described()[0]))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with pytest.MonkeyPatch.context() as monkeypatch, a_caller(monkeypatch) as world:
        yield world


NUMBERS = count()


@pytest.fixture
def ids(world: World) -> dict[str, str]:
    """What a route may name: an event with a person, who proposes another time and whose answer waits; a webhook."""
    event = world.hold(recurrence="FREQ=WEEKLY;COUNT=4")
    number = next(NUMBERS)
    person, another = world.register(event, f"bo{number}@example.net"), keys.registration_id(NOW, number.to_bytes(16))
    world.tell(person)
    proposal, held = world.propose(person, proposal_id=another), world.put_aside(person, quarantine_id=another)
    hook = {"url": "https://hooks.example.com/", "events": ["event.changed"]}
    for webhook in world.call("GET", "/webhooks").body["items"]:
        world.call("DELETE", f"/webhooks/{webhook['webhook_id']}")
    world.store.sources.compared("acme", "site", 0)
    return {
        "event_id": event.rpartition("/")[2],
        "registration_id": person.rpartition("/")[2],
        "proposal_id": proposal.rpartition("/")[2],
        "quarantine_id": held.rpartition("/")[2],
        "webhook_id": world.call("POST", "/webhooks", hook).body["webhook_id"],
        "start": "2027-03-19T09:00:00",
        "sequence": "0",
        "source": "site",
    }


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def is_answered_as_described(case: Any, ids: dict[str, str]) -> None:
    from schemathesis.checks import CHECKS

    named = case.path_parameters or {}
    case.path_parameters = {name: ids.get(name, value) for name, value in named.items()}
    case.call_and_validate(excluded_checks=[CHECKS.get_one(name) for name in LEFT_OUT])


@pytest.mark.parametrize("route", operations())
def test_whatever_is_sent_is_answered_as_described(route: str, ids: dict[str, str]) -> None:
    """As ``schema.parametrize()`` would make it for this operation, only not before it is run."""
    from schemathesis.generation.hypothesis import builder
    from schemathesis.pytest._test_builder import build_operation_test

    schema, described_operations = described()
    test = build_operation_test(
        config=schema.config,
        operation=described_operations[route],
        test_func=is_answered_as_described,
        given_kwargs={},
        feedback=feedback(),
    )
    test(ids=ids)
    for left_out in (
        builder.InvalidHeadersExampleMark,
        builder.InvalidRegexMark,
        builder.MissingPathParameters,
        builder.NonSerializableMark,
        builder.UnsatisfiableExampleMark,
        builder.UnserializablePayloadMark,
    ):
        assert not left_out.is_set(test)


def test_every_operation_is_asked() -> None:
    assert sorted(described()[1]) == sorted(operations())
