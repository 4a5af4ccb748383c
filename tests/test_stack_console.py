"""Signing in on the whole stack: cookies through the gateway, a key, a mailed link, the button of the inbox."""

from __future__ import annotations

import re
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlencode, urlsplit

import pytest

from tests.mailbox import plain_text_of
from tests.running import Running

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]


class Browser:
    """Keeps one cookie, as a browser does for one host, and follows no redirect."""

    def __init__(self, root: str) -> None:
        self.root, self.cookie = root, ""

    def ask(self, url: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Status, Location and text of the answer to a GET, or to a POST of ``form``."""
        to = urlsplit(url if "://" in url else self.root + url)
        connection = HTTPConnection(to.hostname or "", to.port, timeout=30)
        headers = {"Cookie": self.cookie} if self.cookie else {}
        if form is None:
            connection.request("GET", to.path, headers=headers)
        else:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            connection.request("POST", to.path, urlencode(form), headers)
        answer: HTTPResponse = connection.getresponse()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            assert "HttpOnly" in cookie
            assert "SameSite=Lax" in cookie
            self.cookie = cookie.partition(";")[0] if "Max-Age=0" not in cookie else ""
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers.get("Location", ""), text

    def send(self, path: str, action: str, **typed: str) -> tuple[int, str, str]:
        """Fill in the form of a page that is sent to ``action``."""
        _, _, text = self.ask(path)
        forms = re.findall(r"<form [^>]*action=\"([^\"]*)\"[^>]*>(.*?)</form>", text, re.DOTALL)
        (inside,) = [inside for its, inside in forms if its == action]
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', inside))
        return self.ask(action, hidden | typed)


@pytest.fixture
def browser(stack: Running) -> Browser:
    return Browser(stack.description["pages"])


def test_whoever_has_the_key_signs_in_and_out(stack: Running, browser: Browser) -> None:
    assert stack.description["console"] == browser.root + "/console"
    assert browser.ask("/console")[:2] == (303, "/console/sign-in")
    assert browser.send("/console/sign-in", "/console/sign-in", key="cvk_" + "x" * 43)[0] == 422
    assert browser.send("/console/sign-in", "/console/sign-in", key=stack.description["key"])[:2] == (303, "/console")
    status, _, text = browser.ask("/console")
    assert status == 200
    assert "<bdi>acme</bdi>" in text
    kept = browser.cookie
    assert browser.send("/console", "/console/sign-out")[:2] == (303, "/console/sign-in")
    assert browser.cookie == ""
    browser.cookie = kept
    assert browser.ask("/console")[0] == 303


def test_an_organizer_signs_in_by_a_link_in_their_mail(stack: Running, browser: Browser) -> None:
    email = "organizer@example.org"
    stack.an_event(organizer={"name": "Ada", "email": email})
    for asked in ("stranger@example.org", email.upper()):
        assert browser.send("/console/sign-in", "/console/sign-in/mail", email=asked)[:2] == (
            303,
            "/console/sign-in/sent",
        )
    assert browser.ask("/console/sign-in/sent")[0] == 200
    (mail,) = stack.eventually(lambda: stack.mails(email) + stack.mails(email.upper()))
    (link,) = re.findall(rf"{re.escape(browser.root)}(/console/link/\S+)", plain_text_of(mail.raw))
    for _ in range(3):  # as the scanner of a mail server does
        assert browser.ask(link)[0] == 200
    assert browser.send(link, link)[:2] == (303, "/console")
    assert f"<bdi>{email}</bdi>" in browser.ask("/console")[2]
    assert browser.ask(link)[0] == 410
    assert stack.mails("stranger@example.org") == []
    assert not stack.logged("Console", link.rpartition("/")[2])


def test_a_visitor_of_this_machine_signs_in_by_the_inbox(stack: Running, browser: Browser) -> None:
    inbox = Browser(stack.description["inbox"])
    status, link, _ = inbox.ask("/console", {})
    assert status == 303
    assert link.startswith(browser.root + "/console/link/")
    path = link.removeprefix(browser.root)
    assert browser.send(path, path)[:2] == (303, "/console")
    assert "<bdi>acme</bdi>" in browser.ask("/console")[2]
