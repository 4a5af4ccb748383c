"""Delivers webhook events: a delivery for each webhook that wants the event, and attempts until it is accepted.

A response other than 2xx is no error here: it is stored, and the delivery is attempted again later. An event reaches a
webhook at least once: a webhook whose answer is lost gets it again, under the same id. All instants are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ..effects import (
    Accepted,
    AddDelivery,
    Clock,
    EndDistribution,
    Enqueue,
    NewAttemptId,
    PostWebhook,
    Random,
    ReadDelivery,
    ReadInFlight,
    ReadWebhook,
    ReadWebhookContent,
    ReadWebhookEvent,
    ReadWebhooks,
    RecordDelivery,
    RecordInFlight,
    Refusal,
    Refused,
    Steps,
    WebhookHint,
)
from ..store import keys
from ..webhooks.events import (
    PRIORITY,
    RETRIES,
    Delivery,
    Webhook,
    WebhookDeliveryState,
    WebhookEvent,
    WebhookPayload,
    new_delivery,
)
from ..webhooks.http import TOTAL_TIMEOUT, Answer
from ..webhooks.in_flight import SHORTEST_TURN, InFlight, Request, admit, finish, next_turn
from ..webhooks.url_guard import host_of
from . import attempts
from .attempts import Attempts, Cannot, Claimed, Policy, Stage
from .reconcile import Worker

MAX_DELAY = timedelta(minutes=15)
"""The longest delay of an SQS message. For what is due later, the sweep queues a hint."""
GIVEN_UP_AFTER = timedelta(hours=26)
"""The age at which a delivery is given up that waited for its turn, or for its host to recover, for too long."""
ROUNDS = 3
"""How often a write to what an account has in flight is repeated after others wrote first."""

POLICY = Policy(
    longest=timedelta(seconds=TOTAL_TIMEOUT + 5),
    exhausted=lambda tried: tried.failed + tried.unknown > len(RETRIES),
    wait=lambda tried, _: RETRIES[tried.failed + tried.unknown - 1],
    unknown_wait=timedelta(),
)
"""Every attempt counts, whatever became of it: nine in somewhat less than a day."""


def distribute(account: str, webhook_event_id: str, worker: Worker) -> Steps[int]:
    """Store a delivery for each webhook that wants the event, with a hint for each; returns how many.

    Each delivery is due by itself from then on, so the event is not, however far its hints get.
    """
    event: WebhookEvent | None = yield ReadWebhookEvent(account=account, webhook_event_id=webhook_event_id)
    if event is None:
        return 0
    webhooks: tuple[Webhook, ...] = yield ReadWebhooks(account=account)
    wanted = [webhook for webhook in webhooks if webhook.wants(event)]
    now = yield Clock()
    for webhook in wanted:
        due_key = keys.due_key(PRIORITY, now + worker.times.hint)
        yield AddDelivery(delivery=new_delivery(event, webhook, due_key))
        yield _hint(webhook.webhook_id, webhook_event_id)
    yield EndDistribution(account=account, webhook_event_id=webhook_event_id)
    return len(wanted)


def post(webhook_id: str, webhook_event_id: str, worker: Worker) -> Steps[Delivery | None]:
    """Make one attempt at a delivery, if one is due and its account's turn has come.

    Returns the delivery as it was stored after it, or ``None`` if there was none: it may have been put off.
    """
    seen: Delivery | None = yield ReadDelivery(webhook_id=webhook_id, webhook_event_id=webhook_event_id)
    now = yield Clock()
    if seen is None:
        return None
    begun = attempts.claim(attempts_of(seen), POLICY, now, worker.deadline)
    if begun in (Cannot.ENDED, Cannot.BUSY, Cannot.EARLY, Cannot.LATE):
        return None
    chance = yield Random()
    in_flight: InFlight = yield ReadInFlight(account=seen.account)
    most, age = worker.times.in_flight, now - seen.begun_at
    later = next_turn(in_flight, now, most=most, chance=chance, age=age)
    if later is not None and age < GIVEN_UP_AFTER:
        yield from _put_off(seen, later, now, worker)
        return None
    webhook: Webhook | None = yield ReadWebhook(account=seen.account, webhook_id=webhook_id)
    event: WebhookEvent | None = yield ReadWebhookEvent(account=seen.account, webhook_event_id=webhook_event_id)
    if webhook is None or event is None:
        return (yield from _give_up(seen, "the webhook was removed" if webhook is None else "it is no longer kept"))
    if not isinstance(begun, Claimed) or age >= GIVEN_UP_AFTER:
        return (yield from _give_up(seen, seen.why or "its turn never came"))
    attempt, host = (yield NewAttemptId()), host_of(webhook.url)
    turn = admit(in_flight, host, Request(attempt=attempt, until=begun.until), now, chance)
    if isinstance(turn, datetime) or not (yield RecordInFlight(in_flight=turn)):
        later = turn if isinstance(turn, datetime) else now + SHORTEST_TURN * chance
        yield from _put_off(seen, later, now, worker)
        return None
    turn = replace(turn, fence=turn.fence + 1)
    claimed = replace(
        recorded(seen, begun.attempts),
        attempts=seen.attempts + 1,
        tried_at=now,
        due_key=keys.due_key(PRIORITY, begun.until),
    )
    if not (yield RecordDelivery(delivery=claimed)):
        yield from _end_turn(turn, host, attempt, answered=None)
        return None
    claimed = replace(claimed, fence=claimed.fence + 1)
    content: Mapping[str, Any] = {}
    if webhook.payload is WebhookPayload.FULL:
        content = yield ReadWebhookContent(webhook_event=event)
    answer: Answer = yield PostWebhook(webhook=webhook, webhook_event=event, content=content, at=now)
    delivery = yield from _record(claimed, begun, answer, worker)
    yield from _end_turn(turn, host, attempt, answered=bool(answer.status))
    return delivery


def _record(claimed: Delivery, begun: Claimed, answer: Answer, worker: Worker) -> Steps[Delivery | None]:
    """Store how the attempt ended; queue a hint for the next one, or leave it to the sweep if it is too far off."""
    now = yield Clock()
    said = Refused(refusal=Refusal.BUSY, why=answer.why) if answer.why else Accepted(ses_id="")
    after = attempts.outcome(begun, said, POLICY, now, 0.0)
    ended = replace(recorded(claimed, after), status=answer.status, why=answer.why)
    if after.not_before is not None:
        return (yield from _put_off(ended, after.not_before, now, worker))
    return ended if (yield RecordDelivery(delivery=replace(ended, due_key=None))) else None


def _put_off(delivery: Delivery, until: datetime, now: datetime, worker: Worker) -> Steps[Delivery | None]:
    """Store that the next attempt is due at ``until``, with a hint that comes at that time. Where the hint is lost, or
    the delay too long for SQS, the sweep queues one.
    """
    soon = until - now <= MAX_DELAY
    due_key = keys.due_key(PRIORITY, until + worker.times.hint if soon else until)
    later = replace(delivery, next_at=until, due_key=due_key)
    if not (yield RecordDelivery(delivery=later)):
        return None
    if soon:
        yield _hint(delivery.webhook_id, delivery.webhook_event_id, until - now)
    return later


def _give_up(seen: Delivery, why: str) -> Steps[Delivery | None]:
    dead = replace(seen, state=WebhookDeliveryState.DEAD, why=why, lease_until=None, next_at=None, due_key=None)
    return dead if (yield RecordDelivery(delivery=dead)) else None


def _end_turn(in_flight: InFlight, host: str, attempt: str, *, answered: bool | None) -> Steps[None]:
    """Take the request off what the account has in flight. Where others write first each time, it ends by itself."""
    now = yield Clock()
    for _ in range(ROUNDS):
        if (yield RecordInFlight(in_flight=finish(in_flight, host, attempt, answered=answered, now=now))):
            return
        in_flight = yield ReadInFlight(account=in_flight.account)


def attempts_of(seen: Delivery) -> Attempts:
    """The attempts at a delivery, as the shared rules see them."""
    return Attempts(
        stage=Stage.DUE if seen.state is WebhookDeliveryState.PENDING else Stage.GIVEN_UP,
        failed=seen.attempts - seen.unknown,
        unknown=seen.unknown,
        lease_until=seen.lease_until,
        not_before=seen.next_at,
    )


STATES = {
    Stage.DUE: WebhookDeliveryState.PENDING,
    Stage.DONE: WebhookDeliveryState.DELIVERED,
    Stage.GIVEN_UP: WebhookDeliveryState.DEAD,
}


def recorded(delivery: Delivery, tried: Attempts) -> Delivery:
    """The delivery in the state after these attempts; how many were begun is not changed."""
    return replace(
        delivery,
        state=STATES[tried.stage],
        unknown=tried.unknown,
        lease_until=tried.lease_until,
        next_at=tried.not_before,
    )


def _hint(webhook_id: str, webhook_event_id: str, after: timedelta = timedelta()) -> Enqueue:
    # Whole seconds, rounded up, so that it never comes before the attempt is due.
    seconds = int(after.total_seconds()) + (1 if after else 0)
    hint = WebhookHint(webhook_id=webhook_id, webhook_event_id=webhook_event_id)
    return Enqueue(hint=hint, urgent=False, delay_seconds=min(900, seconds))
