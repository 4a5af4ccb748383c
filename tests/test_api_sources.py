"""What a source manages is not changed over HTTP, and what is wrong with its rows is listed there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from convoke.registrations.events import create_event
from convoke.registrations.registry import register
from convoke.sources.mapping import parse
from convoke.sources.sync import Site
from convoke.store import dynamo
from convoke.store.sources import RowKind
from tests.caller import World, a_caller
from tests.factories import EVENT_ID, NOW, REGISTRATION_ID, event, registration
from tests.test_sources import SITE, SUMMER

EVENT, PERSON = f"/events/{EVENT_ID}", f"/events/{EVENT_ID}/registrations/{REGISTRATION_ID}"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with a_caller(monkeypatch) as world:
        create_event(world.store, event(source="site", rule="FREQ=WEEKLY;COUNT=4"))
        register(world.store, registration(source="site"), now=NOW, account="acme")
        yield world


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", EVENT, {"title": "Another"}),
        ("POST", f"{EVENT}/cancel", {}),
        ("POST", f"{EVENT}/reopen", {}),
        ("POST", f"{EVENT}/undo", {}),
        ("POST", f"{EVENT}/split", {"from": "2027-03-19T09:00:00", "title": "Another"}),
        ("PATCH", PERSON, {"name": "Another"}),
        ("DELETE", PERSON, None),
    ],
)
def test_what_a_source_manages_is_refused_with_its_name(world: World, method: str, path: str, body: Any) -> None:
    before = world.store.reads.event(EVENT_ID), world.store.reads.registration(EVENT_ID, REGISTRATION_ID)
    answer = world.call(method, path, body)
    assert (answer.status, answer.body["code"]) == (409, "managed_by_source")
    assert answer.body["detail"] == "it is managed by the source site: change its row there"
    assert before == (world.store.reads.event(EVENT_ID), world.store.reads.registration(EVENT_ID, REGISTRATION_ID))


def test_what_a_source_manages_says_so_wherever_it_is_shown(world: World) -> None:
    for path in (EVENT, PERSON):
        assert world.call("GET", path).body["source"] == "site"
    lists: tuple[tuple[str, dict[str, str]], ...] = (
        ("/events", {}),
        (f"{EVENT}/registrations", {}),
        ("/registrations", {"email": "bo@example.net"}),
    )
    for path, query in lists:
        items = world.call("GET", path, query=query).body["items"]
        assert [one["source"] for one in items] == ["site"], path
    by_hand = world.call("POST", f"{EVENT}/registrations", {"name": "Cy Ek", "email": "cy@example.net"})
    assert by_hand.body["source"] is None, "whoever is registered over HTTP, at an event that a source manages"


def test_a_proposal_for_a_managed_event_cannot_be_accepted_but_can_be_declined(world: World) -> None:
    world.tell(PERSON)
    proposed = world.propose(PERSON)
    answer = world.call("POST", f"{proposed}/accept", {})
    assert (answer.status, answer.body["code"]) == (409, "managed_by_source")
    assert "change the time in its row" in answer.body["detail"]
    assert world.call("POST", f"{proposed}/decline", {}).status == 200


def test_what_no_row_says_is_done_over_http_for_managed_events_too(world: World) -> None:
    world.tell(PERSON)
    assert world.call("POST", f"{PERSON}/resend", {}).status == 202
    assert world.call("POST", f"{EVENT}/occurrences/2027-03-19T09:00:00/cancel", {}).status == 200
    assert world.call("DELETE", PERSON, query={"erase": "true"}).status == 202


def test_problems_of_rows_are_listed_without_anything_else_of_them(world: World) -> None:
    names = ("event_id",)
    world.client.create_table(
        TableName="site-events",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        KeySchema=[{"AttributeName": name, "KeyType": "HASH"} for name in names],
    )
    assert world.call("GET", "/sources/site/problems").status == 404
    site = Site(world.store, "acme", parse(json.dumps(SITE)), world.client)
    for number in range(3):
        row = SUMMER | {"event_id": f"e{number}", "tz": "Berlin"}
        world.client.put_item(TableName="site-events", Item=dynamo.wire(row))
        site.sync(RowKind.EVENTS, row, NOW)

    page = world.call("GET", "/sources/site/problems", query={"limit": "2"})
    assert page.status == 200, page.raw
    rest = world.call("GET", "/sources/site/problems", query={"cursor": page.body["next"]})
    found = page.body["items"] + rest.body["items"]
    assert sorted(one["key"]["event_id"]["S"] for one in found) == ["e0", "e1", "e2"]
    assert {name: found[0][name] for name in ("rows", "field", "reason", "since")} == {
        "rows": "events",
        "field": "time_zone",
        "reason": "must be the IANA name of a time zone, such as Europe/Berlin",
        "since": "2027-01-15T12:00:00.000000Z",
    }
    assert rest.body["next"] is None
    assert world.call("GET", "/sources/site/problems", account="other").status == 404
