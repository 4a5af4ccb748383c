"""The routes of mails that were put aside: what came in for one's events and was not believed."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import BaseModel, Field

from ..inbound.itip_reply import Kind
from ..inbound.quarantine import QuarantinedMail, QuarantineStatus
from ..inbound.reasons import Reason
from ..model import Participation
from ..registrations import inbound_mail
from ..settings import settings
from ..store import quarantine
from ..store.keys import instant
from ..store.writes import attempt
from . import context
from .idempotency import Record, once
from .problems import Problem
from .requests import Cursor, DecisionIn, IdempotencyKey, Limit
from .responses import Moment, may_answer

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]
MAIL = "/quarantine/<quarantine_id>"
NO_WORDS = DecisionIn()


class HeldOut(BaseModel):
    """A mail that was put aside, and why; what it claims is as it came, and believed by nobody."""

    quarantine_id: str
    event_id: Annotated[
        str | None, Field(description="The event that it names; null: none, and the account has the stack for itself.")
    ]
    registration_id: Annotated[str | None, Field(description="Whose answer it may be; null: it names nobody.")]
    reason: Reason
    status: QuarantineStatus
    sender: Annotated[str, Field(description="From, as the mail has it; empty: it is not one address.")]
    subject: str
    method: Annotated[Kind | None, Field(description="null: it holds no calendar that could be read.")]
    participation: Participation | None
    comment: str
    received_at: Moment
    expires_at: Annotated[str, Field(description="When the mail is forgotten.")]


class HeldPage(BaseModel):
    items: list[HeldOut]
    not_shown: Annotated[
        int,
        Field(
            description="How many more came in the last seven days than are kept to be shown: 50 a day for each person."
        ),
    ]
    next: str | None


@router.get("/quarantine", summary="List mails that were put aside, in order of arrival", responses=may_answer(200))
def list_quarantine(
    limit: Limit = 50,
    cursor: Cursor = None,
    event_id: Annotated[str | None, Query(description="Only those that name this event.", max_length=64)] = None,
) -> Response[HeldPage]:
    account = context.caller()
    if event_id is not None:
        context.own_event(event_id)
    page = quarantine.list_waiting(
        context.client(), settings(), account, now=context.now(), limit=limit, cursor=cursor, event_id=event_id
    )
    more = quarantine.not_shown_count(context.client(), settings(), account, now=context.now(), event_id=event_id)
    return context.answer(200, HeldPage(items=[shown(one) for one in page.items], not_shown=more, next=page.next))


@router.post(f"{MAIL}/release", summary="Do what a mail asks, as if it had been believed", responses=may_answer(200))
def release(
    quarantine_id: str,
    body: Annotated[DecisionIn, Body()] = NO_WORDS,  # noqa: ARG001 (there is nothing to say)
    key: IdempotencyKey = None,
) -> Response[HeldOut]:
    def let_through(record: Record) -> Response[HeldOut]:
        mail = own_mail(quarantine_id)
        if mail.status is QuarantineStatus.WAITING:
            reason = inbound_mail.release(context.client(), settings(), mail, now=context.now())
            if reason is not None:
                raise Problem(HTTPStatus.CONFLICT, f"the mail cannot be released: {reason}")
        return decide(mail, QuarantineStatus.RELEASED, record)

    return once(key, let_through, lambda _, headers: show(quarantine_id, headers))


@router.post(f"{MAIL}/drop", summary="Have nothing come of a mail", responses=may_answer(200))
def drop(
    quarantine_id: str,
    body: Annotated[DecisionIn, Body()] = NO_WORDS,  # noqa: ARG001
    key: IdempotencyKey = None,
) -> Response[HeldOut]:
    def put_away(record: Record) -> Response[HeldOut]:
        return decide(own_mail(quarantine_id), QuarantineStatus.DROPPED, record)

    return once(key, put_away, lambda _, headers: show(quarantine_id, headers))


def own_mail(quarantine_id: str) -> QuarantinedMail:
    """The mail, where it names an event of the caller's; it is not there for anybody else."""
    known = context.AN_ID.fullmatch(quarantine_id)
    mail = (
        quarantine.find(context.client(), settings(), context.caller(), quarantine_id, now=context.now())
        if known
        else None
    )
    if mail is None:
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such mail")
    return mail


def decide(mail: QuarantinedMail, status: QuarantineStatus, record: Record) -> Response[HeldOut]:
    """Note what was decided. Deciding the same again is granted, and changes nothing."""
    actions = {
        **quarantine.decision_actions(settings(), mail, status),
        **record(status=200, event_id=mail.event_id or ""),
    }
    if attempt(context.client(), actions):
        raise Problem(HTTPStatus.CONFLICT, f"the mail was {own_mail(mail.quarantine_id).status}")
    return show(mail.quarantine_id)


def show(quarantine_id: str, headers: Mapping[str, str] | None = None) -> Response[HeldOut]:
    return context.answer(200, shown(own_mail(quarantine_id)), headers)


def shown(mail: QuarantinedMail) -> HeldOut:
    answer = mail.answer
    return HeldOut(
        quarantine_id=mail.quarantine_id,
        event_id=mail.event_id,
        registration_id=mail.registration_id,
        reason=mail.reason,
        status=mail.status,
        sender=mail.sender,
        subject=mail.subject,
        method=answer.kind if answer else None,
        participation=answer.participation if answer else None,
        comment=answer.comment if answer else "",
        received_at=instant(mail.received_at),
        expires_at=instant(mail.expires_at),
    )
