"""Every kind of page of the console in a real browser: what axe-core finds, at both ends of the sizes of screens, in
both colours, with scripts and without; whether all can be reached with the keyboard; and that looking changes nothing.
"""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, expect

from convoke.model import frozen
from tests.browser import WITHOUT_MOTION, Visit, Wrong, a_visit
from tests.running import Running
from tests.test_browser import at_rest, fill_in, stored
from tests.test_browser_console import Post, fill, heading, press, proposal, sign_in
from tests.test_stack import reply

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

PATIENCE = 60
"""Seconds for a mail."""
LONG = "Donaudampfschifffahrtsgesellschaftskapitänsversammlungsraum"
NAME = "Gil " + "Wolfeschlegelsteinhausenbergerdorff" * 2
BILLING = "ada.lovelace.of.the.analytical.engine.committee@mathematics.department.example"
OTHER_TIME = (
    *("RECURRENCE-ID:20310304T180000Z", "DTSTART:20310305T180000Z", "DTEND:20310305T193000Z"),
    f"COMMENT:{LONG}",
)
WEEKS = [f"2031-03-{day:02}T19:00:00" for day in (4, 11, 18, 25)]
SCRIPTED = frozenset({"new", "edit", "new, wrong", "waiting change", "preview of a move", "date, wrong", "result"})
"""The pages on which scripts hide, fetch or fill in something, or set the focus."""


def an_event(stack: Running, **more: Any) -> str:
    """The path of a new event in the API."""
    event = {
        "title": f"{LONG}: Chorprobe",
        "start": WEEKS[0],
        "duration": "PT1H30M",
        "time_zone": "Europe/Berlin",
        "location": f"{LONG}, Köln",
        "description": f"{LONG}\nhttps://example.org/{'a' * 120}",
        "organizer": {"name": "Ada Lovelace", "email": BILLING},
        **more,
    }
    return f"/events/{stack.call('POST', '/events', event)['event_id']}"


def register(stack: Running, event: str, email: str, **more: Any) -> str:
    """The path of a new registration in the API."""
    made = stack.call("POST", f"{event}/registrations", {"name": NAME, "email": email, **more})
    return f"{event}/registrations/{made['registration_id']}"


@frozen
class Pages:
    """A page of every kind: by name its path, with its status; and those that are the answer to a form, by name how one
    comes to them. ``state`` has the cookie of whoever is signed in.
    """

    paths: dict[str, tuple[str, int]]
    steps: dict[str, Callable[[Visit], object]]
    state: Any
    cookie: str


@pytest.fixture(scope="module")
def pages(stack: Running, chromium: Browser) -> Pages:
    origin = stack.description["pages"]
    question = {"text": f"{LONG}?", "kind": "choice", "choices": ["Everything", LONG], "required": False}
    series = an_event(stack, recurrence="FREQ=WEEKLY;COUNT=4", questions=[question], capacity=2, public=True)
    tag = series.rpartition("/")[2]
    gil, lost = (f"{name}-{'x' * 40}@{tag}.example" for name in ("gil", "lost"))
    person = register(stack, series, gil, responses={})
    register(stack, series, lost)
    register(stack, series, f"waits@{tag}.example")
    post = Post(stack, tag)
    invited = stack.eventually(lambda: post.of(gil) and post.of(lost) and post.of(gil), seconds=PATIENCE, sweeping=True)
    where = "/inbound?recipient=calendar@convoke.example"
    stack.post(where, proposal(invited[0], gil, *OTHER_TIME))
    stack.post(f"{where}&dmarc=FAIL", reply(invited[0], "DECLINED", sender=gil))
    stack.post("/ses-events", {"type": "Bounce", "message_id": post.of(lost)[0].message_id})
    stack.call(
        "PATCH", f"{series}/occurrences/{WEEKS[1]}", {"start": "2031-03-12T20:00:00", "end": "2031-03-12T22:00:00"}
    )
    stack.call("POST", f"{series}/occurrences/{WEEKS[2]}/cancel", {"reason": f"{LONG} is closed."})

    asks = an_event(stack, approval=True, public=True, confirm_address=False)
    draft = an_event(stack, status="draft")
    cancelled = an_event(stack)
    stack.call("POST", f"{cancelled}/cancel", {"reason": "The hall is flooded."})
    waits = an_event(stack, notify_after=900)
    register(stack, waits, f"told@{tag}.example")
    stack.eventually(lambda: Post(stack, waits.rpartition("/")[2]).told(), seconds=PATIENCE, sweeping=True)
    stack.call("PATCH", waits, {"title": f"{LONG}!"})

    with a_visit(chromium, origin, locale="en-GB") as visit:
        fill_in(visit, asks.rpartition("/")[2], (NAME, f"asks@{tag}.example"))
        (pending,) = stack.call("GET", f"{asks}/registrations")["items"]
        sign_in(stack, visit)
        checked = upload(
            visit, f"/console{draft}/imports", f"Name;E-Mail;{LONG}\n{LONG};bo@ex\nBo;bo@{tag}.example;x\n"
        )
        done = upload(visit, f"/console{draft}/imports", f"Name;E-Mail\n{LONG};cy@ex\nCy;cy@{tag}.example\n")
        press(visit.page, "Import 1 person")
        expect(visit.page.get_by_role("heading", name="The import is done")).to_be_visible(timeout=PATIENCE * 1000)
        state = visit.context.storage_state()

    (proposed,) = stack.eventually(lambda: stack.call("GET", f"{series}/proposals")["items"], seconds=PATIENCE)
    stack.eventually(
        lambda: stack.call("GET", series)["attention_count"] and stack.call("GET", f"{series}/quarantine")["items"],
        seconds=PATIENCE,
        sweeping=True,
    )
    at, her = f"/console{series}", f"/console{person.replace('registrations', 'people')}"
    asking = f"/console{asks}/people/{pending['registration_id']}"
    dates = [f"{at}/dates/{each.replace('-', '').replace(':', '')}" for each in WEEKS]
    found = {
        "sign in": "/console/sign-in",
        "sent": "/console/sign-in/sent",
        "home": "/console",
        "drafts": "/console?show=drafts",
        "over": "/console?show=past",
        "nothing found": "/console?q=zzzz",
        "new": "/console/new",
        "copy": f"/console/new?from={tag}",
        "event": at,
        "event, counted": f"{at}?count=answers",
        "draft": f"/console{draft}",
        "cancelled": f"/console{cancelled}",
        "waiting change": f"/console{waits}",
        "undo": f"/console{waits}/undo",
        "edit": f"{at}/edit",
        "cancel": f"{at}/cancel",
        "reopen": f"/console{cancelled}/reopen",
        "dates": f"{at}/dates",
        "past dates": f"{at}/dates?show=past",
        "one date": f"/console{waits}/dates",
        "month": f"{at}/dates?view=month&month=2031-03",
        "empty month": f"{at}/dates?view=month&month=2031-07",
        "date": dates[0],
        "moved date": dates[1],
        "cancelled date": dates[2],
        "cancel a date": f"{dates[0]}/cancel",
        "restore a date": f"{dates[2]}/restore",
        "split": f"{dates[3]}/split",
        "add a date": f"{at}/dates/add",
        "people": f"{at}/people",
        "nobody found": f"{at}/people?q=zzzz",
        "nobody": f"/console{cancelled}/people",
        "add somebody": f"{at}/people/add",
        "person": her,
        "change": f"{her}/change",
        "withdraw": f"{her}/withdraw",
        "erase": f"{her}/erase",
        "mail": f"{her}/mails/0",
        "who asks": asking,
        "decide": f"{asking}/decide",
        "accept": f"{asking}/accept",
        "decline": f"{asking}/decline",
        "attention": f"{at}/attention",
        "nothing to attend": f"/console{cancelled}/attention",
        "all attention": "/console/attention",
        "proposal": f"{at}/proposals/{proposed['proposal_id']}",
        "import": f"/console{draft}/imports",
        "columns": checked.replace("/check", "/columns"),
        "check": checked,
        "result": done.removesuffix("/check"),
        "settings": "/console/settings",
        "not there": "/console/events/unknown",
    }

    def sends(path: str, button: str, heading_after: str = "", **typed: str) -> Callable[[Visit], object]:
        def go(visit: Visit) -> None:
            page = visit.open(path)
            fill(page, **typed)
            press(page, button)
            if heading_after:
                expect(page.get_by_role("heading", level=1)).to_contain_text(heading_after)
            else:
                expect(page.get_by_role("alert")).to_be_visible()

        return go

    steps = {
        "new, wrong": sends("/console/new", "Publish"),
        "date, wrong": sends(f"{at}/dates/add", "Continue"),
        "person, wrong": sends(f"{at}/people/add", "Add, and invite"),
        "import, wrong": sends(f"/console{draft}/imports", "Go on"),
        "settings, wrong": sends("/console/settings", "Save", Colour="x"),
        "preview of a move": sends(dates[0], "Continue", "Move Tuesday 4 March 2031", Begins_at="18:00"),
        "preview of a cancellation": sends(f"{at}/cancel", "Go on", "Cancel the event"),
        "preview of a proposal": sends(found["proposal"], "Accept it", "as it was proposed"),
    }
    return Pages(
        paths={name: (path, 404 if name == "not there" else 200) for name, path in found.items()},
        steps=steps,
        state=state,
        cookie="; ".join(f"{one['name']}={one['value']}" for one in state["cookies"]),
    )


def upload(visit: Visit, path: str, text: str) -> str:
    """From the form to the dry run; answers the path of that."""
    page = visit.open(path)
    page.get_by_label("Or paste the lines here").fill(text)
    press(page, "Go on")
    press(page, "Check the lines")
    heading(page, "Check the import")
    return visit.path


def signed_in(stack: Running, chromium: Browser, pages: Pages, **options: Any) -> Any:
    return a_visit(chromium, stack.description["pages"], storage_state=pages.state, locale="en-GB", **options)


def shown(visit: Visit, pages: Pages, names: frozenset[str] = frozenset()) -> Iterator[str]:
    """Opens one page after the other, all or those of these ``names``, and says which one."""
    for name, (path, status) in pages.paths.items():
        if not names or name in names:
            visit.open(path, status)
            yield name
    for name, go in pages.steps.items():
        if not names or name in names:
            go(visit)
            yield name


def get(url: str, cookie: str) -> tuple[int, str, str]:
    """What whoever is signed in gets: status, type and text; nothing is followed."""
    asked = urllib.request.Request(url, headers={"Cookie": cookie})  # noqa: S310
    try:
        with urllib.request.build_opener(_Stay).open(asked, timeout=30) as answer:
            return answer.status, answer.headers.get_content_type(), answer.read().decode(errors="replace")
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers.get_content_type(), refused.read().decode()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


ENOUGH = 2
"""So many links of one kind are opened: months lead to further months without end."""


def kind_of(link: str) -> str:
    """A link without what differs between pages of one kind: ids, dates and cursors."""
    return re.sub(r"[0-9A-Za-z_-]{20,}|[0-9][0-9T-]*", "…", link)


def test_opening_links_of_every_kind_and_the_addresses_of_forms_changes_nothing(stack: Running, pages: Pages) -> None:
    origin = stack.description["pages"]
    queue = [origin + path for path, _ in pages.paths.values()]
    before = at_rest(stack)
    seen, kinds = set(queue), Counter(map(kind_of, queue))
    for url in queue:
        status, kind, text = get(url, pages.cookie)
        assert status in (200, 303, 404, 405), (url, status)
        links = re.findall(r' (?:href|action|data-again)="([^"]+)"', text) if kind == "text/html" else ()
        for link in (urljoin(url, unescape(each)).partition("#")[0] for each in links):
            if link.startswith(f"{origin}/console") and link not in seen and kinds[kind_of(link)] < ENOUGH:
                seen.add(link)
                kinds[kind_of(link)] += 1
                queue.append(link)
    print(f"{len(queue)} links of {len(kinds)} kinds opened")
    assert {f"{origin}/console/sign-out", f"{origin}/console/settings"} <= seen
    assert len(kinds) > 50
    assert stored(stack) == before


@frozen
class Seen:
    """What is seen of one page, which several tests look at: to open it once for each of them takes longer."""

    wrong: list[Wrong]
    walked: list[dict[str, Any]]
    """What the Tab key comes to."""


@pytest.fixture(scope="module")
def seen(stack: Running, chromium: Browser, pages: Pages) -> dict[str, Seen]:
    """Every page, by name."""
    found: dict[str, Seen] = {}
    with signed_in(stack, chromium, pages, **WITHOUT_MOTION) as visit:
        visit.bring_axe()
        for turn, name in enumerate(shown(visit, pages)):
            # They have much in common.
            wrong = visit.looks(turn, axe=turn % 3 == 0)
            visit.look(320, "light")
            # Most answers to a form are the page of that form again.
            found[name] = Seen(wrong=wrong, walked=visit.walk() if name in pages.paths else [])
    return found


# Nobody registers from here on, and nobody waits for a mail, so what takes long without doing much is begun.
@pytest.mark.more
@pytest.mark.usefixtures("others_meanwhile")
def test_every_page_is_accessible_in_all_sizes_and_colours(seen: dict[str, Seen]) -> None:
    assert {name: one.wrong for name, one in seen.items() if one.wrong} == {}


@pytest.mark.more
def test_the_pages_on_which_scripts_do_something_are_accessible_without_them(
    stack: Running, chromium: Browser, pages: Pages
) -> None:
    with signed_in(stack, chromium, pages) as visit:
        # Where scripts are switched off altogether, axe-core does not run either.
        visit.context.route(re.compile(r"\.js$"), lambda route: route.abort())
        names = enumerate(shown(visit, pages, SCRIPTED))
        wrong = {name: found for turn, name in names if (found := visit.looks(turn))}
        assert wrong == {}


def test_all_can_be_reached_with_the_keyboard_in_the_order_of_the_page_and_shows_that_it_has_the_focus(
    seen: dict[str, Seen],
) -> None:
    for name, one in seen.items():
        assert [each["place"] for each in one.walked] == list(range(len(one.walked))), (name, one.walked)
        assert [each["what"] for each in one.walked if not each["seen"]] == [], name
