"""Random histories of a site's tables: records are lost, doubled and late, rows and events come in any order. Once all
is quiet everybody is registered as the tables say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convoke.model import EventStatus
from convoke.registrations.registry import ACTIVE
from convoke.sources.compare import act, compare, follow
from convoke.sources.mapping import parse
from convoke.sources.row_keys import read_key
from convoke.sources.sync import Site
from convoke.store import dynamo
from convoke.store.sources import SHARDS, RowKind, place
from tests.factories import NOW
from tests.tables import everything, in_memory
from tests.test_sources import SITE, SUMMER
from tests.test_sync import ACCOUNT, KEYS, PLAIN, World

EVENTS, USERS, ADDRESSES = ("e1", "e2"), ("u1", "u2", "u3"), ("a@example.net", "b@example.net")

event_rows = st.fixed_dictionaries(
    {
        "event_id": st.sampled_from(EVENTS),
        "name": st.sampled_from(["Summer", "Garden"]),
        "state": st.sampled_from(["live", "live", "off", "draft", "unheard of"]),
    }
)
registration_rows = st.fixed_dictionaries(
    {
        "event_id": st.sampled_from(EVENTS),
        "user_id": st.sampled_from(USERS),
        "email": st.sampled_from((*ADDRESSES, "nobody")),
        "state": st.sampled_from(["yes", "yes", "paid", "no"]),
    }
)
steps = st.one_of(
    st.tuples(st.just("event"), event_rows),
    st.tuples(st.just("registration"), registration_rows),
    st.tuples(st.just("registration"), registration_rows),
    st.tuples(st.just("delete event"), event_rows),
    st.tuples(st.just("delete registration"), registration_rows),
    # The number chooses a record among those that are not handled yet.
    st.tuples(st.sampled_from(["handle", "handle", "handle", "repeat", "lose"]), st.integers(0, 50)),
    # The next look fails for good, at the call to the tables with this number.
    st.tuples(st.just("fail"), st.integers(3, 25)),
)


class History:
    def __init__(self, client: Any) -> None:
        self.world = World(client)
        self.records: list[tuple[RowKind, dict[str, Any]]] = []
        self.fails_at = 0
        described = parse(json.dumps(SITE))
        self.site = Site(self.world.store, ACCOUNT, described, client, confirmed=True)

    def take(self, what: str, said: Any) -> None:
        if what in ("event", "registration"):
            plain = SUMMER if what == "event" else PLAIN
            self.write(f"site-{what}s", plain | said)
        elif what.startswith("delete"):
            self.delete(f"site-{what.split()[1]}s", said)
        elif what == "fail":
            self.fails_at = said
        elif self.records:
            number = said % len(self.records)
            record = self.records[number] if what == "repeat" else self.records.pop(number)
            if what != "lose":
                self.handle(*record)

    def write(self, table: str, row: dict[str, Any]) -> None:
        self.world.client.put_item(TableName=table, Item=dynamo.wire(row))
        self.happened(table, row)

    def delete(self, table: str, row: dict[str, Any]) -> None:
        key = {name: row[name] for name in KEYS[table]}
        self.world.client.delete_item(TableName=table, Key=dynamo.wire(key))
        self.happened(table, row)

    def happened(self, table: str, row: dict[str, Any]) -> None:
        key = {name: row[name] for name in KEYS[table]}
        self.records.append((RowKind.EVENTS if table == "site-events" else RowKind.REGISTRATIONS, key))

    def handle(self, kind: RowKind, key: dict[str, Any]) -> None:
        with suppress(ConnectionError), failing(self.world.client, self.fails_at):
            for _ in follow(self.site, kind, key, NOW):
                pass
        self.fails_at = 0

    def settle(self) -> None:
        """The daily comparison, until it finds nothing more to do."""
        dry = Site(self.world.store, ACCOUNT, self.site.source, self.world.client, dry=True)
        for _ in range(4):
            found = compare(dry, NOW).differences
            act(self.site, found, NOW)
        assert compare(dry, NOW).differences == ()
        self.look_at_all()

    def look_at_all(self) -> None:
        """Where the comparison finds nothing, a look at each row changes nothing: it hides nothing, either."""
        before = stored(self.world.client)
        for table, kind in (("site-events", RowKind.EVENTS), ("site-registrations", RowKind.REGISTRATIONS)):
            for row in self.rows(table):
                self.handle(kind, row)
            for digest in SHARDS:
                for state in self.world.store.sources.known(ACCOUNT, "site", kind, digest, "", 100)[0]:
                    if state.key:
                        self.handle(kind, read_key(json.loads(state.key)))
        assert stored(self.world.client) == before

    def rows(self, table: str) -> list[dict[str, Any]]:
        return [dynamo.unwire(row) for row in self.world.client.scan(TableName=table)["Items"]]


@contextmanager
def failing(client: Any, at: int) -> Iterator[None]:
    """Within, the call to the tables with this number fails, and all after it; 0 for none."""
    call, calls = client._make_api_call, [0]

    def counted(*arguments: Any) -> Any:
        calls[0] += 1
        if at and calls[0] >= at:
            raise ConnectionError
        return call(*arguments)

    client._make_api_call = counted
    try:
        yield
    finally:
        client._make_api_call = call


def stored(client: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """Everything that is stored, without how often each row was looked at, and without rows of which nothing became."""
    items = {(item["pk"], item["sk"]): item for table in everything(client).values() for item in table}
    rows = {key: item for key, item in items.items() if key[1].startswith("ROW#")}
    nothing = {key for key, item in rows.items() if not (item.get("event_id") or item["waits_for"] or item["problem"])}
    for item in rows.values():
        del item["fence"]
    return {key: item for key, item in items.items() if key not in nothing}


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, min_size=5, max_size=35))
def test_when_all_is_quiet_everybody_is_registered_as_the_tables_say(history: list[tuple[str, Any]]) -> None:
    with in_memory() as client:
        happening = History(client)
        for what, said in history:
            happening.take(what, said)
        happening.settle()
        check(happening)


def check(happening: History) -> None:
    store = happening.world.store
    live = {}
    for row in happening.rows("site-events"):
        state = store.sources.row(place(ACCOUNT, "site", RowKind.EVENTS, row["event_id"]))
        event = store.reads.event(state.event_id) if state.event_id else None
        if row["state"] in ("live", "draft"):
            assert event is not None
            assert (event.status is EventStatus.CONFIRMED) is (row["state"] == "live")
            assert event.title == row["name"]
            live[row["event_id"]] = event.event_id
        elif row["state"] == "off":
            assert event is None or event.status is EventStatus.CANCELLED
    gone = set(EVENTS) - {row["event_id"] for row in happening.rows("site-events")}
    for name in gone:
        state = store.sources.row(place(ACCOUNT, "site", RowKind.EVENTS, name))
        event = store.reads.event(state.event_id) if state.event_id else None
        assert event is None or event.status is EventStatus.CANCELLED
    coming = [row for row in happening.rows("site-registrations") if row["state"] != "no"]
    for name, event_id in live.items():
        # Of several rows of one address, one is registered; of one without an address, none newly.
        wanted = {row["email"] for row in coming if row["event_id"] == name} & set(ADDRESSES)
        registered = [person.email for person, _ in store.reads.everybody(event_id) if person.status in ACTIVE]
        assert len(registered) == len(set(registered))
        assert wanted <= set(registered)
        assert len(registered) <= len([row for row in coming if row["event_id"] == name])
        assert store.reads.seats(event_id).taken == len(registered)
    stored = everything(happening.world.client)["Registrations"]
    standing = [one for one in stored if one["sk"].startswith("REGISTRATION#") and one["status"] in ACTIVE]
    rows = [one for one in stored if one["sk"].startswith("ROW#registrations#")]
    held = {one["registration_id"] for one in rows}
    assert {one["registration_id"] for one in standing} <= held
