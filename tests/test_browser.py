"""The pages in a real browser, on the whole stack, with real mail: what people do there, with scripts and without, how
it looks at both ends of the sizes of screens, and that looking changes nothing.
"""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from html import unescape
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, Page, expect

from convoke.model import frozen
from convoke.store import keys
from local.mailbag import Mail
from tests.browser import EVERY_LOOK, LOOKED_AT, WIDTHS, WITHOUT_MOTION, Visit, Wrong, a_visit, program
from tests.running import Running

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

PATIENCE = 30  # seconds for a mail, or for an answer of the stack
PAINTED = 100  # milliseconds after its answer that the page of an event is seen at the latest
TOO_SOON = 2.2  # seconds; a form that comes back sooner was not filled in by a human
TITLE = "Lesung & Gespräch: „Rheinblick“"


def test_without_chromium_the_tests_are_skipped_and_in_ci_they_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="There is no Chromium"):
        program()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="There is no Chromium"):
        program()


def an_event(stack: Running, **more: Any) -> str:
    """The id of a new event with a page."""
    event = stack.call(
        "POST",
        "/events",
        {
            "title": TITLE,
            "start": "2031-03-12T19:00:00",
            "duration": "PT1H30M",
            "time_zone": "Europe/Berlin",
            "location": "Alte Feuerwache, Melchiorstraße 3, Köln",
            "description": "An evening with poems.\nDoors open at 18:30.",
            "organizer": {"name": "Ada Lovelace", "email": "ada@example.org"},
            "public": True,
            **more,
        },
    )
    return str(event["event_id"])


# --- mail ---------------------------------------------------------------------------------------------------------


def body_of(mail: Mail) -> str:
    part = message_from_bytes(mail.raw, policy=policy.SMTP).get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def links_in(mail: Mail) -> list[str]:
    """All that a scanner of links finds: in the text, in the HTML, and in the fields of the head."""
    message = message_from_bytes(mail.raw, policy=policy.SMTP)
    texts = [str(part.get_content()) for part in message.walk() if part.get_content_maintype() == "text"]
    texts.append("\n".join(str(value) for _, value in message.items()))
    return sorted(
        {unescape(link).rstrip(".,;") for text in texts for link in re.findall(r"https?://[^\s\"'<>]+", text)}
    )


def link_to(stack: Running, email: str, kind: str, *, after: int = 0) -> str:
    """The first link of a kind ("/c/") in the mails to an address, once one comes. ``after``: so many are left out."""

    def found() -> str:
        wanted = f"{stack.description['pages']}{kind}"
        for mail in stack.mails(email)[after:]:
            for link in links_in(mail):
                if link.startswith(wanted):
                    return link
        return ""

    return stack.eventually(found, seconds=PATIENCE)


def told(stack: Running, email: str) -> list[tuple[str, int]]:
    return [(mail.method, mail.sequence) for mail in stack.mails(email) if mail.calendar]


def is_told(stack: Running, email: str, *said: tuple[str, int]) -> None:
    stack.eventually(lambda: told(stack, email) == list(said), seconds=PATIENCE)


# --- what people do -----------------------------------------------------------------------------------------------


def fill_in(visit: Visit, event_id: str, *people: tuple[str, str]) -> None:
    """From the event's page to the page that says to look into one's mail: of each of these ``people``, a name and an
    address, in a tab of their own.
    """
    tabs = [visit.page, *(visit.context.new_page() for _ in people[1:])]
    for page, (name, email) in zip(tabs, people, strict=True):
        answer = page.goto(f"{visit.origin}/e/{event_id}")
        assert answer is not None
        assert answer.status == 200
        page.locator("main a.button").click()
        page.get_by_label("Your name").fill(name)
        opened = time.monotonic()
        page.get_by_label("E-mail address").fill(email)
    send(tabs, opened=opened)


def send(tabs: list[Page], *, opened: float) -> None:
    """Send the forms that are filled in there, the last of which was there at ``opened`` (monotonic, seconds), when a
    human may have done so.
    """
    time.sleep(max(0, opened + TOO_SOON - time.monotonic()))
    for page in tabs:
        page.locator("main form button").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Check your mail")


def confirm(stack: Running, visit: Visit, email: str, *, after: int = 0) -> str:
    """By the link in the mail; answers the path of the personal page."""
    page = visit.open(link_to(stack, email, "/c/", after=after))
    page.locator("main form button").click()
    page.wait_for_url(re.compile("/r/"))
    return visit.path


def register(stack: Running, visit: Visit, event_id: str, name: str, email: str) -> str:
    """All the way; answers the path of the personal page."""
    before = len(stack.mails(email))
    fill_in(visit, event_id, (name, email))
    return confirm(stack, visit, email, after=before)


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_somebody_registers_confirms_hears_of_a_move_answers_withdraws_and_comes_back(
    stack: Running, chromium: Browser, scripts: bool
) -> None:
    event_id = an_event(stack)
    email = f"bo.{event_id}@example.net"
    with a_visit(chromium, stack.description["pages"], java_script_enabled=scripts, locale="en-GB") as visit:
        own = register(stack, visit, event_id, "Bo Ek", email)
        page = visit.page
        expect(page.get_by_text("You are registered.")).to_be_visible()
        is_told(stack, email, ("REQUEST", 0))
        assert visit.path == own, "what was confirmed is shown at the personal link"

        stack.call("PATCH", f"/events/{event_id}", {"start": "2031-03-13T19:00:00", "duration": "PT1H30M"})
        is_told(stack, email, ("REQUEST", 0), ("REQUEST", 1))
        visit.open(own)
        expect(page.get_by_text("13 March 2031").first).to_be_visible()

        page.get_by_role("button", name="I will come").click()
        expect(page.get_by_role("status")).to_have_text("Your answer was saved.")
        (person,) = stack.call("GET", f"/events/{event_id}/registrations")["items"]
        assert person["participation"] == "accepted"

        page.get_by_role("link", name="Withdraw").click()
        assert len(told(stack, email)) == 2, "the page only says what will happen"
        page.get_by_role("button", name="Withdraw").click()
        expect(page.get_by_text("You have withdrawn.").first).to_be_visible()
        is_told(stack, email, ("REQUEST", 0), ("REQUEST", 1), ("CANCEL", 2))

        page.get_by_role("link", name="Come back").click()
        page.get_by_role("button", name="Come back").click()
        expect(page.get_by_text("You are registered.")).to_be_visible()
        stack.eventually(lambda: told(stack, email)[3:] and told(stack, email)[3][0] == "REQUEST", seconds=PATIENCE)


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_a_full_event_has_a_waiting_line_and_who_waits_gets_the_seat_that_comes_free(
    stack: Running, chromium: Browser, scripts: bool
) -> None:
    event_id = an_event(stack, capacity=1)
    cleo, dan = f"cleo.{event_id}@example.net", f"dan.{event_id}@example.net"
    with a_visit(chromium, stack.description["pages"], java_script_enabled=scripts, locale="en-GB") as visit:
        first = register(stack, visit, event_id, "Cleo", cleo)
        second = register(stack, visit, event_id, "Dan", dan)
        page = visit.page
        expect(page.get_by_text("You are on the waitlist, at place 1.")).to_be_visible()
        assert told(stack, dan) == []

        page = visit.open(f"{first}/withdraw")
        page.get_by_role("button", name="Withdraw").click()
        expect(page.get_by_text("You have withdrawn.").first).to_be_visible()
        stack.eventually(lambda: told(stack, dan) == [("REQUEST", 0)], sweeping=True, seconds=60)
        visit.open(second)
        expect(page.get_by_text("You are registered.")).to_be_visible()


def test_what_is_wrong_with_a_form_is_said_at_its_field_and_nothing_typed_is_lost(
    stack: Running, chromium: Browser
) -> None:
    event_id = an_event(stack)
    with a_visit(chromium, stack.description["pages"], locale="en-GB") as visit:
        page = visit.open(f"/e/{event_id}/register")
        page.get_by_label("Your name").fill("Eve")
        page.get_by_label("E-mail address").fill("not an address")
        time.sleep(TOO_SOON)
        page.locator("main form button").click()
        expect(page.get_by_role("alert")).to_be_focused()
        expect(page.get_by_label("E-mail address")).to_have_value("not an address")
        expect(page.get_by_label("E-mail address")).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_label("Your name")).to_have_value("Eve")
        page.get_by_role("alert").get_by_role("link").first.click()
        expect(page.get_by_label("E-mail address")).to_be_focused()
        assert visit.looks() == []


def test_a_lost_link_is_mailed_again(stack: Running, chromium: Browser) -> None:
    event_id = an_event(stack)
    email, nobody = f"finn.{event_id}@example.net", f"nobody.{event_id}@example.net"
    with a_visit(chromium, stack.description["pages"], locale="en-GB") as visit:
        page = visit.open(f"/e/{event_id}")
        page.get_by_role("link", name="Have your personal link sent to you").click()
        page.wait_for_url(f"{visit.origin}/e/{event_id}/link")
        # These forms are old enough once somebody is registered.
        tabs = [visit.context.new_page() for _ in range(2)]
        for tab, address in zip(tabs, (nobody, email), strict=True):
            tab.goto(f"{visit.origin}/e/{event_id}/link")
            tab.get_by_label("E-mail address").fill(address)
        opened = time.monotonic()
        own = register(stack, visit, event_id, "Finn", email)
        is_told(stack, email, ("REQUEST", 0))
        before = len(stack.mails(email))
        send(tabs, opened=opened)
        link = link_to(stack, email, "/r/", after=before)
        visit.open(link)
        expect(page.get_by_text("You are registered.")).to_be_visible()
        assert link == stack.description["pages"] + own
        assert stack.mails(nobody) == []


# --- how it looks, and what it weighs -----------------------------------------------------------------------------


@frozen
class Pages:
    """A page of every kind, by name: its path and its status."""

    of_the_event: str
    addresses: tuple[str, ...]
    """Of those who were mailed: one is registered, one has not confirmed yet."""
    paths: dict[str, tuple[str, int]]


@pytest.fixture(scope="module")
def pages(stack: Running, chromium: Browser) -> Pages:
    question = {"text": "What do you eat?", "kind": "choice", "choices": ["Everything", "No meat"], "required": False}
    event_id = an_event(stack, questions=[question], capacity=20)
    series = an_event(stack, recurrence="FREQ=WEEKLY;COUNT=6", title="Chor am Dienstag")
    cancelled = an_event(stack, title="Sommerfest")
    stack.call("POST", f"/events/{cancelled}/cancel", {"reason": "The hall is flooded."})
    gil, hal = (f"{name}.{event_id}@example.net" for name in ("gil", "hal"))
    with a_visit(chromium, stack.description["pages"], locale="en-GB") as visit:
        fill_in(visit, event_id, ("Gil Ek", gil), ("Hal", hal))
        own = confirm(stack, visit, gil)
    confirmation = link_to(stack, hal, "/c/").removeprefix(stack.description["pages"])
    is_told(stack, gil, ("REQUEST", 0))
    return Pages(
        of_the_event=f"/e/{event_id}",
        addresses=(gil, hal),
        paths={
            "event": (f"/e/{event_id}", 200),
            "series": (f"/e/{series}", 200),
            "cancelled": (f"/e/{cancelled}", 200),
            "form": (f"/e/{event_id}/register", 200),
            "form of a series": (f"/e/{series}/register", 200),
            "sent": (f"/e/{event_id}/register/sent", 200),
            "lost link": (f"/e/{event_id}/link", 200),
            "confirm": (confirmation, 200),
            "personal": (own, 200),
            "answer": (f"{own}/answer", 200),
            "change": (f"{own}/change", 200),
            "withdraw": (f"{own}/withdraw", 200),
            "not there": ("/e/unknown", 404),
            "no link": ("/r/unknown", 404),
        },
    )


@frozen
class Seen:
    """What is seen of one page, which several tests look at: to open it once for each of them takes longer."""

    language: tuple[str | None, str | None]
    """With its direction."""
    wrong: list[Wrong]
    walked: dict[int, list[dict[str, Any]]]
    """What the Tab key comes to, by the width of the window."""


TURNS = {"en": 0, "ar": 2}
"""In one of the languages each page has the other width and colours than in the other one."""


@pytest.fixture(scope="module", params=TURNS)
def seen(stack: Running, chromium: Browser, pages: Pages, request: pytest.FixtureRequest) -> dict[str, Seen]:
    """Every page, by name, in one language."""
    found: dict[str, Seen] = {}
    with a_visit(chromium, stack.description["pages"], locale=request.param, **WITHOUT_MOTION) as visit:
        visit.bring_axe()
        for turn, (name, (path, status)) in enumerate(pages.paths.items(), TURNS[request.param]):
            root = visit.open(path, status).locator("html")
            language = root.get_attribute("lang"), root.get_attribute("dir")
            wrong = visit.looks(turn)
            walked: dict[int, list[dict[str, Any]]] = {}
            for width in WIDTHS if EVERY_LOOK else (LOOKED_AT[turn % len(LOOKED_AT)][0],):
                if walked:
                    visit.open(path, status)
                visit.look(width, "light")
                walked[width] = visit.walk()
            found[name] = Seen(language=language, wrong=wrong, walked=walked)
    return found


@pytest.mark.more
def test_every_page_is_accessible_in_all_sizes_and_colours(
    seen: dict[str, Seen], request: pytest.FixtureRequest
) -> None:
    language = request.node.callspec.params["seen"]
    assert {name: one.wrong for name, one in seen.items() if one.wrong} == {}
    assert {one.language for one in seen.values()} == {(language, "rtl" if language == "ar" else "ltr")}


@pytest.mark.more
def test_all_can_be_reached_with_the_keyboard_in_the_order_of_the_page_and_shows_that_it_has_the_focus(
    seen: dict[str, Seen],
) -> None:
    for name, one in seen.items():
        for walked in one.walked.values():
            assert [each["place"] for each in walked] == list(range(len(walked))), (name, walked)
            assert [each["what"] for each in walked if not each["seen"]] == [], name


@pytest.fixture(scope="module")
def in_german(stack: Running, chromium: Browser, pages: Pages) -> dict[str, tuple[list[str], int]]:
    """What stands out of a small window, and the weight of every page, by name, where words and texts are long."""
    found: dict[str, tuple[list[str], int]] = {}
    with a_visit(chromium, stack.description["pages"], locale="de") as visit:
        visit.keep_nothing()
        visit.look(320, "light")
        for name, (path, status) in pages.paths.items():
            visit.open(path, status)
            found[name] = (visit.wider_than_the_window(), visit.weight())
    return found


def test_no_page_has_to_be_scrolled_sideways_where_words_are_long(in_german: dict[str, tuple[list[str], int]]) -> None:
    assert {name: wide for name, (wide, _) in in_german.items() if wide} == {}


def test_a_page_and_all_that_it_loads_weigh_less_than_thirty_kilobytes(
    in_german: dict[str, tuple[list[str], int]],
) -> None:
    for name, (_, weight) in in_german.items():
        print(f"{name}: {weight / 1000:.1f} kB")
        assert weight < 30_000, name


def test_axe_core_and_the_checks_see_what_is_wrong(stack: Running, chromium: Browser) -> None:
    with a_visit(chromium, stack.description["pages"]) as visit:
        visit.page.set_content(
            "<style>a:focus { outline: none } p { color: #bbb; background: #fff }</style>"
            "<p>pale</p><input><div style='width: 2000px'>wide</div><a href='#' tabindex='2'>b</a><a href='/'>a</a>"
        )
        visit.look(320, "light")
        assert {"color-contrast", "label", "html-has-lang"} <= {each.rule for each in visit.findings()}
        assert visit.wider_than_the_window() != []
        walked = visit.walk()
        assert [one["place"] for one in walked] != [0, 1, 2]
        assert not all(one["seen"] for one in walked)


def test_the_page_of_an_event_is_seen_as_soon_as_it_has_come(stack: Running, chromium: Browser, pages: Pages) -> None:
    context = chromium.new_context()
    try:
        visit = Visit(context, stack.description["pages"])
        spent: list[float] = []
        # Once the stylesheet is there, which browsers keep for a year. Of several, since others use this machine, too.
        visit.open(pages.of_the_event)
        for _ in range(20):
            visit.open(pages.of_the_event)
            spent.append(visit.painted())
            if spent[-1] < PAINTED:
                break
    finally:
        context.close()
    print("painted after", [f"{one:.0f} ms" for one in spent])
    assert min(spent) < PAINTED


# --- looking changes nothing --------------------------------------------------------------------------------------


ON_THEIR_OWN = {"PACE", "SENDING", "SURVEY"}
DUE = {"due_key", "due_shard"}
"""What the sweep takes off an item that nothing is due on any more, whoever looks."""


def items(stack: Running) -> Iterator[tuple[str, dict[str, Any]]]:
    """All items of all tables, each with its table's name."""
    client = stack.client("dynamodb")
    for table in stack.description["tables"].values():
        for page in client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
            yield from ((table, item) for item in page["Items"])


def due(stack: Running) -> Iterator[str]:
    """When what is due is due, as it is stored."""
    for _, item in items(stack):
        if "due_key" in item:
            yield item["due_key"]["S"].split("#")[1]


def stored(stack: Running) -> dict[str, dict[str, Any]]:
    """All items of all tables, by table and key; without those that the sweep and the pace write by themselves."""
    return {
        f"{table} {item['pk']['S']} {item['sk']['S']}": {name: each for name, each in item.items() if name not in DUE}
        for table, item in items(stack)
        if not {item["pk"]["S"].partition("#")[0], item["sk"]["S"]} & ON_THEIR_OWN
    }


def get(url: str) -> tuple[int, str, str]:
    """What a scanner of links gets: status, type and text. Redirects are followed."""
    asked = urllib.request.Request(url, headers={"User-Agent": "scanner", "Accept-Language": "en"})  # noqa: S310
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
            return answer.status, answer.headers.get_content_type(), answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers.get_content_type(), refused.read().decode()


SOON = timedelta(seconds=20)
"""What is due within so long may be done while a test looks: a survey, or what is due at the full hour."""


def at_rest(stack: Running) -> dict[str, Any]:
    """What is stored once nothing is done any more, nor will be soon. What is due is done at once."""
    before = stored(stack)
    for _ in range(90):
        time.sleep(1)
        now, times = datetime.now(UTC), set(due(stack))
        if any(at <= keys.instant(now) for at in times):
            stack.sweep()
        found = stored(stack)
        if found == before and all(at > keys.instant(now + SOON) for at in times):
            return found
        before = found
    raise AssertionError("it never rests")


def test_opening_every_link_of_every_mail_and_page_changes_nothing(stack: Running, pages: Pages) -> None:
    origin = stack.description["pages"]
    mails = [mail for email in pages.addresses for mail in stack.mails(email)]
    found = {link for mail in mails for link in links_in(mail)} | {origin + path for path, _ in pages.paths.values()}
    queue = sorted(link for link in found if link.startswith(f"{origin}/"))
    before = at_rest(stack)
    seen: dict[str, int] = {}
    while queue:
        url = queue.pop().partition("#")[0]
        if url in seen:
            continue
        status, kind, text = get(url)
        seen[url] = status
        assert status in (200, 404), (url, status)
        # A page in another language has the same links, each with that language.
        if kind == "text/html" and "lang=" not in url:
            links = [unescape(link) for link in re.findall(r'(?:href|src|action)="([^"]+)"', text)]
            # A calendar that subscribes asks by http.
            links = [urljoin(url, link.replace("webcal:", "http:", 1)) for link in links]
            queue += [link for link in links if link.startswith(f"{origin}/") and "/assets/" not in link]
    print(f"{len(seen)} links opened")
    assert {kind for kind in "cerfu" if any(url.startswith(f"{origin}/{kind}/") for url in seen)} >= set("cerfu")
    assert len(seen) >= len(pages.paths)
    assert stored(stack) == before
