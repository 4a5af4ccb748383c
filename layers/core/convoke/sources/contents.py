"""What a row says, validated by the models of the HTTP API, as an event or a registration. Pure.

All raise pydantic's ``ValidationError`` or :class:`InvalidField`, with the names of the API's fields.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ..model import Event, EventStatus, InvalidField, LocalTime, Question, Registration, RegistrationStatus, folded
from ..registrations import responses as responding
from ..schedule import edits, series
from ..store import codec, keys
from ..store.sources import digest
from ..web.events import must_end_later
from ..web.fields import ExternalId
from ..web.patches import content, patched
from ..web.registrations import chosen, must_have_room
from ..web.requests import CancelIn, EventIn, EventPatch, RegistrationIn
from ..web.walltimes import read_when
from .mapping import EventRows
from .rows import EventRow, RegistrationRow, local_time

_EXTERNAL_ID: TypeAdapter[str] = TypeAdapter(ExternalId)


def new_event(row: EventRow, account: str, source: str, entropy: bytes, now: datetime) -> Event:
    """The event that ``row`` describes, under an id made of 16 random bytes. It may be over."""
    shape = EventIn.model_validate({**row.fields, "status": row.status})
    when = read_when(start=shape.start, end=shape.end, duration=shape.duration, time_zone=shape.time_zone)
    return Event(
        event_id=keys.random_id(entropy),
        account=account,
        version=1,
        when=when,
        rule=series.rule(shape.recurrence, when) if shape.recurrence else None,
        source=source,
        created_at=now,
        updated_at=now,
        **content(shape) | {"external_id": own_id(row.external_id)},
    )


def changed_event(event: Event, row: EventRow, rows: EventRows, now: datetime) -> Event:
    """``event`` as its ``row`` describes it now: what is mapped and absent from the row gets its default value.

    What has no attribute of the site stays as it is, and so do changes to single dates. A cancelled one is reopened.
    """
    before = edits.reopen(event) if event.status is EventStatus.CANCELLED else event
    mapped = {name.partition(".")[0] for name in rows.fields}
    if "duration" in row.fields:
        mapped = mapped - {"end"} | {"duration"}
    patch = {name: row.fields.get(name) for name in mapped} | {"status": row.status}
    after, _ = patched(before, EventPatch.model_validate(patch))
    must_end_later(after, now, event)
    return after


def own_id(external_id: str) -> str:
    """The row's key as the ``external_id`` of the API; of a key that cannot be one, a hash."""
    try:
        return _EXTERNAL_ID.validate_python(external_id)
    except ValidationError:
        return digest(external_id)


def cancelled_event(event: Event, reason: str) -> Event:
    return replace(event, status=EventStatus.CANCELLED, reason=CancelIn.model_validate({"reason": reason}).reason)


def new_registration(
    row: RegistrationRow, event: Event, source: str, entropy: bytes, now: datetime, sender: str
) -> Registration:
    """The registration for ``event`` that ``row`` describes. ``sender`` is the address that invitations come from."""
    shape = _shape(row, event, sender)
    must_have_room(event, shape.guests)
    return Registration(
        event_id=event.event_id,
        registration_id=keys.registration_id(now, entropy),
        version=1,
        status=RegistrationStatus.REGISTERED,
        name=shape.name,
        email=shape.email,
        language=shape.language or "",
        occurrences=chosen(event, shape.occurrences, now),
        named=len(event.earlier),
        guests=shape.guests,
        responses=responding.merged(_optional(event), (), _responses(event, shape.responses)),
        external_id=own_id(row.external_id),
        source=source,
        created_at=now,
        updated_at=now,
    )


def registration_changes(
    row: RegistrationRow, mapped: Collection[str], event: Event, person: Registration, now: datetime, sender: str
) -> dict[str, Any]:
    """The attributes of ``person`` that ``row`` says, as ``registry.change_registration`` takes them.

    ``mapped`` are the fields that have an attribute of the site. Dates that the person
    has chosen before may be over or cancelled meanwhile.
    """
    shape = _shape(row, event, sender)
    changes: dict[str, Any] = {"name": shape.name, "email": shape.email, "language": shape.language or ""}
    # What has no attribute of the site is for the person to say, on their page.
    if "guests" in mapped:
        changes["guests"] = shape.guests
        if shape.guests > person.guests:
            must_have_room(event, shape.guests)
    if asked := [name.partition(".")[2] for name in mapped if name.startswith("responses.")]:
        given = dict.fromkeys(asked) | shape.responses
        changes["responses"] = responding.merged(_optional(event), person.responses, _responses(event, given))
    had = tuple(name.isoformat() for name in person.occurrences or ()) if person.named == len(event.earlier) else ()
    if shape.occurrences is None:
        return changes | {"occurrences": None, "named": len(event.earlier)}
    names: set[LocalTime] = {codec.local_time(name) for name in set(shape.occurrences) & set(had)}
    if fresh := [name for name in shape.occurrences if name not in had]:
        names |= set(chosen(event, fresh, now) or ())
    if not names:
        raise InvalidField("occurrences", "must not be empty")
    return changes | {
        "occurrences": tuple(sorted(names, key=lambda name: name.isoformat())),
        "named": len(event.earlier),
    }


def _responses(event: Event, given: Mapping[str, str | None]) -> dict[str, str | None]:
    """Those to questions of this event: a site has the same attributes for all of its events."""
    known = {question.question_id for question in event.questions}
    return {name: text for name, text in given.items() if name in known}


def _optional(event: Event) -> list[Question]:
    """The event's questions, none of them required: who stands in the site's table is registered there already."""
    return [replace(question, required=False) for question in event.questions]


def _shape(row: RegistrationRow, event: Event, sender: str) -> RegistrationIn:
    fields = dict(row.fields)
    if event.when.time_zone and "occurrences" in fields:
        fields["occurrences"] = [local_time("occurrences", one, event.when.time_zone) for one in fields["occurrences"]]
    shape = RegistrationIn.model_validate(fields)
    if folded(shape.email) == folded(sender):
        raise InvalidField("email", "is the address that invitations are sent from")
    return shape


def filled(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the fields that a row has, in dotted form, sorted."""
    return tuple(sorted(_names("", fields)))


def _names(prefix: str, fields: Mapping[str, Any]) -> Iterable[str]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _names(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}"
