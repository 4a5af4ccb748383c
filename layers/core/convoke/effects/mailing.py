"""The letter: written, kept, sent once, and what the post office may answer."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from ..decision.calendar_state import Letter, Message
from ..decision.invitation import Intent, Posted
from ..model import DeliveryState, noun
from .kind import Effect


@noun
class Render(Effect):
    """Build the calendar and the mail, parse both back. -> Letter, or a sentence that says why it must not be sent"""

    message: Message
    intent: Intent


@noun
class Keep(Effect):
    """Write the message down before its first sending, unless it stands already; one without a letter is one that could
    not be written, and gives way to one with. -> Posted as it stands
    """

    posted: Posted


@noun
class Send(Effect):
    """One attempt at SES. -> Accepted | Refused | Unknown"""

    letter: Letter
    intent: Intent
    event_id: str
    registration_id: str


@noun
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


@noun
class Accepted:
    ses_id: str


@noun
class Refused:
    refusal: Refusal
    why: str


@noun
class Unknown:
    why: str
