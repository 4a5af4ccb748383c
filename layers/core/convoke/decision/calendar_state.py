"""What an attendee is told and was told: a message, and the calendar that they hold after it. Frozen data."""

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
    frozen,
)


@frozen
class PreviousState:
    """What an attendee knew of something before a message about it. Not ``certain``: it may be otherwise."""

    title: str
    when: When
    location: str
    schedule: Schedule | None = None
    certain: bool = True


_SEPARATE = re.compile(r"\.[0-9]{8}(?:t[0-9]{6})?-[0-9]{1,9}@")

KEPT = 3
"""Separate entries of one date that were cancelled and are still known, so that a repair can cancel them once more."""


def separate_name(date: LocalTime, sequence: int) -> str:
    """What makes the UID of a date that is an entry of its own: the date's name, and the SEQUENCE that is free when it
    is first told, since a UID once cancelled is never used again.
    """
    day = f"{date:%Y%m%dt%H%M%S}" if isinstance(date, datetime) else f"{date:%Y%m%d}"
    return f"{day}-{sequence}"


def entry_uid(uid: str, separate: str) -> str:
    """The UID of an entry: ``uid`` itself, that of the registration, or that of the entry ``separate`` beside it."""
    local, _, domain = uid.rpartition("@")
    return f"{local}.{separate}@{domain}" if separate else uid


def is_separate(uid: str) -> bool:
    """Whether a UID of ours is that of a date which is an entry of its own."""
    return _SEPARATE.search(uid) is not None


@frozen
class OccurrenceState:
    """What was told of one date of a series, ``date`` its RECURRENCE-ID: that it is ``cancelled``, or how it is.

    A date that is ``separate`` is no part of the series in a calendar but an entry of its own, with a UID of its own
    (see :func:`entry_uid`) and no RECURRENCE-ID; of one date both may have been told, one after the other.

    An empty ``fingerprint`` of what is not cancelled says that nobody knows what was heard of this date; of a separate
    one ``certain`` says that, which still tells what it was. ``title``, ``when`` and ``location`` are as they were
    told; ``when`` is ``None`` where only its absence was. ``asked`` is as in :class:`CalendarState`.
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
        return self.certain and (self.cancelled or bool(self.fingerprint))


@frozen
class CalendarState:
    """What one attendee was told under one generation: the latest message, and what their calendar holds after it.

    The message is ``sequence``, ``method``, ``dtstamp``, and ``date``, the one date of a series that it was about, or
    ``None``; ``separate`` as in :class:`OccurrenceState`. The calendar is the entry or the whole series
    (``fingerprint`` to ``asked``), and the ``dates`` that are other than that says, in their order. Who comes to some
    dates only has no series (``whole`` is false), only dates; ``when`` then has their zone.

    Of the whole, an empty ``fingerprint`` says that the entry of ``uid`` was never told, only separate ones; ``spent``
    that it was cancelled, so that its UID may not be used again while this generation lasts. ``first`` names the first
    date where it was told at another time than the event's. ``revision`` is the SEQUENCE of the latest message about
    the whole, where that is not the latest of all. ``added`` are the RDATEs that were told before there were separate
    entries.

    Within one ``generation`` (one UID and those made from it) there is one ``recipient`` and one ``organizer`` address.
    ``asked`` is the SEQUENCE of the first message under this UID that carried the present ``when`` and ``location``.
    ``certain`` is false where the message may or may not have left: it then equals nothing, and whatever is true must
    be said again.
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
    added: tuple[LocalTime, ...] = ()
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
        return Schedule(when=self.when, rule=self.rule, added=self.added)

    @property
    def naming(self) -> Schedule:
        """The schedule that the ``dates`` are named by."""
        beside = {one.date for one in self.dates if one.separate} | set(self.added)
        when = self.when if self.first is None else replace(self.when, start=self.first)
        return Schedule(when=when, rule=self.rule, added=tuple(sorted(beside - {when.start})))

    @property
    def recurs(self) -> bool:
        return self.rule is not None or bool(self.added)

    @property
    def entry_uid(self) -> str:
        """The UID that the latest message had."""
        return entry_uid(self.uid, self.separate)

    @property
    def part(self) -> LocalTime | None:
        """The date that the latest message was about; ``None`` where it was about the whole, or took the entry of
        ``uid`` back because none of its dates is left.
        """
        ended = self.whole and self.spent and not self.separate and self.method is Method.CANCEL
        return None if ended else self.date

    @property
    def base(self) -> int | None:
        """The SEQUENCE of the latest message about the whole; ``None`` where nobody knows."""
        return self.sequence if self.part is None else self.revision

    @property
    def withdrawn(self) -> bool:
        """Whether the entry of ``uid`` was cancelled. Of the whole."""
        return self.spent or (self.method is Method.CANCEL and self.date is None)

    @property
    def stands(self) -> bool:
        """Whether the entry of ``uid`` is in their calendar, or may be. Of the whole."""
        return bool(self.fingerprint) and not self.withdrawn

    @property
    def gone(self) -> bool:
        """Whether all of it was taken back."""
        if self.whole:
            return not self.stands and all(one.cancelled for one in self.dates if one.separate)
        return all(date.cancelled for date in self.dates)

    @property
    def settled(self) -> bool:
        """Whether it is known of every entry what was heard of it. Of the whole."""
        return self.certain and all(one.certain for one in self.dates if one.separate)

    @property
    def doubted(self) -> CalendarState:
        """As if nobody knew whether the latest message was heard."""
        if self.part is None:
            return replace(self, certain=False)
        latest = self.date, self.separate
        return replace(
            self, dates=tuple(_doubted(one) if (one.date, one.separate) == latest else one for one in self.dates)
        )

    @property
    def distrusted(self) -> CalendarState:
        """As if nobody knew what was heard of the separate entries."""
        return replace(self, dates=tuple(_doubted(one) if one.separate else one for one in self.dates))

    @property
    def known(self) -> PreviousState:
        """What the attendee knows of the whole."""
        return PreviousState(
            title=self.title,
            when=self.when,
            location=self.location,
            schedule=self.schedule,
            certain=self.certain,
        )

    def occurrence_state(self, date: LocalTime, separate: str = "") -> OccurrenceState | None:
        """What was told of this date alone, as a date of the series or as this separate entry."""
        return next((one for one in self.dates if (one.date, one.separate) == (date, separate)), None)

    def latest_of(self, date: LocalTime) -> OccurrenceState | None:
        """What was told of this date alone: by its separate entry, where it has one that stands."""
        standing = (one for one in self.dates if one.date == date and one.separate and not one.cancelled)
        return next(standing, None) or self.occurrence_state(date)

    def entry_of(self, uid: str) -> OccurrenceState | None:
        """The separate entry of this UID, where there is one."""
        return next((one for one in self.dates if one.separate and entry_uid(self.uid, one.separate) == uid), None)


def _by_date(*dates: OccurrenceState) -> tuple[OccurrenceState, ...]:
    return tuple(sorted(_without_the_oldest(dates), key=lambda one: (one.date.isoformat(), one.separate)))


def _without_the_oldest(dates: Iterable[OccurrenceState]) -> list[OccurrenceState]:
    """Of one date only the latest few separate entries that were cancelled for certain."""
    off: dict[LocalTime, list[OccurrenceState]] = {}
    kept = []
    for one in dates:
        if one.separate and one.cancelled and one.certain:
            off.setdefault(one.date, []).append(one)
        else:
            kept.append(one)
    for several in off.values():
        kept += sorted(several, key=lambda one: int(one.separate.rpartition("-")[2]))[-KEPT:]
    return kept


def _doubted(date: OccurrenceState) -> OccurrenceState:
    return replace(date, certain=False) if date.separate else replace(date, cancelled=False, fingerprint="")


@frozen
class Message:
    """One thing to tell one attendee. It gets its SEQUENCE and DTSTAMP when it is claimed (see ``reconcile``).

    It is about a whole event, or about one ``date`` of a series: its original start, in the zone ``date_zone``. Where
    it is ``separate`` it is about an entry of its own (see :class:`OccurrenceState`); where it ``ends``, it takes the
    whole entry back because ``date`` was the last of it. ``without`` are the dates of a whole series that do not take
    place in it (EXDATE). ``kept`` is what had been told of single dates of it: some calendars keep that when they are
    told the whole, others do not. ``apart`` are the separate entries beside the whole, by the names that their dates
    have after it. ``first`` is the name of the first date where the whole has no rule.

    ``uid`` is that of the registration and generation. ``attendee.email`` is the recipient and the only ATTENDEE.
    ``organizer`` is ORGANIZER and From: the human organizer's name with the sender's address. ``reply_to`` is the
    human. ``asked`` is the SEQUENCE whose question still stands, or ``None`` when this message asks anew. ``upon`` is
    what this attendee was told last in this generation, ``before`` what they knew of the thing that this is about, for
    "was / is now" in words. ``called_off`` tells what the organizer cancelled from what somebody is merely not expected
    at any more; ``reason`` is why, in the organizer's words. ``others_stay`` says that what is taken back is one date
    only. ``instead`` is when the date takes place that is taken back only to be told as another entry.
    ``declining_frees_seat``: who declines loses their place; where there are ``several_entries``, who declines each.
    ``receives_replies`` is false where answers to ORGANIZER reach nobody. None of these changes what a calendar shows,
    so none is a reason to tell anybody anything.
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
    kept: tuple[OccurrenceState, ...] = ()
    apart: tuple[OccurrenceState, ...] = ()
    location: str = ""
    description: str = ""
    url: str = ""
    conference: Conference | None = None
    reminders: tuple[Duration, ...] = ()
    status: EventStatus
    participation: Participation
    asked: int | None = None
    fingerprint: str
    upon: CalendarState | None = None
    before: PreviousState | None = None
    called_off: bool = False
    reason: str = ""
    declining_frees_seat: bool = False
    several_entries: bool = False
    receives_replies: bool = True
    others_stay: bool = False
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
        """The UID that it goes out under."""
        return entry_uid(self.uid, self.separate)

    @property
    def recurrence_id(self) -> LocalTime | None:
        """The date of a series that it names, in the zone ``date_zone``; an entry of its own has none."""
        return None if self.separate or self.ends else self.date

    @property
    def opens(self) -> bool:
        """Whether it is the first of its generation, and nothing was told before it."""
        return self.upon is None or self.upon.sequence < 0

    @property
    def asks(self) -> bool:
        """Whether the attendee is expected to answer (RSVP): invited, no answer to the present when and where is
        known, and one would be received.
        """
        invited = self.method is Method.REQUEST and self.participation is Participation.NEEDS_ACTION
        return invited and self.receives_replies

    def calendar_state(self, *, sequence: int, dtstamp: datetime) -> CalendarState:
        """What the attendee will have been told once this message has left under ``sequence`` at ``dtstamp`` (UTC).

        After the whole nobody knows what a calendar holds of the dates that had been told one by one; separate entries
        are as they were.
        """
        asked = sequence if self.asked is None else self.asked
        kept = {one.date: _doubted(one) for one in self.kept}
        about_all = CalendarState(
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
                *self.apart,
            ),
        )
        if self.date is None:
            return about_all
        cancelled = self.method is Method.CANCEL
        calendar_state = OccurrenceState(
            date=self.date,
            cancelled=cancelled,
            fingerprint="" if cancelled else self.fingerprint,
            title=self.title,
            when=self.when,
            location=self.location,
            asked=asked,
            separate=self.separate,
        )
        if self.upon is None:
            zone = replace(self.when, time_zone=self.date_zone)
            return replace(
                about_all, date=self.date, when=zone, fingerprint="", asked=0, whole=False, dates=(calendar_state,)
            )
        others = [one for one in self.upon.dates if (one.date, one.separate) != (self.date, self.separate)]
        return replace(
            self.upon,
            sequence=sequence,
            method=self.method,
            dtstamp=dtstamp,
            date=self.date,
            separate=self.separate,
            spent=self.upon.withdrawn or self.ends,
            revision=self.upon.base,
            certain=self.upon.certain or self.ends,
            dates=_by_date(*others, calendar_state),
        )


@frozen
class RenderedMail:
    """A message made ready for the post: its iCalendar bytes and the whole MIME mail that carries them.

    ``plainer`` names the header fields that could not be made to look as they were meant, and say it plainer or less.
    """

    calendar: bytes
    mail: bytes
    plainer: tuple[str, ...] = ()
