"""Writes of events for the API. A change and its fan-out to all registrations are one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..decision import fingerprints
from ..decision.invitation import Seats
from ..model import Event, EventStatus
from ..store.store import Store
from ..store.writes import NOTHING_ELSE, Action


def create_event(store: Store, event: Event, *, also: Mapping[str, Action] = NOTHING_ELSE) -> None:
    """Store a new event with its seats, and the actions ``also``. Raises :class:`ValueError` where its id exists."""
    seats = Seats(open=_open(event), capacity=event.capacity)
    new = {"event": store.events.new_action(event), "seats": store.seats.new_action(event.event_id, seats)}
    if store.attempt({**new, **also}):
        raise ValueError(f"there is an event {event.event_id} already")


def change_event(
    store: Store,
    before: Event,
    after: Event,
    *,
    priority: int,
    now: datetime,
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> bool:
    """Replace ``before`` by ``after`` and start a fan-out, due at ``now``. False: somebody changed the event meanwhile.

    Unless ``after`` has one more former text, everybody who knows only a former one is told. Where the fan-out of an
    earlier change has not ended, the more urgent priority of both is used.
    """
    after = fingerprints.announced(before, after)
    earlier = store.reads.fan_out(after.event_id)
    if earlier is not None:
        priority = min(priority, earlier.priority)
    actions = {
        "event": store.events.change_action(before, after),
        "fan": store.events.fan_out_action(after, priority, now),
    }
    if _needs_survey(before, after):
        actions["survey"] = store.surveys.soon_action(after.event_id, now)
    if (_open(before), before.capacity) != (_open(after), after.capacity):
        actions["seats"] = _seats_action(store, before, after, now)
    return not store.attempt({**actions, **also})


def split_event(
    store: Store,
    before: Event,
    after: Event,
    new: Event,
    transfer: Action,
    *,
    priority: int,
    now: datetime,
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> bool:
    """Replace ``before`` by the shortened ``after``, as :func:`change_event`, and store its continuation ``new``.

    ``transfer`` is the action that starts copying the registrations. Until it has ended, ``new`` takes no
    registrations.
    """
    made = {
        "new": store.events.new_action(new),
        "new seats": store.seats.new_action(new.event_id, Seats(open=False, capacity=new.capacity)),
        "transfer": transfer,
    }
    return change_event(store, before, after, priority=priority, now=now, also={**made, **also})


def _needs_survey(before: Event, after: Event) -> bool:
    """Whether the change is about time, place, or whether the event takes place, so that somebody may come in vain."""
    return any(getattr(before, name) != getattr(after, name) for name in ("status", "schedule", "changes", "location"))


def _open(event: Event) -> bool:
    return event.status is not EventStatus.CANCELLED


def _seats_action(store: Store, before: Event, event: Event, now: datetime) -> Action:
    """The action that writes another capacity, closes the event or opens it again, and makes the waitlist due: somebody
    may get a seat.
    """
    changes: dict[str, Any] = {} if _open(before) is _open(event) else {"open": _open(event)}
    if event.capacity is None:
        return store.seats.change_action(event.event_id, now, remove=("capacity",), **changes)
    return store.seats.change_action(event.event_id, now, capacity=event.capacity, **changes)
