"""What was said, what may have been said, and who is at it now: the state of delivery, as frozen data.

``model`` has what an attendee hears; here is what we remember in order to say it once, in order, and to the end.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from .model import DeliveryState, Method, Wall, folded, noun
from .told import Letter, Told


class Cause(StrEnum):
    """Why a message was given up, where that is not SES's word. SES's own codes stand beside these."""

    UNRENDERABLE = "unrenderable"  # what was written, read back, is not what was meant
    UNANSWERED = "unanswered"  # SES never answered, again and again
    ERASED = "erased"  # the person was forgotten meanwhile
    BARRED = "barred"  # the address may not be mailed
    SETTLED = "settled"  # it was settled meanwhile


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

    @property
    def hard(self) -> bool:
        """Whether nothing gets through. To who complained it does: they only wish to hear no more."""
        return self.state is not DeliveryState.COMPLAINED


@noun
class Delivered:
    """When (UTC) the receiving server last took a message of one method and generation, about one ``date`` of a series
    or (``None``) the whole, or about a ``separate`` entry; and its SEQUENCE.
    """

    generation: int
    method: Method
    at: datetime
    sequence: int = 0
    date: Wall | None = None
    separate: str = ""

    @property
    def part(self) -> tuple[Wall | None, str]:
        """What the message was about."""
        return self.date, self.separate


@noun
class Invitation:
    """The sequence state of one registration: what was said, what may have been said, who is at it now.

    ``fence`` is its version. ``poke``, ``repair`` and ``resend`` count reasons to look again. ``allocated`` is the
    highest SEQUENCE ever given (-1 before the first), ``exposed`` the highest that may have left, ``heard`` what that
    said. ``lease_until`` is UTC. ``owed_at`` is ``<priority>#<time>`` while somebody must look again, else absent.
    ``reason`` is why ``state`` is "failed": a code of SES's or one of :class:`Cause`. ``stopped`` has one entry an
    address, ``delivered`` one a method and date or separate entry of the latest generation.
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
    heard: Told | None = None
    intent: Intent | None = None
    acknowledged: Acknowledged | None = None
    lease_until: datetime | None = None
    attempts: int = 0
    state: DeliveryState = DeliveryState.NONE
    reason: str = ""
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

    @property
    def given_up(self) -> bool:
        """Whether the newest message was given up, and nobody has asked for it again since."""
        return self.intent is not None and self.intent.failed and self.intent.resend >= self.resend

    @property
    def tried_anew(self) -> bool:
        """Whether the newest message was given up, and somebody has asked for it again since."""
        return self.intent is not None and self.intent.failed and not self.given_up


@noun
class Posted:
    """One message as it is kept: written once, before its first sending. Instants are UTC, ``None`` until then.

    ``reason`` is why it was given up, a code; empty where it was not, or nobody knows. ``letter`` is ``None`` where it
    was erased, or could not be written.
    """

    registration_id: str
    event_id: str
    told: Told
    letter: Letter | None
    written_at: datetime
    sent_at: datetime | None = None
    ses_id: str = ""
    state: DeliveryState = DeliveryState.PENDING
    reason: str = ""
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
    """A change of an event on its way to all its attendees: told up to and including ``cursor``; how pressing is
    ``priority`` (0 is most).
    """

    event_id: str
    version: int
    cursor: str = ""
    priority: int = 1


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
