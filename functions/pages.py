"""The pages for people: lets ``convoke.pages`` answer a request."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.pages import handling, site
from convoke.store.store import store

logger = Logger()


def now() -> datetime:
    return datetime.now(UTC)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    return handling.answered(event, site.route, store=store, now=now)
