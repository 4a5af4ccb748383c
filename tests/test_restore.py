"""The restore drill, with the tables of the template in memory: from `make stop` to `make start`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convoke.aws import runtime
from convoke.model import Method
from convoke.store import operations
from local import operate, restore
from tests.factories import AFTERNOON, MORNING
from tests.tables import SETTINGS, everything
from tests.world import World, a_world

AT = "2026-01-15T12:00:00Z"
MOMENT = datetime(2026, 1, 15, 12, tzinfo=UTC)
TABLES = (SETTINGS.registrations_table, SETTINGS.invitations_table)
REQUEST = Method.REQUEST


class Functions:
    """Lambda, as far as it says how many instances may run."""

    def __init__(self) -> None:
        self.reserved: dict[str, int] = {"Api": 7, "Sweep": 0}
        self.closed: set[str] = set()

    def get_function_concurrency(self, FunctionName: str) -> dict[str, int]:  # noqa: N803
        found = self.reserved.get(FunctionName)
        return {} if found is None else {"ReservedConcurrentExecutions": found}

    def put_function_concurrency(self, FunctionName: str, ReservedConcurrentExecutions: int) -> None:  # noqa: N803
        self.reserved[FunctionName] = ReservedConcurrentExecutions
        if not ReservedConcurrentExecutions:
            self.closed.add(FunctionName)

    def delete_function_concurrency(self, FunctionName: str) -> None:  # noqa: N803
        self.reserved.pop(FunctionName, None)


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Functions:
    made = Functions()
    monkeypatch.setattr(restore, "functions_of", lambda *_: ["Api", "Sweep", "Deliver"])
    real = boto3.client
    monkeypatch.setattr(
        "boto3.client", lambda name, *args, **more: made if name == "lambda" else real(name, *args, **more)
    )
    return made


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setattr(restore, "wait", lambda _: None)
    with a_world() as made:
        monkeypatch.setattr(runtime, "clock", lambda: made.now)
        monkeypatch.setattr("convoke.store.dynamo.client", lambda: made.client)
        yield made


def run(answer: str = "yes", **said: str) -> str:
    return operate.COMMANDS["restore"](SETTINGS, {"AT": AT, **said}, lambda _: answer)


def back_up(world: World) -> None:
    """As DynamoDB would make them later of what is in the tables now; the one in memory has no past."""
    for table in TABLES:
        world.client.update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
        restore.restored(world.client, table, MOMENT, print, lambda _: None)


def settings_of(world: World) -> list[Any]:
    described = [world.client.describe_table(TableName=table)["Table"] for table in TABLES]
    return [
        {key: value for key, value in one.items() if key not in ("ItemCount", "TableSizeBytes")} for one in described
    ]


@pytest.mark.usefixtures("functions")
def test_after_the_drill_everybody_has_what_was_true_then_under_a_number_that_their_calendar_takes(
    world: World,
) -> None:
    person, second = world.register(1), world.register(2)
    world.settle()
    before, deployed = everything(world.client), settings_of(world)
    back_up(world)

    # What is to be undone: the event is moved twice, one more registers, and somebody deletes the other's rows.
    world.change(when=AFTERNOON)
    world.settle()
    world.change(when=MORNING)
    world.register(3)
    world.settle()
    for table in TABLES:
        for (pk, sk), _ in list(restore.items(world.client, table)):
            if second.registration_id in sk:
                world.client.delete_item(TableName=table, Key={"pk": {"S": pk}, "sk": {"S": sk}})

    operations.stop(world.store, "restore")
    assert run().startswith("Done.")
    after = everything(world.client)
    assert {table: [row for row in rows if row["pk"] != "SENDING"] for table, rows in after.items()} == before
    assert settings_of(world) == deployed
    assert world.reads.sending().stopped(world.now)

    sent = len(world.said())
    list(operations.raise_sequences(world.store, now=world.now))
    operations.start(world.store)
    world.settle()
    assert sorted(world.said()[sent:]) == [(REQUEST, 1001), (REQUEST, 1001)]
    assert {world.invitation(one).allocated for one in (person, second)} == {1001}


def test_meanwhile_no_function_runs_and_afterwards_each_may_as_before(world: World, functions: Functions) -> None:
    world.register()
    back_up(world)
    operations.stop(world.store, "restore")

    assert run("no") == "Nothing was done."
    assert functions.closed == {"Api", "Sweep", "Deliver"}
    assert functions.reserved == {"Api": 7}, "what an interrupted run had closed is open again"


def test_what_is_interrupted_opens_the_functions_and_can_be_repeated(
    world: World, functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        world.register(number)
    back_up(world)
    before = everything(world.client)
    for table in TABLES:
        for (pk, sk), _ in list(restore.items(world.client, table)):
            world.client.delete_item(TableName=table, Key={"pk": {"S": pk}, "sk": {"S": sk}})
    operations.stop(world.store, "restore")

    def stopped(*args: Any) -> Iterator[int]:
        yield next(real(*args))
        raise KeyboardInterrupt

    real = restore.copy
    with monkeypatch.context() as interrupted:
        interrupted.setattr(restore, "copy", stopped)
        with pytest.raises(KeyboardInterrupt):
            run()
    assert functions.reserved == {"Api": 7}
    assert run().startswith("Done.")
    assert [row for row in everything(world.client)[TABLES[1]] if row["pk"] != "SENDING"] == before[TABLES[1]]


@pytest.mark.usefixtures("world", "functions")
def test_while_mail_leaves_nothing_is_set_back() -> None:
    assert run().startswith("Mail is not stopped")


@pytest.mark.usefixtures("world", "functions")
@pytest.mark.parametrize("said", [{"AT": ""}, {"TABLES": "everything"}])
def test_whoever_does_not_say_when_or_names_no_table_is_told_how(said: dict[str, str]) -> None:
    assert run(**said).startswith("Usage: make restore AT=")


@pytest.mark.parametrize("text", ["yesterday", "2026-01-15", "2026-01-15T12:00:00", "2026-01-15T12:00:01Z"])
def test_a_moment_is_an_instant_that_has_been(text: str) -> None:
    with pytest.raises(restore.CannotRestore):
        restore.moment(text, MOMENT)


def test_what_dynamodb_did_not_get_to_is_written_again() -> None:
    class Busy:
        def __init__(self) -> None:
            self.written: list[Any] = []

        def get_paginator(self, _: str) -> Busy:
            return self

        def paginate(self, **_: Any) -> list[Any]:
            return [{"Items": [{"pk": {"S": str(number)}, "sk": {"S": "x"}} for number in range(60)]}]

        def batch_write_item(self, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803
            [wanted] = RequestItems.values()
            assert len(wanted) <= restore.BATCH
            self.written += wanted[:10]
            return {"UnprocessedItems": {"T": wanted[10:]}} if wanted[10:] else {}

    pauses: list[float] = []
    busy = Busy()
    found = restore.Differences(
        table="T", backup="B", written=frozenset((str(number), "x") for number in range(60)), deleted=frozenset()
    )
    assert list(restore.copy(busy, found, pauses.append)) == [25, 50, 60]
    assert len(busy.written) == 60
    assert pauses == [0.1, 0.2, 0.1, 0.2]


VALUES = st.recursive(
    st.one_of(
        st.builds(lambda text: {"S": text}, st.text(max_size=5)),
        st.builds(lambda data: {"B": data}, st.binary(max_size=5)),
        st.builds(lambda texts: {"SS": texts}, st.lists(st.text(max_size=3), unique=True, max_size=4)),
    ),
    lambda inner: st.one_of(
        st.builds(lambda some: {"L": some}, st.lists(inner, max_size=3)),
        st.builds(lambda some: {"M": some}, st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    ),
    max_leaves=6,
)


def turned(value: Any) -> Any:
    """The same value, with attributes and members of sets in another order."""
    if isinstance(value, dict):
        swapped = {name: turned(inner) for name, inner in reversed(value.items())}
        return {
            name: inner[::-1] if name == "SS" and isinstance(inner, list) else inner for name, inner in swapped.items()
        }
    return [turned(one) for one in value] if isinstance(value, list) else value


@given(st.dictionaries(st.text(min_size=1, max_size=4), VALUES, max_size=4))
def test_an_item_is_the_same_in_whatever_order_it_is_read(item: dict[str, Any]) -> None:
    assert restore.digest(item) == restore.digest(turned(item))
    assert restore.digest(item) != restore.digest(item | {"another": {"S": "x"}})
