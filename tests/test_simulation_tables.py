"""The fake tables of the simulation beside the tables of the local emulator: the same questions, the same answers.

How they compare with the tables that the other tests use, ``test_simulation`` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.running import Running
from tests.simulation.equivalence import Operations, stored, without_claims
from tests.simulation.tables import Tables, Typed
from tests.tables import SETTINGS, create_tables, everything

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

NAMES = (
    *(SETTINGS.registrations_table, SETTINGS.invitations_table),
    *(SETTINGS.accounts_table, SETTINGS.webhooks_table),
)


@pytest.fixture
def emulated(stack: Running) -> Iterator[Any]:
    """A client of the emulator, with empty tables of our own: the template's, under their logical ids."""
    client = stack.client("dynamodb")
    create_tables(client)
    yield client
    for name in NAMES:
        client.delete_table(TableName=name)


# Meanwhile nobody waits for a mail, so those whose outcome is unknown are sent for the tests that follow.
@pytest.mark.usefixtures("unknown")
@pytest.mark.parametrize("seed", range(3))
def test_the_fake_tables_answer_as_the_emulator_does(emulated: Any, seed: int) -> None:
    fake = Tables((SETTINGS.registrations_table,), lambda *_: None)
    real, ours = Operations(emulated, seed), Operations(Typed(fake), seed)
    real.begin()
    ours.begin()
    for number in range(200):
        assert ours.one() == real.one(), f"operation {number}"
    assert without_claims(stored(fake)) == without_claims(everything(emulated))
