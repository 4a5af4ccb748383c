"""The console: who may see it, and what all its pages have in common."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import console
from tests.caller import sample
from tests.secretary import CONTEXT, Secretary, a_secretary


@pytest.fixture
def secretary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Secretary]:
    with a_secretary(monkeypatch) as one:
        yield one


def test_whoever_is_not_signed_in_is_sent_to_sign_in(secretary: Secretary) -> None:
    shown = secretary.follow(secretary.get("/console"))
    assert "Sign in" in shown.text


def test_whoever_is_signed_in_sees_whose_session_it_is(secretary: Secretary) -> None:
    secretary.sign_in()
    shown = secretary.get("/console")
    assert shown.status == 200
    assert "Signed in as <bdi>ci</bdi> · <bdi>acme</bdi>" in shown.text


def test_a_session_ends_after_twelve_hours(secretary: Secretary) -> None:
    secretary.sign_in(valid_until=secretary.world.now)
    assert secretary.get("/console").status == 303


@pytest.mark.usefixtures("secretary")
def test_a_request_as_the_gateway_sends_it_is_understood() -> None:
    """Of somebody whose session has ended."""
    answer = console.handler(sample("console-home"), CONTEXT)
    assert (answer["statusCode"], answer["headers"]["Location"]) == (303, "/v1/console/sign-in")


def test_what_is_not_there_leads_back_to_the_events(secretary: Secretary) -> None:
    secretary.sign_in()
    shown = secretary.get("/console/events/nobody")
    assert shown.status == 404
    assert '<a href="/v1/console">To the events</a>' in shown.text
