"""Rows of a site's own tables become events and registrations, on tables in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from convoke.model import Event, EventStatus, Question, QuestionKind, Registration, RegistrationStatus
from convoke.registrations.erasure import erase
from convoke.registrations.events import change_event
from convoke.registrations.registry import Obstacle, change_registration, withdraw
from convoke.registrations.returning import HELD, come_back
from convoke.sources import registration_sync, row_sync
from convoke.sources.compare import act, compare
from convoke.sources.decide import Action
from convoke.sources.mapping import parse
from convoke.sources.row_keys import key_text, read_key
from convoke.sources.row_sync import Outcome, Synced, Unknown
from convoke.sources.sync import Site
from convoke.store import dynamo
from convoke.store.sources import RowKind, RowState, place
from convoke.store.store import Store
from convoke.webhooks.events import WebhookEventType
from tests.factories import NOW, existing, expect
from tests.tables import SETTINGS, everything, in_memory
from tests.test_sources import BO, SITE, SUMMER
from tests.test_webhook_delivery import HOOK as LISTENER

ACCOUNT = "acme"
KEYS = {"site-events": ("event_id",), "site-registrations": ("event_id", "user_id")}


class World:
    """A site's two tables, and the deployment that follows them."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.store = Store(client, SETTINGS)
        for table in KEYS:
            self.make(table)
        self.site = self.anew()

    def anew(self) -> Site:
        """The source as another worker has it."""
        return Site(self.store, ACCOUNT, parse(json.dumps(SITE)), self.client)

    def make(self, table: str) -> None:
        names = KEYS[table]
        self.client.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            KeySchema=[
                {"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)
            ],
        )

    def put(self, table: str, row: dict[str, Any]) -> Synced:
        self.client.put_item(TableName=table, Item=dynamo.wire(row))
        return self.sync(table, row)

    def delete(self, table: str, row: dict[str, Any]) -> Synced:
        key = {name: row[name] for name in KEYS[table]}
        self.client.delete_item(TableName=table, Key=dynamo.wire(key))
        return self.sync(table, row)

    def sync(self, table: str, row: dict[str, Any]) -> Synced:
        kind = RowKind.EVENTS if table == "site-events" else RowKind.REGISTRATIONS
        return self.site.sync(kind, row, NOW)

    def hold(self, **changes: Any) -> Synced:
        return self.put("site-events", SUMMER | changes)

    def come(self, **changes: Any) -> Synced:
        return self.put("site-registrations", PLAIN | changes)

    def event(self) -> Event:
        return existing(self.store.reads.event(self.state(RowKind.EVENTS, "e1").event_id))

    def state(self, kind: RowKind, name: str) -> RowState:
        return self.store.sources.row(place(ACCOUNT, "site", kind, name))

    def person(self, user: str = "u1") -> Registration:
        state = self.state(RowKind.REGISTRATIONS, f'["e1","{user}"]')
        return existing(self.store.reads.registration(state.event_id, state.registration_id))

    def problems(self) -> list[tuple[str, str]]:
        return [(one.field, one.reason) for one in self.store.sources.list_problems(ACCOUNT, "site", limit=100).items]


PLAIN = {name: value for name, value in BO.items() if name != "dates"}
"""A registration for the whole event."""


@pytest.fixture
def world() -> Iterator[World]:
    with in_memory() as client:
        yield World(client)


def test_a_row_becomes_an_event_and_another_becomes_a_registration(world: World) -> None:
    assert world.hold().outcome is Action.CREATE
    assert world.come().outcome is Action.CREATE

    event, person = world.event(), world.person()
    assert (event.title, event.account, event.source, event.capacity) == ("Summer party", ACCOUNT, "site", 20)
    assert (person.name, person.email, person.source) == ("Bo Ek", "bo@example.net", "site")
    assert world.store.reads.seats(event.event_id).taken == 1
    assert existing(world.store.reads.invitation(event.event_id, person.registration_id)).due_key is not None


def test_whom_a_row_registers_need_not_be_accepted(world: World) -> None:
    world.hold()
    before = world.event()
    after = replace(before, version=before.version + 1, approval=True)
    assert change_event(world.store, before, after, priority=1, now=NOW)
    assert world.come().outcome is Action.CREATE
    seats = world.store.reads.seats(before.event_id)
    assert (world.person().status, seats.taken, seats.pending) == (RegistrationStatus.REGISTERED, 1, 0)


def test_a_row_that_is_seen_twice_is_acted_upon_once(world: World) -> None:
    world.hold(), world.come()
    event, person = world.event(), world.person()

    assert world.sync("site-events", SUMMER).outcome is Action.NOTHING
    assert world.sync("site-registrations", PLAIN).outcome is Action.NOTHING
    assert (world.event(), world.person()) == (event, person)


def test_a_changed_row_changes_what_it_became_and_leaves_the_rest(world: World) -> None:
    world.hold(), world.come()
    assert world.hold(name="Garden party", venue=None).outcome is Action.CHANGE
    assert world.come(email="bo.ek@example.net").outcome is Action.CHANGE

    event, person = world.event(), world.person()
    assert (event.title, event.location, event.version) == ("Garden party", "", 2)
    assert (event.when.time_zone, event.when.start.isoformat()) == ("Europe/Berlin", "2027-06-12T18:00:00")
    assert (person.email, person.version) == ("bo.ek@example.net", 2)


def test_a_status_of_the_site_cancels_and_reopens(world: World) -> None:
    world.hold(), world.come()
    assert world.hold(state="off", cancel_reason="Rain").outcome is Action.CANCEL
    assert (world.event().status, world.event().reason) == (EventStatus.CANCELLED, "Rain")
    assert world.hold().outcome is Action.REOPEN
    assert world.event().status is EventStatus.CONFIRMED
    assert world.come(state="no").outcome is Action.CANCEL
    assert world.person().status is RegistrationStatus.CANCELLED


def test_a_row_that_comes_back_is_a_new_registration(world: World) -> None:
    world.hold(), world.come()
    first = world.person()
    assert world.delete("site-registrations", PLAIN).outcome is Action.CANCEL
    assert world.person().status is RegistrationStatus.CANCELLED
    assert world.come().outcome is Action.CREATE
    assert world.person().registration_id != first.registration_id
    assert world.store.reads.seats(world.event().event_id).taken == 1


def test_a_row_that_is_gone_cancels_its_event_and_coming_back_reopens_it(world: World) -> None:
    world.hold()
    assert world.delete("site-events", SUMMER).outcome is Action.CANCEL
    assert world.event().status is EventStatus.CANCELLED
    assert world.hold().outcome is Action.REOPEN


def test_a_registration_s_row_waits_for_its_event(world: World) -> None:
    assert world.come().outcome is Action.WAIT
    made = world.hold()
    [key] = world.site.waiting(made)
    assert world.site.sync(RowKind.REGISTRATIONS, read_key(json.loads(key)), NOW).outcome is Action.CREATE
    assert world.person().status is RegistrationStatus.REGISTERED
    assert world.site.waiting(world.sync("site-events", SUMMER)) == []


def test_an_event_that_appears_while_its_row_is_marked_is_not_missed(world: World) -> None:
    world.client.put_item(TableName="site-events", Item=dynamo.wire(SUMMER))
    attempt: Any = world.store.attempt
    races = [True]

    def slow(*arguments: Any, **more: Any) -> Any:
        result = attempt(*arguments, **more)
        if races.pop() if races else False:
            world.anew().sync(RowKind.EVENTS, SUMMER, NOW)
        return result

    world.store.__dict__["attempt"] = slow
    assert world.come().outcome is Action.CREATE


def test_a_person_moves_to_the_event_that_their_row_names_now(world: World) -> None:
    world.hold(), world.come(), world.hold(event_id="e2")
    first = world.person()
    state = world.state(RowKind.REGISTRATIONS, '["e1","u1"]')
    site = parse(json.dumps(SITE | {"registrations": SITE["registrations"] | {"event": "to"}}))
    world.site = Site(world.store, ACCOUNT, site, world.client)
    assert world.come(to="e1").outcome is Action.NOTHING
    assert world.come(to="e2").outcome is Action.CREATE
    assert world.person().event_id != first.event_id
    left = existing(world.store.reads.registration(state.event_id, state.registration_id))
    assert left.status is RegistrationStatus.CANCELLED


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"tz": "Berlin"}, "time_zone", "must be the IANA name"),
        ({"host": {"name": "Ada", "email": "nobody"}}, "organizer.email", "must be a mail address"),
        ({"name": None}, "title", "is required"),
        ({"state": "maybe"}, "status", "does not name"),
        ({"seats": 0}, "capacity", "greater than"),
    ],
)
def test_what_is_wrong_with_a_row_is_kept_by_the_api_s_field_until_it_is_mended(
    world: World, changes: dict[str, Any], field: str, reason: str
) -> None:
    world.hold()
    before = world.event()
    synced = world.hold(**changes)
    assert (synced.outcome, synced.fresh) == (Outcome.PROBLEM, True)
    assert not world.sync("site-events", SUMMER).fresh
    [(found, why)] = world.problems()
    assert found == field
    assert reason in why
    assert world.event() == before

    world.hold()
    assert world.problems() == []


def test_a_new_row_with_a_problem_becomes_nothing(world: World) -> None:
    world.hold(), world.come(email="nobody")
    assert [field for field, _ in world.problems()] == ["email"]
    assert world.state(RowKind.REGISTRATIONS, '["e1","u1"]').registration_id == ""


def test_rows_of_what_is_over_are_skipped_without_a_problem(world: World) -> None:
    assert world.hold(starts_at="2020-06-12T16:00:00Z", ends_at="2020-06-12T17:00:00Z").outcome is Action.NOTHING
    world.hold(), world.come()
    late = NOW + timedelta(days=1000)
    world.client.put_item(TableName="site-registrations", Item=dynamo.wire(PLAIN | {"email": "nobody"}))
    assert world.site.sync(RowKind.REGISTRATIONS, PLAIN, late).outcome is Action.NOTHING
    assert world.problems() == []


def test_who_withdrew_comes_back_only_when_their_row_changes(world: World) -> None:
    world.hold(), world.come()
    person = world.person()
    withdraw(world.store, person.event_id, person.registration_id, now=NOW)
    assert world.sync("site-registrations", PLAIN).outcome is Action.NOTHING
    assert world.come(full_name="Bo").outcome is Action.CREATE


@pytest.mark.parametrize("first", ["row", "person"])
@pytest.mark.parametrize("gone", ["deleted", "withdrawn"])
def test_nobody_comes_back_by_themselves_whose_row_says_that_they_do_not_come(
    world: World, first: str, gone: str
) -> None:
    world.hold(), world.come()
    person = world.person()
    ids = person.event_id, person.registration_id
    if first == "person":
        withdraw(world.store, *ids, now=NOW, held_until=NOW + HELD)
    world.delete("site-registrations", PLAIN) if gone == "deleted" else world.come(state="no")
    assert come_back(world.store, *ids, now=NOW) is Obstacle.REMOVED
    assert world.person().status is RegistrationStatus.CANCELLED
    assert world.come().outcome is Action.CREATE


def test_who_withdrew_comes_back_by_themselves_while_their_row_stays_as_it_is(world: World) -> None:
    world.hold(), world.come()
    person = world.person()
    withdraw(world.store, person.event_id, person.registration_id, now=NOW)
    assert world.sync("site-registrations", PLAIN).outcome is Action.NOTHING
    came = expect(Registration, come_back(world.store, person.event_id, person.registration_id, now=NOW))
    assert (came.status, came.removed) == (RegistrationStatus.REGISTERED, False)


def test_who_was_erased_never_comes_back_and_their_key_is_forgotten(world: World) -> None:
    world.hold(), world.come()
    person = world.person()
    erase(world.store, person.event_id, person.registration_id, now=NOW)
    assert world.come(full_name="Bo").outcome is Action.NOTHING
    assert world.state(RowKind.REGISTRATIONS, '["e1","u1"]').key == ""


def test_the_second_row_of_an_address_waits_until_the_first_is_gone(world: World) -> None:
    world.hold(), world.come()
    second = PLAIN | {"user_id": "u2"}
    assert world.put("site-registrations", second).outcome is Outcome.PROBLEM
    assert world.problems() == [("email", registration_sync.TAKEN)]
    dry = Site(world.store, ACCOUNT, world.site.source, world.client, dry=True)
    assert compare(dry, NOW).differences == ()
    [key] = world.site.waiting(world.delete("site-registrations", PLAIN))
    assert key == key_text({"event_id": "e1", "user_id": "u2"})
    assert world.sync("site-registrations", second).outcome is Action.CREATE
    assert world.problems() == []


def test_rows_that_swap_addresses_are_changed_together(world: World) -> None:
    world.hold(), world.come()
    second = PLAIN | {"user_id": "u2", "full_name": "Cy", "email": "cy@example.net"}
    world.put("site-registrations", second)
    assert world.come(email="cy@example.net").outcome is Outcome.PROBLEM
    assert world.put("site-registrations", second | {"email": "bo@example.net"}).outcome is Action.CHANGE
    assert (world.person("u1").email, world.person("u2").email) == ("cy@example.net", "bo@example.net")
    assert world.problems() == []
    event_id = world.event().event_id
    for user in ("u1", "u2"):
        person = world.person(user)
        assert world.store.reads.address_holder(event_id, person.email) == person.registration_id
        assert world.sync("site-registrations", PLAIN | {"user_id": user}).outcome is Action.NOTHING


def test_the_comparison_finds_rows_that_wait_for_each_other_where_no_record_was_followed_to_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hold(), world.come()
    second = PLAIN | {"user_id": "u2", "full_name": "Cy", "email": "cy@example.net"}
    world.put("site-registrations", second)
    world.come(email="cy@example.net")
    # The first look does not find the other row yet, and marks its own; the second one does not come to an end.
    monkeypatch.setattr(world.site, "_swap", Mock(side_effect=[None, ConnectionError]))
    with pytest.raises(ConnectionError):
        world.put("site-registrations", second | {"email": "bo@example.net"})
    monkeypatch.undo()
    assert len(world.problems()) == 2
    dry = Site(world.store, ACCOUNT, world.site.source, world.client, dry=True)
    found = compare(dry, NOW)
    assert {(one.kind, one.outcome) for one in found.differences} == {(RowKind.REGISTRATIONS, Action.CHANGE)}
    act(world.site, found.differences, NOW)
    assert (world.person("u1").email, world.person("u2").email) == ("cy@example.net", "bo@example.net")
    assert world.problems() == []
    assert compare(dry, NOW).differences == ()


def test_whoever_comes_back_under_an_address_that_another_gives_up_for_theirs_is_no_exchange(world: World) -> None:
    world.hold(), world.come()
    second, third = (PLAIN | {"user_id": f"u{n}", "email": f"p{n}@example.net"} for n in (2, 3))
    world.put("site-registrations", second)
    world.delete("site-registrations", PLAIN)
    world.put("site-registrations", third | {"email": PLAIN["email"]})
    world.put("site-registrations", second | {"email": PLAIN["email"]})
    assert world.come(email="p2@example.net").outcome is Outcome.PROBLEM
    dry = Site(world.store, ACCOUNT, world.site.source, world.client, dry=True)
    assert compare(dry, NOW).differences == ()


@pytest.mark.parametrize("many", [3, 5, 6])
def test_rows_whose_addresses_go_round_are_changed_together(world: World, many: int) -> None:
    world.hold()
    people = [PLAIN | {"user_id": f"u{number}", "email": f"p{number}@example.net"} for number in range(many)]
    for person in people:
        assert world.put("site-registrations", person).outcome is Action.CREATE
    after = [one | {"email": other["email"]} for one, other in zip(people, [*people[1:], people[0]], strict=True)]
    outcomes = [world.put("site-registrations", one).outcome for one in after]
    assert outcomes == [Outcome.PROBLEM] * (many - 1) + [Action.CHANGE]
    assert world.problems() == []
    event_id = world.event().event_id
    for one in after:
        found = world.person(one["user_id"])
        assert found.email == one["email"]
        assert world.store.reads.address_holder(event_id, found.email) == found.registration_id
    assert {world.sync("site-registrations", one).outcome for one in after} == {Action.NOTHING}


def test_a_row_of_somebody_who_left_does_not_keep_others_from_exchanging_their_addresses(world: World) -> None:
    world.hold()
    one, two, three = (PLAIN | {"user_id": f"u{n}", "email": f"p{n}@example.net"} for n in (1, 2, 3))
    world.put("site-registrations", three | {"email": "p1@example.net"})
    world.put("site-registrations", three | {"email": "p1@example.net", "state": "no"})
    for person in (one, two):
        world.put("site-registrations", person)
    world.put("site-registrations", three | {"email": "p1@example.net"})
    world.put("site-registrations", two | {"email": "p1@example.net"})
    assert world.put("site-registrations", one | {"email": "p2@example.net"}).outcome is Action.CHANGE
    assert [world.person(f"u{n}").email for n in (1, 2)] == ["p2@example.net", "p1@example.net"]


def test_a_row_that_waits_for_an_address_outside_of_the_circle_goes_on_waiting(world: World) -> None:
    world.hold()
    one, two, three = (PLAIN | {"user_id": f"u{n}", "email": f"p{n}@example.net"} for n in (1, 2, 3))
    for person in (one, two, three):
        world.put("site-registrations", person)
    world.put("site-registrations", three | {"email": "p1@example.net"})
    world.put("site-registrations", one | {"email": "p2@example.net"})
    assert world.put("site-registrations", two | {"email": "p1@example.net"}).outcome is Action.CHANGE
    assert [world.person(f"u{n}").email for n in (1, 2, 3)] == ["p2@example.net", "p1@example.net", "p3@example.net"]
    assert world.problems() == [("email", "is registered for the event already")]


GUESTS = {"guests": "plus", "responses.diet": "diet", "responses.bus": "bus"}
"""Fields that a site may have attributes for."""


def with_fields(world: World, **fields: str) -> None:
    """The same site, with further attributes of its registrations."""
    rows: dict[str, Any] = SITE["registrations"]
    described = SITE | {"registrations": rows | {"fields": rows["fields"] | fields}}
    world.site = Site(world.store, ACCOUNT, parse(json.dumps(described)), world.client)


def asks(world: World) -> None:
    """The event gets two questions over HTTP, one of them required."""
    event = world.event()
    questions = (
        Question(question_id="diet", text="What do you eat?", required=True),
        Question(question_id="bus", text="Do you take the bus?", kind=QuestionKind.YES_NO),
    )
    after = replace(event, questions=questions, version=event.version + 1)
    assert change_event(world.store, event, after, priority=1, now=NOW)


def test_a_row_says_how_many_come_with_a_person_and_what_they_respond(world: World) -> None:
    with_fields(world, **GUESTS)
    world.hold()
    asks(world)
    world.come(plus=2, diet="no nuts", bus=True)
    assert (world.person().guests, world.person().responses) == (2, (("bus", "yes"), ("diet", "no nuts")))
    assert world.store.reads.seats(world.event().event_id).taken == 3

    world.come(plus="1", bus=False)
    assert (world.person().guests, world.person().responses) == (1, (("bus", "no"),))
    assert world.store.reads.seats(world.event().event_id).taken == 2


def test_more_guests_than_there_are_seats_are_a_problem_of_the_row_and_change_nothing(world: World) -> None:
    with_fields(world, **GUESTS)
    world.hold(seats=3)
    world.come()
    world.come(plus=5)
    assert world.problems() == [("guests", "are more than the event has seats for")]
    world.come(plus=0)
    world.come(user_id="u2", email="cy@example.net", plus=1)
    world.come(plus=1)
    assert world.problems() == [("guests", Obstacle.FULL.value)]
    assert world.person().guests == 0


def test_a_site_that_knows_nothing_of_questions_and_guests_leaves_them_to_the_people(world: World) -> None:
    world.hold()
    asks(world)
    world.come()
    event, person = world.event(), world.person()
    changes = {"guests": 1, "responses": (("diet", "fish"),)}
    change_registration(world.store, event.event_id, person.registration_id, changes=changes, priority=1, now=NOW)
    world.come(full_name="Bo Eklund")
    assert (world.person().name, world.person().guests) == ("Bo Eklund", 1)
    assert world.person().responses == (("diet", "fish"),)


def test_rows_that_swap_addresses_keep_their_seats_and_get_other_guests_at_the_next_look(world: World) -> None:
    with_fields(world, **GUESTS)
    world.hold()
    world.come(plus=1)
    world.come(user_id="u2", email="cy@example.net")
    world.come(email="cy@example.net", plus=2)
    world.come(user_id="u2", email="bo@example.net")
    assert (world.person().email, world.person("u2").email) == ("cy@example.net", "bo@example.net")
    taken = world.store.reads.seats(world.event().event_id).taken
    assert taken == world.person().seats + world.person("u2").seats
    world.sync("site-registrations", PLAIN)
    assert world.person().guests == 2
    assert world.store.reads.seats(world.event().event_id).taken == 4


def test_a_worker_that_read_an_old_row_cannot_undo_a_newer_look(world: World) -> None:
    world.hold()
    world.client.put_item(TableName="site-registrations", Item=dynamo.wire(PLAIN))
    begin: Any = world.site._begin
    races = [True]

    def slow(*arguments: Any) -> Any:
        read = begin(*arguments)
        if races:
            races.pop()
            world.client.delete_item(
                TableName="site-registrations", Key=dynamo.wire({"event_id": "e1", "user_id": "u1"})
            )
            assert world.anew().sync(RowKind.REGISTRATIONS, PLAIN, NOW).outcome is Action.NOTHING
        return read

    world.site.__dict__["_begin"] = slow
    assert world.sync("site-registrations", PLAIN).outcome is Action.NOTHING
    assert world.store.reads.seats(world.event().event_id).taken == 0


def test_a_table_that_was_made_anew_says_nothing_about_the_rows_of_the_old_one(world: World) -> None:
    world.hold(), world.come()
    world.client.delete_table(TableName="site-registrations")
    world.make("site-registrations")
    world.site = world.anew()
    with pytest.raises(Unknown, match="site-registrations"):
        world.sync("site-registrations", PLAIN)
    assert world.person().status is RegistrationStatus.REGISTERED


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_sync, "MOST_GONE", 3)


@pytest.mark.usefixtures("few")
def test_rows_that_disappear_in_bulk_are_held_and_explicit_statuses_are_not(world: World) -> None:
    world.hold(seats=None)
    rows = [PLAIN | {"user_id": f"u{one}", "email": f"u{one}@example.net"} for one in range(8)]
    for row in rows:
        world.put("site-registrations", row)
    outcomes = [world.delete("site-registrations", row).outcome for row in rows[:5]]
    assert outcomes == [Action.CANCEL] * 3 + [Outcome.HELD] * 2
    assert world.store.sources.state(ACCOUNT, "site").paused_at == NOW
    assert world.store.reads.seats(world.event().event_id).taken == 5
    assert world.put("site-registrations", rows[5] | {"state": "no"}).outcome is Action.CANCEL
    assert world.put("site-registrations", rows[6] | {"full_name": "Bo"}).outcome is Action.CHANGE
    assert [reason for _, reason in world.problems()] == [row_sync.HELD] * 2

    world.store.sources.resume(ACCOUNT, "site", NOW)
    assert world.sync("site-registrations", rows[4]).outcome is Action.CANCEL


@pytest.mark.usefixtures("few")
def test_an_event_that_disappears_counts_as_all_its_people(world: World) -> None:
    world.hold(seats=None)
    for one in range(4):
        world.put("site-registrations", PLAIN | {"user_id": f"u{one}", "email": f"u{one}@example.net"})
    assert world.delete("site-events", SUMMER).outcome is Outcome.HELD
    assert world.event().status is EventStatus.CONFIRMED
    assert world.hold(state="off").outcome is Action.CANCEL


def test_a_key_survives_as_text() -> None:
    key = {"a": b"\x00\xff", "b": 7}
    assert read_key(json.loads(key_text(key))) == key


def test_a_problem_is_told_once_to_who_listens_and_without_the_row_s_key(world: World) -> None:
    world.store.webhooks.create(replace(LISTENER, events=(WebhookEventType.SOURCE_PROBLEM,)))
    for _ in range(2):
        world.hold(tz="Berlin")
    world.hold(host={"name": "Ada", "email": "nobody"})
    stored = everything(world.client)["Webhooks"]
    told = [one["data"] for one in stored if one["sk"].startswith("WEBHOOK_EVENT#")]
    assert sorted(one["field"] for one in told) == ["organizer.email", "time_zone"]
    assert {name for one in told for name in one} == {"source", "rows", "problem_id", "field", "reason"}
