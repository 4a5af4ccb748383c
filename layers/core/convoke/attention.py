"""Who was not reached: what an organizer should know of, and may want to tell by other means."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from .model import noun


class Concern(StrEnum):
    """What somebody may not know of."""

    INVITATION = "invitation"
    CHANGE = "change"
    MOVE = "move"
    CANCELLATION = "cancellation"


class Trouble(StrEnum):
    """Why not: it has not left yet, nobody has seen it arrive, or it is known that it did not."""

    PENDING = "pending"
    UNDELIVERED = "undelivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    SUPPRESSED = "suppressed"
    FAILED = "failed"


@noun
class Attention:
    """One attendee who was not reached, with what, why not, and ``since`` when (UTC) that has been so."""

    registration_id: str
    kind: Concern
    state: Trouble
    since: datetime
