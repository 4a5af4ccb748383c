"""The pace of all mail: who gets a turn in a second, and what it costs to wait for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from convoke.decision.invitation import Sending
from convoke.delivery.pace import AHEAD, Turns, wait_for_turn
from convoke.delivery.reconcile import Outcome
from convoke.effects import DrawTurns, StoreRate
from tests.factories import AFTERNOON, MORNING
from tests.world import World, a_quick_world


@pytest.fixture
def world() -> Iterator[World]:
    with a_quick_world() as made:
        yield made


def draw_all(world: World, seconds: int) -> None:
    """Somebody else has every turn of so many seconds."""
    first = int(world.now.timestamp())
    for second in range(first, first + seconds):
        world.perform(DrawTurns(second=second, count=9, most=9, urgent=True, ahead=False))


def test_who_waits_for_a_turn_is_not_counted_until_there_is_one(world: World) -> None:
    person = world.register()
    world.look(person)
    for when in (AFTERNOON, MORNING):
        world.change(when=when)
        assert world.look(person) is Outcome.ACKNOWLEDGED
    world.change(title="Other words")
    world.perform(StoreRate(rate=2))
    draw_all(world, 200)
    for _ in range(100):
        assert world.look(person) is Outcome.OUT_OF_TIME
        world.pass_time(seconds=1)
    world.pass_time(seconds=100)
    assert world.look(person) is Outcome.ACKNOWLEDGED


@pytest.mark.parametrize("rate", [1, 2, 3, 5, 14, 50])
@pytest.mark.parametrize("wanted", [0, 50])
def test_whatever_ordinary_mail_has_drawn_urgent_mail_gets_a_turn(world: World, rate: float, wanted: int) -> None:
    sending, drawn = Sending(rate=rate), 0
    while drawn < 1000:
        # Without the waits: as many workers as ever can.
        turns, now = Turns(wanted=wanted), world.now
        got = world.run(wait_for_turn(sending, turns, urgent=False))
        world.now = now
        if not got:
            break
        drawn += 1
    assert 0 < drawn <= AHEAD * rate
    assert world.run(wait_for_turn(sending, Turns(), urgent=True))
