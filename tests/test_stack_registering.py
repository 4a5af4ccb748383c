"""Somebody registers on the page of an event: real forms, real mail, and the links in it."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlencode

import pytest

from local.mailbag import Mail
from tests.mailbox import plain_text_of
from tests.running import Running

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

SOON = 10
"""Seconds within which a mail is there that somebody waits for. It takes about two, on a machine that is not busy."""


class StayHere(urllib.request.HTTPRedirectHandler):
    """Shows a redirect instead of following it."""

    def redirect_request(self, *_: Any) -> None:
        return None


def ask(url: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Status, Location and text of the answer to a GET, or to a POST of ``form``."""
    data = None if form is None else urlencode(form).encode()
    asked = urllib.request.Request(url, data=data)  # noqa: S310
    try:
        answer: HTTPResponse = urllib.request.build_opener(StayHere).open(asked, timeout=30)
    except urllib.error.HTTPError as other:
        answer = other  # type: ignore[assignment]
    with answer:
        return answer.status, answer.headers.get("Location", ""), answer.read().decode()


def hidden(text: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', text))


def link(mail: Mail, pages: str, kind: str) -> str:
    (found,) = re.findall(rf"{re.escape(pages)}/{kind}/[A-Za-z0-9_-]+", plain_text_of(mail.raw))
    return str(found)


def test_anybody_registers_by_a_link_in_their_mail_and_gets_it_again_when_they_have_lost_it(stack: Running) -> None:
    pages, email = stack.description["pages"], "visitor@example.net"
    event = stack.an_event(public=True)
    here = f"{pages}/e/{event.removeprefix('/events/')}"
    root = pages.removesuffix("/v1")

    # Each form that is sent below is opened here, since whoever fills one in within two seconds is asked once more.
    forms = {page: [hidden(ask(f"{here}/{page}")[2]) for _ in range(2)] for page in ("register", "link")}
    time.sleep(2.1)

    def fill(page: str, **typed: str) -> float:
        """Fill a form in, be shown that it was sent, and return when that was."""
        sent_at = time.monotonic()
        status, location, text = ask(f"{here}/{page}", forms[page].pop() | typed)
        assert status == 303, text
        assert ask(root + location)[0] == 200
        return sent_at

    def arrives(count: int, since: float, what: str) -> Mail:
        stack.eventually(lambda: len(stack.mails(email)) == count, seconds=SOON)
        print(f"{what}: {time.monotonic() - since:.1f} s")
        return stack.mails(email)[-1]

    asked_at = fill("register", name="Vi Sitor", email=email, language="en")
    mail = arrives(1, asked_at, "to confirm")
    assert "Vi Sitor" not in mail.raw.decode()
    confirm = link(mail, pages, "c")
    for _ in range(3):  # as the scanner of a mail server does
        status, _, shown = ask(confirm)
        assert status == 200
    assert stack.call("GET", event)["registered"] == 0

    confirmed_at = time.monotonic()
    status, location, shown = ask(confirm, hidden(shown))
    assert status == 303, shown
    assert "/r/" in location
    assert ask(confirm, hidden(ask(confirm)[2]))[0] == 200, "it says that it was done"
    invitation = arrives(2, confirmed_at, "the invitation")
    assert invitation.method == "REQUEST"
    [person] = stack.call("GET", f"{event}/registrations")["items"]
    assert (person["name"], person["email"], person["status"]) == ("Vi Sitor", email, "registered")

    lost_at = fill("link", email=email.upper())
    assert link(arrives(3, lost_at, "the lost link"), pages, "r").endswith(location.rpartition("/r/")[2])
    fill("link", email="stranger@example.net")
    fill("register", name="Somebody else", email=email, language="de")  # once an hour
    stack.sweep()
    time.sleep(2)
    assert len(stack.mails(email)) == 3
    assert stack.mails("stranger@example.net") == []
