"""The response models, as OpenAPI documents them."""

from __future__ import annotations

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, Field

from ..decision.attention import AttentionKind, AttentionReason, SentKind
from ..decision.shown import Showing
from ..delivery.preview import PreviewKind
from ..model import AnswerChannel, DeliveryState, Method, Participation, QuestionKind, RegistrationStatus
from ..store.keys import instant
from ..webhooks.events import WebhookDeliveryState, WebhookEventType, WebhookPayload
from . import problems


def _text(value: Any) -> Any:
    """Instants (UTC) as RFC 3339, and local times as ISO 8601 without an offset."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return instant(value)
    return value.isoformat() if isinstance(value, date) else value


Instant = Annotated[
    str,
    BeforeValidator(_text),
    Field(
        description="RFC 3339, UTC",
        examples=["2027-03-12T08:00:00.000000Z"],
        json_schema_extra={"format": "date-time"},
    ),
]


Text = Annotated[str, BeforeValidator(_text)]


class Out(BaseModel):
    @classmethod
    def from_stored(cls, stored: object, **others: Any) -> Self:
        """What ``stored`` has under the names of the fields, but for the ``others``."""
        same = {name: getattr(stored, name) for name in cls.model_fields if name not in others}
        return cls(**same, **others)


Item = TypeVar("Item", bound=BaseModel)


class Page(Out, Generic[Item]):
    items: list[Item]
    next: str | None


class PersonOut(Out):
    name: str
    email: str


class ConferenceOut(Out):
    label: str
    uri: str


class QuestionOut(Out):
    """What everybody who registers is asked. Responses to it are named by its ``question_id``."""

    question_id: str
    text: str
    kind: QuestionKind
    choices: list[str]
    required: bool


class AttentionOut(Out):
    """Somebody who was not reached: by which message (``kind``), why not (``state``), and since when. ``date`` is the
    original start of one date of a series, ``start`` when that takes place now; both are null for the whole event.

    RowKind ``answer``: a quarantined mail looks like their answer; it can be released by its ``quarantine_id``.
    """

    registration_id: str
    kind: AttentionKind
    state: AttentionReason
    since: Instant
    date: Text | None
    start: Text | None
    quarantine_id: str | None = None


Source = Annotated[
    str | None,
    Field(
        description="The source of the account whose row it follows, and which alone can change it; null: none.",
        examples=["site"],
    ),
]


class TellingOut(Out):
    """How many people have been informed of the latest change, ``of`` how many. Both are counted in batches of fifty,
    and ``of`` grows in the first seconds after a change.
    """

    told: int
    of: int


class AccountOut(Out):
    """What the account has decided for its events and their pages."""

    account: str
    name: str
    colour: str
    logo: Annotated[str | None, Field(description="Where the image is served.")]
    imprint: str
    privacy: str
    notify_after: int
    unconfirmed_mails: int


class NextDateOut(Out):
    """One date, in the time zone of its event."""

    start: Text
    end: Text


class EventOut(Out):
    event_id: str
    version: int
    status: Literal["confirmed", "tentative", "draft", "cancelled"]
    reason: Annotated[str, Field(description="Why it was cancelled.")]
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
    public: bool
    confirm_address: bool
    approval: bool
    guests: Annotated[int, Field(description="How many people somebody who registers on the event's page may bring.")]
    language: str | None
    questions: list[QuestionOut]
    page: Annotated[str | None, Field(description="The event's page, where it is public; people can register there.")]
    notify_after: Annotated[
        int | None,
        Field(
            description="For how many seconds an ordinary change waits for the next one before people are informed;"
            " null: as the account has it."
        ),
    ]
    external_id: str | None
    metadata: dict[str, str]
    source: Source
    registered: Annotated[
        int, Field(description="How many seats are taken: by everybody who is registered, and by their guests.")
    ]
    held: Annotated[int, Field(description="The seats kept for people who withdrew by one click within the last day.")]
    waiting: Annotated[int, Field(description="How many registrations are on the waitlist, each with its guests.")]
    pending: Annotated[
        int, Field(description="How many registrations wait for your decision, where the event has or had `approval`.")
    ]
    dropped: Annotated[
        list[str],
        Field(description="After a change of the rule: the changed dates that it no longer has, by original start."),
    ] = []
    attention: Annotated[
        list[AttentionOut] | None,
        Field(
            description="At most a hundred people: first those who were not reached, then those whose answers wait in"
            " quarantine; null in a list of events."
        ),
    ] = None
    attention_count: Annotated[
        int | None,
        Field(description="The number of all who need attention; null in a list of events without details."),
    ] = None
    next_date: Annotated[
        NextDateOut | None,
        Field(
            description="The first date that takes place and is not over; null where there is none, and in a list of"
            " events without details."
        ),
    ] = None
    telling: Annotated[
        TellingOut | None,
        Field(description="While people are being informed of a change: how far that is; null before and after."),
    ] = None
    told_at: Annotated[
        Instant | None,
        Field(
            description="When people will be informed of the latest changes, which wait for further ones; null where no"
            " change waits, and in a list of events."
        ),
    ] = None
    created_at: Instant
    updated_at: Instant


class OccurrenceOut(Out):
    """One date of an event. ``occurrence``, its original start, is its name."""

    occurrence: Text
    start: Text
    end: Text
    time_zone: str | None
    title: str
    location: str
    description: str
    status: Annotated[
        Literal["confirmed", "cancelled", "skipped"],
        Field(description="skipped: this local time does not exist, so that RFC 5545 does not count the date."),
    ]
    cancelled: Annotated[bool, Field(description="Whether it was cancelled by itself, whatever became of its event.")]
    moved: Annotated[bool, Field(description="Whether it has another time than its series.")]
    over: bool
    reason: Annotated[str, Field(description="Why it was cancelled.")]


FailureReason = Annotated[
    str | None,
    Field(
        description="Why the message failed: unrenderable (no mail could be made of it), unanswered (SES never answered"
        " whether it accepted it), erased, or SES's error code; null where it did not fail.",
        examples=["MessageRejected"],
    ),
]


class InvitationOut(Out):
    """The latest message to this person, and its delivery state."""

    uid: str
    method: Method | None
    sequence: int | None
    state: DeliveryState
    reason: FailureReason
    tried_anew: Annotated[
        bool, Field(description="Whether the pending message had failed before, and is sent again on request.")
    ]
    sent_at: Instant | None


class RegistrationOut(Out):
    registration_id: str
    event_id: str
    name: str | None
    email: str | None
    language: str | None
    occurrences: Annotated[
        list[str] | None,
        Field(description="The dates of a series that it includes, by their present original starts; null: all."),
    ]
    guests: Annotated[int, Field(description="How many people come with this person; each takes a seat, too.")]
    responses: Annotated[
        dict[str, str],
        Field(description="Responses to the event's questions, and to those that were removed, by the question's id."),
    ]
    external_id: str | None
    metadata: dict[str, str]
    source: Source
    status: RegistrationStatus
    participation: Participation
    answered_at: Annotated[Instant | None, Field(description="When the person answered, by their own clock.")]
    invitation: InvitationOut
    accepted_at: Annotated[
        Instant | None, Field(description="When the organizer accepted it, of an event with approval.")
    ]
    turned_down_at: Annotated[Instant | None, Field(description="When the organizer turned it down.")]
    created_at: Instant
    updated_at: Instant


class RegistrationMade(RegistrationOut):
    """The answer to a registration."""

    existing: Annotated[
        bool,
        Field(
            description="Whether the address was registered already: then name, language and the like are as they were,"
            " and PATCH changes them."
        ),
    ] = False


class NeedingOut(AttentionOut):
    """Somebody who needs attention, with who it is. Of somebody who was erased name and address are null."""

    name: str | None
    email: str | None
    status: RegistrationStatus


class MessageOut(Out):
    """One message to one person. Where ``sent_at`` is null it has not been sent yet."""

    uid: str
    kind: Annotated[SentKind, Field(description="What it says: move is another time or place, change anything else.")]
    date: Annotated[
        Text | None, Field(description="The date of a series that it is about, by its original start; null: the whole.")
    ]
    to: Annotated[str | None, Field(description="The address that it is sent to; null once the person was erased.")]
    method: Method
    sequence: int
    dtstamp: Instant
    state: DeliveryState
    reason: FailureReason
    created_at: Instant
    sent_at: Instant | None


class EntryOut(Out):
    """One entry of a person's calendar, or one ``date`` of a series in it by its original start, as it was sent last.

    ``delivery`` is ``delivered`` where a receiving mail server took the latest message about it, ``accepted`` where it
    is only known that SES did, and null where not even that. ``sequence`` and ``sent_at`` are null where only a later
    message about something else is remembered.
    """

    uid: str
    date: Text | None
    title: str
    start: Text | None
    end: Text | None
    time_zone: str | None
    location: str
    state: Annotated[
        Showing,
        Field(description="unknown: a message about it may or may not have been sent, or calendars differ."),
    ]
    sequence: int | None
    sent_at: Instant | None
    delivery: Literal["delivered", "accepted"] | None
    true: Annotated[bool, Field(description="Whether it is what is true now.")]
    over: bool


class CalendarOut(Out):
    """What a person's calendar shows now, if it follows RFC 5546 and got every mail: empty where nothing was sent."""

    items: list[EntryOut]


class AnswerOut(Out):
    """One answer of one person. ``sequence`` is the message that it answers, ``date`` the date of a series by its
    original start (null: the whole event), ``channel`` the way it came.

    ``dtstamp`` is when the person answered, by their own clock; ``at`` is when the answer arrived.
    """

    status: Participation
    channel: AnswerChannel
    sequence: int
    date: Text | None
    dtstamp: Instant
    at: Instant
    counts: Annotated[bool, Field(description="Whether this answer determines the person's participation now.")]


class ParticipationOut(Out):
    """How many of those who have or had a seat gave which answer. The waitlist is not counted.

    Of many people only a part is counted; ``next`` is the cursor of the next part, to be added up.
    """

    accepted: int
    declined: int
    tentative: int
    delegated: int
    needs_action: Annotated[int, Field(alias="needs-action")]
    next: str | None


class WebhookOut(Out):
    """A URL that events of the account are posted to, and the event types."""

    webhook_id: str
    url: str
    events: list[WebhookEventType]
    payload: WebhookPayload
    created_at: Instant


class WebhookCreated(WebhookOut):
    """A new webhook. Its ``secret``, which signs deliveries, is returned only once: not when a request is repeated."""

    secret: str | None = None


class DeliveryOut(Out):
    """The delivery of one event to a webhook. One that is ``dead`` is not tried again; ``why`` says what was wrong with
    the last attempt.
    """

    id: str
    type: WebhookEventType
    state: WebhookDeliveryState
    attempts: int
    status: Annotated[int | None, Field(description="The HTTP status of the last attempt; null: no response.")]
    why: str
    created_at: Instant
    tried_at: Instant | None
    next_at: Instant | None


class ChangeOut(Out):
    """A webhook event, as it is posted to webhooks."""

    id: str
    type: WebhookEventType
    created_at: Instant
    data: dict[str, Any]


class WebhookPage(Out):
    items: list[WebhookOut]
    next: None


class PreviewMail(Out):
    """One mail as it would be read. Where a personal link will stand, ``text`` has ``_your_personal_link_``."""

    method: Annotated[
        Literal["REQUEST", "CANCEL"] | None,
        Field(description="Whether the calendar takes an entry, or removes it; null: the mail has no calendar."),
    ]
    to: PersonOut
    subject: str
    text: Annotated[str, Field(description="The plain text; the HTML of the mail says the same.")]


class PreviewExample(Out):
    """The mails that one person would be sent, in order: in ``messages`` their subjects, in ``mails`` the first ten as
    they would be read.
    """

    registration_id: str
    kind: PreviewKind
    messages: list[str]
    mails: list[PreviewMail]


class PreviewOut(Out):
    """How many people would be sent which kind of message; ``messages`` is the number of mails.

    Of many people only a part is looked at; ``next`` is the cursor of the next part, to be added up.
    """

    update: int
    ask_again: int
    cancel: int
    invite: int
    waits: Annotated[
        int,
        Field(
            description="People who wait, or were not invited yet, and would be mailed that the event is cancelled, or "
            "takes place after all."
        ),
    ]
    none: int
    messages: int
    examples: Annotated[
        list[PreviewExample], Field(description="The first five who would be mailed, and the first of each kind.")
    ]
    told_at: Annotated[
        Instant | None,
        Field(
            description="When people would be informed if the change were made now: it would wait for others until"
            " then; null: at once."
        ),
    ]
    quiet: Annotated[
        bool, Field(description="Whether the change can be made with `notify` `none`, so that nobody is informed.")
    ]
    next: str | None


class ChangePage(Page[ChangeOut]): ...


class DeliveryPage(Page[DeliveryOut]): ...


class EventPage(Page[EventOut]): ...


class OccurrencePage(Page[OccurrenceOut]): ...


class RegistrationPage(Page[RegistrationOut]): ...


class NeedingPage(Page[NeedingOut]): ...


class MessagePage(Page[MessageOut]): ...


class AnswerPage(Page[AnswerOut]): ...


class FieldProblem(Out):
    field: Annotated[str, Field(description="A dotted path, such as organizer.email")]
    message: str


class Problem(Out):
    """An error (RFC 9457). Nothing was stored."""

    type: str
    title: str
    status: int
    code: Annotated[str, Field(description="For programs: it stays the same, whatever the texts say.")]
    detail: str
    errors: list[FieldProblem]


class BulkResult(Out):
    """What became of one of the people: ``status`` is that which registering them alone would have been answered
    with. ``code``, ``detail`` and ``errors`` are as in an error; null and empty where they are registered.
    """

    status: int
    registration_id: str | None
    registered: Annotated[RegistrationStatus | None, Field(description="The status of the registration.")]
    existing: bool
    code: str | None
    detail: str | None
    errors: list[FieldProblem]
    retry_after: Annotated[
        int | None, Field(description="Seconds after which to send this person again, where the status is 429.")
    ] = None


class BulkOut(Out):
    items: Annotated[list[BulkResult], Field(description="One for each of the people, in their order.")]


PROBLEM: Any = {
    "description": "The request was refused; nothing was stored.",
    "content": {problems.MEDIA_TYPE: {"model": Problem}},
}
CSV: Any = {"description": "One row per registration", "content": {"text/csv": {"schema": {"type": "string"}}}}
MAIL: Any = {"description": "The mail as it was sent", "content": {"message/rfc822": {"schema": {"type": "string"}}}}


def documented(*successes: int) -> Any:
    """The documented responses of a route: its statuses of success, and all errors."""
    refused = dict.fromkeys((400, 404, 409, 412, 413, 415, 422, 429), PROBLEM)
    return {status: {"description": HTTPStatus(status).phrase} for status in successes} | refused
