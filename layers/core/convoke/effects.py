"""The vocabulary of delivery: everything that the protocol asks of the world, as data.

``reconcile``, ``fanout`` and ``sweep`` are generators that yield these and are sent the answers. ``perform`` answers
them with AWS; a simulation answers the same code with a world of its own. Each class says what the answer is.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from .attention import Survey, Unreached
from .hooks import FactType
from .ledger import Acknowledged, Intent, Invitation, Posted, Slice
from .model import DeliveryState, Letter, Message, Person, noun
from .notes import Errand, Note

Result = TypeVar("Result")
Steps = Generator["Effect", Any, Result]
"""A piece of protocol: yields effects, is sent their answers, returns a result."""


@noun
class Effect:
    """The common kind; each effect is one indivisible step between which a worker may die."""


# --- what needs no storage ----------------------------------------------------------------------------------------


@noun
class Clock(Effect):
    """-> the present instant, UTC."""


@noun
class Chance(Effect):
    """-> a float in [0, 1)."""


@noun
class Name(Effect):
    """-> a name for one attempt that no other attempt has."""


@noun
class Tell(Effect):
    """Log and count what somebody may want to know; ids only. -> None"""

    what: str
    facts: dict[str, str]


# --- reading, strongly consistent ---------------------------------------------------------------------------------


@noun
class ReadSending(Effect):
    """-> Sending"""


@noun
class ReadInvitation(Effect):
    """-> Invitation, or None"""

    event_id: str
    registration_id: str


@noun
class ReadRegistration(Effect):
    """-> Registration, or None"""

    event_id: str
    registration_id: str


@noun
class ReadEvent(Effect):
    """-> Event, or None"""

    event_id: str


@noun
class ReadPosted(Effect):
    """-> Posted, or None"""

    registration_id: str
    sequence: int


@noun
class ReadFan(Effect):
    """-> Fan, or None"""

    event_id: str


@noun
class ReadInvitations(Effect):
    """-> tuple of the next ``limit`` Invitations of the event after the registration id ``after``, in order"""

    event_id: str
    after: str
    limit: int


@noun
class ReadRegistrations(Effect):
    """-> tuple of the event's Registrations after ``after``, up to and including ``through``, in order"""

    event_id: str
    after: str
    through: str


@noun
class ReadEvents(Effect):
    """-> (tuple of event ids, the ``after`` of the next page or None): all events, in no order"""

    after: str


@noun
class ReadDue(Effect):
    """-> tuple of up to ``limit`` Due of one shard and priority whose time has come, oldest first"""

    shard: str
    priority: int
    now: datetime
    limit: int


class DueKind(StrEnum):
    REGISTRATION = "registration"
    FAN = "fan"
    SEATS = "seats"
    ERASURE = "erasure"
    NOTE = "note"
    SURVEY = "survey"
    CARRY = "carry"


@noun
class Due:
    """Something owed, as the index shows it. ``registration_id`` is empty where the whole event is meant; a note has
    an id of its own.
    """

    kind: DueKind
    event_id: str
    registration_id: str = ""
    note_id: str = ""
    owed_at: str


# --- writing one invitation, always on the fence that was read ----------------------------------------------------


@noun
class Clear(Effect):
    """Nothing to say: no longer owed (``expired``: it is too late to), fence raised, IF fence and poke are those read.
    -> bool

    Raising the fence also where nothing was owed stops a slower worker that read an older event.
    """

    seen: Invitation
    expired: bool


@noun
class Claim(Effect):
    """Take the right to send ``intent`` until ``lease_until``, IF fence and poke are those read. -> the Invitation as
    claimed, or None
    """

    seen: Invitation
    intent: Intent
    lease_until: datetime
    owed_at: str


@noun
class GiveBack(Effect):
    """Nothing left: the lease is over, ``exposed`` as it was before, this attempt uncounted, IF the fence is mine. ->
    bool

    ``owed_at`` is when to look again; ``None``, where the intent is given up, takes the debt away IF poke is still the
    claim's. ``attempts`` counts refusals in a row.
    """

    claimed: Invitation
    before: Invitation
    owed_at: str | None
    attempts: int
    failed: bool = False


@noun
class Happening:
    """What an account's webhooks are to be told."""

    account: str
    type: FactType
    data: dict[str, Any]
    at: datetime


@noun
class Amend(Effect):
    """SES reported something: write ``heard``'s acknowledgement, state and stop, IF the fence is that of ``seen``; and
    with it the ``fact`` for whoever listens. -> bool
    """

    seen: Invitation
    heard: Invitation
    fact: Happening | None = None


@noun
class Wait(Effect):
    """Nobody knows whether it left: keep the lease, look again at ``owed_at``, IF the fence is mine. -> bool"""

    claimed: Invitation
    owed_at: str


class Ending(StrEnum):
    """How an acknowledgement was received."""

    DONE = "done"
    OWED = "owed"
    OVERTAKEN = "overtaken"


@noun
class Acknowledge(Effect):
    """SES accepted it: one write, IF the claim is still mine. -> Ending

    It is no longer owed IF poke is still the claim's, unless ``owed_at`` says that more is to be told after it.
    """

    claimed: Invitation
    acknowledged: Acknowledged
    owed_at: str | None


@noun
class Poke(Effect):
    """One more reason to look again, from ``owed_at`` on; unconditional. ``repair``: and to say it anew under a new
    SEQUENCE. -> None
    """

    event_id: str
    registration_id: str
    owed_at: str
    repair: bool = False


# --- the letter ---------------------------------------------------------------------------------------------------


@noun
class Render(Effect):
    """Build the calendar and the mail, parse both back. -> Letter, or a sentence that says why it must not be sent"""

    message: Message
    intent: Intent


@noun
class Keep(Effect):
    """Write the message down before its first sending, unless it stands already. -> Posted as it stands"""

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
    """Note in the message's record what became of it; of two reports the graver stands. -> None"""

    registration_id: str
    sequence: int
    state: DeliveryState
    ses_id: str
    at: datetime


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


# --- notes, each on the fence that was read -----------------------------------------------------------------------


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
    """Write the note, naming ``people`` by their ids, and read it back. -> bytes of the mail, or a sentence that says
    why it must not be sent
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


# --- who was not reached ------------------------------------------------------------------------------------------


@noun
class Watch(Effect):
    """Owe a survey of the event's people, from ``owed_at`` on; unconditional. -> None"""

    event_id: str
    owed_at: str


@noun
class ReadSurvey(Effect):
    """-> Survey, or None"""

    event_id: str


@noun
class ReadMessages(Effect):
    """-> tuple of all Posted to one attendee, in the order of SEQUENCE, without their letters"""

    registration_id: str


@noun
class ReadUnreached(Effect):
    """-> tuple of the event's Unreached after the registration id ``after``, up to and including ``through``"""

    event_id: str
    after: str
    through: str


@noun
class KeepUnreached(Effect):
    """Write down that somebody was not reached, or (``now`` is ``None``) that they were. -> None"""

    event_id: str
    was: Unreached | None
    now: Unreached | None


@noun
class EndSurvey(Effect):
    """Everybody was looked at: owed again at ``owed_at``, or not at all, IF nobody asked for it since. -> bool"""

    seen: Survey
    owed_at: str | None
    summed_up_at: datetime | None


# --- fan-out, the queue, the switch -------------------------------------------------------------------------------


@noun
class MoveFan(Effect):
    """Move the fan-out's cursor and its debt on, IF version and cursor are still the slice's. -> bool"""

    slice: Slice
    cursor: str
    owed_at: str


@noun
class EndFan(Effect):
    """Everybody was looked at: remove the fan-out, IF version and cursor are still the slice's. -> bool"""

    slice: Slice


@noun
class Enqueue(Effect):
    """Hint that somebody look at a slice, a single registration, a note, or who was reached. -> None"""

    hint: Slice | Hint | NoteHint | SurveyHint
    urgent: bool
    delay_seconds: int = 0


@noun
class Hint:
    """One registration to look at."""

    event_id: str
    registration_id: str


@noun
class NoteHint:
    """One note to see to."""

    event_id: str
    registration_id: str
    note_id: str


@noun
class SurveyHint:
    """An event whose people are to be looked at after the registration id ``after``. What comes before it was looked
    at when there had been ``poke`` reasons to; ``again`` is when (UTC) some of them are to be looked at again.
    """

    event_id: str
    after: str = ""
    poke: int = 0
    again: datetime | None = None


@noun
class Promote(Effect):
    """Give free seats to the first in line. -> how many were promoted"""

    event_id: str


@noun
class CarryOver(Effect):
    """Carry the next few registrations over to the event that a series was split into. -> how many; 0 when all are"""

    event_id: str


@noun
class Forget(Effect):
    """Erase the person from a registration that has been taken back everywhere; what was owed is done. -> None"""

    due: Due


@noun
class PutDown(Effect):
    """Keep a page of what the audit that stopped at ``at`` (UTC) has found, for a month. -> None"""

    at: datetime
    page: int
    lines: tuple[str, ...]


@noun
class PutOff(Effect):
    """Somebody was told of this debt: look again at ``owed_at``, IF it is still the debt seen. -> bool"""

    due: Due
    owed_at: str


@noun
class StopSending(Effect):
    """Nobody sends until then, unless all is stopped for longer already. -> None"""

    until: datetime
    why: str


@noun
class ReadQuota(Effect):
    """-> Quota, or None where SES does not say"""


@noun
class ReadBacklog(Effect):
    """-> how many hints wait in the queues, about"""


@noun
class Reserve(Effect):
    """What is left of the day's quota is for cancellations and changes: no invitations until then. -> None"""

    until: datetime
