"""Builds each message that may follow from one attendee's registration, the event and their calendar state.

Terms: the *main entry* is the event or series under the registration's UID; a *separate entry* is an occurrence that is
sent with a UID of its own (see ``schedule.series.separate``). An occurrence is named by its original start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ..model import (
    Event,
    EventStatus,
    LocalTime,
    Method,
    Occurrence,
    Participation,
    Person,
    Registration,
    Reply,
    Sender,
    frozen,
)
from ..schedule import series
from . import fingerprints
from .calendar_state import CalendarState, Message, OccurrenceState, PreviousState, separate_name


@frozen
class MessagePlanner:
    """The present event and registration of one attendee, to be compared with their calendar state.

    ``now``, UTC, decides which occurrences are over; if it is ``None``, none are.
    """

    event: Event
    registration: Registration
    sender: Sender
    now: datetime | None

    @property
    def whole(self) -> bool:
        """Whether the registration is for the whole event, and not for some dates only."""
        return self.registration.occurrences is None

    # --- which message ----------------------------------------------------------------------------------------

    def invite(self, calendar_state: CalendarState | None) -> Message | None:
        """The first invitation; or, if all of ``calendar_state`` was cancelled, the first under a new UID."""
        generation = 1 if calendar_state is None else calendar_state.generation + 1
        if not self.whole:
            return next((self._date(date, one, None, generation) for date, one in self._standing()), None)
        if series.stands(self.event):
            return self._whole(None, generation)
        return next(self._separate_dates(self._empty_state(generation)), None)

    def update(self, calendar_state: CalendarState) -> Message | None:
        """The first message that is missing: about the whole series, then about single occurrences, those that do not
        take place first.

        Before all that, an occurrence that was sent on its own and does not take place any more is cancelled: some
        calendars keep it, whatever the series says. So is a separate entry whose date does not take place, or belongs
        to the series again.
        """
        if self.whole:
            return self._update_whole(calendar_state)
        if calendar_state.gone and calendar_state.certain:
            return self.invite(calendar_state)
        return next(self._chosen_dates(_all_doubted(calendar_state)), None)

    def _update_whole(self, calendar_state: CalendarState) -> Message | None:
        stands = series.stands(self.event)
        if calendar_state.certain and (gone := next(self._gone_entries(calendar_state), None)) is not None:
            return gone
        if calendar_state.withdrawn:
            if not calendar_state.certain:
                return self._end(calendar_state)
            if stands and self.event.rule is not None:
                # A cancelled UID is never used again: everything is cancelled, and sent under a new one.
                left = self.cancel(calendar_state)
                return self.invite(calendar_state) if left is None else left
        elif stands:
            if calendar_state.certain and (gone := next(self._dropped_dates(calendar_state), None)) is not None:
                return gone
            same = calendar_state.certain and calendar_state.fingerprint == fingerprints.fingerprint(
                self.event, fingerprints.schema_of(calendar_state.fingerprint) if calendar_state.fingerprint else None
            )
            if not same or self._restored(calendar_state):
                return self._whole(calendar_state, calendar_state.generation)
            if (changed := next(self._changed_dates(calendar_state), None)) is not None:
                return changed
        elif calendar_state.stands and (end := self._end(calendar_state)) is not None:
            return end
        return next(self._separate_dates(_all_doubted(calendar_state)), None)

    def cancel(self, calendar_state: CalendarState) -> Message | None:
        """The next cancellation until nothing is left, with the recipient, organizer and time that they were sent."""
        if calendar_state.whole:
            if calendar_state.stands or (calendar_state.withdrawn and not calendar_state.certain):
                return self._cancel(calendar_state)
            entries = self._first_doubted(_all_doubted(calendar_state), separate=True)
            cancels = (
                self._cancel_date(calendar_state, one, None, dropped=False) for one in entries if _may_stand(one)
            )
            return next(cancels, None)
        calendar_state = _all_doubted(calendar_state)
        return next(
            (
                self._cancel_date(calendar_state, one, None, dropped=False)
                for one in self._first_doubted(calendar_state)
                if not one.cancelled
            ),
            None,
        )

    def _end(self, calendar_state: CalendarState) -> Message | None:
        """Cancel the main entry, of which no date takes place any more, while separate entries still do."""
        if self._whole_over(calendar_state):
            return None
        left = [one for one in self._held(calendar_state) if not self._over(None, one)]
        if calendar_state.withdrawn:
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
            yield OccurrenceState(
                date=calendar_state.naming.when.start,
                title=calendar_state.title,
                when=calendar_state.when,
                location=calendar_state.location,
                asked=calendar_state.asked,
            )
            return
        for start, when in series.times(replace(calendar_state.schedule, added=())).items():
            known = calendar_state.occurrence_state(start)
            if known is None or not known.cancelled:
                plain = OccurrenceState(
                    date=start,
                    title=calendar_state.title,
                    when=when,
                    location=calendar_state.location,
                    asked=calendar_state.asked,
                )
                yield known if known is not None and known.when is not None else plain

    # --- which dates ------------------------------------------------------------------------------------------

    def _standing(self) -> Iterator[tuple[LocalTime, Occurrence]]:
        """The dates of the registration that take place and are not over, by the names that the registration has."""
        for date, one in self._chosen().items():
            if one is not None and not one.cancelled and not self._over(one, None):
                yield date, one

    def _chosen(self) -> dict[LocalTime, Occurrence | None]:
        """Every date of a registration for some dates, as it is now; ``None`` for a date that no longer exists."""
        names = series.named(self.event, self.registration.occurrences or (), self.registration.named)
        dates = {one.date: one for one in series.occurrences(self.event)}
        return {date: dates.get(names[date]) if date in names else None for date in self.registration.occurrences or ()}

    def _restored(self, calendar_state: CalendarState) -> bool:
        """Whether a date takes place again that was cancelled in their calendar, or may have been: only a message about
        the whole series can restore it.
        """
        separated = series.separate(self.event)
        cancelled = {one.date for one in calendar_state.dates if one.cancelled and not one.separate}
        if calendar_state.method is Method.CANCEL and calendar_state.date is not None and not calendar_state.separate:
            cancelled.add(calendar_state.date)
        return bool(cancelled) and any(
            one.date in cancelled and one.date not in separated and not one.cancelled and not self._over(one, None)
            for one in series.occurrences(self.event)
        )

    def _dropped_dates(self, calendar_state: CalendarState) -> Iterator[Message]:
        """Cancellations of occurrences that were sent on their own and are no dates of the series any more."""
        if not calendar_state.dates or not self._names_stay(calendar_state):
            return
        separated = series.separate(self.event)
        dates = {one.date: one for one in series.occurrences(self.event)}
        for known in self._first_doubted(calendar_state):
            one = dates.get(known.date)
            if not known.cancelled and (one is None or one.cancelled or known.date in separated):
                yield self._cancel_date(calendar_state, known, one)

    def _names_stay(self, calendar_state: CalendarState) -> bool:
        """Whether the dates have the same names, their original starts, as in ``calendar_state``."""
        named = calendar_state.naming.when.start, calendar_state.when.time_zone
        return named == (self.event.when.start, self.event.when.time_zone)

    def _changed_dates(self, calendar_state: CalendarState) -> Iterator[Message]:
        """Messages about single occurrences of a series that is otherwise up to date in their calendar."""
        if self.event.rule is None:
            return
        states = {one.date: one for one in calendar_state.dates if not one.separate}
        changed = {change.date for change in self.event.changes} | set(states)
        extra, separated = set(series.extra_dates(self.event.schedule)), series.separate(self.event)
        every = [one for one in series.occurrences(self.event) if one.date not in extra]
        order_keys = {}
        for at, one in enumerate(every):
            if one.date in changed:
                around = [states.get(each.date) for each in (*every[max(0, at - 1) : at], *every[at + 1 : at + 2])]
                order_keys[one.date] = (*_order_key(one, states.get(one.date)), self._in_the_way(one, around))
        dates = [one for one in every if one.date in changed]
        for one in sorted(dates, key=lambda one: order_keys[one.date]):
            known = states.get(one.date)
            if not self._over(one, known):
                yield from self._of_date(
                    calendar_state, one.date, one, known or self._plain(calendar_state, one), separated
                )

    def _in_the_way(self, one: Occurrence, around: list[OccurrenceState | None]) -> bool:
        """Whether an occurrence can move only after a neighbour has moved: Exchange checks each message on its own."""
        there = [each for each in around if each is not None and not each.cancelled and each.when is not None]
        before = [each.when for each in there if each.when is not None and each.date.isoformat() < one.date.isoformat()]
        after = [each.when for each in there if each.when is not None and each.date.isoformat() > one.date.isoformat()]
        return one.moved and not series.between(one.when, before, after, self.event.when.time_zone)

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
        elif (
            known is None
            or not known.known
            or known.fingerprint != fingerprints.of_date(self.event, one, known.fingerprint)
        ):
            yield self._date(date, one, calendar_state, calendar_state.generation)

    def _plain(self, calendar_state: CalendarState, one: Occurrence) -> OccurrenceState:
        """The state of an occurrence of which nothing was sent but the series itself."""
        when = series.when_at(self.event.schedule, one.date)
        plain = Occurrence(
            date=one.date,
            when=when,
            title=self.event.title,
            location=self.event.location,
            description=self.event.description,
        )
        return OccurrenceState(
            date=one.date,
            fingerprint=fingerprints.of_date(self.event, plain),
            title=calendar_state.title,
            when=when,
            location=calendar_state.location,
            asked=calendar_state.asked,
        )

    @property
    def _entries(self) -> int:
        """How many entries an attendee of the whole event has, or will have, that are not over."""
        separated = series.separate(self.event)
        coming = [one.date for one in series.occurrences(self.event) if not one.cancelled and not self._over(one, None)]
        return len(separated.intersection(coming)) + any(date not in separated for date in coming)

    # --- separate entries -------------------------------------------------------------------------------------

    def _separated(self, calendar_state: CalendarState) -> frozenset[LocalTime]:
        """The dates that this attendee is sent as separate entries: those of :func:`series.separate`; and the first
        date of an event without a rule, if the main entry was cancelled and its UID cannot be used again.
        """
        separated = series.separate(self.event)
        return (
            separated | {self.event.when.start} if calendar_state.withdrawn and self.event.rule is None else separated
        )

    def _gone_entries(self, calendar_state: CalendarState) -> Iterator[Message]:
        """Cancellations of separate entries that do not take place, or whose earlier cancellation is not certain."""
        entries = self._first_doubted(calendar_state, separate=True)
        if not entries:
            return
        separated, names = self._separated(calendar_state), self._names(calendar_state)
        dates = {one.date: one for one in series.occurrences(self.event)}
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
                added=(),
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
        dates = [one for one in series.occurrences(self.event) if one.date in separated and not one.cancelled]
        for one in sorted(dates, key=lambda one: (*_order_key(one, states.get(one.date)), one.date not in states)):
            known = states.get(one.date)
            if not self._over(one, known) and (
                known is None
                or not known.known
                or known.fingerprint != fingerprints.of_date(event, one, known.fingerprint)
            ):
                yield self._entry(one, calendar_state, known)

    def _present(self, calendar_state: CalendarState, date: LocalTime) -> Occurrence | None:
        """The present occurrence that has the name ``date`` in ``calendar_state``, or ``None``."""
        name = self._names(calendar_state).get(date)
        return next((one for one in series.occurrences(self.event) if one.date == name), None)

    def _names(self, calendar_state: CalendarState) -> Mapping[LocalTime, LocalTime]:
        """The present name of each date, by its name in ``calendar_state``."""
        return series.renamed(calendar_state.naming, self.event.schedule)

    def _renamed(self, calendar_state: CalendarState) -> tuple[OccurrenceState, ...]:
        """The separate entries under the present names of their dates, without those that are cancelled and over."""
        if not any(one.separate for one in calendar_state.dates):
            return ()
        names = self._names(calendar_state)
        return tuple(
            one if one.cancelled else replace(one, date=names.get(one.date, one.date))
            for one in calendar_state.dates
            if one.separate and not (one.cancelled and self._over(None, one))
        )

    def _entry(self, one: Occurrence, calendar_state: CalendarState, known: OccurrenceState | None) -> Message:
        """The REQUEST for an occurrence as a separate entry: for the entry in ``known``, or for a new one."""
        was = known
        others = any(each.separate and each.date == one.date for each in calendar_state.dates)
        # The latest message took it out of the series, whatever entry of its own it had before.
        taken_out = calendar_state.method is Method.CANCEL and calendar_state.part == one.date
        if was is None and (not others or (taken_out and not calendar_state.separate)):
            was = calendar_state.occurrence_state(one.date)
        same = known is not None and (known.when, known.location) == (one.when, one.location)
        asked = known.asked if known is not None and same else None
        return Message(
            **self._request(calendar_state, calendar_state.generation),
            date=one.date,
            date_zone=self.event.when.time_zone,
            separate=known.separate if known is not None else separate_name(one.date, calendar_state.sequence + 1),
            title=one.title,
            when=one.when,
            location=one.location,
            description=one.description,
            participation=Participation.NEEDS_ACTION
            if asked is None
            else answer(self.registration, asked, one.date, alone=True),
            asked=asked,
            fingerprint=fingerprints.of_date(self.event, one),
            declining_frees_seat=self.event.release_on_decline,
            several_entries=self._entries > 1,
            before=None
            if was is None or was.when is None
            else PreviousState(title=was.title, when=was.when, location=was.location, certain=was.known),
        )

    def _empty_state(self, generation: int) -> CalendarState:
        """The calendar state of an attendee before the first message of a generation."""
        event, registration = self.event, self.registration
        return CalendarState(
            uid=uid(event.event_id, registration.registration_id, generation, self.sender.domain),
            generation=generation,
            sequence=-1,
            method=Method.REQUEST,
            dtstamp=registration.created_at,
            fingerprint="",
            title=event.title,
            when=event.when,
            rule=event.rule,
            location=event.location,
            recipient=registration.email,
            organizer=self.sender.address,
            asked=0,
        )

    def _over(self, one: Occurrence | None, known: OccurrenceState | None) -> bool:
        """Whether an occurrence is over, both at its present time and at the time that was sent."""
        if self.now is None:
            return False
        times = [one.when] if one is not None else []
        times += [known.when] if known is not None and known.when is not None else []
        return all(when.ends_at <= self.now for when in times)

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

    # --- messages ---------------------------------------------------------------------------------------------

    def _whole(self, calendar_state: CalendarState | None, generation: int) -> Message:
        """The REQUEST for the main entry."""
        event = self.event
        main, separated = series.main(event), series.separate(event)
        extra = set(series.extra_dates(event.schedule))
        asked = (
            calendar_state.asked
            if calendar_state is not None and calendar_state.stands and same_time_and_place(calendar_state, event)
            else None
        )
        without = [one.date for one in series.occurrences(event) if one.cancelled or one.date in separated]
        return Message(
            **self._request(calendar_state, generation),
            title=main.title,
            when=main.when,
            rule=main.rule,
            first=event.when.start,
            without=tuple(date for date in without if date not in extra),
            kept=self._kept(calendar_state) if calendar_state is not None else (),
            separated=self._renamed(calendar_state) if calendar_state is not None else (),
            location=main.location,
            description=main.description,
            participation=Participation.NEEDS_ACTION if asked is None else answer(self.registration, asked),
            asked=asked,
            fingerprint=fingerprints.fingerprint(event),
            before=calendar_state.known if calendar_state is not None and calendar_state.stands else None,
            declining_frees_seat=event.release_on_decline,
            several_entries=self._entries > 1,
        )

    def _kept(self, calendar_state: CalendarState) -> tuple[OccurrenceState, ...]:
        """The occurrences that were sent one by one, if they still have the same names; of those that were cancelled,
        only the ones that take place again.
        """
        if not self._names_stay(calendar_state) or self.event.rule is None:
            return ()
        separated = series.separate(self.event)
        standing = {one.date for one in series.occurrences(self.event) if not one.cancelled} - separated
        return tuple(
            one for one in calendar_state.dates if not one.separate and (not one.cancelled or one.date in standing)
        )

    def _date(self, date: LocalTime, one: Occurrence, calendar_state: CalendarState | None, generation: int) -> Message:
        """The REQUEST for one occurrence of the series."""
        known = None if calendar_state is None else calendar_state.occurrence_state(date)
        if known is None and calendar_state is not None and calendar_state.whole:
            known = self._plain(calendar_state, one)
        before = None
        # If the occurrence was cancelled for the attendee, that it takes place is no update.
        if known is not None and known.when is not None and not known.cancelled:
            before = PreviousState(title=known.title, when=known.when, location=known.location, certain=known.known)
        same = known is not None and not known.cancelled and (known.when, known.location) == (one.when, one.location)
        asked = known.asked if known is not None and same else None
        return Message(
            **self._request(calendar_state, generation),
            date=date,
            date_zone=self._date_zone(calendar_state),
            title=one.title,
            when=one.when,
            location=one.location,
            description=one.description,
            participation=Participation.NEEDS_ACTION
            if asked is None
            else answer(self.registration, asked, date, one.date),
            asked=asked,
            fingerprint=fingerprints.of_date(self.event, one),
            before=before,
        )

    def _date_zone(self, calendar_state: CalendarState | None) -> str | None:
        """The zone of the dates' names. Of a registration for some dates: as it was when they were chosen."""
        if calendar_state is not None:
            return calendar_state.when.time_zone
        if self.whole:
            return self.event.when.time_zone
        return (*self.event.earlier, self.event.schedule)[self.registration.named].when.time_zone

    def _request(self, calendar_state: CalendarState | None, generation: int) -> dict[str, Any]:
        """The fields of :class:`Message` that all requests have alike."""
        event, registration = self.event, self.registration
        return {
            "method": Method.REQUEST,
            "uid": calendar_state.uid
            if calendar_state
            else uid(event.event_id, registration.registration_id, generation, self.sender.domain),
            "generation": generation,
            # Within one UID the address is spelled the same, since some calendars compare addresses with case.
            "attendee": Person(
                name=registration.name, email=calendar_state.recipient if calendar_state else registration.email
            ),
            "organizer": Person(
                name=event.organizer.name, email=calendar_state.organizer if calendar_state else self.sender.address
            ),
            "reply_to": event.organizer,
            "receives_replies": self.sender.receives_replies,
            "url": event.url,
            "conference": event.conference,
            "reminders": event.reminders,
            "status": event.status,
            "state_before": calendar_state,
            "created_at": registration.created_at,
            "updated_at": event.updated_at,
        }

    def _cancel(self, calendar_state: CalendarState) -> Message:
        """The CANCEL of the main entry."""
        called_off = self.event.status is EventStatus.CANCELLED
        cancelled = [one.date for one in calendar_state.dates if one.cancelled and not one.separate]
        return Message(
            **self._cancellation(calendar_state),
            title=calendar_state.title,
            when=calendar_state.when,
            rule=calendar_state.rule,
            first=calendar_state.first,
            without=tuple(cancelled),
            separated=tuple(one for one in calendar_state.dates if one.separate),
            location=calendar_state.location,
            participation=answer(self.registration, calendar_state.asked),
            asked=calendar_state.asked,
            fingerprint=calendar_state.fingerprint,
            before=calendar_state.known,
            called_off=called_off,
            reason=self.event.reason if called_off else "",
        )

    def _cancel_date(
        self,
        calendar_state: CalendarState,
        known: OccurrenceState,
        one: Occurrence | None,
        *,
        ends: bool = False,
        dropped: bool = True,
    ) -> Message:
        """The CANCEL of one occurrence or separate entry.

        The reason may be that the occurrence or the event is cancelled, that the attendee is not expected any more, or
        that ``one`` takes place and is sent as another entry. It is ``dropped`` if everything else stays as it is.
        """
        when = known.when or (one.when if one else calendar_state.when)
        event_cancelled = self.event.status is EventStatus.CANCELLED
        # A registration for the whole event has all its dates: one that is missing was removed by the organizer.
        date_cancelled = one.cancelled if one is not None else calendar_state.whole and dropped
        reason = one.reason if one is not None and one.cancelled else self.event.reason if event_cancelled else ""
        return Message(
            **self._cancellation(calendar_state),
            date=known.date,
            date_zone=calendar_state.when.time_zone,
            separate=known.separate,
            ends=ends,
            title=known.title or calendar_state.title,
            when=when,
            location=known.location,
            participation=answer(self.registration, known.asked, known.date, alone=bool(known.separate)),
            asked=known.asked,
            fingerprint="",
            before=PreviousState(title=known.title, when=when, location=known.location, certain=known.known),
            called_off=event_cancelled or date_cancelled,
            reason=reason,
            others_stay=dropped and not event_cancelled,
            instead=one.when if one is not None and not one.cancelled and calendar_state.whole else None,
        )

    def _cancellation(self, calendar_state: CalendarState) -> dict[str, Any]:
        """The fields of :class:`Message` that all cancellations have alike."""
        return {
            "method": Method.CANCEL,
            "uid": calendar_state.uid,
            "generation": calendar_state.generation,
            "attendee": Person(name=self.registration.name, email=calendar_state.recipient),
            "organizer": Person(name=self.event.organizer.name, email=calendar_state.organizer),
            "reply_to": self.event.organizer,
            "receives_replies": self.sender.receives_replies,
            "status": EventStatus.CANCELLED,
            "state_before": calendar_state,
            "created_at": self.registration.created_at,
            "updated_at": self.event.updated_at,
        }


def _order_key(one: Occurrence | None, known: OccurrenceState | None) -> tuple[bool, bool]:
    """The sort key of an occurrence's message: unknown states come first, then what does not take place.

    So a cancellation never has to wait because the mail about another date is rejected, or waits for quota.
    """
    return known is None or known.known, one is not None and not one.cancelled


def _may_stand(entry: OccurrenceState) -> bool:
    """Whether a separate entry may be in the calendar."""
    return not entry.cancelled or not entry.certain


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


def same_time_and_place(calendar_state: CalendarState, event: Event) -> bool:
    """Whether time and place are the same, so that earlier answers count. A series may have another end."""
    main = series.main(event)
    same_rule = calendar_state.rule == main.rule or (
        calendar_state.rule is not None
        and main.rule is not None
        and series.same_but_for_its_end(calendar_state.rule, main.rule)
    )
    return calendar_state.when == main.when and calendar_state.location == main.location and same_rule


def answer(registration: Registration, asked: int, *dates: LocalTime | None, alone: bool = False) -> Participation:
    """The latest answer to the message of SEQUENCE ``asked`` or a later one: to the whole, or to one occurrence by any
    of the names ``dates``. Of an occurrence that is ``alone``, a separate entry, only answers to that count.
    """
    reply = reply_to(registration, asked, *dates, alone=alone)
    return reply.status if reply else Participation.NEEDS_ACTION


def reply_to(registration: Registration, asked: int, *dates: LocalTime | None, alone: bool = False) -> Reply | None:
    """The reply that :func:`answer` is taken from, or ``None`` without one."""
    whole = registration.reply
    # An answer to the whole that resets the participation does so for every entry.
    counts = whole is not None and (not alone or whole.status is Participation.NEEDS_ACTION)
    replies = [whole] if whole is not None and counts else []
    replies += [reply for reply in registration.date_replies if reply.date in dates]
    return max((reply for reply in replies if reply.sequence >= asked), key=order, default=None)


# Of two answers that arrived at the same instant, the later in this list counts: so nobody loses a seat by mistake.
_RANK = (
    Participation.NEEDS_ACTION,
    Participation.DELEGATED,
    Participation.DECLINED,
    Participation.TENTATIVE,
    Participation.ACCEPTED,
)
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


def order(reply: Reply) -> tuple[int, datetime, datetime, int]:
    """The sort key by which the newer of two answers is greater: the SEQUENCE that they answer, then their DTSTAMP (RFC
    5546, section 2.1.5), then their arrival, since some programs give all answers the DTSTAMP of the invitation.

    When an answer was processed does not matter, so the result is the same in whatever order that happens.
    """
    return reply.sequence, reply.dtstamp, reply.received_at or _BEFORE_ALL, _RANK.index(reply.status)


def uid(event_id: str, registration_id: str, generation: int, domain: str) -> str:
    """The UID of one registration's entry (RFC 5545, section 3.8.4.7). It contains the keys of the items."""
    return f"{event_id}.{registration_id}.{generation}@{domain}"
