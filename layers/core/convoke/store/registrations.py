"""Writes of registrations, of the locks on their addresses, and of the tasks to erase people."""

from __future__ import annotations

from datetime import datetime

from ..decision.decide import INVITATION
from ..model import Registration, RegistrationStatus
from . import codec, conditions, dynamo, keys
from .dynamo import Item
from .names import ATTRIBUTES, attributes
from .repository import Repository
from .writes import Action, check, delete, put, update


class Registrations(Repository):
    def new_action(self, person: Registration, account: str) -> Action:
        """The action that stores a new registration, in the index of the persons of ``account``, and in those of the
        event's names.
        """
        key = keys.registration(person.event_id, person.registration_id)
        item = codec.item(person, key, person=keys.person(account, person.email), **attributes(person))
        return put(self._people, item, conditions.NEW)

    def lock_action(self, person: Registration) -> Action:
        """The action that locks the address for the registration; it fails where another one has it."""
        item = {**keys.address(person.event_id, person.email), "registration_id": person.registration_id}
        return put(self._people, item, conditions.NEW)

    def unlock_action(self, person: Registration) -> Action:
        key = keys.address(person.event_id, person.email)
        return delete(self._people, key, conditions.LOCK_IS_MINE, registration_id=person.registration_id)

    def relock_action(self, person: Registration, holder: str) -> Action:
        """The action that gives the lock on the address of ``person`` to them; it fails unless ``holder`` has it."""
        key, mine = keys.address(person.event_id, person.email), {"registration_id": person.registration_id}
        return update(self._people, key, mine, conditions.LOCK_IS_MINE, registration_id=holder)

    def change_action(self, before: Registration, after: Registration, **more: str) -> Action:
        """The action that writes the attributes by which ``after`` differs from ``before``, those by which the person
        is found among them, and ``more`` attributes of the item.
        """
        was, now = (codec.item(one, {}, **attributes(one)) for one in (before, after))
        return update(
            self._people,
            keys.registration(before.event_id, before.registration_id),
            {name: value for name, value in now.items() if was.get(name) != value} | more,
            conditions.VERSION_UNCHANGED,
            remove=tuple(name for name in was if name not in now),
            version=before.version,
        )

    def unchanged_check(self, person: Registration) -> Action:
        """The action that makes a transaction fail where somebody changed the registration since it was read."""
        key = keys.registration(person.event_id, person.registration_id)
        return check(self._people, key, conditions.VERSION_UNCHANGED, version=person.version)

    def copied_actions(self, person: Registration, copy: Registration) -> dict[str, Action]:
        """The actions that note of each of two registrations that the other is the same person's, at a split series."""
        pairs = {"copy": (person, copy), "original": (copy, person)}
        return {name: put(self._sent, _link(one, other)) for name, (one, other) in pairs.items()}

    def copies(self, event_id: str, registration_id: str) -> dict[str, str]:
        """The registrations of the same person at the events that were one series, by id with their events' ids; this
        one is among them.
        """
        found, left = {registration_id: event_id}, [registration_id]
        while left:
            for row in self._rows(dynamo.starting_with(self._sent, keys.copied(left.pop(), ""))):
                if row["registration_id"] not in found:
                    found[row["registration_id"]] = row["event_id"]
                    left.append(row["registration_id"])
        return found

    # --- erasing ------------------------------------------------------------------------------------------------

    def erasure_action(self, event_id: str, registration_id: str, now: datetime) -> Action:
        due = codec.task_attributes(registration_id, keys.due_key(INVITATION, now))
        return put(self._sent, {**keys.erasure(event_id, registration_id), **due})

    def not_to_be_erased_check(self, person: Registration) -> Action:
        """The action that makes a transaction fail where the person's erasure is scheduled."""
        key = keys.erasure(person.event_id, person.registration_id)
        return check(self._sent, key, conditions.NEW)

    def to_be_erased(self, person: Registration) -> bool:
        """Whether the person's erasure is scheduled, and not done yet."""
        return self._item(self._sent, keys.erasure(person.event_id, person.registration_id)) is not None

    def erased_action(self, event_id: str, registration_id: str) -> Action:
        """The action that ends the task to erase them."""
        return delete(self._sent, keys.erasure(event_id, registration_id))

    def erase_action(self, person: Registration, now: datetime) -> Action:
        """The action that removes name, address, language, replies and the caller's own data from a cancelled
        registration.
        """
        erased = {"status": RegistrationStatus.ERASED.value, "version": person.version + 1, "name": "", "email": ""}
        erased |= {"external_id": ""}
        return update(
            self._people,
            keys.registration(person.event_id, person.registration_id),
            {**erased, "updated_at": keys.instant(now)},
            conditions.WITHDRAWN,
            remove=("language", "reply", "date_replies", "metadata", "person", "guests", "responses", *ATTRIBUTES),
            version=person.version,
        )


def _link(one: Registration, other: Registration) -> Item:
    ids = {"event_id": other.event_id, "registration_id": other.registration_id}
    return {**keys.copied(one.registration_id, other.event_id), **ids}
