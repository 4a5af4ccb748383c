"""What to tell an attendee next: the heart of Convoke.

No function here asks *what changed*. What is true now is compared with what this attendee was told last, and the answer
is the one thing to say next, or nothing. Whoever is interrupted, doubled or late looks again and comes to the same end.
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
from .calendar_state import CalendarState, Message
from .invitation import Invitation
from .messages import MessagePlanner, reply_to


def next_message(
    event: Event, registration: Registration, calendar_state: CalendarState | None, sender: Sender, now: datetime
) -> Message | None:
    """The message that brings this attendee's calendar nearer to the truth, or ``None`` where there is nothing to say.

    ``calendar_state`` is ``None`` where nothing can have reached them; what is not certain of it may or may not have.
    ``now`` is UTC. Nothing is ever said about an event that is over, nor about a date of a series that is.
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
    """What would be said of the whole if time did not pass: :func:`next_message` without the question whether it is
    too late. Without ``now`` no date of a series is over either.
    """
    if registration.status in (RegistrationStatus.DECLINED, RegistrationStatus.ERASED):
        return None  # whoever declined their seat wants to hear no more; of the erased nobody is left to tell
    case = MessagePlanner(event=event, registration=registration, sender=sender, now=now)
    expected = is_expected(event, registration)
    if calendar_state is None:
        return case.invite(None) if expected else None
    if calendar_state.whole and calendar_state.gone:
        if not calendar_state.settled:
            # An entry may still stand, and a UID once cancelled is never used again: first be sure that it is gone.
            return case.take_back(calendar_state)
        return case.invite(calendar_state) if expected else None
    if (
        not expected
        or folded(calendar_state.recipient) != folded(registration.email)
        or folded(calendar_state.organizer) != folded(sender.address)
        or calendar_state.whole is not case.whole
    ):
        left = case.take_back(calendar_state)
        return case.invite(calendar_state) if left is None and expected else left
    return case.update(calendar_state)


def is_expected(event: Event, registration: Registration) -> bool:
    """Whether this person should have this event in their calendar."""
    return (
        event.status in (EventStatus.CONFIRMED, EventStatus.TENTATIVE)
        and registration.status is RegistrationStatus.REGISTERED
    )


def over(event: Event, now: datetime, calendar_state: CalendarState | None = None) -> bool:
    """Whether its last date is over, the cancelled ones counted: until then there may be a cancellation to tell.

    A series may have been cut short before now: it is not over for whoever was ``calendar_state`` of later dates.
    """
    if series.ends_at(event) > now:
        return False
    if calendar_state is None or calendar_state.gone:
        return True
    single = [one.when for one in calendar_state.dates if not one.cancelled and one.when is not None]
    later = [series.schedule_ends_at(calendar_state.schedule)] if calendar_state.recurs else []
    return all(at <= now for at in (*later, *(when.ends_at for when in single)))


def is_same_message(message: Message, calendar_state: CalendarState) -> bool:
    """Whether sending ``calendar_state`` once more would say just what ``message`` says."""
    if (
        message.method is not calendar_state.method
        or message.uid != calendar_state.uid
        or (message.date, message.separate) != (calendar_state.date, calendar_state.separate)
        or message.attendee.email != calendar_state.recipient
        or message.organizer.email != calendar_state.organizer
    ):
        return False
    if message.method is Method.CANCEL:
        # A cancellation says one thing only: gone.
        return message.date is None or message.ends is (calendar_state.part is None)
    if message.date is not None:
        date = calendar_state.occurrence_state(message.date, message.separate)
        return date is not None and message.fingerprint == date.fingerprint
    dates = message.calendar_state(sequence=calendar_state.sequence, dtstamp=calendar_state.dtstamp).dates
    return message.fingerprint == calendar_state.fingerprint and dates == calendar_state.dates


def participation(registration: Registration, invitation: Invitation, date: LocalTime | None = None) -> Participation:
    """What this attendee last answered about the present when and where, or that of one date: derived, never stored."""
    reply = answered(registration, invitation, date)
    return reply.status if reply else Participation.NEEDS_ACTION


def answered(registration: Registration, invitation: Invitation, date: LocalTime | None = None) -> Reply | None:
    """The reply by which the participation is what it is, or ``None`` while the present question is open."""
    last = invitation.acknowledged or invitation.intent
    if last is None:
        return reply_to(registration, 0, date)
    known = last.calendar_state.latest_of(date) if date is not None else None
    alone = known is not None and bool(known.separate)
    return reply_to(registration, known.asked if known else last.calendar_state.asked, date, alone=alone)


PRESSING, CHANGE, INVITATION = 0, 1, 2


def priority(message: Message, now: datetime, soon: timedelta) -> int:
    """How pressing: 0 for cancellations and changes of what begins ``soon``, 1 for other updates, 2 for invitations."""
    if message.method is Method.CANCEL:
        return PRESSING
    if message.before is None:
        return INVITATION
    before = message.before.schedule or Schedule(when=message.before.when)
    begins = min(series.next_start(message.schedule, now), series.next_start(before, now))
    return PRESSING if begins - now <= soon else CHANGE
