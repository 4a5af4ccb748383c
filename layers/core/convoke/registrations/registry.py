"""Writes of the API to registrations: register, withdraw, change, and ask for the latest message again.

Each is one transaction of the registration, the lock on its address, its seat or place on the waitlist, its invitation,
which becomes due, and the webhook event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from ..decision.invitation import Invitation, Seats
from ..model import Method, Registration, RegistrationStatus, folded
from ..store import codec, keys
from ..store.outbox import registration_data
from ..store.store import Store
from ..store.writes import NOTHING_ELSE, Action, rounds
from ..webhooks.events import WebhookEventType
from . import seats

ACTIVE = (RegistrationStatus.REGISTERED, RegistrationStatus.WAITLISTED)
STANDING = (*ACTIVE, RegistrationStatus.DECLINED)
"""The statuses in which a registration keeps its address locked: whoever declined may register again."""


class Obstacle(StrEnum):
    """Why nothing was written. The values are shown to the caller of the API."""

    ABSENT = "there is no such registration"
    CLOSED = "the event takes no registrations"
    NOT_YET = "registrations are still being copied from the series that this was part of: try again in a minute"
    TAKEN = "that address is registered already"
    INACTIVE = "the registration is not active any more"
    NEVER_SENT = "nothing was ever sent"
    STOPPED = "the address may not be mailed"


def read(store: Store, event_id: str, registration_id: str) -> tuple[Registration, Invitation] | None:
    """A registration and its invitation, which is read first; ``None`` where one of them does not exist."""
    invitation = store.reads.invitation(event_id, registration_id)
    person = store.reads.registration(event_id, registration_id)
    return None if person is None or invitation is None else (person, invitation)


# --- registering --------------------------------------------------------------------------------------------------


def register(
    store: Store,
    registration: Registration,
    *,
    now: datetime,
    account: str = "",
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> Registration | Obstacle:
    """Store ``registration`` with a seat, or on the waitlist where none is free.

    ``account`` is the one whose webhooks get an event; ``also`` are actions for the same transaction. Returns the
    registration as stored; or, unchanged, the existing one with the same address; or ``Obstacle.CLOSED`` or
    ``NOT_YET``. Raises :class:`dynamo.Contention`.
    """
    person = replace(registration, status=RegistrationStatus.REGISTERED)
    for _ in rounds():
        what, data = WebhookEventType.REGISTRATION_CREATED, registration_data(person)
        event_action = store.outbox.event_actions(account, what, data, now)
        refused = store.attempt({**registration_actions(store, person, now), **event_action, **also})
        if not refused:
            return person
        lock, found = refused.get("lock"), refused.get("seats")
        if lock is not None:
            existing = store.reads.registration(person.event_id, lock["registration_id"])
            # Otherwise it was withdrawn, or given another address, meanwhile, and the loop continues.
            if existing is not None and existing.status in STANDING and folded(existing.email) == folded(person.email):
                return existing
        elif found is None or not found["open"]:
            return Obstacle.NOT_YET if store.events.transferring(person.event_id) else Obstacle.CLOSED
        else:
            person = replace(person, status=seats.available_status(codec.read(Seats, found)))
    raise AssertionError  # rounds() ends with Contention


def registration_actions(
    store: Store, person: Registration, now: datetime, *, transferred: bool = False
) -> dict[str, Action]:
    """The actions that store ``person`` as a new registration, with a seat or, by its status, on the waitlist.

    ``transferred``: it is copied after a split, so its seat or place does not depend on what is free.
    """
    waits = person.status is RegistrationStatus.WAITLISTED
    invitation = Invitation(
        event_id=person.event_id,
        registration_id=person.registration_id,
        wakeups=1,
        due_key=None if waits else first_due_key(now),  # nothing is sent to people on the waitlist
    )
    ids = person.event_id, person.registration_id
    return {
        "lock": store.registrations.lock_action(person),
        "registration": store.registrations.new_action(person),
        "invitation": store.invitations.new_action(invitation),
        **store.seats.take_actions(*ids, waits=waits, transferred=transferred),
    }


def first_due_key(now: datetime) -> str | None:
    """When a new registration is invited: at once."""
    return keys.due_key(2, now)


# --- withdrawing --------------------------------------------------------------------------------------------------


def withdraw(
    store: Store,
    event_id: str,
    registration_id: str,
    *,
    now: datetime,
    account: str = "",
    sends: bool = True,
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> Registration | Obstacle:
    """Cancel the registration, and return it as it is stored then.

    ``account`` is the one whose webhooks get an event. ``sends`` is whether the attendee is sent a cancellation: not
    about an event that is over. One that was cancelled before is returned unchanged, and ``also`` is not written.
    Returns ``Obstacle.ABSENT`` where there is none. Raises :class:`dynamo.Contention`.
    """
    for _ in rounds():
        seen = read(store, event_id, registration_id)
        if seen is None:
            return Obstacle.ABSENT
        person, invitation = seen
        if person.status not in STANDING:
            return person
        cancelled = replace(person, status=RegistrationStatus.CANCELLED, version=person.version + 1, updated_at=now)
        what, data = WebhookEventType.REGISTRATION_CANCELLED, registration_data(cancelled)
        actions = {
            **_cancel_actions(store, person, cancelled, now),
            **(_notice_actions(store, invitation, now) if sends else {}),
            **store.outbox.event_actions(account, what, data, now),
        }
        if not store.attempt({**actions, **also}):
            return cancelled
    raise AssertionError  # rounds() ends with Contention


def _cancel_actions(store: Store, person: Registration, cancelled: Registration, now: datetime) -> dict[str, Action]:
    actions = {
        "registration": store.registrations.change_action(person, cancelled, "status"),
        "lock": store.registrations.unlock_action(person),
    }
    if person.status is RegistrationStatus.DECLINED:
        return actions  # the seat was released when they declined
    waits = person.status is RegistrationStatus.WAITLISTED
    return actions | seats.release_actions(store, person.event_id, person.registration_id, now, waits=waits)


def _notice_actions(store: Store, invitation: Invitation, now: datetime) -> dict[str, Action]:
    """The actions that have a cancellation sent, and the event surveyed where there is one to be sent."""
    actions = {"invitation": store.invitations.wake_up_action(invitation, 0, now)}
    if invitation.highest_possibly_sent is not None:
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
) -> Registration | Obstacle:
    """Change some of ``name``, ``email``, ``language``, ``occurrences`` and ``named``; the lock moves with the address.

    ``named`` is the number of earlier schedules by which the occurrences are named. Returns the registration as stored,
    ``Obstacle.TAKEN`` where the address is registered already, ``ABSENT`` or ``INACTIVE``. Raises
    :class:`dynamo.Contention`.
    """
    for _ in rounds():
        seen = read(store, event_id, registration_id)
        if seen is None:
            return Obstacle.ABSENT
        person, invitation = seen
        if person.status not in ACTIVE:
            return Obstacle.INACTIVE
        changed = replace(person, **changes)
        if changed == person:
            return person
        changed = replace(changed, version=person.version + 1, updated_at=now)
        what, data = WebhookEventType.REGISTRATION_CHANGED, registration_data(changed)
        actions = {
            "registration": store.registrations.change_action(person, changed, *_CHANGEABLE),
            **store.outbox.event_actions(account, what, data, now),
        }
        if changed.email != person.email or changed.occurrences != person.occurrences:
            actions["invitation"] = store.invitations.wake_up_action(invitation, priority, now)
            actions["survey"] = store.surveys.soon_action(event_id, now)
        if folded(changed.email) != folded(person.email):
            actions["lock"] = store.registrations.lock_action(changed)
            actions["unlock"] = store.registrations.unlock_action(person)
        refused = store.attempt(actions)
        if not refused:
            return changed
        if "lock" in refused:
            return Obstacle.TAKEN
    raise AssertionError  # rounds() ends with Contention


_CHANGEABLE = ("name", "email", "language", "occurrences", "named")


def resend(
    store: Store, event_id: str, registration_id: str, *, now: datetime, also: Mapping[str, Action] = NOTHING_ELSE
) -> Obstacle | None:
    """Ask for the latest message once more; it is sent by the ordinary delivery. Returns why not, where it cannot be.

    A message that was given up can be asked for, too.
    """
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
    priority = 0 if latest.calendar_state.method is Method.CANCEL else 1
    store.attempt({"invitation": store.invitations.wake_up_action(invitation, priority, now, resend=True), **also})
    return None
