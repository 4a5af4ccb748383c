"""Reads of several items from DynamoDB, of which some are left out at first."""

from __future__ import annotations

from typing import Any

import pytest

from convoke.store import dynamo

WANTED = [("Registrations", {"pk": "a", "sk": str(number)}) for number in range(3)]


class Throttled:
    """Answers at most ``at_once`` of the items that are asked for."""

    def __init__(self, at_once: int) -> None:
        self.at_once, self.calls = at_once, 0

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 (DynamoDB's name)
        self.calls += 1
        [(table, asked)] = RequestItems.items()
        assert asked["ConsistentRead"]
        found, left = asked["Keys"][: self.at_once], asked["Keys"][self.at_once :]
        unprocessed = {table: {**asked, "Keys": left}} if left else {}
        return {"Responses": {table: found}, "UnprocessedKeys": unprocessed}


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    paused: list[float] = []
    monkeypatch.setattr("convoke.store.dynamo.time.sleep", paused.append)
    return paused


def test_what_was_left_out_is_asked_for_after_a_pause_that_grows(paused: list[float]) -> None:
    client = Throttled(1)
    assert dynamo.get_each(client, WANTED) == [key for _, key in WANTED]
    assert client.calls == 3
    assert [0.025 <= paused[0] <= 0.05, 0.05 <= paused[1] <= 0.1, len(paused)] == [True, True, 2]


def test_what_is_left_out_at_every_attempt_is_contention(paused: list[float]) -> None:
    client = Throttled(0)
    with pytest.raises(dynamo.Contention):
        dynamo.get_each(client, WANTED)
    assert (client.calls, len(paused)) == (dynamo.ATTEMPTS, dynamo.ATTEMPTS - 1)


def test_nothing_is_asked_for_where_nothing_is_wanted(paused: list[float]) -> None:
    client = Throttled(1)
    assert dynamo.get_each(client, []) == []
    assert (client.calls, paused) == (0, [])
