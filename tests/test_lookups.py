"""The caller's own ids and data, and finding events and registrations by them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from convoke.registrations import registry
from convoke.registrations.split_transfer import transfer_batch
from convoke.store import lookups
from convoke.web import application
from convoke.web import people as lists_of_people
from tests.caller import BO, PARTY, World, a_caller, everybody
from tests.fixtures import patching_fixture_of
from tests.tables import everything, unchanged

OWN: dict[str, Any] = {"external_id": "meeting/7 ü", "metadata": {"team": "choir", "note": "two\nlines"}}


world = patching_fixture_of(a_caller)


def titles(world: World, **query: str) -> list[str]:
    return [one["title"] for page in everybody(world, "/events", **query) for one in page]


def people(world: World, path: str, **query: str) -> list[str]:
    return [one["registration_id"] for page in everybody(world, path, **query) for one in page]


# --- query parameters ---------------------------------------------------------------------------------------------


def every_route() -> list[tuple[str, str]]:
    routes = application.app._static_routes + application.app._dynamic_routes
    return sorted((route.method, route.openapi_path) for route in routes if route.include_in_schema)


@pytest.mark.parametrize(("method", "path"), every_route())
def test_a_query_parameter_that_is_not_known_is_refused(world: World, method: str, path: str) -> None:
    path = path.replace("{start}", PARTY["start"]).replace("{", "").replace("}", "")
    answer = world.call(method, path, {}, query={"colour": "red", "mail": "bo@example.net"})
    assert (answer.status, answer.fields) == (422, ["colour", "mail"])
    assert not any(everything(world.client).values())


# --- own ids and data ---------------------------------------------------------------------------------------------


def test_an_event_has_an_id_and_data_of_the_caller(world: World) -> None:
    event = world.hold(**OWN)
    assert world.call("GET", event).body.items() >= OWN.items()
    patch = {"metadata": {"team": None, "room": "7"}}
    assert world.call("PATCH", event, patch).body["metadata"] == {"note": "two\nlines", "room": "7"}
    assert world.call("PATCH", event, {"external_id": "8"}).body["external_id"] == "8"
    cleared = world.call("PATCH", event, {"external_id": None, "metadata": None}).body
    assert (cleared["external_id"], cleared["metadata"]) == (None, {})


BAD_OWN: list[tuple[dict[str, Any], str]] = [
    ({"external_id": ""}, "external_id"),
    ({"external_id": "x" * 201}, "external_id"),
    ({"external_id": "a\nb"}, "external_id"),
    ({"external_id": 7}, "external_id"),
    ({"metadata": {"a": "x" * 501}}, "metadata.a"),
    ({"metadata": {"a": 7}}, "metadata.a"),
    ({"metadata": {"a": {"b": "c"}}}, "metadata.a"),
    ({"metadata": {"a": "\x00"}}, "metadata.a"),
    ({"metadata": {"x" * 41: "a"}}, f"metadata.{'x' * 41}.[key]"),
    ({"metadata": {f"{number}": "a" for number in range(21)}}, "metadata"),
    ({"metadata": ["a"]}, "metadata"),
]


@pytest.mark.parametrize(("own", "field"), BAD_OWN)
def test_own_data_has_its_limits(world: World, own: dict[str, Any], field: str) -> None:
    event = world.hold()
    person = world.register(event)
    before = everything(world.client)
    for method, path, body in (
        ("POST", "/events", PARTY | own),
        ("PATCH", event, own),
        ("POST", f"{event}/registrations", BO | {"email": "cleo@example.com"} | own),
        ("PATCH", person, own),
    ):
        answer = world.call(method, path, body)
        assert (answer.status, answer.fields) == (422, [field]), path
    assert everything(world.client) == before


def test_an_external_id_belongs_to_one_event_of_its_account(world: World) -> None:
    event = world.hold(external_id="7")
    other = world.hold()
    with unchanged(world.client):
        for answer in (
            world.call("POST", "/events", PARTY | {"external_id": "7"}),
            world.call("PATCH", other, {"external_id": "7"}),
        ):
            assert (answer.status, answer.fields) == (409, ["external_id"])
            assert event.removeprefix("/events/") in answer.body["detail"], "it names who has it"
    assert world.call("POST", "/events", PARTY | {"external_id": "7"}, account="other").status == 201
    world.call("PATCH", event, {"external_id": "8"})
    assert world.call("PATCH", other, {"external_id": "7"}).status == 200
    assert titles(world, external_id="8") == [PARTY["title"]]


def test_an_event_is_found_at_once_by_its_external_id(world: World) -> None:
    event = world.hold(external_id="7", title="Choir")
    assert titles(world, external_id="7") == ["Choir"]
    assert titles(world, external_id="7", status="draft") == titles(world, external_id="") == []
    assert world.call("GET", "/events", query={"external_id": "7"}, account="other").body["items"] == []
    world.call("PATCH", event, {"external_id": None})
    assert titles(world, external_id="7") == []


def test_a_registration_has_an_id_of_the_caller_as_long_as_it_stands(world: World) -> None:
    event, elsewhere = world.hold(), world.hold()
    person = world.register(event, **OWN)
    assert world.call("GET", person).body.items() >= OWN.items()
    world.register(elsewhere, **OWN)
    with unchanged(world.client):
        cleo = BO | {"email": "cleo@example.com", "external_id": OWN["external_id"]}
        answer = world.call("POST", f"{event}/registrations", cleo)
        assert (answer.status, answer.fields) == (409, ["external_id"])
        assert person.rpartition("/")[2] in answer.body["detail"]
    other = world.register(event, "cleo@example.com")
    assert world.call("PATCH", other, {"external_id": OWN["external_id"]}).status == 409
    assert world.call("PATCH", person, {"external_id": "8", "metadata": {"team": None}}).body["metadata"] == {
        "note": "two\nlines"
    }
    assert world.call("PATCH", other, {"external_id": OWN["external_id"]}).status == 200
    assert people(world, f"{event}/registrations", external_id="8") == [person.rpartition("/")[2]]
    world.call("DELETE", person)
    assert people(world, f"{event}/registrations", external_id="8") == []
    again = world.call("POST", f"{event}/registrations", BO | {"external_id": "8"})
    assert (again.status, again.body["existing"]) == (201, False)
    world.call("DELETE", f"{event}/registrations/{again.body['registration_id']}", query={"erase": "true"})
    erased = world.call("GET", f"{event}/registrations/{again.body['registration_id']}").body
    assert (erased["external_id"], erased["metadata"]) == (None, {})


def test_of_whoever_is_erased_own_data_is_left_in_webhook_events_only_and_passes(world: World) -> None:
    world.call("POST", "/webhooks", {"url": "https://hooks.example.org/", "events": ["registration.created"]})
    person = world.register(world.hold(), external_id="kanari", metadata={"team": "kanari"})
    world.call("PATCH", person, {"metadata": {"team": "kanari zyx"}})
    assert world.call("DELETE", person, query={"erase": "true"}).body["status"] == "erased"
    left = [row for rows in everything(world.client).values() for row in rows if "kanari" in str(row)]
    assert {row["pk"] for row in left} == {"WEBHOOK_EVENTS#acme"}
    assert all(int(row["expires_at"]) <= (world.now + timedelta(days=30)).timestamp() for row in left)


def test_a_patch_keeps_own_data_that_another_request_changes_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = world.register(world.hold(), metadata={"team": "choir"})
    change, rush = registry.change_registration, iter([True])

    def beaten(*arguments: Any, **changes: Any) -> Any:
        if next(rush, False):
            world.call("PATCH", person, {"external_id": "7", "metadata": {"team": "band"}})
        return change(*arguments, **changes)

    monkeypatch.setattr(registry, "change_registration", beaten)
    body = world.call("PATCH", person, {"name": "Bodil Ek"}).body
    assert (body["name"], body["external_id"], body["metadata"]) == ("Bodil Ek", "7", {"team": "band"})


def test_a_page_of_a_hundred_with_all_the_data_they_may_have_is_a_response_of_lambda(world: World) -> None:
    event = world.hold(description="漢" * 8000)
    own = json.dumps(BO | {"metadata": {str(number): "漢" * 500 for number in range(20)}}, ensure_ascii=False)
    assert world.call("POST", f"{event}/registrations", own).status == 201
    assert (
        world.call("PATCH", event, json.dumps({"metadata": json.loads(own)["metadata"]}, ensure_ascii=False)).status
        == 200
    )
    for path in ("/events", f"{event}/registrations"):
        response = {"body": world.call("GET", path).raw}
        assert 100 * len(json.dumps(response, ensure_ascii=False).encode()) < 6_000_000, path


def test_own_data_is_in_the_table(world: World) -> None:
    event = world.hold()
    world.register(event, **OWN)
    table = world.call("GET", f"{event}/registrations.csv").raw
    assert '"meeting/7 ü","{""note"": ""two\\nlines"", ""team"": ""choir""}"' in table


def test_external_ids_come_along_when_a_series_is_split(world: World) -> None:
    event = world.hold(recurrence="FREQ=WEEKLY;COUNT=4", external_id="series")
    person = world.register(event, external_id="7", metadata={"a": "b"})
    new = world.call("POST", f"{event}/split", {"from": "2027-03-19T09:00:00", "external_id": "rest"})
    assert (new.status, new.body["external_id"]) == (201, "rest")
    path = f"/events/{new.body['event_id']}"
    transfer_batch(world.store, new.body["event_id"], now=world.now)
    (copied,) = world.call("GET", f"{path}/registrations", query={"external_id": "7"}).body["items"]
    assert copied["registration_id"] != person.rpartition("/")[2]
    assert copied["metadata"] == {"a": "b"}


# --- looking up ---------------------------------------------------------------------------------------------------


@pytest.fixture
def calendar(world: World) -> World:
    """Four events, created in another order than they start in, and changed in a third."""
    for title, start in (
        ("third", "2027-05-01"),
        ("first", "2027-03-01"),
        ("fourth", "2027-06-01"),
        ("second", "2027-04-01"),
    ):
        world.now += timedelta(minutes=1)
        world.hold(title=title, start=f"{start}T09:00:00", end=f"{start}T10:00:00", time_zone="UTC")
    found = {one["title"]: one for one in world.call("GET", "/events").body["items"]}
    world.now += timedelta(minutes=1)
    world.call("PATCH", f"/events/{found['first']['event_id']}", {"location": "Dom"})
    world.now += timedelta(minutes=1)
    world.call("POST", f"/events/{found['third']['event_id']}/cancel")
    return world


LOOK_UPS: list[tuple[dict[str, str], list[str]]] = [
    ({}, ["third", "first", "fourth", "second"]),
    ({"order": "created"}, ["third", "first", "fourth", "second"]),
    ({"order": "start"}, ["first", "second", "third", "fourth"]),
    ({"order": "updated"}, ["fourth", "second", "first", "third"]),
    ({"status": "confirmed"}, ["first", "fourth", "second"]),
    ({"status": "cancelled", "order": "start"}, ["third"]),
    ({"from": "2027-04-01T09:00:00Z", "order": "start"}, ["second", "third", "fourth"]),
    ({"from": "2027-04-01T09:00:01Z", "order": "start"}, ["third", "fourth"]),
    ({"to": "2027-05-01T09:00:00Z", "order": "start"}, ["first", "second"]),
    ({"from": "2027-03-15", "to": "2027-05-15"}, ["third", "second"]),
    ({"from": "2027-03-15", "to": "2027-05-15", "status": "confirmed", "order": "start"}, ["second"]),
    ({"updated_since": "2027-01-15T12:05:00Z"}, ["first", "third"]),
    ({"updated_since": "2027-01-15T13:05:00+01:00", "order": "start"}, ["first", "third"]),
    ({"updated_since": "2027-01-15T12:05:00.000001Z", "order": "created"}, ["third"]),
    ({"from": "2027-05-15", "to": "2027-03-15"}, []),
    ({"from": "2027-05-15", "to": "2027-03-15", "order": "start"}, []),
    ({"from": "2027-03-01T09:00:00Z", "to": "2027-03-01T09:00:00Z"}, []),
]


@pytest.mark.parametrize(("query", "expected"), LOOK_UPS)
@pytest.mark.parametrize("limit", ["1", "100"])
def test_events_are_found_by_index(
    calendar: World, query: dict[str, str], expected: list[str], limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendar.client, "scan", None)
    assert titles(calendar, limit=limit, **query) == expected


@pytest.mark.parametrize("name", ["from", "to", "updated_since"])
@pytest.mark.parametrize(
    "text", ["", "soon", "2027-03-12T09:00:00", "2027-13-01", "0001-01-01", "0001-01-01T00:00:00+14:00"]
)
def test_a_time_that_is_looked_up_is_an_instant(world: World, name: str, text: str) -> None:
    answer = world.call("GET", "/events", query={name: text})
    assert (answer.status, answer.fields) == (422, [name])


def test_a_cursor_belongs_to_what_was_looked_up(calendar: World) -> None:
    cursor = calendar.call("GET", "/events", query={"limit": "1", "order": "start"}).body["next"]
    for query in (
        {"order": "created"},
        {"order": "start", "status": "draft"},
        {"order": "start", "from": "2027-01-01"},
    ):
        assert calendar.call("GET", "/events", query=query | {"cursor": cursor}).fields == ["cursor"]


def test_somebody_is_found_at_once_by_address(world: World) -> None:
    event = world.hold()
    person, cleo = world.register(event), world.register(event, "cleo@example.com", external_id="7")
    where = f"{event}/registrations"
    assert people(world, where, email="BO@example.NET") == [person.rpartition("/")[2]]
    assert people(world, where, email="cleo@example.com", external_id="7") == [cleo.rpartition("/")[2]]
    assert people(world, where, email="bo@example.net", external_id="7") == []
    assert people(world, where, email="bo@example.net", status="cancelled") == []
    assert people(world, where, email="nobody@example.net") == people(world, where, email="") == []
    world.call("PATCH", person, {"email": "bo@example.org"})
    assert people(world, where, email="bo@example.net") == []
    assert people(world, where, email="bo@example.org") == [person.rpartition("/")[2]]


def test_somebody_is_found_at_all_events_of_the_account(world: World) -> None:
    first, second, others = world.hold(), world.hold(), world.hold()
    here = world.register(first)
    world.now += timedelta(seconds=1)
    there = world.register(second)
    world.register(others, "cleo@example.com")
    foreign = world.call("POST", "/events", PARTY, account="other").body["event_id"]
    world.call("POST", f"/events/{foreign}/registrations", BO, account="other")
    world.call("DELETE", there)
    ids = [here.rpartition("/")[2], there.rpartition("/")[2]]
    assert people(world, "/registrations", email="Bo@example.net") == ids, "also where they are not registered any more"
    assert people(world, "/registrations", email="bo@example.net", limit="1") == ids
    world.call("PATCH", here, {"email": "bo@example.org"})
    assert people(world, "/registrations", email="bo@example.net") == ids[1:]
    assert people(world, "/registrations", email="bo@example.org") == ids[:1]
    world.call("DELETE", there, query={"erase": "true"})
    assert people(world, "/registrations", email="bo@example.net") == []
    assert world.call("GET", "/registrations").fields == ["email"]


def test_people_are_found_by_answer_and_by_delivery(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists_of_people, "MOST_LOOKED_THROUGH", 2)
    event = world.hold()
    ids = []
    for number in range(5):
        world.now += timedelta(seconds=1)
        ids.append(world.register(event, f"person{number}@example.net").rpartition("/")[2])
    world.call("DELETE", f"{event}/registrations/{ids[1]}")
    where = f"{event}/registrations"
    assert people(world, where, delivery="pending", limit="3") == [ids[0], *ids[2:]]
    assert people(world, where, delivery="none") == [ids[1]]
    assert people(world, where, participation="needs-action", status="registered", limit="1") == [ids[0], *ids[2:]]
    assert people(world, where, participation="accepted") == []
    for query in ({"participation": "maybe"}, {"delivery": "lost"}, {"status": "gone"}):
        assert world.call("GET", where, query=query).fields == list(query)


def test_who_is_registered_already_is_said_so(world: World) -> None:
    event = world.hold()
    first = world.call("POST", f"{event}/registrations", BO, idempotency_key="one")
    assert (first.status, first.body["existing"]) == (201, False)
    again = world.call("POST", f"{event}/registrations", BO | {"name": "Bo Other"}, idempotency_key="two")
    assert (again.status, again.body["existing"], again.body["name"]) == (200, True, BO["name"])
    for key, body, existing in (("one", BO, False), ("two", BO | {"name": "Bo Other"}, True)):
        repeated = world.call("POST", f"{event}/registrations", body, idempotency_key=key)
        assert (repeated.headers["idempotent-replayed"], repeated.body["existing"]) == ("true", existing)


# --- what is looked for in events ---------------------------------------------------------------------------------


def test_events_are_found_by_words_of_title_and_place_whatever_their_case_and_accents(world: World) -> None:
    world.hold(title="Kölner Treffen", location="Dom, Köln")
    world.hold(title="Annual meeting", location="Town hall", start="2027-03-13T09:00:00", end="2027-03-13T10:00:00")
    assert titles(world, search="KOLN treff") == ["Kölner Treffen"]
    assert titles(world, search="hall annual") == ["Annual meeting"]
    assert titles(world, search="hall treffen") == []
    assert len(titles(world, search="  ", order="created")) == 2, "no word: everything"
    assert world.call("GET", "/events", query={"search": "hall"}, account="other").body["items"] == []
    for wrong in ({"search": "hall", "order": "created"}, {"over": "false", "order": "updated"}):
        assert world.call("GET", "/events", query=wrong).fields == ["order"]
    assert world.call("GET", "/events", query={"search": "x" * 201}).fields == ["search"]


def test_what_is_not_searched_in_one_request_is_searched_in_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(1, 8):
        world.hold(title=f"Day {day}", start=f"2027-03-0{day}T09:00:00", end=f"2027-03-0{day}T10:00:00")
    monkeypatch.setattr(lookups, "LOOKED_THROUGH", 3)
    pages = [[one["title"] for one in page] for page in everybody(world, "/events", search="day 6")]
    assert pages == [[], ["Day 6"], []]
    pages = [[one["title"] for one in page] for page in everybody(world, "/events", search="day", limit="2")]
    assert [len(page) for page in pages] == [2, 2, 2, 1]


def test_events_are_listed_by_whether_they_are_over_and_the_latest_first(world: World) -> None:
    world.hold(title="Once", start="2027-02-01T09:00:00", end="2027-02-01T10:00:00")
    world.hold(title="Weekly", start="2027-02-02T09:00:00", end="2027-02-02T10:00:00", recurrence="FREQ=WEEKLY;COUNT=9")
    world.hold(title="Later", start="2027-03-20T09:00:00", end="2027-03-20T10:00:00")
    assert titles(world, over="false") == ["Once", "Weekly", "Later"]
    world.now += timedelta(days=30)
    assert titles(world, over="false") == ["Weekly", "Later"]
    assert titles(world, over="true") == ["Once"]
    assert titles(world, order="-start", limit="1") == ["Later", "Weekly", "Once"]
    cursor = world.call("GET", "/events", query={"over": "false", "limit": "1"}).body["next"]
    world.now += timedelta(seconds=1)
    later = world.call("GET", "/events", query={"over": "false", "limit": "1", "cursor": cursor})
    assert [one["title"] for one in later.body["items"]] == ["Later"], "a page of a later moment"


def test_a_list_has_the_next_date_of_each_event_where_it_is_asked_for(world: World) -> None:
    event = world.hold(recurrence="FREQ=WEEKLY;COUNT=3")
    world.call("POST", f"{event}/occurrences/2027-03-12T09%3A00%3A00/cancel")
    [plain] = world.call("GET", "/events").body["items"]
    assert (plain["next_date"], plain["attention_count"]) == (None, None)
    [one] = world.call("GET", "/events", query={"details": "true"}).body["items"]
    assert one["next_date"] == {"start": "2027-03-19T09:00:00", "end": "2027-03-19T10:30:00"}
    assert one["attention_count"] == 0
    assert world.call("GET", event).body["next_date"] == one["next_date"]
    assert world.call("POST", f"{event}/cancel").body["next_date"] is None
