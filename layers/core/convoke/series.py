"""Which dates an event has (RFC 5545, section 3.8.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from .model import Event, InvalidField, Occurrence, Schedule, Wall, When, noun

MOST = 400
LONGEST = timedelta(days=731)


def rule(text: str, when: When, field: str = "recurrence") -> str:
    """The rule in its one spelling. Raises :class:`InvalidField`."""
    parts = dict(part.partition("=")[::2] for part in text.upper().split(";"))
    if parts.get("FREQ") not in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY") or not {"COUNT", "UNTIL"} & set(parts):
        raise InvalidField(field, "must be an RRULE from DAILY to YEARLY that ends, by COUNT or UNTIL")
    try:
        dates = starts(Schedule(when=when, rule=text.upper()))
    except ValueError as error:
        raise InvalidField(field, "is not an RRULE") from error
    if dates[0] != when.start:
        raise InvalidField(field, "does not yield the start")
    return text.upper()


@lru_cache(maxsize=256)
def starts(schedule: Schedule) -> tuple[Wall, ...]:
    when = schedule.when
    found: list[Wall] = [when.start]
    if schedule.rule:
        start = when.start if isinstance(when.start, datetime) else datetime.combine(when.start, datetime.min.time())
        text = schedule.rule
        if "UNTIL=" in text:
            parts = dict(p.split("=") for p in text.split(";"))
            until = parts.pop("UNTIL")
            u = datetime.strptime(until.rstrip("Z"), "%Y%m%dT%H%M%S" if "T" in until else "%Y%m%d")
            if until.endswith("Z"):
                u = u.replace(tzinfo=UTC).astimezone(ZoneInfo(when.time_zone or "UTC")).replace(tzinfo=None)
            text = ";".join(f"{k}={v}" for k, v in parts.items()) + f";UNTIL={u:%Y%m%dT%H%M%S}"
        dates = list(rrulestr(text, dtstart=start))[:MOST]
        found = [d if isinstance(when.start, datetime) else d.date() for d in dates]
    return tuple(sorted({*found, *schedule.added}))


def skipped(schedule: Schedule) -> tuple[datetime, ...]:
    return ()


def when_at(schedule: Schedule, start: Wall) -> When:
    when = schedule.when
    if not isinstance(start, datetime) or not isinstance(when.start, datetime):
        return replace(when, start=start, end=start + (when.end - when.start))
    if start == when.start:
        return when
    first = replace(when, start=start, end=start)
    end = (first.starts_at + (when.ends_at - when.starts_at)).astimezone(ZoneInfo(when.time_zone or "UTC"))
    return replace(when, start=start, end=end.replace(tzinfo=None))


def occurrences(event: Event) -> tuple[Occurrence, ...]:
    changes = {c.date: c for c in event.changes}
    out = []
    for start in starts(event.schedule):
        c = changes.get(start)
        out.append(
            Occurrence(
                date=start,
                when=c.when if c and c.when else when_at(event.schedule, start),
                title=c.title if c and c.title is not None else event.title,
                location=c.location if c and c.location is not None else event.location,
                description=c.description if c and c.description is not None else event.description,
                cancelled=bool(c and c.cancelled),
                moved=bool(c and c.when),
                reason=c.reason if c else "",
            )
        )
    return tuple(out)


def ends_at(event: Event) -> datetime:
    if not event.recurs:
        return event.when.ends_at
    return max(schedule_ends_at(event.schedule), *(one.when.ends_at for one in occurrences(event)))


@lru_cache(maxsize=256)
def schedule_ends_at(schedule: Schedule) -> datetime:
    return max(when_at(schedule, start).ends_at for start in starts(schedule))


def next_start(schedule: Schedule, now: datetime) -> datetime:
    times = [when_at(schedule, start).starts_at for start in starts(schedule)]
    return next((at for at in times if at >= now), times[-1])


@noun
class Wire:
    rule: str | None
    added: tuple[Wall, ...] = ()
    excluded: tuple[datetime, ...] = ()


def wire(schedule: Schedule) -> Wire:
    return Wire(rule=schedule.rule, added=schedule.added)


def _endless(rule: str | None) -> str:
    return ";".join(p for p in (rule or "").split(";") if not p.startswith(("COUNT", "UNTIL")))


def same_but_for_its_end(rule: str, other: str | None) -> bool:
    return _endless(rule) == _endless(other)


def renamed(before: Schedule, after: Schedule) -> Mapping[Wall, Wall]:
    old, new = starts(before), starts(after)
    if before.rule is not None and after.rule is not None and same_but_for_its_end(before.rule, after.rule):
        return dict(zip(old, new, strict=False))
    return {start: start for start in old if start in new}


def moved(before: Schedule, when: When) -> Schedule:
    return replace(before, when=when)


def shortened(schedule: Schedule, since: Wall) -> Schedule | None:
    kept = [s for s in starts(schedule) if s < since]
    if not kept:
        return None
    return replace(schedule, rule=f"{_endless(schedule.rule)};COUNT={len(kept)}")


def rest(schedule: Schedule, since: Wall) -> Schedule:
    kept = [s for s in starts(schedule) if s >= since]
    return replace(schedule, when=when_at(schedule, since), rule=f"{_endless(schedule.rule)};COUNT={len(kept)}")


def named(event: Event, dates: tuple[Wall, ...], naming: int) -> dict[Wall, Wall]:
    names = {d: d for d in dates if d in starts((*event.earlier, event.schedule)[naming])}
    schedules = (*event.earlier[naming:], event.schedule)
    for before, after in zip(schedules, schedules[1:]):
        m = renamed(before, after)
        names = {k: m[v] for k, v in names.items() if v in m}
    return names


def find(event: Event, recurrence_id: Wall) -> Wall | None:
    """The date that a RECURRENCE-ID names, by its original start: matched by instant (an aware datetime in any zone, a
    naive one in the event's), or as a date.
    """
    for start in starts(event.schedule):
        if not isinstance(start, datetime) or not isinstance(recurrence_id, datetime):
            same = (start.date() if isinstance(start, datetime) else start) == recurrence_id
        elif recurrence_id.tzinfo is None:
            same = start == recurrence_id
        else:
            same = when_at(event.schedule, start).starts_at == recurrence_id
        if same:
            return start
    return None
