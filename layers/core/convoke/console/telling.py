"""How far a change of an event has been told: that it waits, is being told, or was; telling it now, and undoing it.

``console/telling_part.html`` shows it as a part of the event's page, with the values of :func:`values`. While people
are being told the page is loaded again every few seconds, or a script fetches the part alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode

from ..languages import Texts
from ..model import frozen
from ..pages import site
from .client import Errors, Reply
from .previewing import clock, version_of
from .refusals import in_words
from .visit import Visit, page

STEP = 10
"""Seconds that are left are said in tens."""
MOST_PEOPLE, LATEST = 10_000_000, 100_000_000_000
"""More than any number that an address may say: of people, and of seconds since 1970."""


@frozen
class Look:
    """That at ``at`` (seconds since 1970) so many people had been ``told``."""

    told: int
    at: int


@frozen
class Progress:
    """``state``: a change *waits* to be told, is being *told*, or everybody *knows*; empty where nobody is to be told
    anything. ``told`` people of ``of`` know by now; ``left`` says how long it takes, and is empty while that is not
    known. ``clock`` is when they are told of a change that waits. ``again`` is the path of this part, and ``seconds``
    when to look at it again; 0 for not at all.
    """

    state: Literal["", "waits", "told", "knows"]
    told: int = 0
    of: int = 0
    left: str = ""
    clock: str = ""
    again: str = ""
    seconds: int = 0


def values(visit: Visit, event: Mapping[str, Any]) -> dict[str, Any]:
    """The values of ``telling_part.html`` and ``telling_meta.html`` for ``event``, as the API shows it."""
    return {"event": event, "progress": progress(visit.request, event)}


def progress(request: site.Request, event: Mapping[str, Any]) -> Progress:
    """How far the latest change of ``event`` has been told. The address says what the first look at it found."""
    texts, path = request.texts, f"/console/events/{event['event_id']}/telling"
    if event["told_at"] is not None:
        waits = datetime.fromisoformat(event["told_at"]) - request.now
        return Progress(
            state="waits",
            clock=clock(texts, event["told_at"], event["time_zone"]),
            again=path,
            seconds=max(2, math.ceil(waits.total_seconds()) + 1),
        )
    if event["telling"] is None:
        somebody = event["registered"] or event["waiting"] or event["attention_count"]
        return Progress(state="knows" if somebody and event["status"] != "draft" else "")
    told, of = event["telling"]["told"], event["telling"]["of"]
    now = Look(told=told, at=int(request.now.timestamp()))
    first = first_look(request.query, now)
    seconds = seconds_left(first, now, of)
    return Progress(
        state="told",
        told=told,
        of=of,
        left="" if seconds is None else in_time(texts, seconds),
        again=f"{path}?{urlencode({'told': first.told, 'since': first.at})}",
        seconds=2,
    )


def first_look(query: Mapping[str, str], now: Look) -> Look:
    """The look that the address has; ``now`` where it has none, or one that cannot be of the same change."""
    try:
        first = Look(told=int(query.get("told", "")[:12]), at=int(query.get("since", "")[:12]))
    except ValueError:
        return now
    return first if 0 <= first.told <= now.told <= MOST_PEOPLE and 0 < first.at <= now.at <= LATEST else now


def seconds_left(first: Look, now: Look, of: int) -> int | None:
    """In how many seconds all ``of`` them are told, at the rate between two looks; ``None`` where it is not known."""
    told, took = now.told - first.told, now.at - first.at
    if told <= 0 or took <= 0:
        return None
    return math.ceil(max(0, of - now.told) * took / told)


def in_time(texts: Texts, seconds: int) -> str:
    """So many seconds as one would say them: about 40 seconds, 3 minutes, 2 hours."""
    tens = STEP * max(1, math.ceil(seconds / STEP))
    if tens < 60:
        return texts.ngettext("about %(num)s second", "about %(num)s seconds", tens, num=tens)
    minutes = math.ceil(seconds / 60)
    if minutes < 60:
        return texts.ngettext("about %(num)s minute", "about %(num)s minutes", minutes, num=minutes)
    hours = math.ceil(seconds / 3600)
    return texts.ngettext("about %(num)s hour", "about %(num)s hours", hours, num=hours)


@page("GET", "/console/events/{event_id}/telling")
def show_part(visit: Visit, event_id: str) -> site.Answer:
    """The part alone, for a script that puts it into the event's page."""
    event = visit.api.read("/events/{event_id}", {"event_id": event_id})
    return visit.show("telling_part.html", **values(visit, event))


# --- telling now, and undoing ---------------------------------------------------------------------------------------


@page("POST", "/console/events/{event_id}/tell")
def tell_now(visit: Visit, event_id: str) -> site.Answer:
    return _step(visit, event_id, "tell", done="telling")


@page("GET", "/console/events/{event_id}/undo")
def ask_whether_to_undo(visit: Visit, event_id: str) -> site.Answer:
    return _asked(visit, event_id, "undo")


@page("POST", "/console/events/{event_id}/undo")
def undo(visit: Visit, event_id: str) -> site.Answer:
    return _step(visit, event_id, "undo", done="undone")


def _step(visit: Visit, event_id: str, step: str, *, done: str) -> site.Answer:
    if visit.objections:
        return _asked(visit, event_id, step, visit.objections)
    reply: Reply = visit.api.call(
        "POST",
        f"/events/{{event_id}}/{step}",
        {"event_id": event_id},
        version=version_of(visit),
        key=visit.form.text("once"),
    )
    if not reply.ok:
        return _asked(visit, event_id, step, in_words(visit.request.texts, reply))
    return visit.go(f"/console/events/{event_id}", done)


def _asked(visit: Visit, event_id: str, step: str, errors: Errors = ()) -> site.Answer:
    event = visit.api.read("/events/{event_id}", {"event_id": event_id})
    return visit.show("telling_step.html", 422 if errors else 200, step=step, errors=errors, **values(visit, event))
