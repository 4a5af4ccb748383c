"""What a request makes of an event or a date: the data of its model, and what a patch changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from ..decision import fingerprints
from ..model import (
    Conference,
    DateChange,
    Duration,
    Event,
    EventStatus,
    InvalidField,
    LocalTime,
    Occurrence,
    Person,
    Question,
    When,
)
from ..schedule import edits, recurrence, series, series_changes
from ..webhooks.contents import event_fields
from .requests import EventChange, EventIn, EventPatch, OccurrencePatch, QuestionIn, RegistrationIn
from .walltimes import read_moment, read_when


def content(shape: EventIn) -> dict[str, Any]:
    """The attributes of an :class:`Event` that a request sets, except its schedule."""
    schedule = {"start", "end", "duration", "time_zone", "recurrence"}
    return {
        **{name: value for name, value in shape if name not in schedule},
        "organizer": Person(**dict(shape.organizer)),
        "conference": Conference(**dict(shape.conference)) if shape.conference else None,
        "reminders": tuple(map(Duration.parse, shape.reminders)),
        "status": EventStatus(shape.status),
        "language": shape.language or "",
        "questions": questions(shape.questions),
        **own_data(shape),
    }


MOST_QUESTION_BYTES = 20_000
"""Bytes, in UTF-8, of all questions of an event with their choices: they are stored in its item."""


def questions(asked: list[QuestionIn]) -> tuple[Question, ...]:
    """The questions, in their order. Raises :class:`InvalidField` where two have the same id, or all are too long."""
    made = tuple(one.question for one in asked)
    ids = [question.question_id for question in made]
    for number, question_id in enumerate(ids):
        if question_id in ids[:number]:
            raise InvalidField(f"questions.{number}", "is the same as another one")
    if sum(len(text.encode()) for one in made for text in (one.text, *one.choices)) > MOST_QUESTION_BYTES:
        raise InvalidField("questions", f"must have at most {MOST_QUESTION_BYTES} bytes together")
    return made


def own_data(shape: EventIn | RegistrationIn) -> dict[str, Any]:
    """The caller's own data, as attributes of an event or a registration."""
    return {"external_id": shape.external_id or "", "metadata": tuple(sorted(shape.metadata.items()))}


def patched(event: Event, patch: EventChange) -> tuple[Event, tuple[LocalTime, ...]]:
    """``event`` after ``patch``, and the original starts of changed dates that its new schedule no longer has.

    Raises :class:`InvalidField` for an impossible time or rule, and pydantic's ``ValidationError`` for anything else.
    """
    given = fields_given(patch)
    current = event_fields(event)
    if "duration" in given:
        # The duration replaces the event's end.
        current |= {"end": None}
    wanted = patch.applied_to(current)
    if patch.start is not None and not given & {"end", "duration"}:
        wanted |= as_long(event.when, patch.start)
    shape = EventIn.model_validate(wanted)
    schedule = event.schedule
    if given & {"start", "end", "duration", "time_zone"}:
        when = read_when(
            start=shape.start,
            end=shape.end,
            duration=shape.duration,
            time_zone=shape.time_zone,
            current=event.when,
        )
        # A rule that is replaced in the same patch need not fit the new start.
        before = replace(schedule, rule=None) if "recurrence" in given else schedule
        schedule = series_changes.moved(before, when)
    if "recurrence" in given:
        rule = series.rule(shape.recurrence, schedule.when) if shape.recurrence else None
        schedule = replace(schedule, rule=rule, added=schedule.added if rule else ())
    after = replace(event, **content(shape), when=schedule.when, rule=schedule.rule, added=schedule.added)
    after, dropped = edits.reschedule(event, after)
    if isinstance(patch, EventPatch) and patch.notify == "none":
        after = fingerprints.kept_quiet(event, after)
    return after, dropped


def fields_given(patch: EventChange | OccurrencePatch) -> set[str]:
    """The fields of the patch; not a ``duration`` of ``null``, which resets nothing: what is stored is the end."""
    return patch.model_fields_set - ({"duration"} if patch.duration is None else set())


def as_long(when: When, start: str) -> dict[str, str | None]:
    """The fields ``end`` and ``duration`` that keep the length of ``when`` where it gets another ``start`` (ISO 8601).
    Empty where it gets a time instead of a day, or the reverse: then its end has to be given.

    Raises :class:`InvalidField`.
    """
    first = read_moment("start", start)
    if isinstance(first, datetime) is when.all_day:
        return {}
    if isinstance(first, datetime):
        return {"end": None, "duration": f"PT{int((when.ends_at - when.starts_at).total_seconds())}S"}
    return {"end": (first + (recurrence.day_of(when.end) - recurrence.day_of(when.start))).isoformat()}


def date_changed(event: Event, one: Occurrence, patch: OccurrencePatch) -> DateChange:
    """The changes of a date against its series after ``patch``; ``null`` resets a field to the series' value.

    Raises :class:`InvalidField` for an impossible time.
    """
    given = fields_given(patch)
    change = replace(
        edits.change_of(event, one.date),
        **{name: getattr(patch, name) for name in ("title", "location", "description") if name in given},
    )
    if not given & {"start", "end", "duration"}:
        return change
    plain = series.when_at(event.schedule, one.date)
    start, end = (
        getattr(patch, name) or getattr(plain if name in given else one.when, name).isoformat()
        for name in ("start", "end")
    )
    length = {"end": None if patch.duration is not None and "end" not in given else end, "duration": patch.duration}
    if not given & {"end", "duration"}:
        length |= as_long(one.when, start)
    when = read_when(start=start, **length, time_zone=event.when.time_zone, current=one.when)
    if when.all_day is not plain.all_day:
        raise InvalidField("start", "must be a date, or a time, as the start of the series is")
    return replace(change, when=when)
