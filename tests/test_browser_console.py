"""The console in a real browser, on the whole stack, with real mail: the year of an association's secretary, who has
never seen the API.
"""

from __future__ import annotations

import csv
import json
import os
import re
import urllib.request
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from local import mailbag
from local.mailbag import Mail
from tests.browser import Visit, a_visit
from tests.running import Running
from tests.test_stack import reply
from tests.test_stack_console import Browser as WithoutPages

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

PATIENCE = 240
"""Seconds for two hundred mails, at the rate that SES grants."""
PEOPLE = int(os.environ.get("CONVOKE_MEMBERS", "24"))
"""Two hundred where the stack is under load (`make fire`), and fewer in `make test`, which is to be quick."""
SECRETARY = "secretary@chor.example"
CHOIR, BOARD = "Chorprobe & Kaffee", "Vorstand"
NAMES = ("Ada", "Bo", "Cy", "Dan", "Eve", "Finn", "Gil", "Hal")
MEMBERS = {f"mitglied{number}@chor.example": f"{NAMES[number % 8]} Müller {number}" for number in range(PEOPLE)}
UNREACHED, PROPOSER = "mitglied11@chor.example", "vorstand@chor.example"
REASON, COMMENT = "Der Saal ist überflutet.", "If it does not rain"
WRONG = {
    12: ("Cleo;cleo@chor", "Mail address must be a mail address"),
    17: ("Dora", "Mail address is missing"),
    21: ("Ada;Mitglied0@Chor.Example", "Mail address is the same as in line 2"),
}
"""Lines of the file that are left out, each with what is said of it."""


def table() -> bytes:
    """The people as a spreadsheet saves them, in Windows-1252, with the wrong lines among them."""
    people = [f"{name};{email}" for email, name in MEMBERS.items()]
    lines = ["Name;E-Mail"]
    while people:
        wrong = WRONG.get(len(lines) + 1)
        lines.append(wrong[0] if wrong else people.pop(0))
    return "\r\n".join([*lines, ""]).encode("cp1252")


def sign_in(stack: Running, visit: Visit) -> Page:
    """By the link that `make run` makes for whoever uses this machine."""
    status, link, _ = WithoutPages(stack.description["inbox"]).ask("/console", {})
    assert status == 303
    page = visit.open(link)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Events")
    return page


def fill(page: Page, **typed: str) -> None:
    """Fill in fields by their labels, with ``_`` for a space."""
    for label, value in typed.items():
        field = page.get_by_label(re.compile(rf"^{re.escape(label.replace('_', ' '))}\??( \(optional\))?$"))
        if field.evaluate("one => one.tagName") == "SELECT":
            field.select_option(label=value)
        else:
            field.fill(value)


def press(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=name, exact=True).click()


def follow(page: Page, name: str | re.Pattern[str]) -> None:
    """Click on a link in the page; a text is the whole of its name."""
    page.get_by_role("main").get_by_role("link", name=name, exact=True).first.click()


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


class Post:
    """The mails about one event."""

    def __init__(self, stack: Running, event_id: str) -> None:
        self.stack, self.event_id = stack, event_id
        self._folder = Path(stack.description["mail"])

    def mails(self) -> list[Mail]:
        return [mail for mail in mailbag.read(self._folder) if mail.tags.get("event") == self.event_id]

    def of(self, email: str) -> list[Mail]:
        return [mail for mail in self.mails() if mail.to == email]

    def told(self) -> Counter[str]:
        """How many mails everybody was sent."""
        return Counter(mail.to for mail in self.mails())

    def all_have(self, count: int) -> None:
        def have() -> bool:
            told = self.told()
            return all(told[email] == count for email in MEMBERS)

        self.stack.eventually(have, seconds=PATIENCE, sweeping=True)

    def calendar(self, email: str) -> list[str]:
        """What the calendar of somebody shows after all their mails: each date's start, and what became of it."""
        url = f"{self.stack.description['inbox']}/calendar/{quote(email)}"
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310
            items: list[dict[str, Any]] = json.load(answer)
        return [f"{date['start'][5:16]} {date['mark']}" for item in items for date in item["dates"]]


def knows(page: Page) -> None:
    """The page of the event says by itself that everybody has been told. On this stack a report that is some seconds
    late already counts as somebody who was not reached, until it comes.
    """
    told = re.compile("Everybody is told|All mails have left, but somebody needs you")
    expect(page.get_by_role("heading", name=told)).to_be_visible(timeout=PATIENCE * 1000)


@pytest.mark.more
def test_a_secretary_plays_a_whole_year_and_everybody_is_told_each_thing_once(
    stack: Running, chromium: Browser
) -> None:
    with a_visit(chromium, stack.description["pages"], locale="en-GB", timezone_id="Europe/Berlin") as visit:
        page = sign_in(stack, visit)
        choir = Post(stack, creates_a_series(page))
        imports(page, choir)
        moves_one_date(page, choir)
        cancels_one_date(page)
        # While people are being told.
        accepts_a_proposal(stack, page)
        looks_for_somebody_and_exports(page)
        everybody_hears_that_it_is_cancelled(choir)
        finds_who_was_not_reached(page, choir)
        page.get_by_role("button", name="Sign out").click()
        heading(page, "Sign in")
        visit.open("/console")
        heading(page, "Sign in")

    said = Counter((mail.method, mail.value("SEQUENCE"), mail.subject) for mail in choir.mails() if mail.to in MEMBERS)
    assert said == {
        ("REQUEST", "0", f"Invitation: {CHOIR} · from Tue 4 Mar 2031, 19:00"): PEOPLE,
        ("REQUEST", "1", f"Moved: {CHOIR} · Wed 12 Mar 2031, 20:00"): PEOPLE,
        ("CANCEL", "2", f"Cancelled: {CHOIR} · Tue 18 Mar 2031, 19:00"): PEOPLE,
    }
    choir.all_have(3)
    # Beside them the organizer may be told who was not reached; nobody is told anything else.
    assert set(choir.told()) - set(MEMBERS) <= {SECRETARY}


def creates_a_series(page: Page) -> str:
    """The id of the event."""
    page.get_by_role("link", name=re.compile("^Create (an|your first) event$")).click()
    fill(page, Title=CHOIR, Begins_on="2031-03-04", At="19:00", Ends_at="21:00", Place="Alte Feuerwache, Köln")
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Berlin")
    page.get_by_label("Does it take place more than once?").select_option("weekly")
    fill(page, Number_of_dates="5", Name="Ada Lovelace")
    page.get_by_label("E-mail address").fill(SECRETARY)
    press(page, "Publish")
    heading(page, CHOIR)
    return urlsplit(page.url).path.rpartition("/")[2]


def imports(page: Page, choir: Post) -> None:
    follow(page, "Import people from a table")
    page.get_by_label("A file").set_input_files({"name": "chor.csv", "mimeType": "text/csv", "buffer": table()})
    press(page, "Go on")
    heading(page, "What is in the columns?")
    press(page, "Check the lines")
    heading(page, "Check the import")
    expect(page.get_by_text(f"{PEOPLE} people are registered, and mailed an invitation.")).to_be_visible()
    expect(page.get_by_text("2 lines cannot be imported, and are left out.")).to_be_visible()
    expect(page.get_by_text("1 line has an address that comes before it")).to_be_visible()
    for number, (_, why) in WRONG.items():
        line = page.get_by_role("row").filter(has=page.get_by_role("cell", name=str(number), exact=True))
        expect(line).to_contain_text(why)
    assert choir.mails() == []
    press(page, f"Import {PEOPLE} people")
    heading(page, "Import people")
    expect(page.get_by_role("heading", name="The import is done")).to_be_visible(timeout=PATIENCE * 1000)
    expect(page.get_by_text(f"{PEOPLE} people were registered.")).to_be_visible()
    expect(page.get_by_text("3 lines were not imported.")).to_be_visible()
    choir.all_have(1)


def moves_one_date(page: Page, choir: Post) -> None:
    follow(page, CHOIR)
    follow(page, "All dates")
    follow(page, re.compile("^Change .*11 March 2031"))
    fill(page, Day="2031-03-12", Begins_at="20:00", Ends_at="22:00")
    press(page, "Continue")
    expect(page.get_by_text("Nothing has been changed yet, and nobody has been mailed.")).to_be_visible()
    asked = f"{PEOPLE} people are told what changes, and are asked again whether they come."
    expect(page.get_by_text(asked)).to_be_visible(timeout=30_000)
    expect(page.get_by_text(f"{PEOPLE} mails in all.")).to_be_visible()
    expect(page.locator("details.mail[open] pre")).to_contain_text("12 March 2031")
    assert len(choir.mails()) == PEOPLE
    press(page, "Change it, and send")
    expect(page.get_by_role("status")).to_contain_text("Whoever it concerns is told by mail.")
    follow(page, CHOIR)
    knows(page)
    choir.all_have(2)
    moved = ["03-04T19:00 as planned", "03-12T20:00 moved", *(f"03-{day}T19:00 as planned" for day in ("18", "25"))]
    for email in list(MEMBERS)[:: PEOPLE // 4]:
        assert choir.calendar(email) == [*moved, "04-01T19:00 as planned"], email


def cancels_one_date(page: Page) -> None:
    follow(page, "All dates")
    follow(page, re.compile("^Cancel .*18 March 2031"))
    fill(page, Why=REASON)
    press(page, "Cancel this date")
    cancelled = f"{PEOPLE} people are told that this date is cancelled."
    expect(page.get_by_text(cancelled)).to_be_visible(timeout=30_000)
    expect(page.locator("details.mail[open] pre")).to_contain_text(REASON)
    press(page, "Cancel this date, and send")
    expect(page.get_by_role("main")).to_contain_text(REASON)


def everybody_hears_that_it_is_cancelled(choir: Post) -> None:
    choir.all_have(3)
    for email in MEMBERS:
        dates = ("03-04T19:00 as planned", "03-12T20:00 moved", "03-18T19:00 cancelled", "03-25T19:00 as planned")
        assert choir.calendar(email) == [*dates, "04-01T19:00 as planned"], email


def finds_who_was_not_reached(page: Page, choir: Post) -> None:
    """The cancellation comes back from one of them."""
    choir.stack.post("/ses-events", {"type": "Bounce", "message_id": choir.of(UNREACHED)[-1].message_id})

    def missed() -> list[tuple[str, str]]:
        """Who is shown, and why. Whoever was sent it late is shown until a survey has seen that it arrived."""
        shown = choir.stack.call("GET", f"/events/{choir.event_id}/attention")["items"]
        return [(one["email"], one["state"]) for one in shown]

    choir.stack.eventually(lambda: missed() == [(UNREACHED, "bounced")], seconds=120, sweeping=True)
    page.get_by_role("link", name="Attention").first.click()
    follow(page, CHOIR)
    expect(page.get_by_role("heading", level=3)).to_have_text("Does not know that it is cancelled")
    lost = page.get_by_role("row").filter(has_text=MEMBERS[UNREACHED])
    expect(lost).to_contain_text("Came back Their mail server does not take mail for this address.")
    expect(lost).to_contain_text("Tue 18 Mar 2031, 19:00")
    follow(page, MEMBERS[UNREACHED])
    heading(page, MEMBERS[UNREACHED])
    dates = page.locator("ul.dates").first.get_by_role("listitem")
    expect(dates).to_have_count(5)
    expect(dates.nth(1)).to_contain_text("Wednesday 12 March 2031, 20:00 to 22:00")
    expect(dates.nth(1)).to_contain_text("Shown")
    # What was mailed of this one date came back.
    expect(dates.nth(2)).to_contain_text("Tuesday 18 March 2031")
    expect(dates.nth(2)).to_contain_text("Not known")
    expect(page.locator("ol.timeline > li")).to_have_count(4)


def proposal(mail: Mail, sender: str, *lines: str) -> bytes:
    """Another time for what ``mail`` invites to, as the ``lines`` say it, as a mail program sends it."""
    raw = re.sub(r"DT(START|END)[^\r]*\r\n", "", reply(mail, "TENTATIVE", sender=sender).decode())
    return raw.replace("END:VEVENT", "\r\n".join((*lines, "END:VEVENT"))).replace("REPLY", "COUNTER").encode()


def accepts_a_proposal(stack: Running, page: Page) -> None:
    """Of another event, a copy of the first, to which somebody is added by hand."""
    page.get_by_role("link", name=CHOIR).click()
    follow(page, "Copy it for a new event")
    fill(page, Title=BOARD, Begins_on="2031-03-06", At="18:00", Ends_at="19:00")
    page.get_by_label("Does it take place more than once?").select_option("none")
    press(page, "Publish")
    heading(page, BOARD)
    board = Post(stack, urlsplit(page.url).path.rpartition("/")[2])
    follow(page, "Add somebody by hand")
    fill(page, Name="Bo Ek")
    page.get_by_label("E-mail address").fill(PROPOSER)
    press(page, "Add, and invite")
    heading(page, "Bo Ek")
    (invitation,) = stack.eventually(lambda: board.of(PROPOSER), seconds=PATIENCE)
    raw = proposal(invitation, PROPOSER, "DTSTART:20310307T170000Z", "DTEND:20310307T180000Z", f"COMMENT:{COMMENT}")
    stack.post("/inbound?recipient=calendar@convoke.example", raw)
    stack.eventually(lambda: stack.call("GET", f"/events/{board.event_id}/proposals")["items"], seconds=PATIENCE)
    page.get_by_role("link", name="Attention").last.click()
    expect(page.get_by_text(COMMENT)).to_be_visible()
    follow(page, re.compile("^Decide"))
    press(page, "Accept it")
    expect(page.get_by_text("One mail in all.")).to_be_visible()
    assert len(board.mails()) == 1
    press(page, "Move it, and tell everybody")
    heading(page, BOARD)
    expect(page.get_by_text("Friday 7 March 2031, 18:00 to 19:00")).to_be_visible()
    stack.eventually(lambda: len(board.mails()) == 2, seconds=PATIENCE, sweeping=True)
    told = [(mail.to, mail.method, mail.sequence, mail.subject) for mail in board.mails()]
    assert told == [
        (PROPOSER, "REQUEST", 0, f"Invitation: {BOARD} · Thu 6 Mar 2031, 18:00"),
        (PROPOSER, "REQUEST", 1, f"Moved: {BOARD} · Fri 7 Mar 2031, 18:00"),
    ]


def looks_for_somebody_and_exports(page: Page) -> None:
    page.get_by_role("link", name="Events").first.click()
    follow(page, CHOIR)
    follow(page, "People")
    page.get_by_label("Name or address").fill("gil mull 1")
    press(page, "Show")
    searched = [name for name in MEMBERS.values() if name.startswith("Gil Müller 1")]
    expect(page.get_by_role("rowheader")).to_have_count(len(searched))
    assert {row.inner_text().partition("\n")[0] for row in page.get_by_role("rowheader").all()} == set(searched)
    follow(page, "Show everybody")
    with page.expect_download() as downloading:
        follow(page, "Export")
    rows = list(csv.DictReader(StringIO(downloading.value.path().read_text("utf-8-sig"))))
    assert {row["email"]: row["name"] for row in rows} == MEMBERS
