"""What a registration, a change, and a cancellation cost: units of DynamoDB by item size, requests, dollars a million.

Counted, not timed: production's own code over tables in memory that speak DynamoDB's typed values. Only the processor
time of the functions is measured, by :mod:`tests.bench.__main__`, since it depends on the machine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from convoke.delivery.reports import apply_report
from convoke.effects import Send
from convoke.model import DeliveryState, Registration
from convoke.store import dynamo
from tests.factories import AFTERNOON, report_on
from tests.simulation.tables import Tables, Typed
from tests.tables import SETTINGS
from tests.units import Metered
from tests.world import World

PRICES = Path(__file__).parent / "prices.json"
PEOPLE = 20


@dataclass
class Cost:
    """What something cost for one person, on average: its parts by name, each with write and read units and calls."""

    writes: dict[str, float] = field(default_factory=dict)
    reads: dict[str, float] = field(default_factory=dict)
    calls: dict[str, float] = field(default_factory=dict)

    @property
    def write_units(self) -> float:
        return sum(self.writes.values())

    @property
    def read_units(self) -> float:
        return sum(self.reads.values())

    @property
    def requests(self) -> float:
        return sum(self.calls.values())


class Meter:
    """A world whose tables are metered; :meth:`note` gives what has been used since the last one to a part."""

    def __init__(self) -> None:
        self.tables = Metered(Typed(Tables(SETTINGS.registrations_table, lambda *_: None)))
        self.world = World(self.tables)
        self.largest: dict[str, int] = {}

    def note(self, cost: Cost, part: str, people: int) -> None:
        used = self.tables
        cost.writes[part] = used.writes / people
        cost.reads[part] = used.reads / people
        cost.calls[part] = sum(used.calls.values()) / people
        for kind, bytes_of in used.largest.items():
            self.largest[kind] = max(bytes_of, self.largest.get(kind, 0))
        used.reset()


def measure(people: int = PEOPLE, **event: Any) -> dict[str, Any]:
    """``registration``, ``change`` and ``cancellation`` as :class:`Cost`, and ``sizes``: the largest item of each kind.

    A registration is the API's transaction, the invitation's mail, and what SES reports of it; a change and a
    cancellation of the event are the mail and the reports, for each attendee.
    """
    meter = Meter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dynamo, "client", lambda: meter.tables)
        meter.world.publish(**event)
        meter.tables.reset()
        found: dict[str, Any] = {}
        registration = found["registration"] = Cost()
        everybody = [meter.world.register(number) for number in range(people)]
        meter.note(registration, "the API's transaction", people)
        _mail(meter, registration, everybody)
        for name in ("change", "cancellation"):
            if name == "change":
                meter.world.change(when=AFTERNOON)
            else:
                meter.world.cancel_event()
            meter.tables.reset()
            cost = found[name] = Cost()
            _mail(meter, cost, everybody)
    return {**found, "sizes": meter.largest}


def _mail(meter: Meter, cost: Cost, people: list[Registration]) -> None:
    """What is due is sent to each; then SES reports that it was accepted, and delivered."""
    world = meter.world
    before = len(world.sent)
    for person in people:
        world.look(person)
    meter.note(cost, "the mail", len(people))
    assert len(world.sent) == before + len(people)
    report(world, world.sent[before:])
    meter.note(cost, "SES's reports", len(people))


def report(world: World, sent: list[Send]) -> None:
    """SES reports of each of these mails that it was accepted, and delivered."""
    for state in (DeliveryState.ACCEPTED, DeliveryState.DELIVERED):
        world.pass_time(seconds=1)
        for mail in sent:
            world.run(apply_report(report_on(mail, state, world.now)))


def dollars_a_million(cost: Cost, gigabyte_seconds: float = 0.0, invocations: float = 0.0) -> dict[str, float]:
    """What a million of them cost, by service, at the prices of ``prices.json``."""
    prices = json.loads(PRICES.read_text())["dollars"]
    return {
        "SES": 1e6 * prices["mail"],
        "DynamoDB writes": cost.write_units * 1e6 * prices["write unit"],
        "DynamoDB reads": cost.read_units * 1e6 * prices["read unit"],
        "Lambda": 1e6 * (gigabyte_seconds * prices["gigabyte-second"] + invocations * prices["invocation"]),
    }
