"""What SES reports of mails that are no messages of a calendar: whom it is about, which mail, and who is shown and
posted what of it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from convoke.aws import ses
from convoke.decision.attention import AttentionKind, AttentionReason
from convoke.decision.decide import Snapshot
from convoke.decision.invitation import WaitMail
from convoke.delivery.fan_out import process_batch
from convoke.delivery.notification_reports import apply_notification_report
from convoke.delivery.notify import dispatch
from convoke.delivery.reconcile import Outcome
from convoke.delivery.reports import WriteContention
from convoke.delivery.ses_events import NotificationReport, Report, report_of
from convoke.delivery.survey import judge
from convoke.effects import (
    Accepted,
    Effect,
    ReadInvitation,
    ReadNotification,
    RecordNotification,
    Refusal,
    Refused,
    SendNotification,
    Steps,
    StoreReport,
    Unknown,
)
from convoke.mail.new_notifications import asked_for
from convoke.mail.notifications import NotificationKind
from convoke.model import DeliveryState, Registration, RegistrationStatus
from convoke.registrations import approval, erasure, waitlist
from convoke.settings import Times
from convoke.webhooks.events import WebhookEventType
from tests.factories import EVENT_ID, SENDER, existing, expect, webhook
from tests.fixtures import fixture_of
from tests.tables import SETTINGS
from tests.test_approval import asks, soon
from tests.test_wait_mails import (
    asks_for_link,
    come_back,
    dispatch_of,
    listed,
    shown,
    up_to_the_record,
    waits_and_is_mailed_that_it_is_cancelled,
)
from tests.test_waiting import ON_THE_WAITLIST, ask_for_link, link_is_due, readdressed, reopen, said, waits
from tests.world import World, a_quick_world, a_world

EVENTS = Path(__file__).parent.parent / "events"
WAITLISTED = RegistrationStatus.WAITLISTED
BUSY = Refused(refusal=Refusal.BUSY, why="ThrottlingException")
POISON = Refused(refusal=Refusal.POISON, why="MessageRejected")
TRANSIENT = {"bounceType": "Transient", "bounceSubType": "MailboxFull"}

world = fixture_of(a_quick_world, capacity=1)
slow_world = fixture_of(a_world, capacity=1)


class Tagged:
    """SES, of which only the request is of interest."""

    def send_email(self, **request: Any) -> dict[str, str]:
        self.request = request
        return {"MessageId": "m"}


def ses_event(sent: SendNotification, sample: str = "feedback-bounce", **bounce: str) -> dict[str, Any]:
    """What SES publishes of a notification, with the tags that it was sent with."""
    client = Tagged()
    ses.send_notification(client, SETTINGS, sent)
    body = json.loads(json.loads((EVENTS / f"{sample}.json").read_text())["Records"][0]["body"])
    tags = {tag["Name"]: [tag["Value"]] for tag in client.request["EmailTags"]}
    body["mail"] |= {"tags": tags, "destination": client.request["Destination"]["ToAddresses"]}
    if bounce:
        body["bounce"] |= bounce
    return dict(body)


def comes_back(world: World, sent: SendNotification, sample: str = "feedback-bounce", **bounce: str) -> bool | None:
    """SES reports it; answers whether somebody is known whom it is about, ``None`` where it is about nobody."""
    report = report_of(ses_event(sent, sample, **(bounce or (TRANSIENT if sample == "feedback-bounce" else {}))))
    assert not isinstance(report, Report)
    return None if report is None else bool(world.run(apply_notification_report(report)))


def cancelled_twice(world: World) -> tuple[Registration, SendNotification, SendNotification]:
    """Who waits, and the mails to them that it is cancelled: the first, and the last, after it took place again."""
    bo = waits_and_is_mailed_that_it_is_cancelled(world)
    first = world.notifications[-1]
    reopen(world)
    soon(world)
    world.cancel_event()
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", ON_THE_WAITLIST, "Cancelled"]
    return bo, first, world.notifications[-1]


# --- which mail it is about ---------------------------------------------------------------------------------------


def test_a_late_report_of_an_earlier_cancellation_says_nothing_of_the_later_one(world: World) -> None:
    bo, first, last = cancelled_twice(world)
    assert comes_back(world, first)
    assert shown(world, bo) is None
    assert comes_back(world, last)
    assert shown(world, bo).state is AttentionReason.BOUNCED


def test_a_report_of_an_earlier_mail_says_nothing_of_an_attempt_that_was_accepted_since(world: World) -> None:
    first = world.invite(1)
    bo = waits(world)
    soon(world)
    world.cancel_event()
    world.look(first)
    world.answers = [Unknown(why="ReadTimeoutError")]
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", "Cancelled"]
    first_attempt, second = world.notifications[-2:]
    assert comes_back(world, first_attempt)
    assert shown(world, bo) is None
    assert comes_back(world, second)
    assert shown(world, bo).state is AttentionReason.BOUNCED


def test_a_cancellation_that_came_back_counts_also_where_another_mail_was_tried_since(world: World) -> None:
    bo = waits_and_is_mailed_that_it_is_cancelled(world)
    cancelled = world.notifications[-1]
    reopen(world)
    world.answers = [BUSY]
    world.look(bo)
    world.run(dispatch_of(world, bo))
    world.cancel_event()
    world.answers = []
    soon(world)
    world.pass_time(minutes=30)
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"], "they know it by the first"
    assert comes_back(world, cancelled)
    assert shown(world, bo).state is AttentionReason.BOUNCED


def test_a_report_that_comes_twice_changes_nothing_more(world: World) -> None:
    bo, _, last = cancelled_twice(world)
    assert comes_back(world, last)
    before = world.invitation(bo)
    assert comes_back(world, last)
    assert world.invitation(bo) == before
    assert comes_back(world, last, "feedback-reject"), "which is less than that it came back"
    assert shown(world, bo).state is AttentionReason.BOUNCED


def test_what_came_back_of_a_mail_without_these_tags_counts_until_a_later_one_leaves(world: World) -> None:
    """An earlier deployment sent it."""
    bo = waits_and_is_mailed_that_it_is_cancelled(world)
    seen = world.invitation(bo)
    earlier = replace(seen, wait_mail=existing(seen.wait_mail).without_id)
    assert world.perform(StoreReport(seen=seen, changed=earlier))
    event = ses_event(world.notifications[-1], **TRANSIENT)
    del event["mail"]["tags"]["fence"]
    report = expect(NotificationReport, report_of(event))
    assert world.run(apply_notification_report(report))
    assert shown(world, bo).state is AttentionReason.BOUNCED
    reopen(world)
    soon(world)
    world.cancel_event()
    soon(world)
    assert shown(world, bo) is None
    assert world.run(apply_notification_report(report))
    assert shown(world, bo) is None


# --- a link -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bounce", [TRANSIENT, {"bounceType": "Permanent"}], ids=["for now", "for good"])
def test_a_link_that_said_that_it_is_cancelled_and_came_back_is_shown(
    slow_world: World, bounce: dict[str, str]
) -> None:
    world = slow_world
    world.invite(1)
    bo = waits(world)
    soon(world)
    world.cancel_event()
    world.queue.clear()
    assert asks_for_link(world, bo)() is Outcome.ACKNOWLEDGED
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Your registration"], "the link says that it is cancelled"
    assert shown(world, bo) is None
    assert comes_back(world, world.notifications[-1], **bounce)
    found = shown(world, bo)
    assert (found.kind, found.state) == (AttentionKind.CANCELLATION, AttentionReason.BOUNCED)
    soon(world)
    assert listed(world, bo) == [AttentionReason.BOUNCED]
    new = readdressed(world, bo, "new@example.net")
    for _ in range(2):
        soon(world)
        world.pass_time(hours=1)
    assert (said(world, new), shown(world, new), listed(world, new)) == (["Cancelled"], None, [])


def test_what_came_back_of_a_link_says_nothing_of_a_later_mail(slow_world: World) -> None:
    world = slow_world
    bo = waits_and_is_mailed_that_it_is_cancelled(world)
    ask_for_link(world, bo)
    link = world.notifications[-1]
    assert said(world, bo)[-1] == "Your registration"
    reopen(world)
    soon(world)
    world.cancel_event()
    soon(world)
    assert said(world, bo)[-1] == "Cancelled"
    assert comes_back(world, link)
    assert shown(world, bo) is None


def test_a_link_to_who_confirms_an_address_that_is_registered_is_about_that_registration(slow_world: World) -> None:
    world = slow_world
    world.invite(1)
    bo = waits(world)
    soon(world)
    ask_for_link(world, bo)
    sent = world.notifications[-1]
    asked = replace(sent.notification_state, kind=NotificationKind.CONFIRM, registration_id="1" * 36)
    assert comes_back(world, replace(sent, notification_state=asked), bounceType="Permanent")
    assert world.invitation(bo).stop_of(bo.email) is not None


def test_a_link_to_who_comes_and_that_came_back_for_good_stops_the_address(slow_world: World) -> None:
    world = slow_world
    cy = world.invite(1)
    ask_for_link(world, cy)
    assert said(world, cy) == ["Your registration"]
    assert comes_back(world, world.notifications[-1], bounceType="Permanent")
    assert existing(world.invitation(cy).stop_of(cy.email)).state is DeliveryState.BOUNCED


# --- whom it is about ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", ["feedback-bounce", "feedback-suppressed", "feedback-complaint", "feedback-reject"])
def test_a_report_about_a_former_address_changes_nothing(world: World, sample: str) -> None:
    bo = waits_and_is_mailed_that_it_is_cancelled(world)
    cancelled = world.notifications[-1]
    new = readdressed(world, bo, "new@example.net")
    soon(world)
    before = world.invitation(new)
    assert comes_back(world, cancelled, sample)
    assert (world.invitation(new), shown(world, new)) == (before, None)


def test_a_report_of_a_mail_from_before_somebody_had_another_address_for_a_while_changes_nothing(world: World) -> None:
    bo = waits_and_is_mailed_that_it_is_cancelled(world)
    cancelled = world.notifications[-1]
    readdressed(world, bo, "new@example.net")
    soon(world)
    again = readdressed(world, bo, bo.email)
    soon(world)
    assert said(world, again) == [ON_THE_WAITLIST, "Cancelled", "Cancelled"]
    assert comes_back(world, cancelled)
    assert shown(world, again) is None


def test_a_report_about_who_is_erased_stores_nothing(world: World) -> None:
    bo = waits_and_is_mailed_that_it_is_cancelled(world)
    world.withdraw(bo)
    erasure.erase(world.store, EVENT_ID, bo.registration_id, now=world.now)
    soon(world)
    before = world.invitation(bo)
    assert world.registration(bo).status is RegistrationStatus.ERASED
    assert comes_back(world, world.notifications[-1], bounceType="Permanent")
    assert world.invitation(bo) == before
    assert before.stopped == ()


def test_a_report_about_nobody_is_dropped(world: World) -> None:
    waits_and_is_mailed_that_it_is_cancelled(world)
    sent = world.notifications[-1]
    nobody = f"9{sent.notification_state.registration_id[1:]}"
    state = replace(sent.notification_state, registration_id=nobody, holder_id=nobody)
    assert not comes_back(world, replace(sent, notification_state=state))


# --- when it comes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mail", ["their own", "a link"])
def test_a_report_that_comes_before_its_mail_is_recorded_is_tried_again(slow_world: World, mail: str) -> None:
    world = slow_world
    world.invite(1)
    bo = waits(world)
    soon(world)
    world.cancel_event()
    if mail == "a link":
        world.queue.clear()
        record = up_to_the_record(world, link_of(world, bo))
    else:
        world.look(bo)
        record = up_to_the_record(world, dispatch_of(world, bo))
    for _ in range(2):
        with pytest.raises(WriteContention):
            comes_back(world, world.notifications[-1])
    record()
    assert comes_back(world, world.notifications[-1])
    assert shown(world, bo).state is AttentionReason.BOUNCED


def link_of(world: World, person: Registration) -> Steps[Outcome]:
    mail = link_is_due(world, person)
    return dispatch(EVENT_ID, mail.registration_id, mail.notification_id, world.worker())


def test_a_report_of_an_earlier_mail_does_not_wait_for_the_one_that_is_being_sent(world: World) -> None:
    bo = waits_and_is_mailed_that_it_is_cancelled(world)
    first = world.notifications[-1]
    reopen(world)
    soon(world)
    world.cancel_event()
    world.look(bo)
    record = up_to_the_record(world, dispatch_of(world, bo))
    assert comes_back(world, first)
    record()
    assert shown(world, bo) is None


def test_a_mail_that_is_recorded_while_its_report_is_applied_is_shown(world: World) -> None:
    world.invite(1)
    bo = waits(world)
    soon(world)
    world.cancel_event()
    world.look(bo)
    record = up_to_the_record(world, dispatch_of(world, bo))
    done: list[bool] = []

    def meanwhile(effect: Effect) -> None:
        if isinstance(effect, ReadNotification | ReadInvitation):
            done.append(isinstance(effect, ReadNotification))
            if len(done) == 2:
                world.before = lambda _: None
                record()

    world.before = meanwhile
    try:
        comes_back(world, world.notifications[-1])
    except WriteContention:
        comes_back(world, world.notifications[-1])
    assert shown(world, bo).state is AttentionReason.BOUNCED


def test_what_they_are_mailed_while_a_report_is_applied_is_not_lost(world: World) -> None:
    bo, _, last = cancelled_twice(world)

    def mailed() -> None:
        reopen(world)
        soon(world)

    world.just_before(StoreReport, mailed)
    assert comes_back(world, last)
    assert existing(world.invitation(bo).wait_mail).mail is WaitMail.PLACE
    world.cancel_event()
    soon(world)
    assert said(world, bo)[-2:] == [ON_THE_WAITLIST, "Cancelled"]
    assert shown(world, bo) is None


# --- what was delivered and never answered ------------------------------------------------------------------------


def never_answered(world: World, *, mailed: bool = True) -> tuple[Registration, SendNotification]:
    """Who waits, and was ``mailed`` so, and the mail to them that it is cancelled, of which SES has not said that it
    took it.
    """
    first = world.invite(1)
    bo = waits(world)
    if mailed:
        soon(world)
    world.cancel_event()
    world.look(first)
    world.look(bo)
    world.answers = [Unknown(why="ReadTimeoutError")]
    assert world.run(dispatch_of(world, bo)) is Outcome.UNKNOWN
    return bo, world.notifications[-1]


def tried_again(world: World, person: Registration) -> None:
    """Another attempt for somebody who waits, of which SES says nothing either."""
    world.pass_time(minutes=20)
    world.answers = [Unknown(why="ReadTimeoutError")]
    assert world.run(dispatch_of(world, person)) is Outcome.UNKNOWN


def test_a_mail_that_was_delivered_is_not_sent_again_where_ses_never_answered(world: World) -> None:
    bo, cancelled = never_answered(world)
    assert comes_back(world, cancelled, "feedback-delivery")
    for _ in range(3):
        soon(world)
        world.pass_time(hours=1)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]
    assert (shown(world, bo), listed(world, bo)) == (None, [])
    reopen(world)
    soon(world)
    assert said(world, bo)[-1] == ON_THE_WAITLIST


def test_a_mail_that_somebody_complained_about_had_arrived_though_ses_never_answered(world: World) -> None:
    world.invite(1)
    bo = waits(world)
    world.look(bo)
    world.answers = [Unknown(why="ReadTimeoutError")]
    assert world.run(dispatch_of(world, bo)) is Outcome.UNKNOWN
    assert comes_back(world, world.notifications[-1], "feedback-complaint")
    for _ in range(3):
        soon(world)
        world.pass_time(minutes=20)
    assert (said(world, bo), shown(world, bo), listed(world, bo)) == ([ON_THE_WAITLIST], None, [])


def test_a_mail_that_was_given_up_and_is_delivered_after_all_is_shown_no_more(world: World) -> None:
    bo, _ = never_answered(world)
    world.answers = [Unknown(why="ReadTimeoutError")] * 20
    for _ in range(8):
        soon(world)
        world.pass_time(minutes=10)
    world.answers = []
    assert listed(world, bo) == [AttentionReason.FAILED]
    cancelled = [one for one in world.notifications if one.notification_state.sent_as is NotificationKind.CANCELLED]
    counts = existing(world.invitation(bo).wait_mail).mail_id.rpartition(".")[2]
    [last] = [one for one in cancelled if str(one.notification_state.fence) == counts]
    assert comes_back(world, cancelled[0], "feedback-delivery"), "an earlier one"
    assert shown(world, bo) is not None
    assert comes_back(world, last, "feedback-delivery")
    soon(world)
    assert (shown(world, bo), listed(world, bo)) == (None, [])
    assert comes_back(world, last)
    assert shown(world, bo).state is AttentionReason.BOUNCED
    assert comes_back(world, last, "feedback-delivery"), "which came before it came back"
    assert shown(world, bo).state is AttentionReason.BOUNCED


def test_that_a_mail_without_these_tags_was_delivered_proves_nothing(world: World) -> None:
    """An earlier deployment sent it, and recorded the wait mail."""
    bo, _ = never_answered(world)
    place = world.notifications[0]
    world.answers = [Unknown(why="ReadTimeoutError")] * 20
    for _ in range(8):
        soon(world)
        world.pass_time(minutes=10)
    seen = world.invitation(bo)
    earlier = replace(seen, wait_mail=existing(seen.wait_mail).without_id)
    assert world.perform(StoreReport(seen=seen, changed=earlier))
    event = ses_event(place, "feedback-delivery")
    del event["mail"]["tags"]["fence"]
    assert world.run(apply_notification_report(expect(NotificationReport, report_of(event))))
    soon(world)
    assert (shown(world, bo).state, listed(world, bo)) == (AttentionReason.FAILED, [AttentionReason.FAILED])


def test_a_second_attempt_that_was_delivered_is_not_followed_by_a_third(world: World) -> None:
    bo, _ = never_answered(world)
    tried_again(world, bo)
    assert comes_back(world, world.notifications[-1], "feedback-delivery")
    for _ in range(3):
        soon(world)
        world.pass_time(minutes=20)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", "Cancelled"]
    assert (shown(world, bo), listed(world, bo)) == (None, [])


def test_a_first_attempt_that_was_delivered_is_not_followed_by_a_third_where_the_second_said_the_same(
    world: World,
) -> None:
    bo, first = never_answered(world)
    tried_again(world, bo)
    assert comes_back(world, first, "feedback-delivery")
    for _ in range(3):
        soon(world)
        world.pass_time(minutes=20)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", "Cancelled"]
    assert (shown(world, bo), listed(world, bo)) == (None, [])
    reopen(world)
    soon(world)
    assert said(world, bo)[-1] == ON_THE_WAITLIST


@pytest.mark.parametrize("mailed", [True, False], ids=["was mailed before", "was mailed nothing before"])
def test_a_first_attempt_that_was_delivered_is_followed_by_another_where_the_second_said_something_else(
    world: World, *, mailed: bool
) -> None:
    bo, first = never_answered(world, mailed=mailed)
    reopen(world)
    tried_again(world, bo)
    assert comes_back(world, first, "feedback-delivery")
    world.cancel_event()
    for _ in range(3):
        soon(world)
        world.pass_time(minutes=20)
    assert said(world, bo) == [ON_THE_WAITLIST] * mailed + ["Cancelled", ON_THE_WAITLIST, "Cancelled"]


def test_a_first_attempt_that_was_delivered_is_followed_by_another_where_one_between_said_something_else(
    world: World,
) -> None:
    """Which of the later two left is not known."""
    bo, first = never_answered(world)
    reopen(world)
    tried_again(world, bo)
    world.cancel_event()
    tried_again(world, bo)
    assert comes_back(world, first, "feedback-delivery")
    for _ in range(3):
        soon(world)
        world.pass_time(minutes=20)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", ON_THE_WAITLIST, "Cancelled", "Cancelled"]


def test_that_an_earlier_mail_was_delivered_is_no_proof_of_a_later_one(world: World) -> None:
    bo, _ = never_answered(world)
    assert comes_back(world, world.notifications[0], "feedback-delivery")
    for _ in range(3):
        soon(world)
        world.pass_time(minutes=20)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", "Cancelled"]


def test_that_an_earlier_mail_was_delivered_says_nothing_of_what_is_to_be_said_now(world: World) -> None:
    bo, cancelled = never_answered(world)
    world.pass_time(minutes=20)
    reopen(world)
    world.look(bo)
    assert comes_back(world, cancelled, "feedback-delivery")
    soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", ON_THE_WAITLIST]


@pytest.mark.parametrize("answer", [Accepted(ses_id="m"), Unknown(why="ReadTimeoutError")])
def test_a_mail_that_was_delivered_before_its_worker_knew_is_not_sent_again(
    world: World, answer: Accepted | Unknown
) -> None:
    first = world.invite(1)
    bo = waits(world)
    soon(world)
    world.cancel_event()
    world.look(first)
    world.look(bo)
    world.answers = [answer]
    record = up_to_the_record(world, dispatch_of(world, bo))
    assert comes_back(world, world.notifications[-1], "feedback-delivery")
    record()
    assert existing(world.invitation(bo).wait_mail).certain
    for _ in range(3):
        soon(world)
        world.pass_time(minutes=20)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]
    assert (shown(world, bo), listed(world, bo)) == (None, [])


def test_a_mail_that_was_delivered_and_whose_worker_died_is_not_sent_again(world: World) -> None:
    first = world.invite(1)
    bo = waits(world)
    soon(world)
    world.cancel_event()
    world.look(first)
    world.look(bo)
    up_to_the_record(world, dispatch_of(world, bo))
    assert comes_back(world, world.notifications[-1], "feedback-delivery")
    for _ in range(3):
        soon(world)
        world.pass_time(minutes=20)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled"]


def test_what_they_are_mailed_after_a_delivery_is_not_overwritten_by_the_worker_that_still_waits_for_ses(
    world: World,
) -> None:
    bo = waits_and_is_mailed_that_it_is_cancelled(world)
    reopen(world)
    world.look(bo)
    record = up_to_the_record(world, dispatch_of(world, bo))
    assert comes_back(world, world.notifications[-1], "feedback-delivery")
    world.cancel_event()
    world.look(bo)
    assert world.run(dispatch_of(world, bo)) is Outcome.ACKNOWLEDGED
    record()
    for _ in range(2):
        soon(world)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", ON_THE_WAITLIST, "Cancelled"]


def test_what_comes_back_after_a_delivery_is_not_overwritten_by_the_worker_that_still_waits_for_ses(
    world: World,
) -> None:
    world.invite(1)
    bo = waits(world)
    soon(world)
    world.cancel_event()
    world.look(bo)
    record = up_to_the_record(world, dispatch_of(world, bo))
    assert comes_back(world, world.notifications[-1], "feedback-delivery")
    assert comes_back(world, world.notifications[-1])
    record()
    soon(world)
    assert shown(world, bo).state is AttentionReason.BOUNCED
    assert listed(world, bo) == [AttentionReason.BOUNCED]


class Died(Exception):
    """A worker's function was stopped."""


def dies(world: World, kind: type[Effect], person: Registration) -> None:
    """A worker sees to the notification of somebody who waits, and dies where it would carry out this effect."""

    def die() -> None:
        raise Died

    world.just_before(kind, die)
    with pytest.raises(Died):
        world.run(dispatch_of(world, person))


def left_and_was_never_recorded(world: World) -> tuple[Registration, SendNotification]:
    """Who waits, and the mail to them that it is cancelled, whose worker died; by now it takes place again."""
    first = world.invite(1)
    bo = waits(world)
    soon(world)
    world.cancel_event()
    world.look(first)
    world.look(bo)
    dies(world, RecordNotification, bo)
    world.pass_time(minutes=10)
    reopen(world)
    return bo, world.notifications[-1]


def test_that_the_mail_of_a_worker_who_died_was_delivered_says_nothing_of_what_another_is_refused(
    world: World,
) -> None:
    bo, cancelled = left_and_was_never_recorded(world)
    world.just_before(SendNotification, lambda: comes_back(world, cancelled, "feedback-delivery"))
    world.answers = [BUSY]
    assert world.run(dispatch_of(world, bo)) is Outcome.REFUSED
    for _ in range(3):
        soon(world)
        world.pass_time(hours=2)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", ON_THE_WAITLIST]


def test_that_the_mail_of_a_worker_who_died_was_delivered_says_nothing_of_what_another_did_not_send(
    world: World,
) -> None:
    bo, cancelled = left_and_was_never_recorded(world)
    dies(world, SendNotification, bo)
    assert comes_back(world, cancelled, "feedback-delivery")
    for _ in range(3):
        soon(world)
        world.pass_time(hours=2)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", ON_THE_WAITLIST]


def test_that_the_mail_of_a_worker_who_died_was_delivered_does_not_end_what_became_due_since(world: World) -> None:
    bo, _ = left_and_was_never_recorded(world)
    dies(world, RecordNotification, bo)
    place = world.notifications[-1]
    world.pass_time(minutes=10)
    world.cancel_event()
    for hint in world.plan():
        world.run(process_batch(hint, world.worker()))
    assert comes_back(world, place, "feedback-delivery")
    for _ in range(3):
        soon(world)
        world.pass_time(hours=2)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", ON_THE_WAITLIST, "Cancelled"]


def test_who_was_told_something_else_since_is_sent_what_is_true_whatever_was_delivered(slow_world: World) -> None:
    world = slow_world
    bo, cancelled = never_answered(world)
    world.queue.clear()
    reopen(world)
    assert asks_for_link(world, bo)() is Outcome.ACKNOWLEDGED
    world.cancel_event()
    assert comes_back(world, cancelled, "feedback-delivery")
    for _ in range(3):
        soon(world)
        world.pass_time(minutes=10)
    assert said(world, bo) == [ON_THE_WAITLIST, "Cancelled", "Your registration", "Cancelled"]


def test_a_link_that_was_delivered_is_not_sent_again(slow_world: World) -> None:
    world = slow_world
    world.invite(1)
    bo = waits(world)
    soon(world)
    link = asks_for_link(world, bo)
    world.answers = [Unknown(why="ReadTimeoutError")]
    assert link() is Outcome.UNKNOWN
    assert comes_back(world, world.notifications[-1], "feedback-delivery")
    for _ in range(3):
        soon(world)
        world.pass_time(minutes=10)
    assert said(world, bo) == [ON_THE_WAITLIST, "Your registration"]
    world.cancel_event()
    soon(world)
    assert said(world, bo)[-1] == "Cancelled"


# --- who is shown -------------------------------------------------------------------------------------------------


def test_whether_a_wait_mail_arrived_is_not_asked_of_whom_a_message_is_missing_to(world: World) -> None:
    first = world.invite(1)
    world.withdraw(first)
    world.register(3)
    assert come_back(world, first).status is WAITLISTED
    world.cancel_event()
    seen = Snapshot(invitation=world.invitation(first), registration=world.registration(first), event=world.event())
    asked: list[Effect] = []
    world.before = asked.append
    found = existing(world.run(judge(seen, SENDER, world.now)))
    assert found.kind is AttentionKind.CANCELLATION
    assert not [effect for effect in asked if isinstance(effect, ReadNotification)]


def test_who_waits_and_whose_mail_came_back_for_now_is_shown_once_it_is_cancelled_and_that_came_back(
    world: World,
) -> None:
    world.invite(1)
    bo = waits(world)
    soon(world)
    assert comes_back(world, world.notifications[-1])
    assert shown(world, bo) is None, "a later mail may arrive"
    world.cancel_event()
    soon(world)
    assert shown(world, bo) is None
    assert comes_back(world, world.notifications[-1])
    assert shown(world, bo).kind is AttentionKind.CANCELLATION


def test_who_was_not_reached_is_shown_no_more_once_it_takes_place_again(world: World) -> None:
    bo, _, last = cancelled_twice(world)
    comes_back(world, last)
    soon(world)
    assert listed(world, bo) == [AttentionReason.BOUNCED]
    reopen(world)
    for _ in range(3):
        soon(world)
        world.pass_time(hours=1)
    assert listed(world, bo) == []


def test_who_was_not_reached_and_gets_a_seat_is_shown_no_more_once_they_are_invited(world: World) -> None:
    bo, _, last = cancelled_twice(world)
    comes_back(world, last)
    soon(world)
    reopen(world)
    world.change(capacity=2)
    waitlist.promote(world.store, EVENT_ID, now=world.now)
    for _ in range(3):
        soon(world)
        world.pass_time(hours=1)
    assert len(world.said(bo.email)) == 1
    assert listed(world, bo) == []


# --- who listens --------------------------------------------------------------------------------------------------


def posted(world: World) -> list[tuple[str, dict[str, Any]]]:
    """The webhook events about mails, with their data."""
    page = world.store.outbox.list_events("acme", "", world.now + timedelta(hours=1), 100)
    return [(one.type.value, dict(one.data)) for one in page.items if one.type.value.startswith(("invit", "notif"))]


def listens(world: World) -> None:
    world.store.webhooks.create(webhook(*WebhookEventType))


@pytest.mark.parametrize(
    ("sample", "bounce", "what", "state"),
    [
        ("feedback-bounce", TRANSIENT, "notification.bounced", "bounced"),
        ("feedback-bounce", {"bounceType": "Permanent"}, "notification.bounced", "bounced"),
        ("feedback-suppressed", {}, "notification.bounced", "suppressed"),
        ("feedback-complaint", {}, "notification.complained", "complained"),
    ],
)
@pytest.mark.parametrize("cancelled", [False, True], ids=["that they wait", "that it is cancelled"])
def test_who_listens_is_posted_once_what_became_of_a_wait_mail(
    world: World, sample: str, bounce: dict[str, str], what: str, state: str, *, cancelled: bool
) -> None:
    listens(world)
    world.invite(1)
    bo = waits(world)
    soon(world)
    if cancelled:
        world.cancel_event()
        soon(world)
    for _ in range(2):
        assert comes_back(world, world.notifications[-1], sample, **bounce)
    kind = "cancelled" if cancelled else "waiting"
    data = {"event_id": EVENT_ID, "registration_id": bo.registration_id, "kind": kind, "state": state}
    assert posted(world) == [(what, data)]


def test_who_listens_is_posted_what_kind_of_mail_came_back(slow_world: World) -> None:
    world = slow_world
    listens(world)
    world.change(approval=True)
    bo = asks(world, 2)
    soon(world)
    assert comes_back(world, world.notifications[-1])
    ask_for_link(world, bo)
    assert comes_back(world, world.notifications[-1])
    approval.decline(world.store, world.event(), world.registration(bo), now=world.now)
    soon(world)
    for _ in range(2):
        assert comes_back(world, world.notifications[-1], bounceType="Permanent")
    assert [data["kind"] for _, data in posted(world)] == ["pending", "link", "turned-down"]


def test_a_late_report_of_an_earlier_mail_is_posted_to_nobody(world: World) -> None:
    listens(world)
    _, first, last = cancelled_twice(world)
    assert comes_back(world, first)
    assert posted(world) == []
    assert comes_back(world, last)
    assert len(posted(world)) == 1


def test_what_comes_back_before_it_is_recorded_is_posted_once(world: World) -> None:
    listens(world)
    world.invite(1)
    bo = waits(world)
    soon(world)
    world.cancel_event()
    world.look(bo)
    record = up_to_the_record(world, dispatch_of(world, bo))
    with pytest.raises(WriteContention):
        comes_back(world, world.notifications[-1], bounceType="Permanent")
    record()
    assert comes_back(world, world.notifications[-1], bounceType="Permanent")
    assert [what for what, _ in posted(world)] == ["notification.bounced"]
    assert shown(world, bo).state is AttentionReason.BOUNCED


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (POISON, "MessageRejected"),
        (Unknown(why="ReadTimeoutError"), "unanswered"),
    ],
)
def test_who_listens_is_posted_that_a_wait_mail_was_given_up(
    world: World, answer: Refused | Unknown, reason: str
) -> None:
    listens(world)
    first = world.invite(1)
    bo = waits(world)
    soon(world)
    world.cancel_event()
    world.look(first)
    world.answers = [answer] * 20
    for _ in range(8):
        soon(world)
        world.pass_time(minutes=10)
    assert listed(world, bo) == [AttentionReason.FAILED]
    ids = {"event_id": EVENT_ID, "registration_id": bo.registration_id}
    data = {**ids, "kind": "cancelled", "state": "failed", "reason": reason}
    assert posted(world) == [("notification.failed", data)]


def test_who_listens_is_posted_once_of_a_wait_mail_that_is_given_up_at_every_attempt(world: World) -> None:
    listens(world)
    first = world.invite(1)
    bo = waits(world)
    soon(world)
    world.cancel_event()
    world.look(first)
    given_up_again(world, bo)
    given_up_again(world, bo)
    assert [what for what, _ in posted(world)] == ["notification.failed"]
    bo = readdressed(world, bo, "new@example.net")
    given_up_again(world, bo)
    given_up_again(world, bo)
    assert len(posted(world)) == 2, "to another address it is another one"
    world.answers = []
    soon(world)
    assert said(world, bo) == ["Cancelled"]
    reopen(world)
    soon(world)
    world.cancel_event()
    given_up_again(world, bo)
    assert len(posted(world)) == 3, "SES has taken one since"


def given_up_again(world: World, person: Registration) -> None:
    """The event is changed, and SES refuses the mail that is due to somebody who waits for good."""
    world.change(title=f"{world.event().title}!", priority=0)
    world.answers = [POISON] * 20
    world.look(person)
    assert world.run(dispatch_of(world, person)) is Outcome.FAILED


@pytest.mark.parametrize("answer", [POISON, Unknown(why="ReadTimeoutError")])
def test_who_listens_is_posted_of_which_kind_a_mail_was_that_is_given_up(
    slow_world: World, answer: Refused | Unknown
) -> None:
    world = slow_world
    listens(world)
    cy = world.invite(1)
    world.change(approval=True)
    bo = asks(world, 2)
    world.answers = [answer] * 20
    for _ in range(8):
        soon(world)
        world.pass_time(minutes=10)
    link = link_is_due(world, cy)
    for _ in range(8):
        world.run(dispatch(EVENT_ID, link.registration_id, link.notification_id, world.worker()))
        world.pass_time(minutes=10)
    assert [(what, data["registration_id"], data["kind"]) for what, data in posted(world)] == [
        ("notification.failed", bo.registration_id, "pending"),
        ("notification.failed", cy.registration_id, "link"),
    ]


@pytest.mark.parametrize("kind", ["pending", "cancelled"])
def test_who_listens_is_posted_what_was_to_be_said_last_by_a_mail_that_is_given_up(
    slow_world: World, kind: str
) -> None:
    world = slow_world
    listens(world)
    world.change(approval=True)
    bo = asks(world, 2)
    for _ in range(Times().max_unknowns):
        tried_again(world, bo)
    world.pass_time(minutes=20)
    if kind == "cancelled":
        world.cancel_event()
        world.look(bo)
    assert world.run(dispatch_of(world, bo)) is Outcome.FAILED
    [(what, data)] = posted(world)
    assert (what, data["kind"], data["reason"]) == ("notification.failed", kind, "unanswered")


def test_nothing_is_posted_of_a_mail_to_an_address_that_is_not_registered(slow_world: World) -> None:
    world = slow_world
    listens(world)
    letter = asked_for(
        NotificationKind.CONFIRM,
        world.event(),
        "nobody@example.net",
        about="x",
        until=world.now + timedelta(days=1),
        now=world.now,
    )
    assert world.store.notifications.schedule(letter, now=world.now)
    world.answers = [POISON]
    assert world.run(dispatch(EVENT_ID, "", letter.notification_id, world.worker())) is Outcome.FAILED
    assert posted(world) == []


def test_who_listens_is_posted_that_ses_rejected_a_wait_mail_after_it_took_it(world: World) -> None:
    listens(world)
    waits_and_is_mailed_that_it_is_cancelled(world)
    for _ in range(2):
        assert comes_back(world, world.notifications[-1], "feedback-reject")
    [(what, data)] = posted(world)
    assert (what, data["kind"], data["reason"]) == ("notification.failed", "cancelled", "Reject")


def test_nothing_is_posted_of_a_mail_that_is_not_sent_to_an_address_that_is_stopped(world: World) -> None:
    """That the address is stopped was posted."""
    listens(world)
    world.invite(1)
    bo = waits(world)
    soon(world)
    assert comes_back(world, world.notifications[-1], bounceType="Permanent")
    world.cancel_event()
    soon(world)
    assert (said(world, bo), shown(world, bo).kind) == ([ON_THE_WAITLIST], AttentionKind.CANCELLATION)
    assert [what for what, _ in posted(world)] == ["notification.bounced"]
