"""A trial of workers whose writes are answered too late: botocore repeats each, and meets what it wrote itself. It
yields what it finds wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from convoke.decision.fan_out import Batch, FanOut
from convoke.effects import BatchHint, ClaimBatch, ClaimNotification, MoveBatch, PlanBatches, ReadNotification
from convoke.mail import new_notifications
from convoke.store import keys
from convoke.store.imports import Import
from convoke.store.store import Store
from convoke.webhooks.events import WebhookEvent, WebhookEventType, new_delivery
from convoke.webhooks.in_flight import InFlight
from tests import factories

from . import quick
from .checker import Violation
from .scene import ACCOUNT, EVENT_ID, SETTINGS, START
from .tables import Quiet, Tables

LEASE = START + timedelta(minutes=1)
DUE = keys.due_key(1, START)


class _Deaf(Quiet):
    """Whether no write is answered the first time."""

    deaf = False

    def lost(self) -> str:
        return "repeated" if self.deaf else ""


def _batch(store: Store) -> Callable[[], bool]:
    seen = FanOut(event_id=EVENT_ID, version=2, priority=1)
    store.attempt({"fan-out": store.events.fan_out_action(seen, START)})
    batch = Batch(event_id=EVENT_ID, version=2, first="", through="9", after="", priority=1)
    plan = PlanBatches(seen=seen, batches=((batch, DUE),), through="9", people=1, due_key=None)
    assert store.fan_outs.plan_batches(plan)
    hint = BatchHint(event_id=EVENT_ID, version=2, first="")
    return lambda: store.fan_outs.claim_batch(ClaimBatch(hint=hint, now=START, lease_until=LEASE)) is not None


def _rest_of_a_batch(store: Store) -> Callable[[], bool]:
    assert _batch(store)()
    batch = Batch(event_id=EVENT_ID, version=2, first="", through="9", after="", priority=1, lease_until=LEASE)
    return lambda: store.fan_outs.move_batch(MoveBatch(batch=batch, after="5", due_key=DUE))


def _import(store: Store) -> Callable[[], bool]:
    one = Import(
        event_id=EVENT_ID, import_id="one", account=ACCOUNT, by="ci", created_at=START, started_at=START, lines=1
    )
    store.imports.create(one, "Name")
    return lambda: store.imports.claim(EVENT_ID, "one", lease_until=LEASE, now=START) is not None


def _rest_of_an_import(store: Store) -> Callable[[], bool]:
    assert _import(store)()
    one = store.imports.read(EVENT_ID, "one", START)
    assert one is not None
    return lambda: store.imports.give_back(one, START)


def _end_of_an_import(store: Store) -> Callable[[], bool]:
    assert _import(store)()
    one = store.imports.read(EVENT_ID, "one", START)
    assert one is not None
    return lambda: store.imports.finish(one, START)


def _notification(store: Store) -> Callable[[], bool]:
    event, person = factories.event(event_id=EVENT_ID), factories.registration(event_id=EVENT_ID)
    mail = new_notifications.no_seat(event, person, sequence=1, now=START)
    assert store.notifications.schedule(mail, now=START)
    read = ReadNotification(
        event_id=EVENT_ID, registration_id=person.registration_id, notification_id=mail.notification_id
    )
    seen = store.notifications.read(read)
    assert seen is not None
    claim = ClaimNotification(seen=seen, lease_until=LEASE, due_key=DUE)
    return lambda: store.notifications.claim(claim) is not None


def _delivery(store: Store) -> Callable[[], bool]:
    event = WebhookEvent(
        webhook_event_id="e", account=ACCOUNT, type=WebhookEventType.REGISTRATION_CREATED, data={}, created_at=START
    )
    store.deliveries.add(new_delivery(event, factories.webhook(event.type), DUE))
    seen = store.deliveries.read(factories.webhook(event.type).webhook_id, "e")
    assert seen is not None
    return lambda: store.deliveries.record(seen)


def _requests_in_flight(store: Store) -> Callable[[], bool]:
    return lambda: store.in_flight.record(InFlight(account=ACCOUNT))


WRITES = (
    _batch,
    _rest_of_a_batch,
    _import,
    _rest_of_an_import,
    _end_of_an_import,
    _notification,
    _delivery,
    _requests_in_flight,
)


def a_claim_is_answered_late() -> Iterator[Violation]:
    """Whoever claims something, or gives it back, knows that it has; whoever does the same just after it has not."""
    with quick.quick():
        for kind in WRITES:
            quick.forget()
            line = _Deaf()
            claim = kind(Store(Tables((), lambda *_: None, line), SETTINGS))
            line.deaf = True
            if not claim():
                yield Violation("claim", f"{kind.__name__}: takes its own claim for another's")
            if claim():
                yield Violation("claim", f"{kind.__name__}: two have it")
