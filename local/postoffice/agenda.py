"""A calendar as a person sees it: single events, and series with all their dates.

The dates of a series are those of its rule and those with messages of their own; if only single dates are known, only
these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any

from . import entries, rules
from .entries import Entry, State, instant
from .rules import Moment

SHORT = 8  # a series up to this long is shown whole
FIRST, RUN = 3, 4  # of a longer one the first 3 dates are shown, and runs of 4 or more unchanged dates are folded


class Mark(StrEnum):
    """How one date differs from its series."""

    AS_PLANNED = "as planned"
    MOVED = "moved"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Date:
    """One date of a series: by a message of its own, or as the series has it.

    ``original`` is its original start; ``planned`` is the date as the series has it, if the series is known and has it.
    """

    original: Moment
    entry: Entry
    planned: Entry | None
    mark: Mark

    @property
    def was(self) -> Moment:
        """``original`` in the zone of the series."""
        if self.planned is not None:
            return self.planned.start
        zone = self.entry.start.tzinfo if isinstance(self.entry.start, datetime) else None
        return self.original.astimezone(zone) if isinstance(self.original, datetime) and zone else self.original

    def note(self) -> dict[str, Any]:
        """The date as JSON for tools."""
        return {
            "date": self.was.isoformat(),
            "start": self.entry.start.isoformat(),
            "end": self.entry.end.isoformat(),
            "title": self.entry.title,
            "location": self.entry.where,
            "stands": self.entry.stands,
            "mark": self.mark,
        }

    def changes(self) -> list[str]:
        """How it differs from the series, apart from its time."""
        new, old = self.entry, self.planned
        if old is None or not new.stands:
            return []
        return [
            *([f"called “{new.title}”"] if new.title != old.title else []),
            *([f"at {new.where or 'no place'}"] if new.where != old.where else []),
            *(["with a description of its own"] if new.description != old.description else []),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An event with the dates that this calendar has, or had; a single event has no ``dates``.

    ``entry`` is the whole event, or, if only single dates are known (``partial``), the first of them.
    """

    entry: Entry
    dates: tuple[Date, ...] = ()
    partial: bool = False

    @property
    def standing(self) -> int:
        return sum(date.entry.stands for date in self.dates)

    def counts(self) -> list[tuple[Mark, int]]:
        """The number of dates with each mark, except ``AS_PLANNED``."""
        marks = [date.mark for date in self.dates]
        return [(mark, marks.count(mark)) for mark in Mark if mark is not Mark.AS_PLANNED and mark in marks]

    def note(self) -> dict[str, Any]:
        """The event as JSON for tools; ``end`` of whole days is exclusive, as in the calendar."""
        entry = self.entry
        whole = {"start": entry.start.isoformat(), "end": entry.end.isoformat(), "sequence": entry.sequence}
        return {
            "uid": entry.uid,
            "title": entry.title,
            "location": entry.where,
            "stands": bool(entry.stands or self.standing),
            **({} if self.partial else whole),
            **({"repeats": entries.repeats(entry)} if entry.rule and not self.partial else {}),
            **({"dates": [date.note() for date in self.dates]} if self.dates else {}),
        }

    def runs(self) -> Iterator[tuple[bool, tuple[Date, ...]]]:
        """The dates in order as runs, each with whether it should be folded."""
        if len(self.dates) <= SHORT:
            yield False, self.dates
            return
        yield False, self.dates[:FIRST]
        for mark, run in groupby(self.dates[FIRST:], key=lambda date: date.mark):
            dates = tuple(run)
            yield mark is Mark.AS_PLANNED and len(dates) >= RUN, dates


def agenda(every: Iterable[Entry]) -> tuple[Item, ...]:
    """All events of these entries, by start."""
    by_uid: dict[str, list[Entry]] = {}
    for entry in every:
        by_uid.setdefault(entry.uid, []).append(entry)
    return tuple(sorted((_item(known) for known in by_uid.values()), key=lambda item: item.entry.sort_key))


def find(items: Iterable[Item], uid: str, date_id: str) -> Entry | None:
    """The event, or the one date of it, with these names; a date also if it never had a message of its own."""
    for item in items:
        if item.entry.uid == uid:
            known = [*(date.entry for date in item.dates), *([] if item.partial else [item.entry])]
            return next((entry for entry in known if entry.date_id == date_id), None)
    return None


def _item(known: list[Entry]) -> Item:
    whole = next((entry for entry in known if entry.original is None), None)
    apart = {instant(entry.original): entry for entry in known if entry.original is not None}
    if whole is not None and not whole.stands and not any(entry.stands for entry in apart.values()):
        return Item(entry=whole)
    if whole is None or not whole.stands:
        dates = _in_order(_date(original, entry, None) for original, entry in apart.items())
        return Item(entry=dates[0].entry, dates=dates, partial=True)
    if not (whole.rule or whole.added or apart):
        return Item(entry=whole)
    planned = {instant(start): entries.one_date(whole, start) for start in _starts(whole)}
    for gone in planned.keys() & {instant(moment) for moment in whole.excluded}:
        planned[gone] = replace(planned[gone], state=State.REMOVED)
    everything = planned.keys() | apart.keys()
    return Item(entry=whole, dates=_in_order(_date(at, apart.get(at), planned.get(at)) for at in everything))


def _in_order(dates: Iterable[Date]) -> tuple[Date, ...]:
    return tuple(sorted(dates, key=lambda date: (date.entry.sort_key, date.entry.date_id)))


def _date(original: Moment, apart: Entry | None, planned: Entry | None) -> Date:
    """One date, of its own entry and of the series' date; at least one of them must be given."""
    entry = apart or planned
    if entry is None:
        raise LookupError(original)
    if apart is None:
        mark = Mark.AS_PLANNED if entry.stands else Mark.LEFT_OUT
    elif not apart.stands:
        entry, mark = replace(planned or apart, state=State.REMOVED), Mark.CANCELLED
    elif instant(entry.start) != original or (planned is not None and instant(planned.end) != instant(entry.end)):
        mark = Mark.MOVED
    else:
        mark = Mark.AS_PLANNED
    date = Date(original=original, entry=entry, planned=planned, mark=mark)
    return replace(date, mark=Mark.CHANGED) if mark is Mark.AS_PLANNED and date.changes() else date


def _starts(whole: Entry) -> set[Moment]:
    """The starts of the series, including those that it excludes."""
    try:
        by_rule = rules.starts(whole.start, whole.rule) if whole.rule else ()
    except (ValueError, ArithmeticError, LookupError):  # an invalid rule
        by_rule = ()
    return {whole.start, *by_rule, *whole.added}
