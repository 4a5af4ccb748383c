"""The routes of proposals: another time for an event or a date that an attendee asks for (RFC 5546, section 3.2.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import Field

from ..inbound.proposals import Proposal, ProposalStatus
from ..mail import new_notifications, notifications
from ..model import Event
from ..registrations.registry import STANDING
from ..schedule import edits, series_changes
from . import context, presenters
from .events import changed
from .idempotency import Record, once
from .problems import Problem
from .requests import EMPTY_BODY, Cursor, EmptyIn, IdempotencyKey, Limit, Version
from .responses import Instant, Out, Page, Text, documented

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]
PROPOSALS = "/events/<event_id>/proposals"
PROPOSAL = f"{PROPOSALS}/<proposal_id>"


class ProposalOut(Out):
    """Another time that an attendee proposes for the event, or for its one date ``occurrence``."""

    proposal_id: str
    event_id: str
    registration_id: str
    status: ProposalStatus
    occurrence: Annotated[Text | None, Field(description="The date's original start; null: the whole event.")]
    start: Text
    end: Text
    time_zone: str | None
    comment: str
    received_at: Instant


class ProposalPage(Page[ProposalOut]): ...


@router.get(PROPOSALS, summary="List proposals of another time", responses=documented(200))
def list_proposals(
    event_id: str,
    limit: Limit = 50,
    cursor: Cursor = None,
    registration_id: Annotated[str | None, Query(max_length=64, description="Only those of this person.")] = None,
    status: Annotated[ProposalStatus | None, Query()] = None,
) -> Response[ProposalPage]:
    context.own_event(event_id)
    page = context.store().proposals.list_proposals(
        event_id, limit=limit, cursor=cursor, registration_id=registration_id, status=status
    )
    return context.answer(200, ProposalPage(items=[shown(one) for one in page.items], next=page.next))


@router.post(f"{PROPOSAL}/accept", summary="Accept a proposal and move the event or date", responses=documented(200))
def accept(
    event_id: str,
    proposal_id: str,
    body: Annotated[EmptyIn, Body()] = EMPTY_BODY,  # noqa: ARG001 (the body has no fields)
    key: IdempotencyKey = None,
    version: Version = None,
) -> Response[ProposalOut]:
    def move(record: Record) -> Response[ProposalOut]:
        recorded = record(status=200, event_id=event_id)
        proposal = own_proposal(event_id, proposal_id)
        if proposal.status is ProposalStatus.ACCEPTED:
            context.store().requests.keep(recorded)
            return show(event_id, proposal_id)

        def change(event: Event, at: datetime) -> Event:
            context.require_unmanaged(event, "to accept the proposal, change the time in its row, then decline it here")
            return moved(event, still_open(event_id, proposal_id), at)

        decided = {"proposal": context.store().proposals.decision_action(proposal, ProposalStatus.ACCEPTED)}
        changed(event_id, version, change, {**decided, **recorded})
        return show(event_id, proposal_id)

    return once(key, move, lambda _, headers: show(event_id, proposal_id, headers))


@router.post(f"{PROPOSAL}/decline", summary="Decline a proposal and notify the attendee", responses=documented(200))
def decline(
    event_id: str,
    proposal_id: str,
    body: Annotated[EmptyIn, Body()] = EMPTY_BODY,  # noqa: ARG001
    key: IdempotencyKey = None,
) -> Response[ProposalOut]:
    def decline_once(record: Record) -> Response[ProposalOut]:
        recorded = record(status=200, event_id=event_id)
        if own_proposal(event_id, proposal_id).status is ProposalStatus.DECLINED:
            context.store().requests.keep(recorded)
            return show(event_id, proposal_id)
        proposal = still_open(event_id, proposal_id)
        actions = {"proposal": context.store().proposals.decision_action(proposal, ProposalStatus.DECLINED)}
        if context.store().attempt({**actions, **declining(proposal, context.now()), **recorded}):
            still_open(event_id, proposal_id)
        return show(event_id, proposal_id)

    return once(key, decline_once, lambda _, headers: show(event_id, proposal_id, headers))


def moved(event: Event, proposal: Proposal, at: datetime) -> Event:
    """The event, or its date, at the proposed time. Raises :class:`Problem` (409) where that is no longer possible."""
    if proposal.when.ends_at <= at:
        raise Problem(HTTPStatus.CONFLICT, "the proposed time is over")
    date = proposal.date
    if date is None and event.added and event.rule is None:
        date = event.when.start  # added dates are separate entries: the proposal does not mean them
    if date is None:
        schedule = series_changes.moved(event.schedule, proposal.when)
        after = replace(event, when=schedule.when, rule=schedule.rule, added=schedule.added)
        return edits.reschedule(event, after)[0]
    try:
        return edits.change_date(event, replace(edits.change_of(event, date), when=proposal.when))
    except edits.NoSuchDate:
        raise Problem(HTTPStatus.CONFLICT, "the date of this proposal no longer exists") from None


def declining(proposal: Proposal, at: datetime) -> dict[str, Any]:
    """The write that makes a DECLINECOUNTER due (RFC 5546, 3.2.8); none where the registration has ended."""
    seen = context.read_snapshot(context.own_event(proposal.event_id), proposal.registration_id)
    if seen.registration.status not in STANDING:
        return {}
    counter = notifications.Counter(
        uid=proposal.uid, sequence=proposal.sequence, date=proposal.date, proposed=proposal.when
    )
    notification = new_notifications.decline_counter(
        seen.event, seen.registration, counter=counter, proposal_id=proposal.proposal_id, now=at
    )
    return {"notification": context.store().notifications.schedule_action(notification, at)}


def own_proposal(event_id: str, proposal_id: str) -> Proposal:
    """The proposal, if its event is the caller's. Raises :class:`Problem` (404) for any other."""
    context.own_event(event_id)
    return context.found("proposal", proposal_id, lambda: context.store().proposals.find(event_id, proposal_id))


def still_open(event_id: str, proposal_id: str) -> Proposal:
    """The proposal, if it is undecided. Raises :class:`Problem`: 404, or 409 where it was decided."""
    proposal = own_proposal(event_id, proposal_id)
    if proposal.status is not ProposalStatus.OPEN:
        raise Problem(HTTPStatus.CONFLICT, f"the proposal was {proposal.status}")
    return proposal


def show(event_id: str, proposal_id: str, headers: Mapping[str, str] | None = None) -> Response[ProposalOut]:
    return context.answer(200, shown(own_proposal(event_id, proposal_id)), headers)


def shown(proposal: Proposal) -> ProposalOut:
    return ProposalOut.from_stored(proposal, occurrence=proposal.date, **presenters.times(proposal.when))
