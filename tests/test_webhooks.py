"""Webhooks over HTTP: who may have which, whose they are, and what becomes of what they are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from convoke.store import codec, dynamo, webhooks
from convoke.webhooks.events import WebhookDeliveryState, WebhookEvent, WebhookEventType
from tests.caller import World, a_caller, everybody, routes
from tests.factories import NOW
from tests.tables import SETTINGS, everything

HOOK = {"url": "https://hooks.example.org/convoke", "events": ["registration.created", "registration.cancelled"]}
OF_A_WEBHOOK = [route for route in routes() if "{webhook_id}" in route]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with a_caller(monkeypatch) as made:
        yield made


def listen(world: World, account: str = "acme", **changes: Any) -> str:
    answer = world.call("POST", "/webhooks", HOOK | changes, account=account)
    assert answer.status == 201, answer.raw
    return f"/webhooks/{answer.body['webhook_id']}"


def webhook_events(world: World) -> list[WebhookEvent]:
    rows = [dynamo.unwire(item) for item in world.client.scan(TableName=SETTINGS.webhooks_table)["Items"]]
    return sorted(
        (codec.read(WebhookEvent, row) for row in rows if row["sk"] == "WEBHOOK_EVENT"),
        key=lambda webhook_event: webhook_event.webhook_event_id,
    )


def test_a_webhook_is_made_and_its_secret_is_shown_once(world: World) -> None:
    made = world.call("POST", "/webhooks", HOOK)
    assert made.status == 201
    assert made.headers["location"] == f"/webhooks/{made.body['webhook_id']}"
    assert made.body["secret"].startswith("whs_")
    assert len(made.body["secret"]) > 40
    shown = {name: value for name, value in made.body.items() if name != "secret"}
    assert shown["url"] == HOOK["url"]
    assert shown["events"] == ["registration.cancelled", "registration.created"]
    assert world.call("GET", "/webhooks").body == {"items": [shown], "next": None}
    assert made.body["secret"] not in world.call("GET", "/webhooks").raw


def test_a_repeated_request_makes_no_second_webhook_and_shows_no_secret(world: World) -> None:
    first = world.call("POST", "/webhooks", HOOK, idempotency_key="k")
    again = world.call("POST", "/webhooks", HOOK, idempotency_key="k")
    assert (again.status, again.headers["idempotent-replayed"]) == (201, "true")
    assert again.body["webhook_id"] == first.body["webhook_id"]
    assert first.body["secret"] not in again.raw
    assert len(world.call("GET", "/webhooks").body["items"]) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": "http://hooks.example.org/"}, "url"),
        ({"url": "http://127.0.0.1:8000/"}, "url"),
        ({"url": "https://169.254.169.254/latest/"}, "url"),
        ({"url": None}, "url"),
        ({"events": []}, "events"),
        ({"events": ["everything"]}, "events.0"),
        ({"events": "registration.created"}, "events"),
        ({"secret": "mine"}, "secret"),
    ],
)
def test_a_bad_webhook_is_refused_and_nothing_stored(world: World, changes: dict[str, Any], field: str) -> None:
    before = everything(world.client)
    answer = world.call("POST", "/webhooks", HOOK | changes)
    assert (answer.status, answer.fields) == (422, [field])
    assert everything(world.client) == before


def test_an_account_has_a_handful_of_webhooks(world: World) -> None:
    mine = [listen(world) for _ in range(webhooks.MAX_WEBHOOKS)]
    assert world.call("POST", "/webhooks", HOOK).status == 409
    listen(world, account="other")
    assert world.call("DELETE", mine[0]).status == 200
    listen(world)
    assert len(world.call("GET", "/webhooks").body["items"]) == webhooks.MAX_WEBHOOKS


@pytest.mark.parametrize("route", OF_A_WEBHOOK)
def test_a_webhook_of_another_account_is_not_there(world: World, route: str) -> None:
    hook = listen(world)
    before = everything(world.client)
    method, path = route.split(" ")
    path = path.replace("/webhooks/{webhook_id}", hook)
    for strange in (path, path.replace(hook, "/webhooks/nothing"), path.replace(hook, "/webhooks/a'b")):
        assert world.call(method, strange, account="other").status == 404
    assert everything(world.client) == before
    assert world.call(method, path).status in (200, 202)


def test_accounts_see_their_own_webhooks_only(world: World) -> None:
    listen(world)
    assert world.call("GET", "/webhooks", account="other").body["items"] == []


def test_what_happens_to_a_registration_is_written_down_for_who_listens(world: World) -> None:
    listen(world, events=[f"registration.{what}" for what in ("created", "changed", "cancelled", "promoted")])
    event = world.hold(capacity=1)
    first = world.register(event)
    world.now += timedelta(seconds=1)
    second = world.register(event, "cleo@example.net")
    world.now += timedelta(seconds=1)
    world.call("PATCH", first, {"name": "Bo"})
    world.now += timedelta(seconds=1)
    world.call("DELETE", first)

    ids = [path.split("/")[4] for path in (first, second)]
    told = [
        (webhook_event.type, ids.index(webhook_event.data["registration_id"]), webhook_event.data["status"])
        for webhook_event in webhook_events(world)
    ]
    assert told[:3] == [
        ("registration.created", 0, "registered"),
        ("registration.created", 1, "waitlisted"),
        ("registration.changed", 0, "registered"),
    ]
    # These two happened in the same moment.
    assert sorted(told[3:]) == [("registration.cancelled", 0, "cancelled"), ("registration.promoted", 1, "registered")]
    assert {webhook_event.account for webhook_event in webhook_events(world)} == {"acme"}


def test_a_fact_holds_ids_and_states_and_nobody_s_name_or_address(world: World) -> None:
    listen(world)
    person = world.register(world.hold(), "canary@example.net", name="Canary Bird")
    [webhook_event] = webhook_events(world)
    assert webhook_event.data.keys() == {"event_id", "registration_id", "status", "version"}
    assert webhook_event.data["registration_id"] == person.split("/")[4]
    kept = str(world.client.scan(TableName=SETTINGS.webhooks_table)["Items"])
    assert "anary" not in kept


def test_what_nobody_listens_to_is_not_written_down(world: World) -> None:
    listen(world, account="other")
    listen(world, events=["registration.promoted"])
    world.register(world.hold())
    assert webhook_events(world) == []


def test_what_is_refused_or_repeated_is_no_fact(world: World) -> None:
    listen(world)
    event = world.hold()
    person = world.register(event)
    assert world.call("POST", f"{event}/registrations", {"name": "Bo", "email": "bo@example.net"}).status == 200
    world.now += timedelta(seconds=1)
    world.call("DELETE", person)
    world.call("DELETE", person)
    assert [webhook_event.type for webhook_event in webhook_events(world)] == [
        "registration.created",
        "registration.cancelled",
    ]


def test_who_is_forgotten_is_told_of_as_cancelled(world: World) -> None:
    listen(world)
    person = world.register(world.hold())
    world.now += timedelta(seconds=1)
    assert world.call("DELETE", person, query={"erase": "true"}).status == 202
    assert [webhook_event.type for webhook_event in webhook_events(world)] == [
        "registration.created",
        "registration.cancelled",
    ]


def test_a_test_is_owed_to_that_webhook_alone(world: World) -> None:
    hook, _ = listen(world), listen(world)
    assert world.call("POST", f"{hook}/test").status == 202
    page = world.call("GET", f"{hook}/deliveries").body
    assert [(one["type"], one["state"], one["attempts"]) for one in page["items"]] == [("webhook.test", "pending", 0)]
    [webhook_event] = webhook_events(world)
    assert webhook_event.data == {"webhook_id": hook.split("/")[2]}
    owed = list(world.store.deliveries.due(NOW + timedelta(seconds=1), 10))
    assert owed == [{"webhook_event": webhook_event.webhook_event_id, "webhook": hook.split("/")[2]}]


def test_deliveries_are_listed_the_latest_first_and_dead_ones_by_themselves(world: World) -> None:
    hook = listen(world)
    for _ in range(5):
        world.call("POST", f"{hook}/test")
        world.now += timedelta(seconds=1)
    listed = [one["id"] for page in everybody(world, f"{hook}/deliveries", limit="2") for one in page]
    assert listed == sorted(listed, reverse=True)
    assert len(listed) == 5

    webhook_id = hook.split("/")[2]
    seen = world.store.deliveries.read(webhook_id, listed[1])
    assert seen is not None
    dead = replace(seen, state=WebhookDeliveryState.DEAD, attempts=9, status=500, why="it answered 500", due_key=None)
    assert world.store.deliveries.replace_pending(seen, dead)
    [shown] = world.call("GET", f"{hook}/deliveries", query={"state": "dead"}).body["items"]
    assert (shown["id"], shown["status"], shown["why"]) == (listed[1], 500, "it answered 500")
    pending = everybody(world, f"{hook}/deliveries", limit="2", state="pending")
    assert [len(page) for page in pending] == [2, 2]


def test_a_cursor_of_other_deliveries_is_refused(world: World) -> None:
    hooks = [listen(world), listen(world)]
    for _ in range(2):
        world.call("POST", f"{hooks[0]}/test")
    cursor = world.call("GET", f"{hooks[0]}/deliveries", query={"limit": "1"}).body["next"]
    assert world.call("GET", f"{hooks[1]}/deliveries", query={"cursor": cursor}).fields == ["cursor"]


def test_every_kind_of_fact_but_the_test_can_be_listened_to(world: World) -> None:
    every = [what.value for what in WebhookEventType if what is not WebhookEventType.TEST]
    hook = listen(world, events=every)
    [shown] = world.call("GET", "/webhooks").body["items"]
    assert (shown["webhook_id"], shown["events"]) == (hook.split("/")[2], sorted(every))
    assert world.call("POST", "/webhooks", HOOK | {"events": ["webhook.test"]}).fields == ["events.0"]
