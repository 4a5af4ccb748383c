"""The letter: written, kept, sent once, and what the post office may answer."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from ..decision.calendar_state import Message, RenderedMail
from ..decision.invitation import Intent, StoredMessage
from ..model import DeliveryState, frozen
from .kind import Effect


@frozen
class Render(Effect):
    """Build the calendar and the mail, parse both back. -> Letter, or a sentence that says why it must not be sent"""

    message: Message
    intent: Intent


@frozen
class StoreMessage(Effect):
    """Write the message down before its first sending, unless it stands already; one without a letter is one that could
    not be written, and gives way to one with. -> Posted as it stands
    """

    stored: StoredMessage


@frozen
class Send(Effect):
    """One attempt at SES. -> Accepted | Refused | Unknown"""

    rendered: RenderedMail
    intent: Intent
    event_id: str
    registration_id: str


@frozen
class Sent(Effect):
    """Note in the message's record what became of it, and why it failed; of two reports the graver stands. -> None"""

    registration_id: str
    sequence: int
    state: DeliveryState
    ses_id: str
    at: datetime
    reason: str = ""


class Refusal(StrEnum):
    """A definite no, by what follows from it."""

    BUSY = "busy"  # throttled, or nothing can have left: try again soon
    QUOTA = "quota"  # the day's quota is spent
    PAUSED = "paused"  # the account may not send: nobody needs to try
    POISON = "poison"  # this mail will never be accepted


@frozen
class Accepted:
    ses_id: str


@frozen
class Refused:
    refusal: Refusal
    why: str


@frozen
class Unknown:
    why: str
