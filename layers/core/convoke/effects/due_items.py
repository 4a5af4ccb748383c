"""Effects on other items that are due: one is postponed, and what the sweep does itself. And what an audit stores.

All due keys are ``<priority>#<instant>`` (see ``store.keys``), all instants UTC.
"""

from __future__ import annotations

from datetime import datetime

from ..model import frozen
from .base import Effect, OfEvent, OfRegistration
from .reads import Due


@frozen
class Postpone(Effect):
    """A hint for this item is about to be queued: look again at ``due_key``.

    Condition: the item's due key is still that of ``due``. Answer: ``bool``, whether it was written.
    """

    due: Due
    due_key: str


@frozen
class Promote(OfEvent):
    """Give the event's free seats to the first people on its waitlist. Answer: ``int``, how many were promoted."""


@frozen
class EndHold(OfRegistration):
    """Release the seats that were kept for a registration which was cancelled by one click, if their time is over.

    Answer: ``bool``, whether they were released.
    """


@frozen
class TransferRegistrations(OfEvent):
    """Copy the next few registrations to the event that a series was split into.

    Answer: ``int``, how many were copied; 0 when all are.
    """


@frozen
class ErasePerson(Effect):
    """Erase the personal data of a registration for which no cancellation is left to send, and end the erasure that
    ``due`` names. Answer: ``None``.
    """

    due: Due


@frozen
class StoreAuditPage(Effect):
    """Store page number ``page`` (from 0) of the differences found by the audit that stopped at ``at``, for 30 days.

    Answer: ``None``.
    """

    at: datetime
    page: int
    lines: tuple[str, ...]
