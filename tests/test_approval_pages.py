"""The pages of an event whose organizer decides who comes, and of who waits for that."""

from __future__ import annotations

from typing import Any

import pytest

from convoke.links.tokens import Purpose
from convoke.model import Registration, RegistrationStatus
from convoke.registrations import approval, registry, returning
from tests.factories import EVENT_ID, existing
from tests.fixtures import patching_fixture_of
from tests.tables import everything, readable, unchanged
from tests.test_personal_page import follow, path, press, register, stored, token
from tests.test_registering import FORM, Registering, registering
from tests.visitor import Visitor, words_of

PENDING, REGISTERED = RegistrationStatus.PENDING, RegistrationStatus.REGISTERED


one = patching_fixture_of(registering)


@pytest.fixture
def visitor(one: Registering) -> Visitor:
    one.visitor.hold(approval=True)
    return one.visitor


def asks(visitor: Visitor, **changes: Any) -> Registration:
    return register(visitor, status=PENDING, **changes)


def pending(visitor: Visitor) -> int:
    return visitor.store.reads.seats(EVENT_ID).pending


# --- registering --------------------------------------------------------------------------------------------------


def test_the_page_the_form_and_the_confirmation_say_that_the_organizer_decides(one: Registering) -> None:
    one.hold(approval=True, capacity=5)
    page = words_of(one.get(f"/e/{EVENT_ID}"))
    assert "Ask to come" in page
    assert "The organizer decides who comes." in page
    form = words_of(one.get(FORM))
    assert "you wait for their decision, and are told by a mail" in form
    assert "The organizer is asked only once you have done that." in form
    link = one.asked()
    with unchanged(one.visitor.client):
        assert "the organizer is asked whether you can come" in words_of(one.get(link))
    shown = one.get(one.press(link).location)
    assert "The organizer decides about your registration." in words_of(shown)
    [person] = one.people()
    assert (person.status, pending(one.visitor)) == (PENDING, 1)
    page = words_of(one.get(f"/e/{EVENT_ID}"))
    assert "There are free seats." in page, "what the page shows does not change"


def test_a_full_event_says_that_whoever_is_accepted_waits(one: Registering) -> None:
    one.hold(approval=True, capacity=1)
    one.add(1)
    form = words_of(one.get(FORM))
    assert "whoever is accepted goes to the waitlist" in form
    assert "Join the waitlist" not in form
    assert "at place" not in words_of(one.get(one.asked()))


def test_without_a_confirmation_who_registers_is_pending_at_once(one: Registering) -> None:
    one.hold(approval=True, confirm_address=False)
    assert one.fill().status == 303
    [person] = one.people()
    assert person.status is PENDING
    assert len(one.hinted) == 1
    assert one.hinted[0].registration_id == person.registration_id
    # Registered already: they are mailed their link, and the page is the same.
    assert one.fill().location == f"{FORM}/sent"
    assert len(one.people()) == 1


# --- the personal page --------------------------------------------------------------------------------------------


def test_who_is_pending_sees_so_and_what_they_can_do(visitor: Visitor) -> None:
    bo = asks(visitor)
    page = path(visitor, bo)
    said = words_of(visitor.get(page))
    assert "The organizer decides about your registration." in said
    assert "You are told by a mail. Until then you have no seat." in said
    assert "Will you come?" not in said
    assert "Have the invitation sent again" not in said
    for action in ("answer", "send", "return"):
        assert visitor.get(f"{page}/{action}").status == 409
    assert "Not registered: " in visitor.get(f"/f/{token(visitor, bo, Purpose.FEED)}.ics").text


def test_who_is_pending_changes_their_registration(visitor: Visitor) -> None:
    bo = asks(visitor)
    done = press(visitor, path(visitor, bo), "change", name="Other")
    assert "Your changes were saved." in words_of(follow(visitor, done))
    assert (stored(visitor, bo).name, stored(visitor, bo).status, pending(visitor)) == ("Other", PENDING, 1)
    fresh = f"/r/{token(visitor, bo, Purpose.RECENT)}"
    assert press(visitor, fresh, "address", email="new@example.net").status == 303


def test_who_is_pending_withdraws_and_asks_again(visitor: Visitor) -> None:
    bo = asks(visitor)
    page = path(visitor, bo)
    asked = words_of(visitor.get(f"{page}/withdraw"))
    assert "taken back before the organizer has decided about it" in asked
    assert "then the organizer decides again" in asked
    left = follow(visitor, press(visitor, page, "withdraw"))
    assert "You have withdrawn." in words_of(left)
    assert "is removed by a mail" not in words_of(left), "nothing was ever sent"
    assert pending(visitor) == 0
    assert "The organizer decides again whether you come" in words_of(visitor.get(f"{page}/return"))
    again = follow(visitor, press(visitor, page, "return"))
    assert "The organizer decides again whether you come" in words_of(again)
    assert (stored(visitor, bo).status, pending(visitor)) == (PENDING, 1)


def test_by_one_click_who_is_pending_withdraws_and_asks_again(visitor: Visitor) -> None:
    bo = asks(visitor)
    click = f"/u/{token(visitor, bo, Purpose.WITHDRAW)}"
    assert "seat is kept" not in words_of(visitor.get(click))
    assert visitor.post(click, {"List-Unsubscribe": "One-Click"}).status == 200
    assert (pending(visitor), stored(visitor, bo).held_until) == (0, None)
    shown = visitor.get(click)
    assert "The organizer decides again whether you come" in words_of(shown)
    assert visitor.post(click, shown.fields()).status == 303
    assert stored(visitor, bo).status is PENDING


def test_who_was_accepted_comes_back_to_the_seat_that_is_kept(visitor: Visitor) -> None:
    bo = asks(visitor)
    approval.accept(visitor.store, existing(visitor.store.reads.event(EVENT_ID)), bo, now=visitor.now)
    until = visitor.now + returning.HELD
    registry.withdraw(visitor.store, EVENT_ID, bo.registration_id, now=visitor.now, held_until=until)
    page = path(visitor, bo)
    assert "Your seat is kept for you until" in words_of(visitor.get(f"{page}/return"))
    assert "You are registered again." in words_of(follow(visitor, press(visitor, page, "return")))
    assert stored(visitor, bo).status is REGISTERED


def test_whoever_was_declined_sees_that_and_cannot_come_back(visitor: Visitor) -> None:
    bo = asks(visitor)
    approval.decline(visitor.store, existing(visitor.store.reads.event(EVENT_ID)), bo, now=visitor.now)
    page = path(visitor, bo)
    shown = visitor.get(page)
    assert "You are not registered." in words_of(shown)
    assert "The organizer has not accepted your registration." in words_of(shown)
    assert "Come back" not in words_of(shown)
    refused = visitor.get(f"{page}/return")
    assert (refused.status, "The organizer has not accepted" in words_of(refused)) == (409, True)
    assert "The organizer has not accepted" in words_of(visitor.get(f"/u/{token(visitor, bo, Purpose.WITHDRAW)}"))


def test_who_is_pending_is_erased_on_their_page(visitor: Visitor) -> None:
    bo = asks(visitor, name="Kanari Zyx", email="kanari.zyx@example.net")
    fresh = f"/r/{token(visitor, bo, Purpose.RECENT)}"
    assert press(visitor, fresh, "erase").status == 303
    assert stored(visitor, bo).status is RegistrationStatus.ERASED
    assert pending(visitor) == 0
    assert "kanari" not in readable(everything(visitor.client)).lower()
