"""The request models: headers, queries and bodies as they are validated and documented."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler.openapi.params import Header, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..model import InvalidField, Question, QuestionKind
from ..webhooks.events import WebhookEventType
from . import fields

Limit = Annotated[int, Query(ge=1, le=100, description="Items per page.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="A repeat with the same key within a day is not carried out again.",
    ),
]
Version = Annotated[
    str | None,
    Header(alias="If-Match", max_length=200, description="The ETag of the version that the change is meant for."),
]
Occurrences = Annotated[
    list[fields.Moment],
    Field(min_length=1, max_length=400, description="Only these dates of a series, by their original starts."),
]
AfterEvent = Annotated[
    str | None, Query(description="The `id` of a change: only later ones are listed.", pattern=r"^[0-9a-v]{36}$")
]
Cursor = Annotated[
    str | None, Query(description="`next` of the previous page.", max_length=1000, pattern=r"^[A-Za-z0-9_-]+$")
]

# --- bodies -------------------------------------------------------------------------------------------------------


def _say_that_null_is_absent(schema: dict[str, Any]) -> None:
    """Let the JSON schema of a body allow ``null`` for each field that may be absent."""
    for name, field in schema.get("properties", {}).items():
        kinds = field.get("anyOf", [field])
        if name not in schema.get("required", ()) and {"type": "null"} not in kinds:
            said = {key: field[key] for key in ("title", "description", "default") if key in field}
            kind = {key: value for key, value in field.items() if key not in said}
            schema["properties"][name] = {"anyOf": [kind, {"type": "null"}], **said}


class Incoming(BaseModel):
    """A request's body: unknown fields are refused, types are not converted, and ``null`` means absent."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra=_say_that_null_is_absent)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, value: Any) -> Any:
        return {name: part for name, part in value.items() if part is not None} if isinstance(value, dict) else value


class Patch(BaseModel):
    """A JSON merge patch (RFC 7396): an absent field stays, ``null`` resets it to its default."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def applied_to(self, current: Mapping[str, Any]) -> dict[str, Any]:
        """``current`` with the fields of the patch. ``notify`` is about the patch itself."""
        return _merged(current, self.model_dump(exclude_unset=True, exclude={"notify"}))


def _merged(current: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(current)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name) or {}, value) if isinstance(value, dict) else value
    return result


class EmptyIn(Incoming):
    """No fields: the path says what is asked for."""


EMPTY_BODY = EmptyIn()


class PersonIn(Incoming):
    name: fields.Name
    email: fields.Email


class ConferenceIn(Incoming):
    uri: fields.JoinUri
    label: fields.Label = ""


class QuestionIn(Incoming):
    """What everybody who registers is asked. Without ``question_id`` it has one that is made of its ``text``, the same
    for the same text.
    """

    question_id: fields.QuestionId | None = None
    text: fields.QuestionText
    kind: Literal["text", "choice", "yes-no"] = "text"
    choices: fields.Choices = Field(default_factory=list)
    required: bool = False

    @model_validator(mode="after")
    def _has_its_choices(self) -> QuestionIn:
        if self.kind != "choice" and self.choices:
            raise ValueError("must have choices only where its kind is choice")
        if self.kind == "choice" and not 2 <= len(set(self.choices)) == len(self.choices):
            raise ValueError("must have 2 to 20 choices, no two of them alike")
        return self

    @property
    def question(self) -> Question:
        made = f"q-{hashlib.sha256(self.text.encode()).hexdigest()[:12]}"
        return Question(
            question_id=self.question_id or made,
            text=self.text,
            kind=QuestionKind(self.kind),
            choices=tuple(self.choices),
            required=self.required,
        )


Questions = Annotated[
    list[QuestionIn], Field(max_length=10, description="What everybody who registers is asked: up to ten questions.")
]


class EventIn(Incoming):
    title: fields.Name
    start: fields.Moment
    end: fields.Moment | None = None
    duration: fields.Length | None = None
    time_zone: fields.Zone | None = None
    organizer: PersonIn
    description: fields.Description = ""
    location: fields.Location = ""
    url: fields.Url = ""
    conference: ConferenceIn | None = None
    reminders: fields.Reminders = Field(default_factory=list)
    capacity: fields.Capacity | None = None
    release_on_decline: fields.ReleaseOnDecline = False
    recurrence: fields.Recurrence | None = None
    status: fields.Status = "confirmed"
    public: fields.Public = False
    confirm_address: fields.ConfirmAddress = True
    approval: fields.Approval = False
    guests: fields.GuestsAllowed = 0
    language: fields.Language | None = None
    questions: Questions = Field(default_factory=list)
    notify_after: fields.NotifyAfter | None = None
    external_id: fields.ExternalId | None = None
    metadata: fields.Metadata = Field(default_factory=dict)


class PersonPatch(Patch):
    name: fields.Name | None = None
    email: fields.Email | None = None


class ConferencePatch(Patch):
    uri: fields.JoinUri | None = None
    label: fields.Label | None = None


class EventChange(Patch):
    title: fields.Name | None = None
    start: fields.Moment | None = None
    end: fields.Moment | None = None
    duration: fields.Length | None = None
    time_zone: fields.Zone | None = None
    organizer: PersonPatch | None = None
    description: fields.Description | None = None
    location: fields.Location | None = None
    url: fields.Url | None = None
    conference: ConferencePatch | None = None
    reminders: fields.Reminders | None = None
    capacity: fields.Capacity | None = None
    release_on_decline: fields.ReleaseOnDecline | None = None
    recurrence: fields.Recurrence | None = None
    status: fields.Status | None = None
    public: fields.Public | None = None
    confirm_address: fields.ConfirmAddress | None = None
    approval: fields.Approval | None = None
    guests: fields.GuestsAllowed | None = None
    language: fields.Language | None = None
    questions: Questions | None = None
    notify_after: fields.NotifyAfter | None = None
    external_id: fields.ExternalId | None = None
    metadata: fields.MetadataPatch | None = None


class EventPatch(EventChange):
    notify: Annotated[
        Literal["all", "none"] | None,
        Field(description="none: inform nobody of this change of texts now; it is part of the next message."),
    ] = None


class CancelIn(Incoming):
    reason: fields.Reason = ""


class ReopenIn(Incoming):
    """``occurrences`` are the cancelled dates of a series that take place again, too, by their original starts."""

    occurrences: Annotated[list[fields.Moment], Field(max_length=400)] = Field(default_factory=list)


class OccurrenceIn(Incoming):
    """An additional date. Without ``end`` or ``duration`` it is as long as the other dates."""

    start: fields.Moment
    end: fields.Moment | None = None
    duration: fields.Length | None = None


class OccurrencePatch(Patch):
    start: fields.Moment | None = None
    end: fields.Moment | None = None
    duration: fields.Length | None = None
    title: fields.Name | None = None
    location: fields.Location | None = None
    description: fields.Description | None = None


class SplitIn(EventChange):
    """A split: ``from``, the original start of the first date concerned, and the changes to it and all that follow."""

    from_: Annotated[fields.Moment, Field(alias="from")]

    @property
    def changes(self) -> EventChange:
        given = self.model_dump(exclude_unset=True)
        return EventChange(**{name: value for name, value in given.items() if name != "from_"})


class PreviewIn(EventPatch):
    """One change to preview: fields of the event, or ``cancel``; fields of the date ``occurrence``, or its ``cancel``
    or ``restore``; a date to ``add``; a ``split``; or ``reopen``. A ``cancel`` may have its ``reason``.
    """

    cancel: Literal[True] | None = None
    reason: fields.Reason | None = None
    occurrence: fields.Moment | None = None
    restore: Literal[True] | None = None
    add: OccurrenceIn | None = None
    split: SplitIn | None = None
    reopen: ReopenIn | None = None

    @property
    def patch(self) -> dict[str, Any]:
        """The changed fields of the event, or of its date."""
        words = {"cancel", "reason", "occurrence", "restore", "add", "split", "reopen"}
        return {name: value for name, value in self.model_dump(exclude_unset=True).items() if name not in words}


class WordIn(Incoming):
    """A decision about somebody, which the path says. The person is sent it, with the ``word`` if there is one."""

    word: fields.Word = ""


class RegistrationIn(Incoming):
    name: fields.Name
    email: fields.Email
    language: fields.Language | None = None
    occurrences: Occurrences | None = None
    guests: fields.Guests = 0
    responses: fields.Responses = Field(default_factory=dict)
    approved: fields.Approved = False
    external_id: fields.ExternalId | None = None
    metadata: fields.Metadata = Field(default_factory=dict)


MOST_AT_ONCE = 500


class BulkIn(Incoming):
    """Up to 500 people. Each has the fields of a single registration, and is checked by itself."""

    registrations: Annotated[
        list[Annotated[dict[str, Any], Field(description="As the body of POST …/registrations.")]],
        Field(min_length=1, max_length=MOST_AT_ONCE),
    ]


class RegistrationPatch(Patch):
    name: fields.Name | None = None
    email: fields.Email | None = None
    language: fields.Language | None = None
    occurrences: Occurrences | None = None
    guests: fields.Guests | None = None
    responses: fields.ResponsesPatch | None = None
    external_id: fields.ExternalId | None = None
    metadata: fields.MetadataPatch | None = None


class LogoIn(Incoming):
    """An image of at most 100,000 bytes: PNG, JPEG or WebP, and no SVG."""

    data: fields.ImageData
    type: fields.ImageType

    @property
    def content(self) -> bytes:
        """The bytes. Raises :class:`InvalidField` for what is not Base64."""
        try:
            return base64.b64decode(self.data, validate=True)
        except ValueError:
            raise InvalidField("logo.data", "must be Base64") from None


class AccountPatch(Patch):
    name: fields.PageName | None = None
    colour: fields.Colour | None = None
    logo: LogoIn | None = None
    imprint: fields.SecureUrl | None = None
    privacy: fields.SecureUrl | None = None
    notify_after: fields.NotifyAfter | None = None
    unconfirmed_mails: fields.UnconfirmedMails | None = None


class WebhookIn(Incoming):
    url: fields.WebhookUrl
    events: fields.WebhookEvents
    payload: fields.Payload = "ids"

    @property
    def types(self) -> tuple[WebhookEventType, ...]:
        """The event types, each once, sorted."""
        return tuple(sorted({WebhookEventType(event) for event in self.events}))


class WebhookPatch(Patch):
    url: fields.WebhookUrl | None = None
    events: fields.WebhookEvents | None = None
    payload: fields.Payload | None = None


class RotateIn(Incoming):
    overlap: fields.Overlap = 86400
