"""Every minute: what is still owed is handed out again. This alone makes everything converge."""

from __future__ import annotations

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from convoke.perform import Aws
from convoke.settings import settings
from convoke.sweep import sweep

logger = Logger()

AT_MOST = 600
"""Debts seen to in one round: what SES takes in a minute at ten mails a second."""


@cache
def aws() -> Aws:
    return Aws(settings(), logger)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    seen = aws().run(sweep(settings().sender, settings().times, limit=AT_MOST))
    logger.info("swept", extra=dict(seen))
    return seen
