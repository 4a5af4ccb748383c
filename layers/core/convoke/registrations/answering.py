"""Answers that people give on their page: each does what a REPLY of their calendar program does (``replies``)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from ..decision.decide import participation
from ..decision.invitation import Invitation
from ..model import (
    AnswerChannel,
    Event,
    EventStatus,
    LocalTime,
    Occurrence,
    Participation,
    Registration,
    RegistrationStatus,
    Reply,
)
from ..schedule import series, series_changes
from ..store.store import Store
from . import replies
from .registry import Obstacle, read

ANSWERS = (Participation.ACCEPTED, Participation.TENTATIVE, Participation.DECLINED)
"""What can be answered on a page, in the order in which it is offered."""
ANSWERING = (RegistrationStatus.REGISTERED, RegistrationStatus.DECLINED)
"""Who can answer. Whoever waits for a seat has not been invited."""


def answer(
    store: Store,
    event_id: str,
    registration_id: str,
    status: Participation,
    *,
    date: LocalTime | None = None,
    now: datetime,
) -> replies.Applied | Obstacle:
    """Apply the answer ``status`` to the whole event, or to the ``date`` that has this name in :func:`dates`.

    The same answer again changes nothing. Returns ``Obstacle.ABSENT``, ``INACTIVE`` of a registration that cannot
    answer, or of a date that it does not have or that is over, and ``CLOSED`` where the event is cancelled or over.
    Raises :class:`dynamo.Contention`.
    """
    seen, event = read(store, event_id, registration_id), store.reads.event(event_id)
    if seen is None or event is None:
        return Obstacle.ABSENT
    person, invitation = seen
    if person.status not in ANSWERING:
        return Obstacle.INACTIVE
    if event.status is EventStatus.CANCELLED or series.ends_at(event) <= now:
        return Obstacle.CLOSED
    if date is not None:
        one = dates(event, person).get(date) if event.recurs else None
        if one is None or not one.is_to_come(now):
            return Obstacle.INACTIVE
    if participation(person, invitation, date) is status:
        return replies.Applied(outcome=replies.Outcome.KNOWN, registration=person, before=status, now=status)
    reply = reply_at(person, invitation, status, date, now)
    return replies.apply(store, event_id, registration_id, reply, channel=AnswerChannel.WEB, now=now)


def dates(event: Event, person: Registration) -> Mapping[LocalTime, Occurrence]:
    """The dates that the registration is for, cancelled ones included, by the names under which they are answered: the
    present ones, or for some dates only those by which they were chosen.
    """
    present = series.by_name(event)
    if person.occurrences is None:
        return present
    names = series_changes.named(event, person.occurrences, person.named)
    return {name: present[now] for name, now in names.items() if now in present}


def reply_at(
    person: Registration, invitation: Invitation, status: Participation, date: LocalTime | None, now: datetime
) -> Reply:
    """The reply to the newest message, which has precedence over all earlier ones about the same."""
    about = [person.reply, *(one for one in person.date_replies if date is None or one.date == date)]
    # The clock of the calendar program that wrote the last reply may be ahead.
    stamps = [one.dtstamp + timedelta(seconds=1) for one in about if one is not None]
    sequence = max(invitation.allocated, 0, *(one.sequence for one in about if one is not None))
    return Reply(status=status, sequence=sequence, dtstamp=max([now, *stamps]), date=date, received_at=now)
