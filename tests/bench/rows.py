"""A site's table of many rows: what registering all of them costs, and what comparing them daily does.

Production's code over tables in memory. Calls are counted, and each is taken to last as long as one of DynamoDB, one
after the other; what the processor does meanwhile is not in it.
"""

from __future__ import annotations

from math import ceil
from typing import Any

from convoke.registrations.events import create_event
from convoke.sources.compare import act, compare, follow, go_on, too_many
from convoke.sources.sync import Site
from convoke.store import keys
from convoke.store.sources import RowKind
from convoke.store.store import Store
from tests.factories import EVENT_ID, NOW, event
from tests.simulation import quick
from tests.simulation.rows import SOURCE, TABLE
from tests.simulation.scene import ACCOUNT
from tests.simulation.tables import Row, Tables
from tests.tables import SETTINGS
from tests.test_costs import Counting, Ordered

ROWS = 10_000
CHANGED, DELETED = 40, 20
"""Rows whose stream records are lost."""
CALL = 0.005
"""Seconds that a call to DynamoDB takes."""
INVOCATION = 880
"""Seconds of an invocation until it leaves the rest to the next one."""
MANY = 100_000


def measure(rows: int = ROWS, changed: int = CHANGED, deleted: int = DELETED) -> dict[str, Any]:
    with quick.quick():
        quick.forget()
        return _measure(Source(rows), changed, deleted)


class Partitions(Ordered):
    """Of the states of a source's rows all that begin alike are found, too."""

    def query(self, **asked: Any) -> dict[str, Any]:
        of_a_source = asked["ExpressionAttributeValues"].get(":pk", "").startswith("SOURCE#")
        return Tables.query(self, **asked) if of_a_source else super().query(**asked)


class Source:
    """A site's table of so many rows, for one event, and the tables of a deployment that follows it."""

    def __init__(self, rows: int) -> None:
        self.tables = Partitions()
        self.client = Counting(self.tables)
        self.store = Store(self.client, SETTINGS)
        create_event(self.store, event(capacity=None))
        self.users = [f"u{number:06d}" for number in range(rows)]
        for user in self.users:
            self.write(user, f"{user}@example.net")

    def write(self, user: str, email: str) -> None:
        row = Row({"pk": EVENT_ID, "sk": user, "name": user, "email": email, "state": "yes"})
        self.tables.rows.setdefault(TABLE, {}).setdefault(EVENT_ID, {})[user] = row

    def site(self, *, dry: bool = False, confirmed: bool = False) -> Site:
        return Site(self.store, ACCOUNT, SOURCE, self.client, dry=dry, confirmed=confirmed)

    def calls(self) -> int:
        """Calls since this was asked last."""
        count = sum(self.client.calls.values())
        self.client.calls.clear()
        return count

    def people(self) -> dict[str, str]:
        """Who is registered: the status of each, by address."""
        people = self.tables.rows[SETTINGS.registrations_table][keys.event(EVENT_ID)["pk"]]
        return {row["email"]: row["status"] for sk, row in people.items() if sk.startswith(keys.REGISTRATION_PREFIX)}


def _measure(source: Source, changed: int, deleted: int) -> dict[str, Any]:
    rows = len(source.users)
    source.calls()
    for _ in follow(source.site(), RowKind.REGISTRATIONS, {"pk": EVENT_ID, "sk": source.users[0]}, NOW):
        pass
    of_a_record = source.calls()
    found = compare(source.site(dry=True), NOW)
    compared = source.calls()
    act(source.site(confirmed=True), found.differences[:1], NOW)
    first = source.calls()
    act(source.site(confirmed=True), found.differences[1:], NOW)
    others = source.calls()
    source.store.sources.compared(ACCOUNT, SOURCE.name, rows)
    assert len(source.people()) == rows
    for user in source.users[:changed]:
        source.write(user, f"new.{user}@example.net")
    for user in source.users[-deleted:]:
        del source.tables.rows[TABLE][EVENT_ID][user]
    source.calls()
    ended = go_on(source.site(), NOW, lambda: False, _failed, begin=True)
    daily = source.calls()
    assert ended is not None
    assert not too_many(sum(ended.differences.values()), ended.rows)
    people = source.people()
    right = sum(people.get(f"new.{user}@example.net") == "registered" for user in source.users[:changed])
    right += sum(people[f"{user}@example.net"] == "cancelled" for user in source.users[-deleted:])
    a_row = daily / rows
    # Where an invocation did not see which rows there are, each that is known is asked for.
    many = MANY * (a_row + 1) * CALL
    return {
        "rows": rows,
        "calls_of_a_record": of_a_record,
        "first_mail_due_seconds": round((compared + first) * CALL),
        "all_registered_seconds": round((compared + first + others) * CALL),
        "calls_a_row": {"compared": round(compared / rows, 2), "registered": round(others / (rows - 1), 2)},
        "lost": changed + deleted,
        "found": dict(ended.differences),
        "put_right": right,
        "daily_seconds": round(daily * CALL),
        "daily_calls_a_row": round(a_row, 2),
        "many_seconds": round(many),
        "many_invocations": ceil(many / INVOCATION),
    }


def _failed(error: Exception) -> None:
    raise error


def table(one: dict[str, Any]) -> str:
    calls, found = one["calls_a_row"], ", ".join(f"{count} {what}" for what, count in one["found"].items())
    return "\n".join(
        (
            "## A site's own table",
            "",
            f"A table of {one['rows']:,} rows, for one event. Calls are counted, and take {1000 * CALL:g} ms each, one "
            "after the other.",
            "",
            "| what | |",
            "|---|---|",
            f"| calls from a stream record until its mail is due | {one['calls_of_a_record']} |",
            f"| `make sync`: calls for each row to compare it, and to register it | {calls['compared']}, "
            f"{calls['registered']} |",
            f"| `make sync`: seconds until the first mail is due | {one['first_mail_due_seconds']:,} |",
            f"| `make sync`: seconds until all are registered | {one['all_registered_seconds']:,} |",
            f"| of {one['lost']} lost stream records the daily comparison finds | {found} |",
            f"| of them it puts right | {one['put_right']} |",
            f"| seconds of the daily comparison | {one['daily_seconds']:,} |",
            f"| by count, of {MANY:,} rows | {one['many_seconds']:,}, in {one['many_invocations']} invocations |",
        )
    )
