"""Registrations that the organizer decides about: both sides are informed, and the decision is applied.

Whoever registers for an event with ``approval`` is *pending*: their address is taken, and nothing else. Accepted, they
get a seat, or a place on the waitlist, as if they had registered just then; turned down, their registration is
cancelled, and they cannot take it up again by themselves. Neither the event's other changes nor turning ``approval``
off decides about anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from ..decision.decide import INVITATION
from ..decision.invitation import WaitMail
from ..mail import new_notifications
from ..mail.notifications import Notification
from ..model import Event, EventStatus, Registration, RegistrationStatus
from ..store.outbox import placed
from ..store.store import Store
from ..store.writes import NOTHING_ELSE, Action, rounds
from ..webhooks.events import WebhookEventType
from . import registry, seats
from .registry import Obstacle

GATHERED = timedelta(hours=1)
"""At the end of each hour (UTC) in which somebody asked, the organizer is told how many wait: once for all of them."""
LATEST = timedelta(minutes=1)
"""How much later than it began a request is stored at most. Of one that begins so shortly before the end of an hour the
organizer is told in the next: that of this hour may be sent before it is stored.
"""


# --- asking -------------------------------------------------------------------------------------------------------


def mail_to(event: Event, person: Registration, now: datetime) -> Notification | None:
    """What informs ``person`` that the organizer decides; ``None`` where nobody has to, or of a draft, of which nobody
    is informed.
    """
    asks = person.status is RegistrationStatus.PENDING and event.status is not EventStatus.DRAFT
    return new_notifications.wait_notification(event, person, WaitMail.PLACE, now) if asks else None


def organizer_actions(store: Store, event: Event, person: Registration, now: datetime) -> dict[str, Action]:
    """The action that informs the organizer, within :data:`GATHERED`, that somebody waits for their decision; none
    where ``person`` does not, or where they are informed already: registrations that meet must not meet there as well.
    """
    if person.status is not RegistrationStatus.PENDING or event.status is EventStatus.DRAFT:
        return {}
    told_at = (now + LATEST).replace(minute=0, second=0, microsecond=0) + GATHERED
    mail = new_notifications.requests(event, told_at=told_at, now=now)
    return (
        {} if store.notifications.scheduled(mail) else {"organizer": store.notifications.schedule_action(mail, told_at)}
    )


class Decision(Protocol):
    """:func:`accept` or :func:`decline`."""

    def __call__(
        self, store: Store, event: Event, person: Registration, *, word: str, now: datetime, also: Mapping[str, Action]
    ) -> Registration | Obstacle: ...


# --- deciding -----------------------------------------------------------------------------------------------------


def accept(
    store: Store,
    event: Event,
    person: Registration,
    *,
    word: str = "",
    now: datetime,
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> Registration | Obstacle:
    """Give a pending registration a seat for the person and each guest, or a place on the waitlist where not so many
    are free, and return it as it is stored then. Seats kept for a former registration of theirs are used first.

    Whoever has a seat is sent the invitation. ``word``, what the organizer has to say, is mailed beside it; so is that
    there is no seat. ``also`` are actions for the same transaction. Returns ``Obstacle.ABSENT`` or ``NOT_PENDING``, and
    ``CLOSED`` or ``NOT_YET`` where the event takes nobody. Raises :class:`dynamo.Contention`.
    """
    event_id, registration_id = person.event_id, person.registration_id
    for conflicts in rounds():
        seen = registry.read(store, event_id, registration_id)
        if seen is None:
            return Obstacle.ABSENT
        person, invitation = seen
        if person.status is not RegistrationStatus.PENDING:
            return Obstacle.NOT_PENDING
        count, email = person.seats, person.email
        place = seats.take(
            store, event_id, registration_id, count=count, conflicts=conflicts, now=now, decided=1, email=email
        )
        if place is None:
            return Obstacle.NOT_YET if store.events.transferring(event_id) else Obstacle.CLOSED
        accepted = replace(person, status=place.status, version=person.version + 1, updated_at=now, accepted_at=now)
        happened = placed(WebhookEventType.REGISTRATION_ACCEPTED, accepted)
        actions = {
            "registration": store.registrations.change_action(person, accepted),
            **place.actions,
            **store.outbox.event_actions(event.account, happened, now),
        }
        if accepted.status is RegistrationStatus.REGISTERED:
            actions["invitation"] = store.invitations.wake_up_action(invitation, INVITATION, now)
        if word or accepted.status is RegistrationStatus.WAITLISTED:
            mail = new_notifications.accepted(event, accepted, word=word, now=now)
            actions["notification"] = store.notifications.schedule_action(mail, now)
        if not store.attempt({**actions, **also}):
            return accepted
    raise AssertionError  # rounds() ends with Contention


def decline(
    store: Store,
    event: Event,
    person: Registration,
    *,
    word: str = "",
    now: datetime,
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> Registration | Obstacle:
    """Turn a pending registration down: it is cancelled, and ``word``, what the organizer has to say, is mailed to the
    person. Returns it as it is stored then, or ``Obstacle.ABSENT`` or ``NOT_PENDING``. Raises
    :class:`dynamo.Contention`.
    """

    def told(cancelled: Registration) -> dict[str, Action]:
        mail = new_notifications.turned_down(event, cancelled, word=word, now=now)
        return {"notification": store.notifications.schedule_action(mail, now)}

    return registry.withdraw(
        store,
        person.event_id,
        person.registration_id,
        now=now,
        account=event.account,
        removed=True,
        only_pending=True,
        told=told,
        also=also,
    )
