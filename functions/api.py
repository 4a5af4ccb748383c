"""Answers HTTP requests: the way into ``convoke.web`` and out of it."""

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
    desk,
    events,
    occurrences,
    problems,
    proposals,
    quarantine,
    registrations,
    roll,
    webhooks,
)
from convoke.web.desk import AN_ID, logger
from convoke.web.problems import Problem

app = APIGatewayHttpResolver(enable_validation=True)
for room in (desk, events, occurrences, registrations, roll, proposals, quarantine, webhooks):
    app.include_router(room.router)

DOCUMENTS = ("GET /docs", "GET /openapi.json")
"""What anybody may read."""
WITHOUT_WORDS = (
    "POST /events/{event_id}/cancel",
    "POST /events/{event_id}/occurrences/{start}/cancel",
    "POST /events/{event_id}/occurrences/{start}/restore",
    "POST /events/{event_id}/proposals/{proposal_id}/accept",
    "POST /events/{event_id}/proposals/{proposal_id}/decline",
    "POST /events/{event_id}/registrations/{registration_id}/resend",
    "POST /quarantine/{quarantine_id}/drop",
    "POST /quarantine/{quarantine_id}/release",
    "POST /webhooks/{webhook_id}/test",
)
"""What may be asked without a body."""

# --- documentation ------------------------------------------------------------------------------------------------


@app.get("/openapi.json", include_in_schema=False)
def openapi() -> Response[str]:
    return Response(200, "application/json", app.get_openapi_json_schema())


@cache
def documented() -> None:
    """Describe the API. It takes longer to load than all the rest, and few ask for it."""
    from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer

    app.configure_openapi(
        title="Convoke",
        version="1",
        description=(
            "Meeting requests that arrive, move and go away. Besides the answers listed, API Gateway itself answers "
            "401 (no key), 403 (a key that does not work), 429 and 503, with a body of `message` only."
        ),
        security_schemes={"key": HTTPBearer()},
        security=[{"key": []}],
    )
    app.enable_swagger(path="/docs", compress=True)


# --- the way in and out -------------------------------------------------------------------------------------------

LONGEST_PATH = 2000
"""Characters; nothing that exists has a path of a tenth of that. The router tries every pattern on it."""
BUSY = ("ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded", "InternalServerError")


def _ours(error: RequestValidationError | ValidationError) -> bool:
    """Whether it is our answer that is not what its route promises."""
    return any(part["loc"][:1] == ("response",) for part in error.errors())


def problem_of(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case InvalidField():
            return problems.invalid([(error.field, error.message)])
        case RequestValidationError() | ValidationError() if not _ours(error):
            return problems.invalid(problems.fields(error.errors()))
        case NotFoundError():
            return Problem(HTTPStatus.NOT_FOUND, "there is nothing here")
        case dynamo.Contention() | BotoCoreError():
            busy = True
        case ClientError():
            busy = error.response["Error"]["Code"] in BUSY
        case _:
            busy = False
    if busy:
        logger.warning("busy", error=type(error).__name__)
        return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "try again in a moment", headers={"Retry-After": "1"})
    # An error's own words may repeat what somebody sent: only where it happened is logged.
    steps = traceback.extract_tb(error.__traceback__)
    where = [f"{step.filename}:{step.lineno}" for step in steps]
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    logger.error("failed", error=type(error).__name__, code=code, where=where)
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "this is our mistake; it was noted")


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def refuse(error: Exception) -> Response[str]:
    problem = problem_of(error)
    return Response(problem.status.value, problems.MEDIA_TYPE, problem.body, problem.headers)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    route = event.get("routeKey", "$default")
    try:
        answered = app.resolve(admitted(event, route), context)
    except Problem as problem:
        answered = problem.answer
    # Whoever writes an address into a path does not have it logged.
    ids = {name: value for name, value in (event.get("pathParameters") or {}).items() if AN_ID.fullmatch(value)}
    logger.info("answered", route=route, status=answered["statusCode"], **ids)
    return answered


def admitted(event: dict[str, Any], route: str) -> dict[str, Any]:
    """The request, its body read. Where API Gateway knew no route it asked for no key, so the path is not looked at,
    and neither is one that is too long to be of anything.
    """
    if route == "$default" or len(event.get("rawPath", "")) > LONGEST_PATH:
        raise Problem(HTTPStatus.NOT_FOUND, "there is nothing here")
    if route in DOCUMENTS:
        documented()
        return event
    desk.caller(event)
    if not route.startswith(("POST ", "PATCH ")):
        return event
    body = problems.read_body(event)
    if body is None:
        if route not in WITHOUT_WORDS:
            raise Problem(HTTPStatus.BAD_REQUEST, "a JSON object is required")
        body = {}
    headers = {**event.get("headers", {}), "content-type": "application/json"}
    return {**event, "body": json.dumps(body), "isBase64Encoded": False, "headers": headers}
