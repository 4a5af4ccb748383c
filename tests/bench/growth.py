"""What one attendee costs where there are a hundred, and where there are many more: calls, units and memory; how large
an attendee's items grow with the dates of a series; and what one partition key can take.
"""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from convoke.decision.calendar_state import OccurrenceState, RenderedMail
from convoke.decision.invitation import Acknowledged, Intent
from convoke.delivery.fan_out import announce
from convoke.effects import Render
from convoke.model import DeliveryState, EventStatus
from convoke.store import dynamo
from convoke.store.invitations import invitation_item
from convoke.web import context
from tests.bench import cost
from tests.factories import AFTERNOON, EVENT_ID, MORNING, NOW, invitation, told
from tests.simulation import quick
from tests.test_costs import Counting, Ordered
from tests.units import size
from tests.world import World

PEOPLE = (100, 1_000, 10_000)
DATES = (1, 50, 400)
UNITS_OF_A_PARTITION = 1000
"""Write units that one partition key takes in a second."""
COUNTED = 2_000
ACCEPTED = DeliveryState.ACCEPTED


def measure(people: tuple[int, ...] = PEOPLE) -> dict[str, Any]:
    return {
        "people": {count: _change(count) for count in people},
        "dates": {count: _sizes(count) for count in DATES},
        "partition": _partition(),
        "counted_in_a_second": _counted_in_a_second(),
    }


def _change(count: int) -> dict[str, Any]:
    """One change of an event with so many people, followed to its end: calls for each, and the worker's memory."""
    tables = Ordered()
    counting = Counting(tables)
    rendered = RenderedMail(calendar=b"BEGIN:VCALENDAR", mail=b"To: you")
    with quick.quick(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(dynamo, "client", lambda: counting)
        world = World(counting)
        perform = world.perform
        # Words cost processor time, and no call.
        world.perform = lambda effect: rendered if isinstance(effect, Render) else perform(effect)  # type: ignore[method-assign]
        world.publish(status=EventStatus.DRAFT)
        for number in range(count):
            world.register(number)
        world.change(status=EventStatus.CONFIRMED)
        world.run(announce(EVENT_ID))
        world.drain()
        before = len(world.sent)
        counting.calls.clear()
        world.change(when=AFTERNOON)
        to_change = sum(counting.calls.values())
        counting.calls.clear()
        tracemalloc.start()
        world.run(announce(EVENT_ID))
        world.drain()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(world.sent) - before == count
        calls = sum(counting.calls.values())
    return {
        "calls_of_the_change": to_change,
        "calls_for_each": round(calls / count, 2),
        # What the world keeps of the mails that it was sent is no worker's.
        "peak_kib_for_each": round(peak / 1024 / count, 1),
    }


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


def _partition() -> dict[str, float]:
    """How many mails, and how many registrations, one event takes in a second until its partition key is full."""
    found = cost.measure()
    of_the_event = found["change"].event_writes
    return {
        "mails": round(UNITS_OF_A_PARTITION / sum(of_the_event.values())),
        "registrations": round(UNITS_OF_A_PARTITION / found["registration"].event_writes["the API's transaction"]),
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
        f"| {count:,} | {one['calls_of_the_change']} | {one['calls_for_each']} |"
        for count, one in found["people"].items()
    ]
    rows += [f"| {count:,}, by count | as above | as above |" for count in (100_000, 1_000_000)]
    dates = [f"| {count} | {one['invitation']:,} |" for count, one in found["dates"].items()]
    partition, counted = found["partition"], found["counted_in_a_second"]
    return "\n".join(
        (
            "## Growth",
            "",
            "A change writes the same whatever the number of people, and each of them costs the same calls:",
            "",
            "| people | calls of the change itself | calls for each person |",
            "|---|---|---|",
            *rows,
            "",
            "The invitation of an attendee, in bytes, who was told so many dates of a series one by one:",
            "",
            "| dates | invitation |",
            "|---|---|",
            *dates,
            "",
            f"One partition key of DynamoDB takes {UNITS_OF_A_PARTITION:,} write units a second. All people of an "
            f"event have the event's: that binds at {partition['mails']:,} mails or {partition['registrations']:,} "
            "registrations a second for one event. Several events do not meet there.",
            "",
            f"Counts of answers and previews read {counted:,} people a second of this machine's processor, and answer "
            f"after {context.SECONDS_OF_A_PART:g} seconds with what they have, and a cursor for the rest.",
        )
    )
