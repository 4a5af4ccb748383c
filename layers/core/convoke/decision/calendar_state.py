"""A message to one attendee, and the state of their calendar after it. Frozen data.

Some occurrences cannot be held by Exchange as part of their series (see ``schedule.calendar_entries.separate``). Each
of those is sent as a *separate entry*: a calendar entry with a UID of its own and without RECURRENCE-ID.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from ..model import (
    Conference,
    Duration,
    EventStatus,
    LocalTime,
    Method,
    Participation,
    Person,
    Schedule,
    When,
    basic,
    frozen,
)


@frozen
class PreviousState:
    """What an attendee knew of an entry or an occurrence before a message about it.

    ``schedule`` is ``None`` for a single occurrence. Not ``certain``: they may know something else.
    """

    title: str
    when: When
    location: str
    schedule: Schedule | None = None
    certain: bool = True


_SEPARATE = re.compile(r"\.[0-9]{8}(?:t[0-9]{6})?-[0-9]{1,9}@")

CANCELLED_ENTRIES_KEPT = 3
"""How many cancelled separate entries of one date are remembered, so that a repair can cancel them once more."""


def separate_name(date: LocalTime, sequence: int) -> str:
    """The part of a separate entry's UID that distinguishes it from others: its date, and ``sequence``.

    ``sequence`` is the SEQUENCE of its first message. It makes the UID new, since a cancelled UID is never used again.
    """
    return f"{basic(date).lower()}-{sequence}"


def entry_uid(uid: str, separate: str) -> str:
    """The UID of the separate entry named ``separate`` (see :func:`separate_name`); of the main entry, ``""``, it is
    ``uid``.
    """
    local, _, domain = uid.rpartition("@")
    return f"{local}.{separate}@{domain}" if separate else uid


def is_separate(uid: str) -> bool:
    """Whether ``uid``, one that this package made, is that of a separate entry."""
    return _SEPARATE.search(uid) is not None


@frozen
class OccurrenceState:
    """What the attendee was last sent about one occurrence, ``date`` its RECURRENCE-ID: its content, or that it is
    ``cancelled``.

    ``separate`` is the name of its separate entry (see :func:`separate_name`), or empty for the occurrence of the
    series. There may be items of both kinds for one date, if it was sent first as the one and then as the other.

    If an occurrence is not cancelled and its ``fingerprint`` is empty, its state in the calendar is unknown. Of a
    separate entry ``certain`` is false instead, and the other fields still say what was sent. ``title``, ``when`` and
    ``location`` are as they were sent; ``when`` is ``None`` for a date that was only ever excluded (EXDATE). ``asked``
    is as in :class:`CalendarState`.
    """

    date: LocalTime
    cancelled: bool = False
    fingerprint: str = ""
    title: str = ""
    when: When | None = None
    location: str = ""
    asked: int = 0
    separate: str = ""
    certain: bool = True

    @property
    def known(self) -> bool:
        """Whether the state of this occurrence in the calendar is known."""
        return self.certain and (self.cancelled or bool(self.fingerprint))


@frozen
class CalendarState:
    """The latest message that one attendee was sent in one generation, and what their calendar holds after it.

    The message is ``sequence``, ``method``, ``dtstamp`` (UTC), and ``date``, the occurrence that it was about, or
    ``None`` for the whole; ``separate`` is as in :class:`OccurrenceState`. The calendar holds the *main entry* of
    ``uid``, which is one event or the whole series (``fingerprint`` to ``asked``), and the ``dates`` that differ from
    it, sorted. An attendee who comes to some dates only has no main entry (``whole`` is false), only ``dates``;
    ``when`` then has their zone.

    If ``whole``, an empty ``fingerprint`` means that the main entry was never sent, only separate ones; ``spent`` means
    that it was cancelled, so that its UID may not be used again in this generation. ``first`` is the original start of
    the first date, if it was sent with another time than that. ``revision`` is the SEQUENCE of the latest message about
    the main entry, if a later message was about something else.

    Within one ``generation`` (one UID and those made from it) ``recipient`` and ``organizer``, both addresses, stay the
    same. ``asked`` is the SEQUENCE of the first message under this UID with the present ``when`` and ``location``: an
    answer to it, or to a later one, still counts. ``certain`` is false if the message may or may not have been sent: it
    then equals no content, so that the present content is sent again.
    """

    uid: str
    generation: int
    sequence: int
    method: Method
    dtstamp: datetime
    date: LocalTime | None = None
    separate: str = ""
    fingerprint: str
    title: str
    when: When
    rule: str | None = None
    first: LocalTime | None = None
    location: str
    recipient: str
    organizer: str
    asked: int
    whole: bool = True
    spent: bool = False
    revision: int | None = None
    dates: tuple[OccurrenceState, ...] = ()
    certain: bool = True

    @property
    def schedule(self) -> Schedule:
        return Schedule(when=self.when, rule=self.rule)

    @property
    def naming(self) -> Schedule:
        """The schedule whose original starts the ``dates`` are named by."""
        beside = {one.date for one in self.dates if one.separate}
        when = self.when if self.first is None else replace(self.when, start=self.first)
        return Schedule(when=when, rule=self.rule, added=tuple(sorted(beside - {when.start})))

    @property
    def recurs(self) -> bool:
        return self.rule is not None

    @property
    def entry_uid(self) -> str:
        """The UID of the latest message."""
        return entry_uid(self.uid, self.separate)

    @property
    def part(self) -> LocalTime | None:
        """The date that the latest message was about; ``None`` if it was about the whole, or cancelled the main entry
        because none of its dates is left.
        """
        ended = self.whole and self.spent and not self.separate and self.method is Method.CANCEL
        return None if ended else self.date

    @property
    def base(self) -> int | None:
        """The SEQUENCE of the latest message about the whole; ``None`` if that is unknown."""
        return self.sequence if self.part is None else self.revision

    @property
    def stands(self) -> bool:
        """Whether the main entry is in the attendee's calendar, or may be. Only if ``whole``."""
        return bool(self.fingerprint) and not self.spent

    @property
    def gone(self) -> bool:
        """Whether everything that was sent was cancelled."""
        if self.whole:
            return not self.stands and all(one.cancelled for one in self.dates if one.separate)
        return all(date.cancelled for date in self.dates)

    @property
    def all_certain(self) -> bool:
        """Whether the state of every entry in the calendar is known. Only if ``whole``."""
        return self.certain and all(one.certain for one in self.dates if one.separate)

    @property
    def doubted(self) -> CalendarState:
        """This state with what the latest message was about marked as unknown, as if it may not have been sent."""
        if self.part is None:
            return replace(self, certain=False)
        latest = self.date, self.separate
        return replace(
            self, dates=tuple(_doubted(one) if (one.date, one.separate) == latest else one for one in self.dates)
        )

    @property
    def distrusted(self) -> CalendarState:
        """This state with all separate entries marked as unknown."""
        return replace(self, dates=tuple(_doubted(one) if one.separate else one for one in self.dates))

    @property
    def moved(self) -> tuple[tuple[LocalTime, When], ...]:
        """The times that were sent for single occurrences of the series, by their original starts."""
        standing = (one for one in self.dates if not (one.separate or one.cancelled))
        return tuple((one.date, one.when) for one in standing if one.when is not None)

    @property
    def known(self) -> PreviousState:
        """What the attendee knows of the main entry."""
        return PreviousState(
            title=self.title,
            when=self.when,
            location=self.location,
            schedule=self.schedule,
            certain=self.certain,
        )

    def plain(self, date: LocalTime, when: When, fingerprint: str = "") -> OccurrenceState:
        """The state of one date that takes place at ``when``, of which nothing was sent but the main entry itself."""
        return OccurrenceState(
            date=date, fingerprint=fingerprint, title=self.title, when=when, location=self.location, asked=self.asked
        )

    def occurrence_state(self, date: LocalTime, separate: str = "") -> OccurrenceState | None:
        """The state of this one date, as an occurrence of the series or as the separate entry of that name."""
        return next((one for one in self.dates if (one.date, one.separate) == (date, separate)), None)

    def latest_of(self, date: LocalTime) -> OccurrenceState | None:
        """The state of this one date: that of its separate entry, if it has one that is not cancelled."""
        standing = (one for one in self.dates if one.date == date and one.separate and not one.cancelled)
        return next(standing, None) or self.occurrence_state(date)

    def entry_of(self, uid: str) -> OccurrenceState | None:
        """The separate entry with this UID, or ``None``."""
        return next((one for one in self.dates if one.separate and entry_uid(self.uid, one.separate) == uid), None)


def _by_date(*dates: OccurrenceState) -> tuple[OccurrenceState, ...]:
    return tuple(sorted(_without_the_oldest(dates), key=lambda one: (one.date.isoformat(), one.separate)))


def _without_the_oldest(dates: Iterable[OccurrenceState]) -> list[OccurrenceState]:
    """``dates``, with at most ``CANCELLED_ENTRIES_KEPT`` certainly cancelled separate entries a date: the latest."""
    cancelled: dict[LocalTime, list[OccurrenceState]] = {}
    kept = []
    for one in dates:
        if one.separate and one.cancelled and one.certain:
            cancelled.setdefault(one.date, []).append(one)
        else:
            kept.append(one)
    for entries in cancelled.values():
        kept += sorted(entries, key=lambda one: int(one.separate.rpartition("-")[2]))[-CANCELLED_ENTRIES_KEPT:]
    return kept


def _doubted(date: OccurrenceState) -> OccurrenceState:
    """``date`` with its state in the calendar marked as unknown."""
    return replace(date, certain=False) if date.separate else replace(date, cancelled=False, fingerprint="")


def next_generation(calendar_state: CalendarState | None) -> int:
    """The generation of the next invitation that is a first one: under a UID that was never used."""
    return 1 if calendar_state is None else calendar_state.generation + 1


@frozen
class Message:
    """One message to one attendee, before it has a SEQUENCE and a DTSTAMP: it gets those when it is claimed (see
    ``delivery.reconcile``).

    It is about a whole event, or about one ``date`` of a series: its original start, in the zone ``date_zone``. If
    ``separate`` is not empty, it is about a separate entry (see :class:`OccurrenceState`). If it ``ends``, it cancels
    the main entry because ``date`` was the last date in it. ``without`` are the dates of a whole series that do not
    take place in it (EXDATE), ``moved`` the times of those that take place in it at another time than its rule has: for
    the text alone, since a calendar learns each by a message of its own. ``kept`` are the states of single occurrences
    that were sent before: some calendars keep those when they receive the whole series, others do not. ``separated``
    are the separate entries beside the main one, by the names that their dates have after this message. ``first`` is
    the original start of the first date, of an event without a rule.

    ``uid`` is that of the registration and generation. ``attendee.email`` is the recipient and the only ATTENDEE.
    ``organizer`` is ORGANIZER and From: the human organizer's name with the sender's address. ``reply_to`` is the human
    organizer. ``asked`` is the first SEQUENCE with the same time and place, or ``None`` if this message has a new time
    or place, which the attendee is asked to answer. ``former`` are the fingerprints of former texts that count as the
    same. ``state_before`` is the attendee's calendar state in this generation before this message; ``before`` what they
    knew of the entry or occurrence that it is about, for "was" and "now" in the text. ``cancelled_for_all``: the
    organizer cancelled the event or the date, as opposed to an attendee who is no longer expected; ``reason`` is why,
    in the organizer's words. ``promoted``: it is the first one to somebody who was on the waitlist, and has a seat
    now. ``may_return``: the attendee withdrew, and can come back by their personal link; their seat is kept for
    them until ``held_until`` (UTC), ``None`` where it is not. ``language`` is the tag of the language that its mail
    is written in, one of ``languages``; ``event_language``, a tag or empty, that of title, description and
    location. None of these five is part of the fingerprint: nobody is informed of a change of them alone.
    ``others_stay``: only one date is cancelled. ``left_series``: the series was split and lacks this date now,
    which may take place in the other part. ``instead`` is when a date takes place that is only cancelled here
    because it is sent as another entry. ``declining_frees_seat``: an attendee who declines loses their seat, and if
    there are ``several_entries``, who declines each of them. ``receives_replies`` is false if nobody receives what
    is sent to ORGANIZER. None of these three changes what a calendar shows, so a change of them alone is not sent.
    """

    method: Method
    uid: str
    generation: int
    date: LocalTime | None = None
    date_zone: str | None = None
    separate: str = ""
    ends: bool = False
    attendee: Person
    organizer: Person
    reply_to: Person
    title: str
    when: When
    rule: str | None = None
    first: LocalTime | None = None
    without: tuple[LocalTime, ...] = ()
    moved: tuple[tuple[LocalTime, When], ...] = ()
    kept: tuple[OccurrenceState, ...] = ()
    separated: tuple[OccurrenceState, ...] = ()
    location: str = ""
    description: str = ""
    language: str = "en"
    event_language: str = ""
    url: str = ""
    conference: Conference | None = None
    reminders: tuple[Duration, ...] = ()
    status: EventStatus
    participation: Participation
    asked: int | None = None
    fingerprint: str
    former: tuple[str, ...] = ()
    state_before: CalendarState | None = None
    before: PreviousState | None = None
    cancelled_for_all: bool = False
    promoted: bool = False
    may_return: bool = False
    held_until: datetime | None = None
    reason: str = ""
    declining_frees_seat: bool = False
    several_entries: bool = False
    receives_replies: bool = True
    others_stay: bool = False
    left_series: bool = False
    instead: When | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def schedule(self) -> Schedule:
        return Schedule(when=self.when, rule=self.rule)

    @property
    def recurs(self) -> bool:
        return self.rule is not None

    @property
    def entry_uid(self) -> str:
        """The UID in the calendar of this message."""
        return entry_uid(self.uid, self.separate)

    @property
    def recurrence_id(self) -> LocalTime | None:
        """RECURRENCE-ID, in the zone ``date_zone``; ``None`` for the main entry and for a separate one."""
        return None if self.separate or self.ends else self.date

    @property
    def opens(self) -> bool:
        """Whether it is the first message of its generation."""
        return self.state_before is None or self.state_before.sequence < 0

    @property
    def asks(self) -> bool:
        """Whether the attendee is asked to answer (RSVP): they are invited, no answer to the present time and place is
        known, and one would be received.
        """
        invited = self.method is Method.REQUEST and self.participation is Participation.NEEDS_ACTION
        return invited and self.receives_replies

    def calendar_state(self, *, sequence: int, dtstamp: datetime) -> CalendarState:
        """The attendee's calendar state once this message was sent under ``sequence`` with ``dtstamp`` (UTC).

        After a message about the whole series, the state of those occurrences is unknown that had been sent one by one.
        Separate entries are unaffected.
        """
        asked = sequence if self.asked is None else self.asked
        kept = {one.date: _doubted(one) for one in self.kept}
        main = CalendarState(
            uid=self.uid,
            generation=self.generation,
            sequence=sequence,
            method=self.method,
            dtstamp=dtstamp,
            fingerprint=self.fingerprint,
            title=self.title,
            when=self.when,
            rule=self.rule,
            first=None if self.first == self.when.start else self.first,
            location=self.location,
            recipient=self.attendee.email,
            organizer=self.organizer.email,
            asked=asked,
            spent=self.method is Method.CANCEL,
            dates=_by_date(
                *(OccurrenceState(date=date, cancelled=True) for date in self.without if date not in kept),
                *kept.values(),
                *self.separated,
            ),
        )
        if self.date is None:
            return main
        cancelled = self.method is Method.CANCEL
        occurrence = OccurrenceState(
            date=self.date,
            cancelled=cancelled,
            fingerprint="" if cancelled else self.fingerprint,
            title=self.title,
            when=self.when,
            location=self.location,
            asked=asked,
            separate=self.separate,
        )
        if self.state_before is None:
            zone = replace(self.when, time_zone=self.date_zone)
            return replace(main, date=self.date, when=zone, fingerprint="", asked=0, whole=False, dates=(occurrence,))
        others = [one for one in self.state_before.dates if (one.date, one.separate) != (self.date, self.separate)]
        return replace(
            self.state_before,
            sequence=sequence,
            method=self.method,
            dtstamp=dtstamp,
            date=self.date,
            separate=self.separate,
            spent=self.state_before.spent or self.ends,
            revision=self.state_before.base,
            certain=self.state_before.certain or self.ends,
            dates=_by_date(*others, occurrence),
        )


@frozen
class RenderedMail:
    """A message as bytes: its iCalendar object, and the whole MIME mail that contains it (RFC 6047).

    ``plainer`` has the names of header fields that could not be written as intended and were simplified.
    """

    calendar: bytes
    mail: bytes
    plainer: tuple[str, ...] = ()
