"""One account's webhooks that never answer, among ten accounts whose webhooks do: how long the ten wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import count
from random import Random
from statistics import quantiles
from typing import Any

import pytest

from convoke import effects
from convoke.delivery.reconcile import Worker
from convoke.delivery.webhooks import distribute, post
from convoke.settings import Times
from convoke.store import outbox
from convoke.store.store import Store
from convoke.webhooks import in_flight
from convoke.webhooks.events import Webhook, WebhookEvent, WebhookEventType
from convoke.webhooks.http import TOTAL_TIMEOUT, Answer
from tests import policies
from tests.factories import NOW, SENDER
from tests.simulation import quick
from tests.simulation.scene import SETTINGS
from tests.simulation.tables import Tables
from tests.tables import template

WORKERS = template()["Parameters"]["WebhookConcurrency"]["Default"]
GOOD = tuple(f"good{number}" for number in range(10))
CALL, GOOD_ANSWER = 0.005, 0.2
"""Seconds that a call to the tables takes, and a server that answers."""


@dataclass
class Shop:
    """The queue and its workers, with a clock of their own; every event is distributed as soon as it happens."""

    times: Times
    now: float = 0.0
    free: int = WORKERS
    agenda: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    queue: list[effects.WebhookHint] = field(default_factory=list)
    told: dict[str, float] = field(default_factory=dict)
    posts: int = 0

    def __post_init__(self) -> None:
        self.numbers, self.dice = count(), Random(1)  # noqa: S311 (jitter, not a secret)
        self.tables = Tables((), lambda *_: None)
        self.store = Store(self.tables, SETTINGS)

    def instant(self) -> datetime:
        return NOW + timedelta(seconds=self.now)

    def at(self, seconds: float, what: Callable[[], None]) -> None:
        heappush(self.agenda, (self.now + seconds, next(self.numbers), what))

    def listen(self, account: str) -> None:
        url, types = f"https://{account}.example.org/", (WebhookEventType.REGISTRATION_CREATED,)
        hook = Webhook(webhook_id=account, account=account, url=url, events=types, secret="s", created_at=NOW)
        self.store.webhooks.create(hook)

    def happen(self, account: str, event_id: str) -> None:
        event = WebhookEvent(
            webhook_event_id=event_id,
            account=account,
            type=WebhookEventType.REGISTRATION_CREATED,
            data={},
            created_at=self.instant(),
        )
        self.tables.put_item(
            TableName=SETTINGS.webhooks_table, Item=outbox.webhook_event_item(event, due_at=self.instant())
        )
        self.run(distribute(account, event_id, self.worker()), lambda: None)

    def worker(self) -> Worker:
        return Worker(sender=SENDER, deadline=self.instant() + timedelta(seconds=20), times=self.times)

    def receive(self, hint: effects.WebhookHint) -> None:
        self.queue.append(hint)
        self.work()

    def work(self) -> None:
        """As the poller of a queue: the oldest message to the next free worker."""
        while self.free and self.queue:
            hint = self.queue.pop(0)
            self.free -= 1
            self.run(post(hint.webhook_id, hint.webhook_event_id, self.worker()), self.rest)

    def rest(self) -> None:
        self.free += 1
        self.work()

    def run(self, steps: Any, done: Callable[[], None], answer: Any = None) -> None:
        try:
            effect = steps.send(answer)
        except StopIteration:
            return done()
        seconds, answer = CALL, None
        match effect:
            case effects.Clock():
                seconds, answer = 0.0, self.instant()
            case effects.Random():
                seconds, answer = 0.0, self.dice.random()
            case effects.NewAttemptId():
                seconds, answer = 0.0, f"attempt{next(self.numbers)}"
            case effects.Enqueue(hint=hint, delay_seconds=delay):
                assert isinstance(hint, effects.WebhookHint)
                self.at(delay + 0.05, partial(self.receive, hint))
            case effects.PostWebhook(webhook=webhook, webhook_event=event):
                self.posts += 1
                drips = webhook.account == "dripping"
                seconds, answer = (TOTAL_TIMEOUT, Answer(why="late")) if drips else (GOOD_ANSWER, Answer(status=200))
                if not drips:
                    self.told[event.webhook_event_id] = self.now + seconds
            case _:
                answer = self.store.perform(effect)
        return self.at(seconds, lambda: self.run(steps, done, answer))

    def until(self, moment: float) -> None:
        while self.agenda and self.agenda[0][0] <= moment:
            self.now, _, what = heappop(self.agenda)
            what()


def delays(dripping: int, times: Times = Times(in_flight=WORKERS // 2)) -> list[float]:  # noqa: B008 (frozen)
    """Seconds from an event to its webhook, of ten good accounts with one event every five seconds each, while an
    account whose server never answers has ``dripping`` events in their first second.
    """
    with quick.quick():
        shop = Shop(times=times)
        for account in (*GOOD, "dripping"):
            shop.listen(account)
        for number in range(dripping):
            shop.at(number / dripping, lambda number=number: shop.happen("dripping", f"drip{number}"))  # type: ignore[misc]
        happened = {
            f"{good}-{second}": second + number / 2 for number, good in enumerate(GOOD) for second in range(0, 60, 5)
        }
        for event_id, moment in happened.items():
            shop.at(moment, lambda event_id=event_id: shop.happen(event_id.split("-")[0], event_id))  # type: ignore[misc]
        shop.until(300.0)
        return [shop.told.get(event_id, 300.0) - moment for event_id, moment in happened.items()]


def test_a_dripping_server_does_not_hold_up_the_webhooks_of_others() -> None:
    beside = delays(200)
    usual, worst = quantiles(beside, n=100)[49], max(beside)
    assert usual < 2
    assert worst < 10


def test_without_a_limit_it_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_flight, "BROKEN_AFTER", 1000)
    assert max(delays(200, Times(in_flight=1000))) > 60


def test_an_account_gets_half_of_the_workers() -> None:
    deployed = policies.transformed()
    assert deployed["Parameters"]["WebhookConcurrency"]["MinValue"] == 2
    hooks = deployed["Resources"]["Hooks"]["Properties"]["Environment"]["Variables"]
    assert hooks["WEBHOOK_CONCURRENCY"] == {"Ref": "WebhookConcurrency"}
