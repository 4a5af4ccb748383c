"""What to tell an attendee next: the heart of Convoke.

No function here asks *what changed*. What is true now is compared with what this attendee was told last, and the answer
is the one thing to say next, or nothing. Whoever is interrupted, doubled or late looks again and comes to the same end.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from . import series
from .case import Case, reply_to
from .ledger import Invitation
from .model import (
    Event,
    EventStatus,
    Method,
    Participation,
    Registration,
    RegistrationStatus,
    Reply,
    Schedule,
    Sender,
    Wall,
    folded,
)
from .told import Message, Told


def next_message(
    event: Event, registration: Registration, told: Told | None, sender: Sender, now: datetime
) -> Message | None:
    """The message that brings this attendee's calendar nearer to the truth, or ``None`` where there is nothing to say.

    ``told`` is ``None`` where nothing can have reached them; what is not certain of it may or may not have. ``now`` is
    UTC. Nothing is ever said about an event that is over, nor about a date of a series that is.
    """
    return None if over(event, now, told) else unsaid(event, registration, told, sender, now)


def unsaid(
    event: Event, registration: Registration, told: Told | None, sender: Sender, now: datetime | None = None
) -> Message | None:
    """What would be said of the whole if time did not pass: :func:`next_message` without the question whether it is
    too late. Without ``now`` no date of a series is over either.
    """
    if registration.status in (RegistrationStatus.DECLINED, RegistrationStatus.ERASED):
        return None  # whoever declined their seat wants to hear no more; of the erased nobody is left to tell
    case = Case(event=event, registration=registration, sender=sender, now=now)
    expected = is_expected(event, registration)
    if told is None:
        return case.invite(None) if expected else None
    if told.whole and told.gone:
        if not told.settled:
            # An entry may still stand, and a UID once cancelled is never used again: first be sure that it is gone.
            return case.take_back(told)
        return case.invite(told) if expected else None
    if (
        not expected
        or folded(told.recipient) != folded(registration.email)
        or folded(told.organizer) != folded(sender.address)
        or told.whole is not case.whole
    ):
        left = case.take_back(told)
        return case.invite(told) if left is None and expected else left
    return case.update(told)


def is_expected(event: Event, registration: Registration) -> bool:
    """Whether this person should have this event in their calendar."""
    return (
        event.status in (EventStatus.CONFIRMED, EventStatus.TENTATIVE)
        and registration.status is RegistrationStatus.REGISTERED
    )


def over(event: Event, now: datetime, told: Told | None = None) -> bool:
    """Whether its last date is over, the cancelled ones counted: until then there may be a cancellation to tell.

    A series may have been cut short before now: it is not over for whoever was ``told`` of later dates.
    """
    if series.ends_at(event) > now:
        return False
    if told is None or told.gone:
        return True
    single = [one.when for one in told.dates if not one.cancelled and one.when is not None]
    later = [series.schedule_ends_at(told.schedule)] if told.recurs else []
    return all(at <= now for at in (*later, *(when.ends_at for when in single)))


def says_the_same(message: Message, told: Told) -> bool:
    """Whether sending ``told`` once more would say just what ``message`` says."""
    if (
        message.method is not told.method
        or message.uid != told.uid
        or (message.date, message.separate) != (told.date, told.separate)
        or message.attendee.email != told.recipient
        or message.organizer.email != told.organizer
    ):
        return False
    if message.method is Method.CANCEL:
        # A cancellation says one thing only: gone.
        return message.date is None or message.ends is (told.part is None)
    if message.date is not None:
        date = told.date_told(message.date, message.separate)
        return date is not None and message.fingerprint == date.fingerprint
    dates = message.told(sequence=told.sequence, dtstamp=told.dtstamp).dates
    return message.fingerprint == told.fingerprint and dates == told.dates


def participation(registration: Registration, invitation: Invitation, date: Wall | None = None) -> Participation:
    """What this attendee last answered about the present when and where, or that of one date: derived, never stored."""
    reply = answered(registration, invitation, date)
    return reply.status if reply else Participation.NEEDS_ACTION


def answered(registration: Registration, invitation: Invitation, date: Wall | None = None) -> Reply | None:
    """The reply by which the participation is what it is, or ``None`` while the present question is open."""
    last = invitation.acknowledged or invitation.intent
    if last is None:
        return reply_to(registration, 0, date)
    known = last.told.latest_of(date) if date is not None else None
    alone = known is not None and bool(known.separate)
    return reply_to(registration, known.asked if known else last.told.asked, date, alone=alone)


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
