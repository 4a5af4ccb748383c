"""One attendee's case: what is true of them, what they were told, and each message that may follow from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
from .told import Known, Message, Told, ToldDate, separate_name


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
        if not self.whole:
            return next((self._date(date, one, None, generation) for date, one in self._standing()), None)
        if series.stands(self.event):
            return self._whole(None, generation)
        return next(self._separate_dates(self._nothing(generation)), None)

    def update(self, told: Told) -> Message | None:
        """What is other than they were told: first of the whole series, then date by date, those that are off first.

        What was told of a single date that does not take place any more is taken back before that: some calendars keep
        it, whatever the series says. So is an entry of its own whose date is off, or is a date of the series again.
        """
        if self.whole:
            return self._update_whole(told)
        if told.gone and told.certain:
            return self.invite(told)
        return next(self._chosen_dates(_all_doubted(told)), None)

    def _update_whole(self, told: Told) -> Message | None:
        stands = series.stands(self.event)
        if told.certain and (gone := next(self._gone_entries(told), None)) is not None:
            return gone
        if told.withdrawn:
            if not told.certain:
                return self._end(told)
            if stands and self.event.rule is not None:
                # A UID once cancelled is never used again: all of it is told anew.
                left = self.take_back(told)
                return self.invite(told) if left is None else left
        elif stands:
            if told.certain and (gone := next(self._dropped_dates(told), None)) is not None:
                return gone
            same = told.certain and told.fingerprint == fingerprints.fingerprint(
                self.event, fingerprints.schema_of(told.fingerprint) if told.fingerprint else None
            )
            if not same or self._restored(told):
                return self._whole(told, told.generation)
            if (changed := next(self._changed_dates(told), None)) is not None:
                return changed
        elif told.stands and (end := self._end(told)) is not None:
            return end
        return next(self._separate_dates(_all_doubted(told)), None)

    def take_back(self, told: Told) -> Message | None:
        """Take back what was told, as it was told: to the address, from the organizer, at the time that they know."""
        if told.whole:
            if told.stands or (told.withdrawn and not told.certain):
                return self._cancel(told)
            entries = self._first_doubted(_all_doubted(told), separate=True)
            back = (self._cancel_date(told, one, None, dropped=False) for one in entries if _may_stand(one))
            return next(back, None)
        told = _all_doubted(told)
        return next(
            (
                self._cancel_date(told, one, None, dropped=False)
                for one in self._first_doubted(told)
                if not one.cancelled
            ),
            None,
        )

    def _end(self, told: Told) -> Message | None:
        """Take back the entry of which no date takes place any more, while there are others of their own."""
        if self._whole_over(told):
            return None
        left = [one for one in self._held(told) if not self._over(None, one)]
        if told.withdrawn:
            # Once more: that it is gone is not certain.
            last = None if told.date is None or told.separate else told.date_told(told.date)
            left = [] if last is None else [last]
        elif not left:
            return None
        if len(left) > 1 and told.certain:
            return self._cancel_date(told, left[0], self._now(told, left[0].date))
        if len(left) == 1:
            return self._cancel_date(told, left[0], self._now(told, left[0].date), ends=True)
        return self._cancel(told)

    def _held(self, told: Told) -> Iterator[ToldDate]:
        """The dates that the entry itself shows, or may show."""
        if told.rule is None:
            yield ToldDate(
                date=told.naming.when.start, title=told.title, when=told.when, location=told.location, asked=told.asked
            )
            return
        for start, when in series.times(replace(told.schedule, added=())).items():
            known = told.date_told(start)
            if known is None or not known.cancelled:
                plain = ToldDate(date=start, title=told.title, when=when, location=told.location, asked=told.asked)
                yield known if known is not None and known.when is not None else plain

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
        apart = series.separate(self.event)
        cancelled = {one.date for one in told.dates if one.cancelled and not one.separate}
        if told.method is Method.CANCEL and told.date is not None and not told.separate:
            cancelled.add(told.date)
        return bool(cancelled) and any(
            one.date in cancelled and one.date not in apart and not one.cancelled and not self._over(one, None)
            for one in series.occurrences(self.event)
        )

    def _dropped_dates(self, told: Told) -> Iterator[Message]:
        if not told.dates or not self._names_stay(told):
            return
        apart = series.separate(self.event)
        dates = {one.date: one for one in series.occurrences(self.event)}
        for known in self._first_doubted(told):
            one = dates.get(known.date)
            if not known.cancelled and (one is None or one.cancelled or known.date in apart):
                yield self._cancel_date(told, known, one)

    def _names_stay(self, told: Told) -> bool:
        """Whether the dates have the names that they were told by."""
        named = told.naming.when.start, told.when.time_zone
        return named == (self.event.when.start, self.event.when.time_zone)

    def _changed_dates(self, told: Told) -> Iterator[Message]:
        """What to say of single dates of a series that they were told as it is."""
        if self.event.rule is None:
            return
        heard = {one.date: one for one in told.dates if not one.separate}
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
                yield from self._of_date(told, one.date, one, known or self._plain(told, one), apart)

    def _in_the_way(self, one: Occurrence, around: list[ToldDate | None]) -> bool:
        """Whether a date can only move once a neighbour has moved out of its way: Exchange looks at each message."""
        there = [each for each in around if each is not None and not each.cancelled and each.when is not None]
        before = [each.when for each in there if each.when is not None and each.date.isoformat() < one.date.isoformat()]
        after = [each.when for each in there if each.when is not None and each.date.isoformat() > one.date.isoformat()]
        return one.moved and not series.between(one.when, before, after, self.event.when.time_zone)

    def _chosen_dates(self, told: Told) -> Iterator[Message]:
        """What to say of the dates of a registration for some: invitations, which may have to wait, come last."""
        heard = {one.date: one for one in told.dates}
        dates: dict[Wall, Occurrence | None] = dict.fromkeys(heard) | self._chosen()
        turns = {date: (*_turn(one, heard.get(date)), date not in heard) for date, one in dates.items()}
        for date in sorted(dates, key=lambda date: (turns[date], date.isoformat())):
            one, known = dates[date], heard.get(date)
            if not self._over(one, known):
                yield from self._of_date(told, date, one, known)

    def _first_doubted(self, told: Told, *, separate: bool = False) -> list[ToldDate]:
        dates = [one for one in told.dates if bool(one.separate) is separate and not self._over(None, one)]
        return sorted(dates, key=lambda one: one.known)

    def _of_date(
        self,
        told: Told,
        date: Wall,
        one: Occurrence | None,
        known: ToldDate | None,
        apart: frozenset[Wall] = frozenset(),
    ) -> Iterator[Message]:
        if one is None or one.cancelled or date in apart:
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

    # --- dates that are entries of their own ------------------------------------------------------------------

    def _apart(self, told: Told) -> frozenset[Wall]:
        """The dates that this attendee is told each as an entry of its own: those that are, and the only other one
        where its entry was cancelled, so that its UID cannot be used again.
        """
        apart = series.separate(self.event)
        return apart | {self.event.when.start} if told.withdrawn and self.event.rule is None else apart

    def _gone_entries(self, told: Told) -> Iterator[Message]:
        """Entries that do not stand any more, and those of which nobody knows whether they are gone."""
        entries = self._first_doubted(told, separate=True)
        if not entries:
            return
        apart, names = self._apart(told), self._names(told)
        dates = {one.date: one for one in series.occurrences(self.event)}
        heard: set[Wall] = set()
        for known in entries:
            one = dates.get(names[known.date]) if known.date in names else None
            if known.cancelled:
                if not known.certain:
                    yield self._cancel_date(told, known, one, dropped=False)
            elif one is None or one.cancelled or one.date not in apart or one.date in heard:
                yield self._cancel_date(told, known, one)
            else:
                heard.add(one.date)

    def _separate_dates(self, told: Told) -> Iterator[Message]:
        """What to say of the dates that are entries of their own: invitations, which may have to wait, come last."""
        event = self.event
        if not told.stands:
            # The names go by what was told of the whole. Where that is not in the calendar they go by what is true.
            told = replace(told, when=event.when, rule=event.rule, added=(), first=None, dates=self._renamed(told))
        elif event.rule is None:
            # The first date may have a time of its own, and say the same though the others moved.
            first = None if event.when.start == told.when.start else event.when.start
            told = replace(told, first=first, dates=self._renamed(told))
        apart = self._apart(told)
        if not apart:
            return
        heard = {one.date: one for one in told.dates if one.separate and not one.cancelled}
        dates = [one for one in series.occurrences(self.event) if one.date in apart and not one.cancelled]
        for one in sorted(dates, key=lambda one: (*_turn(one, heard.get(one.date)), one.date not in heard)):
            known = heard.get(one.date)
            if not self._over(one, known) and (
                known is None
                or not known.known
                or known.fingerprint != fingerprints.of_date(event, one, known.fingerprint)
            ):
                yield self._entry(one, told, known)

    def _now(self, told: Told, date: Wall) -> Occurrence | None:
        """The date that they were told under this name, as it is now, if there is one."""
        name = self._names(told).get(date)
        return next((one for one in series.occurrences(self.event) if one.date == name), None)

    def _names(self, told: Told) -> Mapping[Wall, Wall]:
        """The names that the dates have now, by those that they were told by."""
        return series.renamed(told.naming, self.event.schedule)

    def _renamed(self, told: Told) -> tuple[ToldDate, ...]:
        """The entries of their own, by the names that their dates have now. Of what is off and over nothing is left to
        say.
        """
        if not any(one.separate for one in told.dates):
            return ()
        names = self._names(told)
        return tuple(
            one if one.cancelled else replace(one, date=names.get(one.date, one.date))
            for one in told.dates
            if one.separate and not (one.cancelled and self._over(None, one))
        )

    def _entry(self, one: Occurrence, told: Told, known: ToldDate | None) -> Message:
        """A date as an entry of its own: that which they have, or a new one."""
        was = known
        if was is None and not any(each.separate and each.date == one.date for each in told.dates):
            was = told.date_told(one.date)
        same = known is not None and (known.when, known.location) == (one.when, one.location)
        asked = known.asked if known is not None and same else None
        return Message(
            **self._request(told, told.generation),
            date=one.date,
            date_zone=self.event.when.time_zone,
            separate=known.separate if known is not None else separate_name(one.date, told.sequence + 1),
            title=one.title,
            when=one.when,
            location=one.location,
            description=one.description,
            participation=Participation.NEEDS_ACTION
            if asked is None
            else answer(self.registration, asked, one.date, alone=True),
            asked=asked,
            fingerprint=fingerprints.of_date(self.event, one),
            before=None
            if was is None or was.when is None
            else Known(title=was.title, when=was.when, location=was.location, certain=was.known),
        )

    def _nothing(self, generation: int) -> Told:
        """What somebody was told of whom nothing is known but that they come."""
        event, registration = self.event, self.registration
        return Told(
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

    def _over(self, one: Occurrence | None, known: ToldDate | None) -> bool:
        """Whether a date is over, both as it is and as it was told."""
        if self.now is None:
            return False
        times = [one.when] if one is not None else []
        times += [known.when] if known is not None and known.when is not None else []
        return all(when.ends_at <= self.now for when in times)

    def _whole_over(self, told: Told) -> bool:
        """Whether all that the entry of the whole shows is over, as it was told."""
        if self.now is None:
            return False
        times = [one.when for one in told.dates if not one.separate and not one.cancelled and one.when is not None]
        return all(at <= self.now for at in (series.schedule_ends_at(told.schedule), *(one.ends_at for one in times)))

    # --- messages ---------------------------------------------------------------------------------------------

    def _whole(self, upon: Told | None, generation: int) -> Message:
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
        )

    def _kept(self, upon: Told) -> tuple[ToldDate, ...]:
        """The dates told one by one, if they still have these names; those taken back, if they take place again."""
        if not self._names_stay(upon) or self.event.rule is None:
            return ()
        apart = series.separate(self.event)
        standing = {one.date for one in series.occurrences(self.event) if not one.cancelled} - apart
        return tuple(one for one in upon.dates if not one.separate and (not one.cancelled or one.date in standing))

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
        off = [one.date for one in told.dates if one.cancelled and not one.separate]
        return Message(
            **self._taken_back(told),
            title=told.title,
            when=told.when,
            rule=told.rule,
            first=told.first,
            without=tuple(off),
            apart=tuple(one for one in told.dates if one.separate),
            location=told.location,
            participation=answer(self.registration, told.asked),
            asked=told.asked,
            fingerprint=told.fingerprint,
            before=told.known,
            called_off=called_off,
            reason=self.event.reason if called_off else "",
        )

    def _cancel_date(
        self, told: Told, known: ToldDate, one: Occurrence | None, *, ends: bool = False, dropped: bool = True
    ) -> Message:
        """Take back one date: because it is cancelled, because the whole is, because somebody comes no more, or because
        ``one`` takes place and is told as another entry. It is ``dropped`` where all else stays.
        """
        when = known.when or (one.when if one else told.when)
        event_off = self.event.status is EventStatus.CANCELLED
        # Of the whole somebody comes to every date: one that is not there any more was dropped by the organizer.
        date_off = one.cancelled if one is not None else told.whole and dropped
        reason = one.reason if one is not None and one.cancelled else self.event.reason if event_off else ""
        return Message(
            **self._taken_back(told),
            date=known.date,
            date_zone=told.when.time_zone,
            separate=known.separate,
            ends=ends,
            title=known.title or told.title,
            when=when,
            location=known.location,
            participation=answer(self.registration, known.asked, known.date, alone=bool(known.separate)),
            asked=known.asked,
            fingerprint="",
            before=Known(title=known.title, when=when, location=known.location, certain=known.known),
            called_off=event_off or date_off,
            reason=reason,
            others_stay=dropped and not event_off,
            instead=one.when if one is not None and not one.cancelled and told.whole else None,
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


def _may_stand(entry: ToldDate) -> bool:
    """Whether an entry of its own may be in the calendar."""
    return not entry.cancelled or not entry.certain


def _all_doubted(told: Told) -> Told:
    """Where nobody knows of the whole, and there are only dates: nobody knows of any of them."""
    if told.certain:
        return told
    if told.whole:
        return replace(told.distrusted, certain=True)
    return replace(told, certain=True, dates=tuple(replace(one, cancelled=False, fingerprint="") for one in told.dates))


def same_question(told: Told, event: Event) -> bool:
    """Whether when and where are what they were; a series may have become longer or shorter."""
    main = series.main(event)
    same_rule = told.rule == main.rule or (
        told.rule is not None and main.rule is not None and series.same_but_for_its_end(told.rule, main.rule)
    )
    return told.when == main.when and told.location == main.location and same_rule


def answer(registration: Registration, asked: int, *dates: Wall | None, alone: bool = False) -> Participation:
    """The latest answer to the question asked in ``asked``, to the whole or to one date by any of its names; of a date
    that stands ``alone``, an entry of its own, only to that.
    """
    reply = reply_to(registration, asked, *dates, alone=alone)
    return reply.status if reply else Participation.NEEDS_ACTION


def reply_to(registration: Registration, asked: int, *dates: Wall | None, alone: bool = False) -> Reply | None:
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
