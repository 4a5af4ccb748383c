"""Finds which message an attendee is missing: compares event and registration with the state of their calendar.

The messages themselves, and the terms, are in :mod:`messages`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..model import LocalTime, Method, Occurrence, frozen
from ..schedule import calendar_entries, series, series_changes
from . import fingerprints
from .calendar_state import CalendarState, Message, OccurrenceState, next_generation
from .messages import MessageBuilder


@frozen
class MessagePlanner(MessageBuilder):
    """Which message comes next. Each method returns or yields messages in the order in which they are to be sent."""

    def invite(self, calendar_state: CalendarState | None) -> Message | None:
        """The first invitation; or, if all of ``calendar_state`` was cancelled, the first under a new UID."""
        generation = next_generation(calendar_state)
        if not self.whole:
            return next((self._date(date, one, None, generation) for date, one in self._standing()), None)
        nothing_yet = self._empty_state(generation)
        if calendar_entries.has_main_entry(self.event):
            return self._whole(nothing_yet)
        return next(self._separate_dates(nothing_yet), None)

    def update(self, calendar_state: CalendarState) -> Message | None:
        """The first message that is missing: about the whole series, then about single occurrences, those that do not
        take place first.

        Before all that, an occurrence that was sent on its own and does not take place any more is cancelled: some
        calendars keep it, whatever the series says. So is a separate entry whose date does not take place, or belongs
        to the series again. Only where it is the last one in the series, it is cancelled after the series was sent.
        """
        if self.whole:
            return self._update_whole(calendar_state)
        if calendar_state.gone and calendar_state.certain:
            return self.invite(calendar_state)
        return next(self._chosen_dates(_all_doubted(calendar_state)), None)

    def _update_whole(self, calendar_state: CalendarState) -> Message | None:
        stands = calendar_entries.has_main_entry(self.event)
        if calendar_state.spent and not calendar_state.certain:
            if (end := self._end(calendar_state)) is not None:
                return end
            # It is over: whether it was cancelled makes no difference any more, and must not hold up the others.
            calendar_state = replace(calendar_state, certain=True)
        if calendar_state.certain and (gone := next(self._gone_entries(calendar_state), None)) is not None:
            return gone
        if calendar_state.spent:
            if stands and self.event.rule is not None:
                # A cancelled UID is never used again: everything is cancelled, and sent under a new one.
                left = self.cancel(calendar_state)
                return self.invite(calendar_state) if left is None else left
        elif stands:
            if calendar_state.certain and (gone := next(self._dropped_dates(calendar_state), None)) is not None:
                return gone
            same = calendar_state.certain and fingerprints.is_told(self.event, calendar_state.fingerprint)
            if not same or self._restored(calendar_state):
                return self._whole(calendar_state)
            if (changed := next(self._changed_dates(calendar_state), None)) is not None:
                return changed
        elif calendar_state.stands and (end := self._end(calendar_state)) is not None:
            return end
        return next(self._separate_dates(_all_doubted(calendar_state)), None)

    def cancel(self, calendar_state: CalendarState) -> Message | None:
        """The next cancellation until nothing is left, with the recipient, organizer and time that they were sent."""
        doubtful = calendar_state.spent and not calendar_state.certain
        if calendar_state.whole and (calendar_state.stands or doubtful):
            return self._cancel(calendar_state)
        # What was doubtful of the whole is so of each entry now: else the same one would be cancelled again and again.
        calendar_state = _all_doubted(calendar_state)
        left = (
            one
            for one in self._first_doubted(calendar_state, separate=calendar_state.whole)
            if not (one.cancelled and one.certain)
        )
        return next((self._cancel_date(calendar_state, one, None, dropped=False) for one in left), None)

    def _end(self, calendar_state: CalendarState) -> Message | None:
        """Cancel the main entry, of which no date takes place any more, while separate entries still do."""
        if self._whole_over(calendar_state):
            return None
        left = [one for one in self._held(calendar_state) if not self._over(None, one)]
        if calendar_state.spent:
            # It was cancelled, but not for certain: cancel it once more.
            last = (
                None
                if calendar_state.date is None or calendar_state.separate
                else calendar_state.occurrence_state(calendar_state.date)
            )
            left = [] if last is None else [last]
        elif not left:
            return None
        if len(left) > 1 and calendar_state.certain:
            return self._cancel_date(calendar_state, left[0], self._present(calendar_state, left[0].date))
        if len(left) == 1:
            return self._cancel_date(calendar_state, left[0], self._present(calendar_state, left[0].date), ends=True)
        return self._cancel(calendar_state)

    def _held(self, calendar_state: CalendarState) -> Iterator[OccurrenceState]:
        """The dates that the main entry shows, or may show."""
        if calendar_state.rule is None:
            yield calendar_state.plain(calendar_state.naming.when.start, calendar_state.when)
            return
        for start, when in series.times(calendar_state.schedule).items():
            known = calendar_state.occurrence_state(start)
            if known is None or not known.cancelled:
                own = known is not None and known.when is not None
                yield known if known is not None and own else calendar_state.plain(start, when)

    def _standing(self) -> Iterator[tuple[LocalTime, Occurrence]]:
        """The dates of the registration that take place and are not over, by the names that the registration has."""
        for date, one in self._chosen().items():
            if one is not None and not one.cancelled and not self._over(one, None):
                yield date, one

    def _chosen(self) -> dict[LocalTime, Occurrence | None]:
        """Every date of a registration for some dates, as it is now; ``None`` for a date that no longer exists."""
        return series_changes.chosen(self.event, self.registration.occurrences or (), self.registration.named)

    def _restored(self, calendar_state: CalendarState) -> bool:
        """Whether a date takes place again that was cancelled in their calendar, or may have been: only a message about
        the whole series can restore it.
        """
        separated = calendar_entries.separate(self.event)
        cancelled = {one.date for one in calendar_state.dates if one.cancelled and not one.separate}
        if calendar_state.method is Method.CANCEL and calendar_state.date is not None and not calendar_state.separate:
            cancelled.add(calendar_state.date)
        return bool(cancelled) and any(
            one.date in cancelled and one.date not in separated and not one.cancelled and not self._over(one, None)
            for one in series.occurrences(self.event)
        )

    def _dropped_dates(self, calendar_state: CalendarState) -> Iterator[Message]:
        """Cancellations of occurrences that were sent on their own and are no dates of the series any more.

        The only one that their calendar shows stays for now: no calendar is to hold a series without a date, so the
        whole series, which has others now, goes first. Not where nothing is repeated any more, since the date could not
        be named in what follows: a calendar that refuses to lose its last date loses it with the next message.
        """
        if not calendar_state.dates or not self._names_stay(calendar_state):
            return
        separated, dates = calendar_entries.separate(self.event), series.by_name(self.event)
        for known in self._first_doubted(calendar_state):
            one = dates.get(known.date)
            dropped = not known.cancelled and (one is None or one.cancelled or known.date in separated)
            others = any(held.date != known.date for held in self._held(calendar_state))
            if dropped and (others or self.event.rule is None):
                yield self._cancel_date(calendar_state, known, one)

    def _changed_dates(self, calendar_state: CalendarState) -> Iterator[Message]:
        """Messages about single occurrences of a series that is otherwise up to date in their calendar."""
        if self.event.rule is None:
            return
        states = {one.date: one for one in calendar_state.dates if not one.separate}
        changed = {change.date for change in self.event.changes} | set(states)
        extra, separated = set(calendar_entries.extra_dates(self.event.schedule)), calendar_entries.separate(self.event)
        every = [one for one in series.occurrences(self.event) if one.date not in extra]
        order_keys = {}
        for at, one in enumerate(every):
            if one.date in changed:
                before, after = (
                    [state for each in near if (state := states.get(each.date)) is not None]
                    for near in (every[max(0, at - 1) : at], every[at + 1 : at + 2])
                )
                order_keys[one.date] = (*_order_key(one, states.get(one.date)), self._in_the_way(one, before, after))
        dates = [one for one in every if one.date in changed]
        for one in sorted(dates, key=lambda one: order_keys[one.date]):
            known = states.get(one.date)
            if not self._main_date_over(one, known):
                yield from self._of_date(
                    calendar_state, one.date, one, known or self._plain(calendar_state, one), separated
                )

    def _main_date_over(self, one: Occurrence, known: OccurrenceState | None) -> bool:
        """Whether a date of the main entry is over, also by the rule if their calendar may have it there: it has once
        the whole series was sent, until a message about the date follows.
        """
        if not self._over(one, known):
            return False
        return (known is not None and known.known) or self._over_by_rule(one)

    def _in_the_way(self, one: Occurrence, before: list[OccurrenceState], after: list[OccurrenceState]) -> bool:
        """Whether an occurrence can move only after a neighbour has moved: Exchange checks each message on its own."""
        if not one.moved:
            return False
        earlier, later = (
            [each.when for each in near if each.when is not None and not each.cancelled] for near in (before, after)
        )
        return not calendar_entries.between(one.when, earlier, later, self.event.when.time_zone)

    def _chosen_dates(self, calendar_state: CalendarState) -> Iterator[Message]:
        """Messages for a registration for some dates. Invitations are last, since they may have to wait for quota."""
        states = {one.date: one for one in calendar_state.dates}
        dates: dict[LocalTime, Occurrence | None] = dict.fromkeys(states) | self._chosen()
        order_keys = {date: (*_order_key(one, states.get(date)), date not in states) for date, one in dates.items()}
        for date in sorted(dates, key=lambda date: (order_keys[date], date.isoformat())):
            one, known = dates[date], states.get(date)
            if not self._over(one, known):
                yield from self._of_date(calendar_state, date, one, known)

    def _first_doubted(self, calendar_state: CalendarState, *, separate: bool = False) -> list[OccurrenceState]:
        """The occurrences, or the ``separate`` entries, that are not over: those of unknown state first."""
        dates = [one for one in calendar_state.dates if bool(one.separate) is separate and not self._over(None, one)]
        return sorted(dates, key=lambda one: one.known)

    def _of_date(
        self,
        calendar_state: CalendarState,
        date: LocalTime,
        one: Occurrence | None,
        known: OccurrenceState | None,
        separated: frozenset[LocalTime] = frozenset(),
    ) -> Iterator[Message]:
        """At most one message: what is missing about one occurrence. ``separated``: the dates of separate entries."""
        if one is None or one.cancelled or date in separated:
            if known is not None and not known.cancelled:
                yield self._cancel_date(calendar_state, known, one)
        elif not self._is_told(one, known):
            yield self._date(date, one, calendar_state, calendar_state.generation)

    def _gone_entries(self, calendar_state: CalendarState) -> Iterator[Message]:
        """Cancellations of separate entries that do not take place, or whose earlier cancellation is not certain."""
        entries = self._first_doubted(calendar_state, separate=True)
        if not entries:
            return
        separated, names = self._separated(calendar_state), self._names(calendar_state)
        dates = series.by_name(self.event)
        seen: set[LocalTime] = set()
        for known in entries:
            one = dates.get(names[known.date]) if known.date in names else None
            if known.cancelled:
                if not known.certain:
                    yield self._cancel_date(calendar_state, known, one, dropped=False)
            elif one is None or one.cancelled or one.date not in separated or one.date in seen:
                yield self._cancel_date(calendar_state, known, one)
            else:
                seen.add(one.date)

    def _separate_dates(self, calendar_state: CalendarState) -> Iterator[Message]:
        """Messages about separate entries. Invitations are last, since they may have to wait for quota."""
        event = self.event
        if not calendar_state.stands:
            # Names are those of the main entry that was sent. If that is not in the calendar, use the present ones.
            calendar_state = replace(
                calendar_state,
                when=event.when,
                rule=event.rule,
                first=None,
                dates=self._renamed(calendar_state),
            )
        elif event.rule is None:
            # The first date may have been given a time of its own: then the main entry is the same after a move.
            first = None if event.when.start == calendar_state.when.start else event.when.start
            calendar_state = replace(calendar_state, first=first, dates=self._renamed(calendar_state))
        separated = self._separated(calendar_state)
        if not separated:
            return
        states = {one.date: one for one in calendar_state.dates if one.separate and not one.cancelled}
        dates = [one for one in series.occurrences(event) if one.date in separated and not one.cancelled]
        for one in sorted(dates, key=lambda one: (*_order_key(one, states.get(one.date)), one.date not in states)):
            known = states.get(one.date)
            if not self._over(one, known) and not self._is_told(one, known):
                yield self._entry(one, calendar_state, known)

    def _is_told(self, one: Occurrence, known: OccurrenceState | None) -> bool:
        """Whether the attendee was certainly sent the occurrence or separate entry as it is now."""
        return known is not None and known.known and fingerprints.is_date_told(self.event, one, known.fingerprint)

    def _present(self, calendar_state: CalendarState, date: LocalTime) -> Occurrence | None:
        """The present occurrence that has the name ``date`` in ``calendar_state``, or ``None``."""
        name = self._names(calendar_state).get(date)
        return None if name is None else series.by_name(self.event).get(name)

    def _whole_over(self, calendar_state: CalendarState) -> bool:
        """Whether everything that the main entry shows is over, at the times that were sent."""
        if self.now is None:
            return False
        times = [
            one.when for one in calendar_state.dates if not one.separate and not one.cancelled and one.when is not None
        ]
        return all(
            at <= self.now for at in (series.schedule_ends_at(calendar_state.schedule), *(one.ends_at for one in times))
        )


def _order_key(one: Occurrence | None, known: OccurrenceState | None) -> tuple[bool, bool]:
    """The sort key of an occurrence's message: unknown states come first, then what does not take place.

    So a cancellation never has to wait because the mail about another date is rejected, or waits for quota.
    """
    return known is None or known.known, one is not None and not one.cancelled


def _all_doubted(calendar_state: CalendarState) -> CalendarState:
    """If ``calendar_state`` is not certain: the same with all ``dates`` marked as unknown instead; of a registration
    for the whole event, all separate entries.
    """
    if calendar_state.certain:
        return calendar_state
    if calendar_state.whole:
        return replace(calendar_state.distrusted, certain=True)
    return replace(
        calendar_state,
        certain=True,
        dates=tuple(replace(one, cancelled=False, fingerprint="") for one in calendar_state.dates),
    )
