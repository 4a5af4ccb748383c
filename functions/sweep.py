"""Runs every minute: hands out whatever is due (``delivery.sweep``), and queues webhook deliveries that are due.

This alone suffices to deliver everything in the end, even if all stream records and hints are lost. Each part fails
alone: the others are done, and then the function fails, so that an alarm is raised.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.aws.runtime import aws, logger, metrics
from convoke.decision.limits import Held
from convoke.delivery.sweep import UNKNOWN_LIMITS, hold_accounts, mail_limits, sweep
from convoke.settings import settings

Result = TypeVar("Result")

SHARE = 3 / 4
"""The share of the function's time after which it ends, so that webhooks and the heartbeat get the rest."""


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:  # noqa: ARG001 (Lambda's signature)
    times = settings().times
    until = aws().worker(int(SHARE * context.get_remaining_time_in_millis())).deadline
    errors: list[Exception] = []

    def part(do: Callable[[], Result], otherwise: Result) -> Result:
        try:
            return do()
        except Exception as error:  # whatever it is, it must not keep what is due from being sent
            logger.exception("a part of the sweep failed")
            errors.append(error)
            return otherwise

    limits = part(lambda: aws().run(mail_limits(times)), UNKNOWN_LIMITS)
    held = part(lambda: aws().run(hold_accounts()), Held())
    swept = part(lambda: aws().run(sweep(settings().sender, times, limits=limits, until=until)), None)
    webhook_hints = part(lambda: aws().queue_webhook_hints(), 0)
    if swept is None:
        raise errors[0]
    # Swept is the heartbeat: an alarm is raised when it is missing.
    metrics.add_metric(name="Swept", unit=MetricUnit.Count, value=sum(swept.counts.values()))
    metrics.add_metric(name="OldestDue", unit=MetricUnit.Seconds, value=swept.oldest.total_seconds())
    found = {"limit": limits.all, "webhook_hints": webhook_hints, "held_accounts": sorted(held.until)}
    logger.info("swept", extra={**found, **swept.counts})
    if errors:
        raise errors[0]
    return swept.counts
