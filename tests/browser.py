"""Chromium as visitors use it: what a page asks for, says on its console and weighs, and what axe-core finds in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Route, sync_playwright

from convoke.model import frozen

WIDTHS = (320, 1280)
SCHEMES = ("light", "dark")
LOOKED_AT = ((320, "light"), (1280, "light"), (1280, "dark"), (320, "dark"))
"""Each width in each of the colours. Of two that are two places apart, neither width nor colours are the same."""
EVERY_LOOK = os.environ.get("CONVOKE_LOOKS") == "every"
"""Whether axe-core looks at each page in each size and colours (`make fire`), or in one of them, and of the console at
one page of three (`make test`).
"""
WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
LOOKS = ("color-contrast", "target-size", "link-in-text-block", "scrollable-region-focusable")
"""The rules of axe-core that depend on width and colours, and not on the document alone."""
LOADED = 4
"""A page loads at least: itself, its stylesheet, its script, its icon."""
NOWHERE_ELSE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
"""The option by which Chromium finds no host but this machine."""
WITHOUT_MOTION: dict[str, Any] = {"reduced_motion": "reduce"}
"""The option of a visitor for whom nothing is scrolled smoothly: each step of that is painted, and meanwhile what has
the focus is not in the window."""
ONE_RENDERER = "--renderer-process-limit=1"
"""All visitors share the process that shows pages: to start one takes as long as to open four pages."""
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")
"""The first of them that is there is used. The shell shows pages as the whole browser does, whose windows, which nobody
sees, take more of the processor than the pages.
"""


def program() -> str:
    """Chromium's path. Without one the test is skipped; in CI, which installs it, it fails."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        why = f"There is no Chromium: install Debian's package `{PROGRAMS[0]}`, or say in CHROMIUM where one is"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    return found


@contextmanager
def a_browser() -> Iterator[Browser]:
    # Chromium refuses to run as root inside its sandbox, and CI is root in its container.
    arguments = [NOWHERE_ELSE, ONE_RENDERER, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@frozen
class Finding:
    """What axe-core objects to."""

    rule: str
    why: str
    where: tuple[str, ...]


Wrong = tuple[int, str, Finding | str]
"""What is wrong with a page, with the width and the colours in which it was looked at."""


class Visit:
    """One visitor with cookies and a cache of their own, and what became of their pages."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.context = context
        self.origin = origin
        self.elsewhere: list[str] = []
        """Requests to other hosts, which are not found."""
        self.wrong: list[str] = []
        """Errors of scripts and of the console; what the Content-Security-Policy refuses is said there, too."""
        self._came: list[Request] = []
        self.page: Page = context.new_page()
        context.on("request", self._asked)
        context.on("requestfinished", self._has_come)
        context.on("weberror", lambda error: self.wrong.append(str(error.error)))
        context.on("console", self._said)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(f"{self.origin}/"):
            self.elsewhere.append(request.url)

    def keep_nothing(self) -> None:
        """Without a cache from now on: all that a page loads is sent each time."""
        self.context.route("**/*", _let_through)

    def bring_axe(self) -> None:
        """Have axe-core in each page from now on: to send it to one page after the other costs as much as a rule."""
        self.context.add_init_script(_axe())

    def _has_come(self, request: Request) -> None:
        self._came.append(request)

    def _said(self, message: ConsoleMessage) -> None:
        # Chromium itself says this of every answer that is no success; the tests look at the status instead.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.wrong.append(f"{self.page.url}: {message.text}")

    def open(self, path: str, status: int = 200) -> Page:
        self._came.clear()
        answer = self.page.goto(path if "://" in path else self.origin + path)
        assert answer is not None
        assert answer.status == status, (path, answer.status)
        return self.page

    def weight(self) -> int:
        """Bytes, as sent, of the page that was opened last and of all that it loads, with the heads of answers; once
        all has come, and nothing is taken from a cache.
        """
        self.page.evaluate(_LOAD_THE_ICON)
        for _ in range(100):
            if len(came := {request.url: request for request in self._came}) >= LOADED:
                break
            self.page.wait_for_timeout(50)
        assert len(came) >= LOADED, list(came)
        sizes = [request.sizes() for request in came.values()]
        return sum(each["responseHeadersSize"] + each["responseBodySize"] for each in sizes)

    @property
    def path(self) -> str:
        """Where the visitor is, without the host."""
        return urlsplit(self.page.url).path

    # --- what is seen

    def look(self, width: int, scheme: str) -> None:
        self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        self.page.set_viewport_size({"width": width, "height": 800})

    def findings(self, rules: tuple[str, ...] = ()) -> list[Finding]:
        """What axe-core objects to: by all rules of WCAG 2.2 AA and its best practices, or by those that are named."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(_axe())
        only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": WCAG}
        found = self.page.evaluate(
            """async only => (await axe.run({runOnly: only, resultTypes: ['violations']})).violations.map(
                one => [one.id, one.help, one.nodes.map(node => node.html.slice(0, 200))])""",
            only,
        )
        return [Finding(rule=rule, why=why, where=tuple(where)) for rule, why, where in found]

    def looks(self, turn: int | None = None, *, axe: bool = True) -> list[Wrong]:
        """What is wrong with the page: by axe-core, or since one has to scroll sideways, or since it is hard to read.
        In every size and colours; or, where these take turns, in those whose ``turn`` it is, and without axe-core at
        the smallest width, too. Then ``axe`` says whether axe-core looks at it at all.
        """
        found: list[Wrong] = []
        # What answers a form is seen while its stylesheet may still be on its way.
        self.page.wait_for_load_state()
        whose_turn = LOOKED_AT if turn is None or EVERY_LOOK else (LOOKED_AT[turn % len(LOOKED_AT)],)
        if whose_turn[0][0] != WIDTHS[0]:
            self.look(WIDTHS[0], whose_turn[0][1])
            found += [(WIDTHS[0], whose_turn[0][1], each) for each in self._hard_to_see()]
        for width, scheme in whose_turn:
            self.look(width, scheme)
            # The document is the same in each; what depends on size and colours is looked at in all four.
            only = LOOKS if len(whose_turn) > 1 and (width, scheme) not in LOOKED_AT[::2] else ()
            findings = self.findings(only) if axe or EVERY_LOOK else []
            found += [(width, scheme, each) for each in (*findings, *self._hard_to_see())]
        return found

    def _hard_to_see(self) -> list[Finding | str]:
        return [*self.wider_than_the_window(), *self.hard_to_read()]

    def wider_than_the_window(self) -> list[str]:
        """What stands out of the window, so that one would have to scroll sideways."""
        found: list[str] = self.page.evaluate(
            """() => {
                const root = document.documentElement;
                if (root.scrollWidth <= root.clientWidth) return [];
                const wide = root.clientWidth;
                return [...document.body.querySelectorAll('*')]
                    .filter(one => one.scrollWidth > wide || one.getBoundingClientRect().right > wide)
                    .map(one => one.outerHTML.slice(0, 120));
            }"""
        )
        return found

    def hard_to_read(self) -> list[str]:
        """Sentences without a space between them, text with about one letter in a line, and states in the middle of
        which a line ends.
        """
        found: list[str] = self.page.evaluate(
            """() => {
                const found = document.body.innerText.match(/\\p{Ll}\\.\\p{Lu}\\p{Ll}+/gu) || [];
                const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
                const range = document.createRange();
                for (let one = texts.nextNode(); one; one = texts.nextNode()) {
                    let box = one.parentElement;
                    while (box && box.offsetWidth > 1) box = box.parentElement;
                    if (box) continue;  // for screen readers alone, or for nobody
                    const text = one.data.trim();
                    range.selectNodeContents(one);
                    const lines = new Set([...range.getClientRects()].map(each => Math.round(each.top))).size;
                    const state = one.parentElement.matches('.tag') && !text.includes(' ');
                    if (lines > 3 && lines * 2 > text.length || state && lines > 1) found.push(text);
                }
                return found;
            }"""
        )
        return found

    def walk(self) -> list[dict[str, Any]]:
        """What the Tab key comes to, in this order; each says its place among all that can be reached, and whether one
        sees that it has the focus.
        """
        reachable: int = self.page.evaluate(f"{_REACHABLE}.length")
        self.page.evaluate(_NOTE_WHAT_HAS_THE_FOCUS)
        seen: list[dict[str, Any]] = []
        while len(seen) < reachable:
            for _ in range(reachable - len(seen)):
                self.page.keyboard.press("Tab")
            for now in self.page.evaluate(_NOTED):
                # A field for a date or a time has several stops of its own: day, month, year.
                if not (seen and now["parts"] and now["place"] == seen[-1]["place"]):
                    seen.append(now)
        return seen

    def painted(self) -> float:
        """Milliseconds from the end of the page's answer to the first that is seen of it."""
        spent: float = self.page.evaluate(
            """async () => {
                const first = await new Promise(resolve => new PerformanceObserver((list, observer) => {
                    for (const entry of list.getEntriesByName('first-contentful-paint')) {
                        observer.disconnect();
                        resolve(entry.startTime);
                    }
                }).observe({type: 'paint', buffered: true}));
                return first - performance.getEntriesByType('navigation')[0].responseEnd;
            }"""
        )
        return spent


_REACHABLE = """[...document.querySelectorAll(
    'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]'
)].filter(one => one.tabIndex >= 0 && !one.disabled && one.checkVisibility({visibilityProperty: true})
    && (one.type !== 'radio' || one === (document.querySelector(`[name="${one.name}"]:checked`)
        || document.querySelector(`[name="${one.name}"]`))))"""
_FOCUSED = f"""() => {{
    const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
    return {{
        place: {_REACHABLE}.indexOf(one),
        what: one.outerHTML.slice(0, 120),
        parts: ['date', 'time'].includes(one.type),
        seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 && box.width > 0
            && box.bottom > 0 && box.top < innerHeight,
    }};
}}"""
# What has the focus when the next key is pressed: by then the page is scrolled to it.
_NOTE_WHAT_HAS_THE_FOCUS = f"""() => {{
    window.focused = {_FOCUSED};
    window.noted = [];
    window.begins = true;
    window.addEventListener('keydown', () => {{
        if (!begins) noted.push(focused());
        begins = false;
    }}, true);
}}"""
# A browser without windows has no place for it, and does not load it by itself.
_LOAD_THE_ICON = """() => new Promise((loaded, failed) => {
    const icon = new Image();
    icon.onload = loaded;
    icon.onerror = failed;
    icon.src = document.querySelector('link[rel=icon]').href;
})"""
_NOTED = "() => { begins = true; return [...noted.splice(0), focused()]; }"


def _let_through(route: Route) -> None:
    route.continue_()


@cache
def _axe() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


@contextmanager
def a_visit(browser: Browser, origin: str, **options: Any) -> Iterator[Visit]:
    """A visitor of the pages at ``origin``; ``options`` are those of Playwright's ``new_context``. Whatever they did:
    nothing was asked of other hosts, and nothing went wrong in a page.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 800}, **options)
    try:
        visit = Visit(context, origin)
        yield visit
        assert visit.elsewhere == []
        assert visit.wrong == []
    finally:
        context.close()
