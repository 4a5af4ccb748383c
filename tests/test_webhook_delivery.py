"""Webhook events: each arrives at least once, signed as documented, or can be seen not to have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import boto3
import pytest

from convoke.aws.queues import hint_body
from convoke.aws.runtime import Aws
from convoke.delivery.webhooks import post
from convoke.effects import WebhookHint
from convoke.store import codec, dynamo, keys, outbox, writes
from convoke.store.deliveries import Deliveries
from convoke.store.outbox import About, about_registration
from convoke.webhooks import http
from convoke.webhooks.contents import registration_fields
from convoke.webhooks.events import (
    RETRIES,
    SIGNATURE_HEADER,
    Delivery,
    Webhook,
    WebhookDeliveryState,
    WebhookEvent,
    WebhookEventType,
    WebhookPayload,
    body,
    signature,
)
from convoke.webhooks.http import Answer
from convoke.webhooks.url_guard import Target
from tests.deployment import Deployment, a_deployment, sample
from tests.factories import EVENT_ID, NOW, REGISTRATION_ID, existing, registration, webhook

ROOT = Path(__file__).parent.parent
DATA = {"event_id": EVENT_ID, "registration_id": REGISTRATION_ID, "status": "registered", "version": 1}
HOOK = webhook(WebhookEventType.REGISTRATION_CREATED)


class Outside:
    """The webhooks' servers: what they were sent, and what they say, yes by default."""

    def __init__(self) -> None:
        self.stored: list[tuple[Target, bytes, Mapping[str, str]]] = []
        self.answers: list[Answer] = []
        self.always = Answer(status=200)

    def post(self, target: Target, body: bytes, headers: Mapping[str, str]) -> Answer:
        self.stored.append((target, body, headers))
        return self.answers.pop(0) if self.answers else self.always


class Stage:
    """The function, its tables and queue, and a clock."""

    def __init__(self, deployed: Deployment, outside: Outside) -> None:
        self.deployed, self.outside = deployed, outside
        self.client, self.settings, self.store = deployed.client, deployed.settings, deployed.store
        self.now = NOW
        self.hinted: list[dict[str, str]] = []

    def happen(self, account: str = "acme") -> str:
        """Something happens that webhooks listen to; the id of the webhook_event."""
        happened = {WebhookEventType.REGISTRATION_CREATED: About(data=DATA)}
        actions = self.store.outbox.event_actions(account, happened, self.now)
        assert not writes.attempt(self.client, actions)
        action = actions["webhook event registration.created"]
        return str(action["Put"]["Item"]["webhook_event_id"]["S"])

    def ring(self, webhook_event_id: str) -> Any:
        record = sample("hooks-new-event")["Records"][0]
        keyed = {name: {"S": value} for name, value in keys.webhook_event("acme", webhook_event_id).items()}
        record["dynamodb"]["Keys"] = keyed
        return self.deployed.call("hooks", {"Records": [record]})

    def hint(self, webhook_event: str, webhook: str = "", account: str = "") -> Any:
        where = hint_body(WebhookHint(webhook_event_id=webhook_event, webhook_id=webhook, account=account))
        record = sample("hooks-delivery")["Records"][0] | {"body": json.dumps(where)}
        return self.deployed.call("hooks", {"Records": [record]})

    def drain(self) -> None:
        """What waits in the queue, whatever its delay."""
        sqs = boto3.client("sqs")
        while waiting := sqs.receive_message(QueueUrl=self.settings.hooks_queue, MaxNumberOfMessages=10).get(
            "Messages", []
        ):
            for message in waiting:
                self.hinted.append(json.loads(message["Body"]))
                assert self.hint(**self.hinted[-1]) == {"batchItemFailures": []}
                sqs.delete_message(QueueUrl=self.settings.hooks_queue, ReceiptHandle=message["ReceiptHandle"])

    def sweep(self) -> int:
        """What the sweeper hands out is seen to."""
        hints = list(self.store.deliveries.due(self.now, 100))
        for hint in hints:
            assert self.hint(hint.webhook_event_id, hint.webhook_id, hint.account) == {"batchItemFailures": []}
        return len(hints)

    def post(self, webhook_event_id: str, webhook: Webhook = HOOK) -> Delivery | None:
        """One attempt, by a worker of its own."""
        runtime = Aws(self.settings)
        return runtime.run(post(webhook.webhook_id, webhook_event_id, runtime.worker(20_000)))

    def delivery(self, webhook_event_id: str, webhook: Webhook = HOOK) -> Delivery:
        return existing(self.store.deliveries.read(webhook.webhook_id, webhook_event_id))

    def due_count(self) -> int:
        rows = self.client.scan(TableName=self.settings.webhooks_table)["Items"]
        return sum("due_key" in row for row in rows)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    outside = Outside()
    with a_deployment(monkeypatch) as deployed:
        made = Stage(deployed, outside)
        monkeypatch.setattr(http, "post", outside.post)
        monkeypatch.setattr("convoke.aws.runtime.clock", lambda: made.now)
        made.store.webhooks.create(HOOK)
        yield made


# --- what is told -------------------------------------------------------------------------------------------------


def test_a_new_webhook_event_is_posted_to_the_webhooks_that_want_it(stage: Stage) -> None:
    webhook_event_id = stage.happen()
    assert stage.ring(webhook_event_id) == {"batchItemFailures": []}
    stage.drain()

    [(target, told, headers)] = stage.outside.stored
    assert (target.host, target.path) == ("hooks.example.org", "/convoke")
    assert json.loads(told) == {
        "id": webhook_event_id,
        "type": "registration.created",
        "created_at": "2027-01-15T12:00:00.000000Z",
        "data": DATA,
    }
    assert headers["Content-Type"] == "application/json"
    assert stage.delivery(webhook_event_id).state is WebhookDeliveryState.DELIVERED
    assert stage.due_count() == 0


def test_a_webhook_whose_payload_is_full_is_told_who_it_is_and_another_one_is_not(stage: Stage) -> None:
    full = replace(HOOK, webhook_id="full", payload=WebhookPayload.FULL)
    stage.store.webhooks.create(full)
    about = about_registration(registration())
    actions = stage.store.outbox.event_actions("acme", {WebhookEventType.REGISTRATION_CREATED: about}, NOW)
    assert not writes.attempt(stage.client, actions)
    stage.ring(str(actions["webhook event registration.created"]["Put"]["Item"]["webhook_event_id"]["S"]))
    stage.drain()

    plain, whole = sorted((json.loads(told)["data"] for _, told, _ in stage.outside.stored), key=len)
    assert plain == about.data
    assert whole == {**about.data, "registration": registration_fields(registration())}
    assert whole["registration"]["email"] == registration().email


def test_what_a_webhook_event_says_in_full_is_gone_once_the_person_is_erased(stage: Stage) -> None:
    full = replace(HOOK, webhook_id="full", payload=WebhookPayload.FULL)
    stage.store.webhooks.create(full)
    about = about_registration(registration())
    actions = stage.store.outbox.event_actions("acme", {WebhookEventType.REGISTRATION_CREATED: about}, NOW)
    assert not writes.attempt(stage.client, actions)
    stage.store.outbox.forget(registration().registration_id)
    stage.ring(str(actions["webhook event registration.created"]["Put"]["Item"]["webhook_event_id"]["S"]))
    stage.drain()
    assert [json.loads(told)["data"] for _, told, _ in stage.outside.stored] == [about.data, about.data]
    assert registration().email not in str(stage.client.scan(TableName=stage.settings.webhooks_table)["Items"])


def test_nothing_is_stored_in_full_where_no_webhook_wants_it(stage: Stage) -> None:
    about = about_registration(registration())
    assert list(stage.store.outbox.event_actions("acme", {WebhookEventType.REGISTRATION_CREATED: about}, NOW)) == [
        "webhook event registration.created"
    ]


def test_what_became_of_a_mail_is_told_in_full_with_the_person_as_they_are(stage: Stage) -> None:
    full = replace(HOOK, webhook_id="full", payload=WebhookPayload.FULL)
    stage.store.webhooks.create(replace(full, events=(WebhookEventType.INVITATION_BOUNCED,)))
    person = registration()
    writes.attempt(stage.client, {"person": stage.store.registrations.new_action(person, "acme")})
    ids = {"event_id": person.event_id, "registration_id": person.registration_id}
    actions = stage.store.outbox.event_actions("acme", {WebhookEventType.INVITATION_BOUNCED: About(data=ids)}, NOW)
    assert json.loads(dynamo.unwire(actions["webhook content invitation.bounced"]["Put"]["Item"])["content"]) == {
        "registration": registration_fields(person)
    }


def test_whoever_listens_to_something_else_or_belongs_to_others_hears_nothing(stage: Stage) -> None:
    deaf = replace(HOOK, webhook_id="deaf", events=(WebhookEventType.REGISTRATION_CANCELLED,))
    other = replace(HOOK, webhook_id="other", account="other")
    second = replace(HOOK, webhook_id="second", url="https://second.example.org/")
    for hook in (deaf, other, second):
        stage.store.webhooks.create(hook)
    stage.ring(stage.happen())
    stage.drain()

    assert sorted(target.host for target, _, _ in stage.outside.stored) == ["hooks.example.org", "second.example.org"]


def documented() -> Any:
    """The check that docs/api.md shows, run as it stands there."""
    [code] = [
        code
        for code in re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text("utf-8"), re.DOTALL)
        if "def genuine(" in code
    ]
    room: dict[str, Any] = {}
    exec(code, room)  # noqa: S102 (our own documentation)
    return room["genuine"]


def test_the_signature_is_checked_as_documented(stage: Stage) -> None:
    genuine = documented()
    stage.ring(stage.happen())
    stage.drain()
    [(_, told, headers)] = stage.outside.stored
    signed, moment = headers[SIGNATURE_HEADER], NOW.timestamp()

    assert genuine(HOOK.secret, signed, told, moment + 60)
    assert not genuine("whs_another", signed, told, moment)
    assert not genuine(HOOK.secret, signed, told + b" ", moment)
    assert not genuine(HOOK.secret, signed, told, moment + 3600), "an old one, posted again"
    assert not genuine(HOOK.secret, signed.replace(f"t={int(moment)}", f"t={int(moment) + 1}"), told, moment)


def test_the_signature_covers_the_time_and_the_body() -> None:
    plain = signature(["whs_secret"], b"{}", NOW)
    assert re.fullmatch(r"t=1800014400,v1=[0-9a-f]{64}", plain)
    others = (
        signature(["whs_other"], b"{}", NOW),
        signature(["whs_secret"], b"[]", NOW),
        signature(["whs_secret"], b"{}", NOW + timedelta(seconds=1)),
    )
    assert plain not in others


def test_the_same_fact_is_the_same_bytes_at_each_try(stage: Stage) -> None:
    stage.outside.answers = [Answer(why="it did not answer: TimeoutError"), Answer(status=500, why="it answered 500")]
    stage.ring(stage.happen())
    for _ in range(5):
        stage.drain()
        stage.now += timedelta(minutes=10)
        stage.sweep()

    assert len(stage.outside.stored) == 3
    assert len({told for _, told, _ in stage.outside.stored}) == 1
    assert len({headers[SIGNATURE_HEADER] for _, _, headers in stage.outside.stored}) == 3


def test_a_fact_read_back_says_what_was_written() -> None:
    webhook_event = WebhookEvent(
        webhook_event_id="f",
        account="acme",
        type=WebhookEventType.TEST,
        data={"n": 1, "b": True, "s": "x"},
        created_at=NOW,
    )
    item = dynamo.unwire(dynamo.wire(outbox.webhook_event_item(webhook_event, due_at=NOW)))
    assert codec.read(WebhookEvent, item) == webhook_event
    assert body(webhook_event, {}) == (
        b'{"created_at":"2027-01-15T12:00:00.000000Z","data":{"b":true,"n":1,"s":"x"},"id":"f","type":"webhook.test"}'
    )


# --- again, and not for ever --------------------------------------------------------------------------------------


def test_there_are_at_least_eight_tries_over_about_a_day() -> None:
    assert len(RETRIES) + 1 >= 8
    assert timedelta(hours=20) < sum(RETRIES, timedelta()) < timedelta(hours=26)
    assert list(RETRIES) == sorted(RETRIES)


def test_who_never_answers_is_tried_less_and_less_and_then_left_and_it_shows(stage: Stage) -> None:
    stage.outside.always = Answer(status=503, why="it answered 503")
    webhook_event_id = stage.happen()
    stage.ring(webhook_event_id)
    stage.drain()
    tried = [NOW]
    while (next_at := stage.delivery(webhook_event_id).next_at) is not None:
        stage.now = next_at - timedelta(seconds=1)
        stage.sweep()
        assert len(stage.outside.stored) == len(tried), "too soon"
        stage.now = next_at + stage.settings.times.hint
        stage.sweep()
        tried.append(stage.now)

    assert len(stage.outside.stored) == len(tried) == 9
    waits = [later - earlier for earlier, later in pairwise(tried)]
    assert all(wait >= wanted for wait, wanted in zip(waits, RETRIES, strict=True))
    dead = stage.delivery(webhook_event_id)
    assert (dead.state, dead.attempts, dead.status, dead.why) == (WebhookDeliveryState.DEAD, 9, 503, "it answered 503")
    assert stage.due_count() == 0
    [shown] = stage.store.deliveries.list_deliveries(HOOK.webhook_id, limit=10, state=WebhookDeliveryState.DEAD).items
    assert shown == dead


def test_a_hint_that_comes_too_soon_or_twice_is_no_try(stage: Stage) -> None:
    stage.outside.answers = [Answer(status=500, why="it answered 500")]
    webhook_event_id = stage.happen()
    stage.ring(webhook_event_id)
    stage.ring(webhook_event_id)
    stage.drain()
    for _ in range(3):
        stage.hint(webhook=HOOK.webhook_id, webhook_event=webhook_event_id)
    assert len(stage.outside.stored) == 1
    stage.now += timedelta(seconds=11)
    for _ in range(3):
        stage.hint(webhook=HOOK.webhook_id, webhook_event=webhook_event_id)
    assert len(stage.outside.stored) == 2


def test_with_the_stream_and_every_hint_lost_the_sweeper_alone_gets_it_there(stage: Stage) -> None:
    webhook_event_id = stage.happen()
    for _ in range(10):
        stage.now += timedelta(minutes=1)
        stage.sweep()
    assert stage.delivery(webhook_event_id).state is WebhookDeliveryState.DELIVERED
    assert len(stage.outside.stored) == 1
    assert stage.due_count() == 0


def test_a_function_that_dies_while_it_waits_for_an_answer_is_followed_by_another(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        pass

    def die(*_: object) -> Answer:
        raise Died

    webhook_event_id = stage.happen()
    stage.ring(webhook_event_id)
    with monkeypatch.context() as patch:
        patch.setattr(http, "post", die)
        with pytest.raises(Died):
            stage.post(webhook_event_id)
    stage.drain()
    assert stage.outside.stored == [], "its lease is not over"
    for _ in range(3):
        stage.now += timedelta(minutes=1)
        stage.sweep()
    assert stage.delivery(webhook_event_id).state is WebhookDeliveryState.DELIVERED
    assert stage.delivery(webhook_event_id).attempts == 2


def test_two_at_once_post_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    webhook_event_id = stage.happen()
    stage.ring(webhook_event_id)

    def meanwhile(target: Target, told: bytes, headers: Mapping[str, str]) -> Answer:
        monkeypatch.setattr(http, "post", stage.outside.post)
        stage.post(webhook_event_id)
        return stage.outside.post(target, told, headers)

    monkeypatch.setattr(http, "post", meanwhile)
    stage.post(webhook_event_id)
    assert len(stage.outside.stored) == 1


def test_two_that_read_the_same_try_before_either_began_it_post_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook_event_id = stage.happen()
    stage.ring(webhook_event_id)
    read = Deliveries.read

    def beaten(*arguments: Any) -> Delivery | None:
        seen = read(*arguments)
        monkeypatch.setattr(Deliveries, "read", read)
        stage.post(webhook_event_id)
        return seen

    monkeypatch.setattr(Deliveries, "read", beaten)
    stage.post(webhook_event_id)
    assert len(stage.outside.stored) == 1
    assert stage.delivery(webhook_event_id).attempts == 1


def test_what_is_on_its_way_to_a_webhook_that_was_removed_stops(stage: Stage) -> None:
    stage.outside.always = Answer(status=500, why="it answered 500")
    webhook_event_id = stage.happen()
    stage.ring(webhook_event_id)
    stage.drain()
    assert stage.store.webhooks.remove("acme", HOOK.webhook_id)
    stage.now += timedelta(hours=1)
    stage.sweep()
    stage.drain()
    assert len(stage.outside.stored) == 1
    assert stage.delivery(webhook_event_id).why == "the webhook was removed"
    assert stage.due_count() == 0


def test_a_url_that_is_not_allowed_any_more_is_not_called(stage: Stage) -> None:
    local = replace(HOOK, webhook_id="local", url="http://127.0.0.1:8000/")
    stage.store.webhooks.create(local)
    webhook_event_id = stage.happen()
    stage.ring(webhook_event_id)
    stage.drain()
    assert [target.host for target, _, _ in stage.outside.stored] == ["hooks.example.org"]
    assert stage.delivery(webhook_event_id, local).why == "its URL must begin with https://"


def test_a_message_that_nobody_understands_is_left_to_the_dead_letters(stage: Stage) -> None:
    bad = sample("hooks-delivery")["Records"][0] | {"body": "{}", "messageId": "bad"}
    webhook_event_id = stage.happen()
    hint = json.dumps({"account": "acme", "webhook_event": webhook_event_id})
    good = sample("hooks-due-event")["Records"][0] | {"body": hint}
    answer = stage.deployed.call("hooks", {"Records": [bad, good]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert stage.delivery(webhook_event_id).state is WebhookDeliveryState.PENDING


@pytest.mark.parametrize("name", ["hooks-new-event", "hooks-due-event", "hooks-delivery"])
def test_the_samples_are_accepted(stage: Stage, name: str) -> None:
    assert stage.deployed.call("hooks", sample(name)) == {"batchItemFailures": []}


def test_facts_and_deliveries_are_kept_for_a_month(stage: Stage) -> None:
    stage.ring(stage.happen())
    rows = [dynamo.unwire(row) for row in stage.client.scan(TableName=stage.settings.webhooks_table)["Items"]]
    kept = [row for row in rows if row["sk"].startswith("WEBHOOK_EVENT#") or row["sk"].startswith("DELIVERY#")]
    assert len(kept) == 2
    for row in kept:
        assert datetime.fromtimestamp(int(row["expires_at"]), UTC) == NOW + timedelta(days=30)


def test_the_sweeper_hands_out_facts_beside_everything_else(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.happen()
    monkeypatch.setattr("convoke.aws.runtime.clock", lambda: NOW + timedelta(seconds=1))
    stage.deployed.call("sweep", sample("sweep"))
    stage.drain()
    assert [hint.keys() for hint in stage.hinted] == [{"webhook_event", "account"}, {"webhook_event", "webhook"}]
    assert len(stage.outside.stored) == 1
