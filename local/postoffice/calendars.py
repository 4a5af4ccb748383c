"""What a person's calendar shows after all their mail: a small reader of iTIP (RFC 5546).

It shares no code with what writes the mail, and does what the RFC asks of a mail client: an object is known by its
UID (and RECURRENCE-ID); what has a higher SEQUENCE, or the same and a newer DTSTAMP, replaces what is known (section
2.1.5); a CANCEL removes; anything older changes nothing. A REQUEST for a whole series voids what was told of single
dates before it, and a CANCEL for it removes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from icalendar import Calendar as Component

from . import entries
from .entries import Entry, State
from .letters import CalendarPart, Letter


class Effect(StrEnum):
    """The effect of one mail on the calendar."""

    NONE = "no calendar in it"
    ADDED = "added"
    UPDATED = "updated"
    REMOVED = "removed"
    SAME = "the same again"
    OLD = "ignored: older than what is known"
    NOTHING_TO_REMOVE = "ignored: nothing to remove"
    MISMATCH = "refused: METHOD differs from the Content-Type's"
    OTHER_METHOD = "ignored: neither REQUEST nor CANCEL"
    UNREADABLE = "refused: the calendar cannot be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The entries of a calendar by start; ``effects`` has one for each mail, in the order of the mails."""

    entries: tuple[Entry, ...]
    effects: tuple[Effect, ...]


Known = dict[tuple[str, str], Entry]


def show(mails: Iterable[Letter], address: str) -> Calendar:
    """The calendar of ``address`` after these mails, in this order."""
    known: Known = {}
    effects = tuple(_take_in(known, letter.calendar, address) for letter in mails)
    shown = (entry for entry in known.values() if entry.state is not State.NEVER_WAS)
    return Calendar(entries=tuple(sorted(shown, key=lambda entry: entry.sort_key)), effects=effects)


def _take_in(known: Known, part: CalendarPart | None, address: str) -> Effect:
    if part is None:
        return Effect.NONE
    try:
        calendar = Component.from_ical(part.text)
        method = str(calendar.get("METHOD", "")).upper()
        news = [entries.read(event, tuple(calendar.timezones), address) for event in calendar.events]
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError):  # what parsers raise for broken input
        return Effect.UNREADABLE
    if method != part.method:
        return Effect.MISMATCH
    if method not in ("REQUEST", "CANCEL"):
        return Effect.OTHER_METHOD
    effects = [_apply(known, entry, cancels=method == "CANCEL") for entry in news]
    return effects[0] if effects else Effect.UNREADABLE


def _apply(known: Known, new: Entry, *, cancels: bool) -> Effect:
    old = _latest(known, new)
    if old is not None and new.revision <= old.revision:
        return Effect.SAME if new.revision == old.revision else Effect.OLD
    return _cancel(known, new, old) if cancels else _request(known, new, old)


def _request(known: Known, new: Entry, old: Entry | None) -> Effect:
    if not new.date_id:
        _forget_dates(known, new)
        _take_out_dates(known, new)
    known[new.uid, new.date_id] = new
    return Effect.UPDATED if old is not None and old.stands else Effect.ADDED


def _cancel(known: Known, new: Entry, old: Entry | None) -> Effect:
    series = known.get((new.uid, ""))
    was_here = (old is not None and old.stands) or (bool(new.date_id) and series is not None and series.stands)
    if not new.date_id:
        was_here |= any(date.stands for date in _forget_dates(known, new))
    shown = old if old is not None and old.state is not State.NEVER_WAS else new
    state = State.REMOVED if was_here or shown.state is State.REMOVED else State.NEVER_WAS
    known[new.uid, new.date_id] = replace(shown, state=state, sequence=new.sequence, dtstamp=new.dtstamp)
    return Effect.REMOVED if was_here else Effect.NOTHING_TO_REMOVE


def _latest(known: Known, new: Entry) -> Entry | None:
    """What ``new`` must be newer than: its own former entry; for a date that is unknown yet, the series."""
    own = known.get((new.uid, new.date_id))
    series = known.get((new.uid, ""))
    if own is None and series is not None and new.date_id and series.revision > new.revision:
        return series
    return own


def _forget_dates(known: Known, new: Entry) -> list[Entry]:
    """Remove older entries of single dates, which a newer message on the series replaces; returns them."""
    older = [key for key, entry in known.items() if key[0] == new.uid and key[1] and entry.revision < new.revision]
    return [known.pop(key) for key in older]


def _take_out_dates(known: Known, new: Entry) -> None:
    """Remove dates from a new series whose cancellation arrived before the series."""
    for key, entry in known.items():
        if key[0] == new.uid and key[1] and entry.state is State.NEVER_WAS:
            known[key] = replace(entry, state=State.REMOVED)
