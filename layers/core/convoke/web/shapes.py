"""What comes in over HTTP, as the framework validates and documents it, and the nouns that are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler.openapi.params import Header, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from .. import programme, series
from ..model import Conference, DateChange, Duration, Event, EventStatus, InvalidField, Occurrence, Person, Wall
from .texts import (
    Capacity,
    Description,
    Email,
    GivenOn,
    HookUrl,
    JoinUri,
    Label,
    Language,
    Length,
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
Version = Annotated[
    str | None, Header(alias="If-Match", max_length=64, description="The ETag of the event as you know it.")
]
Occurrences = Annotated[
    list[Moment],
    Field(min_length=1, max_length=400, description="Only these dates of a series, by their original starts."),
]
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
    release_on_decline: GivenOn = False
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
    release_on_decline: GivenOn | None = None
    recurrence: Recurrence | None = None
    status: Status | None = None


class CancelIn(Incoming):
    reason: Reason = ""


class RestoreIn(Incoming):
    """Nothing."""


class OccurrenceIn(Incoming):
    """One more date: as long as the others, unless it has an end or a duration of its own."""

    start: Moment
    end: Moment | None = None
    duration: Length | None = None


class OccurrencePatch(Patch):
    start: Moment | None = None
    end: Moment | None = None
    duration: Length | None = None
    title: Name | None = None
    location: Location | None = None
    description: Description | None = None


class SplitIn(EventPatch):
    """From which date on, and what is to be other about these."""

    from_: Annotated[Moment, Field(alias="from")]

    @property
    def changes(self) -> EventPatch:
        given = self.model_dump(exclude_unset=True)
        return EventPatch(**{name: value for name, value in given.items() if name != "from_"})


class PreviewIn(EventPatch):
    """One change to look at: a patch of the event, or ``cancel``; a patch of the date ``occurrence``, or its ``cancel``
    or ``restore``; one to ``add``; or a ``split``.
    """

    cancel: Literal[True] | None = None
    occurrence: Moment | None = None
    restore: Literal[True] | None = None
    add: OccurrenceIn | None = None
    split: SplitIn | None = None

    @property
    def patch(self) -> dict[str, Any]:
        """What is to be other about the event or its date."""
        words = {"cancel", "occurrence", "restore", "add", "split"}
        return {name: value for name, value in self.model_dump(exclude_unset=True).items() if name not in words}


class ResendIn(Incoming):
    """Nothing."""


class DecisionIn(Incoming):
    """Nothing."""


class RegistrationIn(Incoming):
    name: Name
    email: Email
    language: Language = "en"
    occurrences: Occurrences | None = None


class RegistrationPatch(Patch):
    name: Name | None = None
    email: Email | None = None
    language: Language | None = None
    occurrences: Occurrences | None = None


class WebhookIn(Incoming):
    url: HookUrl
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
        "release_on_decline": shape.release_on_decline,
        "status": EventStatus(shape.status),
    }


def patched(event: Event, patch: EventPatch) -> tuple[Event, tuple[Wall, ...]]:
    """``event`` as it is after ``patch``, and the dates of which it no longer knows anything.

    Raises :class:`InvalidField` for a time or a rule, and pydantic's error for anything else, that cannot be.
    """
    standing = written(event)
    if "duration" in patch.model_fields_set and patch.duration is not None:
        # It counts from the start: the end that stood is no more.
        standing |= {"end": None}
    shape = EventIn.model_validate(patch.upon(standing))
    schedule = event.schedule
    if patch.model_fields_set & {"start", "end", "duration", "time_zone"}:
        when = read_when(
            start=shape.start,
            end=shape.end,
            duration=shape.duration,
            time_zone=shape.time_zone,
            standing=event.when,
        )
        # Where the rule is given, too, it need not go with the new start as it was.
        before = replace(schedule, rule=None) if "recurrence" in patch.model_fields_set else schedule
        schedule = series.moved(before, when)
    if "recurrence" in patch.model_fields_set:
        rule = series.rule(shape.recurrence, schedule.when) if shape.recurrence else None
        schedule = replace(schedule, rule=rule, added=schedule.added if rule else ())
    after = replace(event, **content(shape), when=schedule.when, rule=schedule.rule, added=schedule.added)
    return programme.reschedule(event, after)


def date_changed(event: Event, one: Occurrence, patch: OccurrencePatch) -> DateChange:
    """What is other about a date after ``patch``; ``null`` makes it as the series is.

    Raises :class:`InvalidField` for a time that cannot be.
    """
    given = patch.model_fields_set
    change = replace(
        programme.change_of(event, one.date),
        **{name: getattr(patch, name) for name in ("title", "location", "description") if name in given},
    )
    if not given & {"start", "end", "duration"}:
        return change
    plain = series.when_at(event.schedule, one.date)
    start, end = (
        getattr(patch, name) or getattr(plain if name in given else one.when, name).isoformat()
        for name in ("start", "end")
    )
    when = read_when(
        start=start,
        end=None if patch.duration is not None and "end" not in given else end,
        duration=patch.duration,
        time_zone=event.when.time_zone,
        standing=one.when,
    )
    if when.all_day is not plain.all_day:
        raise InvalidField("start", "must be a date, or a time, as the start of the series is")
    return replace(change, when=when)


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
        "release_on_decline": event.release_on_decline,
        "recurrence": event.rule,
        "status": event.status.value,
    }
