"""Coming back: whoever withdrew takes up their registration again, and is invited anew by the ordinary decision.

Whoever withdraws on their page, or through the API, gives their seats back at once: they saw what would happen. One
click in a mail program (RFC 8058) may also be made by a program that follows links, or by whoever the mail was
forwarded to; so the seats of that registration are kept for :data:`HELD`, and whoever comes back by then has them,
however full the event is. After that they go to the waitlist. A place on the waitlist needs no keeping: it is named by
the registration, and has the same rank again.

Where the organizer decides who comes, whoever comes back to seats that are kept has been decided about; anybody else
who withdrew is pending again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ..decision.attendance import asked, with_reply
from ..decision.decide import CHANGE, URGENT, participation
from ..decision.invitation import Invitation
from ..model import AnswerChannel, Event, Participation, ReceivedReply, Registration, RegistrationStatus
from ..schedule import series
from ..store.external_ids import EXTERNAL_ID
from ..store.limits import Charge
from ..store.outbox import placed
from ..store.store import Store
from ..store.writes import Action, rounds
from ..webhooks.events import WebhookEventType
from . import approval, seats
from .registry import ACTIVE, Obstacle, TooMany, charge_actions, read, too_many
from .replies import cleared_reply, register_again, shown_on_their_page

HELD = timedelta(hours=24)
"""For how long the seats of somebody who withdrew by one click are kept."""


def come_back(
    store: Store, event_id: str, registration_id: str, *, now: datetime, charge: Charge | None = None
) -> Registration | Obstacle | TooMany:
    """Take up a cancelled registration again, in the seats that are kept for it, in free ones, on the waitlist, or as
    pending; or one that was declined (:func:`replies.register_again`).

    ``charge`` is what this counts for. Returns the registration as it is stored then; nothing is written of one that is
    active already. Returns ``Obstacle.ABSENT``; ``INACTIVE`` of who was erased, or is to be; ``REMOVED`` by the row
    that they follow; ``CLOSED`` or ``NOT_YET``; ``TAKEN`` and ``REPLACED`` where another registration has the
    address or the external id meanwhile; or :class:`TooMany`. Raises :class:`dynamo.Contention`.
    """
    for conflicts in rounds():
        seen, event = read(store, event_id, registration_id), store.reads.event(event_id)
        if seen is None or event is None:
            return Obstacle.ABSENT
        person, invitation = seen
        if person.status is RegistrationStatus.DECLINED:
            return register_again(store, event_id, registration_id, now=now, charge=charge, by_page=True)
        if person.status is RegistrationStatus.ERASED:
            return Obstacle.INACTIVE
        if person.removed:
            return Obstacle.REMOVED
        if person.status in ACTIVE:
            return person
        place = _place(store, event, person, conflicts, now)
        if place is None:
            return Obstacle.NOT_YET if store.events.transferring(event_id) else Obstacle.CLOSED
        changed, history, repair = _without_declining(store, event, person, invitation, now)
        changed = replace(changed, status=place.status, version=person.version + 1, updated_at=now, held_until=None)
        # Whoever gets no seat still has to be sent the cancellation, if it has not left yet.
        priority = CHANGE if changed.status is RegistrationStatus.REGISTERED else URGENT
        actions = {
            "registration": store.registrations.change_action(person, changed),
            "lock": store.registrations.lock_action(changed),
            **store.external_ids.actions(None, changed),
            **_not_to_be_erased(store, person),
            **place.actions,
            **history,
            "invitation": store.invitations.wake_up_action(
                invitation, priority, now, repair=repair, wait_mail=shown_on_their_page(changed, invitation)
            ),
            "survey": store.surveys.soon_action(event_id, now),
            **store.outbox.event_actions(event.account, placed(WebhookEventType.REGISTRATION_CHANGED, changed), now),
            **approval.organizer_actions(store, event, changed, now),
        }
        refused = store.attempt({**actions, **charge_actions(store, charge)})
        if not refused:
            return changed
        if "erasure" in refused:
            return Obstacle.INACTIVE
        if "registration" in refused:
            continue  # somebody else was first, and may have the lock for this very registration
        if "lock" in refused:
            return Obstacle.TAKEN
        if EXTERNAL_ID in refused:
            return Obstacle.REPLACED
        if (wait := too_many(refused, charge)) is not None:
            return wait
    raise AssertionError  # rounds() ends with Contention


def _place(store: Store, event: Event, person: Registration, conflicts: int, now: datetime) -> seats.Place | None:
    """The seats that are kept for the person, or what there is for anybody; ``None`` where the event is closed."""
    event_id, registration_id = person.event_id, person.registration_id
    hold = store.seats.hold(event_id, registration_id)
    if hold is None and event.approval:
        return seats.ask(store, event_id, registration_id, conflicts=conflicts, now=now)
    if hold is None:
        return seats.take(store, event_id, registration_id, count=person.seats, conflicts=conflicts, now=now)
    if not store.reads.seats(event_id).open:
        return None
    return seats.Place(status=RegistrationStatus.REGISTERED, actions=store.seats.take_held_actions(hold))


def _without_declining(
    store: Store, event: Event, person: Registration, invitation: Invitation, now: datetime
) -> tuple[Registration, dict[str, Action], bool]:
    """The person without their latest answer, where they had declined: coming back withdraws that. With the actions for
    the history, and whether the latest message is to be sent again under a new SEQUENCE, since a calendar program may
    have removed an entry that was declined.
    """
    if participation(person, invitation) is not Participation.DECLINED:
        return person, {}, False
    reply = cleared_reply(person, invitation, now)
    received = ReceivedReply(reply=reply, channel=AnswerChannel.WEB, at=now)
    kept = store.answers.stored_keys(person.registration_id)
    history = store.answers.history_actions(person.registration_id, received, kept, series.ends_at(event))
    acknowledged = invitation.acknowledged
    return (
        with_reply(person, reply, asked(invitation)),
        history,
        acknowledged is not None and not acknowledged.calendar_state.gone,
    )


def _not_to_be_erased(store: Store, person: Registration) -> dict[str, Action]:
    """The action that makes a transaction fail where the person is to be erased: nobody is erased who comes."""
    return {"erasure": store.registrations.not_to_be_erased_check(person)}


def end_hold(store: Store, event_id: str, registration_id: str, *, now: datetime, early: bool = False) -> bool:
    """Release the seats that are kept for a registration, once their time is over at ``now`` (UTC), or ``early``.

    Returns whether there were any; then the waitlist is due. Raises :class:`dynamo.Contention`.
    """
    for _ in rounds():
        hold = store.seats.hold(event_id, registration_id)
        if hold is None:
            return False
        anybody_waits = store.reads.seats(event_id).queued
        actions = store.seats.release_held_actions(hold, now, anybody_waits=anybody_waits, early=early)
        refused = store.attempt(actions)
        if not refused:
            return True
        if "hold" in refused:
            return False  # somebody came back, or its time is not over
    raise AssertionError  # rounds() ends with Contention
