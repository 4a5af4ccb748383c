"""The HTTP API: admits a request, lets ``convoke.web`` answer it, and turns exceptions into problems (RFC 9457)."""

from __future__ import annotations

import json
import traceback
from functools import cache
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from convoke.model import InvalidField
from convoke.store import dynamo
from convoke.web import (
    context,
    documentation,
    events,
    occurrences,
    participation,
    problems,
    proposals,
    quarantine,
    registrations,
    webhooks,
)
from convoke.web.context import AN_ID, BASE, logger
from convoke.web.problems import Problem
from convoke.web.scopes import require_scope

app = APIGatewayHttpResolver(enable_validation=True)
for module in (context, events, occurrences, registrations, participation, proposals, quarantine, webhooks):
    app.include_router(module.router)

PUBLIC_ROUTES = ("GET /docs", "GET /docs/{asset}", "GET /openapi.json")
"""The routes that need no API key."""
BODY_OPTIONAL = (
    "POST /events/{event_id}/cancel",
    "POST /events/{event_id}/occurrences/{start}/cancel",
    "POST /events/{event_id}/occurrences/{start}/restore",
    "POST /events/{event_id}/reopen",
    "POST /events/{event_id}/proposals/{proposal_id}/accept",
    "POST /events/{event_id}/proposals/{proposal_id}/decline",
    "POST /events/{event_id}/registrations/{registration_id}/resend",
    "POST /quarantine/{quarantine_id}/drop",
    "POST /quarantine/{quarantine_id}/release",
    "POST /webhooks/{webhook_id}/test",
)
"""The POST routes whose request body may be missing."""

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
            "every route answers 403 where the key lacks its scope, and API Gateway itself answers 401 (no key), 403 "
            "(invalid key), 429 and 503, with a body of `message` only."
        ),
        security_schemes={"key": HTTPBearer()},
        security=[{"key": []}],
        servers=servers,
    )
    return app.get_openapi_json_schema()


# --- requests and responses ---------------------------------------------------------------------------------------

MAX_PATH_LENGTH = 2000
"""In characters, ten times what any route needs. It bounds the work of the router, which tries every pattern."""
RETRYABLE = (
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "InternalServerError",
)


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
        case NotFoundError():
            return Problem(HTTPStatus.NOT_FOUND, "no such resource")
        case dynamo.Contention() | BotoCoreError():
            retryable = True
        case ClientError():
            retryable = error.response["Error"]["Code"] in RETRYABLE
        case _:
            retryable = False
    if retryable:
        logger.warning("busy", error=type(error).__name__)
        return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "try again in a moment", headers={"Retry-After": "1"})
    # An error's message may contain personal data from the request, so only its type and place are logged.
    steps = traceback.extract_tb(error.__traceback__)
    where = [f"{step.filename}:{step.lineno}" for step in steps]
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    logger.error("failed", error=type(error).__name__, code=code, where=where)
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "an internal error; it was logged")


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def refuse(error: Exception) -> Response[str]:
    """The response to an exception that a route raised."""
    problem = problem_of(error)
    return Response(problem.status.value, problems.MEDIA_TYPE, problem.body, problem.headers)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    route = event.get("routeKey", "$default")
    try:
        if route in PUBLIC_ROUTES:
            answered = documentation.answer(event, route, described)
        else:
            answered = app.resolve(admitted(event, route), context)
    except Problem as problem:
        answered = problem.answer
    # Only ids are logged: a path parameter may also be a mail address.
    ids = {name: value for name, value in (event.get("pathParameters") or {}).items() if AN_ID.fullmatch(value)}
    logger.info("answered", route=route, status=answered["statusCode"], **ids)
    return answered


def admitted(event: dict[str, Any], route: str) -> dict[str, Any]:
    """The request with its path as routes are written, and its body as JSON text. Raises :class:`Problem`.

    For the ``$default`` route API Gateway asks for no key, so the answer is 404 without a look at the path; so it is
    for a path that is too long.
    """
    if route == "$default" or len(event.get("rawPath", "")) > MAX_PATH_LENGTH:
        raise Problem(HTTPStatus.NOT_FOUND, "no such resource")
    event = {
        **event,
        "rawPath": event["rawPath"].removeprefix(BASE),
        "requestContext": {**event["requestContext"], "stage": "$default"},
    }
    context.caller(event)
    require_scope(event, route)
    if not route.startswith(("POST ", "PATCH ")):
        return event
    body = problems.read_body(event)
    if body is None:
        if route not in BODY_OPTIONAL:
            raise Problem(HTTPStatus.BAD_REQUEST, "a JSON object is required")
        body = {}
    headers = {**event.get("headers", {}), "content-type": "application/json"}
    return {**event, "body": json.dumps(body), "isBase64Encoded": False, "headers": headers}
