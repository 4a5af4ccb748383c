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

from ..model import DeliveryState, LocalTime, Method, frozen
from .calendar_state import CalendarState, Message
from .invitation import StoredMessage


class AttentionKind(StrEnum):
    """What somebody may not know of; or that their answer does not count yet."""

    INVITATION = "invitation"
    CHANGE = "change"
    MOVE = "move"
    CANCELLATION = "cancellation"
    ANSWER = "answer"
    """A mail that was put aside looks like their answer: the organizer may release it."""


class AttentionReason(StrEnum):
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


PRESSING = frozenset({AttentionKind.CANCELLATION, AttentionKind.MOVE})
"""What people must not miss: they would travel."""

CAME_TO_NOTHING = {
    DeliveryState.BOUNCED: AttentionReason.BOUNCED,
    DeliveryState.COMPLAINED: AttentionReason.COMPLAINED,
    DeliveryState.SUPPRESSED: AttentionReason.SUPPRESSED,
    DeliveryState.FAILED: AttentionReason.FAILED,
}


@frozen
class Attention:
    """One attendee who was not reached, with what, why not, and ``since`` when (UTC) that has been so. ``date`` is the
    one date of a series that it is about, by its original start. ``quarantine_id`` names the mail whose answer waits.
    """

    registration_id: str
    kind: AttentionKind
    state: AttentionReason
    since: datetime
    date: LocalTime | None = None
    quarantine_id: str | None = None

    @property
    def waits(self) -> bool:
        """Whether it may still arrive, so that it is too early to call it missed."""
        return self.state in (AttentionReason.PENDING, AttentionReason.UNDELIVERED)


@frozen
class Unreached:
    """An :class:`Attention` as it is kept. ``calendar_state`` says that the organizer has had a mail about it."""

    attention: Attention
    notified: bool = False

    def renewed(self, attention: Attention) -> Unreached:
        """What is kept once it is known to be so: it is the same incident while it is about the same message."""
        was = self.attention
        same = (was.kind, was.since, was.date) == (attention.kind, attention.since, attention.date)
        return Unreached(attention=attention, notified=self.notified and same)


@frozen
class Survey:
    """A look at everybody of one event. ``wakeups`` counts reasons for it; ``summed_up_at`` is when (UTC) the organizer
    was last mailed; ``due_key`` as with all debts.
    """

    event_id: str
    wakeups: int = 0
    summed_up_at: datetime | None = None
    due_key: str | None = None


def concern_of(message: Message, *, expected: bool) -> AttentionKind:
    """What somebody does not know of who was not sent ``message``; ``expected`` is whether they are to come."""
    if message.method is Method.CANCEL:
        # Who is to come is taken back only to be told anew, at another address.
        part = message.date is not None and (message.others_stay or not message.separate)
        return AttentionKind.INVITATION if expected and not part else AttentionKind.CANCELLATION
    if message.before is None:
        return AttentionKind.INVITATION
    moved = (message.before.when, message.before.location) != (message.when, message.location)
    return AttentionKind.MOVE if moved else AttentionKind.CHANGE


def unheard(stored: Iterable[StoredMessage]) -> list[tuple[AttentionKind, StoredMessage]]:
    """The last words that were sent under the latest UID, of the whole and of each date of a series: what each is about
    to whom has heard nothing of it.
    """
    sent = sorted((one for one in stored if one.sent_at is not None), key=lambda one: one.calendar_state.sequence)
    latest = [one for one in sent if one.calendar_state.generation == sent[-1].calendar_state.generation]
    last: dict[tuple[LocalTime | None, str], StoredMessage] = {}
    for one in latest:
        if one.calendar_state.part is None and one.calendar_state.withdrawn:
            # With the whole, all its dates are gone; what is an entry of its own is not.
            last = {part: each for part, each in last.items() if part[1]}
        last[one.calendar_state.part, one.calendar_state.separate] = one
    return [(_concern(one, latest), one) for one in last.values()]


def _concern(last: StoredMessage, sent: list[StoredMessage]) -> AttentionKind:
    calendar_state = last.calendar_state
    if calendar_state.method is Method.CANCEL:
        return AttentionKind.CANCELLATION
    asked = _asked(calendar_state)
    if any(
        one.calendar_state.sequence == asked and one.state is DeliveryState.DELIVERED for one in sent if one is not last
    ):
        return AttentionKind.CHANGE
    before = [one for one in sent if one.calendar_state.sequence < asked and _about(one.calendar_state, calendar_state)]
    return AttentionKind.MOVE if before else AttentionKind.INVITATION


def _about(before: CalendarState, calendar_state: CalendarState) -> bool:
    """Whether an earlier message was about the same, or about what it was a part of. An entry of its own was a part of
    the series where that date was taken back from it.
    """
    if (before.part, before.separate) in ((calendar_state.part, calendar_state.separate), (calendar_state.part, "")):
        return True
    return before.part is None and not calendar_state.separate


def _asked(calendar_state: CalendarState) -> int:
    """The SEQUENCE that first told the present when and where of what ``calendar_state`` is about."""
    one = (
        None
        if calendar_state.part is None
        else calendar_state.occurrence_state(calendar_state.part, calendar_state.separate)
    )
    return calendar_state.asked if one is None else one.asked
