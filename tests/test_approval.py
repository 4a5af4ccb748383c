"""The organizer decides who comes: who is pending has nothing but their address until they are accepted or declined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from convoke.mail.notifications import DAILY_LIMITS, NotificationKind
from convoke.model import EventStatus, Method, Registration, RegistrationStatus
from convoke.registrations import approval, bulk, erasure, registry, returning, seats, waitlist
from convoke.registrations.bulk import Registered
from convoke.registrations.registry import Obstacle
from convoke.store import keys
from convoke.store import seats as store_seats
from convoke.store.webhooks import Subscriptions
from convoke.webhooks.events import WebhookEventType
from tests.factories import EVENT_ID, NOW, existing, expect, registration
from tests.fixtures import fixture_of
from tests.mailbox import plain_text_of, read_mail
from tests.world import World, a_quick_world

MOST_ACTIONS = 100
"""Of one transaction, as DynamoDB has it."""
PENDING, REGISTERED = RegistrationStatus.PENDING, RegistrationStatus.REGISTERED
WAITLISTED, CANCELLED = RegistrationStatus.WAITLISTED, RegistrationStatus.CANCELLED


world = fixture_of(a_quick_world, approval=True, capacity=2)


def asks(world: World, number: int = 1, **changes: Any) -> Registration:
    """Somebody registers over the API, and is pending."""
    person = registration(
        **{
            "registration_id": f"{number:010d}{EVENT_ID}",
            "email": f"person{number}@example.net",
            "status": PENDING,
            **changes,
        }
    )
    told = approval.organizer_actions(world.store, world.event(), person, world.now)
    mail = approval.mail_to(world.event(), person, world.now)
    made = registry.register(world.store, person, now=world.now, account="acme", mail=mail, also=told)
    return expect(Registration, made)


def accept(world: World, person: Registration, **how: Any) -> Registration | Obstacle:
    return approval.accept(world.store, world.event(), person, now=world.now, **how)


def decline(world: World, person: Registration, **how: Any) -> Registration | Obstacle:
    return approval.decline(world.store, world.event(), person, now=world.now, **how)


def accepted(world: World, person: Registration, **how: Any) -> Registration:
    done = expect(Registration, accept(world, person, **how))
    assert world.registration(person) == done
    return done


def declined(world: World, person: Registration, **how: Any) -> Registration:
    done = expect(Registration, decline(world, person, **how))
    assert world.registration(person) == done
    return done


def counts(world: World) -> tuple[int, int, int]:
    """How many seats are taken, how many wait for one, and how many for a decision."""
    found = world.reads.seats(EVENT_ID)
    return found.taken, found.waiting, found.pending


def tables(world: World) -> str:
    return repr(world.client.rows)


def soon(world: World) -> None:
    """A few minutes pass, in which the sweep sees to what is due; before the organizer is told of who waits."""
    for _ in range(3):
        world.pass_time(minutes=1)
        world.sweep()


def later(world: World) -> None:
    """Nothing is due any more."""
    world.settle(rounds=61)


def mails(world: World) -> list[tuple[str, str]]:
    """To whose address each notification went, and its subject without the event's title."""
    read = [read_mail(one.mail) for one in world.notifications]
    return [(one["To"].addresses[0].addr_spec, str(one["Subject"]).partition(":")[0]) for one in read]


def text(world: World, number: int = -1) -> str:
    return plain_text_of(world.notifications[number].mail)


# --- pending ------------------------------------------------------------------------------------------------------


def test_whoever_is_pending_has_their_address_and_nothing_else(world: World) -> None:
    bo = asks(world, guests=1)
    assert (bo.status, counts(world)) == (PENDING, (0, 0, 1))
    assert world.invitation(bo).due_key is None
    again = asks(world, number=2, email=bo.email.upper())
    assert again == bo
    assert world.reads.address_holder(EVENT_ID, bo.email) == bo.registration_id
    world.look(bo)
    assert world.sent == []


def test_nobody_who_is_pending_is_sent_a_message_about_a_change_or_a_cancellation(world: World) -> None:
    bo = asks(world)
    world.change(title="Other", location="Elsewhere")
    soon(world)
    world.cancel_event()
    soon(world)
    world.look(bo)
    assert (world.sent, world.registration(bo).status) == ([], PENDING)


def test_who_is_pending_is_told_so_and_the_organizer_once_within_the_hour(world: World) -> None:
    asks(world)
    soon(world)
    assert mails(world) == [("person1@example.net", "The organizer decides about your registration")]
    assert "until then you have no seat" in text(world).replace("\n", " ").lower()
    world.pass_time(minutes=10)
    asks(world, 2)
    asks(world, 3)
    later(world)
    told = [each for each in mails(world) if "your decision" in each[1]]
    assert told == [("ada@example.org", "3 people wait for your decision")]


def test_the_organizer_is_told_nothing_where_all_are_decided(world: World) -> None:
    bo = asks(world)
    declined(world, bo)
    later(world)
    assert [subject for _, subject in mails(world)] == ["Your registration was not accepted"]


def test_nobody_is_told_of_a_draft(world: World) -> None:
    world.change(status=EventStatus.DRAFT)
    asks(world)
    later(world)
    assert world.notifications == []


def test_an_event_that_is_closed_is_not_asked(world: World) -> None:
    world.cancel_event()
    before = tables(world)
    person = registration(status=PENDING)
    assert registry.register(world.store, person, now=NOW) is Obstacle.CLOSED
    assert tables(world) == before


def test_who_asks_while_the_event_is_cancelled_is_not_pending(world: World) -> None:
    person = registration(status=PENDING)
    with world.meanwhile(lambda: world.cancel_event()):
        assert registry.register(world.store, person, now=NOW) is Obstacle.CLOSED
    assert counts(world) == (0, 0, 0)


@pytest.mark.parametrize("shards", [1, 16])
def test_many_who_ask_at_once_are_counted_in_shards(world: World, shards: int) -> None:
    with patch.object(store_seats, "SHARDS", shards):
        for number in range(1, 8):
            person = registration(registration_id=f"{number:010d}{EVENT_ID}", email=f"p{number}@example.net")
            place = existing(seats.ask(world.store, EVENT_ID, person.registration_id, conflicts=number, now=world.now))
            person = replace(person, status=place.status)
            own = registry.registration_actions(world.store, person, world.now, account="acme")
            assert not world.store.attempt({**own, **place.actions})
    found = world.reads.seats(EVENT_ID)
    assert found.pending == 7
    assert sum(shard.pending for shard in found.shards) > 0
    assert counts(world) == (0, 0, 7)
    people = world.everybody()
    assert accepted(world, people[0]).status is REGISTERED
    world.withdraw(people[1])
    declined(world, people[2])
    assert counts(world) == (1, 0, 4)


def test_a_closed_event_stops_the_shards_that_count_who_asks(world: World) -> None:
    with patch.object(store_seats, "SHARDS", 1):
        made, late = (seats.ask(world.store, EVENT_ID, "a", conflicts=1, now=world.now) for _ in range(2))
        assert not world.store.attempt(existing(made).actions)
        assert late is not None
        assert "shard" in world.store.attempt(late.actions), "a shard is made once"
        late = existing(seats.ask(world.store, EVENT_ID, "a", conflicts=1, now=world.now))
        world.cancel_event()
        assert list(world.store.attempt(late.actions)) == ["seats"]


def test_who_is_pending_changes_their_registration_and_keeps_no_seat(world: World) -> None:
    bo = asks(world)
    changed = world.amend(bo, guests=3, email="new@example.net", name="Other")
    assert (changed.status, changed.guests, counts(world)) == (PENDING, 3, (0, 0, 1))
    later(world)
    assert world.sent == []


@pytest.mark.parametrize("by_one_click", [False, True])
def test_who_is_pending_withdraws_and_nothing_is_kept_for_them(world: World, by_one_click: bool) -> None:
    bo = asks(world)
    until = world.now + returning.HELD if by_one_click else None
    left = registry.withdraw(world.store, EVENT_ID, bo.registration_id, now=world.now, held_until=until)
    assert isinstance(left, Registration)
    assert (left.status, left.held_until, counts(world)) == (CANCELLED, None, (0, 0, 0))
    assert asks(world, 2, email=bo.email).registration_id != bo.registration_id


def test_who_is_pending_is_erased(world: World) -> None:
    bo = asks(world, name="Kanari Zyx", email="kanari.zyx@example.net")
    erasure.erase(world.store, EVENT_ID, bo.registration_id, now=world.now)
    assert (world.registration(bo).status, counts(world)) == (RegistrationStatus.ERASED, (0, 0, 0))
    assert "kanari" not in tables(world).lower()


def test_many_are_registered_as_pending_together(world: World) -> None:
    people = [
        registration(registration_id=f"{number:010d}{EVENT_ID}", email=f"p{number}@example.net", status=status)
        for number, status in enumerate([PENDING] * 14 + [REGISTERED, PENDING, REGISTERED, REGISTERED])
    ]
    done = bulk.register_all(world.store, world.event(), people, now=world.now, out_of_time=lambda: False)
    found = [one.registration.status for one in done if isinstance(one, Registered)]
    assert found == [PENDING] * 14 + [REGISTERED, PENDING, REGISTERED, WAITLISTED]
    assert counts(world) == (2, 1, 15)
    later(world)
    kinds = [subject for _, subject in mails(world)]
    assert kinds.count("The organizer decides about your registration") == 15
    assert kinds.count("15 people wait for your decision") == 1


def test_a_full_group_of_pending_people_fits_into_one_transaction(world: World) -> None:
    types = frozenset({WebhookEventType.REGISTRATION_CREATED, WebhookEventType.REGISTRATION_PENDING})
    wanted = Subscriptions(types=types, full=types)
    sizes: list[int] = []
    attempt = world.store.attempt
    people = [
        registration(
            registration_id=f"{number:010d}{EVENT_ID}",
            email=f"p{number}@example.net",
            status=PENDING,
            external_id=f"e{number}",
        )
        for number in range(bulk.PENDING_GROUP)
    ]

    def counted(actions: Any, *more: Any, **how: Any) -> Any:
        sizes.append(len(actions))
        return attempt(actions, *more, **how)

    with (
        patch.object(type(world.store.webhooks), "subscriptions", lambda *_: wanted),
        patch.object(world.store, "attempt", counted),
    ):
        bulk.register_all(world.store, world.event(), people, now=world.now, out_of_time=lambda: False)
    assert len(sizes) == 1
    assert 90 < sizes[0] <= MOST_ACTIONS


def test_turning_approval_off_decides_about_nobody(world: World) -> None:
    bo = asks(world)
    world.change(approval=False)
    assert (world.registration(bo).status, counts(world)) == (PENDING, (0, 0, 1))
    assert accepted(world, bo).status is REGISTERED


# --- accepted -----------------------------------------------------------------------------------------------------


def test_who_withdrew_by_one_click_and_asks_anew_is_accepted_to_their_own_seat() -> None:
    with a_quick_world(approval=True, capacity=1) as world:
        bo = accepted(world, asks(world))
        until = world.now + returning.HELD
        assert world.store.brakes.may_hold(EVENT_ID, bo.registration_id, bo.email, until, world.now)
        registry.withdraw(world.store, EVENT_ID, bo.registration_id, now=world.now, held_until=until)
        assert accepted(world, asks(world, 2, email=bo.email)).status is REGISTERED
        assert counts(world) == (1, 0, 0)
        assert world.reads.seats(EVENT_ID).held == 0


def test_whoever_is_accepted_takes_their_seats_and_is_invited(world: World) -> None:
    bo = asks(world, guests=1)
    world.pass_time(minutes=1)
    done = accepted(world, bo)
    assert (done.status, done.version, counts(world)) == (REGISTERED, 2, (2, 0, 0))
    assert world.invitation(bo).due_key == keys.due_key(2, world.now)
    world.look(bo)
    assert world.said() == [(Method.REQUEST, 0)]


def test_whoever_is_accepted_with_a_word_is_mailed_it_beside_the_invitation(world: World) -> None:
    bo = asks(world, language="de")
    soon(world)
    accepted(world, bo, word="Bring cake.\nAnd coffee.")
    soon(world)
    assert world.said() == [(Method.REQUEST, 0)]
    assert mails(world)[1:] == [("person1@example.net", "Ihre Anmeldung wurde angenommen")]
    assert "> Bring cake.\n> And coffee.\n" in text(world)
    assert "/r/" in text(world)


def test_whoever_is_accepted_without_a_word_is_told_by_the_invitation_alone(world: World) -> None:
    bo = asks(world)
    soon(world)
    accepted(world, bo)
    soon(world)
    assert (len(world.sent), len(world.notifications)) == (1, 1)


def test_whoever_is_accepted_where_all_seats_are_taken_waits_and_is_told_so(world: World) -> None:
    world.register(1)
    world.register(2)
    cy = asks(world, 3)
    soon(world)
    sent = len(world.sent)
    assert accepted(world, cy).status is WAITLISTED
    assert counts(world) == (2, 1, 0)
    soon(world)
    assert len(world.sent) == sent
    assert mails(world)[-1][1] == "Your registration was accepted"
    assert "You are on the waitlist" in text(world)
    world.withdraw(world.everybody()[0])
    assert waitlist.promote(world.store, EVENT_ID, now=world.now) == 1
    assert world.registration(cy).status is REGISTERED


def test_all_get_a_seat_or_all_wait(world: World) -> None:
    world.register(1)
    both = asks(world, 2, guests=1)
    assert accepted(world, both).status is WAITLISTED
    assert counts(world) == (1, 1, 0)


@pytest.mark.parametrize("conflicts", [0, 1, 3])
def test_a_seat_is_taken_and_the_count_is_one_less_wherever_the_seat_comes_from(world: World, conflicts: int) -> None:
    """Of the event's own count, of a shard that is lent a block, and of one that has some."""
    asks(world)
    for _ in range(2):
        place = seats.take(*(world.store, EVENT_ID, "somebody"), conflicts=conflicts, now=world.now, decided=1)
        assert place is not None
        assert not world.store.attempt({"seats": place.actions["seats"], **without_place(place.actions)})
    assert world.reads.seats(EVENT_ID).pending == -1
    assert world.reads.seats(EVENT_ID).taken == 2


def without_place(actions: dict[str, Any]) -> dict[str, Any]:
    return {name: action for name, action in actions.items() if name == "shard"}


@pytest.mark.parametrize(
    "deed",
    [
        lambda world, bo: declined(world, bo),
        lambda world, bo: world.withdraw(bo),
        lambda world, bo: erasure.erase(world.store, EVENT_ID, bo.registration_id, now=world.now),
    ],
    ids=["declined", "withdrawn", "erased"],
)
def test_nobody_is_accepted_who_is_gone_meanwhile(world: World, deed: Callable[[World, Registration], object]) -> None:
    bo = asks(world)
    with world.meanwhile(lambda: deed(world, bo)):
        assert accept(world, bo) is Obstacle.NOT_PENDING
    assert counts(world) == (0, 0, 0)
    later(world)
    assert world.sent == []


def test_nobody_is_accepted_twice(world: World) -> None:
    bo = asks(world)
    with world.meanwhile(lambda: accepted(world, bo)):
        assert accept(world, bo) is Obstacle.NOT_PENDING
    assert counts(world) == (1, 0, 0)


def test_nobody_is_declined_who_was_accepted_meanwhile(world: World) -> None:
    bo = asks(world)
    with world.meanwhile(lambda: accepted(world, bo)):
        assert decline(world, bo) is Obstacle.NOT_PENDING
    assert (world.registration(bo).status, counts(world)) == (REGISTERED, (1, 0, 0))
    later(world)
    assert mails(world) == []


def test_who_changed_their_address_meanwhile_is_told_at_the_new_one_that_they_are_declined(world: World) -> None:
    bo = asks(world)

    def moves() -> None:
        ids = world.store, EVENT_ID, bo.registration_id
        changes = {"email": "new@example.net"}
        registry.change_registration(*ids, changes=changes, priority=1, now=world.now)

    with world.meanwhile(moves):
        assert declined(world, bo, word="Only for you.").email == "new@example.net"
    later(world)
    assert {to for to, subject in mails(world) if "accepted" in subject} == {"new@example.net"}


def test_nobody_is_accepted_to_an_event_that_is_cancelled_meanwhile(world: World) -> None:
    bo = asks(world)
    with world.meanwhile(world.cancel_event):
        assert accept(world, bo) is Obstacle.CLOSED
    assert (world.registration(bo).status, counts(world)) == (PENDING, (0, 0, 1))


def test_who_changed_their_address_meanwhile_is_invited_at_the_new_one(world: World) -> None:
    bo = asks(world)

    def moves() -> None:
        world.amend(bo, email="new@example.net")

    with world.meanwhile(moves):
        assert accepted(world, bo, word="Welcome").email == "new@example.net"
    soon(world)
    assert world.said("new@example.net") == [(Method.REQUEST, 0)]
    assert {to for to, _ in mails(world) if "person1" in to} == set()


def test_who_brings_more_meanwhile_is_accepted_with_all(world: World) -> None:
    bo = asks(world)

    def more() -> None:
        ids = world.store, EVENT_ID, bo.registration_id
        registry.change_registration(*ids, changes={"guests": 1}, priority=1, now=world.now)

    with world.meanwhile(more):
        assert accepted(world, bo).guests == 1
    assert counts(world) == (2, 0, 0)


def test_a_capacity_that_is_lowered_meanwhile_holds(world: World) -> None:
    world.register(1)
    cy = asks(world, 2)
    with world.meanwhile(lambda: world.change(capacity=1)):
        assert accepted(world, cy).status is WAITLISTED
    assert counts(world) == (1, 1, 0)


# --- declined -----------------------------------------------------------------------------------------------------


def test_whoever_is_declined_is_told_with_the_word_and_gives_their_address_back(world: World) -> None:
    bo = asks(world)
    soon(world)
    done = declined(world, bo, word="There is no room.")
    assert (done.status, done.removed, counts(world)) == (CANCELLED, True, (0, 0, 0))
    soon(world)
    assert world.sent == []
    assert mails(world)[-1][1] == "Your registration was not accepted"
    assert "> There is no room." in text(world)
    assert asks(world, 2, email=bo.email).status is PENDING


def test_whoever_is_declined_cannot_take_it_up_again(world: World) -> None:
    bo = asks(world)
    declined(world, bo)
    assert returning.come_back(world.store, EVENT_ID, bo.registration_id, now=world.now) is Obstacle.REMOVED


@pytest.mark.parametrize("decide", [accept, decline])
def test_only_who_is_pending_is_decided_about(world: World, decide: Callable[..., object]) -> None:
    bo = world.register(1)
    before = tables(world)
    assert decide(world, bo) is Obstacle.NOT_PENDING
    assert decide(world, registration(registration_id="0" * 36)) is Obstacle.ABSENT
    assert tables(world) == before


# --- coming back --------------------------------------------------------------------------------------------------


def come_back(world: World, person: Registration) -> Registration:
    done = expect(Registration, returning.come_back(world.store, EVENT_ID, person.registration_id, now=world.now))
    assert world.registration(person) == done
    return done


def test_who_was_accepted_and_withdrew_asks_again(world: World) -> None:
    bo = asks(world)
    accepted(world, bo)
    soon(world)
    world.withdraw(bo)
    assert come_back(world, bo).status is PENDING
    assert counts(world) == (0, 0, 1)
    later(world)
    assert world.said() == [(Method.REQUEST, 0), (Method.CANCEL, 1)]
    assert accepted(world, bo).status is REGISTERED
    soon(world)
    assert world.said()[-1] == (Method.REQUEST, 2)


def test_who_comes_back_to_seats_that_are_kept_does_not_ask(world: World) -> None:
    bo = asks(world)
    accepted(world, bo)
    until = world.now + returning.HELD
    registry.withdraw(world.store, EVENT_ID, bo.registration_id, now=world.now, held_until=until)
    assert come_back(world, bo).status is REGISTERED
    assert counts(world) == (1, 0, 0)


def test_who_comes_back_and_is_pending_stays_so_when_pressing_twice(world: World) -> None:
    bo = asks(world)
    world.withdraw(bo)
    first = come_back(world, bo)
    assert come_back(world, bo) == first
    assert counts(world) == (0, 0, 1)


def test_the_kinds_of_mails_have_their_limits() -> None:
    assert DAILY_LIMITS.keys() == set(NotificationKind)


def test_a_request_that_is_stored_after_the_mail_of_its_hour_is_told_by_the_next(world: World) -> None:
    asks(world)
    world.now = world.now.replace(minute=59, second=58)

    def the_hour_ends() -> None:
        world.pass_time(seconds=10)
        world.sweep()

    with world.meanwhile(the_hour_ends):
        asks(world, 2)
    later(world)
    assert [subject for _, subject in mails(world) if "for your decision" in subject] == [
        "1 person waits for your decision",
        "2 people wait for your decision",
    ]


def test_a_request_of_the_next_hour_is_told_again(world: World) -> None:
    asks(world)
    later(world)
    world.pass_time(hours=1)
    asks(world, 2)
    later(world)
    told = [subject for _, subject in mails(world) if "your decision" in subject]
    assert told == ["1 person waits for your decision", "2 people wait for your decision"]
    assert world.now - NOW < timedelta(hours=4)
