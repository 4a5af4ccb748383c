"""Builds each message that may follow from one attendee's registration, the event and their calendar state.

Terms: the *main entry* is the event or series under the registration's UID; a *separate entry* is an occurrence that is
sent with a UID of its own (see ``schedule.calendar_entries.separate``). An occurrence is named by its original start.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from .. import languages
from ..model import (
    Event,
    EventStatus,
    LocalTime,
    Method,
    Occurrence,
    Participation,
    Person,
    Registration,
    RegistrationStatus,
    Sender,
    frozen,
)
from ..schedule import calendar_entries, series, series_changes
from . import fingerprints
from .answers import answer
from .calendar_state import CalendarState, Message, OccurrenceState, PreviousState, separate_name


@frozen
class MessageBuilder:
    """The messages that the present event and registration of one attendee may lead to.

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

    def _whole(self, calendar_state: CalendarState) -> Message:
        """The REQUEST for the main entry."""
        event = self.event
        main, separated = calendar_entries.main_entry(event), calendar_entries.separate(event)
        stands = calendar_state.stands
        asked = calendar_state.asked if stands and same_time_and_place(calendar_state, event) else None
        dates = series.occurrences(event)
        gone = {one.date for one in dates if one.cancelled or one.date in separated}
        moved = [(one.date, one.when) for one in dates if one.moved and one.date not in gone]
        kept = self._kept(calendar_state)
        over = self._moved_earlier_and_over(dates, gone, kept)
        without = {*gone, *over} - set(calendar_entries.extra_dates(event.schedule))
        return Message(
            **self._request(calendar_state, calendar_state.generation),
            title=main.title,
            when=main.when,
            rule=main.rule,
            first=event.when.start,
            without=tuple(one.date for one in dates if one.date in without),
            moved=tuple(moved),
            kept=tuple(one for one in kept if one.date not in over),
            separated=self._renamed(calendar_state),
            location=main.location,
            description=main.description,
            participation=self._answer(asked),
            asked=asked,
            fingerprint=fingerprints.fingerprint(event),
            former=fingerprints.former(event),
            before=calendar_state.known if stands else None,
            declining_frees_seat=event.release_on_decline,
            several_entries=self._entries > 1,
        )

    def _moved_earlier_and_over(
        self, dates: Sequence[Occurrence], gone: Collection[LocalTime], kept: Collection[OccurrenceState]
    ) -> frozenset[LocalTime]:
        """The dates that were moved earlier and are over, while the rule has them at a time to come, where the whole
        series would show them. None where no date would be left: no calendar is to hold a series without one.

        Not ``gone`` are the dates of the main entry, ``kept`` those of which a message of its own was sent.
        """
        known = {one.date: one for one in kept}
        standing = [one for one in dates if one.date not in gone]
        over = frozenset(
            one.date
            for one in standing
            if one.moved and self._over(one, known.get(one.date)) and not self._over_by_rule(one)
        )
        return over if len(over) < len(standing) else frozenset()

    def _kept(self, calendar_state: CalendarState) -> tuple[OccurrenceState, ...]:
        """The occurrences that were sent one by one, if they still have the same names; of those that were cancelled,
        only the ones that take place again.
        """
        if not self._names_stay(calendar_state) or self.event.rule is None:
            return ()
        separated = calendar_entries.separate(self.event)
        standing = {one.date for one in series.occurrences(self.event) if not one.cancelled} - separated
        return tuple(
            one for one in calendar_state.dates if not one.separate and (not one.cancelled or one.date in standing)
        )

    def _names_stay(self, calendar_state: CalendarState) -> bool:
        """Whether the dates have the same names, their original starts, as in ``calendar_state``."""
        named = calendar_state.naming.when.start, calendar_state.when.time_zone
        return named == (self.event.when.start, self.event.when.time_zone)

    def _date(self, date: LocalTime, one: Occurrence, calendar_state: CalendarState | None, generation: int) -> Message:
        """The REQUEST for one occurrence of the series."""
        known = None if calendar_state is None else calendar_state.occurrence_state(date)
        if known is None and calendar_state is not None and calendar_state.whole:
            known = self._plain(calendar_state, one)
        if known is not None and known.cancelled:
            known = None  # that it takes place is no update then
        return Message(
            **self._request(calendar_state, generation),
            date=date,
            date_zone=self._date_zone(calendar_state),
            before=_before(known),
            **self._occurrence(one, known, date, one.date),
        )

    def _occurrence(
        self, one: Occurrence, known: OccurrenceState | None, *names: LocalTime, alone: bool = False
    ) -> dict[str, Any]:
        """The fields of :class:`Message` that a REQUEST for one occurrence has of which ``known`` was sent before;
        ``names`` and ``alone`` are as :func:`answer` takes them.
        """
        same = known is not None and (known.when, known.location) == (one.when, one.location)
        asked = known.asked if known is not None and same else None
        return {
            "title": one.title,
            "when": one.when,
            "location": one.location,
            "description": one.description,
            "participation": self._answer(asked, *names, alone=alone),
            "asked": asked,
            "fingerprint": fingerprints.of_date(self.event, one),
            "former": fingerprints.former(self.event, one),
        }

    def _answer(self, asked: int | None, *names: LocalTime, alone: bool = False) -> Participation:
        """:func:`answer`, or that there is none yet if nobody was ``asked`` about the present time and place."""
        return Participation.NEEDS_ACTION if asked is None else answer(self.registration, asked, *names, alone=alone)

    def _date_zone(self, calendar_state: CalendarState | None) -> str | None:
        """The zone of the dates' names. Of a registration for some dates: as it was when they were chosen."""
        if calendar_state is not None:
            return calendar_state.when.time_zone
        if self.whole:
            return self.event.when.time_zone
        return (*self.event.earlier, self.event.schedule)[self.registration.named].when.time_zone

    def _plain(self, calendar_state: CalendarState, one: Occurrence) -> OccurrenceState:
        """The state of an occurrence of which nothing was sent but the series itself."""
        event = self.event
        when = series.when_at(event.schedule, one.date)
        plain = Occurrence(
            date=one.date, when=when, title=event.title, location=event.location, description=event.description
        )
        return calendar_state.plain(one.date, when, fingerprints.of_date(event, plain))

    def _entry(self, one: Occurrence, calendar_state: CalendarState, known: OccurrenceState | None) -> Message:
        """The REQUEST for an occurrence as a separate entry: for the entry in ``known``, or for a new one."""
        was = known
        others = any(each.separate and each.date == one.date for each in calendar_state.dates)
        # The latest message took it out of the series, whatever entry of its own it had before.
        taken_out = calendar_state.method is Method.CANCEL and calendar_state.part == one.date
        if was is None and (not others or (taken_out and not calendar_state.separate)):
            was = calendar_state.occurrence_state(one.date)
        return Message(
            **self._request(calendar_state, calendar_state.generation),
            date=one.date,
            date_zone=self.event.when.time_zone,
            separate=known.separate if known is not None else separate_name(one.date, calendar_state.sequence + 1),
            declining_frees_seat=self.event.release_on_decline,
            several_entries=self._entries > 1,
            before=_before(was),
            **self._occurrence(one, known, one.date, alone=True),
        )

    def _separated(self, calendar_state: CalendarState) -> frozenset[LocalTime]:
        """The dates that are separate entries for this attendee: those of ``calendar_entries.separate``; and the first
        date of an event without a rule, if the main entry was cancelled and its UID cannot be used again.
        """
        separated = calendar_entries.separate(self.event)
        return separated | {self.event.when.start} if calendar_state.spent and self.event.rule is None else separated

    def _names(self, calendar_state: CalendarState) -> Mapping[LocalTime, LocalTime]:
        """The present name of each date, by its name in ``calendar_state``."""
        return series_changes.renamed(calendar_state.naming, self.event.schedule)

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

    @property
    def _entries(self) -> int:
        """How many entries an attendee of the whole event has, or will have, that are not over."""
        separated = calendar_entries.separate(self.event)
        coming = [one.date for one in series.occurrences(self.event) if not one.cancelled and not self._over(one, None)]
        return len(separated.intersection(coming)) + any(date not in separated for date in coming)

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

    def _request(self, calendar_state: CalendarState | None, generation: int) -> dict[str, Any]:
        """The fields of :class:`Message` that all requests have alike."""
        event, registration = self.event, self.registration
        return {
            "method": Method.REQUEST,
            "uid": calendar_state.uid
            if calendar_state
            else uid(event.event_id, registration.registration_id, generation, self.sender.domain),
            "generation": generation,
            **self._common(calendar_state),
            "url": event.url,
            "conference": event.conference,
            "reminders": event.reminders,
            "status": event.status,
            "promoted": registration.promoted == generation and (calendar_state is None or calendar_state.sequence < 0),
        }

    def _cancel(self, calendar_state: CalendarState) -> Message:
        """The CANCEL of the main entry."""
        cancelled_for_all = self.event.status is EventStatus.CANCELLED
        cancelled = [one.date for one in calendar_state.dates if one.cancelled and not one.separate]
        return Message(
            **self._cancellation(calendar_state),
            title=calendar_state.title,
            when=calendar_state.when,
            rule=calendar_state.rule,
            first=calendar_state.first,
            without=tuple(cancelled),
            moved=calendar_state.moved,
            separated=tuple(one for one in calendar_state.dates if one.separate),
            location=calendar_state.location,
            participation=answer(self.registration, calendar_state.asked),
            asked=calendar_state.asked,
            fingerprint=calendar_state.fingerprint,
            before=calendar_state.known,
            cancelled_for_all=cancelled_for_all,
            reason=self.event.reason if cancelled_for_all else "",
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

        The reason may be that the occurrence or the event is cancelled, that the attendee is not expected any more,
        that the series has no such date any more, or that ``one`` takes place and is sent as another entry. It is
        ``dropped`` if everything else stays as it is.
        """
        when = known.when or (one.when if one else calendar_state.when)
        event_cancelled = self.event.status is EventStatus.CANCELLED
        # A registration for the whole event has all its dates. One that is missing was removed by the organizer.
        expected = calendar_state.whole or known.date in (self.registration.occurrences or ())
        missing = dropped and one is None and expected
        left_series = missing and not event_cancelled and self._may_be_elsewhere(calendar_state, known.date)
        date_cancelled = one.cancelled if one is not None else missing and not left_series
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
            before=_before(replace(known, when=when)),
            cancelled_for_all=event_cancelled or date_cancelled,
            reason=reason,
            others_stay=dropped and not event_cancelled,
            left_series=left_series,
            instead=one.when if one is not None and not one.cancelled and calendar_state.whole else None,
        )

    def _may_be_elsewhere(self, calendar_state: CalendarState, date: LocalTime) -> bool:
        """Whether a date that the series has not any more may take place in another event. Of a registration for the
        whole event, after any split: it is not known at which of the event's schedules the date was lost.
        """
        if calendar_state.whole:
            return self.event.was_split
        lost = series_changes.lost(self.event, (date,), self.registration.named)
        return any(series_changes.may_be_elsewhere(self.event, earlier) for earlier, _ in lost.values())

    def _cancellation(self, calendar_state: CalendarState) -> dict[str, Any]:
        """The fields of :class:`Message` that all cancellations have alike."""
        return {
            "method": Method.CANCEL,
            "uid": calendar_state.uid,
            "generation": calendar_state.generation,
            **self._common(calendar_state),
            "status": EventStatus.CANCELLED,
            "may_return": self.registration.status is RegistrationStatus.CANCELLED
            and not self.registration.removed
            and self.event.status is not EventStatus.CANCELLED,
            "held_until": self.registration.held_until,
        }

    def _common(self, calendar_state: CalendarState | None) -> dict[str, Any]:
        """The fields of :class:`Message` that all messages have alike. The mail is in the attendee's language, else in
        the event's.
        """
        event, registration, known = self.event, self.registration, calendar_state
        return {
            # Within one UID the address is spelled the same, since some calendars compare addresses with case.
            "attendee": Person(name=registration.name, email=known.recipient if known else registration.email),
            "organizer": Person(name=event.organizer.name, email=known.organizer if known else self.sender.address),
            "reply_to": event.organizer,
            "receives_replies": self.sender.receives_replies,
            "language": languages.texts_in(registration.language, event.language).tag,
            "event_language": event.language,
            "state_before": known,
            "created_at": registration.created_at,
            "updated_at": event.updated_at,
        }

    def _over_by_rule(self, one: Occurrence) -> bool:
        """Whether an occurrence would be over at the time of the rule."""
        return self._over(replace(one, when=series.when_at(self.event.schedule, one.date)), None)

    def _over(self, one: Occurrence | None, known: OccurrenceState | None) -> bool:
        """Whether an occurrence is over, both at its present time and at the time that was sent."""
        if self.now is None:
            return False
        times = [one.when] if one is not None else []
        times += [known.when] if known is not None and known.when is not None else []
        return all(when.ends_at <= self.now for when in times)


def _before(known: OccurrenceState | None) -> PreviousState | None:
    """What the attendee knew of an occurrence; ``None`` where they were not sent when it takes place."""
    if known is None or known.when is None:
        return None
    return PreviousState(title=known.title, when=known.when, location=known.location, certain=known.known)


def same_time_and_place(calendar_state: CalendarState, event: Event) -> bool:
    """Whether time and place are the same, so that earlier answers count. A series may have another end."""
    main = calendar_entries.main_entry(event)
    same_rule = calendar_state.rule == main.rule or (
        calendar_state.rule is not None
        and main.rule is not None
        and series_changes.same_but_for_its_end(calendar_state.rule, main.rule)
    )
    return calendar_state.when == main.when and calendar_state.location == main.location and same_rule


def uid(event_id: str, registration_id: str, generation: int, domain: str) -> str:
    """The UID of one registration's entry (RFC 5545, section 3.8.4.7). It contains the keys of the items."""
    return f"{event_id}.{registration_id}.{generation}@{domain}"
