"""Registrations, seats, the waitlist and what is due, on tables made from the template."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from convoke.decision.calendar_state import RenderedMail
from convoke.decision.invitation import Acknowledged, Stopped, StoredMessage
from convoke.model import DeliveryState, Event, EventStatus, InvalidField, Method, Registration, RegistrationStatus
from convoke.registrations import waitlist
from convoke.registrations.erasure import erase, forget
from convoke.registrations.events import change_event, create_event
from convoke.registrations.registry import (
    Obstacle,
    TooMany,
    change_registration,
    register,
    resend,
    swap_addresses,
    withdraw,
)
from convoke.store import dynamo, keys, writes
from convoke.store.dynamo import Contention
from convoke.store.invitations import invitation_item
from convoke.store.reads import Reads
from convoke.store.records import message_item
from convoke.store.repository import Page
from convoke.store.store import Store
from tests.factories import EVENT_ID, NOW, accepted, event, existing, expect, told
from tests.factories import registration as person
from tests.tables import SETTINGS, everything, in_memory, readable, unchanged

LATER = NOW + timedelta(minutes=5)


class World:
    """An event on tables in memory, with short words for what happens to it."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.store = Store(client, SETTINGS)
        self.reads = self.store.reads
        self.arrivals = 0

    def hold(self, **changes: Any) -> Event:
        held = event(**changes)
        create_event(self.store, held)
        return held

    def change(self, before: Event, *, priority: int = 1, **changes: Any) -> Event:
        after = replace(before, version=before.version + 1, updated_at=LATER, **changes)
        assert change_event(self.store, before, after, priority=priority, now=LATER)
        return after

    def newcomer(self, name: str) -> Registration:
        self.arrivals += 1
        registration_id = keys.registration_id(NOW + timedelta(seconds=self.arrivals), b"0123456789abcdef")
        return person(registration_id=registration_id, name=name, email=f"{name.lower()}@example.net")

    def register(self, name: str) -> Registration:
        return expect(Registration, register(self.store, self.newcomer(name), now=NOW))

    def withdraw(self, who: Registration) -> Registration:
        return expect(Registration, withdraw(self.store, EVENT_ID, who.registration_id, now=LATER))

    def promote(self, **how: Any) -> int:
        return waitlist.promote(self.store, EVENT_ID, now=LATER, **how)

    def erase(self, who: Registration) -> Registration:
        return expect(Registration, erase(self.store, EVENT_ID, who.registration_id, now=LATER))

    def counts(self) -> tuple[int, int]:
        seats = self.store.reads.seats(EVENT_ID)
        return seats.taken, seats.waiting

    def status(self, who: Registration) -> str:
        return existing(self.reads.registration(EVENT_ID, who.registration_id)).status.value

    def due_key(self, who: Registration) -> str | None:
        return existing(self.reads.invitation(EVENT_ID, who.registration_id)).due_key

    def item(self, key: keys.Key) -> dict[str, Any] | None:
        return dynamo.get(self.client, SETTINGS.invitations_table, key)

    def locks(self) -> int:
        return sum(item["sk"].startswith("ADDRESS#") for item in everything(self.client)["Registrations"])

    def tell(self, who: Registration, **changes: Any) -> None:
        """As if the first invitation had left and been accepted."""
        invitation = existing(self.reads.invitation(EVENT_ID, who.registration_id))
        said = replace(told(), recipient=who.email)
        stored = StoredMessage(
            registration_id=who.registration_id,
            event_id=EVENT_ID,
            calendar_state=said,
            rendered=RenderedMail(calendar=b"BEGIN:VCALENDAR", mail=b"To: bo"),
            written_at=NOW,
        )
        for item in (invitation_item(accepted(invitation, said, **changes)), message_item(stored)):
            self.client.put_item(TableName=SETTINGS.invitations_table, Item=dynamo.wire(item))


@pytest.fixture
def world() -> Iterator[World]:
    with in_memory() as client:
        yield World(client)


# --- coming -------------------------------------------------------------------------------------------------------


def test_a_registration_takes_a_seat_and_its_invitation_is_due(world: World) -> None:
    world.hold()
    bo = world.register("Bo")
    assert world.reads.registration(EVENT_ID, bo.registration_id) == bo
    assert bo.status is RegistrationStatus.REGISTERED
    invitation = existing(world.reads.invitation(EVENT_ID, bo.registration_id))
    assert (invitation.wakeups, invitation.allocated, invitation.highest_possibly_sent) == (1, -1, None)
    assert invitation.due_key == keys.due_key(2, NOW)
    assert world.counts() == (1, 0)


def test_the_same_address_again_answers_the_registration_that_stands(world: World) -> None:
    world.hold()
    bo = world.register("Bo")
    with unchanged(world.client):
        again = replace(world.newcomer("Somebody else"), email="BO@Example.net", language="de")
        assert register(world.store, again, now=LATER) == bo


def test_whoever_comes_to_a_full_event_waits_and_nothing_is_due(world: World) -> None:
    world.hold(capacity=1)
    world.register("Bo")
    cy = world.register("Cy")
    assert cy.status is RegistrationStatus.WAITLISTED
    assert world.due_key(cy) is None
    assert world.counts() == (1, 1)


def test_nobody_overtakes_the_line_though_a_seat_is_free(world: World) -> None:
    world.hold(capacity=1)
    bo, _ = world.register("Bo"), world.register("Cy")
    world.withdraw(bo)
    assert world.register("Di").status is RegistrationStatus.WAITLISTED
    assert world.counts() == (0, 2)


def test_many_at_once_never_take_more_seats_than_there_are(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before each transaction reaches the table, somebody else registers: every race is lost once."""
    world.hold(capacity=3)
    rush = iter(["Cy", "Di", "Ed", "Fy", "Gus"])
    attempt = writes.attempt

    def beaten(client: Any, actions: Any, attempts: int) -> Any:
        if (name := next(rush, None)) is not None:
            world.register(name)
        return attempt(client, actions, attempts)

    monkeypatch.setattr("convoke.store.store.attempt", beaten)
    world.register("Bo")
    everybody = world.store.reads.list_registrations(EVENT_ID, limit=100).items
    statuses = [registration.status for registration, _ in everybody]
    assert statuses.count(RegistrationStatus.REGISTERED) == 3
    assert statuses.count(RegistrationStatus.WAITLISTED) == 3
    assert world.counts() == (3, 3)


def test_a_cancelled_event_takes_no_registrations(world: World) -> None:
    world.change(world.hold(), status=EventStatus.CANCELLED)
    with unchanged(world.client):
        assert register(world.store, world.newcomer("Bo"), now=NOW) is Obstacle.CLOSED


# --- going --------------------------------------------------------------------------------------------------------


def test_withdrawing_frees_the_seat_and_the_address_and_owes_a_cancellation_first_of_all(world: World) -> None:
    world.hold()
    bo = world.register("Bo")
    world.tell(bo)
    left = world.withdraw(bo)
    assert left == world.reads.registration(EVENT_ID, bo.registration_id)
    assert (left.status, left.version) == (RegistrationStatus.CANCELLED, 2)
    assert world.due_key(bo) == keys.due_key(0, LATER)
    assert world.counts() == (0, 0)
    again = world.register("Bo")
    assert again.registration_id != bo.registration_id


def test_withdrawing_twice_changes_nothing_more(world: World) -> None:
    world.hold()
    bo = world.register("Bo")
    left = world.withdraw(bo)
    with unchanged(world.client):
        assert world.withdraw(bo) == left


def test_a_withdrawal_of_a_full_event_owes_the_seat_to_the_line(world: World) -> None:
    world.hold(capacity=1)
    bo, _ = world.register("Bo"), world.register("Cy")
    assert "due_key" not in existing(world.item(keys.seats(EVENT_ID)))
    world.withdraw(bo)
    seats = existing(world.item(keys.seats(EVENT_ID)))
    assert seats["due_key"] == keys.due_key(2, LATER)
    assert seats["due_shard"] == keys.task_shard(EVENT_ID)


def test_the_waiting_can_withdraw_and_leave_the_line(world: World) -> None:
    world.hold(capacity=1)
    world.register("Bo")
    cy, di = world.register("Cy"), world.register("Di")
    world.withdraw(cy)
    assert world.counts() == (1, 1)
    bo = world.store.reads.list_registrations(EVENT_ID, limit=1).items[0][0]
    world.withdraw(bo)
    assert world.promote() == 1
    assert world.status(di) == "registered"


def test_a_withdrawal_that_meets_a_newcomer_to_the_line_still_owes_the_seat(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hold(capacity=1)
    bo = world.register("Bo")
    count = Reads.seats

    def outdated(*arguments: Any) -> Any:
        seats = count(*arguments)
        if seats.waiting == 0:
            world.register("Cy")
        return seats

    monkeypatch.setattr(Reads, "seats", outdated)
    world.withdraw(bo)
    assert "due_key" in existing(world.item(keys.seats(EVENT_ID)))
    assert world.counts() == (0, 1)


def test_a_wake_up_never_brings_a_look_before_the_end_of_a_lease_nor_puts_off_an_earlier_one(world: World) -> None:
    world.hold()
    bo, cy = world.register("Bo"), world.register("Cy")
    world.tell(bo, lease_until=LATER + timedelta(seconds=48), wakeups=7)
    world.tell(cy, due_key=keys.due_key(0, NOW))
    world.withdraw(bo)
    world.withdraw(cy)
    assert world.due_key(bo) == keys.due_key(0, LATER + timedelta(seconds=48))
    assert world.due_key(cy) == keys.due_key(0, NOW)
    assert existing(world.reads.invitation(EVENT_ID, bo.registration_id)).wakeups == 8


# --- the waitlist -----------------------------------------------------------------------------------------------------


def test_seats_go_to_the_line_in_the_order_of_arrival(world: World) -> None:
    held = world.hold(capacity=1)
    world.register("Bo")
    cy, di, ed = (world.register(name) for name in ("Cy", "Di", "Ed"))
    world.change(held, capacity=3)
    assert world.promote() == 2
    assert [world.status(who) for who in (cy, di, ed)] == ["registered", "registered", "waitlisted"]
    assert [world.due_key(who) for who in (cy, di, ed)] == [keys.due_key(2, LATER), keys.due_key(2, LATER), None]
    assert world.counts() == (3, 1)


def test_a_promotion_that_was_cut_short_stays_due_and_one_that_is_done_does_not(world: World) -> None:
    held = world.hold(capacity=1)
    for name in ("Bo", "Cy", "Di", "Ed"):
        world.register(name)
    world.change(held, capacity=None)
    assert world.promote(at_most=2) == 2
    assert "due_key" in existing(world.item(keys.seats(EVENT_ID)))
    assert world.promote() == 1
    seats = existing(world.item(keys.seats(EVENT_ID)))
    assert "due_key" not in seats
    assert "due_shard" not in seats


@pytest.mark.parametrize(
    ("changes", "now"),
    [({"status": EventStatus.CANCELLED, "capacity": 2}, LATER), ({"capacity": 2}, NOW + timedelta(days=365))],
    ids=["cancelled", "over"],
)
def test_nobody_is_promoted_to_what_will_not_be(world: World, changes: dict[str, Any], now: datetime) -> None:
    held = world.hold(capacity=1)
    world.register("Bo")
    cy = world.register("Cy")
    world.change(held, **changes)
    assert waitlist.promote(world.store, EVENT_ID, now=now) == 0
    assert world.status(cy) == "waitlisted"
    assert "due_key" not in existing(world.item(keys.seats(EVENT_ID)))


# --- events -------------------------------------------------------------------------------------------------------


def test_a_change_is_due_for_everybody_in_the_write_that_makes_it(world: World) -> None:
    after = world.change(world.hold(), title="Moved")
    assert world.reads.event(EVENT_ID) == after
    fan_out = existing(world.item(keys.fan_out(EVENT_ID)))
    assert (fan_out["version"], fan_out["planned_to"], fan_out["due_key"]) == (2, "", keys.due_key(1, LATER))


def test_a_change_of_what_is_no_longer_true_is_not_stored(world: World) -> None:
    held = world.hold()
    world.change(held, title="First")
    with unchanged(world.client):
        stale = replace(held, version=2, title="Second")
        assert not change_event(world.store, held, stale, priority=1, now=LATER)


def test_a_pressing_change_stays_pressing_when_another_follows(world: World) -> None:
    moved = world.change(world.hold(), title="Moved", priority=0)
    world.change(moved, title="Moved!", priority=1)
    fan_out = existing(world.item(keys.fan_out(EVENT_ID)))
    assert (fan_out["version"], fan_out["due_key"]) == (3, keys.due_key(0, LATER))


def test_a_change_of_words_leaves_the_seats_alone(world: World) -> None:
    held = world.hold(capacity=5)
    before = world.item(keys.seats(EVENT_ID))
    world.change(held, title="Other words")
    assert world.item(keys.seats(EVENT_ID)) == before


# --- changing -----------------------------------------------------------------------------------------------------


def changed(world: World, who: Registration, **changes: str) -> Registration | Obstacle | TooMany:
    return change_registration(world.store, EVENT_ID, who.registration_id, changes=changes, priority=1, now=LATER)


def test_another_name_tells_nobody(world: World) -> None:
    world.hold()
    bo = world.register("Bo")
    world.tell(bo)
    after = expect(Registration, changed(world, bo, name="Bo Ek", language="de"))
    assert (after.name, after.language, after.version) == ("Bo Ek", "de", 2)
    assert world.due_key(bo) is None


def test_another_address_takes_its_lock_along_and_its_message_is_due(world: World) -> None:
    world.hold()
    bo = world.register("Bo")
    world.tell(bo)
    expect(Registration, changed(world, bo, email="bo@example.org"))
    assert world.due_key(bo) == keys.due_key(1, LATER)
    assert world.locks() == 1
    somebody_else = world.register("Bo")
    assert somebody_else.registration_id != bo.registration_id
    assert world.locks() == 2


def test_an_address_in_other_capitals_keeps_its_lock(world: World) -> None:
    world.hold()
    bo = world.register("Bo")
    assert expect(Registration, changed(world, bo, email="Bo@example.net")).email == "Bo@example.net"
    assert world.locks() == 1


def test_an_address_that_is_registered_already_cannot_be_taken_over(world: World) -> None:
    world.hold()
    bo, cy = world.register("Bo"), world.register("Cy")
    with unchanged(world.client):
        assert changed(world, cy, email=bo.email.upper()) is Obstacle.TAKEN


def test_addresses_are_exchanged_only_while_each_is_that_of_the_other(world: World) -> None:
    world.hold()
    bo, cy = world.register("Bo"), world.register("Cy")
    cy = expect(Registration, changed(world, cy, email="cy@example.org"))
    another = world.register("Cy")
    wanted = [{"email": "cy@example.net"}, {"email": bo.email}]
    with unchanged(world.client):
        assert not swap_addresses(world.store, [bo, cy], wanted, priority=1, now=LATER, account="acme", also={})
    assert world.reads.address_holder(EVENT_ID, "cy@example.net") == another.registration_id


def test_the_withdrawn_are_not_changed_any_more(world: World) -> None:
    world.hold()
    bo = world.register("Bo")
    world.withdraw(bo)
    assert changed(world, bo, name="Bo Ek") is Obstacle.INACTIVE


def test_the_same_again_is_no_change(world: World) -> None:
    world.hold()
    bo = world.register("Bo")
    with unchanged(world.client):
        assert changed(world, bo, name="Bo", email=bo.email) == bo


# --- saying it again ----------------------------------------------------------------------------------------------


def again(world: World, who: Registration) -> Obstacle | TooMany | None:
    return resend(world.store, EVENT_ID, who.registration_id, now=LATER)


def test_a_resend_is_one_more_reason_to_look(world: World) -> None:
    world.hold()
    bo = world.register("Bo")
    world.tell(bo)
    assert again(world, bo) is None
    invitation = existing(world.reads.invitation(EVENT_ID, bo.registration_id))
    assert (invitation.wakeups, invitation.resend, invitation.due_key) == (2, 1, keys.due_key(1, LATER))


def test_a_cancellation_is_said_again_first_of_all(world: World) -> None:
    world.hold()
    bo = world.register("Bo")
    cancel = told(sequence=1, method=Method.CANCEL)
    world.tell(bo, highest_possibly_sent=1, acknowledged=Acknowledged(calendar_state=cancel, ses_id="ses", at=NOW))
    assert again(world, bo) is None
    assert world.due_key(bo) == keys.due_key(0, LATER)


@pytest.mark.parametrize(
    ("prepare", "obstacle"),
    [
        (lambda *_: None, Obstacle.NEVER_SENT),
        (
            lambda world, who: world.tell(
                who, stopped=(Stopped(address="BO@example.net", state=DeliveryState.BOUNCED),)
            ),
            Obstacle.STOPPED,
        ),
        (lambda world, who: world.erase(who), Obstacle.INACTIVE),
    ],
    ids=["never sent", "bounced", "erased"],
)
def test_what_cannot_be_said_again_is_refused(
    world: World, prepare: Callable[[World, Registration], None], obstacle: Obstacle
) -> None:
    world.hold()
    bo = world.register("Bo")
    prepare(world, bo)
    with unchanged(world.client):
        assert again(world, bo) is obstacle


# --- forgetting ---------------------------------------------------------------------------------------------------


def test_whoever_was_never_told_is_forgotten_at_once(world: World) -> None:
    world.hold()
    bo = world.register("Bo")
    gone = world.erase(bo)
    assert gone.status is RegistrationStatus.ERASED
    assert world.locks() == 0
    assert world.item(keys.erasure(EVENT_ID, bo.registration_id)) is None
    assert "bo@example.net" not in readable(everything(world.client))
    assert world.counts() == (0, 0)


def test_whoever_was_told_is_withdrawn_first_and_the_erasure_is_due(world: World) -> None:
    world.hold()
    bo = world.register("Bo")
    world.tell(bo)
    gone = world.erase(bo)
    assert gone.status is RegistrationStatus.CANCELLED
    assert gone.email == "bo@example.net"
    assert world.due_key(bo) == keys.due_key(0, LATER)
    assert existing(world.item(keys.erasure(EVENT_ID, bo.registration_id)))["due_key"] == keys.due_key(2, LATER)


def test_forgetting_leaves_ids_and_numbers_and_no_person(world: World) -> None:
    world.hold()
    bo = world.register("Bo")
    world.tell(bo, stopped=(Stopped(address=bo.email, state=DeliveryState.BOUNCED),))
    assert "Bo" in readable(everything(world.client))
    world.erase(bo)
    forget(world.store, EVENT_ID, bo.registration_id, now=LATER)
    left = readable(everything(world.client))
    assert "example.net" not in left
    assert "Bo" not in left
    invitation = existing(world.reads.invitation(EVENT_ID, bo.registration_id))
    assert existing(invitation.acknowledged).calendar_state.uid == told().uid
    stored = existing(world.reads.stored(bo.registration_id, 0))
    assert (stored.rendered, stored.calendar_state.recipient, stored.calendar_state.sequence) == (None, "", 0)
    assert world.item(keys.erasure(EVENT_ID, bo.registration_id)) is None
    forget(world.store, EVENT_ID, bo.registration_id, now=LATER)
    assert world.status(bo) == "erased"


def test_an_erasure_that_was_interrupted_is_still_due_and_done_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hold()
    bo = world.register("Bo")
    world.tell(bo)
    world.erase(bo)

    def die(*_: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("convoke.store.store.attempt", die)
        with pytest.raises(RuntimeError):
            forget(world.store, EVENT_ID, bo.registration_id, now=LATER)
    assert world.item(keys.erasure(EVENT_ID, bo.registration_id)) is not None
    forget(world.store, EVENT_ID, bo.registration_id, now=LATER)
    assert world.status(bo) == "erased"


def test_nobody_who_still_comes_is_forgotten(world: World) -> None:
    world.hold()
    bo = world.register("Bo")
    with pytest.raises(Contention):
        forget(world.store, EVENT_ID, bo.registration_id, now=LATER)
    assert world.status(bo) == "registered"


# --- lists --------------------------------------------------------------------------------------------------------


def names(page: Page) -> list[str]:
    return [registration.name for registration, _ in page.items]


def test_registrations_are_listed_by_arrival_page_after_page(world: World) -> None:
    world.hold(capacity=2)
    for name in ("Bo", "Cy", "Di"):
        world.register(name)
    first = world.store.reads.list_registrations(EVENT_ID, limit=2)
    second = world.store.reads.list_registrations(EVENT_ID, limit=2, cursor=first.next)
    assert (names(first), names(second), second.next) == (["Bo", "Cy"], ["Di"], None)
    waiting = world.store.reads.list_registrations(EVENT_ID, limit=1, status=RegistrationStatus.WAITLISTED)
    assert (names(waiting), waiting.next) == (["Di"], None)


def test_a_cursor_is_good_for_its_own_list_only(world: World) -> None:
    world.hold()
    world.register("Bo")
    world.register("Cy")
    mine = existing(world.store.reads.list_registrations(EVENT_ID, limit=1).next)
    for cursor in (mine[:-1], mine + "x", "", "ü", "AAAA", mine[:21] + "IyMj"):
        with pytest.raises(InvalidField, match="cursor"):
            world.store.reads.list_registrations(EVENT_ID, limit=1, cursor=cursor)
    with pytest.raises(InvalidField, match="cursor"):
        world.store.reads.list_registrations(
            EVENT_ID,
            limit=1,
            cursor=mine,
            status=RegistrationStatus.REGISTERED,
        )
    with pytest.raises(InvalidField, match="cursor"):
        world.store.lookups.list_events("acme", limit=1, cursor=mine)


def test_an_account_lists_its_own_events_in_the_order_of_their_making(world: World) -> None:
    for number in range(3):
        world.hold(event_id=f"event{number}", created_at=NOW + timedelta(seconds=number), title=str(number))
    world.hold(event_id="foreign", account="other")
    first = world.store.lookups.list_events("acme", limit=2)
    second = world.store.lookups.list_events("acme", limit=2, cursor=first.next)
    assert [counted.event.title for counted in (*first.items, *second.items)] == ["0", "1", "2"]
    assert second.next is None
    assert first.items[0].seats.taken == 0


def test_an_event_of_another_account_cannot_be_read(world: World) -> None:
    held = world.hold()
    assert world.store.reads.own_event(EVENT_ID, "acme") == held
    assert world.store.reads.own_event(EVENT_ID, "other") is None


def test_messages_are_listed_without_their_letters(world: World) -> None:
    world.hold()
    bo = world.register("Bo")
    world.tell(bo)
    second = StoredMessage(
        registration_id=bo.registration_id,
        event_id=EVENT_ID,
        calendar_state=told(sequence=1),
        rendered=RenderedMail(calendar=b"c", mail=b"m"),
        written_at=NOW,
    )
    world.client.put_item(TableName="Invitations", Item=dynamo.wire(message_item(second)))
    invitation = existing(world.reads.invitation(EVENT_ID, bo.registration_id))
    page = world.store.reads.list_messages(invitation, limit=1)
    rest = world.store.reads.list_messages(invitation, limit=1, cursor=page.next)
    assert [stored.calendar_state.sequence for stored in (*page.items, *rest.items)] == [0, 1]
    assert page.items[0].rendered is None
    assert rest.next is None
