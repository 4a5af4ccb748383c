"""What goes out over HTTP, as it is documented."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from ..decision.attention import AttentionKind, AttentionReason
from ..delivery.preview import Kind
from ..model import AnswerChannel, DeliveryState, Method, Participation, RegistrationStatus
from ..webhooks.events import WebhookDeliveryState, WebhookEventType
from . import problems

Moment = Annotated[str, Field(description="RFC 3339, UTC", examples=["2027-03-12T08:00:00.000000Z"])]


class PersonOut(BaseModel):
    name: str
    email: str


class ConferenceOut(BaseModel):
    label: str
    uri: str


class AttentionOut(BaseModel):
    """Somebody who was not reached: with what, why not, and since when. ``date``, of a series, by original start.

    ``answer``: a mail that was put aside looks like their answer; it can be released by its ``quarantine_id``.
    """

    registration_id: str
    kind: AttentionKind
    state: AttentionReason
    since: Moment
    date: str | None
    quarantine_id: str | None = None


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
        Field(description="The first hundred who were not reached, then whose answers wait; null in a list."),
    ] = None
    attention_count: Annotated[int | None, Field(description="How many they are in all; null in a list.")] = None
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


Reason = Annotated[
    str | None,
    Field(
        description="Why it was given up: unrenderable (no mail could be made of it), unanswered (SES never said if"
        " it took it), erased, or SES's own code; null where it was not.",
        examples=["MessageRejected"],
    ),
]


class InvitationOut(BaseModel):
    """What this person was told last, and what became of it."""

    uid: str
    method: Method | None
    sequence: int | None
    state: DeliveryState
    reason: Reason
    tried_anew: Annotated[
        bool, Field(description="Whether what is pending had been given up (failed), and a resend was asked for since.")
    ]
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
    reason: Reason
    created_at: Moment
    sent_at: Moment | None


class AnswerOut(BaseModel):
    """One answer of one person: to which message, for which date of a series (null: the whole), and how it came.

    ``dtstamp`` is when it was given, by the clock of who gave it; ``at`` is when it came.
    """

    status: Participation
    means: AnswerChannel
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
    events: list[WebhookEventType]
    created_at: Moment


class WebhookMade(WebhookOut):
    """A new webhook. Its ``secret``, which signs what it is told, is shown this once, and not when the request is
    repeated.
    """

    secret: str | None = None


class DeliveryOut(BaseModel):
    """One fact on its way to a webhook. ``dead`` is tried no more; ``why`` says what was wrong with the last try."""

    id: str
    type: WebhookEventType
    state: WebhookDeliveryState
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
