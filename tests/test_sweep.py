"""The sweeper alone: with every stream record and every hint lost, everything still converges."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from convoke.model import EventStatus, Method, Registration, RegistrationStatus
from convoke.store.erasure import erase
from tests.factories import AFTERNOON, EVENT_ID
from tests.tables import SETTINGS
from tests.world import World, a_world

REQUEST, CANCEL = Method.REQUEST, Method.CANCEL


@pytest.fixture
def world() -> Iterator[World]:
    with a_world(capacity=2) as made:
        yield made


def test_with_every_hint_lost_the_whole_story_is_told(world: World) -> None:
    first, second = world.register(1), world.register(2)
    world.settle()
    world.change(when=AFTERNOON)
    world.settle()
    world.withdraw(first)
    world.settle()
    world.call_off()
    world.settle()

    assert world.said(first.email) == [(REQUEST, 0), (REQUEST, 1), (CANCEL, 2)]
    assert world.said(second.email) == [(REQUEST, 0), (REQUEST, 1), (CANCEL, 2)]


def test_what_was_handed_out_is_not_handed_out_again_at_once(world: World) -> None:
    world.register()
    world.queue.clear()
    first = world.run_sweep_without_following()
    again = world.run_sweep_without_following()
    world.pass_time(minutes=3)

    assert (first, again, world.run_sweep_without_following()) == (1, 0, 1)


def test_a_cancellation_is_handed_out_before_an_invitation(world: World) -> None:
    leaves = world.register(1)
    world.look(leaves)
    world.register(2)
    world.withdraw(leaves)
    world.sweep()

    assert world.said()[1:] == [(CANCEL, 1), (REQUEST, 0)]


def test_the_first_in_line_gets_the_seat_that_came_free_and_an_invitation(world: World) -> None:
    people = [world.register(number) for number in range(4)]
    world.settle()
    assert {letter.intent.told.recipient for letter in world.sent} == {people[0].email, people[1].email}

    world.withdraw(people[0])
    world.settle()
    promoted = world.reads.registration(EVENT_ID, people[2].registration_id)
    waits = world.reads.registration(EVENT_ID, people[3].registration_id)
    assert isinstance(promoted, Registration)
    assert isinstance(waits, Registration)
    assert (promoted.status, waits.status) == (RegistrationStatus.REGISTERED, RegistrationStatus.WAITLISTED)
    assert (world.said(people[2].email), world.said(people[3].email)) == ([(REQUEST, 0)], [])


def test_who_asks_to_be_forgotten_is_cancelled_first_and_forgotten_then(world: World) -> None:
    person = world.register(name="Canary Bird")
    world.look(person)
    erase(world.client, SETTINGS, EVENT_ID, person.registration_id, now=world.now)
    world.settle()

    assert world.said(person.email) == [(REQUEST, 0), (CANCEL, 1)]
    everything = str(
        [
            world.client.scan(TableName=table)["Items"]
            for table in (SETTINGS.registrations_table, SETTINGS.invitations_table)
        ]
    )
    assert "Canary" not in everything
    assert person.email not in everything
    tombstone = world.reads.registration(EVENT_ID, person.registration_id)
    assert tombstone is not None
    assert tombstone.status is RegistrationStatus.ERASED
    assert world.invitation(person).acknowledged is not None


def test_the_forgotten_are_never_written_to_again(world: World) -> None:
    person = world.register()
    world.look(person)
    erase(world.client, SETTINGS, EVENT_ID, person.registration_id, now=world.now)
    world.settle()
    world.change(status=EventStatus.CANCELLED)
    world.settle()

    assert len(world.sent) == 2
