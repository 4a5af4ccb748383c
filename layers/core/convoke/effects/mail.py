"""Effects that render, store and send the mail of an invitation, and what SES may answer. All instants are UTC."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from ..decision.calendar_state import Message, RenderedMail
from ..decision.invitation import Intent, Mailed, StoredMessage
from ..model import DeliveryState, frozen
from .base import Effect


@frozen
class Render(Effect):
    """Build the iCalendar object and the MIME mail of ``message``, and check both by parsing them back.

    Answer: ``RenderedMail``, or a ``str`` that says why the mail must not be sent.
    """

    message: Message
    intent: Intent


@frozen
class StoreMessage(Effect):
    """Store the message before it is first sent.

    Condition: no message is stored under its registration and SEQUENCE, or only one that could not be rendered.
    Answer: the ``StoredMessage`` that is stored now, whether this one or an earlier one.
    """

    stored: StoredMessage


@frozen
class CountMail(Effect):
    """Count one mail of ``account`` to the address ``recipient`` at ``now``, where the account's limits allow it: that
    of mails to one address, and that of one event's mails to one person, of which ``mailed`` were counted. ``more`` is
    -1 to take the count back.

    Answer: ``None`` if the mail may be sent, else when it may be (UTC); then nothing is counted.
    """

    account: str
    recipient: str
    mailed: Mailed
    now: datetime
    more: int = 1


@frozen
class Send(Effect):
    """Put the personal links into a mail of ``account``, and make one attempt to send it through SES.

    ``links`` is the registration's counter of them, which their tokens are signed with; ``None`` if the recipient is
    not the one whom the registration belongs to. Answer: ``Accepted``, ``Refused`` or ``Unknown``.
    """

    rendered: RenderedMail
    intent: Intent
    event_id: str
    registration_id: str
    links: int | None
    account: str


@frozen
class RecordMessageState(Effect):
    """Write to the stored message what became of it, and if it failed, why.

    Condition: the message is stored, and no graver state (``model.GRAVITY``) was written. Answer: ``None``.
    """

    registration_id: str
    sequence: int
    state: DeliveryState
    ses_id: str
    at: datetime
    reason: str = ""


class Refusal(StrEnum):
    """Why SES certainly did not accept a mail, by what has to be done about it."""

    BUSY = "busy"  # throttled, or the request cannot have reached SES: try again soon
    QUOTA = "quota"  # the day's quota is used up: try again later
    PAUSED = "paused"  # the account may not send at all: stop all mail for a while
    POISON = "poison"  # SES will never accept this mail: give it up


@frozen
class Accepted:
    """SES accepted the mail. ``ses_id`` is its message id."""

    ses_id: str


@frozen
class Refused:
    """SES certainly did not accept the mail. ``why`` is SES's error code, or the name of the exception."""

    refusal: Refusal
    why: str


@frozen
class Unknown:
    """It is unknown whether SES accepted the mail: the request timed out, or SES answered 5xx. ``why`` is as above."""

    why: str
