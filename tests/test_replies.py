"""What an answer changes, on tables made from the template: the registration, its history, and seats."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convoke.decision.attendance import Consequence
from convoke.mail.notifications import NotificationKind
from convoke.model import (
    AnswerChannel,
    InvalidField,
    Method,
    Participation,
    ReceivedReply,
    Registration,
    RegistrationStatus,
    Reply,
)
from convoke.registrations.erasure import forget
from convoke.registrations.events import create_event
from convoke.registrations.registry import Obstacle, TooMany, register, resend, withdraw
from convoke.registrations.replies import Applied, Outcome, apply, register_again
from convoke.store import answers, codec, dynamo, keys
from convoke.store.answers import Answers
from convoke.store.invitations import invitation_item
from convoke.store.store import Store
from convoke.webhooks.events import WebhookEvent, WebhookEventType
from tests.factories import AFTERNOON, EVENT_ID, NOW, event, existing, expect, registration, reply, webhook
from tests.factories import invited as invited_to
from tests.fixtures import fixture_of
from tests.simulation.quick import forget as forget_quickly
from tests.simulation.quick import quick
from tests.simulation.tables import Tables
from tests.tables import SETTINGS, everything, readable, unchanged
from tests.world import World, a_world

LATER = NOW + timedelta(minutes=1)
DECLINED = Participation.DECLINED
NO = reply(status=DECLINED)
YES_AFTER_ALL = reply(dtstamp=LATER)


world = fixture_of(a_world, capacity=1, release_on_decline=True)
"""One seat, which whoever declines gives on."""


def apply_report(world: World, person: Registration, said: Reply, means: AnswerChannel = AnswerChannel.MAIL) -> Applied:
    return apply(world.store, EVENT_ID, person.registration_id, said, channel=means, now=world.now)


def again(world: World, person: Registration) -> Registration | Obstacle | TooMany:
    return register_again(world.store, EVENT_ID, person.registration_id, now=world.now)


def seats(world: World) -> tuple[int, int]:
    found = existing(dynamo.get(world.client, SETTINGS.invitations_table, keys.seats(EVENT_ID)))
    return int(found["taken"]), int(found["waiting"])


def history(store: Store, person: Registration) -> list[ReceivedReply]:
    received: list[ReceivedReply] = []
    cursor = None
    while True:
        page = store.answers.list_answers(person.registration_id, limit=100, cursor=cursor)
        received += page.items
        cursor = page.next
        if cursor is None:
            return received


# --- which one stands, and what is kept ---------------------------------------------------------------------------


def test_an_answer_is_stored_and_kept_with_how_it_came(world: World) -> None:
    bo = world.invite()
    applied = apply_report(world, bo, reply(), AnswerChannel.RELEASE)
    assert (applied.outcome, applied.consequence) == (Outcome.STANDS, Consequence.NONE)
    assert (applied.before, applied.now) == (Participation.NEEDS_ACTION, Participation.ACCEPTED)
    assert applied.registration == world.registration(bo)
    assert world.registration(bo).reply == reply()
    assert history(world.store, bo) == [ReceivedReply(reply=reply(), channel=AnswerChannel.RELEASE, at=NOW)]


def test_the_same_answer_again_changes_nothing(world: World) -> None:
    bo = world.invite()
    apply_report(world, bo, reply())
    with unchanged(world.client):
        world.pass_time(minutes=5)
        assert apply_report(world, bo, reply()).outcome is Outcome.KNOWN


def test_an_older_one_is_kept_and_changes_nothing_else(world: World) -> None:
    bo = world.invite()
    apply_report(world, bo, YES_AFTER_ALL)
    applied = apply_report(world, bo, NO)
    assert (applied.outcome, applied.before, applied.now) == (
        Outcome.OLDER,
        Participation.ACCEPTED,
        Participation.ACCEPTED,
    )
    assert (world.registration(bo).status, world.registration(bo).reply) == (
        RegistrationStatus.REGISTERED,
        YES_AFTER_ALL,
    )
    assert [one.reply for one in history(world.store, bo)] == [NO, YES_AFTER_ALL]


def test_one_to_an_older_revision_is_stored_and_does_not_count(world: World) -> None:
    bo = world.invite()
    world.change(when=AFTERNOON)
    world.look(bo)
    applied = apply_report(world, bo, NO)
    assert (applied.outcome, applied.consequence, applied.now) == (
        Outcome.STANDS,
        Consequence.NONE,
        Participation.NEEDS_ACTION,
    )
    assert world.registration(bo).reply == NO


def test_who_was_withdrawn_is_not_heard(world: World) -> None:
    bo = world.invite()
    world.withdraw(bo)
    with unchanged(world.client):
        assert apply_report(world, bo, reply()).outcome is Outcome.INACTIVE
        assert apply_report(world, registration(registration_id="0" * 36), reply()).outcome is Outcome.INACTIVE


def test_the_latest_hundred_are_kept(world: World) -> None:
    bo = world.invite()
    said = [reply(dtstamp=NOW + timedelta(seconds=second)) for second in range(answers.LATEST + 2)]
    for one in said[1:]:
        apply_report(world, bo, one)
    with unchanged(world.client):
        assert apply_report(world, bo, said[0]).outcome is Outcome.OLDER
    assert [one.reply for one in history(world.store, bo)] == said[2:]


def test_what_is_kept_goes_a_year_after_the_event(world: World) -> None:
    bo = world.invite()
    apply_report(world, bo, reply())
    item = existing(dynamo.get(world.client, SETTINGS.invitations_table, keys.answer(bo.registration_id, reply())))
    assert item["expires_at"] == int((event().when.ends_at + timedelta(days=365)).timestamp())


def test_the_history_is_paged_and_its_cursor_is_good_for_it_alone(world: World) -> None:
    bo = world.invite()
    said = [reply(dtstamp=NOW + timedelta(seconds=second)) for second in range(5)]
    said.append(reply(sequence=1, date=datetime(2027, 3, 19, 9, 0)))
    for one in said:
        apply_report(world, bo, one)
    found, cursor = [], None
    while True:
        page = world.store.answers.list_answers(bo.registration_id, limit=2, cursor=cursor)
        found.append([one.reply for one in page.items])
        if page.next is None:
            break
        cursor = page.next
    assert found == [said[:2], said[2:4], said[4:]]
    with pytest.raises(InvalidField, match="not a cursor"):
        world.store.answers.list_answers("0" * 36, limit=2, cursor=cursor)


def test_what_was_answered_is_forgotten_with_the_person(world: World) -> None:
    bo = world.invite()
    apply_report(world, bo, NO)
    apply_report(world, bo, reply(date=datetime(2027, 3, 12, 9, 0)))
    world.withdraw(bo)
    forget(world.store, EVENT_ID, bo.registration_id, now=LATER)
    assert history(world.store, bo) == []
    tombstone = world.registration(bo)
    assert (tombstone.status, tombstone.reply, tombstone.date_replies) == (RegistrationStatus.ERASED, None, ())
    assert "example.net" not in readable(everything(world.client))


def test_an_answer_that_meets_another_writer_is_judged_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bo, known, met = world.invite(), Answers.stored_keys, [NO]

    def meanwhile(*arguments: Any) -> list[str]:
        before = known(*arguments)
        if met:
            apply_report(world, bo, met.pop())
        return before

    monkeypatch.setattr(Answers, "stored_keys", meanwhile)
    assert apply_report(world, bo, YES_AFTER_ALL).consequence is Consequence.RETURN
    assert (world.registration(bo).status, seats(world)) == (RegistrationStatus.REGISTERED, (1, 0))
    assert [one.reply for one in history(world.store, bo)] == [NO, YES_AFTER_ALL]


STATUSES = (Participation.ACCEPTED, DECLINED, Participation.TENTATIVE)
SAID = st.builds(
    reply,
    status=st.sampled_from(STATUSES),
    sequence=st.integers(0, 2),
    dtstamp=st.integers(0, 2).map(lambda second: NOW + timedelta(seconds=second)),
    date=st.sampled_from([None, None, datetime(2027, 3, 12, 9, 0), datetime(2027, 3, 19, 9, 0)]),
)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), said=st.lists(SAID, min_size=1, max_size=6, unique=True))
def test_whatever_order_answers_come_in_and_however_often_the_same_is_true_in_the_end(
    data: st.DataObject, said: list[Reply]
) -> None:
    came = data.draw(st.permutations(said + data.draw(st.lists(st.sampled_from(said), max_size=6))))
    assert in_the_end(came) == in_the_end(said)


def in_the_end(came: list[Reply]) -> tuple[Any, ...]:
    """What is true after these answers came in this order to somebody who was moved once, as SEQUENCE 1."""
    with quick():
        forget_quickly()
        tables = Tables((SETTINGS.registrations_table,), lambda *_: None)
        store = Store(tables, SETTINGS)
        create_event(store, event(release_on_decline=True))
        bo = expect(Registration, register(store, registration(), now=NOW))
        tables.put_item(TableName=SETTINGS.invitations_table, Item=invitation_item(invited_to(sequence=2, asked=1)))
        for one in came:
            apply(store, EVENT_ID, bo.registration_id, one, channel=AnswerChannel.MAIL, now=LATER)
        person = existing(store.reads.registration(EVENT_ID, bo.registration_id))
        taken = existing(tables.row(SETTINGS.invitations_table, keys.seats(EVENT_ID)))
        assert taken["taken"] == (person.status is RegistrationStatus.REGISTERED)
        return person.status, person.reply, person.date_replies, history(store, bo)


# --- seats --------------------------------------------------------------------------------------------------------


def test_a_no_gives_the_seat_to_the_first_in_line_at_once(world: World) -> None:
    bo, cy = world.invite(), world.register(2)
    applied = apply_report(world, bo, NO)
    assert (applied.consequence, world.registration(bo).status) == (Consequence.RELEASE, RegistrationStatus.DECLINED)
    assert (world.registration(cy).status, seats(world)) == (RegistrationStatus.REGISTERED, (1, 0))
    world.settle()
    assert world.said() == [(Method.REQUEST, 0), (Method.REQUEST, 0)]


def test_where_promoting_fails_the_sweeper_gives_the_seat(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bo, cy = world.invite(), world.register(2)

    def fail(*_: Any, **__: Any) -> int:
        raise dynamo.Contention

    with monkeypatch.context() as patch:
        patch.setattr("convoke.registrations.waitlist.promote", fail)
        assert apply_report(world, bo, NO).outcome is Outcome.STANDS, "the answer is stored"
    assert apply_report(world, bo, NO).outcome is Outcome.KNOWN, "the mail comes again"
    world.settle()
    assert (world.registration(cy).status, seats(world)) == (RegistrationStatus.REGISTERED, (1, 0))


def test_where_seats_are_not_given_on_a_no_is_only_an_answer(world: World) -> None:
    world.change(release_on_decline=False)
    bo, cy = world.invite(), world.register(2)
    assert apply_report(world, bo, NO).now is DECLINED
    assert (world.registration(bo).status, world.registration(cy).status) == (
        RegistrationStatus.REGISTERED,
        RegistrationStatus.WAITLISTED,
    )


def test_whoever_declined_holds_their_address_and_is_not_written_to(world: World) -> None:
    bo = world.invite()
    apply_report(world, bo, NO)
    world.change(when=AFTERNOON)
    world.cancel_event("No conductor")
    world.settle()
    assert world.said() == [(Method.REQUEST, 0)]
    assert resend(world.store, EVENT_ID, bo.registration_id, now=LATER) is Obstacle.INACTIVE


def test_a_yes_after_all_takes_the_seat_that_is_free(world: World) -> None:
    bo = world.invite()
    apply_report(world, bo, NO)
    assert seats(world) == (0, 0)
    apply_report(world, bo, YES_AFTER_ALL)
    assert (world.registration(bo).status, seats(world)) == (RegistrationStatus.REGISTERED, (1, 0))


def test_a_yes_after_all_waits_where_there_is_none(world: World) -> None:
    bo, cy = world.invite(), world.register(2)
    apply_report(world, bo, NO)
    applied = apply_report(world, bo, YES_AFTER_ALL)
    assert applied.registration == world.registration(bo)
    assert (world.registration(bo).status, seats(world)) == (RegistrationStatus.WAITLISTED, (1, 1))
    assert world.invitation(bo).due_key == keys.due_key(0, world.now)
    world.settle()
    assert [rendered.notification_state.kind for rendered in world.notifications] == [NotificationKind.NO_SEAT]
    world.withdraw(cy)
    world.settle()
    assert (world.registration(bo).status, seats(world)) == (RegistrationStatus.REGISTERED, (1, 0))


def test_whoever_waits_again_and_declines_leaves_the_line(world: World) -> None:
    bo, _ = world.invite(), world.register(2)
    apply_report(world, bo, NO)
    apply_report(world, bo, YES_AFTER_ALL)
    apply_report(world, bo, reply(status=DECLINED, dtstamp=LATER + timedelta(minutes=1)))
    assert (world.registration(bo).status, seats(world)) == (RegistrationStatus.DECLINED, (1, 0))
    assert world.reads.registration(EVENT_ID, bo.registration_id) is not None
    assert not [row for row in everything(world.client)["Registrations"] if row["sk"].startswith("WAITING#")]


def test_a_yes_to_what_was_cancelled_is_answered_by_the_cancellation(world: World) -> None:
    bo = world.invite()
    apply_report(world, bo, NO)
    world.cancel_event()
    world.settle()
    apply_report(world, bo, YES_AFTER_ALL)
    assert (world.registration(bo).status, seats(world)) == (RegistrationStatus.CANCELLED, (0, 0))
    world.settle()
    assert world.said() == [(Method.REQUEST, 0), (Method.CANCEL, 1)]


def test_withdrawing_whoever_declined_frees_the_address_and_no_second_seat(world: World) -> None:
    bo = world.invite()
    apply_report(world, bo, NO)
    gone = expect(Registration, withdraw(world.store, EVENT_ID, bo.registration_id, now=world.now))
    assert (gone.status, seats(world)) == (RegistrationStatus.CANCELLED, (0, 0))
    # From now on nobody would receive a late yes, so the entry is taken back.
    world.settle()
    assert world.said() == [(Method.REQUEST, 0), (Method.CANCEL, 1)]
    assert world.register(2, email=bo.email).registration_id != bo.registration_id


# --- registering again --------------------------------------------------------------------------------------------


def test_whoever_declined_and_registers_again_is_asked_again(world: World) -> None:
    bo = world.invite()
    apply_report(world, bo, NO)
    world.pass_time(minutes=1)
    back = again(world, bo)
    assert back == world.registration(bo)
    assert isinstance(back, Registration)
    assert (back.status, seats(world)) == (RegistrationStatus.REGISTERED, (1, 0))
    world.settle()
    assert world.said() == [(Method.REQUEST, 0), (Method.REQUEST, 1)]
    assert [one.channel for one in history(world.store, bo)] == [AnswerChannel.MAIL, AnswerChannel.API]


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(days=365)], ids=["", "by a clock that is ahead"])
def test_a_no_from_before_does_not_undo_that(world: World, ahead: timedelta) -> None:
    bo = world.invite()
    no = reply(status=DECLINED, dtstamp=NOW + ahead)
    apply_report(world, bo, no)
    again(world, bo)
    assert apply_report(world, bo, no).outcome is Outcome.KNOWN
    assert apply_report(world, bo, reply(status=DECLINED, dtstamp=NOW + ahead - timedelta(1))).outcome is Outcome.OLDER
    assert world.registration(bo).status is RegistrationStatus.REGISTERED


def test_whoever_registers_again_where_it_is_full_waits(world: World) -> None:
    bo, cy = world.invite(), world.register(2)
    apply_report(world, bo, NO)
    again(world, bo)
    assert (world.registration(bo).status, seats(world)) == (RegistrationStatus.WAITLISTED, (1, 1))
    assert world.registration(cy).status is RegistrationStatus.REGISTERED


def test_nobody_registers_again_for_what_was_cancelled(world: World) -> None:
    bo = world.invite()
    apply_report(world, bo, NO)
    world.cancel_event()
    with unchanged(world.client):
        assert again(world, bo) is Obstacle.CLOSED


def test_whoever_is_registered_already_stays_as_they_are(world: World) -> None:
    bo = world.invite()
    with unchanged(world.client):
        assert again(world, bo) == world.registration(bo)
    assert again(world, registration(registration_id="0" * 36)) is Obstacle.ABSENT


# --- what webhooks are told ---------------------------------------------------------------------------------------


def listening(world: World) -> None:
    """The account has a webhook for everything."""
    world.store.webhooks.create(webhook(*WebhookEventType))


def webhook_events(world: World) -> list[tuple[str, str, str | None]]:
    """The type of each webhook event that is kept, the status it tells, and the participation."""
    rows = [dynamo.unwire(item) for item in world.client.scan(TableName=SETTINGS.webhooks_table)["Items"]]
    kept = [codec.read(WebhookEvent, row) for row in rows if "data" in row]
    return sorted((one.type.value, one.data["status"], one.data.get("participation")) for one in kept)


def test_webhooks_are_told_of_answers_and_of_what_becomes_of_seats(world: World) -> None:
    bo, _ = world.invite(), world.register(2)
    listening(world)
    apply_report(world, bo, NO)
    expected: list[tuple[str, str, str | None]] = [
        ("participation.changed", "declined", "declined"),
        ("registration.declined", "declined", None),
        ("registration.promoted", "registered", None),
    ]
    assert webhook_events(world) == expected
    apply_report(world, bo, NO)
    assert webhook_events(world) == expected, "the same answer again is nothing new"
    apply_report(world, bo, YES_AFTER_ALL)
    expected += [
        ("participation.changed", "waitlisted", "accepted"),
        ("registration.changed", "waitlisted", None),
        ("registration.waitlisted", "waitlisted", None),
    ]
    assert webhook_events(world) == sorted(expected)


def test_webhooks_are_told_of_whoever_registers_again(world: World) -> None:
    bo = world.invite()
    apply_report(world, bo, NO)
    listening(world)
    world.pass_time(minutes=1)
    again(world, bo)
    expected: list[tuple[str, str, str | None]] = [
        ("participation.changed", "registered", "needs-action"),
        ("registration.changed", "registered", None),
    ]
    assert webhook_events(world) == expected


def test_a_yes_to_what_was_cancelled_is_told_as_a_cancelled_registration(world: World) -> None:
    bo = world.invite()
    apply_report(world, bo, NO)
    world.cancel_event()
    listening(world)
    apply_report(world, bo, YES_AFTER_ALL)
    assert webhook_events(world) == [
        ("participation.changed", "cancelled", "accepted"),
        ("registration.cancelled", "cancelled", None),
    ]


def test_an_answer_to_one_date_is_told_with_the_date(world: World) -> None:
    bo = world.invite()
    listening(world)
    apply_report(world, bo, reply(date=datetime(2027, 3, 12, 9, 0)))
    (row,) = [row for row in everything(world.client)["Webhooks"] if "data" in row]
    assert row["data"]["date"] == "2027-03-12T09:00:00"
