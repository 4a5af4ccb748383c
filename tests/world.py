"""The protocol over real tables (moto), with a clock, a queue and a post office that a test holds in its hands."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws

from convoke import effects
from convoke.aws.runtime import Aws, drive
from convoke.decision.calendar_state import CalendarState
from convoke.decision.fan_out import Batch, FanOut
from convoke.decision.invitation import Invitation, Quota
from convoke.delivery.fan_out import plan, process_batch, to_be_planned
from convoke.delivery.notify import dispatch
from convoke.delivery.reconcile import Outcome, Worker, reconcile
from convoke.delivery.reports import apply_report
from convoke.delivery.survey import survey
from convoke.delivery.sweep import Limits, SweepResult, sweep
from convoke.effects import (
    Accepted,
    BatchHint,
    Effect,
    NotificationHint,
    PlanHint,
    Refused,
    RegistrationHint,
    Send,
    SendNotification,
    SurveyHint,
    Unknown,
)
from convoke.model import DeliveryState, Event, EventStatus, LocalTime, Method, Registration, RegistrationStatus
from convoke.registrations import returning, split_transfer, waitlist
from convoke.registrations.events import change_event, create_event, split_event
from convoke.registrations.registry import change_registration, register, resend, withdraw
from convoke.registrations.replies import register_again
from convoke.schedule import edits
from convoke.settings import Times
from convoke.store import codec, dynamo, keys
from convoke.store.events import SplitTransfer
from convoke.store.keys import due_key
from convoke.store.store import Store
from tests.factories import EVENT_ID, NEW_ID, NOW, SENDER, event, existing, expect, registration, report_on
from tests.simulation.quick import quick
from tests.simulation.tables import Tables
from tests.tables import SETTINGS, create_tables

Answer = Accepted | Refused | Unknown
LIMITS = Limits(urgent=1000, all=1000)
SWEEP_TIME = timedelta(seconds=45)
dynamo_wire = dynamo.wire


def announce(event_id: str) -> effects.Steps[bool]:
    """Queue the planning of a fan-out, as where many people are invited; false if nothing is to be planned."""
    seen = yield effects.ReadFanOut(event_id=event_id)
    if seen is None or not seen.planning:
        return False
    yield to_be_planned(seen, (yield effects.Clock()))
    return True


class World:
    """One event's world.

    ``answers`` is what SES says next instead of yes; ``sent`` all that it accepted, in order; ``left`` that and what it
    was silent about, which may have left as well; ``notifications`` all notifications that may have left.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self.store = Store(client, SETTINGS)
        self.now = NOW
        self.sent: list[Send] = []
        self.left: list[Send] = []
        self.notifications: list[SendNotification] = []
        self.queue: list[effects.Enqueue] = []
        self.calendar_state: list[str] = []
        self.answers: list[Answer] = []
        self.quota: Quota | None = None
        self.backlog = 0
        self.before: Callable[[Effect], None] = lambda _: None
        self.reads = self.store.reads
        self._aws = Aws(SETTINGS)
        self._names = 0
        self._arrived = 0

    def copied(self) -> World:
        """A world of its own that goes on from here, over the tables that there are then."""
        made = copy.copy(self)
        made.sent, made.left, made.notifications = [*self.sent], [*self.left], [*self.notifications]
        made.queue, made.calendar_state, made.answers = [*self.queue], [*self.calendar_state], [*self.answers]
        return made

    # --- what happens -----------------------------------------------------------------------------------------

    def perform(self, effect: Effect) -> Any:
        self.before(effect)
        match effect:
            case effects.Clock():
                return self.now
            case effects.Random():
                return 0.5
            case effects.NewAttemptId():
                self._names += 1
                return f"attempt-{self._names}"
            case effects.Wait(until=until):
                self.now = max(self.now, until)
                return None
            case effects.Log(what=what):
                return self.calendar_state.append(what)
            case effects.Send():
                return self._post(effect)
            case effects.SendNotification():
                return self._post_note(effect)
            case effects.ReadQuota():
                return self.quota
            case effects.ReadBacklog(urgent=urgent):
                return 0 if urgent else self.backlog
            case effects.All(steps=steps):
                return tuple(map(self._one_of_all, steps))
            case effects.Enqueue():
                return self.queue.append(effect)
            case effects.EnqueueAll(hints=hints, urgent=urgent):
                return self.queue.extend(effects.Enqueue(hint=hint, urgent=urgent) for hint in hints)
            case effects.Promote(event_id=event_id):
                return waitlist.promote(self.store, event_id, now=self.now)
            case effects.EndHold(event_id=event_id, registration_id=registration_id):
                return returning.end_hold(self.store, event_id, registration_id, now=self.now)
            case effects.TransferRegistrations(event_id=event_id):
                return split_transfer.transfer_batch(self.store, event_id, now=self.now)
        return self._aws.perform(effect)

    def _one_of_all(self, steps: effects.Steps[Any]) -> Any:
        """As ``Aws`` does it, but one after the other."""
        try:
            return self.run(steps)
        except Exception as error:
            return error

    def _post(self, rendered: Send) -> Answer:
        answer = self.answers.pop(0) if self.answers else Accepted(ses_id=f"ses-{len(self.sent) + 1}")
        if isinstance(answer, Accepted):
            self.sent.append(rendered)
        if not isinstance(answer, Refused):
            self.left.append(rendered)
        return answer

    def _post_note(self, rendered: SendNotification) -> Answer:
        answer = (
            self.answers.pop(0) if self.answers else Accepted(ses_id=f"ses-notification-{len(self.notifications) + 1}")
        )
        if not isinstance(answer, Refused):
            self.notifications.append(rendered)
        return answer

    def run(self, steps: effects.Steps[Any]) -> Any:
        return drive(steps, self.perform)

    def worker(self) -> Worker:
        return Worker(sender=SENDER, deadline=self.now + timedelta(seconds=30), times=Times())

    def pass_time(self, **delta: float) -> None:
        self.now += timedelta(**delta)

    # --- what people do ---------------------------------------------------------------------------------------

    def publish(self, **changes: Any) -> Event:
        made = event(**changes)
        create_event(self.store, made)
        return made

    def register(self, number: int = 1, **changes: Any) -> Registration:
        identifier = f"{number:010d}" + EVENT_ID
        person = registration(**{"registration_id": identifier, "email": f"person{number}@example.net", **changes})
        stored = register(self.store, person, now=self.now)
        if isinstance(stored, Registration) and stored.status is RegistrationStatus.DECLINED:
            stored = register_again(self.store, EVENT_ID, stored.registration_id, now=self.now)
        assert isinstance(stored, Registration)
        return stored

    def invite(self, number: int = 1, **changes: Any) -> Registration:
        """Somebody who registers, and is looked at: to whom the invitation is sent, if nothing is in its way."""
        person = self.register(number, **changes)
        self.look(person)
        return person

    def change(self, *, priority: int = 1, **changes: Any) -> Event:
        return self.become(replace(self.event(), **changes), priority=priority)

    def become(self, after: Event, *, priority: int = 1) -> Event:
        """Let the event be ``after``, which was made of what it is."""
        before = self.event()
        after = replace(after, version=before.version + 1, updated_at=self.now)
        assert change_event(self.store, before, after, priority=priority, now=self.now)
        return after

    def cut(self, since: LocalTime, change: Callable[[Event], Event] = lambda new: new) -> Event:
        """ "This and all following": the new event, after ``change``, to which nobody is copied yet."""
        before = self.event()
        old, new = edits.split(before, since, NEW_ID, self.now)
        new = change(new)
        transfer = SplitTransfer(event_id=NEW_ID, source=EVENT_ID, since=since, named=len(before.earlier), at=self.now)
        task = self.store.events.start_transfer_action(transfer, 1, self.now)
        old = replace(old, version=before.version + 1, updated_at=self.now)
        assert split_event(self.store, before, old, new, task, priority=1, now=self.now)
        return new

    def copy_batch(self, most: int = split_transfer.BATCH_SIZE) -> int:
        return split_transfer.transfer_batch(self.store, NEW_ID, now=self.now, most=most)

    def copy_all(self, most: int = split_transfer.BATCH_SIZE) -> None:
        while self.copy_batch(most):
            pass

    def cancel_event(self, reason: str = "") -> Event:
        return self.change(status=EventStatus.CANCELLED, reason=reason)

    def withdraw(self, person: Registration) -> None:
        withdraw(self.store, EVENT_ID, person.registration_id, now=self.now)

    def amend(self, person: Registration, **changes: Any) -> Registration:
        """Change what is known of somebody, as the API does: the address, the name, how many come with them."""
        ids = person.event_id, person.registration_id
        return expect(Registration, change_registration(self.store, *ids, changes=changes, priority=1, now=self.now))

    def resend(self, person: Registration) -> None:
        """Somebody asks for the latest message once more."""
        assert resend(self.store, person.event_id, person.registration_id, now=self.now) is None

    def just_before(self, kind: type[Effect], deed: Callable[[], object]) -> None:
        """The next time that an effect of this ``kind`` is to be done, ``deed`` is done before it."""

        def look(effect: Effect) -> None:
            if isinstance(effect, kind):
                self.before = lambda _: None
                deed()

        self.before = look

    def meanwhile(self, deed: Callable[[], object]) -> AbstractContextManager[object]:
        """Before the next transaction is written, ``deed`` is done."""
        attempt, deeds = self.store.attempt, [deed]

        def late(*actions: Any, **how: Any) -> Any:
            if deeds:
                deeds.pop()()
            return attempt(*actions, **how)

        return patch.object(self.store, "attempt", late)

    # --- who looks --------------------------------------------------------------------------------------------

    def look(self, person: Registration) -> Outcome:
        return expect(Outcome, self.run(reconcile(person.event_id, person.registration_id, self.worker())))

    def drain(self, *, size: int = 50) -> None:
        """Follow every hint in the queue, and those that come of them."""
        while self.queue:
            hint = self.queue.pop(0).hint
            if isinstance(hint, PlanHint):
                first = self.run(plan(hint.event_id, self.worker(), size=size))
                if first is not None:
                    self.run(process_batch(first, self.worker()))
            elif isinstance(hint, BatchHint):
                self.run(process_batch(hint, self.worker()))
            elif isinstance(hint, SurveyHint):
                self.run(survey(hint, self.worker()))
            elif isinstance(hint, NotificationHint):
                self.run(dispatch(hint.event_id, hint.registration_id, hint.notification_id, self.worker()))
            elif isinstance(hint, RegistrationHint):
                self.run(reconcile(hint.event_id, hint.registration_id, self.worker()))

    def sweep(self) -> dict[str, int]:
        swept: SweepResult = self.run(sweep(SENDER, Times(), limits=LIMITS, until=self.now + SWEEP_TIME))
        self.drain()
        return swept.counts

    def run_sweep_without_following(self) -> int:
        """How many hints one round of the sweeper hands out."""
        before = len(self.queue)
        self.run(sweep(SENDER, Times(), limits=LIMITS, until=self.now + SWEEP_TIME))
        return len(self.queue) - before

    def settle(self, rounds: int = 20) -> None:
        """Nothing but the sweeper, minute after minute, until nothing is due."""
        for _ in range(rounds):
            if not self.all_due():
                return
            self.pass_time(minutes=1)
            self.sweep()
        raise AssertionError(f"still due: {self.all_due()}")

    def arrive(self) -> None:
        """SES reports that all it accepted since then was delivered, each a second after the one before it."""
        for rendered in self.sent[self._arrived :]:
            self.pass_time(seconds=1)
            self.run(apply_report(report_on(rendered, DeliveryState.DELIVERED, self.now)))
        self._arrived = len(self.sent)

    def plan(self, *, size: int = 50, batches: int = 99) -> list[BatchHint]:
        """Plan the whole fan-out, whose batches then wait in the queue, no worker having any; returns them in their
        order.
        """
        self.queue.clear()
        found: list[BatchHint] = []
        while (first := self.run(plan(EVENT_ID, self.worker(), size=size, batches=batches))) is not None:
            found += [BatchHint(event_id=EVENT_ID, version=first.batch.version, first=first.batch.first)]
            found += [*(one.hint for one in self.queue if isinstance(one.hint, BatchHint))]
            later = due_key(first.batch.priority, self.now + Times().hint)
            assert self.perform(effects.MoveBatch(batch=first.batch, after=first.batch.after, due_key=later))
            self.queue.clear()
        self.queue = [effects.Enqueue(hint=hint, urgent=False) for hint in found]
        return found

    def batches(self) -> list[Batch]:
        """The batches that have not ended, in their order."""
        rows = self.client.query(
            TableName=SETTINGS.invitations_table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :batch)",
            ExpressionAttributeValues=dynamo.wire({":pk": f"EVENT#{EVENT_ID}", ":batch": keys.BATCH_PREFIX}),
            ConsistentRead=True,
        )
        return [codec.read(Batch, dynamo.unwire(row)) for row in rows["Items"]]

    # --- what one sees ----------------------------------------------------------------------------------------

    def event(self, event_id: str = EVENT_ID) -> Event:
        return existing(self.reads.event(event_id))

    def everybody(self, event_id: str = EVENT_ID) -> tuple[Registration, ...]:
        return tuple(self.reads.some_registrations(event_id, "", 1000))

    def registration(self, person: Registration) -> Registration:
        """As it is stored now."""
        return existing(self.reads.registration(person.event_id, person.registration_id))

    def fan_out(self) -> FanOut:
        return existing(self.reads.fan_out(EVENT_ID))

    def invitation(self, person: Registration) -> Invitation:
        return existing(self.reads.invitation(person.event_id, person.registration_id))

    def all_due(self) -> list[str]:
        """Everything that somebody still has to be told; whether all were reached is looked at for its own sake."""
        return [row["sk"]["S"] for row in self._due_items() if row["sk"]["S"] != keys.survey("")["sk"]]

    def due(self) -> bool:
        """Whether something is due at this very moment."""
        latest = due_key(9, self.now).partition("#")[2]
        return any(row["due_key"]["S"].partition("#")[2] <= latest for row in self._due_items())

    def _due_items(self) -> list[dict[str, Any]]:
        answer = self.client.scan(
            TableName=SETTINGS.invitations_table, FilterExpression="attribute_exists(due_key)", ConsistentRead=True
        )
        found: list[dict[str, Any]] = answer["Items"]
        return found

    @property
    def told(self) -> list[CalendarState]:
        """What each mail that was sent told, in order."""
        return [one.intent.calendar_state for one in self.sent]

    def said(self, address: str | None = None) -> list[tuple[Method, int]]:
        """METHOD and SEQUENCE of all that was sent, to one address or to all."""
        return [(one.method, one.sequence) for one in self.told if address is None or one.recipient == address]


@contextmanager
def an_empty_world() -> Iterator[World]:
    """A world without an event."""
    with mock_aws(), patch.dict(os.environ, {"AWS_DEFAULT_REGION": "eu-central-1"}):
        client = boto3.client("dynamodb")
        create_tables(client)
        yield World(client)


@contextmanager
def a_world(**event_changes: Any) -> Iterator[World]:
    """A world with a published event and nobody registered."""
    with an_empty_world() as world:
        world.publish(**event_changes)
        yield world


class QuickWorld(World):
    """A world over the simulation's tables, which are compared with DynamoDB's and a hundred times as fast."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self._tables = tables

    def _due_items(self) -> list[dict[str, Any]]:
        return [dynamo_wire({"sk": row["sk"], "due_key": row["due_key"]}) for row in self._tables.due.values()]


@contextmanager
def an_empty_quick_world() -> Iterator[World]:
    """As :func:`an_empty_world`."""
    tables = Tables(SETTINGS.registrations_table, lambda *_: None)
    with quick(), patch.object(dynamo, "client", lambda: tables):
        yield QuickWorld(tables)


@contextmanager
def a_quick_world(**event_changes: Any) -> Iterator[World]:
    """As :func:`a_world`."""
    with an_empty_quick_world() as world:
        world.publish(**event_changes)
        yield world
