"""Writes that come too late: each is refused for the one thing that has changed since that was read which it rests on.

Here are those of which another test would not notice that their condition (``store.conditions``) lacks a part. What a
race is needed for is in the simulator's mutants.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from convoke.decision.fan_out import Batch, FanOut
from convoke.decision.invitation import (
    Acknowledged,
    Hold,
    Intent,
    Invitation,
    Seats,
    Stopped,
    StoredMessage,
    WaitMail,
    WaitMailed,
)
from convoke.effects import (
    Acknowledge,
    AcknowledgeResult,
    BatchHint,
    Claim,
    ClaimBatch,
    Defer,
    Due,
    DueKind,
    EndBatch,
    HoldClaim,
    MoveBatch,
    PlanBatches,
    Postpone,
    RecordMessageState,
    SlowDown,
    StopSending,
    StoreReport,
    WakeUp,
)
from convoke.inbound.judgement import Judgement, Verdict
from convoke.inbound.proposals import ProposalStatus
from convoke.inbound.quarantine import QuarantineStatus
from convoke.mail.notifications import SentWaitMail
from convoke.model import AccountSettings, AnswerChannel, DeliveryState, ReceivedReply
from convoke.store import dynamo, keys
from convoke.store.address_changes import AddressChange
from convoke.store.comparisons import Progress
from convoke.store.events import SplitTransfer
from convoke.store.imports import Import
from convoke.store.invitations import invitation_item
from convoke.store.records import message_item
from convoke.store.store import Store
from convoke.store.unconfirmed import UnconfirmedRegistration
from convoke.store.writes import Action
from convoke.webhooks.events import WebhookEvent, WebhookEventType, WebhookPayload, new_delivery
from tests import factories
from tests.factories import EVENT_ID, NOW, REGISTRATION_ID, existing
from tests.fixtures import fixture_of
from tests.tables import SETTINGS, in_memory, unchanged

MINUTE = timedelta(minutes=1)
LATER = NOW + MINUTE
DUE = keys.due_key(1, NOW)

client = fixture_of(in_memory)


@pytest.fixture
def store(client: Any) -> Store:
    return Store(client, SETTINGS)


def done(store: Store, *actions: Action) -> bool:
    """Whether the actions were carried out, all together."""
    return not store.attempt({str(number): action for number, action in enumerate(actions)})


def refused(store: Store, *actions: Action) -> bool:
    with unchanged(store.client):
        return not done(store, *actions)


def after_reading(repository: Any, deed: Callable[[], object]) -> AbstractContextManager[object]:
    """Within, ``deed`` is done once, after the repository has read an item."""
    read, deeds = repository._item, [deed]

    def reads(*what: Any) -> Any:
        found = read(*what)
        if deeds:
            deeds.pop()()
        return found

    return patch.object(repository, "_item", reads)


# --- what is stored once --------------------------------------------------------------------------------------------

HOLD = Hold(event_id=EVENT_ID, registration_id=REGISTRATION_ID, seats=2, until=LATER)
UNCONFIRMED = UnconfirmedRegistration(unconfirmed_id="one", event_id=EVENT_ID, asked_at=NOW, valid_until=LATER)
JUDGEMENT = Judgement(verdict=Verdict.REFRESH)
REPLY = ReceivedReply(reply=factories.reply(), channel=AnswerChannel.WEB, at=NOW)


NEW: dict[str, Callable[[Store], Action]] = {
    "event": lambda store: store.events.new_action(factories.event()),
    "registration": lambda store: store.registrations.new_action(factories.registration(), "acme"),
    "lock": lambda store: store.registrations.lock_action(factories.registration()),
    "invitation": lambda store: store.invitations.new_action(factories.invitation()),
    "seats": lambda store: store.seats.new_action(EVENT_ID, Seats()),
    "place": lambda store: store.seats.place_action(EVENT_ID, REGISTRATION_ID),
    "hold": lambda store: store.seats.hold_actions(HOLD)["hold"],
    "shard": lambda store: store.seats.ask_actions(EVENT_ID, 1, 3)["shard"],
    "proposal": lambda store: store.proposals.put_action(factories.proposal()),
    "quarantined mail": lambda store: store.quarantine.put_action(factories.held()),
    "unconfirmed registration": lambda store: store.unconfirmed.new_action(UNCONFIRMED),
    "answer": lambda store: store.answers.history_actions(REGISTRATION_ID, REPLY, [], LATER)["answer"],
    "received mail": lambda store: store.received.record_action(JUDGEMENT, factories.receipt()),
}


@pytest.mark.parametrize("new", NEW.values(), ids=NEW)
def test_what_is_stored_once_is_not_stored_anew(store: Store, new: Callable[[Store], Action]) -> None:
    assert done(store, new(store))
    assert refused(store, new(store))


# --- seats ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("capacity", [None, 2])
def test_a_seat_goes_to_the_waitlist_only_where_somebody_is_on_it(store: Store, capacity: int | None) -> None:
    assert done(store, store.seats.new_action(EVENT_ID, Seats(capacity=capacity, taken=1)))
    seats = existing(store.seats.read(EVENT_ID))
    assert done(store, store.seats.place_action(EVENT_ID, REGISTRATION_ID))
    assert refused(store, *store.seats.promote_actions(EVENT_ID, REGISTRATION_ID, seats, 1).values())
    assert refused(store, store.seats.release_action(EVENT_ID, 1, NOW, anybody_waits=True))
    assert done(store, store.seats.release_action(EVENT_ID, 1, NOW, anybody_waits=False))


def test_kept_seats_are_released_to_a_waitlist_only_where_somebody_is_on_it(store: Store) -> None:
    assert done(store, store.seats.new_action(EVENT_ID, Seats(taken=2)))
    assert done(store, *store.seats.hold_actions(HOLD).values())
    early = {"early": True, "anybody_waits": True}
    assert refused(store, *store.seats.release_held_actions(HOLD, NOW, **early).values())


@pytest.mark.parametrize("change", [{"seats": 1}, {"until": LATER + MINUTE}])
def test_kept_seats_are_passed_on_as_they_were_read(store: Store, change: dict[str, Any]) -> None:
    assert done(store, store.seats.new_action(EVENT_ID, Seats(taken=2)))
    assert done(store, *store.seats.hold_actions(HOLD).values())
    seats = existing(store.seats.read(EVENT_ID))
    for hold, refuses in ((replace(HOLD, **change), refused), (HOLD, done)):
        assert refuses(store, store.seats.pass_on_held_actions(hold, seats, 2, NOW, 0)["hold"])


def test_a_place_on_the_waitlist_is_left_once(store: Store) -> None:
    assert done(store, store.seats.new_action(EVENT_ID, Seats(waiting=2)))
    assert done(store, store.seats.place_action(EVENT_ID, REGISTRATION_ID))
    assert done(store, *store.seats.leave_waitlist_actions(EVENT_ID, REGISTRATION_ID).values())
    assert refused(store, *store.seats.leave_waitlist_actions(EVENT_ID, REGISTRATION_ID).values())


def test_nothing_is_counted_for_an_event_or_in_a_shard_that_is_not_there(store: Store) -> None:
    assert refused(store, store.seats.count_action(EVENT_ID, taken=1))
    assert refused(store, store.seats.ask_shard_action(EVENT_ID, 3, 1))
    with unchanged(store.client):
        store.seats.clear_due(EVENT_ID, over=True)


# --- events ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"version": 7}, {"account": "other"}])
def test_an_event_is_changed_in_the_version_and_for_the_account_that_it_was_read_for(
    store: Store, change: dict[str, Any]
) -> None:
    seen = factories.event()
    assert done(store, store.events.new_action(replace(seen, **change)))
    assert refused(store, store.events.change_action(seen, replace(seen, title="Changed")))


def test_the_stream_is_told_of_an_event_as_it_was_read(store: Store) -> None:
    seen = factories.event()
    assert done(store, store.events.new_action(replace(seen, version=seen.version + 1)))
    assert refused(store, store.events.hint_action(seen, NOW))


# --- split transfers ------------------------------------------------------------------------------------------------

TRANSFER = SplitTransfer(
    event_id=factories.NEW_ID, source=EVENT_ID, since=factories.MORNING.start, named=0, at=NOW, due_key=DUE
)


@pytest.mark.parametrize("again_at", [None, NOW])
def test_a_transfer_goes_on_and_ends_where_it_was_read(store: Store, again_at: datetime | None) -> None:
    seen = replace(TRANSFER, again_at=again_at)
    assert done(store, store.events.start_transfer_action(replace(seen, cursor="5"), 1, NOW))
    assert refused(store, store.events.move_transfer_action(seen, "3", (), NOW))
    assert refused(store, store.events.look_again_action(seen, (), NOW))
    assert refused(store, store.events.end_transfer_action(seen))


def test_only_a_first_look_at_who_is_to_be_copied_keeps_others_out(store: Store) -> None:
    check = store.events.not_transferring_check(TRANSFER.event_id)
    assert done(store, check)
    assert done(store, store.events.start_transfer_action(TRANSFER, 1, NOW))
    assert refused(store, check)
    assert done(store, store.events.look_again_action(TRANSFER, (), NOW))
    assert done(store, check)


# --- fan-outs -------------------------------------------------------------------------------------------------------

WAITS = FanOut(event_id=EVENT_ID, version=2, told_at=LATER, told=1)


@pytest.mark.parametrize("change", [{"version": 3}, {"planned_to": "5"}, {"told_at": LATER + MINUTE}])
def test_what_waits_is_announced_or_replaced_as_it_was_read(store: Store, change: dict[str, Any]) -> None:
    assert done(store, store.events.fan_out_action(replace(WAITS, **change), NOW))
    assert refused(store, store.fan_outs.tell_now_action(WAITS, NOW))
    assert refused(store, store.events.fan_out_action(replace(WAITS, version=4), NOW, WAITS))


def test_a_last_page_without_anybody_is_planned_while_as_many_batches_are_left_as_were(store: Store) -> None:
    seen = FanOut(event_id=EVENT_ID, version=2, planning=True)
    assert done(store, store.events.fan_out_action(seen, NOW))
    batch = Batch(event_id=EVENT_ID, version=2, first="", through="9", after="")
    assert store.fan_outs.plan_batches(
        PlanBatches(seen=seen, batches=((batch, DUE),), through="9", people=1, due_key=DUE)
    )
    seen = existing(store.reads.fan_out(EVENT_ID))
    last = PlanBatches(seen=seen, batches=(), through="~", people=0, due_key=None)
    hint = BatchHint(event_id=EVENT_ID, version=2, first="")
    claimed = store.fan_outs.claim_batch(ClaimBatch(hint=hint, now=NOW, lease_until=LATER))
    assert store.fan_outs.end_batch(EndBatch(batch=existing(claimed)))
    with unchanged(store.client):
        assert not store.fan_outs.plan_batches(last)
    assert store.fan_outs.plan_batches(replace(last, seen=existing(store.reads.fan_out(EVENT_ID))))
    assert store.reads.fan_out(EVENT_ID) is None


def test_a_batch_that_others_have_worked_on_since_it_was_read_is_read_again(store: Store) -> None:
    seen = FanOut(event_id=EVENT_ID, version=2, planning=True)
    batch = Batch(event_id=EVENT_ID, version=2, first="", through="9", after="")
    page = PlanBatches(seen=seen, batches=((batch, DUE),), through="9", people=1, due_key=None)
    assert done(store, store.events.fan_out_action(seen, NOW))
    assert store.fan_outs.plan_batches(page)
    claim = ClaimBatch(hint=BatchHint(event_id=EVENT_ID, version=2, first=""), now=NOW, lease_until=LATER)

    def another_has_worked_on_it() -> None:
        other = Store(store.client, SETTINGS).fan_outs
        assert other.move_batch(MoveBatch(batch=existing(other.claim_batch(claim)), after="5", due_key=DUE))

    with after_reading(store.fan_outs, another_has_worked_on_it):
        assert store.fan_outs.claim_batch(claim) is None
    assert existing(store.fan_outs.claim_batch(claim)).after == "5"


# --- what is due, and what was sent ---------------------------------------------------------------------------------


def test_what_became_due_otherwise_is_not_postponed(store: Store) -> None:
    invitation = factories.invitation(due_key=DUE)
    assert done(store, store.invitations.new_action(invitation))
    due = Due(kind=DueKind.REGISTRATION, event_id=EVENT_ID, registration_id=REGISTRATION_ID, due_key=DUE)
    urgent = keys.due_key(0, NOW)
    store.invitations.wake_up(WakeUp(event_id=EVENT_ID, registration_id=REGISTRATION_ID, due_key=urgent))
    with unchanged(store.client):
        assert not store.records.postpone(Postpone(due=due, due_key=keys.due_key(1, LATER)))
    assert store.records.postpone(Postpone(due=replace(due, due_key=urgent), due_key=keys.due_key(0, LATER)))


def read(store: Store) -> Invitation:
    return existing(store.reads.invitation(EVENT_ID, REGISTRATION_ID))


def test_a_report_is_written_to_the_invitation_that_was_read(store: Store) -> None:
    seen = factories.invited()
    assert done(store, store.invitations.new_action(replace(seen, fence=seen.fence + 1)))
    changed = replace(seen, state=DeliveryState.DELIVERED)
    with unchanged(store.client):
        assert not store.invitations.store_report(StoreReport(seen=seen, changed=changed))


def test_a_report_about_a_wait_mail_is_written_only_where_none_was_recorded_since(store: Store) -> None:
    """What is recorded of a wait mail adds a wake-up, and leaves the fence."""
    mailed = WaitMailed(mail=WaitMail.CANCELLED, links=0, mail_id="first")
    seen = factories.invitation(wait_mail=mailed)
    assert done(store, store.invitations.new_action(seen))
    said = SentWaitMail(registration_id=REGISTRATION_ID, mail=WaitMail.PLACE, links=0, at=NOW, after=seen.allocated)
    assert done(store, store.invitations.wait_mail_action(EVENT_ID, said))
    assert read(store).fence == seen.fence
    changed = replace(seen, wait_mail=replace(mailed, certain=False, failure=DeliveryState.BOUNCED))
    with unchanged(store.client):
        assert not store.invitations.store_report(StoreReport(seen=seen, changed=changed))
    stopped = (Stopped(address="bo@example.net", state=DeliveryState.BOUNCED),)
    assert store.invitations.store_report(StoreReport(seen=seen, changed=replace(seen, stopped=stopped)))
    assert read(store).wait_mail == WaitMailed(mail=WaitMail.PLACE, links=0)


def test_a_report_that_comes_while_a_wake_up_is_kept_is_kept_too(store: Store) -> None:
    state = factories.told()
    assert done(store, store.invitations.new_action(factories.invitation(due_key=DUE)))
    intent = Intent(calendar_state=state, attempt="a")
    claimed = existing(
        store.invitations.claim(
            Claim(seen=read(store), intent=intent, lease_until=LATER, due_key=keys.due_key(1, LATER), now=NOW)
        )
    )
    store.invitations.wake_up(WakeUp(event_id=EVENT_ID, registration_id=REGISTRATION_ID, due_key=DUE))
    told = Acknowledged(calendar_state=state, ses_id="ses", at=NOW)
    write, writes = store.invitations._update, [1, 2]

    def late(*what: Any, **how: Any) -> Any:
        if writes.pop(0) == 2:
            reported = replace(read(store), acknowledged=told, state=DeliveryState.BOUNCED, reason="nobody")
            other = Store(store.client, SETTINGS).invitations
            assert other.store_report(StoreReport(seen=read(store), changed=reported))
            writes.extend(range(3, 9))
        return write(*what, **how)

    with patch.object(store.invitations, "_update", late):
        result = store.invitations.acknowledge(Acknowledge(claimed=claimed, acknowledged=told, due_key=None))
    assert result is AcknowledgeResult.STILL_DUE
    assert (read(store).state, read(store).reason) == (DeliveryState.BOUNCED, "nobody")
    assert read(store).due_key == DUE


@pytest.mark.parametrize("due_key", [None, keys.due_key(1, LATER + timedelta(minutes=1))], ids=["accepted", "unknown"])
def test_what_was_deferred_once_the_lease_was_over_stays_due_though_the_former_worker_is_answered(
    store: Store, due_key: str | None
) -> None:
    state, until = factories.told(), keys.due_key(1, LATER + timedelta(hours=1))
    assert done(store, store.invitations.new_action(factories.invitation(due_key=DUE)))
    intent = Intent(calendar_state=state, attempt="a")
    claim = Claim(seen=read(store), intent=intent, lease_until=LATER, due_key=keys.due_key(1, LATER), now=NOW)
    claimed = existing(store.invitations.claim(claim))
    assert store.invitations.defer(Defer(seen=read(store), due_key=until))
    if due_key is None:
        told = Acknowledged(calendar_state=state, ses_id="ses", at=LATER)
        result = store.invitations.acknowledge(Acknowledge(claimed=claimed, acknowledged=told, due_key=due_key))
        assert result is AcknowledgeResult.STILL_DUE
    else:
        assert store.invitations.hold_claim(HoldClaim(claimed=claimed, due_key=due_key))
    assert read(store).due_key == until


@pytest.mark.parametrize("change", [{"fence": 7}, {"wakeups": 7}])
def test_a_sequence_is_raised_above_the_one_that_was_read(store: Store, change: dict[str, Any]) -> None:
    seen, now = factories.invited(), replace(factories.invited(), **change)
    assert done(store, store.invitations.new_action(now))
    with unchanged(store.client):
        assert not store.invitations.lift(invitation_item(seen), 100, NOW)
    assert store.invitations.lift(invitation_item(now), 100, NOW)


def test_what_ses_reported_of_a_message_is_not_hidden_by_that_it_was_accepted(store: Store) -> None:
    state = factories.told()
    message = StoredMessage(
        registration_id=REGISTRATION_ID, event_id=EVENT_ID, calendar_state=state, rendered=None, written_at=NOW
    )
    store.client.put_item(TableName=SETTINGS.invitations_table, Item=dynamo.wire(message_item(message)))

    def record(became: DeliveryState) -> None:
        effect = RecordMessageState(
            registration_id=REGISTRATION_ID, sequence=state.sequence, state=became, ses_id="ses", at=NOW
        )
        store.records.record_sent(effect)

    record(DeliveryState.BOUNCED)
    with unchanged(store.client):
        record(DeliveryState.ACCEPTED)
    record(DeliveryState.COMPLAINED)
    assert existing(store.reads.stored(REGISTRATION_ID, state.sequence)).state is DeliveryState.COMPLAINED


def test_nothing_is_recorded_of_a_message_that_is_not_stored(store: Store) -> None:
    effect = RecordMessageState(
        registration_id=REGISTRATION_ID, sequence=0, state=DeliveryState.ACCEPTED, ses_id="ses", at=NOW
    )
    with unchanged(store.client):
        store.records.record_sent(effect)
    assert refused(store, store.records.give_up_action(REGISTRATION_ID, 0, "unwritten"))


def test_mail_is_stopped_until_the_latest_time_that_was_said(store: Store) -> None:
    for until in (LATER, LATER + MINUTE):
        store.records.stop_sending(StopSending(until=until, why="paused"))
    with unchanged(store.client):
        store.records.stop_sending(StopSending(until=LATER, why="paused once more"))
    assert store.reads.sending().stopped_until == LATER + MINUTE


def test_all_slow_down_once_for_the_refusals_of_a_moment_and_again_for_later_ones(store: Store) -> None:
    store.records.slow_down(SlowDown(at=NOW, to=8.0))
    with unchanged(store.client):
        store.records.slow_down(SlowDown(at=NOW + timedelta(seconds=1), to=4.0))
    store.records.slow_down(SlowDown(at=NOW + timedelta(seconds=2), to=4.0))
    assert store.reads.sending().slowed_to == 4.0


# --- imports --------------------------------------------------------------------------------------------------------

IMPORT = Import(event_id=EVENT_ID, import_id="one", account="acme", by="Ada", created_at=NOW, lines=2)


def begun(store: Store) -> Import:
    """An import that a worker has."""
    store.imports.create(IMPORT, "Bo")
    assert store.imports.begin(replace(IMPORT, started_at=NOW, run="r"), [], [], due_key=DUE)
    return existing(store.imports.claim(EVENT_ID, "one", lease_until=LATER, now=NOW))


def test_what_the_columns_are_about_is_settled_once_an_import_has_begun(store: Store) -> None:
    begun(store)
    with unchanged(store.client):
        assert not store.imports.match(IMPORT, ("name", "email"), head=True)


def test_the_columns_of_an_import_that_is_gone_are_about_nothing(store: Store) -> None:
    with unchanged(store.client):
        assert not store.imports.match(IMPORT, ("name", "email"), head=True)
        store.invitations.wake_up(WakeUp(event_id=EVENT_ID, registration_id=REGISTRATION_ID, due_key=DUE))


def test_an_import_that_has_not_begun_is_worked_on_by_nobody(store: Store) -> None:
    store.imports.create(IMPORT, "Bo")
    with unchanged(store.client):
        assert store.imports.claim(EVENT_ID, "one", lease_until=LATER, now=NOW) is None


def test_a_part_is_counted_once_by_the_worker_who_has_the_import(store: Store) -> None:
    mine = begun(store)
    assert store.imports.end_part(mine, {"registered": 1}, [], [], NOW) is not None
    with unchanged(store.client):
        assert store.imports.end_part(mine, {"registered": 1}, [], [], NOW) is None
        assert store.imports.end_part(replace(mine, next_part=1, lease_until=NOW), {}, [], [], NOW) is None


def test_an_import_is_left_by_the_worker_who_has_it(store: Store) -> None:
    late = begun(store)
    assert store.imports.claim(EVENT_ID, "one", lease_until=LATER + MINUTE, now=LATER) is not None
    with unchanged(store.client):
        assert not store.imports.give_back(late, LATER)
        assert not store.imports.wait(late, LATER)


# --- people and accounts --------------------------------------------------------------------------------------------


def test_a_new_address_is_confirmed_by_the_latest_mail_alone(store: Store) -> None:
    asked = AddressChange(
        event_id=EVENT_ID,
        registration_id=REGISTRATION_ID,
        change_id="first",
        email="bo@example.org",
        links=0,
        asked_at=NOW,
        valid_until=LATER,
    )
    for one in (asked, replace(asked, change_id="second")):
        assert done(store, store.address_changes.put_action(one))
    assert refused(store, store.address_changes.end_action(asked))
    assert done(store, store.address_changes.end_action(replace(asked, change_id="second")))


@pytest.mark.parametrize("decided", [ProposalStatus.ACCEPTED, ProposalStatus.DECLINED])
def test_a_proposal_is_decided_once(store: Store, decided: ProposalStatus) -> None:
    proposal = factories.proposal()
    assert done(store, store.proposals.put_action(proposal))
    assert done(store, store.proposals.decision_action(proposal, decided))
    assert refused(store, store.proposals.decision_action(proposal, ProposalStatus.ACCEPTED))


def test_a_mail_that_was_put_aside_is_decided_once_however_often_that_is_said(store: Store) -> None:
    mail = factories.held()
    assert done(store, store.quarantine.put_action(mail))
    for _ in range(2):
        assert done(store, *store.quarantine.decision_actions(mail, QuarantineStatus.RELEASED).values())
    assert refused(store, *store.quarantine.decision_actions(mail, QuarantineStatus.DROPPED).values())


def test_an_unconfirmed_registration_that_is_not_kept_is_not_confirmed(store: Store) -> None:
    assert refused(store, store.unconfirmed.confirmed_action(UNCONFIRMED, factories.registration()))


def test_an_address_is_given_back_by_who_has_it(store: Store) -> None:
    one, other = (factories.registration(registration_id=f"{number:010d}{EVENT_ID}") for number in (1, 2))
    assert done(store, store.registrations.lock_action(one))
    assert refused(store, store.registrations.unlock_action(other))
    assert done(store, store.registrations.unlock_action(one))


def test_an_external_id_is_given_back_by_who_has_it(store: Store) -> None:
    one, other = (
        factories.registration(registration_id=f"{number:010d}{EVENT_ID}", external_id="row 1") for number in (1, 2)
    )
    assert done(store, *store.external_ids.actions(None, one).values())
    assert refused(store, *store.external_ids.actions(other, None).values())
    assert done(store, *store.external_ids.actions(one, None).values())


def test_what_an_account_has_decided_is_changed_as_it_was_read(store: Store) -> None:
    settings = store.account_settings
    assert settings.change("acme", settings.read("acme"), AccountSettings(name="A"))
    seen = settings.read("acme")
    assert settings.change("acme", seen, replace(seen, name="B"))
    with unchanged(store.client):
        assert not settings.change("acme", seen, replace(seen, name="C"))


def test_of_two_who_begin_to_compare_one_goes_on(store: Store) -> None:
    assert store.comparisons.save("acme", "members", Progress(began_at=NOW)) is not None
    with unchanged(store.client):
        assert store.comparisons.save("acme", "members", Progress(began_at=LATER)) is None


def test_a_source_that_is_paused_keeps_the_time_of_its_pause(store: Store) -> None:
    assert store.sources.pause("acme", "members", NOW)
    with unchanged(store.client):
        assert not store.sources.pause("acme", "members", LATER)


# --- webhooks -------------------------------------------------------------------------------------------------------

HOOK = factories.webhook(WebhookEventType.REGISTRATION_CREATED)
CHANGES: tuple[dict[str, Any], ...] = (
    {"secret": "whs_another"},
    {"url": "https://hooks.example.org/elsewhere"},
    {"events": (WebhookEventType.EVENT_CHANGED,)},
    {"payload": WebhookPayload.FULL},
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_a_webhook_is_changed_as_it_was_read(store: Store, change: dict[str, Any]) -> None:
    store.webhooks.create(HOOK)
    assert store.webhooks.replace(HOOK, replace(HOOK, **change))
    for other in CHANGES:
        with unchanged(store.client):
            assert not store.webhooks.replace(HOOK, replace(HOOK, **other))


def test_a_webhook_that_was_removed_is_not_changed(store: Store) -> None:
    store.webhooks.create(HOOK)
    assert store.webhooks.remove("acme", HOOK.webhook_id)
    with unchanged(store.client):
        assert not store.webhooks.replace(HOOK, replace(HOOK, payload=WebhookPayload.FULL))
        assert not store.webhooks.remove("acme", HOOK.webhook_id)


def test_a_webhook_of_before_there_were_payloads_can_be_changed(store: Store) -> None:
    store.webhooks.create(HOOK)
    key = keys.webhook("acme", HOOK.webhook_id)
    store.client.update_item(TableName=SETTINGS.webhooks_table, Key=dynamo.wire(key), UpdateExpression="REMOVE payload")
    seen = existing(store.webhooks.read("acme", HOOK.webhook_id))
    assert store.webhooks.replace(seen, replace(seen, payload=WebhookPayload.FULL))


def test_a_delivery_that_was_begun_is_not_made_anew(store: Store) -> None:
    event = WebhookEvent(webhook_event_id="e", account="acme", type=HOOK.events[0], data={}, created_at=NOW)
    delivery = new_delivery(event, HOOK, DUE)
    store.deliveries.add(delivery)
    assert store.deliveries.record(replace(delivery, attempts=1))
    with unchanged(store.client):
        store.deliveries.add(delivery)


def test_what_another_sweep_hands_out_of_a_shard_is_not_handed_out_twice(store: Store) -> None:
    for number in range(3):
        event = WebhookEvent(webhook_event_id="e", account="acme", type=HOOK.events[0], data={}, created_at=NOW)
        store.deliveries.add(new_delivery(event, replace(HOOK, webhook_id=f"{number}"), DUE))
    mine = store.deliveries.due(LATER, 10)
    handed = [next(mine)]
    handed += Store(store.client, SETTINGS).deliveries.due(LATER, 10)
    assert len(handed) == 3
    assert list(mine) == []


def test_what_is_in_flight_is_written_as_it_was_read(store: Store) -> None:
    first = store.in_flight.read("acme")
    assert store.in_flight.record(first)
    second = store.in_flight.read("acme")
    assert store.in_flight.record(second)
    with unchanged(store.client):
        assert not store.in_flight.record(first)
        assert not store.in_flight.record(second)


def test_a_webhook_event_that_was_deleted_leaves_nothing(store: Store) -> None:
    with unchanged(store.client):
        store.outbox.mark_distributed("acme", "gone")
