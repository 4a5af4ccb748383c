"""Importing people in the console on the stack of this machine: a file in another encoding than UTF-8 comes through the
proxy and API Gateway as it is, and the function works on it while nobody looks.
"""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.caller import PARTY
from tests.running import Running
from tests.secretary import BOUNDARY

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

PEOPLE = 25


class Browser:
    """A browser without scripts that keeps one cookie."""

    def __init__(self, stack: Running) -> None:
        self.pages = str(stack.description["pages"])
        self.cookie = ""

    def ask(self, path: str, body: bytes | None = None, kind: str = "application/x-www-form-urlencoded") -> Any:
        """The page at ``path``, after redirects: its path and its text."""
        headers = {"Cookie": self.cookie} | ({"Content-Type": kind} if body is not None else {})
        asked = urllib.request.Request(self.pages + path, data=body, headers=headers)  # noqa: S310
        try:
            answer = urllib.request.build_opener(_Stay).open(asked, timeout=60)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            if said := answer.headers.get("Set-Cookie"):
                self.cookie = said.partition(";")[0]
            if answer.status == 303:
                return self.ask(answer.headers["Location"])
            assert answer.status == 200, (answer.status, answer.read())
            return path, answer.read().decode()

    def fields(self, text: str, path: str) -> dict[str, str]:
        """The hidden fields, and what is chosen, in the form that is sent to ``path``."""
        (inside,) = re.findall(rf'<form [^>]*action="{re.escape(path)}"[^>]*>(.*?)</form>', text, re.DOTALL)
        found = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', inside))
        for name, listed in re.findall(r'<select [^>]*name="([^"]*)"[^>]*>(.*?)</select>', inside, re.DOTALL):
            found[name] = unescape(*re.findall(r'<option value="([^"]*)" selected', listed))
        return found | ({"head": "yes"} if 'name="head" value="yes" checked' in inside else {})

    def send(self, text: str, path: str, **typed: str) -> Any:
        return self.ask(path, urlencode({**self.fields(text, path), **typed}).encode())


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def test_people_of_a_file_are_registered_while_nobody_looks(stack: Running) -> None:
    later = {"start": "2030-03-12T09:00:00", "end": "2030-03-12T10:30:00"}
    event = f"/events/{stack.call('POST', '/events', PARTY | later)['event_id']}"
    path, browser = f"/console{event}/imports", Browser(stack)
    _, text = browser.ask("/console/sign-in")
    browser.send(text, "/console/sign-in", key=str(stack.description["key"]))
    _, text = browser.ask(path)
    lines = [f"Müller {number};mueller{number}@example.org" for number in range(PEOPLE)]
    content = "\r\n".join(["Name;E-Mail", *lines, "Bo;bo@example"]).encode("cp1252")
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="token"\r\n\r\n{browser.fields(text, path)["token"]}\r\n'
    )
    file = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    body = f"{head}{file}".encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    matching, text = browser.ask(path, body, f"multipart/form-data; boundary={BOUNDARY}")
    checked, text = browser.send(text, matching)
    assert f"{PEOPLE} people are registered, and mailed an invitation." in text
    begun = checked.removesuffix("/check")
    browser.send(text, f"{begun}/start")
    shown = stack.eventually(
        lambda: text if "The import is done" in (text := browser.ask(begun)[1]) else "", seconds=120, sweeping=False
    )
    assert f"{PEOPLE} people were registered." in shown
    assert "1 line was not imported." in shown
    listed = stack.call("GET", f"{event}/registrations?limit=100")["items"]
    assert [one["name"] for one in listed] == [f"Müller {number}" for number in range(PEOPLE)]
