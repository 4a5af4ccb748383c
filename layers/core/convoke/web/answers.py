"""What goes out over HTTP: nouns as api.md shows them."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from .. import series
from ..attention import Attention, Concern, Trouble
from ..case import uid
from ..decide import answered, participation
from ..hooks import Delivery, DeliveryEnd, FactType, Webhook
from ..ledger import Posted, Seats
from ..model import (
    DeliveryState,
    Event,
    EventStatus,
    HeardReply,
    Means,
    Method,
    Occurrence,
    Participation,
    RegistrationStatus,
    Sender,
    Wall,
)
from ..preview import Kind
from ..reconcile import Seen, decide
from ..store.keys import instant
from . import problems, shapes

Moment = Annotated[str, Field(description="RFC 3339, UTC", examples=["2027-03-12T08:00:00.000000Z"])]


class PersonOut(BaseModel):
    name: str
    email: str


class ConferenceOut(BaseModel):
    label: str
    uri: str


class AttentionOut(BaseModel):
    """Somebody who was not reached: with what, why not, and since when. ``date``, of a series, by original start."""

    registration_id: str
    kind: Concern
    state: Trouble
    since: Moment
    date: str | None


class EventOut(BaseModel):
    event_id: str
    version: int
    status: Literal["confirmed", "tentative", "draft", "cancelled"]
    title: str
    start: str
    end: str
    time_zone: str | None
    organizer: PersonOut
    description: str
    location: str
    url: str
    conference: ConferenceOut | None
    reminders: list[str]
    capacity: int | None
    release_on_decline: bool
    recurrence: str | None
    registered: Annotated[int, Field(description="How many come.")]
    waiting: Annotated[int, Field(description="How many wait for a seat.")]
    dropped: Annotated[
        list[str],
        Field(description="After a change of the rule: the changed dates that it no longer yields, by original start."),
    ] = []
    attention: Annotated[
        list[AttentionOut] | None,
        Field(description="The first hundred who were not reached; null in a list."),
    ] = None
    attention_count: Annotated[int | None, Field(description="How many were not reached; null in a list.")] = None
    created_at: Moment
    updated_at: Moment


class OccurrenceOut(BaseModel):
    """One date of an event: ``occurrence`` names it, its original start."""

    occurrence: str
    start: str
    end: str
    time_zone: str | None
    title: str
    location: str
    description: str
    status: Annotated[
        Literal["confirmed", "cancelled", "skipped"],
        Field(description="skipped: the clock skips this time, so RFC 5545 does not count it."),
    ]
    moved: Annotated[bool, Field(description="It has a time of its own.")]
    over: bool
    reason: Annotated[str, Field(description="Why it was cancelled.")]


class InvitationOut(BaseModel):
    """What this person was told last, and what became of it."""

    uid: str
    method: Method | None
    sequence: int | None
    state: DeliveryState
    sent_at: Moment | None


class RegistrationOut(BaseModel):
    registration_id: str
    event_id: str
    name: str | None
    email: str | None
    language: str | None
    occurrences: Annotated[
        list[str] | None, Field(description="The dates of a series that it is for, as they are named now; null: all.")
    ]
    status: RegistrationStatus
    participation: Participation
    answered_at: Annotated[Moment | None, Field(description="When this was answered, by the clock of who answered.")]
    invitation: InvitationOut
    created_at: Moment
    updated_at: Moment


class MessageOut(BaseModel):
    """One message to one person; nothing was sent yet where ``sent_at`` is null."""

    uid: str
    method: Method
    sequence: int
    dtstamp: Moment
    state: DeliveryState
    created_at: Moment
    sent_at: Moment | None


class AnswerOut(BaseModel):
    """One answer of one person: to which message, for which date of a series (null: the whole), and how it came.

    ``dtstamp`` is when it was given, by the clock of who gave it; ``at`` is when it came.
    """

    status: Participation
    means: Means
    sequence: int
    date: str | None
    dtstamp: Moment
    at: Moment
    counts: Annotated[bool, Field(description="Whether it is the answer to the present question.")]


class ParticipationOut(BaseModel):
    """How many of those who have or had a seat answered what; nobody in line is among them."""

    accepted: int
    declined: int
    tentative: int
    delegated: int
    needs_action: Annotated[int, Field(alias="needs-action")]


class WebhookOut(BaseModel):
    """Where the account is told of which facts."""

    webhook_id: str
    url: str
    events: list[FactType]
    created_at: Moment


class WebhookMade(WebhookOut):
    """A new webhook. Its ``secret``, which signs what it is told, is shown this once, and not when the request is
    repeated.
    """

    secret: str | None = None


class DeliveryOut(BaseModel):
    """One fact on its way to a webhook. ``dead`` is tried no more; ``why`` says what was wrong with the last try."""

    id: str
    type: FactType
    state: DeliveryEnd
    attempts: int
    status: Annotated[int | None, Field(description="What the webhook answered to the last try.")]
    why: str
    created_at: Moment
    tried_at: Moment | None
    next_at: Moment | None


class WebhookPage(BaseModel):
    items: list[WebhookOut]
    next: None


class DeliveryPage(BaseModel):
    items: list[DeliveryOut]
    next: str | None


class EventPage(BaseModel):
    items: list[EventOut]
    next: str | None


class OccurrencePage(BaseModel):
    items: list[OccurrenceOut]
    next: str | None


class PreviewExample(BaseModel):
    """What one person would be sent, in order: the subjects of the mails."""

    registration_id: str
    kind: Kind
    messages: list[str]


class PreviewOut(BaseModel):
    """How many people would be told what; ``messages`` is how many mails that is."""

    update: int
    ask_again: int
    cancel: int
    invite: int
    none: int
    messages: int
    examples: list[PreviewExample]


class RegistrationPage(BaseModel):
    items: list[RegistrationOut]
    next: str | None


class MessagePage(BaseModel):
    items: list[MessageOut]
    next: str | None


class AnswerPage(BaseModel):
    items: list[AnswerOut]
    next: str | None


class FieldProblem(BaseModel):
    field: Annotated[str, Field(description="A dotted path, such as organizer.email")]
    message: str


class Problem(BaseModel):
    """RFC 9457. Nothing is stored when a problem is answered."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem]


PROBLEM: Any = {
    "description": "Not granted; nothing was stored.",
    "content": {problems.MEDIA_TYPE: {"model": Problem}},
}
SHEET: Any = {"description": "One row a registration", "content": {"text/csv": {"schema": {"type": "string"}}}}
MAIL: Any = {"description": "The mail as it was sent", "content": {"message/rfc822": {"schema": {"type": "string"}}}}


def may_answer(*granted: int) -> Any:
    """The documented answers of a route."""
    refused = dict.fromkeys((400, 404, 409, 412, 413, 415, 422), PROBLEM)
    return {status: {"description": HTTPStatus(status).phrase} for status in granted} | refused


# --- out of nouns -------------------------------------------------------------------------------------------------


def event(
    event: Event, seats: Seats, dropped: tuple[Wall, ...] = (), missed: tuple[tuple[Attention, ...], int] | None = None
) -> EventOut:
    """``missed`` are the first who were not reached, and how many they are in all."""
    return EventOut(
        event_id=event.event_id,
        version=event.version,
        **shapes.written(event),
        registered=seats.taken,
        waiting=seats.waiting,
        dropped=[date.isoformat() for date in dropped],
        attention=None if missed is None else list(map(attention, missed[0])),
        attention_count=None if missed is None else missed[1],
        created_at=instant(event.created_at),
        updated_at=instant(event.updated_at),
    )


def attention(one: Attention) -> AttentionOut:
    return AttentionOut(
        registration_id=one.registration_id,
        kind=one.kind,
        state=one.state,
        since=instant(one.since),
        date=one.date.isoformat() if one.date else None,
    )


def occurrence(one: Occurrence, event: Event, now: datetime) -> OccurrenceOut:
    return OccurrenceOut(
        occurrence=one.date.isoformat(),
        start=one.when.start.isoformat(),
        end=one.when.end.isoformat(),
        time_zone=one.when.time_zone,
        title=one.title,
        location=one.location,
        description=one.description,
        status="cancelled" if one.cancelled or event.status is EventStatus.CANCELLED else "confirmed",
        moved=one.moved,
        over=one.when.ends_at <= now,
        reason=one.reason or (event.reason if event.status is EventStatus.CANCELLED else ""),
    )


def skipped(date: datetime, event: Event, now: datetime) -> OccurrenceOut:
    """A date that the rule names and the clock skips."""
    when = series.when_at(event.schedule, date)
    plain = Occurrence(date=date, when=when, title=event.title, location=event.location, description=event.description)
    return occurrence(plain, event, now).model_copy(update={"status": "skipped"})


def registration(seen: Seen, sender: Sender, now: datetime) -> RegistrationOut:
    person, invitation = seen.registration, seen.invitation
    sent = invitation.acknowledged
    known: dict[str, Any] = {"name": person.name, "email": person.email, "language": person.language}
    if person.status is RegistrationStatus.ERASED:
        known = dict.fromkeys(known)
    said = sent or invitation.unacknowledged
    return RegistrationOut(
        registration_id=person.registration_id,
        event_id=person.event_id,
        **known,
        occurrences=_dates(seen),
        status=person.status,
        participation=participation(person, invitation),
        answered_at=instant(valid.dtstamp) if (valid := answered(person, invitation)) else None,
        invitation=InvitationOut(
            uid=said.told.uid
            if said
            else uid(person.event_id, person.registration_id, invitation.generation, sender.domain),
            method=sent.told.method if sent else None,
            sequence=sent.told.sequence if sent else None,
            state=state(seen, sender, now),
            sent_at=instant(sent.at) if sent else None,
        ),
        created_at=instant(person.created_at),
        updated_at=instant(person.updated_at),
    )


def _dates(seen: Seen) -> list[str] | None:
    chosen = seen.registration.occurrences
    if chosen is None:
        return None
    return [date.isoformat() for date in series.named(seen.event, chosen, seen.registration.named).values()]


def state(seen: Seen, sender: Sender, now: datetime) -> DeliveryState:
    """What became of the latest message; "pending" while there is another to send, whether or not anybody knows yet."""
    invitation = seen.invitation
    somebody_is_at_it = invitation.lease_until is not None and invitation.lease_until > now
    if invitation.doubt and not somebody_is_at_it and invitation.state is not DeliveryState.FAILED:
        return DeliveryState.UNKNOWN
    if decide(seen, sender, now) is not None:
        return DeliveryState.PENDING
    return invitation.state


def message(posted: Posted) -> MessageOut:
    told = posted.told
    return MessageOut(
        uid=told.uid,
        method=told.method,
        sequence=told.sequence,
        dtstamp=instant(told.dtstamp),
        state=posted.state,
        created_at=instant(posted.written_at),
        sent_at=instant(posted.sent_at) if posted.sent_at else None,
    )


def heard(one: HeardReply, seen: Seen) -> AnswerOut:
    reply = one.reply
    return AnswerOut(
        status=reply.status,
        means=one.means,
        sequence=reply.sequence,
        date=reply.date.isoformat() if reply.date else None,
        dtstamp=instant(reply.dtstamp),
        at=instant(one.at),
        counts=reply == answered(seen.registration, seen.invitation, reply.date),
    )


def webhook(webhook: Webhook) -> WebhookOut:
    return WebhookOut(
        webhook_id=webhook.webhook_id,
        url=webhook.url,
        events=list(webhook.events),
        created_at=instant(webhook.created_at),
    )


def delivery(delivery: Delivery) -> DeliveryOut:
    return DeliveryOut(
        id=delivery.fact_id,
        type=delivery.type,
        state=delivery.state,
        attempts=delivery.attempts,
        status=delivery.status or None,
        why=delivery.why,
        created_at=instant(delivery.created_at),
        tried_at=instant(delivery.tried_at) if delivery.tried_at else None,
        next_at=instant(delivery.next_at) if delivery.next_at else None,
    )
