"""The routes of quarantined mails: incoming mail for the account's events that was not acted on."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import Field

from ..inbound.itip_reply import IncomingMethod
from ..inbound.quarantine import QuarantinedMail, QuarantineStatus
from ..inbound.reasons import Reason
from ..model import Participation
from ..registrations import inbound_mail
from . import context
from .idempotency import Record, once
from .problems import Problem
from .requests import EMPTY_BODY, Cursor, EmptyIn, IdempotencyKey, Limit
from .responses import Instant, Out, Text, documented

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]
MAIL = "/quarantine/<quarantine_id>"


class QuarantinedMailOut(Out):
    """A quarantined mail and the reason. What it claims, its sender among it, is shown as it came and is unverified."""

    quarantine_id: str
    event_id: Annotated[
        str | None,
        Field(
            description="The event that it names; null: it names none, and the account is the only one of the stack."
        ),
    ]
    registration_id: Annotated[str | None, Field(description="The registration that it names; null: it names none.")]
    reason: Reason
    status: QuarantineStatus
    sender: Annotated[str, Field(description="The address in From; empty: From is not one address.")]
    subject: str
    method: Annotated[
        IncomingMethod | None, Field(description="The iTIP method; null: the mail holds no readable calendar.")
    ]
    participation: Participation | None
    comment: str
    received_at: Instant
    expires_at: Annotated[Text, Field(description="When the mail is deleted.")]


class QuarantinePage(Out):
    items: list[QuarantinedMailOut]
    not_shown: Annotated[
        int,
        Field(
            description="How many more arrived in the last seven days than can be listed: 50 a day per person are kept."
        ),
    ]
    next: str | None


@router.get("/quarantine", summary="List quarantined mails in order of arrival", responses=documented(200))
def list_quarantine(
    limit: Limit = 50,
    cursor: Cursor = None,
    event_id: Annotated[str | None, Query(description="Only mails that name this event.", max_length=64)] = None,
) -> Response[QuarantinePage]:
    if event_id is not None:
        context.own_event(event_id)
    return list_page(event_id, None, limit, cursor)


@router.get("/events/<event_id>/quarantine", summary="List an event's quarantined mails", responses=documented(200))
def list_of_event(
    event_id: str,
    limit: Limit = 50,
    cursor: Cursor = None,
    registration_id: Annotated[
        str | None, Query(description="Only mails that name this registration.", max_length=64)
    ] = None,
) -> Response[QuarantinePage]:
    context.own_event(event_id)
    return list_page(event_id, registration_id, limit, cursor)


def list_page(
    event_id: str | None, registration_id: str | None, limit: int, cursor: str | None
) -> Response[QuarantinePage]:
    account, now, mails = context.caller(), context.now(), context.store().quarantine
    page = mails.list_waiting(
        account, now=now, limit=limit, cursor=cursor, event_id=event_id, registration_id=registration_id
    )
    more = mails.not_shown_count(account, now=now, event_id=event_id)
    return context.answer(200, QuarantinePage(items=[shown(one) for one in page.items], not_shown=more, next=page.next))


@router.post(f"{MAIL}/release", summary="Release a quarantined mail and act on it", responses=documented(200))
def release(
    quarantine_id: str,
    body: Annotated[EmptyIn, Body()] = EMPTY_BODY,  # noqa: ARG001 (the body has no fields)
    key: IdempotencyKey = None,
) -> Response[QuarantinedMailOut]:
    return release_mail(own_mail(quarantine_id), key)


@router.post(f"{MAIL}/drop", summary="Discard a quarantined mail", responses=documented(200))
def drop(
    quarantine_id: str,
    body: Annotated[EmptyIn, Body()] = EMPTY_BODY,  # noqa: ARG001
    key: IdempotencyKey = None,
) -> Response[QuarantinedMailOut]:
    return drop_mail(own_mail(quarantine_id), key)


@router.post(
    f"/events/<event_id>{MAIL}/release",
    summary="Release a quarantined mail that names the event",
    responses=documented(200),
)
def release_of_event(
    event_id: str,
    quarantine_id: str,
    body: Annotated[EmptyIn, Body()] = EMPTY_BODY,  # noqa: ARG001
    key: IdempotencyKey = None,
) -> Response[QuarantinedMailOut]:
    return release_mail(mail_of(event_id, quarantine_id), key)


@router.post(
    f"/events/<event_id>{MAIL}/drop",
    summary="Discard a quarantined mail that names the event",
    responses=documented(200),
)
def drop_of_event(
    event_id: str,
    quarantine_id: str,
    body: Annotated[EmptyIn, Body()] = EMPTY_BODY,  # noqa: ARG001
    key: IdempotencyKey = None,
) -> Response[QuarantinedMailOut]:
    return drop_mail(mail_of(event_id, quarantine_id), key)


def release_mail(mail: QuarantinedMail, key: str | None) -> Response[QuarantinedMailOut]:
    def release_once(record: Record) -> Response[QuarantinedMailOut]:
        if mail.status is QuarantineStatus.WAITING:
            reason = inbound_mail.release(context.store(), mail, now=context.now())
            if reason is not None:
                raise Problem(HTTPStatus.CONFLICT, f"the mail cannot be released: {reason}")
        return decide(mail, QuarantineStatus.RELEASED, record)

    return once(key, release_once, lambda _, headers: show(mail.quarantine_id, headers))


def drop_mail(mail: QuarantinedMail, key: str | None) -> Response[QuarantinedMailOut]:
    def discard_once(record: Record) -> Response[QuarantinedMailOut]:
        return decide(mail, QuarantineStatus.DROPPED, record)

    return once(key, discard_once, lambda _, headers: show(mail.quarantine_id, headers))


def own_mail(quarantine_id: str) -> QuarantinedMail:
    """The mail, if it is quarantined for the caller's account. Raises :class:`Problem` (404) for any other."""
    mails, account, now = context.store().quarantine, context.caller(), context.now()
    return context.found("mail", quarantine_id, lambda: mails.find(account, quarantine_id, now=now))


def mail_of(event_id: str, quarantine_id: str) -> QuarantinedMail:
    """The mail, if it names this event of the caller's. Raises :class:`Problem` (404) for any other."""
    event, mail = context.own_event(event_id), own_mail(quarantine_id)
    if mail.event_id != event.event_id:
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such mail")
    return mail


def decide(mail: QuarantinedMail, status: QuarantineStatus, record: Record) -> Response[QuarantinedMailOut]:
    """Store the decision. The same one again succeeds and changes nothing; another raises :class:`Problem` (409)."""
    actions = {
        **context.store().quarantine.decision_actions(mail, status),
        **record(status=200, event_id=mail.event_id or ""),
    }
    if context.store().attempt(actions):
        raise Problem(HTTPStatus.CONFLICT, f"the mail was {own_mail(mail.quarantine_id).status}")
    return show(mail.quarantine_id)


def show(quarantine_id: str, headers: Mapping[str, str] | None = None) -> Response[QuarantinedMailOut]:
    return context.answer(200, shown(own_mail(quarantine_id)), headers)


def shown(mail: QuarantinedMail) -> QuarantinedMailOut:
    answer = mail.answer
    return QuarantinedMailOut.from_stored(
        mail,
        method=answer.kind if answer else None,
        participation=answer.participation if answer else None,
        comment=answer.comment if answer else "",
    )
