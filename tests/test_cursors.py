"""A cursor is good for the list that it came from: whatever else is sent as one is refused by name, on every route."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from convoke.registrations.events import create_event
from convoke.store import repository
from convoke.web import application, openapi
from tests.caller import PARTY, World, a_caller
from tests.factories import event

DESCRIPTION: dict[str, Any] = json.loads(application.described())
LISTS = [
    (method, path)
    for path, method, operation in openapi.operations(DESCRIPTION)
    if any(one["name"] == "cursor" for one in operation.get("parameters", ()))
]
QUERY = {"/registrations": {"email": "bo@example.net"}}
GARBAGE = (
    *("A", "AAAA", "x" * 999, "x" * 1000, "x" * 1001, "ü", "\0", " ", "%00", "a,b", "null", "-1", "../..", "🗓"),
    *("{}", "=" * 8, "AAA=", urlsafe_b64encode(b"\xff" * 40).decode(), urlsafe_b64encode(b"0" * 60).decode()),
)
DIGITS = "0123456789abcdef"
"""Stands for the digest, which whoever reads this program can compute."""
POSITIONS = (
    *("", " ", "~", "0", "z", "0" * 26, "v" * 36, "z" * 700, "-1", "9" * 10, "9" * 11, "../", "x#" + "f" * 40),
    *("2027-01-15T12:00:00.000000Z", "2027-01-15T12:00:00.000000Z" + "0" * 26, "." * 27 + "0" * 26, "Z" * 27 + "0"),
    *("2027-01-15T12:00:00.000000Z 0 0", "0" * 27 + " a b", "9999-99-99", "T:.-", "0" * 10 + "#" + "Z" * 27 + "##a"),
    *("\0", "0\n", "é", "\u0663" * 10, "a" * 36 + "\n"),
)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with a_caller(monkeypatch) as world:
        for account in ("acme", "other"):
            world.store.sources.compared(account, "site", 0)
        yield world


class Lists:
    """The lists of one event of an account, with its person, its webhook and its source."""

    def __init__(self, world: World, account: str = "acme") -> None:
        self.world, self.account = world, account
        self.event = world.call("POST", "/events", PARTY, account=account).body["event_id"]
        self.people = [
            world.call(
                "POST", f"/events/{self.event}/registrations", {"name": "Bo", "email": email}, account=account
            ).body["registration_id"]
            for email in ("bo@example.net", "cy@example.net")
        ]
        hook = {"url": "https://hooks.example.com/", "events": ["event.changed"]}
        self.webhook = world.call("POST", "/webhooks", hook, account=account).body["webhook_id"]

    def call(self, method: str, path: str, **query: str) -> Any:
        ids = {"event_id": self.event, "registration_id": self.people[0], "webhook_id": self.webhook, "source": "site"}
        here = re.sub(r"{(\w+)}", lambda name: ids[name[1]], path)
        body = {"title": "Other"} if method == "POST" else None
        return self.world.call(method, here, body, account=self.account, query=QUERY.get(path, {}) | query)


def test_every_list_takes_a_cursor_and_says_its_form() -> None:
    assert len(LISTS) >= 13, LISTS
    for path, method, operation in openapi.operations(DESCRIPTION):
        for one in operation.get("parameters", ()):
            if one["name"] == "cursor":
                forms = [form for form in one["schema"].get("anyOf", [one["schema"]]) if form.get("type") == "string"]
                assert [form["pattern"] for form in forms] == ["^[A-Za-z0-9_-]+$"], f"{method} {path}"
                assert [form["maxLength"] for form in forms] == [1000]


def test_garbage_is_no_cursor_of_any_list(world: World) -> None:
    lists = Lists(world)
    for method, path in LISTS:
        assert lists.call(method, path).status == 200, f"{method} {path}"
        for cursor in GARBAGE:
            answer = lists.call(method, path, cursor=cursor)
            assert (answer.status, answer.fields) == (422, ["cursor"]), (method, path, cursor)


def test_whatever_position_is_forged_is_answered_with_a_page_or_with_what_is_wrong(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = Lists(world)
    monkeypatch.setattr(repository, "_digest", lambda *_: DIGITS)
    for method, path in LISTS:
        answers = []
        for position in POSITIONS:
            cursor = urlsafe_b64encode((DIGITS + position).encode()).decode().rstrip("=")
            answer = lists.call(method, path, cursor=cursor)
            assert answer.status in (200, 422), (method, path, position)
            assert answer.status == 200 or answer.fields == ["cursor"]
            answers.append(answer.status)
        assert set(answers) == {200, 422}, f"no position has the form of {method} {path}"


def test_a_cursor_is_refused_by_every_other_list_of_every_event_and_account(world: World) -> None:
    mine, beside, theirs = Lists(world), Lists(world), Lists(world, "other")
    cursors = {
        path: mine.call("GET", path, limit="1").body["next"] for path in ("/events", "/events/{event_id}/registrations")
    }
    for path, cursor in cursors.items():
        assert mine.call("GET", path, cursor=cursor).status == 200
        others = [(lists, *one) for lists in (mine, beside, theirs) for one in LISTS]
        for lists, method, other in others:
            if other == path and (lists is mine or (path == "/events" and lists is beside)):
                continue
            if lists is theirs and "{source}" in other:
                continue  # that account has no source
            assert lists.call(method, other, cursor=cursor).fields == ["cursor"], (method, other, path)


def test_a_cursor_that_was_cut_off_or_altered_is_refused(world: World) -> None:
    lists = Lists(world)
    Lists(world)
    for path in ("/events", "/events/{event_id}/registrations"):
        cursor = lists.call("GET", path, limit="1").body["next"]
        cut = [cursor[:length] for length in range(1, len(cursor))]
        longer = [cursor + more for more in ("A", "AA", "AAAA", "=", "!")]
        last = [cursor[:-2] + ("A" if cursor[-2] != "A" else "Q") + cursor[-1]]
        for wrong in (*cut, *longer, *last, f"!{cursor}", f"{cursor[:9]} {cursor[9:]}"):
            assert lists.call("GET", path, cursor=wrong).fields == ["cursor"], wrong


@pytest.mark.parametrize("position", ["2027-01-14T12:00:00.000000Z", "2027-03-12T10:00:00.000000Z", "." * 27, "Z" * 27])
def test_a_list_of_a_range_begins_at_no_instant_outside_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch, position: str
) -> None:
    """DynamoDB answers such a start key with a ValidationException."""
    create_event(world.store, event())
    monkeypatch.setattr(repository, "_digest", lambda *_: DIGITS)
    cursor = urlsafe_b64encode(f"{DIGITS}{position}{'0' * 26}".encode()).decode().rstrip("=")
    query = {"order": "start", "from": "2027-03-01", "to": "2027-03-12T10:00:00Z", "cursor": cursor}
    assert world.call("GET", "/events", query=query).fields == ["cursor"]
