"""The records and messages of a batch, each handled by itself."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.batch.base import FailureResponse
from aws_lambda_powertools.utilities.batch.exceptions import ExceptionInfo

from .runtime import log_failure, type_of


def report(error: BaseException) -> None:
    """Log that something failed while the function goes on, and count it."""
    log_failure(error)
    with single_metric(name="RecordFailed", unit=MetricUnit.Count, value=1):
        pass


class RecordFailed(Exception):
    """Stands for the exception of a record, whose type is its text: what that says may hold a name or an address."""


class RecordProcessor(BatchProcessor):
    """Logs each record that fails, with the type of its exception and where that was raised, and counts it; but none
    that raises ``unfinished``.

    Lambda counts an error only where the function raises, which it does when all records of a batch fail. Of a batch
    of which some were handled, nobody would be informed: the function answers which to try again, and that is all.
    """

    def __init__(self, event_type: EventType, *, unfinished: type[Exception] | None = None) -> None:
        # A batch of which nothing is finished is no error, either.
        super().__init__(event_type=event_type, raise_on_entire_batch_failure=unfinished is None)
        self._unfinished = unfinished

    def failure_handler(self, record: Any, exception: ExceptionInfo) -> FailureResponse:
        if self._unfinished is not None and isinstance(exception[1], self._unfinished):
            return super().failure_handler(record, exception)
        error = exception[1] or RecordFailed()
        report(error)
        return super().failure_handler(record, (RecordFailed, RecordFailed(type_of(error)), exception[2]))
