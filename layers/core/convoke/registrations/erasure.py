"""Erasing a person: first their calendar entries are cancelled, then names, addresses and texts are deleted.

The registration stays as ids and times without personal data.
"""

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
    notifications,
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

# The registration is cancelled, so that nothing more is sent once the person is erased.
WITHDRAWN = "#version = :seen AND #status = :cancelled"
# Nobody wrote to the invitation since it was read: in particular, there is no new intent to send.
FENCE_IS_THE_ONE_READ = "#fence = :fence"


def erase(
    client: Any, settings: Settings, event_id: str, registration_id: str, *, now: datetime, account: str = ""
) -> Registration | Obstacle:
    """Cancel the registration and schedule the erasure. Where nothing was ever sent to the person, erase them at once.

    Returns the registration as it is stored then, or ``Obstacle.ABSENT``.
    """
    task = put(
        settings.invitations_table,
        {
            **keys.erasure(event_id, registration_id),
            **items.due_attributes(registration_id, keys.due_key(2, now)),
        },
    )
    person = withdraw(client, settings, event_id, registration_id, now=now, account=account, also={"erasure": task})
    if isinstance(person, Obstacle) or person.status is not RegistrationStatus.CANCELLED:
        return person
    # Where the registration was withdrawn before, the erasure is not scheduled yet; otherwise this repeats the same
    # write.
    attempt(client, {"erasure": task})
    reads = Reads(client, settings)
    invitation = reads.invitation(event_id, registration_id)
    if invitation is not None and invitation.highest_possibly_sent is None:
        forget(client, settings, event_id, registration_id, now=now)
    return reads.registration(event_id, registration_id) or person


def forget(client: Any, settings: Settings, event_id: str, registration_id: str, *, now: datetime) -> None:
    """Erase the person from a cancelled registration: name, address, replies, proposals, rendered mails, notifications,
    recipients. Ids, UID, SEQUENCE and times stay.

    Mails and replies are deleted first, and the task to erase together with the name, so that an interrupted erasure
    begins again. Only to be called where nothing is left to be sent to the person. Raises :class:`dynamo.Contention`.
    """
    _erase_mails(client, settings, registration_id)
    answers.forget(client, settings, registration_id)
    notifications.forget(client, settings, event_id, registration_id)
    proposals.forget(client, settings, event_id, registration_id)
    reads = Reads(client, settings)
    for _ in range(ROUNDS):
        invitation = reads.invitation(event_id, registration_id)
        person = reads.registration(event_id, registration_id)
        actions = {"erasure": delete(settings.invitations_table, keys.erasure(event_id, registration_id))}
        if person is not None and person.status is not RegistrationStatus.ERASED:
            actions["registration"] = _erase_name_action(settings, person, now)
        if invitation is not None:
            actions["invitation"] = _erase_recipient_action(settings, invitation)
        if not attempt(client, actions):
            return
    raise dynamo.Contention(f"{ROUNDS} rounds met other writers")


def _erase_mails(client: Any, settings: Settings, registration_id: str) -> None:
    for row in dynamo.pages(client.query, **message_query(settings, registration_id)):
        key = {"pk": row["pk"], "sk": row["sk"]}
        expression = "SET #calendar_state.#recipient = :nobody REMOVE #rendered, #calendar, #mail, #unwritten"
        attempt(client, {"message": update(settings.invitations_table, key, expression, nobody="")})


def _erase_name_action(settings: Settings, person: Registration, now: datetime) -> Action:
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


def _erase_recipient_action(settings: Settings, invitation: Invitation) -> Action:
    paths = {
        "intent": "#intent.#calendar_state",
        "acknowledged": "#acknowledged.#calendar_state",
        "possibly_sent": "#possibly_sent",
    }
    present = [path for name, path in paths.items() if getattr(invitation, name) is not None]
    recipients = "".join(f", {path}.#recipient = :nobody" for path in present)
    return update(
        settings.invitations_table,
        keys.registration(invitation.event_id, invitation.registration_id),
        f"SET #fence = :raised{recipients} REMOVE #stopped, #due_shard, #due_key",
        FENCE_IS_THE_ONE_READ,
        fence=invitation.fence,
        raised=invitation.fence + 1,
        **({"nobody": ""} if present else {}),
    )
