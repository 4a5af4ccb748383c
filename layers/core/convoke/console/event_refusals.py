"""What is wrong with the form of an event, as whole sentences at its fields; and what it says otherwise than the event
by now. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..languages import Texts
from ..languages import gettext_noop as noop
from ..pages.forms import Errors, Form
from .event_fields import LINES, OTHER_LINES, REQUIRED, TICKS, Read, shown

LABELS = {
    "title": noop("Title"),
    "description": noop("Description"),
    "start": noop("Start"),
    "end": noop("End"),
    "time_zone": noop("Time zone"),
    "recurrence": noop("Repetition"),
    "location": noop("Place"),
    "url": noop("Link"),
    "conference": noop("Link to join"),
    "organizer": noop("Organizer"),
    "reminders": noop("Reminders"),
    "capacity": noop("Seats"),
    "guests": noop("Guests"),
    "language": noop("Language"),
    "questions": noop("Questions"),
    "notify_after": noop("Waiting for further changes"),
    "notify": noop("Telling nobody"),
    "status": noop("Status"),
}
"""What a sentence about what is wrong calls the API's fields."""
NOT_THERE = ("is required", "must not be empty")
PLAINLY = {
    ("end", "must be after start"): (
        "",
        noop("It ends before it begins. If it ends on a later day, enter that day in “Ends on another day”."),
    ),
    ("end", "is in the past"): ("start_date", noop("It would be over already. Enter a day that is still to come.")),
    ("recurrence", "must yield dates: there is none"): (
        "",
        noop("It repeats on no day at all. Look at the last day, and at the days of the week."),
    ),
    ("recurrence", "must not be on day"): (
        "",
        noop("Some months do not have this day. Choose the last day of the month, or begin on a day up to the 28th."),
    ),
    ("organizer.email", "must be a mail address"): (
        "",
        noop("Enter the address of whoever answers for the event, such as ada@example.org."),
    ),
    ("time_zone", "must be the IANA name"): (
        "",
        noop("Enter the time zone by its continent and city, such as Europe/Berlin."),
    ),
    ("notify", "must not be none where"): (
        "",
        noop("Another time, place or status is always told. Take the tick away, or leave these as they were."),
    ),
}
"""By a field of the API and the beginning of what is wrong with it: another field of the form, if it belongs there, and
the sentence.
"""


def sentences(errors: Errors, form: Form, said: Read, texts: Texts) -> Errors:
    """The API's errors, at the fields of the form and as whole sentences."""
    made = (_sentence(name, message, form, said, texts) for name, message in errors)
    return tuple(dict.fromkeys(made))


def _sentence(name: str, message: str, form: Form, said: Read, texts: Texts) -> tuple[str, str]:
    _ = texts.gettext
    top = name.partition(".")[0]
    if top not in LABELS:
        label = _("%(field)s: %(message)s.", field=name, message=message)
        return ("", message) if not name else (name if name in TICKS else "", label)
    if name in REQUIRED and message.startswith(NOT_THERE):
        return _field(name, form, said), _(REQUIRED[name])
    for (field, beginning), (elsewhere, sentence) in PLAINLY.items():
        if name == field and message.startswith(beginning):
            return elsewhere or _field(name, form, said), _(sentence)
    return _field(name, form, said), _("%(field)s: %(message)s.", field=_(LABELS[top]), message=message)


def _field(name: str, form: Form, said: Read) -> str:
    """The field of the form that the API's field ``name`` (a dotted path) is in."""
    top, *inner = name.split(".")
    match top:
        case "start" | "end":
            whole_days = "yes" in form.every("all_day")
            at_the_day = whole_days or (top == "end" and bool(form.text("end_date")))
            return f"{top}_date" if at_the_day or top == "start" else f"{top}_time"
        case "recurrence":
            return "rule" if form.text("repeats") == "own" else "repeats"
        case "conference" | "organizer":
            return f"{top}_{inner[0]}" if inner else ("conference_uri" if top == "conference" else "organizer_email")
        case "questions":
            number = int(inner[0]) if inner and inner[0].isdigit() else 0
            row = said.asked[number] if number < len(said.asked) else 1
            return f"question-{row}-{'choices' if 'choices' in inner else 'text'}"
        case "notify":
            return "quiet"
        case _:
            return top


def differing(event: Mapping[str, Any], form: Form, texts: Texts) -> Errors:
    """The lines of the form that say something else than ``event`` has now, each with what that is."""
    found, now = [], shown(event)
    for field in (*LINES, "start_date", "start_time", "end_time", "end_date", "time_zone", *OTHER_LINES):
        label = LABELS.get(field) or LABELS[field.partition("_")[0]]
        text = now.text(field)
        if text == form.text(field):
            continue
        said = (
            texts.gettext("%(field)s: at present it is “%(now)s”.", field=texts.gettext(label), now=text)
            if text
            else texts.gettext("%(field)s: at present it is empty.", field=texts.gettext(label))
        )
        found.append((field, said))
    return tuple(found)
