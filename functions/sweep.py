"""Every minute: what is still owed is handed out again. This alone makes everything converge."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.aws.runtime import aws, logger, metrics
from convoke.delivery.sweep import sweep, take_stock
from convoke.settings import settings


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:  # noqa: ARG001 (Lambda's signature)
    times = settings().times
    limit = aws().run(take_stock(times))
    swept = aws().run(sweep(settings().sender, times, limit=limit))
    facts = aws().hand_out_facts()
    # The first is the heartbeat: an alarm misses it.
    metrics.add_metric(name="Swept", unit=MetricUnit.Count, value=sum(swept.counts.values()))
    metrics.add_metric(name="OldestOwed", unit=MetricUnit.Seconds, value=swept.oldest.total_seconds())
    logger.info("swept", extra={"limit": limit, "facts": facts, **swept.counts})
    return swept.counts
