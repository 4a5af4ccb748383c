"""The routes of participation: one person's answers, counts for an event, and the export of registrations as CSV."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from ..decision.attendance import tally
from ..decision.decide import Snapshot
from ..model import Event, InvalidField, LocalTime, Registration
from ..schedule import series_changes
from ..settings import settings
from ..store.repository import decode_cursor, encode_cursor
from . import context, csv_export, presenters
from .problems import Problem
from .registrations import PERSON
from .requests import Cursor, Limit
from .responses import CSV, PROBLEM, AnswerPage, ParticipationOut, documented

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

MOST_ROWS = 5000
"""Rows that can be written well within the function's timeout of ten seconds."""
LARGEST_PART = 4 * 1024 * 1024
"""Bytes of a part, as JSON: a response of Lambda has at most 6 MB, and the CSV stands in it as a JSON string."""


Rows = Annotated[
    int | None, Query(ge=1, le=MOST_ROWS, description="Rows per part; the header Link names the next part.")
]


@router.get(f"{PERSON}/answers", summary="List a person's answers", responses=documented(200))
def list_answers(event_id: str, registration_id: str, limit: Limit = 50, cursor: Cursor = None) -> Response[AnswerPage]:
    seen = context.read_snapshot(context.own_event(event_id), registration_id)
    page = context.store().answers.list_answers(registration_id, limit=limit, cursor=cursor)
    return context.answer(200, AnswerPage(items=[presenters.received(one, seen) for one in page.items], next=page.next))


@router.get("/events/<event_id>/participation", summary="Count participation", responses=documented(200))
def count_participation(
    event_id: str,
    date: Annotated[
        str | None, Query(description="Count for one date of a series, by its original start.", max_length=32)
    ] = None,
    cursor: Cursor = None,
) -> Response[ParticipationOut]:
    event = context.own_event(event_id)
    name = None if date is None else date_of(event, date)
    part = context.Part(event_id, f"participation of {event_id}", cursor)
    counts = tally((one for one in part if comes_on(event, one[0], name)), name)
    counted = {status.value: count for status, count in counts.items()}
    return context.answer(200, ParticipationOut(**counted, next=part.next))


def date_of(event: Event, text: str) -> LocalTime:
    """The date of the event with this original start. Raises :class:`InvalidField` where there is none."""
    one = context.date_named(event, text)
    if one is None:
        raise InvalidField("date", "is not a date of this event")
    return one.date


def comes_on(event: Event, person: Registration, date: LocalTime | None) -> bool:
    """Whether the registration includes ``date``; ``None`` is the whole event."""
    if date is None or person.occurrences is None:
        return True
    return date in series_changes.named(event, person.occurrences, person.named).values()


@router.get(
    "/events/<event_id>/registrations.csv",
    summary="Export registrations as CSV",
    responses={200: CSV, 404: PROBLEM, 409: PROBLEM, 422: PROBLEM},
)
def export_registrations(event_id: str, limit: Rows = None, cursor: Cursor = None) -> Response[str]:
    event, at = context.own_event(event_id), context.now()
    # Of other questions it would be another table.
    identity = f"table of {event_id} {[question.question_id for question in event.questions]}"
    after = "" if cursor is None else decode_cursor(identity, cursor, r"[0-9a-z]+")
    rows: list[str] = []
    last, size, more = after, 0, False
    for person, invitation in context.store().reads.everybody(event_id, after):
        seen = Snapshot(invitation=invitation, registration=person, event=event)
        row = csv_export.row(presenters.registration(seen, settings().sender, at), event.questions)
        size += len(json.dumps(row))
        more = len(rows) == (limit or MOST_ROWS) or size > LARGEST_PART
        if more:
            break
        rows.append(row)
        last = person.registration_id
    if more and limit is None:
        raise Problem(
            HTTPStatus.CONFLICT, f"the table is too long for one response: ask for parts, with limit up to {MOST_ROWS}"
        )
    # Only the first part has the heading, so that the parts can be joined.
    table = "".join(rows if after else [csv_export.head(event.questions), *rows])
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="registrations-{event_id}.csv"',
        "X-Content-Type-Options": "nosniff",
    }
    if more:
        following = urlencode({"limit": limit, "cursor": encode_cursor(identity, last)})
        headers["Link"] = f'<{context.BASE}/events/{event_id}/registrations.csv?{following}>; rel="next"'
    return Response(200, "text/csv; charset=utf-8", table, headers)
