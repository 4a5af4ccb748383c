"""Somebody who opens pages, through the function's handler, with requests as API Gateway sends them."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest

import pages
from convoke.model import Event
from convoke.registrations.events import create_event
from convoke.store.store import Store
from tests import policies
from tests.factories import NOW, event
from tests.lambda_context import lambda_context
from tests.tables import SETTINGS, in_memory, template

CONTEXT = lambda_context("pages")
STAGE = "/v1"


@cache
def routes() -> list[tuple[str, str]]:
    """The method and path of every route that the template gives to the function."""
    found = [event["Properties"] for event in template()["Resources"]["Pages"]["Properties"]["Events"].values()]
    return [(route["Method"], route["Path"]) for route in found]


def route_of(method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """The route that API Gateway finds, with its path parameters; ``None`` if it is not one of this function's."""
    for its_method, its_path in sorted(routes(), key=lambda route: route[0] == "ANY"):
        greedy = re.sub(r"{(\w+)\\\+}", r"(?P<\1>.+)", re.escape(its_path).replace(r"\{", "{").replace(r"\}", "}"))
        pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", greedy)
        if its_method in (method, "ANY") and (match := re.fullmatch(pattern, path)):
            return f"{its_method} {its_path}", match.groupdict()
    return None


class Shown:
    """What the visitor was answered."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.status: int = raw["statusCode"]
        self.headers: dict[str, str] = {name.lower(): value for name, value in raw["headers"].items()}
        self.data = base64.b64decode(raw["body"]) if raw["isBase64Encoded"] else raw["body"].encode()

    @property
    def text(self) -> str:
        return self.data.decode()

    @property
    def location(self) -> str:
        """Where a redirect leads, without the stage."""
        return self.headers["location"].removeprefix(STAGE)

    def fields(self, action: str = "") -> dict[str, str]:
        """The hidden fields of the page's form that is sent to ``action``; of its only form, if that is not said."""
        forms = re.findall(r"<form [^>]*action=\"([^\"]*)\"[^>]*>(.*?)</form>", self.text, re.DOTALL)
        (inside,) = [inside for path, inside in forms if action in ("", path.removeprefix(STAGE))]
        found = re.findall(r"<input type=\"hidden\" name=\"([^\"]*)\" value=\"([^\"]*)\"", inside)
        return dict(found)


class Visitor:
    """A browser without scripts, and the tables behind the pages."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.store = Store(client, SETTINGS)
        self.now = NOW

    def opens(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the function see this visitor's tables and clock."""
        monkeypatch.setattr(pages, "store", lambda: self.store)
        monkeypatch.setattr(pages, "now", lambda: self.now)

    def later(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now

    def get(self, path: str, **headers: str) -> Shown:
        return self.ask("GET", path, **headers)

    def post(self, path: str, form: Mapping[str, Any], **headers: str) -> Shown:
        """Send a form; values may be lists."""
        said = {"content_type": "application/x-www-form-urlencoded"} | headers
        return self.ask("POST", path, urlencode(form, doseq=True), **said)

    def ask(
        self, method: str, path: str, body: str | bytes = "", source_ip: str = "192.0.2.1", **headers: str
    ) -> Shown:
        path, _, query = path.partition("?")
        found = route_of(method, path)
        assert found is not None, f"the template has no route for {method} {path}"
        route, parameters = found
        asked: dict[str, Any] = {
            "version": "2.0",
            "routeKey": route,
            "rawPath": STAGE + path,
            "rawQueryString": query,
            "headers": {name.replace("_", "-"): value for name, value in headers.items()},
            "pathParameters": parameters,
            "requestContext": {
                "domainName": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
                "http": {"method": method, "path": STAGE + path, "protocol": "HTTP/1.1", "sourceIp": source_ip},
                "requestId": "RkQ0ThXKliAEMvg=",
                "routeKey": route,
                "stage": STAGE.removeprefix("/"),
            },
            "isBase64Encoded": isinstance(body, bytes),
        }
        if body:
            asked["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
        with policies.acting_as("Pages"):
            return Shown(pages.handler(asked, CONTEXT))

    def hold(self, **changes: Any) -> Event:
        """Make a public event."""
        made = replace(event(), **{"public": True} | changes)
        create_event(self.store, made)
        return made


@contextmanager
def a_visitor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Visitor]:
    with in_memory() as client:
        visitor = Visitor(client)
        visitor.opens(monkeypatch)
        yield visitor


def words_of(shown: Shown) -> str:
    """The text of a page, without tags, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", shown.text)).split())
