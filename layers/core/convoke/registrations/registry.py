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

from ..decision.invitation import Invitation
from ..model import Method, Registration, RegistrationStatus, folded
from ..settings import Settings
from ..store import attention, dynamo, items, keys, outbox
from ..store.reads import Reads
from ..store.writes import (
    NEW,
    NOTHING_ELSE,
    ROUNDS,
    Action,
    attempt,
    delete,
    put,
    update,
)
from ..webhooks.events import WebhookEventType
from . import seats

ACTIVE = (RegistrationStatus.REGISTERED, RegistrationStatus.WAITLISTED)
STANDING = (*ACTIVE, RegistrationStatus.DECLINED)
"""The statuses in which a registration keeps its address locked: whoever declined may register again."""

CROWDED_ROUNDS = 12
"""How often a registration is tried that meets others for the same event: for some three seconds."""

# The lock belongs to this registration, not to a later one with the same address.
LOCK_IS_MINE = "#registration_id = :registration_id"
# Nobody changed the registration since it was read.
STILL_THE_VERSION_SEEN = "#version = :seen"


class Obstacle(StrEnum):
    """Why nothing was written. The values are shown to the caller of the API."""

    ABSENT = "there is no such registration"
    CLOSED = "the event takes no registrations"
    NOT_YET = "registrations are still being copied from the series that this was part of: try again in a minute"
    TAKEN = "that address is registered already"
    INACTIVE = "the registration is not active any more"
    NEVER_SENT = "nothing was ever sent"
    STOPPED = "the address may not be mailed"


# --- registering --------------------------------------------------------------------------------------------------


def register(
    client: Any,
    settings: Settings,
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
    event_id, registration_id, conflicts = registration.event_id, registration.registration_id, 0
    for _ in range(CROWDED_ROUNDS):
        try:
            place = seats.take(client, settings, event_id, registration_id, conflicts=conflicts, now=now)
            if place is None:
                transfer = dynamo.get(client, settings.invitations_table, keys.split_transfer(event_id))
                return Obstacle.NOT_YET if transfer is not None else Obstacle.CLOSED
            person = replace(registration, status=place.status)
            event_action = outbox.event_actions(
                client, settings, account, WebhookEventType.REGISTRATION_CREATED, outbox.registration_data(person), now
            )
            actions = {**registration_actions(settings, person, now), **place.actions, **event_action, **also}
            refused = attempt(client, actions, attempts=1)
        except dynamo.Contention:
            conflicts += 1
            dynamo.pause(conflicts)
            continue
        if not refused:
            return person
        lock = refused.get("lock")
        if lock is not None:
            existing = Reads(client, settings).registration(event_id, lock["registration_id"])
            # Otherwise it was withdrawn, or given another address, meanwhile, and the loop continues.
            if existing is not None and existing.status in STANDING and folded(existing.email) == folded(person.email):
                return existing
    raise dynamo.Contention(f"{CROWDED_ROUNDS} rounds met other writers")


def registration_actions(settings: Settings, person: Registration, now: datetime) -> dict[str, Action]:
    """The actions that store ``person`` as a new registration, without its seat or its place on the waitlist."""
    waits = person.status is RegistrationStatus.WAITLISTED
    invitation = Invitation(
        event_id=person.event_id,
        registration_id=person.registration_id,
        wakeups=1,
        # Nothing is sent to people on the waitlist.
        due_key=None if waits else keys.due_key(2, now),
    )
    return {
        "lock": lock_action(settings, person),
        "registration": put(settings.registrations_table, items.registration_item(person), NEW),
        "invitation": put(settings.invitations_table, items.invitation_item(invitation), NEW),
    }


def lock_action(settings: Settings, person: Registration) -> Action:
    """The action that locks the address for the registration; it fails where another one has it."""
    item = {**keys.address(person.event_id, person.email), "registration_id": person.registration_id}
    return put(settings.registrations_table, item, NEW)


def unlock_action(settings: Settings, person: Registration) -> Action:
    """The action that unlocks the registration's address."""
    key = keys.address(person.event_id, person.email)
    return delete(settings.registrations_table, key, LOCK_IS_MINE, registration_id=person.registration_id)


# --- withdrawing --------------------------------------------------------------------------------------------------


def withdraw(
    client: Any,
    settings: Settings,
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
    reads = Reads(client, settings)
    for _ in range(ROUNDS):
        invitation = reads.invitation(event_id, registration_id)
        person = reads.registration(event_id, registration_id)
        if person is None or invitation is None:
            return Obstacle.ABSENT
        if person.status not in STANDING:
            return person
        cancelled = replace(person, status=RegistrationStatus.CANCELLED, version=person.version + 1, updated_at=now)
        event_action = outbox.event_actions(
            client, settings, account, WebhookEventType.REGISTRATION_CANCELLED, outbox.registration_data(cancelled), now
        )
        actions = _cancel_actions(client, settings, person, now)
        if sends:
            actions["invitation"] = wake_up_action(settings, invitation, 0, now)
            if invitation.highest_possibly_sent is not None:
                actions["survey"] = attention.survey_action(settings, event_id, now)
        if not attempt(client, {**actions, **event_action, **also}):
            return cancelled
    raise dynamo.Contention(f"{ROUNDS} rounds met other writers")


def _cancel_actions(client: Any, settings: Settings, person: Registration, now: datetime) -> dict[str, Action]:
    actions = {
        "registration": status_action(settings, person, RegistrationStatus.CANCELLED, now),
        "lock": unlock_action(settings, person),
    }
    if person.status is RegistrationStatus.DECLINED:
        return actions  # the seat was released when they declined
    waits = person.status is RegistrationStatus.WAITLISTED
    return actions | seats.release_actions(client, settings, person.event_id, person.registration_id, now, waits=waits)


def status_action(settings: Settings, person: Registration, status: RegistrationStatus, now: datetime) -> Action:
    """The action that writes the registration's new status, and nothing else of it."""
    return update(
        settings.registrations_table,
        keys.registration(person.event_id, person.registration_id),
        "SET #status = :status, #version = :version, #updated_at = :now",
        STILL_THE_VERSION_SEEN,
        status=status.value,
        version=person.version + 1,
        seen=person.version,
        now=keys.instant(now),
    )


def wake_up_action(
    settings: Settings,
    invitation: Invitation,
    priority: int,
    now: datetime,
    *,
    resend: bool = False,
    repair: bool = False,
) -> Action:
    """The action that adds a wake-up to an invitation. It becomes due after the lease of a claim, or sooner where it is
    due sooner already. ``resend`` asks for the latest message again, ``repair`` for the latest state under a new
    SEQUENCE.
    """
    free = now if invitation.lease_until is None else max(now, invitation.lease_until)
    due_key = keys.due_key(priority, free)
    return update(
        settings.invitations_table,
        keys.registration(invitation.event_id, invitation.registration_id),
        "SET #due_shard = :shard, #due_key = :due_key ADD #wakeups :one"
        + (", #resend :one" if resend else "")
        + (", #repair :one" if repair else ""),
        one=1,
        shard=keys.shard(invitation.registration_id),
        due_key=keys.keep_due_since(keys.sooner_due_key(due_key, invitation.due_key or due_key), invitation.due_key),
    )


# --- changing -----------------------------------------------------------------------------------------------------


def change_registration(
    client: Any,
    settings: Settings,
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
    reads = Reads(client, settings)
    for _ in range(ROUNDS):
        invitation = reads.invitation(event_id, registration_id)
        person = reads.registration(event_id, registration_id)
        if person is None or invitation is None:
            return Obstacle.ABSENT
        if person.status not in ACTIVE:
            return Obstacle.INACTIVE
        changed = replace(person, **changes)
        if changed == person:
            return person
        changed = replace(changed, version=person.version + 1, updated_at=now)
        event_action = outbox.event_actions(
            client, settings, account, WebhookEventType.REGISTRATION_CHANGED, outbox.registration_data(changed), now
        )
        actions = {"registration": _content_action(settings, person, changed), **event_action}
        if changed.email != person.email or changed.occurrences != person.occurrences:
            actions["invitation"] = wake_up_action(settings, invitation, priority, now)
            actions["survey"] = attention.survey_action(settings, event_id, now)
        if folded(changed.email) != folded(person.email):
            actions |= {"lock": lock_action(settings, changed), "unlock": unlock_action(settings, person)}
        refused = attempt(client, actions)
        if not refused:
            return changed
        if "lock" in refused:
            return Obstacle.TAKEN
    raise dynamo.Contention(f"{ROUNDS} rounds met other writers")


def _content_action(settings: Settings, person: Registration, changed: Registration) -> Action:
    dates = items.local_times(changed.occurrences)
    return update(
        settings.registrations_table,
        keys.registration(person.event_id, person.registration_id),
        "SET #name = :name, #email = :email, #language = :language, #version = :version, #updated_at = :now"
        + (" REMOVE #occurrences, #named" if dates is None else ", #occurrences = :occurrences, #named = :named"),
        STILL_THE_VERSION_SEEN,
        **({} if dates is None else {"occurrences": dates, "named": changed.named}),
        name=changed.name,
        email=changed.email,
        language=changed.language,
        version=changed.version,
        seen=person.version,
        now=keys.instant(changed.updated_at),
    )


def resend(
    client: Any,
    settings: Settings,
    event_id: str,
    registration_id: str,
    *,
    now: datetime,
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> Obstacle | None:
    """Ask for the latest message once more; it is sent by the ordinary delivery. Returns why not, where it cannot be.

    A message that was given up can be asked for, too.
    """
    reads = Reads(client, settings)
    invitation = reads.invitation(event_id, registration_id)
    person = reads.registration(event_id, registration_id)
    if person is None or invitation is None:
        return Obstacle.ABSENT
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
    attempt(client, {"invitation": wake_up_action(settings, invitation, priority, now, resend=True), **also})
    return None
