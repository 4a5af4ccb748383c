"""The invitations of an event are spread over several partition keys, and read in one order all the same."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from convoke.store import dynamo, keys, spread
from tests.factories import EVENT_ID, NOW
from tests.tables import SETTINGS

TABLE = SETTINGS.invitations_table
IDS = st.text("0123456789abcdefghijklmnopqrstuv", min_size=36, max_size=36)


class Stored:
    """The invitations with these ids, for queries with a :class:`str` for each value; it counts what was read."""

    def __init__(self, ids: set[str]) -> None:
        self.partitions: dict[str, list[str]] = {place["pk"]: [] for place in keys.invitation_places(EVENT_ID, "")}
        for one in sorted(ids):
            key = keys.invitation(EVENT_ID, one)
            self.partitions[key["pk"]].append(key["sk"])
        self.asked: Counter[str] = Counter()
        self.read = 0

    def query(self, **asked: Any) -> dict[str, Any]:
        assert asked["ConsistentRead"]
        values = dynamo.unwire(asked["ExpressionAttributeValues"])
        assert values[":first"] <= values[":last"]
        self.asked[values[":pk"]] += 1
        found = [sk for sk in self.partitions[values[":pk"]] if values[":first"] <= sk <= values[":last"]]
        start = dynamo.unwire(asked.get("ExclusiveStartKey", {}))
        assert start.get("pk", values[":pk"]) == values[":pk"]
        if not asked.get("ScanIndexForward", True):
            found = [sk for sk in reversed(found) if not start or sk < start["sk"]]
        else:
            found = [sk for sk in found if not start or sk > start["sk"]]
        page = [dynamo.wire({"pk": values[":pk"], "sk": sk}) for sk in found[: asked.get("Limit")]]
        self.read += len(page)
        return {"Items": page, **({"LastEvaluatedKey": page[-1]} if len(page) == asked.get("Limit") else {})}


def ids_of(rows: Any) -> list[str]:
    return [row["sk"].removeprefix(keys.REGISTRATION_PREFIX) for row in rows]


@given(st.sets(IDS, max_size=60), st.data())
def test_a_walk_is_the_sorted_list_whatever_the_ids_and_wherever_it_begins_and_ends(ids: set[str], data: Any) -> None:
    bound = st.sampled_from(sorted(ids)) | IDS if ids else IDS
    after = data.draw(st.just("") | bound)
    through = data.draw(st.just(spread.LAST) | bound.filter(lambda one: one > after))
    limit = data.draw(st.none() | st.integers(1, 70))
    stored = Stored(ids)
    expected = [one for one in sorted(ids) if after < one <= through][:limit]
    assert ids_of(spread.invitations(stored, TABLE, EVENT_ID, after, through, limit=limit)) == expected
    at_once = data.draw(st.integers(1, 70))
    latest = spread.latest_invitations(stored, TABLE, EVENT_ID, after, at_once=at_once)
    assert ids_of(latest) == sorted((one for one in ids if not after or one < after), reverse=True)
    whole = spread.invitations(stored, TABLE, EVENT_ID, after, at_once=at_once)
    assert ids_of(whole) == [one for one in sorted(ids) if after < one]


@given(IDS)
def test_every_id_has_one_partition_and_its_place_there(registration_id: str) -> None:
    key = keys.invitation(EVENT_ID, registration_id)
    assert keys.invitation_places(EVENT_ID, registration_id).count(key) == 1
    assert keys.event_id_of(key["pk"]) == EVENT_ID
    assert key["sk"] == keys.registration(EVENT_ID, registration_id)["sk"]


def test_ids_are_spread_evenly_and_those_of_one_shard_as_well() -> None:
    made = [
        keys.registration_id(NOW + timedelta(milliseconds=n), hashlib.sha256(b"%d" % n).digest()[:16])
        for n in range(20_000)
    ]
    every = Counter(keys.invitation(EVENT_ID, one)["pk"] for one in made)
    assert len(every) == keys.PARTITIONS
    assert max(every.values()) < 1.05 * len(made) / keys.PARTITIONS
    of_a_shard = Counter(keys.invitation(EVENT_ID, one)["pk"] for one in made if keys.shard(one) == "3")
    assert max(of_a_shard.values()) < 1.15 * of_a_shard.total() / keys.PARTITIONS


def test_a_walk_that_stops_early_reads_a_page_of_each_partition_and_no_more() -> None:
    ids = {keys.registration_id(NOW, number.to_bytes(16, "big")) for number in range(5_000)}
    stored = Stored(ids)
    rows = spread.invitations(stored, TABLE, EVENT_ID, at_once=500)
    assert not stored.asked
    assert [next(rows) for _ in range(400)]
    assert set(stored.asked.values()) == {1}
    assert len(stored.asked) == keys.PARTITIONS
    assert stored.read < 1.2 * 500
    assert len(list(rows)) == 4_600

    stored = Stored(ids)
    assert len(list(spread.invitations(stored, TABLE, EVENT_ID, limit=1_000))) == 1_000
    assert set(stored.asked.values()) == {1}
    assert stored.read < 1.2 * 1_000


def test_a_partition_that_has_few_ends_before_the_others() -> None:
    made = [keys.registration_id(NOW, number.to_bytes(16, "big")) for number in range(2_000)]
    first = keys.invitation_places(EVENT_ID, "")[0]["pk"]
    few = {one for n, one in enumerate(made) if keys.invitation(EVENT_ID, one)["pk"] != first or n % 100 == 0}
    stored = Stored(few)
    assert ids_of(spread.invitations(stored, TABLE, EVENT_ID, at_once=40)) == sorted(few)
    assert stored.asked[first] <= 2 < min(n for pk, n in stored.asked.items() if pk != first)
