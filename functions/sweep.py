"""Runs every minute: hands out whatever is due (``delivery.sweep``), and queues webhook deliveries that are due.

This alone suffices to deliver everything in the end, even if all stream records and hints are lost.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.aws.runtime import aws, logger, metrics
from convoke.delivery.sweep import hold_accounts, mail_limits, sweep
from convoke.settings import settings

SHARE = 3 / 4
"""The share of the function's time after which it ends, so that webhooks and the heartbeat get the rest."""


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:  # noqa: ARG001 (Lambda's signature)
    times = settings().times
    until = aws().worker(int(SHARE * context.get_remaining_time_in_millis())).deadline
    limits = aws().run(mail_limits(times))
    held = aws().run(hold_accounts())
    swept = aws().run(sweep(settings().sender, times, limits=limits, until=until))
    webhook_hints = aws().queue_webhook_hints()
    # Swept is the heartbeat: an alarm is raised when it is missing.
    metrics.add_metric(name="Swept", unit=MetricUnit.Count, value=sum(swept.counts.values()))
    metrics.add_metric(name="OldestOwed", unit=MetricUnit.Seconds, value=swept.oldest.total_seconds())
    found = {"limit": limits.all, "webhook_hints": webhook_hints, "held_accounts": sorted(held.until)}
    logger.info("swept", extra={**found, **swept.counts})
    return swept.counts
