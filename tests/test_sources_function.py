"""The function that follows a site's own tables: stream records in, registrations out, under its own role."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

import sources
from convoke.model import InvalidField
from convoke.registrations import events
from convoke.registrations.registry import withdraw
from convoke.registrations.returning import HELD
from convoke.sources import compare, contents, row_sync
from convoke.sources.mapping import parse
from convoke.store import dynamo
from convoke.store.comparisons import Progress
from convoke.store.sources import RowKind, digest
from tests.deployment import Context, Deployment, a_deployment, sample
from tests.factories import NOW, existing
from tests.policies import Denied, acting_as
from tests.test_sources import SITE, SUMMER
from tests.test_sync import PLAIN, World

STREAM = "arn:aws:dynamodb:eu-central-1:123456789012:table/%s/stream/2027-01-15T10:00:00.000"


class Site(World):
    """A site's tables, with their streams, beside the deployed functions."""

    def __init__(self, deployed: Deployment) -> None:
        super().__init__(deployed.client)
        self.deployed = deployed
        self.store.accounts.put_source("acme", "site", json.dumps(SITE))

    def write(self, table: str, row: dict[str, Any]) -> None:
        self.client.put_item(TableName=table, Item=dynamo.wire(row))

    def ring(self, table: str, *rows: dict[str, Any], **more: Any) -> Any:
        """The stream's records of these rows, to the function."""
        record = sample("sources-row")["Records"][0] | {"eventSourceARN": STREAM % table} | more
        names = ("event_id",) if table == "site-events" else ("event_id", "user_id")
        records = []
        for number, row in enumerate(rows):
            keys = {name: {"S": row[name]} for name in names}
            change = record["dynamodb"] | {"Keys": keys, "SequenceNumber": str(number)}
            records.append(record | {"dynamodb": change})
        return self.deployed.call("sources", {"Records": records})

    def leave(self) -> None:
        """The person leaves by one click, and their seat is kept."""
        person, until = self.person(), NOW + HELD
        ids = person.event_id, person.registration_id
        assert self.store.brakes.may_hold(*ids, person.email, until, NOW)
        withdraw(self.store, *ids, now=NOW, held_until=until)

    def compare(self) -> Any:
        [found] = self.deployed.call("sources", sample("sources-compare"))["sources"].values()
        return found


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with a_deployment(monkeypatch) as deployed:
        yield Site(deployed)


def test_a_record_of_a_stream_leads_to_an_invitation(site: Site) -> None:
    site.write("site-events", SUMMER)
    site.write("site-registrations", PLAIN)
    assert site.ring("site-events", SUMMER) == {"batchItemFailures": []}
    assert site.ring("site-registrations", PLAIN) == {"batchItemFailures": []}
    assert site.person().email == "bo@example.net"


def test_rows_that_came_before_their_event_are_looked_at_with_it(site: Site) -> None:
    others = [PLAIN | {"user_id": f"u{one}", "email": f"u{one}@example.net"} for one in range(3)]
    for row in others:
        site.write("site-registrations", row)
    site.ring("site-registrations", *others)
    site.write("site-events", SUMMER)
    site.ring("site-events", SUMMER)
    assert site.store.reads.seats(site.event().event_id).taken == 3


def test_whoever_left_by_one_click_has_the_seat_that_was_kept_as_soon_as_their_row_changes(site: Site) -> None:
    site.write("site-events", SUMMER | {"seats": 1})
    site.write("site-registrations", PLAIN)
    site.ring("site-events", SUMMER), site.ring("site-registrations", PLAIN)
    left = site.person()
    site.leave()
    assert site.store.reads.seats(left.event_id).held == 1
    site.write("site-registrations", PLAIN | {"full_name": "Bo Berg"})
    assert site.ring("site-registrations", PLAIN) == {"batchItemFailures": []}
    came, seats = site.person(), site.store.reads.seats(left.event_id)
    assert (came.status, came.name, came.registration_id == left.registration_id) == ("registered", "Bo Berg", False)
    assert (seats.taken, seats.held, seats.waiting) == (1, 0, 0)


def test_where_time_runs_out_the_record_comes_again(site: Site) -> None:
    site.write("site-registrations", PLAIN)
    site.ring("site-registrations", PLAIN)
    site.write("site-events", SUMMER)
    record = sample("sources-row")["Records"][0] | {"eventSourceARN": STREAM % "site-events"}
    record["dynamodb"]["Keys"] = {"event_id": {"S": "e1"}}
    with acting_as("Sources"):
        answer = sources.handler({"Records": [record]}, Context(remaining_ms=100))
    assert [one["itemIdentifier"] for one in answer["batchItemFailures"]] == [record["dynamodb"]["SequenceNumber"]]
    site.ring("site-events", SUMMER)
    assert site.store.reads.seats(site.event().event_id).taken == 1


def test_a_row_of_a_table_that_nobody_described_leads_to_nothing(site: Site) -> None:
    site.store.accounts.put_source("acme", "site", json.dumps(SITE | {"registrations": None}))
    site.write("site-registrations", PLAIN)
    assert site.ring("site-registrations", PLAIN) == {"batchItemFailures": []}
    assert site.state(RowKind.REGISTRATIONS, '["e1","u1"]').fence == 0


def test_another_account_s_description_does_not_reach_the_table(site: Site) -> None:
    site.store.accounts.put_source("mallory", "hers", json.dumps(SITE | {"name": "hers"}))
    site.write("site-events", SUMMER)
    site.ring("site-events", SUMMER)
    assert site.event().account == "acme"
    assert not site.store.sources.exists("mallory", "hers")


@pytest.mark.parametrize(("policy", "stands"), [("keep", True), ("remove", False)])
def test_a_row_that_expired_counts_as_gone_only_where_the_source_says_so(site: Site, policy: str, stands: bool) -> None:
    site.store.accounts.put_source("acme", "site", json.dumps(SITE | {"expired_rows": policy}))
    site.write("site-events", SUMMER)
    site.write("site-registrations", PLAIN)
    site.ring("site-events", SUMMER), site.ring("site-registrations", PLAIN)
    site.client.delete_item(TableName="site-registrations", Key=dynamo.wire({"event_id": "e1", "user_id": "u1"}))
    who = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    site.ring("site-registrations", PLAIN, eventName="REMOVE", userIdentity=who)
    assert (site.person().status == "registered") is stands
    assert site.compare()["differences"] == {}
    site.write("site-registrations", PLAIN | {"full_name": "Bo"})
    site.ring("site-registrations", PLAIN)
    assert site.person().name == "Bo"


def test_lost_records_are_found_by_the_daily_comparison(site: Site) -> None:
    site.write("site-events", SUMMER)
    site.write("site-registrations", PLAIN)
    site.ring("site-events", SUMMER), site.ring("site-registrations", PLAIN)
    site.write("site-events", SUMMER | {"name": "Garden party"})
    site.client.delete_item(TableName="site-registrations", Key=dynamo.wire({"event_id": "e1", "user_id": "u1"}))
    site.write("site-registrations", PLAIN | {"user_id": "u2", "email": "u2@example.net"})
    expected = {"events change": 1, "registrations create": 1, "registrations cancel": 1}
    assert site.compare() == {"rows": 3, "differences": expected, "ended": True, "put_right": True}
    assert (site.event().title, site.person("u2").status) == ("Garden party", "registered")
    assert site.person("u1").status == "cancelled"
    assert site.compare()["differences"] == {}


def test_many_differences_are_left_to_make_sync(site: Site) -> None:
    for one in range(6):
        site.write("site-events", SUMMER | {"event_id": f"e{one}"})
    expected = {"rows": 6, "differences": {"events create": 6}, "ended": True, "put_right": False}
    assert site.compare() == expected
    assert site.state(RowKind.EVENTS, "e1").fence == 0


def test_a_problem_that_is_known_is_no_difference(site: Site) -> None:
    site.write("site-events", SUMMER | {"tz": "Berlin"})
    site.ring("site-events", SUMMER)
    site.ring("site-events", SUMMER)
    [(field, _)] = site.problems()
    assert field == "time_zone"
    assert site.compare()["differences"] == {}


def test_it_reads_what_the_deployment_names_and_writes_none_of_it(site: Site) -> None:
    with pytest.raises(Denied), acting_as("Sources"):
        site.client.scan(TableName="other-events")
    with pytest.raises(Denied), acting_as("Sources"):
        site.client.put_item(TableName="site-events", Item=dynamo.wire(SUMMER))


def test_the_brake_is_on_for_records_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_sync, "MOST_GONE", 0)
    site.write("site-events", SUMMER)
    site.ring("site-events", SUMMER)
    site.client.delete_item(TableName="site-events", Key=dynamo.wire({"event_id": "e1"}))
    site.ring("site-events", SUMMER)
    assert site.event().status == "confirmed"
    assert site.problems() == [("", row_sync.HELD)]


def parts(most: int) -> list[Any]:
    """What each invocation answers, in whose time ``most`` parts are compared, until one has ended."""
    answers = []
    for number in range(40):
        context = Context()
        context.get_remaining_time_in_millis = partial(next, iter([30_000] * most), 0)
        with acting_as("Sources"):
            answers += sources.handler({"continue": True} if number else {}, context)["sources"].values()
        if answers[-1]["ended"]:
            break
    return answers


def test_a_comparison_that_runs_out_of_time_is_continued_and_finds_all(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "PART", 2)
    people = [PLAIN | {"user_id": f"u{one}", "email": f"u{one}@example.net"} for one in range(5)]
    site.write("site-events", SUMMER)
    site.ring("site-events", SUMMER)
    for row in people:
        site.write("site-registrations", row)
    site.ring("site-registrations", *people)
    site.client.delete_item(TableName="site-registrations", Key=dynamo.wire({"event_id": "e1", "user_id": "u1"}))
    site.write("site-registrations", people[4] | {"full_name": "Cy"})
    answers = parts(5)
    assert len(answers) > 5
    expected = {"registrations change": 1, "registrations cancel": 1}
    assert answers[-1] == {"rows": 6, "differences": expected, "ended": True, "put_right": True}
    assert (site.person("u1").status, site.person("u4").name) == ("cancelled", "Cy")
    assert site.store.comparisons.found("acme", "site") == []
    assert sources.handler({"continue": True}, Context()) == {"sources": {}}


def test_nothing_is_done_before_all_rows_are_compared_and_many_differences_are_left(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "PART", 2)
    for one in range(6):
        site.write("site-events", SUMMER | {"event_id": f"e{one}"})
    answers = parts(1)
    expected = {"rows": 6, "differences": {"events create": 6}, "ended": True, "put_right": False}
    assert answers[-1] == expected
    assert site.state(RowKind.EVENTS, "e1").fence == 0
    assert site.store.comparisons.progress("acme", "site") is None


def test_a_comparison_that_crashes_goes_on_where_it_was(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "PART", 1)
    for one in range(3):
        site.write("site-events", SUMMER | {"event_id": f"e{one}"})
    synced = compare.compare_part

    def once(*given: Any) -> Any:
        if given[1].rows == 2:
            raise RuntimeError
        return synced(*given)

    with monkeypatch.context() as patch:
        patch.setattr(compare, "compare_part", once)
        with pytest.raises(RuntimeError):
            site.compare()
    assert existing(site.store.comparisons.progress("acme", "site")).rows == 2
    with acting_as("Sources"):
        [found] = sources.handler({"continue": True}, Context())["sources"].values()
    assert found == {"rows": 3, "differences": {"events create": 3}, "ended": True, "put_right": True}
    assert site.state(RowKind.EVENTS, "e2").event_id


def test_of_two_workers_that_compare_the_same_part_one_goes_on(site: Site) -> None:
    site.write("site-events", SUMMER)
    comparisons = site.store.comparisons
    begun = existing(comparisons.save("acme", "site", Progress(began_at=NOW, kind=RowKind.EVENTS)))
    assert comparisons.save("acme", "site", begun) is not None
    assert comparisons.save("acme", "site", begun) is None


def test_rows_that_exchange_addresses_are_found_though_one_waited_for_another_address_before(site: Site) -> None:
    one, two, three = (PLAIN | {"user_id": f"u{name}", "email": f"{name}@example.net"} for name in "abc")
    site.write("site-events", SUMMER)
    for row in (one, two, three):
        site.write("site-registrations", row)
    site.ring("site-events", SUMMER)
    site.ring("site-registrations", one, two, three)
    site.write("site-registrations", two | {"email": three["email"]})
    site.ring("site-registrations", two)
    site.write("site-registrations", two | {"email": one["email"]})
    site.write("site-registrations", one | {"email": two["email"]})
    assert site.compare()["put_right"]
    assert (site.person("ua").email, site.person("ub").email) == (two["email"], one["email"])


def test_a_source_that_fails_keeps_no_other_from_being_compared(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = SITE["events"] | {"key": {"partition": "nothing"}}
    bad = SITE | {"name": "a-first", "events": wrong, "registrations": None}
    site.store.accounts.put_source("acme", "a-first", json.dumps(bad))
    site.write("site-events", SUMMER)
    with pytest.raises(KeyError):
        site.compare()
    assert site.event().title == "Summer party"
    monkeypatch.setenv("SOURCE_STREAMS", f"other={STREAM % 'site-other'},{os.environ['SOURCE_STREAMS']}")
    site.store.accounts.put_source("other", "site", "{}")
    site.write("site-events", SUMMER | {"name": "Garden party"})
    with pytest.raises(InvalidField):
        site.compare()
    assert site.event().title == "Garden party"


def test_a_difference_that_fails_keeps_no_other_from_being_put_right(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in range(3):
        site.write("site-events", SUMMER | {"event_id": f"e{one}"})
    tried: list[str] = []

    def create(_: Any, event: Any, **__: Any) -> None:
        tried.append(event.external_id)
        if len(tried) == 1:
            raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(events, "create_event", create)
        with pytest.raises(RuntimeError):
            site.compare()
    assert sorted(tried) == ["e0", "e1", "e2"]
    [left] = site.store.comparisons.found("acme", "site")
    assert tried[0] in left.key
    with acting_as("Sources"):
        [found] = sources.handler({"continue": True}, Context())["sources"].values()
    assert found["ended"]
    assert site.state(RowKind.EVENTS, tried[0]).event_id


def test_a_row_that_fails_keeps_no_other_from_being_compared(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for one in range(3):
        site.write("site-events", SUMMER | {"event_id": f"e{one}"})
    new: Any = contents.new_event

    def failing(row: Any, *more: Any) -> Any:
        if row.external_id == "e1":
            raise RuntimeError
        return new(row, *more)

    monkeypatch.setattr(contents, "new_event", failing)
    with pytest.raises(RuntimeError):
        site.compare()
    assert site.state(RowKind.EVENTS, "e0").event_id
    assert site.state(RowKind.EVENTS, "e2").event_id
    assert site.store.comparisons.progress("acme", "site") is None


def test_what_could_not_be_done_in_a_day_is_compared_anew(site: Site) -> None:
    comparisons = site.store.comparisons
    described = digest(parse(json.dumps(SITE)).model_dump_json())
    comparisons.save("acme", "site", Progress(began_at=NOW, described=described))
    site.write("site-events", SUMMER)
    assert site.compare() == {"rows": 1, "differences": {"events create": 1}, "ended": True, "put_right": True}


def test_a_comparison_begins_anew_where_the_source_is_described_otherwise(site: Site) -> None:
    site.write("site-events", SUMMER)
    begun = Progress(began_at=NOW, kind=RowKind.REGISTRATIONS, after='{"other_key":{"S":"r1"}}', described="another")
    site.store.comparisons.save("acme", "site", begun)
    with acting_as("Sources"):
        [found] = sources.handler({"continue": True}, Context())["sources"].values()
    assert found == {"rows": 1, "differences": {"events create": 1}, "ended": True, "put_right": True}


def test_a_source_that_fails_keeps_no_other_from_the_rows_of_their_table(site: Site) -> None:
    wrong = SITE["events"] | {"key": {"partition": "nothing"}}
    bad = SITE | {"name": "a-first", "events": wrong, "registrations": None}
    site.store.accounts.put_source("acme", "a-first", json.dumps(bad))
    site.write("site-events", SUMMER)
    assert site.ring("site-events", SUMMER) == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert site.event().title == "Summer party"
