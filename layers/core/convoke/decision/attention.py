"""Which attendees need the organizer's attention: those whom a message did not reach, and those whose answer is in
quarantine.

Who was not reached is derived from the present state: the message that would have to be sent now, and the delivery
state of the messages that were sent. A cancellation or a move counts as missed when its delivery was not reported
within ``Times.attention``; a message that bounced or was rejected counts at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from ..model import DeliveryState, Event, LocalTime, Method, When, frozen
from ..schedule import series
from .calendar_state import CalendarState, Message
from .invitation import StoredMessage


class AttentionKind(StrEnum):
    """What an attendee may not know of; or, for ``ANSWER``, that an answer of theirs does not count yet."""

    INVITATION = "invitation"
    CHANGE = "change"
    MOVE = "move"
    CANCELLATION = "cancellation"
    ANSWER = "answer"
    """A mail in quarantine appears to be their answer: the organizer may release it."""


class SentKind(StrEnum):
    """What a message announces; a move is another time or place."""

    INVITATION = "invitation"
    MOVE = "move"
    CHANGE = "change"
    CANCELLATION = "cancellation"


class AttentionReason(StrEnum):
    """Why: the message was not sent yet, its delivery was not reported, or it is known that it was not delivered.

    ``ANOTHER_ADDRESS`` and ``IN_THEIR_NAME`` are why an answer does not count yet: it came from another address, or
    Google Calendar or somebody else sent it in the attendee's name.
    """

    PENDING = "pending"
    UNDELIVERED = "undelivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    SUPPRESSED = "suppressed"
    FAILED = "failed"
    ANOTHER_ADDRESS = "another-address"
    IN_THEIR_NAME = "in-their-name"


URGENT_KINDS = frozenset({AttentionKind.CANCELLATION, AttentionKind.MOVE})
"""What attendees must not miss, since they would travel to the wrong place or at the wrong time."""

REASON_OF_STATE = {
    DeliveryState.BOUNCED: AttentionReason.BOUNCED,
    DeliveryState.COMPLAINED: AttentionReason.COMPLAINED,
    DeliveryState.SUPPRESSED: AttentionReason.SUPPRESSED,
    DeliveryState.FAILED: AttentionReason.FAILED,
}


@frozen
class Attention:
    """One attendee who needs attention: what they may not know of, why, and ``since`` when (UTC).

    ``date`` is the original start of the occurrence that it is about; ``None`` is the whole event. ``when`` is the
    time of that date when this was told to the organizer, ``None`` where it was not, or the series has no such date.
    ``quarantine_id`` is the id of the mail in quarantine, for an ``ANSWER``.
    """

    registration_id: str
    kind: AttentionKind
    state: AttentionReason
    since: datetime
    date: LocalTime | None = None
    when: When | None = None
    quarantine_id: str | None = None

    @property
    def waits(self) -> bool:
        """Whether the message may still be delivered, so that it is too early to call it missed."""
        return self.state in (AttentionReason.PENDING, AttentionReason.UNDELIVERED)


def present_time(event: Event, date: LocalTime | None) -> When | None:
    """When the occurrence of this original start takes place now, or would; ``None`` where there is none."""
    found = series.by_name(event).get(date) if event.recurs and date is not None else None
    return None if found is None else found.when


@frozen
class Unreached:
    """An :class:`Attention` as it is stored. ``notified``: the organizer was sent a mail about it."""

    attention: Attention
    notified: bool = False

    def renewed(self, attention: Attention) -> Unreached:
        """The item to store for ``attention``. ``notified`` stays only while it is about the same message as before."""
        was = self.attention
        same = (was.kind, was.since, was.date) == (attention.kind, attention.since, attention.date)
        return Unreached(attention=attention, notified=self.notified and same)


@frozen
class Survey:
    """The check of all people of one event for who was not reached.

    ``wakeups`` counts the reasons to run it. ``summed_up_at`` is when (UTC) the organizer was last sent a summary.
    ``due_key`` is ``<priority>#<time>`` while it is due, else ``None``. None begins before ``held_until`` (UTC), since
    the one that was begun at ``begun_at`` is under way, or was long.
    """

    event_id: str
    wakeups: int = 0
    summed_up_at: datetime | None = None
    due_key: str | None = None
    held_until: datetime | None = None
    begun_at: datetime | None = None


def kind_of_message(message: Message, *, expected: bool) -> AttentionKind:
    """What an attendee does not know of to whom ``message`` was not sent.

    ``expected`` is whether they should have the event in their calendar.
    """
    if message.method is Method.CANCEL:
        # An attendee who is expected is sent a cancellation of everything only before a new invitation, for example to
        # another address.
        part = message.date is not None and (message.others_stay or not message.separate)
        return AttentionKind.INVITATION if expected and not part else AttentionKind.CANCELLATION
    if message.before is None:
        return AttentionKind.INVITATION
    moved = (message.before.when, message.before.location) != (message.when, message.location)
    return AttentionKind.MOVE if moved else AttentionKind.CHANGE


def latest_messages(stored: Iterable[StoredMessage]) -> list[tuple[AttentionKind, StoredMessage]]:
    """The latest message of the present generation about the whole event, about each occurrence and about each separate
    entry; with what an attendee does not know of who did not receive it.
    """
    sent = sorted((one for one in stored if one.sent_at is not None), key=lambda one: one.calendar_state.sequence)
    latest = [one for one in sent if one.calendar_state.generation == sent[-1].calendar_state.generation]
    latest_of: dict[tuple[LocalTime | None, str], StoredMessage] = {}
    for one in latest:
        if one.calendar_state.part is None and one.calendar_state.spent:
            # Cancelling the series cancels all its occurrences, but not the separate entries.
            latest_of = {part: each for part, each in latest_of.items() if part[1]}
        latest_of[one.calendar_state.part, one.calendar_state.separate] = one
    return [(_kind(one, latest), one) for one in latest_of.values()]


def _kind(last: StoredMessage, sent: list[StoredMessage]) -> AttentionKind:
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


def kind_of_sent(sent: CalendarState, earlier: Iterable[CalendarState]) -> SentKind:
    """What the message that left ``sent`` as the state of a calendar announced, after the ``earlier`` ones to the same
    attendee: an invitation, a cancellation, another time or place (a move), or anything else (a change).
    """
    if sent.method is Method.CANCEL:
        return SentKind.CANCELLATION
    if not any(one.generation == sent.generation and _about(one, sent) for one in earlier):
        return SentKind.INVITATION
    return SentKind.MOVE if _asked(sent) == sent.sequence else SentKind.CHANGE


def _about(before: CalendarState, calendar_state: CalendarState) -> bool:
    """Whether the earlier message of ``before`` was about the same entry or occurrence, or about the series that it
    belonged to. A separate entry belonged to the series if its date was once cancelled there.
    """
    if (before.part, before.separate) in ((calendar_state.part, calendar_state.separate), (calendar_state.part, "")):
        return True
    return before.part is None and not calendar_state.separate


def _asked(calendar_state: CalendarState) -> int:
    """The SEQUENCE of the first message that had the present time and place of what ``calendar_state`` is about."""
    one = (
        None
        if calendar_state.part is None
        else calendar_state.occurrence_state(calendar_state.part, calendar_state.separate)
    )
    return calendar_state.asked if one is None else one.asked
