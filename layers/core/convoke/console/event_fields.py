"""An event as the fields of a form, and the other way: pure.

A field has the name that it has in the API, with ``_`` for a dot (``organizer_email``). Where the form has several for
one of the API's, these are ``start_date`` and ``start_time``, ``end_date`` (empty: the day of the start) and
``end_time``, those of :mod:`repeating`, and ``question-1-text``, ``-kind``, ``-choices`` (a line each), ``-required``
and ``-id`` of each of the ``questions`` that it has rows for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from .. import languages
from ..languages import Texts, gettext_noop
from ..model import Duration, When, frozen
from ..pages.forms import Errors, Form
from ..schedule.recurrence import day_of
from . import repeating
from .date_times import clock_of
from .repeating import Fields
from .words import when_of

LINES = ("title", "description", "location", "url")
OTHER_LINES = ("conference_uri", "conference_label", "organizer_name", "organizer_email", "capacity")
TICKS = ("release_on_decline", "public", "confirm_address", "approval")
MOST_QUESTIONS = 10
REQUIRED = {
    "title": gettext_noop("Enter a title."),
    "organizer.name": gettext_noop("Enter the name of whoever answers for the event."),
    "organizer.email": gettext_noop("Enter the address of whoever answers for the event."),
    "time_zone": gettext_noop("Enter the time zone, such as Europe/Berlin."),
}


# --- from an event to the form ------------------------------------------------------------------------------------


def shown(event: Mapping[str, Any]) -> Form:
    """The form of an event, as it is answered by the API."""
    when, conference = when_of(event), event["conference"] or {}
    fields: Fields = {name: (event[name],) for name in LINES}
    fields |= {name: ("yes",) for name in TICKS if event.get(name)}
    fields |= _moments(when) | repeating.fields_of(event["recurrence"], when)
    fields |= {
        "time_zone": (event["time_zone"] or "",),
        "conference_uri": (conference.get("uri", ""),),
        "conference_label": (conference.get("label", ""),),
        "organizer_name": (event["organizer"]["name"],),
        "organizer_email": (event["organizer"]["email"],),
        "reminders": tuple(event["reminders"]),
        "capacity": ("" if event["capacity"] is None else str(event["capacity"]),),
        "guests": (str(event["guests"]),),
        "language": (event["language"] or "",),
        "notify_after": ("" if event["notify_after"] is None else str(event["notify_after"]),),
        "version": (str(event["version"]),),
    }
    if event["status"] == "tentative":
        fields["tentative"] = ("yes",)
    return Form(fields=fields | _questions_shown(event["questions"]))


def _moments(when: When) -> Fields:
    first, last = day_of(when.start), day_of(when.end)
    fields: Fields = {"start_date": (first.isoformat(),), "end_date": (last.isoformat() if last != first else "",)}
    if not isinstance(when.start, datetime) or not isinstance(when.end, datetime):
        return fields | {"all_day": ("yes",)}
    return fields | {"start_time": (clock_of(when.start.time()),), "end_time": (clock_of(when.end.time()),)}


def _questions_shown(questions: list[dict[str, Any]]) -> Fields:
    fields: Fields = {"questions": (str(len(questions)),)}
    for number, question in enumerate(questions, 1):
        row = f"question-{number}"
        fields |= {
            f"{row}-text": (question["text"],),
            f"{row}-kind": (question["kind"],),
            f"{row}-choices": ("\n".join(question["choices"]),),
            f"{row}-id": (question["question_id"],),
        }
        if question["required"]:
            fields[f"{row}-required"] = ("yes",)
    return fields


def copied(event: Mapping[str, Any]) -> Form:
    """The form of a new event like ``event``: without its date, and without what only one event can have."""
    without = {"start_date", "end_date", "until", "version"}
    return Form(fields={name: values for name, values in shown(event).fields.items() if name not in without})


def blank(latest: Mapping[str, Any] | None) -> Form:
    """The form of a new event, with zone, organizer and language as in the ``latest`` one of the account."""
    fields: Fields = {"confirm_address": ("yes",), "guests": ("0",), "interval": ("1",), "questions": ("0",)}
    if latest is not None:
        kept = ("time_zone", "organizer_name", "organizer_email", "language")
        fields |= {name: shown(latest).every(name) for name in kept}
    return Form(fields=fields)


# --- from the form to an event ------------------------------------------------------------------------------------


def rows(form: Form) -> range:
    """The numbers of the form's rows of questions."""
    text = form.text("questions")
    number = int(text) if re.fullmatch("[0-9]{1,2}", text) else 0
    return range(1, min(number, MOST_QUESTIONS) + 1)


def one_more_question(form: Form) -> Form:
    return Form(fields={**form.fields, "questions": (str(min(len(rows(form)) + 1, MOST_QUESTIONS)),)})


@frozen
class Read:
    """What a form says: the API's fields of an event, and what is wrong with the form before the API is asked.
    ``asked`` are the rows of the questions that the API gets, in their order.
    """

    body: dict[str, Any]
    errors: Errors
    asked: tuple[int, ...]


def read(form: Form, status: str, texts: Texts) -> Read:
    """What the form says; ``status`` is draft, or what the event is to be."""
    start, end, errors = _start_and_end(form, texts)
    first = repeating.day_of(form.text("start_date"))
    rule, wrong = repeating.rule_of(form, first, texts) if first is not None else (None, ())
    asked = tuple(row for row in rows(form) if _question(form, row) is not None)
    uri, label = form.text("conference_uri"), form.text("conference_label")
    body: dict[str, Any] = {name: form.text(name) for name in LINES}
    body |= {name: "yes" in form.every(name) for name in TICKS}
    body |= {
        "status": status,
        "start": start,
        "end": end,
        "time_zone": form.text("time_zone") or None,
        "recurrence": rule,
        "conference": {"uri": uri, "label": label} if uri or label else None,
        "organizer": {"name": form.text("organizer_name"), "email": form.text("organizer_email")},
        "reminders": sorted(filter(None, form.every("reminders")), key=_length),
        "capacity": number(form.text("capacity")),
        "guests": number(form.text("guests")) or 0,
        "language": form.text("language") or None,
        "questions": [_question(form, row) for row in asked],
        "notify_after": number(form.text("notify_after")),
    }
    wrong = (*errors, *wrong)
    return Read(body=body, errors=(*_missing(form, texts), *wrong) if wrong else (), asked=asked)


def _missing(form: Form, texts: Texts) -> Errors:
    """What has to be typed and was not, to be said together with what else is wrong before the API is asked."""
    needed = [name for name in REQUIRED if name != "time_zone" or "yes" not in form.every("all_day")]
    fields = [(name.replace(".", "_"), REQUIRED[name]) for name in needed]
    return tuple((field, texts.gettext(said)) for field, said in fields if not form.text(field).strip())


def _length(reminder: str) -> timedelta:
    try:
        return Duration.parse(reminder).nominal
    except (ValueError, OverflowError):
        return timedelta.max  # the API says what is wrong with it


def number(text: str) -> int | str | None:
    """A whole number, or what was typed in its place, which the API refuses; ``None`` where nothing was."""
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else text or None


def _start_and_end(form: Form, texts: Texts) -> tuple[str, str, Errors]:
    """Start and end in the API's spelling, and what is missing."""
    _ = texts.gettext
    errors: list[tuple[str, str]] = []
    first = repeating.day_of(form.text("start_date"))
    last = repeating.day_of(form.text("end_date")) if form.text("end_date") else first
    if first is None:
        errors.append(("start_date", _("Enter the day on which it begins, such as 2027-03-12.")))
    if last is None and first is not None:
        errors.append(("end_date", _("Enter the day on which it ends, such as 2027-03-12, or nothing.")))
    if "yes" in form.every("all_day"):
        return _moment(first), _moment(last), tuple(errors)
    begins, ends = _time(form.text("start_time")), _time(form.text("end_time"))
    if begins is None:
        errors.append(("start_time", _("Enter the time at which it begins, such as 18:30.")))
    if ends is None:
        errors.append(("end_time", _("Enter the time at which it ends, such as 20:00.")))
    return _moment(first, begins), _moment(last, ends), tuple(errors)


def _moment(day: date | None, at: time | None = None) -> str:
    if day is None:
        return ""
    return day.isoformat() if at is None else datetime.combine(day, at).isoformat()


def _time(text: str) -> time | None:
    found = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?", text, re.ASCII)
    hour, minute, second = (int(part or 0) for part in found.groups()) if found else (24, 0, 0)
    return time(hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None


def _question(form: Form, row: int) -> dict[str, Any] | None:
    """A row of the form as a question of the API; ``None`` for one that nothing was typed in."""
    name = f"question-{row}"
    text, choices = form.text(f"{name}-text"), form.text(f"{name}-choices")
    if not text and not choices:
        return None
    question: dict[str, Any] = {
        "text": text,
        "kind": form.text(f"{name}-kind") or "text",
        "choices": [line.strip() for line in choices.splitlines() if line.strip()],
        "required": "yes" in form.every(f"{name}-required"),
    }
    return question | ({"question_id": form.text(f"{name}-id")} if form.text(f"{name}-id") else {})


# --- what changes -------------------------------------------------------------------------------------------------


def changes(event: Mapping[str, Any], form: Form, said: Read) -> dict[str, Any]:
    """The merge patch (RFC 7396) by which ``event`` becomes what its form says now: only of what was typed anew, so
    that nothing else is written as the form has it.
    """
    before, patch = shown(event), {}
    again = read(before, event["status"], _ENGLISH)
    for name, value in said.body.items():
        if name not in ("start", "end", "recurrence") and value != again.body[name]:
            patch[name] = value
    if any(said.body[name] != again.body[name] for name in ("start", "end")):
        patch |= {name: said.body[name] for name in ("start", "end")}
    if repeating.relevant(form) != repeating.relevant(before):
        patch["recurrence"] = said.body["recurrence"]
    return patch


_ENGLISH = languages.texts_in("en")


def reminder_options(chosen: tuple[str, ...], texts: Texts) -> list[tuple[str, str]]:
    """The reminders that can be ticked, the usual ones and those that are chosen, each in words."""
    usual = ("PT0S", "PT10M", "PT30M", "PT1H", "PT2H", "P1D", "P2D", "P7D")
    known = {str(Duration.parse(each)): each for each in usual}
    for each in chosen:
        try:
            known.setdefault(str(Duration.parse(each)), each)
        except ValueError:
            continue
    lengths = sorted(map(Duration.parse, known), key=lambda length: length.nominal)
    return [(str(length), _how_long_before(length, texts)) for length in lengths]


def _how_long_before(length: Duration, texts: Texts) -> str:
    minutes, seconds = divmod(length.seconds, 60)
    if not length.days and not length.seconds:
        return texts.gettext("When it begins")
    if length.days and not length.seconds:
        return texts.ngettext("%(num)s day before", "%(num)s days before", length.days, num=length.days)
    if not length.days and not seconds:
        if minutes % 60 == 0:
            hours = minutes // 60
            return texts.ngettext("%(num)s hour before", "%(num)s hours before", hours, num=hours)
        return texts.ngettext("%(num)s minute before", "%(num)s minutes before", minutes, num=minutes)
    return texts.gettext("%(length)s before", length=str(length))
