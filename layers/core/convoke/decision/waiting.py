"""What who waits, for a seat or for the organizer's decision, is to be mailed beside the invitations: that they wait,
and, once they were mailed so, that the event is cancelled, or takes place after all.

As messages are, it is decided by comparing what is true with what was mailed last (``Invitation.wait_mail``). Pure.
"""

from __future__ import annotations

from datetime import datetime

from ..model import EventStatus, RegistrationStatus
from .calendar_state import next_generation
from .decide import Snapshot, calendar_state_of, over
from .invitation import Stopped, WaitMail

WAITING = (RegistrationStatus.WAITLISTED, RegistrationStatus.PENDING)


def takes_place(status: EventStatus) -> bool:
    """Whether people may come to an event of this status: it is neither cancelled nor a draft."""
    return status in (EventStatus.CONFIRMED, EventStatus.TENTATIVE)


def wait_mail(seen: Snapshot, now: datetime) -> WaitMail | None:
    """What is true of somebody's waiting at ``now`` (UTC); ``None``: nothing is to be said, since they do not wait, are
    sent an invitation or its cancellation, or the event is over.
    """
    waits = seen.registration.status in WAITING
    if over(seen.event, now):
        return None
    if takes_place(seen.event.status):
        return WaitMail.PLACE if waits else None
    # Who got a seat too late to be invited is sent no cancellation, and still believes that they wait.
    return WaitMail.CANCELLED if waits or _was_not_invited(seen) else None


def _was_not_invited(seen: Snapshot) -> bool:
    """Whether somebody has a seat, and no invitation can have left since they got it."""
    known, person = calendar_state_of(seen.invitation), seen.registration
    never = known is None or (known.gone and person.promoted == next_generation(known))
    return person.status is RegistrationStatus.REGISTERED and never


def is_barred(stop: Stopped | None, mail: WaitMail | None) -> bool:
    """Whether an address that is stopped is not sent ``mail``. As a cancellation of what is in their calendar, that the
    event is cancelled is sent even after a complaint: they might travel.
    """
    return stop is not None and (stop.hard or mail is not WaitMail.CANCELLED)


def mailed_last(seen: Snapshot) -> WaitMail | None:
    """What the address that somebody has now was mailed last of their waiting; ``None``: nothing."""
    last = seen.invitation.wait_mail
    return last.mail if last is not None and last.links == seen.registration.links else None


def missing_wait_mail(seen: Snapshot, now: datetime) -> WaitMail | None:
    """What somebody is to be mailed who was mailed something else of their waiting last, or at another address;
    ``None``: nothing. Who was mailed nothing is not: of what they never heard nothing has changed.
    """
    true = None if seen.invitation.wait_mail is None else wait_mail(seen, now)
    return true if true is not mailed_last(seen) else None
