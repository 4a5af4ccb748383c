"""The pages of the documentation: what they weigh, what a browser may keep, and what they may load."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator

import pytest

from convoke.web import application, documentation, files
from tests.caller import Answer, World, a_caller


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patched, a_caller(patched) as made:
        yield made


def get(world: World, path: str, **headers: str) -> Answer:
    address, _, query = path.partition("?v=")
    return world.call("GET", address, account=None, query={"v": query} if query else None, **headers)


def linked(page: Answer) -> list[str]:
    return re.findall(r'<(?:link|script)[^>]* (?:href|src)="([^"]+)"', page.data.decode())


def test_the_page_is_small_and_names_files_of_ours_only(world: World) -> None:
    page = get(world, "/docs")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert len(page.data) < 1500
    files = [file for file in linked(page) if not file.startswith("data:")]
    assert sorted(file.partition("?")[0] for file in files) == sorted(f"docs/{name}" for name in documentation.ASSETS)
    assert "VERSION" not in page.data.decode()


def test_a_first_visit_takes_less_than_half_a_megabyte(world: World) -> None:
    paths = ["/docs", "/openapi.json", *(f"/docs/{name}" for name in documentation.ASSETS)]
    packed = [get(world, path, accept_encoding="gzip, br") for path in paths]
    assert {answer.headers["content-encoding"] for answer in packed} == {"gzip"}
    assert sum(len(answer.data) for answer in packed) < 500_000
    for path, answer in zip(paths, packed, strict=True):
        assert gzip.decompress(answer.data) == get(world, path).data


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "gzip; q=0.0", "xgzip"])
def test_who_does_not_take_gzip_is_sent_none(world: World, accepted: str) -> None:
    assert "content-encoding" not in get(world, "/docs", accept_encoding=accepted).headers


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/docs/docs.css", "/docs/swagger-ui.js"])
def test_what_a_client_has_already_is_not_sent_again(world: World, path: str) -> None:
    etag = get(world, path).headers["etag"]
    for known in (etag, f'"other", {etag}', etag.removeprefix("W/"), "*"):
        again = get(world, path, if_none_match=known)
        assert (again.status, again.data, again.headers["etag"]) == (304, b"", etag)
    assert get(world, path, if_none_match='"other"').status == 200
    assert get(world, path).headers["cache-control"] == "public, max-age=300"


def test_files_are_kept_for_good_under_the_address_that_the_page_gives_them(world: World) -> None:
    for file in linked(get(world, "/docs")):
        if not file.startswith("data:"):
            kept = get(world, f"/{file}")
            assert (kept.status, kept.headers["cache-control"]) == (200, files.FOREVER)
    assert get(world, "/docs/docs.js?v=older").headers["cache-control"] == files.REVALIDATED


@pytest.mark.parametrize("name", ["swagger-ui.map", "..", "docs.html", "%2e%2e", "api.py"])
def test_no_other_file_is_served(world: World, name: str) -> None:
    assert get(world, f"/docs/{name}").status == 404


def test_the_page_may_load_and_call_only_what_is_served_with_it(world: World) -> None:
    policy = dict(part.split(" ", 1) for part in get(world, "/docs").headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert not any("http" in sources or "unsafe" in sources for sources in policy.values())
    assert not re.search(r"<script>|\son\w+=", get(world, "/docs").data.decode()), "the policy forbids it"


def test_the_description_says_of_every_operation_what_is_asked_in_its_place(world: World) -> None:
    described = json.loads(get(world, "/openapi.json").data)
    assert [server["url"] for server in described["servers"]] == ["../v1"]
    assert described == json.loads(application.described())
