"""The fields of a form for a date's start and end, and the texts that the API has for them.

Of a timed date: ``start``, its day, and ``start_time``; ``end``, the time of day at which it ends, and ``end_day``,
which may be empty: then it ends on the day on which it begins, or, where the time of day is not later, on the next one.
Of whole days: ``start`` and ``end``, the first and the last day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from ..languages import Texts
from ..model import When
from ..pages.forms import Errors, Form

FIELDS = ("start", "start_time", "end", "end_day")


def fields_of(when: When) -> Mapping[str, str]:
    """What a form shows of ``when``."""
    start, end = when.start, when.end
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        return {"start": start.isoformat(), "start_time": "", "end": end.isoformat(), "end_day": ""}
    usual = _day_of_end(start, end.time()) == end.date()
    return {
        "start": start.date().isoformat(),
        "start_time": clock_of(start.time()),
        "end": clock_of(end.time()),
        "end_day": "" if usual else end.date().isoformat(),
    }


def read(form: Form, texts: Texts, *, all_day: bool) -> tuple[str, str, Errors]:
    """Start and end for the API, in ISO 8601, and which fields are missing. What is no day or no time is left for the
    API to refuse.
    """
    start, clock, end, last = map(form.text, FIELDS)
    _ = texts.gettext
    needed = {"start": _("Say on which day."), "start_time": _("Say when it begins."), "end": _("Say when it ends.")}
    if all_day:
        needed = {"start": _("Say on which day it begins."), "end": _("Say which day is its last.")}
    missing = tuple((name, message) for name, message in needed.items() if not form.text(name))
    if all_day:
        return start, end, missing
    return f"{start}T{clock}", f"{last or _guessed(start, clock, end)}T{end}", missing


def differs(text: str, current: datetime | date) -> bool:
    """Whether a text for the API, perhaps one that is no time at all, says another time than ``current``."""
    try:
        said = datetime.fromisoformat(text) if isinstance(current, datetime) else date.fromisoformat(text)
    except ValueError:
        return True
    return said != current.replace(fold=0) if isinstance(current, datetime) else said != current


def _guessed(start: str, clock: str, end: str) -> str:
    try:
        # A time with an offset from UTC can be compared with none without; the API refuses it.
        ends = time.fromisoformat(end).replace(tzinfo=None)
        return _day_of_end(datetime.fromisoformat(f"{start}T{clock}"), ends).isoformat()
    except (ValueError, OverflowError):
        return start


def _day_of_end(start: datetime, end: time) -> date:
    return start.date() + timedelta(days=end <= start.time())


def clock_of(at: time) -> str:
    """A time of day as a field of a form has it: ``18:30``, with its seconds only where it has some."""
    return at.isoformat("seconds" if at.second else "minutes")
