"""Ids of the caller's own: an event's belongs to one event of its account, a registration's to one of its event.

An item holds each, written in the transaction of the change, so that it is unique and can be read at once.
"""

from __future__ import annotations

from typing import Any

from ..model import ConvokeError, Event, Registration
from ..settings import Settings
from ..store import dynamo, keys
from ..store.items import Item
from ..store.writes import NEW, Action, delete, put

HELD = "external id"
"""The name of the action that fails where another one has the id."""
# The item belongs to this event or registration, not to a later one with the same external id.
IS_MINE = "#holder = :holder"


class Taken(ConvokeError):
    """The external id is that of another event or registration: ``holder`` is its id, ``name`` that field's name."""

    def __init__(self, name: str, holder: str) -> None:
        super().__init__(f"it is that of {name} {holder}")
        self.name = name
        self.holder = holder


def event_actions(settings: Settings, before: Event | None, after: Event) -> dict[str, Action]:
    """The actions that move the external id from ``before`` to ``after``; none where it stays."""
    old, new = before.external_id if before else "", after.external_id
    lost = keys.external_event(after.account, old) if old else None
    won = keys.external_event(after.account, new) if new else None
    return _actions(settings, lost, won, after.event_id)


def registration_actions(
    settings: Settings, before: Registration | None, after: Registration | None
) -> dict[str, Action]:
    """As :func:`event_actions`; where ``after`` is ``None`` the registration gives its external id back."""
    one = after or before
    if one is None:
        return {}
    old, new = before.external_id if before else "", after.external_id if after else ""
    lost = keys.external_registration(one.event_id, old) if old else None
    won = keys.external_registration(one.event_id, new) if new else None
    return _actions(settings, lost, won, one.registration_id)


def _actions(settings: Settings, lost: keys.Key | None, won: keys.Key | None, holder: str) -> dict[str, Action]:
    actions: dict[str, Action] = {}
    if lost == won:
        return actions
    if lost is not None:
        actions["former external id"] = delete(settings.registrations_table, lost, IS_MINE, holder=holder)
    if won is not None:
        actions[HELD] = put(settings.registrations_table, {**won, "holder": holder}, NEW)
    return actions


def require_free(refused: dict[str, Item | None], name: str) -> None:
    """Raise :class:`Taken` if the id was refused; ``name`` is the field that names who has it."""
    item = refused.get(HELD)
    if item is not None:
        raise Taken(name, item["holder"])


def holder(client: Any, settings: Settings, key: keys.Key) -> str | None:
    """The id of the event or registration that has the external id, strongly consistent; ``None`` if none has."""
    item = dynamo.get(client, settings.registrations_table, key)
    return item["holder"] if item else None
