"""Many people are registered at once, with one result for each."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from convoke.registrations import registry
from convoke.registrations.bulk import Registered, register_all
from convoke.registrations.events import create_event
from convoke.registrations.returning import HELD
from convoke.store import keys
from convoke.store.store import Store
from tests.caller import BO, Answer, World, a_caller
from tests.factories import NOW, event, registration
from tests.fixtures import patching_fixture_of
from tests.simulation.tables import Tables, Typed
from tests.tables import SETTINGS, everything

world = patching_fixture_of(a_caller)


def people(count: int) -> list[dict[str, Any]]:
    return [{"name": f"Person {number}", "email": f"person{number}@example.net"} for number in range(count)]


def ask(world: World, event: str, registrations: list[dict[str, Any]], **headers: Any) -> Answer:
    return world.call("POST", f"{event}/registrations/bulk", {"registrations": registrations}, **headers)


def statuses(answer: Answer) -> list[int]:
    assert answer.status == 200, answer.raw
    return [one["status"] for one in answer.body["items"]]


def listed(world: World, event: str, **query: str) -> list[str]:
    answer = world.call("GET", f"{event}/registrations", query={"limit": "100"} | query)
    return [one["email"] for one in answer.body["items"]]


def test_many_are_registered_as_each_alone_would_be(world: World) -> None:
    event = world.hold()
    answer = ask(world, event, [one | {"external_id": one["name"], "metadata": {"a": "b"}} for one in people(30)])
    assert statuses(answer) == [201] * 30
    assert listed(world, event) == [one["email"] for one in people(30)], "in their order"
    assert world.call("GET", event).body["registered"] == 30
    first = answer.body["items"][0]
    alone = world.call("GET", f"{event}/registrations/{first['registration_id']}").body
    assert (alone["external_id"], alone["metadata"], alone["invitation"]["state"]) == (
        *("Person 0", {"a": "b"}),
        "pending",
    )


def test_one_that_is_wrong_keeps_nobody_else_out(world: World) -> None:
    event = world.hold()
    bo = world.register(event, external_id="7")
    decliner = world.register(event, "cleo@example.com")
    withdrawn = world.register(event, "dan@example.org")
    world.call("DELETE", withdrawn)
    wanted = [
        *people(2),
        {"name": "", "email": "nobody"},
        BO | {"name": "Bo Other"},
        {"name": "Eve", "email": "eve@example.org", "external_id": "7"},
        {"name": "Dan", "email": "dan@example.org"},
        {"name": "Cleo", "email": "CLEO@example.com"},
        {"name": "Again", "email": "Person1@example.net"},
        {"name": "Sender", "email": "events@convoke.example.com"},
        {"name": "Fay", "email": "fay@example.org", "colour": "red"},
        *people(3)[2:],
    ]
    answer = ask(world, event, wanted)
    assert statuses(answer) == [201, 201, 422, 200, 409, 201, 200, 200, 422, 422, 201]
    items = answer.body["items"]
    assert [error["field"] for error in items[2]["errors"]] == ["name", "email"]
    assert (items[3]["existing"], items[3]["registration_id"]) == (True, bo.rpartition("/")[2])
    assert (items[4]["code"], items[4]["errors"][0]["field"]) == ("external_id_taken", "external_id")
    assert items[6]["registration_id"] == decliner.rpartition("/")[2]
    assert items[7]["registration_id"] == items[1]["registration_id"], "once for each address"
    assert world.call("GET", event).body["registered"] == 6
    assert world.call("GET", bo).body["name"] == BO["name"]


@pytest.mark.parametrize("capacity", [1, 5, 12, 13, 30])
def test_seats_and_places_are_given_in_their_order(
    world: World, monkeypatch: pytest.MonkeyPatch, capacity: int
) -> None:
    # However slow the machine is at this moment: this is not about the time.
    monkeypatch.setattr("convoke.web.bulk.SECONDS", 600.0)
    event = world.hold(capacity=capacity)
    assert statuses(ask(world, event, people(30))) == [201] * 30
    shown = world.call("GET", event).body
    assert (shown["registered"], shown["waiting"]) == (capacity, 30 - capacity)
    assert listed(world, event, status="registered") == [one["email"] for one in people(capacity)]
    first, *_ = world.call("GET", f"{event}/registrations", query={"status": "registered"}).body["items"]
    world.call("DELETE", f"{event}/registrations/{first['registration_id']}")
    if capacity < 30:
        promoted = f"person{capacity}@example.net"
        assert promoted in listed(world, event, status="registered"), "the first of the waitlist"


def test_addresses_that_differ_in_a_tag_are_registered_and_counted(world: World) -> None:
    event = world.hold()
    family = [{"name": "Bo Ek", "email": f"bo+{number}@example.net"} for number in range(40)]
    answer = ask(world, event, family)
    assert statuses(answer) == [201] * 30 + [429] * 10
    waits = [one["retry_after"] for one in answer.body["items"]]
    assert waits[:30] == [None] * 30
    assert all(isinstance(wait, int) and wait > 0 for wait in waits[30:])
    assert listed(world, event) == [one["email"] for one in family[:30]]


@pytest.mark.parametrize("number", [1, 3])
def test_whoever_registers_with_others_gets_the_seats_that_are_kept_for_them(world: World, number: int) -> None:
    event = world.hold(capacity=5)
    event_id, _, left = world.register(event, "person0@example.net").removeprefix("/events/").split("/")
    until = world.now + HELD
    assert world.store.brakes.may_hold(event_id, left, "person0@example.net", until, world.now)
    registry.withdraw(world.store, event_id, left, now=world.now, held_until=until)
    assert statuses(ask(world, event, people(number))) == [201] * number
    seats = world.store.reads.seats(event_id)
    assert (seats.taken, seats.held) == (number, 0)


def test_webhooks_are_told_of_each(world: World) -> None:
    event = world.hold(capacity=3)
    hook = {"url": "https://example.org/hook", "events": ["registration.created", "registration.waitlisted"]}
    assert world.call("POST", "/webhooks", hook).status == 201
    ask(world, event, people(5))
    told = [row["type"] for row in everything(world.client)["Webhooks"] if "data" in row]
    assert sorted(told) == ["registration.created"] * 5 + ["registration.waitlisted"] * 2


def test_a_repetition_registers_nobody_again(world: World) -> None:
    event = world.hold()
    wanted = [*people(3), {"name": "", "email": "x"}]
    first = ask(world, event, wanted, idempotency_key="once")
    gone = first.body["items"][1]["registration_id"]
    world.call("DELETE", f"{event}/registrations/{gone}")
    again = ask(world, event, wanted, idempotency_key="once")
    assert again.headers["idempotent-replayed"] == "true"
    assert statuses(again) == [200, 409, 200, 422]
    assert again.body["items"][0]["registration_id"] == first.body["items"][0]["registration_id"]
    assert world.call("GET", event).body["registered"] == 2
    assert ask(world, event, people(3), idempotency_key="once").status == 422, "another body"
    assert statuses(ask(world, event, wanted)) == [200, 201, 200, 422], "without the key it is another request"


def test_whoever_there_was_no_time_for_is_said_and_can_be_sent_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = world.hold()
    clock = iter([0.0, 1.0, 8.0])
    monkeypatch.setattr("convoke.web.bulk.monotonic", lambda: next(clock))
    first = ask(world, event, people(20), idempotency_key="once")
    assert statuses(first) == [201] * 12 + [503] * 8
    assert {one["code"] for one in first.body["items"][12:]} == {"busy"}
    clock = iter([0.0] * 1000)
    assert statuses(ask(world, event, people(20), idempotency_key="once")) == [200] * 12 + [201] * 8


def test_a_repetition_says_the_same_of_whoever_was_not_registered(world: World) -> None:
    event = world.hold()
    wanted = [one | {"external_id": "7"} for one in people(2)]
    for _ in range(2):
        _, other = ask(world, event, wanted, idempotency_key="once").body["items"]
        assert (other["status"], other["code"]) == (409, "external_id_taken")


def test_whoever_a_limit_held_back_can_be_sent_again(world: World) -> None:
    event, [first, held] = world.hold(), people(2)
    for _ in range(30):  # two mails each, of sixty an hour
        world.call("DELETE", world.register(event, held["email"]))
    assert statuses(ask(world, event, [first, held], idempotency_key="once")) == [201, 429]
    world.now += timedelta(hours=1)
    assert statuses(ask(world, event, [first, held], idempotency_key="once")) == [200, 201]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "registrations"),
        ({"registrations": []}, "registrations"),
        ({"registrations": [{}] * 501}, "registrations"),
        ({"registrations": [7]}, "registrations.0"),
        ({"registrations": [{}], "notify": "none"}, "notify"),
    ],
)
def test_a_bulk_is_a_list_of_up_to_five_hundred(world: World, body: dict[str, Any], field: str) -> None:
    answer = world.call("POST", f"{world.hold()}/registrations/bulk", body)
    assert (answer.status, answer.fields) == (422, [field])


def test_a_bulk_has_up_to_a_megabyte(world: World) -> None:
    event = world.hold()
    large = [one | {"metadata": {"note": "x" * 500}} for one in people(200)]
    assert len(str(large)) > 64 * 1024
    assert statuses(ask(world, event, large[:3])) == [201] * 3
    assert world.call("POST", f"{event}/registrations", {"name": "x" * 70_000}).status == 413
    assert ask(world, event, [{"name": "x" * 1_100_000}]).status == 413


def test_a_cancelled_event_takes_nobody(world: World) -> None:
    event = world.hold()
    world.call("POST", f"{event}/cancel")
    assert ask(world, event, people(2)).body["code"] == "event_cancelled"


class Slow(Typed):
    """Tables of which each call takes five milliseconds, as DynamoDB's."""

    calls = 0

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def slowly(**asked: Any) -> Any:
            self.calls += 1
            time.sleep(0.005)
            return called(**asked)

        called = super().__getattr__(operation)
        return slowly


def test_five_hundred_are_registered_in_few_calls() -> None:
    """A call to the tables takes some milliseconds: their number decides whether there is time for all."""
    client = Slow(Tables((), lambda *_: None))
    store, what = Store(client, SETTINGS), event()
    create_event(store, what)
    client.calls, began = 0, time.perf_counter()
    wanted = [
        registration(
            registration_id=keys.registration_id(NOW, number.to_bytes(16)), email=f"person{number}@example.net"
        )
        for number in range(500)
    ]
    outcomes = register_all(store, what, wanted, now=NOW, out_of_time=lambda: False)
    print(f"{client.calls} calls, {time.perf_counter() - began:.2f} s")
    assert outcomes == [Registered(registration=person) for person in wanted]
    assert client.calls < 180
    assert store.reads.seats(what.event_id).taken == 500
