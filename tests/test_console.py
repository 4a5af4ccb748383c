"""The console: who may see it, and what all its pages have in common."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser

import console
from convoke import pages
from tests.deployment import sample
from tests.fixtures import patching_fixture_of
from tests.secretary import CONTEXT, Secretary, a_secretary, shown_fields

STATIC = Path(pages.__file__).parent / "static"


secretary = patching_fixture_of(a_secretary)


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
    shown = secretary.get("/console/events/nobody", accept_language="de")
    assert shown.status == 404
    assert '<html lang="en"' in shown.text
    assert '<a href="/v1/console">To the events</a>' in shown.text


def test_a_title_of_one_long_word_is_broken_on_a_narrow_screen(secretary: Secretary, chromium: Browser) -> None:
    secretary.sign_in()
    event = secretary.world.hold(title="W" * 255, location="x" * 300)
    styles = [(STATIC / name).read_text() for name in ("pages.css", "console.css")]
    with closing(chromium.new_page(viewport={"width": 320, "height": 800})) as page:
        for path in ("", "/edit", "/people", "/cancel", "/attention"):
            page.set_content(secretary.get(f"/console{event}{path}").text)
            for style in styles:
                page.add_style_tag(content=style)
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, path


def test_a_form_that_is_sent_after_the_session_ended_is_shown_again_as_it_was_filled_in(secretary: Secretary) -> None:
    secretary.sign_in()
    event = secretary.world.hold()
    path = f"/console{event}/cancel"
    form = {**shown_fields(secretary.get(path), path), "reason": 'Storm, "Sabine" <again>\nSorry.'}
    secretary.store.sessions.end(secretary.cookies["__Host-convoke"])

    out = secretary.post(path, form)
    assert (out.status, "You are signed out" in out.text) == (403, True)
    kept = shown_fields(out, path)
    assert kept["reason"] == form["reason"]
    assert "token" not in kept
    secretary.sign_in()
    again = secretary.post(path, kept)
    assert again.status == 422
    assert shown_fields(again, path)["reason"] == form["reason"]
    assert secretary.world.call("GET", event).body["status"] == "confirmed"
