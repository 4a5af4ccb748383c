"""Who was not reached, and whose answer waits for a word: what an organizer should know of, and may want to see to by
other means.

Who was not reached is read from what is true now, like everything: what there would be to say, and what became of what
was said. A cancellation or a move counts as missed when nobody has seen it arrive in a while; whatever came back, at
once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from .ledger import Posted
from .model import DeliveryState, Method, Wall, noun
from .told import Message, Told


class Concern(StrEnum):
    """What somebody may not know of; or that their answer does not count yet."""

    INVITATION = "invitation"
    CHANGE = "change"
    MOVE = "move"
    CANCELLATION = "cancellation"
    ANSWER = "answer"
    """A mail that was put aside looks like their answer: the organizer may release it."""


class Trouble(StrEnum):
    """Why not: it has not left yet, nobody has seen it arrive, or it is known that it did not or cannot.

    An answer does not count yet because it came from another address, or because somebody sent it in their name.
    """

    PENDING = "pending"
    UNDELIVERED = "undelivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    SUPPRESSED = "suppressed"
    FAILED = "failed"
    ANOTHER_ADDRESS = "another-address"
    IN_THEIR_NAME = "in-their-name"


PRESSING = frozenset({Concern.CANCELLATION, Concern.MOVE})
"""What people must not miss: they would travel."""

CAME_TO_NOTHING = {
    DeliveryState.BOUNCED: Trouble.BOUNCED,
    DeliveryState.COMPLAINED: Trouble.COMPLAINED,
    DeliveryState.SUPPRESSED: Trouble.SUPPRESSED,
    DeliveryState.FAILED: Trouble.FAILED,
}


@noun
class Attention:
    """One attendee who was not reached, with what, why not, and ``since`` when (UTC) that has been so. ``date`` is the
    one date of a series that it is about, by its original start. ``quarantine_id`` names the mail whose answer waits.
    """

    registration_id: str
    kind: Concern
    state: Trouble
    since: datetime
    date: Wall | None = None
    quarantine_id: str | None = None

    @property
    def waits(self) -> bool:
        """Whether it may still arrive, so that it is too early to call it missed."""
        return self.state in (Trouble.PENDING, Trouble.UNDELIVERED)


@noun
class Unreached:
    """An :class:`Attention` as it is kept. ``told`` says that the organizer has had a mail about it."""

    attention: Attention
    told: bool = False

    def renewed(self, attention: Attention) -> Unreached:
        """What is kept once it is known to be so: it is the same incident while it is about the same message."""
        was = self.attention
        same = (was.kind, was.since, was.date) == (attention.kind, attention.since, attention.date)
        return Unreached(attention=attention, told=self.told and same)


@noun
class Survey:
    """A look at everybody of one event. ``poke`` counts reasons for it; ``summed_up_at`` is when (UTC) the organizer
    was last mailed; ``owed_at`` as with all debts.
    """

    event_id: str
    poke: int = 0
    summed_up_at: datetime | None = None
    owed_at: str | None = None


def concern_of(message: Message, *, expected: bool) -> Concern:
    """What somebody does not know of who was not sent ``message``; ``expected`` is whether they are to come."""
    if message.method is Method.CANCEL:
        # Who is to come is taken back only to be told anew, at another address.
        part = message.date is not None and (message.others_stay or not message.separate)
        return Concern.INVITATION if expected and not part else Concern.CANCELLATION
    if message.before is None:
        return Concern.INVITATION
    moved = (message.before.when, message.before.location) != (message.when, message.location)
    return Concern.MOVE if moved else Concern.CHANGE


def unheard(posted: Iterable[Posted]) -> list[tuple[Concern, Posted]]:
    """The last words that were sent under the latest UID, of the whole and of each date of a series: what each is about
    to whom has heard nothing of it.
    """
    sent = sorted((one for one in posted if one.sent_at is not None), key=lambda one: one.told.sequence)
    latest = [one for one in sent if one.told.generation == sent[-1].told.generation]
    last: dict[tuple[Wall | None, str], Posted] = {}
    for one in latest:
        if one.told.part is None and one.told.withdrawn:
            # With the whole, all its dates are gone; what is an entry of its own is not.
            last = {part: each for part, each in last.items() if part[1]}
        last[one.told.part, one.told.separate] = one
    return [(_concern(one, latest), one) for one in last.values()]


def _concern(last: Posted, sent: list[Posted]) -> Concern:
    told = last.told
    if told.method is Method.CANCEL:
        return Concern.CANCELLATION
    asked = _asked(told)
    if any(one.told.sequence == asked and one.state is DeliveryState.DELIVERED for one in sent if one is not last):
        return Concern.CHANGE
    before = [one for one in sent if one.told.sequence < asked and _about(one.told, told)]
    return Concern.MOVE if before else Concern.INVITATION


def _about(before: Told, told: Told) -> bool:
    """Whether an earlier message was about the same, or about what it was a part of. An entry of its own was a part of
    the series where that date was taken back from it.
    """
    if (before.part, before.separate) in ((told.part, told.separate), (told.part, "")):
        return True
    return before.part is None and not told.separate


def _asked(told: Told) -> int:
    """The SEQUENCE that first told the present when and where of what ``told`` is about."""
    one = None if told.part is None else told.date_told(told.part, told.separate)
    return told.asked if one is None else one.asked
