"""What an attendee is told and was told: a message, and the calendar that they hold after it. Frozen data."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from .model import (
    Conference,
    Duration,
    EventStatus,
    Method,
    Participation,
    Person,
    Schedule,
    Wall,
    When,
    noun,
)


@noun
class Known:
    """What an attendee knew of something before a message about it. Not ``certain``: it may be otherwise."""

    title: str
    when: When
    location: str
    schedule: Schedule | None = None
    certain: bool = True


@noun
class ToldDate:
    """What was told of one date of a series, ``date`` its RECURRENCE-ID: that it is ``cancelled``, or how it is.

    An empty ``fingerprint`` of what is not cancelled says that nobody knows what was heard of this date. ``title``,
    ``when`` and ``location`` are as they were told; ``when`` is ``None`` where only its absence was. ``asked`` is as in
    :class:`Told`.
    """

    date: Wall
    cancelled: bool = False
    fingerprint: str = ""
    title: str = ""
    when: When | None = None
    location: str = ""
    asked: int = 0

    @property
    def known(self) -> bool:
        return self.cancelled or bool(self.fingerprint)


@noun
class Told:
    """What one attendee was told under one UID: the latest message, and what their calendar holds after it.

    The message is ``sequence``, ``method``, ``dtstamp``, and ``date``, the one date of a series that it was about, or
    ``None``. The calendar is the entry or the whole series (``fingerprint`` to ``asked``), and the ``dates`` that are
    other than that says, in their order. Who comes to some dates only has no series (``whole`` is false), only dates;
    ``when`` then has their zone.

    Within one ``generation`` (one UID) there is one ``recipient`` and one ``organizer`` address. ``asked`` is the
    SEQUENCE of the first message under this UID that carried the present ``when`` and ``location``. ``certain`` is
    false where the message may or may not have left: it then equals nothing, and whatever is true must be said again.
    """

    uid: str
    generation: int
    sequence: int
    method: Method
    dtstamp: datetime
    date: Wall | None = None
    fingerprint: str
    title: str
    when: When
    rule: str | None = None
    added: tuple[Wall, ...] = ()
    location: str
    recipient: str
    organizer: str
    asked: int
    whole: bool = True
    dates: tuple[ToldDate, ...] = ()
    certain: bool = True

    @property
    def schedule(self) -> Schedule:
        return Schedule(when=self.when, rule=self.rule, added=self.added)

    @property
    def recurs(self) -> bool:
        return self.rule is not None or bool(self.added)

    @property
    def gone(self) -> bool:
        """Whether all of it was taken back."""
        if self.whole:
            return self.method is Method.CANCEL and self.date is None
        return all(date.cancelled for date in self.dates)

    @property
    def doubted(self) -> Told:
        """As if nobody knew whether the latest message was heard."""
        if self.date is None:
            return replace(self, certain=False)
        return replace(self, dates=tuple(_doubted(one) if one.date == self.date else one for one in self.dates))

    @property
    def known(self) -> Known:
        """What the attendee knows of the whole."""
        return Known(
            title=self.title,
            when=self.when,
            location=self.location,
            schedule=self.schedule,
            certain=self.certain,
        )

    def date_told(self, date: Wall) -> ToldDate | None:
        """What was told of this date alone."""
        return next((one for one in self.dates if one.date == date), None)


def _by_date(*dates: ToldDate) -> tuple[ToldDate, ...]:
    return tuple(sorted(dates, key=lambda one: one.date.isoformat()))


def _doubted(date: ToldDate) -> ToldDate:
    return replace(date, cancelled=False, fingerprint="")


@noun
class Message:
    """One thing to tell one attendee. It gets its SEQUENCE and DTSTAMP when it is claimed (see ``reconcile``).

    It is about a whole event, or about one ``date`` of a series: its original start, in the zone ``date_zone``.
    ``without`` are the dates of a whole series that do not take place (EXDATE). ``kept`` is what had been told of
    single dates of it: some calendars keep that when they are told the whole, others do not.

    ``attendee.email`` is the recipient and the only ATTENDEE. ``organizer`` is ORGANIZER and From: the human
    organizer's name with the sender's address. ``reply_to`` is the human. ``asked`` is the SEQUENCE whose question
    still stands, or ``None`` when this message asks anew. ``upon`` is what this attendee was told last under this UID,
    ``before`` what they knew of the thing that this is about, for "was / is now" in words. ``called_off`` tells what
    the organizer cancelled from what somebody is merely not expected at any more; ``reason`` is why, in the organizer's
    words. ``declining_frees_seat``: who declines loses their place. ``receives_replies`` is false where answers to
    ORGANIZER reach nobody. Neither changes what a calendar shows, so neither is a reason to tell anybody anything.
    """

    method: Method
    uid: str
    generation: int
    date: Wall | None = None
    date_zone: str | None = None
    attendee: Person
    organizer: Person
    reply_to: Person
    title: str
    when: When
    rule: str | None = None
    added: tuple[Wall, ...] = ()
    without: tuple[Wall, ...] = ()
    kept: tuple[ToldDate, ...] = ()
    location: str = ""
    description: str = ""
    url: str = ""
    conference: Conference | None = None
    reminders: tuple[Duration, ...] = ()
    status: EventStatus
    participation: Participation
    asked: int | None = None
    fingerprint: str
    upon: Told | None = None
    before: Known | None = None
    called_off: bool = False
    reason: str = ""
    declining_frees_seat: bool = False
    receives_replies: bool = True
    created_at: datetime
    updated_at: datetime

    @property
    def schedule(self) -> Schedule:
        return Schedule(when=self.when, rule=self.rule, added=self.added)

    @property
    def recurs(self) -> bool:
        return self.rule is not None or bool(self.added)

    @property
    def asks(self) -> bool:
        """Whether the attendee is expected to answer (RSVP): invited, no answer to the present when and where is
        known, and one would be received.
        """
        invited = self.method is Method.REQUEST and self.participation is Participation.NEEDS_ACTION
        return invited and self.receives_replies

    def told(self, *, sequence: int, dtstamp: datetime) -> Told:
        """What the attendee will have been told once this message has left under ``sequence`` at ``dtstamp`` (UTC).

        After the whole nobody knows what a calendar holds of the dates that had been told one by one.
        """
        asked = sequence if self.asked is None else self.asked
        kept = {one.date: _doubted(one) for one in self.kept}
        about_all = Told(
            uid=self.uid,
            generation=self.generation,
            sequence=sequence,
            method=self.method,
            dtstamp=dtstamp,
            fingerprint=self.fingerprint,
            title=self.title,
            when=self.when,
            rule=self.rule,
            added=self.added,
            location=self.location,
            recipient=self.attendee.email,
            organizer=self.organizer.email,
            asked=asked,
            dates=_by_date(
                *(ToldDate(date=date, cancelled=True) for date in self.without if date not in kept),
                *kept.values(),
            ),
        )
        if self.date is None:
            return about_all
        cancelled = self.method is Method.CANCEL
        told = ToldDate(
            date=self.date,
            cancelled=cancelled,
            fingerprint="" if cancelled else self.fingerprint,
            title=self.title,
            when=self.when,
            location=self.location,
            asked=asked,
        )
        if self.upon is None:
            zone = replace(self.when, time_zone=self.date_zone)
            return replace(about_all, date=self.date, when=zone, fingerprint="", asked=0, whole=False, dates=(told,))
        others = [one for one in self.upon.dates if one.date != self.date]
        return replace(
            self.upon,
            sequence=sequence,
            method=self.method,
            dtstamp=dtstamp,
            date=self.date,
            dates=_by_date(*others, told),
        )


@noun
class Letter:
    """A message made ready for the post: its iCalendar bytes and the whole MIME mail that carries them.

    ``plainer`` names the header fields that could not be made to look as they were meant, and say it plainer or less.
    """

    calendar: bytes
    mail: bytes
    plainer: tuple[str, ...] = ()
