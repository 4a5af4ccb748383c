"""A date of a series and all that follow, changed together: they become an event of their own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ..languages import gettext_noop as noop
from ..model import Schedule, When
from ..pages import site
from ..pages.forms import Errors
from ..schedule import series as schedule
from ..schedule.recurrence import day_of
from ..schedule.rrule import WEEKDAYS
from . import date_times
from .date_steps import TEXTS, outdated, sentences
from .dates import Date, Series, page_of_date
from .previewing import Change, settle, version_of
from .visit import Visit

FIELDS = (*date_times.FIELDS, *TEXTS, "recurrence", "until")
PATTERNS = (
    ("", noop("As before")),
    ("daily", noop("Every day")),
    ("weekly", noop("Every week")),
    ("fortnightly", noop("Every two weeks")),
    ("monthly-day", noop("Every month, on the same day of the month")),
    ("monthly-weekday", noop("Every month, on the same weekday, such as the second Friday")),
)
"""How the dates may repeat: values of the field ``recurrence``, and what they are called."""


@page_of_date("GET", "/split")
def show(visit: Visit, series: Series, one: Date) -> site.Answer:
    when, last = plain(series, one), last_day(series)
    typed = {
        **date_times.fields_of(when),
        **{name: series.event[name] for name in TEXTS},
        "recurrence": "",
        "until": last.isoformat(),
    }
    return _shown(visit, series, one, (), typed)


@page_of_date("POST", "/split")
def split(visit: Visit, series: Series, one: Date) -> site.Answer:
    typed = {name: visit.form.text(name) for name in FIELDS}

    def again(errors: Errors) -> site.Answer:
        return _shown(visit, series, one, sentences(visit.request.texts, errors), typed)

    _ = visit.request.texts.gettext
    changes, wrong = changes_of(visit, series, one)
    if not changes and not wrong:
        wrong = (("", _("Nothing is different yet. Change something for this date and all that follow.")),)
    if wrong and not visit.objections:
        return again(wrong)
    body = {"from": one.original.isoformat(), **changes}
    wanted = Change(
        method="POST",
        path="/events/{event_id}/split",
        at={"event_id": series.event["event_id"]},
        body=body,
        previewed={"split": body},
        version=version_of(visit),
        title=_("Change %(day)s and all dates that follow", day=one.day(visit.request.texts)),
        send=_("Change them, and send"),
    )
    return settle(
        visit, series.event, wanted, again=again, then=lambda made: f"/console/events/{made['event_id']}?done=split"
    )


def changes_of(visit: Visit, series: Series, one: Date) -> tuple[Mapping[str, Any], Errors]:
    """What the form changes, as fields of the API, and what is missing in it."""
    form, when, _ = visit.form, plain(series, one), visit.request.texts.gettext
    start, end, missing = date_times.read(form, visit.request.texts, all_day=when.all_day)
    moves = date_times.differs(start, when.start) or date_times.differs(end, when.end)
    changes: dict[str, Any] = {"start": start, "end": end} if moves else {}
    changes |= {name: form.text(name) for name in TEXTS if form.text(name) != series.event[name].strip()}
    pattern, until = form.text("recurrence"), form.text("until")
    if not pattern and until == last_day(series).isoformat():
        return changes, missing
    try:
        ends = date.fromisoformat(until)
        first = date.fromisoformat(form.text("start"))
    except ValueError:
        return changes, (*missing, ("until", _("Say which day is the last, such as 2027-06-30.")))
    rule = rule_of(pattern, first) if pattern else _without_end(series.event["recurrence"])
    if rule is None:
        return changes, (*missing, ("recurrence", _("Say how the dates repeat: they have no rule as yet.")))
    return {**changes, "recurrence": f"{rule};UNTIL={ends:%Y%m%d}"}, missing


def rule_of(pattern: str, first: date) -> str:
    """The RRULE of one of :data:`PATTERNS`, from ``first`` on, without its end; of an unknown one, itself, which the
    API refuses.
    """
    weekday, nth = WEEKDAYS[first.weekday()], (first.day - 1) // 7 + 1
    return {
        "daily": "FREQ=DAILY",
        "weekly": f"FREQ=WEEKLY;BYDAY={weekday}",
        "fortnightly": f"FREQ=WEEKLY;INTERVAL=2;BYDAY={weekday}",
        "monthly-day": f"FREQ=MONTHLY;BYMONTHDAY={first.day}",
        # Not every month has a fifth one: the last is meant.
        "monthly-weekday": f"FREQ=MONTHLY;BYDAY={-1 if nth == 5 else nth}{weekday}",
    }.get(pattern, pattern)


def plain(series: Series, one: Date) -> When:
    """When a date would take place if it had not been moved by itself."""
    return schedule.when_at(Schedule(when=series.when), one.original)


def last_day(series: Series) -> date:
    """The day of the last date, as the series has it."""
    return max(day_of(one.original) for one in series.dates)


def _without_end(rule: str | None) -> str | None:
    if rule is None:
        return None
    return ";".join(part for part in rule.split(";") if part.partition("=")[0] not in ("COUNT", "UNTIL"))


def _shown(visit: Visit, series: Series, one: Date, errors: Errors, typed: Mapping[str, str]) -> site.Answer:
    following = [each for each in series.dates if day_of(each.original) >= day_of(one.original)]
    return visit.show(
        "date_split.html",
        series=series,
        event=series.event,
        one=one,
        path=f"{series.path_of(one)}/split",
        typed=typed,
        errors=errors,
        outdated=outdated(visit, series, errors),
        patterns=[(value, visit.request.texts.gettext(label)) for value, label in PATTERNS],
        first=len(following) == len(series.dates),
        following=len(following),
        crumbs=series.crumbs(visit.request.texts, one),
    )
