"""Production with one guard less, each of which the checker must catch: what cannot be missed was never proved."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from convoke.decision import decide, fingerprints
from convoke.decision import fan_out as holding
from convoke.decision import waiting as waits
from convoke.decision.fan_out import Batch, FanOut
from convoke.decision.invitation import Hold, Intent
from convoke.decision.planner import MessagePlanner
from convoke.delivery import (
    addressing,
    attempts,
    audit,
    fan_out,
    notification_reports,
    notify,
    reconcile,
    reports,
    survey,
    sweep,
    waiting,
    webhooks,
)
from convoke.effects import ClearDue, PlanBatches, Send, Steps
from convoke.mail.notifications import SentWaitMail
from convoke.registrations import approval, erasure, registry, returning, seats, split_transfer, waitlist
from convoke.sources import sync
from convoke.store import conditions, deliveries, fan_outs, invitations, keys, notifications, outbox, writes
from convoke.store import seats as store_seats
from convoke.store import sources as store_sources
from convoke.store.brakes import Brakes
from convoke.store.events import Events
from convoke.store.fan_outs import FanOuts
from convoke.store.invitations import Invitations
from convoke.store.reads import Reads
from convoke.store.records import Records
from convoke.store.registrations import Registrations
from convoke.store.repository import Repository
from convoke.store.seats import SeatCounts
from convoke.store.webhooks import Webhooks
from convoke.webhooks import events as webhook_events

from .faults import Mode
from .history import People
from .mutant import Mutant, instead, without, without_term
from .post import Post
from .scene import EVENT_ID
from .throughput_mutants import THROUGHPUT
from .world import World


def _once_more(people: People) -> None:
    """A resend that the API sends by itself, at once."""
    rid = people._somebody()
    if rid is None:
        return
    world = people.world
    world.resends[rid] = world.resends.get(rid, 0) + 1
    reads = world.store.reads
    invitation = reads.invitation(EVENT_ID, rid)
    if invitation is None or invitation.acknowledged is None:
        return
    told = invitation.acknowledged.calendar_state
    stored = reads.stored(rid, told.sequence)
    if stored is None or stored.rendered is None:
        return
    intent = Intent(calendar_state=told, attempt="at once")
    effect = Send(
        rendered=stored.rendered, intent=intent, event_id=EVENT_ID, registration_id=rid, links=0, account="acme"
    )
    # The API is a function, too: from its look to its sending some time passes.
    world.at(2 * world.random(), lambda: world.post.send(effect, lambda _: None))


def _insistent(self: Post, world: World) -> None:
    _quiet(self, world)
    self.tries = 5


_quiet = Post.__init__


_possibly_sent = invitations.possibly_sent_before


def _clear_what_is_due(self: Invitations, effect: ClearDue) -> bool:
    return effect.seen.due_key is None or _clear_due(self, effect)


_clear_due = Invitations.clear_due


def _fan_out_that_is_not_due(self: Events, fan_out: FanOut, now: datetime, earlier: FanOut | None = None) -> Any:
    action = _due_fan_out(self, fan_out, now, earlier)
    del action["Put"]["Item"]["due_shard"]
    return action


_due_fan_out = Events.fan_out_action


def _fan_out_before_event(self: Reads, event_id: str) -> Any:
    fan_out = self.fan_out(event_id)
    return self.event(event_id), fan_out


def _in_two_writes(self: FanOuts, effect: PlanBatches) -> bool:
    planned = self._attempt({"fan-out": self._planned(effect)})
    for batch, due_key in () if planned else effect.batches:
        self._write(writes.put(self.settings.invitations_table, fan_outs.batch_item(batch, due_key=due_key)))
    return not planned


def _ends_with_the_planning(
    self: FanOuts, key: keys.Key, _through: str, condition: str, _add: Any, values: dict[str, Any]
) -> Any:
    return writes.delete(self.settings.invitations_table, key, condition, **values)


def _batch_that_nobody_has(batch: Batch, *, due_key: str) -> dict[str, Any]:
    return _batch_item(replace(batch, lease_until=None), due_key=due_key)


def _batch_that_is_not_due(batch: Batch, *, due_key: str) -> dict[str, Any]:
    return {name: one for name, one in _batch_item(batch, due_key=due_key).items() if name != "due_shard"}


_batch_item = fan_outs.batch_item


def _wait_mail_without_a_look(self: Invitations, event_id: str, said: SentWaitMail, **_: bool) -> Any:
    key = keys.invitation(event_id, said.registration_id)
    return writes.update(self.settings.invitations_table, key, {"wait_mail": {"mail": said.mail.value}})


def _no() -> Steps[bool]:
    yield from ()
    return False


def _release_that_is_not_due(self: SeatCounts, event_id: str, count: int, *_: Any, **__: Any) -> Any:
    return writes.update(self.settings.invitations_table, keys.seats(event_id), {}, add={"taken": -count})


def _hold_that_is_not_due(self: SeatCounts, hold: Hold) -> Any:
    actions = _hold_actions(self, hold)
    del actions["hold"]["Put"]["Item"]["due_shard"]
    return actions


_hold_actions = SeatCounts.hold_actions


def _nothing_about_the_mailbox(self: Brakes, event_id: str, *_: str) -> Any:
    return writes.check(self.settings.registrations_table, keys.event(event_id), conditions.EXISTS)


MUTANTS: dict[str, Mutant] = {
    "report-before-the-answer": Mutant(instead(invitations, "_unless_reported", lambda changes, *_: changes)),
    "version-in-a-page": Mutant(
        instead(fan_outs, "UPON_PLANNING", "#planned_to = :planned_to"), scenario="one plans while it is changed back"
    ),
    "planned-to-in-a-page": Mutant(
        instead(fan_outs, "UPON_PLANNING", conditions.VERSION_UNCHANGED), scenario="two plan"
    ),
    "a-page-is-one-transaction": Mutant(instead(FanOuts, "plan_batches", _in_two_writes)),
    "fan-out-outlives-its-planning": Mutant(instead(FanOuts, "_all_planned", _ends_with_the_planning)),
    "batches-left-are-counted": Mutant(
        instead(fan_outs, "UPON_COUNTING", conditions.VERSION_UNCHANGED), trial="a_batch_is_interrupted"
    ),
    "a-batch-is-counted-off-as-the-planning-was-read": Mutant(
        instead(conditions, "SOME_IS_TO_BE_PLANNED", conditions.EXISTS),
        trial="a_batch_ends_while_the_last_is_planned",
    ),
    "batch-due": Mutant(instead(fan_outs, "batch_item", _batch_that_is_not_due)),
    "a-planner-has-its-batch": Mutant(
        instead(fan_outs, "batch_item", _batch_that_nobody_has),
        scenario="one plans and begins, another comes to the same batch",
    ),
    "lease-of-a-batch": Mutant(instead(fan_outs, "UPON_TAKING", conditions.EXISTS), scenario="two at one batch"),
    "lease-still-mine": Mutant(
        instead(fan_outs, "UPON_GIVING_BACK", conditions.EXISTS), scenario="two at one batch, whose worker runs on"
    ),
    "after-the-first-unfinished": Mutant(
        without(fan_out, "process_batch", "first = left.index(True)", "first = len(left)")
    ),
    "exception-wakes-up": Mutant(
        without(
            fan_out,
            "_wake_up",
            "if outcome is None or outcome in FINISHED",
            "if outcome is None or isinstance(outcome, Exception) or outcome in FINISHED",
        ),
        trial="a_batch_is_interrupted",
    ),
    "wake-ups-before-the-batch-ends": Mutant(
        without(
            fan_out,
            "process_batch",
            "    for invitation, outcome in zip(invitations, outcomes, strict=True):\n"
            "        yield from _wake_up(batch, invitation, outcome, worker)\n",
            "",
        ),
        without(
            fan_out,
            "process_batch",
            "    return tuple(outcome for",
            "    for invitation, outcome in zip(invitations, outcomes, strict=True):\n"
            "        yield from _wake_up(batch, invitation, outcome, worker)\n"
            "    return tuple(outcome for",
        ),
    ),
    "wakeups-in-the-claim": Mutant(instead(invitations, "UPON_CLAIMING", conditions.FENCE_UNCHANGED)),
    "fence-in-the-claim": Mutant(instead(invitations, "UPON_CLAIMING", conditions.WAKEUPS_UNCHANGED)),
    "fence-on-clear": Mutant(
        instead(invitations, "UPON_CLEARING", conditions.WAKEUPS_UNCHANGED), scenario="a look while it is changed back"
    ),
    "wakeups-on-clear": Mutant(
        instead(invitations, "UPON_CLEARING", conditions.FENCE_UNCHANGED),
        scenario="two look, and miss nothing, while somebody withdraws",
    ),
    "deferred-stays-due": Mutant(
        without(Invitations, "defer", "seen, due, (), UPON_CLEARING", "seen, {}, DUE, UPON_CLEARING")
    ),
    "fence-raised-with-nothing-due": Mutant(
        instead(Invitations, "clear_due", _clear_what_is_due), scenario="a look while it is changed back"
    ),
    "lease": Mutant(instead(attempts, "leased", lambda *_: False)),
    "lease-kept-when-unknown": Mutant(
        without(
            reconcile,
            "deliver",
            "yield HoldClaim(claimed=claimed, due_key=keys.due_key(urgency, after.not_before or begun.until))",
            "yield ReleaseClaim(claimed=claimed, before=before, due_key=keys.due_key(urgency, now), attempts=1)",
        )
    ),
    "read-order": Mutant(
        without(
            reconcile,
            "read_snapshot",
            "together = yield ReadTogether(event_id=event_id, registration_id=registration_id)",
            "together = None",
        ),
        without(
            reconcile,
            "read_snapshot",
            "        invitation = yield ReadInvitation",
            "        event = yield ReadEvent(event_id=event_id)\n        invitation = yield ReadInvitation",
        ),
        without(reconcile, "read_snapshot", "        event = yield ReadEvent(event_id=event_id)\n    else", "    else"),
        scenario="a look while it is changed back",
    ),
    "read-order-in-a-batch": Mutant(
        without(
            fan_out,
            "_read",
            "    invitations = yield ReadInvitations",
            "    event = yield ReadEvent(event_id=batch.event_id)\n    invitations = yield ReadInvitations",
        ),
        without(fan_out, "_read", "    event = yield ReadEvent(event_id=batch.event_id)\n    return", "    return"),
        scenario="a batch while it is changed back",
    ),
    "a-change-is-read-before-its-fan-out": Mutant(
        instead(Reads, "event_before_fan_out", _fan_out_before_event), trial="a_change_meets_an_urgent_one"
    ),
    "few-are-read-at-one-moment": Mutant(
        without(
            fan_out,
            "_read",
            "    if ids and (together := (yield ReadPeople(event_id=batch.event_id, ids=ids))) is not None:\n"
            "        return together",
            "    if ids:\n"
            "        event = yield ReadEvent(event_id=batch.event_id)\n"
            "        if (together := (yield ReadPeople(event_id=batch.event_id, ids=ids))) is not None:\n"
            "            return *together[:2], event",
        ),
        scenario="one plans and tells while it is changed back",
    ),
    "few-are-told-when-it-is-time": Mutant(
        without(fan_out, "begin", " and not seen.waits(now)", ""), scenario="a change waits"
    ),
    "one-attempt": Mutant(instead(Post, "__init__", _insistent)),
    "doubt": Mutant(without(decide, "calendar_state_of", "if invitation.doubt and possible is not None:", "if False:")),
    "doubt-about-a-cancel": Mutant(
        without(decide, "pending_message", "if not calendar_state.all_certain:", "if False:")
    ),
    "repair": Mutant(
        without(reconcile, "_record", "repair=True", "repair=False"),
        scenario="one looks while it is changed back, and one who runs on",
    ),
    "repair-after-arrival": Mutant(
        without(reports, "apply_report", "if out_of_order(updated) and updated.repair < MAX_REPAIRS:", "if False:"),
        trial="a_request_arrives_after_its_cancellation",
    ),
    "resend-through-delivery": Mutant(instead(People, "resend", _once_more)),
    "stale-intent": Mutant(
        without(
            decide,
            "_pending",
            "pending is None or not is_same_message(message, pending.calendar_state)",
            "pending is None",
        )
    ),
    "bytes-kept": Mutant(
        without(reconcile, "_stored_or_rendered", "if plan.repeats is not None:", "if False:"),
        without(reconcile, "_stored_or_rendered", "return kept.rendered", "return rendered"),
    ),
    "dtstamp-kept": Mutant(
        without(
            reconcile,
            "intent_for",
            "            calendar_state=plan.repeats.calendar_state,",
            "            calendar_state=replace(plan.repeats.calendar_state, dtstamp=now.replace(microsecond=0)),",
        ),
        without(reconcile, "_stored_or_rendered", "if plan.repeats is not None:", "if False:"),
        without(reconcile, "_stored_or_rendered", "return kept.rendered", "return rendered"),
    ),
    "dtstamp-rises": Mutant(
        without(
            reconcile, "intent_for", "moment if last is None else max(moment, last + timedelta(seconds=1))", "moment"
        )
    ),
    "generation-after-a-cancel": Mutant(
        without(
            *(MessagePlanner, "invite", "next_generation(calendar_state)"),
            "1 if calendar_state is None else calendar_state.generation",
        )
    ),
    "released-claim-lowers-the-highest": Mutant(
        instead(
            invitations, "possibly_sent_before", lambda effect: _possibly_sent(replace(effect, before=effect.claimed))
        )
    ),
    "released-claim-forgets-what-was-possibly-sent": Mutant(
        instead(invitations, "possibly_sent_before", lambda _: {}),
        scenario="one is told while it is changed back, of what they may know",
    ),
    "due-though-woken-up": Mutant(instead(invitations, "UPON_SETTLING", conditions.FENCE_UNCHANGED)),
    "cancel-before-another-address": Mutant(
        without(
            reconcile,
            "decide",
            "message.method is Method.CANCEL and _cannot_be_sent(seen, message)",
            "message.method is Method.CANCEL",
        )
    ),
    "wake-up-of-the-unsettled": Mutant(
        without(fan_out, "_wake_up", "if outcome is None", "if not isinstance(outcome, Exception)")
    ),
    "former-texts-are-other-messages": Mutant(
        without(reconcile, "decide", "replace(message, former=())", "message"),
        scenario="a text is changed quietly before it was stored",
    ),
    "former-texts-count-as-told": Mutant(without(fingerprints, "is_told", "same_texts(event)", "[event]")),
    "former-texts-end-with-what-is-told": Mutant(
        instead(fingerprints, "announced", lambda _, after: after),
        scenario="a text is changed after it was changed quietly",
    ),
    "planner-waits": Mutant(
        without(fan_out, "plan", "if seen.waits(now):", "if False:"),
        instead(fan_out, "_seconds_to_wait", lambda *_: 0),
        scenario="a change waits",
    ),
    "held-from-the-first-change": Mutant(
        without(holding, "fan_out_of", "told_at = min(told_at, now + hold)", "told_at = now + hold")
    ),
    "urgent-never-waits": Mutant(
        without(holding, "fan_out_of", "if priority == 0 or told_at <= now:", "if told_at <= now:")
    ),
    "dropped-dates-never-wait": Mutant(instead(holding, "_is_gone", lambda *_: False)),
    "soon-never-waits": Mutant(without(holding, "urgency", "_begins_soon(event, now, times)", "False")),
    "what-is-being-planned-does-not-wait": Mutant(
        without(holding, "fan_out_of", "quiet or (earlier is not None and earlier.planning)", "quiet"),
        scenario="a change that would wait meets one that is planned",
    ),
    "nobody-alone-is-told-what-waits": Mutant(instead(reconcile, "_held", lambda *_: _no()), scenario="a change waits"),
    "audit-leaves-what-waits": Mutant(
        instead(audit, "_left_to_fan_out", lambda *_, **__: _no()), scenario="a change waits"
    ),
    "fan-out-due": Mutant(instead(Events, "fan_out_action", _fan_out_that_is_not_due)),
    "registration-due": Mutant(instead(registry, "first_due_key", lambda _: None)),
    "withdrawal-wakes-up": Mutant(instead(registry, "_notice_actions", lambda *_: {})),
    "forgotten-only-when-taken-back": Mutant(
        without(sweep, "_see_to", "(yield from _may_erase(due, sender))", "True"),
        scenario="one is erased who is to be told first",
    ),
    "nobody-comes-back-who-is-to-be-erased": Mutant(
        instead(returning, "_not_to_be_erased", lambda *_: {}), trial="registrations_meet_others"
    ),
    "kept-seats-are-due": Mutant(instead(SeatCounts, "hold_actions", _hold_that_is_not_due)),
    "kept-seats-are-passed-on-once": Mutant(
        instead(store_seats, "UPON_PASSING_ON", ""), trial="kept_seats_are_passed_on"
    ),
    "kept-seats-are-passed-on-as-they-are": Mutant(
        instead(store_seats, "UPON_PASSING_ON", conditions.EXISTS), trial="kept_seats_are_passed_on"
    ),
    "kept-seats-are-for-their-own-address": Mutant(
        without(seats, "kept", " or folded(former.email) != folded(email)", ""), trial="kept_seats_are_passed_on"
    ),
    "kept-seats-of-a-mailbox-are-for-the-former": Mutant(
        instead(conditions, "HOLDS_FOR", conditions.EXISTS), trial="kept_seats_are_passed_on"
    ),
    "kept-seats-may-be-kept-once-more": Mutant(
        instead(Brakes, "hold_instead_action", _nothing_about_the_mailbox), trial="kept_seats_are_passed_on"
    ),
    "kept-seats-are-kept-for-their-whole-time": Mutant(
        instead(conditions, "HELD_LONG_ENOUGH", conditions.EXISTS), trial="seats_meet_others"
    ),
    "who-begins-to-wait-is-due": Mutant(
        instead(conditions, "NOBODY_WAITS", conditions.EXISTS), trial="seats_meet_others"
    ),
    "seats-are-free": Mutant(
        instead(conditions, "SEATS_ARE_FREE", "#open = :true AND #waiting = :none AND #capacity = :capacity"),
        mode=Mode.CONTENTION,
    ),
    "nobody-is-erased-who-is-being-mailed": Mutant(
        instead(erasure, "_claimed", lambda *_: False), scenario="one is erased while a mail is sent again"
    ),
    "erased-as-it-was-before-the-mails-were-forgotten": Mutant(
        instead(invitations, "UPON_ERASING", conditions.EXISTS), trial="an_erasure_is_interrupted"
    ),
    "one-survey-of-an-event-at-a-time": Mutant(
        without(survey, "survey", "first and _is_held(seen, now)", "False"), trial="a_large_event_is_surveyed"
    ),
    "the-sooner-due-key-is-kept": Mutant(
        instead(invitations, "UPON_WAKING_ALONE", conditions.EXISTS), trial="a_wake_up_meets_a_more_urgent_one"
    ),
    "a-change-keeps-the-sooner-due-key": Mutant(
        instead(invitations, "UPON_WAKING_WITH_A_CHANGE", conditions.EXISTS),
        trial="a_change_meets_something_more_urgent",
    ),
    "fence-of-a-notification": Mutant(
        instead(notifications, "UPON_RECORDING", conditions.EXISTS), scenario="two at one notification"
    ),
    "what-is-not-sent-is-not-counted": Mutant(
        without(notify, "_send", "if counted is not None and (claimed is None or late):", "if False:"),
        scenario="two at one notification",
    ),
    "a-wait-mail-that-is-missing-is-sent": Mutant(instead(reconcile, "missing_wait_mail", lambda *_: None)),
    "a-wait-mail-is-not-sent-again": Mutant(
        without(addressing, "_wait_mail", " or (true is mailed_last(snapshot) and known)", ""),
        scenario="somebody is mailed that it is cancelled while it takes place again",
    ),
    "a-wait-mail-wakes-up": Mutant(
        instead(Invitations, "wait_mail_action", _wait_mail_without_a_look),
        scenario="somebody is mailed that they wait while it is cancelled",
    ),
    "a-wait-mail-waits-for-the-one-before": Mutant(
        without(waiting, "make_due", "if attempts.leased(state.lease_until, now):", "if False:"),
        scenario="somebody is mailed that it is cancelled while that is changed",
    ),
    "a-wait-mail-is-claimed-as-it-was-decided": Mutant(
        instead(invitations, "UPON_CLAIMING_A_WAIT_MAIL", conditions.EXISTS), trial="a_wait_mail_meets_a_seat"
    ),
    "a-wait-mail-that-may-have-left-is-kept": Mutant(
        without(notify, "_drop", " or (possibly and replace(possibly, mail=WaitMail.NOTHING))", ""),
        scenario="somebody who may have been mailed that they wait again gets a seat, and it is cancelled again",
    ),
    "what-may-have-said-that-they-wait-counts-while-nothing-follows": Mutant(
        instead(invitations, "UPON_STORING_AN_UNCERTAIN_WAIT_MAIL", conditions.EXISTS),
        scenario="somebody whose first mail may have left is invited, and it is cancelled",
    ),
    "a-wait-mail-is-stored-before-a-message-alone": Mutant(
        instead(invitations, "UPON_STORING_A_WAIT_MAIL", conditions.EXISTS),
        scenario="somebody gets a seat while their first mail leaves, and it is cancelled",
    ),
    "who-was-shown-a-page-is-mailed-of-it": Mutant(
        without(registry, "registration_actions", "wait_mail if mail is None else", "wait_mail if True else"),
        scenario="somebody registers on a page while it is cancelled",
    ),
    "who-comes-back-by-their-page-is-mailed-of-it": Mutant(instead(returning, "shown_on_their_page", lambda *_: None)),
    "a-new-address-is-mailed-that-it-waits": Mutant(
        without(waits, "mailed_last", "last.links == seen.registration.links", "True"),
        scenario="somebody who waits has another address",
    ),
    "who-got-a-seat-too-late-is-mailed-as-who-waits": Mutant(
        instead(waits, "_was_not_invited", lambda _: False),
        scenario="somebody who may have been mailed that they wait again gets a seat, and it is cancelled again",
    ),
    "who-waits-for-dates-is-mailed-that-they-are-cancelled": Mutant(
        without(waits, "_is_cancelled", "(bool(dates) and all(one.cancelled for one in dates))", "False"),
        scenario="somebody registers on a page for a date while it is cancelled",
    ),
    "whose-dates-were-cancelled-in-their-calendar-is-not-mailed-so-too": Mutant(
        instead(waits, "_is_told_all", lambda *_: False),
        scenario="somebody who comes to a date is looked at while it is cancelled, and takes place again",
    ),
    "a-report-is-about-one-mail": Mutant(
        without(
            notification_reports, "_is_last", "last is not None and last.mail_id == report.mail_id", "last is not None"
        ),
        scenario="somebody is mailed twice that it is cancelled, and the first comes back",
    ),
    "a-report-waits-for-its-mail-to-be-recorded": Mutant(
        without(notification_reports, "apply_notification_report", "if is_being_sent and not", "if False and not"),
        scenario="what somebody is mailed comes back while that is recorded",
    ),
    "a-notification-is-read-before-its-invitation": Mutant(
        without(
            notification_reports,
            "apply_notification_report",
            "        is_being_sent = yield from _is_being_sent(report)\n        invitation, person = "
            "(yield ReadInvitation(**ids)), (yield ReadRegistration(**ids))\n",
            "        invitation, person = (yield ReadInvitation(**ids)), (yield ReadRegistration(**ids))\n"
            "        is_being_sent = yield from _is_being_sent(report)\n",
        ),
        scenario="what somebody is mailed comes back while that is recorded",
    ),
    "a-wait-mail-that-came-back-is-known": Mutant(
        without(
            notification_reports,
            "_after_notification",
            "if last is None or not is_last or",
            "if True or last is None or",
        )
    ),
    "an-address-that-a-notification-came-back-from-is-stopped": Mutant(
        without(notification_reports, "_after_notification", "if report.final:", "if False:")
    ),
    "a-report-about-a-notification-is-followed-by-a-survey": Mutant(
        without(
            notification_reports,
            "apply_notification_report",
            "    yield ScheduleSurvey(event_id=report.event_id, due_key=keys.due_key(CHANGE, (yield Clock())))\n",
            "",
        )
    ),
    "a-claim-knows-itself": Mutant(
        instead(Repository, "_write_own", lambda self, action, _: self._write(action)),
        trial="a_claim_is_answered_late",
    ),
    "a-claim-is-told-from-another": Mutant(
        without(writes, "mark", "secrets.token_hex(8)", "''"), trial="a_claim_is_answered_late"
    ),
    "a-split-is-looked-at-once-more": Mutant(
        without(
            split_transfer,
            "_open",
            "look_again_action(transfer, failed, now + ON_THE_WAY)",
            "end_transfer_action(transfer)",
        ),
        trial="a_registration_meets_a_split",
    ),
    "only-when-nobody-is-on-the-way": Mutant(
        instead(split_transfer, "ON_THE_WAY", timedelta()), trial="a_registration_meets_a_split"
    ),
    "registered-by-the-schedule-of-before": Mutant(
        without(split_transfer, "_for_the_whole", " or person.named <= transfer.named", ""),
        trial="a_registration_meets_a_split",
    ),
    "who-had-left-is-not-copied": Mutant(
        instead(split_transfer, "_had_left", lambda *_: False), trial="somebody_comes_back_after_a_split"
    ),
    "who-left-after-the-split-is-copied": Mutant(
        without(split_transfer, "_had_left", " and person.left_at <= transfer.at", ""),
        trial="somebody_comes_back_after_a_split",
    ),
    "a-slow-look-moves-no-later-one": Mutant(
        instead(conditions, "CURSOR_OF_THE_FIRST_LOOK_UNCHANGED", conditions.CURSOR_UNCHANGED),
        trial="a_slow_look_meets_the_next_one",
    ),
    "who-cannot-be-copied-holds-up-nobody": Mutant(
        instead(split_transfer, "MOST_FAILED", 0), trial="somebody_cannot_be_copied"
    ),
    "who-could-not-be-copied-is-tried-again": Mutant(
        without(split_transfer, "transfer_batch", "people += filter(None, (", "people += filter(None, () and ("),
        trial="somebody_cannot_be_copied",
    ),
    "who-cannot-be-copied-ends-no-look": Mutant(
        without(split_transfer, "transfer_batch", " and all_seen:\n        raise error", ":\n        raise error"),
        trial="somebody_cannot_be_copied",
    ),
    "opened-only-when-who-failed-was-tried-again": Mutant(
        without(split_transfer, "_go_on", "not_retried or ", ""), trial="somebody_cannot_be_copied"
    ),
    "closed-for-who-could-not-be-copied": Mutant(
        instead(split_transfer, "KEPT_CLOSED", timedelta()), trial="somebody_cannot_be_copied"
    ),
    "mails-forgotten": Mutant(instead(Records, "forget_messages", lambda *_: None)),
    "a-shard-has-what-it-gives": Mutant(instead(conditions, "SHARD_HAS_SOME", "#waits = :waits"), mode=Mode.CONTENTION),
    "a-shard-is-given-back-as-it-was-read": Mutant(
        instead(conditions, "SHARD_UNCHANGED", "#waits = :waits"), trial="registrations_meet_others"
    ),
    "nobody-waits-where-a-shard-has-seats": Mutant(
        without(seats, "take", "if not scattered:", "if True:"), mode=Mode.CONTENTION
    ),
    "another-capacity-stops-the-shards": Mutant(
        instead(SeatCounts, "stop_actions", lambda *_: {}), mode=Mode.CONTENTION
    ),
    "places-given-back-when-nobody-waits": Mutant(
        without(waitlist, "promote", "if first is None:", "if False:"), mode=Mode.CONTENTION
    ),
    "a-guest-takes-a-seat": Mutant(
        without(seats, "place", "count=registration.seats,", "count=1,"), mode=Mode.CONTENTION
    ),
    "guests-give-their-seats-back": Mutant(
        without(registry, "_other_seats_actions", "-more, now", "1, now"), mode=Mode.CONTENTION
    ),
    "who-is-accepted-was-pending": Mutant(
        without(approval, "accept", "person.status is not RegistrationStatus.PENDING", "False")
    ),
    "only-who-is-pending-is-declined": Mutant(
        without(registry, "withdraw", "if only_pending and", "if False and"), trial="registrations_meet_others"
    ),
    "who-is-decided-is-pending-no-more": Mutant(without(approval, "accept", "decided=1", "decided=0")),
    "a-closed-event-is-not-asked": Mutant(
        instead(store_seats, "UPON_ASKING", conditions.EXISTS), trial="registrations_meet_others"
    ),
    "a-shard-of-a-closed-event-is-not-asked": Mutant(
        instead(conditions, "SHARD_IS_NOT_STOPPED", conditions.EXISTS),
        trial="registrations_meet_others",
    ),
    "a-registration-is-changed-as-it-was-read": Mutant(
        without(Registrations, "change_action", "conditions.VERSION_UNCHANGED", "conditions.EXISTS"),
        trial="registrations_meet_others",
    ),
    "nobody-is-to-be-erased-who-came-back": Mutant(
        without(Registrations, "unchanged_check", "conditions.VERSION_UNCHANGED", "conditions.EXISTS"),
        trial="registrations_meet_others",
    ),
    "nobody-gets-a-seat-at-a-closed-event": Mutant(
        without_term("SEATS_ARE_FREE", "#open = :true"), trial="seats_that_are_free_meet_others"
    ),
    "nobody-gets-a-seat-that-others-wait-for": Mutant(
        without_term("SEATS_ARE_FREE", "#waiting = :none"), trial="seats_that_are_free_meet_others"
    ),
    "who-gets-a-seat-has-seen-the-capacity": Mutant(
        without_term("SEATS_ARE_FREE", "#capacity = :capacity"), trial="seats_that_are_free_meet_others"
    ),
    "nobody-gets-a-seat-at-a-closed-event-without-limit": Mutant(
        without_term("SEATS_ARE_UNLIMITED", "#open = :true"), trial="seats_that_are_free_meet_others"
    ),
    "no-seats-are-lent-without-limit-while-others-wait": Mutant(
        without_term("SEATS_ARE_UNLIMITED", "#waiting = :none"), trial="seats_that_are_free_meet_others"
    ),
    "who-gets-a-seat-without-limit-has-seen-that-there-is-none": Mutant(
        without_term("SEATS_ARE_UNLIMITED", "attribute_not_exists(#capacity)"), trial="seats_that_are_free_meet_others"
    ),
    "a-shard-has-the-seats-that-it-gives": Mutant(
        without_term("SHARD_HAS_SOME", "#free >= :count"), trial="seats_that_are_free_meet_others"
    ),
    "a-place-on-the-waitlist-is-no-seat": Mutant(
        without_term("SHARD_HAS_SOME", "#waits = :waits"), trial="seats_that_are_free_meet_others"
    ),
    "a-shard-that-was-stopped-gives-nothing": Mutant(
        without_term("SHARD_HAS_SOME", "attribute_not_exists(#stopped)"), trial="seats_that_are_free_meet_others"
    ),
    "places-on-the-waitlist-are-not-given-back-as-seats": Mutant(
        without_term("SHARD_UNCHANGED", "#waits = :waits"), trial="seats_that_are_free_meet_others"
    ),
    "a-shard-that-counts-who-asks-is-made-once": Mutant(
        without(SeatCounts, "ask_actions", "conditions.NEW", '""'), trial="registrations_meet_others"
    ),
    "kept-seats-are-given-back-while-they-are-kept": Mutant(
        without(SeatCounts, "take_held_actions", "conditions.EXISTS", '""'), trial="seats_meet_others"
    ),
    "kept-seats-are-released-once": Mutant(
        without(SeatCounts, "release_held_actions", "conditions.EXISTS", '""'), trial="seats_meet_others"
    ),
    "who-begins-to-wait-while-kept-seats-are-released-is-due": Mutant(
        without(SeatCounts, "release_held_actions", "conditions.NOBODY_WAITS", "conditions.EXISTS"),
        trial="seats_meet_others",
    ),
    "who-waits-is-behind-others": Mutant(
        without_term("BEHIND_OTHERS", "#waiting > :none"), trial="who_waits_meets_others"
    ),
    "nobody-waits-behind-others-at-a-closed-event": Mutant(
        without_term("BEHIND_OTHERS", "#open = :true"), trial="who_waits_meets_others"
    ),
    "nobody-waits-first-at-a-closed-event": Mutant(
        without_term("FIRST_TO_WAIT", "#open = :true"), trial="who_waits_meets_others"
    ),
    "who-does-not-wait-first-puts-off-nobody": Mutant(
        without_term("FIRST_TO_WAIT", "#waiting = :none"), trial="who_waits_meets_others"
    ),
    "who-waits-first-has-seen-the-capacity": Mutant(
        without_term("FIRST_TO_WAIT", "#capacity = :capacity"), trial="who_waits_meets_others"
    ),
    "who-waits-first-has-no-seat": Mutant(
        without_term("FIRST_TO_WAIT", "#taken > :most"), trial="who_waits_meets_others"
    ),
    "who-waits-first-has-seen-all-shards": Mutant(
        without_term("FIRST_TO_WAIT", "#blocks = :blocks"), trial="who_waits_meets_others"
    ),
    "a-block-that-was-lent-since-is-stopped-too": Mutant(
        instead(conditions, "NO_BLOCK_LENT_SINCE", conditions.EXISTS), trial="a_block_meets_a_change"
    ),
    "nobody-is-promoted-to-a-closed-event": Mutant(
        without_term("CAN_PROMOTE", "#open = :true"), trial="who_is_promoted_meets_others"
    ),
    "who-is-promoted-has-seen-the-capacity": Mutant(
        without_term("CAN_PROMOTE", "#capacity = :capacity"), trial="who_is_promoted_meets_others"
    ),
    "who-is-promoted-has-seats": Mutant(
        without_term("CAN_PROMOTE", "#taken <= :most"), trial="who_is_promoted_meets_others"
    ),
    "nobody-is-promoted-to-a-closed-event-without-limit": Mutant(
        without_term("CAN_PROMOTE_WITHOUT_LIMIT", "#open = :true"), trial="who_is_promoted_meets_others"
    ),
    "who-is-promoted-without-limit-has-seen-that-there-is-none": Mutant(
        without_term("CAN_PROMOTE_WITHOUT_LIMIT", "attribute_not_exists(#capacity)"),
        trial="who_is_promoted_meets_others",
    ),
    "a-waitlist-is-due-while-somebody-can-be-promoted": Mutant(
        instead(conditions, "CANNOT_PROMOTE", conditions.EXISTS), trial="who_is_promoted_meets_others"
    ),
    "the-waitlist-of-a-closed-event-is-not-due": Mutant(
        without_term("CANNOT_PROMOTE", "#open = :false"), trial="who_is_promoted_meets_others"
    ),
    "a-waitlist-with-nobody-on-it-is-not-due": Mutant(
        without_term("CANNOT_PROMOTE", "#waiting <= :none"), trial="who_is_promoted_meets_others"
    ),
    "the-waitlist-of-a-full-event-is-not-due": Mutant(
        without_term("CANNOT_PROMOTE", "#taken >= #capacity"), trial="who_is_promoted_meets_others"
    ),
    "a-waitlist-that-is-due-since-is-not-put-off": Mutant(
        without(SeatCounts, "look_again", "conditions.DUE_KEY_UNCHANGED", "conditions.EXISTS"),
        trial="who_is_promoted_meets_others",
    ),
    "nobody-comes-back-to-a-closed-event": Mutant(
        without(SeatCounts, "take_held_actions", "conditions.TAKES_PEOPLE", "conditions.EXISTS"),
        trial="seats_meet_others",
    ),
    "kept-seats-of-a-closed-event-are-not-passed-on": Mutant(
        without(SeatCounts, "pass_on_held_actions", "conditions.TAKES_PEOPLE", "conditions.EXISTS"),
        trial="seats_meet_others",
    ),
    "who-is-promoted-has-room-for-all": Mutant(
        without(waitlist, "promote", "person.seats > seats.left", "False"),
        instead(
            conditions,
            "CAN_PROMOTE",
            "#open = :true AND #waiting > :none AND #capacity = :capacity AND #taken < #capacity",
        ),
        mode=Mode.CONTENTION,
    ),
    "webhook-event-due": Mutant(without(outbox, "webhook_event_item", ", **due)", ")")),
    "webhook-event-in-the-transaction": Mutant(
        without(registry, "withdraw", "**store.outbox.event_actions(account, happened, now),", "")
    ),
    "webhook-event-due-until-distributed": Mutant(
        without(
            webhooks,
            "distribute",
            "    now = yield Clock()\n",
            "    now = yield Clock()\n    yield EndDistribution(account=account, webhook_event_id=webhook_event_id)\n",
        ),
        trial="a_distribution_is_interrupted",
    ),
    "webhook-delivery-due-while-claimed": Mutant(
        without(webhooks, "post", "due_key=keys.due_key(PRIORITY, begun.until),", "due_key=None,")
    ),
    "webhook-delivery-due-again": Mutant(
        without(webhooks, "_put_off", "next_at=until, due_key=due_key", "next_at=until, due_key=None")
    ),
    "webhook-lease": Mutant(without(webhooks, "attempts_of", "lease_until=seen.lease_until,", "")),
    "webhook-fence": Mutant(instead(deliveries, "UPON_RECORDING", "#fence >= :fence")),
    "webhook-back-off": Mutant(without(webhooks, "attempts_of", "not_before=seen.next_at,", "")),
    "webhook-attempts-counted-when-claimed": Mutant(
        without(webhooks, "post", "attempts=seen.attempts + 1,", ""),
        without(webhooks, "_record", "status=answer.status,", "status=answer.status, attempts=claimed.attempts + 1,"),
    ),
    "webhook-attempts-as-many-as-promised": Mutant(instead(webhooks, "RETRIES", webhook_events.RETRIES[:2])),
    "webhook-in-flight": Mutant(without(webhooks, "post", "most=most", "most=10")),
    "webhook-in-flight-fence": Mutant(
        instead(deliveries, "UPON_RECORDING_IN_FLIGHT", f"{conditions.NEW} OR #fence >= :fence")
    ),
    "webhook-removed": Mutant(
        without(
            Webhooks,
            "remove",
            "delete(self._hooks, keys.webhook(account, webhook_id), conditions.EXISTS)",
            "update(self._hooks, keys.webhook(account, webhook_id), {'events': []})",
        ),
        trial="a_distribution_is_interrupted",
    ),
    "webhook-signature-over-the-time": Mutant(
        without(webhook_events, "signature", 'f"{timestamp}.".encode() + body', "body")
    ),
    "fence-of-a-row": Mutant(instead(store_sources, "UPON_LOOKING", conditions.EXISTS), mode=Mode.ROWS),
    "state-of-a-row-before-the-row": Mutant(
        without(sync.Site, "_begin", "    stored = self.store.sources.row(where)\n    only_key", "    only_key"),
        without(
            sync.Site, "_begin", "    row = dynamo", "    stored = self.store.sources.row(where)\n    row = dynamo"
        ),
        mode=Mode.ROWS,
    ),
    "rows-that-disappear-are-held": Mutant(instead(sync.Site, "_brake", lambda *_: None), mode=Mode.ROWS),
    "addresses-are-exchanged": Mutant(instead(sync.Site, "_swap", lambda *_: None), mode=Mode.ROWS),
    "an-exchange-is-a-difference": Mutant(
        without(
            sync.Site, "_swap", "return Synced(outcome=Action.CHANGE, state=said_by(read.seen, row))", "return None"
        ),
        trial="two_rows_that_exchange_addresses_fail",
    ),
    "a-problem-that-is-mended-is-found": Mutant(
        without(sync.Site, "_settled", "fresh = bool(known.problem) or ", "fresh = "), mode=Mode.ROWS
    ),
    "rows-that-wait-are-looked-at-again": Mutant(
        without(sync, "_is_synced_again", "return waits or", "return"), trial="two_rows_that_exchange_addresses_meet"
    ),
    "seats-due": Mutant(
        instead(SeatCounts, "release_action", _release_that_is_not_due), trial="registrations_meet_others"
    ),
} | THROUGHPUT
