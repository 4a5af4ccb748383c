"""Decides which wait mail is missing to somebody who waits for a seat, or for the organizer's decision: once they were
mailed that they wait, that the event is cancelled, or takes place after all.

As for messages, what is true is compared with what was mailed last (``Invitation.wait_mail``). Pure.
"""

from __future__ import annotations

from datetime import datetime

from ..model import RegistrationStatus, folded
from .decide import Snapshot, calendar_state_of, over
from .invitation import Intent, Stopped, WaitMail, WaitMailed

WAITING = (RegistrationStatus.WAITLISTED, RegistrationStatus.PENDING)


def true_wait_mail(seen: Snapshot, now: datetime) -> WaitMail | None:
    """The wait mail that is true at ``now`` (UTC); ``None``: none is, since the event is over, or they do not wait or
    are sent an invitation or its cancellation.
    """
    waits = seen.registration.status in WAITING
    if over(seen.event, now):
        return None
    if seen.event.status.expects_people:
        return WaitMail.PLACE if waits else None
    # Who got a seat too late to be invited is sent no cancellation, and still believes that they wait, or come.
    return WaitMail.CANCELLED if waits or _was_not_invited(seen) else None


def _was_not_invited(seen: Snapshot) -> bool:
    """Whether somebody has a seat, and was sent nothing to the address that they have now that a cancellation would
    remove.
    """
    person, known = seen.registration, calendar_state_of(seen.invitation)
    invited = known is not None and not known.gone and folded(known.recipient) == folded(person.email)
    return person.status is RegistrationStatus.REGISTERED and not invited


def is_barred(stop: Stopped | None, mail: WaitMail | None) -> bool:
    """Whether ``stop``, the stop of an address, bars it from ``mail``. As the cancellation of an invitation, that the
    event is cancelled is sent even after a complaint: they might travel.
    """
    return stop is not None and (stop.hard or mail is not WaitMail.CANCELLED)


def mailed_last(seen: Snapshot) -> WaitMail | None:
    """The last wait mail to the address that somebody has now; ``None`` if there was none."""
    last = seen.invitation.wait_mail
    return last.mail if last is not None and last.links == seen.registration.links else None


def missing_wait_mail(seen: Snapshot, now: datetime) -> WaitMail | None:
    """The wait mail that somebody is to be sent, since their last one said something else, or went to another address;
    ``None``: none. Whoever is to be sent none, as the API's callers decide, is sent no later one either.
    """
    true = None if seen.invitation.wait_mail is None else true_wait_mail(seen, now)
    return true if true is not mailed_last(seen) else None


def wait_mail_after(seen: Snapshot, intent: Intent) -> WaitMailed | None:
    """The last wait mail, once the message of ``intent`` has left to somebody who knows more by it."""
    person, before, state = seen.registration, seen.invitation.wait_mail, intent.calendar_state
    waits, comes = person.status in WAITING, person.status is RegistrationStatus.REGISTERED
    if not state.gone:
        elsewhere = folded(person.email) != folded(state.recipient)
        return before if waits or (comes and elsewhere) else None
    if seen.event.status.expects_people:
        # To who comes an invitation is to follow, and may be held up.
        return WaitMailed(mail=WaitMail.NOTHING) if comes else before if waits else None
    if before is not None and folded(person.email) == folded(state.recipient):
        return WaitMailed(mail=WaitMail.CANCELLED, links=person.links)
    return before if waits or comes else None
