"""Registrations, as the API writes them: the person, the lock on their address, their seat or place in line, and the
debt to tell them, each time in one transaction.
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
"""Those whose address is theirs at this event: whoever declined may come again."""

# The lock is that of this registration, not of one that came after it.
LOCK_IS_MINE = "#registration_id = :registration_id"
# Nobody changed the registration since it was read.
STILL_THE_VERSION_SEEN = "#version = :seen"


class Obstacle(StrEnum):
    """Why a registration was left as it is."""

    ABSENT = "there is no such registration"
    CLOSED = "the event takes no registrations"
    NOT_YET = "people are still carried over from the series that this was part of: try again in a minute"
    TAKEN = "that address is registered already"
    INACTIVE = "the registration is not active any more"
    NEVER_SENT = "nothing was ever sent"
    STOPPED = "the address may not be mailed"


# --- coming -------------------------------------------------------------------------------------------------------


def register(
    client: Any,
    settings: Settings,
    registration: Registration,
    *,
    now: datetime,
    account: str = "",
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> Registration | Obstacle:
    """Register ``registration``, or put it in line; ``account`` is whose webhooks are told.

    Answers it as stored; or what stands under that address already, untouched; or CLOSED, or NOT_YET.
    """
    person = replace(registration, status=RegistrationStatus.REGISTERED)
    for _ in range(ROUNDS):
        fact = outbox.telling(
            client, settings, account, WebhookEventType.REGISTRATION_CREATED, outbox.about(person), now
        )
        refused = attempt(client, {**arrival(settings, person, now), **fact, **also})
        if not refused:
            return person
        lock, found = refused.get("lock"), refused.get("seats")
        if lock is not None:
            standing = Reads(client, settings).registration(person.event_id, lock["registration_id"])
            # Else it was withdrawn, or got another address, in between.
            if standing is not None and standing.status in STANDING and folded(standing.email) == folded(person.email):
                return standing
        elif found is None or not found["open"]:
            waits = dynamo.get(client, settings.invitations_table, keys.carry(person.event_id)) is not None
            return Obstacle.NOT_YET if waits else Obstacle.CLOSED
        else:
            person = replace(person, status=seats.place(items.seats_of(found)))
    raise dynamo.Contention(f"{ROUNDS} rounds met other writers")


def arrival(settings: Settings, person: Registration, now: datetime, *, carried: bool = False) -> dict[str, Action]:
    """The writes by which ``person`` is registered, or waits. ``carried``: to where their seat or place is kept."""
    waits = person.status is RegistrationStatus.WAITLISTED
    invitation = Invitation(
        event_id=person.event_id,
        registration_id=person.registration_id,
        wakeups=1,
        # The waiting are told nothing until there is a seat.
        due_key=None if waits else keys.owed(2, now),
    )
    return {
        "lock": locking(settings, person),
        "registration": put(settings.registrations_table, items.registration_item(person), NEW),
        "invitation": put(settings.invitations_table, items.invitation_item(invitation), NEW),
        **seats.taken(settings, person.event_id, person.registration_id, waits=waits, carried=carried),
    }


def locking(settings: Settings, person: Registration) -> Action:
    item = {**keys.address(person.event_id, person.email), "registration_id": person.registration_id}
    return put(settings.registrations_table, item, NEW)


def unlocking(settings: Settings, person: Registration) -> Action:
    key = keys.address(person.event_id, person.email)
    return delete(settings.registrations_table, key, LOCK_IS_MINE, registration_id=person.registration_id)


# --- going --------------------------------------------------------------------------------------------------------


def withdraw(
    client: Any,
    settings: Settings,
    event_id: str,
    registration_id: str,
    *,
    now: datetime,
    account: str = "",
    tells: bool = True,
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> Registration | Obstacle:
    """Cancel the registration; answers it as it stands then. ``account`` is whose webhooks are told. Of an event that
    is over there is nothing to tell the person any more: then it is not ``tells``.

    One that was cancelled before is left as it is, and ``also`` is not done.
    """
    reads = Reads(client, settings)
    for _ in range(ROUNDS):
        invitation = reads.invitation(event_id, registration_id)
        person = reads.registration(event_id, registration_id)
        if person is None or invitation is None:
            return Obstacle.ABSENT
        if person.status not in STANDING:
            return person
        gone = replace(person, status=RegistrationStatus.CANCELLED, version=person.version + 1, updated_at=now)
        fact = outbox.telling(
            client, settings, account, WebhookEventType.REGISTRATION_CANCELLED, outbox.about(gone), now
        )
        departure = _departure(client, settings, person, now)
        if tells:
            departure["invitation"] = wakeups(settings, invitation, 0, now)
            if invitation.highest_possibly_sent is not None:
                departure["survey"] = attention.watching(settings, event_id, now)
        if not attempt(client, {**departure, **fact, **also}):
            return gone
    raise dynamo.Contention(f"{ROUNDS} rounds met other writers")


def _departure(client: Any, settings: Settings, person: Registration, now: datetime) -> dict[str, Action]:
    actions = {
        "registration": mark(settings, person, RegistrationStatus.CANCELLED, now),
        "lock": unlocking(settings, person),
    }
    if person.status is RegistrationStatus.DECLINED:
        return actions  # the seat was given back before
    waits = person.status is RegistrationStatus.WAITLISTED
    return actions | seats.given_back(client, settings, person.event_id, person.registration_id, now, waits=waits)


def mark(settings: Settings, person: Registration, status: RegistrationStatus, now: datetime) -> Action:
    """The registration's new status, whatever the reply to it that may have come since."""
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


def wakeups(
    settings: Settings,
    invitation: Invitation,
    priority: int,
    now: datetime,
    *,
    resend: bool = False,
    repair: bool = False,
) -> Action:
    """One more reason to look at the attendee: once nobody writes to them, or sooner where that was owed already."""
    free = now if invitation.lease_until is None else max(now, invitation.lease_until)
    due_key = keys.owed(priority, free)
    return update(
        settings.invitations_table,
        keys.registration(invitation.event_id, invitation.registration_id),
        "SET #due_shard = :shard, #due_key = :owed ADD #wakeups :one"
        + (", #resend :one" if resend else "")
        + (", #repair :one" if repair else ""),
        one=1,
        shard=keys.shard(invitation.registration_id),
        owed=keys.still_due(keys.sooner(due_key, invitation.due_key or due_key), invitation.due_key),
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
    """Give the registration another ``name``, ``email`` or ``language``, or other ``occurrences`` and how they are
    ``named``. The lock moves with the address.
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
        fact = outbox.telling(
            client, settings, account, WebhookEventType.REGISTRATION_CHANGED, outbox.about(changed), now
        )
        actions = {"registration": _content(settings, person, changed), **fact}
        if changed.email != person.email or changed.occurrences != person.occurrences:
            actions["invitation"] = wakeups(settings, invitation, priority, now)
            actions["survey"] = attention.watching(settings, event_id, now)
        if folded(changed.email) != folded(person.email):
            actions |= {"lock": locking(settings, changed), "unlock": unlocking(settings, person)}
        refused = attempt(client, actions)
        if not refused:
            return changed
        if "lock" in refused:
            return Obstacle.TAKEN
    raise dynamo.Contention(f"{ROUNDS} rounds met other writers")


def _content(settings: Settings, person: Registration, changed: Registration) -> Action:
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
    """Ask for the latest message once more, through the ordinary delivery: also for one that was given up."""
    reads = Reads(client, settings)
    invitation = reads.invitation(event_id, registration_id)
    person = reads.registration(event_id, registration_id)
    if person is None or invitation is None:
        return Obstacle.ABSENT
    if person.status in (RegistrationStatus.DECLINED, RegistrationStatus.ERASED):
        return Obstacle.INACTIVE
    latest = invitation.unacknowledged or invitation.acknowledged
    # What was given up never left, and yet is what may be asked for once more.
    if latest is None or (
        invitation.highest_possibly_sent is None and not (invitation.given_up or invitation.tried_anew)
    ):
        return Obstacle.NEVER_SENT
    if invitation.stop_of(person.email) is not None:
        return Obstacle.STOPPED
    priority = 0 if latest.calendar_state.method is Method.CANCEL else 1
    attempt(client, {"invitation": wakeups(settings, invitation, priority, now, resend=True), **also})
    return None
