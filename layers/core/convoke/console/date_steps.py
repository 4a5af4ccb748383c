"""What is done to one date of an event: change it, cancel it, restore it; and a date that is added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..languages import Texts
from ..languages import gettext_noop as noop
from ..pages import site
from ..pages.forms import Errors
from . import date_times, event_refusals
from .dates import PATH, Date, Series, page_of_date, page_of_series
from .previewing import DONE, Change, settle, version_of
from .visit import Again, Visit

DATE = f"{PATH}/{{start}}"
TEXTS = ("title", "location", "description")
LABELS = {**event_refusals.LABELS, "reason": noop("Reason"), "from": noop("First date")}
"""What a sentence about what is wrong calls the API's fields."""


@page_of_date("GET", "")
def show(visit: Visit, series: Series, one: Date) -> site.Answer:
    typed = {**date_times.fields_of(one.when), **{name: getattr(one, name) for name in TEXTS}}
    return _shown(visit, "date.html", series, one, typed)


@page_of_date("POST", "")
def change(visit: Visit, series: Series, one: Date) -> site.Answer:
    start, end, missing = date_times.read(visit.form, visit.request.texts, all_day=one.when.all_day)
    if missing and not visit.objections:
        return _again(visit, "date.html", series, one)(missing)
    moves = date_times.differs(start, one.when.start) or date_times.differs(end, one.when.end)
    body: dict[str, Any] = {"start": start, "end": end} if moves else {}
    body |= {name: visit.form.text(name) for name in TEXTS if visit.form.text(name) != getattr(one, name).strip()}
    if not body and visit.form.text("step") in DONE and not visit.objections:
        return visit.go(series.path_of(one), DONE[visit.form.text("step")])
    _, day = visit.request.texts.gettext, one.day(visit.request.texts)
    return _settled(
        visit,
        "date.html",
        series,
        one,
        "PATCH",
        DATE,
        body,
        previewed=body,
        title=_("Move %(day)s", day=day) if moves else _("Change %(day)s", day=day),
        send=_("Change it, and send"),
    )


@page_of_date("GET", "/cancel")
def ask_to_cancel(visit: Visit, series: Series, one: Date) -> site.Answer:
    return _shown(visit, "date_cancel.html", series, one, {"reason": ""})


@page_of_date("POST", "/cancel")
def cancel(visit: Visit, series: Series, one: Date) -> site.Answer:
    _, reason = visit.request.texts.gettext, {"reason": visit.form.text("reason")}
    return _settled(
        visit,
        "date_cancel.html",
        series,
        one,
        "POST",
        f"{DATE}/cancel",
        reason,
        previewed={"cancel": True, **reason},
        title=_("Cancel %(day)s", day=one.day(visit.request.texts)),
        send=_("Cancel this date, and send"),
    )


@page_of_date("GET", "/restore")
def ask_to_restore(visit: Visit, series: Series, one: Date) -> site.Answer:
    return _shown(visit, "date_restore.html", series, one, {})


@page_of_date("POST", "/restore")
def restore(visit: Visit, series: Series, one: Date) -> site.Answer:
    _ = visit.request.texts.gettext
    return _settled(
        visit,
        "date_restore.html",
        series,
        one,
        "POST",
        f"{DATE}/restore",
        {},
        previewed={"restore": True},
        title=_("Restore %(day)s", day=one.day(visit.request.texts)),
        send=_("Restore it, and send"),
    )


@page_of_series("GET", "/add")
def ask_to_add(visit: Visit, series: Series) -> site.Answer:
    usual = date_times.fields_of(series.when)
    last = "" if series.when.all_day else usual["end_day"]
    typed = {**usual, "start": "", "end_day": "", "end": "" if series.when.all_day or last else usual["end"]}
    return _shown(visit, "date_add.html", series, None, typed)


@page_of_series("POST", "/add")
def add(visit: Visit, series: Series) -> site.Answer:
    start, end, missing = date_times.read(visit.form, visit.request.texts, all_day=series.when.all_day)
    if missing and not visit.objections:
        return _again(visit, "date_add.html", series, None)(missing)
    _, body = visit.request.texts.gettext, {"start": start, "end": end}
    return _settled(
        visit,
        "date_add.html",
        series,
        None,
        "POST",
        PATH,
        body,
        previewed={"add": body},
        title=_("Add a date"),
        send=_("Add it, and send"),
    )


def outdated(visit: Visit, series: Series, errors: Errors) -> bool:
    """Whether the event was changed since the form was made that is shown again, and no error of the whole form says
    so.
    """
    is_older = visit.request.method == "POST" and version_of(visit) != series.event["version"]
    return is_older and all(field for field, _ in errors)


def _settled(
    visit: Visit,
    template: str,
    series: Series,
    one: Date | None,
    method: str,
    path: str,
    body: Mapping[str, Any],
    *,
    previewed: Mapping[str, Any],
    **said: str,
) -> site.Answer:
    """Settle a change of the date ``one``, or of the series; ``previewed`` is without the date's name."""
    at = {"event_id": series.event["event_id"]}
    if one is not None:
        original = one.original.isoformat()
        at["start"], previewed = original, {"occurrence": original, **previewed}
    change = Change(method=method, path=path, at=at, body=body, previewed=previewed, version=version_of(visit), **said)
    then = series.path if one is None else series.path_of(one)
    return settle(visit, series.event, change, again=_again(visit, template, series, one), then=then)


def _again(visit: Visit, template: str, series: Series, one: Date | None) -> Again:
    """The form once more, as it was filled in, with what is wrong."""

    def again(errors: Errors) -> site.Answer:
        names = (*date_times.FIELDS, *TEXTS, "reason")
        typed = {name: visit.form.text(name) for name in names}
        return _shown(visit, template, series, one, typed, sentences(visit.request.texts, errors))

    return again


def sentences(texts: Texts, errors: Errors) -> Errors:
    """The errors at the fields of a form, those of the API as sentences. What is about a field that the form does not
    have is about the form.
    """
    return tuple(_sentence(texts, field, message) for field, message in errors)


def _sentence(texts: Texts, field: str, message: str) -> tuple[str, str]:
    if not field or not message[:1].islower():
        return field, message
    label = texts.gettext(LABELS[field]) if field in LABELS else field
    at_a_field = field in LABELS and field != "from"
    return field if at_a_field else "", texts.gettext("%(field)s: %(message)s.", field=label, message=message)


def _shown(
    visit: Visit, template: str, series: Series, one: Date | None, typed: Mapping[str, str], errors: Errors = ()
) -> site.Answer:
    others = sum(each.status == "confirmed" for each in series.dates if each is not one)
    return visit.show(
        template,
        series=series,
        event=series.event,
        one=one,
        path=f"{series.path}/add" if one is None else series.path_of(one),
        typed=typed,
        errors=errors,
        outdated=outdated(visit, series, errors),
        others=others,
        crumbs=series.crumbs(visit.request.texts, None if template == "date.html" else one),
    )
