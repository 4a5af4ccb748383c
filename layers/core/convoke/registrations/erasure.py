"""Forgetting a person: first everything is taken back, then name and address go; a tombstone without a person stays."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..decision.invitation import Invitation
from ..model import Registration, RegistrationStatus
from ..settings import Settings
from ..store import (
    answers,
    dynamo,
    items,
    keys,
    notes,
    proposals,
)
from ..store.lists import message_query
from ..store.reads import Reads
from ..store.writes import (
    ROUNDS,
    Action,
    attempt,
    delete,
    put,
    update,
)
from .registry import Obstacle, withdraw

# The registration was withdrawn, so nobody can be told to come once the person is forgotten.
WITHDRAWN = "#version = :seen AND #status = :cancelled"
# Nobody wrote to the invitation since it was read: in particular, nobody has set out to send.
FENCE_IS_THE_ONE_READ = "#fence = :fence"


def erase(
    client: Any, settings: Settings, event_id: str, registration_id: str, *, now: datetime, account: str = ""
) -> Registration | Obstacle:
    """Cancel the registration, and owe it to the person to be forgotten: at once where they never were told a thing."""
    debt = put(
        settings.invitations_table,
        {
            **keys.erasure(event_id, registration_id),
            **items.due_attributes(registration_id, keys.due_key(2, now)),
        },
    )
    person = withdraw(client, settings, event_id, registration_id, now=now, account=account, also={"erasure": debt})
    if isinstance(person, Obstacle) or person.status is not RegistrationStatus.CANCELLED:
        return person
    # Where it had been withdrawn before, there is no debt yet; else it stands, and stands again.
    attempt(client, {"erasure": debt})
    reads = Reads(client, settings)
    invitation = reads.invitation(event_id, registration_id)
    if invitation is not None and invitation.highest_possibly_sent is None:
        forget(client, settings, event_id, registration_id, now=now)
    return reads.registration(event_id, registration_id) or person


def forget(client: Any, settings: Settings, event_id: str, registration_id: str, *, now: datetime) -> None:
    """Erase the person from a withdrawn registration: name, address, answers, proposals, letters, notes, recipients.

    Ids, UID, SEQUENCE and times stay. Letters and answers go first, and the debt to forget goes with the name, so that
    whoever is interrupted begins again. Only to be called where nothing is left to tell them.
    """
    _forget_letters(client, settings, registration_id)
    answers.forget(client, settings, registration_id)
    notes.forget(client, settings, event_id, registration_id)
    proposals.forget(client, settings, event_id, registration_id)
    reads = Reads(client, settings)
    for _ in range(ROUNDS):
        invitation = reads.invitation(event_id, registration_id)
        person = reads.registration(event_id, registration_id)
        actions = {"erasure": delete(settings.invitations_table, keys.erasure(event_id, registration_id))}
        if person is not None and person.status is not RegistrationStatus.ERASED:
            actions["registration"] = _forget_name(settings, person, now)
        if invitation is not None:
            actions["invitation"] = _forget_recipient(settings, invitation)
        if not attempt(client, actions):
            return
    raise dynamo.Contention(f"{ROUNDS} rounds met other writers")


def _forget_letters(client: Any, settings: Settings, registration_id: str) -> None:
    for row in dynamo.pages(client.query, **message_query(settings, registration_id)):
        key = {"pk": row["pk"], "sk": row["sk"]}
        expression = "SET #calendar_state.#recipient = :nobody REMOVE #calendar, #mail, #unwritten"
        attempt(client, {"letter": update(settings.invitations_table, key, expression, nobody="")})


def _forget_name(settings: Settings, person: Registration, now: datetime) -> Action:
    return update(
        settings.registrations_table,
        keys.registration(person.event_id, person.registration_id),
        "SET #status = :erased, #version = :version, #updated_at = :now "
        "REMOVE #name, #email, #language, #reply, #date_replies",
        WITHDRAWN,
        erased=RegistrationStatus.ERASED.value,
        cancelled=RegistrationStatus.CANCELLED.value,
        version=person.version + 1,
        seen=person.version,
        now=keys.instant(now),
    )


def _forget_recipient(settings: Settings, invitation: Invitation) -> Action:
    paths = {
        "intent": "#intent.#calendar_state",
        "acknowledged": "#acknowledged.#calendar_state",
        "possibly_sent": "#possibly_sent",
    }
    calendar_state = [path for name, path in paths.items() if getattr(invitation, name) is not None]
    recipients = "".join(f", {path}.#recipient = :nobody" for path in calendar_state)
    return update(
        settings.invitations_table,
        keys.registration(invitation.event_id, invitation.registration_id),
        f"SET #fence = :raised{recipients} REMOVE #stopped, #due_shard, #due_key",
        FENCE_IS_THE_ONE_READ,
        fence=invitation.fence,
        raised=invitation.fence + 1,
        **({"nobody": ""} if calendar_state else {}),
    )
