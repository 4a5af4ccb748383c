"""What the daily comparison finds of a site's tables where no stream record was followed, and what it leaves alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from convoke.model import Registration, RegistrationStatus
from convoke.registrations import registry
from convoke.registrations.erasure import erase
from convoke.registrations.events import create_event
from convoke.registrations.registry import Obstacle, TooMany, register, withdraw
from convoke.registrations.returning import HELD, come_back
from convoke.sources import registration_sync, row_sync
from convoke.sources.compare import act, compare, follow
from convoke.sources.decide import Action
from convoke.sources.mapping import parse
from convoke.sources.row_keys import key_text
from convoke.sources.row_sync import Outcome, Synced
from convoke.sources.sync import Site
from convoke.store import dynamo, keys
from convoke.store.sources import RowKind, RowState
from tests.factories import NOW, expect
from tests.factories import event as an_event
from tests.tables import in_memory
from tests.test_sources import SITE, SUMMER
from tests.test_sync import ACCOUNT, GUESTS, PLAIN, World, with_fields


@pytest.fixture
def world() -> Iterator[World]:
    with in_memory() as client:
        yield World(client)


def write(world: World, row: dict[str, Any], table: str = "site-registrations") -> None:
    """The row is written, and its record is lost."""
    world.client.put_item(TableName=table, Item=dynamo.wire(row))


def vanish(world: World, row: dict[str, Any]) -> None:
    key = {name: row[name] for name in ("event_id", "user_id")}
    world.client.delete_item(TableName="site-registrations", Key=dynamo.wire(key))


def differences(world: World, now: Any = NOW) -> list[tuple[RowKind, Any]]:
    """What a comparison finds that writes nothing."""
    site = Site(world.store, ACCOUNT, world.site.source, world.client, dry=True)
    return [(one.kind, one.outcome) for one in compare(site, now).differences]


def a_day(world: World, now: Any = NOW) -> list[tuple[RowKind, Any]]:
    """A comparison that acts upon what it finds, after which nothing is different."""
    site = Site(world.store, ACCOUNT, world.site.source, world.client, dry=True)
    found = compare(site, now).differences
    act(world.site, found, now)
    assert differences(world, now) == []
    return [(one.kind, one.outcome) for one in found]


def test_a_problem_that_is_mended_vanishes_though_the_record_was_lost(world: World) -> None:
    world.hold(), world.come(), world.come(email="nobody")
    write(world, PLAIN)
    a_day(world)
    assert world.problems() == []


def test_a_problem_of_an_event_s_row_that_is_mended_vanishes_though_the_record_was_lost(world: World) -> None:
    world.hold(), world.hold(tz="Berlin")
    write(world, SUMMER, "site-events")
    a_day(world)
    assert world.problems() == []


def test_a_problem_of_what_is_over_meanwhile_vanishes(world: World) -> None:
    world.hold(), world.come(), world.come(email="nobody")
    a_day(world, NOW + timedelta(days=1000))
    assert world.problems() == []


def test_who_left_by_themselves_cannot_come_back_whose_row_s_end_was_lost(world: World) -> None:
    world.hold(), world.come()
    person = world.person()
    ids = person.event_id, person.registration_id
    withdraw(world.store, *ids, now=NOW, held_until=NOW + HELD)
    vanish(world, PLAIN)
    a_day(world)
    assert come_back(world.store, *ids, now=NOW) is Obstacle.REMOVED


def test_people_whose_event_and_rows_were_lost_are_registered_by_the_same_comparison(world: World) -> None:
    write(world, SUMMER, "site-events")
    write(world, PLAIN)
    a_day(world)
    assert world.person().status is RegistrationStatus.REGISTERED


def test_a_row_that_waits_for_its_event_is_looked_at_with_it_though_its_own_record_was_lost(world: World) -> None:
    write(world, PLAIN)
    assert a_day(world) == [(RowKind.REGISTRATIONS, Action.WAIT)]
    assert len(world.site.waiting(world.hold())) == 1


def exchange_with_one_who_left(world: World) -> None:
    """One left by themselves, and their row and another's ask for addresses that others have, or had."""
    one, two, three = (PLAIN | {"user_id": f"u{n}", "email": f"p{n}@example.net"} for n in (1, 2, 3))
    world.hold()
    for row in (one, two, three):
        world.put("site-registrations", row)
    left = world.person("u1")
    withdraw(world.store, left.event_id, left.registration_id, now=NOW)
    other = Registration(
        event_id=left.event_id,
        registration_id=keys.registration_id(NOW, b"0" * 16),
        version=1,
        status=RegistrationStatus.REGISTERED,
        name="Di",
        email=one["email"],
        created_at=NOW,
        updated_at=NOW,
    )
    expect(Registration, register(world.store, other, now=NOW))
    world.put("site-registrations", two | {"email": one["email"]})
    world.put("site-registrations", one | {"email": two["email"]})


def test_who_left_exchanges_no_address(world: World) -> None:
    exchange_with_one_who_left(world)
    assert len(world.problems()) == 2
    assert differences(world) == []


def test_an_id_of_the_caller_s_own_that_is_taken_is_a_problem_that_is_known(world: World) -> None:
    world.hold()
    other = Registration(
        event_id=world.event().event_id,
        registration_id=keys.registration_id(NOW, b"0" * 16),
        version=1,
        status=RegistrationStatus.REGISTERED,
        name="Di",
        email="di@example.net",
        external_id='["e1","u1"]',
        created_at=NOW,
        updated_at=NOW,
    )
    expect(Registration, register(world.store, other, now=NOW))
    world.come()
    [(field, _)] = world.problems()
    assert field == "external_id"
    assert differences(world) == []
    withdraw(world.store, other.event_id, other.registration_id, now=NOW)
    assert a_day(world) == [(RowKind.REGISTRATIONS, Action.CREATE)]
    assert world.problems() == []


def test_an_event_s_id_of_the_caller_s_own_that_is_taken_is_a_problem_that_is_known(world: World) -> None:
    world.hold()
    taken = replace(world.event(), event_id="1" * 26, external_id="e2", source="")
    create_event(world.store, taken)
    world.hold(event_id="e2")
    [(field, _)] = world.problems()
    assert field == "external_id"
    assert differences(world) == []


def test_guests_for_whom_there_is_no_seat_are_a_problem_that_is_known_until_there_is_one(world: World) -> None:
    with_fields(world, **GUESTS)
    world.hold(seats=3)
    world.come()
    second = PLAIN | {"user_id": "u2", "email": "cy@example.net", "plus": 1}
    world.put("site-registrations", second)
    world.come(plus=1)
    assert world.problems() == [("guests", Obstacle.FULL.value)]
    assert differences(world) == []
    world.put("site-registrations", second | {"plus": 0})
    assert a_day(world) == [(RowKind.REGISTRATIONS, Action.CHANGE)]
    assert (world.person().guests, world.problems()) == (1, [])


def test_a_row_that_names_an_event_which_is_over_withdraws_its_person_from_the_other(world: World) -> None:
    world.hold(), world.hold(event_id="e2", starts_at="2027-02-12T16:00:00Z", ends_at="2027-02-12T17:00:00Z")
    site = parse(json.dumps(SITE | {"registrations": SITE["registrations"] | {"event": "to"}}))
    world.site = Site(world.store, ACCOUNT, site, world.client)
    world.come(to="e1")
    write(world, PLAIN | {"to": "e2"})
    a_day(world, NOW + timedelta(days=60))
    assert world.person().status is RegistrationStatus.CANCELLED


def test_nobody_leaves_what_is_over_for_another_event_that_is_over(world: World) -> None:
    world.hold(), world.hold(event_id="e2")
    site = parse(json.dumps(SITE | {"registrations": SITE["registrations"] | {"event": "to"}}))
    world.site = Site(world.store, ACCOUNT, site, world.client)
    world.come(to="e1")
    write(world, PLAIN | {"to": "e2"})
    assert a_day(world, NOW + timedelta(days=1000)) == []
    assert world.person().status is RegistrationStatus.REGISTERED


def test_further_guests_come_after_those_who_wait(world: World) -> None:
    with_fields(world, **GUESTS)
    world.hold(seats=2)
    world.come()
    world.put("site-registrations", PLAIN | {"user_id": "u2", "email": "cy@example.net", "plus": 1})
    assert world.person("u2").status is RegistrationStatus.WAITLISTED
    world.come(plus=1)
    assert world.problems() == [("guests", Obstacle.FULL.value)]
    assert differences(world) == []


def test_a_row_that_waits_and_whose_person_is_to_lose_their_place_counts_among_too_many(world: World) -> None:
    world.hold(), world.come()
    world.put("site-registrations", PLAIN | {"user_id": "u2", "email": "cy@example.net"})
    world.come(email="cy@example.net")
    assert len(world.problems()) == 1
    vanish(world, PLAIN)
    dry = Site(world.store, ACCOUNT, world.site.source, world.client, dry=True)
    [one] = compare(dry, NOW).differences
    assert (one.outcome, one.expected) == (Action.CANCEL, False)


def test_a_row_that_expired_and_came_back_with_a_problem_is_gone_once_it_is_deleted(world: World) -> None:
    world.hold(), world.come()
    vanish(world, PLAIN)
    world.site.expired(RowKind.REGISTRATIONS, PLAIN)
    assert differences(world) == []
    world.come(email="nobody")
    assert world.delete("site-registrations", PLAIN).outcome is Action.CANCEL


def test_the_key_of_who_is_erased_is_forgotten_though_no_record_follows(world: World) -> None:
    world.hold(), world.come(), world.come(email="nobody")
    person = world.person()
    erase(world.store, person.event_id, person.registration_id, now=NOW)
    assert world.person().status is RegistrationStatus.ERASED
    a_day(world)
    assert world.state(RowKind.REGISTRATIONS, '["e1","u1"]').key == ""
    assert world.problems() == []
    world.come(email="nobody")
    assert world.problems() == []
    world.site.sync(RowKind.REGISTRATIONS, PLAIN, NOW + timedelta(days=1000))
    assert world.state(RowKind.REGISTRATIONS, '["e1","u1"]').key == ""
    vanish(world, PLAIN)
    world.site.expired(RowKind.REGISTRATIONS, PLAIN)
    assert world.state(RowKind.REGISTRATIONS, '["e1","u1"]').key == ""


def test_what_is_held_is_no_difference_of_the_day(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_sync, "MOST_GONE", 0)
    world.hold(), world.come()
    assert world.delete("site-registrations", PLAIN).outcome is Outcome.HELD
    assert differences(world) == []
    confirmed = Site(world.store, ACCOUNT, world.site.source, world.client, dry=True, confirmed=True)
    assert [one.outcome for one in compare(confirmed, NOW).differences] == [Action.CANCEL]


def test_rows_stand_that_somebody_comes_by_who_has_not_left_and_whose_event_is_not_over(world: World) -> None:
    world.hold(), world.hold(event_id="e2", state="off")
    for number, state in enumerate(("yes", "yes", "no", "no")):
        world.put("site-registrations", PLAIN | {"user_id": f"u{number}", "email": f"{number}@example.net"})
        world.put(
            "site-registrations", PLAIN | {"user_id": f"u{number}", "email": f"{number}@example.net", "state": state}
        )
    dry = Site(world.store, ACCOUNT, world.site.source, world.client, dry=True)
    assert compare(dry, NOW).standing == 3
    assert compare(dry, NOW + timedelta(days=1000)).standing == 0


def test_a_chain_of_rows_may_be_of_any_length_of_which_each_waits_for_the_address_of_the_next() -> None:
    many = 2 * sys.getrecursionlimit()

    def sync(_: RowKind, key: Any, __: Any) -> Synced:
        return Synced(outcome=Action.CHANGE, state=RowState(), unblocks=(str(key["n"]),))

    def waiting(synced: Synced) -> list[str]:
        number = int(synced.unblocks[0])
        return [key_text({"n": number + 1})] if number < many else []

    site: Any = SimpleNamespace(sync=sync, waiting=waiting)
    assert sum(1 for _ in follow(site, RowKind.REGISTRATIONS, {"n": 1}, NOW)) == many


def test_other_guests_of_rows_that_exchanged_their_addresses_follow_at_once(world: World) -> None:
    with_fields(world, **GUESTS)
    world.hold()
    world.come(plus=1)
    second = PLAIN | {"user_id": "u2", "email": "cy@example.net"}
    world.put("site-registrations", second)
    world.come(email="cy@example.net", plus=2)
    write(world, second | {"email": "bo@example.net", "plus": 3})
    for _ in follow(world.site, RowKind.REGISTRATIONS, second, NOW):
        pass
    assert (world.person("u1").guests, world.person("u2").guests) == (2, 3)
    assert differences(world) == []


def test_who_is_to_be_erased_does_not_come_back_before(world: World) -> None:
    world.hold(), world.come()
    person = world.person()
    withdraw(world.store, person.event_id, person.registration_id, now=NOW)
    world.store.attempt(
        {"task": world.store.registrations.erasure_action(person.event_id, person.registration_id, NOW)}
    )
    assert world.come(full_name="Bo").outcome is Action.NOTHING
    assert world.state(RowKind.REGISTRATIONS, '["e1","u1"]').key == ""


def test_rows_that_were_known_to_wait_are_followed_however_many_they_are(world: World) -> None:
    described = SITE | {"events": None}
    world.site = Site(world.store, ACCOUNT, parse(json.dumps(described)), world.client)
    for number in range(8):
        row = PLAIN | {"event_id": "choir", "user_id": f"u{number}", "email": f"{number}@example.net"}
        assert world.put("site-registrations", row).outcome is Action.WAIT
    event = replace(an_event(), external_id="choir")
    create_event(world.store, event)
    dry = Site(world.store, ACCOUNT, world.site.source, world.client, dry=True)
    found = compare(dry, NOW)
    assert len(found.differences) == 8
    assert not found.too_many


def test_exchanges_that_did_not_come_to_an_end_are_followed_however_many_they_are(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hold(seats=None)
    rows = [PLAIN | {"user_id": f"u{n}", "email": f"{n}@example.net"} for n in range(8)]
    for row in rows:
        world.put("site-registrations", row)
    with monkeypatch.context() as patch:
        patch.setattr(world.site, "_swap", lambda *_: None)
        for number, row in enumerate(rows):
            world.put("site-registrations", row | {"email": rows[number ^ 1]["email"]})
    dry = Site(world.store, ACCOUNT, world.site.source, world.client, dry=True)
    found = compare(dry, NOW)
    assert len(found.differences) == 8
    assert not found.too_many
    a_day(world)
    assert [world.person(row["user_id"]).email for row in rows[:2]] == ["1@example.net", "0@example.net"]


def test_rows_that_wait_for_an_address_and_whose_event_is_cancelled_are_no_sign_of_lost_records(world: World) -> None:
    world.hold(seats=None), world.come()
    for number in range(8):
        world.put("site-registrations", PLAIN | {"user_id": f"other{number}"})
    assert len(world.problems()) == 8
    world.hold(state="off")
    dry = Site(world.store, ACCOUNT, world.site.source, world.client, dry=True)
    assert not compare(dry, NOW).too_many
    a_day(world)
    assert world.problems() == []
    assert len(world.site.waiting(world.hold())) == 8


def test_an_address_that_has_got_too_many_invitations_is_no_sign_of_lost_records(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hold(seats=None)
    many = TooMany(until=NOW)
    with monkeypatch.context() as patch:
        patch.setattr(registry, "register", lambda *_, **__: many)
        for number in range(8):
            world.put("site-registrations", PLAIN | {"user_id": f"u{number}", "email": f"{number}@example.net"})
    assert {reason for _, reason in world.problems()} == {registration_sync.LIMITED}
    dry = Site(world.store, ACCOUNT, world.site.source, world.client, dry=True)
    assert not compare(dry, NOW).too_many
    a_day(world)
    assert world.store.reads.seats(world.event().event_id).taken == 8
