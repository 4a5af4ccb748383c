"""Which message an attendee has to be sent next, if any.

No function here depends on *what changed*. The present event and registration are compared with the attendee's calendar
state; the result is the one message to send next, or ``None``. A worker that was interrupted, started twice or delayed
repeats the comparison, and comes to the same result.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ..model import (
    Event,
    EventStatus,
    LocalTime,
    Method,
    Participation,
    Registration,
    RegistrationStatus,
    Reply,
    Schedule,
    Sender,
    folded,
)
from ..schedule import series
from .answers import reply_to
from .calendar_state import CalendarState, Message, OccurrenceState
from .invitation import Invitation
from .planner import MessagePlanner


def next_message(
    event: Event, registration: Registration, calendar_state: CalendarState | None, sender: Sender, now: datetime
) -> Message | None:
    """The message that brings this attendee's calendar nearer to the present event, or ``None`` if none is missing.

    ``calendar_state`` is ``None`` if no message can have reached them. ``now`` is UTC. No message is ever sent about an
    event that is over, nor about an occurrence that is over.
    """
    return (
        None if over(event, now, calendar_state) else pending_message(event, registration, calendar_state, sender, now)
    )


def pending_message(
    event: Event,
    registration: Registration,
    calendar_state: CalendarState | None,
    sender: Sender,
    now: datetime | None = None,
) -> Message | None:
    """:func:`next_message`, even if the whole event is over. Without ``now`` no occurrence counts as over either."""
    if registration.status in (RegistrationStatus.DECLINED, RegistrationStatus.ERASED):
        return None  # who released their seat by declining gets no more mail; of the erased no address is left
    planner = MessagePlanner(event=event, registration=registration, sender=sender, now=now)
    expected = is_expected(event, registration)
    if calendar_state is None:
        return planner.invite(None) if expected else None
    if calendar_state.whole and calendar_state.gone:
        if not calendar_state.all_certain:
            # An entry may still be in the calendar. Its UID will never be used again, so it must be gone for certain.
            return planner.cancel(calendar_state)
        return planner.invite(calendar_state) if expected else None
    if (
        not expected
        or folded(calendar_state.recipient) != folded(registration.email)
        or folded(calendar_state.organizer) != folded(sender.address)
        or calendar_state.whole is not planner.whole
    ):
        left = planner.cancel(calendar_state)
        return planner.invite(calendar_state) if left is None and expected else left
    return planner.update(calendar_state)


def is_expected(event: Event, registration: Registration) -> bool:
    """Whether this person should have this event in their calendar."""
    return (
        event.status in (EventStatus.CONFIRMED, EventStatus.TENTATIVE)
        and registration.status is RegistrationStatus.REGISTERED
    )


def over(event: Event, now: datetime, calendar_state: CalendarState | None = None) -> bool:
    """Whether the last date of ``event`` is over at ``now`` (UTC). Cancelled dates count, since their cancellation may
    still have to be sent.

    A series that was shortened is not over for an attendee whose ``calendar_state`` has later dates.
    """
    if series.ends_at(event) > now:
        return False
    if calendar_state is None or calendar_state.gone:
        return True
    single = [one.when for one in calendar_state.dates if not one.cancelled and one.when is not None]
    later = [series.schedule_ends_at(calendar_state.schedule)] if calendar_state.recurs else []
    return all(at <= now for at in (*later, *(when.ends_at for when in single)))


def is_same_message(message: Message, calendar_state: CalendarState) -> bool:
    """Whether sending the message of ``calendar_state`` once more would have the content of ``message``, or a former
    text that counts as the same.
    """
    if (
        message.method is not calendar_state.method
        or message.uid != calendar_state.uid
        or (message.date, message.separate) != (calendar_state.date, calendar_state.separate)
        or message.attendee.email != calendar_state.recipient
        or message.organizer.email != calendar_state.organizer
    ):
        return False
    if message.method is Method.CANCEL:
        # Cancellations of the same thing have no content in which they could differ.
        return message.date is None or message.ends is (calendar_state.part is None)
    if message.date is not None:
        date = calendar_state.occurrence_state(message.date, message.separate)
        return date is not None and date.fingerprint in (message.fingerprint, *message.former)
    dates = message.calendar_state(sequence=calendar_state.sequence, dtstamp=calendar_state.dtstamp).dates
    return calendar_state.fingerprint in (message.fingerprint, *message.former) and dates == calendar_state.dates


def participation(registration: Registration, invitation: Invitation, date: LocalTime | None = None) -> Participation:
    """This attendee's latest answer about the present time and place, of the whole event or of one occurrence. It is
    always derived from the replies, never stored.
    """
    reply = answered(registration, invitation, date)
    return reply.status if reply else Participation.NEEDS_ACTION


def answered(registration: Registration, invitation: Invitation, date: LocalTime | None = None) -> Reply | None:
    """The reply that :func:`participation` is taken from, or ``None`` if the present time and place is unanswered."""
    known = _occurrence_state(invitation, date)
    alone = known is not None and bool(known.separate)
    return reply_to(registration, asked(invitation, date), date, alone=alone)


def asked(invitation: Invitation, date: LocalTime | None = None) -> int:
    """The SEQUENCE of the first message with the present time and place of the whole event, or of one occurrence."""
    last = invitation.acknowledged or invitation.intent
    known = _occurrence_state(invitation, date)
    return known.asked if known else last.calendar_state.asked if last else 0


def _occurrence_state(invitation: Invitation, date: LocalTime | None) -> OccurrenceState | None:
    last = invitation.acknowledged or invitation.intent
    return last.calendar_state.latest_of(date) if last is not None and date is not None else None


def cancels(message: Message, event: Event) -> bool:
    """Whether ``message`` is a cancellation, or the first message about the whole series since a date of ``event`` was
    cancelled.
    """
    if message.method is Method.CANCEL:
        return True
    if message.opens or message.state_before is None:
        return False
    gone = {one.date for one in message.state_before.dates if one.cancelled and not one.separate}
    new = set(message.without) - gone
    return bool(new) and any(one.cancelled and one.date in new for one in series.occurrences(event))


URGENT, CHANGE, INVITATION = 0, 1, 2


def priority(message: Message, now: datetime, soon: timedelta) -> int:
    """The priority of ``message`` at ``now`` (UTC): 0, the most urgent, for cancellations and for changes of what
    begins within ``soon``; 1 for other updates; 2 for invitations.
    """
    if message.method is Method.CANCEL:
        return URGENT
    if message.before is None:
        return INVITATION
    before = message.before.schedule or Schedule(when=message.before.when)
    begins = min(series.next_start(message.schedule, now), series.next_start(before, now))
    return URGENT if begins - now <= soon else CHANGE
