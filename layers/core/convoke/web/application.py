"""The HTTP API as a whole: admits a request, lets the modules of this package answer it, and turns exceptions into
problems (RFC 9457).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from functools import cache, partial
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Dependant
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError

from ..model import InvalidField
from ..store import dynamo, external_ids
from . import (
    account,
    attention,
    bulk,
    context,
    documentation,
    events,
    occurrences,
    openapi,
    participation,
    people,
    previews,
    problems,
    proposals,
    quarantine,
    registrations,
    sources,
    webhooks,
)
from .context import BASE, logger
from .files import is_known
from .problems import Problem
from .scopes import require_scope

app = APIGatewayHttpResolver(
    enable_validation=True,
    # A response of Lambda has at most 6 MB; escaped, a page of 漢 would have more: seven bytes in place of three.
    serializer=partial(json.dumps, ensure_ascii=False, separators=(",", ":")),
)
MODULES = (
    *(context, account, bulk, events, occurrences, previews, registrations, people, participation, proposals),
    *(quarantine, attention, sources, webhooks),
)
for module in MODULES:
    app.include_router(module.router)

PUBLIC_ROUTES = ("GET /docs", "GET /docs/{asset}", "GET /health", "GET /openapi.json")
"""The routes that need no API key."""
PUBLIC_HEADS = tuple(f"HEAD {route.removeprefix('GET ')}" for route in PUBLIC_ROUTES)
HEAD_ROUTE = "HEAD /{proxy+}"
"""The route of every HEAD request but those of :data:`PUBLIC_ROUTES`. API Gateway asks it for a key."""
HEALTH = json.dumps({"status": "ok", "version": BASE.removeprefix("/v")})
"""That the API answers, and in which version: neither tables nor secrets are looked at."""


# --- documentation ------------------------------------------------------------------------------------------------


@cache
def described() -> str:
    """The OpenAPI description, made once per process and only when it is requested, since loading it is slow."""
    from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer, Server

    # Relative to where the description itself is, so that it is right wherever that is (OpenAPI 3.1, 4.8.5).
    servers = [Server(url=f"..{BASE}")]
    app.configure_openapi(
        title="Convoke",
        version="1",
        description=(
            "Calendar invitations by mail that are sent, changed and cancelled reliably. Besides the responses listed, "
            "API Gateway itself answers 401 (no key), 429 and 503, with a body of `message` only."
        ),
        security_schemes={"key": HTTPBearer()},
        security=[{"key": []}],
        servers=servers,
    )
    return json.dumps(openapi.refined(json.loads(app.get_openapi_json_schema())))


# --- requests and responses ---------------------------------------------------------------------------------------

MAX_PATH_LENGTH = 2000
"""In characters, ten times what any route needs. It bounds the work of the router, which tries every pattern."""


def _ours(error: RequestValidationError | ValidationError) -> bool:
    """Whether it is our response that does not fit its route's model, not the request."""
    return any(part["loc"][:1] == ("response",) for part in error.errors())


def problem_of(error: Exception) -> Problem:
    """The problem to answer with after ``error``: 400, 404, 422 or 503 if it is known what is wrong, else 500."""
    match error:
        case Problem():
            return error
        case InvalidField():
            return problems.invalid([(error.field, error.message)])
        case RequestValidationError() | ValidationError() if not _ours(error):
            return problems.invalid(problems.fields(error.errors()))
        case external_ids.Taken():
            return problems.external_id_taken(error)
        case NotFoundError():
            return Problem(HTTPStatus.NOT_FOUND, "no such resource")
    if dynamo.is_busy(error):
        logger.warning("busy", error=type(error).__name__)
        return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "try again in a moment", headers={"Retry-After": "1"})
    logger.error("failed", **problems.logged(error))
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "an internal error; it was logged")


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def refuse(error: Exception) -> Response[str]:
    """The response to an exception that a route raised."""
    problem = problem_of(error)
    return Response(problem.status.value, problems.MEDIA_TYPE, problem.body, problem.headers)


def answer(event: dict[str, Any], route: str, context: LambdaContext) -> dict[str, Any]:
    """The response to a request that API Gateway gave to ``route``. Raises :class:`Problem`."""
    if len(event.get("rawPath", "")) > MAX_PATH_LENGTH:
        raise Problem(HTTPStatus.NOT_FOUND, "no such resource")
    if route == "$default":
        return elsewhere(event)
    if route == HEAD_ROUTE:
        event = as_get(event)
        return answer(event, event["routeKey"], context)
    if route in PUBLIC_HEADS:
        route = f"GET {route.removeprefix('HEAD ')}"
        event = {**event, "routeKey": route}
    if route == "GET /health":
        return problems.payload(
            HTTPStatus.OK, {"Content-Type": "application/json", "Cache-Control": "no-store"}, HEALTH
        )
    if route in PUBLIC_ROUTES:
        return documentation.answer(event, route, described)
    return conditional(event, app.resolve(admitted(event, route), context))


def conditional(event: dict[str, Any], answered: dict[str, Any]) -> dict[str, Any]:
    """What a GET is answered with, with an ETag of its content where it has none; 304 where the caller has that
    (If-None-Match; RFC 9110, section 13.1.2). An event has the ETag of its version, and numbers that change without it.
    """
    is_read = event["routeKey"].startswith("GET ") and answered["statusCode"] == HTTPStatus.OK
    etag = answered["headers"].get("ETag")
    if not is_read or (etag is not None and "/events/" in event["routeKey"]):
        return answered
    etag = etag or f'"{hashlib.sha256(answered["body"].encode()).hexdigest()[:32]}"'
    headers = {**answered["headers"], "ETag": etag}
    if is_known(event.get("headers", {}).get("if-none-match", ""), etag):
        headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        return problems.payload(HTTPStatus.NOT_MODIFIED, headers)
    return {**answered, "headers": headers}


# --- methods that have no route -----------------------------------------------------------------------------------


@cache
def patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Every route's key, with the pattern of its path."""
    keyed = [f"{each.method} {each.openapi_path}" for each in app._static_routes + app._dynamic_routes]
    return [
        (key, re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", key.partition(" ")[2])))
        for key in (*PUBLIC_ROUTES, *keyed)
    ]


def methods(event: dict[str, Any]) -> dict[str, tuple[str, dict[str, str]]]:
    """The methods that the request's path has, each with its route's key and the path's parameters. HEAD is as GET.

    Of a path that is written out, as ``…/registrations/bulk``, those of ``…/registrations/{registration_id}`` are none.
    """
    path = event.get("rawPath", "").removeprefix(BASE)
    found = [(key, match.groupdict()) for key, pattern in patterns() if (match := pattern.fullmatch(path))]
    fewest = min((len(parameters) for _, parameters in found), default=0)
    found = [(key, parameters) for key, parameters in found if len(parameters) == fewest]
    named = {key.partition(" ")[0]: (key, parameters) for key, parameters in found}
    return named | ({"HEAD": named["GET"]} if "GET" in named else {})


def allowed(there: Iterable[str]) -> dict[str, str]:
    """The header that names the methods of a path (RFC 9110, section 10.2.1)."""
    return {"Allow": ", ".join(sorted({*there, "OPTIONS"}))}


def elsewhere(event: dict[str, Any]) -> dict[str, Any]:
    """The response to what API Gateway found no route for, and asked for no key: which methods there are, and nothing
    else. Raises :class:`Problem` (404 or 405).
    """
    there, method = methods(event), event["requestContext"]["http"]["method"]
    if not there or method in there:
        raise Problem(HTTPStatus.NOT_FOUND, "no such resource")
    headers = allowed(there)
    if "PATCH" in there:
        headers["Accept-Patch"] = f"{problems.PATCH_MEDIA_TYPE}, application/json"
    if method != "OPTIONS":
        raise Problem(HTTPStatus.METHOD_NOT_ALLOWED, "this resource does not have that method", headers=headers)
    return problems.payload(HTTPStatus.NO_CONTENT, headers)


def as_get(event: dict[str, Any]) -> dict[str, Any]:
    """A HEAD request as the GET whose response it has, without its body. Raises :class:`Problem`."""
    there = methods(event)
    if not there:
        raise Problem(HTTPStatus.NOT_FOUND, "no such resource")
    if "HEAD" not in there:
        detail = "this resource does not have that method"
        raise Problem(HTTPStatus.METHOD_NOT_ALLOWED, detail, headers=allowed(there))
    key, found = there["HEAD"]
    asked = {**event["requestContext"]["http"], "method": "GET"}
    return {
        **event,
        "routeKey": key,
        "pathParameters": found,
        "requestContext": {**event["requestContext"], "http": asked},
    }


# --- admission ----------------------------------------------------------------------------------------------------


@cache
def dependant(route: str) -> Dependant:
    """What the handler of a route is given."""
    method, _, path = route.partition(" ")
    every = app._static_routes + app._dynamic_routes
    return next(each.dependant for each in every if (each.method, each.openapi_path) == (method, path))


def require_known_parameters(event: dict[str, Any], route: str) -> None:
    """Raise :class:`Problem` (422) for a query parameter that the route does not have: a filter that was ignored would
    be answered with everything.
    """
    known = {each.alias for each in dependant(route).query_params}
    if unknown := sorted((event.get("queryStringParameters") or {}).keys() - known):
        raise problems.invalid((problems.shortened(name), "is not a known parameter") for name in unknown)


def admitted(event: dict[str, Any], route: str) -> dict[str, Any]:
    """The request with its path as routes are written, and its body as JSON text. Raises :class:`Problem`."""
    event = {
        **event,
        "rawPath": event["rawPath"].removeprefix(BASE),
        "requestContext": {**event["requestContext"], "stage": "$default"},
    }
    context.caller(event)
    require_scope(event, route)
    require_known_parameters(event, route)
    if not route.startswith(("POST ", "PATCH ")):
        return event
    body = problems.read_body(event)
    if body is None:
        if any(each.required for each in dependant(route).body_params):
            raise Problem(HTTPStatus.BAD_REQUEST, "a JSON object is required")
        body = {}
    headers = {**event.get("headers", {}), "content-type": "application/json"}
    return {**event, "body": json.dumps(body), "isBase64Encoded": False, "headers": headers}
