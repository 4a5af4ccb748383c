"""The nouns of the trade, as frozen data: no clock, no network, no storage.

Times are of two kinds and never mixed. *Wall times* are naive ``datetime`` or ``date`` values, read together with an
IANA time-zone name (:class:`When`). *Instants* are ``datetime`` values in UTC; every attribute that holds one says so.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum
from typing import TypeVar, dataclass_transform
from zoneinfo import ZoneInfo

Noun = TypeVar("Noun")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def noun(cls: type[Noun]) -> type[Noun]:
    """A frozen, slotted dataclass whose values are named where it is made; a new version is ``dataclasses.replace``."""
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


class ConvokeError(Exception):
    """The root of every error that this package raises on purpose; its children carry the evidence."""


class InvalidField(ConvokeError):
    """One value of a noun is not acceptable.

    ``field`` is the dotted path of api.md (``organizer.email``); ``message`` a sentence for the person who sent it.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class Unsayable(ConvokeError):
    """A calendar or mail that was built does not hold exactly what was meant, and must not be sent."""


class Method(StrEnum):
    """The iTIP methods we speak (RFC 5546, section 1.4)."""

    REQUEST = "REQUEST"
    CANCEL = "CANCEL"
    REPLY = "REPLY"


class EventStatus(StrEnum):
    CONFIRMED = "confirmed"
    TENTATIVE = "tentative"
    DRAFT = "draft"
    CANCELLED = "cancelled"


class RegistrationStatus(StrEnum):
    REGISTERED = "registered"
    WAITLISTED = "waitlisted"
    CANCELLED = "cancelled"
    ERASED = "erased"


class Participation(StrEnum):
    """An attendee's answer: PARTSTAT (RFC 5545, section 3.2.12) in the API's spelling."""

    NEEDS_ACTION = "needs-action"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    TENTATIVE = "tentative"


class DeliveryState(StrEnum):
    """What became of the latest message: "accepted" is SES's word, "delivered" the receiving server's."""

    NONE = "none"
    PENDING = "pending"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    SUPPRESSED = "suppressed"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@noun
class Duration:
    """An RFC 5545 duration (section 3.3.6): ``days`` are calendar days, ``seconds`` are exact."""

    days: int = 0
    seconds: int = 0

    _PATTERN = re.compile(
        r"P(?=[0-9T])(?:([0-9]{1,5})W)?(?:([0-9]{1,5})D)?(?:T(?=[0-9])(?:([0-9]{1,6})H)?(?:([0-9]{1,8})M)?(?:([0-9]{1,9})S)?)?",
    )

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read ``P1D``, ``PT1H30M``, ``P1W``; raise :class:`ValueError` for anything else."""
        match = cls._PATTERN.fullmatch(text)
        if match is None:
            raise ValueError("must be an ISO 8601 duration such as PT1H30M or P1D")
        weeks, days, hours, minutes, seconds = (int(group or 0) for group in match.groups())
        return cls(days=weeks * 7 + days, seconds=(hours * 60 + minutes) * 60 + seconds)

    def __str__(self) -> str:
        hours, rest = divmod(self.seconds, 3600)
        minutes, seconds = divmod(rest, 60)
        clock = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if n)
        days = f"{self.days}D" if self.days else ""
        return f"P{days}" + (f"T{clock}" if clock else "") if days or clock else "PT0S"

    @property
    def nominal(self) -> timedelta:
        """The length when every day has 24 hours: for comparing, never for adding to a wall time."""
        return timedelta(days=self.days, seconds=self.seconds)


# An all-day event without a zone is over when its last day has ended everywhere on earth.
LAST_ZONE_ON_EARTH = timezone(timedelta(hours=-12))


@noun
class When:
    """From when to when, as the organizer says it: wall times of a zone, or whole days.

    Timed: ``start`` and ``end`` are naive datetimes, read in ``time_zone``; ``end`` is after ``start``. ``start`` never
    has ``fold=1`` (a time that the clock shows twice is the first of the two); ``end`` has it only where a duration
    carried it into the second. All-day: both are dates, ``end`` the *last* day (inclusive), and ``time_zone`` may be
    absent.
    """

    start: datetime | date
    end: datetime | date
    time_zone: str | None = None

    @property
    def all_day(self) -> bool:
        return not isinstance(self.start, datetime)

    @property
    def starts_at(self) -> datetime:
        """The instant of the start, UTC. A whole day begins at midnight of its zone, or of UTC-12 where it has none."""
        return self._instant(self.start if isinstance(self.start, datetime) else datetime.combine(self.start, time()))

    @property
    def ends_at(self) -> datetime:
        """The first instant at which it is over, UTC. The last of the whole days counts to its end."""
        if isinstance(self.end, datetime):
            return self._instant(self.end)
        return self._instant(datetime.combine(self.end + timedelta(days=1), time()))

    def _instant(self, wall: datetime) -> datetime:
        zone = ZoneInfo(self.time_zone) if self.time_zone else LAST_ZONE_ON_EARTH
        return wall.replace(tzinfo=zone).astimezone(UTC)


def folded(email: str) -> str:
    """An address as addresses are compared: case does not count, nor whether the domain is in Punycode."""
    local, at, domain = email.strip().casefold().rpartition("@")
    with suppress(UnicodeError):
        domain = domain.encode("idna").decode()
    return f"{local}{at}{domain}"


@noun
class Person:
    name: str
    email: str


@noun
class Conference:
    """A link to join by (RFC 7986, section 5.11)."""

    uri: str
    label: str = ""


@noun
class Event:
    """What people register for. ``version`` rises by one with every committed change; instants are UTC."""

    event_id: str
    account: str
    version: int
    status: EventStatus
    title: str
    when: When
    organizer: Person
    description: str = ""
    location: str = ""
    url: str = ""
    conference: Conference | None = None
    reminders: tuple[Duration, ...] = ()
    capacity: int | None = None
    reason: str = ""
    created_at: datetime
    updated_at: datetime


@noun
class Reply:
    """An attendee's answer, as it came: to which SEQUENCE, and its DTSTAMP (UTC)."""

    status: Participation
    sequence: int
    dtstamp: datetime


@noun
class Registration:
    """One person's place at one event. ``registration_id`` begins with the time of its creation, so that ids sort by
    arrival.
    """

    event_id: str
    registration_id: str
    version: int
    status: RegistrationStatus
    name: str
    email: str
    language: str = "en"
    reply: Reply | None = None
    created_at: datetime
    updated_at: datetime


@noun
class Sender:
    """The address that organizes on the human organizer's behalf (ORGANIZER and From), and the domain of new UIDs."""

    address: str
    domain: str


@noun
class Told:
    """What one attendee was told last under one UID: all that decisions and "before / now" texts need.

    Within one ``generation`` (one UID) there is one ``recipient`` and one ``organizer`` address. ``asked`` is the
    SEQUENCE of the first message under this UID that carried the present ``when`` and ``location``. ``certain`` is
    false where the message may or may not have left: it then equals nothing, and whatever is true must be said again.
    """

    uid: str
    generation: int
    sequence: int
    method: Method
    dtstamp: datetime
    fingerprint: str
    title: str
    when: When
    location: str
    recipient: str
    organizer: str
    asked: int
    certain: bool = True


@noun
class Message:
    """One thing to tell one attendee. It gets its SEQUENCE and DTSTAMP when it is claimed (see ``reconcile``).

    ``attendee.email`` is the recipient and the only ATTENDEE. ``organizer`` is ORGANIZER and From: the human
    organizer's name with the sender's address. ``reply_to`` is the human. ``asked`` is the SEQUENCE whose question
    still stands, or ``None`` when this message asks anew. ``before`` is what this attendee was told last, for "was / is
    now" in words. ``called_off`` tells the cancellation of the whole event from that of one place at it; ``reason`` is
    why, in the organizer's words.
    """

    method: Method
    uid: str
    generation: int
    attendee: Person
    organizer: Person
    reply_to: Person
    title: str
    when: When
    location: str = ""
    description: str = ""
    url: str = ""
    conference: Conference | None = None
    reminders: tuple[Duration, ...] = ()
    status: EventStatus
    participation: Participation
    asked: int | None = None
    fingerprint: str
    before: Told | None = None
    called_off: bool = False
    reason: str = ""
    created_at: datetime
    updated_at: datetime

    @property
    def asks(self) -> bool:
        """Whether the attendee is expected to answer (RSVP): invited, and no answer to the present when and where is
        known.
        """
        return self.method is Method.REQUEST and self.participation is Participation.NEEDS_ACTION

    def told(self, *, sequence: int, dtstamp: datetime) -> Told:
        """What the attendee will have been told once this message has left under ``sequence`` at ``dtstamp`` (UTC)."""
        return Told(
            uid=self.uid,
            generation=self.generation,
            sequence=sequence,
            method=self.method,
            dtstamp=dtstamp,
            fingerprint=self.fingerprint,
            title=self.title,
            when=self.when,
            location=self.location,
            recipient=self.attendee.email,
            organizer=self.organizer.email,
            asked=sequence if self.asked is None else self.asked,
        )


@noun
class Letter:
    """A message made ready for the post: its iCalendar bytes and the whole MIME mail that carries them."""

    calendar: bytes
    mail: bytes


@noun
class Intent:
    """A numbered message that we set out to send; written before anything leaves.

    ``attempt`` names the one worker that holds the claim; ``unknowns`` counts the attempts whose outcome nobody knows;
    ``repair`` and ``resend`` are the counts of the invitation that it answers; ``failed`` says that it was given up.
    """

    told: Told
    attempt: str
    unknowns: int = 0
    repair: int = 0
    resend: int = 0
    failed: bool = False


@noun
class Acknowledged:
    """The newest message that SES is known to have accepted, ``at`` an instant in UTC."""

    told: Told
    ses_id: str
    at: datetime
    repair: int = 0
    resend: int = 0


@noun
class Stopped:
    """An address that may not be mailed again for this event, and why (bounced, complained or suppressed)."""

    address: str
    state: DeliveryState


@noun
class Delivered:
    """When (UTC) the receiving server last took a message of one method and generation."""

    generation: int
    method: Method
    at: datetime


@noun
class Invitation:
    """The sequence state of one registration: what was said, what may have been said, who is at it now.

    ``fence`` is its version. ``poke``, ``repair`` and ``resend`` count reasons to look again. ``allocated`` is the
    highest SEQUENCE ever given (-1 before the first), ``exposed`` the highest that may have left. ``lease_until`` is
    UTC. ``owed_at`` is ``<priority>#<time>`` while somebody must look again, else absent. ``stopped`` has one entry an
    address, ``delivered`` one a method of the latest generation.
    """

    event_id: str
    registration_id: str
    generation: int = 1
    poke: int = 0
    repair: int = 0
    resend: int = 0
    fence: int = 0
    allocated: int = -1
    exposed: int | None = None
    intent: Intent | None = None
    acknowledged: Acknowledged | None = None
    lease_until: datetime | None = None
    attempts: int = 0
    state: DeliveryState = DeliveryState.NONE
    stopped: tuple[Stopped, ...] = ()
    delivered: tuple[Delivered, ...] = ()
    owed_at: str | None = None

    def stop_of(self, address: str) -> Stopped | None:
        """Why ``address`` may not be mailed, or ``None`` where it may."""
        return next((stop for stop in self.stopped if folded(stop.address) == folded(address)), None)

    @property
    def doubt(self) -> bool:
        """Whether something may have left that SES has not been seen to accept."""
        return self.exposed is not None and (
            self.acknowledged is None or self.exposed > self.acknowledged.told.sequence
        )

    @property
    def unacknowledged(self) -> Intent | None:
        """The newest intent, while nobody has seen it accepted."""
        if self.intent is None:
            return None
        if self.acknowledged is not None and self.intent.told.sequence <= self.acknowledged.told.sequence:
            return None
        return self.intent


@noun
class Posted:
    """One message as it is kept: written once, before its first sending. Instants are UTC, ``None`` until then."""

    registration_id: str
    event_id: str
    told: Told
    letter: Letter | None
    written_at: datetime
    sent_at: datetime | None = None
    ses_id: str = ""
    state: DeliveryState = DeliveryState.PENDING
    expires_at: datetime | None = None


@noun
class Seats:
    """How many come and how many wait. ``capacity`` is ``None`` without a limit."""

    open: bool = True
    capacity: int | None = None
    taken: int = 0
    waiting: int = 0


@noun
class Fan:
    """A change of an event on its way to all its attendees: told up to and including ``cursor``."""

    event_id: str
    version: int
    cursor: str = ""


@noun
class Slice:
    """A request to tell the next few attendees of ``event_id`` after ``cursor`` about ``version``."""

    event_id: str
    version: int
    cursor: str = ""


@noun
class Sending:
    """The switch over all mail. Both times are UTC, and without effect when absent or past.

    Nothing is sent until ``stopped_until``, because of ``reason``; no invitations are until ``reserved_until``, since
    what is left of the day's quota is for cancellations and changes.
    """

    stopped_until: datetime | None = None
    reason: str = ""
    reserved_until: datetime | None = None

    def stopped(self, now: datetime) -> bool:
        return self.stopped_until is not None and now < self.stopped_until

    def reserved(self, now: datetime) -> bool:
        return self.reserved_until is not None and now < self.reserved_until


@noun
class Quota:
    """What SES grants: mails ``most`` in 24 hours, of which ``sent`` are used, and ``rate`` a second."""

    most: float
    sent: float
    rate: float
