"""Somebody who uses the console in a browser without scripts, through the function's handler, with requests as API
Gateway sends them.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest

import console
from convoke.console import visit
from convoke.store.sessions import LASTS, Session
from convoke.store.store import Store
from convoke.web import context
from tests import policies
from tests.caller import World, a_caller
from tests.lambda_context import lambda_context
from tests.tables import template
from tests.visitor import STAGE, Shown

ACCOUNT = "acme"
"""The account of ``caller.World``."""
BOUNDARY = "----WebKitFormBoundaryaBcD1234"
CONTEXT = lambda_context("console")


@cache
def routes() -> list[tuple[str, str]]:
    found = [event["Properties"] for event in template()["Resources"]["Console"]["Properties"]["Events"].values()]
    return [(route["Method"], route["Path"]) for route in found]


class Secretary:
    """A browser with cookies, beside a ``world`` of tables and a caller of the API with the same account."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store: Store = world.store
        self.cookies: dict[str, str] = {}
        self.queued: list[tuple[str, str]] = []
        """The imports that were begun: ids of event and import."""

    def sign_in(self, **changes: Any) -> None:
        """As whoever signed in with an API key of the account; with ``organizer``, an address, by a mailed link."""
        now, secret = self.world.now, visit.new_secret()
        known = {"name": changes.get("organizer", "ci"), "created_at": now, "valid_until": now + LASTS}
        if "organizer" not in changes:
            known["account"] = ACCOUNT
        self.store.sessions.create(Session(**known | changes), secret)
        self.cookies = {"__Host-convoke": secret}

    def get(self, path: str, **headers: str) -> Shown:
        return self.ask("GET", path, **headers)

    def post(self, path: str, form: Mapping[str, Any], **headers: str) -> Shown:
        """Send a form; values may be lists."""
        said = {"content_type": "application/x-www-form-urlencoded"} | headers
        return self.ask("POST", path, urlencode(form, doseq=True), **said)

    def sends(self, shown: Shown, action: str, **typed: Any) -> Shown:
        """Fill in the form of a page that is sent to ``action``, as it is shown, with ``typed`` in its fields."""
        return self.post(action, {**shown_fields(shown, action), **typed})

    def submits(self, path: str, **typed: Any) -> Shown:
        """Open a page, and send its form that is sent to the same path, with ``typed`` in its fields."""
        return self.sends(self.get(path), path, **typed)

    def sends_file(self, shown: Shown, action: str, name: str, content: bytes, **typed: str) -> Shown:
        """As :meth:`sends`, for a form with one file, which has this name and content; none with an empty name."""
        fields = {**shown_fields(shown, action), **typed}
        fields.pop("file", None)
        parts = [
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
            for field, value in fields.items()
        ]
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        parts.append(f"{head}Content-Type: application/octet-stream\r\n\r\n".encode() + content + b"\r\n")
        body = b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])
        return self.ask("POST", action, body, content_type=f"multipart/form-data; boundary={BOUNDARY}")

    def follow(self, shown: Shown) -> Shown:
        """Where a redirect leads."""
        assert shown.status == 303, (shown.status, shown.text[:2000])
        return self.get(shown.location)

    def ask(self, method: str, path: str, body: str | bytes = "", **headers: str) -> Shown:
        path, _, query = path.partition("?")
        route, parameters = self._route(method, path)
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": route,
            "rawPath": STAGE + path,
            "rawQueryString": query,
            "headers": {name.replace("_", "-"): value for name, value in headers.items()},
            "requestContext": {
                "domainName": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
                "http": {"method": method, "path": STAGE + path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
                "requestId": "RkQ0ThXKliAEMvg=",
                "routeKey": route,
                "stage": STAGE.removeprefix("/"),
            },
            "isBase64Encoded": isinstance(body, bytes),
        }
        if self.cookies:
            event["cookies"] = [f"{name}={value}" for name, value in self.cookies.items()]
        if parameters:
            event["pathParameters"] = parameters
        if body:
            event["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
        with policies.acting_as("Console"):
            raw = console.handler(event, CONTEXT)
        for cookie in raw.get("cookies", ()):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies = {**self.cookies, name: value} if "Max-Age=0" not in cookie else {}
        return Shown(raw)

    def _route(self, method: str, path: str) -> tuple[str, dict[str, str]]:
        ways = [key for key, _ in routes() if key in (method, "ANY")]
        way = method if method in ways else "ANY"
        if path == "/console":
            return f"{way} /console", {}
        assert path.startswith("/console/"), f"the template has no route for {method} {path}"
        return f"{way} /console/{{proxy+}}", {"proxy": path.removeprefix("/console/")}


def shown_fields(shown: Shown, action: str) -> dict[str, Any]:
    """What the page's form that is sent to ``action`` has in its fields: hidden ones, lines, areas, what is ticked and
    chosen. Buttons are not among them.
    """
    forms = re.findall(r"<form [^>]*action=\"([^\"]*)\"[^>]*>(.*?)</form>", shown.text, re.DOTALL)
    inside = [text for path, text in forms if unescape(path).removeprefix(STAGE) == action]
    assert inside, f"no form is sent to {action}: {[path for path, _ in forms]}"
    found: dict[str, Any] = {}

    def add(name: str, value: str) -> None:
        found[name] = [*found[name], value] if name in found else [value]

    for tag in re.findall(r"<input [^>]*>", inside[0]):
        attributes = {name: unescape(value) for name, value in re.findall(r"([a-z-]+)=\"([^\"]*)\"", tag)}
        kind = attributes.get("type", "text")
        if kind in ("checkbox", "radio") and " checked" not in tag:
            continue
        if "name" in attributes:
            add(attributes["name"], attributes.get("value", ""))
    for name, text in re.findall(r"<textarea [^>]*name=\"([^\"]*)\"[^>]*>(.*?)</textarea>", inside[0], re.DOTALL):
        add(name, unescape(text).removeprefix("\n"))
    for name, options in re.findall(r"<select [^>]*name=\"([^\"]*)\"[^>]*>(.*?)</select>", inside[0], re.DOTALL):
        chosen = re.findall(r"<option value=\"([^\"]*)\" selected", options)
        first = re.findall(r"<option value=\"([^\"]*)\"", options)
        add(name, unescape((chosen or first or [""])[0]))
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


@contextmanager
def a_secretary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Secretary]:
    with a_caller(monkeypatch) as world:
        monkeypatch.setattr(console, "store", lambda: world.store)
        monkeypatch.setattr(console, "now", lambda: world.now)
        assert context.store() is world.store
        yield Secretary(world)
