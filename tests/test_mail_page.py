"""The HTML of a mail: what in it can be clicked, and that it fits a telephone and the dark."""

from __future__ import annotations

import re
import time
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convoke.mail import page, wording
from tests.factories import NOW, message
from tests.golden.cases import CASES


def links(text: str) -> list[tuple[str, str]]:
    """Where each link leads, and what is shown of it."""
    found = re.findall(r'<a href="([^"]*)" style="color:#1d5c96">([^<]*)</a>', page.linked(text))
    return [(unescape(target), unescape(shown)) for target, shown in found]


def test_a_link_in_the_description_can_be_clicked() -> None:
    said = message(description="Slides: https://example.org/a?b=1&c=2#d\nand more.", location="https://meet.example/1")
    html = page.html(wording.words(said, NOW))
    assert '<a href="https://example.org/a?b=1&amp;c=2#d" style="color:#1d5c96">https://example.org/a' in html
    assert '<a href="https://meet.example/1"' in html
    assert "</a><br>\nand more." in html


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("See https://example.org.", "https://example.org"),
        ("(https://example.org/a)", "https://example.org/a"),
        ("https://example.org/Berlin_(Ohio)", "https://example.org/Berlin_(Ohio)"),
        ("(see https://example.org/Berlin_(Ohio)).", "https://example.org/Berlin_(Ohio)"),
        ("[https://example.org/a]!?", "https://example.org/a"),
        ("“https://example.org/a”, she said", "https://example.org/a"),
        ("'https://example.org/a'", "https://example.org/a"),
        ("<https://example.org/a>", "https://example.org/a"),
        ("**https://example.org/a**", "https://example.org/a"),
        ("HTTPS://Example.org/A;", "HTTPS://Example.org/A"),
        ("https://example.org/a…", "https://example.org/a"),
        ("请看https://example.org/会议。谢谢", "https://example.org/会议"),
        ("请看https://example.org请看", "https://example.org"),
        ("请看https://www.example.org请看/x", "https://www.example.org"),
        ("http://127.0.0.1:8000/x, then", "http://127.0.0.1:8000/x"),
        ("https://example.org/a/", "https://example.org/a/"),
    ],
)
def test_what_is_around_a_link_is_not_in_it(text: str, shown: str) -> None:
    assert [found for _, found in links(text)] == [shown]


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("https://bücher.example/straße?ü=ß", "https://xn--bcher-kva.example/stra%C3%9Fe?%C3%BC=%C3%9F"),
        ("https://例え.jp:8443/", "https://xn--r8jz45g.jp:8443/"),
        ("https://example.org/100%25", "https://example.org/100%25"),
        ("https://EXAMPLE.org/A", "https://example.org/A"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("https://www.Gruen-grün.example/", "https://www.xn--gruen-grn-x9a.example/"),
        ("https://b\u0075\u0308cher.example/", "https://xn--bcher-kva.example/"),
    ],
)
def test_a_link_in_any_script_leads_where_it_says(text: str, target: str) -> None:
    assert links(text) == [(target, text)]


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "JaVaScRiPt://https/%0aalert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x file:///etc/passwd ftp://example.org/ //example.org www.example.org",
        "https://",
        "https://?x",
        "https://bank.example@evil.example/",
        "https://bank.example:secret@evil.example/",
        "https://[::1]/",
        "https://[bad/",
        "https://example.org:port/",
        "https://example.org:99999/",
        "https://exa_mple..org/",
        "https://-x.example/",
        f"https://{'a' * 70}.example/",
        "xhttps://example.org",
        "https:/example.org",
        "https://\u202emoc.elpmaxe",
        "https://straße.example/",
        "https://ｅｘａｍｐｌｅ.org/",
    ],
)
def test_what_is_no_plain_address_of_a_page_is_text(text: str) -> None:
    assert links(text) == []
    assert "<a" not in page.linked(text)


@pytest.mark.parametrize(
    "text",
    [
        'https://example.org/"onmouseover="alert(1)',
        "https://example.org/'onmouseover='alert(1)",
        "https://example.org/<script>alert(1)</script>",
        "https://example.org/&quot;onclick=alert(1)",
        'https://example.org/\\"><img src=x onerror=alert(1)>',
        "https://example.org/`><svg/onload=alert(1)>",
        'https://example.org/\x00"x',
    ],
)
def test_no_link_breaks_out_of_its_attribute(text: str) -> None:
    assert attributes(page.linked(text)) <= {("a", "href"), ("a", "style")}


@given(
    st.lists(st.sampled_from([*"<>\"'&;:/?#@[]()%. \n\\`aü日", "https://", "http://", "e.org", "\u200b"]), max_size=40)
)
@settings(max_examples=500, deadline=None)
def test_whatever_is_written_is_shown_and_nothing_else_is_made_of_it(pieces: list[str]) -> None:
    text = "".join(pieces)
    html = page.linked(text)
    assert attributes(html) <= {("a", "href"), ("a", "style")}
    shown = re.sub(r"</?a\b[^>]*>", "", html).replace("<br>\n", "\n")
    assert unescape(shown) == text
    assert all(target.startswith(("https://", "http://")) for target, _ in links(text))


@pytest.mark.parametrize(
    "text",
    ["https://" * 2000, "https://a" + ")" * 8000, "https://a" + "." * 8000, "https://a.aa" + "é" * 8000, "h" * 8000],
)
def test_a_hostile_description_takes_no_time(text: str) -> None:
    began = time.perf_counter()
    page.linked(text)
    assert time.perf_counter() - began < 1


def attributes(html: str) -> set[tuple[str, str]]:
    seen: set[tuple[str, str]] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            seen.update((tag, name) for name, _ in attrs)

    Reader().feed(html)
    return seen


# --- telephones, and the dark ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_a_page_is_as_wide_as_the_screen_and_every_word_in_it_may_break(name: str) -> None:
    html = page.html(wording.words(CASES[name][0], NOW))
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in html
    # All text is inside the one block in which words break anywhere, and the table is no wider than that.
    body = html.partition("<body")[2].partition(">")[2]
    assert body.strip().startswith('<div class="sheet" style="max-width:580px;')
    assert "overflow-wrap:anywhere;word-break:break-word" in body.partition(">")[0]
    assert '<table style="width:100%;table-layout:fixed;' in body
    fixed = [int(pixels) for pixels in re.findall(r"(?<![-a-z])(?:min-)?width:(\d+)px", body)]
    assert max(fixed) < 100
    assert "nowrap" not in html


def test_every_colour_on_a_page_has_another_for_the_dark() -> None:
    html = page.html(wording.words(CASES["moved"][0], NOW))
    assert '<meta name="color-scheme" content="light dark">' in html
    dark = html.partition("@media (prefers-color-scheme:dark){")[2].partition("</style>")[0]
    for tag in re.findall(r"<[^>]*(?<!-)color:#[^>]*>", html.partition("<body")[2]):
        named = re.search(r'class="(\w+)"', tag)
        assert (f".{named[1]}{{" if named else f"{tag[1]}{{") in dark, tag
    for background, colour in (("#16181b", "#e6e8ea"), ("#212428", "#e6e8ea"), ("#212428", "#a5adb5")):
        assert contrast(background, colour) > 4.5
    assert contrast("#212428", "#8ab8e6") > 4.5
    for colour in re.findall(r"(?<!-)color:(#[0-9a-f]{6})", html.partition("<body")[2]):
        assert contrast("#ffffff", colour) > 4.5


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it; 4.5 is legible."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
