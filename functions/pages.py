"""The pages for people: lets ``convoke.pages`` answer a request, and turns what it did not expect into a page, too."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError

from convoke.pages import ROOMS, site
from convoke.settings import settings
from convoke.store import dynamo
from convoke.store.store import Store

logger = Logger()
assert ROOMS  # noqa: S101 (importing them makes the routes)
PLAIN = "Something went wrong. The fault is ours, and it was noted. Please try again in a few minutes.\n"
"""The answer where not even a page can be made."""


@cache
def store() -> Store:
    return Store(dynamo.client(), settings())


def now() -> datetime:
    return datetime.now(UTC)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Neither an address nor a token is in the log: of a request only its route and ids are."""
    logger.append_keys(request=event["requestContext"].get("requestId", ""))
    method = event["requestContext"]["http"]["method"]
    request = site.request_of(event, store=store(), now=now())
    try:
        route, answer = site.respond(request)
    except Exception as error:
        route, answer = "", unexpected(request, error)
    said = {"method": method, "page": route, "status": answer.status, **answer.logged}
    logger.info("answered", extra=said)
    return answer.payload(head=method == "HEAD")


def unexpected(request: site.Request, error: Exception) -> site.Answer:
    """503 where it may work in a moment, else 500; never what went wrong, which may contain what somebody typed."""
    if dynamo.is_busy(error):
        logger.warning("busy", error=type(error).__name__)
        refused = site.busy(request)
    else:
        where = [f"{step.filename}:{step.lineno}" for step in traceback.extract_tb(error.__traceback__)]
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        logger.error("failed", error=type(error).__name__, code=code, where=where)
        refused = site.failed(request)
    try:
        return site.refusal(request, refused)
    except Exception as worse:
        logger.error("failed", error=type(worse).__name__)
        headers = {"Content-Type": "text/plain; charset=utf-8", **site.SECURITY, **site.PERSONAL}
        return site.Answer(status=HTTPStatus.INTERNAL_SERVER_ERROR.value, body=PLAIN, headers=headers)
