"""New addresses of registrations that wait to be confirmed, of each registration the latest that was asked for. They
are in the invitations table until shortly after their links have expired.
"""

from __future__ import annotations

from datetime import datetime

from ..model import frozen
from . import codec, conditions, keys
from .repository import Repository
from .unconfirmed import KEPT
from .writes import Action, delete, put


@frozen
class AddressChange:
    """A new address for a registration. ``change_id`` is the id of the notification that confirms it. ``links`` is the
    counter of links that the registration had when it was asked for: with another one it is void. Instants are UTC.
    """

    event_id: str
    registration_id: str
    change_id: str
    email: str
    links: int
    asked_at: datetime
    valid_until: datetime


codec.record(AddressChange)


class AddressChanges(Repository):
    def put_action(self, change: AddressChange) -> Action:
        """The action that stores it, in the place of one that was asked for before."""
        key = keys.address_change(change.event_id, change.registration_id)
        return put(self._sent, codec.item(change, key, expires_at=codec.epoch(change.valid_until + KEPT)))

    def read(self, event_id: str, registration_id: str) -> AddressChange | None:
        return self._get(AddressChange, self._sent, keys.address_change(event_id, registration_id))

    def end_action(self, change: AddressChange) -> Action:
        """The action that ends it; it fails where another one was asked for, or it was ended."""
        key = keys.address_change(change.event_id, change.registration_id)
        return delete(self._sent, key, conditions.CHANGE_UNCHANGED, change_id=change.change_id)

    def forget(self, event_id: str, registration_id: str) -> None:
        """Delete what the person asked for."""
        self._write(delete(self._sent, keys.address_change(event_id, registration_id)))
