"""A registration as a file for a calendar, and as a private feed: what is in it, for whom, and what is never in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar

import pages
from convoke.links.tokens import Purpose, personal
from convoke.model import DateChange, Registration
from convoke.registrations.returning import come_back
from convoke.schedule import edits, series
from tests.factories import EVENT_ID, existing, expect
from tests.tables import unchanged
from tests.visitor import Shown, Visitor
from tests.world import World, a_world


class Subscriber(Visitor):
    """Somebody who is registered, and their calendar program."""

    def __init__(self, world: World) -> None:
        super().__init__(world.client)
        self.world = world

    def path(self, who: Registration, purpose: Purpose = Purpose.FEED) -> str:
        now = existing(self.store.reads.registration(who.event_id, who.registration_id))
        made_with = self.store.link_keys.at(self.world.now)
        token = personal(made_with, purpose, who.event_id, who.registration_id, now.links)
        return f"/f/{token}.ics" if purpose is Purpose.FEED else f"/r/{token}.ics"

    def feed(self, who: Registration, **headers: str) -> Shown:
        shown = self.get(self.path(who), **headers)
        assert shown.status in (200, 304), shown.text
        return shown

    def entries(self, who: Registration) -> list[Any]:
        return list(Calendar.from_ical(self.feed(who).data).walk("VEVENT"))


def subscribed(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Iterator[Subscriber]:
    with a_world(public=True, title="Choir", **changes) as world:
        one = Subscriber(world)
        one.opens(monkeypatch)
        monkeypatch.setattr(pages, "now", lambda: world.now)
        yield one


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch) -> Iterator[Subscriber]:
    yield from subscribed(monkeypatch, capacity=1)


@pytest.fixture
def weekly(monkeypatch: pytest.MonkeyPatch) -> Iterator[Subscriber]:
    yield from subscribed(monkeypatch, rule="FREQ=WEEKLY;COUNT=3")


# --- the feed -----------------------------------------------------------------------------------------------------


def test_the_feed_is_a_published_calendar_that_is_read_again_and_again(one: Subscriber) -> None:
    bo = one.world.register()
    shown = one.feed(bo)
    assert shown.headers["content-type"] == "text/calendar; charset=utf-8; method=PUBLISH"
    assert shown.headers["x-robots-tag"] == "noindex, nofollow"
    assert "public" not in shown.headers["cache-control"]
    calendar = Calendar.from_ical(shown.data)
    assert (calendar["METHOD"], "REFRESH-INTERVAL" in calendar) == ("PUBLISH", True)
    (entry,) = calendar.walk("VEVENT")
    assert (str(entry["SUMMARY"]), str(entry["STATUS"])) == ("Choir", "CONFIRMED")
    assert "ATTENDEE" not in entry
    again = one.feed(bo, if_none_match=shown.headers["etag"])
    assert (again.status, again.data) == (304, b"")


def test_the_feed_follows_the_event_and_the_registration(one: Subscriber) -> None:
    bo = one.world.register()
    revisions = [int(one.entries(bo)[0]["SEQUENCE"])]

    def shows(status: str, title: str) -> None:
        (entry,) = one.entries(bo)
        assert (str(entry["STATUS"]), str(entry["SUMMARY"])) == (status, title)
        revisions.append(int(entry["SEQUENCE"]))

    one.world.change(title="Chor")
    shows("CONFIRMED", "Chor")
    one.world.withdraw(bo)
    shows("CANCELLED", "Not registered: Chor")
    other = one.world.register(2)
    come_back(one.store, EVENT_ID, bo.registration_id, now=one.world.now)
    shows("CANCELLED", "Waitlist: Chor")
    one.world.withdraw(other)
    one.world.sweep()
    shows("CONFIRMED", "Chor")
    one.world.cancel_event()
    shows("CANCELLED", "Cancelled: Chor")
    assert revisions == sorted(set(revisions))


def test_of_a_series_the_feed_has_the_dates_that_the_person_comes_to(weekly: Subscriber) -> None:
    first, second, third = (each.date for each in series.occurrences(weekly.world.event()))
    bo = weekly.world.register(occurrences=(first, third))
    weekly.world.become(edits.cancel_date(weekly.world.event(), first, "Rain"))
    assert isinstance(third, datetime)
    assert isinstance(second, datetime)
    (entry,) = weekly.entries(bo)
    excluded = entry["EXDATE"] if isinstance(entry["EXDATE"], list) else [entry["EXDATE"]]
    dates = {each.dt.replace(tzinfo=None) for one in excluded for each in one.dts}
    assert dates == {first, second}


def test_a_feed_is_opened_by_its_own_link_only_and_ends_with_the_others(one: Subscriber) -> None:
    bo = one.world.register()
    for purpose in (Purpose.PERSONAL, Purpose.WITHDRAW):
        token = one.path(bo, purpose).removeprefix("/r/")
        assert one.get(f"/f/{token}").status == 404
    old = one.path(bo)
    assert one.get(old.replace("/f/", "/r/")).status == 404
    one.world.amend(bo, email="n@example.net")
    assert one.get(old).status == 410
    one.world.pass_time(days=4000)
    assert one.get(one.path(bo)).status == 410


# --- the file -----------------------------------------------------------------------------------------------------


def test_the_file_is_what_was_mailed_with_its_uid_so_that_a_later_mail_removes_it(one: Subscriber) -> None:
    bo = one.world.register()
    nothing = one.get(one.path(bo, Purpose.PERSONAL))
    assert (nothing.status, "has not been sent yet" in nothing.text) == (404, True)
    one.world.look(bo)
    shown = one.get(one.path(bo, Purpose.PERSONAL))
    (mailed,) = one.store.reads.messages_with_mails(bo.registration_id)
    assert shown.data == existing(mailed.rendered).calendar
    assert shown.headers["cache-control"] == "no-store"
    assert shown.headers["content-disposition"].startswith('attachment; filename="Choir.ics"')
    one.world.withdraw(bo)
    one.world.look(bo)
    assert one.world.told[-1].uid.encode() in shown.data.replace(b"\r\n ", b"")
    assert one.get(one.path(bo, Purpose.PERSONAL)).status == 404


def test_the_file_of_a_series_has_its_changed_dates(weekly: Subscriber) -> None:
    bo = weekly.world.register()
    weekly.world.look(bo)
    weekly.world.arrive()
    second = expect(datetime, series.occurrences(weekly.world.event())[1].date)
    when = series.when_at(weekly.world.event().schedule, second + timedelta(hours=2))
    weekly.world.become(edits.change_date(weekly.world.event(), DateChange(date=second, when=when)))
    weekly.world.pass_time(minutes=5)
    weekly.world.look(bo)
    calendar = Calendar.from_ical(weekly.get(weekly.path(bo, Purpose.PERSONAL)).data)
    whole, moved = calendar.walk("VEVENT")
    assert ("RRULE" in whole, "RECURRENCE-ID" in moved) == (True, True)
    assert whole["UID"] == moved["UID"]


def test_the_page_says_what_the_calendar_shows_by_what_was_mailed(one: Subscriber) -> None:
    bo = one.world.register()
    page = one.path(bo, Purpose.PERSONAL).removesuffix(".ics")

    def said() -> str:
        (section,) = re.findall(
            r"What your calendar should show now</h2>(.*?)</section>", one.get(page).text, re.DOTALL
        )
        return " ".join(re.sub(r"<[^>]*>", " ", section).split())

    assert said() == "Your invitation is on its way."
    one.world.look(bo)
    assert said().startswith("Choir Friday")
    one.world.change(title="Chor")
    assert said().startswith("Choir Friday")
    assert said().endswith("This is not how it is now: a mail that changes it is on its way, or did not arrive.")
    one.world.look(bo)
    assert (said().startswith("Chor Friday"), "not how it is" in said()) == (True, False)
    one.world.withdraw(bo)
    one.world.look(bo)
    assert said().startswith("Nothing: the entry is removed by a mail.")


# --- both ---------------------------------------------------------------------------------------------------------


def test_no_calendar_has_a_personal_link_and_no_look_changes_anything(one: Subscriber) -> None:
    bo = one.world.register()
    one.world.look(bo)
    page = one.path(bo, Purpose.PERSONAL).removesuffix(".ics")
    one.get(page)
    with unchanged(one.client):
        (webcal,) = re.findall(r'href="(webcal:[^"]*)"', one.get(page).text)
        assert webcal.endswith(one.path(bo))
        for path in (one.path(bo), one.path(bo, Purpose.PERSONAL)):
            data = one.get(path).data.replace(b"\r\n ", b"").decode()
            assert not re.search(r"/[rufc]/[A-Za-z0-9_-]{20,}", data), path
