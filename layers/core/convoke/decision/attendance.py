"""Which of an attendee's answers counts, and what an answer does to their seat.

The result depends neither on the order in which answers are processed nor on how often each one is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from ..model import Event, EventStatus, LocalTime, Participation, Registration, RegistrationStatus, Reply
from ..schedule import series
from .answers import order
from .calendar_state import CalendarState
from .decide import over, participation
from .invitation import Invitation
from .messages import same_time_and_place

MAX_DATE_REPLIES = 400
"""For how many occurrences the latest answer is stored; a series does not have more."""


class Consequence(StrEnum):
    """What an answer does to the seat: nothing, release it, or request one again."""

    NONE = "none"
    RELEASE = "release"
    RETURN = "return"


def previous_reply(registration: Registration, reply: Reply) -> Reply | None:
    """The stored answer to what ``reply`` is about, the whole event or one occurrence; ``None`` without one."""
    if reply.date is None:
        return registration.reply
    return next((other for other in registration.date_replies if other.date == reply.date), None)


def with_reply(registration: Registration, reply: Reply, question: int) -> Registration:
    """The registration with ``reply`` stored, or unchanged if a stored answer is as new or newer (:func:`order`).

    ``question`` is what :func:`asked` says of what is answered.
    """
    before = previous_reply(registration, reply)
    if before is not None and order(reply, question) <= order(before, question):
        return registration
    if reply.date is None:
        return replace(registration, reply=reply)
    others = [other for other in registration.date_replies if other.date != reply.date]
    dated = sorted([*others, reply], key=lambda one: str(one.date))
    return replace(registration, date_replies=tuple(dated[-MAX_DATE_REPLIES:]))


def asked(invitation: Invitation, date: LocalTime | None = None) -> int:
    """The SEQUENCE of the first message that had the time and place of the latest one, of the whole event or of one
    occurrence; whether or not it is known that it left, since whoever answers may have it.
    """
    last = _latest_state(invitation)
    known = last.latest_of(date) if last is not None and date is not None else None
    return known.asked if known else last.asked if last else 0


def answers_present_invitation(reply: Reply, invitation: Invitation, event: Event) -> bool:
    """Whether ``reply`` answers an invitation that had the present time and place of the event, and not an earlier one.
    An answer to a separate entry must have answered that entry's present time and place.
    """
    last = _latest_state(invitation)
    if last is None:
        return False
    if reply.date is not None:
        entry = last.latest_of(reply.date)
        return entry is not None and bool(entry.separate) and reply.sequence >= entry.asked
    invited = last.whole and last.stands and same_time_and_place(last, event)
    return invited and reply.sequence >= last.asked


def _latest_state(invitation: Invitation) -> CalendarState | None:
    """The calendar state after the message with the highest SEQUENCE that was intended or acknowledged."""
    states = [one.calendar_state for one in (invitation.intent, invitation.acknowledged) if one is not None]
    return max(states, key=lambda one: one.sequence, default=None)


def _others_declined(registration: Registration, invitation: Invitation, reply: Reply, now: datetime) -> bool:
    """Whether all entries in the attendee's calendar, apart from the one that ``reply`` is about, were declined or are
    over at ``now`` (UTC).

    An event may have separate entries, and an attendee who declines one of them may still come to the others.
    """
    last = _latest_state(invitation)
    if last is None:
        return True
    to_come = [one for one in last.dates if not one.cancelled and (one.when is None or one.when.ends_at > now)]
    held: list[LocalTime | None] = [one.date for one in to_come if one.separate]
    coming = series.schedule_ends_at(last.schedule) > now or any(not one.separate for one in to_come)
    held += [None] if last.stands and coming else []
    return all(
        participation(registration, invitation, one) is Participation.DECLINED for one in held if one != reply.date
    )


def tally(people: Iterable[tuple[Registration, Invitation]], date: LocalTime | None = None) -> dict[Participation, int]:
    """Count the answers to the whole event, or to one ``date``, of those who have a seat or released it by declining.

    Every :class:`Participation` is a key of the result.
    """
    counts = dict.fromkeys(Participation, 0)
    for person, invitation in people:
        if person.status in (RegistrationStatus.REGISTERED, RegistrationStatus.DECLINED):
            counts[participation(person, invitation, date)] += 1
    return counts


def consequence(
    event: Event, registration: Registration, invitation: Invitation, reply: Reply, now: datetime
) -> Consequence:
    """What ``reply`` does to the seat. ``now`` is UTC.

    ``reply`` must be the newest answer to what it is about. Answers to single occurrences of a series never affect the
    seat; answers to the whole event and to separate entries do.
    """
    last = _latest_state(invitation)
    entry = last.latest_of(reply.date) if last is not None and reply.date is not None else None
    is_about_entry = reply.date is None or (entry is not None and bool(entry.separate))
    if not is_about_entry or over(event, now):
        return Consequence.NONE
    if registration.status is RegistrationStatus.DECLINED:
        attends = reply.status in (Participation.ACCEPTED, Participation.TENTATIVE)
        return Consequence.RETURN if attends else Consequence.NONE
    declines = (
        reply.status is Participation.DECLINED
        and answers_present_invitation(reply, invitation, event)
        and _others_declined(registration, invitation, reply, now)
    )
    seated = registration.status in (RegistrationStatus.REGISTERED, RegistrationStatus.WAITLISTED)
    # The seats of a cancelled event are of no use to anybody else.
    if declines and seated and event.release_on_decline and event.status is not EventStatus.CANCELLED:
        return Consequence.RELEASE
    return Consequence.NONE
