"""The console where the organizer decides who comes: who it is, what will happen, and a word to them."""

from __future__ import annotations

import pytest

from convoke.store.accounts import Scope
from tests.secretary import Secretary, shown_fields
from tests.tables import everything
from tests.test_console_person import page_of
from tests.visitor import words_of

HOSTILE = "<script>alert(1)</script> “Bo” & Co"


def status_of(secretary: Secretary, person: str) -> str:
    return str(secretary.world.call("GET", person).body["status"])


def notes(secretary: Secretary) -> str:
    """All notifications as they are stored."""
    rows = everything(secretary.world.client)["Invitations"]
    return repr([row for row in rows if row["sk"].startswith("NOTIFICATION#")])


def test_who_asks_is_shown_with_all_that_one_decides_by(secretary: Secretary) -> None:
    question = {"question_id": "food", "text": "What do you eat?"}
    event = secretary.world.hold(approval=True, capacity=5, questions=[question])
    person = secretary.world.register(event, name=HOSTILE, guests=2, responses={"food": "Käse"})
    shown = secretary.get(f"{page_of(person)}/decide")
    said = words_of(shown)
    assert shown.status == 200
    for text in (HOSTILE, "bo@example.net", "What do you eat? Käse", "People who come with them 2", "There is a seat"):
        assert text in said, text
    assert "<script>alert" not in shown.text
    assert f'href="/v1{page_of(person)}/accept"' in shown.text
    assert f'href="/v1{page_of(person)}/decline"' in shown.text


def test_somebody_is_accepted_with_a_word(secretary: Secretary) -> None:
    person = secretary.world.register(secretary.world.hold(approval=True), guests=1)
    path = f"{page_of(person)}/accept"
    shown = secretary.get(path)
    assert "They get a seat, and 1 for the person who comes with them." in words_of(shown)
    assert "The invitation is mailed to them." in words_of(shown)
    assert status_of(secretary, person) == "pending"
    done = secretary.sends(shown, path, word="Welcome,\r\nBo")
    assert (done.status, done.location) == (303, f"{page_of(person)}?done=accepted")
    assert status_of(secretary, person) == "registered"
    assert "Welcome" in notes(secretary)
    said = words_of(secretary.get(page_of(person)))
    assert "Asked to come" in said
    assert "Accepted by the organizer" in said


def test_pressed_twice_they_are_accepted_once(secretary: Secretary) -> None:
    person = secretary.world.register(secretary.world.hold(approval=True))
    path = f"{page_of(person)}/accept"
    form = shown_fields(secretary.get(path), path)
    assert secretary.post(path, form).location == secretary.post(path, form).location
    assert status_of(secretary, person) == "registered"


def test_who_is_accepted_at_a_full_event_goes_to_the_waitlist_and_the_page_says_so_before(secretary: Secretary) -> None:
    event = secretary.world.hold(approval=True, capacity=2)
    secretary.world.register(event, "cy@example.net", approved=True)
    person = secretary.world.register(event, guests=1)
    assert "they go to the waitlist" in words_of(secretary.get(f"{page_of(person)}/decide"))
    path = f"{page_of(person)}/accept"
    shown = secretary.get(path)
    assert "they go to the waitlist, and are mailed that" in words_of(shown)
    assert secretary.sends(shown, path).location.endswith("?done=accepted-waiting")
    assert status_of(secretary, person) == "waitlisted"


def test_somebody_is_declined_with_a_word(secretary: Secretary) -> None:
    person = secretary.world.register(secretary.world.hold(approval=True))
    path = f"{page_of(person)}/decline"
    shown = secretary.get(path)
    assert "They cannot take this registration up again." in words_of(shown)
    done = secretary.sends(shown, path, word="No room")
    assert done.location == f"{page_of(person)}?done=turned-down"
    assert status_of(secretary, person) == "cancelled"
    assert "No room" in notes(secretary)
    said = words_of(secretary.get(page_of(person)))
    assert "Not accepted by the organizer" in said
    assert "Withdrawn" not in said.partition("What happened")[2]


@pytest.mark.parametrize("what", ["accept", "decline"])
def test_a_word_that_is_too_long_is_said_at_its_field_and_kept(secretary: Secretary, what: str) -> None:
    person = secretary.world.register(secretary.world.hold(approval=True))
    path = f"{page_of(person)}/{what}"
    word = "a" * 2001
    refused = secretary.submits(path, word=word)
    assert refused.status == 422
    assert shown_fields(refused, path)["word"] == word
    assert 'href="#word"' in refused.text
    assert status_of(secretary, person) == "pending"


@pytest.mark.parametrize("what", ["accept", "decline"])
def test_what_was_decided_meanwhile_is_said(secretary: Secretary, what: str) -> None:
    person = secretary.world.register(secretary.world.hold(approval=True))
    path = f"{page_of(person)}/{what}"
    shown = secretary.get(path)
    secretary.world.call("DELETE", person)
    refused = secretary.sends(shown, path)
    assert refused.status == 422
    assert "This was decided meanwhile, or they have withdrawn." in words_of(refused)
    for name in ("decide", "accept", "decline"):
        page = secretary.get(f"{page_of(person)}/{name}")
        assert page.status == 200
        assert "<form" not in page.text.partition("<main")[2].partition("</main>")[0]


def test_nothing_is_decided_of_a_draft(secretary: Secretary) -> None:
    person = secretary.world.register(secretary.world.hold(approval=True, status="draft"))
    path = f"{page_of(person)}/accept"
    assert "publish it first" in words_of(secretary.submits(path))
    assert status_of(secretary, person) == "pending"


@pytest.mark.parametrize("what", ["accept", "decline"])
def test_a_form_of_somebody_else_decides_nothing(secretary: Secretary, what: str) -> None:
    person = secretary.world.register(secretary.world.hold(approval=True))
    path = f"{page_of(person)}/{what}"
    assert secretary.post(path, {"word": "", "token": "x" * 100}).status == 422
    assert status_of(secretary, person) == "pending"


def test_who_may_only_read_decides_nothing(secretary: Secretary) -> None:
    person = secretary.world.register(secretary.world.hold(approval=True))
    secretary.sign_in(scopes=(Scope.READ,))
    path = f"{page_of(person)}/accept"
    assert secretary.submits(path).status == 422
    assert status_of(secretary, person) == "pending"


def test_another_accounts_people_are_not_there(secretary: Secretary) -> None:
    person = secretary.world.register(secretary.world.hold(approval=True))
    secretary.sign_in(account="else")
    for name in ("decide", "accept", "decline"):
        assert secretary.get(f"{page_of(person)}/{name}").status == 404
    assert secretary.post(f"{page_of(person)}/accept", {}).status == 404
    assert status_of(secretary, person) == "pending"


def test_the_pages_of_an_event_and_of_who_asks_lead_to_the_decision(secretary: Secretary) -> None:
    event = secretary.world.hold(approval=True)
    assert "Wait for your decision Nobody" in words_of(secretary.get(f"/console{event}"))
    person = secretary.world.register(event)
    assert "Wait for your decision 1" in words_of(secretary.get(f"/console{event}"))
    page = secretary.get(page_of(person))
    assert f'href="/v1{page_of(person)}/decide"' in page.text
    secretary.world.call("POST", f"{person}/accept")
    assert "/decide" not in secretary.get(page_of(person)).text


@pytest.mark.parametrize("session", [{}, {"organizer": "ada@example.org"}], ids=["account", "organizer"])
def test_that_somebody_waits_is_said_wherever_one_looks_for_work(secretary: Secretary, session: dict[str, str]) -> None:
    secretary.sign_in(**session)
    event = secretary.world.hold(approval=True)
    pages = ("/console", "/console/attention", f"/console{event}/attention")
    for path in pages:
        assert "status=pending" not in secretary.get(path).text
    person = secretary.world.register(event)
    for path in pages:
        assert f'href="/v1/console{event}/people?status=pending"' in secretary.get(path).text, path
    assert "One person waits for your decision" in words_of(secretary.get("/console"))
    assert "One person asked to come." in words_of(secretary.get("/console/attention"))
    said = words_of(secretary.get(page_of(person)))
    assert "Asked to come" in said.partition("What happened")[2]
    secretary.world.call("POST", f"{person}/accept")
    for path in pages:
        assert "status=pending" not in secretary.get(path).text


def test_whom_one_adds_by_hand_need_not_be_accepted(secretary: Secretary) -> None:
    event = secretary.world.hold(approval=True)
    path = f"/console{event}/people/add"
    done = secretary.submits(path, name="Bo", email="bo@example.net")
    assert done.location.endswith("?done=added")
    secretary.sign_in(scopes=(Scope.READ, Scope.REGISTER))
    done = secretary.submits(path, name="Cy", email="cy@example.net")
    assert done.location.endswith("?done=asked")
    people = secretary.world.call("GET", f"{event}/registrations").body["items"]
    assert {one["email"]: one["status"] for one in people} == {
        "bo@example.net": "registered",
        "cy@example.net": "pending",
    }


def test_approval_is_set_in_the_form_of_an_event(secretary: Secretary) -> None:
    event = secretary.world.hold()
    path = f"/console{event}/edit"
    assert secretary.submits(path, approval="yes").status == 303
    assert secretary.world.call("GET", event).body["approval"] is True
    form = shown_fields(secretary.get(path), path)
    assert form["approval"] == "yes"
