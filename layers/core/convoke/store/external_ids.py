"""Ids of the caller's own: an event's belongs to one event of its account, a registration's to one of its event.

An item holds each, written in the transaction of the change, so that it is unique and can be read at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ..model import ConvokeError, Event, Registration
from . import conditions, keys
from .dynamo import Item
from .repository import Repository
from .writes import Action, delete, put

EXTERNAL_ID = "external id"
"""The name of the action that fails where another one has the id."""


class Taken(ConvokeError):
    """The external id is that of another event or registration: ``holder`` is its id, ``name`` that field's name."""

    def __init__(self, name: str, holder: str) -> None:
        super().__init__(f"it is that of {name} {holder}")
        self.name = name
        self.holder = holder


def require_free(refused: Mapping[str, Item | None], name: str) -> None:
    """Raise :class:`Taken` if the id was refused; ``name`` is the field that names who has it."""
    item = refused.get(EXTERNAL_ID)
    if item is not None:
        raise Taken(name, item["holder"])


Owner = TypeVar("Owner", Event, Registration)


class ExternalIds(Repository):
    def actions(self, before: Owner | None, after: Owner | None) -> dict[str, Action]:
        """The actions that move the external id from ``before`` to ``after``, an event or a registration; none where it
        stays. Where ``after`` is ``None`` it is given back.
        """
        lost, won = (None if one is None else _key(one) for one in (before, after))
        actions: dict[str, Action] = {}
        if lost == won:
            return actions
        if before is not None and lost is not None:
            mine = {"holder": _holder(before)}
            actions["former external id"] = delete(self._people, lost, conditions.HOLDER_IS_MINE, **mine)
        if after is not None and won is not None:
            actions[EXTERNAL_ID] = put(self._people, {**won, "holder": _holder(after)}, conditions.NEW)
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


def _key(one: Event | Registration) -> keys.Key | None:
    if not one.external_id:
        return None
    if isinstance(one, Event):
        return keys.external_event(one.account, one.external_id)
    return keys.external_registration(one.event_id, one.external_id)


def _holder(one: Event | Registration) -> str:
    return one.event_id if isinstance(one, Event) else one.registration_id
