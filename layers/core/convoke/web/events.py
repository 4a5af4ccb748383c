"""The routes that create, list, read, change and cancel events."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from ..decision import fan_out
from ..model import Event, EventStatus, InvalidField, LocalTime
from ..registrations import events
from ..registrations.events import Earlier
from ..schedule import edits, series
from ..settings import settings
from ..store import keys
from ..store.lookups import BY_START, Counted, Order, Wanted, words_of
from ..store.repository import Page
from ..store.writes import Action, rounds
from . import context, presenters
from .idempotency import Record, once
from .patches import content, patched
from .problems import Problem
from .requests import (
    EMPTY_BODY,
    CancelIn,
    Cursor,
    EmptyIn,
    EventIn,
    EventPatch,
    IdempotencyKey,
    Limit,
    ReopenIn,
    Version,
)
from .responses import EventOut, EventPage, documented
from .walltimes import read_instant, read_when

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]
NO_REASON, AS_IT_WAS = CancelIn(), ReopenIn()


@router.post("/events", summary="Create an event", responses=documented(201))
def create_event(body: EventIn, key: IdempotencyKey = None) -> Response[EventOut]:
    account, at = context.caller(), context.now()
    when = read_when(start=body.start, end=body.end, duration=body.duration, time_zone=body.time_zone)
    event = Event(
        event_id=keys.random_id(secrets.token_bytes(16)),
        account=account,
        version=1,
        when=when,
        rule=series.rule(body.recurrence, when) if body.recurrence else None,
        created_at=at,
        updated_at=at,
        **content(body),
    )
    must_end_later(event, at)

    def create(record: Record) -> Response[EventOut]:
        events.create_event(context.store(), event, also=record(status=201, event_id=event.event_id))
        return context.show_event(event.event_id, 201, context.location(event.event_id))

    return once(key, create)


def must_end_later(event: Event, at: datetime, before: Event | None = None) -> None:
    """Raise :class:`InvalidField` unless the event's last date ends after ``at`` (UTC); also where another rule than
    that of ``before`` leaves no date to come although there was one: mails about its dates would be about none.
    """
    shortened = before is not None and event.recurs and before.when == event.when and before.rule != event.rule
    if before is not None and shortened and series.coming(before, at) and not series.coming(event, at):
        raise InvalidField("recurrence", "leaves no date to come: cancel the event instead")
    if series.ends_at(event) <= at:
        raise InvalidField("end", "is in the past")


@router.get("/events", summary="List events", responses=documented(200))
def list_events(
    limit: Limit = 50,
    cursor: Cursor = None,
    external_id: Annotated[str | None, Query(max_length=200, description="The one with this id of yours.")] = None,
    status: Annotated[EventStatus | None, Query()] = None,
    since: Annotated[
        str | None, Query(alias="from", max_length=40, description="Whose first date starts then or later.")
    ] = None,
    until: Annotated[
        str | None, Query(alias="to", max_length=40, description="Whose first date starts before then.")
    ] = None,
    updated_since: Annotated[str | None, Query(max_length=40, description="Changed then or later.")] = None,
    over: Annotated[bool | None, Query(description="Whether their last date has ended.")] = None,
    search: Annotated[str, Query(max_length=200, description="Words, or parts of words, of title and place.")] = "",
    order: Annotated[
        Order | None,
        Query(
            description="updated where updated_since is given, start where over or search is, else created; -start"
            " is the latest start first."
        ),
    ] = None,
    details: Annotated[
        bool, Query(description="Also next_date and attention_count of each event; slower, for a page to be looked at.")
    ] = False,
) -> Response[EventPage]:
    wanted = Wanted(
        words=words_of(search),
        over=over,
        now=context.now(),
        status=status,
        since=read_instant("from", since),
        until=read_instant("to", until),
        updated_since=read_instant("updated_since", updated_since),
    )
    account, lookups = context.caller(), context.store().lookups
    order = order or list_order(wanted)
    if (wanted.words or over is not None) and order not in BY_START:
        raise InvalidField("order", "must be start or -start beside over or search")
    if external_id is not None:
        holder = context.store().external_ids.event_holder(account, external_id)
        found = lookups.read_events([holder] if holder else [])
        page = Page(items=tuple(one for one in found if wanted.has(one.event)), next=None)
    else:
        organizer = context.organizer()
        listed_by = partial(lookups.list_organized, organizer) if organizer else partial(lookups.list_events, account)
        page = listed_by(limit=limit, cursor=cursor, order=order, wanted=wanted)
    return context.answer(200, EventPage(items=[listed(one, details) for one in page.items], next=page.next))


def list_order(wanted: Wanted) -> Order:
    """The order of a list where the caller names none."""
    if wanted.words or wanted.over is not None:
        return Order.START
    return Order.UPDATED if wanted.updated_since else Order.CREATED


def listed(one: Counted, details: bool) -> EventOut:
    """An event in a list; with ``details`` also what has to be computed or looked up for each."""
    at = context.now()
    if not details:
        return presenters.event(one.event, one.seats, urls=context.urls())
    _, count = context.store().surveys.list_attention(one.event.event_id, now=at)
    shown = presenters.event(one.event, one.seats, now=at, urls=context.urls())
    return shown.model_copy(update={"attention_count": count})


@router.get("/events/<event_id>", summary="Read an event", responses=documented(200))
def read_event(event_id: str) -> Response[EventOut]:
    return context.show_event(event_id)


@router.patch("/events/<event_id>", summary="Change an event (JSON merge patch)", responses=documented(200))
def patch_event(
    event_id: str, patch: EventPatch, key: IdempotencyKey = None, version: Version = None
) -> Response[EventOut]:
    dropped: tuple[LocalTime, ...] = ()
    may_free_seats = False

    def change(before: Event, _: datetime) -> Event:
        nonlocal dropped, may_free_seats
        context.require_unmanaged(before)
        after, dropped = patched(before, patch)
        may_free_seats = after.capacity != before.capacity
        return after

    def change_once(record: Record) -> Response[EventOut]:
        changed(event_id, version, change, record(status=200, event_id=event_id))
        if may_free_seats:
            context.promote(event_id)
        return context.show_event(event_id, dropped=dropped)

    return once(key, change_once)


def changed(
    event_id: str,
    version: str | None,
    change: Callable[[Event, datetime], Event],
    also: Mapping[str, Action],
) -> None:
    """Write the event as ``change`` makes it, with the fan-out that becomes due, and ``also`` in the same transaction.

    ``version`` is the If-Match header, if there is one. ``change`` gets the stored event and the time (UTC), and is
    called again where another writer was first. If it changes nothing, only ``also`` is written. Raises
    :class:`Problem` (409, 412), :class:`InvalidField`, or :class:`dynamo.Contention` after too many rounds.
    """
    for _ in rounds():
        (before, earlier), at = context.own_event_and_earlier(event_id), context.now()
        require_version(before, version)
        context.require_writable(before, at)
        after = change(before, at)
        must_end_later(after, at, before)
        if after == before:
            context.store().requests.keep(dict(also))
            return
        if store(before, after, earlier, at, also):
            return


@router.post("/events/<event_id>/cancel", summary="Cancel an event", responses=documented(200))
def cancel_event(
    event_id: str,
    body: Annotated[CancelIn, Body()] = NO_REASON,
    key: IdempotencyKey = None,
    version: Version = None,
) -> Response[EventOut]:
    def cancel(before: Event, earlier: Earlier, at: datetime, recorded: Mapping[str, Action]) -> bool:
        context.require_unmanaged(before)
        require_version(before, version)
        if before.status is EventStatus.CANCELLED:
            context.store().requests.keep(dict(recorded))
            return True
        context.require_not_over(before, at)
        after = replace(before, status=EventStatus.CANCELLED, reason=body.reason)
        return store(before, after, earlier, at, recorded)

    return decided(event_id, key, cancel)


@router.post("/events/<event_id>/reopen", summary="Let a cancelled event take place again", responses=documented(200))
def reopen_event(
    event_id: str,
    body: Annotated[ReopenIn, Body()] = AS_IT_WAS,
    key: IdempotencyKey = None,
    version: Version = None,
) -> Response[EventOut]:
    def reopen(before: Event, earlier: Earlier, at: datetime, recorded: Mapping[str, Action]) -> bool:
        context.require_unmanaged(before)
        require_version(before, version)
        context.require_not_over(before, at)
        if before.status is not EventStatus.CANCELLED:
            dates = restored(before, body.occurrences, at)
            if any(edits.date(before, name).cancelled for name in dates):
                raise Problem(HTTPStatus.CONFLICT, "the event is not cancelled: restore a date by its own path")
            context.store().requests.keep(dict(recorded))
            return True
        context.require_no_transfer(event_id)
        after = edits.reopen(before, restored(before, body.occurrences, at))
        check = {"transfer": context.store().events.not_transferring_check(event_id)}
        if not store(before, after, earlier, at, {**check, **recorded}):
            return False
        context.promote(event_id)
        return True

    return decided(event_id, key, reopen)


# --- changes that wait to be announced --------------------------------------------------------------------------------


@router.post("/events/<event_id>/tell", summary="Inform people now of the changes that wait", responses=documented(200))
def tell_now(
    event_id: str,
    body: Annotated[EmptyIn, Body()] = EMPTY_BODY,  # noqa: ARG001 (the body has no fields)
    key: IdempotencyKey = None,
    version: Version = None,
) -> Response[EventOut]:
    def tell(event: Event, earlier: Earlier, at: datetime, recorded: Mapping[str, Action]) -> bool:
        require_version(event, version)
        return events.tell_now(context.store(), event, at, earlier=earlier, also=recorded)

    return decided(event_id, key, tell)


@router.post("/events/<event_id>/undo", summary="Undo the changes that wait to be announced", responses=documented(200))
def undo_changes(
    event_id: str,
    body: Annotated[EmptyIn, Body()] = EMPTY_BODY,  # noqa: ARG001 (the body has no fields)
    key: IdempotencyKey = None,
    version: Version = None,
) -> Response[EventOut]:
    def undo(before: Event, earlier: Earlier, at: datetime, recorded: Mapping[str, Action]) -> bool:
        context.require_unmanaged(before)
        require_version(before, version)
        context.require_not_over(before, at)
        after = events.before_what_waits(context.store(), before, at, earlier=earlier)
        if isinstance(after, events.CannotUndo):
            raise Problem(HTTPStatus.CONFLICT, after.value, code=after.name.lower())
        after = replace(after, version=before.version + 1, updated_at=at)
        priority = fan_out.change_urgency(before, after, at, settings().times)
        written = events.undo(context.store(), before, after, priority=priority, now=at, earlier=earlier, also=recorded)
        if not written:
            return False
        context.promote(event_id)
        return True

    return decided(event_id, key, undo)


# --- writing --------------------------------------------------------------------------------------------------------


def decided(
    event_id: str, key: str | None, decide: Callable[[Event, Earlier, datetime, Mapping[str, Action]], bool]
) -> Response[EventOut]:
    """Do once what ``decide`` does, and answer with the event as it is then.

    ``decide`` gets the stored event, the fan-out of its latest change, the time (UTC), and the actions that keep the
    request, for its transaction; it is called again where it returns False: another writer was first. Raises
    :class:`dynamo.Contention` after too many rounds.
    """

    def do(record: Record) -> Response[EventOut]:
        recorded = record(status=200, event_id=event_id)
        for _ in rounds():
            if decide(*context.own_event_and_earlier(event_id), context.now(), recorded):
                return context.show_event(event_id)
        raise AssertionError  # rounds() ends with Contention

    return once(key, do)


def restored(event: Event, dates: list[str], at: datetime) -> list[LocalTime]:
    """The dates of the texts ``dates``, their original starts. Raises :class:`InvalidField` for what is no date of the
    event, or over at ``at`` (UTC).
    """
    names = []
    for number, text in enumerate(dates):
        one = context.date_named(event, text)
        if one is None:
            raise InvalidField(f"occurrences.{number}", "is not a date of this event")
        if one.when.ends_at <= at:
            raise InvalidField(f"occurrences.{number}", "is over")
        names.append(one.date)
    return names


def require_version(event: Event, wanted: str | None) -> None:
    """Raise :class:`Problem` (412) unless If-Match allows a change of the event's present version."""
    context.require_version("the event has", event.version, wanted)


def store(before: Event, after: Event, earlier: Earlier, at: datetime, also: Mapping[str, Action]) -> bool:
    """Replace ``before`` by ``after`` as its next version, with ``also`` in the same transaction.

    False where another writer was first.
    """
    after = replace(after, version=before.version + 1, updated_at=at)
    priority = fan_out.change_urgency(before, after, at, settings().times)
    return events.change_event(context.store(), before, after, priority=priority, now=at, earlier=earlier, also=also)
