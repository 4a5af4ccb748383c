"""What one attendee costs where there are a hundred, and where there are many more: calls, units and memory; how large
an attendee's items grow with the dates of a series; and at which rate a partition key of one event is full.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from convoke.decision.calendar_state import OccurrenceState
from convoke.decision.invitation import Acknowledged, Intent
from convoke.delivery import fan_out
from convoke.model import DeliveryState, EventStatus
from convoke.store import dynamo, keys
from convoke.store.invitations import invitation_item
from convoke.web import context
from tests.bench import cost, crowd, plans
from tests.factories import AFTERNOON, EVENT_ID, MORNING, NOW, invitation, told
from tests.simulation import quick
from tests.tables import SETTINGS
from tests.test_costs import over, publish, spare_the_letters
from tests.units import size
from tests.world import World, announce

TOLD = (100, 1_000, 10_000)
"""People who are told for real."""
PLANNED = (100, 1_000, 10_000, 100_000, 1_000_000)
"""People whose batches are planned for real. Where more are told than :data:`TOLD`, each batch counts as the others."""
DATES = (1, 50, 400)
AT_ONCE = 500
"""People who are told, and who register, in one second."""
SECONDS_A_CALL = 0.005
COUNTED = 2_000
ACCEPTED = DeliveryState.ACCEPTED


def measure() -> dict[str, Any]:
    return {
        "people": _people(),
        "dates": {count: _sizes(count) for count in DATES},
        "partition": rates(partition()),
        "counted_in_a_second": _counted_in_a_second(),
    }


def _people() -> dict[int, dict[str, Any]]:
    """For each of :data:`PLANNED`: calls, items written, the seconds of planning, and memory."""
    plan = {count: plans.measure(count) for count in PLANNED}
    told = {count: _change(count) for count in TOLD}
    most = TOLD[-1]
    found = {}
    for count, planned in plan.items():
        one, batches = told.get(count, told[most]), planned["batches"] / plan[most]["batches"]
        calls, written = one["calls"], one["written"]
        if count not in told:
            calls = planned["calls"] + batches * (calls - plan[most]["calls"])
            written = planned["written"] + batches * (written - plan[most]["written"])
        found[count] = {
            "measured": count in told,
            "calls_of_the_change": one["calls_of_the_change"],
            "calls": round(calls / count, 2),
            "written": round(written / count, 2),
            "plan_seconds": round((planned["calls"] + planned["requests"]) * SECONDS_A_CALL, 2),
            "planner_mb": round(planned["planner"] / 1e6, 1),
            "worker_mb": round(planned["worker"] / 1e6, 1),
        }
    return found


def _change(count: int) -> dict[str, Any]:
    """One change of an event with so many people, followed to its end: calls, and the items that are written."""
    tables = plans.Written()
    with quick.quick(), over(tables) as (_, counting):
        world = World(counting)
        spare_the_letters(world)
        publish(world, count)
        counting.calls.clear()
        world.change(when=AFTERNOON)
        to_change = counting.calls.total()
        counting.calls.clear()
        tables.written = 0
        world.run(announce(EVENT_ID))
        world.drain()
        assert len(world.sent) == count
    return {"calls_of_the_change": to_change, "calls": counting.calls.total(), "written": tables.written}


def _sizes(dates: int) -> dict[str, int]:
    """The items of an attendee who was told each of so many dates one by one."""
    state = told()
    for number in range(dates if dates > 1 else 0):
        start = MORNING.start + timedelta(days=number)
        one = OccurrenceState(
            date=start,
            fingerprint=f"{number:032x}",
            title=state.title,
            when=replace(MORNING, start=start, end=start + timedelta(hours=1)),
            location=f"Room {number}",
            asked=number,
        )
        state = replace(state, dates=(*state.dates, one))
    accepted = Acknowledged(calendar_state=state, ses_id="s" * 60, at=NOW)
    full = invitation(
        possibly_sent=state,
        intent=Intent(calendar_state=state, attempt="a" * 32),
        acknowledged=accepted,
        state=ACCEPTED,
    )
    return {"invitation": size(dynamo.wire(invitation_item(full)))}


def partition(people: int = AT_ONCE) -> dict[str, Any]:
    """The units of the busiest partition keys where so many register for one event, and then are told of a change in
    batches, with SES's reports of it: ``written`` and ``read``, by table and partition key.
    """
    meter = cost.Meter()
    world, used = meter.world, meter.tables
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dynamo, "client", lambda: used)
        spare_the_letters(world)
        world.publish(status=EventStatus.DRAFT)
        used.reset()
        for number in range(people):
            world.register(number)
        registered = used.written.copy()
        world.change(status=EventStatus.CONFIRMED)
        world.run(announce(EVENT_ID))
        world.drain()
        cost.report(world, world.sent)
        world.sent.clear()
        world.change(when=AFTERNOON)
        used.reset()
        world.run(announce(EVENT_ID))
        world.drain()
        assert len(world.sent) == people
        cost.report(world, world.sent)
    return {"people": people, "registered": registered, "told": used.written.copy(), "read": used.read.copy()}


def rates(found: dict[str, Any]) -> dict[str, int]:
    """At which rate the partition keys of one event are full."""
    people, registered = found["people"], found["registered"]
    own = keys.event(EVENT_ID)["pk"]
    writes, reads = crowd.WRITE_UNITS * people, crowd.READ_UNITS * people
    return {
        "mails": round(writes / max(found["told"].values())),
        "mails_read": round(reads / max(found["read"].values())),
        "registrations": round(writes / registered[SETTINGS.registrations_table, own]),
        "seats": round(writes / registered[SETTINGS.invitations_table, own]),
    }


def _counted_in_a_second() -> int:
    """How many people are read in a second of this machine's processor, as for counts of answers and a preview."""
    meter = cost.Meter()
    meter.world.publish()
    for number in range(COUNTED):
        meter.world.register(number)
    began = time.process_time()
    assert sum(1 for _ in meter.world.reads.everybody(EVENT_ID)) == COUNTED
    return round(COUNTED / (time.process_time() - began))


def table(found: dict[str, Any]) -> str:
    rows = [
        f"| {count:,}{'' if one['measured'] else ', by count'} | {one['calls_of_the_change']} | {one['calls']:.2f} "
        f"| {one['written']:.2f} | {one['plan_seconds']:g} | {one['planner_mb']:g} | {one['worker_mb']:g} |"
        for count, one in found["people"].items()
    ]
    dates = [f"| {count} | {one['invitation']:,} |" for count, one in found["dates"].items()]
    counted = found["counted_in_a_second"]
    return "\n".join(
        (
            "## Growth",
            "",
            "A change writes the same whatever the number of people; each of them costs the same calls and writes. "
            f"Batches of {fan_out.BATCH_SIZE} are planned a page of {fan_out.BATCHES_IN_A_PAGE} at a time, each page "
            "in an invocation of its own; all of it, over tables that have so many invitations, with 5 ms for each "
            "call. Memory is the most that the planner of a page, and the worker of a batch, need beyond what was "
            "loaded.",
            "",
            "| people | calls of the change itself | calls for each person | items written for each | seconds to plan "
            "| planner, MB | worker, MB |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
            "The invitation of an attendee, in bytes, who was told so many dates of a series one by one:",
            "",
            "| dates | invitation |",
            "|---|---|",
            *dates,
            "",
            _limits(found["partition"]),
            "",
            f"Counts of answers and previews read {counted:,} people a second of this machine's processor, and answer "
            f"after {context.SECONDS_OF_A_PART:g} seconds with what they have, and a cursor for the rest.",
        )
    )


def _limits(a_second: dict[str, float]) -> str:
    return (
        f"One partition key of DynamoDB takes {crowd.WRITE_UNITS:,.0f} write units and {crowd.READ_UNITS:,.0f} read "
        f"units a second. The invitations of an event are spread over {keys.PARTITIONS}: counted with {AT_ONCE} "
        f"people, the busiest of them is full at {a_second['mails']:,} mails a second for one event, with SES's "
        f"reports of them, and the key that most is read of, its registrations', at {a_second['mails_read']:,}. All "
        f"registrations of an event have one key: that is full at {a_second['registrations']:,} registrations a "
        f"second for one event, and that of its seats at {a_second['seats']:,}. Several events do not meet there."
    )
