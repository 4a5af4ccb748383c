"""Requests of people who mean harm: every field, path and query parameter of the API, and what to put there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any

from convoke.store import keys
from convoke.web import application
from tests.caller import BO, PARTY, World
from tests.factories import NOW

Path = tuple[str | int, ...]

LONG = 100_000
SHAPES = {
    "T": "T",
    "digits": "1",
    "spaces": " ",
    "hyphens": "-",
    "dots": "a.",
    "addresses": "a@",
    "durations": "P1DT",
    "times": "2027-03-12T09:00:00+",
    "rules": "FREQ=DAILY;",
    "links": "https://a@",
    "telephones": "tel:+",
    "encoded words": "=?utf-8?q?",
    "percents": "%25",
    "combining marks": "e\u0301",
    "Cyrillic": "а",
    "emoji": "👩\u200d",
}
"""What patterns stumble over when it is repeated."""


def shaped(unit: str, length: int = LONG) -> str:
    """``unit`` again and again, so many bytes in UTF-8, and something at the end that fits nothing."""
    return unit * (length // len(unit.encode())) + "!"


STRINGS = [
    *("", " ", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\u202eevil", "\u2028", "\x85", "\ufeff", "\uffff"),
    *("=?utf-8?q?A=0D=0AX?=", "\r\nBcc: x@example.org", "a\tb", "<script>alert(1)</script>", "../../etc/passwd"),
    *("%00", "%s%n%x", "{{7*7}}", "${jndi:ldap://x}", "' OR 1=1 --", "null", "NaN", "true", "-0", "1e999"),
    *("0001-01-01", "9999-12-31T23:59:59", "2027-02-30", "2027-W10-1", "2027-03-12T09:00:00Z", "20270312T090000"),
    *("P99999W", "-PT1H", "PT999999999S", "FREQ=SECONDLY;COUNT=2", "FREQ=YEARLY;UNTIL=99991231T235959Z"),
    *(
        "https://a@b@c/",
        "https://[::1",
        "https://[::]:99999/",
        "https://xn--/",
        "https://%00/",
        "tel:",
        "//x",
        "localtime",
    ),
    *("@", "a@", "@b", "a@b", "a@-b.example", "a@xn--.example", f"{'a' * 64}@{'b' * 189}", "a@b.example\x00"),
    *("ß" * 300, "👩\u200d👩\u200d👧" * 200, "e" + "\u0301" * 5000, "x" * 60_000),
]
OTHERS: list[Any] = [
    *(None, True, False, 0, -1, 2**31, 2**63, -(2**63) - 1, 10**400, 1.5, -1e308, 1e308),
    *([], [None], [[]], ["x"] * 5000, {}, {"": ""}, {"__class__": {"__init__": 1}}, {"x" * 5000: 1}),
    *(float("nan"), float("inf"), -float("inf")),
]


def deep(levels: int) -> str:
    """JSON whose one field has so many lists within each other."""
    return f'{{"title": {"[" * levels}{"]" * levels}}}'


# --- where to put it ----------------------------------------------------------------------------------------------


@cache
def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(application.described())
    return found


def operations() -> list[str]:
    return [f"{method.upper()} {path}" for path, methods in sorted(schema()["paths"].items()) for method in methods]


def _operation(route: str) -> dict[str, Any]:
    method, path = route.split(" ")
    found: dict[str, Any] = schema()["paths"][path][method.lower()]
    return found


def parameters(route: str, where: str) -> list[str]:
    """The names of what a route takes in its ``path``, ``query`` or ``header``."""
    return [one["name"] for one in _operation(route).get("parameters", ()) if one["in"] == where]


def fields(route: str) -> list[Path]:
    """The paths of all fields in the body of a route, lists and objects themselves among them."""
    body = _operation(route).get("requestBody")
    return list(dict.fromkeys(_inside(body["content"]["application/json"]["schema"], ()))) if body else []


def _inside(part: dict[str, Any], path: Path) -> Iterator[Path]:
    if "$ref" in part:
        part = schema()["components"]["schemas"][part["$ref"].rsplit("/", 1)[1]]
    for each in (*part.get("anyOf", ()), *part.get("oneOf", ()), *part.get("allOf", ())):
        yield from _inside(each, path)
    if path:
        yield path
    for name, inside in part.get("properties", {}).items():
        yield from _inside(inside, (*path, name))
    if "items" in part:
        yield from _inside(part["items"], (*path, 0))


BODIES: dict[str, dict[str, Any]] = {
    "POST /events": PARTY,
    "POST /events/{event_id}/registrations": BO,
    "POST /events/{event_id}/registrations/bulk": {"registrations": [BO]},
    "POST /events/{event_id}/occurrences": {"start": "2027-05-28T09:00:00"},
    "POST /events/{event_id}/split": {"from": "2027-03-26T09:00:00"},
    "POST /webhooks": {"url": "https://hooks.example.com/x", "events": ["registration.created"]},
}
"""What is asked where nothing is hostile about it; nothing elsewhere."""
INSIDE: dict[str, Any] = {
    "organizer": PARTY["organizer"],
    "conference": {"uri": "https://meet.example.org/1", "label": "Join"},
    "questions": [{"text": "Soup?", "kind": "choice", "choices": ["a", "b"]}],
    "logo": {"data": "iVBORw0KGgo=", "type": "image/png"},
    "add": {"start": "2027-05-28T09:00:00"},
    "split": {"from": "2027-03-26T09:00:00"},
}


def things(world: World, account: str = "acme", email: str = BO["email"]) -> dict[str, str]:
    """What each parameter of a path is where nothing is hostile about it, with one of everything of an account."""

    def made(path: str, body: Any) -> Any:
        answer = world.call("POST", path, body, account=account)
        assert answer.status == 201, answer.raw
        return answer.body

    event_id = made("/events", PARTY | {"recurrence": "FREQ=WEEKLY;COUNT=6"})["event_id"]
    registration_id = made(f"/events/{event_id}/registrations", BO | {"email": email})["registration_id"]
    person = f"/events/{event_id}/registrations/{registration_id}"
    world.tell(person)
    # The ids of proposals and of quarantined mails are made of what they hold: each account has others.
    own_id = keys.registration_id(NOW + timedelta(seconds=len(account)), account.encode().ljust(16))
    webhook_id = made("/webhooks", BODIES["POST /webhooks"])["webhook_id"]
    world.call("POST", f"/webhooks/{webhook_id}/test", account=account)
    [delivery] = world.call("GET", f"/webhooks/{webhook_id}/deliveries", account=account).body["items"]
    source = f"tables-of-{account}"
    world.store.sources.compared(account, source, 1)
    return {
        "source": source,
        "event_id": event_id,
        "registration_id": registration_id,
        "start": "2027-03-19T09:00:00",
        "proposal_id": world.propose(person, proposal_id=own_id).split("/")[4],
        "quarantine_id": world.put_aside(person, account=account, quarantine_id=own_id).split("/")[2],
        "webhook_id": webhook_id,
        "delivery_id": delivery["id"],
        "sequence": "0",
    }


def with_value(body: Any, path: Path, value: Any) -> Any:
    """``body`` with ``value`` there, and what must stand around it."""
    if not path:
        return value
    first, rest = path[0], path[1:]
    if isinstance(first, int):
        return [with_value(None, rest, value)]
    inside = {} if body is None else body
    return {**inside, first: with_value(inside.get(first, INSIDE.get(str(first))), rest, value)}
