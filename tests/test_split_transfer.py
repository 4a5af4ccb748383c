"""Copying registrations to the event that a series was split into: everybody once, whatever comes in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from convoke.effects import Effect, TransferRegistrations
from convoke.model import (
    AnswerChannel,
    Event,
    EventStatus,
    Method,
    Participation,
    Registration,
    RegistrationStatus,
    Reply,
)
from convoke.registrations import events, registry, replies, returning, split_transfer, waitlist
from convoke.registrations.registry import Obstacle
from convoke.schedule import edits, series, series_changes
from convoke.store import dynamo, keys, writes
from convoke.store.events import SplitTransfer
from convoke.store.store import Store
from tests.factories import EVENT_ID, MORNING, NEW_ID, existing, expect, registration
from tests.fixtures import fixture_of
from tests.simulation.quick import quick
from tests.tables import SETTINGS, everything, unchanged
from tests.test_costs import Ordered, over
from tests.world import SWEEP_TIME, World, a_world

WEEKLY = series.rule("FREQ=WEEKLY;COUNT=6", MORNING)
FIRST, SECOND, THIRD, FOURTH, FIFTH, _ = starts = tuple(MORNING.start + timedelta(weeks=week) for week in range(6))
PEOPLE = 4


world = fixture_of(a_world, rule=WEEKLY)


def settle_in(world: World, count: int = PEOPLE, **changes: Any) -> list[Registration]:
    people = [world.register(number, **changes) for number in range(count)]
    world.pass_time(minutes=1)
    return people


def at_the_new(world: World) -> dict[str, Registration]:
    return {person.email: person for person in world.everybody(NEW_ID)}


def counts(world: World) -> tuple[int, int]:
    seats = world.store.reads.seats(NEW_ID)
    return seats.taken, seats.waiting


def interrupted(monkeypatch: pytest.MonkeyPatch, number: int, what: Callable[[], None]) -> None:
    """Something happens just before the transaction with that number."""
    attempt, done = writes.attempt, 0

    def attempted(*arguments: Any) -> Any:
        nonlocal done
        done += 1
        if done == number:
            what()
        return attempt(*arguments)

    monkeypatch.setattr("convoke.store.store.attempt", attempted)


@contextmanager
def not_copied(*people: Registration) -> Iterator[None]:
    """Within, whoever is to copy one of these fails."""
    ids = {person.registration_id for person in people}
    store_copy = split_transfer._store_copy

    def stored(store: Store, transfer: SplitTransfer, account: str, one: Registration, *more: Any) -> Any:
        if one.registration_id in ids:
            raise KeyError(one.registration_id)
        return store_copy(store, transfer, account, one, *more)

    with patch.object(split_transfer, "_store_copy", stored):
        yield


# --- the cut ------------------------------------------------------------------------------------------------------


def test_the_old_is_shortened_and_the_new_made_in_one_transaction(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle_in(world)
    before = everything(world.client)
    transactions: list[list[str]] = []
    transact = dynamo.transact

    def noted(client: Any, actions: list[dict[str, Any]], attempts: int) -> None:
        rows = [next(iter(action.values())) for action in actions]
        named = [dynamo.unwire(row.get("Item") or row["Key"]) for row in rows]
        transactions.append([f"{key['pk']} {key['sk']}" for key in named])
        transact(client, actions, attempts)

    monkeypatch.setattr(dynamo, "transact", noted)
    world.cut(THIRD)

    old, new = (f"EVENT#{event_id} " for event_id in (EVENT_ID, NEW_ID))
    wanted = {old + "EVENT", old + "FAN_OUT", new + "EVENT", new + "SEATS", new + "SPLIT_TRANSFER"}
    (written,) = transactions
    assert wanted <= set(written)
    after = everything(world.client)
    changed = {f"{row['pk']} {row['sk']}" for table, rows in after.items() for row in rows if row not in before[table]}
    assert wanted <= changed <= set(written)


def test_a_split_of_what_has_changed_meanwhile_stores_nothing(world: World) -> None:
    settle_in(world)
    before = world.event()
    world.change(title="Quire")
    stored = everything(world.client)
    transfer = SplitTransfer(event_id=NEW_ID, source=EVENT_ID, since=THIRD, named=0, at=world.now)
    done = events.split_event(
        world.store,
        before,
        replace(before, version=2),
        replace(before, event_id=NEW_ID),
        world.store.events.start_transfer_action(transfer, 1, world.now),
        priority=1,
        now=world.now,
    )
    assert not done
    assert everything(world.client) == stored


# --- everybody, once ----------------------------------------------------------------------------------------------


def test_everybody_is_copied_under_an_id_that_follows_from_the_old_one(world: World) -> None:
    people = settle_in(world, name="Bo Ek", language="sv")
    world.cut(THIRD)
    world.copy_all()

    copied = at_the_new(world)
    assert set(copied) == {person.email for person in people}
    for person in people:
        new = copied[person.email]
        assert new.registration_id == split_transfer.transferred_id(person.registration_id, NEW_ID)
        assert new.registration_id[:10] == person.registration_id[:10], "it arrives when the old one did"
        assert (new.name, new.language, new.created_at) == ("Bo Ek", "sv", person.created_at)
        assert new.status is RegistrationStatus.REGISTERED
    assert counts(world) == (PEOPLE, 0)
    assert not world.store.events.transferring(NEW_ID)


def test_each_is_told_the_shortened_old_and_invited_to_the_new(world: World) -> None:
    people = settle_in(world)
    world.settle()
    world.cut(THIRD, lambda new: replace(new, title="Concerts"))
    world.settle()

    old, new = world.event(), world.event(NEW_ID)
    for person in people:
        told = [rendered for rendered in world.sent if rendered.intent.calendar_state.recipient == person.email]
        said: dict[str, list[tuple[Method, str | None]]] = {EVENT_ID: [], NEW_ID: []}
        for rendered in told:
            said[rendered.event_id].append((rendered.intent.calendar_state.method, rendered.intent.calendar_state.rule))
        assert said[EVENT_ID] == [(Method.REQUEST, WEEKLY), (Method.REQUEST, old.rule)]
        assert said[NEW_ID] == [(Method.REQUEST, new.rule)]
        assert len({rendered.intent.calendar_state.uid for rendered in told}) == 2
    assert len(world.sent) == 3 * PEOPLE


def test_copying_again_what_was_copied_changes_nothing(world: World) -> None:
    settle_in(world)
    world.cut(THIRD)
    task = world.client.get_item(TableName=SETTINGS.invitations_table, Key=dynamo.wire(keys.split_transfer(NEW_ID)))
    world.copy_all()
    with unchanged(world.client):
        world.client.put_item(TableName=SETTINGS.invitations_table, Item=task["Item"])
        world.copy_all()


@pytest.mark.parametrize("number", range(1, PEOPLE + 4))
def test_two_carriers_at_once_do_what_one_does(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_world(rule=WEEKLY) as world:
        settle_in(world)
        world.cut(THIRD)
        world.copy_all(most=3)
        alone = everything(world.client)
    with a_world(rule=WEEKLY) as world:
        settle_in(world)
        world.cut(THIRD)
        interrupted(monkeypatch, number, lambda: world.copy_all(most=3))
        world.copy_all(most=3)
        assert everything(world.client) == alone


class Crash(BaseException):
    """The process ends: no ``except`` of ours is reached."""


def crash() -> None:
    raise Crash


@pytest.mark.parametrize("number", range(1, PEOPLE + 3))
def test_whoever_comes_after_a_crash_finishes(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweeper, who is told by the task alone."""
    with a_world(rule=WEEKLY) as world:
        settle_in(world)
        world.cut(THIRD)
        interrupted(monkeypatch, number, crash)
        with pytest.raises(Crash):
            world.copy_all(most=3)
        world.settle()

        assert len(at_the_new(world)) == PEOPLE
        assert counts(world) == (PEOPLE, 0)
        assert world.store.reads.seats(NEW_ID).open


# --- who is not, or otherwise -------------------------------------------------------------------------------------


def test_who_has_withdrawn_stays_away(world: World) -> None:
    gone, *others = settle_in(world)
    world.withdraw(gone)
    world.cut(THIRD)
    world.copy_all()
    assert set(at_the_new(world)) == {person.email for person in others}


def test_who_withdraws_at_that_very_moment_stays_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, *others = settle_in(world)
    world.cut(THIRD)
    interrupted(monkeypatch, 1, lambda: world.withdraw(gone))
    world.copy_all()
    assert set(at_the_new(world)) == {person.email for person in others}
    assert counts(world) == (PEOPLE - 1, 0)


def test_who_withdraws_from_the_new_is_not_copied_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *_ = settle_in(world)
    world.cut(THIRD)

    def be_faster() -> None:
        """Another carrier has read the same people, and is done when the first of them leaves again."""
        world.copy_all()
        gone = at_the_new(world)[first.email]
        registry.withdraw(world.store, NEW_ID, gone.registration_id, now=world.now)

    interrupted(monkeypatch, 1, be_faster)
    world.copy_all()
    assert at_the_new(world)[first.email].status is RegistrationStatus.CANCELLED
    assert counts(world) == (PEOPLE - 1, 0)


def test_who_registers_while_the_split_is_written_comes_to_both(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their time is later than the split's, and yet they registered for the series as it was."""
    late = world.now + timedelta(milliseconds=300)

    def meanwhile() -> None:
        world.register(1, created_at=late)

    interrupted(monkeypatch, 1, meanwhile)
    world.cut(FOURTH)
    world.copy_all()
    assert list(at_the_new(world)) == ["person1@example.net"]


def test_who_comes_to_the_old_after_the_split_comes_to_that_alone(world: World) -> None:
    settle_in(world)
    world.cut(THIRD)
    world.pass_time(seconds=1)
    late = world.register(99, created_at=world.now, named=len(world.event().earlier))
    world.copy_all()
    world.settle()
    assert late.email not in at_the_new(world)
    assert len(at_the_new(world)) == PEOPLE


def test_who_was_on_the_way_when_all_were_copied_comes_to_both(world: World) -> None:
    settle_in(world)
    world.cut(THIRD)
    world.copy_all()
    world.pass_time(seconds=30)
    world.copy_all()
    late = world.register(99)
    assert late.email not in at_the_new(world)
    gone = at_the_new(world)["person1@example.net"]
    registry.withdraw(world.store, NEW_ID, gone.registration_id, now=world.now)
    world.settle()
    assert at_the_new(world)[late.email].status is RegistrationStatus.REGISTERED
    assert at_the_new(world)[gone.email].status is RegistrationStatus.CANCELLED, "is not copied again"
    assert counts(world) == (PEOPLE, 0)
    assert world.store.events.transfer(NEW_ID) is None
    assert {rendered.event_id for rendered in world.sent if rendered.intent.calendar_state.recipient == late.email} == {
        EVENT_ID,
        NEW_ID,
    }


@pytest.mark.parametrize("how", ["declined", "withdrew", "declined, and withdrew after it"])
def test_who_had_left_before_the_split_and_comes_back_right_after_it_comes_to_the_old_alone(how: str) -> None:
    with a_world(rule=WEEKLY, release_on_decline=True) as world:
        bo, *_ = settle_in(world)
        world.settle()
        if how.startswith("declined"):
            reply = Reply(status=Participation.DECLINED, sequence=0, dtstamp=world.now, received_at=world.now)
            ids = EVENT_ID, bo.registration_id
            replies.apply(world.store, *ids, reply, channel=AnswerChannel.MAIL, now=world.now)
        else:
            world.withdraw(bo)
        world.settle()
        world.cut(THIRD)
        world.copy_all()
        world.pass_time(seconds=30)
        world.copy_all()
        if how.endswith("after it"):
            world.withdraw(bo)
        back = returning.come_back(world.store, EVENT_ID, bo.registration_id, now=world.now)
        assert isinstance(back, Registration)
        assert back.status is RegistrationStatus.REGISTERED
        world.settle()
        assert world.store.events.transfer(NEW_ID) is None
        assert bo.email not in at_the_new(world)
        assert len(at_the_new(world)) == PEOPLE - 1


def test_who_left_after_the_split_and_comes_back_comes_to_both(world: World) -> None:
    bo, *_ = settle_in(world)
    world.settle()
    world.cut(THIRD)
    world.pass_time(seconds=5)
    world.withdraw(bo)
    world.copy_all()
    assert bo.email not in at_the_new(world)
    world.pass_time(seconds=15)
    returning.come_back(world.store, EVENT_ID, bo.registration_id, now=world.now)
    world.settle()
    assert at_the_new(world)[bo.email].status is RegistrationStatus.REGISTERED


def test_who_had_left_the_waitlist_before_the_split_comes_back_to_the_old_alone() -> None:
    with a_world(rule=WEEKLY, capacity=2) as world:
        *_, bo = settle_in(world)
        world.withdraw(bo)
        world.cut(THIRD)
        world.copy_all()
        world.pass_time(seconds=20)
        returning.come_back(world.store, EVENT_ID, bo.registration_id, now=world.now)
        world.settle()
        assert world.registration(bo).status is RegistrationStatus.WAITLISTED
        assert bo.email not in at_the_new(world)


def test_who_was_on_the_way_waits_where_others_have_the_seats() -> None:
    with a_world(rule=WEEKLY, capacity=2) as world:
        settle_in(world, 1)
        world.cut(THIRD)
        world.copy_all()
        late = world.register(2)
        newcomer = registration(event_id=NEW_ID, registration_id="99" + NEW_ID + "a" * 8, email="dan@example.net")
        assert isinstance(registry.register(world.store, newcomer, now=world.now), Registration)
        world.settle()
        assert at_the_new(world)[late.email].status is RegistrationStatus.WAITLISTED
        assert counts(world) == (2, 1)


def test_whoever_cannot_be_copied_holds_up_nobody_and_is_tried_again_with_their_seat() -> None:
    with a_world(rule=WEEKLY, capacity=PEOPLE) as world:
        bo, *others = settle_in(world)
        world.cut(THIRD)
        with not_copied(bo):
            assert world.copy_batch(2) == 2
            assert world.copy_batch(2) == 2
            with pytest.raises(KeyError):
                world.copy_batch(2)
            assert {*at_the_new(world)} == {one.email for one in others}
        assert world.store.events.transferring(NEW_ID), "nobody else takes the seat"
        world.settle()
        assert at_the_new(world)[bo.email].status is RegistrationStatus.REGISTERED
        assert world.store.events.transfer(NEW_ID) is None


def test_whoever_cannot_be_copied_for_long_keeps_the_event_closed_for_ten_minutes_and_is_copied_once_that_is_mended(
    world: World,
) -> None:
    bo, *others = settle_in(world)
    world.amend(bo, name="Bo")
    world.settle()
    world.cut(THIRD)
    with not_copied(bo):
        for _ in range(30):
            world.pass_time(minutes=1)
            world.sweep()
        assert not world.store.events.transferring(NEW_ID)
        assert {*at_the_new(world)} == {one.email for one in others}
    world.settle()
    assert {*at_the_new(world)} == {one.email for one in (bo, *others)}
    assert world.store.events.transfer(NEW_ID) is None


def test_who_cannot_be_copied_in_each_of_several_batches_holds_up_none_of_them(world: World) -> None:
    people = settle_in(world, 3 * split_transfer.BATCH_SIZE)
    world.cut(THIRD)
    unlucky = people[3 :: split_transfer.BATCH_SIZE]
    with not_copied(*unlucky):
        world.run_sweep_without_following()
        assert len(at_the_new(world)) == len(people) - len(unlucky)
    world.pass_time(minutes=2)
    world.run_sweep_without_following()
    assert not world.store.events.transferring(NEW_ID)
    assert len(at_the_new(world)) == len(people)


def test_whoever_cannot_be_copied_is_tried_again_before_the_event_opens_however_late_that_is(world: World) -> None:
    bo, *_ = settle_in(world)
    world.cut(THIRD)
    world.pass_time(minutes=30)
    with not_copied(bo), pytest.raises(KeyError):
        world.copy_batch()
    assert world.store.events.transferring(NEW_ID)
    world.settle()
    assert at_the_new(world)[bo.email].status is RegistrationStatus.REGISTERED


def test_where_many_cannot_be_copied_nobody_is_passed_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bo, *_ = settle_in(world)
    world.cut(THIRD)
    monkeypatch.setattr(split_transfer, "MOST_FAILED", 0)
    with not_copied(bo), pytest.raises(KeyError):
        world.copy_batch()
    assert existing(world.store.events.transfer(NEW_ID)).cursor == ""


def test_the_rest_of_a_series_that_is_split_at_once_has_everybody_too(world: World) -> None:
    """The second split's last look waits for that of the first."""
    settle_in(world)
    world.cut(THIRD)
    world.copy_all()
    before, third = world.event(NEW_ID), "z" * 26
    old, new = edits.split(before, FIFTH, third, world.now)
    transfer = SplitTransfer(event_id=third, source=NEW_ID, since=FIFTH, named=0, at=world.now)
    begun = world.store.events.start_transfer_action(transfer, 1, world.now)
    whole = {"whole": world.store.events.not_transferring_check(NEW_ID)}
    old = replace(old, version=2)
    assert events.split_event(world.store, before, old, new, begun, priority=1, now=world.now, also=whole)
    split_transfer.transfer_batch(world.store, third, now=world.now)
    late = world.register(99)
    world.pass_time(minutes=2)
    split_transfer.transfer_batch(world.store, third, now=world.now)
    world.settle()
    for event_id in (EVENT_ID, NEW_ID, third):
        assert late.email in {person.email for person in world.everybody(event_id)}


def test_a_changed_address_is_copied_as_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *_ = settle_in(world)
    world.cut(THIRD)

    def move() -> None:
        world.amend(first, email="bo@example.org")

    interrupted(monkeypatch, 1, move)
    world.copy_all()
    assert "bo@example.org" in at_the_new(world)
    assert first.email not in at_the_new(world)


# --- seats --------------------------------------------------------------------------------------------------------


def test_seats_and_the_line_go_along() -> None:
    with a_world(rule=WEEKLY, capacity=2) as world:
        people = settle_in(world, 4)
        world.cut(THIRD)
        world.copy_all(most=1)
        copied = at_the_new(world)
        statuses = [copied[person.email].status.value for person in people]
        assert statuses == ["registered", "registered", "waitlisted", "waitlisted"]
        assert counts(world) == (2, 2)
        assert world.event(NEW_ID).capacity == 2

        gone = copied[people[0].email]
        registry.withdraw(world.store, NEW_ID, gone.registration_id, now=world.now)
        assert waitlist.promote(world.store, NEW_ID, now=world.now) == 1
        assert at_the_new(world)[people[2].email].status is RegistrationStatus.REGISTERED
        assert counts(world) == (2, 1)


def test_more_seats_at_the_new_go_to_the_first_in_line_when_all_are_over(world: World) -> None:
    world.change(capacity=1)
    people = settle_in(world, 3)
    world.cut(THIRD, lambda new: replace(new, capacity=2))
    world.copy_batch(most=2)
    assert waitlist.promote(world.store, NEW_ID, now=world.now) == 0, "not yet"
    world.settle()
    copied = at_the_new(world)
    statuses = [copied[person.email].status.value for person in people]
    assert statuses == ["registered", "registered", "waitlisted"]


def test_nobody_else_can_register_until_all_are_over(world: World) -> None:
    settle_in(world)
    world.cut(THIRD)
    world.copy_batch(most=2)
    newcomer = registration(event_id=NEW_ID, registration_id="99" + NEW_ID + "a" * 8, email="dan@example.net")
    assert registry.register(world.store, newcomer, now=world.now) is Obstacle.NOT_YET
    assert counts(world) == (2, 0)

    world.copy_all(most=2)
    expect(Registration, registry.register(world.store, newcomer, now=world.now))
    assert counts(world) == (PEOPLE + 1, 0)


@pytest.mark.parametrize("number", range(1, PEOPLE + 2))
def test_what_was_cancelled_meanwhile_is_not_opened(number: int, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    settle_in(world)
    world.cut(THIRD)

    def cancel() -> None:
        before = world.event(NEW_ID)
        after = replace(before, version=2, status=EventStatus.CANCELLED)
        assert events.change_event(world.store, before, after, priority=0, now=world.now)

    interrupted(monkeypatch, number, cancel)
    world.copy_all()
    assert not world.store.events.transferring(NEW_ID)
    assert not world.store.reads.seats(NEW_ID).open


# --- dates --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "to_the_old", "to_the_new"),
    [
        ((FIRST,), 1, None),
        ((FOURTH,), 0, (FOURTH,)),
        ((SECOND, THIRD, FIFTH), 1, (THIRD, FIFTH)),
    ],
)
def test_who_comes_to_some_dates_comes_to_them_on_either_side(
    world: World, chosen: tuple[datetime, ...], to_the_old: int, to_the_new: tuple[datetime, ...] | None
) -> None:
    (bo,) = settle_in(world, 1, occurrences=chosen)
    world.cut(THIRD)
    world.copy_all()

    copied = at_the_new(world)
    assert (copied[bo.email].occurrences if to_the_new else copied.get(bo.email)) == to_the_new
    left = series_changes.named(world.event(), chosen, 0)
    assert len(left) == to_the_old


def test_dates_are_found_by_the_names_that_they_had_when_they_were_chosen(world: World) -> None:
    (bo,) = settle_in(world, 1, occurrences=(SECOND, FOURTH))
    later = replace(MORNING, start=FIRST + timedelta(hours=1), end=FIRST + timedelta(hours=3))
    schedule = series_changes.moved(world.event().schedule, later)
    before = world.event()
    world.become(replace(before, when=later, rule=schedule.rule, earlier=(before.schedule,)))
    world.cut(THIRD + timedelta(hours=1))
    world.copy_all()

    (copied,) = at_the_new(world).values()
    assert copied.email == bo.email
    assert copied.occurrences == (FOURTH + timedelta(hours=1),)
    assert copied.named == 0


# --- how long it takes --------------------------------------------------------------------------------------------


def test_each_of_a_thousand_costs_one_transaction() -> None:
    """The API answers after the first few, the sweep copies the rest."""
    count = 1000
    with quick(), over(Ordered()) as (world, counting):
        world.publish(rule=WEEKLY)
        settle_in(world, count)
        world.cut(THIRD)
        counting.calls.clear()
        world.store = Store(counting, SETTINGS)
        assert world.copy_batch() == split_transfer.BATCH_SIZE
        assert counting.calls["transact_write_items"] == split_transfer.BATCH_SIZE + 1
        assert counts(world) == (split_transfer.BATCH_SIZE, 0)

        counting.calls.clear()
        world.copy_all()
        assert counts(world) == (count, 0)
        batches = count // split_transfer.BATCH_SIZE
        assert counting.calls["transact_write_items"] == count - split_transfer.BATCH_SIZE + batches


@pytest.mark.parametrize(("people", "rounds"), [(1_000, 1), (5_000, 3)])
def test_the_sweeper_goes_on_while_it_has_time(world: World, people: int, rounds: int) -> None:
    """A batch, fifty transactions, takes about a second."""
    settle_in(world, 1)
    world.cut(THIRD)
    left, perform = people, world.perform

    def performed(effect: Effect) -> Any:
        nonlocal left
        if not isinstance(effect, TransferRegistrations):
            return perform(effect)
        world.pass_time(seconds=1)
        left -= split_transfer.BATCH_SIZE
        return split_transfer.BATCH_SIZE if left > 0 else perform(effect)

    world.perform = performed  # type: ignore[method-assign]
    swept = 0
    while world.store.events.transferring(NEW_ID):
        began = world.now
        world.run_sweep_without_following()
        swept += 1
        assert world.now - began <= SWEEP_TIME + timedelta(seconds=1)
        world.pass_time(minutes=2)
    assert swept == rounds


def test_an_event_that_was_cut_is_an_event_like_any_other(world: World) -> None:
    """It has its own versions, and nothing of its past."""
    settle_in(world)
    new = world.cut(THIRD)
    stored: Event = world.event(NEW_ID)
    assert stored == new
    assert (stored.version, stored.earlier, series.starts(stored.schedule)) == (1, (), starts[2:])
    assert series.starts(world.event().schedule) == starts[:2]
