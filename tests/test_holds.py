"""Edits that belong together become one mail: an ordinary change waits for the next one, what is urgent does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest

from convoke.decision import fan_out as holding
from convoke.decision import fingerprints
from convoke.decision.fan_out import Batch, FanOut, change_urgency
from convoke.delivery.audit import examine
from convoke.delivery.fan_out import begin, plan, process_batch
from convoke.delivery.reconcile import Outcome
from convoke.delivery.survey import survey
from convoke.delivery.sweep import mail_limits
from convoke.effects import BatchHint, PlanBatches, PlanHint, SurveyHint
from convoke.model import DateChange, Event, EventStatus, Method, Registration, When
from convoke.registrations import events
from convoke.schedule import edits
from convoke.settings import Times
from convoke.store import dynamo, keys, writes
from convoke.store.fan_outs import batch_item
from tests import caller as caller_world
from tests.factories import AFTERNOON, EVENT_ID, MORNING, NOW, SENDER, event, existing, expect
from tests.fixtures import fixture_of, patching_fixture_of
from tests.world import World, a_quick_world, a_world, announce

REQUEST, CANCEL = Method.REQUEST, Method.CANCEL
MINUTE = timedelta(minutes=1)


world = fixture_of(a_quick_world, notify_after=60)


def invited(world: World, count: int = 2) -> list[Registration]:
    people = [world.invite(number) for number in range(1, count + 1)]
    world.sent.clear()
    return people


def titles(world: World) -> list[str]:
    return [one.title for one in world.told]


# --- when a change is told ----------------------------------------------------------------------------------------


WEEKLY = event(rule="FREQ=WEEKLY;COUNT=10")
SECOND = datetime(2027, 3, 19, 9, 0)
LATER = When(start=datetime(2027, 4, 1, 9, 0), end=datetime(2027, 4, 1, 10, 0), time_zone="Europe/Berlin")


def without_a_date(before: Event) -> Event:
    return replace(before, changes=(DateChange(date=SECOND, cancelled=True),))


CHANGES: dict[str, tuple[Event, Event, bool]] = {
    "another title": (event(), event(title="Other"), False),
    "another place": (event(), event(location="Hall"), False),
    "another time": (event(), event(when=AFTERNOON), False),
    "more seats": (event(), event(capacity=10), False),
    "it becomes tentative": (event(), event(status=EventStatus.TENTATIVE), False),
    "a draft is published": (event(status=EventStatus.DRAFT), event(), False),
    "it takes place again": (event(status=EventStatus.CANCELLED), event(), False),
    "it is cancelled": (event(), event(status=EventStatus.CANCELLED), True),
    "it becomes a draft": (event(), event(status=EventStatus.DRAFT), True),
    "another title of a series": (WEEKLY, replace(WEEKLY, title="Other"), False),
    "a date is moved": (WEEKLY, replace(WEEKLY, changes=(DateChange(date=SECOND, when=LATER),)), False),
    "a date takes place again": (without_a_date(WEEKLY), WEEKLY, False),
    "a date is cancelled": (WEEKLY, without_a_date(WEEKLY), True),
    "the series is longer": (WEEKLY, replace(WEEKLY, rule="FREQ=WEEKLY;COUNT=12"), False),
    "the series is shorter": (WEEKLY, replace(WEEKLY, rule="FREQ=WEEKLY;COUNT=8"), True),
    "the series is weekly no more": (WEEKLY, replace(WEEKLY, rule="FREQ=DAILY;COUNT=10"), True),
    "the whole series moves": (WEEKLY, replace(WEEKLY, when=AFTERNOON), False),
}
BEGINS = MORNING.starts_at
"""The first date, by which the time to the start is counted. AFTERNOON is six hours later."""
TO_THE_START = {
    "weeks": (timedelta(weeks=8), False),
    "73 hours": (timedelta(hours=73), False),
    "72 hours": (timedelta(hours=72), True),
    "an hour": (timedelta(hours=1), True),
    "it has begun": (timedelta(minutes=-10), True),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_which_change_waits_by_its_kind_and_by_the_time_to_the_start(kind: str) -> None:
    for distance, hold in product(TO_THE_START, (0, 1, 60, 900)):
        waits_or_not(kind, distance, hold)


def waits_or_not(kind: str, distance: str, hold: int) -> None:
    (before, after, gone), (left, soon) = CHANGES[kind], TO_THE_START[distance]
    now = BEGINS - left
    if before.rule is not None and distance == "it has begun":
        soon = after.when == AFTERNOON  # the next date is a week away, but where it moves to this afternoon
    made = holding.fan_out_of(
        EVENT_ID,
        version=2,
        priority=change_urgency(before, after, now, Times()),
        hold=timedelta(seconds=hold),
        now=now,
        earlier=None,
    )
    waits = bool(hold) and not gone and not soon
    assert made.told_at == (now + timedelta(seconds=hold) if waits else None)
    assert made.priority == (0 if gone or soon else 1)
    assert made.waits(now) is waits


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (event(), event(when=replace(MORNING, start=datetime(2027, 1, 17, 9, 0), end=datetime(2027, 1, 17, 10, 0)))),
        (event(when=replace(MORNING, start=datetime(2027, 1, 17, 9, 0), end=datetime(2027, 1, 17, 10, 0))), event()),
        (
            WEEKLY,
            replace(
                WEEKLY,
                changes=(
                    DateChange(
                        date=SECOND,
                        when=replace(MORNING, start=datetime(2027, 1, 17, 9, 0), end=datetime(2027, 1, 17, 10, 0)),
                    ),
                ),
            ),
        ),
    ],
    ids=["moved to soon", "moved from soon", "one date moved to soon"],
)
def test_what_is_soon_before_or_after_the_change_does_not_wait(before: Event, after: Event) -> None:
    assert change_urgency(before, after, NOW, Times()) == 0


HELD = FanOut(event_id=EVENT_ID, version=2, planning=True, told_at=NOW + MINUTE, told=1, survey=True)


@pytest.mark.parametrize(
    ("earlier", "changes", "told_at", "told", "overlaps"),
    [
        (None, {}, NOW + MINUTE, 2, False),
        (HELD, {}, NOW + MINUTE, 1, False),
        (HELD, {"hold": timedelta(seconds=5)}, NOW + timedelta(seconds=5), 1, False),
        (HELD, {"hold": timedelta(seconds=900)}, NOW + MINUTE, 1, False),
        (HELD, {"hold": timedelta()}, None, 0, False),
        (HELD, {"priority": 0}, None, 0, False),
        (HELD, {"quiet": True, "hold": timedelta()}, NOW + MINUTE, 1, False),
        (None, {"quiet": True}, None, 0, False),
        (replace(HELD, told_at=NOW), {}, None, 0, False),
        (replace(HELD, told_at=None), {}, None, 0, False),
        (replace(HELD, told_at=None, planning=False, left=3), {}, NOW + MINUTE, 2, True),
        (replace(HELD, told_at=None, planning=False, left=3, priority=0), {}, None, 0, False),
        (replace(HELD, overlaps=True), {}, NOW + MINUTE, 1, True),
    ],
    ids=[
        "alone",
        "after one that waits",
        "with a shorter hold",
        "with a longer hold",
        "with no hold",
        "urgent",
        "quiet, after one that waits",
        "quiet, alone",
        "after one whose time has come",
        "while one is being planned",
        "while the batches of one are left",
        "while the batches of an urgent one are left",
        "after one that overlaps",
    ],
)
def test_the_hold_counts_from_the_first_change_that_nobody_was_told_of(
    earlier: FanOut | None, changes: dict[str, Any], told_at: datetime | None, told: int, overlaps: bool
) -> None:
    plain: dict[str, Any] = {"version": 3, "priority": 1, "hold": MINUTE, "now": NOW, "earlier": earlier}
    made = holding.fan_out_of(EVENT_ID, **(plain | changes))
    assert (made.told_at, made.told, made.overlaps) == (told_at, told, overlaps)
    assert made.survey is (told_at is not None and earlier is not None and earlier.waits(NOW))


def test_an_event_s_own_hold_comes_before_that_of_its_account(world: World) -> None:
    assert holding.hold_of(event(notify_after=None), 60) == MINUTE
    assert holding.hold_of(event(notify_after=0), 60) == timedelta()
    assert holding.hold_of(event(notify_after=900), 60) == timedelta(minutes=15)
    assert holding.hold_of(event(notify_after=100_000), 60) == holding.LONGEST
    invited(world)
    world.change(notify_after=None)
    assert world.fan_out().told_at == world.now + MINUTE, "an account that has decided nothing"


# --- how it is told -----------------------------------------------------------------------------------------------


def test_three_edits_in_a_minute_are_one_mail(world: World) -> None:
    invited(world)
    first = world.now
    for title in ("One", "Two", "Three"):
        world.change(title=title)
        world.pass_time(seconds=20)
        assert world.run(announce(EVENT_ID))
        assert world.fan_out().told_at == first + MINUTE
    world.queue.clear()
    world.sweep()

    assert titles(world) == ["Three", "Three"]
    assert set(world.said()) == {(REQUEST, 1)}
    assert world.all_due() == []


def test_a_stream_record_queues_the_hint_for_when_it_is_told_and_an_early_hint_waits_again(world: World) -> None:
    invited(world)
    world.change(title="Other")
    world.pass_time(seconds=10)
    assert world.run(announce(EVENT_ID))
    assert [(one.hint, one.urgent, one.delay_seconds) for one in world.queue] == [
        (PlanHint(event_id=EVENT_ID), False, 50)
    ]
    world.queue.clear()
    world.pass_time(seconds=49.5)
    assert world.run(plan(EVENT_ID, world.worker())) is None
    assert [one.delay_seconds for one in world.queue] == [1]
    assert (world.batches(), world.sent) == ([], [])
    world.pass_time(seconds=1)
    world.drain()
    assert titles(world) == ["Other", "Other"]


def test_a_stream_record_of_a_change_that_waits_begins_nothing_however_few_there_are(world: World) -> None:
    invited(world)
    world.change(title="Other")
    world.pass_time(seconds=10)
    assert world.run(begin(EVENT_ID, world.worker())) is None
    assert [(one.hint, one.delay_seconds) for one in world.queue] == [(PlanHint(event_id=EVENT_ID), 50)]
    assert (world.batches(), world.sent) == ([], [])


def test_with_every_hint_lost_the_sweep_tells_it_and_not_before(world: World) -> None:
    invited(world)
    world.change(title="Other")
    world.pass_time(seconds=59)
    world.sweep()
    assert world.sent == []
    world.pass_time(seconds=2)
    world.sweep()
    assert titles(world) == ["Other", "Other"]


def test_what_is_urgent_is_told_at_once_with_what_waits_in_one_mail(world: World) -> None:
    invited(world)
    world.change(title="Other")
    world.change(status=EventStatus.CANCELLED, reason="Rain", priority=0)
    assert world.fan_out() == FanOut(event_id=EVENT_ID, version=3, priority=0, planning=True)
    world.run(announce(EVENT_ID))
    assert [(one.urgent, one.delay_seconds) for one in world.queue] == [(True, 0)]
    world.drain()
    assert set(world.said()) == {(CANCEL, 1)}
    assert len(world.sent) == 2


def test_nobody_is_told_alone_of_what_waits_unless_they_are_due_something_of_their_own(world: World) -> None:
    first, second = invited(world)
    world.change(title="Other")
    assert world.look(first) is Outcome.HELD
    assert world.sent == []

    world.resend(second)
    newcomer = world.register(3)
    assert world.look(second) is world.look(newcomer) is Outcome.ACKNOWLEDGED
    assert titles(world) == ["Other", "Other"]
    world.pass_time(minutes=2)
    world.sweep()
    assert [one.recipient for one in world.told[2:]] == [first.email]


def test_an_earlier_change_that_is_being_told_goes_on_while_a_new_one_waits(world: World) -> None:
    people = invited(world, 4)
    world.change(title="One", notify_after=0)
    batches = world.plan(size=2)
    world.run(process_batch(batches[0], world.worker()))
    world.change(title="Two", notify_after=60)
    assert world.fan_out().overlaps
    assert world.fan_out().waits(world.now)
    world.run(process_batch(batches[1], world.worker()))
    assert titles(world) == ["One", "One", "Two", "Two"], "what is true now"

    world.pass_time(seconds=61)
    world.sweep()
    assert [one.recipient for one in world.told[4:]] == [one.email for one in people[:2]]
    assert world.batches() == []


def test_a_batch_that_is_left_over_tells_nobody_of_what_waits(world: World) -> None:
    invited(world, 2)
    world.change(title="One", notify_after=0)
    world.plan(size=2)
    world.drain()
    world.change(title="Two", priority=0)
    world.plan(size=1)
    world.drain()
    # As if the first batch had been written again by whoever came late.
    batch = Batch(event_id=EVENT_ID, version=2, first="", through="~", after="")
    world.store.attempt({"batch": writes.put("Invitations", batch_item(batch, due_key=keys.due_key(1, world.now)))})
    world.sent.clear()
    world.change(title="Three", notify_after=60)
    assert not world.fan_out().overlaps
    assert world.run(process_batch(BatchHint(event_id=EVENT_ID, version=2, first=""), world.worker())) == ()
    assert (world.sent, world.batches()) == ([], [])


def test_the_audit_leaves_what_waits_and_what_is_being_told(world: World) -> None:
    invited(world)
    world.change(title="Other")
    for by_operator in (False, True):  # as the audit looks, and as an operator does
        assert world.run(examine(EVENT_ID, "", SENDER, Times(), by_operator=by_operator))[0].differences == ()
    world.pass_time(seconds=61)
    world.plan(size=1)
    # What is being told is left to that, but for an operator, whom somebody may have told that it is not.
    assert world.run(examine(EVENT_ID, "", SENDER, Times(), by_operator=False))[0].differences == ()
    assert world.run(examine(EVENT_ID, "", SENDER, Times(), by_operator=True))[0].by_reason() == {"not updated": 2}
    world.drain()
    assert len(world.sent) == 2


def test_a_survey_begins_when_the_change_is_told(world: World) -> None:
    people = invited(world)
    begun = world.now
    world.change(location="Hall", notify_after=900)
    assert world.store.surveys.read(EVENT_ID) is None
    world.pass_time(seconds=899)
    world.run(survey(SurveyHint(event_id=EVENT_ID), world.worker()))
    world.pass_time(seconds=2)
    world.plan(size=50)
    seen = existing(world.store.surveys.read(EVENT_ID))
    assert seen.due_key is not None
    assert keys.due_since(seen.due_key) == begun + timedelta(seconds=901) + Times().attention
    # One that runs meanwhile counts from there, too.
    world.pass_time(seconds=600)
    world.run(survey(SurveyHint(event_id=EVENT_ID), world.worker()))
    assert world.store.surveys.list_attention(EVENT_ID, now=world.now) == ((), 0)
    assert people


def test_the_hint_of_a_change_that_waits_takes_no_mail_from_the_sweep() -> None:
    with a_world(notify_after=60) as world:
        world.register()
        world.backlog = 5
        assert world.run(mail_limits(Times())).all == 55
        world.change(title="Other")
        assert world.run(mail_limits(Times())).all == 56
        world.pass_time(seconds=61)
        assert world.run(mail_limits(Times())).all == 55


# --- now, and back ------------------------------------------------------------------------------------------------


def undo(world: World) -> Event | events.CannotUndo:
    before = world.event()
    after = events.before_what_waits(world.store, before, world.now)
    if isinstance(after, events.CannotUndo):
        return after
    after = replace(after, version=before.version + 1, updated_at=world.now)
    assert events.undo(world.store, before, after, priority=1, now=world.now)
    return after


def test_what_waits_is_told_now_where_somebody_says_so(world: World) -> None:
    invited(world)
    world.change(title="Other")
    for _ in range(2):
        assert events.tell_now(world.store, world.event(), world.now)
    assert world.fan_out().told_at is None
    world.run(announce(EVENT_ID))
    world.drain()
    assert titles(world) == ["Other", "Other"]
    assert events.tell_now(world.store, world.event(), world.now)
    assert world.reads.fan_out(EVENT_ID) is None


def test_an_edit_that_read_what_waits_before_that_was_told_does_not_let_it_wait_again(world: World) -> None:
    invited(world)
    before = world.change(title="Other")
    earlier = world.fan_out()
    assert events.tell_now(world.store, before, world.now)
    after = replace(before, title="Another", version=3)
    action = world.store.events.fan_out_action(replace(earlier, version=3), world.now, earlier)
    assert "fan" in world.store.attempt({"event": world.store.events.change_action(before, after), "fan": action})
    assert world.fan_out().told_at is None


def test_undone_nobody_is_told_but_those_who_heard_of_it_alone(world: World) -> None:
    invited(world)
    was = world.event()
    world.change(title="One")
    world.change(location="Hall", capacity=7)
    newcomer = world.invite(3)
    world.sent.clear()
    after = undo(world)
    assert after == replace(was, version=4, updated_at=world.now)
    assert world.fan_out().told_at is None
    world.plan(size=50)
    world.drain()
    assert [one.recipient for one in world.told] == [newcomer.email]
    assert titles(world) == [was.title]
    assert undo(world) is events.CannotUndo.NOTHING_WAITS


def test_a_series_is_put_back_with_the_names_that_people_registered_by_meanwhile() -> None:
    with a_quick_world(notify_after=60, rule="FREQ=WEEKLY;COUNT=4") as world:
        both = (datetime(2027, 3, 19, 9, 0), datetime(2027, 3, 19, 15, 0))
        world.invite(1, occurrences=both[:1])
        was = world.event()
        world.become(edits.reschedule(was, replace(was, when=AFTERNOON))[0])
        world.invite(2, occurrences=both[1:], named=1)
        undo(world)
        world.plan(size=50)
        world.drain()
        assert world.event().schedule == was.schedule
        assert len(world.event().earlier) == 2
        last = {one.recipient: one for one in world.told}
        known = [one.when for told in last.values() for one in told.dates] or [told.when for told in last.values()]
        starts = {when.start for when in known if when is not None}
        assert starts == {both[0]}, starts
        assert world.all_due() == []


def test_nothing_can_be_undone_once_it_is_told_or_while_others_hear_of_it_in_bulk(world: World) -> None:
    invited(world, 4)
    assert undo(world) is events.CannotUndo.NOTHING_WAITS
    world.change(title="One", notify_after=0)
    world.plan(size=2)
    assert undo(world) is events.CannotUndo.NOTHING_WAITS
    world.change(title="Two", notify_after=60)
    assert undo(world) is events.CannotUndo.SOME_ARE_TOLD


def test_an_undoing_that_the_planner_was_faster_than_writes_nothing(world: World) -> None:
    invited(world)
    world.change(title="One")
    before = world.event()
    after = expect(Event, events.before_what_waits(world.store, before, world.now))
    world.pass_time(seconds=61)
    world.plan(size=50)
    after = replace(after, version=3, updated_at=world.now)
    assert not events.undo(world.store, before, after, priority=1, now=world.now - timedelta(seconds=5))
    assert world.event() == before


def test_a_quiet_change_waits_with_the_others_and_is_part_of_their_mail(world: World) -> None:
    invited(world)
    world.change(location="Hall")
    until = world.fan_out().told_at
    world.become(fingerprints.kept_quiet(world.event(), replace(world.event(), title="Mended")))
    assert world.fan_out().told_at == until
    world.pass_time(seconds=61)
    world.sweep()
    assert titles(world) == ["Mended", "Mended"]
    assert {one.location for one in world.told} == {"Hall"}


# --- over HTTP ----------------------------------------------------------------------------------------------------


caller = patching_fixture_of(caller_world.a_caller)


def test_an_event_says_when_its_changes_are_told_and_by_default_that_is_in_a_minute(
    caller: caller_world.World,
) -> None:
    party = caller.hold(notify_after=None)
    person = caller.register(party)
    assert caller.call("GET", party).body["told_at"] is None
    changed = caller.call("PATCH", party, {"title": "Other"})
    assert (changed.body["told_at"], changed.body["telling"]) == ("2027-01-15T12:01:00.000000Z", None)
    caller.now += timedelta(seconds=59)
    assert caller.call("PATCH", party, {"location": "Hall"}).body["told_at"] == "2027-01-15T12:01:00.000000Z"
    [listed] = caller.call("GET", "/events").body["items"]
    assert listed["told_at"] is None
    caller.now += timedelta(seconds=1)
    shown = caller.call("GET", party).body
    assert (shown["told_at"], shown["telling"]) == (None, {"told": 0, "of": 0})
    assert person


@pytest.mark.parametrize("seconds", [-1, 901, "60", True, 1.5])
def test_a_hold_has_0_to_900_seconds(caller: caller_world.World, seconds: Any) -> None:
    party = caller.hold()
    assert caller.call("PATCH", party, {"notify_after": seconds}).fields == ["notify_after"]
    assert caller.call("POST", "/events", caller_world.PARTY | {"notify_after": seconds}).fields == ["notify_after"]


def test_the_account_s_hold_counts_where_an_event_has_none_of_its_own(caller: caller_world.World) -> None:
    caller.call("PATCH", "/account", {"notify_after": 300})
    told_at = [
        caller.call("PATCH", caller.hold(notify_after=own), {"title": "Other"}).body["told_at"]
        for own in (None, 0, 900)
    ]
    assert told_at == ["2027-01-15T12:05:00.000000Z", None, "2027-01-15T12:15:00.000000Z"]


def test_what_waits_is_told_now_as_often_as_somebody_asks(caller: caller_world.World) -> None:
    party = caller.hold(notify_after=60)
    caller.register(party)
    assert caller.call("POST", f"{party}/tell").status == 200, "nothing waits"
    caller.call("PATCH", party, {"title": "Other"})
    for _ in range(2):
        told = caller.call("POST", f"{party}/tell", idempotency_key="k")
        assert (told.status, told.body["told_at"], told.body["version"]) == (200, None, 2)
        assert told.headers["etag"] == '"2"'
    assert caller.call("POST", f"{party}/tell", if_match='"1"').status == 412
    assert caller.call("POST", f"{party}/tell", {"now": True}).fields == ["now"]


def test_what_waits_is_undone_and_what_does_not_is_not(caller: caller_world.World) -> None:
    party = caller.hold(notify_after=60, capacity=5)
    caller.register(party)
    was = caller.call("GET", party).body
    refused = caller.call("POST", f"{party}/undo")
    assert (refused.status, refused.body["code"]) == (409, "nothing_waits")
    caller.call("PATCH", party, {"title": "Other", "capacity": 9, "metadata": {"a": "b"}})
    caller.call("PATCH", party, {"location": "Hall", "notify_after": 900})
    undone = caller.call("POST", f"{party}/undo", idempotency_key="k")
    assert undone.status == 200
    assert undone.body == was | {"version": 4, "telling": {"told": 0, "of": 0}}
    again = caller.call("POST", f"{party}/undo", idempotency_key="k")
    assert (again.status, again.headers["idempotent-replayed"]) == (200, "true")
    assert caller.call("POST", f"{party}/undo").body["code"] == "nothing_waits"


def test_where_an_earlier_change_is_being_told_undo_is_refused(caller: caller_world.World) -> None:
    party = caller.hold(notify_after=60)
    event_id = party.rpartition("/")[2]
    caller.register(party)
    caller.call("PATCH", party, {"title": "One", "notify_after": 0})
    earlier = existing(caller.store.reads.fan_out(event_id))
    batch = Batch(event_id=event_id, version=earlier.version, first="", through="~", after="")
    planned = PlanBatches(seen=earlier, batches=((batch, keys.due_key(1, NOW)),), through="~", people=1, due_key=None)
    assert caller.store.fan_outs.plan_batches(planned)
    caller.call("PATCH", party, {"title": "Two", "notify_after": 60})
    refused = caller.call("POST", f"{party}/undo")
    assert (refused.status, refused.body["code"]) == (409, "some_are_told")
    assert caller.call("GET", party).body["title"] == "Two"


def test_dates_reopenings_and_proposals_wait_alike_and_what_is_cancelled_or_split_does_not(
    caller: caller_world.World,
) -> None:
    weekly = {"recurrence": "FREQ=WEEKLY;COUNT=6", "notify_after": 60}
    dates = "occurrences/2027-03-19T09:00:00"

    def told_at(deed: Any) -> str | None:
        party = caller.hold(**weekly)
        person = caller.register(party)
        deed(party, person)
        return caller.call("GET", party).body["told_at"]  # type: ignore[no-any-return]

    def restored(party: str, _: str) -> None:
        assert caller.call("POST", f"{party}/{dates}/cancel").status == 200
        caller.store.client.delete_item(
            TableName="Invitations", Key=dynamo.wire(keys.fan_out(party.rpartition("/")[2]))
        )
        assert caller.call("POST", f"{party}/{dates}/restore").status == 200

    def accepted(_: str, person: str) -> None:
        caller.tell(person)
        assert caller.call("POST", f"{caller.propose(person)}/accept").status == 200

    in_a_minute = "2027-01-15T12:01:00.000000Z"
    call = caller.call
    assert told_at(lambda party, _: call("PATCH", f"{party}/{dates}", {"location": "Hall"})) == in_a_minute
    assert (
        told_at(lambda party, _: call("POST", f"{party}/occurrences", {"start": "2027-05-07T09:00:00"})) == in_a_minute
    )
    assert told_at(restored) == in_a_minute
    assert told_at(lambda party, _: call("POST", f"{party}/{dates}/cancel")) is None
    assert told_at(lambda party, _: call("POST", f"{party}/cancel")) is None
    assert told_at(lambda party, _: call("PATCH", party, {"status": "draft"})) is None
    assert told_at(lambda party, _: call("POST", f"{party}/split", {"from": "2027-04-02T09:00:00"})) is None
    assert told_at(lambda party, _: call("PATCH", party, {"title": "Mended", "notify": "none"})) is None
