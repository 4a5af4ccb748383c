"""Writes of events for the API. A change and its fan-out to all registrations are one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ..decision import fingerprints
from ..decision.invitation import Seats
from ..model import Event, EventStatus
from ..store import dynamo
from ..store.external_ids import require_free
from ..store.outbox import event_data
from ..store.store import Store
from ..store.writes import NOTHING_ELSE, Action, rounds
from ..webhooks.events import WebhookEventType

YIELDED = timedelta(seconds=2)
"""For how long registrations let a change pass that met them."""


def create_event(store: Store, event: Event, *, also: Mapping[str, Action] = NOTHING_ELSE) -> None:
    """Store a new event with its seats, and the actions ``also``. Raises :class:`external_ids.Taken`, and
    :class:`ValueError` where its id exists.
    """
    seats = Seats(open=_open(event), capacity=event.capacity)
    new = {
        "event": store.events.new_action(event),
        "seats": store.seats.new_action(event.event_id, seats),
        **store.external_ids.event_actions(None, event),
        **_webhook_event_action(store, WebhookEventType.EVENT_CREATED, event, event.created_at),
    }
    refused = store.attempt({**new, **also})
    require_free(refused, "event_id")
    if refused:
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
    earlier change has not ended, the more urgent priority of both is used. Raises :class:`external_ids.Taken`.
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
    cancelled = after.status is EventStatus.CANCELLED
    what = WebhookEventType.EVENT_CANCELLED if cancelled else WebhookEventType.EVENT_CHANGED
    actions |= store.external_ids.event_actions(before, after)
    actions = {**actions, **_webhook_event_action(store, what, after, now), **also}
    if (_open(before), before.capacity) != (_open(after), after.capacity):
        return _change_with_seats(store, before, after, now, actions)
    refused = store.attempt(actions)
    require_free(refused, "event_id")
    return not refused


def _change_with_seats(store: Store, before: Event, event: Event, now: datetime, actions: Mapping[str, Action]) -> bool:
    """Carry out the actions of a change together with those that write its capacity, and close or open it."""
    event_id = event.event_id
    changes: dict[str, Any] = {} if _open(before) is _open(event) else {"open": _open(event)}
    for number in rounds():
        seats = store.reads.seats(event_id)
        own = store.seats.change_action(event_id, seats, now, capacity=event.capacity, **changes)
        try:
            attempts = dynamo.ATTEMPTS if number else 1
            refused = store.attempt({**actions, "seats": own, **store.seats.stop_actions(event_id, seats)}, attempts)
        except dynamo.Contention:
            store.seats.let_a_change_pass(event_id, now + YIELDED)
            continue
        require_free(refused, "event_id")
        if refused.keys() != {"seats"}:
            return not refused
    raise AssertionError  # rounds() ends with Contention


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
        **store.external_ids.event_actions(None, new),
        **_webhook_event_action(store, WebhookEventType.EVENT_CREATED, new, now),
    }
    return change_event(store, before, after, priority=priority, now=now, also={**made, **also})


def _webhook_event_action(store: Store, what: WebhookEventType, event: Event, now: datetime) -> dict[str, Action]:
    return store.outbox.event_actions(event.account, what, event_data(event), now)


def _needs_survey(before: Event, after: Event) -> bool:
    """Whether the change is about time, place, or whether the event takes place, so that somebody may come in vain."""
    return any(getattr(before, name) != getattr(after, name) for name in ("status", "schedule", "changes", "location"))


def _open(event: Event) -> bool:
    return event.status is not EventStatus.CANCELLED
