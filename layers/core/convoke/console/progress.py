"""How many people have been informed of a change, and how long the rest takes. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode

from ..languages import Texts
from ..model import frozen
from ..pages import site
from . import words

STEP = 10
"""Seconds that are left are said in tens."""
MOST_PEOPLE, LATEST = 10_000_000, 100_000_000_000
"""More than any number that an address may say: of people, and of seconds since 1970."""


@frozen
class Count:
    """That at ``at`` (seconds since 1970) so many people had been ``told``."""

    told: int
    at: int


@frozen
class Progress:
    """``state``: a change *waits* to be announced, people are being *told*, or everybody *knows*; empty where nobody is
    to be sent anything. ``told`` people of ``of`` know by now; ``left`` says how long it takes, and is empty while that
    is not known. ``clock`` is when they are informed of a change that waits. ``again`` is the path of this part, and
    ``seconds`` when to look at it again; 0 for not at all.
    """

    state: Literal["", "waits", "told", "knows"]
    told: int = 0
    of: int = 0
    left: str = ""
    clock: str = ""
    again: str = ""
    seconds: int = 0


def progress(request: site.Request, event: Mapping[str, Any]) -> Progress:
    """How far the latest change of ``event`` has been announced. The address says what the first count was."""
    texts, path = request.texts, f"/console/events/{event['event_id']}/telling"
    if event["told_at"] is not None:
        waits = datetime.fromisoformat(event["told_at"]) - request.now
        return Progress(
            state="waits",
            clock=words.clock(texts, event["told_at"], event["time_zone"]),
            again=path,
            seconds=max(2, math.ceil(waits.total_seconds()) + 1),
        )
    if event["telling"] is None:
        somebody = event["registered"] or event["waiting"] or event["attention_count"]
        over = event["next_date"] is None and event["status"] != "cancelled"
        return Progress(state="knows" if somebody and event["status"] != "draft" and not over else "")
    told, of = event["telling"]["told"], event["telling"]["of"]
    now = Count(told=told, at=int(request.now.timestamp()))
    first = first_count(request.query, now)
    seconds = seconds_left(first, now, of)
    return Progress(
        state="told",
        told=told,
        of=of,
        left="" if seconds is None else in_time(texts, seconds),
        again=f"{path}?{urlencode({'told': first.told, 'since': first.at})}",
        seconds=2,
    )


def first_count(query: Mapping[str, str], now: Count) -> Count:
    """The look that the address has; ``now`` where it has none, or one that cannot be of the same change."""
    try:
        first = Count(told=int(query.get("told", "")[:12]), at=int(query.get("since", "")[:12]))
    except ValueError:
        return now
    return first if 0 <= first.told <= now.told <= MOST_PEOPLE and 0 < first.at <= now.at <= LATEST else now


def seconds_left(first: Count, now: Count, of: int) -> int | None:
    """In how many seconds all ``of`` are informed, at the rate between two counts; ``None`` where that is not known."""
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
