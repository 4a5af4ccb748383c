"""What nobody may see or do in the console, on every route that it has, and on every route of the API behind it.

The routes are those of the table, so that a new page is held to this at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from convoke.console import client
from convoke.console.visit import ROUTES
from convoke.links import signing_in as links
from convoke.links import tokens
from convoke.pages import forms, hints, site
from convoke.store import keys
from convoke.store.accounts import Scope
from convoke.web.scopes import SCOPES
from tests.factories import existing
from tests.secretary import ACCOUNT, Secretary, a_secretary
from tests.tables import everything
from tests.visitor import Shown

ADA, BO = "ada@example.org", "bo@example.org"
TITLE, PERSON = "Geheime Sitzung", "zelda.quux@example.net"
"""Of the event that is another's: nobody else may read these anywhere."""
DOOR = frozenset({"/console/sign-in", "/console/sign-in/mail", "/console/sign-in/sent", "/console/link/{token}"})
"""The pages for whoever is not signed in."""
OUT = "/console/sign-out"
FORMS = {"step": "send", "once": "0123456789abcdef", "version": "1", "reason": "Rain", "title": "Changed"}
"""Something of what forms send, without their token."""
GETS = sorted({path for method, path, *_ in ROUTES.all if method == "GET"})
POSTS = sorted({path for method, path, *_ in ROUTES.all if method == "POST"})
EVENTS = [(method, path) for method, path, *_ in ROUTES.all if "{event_id}" in path]
WHO = pytest.mark.parametrize("who", [{"account": "other"}, {"organizer": ADA}], ids=["account", "organizer"])
OTHERS = [(method, path) for method, path, *_ in ROUTES.all if "{event_id}" not in path and path not in (*DOOR, OUT)]


class Rooms:
    """An event of Bo's in which somebody is registered and something waits, beside one of Ada's, in one account."""

    def __init__(self, secretary: Secretary) -> None:
        self.secretary, world = secretary, secretary.world
        series = {"recurrence": "FREQ=WEEKLY;COUNT=3"}
        self.own = self._ids(world.hold(**series), "al@example.net")
        event = world.hold(title=TITLE, organizer={"name": "Bo", "email": BO}, **series)
        self.others = self._ids(event, PERSON)

    def _ids(self, event: str, email: str) -> dict[str, str]:
        world = self.secretary.world
        person = world.register(event, email, name=email.partition("@")[0])
        now, link_keys, link_id = world.now, world.store.link_keys, keys.random_id(email.encode()[:16])
        return {
            "event_id": event.rpartition("/")[2],
            "registration_id": person.rpartition("/")[2],
            "proposal_id": world.propose(person, proposal_id=_id(person)).rpartition("/")[2],
            "quarantine_id": world.put_aside(person, quarantine_id=_id(person)).rpartition("/")[2],
            "import_id": "0",
            "date": "20270312T090000",
            "sequence": "0",
            "token": links.token(link_keys.at(now), link_id, email, now + links.VALID_FOR),
        }

    def path(self, path: str, ids: dict[str, str]) -> str:
        """A path of the table with its parameters."""
        return re.sub(r"{(\w+)}", lambda name: ids[name[1]], path)

    def token(self, path: str) -> str:
        """What a form of this session has that is sent to ``path``."""
        (secret,) = self.secretary.cookies.values()
        now, known = self.secretary.world.now, self.secretary.store.link_keys
        shown = int(now.timestamp()).to_bytes(8, "big")
        return tokens.sealed(known.at(now), tokens.Purpose.FORM, shown, now + forms.VALID, f"{path}\n{secret}")

    def ask(self, method: str, path: str, ids: dict[str, str]) -> Shown:
        """As the page of ``path`` would: with a form that is believed."""
        path = self.path(path, ids)
        if method == "GET":
            return self.secretary.get(path)
        return self.secretary.post(path, {**FORMS, "token": self.token(path)})

    def stored(self) -> Any:
        return everything(self.secretary.world.client)

    def client(self, **who: Any) -> client.Client:
        """The API as the console calls it for a session."""
        self.secretary.sign_in(**who)
        (secret,) = self.secretary.cookies.values()
        session = existing(self.secretary.store.sessions.read(secret, self.secretary.world.now))
        event = {
            "routeKey": "ANY /console",
            "requestContext": {"http": {"method": "GET"}, "stage": "v1", "domainName": "d"},
        }
        return client.Client(site.request_of(event, store=self.secretary.store, now=self.secretary.world.now), session)


def _id(person: str) -> str:
    """An id, for what is somebody's."""
    return person[-26:]


@pytest.fixture
def rooms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rooms]:
    monkeypatch.setattr(hints, "send", lambda *_: None)
    with a_secretary(monkeypatch) as secretary:
        yield Rooms(secretary)


def test_there_are_routes_to_be_held_to_this() -> None:
    assert "/console/settings" in GETS
    assert "/console/settings" in POSTS


# --- who is not signed in -----------------------------------------------------------------------------------------


def test_whoever_is_not_signed_in_sees_no_page_and_changes_nothing(rooms: Rooms) -> None:
    before = rooms.stored()
    for method, path, *_ in ROUTES.all:
        if path in DOOR:
            continue
        at = rooms.path(path, rooms.own)
        shown = rooms.secretary.ask(method, at, urlencode(FORMS), content_type=forms.MEDIA_TYPE)
        if method == "GET":
            assert shown.status == 303, (method, path)
            assert shown.location.partition("?")[0] == "/console/sign-in"
        else:
            assert (shown.status, "You are signed out" in shown.text) == (403, True), (method, path)
    assert rooms.stored() == before


def test_a_cookie_that_somebody_made_up_is_no_session(rooms: Rooms) -> None:
    for made_up in ("", "x", "x" * 43, "x" * 5000, "../" * 9, "ü"):
        rooms.secretary.cookies = {"__Host-convoke": made_up, "convoke": made_up}
        for path in GETS:
            if path not in DOOR:
                assert rooms.secretary.get(rooms.path(path, rooms.own)).status == 303


# --- who is signed in for something else --------------------------------------------------------------------------


@WHO
def test_another_s_event_is_no_page_and_nothing_is_done_to_it(rooms: Rooms, who: dict[str, str]) -> None:
    rooms.secretary.sign_in(**who)
    before = rooms.stored()
    for method, path in EVENTS:
        assert rooms.ask(method, path, rooms.others).status == 404, (method, path)
        assert rooms.stored() == before, (method, path)


@WHO
def test_no_other_page_tells_of_what_is_another_s_or_changes_it(rooms: Rooms, who: dict[str, str]) -> None:
    rooms.secretary.sign_in(**who)
    before = _about_events(rooms.stored())
    for method, path in OTHERS:
        shown = rooms.ask(method, path, rooms.others)
        assert shown.status < 500, (method, path)
        for known in (TITLE, PERSON, rooms.others["event_id"], rooms.others["registration_id"]):
            assert known not in shown.text, (method, path)
        assert _about_events(rooms.stored()) == before, (method, path)


def _about_events(stored: dict[str, list[dict[str, Any]]]) -> Any:
    """All items, without what an account may write of its own, in the tables of events and people."""
    return {name: items for name, items in stored.items() if any("EVENT#" in str(item["pk"]) for item in items)}


# --- forms --------------------------------------------------------------------------------------------------------


def test_opening_a_page_changes_nothing(rooms: Rooms) -> None:
    rooms.secretary.sign_in()
    before = rooms.stored()
    for path in GETS:
        assert rooms.secretary.get(rooms.path(path, rooms.own)).status < 500, path
        assert rooms.stored() == before, path


# --- the API behind it --------------------------------------------------------------------------------------------


def _at(path: str, ids: dict[str, str]) -> dict[str, str]:
    """The parameters of a path of the API."""
    return {name: ids.get(name, "2027-03-12T09:00:00") for name in re.findall(r"{(\w+)}", path)}


def test_an_organizer_has_no_route_of_the_api_but_those_of_their_own_events(rooms: Rooms) -> None:
    ada = rooms.client(organizer=ADA)
    before = rooms.stored()
    for route in SCOPES:
        method, _, path = route.partition(" ")
        with pytest.raises(site.Refused) as refused:
            ada.call(method, path, _at(path, rooms.others), {} if method in ("POST", "PATCH") else None)
        assert refused.value.status == 404, route
    assert rooms.stored() == before


@pytest.mark.parametrize("holds", [(Scope.READ,), (Scope.READ, Scope.REGISTER)], ids=["read", "register"])
def test_a_session_has_no_route_of_the_api_that_its_key_has_not(rooms: Rooms, holds: tuple[Scope, ...]) -> None:
    api = rooms.client(scopes=holds)
    for route, needed in SCOPES.items():
        method, _, path = route.partition(" ")
        reply = api.call(method, path, _at(path, rooms.own), {} if method in ("POST", "PATCH") else None)
        assert (reply.status == 403) is (needed not in holds), route


def test_under_an_own_event_there_is_nothing_of_another_one(rooms: Rooms) -> None:
    ada = rooms.client(organizer=ADA)
    before = rooms.stored()
    for route in SCOPES:
        method, _, path = route.partition(" ")
        if "{event_id}" in path and re.search(r"{(registration|proposal)_id}", path):
            at = {**_at(path, rooms.others), "event_id": rooms.own["event_id"]}
            reply = ada.call(method, path, at, {} if method in ("POST", "PATCH") else None)
            assert not reply.ok, route
            assert PERSON not in reply.text, route
            assert rooms.stored() == before, route


def test_an_organizer_reads_all_of_their_own_event(rooms: Rooms) -> None:
    ada = rooms.client(organizer="Ada@Example.ORG")
    readable = {
        path: ada.call("GET", path, _at(path, rooms.own)).status
        for method, _, path in (route.partition(" ") for route in SCOPES)
        if method == "GET" and "{event_id}" in path
    }
    missing = {path for path, status in readable.items() if status != 200}
    assert missing <= {path for path in readable if "{sequence}" in path or "{import_id}" in path}


def test_an_event_that_was_given_away_is_not_one_s_own_any_more(rooms: Rooms) -> None:
    ada, at = rooms.client(organizer=ADA), {"event_id": rooms.own["event_id"]}
    assert ada.call("PATCH", "/events/{event_id}", at, {"organizer": {"name": "Bo", "email": BO}}).ok
    assert ada.events()["items"] == []
    with pytest.raises(site.Refused):
        ada.call("GET", "/events/{event_id}", at)
    assert len(rooms.client(organizer=BO).events()["items"]) == 2


# --- an organizer's events ----------------------------------------------------------------------------------------


def test_an_organizer_s_events_are_those_of_all_accounts(rooms: Rooms) -> None:
    world = rooms.secretary.world
    for account in (ACCOUNT, "other"):
        world.now += timedelta(minutes=1)
        made = world.call(
            "POST",
            "/events",
            {"title": account, **_WHEN, "organizer": {"name": "C", "email": "c@ex.org"}},
            account=account,
        )
        assert made.status == 201, made.raw
    found = rooms.client(organizer="C@EX.org").events()
    assert [one["title"] for one in found["items"]] == [ACCOUNT, "other"]
    assert found["next"] is None


_WHEN = {"start": "2027-04-12T09:00:00", "end": "2027-04-12T10:30:00", "time_zone": "Europe/Berlin"}


def test_they_are_filtered_sorted_and_paged_as_those_of_an_account(rooms: Rooms) -> None:
    world = rooms.secretary.world
    organizer = {"name": "Cy", "email": "cy@example.org"}
    for month in (9, 5, 7, 3):
        day = f"2027-{month:02}-12T"
        world.now += timedelta(minutes=1)
        made = {"title": f"{month}", "start": f"{day}09:00:00", "end": f"{day}10:00:00", "organizer": organizer}
        world.hold(**made, status="draft" if month == 7 else "confirmed")
    cy = rooms.client(organizer="cy@example.org")
    assert titles(cy.events()) == ["9", "5", "7", "3"]
    assert titles(cy.events(order="start")) == ["3", "5", "7", "9"]
    assert titles(cy.events(status="draft")) == ["7"]
    assert titles(cy.events(order="start", since="2027-05-01T00:00:00Z", until="2027-09-01T00:00:00Z")) == ["5", "7"]
    pages, cursor = [], None
    while True:
        page = cy.events(order="start", limit=2, cursor=cursor)
        pages.append(titles(page))
        cursor = page["next"]
        if cursor is None:
            break
    assert pages == [["3", "5"], ["7", "9"]]
    with pytest.raises(site.Refused):
        rooms.client(organizer=ADA).events(order="start", limit=2, cursor=cy.events(order="start", limit=2)["next"])


def titles(listed: Any) -> list[str]:
    return [one["title"] for one in listed["items"]]


def test_a_split_series_stays_with_its_organizer(rooms: Rooms) -> None:
    ada, at = rooms.client(organizer=ADA), {"event_id": rooms.own["event_id"]}
    body = {"from": "2027-03-19T09:00:00", "start": "2027-03-19T11:00:00", "end": "2027-03-19T12:00:00"}
    reply = ada.call("POST", "/events/{event_id}/split", at, body)
    assert reply.ok, reply.text
    assert len(ada.events()["items"]) == 2


def test_the_api_knows_no_organizers(rooms: Rooms) -> None:
    """What stands for their account in the console is nobody's."""
    refused = rooms.secretary.world.call("GET", f"/events/{rooms.own['event_id']}", account=client.NO_ACCOUNT)
    assert refused.status == 404
