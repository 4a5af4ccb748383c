"""The organizer's console: lets ``convoke.console`` answer a request."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.console.visit import ROUTES
from convoke.pages import handling
from convoke.store.store import store
from convoke.web.context import now

logger = Logger()


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    return handling.answered(event, ROUTES, store=store, now=now)
