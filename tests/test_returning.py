"""Coming back after withdrawing, and the seats that are kept for whoever withdrew by one click."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from convoke.decision.decide import participation
from convoke.model import AnswerChannel, EventStatus, Method, Participation, Registration, RegistrationStatus, Reply
from convoke.registrations import erasure, registry, replies, returning, waitlist
from convoke.registrations.registry import Obstacle, TooMany
from convoke.registrations.returning import HELD, come_back, end_hold
from tests.factories import EVENT_ID, expect
from tests.fixtures import fixture_of
from tests.mailbox import one_space, plain_text_of
from tests.world import World, a_quick_world

REGISTERED, WAITLISTED = RegistrationStatus.REGISTERED, RegistrationStatus.WAITLISTED


world = fixture_of(a_quick_world, capacity=2)


def click(world: World, person: Registration) -> Registration:
    """As a mail program's button for unsubscribing does."""
    ids = person.event_id, person.registration_id
    return expect(Registration, registry.withdraw(world.store, *ids, now=world.now, held_until=world.now + HELD))


def back(world: World, person: Registration, **how: Any) -> Registration | Obstacle | TooMany:
    return come_back(world.store, person.event_id, person.registration_id, now=world.now, **how)


def came_back(world: World, person: Registration) -> Registration:
    found = expect(Registration, back(world, person))
    assert world.reads.registration(EVENT_ID, person.registration_id) == found
    return found


def counts(world: World) -> tuple[int, int, int]:
    seats = world.reads.seats(EVENT_ID)
    return seats.taken, seats.held, seats.waiting


def status(world: World, person: Registration) -> RegistrationStatus:
    return world.registration(person).status


def test_whoever_comes_back_is_registered_again_and_invited_under_a_new_uid(world: World) -> None:
    bo = world.invite()
    world.withdraw(bo)
    world.look(bo)
    again = came_back(world, bo)
    assert again.status is REGISTERED
    world.look(bo)
    assert world.said() == [(Method.REQUEST, 0), (Method.CANCEL, 1), (Method.REQUEST, 2)]
    first, cancel, new = world.told
    assert first.uid == cancel.uid != new.uid
    assert counts(world) == (1, 0, 0)


def test_whoever_comes_back_before_the_cancellation_has_left_is_told_nothing(world: World) -> None:
    bo = world.invite()
    world.withdraw(bo)
    came_back(world, bo)
    world.look(bo)
    assert world.said() == [(Method.REQUEST, 0)]


def test_the_address_and_the_external_id_are_taken_again(world: World) -> None:
    bo = world.register(external_id="ticket-7")
    world.withdraw(bo)
    assert world.reads.address_holder(EVENT_ID, bo.email) is None
    came_back(world, bo)
    assert world.reads.address_holder(EVENT_ID, bo.email) == bo.registration_id
    assert world.store.external_ids.registration_holder(EVENT_ID, "ticket-7") == bo.registration_id


def test_nobody_comes_back_whose_address_is_registered_anew(world: World) -> None:
    bo = world.register()
    world.withdraw(bo)
    world.register(2, email=bo.email)
    assert back(world, bo) is Obstacle.TAKEN
    assert status(world, bo) is RegistrationStatus.CANCELLED


def test_nobody_comes_back_whose_external_id_another_one_has(world: World) -> None:
    bo = world.register(external_id="ticket-7")
    world.withdraw(bo)
    world.register(2, external_id="ticket-7")
    assert back(world, bo) is Obstacle.REPLACED
    assert world.reads.address_holder(EVENT_ID, bo.email) is None


def test_who_comes_back_to_a_full_event_waits(world: World) -> None:
    bo = world.register()
    world.withdraw(bo)
    world.register(2)
    world.register(3)
    assert came_back(world, bo).status is WAITLISTED
    assert counts(world) == (2, 0, 1)


def test_nobody_comes_back_to_a_cancelled_event(world: World) -> None:
    bo = world.register()
    click(world, bo)
    world.cancel_event()
    assert back(world, bo) is Obstacle.CLOSED
    assert counts(world) == (1, 1, 0)


def test_coming_back_twice_is_coming_back_once(world: World) -> None:
    bo = world.register()
    world.withdraw(bo)
    assert came_back(world, bo) == came_back(world, bo)
    assert counts(world) == (1, 0, 0)


def test_who_declined_comes_back_as_through_the_api() -> None:
    with a_quick_world(capacity=1, release_on_decline=True) as world:
        bo = world.invite()
        no = Reply(status=Participation.DECLINED, sequence=0, dtstamp=world.now, received_at=world.now)
        replies.apply(world.store, EVENT_ID, bo.registration_id, no, channel=AnswerChannel.MAIL, now=world.now)
        assert status(world, bo) is RegistrationStatus.DECLINED
        assert came_back(world, bo).status is REGISTERED


def test_coming_back_withdraws_an_answer_that_declined(world: World) -> None:
    bo = world.invite()
    no = Reply(status=Participation.DECLINED, sequence=0, dtstamp=world.now, received_at=world.now)
    replies.apply(world.store, EVENT_ID, bo.registration_id, no, channel=AnswerChannel.MAIL, now=world.now)
    world.withdraw(bo)
    again = came_back(world, bo)
    assert participation(again, world.invitation(bo)) is Participation.NEEDS_ACTION
    world.look(bo)
    # The calendar program may have removed the entry: it is told once more.
    assert world.said() == [(Method.REQUEST, 0), (Method.REQUEST, 1)]


def test_whoever_gets_a_seat_from_the_waitlist_is_told_so_once() -> None:
    with a_quick_world(capacity=1) as world:
        bo, cleo = world.register(1), world.register(2)
        world.look(bo)
        assert "A seat has come free" not in mail_text(world)
        world.withdraw(bo)
        world.look(bo)
        assert waitlist.promote(world.store, EVENT_ID, now=world.now) == 1
        world.look(cleo)
        assert "A seat has come free for you." in mail_text(world)
        world.withdraw(cleo)
        world.look(cleo)
        assert came_back(world, cleo).status is REGISTERED
        world.look(cleo)
        assert "You are invited to" in mail_text(world)
        assert "A seat has come free" not in mail_text(world), "it was free"
        came_back(world, bo)
        world.withdraw(cleo)
        assert waitlist.promote(world.store, EVENT_ID, now=world.now) == 1
        world.look(bo)
        assert "A seat has come free for you." in mail_text(world), "under a new UID, too"


def test_a_limit_of_mails_holds_who_comes_and_goes(world: World) -> None:
    bo = world.register()
    found: list[object] = []
    for _ in range(40):
        world.withdraw(bo)
        found.append(back(world, bo, charge=world.store.limits.recipient("acme", bo.email, world.now)))
    assert any(isinstance(one, TooMany) for one in found)
    assert status(world, bo) is RegistrationStatus.CANCELLED


# --- seats that are kept ------------------------------------------------------------------------------------------


def test_after_one_click_the_cancellation_leaves_and_the_seat_is_kept(world: World) -> None:
    bo, _, waits = world.register(1), world.register(2), world.register(3)
    world.look(bo)
    assert click(world, bo).held_until == world.now + HELD
    world.look(bo)
    assert world.said(bo.email) == [(Method.REQUEST, 0), (Method.CANCEL, 1)]
    world.pass_time(hours=23)
    world.sweep()
    assert counts(world) == (2, 1, 1)
    assert status(world, waits) is WAITLISTED
    assert came_back(world, bo).status is REGISTERED
    assert counts(world) == (2, 0, 1)


def mail_text(world: World) -> str:
    """The plain text of the mail that was sent last."""
    return one_space(plain_text_of(world.sent[-1].rendered.mail))


def test_the_cancellation_says_how_to_come_back_and_until_when_the_seat_is_kept(world: World) -> None:
    bo, li = world.register(1), world.register(2)
    for person in (bo, li):
        world.look(person)
    click(world, bo)
    world.look(bo)
    said = mail_text(world)
    assert "you can come back on the page below." in said
    kept = world.now.astimezone(ZoneInfo("Europe/Berlin")) + HELD
    assert f"Your seat is kept for you until {kept:%A} {kept.day} {kept:%B %Y, %H:%M} (Europe/Berlin)." in said
    assert "Come back, or see your registration" in said
    world.withdraw(li)
    world.look(li)
    assert "you can come back on the page below." in mail_text(world)
    assert "is kept" not in mail_text(world)


def test_whose_event_is_cancelled_is_not_told_to_come_back(world: World) -> None:
    bo = world.invite()
    world.cancel_event()
    world.look(bo)
    assert "come back" not in mail_text(world).lower()


def test_after_a_day_the_seat_goes_to_the_waitlist(world: World) -> None:
    bo, _, waits = world.register(1), world.register(2), world.register(3)
    click(world, bo)
    world.pass_time(hours=24, seconds=1)
    world.sweep()
    assert counts(world) == (2, 0, 0)
    assert status(world, waits) is REGISTERED
    assert came_back(world, bo).status is WAITLISTED
    assert world.store.seats.hold(EVENT_ID, bo.registration_id) is None


def test_the_page_releases_the_seat_at_once(world: World) -> None:
    bo = world.register()
    world.withdraw(bo)
    assert counts(world) == (0, 0, 0)


def test_all_seats_of_a_registration_with_guests_are_kept() -> None:
    with a_quick_world(capacity=None) as world:
        bo = world.register(guests=2)
        world.store.seats._write(_taken(world, 2 if counts(world)[0] == 1 else 0))
        click(world, bo)
        assert counts(world) == (3, 3, 0)
        world.pass_time(hours=25)
        world.sweep()
        assert counts(world) == (0, 0, 0)


def _taken(world: World, more: int) -> Any:
    return world.store.seats.count_action(EVENT_ID, "attribute_exists(pk)", taken=more)


def test_who_waits_leaves_the_waitlist_at_once_and_has_the_same_rank_on_coming_back(world: World) -> None:
    world.register(1)
    world.register(2)
    bo, later = world.register(3), world.register(4)
    assert click(world, bo).held_until is None
    assert counts(world) == (2, 0, 1)
    assert came_back(world, bo).status is WAITLISTED
    assert world.reads.first_waiting(EVENT_ID) == bo.registration_id < later.registration_id


def test_a_kept_seat_is_not_released_before_its_time(world: World) -> None:
    bo = world.register()
    click(world, bo)
    world.pass_time(hours=23, minutes=59)
    assert not end_hold(world.store, EVENT_ID, bo.registration_id, now=world.now)
    assert counts(world) == (1, 1, 0)


def test_a_sweep_that_is_late_does_not_release_the_seat_of_who_withdrew_once_more(world: World) -> None:
    bo = world.register()
    click(world, bo)
    world.pass_time(hours=25)

    def again() -> None:
        came_back(world, bo)
        click(world, bo)

    with world.meanwhile(again):
        assert not end_hold(world.store, EVENT_ID, bo.registration_id, now=world.now)
    assert counts(world) == (1, 1, 0)


def test_a_kept_seat_is_given_once(world: World) -> None:
    bo = world.register()
    click(world, bo)
    world.pass_time(hours=25)
    with world.meanwhile(lambda: end_hold(world.store, EVENT_ID, bo.registration_id, now=world.now)):
        assert came_back(world, bo).status is REGISTERED
    assert counts(world) == (1, 0, 0)


def test_who_comes_back_while_the_event_is_cancelled_gets_no_seat(world: World) -> None:
    bo = world.register()
    click(world, bo)
    with world.meanwhile(world.cancel_event):
        assert back(world, bo) is Obstacle.CLOSED
    assert world.event().status is EventStatus.CANCELLED


# --- erasure ------------------------------------------------------------------------------------------------------


def test_who_is_to_be_erased_does_not_come_back(world: World) -> None:
    bo = world.invite()
    erasure.erase(world.store, EVENT_ID, bo.registration_id, now=world.now)
    assert status(world, bo) is RegistrationStatus.CANCELLED
    assert back(world, bo) is Obstacle.INACTIVE
    world.settle()
    assert back(world, bo) is Obstacle.INACTIVE
    assert status(world, bo) is RegistrationStatus.ERASED


def test_who_comes_back_while_they_are_being_erased_is_withdrawn_and_erased(world: World) -> None:
    bo = world.invite()
    world.withdraw(bo)
    world.look(bo)
    with world.meanwhile(lambda: came_back(world, bo)):
        erasure.erase(world.store, EVENT_ID, bo.registration_id, now=world.now)
    world.settle()
    assert status(world, bo) is RegistrationStatus.ERASED
    assert counts(world) == (0, 0, 0)


def test_who_is_changed_while_they_are_erased_is_erased_under_a_version_of_its_own(world: World) -> None:
    bo = world.register()
    withdrawn = click(world, bo)
    assert world.store.brakes.may_hold(EVENT_ID, bo.registration_id, bo.email, world.now + HELD, world.now)
    with world.meanwhile(lambda: world.register(2, email=bo.email)):
        erasure.forget(world.store, EVENT_ID, bo.registration_id, now=world.now)
    assert status(world, bo) is RegistrationStatus.ERASED
    assert world.registration(bo).version == withdrawn.version + 2
    assert counts(world) == (1, 0, 0)


def test_erasing_releases_a_kept_seat(world: World) -> None:
    bo = world.register()
    click(world, bo)
    erasure.erase(world.store, EVENT_ID, bo.registration_id, now=world.now)
    assert counts(world) == (0, 0, 0)


def test_an_unknown_registration_does_not_come_back(world: World) -> None:
    assert returning.come_back(world.store, EVENT_ID, "0" * 36, now=world.now) is Obstacle.ABSENT
    assert not end_hold(world.store, EVENT_ID, "0" * 36, now=world.now + timedelta(days=2))
