"""The audit: what is missing and not due is found and put right, unless there is so much that the audit itself is to be
doubted.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from convoke.delivery.audit import Findings, audit, examine
from convoke.model import EventStatus, Method, Sender
from convoke.settings import Times
from convoke.store import codec, dynamo, keys
from tests.factories import AFTERNOON, EVENT_ID, MORNING, SENDER, expect
from tests.fixtures import fixture_of
from tests.tables import SETTINGS
from tests.world import World, a_world

REQUEST, CANCEL = Method.REQUEST, Method.CANCEL
OTHER_SENDER = Sender(address="other@convoke.example.com", domain=SENDER.domain)


world = fixture_of(a_world)


def invite(world: World, count: int) -> None:
    for number in range(count):
        world.invite(number)


def change_behind_everybody_s_back(world: World, **changes: object) -> None:
    """What a bad deployment, or a hand in the tables, might do: the truth changes and nothing is due."""
    after = replace(world.event(), **changes)  # type: ignore[arg-type]
    world.client.put_item(
        TableName=SETTINGS.registrations_table, Item=dynamo.wire(codec.item(after, keys.event(after.event_id)))
    )


def run(world: World, sender: Sender = SENDER) -> Findings:
    return expect(Findings, world.run(audit(sender, Times())))


def test_where_everybody_was_told_nothing_is_found(world: World) -> None:
    invite(world, 3)

    assert run(world) == Findings(looked_at=3)


def test_a_miss_that_is_not_due_is_found_and_put_right(world: World) -> None:
    invite(world, 2)
    change_behind_everybody_s_back(world, when=AFTERNOON)

    assert run(world).by_reason() == {"not updated": 2}
    world.settle()
    assert world.said()[2:] == [(REQUEST, 1)] * 2
    assert run(world).differences == ()


def test_an_event_that_cannot_be_examined_leaves_none_behind_it_unexamined(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the function fails, so that somebody looks."""
    world.publish(event_id="0" * 26, when=replace(MORNING, start=MORNING.start - timedelta(days=1)))
    invite(world, 2)
    change_behind_everybody_s_back(world, when=AFTERNOON)

    def failing(event_id: str, *more: Any, **how: Any) -> Any:
        if event_id != EVENT_ID:
            raise KeyError(event_id)
        return examine(event_id, *more, **how)

    monkeypatch.setattr("convoke.delivery.audit.examine", failing)
    with pytest.raises(KeyError):
        run(world)
    world.settle()
    assert world.said()[2:] == [(REQUEST, 1)] * 2


def test_too_many_differences_are_reported_and_left_alone(world: World) -> None:
    invite(world, 6)
    change_behind_everybody_s_back(world, status=EventStatus.CANCELLED)

    found = run(world)
    assert (found.by_reason(), found.too_many) == ({"not cancelled": 6}, True)
    assert world.all_due() == []
    assert world.calendar_state == ["audit stopped"]


def test_an_audit_that_stops_puts_its_whole_list_down(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convoke.delivery.audit.STORED_PAGE_SIZE", 4)
    invite(world, 9)
    change_behind_everybody_s_back(world, status=EventStatus.CANCELLED)
    run(world)
    world.now += timedelta(days=1)
    found = run(world)

    kept = list(world.store.records.audit_findings())
    assert {at for at, _ in kept} == {world.now}
    assert [line for _, line in kept] == [
        f"{one.event_id} {one.registration_id} not cancelled" for one in found.differences
    ]


@pytest.mark.parametrize(("looked_at", "differences", "too_many"), [(6, 5, False), (6, 6, True), (1000, 10, False)])
def test_a_few_in_any_case_or_one_in_a_hundred_are_believed(looked_at: int, differences: int, too_many: bool) -> None:
    found = Findings(looked_at=looked_at, differences=(None,) * differences)  # type: ignore[arg-type]

    assert found.too_many is too_many


def test_what_is_due_already_is_no_finding(world: World) -> None:
    world.register(1)

    assert run(world) == Findings(looked_at=1)
    found = world.run(examine(EVENT_ID, "", SENDER, Times(), by_operator=True))[0]
    assert found.by_reason() == {"not invited": 1}


def test_what_a_fan_out_is_to_tell_is_left_to_it_for_a_day_and_found_where_it_never_did(world: World) -> None:
    invite(world, 1)
    world.change(when=AFTERNOON)

    def found(*, by_operator: bool = False) -> dict[str, int]:
        findings: Findings = world.run(examine(EVENT_ID, "", SENDER, Times(), by_operator=by_operator))[0]
        return findings.by_reason()

    assert found() == {}
    assert found(by_operator=True) == {"not updated": 1}, "an operator who asks is not told that all is well"
    world.pass_time(days=1)
    assert found() == {"not updated": 1}


def test_what_waits_for_further_changes_is_not_told_for_an_operator_either(world: World) -> None:
    invite(world, 1)
    world.change(when=AFTERNOON, notify_after=60)
    assert world.run(examine(EVENT_ID, "", SENDER, Times(), by_operator=True))[0].differences == ()
    world.pass_time(minutes=1)
    assert world.run(examine(EVENT_ID, "", SENDER, Times(), by_operator=True))[0].by_reason() == {"not updated": 1}


def test_an_event_that_is_over_is_not_looked_at(world: World) -> None:
    world.register(1)
    world.now = MORNING.ends_at

    assert run(world) == Findings()


def test_a_new_sender_is_rolled_out_only_when_asked_for(world: World) -> None:
    invite(world, 2)

    assert run(world, OTHER_SENDER).differences == ()
    asked = world.run(examine(EVENT_ID, "", OTHER_SENDER, Times(), by_operator=True))[0]
    assert asked.by_reason() == {"invited at another address, or by another organizer": 2}


def test_more_than_a_page_of_people_is_looked_at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convoke.delivery.audit.BATCH_SIZE", 2)
    invite(world, 5)

    assert run(world).looked_at == 5
