"""The protocol through random histories and faults, in a few seconds; ``python -m tests.simulation`` runs many more."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from tests.simulation import __main__ as command
from tests.simulation import quick
from tests.simulation.equivalence import Operations, stored
from tests.simulation.faults import KINDS, Mode
from tests.simulation.mutants import MUTANTS
from tests.simulation.run import histories, history
from tests.simulation.scene import SETTINGS
from tests.simulation.small_world.walk import Broken, Walk, whole
from tests.simulation.tables import Tables, Typed
from tests.tables import create_tables, everything


@pytest.mark.parametrize("mode", list(Mode))
def test_no_promise_is_broken_under_faults(mode: Mode) -> None:
    tally = histories(range(1, 151), mode)
    assert not tally.broken, f"replay with SEED={tally.broken[0][0]} HISTORIES=1 FAULTS={mode}"
    assert tally.sends > 200


@pytest.mark.parametrize(
    "name",
    [
        "doubt",
        "lease",
        "wakeups-in-the-claim",
        "registration-due",
        "dtstamp-kept",
        "webhook-lease",
        "webhook-event-due",
    ],
)
def test_a_missing_guard_is_caught(name: str) -> None:
    _, caught_at, promise, _ = command.catch(name, 1)
    assert caught_at
    assert promise


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_still_finds_what_it_cuts(name: str) -> None:
    with MUTANTS[name].alive():
        pass


def test_the_same_seed_is_the_same_history() -> None:
    with quick.quick():
        first, second = (history(7, traced=True)[0] for _ in range(2))
        other, _ = history(8, traced=True)
    assert first.trace == second.trace
    assert first.trace != other.trace


@pytest.fixture
def small() -> Iterator[None]:
    """Where the small world can be walked."""
    with quick.quick():
        quick.forget()
        yield


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "deeds", [("move",), ("withdraw", "resend"), ("readdress",), ("draft",)], ids=lambda deeds: " or ".join(deeds)
)
def test_no_order_of_things_breaks_a_promise_in_a_small_world(deeds: tuple[str, ...]) -> None:
    assert Walk(deeds, 1, 1).go() > 200


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("deeds", "faults"), [(("move",), 0), (("withdraw",), 1)], ids=["a move", "a withdrawal"])
def test_whatever_happens_to_two_people_is_seen_from_each_side(deeds: tuple[str, ...], faults: int) -> None:
    walk, together = whole(deeds, 1, faults)
    walk.go()

    assert len(together) > 1000
    for common, *persons, changes, left in together:
        for who, person in enumerate(persons):
            met = walk.known[who, common, person]
            assert any(changes <= more and left <= also for more, also in met)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("name", "deeds", "changes", "faults"),
    [
        ("fence-on-clear", ("move",), 2, 0),
        ("fence-raised-with-nothing-due", ("move",), 2, 0),
        ("fence-in-the-claim", ("move",), 1, 0),
        ("due-though-woken-up", ("withdraw",), 1, 0),
        ("lease", (), 1, 0),
        ("doubt", ("withdraw",), 1, 1),
        ("registration-due", (), 1, 0),
        ("withdrawal-wakes-up", ("withdraw",), 1, 0),
        ("read-order", ("move",), 1, 0),
        ("wake-up-of-the-unsettled", ("move",), 1, 0),
    ],
)
def test_the_small_world_misses_a_guard(name: str, deeds: tuple[str, ...], changes: int, faults: int) -> None:
    with MUTANTS[name].alive(), pytest.raises(Broken):
        Walk(deeds, changes, faults).go()


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
        assert stored(fake) == {table: rows for table, rows in everything(client).items() if rows}
