"""Follows the tables that a site keeps: looks at the rows that their streams name, and once a day at all rows.

A stream record only says which row to look at. Which account a stream belongs to is decided by the deployment, in
``SOURCE_STREAMS``: ``account=stream ARN``, separated by commas; which of the account's sources its rows are of, by the
name of the table. The result of the daily comparison has the differences of each source by table and outcome. One that
does not end in the time of an invocation is continued by the next: ``{"continue": true}``. A row or a source that
fails keeps no other from being compared; then the function fails in the end, so that an alarm is raised.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.aws import runtime
from convoke.aws.records import RecordProcessor
from convoke.aws.runtime import log_failure, logger, metrics
from convoke.model import ConvokeError
from convoke.sources.compare import KINDS, follow, go_on, too_many
from convoke.sources.mapping import parse
from convoke.sources.row_keys import read_key
from convoke.sources.row_sync import Outcome, Synced
from convoke.sources.sync import Site
from convoke.store.comparisons import Progress
from convoke.store.sources import RowKind
from convoke.store.store import store

TIME_LEFT = 20_000
"""Milliseconds before its end at which the function stops to look at rows that waited, and has the record again."""


class Unfinished(ConvokeError):
    """More rows waited for this one than can be looked at in time: the record is handled again."""


def bindings() -> dict[str, str]:
    """The account of each stream that the deployment names, by the stream's ARN."""
    named = [each.partition("=") for each in os.environ["SOURCE_STREAMS"].split(",") if each]
    return {stream: account for account, _, stream in named}


def sites(stream: str) -> list[tuple[Site, RowKind]]:
    """The sources of which the stream's rows are, with the kind of rows; none where nobody has described one."""
    account, table = bindings()[stream], stream.split("/")[1]
    described = [Site(store(), account, parse(text), store().client) for text in store().accounts.sources(account)]
    found = [(site, kind, site.rows(kind)) for site in described for kind in KINDS]
    return [(site, kind) for site, kind, rows in found if rows is not None and rows.table == table]


def handle_record(record: DynamoDBRecord, lambda_context: LambdaContext) -> None:
    """Look at the row of one record, for each source of the table, whether or not others fail. An exception has the
    record handled again.
    """
    if record.dynamodb is None or not record.event_source_arn:
        return
    key = read_key(record.raw_event["dynamodb"]["Keys"])
    errors: list[Exception] = []
    for site, kind in sites(record.event_source_arn):
        try:
            _follow(site, kind, key, has_expired(record), lambda_context)
        except Exception as error:  # whatever it is, it must not keep another source from its row
            errors.append(error)
    if errors:
        raise errors[0]


def _follow(site: Site, kind: RowKind, key: dict[str, Any], expired: bool, lambda_context: LambdaContext) -> None:
    if expired and site.source.expired_rows == "keep":
        site.expired(kind, key)
        return
    for synced in follow(site, kind, key, runtime.clock()):
        report(site, kind, synced)
        if _time_is_up(lambda_context):
            raise Unfinished(synced.state.event_id)


def has_expired(record: DynamoDBRecord) -> bool:
    """Whether the time to live of the site's table has deleted the row."""
    who = record.raw_event.get("userIdentity") or {}
    return record.raw_event.get("eventName") == "REMOVE" and who.get("principalId") == "dynamodb.amazonaws.com"


def report(site: Site, kind: RowKind, synced: Synced) -> None:
    """Count and log what a sync led to, without what the row says."""
    if synced.outcome is Outcome.PROBLEM and synced.fresh:
        metrics.add_metric(name="SourceProblems", unit=MetricUnit.Count, value=1)
    if synced.outcome is Outcome.HELD:
        metrics.add_metric(name="SourcePaused", unit=MetricUnit.Count, value=1)
    said = {"source": site.source.name, "rows": kind.value, "outcome": synced.outcome.value}
    ids = {"event_id": synced.state.event_id, "registration_id": synced.state.registration_id}
    logger.info("row", extra=said | ids)


def audit(
    now: datetime, lambda_context: LambdaContext, failed: Callable[[Exception], None], *, begin: bool
) -> dict[str, Any]:
    """Compare every source whose tables are bound to its account, as far as the time of this invocation goes, and act
    upon differences unless they are many; ``begin``: also those that are not under way. One that fails keeps no other
    from being compared: ``failed`` is informed of it.
    """
    followed: dict[str, Site] = {}
    summary: dict[str, Any] = {}
    for stream, account in bindings().items():
        try:
            followed |= {f"{account}/{site.source.name}": site for site, _ in sites(stream)}
        except Exception as error:  # whatever it is, it must not keep others' rows from being compared
            failed(error)
    for name, site in followed.items():
        try:
            at = go_on(site, now, lambda: _time_is_up(lambda_context), failed, begin=begin)
        except Exception as error:  # as above
            failed(error)
            continue
        if at is not None:
            summary[name] = report_comparison(at)
    return summary


def _time_is_up(lambda_context: LambdaContext) -> bool:
    return lambda_context.get_remaining_time_in_millis() < TIME_LEFT


def report_comparison(at: Progress) -> dict[str, Any]:
    """Count what a comparison that has ended found; returns how far it is."""
    found = sum(at.differences.values())
    stopped = too_many(found, at.rows)
    if at.ended:
        metrics.add_metric(name="SourceDifferences", unit=MetricUnit.Count, value=found)
        if stopped:
            metrics.add_metric(name="SourceAuditStopped", unit=MetricUnit.Count, value=1)
    put_right = at.ended and not stopped
    return {"rows": at.rows, "differences": dict(at.differences), "ended": at.ended, "put_right": put_right}


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    metrics.add_metric(name="SourceRecords", unit=MetricUnit.Count, value=len(event.get("Records", ())))
    if "Records" not in event:
        errors: list[Exception] = []

        def failed(error: Exception) -> None:
            log_failure(error)
            errors.append(error)

        summary = audit(runtime.clock(), context, failed, begin=not event.get("continue"))
        logger.info("compared", extra={"sources": summary})
        if errors:
            raise errors[0]
        return {"sources": summary}
    return process_partial_response(
        event=event,
        record_handler=handle_record,
        processor=RecordProcessor(EventType.DynamoDBStreams, unfinished=Unfinished),
        context=context,
    )
