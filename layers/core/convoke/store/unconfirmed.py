"""Registrations that wait for their address to be confirmed, and take no seat. They are in the invitations table until
shortly after their links have expired.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ..model import LocalTime, Registration, frozen
from . import codec, conditions, keys
from .repository import Repository
from .writes import Action, put

KEPT = timedelta(hours=1)
"""How long one is kept after its link has expired."""


@frozen
class UnconfirmedRegistration:
    """What a visitor asked for at ``asked_at``, and until when they may confirm it (``valid_until``, UTC).

    The other attributes are as in ``model.Registration``. Once it is confirmed only ids and times are left of it, with
    the ``registration_id`` of the registration that the address has, and its counter of ``links`` at that time.
    """

    unconfirmed_id: str
    event_id: str
    name: str = ""
    email: str = ""
    language: str = ""
    occurrences: tuple[LocalTime, ...] | None = None
    named: int = 0
    guests: int = 0
    responses: tuple[tuple[str, str], ...] = ()
    registration_id: str | None = None
    links: int = 0
    asked_at: datetime
    valid_until: datetime


codec.record(UnconfirmedRegistration)


class UnconfirmedRegistrations(Repository):
    def read(self, unconfirmed_id: str, now: datetime) -> UnconfirmedRegistration | None:
        """The one with this id, if its time is not over at ``now`` (UTC): DynamoDB removes items late."""
        found = self._get(UnconfirmedRegistration, self._sent, keys.unconfirmed_registration(unconfirmed_id))
        return found if found is not None and now < found.valid_until else None

    def new_action(self, one: UnconfirmedRegistration) -> Action:
        return put(self._sent, _item(one), conditions.NEW)

    def confirmed_action(self, one: UnconfirmedRegistration, registration: Registration) -> Action:
        """The action that leaves of it only which ``registration`` its address has; it fails where it was confirmed
        already.
        """
        left = UnconfirmedRegistration(
            unconfirmed_id=one.unconfirmed_id,
            event_id=one.event_id,
            registration_id=registration.registration_id,
            links=registration.links,
            asked_at=one.asked_at,
            valid_until=one.valid_until,
        )
        return put(self._sent, _item(left), conditions.NOT_CONFIRMED)


def _item(one: UnconfirmedRegistration) -> dict[str, object]:
    key = keys.unconfirmed_registration(one.unconfirmed_id)
    return codec.item(one, key, expires_at=codec.epoch(one.valid_until + KEPT))
