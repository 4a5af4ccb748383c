"""Notes, each on the fence that was read."""

from __future__ import annotations

from datetime import datetime

from ..mail.notifications import Errand, Note
from ..model import Person, noun
from .kind import Effect


@noun
class ReadErrand(Effect):
    """-> Errand, or None"""

    event_id: str
    registration_id: str
    note_id: str


@noun
class Ration(Effect):
    """Count one more note of this kind for the event on ``day`` (UTC), IF there are fewer than ``most``. -> bool"""

    errand: Errand
    day: str
    most: int


@noun
class ClaimErrand(Effect):
    """Take the right to send the note until ``lease_until``, IF the fence is that of ``seen``. -> Errand as claimed, or
    None

    The attempt counts as one that nobody answered until it is settled.
    """

    seen: Errand
    lease_until: datetime
    owed_at: str


@noun
class Settle(Effect):
    """Write ``errand``, IF its fence is the one that was read; what is settled for good keeps no words. -> bool"""

    errand: Errand


@noun
class WriteNote(Effect):
    """Write the note, naming ``people`` by their ids, and read it back. -> Letter, or a sentence that says why it must
    not be sent
    """

    errand: Errand
    people: dict[str, Person]


@noun
class SendNote(Effect):
    """One attempt at SES. -> Accepted | Refused | Unknown"""

    errand: Errand
    mail: bytes


@noun
class OweNote(Effect):
    """Owe a note. -> whether it was not owed before"""

    note: Note
