"""What each scope of an API key opens: every route of the template with every scope."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from convoke.store.accounts import Scope
from convoke.web import application
from convoke.web.scopes import SCOPES
from tests.caller import World, a_caller, routes
from tests.test_docs import section

KEYED = [route for route in routes() if route not in application.PUBLIC_ROUTES]
NOTHING = "0" * 26


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patched, a_caller(patched) as made:
        yield made


def ask(world: World, route: str, scopes: str) -> int:
    method, _, path = route.partition(" ")
    return world.call(method, re.sub(r"{\w+}", NOTHING, path), {} if method != "GET" else None, scopes=scopes).status


def test_every_route_that_needs_a_key_needs_a_scope_and_no_other_does() -> None:
    assert SCOPES.keys() == set(KEYED)


@pytest.mark.parametrize("route", KEYED)
def test_a_route_is_open_to_its_scope_and_to_no_other(world: World, route: str) -> None:
    for scope in Scope:
        assert (ask(world, route, scope) == 403) is (scope is not SCOPES[route]), scope
    assert ask(world, route, " ".join(scope for scope in Scope if scope is not SCOPES[route])) == 403


@pytest.mark.parametrize("route", KEYED)
def test_a_key_without_scopes_opens_nothing(world: World, route: str) -> None:
    assert ask(world, route, "") == 403


def test_whoever_lacks_a_scope_is_told_which(world: World) -> None:
    refused = world.call("POST", "/events", {}, scopes="read register")
    assert refused.body["detail"] == "the API key lacks the scope manage"


def test_reading_changes_nothing_and_registering_is_about_people() -> None:
    for route, scope in SCOPES.items():
        assert (scope is Scope.READ) is (route.startswith("GET ") or route.endswith("/preview")), route
        if scope is Scope.REGISTER:
            assert "/registrations" in route


def test_the_documentation_says_the_scope_of_each_route() -> None:
    rows = re.findall(r"^\| `([A-Z]+ /[^`]+)` \| (\w*) \|", section("docs/api.md", "## Routes"), re.MULTILINE)
    assert dict(rows) == {route: scope.value for route, scope in SCOPES.items()}
