"""Erasing a person: first their calendar entries are cancelled, then names, addresses and texts are deleted.

The registration stays as ids and times without personal data.
"""

from __future__ import annotations

from datetime import datetime

from ..model import Registration, RegistrationStatus
from ..store.store import Store
from ..store.writes import rounds
from .registry import Obstacle, withdraw


def erase(
    store: Store, event_id: str, registration_id: str, *, now: datetime, account: str = ""
) -> Registration | Obstacle:
    """Cancel the registration and schedule the erasure. Where nothing was ever sent to the person, erase them at once.

    Returns the registration as it is stored then, or ``Obstacle.ABSENT``.
    """
    task = {"erasure": store.registrations.erasure_action(event_id, registration_id, now)}
    person = withdraw(store, event_id, registration_id, now=now, account=account, also=task)
    if isinstance(person, Obstacle) or person.status is not RegistrationStatus.CANCELLED:
        return person
    # Where the registration was withdrawn before, the erasure is not scheduled yet; otherwise this repeats the same
    # write.
    store.attempt(task)
    invitation = store.reads.invitation(event_id, registration_id)
    if invitation is not None and invitation.highest_possibly_sent is None:
        forget(store, event_id, registration_id, now=now)
    return store.reads.registration(event_id, registration_id) or person


def forget(store: Store, event_id: str, registration_id: str, *, now: datetime) -> None:
    """Erase the person from a cancelled registration: name, address, replies, proposals, rendered mails, notifications,
    recipients. Ids, UID, SEQUENCE and times stay.

    Mails and replies are deleted first, and the task to erase together with the name, so that an interrupted erasure
    begins again. Only to be called where nothing is left to be sent to the person. Raises :class:`dynamo.Contention`.
    """
    store.records.forget_messages(registration_id)
    store.answers.forget(registration_id)
    store.notifications.forget(event_id, registration_id)
    store.proposals.forget(event_id, registration_id)
    for _ in rounds():
        invitation = store.reads.invitation(event_id, registration_id)
        person = store.reads.registration(event_id, registration_id)
        actions = {"erasure": store.registrations.erased_action(event_id, registration_id)}
        if person is not None and person.status is not RegistrationStatus.ERASED:
            actions["registration"] = store.registrations.erase_action(person, now)
        if invitation is not None:
            actions["invitation"] = store.invitations.erase_action(invitation)
        if not store.attempt(actions):
            return
