"""What comes in over HTTP, as the framework validates and documents it, and the nouns that are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Header, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..model import Conference, Duration, Event, EventStatus, Person
from .texts import (
    Capacity,
    Description,
    Email,
    JoinUri,
    Label,
    Language,
    Length,
    Line,
    Listened,
    Location,
    Moment,
    Name,
    Reason,
    Recurrence,
    Reminders,
    Status,
    Url,
    Zone,
)
from .walltimes import read_when

Limit = Annotated[int, Query(ge=1, le=100, description="How many to a page.")]
Once = Annotated[
    str | None,
    Header(alias="Idempotency-Key", pattern=r"^[\x21-\x7e]{1,255}$", description="The request is granted once a day."),
]
Version = Annotated[str | None, Header(alias="If-Match", description="The ETag of the event as you know it.")]
Cursor = Annotated[str | None, Query(description="`next` of the page before.", max_length=1000)]

# --- bodies -------------------------------------------------------------------------------------------------------


class Incoming(BaseModel):
    """A request's body: nothing unknown, no guessing of types, and ``null`` is as good as absent."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, value: Any) -> Any:
        return {name: part for name, part in value.items() if part is not None} if isinstance(value, dict) else value


class Patch(BaseModel):
    """A merge patch (RFC 7396): what is absent stays, ``null`` resets."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def upon(self, standing: Mapping[str, Any]) -> dict[str, Any]:
        return _merged(standing, self.model_dump(exclude_unset=True))


def _merged(standing: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(standing)
    for name, value in patch.items():
        result[name] = _merged(result.get(name) or {}, value) if isinstance(value, dict) else value
    return result


class PersonIn(Incoming):
    name: Name
    email: Email


class ConferenceIn(Incoming):
    uri: JoinUri
    label: Label = ""


class EventIn(Incoming):
    title: Name
    start: Moment
    end: Moment | None = None
    duration: Length | None = None
    time_zone: Zone | None = None
    organizer: PersonIn
    description: Description = ""
    location: Location = ""
    url: Url = ""
    conference: ConferenceIn | None = None
    reminders: Reminders = Field(default_factory=list)
    capacity: Capacity | None = None
    recurrence: Recurrence | None = None
    status: Status = "confirmed"


class PersonPatch(Patch):
    name: Name | None = None
    email: Email | None = None


class ConferencePatch(Patch):
    uri: JoinUri | None = None
    label: Label | None = None


class EventPatch(Patch):
    title: Name | None = None
    start: Moment | None = None
    end: Moment | None = None
    duration: Length | None = None
    time_zone: Zone | None = None
    organizer: PersonPatch | None = None
    description: Description | None = None
    location: Location | None = None
    url: Url | None = None
    conference: ConferencePatch | None = None
    reminders: Reminders | None = None
    capacity: Capacity | None = None
    recurrence: Recurrence | None = None
    status: Status | None = None


class CancelIn(Incoming):
    reason: Reason = ""


class ResendIn(Incoming):
    """Nothing."""


class RegistrationIn(Incoming):
    name: Name
    email: Email
    language: Language = "en"


class RegistrationPatch(Patch):
    name: Name | None = None
    email: Email | None = None
    language: Language | None = None


class WebhookIn(Incoming):
    url: Line
    events: Listened


class TestIn(Incoming):
    """Nothing."""


# --- into nouns ---------------------------------------------------------------------------------------------------


def content(shape: EventIn) -> dict[str, Any]:
    """The attributes of an :class:`Event` that the organizer decides, but for ``when``."""
    conference = shape.conference
    return {
        "title": shape.title,
        "organizer": Person(name=shape.organizer.name, email=shape.organizer.email),
        "description": shape.description,
        "location": shape.location,
        "url": shape.url,
        "conference": Conference(uri=conference.uri, label=conference.label) if conference else None,
        "reminders": tuple(map(Duration.parse, shape.reminders)),
        "capacity": shape.capacity,
        "status": EventStatus(shape.status),
    }


def patched(event: Event, patch: EventPatch) -> dict[str, Any]:
    """The attributes of ``event`` that the organizer decides, as they are after ``patch``.

    Raises :class:`InvalidField` for a time, and pydantic's error for anything else, that cannot be.
    """
    standing = written(event)
    if "duration" in patch.model_fields_set and patch.duration is not None:
        # It counts from the start: the end that stood is no more.
        standing |= {"end": None}
    shape = EventIn.model_validate(patch.upon(standing))
    if not patch.model_fields_set & {"start", "end", "duration", "time_zone"}:
        return {**content(shape), "when": event.when}
    when = read_when(
        start=shape.start,
        end=shape.end,
        duration=shape.duration,
        time_zone=shape.time_zone,
        standing=event.when,
    )
    return {**content(shape), "when": when}


def written(event: Event) -> dict[str, Any]:
    """The event as its organizer would write it."""
    conference = event.conference
    return {
        "title": event.title,
        "start": event.when.start.isoformat(),
        "end": event.when.end.isoformat(),
        "time_zone": event.when.time_zone,
        "organizer": {"name": event.organizer.name, "email": event.organizer.email},
        "description": event.description,
        "location": event.location,
        "url": event.url,
        "conference": {"label": conference.label, "uri": conference.uri} if conference else None,
        "reminders": [str(reminder) for reminder in event.reminders],
        "capacity": event.capacity,
        "recurrence": None,
        "status": event.status.value,
    }
