"""Ids of the caller's own: an event's belongs to one event of its account, a registration's to one of its event.

An item holds each, written in the transaction of the change, so that it is unique and can be read at once.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..model import ConvokeError, Event, Registration
from . import conditions, keys
from .dynamo import Item
from .repository import Repository
from .writes import Action, delete, put

HELD = "external id"
"""The name of the action that fails where another one has the id."""


class Taken(ConvokeError):
    """The external id is that of another event or registration: ``holder`` is its id, ``name`` that field's name."""

    def __init__(self, name: str, holder: str) -> None:
        super().__init__(f"it is that of {name} {holder}")
        self.name = name
        self.holder = holder


def require_free(refused: Mapping[str, Item | None], name: str) -> None:
    """Raise :class:`Taken` if the id was refused; ``name`` is the field that names who has it."""
    item = refused.get(HELD)
    if item is not None:
        raise Taken(name, item["holder"])


class ExternalIds(Repository):
    def event_actions(self, before: Event | None, after: Event) -> dict[str, Action]:
        """The actions that move the external id from ``before`` to ``after``; none where it stays."""
        old, new = before.external_id if before else "", after.external_id
        lost = keys.external_event(after.account, old) if old else None
        won = keys.external_event(after.account, new) if new else None
        return self._actions(lost, won, after.event_id)

    def registration_actions(self, before: Registration | None, after: Registration | None) -> dict[str, Action]:
        """As :meth:`event_actions`; where ``after`` is ``None`` the registration gives its external id back."""
        one = after or before
        if one is None:
            return {}
        old, new = before.external_id if before else "", after.external_id if after else ""
        lost = keys.external_registration(one.event_id, old) if old else None
        won = keys.external_registration(one.event_id, new) if new else None
        return self._actions(lost, won, one.registration_id)

    def _actions(self, lost: keys.Key | None, won: keys.Key | None, holder: str) -> dict[str, Action]:
        actions: dict[str, Action] = {}
        if lost == won:
            return actions
        if lost is not None:
            actions["former external id"] = delete(self._people, lost, conditions.HOLDER_IS_MINE, holder=holder)
        if won is not None:
            actions[HELD] = put(self._people, {**won, "holder": holder}, conditions.NEW)
        return actions

    def event_holder(self, account: str, external_id: str) -> str | None:
        """The id of the event of the account that has the external id, strongly consistent; ``None`` if none has."""
        return self._holder(keys.external_event(account, external_id))

    def registration_holder(self, event_id: str, external_id: str) -> str | None:
        """The id of the registration of the event that has the external id, strongly consistent."""
        return self._holder(keys.external_registration(event_id, external_id))

    def _holder(self, key: keys.Key) -> str | None:
        item = self._item(self._people, key)
        return None if item is None else str(item["holder"])
