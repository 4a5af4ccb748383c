"""The two tables of a site's own that `make run` follows, and the second half of its story: rows in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from convoke.store.accounts import Accounts

from . import mailbag
from .mailbag import Mail

NAME, ACCOUNT = "site", "acme"
TABLES = {"events": "site-events", "registrations": "site-registrations"}
KEYS = {"site-events": ("event_id",), "site-registrations": ("event_id", "user_id")}
MAPPING: dict[str, Any] = {
    "name": NAME,
    "events": {
        "table": TABLES["events"],
        "key": {"partition": "event_id"},
        "fields": {
            "title": "name",
            "start": "starts_at",
            "end": "ends_at",
            "time_zone": "tz",
            "location": "venue.name",
            "description": "text",
            "organizer.name": "host.name",
            "organizer.email": "host.email",
            "capacity": "seats",
        },
        "status": {"field": "state", "confirmed": ["live"], "draft": ["draft", None], "cancelled": ["off"]},
        "reason": "cancel_reason",
    },
    "registrations": {
        "table": TABLES["registrations"],
        "key": {"partition": "event_id", "sort": "user_id"},
        "event": "event_id",
        "fields": {"name": "full_name", "email": "email", "language": "lang", "occurrences": "dates"},
        "status": {"field": "state", "registered": ["yes", "paid"], "withdrawn": ["no", "refunded"]},
    },
}
PEOPLE = {"dan@example.net": "Dan Oz", "eve@example.com": "Eve Lund"}


def create_tables(database: Any) -> dict[str, str]:
    """Create the tables as a site would have them. Returns the parameters of the stack that follows them."""
    parameters = {}
    for number, (table, names) in enumerate(KEYS.items(), 1):
        made = database.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            KeySchema=[
                {"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)
            ],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        )
        parameters[f"SourceStream{number}"] = f"{ACCOUNT}={made['TableDescription']['LatestStreamArn']}"
    return parameters


def describe(accounts: Accounts) -> dict[str, str]:
    """Store the mapping as a source of the first account. Returns what stack.json says of it."""
    accounts.put_source(ACCOUNT, NAME, json.dumps(MAPPING))
    return {"name": NAME, **TABLES}


class Site:
    """Writes rows with plain values, as a site's own program would."""

    def __init__(self, resource: Any) -> None:
        self.events = resource.Table(TABLES["events"])
        self.registrations = resource.Table(TABLES["registrations"])


def play(site: Site, mail: Path, say: Callable[[str], None]) -> list[Mail]:
    """Write, change and delete rows, and print who was told what. Raises :class:`mailbag.NotArrived`."""
    start = (datetime.now(UTC) + timedelta(days=30)).replace(hour=17, minute=0, second=0, microsecond=0)
    event = {
        "event_id": f"summer-{start:%Y%m%d%H%M}",
        "name": "Sommerfest",
        "starts_at": start.isoformat(),
        "ends_at": (start + timedelta(hours=3)).isoformat(),
        "tz": "Europe/Berlin",
        "venue": {"name": "Garten"},
        "host": {"name": "Ada", "email": "ada@example.org"},
        "seats": 20,
        "state": "live",
    }
    mails_after = mailbag.steps(mail, PEOPLE, say)

    say(f"The site writes to its tables {TABLES['events']} and {TABLES['registrations']}:")
    for number, (email, name) in enumerate(PEOPLE.items()):
        row = {"event_id": event["event_id"], "user_id": f"u{number}", "full_name": name, "email": email}
        site.registrations.put_item(Item=row | {"state": "paid"})
    site.events.put_item(Item=event)
    mails_after("rows of an event and of two people are written", 2)
    site.events.put_item(Item=event | {"venue": {"name": "Halle"}})
    mails_after("the event's row gets another place", 2)
    site.registrations.delete_item(Key={"event_id": event["event_id"], "user_id": "u1"})
    mails_after(f"the row of {PEOPLE['eve@example.com']} is deleted", 1)
    site.events.put_item(Item=event | {"state": "off", "cancel_reason": "Rain"})
    mails = mails_after("the event's row says that it is off", 1)
    say("\n" + mailbag.table(mails, PEOPLE))
    return mails
