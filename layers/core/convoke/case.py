"""One attendee's case: what is true of them, what they were told, and each message that may follow from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from . import fingerprints, series
from .model import (
    Event,
    EventStatus,
    Method,
    Occurrence,
    Participation,
    Person,
    Registration,
    Reply,
    Sender,
    Wall,
    noun,
)
from .told import Known, Message, Told, ToldDate


@noun
class Case:
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

    def invite(self, told: Told | None) -> Message | None:
        """The first message, or, after all of ``told`` was taken back, the first under a new UID."""
        generation = 1 if told is None else told.generation + 1
        if self.whole:
            return self._whole(None, generation)
        return next((self._date(date, one, None, generation) for date, one in self._standing()), None)

    def update(self, told: Told) -> Message | None:
        """What is other than they were told: first of the whole series, then date by date, those that are off first.

        What was told of a single date that does not take place any more is taken back before that: some calendars keep
        it, whatever the series says.
        """
        if self.whole:
            if told.certain and (gone := next(self._dropped_dates(told), None)) is not None:
                return gone
            same = told.certain and told.fingerprint == fingerprints.fingerprint(
                self.event, fingerprints.schema_of(told.fingerprint)
            )
            if not same or self._restored(told):
                return self._whole(told, told.generation)
            return next(self._changed_dates(told), None)
        if told.gone and told.certain:
            return self.invite(told)
        return next(self._chosen_dates(_all_doubted(told)), None)

    def take_back(self, told: Told) -> Message | None:
        """Take back what was told, as it was told: to the address, from the organizer, at the time that they know."""
        if told.whole:
            return self._cancel(told)
        told = _all_doubted(told)
        return next(
            (self._cancel_date(told, one, None) for one in self._first_doubted(told) if not one.cancelled), None
        )

    # --- which dates ------------------------------------------------------------------------------------------

    def _standing(self) -> Iterator[tuple[Wall, Occurrence]]:
        """The dates that they come to and that take place, by the names that they are told under."""
        for date, one in self._chosen().items():
            if one is not None and not one.cancelled and not self._over(one, None):
                yield date, one

    def _chosen(self) -> dict[Wall, Occurrence | None]:
        """Every date of a registration for some dates, as it is now; ``None`` where there is no such date any more."""
        names = series.named(self.event, self.registration.occurrences or (), self.registration.named)
        dates = {one.date: one for one in series.occurrences(self.event)}
        return {date: dates.get(names[date]) if date in names else None for date in self.registration.occurrences or ()}

    def _restored(self, told: Told) -> bool:
        """Whether a date takes place again that they were told, or may have been, does not: only the whole series can
        say so.
        """
        cancelled = {one.date for one in told.dates if one.cancelled}
        if told.method is Method.CANCEL and told.date is not None:
            cancelled.add(told.date)
        return bool(cancelled) and any(
            one.date in cancelled and not one.cancelled and not self._over(one, None)
            for one in series.occurrences(self.event)
        )

    def _dropped_dates(self, told: Told) -> Iterator[Message]:
        if not told.dates or not self._names_stay(told):
            return
        dates = {one.date: one for one in series.occurrences(self.event)}
        for known in self._first_doubted(told):
            one = dates.get(known.date)
            if not known.cancelled and (one is None or one.cancelled):
                yield self._cancel_date(told, known, one)

    def _names_stay(self, told: Told) -> bool:
        """Whether the dates have the names that they were told by."""
        return (told.when.start, told.when.time_zone) == (self.event.when.start, self.event.when.time_zone)

    def _changed_dates(self, told: Told) -> Iterator[Message]:
        """What to say of single dates of a series that they were told as it is."""
        heard = {one.date: one for one in told.dates}
        changed = {change.date for change in self.event.changes} | set(heard)
        dates = [one for one in series.occurrences(self.event) if one.date in changed]
        dates.sort(key=lambda one: _turn(one, heard.get(one.date)))
        for one in dates:
            known = heard.get(one.date)
            if not self._over(one, known):
                yield from self._of_date(told, one.date, one, known or self._plain(told, one))

    def _chosen_dates(self, told: Told) -> Iterator[Message]:
        """What to say of the dates of a registration for some: invitations, which may have to wait, come last."""
        heard = {one.date: one for one in told.dates}
        dates: dict[Wall, Occurrence | None] = dict.fromkeys(heard) | self._chosen()
        turns = {date: (*_turn(one, heard.get(date)), date not in heard) for date, one in dates.items()}
        for date in sorted(dates, key=lambda date: (turns[date], date.isoformat())):
            one, known = dates[date], heard.get(date)
            if not self._over(one, known):
                yield from self._of_date(told, date, one, known)

    def _first_doubted(self, told: Told) -> list[ToldDate]:
        dates = [one for one in told.dates if not self._over(None, one)]
        return sorted(dates, key=lambda one: one.known)

    def _of_date(self, told: Told, date: Wall, one: Occurrence | None, known: ToldDate | None) -> Iterator[Message]:
        if one is None or one.cancelled:
            if known is not None and not known.cancelled:
                yield self._cancel_date(told, known, one)
        elif (
            known is None
            or not known.known
            or known.fingerprint != fingerprints.of_date(self.event, one, known.fingerprint)
        ):
            yield self._date(date, one, told, told.generation)

    def _plain(self, told: Told, one: Occurrence) -> ToldDate:
        """What the series itself says of one of its dates."""
        when = series.when_at(self.event.schedule, one.date)
        plain = Occurrence(
            date=one.date,
            when=when,
            title=self.event.title,
            location=self.event.location,
            description=self.event.description,
        )
        return ToldDate(
            date=one.date,
            fingerprint=fingerprints.of_date(self.event, plain),
            title=told.title,
            when=when,
            location=told.location,
            asked=told.asked,
        )

    def _over(self, one: Occurrence | None, known: ToldDate | None) -> bool:
        """Whether a date is over, both as it is and as it was told."""
        if self.now is None:
            return False
        times = [one.when] if one is not None else []
        times += [known.when] if known is not None and known.when is not None else []
        return all(when.ends_at <= self.now for when in times)

    # --- messages ---------------------------------------------------------------------------------------------

    def _whole(self, upon: Told | None, generation: int) -> Message:
        event = self.event
        asked = upon.asked if upon is not None and same_question(upon, event) else None
        without = tuple(one.date for one in series.occurrences(event) if one.cancelled)
        return Message(
            **self._request(upon, generation),
            title=event.title,
            when=event.when,
            rule=event.rule,
            added=event.added,
            without=without,
            kept=self._kept(upon) if upon is not None else (),
            location=event.location,
            description=event.description,
            participation=Participation.NEEDS_ACTION if asked is None else answer(self.registration, asked),
            asked=asked,
            fingerprint=fingerprints.fingerprint(event),
            before=upon.known if upon else None,
            declining_frees_seat=event.release_on_decline,
        )

    def _kept(self, upon: Told) -> tuple[ToldDate, ...]:
        """The dates told one by one, if they still have these names; those taken back, if they take place again."""
        if not self._names_stay(upon):
            return ()
        standing = {one.date for one in series.occurrences(self.event) if not one.cancelled}
        return tuple(one for one in upon.dates if not one.cancelled or one.date in standing)

    def _date(self, date: Wall, one: Occurrence, upon: Told | None, generation: int) -> Message:
        told = None if upon is None else upon.date_told(date)
        if told is None and upon is not None and upon.whole:
            told = self._plain(upon, one)
        known = None
        if told is not None and told.when is not None:
            known = Known(title=told.title, when=told.when, location=told.location, certain=told.known)
        same = told is not None and not told.cancelled and (told.when, told.location) == (one.when, one.location)
        asked = told.asked if told is not None and same else None
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

    def _date_zone(self, upon: Told | None) -> str | None:
        """The zone in which the dates are named: that of the series, as it was when they were chosen."""
        if upon is not None:
            return upon.when.time_zone
        if self.whole:
            return self.event.when.time_zone
        return (*self.event.earlier, self.event.schedule)[self.registration.named].when.time_zone

    def _request(self, upon: Told | None, generation: int) -> dict[str, Any]:
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

    def _cancel(self, told: Told) -> Message:
        called_off = self.event.status is EventStatus.CANCELLED
        return Message(
            **self._taken_back(told),
            title=told.title,
            when=told.when,
            rule=told.rule,
            added=told.added,
            without=tuple(one.date for one in told.dates if one.cancelled),
            location=told.location,
            participation=answer(self.registration, told.asked),
            asked=told.asked,
            fingerprint=told.fingerprint,
            before=told.known,
            called_off=called_off,
            reason=self.event.reason if called_off else "",
        )

    def _cancel_date(self, told: Told, known: ToldDate, one: Occurrence | None) -> Message:
        """Take back one date: because it is cancelled, because the whole is, or because somebody comes no more."""
        when = known.when or (one.when if one else told.when)
        event_off = self.event.status is EventStatus.CANCELLED
        # Of the whole somebody comes to every date: one that is not there any more was dropped by the organizer.
        date_off = one.cancelled if one is not None else told.whole
        reason = one.reason if one is not None and one.cancelled else self.event.reason if event_off else ""
        return Message(
            **self._taken_back(told),
            date=known.date,
            date_zone=told.when.time_zone,
            title=known.title or told.title,
            when=when,
            location=known.location,
            participation=answer(self.registration, known.asked, known.date),
            asked=known.asked,
            fingerprint="",
            before=Known(title=known.title, when=when, location=known.location, certain=known.known),
            called_off=event_off or date_off,
            reason=reason,
        )

    def _taken_back(self, told: Told) -> dict[str, Any]:
        return {
            "method": Method.CANCEL,
            "uid": told.uid,
            "generation": told.generation,
            "attendee": Person(name=self.registration.name, email=told.recipient),
            "organizer": Person(name=self.event.organizer.name, email=told.organizer),
            "reply_to": self.event.organizer,
            "receives_replies": self.sender.receives_replies,
            "status": EventStatus.CANCELLED,
            "upon": told,
            "created_at": self.registration.created_at,
            "updated_at": self.event.updated_at,
        }


def _turn(one: Occurrence | None, known: ToldDate | None) -> tuple[bool, bool]:
    """When it is a date's turn to be spoken of: what is in doubt comes first, then what does not take place.

    So nobody travels because the mail about another date is refused, or waits for the next day's quota.
    """
    return known is None or known.known, one is not None and not one.cancelled


def _all_doubted(told: Told) -> Told:
    """Where nobody knows of the whole, and there are only dates: nobody knows of any of them."""
    if told.certain or told.whole:
        return told
    return replace(told, certain=True, dates=tuple(replace(one, cancelled=False, fingerprint="") for one in told.dates))


def same_question(told: Told, event: Event) -> bool:
    """Whether when and where are what they were; a series may have become longer or shorter."""
    same_rule = told.rule == event.rule or (
        told.rule is not None and event.rule is not None and series.same_but_for_its_end(told.rule, event.rule)
    )
    return told.when == event.when and told.location == event.location and same_rule


def answer(registration: Registration, asked: int, *dates: Wall | None) -> Participation:
    """The latest answer to the question asked in ``asked``, to the whole or to one date by any of its names."""
    reply = reply_to(registration, asked, *dates)
    return reply.status if reply else Participation.NEEDS_ACTION


def reply_to(registration: Registration, asked: int, *dates: Wall | None) -> Reply | None:
    """That answer itself, or ``None`` while the question is open."""
    replies = [] if registration.reply is None else [registration.reply]
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
