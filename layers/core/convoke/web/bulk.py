"""The route that registers many people at once, with one result for each."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from time import monotonic
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import ValidationError

from ..model import Event, InvalidField, Registration
from ..registrations import bulk
from ..registrations.bulk import Outcome, OutOfTime, Registered
from ..registrations.imports import Reason
from ..registrations.registry import STANDING, Obstacle, TooMany
from ..store import dynamo
from ..store.external_ids import Taken
from ..store.requests import Answered
from . import context, problems
from .idempotency import Record, once
from .problems import Problem
from .registrations import OBSTACLE_CODES, TOO_MANY, may_approve, new_registration
from .requests import BulkIn, IdempotencyKey, RegistrationIn
from .responses import BulkOut, BulkResult, FieldProblem, documented

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]
SECONDS = 7.0
"""For how long people are registered: the function has ten seconds. Who is left is answered with 503."""
TO_BE_SENT_AGAIN = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
"""Where one result is one of these, a repetition of the whole is carried out, and finds whoever is registered."""


@router.post("/events/<event_id>/registrations/bulk", summary="Register up to 500 people", responses=documented(200))
def register_all(event_id: str, body: BulkIn, key: IdempotencyKey = None) -> Response[BulkOut]:
    began = monotonic()

    def enter(record: Record) -> Response[BulkOut]:
        event, at = context.own_event(event_id), context.now()
        context.require_writable(event, at)
        context.require_mails(event.account, at)
        # Sorted, so that ids of one moment sort in the order of the request: so people get on the waitlist.
        entropy = sorted(secrets.token_bytes(16) for _ in body.registrations)
        allowed = may_approve()
        checked = [
            checked_person(event, one, at, own, may_approve=allowed)
            for one, own in zip(body.registrations, entropy, strict=True)
        ]
        people = [one for one in checked if isinstance(one, Registration)]
        outcomes = iter(
            bulk.register_all(
                context.store(),
                event,
                people,
                now=at,
                out_of_time=lambda: monotonic() - began > SECONDS,
            )
        )
        results = [one if isinstance(one, BulkResult) else result(next(outcomes)) for one in checked]
        if not any(one.status in TO_BE_SENT_AGAIN for one in results):
            context.store().requests.keep(record(status=200, event_id=event_id))
        return context.answer(200, BulkOut(items=results))

    def show(_: Answered, headers: Mapping[str, str]) -> Response[BulkOut]:
        event, at = context.own_event(event_id), context.now()
        results = [present_result(event, one, at) for one in body.registrations]
        return context.answer(200, BulkOut(items=results), headers)

    return once(key, enter, show)


def checked_person(
    event: Event, body: dict[str, Any], at: datetime, entropy: bytes, *, may_approve: bool
) -> Registration | BulkResult:
    """The registration of one of the people, or why there is none."""
    try:
        return new_registration(event, RegistrationIn.model_validate(body), at, entropy, may_approve=may_approve)
    except Problem as error:
        return refused(error)
    except InvalidField as error:
        return refused(problems.invalid([(error.field, error.message)]))
    except ValidationError as error:
        return refused(problems.invalid(problems.fields(error.errors())))


def person_or_reason(event: Event, body: Mapping[str, Any], at: datetime, entropy: bytes) -> Registration | Reason:
    """As :func:`checked_person`, for an import: the first that is wrong. Whom the organizer imports need not be decided
    about.
    """
    checked = checked_person(event, {**body, "approved": True}, at, entropy, may_approve=True)
    if isinstance(checked, Registration):
        return checked
    first = checked.errors[0] if checked.errors else None
    return Reason(field=first.field, why=first.message) if first else Reason(field="", why=checked.detail or "")


def refused(problem: Problem) -> BulkResult:
    return BulkResult(
        status=problem.status.value,
        registration_id=None,
        registered=None,
        existing=False,
        code=problem.code,
        detail=problem.detail,
        errors=[FieldProblem(field=field, message=message) for field, message in problem.errors],
        retry_after=int(problem.headers["Retry-After"]) if "Retry-After" in problem.headers else None,
    )


def result(outcome: Outcome) -> BulkResult:
    """What became of one person, as registering them alone would have been answered."""
    match outcome:
        case Registered():
            return made(outcome.registration, existing=outcome.existing)
        case Taken():
            return refused(problems.external_id_taken(outcome))
        case TooMany():
            return refused(context.too_many(TOO_MANY, outcome.until, context.now()))
        case OutOfTime() | dynamo.Contention() | Obstacle.NOT_YET:
            return refused(Problem(HTTPStatus.SERVICE_UNAVAILABLE, "there was no time left: register them again"))
    return refused(Problem(HTTPStatus.CONFLICT, outcome.value, code=OBSTACLE_CODES[outcome]))


def made(person: Registration, *, existing: bool) -> BulkResult:
    return BulkResult(
        status=200 if existing else 201,
        registration_id=person.registration_id,
        registered=person.status,
        existing=existing,
        code=None,
        detail=None,
        errors=[],
    )


def present_result(event: Event, body: dict[str, Any], at: datetime) -> BulkResult:
    """What the person is now, of a request that was carried out before: nobody is registered again who withdrew."""
    checked = checked_person(event, body, at, bytes(16), may_approve=may_approve())
    if isinstance(checked, BulkResult):
        return checked
    reads, ids = context.store().reads, context.store().external_ids
    holder = reads.address_holder(event.event_id, checked.email)
    person = reads.registration(event.event_id, holder) if holder else None
    if person is not None and person.status in STANDING:
        return made(person, existing=True)
    taken = ids.registration_holder(event.event_id, checked.external_id) if checked.external_id else None
    return result(Taken("registration_id", taken) if taken else Obstacle.INACTIVE)
