"""One attendee's case: what is true of them, what they were told, and each message that may follow from it."""

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
    """What is true of one attendee, to be compared with what they were told.

    ``now``, UTC, decides which dates are over; where it is ``None``, none are.
    """

    event: Event
    registration: Registration
    sender: Sender
    now: datetime | None

    @property
    def whole(self) -> bool:
        """Whether they come to the whole event, and not to some dates only."""
        return self.registration.occurrences is None

    # --- what to say ------------------------------------------------------------------------------------------

    def invite(self, calendar_state: CalendarState | None) -> Message | None:
        """The first message, or, after all of ``calendar_state`` was taken back, the first under a new UID."""
        generation = 1 if calendar_state is None else calendar_state.generation + 1
        if not self.whole:
            return next((self._date(date, one, None, generation) for date, one in self._standing()), None)
        if series.stands(self.event):
            return self._whole(None, generation)
        return next(self._separate_dates(self._nothing(generation)), None)

    def update(self, calendar_state: CalendarState) -> Message | None:
        """What is other than they were told: first of the whole series, then date by date, those that are off first.

        What was told of a single date that does not take place any more is taken back before that: some calendars keep
        it, whatever the series says. So is an entry of its own whose date is off, or is a date of the series again.
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
                # A UID once cancelled is never used again: all of it is told anew.
                left = self.take_back(calendar_state)
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

    def take_back(self, calendar_state: CalendarState) -> Message | None:
        """Take back what was told, as it was told: to the address, from the organizer, at the time that they know."""
        if calendar_state.whole:
            if calendar_state.stands or (calendar_state.withdrawn and not calendar_state.certain):
                return self._cancel(calendar_state)
            entries = self._first_doubted(_all_doubted(calendar_state), separate=True)
            back = (self._cancel_date(calendar_state, one, None, dropped=False) for one in entries if _may_stand(one))
            return next(back, None)
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
        """Take back the entry of which no date takes place any more, while there are others of their own."""
        if self._whole_over(calendar_state):
            return None
        left = [one for one in self._held(calendar_state) if not self._over(None, one)]
        if calendar_state.withdrawn:
            # Once more: that it is gone is not certain.
            last = (
                None
                if calendar_state.date is None or calendar_state.separate
                else calendar_state.occurrence_state(calendar_state.date)
            )
            left = [] if last is None else [last]
        elif not left:
            return None
        if len(left) > 1 and calendar_state.certain:
            return self._cancel_date(calendar_state, left[0], self._now(calendar_state, left[0].date))
        if len(left) == 1:
            return self._cancel_date(calendar_state, left[0], self._now(calendar_state, left[0].date), ends=True)
        return self._cancel(calendar_state)

    def _held(self, calendar_state: CalendarState) -> Iterator[OccurrenceState]:
        """The dates that the entry itself shows, or may show."""
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
        """The dates that they come to and that take place, by the names that they are told under."""
        for date, one in self._chosen().items():
            if one is not None and not one.cancelled and not self._over(one, None):
                yield date, one

    def _chosen(self) -> dict[LocalTime, Occurrence | None]:
        """Every date of a registration for some dates, as it is now; ``None`` where there is no such date any more."""
        names = series.named(self.event, self.registration.occurrences or (), self.registration.named)
        dates = {one.date: one for one in series.occurrences(self.event)}
        return {date: dates.get(names[date]) if date in names else None for date in self.registration.occurrences or ()}

    def _restored(self, calendar_state: CalendarState) -> bool:
        """Whether a date takes place again that they were told, or may have been, does not: only the whole series can
        say so.
        """
        apart = series.separate(self.event)
        cancelled = {one.date for one in calendar_state.dates if one.cancelled and not one.separate}
        if calendar_state.method is Method.CANCEL and calendar_state.date is not None and not calendar_state.separate:
            cancelled.add(calendar_state.date)
        return bool(cancelled) and any(
            one.date in cancelled and one.date not in apart and not one.cancelled and not self._over(one, None)
            for one in series.occurrences(self.event)
        )

    def _dropped_dates(self, calendar_state: CalendarState) -> Iterator[Message]:
        if not calendar_state.dates or not self._names_stay(calendar_state):
            return
        apart = series.separate(self.event)
        dates = {one.date: one for one in series.occurrences(self.event)}
        for known in self._first_doubted(calendar_state):
            one = dates.get(known.date)
            if not known.cancelled and (one is None or one.cancelled or known.date in apart):
                yield self._cancel_date(calendar_state, known, one)

    def _names_stay(self, calendar_state: CalendarState) -> bool:
        """Whether the dates have the names that they were told by."""
        named = calendar_state.naming.when.start, calendar_state.when.time_zone
        return named == (self.event.when.start, self.event.when.time_zone)

    def _changed_dates(self, calendar_state: CalendarState) -> Iterator[Message]:
        """What to say of single dates of a series that they were told as it is."""
        if self.event.rule is None:
            return
        heard = {one.date: one for one in calendar_state.dates if not one.separate}
        changed = {change.date for change in self.event.changes} | set(heard)
        beside, apart = set(series.beside(self.event.schedule)), series.separate(self.event)
        every = [one for one in series.occurrences(self.event) if one.date not in beside]
        turns = {}
        for at, one in enumerate(every):
            if one.date in changed:
                around = [heard.get(each.date) for each in (*every[max(0, at - 1) : at], *every[at + 1 : at + 2])]
                turns[one.date] = (*_turn(one, heard.get(one.date)), self._in_the_way(one, around))
        dates = [one for one in every if one.date in changed]
        for one in sorted(dates, key=lambda one: turns[one.date]):
            known = heard.get(one.date)
            if not self._over(one, known):
                yield from self._of_date(
                    calendar_state, one.date, one, known or self._plain(calendar_state, one), apart
                )

    def _in_the_way(self, one: Occurrence, around: list[OccurrenceState | None]) -> bool:
        """Whether a date can only move once a neighbour has moved out of its way: Exchange looks at each message."""
        there = [each for each in around if each is not None and not each.cancelled and each.when is not None]
        before = [each.when for each in there if each.when is not None and each.date.isoformat() < one.date.isoformat()]
        after = [each.when for each in there if each.when is not None and each.date.isoformat() > one.date.isoformat()]
        return one.moved and not series.between(one.when, before, after, self.event.when.time_zone)

    def _chosen_dates(self, calendar_state: CalendarState) -> Iterator[Message]:
        """What to say of the dates of a registration for some: invitations, which may have to wait, come last."""
        heard = {one.date: one for one in calendar_state.dates}
        dates: dict[LocalTime, Occurrence | None] = dict.fromkeys(heard) | self._chosen()
        turns = {date: (*_turn(one, heard.get(date)), date not in heard) for date, one in dates.items()}
        for date in sorted(dates, key=lambda date: (turns[date], date.isoformat())):
            one, known = dates[date], heard.get(date)
            if not self._over(one, known):
                yield from self._of_date(calendar_state, date, one, known)

    def _first_doubted(self, calendar_state: CalendarState, *, separate: bool = False) -> list[OccurrenceState]:
        dates = [one for one in calendar_state.dates if bool(one.separate) is separate and not self._over(None, one)]
        return sorted(dates, key=lambda one: one.known)

    def _of_date(
        self,
        calendar_state: CalendarState,
        date: LocalTime,
        one: Occurrence | None,
        known: OccurrenceState | None,
        apart: frozenset[LocalTime] = frozenset(),
    ) -> Iterator[Message]:
        if one is None or one.cancelled or date in apart:
            if known is not None and not known.cancelled:
                yield self._cancel_date(calendar_state, known, one)
        elif (
            known is None
            or not known.known
            or known.fingerprint != fingerprints.of_date(self.event, one, known.fingerprint)
        ):
            yield self._date(date, one, calendar_state, calendar_state.generation)

    def _plain(self, calendar_state: CalendarState, one: Occurrence) -> OccurrenceState:
        """What the series itself says of one of its dates."""
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
        """How many entries whoever comes to the whole has, or will have, that are not over."""
        apart = series.separate(self.event)
        coming = [one.date for one in series.occurrences(self.event) if not one.cancelled and not self._over(one, None)]
        return len(apart.intersection(coming)) + any(date not in apart for date in coming)

    # --- dates that are entries of their own ------------------------------------------------------------------

    def _apart(self, calendar_state: CalendarState) -> frozenset[LocalTime]:
        """The dates that this attendee is told each as an entry of its own: those that are, and the only other one
        where its entry was cancelled, so that its UID cannot be used again.
        """
        apart = series.separate(self.event)
        return apart | {self.event.when.start} if calendar_state.withdrawn and self.event.rule is None else apart

    def _gone_entries(self, calendar_state: CalendarState) -> Iterator[Message]:
        """Entries that do not stand any more, and those of which nobody knows whether they are gone."""
        entries = self._first_doubted(calendar_state, separate=True)
        if not entries:
            return
        apart, names = self._apart(calendar_state), self._names(calendar_state)
        dates = {one.date: one for one in series.occurrences(self.event)}
        heard: set[LocalTime] = set()
        for known in entries:
            one = dates.get(names[known.date]) if known.date in names else None
            if known.cancelled:
                if not known.certain:
                    yield self._cancel_date(calendar_state, known, one, dropped=False)
            elif one is None or one.cancelled or one.date not in apart or one.date in heard:
                yield self._cancel_date(calendar_state, known, one)
            else:
                heard.add(one.date)

    def _separate_dates(self, calendar_state: CalendarState) -> Iterator[Message]:
        """What to say of the dates that are entries of their own: invitations, which may have to wait, come last."""
        event = self.event
        if not calendar_state.stands:
            # The names go by what was told of the whole. Where that is not in the calendar they go by what is true.
            calendar_state = replace(
                calendar_state,
                when=event.when,
                rule=event.rule,
                added=(),
                first=None,
                dates=self._renamed(calendar_state),
            )
        elif event.rule is None:
            # The first date may have a time of its own, and say the same though the others moved.
            first = None if event.when.start == calendar_state.when.start else event.when.start
            calendar_state = replace(calendar_state, first=first, dates=self._renamed(calendar_state))
        apart = self._apart(calendar_state)
        if not apart:
            return
        heard = {one.date: one for one in calendar_state.dates if one.separate and not one.cancelled}
        dates = [one for one in series.occurrences(self.event) if one.date in apart and not one.cancelled]
        for one in sorted(dates, key=lambda one: (*_turn(one, heard.get(one.date)), one.date not in heard)):
            known = heard.get(one.date)
            if not self._over(one, known) and (
                known is None
                or not known.known
                or known.fingerprint != fingerprints.of_date(event, one, known.fingerprint)
            ):
                yield self._entry(one, calendar_state, known)

    def _now(self, calendar_state: CalendarState, date: LocalTime) -> Occurrence | None:
        """The date that they were told under this name, as it is now, if there is one."""
        name = self._names(calendar_state).get(date)
        return next((one for one in series.occurrences(self.event) if one.date == name), None)

    def _names(self, calendar_state: CalendarState) -> Mapping[LocalTime, LocalTime]:
        """The names that the dates have now, by those that they were told by."""
        return series.renamed(calendar_state.naming, self.event.schedule)

    def _renamed(self, calendar_state: CalendarState) -> tuple[OccurrenceState, ...]:
        """The entries of their own, by the names that their dates have now. Of what is off and over nothing is left to
        say.
        """
        if not any(one.separate for one in calendar_state.dates):
            return ()
        names = self._names(calendar_state)
        return tuple(
            one if one.cancelled else replace(one, date=names.get(one.date, one.date))
            for one in calendar_state.dates
            if one.separate and not (one.cancelled and self._over(None, one))
        )

    def _entry(self, one: Occurrence, calendar_state: CalendarState, known: OccurrenceState | None) -> Message:
        """A date as an entry of its own: that which they have, or a new one."""
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

    def _nothing(self, generation: int) -> CalendarState:
        """What somebody was told of whom nothing is known but that they come."""
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
        """Whether a date is over, both as it is and as it was told."""
        if self.now is None:
            return False
        times = [one.when] if one is not None else []
        times += [known.when] if known is not None and known.when is not None else []
        return all(when.ends_at <= self.now for when in times)

    def _whole_over(self, calendar_state: CalendarState) -> bool:
        """Whether all that the entry of the whole shows is over, as it was told."""
        if self.now is None:
            return False
        times = [
            one.when for one in calendar_state.dates if not one.separate and not one.cancelled and one.when is not None
        ]
        return all(
            at <= self.now for at in (series.schedule_ends_at(calendar_state.schedule), *(one.ends_at for one in times))
        )

    # --- messages ---------------------------------------------------------------------------------------------

    def _whole(self, upon: CalendarState | None, generation: int) -> Message:
        event = self.event
        main, apart = series.main(event), series.separate(event)
        beside = set(series.beside(event.schedule))
        asked = upon.asked if upon is not None and upon.stands and same_question(upon, event) else None
        without = [one.date for one in series.occurrences(event) if one.cancelled or one.date in apart]
        return Message(
            **self._request(upon, generation),
            title=main.title,
            when=main.when,
            rule=main.rule,
            first=event.when.start,
            without=tuple(date for date in without if date not in beside),
            kept=self._kept(upon) if upon is not None else (),
            apart=self._renamed(upon) if upon is not None else (),
            location=main.location,
            description=main.description,
            participation=Participation.NEEDS_ACTION if asked is None else answer(self.registration, asked),
            asked=asked,
            fingerprint=fingerprints.fingerprint(event),
            before=upon.known if upon is not None and upon.stands else None,
            declining_frees_seat=event.release_on_decline,
            several_entries=self._entries > 1,
        )

    def _kept(self, upon: CalendarState) -> tuple[OccurrenceState, ...]:
        """The dates told one by one, if they still have these names; those taken back, if they take place again."""
        if not self._names_stay(upon) or self.event.rule is None:
            return ()
        apart = series.separate(self.event)
        standing = {one.date for one in series.occurrences(self.event) if not one.cancelled} - apart
        return tuple(one for one in upon.dates if not one.separate and (not one.cancelled or one.date in standing))

    def _date(self, date: LocalTime, one: Occurrence, upon: CalendarState | None, generation: int) -> Message:
        calendar_state = None if upon is None else upon.occurrence_state(date)
        if calendar_state is None and upon is not None and upon.whole:
            calendar_state = self._plain(upon, one)
        known = None
        # To who was told that it is off, that it takes place is no update.
        if calendar_state is not None and calendar_state.when is not None and not calendar_state.cancelled:
            known = PreviousState(
                title=calendar_state.title,
                when=calendar_state.when,
                location=calendar_state.location,
                certain=calendar_state.known,
            )
        same = (
            calendar_state is not None
            and not calendar_state.cancelled
            and (calendar_state.when, calendar_state.location) == (one.when, one.location)
        )
        asked = calendar_state.asked if calendar_state is not None and same else None
        return Message(
            **self._request(upon, generation),
            date=date,
            date_zone=self._date_zone(upon),
            title=one.title,
            when=one.when,
            location=one.location,
            description=one.description,
            participation=Participation.NEEDS_ACTION
            if asked is None
            else answer(self.registration, asked, date, one.date),
            asked=asked,
            fingerprint=fingerprints.of_date(self.event, one),
            before=known,
        )

    def _date_zone(self, upon: CalendarState | None) -> str | None:
        """The zone in which the dates are named: that of the series, as it was when they were chosen."""
        if upon is not None:
            return upon.when.time_zone
        if self.whole:
            return self.event.when.time_zone
        return (*self.event.earlier, self.event.schedule)[self.registration.named].when.time_zone

    def _request(self, upon: CalendarState | None, generation: int) -> dict[str, Any]:
        event, registration = self.event, self.registration
        return {
            "method": Method.REQUEST,
            "uid": upon.uid
            if upon
            else uid(event.event_id, registration.registration_id, generation, self.sender.domain),
            "generation": generation,
            # One UID, one address to the letter: some calendars compare them with case.
            "attendee": Person(name=registration.name, email=upon.recipient if upon else registration.email),
            "organizer": Person(name=event.organizer.name, email=upon.organizer if upon else self.sender.address),
            "reply_to": event.organizer,
            "receives_replies": self.sender.receives_replies,
            "url": event.url,
            "conference": event.conference,
            "reminders": event.reminders,
            "status": event.status,
            "upon": upon,
            "created_at": registration.created_at,
            "updated_at": event.updated_at,
        }

    def _cancel(self, calendar_state: CalendarState) -> Message:
        called_off = self.event.status is EventStatus.CANCELLED
        off = [one.date for one in calendar_state.dates if one.cancelled and not one.separate]
        return Message(
            **self._taken_back(calendar_state),
            title=calendar_state.title,
            when=calendar_state.when,
            rule=calendar_state.rule,
            first=calendar_state.first,
            without=tuple(off),
            apart=tuple(one for one in calendar_state.dates if one.separate),
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
        """Take back one date: because it is cancelled, because the whole is, because somebody comes no more, or because
        ``one`` takes place and is told as another entry. It is ``dropped`` where all else stays.
        """
        when = known.when or (one.when if one else calendar_state.when)
        event_off = self.event.status is EventStatus.CANCELLED
        # Of the whole somebody comes to every date: one that is not there any more was dropped by the organizer.
        date_off = one.cancelled if one is not None else calendar_state.whole and dropped
        reason = one.reason if one is not None and one.cancelled else self.event.reason if event_off else ""
        return Message(
            **self._taken_back(calendar_state),
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
            called_off=event_off or date_off,
            reason=reason,
            others_stay=dropped and not event_off,
            instead=one.when if one is not None and not one.cancelled and calendar_state.whole else None,
        )

    def _taken_back(self, calendar_state: CalendarState) -> dict[str, Any]:
        return {
            "method": Method.CANCEL,
            "uid": calendar_state.uid,
            "generation": calendar_state.generation,
            "attendee": Person(name=self.registration.name, email=calendar_state.recipient),
            "organizer": Person(name=self.event.organizer.name, email=calendar_state.organizer),
            "reply_to": self.event.organizer,
            "receives_replies": self.sender.receives_replies,
            "status": EventStatus.CANCELLED,
            "upon": calendar_state,
            "created_at": self.registration.created_at,
            "updated_at": self.event.updated_at,
        }


def _turn(one: Occurrence | None, known: OccurrenceState | None) -> tuple[bool, bool]:
    """When it is a date's turn to be spoken of: what is in doubt comes first, then what does not take place.

    So nobody travels because the mail about another date is refused, or waits for the next day's quota.
    """
    return known is None or known.known, one is not None and not one.cancelled


def _may_stand(entry: OccurrenceState) -> bool:
    """Whether an entry of its own may be in the calendar."""
    return not entry.cancelled or not entry.certain


def _all_doubted(calendar_state: CalendarState) -> CalendarState:
    """Where nobody knows of the whole, and there are only dates: nobody knows of any of them."""
    if calendar_state.certain:
        return calendar_state
    if calendar_state.whole:
        return replace(calendar_state.distrusted, certain=True)
    return replace(
        calendar_state,
        certain=True,
        dates=tuple(replace(one, cancelled=False, fingerprint="") for one in calendar_state.dates),
    )


def same_question(calendar_state: CalendarState, event: Event) -> bool:
    """Whether when and where are what they were; a series may have become longer or shorter."""
    main = series.main(event)
    same_rule = calendar_state.rule == main.rule or (
        calendar_state.rule is not None
        and main.rule is not None
        and series.same_but_for_its_end(calendar_state.rule, main.rule)
    )
    return calendar_state.when == main.when and calendar_state.location == main.location and same_rule


def answer(registration: Registration, asked: int, *dates: LocalTime | None, alone: bool = False) -> Participation:
    """The latest answer to the question asked in ``asked``, to the whole or to one date by any of its names; of a date
    that stands ``alone``, an entry of its own, only to that.
    """
    reply = reply_to(registration, asked, *dates, alone=alone)
    return reply.status if reply else Participation.NEEDS_ACTION


def reply_to(registration: Registration, asked: int, *dates: LocalTime | None, alone: bool = False) -> Reply | None:
    """That answer itself, or ``None`` while the question is open."""
    whole = registration.reply
    # What opens the question again opens it for every entry.
    counts = whole is not None and (not alone or whole.status is Participation.NEEDS_ACTION)
    replies = [whole] if whole is not None and counts else []
    replies += [reply for reply in registration.date_replies if reply.date in dates]
    return max((reply for reply in replies if reply.sequence >= asked), key=order, default=None)


# Of two answers that arrived in one moment that which costs least if it was not the last: nobody loses a seat by it.
_RANK = (
    Participation.NEEDS_ACTION,
    Participation.DELEGATED,
    Participation.DECLINED,
    Participation.TENTATIVE,
    Participation.ACCEPTED,
)
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


def order(reply: Reply) -> tuple[int, datetime, datetime, int]:
    """Which of two answers is the newer: by the SEQUENCE they answer, then their DTSTAMP (RFC 5546, section 2.1.5), and
    where both are equal by their arrival: some programs give all answers the DTSTAMP of the invitation.

    When an answer was processed does not count, so the same one stands whatever order they are worked off in.
    """
    return reply.sequence, reply.dtstamp, reply.received_at or _BEFORE_ALL, _RANK.index(reply.status)


def uid(event_id: str, registration_id: str, generation: int, domain: str) -> str:
    """The UID of one registration's entry (RFC 5545, section 3.8.4.7): whoever sees it can find the items."""
    return f"{event_id}.{registration_id}.{generation}@{domain}"
