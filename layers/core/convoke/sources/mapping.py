"""The description of a source: which tables a site keeps, and which of their attributes are which fields.

It is JSON, as in docs/sources.md; :func:`parse` validates it. All names of fields are those of the HTTP API.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..model import InvalidField

Scalar = str | int | bool | None
"""What a row's attribute is compared with: text, a whole number, a truth value, or ``null`` where it is absent."""

MAX_LENGTH = 20_000
"""Characters of a description."""
EVENT_FIELDS = (
    "title",
    "start",
    "end",
    "duration",
    "time_zone",
    "organizer.name",
    "organizer.email",
    "description",
    "location",
    "url",
    "conference.uri",
    "conference.label",
    "reminders",
    "capacity",
    "release_on_decline",
    "recurrence",
    "public",
    "confirm_address",
    "approval",
    "guests",
    "language",
)
REGISTRATION_FIELDS = ("name", "email", "language", "occurrences", "guests")
RESPONSE = re.compile(r"responses\.[A-Za-z0-9_-]{1,40}", re.ASCII)
"""The field of the response to one question, by the question's id."""


def _path(text: str) -> str:
    if not all(text.split(".")):
        raise ValueError("must be the name of an attribute, or names joined by dots")
    return text


Path = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_path)]
"""An attribute's name, or the way to a nested one: ``venue.name`` is the key ``name`` of the map ``venue``."""
Attribute = Annotated[str, Field(min_length=1, max_length=255)]
Table = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{3,255}$")]
Values = Annotated[list[Scalar], Field(min_length=1, max_length=50)]


class Described(BaseModel):
    """A part of a description: unknown names are refused, and types are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Constant(Described):
    """A value that is the same for every row."""

    value: Scalar | list[str]


Where = Annotated[Path | Constant, Field(description="Where a field's value comes from.")]


class Key(Described):
    """The names of the attributes that are a table's primary key."""

    partition: Attribute
    sort: Attribute | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.partition,) if self.sort is None else (self.partition, self.sort)


class Condition(Described):
    """What an attribute has to be for a row to count: exactly one of the tests."""

    equals: Scalar = None
    begins_with: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    one_of: Values | None = None

    @model_validator(mode="after")
    def _has_one_test(self) -> Condition:
        if len(self.model_fields_set) != 1:
            raise ValueError("must have exactly one of equals, begins_with and one_of")
        return self

    def holds(self, value: Any) -> bool:
        """Whether it holds for an attribute's ``value``, ``None`` where it is absent."""
        if self.begins_with is not None:
            return isinstance(value, str) and value.startswith(self.begins_with)
        return is_one_of(value, self.one_of if self.one_of is not None else [self.equals])


def is_one_of(value: Any, values: list[Scalar]) -> bool:
    """Whether ``value`` equals one of ``values``; ``True`` is not the number 1."""
    return any(_equal(value, one) for one in values)


def _equal(value: Any, one: Scalar) -> bool:
    return value == one and isinstance(value, bool) is isinstance(one, bool)


class Statuses(Described):
    """Which values of the attribute ``field`` mean which status: the other fields are named by the statuses."""

    field: Path

    @model_validator(mode="after")
    def _is_unambiguous(self) -> Self:
        listed = [value for _, values in self.given() for value in values]
        if not listed:
            raise ValueError("must say of at least one status which values mean it")
        if any(_equal(one, other) for at, one in enumerate(listed) for other in listed[:at]):
            raise ValueError("must not give the same value two meanings")
        return self

    def given(self) -> list[tuple[str, list[Scalar]]]:
        """Each status that values are given for, with these."""
        named = (name for name in type(self).model_fields if name != "field")
        return [(name, values) for name in named if (values := getattr(self, name)) is not None]


class EventStatuses(Statuses):
    confirmed: Values | None = None
    tentative: Values | None = None
    draft: Values | None = None
    cancelled: Values | None = None


class RegistrationStatuses(Statuses):
    registered: Values | None = None
    withdrawn: Values | None = None


class Rows(Described):
    """What both tables have: the table, its key, which rows count, and where the fields come from."""

    table: Table
    key: Key
    where: Annotated[dict[Path, Condition], Field(max_length=10)] = Field(default_factory=dict)
    fields: Annotated[dict[str, Where], Field(min_length=1, max_length=50)]


class EventRows(Rows):
    """The table of events. ``reason`` is the attribute that says why an event is cancelled."""

    status: EventStatuses | None = None
    reason: Path | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> EventRows:
        _require(self.fields, EVENT_FIELDS, ("title", "start", "organizer.name", "organizer.email"))
        return self


class RegistrationRows(Rows):
    """The table of registrations. ``event`` is the attribute that names the event: with the key of its row, or, where
    there is no table of events, with an event's id or external id.
    """

    event: Path | Annotated[list[Path], Field(min_length=2, max_length=2)]
    status: RegistrationStatuses | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> RegistrationRows:
        _require(self.fields, REGISTRATION_FIELDS, ("name", "email"))
        return self


def _require(given: Mapping[str, Any], known: tuple[str, ...], needed: tuple[str, ...]) -> None:
    asks = known is REGISTRATION_FIELDS
    unknown = sorted(name for name in set(given) - set(known) if not (asks and RESPONSE.fullmatch(name)))
    if unknown:
        raise ValueError(f"fields has the unknown field {unknown[0]}")
    if missing := [name for name in needed if name not in given]:
        raise ValueError(f"fields must say where {missing[0]} comes from")


class Source(Described):
    """A site's tables. Without ``events`` only registrations are read, for events that are created over HTTP."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    events: EventRows | None = None
    registrations: RegistrationRows | None = None
    expired_rows: Literal["keep", "remove"] = "keep"

    @model_validator(mode="after")
    def _is_whole(self) -> Source:
        if self.events is None and self.registrations is None:
            raise ValueError("must have events, registrations, or both")
        if self.events is None or self.registrations is None:
            return self
        if self.events.table == self.registrations.table and not (self.events.where and self.registrations.where):
            raise ValueError("must say by where which rows of the one table are events and which registrations")
        parts = 1 if isinstance(self.registrations.event, str) else 2
        if parts != len(self.events.key.names):
            raise ValueError(f"registrations.event must name {len(self.events.key.names)} attributes: the event's key")
        return self


def parse(text: str) -> Source:
    """The source that the JSON ``text`` describes. Raises :class:`InvalidField` with the path of what is wrong."""
    if len(text) > MAX_LENGTH:
        raise InvalidField("", f"must have at most {MAX_LENGTH} characters")
    try:
        return Source.model_validate(json.loads(text))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        raise InvalidField(path, first["msg"].removeprefix("Value error, ")) from None
    except (ValueError, RecursionError):
        raise InvalidField("", "must be a JSON object") from None
