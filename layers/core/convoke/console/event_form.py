"""The form of an event: a new one, one like another, and changes of one."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from ..languages import LANGUAGES, Texts
from ..pages import site
from ..pages.forms import Errors, Form
from ..schedule.rrule import WEEKDAYS
from ..store.accounts import Scope
from ..web.walltimes import zones
from . import event_fields, event_refusals, previewing
from .event_fields import Read
from .refusals import STALE
from .visit import Visit, page

NEW = "/console/new"
EVENT = "/events/{event_id}"
WAITS = (0, 60, 300, 900)
"""Seconds that can be chosen for ``notify_after``."""


# --- a new event --------------------------------------------------------------------------------------------------


@page("GET", NEW)
def show_new(visit: Visit) -> site.Answer:
    _require_may_create(visit)
    like = visit.request.query.get("from", "")
    if like:
        return _form(visit, event_fields.copied(visit.event(like)))
    latest = visit.api.events(limit=1, order="-start")["items"]
    return _form(visit, event_fields.blank(latest[0] if latest else None))


@page("POST", NEW)
def create(visit: Visit) -> site.Answer:
    _require_may_create(visit)
    form = visit.form
    if visit.objections:
        return _form(visit, form, visit.objections)
    if form.text("step") == "question":
        return _form(visit, event_fields.one_more_question(form))
    said = _said(visit, form, "draft")
    if said.errors:
        return _form(visit, form, said.errors)
    return visit.do(
        "POST",
        "/events",
        body=said.body,
        again=lambda errors: _form(visit, form, event_refusals.sentences(errors, form, said, visit.request.texts)),
        then=lambda made: f"/console/events/{made['event_id']}",
        done="drafted" if said.body["status"] == "draft" else "created",
    )


def _require_may_create(visit: Visit) -> None:
    """Raise ``site.Refused`` (404) for whoever acts for single events only."""
    if not visit.session.account:
        raise site.missing(visit.request)


# --- changes ------------------------------------------------------------------------------------------------------


@page("GET", "/console/events/{event_id}/edit")
def show_edit(visit: Visit, event_id: str) -> site.Answer:
    event = _changeable(visit, event_id)
    return _form(visit, event_fields.shown(event), event=event)


@page("POST", "/console/events/{event_id}/edit")
def change(visit: Visit, event_id: str) -> site.Answer:
    # What cannot be changed any more is refused by the API, so that the form comes back as it was typed.
    event, form = visit.event(event_id), visit.form
    if visit.objections:
        return _form(visit, form, visit.objections, event)
    if form.text("step") == "question":
        return _form(visit, event_fields.one_more_question(form), event=event)
    said = _said(visit, form, event["status"])
    if said.errors:
        return _form(visit, form, said.errors, event)
    patch = event_fields.changes(event, form, said)
    then = f"/console/events/{event_id}"
    if not patch and form.text("step") != "edit":
        return visit.go(then, previewing.DONE.get(form.text("step"), "unchanged"))
    if "yes" in form.every("quiet"):
        patch["notify"] = "none"

    def again(errors: Errors) -> site.Answer:
        texts = visit.request.texts
        if errors != (("", texts.gettext(STALE)),):
            return _form(visit, form, event_refusals.sentences(errors, form, said, texts), event)
        present = visit.event(event_id)
        return _form(visit, form, (*errors, *event_refusals.differing(present, form, texts)), present)

    _ = visit.request.texts.gettext
    publishes = event["status"] == "draft" and said.body["status"] != "draft"
    return previewing.settle(
        visit,
        event,
        previewing.Change(
            method="PATCH",
            path=EVENT,
            at={"event_id": event_id},
            body=patch,
            previewed=patch,
            # 0, which no event has, where the form does not say one.
            version=previewing.version_of(visit) or 0,
            title=_("Publish %(title)s", title=event["title"])
            if publishes
            else _("Change %(title)s", title=event["title"]),
            send=_("Publish and send") if publishes else _("Save and send"),
        ),
        again=again,
        then=then,
    )


def _changeable(visit: Visit, event_id: str) -> Any:
    """The event. Raises ``site.Refused`` for one that cannot be changed here: 404, 409."""
    event = visit.event(event_id)
    _ = visit.request.texts.gettext
    texts = {
        "source": _("It follows a row of your own tables. Change it there: the event follows."),
        "cancelled": _("It is cancelled. Let it take place again first, or copy it."),
    }
    why = "source" if event["source"] else event["status"]
    if why in texts:
        ways = [(_("Back to the event"), f"/console/events/{event_id}")]
        title = _("This event cannot be changed here")
        raise site.Refused(HTTPStatus.CONFLICT, title, texts[why], ways=ways, texts=visit.request.texts)
    return event


# --- both ---------------------------------------------------------------------------------------------------------


def _said(visit: Visit, form: Form, status: str) -> Read:
    """What the form says of an event with this ``status``. A draft is published by one of its buttons alone."""
    wanted = "tentative" if "yes" in form.every("tentative") else "confirmed"
    is_draft = status == "draft" and form.text("save") != "publish"
    return event_fields.read(form, "draft" if is_draft else wanted, visit.request.texts)


def _form(visit: Visit, form: Form, errors: Errors = (), event: Mapping[str, Any] | None = None) -> site.Answer:
    """The form as it was filled in, for a new event or a change of ``event``, with what is wrong."""
    texts = visit.request.texts
    return visit.show(
        "event_form.html",
        event=event,
        path=f"/console/events/{event['event_id']}/edit" if event else NEW,
        is_draft=event is None or event["status"] == "draft",
        form=form,
        errors=errors,
        rows=event_fields.rows(form),
        most_questions=event_fields.MOST_QUESTIONS,
        zones=sorted(zones()),
        options=_options(form, texts),
        manages=Scope.MANAGE in visit.session.scopes,
    )


def _options(form: Form, texts: Texts) -> dict[str, list[tuple[str, str]]]:
    """What can be chosen in each field that drops down or is ticked."""
    _ = texts.gettext
    names = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
    return {
        "repeats": [
            ("none", _("Does not repeat")),
            ("daily", _("By days")),
            ("weekly", _("By weeks")),
            ("monthly", _("By months")),
            ("yearly", _("By years")),
            ("own", _("By a rule of your own")),
        ],
        "weekdays": list(zip(WEEKDAYS, names, strict=True)),
        "on": [
            ("day", _("The same day of the month as the start, such as the 12th")),
            ("weekday", _("The same weekday of the month as the start, such as the second Friday")),
            ("last_weekday", _("The last such weekday of the month, such as the last Friday")),
            ("last_day", _("The last day of the month")),
        ],
        "ends": [("count", _("After a number of dates")), ("until", _("On a day"))],
        "reminders": event_fields.reminder_options(form.every("reminders"), texts),
        "guests": [(str(number), str(number)) for number in range(11)],
        "kind": [("text", _("A text")), ("choice", _("One of several")), ("yes-no", _("Yes or no"))],
        "language": [
            ("", _("English, where somebody has not chosen another")),
            *_also(LANGUAGES.items(), form.text("language")),
        ],
        "notify_after": [
            ("", _("As in the settings of the account")),
            *_also(((str(each), _waits(each, texts)) for each in WAITS), form.text("notify_after")),
        ],
    }


def _also(options: Any, chosen: str) -> list[tuple[str, str]]:
    """``options``, and what is chosen, where it is none of them."""
    found = list(options)
    return found if not chosen or chosen in dict(found) else [*found, (chosen, chosen)]


def _waits(seconds: int, texts: Texts) -> str:
    if not seconds:
        return texts.gettext("Tell people at once")
    minutes = seconds // 60
    return texts.ngettext("Wait a minute", "Wait %(num)s minutes", minutes, num=minutes)
