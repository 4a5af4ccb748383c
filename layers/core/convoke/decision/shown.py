"""What one attendee's calendar shows now, date by date, by what they were sent. Pure.

It is what a calendar shows that follows RFC 5546 and received the messages in their order. What may or may not have
been sent, what came back, and what calendars treat differently, is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from ..model import DeliveryState, Event, LocalTime, Method, Registration, RegistrationStatus, When, frozen
from ..schedule import series, series_changes
from .calendar_state import CalendarState, OccurrenceState, entry_uid
from .decide import calendar_state_of, is_expected
from .invitation import Invitation

LOST = (DeliveryState.BOUNCED, DeliveryState.SUPPRESSED)
"""The latest message came back, also after a server had taken it, or was not sent: who knows whether it was seen."""


class Showing(StrEnum):
    """Whether a calendar shows an entry, as far as that is known."""

    SHOWN = "shown"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@frozen
class Entry:
    """One entry of the calendar, or one date of a series in it.

    ``date`` is the original start of a date of a series as it was sent, ``None`` for an event of one date. ``title``,
    ``when`` and ``location`` are as they were sent last; ``when`` is ``None`` of a date that was only ever excluded
    from its series, and of one whose series is known by its zone alone. ``sequence`` is that of the latest message
    about it, ``None`` where that is not remembered: of a single date only the latest message to the attendee is.
    ``sent_at`` (UTC) is when SES accepted it, of the latest message only. ``delivered``: a receiving mail server took
    it; else SES accepted it, and no more is known. ``true``: it is what is true at present. ``over``: it has ended.
    """

    uid: str
    date: LocalTime | None
    title: str
    when: When | None
    location: str
    state: Showing
    sequence: int | None
    sent_at: datetime | None
    delivered: bool
    true: bool
    over: bool


def shown(invitation: Invitation, event: Event, registration: Registration, now: datetime) -> tuple[Entry, ...]:
    """The entries, main entry before separate ones, dates in order; none where nothing was sent, or the person was
    erased. ``now`` is UTC.
    """
    state = calendar_state_of(invitation)
    if state is None or state.sequence < 0 or registration.status is RegistrationStatus.ERASED:
        return ()
    entries = [*_main(state, invitation), *(_date(state, invitation, one) for one in state.dates if one.separate)]
    truths = _truths(event, registration)
    return tuple(
        replace(one, true=_is_true(one, entries, truths), over=one.when is not None and one.when.ends_at <= now)
        for one in entries
    )


# --- what was sent --------------------------------------------------------------------------------------------------


def _main(state: CalendarState, invitation: Invitation) -> Iterator[Entry]:
    """The main entry, date by date where it is a series; or the dates of an attendee who comes to some only."""
    single = {one.date: one for one in state.dates if not one.separate}
    if not state.whole:
        yield from (_date(state, invitation, one) for one in single.values())
        return
    if not state.fingerprint and not state.spent:
        return  # only separate entries were ever sent
    about = Showing.UNKNOWN if not state.certain else Showing.CANCELLED if state.spent else Showing.SHOWN
    whole = _entry(state, invitation, None, about)
    if not state.recurs:
        # A date of its own was cancelled as the last one, or sent by itself, under the same UID.
        yield whole
        return
    told = series.times(state.schedule)
    names = sorted({*told, *single}, key=lambda name: name.isoformat())
    for name in names:
        one = single.get(name)
        if one is not None and not state.spent:
            yield _date(state, invitation, one)
        elif name in told:
            yield replace(whole, date=name, when=told[name])


def _date(state: CalendarState, invitation: Invitation, one: OccurrenceState) -> Entry:
    """What was sent of one date by itself, or that its series excludes it."""
    showing = Showing.UNKNOWN if not one.known else Showing.CANCELLED if one.cancelled else Showing.SHOWN
    entry = _entry(state, invitation, one, showing)
    return replace(entry, date=one.date, title=one.title.strip(), when=one.when, location=one.location.strip())


def _entry(state: CalendarState, invitation: Invitation, one: OccurrenceState | None, showing: Showing) -> Entry:
    separate = "" if one is None else one.separate
    part = None if one is None else (one.date, one.separate)
    latest = (state.part, state.separate if state.part is not None else "") == (part or (None, ""))
    sequence = state.sequence if latest else state.base if part is None else None
    if latest and invitation.state in LOST:
        showing = Showing.UNKNOWN
    accepted = invitation.accepted(state.sequence) if latest else None
    return Entry(
        uid=entry_uid(state.uid, separate),
        date=None,
        # As calendars have them: white space at the ends is not sent.
        title=state.title.strip(),
        when=state.when,
        location=state.location.strip(),
        state=showing,
        sequence=sequence,
        sent_at=None if accepted is None else accepted.at,
        delivered=_delivered(state, invitation, one, sequence, showing, latest=latest),
        true=False,
        over=False,
    )


def _delivered(
    state: CalendarState,
    invitation: Invitation,
    one: OccurrenceState | None,
    sequence: int | None,
    showing: Showing,
    *,
    latest: bool,
) -> bool:
    """Whether a receiving server took the latest message about the whole (``one`` is ``None``) or about one date."""
    if showing is Showing.UNKNOWN:
        return False
    if latest and not invitation.doubt and invitation.state is DeliveryState.DELIVERED:
        return True
    part = (None, "") if one is None else (one.date, one.separate)
    method = Method.CANCEL if showing is Showing.CANCELLED else Method.REQUEST
    least = sequence if sequence is not None else 0 if one is None else one.asked
    reports = [each for each in invitation.delivered if each.generation == state.generation]
    if any(each.part == part and each.method is method and each.sequence >= least for each in reports):
        return True
    # A date that is excluded was sent with its series.
    excluded = one is not None and one.cancelled and not one.separate and one.when is None and state.base is not None
    return excluded and any(each.part == (None, "") and each.sequence >= (state.base or 0) for each in reports)


# --- what is true ---------------------------------------------------------------------------------------------------

Truth = tuple[str, When, str]


def _truths(event: Event, registration: Registration) -> set[Truth]:
    """Title, time and place of each date that this person should have in their calendar."""
    if not is_expected(event, registration):
        return set()
    chosen = registration.occurrences
    names = None if chosen is None else set(series_changes.named(event, chosen, registration.named).values())
    return {
        (one.title.strip(), one.when, one.location.strip())
        for one in series.occurrences(event)
        if not one.cancelled and (names is None or one.date in names)
    }


def _is_true(one: Entry, entries: list[Entry], truths: set[Truth]) -> bool:
    """Whether what is shown should be, or what is cancelled should not be, unless another entry shows it."""
    match one.state:
        case Showing.SHOWN:
            return one.when is not None and (one.title, one.when, one.location) in truths
        case Showing.CANCELLED:
            elsewhere = {each.when for each in entries if each.state is Showing.SHOWN}
            return one.when in elsewhere or all(when != one.when for _, when, _ in truths)
        case Showing.UNKNOWN:
            return False
