"""Erasing a person: first their calendar entries are cancelled, then names, addresses and texts are deleted: of their
registration, of its copies at events that their series was split into, and of the mails that came from them.

The registrations stay as ids and times without personal data.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ..decision.decide import decide
from ..decision.invitation import Invitation
from ..delivery.attempts import leased
from ..model import Registration, RegistrationStatus
from ..store.dynamo import Item
from ..store.store import Store
from ..store.writes import rounds
from . import returning
from .registry import Obstacle, read_snapshot, withdraw

DeleteMail = Callable[[str, str], object]
"""Deletes the object with this bucket and key from S3."""


def erase(
    store: Store, event_id: str, registration_id: str, *, now: datetime, account: str = ""
) -> Registration | Obstacle:
    """Cancel the person's registrations and schedule their erasure. Where nothing is left to be sent, and none of their
    mails is kept in S3, they are erased at once.

    Returns the registration as it is stored then, or ``Obstacle.ABSENT``.
    """
    for other, its_event in store.registrations.copies(event_id, registration_id).items():
        if other != registration_id:
            _erase(store, its_event, other, now, account)
    return _erase(store, event_id, registration_id, now, account)


def _erase(store: Store, event_id: str, registration_id: str, now: datetime, account: str) -> Registration | Obstacle:
    task = {"erasure": store.registrations.erasure_action(event_id, registration_id, now)}
    for _ in rounds():
        person = withdraw(store, event_id, registration_id, now=now, account=account, also=task)
        if isinstance(person, Obstacle) or person.status is not RegistrationStatus.CANCELLED:
            return person
        # Where the registration was withdrawn before, the erasure is not scheduled yet; otherwise this repeats the same
        # write. Whoever came back meanwhile is withdrawn again: nobody is erased who comes.
        if not store.attempt({**task, "registration": store.registrations.unchanged_check(person)}):
            break
    returning.end_hold(store, event_id, registration_id, now=now, early=True)
    kept = [*_put_aside(store, event_id, registration_id), *store.received.linked(registration_id)]
    if not kept and _nothing_is_missing(store, event_id, registration_id, now):
        forget(store, event_id, registration_id, now=now)
    return store.reads.registration(event_id, registration_id) or person


def _nothing_is_missing(store: Store, event_id: str, registration_id: str, now: datetime) -> bool:
    """Whether no worker holds a claim, and no message to the person is missing or can be sent."""
    seen = read_snapshot(store, event_id, registration_id)
    return seen is not None and not _claimed(seen.invitation, now) and decide(seen, store.settings.sender, now) is None


def _put_aside(store: Store, event_id: str, registration_id: str) -> list[Item]:
    """The quarantined mails of the person."""
    event, person = store.reads.event(event_id), store.reads.registration(event_id, registration_id)
    return [] if event is None else store.quarantine.of_person(event.account, registration_id, person)


def forget(
    store: Store, event_id: str, registration_id: str, *, now: datetime, delete_mail: DeleteMail | None = None
) -> None:
    """Erase the person from a cancelled registration: name, address, replies, proposals, rendered mails, notifications,
    recipients, quarantined mails, and by ``delete_mail`` the mails themselves. Ids, UID, SEQUENCE and times stay.

    Mails and replies are deleted first, and the task to erase together with the name, so that an interrupted erasure
    begins again. Where a worker has a claim, or somebody wrote to the invitation meanwhile, a mail may have been stored
    after that: then the task stays, and the sweep looks again whether anything is missing. Only to be called where
    nothing is left to be sent to the person; without ``delete_mail`` only where none of their mails is kept. Raises
    :class:`dynamo.Contention`.
    """
    for _ in rounds():
        invitation = store.reads.invitation(event_id, registration_id)
        if invitation is not None and _claimed(invitation, now):
            return
        _forget_what_is_beside(store, event_id, registration_id, delete_mail)
        person = store.reads.registration(event_id, registration_id)
        actions = {"erasure": store.registrations.erased_action(event_id, registration_id)}
        if person is not None and person.status is not RegistrationStatus.ERASED:
            actions["registration"] = store.registrations.erase_action(person, now)
        if invitation is not None:
            actions["invitation"] = store.invitations.erase_action(invitation)
        refused = store.attempt(actions)
        if not refused:
            store.outbox.forget(registration_id)  # webhook events of meanwhile, with a name that was read before
            return
        if "invitation" in refused:
            return


def _claimed(invitation: Invitation, now: datetime) -> bool:
    """Whether a worker may be about to store a mail to the person, and to send it."""
    return leased(invitation.lease_until, now)


def _forget_what_is_beside(store: Store, event_id: str, registration_id: str, delete_mail: DeleteMail | None) -> None:
    """Delete what is stored of the person in items other than the registration and the invitation."""
    store.records.forget_messages(registration_id)
    store.answers.forget(registration_id)
    store.notifications.forget(event_id, registration_id)
    store.proposals.forget(event_id, registration_id)
    store.address_changes.forget(event_id, registration_id)
    store.outbox.forget(registration_id)
    for row in _put_aside(store, event_id, registration_id):
        if delete_mail is not None and "kept_in" in row:
            delete_mail(*row["kept_in"])
        store.quarantine.forget(row)
    if delete_mail is not None:
        for bucket, key in store.received.linked(registration_id):
            delete_mail(bucket, key)
