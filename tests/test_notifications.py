"""Notifications: what they say and to whom, due once, sent once, and never answered by each other."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convoke.decision.attention import Attention, AttentionKind, AttentionReason
from convoke.decision.invitation import Stopped
from convoke.decision.limits import Limit
from convoke.delivery.notify import dispatch
from convoke.delivery.reconcile import Outcome
from convoke.effects import (
    ClaimNotification,
    ReadNotification,
    RecordNotification,
    Refusal,
    Refused,
    ReserveQuota,
    SendNotification,
    StopSending,
    StoreReport,
    Unknown,
)
from convoke.mail import new_notifications, notification_mail, notifications
from convoke.mail.notifications import Counter, Notification, NotificationKind, NotificationState
from convoke.model import DateChange, DeliveryState, Participation, Person, RegistrationStatus, RenderError, When
from convoke.registrations.erasure import erase
from convoke.registrations.registry import register
from convoke.store import keys, writes
from tests.factories import AFTERNOON, EVENT_ID, MORNING, NOW, REGISTRATION_ID, SENDER, event, expect, registration
from tests.fixtures import fixture_of
from tests.mailbox import plain_text_of, read_mail
from tests.tables import SETTINGS, everything, readable
from tests.test_itip import ANYTHING
from tests.world import World, a_world

BO = Person(name="Bo Ek", email="bo@example.net")
MISSED = Attention(
    registration_id=REGISTRATION_ID, kind=AttentionKind.CANCELLATION, state=AttentionReason.BOUNCED, since=NOW
)
COUNTER = Counter(uid=f"{EVENT_ID}.{REGISTRATION_ID}.1@convoke.example.com", sequence=3, proposed=AFTERNOON)

FORWARD = new_notifications.forward(
    event(), author=BO, subject="Re: When?", text="Where is it?\n\nBo", source="m1", now=NOW
)
NO_SEAT = new_notifications.no_seat(event(), registration(), sequence=2, now=NOW)
DECLINED = new_notifications.decline_counter(event(), registration(), counter=COUNTER, proposal_id="p1", now=NOW)
SUMMARY = new_notifications.summary(event(), (MISSED,), now=NOW)
REMARK = new_notifications.remark(
    event(), registration(), answered=Participation.TENTATIVE, text="Only until ten", source="m2", now=NOW
)
EVERY = {note.kind: note for note in (FORWARD, REMARK, NO_SEAT, DECLINED, SUMMARY)}
PEOPLE = {REGISTRATION_ID: BO}


world = fixture_of(a_world)


def read(note: Notification, people: dict[str, Person] = PEOPLE) -> EmailMessage:
    return read_mail(notification_mail.rendered(note, SENDER, people).mail)


def text(note: Notification) -> str:
    return plain_text_of(notification_mail.rendered(note, SENDER, PEOPLE).mail)


# --- what they say ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", EVERY)
def test_a_note_says_that_a_machine_wrote_it_and_comes_from_our_address(kind: NotificationKind) -> None:
    said = read(EVERY[kind])
    assert said["Auto-Submitted"] == "auto-generated"
    assert said["From"].addresses[0].addr_spec == SENDER.address
    assert [one.addr_spec for one in said["To"].addresses] == [EVERY[kind].recipient.email]
    assert said["Message-ID"] == f"<{EVERY[kind].notification_id}.note@convoke.example.com>"


@pytest.mark.parametrize(
    ("kind", "to", "answers_go_to"),
    [
        (NotificationKind.FORWARD, "ada@example.org", "bo@example.net"),
        (NotificationKind.REMARK, "ada@example.org", "bo@example.net"),
        (NotificationKind.SUMMARY, "ada@example.org", "ada@example.org"),
        (NotificationKind.DECLINE_COUNTER, "bo@example.net", "ada@example.org"),
        (NotificationKind.NO_SEAT, "bo@example.net", "ada@example.org"),
    ],
)
def test_a_note_goes_to_the_human_concerned_and_its_answers_to_another(
    kind: NotificationKind, to: str, answers_go_to: str
) -> None:
    said = read(EVERY[kind])
    assert said["To"].addresses[0].addr_spec == to
    assert said["Reply-To"].addresses[0].addr_spec == answers_go_to


def test_a_mail_that_is_passed_on_is_quoted_and_plainly_attributed() -> None:
    said = text(FORWARD)
    assert "It says that it is from Bo Ek <bo@example.net>." in said
    assert "Subject: Re: When?\n\n> Where is it?\n>\n> Bo\n" in said
    assert read(FORWARD)["Subject"] == "A mail about: Kölner Treffen"


def test_what_somebody_wrote_with_their_answer_is_passed_on() -> None:
    said = text(REMARK)
    assert "Bo Ek <bo@example.net> has answered the invitation to “Kölner Treffen”: tentative." in said
    assert "\n> Only until ten\n" in said


def test_that_an_invitation_was_handed_on_is_told_without_saying_to_whom() -> None:
    said = text(replace(REMARK, answered=Participation.DELEGATED, quoted=""))
    assert "Bo Ek <bo@example.net> says that they have handed the invitation to “Kölner Treffen” on" in said
    assert ">\n" not in said


def test_what_is_quoted_is_cut() -> None:
    said = notifications.quote("line\n" * 5000)
    assert said.endswith("line\n[…]")
    assert len(said) < notifications.MAX_QUOTED_CHARACTERS
    assert len(notifications.quote("x" * 100_000)) == notifications.MAX_QUOTED_CHARACTERS + len("\n[…]")
    assert notifications.quote("short") == "short"


def test_a_proposal_is_declined_in_words_and_in_itip() -> None:
    said = read(DECLINED)
    plain, calendar = list(said.iter_parts())
    assert "Friday 12 March 2027, 15:00 to 16:30" in plain.get_content()
    assert "It stays as it is, Friday 12 March 2027, 09:00" in plain.get_content()
    assert dict(calendar["Content-Type"].params) == {"charset": "UTF-8", "method": "DECLINECOUNTER"}
    found = icalendar.Calendar.from_ical(expect(bytes, calendar.get_payload(decode=True)))
    assert found["METHOD"] == "DECLINECOUNTER"
    [declined] = found.walk("VEVENT")
    assert (declined["UID"], declined["SEQUENCE"]) == (COUNTER.uid, 3)
    assert declined["ORGANIZER"] == f"mailto:{SENDER.address}"
    # RFC 5546, section 3.2.8: a decline tells no time and names nobody else.
    assert set(declined) == {"UID", "SEQUENCE", "DTSTAMP", "ORGANIZER", "COMMENT"}


@pytest.mark.parametrize(
    ("when", "named", "written"),
    [
        (AFTERNOON, datetime(2027, 3, 12, 15, 0), b"RECURRENCE-ID:20270312T140000Z"),
        (When(start=date(2027, 3, 12), end=date(2027, 3, 12)), date(2027, 3, 19), b"RECURRENCE-ID;VALUE=DATE:20270319"),
    ],
)
def test_the_date_of_a_series_whose_proposal_is_declined_is_named(when: When, named: Any, written: bytes) -> None:
    note = replace(DECLINED, when=when, counter=replace(COUNTER, date=named))
    assert written in expect(bytes, list(read(note).iter_parts())[1].get_payload(decode=True)).split(b"\r\n")
    assert "The date stays as it is." in text(note)


def test_a_summary_names_who_was_missed_with_what_and_why() -> None:
    assert read(SUMMARY)["Subject"] == "1 person was not reached: Kölner Treffen"
    assert "- Bo Ek <bo@example.net> may not know of the cancellation: the mail came back" in text(SUMMARY)


def test_a_summary_says_which_date_somebody_does_not_know_of_by_when_it_takes_place() -> None:
    second = MORNING.start + timedelta(days=7)
    elsewhen = When(start=datetime(2027, 3, 20, 11), end=datetime(2027, 3, 20, 12), time_zone="Europe/Berlin")
    weekly = event(rule="FREQ=WEEKLY;COUNT=3", changes=(DateChange(date=second, when=elsewhen),))
    summed_up = new_notifications.summary(weekly, (replace(MISSED, kind=AttentionKind.MOVE, date=second),), now=NOW)
    assert (
        "- Bo Ek <bo@example.net> (Sat 20 Mar 2027, 11:00) may not know of the new time or place: the mail came back"
    ) in text(summed_up)


def test_a_summary_is_bounded_and_counts_the_rest() -> None:
    many = tuple(replace(MISSED, registration_id=f"{number:036d}") for number in range(130))
    note = new_notifications.summary(event(), many, now=NOW)
    assert (len(note.missed), note.more) == (100, 30)
    assert read(note)["Subject"] == "130 people were not reached: Kölner Treffen"
    assert "- and 30 more" in text(note)


def test_whoever_was_forgotten_is_not_named() -> None:
    said = read(SUMMARY, {}).get_content()
    assert "may not know" not in said


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        *((kind, "you organize “Kölner Treffen”.") for kind in ("forward", "remark", "summary")),
        (
            "decline-counter",
            "you are registered for “Kölner Treffen”, organized by Ada <ada@example.org>.",
        ),
    ],
)
def test_a_note_ends_with_why_one_gets_it(kind: str, why: str) -> None:
    assert text(EVERY[NotificationKind(kind)]).endswith(f"\nYou get this mail because {why}\n")


def test_who_has_no_seat_is_not_said_to_be_registered() -> None:
    assert "You get this mail because" not in text(NO_SEAT)
    assert "you are not registered" in text(NO_SEAT)


def test_a_note_about_a_series_names_no_date_that_is_over() -> None:
    weekly = event(rule="FREQ=WEEKLY;COUNT=4", changes=(DateChange(date=datetime(2027, 3, 26, 9, 0), cancelled=True),))
    later = datetime(2027, 3, 20, 12, tzinfo=UTC)
    whole = replace(COUNTER, date=None)
    for note in (
        new_notifications.no_seat(weekly, registration(), sequence=2, now=later),
        new_notifications.decline_counter(weekly, registration(), counter=whole, proposal_id="p1", now=later),
        new_notifications.summary(weekly, (MISSED,), now=later),
    ):
        assert "Friday 2 April 2027, 09:00 to 10:30" in text(note)
        assert "12 March 2027, 09:00" not in text(note)


def test_a_sender_whose_address_mail_cannot_carry_gets_no_answers() -> None:
    odd = replace(FORWARD, author=Person(name="", email="bo..ek@example.net"))
    assert read(odd)["Reply-To"].addresses[0].addr_spec == "ada@example.org"
    assert "from bo..ek@example.net" in text(odd)


def test_a_recipient_whom_mail_cannot_reach_is_refused() -> None:
    with pytest.raises(RenderError):
        notification_mail.rendered(replace(NO_SEAT, recipient=Person(name="", email="bo..ek@example.net")), SENDER, {})


@given(ANYTHING, ANYTHING, ANYTHING, st.sampled_from(list(EVERY)))
@settings(max_examples=150, deadline=None)
def test_no_text_whatever_changes_the_headers_or_the_parts(
    one: str, other: str, third: str, kind: NotificationKind
) -> None:
    plain = EVERY[kind]
    hostile = replace(
        plain,
        title=one,
        recipient=replace(plain.recipient, name=other),
        organizer=replace(plain.organizer, name=third),
        author=plain.author and replace(plain.author, name=one),
        subject=other,
        quoted=notifications.quote(third),
    )
    made = notification_mail.rendered(hostile, SENDER, {REGISTRATION_ID: Person(name=one, email="bo@example.net")}).mail
    assert (
        made
        == notification_mail.rendered(hostile, SENDER, {REGISTRATION_ID: Person(name=one, email="bo@example.net")}).mail
    )
    assert made.isascii()
    head = made.partition(b"\r\n\r\n")[0]
    names = re.findall(rb"^([A-Za-z-]+):", head, re.MULTILINE)
    assert len(names) == len(set(names)) == (9 if kind is NotificationKind.DECLINE_COUNTER else 10)


def test_what_is_about_the_same_is_the_same_note() -> None:
    again = new_notifications.summary(event(), (MISSED,), now=NOW + timedelta(hours=1))
    assert again.notification_id == SUMMARY.notification_id
    others = (
        new_notifications.summary(event(), (replace(MISSED, state=AttentionReason.COMPLAINED),), now=NOW),
        new_notifications.no_seat(event(), registration(), sequence=3, now=NOW),
        new_notifications.forward(event(), author=BO, subject="", text="", source="m2", now=NOW),
        new_notifications.decline_counter(event(), registration(), counter=COUNTER, proposal_id="p2", now=NOW),
    )
    ids = {note.notification_id for note in (*EVERY.values(), *others)}
    assert len(ids) == 9


# --- due and sent ------------------------------------------------------------------------------------------------


def owe(world: World, note: Notification) -> bool:
    return world.store.notifications.schedule(note, now=world.now)


def send(world: World, note: Notification) -> Outcome:
    outcome = world.run(dispatch(note.event_id, note.registration_id, note.notification_id, world.worker()))
    assert isinstance(outcome, Outcome)
    return outcome


def notification_state(world: World, note: Notification) -> NotificationState:
    kept = world.perform(
        ReadNotification(
            event_id=note.event_id, registration_id=note.registration_id, notification_id=note.notification_id
        )
    )
    assert isinstance(kept, NotificationState)
    return kept


@pytest.mark.parametrize("kind", EVERY)
def test_what_is_due_comes_back_as_it_was_written(world: World, kind: NotificationKind) -> None:
    note = EVERY[kind]
    if note.counter is not None:
        note = replace(note, counter=replace(note.counter, date=datetime(2027, 3, 12, 9, 0)))
    assert owe(world, note)
    assert notification_state(world, note).notification == note


def waits(world: World) -> None:
    """The person of the notifications is on the waitlist, behind another one."""
    world.change(capacity=1)
    world.register(9)
    register(world.store, registration(), now=world.now)
    assert world.registration(registration()).status is RegistrationStatus.WAITLISTED


@pytest.mark.parametrize("kind", EVERY)
def test_a_notification_is_sent_once_however_often_it_is_due(world: World, kind: NotificationKind) -> None:
    note = EVERY[kind]
    waits(world)
    assert owe(world, note)
    assert not owe(world, note)
    world.settle()
    assert not owe(world, note)
    writes.attempt(world.client, {"note": world.store.notifications.schedule_action(note, world.now)})
    world.settle()

    assert [sent.notification_state.notification_id for sent in world.notifications] == [note.notification_id]


def test_what_was_sent_keeps_no_words(world: World) -> None:
    owe(world, FORWARD)
    world.settle()
    kept = str(world.client.scan(TableName=SETTINGS.invitations_table)["Items"])
    assert "Where is it?" not in kept
    assert "bo@example.net" not in kept
    assert notification_state(world, FORWARD).state is DeliveryState.ACCEPTED


def test_a_notification_may_be_due_by_a_transaction_of_others(world: World) -> None:
    waits(world)
    assert not writes.attempt(world.client, {"note": world.store.notifications.schedule_action(NO_SEAT, NOW)})
    assert not writes.attempt(world.client, {"note": world.store.notifications.schedule_action(NO_SEAT, NOW)})
    assert notification_state(world, NO_SEAT).notification == NO_SEAT
    world.settle()
    assert len(world.notifications) == 1


def test_nothing_is_ever_sent_to_our_own_address(world: World) -> None:
    ours = replace(FORWARD, recipient=Person(name="", email="Events@Convoke.example.com"))
    assert not owe(world, ours)
    writes.attempt(world.client, {"note": world.store.notifications.schedule_action(ours, NOW)})
    world.settle()
    assert world.notifications == []
    assert notification_state(world, ours).state is DeliveryState.FAILED


def test_a_note_that_nobody_answered_for_is_sent_again_to_the_byte_and_not_for_ever(world: World) -> None:
    owe(world, FORWARD)
    world.answers = [Unknown(why="ReadTimeoutError")] * 50
    for _ in range(60):
        world.pass_time(minutes=1)
        world.sweep()

    assert len(world.notifications) == 6
    assert len({sent.mail for sent in world.notifications}) == 1
    assert notification_state(world, FORWARD).state is DeliveryState.FAILED
    assert world.all_due() == []


def test_a_refusal_is_no_sending_and_backs_off(world: World) -> None:
    owe(world, FORWARD)
    world.answers = [Refused(refusal=Refusal.BUSY, why="TooManyRequestsException")]
    assert send(world, FORWARD) is Outcome.REFUSED
    assert (notification_state(world, FORWARD).attempts, notification_state(world, FORWARD).unknowns) == (1, 0)
    assert notification_state(world, FORWARD).lease_until is None
    assert send(world, FORWARD) is Outcome.ACKNOWLEDGED
    assert len(world.notifications) == 1


def test_a_note_that_ses_will_never_take_is_given_up(world: World) -> None:
    owe(world, FORWARD)
    world.answers = [Refused(refusal=Refusal.POISON, why="MessageRejected")]
    assert send(world, FORWARD) is Outcome.FAILED
    assert world.calendar_state == ["mail refused", "notification given up"]
    assert notification_state(world, FORWARD).notification is None
    assert world.all_due() == []


def test_two_at_once_send_one(world: World) -> None:
    owe(world, FORWARD)
    others: list[Outcome] = []
    world.just_before(SendNotification, lambda: others.append(send(world, FORWARD)))
    assert send(world, FORWARD) is Outcome.ACKNOWLEDGED
    assert others == [Outcome.BUSY]
    assert len(world.notifications) == 1


def test_who_read_before_another_claimed_does_not_send(world: World) -> None:
    owe(world, FORWARD)
    seen = notification_state(world, FORWARD)
    assert send(world, FORWARD) is Outcome.ACKNOWLEDGED
    assert not world.perform(RecordNotification(notification_state=seen))


def test_the_switch_a_pause_and_the_reserve_hold_for_notes(world: World) -> None:
    owe(world, FORWARD)
    owe(world, SUMMARY)
    world.perform(StopSending(until=world.now + timedelta(minutes=1), why="stopped"))
    assert send(world, FORWARD) is Outcome.STOPPED
    world.pass_time(minutes=2)
    records = world.store.records
    records.reserve(ReserveQuota(until=world.now + timedelta(minutes=1)))
    assert send(world, FORWARD) is Outcome.QUOTA_RESERVED
    # That people were not reached is worth what is left of the day.
    assert send(world, SUMMARY) is Outcome.ACKNOWLEDGED


def test_an_account_that_ses_paused_stops_all_mail(world: World) -> None:
    owe(world, FORWARD)
    world.answers = [Refused(refusal=Refusal.PAUSED, why="SendingPausedException")]
    assert send(world, FORWARD) is Outcome.REFUSED
    assert world.reads.sending().stopped(world.now)


def test_a_function_that_is_about_to_be_stopped_does_not_begin(world: World) -> None:
    owe(world, FORWARD)
    late = replace(world.worker(), deadline=world.now + timedelta(seconds=5))
    outcome = world.run(dispatch(EVENT_ID, "", FORWARD.notification_id, late))
    assert outcome is Outcome.OUT_OF_TIME
    assert world.notifications == []


def test_a_day_has_so_many_notes_and_the_rest_wait_for_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(notifications.DAILY_LIMITS, NotificationKind.FORWARD, 2)
    mails = [
        new_notifications.forward(event(), author=BO, subject="", text="again", source=f"m{number}", now=NOW)
        for number in range(5)
    ]
    for mail in mails:
        owe(world, mail)
    for _ in range(4):
        world.pass_time(minutes=1)
        world.sweep()
    assert len(world.notifications) == 2
    world.now = datetime(2027, 1, 16, 0, 1, tzinfo=UTC)
    world.sweep()
    assert len(world.notifications) == 4


def counted(world: World) -> list[int]:
    """What is counted of this day's notes: for their kind, and for the address that they go to."""
    return [int(row["total"]) for row in everything(world.client)[SETTINGS.invitations_table] if "total" in row]


def test_of_two_workers_at_one_notification_the_one_that_sends_it_counts_it(world: World) -> None:
    owe(world, FORWARD)
    others: list[Outcome] = []
    world.just_before(ClaimNotification, lambda: others.append(send(world, FORWARD)))
    assert (send(world, FORWARD), others) == (Outcome.BUSY, [Outcome.ACKNOWLEDGED])
    assert counted(world) == [1, 1]


def test_a_notification_that_is_claimed_too_late_to_be_sent_is_counted_when_it_is_sent(world: World) -> None:
    owe(world, FORWARD)
    late = replace(world.worker(), deadline=world.now + timedelta(seconds=25))
    world.just_before(ClaimNotification, lambda: world.pass_time(seconds=20))
    assert world.run(dispatch(EVENT_ID, "", FORWARD.notification_id, late)) is Outcome.OUT_OF_TIME
    assert counted(world) == [0, 0]
    assert send(world, FORWARD) is Outcome.ACKNOWLEDGED
    assert counted(world) == [1, 1]


@pytest.mark.parametrize("whose", ["event", "recipient"])
def test_what_waits_for_one_limit_is_not_counted_for_the_other(
    world: World, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    if whose == "event":
        monkeypatch.setitem(notifications.DAILY_LIMITS, NotificationKind.FORWARD, 2)
    else:
        world.store.limits.change("acme", "recipient", Limit(hour=2, day=2))
    outcomes = []
    for number in range(3):
        mail = new_notifications.forward(event(), author=BO, subject="", text="", source=f"m{number}", now=NOW)
        owe(world, mail)
        outcomes.append(send(world, mail))
    assert outcomes == [Outcome.ACKNOWLEDGED, Outcome.ACKNOWLEDGED, Outcome.DEFERRED]
    assert counted(world) == [2, 2]


def test_an_address_that_bounced_for_the_event_gets_no_notes(world: World) -> None:
    person = world.invite()
    invitation = world.invitation(person)
    stopped = (Stopped(address=person.email, state=DeliveryState.BOUNCED),)
    assert world.perform(StoreReport(seen=invitation, changed=replace(invitation, stopped=stopped)))
    note = new_notifications.decline_counter(event(), person, counter=COUNTER, proposal_id="p1", now=world.now)
    owe(world, note)
    assert send(world, note) is Outcome.FAILED
    assert notification_state(world, note).state is DeliveryState.BOUNCED
    assert world.notifications == []


def test_a_summary_names_people_as_they_are_called_when_it_leaves(world: World) -> None:
    person = world.register(name="Zoë")
    note = new_notifications.summary(event(), (replace(MISSED, registration_id=person.registration_id),), now=NOW)
    owe(world, note)
    assert "Zoë" not in str(notification_state(world, note))
    assert send(world, note) is Outcome.ACKNOWLEDGED
    assert "Zoë" in plain_text_of(world.notifications[0].mail)


def test_who_is_forgotten_is_forgotten_in_notes_too(world: World) -> None:
    person = world.register(name="Canary Bird", email="canary@example.net")
    about = new_notifications.forward(
        event(),
        author=Person(name="Canary Bird", email="canary@example.net"),
        subject="Canary",
        text="Canary sings",
        source="m1",
        registration_id=person.registration_id,
        now=world.now,
    )
    owe(world, about)
    owe(world, new_notifications.no_seat(event(), person, sequence=0, now=world.now))
    erase(world.store, EVENT_ID, person.registration_id, now=world.now)
    world.settle()
    assert "anary" not in readable(everything(world.client))
    assert world.notifications == []


def test_a_note_is_remembered_for_a_month(world: World) -> None:
    owe(world, FORWARD)
    [item] = [
        item
        for item in world.client.scan(TableName=SETTINGS.invitations_table)["Items"]
        if "NOTIFICATION#" in item["sk"]["S"]
    ]
    assert int(item["expires_at"]["N"]) == int((NOW + timedelta(days=30)).timestamp())
    assert item["sk"]["S"] == keys.notification(EVENT_ID, "", FORWARD.notification_id)["sk"]


def test_a_hint_at_a_note_that_is_not_there_does_nothing(world: World) -> None:
    assert world.run(dispatch(EVENT_ID, "", "nothing", world.worker())) is Outcome.MISSING
