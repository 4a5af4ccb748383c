"""Writes of registrations, of the locks on their addresses, and of the tasks to erase people."""

from __future__ import annotations

from datetime import datetime

from ..model import Registration, RegistrationStatus
from . import codec, conditions, keys
from .repository import Repository
from .writes import Action, check, delete, put, update


class Registrations(Repository):
    def new_action(self, person: Registration) -> Action:
        key = keys.registration(person.event_id, person.registration_id)
        return put(self._people, codec.item(person, key), conditions.NEW)

    def lock_action(self, person: Registration) -> Action:
        """The action that locks the address for the registration; it fails where another one has it."""
        item = {**keys.address(person.event_id, person.email), "registration_id": person.registration_id}
        return put(self._people, item, conditions.NEW)

    def unlock_action(self, person: Registration) -> Action:
        """The action that unlocks the registration's address."""
        key = keys.address(person.event_id, person.email)
        return delete(self._people, key, conditions.LOCK_IS_MINE, registration_id=person.registration_id)

    def change_action(self, before: Registration, after: Registration, *names: str) -> Action:
        """The action that writes the attributes ``names``, version and time of ``after``, and nothing else of it. One
        that is absent from ``after`` is removed.
        """
        stored = codec.item(after, {})
        names = (*names, "version", "updated_at")
        return update(
            self._people,
            keys.registration(before.event_id, before.registration_id),
            {name: stored[name] for name in names if name in stored},
            conditions.VERSION_UNCHANGED,
            remove=tuple(name for name in names if name not in stored),
            version=before.version,
        )

    def unchanged_check(self, person: Registration) -> Action:
        """The action that makes a transaction fail where somebody changed the registration since it was read."""
        key = keys.registration(person.event_id, person.registration_id)
        return check(self._people, key, conditions.VERSION_UNCHANGED, version=person.version)

    # --- erasing ------------------------------------------------------------------------------------------------

    def erasure_action(self, event_id: str, registration_id: str, now: datetime) -> Action:
        """The action that schedules the erasure of a person."""
        due = codec.due_attributes(registration_id, keys.due_key(2, now))
        return put(self._sent, {**keys.erasure(event_id, registration_id), **due})

    def erased_action(self, event_id: str, registration_id: str) -> Action:
        """The action that ends the task to erase them."""
        return delete(self._sent, keys.erasure(event_id, registration_id))

    def erase_action(self, person: Registration, now: datetime) -> Action:
        """The action that removes name, address, language and replies from a cancelled registration."""
        erased = {"status": RegistrationStatus.ERASED.value, "version": person.version + 1, "name": "", "email": ""}
        return update(
            self._people,
            keys.registration(person.event_id, person.registration_id),
            {**erased, "updated_at": keys.instant(now)},
            conditions.WITHDRAWN,
            remove=("language", "reply", "date_replies"),
            version=person.version,
        )
