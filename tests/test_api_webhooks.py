"""Webhooks over HTTP: who may have which, whose they are, and what becomes of what they are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from convoke.effects import WebhookHint
from convoke.store import codec, deliveries, dynamo, outbox, webhooks
from convoke.webhooks.events import Webhook, WebhookDeliveryState, WebhookEvent, WebhookEventType, signature
from tests.caller import World, a_caller, everybody, routes
from tests.factories import NOW, existing
from tests.fixtures import patching_fixture_of
from tests.tables import SETTINGS, unchanged
from tests.test_webhook_delivery import documented

HOOK = {"url": "https://hooks.example.org/convoke", "events": ["registration.created", "registration.cancelled"]}
OF_A_WEBHOOK = [route for route in routes() if "{webhook_id}" in route]


world = patching_fixture_of(a_caller)


def listen(world: World, account: str = "acme", **changes: Any) -> str:
    answer = world.call("POST", "/webhooks", HOOK | changes, account=account)
    assert answer.status == 201, answer.raw
    return f"/webhooks/{answer.body['webhook_id']}"


def webhook_events(world: World) -> list[WebhookEvent]:
    rows = [dynamo.unwire(item) for item in world.client.scan(TableName=SETTINGS.webhooks_table)["Items"]]
    return sorted(
        (codec.read(WebhookEvent, row) for row in rows if row["sk"].startswith("WEBHOOK_EVENT#")),
        key=lambda webhook_event: webhook_event.webhook_event_id,
    )


def test_a_webhook_is_told_ids_alone_unless_it_asks_for_more(world: World) -> None:
    hook = listen(world)
    assert world.call("GET", hook).body["payload"] == "ids"
    assert world.call("PATCH", hook, {"payload": "full"}).body["payload"] == "full"
    person = world.register(world.hold()).rpartition("/")[2]
    (happened,) = webhook_events(world)
    assert "email" not in str(happened.data)
    assert world.store.outbox.content(happened)["registration"]["email"] == "bo@example.net"
    refused = world.call("PATCH", hook, {"payload": "all"})
    assert (refused.status, refused.fields) == (422, ["payload"])
    erased = world.call(
        "DELETE", f"/events/{happened.data['event_id']}/registrations/{person}", query={"erase": "true"}
    )
    assert erased.body["status"] == "erased"
    assert world.store.outbox.content(happened) == {}


def test_a_changed_event_is_told_in_full_as_the_api_has_it(world: World) -> None:
    listen(world, events=["event.changed"], payload="full")
    event = world.hold()
    shown = world.call("PATCH", event, {"location": "Aula"}).body
    (happened,) = webhook_events(world)
    content = world.store.outbox.content(happened)["event"]
    assert content["location"] == "Aula"
    assert content == {name: shown[name] for name in content}


def test_a_webhook_is_made_and_its_secret_is_shown_once(world: World) -> None:
    made = world.call("POST", "/webhooks", HOOK)
    assert made.status == 201
    assert made.headers["location"] == f"/v1/webhooks/{made.body['webhook_id']}"
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
    with unchanged(world.client):
        answer = world.call("POST", "/webhooks", HOOK | changes)
        assert (answer.status, answer.fields) == (422, [field])


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
    with unchanged(world.client):
        method, path = route.split(" ")
        path = path.replace("/webhooks/{webhook_id}", hook)
        body: dict[str, Any] | None = {} if method == "PATCH" else None
        for strange in (path, path.replace(hook, "/webhooks/nothing"), path.replace(hook, "/webhooks/a'b")):
            assert world.call(method, strange, body, account="other").status == 404
    # Of a delivery there is none yet.
    assert world.call(method, path, body).status in ((404,) if "delivery_id" in path else (200, 202))


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


def test_a_test_is_due_for_that_webhook_alone(world: World) -> None:
    hook, _ = listen(world), listen(world)
    assert world.call("POST", f"{hook}/test").status == 202
    page = world.call("GET", f"{hook}/deliveries").body
    assert [(one["type"], one["state"], one["attempts"]) for one in page["items"]] == [("webhook.test", "pending", 0)]
    [webhook_event] = webhook_events(world)
    assert webhook_event.data == {"webhook_id": hook.split("/")[2]}
    listeners = world.store.webhooks.list_webhooks("acme")
    assert [one.webhook_id for one in listeners if one.wants(webhook_event)] == [hook.split("/")[2]]
    due = list(world.store.deliveries.due(NOW + timedelta(seconds=1), 10))
    assert due == [WebhookHint(webhook_event_id=webhook_event.webhook_event_id, account="acme")]


def test_deliveries_are_listed_the_latest_first_and_dead_ones_by_themselves(world: World) -> None:
    hook = listen(world)
    for _ in range(5):
        world.call("POST", f"{hook}/test")
        world.now += timedelta(seconds=1)
    listed = [one["id"] for page in everybody(world, f"{hook}/deliveries", limit="2") for one in page]
    assert listed == sorted(listed, reverse=True)
    assert len(listed) == 5

    webhook_id = hook.split("/")[2]
    seen = existing(world.store.deliveries.read(webhook_id, listed[1]))
    dead = replace(seen, state=WebhookDeliveryState.DEAD, attempts=9, status=500, why="it answered 500", due_key=None)
    assert world.store.deliveries.record(dead)
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


# --- reading, changing, rotating ----------------------------------------------------------------------------------


def test_a_webhook_is_read_without_its_secret(world: World) -> None:
    made = world.call("POST", "/webhooks", HOOK).body
    shown = world.call("GET", f"/webhooks/{made['webhook_id']}")
    assert (shown.status, shown.body) == (200, {name: made[name] for name in made if name != "secret"})


def test_a_webhook_is_changed_and_what_the_patch_leaves_out_stays(world: World) -> None:
    hook = listen(world)
    before = stored(world, hook)
    changed = world.call("PATCH", hook, {"url": "https://other.example.org/"})
    assert (changed.status, changed.body["url"]) == (200, "https://other.example.org/")
    assert changed.body["events"] == sorted(HOOK["events"])
    assert world.call("PATCH", hook, {"events": ["event.changed"]}).body["events"] == ["event.changed"]
    assert stored(world, hook) == replace(
        before, url="https://other.example.org/", events=(WebhookEventType.EVENT_CHANGED,)
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": "http://127.0.0.1/"}, "url"),
        ({"url": None}, "url"),
        ({"events": []}, "events"),
        ({"events": None}, "events"),
        ({"secret": "mine"}, "secret"),
    ],
)
def test_a_bad_change_of_a_webhook_is_refused_and_nothing_stored(
    world: World, changes: dict[str, Any], field: str
) -> None:
    hook = listen(world)
    with unchanged(world.client):
        answer = world.call("PATCH", hook, changes)
        assert (answer.status, answer.fields) == (422, [field])


def test_a_rotated_secret_overlaps_with_the_old_one(world: World) -> None:
    hook = listen(world)
    old = stored(world, hook).secret
    rotated = world.call("POST", f"{hook}/rotate", {"overlap": 3600})
    assert rotated.status == 200
    new = rotated.body["secret"]
    assert (new != old, new.startswith("whs_")) == (True, True)

    genuine, webhook = documented(), stored(world, hook)
    for moment, known in ((NOW, {old, new}), (NOW + timedelta(seconds=3600), {new})):
        signed = signature(webhook.secrets(moment), b"{}", moment)
        accepted = {secret for secret in (old, new, "whs_x") if genuine(secret, signed, b"{}", moment.timestamp())}
        assert accepted == known


@pytest.mark.parametrize("overlap", [-1, 604801, "1", 1.5])
def test_an_overlap_is_at_most_a_week(world: World, overlap: Any) -> None:
    assert world.call("POST", f"{listen(world)}/rotate", {"overlap": overlap}).fields == ["overlap"]


def test_a_repeated_rotation_changes_nothing_and_shows_no_secret(world: World) -> None:
    hook = listen(world)
    first = world.call("POST", f"{hook}/rotate", idempotency_key="k")
    with unchanged(world.client):
        again = world.call("POST", f"{hook}/rotate", idempotency_key="k")
        assert (again.status, again.body["secret"]) == (200, None)
        assert first.body["secret"] not in again.raw


def stored(world: World, hook: str) -> Webhook:
    return existing(world.store.webhooks.read("acme", hook.split("/")[2]))


# --- tests and redeliveries ---------------------------------------------------------------------------------------


def test_only_so_many_tests_are_posted_in_a_minute(world: World) -> None:
    hooks = [listen(world), listen(world)]
    for number in range(deliveries.TESTS_A_MINUTE):
        assert world.call("POST", f"{hooks[number % 2]}/test").status == 202
    with unchanged(world.client):
        refused = world.call("POST", f"{hooks[0]}/test")
        assert (refused.status, refused.headers["retry-after"]) == (429, "60")
    theirs = listen(world, account="other")
    assert world.call("POST", f"{theirs}/test", account="other").status == 202
    world.now += timedelta(seconds=60)
    assert world.call("POST", f"{hooks[0]}/test").status == 202


def test_a_dead_delivery_is_tried_anew_and_only_that(world: World) -> None:
    hook = listen(world)
    world.call("POST", f"{hook}/test")
    [shown] = world.call("GET", f"{hook}/deliveries").body["items"]
    path = f"{hook}/deliveries/{shown['id']}/redeliver"
    assert world.call("POST", path).status == 409
    seen = existing(world.store.deliveries.read(hook.split("/")[2], shown["id"]))
    dead = replace(seen, state=WebhookDeliveryState.DEAD, attempts=9, unknown=1, why="it answered 500", due_key=None)
    assert world.store.deliveries.record(dead)
    world.now += timedelta(days=3)

    answer = world.call("POST", path, idempotency_key="k")
    assert (answer.status, answer.body["state"], answer.body["attempts"]) == (202, "pending", 0)
    assert world.call("POST", path, idempotency_key="k").body == answer.body
    assert world.call("POST", path).status == 409
    again = existing(world.store.deliveries.read(hook.split("/")[2], shown["id"]))
    assert (again.begun_at, again.unknown) == (world.now, 0)
    assert WebhookHint(webhook_event_id=shown["id"], webhook_id=hook.split("/")[2]) in list(
        world.store.deliveries.due(world.now, 10)
    )
    assert world.call("POST", path.replace(shown["id"], "0" * 36)).status == 404
    assert world.call("POST", path, account="other").status == 404


# --- what happens to events, and changes --------------------------------------------------------------------------


def test_what_happens_to_an_event_is_written_down(world: World) -> None:
    listen(world, events=["event.created", "event.changed", "event.cancelled"])
    event = world.hold()
    for happens in (("PATCH", event, {"title": "Other"}), ("POST", f"{event}/cancel", {})):
        world.now += timedelta(seconds=1)
        assert world.call(*happens).status in (200, 202)
    told = [(one.type.value, one.data["status"], one.data["version"]) for one in webhook_events(world)]
    assert told == [
        ("event.created", "confirmed", 1),
        ("event.changed", "confirmed", 2),
        ("event.cancelled", "cancelled", 3),
    ]
    assert {one.data["event_id"] for one in webhook_events(world)} == {event.split("/")[2]}


def test_who_waits_is_told_of_as_waiting(world: World) -> None:
    listen(world, events=["registration.waitlisted"])
    event = world.hold(capacity=1)
    world.register(event)
    second = world.register(event, "cleo@example.net")
    [told] = webhook_events(world)
    assert (told.type, told.data["registration_id"], told.data["status"]) == (
        "registration.waitlisted",
        second.split("/")[4],
        "waitlisted",
    )


def test_changes_are_listed_in_order_from_where_one_was(world: World) -> None:
    hook = listen(world, events=["registration.created"])
    event = world.hold()
    for number in range(5):
        world.now += timedelta(seconds=1)
        world.register(event, f"person{number}@example.net")
    world.call("POST", f"{hook}/test")
    assert world.call("GET", "/changes").body == {"items": [], "next": None}, "too new to be settled"
    world.now += outbox.UNSETTLED + timedelta(seconds=1)

    told = [one.webhook_event_id for one in webhook_events(world) if one.type is not WebhookEventType.TEST]
    first = world.call("GET", "/changes", query={"limit": "2"}).body
    assert [one["id"] for one in first["items"]] == told[:2]
    assert first["next"] == told[1]
    rest = world.call("GET", "/changes", query={"after": first["next"]}).body
    assert ([one["id"] for one in rest["items"]], rest["next"]) == (told[2:], None)
    assert rest["items"][0].keys() == {"id", "type", "created_at", "data"}
    assert world.call("GET", "/changes", query={"after": told[-1]}).body["items"] == []
    assert world.call("GET", "/changes", account="other").body["items"] == []


def test_after_an_event_of_this_moment_there_is_nothing_yet(world: World) -> None:
    listen(world, events=["registration.created"])
    world.register(world.hold())
    [told] = webhook_events(world)
    asked = {"after": told.webhook_event_id}
    assert world.call("GET", "/changes", query=asked).body == {"items": [], "next": None}


@pytest.mark.parametrize("after", ["x", "0" * 37, "Z" * 36, "0" * 35 + "#"])
def test_after_is_the_id_of_an_event(world: World, after: str) -> None:
    answer = world.call("GET", "/changes", query={"after": after})
    assert answer.fields == ["after"]
    assert answer.body["detail"] == "after must be the id of an event, as webhooks and GET /changes have it"
