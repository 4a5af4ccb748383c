"""What an answer means for the place of whoever gives it: which of their answers stands, and what becomes of the seat.

Whatever order answers come in, and however often, the same ones stand in the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from ..model import (
    Event,
    EventStatus,
    LocalTime,
    Participation,
    Registration,
    RegistrationStatus,
    Reply,
)
from ..schedule import series
from .calendar_state import CalendarState
from .decide import over, participation
from .invitation import Invitation
from .messages import order, same_question

MOST_DATES = 400
"""Of how many dates the answer is kept; a series has no more."""


class Consequence(StrEnum):
    """What an answer does to the seat: nothing, gives it back, asks for one again."""

    NONE = "none"
    RELEASE = "release"
    RETURN = "return"


def standing(registration: Registration, reply: Reply) -> Reply | None:
    """The latest answer before ``reply`` to what it is about: the whole event, or one date."""
    if reply.date is None:
        return registration.reply
    return next((other for other in registration.date_replies if other.date == reply.date), None)


def heeding(registration: Registration, reply: Reply) -> Registration:
    """The registration with ``reply``, where nothing newer is known; else the registration as it was."""
    before = standing(registration, reply)
    if before is not None and order(reply) <= order(before):
        return registration
    if reply.date is None:
        return replace(registration, reply=reply)
    others = [other for other in registration.date_replies if other.date != reply.date]
    dated = sorted([*others, reply], key=lambda one: str(one.date))
    return replace(registration, date_replies=tuple(dated[-MOST_DATES:]))


def answers_the_question(reply: Reply, invitation: Invitation, event: Event) -> bool:
    """Whether it answers an invitation to the event when and where it is now, and not only when or where it was; or, of
    a date that is an entry of its own, to that.
    """
    last = _last_told(invitation)
    if last is None:
        return False
    if reply.date is not None:
        entry = last.latest_of(reply.date)
        return entry is not None and bool(entry.separate) and reply.sequence >= entry.asked
    invited = last.whole and last.stands and same_question(last, event)
    return invited and reply.sequence >= last.asked


def _last_told(invitation: Invitation) -> CalendarState | None:
    calendar_state = [word.calendar_state for word in (invitation.intent, invitation.acknowledged) if word is not None]
    return max(calendar_state, key=lambda one: one.sequence, default=None)


def _others_declined(registration: Registration, invitation: Invitation, reply: Reply, now: datetime) -> bool:
    """Whether of all that they hold every entry but that which ``reply`` is about was declined or is over at ``now``.
    An event may have dates that are entries of their own, and who declines one of those may come to the others.
    """
    last = _last_told(invitation)
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
    """How many of those who have a seat, or gave it back, answered what: to the whole event, or to one ``date``."""
    counts = dict.fromkeys(Participation, 0)
    for person, invitation in people:
        if person.status in (RegistrationStatus.REGISTERED, RegistrationStatus.DECLINED):
            counts[participation(person, invitation, date)] += 1
    return counts


def consequence(
    event: Event, registration: Registration, invitation: Invitation, reply: Reply, now: datetime
) -> Consequence:
    """What ``reply`` does to the seat, when it is the newest to the whole event, or to a date that is an entry of its
    own. ``now`` is UTC.
    """
    last = _last_told(invitation)
    entry = last.latest_of(reply.date) if last is not None and reply.date is not None else None
    of_an_entry = reply.date is None or (entry is not None and bool(entry.separate))
    if not of_an_entry or over(event, now):
        return Consequence.NONE
    if registration.status is RegistrationStatus.DECLINED:
        comes = reply.status in (Participation.ACCEPTED, Participation.TENTATIVE)
        return Consequence.RETURN if comes else Consequence.NONE
    declines = (
        reply.status is Participation.DECLINED
        and answers_the_question(reply, invitation, event)
        and _others_declined(registration, invitation, reply, now)
    )
    seated = registration.status in (RegistrationStatus.REGISTERED, RegistrationStatus.WAITLISTED)
    # A cancelled event has no seats to give.
    if declines and seated and event.release_on_decline and event.status is not EventStatus.CANCELLED:
        return Consequence.RELEASE
    return Consequence.NONE
