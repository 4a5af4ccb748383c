"""Every minute: what is still owed is handed out again. This alone makes everything converge."""

from __future__ import annotations

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from convoke.perform import Aws
from convoke.settings import settings
from convoke.sweep import sweep, take_stock

logger = Logger()


@cache
def aws() -> Aws:
    return Aws(settings(), logger)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    times = settings().times
    limit = aws().run(take_stock(times))
    seen = aws().run(sweep(settings().sender, times, limit=limit))
    logger.info("swept", extra=dict(seen))
    return seen
