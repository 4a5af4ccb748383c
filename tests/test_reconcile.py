"""One attendee at a time: what is claimed, sent and written down, and what a refusal, a silence or a race leaves
behind.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from convoke.decision import fingerprints
from convoke.decision.invitation import Stopped, with_outcomes
from convoke.delivery.attempts import backoff
from convoke.delivery.reconcile import Outcome, reconcile
from convoke.delivery.reports import updated_by
from convoke.effects import Accepted, Acknowledge, Claim, Effect, Refusal, Refused, Send, StoreMessage, Unknown, WakeUp
from convoke.model import DateChange, DeliveryState, Method
from convoke.schedule import edits, series
from convoke.settings import Times
from convoke.store import dynamo, keys
from convoke.store.invitations import invitation_item
from tests.factories import AFTERNOON, EVENT_ID, MORNING, existing, report
from tests.fixtures import fixture_of
from tests.tables import SETTINGS
from tests.world import World, a_world

REQUEST, CANCEL = Method.REQUEST, Method.CANCEL
THROTTLED = Refused(refusal=Refusal.BUSY, why="TooManyRequestsException")
REJECTED = Refused(refusal=Refusal.POISON, why="MessageRejected")
ACCEPTED = Accepted(ses_id="ses")
SILENCE = Unknown(why="ReadTimeoutError")


class Crash(Exception):
    """The worker dies here."""


world = fixture_of(a_world)


def die() -> None:
    raise Crash


def test_somebody_who_registers_is_invited_once(world: World) -> None:
    person = world.register()

    assert world.look(person) is Outcome.ACKNOWLEDGED
    assert world.look(person) is Outcome.CLEARED
    assert world.said() == [(REQUEST, 0)]
    seen = world.invitation(person)
    assert (seen.state, seen.due_key, seen.lease_until) == (DeliveryState.ACCEPTED, None, None)


def test_the_message_is_written_down_as_it_was_sent(world: World) -> None:
    person = world.invite()

    stored = existing(world.reads.stored(person.registration_id, 0))
    assert stored.rendered == world.sent[0].rendered
    (known,) = with_outcomes([stored], world.invitation(person))
    assert (known.state, known.ses_id, known.sent_at) == (DeliveryState.ACCEPTED, "ses-1", world.now)


def test_what_became_of_each_message_is_known_whenever_it_was_reported(world: World) -> None:
    """Though only a report that comes after the next message was begun is written to the message itself."""
    person = world.invite()
    times = [world.now]
    world.arrive()
    for title in ("Second", "Third"):
        world.pass_time(minutes=1)
        world.change(title=title)
        world.look(person)
        times.append(world.now)
    world.arrive()  # of the second it comes after the third was sent
    stored = world.reads.messages(person.registration_id)
    assert [one.state for one in stored] == [DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.PENDING]
    known = with_outcomes(stored, world.invitation(person))
    assert [one.state for one in known] == [DeliveryState.DELIVERED] * 3
    assert [one.ses_id for one in known][0::2] == ["ses-1", "ses-3"]
    assert known[0].sent_at == times[0]
    assert known[2].sent_at == times[2]


def test_every_change_takes_the_next_sequence_and_a_later_dtstamp(world: World) -> None:
    person = world.register()
    for when in (AFTERNOON, MORNING, AFTERNOON):
        world.look(person)
        world.change(when=when)
    world.look(person)

    assert world.said() == [(REQUEST, 0), (REQUEST, 1), (REQUEST, 2), (REQUEST, 3)]
    stamps = [one.dtstamp for one in world.told]
    assert stamps == sorted(set(stamps)), "all in the same second, and yet no two alike"


def test_a_withdrawal_before_anything_was_sent_mails_nobody(world: World) -> None:
    person = world.register()
    world.withdraw(person)

    assert world.look(person) is Outcome.CLEARED
    assert world.sent == []


def test_a_refusal_leaves_no_trace_but_the_number_and_is_tried_again_later(world: World) -> None:
    person = world.register()
    world.answers = [THROTTLED, THROTTLED]

    assert world.look(person) is Outcome.REFUSED
    refused = world.invitation(person)
    assert (refused.highest_possibly_sent, refused.lease_until, refused.attempts, refused.allocated) == (
        None,
        None,
        1,
        0,
    )
    assert refused.due_key is not None
    assert refused.due_key > keys.due_key(2, world.now)
    world.look(person)
    assert world.look(person) is Outcome.ACKNOWLEDGED
    assert world.said() == [(REQUEST, 0)], "the number was never sent, so it is still good"
    assert world.invitation(person).attempts == 0


def test_who_withdraws_after_a_refusal_hears_nothing(world: World) -> None:
    person = world.register()
    world.answers = [THROTTLED]
    world.look(person)
    world.withdraw(person)

    assert world.look(person) is Outcome.CLEARED
    assert world.sent == []


def test_while_an_answer_is_outstanding_nobody_else_may_send(world: World) -> None:
    person = world.register()
    world.answers = [SILENCE]

    assert world.look(person) is Outcome.UNKNOWN
    assert world.look(person) is Outcome.BUSY
    world.pass_time(seconds=49)
    assert world.look(person) is Outcome.ACKNOWLEDGED


def test_after_a_silence_the_very_bytes_are_said_again(world: World) -> None:
    person = world.register()
    mails = []
    world.before = lambda effect: mails.append(effect.rendered) if isinstance(effect, Send) else None
    world.answers = [SILENCE]
    world.look(person)
    world.pass_time(minutes=5)
    world.look(person)

    assert len(mails) == 2
    assert mails[0] == mails[1]
    assert world.said() == [(REQUEST, 0)]


def test_after_a_silence_another_truth_takes_another_number(world: World) -> None:
    person = world.invite()
    world.answers = [SILENCE]
    world.change(when=AFTERNOON)
    world.look(person)
    world.change(when=MORNING)
    world.pass_time(minutes=5)
    world.look(person)

    assert world.said() == [(REQUEST, 0), (REQUEST, 2)], "what may have been sent is overwritten, not forgotten"
    assert world.look(person) is Outcome.CLEARED


def test_who_may_have_been_invited_is_cancelled(world: World) -> None:
    person = world.register()
    world.answers = [SILENCE]
    world.look(person)
    world.withdraw(person)
    world.pass_time(minutes=5)
    world.look(person)

    assert world.said() == [(CANCEL, 1)]


def test_a_message_that_nobody_ever_answers_is_given_up(world: World) -> None:
    person = world.register()
    world.answers = [SILENCE] * 10
    outcomes = []
    for _ in range(9):
        outcomes.append(world.look(person))
        world.pass_time(minutes=5)

    assert outcomes == [Outcome.UNKNOWN] * 6 + [Outcome.FAILED, Outcome.CLEARED, Outcome.CLEARED]
    assert (world.invitation(person).state, world.calendar_state[-1]) == (DeliveryState.FAILED, "given up")
    assert world.all_due() == []


def test_a_mail_that_ses_rejects_is_given_up_until_there_is_something_else_to_say(world: World) -> None:
    person = world.register()
    world.answers = [REJECTED]

    assert world.look(person) is Outcome.FAILED
    assert world.look(person) is Outcome.CLEARED
    world.change(title="Without the forbidden word")
    assert world.look(person) is Outcome.ACKNOWLEDGED
    assert world.said() == [(REQUEST, 1)]


def test_a_cancelled_date_is_told_though_the_mail_about_an_earlier_one_was_rejected(world: World) -> None:
    event = world.change(rule=series.rule("FREQ=WEEKLY;COUNT=4", MORNING))
    _, second, third, _ = series.starts(event.schedule)
    person = world.invite()
    world.pass_time(minutes=5)
    event = world.become(edits.change_date(event, DateChange(date=second, title="The forbidden word")))
    world.answers = [REJECTED, ACCEPTED, REJECTED]
    assert world.look(person) is Outcome.FAILED
    world.become(edits.cancel_date(event, third, ""))

    assert world.look(person) is Outcome.FAILED
    assert [(one.method, one.date) for one in world.told] == [(REQUEST, None), (CANCEL, third)]
    assert world.invitation(person).state is DeliveryState.FAILED, "of the other date nobody knows yet"


def test_a_resend_tries_what_was_given_up_once_more(world: World) -> None:
    person = world.register()
    world.answers = [SILENCE] * 6
    for _ in range(7):
        world.look(person)
        world.pass_time(minutes=5)
    world.resend(person)

    assert world.look(person) is Outcome.ACKNOWLEDGED
    assert world.said() == [(REQUEST, 0)]


def test_a_resend_tries_an_invitation_that_ses_rejected_once_more(world: World) -> None:
    person = world.register()
    world.answers = [Refused(refusal=Refusal.POISON, why="MessageRejected")]
    assert world.look(person) is Outcome.FAILED
    assert world.invitation(person).given_up
    world.resend(person)
    assert world.invitation(person).tried_anew

    assert world.look(person) is Outcome.ACKNOWLEDGED
    assert not world.invitation(person).tried_anew


def test_a_paused_account_stops_all_sending(world: World) -> None:
    first, second = world.register(1), world.register(2)
    world.answers = [Refused(refusal=Refusal.PAUSED, why="SendingPausedException")]

    assert world.look(first) is Outcome.REFUSED
    assert world.look(second) is Outcome.STOPPED
    assert world.sweep() == {}
    assert world.reads.sending().reason == "SendingPausedException"
    world.pass_time(minutes=10)
    assert world.look(second) is Outcome.ACKNOWLEDGED


@pytest.mark.parametrize("moment", [Claim, StoreMessage, Send, Acknowledge])
def test_wherever_a_worker_dies_the_truth_is_told_in_the_end(world: World, moment: type[Effect]) -> None:
    person = world.register()
    world.just_before(moment, die)
    with pytest.raises(Crash):
        world.look(person)
    world.pass_time(minutes=2)
    world.settle()

    copies = 2 if moment is Acknowledge else 1
    assert world.said() == [(REQUEST, 0)] * copies
    assert len({rendered.rendered.calendar for rendered in world.sent}) == 1


def test_a_former_text_that_was_never_stored_is_not_sent_as_the_present_one(world: World) -> None:
    """Else the present text would go under the former one's fingerprint, and a change back would tell nobody."""
    person = world.register()
    world.just_before(StoreMessage, die)
    with pytest.raises(Crash):
        world.look(person)
    before = world.event()
    world.become(fingerprints.kept_quiet(before, replace(before, title="Mistaken")))
    world.pass_time(minutes=2)
    world.settle()
    world.change(title=before.title)
    world.pass_time(minutes=2)
    world.settle()

    titles = [re.findall(rb"SUMMARY:(.*?)\r\n", sent.rendered.calendar)[0].decode() for sent in world.sent]
    assert titles[-2:] == ["Mistaken", before.title]


def test_a_change_between_the_look_and_the_claim_is_seen_before_anything_leaves(world: World) -> None:
    person = world.invite()
    world.change(title="First")
    world.just_before(Claim, lambda: world.withdraw(person))
    assert world.look(person) is Outcome.ACKNOWLEDGED
    assert world.said() == [(REQUEST, 0), (CANCEL, 1)]


def test_a_reason_that_comes_during_the_sending_is_not_lost(world: World) -> None:
    person = world.register()
    world.just_before(Send, lambda: world.withdraw(person))
    assert world.look(person) is Outcome.ACKNOWLEDGED
    assert world.said() == [(REQUEST, 0), (CANCEL, 1)], "one look, as the wake-up was seen by the acknowledgement"


def test_whoever_was_overtaken_has_the_truth_said_anew(world: World) -> None:
    """A worker stops for minutes between its send and its record; meanwhile the event moves and another worker tells
    so.
    """
    person = world.register()

    def overtake() -> None:
        world.pass_time(minutes=5)
        world.change(when=AFTERNOON)
        world.look(person)

    world.just_before(Acknowledge, overtake)
    world.look(person)
    world.settle()

    assert world.said() == [(REQUEST, 0), (REQUEST, 1), (REQUEST, 2)]
    assert world.told[2].when == AFTERNOON


@pytest.mark.parametrize("state", [DeliveryState.BOUNCED, DeliveryState.COMPLAINED, DeliveryState.SUPPRESSED])
def test_an_address_that_may_not_be_mailed_hears_nothing_and_a_new_one_is_invited(
    world: World, state: DeliveryState
) -> None:
    person = world.invite()
    standing = replace(
        world.invitation(person), state=state, stopped=(Stopped(address="person1@example.net", state=state),)
    )
    world.client.put_item(TableName=SETTINGS.invitations_table, Item=dynamo.wire(invitation_item(standing)))

    world.change(when=AFTERNOON)
    assert world.look(person) is Outcome.CLEARED
    assert (world.said(), world.invitation(person).state) == ([(REQUEST, 0)], state)
    world.amend(person, email="new@example.net")
    assert world.look(person) is Outcome.ACKNOWLEDGED
    assert world.said("new@example.net") == [(REQUEST, 1)]


def test_a_resend_says_the_very_bytes_of_the_last_message_once_more(world: World) -> None:
    person = world.invite()
    world.resend(person)

    assert world.look(person) is Outcome.ACKNOWLEDGED
    assert world.look(person) is Outcome.CLEARED
    assert [rendered.rendered for rendered in world.sent] == [world.sent[0].rendered] * 2


def test_a_newer_truth_goes_out_instead_of_a_resend(world: World) -> None:
    person = world.invite()
    world.resend(person)
    world.change(when=AFTERNOON)
    world.look(person)

    assert world.look(person) is Outcome.CLEARED
    assert world.said() == [(REQUEST, 0), (REQUEST, 1)]


def test_a_resend_that_nobody_answers_ends_too(world: World) -> None:
    person = world.invite()
    world.resend(person)
    world.answers = [SILENCE] * 20
    outcomes = []
    for _ in range(9):
        outcomes.append(world.look(person))
        world.pass_time(minutes=5)

    assert outcomes == [Outcome.UNKNOWN] * 6 + [Outcome.FAILED, Outcome.CLEARED, Outcome.CLEARED]


def test_what_is_due_about_an_event_that_is_over_expires(world: World) -> None:
    person = world.register()
    world.now = MORNING.ends_at

    assert world.look(person) is Outcome.CLEARED
    assert (world.invitation(person).state, world.sent, world.all_due()) == (DeliveryState.EXPIRED, [], [])


def test_a_worker_with_too_little_time_left_sends_nothing_and_leaves_it_due(world: World) -> None:
    person = world.register()
    hurried = replace(world.worker(), deadline=world.now + timedelta(seconds=17))

    assert world.run(reconcile(EVENT_ID, person.registration_id, hurried)) is Outcome.OUT_OF_TIME
    assert world.sent == []
    assert world.all_due() == [f"REGISTRATION#{person.registration_id}"]


def test_a_calendar_that_would_not_hold_what_was_meant_is_not_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convoke.aws.runtime.render", lambda *_: "SUMMARY is not what was meant")
    person = world.register()

    assert world.look(person) is Outcome.FAILED
    assert (world.sent, world.calendar_state) == ([], ["given up"])


def test_somebody_who_is_not_registered_is_nobody(world: World) -> None:
    assert world.run(reconcile(EVENT_ID, "nobody", world.worker())) is Outcome.MISSING


@pytest.mark.parametrize(("attempts", "seconds"), [(1, (1, 2)), (3, (4, 8)), (9, (256, 512)), (50, (300, 600))])
def test_the_pause_after_a_refusal_doubles_up_to_a_cap_and_is_half_chance(
    attempts: int, seconds: tuple[int, int]
) -> None:
    assert backoff(attempts, 0.0, Times()) == timedelta(seconds=seconds[0])
    assert backoff(attempts, 1.0, Times()) == timedelta(seconds=seconds[1])


def test_a_wake_up_that_meets_a_claim_whose_answer_was_lost_is_not_lost(world: World) -> None:
    person = world.register()
    performed = world.perform
    changes = iter([world.withdraw])

    def twice(effect: Effect) -> object:
        if isinstance(effect, Claim) and (change := next(changes, None)):
            performed(effect)
            change(person)
        return performed(effect)

    world.perform = twice  # type: ignore[method-assign]
    world.look(person)

    assert world.said() == [(REQUEST, 0), (CANCEL, 1)]


def test_a_resend_that_was_asked_for_is_not_lost_in_a_deployment_with_a_new_schema(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = world.invite()
    world.resend(person)
    content = {1: fingerprints._CONTENT[1], 2: lambda event: {"two": fingerprints._CONTENT[1](event)}}
    monkeypatch.setattr(fingerprints, "_CONTENT", content)
    monkeypatch.setattr(fingerprints, "SCHEMA", 2)

    assert world.look(person) is Outcome.ACKNOWLEDGED
    assert [rendered.rendered for rendered in world.sent] == [world.sent[0].rendered] * 2


def test_a_claim_whose_answer_was_lost_on_the_wire_is_still_mine(world: World) -> None:
    """boto3 tries a write again by itself: the second try meets the first one's fence."""
    person = world.register()
    claims = []
    performed = world.perform

    def twice(effect: Effect) -> object:
        if isinstance(effect, Claim):
            claims.append(performed(effect))
        return performed(effect)

    world.perform = twice  # type: ignore[method-assign]
    assert world.look(person) is Outcome.ACKNOWLEDGED
    assert claims[0] is not None
    assert world.said() == [(REQUEST, 0)]


def test_an_invitation_that_was_refused_is_not_cancelled_after_the_address_before_it_could_not_be_told(
    world: World,
) -> None:
    """The old address may have been sent it, its cancellation is refused for good; the new one was never invited."""
    person = world.register()
    world.answers = [SILENCE]
    world.look(person)
    world.pass_time(minutes=5)
    world.amend(person, email="new@example.net")
    world.answers = [Refused(refusal=Refusal.POISON, why="MessageRejected"), THROTTLED]
    world.look(person)
    world.look(person)
    world.withdraw(person)
    world.pass_time(minutes=15)
    world.settle()

    assert world.said("new@example.net") == []


def test_a_report_of_what_may_have_left_counts_also_where_something_newer_was_refused_since(world: World) -> None:
    person = world.register()
    world.answers = [SILENCE, THROTTLED]
    world.look(person)
    world.pass_time(minutes=5)
    world.change(when=AFTERNOON)
    world.look(person)
    refused = world.invitation(person)
    known = updated_by(
        refused,
        report(DeliveryState.ACCEPTED, registration_id=person.registration_id, address=person.email, at=world.now),
    )

    assert not known.doubt
    assert existing(known.acknowledged).calendar_state.when == MORNING


def test_who_cannot_be_cancelled_at_an_old_address_is_still_invited_at_the_new_one(world: World) -> None:
    person = world.invite()
    world.amend(person, email="new@example.net")
    world.answers = [REJECTED]

    assert world.look(person) is Outcome.FAILED
    assert world.all_due() != []
    world.settle()
    assert world.said("new@example.net") == [(REQUEST, 2)]


def test_what_is_given_up_for_good_is_not_due(world: World) -> None:
    person = world.invite()
    world.amend(person, email="new@example.net")
    world.answers = [REJECTED] * 2

    assert world.look(person) is Outcome.FAILED
    assert world.look(person) is Outcome.FAILED
    assert world.all_due() == []


def test_a_more_pressing_reason_that_comes_later_does_not_postpone_the_look_that_is_due_already(world: World) -> None:
    person = world.register()
    soon, late = world.now + timedelta(seconds=40), world.now + timedelta(minutes=2)
    for urgency, at in ((1, soon), (0, late)):
        world.perform(
            WakeUp(event_id=EVENT_ID, registration_id=person.registration_id, due_key=keys.due_key(urgency, at))
        )
    due_key = existing(world.invitation(person).due_key)

    assert due_key.startswith("0#")
    assert due_key < keys.due_key(0, soon)
