"""Hostile texts on every page of the console, secrets in its log, and what is left of somebody who used what is new."""

from __future__ import annotations

import io
import logging
import re
import zlib
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest

from convoke.console.visit import ROUTES
from convoke.pages import hints
from convoke.registrations import erasure
from convoke.store import keys
from convoke.store.accounts import Scope
from convoke.store.outbox import Outbox, about_registration
from convoke.webhooks.events import WebhookEventType
from tests.factories import existing
from tests.secretary import ACCOUNT, Secretary
from tests.tables import everything
from tests.test_console_access import DOOR, FORMS, OUT, POSTS, TITLE, Rooms
from tests.test_console_imports import begin, checked, importing, work

EVIL = "\"'><img src=x onerror=alert(1)>{{7*7}}"
"""Ends an attribute and a tag, and is a template."""


@pytest.fixture
def secretary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Secretary]:
    monkeypatch.setattr(hints, "send", lambda *_: None)
    with importing(monkeypatch) as one:
        yield one


class Tags(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


# --- texts --------------------------------------------------------------------------------------------------------


def hostile_room(secretary: Secretary) -> dict[str, str]:
    """An event with a person, a proposal, a mail that was put aside, and an import, all hostile: their ids."""
    world = secretary.world
    event = world.hold(
        title=f"T{EVIL}",
        location=f"L{EVIL}",
        description=f"D{EVIL}",
        organizer={"name": f"O{EVIL}", "email": "ada@example.org"},
        recurrence="FREQ=WEEKLY;COUNT=3",
        approval=True,
        questions=[{"question_id": "q", "text": f"Q{EVIL}", "kind": "choice", "choices": [f"C{EVIL}", "b"]}],
        metadata={"a": EVIL},
    )
    person = world.register(event, "bo@example.net", name=f"N{EVIL}", responses={"q": f"C{EVIL}"}, metadata={"b": EVIL})
    heading = 'Name,E-Mail,"H' + EVIL.replace('"', '""') + '",Id\n'
    line = f'"{EVIL.replace(chr(34), chr(34) * 2)}",no address{EVIL.replace(chr(34), "")},x,{"i" * 300}\n'
    path, _ = checked(secretary, event, f"{heading}{line}Cy,cy@example.net,,\n")
    proposal = world.propose(person, proposal_id=keys.random_id(b"p" * 16), comment=EVIL)
    mail = world.put_aside(person, quarantine_id=keys.random_id(b"q" * 16), subject=EVIL, sender=EVIL)
    return {
        "event_id": event.rpartition("/")[2],
        "registration_id": person.rpartition("/")[2],
        "proposal_id": proposal.rpartition("/")[2],
        "quarantine_id": mail.rpartition("/")[2],
        "import_id": path.rpartition("/")[2],
        "date": "20270312T090000",
        "sequence": "0",
        "token": "x",
    }


def test_no_text_becomes_a_tag_an_attribute_or_a_template_on_any_page(secretary: Secretary) -> None:
    secretary.sign_in(name=EVIL)
    ids = hostile_room(secretary)
    queries = (
        "",
        "?q=%22%3E%3Cimg+src%3Dx%3E&cursor=%22%3E%3Cimg&done=%3Cimg&page=%3Cimg&month=%3Cimg&told=%3C&lang=%22",
    )
    seen = 0
    for method, path, *_ in ROUTES.all:
        if method != "GET" or path.endswith((".csv", ".eml")):
            continue
        for query in queries:
            at = re.sub(r"{(\w+)}", lambda name: ids[name[1]], path)
            shown = secretary.get(at + query)
            assert shown.status < 500, at + query
            if shown.status >= 300:
                continue
            seen += 1
            tags = Tags(shown.text).found
            assert "49" not in re.findall(r"\{\{7\*7\}\}|>49<", shown.text), path
            assert not [tag for tag, attributes in tags if tag == "img" and attributes.get("src") == "x"], path
            assert not [a for _, a in tags if any(name.startswith("on") or name == "style" for name in a)], path
            assert [tag for tag, attributes in tags if tag == "script" and "src" not in attributes] == [], path
            assert shown.headers["cache-control"] == "no-store", path
            assert "script-src 'self'" in shown.headers["content-security-policy"], path
            for name, value in shown.headers.items():
                assert not {"\n", "\r"} & set(value), name
    assert seen > 40


def test_no_form_that_comes_back_makes_a_tag_of_what_was_typed(secretary: Secretary) -> None:
    ids = hostile_room(secretary)
    names = (
        *("title", "location", "description", "reason", "word", "name", "email", "language", "guests", "start", "end"),
        *("start_date", "start_time", "end_time", "time_zone", "repeats", "rule", "until", "count", "interval", "on"),
        *("organizer_name", "organizer_email", "question-1-text", "question-1-choices", "question-1-id", "looked"),
        *(
            "question-1-kind",
            "reminders",
            "weekdays",
            "colour",
            "imprint",
            "once",
            "version",
            "next",
            "was",
            "column-0",
        ),
        *("occurrences", "responses.q", "text", "capacity", "notify_after", EVIL),
    )
    for method, path, *_ in ROUTES.all:
        if method != "POST":
            continue
        at = re.sub(r"{(\w+)}", lambda name: ids[name[1]], path)
        for step in ("", "send", "edit", "more", "quiet", "question"):
            typed = {**dict.fromkeys(names, EVIL), "step": step, "questions": "1", "token": "x"}
            shown = secretary.post(at, typed)
            assert shown.status < 500, (at, step)
            tags = Tags(shown.text).found
            assert not [tag for tag, attributes in tags if tag == "img" and attributes.get("src") == "x"], (path, step)
            assert not [a for _, a in tags if any(name.startswith("on") for name in a)], (path, step)


# --- the log ------------------------------------------------------------------------------------------------------


def test_neither_a_key_nor_an_address_nor_what_was_typed_is_in_the_log(
    secretary: Secretary, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    for one in logging.root.manager.loggerDict.values():
        for handler in getattr(one, "handlers", ()):  # where a name has no logger yet, something else holds its place
            if isinstance(handler, logging.StreamHandler):
                monkeypatch.setattr(handler, "stream", written)
    store, now = secretary.store, secretary.world.now
    key = store.accounts.create_key(account=ACCOUNT, name="night", now=now)
    store.sessions.offer(ACCOUNT, "tokentokentokentoken", now.replace(year=now.year + 1))
    event = secretary.world.hold()
    secretary.world.register(event, "zelda@example.net", name="Zelda Quux")
    secretary.cookies = {}
    door = secretary.get("/console/sign-in")
    secretary.sends(door, "/console/sign-in", key="cvk_wrongwrongwrong")
    secretary.sends(door, "/console/sign-in/mail", email="zelda@example.net")
    secretary.sends(door, "/console/sign-in", key=key)
    at = f"/console{event}/people"
    for query in ("q=quux", "q=zelda%40example.net", "cursor=zelda"):
        secretary.get(f"{at}?{query}")
    begin(secretary, event, "Name,E-Mail\nZelda Two,zelda2@example.net\n")
    work(secretary)

    def broken(*_: Any, **__: Any) -> None:
        raise ValueError("zelda@example.net")

    monkeypatch.setattr(store.names, "walk", broken)
    assert secretary.get(f"{at}?q=quux").status == 500
    shown = secretary.get("/console/link/tokentokentokentoken")
    assert secretary.sends(shown, "/console/link/tokentokentokentoken").status == 303
    said = written.getvalue().lower()
    assert '"page":"/console/link/{token}"' in said
    (secret,) = secretary.cookies.values()
    for hidden in (key, secret, "wrongwrong", "tokentoken", "zelda", "quux", "@example"):
        assert hidden.lower() not in said, hidden


# --- erasing ------------------------------------------------------------------------------------------------------

CANARY = {"name": "Kanari Zyx", "email": "kanari.zyx@example.net"}
EVERYTHING = [each.value for each in WebhookEventType if each not in ("webhook.test", "source.problem")]


def traces(secretary: Secretary) -> list[str]:
    """The keys of all items that have something of the canary, packed or not."""
    items = [item for rows in everything(secretary.world.client).values() for item in rows]
    return [
        f"{item['pk']} {item['sk']}" for item in items if re.search("kanari|zyx|zwitscher", _text(item), re.IGNORECASE)
    ]


def _text(item: dict[str, Any]) -> str:
    return repr(item) + "".join(
        repr(zlib.decompress(one)) for one in item.values() if isinstance(one, bytes) and one[:1] == b"x"
    )


def listens(secretary: Secretary) -> None:
    hook = {"url": "https://hooks.example.org/convoke", "events": EVERYTHING, "payload": "full"}
    assert secretary.world.call("POST", "/webhooks", hook).status == 201


def test_nothing_is_left_of_who_was_decided_about_imported_searched_and_told_in_full(secretary: Secretary) -> None:
    world = secretary.world
    listens(secretary)
    asked = world.register(world.hold(approval=True), **CANARY)
    assert world.call("POST", f"{asked}/accept", {"word": "Zwitscher laut"}).status == 200
    turned_down = world.register(world.hold(approval=True), **CANARY)
    assert world.call("POST", f"{turned_down}/decline", {"word": "Zwitscher leise"}).status == 200
    event = world.hold()
    begin(secretary, event, "Name,E-Mail\nKanari Zyx,kanari.zyx@example.net\n")
    work(secretary)
    [imported] = world.call("GET", f"{event}/registrations").body["items"]
    assert world.call("GET", f"{event}/registrations", query={"search": "zyx"}).body["items"] == [imported]
    for person in (asked, turned_down, f"{event}/registrations/{imported['registration_id']}"):
        erased = world.call("DELETE", person, query={"erase": "true"})
        assert erased.body["status"] == "erased", erased.raw
    assert traces(secretary) == []
    assert world.call("GET", f"{event}/registrations", query={"search": "zyx"}).body["items"] == []


def test_what_a_webhook_is_told_while_somebody_is_erased_is_erased_too(
    secretary: Secretary, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, store = secretary.world, secretary.store
    listens(secretary)
    _, _, event_id, _, registration_id = world.register(world.hold(), **CANARY).split("/")
    forget = Outbox.forget

    def told_meanwhile(outbox: Outbox, of: str) -> None:
        forget(outbox, of)
        monkeypatch.undo()
        person = existing(store.reads.registration(event_id, registration_id))
        what = WebhookEventType.INVITATION_BOUNCED
        store.attempt(store.outbox.event_actions(ACCOUNT, {what: about_registration(person)}, world.now))

    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "forget", told_meanwhile)
        erasure.erase(store, event_id, registration_id, now=world.now, account=ACCOUNT)
    assert traces(secretary) == []


def test_whoever_begins_an_import_that_somebody_else_began_leaves_nothing_of_its_people(secretary: Secretary) -> None:
    world, imported = secretary.world, secretary.store.imports
    event = world.hold()
    path, _ = checked(secretary, event, "Name,E-Mail\nKanari Zyx,kanari.zyx@example.net\n")
    event_id, import_id = event.rpartition("/")[2], path.rpartition("/")[2]
    seen = existing(imported.read(event_id, import_id, world.now))
    people: list[dict[str, Any]] = [{"line": 2, "body": CANARY}]
    wrong = [(3, "email", "zwitschert")]
    ones = [replace(seen, started_at=world.now, run=f"{run}", people=1) for run in (1, 2)]
    assert [imported.begin(one, people, wrong, due_key=keys.due_key(2, world.now)) for one in ones] == [True, False]
    assert [place for place in traces(secretary) if "PART#2" in place or "WRONG#2" in place] == []
    secretary.queued = [(event_id, import_id)]
    work(secretary)
    [person] = world.call("GET", f"{event}/registrations").body["items"]
    assert (
        world.call("DELETE", f"{event}/registrations/{person['registration_id']}", query={"erase": "true"}).body[
            "status"
        ]
        == "erased"
    )
    assert traces(secretary) == []


# --- what a session may do ----------------------------------------------------------------------------------------


@pytest.fixture
def rooms(secretary: Secretary) -> Rooms:
    """As ``test_console_access``, with imports that are not begun."""
    made = Rooms(secretary)
    for ids in (made.own, made.others):
        path, _ = checked(secretary, f"/events/{ids['event_id']}", "Name,E-Mail\nCy,cy@example.net\n")
        ids["import_id"] = path.rpartition("/")[2]
    return made


def test_a_form_that_no_page_of_this_session_showed_changes_nothing(rooms: Rooms) -> None:
    rooms.secretary.sign_in()
    stale = {path: rooms.token(rooms.path(path, rooms.own)) for path in POSTS}
    rooms.secretary.sign_in()
    before = rooms.stored()
    for path in POSTS:
        at = rooms.path(path, rooms.own)
        for said, headers in (
            ({}, {}),
            ({"token": "x"}, {}),
            ({"token": stale[path]}, {}),
            ({"token": rooms.token("/console")}, {}),
            ({"token": rooms.token(at)}, {"sec_fetch_site": "cross-site"}),
        ):
            shown = rooms.secretary.post(at, {**FORMS, **said}, **headers)
            if path != "/console/link/{token}":  # which is none that was mailed
                assert (shown.status, "send it once more" in shown.text) == (422, True), (path, said)
            assert rooms.stored() == before, path


def test_with_a_key_that_may_only_read_no_form_changes_anything(rooms: Rooms) -> None:
    rooms.secretary.sign_in(scopes=(Scope.READ,))
    for method, path, *_ in ROUTES.all:
        if method == "POST" and path not in (*DOOR, OUT):
            before = rooms.stored()
            for step in ("send", "quiet", ""):
                at = rooms.path(path, rooms.own)
                typed = {**FORMS, "step": step, "sure": "yes", "name": "Al", "email": "new@example.net"}
                typed |= {
                    "column-0": "name",
                    "column-1": "email",
                    "start": "2027-03-13",
                    "text": "Name,E-Mail\nA,a@ex.org",
                }
                typed |= {
                    "start_time": "09:00",
                    "end": "10:00",
                    "occurrences": "2027-03-12T09:00:00",
                    "colour": "#112233",
                }
                shown = rooms.secretary.post(at, {**typed, "token": rooms.token(at)})
                assert shown.status < 500, (path, step)
                assert rooms.stored() == before, (path, step)


@pytest.mark.parametrize("name", ["registration_id", "proposal_id", "quarantine_id", "import_id"])
def test_under_an_own_event_no_page_has_anything_of_another_one(rooms: Rooms, name: str) -> None:
    rooms.secretary.sign_in(organizer="ada@example.org")
    ids = {**rooms.own, name: rooms.others[name]}
    before = rooms.stored()
    paths = [(method, path) for method, path, *_ in ROUTES.all if f"{{{name}}}" in path]
    assert paths
    for method, path in paths:
        assert rooms.ask(method, path, ids).status == 404, (method, path)
        assert rooms.stored() == before, (method, path)


@pytest.mark.parametrize("like", ["", "others", "../events", "a" * 3000, "%", "x?y=z", "events/1/registrations"])
def test_an_event_is_copied_only_by_who_may_see_it(rooms: Rooms, like: str) -> None:
    rooms.secretary.sign_in(account="other")
    query = urlencode({"from": rooms.others["event_id"] if like == "others" else like})
    shown = rooms.secretary.get(f"/console/new?{query}&from={rooms.own['event_id']}")
    assert shown.status == (404 if like else 200)
    assert TITLE not in shown.text
    rooms.secretary.sign_in(organizer="ada@example.org")
    assert rooms.secretary.get(f"/console/new?{query}").status == 404
