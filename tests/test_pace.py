"""The pace: all workers together send no more than SES takes, and urgent mail goes first."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from convoke.decision.invitation import Sending
from convoke.delivery.pace import AHEAD, SHARE, SLOWEST, Turns, pace, slow_down, turns_in, wait_for_turn
from convoke.delivery.reconcile import Outcome
from convoke.effects import DrawTurns, Effect, Refusal, Refused, Send, StoreRate
from convoke.store import dynamo, keys
from tests.factories import AFTERNOON, MORNING, NOW, expect
from tests.fixtures import fixture_of
from tests.world import World, a_quick_world

SECOND = int(NOW.timestamp())


world = fixture_of(a_quick_world)


@given(st.floats(0.05, 500), st.integers(1_800_000_000, 1_900_000_000), st.integers(1, 100))
def test_the_turns_of_many_seconds_add_up_to_the_rate(rate: float, first: int, seconds: int) -> None:
    assert abs(sum(turns_in(second, rate) for second in range(first, first + seconds)) - rate * seconds) <= 1


def draw(world: World, *, count: int = 1, urgent: bool = False, ahead: bool = False, most: int = 10) -> int | None:
    effect = DrawTurns(second=SECOND, count=count, most=most, urgent=urgent, ahead=ahead)
    drawn: int | None = world.perform(effect)
    return drawn


def test_no_more_turns_are_drawn_in_a_second_than_there_are(world: World) -> None:
    assert [draw(world, count=4), draw(world, count=4), draw(world, count=4), draw(world, count=2)] == [4, 8, None, 10]
    assert draw(world) is None


def test_ordinary_mail_takes_half_of_a_second_in_which_urgent_mail_is_drawn(world: World) -> None:
    assert [draw(world) for _ in range(6)] == [1, 2, 3, 4, 5, 6], "all of it, while nothing is urgent"
    assert draw(world, urgent=True) == 7
    assert draw(world) is None
    assert [draw(world, urgent=True) for _ in range(4)] == [8, 9, 10, None]


def test_of_a_second_to_come_ordinary_mail_leaves_half(world: World) -> None:
    assert [draw(world, ahead=True) for _ in range(6)] == [1, 2, 3, 4, 5, None]
    assert draw(world, urgent=True, ahead=True) == 6


def test_mails_leave_one_after_the_other_at_the_rate_however_many_workers_there_are(world: World) -> None:
    sending, moments = Sending(rate=20), []
    for _ in range(30):
        assert world.run(wait_for_turn(sending, Turns(), urgent=False))
        moments.append(world.now)
        world.now = NOW  # another worker, at the same moment
    assert len(set(moments)) == len(moments), "each has a moment of its own"
    in_a_second = Counter(int((moment - NOW).total_seconds()) for moment in moments)
    assert max(in_a_second.values()) <= 19


def test_who_is_throttled_at_one_second_draws_of_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    update, throttled = world.client.update_item, [keys.pace(SECOND)["pk"]]

    def busy(**asked: Any) -> Any:
        if dynamo.unwire(asked["Key"])["pk"] in throttled:
            raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "UpdateItem")
        return update(**asked)

    monkeypatch.setattr(world.client, "update_item", busy)
    assert world.run(wait_for_turn(Sending(rate=10), Turns(), urgent=True))
    assert world.now == NOW.replace(microsecond=0) + timedelta(seconds=1)


def test_whose_turn_is_too_far_away_does_not_wait(world: World) -> None:
    sending = Sending(rate=1 / SHARE)
    for _ in range(AHEAD):
        assert world.run(wait_for_turn(sending, Turns(), urgent=True))
        world.now = NOW
    assert not world.run(wait_for_turn(sending, Turns(), urgent=True))
    assert world.now == NOW


def test_threads_of_a_batch_draw_no_more_turns_than_it_has_mails() -> None:
    turns = Turns(wanted=5)
    first, second, third = (wait_for_turn(Sending(rate=100), turns, urgent=False) for _ in range(3))
    drawn = []
    for steps in (first, second, third):  # each draws before another one is answered
        next(steps)
        drawn.append(expect(DrawTurns, steps.send(NOW)).count)
    assert drawn == [4, 3, 1], "one for each thread, and five for the mails that have not begun"
    with pytest.raises(StopIteration):
        first.send(4)
    assert (len(turns.drawn), turns.coming) == (3, 2)
    second.close()
    assert turns.coming == 0


def test_while_the_rate_is_not_known_nobody_waits(world: World) -> None:
    seen: list[Effect] = []
    world.before = seen.append
    assert world.run(wait_for_turn(Sending(), Turns(), urgent=False))
    assert [type(effect).__name__ for effect in seen] == ["Clock"]


def test_a_refusal_for_too_many_halves_the_pace_once_and_it_recovers(world: World) -> None:
    world.run(slow_down(Sending(rate=10), NOW, "MessageRejected"))
    assert world.reads.sending().slowed_at is None
    for _ in range(3):
        world.run(slow_down(world.reads.sending(), NOW, "TooManyRequestsException"))
    sending = world.reads.sending()
    assert sending.slowed_to == 0.5, "of one burst of refusals only the first counts"
    for after, share in ((0, 0.5), (15, 0.75), (30, 1), (300, 1)):
        paced = pace(Sending(rate=10, slowed_at=NOW, slowed_to=0.5), NOW + timedelta(seconds=after))
        assert paced == pytest.approx(10 * SHARE * share)
    for second in range(2, 20, 2):
        world.run(slow_down(world.reads.sending(), NOW + timedelta(seconds=second), "TooManyRequestsException"))
    assert world.reads.sending().slowed_to >= SLOWEST


def test_the_turn_comes_before_the_claim_and_a_refused_mail_slows_all(world: World) -> None:
    world.perform(StoreRate(rate=10))
    person = world.register()
    seen: list[str] = []
    world.before = lambda effect: seen.append(type(effect).__name__)
    world.answers = [Refused(refusal=Refusal.BUSY, why="TooManyRequestsException")]
    assert world.look(person) is Outcome.REFUSED
    assert seen.index("DrawTurns") < seen.index("Claim") < seen.index(Send.__name__) < seen.index("SlowDown")


def test_while_others_have_all_turns_an_ordinary_mail_waits_for_the_next_second_and_not_for_ever(world: World) -> None:
    sending, seconds = Sending(rate=10 / SHARE), []
    world.before = lambda effect: seconds.append(effect.second) if isinstance(effect, DrawTurns) else None
    for second in range(SECOND, SECOND + AHEAD + 2):
        for _ in range(10):
            world.perform(DrawTurns(second=second, count=1, most=10, urgent=True, ahead=False))
    seconds.clear()
    assert not world.run(wait_for_turn(sending, Turns(), urgent=False))
    assert set(seconds) == set(range(SECOND, SECOND + AHEAD + 2))
    assert world.now <= NOW + timedelta(seconds=AHEAD)


def test_who_waits_for_a_turn_is_not_counted_until_there_is_one(world: World) -> None:
    person = world.invite()
    for when in (AFTERNOON, MORNING):
        world.change(when=when)
        assert world.look(person) is Outcome.ACKNOWLEDGED
    world.change(title="Other words")
    world.perform(StoreRate(rate=2))
    for second in range(SECOND, SECOND + 1000):
        world.perform(DrawTurns(second=second, count=9, most=9, urgent=True, ahead=False))
    for _ in range(100):
        assert world.look(person) is Outcome.OUT_OF_TIME
        world.pass_time(seconds=1)
    world.now = NOW + timedelta(seconds=1000)
    assert world.look(person) is Outcome.ACKNOWLEDGED
