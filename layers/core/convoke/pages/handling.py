"""Answers a request of API Gateway by a table of routes; what nobody expected is a page, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger

from ..store import dynamo
from ..store.store import Store
from ..web import problems
from . import site

logger = Logger(child=True)
PLAIN = "Something went wrong. The fault is ours, and it was noted. Please try again in a few minutes.\n"
"""The answer where not even a page can be made."""


def answered(
    event: Mapping[str, Any], routes: site.Routes, *, store: Callable[[], Store], now: Callable[[], datetime]
) -> dict[str, Any]:
    """The response, in payload format 2.0. Neither an address nor a token is in the log: of a request only its route
    and ids are.
    """
    logger.append_keys(request=event["requestContext"].get("requestId", ""))
    method = event["requestContext"]["http"]["method"]
    request = site.request_of(event, store=store(), now=now())
    try:
        route, answer = routes.respond(request)
    except Exception as error:
        route, answer = "", _unexpected(request, error)
    said = {"method": method, "page": route, "status": answer.status, **answer.logged}
    logger.info("answered", extra=said)
    return answer.payload(head=method == "HEAD")


def _unexpected(request: site.Request, error: Exception) -> site.Answer:
    """503 where it may work in a moment, else 500; never what went wrong, which may contain what somebody typed."""
    if dynamo.is_busy(error):
        logger.warning("busy", error=type(error).__name__)
        refused = site.busy(request)
    else:
        logger.error("failed", **problems.logged(error))
        refused = site.failed(request)
    try:
        return site.refusal(request, refused)
    except Exception as worse:
        logger.error("failed", error=type(worse).__name__)
        return site.content(PLAIN, "text/plain; charset=utf-8", HTTPStatus.INTERNAL_SERVER_ERROR)
