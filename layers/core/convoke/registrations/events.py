"""Writes and reads of events for the API. A change and its fan-out to all registrations are one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..decision.invitation import FanOut, Seats
from ..model import Event, EventStatus
from ..settings import Settings
from ..store import attention, dynamo, items, keys
from ..store.writes import (
    NEW,
    NOTHING_ELSE,
    Action,
    attempt,
    put,
    update,
)

# Nobody changed the event since it was read.
STILL_THE_VERSION_SEEN = "#version = :seen AND #account = :account"


def create_event(client: Any, settings: Settings, event: Event, *, also: Mapping[str, Action] = NOTHING_ELSE) -> None:
    """Store a new event with its seats, and the actions ``also``. Raises :class:`ValueError` where its id exists."""
    seats = Seats(open=_open(event), capacity=event.capacity)
    refused = attempt(
        client,
        {
            "event": put(settings.registrations_table, items.event_item(event), NEW),
            "seats": put(settings.invitations_table, items.seats_item(event.event_id, seats), NEW),
            **also,
        },
    )
    if refused:
        raise ValueError(f"there is an event {event.event_id} already")


def change_event(
    client: Any,
    settings: Settings,
    before: Event,
    after: Event,
    *,
    priority: int,
    now: datetime,
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> bool:
    """Replace ``before`` by ``after`` and start a fan-out, due at ``now``. False: somebody changed the event meanwhile.

    Where the fan-out of an earlier change has not ended, the more urgent priority of both is used.
    """
    earlier = dynamo.get(client, settings.invitations_table, keys.fan_out(after.event_id))
    if earlier is not None:
        priority = min(priority, items.fan_out_of(earlier).priority)
    fan_out = FanOut(event_id=after.event_id, version=after.version, priority=priority)
    actions = {
        "event": put(
            settings.registrations_table,
            items.event_item(after),
            STILL_THE_VERSION_SEEN,
            seen=before.version,
            account=before.account,
        ),
        "fan": put(settings.invitations_table, items.fan_out_item(fan_out, due_key=keys.due_key(priority, now))),
    }
    if _needs_survey(before, after):
        actions["survey"] = attention.survey_action(settings, after.event_id, now)
    if (_open(before), before.capacity) != (_open(after), after.capacity):
        actions["seats"] = _seats_action(settings, after, now)
    return not attempt(client, {**actions, **also})


def split_event(
    client: Any,
    settings: Settings,
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
        "new": put(settings.registrations_table, items.event_item(new), NEW),
        "new seats": put(
            settings.invitations_table,
            items.seats_item(new.event_id, Seats(open=False, capacity=new.capacity)),
            NEW,
        ),
        "transfer": transfer,
    }
    return change_event(client, settings, before, after, priority=priority, now=now, also={**made, **also})


def _needs_survey(before: Event, after: Event) -> bool:
    """Whether the change is about time, place, or whether the event takes place, so that somebody may come in vain."""
    return any(getattr(before, name) != getattr(after, name) for name in ("status", "schedule", "changes", "location"))


def _open(event: Event) -> bool:
    return event.status is not EventStatus.CANCELLED


def _seats_action(settings: Settings, event: Event, now: datetime) -> Action:
    """The action that writes another capacity or closes the event, and makes the waitlist due: somebody may
    get a seat.
    """
    values: dict[str, Any] = {"shard": keys.shard(event.event_id), "due_key": keys.due_key(2, now)}
    expression = "SET #due_shard = :shard, #due_key = :due_key"
    if not _open(event):
        expression = f"{expression}, #open = :open"
        values["open"] = False
    if event.capacity is None:
        expression += " REMOVE #capacity"
    else:
        expression = f"{expression}, #capacity = :capacity"
        values["capacity"] = event.capacity
    return update(settings.invitations_table, keys.seats(event.event_id), expression, **values)


# --- reading ------------------------------------------------------------------------------------------------------


def read_event(client: Any, settings: Settings, event_id: str, account: str) -> Event | None:
    """The event, or ``None`` where there is none or it belongs to another account."""
    item = dynamo.get(client, settings.registrations_table, keys.event(event_id))
    return items.event_of(item) if item is not None and item["account"] == account else None


def read_seats(client: Any, settings: Settings, event_id: str) -> Seats:
    """The event's seats, strongly consistent."""
    item = dynamo.get(client, settings.invitations_table, keys.seats(event_id))
    return items.seats_of(item) if item else Seats()
