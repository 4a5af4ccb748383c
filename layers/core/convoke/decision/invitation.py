"""The state of delivery, as frozen data: of each registration what was sent, what may have been sent, and which worker
has claimed it; and the items for fan-outs, seats, and sending as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import datetime
from enum import StrEnum

from ..model import DeliveryState, LocalTime, Method, folded, frozen, graver
from .calendar_state import CalendarState, RenderedMail


class Cause(StrEnum):
    """Why a message was given up without an error from SES. Where there was one, its code is stored instead."""

    UNRENDERABLE = "unrenderable"  # the mail, read back, does not have the content that was intended
    UNANSWERED = "unanswered"  # too many attempts had an unknown outcome
    ERASED = "erased"  # the person was erased meanwhile
    BARRED = "barred"  # the address may not be mailed
    SETTLED = "settled"  # a notification whose content is no longer stored, since its outcome was known already


class WaitMail(StrEnum):
    """What a mail says to somebody who waits for a seat, or for the organizer's decision."""

    NOTHING = "nothing"
    """None yet: they were shown on a page that they are registered, or wait, and are to be mailed so."""
    PLACE = "place"
    """That they wait."""
    CANCELLED = "cancelled"
    """That what they wait for is cancelled: the event, or those of its dates that are theirs."""


@frozen
class WaitMailed:
    """The last wait mail to somebody. ``links`` is the counter that their personal links had then, which is raised with
    each new address; ``None``: it went to an address that they had before. Unless it is ``certain`` SES may have
    accepted it, and never said so, or it was not delivered: then ``failure`` is the state that SES reported.
    ``mail_id`` says which mail it was (``mail.notifications.mail_id``); it is empty where none was sent, or a message
    said it.
    """

    mail: WaitMail
    links: int | None = None
    certain: bool = True
    failure: DeliveryState | None = None
    mail_id: str = ""

    @property
    def without_id(self) -> WaitMailed:
        """The same, without which mail it was."""
        return replace(self, mail_id="")


@frozen
class Intent:
    """A message with its SEQUENCE that a worker has claimed in order to send it; stored before it is sent.

    ``calendar_state`` is the state after the message. ``attempt`` is the id of the attempt that holds the claim;
    ``unknowns`` counts the attempts whose outcome is unknown. ``repair`` and ``resend`` are the invitation's counts
    when it was claimed: those requests it fulfils. ``failed``: it was given up.
    """

    calendar_state: CalendarState
    attempt: str
    unknowns: int = 0
    repair: int = 0
    resend: int = 0
    failed: bool = False

    @property
    def sequence(self) -> int:
        return self.calendar_state.sequence


@frozen
class Acknowledged:
    """The newest message that SES is known to have accepted, ``at`` an instant in UTC."""

    calendar_state: CalendarState
    ses_id: str
    at: datetime
    repair: int = 0
    resend: int = 0

    @property
    def sequence(self) -> int:
        return self.calendar_state.sequence


@frozen
class Stopped:
    """An address that may not be mailed again for this event, and why (bounced, complained or suppressed)."""

    address: str
    state: DeliveryState

    @property
    def hard(self) -> bool:
        """Whether mail cannot be delivered at all. After a complaint it could be, but is not wanted."""
        return self.state is not DeliveryState.COMPLAINED


@frozen
class Delivered:
    """When (UTC) a receiving mail server last accepted a message of one method and generation, and its SEQUENCE.

    The message was about one ``date`` of a series or (``None``) the whole, or about a ``separate`` entry.
    """

    generation: int
    method: Method
    at: datetime
    sequence: int = 0
    date: LocalTime | None = None
    separate: str = ""

    @property
    def part(self) -> tuple[LocalTime | None, str]:
        """What the message was about: ``date`` and ``separate``."""
        return self.date, self.separate


@frozen
class Mailed:
    """How many mails were counted in one ``hour`` (``YYYY-MM-DDTHH``, UTC; empty before the first) and in its day."""

    hour: str = ""
    in_hour: int = 0
    in_day: int = 0

    def at(self, now: datetime) -> Mailed:
        """The counts of the hour and day of ``now`` (UTC): those of an earlier one have ended."""
        hour = f"{now:%Y-%m-%dT%H}"
        in_day = self.in_day if self.hour[:10] == hour[:10] else 0
        return Mailed(hour=hour, in_hour=self.in_hour if self.hour == hour else 0, in_day=in_day)

    def plus(self, now: datetime, count: int = 1) -> Mailed:
        """The counts at ``now`` (UTC) with ``count`` more."""
        known = self.at(now)
        return replace(known, in_hour=known.in_hour + count, in_day=known.in_day + count)


@frozen
class Invitation:
    """All that is remembered of one registration in order to send each of its messages once, in order and to the end.

    ``fence`` is the version, by which every write is conditional. ``wakeups`` counts the reasons to process it,
    ``repair`` and ``resend`` the requests to send the present content again. ``allocated`` is the highest SEQUENCE ever
    given to a message (-1 before the first), ``highest_possibly_sent`` the highest that may have been sent, and
    ``possibly_sent`` the state after that message. ``lease_until`` (UTC) is when the claim of ``intent`` ends.
    ``attempts`` counts failed attempts in a row. ``due_key`` is ``<priority>#<time>`` while it has to be processed,
    else absent. ``reason`` is why ``state`` is "failed": a code from SES or one of :class:`Cause`. ``stopped`` has one
    item for each address, ``delivered`` one for each method and date or separate entry of the latest generation.
    ``mailed`` counts its messages, each under its first attempt. ``wait_mail`` is the last wait mail that SES
    accepted, or may have accepted; ``None`` where none is to be sent, or where somebody who does not wait has been sent
    a message since.
    """

    event_id: str
    registration_id: str
    generation: int = 1
    wakeups: int = 0
    repair: int = 0
    resend: int = 0
    fence: int = 0
    allocated: int = -1
    highest_possibly_sent: int | None = None
    possibly_sent: CalendarState | None = None
    intent: Intent | None = None
    acknowledged: Acknowledged | None = None
    lease_until: datetime | None = None
    attempts: int = 0
    state: DeliveryState = DeliveryState.NONE
    reason: str = ""
    stopped: tuple[Stopped, ...] = ()
    delivered: tuple[Delivered, ...] = ()
    mailed: Mailed = Mailed()
    wait_mail: WaitMailed | None = None
    due_key: str | None = None

    def stop_of(self, address: str) -> Stopped | None:
        """Why ``address`` may not be mailed, or ``None`` where it may."""
        return next((stop for stop in self.stopped if folded(stop.address) == folded(address)), None)

    @property
    def doubt(self) -> bool:
        """Whether a message may have been sent that SES is not known to have accepted."""
        return self.highest_possibly_sent is not None and (
            self.acknowledged is None or self.highest_possibly_sent > self.acknowledged.sequence
        )

    @property
    def unacknowledged(self) -> Intent | None:
        """The newest intent, unless it is known that SES accepted it."""
        accepted = -1 if self.acknowledged is None else self.acknowledged.sequence
        return self.intent if self.intent is not None and self.intent.sequence > accepted else None

    def accepted(self, sequence: int) -> Acknowledged | None:
        """The newest message that SES is known to have accepted, if it is the one of this SEQUENCE."""
        last = self.acknowledged
        return last if last is not None and last.sequence == sequence else None

    @property
    def given_up(self) -> bool:
        """Whether the newest message was given up, and no resend was requested since."""
        return self.intent is not None and self.intent.failed and self.intent.resend >= self.resend

    @property
    def tried_anew(self) -> bool:
        """Whether the newest message was given up, and a resend was requested since."""
        return self.intent is not None and self.intent.failed and not self.given_up


@frozen
class LastAccepted:
    """That SES accepted the message of this SEQUENCE, ``at`` an instant in UTC, and its delivery state since."""

    sequence: int
    ses_id: str
    at: datetime
    state: DeliveryState


@frozen
class StoredMessage:
    """One message as it is stored: written once, before it is first sent. Instants are UTC.

    ``rendered`` is ``None`` if it was erased, or could not be rendered. ``reason`` is the code of why it was given up;
    empty if it was not, or the reason is unknown. ``expires_at`` is when the item is removed, ``None`` while that is
    not decided.

    What became of it (``sent_at``, ``ses_id``, ``state``) is as a rule not written here, to save a write for each mail:
    the invitation has it of the latest message, and the next message has it of the ``previous`` one. See
    :func:`with_outcomes`.
    """

    registration_id: str
    event_id: str
    calendar_state: CalendarState
    rendered: RenderedMail | None = None
    written_at: datetime
    sent_at: datetime | None = None
    ses_id: str = ""
    state: DeliveryState = DeliveryState.PENDING
    reason: str = ""
    expires_at: datetime | None = None
    previous: LastAccepted | None = None


def accepted_last(invitation: Invitation) -> LastAccepted | None:
    """The newest message that SES is known to have accepted, with its state; ``None`` if there is none, or its state is
    hidden, since a newer message, or its own repetition, was given up.
    """
    last, newest = invitation.acknowledged, invitation.intent
    if last is None or (newest is not None and newest.failed):
        return None
    return LastAccepted(sequence=last.sequence, ses_id=last.ses_id, at=last.at, state=invitation.state)


def with_outcomes(stored: Iterable[StoredMessage], invitation: Invitation) -> tuple[StoredMessage, ...]:
    """Messages of one invitation with what became of them, from wherever that is stored (see the class)."""
    stored = tuple(stored)
    known = {one.previous.sequence: one.previous for one in stored if one.previous is not None}
    if (last := accepted_last(invitation)) is not None:
        known[last.sequence] = last
    return tuple(_with_outcome(one, known.get(one.calendar_state.sequence)) for one in stored)


def _with_outcome(stored: StoredMessage, known: LastAccepted | None) -> StoredMessage:
    if known is None:
        return stored
    return replace(
        stored,
        # An item that has its own time was sent more than once: that was the first.
        sent_at=stored.sent_at or known.at,
        ses_id=known.ses_id,
        state=stored.state if graver(stored.state, known.state) else known.state,
    )


@frozen
class SeatShard:
    """A block of an event's seats, or (``waits``) of places on its waitlist, that is given out without touching the
    event's own count, which many registrations at once would contend for.

    ``free`` are left of it. Of a shard that is ``stopped`` they are not to be given out. ``pending`` registrations are
    counted here for the same reason: how many came, less how many were decided, so that it may be negative.
    """

    number: int
    free: int = 0
    pending: int = 0
    waits: bool = False
    stopped: bool = False


@frozen
class Seats:
    """How many seats of an event are ``taken``, how many people are ``waiting``, and how many registrations are
    ``pending``. ``capacity`` is ``None`` without a limit; ``open``: the event accepts registrations.

    Of the seats that are taken, ``held`` ones are kept for people who withdrew by one click (:class:`Hold`). ``shards``
    hold seats that nobody has yet, and that are not counted here. ``blocks`` is how often a shard was lent
    some. ``due_key`` is ``<priority>#<time>`` while somebody may be promoted from the waitlist. Until ``yield_until``
    (UTC) registrations wait, so that a change of the event gets its turn; ``None`` if there is none.
    """

    open: bool = True
    capacity: int | None = None
    taken: int = 0
    held: int = 0
    waiting: int = 0
    pending: int = 0
    blocks: int = 0
    shards: tuple[SeatShard, ...] = ()
    due_key: str | None = None
    yield_until: datetime | None = None

    def lent(self, *, waits: bool) -> int:
        """How many seats, or places on the waitlist, the shards have of the event's."""
        return sum(shard.free for shard in self.shards if shard.waits is waits)

    @property
    def queued(self) -> bool:
        """Whether whoever comes now has to wait: somebody does, or the shards have places on the waitlist."""
        return self.waiting + self.lent(waits=True) > 0

    @property
    def left(self) -> int | None:
        """How many seats are neither taken nor lent; ``None`` without a limit. Negative where the limit was lowered."""
        return None if self.capacity is None else self.capacity - self.taken - self.lent(waits=False)


@frozen
class Hold:
    """``seats`` that stay taken ``until`` then (UTC) for a registration that was cancelled by one click."""

    event_id: str
    registration_id: str
    seats: int
    until: datetime


@frozen
class Sending:
    """Whether mail may be sent at all. Both times are UTC, and have no effect when absent or past.

    Nothing is sent until ``stopped_until``, because of ``reason``. No invitations are sent until ``reserved_until``,
    since the rest of the daily quota is reserved for cancellations and changes. The accounts in ``held`` send only
    cancellations, each until the time beside it, since they have reached their limit.

    ``rate`` is how many mails a second SES accepts of this account; ``None`` while that is not known. ``slowed_at`` is
    when (UTC) SES last refused a mail since there were too many, and ``slowed_to`` the share of the rate that was left.
    """

    stopped_until: datetime | None = None
    reason: str = ""
    reserved_until: datetime | None = None
    rate: float | None = None
    slowed_at: datetime | None = None
    slowed_to: float = 1.0
    held: Mapping[str, datetime] = field(default_factory=dict)

    def stopped(self, now: datetime) -> bool:
        return self.stopped_until is not None and now < self.stopped_until

    def reserved(self, now: datetime) -> bool:
        return self.reserved_until is not None and now < self.reserved_until

    def held_until(self, account: str, now: datetime) -> datetime | None:
        """Until when (UTC) the account may only send cancellations; ``None`` where it may send everything."""
        until = self.held.get(account)
        return until if until is not None and now < until else None


@frozen
class Quota:
    """The sending quota of SES: ``most`` mails in 24 hours, of which ``sent`` are used, and ``rate`` mails a second."""

    most: float
    sent: float
    rate: float
