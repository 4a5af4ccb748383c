"""The personal page and one-click unsubscribing: what is shown, what each form does, and whom a link lets in."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

import pytest

from convoke.decision.decide import Snapshot, decide
from convoke.effects import ClaimNotification, ReadNotification
from convoke.links.tokens import Purpose, personal
from convoke.mail import new_notifications
from convoke.model import (
    DateChange,
    Event,
    EventStatus,
    Method,
    Participation,
    Question,
    QuestionKind,
    Registration,
    RegistrationStatus,
)
from convoke.pages import forms
from convoke.registrations import erasure, events, registry, returning, waitlist
from convoke.registrations.returning import HELD
from convoke.store import dynamo
from convoke.store.invitations import invitation_item
from tests.factories import AFTERNOON, EVENT_ID, accepted, existing, expect, told
from tests.factories import registration as person
from tests.fixtures import patching_fixture_of
from tests.tables import SETTINGS, everything, unchanged
from tests.visitor import Shown, Visitor, a_visitor, words_of

IDS = [f"{number:010d}{EVENT_ID}" for number in range(1, 6)]


visitor = patching_fixture_of(a_visitor)


def register(visitor: Visitor, number: int = 0, **changes: Any) -> Registration:
    made = person(**{"registration_id": IDS[number], "email": f"person{number}@example.net", **changes})
    return expect(Registration, registry.register(visitor.store, made, now=visitor.now, account="acme"))


@pytest.fixture
def bo(visitor: Visitor) -> Registration:
    """Registered for a single event without a limit."""
    visitor.hold()
    return register(visitor)


def token(visitor: Visitor, who: Registration, purpose: Purpose = Purpose.PERSONAL, links: int | None = None) -> str:
    keys = visitor.store.link_keys.at(visitor.now)
    expires = visitor.now + timedelta(hours=1) if purpose is Purpose.RECENT else None
    counter = who.links if links is None else links
    return personal(keys, purpose, who.event_id, who.registration_id, counter, expires)


def path(visitor: Visitor, who: Registration) -> str:
    return f"/r/{token(visitor, who)}"


def stored(visitor: Visitor, who: Registration) -> Registration:
    return existing(visitor.store.reads.registration(who.event_id, who.registration_id))


def press(visitor: Visitor, page: str, action: str, **typed: Any) -> Shown:
    """Open the page of an action, and send its form."""
    target = f"{page}/{action}"
    asked = visitor.get(target)
    assert asked.status == 200, words_of(asked)
    return visitor.post(target, asked.fields(target) | typed)


def follow(visitor: Visitor, answer: Shown) -> Shown:
    assert answer.status == 303, words_of(answer)
    return visitor.get(answer.location)


def change(visitor: Visitor, before: Event, **changes: Any) -> Event:
    after = replace(before, version=before.version + 1, updated_at=visitor.now, **changes)
    assert events.change_event(visitor.store, before, after, priority=1, now=visitor.now)
    return after


# --- what is shown ------------------------------------------------------------------------------------------------


def test_the_page_says_what_the_person_holds_and_is_for_them_alone(visitor: Visitor) -> None:
    visitor.hold(title="Kölner Treffen")
    bo = register(visitor, name="Bo <Ek>")
    shown = visitor.get(path(visitor, bo))
    assert shown.status == 200
    said = words_of(shown)
    for part in (
        "Kölner Treffen",
        "You are registered.",
        "Bo <Ek>",
        "person0@example.net",
        "Your invitation is on its",
    ):
        assert part in said
    assert shown.headers["cache-control"] == "no-store"
    assert shown.headers["x-robots-tag"] == "noindex, nofollow"
    assert shown.headers["referrer-policy"] == "no-referrer"


def test_who_waits_is_told_their_place(visitor: Visitor) -> None:
    visitor.hold(capacity=1)
    register(visitor, 0)
    register(visitor, 1)
    third = register(visitor, 2)
    said = words_of(visitor.get(path(visitor, third)))
    assert "You are on the waitlist, at place 2." in said
    assert "Will you come?" not in said


def test_a_cancelled_event_is_shown_with_its_reason_and_can_neither_be_answered_nor_left(visitor: Visitor) -> None:
    held = visitor.hold()
    bo = register(visitor)
    change(visitor, held, status=EventStatus.CANCELLED, reason="The hall is flooded.")
    page = path(visitor, bo)
    said = words_of(visitor.get(page))
    assert "This event is cancelled." in said
    assert "The hall is flooded." in said
    for action in ("answer", "withdraw", "return", "send", "change"):
        refused = visitor.get(f"{page}/{action}")
        assert (refused.status, "This event is cancelled." in words_of(refused)) == (409, True)


@pytest.mark.parametrize(
    ("action", "typed"),
    [
        ("answer", {"answer": "accepted"}),
        ("send", {}),
        ("change", {"name": "Bo"}),
        ("address", {"email": "new@example.net"}),
    ],
)
def test_a_form_that_was_open_when_somebody_was_withdrawn_changes_nothing(
    visitor: Visitor, bo: Registration, action: str, typed: dict[str, str]
) -> None:
    target = f"/r/{token(visitor, bo, Purpose.RECENT)}/{action}"
    shown = visitor.get(target)
    assert shown.status == 200
    registry.withdraw(visitor.store, EVENT_ID, bo.registration_id, now=visitor.now)
    with unchanged(visitor.client):
        assert visitor.post(target, shown.fields(target) | typed).status == 409


def test_a_page_that_refuses_something_speaks_the_language_of_the_registration(visitor: Visitor) -> None:
    held = visitor.hold()
    page = path(visitor, register(visitor, language="ar"))
    refused = [visitor.get(f"{page}.ics"), visitor.get(f"{page}/nothing")]
    refused.append(visitor.post(f"{page}/withdraw", {"note": "x" * (forms.LARGEST_BODY + 1)}))
    refused.append(visitor.ask("POST", f"{page}/change", "{}", content_type="application/json"))
    change(visitor, held, status=EventStatus.CANCELLED)
    refused.append(visitor.get(f"{page}/withdraw"))
    visitor.later(86_400 * 365)
    refused.append(visitor.get(page))
    assert ['<html lang="ar" dir="rtl">' in shown.text for shown in refused] == [True] * 6
    assert [shown.status for shown in refused] == [404, 404, 413, 415, 409, 410]


def test_an_event_that_is_a_draft_again_is_shown_as_cancelled_as_who_waits_was_mailed(visitor: Visitor) -> None:
    held = visitor.hold(capacity=1)
    register(visitor, 0)
    waits = register(visitor, 1)
    change(visitor, held, status=EventStatus.DRAFT)
    said = words_of(visitor.get(path(visitor, waits)))
    assert "This event is cancelled." in said
    assert "waitlist" not in said


def test_an_event_that_is_over_is_shown_for_a_month_and_its_links_end_then(visitor: Visitor) -> None:
    held = visitor.hold()
    bo = register(visitor)
    visitor.now = held.when.ends_at
    assert "This event is over." in words_of(visitor.get(path(visitor, bo)))
    visitor.later(31 * 86_400 - 1)
    assert visitor.get(path(visitor, bo)).status == 200
    visitor.later(1)
    assert visitor.get(path(visitor, bo)).status == 410


def test_a_link_lives_with_the_event_as_it_is_now(visitor: Visitor) -> None:
    held = visitor.hold()
    bo = register(visitor)
    assert isinstance(held.when.start, datetime)
    assert isinstance(held.when.end, datetime)
    year = timedelta(days=365)
    change(visitor, held, when=replace(held.when, start=held.when.start + year, end=held.when.end + year))
    visitor.now = held.when.ends_at + timedelta(days=40)
    assert visitor.get(path(visitor, bo)).status == 200


def test_the_page_speaks_the_language_of_the_browser_else_of_the_registration(visitor: Visitor) -> None:
    visitor.hold(language="fr")
    bo = register(visitor, language="de")
    assert visitor.get(path(visitor, bo)).headers["content-language"] == "de"
    assert visitor.get(path(visitor, bo), accept_language="ja").headers["content-language"] == "ja"
    li = register(visitor, 1, language="sv")  # there are no texts in it: as in mails, the event's comes next
    assert visitor.get(path(visitor, li)).headers["content-language"] == "fr"
    assert visitor.get(f"/u/{token(visitor, li, Purpose.WITHDRAW)}").headers["content-language"] == "fr"


# --- whom a link lets in ------------------------------------------------------------------------------------------


def test_whatever_was_never_a_link_is_a_page_that_there_is_not(visitor: Visitor) -> None:
    visitor.hold()
    bo, li = register(visitor, 0, language="de"), register(visitor, 1)
    good, other = token(visitor, bo), token(visitor, li)
    unknown = visitor.get("/r/AAAA")
    assert unknown.status == 404
    forged = [
        good[:-1] + ("A" if good[-1] != "A" else "Q"),
        good[:40] + other[40:],
        "A" * len(good),
        good + "A",
        "_" * 1000,
        token(visitor, bo, Purpose.FEED),
        token(visitor, bo, Purpose.WITHDRAW),
        token(visitor, replace(bo, registration_id=IDS[4])),
        token(visitor, replace(bo, event_id="v" * 26)),
        token(visitor, bo, links=1),
    ]
    for each in forged:
        for target in (f"/r/{each}", f"/r/{each}/withdraw", f"/u/{each}"):
            if each == token(visitor, bo, Purpose.WITHDRAW) and target.startswith("/u/"):
                continue
            shown = visitor.get(target)
            assert (shown.status, shown.data) == (404, unknown.data), target
    for purpose in (Purpose.PERSONAL, Purpose.RECENT, Purpose.FEED):
        assert visitor.get(f"/u/{token(visitor, bo, purpose)}").status == 404


def test_one_persons_form_does_nothing_to_another(visitor: Visitor) -> None:
    visitor.hold()
    bo, li = register(visitor, 0), register(visitor, 1)
    asked = visitor.get(f"{path(visitor, bo)}/withdraw")
    sent = visitor.post(f"{path(visitor, li)}/withdraw", asked.fields())
    assert sent.status == 422
    assert stored(visitor, li).status is RegistrationStatus.REGISTERED


def test_a_former_link_says_that_there_is_a_newer_one_and_where_to_ask_for_it(
    visitor: Visitor, bo: Registration
) -> None:
    old = token(visitor, bo)
    move(visitor, bo, "other@example.net")
    shown = visitor.get(f"/r/{old}")
    assert shown.status == 410
    assert f"/v1/e/{EVENT_ID}/link" in shown.text
    assert "other@" not in shown.text
    assert visitor.get(path(visitor, stored(visitor, bo))).status == 200


def test_a_former_link_stays_void_when_the_address_comes_back(visitor: Visitor, bo: Registration) -> None:
    first = path(visitor, bo)
    move(visitor, bo, "other@example.net")
    second = path(visitor, stored(visitor, bo))
    move(visitor, bo, bo.email)
    assert stored(visitor, bo).email == bo.email
    assert [visitor.get(each).status for each in (first, second)] == [410, 410]
    assert visitor.get(path(visitor, stored(visitor, bo))).status == 200


def move(visitor: Visitor, who: Registration, email: str) -> None:
    """Another address, as the API gives it."""
    ids = who.event_id, who.registration_id
    moved = registry.change_registration(
        visitor.store, *ids, changes={"email": email}, priority=1, now=visitor.now, account="acme"
    )
    assert isinstance(moved, Registration)


def test_a_former_link_of_an_event_that_is_not_public_names_no_page(visitor: Visitor) -> None:
    visitor.hold(public=False)
    bo = register(visitor, links=1)
    assert visitor.get(path(visitor, bo)).status == 200
    shown = visitor.get(f"/r/{token(visitor, bo, links=0)}")
    assert (shown.status, "/e/" in shown.text) == (410, False)


def test_who_was_erased_has_no_page(visitor: Visitor, bo: Registration) -> None:
    page = path(visitor, bo)
    erasure.erase(visitor.store, EVENT_ID, bo.registration_id, now=visitor.now)
    assert stored(visitor, bo).status is RegistrationStatus.ERASED
    assert visitor.get(page).status == 410


def test_the_log_names_the_registration_and_no_token(
    visitor: Visitor, bo: Registration, capsys: pytest.CaptureFixture[str]
) -> None:
    visitor.get(path(visitor, bo))
    assert token(visitor, bo) not in capsys.readouterr().out


# --- a GET changes nothing ----------------------------------------------------------------------------------------


def test_no_get_changes_anything(visitor: Visitor) -> None:
    visitor.hold(rule="FREQ=WEEKLY;COUNT=3", questions=(Question(question_id="q1", text="Food?"),))
    bo = register(visitor)
    page, leave = path(visitor, bo), f"/u/{token(visitor, bo, Purpose.WITHDRAW)}"
    visitor.get(page)  # makes the keys of links, if nobody did
    with unchanged(visitor.client):
        todo, done = [page, leave], set[str]()
        while todo:
            here = todo.pop()
            done.add(here)
            shown = visitor.get(here)
            found = re.findall(r'(?:href|action)="/v1(/[ru]/[^"]*)"', shown.text)
            todo += [html.unescape(each) for each in found if html.unescape(each) not in done]
        assert {f"{page}/withdraw", f"{page}/change"} <= done
        assert any("?date=" in each for each in done)


@pytest.mark.parametrize("action", ["answer", "withdraw", "send", "change"])
def test_a_form_of_another_site_or_without_its_token_does_nothing(
    visitor: Visitor, bo: Registration, action: str
) -> None:
    target = f"{path(visitor, bo)}/{action}"
    fields = visitor.get(target).fields(target) | {"answer": "accepted", "name": "Li", "language": ""}
    with unchanged(visitor.client):
        assert visitor.post(target, {**fields, "token": "x"}).status == 422
        assert visitor.post(target, {**fields, "website": "spam"}).status == 422
        assert visitor.post(target, fields, sec_fetch_site="cross-site").status == 422
        assert visitor.post(target, {}).status == 422


# --- answering ----------------------------------------------------------------------------------------------------


def test_an_answer_is_saved_and_shown_and_says_that_the_calendar_stays_as_it_is(
    visitor: Visitor, bo: Registration
) -> None:
    page = path(visitor, bo)
    shown = visitor.get(page)
    assert "The entry in your calendar does not change by it" in words_of(shown)
    sent = visitor.post(f"{page}/answer", shown.fields(f"{page}/answer") | {"answer": "tentative"})
    said = words_of(follow(visitor, sent))
    assert "Your answer was saved." in said
    assert "Perhaps you will come." in said
    assert existing(stored(visitor, bo).reply).status is Participation.TENTATIVE


def test_declining_gives_the_seat_away_and_accepting_asks_for_one_again(visitor: Visitor) -> None:
    visitor.hold(capacity=1, release_on_decline=True)
    bo, li = register(visitor, 0), register(visitor, 1)
    tell(visitor, bo)
    page = path(visitor, bo)
    said = words_of(follow(visitor, press(visitor, page, "answer", answer="declined")))
    assert "You declined, and your seat is free for others." in said
    assert stored(visitor, li).status is RegistrationStatus.REGISTERED
    said = words_of(follow(visitor, press(visitor, page, "answer", answer="accepted")))
    assert "You are on the waitlist, at place 1." in said


def test_no_mail_is_promised_to_whoever_declined_or_never_had_an_entry(visitor: Visitor) -> None:
    """Whoever declined is sent nothing more, and whoever waited has nothing to be removed."""
    held = visitor.hold(capacity=1, release_on_decline=True)
    bo, li, di = register(visitor, 0), register(visitor, 1), register(visitor, 2)
    tell(visitor, bo)
    said = words_of(follow(visitor, press(visitor, path(visitor, bo), "answer", answer="declined")))
    assert "You declined, and your seat is free for others." in said
    assert "removed by a mail" not in said
    press(visitor, path(visitor, di), "withdraw")
    assert "removed by a mail" not in words_of(visitor.get(path(visitor, di)))
    tell(visitor, li)
    change(visitor, held, status=EventStatus.CANCELLED)
    shown = [words_of(visitor.get(path(visitor, one))) for one in (bo, di, li)]
    assert [("What your calendar should show now" in one) for one in shown] == [False, False, True]


def test_whoever_has_withdrawn_and_whose_series_is_cancelled_is_not_shown_dates_to_come_to(visitor: Visitor) -> None:
    held = visitor.hold(rule="FREQ=WEEKLY;COUNT=3")
    bo, li = register(visitor, 0), register(visitor, 1)
    tell(visitor, bo)
    tell(visitor, li)
    page = path(visitor, bo)
    assert "Your dates" in words_of(visitor.get(page))
    press(visitor, page, "withdraw")
    assert "Your dates" not in words_of(visitor.get(page))
    change(visitor, held, status=EventStatus.CANCELLED)
    said = words_of(visitor.get(path(visitor, li)))
    assert "This event is cancelled." in said
    assert "Your dates" not in said


def tell(visitor: Visitor, who: Registration) -> None:
    """As if the first invitation had been accepted by SES."""
    invitation = existing(visitor.store.reads.invitation(EVENT_ID, who.registration_id))
    said = replace(told(), recipient=who.email, sequence=0)
    invited = accepted(invitation, said, state=invitation.state)
    visitor.client.put_item(TableName=SETTINGS.invitations_table, Item=dynamo.wire(invitation_item(invited)))


def test_who_comes_back_has_not_answered_the_new_invitation(visitor: Visitor, bo: Registration) -> None:
    """Their calendar holds nothing any more: the new invitation, which is still to be sent, asks them again."""
    tell(visitor, bo)
    page = path(visitor, bo)
    assert "You will come." in words_of(follow(visitor, press(visitor, page, "answer", answer="accepted")))
    press(visitor, page, "withdraw")
    invitation = existing(visitor.store.reads.invitation(EVENT_ID, bo.registration_id))
    cancelled = replace(told(sequence=1), recipient=bo.email, method=Method.CANCEL, spent=True)
    gone = accepted(invitation, cancelled, state=invitation.state)
    visitor.client.put_item(TableName=SETTINGS.invitations_table, Item=dynamo.wire(invitation_item(gone)))
    shown = follow(visitor, press(visitor, page, "return"))
    for each in (shown, visitor.get(f"{page}/answer")):
        assert ("You have not answered yet." in words_of(each), "You will come." in words_of(each)) == (True, False)
    assert f'{page}/answer"' not in shown.text, "an answer counts once there is an invitation"


def test_a_date_of_a_series_is_answered_by_itself(visitor: Visitor) -> None:
    visitor.hold(rule="FREQ=WEEKLY;COUNT=3")
    bo = register(visitor)
    page = path(visitor, bo)
    (first, *_) = re.findall(r'href="/v1(/r/[^"]*/answer\?date=[^"]*)"', visitor.get(page).text)
    asked = visitor.get(html.unescape(first))
    sent = visitor.post(f"{page}/answer", asked.fields() | {"answer": "declined"})
    said = words_of(follow(visitor, sent))
    assert said.count("You will not come.") == 1
    (reply,) = stored(visitor, bo).date_replies
    assert reply.status is Participation.DECLINED


@pytest.mark.parametrize("changes", [{"when": AFTERNOON}, {"location": "Bonn"}])
def test_an_answer_to_a_page_that_was_shown_before_time_or_place_changed_is_asked_for_once_more(
    visitor: Visitor, changes: dict[str, Any]
) -> None:
    event = visitor.hold()
    bo = register(visitor)
    page = path(visitor, bo)
    fields = visitor.get(page).fields(f"{page}/answer")
    event = change(visitor, event, title="Another title")
    assert visitor.post(f"{page}/answer", fields | {"answer": "tentative"}).status == 303, "it is the same question"
    change(visitor, event, **changes)
    again = visitor.post(f"{page}/answer", fields | {"answer": "accepted"})
    assert again.status == 422
    assert "has changed meanwhile" in words_of(again)
    assert existing(stored(visitor, bo).reply).status is Participation.TENTATIVE
    visitor.post(f"{page}/answer", again.fields() | {"answer": "accepted"})
    assert existing(stored(visitor, bo).reply).status is Participation.ACCEPTED


def test_an_answer_to_one_date_is_asked_for_once_more_where_that_date_moved_and_not_where_another_did(
    visitor: Visitor,
) -> None:
    event = visitor.hold(rule="FREQ=WEEKLY;COUNT=3")
    bo = register(visitor)
    page, date = path(visitor, bo), event.when.start + timedelta(weeks=1)
    fields = visitor.get(f"{page}/answer?date={date.isoformat()}").fields()
    for week, status in ((2, 303), (1, 422)):
        start, later = event.when.start + timedelta(weeks=week), timedelta(weeks=week, hours=1)
        when = replace(event.when, start=event.when.start + later, end=event.when.end + later)
        event = change(visitor, event, changes=(DateChange(date=start, when=when),))
        assert visitor.post(f"{page}/answer", fields | {"answer": "declined"}).status == status


@pytest.mark.parametrize("date", ["2030-01-01T00:00:00", "x" * 500, "2027-02-30", "\x00"])
def test_a_date_that_there_is_not_is_not_answered(visitor: Visitor, date: str) -> None:
    visitor.hold(rule="FREQ=WEEKLY;COUNT=3")
    bo = register(visitor)
    page = path(visitor, bo)
    fields = visitor.get(f"{page}/answer").fields()
    before = everything(visitor.client)
    sent = visitor.post(f"{page}/answer", fields | {"answer": "declined", "date": date})
    assert sent.status == 404 or date == "\x00"
    if date != "\x00":
        assert everything(visitor.client) == before


@pytest.mark.parametrize("answer", ["", "needs-action", "delegated", "yes", "ACCEPTED"])
def test_what_is_no_answer_is_refused(visitor: Visitor, bo: Registration, answer: str) -> None:
    shown = press(visitor, path(visitor, bo), "answer", answer=answer)
    assert (shown.status, "Choose one of the answers." in words_of(shown)) == (422, True)


# --- withdrawing, and coming back ---------------------------------------------------------------------------------


def test_withdrawing_says_what_will_happen_and_gives_the_seat_away_at_once(visitor: Visitor) -> None:
    visitor.hold(capacity=1)
    bo, li = register(visitor, 0), register(visitor, 1)
    page = path(visitor, bo)
    assert "Your seat is free for somebody else at once" in words_of(visitor.get(f"{page}/withdraw"))
    said = words_of(follow(visitor, press(visitor, page, "withdraw")))
    assert "You have withdrawn." in said
    assert stored(visitor, li).status is RegistrationStatus.REGISTERED
    said = words_of(follow(visitor, press(visitor, page, "return")))
    assert "You are on the waitlist: all seats are taken." in said


def test_a_form_that_is_sent_twice_does_it_once(visitor: Visitor, bo: Registration) -> None:
    target = f"{path(visitor, bo)}/withdraw"
    fields = visitor.get(target).fields()
    assert visitor.post(target, fields).status == 303
    with unchanged(visitor.client):
        assert visitor.post(target, fields).status == 303


def test_coming_back_invites_again(visitor: Visitor, bo: Registration) -> None:
    page = path(visitor, bo)
    press(visitor, page, "withdraw")
    assert visitor.get(f"{page}/withdraw").status == 409
    said = words_of(follow(visitor, press(visitor, page, "return")))
    assert "You are registered again." in said
    assert stored(visitor, bo).status is RegistrationStatus.REGISTERED


def test_nobody_comes_back_whose_address_is_registered_under_another_link(visitor: Visitor, bo: Registration) -> None:
    page = path(visitor, bo)
    press(visitor, page, "withdraw")
    register(visitor, 1, email=bo.email)
    shown = press(visitor, page, "return")
    assert (shown.status, "registered a second time" in words_of(shown)) == (409, True)


def test_a_notice_is_only_shown_where_it_is_so(visitor: Visitor, bo: Registration) -> None:
    for done in ("withdrawn", "returned%00", "<script>", "x"):
        assert 'role="status"' not in visitor.get(f"{path(visitor, bo)}?done={done}").text


# --- one click ----------------------------------------------------------------------------------------------------

MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
    "multipart/form-data; boundary=b",
)


@pytest.mark.parametrize(
    ("body", "content_type"), [("List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"), MULTIPART]
)
def test_one_click_withdraws_without_a_page_and_keeps_the_seat(
    visitor: Visitor, body: str | bytes, content_type: str
) -> None:
    visitor.hold(capacity=1)
    bo, li = register(visitor, 0), register(visitor, 1)
    leave = f"/u/{token(visitor, bo, Purpose.WITHDRAW)}"
    for _ in range(2):
        shown = visitor.ask("POST", leave, body, content_type=content_type)
        assert (shown.status, shown.text, "location" in shown.headers) == (200, "OK\n", False)
    assert stored(visitor, bo).status is RegistrationStatus.CANCELLED
    assert stored(visitor, bo).held_until == visitor.now + HELD
    assert stored(visitor, li).status is RegistrationStatus.WAITLISTED
    visitor.later(23 * 3600)
    assert "Your seat is kept for you until" in words_of(visitor.get(path(visitor, bo)))
    said = words_of(follow(visitor, press(visitor, path(visitor, bo), "return")))
    assert "You are registered again." in said


@pytest.mark.parametrize("line", ["name=List-Unsubscribe\n", "name=List-Unsubscribe;", "\nname=List-Unsubscribe\nx"])
def test_a_long_body_is_looked_through_in_no_time(visitor: Visitor, line: str) -> None:
    visitor.hold()
    leave = f"/u/{token(visitor, register(visitor), Purpose.WITHDRAW)}"
    began = perf_counter()
    visitor.ask("POST", leave, (line * (125_000 // len(line))).encode(), content_type="multipart/form-data; boundary=b")
    assert perf_counter() - began < 5


@pytest.mark.parametrize("body", ["", "x=1", "List-Unsubscribe=One-Click2", "List-Unsubscribe=", b"\xff\xfe"])
def test_a_post_that_is_no_click_withdraws_nobody(visitor: Visitor, bo: Registration, body: str | bytes) -> None:
    leave = f"/u/{token(visitor, bo, Purpose.WITHDRAW)}"
    shown = visitor.ask("POST", leave, body, content_type="application/x-www-form-urlencoded")
    assert shown.status in (400, 422)
    assert stored(visitor, bo).status is RegistrationStatus.REGISTERED


def test_the_same_link_as_a_page_has_one_button_and_offers_to_come_back(visitor: Visitor, bo: Registration) -> None:
    leave = f"/u/{token(visitor, bo, Purpose.WITHDRAW)}"
    asked = visitor.get(leave)
    assert asked.text.count("<button") == 1
    assert bo.email not in asked.text
    assert bo.name not in words_of(asked)
    back = follow(visitor, visitor.post(leave, asked.fields()))
    assert stored(visitor, bo).status is RegistrationStatus.CANCELLED
    assert "Come back" in words_of(back)
    again = follow(visitor, visitor.post(leave, back.fields()))
    assert "Withdraw?" in words_of(again)
    assert stored(visitor, bo).status is RegistrationStatus.REGISTERED


def test_whom_the_organizers_table_removed_is_offered_no_way_back(visitor: Visitor) -> None:
    visitor.hold()
    bo = register(visitor, source="site")
    registry.withdraw(visitor.store, EVENT_ID, bo.registration_id, now=visitor.now, removed=True)
    assert "/return" not in visitor.get(path(visitor, bo)).text
    refused = visitor.get(f"{path(visitor, bo)}/return")
    assert (refused.status, "a list of their own" in words_of(refused)) == (409, True)
    shown = visitor.get(f"/u/{token(visitor, bo, Purpose.WITHDRAW)}")
    assert ("<button" in shown.text, "a list of their own" in words_of(shown)) == (False, True)


def test_whom_the_organizer_withdrew_for_good_is_offered_no_way_back(visitor: Visitor, bo: Registration) -> None:
    tell(visitor, bo)
    registry.withdraw(visitor.store, EVENT_ID, bo.registration_id, now=visitor.now, removed=True)
    shown = visitor.get(path(visitor, bo))
    assert "/return" not in shown.text
    refused = visitor.get(f"{path(visitor, bo)}/return")
    assert (refused.status, "The organizer has withdrawn your registration." in words_of(refused)) == (409, True)
    event, invitation = (
        visitor.store.reads.event(EVENT_ID),
        visitor.store.reads.invitation(EVENT_ID, bo.registration_id),
    )
    assert event is not None
    assert invitation is not None
    seen = Snapshot(invitation=invitation, registration=stored(visitor, bo), event=event)
    plan = existing(decide(seen, SETTINGS.sender, visitor.now))
    assert (plan.message.method, plan.message.may_return) == (Method.CANCEL, False)


def test_the_page_of_one_click_promises_a_kept_seat_only_to_whoever_has_one(visitor: Visitor) -> None:
    visitor.hold(capacity=1, release_on_decline=True)
    bo, li = register(visitor, 0), register(visitor, 1)
    asked = [words_of(visitor.get(f"/u/{token(visitor, one, Purpose.WITHDRAW)}")) for one in (bo, li)]
    assert [("For 24 hours your seat is kept" in one) for one in asked] == [True, False]
    assert "You lose your place on the waitlist." in asked[1]
    tell(visitor, bo)
    press(visitor, path(visitor, bo), "answer", answer="declined")
    said = words_of(visitor.get(f"/u/{token(visitor, bo, Purpose.WITHDRAW)}"))
    assert "seat is kept" not in said
    assert "a mail removes the entry from your calendar" in said


def test_nobody_keeps_many_seats_by_registering_and_withdrawing_in_turn(visitor: Visitor) -> None:
    visitor.hold(capacity=10)
    held = []
    for number, email in enumerate(("bo@example.net", "bo+1@example.net", "Bo@example.net")):
        bo = register(visitor, number, email=email, guests=1)
        for _ in range(2):
            visitor.post(f"/u/{token(visitor, bo, Purpose.WITHDRAW)}", {"List-Unsubscribe": "One-Click"})
        held.append(stored(visitor, bo).held_until is not None)
    assert held == [True, False, True]  # the last one has the address of the first, and its seats
    assert counts(visitor) == (2, 2, 0)
    visitor.later(24 * 3600)
    again = register(visitor, 3, email="bo@example.net")
    visitor.post(f"/u/{token(visitor, again, Purpose.WITHDRAW)}", {"List-Unsubscribe": "One-Click"})
    assert stored(visitor, again).held_until is not None


def one_click(visitor: Visitor, who: Registration) -> None:
    assert visitor.post(f"/u/{token(visitor, who, Purpose.WITHDRAW)}", {"List-Unsubscribe": "One-Click"}).status == 200


def counts(visitor: Visitor) -> tuple[int, int, int]:
    seats = visitor.store.reads.seats(EVENT_ID)
    return seats.taken, seats.held, seats.waiting


def test_whoever_left_by_one_click_and_registers_anew_has_the_seat_that_was_kept(visitor: Visitor) -> None:
    visitor.hold(capacity=1)
    bo, li = register(visitor, 0), register(visitor, 1)
    one_click(visitor, bo)
    assert counts(visitor) == (1, 1, 1)
    again = register(visitor, 2, email="Person0@example.net")
    assert again.status is RegistrationStatus.REGISTERED
    assert counts(visitor) == (1, 0, 1)
    assert stored(visitor, li).status is RegistrationStatus.WAITLISTED
    assert "is kept" not in words_of(visitor.get(path(visitor, bo)))
    visitor.later(25 * 3600)
    assert returning.end_hold(visitor.store, EVENT_ID, bo.registration_id, now=visitor.now) is False
    assert counts(visitor) == (1, 0, 1)


def test_a_kept_seat_is_for_its_own_address_and_its_time(visitor: Visitor) -> None:
    visitor.hold(capacity=1)
    bo = register(visitor, 0)
    one_click(visitor, bo)
    others = register(visitor, 1), register(visitor, 2, email="person0+other@example.net")
    assert {one.status for one in others} == {RegistrationStatus.WAITLISTED}
    visitor.later(25 * 3600)
    assert register(visitor, 3, email=bo.email).status is RegistrationStatus.WAITLISTED


@pytest.mark.parametrize(
    ("capacity", "before", "now", "status", "seats"),
    [
        (3, 2, 0, RegistrationStatus.REGISTERED, (1, 0, 0)),
        (3, 0, 2, RegistrationStatus.REGISTERED, (3, 0, 0)),
        (3, 0, 3, RegistrationStatus.WAITLISTED, (1, 1, 1)),
        (None, 0, 3, RegistrationStatus.REGISTERED, (4, 0, 0)),
    ],
)
def test_whoever_registers_anew_with_other_guests_has_what_was_kept_and_what_is_free(
    visitor: Visitor,
    capacity: int | None,
    before: int,
    now: int,
    status: RegistrationStatus,
    seats: tuple[int, int, int],
) -> None:
    visitor.hold(capacity=capacity, guests=3)
    bo = register(visitor, 0, guests=before)
    one_click(visitor, bo)
    assert register(visitor, 2, guests=now, email=bo.email).status is status
    assert counts(visitor) == seats


def test_a_kept_seat_that_is_too_much_goes_to_whoever_waits(visitor: Visitor) -> None:
    visitor.hold(capacity=2, guests=3)
    bo, li = register(visitor, 0, guests=1), register(visitor, 1)
    one_click(visitor, bo)
    register(visitor, 2, email=bo.email)
    assert waitlist.promote(visitor.store, EVENT_ID, now=visitor.now) == 1
    assert stored(visitor, li).status is RegistrationStatus.REGISTERED
    assert counts(visitor) == (2, 0, 0)


def test_one_click_after_the_event_is_answered_and_changes_nothing(visitor: Visitor) -> None:
    held = visitor.hold()
    bo = register(visitor)
    leave = f"/u/{token(visitor, bo, Purpose.WITHDRAW)}"
    visitor.now = held.when.ends_at
    shown = visitor.post(leave, {"List-Unsubscribe": "One-Click"})
    assert shown.status == 200
    assert stored(visitor, bo).status is RegistrationStatus.REGISTERED


# --- sending again ------------------------------------------------------------------------------------------------


def test_the_invitation_is_sent_again_until_a_limit_is_reached_which_says_when(
    visitor: Visitor, bo: Registration
) -> None:
    page = path(visitor, bo)
    assert press(visitor, page, "send").status == 409
    tell(visitor, bo)
    said = words_of(follow(visitor, press(visitor, page, "send")))
    assert "The invitation is on its way to you once more." in said
    statuses = {press(visitor, page, "send").status for _ in range(30)}
    assert 429 in statuses
    refused = press(visitor, page, "send")
    assert re.search(r"try again in \d+ minutes?", words_of(refused))
    assert int(refused.headers["retry-after"]) > 0


# --- changing -----------------------------------------------------------------------------------------------------

QUESTIONS = (
    Question(question_id="food", text="Food?", kind=QuestionKind.CHOICE, choices=("Meat", "None"), required=True),
    Question(question_id="note", text="Anything else?"),
)


def test_name_language_and_responses_are_changed(visitor: Visitor) -> None:
    visitor.hold(questions=QUESTIONS)
    bo = register(visitor, responses=(("former", "kept"),))
    typed = {"name": "Bo-Åke Ek", "language": "de", "q-food": "None", "q-note": "Two\r\nlines"}
    shown = follow(visitor, press(visitor, path(visitor, bo), "change", **typed))
    assert "Bo-Åke Ek" in words_of(shown)
    after = stored(visitor, bo)
    assert (after.name, after.language) == ("Bo-Åke Ek", "de")
    assert after.responses == (("food", "None"), ("former", "kept"), ("note", "Two\nlines"))


@pytest.mark.parametrize("language", ["", "de", "en-US", "pt-BR", "sv", "zh-Hant"])
def test_another_name_leaves_the_language_as_it_is(visitor: Visitor, language: str) -> None:
    """Also one that the form has no choice for, or that has a region."""
    visitor.hold()
    bo = register(visitor, language=language)
    page = path(visitor, bo)
    asked = visitor.get(f"{page}/change").text
    (chosen,) = re.findall(r'<option value="([^"]*)" selected>', asked)
    follow(visitor, press(visitor, page, "change", name="Bo-Åke Ek", language=chosen))
    after = stored(visitor, bo)
    assert (after.name, after.language) == ("Bo-Åke Ek", language)


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"name": ""}, "Enter your name, in one line."),
        ({"name": "x" * 256}, "Enter your name, in one line."),
        ({"name": "a\u202eb"}, "Enter your name, in one line."),
        ({"language": "xx"}, "Choose one of the languages."),
        ({"q-food": ""}, "Answer this question: Food?"),
        ({"q-food": "Fish"}, "Choose one of the answers: Food?"),
        ({"q-note": "x" * 1001}, "Write at most 1000 characters here."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(
    visitor: Visitor, typed: dict[str, str], wrong: str
) -> None:
    visitor.hold(questions=QUESTIONS)
    bo = register(visitor)
    good = {"name": "Bo & <Ek>", "language": "de", "q-food": "Meat", "q-note": "kept as typed"}
    shown = press(visitor, path(visitor, bo), "change", **{**good, **typed})
    assert shown.status == 422
    assert words_of(shown).count(wrong) == 2  # above the form, and at the field
    assert "name" in typed or 'value="Bo &amp; &lt;Ek&gt;"' in shown.text
    assert "q-note" in typed or "kept as typed" in shown.text
    assert stored(visitor, bo) == bo


GOOD = {"name": "Bo Ek", "language": ""}


def test_who_comes_with_somebody_is_changed_with_their_seats(visitor: Visitor) -> None:
    visitor.hold(guests=3, capacity=4)
    bo, waiting = register(visitor), register(visitor, 1, guests=3)
    assert stored(visitor, waiting).status is RegistrationStatus.WAITLISTED
    page = path(visitor, bo)
    refused = press(visitor, page, "change", **GOOD, guests="1")
    assert refused.status == 422, "whoever waits is first"
    assert words_of(refused).count("There are not so many free seats.") == 2
    assert 'id="guests-error"' in refused.text
    assert stored(visitor, bo).guests == 0
    registry.withdraw(visitor.store, waiting.event_id, waiting.registration_id, now=visitor.now)
    shown = follow(visitor, press(visitor, page, "change", **GOOD, guests="3"))
    assert "Your changes were saved." in words_of(shown)
    assert "People who come with you 3" in words_of(shown)
    last = register(visitor, 2)
    assert stored(visitor, last).status is RegistrationStatus.WAITLISTED
    assert press(visitor, page, "change", **GOOD, guests="1").status == 303
    assert stored(visitor, bo).guests == 1
    assert stored(visitor, last).status is RegistrationStatus.REGISTERED, "the seats go to who waits"


@pytest.mark.parametrize("typed", ["3", "-1", "x"])
def test_more_people_than_the_event_allows_are_refused_at_the_field(visitor: Visitor, typed: str) -> None:
    visitor.hold(guests=2)
    bo = register(visitor, guests=1)
    shown = press(visitor, path(visitor, bo), "change", **GOOD, guests=typed)
    assert shown.status == 422
    assert words_of(shown).count("Choose a number from 0 to 2.") == 2
    assert stored(visitor, bo) == bo


def test_who_comes_with_more_people_than_the_page_allows_keeps_them(visitor: Visitor) -> None:
    visitor.hold()
    bo, alone = register(visitor, guests=2), register(visitor, 1)
    page = path(visitor, bo)
    assert '<option value="2" selected>' in visitor.get(f"{page}/change").text
    assert press(visitor, page, "change", **GOOD).status == 303
    assert stored(visitor, bo).guests == 2, "a form without the field leaves it as it is"
    assert press(visitor, page, "change", **GOOD, guests="3").status == 422
    assert press(visitor, page, "change", **GOOD, guests="1").status == 303
    assert stored(visitor, bo).guests == 1
    assert 'name="guests"' not in visitor.get(f"{path(visitor, alone)}/change").text


def test_dates_are_chosen_and_those_that_are_over_stay(visitor: Visitor) -> None:
    held = visitor.hold(rule="FREQ=WEEKLY;COUNT=4")
    bo = register(visitor)
    start = expect(datetime, held.when.start)
    visitor.now = held.when.ends_at + timedelta(hours=1)
    week = timedelta(days=7)
    page = path(visitor, bo)
    chosen = [(start + week).isoformat(), (start + 3 * week).isoformat()]
    assert press(visitor, page, "change", name="Bo", language="", dates=chosen).status == 303
    assert stored(visitor, bo).occurrences == (start, start + week, start + 3 * week)
    assert press(visitor, page, "change", name="Bo", language="", dates=[]).status == 422
    assert press(visitor, page, "change", name="Bo", language="", dates=[start.isoformat()]).status == 422


def test_all_dates_stay_all_where_nothing_else_is_ticked(visitor: Visitor) -> None:
    held = visitor.hold(rule="FREQ=WEEKLY;COUNT=2")
    bo = register(visitor)
    start = expect(datetime, held.when.start)
    every = [start.isoformat(), (start + timedelta(days=7)).isoformat()]
    assert press(visitor, path(visitor, bo), "change", name="Li", language="", dates=every).status == 303
    assert (stored(visitor, bo).name, stored(visitor, bo).occurrences) == ("Li", None)


def test_what_a_sites_own_table_says_is_not_changed_here_and_one_may_withdraw(visitor: Visitor) -> None:
    visitor.hold()
    bo = register(visitor, source="site")
    page = path(visitor, bo)
    said = words_of(visitor.get(page))
    assert "The organizer has your data in a list of their own." in said
    assert visitor.get(f"{page}/change").status == 409
    assert press(visitor, page, "withdraw").status == 303
    assert stored(visitor, bo).status is RegistrationStatus.CANCELLED


def test_an_action_that_there_is_not_is_not_found(visitor: Visitor, bo: Registration) -> None:
    for action in ("constructor", "x", "withdraw-x"):
        assert visitor.get(f"{path(visitor, bo)}/{action}").status == 404
        assert visitor.post(f"{path(visitor, bo)}/{action}", {}).status == 404


# --- what is stored, and erasing it -------------------------------------------------------------------------------


def recent(visitor: Visitor, who: Registration) -> str:
    return f"/r/{token(visitor, who, Purpose.RECENT)}"


def test_what_is_stored_is_shown_by_a_fresh_link_only(visitor: Visitor) -> None:
    visitor.hold(questions=QUESTIONS)
    bo = register(visitor, name="Bo Ek", responses=(("food", "Meat"),), metadata=(("table", "7"),))
    press(visitor, path(visitor, bo), "answer", answer="tentative")
    asked = visitor.get(f"{path(visitor, bo)}/data")
    assert (asked.status, "Mail me the link" in words_of(asked)) == (200, True)
    target = f"{path(visitor, bo)}/data"
    fields = visitor.get(f"{recent(visitor, bo)}/data").fields()
    assert visitor.post(target, fields).status == 422  # the token of a form is for one page
    shown = press(visitor, recent(visitor, bo), "data")
    assert shown.headers["content-type"] == "application/json; charset=utf-8"
    assert shown.headers["content-disposition"].startswith("attachment")
    found = json.loads(shown.text)
    assert found["registration"]["name"] == "Bo Ek"
    assert found["registration"]["responses"] == [["food", "Meat"]]
    assert [one["reply"]["status"] for one in found["answers"]] == ["tentative"]
    assert [one["channel"] for one in found["answers"]] == ["web"]
    assert found["registration"]["metadata"] == [["table", "7"]]


def test_the_export_has_nothing_of_anybody_else(visitor: Visitor) -> None:
    visitor.hold()
    bo, li = register(visitor, 0), register(visitor, 1, name="Li Secret")
    shown = press(visitor, recent(visitor, bo), "data")
    for part in (li.name, li.email, li.registration_id):
        assert part not in shown.text


def test_the_export_says_nothing_of_who_was_about_to_send_a_mail(visitor: Visitor) -> None:
    held, sent = visitor.hold(), visitor.store.notifications
    bo = register(visitor)
    mail = new_notifications.accepted(held, bo, word="", now=visitor.now)
    sent.schedule(mail, now=visitor.now)
    ids = {"event_id": EVENT_ID, "registration_id": bo.registration_id, "notification_id": mail.notification_id}
    seen = existing(sent.read(ReadNotification(**ids)))
    assert sent.claim(ClaimNotification(seen=seen, lease_until=visitor.now, due_key=existing(seen.due_key)))
    [shown] = json.loads(press(visitor, recent(visitor, bo), "data").text)["notifications"]
    assert "claim" in sent.rows(EVENT_ID, bo.registration_id)[0]
    assert not shown.keys() & {"claim", "fence", "due_key"}


def test_erasing_needs_a_fresh_link_and_ends_the_page(visitor: Visitor, bo: Registration) -> None:
    asked = visitor.get(f"{path(visitor, bo)}/erase")
    assert "Mail me the link" in words_of(asked)
    page = recent(visitor, bo)
    assert "This cannot be undone." in words_of(visitor.get(f"{page}/erase"))
    ended = follow(visitor, press(visitor, page, "erase"))
    assert ended.status == 410
    assert stored(visitor, bo).status is RegistrationStatus.ERASED
    assert stored(visitor, bo).email == ""


def test_who_was_invited_is_erased_once_the_cancellation_has_left(visitor: Visitor, bo: Registration) -> None:
    tell(visitor, bo)
    page = recent(visitor, bo)
    said = words_of(follow(visitor, press(visitor, page, "erase")))
    assert "Everything about you is erased as soon as the mail that removes the entry has left." in said


def test_whoever_is_to_be_erased_is_not_offered_to_come_back_and_sees_why(visitor: Visitor, bo: Registration) -> None:
    """Until the cancellation has left, by whichever link the page is opened."""
    tell(visitor, bo)
    page, leave = path(visitor, bo), f"/u/{token(visitor, bo, Purpose.WITHDRAW)}"
    press(visitor, page, "withdraw")
    back, again = visitor.get(f"{page}/return").fields(), visitor.get(leave).fields()
    press(visitor, recent(visitor, bo), "erase")
    soon = "Everything about you is erased as soon as the mail that removes the entry has left."
    for shown in (visitor.get(page), visitor.get(leave)):
        said = words_of(shown)
        assert (shown.status, said.count(soon), "Come back" in said, "Erase" in said) == (200, 1, False, False)
    for refused in (visitor.get(f"{page}/return"), visitor.post(f"{page}/return", back)):
        assert (refused.status, soon in words_of(refused)) == (409, True)
    assert visitor.post(leave, again).status == 303
    assert stored(visitor, bo).status is RegistrationStatus.CANCELLED


def test_a_fresh_link_ends_after_an_hour(visitor: Visitor, bo: Registration) -> None:
    page = recent(visitor, bo)
    visitor.later(3599)
    assert visitor.get(page).status == 200
    visitor.later(1)
    shown = visitor.get(page)
    assert (shown.status, "It was valid for one hour." in words_of(shown)) == (410, True)
