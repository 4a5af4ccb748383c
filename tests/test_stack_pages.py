"""The pages for people on the stack of this machine: through a proxy, API Gateway and the function, to the tables."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from http.client import HTTPResponse

import pytest

from tests.caller import PARTY
from tests.running import Running

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]


def ask(stack: Running, path: str, method: str = "GET", **headers: str) -> HTTPResponse:
    asked = urllib.request.Request(  # noqa: S310
        stack.description["pages"] + path,
        method=method,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )
    try:
        answer: HTTPResponse = urllib.request.urlopen(asked, timeout=30)  # noqa: S310
    except urllib.error.HTTPError as refused:
        answer = refused  # type: ignore[assignment]
    return answer


@pytest.fixture(scope="module")
def event_id(stack: Running) -> str:
    later = {"start": "2030-03-12T09:00:00", "end": "2030-03-12T10:30:00"}
    made = stack.call("POST", "/events", PARTY | later | {"public": True})
    assert made["page"] == f"{stack.description['pages']}/e/{made['event_id']}"
    return str(made["event_id"])


def test_the_page_of_an_event_and_all_that_it_loads_are_at_a_root_of_their_own(stack: Running, event_id: str) -> None:
    page = stack.description["pages"]
    with ask(stack, f"/e/{event_id}", Accept_Language="de") as answer:
        text = answer.read().decode()
        assert answer.status == 200
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["Content-Language"] == "de"
    assert f'<link rel="canonical" href="{page}/e/{event_id}">' in text
    assert f'href="webcal{page.removeprefix("http")}/e/{event_id}.ics"' in text
    for mark in ('<link rel="stylesheet" href="', '<script src="'):
        loaded = text.partition(mark)[2].partition('"')[0]
        assert loaded.startswith("/assets/")
        with ask(stack, loaded, Accept_Encoding="gzip") as file:
            assert (file.status, file.headers["Content-Encoding"]) == (200, "gzip")


def test_the_calendar_of_an_event_and_a_head_and_a_refusal_come_through(stack: Running, event_id: str) -> None:
    with ask(stack, f"/e/{event_id}.ics") as answer:
        assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8; method=PUBLISH"
        assert answer.read().startswith(b"BEGIN:VCALENDAR\r\n")
        etag = answer.headers["ETag"]
    with ask(stack, f"/e/{event_id}.ics", If_None_Match=etag) as answer:
        assert (answer.status, answer.read()) == (304, b"")
    with ask(stack, f"/e/{event_id}", "HEAD") as answer:
        assert (answer.status, answer.read()) == (200, b"")
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    for path, method, status in (
        ("/e/unknown", "GET", 404),
        (f"/e/{event_id}", "DELETE", 405),
        ("/r/a.b/c", "GET", 404),
    ):
        with ask(stack, path, method) as answer:
            assert (answer.status, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8"), path


def test_a_warm_page_is_there_within_a_moment(stack: Running, event_id: str) -> None:
    took = []
    for _ in range(10):
        began = time.perf_counter()
        with ask(stack, f"/e/{event_id}") as answer:
            answer.read()
        took.append(time.perf_counter() - began)
    assert sorted(took)[5] < 1, took
    print(f"a page: {sorted(took)[5] * 1000:.0f} ms")
