"""Writes of the API to registrations: register, withdraw, change, and ask for the latest message again.

Each is one transaction of the registration, the lock on its address, its seat or place on the waitlist, its invitation,
which becomes due, and the webhook event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from ..decision.decide import CHANGE, INVITATION, URGENT, Snapshot, calendar_state_of
from ..decision.invitation import Hold, Invitation, Mailed, WaitMail, WaitMailed
from ..decision.limits import UNCOUNTED
from ..decision.waiting import NOT_REACHED
from ..mail.notifications import Notification
from ..model import Method, Registration, RegistrationStatus, folded, frozen
from ..store import dynamo, keys
from ..store.dynamo import Item
from ..store.external_ids import EXTERNAL_ID, require_free
from ..store.limits import Charge
from ..store.outbox import about_registration, placed
from ..store.store import Store
from ..store.writes import NOTHING_ELSE, Action, rounds
from ..webhooks.events import WebhookEventType
from . import seats

ACTIVE = (RegistrationStatus.PENDING, RegistrationStatus.REGISTERED, RegistrationStatus.WAITLISTED)
"""The statuses of whoever comes, or may come yet: they can be changed."""
STANDING = (*ACTIVE, RegistrationStatus.DECLINED)
"""The statuses in which a registration keeps its address locked: whoever declined may register again."""

CROWDED_ROUNDS = 12
"""How often a registration is tried that meets others for the same event: for some three seconds."""


class Obstacle(StrEnum):
    """Why nothing was written. The values are shown to the caller of the API."""

    ABSENT = "there is no such registration"
    CLOSED = "the event takes no registrations"
    NOT_YET = "registrations are still being copied from the series that this was part of: try again in a minute"
    TAKEN = "that address is registered already"
    INACTIVE = "the registration is not active any more"
    NEVER_SENT = "nothing was ever sent"
    FULL = "there are not so many seats free"
    STOPPED = "the address may not be mailed"
    REPLACED = "another registration has its external id now"
    NOT_PENDING = "the registration does not wait for a decision"
    REMOVED = "the row that it follows is gone, or says that they do not come"


@frozen
class TooMany:
    """Nothing was written, since a limit of mails is reached ``until`` then (UTC)."""

    until: datetime


def charge_actions(store: Store, *charges: Charge | None) -> dict[str, Action]:
    """The actions, by their names, that count the mails which a request causes; each fails where it exceeds a limit."""
    return {
        f"limit {number}": charge.action(store.settings) for number, charge in enumerate(charges) if charge is not None
    }


def too_many(refused: Mapping[str, Item | None], *charges: Charge | None) -> TooMany | None:
    """Until when a request has to wait, of whose actions these were ``refused``; ``None``: not for a limit."""
    names = {f"limit {number}": charge for number, charge in enumerate(charges) if charge is not None}
    waits = [charge.until(refused[name]) for name, charge in names.items() if name in refused]
    return TooMany(until=max(waits)) if waits else None


def read(store: Store, event_id: str, registration_id: str) -> tuple[Registration, Invitation] | None:
    """A registration and its invitation, which is read first; ``None`` where one of them does not exist."""
    invitation = store.reads.invitation(event_id, registration_id)
    person = store.reads.registration(event_id, registration_id)
    return None if person is None or invitation is None else (person, invitation)


def read_snapshot(store: Store, event_id: str, registration_id: str) -> Snapshot | None:
    """A registration with its invitation and its event, or ``None`` where one of them does not exist."""
    seen, event = read(store, event_id, registration_id), store.reads.event(event_id)
    return None if seen is None or event is None else Snapshot(registration=seen[0], invitation=seen[1], event=event)


# --- registering --------------------------------------------------------------------------------------------------


def register(
    store: Store,
    registration: Registration,
    *,
    now: datetime,
    account: str = "",
    charge: Charge | None = None,
    mail: Notification | None = None,
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> Registration | Obstacle | TooMany:
    """Store ``registration`` with a seat for the person and each guest, or on the waitlist where not so many are free;
    or as pending, if that is its status.

    ``account`` is the one whose webhooks get an event; ``charge`` is what the registration counts for; ``mail`` is
    sent beside the invitation, and says whether they wait; ``also`` are actions for the same transaction. Returns the
    registration as stored; or, unchanged, the existing one with the same address; or ``Obstacle.CLOSED`` or
    ``NOT_YET``; or :class:`TooMany`. Raises :class:`dynamo.Contention`.
    """
    event_id, conflicts = registration.event_id, 0
    also = {**charge_actions(store, charge), **also}
    for _ in range(CROWDED_ROUNDS):
        try:
            place = seats.place(store, registration, conflicts=conflicts, now=now)
            if place is None:
                return Obstacle.NOT_YET if store.events.transferring(event_id) else Obstacle.CLOSED
            person = replace(registration, status=place.status)
            happened = placed(WebhookEventType.REGISTRATION_CREATED, person)
            webhook_events = store.outbox.event_actions(account, happened, now)
            own = registration_actions(store, person, now, account=account, mail=mail)
            refused = store.attempt({**own, **place.actions, **webhook_events, **also}, attempts=1)
        except dynamo.Contention:
            conflicts += 1
            dynamo.pause(conflicts)
            continue
        if not refused:
            return person
        lock = refused.get("lock")
        if lock is not None:
            existing = store.reads.registration(event_id, lock["registration_id"])
            # Otherwise it was withdrawn, or given another address, meanwhile, and the loop continues.
            if existing is not None and existing.status in STANDING and folded(existing.email) == folded(person.email):
                return existing
        elif EXTERNAL_ID in refused:
            require_free(refused, "registration_id")
        elif (wait := too_many(refused, charge)) is not None:
            return wait
    raise dynamo.Contention(f"{CROWDED_ROUNDS} rounds met other writers")


def registration_actions(
    store: Store,
    person: Registration,
    now: datetime,
    *,
    account: str,
    transferred: bool = False,
    wait_mail: WaitMailed | None = None,
    mail: Notification | None = None,
) -> dict[str, Action]:
    """The actions that store ``person`` as a new registration, without its seat or its place on the waitlist.

    ``account`` is that of the event. ``transferred``: it is copied after a split; ``wait_mail`` is the last one to
    the registration that it is copied from. ``mail``, which says that they wait, is scheduled if they do.
    """
    comes = person.status is RegistrationStatus.REGISTERED
    # Who comes is informed by their invitation.
    scheduled = {} if mail is None or comes else {"notification": store.notifications.schedule_action(mail, now)}
    invitation = Invitation(
        event_id=person.event_id,
        registration_id=person.registration_id,
        wakeups=1,
        # A registration counts for its first mails; a copy was not counted, so that each of its mails is.
        mailed=Mailed().plus(now, UNCOUNTED) if transferred else Mailed(),
        wait_mail=wait_mail if mail is None else WaitMailed(mail=WaitMail.NOTHING),
        # Who waits is sent no invitation; but the wait mail that they were sent may not be true of this event.
        due_key=first_due_key(now) if comes or wait_mail is not None else None,
    )
    return {
        "lock": store.registrations.lock_action(person),
        "registration": store.registrations.new_action(person, account),
        **store.external_ids.actions(None, person),
        "invitation": store.invitations.new_action(invitation),
        **scheduled,
    }


def first_due_key(now: datetime) -> str | None:
    """When a new registration is invited: at once."""
    return keys.due_key(INVITATION, now)


def give_back_actions(store: Store, person: Registration) -> dict[str, Action]:
    """The actions by which another registration may have the address and the external id of this one."""
    unlock = {"lock": store.registrations.unlock_action(person)}
    return unlock | store.external_ids.actions(person, None)


# --- withdrawing --------------------------------------------------------------------------------------------------


def withdraw(
    store: Store,
    event_id: str,
    registration_id: str,
    *,
    now: datetime,
    account: str = "",
    sends: bool = True,
    held_until: datetime | None = None,
    removed: bool = False,
    only_pending: bool = False,
    told: Callable[[Registration], Mapping[str, Action]] = lambda _: NOTHING_ELSE,
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> Registration | Obstacle:
    """Cancel the registration, and return it as it is stored then.

    ``account`` is the one whose webhooks get an event. ``sends`` is whether the attendee is sent a cancellation: not
    about an event that is over. Its seats are kept until ``held_until`` (UTC), or released at once where that is
    ``None``; see :mod:`returning`. ``removed`` is as in :class:`Registration`. ``told`` makes actions of the
    registration as it is cancelled, whose address may have changed meanwhile. One that was cancelled before is
    returned unchanged, and neither these nor ``also`` are written. ``only_pending``: the organizer turns them down.
    Returns ``Obstacle.ABSENT`` where there is none, and with ``only_pending`` ``NOT_PENDING`` where it is not. Raises
    :class:`dynamo.Contention`.
    """
    for _ in rounds():
        seen = read(store, event_id, registration_id)
        if seen is None:
            return Obstacle.ABSENT
        person, invitation = seen
        if only_pending and person.status is not RegistrationStatus.PENDING:
            return Obstacle.NOT_PENDING
        if person.status not in STANDING:
            return person
        cancelled = replace(
            person,
            status=RegistrationStatus.CANCELLED,
            version=person.version + 1,
            updated_at=now,
            held_until=held_until if person.status is RegistrationStatus.REGISTERED else None,
            removed=removed,
            left_at=now if person.status in ACTIVE else person.left_at,
            turned_down_at=now if only_pending else person.turned_down_at,
        )
        happened = {WebhookEventType.REGISTRATION_CANCELLED: about_registration(cancelled)}
        actions = {
            **_cancel_actions(store, person, cancelled, now),
            **(_notice_actions(store, invitation, now) if sends else {}),
            **store.outbox.event_actions(account, happened, now),
            **told(cancelled),
        }
        if not store.attempt({**actions, **also}):
            return cancelled
    raise AssertionError  # rounds() ends with Contention


def _cancel_actions(store: Store, person: Registration, cancelled: Registration, now: datetime) -> dict[str, Action]:
    actions = {
        "registration": store.registrations.change_action(person, cancelled),
        **give_back_actions(store, person),
    }
    if cancelled.held_until is not None:
        ids = {"event_id": person.event_id, "registration_id": person.registration_id}
        return actions | store.seats.hold_actions(Hold(**ids, seats=person.seats, until=cancelled.held_until))
    return actions | seats.release_actions(store, person, now)


def _notice_actions(store: Store, invitation: Invitation, now: datetime) -> dict[str, Action]:
    """The actions that have a cancellation sent, and the event surveyed where anything was to be mailed to them."""
    actions = {"invitation": store.invitations.wake_up_action(invitation, URGENT, now)}
    if invitation.intent is not None or invitation.wait_mail is not None:
        actions["survey"] = store.surveys.soon_action(invitation.event_id, now)
    return actions


# --- changing -----------------------------------------------------------------------------------------------------


def change_registration(
    store: Store,
    event_id: str,
    registration_id: str,
    *,
    changes: Mapping[str, Any],
    priority: int,
    now: datetime,
    account: str = "",
    charge: Charge | None = None,
    links: int | None = None,
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> Registration | Obstacle | TooMany:
    """Change some of ``name``, ``email``, ``language``, ``external_id``, ``metadata``, ``guests``, ``responses``,
    ``occurrences`` and ``named``; the lock moves with the address, and the personal links of before are void. More
    guests take seats that are free, fewer release theirs; who waits keeps their place, and who is pending is.

    ``named`` is the number of earlier schedules by which the occurrences are named. ``charge`` is what a new address
    counts for. ``links``, if given, is the counter that the registration must have: with another one it is
    ``INACTIVE``. ``also`` are actions for the same transaction, which are written where nothing changes, too. Returns
    the registration as stored, ``Obstacle.TAKEN`` where the address is registered already, ``FULL`` where not so many
    seats are free or others wait for them, ``ABSENT`` or ``INACTIVE``, or :class:`TooMany`. Raises
    :class:`dynamo.Contention` and :class:`external_ids.Taken`.
    """
    for conflicts in rounds():
        seen = read(store, event_id, registration_id)
        if seen is None:
            return Obstacle.ABSENT
        person, invitation = seen
        if person.status not in ACTIVE or links not in (None, person.links):
            return Obstacle.INACTIVE
        changed = replace(person, **changes)
        if changed == person:
            store.requests.keep(also)
            return person
        changed = _with_new_links(person, replace(changed, version=person.version + 1, updated_at=now))
        happened = {WebhookEventType.REGISTRATION_CHANGED: about_registration(changed)}
        seat_actions = _other_seats_actions(store, person, changed, conflicts, now)
        if seat_actions is None:
            return Obstacle.FULL
        actions = {
            **seat_actions,
            "registration": store.registrations.change_action(
                person, changed, person=keys.person(account, changed.email)
            ),
            **store.external_ids.actions(person, changed),
            **store.outbox.event_actions(account, happened, now),
        }
        if changed.email != person.email or changed.occurrences != person.occurrences:
            actions["invitation"] = _informing_action(store, invitation, person, changed, priority, now)
            actions["survey"] = store.surveys.soon_action(event_id, now)
        if folded(changed.email) != folded(person.email):
            actions["lock"] = store.registrations.lock_action(changed)
            actions["unlock"] = store.registrations.unlock_action(person)
            actions |= charge_actions(store, charge)
        refused = store.attempt({**actions, **also})
        if not refused:
            return changed
        if "lock" in refused:
            return Obstacle.TAKEN
        if (wait := too_many(refused, charge)) is not None:
            return wait
        require_free(refused, "registration_id")
    raise AssertionError  # rounds() ends with Contention


def _with_new_links(person: Registration, changed: Registration) -> Registration:
    """``changed`` with the links of ``person`` void, if it has another address: whoever reads mail to the former one
    must not open the registration any more, even when it gets that address back.
    """
    if folded(changed.email) == folded(person.email):
        return changed
    return replace(changed, links=person.links + 1)


def _informing_action(
    store: Store, invitation: Invitation, person: Registration, changed: Registration, priority: int, now: datetime
) -> Action:
    """The action that has somebody sent what has changed. To who comes, knows so, and has another address or other
    dates, nothing counts as mailed until they are invited there, so that a cancellation that comes before is mailed.
    """
    known, comes = calendar_state_of(invitation), changed.status is RegistrationStatus.REGISTERED
    elsewhere, chosen = folded(changed.email) != folded(person.email), changed.occurrences != person.occurrences
    shown = known is not None and not known.gone
    # Where their calendar shows nothing, they know by what was mailed, or by a CANCEL that may not have reached them.
    lost = known is not None and known.gone and (chosen or invitation.state in NOT_REACHED)
    informed = comes and (invitation.wait_mail is not None or (elsewhere and shown) or lost)
    anew = elsewhere or (informed and chosen)
    nothing = WaitMailed(mail=WaitMail.NOTHING) if informed and anew else None
    return store.invitations.wake_up_action(invitation, priority, now, wait_mail=nothing, unsent=anew)


def _other_seats_actions(
    store: Store, person: Registration, changed: Registration, conflicts: int, now: datetime
) -> dict[str, Action] | None:
    """The actions that take or release the seats by which ``changed`` differs from ``person``; ``None`` where they
    cannot be taken. Nobody gets further seats before those who wait.
    """
    more = changed.seats - person.seats
    if more == 0 or person.status is not RegistrationStatus.REGISTERED:
        return {}
    if more < 0:
        return seats.some_released_actions(store, person.event_id, -more, now)
    place = seats.take(store, person.event_id, person.registration_id, count=more, conflicts=conflicts, now=now)
    if place is None or place.status is not RegistrationStatus.REGISTERED:
        return None
    return place.actions


def swap_addresses(
    store: Store,
    people: Sequence[Registration],
    changes: Sequence[Mapping[str, Any]],
    *,
    priority: int,
    now: datetime,
    account: str,
    also: Mapping[str, Action],
) -> bool:
    """Change two or more active registrations of one event, of which each gets the address that the one before has, the
    first that of the last, with the actions ``also``. False: somebody else was first, or one of them is not active.
    """
    actions = {"survey": store.surveys.soon_action(people[0].event_id, now)}
    for person, other, given in zip(people, (people[-1], *people), changes, strict=False):
        invitation = store.reads.invitation(person.event_id, person.registration_id)
        if invitation is None or person.status not in ACTIVE:
            return False
        changed = _with_new_links(person, replace(person, **given, version=person.version + 1, updated_at=now))
        happened = {WebhookEventType.REGISTRATION_CHANGED: about_registration(changed)}
        one = {
            "registration": store.registrations.change_action(
                person, changed, person=keys.person(account, changed.email)
            ),
            "invitation": _informing_action(store, invitation, person, changed, priority, now),
            "lock": store.registrations.relock_action(changed, other.registration_id),
            **store.outbox.event_actions(account, happened, now),
        }
        actions |= {f"{name} of {person.registration_id}": action for name, action in one.items()}
    return not store.attempt({**actions, **also})


def resend(
    store: Store,
    event_id: str,
    registration_id: str,
    *,
    now: datetime,
    charges: tuple[Charge, ...] = (),
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> Obstacle | TooMany | None:
    """Ask for the latest message once more; it is sent by the ordinary delivery. Returns why not, where it cannot be.

    A message that was given up can be asked for, too. Raises :class:`dynamo.Contention`.
    """
    for _ in rounds():
        seen = read(store, event_id, registration_id)
        if seen is None:
            return Obstacle.ABSENT
        person, invitation = seen
        if person.status in (RegistrationStatus.DECLINED, RegistrationStatus.ERASED):
            return Obstacle.INACTIVE
        latest = invitation.unacknowledged or invitation.acknowledged
        # A message that was given up was never sent, and may be asked for all the same.
        if latest is None or (
            invitation.highest_possibly_sent is None and not (invitation.given_up or invitation.tried_anew)
        ):
            return Obstacle.NEVER_SENT
        if invitation.stop_of(person.email) is not None:
            return Obstacle.STOPPED
        priority = URGENT if latest.calendar_state.method is Method.CANCEL else CHANGE
        asked = {"invitation": store.invitations.wake_up_action(invitation, priority, now, resend=True)}
        refused = store.attempt({**asked, **charge_actions(store, *charges), **also})
        if "invitation" not in refused:
            return too_many(refused, *charges)
    raise AssertionError  # rounds() ends with Contention
