"""``make bench`` in short, without its times: what is counted, what has to be equal, and the page that it writes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from convoke.delivery.pace import SHARE
from convoke.store import dynamo
from tests.bench import __main__ as bench
from tests.bench import cost, crowd, fanout, growth, latency, memory, plans, rows, worker
from tests.simulation import quick
from tests.simulation.tables import Row

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
GUIDE = PAGE.with_name("deploy.md").read_text()


@pytest.fixture(scope="module")
def costs() -> dict[str, cost.Cost]:
    return cost.measure(3)


def test_what_is_counted_is_the_same_however_many_people_it_is_counted_for(costs: dict[str, cost.Cost]) -> None:
    more = cost.measure(6)
    for name in ("registration", "change", "cancellation"):
        assert costs[name].writes == more[name].writes
        assert costs[name].calls == more[name].calls


@pytest.mark.long
def test_the_function_that_delivers_tells_everybody_once_in_a_process_of_its_own() -> None:
    told = fanout.run(30, fanout.NO_LIMIT, 1)
    assert (told["people"], told["each_once_in_order"], told["throttled"]) == (30, True, 0.0)


def test_the_memory_of_a_worker_is_not_that_of_who_starts_it() -> None:
    ballast = bytearray(250_000_000)
    ballast[::4096] = b"x" * len(ballast[::4096])
    program = "from tests.bench import worker; print(worker.peak())"
    said = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program], cwd=fanout.ROOT, env=fanout.environment(), check=True, capture_output=True
    )
    assert worker.peak() > 250
    assert float(said.stdout) < 200
    del ballast


def test_growth_is_none(costs: dict[str, cost.Cost]) -> None:
    assert costs["change"].write_units <= 10
    few, many = growth._change(50), growth._change(200)
    assert few["calls_of_the_change"] == many["calls_of_the_change"]
    # What is read for fifty people at a time is read for no more than that.
    assert many["calls"] / 200 <= few["calls"] / 50
    assert many["written"] / 200 <= few["written"] / 50


def test_planning_costs_the_same_for_each_page_and_no_more_memory() -> None:
    plans.measure(500)  # What the process loads or keeps at the first page counts for nobody.
    few, many = plans.measure(10_000), plans.measure(100_000)
    assert (few["batches"], many["batches"]) == (200, 2_000)
    assert few["calls"] / 5 == many["calls"] / 23, "pages of 4, 16 and 64 batches, then of 99"
    assert many["planner"] == pytest.approx(few["planner"], rel=0.03)
    assert many["worker"] == pytest.approx(few["worker"], rel=0.03)


def test_of_one_event_five_hundred_are_told_in_a_second_within_what_each_partition_key_takes() -> None:
    found = growth.partition(500)
    assert max(found["told"].values()) <= crowd.WRITE_UNITS
    assert max(found["read"].values()) <= crowd.READ_UNITS
    assert found["told"].total() > 3 * crowd.WRITE_UNITS, "which would be too much for one"
    assert growth.rates(found) == {"mails": 781, "mails_read": 2508, "registrations": 250, "seats": 500}


def test_a_crowd_comes_out_the_same_each_time() -> None:
    first, second = (crowd.run(capacity=20, people=60, seed=7) for _ in range(2))
    assert first.refused == []
    assert first.statuses() == first.counted() == (20, 40)
    assert (first.took, first.tables.conflicts) == (second.took, second.tables.conflicts)


def test_a_partition_key_takes_no_more_than_its_write_units_a_second() -> None:
    rush = crowd.run(capacity=None, people=300, rate=3000.0)
    assert rush.tables.throttled
    assert rush.statuses() == rush.counted()


def test_a_partition_key_gives_no_more_than_its_read_units_a_second() -> None:
    """An item of less than four kilobytes is one unit, and a query as many as it reads kilobytes, by four."""

    def seconds(times: int, read: Callable[[crowd.Crowded], None]) -> float:
        clock = crowd.Clock()
        tables = crowd.Crowded(clock)
        tables.rows["T"] = {"P": {f"{n:02}": Row(pk="P", sk=f"{n:02}", content="x" * 1000) for n in range(40)}}
        for number in range(times):
            clock.start(number * 1e-6, lambda: read(tables))
        clock.run()
        assert bool(tables.throttled) is (clock.now > 0.1)
        return clock.now

    def get(tables: crowd.Crowded) -> None:
        for _ in range(100):
            tables.get_item(TableName="T", Key={"pk": "P", "sk": "01"}, ConsistentRead=True)

    def query(tables: crowd.Crowded) -> None:
        tables.query(**dynamo.starting_with("T", {"pk": "P", "sk": ""}))

    with quick.quick():
        assert seconds(10, query) < 0.01
        assert seconds(900, query) == pytest.approx((900 * 10 - crowd.READ_UNITS) / crowd.READ_UNITS, abs=0.1)
        assert seconds(60, get) == pytest.approx((60 * 100 - crowd.READ_UNITS) / crowd.READ_UNITS, abs=0.1)


def test_the_rows_of_a_site_s_table_cost_the_same_calls_each_and_lost_records_are_found() -> None:
    few, many = rows.measure(600, 3, 2), rows.measure(900, 3, 2)
    assert few["calls_of_a_record"] == many["calls_of_a_record"]
    assert many["calls_a_row"]["registered"] == pytest.approx(few["calls_a_row"]["registered"], rel=0.01)
    assert many["daily_calls_a_row"] <= few["daily_calls_a_row"]
    assert many["found"] == {"registrations change": 3, "registrations cancel": 2}
    assert many["put_right"] == 5


def test_dollars_are_units_times_prices(costs: dict[str, cost.Cost]) -> None:
    prices = json.loads(cost.PRICES.read_text())
    assert re.fullmatch(r"20\d\d-\d\d", prices["date"])
    dollars = cost.dollars_a_million(costs["change"])
    assert dollars["SES"] == pytest.approx(100)
    assert dollars["DynamoDB writes"] == pytest.approx(
        costs["change"].write_units * prices["dollars"]["write unit"] * 1e6
    )


def test_the_last_line_has_what_others_read() -> None:
    found = {"cost": bench.costs(people=2), "seats": {}}
    said = json.loads(json.dumps(bench.summary(found)))
    assert said["write_units"]["registration"] <= 20
    assert set(said["dollars_per_million"]) == {"registration", "change", "cancellation"}
    assert "render" not in said


def test_the_page_is_what_bench_writes_with_the_units_of_today(costs: dict[str, cost.Cost]) -> None:
    page = PAGE.read_text()
    assert page.startswith("# Performance\n\nWritten by `make bench`")
    for name in ("registration", "change", "cancellation"):
        (units,) = re.findall(rf"^\| {name} \| ([\d.]+) \(", page, re.MULTILINE)
        assert float(units) == costs[name].write_units


def test_a_request_makes_as_many_calls_until_its_mail_as_the_page_says() -> None:
    page = PAGE.read_text()
    for name, one in latency.measure(2).items():
        row = rf"^\| {name} \| \d+ \| \d+ to \d+ \| (\d+) \| \d+ \| (\d+) \|"
        assert re.findall(row, page, re.MULTILINE) == [(str(one["calls_to_mail"]), str(one["calls"]))]


def test_the_memory_of_workers_is_paid_for_while_they_send_and_while_they_wait() -> None:
    alone, waiting = memory.bill(512, 40), memory.bill(512, 20)
    assert (alone["gb_seconds"], waiting["gb_seconds"]) == (12_500, 25_000)
    assert memory.bill(1024, 40)["gb_seconds"] == memory.bill(512, 40, workers=2)["gb_seconds"] == 25_000


@pytest.mark.parametrize("rate", [14, 50, 200, 500])
def test_what_the_guide_says_of_workers_follows_from_what_was_measured(rate: int) -> None:
    line = rf"^\| (?:1 \(sandbox\) or )?{rate} \| (\d+)[^|]* \| (\d+) MB \| ([\d.]+) \|$"
    (row,) = re.findall(line, GUIDE, re.MULTILINE)
    workers, megabytes, dollars = int(row[0]), int(row[1]), float(row[2])
    (mails,) = re.findall(rf"^\| {megabytes} \| 0\.\d\d \| ([\d.]+) \|", PAGE.read_text(), re.MULTILINE)
    assert workers * float(mails) >= SHARE * rate
    assert dollars == memory.bill(megabytes, SHARE * rate, workers)["dollars"]
