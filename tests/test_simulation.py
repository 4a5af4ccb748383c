"""The protocol through random histories and faults, in a few seconds: some of each kind of what ``make simulate`` plays
all of, and CI with it.
"""

from __future__ import annotations

import boto3
import pytest
from moto import mock_aws

from convoke.decision import decide, fan_out
from convoke.delivery import sweep
from convoke.registrations import events
from tests.simulation import __main__ as command
from tests.simulation import orders, quick, rows, trials
from tests.simulation.equivalence import Operations, stored, without_claims
from tests.simulation.faults import KINDS, Mode
from tests.simulation.history import People, heal
from tests.simulation.mutants import MUTANTS
from tests.simulation.rows_checker import rows_at_the_end
from tests.simulation.run import Tally, histories, history
from tests.simulation.scene import SETTINGS
from tests.simulation.surgery import cut, replaced
from tests.simulation.tables import Tables, Typed
from tests.simulation.world import World
from tests.tables import create_tables, everything


@pytest.mark.parametrize("mode", list(Mode))
def test_no_promise_is_broken_under_faults(mode: Mode) -> None:
    tally = histories(range(1, 49), mode)
    assert not tally.broken, f"replay with SEED={tally.broken[0][0]} HISTORIES=1 FAULTS={mode}"
    assert tally.sends > 100


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("doubt", "history"),
        ("dtstamp-kept", "history"),
        ("webhook-event-due", "history"),
        ("rows-that-disappear-are-held", "history"),
        ("a-mail-has-a-turn", "history"),
        ("lease-still-mine", "order"),
        ("a-wait-mail-wakes-up", "order"),
        ("kept-seats-are-given-back-while-they-are-kept", "its trial"),
        ("a-shard-has-the-seats-that-it-gives", "its trial"),
    ],
)
def test_a_missing_guard_is_caught(name: str, where: str) -> None:
    _, caught_at, promise, _ = command.catch(name, 1)
    assert caught_at.startswith(where)
    assert promise


def test_everybody_has_in_their_calendar_what_the_site_s_table_says() -> None:
    tally = histories([seed for seed in range(2000, 2500) if rows.drawn(seed, Mode.ALL)])
    assert not tally.broken, f"replay with SEED={tally.broken[0][0]} HISTORIES=1"
    assert tally.histories > 40


def test_a_circle_of_rows_that_exchange_addresses_is_told_without_stream_records() -> None:
    with quick.quick():
        quick.forget()
        world = World(3, Mode.NONE)
        people = People(world)
        people.rows = site = rows.Rows(world)
        people.publish()
        users = rows.USERS[:3]
        for user, email in zip(users, rows.ADDRESSES, strict=False):
            site.write(user, email)
        assert site.settle() == 0
        for user, email in zip(users, (*rows.ADDRESSES[1:3], rows.ADDRESSES[0]), strict=True):
            site.write(user, email)
        assert site.settle() == 0
        heal(world)
        assert list(rows_at_the_end(world, site, 0)) == []
        assert {copy.recipient for copy in world.post.accepted} == set(rows.ADDRESSES[:3])
        site.delete()
        assert list(rows_at_the_end(world, site, 0)) != []


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_still_finds_what_it_cuts(name: str) -> None:
    with MUTANTS[name].alive():
        pass


def test_what_a_mutant_changes_is_changed_in_modules_that_imported_it_too() -> None:
    imported, urgent = vars(events)["fan_out_of"], vars(sweep)["URGENT"]
    code = imported.__code__
    with cut(fan_out, "fan_out_of", "if priority == 0 or", "if"), replaced(decide, "URGENT", 7):
        assert imported.__code__ is not code
        assert vars(sweep)["URGENT"] == decide.URGENT == 7
    assert imported.__code__ is code
    assert vars(sweep)["URGENT"] == decide.URGENT == urgent


def test_a_history_that_is_bad_without_the_mutant_has_not_caught_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "histories", lambda *_, **__: Tally(histories=1, broken=[(1, "hold")]))
    assert command.catch("doubt", 1)[1] == ""


def test_the_same_seed_is_the_same_history() -> None:
    with quick.quick():
        first, second = (history(7, traced=True)[0] for _ in range(2))
        other, _ = history(8, traced=True)
    assert first.trace == second.trace
    assert first.trace != other.trace


@pytest.mark.parametrize("name", orders.SCENARIOS)
def test_no_order_with_one_switch_between_a_few_workers_breaks_a_promise(name: str) -> None:
    assert orders.first_violation(name, switches=1)[1] is None


def test_with_more_switches_there_are_many_more_orders() -> None:
    played = [orders.first_violation("two look while somebody withdraws", switches) for switches in (0, 1, None)]
    assert [violation for _, violation in played] == [None] * 3
    none, one, two = (count for count, _ in played)
    assert none < one < two > 40


@pytest.mark.parametrize("name", trials.TRIALS)
def test_amounts_and_times_are_as_they_should_be(name: str) -> None:
    assert list(trials.TRIALS[name]()) == []


def test_there_are_faults_enough() -> None:
    assert len(KINDS) >= 20


@pytest.mark.parametrize("seed", range(6))
def test_the_fake_tables_answer_as_dynamodb_does(seed: int) -> None:
    fake = Tables((SETTINGS.registrations_table,), lambda *_: None)
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-central-1")
        create_tables(client)
        real, ours = Operations(client, seed), Operations(Typed(fake), seed)
        real.begin()
        ours.begin()
        for number in range(150):
            assert ours.one() == real.one(), f"operation {number}"
        assert without_claims(stored(fake)) == without_claims(everything(client))
