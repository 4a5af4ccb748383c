"""Answers on the page: what a REPLY does, without a mail program."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from convoke.decision.decide import participation
from convoke.effects import Unknown
from convoke.inbound import Judgement, Verdict, judge
from convoke.inbound.reasons import Reason
from convoke.model import AnswerChannel, DateChange, Participation, Registration, RegistrationStatus, Reply
from convoke.registrations import answering, inbound_mail, registry, replies
from convoke.registrations.registry import Obstacle
from convoke.registrations.replies import Outcome
from convoke.schedule import edits
from tests.factories import AFTERNOON, EVENT_ID, MORNING, existing, receipt
from tests.fixtures import fixture_of
from tests.world import World, a_quick_world

YES, MAYBE, NO = answering.ANSWERS


world = fixture_of(a_quick_world, capacity=1, release_on_decline=True)


def say(world: World, person: Registration, what: Participation, date: datetime | None = None) -> replies.Applied:
    found = answering.answer(world.store, EVENT_ID, person.registration_id, what, date=date, now=world.now)
    assert isinstance(found, replies.Applied), found
    return found


def shown(world: World, person: Registration, date: datetime | None = None) -> Participation:
    return participation(world.registration(person), world.invitation(person), date)


def test_an_answer_counts_and_is_in_the_history_with_its_channel(world: World) -> None:
    bo = world.invite()
    assert say(world, bo, MAYBE).outcome is Outcome.STANDS
    assert shown(world, bo) is MAYBE
    (one,) = world.store.answers.list_answers(bo.registration_id, limit=9).items
    assert (one.channel, one.reply.status, one.reply.sequence) == (AnswerChannel.WEB, MAYBE, 0)


def test_the_same_answer_again_writes_nothing(world: World) -> None:
    bo = world.invite()
    say(world, bo, YES)
    before = world.registration(bo)
    world.pass_time(seconds=30)
    assert say(world, bo, YES).outcome is Outcome.KNOWN
    assert world.registration(bo) == before


def test_a_later_answer_counts_even_where_a_calendar_programs_clock_is_ahead(world: World) -> None:
    bo = world.invite()
    ahead = world.now + timedelta(days=3)
    reply = Reply(status=YES, sequence=0, dtstamp=ahead, received_at=world.now)
    replies.apply(world.store, EVENT_ID, bo.registration_id, reply, channel=AnswerChannel.MAIL, now=world.now)
    say(world, bo, MAYBE)
    assert shown(world, bo) is MAYBE


def test_declining_gives_the_seat_to_who_waits_and_accepting_again_waits(world: World) -> None:
    bo, li = world.register(1), world.register(2)
    world.look(bo)
    say(world, bo, NO)
    assert world.registration(bo).status is RegistrationStatus.DECLINED
    assert world.registration(li).status is RegistrationStatus.REGISTERED
    say(world, bo, YES)
    assert world.registration(bo).status is RegistrationStatus.WAITLISTED


def test_an_answer_before_the_first_mail_counts_for_it(world: World) -> None:
    bo = world.register()
    say(world, bo, YES)
    world.look(bo)
    assert shown(world, bo) is YES


def test_a_move_asks_again(world: World) -> None:
    bo = world.invite()
    say(world, bo, YES)
    event = world.event()
    hour = timedelta(hours=1)
    assert isinstance(event.when.start, datetime)
    assert isinstance(event.when.end, datetime)
    world.change(when=type(event.when)(start=event.when.start + hour, end=event.when.end + hour, time_zone="UTC"))
    world.look(bo)
    assert shown(world, bo) is Participation.NEEDS_ACTION
    say(world, bo, NO)
    assert shown(world, bo) is NO


def test_who_waits_or_withdrew_cannot_answer(world: World) -> None:
    bo, li = world.register(1), world.register(2)
    ids = EVENT_ID, li.registration_id
    assert answering.answer(world.store, *ids, YES, now=world.now) is Obstacle.INACTIVE
    world.withdraw(bo)
    ids = EVENT_ID, bo.registration_id
    assert answering.answer(world.store, *ids, YES, now=world.now) is Obstacle.INACTIVE
    assert answering.answer(world.store, EVENT_ID, "0" * 36, YES, now=world.now) is Obstacle.ABSENT


def test_nobody_answers_about_what_is_cancelled_or_over(world: World) -> None:
    bo = world.register()
    ids = EVENT_ID, bo.registration_id
    over = world.now + timedelta(days=4000)
    assert answering.answer(world.store, *ids, YES, now=over) is Obstacle.CLOSED
    world.cancel_event()
    assert answering.answer(world.store, *ids, YES, now=world.now) is Obstacle.CLOSED


def test_one_date_of_a_series_is_answered_by_itself() -> None:
    with a_quick_world(rule="FREQ=WEEKLY;COUNT=3") as world:
        bo = world.invite()
        first, second, _ = answering.dates(world.event(), bo)
        assert isinstance(first, datetime)
        assert isinstance(second, datetime)
        say(world, bo, YES)
        say(world, bo, NO, second)
        assert (shown(world, bo), shown(world, bo, first), shown(world, bo, second)) == (YES, YES, NO)
        # A later answer to the whole replaces those to single dates, as one of a calendar program does.
        world.pass_time(minutes=1)
        say(world, bo, MAYBE)
        assert shown(world, bo, second) is MAYBE


def test_a_date_that_is_not_theirs_is_not_answered() -> None:
    with a_quick_world(rule="FREQ=WEEKLY;COUNT=3") as world:
        first, second, third = (one for one in answering.dates(world.event(), world.register(9)))
        bo = world.register(occurrences=(first, second))
        assert list(answering.dates(world.event(), bo)) == [first, second]
        found = answering.answer(world.store, EVENT_ID, bo.registration_id, YES, date=third, now=world.now)
        assert found is Obstacle.INACTIVE


# --- and in the calendar as well -------------------------------------------------------------------------------------


def write(world: World, person: Registration, partstat: str, *more: str, sequence: int, **changes: str) -> Judgement:
    """A REPLY of their calendar program comes in."""
    told = existing(world.invitation(person).acknowledged)
    stamp = changes.get("stamp", f"{world.now:%Y%m%dT%H%M%SZ}")
    lines = (
        *(
            f"From: <{person.email}>",
            "Content-Type: text/calendar; method=REPLY",
            *changes.get("head", "").splitlines(),
        ),
        *("", "BEGIN:VCALENDAR", "METHOD:REPLY", "BEGIN:VEVENT", f"UID:{told.calendar_state.uid}", f"DTSTAMP:{stamp}"),
        *(f"SEQUENCE:{sequence}", f"ATTENDEE;PARTSTAT={partstat}:mailto:{person.email}", *more),
        *("END:VEVENT", "END:VCALENDAR", ""),
    )
    came = receipt(received_at=world.now, ses_id=f"mail-{world.now:%H%M%S}", envelope_sender=person.email)
    seen = registry.read_snapshot(world.store, EVENT_ID, person.registration_id)
    return inbound_mail.process(
        world.store, judge(came, "\r\n".join(lines).encode(), lambda _: seen), came, now=world.now
    )


def a_moved_series(world: World) -> Registration:
    """Bo is told of a series (SEQUENCE 0), and then that its second and third date have another time (1 and 2)."""
    world.change(rule="FREQ=WEEKLY;COUNT=4", capacity=None)
    bo = world.invite()
    for week in (1, 2):
        start = MORNING.start + timedelta(weeks=week)
        when = replace(MORNING, start=start + timedelta(hours=1), end=MORNING.end + timedelta(weeks=week, hours=1))
        world.become(edits.change_date(world.event(), DateChange(date=start, when=when)))
        world.settle()
        world.pass_time(minutes=5)
    assert [one.sequence for one in world.told] == [0, 1, 2]
    return bo


def test_who_said_yes_on_the_page_can_decline_the_series_in_the_calendar_under_its_own_number(world: World) -> None:
    bo = a_moved_series(world)
    say(world, bo, YES)
    world.pass_time(minutes=5)
    assert write(world, bo, "DECLINED", sequence=0).verdict is Verdict.APPLY
    assert shown(world, bo) is NO
    assert world.registration(bo).status is RegistrationStatus.DECLINED


@pytest.mark.parametrize(("week", "sequence"), [(1, 1), (3, 0)])
@pytest.mark.parametrize("of_it_alone", [True, False])
def test_who_said_yes_on_the_page_can_decline_one_date_in_the_calendar_under_its_own_number(
    world: World, week: int, sequence: int, of_it_alone: bool
) -> None:
    bo, date = a_moved_series(world), datetime(2027, 3, 12, 9) + timedelta(weeks=week)
    say(world, bo, YES, date if of_it_alone else None)
    world.pass_time(minutes=5)
    named = f"RECURRENCE-ID;TZID=Europe/Berlin:{date:%Y%m%dT%H%M%S}"
    assert write(world, bo, "DECLINED", named, sequence=sequence).verdict is Verdict.APPLY
    assert shown(world, bo, date) is NO
    assert shown(world, bo) is (Participation.NEEDS_ACTION if of_it_alone else YES)
    assert world.registration(bo).status is RegistrationStatus.REGISTERED


def test_who_said_yes_on_the_page_can_decline_by_a_program_that_copies_the_stamp_of_the_invitation(
    world: World,
) -> None:
    bo = world.invite()
    (told,) = world.sent
    world.pass_time(minutes=5)
    say(world, bo, YES)
    world.pass_time(minutes=5)
    stamp = f"{told.intent.calendar_state.dtstamp:%Y%m%dT%H%M%SZ}"
    assert write(world, bo, "DECLINED", sequence=0, stamp=stamp).reason is Reason.OLD, "of no time that is known"
    head = f"Date: {world.now:%a, %d %b %Y %H:%M:%S} +0000"
    assert write(world, bo, "DECLINED", sequence=0, stamp=stamp, head=head).verdict is Verdict.APPLY
    assert shown(world, bo) is NO
    world.pass_time(minutes=5)
    say(world, bo, YES)
    world.pass_time(minutes=5)
    assert write(world, bo, "DECLINED", sequence=0, stamp=stamp, head=head).reason is Reason.OLD, "sent once more"


def test_what_was_said_of_the_new_time_stands_while_nobody_knows_whether_its_mail_left(world: World) -> None:
    bo = world.invite()
    world.change(when=AFTERNOON)
    world.answers = [Unknown(why="timeout")]
    world.look(bo)
    assert world.invitation(bo).doubt
    say(world, bo, YES)
    world.pass_time(minutes=5)
    assert write(world, bo, "DECLINED", sequence=0).verdict is Verdict.LATE, "of the former time"
    world.settle()
    assert not world.invitation(bo).doubt
    assert shown(world, bo) is YES
