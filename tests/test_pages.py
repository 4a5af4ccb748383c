"""What all pages share: headers, refusals, assets, forms; and the page of a public event."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from io import StringIO
from pathlib import Path
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

import pages
from convoke.model import AccountSettings, EventStatus
from convoke.pages import assets, forms, handling, site, templating
from convoke.store import dynamo
from convoke.store.account_settings import logo_of
from convoke.store.store import Store
from tests.factories import EVENT_ID
from tests.fixtures import patching_fixture_of
from tests.tables import SETTINGS
from tests.visitor import CONTEXT, Shown, Visitor, a_visitor, routes

ROOT = Path(__file__).parent.parent
PUBLIC = {"cache-control": "public, max-age=60", "vary": "Accept-Language"}
PRIVATE = {"cache-control": "no-store", "x-robots-tag": "noindex, nofollow"}
SECURE = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "strict-transport-security": "max-age=31536000",
    "content-language": "en",
    "content-type": "text/html; charset=utf-8",
}


visitor = patching_fixture_of(a_visitor)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """What the function logs."""
    written = StringIO()
    monkeypatch.setattr(pages.logger.registered_handler, "stream", written)
    return written


def refused(shown: Shown, status: int, title: str) -> None:
    assert shown.status == status
    assert f"<h1>{title}</h1>" in shown.text
    assert shown.headers.items() >= (SECURE | PRIVATE).items()


# --- the event's page: who sees it --------------------------------------------------------------------------------


def test_anybody_sees_the_page_of_a_public_event_and_a_browser_keeps_it_for_a_minute(visitor: Visitor) -> None:
    visitor.hold(title="Kölner Treffen")
    shown = visitor.get(f"/e/{EVENT_ID}")
    assert shown.status == 200
    assert "<h1><bdi>Kölner Treffen</bdi></h1>" in shown.text
    etag = {"etag": shown.headers["etag"]}
    assert shown.headers == SECURE | PUBLIC | etag
    again = visitor.get(f"/e/{EVENT_ID}", if_none_match=shown.headers["etag"])
    assert (again.status, again.data) == (304, b"")
    assert again.headers.items() >= (PUBLIC | etag).items()


def test_what_is_not_public_is_answered_as_what_does_not_exist_to_the_byte(visitor: Visitor) -> None:
    unknown = visitor.get("/e/00000000000000000000000000")
    refused(unknown, 404, "There is no such page")
    visitor.hold(public=False)
    visitor.hold(event_id="d" * 26, status=EventStatus.DRAFT)
    for path in (f"/e/{EVENT_ID}", f"/e/{'d' * 26}", "/e/X", "/e/a/b/c", "/e/%00", f"/e/{EVENT_ID}/", "/r/a.b"):
        hidden = visitor.get(path)
        assert (hidden.status, hidden.data, hidden.headers) == (404, unknown.data, unknown.headers), path


def test_whoever_opens_the_bare_address_sees_a_page(visitor: Visitor) -> None:
    refused(visitor.get("/"), 404, "There is no such page")
    assert visitor.ask("HEAD", "/").status == 404


# --- methods, and what went wrong ---------------------------------------------------------------------------------


def test_head_has_the_headers_of_get_and_no_body(visitor: Visitor) -> None:
    visitor.hold()
    for path in (f"/e/{EVENT_ID}", "/e/unknown", f"/assets/{assets.named('pages.css')}"):
        got, head = visitor.get(path), visitor.ask("HEAD", path)
        assert (head.status, head.headers, head.data) == (got.status, got.headers, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_another_method_is_refused_and_those_that_there_are_are_named(visitor: Visitor, method: str) -> None:
    visitor.hold()
    shown = visitor.ask(method, f"/e/{EVENT_ID}", "x=1")
    refused(shown, 405, "That is not possible here")
    assert shown.headers["allow"] == "GET, HEAD"
    refused(visitor.ask(method, "/e/a/b/c", "x=1"), 404, "There is no such page")


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "bo@example.net"}}, "GetItem")


@pytest.mark.parametrize(
    ("raised", "status", "title"),
    [
        (error("ThrottlingException"), 503, "Not just now"),
        (dynamo.Contention(), 503, "Not just now"),
        (error("AccessDeniedException"), 500, "Something went wrong"),
        (ValueError("bo@example.net"), 500, "Something went wrong"),
    ],
)
def test_what_nobody_expected_is_a_page_too_and_tells_nothing(
    visitor: Visitor,
    monkeypatch: pytest.MonkeyPatch,
    log: StringIO,
    raised: Exception,
    status: int,
    title: str,
) -> None:
    monkeypatch.setattr(visitor.store.reads, "event", Mock(side_effect=raised))
    shown = visitor.get(f"/e/{EVENT_ID}")
    refused(shown, status, title)
    assert shown.headers.get("retry-after") == ("2" if status == 503 else None)
    said = log.getvalue()
    assert "bo@example.net" not in shown.text + said
    assert ('"message":"failed"' in said) is (status == 500)


def test_where_not_even_a_page_can_be_made_there_is_a_plain_sentence(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(templating, "rendered", Mock(side_effect=RuntimeError))
    shown = visitor.get("/e/unknown")
    assert (shown.status, shown.text) == (500, handling.PLAIN)
    assert shown.headers["content-type"] == "text/plain; charset=utf-8"


def test_the_log_has_the_route_and_ids_and_neither_a_token_nor_an_address(visitor: Visitor, log: StringIO) -> None:
    visitor.hold()
    visitor.get(f"/e/{EVENT_ID}?email=bo@example.net", referer="https://example.org/secret")
    visitor.get("/r/S3CR3T-t0ken?x=bo@example.net")
    first, second = (json.loads(line) for line in log.getvalue().splitlines())
    assert (first["page"], first["status"], first["event"]) == ("/e/{event_id}", 200, EVENT_ID)
    assert second["status"] == 404
    for said in (json.dumps(first), json.dumps(second)):
        assert not re.search(r"bo@|S3CR3T|192\.0\.2|secret", said)


def test_addresses_begin_as_the_deployment_says_else_with_the_api_s_own(visitor: Visitor) -> None:
    visitor.hold()
    assert f'<link rel="canonical" href="{SETTINGS.public_url}/e/{EVENT_ID}">' in visitor.get(f"/e/{EVENT_ID}").text
    for public_url, address, root in (
        ("", "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/v1", "/v1"),
        ("https://events.example.org", "https://events.example.org", ""),
    ):
        visitor.store = Store(visitor.client, replace(SETTINGS, public_url=public_url))
        shown = visitor.get(f"/e/{EVENT_ID}").text
        assert f'<link rel="canonical" href="{address}/e/{EVENT_ID}">' in shown
        assert f'<link rel="stylesheet" href="{root}/assets/pages-' in shown


def test_a_language_that_an_address_names_is_kept_from_page_to_page(visitor: Visitor) -> None:
    visitor.hold()
    shown = visitor.get(f"/e/{EVENT_ID}?lang=de-AT")
    assert '<html lang="de-AT"' in shown.text
    assert f'href="/v1/e/{EVENT_ID}/register?lang=de-AT"' in shown.text
    assert '<a href="?lang=de" lang="de" hreflang="de" aria-current="true">Deutsch</a>' in shown.text
    assert "/assets/pages-" in shown.text
    assert not re.search(r"/assets/[^\"]*lang", shown.text)
    for unknown in ("xx", "%22%3E", "de%0d%0aX:%20y"):
        assert "lang=x" not in visitor.get(f"/e/{EVENT_ID}?lang={unknown}").text
    request = replace(asked(visitor, "/r/x"), query={"lang": "de"})
    assert request.link("/r/x/answer?date=2027-03-12") == "/v1/r/x/answer?date=2027-03-12&lang=de"


# --- what pages load ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pages.css", "pages.js", "icon.svg"])
def test_what_a_page_loads_is_kept_for_good_under_the_name_of_its_version(visitor: Visitor, name: str) -> None:
    path = f"/assets/{assets.named(name)}"
    shown = visitor.get(path)
    assert shown.data == (ROOT / "layers/core/convoke/pages/static" / name).read_bytes()
    assert shown.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert visitor.get(path, if_none_match=shown.headers["etag"]).status == 304
    packed = visitor.get(path, accept_encoding="br, gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "Accept-Encoding"


def test_a_page_shows_whose_it_is(visitor: Visitor) -> None:
    visitor.hold()
    logo = logo_of("acme", b"\x89PNG\r\n\x1a\n...", "image/png")
    decided = AccountSettings(
        name="Kölner <b>Gruppe</b>",
        colour="#ffcc00",
        logo=logo.name,
        imprint="https://example.org/imprint?a=1&b=2",
        privacy="https://example.org/privacy",
    )
    assert visitor.store.account_settings.change("acme", AccountSettings(), decided, logo)
    shown = visitor.get(f"/e/{EVENT_ID}").text
    assert '<p class="by"><bdi>Kölner &lt;b&gt;Gruppe&lt;/b&gt;</bdi></p>' in shown
    assert '<a href="https://example.org/imprint?a=1&amp;b=2" rel="noopener">Imprint</a>' in shown
    assert '<a href="https://example.org/privacy" rel="noopener">Privacy</a>' in shown
    assert f'src="/v1/assets/{logo.name}"' in shown
    assert '<link rel="stylesheet" href="/v1/assets/colour-ffcc00.css">' in shown
    image = visitor.get(f"/assets/{logo.name}")
    assert (image.status, image.data, image.headers["content-type"]) == (200, logo.data, "image/png")
    assert "immutable" in image.headers["cache-control"]
    assert "--fill:#ffcc00;--on-fill:#000000" in visitor.get("/assets/colour-ffcc00.css").text


def test_a_page_from_before_a_deployment_still_finds_its_files(visitor: Visitor) -> None:
    shown = visitor.get("/assets/pages-000000000000.css")
    assert (shown.status, shown.headers["cache-control"]) == (200, "public, max-age=300")
    for name in ("pages.css", "..%2Fsite.py", "site-000000000000.py", "pages-000000000000.py", "colour-12345g.css"):
        assert visitor.get(f"/assets/{name}").status == 404, name


def test_the_stylesheet_is_small_and_loads_nothing() -> None:
    style = assets.files()["pages.css"].content.decode()
    assert len(style) < 10_000
    assert not re.search(r"url\(|@import", style)
    assert not re.search(r"\b(margin|padding|border)-(left|right|top|bottom)\b|\bleft:|\bright:", style)


# --- colours ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", ["ffffff", "000000", "777777", "767676", "ffcc00", "1f2a44", "00ff00", "ff0000"])
def test_what_is_written_on_an_account_s_colour_can_be_read(colour: str) -> None:
    assert assets.contrast(assets.text_on(colour), colour) >= 4.5
    style = assets.stylesheet(colour)
    assert f"--fill:#{colour};--on-fill:#{assets.text_on(colour)}" in style
    for scheme, page in (("light", assets.LIGHT), ("dark", assets.DARK)):
        reads = assets.contrast(colour, page) >= 4.5
        assert (f"(prefers-color-scheme:{scheme})" in style) is reads


def test_the_contrast_is_that_of_wcag() -> None:
    assert assets.contrast("ffffff", "000000") == pytest.approx(21)
    assert assets.contrast("767676", "ffffff") == pytest.approx(4.54, abs=0.01)


def declared(style: str) -> Iterator[dict[str, str]]:
    """The colours of the stylesheet, in light and in dark."""
    for rule in re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]:
        yield {
            name: "".join(c * (2 if len(value) == 3 else 1) for c in value)
            for name, value in re.findall(r"--([a-z-]+): #([0-9a-f]+);", rule)
        }


def test_every_text_can_be_read_in_light_and_in_dark() -> None:
    for colour, page in zip(
        declared(assets.files()["pages.css"].content.decode()), (assets.LIGHT, assets.DARK), strict=True
    ):
        assert colour["page"] == page
        for text in ("text", "soft", "link", "wrong"):
            assert assets.contrast(colour[text], colour["page"]) >= 4.5, text
        for text in ("text", "soft"):
            assert assets.contrast(colour[text], colour["tint"]) >= 4.5, text
        for edge in ("edge", "focus", "good", "wrong"):
            assert assets.contrast(colour[edge], colour["page"]) >= 3, edge
        assert assets.contrast(colour["fill"], colour["on-fill"]) >= 4.5


# --- forms --------------------------------------------------------------------------------------------------------


def asked(visitor: Visitor, path: str, body: str | bytes = "", **headers: str) -> site.Request:
    event = {
        "routeKey": "ANY /r/{proxy+}",
        "pathParameters": {"proxy": path.removeprefix("/r/")},
        "headers": {"content-type": "application/x-www-form-urlencoded"}
        | {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {
            "stage": "v1",
            "domainName": "pages.example",
            "http": {"method": "POST", "sourceIp": "192.0.2.1"},
        },
        "body": body,
    }
    return site.request_of(event, store=visitor.store, now=visitor.now)


def test_a_form_is_read_as_it_was_typed(visitor: Visitor) -> None:
    body = "name=+J%C3%BCrgen%0D%0A%00+&date=1&date=2&empty=&x=%3Cb%3E"
    form = forms.read(asked(visitor, "/r/x", body))
    assert form.text("name") == "Jürgen"
    assert form.every("date") == ("1", "2")
    assert (form.text("empty"), form.text("missing"), form.every("missing")) == ("", "", ())
    assert form.text("x") == "<b>"
    assert forms.read(asked(visitor, "/r/x")).fields == {}


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("x" * (forms.LARGEST_BODY + 1), forms.MEDIA_TYPE, 413),
        ("--b\r\n", "multipart/form-data; boundary=b", 415),
        ("{}", "application/json", 415),
        ("name=%FF", forms.MEDIA_TYPE, 400),
        ("&".join(f"a{number}=1" for number in range(forms.MOST_FIELDS + 1)), forms.MEDIA_TYPE, 400),
    ],
    ids=["too large", "multipart", "JSON", "not UTF-8", "too many fields"],
)
def test_what_is_no_form_of_ours_is_refused(visitor: Visitor, body: str, content_type: str, status: int) -> None:
    with pytest.raises(site.Refused) as refusal:
        forms.read(asked(visitor, "/r/x", body, content_type=content_type))
    assert refusal.value.status == HTTPStatus(status)


def test_a_form_is_believed_that_we_showed_for_this_path_and_not_too_long_ago(visitor: Visitor) -> None:
    token = forms.token(asked(visitor, "/r/x"), "/r/x/decline")

    def objection(path: str = "/r/x/decline", token: str = token, more: str = "", **headers: str) -> str:
        request = asked(visitor, path, f"token={token}{more}", **headers)
        found = forms.objections(request, forms.read(request), timedelta(seconds=2))
        assert [name for name, _ in found] in ([], [""]), "it is about the whole form"
        return "".join(said for _, said in found)

    assert "program" in objection()
    visitor.later(2)
    assert objection() == ""
    assert "program" in objection(more="&website=x")
    assert "another site" in objection(sec_fetch_site="cross-site")
    assert objection(sec_fetch_site="same-origin") == ""
    for wrong in (objection(path="/r/x/accept"), objection(token=""), objection(token=token[:-1] + "_")):
        assert "open for too long" in wrong
    visitor.later(forms.VALID.total_seconds())
    assert "open for too long" in objection()


# --- the routes ---------------------------------------------------------------------------------------------------


def test_every_page_has_a_route_and_every_route_a_head(visitor: Visitor) -> None:
    greedy = {path.removesuffix("{proxy+}") for _, path in routes()} - {"/"}
    for method, path, _, _ in site.route.all:
        assert method in ("GET", "POST")
        assert any(path.startswith(prefix) for prefix in greedy), path
    for method, path in routes():
        assert ("HEAD", path) in routes(), (method, path)
    assert visitor.get("/c/x").status == 404


def test_the_samples_are_answered(visitor: Visitor) -> None:
    visitor.hold()
    for name, status in (("pages-event", 200), ("pages-unknown", 404)):
        event = json.loads((ROOT / "events" / f"{name}.json").read_text())
        assert pages.handler(event, CONTEXT)["statusCode"] == status
