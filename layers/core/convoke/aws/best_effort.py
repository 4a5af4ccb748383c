"""Work that follows a request which is stored, and may fail: the sweep does it then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aws_lambda_powertools import Logger

from ..store import dynamo

logger = Logger(child=True)


@contextmanager
def best_effort(event_id: str) -> Iterator[None]:
    """Do at once what the sweep would do in a minute. Whatever fails is logged and left to it, since the request that
    it follows is stored, and has to be answered so. What is no passing state of DynamoDB or SQS is counted, too.
    """
    try:
        yield
    except Exception as error:
        logger.warning("left to the sweeper", extra={"event": event_id, "error": type(error).__name__})
        if not dynamo.is_busy(error):
            # Imported only when something fails: it takes a while.
            from .records import report

            report(error)
