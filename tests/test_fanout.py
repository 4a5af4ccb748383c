"""Planning and batches: everybody is told once, whatever dies, doubles, overtakes or refuses on the way."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from convoke.decision.fan_out import Batch, FanOut
from convoke.delivery.fan_out import (
    SECONDS_AFTER_BUSY,
    SECONDS_AFTER_REFUSAL,
    begin,
    plan,
    process_batch,
    progress,
)
from convoke.delivery.reconcile import Outcome, reconcile
from convoke.effects import (
    Acknowledge,
    BatchHint,
    Claim,
    Effect,
    EndBatch,
    Enqueue,
    PlanBatches,
    PlanHint,
    ReadInvitations,
    Refusal,
    Refused,
    Send,
    Steps,
    StoreRate,
    Unknown,
    WakeUp,
)
from convoke.model import EventStatus, Method, Registration
from convoke.store import codec, dynamo, keys
from convoke.store.fan_outs import FanOuts, batch_item
from tests.factories import AFTERNOON, EVENT_ID, MORNING, existing, expect
from tests.fixtures import fixture_of
from tests.simulation.tables import Tables, Typed
from tests.tables import SETTINGS
from tests.world import World, a_quick_world, announce

REQUEST, CANCEL = Method.REQUEST, Method.CANCEL


class Crash(BaseException):
    """The worker dies here."""


world = fixture_of(a_quick_world)


def invited(world: World, count: int) -> list[Registration]:
    people = [world.invite(number) for number in range(count)]
    world.sent.clear()
    return people


def test_a_change_is_told_to_everybody_batch_after_batch(world: World) -> None:
    people = invited(world, 7)
    world.change(when=AFTERNOON)
    assert world.run(announce(EVENT_ID))
    world.drain(size=3)

    assert [one.recipient for one in world.told] == [person.email for person in people]
    assert set(world.said()) == {(REQUEST, 1)}
    assert world.all_due() == []


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_few_are_told_by_who_first_hears_of_the_change_without_a_queue(world: World, count: int) -> None:
    invited(world, count)
    world.change(when=AFTERNOON)
    begun = world.run(begin(EVENT_ID, world.worker(), few=3))
    assert (begun is not None) is (count > 0)
    if begun is not None:
        assert world.run(process_batch(begun, world.worker())) == (Outcome.ACKNOWLEDGED,) * count

    assert world.queue == []
    assert world.said() == [(REQUEST, 1)] * count
    assert (world.reads.fan_out(EVENT_ID), world.batches(), world.all_due()) == (None, [], [])


@pytest.mark.parametrize("left", [0, 3])
def test_more_are_told_by_the_queues_and_so_are_few_of_whom_many_were_invited(world: World, left: int) -> None:
    people = invited(world, 4)
    for person in people[:left]:
        world.withdraw(person)
    world.change(when=AFTERNOON)
    asked: list[str] = []
    world.before = lambda effect: asked.append(type(effect).__name__)
    assert world.run(begin(EVENT_ID, world.worker(), few=3)) is None

    assert [one.hint for one in world.queue] == [PlanHint(event_id=EVENT_ID)]
    assert ("ReadInvitationIds" in asked) is bool(left), "what is many at the first look needs no second"
    assert (world.batches(), world.sent) == ([], [])


def test_what_another_planner_left_of_a_fan_out_is_begun_where_it_stopped(world: World) -> None:
    people = invited(world, 3)
    world.change(when=AFTERNOON)
    first = existing(world.run(plan(EVENT_ID, world.worker(), size=1, batches=2)))
    begun = existing(world.run(begin(EVENT_ID, world.worker(), few=3)))
    assert begun.ids == (people[2].registration_id,)
    for each in (first, begun):
        world.run(process_batch(each, world.worker()))
    world.drain()
    assert sorted(one.recipient for one in world.told) == [person.email for person in people]


def test_where_a_writer_is_at_one_of_them_the_few_are_read_one_after_the_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    invited(world, 3)
    world.change(when=AFTERNOON)
    begun = existing(world.run(begin(EVENT_ID, world.worker())))
    monkeypatch.setattr(dynamo, "get_together", lambda *_: None)
    asked: list[str] = []
    world.before = lambda effect: asked.append(type(effect).__name__)
    world.run(process_batch(begun, world.worker()))

    assert asked[:4] == ["ReadPeople", "ReadInvitations", "ReadRegistrations", "ReadEvent"]
    assert world.said() == [(REQUEST, 1)] * 3


@pytest.mark.parametrize(("size", "batches"), [(1, 1), (1, 3), (2, 2), (3, 1), (50, 99)])
@pytest.mark.parametrize("count", [0, 1, 6])
def test_a_plan_has_everybody_in_one_batch_each(world: World, count: int, size: int, batches: int) -> None:
    people = invited(world, count)
    world.change(when=AFTERNOON)
    planned = world.plan(size=size, batches=batches)

    ids = [person.registration_id for person in people]
    found = world.batches()
    assert [BatchHint(event_id=EVENT_ID, version=2, first=batch.first) for batch in found] == planned
    assert [
        [registration_id for registration_id in ids if batch.first < registration_id <= batch.through]
        for batch in found
    ] == [ids[first : first + size] for first in range(0, count, size)]
    fan_out = world.reads.fan_out(EVENT_ID)
    assert (fan_out.people, fan_out.left, fan_out.planning) == (count, len(found), False) if fan_out else count == 0


@pytest.mark.parametrize("count", [0, 2, 3, 4])
def test_the_last_batch_takes_the_fan_out_away_in_whatever_order_they_end(world: World, count: int) -> None:
    invited(world, count)
    world.change(when=AFTERNOON)
    world.plan(size=1)
    world.queue.reverse()
    for left in range(count, 0, -1):
        assert world.fan_out().left == left
        world.run(process_batch(expect(BatchHint, world.queue.pop().hint), world.worker()))

    assert len(world.sent) == count
    assert world.reads.fan_out(EVENT_ID) is None


def test_without_a_fan_out_there_is_nothing_to_announce_nor_to_plan(world: World) -> None:
    assert not world.run(announce(EVENT_ID))
    assert world.run(plan(EVENT_ID, world.worker())) is None
    assert world.queue == []


def test_of_two_planners_at_one_page_one_stops(world: World) -> None:
    invited(world, 4)
    world.change(when=AFTERNOON)
    world.just_before(PlanBatches, lambda: world.run(plan(EVENT_ID, world.worker(), size=1, batches=2)))
    assert world.run(plan(EVENT_ID, world.worker(), size=1, batches=2)) is None
    assert len(world.batches()) == 2
    world.drain(size=1)
    world.pass_time(minutes=3)
    world.settle()
    assert len(world.sent) == 4


def test_only_batches_of_the_next_two_minutes_are_queued_and_the_sweep_queues_the_others(world: World) -> None:
    invited(world, 10)
    world.perform(StoreRate(rate=0.05))
    world.change(when=AFTERNOON)
    first = existing(world.run(plan(EVENT_ID, world.worker(), size=2)))
    assert PlanHint(event_id=EVENT_ID) in [one.hint for one in world.queue], "the next page"
    assert world.run(plan(EVENT_ID, world.worker(), size=2)) is None, "its first batch has its turn later"
    queued = [one.hint for one in world.queue if isinstance(one.hint, BatchHint)]
    planned = [BatchHint(event_id=EVENT_ID, version=2, first=batch.first) for batch in world.batches()]

    assert [first.batch.first, *(hint.first for hint in queued)] == [hint.first for hint in planned[:3]], (
        "at one mail in twenty seconds"
    )
    world.queue.clear()
    turns: dict[BatchHint, int] = {}
    for minute in range(1, 6):
        world.pass_time(minutes=1)
        world.run_sweep_without_following()
        for one in world.queue:
            if isinstance(one.hint, BatchHint):
                turns.setdefault(one.hint, minute)
        world.queue.clear()
    assert (turns[planned[3]], turns[planned[4]]) == (2, 2), "a minute before its turn, after 126 and 168 seconds"


def test_the_fan_out_keeps_how_pressing_it_is_until_its_last_batch_has_ended(world: World) -> None:
    invited(world, 2)
    world.change(status=EventStatus.CANCELLED, priority=0)
    first, second = world.plan(size=1)
    world.change(reason="Rain", priority=1)
    assert world.fan_out().priority == 0

    world.run(process_batch(first, world.worker()))
    assert world.batches()[0].first == second.first, "the newer fan-out takes its place"


@pytest.mark.parametrize(
    ("planned", "priority", "dropped"),
    [
        pytest.param(False, 1, True, id="newer, being planned, as pressing"),
        pytest.param(False, 2, False, id="newer, but less pressing"),
        pytest.param(True, 1, False, id="newer, but all planned: it may be told now"),
    ],
)
def test_an_older_batch_is_dropped_only_where_a_newer_fan_out_tells_as_soon(
    world: World, planned: bool, priority: int, dropped: bool
) -> None:
    invited(world, 2)
    world.change(when=AFTERNOON)
    (older,) = world.plan()
    world.change(title="Other")
    world.client.update_item(
        TableName=SETTINGS.invitations_table,
        Key=dynamo.wire(keys.fan_out(EVENT_ID)),
        UpdateExpression="SET priority = :priority",
        ExpressionAttributeValues=dynamo.wire({":priority": priority}),
    )
    if planned:
        world.plan()
    outcomes = world.run(process_batch(older, world.worker()))

    assert (outcomes == ()) is dropped
    assert world.said() == ([] if dropped else [(REQUEST, 1)] * 2), "what is true now, once"
    world.pass_time(minutes=3)
    world.settle()
    assert world.said() == [(REQUEST, 1)] * 2


def test_the_end_of_an_older_batch_does_not_count_for_a_newer_fan_out(world: World) -> None:
    invited(world, 3)
    world.change(when=AFTERNOON)
    older = world.plan(size=1)
    world.change(title="Other")
    newer = world.plan(size=1)
    for batch in older:
        world.run(process_batch(batch, world.worker()))
    fan_out = world.fan_out()
    assert (fan_out.version, fan_out.left) == (3, 3)

    for batch in newer:
        world.run(process_batch(batch, world.worker()))
    assert world.reads.fan_out(EVENT_ID) is None


def test_a_batch_that_comes_twice_tells_nobody_twice(world: World) -> None:
    invited(world, 4)
    world.change(when=AFTERNOON)
    first, _ = world.plan(size=2)
    world.run(process_batch(first, world.worker()))

    assert world.run(process_batch(first, world.worker())) == ()
    assert len(world.sent) == 2


def test_of_two_workers_at_one_batch_only_one_works(world: World) -> None:
    invited(world, 4)
    world.change(when=AFTERNOON)
    (batch,) = world.plan()
    outcomes = []
    world.just_before(Send, lambda: outcomes.append(world.run(process_batch(batch, world.worker()))))
    assert len(world.run(process_batch(batch, world.worker()))) == 4
    assert outcomes == [()]


def test_a_newer_change_takes_over_from_the_one_that_is_being_told(world: World) -> None:
    people = invited(world, 4)
    world.change(when=AFTERNOON)
    first, _ = world.plan(size=2)
    world.run(process_batch(first, world.worker()))
    world.change(when=MORNING)
    world.run(announce(EVENT_ID))
    world.drain(size=2)

    assert world.said(people[0].email) == [(REQUEST, 1), (REQUEST, 2)], "told of the move, and that it was taken back"
    assert world.said(people[3].email) == [], "nothing has changed for those who had not been informed yet"


def test_progress_is_how_many_of_a_running_change_have_been_told(world: World) -> None:
    invited(world, 4)
    world.change(when=AFTERNOON)
    assert progress(FanOut(event_id=EVENT_ID, version=2, people=120, left=1)) == (70, 120)
    assert progress(FanOut(event_id=EVENT_ID, version=2, people=120, left=3)) == (0, 120)
    assert progress(FanOut(event_id=EVENT_ID, version=2, people=120, left=0)) == (120, 120)


def test_whoever_is_busy_is_looked_at_again(world: World) -> None:
    people = invited(world, 3)
    world.change(title="Other")
    world.answers = [Unknown(why="ReadTimeoutError")]
    world.look(people[1])
    world.run(announce(EVENT_ID))
    world.drain()

    assert [one.recipient for one in world.told] == [people[0].email, people[2].email]
    world.settle()
    assert world.said(people[1].email) == [(REQUEST, 1)]


def test_an_error_about_one_person_holds_nobody_else_and_they_are_looked_at_again(world: World) -> None:
    people = invited(world, 4)
    world.change(when=AFTERNOON)
    (batch,) = world.plan()
    world.queue.clear()

    def fail(effect: Effect) -> None:
        if isinstance(effect, Claim) and effect.seen.registration_id == people[1].registration_id:
            world.before = lambda _: None
            raise KeyError("item")

    world.before = fail
    assert world.run(process_batch(batch, world.worker())) == (Outcome.ACKNOWLEDGED,) * 3
    assert world.reads.fan_out(EVENT_ID) is None
    assert world.calendar_state == ["person failed"]
    world.pass_time(minutes=3)
    world.settle()
    assert sorted(one.recipient for one in world.told) == [person.email for person in people]


def to_the_end(steps: Steps[Outcome], effect: Effect, world: World) -> None:
    with suppress(StopIteration):
        while True:
            effect = steps.send(world.perform(effect))


def test_of_two_changes_at_one_moment_nobody_waits_for_the_sweeper_to_hear_the_second(world: World) -> None:
    """The worker who tells of the first is through before the other says that somebody must look again."""
    person = invited(world, 1)[0]
    world.change(when=AFTERNOON)
    first = reconcile(EVENT_ID, person.registration_id, world.worker())
    effect = next(first)
    while not isinstance(effect, Acknowledge):
        effect = first.send(world.perform(effect))

    world.change(title="Other")
    (batch,) = world.plan()
    world.queue.clear()
    world.just_before(WakeUp, lambda: to_the_end(first, effect, world))
    assert world.run(process_batch(batch, world.worker())) == (Outcome.BUSY,)

    assert [one.delay_seconds for one in world.queue] == [SECONDS_AFTER_BUSY]
    world.drain()
    assert world.said(person.email) == [(REQUEST, 1), (REQUEST, 2)]
    assert world.all_due() == []


def test_what_was_looked_at_and_is_busy_is_poked_and_nobody_else(world: World) -> None:
    people = invited(world, 3)
    world.change(title="Other")
    world.answers = [Unknown(why="ReadTimeoutError")]
    world.look(people[1])
    poked = []
    world.before = lambda effect: poked.append(effect.registration_id) if isinstance(effect, WakeUp) else None
    world.run(announce(EVENT_ID))
    world.drain()

    assert poked == [people[1].registration_id]


def test_when_ses_refuses_the_batch_stops_and_goes_on_later_where_it_was(world: World) -> None:
    people = invited(world, 5)
    world.change(when=AFTERNOON)
    (batch,) = world.plan()
    world.queue.clear()
    slow: list[Effect] = []

    def refuse_the_third(effect: Effect) -> None:
        if len(world.sent) == 2 and not slow:
            slow.append(effect)
            world.answers = [Refused(refusal=Refusal.BUSY, why="TooManyRequestsException")]

    world.before = refuse_the_third
    world.run(process_batch(batch, world.worker()))

    assert len(world.sent) == 2
    assert world.queue == [Enqueue(hint=batch, urgent=False, delay_seconds=SECONDS_AFTER_REFUSAL)]
    assert [left.after for left in world.batches()] == [people[1].registration_id]
    world.drain()
    assert [one.recipient for one in world.told] == [person.email for person in people]


def test_while_all_mail_is_stopped_a_batch_waits_for_the_sweeper(world: World) -> None:
    invited(world, 3)
    world.answers = [Refused(refusal=Refusal.PAUSED, why="SendingPausedException")]
    world.change(when=AFTERNOON)
    (batch,) = world.plan()
    world.run(process_batch(batch, world.worker()))
    world.queue.clear()
    world.run(process_batch(batch, world.worker()))

    assert (world.sent, world.queue) == ([], [])
    world.settle()
    assert len(world.sent) == 3


@pytest.mark.parametrize("step", range(60))
def test_a_planner_or_batch_that_dies_at_any_step_is_taken_up_by_the_sweeper(step: int) -> None:
    with a_quick_world() as world:
        people = invited(world, 3)
        world.change(status=EventStatus.CANCELLED)
        left = iter(range(step))

        def die_at_the_step(_: Effect) -> None:
            if next(left, None) is None:
                raise Crash

        world.run(announce(EVENT_ID))
        world.before = die_at_the_step
        try:
            world.drain(size=2)
        except Crash:
            world.queue.clear()
        world.before = lambda _: None
        world.pass_time(minutes=3)
        world.settle()

        assert world.reads.fan_out(EVENT_ID) is None
        for person in people:
            said = world.said(person.email)
            assert said[-1:] == [(CANCEL, 1)], person.email
            assert len(said) <= 2, "at most the one whose acceptance nobody wrote down comes twice"


def test_an_attendee_costs_a_batch_the_same_however_many_there_are(world: World) -> None:
    """Three writes and one mail each, and not one read."""
    effects: list[str] = []
    world.before = lambda effect: effects.append(type(effect).__name__)
    costs: list[dict[str, int]] = []
    for count in (4, 8):
        for number in range(len(costs) * 4, count):
            world.look(world.register(number))
        world.change(title=f"For {count}")
        (batch,) = world.plan()
        effects.clear()
        world.run(process_batch(batch, world.worker()))
        costs.append({name: effects.count(name) for name in ("Claim", "StoreMessage", "Send", "Acknowledge")})
        reads = [name for name in effects if name.startswith("Read")]
        assert sorted(reads) == [
            "ReadEvent",
            "ReadFanOutAndSending",
            ReadInvitations.__name__,
            "ReadRegistrations",
        ]
        assert set(costs[-1].values()) == {count}


def test_a_batch_that_ends_while_the_last_one_is_planned_and_ends_leaves_no_fan_out_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As many batches are left as were read, but all is planned now: with this one the fan-out is over."""
    fan_outs = FanOuts(Typed(Tables((), lambda *_: None)), SETTINGS)
    first, last = (Batch(event_id=EVENT_ID, version=2, first=at, through=f"{at}1", after=at) for at in ("", "1"))

    def store(*items: dict[str, object]) -> None:
        for item in items:
            fan_outs.client.put_item(TableName=SETTINGS.invitations_table, Item=dynamo.wire(item))

    def fan_out(left: int, **due: str) -> dict[str, object]:
        return codec.item(FanOut(event_id=EVENT_ID, version=2, left=left), keys.fan_out(EVENT_ID), **due)

    store(
        fan_out(1, due_key=keys.due_key(1, AFTERNOON.starts_at)),
        batch_item(first, due_key=keys.due_key(1, AFTERNOON.starts_at)),
    )
    read = fan_outs._get

    def and_then(*asked: Any) -> Any:
        found = read(*asked)
        monkeypatch.setattr(fan_outs, "_get", read)
        store(fan_out(2), batch_item(last, due_key=keys.due_key(1, AFTERNOON.starts_at)))
        assert fan_outs.end_batch(EndBatch(batch=last))
        return found

    monkeypatch.setattr(fan_outs, "_get", and_then)
    assert fan_outs.end_batch(EndBatch(batch=first))
    assert read(FanOut, SETTINGS.invitations_table, keys.fan_out(EVENT_ID)) is None
