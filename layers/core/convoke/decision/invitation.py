"""The state of delivery, as frozen data: of each registration what was sent, what may have been sent, and which worker
has claimed it; and the items for fan-outs, seats, and sending as a whole.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from ..model import DeliveryState, LocalTime, Method, folded, frozen
from .calendar_state import CalendarState, RenderedMail


class Cause(StrEnum):
    """Why a message was given up without an error from SES. Where there was one, its code is stored instead."""

    UNRENDERABLE = "unrenderable"  # the mail, read back, does not have the content that was intended
    UNANSWERED = "unanswered"  # too many attempts had an unknown outcome
    ERASED = "erased"  # the person was erased meanwhile
    BARRED = "barred"  # the address may not be mailed
    SETTLED = "settled"  # a notification whose content is no longer stored, since its outcome was known already


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


@frozen
class Acknowledged:
    """The newest message that SES is known to have accepted, ``at`` an instant in UTC."""

    calendar_state: CalendarState
    ses_id: str
    at: datetime
    repair: int = 0
    resend: int = 0


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
class Invitation:
    """All that is remembered of one registration in order to send each of its messages once, in order and to the end.

    ``fence`` is the version, by which every write is conditional. ``wakeups`` counts the reasons to process it,
    ``repair`` and ``resend`` the requests to send the present content again. ``allocated`` is the highest SEQUENCE ever
    given to a message (-1 before the first), ``highest_possibly_sent`` the highest that may have been sent, and
    ``possibly_sent`` the state after that message. ``lease_until`` (UTC) is when the claim of ``intent`` ends.
    ``attempts`` counts failed attempts in a row. ``due_key`` is ``<priority>#<time>`` while it has to be processed,
    else absent. ``reason`` is why ``state`` is "failed": a code from SES or one of :class:`Cause`. ``stopped`` has one
    item for each address, ``delivered`` one for each method and date or separate entry of the latest generation.
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
    due_key: str | None = None

    def stop_of(self, address: str) -> Stopped | None:
        """Why ``address`` may not be mailed, or ``None`` where it may."""
        return next((stop for stop in self.stopped if folded(stop.address) == folded(address)), None)

    @property
    def doubt(self) -> bool:
        """Whether a message may have been sent that SES is not known to have accepted."""
        return self.highest_possibly_sent is not None and (
            self.acknowledged is None or self.highest_possibly_sent > self.acknowledged.calendar_state.sequence
        )

    @property
    def unacknowledged(self) -> Intent | None:
        """The newest intent, unless it is known that SES accepted it."""
        if self.intent is None:
            return None
        if (
            self.acknowledged is not None
            and self.intent.calendar_state.sequence <= self.acknowledged.calendar_state.sequence
        ):
            return None
        return self.intent

    @property
    def given_up(self) -> bool:
        """Whether the newest message was given up, and no resend was requested since."""
        return self.intent is not None and self.intent.failed and self.intent.resend >= self.resend

    @property
    def tried_anew(self) -> bool:
        """Whether the newest message was given up, and a resend was requested since."""
        return self.intent is not None and self.intent.failed and not self.given_up


@frozen
class StoredMessage:
    """One message as it is stored: written once, before it is first sent. Instants are UTC.

    ``rendered`` is ``None`` if it was erased, or could not be rendered. ``sent_at`` is ``None`` until SES accepted it.
    ``reason`` is the code of why it was given up; empty if it was not, or the reason is unknown. ``expires_at`` is when
    the item is removed, ``None`` while that is not decided.
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


@frozen
class Seats:
    """How many seats of an event are ``taken``, and how many people are ``waiting``. ``capacity`` is ``None`` without a
    limit; ``open``: the event accepts registrations.
    """

    open: bool = True
    capacity: int | None = None
    taken: int = 0
    waiting: int = 0


@frozen
class FanOut:
    """A changed event, by its ``version``, on its way to all its registrations.

    Its registrations up to the id ``planned_to`` (empty before the first) are in batches: ``people`` in all, of whom
    those in the ``left`` batches have not been told yet. ``planning`` until all are in batches. ``priority`` is as
    ``decide.priority`` has it: 0 is the most urgent.
    """

    event_id: str
    version: int
    planned_to: str = ""
    priority: int = 1
    planning: bool = False
    people: int = 0
    left: int = 0


@frozen
class Batch:
    """The registrations of ``event_id`` after the id ``first``, up to and including ``through``, that are to be told
    about ``version`` of the event. Those up to ``after`` have been told.

    ``lease_until`` (UTC) is until when a worker has it; ``None`` where none does. ``priority`` is as that of a fan-out.
    """

    event_id: str
    version: int
    first: str
    through: str
    after: str
    priority: int = 1
    lease_until: datetime | None = None


@frozen
class Sending:
    """Whether mail may be sent at all. Both times are UTC, and have no effect when absent or past.

    Nothing is sent until ``stopped_until``, because of ``reason``. No invitations are sent until ``reserved_until``,
    since the rest of the daily quota is reserved for cancellations and changes.

    ``rate`` is how many mails a second SES accepts of this account; ``None`` while that is not known. ``slowed_at`` is
    when (UTC) SES last refused a mail since there were too many, and ``slowed_to`` the share of the rate that was left.
    """

    stopped_until: datetime | None = None
    reason: str = ""
    reserved_until: datetime | None = None
    rate: float | None = None
    slowed_at: datetime | None = None
    slowed_to: float = 1.0

    def stopped(self, now: datetime) -> bool:
        return self.stopped_until is not None and now < self.stopped_until

    def reserved(self, now: datetime) -> bool:
        return self.reserved_until is not None and now < self.reserved_until


@frozen
class Quota:
    """The sending quota of SES: ``most`` mails in 24 hours, of which ``sent`` are used, and ``rate`` mails a second."""

    most: float
    sent: float
    rate: float
