"""The commands that describe a source and compare all its rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from convoke.registrations import events
from convoke.sources import contents, row_sync
from convoke.store import dynamo
from convoke.store.sources import RowKind
from local import operate, sources
from tests.factories import NOW
from tests.tables import SETTINGS, in_memory
from tests.test_sources import SITE, SUMMER
from tests.test_sync import PLAIN, World


class Clock(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> Any:  # noqa: ARG003
        return NOW


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with in_memory() as client:
        monkeypatch.setattr(dynamo, "client", lambda: client)
        monkeypatch.setattr(sources, "datetime", Clock)
        yield World(client)


def run(command: str, answer: str = "no", **said: str) -> str:
    return operate.COMMANDS[command](SETTINGS, said, lambda _: answer)


def described(folder: Path, **changes: Any) -> str:
    file = folder / "site.json"
    file.write_text(json.dumps(SITE | changes))
    return run("source", FILE=str(file), ACCOUNT="acme")


def test_a_source_is_described_in_a_file(world: World, tmp_path: Path) -> None:
    assert "make sync NAME=site ACCOUNT=acme" in described(tmp_path)
    assert json.loads(world.store.accounts.source("acme", "site") or "") == SITE


def test_a_description_that_is_wrong_is_not_stored(world: World, tmp_path: Path) -> None:
    assert described(tmp_path, colour="red").startswith("Nothing was stored: colour")
    assert "cannot be read" in run("source", FILE=str(tmp_path / "none.json"), ACCOUNT="acme")
    assert run("source", ACCOUNT="acme").startswith("Usage")
    assert world.store.accounts.sources("acme") == ()


def test_sync_says_what_follows_and_does_it_after_a_yes(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    described(tmp_path)
    world.client.put_item(TableName="site-events", Item=dynamo.wire(SUMMER))
    for one in range(3):
        row = PLAIN | {"user_id": f"u{one}", "email": f"u{one}@example.net"}
        world.client.put_item(TableName="site-registrations", Item=dynamo.wire(row))

    assert run("sync", "yes", NAME="site", ACCOUNT="acme", DRY="yes") == "Nothing was done."
    assert run("sync", "no", NAME="site", ACCOUNT="acme") == "Nothing was done."
    assert "1  events create" in capsys.readouterr().out
    assert world.state(RowKind.EVENTS, "e1").fence == 0
    run("sync", "yes", NAME="site", ACCOUNT="acme")
    run("sync", "yes", NAME="site", ACCOUNT="acme")
    assert world.store.reads.seats(world.event().event_id).taken == 3
    assert run("sync", NAME="site", ACCOUNT="acme") == "All 4 rows are registered as they say."
    assert world.store.sources.state("acme", "site").standing == 4


def test_sync_confirms_what_the_brake_holds(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(row_sync, "MOST_GONE", 0)
    described(tmp_path)
    world.hold(), world.come()
    world.delete("site-events", SUMMER)
    assert run("sync", "no", NAME="site", ACCOUNT="acme") == "Nothing was done. The source stays paused."
    assert "At most 1 people are told." in capsys.readouterr().out
    assert world.event().status == "confirmed"
    run("sync", "yes", NAME="site", ACCOUNT="acme")
    assert world.event().status == "cancelled"
    assert world.store.sources.state("acme", "site").paused_at is None
    assert world.problems() == []


def test_sync_asks_before_it_follows_a_table_that_was_made_anew(world: World, tmp_path: Path) -> None:
    described(tmp_path)
    world.hold()
    world.client.delete_table(TableName="site-events")
    world.make("site-events")
    assert run("sync", "no", NAME="site", ACCOUNT="acme") == "Nothing was done."
    assert "make sync again" in run("sync", "yes", NAME="site", ACCOUNT="acme")
    assert run("sync", "no", NAME="site", ACCOUNT="acme") == "Nothing was done."
    run("sync", "yes", NAME="site", ACCOUNT="acme")
    assert world.event().status == "cancelled"


def test_a_source_that_nobody_described_is_not_compared(world: World) -> None:
    assert "has no source" in run("sync", NAME="site", ACCOUNT="acme")
    assert run("sync", ACCOUNT="acme").startswith("Usage")
    assert world.store.sources.state("acme", "site").tables == ()


def test_a_row_that_fails_keeps_no_other_from_being_synced(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described(tmp_path)
    for name in ("e1", "e2", "e3"):
        world.client.put_item(TableName="site-events", Item=dynamo.wire(SUMMER | {"event_id": name}))
    new: Any = contents.new_event
    create: Any = events.create_event
    tried: list[str] = []

    def unreadable(row: Any, *more: Any) -> Any:
        if row.external_id == "e3":
            raise KeyError(row.external_id)
        return new(row, *more)

    def failing(*given: Any, **more: Any) -> None:
        tried.append(given[1].external_id)
        if len(tried) == 1:
            raise RuntimeError
        create(*given, **more)

    monkeypatch.setattr(contents, "new_event", unreadable)
    monkeypatch.setattr(events, "create_event", failing)
    with pytest.raises(KeyError):
        run("sync", "yes", NAME="site", ACCOUNT="acme")
    assert sorted(tried) == ["e1", "e2"]
    assert world.state(RowKind.EVENTS, tried[1]).event_id
    with pytest.raises(KeyError):
        run("sync", "yes", NAME="site", ACCOUNT="acme")
    assert world.state(RowKind.EVENTS, tried[0]).event_id
