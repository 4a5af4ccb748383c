"""The console before anything is mailed: who would be told what, the mails themselves, and sending them once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest

from tests.secretary import Secretary, a_secretary
from tests.visitor import Shown


@pytest.fixture
def secretary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Secretary]:
    with a_secretary(monkeypatch) as one:
        one.sign_in()
        yield one


def page_of(event: str) -> str:
    return f"/console{event}"


def words_of(shown: Shown) -> str:
    """The text of a page, without tags, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", shown.text)).split())


def test_cancelling_asks_why_shows_the_mails_and_then_sends_them(secretary: Secretary) -> None:
    event = secretary.world.hold()
    secretary.world.tell(secretary.world.register(event))
    path = f"{page_of(event)}/cancel"
    shown = secretary.sends(secretary.get(path), path, reason="The hall burnt down.")
    assert shown.status == 200, shown.text
    said = words_of(shown)
    assert "One person gets a cancellation" in said
    assert "One mail in all." in said
    assert "The hall burnt down." in said
    assert "Cancelled: Kölner Treffen" in said
    assert secretary.world.call("GET", event).body["status"] == "confirmed"
    done = secretary.sends(shown, path, step="send")
    assert done.status == 303, done.text
    after = secretary.world.call("GET", event).body
    assert (after["status"], after["version"]) == ("cancelled", 2)
