"""What comes in over HTTP and what goes out, as the framework validates and documents it.

Everything that people type is checked here and nowhere else. What has passed holds no control characters, so it can
neither end a line of a calendar nor begin a header of a mail.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from .model import Conference, Duration, Event, EventStatus, Person
from .walltimes import read_when

# --- text ---------------------------------------------------------------------------------------------------------

# C0 and C1, the line and paragraph separators, what turns the direction of writing around, and halves of characters.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)
# Letters that the older and the newer rules for domain names read as different domains, and dots that are none.
_AMBIGUOUS_IN_DOMAINS = re.compile("[ßς\u200c\u200d。．｡]")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}", re.ASCII)
_TELEPHONE = re.compile(r"tel:\+?[0-9A-Za-z().*#,;=%-]+", re.ASCII)
_LONGEST_REMINDER = Duration(days=28)


def line(text: str) -> str:
    """One line of text, without what trails it."""
    text = text.rstrip(" ")
    if _CONTROL.search(text):
        raise ValueError("must not contain control characters or line breaks")
    return text


def lines(text: str) -> str:
    text = text.replace("\r\n", "\n").rstrip(" \n")
    if _CONTROL.search(text.replace("\n", "")):
        raise ValueError("must not contain control characters")
    return text


def address(text: str) -> str:
    """A mail address that SES can write to (it has no SMTPUTF8)."""
    text = line(text)
    local, at, domain = text.rpartition("@")
    if not at or len(text) > 254:
        raise ValueError("must be a mail address")
    if not local.isascii():
        raise ValueError("must have only ASCII characters before the @; such an address cannot be written to yet")
    if _AMBIGUOUS_IN_DOMAINS.search(domain):
        raise ValueError("must have its domain in Punycode (xn--…)")
    try:
        name = domain.encode("idna").decode()
    except UnicodeError:
        name = ""
    if not _LOCAL_PART.fullmatch(local) or not _is_domain(name) or len(local) > 64 or len(local) + len(name) > 253:
        raise ValueError("must be a mail address")
    return text


def _is_domain(name: str) -> bool:
    labels = name.split(".")
    return len(labels) > 1 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()


def web_address(text: str) -> str:
    text = line(text)
    if text and not _is_web_address(text):
        raise ValueError("must be a link that begins with http:// or https://")
    return text


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\s<>\"]", text)
    except ValueError:
        return False


def way_to_join(text: str) -> str:
    text = line(text)
    if not _is_web_address(text) and not _TELEPHONE.fullmatch(text):
        raise ValueError("must be a link that begins with http://, https:// or tel:")
    return text


def reminder(text: str) -> str:
    length = Duration.parse(text)
    if length.nominal > _LONGEST_REMINDER.nominal:
        raise ValueError("must be at most P28D")
    return str(length)


def language_tag(text: str) -> str:
    if not _LANGUAGE.fullmatch(text):
        raise ValueError("must be a language tag such as en or pt-BR")
    return text


def not_yet(_: str) -> str:
    raise ValueError("recurring events are not supported yet")


Line = Annotated[str, AfterValidator(line)]
Name = Annotated[Line, Field(min_length=1, max_length=255)]
Email = Annotated[str, AfterValidator(address), Field(max_length=254)]
Description = Annotated[str, AfterValidator(lines), Field(max_length=8000)]
Location = Annotated[Line, Field(max_length=1000)]
Url = Annotated[str, AfterValidator(web_address), Field(max_length=2000, description="http or https")]
Label = Annotated[Line, Field(max_length=100)]
JoinUri = Annotated[str, AfterValidator(way_to_join), Field(max_length=2000, description="http, https or tel")]
Reminder = Annotated[str, AfterValidator(reminder)]
Reminders = Annotated[
    list[Reminder], Field(max_length=5, description="Before the start; ISO 8601 durations, PT0S to P28D.")
]
Capacity = Annotated[int, Field(ge=1, le=1_000_000, description="null: no limit")]
Language = Annotated[str, AfterValidator(language_tag)]
Moment = Annotated[
    Line,
    Field(
        description="A wall time of time_zone without offset, or a date for whole days.",
        examples=["2027-03-12T09:00:00"],
    ),
]
Length = Annotated[Line, Field(description="An ISO 8601 duration, instead of end.", examples=["PT1H30M"])]
Zone = Annotated[Line, Field(description="An IANA name; required unless start is a date.", examples=["Europe/Berlin"])]
Recurrence = Annotated[str, AfterValidator(not_yet), Field(description="Not supported yet.")]
Reason = Annotated[Line, Field(max_length=1000)]
Status = Literal["confirmed", "tentative", "draft"]


# --- what comes in ------------------------------------------------------------------------------------------------


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
