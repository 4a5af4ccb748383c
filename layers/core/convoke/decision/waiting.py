"""Decides which wait mail is missing to somebody who waits for a seat, or for the organizer's decision: once they were
mailed that they wait, that what they wait for is cancelled, or takes place after all.

As for messages, what is true is compared with what was mailed last (``Invitation.wait_mail``). Pure.
"""

from __future__ import annotations

from datetime import datetime

from ..model import DeliveryState, Event, LocalTime, Method, Occurrence, Registration, RegistrationStatus, folded
from ..schedule import series, series_changes
from .attention import REASON_OF_STATE
from .calendar_state import CalendarState, Message
from .decide import Snapshot, calendar_state_of
from .invitation import Stopped, WaitMail, WaitMailed

WAITING = (RegistrationStatus.WAITLISTED, RegistrationStatus.PENDING)
NOT_REACHED = frozenset(REASON_OF_STATE) - {DeliveryState.COMPLAINED}
"""The states of a message that is known not to have arrived; who complains about one has it."""


def to_come(event: Event, person: Registration, now: datetime) -> tuple[Occurrence, ...]:
    """The dates that a registration is for and that are not over at ``now`` (UTC), sorted by their times. One that the
    series lost counts as cancelled at the last time that the series had for it; not one that it lost by a split,
    since that may take place in another event. So there may be some although the event is over.
    """
    dates = (
        series.occurrences(event) if person.occurrences is None else _chosen(event, person, person.occurrences).values()
    )
    left = (one for one in dates if one.when.ends_at > now)
    return tuple(sorted(left, key=lambda one: one.when.starts_at))


def _chosen(event: Event, person: Registration, names: tuple[LocalTime, ...]) -> dict[LocalTime, Occurrence]:
    """The dates of these ``names``, as the registration has them, by which :func:`to_come` goes."""
    lost = {
        date: Occurrence(
            date=date,
            when=when,
            title=event.title,
            location=event.location,
            description=event.description,
            cancelled=True,
        )
        for date, (earlier, when) in series_changes.lost(event, names, person.named).items()
        if not series_changes.may_be_elsewhere(event, earlier)
    }
    present = series_changes.chosen(event, names, person.named)
    return {date: one for date, one in present.items() if one is not None} | lost


def is_cancelled(event: Event, person: Registration, now: datetime) -> bool:
    """Whether what a registration is for does not take place: the event does not, or none of the dates to come."""
    return _is_cancelled(event, to_come(event, person, now))


def _is_cancelled(event: Event, dates: tuple[Occurrence, ...]) -> bool:
    return not event.status.expects_people or (bool(dates) and all(one.cancelled for one in dates))


def true_wait_mail(seen: Snapshot, now: datetime) -> WaitMail | None:
    """The wait mail that is true at ``now`` (UTC); ``None``: none is, since all that they wait for is over, or they do
    not wait or are sent an invitation or its cancellation.
    """
    waits = seen.registration.status in WAITING
    dates = to_come(seen.event, seen.registration, now)
    if not dates:
        return None
    if not _is_cancelled(seen.event, dates):
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


def _lost_a_cancellation(seen: Snapshot) -> bool:
    """Whether the CANCEL of the last date that somebody had in their calendar did not reach them, and the event does
    not take place by now: no message follows that would say so.
    """
    person, invitation, known = seen.registration, seen.invitation, calendar_state_of(seen.invitation)
    comes = person.status is RegistrationStatus.REGISTERED and not seen.event.status.expects_people
    of_a_date = known is not None and known.gone and known.part is not None and known.method is Method.CANCEL
    return comes and of_a_date and invitation.state in NOT_REACHED


def is_barred(stop: Stopped | None, mail: WaitMail | None) -> bool:
    """Whether ``stop``, the stop of an address, bars it from ``mail``. As the cancellation of an invitation, that it
    is cancelled is sent even after a complaint: they might travel.
    """
    return stop is not None and (stop.hard or mail is not WaitMail.CANCELLED)


def mailed_last(seen: Snapshot) -> WaitMail | None:
    """The last wait mail to the address that somebody has now; ``None`` if there was none."""
    last = seen.invitation.wait_mail
    return last.mail if last is not None and last.links == seen.registration.links else None


def missing_wait_mail(seen: Snapshot, now: datetime) -> WaitMail | None:
    """The wait mail that somebody is to be sent, since their last one said something else, or went to another address;
    ``None``: none. Whoever is to be sent none, as the API's callers decide, or knows more by messages, is sent no later
    one either, unless the last of these did not reach them.
    """
    due = seen.invitation.wait_mail is not None or _lost_a_cancellation(seen)
    true = true_wait_mail(seen, now) if due else None
    return true if true is not mailed_last(seen) else None


def wait_mail_after(seen: Snapshot, message: Message, state: CalendarState, now: datetime) -> WaitMailed | None:
    """The last wait mail, once ``message``, which leaves their calendar in ``state``, has left at ``now`` (UTC) to
    somebody who knows more by it.
    """
    person, before = seen.registration, seen.invitation.wait_mail
    waits, comes = person.status in WAITING, person.status is RegistrationStatus.REGISTERED
    here = folded(person.email) == folded(state.recipient)
    if not state.gone:
        return before if waits or (comes and not here) else None
    if seen.event.status.expects_people:
        if comes and here and before is None and _is_told_all(seen, message, state, now):
            return None
        # To who comes an invitation is to follow, and may be held up. Who waits is told that theirs is withdrawn.
        return WaitMailed(mail=WaitMail.NOTHING) if comes else before if waits else None
    if before is not None and here:
        return WaitMailed(mail=WaitMail.CANCELLED, links=person.links)
    return before if waits or comes else None


def _is_told_all(seen: Snapshot, message: Message, state: CalendarState, now: datetime) -> bool:
    """Whether all dates to come of somebody who is invited are cancelled, and messages have said so: ``message``, or
    those before it.
    """
    event, person = seen.event, seen.registration
    if not is_cancelled(event, person, now):
        return False
    if person.occurrences is None:
        return message.cancelled_for_all
    unsaid = None if message.cancelled_for_all else message.date
    told = {one.date for one in state.dates if one.cancelled and one.date != unsaid}
    chosen = _chosen(event, person, person.occurrences)
    left = (date for date, one in chosen.items() if one.when.ends_at > now)
    return told.issuperset(left)
