"""One person in the console: what is known of them, what was sent, and what can be done."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from convoke.decision.calendar_state import RenderedMail
from convoke.decision.invitation import Stopped, StoredMessage
from convoke.model import DeliveryState, Method
from convoke.store import dynamo, keys
from convoke.store.accounts import Scope
from convoke.store.invitations import invitation_item
from convoke.store.records import message_item
from tests.factories import NOW, answer, existing, told
from tests.secretary import Secretary, shown_fields
from tests.tables import SETTINGS, everything, readable, unchanged
from tests.visitor import words_of

HOSTILE = "<script>alert(1)</script> “Bo” & Co"
WEEKLY = {"recurrence": "FREQ=WEEKLY;COUNT=3"}


def page_of(person: str) -> str:
    return "/console" + person.replace("/registrations/", "/people/")


def stored(secretary: Secretary, person: str) -> dict[str, object]:
    found: dict[str, object] = secretary.world.call("GET", person).body
    return found


# --- what is shown --------------------------------------------------------------------------------------------------


def test_who_it_is_and_what_they_said_is_shown(secretary: Secretary) -> None:
    question = {"question_id": "food", "text": "What do you eat?"}
    event = secretary.world.hold(questions=[question], language="de")
    person = secretary.world.register(event, guests=2, responses={"food": "Käse"}, external_id="m-17")
    shown = secretary.get(page_of(person))
    assert shown.status == 200
    said = words_of(shown)
    for text in ("Bo Ek", "bo@example.net", "Deutsch", "What do you eat? Käse", "m-17", "Registered", "No answer yet"):
        assert text in said, text
    assert "Guests 2" in said
    assert "No invitation was sent to them, so that their calendar does not have the event." in said


def test_what_their_calendar_shows_is_shown_and_whether_it_is_true(secretary: Secretary) -> None:
    person = secretary.world.register(secretary.world.hold())
    secretary.world.tell(person, state=DeliveryState.DELIVERED)
    said = words_of(secretary.get(page_of(person)))
    assert "Up to date It shows what is true now." in said
    assert "Friday 12 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00)" in said
    event = person.partition("/registrations/")[0]
    moved = {"start": "2027-03-13T09:00:00", "end": "2027-03-13T10:30:00"}
    assert secretary.world.call("PATCH", event, moved).status == 200
    said = words_of(secretary.get(page_of(person)))
    assert "It does not show what is true now: they are not told of everything yet." in said
    assert "Friday 12 March 2027, 09:00 to 10:30" in said


def test_what_may_or_may_not_have_left_is_said_to_be_unknown(secretary: Secretary) -> None:
    person = secretary.world.invite(secretary.world.hold())
    _, _, event_id, _, registration_id = person.split("/")
    known = existing(secretary.store.reads.invitation(event_id, registration_id))
    assert known.intent is not None
    doubtful = replace(known, acknowledged=None, possibly_sent=known.intent.calendar_state, due_key=None)
    secretary.world.client.put_item(TableName=SETTINGS.invitations_table, Item=dynamo.wire(invitation_item(doubtful)))
    said = words_of(secretary.get(page_of(person)))
    assert "It is not known whether it shows what is true now." in said
    assert "A mail about it may or may not have left" in said


def test_everything_that_happened_is_shown_the_newest_first(secretary: Secretary) -> None:
    world = secretary.world
    person = world.register(world.hold())
    world.tell(person, state=DeliveryState.DELIVERED)
    answered = answer(uid="told@convoke.example.com")
    released = world.put_aside(person, received_at=world.now.replace(hour=13), answer=answered)
    assert world.call("POST", f"{released}/release").status == 200
    proposal = world.propose(person, received_at=world.now.replace(hour=14), comment=HOSTILE)
    later = keys.registration_id(NOW.replace(hour=15), bytes(16))
    world.put_aside(person, received_at=world.now.replace(hour=15), subject=HOSTILE, quarantine_id=later)
    shown = secretary.get(page_of(person))
    assert "<script>alert" not in shown.text
    happened = words_of(shown).partition("What happened")[2]
    order = [
        "A mail in their name was put aside",
        "Proposed another time",
        "Answered by a mail that was put aside, and then let count: Coming",
        "Invited",
        "Registered",
    ]
    places = [happened.index(text) for text in order]
    assert places == sorted(places), happened
    assert HOSTILE in happened
    assert "It may be forged" in happened
    assert f'href="/v1/console{proposal}"' in shown.text


def test_that_another_address_was_used_and_why_a_mail_failed_is_part_of_what_happened(secretary: Secretary) -> None:
    world = secretary.world
    person = world.invite(world.hold())
    _, _, event_id, _, registration_id = person.split("/")
    another = StoredMessage(
        registration_id=registration_id,
        event_id=event_id,
        calendar_state=replace(told(), sequence=1, generation=2, recipient="new@example.net", method=Method.REQUEST),
        written_at=NOW.replace(hour=16),
        state=DeliveryState.FAILED,
        reason="unanswered",
    )
    world.client.put_item(TableName=SETTINGS.invitations_table, Item=dynamo.wire(message_item(another)))
    said = words_of(secretary.get(page_of(person)))
    assert "From here on another address is used, instead of bo@example.net" in said
    assert "Could not be sent The mail was given up. The mail service never said whether it took the mail." in said


def test_the_dates_of_a_series_that_somebody_comes_to_are_shown(secretary: Secretary) -> None:
    event = secretary.world.hold(**WEEKLY)
    person = secretary.world.register(event, occurrences=["2027-03-19T09:00:00"])
    assert "Dates Fri 19 Mar 2027, 09:00" in words_of(secretary.get(page_of(person)))
    assert "Fri 19 Mar 2027, 09:00" in secretary.get(f"/console{event}/people").text


def test_a_chosen_date_that_was_moved_is_shown_as_it_takes_place(secretary: Secretary) -> None:
    event = secretary.world.hold(**WEEKLY)
    person = secretary.world.register(event, occurrences=["2027-03-19T09:00:00"])
    moved = {"start": "2027-03-20T11:00:00", "duration": "PT1H"}
    assert secretary.world.call("PATCH", f"{event}/occurrences/2027-03-19T09:00:00", moved).status == 200
    assert "Dates Sat 20 Mar 2027, 11:00" in words_of(secretary.get(page_of(person)))
    people = secretary.get(f"/console{event}/people").text
    assert "Sat 20 Mar 2027, 11:00" in people
    assert "19 Mar 2027" not in people


def test_what_was_said_of_a_date_that_was_moved_names_it_by_when_it_takes_place(secretary: Secretary) -> None:
    world, name = secretary.world, "2027-03-19T09:00:00"
    event = world.hold(**WEEKLY)
    person = world.register(event)
    world.propose(person, date=datetime.fromisoformat(name))
    happened = words_of(secretary.get(page_of(person))).partition("What happened")[2]
    assert "(Fri 19 Mar 2027, 09:00)" in happened
    moved = {"start": "2027-03-20T11:00:00", "duration": "PT1H"}
    assert world.call("PATCH", f"{event}/occurrences/{name}", moved).status == 200
    happened = words_of(secretary.get(page_of(person))).partition("What happened")[2]
    assert "(Sat 20 Mar 2027, 11:00)" in happened
    assert "Fri 19 Mar" not in happened
    attention = words_of(secretary.get(f"/console{event}/attention"))
    assert "Sat 20 Mar 2027, 11:00" in attention
    assert "Fri 19 Mar" not in attention


def test_a_name_of_markup_is_shown_as_it_was_typed(secretary: Secretary) -> None:
    person = secretary.world.invite(secretary.world.hold(title=HOSTILE), name=HOSTILE)
    for path in ("", "/change", "/withdraw", "/erase", "/mails/0"):
        shown = secretary.get(page_of(person) + path)
        assert shown.status == 200, path
        assert "<script>alert" not in shown.text
        assert HOSTILE in words_of(shown)


# --- mails ----------------------------------------------------------------------------------------------------------

MAIL = b"""From: =?utf-8?b?S8O2bG4=?= <events@convoke.example.com>\r
To: Bo <bo@example.net>\r
Subject: Invitation: <b>Treffen</b>\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary="x"\r
\r
--x\r
Content-Type: text/plain; charset="utf-8"\r
\r
Come, Bo <i>Ek</i>\r
\r
Your registration:\r
_your_personal_link_\r
\r
Bye\r
--x\r
Content-Type: text/html; charset="no-such"\r
\r
<p onclick="x()">Come</p>\r
--x\r
Content-Type: text/calendar; charset="utf-8"; method=REQUEST\r
\r
BEGIN:VCALENDAR\r
--x\r
Content-Type: image/png; name="a.png"\r
\r
x\r
--x--\r
"""


def with_mail(secretary: Secretary, mail: bytes) -> str:
    world = secretary.world
    person = world.invite(world.hold())
    registration_id = person.rpartition("/")[2]
    known = existing(world.store.reads.stored(registration_id, 0))
    item = message_item(replace(known, rendered=RenderedMail(calendar=b"", mail=mail)))
    world.client.put_item(TableName=SETTINGS.invitations_table, Item=dynamo.wire(item))
    return person


def test_a_mail_is_shown_as_text_and_can_be_downloaded(secretary: Secretary) -> None:
    path = f"{page_of(with_mail(secretary, MAIL))}/mails/0"
    shown = secretary.get(path)
    said = words_of(shown)
    assert "From Köln <events@convoke.example.com>" in said
    assert "Subject Invitation: <b>Treffen</b>" in said
    assert "Come, Bo <i>Ek</i>" in said
    assert "[here stands the link of this person alone]" in said
    assert "_your_personal_link_" not in shown.text
    assert '<p onclick="x()">Come</p>' in said
    assert "onclick=" not in shown.text.replace("&lt;p onclick=", "")
    assert "BEGIN:VCALENDAR" in said
    file = secretary.get(f"{path}.eml")
    assert (file.status, file.headers["content-type"], file.data) == (200, "message/rfc822", MAIL)
    assert file.headers["content-disposition"].startswith("attachment; ")
    assert file.headers["cache-control"] == "no-store"


def test_a_mail_that_no_program_would_write_is_shown_all_the_same(secretary: Secretary) -> None:
    person = with_mail(secretary, b"Subject: =?nonsense?= x\r\n\r\nHej \xff\x00")
    shown = secretary.get(f"{page_of(person)}/mails/0")
    assert shown.status == 200
    assert "Hej �" in words_of(shown)


def test_a_mail_that_there_is_not_is_not_found(secretary: Secretary) -> None:
    person = with_mail(secretary, MAIL)
    for sequence in ("1", "1.eml", "x"):
        assert secretary.get(f"{page_of(person)}/mails/{sequence}").status == 404


# --- what is done ---------------------------------------------------------------------------------------------------


def test_the_latest_mail_is_sent_once_more_and_only_once(secretary: Secretary) -> None:
    person = secretary.world.invite(secretary.world.hold())
    shown = secretary.get(page_of(person))
    path = f"{page_of(person)}/resend"
    for _ in range(2):
        done = secretary.follow(secretary.sends(shown, path))
        assert "The latest mail is sent to them once more." in words_of(done)
    _, _, event_id, _, registration_id = person.split("/")
    assert existing(secretary.store.reads.invitation(event_id, registration_id)).resend == 1


def test_why_nothing_can_be_sent_again_is_said(secretary: Secretary) -> None:
    person = secretary.world.register(secretary.world.hold())
    stopped = (Stopped(address="bo@example.net", state=DeliveryState.BOUNCED),)
    secretary.world.tell(person, stopped=stopped, state=DeliveryState.BOUNCED)
    shown = secretary.get(page_of(person))
    assert "Their mail server does not take mail for this address." in words_of(shown)
    refused = secretary.sends(shown, f"{page_of(person)}/resend")
    assert refused.status == 422
    assert "Change the address: the new one is invited." in words_of(refused)


@pytest.mark.parametrize("may_return", [True, False])
def test_somebody_is_withdrawn_with_or_without_a_way_back(secretary: Secretary, may_return: bool) -> None:
    person = secretary.world.register(secretary.world.hold())
    path = f"{page_of(person)}/withdraw"
    shown = secretary.get(path)
    fields = shown_fields(shown, path)
    assert fields["may_return"] == "yes"
    if not may_return:
        del fields["may_return"]
    done = secretary.follow(secretary.post(path, fields))
    assert "They are withdrawn." in words_of(done)
    assert "Withdrawn" in words_of(done).partition("What happened")[2]
    assert stored(secretary, person)["status"] == "cancelled"
    _, _, event_id, _, registration_id = person.split("/")
    assert existing(secretary.store.reads.registration(event_id, registration_id)).removed is not may_return
    assert "They are withdrawn already." in words_of(secretary.get(path))


def test_somebody_is_erased_only_when_that_was_ticked(secretary: Secretary) -> None:
    person = secretary.world.register(secretary.world.hold())
    path = f"{page_of(person)}/erase"
    asked = secretary.submits(path)
    assert asked.status == 422
    assert "Tick that you want to erase this person for good." in words_of(asked)
    assert stored(secretary, person)["name"] == "Bo Ek"
    done = secretary.follow(secretary.sends(asked, path, sure="yes"))
    assert "This person is erased." in words_of(done)
    assert "An erased person" in words_of(done)
    assert stored(secretary, person)["name"] is None
    assert "bo@example.net" not in readable(everything(secretary.world.client))


def test_whoever_was_invited_is_erased_once_the_cancellation_has_left(secretary: Secretary) -> None:
    person = secretary.world.invite(secretary.world.hold())
    path = f"{page_of(person)}/erase"
    done = secretary.follow(secretary.submits(path, sure="yes"))
    assert "This person is erased as soon as the cancellation has left." in words_of(done)


# --- adding and changing --------------------------------------------------------------------------------------------

ASKED = [
    {"question_id": "food", "text": "What do you eat?", "required": True},
    {"question_id": "bus", "text": "By bus?", "kind": "yes-no"},
    {"question_id": "day", "text": "Which day?", "kind": "choice", "choices": [str(day) for day in range(1, 9)]},
]


def test_somebody_is_added_with_all_that_there_is_to_say(secretary: Secretary) -> None:
    event = secretary.world.hold(questions=ASKED, **WEEKLY)
    path = f"/console{event}/people/add"
    shown = secretary.get(path)
    typed = {
        "name": "Cy",
        "email": "cy@example.net",
        "guests": "3",
        "language": "fr",
        "occurrences": ["2027-03-12T09:00:00", "2027-03-26T09:00:00"],
        "responses.food": "Bread",
        "responses.bus": "no",
        "responses.day": "8",
    }
    done = secretary.sends(shown, path, **typed)
    assert done.status == 303, words_of(done)
    assert "Registered. They are invited by mail." in words_of(secretary.follow(done))
    (found,) = secretary.world.call("GET", f"{event}/registrations").body["items"]
    assert (found["name"], found["email"], found["language"], found["guests"]) == ("Cy", "cy@example.net", "fr", 3)
    assert found["occurrences"] == typed["occurrences"]
    assert found["responses"] == {"food": "Bread", "bus": "no", "day": "8"}
    assert secretary.sends(shown, path, **typed).location == done.location, "the button was pressed twice"
    again = secretary.submits(path, **typed)
    assert again.status == 422
    assert "This address is registered already" in words_of(again)
    changed = secretary.sends(shown, path, **typed | {"name": "Di"})
    assert changed.status == 422
    assert "This address is registered already" in words_of(changed)


def test_whoever_comes_to_all_dates_comes_to_later_ones_too(secretary: Secretary) -> None:
    event = secretary.world.hold(**WEEKLY)
    path = f"/console{event}/people/add"
    secretary.follow(secretary.submits(path, name="Cy", email="cy@example.net"))
    (found,) = secretary.world.call("GET", f"{event}/registrations").body["items"]
    assert found["occurrences"] is None


def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(secretary: Secretary) -> None:
    event = secretary.world.hold(questions=ASKED, **WEEKLY)
    path = f"/console{event}/people/add"
    typed = {"name": HOSTILE, "email": "nowhere", "guests": "3", "responses.bus": "yes", "language": "de"}
    shown = secretary.submits(path, **typed)
    assert shown.status == 422
    assert shown_fields(shown, path) == {**shown_fields(secretary.get(path), path), **typed} | {
        name: shown_fields(shown, path)[name] for name in ("once", "token")
    }
    assert 'id="email-error"' in shown.text
    assert 'href="#email"' in shown.text
    assert "E-mail address: must be a mail address." in words_of(shown)
    shown = secretary.sends(shown, path, email="cy@example.net")
    assert 'id="responses.food-error"' in shown.text
    assert "What do you eat?:" in words_of(shown)
    none = shown_fields(shown, path)
    del none["occurrences"]
    assert "Choose at least one date." in words_of(secretary.post(path, none))
    assert secretary.world.call("GET", f"{event}/registrations").body["items"] == []


def test_whoever_is_registered_already_is_shown_with_a_link(secretary: Secretary) -> None:
    event = secretary.world.hold()
    person = secretary.world.register(event)
    path = f"/console{event}/people/add"
    shown = secretary.submits(path, name="Bo again", email="BO@example.net")
    assert shown.status == 422
    assert "This address is registered already" in words_of(shown)
    assert f'href="/v1{page_of(person)}"' in shown.text
    assert shown_fields(shown, path)["name"] == "Bo again"
    assert stored(secretary, person)["name"] == "Bo Ek"


def test_where_there_is_no_seat_they_are_put_on_the_waitlist(secretary: Secretary) -> None:
    event = secretary.world.hold(capacity=1)
    secretary.world.register(event)
    path = f"/console{event}/people/add"
    done = secretary.follow(secretary.submits(path, name="Cy", email="cy@example.net"))
    assert "The event is full: they are on the waitlist" in words_of(done)
    assert "On the waitlist" in words_of(done)


def test_only_what_was_changed_in_the_form_is_changed(secretary: Secretary) -> None:
    event = secretary.world.hold(questions=ASKED, language="de", **WEEKLY)
    person = secretary.world.register(event, responses={"food": "Bread", "bus": "yes"}, guests=1)
    path = f"{page_of(person)}/change"
    shown = secretary.get(path)
    assert "Nothing was changed." in words_of(secretary.follow(secretary.sends(shown, path)))
    assert secretary.world.call("PATCH", person, {"guests": 2}).status == 200
    typed = {"name": "Bo E.", "responses.bus": "", "occurrences": ["2027-03-19T09:00:00"]}
    done = secretary.sends(shown, path, **typed)
    assert "Saved." in words_of(secretary.follow(done))
    found = stored(secretary, person)
    assert (found["name"], found["occurrences"], found["guests"]) == ("Bo E.", ["2027-03-19T09:00:00"], 2)
    assert found["responses"] == {"food": "Bread"}


def test_another_address_is_invited_and_that_of_somebody_else_is_refused_with_a_link(secretary: Secretary) -> None:
    event = secretary.world.hold()
    bo, cy = secretary.world.register(event), secretary.world.register(event, "cy@example.net", name="Cy")
    path = f"{page_of(bo)}/change"
    shown = secretary.submits(path, email="cy@example.net", name="Bo B.")
    assert shown.status == 422
    assert "Somebody else is registered with this address." in words_of(shown)
    assert f'href="/v1{page_of(cy)}"' in shown.text
    assert shown_fields(shown, path)["name"] == "Bo B."
    done = secretary.follow(secretary.sends(shown, path, email="bo@new.example"))
    assert "The new address is invited" in words_of(done)
    assert (stored(secretary, bo)["email"], stored(secretary, bo)["name"]) == ("bo@new.example", "Bo B.")


def test_more_guests_than_there_are_seats_are_refused(secretary: Secretary) -> None:
    event = secretary.world.hold(capacity=2)
    bo = secretary.world.register(event)
    secretary.world.register(event, "cy@example.net")
    path = f"{page_of(bo)}/change"
    shown = secretary.submits(path, guests="1")
    assert "There are not so many free seats." in words_of(shown)
    assert 'id="guests-error"' in shown.text


# --- who may --------------------------------------------------------------------------------------------------------

PAGES = ("", "/change", "/withdraw", "/erase", "/mails/0", "/mails/0.eml")
ACTIONS = ("/change", "/withdraw", "/erase", "/resend")


def test_an_organizer_sees_and_does_the_same_for_their_own_events(secretary: Secretary) -> None:
    person = secretary.world.invite(secretary.world.hold())
    secretary.sign_in(organizer="ADA@example.org")
    for path in PAGES:
        assert secretary.get(page_of(person) + path).status == 200, path
    path = f"{page_of(person)}/withdraw"
    assert secretary.submits(path).status == 303
    assert stored(secretary, person)["status"] == "cancelled"


@pytest.mark.parametrize("session", [{"account": "other"}, {"organizer": "eve@example.org"}])
def test_nobody_else_sees_or_does_anything(secretary: Secretary, session: dict[str, str]) -> None:
    person = secretary.world.invite(secretary.world.hold())
    event = person.partition("/registrations/")[0]
    secretary.sign_in(**session)
    with unchanged(secretary.world.client):
        for path in PAGES:
            assert secretary.get(page_of(person) + path).status == 404, path
        assert secretary.get(f"/console{event}/people/add").status == 404
        for path in (*(page_of(person) + action for action in ACTIONS), f"/console{event}/people/add"):
            assert secretary.post(path, {"name": "Eve", "sure": "yes"}).status == 404, path


def test_with_a_key_that_may_only_read_everything_is_seen_and_nothing_done(secretary: Secretary) -> None:
    person = secretary.world.invite(secretary.world.hold())
    event = person.partition("/registrations/")[0]
    secretary.sign_in(scopes=(Scope.READ,))
    secretary.get(page_of(person))  # makes the keys that forms are signed with
    before = everything(secretary.world.client)
    typed = {"name": "Eve", "email": "eve@example.net", "sure": "yes"}
    forms = {f"{page_of(person)}/resend": page_of(person), f"/console{event}/people/add": f"/console{event}/people/add"}
    forms |= {page_of(person) + action: page_of(person) + action for action in ("/change", "/withdraw", "/erase")}
    for action, path in forms.items():
        shown = secretary.sends(secretary.get(path), action, **typed)
        assert shown.status == 422, path
        assert "this may be seen, and not changed" in words_of(shown)
    assert everything(secretary.world.client) == before


def test_nothing_is_done_by_a_form_that_no_page_showed(secretary: Secretary) -> None:
    person = secretary.world.invite(secretary.world.hold())
    event = person.partition("/registrations/")[0]
    secretary.get(page_of(person))  # makes the keys that forms are signed with
    with unchanged(secretary.world.client):
        typed = {"name": "Eve", "email": "eve@example.net", "sure": "yes", "token": "forged"}
        for path in (*(page_of(person) + action for action in ACTIONS), f"/console{event}/people/add"):
            shown = secretary.post(path, typed)
            assert shown.status == 422, path
            assert "This page was open for too long." in words_of(shown)
