"""The routes of an event's single dates (occurrences), and of splitting a series."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from ..decision import fan_out
from ..model import Event, InvalidField, LocalTime, Occurrence
from ..registrations import events
from ..schedule import edits, series
from ..settings import settings
from ..store import keys
from ..store.events import SplitTransfer
from ..store.repository import decode_cursor, encode_cursor
from ..store.writes import rounds
from . import context, presenters
from .events import changed, must_end_later, require_version
from .idempotency import Record, once
from .patches import date_changed, patched
from .problems import Problem
from .requests import (
    EMPTY_BODY,
    CancelIn,
    Cursor,
    EmptyIn,
    IdempotencyKey,
    Limit,
    OccurrenceIn,
    OccurrencePatch,
    SplitIn,
    Version,
)
from .responses import EventOut, OccurrenceOut, OccurrencePage, documented
from .walltimes import read_moment, read_when

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]
DATES = "/events/<event_id>/occurrences"
DATE = f"{DATES}/<start>"
NO_REASON = CancelIn()


@router.get(DATES, summary="List the dates of an event in order", responses=documented(200))
def list_occurrences(
    event_id: str,
    over: Annotated[bool | None, Query(description="Only those that have ended, or only those that have not.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[OccurrencePage]:
    event, at = context.own_event(event_id), context.now()
    shown = [presenters.occurrence(one, event, at) for one in series.occurrences(event)]
    shown += [presenters.skipped(date, event, at) for date in series.skipped(event.schedule)]
    shown.sort(key=lambda one: one.occurrence)
    identity = f"occurrences of {event_id}"
    position = "" if cursor is None else decode_cursor(identity, cursor, r"[0-9T:.-]+")
    rest = [one for one in shown if one.occurrence > position and over in (None, one.over)]
    more = len(rest) > limit
    following = encode_cursor(identity, rest[limit - 1].occurrence) if more else None
    return context.answer(200, OccurrencePage(items=rest[:limit], next=following))


@router.post(DATES, summary="Add a date", responses=documented(201))
def add_occurrence(
    event_id: str, body: OccurrenceIn, key: IdempotencyKey = None, version: Version = None
) -> Response[OccurrenceOut]:
    def add(record: Record) -> Response[OccurrenceOut]:
        name = read_moment("start", body.start).isoformat()
        recorded = record(status=201, event_id=event_id, date=name)
        changed(event_id, version, lambda event, at: with_date_added(event, body, at), recorded)
        where = {"Location": f"{context.BASE}/events/{event_id}/occurrences/{name}"}
        return context.show_occurrence(event_id, name, 201, where)

    return once(key, add)


def with_date_added(event: Event, body: OccurrenceIn, at: datetime) -> Event:
    """The event with one more date, which must end after ``at`` (UTC). Raises :class:`InvalidField`."""
    start = read_moment("start", body.start)
    if isinstance(start, datetime) is event.when.all_day:
        raise InvalidField("start", "must be a date, or a time, as the start of the series is")
    plain = series.when_at(event.schedule, start)
    when = read_when(
        start=body.start,
        end=body.end or (None if body.duration else plain.end.isoformat()),
        duration=body.duration,
        time_zone=event.when.time_zone,
        current=plain,
    )
    if when.ends_at <= at:
        raise InvalidField("end", "is in the past")
    return edits.add_date(event, start, when)


@router.patch(DATE, summary="Change a date (JSON merge patch)", responses=documented(200))
def patch_occurrence(
    event_id: str, start: str, patch: OccurrencePatch, key: IdempotencyKey = None, version: Version = None
) -> Response[OccurrenceOut]:
    def change(event: Event, at: datetime) -> Event:
        one = upcoming_date(event, start, at)
        require_series(event)
        return with_patch(event, one, patch, at)

    return _change_date(event_id, start, version, key, change)


def with_patch(event: Event, one: Occurrence, patch: OccurrencePatch, at: datetime) -> Event:
    """The event with its date ``one`` patched, which must end after ``at`` (UTC). Raises :class:`InvalidField`."""
    after = edits.change_date(event, date_changed(event, one, patch))
    if edits.date(after, one.date).when.ends_at <= at:
        raise InvalidField("end", "is in the past")
    return after


@router.post(f"{DATE}/cancel", summary="Cancel a date", responses=documented(200))
def cancel_occurrence(
    event_id: str,
    start: str,
    body: Annotated[CancelIn, Body()] = NO_REASON,
    key: IdempotencyKey = None,
    version: Version = None,
) -> Response[OccurrenceOut]:
    counted = False

    def cancel(event: Event, at: datetime) -> Event:
        nonlocal counted
        one = upcoming_date(event, start, at)
        if one.cancelled:
            return event
        after = edits.cancel_date(event, one.date, body.reason)
        if event.recurs and not counted:
            context.require_count(
                context.store().limits.date(event.account, at), "too many cancellations of single dates"
            )
            counted = True
        return after

    return _change_date(event_id, start, version, key, cancel)


@router.post(f"{DATE}/restore", summary="Restore a cancelled date", responses=documented(200))
def restore_occurrence(
    event_id: str,
    start: str,
    body: Annotated[EmptyIn, Body()] = EMPTY_BODY,  # noqa: ARG001 (the body has no fields)
    key: IdempotencyKey = None,
    version: Version = None,
) -> Response[OccurrenceOut]:
    def restore(event: Event, at: datetime) -> Event:
        return edits.restore_date(event, upcoming_date(event, start, at).date)

    return _change_date(event_id, start, version, key, restore)


def _change_date(
    event_id: str, start: str, version: str | None, key: str | None, change: Callable[[Event, datetime], Event]
) -> Response[OccurrenceOut]:
    def change_once(record: Record) -> Response[OccurrenceOut]:
        name = context.own_date(context.own_event(event_id), start).date.isoformat()
        changed(event_id, version, change, record(status=200, event_id=event_id, date=name))
        return context.show_occurrence(event_id, name)

    return once(key, change_once)


def upcoming_date(event: Event, start: str, at: datetime) -> Occurrence:
    """The date, by its original start. Raises :class:`Problem`: 404 if there is none, 409 if it is over."""
    one = context.own_date(event, start)
    if one.when.ends_at <= at:
        raise Problem(HTTPStatus.CONFLICT, "this date is over", code="date_over")
    return one


def require_series(event: Event) -> None:
    """Raise :class:`Problem` (409) for an event of one date: a change of its only date is a change of the event."""
    if not event.recurs:
        raise Problem(HTTPStatus.CONFLICT, "the event has one date: change the event itself", code="single_date")


@router.post("/events/<event_id>/split", summary="Change a date and all following dates", responses=documented(201))
def split_event(
    event_id: str, body: SplitIn, key: IdempotencyKey = None, version: Version = None
) -> Response[EventOut]:
    # Registrations are copied to the new event by the split transfer.
    new_id = keys.random_id(secrets.token_bytes(16))

    def split(record: Record) -> Response[EventOut]:
        recorded = record(status=201, event_id=new_id)
        for _ in rounds():
            before, at = context.own_event(event_id), context.now()
            context.require_unmanaged(before)
            require_version(before, version)
            context.require_writable(before, at)
            old, new = split_parts(before, body, new_id, at)
            context.require_no_transfer(event_id)
            transfer = split_transfer_of(before, date_from(before, body), new_id, at)
            priority = min(fan_out.urgency(each, at, settings().times) for each in (before, old))
            done = events.split_event(
                context.store(),
                before,
                replace(old, version=before.version + 1, updated_at=at),
                new,
                context.store().events.start_transfer_action(transfer, priority, at),
                priority=priority,
                now=at,
                also={"whole": context.store().events.not_transferring_check(event_id), **recorded},
            )
            if done:
                context.start_transfer(new_id)
                return context.show_event(new_id, 201, context.location(new_id))
        raise AssertionError  # rounds() ends with Contention

    return once(key, split)


def date_from(event: Event, body: SplitIn) -> LocalTime:
    """The original start of the first date of the new event. Raises :class:`InvalidField`."""
    one = context.date_named(event, body.from_)
    if one is None:
        raise InvalidField("from", "is not a date of this series")
    return one.date


def split_transfer_of(event: Event, since: LocalTime, new_id: str, at: datetime) -> SplitTransfer:
    return SplitTransfer(event_id=new_id, source=event.event_id, since=since, named=len(event.earlier), at=at)


def split_parts(event: Event, body: SplitIn, new_id: str, at: datetime) -> tuple[Event, Event]:
    """The shortened series, and the new event that continues it with its changes. Raises :class:`InvalidField`."""
    since = date_from(event, body)
    if edits.date(event, since).when.ends_at <= at:
        raise InvalidField("from", "is over")
    old, new = edits.split(event, since, new_id, at)
    new, _ = patched(new, body.changes)
    must_end_later(new, at)
    return old, new
