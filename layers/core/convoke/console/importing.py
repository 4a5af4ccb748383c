"""Importing people from a file: what is pasted or chosen, what its columns are about, what would become of each line,
and the beginning of the import. Nobody is registered, and nobody is mailed, before that.

Between the steps the uploaded text is kept for a day at most, and read again in each.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..decision.decide import INVITATION
from ..languages import Texts
from ..languages import gettext_noop as noop
from ..model import Event
from ..pages import forms, hints, site
from ..pages.forms import Errors
from ..schedule import series
from ..store import keys
from ..store.accounts import Scope
from ..store.imports import Import
from ..web.scopes import SCOPES
from . import csv_columns, csv_reading, uploads
from .client import free_seats
from .csv_reading import Row, Unreadable
from .import_check import Checked, Outcome, check
from .refusals import SENTENCES, STALE
from .visit import Visit, page

IMPORTS = "/console/events/{event_id}/imports"
IMPORT = IMPORTS + "/{import_id}"
SHOWN_AGAIN = 200_000
"""Characters of a pasted text that are shown again where it cannot be read."""
SHOWN_LINES = 5
"""Lines that are shown where columns are matched."""
ON_A_PAGE = 50
"""Lines on one page of the dry run."""
LATEST = 10
"""How many of the latest imports are listed."""

LABELS = {
    csv_columns.NAME: noop("Name"),
    csv_columns.FIRST: noop("First name"),
    csv_columns.LAST: noop("Last name"),
    csv_columns.EMAIL: noop("Mail address"),
    csv_columns.LANGUAGE: noop("Language of their mails"),
    csv_columns.GUESTS: noop("Number of guests"),
    csv_columns.EXTERNAL_ID: noop("Your own id of the person"),
    csv_columns.STATUS: noop("Status, as exported from here"),
    csv_columns.METADATA: noop("Metadata, as exported from here"),
}
OUTCOMES = {
    Outcome.WRONG: noop("Not imported"),
    Outcome.TWICE: noop("Not imported, comes twice"),
    Outcome.LEFT_OUT: noop("Not imported, withdrew"),
    Outcome.EXISTING: noop("Is registered already"),
    Outcome.WAITS: noop("On the waitlist"),
    Outcome.NEW: noop("Is registered and invited"),
}


# --- first: the file ----------------------------------------------------------------------------------------------


@page("GET", IMPORTS)
def ask(visit: Visit, event_id: str) -> site.Answer:
    return _asked(visit, visit.event(event_id))


@page("POST", IMPORTS)
def take(visit: Visit, event_id: str) -> site.Answer:
    event = visit.event(event_id)
    upload = uploads.read(visit.request)
    pasted = upload.form.text("text")
    if errors := forms.objections(visit.request, upload.form) or _not_allowed(visit, event):
        return _asked(visit, event, pasted, errors)
    field = "file" if upload.content or not pasted else "text"
    try:
        text = csv_reading.decoded(upload.content or pasted.encode())
        rows = csv_reading.rows(text)
    except Unreadable as error:
        return _asked(visit, event, pasted, ((field, str(error)),))
    now, store = visit.request.now, visit.request.store
    known = store.reads.event(event_id)
    if known is None:
        raise site.missing(visit.request)
    guess = csv_columns.guess(rows, known.questions)
    one = Import(
        event_id=event_id,
        import_id=keys.registration_id(now, secrets.token_bytes(16)),
        account=known.account,
        by=visit.session.name,
        file=upload.name if field == "file" else "",
        created_at=now,
        lines=len(rows) - guess.head,
        head=guess.head,
        columns=guess.columns,
    )
    store.imports.create(one, text)
    return visit.go(path_of(one, "columns"))


def _asked(visit: Visit, event: Mapping[str, Any], text: str = "", errors: Errors = ()) -> site.Answer:
    return visit.show(
        "importing.html",
        event=event,
        text=text[:SHOWN_AGAIN],
        errors=errors,
        latest=visit.request.store.imports.latest(event["event_id"], LATEST),
        most=csv_reading.MOST_LINES,
        refused=refused_for(visit, event),
    )


# --- second: its columns ------------------------------------------------------------------------------------------


@page("GET", IMPORT + "/columns")
def ask_for_columns(visit: Visit, event_id: str, import_id: str) -> site.Answer:
    event = visit.event(event_id)
    one = draft_of(visit, event_id, import_id)
    return one if isinstance(one, site.Answer) else _columns(visit, event, one, one.columns, one.head, ())


@page("POST", IMPORT + "/columns")
def take_columns(visit: Visit, event_id: str, import_id: str) -> site.Answer:
    event = visit.event(event_id)
    one = draft_of(visit, event_id, import_id)
    if isinstance(one, site.Answer):
        return one
    known = {value for value, _ in options(visit.request.texts, event)}
    typed = tuple(visit.form.text(f"column-{number}") for number in range(len(one.columns)))
    columns = tuple(column if column in known else csv_columns.IGNORED for column in typed)
    head = visit.form.text("head") == "yes"
    if errors := visit.objections or _not_allowed(visit, event) or _wrong_columns(visit.request.texts, columns):
        return _columns(visit, event, one, columns, head, errors)
    visit.request.store.imports.match(one, columns, head=head)
    return visit.go(path_of(one, "check"))


def _wrong_columns(texts: Texts, columns: tuple[str, ...]) -> Errors:
    _ = texts.gettext
    found: list[tuple[str, str]] = []
    if csv_columns.EMAIL not in columns:
        found.append(("column-0", _("Say which column has the mail addresses.")))
    if not {csv_columns.NAME, csv_columns.FIRST, csv_columns.LAST, csv_columns.EMAIL} & set(columns):
        found.append(("column-0", _("Say which column has the names.")))
    for number, column in enumerate(columns):
        if column and column in columns[:number]:
            found.append((f"column-{number}", _("Another column is about this already. Choose one of them.")))
    return tuple(found)


def _columns(
    visit: Visit, event: Mapping[str, Any], one: Import, columns: tuple[str, ...], head: bool, errors: Errors
) -> site.Answer:
    rows = rows_of(visit, one)
    first = rows[0].cells if head else ()
    shown = [
        {
            "name": f"column-{number}",
            "heading": first[number] if number < len(first) else "",
            "number": number + 1,
            "value": columns[number],
            "cells": [cell for row in rows[head : head + SHOWN_LINES] if (cell := _cell(row, number))],
        }
        for number in range(len(columns))
    ]
    return visit.show(
        "import_columns.html",
        event=event,
        one=one,
        head=head,
        shown=shown,
        first_line=" · ".join(cell for cell in rows[0].cells if cell),
        options=options(visit.request.texts, event),
        errors=errors,
        path=path_of(one, "columns"),
    )


def _cell(row: Row, number: int) -> str:
    return row.cells[number][:60] if number < len(row.cells) else ""


def options(texts: Texts, event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a column may be about: the value of a field, and its label."""
    plain = [(value, texts.gettext(label)) for value, label in LABELS.items()]
    asked = [(f"{csv_columns.QUESTION}{one['question_id']}", one["text"]) for one in event["questions"]]
    return [(csv_columns.IGNORED, texts.gettext("Nothing that is imported")), *plain, *asked]


# --- third: what would become of it -------------------------------------------------------------------------------


@page("GET", IMPORT + "/check")
def dry_run(visit: Visit, event_id: str, import_id: str) -> site.Answer:
    event = visit.event(event_id)
    one = draft_of(visit, event_id, import_id)
    return one if isinstance(one, site.Answer) else _dry_run(visit, event, one, ())


def _dry_run(visit: Visit, event: Mapping[str, Any], one: Import, errors: Errors) -> site.Answer:
    if csv_columns.EMAIL not in one.columns:
        return visit.go(path_of(one, "columns"))
    checked = checked_of(visit, event, one)
    at = visit.page_number
    lines = checked.by_outcome()
    labels = dict(options(visit.request.texts, event))
    return visit.show(
        "import_check.html",
        event=event,
        one=one,
        counts={outcome.value: checked.counts[outcome] for outcome in Outcome},
        waits_from=checked.waits_from,
        lines=[
            {
                "number": line.row.number,
                "name": line.body.get("name", ""),
                "email": line.body.get("email", ""),
                "outcome": line.outcome.value,
                "said": visit.request.texts.gettext(OUTCOMES[line.outcome]),
                "field": label_of(labels, line.field),
                "why": line.why,
            }
            for line in lines[(at - 1) * ON_A_PAGE : at * ON_A_PAGE]
        ],
        at=at,
        pages=max(1, -(-len(lines) // ON_A_PAGE)),
        refused=refused_for(visit, event),
        errors=errors,
        path=path_of(one),
        seen=_seen(event, one),
    )


def _seen(event: Mapping[str, Any], one: Import) -> str:
    """What a dry run rests on, as a short hash: the columns may be matched anew meanwhile, or the draft published."""
    said = json.dumps([one.columns, one.head, event["status"]])
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def label_of(labels: Mapping[str, str], field: str) -> str:
    """The label of a field of the API; a part of one, as ``metadata.a``, has that of the whole; no field has none."""
    if not field:
        return ""
    return labels.get(field) or labels.get(field.partition(".")[0]) or field


# --- fourth: the import -------------------------------------------------------------------------------------------


@page("POST", IMPORT + "/start")
def start(visit: Visit, event_id: str, import_id: str) -> site.Answer:
    event = visit.event(event_id)
    one = draft_of(visit, event_id, import_id)
    if isinstance(one, site.Answer):
        return one
    if errors := visit.objections or _not_allowed(visit, event):
        return _dry_run(visit, event, one, errors)
    if visit.form.text("seen") != _seen(event, one):
        return _dry_run(visit, event, one, (("", visit.request.texts.gettext(STALE)),))
    checked = checked_of(visit, event, one)
    if not checked.people:
        return _dry_run(visit, event, one, (("", visit.request.texts.gettext("There is nobody to be imported.")),))
    now, store = visit.request.now, visit.request.store
    begun = replace(
        one,
        started_at=now,
        run=keys.random_id(secrets.token_bytes(16)),
        people=len(checked.people),
        twice=checked.counts[Outcome.TWICE],
        left_out=checked.counts[Outcome.LEFT_OUT],
        wrong=checked.counts[Outcome.WRONG],
    )
    later = keys.due_key(INVITATION, now + store.settings.times.hint)
    if store.imports.begin(begun, checked.people, checked.wrong, due_key=later):
        hints.go_on(store.settings, event_id, import_id)
    return visit.go(path_of(one))


# --- what these have in common ------------------------------------------------------------------------------------


def import_of(visit: Visit, event_id: str, import_id: str) -> Import:
    """The import of an event that whoever is signed in acts for. Raises ``site.Refused`` (404) where it is none."""
    found = visit.request.store.imports.read(event_id, import_id, visit.request.now)
    if found is None:
        raise site.missing(visit.request)
    return found


def draft_of(visit: Visit, event_id: str, import_id: str) -> Import | site.Answer:
    """The import, if it has not begun; else where to go to."""
    one = import_of(visit, event_id, import_id)
    return visit.go(path_of(one)) if one.started_at else one


def path_of(one: Import, step: str = "") -> str:
    path = IMPORT.replace("{event_id}", one.event_id).replace("{import_id}", one.import_id)
    return f"{path}/{step}" if step else path


def rows_of(visit: Visit, one: Import) -> tuple[Row, ...]:
    """The lines of the file, with its heading. Raises ``site.Refused`` (404) where it is not kept any more."""
    text = visit.request.store.imports.text(one.import_id, visit.request.now)
    if text is None:
        raise site.missing(visit.request)
    return csv_reading.rows(text)


def checked_of(visit: Visit, event: Mapping[str, Any], one: Import) -> Checked:
    store, now = visit.request.store, visit.request.now
    known: Event | None = store.reads.event(one.event_id)
    if known is None:
        raise site.missing(visit.request)
    return check(rows_of(visit, one)[one.head :], one.columns, known, free_seats(event), store, now)


def _not_allowed(visit: Visit, event: Mapping[str, Any]) -> Errors:
    """Why whoever is signed in may not import people to this event, if so."""
    needed: Scope = SCOPES["POST /events/{event_id}/registrations/bulk"]
    # Whoever is imported is not asked for once more.
    if needed not in visit.session.scopes or (event["approval"] and Scope.MANAGE not in visit.session.scopes):
        return (("", visit.request.texts.gettext(SENTENCES["scope_missing"])),)
    why = refused_for(visit, event)
    return (("", why),) if why else ()


def refused_for(visit: Visit, event: Mapping[str, Any]) -> str:
    """Why nobody can be registered for the event any more, or nothing."""
    texts = visit.request.texts
    if event["status"] == "cancelled":
        return texts.gettext(SENTENCES["event_cancelled"])
    known = visit.request.store.reads.event(event["event_id"])
    over = known is not None and series.ends_at(known) <= visit.request.now
    return texts.gettext("This event is over, so that nobody can be registered any more.") if over else ""
