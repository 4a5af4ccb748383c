"""People who come with guests: each takes a seat, exactly, whatever else happens at that moment; and what they respond
to the event's questions, over HTTP.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any
from unittest.mock import patch

import pytest

from convoke.model import Registration, RegistrationStatus
from convoke.registrations import registry, seats, waitlist
from convoke.registrations.events import change_event, create_event
from convoke.registrations.registry import Obstacle
from convoke.store import conditions, dynamo
from convoke.store import seats as store_seats
from convoke.store.store import Store
from tests.caller import BO, World, a_caller
from tests.factories import EVENT_ID, NOW, event, existing, registration
from tests.fixtures import patching_fixture_of
from tests.simulation import quick
from tests.simulation.tables import Tables
from tests.tables import SETTINGS

TAKE = seats.take
REGISTERED, WAITLISTED = RegistrationStatus.REGISTERED, RegistrationStatus.WAITLISTED
SOUP = {"question_id": "soup", "text": "Soup?", "kind": "yes-no", "required": True}
NOTE = {"question_id": "note", "text": "=Anything else?"}


world = patching_fixture_of(a_caller)


def statuses(world: World, *people: str) -> list[str]:
    return [world.call("GET", person).body["status"] for person in people]


def numbers(world: World, event: str) -> tuple[int, int]:
    body = world.call("GET", event).body
    return body["registered"], body["waiting"]


def come(world: World, event: str, email: str = BO["email"], **changes: Any) -> str:
    """A moment later than whoever came before: those of one moment have no order."""
    world.now += timedelta(seconds=1)
    return world.register(event, email, **changes)


# --- seats, over HTTP ---------------------------------------------------------------------------------------------


def test_each_guest_takes_a_seat_and_who_has_no_room_for_all_waits_with_all(world: World) -> None:
    event = world.hold(capacity=5)
    first = come(world, event, guests=2)
    second = come(world, event, "cleo@example.com", guests=2)
    assert statuses(world, first, second) == ["registered", "waitlisted"]
    assert world.call("GET", first).body["guests"] == 2
    assert numbers(world, event) == (3, 1)


def test_nobody_overtakes_who_waits_for_several_seats(world: World) -> None:
    event = world.hold(capacity=5)
    first = come(world, event, guests=2)
    party = come(world, event, "cleo@example.com", guests=2)
    single = come(world, event, "dan@example.com")
    assert statuses(world, party, single) == ["waitlisted", "waitlisted"], "although two seats are free"
    world.call("DELETE", first)
    assert statuses(world, party, single) == ["registered", "registered"]
    assert numbers(world, event) == (4, 0)


def test_who_was_behind_a_party_gets_the_free_seats_when_it_leaves_or_becomes_smaller(world: World) -> None:
    for change in ("DELETE", "PATCH"):
        event = world.hold(capacity=5)
        come(world, event, guests=2)
        party = come(world, event, "cleo@example.com", guests=2)
        single = come(world, event, "dan@example.com")
        assert world.call(change, party, None if change == "DELETE" else {"guests": 0}).status == 200
        assert statuses(world, single) == ["registered"]
        assert numbers(world, event) == ((4, 0) if change == "DELETE" else (5, 0))


def test_more_guests_take_free_seats_only_and_fewer_release_theirs(world: World) -> None:
    event = world.hold(capacity=4)
    person = come(world, event)
    assert world.call("PATCH", person, {"guests": 3}).body["guests"] == 3
    assert numbers(world, event) == (4, 0)
    cleo = come(world, event, "cleo@example.com")
    assert world.call("PATCH", person, {"guests": 2}).status == 200
    assert statuses(world, cleo) == ["registered"], "the seat went to who waited"
    refused = world.call("PATCH", person, {"guests": 3, "name": "Bo Other"})
    assert (refused.status, refused.body["code"]) == (409, "seats_taken")
    assert world.call("GET", person).body["name"] == "Bo Ek", "nothing of it was done"
    assert world.call("PATCH", person, {"guests": None}).body["guests"] == 0
    assert numbers(world, event) == (2, 0)


def test_nobody_gets_further_seats_before_those_who_wait(world: World) -> None:
    event = world.hold(capacity=5)
    person = come(world, event, guests=1)
    come(world, event, "cleo@example.com", guests=3)
    assert numbers(world, event) == (2, 1)
    assert world.call("PATCH", person, {"guests": 2}).status == 409


def test_who_waits_may_change_their_guests_and_keeps_their_place(world: World) -> None:
    event = world.hold(capacity=3)
    come(world, event, guests=2)
    first = come(world, event, "cleo@example.com")
    second = come(world, event, "dan@example.com")
    assert world.call("PATCH", first, {"guests": 1}).status == 200
    assert world.call("PATCH", event, {"capacity": 5}).status == 200
    assert statuses(world, first, second) == ["registered", "waitlisted"]


@pytest.mark.parametrize("guests", [-1, 11, "2", True, 1.5])
def test_a_bad_number_of_guests_is_refused(world: World, guests: Any) -> None:
    event = world.hold()
    assert world.call("POST", f"{event}/registrations", BO | {"guests": guests}).fields == ["guests"]
    assert world.call("PATCH", come(world, event), {"guests": guests}).fields == ["guests"]


def test_more_people_than_the_event_has_seats_for_are_refused(world: World) -> None:
    event = world.hold(capacity=3)
    assert world.call("POST", f"{event}/registrations", BO | {"guests": 3}).fields == ["guests"]
    person = come(world, event, guests=2)
    assert world.call("PATCH", person, {"guests": 3}).fields == ["guests"]


def test_a_capacity_that_is_lowered_takes_no_seat_away_and_gives_none(world: World) -> None:
    event = world.hold(capacity=8)
    first, second = come(world, event, guests=3), come(world, event, "cleo@example.com", guests=3)
    party, single = come(world, event, "dan@example.com", guests=3), come(world, event, "eve@example.com")
    assert world.call("PATCH", event, {"capacity": 3}).status == 200
    assert numbers(world, event) == (8, 2)
    assert world.call("PATCH", first, {"guests": 2, "name": "B"}).status == 200, "fewer are always possible"
    world.call("DELETE", first)
    assert numbers(world, event) == (4, 2)
    world.call("DELETE", second)
    assert statuses(world, party, single) == ["waitlisted", "registered"], "who never fits holds up nobody"
    assert world.call("PATCH", event, {"capacity": 5}).status == 200
    assert statuses(world, party) == ["registered"]
    assert numbers(world, event) == (5, 0)


def test_erasing_releases_all_seats_and_forgets_responses_and_guests(world: World) -> None:
    event = world.hold(capacity=4, questions=[SOUP])
    person = come(world, event, guests=3, responses={"soup": "yes"})
    assert world.call("DELETE", person, query={"erase": "true"}).status == 202
    assert numbers(world, event) == (0, 0)
    erased = world.call("GET", person).body
    assert (erased["status"], erased["guests"], erased["responses"]) == ("erased", 0, {})


def test_copies_of_a_split_come_with_their_guests_and_responses(world: World) -> None:
    event = world.hold(recurrence="FREQ=WEEKLY;COUNT=4", capacity=6, questions=[SOUP])
    come(world, event, guests=2, responses={"soup": "no"}, language="sv")
    new = world.call("POST", f"{event}/split", {"from": "2027-03-26T09:00:00"}).body
    (copy,) = world.call("GET", f"/events/{new['event_id']}/registrations").body["items"]
    assert (copy["guests"], copy["responses"], copy["language"]) == (2, {"soup": "no"}, "sv")
    assert numbers(world, f"/events/{new['event_id']}") == (3, 0)


def test_many_at_once_come_with_their_guests(world: World) -> None:
    event = world.hold(capacity=10, questions=[SOUP])
    people = [
        {"name": f"P{number}", "email": f"p{number}@example.net", "guests": 3, "responses": {"soup": "yes"}}
        for number in range(4)
    ]
    people[1] |= {"responses": {}}
    people[3] |= {"guests": 0}
    answer = world.call("POST", f"{event}/registrations/bulk", {"registrations": people})
    items = answer.body["items"]
    assert [one["status"] for one in items] == [201, 422, 201, 201]
    assert items[1]["errors"] == [{"field": "responses.soup", "message": "is required"}]
    assert [items[each]["registered"] for each in (0, 2, 3)] == ["registered", "registered", "registered"]
    assert numbers(world, event) == (9, 0)
    more = [{"name": f"Q{n}", "email": f"q{n}@example.net", "guests": 1, "responses": {"soup": "no"}} for n in range(2)]
    answer = world.call("POST", f"{event}/registrations/bulk", {"registrations": more})
    assert [one["registered"] for one in answer.body["items"]] == ["waitlisted", "waitlisted"]
    assert numbers(world, event) == (9, 2)


# --- responses, over HTTP -----------------------------------------------------------------------------------------


def test_responses_are_kept_and_changed_by_the_id_of_their_question(world: World) -> None:
    event = world.hold(questions=[SOUP, NOTE])
    person = come(world, event, responses={"soup": "yes", "note": " "})
    assert world.call("GET", person).body["responses"] == {"soup": "yes"}
    assert world.call("PATCH", person, {"responses": {"note": "Late"}}).body["responses"] == {
        "soup": "yes",
        "note": "Late",
    }
    assert world.call("PATCH", person, {"responses": {"note": None}}).body["responses"] == {"soup": "yes"}
    assert world.call("PATCH", person, {"name": "Bo"}).body["responses"] == {"soup": "yes"}
    for wrong in ({"soup": None}, {"soup": "maybe"}, None):
        assert world.call("PATCH", person, {"responses": wrong}).fields == ["responses.soup"]
    (listed,) = world.call("GET", f"{event}/registrations").body["items"]
    assert listed["responses"] == {"soup": "yes"}


def test_every_response_that_is_wrong_is_named(world: World) -> None:
    event = world.hold(questions=[SOUP, NOTE])
    answer = world.call("POST", f"{event}/registrations", BO | {"responses": {"note": "\x00", "shoes": "42"}})
    assert answer.status == 422
    assert answer.fields == ["responses.soup", "responses.note", "responses.shoes"]
    assert numbers(world, event) == (0, 0)


def test_responses_to_a_question_that_was_removed_stay(world: World) -> None:
    event = world.hold(questions=[SOUP, NOTE])
    person = come(world, event, guests=1, responses={"soup": "no", "note": "=cmd"})
    world.call("PATCH", event, {"questions": [NOTE]})
    assert world.call("GET", person).body["responses"] == {"soup": "no", "note": "=cmd"}
    head, row = csv.reader(io.StringIO(world.call("GET", f"{event}/registrations.csv").data.decode()))
    shown = dict(zip(head, row, strict=True))
    assert shown["guests"] == "1"
    assert shown["'=Anything else?"] == "'=cmd"
    assert shown["other responses"] == '{"soup": "no"}'


# --- seats, whatever happens at that moment -------------------------------------------------------------------------


class Crowd(Tables):
    """The tables of one event, where something else may happen right before a transaction is written."""

    def __init__(self, capacity: int | None) -> None:
        super().__init__(SETTINGS.registrations_table, lambda *_: None)
        self.meanwhile: list[Callable[[], None]] = []
        self.event = event(capacity=capacity)
        self.store = Store(self, SETTINGS)
        self.now = NOW
        create_event(self.store, self.event)
        self.people: list[str] = []

    def transact_write_items(self, **asked: Any) -> None:
        while self.meanwhile:
            self.meanwhile.pop()()
        super().transact_write_items(**asked)

    def known(self) -> dict[str, Registration]:
        found = {who: self.store.reads.registration(EVENT_ID, who) for who in self.people}
        return {who: person for who, person in found.items() if person is not None}

    def register(self, guests: int, number: int, conflicts: int = 0) -> Registration | Obstacle | object:
        who = f"{number:010d}{EVENT_ID}"
        person = registration(registration_id=who, email=f"p{number}@example.net", guests=guests)
        self.people.append(who)

        def crowded(*ids: Any, **how: Any) -> Any:
            return TAKE(*ids, **{**how, "conflicts": how["conflicts"] + conflicts})

        with patch.object(seats, "take", crowded):
            return registry.register(self.store, person, now=self.now)

    def withdraw(self, who: str) -> None:
        registry.withdraw(self.store, EVENT_ID, who, now=self.now)

    def bring(self, who: str, guests: int) -> Registration | Obstacle | object:
        return registry.change_registration(
            *(self.store, EVENT_ID, who), changes={"guests": guests}, priority=1, now=self.now
        )

    def resize(self, capacity: int | None) -> None:
        after = replace(self.event, version=self.event.version + 1, capacity=capacity)
        if change_event(self.store, self.event, after, priority=1, now=self.now):
            self.event = after

    def promote(self) -> None:
        while waitlist.promote(self.store, EVENT_ID, now=self.now):
            pass

    def taken(self) -> int:
        return sum(person.seats for person in self.known().values() if person.status is REGISTERED)

    def check(self, most: int | None) -> None:
        """``most`` is what may be taken at most, since that much was taken before the capacity was lowered."""
        known, counted = self.known(), self.store.reads.seats(EVENT_ID)
        waiting = [person for _, person in sorted(known.items()) if person.status is WAITLISTED]
        assert (counted.taken, counted.waiting) == (self.taken(), len(waiting))
        assert most is None or counted.taken <= most
        assert counted.left is None or counted.left <= 0 or not waiting or counted.due_key is not None

    def settled(self) -> None:
        """The first who waits, of those who fit at all, has not enough room."""
        self.promote()
        known, counted = self.known(), self.store.reads.seats(EVENT_ID)
        waiting = [person for _, person in sorted(known.items()) if person.status is WAITLISTED]
        fitting = [one for one in waiting if counted.capacity is None or one.seats <= counted.capacity]
        assert not fitting or (counted.left is not None and fitting[0].seats > counted.left)


class History:
    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)  # noqa: S311 (not for secrets)
        self.crowd = Crowd(self.dice.choice([None, 4, 9, 20]))
        self.number = 500

    def deed(self) -> None:
        dice, crowd = self.dice, self.crowd
        self.number += dice.choice((1, 1, 1, -7))  # a slower one may come from before
        while f"{self.number:010d}{EVENT_ID}" in crowd.people:
            self.number += 1
        who = dice.choice(crowd.people) if crowd.people else None
        kind = dice.choices(["register", "withdraw", "bring", "resize", "promote"], [10, 3, 4, 1, 3])[0]
        if kind == "register" or who is None:
            crowd.register(dice.choice([0, 0, 0, 1, 2, 5]), self.number, dice.choice([0, 0, 1]))
        elif kind == "withdraw":
            crowd.withdraw(who)
        elif kind == "bring":
            crowd.bring(who, dice.choice([0, 1, 2, 4]))
        elif kind == "resize":
            crowd.resize(dice.choice([None, 1, 3, 6, 12, 25]))
        else:
            crowd.promote()

    def play(self, deeds: int) -> None:
        crowd, dice = self.crowd, self.dice
        for _ in range(deeds):
            crowd.now += timedelta(seconds=dice.choice([1, 30, 90]))
            before, capacity = crowd.taken(), crowd.event.capacity
            if dice.random() < 0.4:
                crowd.meanwhile = [self.deed for _ in range(dice.choice([1, 1, 2]))]
            with suppress(dynamo.Contention):
                self.deed()
            crowd.meanwhile = []
            same = crowd.event.capacity == capacity
            crowd.check(max(before, capacity) if same and capacity is not None else None)
        crowd.settled()
        crowd.check(None)


@pytest.fixture
def quickly() -> Iterator[None]:
    with quick.quick(), patch.object(store_seats, "SHARDS", 2), patch.object(dynamo, "pause", lambda _: None):
        yield


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("seed", range(40))
def test_seats_are_exact_with_guests_whatever_happens_at_the_same_moment(seed: int) -> None:
    History(seed).play(60)


def promoted_whoever_needs_more() -> Any:
    return patch.object(
        conditions, "CAN_PROMOTE", "#open = :true AND #waiting > :none AND #capacity = :capacity AND #taken < #capacity"
    )


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("without", [False, True], ids=["with the guard", "without it"])
def test_who_is_promoted_has_room_for_all_when_it_is_written(without: bool) -> None:
    """Whoever looked saw room for three; meanwhile, of another place, one of them was taken."""
    crowd = Crowd(4)
    crowd.register(3, 1)
    crowd.register(2, 2)
    crowd.withdraw(crowd.people[0])
    late = f"{0:010d}{EVENT_ID}"

    def another() -> None:
        # An earlier one, who came in while the waitlist was looked at: has a place before, and is promoted first.
        crowd.people.append(late)
        person = registration(registration_id=late, email="late@example.net", guests=1)
        registry.register(crowd.store, person, now=crowd.now)
        crowd.promote()

    crowd.meanwhile = [another]
    with promoted_whoever_needs_more() if without else nullcontext():
        crowd.promote()
    assert (crowd.taken() > 4) is without


@pytest.mark.usefixtures("quickly")
def test_a_waitlist_whose_first_has_not_enough_room_is_looked_at_again_later() -> None:
    crowd = Crowd(4)
    crowd.register(1, 1)
    crowd.register(2, 2)
    crowd.promote()
    due = existing(crowd.store.reads.seats(EVENT_ID).due_key)
    assert due == f"2#{(NOW + seats.LOOK_AGAIN).isoformat(timespec='microseconds').replace('+00:00', 'Z')}"
    crowd.withdraw(crowd.people[1])
    crowd.promote()
    assert crowd.store.reads.seats(EVENT_ID).due_key is None
