"""How far an import is, and what became of it; the lines that were left out as a file, each with its reason."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from ..pages import site
from ..store.imports import Import
from ..web.csv_export import defused
from .exporting import as_file
from .importing import IMPORT, checked_of, import_of, label_of, options, path_of, rows_of
from .visit import Visit, page
from .words import moment

SHOWN = 50
"""How many of the lines that were left out are shown."""


@page("GET", IMPORT)
def show(visit: Visit, event_id: str, import_id: str) -> site.Answer:
    event = visit.event(event_id)
    one = import_of(visit, event_id, import_id)
    if not one.started_at:
        return visit.go(path_of(one, "check"))
    return visit.show("import_result.html", logged={"import_id": import_id}, **_values(visit, event, one))


@page("GET", IMPORT + "/progress")
def show_progress(visit: Visit, event_id: str, import_id: str) -> site.Answer:
    """The part of the page that changes, for a script that puts it in."""
    event = visit.event(event_id)
    return visit.show("import_progress.html", **_values(visit, event, import_of(visit, event_id, import_id)))


def _values(visit: Visit, event: Mapping[str, Any], one: Import) -> dict[str, Any]:
    texts, now = visit.request.texts, visit.request.now
    wrong = visit.request.store.imports.wrong(one, now) if one.finished_at else []
    waits = one.waits_until if one.waits_until and one.waits_until > now and not one.finished_at else None
    labels = dict(options(texts, event))
    return {
        "event": event,
        "one": one,
        "path": path_of(one),
        "waits": moment(texts, waits.isoformat(), event["time_zone"]) if waits else "",
        "wrong": [{"number": number, "why": said(visit, labels, field, why)} for number, field, why in wrong[:SHOWN]],
        "kept": bool(wrong),
    }


def said(visit: Visit, labels: Mapping[str, str], field: str, why: str) -> str:
    """Why a line was left out, as a sentence: ``Mail address is missing``."""
    if not field:
        return why[:1].upper() + why[1:]
    return visit.request.texts.gettext("%(field)s %(why)s", field=label_of(labels, field), why=why)


@page("GET", IMPORT + "/left-out.csv")
def left_out(visit: Visit, event_id: str, import_id: str) -> site.Answer:
    """The lines of the file that are not imported, as they were, with number and reason behind them."""
    event = visit.event(event_id)
    one = import_of(visit, event_id, import_id)
    rows = rows_of(visit, one)
    wrong = visit.request.store.imports.wrong(one, visit.request.now) if one.started_at else None
    if wrong is None:
        wrong = checked_of(visit, event, one).wrong
    labels = dict(options(visit.request.texts, event))
    head = rows[0].cells if one.head else [labels.get(column, "") if column else "" for column in one.columns]
    cells = {row.number: row.cells for row in rows}
    reasons = [(number, cells.get(number, ()), said(visit, labels, field, why)) for number, field, why in wrong]
    table = _table(visit, head, len(one.columns), reasons)
    return as_file(visit, table, f"left-out-{import_id[:10]}.csv")


def _table(visit: Visit, head: Sequence[str], width: int, lines: Sequence[tuple[int, Sequence[str], str]]) -> str:
    _ = visit.request.texts.gettext
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    for *cells, number, reason in (
        (*_filled(head, width), _("Line"), _("Reason")),
        *((*_filled(cells, width), str(number), reason) for number, cells, reason in lines),
    ):
        writer.writerow([defused(cell) for cell in (*cells, number, reason)])
    return written.getvalue()


def _filled(cells: Sequence[str], width: int) -> tuple[str, ...]:
    return (*cells, *("" for _ in range(width - len(cells))))
