"""Writes of events for the API. A change and its fan-out to all registrations are one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ..decision import fingerprints
from ..decision.fan_out import FanOut, fan_out_of, hold_of
from ..decision.invitation import Seats
from ..model import Event, EventStatus, frozen
from ..schedule import edits
from ..store import dynamo
from ..store.external_ids import require_free
from ..store.outbox import about_event
from ..store.store import Store
from ..store.writes import NOTHING_ELSE, Action, rounds
from ..webhooks.events import WebhookEventType

UNTOLD_KEPT = timedelta(days=1)
"""How long an event is kept as it was before changes that wait to be announced: longer than any of them waits."""
YIELDED = timedelta(seconds=2)
"""For how long registrations let a change pass that met them."""


@frozen
class Earlier:
    """The fan-out of an event's latest change, if it has not ended, as it was read with the event or after it."""

    fan_out: FanOut | None


def create_event(store: Store, event: Event, *, also: Mapping[str, Action] = NOTHING_ELSE) -> None:
    """Store a new event with its seats, and the actions ``also``. Raises :class:`external_ids.Taken`, and
    :class:`ValueError` where its id exists.
    """
    seats = Seats(open=_open(event), capacity=event.capacity)
    new = {
        "event": store.events.new_action(event),
        "seats": store.seats.new_action(event.event_id, seats),
        **store.external_ids.actions(None, event),
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
    earlier: Earlier | None = None,
    at_once: bool = False,
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> bool:
    """Replace ``before`` by ``after`` and start a fan-out. False: somebody changed the event meanwhile.

    An ordinary change waits for further ones (``decision.fan_out``), unless ``at_once``; what is urgent, by its
    ``priority``, is due at ``now``. Unless ``after`` has one more former text, everybody who knows only a former one is
    told. Where the fan-out of an earlier change has not ended, the more urgent priority of both is used; ``earlier`` is
    that fan-out, if the caller has read it. Raises :class:`external_ids.Taken`.
    """
    after = fingerprints.announced(before, after)
    last = _read(store, before, earlier)
    hold = timedelta() if at_once else _hold(store, after)
    fan_out = _fan_out(before, after, last, priority=priority, hold=hold, now=now)
    return _change(store, before, after, fan_out, last, now, also)


def _read(store: Store, event: Event, earlier: Earlier | None) -> FanOut | None:
    return store.reads.fan_out(event.event_id) if earlier is None else earlier.fan_out


def told_at(store: Store, before: Event, after: Event, *, priority: int, now: datetime) -> datetime | None:
    """When people would be informed of a change of ``before`` to ``after`` at ``now``; ``None``: at once."""
    earlier = store.reads.fan_out(after.event_id)
    return _fan_out(before, after, earlier, priority=priority, hold=_hold(store, after), now=now).told_at


def _fan_out(
    before: Event, after: Event, earlier: FanOut | None, *, priority: int, hold: timedelta, now: datetime
) -> FanOut:
    return fan_out_of(
        after.event_id,
        version=after.version,
        priority=priority,
        hold=hold,
        now=now,
        earlier=earlier,
        quiet=len(after.former_texts) > len(before.former_texts),
        survey=_needs_survey(before, after),
    )


def _hold(store: Store, event: Event) -> timedelta:
    settings = None if event.notify_after is not None else store.account_settings.of(event.account)
    return hold_of(event, 0 if settings is None else settings.notify_after)


def _change(
    store: Store,
    before: Event,
    after: Event,
    fan_out: FanOut,
    earlier: FanOut | None,
    now: datetime,
    also: Mapping[str, Action],
) -> bool:
    """Replace ``before`` by ``after``, and the fan-out ``earlier`` by ``fan_out``."""
    actions = {
        "event": store.events.change_action(before, after),
        "fan": store.events.fan_out_action(fan_out, now, earlier),
    }
    if fan_out.waits(now):
        if fan_out.told == before.version:
            actions["untold"] = store.events.untold_action(before, now + UNTOLD_KEPT)
    elif _needs_survey(before, after) or (earlier is not None and earlier.survey):
        actions["survey"] = store.surveys.soon_action(after.event_id, now)
    cancelled = after.status is EventStatus.CANCELLED
    what = WebhookEventType.EVENT_CANCELLED if cancelled else WebhookEventType.EVENT_CHANGED
    actions |= store.external_ids.actions(before, after)
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
    registrations. All of it is announced at once: who is invited to ``new`` must not keep dates in the old one, too.
    """
    made = {
        "new": store.events.new_action(new),
        "new seats": store.seats.new_action(new.event_id, Seats(open=False, capacity=new.capacity)),
        "transfer": transfer,
        **store.external_ids.actions(None, new),
        **_webhook_event_action(store, WebhookEventType.EVENT_CREATED, new, now),
    }
    return change_event(store, before, after, priority=priority, now=now, at_once=True, also={**made, **also})


# --- what waits to be announced ---------------------------------------------------------------------------------------


class CannotUndo(StrEnum):
    """Why a change cannot be undone. The values are shown to the caller of the API."""

    NOTHING_WAITS = "no change waits to be told"
    SOME_ARE_TOLD = "an earlier change was still being told, so some people were told of this one already"


def tell_now(
    store: Store,
    event: Event,
    now: datetime,
    *,
    earlier: Earlier | None = None,
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> bool:
    """Let the changes of ``event`` that wait be announced now; where none does, only ``also`` is written. False:
    somebody changed the event meanwhile.
    """
    fan_out = _read(store, event, earlier)
    if fan_out is None or not fan_out.waits(now):
        store.requests.keep(also)
        return True
    tell, hint = store.fan_outs.tell_now_action(fan_out, now), store.events.hint_action(event, now)
    return not store.attempt({"fan": tell, "hint": hint, **also})


def before_what_waits(
    store: Store, event: Event, now: datetime, *, earlier: Earlier | None = None
) -> Event | CannotUndo:
    """``event`` as it was before the first of its changes that wait to be announced, as its next content: under the
    names of its dates that it has now.

    Raises :class:`InvalidField` where its schedule was changed too often.
    """
    fan_out = _read(store, event, earlier)
    if fan_out is None or not fan_out.waits(now):
        return CannotUndo.NOTHING_WAITS
    last = store.events.untold(event.event_id)
    if fan_out.overlaps or last is None or last.version != fan_out.told:
        return CannotUndo.SOME_ARE_TOLD
    return edits.back_to(event, last)


def undo(
    store: Store,
    before: Event,
    after: Event,
    *,
    priority: int,
    now: datetime,
    earlier: Earlier | None = None,
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> bool:
    """Replace ``before`` by ``after``, which is as :func:`before_what_waits` has it, at once. False: somebody changed
    the event meanwhile, or its change does not wait any more.

    Most are sent nothing, since that is what they were sent last; who was informed of the change alone, since they
    registered meanwhile, is sent it back.
    """
    last = _read(store, before, earlier)
    if last is None or not last.waits(now):
        return False
    priority = min(priority, last.priority)
    fan_out = FanOut(event_id=after.event_id, version=after.version, priority=priority)
    return _change(store, before, after, fan_out, last, now, also)


def _webhook_event_action(store: Store, what: WebhookEventType, event: Event, now: datetime) -> dict[str, Action]:
    return store.outbox.event_actions(event.account, {what: about_event(event)}, now)


def _needs_survey(before: Event, after: Event) -> bool:
    """Whether the change is about time, place, or whether the event takes place, so that somebody may come in vain."""
    return any(getattr(before, name) != getattr(after, name) for name in ("status", "schedule", "changes", "location"))


def _open(event: Event) -> bool:
    return event.status is not EventStatus.CANCELLED
