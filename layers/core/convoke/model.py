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

Frozen = TypeVar("Frozen")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def frozen(cls: type[Frozen]) -> type[Frozen]:
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


class RenderError(ConvokeError):
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
    DECLINED = "declined"
    CANCELLED = "cancelled"
    ERASED = "erased"


class Participation(StrEnum):
    """An attendee's answer: PARTSTAT (RFC 5545, section 3.2.12) in the API's spelling."""

    NEEDS_ACTION = "needs-action"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    TENTATIVE = "tentative"
    DELEGATED = "delegated"


class AnswerChannel(StrEnum):
    """How an answer came: by mail, let through by the organizer after a mail was held back, or through the API."""

    MAIL = "mail"
    RELEASE = "release"
    API = "api"


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


# Of two reports of one message the later in this list stands.
GRAVITY = (
    DeliveryState.ACCEPTED,
    DeliveryState.DELIVERED,
    DeliveryState.FAILED,
    DeliveryState.BOUNCED,
    DeliveryState.SUPPRESSED,
    DeliveryState.COMPLAINED,
)


@frozen
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


@frozen
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

    def _instant(self, local_time: datetime) -> datetime:
        zone = ZoneInfo(self.time_zone) if self.time_zone else LAST_ZONE_ON_EARTH
        return local_time.replace(tzinfo=zone).astimezone(UTC)


LocalTime = datetime | date
"""A wall time of an event's zone, or a whole day: how a date of a series is named, by its original start."""


@frozen
class Schedule:
    """Which dates there are.

    The first is ``when``; the others follow its ``rule`` (an RRULE, RFC 5545, section 3.3.10, as ``series.rule`` spells
    it; ``None`` for a single date); ``added`` are starts beside the rule, in order.
    """

    when: When
    rule: str | None = None
    added: tuple[LocalTime, ...] = ()


@frozen
class DateChange:
    """What is other about one date of a series than its rule says.

    ``date`` names it: its original start. ``None`` is as the series has it. A date that is ``cancelled``, for
    ``reason``, keeps what else was changed of it.
    """

    date: LocalTime
    cancelled: bool = False
    reason: str = ""
    when: When | None = None
    title: str | None = None
    location: str | None = None
    description: str | None = None


@frozen
class Occurrence:
    """One date of an event as it is, named by its original start, ``date``. ``moved``: it has a time of its own."""

    date: LocalTime
    when: When
    title: str
    location: str
    description: str
    cancelled: bool = False
    moved: bool = False
    reason: str = ""


def folded(email: str) -> str:
    """An address as addresses are compared: case does not count, nor whether the domain is in Punycode."""
    local, at, domain = email.strip().casefold().rpartition("@")
    with suppress(UnicodeError):
        domain = domain.encode("idna").decode()
    return f"{local}{at}{domain}"


@frozen
class Person:
    name: str
    email: str


@frozen
class Conference:
    """A link to join by (RFC 7986, section 5.11)."""

    uri: str
    label: str = ""


@frozen
class Event:
    """What people register for. ``version`` rises by one with every committed change; instants are UTC.

    A series has a ``rule`` or dates ``added`` to the first, ``when``; ``changes`` has one entry for each date that is
    other than these say, in their order. ``earlier`` are the schedules that it had before, oldest first, by which some
    registrations still name their dates. ``release_on_decline``: whoever declines gives their seat to the next in line.
    """

    event_id: str
    account: str
    version: int
    status: EventStatus
    title: str
    when: When
    rule: str | None = None
    added: tuple[LocalTime, ...] = ()
    changes: tuple[DateChange, ...] = ()
    earlier: tuple[Schedule, ...] = ()
    organizer: Person
    description: str = ""
    location: str = ""
    url: str = ""
    conference: Conference | None = None
    reminders: tuple[Duration, ...] = ()
    capacity: int | None = None
    release_on_decline: bool = False
    reason: str = ""
    created_at: datetime
    updated_at: datetime

    @property
    def schedule(self) -> Schedule:
        return Schedule(when=self.when, rule=self.rule, added=self.added)

    @property
    def recurs(self) -> bool:
        return self.rule is not None or bool(self.added)


@frozen
class Reply:
    """An attendee's answer, as it came: to which SEQUENCE, and its DTSTAMP (UTC). ``date`` names the one date of a
    series that it is about, by its original start; ``None`` is the whole event. ``received_at`` is when it arrived,
    UTC; ``None`` in what was stored before that was noted.
    """

    status: Participation
    sequence: int
    dtstamp: datetime
    date: LocalTime | None = None
    received_at: datetime | None = None


@frozen
class ReceivedReply:
    """A reply in the history of its registration: by which ``means`` it came, and ``at`` which instant (UTC) first."""

    reply: Reply
    means: AnswerChannel
    at: datetime


@frozen
class Registration:
    """One person's place at one event. ``registration_id`` begins with the time of its creation, so that ids sort by
    arrival.

    ``occurrences`` are the dates of a series that it is for, by their original starts as they were when the event had
    had ``named`` earlier schedules; ``None`` is all of them. ``reply`` answers for the whole event, ``date_replies``
    has the latest answer for each single date.
    """

    event_id: str
    registration_id: str
    version: int
    status: RegistrationStatus
    name: str
    email: str
    language: str = "en"
    occurrences: tuple[LocalTime, ...] | None = None
    named: int = 0
    reply: Reply | None = None
    date_replies: tuple[Reply, ...] = ()
    created_at: datetime
    updated_at: datetime


@frozen
class Sender:
    """The address that organizes on the human organizer's behalf (ORGANIZER and From), and the domain of new UIDs.

    ``receives_replies``: whether mail to that address comes in here, and so answers are read.
    """

    address: str
    domain: str
    receives_replies: bool = True
