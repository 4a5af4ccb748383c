"""The HTTP API: hands a request to ``convoke.web``, and logs how it was answered."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.web import application
from convoke.web.context import AN_ID, logger
from convoke.web.problems import Problem


@cache
def rate_policy() -> str:
    """How many requests a second the API takes in the long run, for the header RateLimit-Policy."""
    return f'"requests";q={os.environ.get("THROTTLE_RATE", "50")};w=1'


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    route, request_id = event.get("routeKey", "$default"), event.get("requestContext", {}).get("requestId", "")
    logger.append_keys(request=request_id)
    try:
        answered = application.answer(event, route, context)
    except Problem as problem:
        answered = problem.answer
    if route.startswith("HEAD "):
        answered = {**answered, "body": "", "isBase64Encoded": False}
    answered["headers"] = {**answered["headers"], "X-Request-Id": request_id, "RateLimit-Policy": rate_policy()}
    # Only ids are logged: a path parameter may also be a mail address.
    ids = {name: value for name, value in (event.get("pathParameters") or {}).items() if AN_ID.fullmatch(value)}
    logger.info("answered", route=route, status=answered["statusCode"], **ids)
    return answered
