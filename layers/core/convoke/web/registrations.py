"""The routes of one registration, and of the messages that were sent for it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal, TypeVar

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from ..decision import fan_out
from ..decision.attention import kind_of_sent
from ..decision.calendar_state import CalendarState
from ..decision.decide import calendar_state_of, over
from ..decision.shown import shown
from ..model import (
    Event,
    EventStatus,
    InvalidField,
    LocalTime,
    Registration,
    RegistrationStatus,
    folded,
)
from ..registrations import approval, erasure, registry, replies
from ..registrations import responses as responding
from ..registrations.registry import ACTIVE, STANDING, Obstacle, TooMany
from ..settings import settings
from ..store import keys
from ..store.accounts import Scope
from ..store.requests import Answered
from . import context, presenters, problems
from .idempotency import Record, once
from .patches import own_data
from .problems import Problem
from .requests import (
    EMPTY_BODY,
    Cursor,
    EmptyIn,
    IdempotencyKey,
    Limit,
    RegistrationIn,
    RegistrationPatch,
    WordIn,
)
from .responses import (
    MAIL,
    PROBLEM,
    CalendarOut,
    MessagePage,
    RegistrationMade,
    RegistrationOut,
    documented,
)
from .scopes import has_scope

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]
PERSON = "/events/<event_id>/registrations/<registration_id>"
WITHOUT_A_WORD = WordIn()
TOO_MANY = "the limit of mails to this person is reached"
Outcome = TypeVar("Outcome", Registration, None)


@router.post("/events/<event_id>/registrations", summary="Register a person", responses=documented(200, 201))
def register(event_id: str, body: RegistrationIn, key: IdempotencyKey = None) -> Response[RegistrationMade]:
    def enter(record: Record) -> Response[RegistrationMade]:
        event, sending = context.own_event_and_sending(event_id)
        at = context.now()
        context.require_writable(event, at)
        context.require_mails(event.account, at, sending)
        person = new_registration(event, body, at, secrets.token_bytes(16), may_approve=may_approve())
        charge = context.store().limits.recipient(event.account, body.email, at)
        recorded = record(status=201, event_id=event_id, registration_id=person.registration_id)
        told = approval.organizer_actions(context.store(), event, person, at)
        stored = granted(
            registry.register(
                context.store(),
                person,
                now=at,
                account=event.account,
                charge=charge,
                mail=approval.mail_to(event, person, at),
                also={**recorded, **told},
            ),
            at,
        )
        where = context.location(event_id, stored.registration_id)
        if stored.registration_id == person.registration_id:
            return context.show_made(event_id, stored.registration_id, 201, where)
        recorded = record(status=200, event_id=event_id, registration_id=stored.registration_id)
        if stored.status is RegistrationStatus.DECLINED:
            granted(
                replies.register_again(
                    context.store(),
                    event_id,
                    stored.registration_id,
                    now=at,
                    charge=charge,
                    also=recorded,
                ),
                at,
            )
        else:
            context.store().requests.keep(recorded)
        return context.show_made(event_id, stored.registration_id, 200, where)

    return once(key, enter, show_made)


def may_approve() -> bool:
    """Whether the caller may register people about whom the organizer would decide."""
    return has_scope(context.router.current_event.raw_event, Scope.MANAGE)


def new_registration(
    event: Event, body: RegistrationIn, at: datetime, entropy: bytes, *, may_approve: bool
) -> Registration:
    """The registration that a request asks for, at ``at`` (UTC). Raises :class:`InvalidField`; and :class:`Problem`
    (403) for somebody who is to be registered as approved, unless the caller ``may_approve`` them.
    """
    not_the_sender(body.email)
    must_have_room(event, body.guests)
    given = responses(event, body.responses)
    pending = event.approval and not body.approved
    if event.approval and body.approved and not may_approve:
        raise Problem(HTTPStatus.FORBIDDEN, "the API key lacks the scope manage, which approved needs")
    return Registration(
        event_id=event.event_id,
        registration_id=keys.registration_id(at, entropy),
        version=1,
        status=RegistrationStatus.PENDING if pending else RegistrationStatus.REGISTERED,
        name=body.name,
        email=body.email,
        language=body.language or "",
        occurrences=chosen(event, body.occurrences, at),
        named=len(event.earlier),
        guests=body.guests,
        responses=given,
        **own_data(body),
        created_at=at,
        updated_at=at,
    )


def must_have_room(event: Event, guests: int) -> None:
    """Raise :class:`InvalidField` for more people than the event has seats at all: they would wait in vain."""
    if event.capacity is not None and 1 + guests > event.capacity:
        raise InvalidField("guests", "are more than the event has seats for")


def responses(event: Event, given: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The responses as they are stored. Raises :class:`Problem` (422) that names all that are wrong or missing."""
    found, errors = responding.checked(event.questions, given)
    if errors:
        raise problems.invalid((error.field, error.message) for error in errors)
    return responding.within_bytes(found)


def show_made(answered: Answered, headers: Mapping[str, str]) -> Response[RegistrationMade]:
    """What an earlier request with the same Idempotency-Key registered, as it is now."""
    return context.show_made(answered.event_id, answered.registration_id, answered.status, headers)


@router.get(PERSON, summary="Read a registration", responses=documented(200))
def read_registration(event_id: str, registration_id: str) -> Response[RegistrationOut]:
    return context.show_registration(event_id, registration_id)


@router.patch(PERSON, summary="Change a registration (JSON merge patch)", responses=documented(200))
def patch_registration(event_id: str, registration_id: str, patch: RegistrationPatch) -> Response[RegistrationOut]:
    event, at = context.own_event(event_id), context.now()
    person = context.read_snapshot(event, registration_id).registration
    context.require_unmanaged(person)
    context.require_writable(event, at)
    if person.status not in ACTIVE:
        raise Problem(HTTPStatus.CONFLICT, Obstacle.INACTIVE.value, code=OBSTACLE_CODES[Obstacle.INACTIVE])
    current = {
        "name": person.name,
        "email": person.email,
        "language": person.language or None,
        "guests": person.guests,
        "external_id": person.external_id or None,
        "metadata": dict(person.metadata),
    }
    shape = RegistrationIn.model_validate(patch.applied_to(current))
    not_the_sender(shape.email)
    if shape.guests > person.guests:
        must_have_room(event, shape.guests)
    # Only what the patch names, so that what another request changes meanwhile stays.
    wanted = {**vars(shape), "language": shape.language or "", **own_data(shape)}
    if "responses" in patch.model_fields_set:
        given = dict.fromkeys(dict(person.responses)) if patch.responses is None else patch.responses
        wanted["responses"] = responding.merged(event.questions, person.responses, given)
    changes = {name: wanted[name] for name in patch.model_fields_set}
    if "occurrences" in changes:
        changes |= {"occurrences": chosen(event, shape.occurrences, at), "named": len(event.earlier)}
    charge = None
    if "email" in changes and folded(shape.email) != folded(person.email):
        context.require_mails(event.account, at)
        charge = context.store().limits.recipient(event.account, shape.email, at)
    granted(
        registry.change_registration(
            context.store(),
            event_id,
            registration_id,
            changes=changes,
            priority=fan_out.urgency(event, at, settings().times),
            now=at,
            account=event.account,
            charge=charge,
        ),
        at,
    )
    if shape.guests != person.guests:
        context.promote(event_id)
    return context.show_registration(event_id, registration_id)


@router.delete(PERSON, summary="Withdraw a registration, or erase a person", responses=documented(200, 202))
def withdraw(
    event_id: str,
    registration_id: str,
    erase: Annotated[
        Literal["true", "false"], Query(description="Also delete the name, the address and the stored mails.")
    ] = "false",
    final: Annotated[
        Literal["true", "false"], Query(description="They cannot come back by the link in their mails.")
    ] = "false",
) -> Response[RegistrationOut]:
    # Allowed also where the event is cancelled or over: it does no harm, and people must always be able to be erased.
    event, at = context.own_event(event_id), context.now()
    seen = context.read_snapshot(event, registration_id)
    if erase == "true":
        granted(erasure.erase(context.store(), event_id, registration_id, now=at, account=event.account))
    elif seen.registration.status in STANDING:
        context.require_unmanaged(seen.registration)
        granted(
            registry.withdraw(
                context.store(),
                event_id,
                registration_id,
                now=at,
                account=event.account,
                sends=not over(event, at, calendar_state_of(seen.invitation)),
                removed=final == "true",
            )
        )
    context.promote(event_id)
    return context.show_registration(event_id, registration_id, 202 if erase == "true" else 200)


@router.post(f"{PERSON}/resend", summary="Send the latest message again", responses=documented(202))
def resend(
    event_id: str,
    registration_id: str,
    body: Annotated[EmptyIn, Body()] = EMPTY_BODY,  # noqa: ARG001 (the body has no fields)
    key: IdempotencyKey = None,
) -> Response[RegistrationOut]:
    def repeat(record: Record) -> Response[RegistrationOut]:
        event, at = context.own_event(event_id), context.now()
        person = context.read_snapshot(event, registration_id).registration
        context.require_not_over(event, at)
        context.require_mails(event.account, at)
        recorded = record(status=202, event_id=event_id, registration_id=registration_id)
        limits = context.store().limits
        charges = (
            limits.resend(event.account, registration_id, at),
            limits.recipient(event.account, person.email, at, 1),
        )
        granted(
            registry.resend(context.store(), event_id, registration_id, now=at, charges=charges, also=recorded),
            at,
        )
        return context.show_registration(event_id, registration_id, 202)

    return once(key, repeat)


@router.post(f"{PERSON}/accept", summary="Accept a pending registration", responses=documented(200))
def accept(
    event_id: str,
    registration_id: str,
    body: Annotated[WordIn, Body()] = WITHOUT_A_WORD,
    key: IdempotencyKey = None,
) -> Response[RegistrationOut]:
    return decide_once(event_id, registration_id, approval.accept, body, key)


@router.post(f"{PERSON}/decline", summary="Decline a pending registration", responses=documented(200))
def decline(
    event_id: str,
    registration_id: str,
    body: Annotated[WordIn, Body()] = WITHOUT_A_WORD,
    key: IdempotencyKey = None,
) -> Response[RegistrationOut]:
    return decide_once(event_id, registration_id, approval.decline, body, key)


def decide_once(
    event_id: str, registration_id: str, apply: approval.Decision, body: WordIn, key: str | None
) -> Response[RegistrationOut]:
    def decide(record: Record) -> Response[RegistrationOut]:
        event, person, at = decided(event_id, registration_id)
        recorded = record(status=200, event_id=event_id, registration_id=registration_id)
        granted(apply(context.store(), event, person, word=body.word, now=at, also=recorded))
        return context.show_registration(event_id, registration_id)

    return once(key, decide)


def decided(event_id: str, registration_id: str) -> tuple[Event, Registration, datetime]:
    """The caller's event, a person of it, and the time, for a decision about them. Raises :class:`Problem`: 404, or 409
    where it is cancelled, over, or a draft, of which nobody is informed.
    """
    event, at = context.own_event(event_id), context.now()
    person = context.read_snapshot(event, registration_id).registration
    context.require_writable(event, at)
    if event.status is EventStatus.DRAFT:
        detail = "the event is a draft, of which nobody is told: decide when it is not"
        raise Problem(HTTPStatus.CONFLICT, detail, code="event_draft")
    return event, person, at


@router.get(f"{PERSON}/messages", summary="List a person's messages", responses=documented(200))
def list_messages(
    event_id: str, registration_id: str, limit: Limit = 50, cursor: Cursor = None
) -> Response[MessagePage]:
    seen, reads = context.read_snapshot(context.own_event(event_id), registration_id), context.store().reads
    page = reads.list_messages(seen.invitation, limit=limit, cursor=cursor)
    # What a message announces follows from those before it, which the pages before had.
    every = page.items if cursor is None else reads.messages(registration_id)
    states = [stored.calendar_state for stored in every]
    items = [
        presenters.message(stored, kind_of_sent(stored.calendar_state, before(stored.calendar_state, states)))
        for stored in page.items
    ]
    return context.answer(200, MessagePage(items=items, next=page.next))


def before(state: CalendarState, states: Iterable[CalendarState]) -> list[CalendarState]:
    """Those of ``states`` that were sent before ``state``."""
    return [one for one in states if one.sequence < state.sequence]


@router.get(f"{PERSON}/calendar", summary="Read what a person's calendar shows now", responses=documented(200))
def read_calendar(event_id: str, registration_id: str) -> Response[CalendarOut]:
    seen = context.read_snapshot(context.own_event(event_id), registration_id)
    entries = shown(seen.invitation, seen.event, seen.registration, context.now())
    return context.answer(200, CalendarOut(items=list(map(presenters.calendar_entry, entries))))


@router.get(
    f"{PERSON}/messages/<sequence>/mail",
    summary="Download a mail as it was sent",
    responses={200: MAIL, 404: PROBLEM, 422: PROBLEM},
    # Response validation would try to serialize the bytes as text.
    enable_validation=False,
)
def read_mail(event_id: str, registration_id: str, sequence: str) -> Response[bytes]:
    context.read_snapshot(context.own_event(event_id), registration_id)
    number = int(sequence) if re.fullmatch(r"[0-9]{1,9}", sequence) else None
    stored = None if number is None else context.store().reads.stored(registration_id, number)
    if stored is None or stored.rendered is None:
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such mail")
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(200, "message/rfc822", stored.rendered.mail, headers)


def chosen(event: Event, dates: list[str] | None, at: datetime) -> tuple[LocalTime, ...] | None:
    """The chosen dates of a series, of their original starts as text, sorted; ``None``: all.

    Raises :class:`InvalidField` for a date that does not exist, is cancelled, or is over at ``at`` (UTC), and for an
    event of one date.
    """
    if dates is None:
        return None
    if not event.recurs:
        raise InvalidField("occurrences", "is for series; this event has one date")
    names: set[LocalTime] = set()
    for number, text in enumerate(dates):
        one = context.date_named(event, text)
        if one is None:
            raise InvalidField(f"occurrences.{number}", "is not a date of this series")
        if one.cancelled or one.when.ends_at <= at:
            raise InvalidField(f"occurrences.{number}", "is cancelled" if one.cancelled else "is over")
        names.add(one.date)
    return tuple(sorted(names, key=lambda name: name.isoformat()))


# --- refusals -----------------------------------------------------------------------------------------------------


def not_the_sender(email: str) -> None:
    """Raise :class:`InvalidField` for the sender's own address: it would receive its own invitations."""
    if folded(email) == folded(settings().sender.address):
        raise InvalidField("email", "is the address that invitations are sent from")


OBSTACLE_CODES = {
    Obstacle.ABSENT: "not_found",
    Obstacle.CLOSED: "event_closed",
    Obstacle.NOT_YET: "split_running",
    Obstacle.TAKEN: "address_taken",
    Obstacle.INACTIVE: "registration_inactive",
    Obstacle.NEVER_SENT: "never_sent",
    Obstacle.STOPPED: "address_stopped",
    Obstacle.REPLACED: "external_id_taken",
    Obstacle.FULL: "seats_taken",
    Obstacle.NOT_PENDING: "registration_not_pending",
}


def granted(outcome: Outcome | Obstacle | TooMany, at: datetime | None = None) -> Outcome:
    """The outcome of a write, or raises :class:`Problem`: 404, 409 or 503 for an obstacle, 429 where a limit is reached
    at ``at`` (UTC).
    """
    if isinstance(outcome, TooMany):
        raise context.too_many(TOO_MANY, outcome.until, at or context.now())
    if outcome is Obstacle.NOT_YET:
        raise context.split_running()
    if isinstance(outcome, Obstacle):
        status = HTTPStatus.NOT_FOUND if outcome is Obstacle.ABSENT else HTTPStatus.CONFLICT
        raise Problem(status, outcome.value, code=OBSTACLE_CODES[outcome])
    return outcome
