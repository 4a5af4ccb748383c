"""Runs every day: the audit (``delivery.audit``), with its metrics and a summary in the log.

The result has ``looked_at``, how many invitations were examined; ``differences``, how many for each reason; and
``put_right``, whether they were corrected.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.aws.runtime import aws, logger, metrics
from convoke.delivery.audit import audit
from convoke.settings import settings


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 (Lambda's signature)
    found = aws().run(audit(settings().sender, settings().times))
    metrics.add_metric(name="Audited", unit=MetricUnit.Count, value=found.looked_at)
    metrics.add_metric(name="AuditDifferences", unit=MetricUnit.Count, value=len(found.differences))
    summary = {"looked_at": found.looked_at, "differences": found.by_reason(), "put_right": not found.too_many}
    logger.info("audited", extra=summary)
    return summary
