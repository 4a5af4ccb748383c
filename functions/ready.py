"""Runs every day, and for `make ready`: whether the deployment has all that it depends on (``delivery.readiness``).

The result has ``findings``, each with ``what``, ``state`` and ``why``.
"""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.aws import readiness
from convoke.aws.runtime import logger, metrics
from convoke.delivery.readiness import State, counts, findings
from convoke.settings import settings


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 (Lambda's signature)
    env = os.environ
    topics = readiness.Topics(
        reports_queue=env["REPORTS_QUEUE"],
        reports=env["FEEDBACK_TOPIC"],
        inbound=env["INBOUND_TOPIC"],
        alarms=env["ALARMS_TOPIC"],
    )
    found = findings(readiness.read(settings(), topics, env["AWS_REGION"]))
    number = counts(found)
    metrics.add_metric(name="NotReady", unit=MetricUnit.Count, value=number[State.TO_DO])
    for one in found:
        if one.state is not State.OK:
            logger.warning("not ready", extra={"what": one.what, "state": one.state.value, "why": one.why})
    logger.info("checked", extra={state.name.lower(): value for state, value in number.items()})
    return {"findings": [{"what": one.what, "state": one.state.value, "why": one.why} for one in found]}
