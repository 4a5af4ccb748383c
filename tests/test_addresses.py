"""Another address for a registration: pages, mails and calendars from the first click to the last mail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

import pages
from convoke.aws import runtime
from convoke.delivery.notify import dispatch
from convoke.effects import NotificationHint
from convoke.links import tokens
from convoke.links.tokens import Purpose, personal
from convoke.model import Method, Registration, RegistrationStatus
from convoke.pages import hints
from convoke.registrations import addresses, erasure, registry
from convoke.registrations.registry import Obstacle
from tests.factories import EVENT_ID, SENDER, existing
from tests.mailbox import plain_text_of, read_mail
from tests.tables import SETTINGS, everything, readable, unchanged
from tests.visitor import Shown, Visitor, words_of
from tests.world import World, a_world

NEW = "neu.zyx@example.net"


class Person(Visitor):
    """Somebody who is registered, with their mailbox."""

    def __init__(self, world: World, hinted: list[NotificationHint]) -> None:
        super().__init__(world.client)
        self.world, self.hinted = world, hinted

    def one(self, number: int = 1) -> Registration:
        return existing(self.store.reads.registration(EVENT_ID, f"{number:010d}{EVENT_ID}"))

    def page(self, purpose: Purpose = Purpose.PERSONAL, number: int = 1) -> str:
        who = self.one(number)
        expires = self.world.now + timedelta(hours=1) if purpose is Purpose.RECENT else None
        made_with = self.store.link_keys.at(self.world.now)
        return f"/r/{personal(made_with, purpose, EVENT_ID, who.registration_id, who.links, expires)}"

    def press(self, path: str, **typed: str) -> Shown:
        return self.post(path, self.get(path).fields(path) | typed)

    def mail(self) -> tuple[str, str, str]:
        """The mail that comes of the last hint: to whom, its subject, and its text."""
        hint, before = self.hinted[-1], len(self.world.notifications)
        self.world.run(dispatch(hint.event_id, hint.registration_id, hint.notification_id, self.world.worker()))
        (note,) = self.world.notifications[before:]
        read = read_mail(note.mail)
        return str(read["To"]), str(read["Subject"]), plain_text_of(note.mail)

    def link(self) -> str:
        """The path of the one link in the mail that comes of the last hint."""
        _, _, text = self.mail()
        (found,) = re.findall(rf"{re.escape(SETTINGS.public_url)}(/\S+)", text)
        return str(found)

    def asks(self, email: str = NEW) -> Shown:
        return self.press(f"{self.page(Purpose.RECENT)}/address", email=email)


@pytest.fixture
def bo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    hinted: list[NotificationHint] = []
    monkeypatch.setattr(hints, "send", lambda _, hint: hinted.append(hint) if hint else None)
    with a_world(public=True, title="Choir") as world:
        person = Person(world, hinted)
        person.opens(monkeypatch)
        monkeypatch.setattr(pages, "now", lambda: world.now)
        monkeypatch.setattr(runtime, "clock", lambda: world.now)
        world.register()
        world.look(person.one())
        yield person


def test_another_address_from_the_first_click_to_the_last_mail(bo: Person) -> None:
    first, old = bo.page(), bo.one().email
    asked = bo.get(f"{first}/address")
    assert "So a link is mailed to person1@example.net first." in words_of(asked)
    sent = bo.press(f"{first}/fresh")
    assert "A link was mailed" in words_of(bo.get(sent.location))
    to, _, text = bo.mail()
    assert (old in to, "It is valid for one hour:" in text) == (True, True)
    fresh = re.findall(rf"{re.escape(SETTINGS.public_url)}(/r/\S+)", text)[0]
    assert fresh != first
    bo.world.pass_time(minutes=50)
    sent = bo.press(f"{fresh}/address", email=NEW)
    assert "The address changes once it is confirmed there." in words_of(bo.get(sent.location))
    assert bo.one().email == old
    confirmation = bo.link()
    assert NEW in words_of(bo.get(confirmation))
    bo.world.pass_time(hours=47)
    done = bo.press(confirmation)
    assert "Your address was changed." in words_of(bo.get(done.location))
    assert (bo.one().email, bo.one().links) == (NEW, 1)
    assert bo.get(first).status == 410
    to, subject, text = bo.mail()
    assert (old in to, subject) == (True, "Your registration has another address: Choir")
    assert NEW not in text + subject
    assert "http" not in text
    for _ in range(4):
        bo.world.look(bo.one())
    assert bo.world.said(old) == [(Method.REQUEST, 0), (Method.CANCEL, 1)]
    assert bo.world.said(NEW) == [(Method.REQUEST, 2)]


def test_the_mail_to_the_new_address_has_nothing_that_was_typed(bo: Person) -> None:
    bo.world.amend(bo.one(), name="Buy pills")
    bo.asks()
    to, subject, text = bo.mail()
    assert to == NEW
    assert subject == "Confirm your new address: Choir"
    for word in ("Buy", "pills", "person1@", "zyx"):
        assert word not in text + subject


def test_a_new_address_needs_a_fresh_link(bo: Person) -> None:
    target = f"{bo.page()}/address"
    forged = bo.get(f"{bo.page(Purpose.RECENT)}/address").fields() | {"email": NEW}
    assert bo.post(target, forged).status == 422
    assert bo.store.address_changes.read(EVENT_ID, bo.one().registration_id) is None
    assert bo.hinted == []


@pytest.mark.parametrize(
    "email", ["", "x", "a b@example.net", "Person1@EXAMPLE.net", SENDER.address, "x" * 300 + "@x.y"]
)
def test_what_is_no_other_address_is_refused_at_its_field(bo: Person, email: str) -> None:
    shown = bo.asks(email)
    assert shown.status == 422
    assert 'id="email-error"' in shown.text
    assert bo.hinted == []


def test_opening_the_link_changes_nothing_and_a_second_click_does_it_once(bo: Person) -> None:
    bo.asks()
    link = bo.link()
    bo.get(link)
    with unchanged(bo.client):
        fields = bo.get(link).fields()
    assert bo.post(link, fields).status == 303
    with unchanged(bo.client):
        assert bo.post(link, fields).status == 410


def test_of_two_addresses_that_were_asked_for_the_later_can_be_confirmed(bo: Person) -> None:
    bo.asks()
    first = bo.link()
    bo.asks("other@example.net")
    second = bo.link()
    assert bo.get(first).status == 410
    assert bo.press(second).status == 303
    assert bo.one().email == "other@example.net"


def test_a_new_address_that_is_registered_is_sent_its_own_link_and_nobody_is_told(bo: Person) -> None:
    other = bo.world.register(2, email=NEW)
    sent = bo.asks()
    assert "The address changes once it is confirmed there." in words_of(bo.get(sent.location))
    to, subject, text = bo.mail()
    assert NEW in to
    assert subject == "Your registration: Choir"
    link = re.findall(rf"{re.escape(SETTINGS.public_url)}(/r/\S+)", text)[0]
    assert other.name in words_of(bo.get(link))


def test_an_address_that_was_registered_meanwhile_is_not_taken_from_anybody(bo: Person) -> None:
    bo.asks()
    link = bo.link()
    bo.world.register(2, email=NEW)
    shown = bo.press(link)
    assert (shown.status, "registered for the event already" in words_of(shown)) == (409, True)
    assert bo.one().email == "person1@example.net"


def test_a_change_through_the_api_meanwhile_makes_the_link_void(bo: Person) -> None:
    bo.asks()
    link = bo.link()
    bo.world.amend(bo.one(), email="api@example.net")
    assert bo.get(link).status == 409
    assert bo.one().email == "api@example.net"


def test_a_change_through_the_api_at_the_same_moment_makes_the_link_void(
    bo: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    bo.asks()
    confirmation, look = bo.link(), addresses.look

    def looked_too_early(*about: Any) -> Any:
        seen = look(*about)
        changes = {"email": "right@example.net"}
        ids = EVENT_ID, bo.one().registration_id
        registry.change_registration(bo.store, *ids, changes=changes, priority=1, now=bo.world.now)
        return seen

    form = bo.get(confirmation).fields()
    monkeypatch.setattr(addresses, "look", looked_too_early)
    assert bo.post(confirmation, form).status == 409
    assert (bo.one().email, bo.one().links) == ("right@example.net", 1)


def test_who_withdrew_or_whose_event_is_cancelled_keeps_their_address(bo: Person) -> None:
    bo.asks()
    link = bo.link()
    bo.world.withdraw(bo.one())
    assert bo.get(link).status == 409
    bo.world.cancel_event()
    assert bo.get(link).status == 409


def test_the_link_is_valid_for_two_days_and_for_nothing_else(bo: Person) -> None:
    bo.asks()
    link = bo.link()
    token = link.removeprefix("/c/")
    assert bo.get(f"/r/{token}").status == 404
    assert bo.get(f"/c/{token[:-9]}{'A' if token[-9] != 'A' else 'B'}{token[-8:]}").status == 404
    bo.world.pass_time(hours=48)
    assert bo.get(link).status == 410


def test_a_token_made_for_another_person_confirms_nothing_here(bo: Person) -> None:
    bo.asks()
    change = existing(bo.store.address_changes.read(EVENT_ID, bo.one().registration_id))
    other = bo.world.register(2)
    payload = addresses.payload(EVENT_ID, other.registration_id, change.change_id)
    assert addresses.confirm(bo.store, payload, now=bo.world.now) is Obstacle.ABSENT
    token = tokens.sealed(
        bo.store.link_keys.at(bo.world.now), Purpose.ADDRESS, payload, bo.world.now + timedelta(hours=1)
    )
    assert bo.get(f"/c/{token}").status == 410


def test_the_new_address_is_erased_with_the_person(bo: Person) -> None:
    bo.asks()
    erasure.erase(bo.store, EVENT_ID, bo.one().registration_id, now=bo.world.now)
    bo.world.settle()
    assert bo.one().status is RegistrationStatus.ERASED
    assert "zyx" not in readable(everything(bo.client))


def test_fresh_links_are_counted_and_a_mailbox_gets_a_few(bo: Person) -> None:
    for _ in range(5):
        assert bo.press(f"{bo.page()}/fresh").status == 303
        hint = bo.hinted[-1]
        bo.world.run(dispatch(hint.event_id, hint.registration_id, hint.notification_id, bo.world.worker()))
    assert len(bo.world.notifications) == 3
    statuses = {bo.press(f"{bo.page()}/fresh").status for _ in range(70)}
    assert 429 in statuses


def test_a_fresh_link_is_not_sent_to_who_has_the_address_by_now(bo: Person) -> None:
    bo.press(f"{bo.page()}/fresh")
    hint, email = bo.hinted[-1], bo.one().email
    bo.world.amend(bo.one(), email=NEW)
    bo.world.register(2, email=email)
    bo.world.run(dispatch(hint.event_id, hint.registration_id, hint.notification_id, bo.world.worker()))
    assert bo.world.notifications == []
