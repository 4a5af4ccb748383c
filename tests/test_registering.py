"""The pages on which anybody registers: forms that lose nothing, answers that tell nobody who is registered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from html import unescape
from io import StringIO
from typing import Any

import pytest

import pages
from convoke.aws.runtime import Aws
from convoke.decision import brakes
from convoke.decision.limits import Limit
from convoke.effects import NotificationHint
from convoke.links import tokens
from convoke.links.tokens import Purpose
from convoke.model import DateChange, EventStatus, Question, QuestionKind, Registration, RegistrationStatus
from convoke.pages import forms, hints
from convoke.registrations import responses
from convoke.registrations.events import change_event
from convoke.registrations.registry import change_registration, register, withdraw
from convoke.schedule.recurrence import MAX_DATES
from convoke.store import dynamo, keys
from convoke.store.store import Store
from tests.factories import EVENT_ID, SENDER, existing, registration
from tests.fixtures import patching_fixture_of
from tests.tables import SETTINGS, everything
from tests.visitor import Shown, Visitor, a_visitor, words_of

FORM, LOST = f"/e/{EVENT_ID}/register", f"/e/{EVENT_ID}/link"
BO = {"name": "Bo Ek", "email": "bo@example.net", "language": "en"}
SERIES: dict[str, Any] = {"rule": "FREQ=WEEKLY;COUNT=3"}
DATES = [f"{datetime(2027, 3, 12, 9) + timedelta(weeks=week):%Y-%m-%dT%H:%M:%S}" for week in range(3)]
QUESTIONS = (
    Question(question_id="diet", text="What do you eat?"),
    Question(question_id="size", text="Shirt", kind=QuestionKind.CHOICE, choices=("S", "M"), required=True),
    Question(question_id="lift", text="Do you need a lift?", kind=QuestionKind.YES_NO),
)


class Registering:
    """A visitor, and the hints that their requests queue."""

    def __init__(self, visitor: Visitor, hinted: list[NotificationHint]) -> None:
        self.visitor, self.hinted, self.store = visitor, hinted, visitor.store
        self.get, self.hold = visitor.get, visitor.hold

    def post(self, path: str, form: dict[str, Any], **headers: Any) -> Shown:
        return self.visitor.post(path, form, **headers)

    def fill(self, path: str = FORM, **typed: Any) -> Shown:
        """Open the form, take a while, and send it."""
        fields = self.get(path).fields()
        self.visitor.later(10)
        return self.post(path, {**fields, **(BO if path == FORM else {}), **typed})

    def token(self, unconfirmed_id: str) -> str:
        """The token in the mail."""
        valid_until = self.visitor.now + timedelta(hours=48)
        return tokens.sealed(
            self.store.link_keys.at(self.visitor.now), Purpose.CONFIRM, unconfirmed_id.encode(), valid_until
        )

    def asked(self, **typed: Any) -> str:
        """Register, and return the path of the link that is mailed."""
        assert self.fill(**typed).status == 303
        return f"/c/{self.token(self.hinted[-1].registration_id)}"

    def press(self, path: str, **fields: Any) -> Shown:
        return self.post(path, {**self.get(path).fields(), **fields})

    def people(self) -> tuple[Registration, ...]:
        return tuple(self.store.reads.some_registrations(EVENT_ID, "", 100))

    def add(self, number: int, **changes: Any) -> Registration:
        identifier = keys.registration_id(self.visitor.now, number.to_bytes(16, "big"))
        made = register(
            self.store,
            registration(**{"registration_id": identifier, "email": f"p{number}@example.net", **changes}),
            now=self.visitor.now,
        )
        assert isinstance(made, Registration)
        return made


@contextmanager
def registering(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registering]:
    hinted: list[NotificationHint] = []
    monkeypatch.setattr(hints, "send", lambda _, hint: hinted.append(hint) if hint else None)
    with a_visitor(monkeypatch) as visitor:
        yield Registering(visitor, hinted)


one = patching_fixture_of(registering)


def problems(shown: Shown) -> list[str]:
    """What the summary above the form says."""
    found = re.search(r'<div class="problem".*?</div>', shown.text, re.DOTALL)
    return [unescape(re.sub(r"<[^>]*>", "", item)) for item in re.findall(r"<li>(.*?)</li>", found[0])] if found else []


# --- registering --------------------------------------------------------------------------------------------------


def test_who_registers_looks_into_their_mail_and_takes_no_seat(one: Registering) -> None:
    one.hold()
    page = one.get(f"/e/{EVENT_ID}")
    assert f'href="/v1{FORM}"' in page.text
    done = one.fill()
    assert (done.status, done.location) == (303, f"{FORM}/sent")
    sent = one.get(done.location)
    assert "Check your mail" in words_of(sent)
    assert "no seat is kept for you until then. The link is valid for 48 hours." in words_of(sent)
    assert "bo@example.net" not in sent.text
    assert len(one.hinted) == 1
    assert one.people() == ()


def test_the_link_in_the_mail_shows_what_will_happen_and_its_button_does_it(one: Registering) -> None:
    one.hold(capacity=5)
    link = one.asked()
    before = everything(one.visitor.client)
    shown = one.get(link)
    assert shown.status == 200
    assert "Kölner Treffen" in words_of(shown)
    assert "Name Bo Ek" in words_of(shown)
    assert "With the button you are registered" in words_of(shown)
    assert everything(one.visitor.client) == before, "opening the link changes nothing"
    done = one.press(link)
    assert done.status == 303
    [person] = one.people()
    found = tokens.unverified(Purpose.PERSONAL, done.location.removeprefix("/r/"))
    assert (found.event_id, found.registration_id) == (EVENT_ID, person.registration_id)
    found.verify(one.store.link_keys.at(one.visitor.now), links=0, now=one.visitor.now)
    assert (person.name, person.email, person.language) == ("Bo Ek", "bo@example.net", "en")
    assert one.post(link, {"token": ""}).status == 200, "whoever sends it again is shown that it was done"


def test_pressed_twice_it_leads_to_the_same_page(one: Registering) -> None:
    one.hold()
    link = one.asked()
    fields = one.get(link).fields()
    assert one.post(link, fields).location == one.post(link, fields).location
    assert len(one.people()) == 1
    shown = one.get(link)
    assert "You have confirmed" in words_of(shown)
    assert 'href="/v1/r/' in shown.text


def test_a_button_of_another_site_registers_nobody(one: Registering) -> None:
    one.hold()
    link = one.asked()
    fields = one.get(link).fields()
    for sent, headers in (({}, {}), (fields, {"sec_fetch_site": "cross-site"}), ({"token": "x" * 100}, {})):
        shown = one.post(link, sent, **headers)
        assert shown.status == 422
        assert "once more" in words_of(shown)
    assert one.people() == ()


def test_everything_that_can_be_chosen_is_registered(one: Registering) -> None:
    one.hold(questions=QUESTIONS, **SERIES)
    form = one.get(FORM)
    assert form.text.count('name="dates"') == 3
    assert form.text.count(" checked") == 3, "all dates"
    link = one.asked(
        **{"dates": DATES[1:], "q-diet": "Everything,\r\nreally", "q-size": "M", "q-lift": "yes", "language": "de"}
    )
    assert "Alle" not in words_of(one.get(link))
    one.press(link)
    [person] = one.people()
    assert person.occurrences == tuple(map(datetime.fromisoformat, DATES[1:]))
    assert person.responses == (("diet", "Everything,\nreally"), ("lift", "yes"), ("size", "M"))
    assert person.language == "de"


def test_the_longest_form_that_can_be_filled_in_is_taken(one: Registering) -> None:
    questions = tuple(Question(question_id=f"q{number}", text="?") for number in range(6))
    one.hold(questions=questions, rule=f"FREQ=DAILY;COUNT={MAX_DATES}")
    dates = re.findall(r'name="dates" value="([^"]*)"', one.get(FORM).text)
    assert len(dates) == MAX_DATES
    longest = {f"q-{question.question_id}": "漢" * responses.LONGEST for question in questions}
    one.press(one.asked(name="漢" * 255, dates=dates[1:], **longest))
    [person] = one.people()
    assert len(person.occurrences or ()) == MAX_DATES - 1
    assert len(person.responses) == len(questions)


def test_who_leaves_all_dates_ticked_comes_to_all_that_there_will_be(one: Registering) -> None:
    one.hold(**SERIES)
    one.press(one.asked(dates=DATES))
    assert one.people()[0].occurrences is None


# --- what is wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "field", "message"),
    [
        ({"name": "  "}, "name", "Enter your name, in one line."),
        ({"name": "a\nb"}, "name", "Enter your name, in one line."),
        ({"name": "x" * 256}, "name", "Enter your name, in one line."),
        ({"name": "\u202e"}, "name", "Enter your name, in one line."),
        ({"email": "bo"}, "email", "Enter an e-mail address, such as name@example.com."),
        ({"email": "bo@"}, "email", "Enter an e-mail address, such as name@example.com."),
        ({"email": "a@b.example, c@d.example"}, "email", "Enter an e-mail address, such as name@example.com."),
        ({"email": "bo@x.example\nBcc: a@b.example"}, "email", "Enter an e-mail address, such as name@example.com."),
        ({"email": "x" * 300 + "@example.net"}, "email", "Enter an e-mail address, such as name@example.com."),
        ({"email": "bö@example.net"}, "email", "Before the @, only letters without accents can be written to yet."),
        ({"email": SENDER.address.upper()}, "email", "Enter your own address: this one sends the invitations."),
        ({"language": "xx"}, "language", "Choose one of the languages."),
        ({"dates": []}, "dates", "Choose at least one date."),
        (
            {"dates": ["2027-03-13T09:00:00"]},
            "dates",
            "Choose among these dates: another one has been cancelled, or is over.",
        ),
        ({"q-size": ""}, "q-size", "Answer this question: Shirt"),
        ({"q-size": "XXL"}, "q-size", "Choose one of the answers: Shirt"),
        ({"q-lift": "perhaps"}, "q-lift", "Choose one of the answers: Do you need a lift?"),
        ({"q-diet": "x" * 1001}, "q-diet", "Write at most 1000 characters here."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_that_was_typed_is_lost(
    one: Registering, typed: dict[str, Any], field: str, message: str
) -> None:
    one.hold(questions=QUESTIONS, **SERIES)
    right = {"dates": DATES[:2], "q-size": "S", "q-diet": "<b>Bread</b> & butter", "name": "Bo “B” Ek"}
    shown = one.fill(**{**right, **typed})
    assert shown.status == 422
    assert problems(shown) == [message]
    assert f'<a href="#{field}">' in shown.text
    assert f'id="{field}"' in shown.text
    assert f'id="{field}-error"' in shown.text
    assert "<title>Error:" in shown.text
    kept = {**BO, **right, **typed}
    if field != "name":
        assert f'value="{kept["name"]}"' in unescape(shown.text)
    if field != "q-diet":
        assert "&lt;b&gt;Bread&lt;/b&gt; &amp; butter</textarea>" in shown.text
    if field not in ("dates",):
        assert shown.text.count(" checked") == (2 if field == "q-size" else 3)
    assert one.hinted == []
    assert one.people() == ()


def test_all_that_is_wrong_is_said_at_once_in_the_order_of_the_form(one: Registering) -> None:
    one.hold(questions=QUESTIONS, **SERIES)
    shown = one.fill(name="", email="", language="", dates=[])
    assert [said.split(" ")[0] for said in problems(shown)] == ["Enter", "Enter", "Choose", "Answer", "Choose"]
    assert problems(shown)[-1] == "Choose one of the languages."


@pytest.mark.parametrize(
    ("seconds", "fields", "said"),
    [
        (1, {}, "This looked as if a program had filled it in."),
        (10, {forms.TRAP: "http://buy.example"}, "This looked as if a program had filled it in."),
        (24 * 3600 + 1, {}, "This page was open for too long."),
        (10, {"token": "forged"}, "This page was open for too long."),
    ],
)
def test_what_looks_like_a_program_is_asked_once_more_with_all_that_was_typed(
    one: Registering, seconds: int, fields: dict[str, str], said: str
) -> None:
    one.hold()
    hidden = one.get(FORM).fields()
    one.visitor.later(seconds)
    shown = one.post(FORM, {**hidden, **BO, **fields})
    assert shown.status == 422
    assert problems(shown)[0].startswith(said)
    assert 'value="Bo Ek"' in shown.text
    assert one.hinted == []
    again = shown.fields()
    one.visitor.later(3)
    assert one.post(FORM, {**again, **BO}).status == 303


# --- people who come with them ------------------------------------------------------------------------------------

HOW_MANY = "How many people come with you?"


def test_who_may_bring_people_is_asked_how_many_and_all_of_them_get_seats(one: Registering) -> None:
    one.hold(guests=3, capacity=5)
    form = one.get(FORM)
    assert HOW_MANY in words_of(form)
    assert re.findall(r'<option value="(\d)"', form.text) == ["0", "1", "2", "3"]
    link = one.asked(guests="2")
    assert one.people() == ()
    assert "People who come with you 2" in words_of(one.get(link))
    own = one.press(link)
    assert "People who come with you 2" in words_of(one.get(own.location))
    [person] = one.people()
    assert (person.status, person.guests) == (RegistrationStatus.REGISTERED, 2)
    assert existing(one.store.seats.read(EVENT_ID)).taken == 3


def test_who_brings_more_people_than_there_are_seats_waits_with_all_of_them(one: Registering) -> None:
    one.hold(guests=3, capacity=4)
    link = one.asked(guests="3")
    one.add(1)
    said = words_of(one.get(link))
    assert "There are not enough seats for all of you by now" in said
    assert "at place 1" in said
    one.press(link)
    waits = next(person for person in one.people() if person.email == "bo@example.net")
    assert (waits.status, waits.guests) == (RegistrationStatus.WAITLISTED, 3)


def test_who_may_bring_nobody_is_not_asked(one: Registering) -> None:
    one.hold()
    assert HOW_MANY not in words_of(one.get(FORM))
    one.press(one.asked())
    assert [person.guests for person in one.people()] == [0]


def test_an_event_may_register_somebody_with_people_at_once(one: Registering) -> None:
    one.hold(guests=1, confirm_address=False)
    assert one.fill(guests="1").status == 303
    assert [person.guests for person in one.people()] == [1]


@pytest.mark.parametrize("typed", ["4", "11", "-1", "two", "1.0", "\u0663", "9" * 5000, "01"])
def test_a_number_of_people_that_cannot_be_is_said_at_its_field(one: Registering, typed: str) -> None:
    one.hold(guests=3)
    shown = one.fill(guests=typed)
    assert shown.status == 422
    assert problems(shown) == ["Choose a number from 0 to 3."]
    assert 'id="guests-error"' in shown.text
    assert 'value="Bo Ek"' in shown.text
    assert one.hinted == []


@pytest.mark.parametrize("event", [{}, {"guests": 3, "capacity": 1}])
def test_who_brings_people_where_nobody_may_any_more_is_told_so_at_the_field(
    one: Registering, event: dict[str, Any]
) -> None:
    one.hold(**event)
    shown = one.fill(guests="1")
    assert (shown.status, problems(shown)) == (422, ["You cannot bring anybody to this event: choose 0."])
    assert 'id="guests-error"' in shown.text
    assert one.fill(guests="0").status == 303


def test_no_more_people_are_asked_for_than_the_event_has_seats_for(one: Registering) -> None:
    one.hold(guests=10, capacity=3)
    assert re.findall(r'<option value="(\d)"', one.get(FORM).text) == ["0", "1", "2"]
    assert problems(one.fill(guests="3")) == ["Choose a number from 0 to 2."]


# --- nobody learns who is registered ------------------------------------------------------------------------------


@pytest.mark.parametrize("confirm_address", [True, False])
def test_whoever_is_registered_the_answer_is_the_same_to_the_byte(
    monkeypatch: pytest.MonkeyPatch, confirm_address: bool
) -> None:
    answers = []
    monkeypatch.setattr(hints, "send", lambda *_: None)
    for known in (None, RegistrationStatus.REGISTERED, RegistrationStatus.WAITLISTED, RegistrationStatus.CANCELLED):
        with a_visitor(monkeypatch) as visitor:
            one = Registering(visitor, [])
            one.hold(confirm_address=confirm_address, capacity=1)
            one.add(1, **({"email": "BO@example.net"} if known is RegistrationStatus.REGISTERED else {}))
            if known in (RegistrationStatus.WAITLISTED, RegistrationStatus.CANCELLED):
                person = one.add(2, email="BO@example.net")
                if known is RegistrationStatus.CANCELLED:
                    withdraw(one.store, EVENT_ID, person.registration_id, now=visitor.now)
            for path in (FORM, LOST):
                done = one.fill(path, email="bo@example.net")
                shown = one.get(done.location)
                answers.append((path, done.status, done.headers, done.data, shown.status, shown.headers, shown.data))
    for path in (FORM, LOST):
        same = [answer for answer in answers if answer[0] == path]
        assert len(same) == 4
        assert same == [same[0]] * 4


def test_a_mailbox_that_has_had_its_mails_is_answered_the_same(one: Registering) -> None:
    one.hold(confirm_address=False)
    answers = [one.fill(email=f"bo+{number}@example.net") for number in range(3)]
    assert [(answer.status, answer.headers, answer.data) for answer in answers] == [
        (303, answers[0].headers, answers[0].data)
    ] * 3


def test_the_log_has_neither_an_address_nor_a_token(one: Registering, monkeypatch: pytest.MonkeyPatch) -> None:
    written = StringIO()
    monkeypatch.setattr(pages.logger.registered_handler, "stream", written)
    one.hold()
    link = one.asked()
    done = one.press(link)
    one.fill(LOST, email="bo@example.net")
    said = written.getvalue()
    assert '"page":"/c/{token}"' in said
    for secret in ("bo@example.net", "Bo Ek", link.removeprefix("/c/"), done.location.removeprefix("/r/")):
        assert secret not in said


# --- how often ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "typed"), [(FORM, {}), (LOST, {"email": "bo@example.net"})])
def test_who_asks_too_often_is_told_when_to_come_back_and_loses_nothing(
    one: Registering, monkeypatch: pytest.MonkeyPatch, path: str, typed: dict[str, Any]
) -> None:
    monkeypatch.setattr(brakes, "ADDRESS", Limit(hour=1, day=9))
    one.hold()
    assert one.fill(path, **typed).status == 303
    shown = one.fill(path, **typed)
    assert shown.status == 429
    assert 3500 < int(shown.headers["retry-after"]) <= 3600
    assert "send it again in 60 minutes" in problems(shown)[0]
    assert 'value="bo@example.net"' in shown.text
    assert len(one.hinted) == 1
    one.visitor.later(3600)
    assert one.post(path, {**one.get(path).fields(), **BO, **typed}).status in (303, 422)


def test_an_account_decides_how_many_unconfirmed_addresses_are_mailed_in_a_day(
    one: Registering,
) -> None:
    one.hold()
    seen = one.store.account_settings.read("acme")
    assert one.store.account_settings.change("acme", seen, replace(seen, unconfirmed_mails=1))
    assert one.fill().status == 303
    assert one.fill(email="eve@example.net").status == 429


# --- what becomes of the event ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"status": EventStatus.CANCELLED}, "The event is cancelled"),
        ({"when_over": True}, "The event is over"),
    ],
)
def test_nobody_registers_for_an_event_that_does_not_take_place(
    one: Registering, changes: dict[str, Any], title: str
) -> None:
    if changes.pop("when_over", False):
        one.visitor.now = datetime(2027, 3, 13, tzinfo=one.visitor.now.tzinfo)
    one.hold(**changes)
    for shown in (one.get(FORM), one.post(FORM, BO)):
        assert shown.status == 410
        assert f"<h1>{title}</h1>" in shown.text
        assert f'href="/v1/e/{EVENT_ID}"' in shown.text


@pytest.mark.parametrize("path", [FORM, LOST, f"{FORM}/sent", f"{LOST}/sent"])
def test_an_event_that_is_not_public_has_none_of_these_pages(one: Registering, path: str) -> None:
    unknown = one.get("/e/unknown")
    one.hold(public=False)
    hidden = one.get(path)
    assert (hidden.status, hidden.data) == (404, unknown.data)
    if not path.endswith("/sent"):
        assert one.post(path, BO).data == unknown.data


def test_where_the_event_is_full_the_pages_say_so(one: Registering) -> None:
    one.hold(capacity=1)
    link = one.asked()
    one.add(1)
    one.add(2)
    assert "Join the waitlist" in words_of(one.get(FORM))
    shown = one.get(link)
    assert "you join the waitlist, at place 2." in words_of(shown)
    one.press(link)
    assert one.people()[-1].status is RegistrationStatus.WAITLISTED
    assert len(one.hinted) == 2, "they are mailed their place"


def change(one: Registering, **changes: Any) -> None:
    before = existing(one.store.reads.event(EVENT_ID))
    after = replace(before, version=before.version + 1, **changes)
    assert change_event(one.store, before, after, priority=1, now=one.visitor.now)


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"status": EventStatus.CANCELLED}, "The event is cancelled"),
        ({"public": False}, "Nobody can register at the moment"),
        ({"status": EventStatus.DRAFT}, "Nobody can register at the moment"),
        (
            {"changes": (DateChange(date=datetime.fromisoformat(DATES[0]), cancelled=True),)},
            "These dates do not take place",
        ),
    ],
)
def test_a_link_says_what_became_of_the_event_meanwhile(one: Registering, changes: dict[str, Any], title: str) -> None:
    one.hold(**SERIES)
    link = one.asked(dates=DATES[:1])
    fields = one.get(link).fields()
    change(one, **changes)
    for shown in (one.get(link), one.post(link, fields)):
        assert shown.status == 410
        assert f"<h1>{title}</h1>" in shown.text
    assert one.people() == ()


def test_that_nobody_can_register_any_more_is_said_in_the_event_s_language(
    one: Registering,
) -> None:
    one.hold(language="de")
    link = one.asked()
    change(one, status=EventStatus.CANCELLED)
    assert '<html lang="de"' in one.get(link).text
    row = keys.unconfirmed_registration(one.hinted[-1].registration_id)
    one.visitor.client.delete_item(TableName=SETTINGS.invitations_table, Key=dynamo.wire(row))
    shown = one.get(link)
    assert (shown.status, "<h1>This link is not valid any more</h1>" in shown.text) == (410, True)


def test_some_of_the_dates_may_be_gone(one: Registering) -> None:
    one.hold(**SERIES)
    link = one.asked(dates=DATES[:2])
    change(one, changes=(DateChange(date=datetime.fromisoformat(DATES[0]), cancelled=True),))
    shown = one.get(link)
    assert "1 of the dates that were chosen does not take place any more." in words_of(shown)
    assert "Friday 19 March 2027" in words_of(shown)
    assert one.press(link).status == 303


def test_a_link_of_before_yesterday_says_that_it_is_not_valid_any_more(one: Registering) -> None:
    one.hold()
    link = one.asked()
    fields = one.get(link).fields()
    one.visitor.later(48 * 3600)
    for shown in (one.get(link), one.post(link, fields)):
        assert shown.status == 410
        assert "<h1>This link is not valid any more</h1>" in shown.text
    assert one.people() == ()


@pytest.mark.parametrize("token", ["x", "A" * 60, "A" * 1000, "-_" * 30])
def test_what_is_no_link_is_a_page_that_there_is_not(one: Registering, token: str) -> None:
    unknown = one.get("/e/unknown")
    for shown in (one.get(f"/c/{token}"), one.post(f"/c/{token}", {})):
        assert (shown.status, shown.data) == (404, unknown.data)


def test_a_link_for_something_else_confirms_nothing(one: Registering) -> None:
    one.hold()
    link_keys, until = one.store.link_keys.at(one.visitor.now), one.visitor.now + timedelta(hours=1)
    form = tokens.sealed(link_keys, Purpose.FORM, b"0" * 26, until)
    assert one.get(f"/c/{form}").status == 404


# --- the whole way ------------------------------------------------------------------------------------------------


def test_a_lost_link_is_mailed_to_whoever_is_registered(one: Registering) -> None:
    one.hold()
    one.add(1)
    assert one.fill(LOST, email="nobody@example.net").location == f"{LOST}/sent"
    assert one.fill(LOST, email="P1@example.net").location == f"{LOST}/sent"
    assert [hint.registration_id for hint in one.hinted] == ["", ""]
    assert problems(one.fill(LOST, email="bo")) == ["Enter an e-mail address, such as name@example.com."]


def test_the_hint_goes_to_the_urgent_queue_and_is_lost_without_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    queued: list[Any] = []

    def perform(_: Aws, effect: Any) -> None:
        queued.append(effect)

    with a_visitor(monkeypatch) as visitor:
        url = "https://sqs.eu-central-1.amazonaws.com/123456789012/Urgent"
        visitor.store = Store(visitor.client, replace(SETTINGS, urgent_queue=url))
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        one = Registering(visitor, [])
        one.hold()
        # There is no such queue: the mail is left to the sweep.
        assert one.fill().status == 303
        monkeypatch.setattr(Aws, "perform", perform)
        assert one.fill().status == 303
    [effect] = queued
    assert effect.urgent
    assert effect.hint.event_id == EVENT_ID


@pytest.mark.parametrize("language", ["de", "ar"])
def test_the_pages_speak_the_visitors_language(one: Registering, language: str) -> None:
    one.hold()
    form = one.get(FORM, accept_language=language)
    assert f'<html lang="{language}"' in form.text
    assert f'<option value="{language}" selected>' in form.text


def test_the_link_that_confirmed_opens_nothing_once_the_registration_has_another_address(one: Registering) -> None:
    one.hold()
    link = one.asked()
    fields = one.get(link).fields()
    assert one.post(link, fields).status == 303
    assert "To your registration" in words_of(one.get(link))
    [person] = one.people()
    changes = {"email": "new@example.net"}
    moved = change_registration(
        one.store, EVENT_ID, person.registration_id, changes=changes, priority=1, now=one.visitor.now
    )
    assert isinstance(moved, Registration)
    for shown in (one.get(link), one.post(link, fields)):
        assert (shown.status, "/r/" in shown.text) == (410, False)
        assert "The address of this registration was changed since." in words_of(shown)


def test_a_form_that_is_no_text_is_refused(one: Registering) -> None:
    one.hold()
    shown = one.visitor.ask("POST", FORM, "name=\ud800", content_type="application/x-www-form-urlencoded")
    assert shown.status == 400
