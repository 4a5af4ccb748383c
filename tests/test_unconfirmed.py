"""Registering by anybody: nobody is registered whose address is not confirmed, and nobody learns who is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from convoke.aws.runtime import Aws
from convoke.decision import brakes
from convoke.decision.invitation import Stopped
from convoke.delivery.notify import dispatch
from convoke.effects import NotificationHint, Refusal, Refused
from convoke.links import tokens
from convoke.mail import notification_mail
from convoke.mail.asked_for_mail import AskedForContent
from convoke.mail.new_notifications import asked_for
from convoke.mail.notifications import ASKED_FOR, NotificationKind
from convoke.model import (
    DateChange,
    DeliveryState,
    EventStatus,
    Person,
    Question,
    Registration,
    RegistrationStatus,
    RenderError,
    When,
)
from convoke.registrations import registry, unconfirmed
from convoke.registrations.asking import Asked
from convoke.registrations.erasure import erase
from convoke.registrations.registry import TooMany
from convoke.registrations.unconfirmed import Closed, Confirmed, Prospect
from convoke.schedule import edits
from convoke.store import dynamo, keys
from convoke.store.invitations import invitation_item
from convoke.store.unconfirmed import UnconfirmedRegistration
from tests.factories import EVENT_ID, NOW, SENDER, event, existing, expect, registration
from tests.mailbox import read_mail
from tests.tables import SETTINGS, everything, unchanged
from tests.world import World as Post
from tests.world import a_world

TYPED = {"name": "Kanari Zyx", "email": "kanari.zyx@example.net"}
"""What the visitor types."""
URL = SETTINGS.public_url
SERIES: dict[str, Any] = {"rule": "FREQ=WEEKLY;COUNT=3"}
FIRST, SECOND, THIRD = (datetime(2027, 3, 12, 9) + timedelta(weeks=week) for week in range(3))


class World:
    """An event with a page, somebody who visits it, and the post office."""

    def __init__(self, post: Post) -> None:
        self.post, self.store = post, post.store
        self.number = 0

    @property
    def now(self) -> datetime:
        return self.post.now

    def entropy(self) -> bytes:
        self.number += 1
        return self.number.to_bytes(16, "big")

    def wanted(self, **changes: Any) -> UnconfirmedRegistration:
        fields = {"language": "", "occurrences": None, "guests": 0, "responses": (), **TYPED, **changes}
        return unconfirmed.unconfirmed(self.post.event(), now=self.now, entropy=self.entropy(), **fields)

    def ask(self, *, source_ip: str = "192.0.2.7", most: int = 500, **changes: Any) -> Asked | Closed | TooMany:
        return unconfirmed.ask(
            self.store,
            self.post.event(),
            self.wanted(**changes),
            source_ip=source_ip,
            unconfirmed_mails=most,
            now=self.now,
            entropy=self.entropy(),
        )

    def lost(self, email: str = TYPED["email"], source_ip: str = "192.0.2.7") -> Asked | TooMany:
        return unconfirmed.send_link(
            self.store,
            self.post.event(),
            email,
            source_ip=source_ip,
            language="",
            now=self.now,
            entropy=self.entropy(),
        )

    def mail(self, asked: Any) -> EmailMessage | None:
        """The mail that comes of the hint, if any does."""
        assert isinstance(asked, Asked)
        before = len(self.post.notifications)
        if asked.hint is not None:
            self.deliver(asked.hint)
        assert len(self.post.notifications) <= before + 1
        return read_mail(self.post.notifications[-1].mail) if len(self.post.notifications) > before else None

    def deliver(self, hint: NotificationHint) -> None:
        self.post.run(dispatch(hint.event_id, hint.registration_id, hint.notification_id, self.post.worker()))

    def pending(self) -> str:
        """The id in the link of the mail that was sent last."""
        token = link(read_mail(self.post.notifications[-1].mail)).removeprefix(f"{URL}/c/")
        found = tokens.opened(self.store.link_keys.at(self.now), tokens.Purpose.CONFIRM, token, now=self.now)
        return found.decode()

    def asked(self, **changes: Any) -> str:
        """Ask, read the mail, and return the id that its link has."""
        assert self.mail(self.ask(**changes)) is not None
        return self.pending()

    def confirm(self, unconfirmed_id: str) -> Confirmed | Closed | TooMany:
        return unconfirmed.confirm(self.store, unconfirmed_id, now=self.now, entropy=self.entropy())

    def confirmed(self, unconfirmed_id: str) -> Registration:
        return expect(Confirmed, self.confirm(unconfirmed_id)).registration

    def look(self, unconfirmed_id: str) -> Prospect | Closed:
        return unconfirmed.look(self.store, unconfirmed_id, self.now)

    def seats(self) -> tuple[int, int]:
        seats = self.store.reads.seats(EVENT_ID)
        return seats.taken, seats.waiting

    def words(self, word: str = "zyx") -> list[str]:
        """The sort keys of all items that have a word of the visitor's."""
        found = [item for table in everything(self.post.client).values() for item in table]
        return [item["sk"] for item in found if word in str(item).lower()]


def text(mail: EmailMessage | None) -> str:
    assert mail is not None
    return str(mail.get_content()).replace("\r\n", "\n")


def link(mail: EmailMessage | None) -> str:
    (found,) = re.findall(r"https?://\S+", text(mail))
    return str(found)


@pytest.fixture
def world() -> Iterator[World]:
    with a_world(public=True) as made:
        yield World(made)


def a_public_world(**changes: Any) -> Any:
    return a_world(**({"public": True} | changes))


# --- asking -------------------------------------------------------------------------------------------------------


def test_who_asks_is_mailed_a_link_and_takes_no_seat(world: World) -> None:
    mail = existing(world.mail(world.ask()))
    assert mail["To"] == TYPED["email"]
    assert mail["From"].addresses[0].addr_spec == SENDER.address
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Subject"] == "Confirm your registration: Kölner Treffen"
    assert link(mail).startswith(f"{URL}/c/")
    assert "The link is valid for 48 hours." in text(mail)
    assert mail.get_content_type() == "text/plain", "and no calendar"
    assert world.seats() == (0, 0)
    assert world.post.everybody() == ()


@pytest.mark.parametrize("typed", ["Kanari Zyx", "http://zyx.example/ click here", "x" * 255])
def test_nothing_that_a_visitor_typed_is_in_the_mail_but_the_address(world: World, typed: str) -> None:
    world.post.change(questions=(Question(question_id="q", text="Diet?"),))
    mail = existing(world.mail(world.ask(name=typed, responses=(("q", typed),))))
    assert mail["To"].addresses[0].display_name == ""
    raw = world.post.notifications[-1].mail.decode()
    without_address = raw.replace(TYPED["email"], "")
    assert typed not in without_address
    assert typed not in text(mail)
    assert "zyx" not in (without_address + text(mail)).lower()


def test_who_confirms_is_registered_with_what_they_typed(world: World) -> None:
    question = Question(question_id="q", text="Diet?")
    world.post.change(questions=(question, Question(question_id="r", text="Shoe size?")))
    pending = world.asked(responses=(("q", "None"), ("r", "43")), language="de")
    world.post.change(questions=(question,))
    world.post.pass_time(hours=47)
    person = world.confirmed(pending)
    assert (person.name, person.email, person.language) == ("Kanari Zyx", "kanari.zyx@example.net", "de")
    assert person.responses == (("q", "None"),), "of the questions that there still are"
    assert person.status is RegistrationStatus.REGISTERED
    assert person.created_at == world.now, "their place in line begins when they confirm"
    assert world.post.everybody() == (person,)
    assert world.seats() == (1, 0)
    world.post.look(person)
    assert world.post.said(TYPED["email"]) != []


def test_who_confirms_twice_is_registered_once_and_answered_the_same(world: World) -> None:
    pending = world.asked()
    person = world.confirmed(pending)
    world.post.pass_time(hours=1)
    assert world.confirmed(pending) == person
    assert world.seats() == (1, 0)


@pytest.mark.parametrize("withdraws", [False, True])
def test_two_who_confirm_at_the_same_moment_do_it_once(
    world: World, monkeypatch: pytest.MonkeyPatch, withdraws: bool
) -> None:
    pending = world.asked()
    really, others = registry.register, []

    def register(*args: Any, **how: Any) -> Any:
        monkeypatch.setattr(registry, "register", really)
        person = world.confirmed(pending)
        if withdraws:
            world.post.withdraw(person)
        others.append(person.registration_id)
        return really(*args, **how)

    monkeypatch.setattr(registry, "register", register)
    assert [world.confirmed(pending).registration_id] == others
    assert world.seats() == (0 if withdraws else 1, 0)


def test_who_withdrew_is_not_registered_again_by_the_old_link(world: World) -> None:
    pending = world.asked()
    person = world.confirmed(pending)
    world.post.withdraw(person)
    assert world.confirmed(pending).status is RegistrationStatus.CANCELLED
    assert world.seats() == (0, 0)


def test_a_link_is_valid_for_two_days_and_names_what_is_not_there_any_more(world: World) -> None:
    pending = world.asked()
    world.post.pass_time(hours=48)
    assert world.confirm(pending) is Closed.EXPIRED
    assert world.look("0" * 26) is Closed.EXPIRED
    assert world.post.everybody() == ()


def test_looking_changes_nothing(world: World) -> None:
    pending = world.asked()
    with unchanged(world.post.client):
        prospect = expect(Prospect, world.look(pending))
        assert (prospect.place, prospect.dates, prospect.dates_gone) == (None, None, 0)


# --- what is kept -------------------------------------------------------------------------------------------------


def test_of_who_never_confirms_nothing_is_left_after_two_days(world: World) -> None:
    world.ask()
    assert len(world.words()) == 2, "what was typed, and the mail to be sent"
    stored = everything(world.post.client)[SETTINGS.invitations_table]
    latest = max(item["expires_at"] for item in stored if "zyx" in str(item).lower())
    assert latest <= (NOW + timedelta(hours=49)).timestamp()
    world.post.sweep()
    assert len(world.post.notifications) == 1
    assert world.words() == ["UNCONFIRMED"], "once the mail is sent"


def test_of_who_confirmed_only_the_registration_is_left(world: World) -> None:
    pending = world.asked()
    person = world.confirmed(pending)
    world.post.settle()
    expected = keys.registration(EVENT_ID, person.registration_id)["sk"]
    assert set(world.words()) - {"MESSAGE#0000000000"} == {expected}
    erase(world.store, EVENT_ID, person.registration_id, now=world.now)
    world.post.settle()
    assert world.words() == []


def test_an_address_that_asked_for_a_link_in_vain_is_forgotten_at_once(world: World) -> None:
    assert world.mail(world.lost()) is None
    assert world.words() == []
    assert world.post.all_due() == []


def test_what_cannot_be_sent_in_time_is_not_sent_later(world: World) -> None:
    pending = expect(Asked, world.ask())
    world.post.pass_time(hours=48)
    assert world.mail(pending) is None
    assert "NOTIFICATION" not in str(world.words())


def test_a_lost_hint_loses_no_mail(world: World) -> None:
    world.ask()
    world.post.settle()
    assert len(world.post.notifications) == 1


# --- nobody learns who is registered ------------------------------------------------------------------------------


def calls(world: World, act: Callable[[], Any]) -> Counter[str]:
    """The requests to DynamoDB, by operation and the shape of what is sent."""
    seen: Counter[str] = Counter()

    def count(params: dict[str, Any], model: Any, **_: Any) -> None:
        shape = sorted(next(iter(one)) for one in params.get("TransactItems", []))
        seen[f"{model.name} {params.get('TableName', '')} {shape}"] += 1

    events = world.post.client.meta.events
    events.register("before-parameter-build.dynamodb", count)
    act()
    events.unregister("before-parameter-build.dynamodb", count)
    return seen


STANDINGS = {
    "a stranger": None,
    "registered": RegistrationStatus.REGISTERED,
    "on the waitlist": RegistrationStatus.WAITLISTED,
    "declined": RegistrationStatus.DECLINED,
}


def standing(world: World, status: RegistrationStatus | None, **changes: Any) -> Registration | None:
    if status is None:
        return None
    if status is RegistrationStatus.WAITLISTED:
        world.post.change(capacity=1)
        world.post.register(1)
    person = world.post.register(2, **{"name": "Bo Ek", "email": "KANARI.zyx@example.NET", **changes})
    if status is RegistrationStatus.DECLINED:
        gone = replace(person, status=status, version=person.version + 1)
        assert not world.store.attempt({"one": world.store.registrations.change_action(person, gone)})
        return gone
    assert person.status is status
    return person


@pytest.mark.parametrize("ask", [World.ask, World.lost], ids=["register", "lost link"])
def test_whether_an_address_is_registered_shows_neither_in_the_answer_nor_in_what_is_done_for_it(
    ask: Callable[[World], Any],
) -> None:
    answers, done = [], []
    for status in STANDINGS.values():
        with a_public_world() as made:
            world = World(made)
            standing(world, status)
            done.append(calls(world, lambda world=world: answers.append(ask(world))))  # type: ignore[misc]
    assert done[0].total() >= 6, "networks, event, account, and what is written"
    assert done == [done[0]] * len(STANDINGS)
    assert answers == [answers[0]] * len(STANDINGS)


@pytest.mark.parametrize("status", [one for one in STANDINGS.values() if one])
@pytest.mark.parametrize("ask", [World.ask, World.lost], ids=["register", "lost link"])
def test_who_is_registered_already_is_mailed_their_personal_link(
    world: World, ask: Callable[[World], Any], status: RegistrationStatus
) -> None:
    person = existing(standing(world, status))
    mail = existing(world.mail(ask(world)))
    assert mail["To"] == person.email != TYPED["email"], "as it was registered, not as it was typed"
    token = tokens.unverified(tokens.Purpose.PERSONAL, link(mail).removeprefix(f"{URL}/r/"))
    assert (token.event_id, token.registration_id) == (EVENT_ID, person.registration_id)
    token.verify(world.store.link_keys.at(world.now), links=person.links, now=world.now)
    said = {
        RegistrationStatus.REGISTERED: "You are registered for “Kölner Treffen”",
        RegistrationStatus.WAITLISTED: "You are on the waitlist for “Kölner Treffen”",
        RegistrationStatus.DECLINED: "You were registered for “Kölner Treffen”",
    }
    assert text(mail).startswith(said[status])
    assert ("at place 1." in text(mail)) is (status is RegistrationStatus.WAITLISTED)
    assert len(world.post.everybody()) == (2 if status is RegistrationStatus.WAITLISTED else 1)


def test_who_is_not_registered_is_sent_no_link(world: World) -> None:
    world.post.register(1)
    assert world.mail(world.lost()) is None
    world.post.withdraw(world.post.register(2, email=TYPED["email"]))
    assert world.mail(world.lost()) is None


def test_who_was_registered_meanwhile_gets_that_registration_when_they_confirm(world: World) -> None:
    pending = world.asked()
    person = standing(world, RegistrationStatus.REGISTERED)
    assert world.confirmed(pending) == person
    assert world.confirmed(pending) == person
    assert world.words("kanari zyx") == [], "what they typed is deleted"


def test_who_declined_meanwhile_has_a_seat_again_when_they_confirm() -> None:
    with a_public_world(release_on_decline=True) as made:
        world = World(made)
        pending = world.asked()
        standing(world, RegistrationStatus.DECLINED)
        assert world.confirmed(pending).status is RegistrationStatus.REGISTERED
        assert world.confirmed(pending).status is RegistrationStatus.REGISTERED


@pytest.mark.parametrize("ask", [World.ask, World.lost], ids=["register", "lost link"])
def test_an_address_that_complained_is_not_mailed(world: World, ask: Callable[[World], Any]) -> None:
    person = existing(standing(world, RegistrationStatus.REGISTERED))
    stopped = Stopped(address=person.email, state=DeliveryState.COMPLAINED)
    item = invitation_item(replace(world.post.invitation(person), stopped=(stopped,)))
    world.post.client.put_item(TableName=SETTINGS.invitations_table, Item=dynamo.wire(item))
    assert world.mail(ask(world)) is None


# --- how often ----------------------------------------------------------------------------------------------------


def test_a_stranger_is_mailed_once_an_hour_and_three_times_a_day_whatever_is_asked(world: World) -> None:
    sent = []
    for number in range(40):
        world.post.pass_time(minutes=45)
        if world.mail(world.ask(source_ip=f"10.{number % 200}.0.1", email=f"kanari.zyx+{number}@example.net")):
            sent.append(world.now)
    assert len(sent) == 6
    for first in sent:
        assert sum(first <= at < first + brakes.HOUR for at in sent) == 1
        assert sum(first <= at < first + brakes.DAY for at in sent) <= 3


def test_confirmations_that_were_asked_for_leave_the_lost_link_its_own_budget(world: World) -> None:
    standing(world, RegistrationStatus.REGISTERED)
    assert world.mail(world.ask()) is not None
    assert world.mail(world.ask()) is None
    assert [world.mail(world.lost()) is not None for _ in range(3)] == [True, True, False]


def test_a_mail_that_ses_refused_is_sent_later_and_counted_once(world: World) -> None:
    world.post.answers = [Refused(refusal=Refusal.BUSY, why="ThrottlingException")]
    world.ask()
    world.post.settle()
    assert len(world.post.notifications) == 1
    world.post.pass_time(hours=1)
    assert world.mail(world.ask()) is not None


def test_a_mail_that_was_counted_and_not_tried_is_sent_all_the_same(world: World) -> None:
    """The worker died, or had no time left, or another one had the same hint."""
    asked = expect(Asked, world.ask())
    assert asked.hint is not None
    mail_id = asked.hint.notification_id
    assert world.store.brakes.may_mail(brakes.Purpose.CONFIRM, TYPED["email"], mail_id, world.now)
    assert world.mail(asked) is not None


def test_too_many_are_told_when_to_come_back(world: World) -> None:
    assert isinstance(world.ask(most=1), Asked)
    refused = expect(TooMany, world.ask(most=1, source_ip="198.51.100.1"))
    assert refused.until == NOW + timedelta(hours=12), "the next day"
    assert isinstance(world.lost(), Asked), "another purpose"


def test_the_limits_of_a_recipient_count_what_the_pages_cause(world: World) -> None:
    world.mail(world.ask())
    kept = everything(world.post.client)[SETTINGS.invitations_table]
    key = keys.mailed_recipient("acme", TYPED["email"], f"{NOW:%Y-%m-%d}")
    assert [item["total"] for item in kept if item["pk"] == key["pk"]] == [1]


# --- the event changes meanwhile ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"status": EventStatus.CANCELLED}, Closed.CANCELLED),
        ({"status": EventStatus.DRAFT}, Closed.HIDDEN),
        ({"public": False}, Closed.HIDDEN),
        ({"when": When(start=NOW.replace(tzinfo=None), end=datetime(2027, 1, 15, 14), time_zone="UTC")}, Closed.OVER),
        ({"changes": (DateChange(date=FIRST, cancelled=True),)}, Closed.OVER),
    ],
)
def test_nobody_is_registered_for_an_event_that_closed_meanwhile(
    world: World, change: dict[str, Any], why: Closed
) -> None:
    pending = world.asked()
    world.post.change(**change)
    world.post.pass_time(hours=2)
    assert world.look(pending) is why
    assert world.confirm(pending) is why
    assert world.post.everybody() == ()
    assert world.ask() is why


def test_an_event_that_closes_at_the_last_moment_is_closed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    pending = world.asked()
    really = registry.register

    def register(*args: Any, **how: Any) -> Any:
        world.post.cancel_event()
        return really(*args, **how)

    monkeypatch.setattr(registry, "register", register)
    assert world.confirm(pending) is Closed.CANCELLED


def test_where_the_event_is_full_meanwhile_they_are_told_their_place(world: World) -> None:
    pending = world.asked()
    world.post.change(capacity=1)
    world.post.register(1)
    world.post.register(2)
    assert expect(Prospect, world.look(pending)).place == 2
    done = expect(Confirmed, world.confirm(pending))
    assert done.registration.status is RegistrationStatus.WAITLISTED
    mail = existing(world.mail(Asked(hint=done.hint)))
    assert mail["Subject"] == "You are on the waitlist: Kölner Treffen"
    assert "at place 2." in text(mail)
    assert link(mail).startswith(f"{URL}/r/")


def test_who_has_a_seat_is_sent_the_invitation_and_nothing_beside_it(world: World) -> None:
    assert world.mail(Asked(hint=expect(Confirmed, world.confirm(world.asked())).hint)) is None


def test_a_party_that_does_not_fit_waits(world: World) -> None:
    world.post.change(capacity=2)
    assert expect(Prospect, world.look(world.asked(guests=2))).place == 1


def test_of_the_chosen_dates_those_are_taken_that_still_take_place() -> None:
    with a_public_world(**SERIES) as made:
        world = World(made)
        pending = world.asked(occurrences=(FIRST, SECOND))
        world.post.change(changes=(DateChange(date=FIRST, cancelled=True),))
        prospect = expect(Prospect, world.look(pending))
        assert (prospect.dates, prospect.dates_gone) == ((SECOND,), 1)
        assert world.confirmed(pending).occurrences == (SECOND,)


def test_where_none_of_the_chosen_dates_takes_place_nobody_is_registered() -> None:
    with a_public_world(**SERIES) as made:
        world = World(made)
        pending = world.asked(occurrences=(FIRST,))
        world.post.change(changes=(DateChange(date=FIRST, cancelled=True),))
        assert world.look(pending) is Closed.DATES_GONE
        assert world.confirm(pending) is Closed.DATES_GONE


def test_chosen_dates_are_followed_when_the_series_moves() -> None:
    with a_public_world(**SERIES) as made:
        world = World(made)
        pending = world.asked(occurrences=(SECOND,))
        before = world.post.event()
        later = replace(before.when, start=datetime(2027, 3, 12, 11), end=datetime(2027, 3, 12, 12))
        after, _ = edits.reschedule(before, replace(before, when=later))
        world.post.become(after)
        person = world.confirmed(pending)
        assert person.occurrences == (SECOND.replace(hour=11),)
        assert person.named == 1


# --- events that want no confirmation -----------------------------------------------------------------------------


@pytest.fixture
def open_world() -> Iterator[World]:
    with a_public_world(confirm_address=False) as made:
        yield World(made)


def test_an_event_may_register_at_once(open_world: World) -> None:
    assert open_world.mail(open_world.ask()) is None
    [person] = open_world.post.everybody()
    assert (person.name, person.status) == ("Kanari Zyx", RegistrationStatus.REGISTERED)
    open_world.post.look(person)
    assert len(open_world.post.said(TYPED["email"])) == 1


def test_who_waits_is_mailed_their_place_and_who_was_registered_their_link(open_world: World) -> None:
    open_world.post.change(capacity=1)
    open_world.post.register(1)
    assert "at place 1." in text(existing(open_world.mail(open_world.ask())))
    open_world.post.pass_time(hours=1)
    assert existing(open_world.mail(open_world.ask()))["Subject"] == "Your registration: Kölner Treffen"
    assert open_world.seats() == (1, 1)


def test_the_answer_is_the_same_whoever_is_registered() -> None:
    kinds = []
    for status in STANDINGS.values():
        with a_public_world(confirm_address=False) as made:
            world = World(made)
            standing(world, status)
            kinds.append(expect(Asked, world.ask()).hint is not None)
    assert kinds == [True] * len(STANDINGS)


def test_there_too_a_stranger_is_mailed_once_an_hour(open_world: World) -> None:
    open_world.ask()
    expect(Asked, open_world.ask(email="kanari.zyx+2@example.net"))
    assert len(open_world.post.everybody()) == 1, "beyond that nobody is registered"


def test_there_too_a_stranger_has_one_mailbox_sent_three_mails_in_an_hour_and_eight_in_a_day(open_world: World) -> None:
    """Of what is mailed when somebody registers, the place on the waitlist among it; and one invitation for each."""
    open_world.post.change(capacity=1)
    open_world.post.register(1)
    sent = []
    for number in range(40):
        open_world.post.pass_time(minutes=45)
        who, source_ip = f"kanari.zyx+{number % 20}@example.net", f"10.{number}.0.1"
        found = open_world.store.reads.address_owner(EVENT_ID, who)
        for asked in (
            open_world.ask(email=who, source_ip=source_ip),
            open_world.lost(source_ip=source_ip, email=found.email if found else "kanari.zyx+0@example.net"),
        ):
            sent += [open_world.now] * (open_world.mail(asked) is not None)
    assert max(sum(first <= at < first + brakes.HOUR for at in sent) for first in sent) == 3
    assert max(sum(first <= at < first + brakes.DAY for at in sent) for first in sent) == 8
    waiting = [one for one in open_world.post.everybody() if one.email.startswith("kanari")]
    assert {one.status for one in waiting} == {RegistrationStatus.WAITLISTED}
    assert 4 <= len(waiting) <= 6, "three a day"
    assert [open_world.post.said(one.email) for one in waiting] == [[]] * len(waiting)
    open_world.post.change(capacity=None)
    open_world.post.settle()
    assert [len(open_world.post.said(one.email)) for one in waiting] == [1] * len(waiting)


# --- the mails ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(ASKED_FOR))
@pytest.mark.parametrize(
    "title", ["Kölner Treffen", "a\r\nBcc: x@example.com", "\u202e\u2066evil", "%(when)s %s", "x" * 255]
)
def test_whatever_the_event_is_called_the_mail_reads_back(kind: NotificationKind, title: str) -> None:
    organizer = Person(name='Ada "; x" <x@example.com>', email="ada@example.org")
    made = event(title=title, organizer=organizer)
    until = NOW + timedelta(hours=48)
    notification = asked_for(kind, made, "bo@example.net", about="a", until=until, now=NOW)
    holder = None if kind is NotificationKind.CONFIRM else registration()
    for status in RegistrationStatus:
        holder = None if holder is None else replace(holder, status=status)
        said = AskedForContent(kind=kind, link=f"{URL}/r/abc", holder=holder, place=3)
        mail = read_mail(notification_mail.rendered(notification, SENDER, {}, said).mail)
        assert mail["To"] == "bo@example.net"
        assert "Bcc" not in mail
        assert mail["Auto-Submitted"] == "auto-generated"
        if kind is NotificationKind.ADDRESS_CHANGED:
            assert "http" not in text(mail), "the former address gets no link"
        else:
            assert link(mail) == f"{URL}/r/abc"


def test_a_mail_that_was_asked_for_cannot_be_written_without_its_link() -> None:
    notification = asked_for(NotificationKind.LINK, event(), "bo@example.net", about="a", until=NOW, now=NOW)
    with pytest.raises(RenderError):
        notification_mail.rendered(notification, SENDER, {})


def test_it_is_written_in_the_language_of_the_registration_or_that_it_was_asked_in() -> None:
    notification = asked_for(
        NotificationKind.LINK, event(), "bo@example.net", about="a", language="fr", until=NOW, now=NOW
    )
    said = AskedForContent(kind=NotificationKind.LINK, link=URL)
    assert said.texts(notification).language == "fr"
    assert replace(said, holder=registration(language="de")).texts(notification).language == "de"
    assert replace(said, holder=registration(language="")).texts(notification).language == "fr"


@pytest.mark.parametrize(("language", "written"), [("", "de"), ("sv", "de"), ("fr-CH", "fr")])
def test_where_there_are_no_texts_in_a_language_the_event_s_is_next_as_in_invitations(
    language: str, written: str
) -> None:
    holder = registration(language=language)
    notification = asked_for(
        NotificationKind.FRESH_LINK,
        event(language="de"),
        holder.email,
        about="a",
        language=holder.language,
        until=NOW,
        now=NOW,
    )
    said = AskedForContent(kind=NotificationKind.FRESH_LINK, link="https://x.example/r/a", holder=holder)
    assert said.texts(notification).language == written


def test_without_an_address_of_the_pages_no_mail_is_sent(world: World) -> None:
    world.post._aws = Aws(replace(SETTINGS, public_url=""))
    assert world.mail(world.ask()) is None
    assert world.words() == ["UNCONFIRMED"]
