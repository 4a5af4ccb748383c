"""What the inbox of the local stack says of changes under way is what the API says of each event."""

from __future__ import annotations

from datetime import timedelta

import pytest

from convoke.store import dynamo, keys
from convoke.store.lookups import Lookups
from local import tellings
from local.postoffice.connected import Telling
from tests.caller import World, a_caller
from tests.fixtures import patching_fixture_of
from tests.tables import SETTINGS

TABLES = {
    "registrations": SETTINGS.registrations_table,
    "invitations": SETTINGS.invitations_table,
    "accounts": SETTINGS.accounts_table,
    "webhooks": SETTINGS.webhooks_table,
}


world = patching_fixture_of(a_caller)


def shown(world: World) -> list[Telling]:
    return tellings.read(Lookups(world.client, tellings.settings(TABLES)), "acme", world.now)


def test_a_change_that_is_told_shows_how_many_know_of_it(world: World) -> None:
    event = world.hold()
    assert shown(world) == [], "an event of which nobody is told"
    world.call("PATCH", event, {"title": "Other"})
    world.client.update_item(
        TableName=SETTINGS.invitations_table,
        Key=dynamo.wire(keys.fan_out(event.removeprefix("/events/"))),
        UpdateExpression="SET people = :people, #left = :left",
        ExpressionAttributeNames={"#left": "left"},
        ExpressionAttributeValues=dynamo.wire({":people": 200, ":left": 2}),
    )
    assert shown(world) == [Telling(title="Other", told=100, of=200)]
    assert world.call("GET", event).body["telling"] == {"told": 100, "of": 200}
    world.now += timedelta(hours=2)
    assert shown(world) == [], "only what was changed within the last hour is looked at"


def test_a_change_that_waits_shows_when_it_is_told(world: World) -> None:
    event = world.hold(notify_after=300)
    world.call("PATCH", event, {"title": "Other"})
    until = world.now + timedelta(minutes=5)
    assert shown(world) == [Telling(title="Other", at=until)]
    world.now = until
    assert shown(world) == [Telling(title="Other")]


def test_the_latest_changes_come_first_and_no_other_account_is_shown(world: World) -> None:
    for number in range(3):
        world.now += timedelta(seconds=1)
        world.call("PATCH", world.hold(title=f"Event {number}"), {"location": "Hall"})
    assert [one.title for one in shown(world)] == ["Event 2", "Event 1", "Event 0"]
    assert tellings.read(Lookups(world.client, tellings.settings(TABLES)), "other", world.now) == []


def test_of_many_changed_events_the_latest_are_shown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tellings, "MOST", 2)
    for number in range(3):
        world.now += timedelta(seconds=1)
        world.call("PATCH", world.hold(title=f"Event {number}"), {"location": "Hall"})
    assert [one.title for one in shown(world)] == ["Event 2", "Event 1"]
