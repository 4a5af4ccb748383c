"""Dates that no calendar can be told of as dates of their series, and are entries of their own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from convoke.calendar import itip
from convoke.decision.attendance import Consequence, consequence
from convoke.decision.calendar_state import CalendarState, entry_uid, is_separate
from convoke.decision.decide import (
    Snapshot,
    calendar_state_of,
    decide,
    is_same_message,
    next_message,
    occurrence_may_follow,
    participation,
)
from convoke.decision.fingerprints import fingerprint
from convoke.decision.invitation import Acknowledged, Delivered, Intent, Invitation, Stopped
from convoke.delivery.preview import preview
from convoke.delivery.reports import out_of_order
from convoke.inbound import authenticity
from convoke.inbound.reasons import Quarantined, Reason
from convoke.inbound.uids import ids_of
from convoke.mail import wording
from convoke.model import (
    DateChange,
    DeliveryState,
    Event,
    EventStatus,
    Method,
    Participation,
    RegistrationStatus,
    Reply,
    When,
)
from convoke.schedule import calendar_entries, edits, series, series_changes
from convoke.settings import Times
from convoke.store import codec
from tests.factories import NEW_ID, NOW, SENDER, answer, event, existing, invitation, registration
from tests.schedules import schedule, timed, whole
from tests.test_series_messages import Attendee, shown, truth

BERLIN = "Europe/Berlin"
FIRST = When(start=datetime(2027, 3, 12, 9), end=datetime(2027, 3, 12, 10, 30), time_zone=BERLIN)
WEEKLY = event(when=FIRST, rule=series.rule("FREQ=WEEKLY;COUNT=4", FIRST), title="Choir")
BESIDE = datetime(2027, 3, 23, 18)


def moved(to: str, *, of: str = "2027-03-19T09:00", minutes: int = 90, zone: str = BERLIN) -> DateChange:
    start = datetime.fromisoformat(to)
    when = When(start=start, end=start + timedelta(minutes=minutes), time_zone=zone)
    return DateChange(date=datetime.fromisoformat(of), when=when)


def told(bo: Attendee) -> CalendarState:
    assert bo.calendar_state is not None
    return bo.calendar_state


def informed(what: Event) -> Attendee:
    """Somebody who was told all of ``what``."""
    bo = Attendee(registration())
    bo.apply_report(what, 100)
    return bo


def state(bo: Attendee, **changes: Any) -> Invitation:
    last = told(bo)
    known = invitation(
        allocated=bo.sequence,
        highest_possibly_sent=bo.sequence,
        possibly_sent=last,
        intent=Intent(calendar_state=last, attempt="a"),
        acknowledged=Acknowledged(calendar_state=last, ses_id="ses", at=NOW),
    )
    return replace(known, **changes)


# --- which dates they are -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "apart"),
    [
        ("2027-03-25T09:00", False),
        ("2027-03-13T09:00", False),
        ("2027-03-19T20:00", False),
        ("2027-03-26T06:00", True),
        ("2027-03-26T20:00", True),
        ("2027-03-29T09:00", True),
        ("2027-03-12T20:00", True),
        ("2027-03-10T09:00", True),
        ("2027-03-25T23:30", False),
    ],
)
def test_a_date_stays_in_its_series_only_between_its_neighbours(to: str, apart: bool) -> None:
    what = replace(WEEKLY, changes=(moved(to),))
    assert calendar_entries.separate(what) == ({datetime(2027, 3, 19, 9)} if apart else set())


@pytest.mark.parametrize(
    ("change", "apart"),
    [
        (moved("2027-03-01T09:00", of="2027-03-12T09:00"), False),
        (moved("2027-05-01T09:00", of="2027-04-02T09:00"), False),
        (moved("2027-03-25T09:00", minutes=25 * 60), True),
        (moved("2027-03-18T20:00", zone="America/New_York"), False),
        (moved("2027-03-25T20:00", zone="America/New_York"), True),
        (DateChange(date=datetime(2027, 3, 19, 9), title="Concert"), False),
        (replace(moved("2027-03-29T09:00"), cancelled=True), False),
    ],
    ids=["before all", "after all", "into the next", "abroad", "the next day here", "a name", "cancelled"],
)
def test_the_days_are_those_of_the_series_and_no_date_runs_into_another(change: DateChange, apart: bool) -> None:
    assert bool(calendar_entries.separate(replace(WEEKLY, changes=(change,)))) is apart


def test_a_neighbour_counts_where_the_rule_has_it_and_where_it_went() -> None:
    gone = DateChange(date=datetime(2027, 3, 26, 9), cancelled=True)
    assert calendar_entries.separate(replace(WEEKLY, changes=(moved("2027-03-29T09:00"), gone)))
    next_one = moved("2027-03-23T09:00", of="2027-03-26T09:00")
    both = replace(WEEKLY, changes=(moved("2027-03-24T09:00"), next_one))
    assert calendar_entries.separate(both) == {datetime(2027, 3, 26, 9)}, "of two the earlier stays"


def test_whole_days_are_compared_as_days() -> None:
    days = whole("2027-03-12")
    daily = event(when=days, rule="FREQ=DAILY;INTERVAL=2;COUNT=4")
    to = [date(2027, 3, 15), date(2027, 3, 16)]
    changes = [DateChange(date=date(2027, 3, 14), when=When(start=day, end=day)) for day in to]
    assert [bool(calendar_entries.separate(replace(daily, changes=(change,)))) for change in changes] == [False, True]


def test_the_dates_beside_the_rule_are_separate_until_it_yields_them() -> None:
    what = replace(WEEKLY, added=(BESIDE, datetime(2027, 3, 26, 9)))
    assert calendar_entries.separate(what) == {BESIDE}
    assert calendar_entries.separate(event(when=FIRST, added=(BESIDE,))) == {BESIDE}


# --- a rule for all of them ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "rule", "added", "all_by"),
    [
        ("2027-03-12T09:00", None, ["2027-03-26T09:00"], "FREQ=WEEKLY;COUNT=2;INTERVAL=2"),
        ("2027-03-12T09:00", None, ["2027-03-15T09:00"], "FREQ=DAILY;COUNT=2;INTERVAL=3"),
        ("2027-03-12T09:00", None, ["2027-03-13T09:00", "2027-03-14T09:00"], "FREQ=DAILY;COUNT=3"),
        ("2027-03-12T09:00", None, ["2027-03-26T10:00"], None),
        ("2027-03-12T09:00", None, ["2027-03-12T18:00"], None),
        ("2027-03-12T09:00", None, ["2027-03-19T09:00", "2027-04-02T09:00"], None),
        ("2027-03-12T09:00", "FREQ=WEEKLY;COUNT=3", ["2027-04-02T09:00"], "FREQ=WEEKLY;COUNT=4"),
        ("2027-03-12T09:00", "FREQ=WEEKLY;COUNT=3", ["2027-03-16T09:00"], None),
        ("2027-03-12T09:00", "FREQ=WEEKLY;COUNT=2;INTERVAL=2", ["2027-03-19T09:00"], "FREQ=WEEKLY;COUNT=3"),
        ("2027-03-12T09:00", "FREQ=MONTHLY;COUNT=2", ["2027-05-12T09:00"], "FREQ=MONTHLY;COUNT=3"),
        ("2027-03-27T02:30", None, ["2027-03-29T02:30"], "FREQ=DAILY;COUNT=2;INTERVAL=2"),
    ],
)
def test_a_rule_says_all_dates_only_where_it_yields_just_these(
    start: str, rule: str | None, added: list[str], all_by: str | None
) -> None:
    dates = schedule(timed(start), rule, *added)
    found = calendar_entries.by_rule(dates)
    assert found.rule == (all_by or dates.rule)
    assert series.starts(found) == series.starts(dates)
    assert found.added == (() if all_by else dates.added)


def test_a_second_date_with_a_time_of_its_own_is_an_exception_of_the_rule() -> None:
    single = event(when=FIRST)
    start = datetime(2027, 3, 26, 9)
    longer = When(start=start, end=start + timedelta(hours=3), time_zone=BERLIN)
    after = edits.add_date(single, start, longer)
    assert (after.rule, after.added) == ("FREQ=WEEKLY;COUNT=2;INTERVAL=2", ())
    assert after.changes == (DateChange(date=start, when=longer),)


def test_a_second_date_that_begins_before_the_first_is_over_makes_no_series() -> None:
    long = When(start=FIRST.start, end=FIRST.start + timedelta(hours=30), time_zone=BERLIN)
    after = edits.add_date(event(when=long), datetime(2027, 3, 13, 9), None)
    assert (after.rule, after.added) == (None, (datetime(2027, 3, 13, 9),))


# --- what was told before -----------------------------------------------------------------------------------------


def test_the_fingerprint_of_a_series_does_not_hang_on_what_is_beside_it() -> None:
    assert fingerprint(replace(WEEKLY, added=(BESIDE,))) == fingerprint(WEEKLY)
    assert fingerprint(event(when=FIRST, added=(BESIDE,))) == fingerprint(event(when=FIRST))


def test_whoever_has_single_entries_alone_and_cannot_be_mailed_is_decided_about_once_a_repair_is_due() -> None:
    """Of a cancellation that cannot be sent the next one is looked for, until none is left."""
    what = event(when=FIRST, added=(BESIDE,), changes=(DateChange(date=FIRST.start, cancelled=True),))
    bo = informed(what)
    stopped = (Stopped(address=bo.person.email, state=DeliveryState.BOUNCED),)
    off = replace(what, status=EventStatus.CANCELLED)
    seen = Snapshot(invitation=state(bo, repair=1, stopped=stopped), registration=bo.person, event=off)
    assert decide(seen, SENDER, NOW) is None
    mailed = decide(replace(seen, invitation=state(bo, repair=1)), SENDER, NOW)
    assert mailed is not None
    after = mailed.message.calendar_state(sequence=9, dtstamp=NOW)
    assert next_message(off, bo.person, after, SENDER, NOW) is None


def test_stored_states_come_back() -> None:
    bo = informed(replace(WEEKLY, added=(BESIDE,), changes=(moved("2027-03-29T09:00"),)))
    for last in (told(bo), told(bo).distrusted, replace(told(bo), spent=True, first=datetime(2027, 3, 12, 9))):
        assert codec.read(CalendarState, codec.value(last)) == last
    assert not {"separate", "spent", "first", "revision"} & set(codec.value(told(informed(WEEKLY))))


# --- what is said of them -----------------------------------------------------------------------------------------


def test_its_uid_names_the_registration_and_the_date_and_nothing_else_names_it() -> None:
    bo = informed(replace(WEEKLY, added=(BESIDE,)))
    message = bo.said[-1]
    read = itip.calendar(message, sequence=1, dtstamp=NOW).decode().replace("\r\n ", "")
    assert f"UID:{message.entry_uid}\r\n" in read
    assert message.entry_uid == entry_uid(message.uid, "20270323t180000-1")
    assert "RECURRENCE-ID" not in read
    assert is_separate(message.entry_uid)
    assert not is_separate(message.uid)
    assert ids_of(message.entry_uid) == ids_of(message.uid) is not None


def test_a_date_once_cancelled_comes_back_under_another_uid() -> None:
    what = replace(WEEKLY, added=(BESIDE,))
    bo = informed(what)
    for event_now in (edits.cancel_date(what, BESIDE, "Rain"), what):
        bo.apply_report(event_now, 10)
    invited, off, again = bo.said[-3:]
    assert invited.entry_uid == off.entry_uid != again.entry_uid
    assert (off.reason, off.cancelled_for_all, off.others_stay) == ("Rain", True, True)


def test_an_entry_of_which_nobody_knows_whether_it_is_gone_is_cancelled_again_before_it_comes_back() -> None:
    what = replace(WEEKLY, added=(BESIDE,))
    bo = informed(what)
    bo.apply_report(edits.cancel_date(what, BESIDE, ""), 10)
    bo.calendar_state = told(bo).doubted
    bo.apply_report(what, 10)
    assert [said.method for said in bo.said[-3:]] == [Method.CANCEL, Method.CANCEL, Method.REQUEST]
    assert bo.said[-2].entry_uid == bo.said[-3].entry_uid != bo.said[-1].entry_uid
    assert is_same_message(bo.said[-2], told_after(bo, 2))


def told_after(bo: Attendee, last: int) -> CalendarState:
    message = bo.said[-last]
    return message.calendar_state(sequence=bo.sequence - last + 1, dtstamp=NOW)


def test_after_a_repair_every_entry_is_said_again_also_that_it_is_gone() -> None:
    what = replace(WEEKLY, added=(BESIDE, datetime(2027, 3, 30, 18)))
    bo = informed(what)
    off = edits.cancel_date(what, BESIDE, "")
    bo.apply_report(off, 10)
    bo.calendar_state = calendar_state_of(state(bo, repair=1))
    before = len(bo.said)
    bo.apply_report(off, 10)
    assert [(said.method, said.separate[:8]) for said in bo.said[before:]] == [
        (Method.REQUEST, ""),
        (Method.CANCEL, "20270323"),
        (Method.REQUEST, "20270330"),
    ]


def test_the_cancellation_of_all_reaches_every_entry_and_each_says_that_all_is_off() -> None:
    what = replace(WEEKLY, added=(BESIDE,), changes=(moved("2027-03-29T09:00"),))
    bo = informed(what)
    before = len(bo.said)
    bo.apply_report(replace(what, status=EventStatus.CANCELLED, reason="Rain"), 10)
    gone = bo.said[before:]
    assert {said.entry_uid for said in gone} == {said.entry_uid for said in bo.said[:before]}
    assert {(said.method, said.cancelled_for_all, said.reason, said.others_stay) for said in gone} == {
        (Method.CANCEL, True, "Rain", False)
    }
    assert told(bo).gone
    assert shown(bo.literal) == []


def test_an_event_is_not_over_while_somebody_holds_an_entry_that_is_to_come() -> None:
    """It was cut short: what was told of a later date must still be taken back."""
    bo = informed(replace(WEEKLY, added=(datetime(2027, 6, 1, 9),)))
    now = datetime.fromisoformat("2027-05-01T00:00Z")
    message = existing(next_message(WEEKLY, bo.person, bo.calendar_state, SENDER, now))
    assert (message.method, message.separate[:8]) == (Method.CANCEL, "20270601")


def words_for(what: Event, after: Event, **chosen: Any) -> list[tuple[str, str]]:
    """Subject and text of each cancellation that somebody is sent who was told ``what`` before it became ``after``."""
    bo = Attendee(registration(**chosen))
    bo.apply_report(what, 100)
    before = len(bo.said)
    bo.apply_report(after, 100)
    made = [wording.words(said, NOW) for said in bo.said[before:] if said.method is Method.CANCEL]
    return [(one.subject, wording.text(one)) for one in made]


SATURDAY = moved("2027-03-27T11:00", of="2027-03-26T09:00")
APART = moved("2027-04-05T11:00", of="2027-03-26T09:00")
THIRD, FOURTH = SATURDAY.date, datetime(2027, 4, 2, 9)


@pytest.mark.parametrize(
    ("what", "chosen", "date", "day"),
    [
        (replace(WEEKLY, changes=(SATURDAY,)), {}, "Sat 27 Mar 2027, 11:00", "Saturday 27 March 2027"),
        (replace(WEEKLY, changes=(APART,)), {}, "Mon 5 Apr 2027, 11:00", "Monday 5 April 2027"),
        (WEEKLY, {"occurrences": (FIRST.start, THIRD)}, "Fri 26 Mar 2027, 09:00", "Friday 26 March 2027"),
    ],
)
def test_a_date_that_a_split_takes_along_is_not_said_to_be_cancelled(
    what: Event, chosen: dict[str, Any], date: str, day: str
) -> None:
    what = replace(what, location="Hall")
    old, new = edits.split(what, THIRD, NEW_ID, NOW)
    assert not new.was_split
    ((subject, text),) = words_for(what, old, **chosen)
    assert subject == f"Updated: Choir · {date}"
    assert text.startswith(f"“Choir” on {day} is no longer part of this series.\n\nOrganizer:")
    assert "If this date takes place in another series, another mail brings its invitation." in text
    assert not any(said in text for said in ("cancelled", "withdrawn", "other dates are", "When:", "Where:", "Hall"))


@pytest.mark.parametrize("chosen", [{}, {"occurrences": (FIRST.start, THIRD)}])
@pytest.mark.parametrize("split", [False, True])
def test_a_date_that_does_not_take_place_is_said_to_be_cancelled(split: bool, chosen: dict[str, Any]) -> None:
    what = replace(WEEKLY, changes=(SATURDAY,))
    after = replace(what, rule=series.rule("FREQ=WEEKLY;COUNT=2", FIRST))
    after, _ = edits.reschedule(what, after)
    if split:
        what, _ = edits.split(what, FOURTH, NEW_ID, NOW)
        after = edits.cancel_date(what, THIRD, "")
    (said,) = words_for(what, after, **chosen)
    assert said[0] == "Cancelled: Choir · Sat 27 Mar 2027, 11:00"
    assert said[1].startswith("“Choir” on Saturday 27 March 2027 has been cancelled.")


@pytest.mark.parametrize("named", [0, 1])
@pytest.mark.parametrize("noted", [True, False])
def test_a_date_that_was_chosen_and_is_lost_after_a_split_is_said_to_be_cancelled(named: int, noted: bool) -> None:
    """Unless it was not noted at which of its schedules the series was split."""
    what, _ = edits.split(WEEKLY, FOURTH, NEW_ID, NOW)
    what = what if noted else replace(what, splits=())
    after, _ = edits.reschedule(what, replace(what, rule=series.rule("FREQ=WEEKLY;COUNT=2", FIRST)))
    ((_, text),) = words_for(what, after, occurrences=(FIRST.start, THIRD), named=named)
    said = "has been cancelled." if noted else "is no longer part of this series."
    assert text.startswith(f"“Choir” on Friday 26 March 2027 {said}")


def test_who_gives_up_a_date_of_a_series_that_was_split_is_told_that_the_invitation_is_withdrawn() -> None:
    """So are those who withdraw altogether."""
    old, _ = edits.split(WEEKLY, FOURTH, NEW_ID, NOW)
    bo = Attendee(registration(occurrences=(FIRST.start, THIRD)))
    bo.apply_report(old, 100)
    for changes in ({"occurrences": (FIRST.start,)}, {"status": RegistrationStatus.CANCELLED}):
        bo.person = replace(bo.person, **changes)
        bo.apply_report(old, 100)
        assert "has been withdrawn." in wording.words(bo.said[-1], NOW).headline


# --- their order --------------------------------------------------------------------------------------------------


def test_an_entry_waits_for_nothing_but_a_date_of_the_series_waits_for_it_still() -> None:
    bo = informed(replace(WEEKLY, added=(BESIDE,)))
    known = state(bo)
    assert told(bo).base == 0
    assert not occurrence_may_follow(known, NOW, Times())
    arrived = Delivered(generation=1, method=Method.REQUEST, at=NOW, sequence=0)
    beside = replace(arrived, sequence=1, date=BESIDE, separate=told(bo).separate)
    assert not occurrence_may_follow(replace(known, delivered=(beside,)), NOW, Times())
    assert occurrence_may_follow(replace(known, delivered=(arrived,)), NOW, Times())
    assert occurrence_may_follow(known, NOW + Times().settle, Times())


def test_two_entries_have_nothing_to_do_with_each_other_and_an_old_one_is_put_in_its_place() -> None:
    bo = informed(replace(WEEKLY, added=(BESIDE,)))
    entry = told(bo).separate
    early = Delivered(generation=1, method=Method.CANCEL, at=NOW, sequence=5, date=BESIDE, separate=entry)
    late = Delivered(generation=1, method=Method.REQUEST, at=NOW + timedelta(minutes=1), sequence=1, date=BESIDE)
    known = state(bo, delivered=(early, replace(late, separate="20270323t180000-9")))
    assert not out_of_order(known)
    assert not out_of_order(replace(known, delivered=(early, late)))
    assert out_of_order(replace(known, delivered=(early, replace(late, separate=entry))))


# --- answers ------------------------------------------------------------------------------------------------------


def seen_by(bo: Attendee, what: Event) -> Snapshot:
    return Snapshot(invitation=state(bo), registration=bo.person, event=what)


def test_an_answer_under_its_uid_is_one_to_that_date_by_its_present_name() -> None:
    what = replace(WEEKLY, added=(BESIDE,))
    bo = informed(what)
    said = answer(uid=bo.said[-1].entry_uid, sequence=1)
    seen = seen_by(bo, what)
    authenticity.check(said, seen, NOW + timedelta(hours=1))
    assert authenticity.date_of(said, seen) == BESIDE
    later = series_changes.moved(
        what.schedule, replace(FIRST, start=datetime(2027, 3, 12, 10), end=datetime(2027, 3, 12, 11))
    )
    moved_on = replace(what, when=later.when, rule=later.rule, added=later.added)
    assert authenticity.date_of(said, replace(seen, event=moved_on)) == BESIDE + timedelta(hours=1)
    with pytest.raises(Quarantined) as caught:
        authenticity.date_of(said, replace(seen, event=WEEKLY))
    assert caught.value.reason is Reason.DATE


@pytest.mark.parametrize("separate", ["20270323t180000-7", "20270324t180000-1", "20270323-1"])
def test_an_answer_under_the_uid_of_an_entry_that_was_never_told_does_not_count(separate: str) -> None:
    what = replace(WEEKLY, added=(BESIDE,))
    bo = informed(what)
    uid = entry_uid(bo.said[0].uid, separate)
    with pytest.raises(Quarantined) as caught:
        authenticity.check(answer(uid=uid, sequence=1), seen_by(bo, what), NOW + timedelta(hours=1))
    assert caught.value.reason is Reason.OUTDATED


def test_an_answer_to_the_series_is_none_to_a_date_beside_it() -> None:
    bo = informed(replace(WEEKLY, added=(BESIDE,)))
    comes = Reply(status=Participation.ACCEPTED, sequence=9, dtstamp=NOW)
    person = replace(bo.person, reply=comes)
    dates = (None, datetime(2027, 3, 19, 9), BESIDE)
    found = [participation(person, state(bo), one) for one in dates]
    assert found == [Participation.ACCEPTED, Participation.ACCEPTED, Participation.NEEDS_ACTION]
    declines = replace(comes, status=Participation.DECLINED, sequence=1, date=BESIDE)
    found = [participation(replace(person, date_replies=(declines,)), state(bo), one) for one in dates]
    assert found == [Participation.ACCEPTED, Participation.ACCEPTED, Participation.DECLINED]


@pytest.mark.parametrize("certain", [True, False])
def test_dates_are_sent_after_their_main_entry_is_over_whether_or_not_its_cancellation_is_certain(
    certain: bool,
) -> None:
    of = event(when=FIRST, added=(datetime(2027, 3, 19, 9), datetime(2027, 3, 26, 9)))
    of = edits.cancel_date(of, FIRST.start, "Rain")
    bo = Attendee(registration())
    bo.apply_report(replace(of, changes=()), 100)
    bo.apply_report(of, 100)
    assert told(bo).spent
    later = replace(of, changes=(*of.changes, moved("2027-03-19T18:00")))
    message = existing(
        next_message(later, bo.person, replace(told(bo), certain=certain), SENDER, FIRST.ends_at + timedelta(hours=1))
    )
    assert (message.method, message.date, message.when.start) == (
        Method.REQUEST,
        datetime(2027, 3, 19, 9),
        datetime(2027, 3, 19, 18),
    )


@pytest.mark.parametrize("certain", [True, False])
@pytest.mark.parametrize("gone", [datetime(2027, 3, 19, 9), datetime(2027, 3, 26, 9)])
@pytest.mark.parametrize("other", [datetime(2027, 3, 12, 11), datetime(2027, 4, 2, 9)], ids=["over", "to come"])
def test_after_a_cancelled_main_entry_is_over_a_cancelled_date_is_told_and_nothing_about_the_other_one(
    certain: bool, gone: datetime, other: datetime
) -> None:
    what = event(when=FIRST, added=(other, gone))
    bo = informed(what)
    what = edits.cancel_date(what, FIRST.start, "Rain")
    bo.apply_report(what, 100)
    assert told(bo).spent
    bo.calendar_state = replace(told(bo), certain=certain)
    before = len(bo.said)
    bo.apply_report(edits.cancel_date(what, gone, "Rain"), 100, FIRST.ends_at + timedelta(hours=3))
    assert [(said.method, said.date) for said in bo.said[before:]] == [(Method.CANCEL, gone)]


@pytest.mark.parametrize(
    ("change", "now"),
    [
        (moved("2027-03-24T09:00", of="2027-03-26T09:00"), datetime(2027, 3, 25, tzinfo=UTC)),
        (moved("2027-03-10T09:00"), datetime(2027, 3, 13, tzinfo=UTC)),
        (replace(moved("2027-03-17T09:00"), cancelled=True), datetime(2027, 3, 18, tzinfo=UTC)),
    ],
    ids=["as a date of its series", "as an entry of its own", "and was cancelled"],
)
@pytest.mark.parametrize("told_before", [WEEKLY, replace(WEEKLY, title="Quire"), None], ids=["all", "other", "nothing"])
def test_a_date_that_was_moved_and_is_over_is_not_left_at_the_time_of_the_rule(
    change: DateChange, now: datetime, told_before: Event | None
) -> None:
    what = replace(WEEKLY, changes=(change,))
    bo = Attendee(registration()) if told_before is None else informed(told_before)
    bo.apply_report(what, 100, now)
    to_come = [one for one in shown(bo.literal) if one[1] > now]
    assert to_come == [one for one in truth(what, bo.person) if one[1] > now]


@pytest.mark.parametrize("told_before", [True, False], ids=["told before", "new"])
def test_of_a_date_that_was_moved_and_is_over_no_message_follows_the_series(told_before: bool) -> None:
    what = replace(WEEKLY, changes=(moved("2027-03-24T09:00", of="2027-03-26T09:00"),))
    bo = informed(what) if told_before else Attendee(registration())
    told = len(bo.said)
    bo.apply_report(replace(what, title="Quire"), 100, datetime(2027, 3, 25, tzinfo=UTC))
    assert [(said.date, said.without) for said in bo.said[told:]] == [(None, (datetime(2027, 3, 26, 9),))]


def test_a_series_of_which_all_dates_were_moved_earlier_and_are_over_keeps_one_beside_a_date_that_was_added() -> None:
    two = replace(WEEKLY, rule=series.rule("FREQ=WEEKLY;COUNT=2", WEEKLY.when))
    changes = (moved("2027-03-10T09:00", of="2027-03-12T09:00"), moved("2027-03-11T09:00"))
    what = edits.add_date(replace(two, changes=changes), datetime(2027, 3, 30, 9), None)
    now = datetime(2027, 3, 11, 12, tzinfo=UTC)
    bo = Attendee(registration())
    bo.apply_report(what, 100, now)
    assert bo.said[0].without == (datetime(2027, 3, 19, 9),)  # an entry of its own, since it is before the other one
    to_come = [one for one in shown(bo.literal) if one[1] > now]
    assert to_come == [one for one in truth(what, bo.person) if one[1] > now]


def test_nothing_is_said_of_a_date_that_was_moved_and_is_over_where_it_is_known_to_be_told() -> None:
    what = replace(WEEKLY, changes=(moved("2027-03-24T09:00", of="2027-03-26T09:00"),))
    bo = informed(what)
    # Its neighbour goes to the 25th: so the date would be an entry of its own now.
    what = replace(what, changes=(moved("2027-03-25T09:00"), *what.changes))
    assert datetime(2027, 3, 26, 9) in calendar_entries.separate(what)
    before = len(bo.said)
    bo.apply_report(what, 100, datetime(2027, 3, 24, 12, tzinfo=UTC))
    assert datetime(2027, 3, 26, 9) not in [said.date for said in bo.said[before:]]


def test_an_entry_is_not_told_anew_just_before_it_is_cancelled_since_its_series_needs_a_new_uid() -> None:
    what = replace(WEEKLY, added=(datetime(2027, 4, 6, 18),))
    bo = informed(what)
    for one in series.starts(WEEKLY.schedule):
        what = edits.cancel_date(what, one, "Rain")
    bo.apply_report(what, 100)
    assert told(bo).spent
    bo.calendar_state = replace(told(bo), certain=False)
    before = len(bo.said)
    longer = replace(what, rule=series.rule("FREQ=WEEKLY;COUNT=7", FIRST))
    bo.apply_report(longer, 100, datetime(2027, 4, 3, tzinfo=UTC))
    assert [(said.method, said.generation) for said in bo.said[before:]] == [
        (Method.CANCEL, 1),
        (Method.REQUEST, 2),
        (Method.REQUEST, 2),
    ]
    assert shown(bo.literal) == truth(longer, bo.person)


def test_who_declines_all_that_is_to_come_gives_the_seat_away_whatever_became_of_what_is_over() -> None:
    early = datetime(2027, 3, 16, 18)
    what = replace(WEEKLY, added=(early, BESIDE), release_on_decline=True)
    bo = informed(what)
    seen = state(bo)
    no = Reply(status=Participation.DECLINED, sequence=9, dtstamp=NOW)
    person = registration(reply=no, date_replies=(replace(no, date=BESIDE),))
    for now, expected in ((NOW, Consequence.NONE), (datetime(2027, 3, 17, tzinfo=UTC), Consequence.RELEASE)):
        assert consequence(what, person, seen, replace(no, date=BESIDE), now) is expected
    later = datetime(2027, 4, 3, tzinfo=UTC)
    last = replace(what, added=(datetime(2027, 4, 20, 18),))
    yes = replace(no, status=Participation.ACCEPTED)
    alone = replace(no, date=datetime(2027, 4, 20, 18))
    person = registration(reply=yes, date_replies=(alone,))
    assert consequence(last, person, state(informed(last)), alone, NOW) is Consequence.NONE
    assert consequence(last, person, state(informed(last)), alone, later) is Consequence.RELEASE


@pytest.mark.parametrize(("separate", "named"), [("", True), ("20270323t180000-1", False)])
def test_a_proposal_for_an_entry_is_declined_under_its_uid_without_a_recurrence_id(separate: str, named: bool) -> None:
    uid = entry_uid(informed(WEEKLY).said[0].uid, separate)
    at = datetime.fromisoformat("2027-03-23T17:00Z")
    ada = informed(WEEKLY).said[0].organizer
    said = itip.declined(uid=uid, sequence=1, dtstamp=NOW, organizer=ada, date=at, comment="No.")
    assert (b"RECURRENCE-ID:20270323T170000Z" in said) is named


# --- beforehand ---------------------------------------------------------------------------------------------------


def test_a_preview_counts_the_mail_of_every_entry() -> None:
    what = replace(WEEKLY, added=(BESIDE,))
    bo = informed(what)
    after = {
        "cancel": replace(what, status=EventStatus.CANCELLED, version=2),
        "update": edits.cancel_date(what, BESIDE, ""),
        "ask_again": edits.change_date(what, moved("2027-03-29T09:00")),
        "none": what,
    }
    seen = replace(seen_by(bo, what), invitation=state(bo))
    found = {kind: next(iter(preview([seen], event_now, SENDER, NOW))) for kind, event_now in after.items()}
    assert {kind: one.kind for kind, one in found.items()} == {kind: kind for kind in after}
    assert [len(one.messages) for one in found.values()] == [2, 1, 2, 0]
