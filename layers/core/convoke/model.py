"""Events, registrations and answers as frozen data classes: no clock, no network, no storage.

Times are of two kinds and never mixed. *Local times* are naive ``datetime`` or ``date`` values, read together with an
IANA time-zone name (:class:`When`). *Instants* are ``datetime`` values in UTC; every attribute that holds one says so.
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum
from string import ascii_uppercase
from typing import TypeVar, dataclass_transform
from zoneinfo import ZoneInfo

Frozen = TypeVar("Frozen")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def frozen(cls: type[Frozen]) -> type[Frozen]:
    """Make ``cls`` a frozen, slotted dataclass with keyword-only fields. ``dataclasses.replace`` makes copies."""
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


class ConvokeError(Exception):
    """The base class of all errors that this package raises on purpose; subclasses have attributes for the details."""


class InvalidField(ConvokeError):
    """One value of an event, a registration or a request is not acceptable.

    ``field`` is its dotted path as in the API (``organizer.email``); ``message`` is a sentence for whoever sent it.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class RenderError(ConvokeError):
    """A calendar or mail that was built does not contain exactly what was intended, and must not be sent."""


class Method(StrEnum):
    """The iTIP methods that are sent, and ``REPLY``, which is received (RFC 5546, section 1.4)."""

    REQUEST = "REQUEST"
    CANCEL = "CANCEL"
    REPLY = "REPLY"


class EventStatus(StrEnum):
    """Whether an event takes place: tentative is not certain, and of a draft nobody is informed."""

    CONFIRMED = "confirmed"
    TENTATIVE = "tentative"
    DRAFT = "draft"
    CANCELLED = "cancelled"

    @property
    def expects_people(self) -> bool:
        """Whether people may come to an event of this status: it is neither cancelled nor a draft."""
        return self in (EventStatus.CONFIRMED, EventStatus.TENTATIVE)


class RegistrationStatus(StrEnum):
    """Where a registration stands: it waits for the organizer's decision (pending), has a seat (registered) or a place
    on the waitlist, gave its seat back by declining, was withdrawn or turned down (cancelled), or erased after that.
    """

    PENDING = "pending"
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
    """How an answer came in: by mail, by mail that was released from quarantine, through the API, or on the person's
    page.
    """

    MAIL = "mail"
    RELEASE = "release"
    API = "api"
    WEB = "web"


class DeliveryState(StrEnum):
    """What became of the latest message: "accepted" by SES, "delivered" to the receiving mail server."""

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


# Of two reports about one message the one whose state is later in this list takes precedence.
GRAVITY = (
    DeliveryState.ACCEPTED,
    DeliveryState.DELIVERED,
    DeliveryState.FAILED,
    DeliveryState.BOUNCED,
    DeliveryState.SUPPRESSED,
    DeliveryState.COMPLAINED,
)


def graver(one: DeliveryState, other: DeliveryState) -> bool:
    """Whether ``one`` takes precedence over ``other`` by :data:`GRAVITY`: a state in it does over any that is not."""
    return one in GRAVITY and (other not in GRAVITY or GRAVITY.index(one) > GRAVITY.index(other))


@frozen
class Duration:
    """A duration that is not negative (RFC 5545, section 3.3.6): ``days`` are calendar days, ``seconds`` are exact."""

    days: int = 0
    seconds: int = 0

    _PATTERN = re.compile(
        r"P(?=[0-9T])(?:([0-9]{1,5})W)?(?:([0-9]{1,5})D)?(?:T(?=[0-9])(?:([0-9]{1,6})H)?(?:([0-9]{1,8})M)?(?:([0-9]{1,9})S)?)?",
    )

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Parse a duration such as ``P1D``, ``PT1H30M`` or ``P1W``. Raises :class:`ValueError` for any other text."""
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
        """The length if every day had 24 hours: for comparisons, never for adding to a local time."""
        return timedelta(days=self.days, seconds=self.seconds)


# UTC-12: an all-day event without a zone is over when its last day has ended everywhere on earth.
LAST_ZONE_ON_EARTH = timezone(timedelta(hours=-12))

YEARS = range(1970, 2200)
"""The years in which events may take place."""


@frozen
class When:
    """A start and an end as the organizer gave them: local times of a zone, or whole days.

    Timed: ``start`` and ``end`` are naive datetimes in ``time_zone``; ``end`` is after ``start``. ``start`` never has
    ``fold=1`` (of a time that occurs twice when clocks are set back, the first is meant); ``end`` has it only where
    adding a duration led to the second of the two. All-day: both are dates, ``end`` is the *last* day (inclusive), and
    ``time_zone`` may be ``None``.
    """

    start: datetime | date
    end: datetime | date
    time_zone: str | None = None

    @property
    def all_day(self) -> bool:
        return not isinstance(self.start, datetime)

    @property
    def starts_at(self) -> datetime:
        """The instant of the start, UTC. A whole day begins at midnight in its zone, or in UTC-12 where it has none."""
        return self._instant(self.start if isinstance(self.start, datetime) else datetime.combine(self.start, time()))

    @property
    def ends_at(self) -> datetime:
        """The first instant, UTC, at which it is over. The last of several whole days is included."""
        if isinstance(self.end, datetime):
            return self._instant(self.end)
        return self._instant(datetime.combine(self.end + timedelta(days=1), time()))

    def _instant(self, local_time: datetime) -> datetime:
        zone = ZoneInfo(self.time_zone) if self.time_zone else LAST_ZONE_ON_EARTH
        return local_time.replace(tzinfo=zone).astimezone(UTC)


Metadata = tuple[tuple[str, str], ...]
"""The caller's own names and values, sorted by name. Nothing here reads them."""

LocalTime = datetime | date
"""A naive ``datetime`` in an event's zone, or a whole day. The original start of an occurrence is its name."""


def basic(local_time: LocalTime) -> str:
    """A local time or day in the basic format of ISO 8601, as iCalendar has it: ``20270312T090000``, ``20270312``."""
    return f"{local_time:%Y%m%dT%H%M%S}" if isinstance(local_time, datetime) else f"{local_time:%Y%m%d}"


@frozen
class Schedule:
    """When an event takes place, on one date or on several.

    The first date is ``when``. The others follow from ``rule``, a recurrence rule (RFC 5545, section 3.3.10) in the
    spelling of ``series.rule``, or ``None`` where there is none. ``added`` are further starts, sorted.
    """

    when: When
    rule: str | None = None
    added: tuple[LocalTime, ...] = ()


@frozen
class DateChange:
    """How one occurrence of a series differs from the series.

    ``date`` is the original start of the occurrence. A field that is ``None`` is as in the series. An occurrence that
    is ``cancelled``, for ``reason``, keeps its other changes.
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
    """One occurrence of an event with its changes applied.

    ``date`` is its original start. ``moved``: it was given another time than the series has for it.
    """

    date: LocalTime
    when: When
    title: str
    location: str
    description: str
    cancelled: bool = False
    moved: bool = False
    reason: str = ""

    def is_to_come(self, now: datetime) -> bool:
        """Whether it takes place and is not over at ``now`` (UTC)."""
        return not self.cancelled and self.when.ends_at > now


def ascii_domain(domain: str) -> str:
    """A domain in Punycode, in lower case. Raises :class:`UnicodeError` where it is none, or has characters that IDNA
    2003, which Python's codec implements, maps to others: IDNA 2008 takes some of those domains for other ones
    (``straße``, ``STRAẞE``), and whoever has that one must not be taken for whoever has this.
    """
    if domain.isascii():
        return domain.lower()
    named = unicodedata.normalize("NFC", domain.lower())
    encoded = named.encode("idna")
    same = encoded.decode("idna") == named == unicodedata.normalize("NFKC", named.casefold())
    if not same or any(one in _FILLERS or unicodedata.category(one)[0] in "CZ" for one in named):
        raise UnicodeError("a domain that not everybody reads alike")
    return encoded.decode("ascii")


_FILLERS = frozenset("\u115f\u1160\u17b4\u17b5\u180f\u3164\uffa0") | {*map(chr, range(0xE0100, 0xE01F0))}
"""Characters that show nothing, among them the Variation Selectors Supplement. Programs that follow UTS 46 leave them
out of a domain; the codec ``idna`` does not.
"""


def folded(email: str) -> str:
    """The normalized form of an address, for comparisons: its domain in Punycode where that is valid, ASCII letters in
    lower case. No other character is taken for a letter that it resembles (``ſ`` for ``s``).
    """
    local, at, domain = email.strip().rpartition("@")
    with suppress(UnicodeError):
        domain = ascii_domain(domain)
    return f"{local}{at}{domain}".translate(_LOWER_CASE)


_LOWER_CASE = {ord(one): one.lower() for one in ascii_uppercase}


_GMAIL = frozenset({"gmail.com", "googlemail.com"})


def mailbox(email: str) -> str:
    """What all spellings of one mailbox have in common, for comparison and counting: nothing is ever sent to it. A tag
    after a plus sign is the owner's own (RFC 5233), and Gmail ignores dots.
    """
    local, at, domain = folded(email).rpartition("@")
    local = local.partition("+")[0] or local  # with nothing before the plus sign it is no tag
    if domain in _GMAIL:
        local, domain = local.replace(".", "") or local, "gmail.com"
    return f"{local}{at}{domain}"


@frozen
class Person:
    """Somebody's name, which may be empty, and mail address."""

    name: str
    email: str


@frozen
class Conference:
    """A link to join an online meeting: CONFERENCE (RFC 7986, section 5.11)."""

    uri: str
    label: str = ""


class QuestionKind(StrEnum):
    """How a question is answered: with any text, with one of its choices, or with yes or no."""

    TEXT = "text"
    CHOICE = "choice"
    YES_NO = "yes-no"


@frozen
class Question:
    """What an event asks everybody who registers. ``question_id`` is unique in the event and stays when ``text``
    changes. ``choices`` are the possible responses of a CHOICE; a response to a YES_NO is ``yes`` or ``no``.
    """

    question_id: str
    text: str
    kind: QuestionKind = QuestionKind.TEXT
    choices: tuple[str, ...] = ()
    required: bool = False


@frozen
class FormerText:
    """What an event said before one change that nobody was informed of; ``None`` is what that change left as it is."""

    title: str | None = None
    description: str | None = None
    url: str | None = None
    organizer: Person | None = None
    reminders: tuple[Duration, ...] | None = None


@frozen
class Event:
    """What people register for. ``version`` rises by one with every committed change; instants are UTC.

    ``when`` is the first date, before changes. A series has a ``rule``, or dates ``added`` to the first, or both;
    ``changes`` has one item for each occurrence that differs from the series, sorted. ``earlier`` are its former
    schedules, oldest first: some registrations name their dates by those. ``was_split``: it is the earlier part of a
    split series; dates that it lost then may take place in another event. ``splits`` are the values of ``len(earlier)``
    at which it was split; empty if it was before this field existed. ``capacity`` is ``None`` without a limit.
    ``release_on_decline``: the seat of an attendee who declines goes to the first of the waitlist. ``reason`` is why
    the event was cancelled. ``former_texts``, oldest first, are what it said before changes that nobody was informed
    of: who knows one of them counts as informed, until a change that people are informed of removes them.
    ``external_id``, empty for none, is the caller's own id, unique in the account. ``source`` is the name of the
    account's source whose row the event follows. ``public``: anybody may see its page, and register there;
    ``confirm_address``: who does so has to confirm their address first, and may bring up to ``guests`` people.
    ``approval``: the organizer decides about each registration before it takes a seat. ``language``, a language tag or
    empty, is that of its texts. ``notify_after``, in seconds, is how long an ordinary change waits for the next one
    before it is announced; ``None`` is as the account has it.
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
    was_split: bool = False
    splits: tuple[int, ...] = ()
    organizer: Person
    description: str = ""
    location: str = ""
    url: str = ""
    conference: Conference | None = None
    reminders: tuple[Duration, ...] = ()
    capacity: int | None = None
    release_on_decline: bool = False
    reason: str = ""
    former_texts: tuple[FormerText, ...] = ()
    external_id: str = ""
    metadata: Metadata = ()
    source: str | None = None
    public: bool = False
    confirm_address: bool = True
    approval: bool = False
    guests: int = 0
    language: str = ""
    questions: tuple[Question, ...] = ()
    notify_after: int | None = None
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
    """An attendee's answer as it was received: the ``sequence`` that it answers, and its DTSTAMP (UTC).

    ``date`` is the original start of the occurrence that it is about; ``None`` is the whole event. ``received_at`` is
    when it arrived, UTC; ``None`` in items that were stored before this field existed.
    """

    status: Participation
    sequence: int
    dtstamp: datetime
    date: LocalTime | None = None
    received_at: datetime | None = None


@frozen
class ReceivedReply:
    """A reply in the history of its registration: how it came in, and ``at`` which instant (UTC) for the first time."""

    reply: Reply
    channel: AnswerChannel
    at: datetime


@frozen
class Registration:
    """One person's registration for one event. A pending one waits for the organizer's decision: it has its address,
    but no seat, no place on the waitlist and no invitation.

    ``registration_id`` begins with the time of its creation, so that ids sort by arrival. ``occurrences`` are the dates
    of a series that it is for, ``None`` all of them. They are original starts under the schedule that the event had
    when ``len(event.earlier)`` was ``named``. ``reply`` is the latest answer for the whole event; ``date_replies`` has
    the latest answer for each single occurrence. ``external_id``, empty for none, is the caller's own id, unique in the
    event among those that are neither cancelled nor erased. ``source`` is as in :class:`Event`. ``language``, a
    language tag or empty, is that of its mails; empty is the event's. ``guests`` come with this person, and take a seat
    each. ``responses`` are to the event's questions: ids and texts, sorted by id. ``links`` counts how often its
    personal links were replaced: the older ones are not valid any more. ``promoted`` is the generation of its
    invitation that began with a seat from the waitlist, 0 for none. ``held_until`` (UTC) is until when the seats of
    a registration that was cancelled by one click are kept for it, unless they were released early; ``None`` for any
    other. ``removed``: they cannot come back by themselves, since the organizer said so, or the row that it follows is
    gone or says that they do not come. ``left_at`` (UTC) is when they last withdrew, or gave their seat back by
    declining, also where they have come back since. ``accepted_at`` or ``turned_down_at`` (UTC) is when the organizer
    last decided about it, where they had to.
    """

    event_id: str
    registration_id: str
    version: int
    status: RegistrationStatus
    name: str
    email: str
    language: str = ""
    occurrences: tuple[LocalTime, ...] | None = None
    named: int = 0
    reply: Reply | None = None
    date_replies: tuple[Reply, ...] = ()
    external_id: str = ""
    metadata: Metadata = ()
    source: str | None = None
    guests: int = 0
    responses: tuple[tuple[str, str], ...] = ()
    links: int = 0
    promoted: int = 0
    held_until: datetime | None = None
    removed: bool = False
    left_at: datetime | None = None
    accepted_at: datetime | None = None
    turned_down_at: datetime | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def seats(self) -> int:
        """How many seats it takes: one for the person, and one for each guest."""
        return 1 + self.guests


def language_of(event: Event, registration: Registration) -> str:
    """The language tag of a person's mails and pages: their own, else that of the event, else English."""
    return registration.language or event.language or "en"


@frozen
class AccountSettings:
    """What an account has decided for its events and their pages.

    ``version`` rises by one with every change, and is 0 where the account has decided nothing. ``name`` is who the
    pages are by; ``colour`` is theirs, ``#rrggbb`` in lower case, or empty; ``imprint`` and ``privacy`` are links
    (https) or empty. ``logo`` is the name under which the account's :class:`Logo` is served, or empty.
    ``notify_after``, in seconds, is as in :class:`Event`. ``unconfirmed_mails`` is how many mails a day the account's
    pages send to addresses that are not confirmed.
    """

    version: int = 0
    name: str = ""
    colour: str = ""
    logo: str = ""
    imprint: str = ""
    privacy: str = ""
    notify_after: int = 60
    unconfirmed_mails: int = 500


@frozen
class Logo:
    """An account's image for its pages: its bytes, and their media type, ``image/png``, ``image/jpeg`` or
    ``image/webp``. ``name``, of ``logo-``, 32 hexadecimal digits and an extension, is another one for every content, so
    that what is served under it never changes.
    """

    name: str
    media_type: str
    data: bytes


@frozen
class Sender:
    """The address used as ORGANIZER and From on behalf of the human organizer, and the domain of new UIDs.

    ``receives_replies``: whether mail to that address is received by this deployment, so that answers are processed.
    """

    address: str
    domain: str
    receives_replies: bool = True
