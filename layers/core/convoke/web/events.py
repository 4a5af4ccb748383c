"""The routes of events."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from .. import fanout
from ..model import Event, EventStatus, InvalidField
from ..settings import settings
from ..store import dynamo, events, keys, lists, requests
from ..store.writes import ROUNDS, Action
from . import answers, desk
from .answers import EventOut, EventPage, may_answer
from .once import Record, once
from .problems import Problem
from .shapes import CancelIn, Cursor, EventIn, EventPatch, Limit, Once, Version, content, patched
from .walltimes import read_when

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]
NO_REASON = CancelIn()


@router.post("/events", summary="Create an event", responses=may_answer(201))
def create_event(body: EventIn, key: Once = None) -> Response[EventOut]:
    account, at = desk.caller(), desk.now()
    event = Event(
        event_id=keys.event_id(secrets.token_bytes(16)),
        account=account,
        version=1,
        when=read_when(start=body.start, end=body.end, duration=body.duration, time_zone=body.time_zone),
        created_at=at,
        updated_at=at,
        **content(body),
    )
    must_end_later(event, at)

    def create(record: Record) -> Response[EventOut]:
        events.create_event(desk.client(), settings(), event, also=record(status=201, event_id=event.event_id))
        return desk.show_event(event.event_id, 201, desk.location(event.event_id))

    return once(key, create)


def must_end_later(event: Event, at: datetime) -> None:
    if event.when.ends_at <= at:
        raise InvalidField("end", "is in the past")


@router.get("/events", summary="List events, in order of creation", responses=may_answer(200))
def list_events(limit: Limit = 50, cursor: Cursor = None) -> Response[EventPage]:
    page = lists.list_events(desk.client(), settings(), desk.caller(), limit=limit, cursor=cursor)
    return desk.answer(
        200,
        EventPage(items=[answers.event(counted.event, counted.seats) for counted in page.items], next=page.next),
    )


@router.get("/events/<event_id>", summary="Read an event", responses=may_answer(200))
def read_event(event_id: str) -> Response[EventOut]:
    return desk.show_event(event_id)


@router.patch("/events/<event_id>", summary="Change an event (JSON merge patch)", responses=may_answer(200))
def patch_event(event_id: str, patch: EventPatch, version: Version = None) -> Response[EventOut]:
    for _ in range(ROUNDS):
        before, at = desk.own_event(event_id), desk.now()
        unchanged(before, version)
        desk.writable(before, at)
        after = replace(before, **patched(before, patch))
        must_end_later(after, at)
        if after == before or store(before, after, at, {}):
            desk.promote(event_id)
            return desk.show_event(event_id)
    raise dynamo.Contention(f"{ROUNDS} rounds met other writers")


@router.post("/events/<event_id>/cancel", summary="Cancel an event, for good", responses=may_answer(200))
def cancel_event(
    event_id: str,
    body: Annotated[CancelIn, Body()] = NO_REASON,
    key: Once = None,
    version: Version = None,
) -> Response[EventOut]:
    def cancel(record: Record) -> Response[EventOut]:
        recorded = record(status=200, event_id=event_id)
        for _ in range(ROUNDS):
            before, at = desk.own_event(event_id), desk.now()
            unchanged(before, version)
            if before.status is EventStatus.CANCELLED:
                requests.keep(desk.client(), recorded)
                return desk.show_event(event_id)
            desk.still_to_come(before, at)
            if store(before, replace(before, status=EventStatus.CANCELLED, reason=body.reason), at, recorded):
                return desk.show_event(event_id)
        raise dynamo.Contention(f"{ROUNDS} rounds met other writers")

    return once(key, cancel)


def unchanged(event: Event, wanted: str | None) -> None:
    """If-Match: exactly the version that stands, or any."""
    if wanted not in (None, "*", f'"{event.version}"'):
        raise Problem(HTTPStatus.PRECONDITION_FAILED, f"the event has version {event.version}")


def store(before: Event, after: Event, at: datetime, also: Mapping[str, Action]) -> bool:
    """Put ``after`` in the place of ``before``, as its next version; as pressing as the sooner of its two times."""
    after = replace(after, version=before.version + 1, updated_at=at)
    times = settings().times
    priority = min(fanout.pressing(replace(after, when=when), at, times) for when in (before.when, after.when))
    return events.change_event(desk.client(), settings(), before, after, priority=priority, now=at, also=also)
