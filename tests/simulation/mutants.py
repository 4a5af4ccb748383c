"""Production with one guard less, each of which the checker must catch: what cannot be missed was never proved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from convoke.decision import decide, plan
from convoke.decision.invitation import Intent
from convoke.decision.messages import MessagePlanner
from convoke.delivery import fan_out, reconcile, reports, sweep
from convoke.effects import Send
from convoke.registrations import erasure, events, registry, seats
from convoke.store import records as store_records
from convoke.store.invitations import Invitations
from convoke.store.reads import Reads
from convoke.store.records import Records

from .faults import Mode
from .history import People
from .post import Post
from .scene import EVENT_ID, SETTINGS
from .surgery import cut
from .world import World

Change = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Mutant:
    """``changes`` take the guard out; ``mode`` is in which faults it matters.

    What chance seldom brings about is looked for in every order of one of ``orders.SCENARIOS``.
    """

    changes: tuple[Change, ...]
    mode: Mode = Mode.ALL
    scenario: str = ""

    @contextmanager
    def alive(self) -> Iterator[None]:
        with ExitStack() as stack:
            for change in self.changes:
                stack.enter_context(change())
            yield


def without(owner: Any, name: str, old: str, new: str) -> Change:
    return lambda: cut(owner, name, old, new)


def instead(owner: Any, name: str, value: Any) -> Change:
    return lambda: patch.object(owner, name, value)


BOTH = "FENCE_AND_WAKEUPS_ARE_THOSE_READ"


def _once_more(people: People) -> None:
    """A resend that the API sends by itself, at once."""
    rid = people._somebody()
    if rid is None:
        return
    world = people.world
    world.resends[rid] = world.resends.get(rid, 0) + 1
    reads = Reads(world.tables, SETTINGS)
    invitation = reads.invitation(EVENT_ID, rid)
    if invitation is None or invitation.acknowledged is None:
        return
    told = invitation.acknowledged.calendar_state
    stored = reads.stored(rid, told.sequence)
    if stored is None or stored.rendered is None:
        return
    intent = Intent(calendar_state=told, attempt="at once")
    effect = Send(rendered=stored.rendered, intent=intent, event_id=EVENT_ID, registration_id=rid)
    # The API is a function, too: from its look to its sending some time passes.
    world.at(2 * world.random(), lambda: world.post.send(effect, lambda _: None))


def _insistent(self: Post, world: World) -> None:
    _quiet(self, world)
    self.tries = 5


_quiet = Post.__init__


AS_IT_WAS = """changes |= {
            "highest_possibly_sent": before.highest_possibly_sent,
            "possibly_sent": items.calendar_state_item(before.possibly_sent),
        }"""

MUTANTS: dict[str, Mutant] = {
    "version-in-a-page": Mutant(
        (instead(store_records, "STILL_AT_THIS_PAGE", "#planned_to = :seen"),),
        scenario="one plans while it is changed back",
    ),
    "planned-to-in-a-page": Mutant(
        (instead(store_records, "STILL_AT_THIS_PAGE", "#version = :version"),), scenario="two plan"
    ),
    "a-page-is-one-transaction": Mutant(
        (
            without(
                Records,
                "plan_batches",
                'self._client, {**actions, "fan-out": update(self._table, key, expression, condition, **values)}',
                'self._client, {"fan-out": update(self._table, key, expression, condition, **values)}'
                ") and not (actions and attempt(self._client, actions)",
            ),
        )
    ),
    "fan-out-outlives-its-planning": Mutant(
        (
            without(
                Records,
                "plan_batches",
                "    return not attempt(\n        self._client, {**actions",
                "    if effect.due_key is None: return not attempt(self._client, {**actions, 'fan-out': "
                "delete(self._table, key, STILL_AT_THIS_PAGE, version=seen.version, seen=seen.planned_to)})\n"
                "    return not attempt(\n        self._client, {**actions",
            ),
        )
    ),
    "version-at-the-last-batch": Mutant(
        (
            without(Records, "end_batch", "fan_out.version == batch.version", "True"),
            without(Records, "end_batch", '{"version": batch.version', '{"version": fan_out.version'),
        )
    ),
    "batches-left-are-counted": Mutant(
        (instead(store_records, "STILL_SO_MANY_LEFT", "#version = :version"),), scenario="two at two batches"
    ),
    "batch-due": Mutant(
        (
            without(
                Records,
                "plan_batches",
                "items.batch_item(batch, due_key=due_key)",
                "{k: v for k, v in items.batch_item(batch, due_key=due_key).items() if k != 'due_shard'}",
            ),
        )
    ),
    "lease-of-a-batch": Mutant(
        (instead(store_records, "NOBODY_HAS_IT", "attribute_exists(pk)"),), scenario="two at one batch"
    ),
    "lease-still-mine": Mutant((instead(store_records, "STILL_MINE", "attribute_exists(pk)"),), Mode.ZOMBIE),
    "after-the-first-unfinished": Mutant(
        (without(fan_out, "process_batch", "first = left.index(True)", "first = len(left)"),)
    ),
    "exception-wakes-up": Mutant(
        (
            without(
                fan_out,
                "_wake_up",
                "if outcome is None or outcome in FINISHED",
                "if outcome is None or isinstance(outcome, Exception) or outcome in FINISHED",
            ),
        )
    ),
    "wake-ups-before-the-batch-ends": Mutant(
        (
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
        )
    ),
    "wakeups-in-the-claim": Mutant((without(Invitations, "claim", BOTH, "FENCE_IS_THE_ONE_READ"),)),
    "fence-in-the-claim": Mutant((without(Invitations, "claim", BOTH, "'wakeups = :wakeups'"),)),
    "fence-on-clear": Mutant(
        (without(Invitations, "clear_due", BOTH, "'wakeups = :wakeups'"),), scenario="a look while it is changed back"
    ),
    "wakeups-on-clear": Mutant((without(Invitations, "clear_due", BOTH, "FENCE_IS_THE_ONE_READ"),)),
    "fence-raised-with-nothing-due": Mutant(
        (
            without(
                Invitations,
                "clear_due",
                "seen = effect.seen\n",
                "seen = effect.seen\n    if seen.due_key is None: return True\n",
            ),
        ),
        scenario="a look while it is changed back",
    ),
    "lease": Mutant((without(reconcile, "reconcile", "seen.invitation.lease_until > now", "False"),)),
    "lease-kept-when-unknown": Mutant(
        (
            without(
                reconcile,
                "deliver",
                "yield HoldClaim(claimed=claimed, "
                "due_key=keys.due_key(urgency, max(lease_until, now + times.resend_after)))",
                "yield ReleaseClaim(claimed=claimed, before=before, due_key=keys.due_key(urgency, now), attempts=1)",
            ),
        )
    ),
    "read-order": Mutant(
        (
            without(
                reconcile,
                "read_snapshot",
                "    invitation = yield ReadInvitation",
                "    event = yield ReadEvent(event_id=event_id)\n    invitation = yield ReadInvitation",
            ),
            without(
                reconcile,
                "read_snapshot",
                "    event = yield ReadEvent(event_id=event_id)\n    if",
                "    if",
            ),
        ),
        scenario="a look while it is changed back",
    ),
    "read-order-in-a-batch": Mutant(
        (
            without(
                fan_out,
                "process_batch",
                "    invitations = yield ReadInvitations",
                "    event = yield ReadEvent(event_id=batch.event_id)\n    invitations = yield ReadInvitations",
            ),
            without(
                fan_out,
                "process_batch",
                "    event = yield ReadEvent(event_id=batch.event_id)\n    people",
                "    people",
            ),
        ),
        scenario="a batch while it is changed back",
    ),
    "one-attempt": Mutant((instead(Post, "__init__", _insistent),)),
    "doubt": Mutant(
        (without(plan, "calendar_state_of", "if invitation.doubt and possible is not None:", "if False:"),)
    ),
    "doubt-about-a-cancel": Mutant(
        (without(decide, "pending_message", "if not calendar_state.all_certain:", "if False:"),)
    ),
    "repair": Mutant((without(reconcile, "_record", "repair=True", "repair=False"),), Mode.ZOMBIE),
    "repair-after-arrival": Mutant(
        (without(reports, "apply_report", "if out_of_order(updated) and updated.repair < MAX_REPAIRS:", "if False:"),)
    ),
    "resend-through-delivery": Mutant((instead(People, "resend", _once_more),)),
    "stale-intent": Mutant(
        (
            without(
                plan,
                "_pending",
                "pending is None or not is_same_message(message, pending.calendar_state)",
                "pending is None",
            ),
        )
    ),
    "bytes-kept": Mutant(
        (
            without(reconcile, "_stored_or_rendered", "if plan.repeats is not None:", "if False:"),
            without(reconcile, "_stored_or_rendered", "return kept.rendered", "return rendered"),
        )
    ),
    "dtstamp-kept": Mutant(
        (
            without(
                reconcile,
                "intent_for",
                "            calendar_state=plan.repeats.calendar_state,",
                "            calendar_state=replace(plan.repeats.calendar_state, dtstamp=now.replace(microsecond=0)),",
            ),
            without(reconcile, "_stored_or_rendered", "if plan.repeats is not None:", "if False:"),
            without(reconcile, "_stored_or_rendered", "return kept.rendered", "return rendered"),
        )
    ),
    "dtstamp-rises": Mutant(
        (
            without(
                reconcile,
                "intent_for",
                "moment if last is None else max(moment, last + timedelta(seconds=1))",
                "moment",
            ),
        )
    ),
    "generation-after-a-cancel": Mutant(
        (without(MessagePlanner, "invite", "calendar_state.generation + 1", "calendar_state.generation"),)
    ),
    "released-claim-lowers-the-highest": Mutant(
        (
            without(Invitations, "release_claim", AS_IT_WAS, "pass"),
            without(Invitations, "release_claim", 'remove += ("highest_possibly_sent", "possibly_sent")', "pass"),
        )
    ),
    "released-claim-forgets-what-was-possibly-sent": Mutant(
        (without(Invitations, "release_claim", AS_IT_WAS, 'remove += ("highest_possibly_sent", "possibly_sent")'),)
    ),
    "due-though-woken-up": Mutant((without(Invitations, "_settle", BOTH, "FENCE_IS_THE_ONE_READ"),)),
    "cancel-before-another-address": Mutant(
        (
            without(
                reconcile,
                "decide",
                "message.method is Method.CANCEL and _cannot_be_sent(seen, message)",
                "message.method is Method.CANCEL",
            ),
        )
    ),
    "wake-up-of-the-unsettled": Mutant(
        (without(fan_out, "_wake_up", "if outcome is None", "if not isinstance(outcome, Exception)"),)
    ),
    "fan-out-due": Mutant(
        (
            without(
                events,
                "change_event",
                "items.fan_out_item(fan_out, due_key=keys.due_key(priority, now))",
                "{k: v for k, v in items.fan_out_item(fan_out, due_key=keys.due_key(priority, now)).items() "
                "if k != 'due_shard'}",
            ),
        )
    ),
    "registration-due": Mutant(
        (without(registry, "registration_actions", "None if waits else keys.due_key(2, now)", "None"),)
    ),
    "withdrawal-wakes-up": Mutant(
        (without(registry, "withdraw", 'actions["invitation"] = wake_up_action(settings, invitation, 0, now)', "pass"),)
    ),
    "forgotten-only-when-taken-back": Mutant(
        (without(sweep, "_hand_out", "(yield from _may_erase(due, sender))", "True"),)
    ),
    "mails-forgotten": Mutant((without(erasure, "forget", "_erase_mails(client, settings, registration_id)", "pass"),)),
    "seats-due": Mutant(
        (
            without(
                seats,
                "release_actions",
                'f"SET #due_shard = :shard, #due_key = :due_key {expression}", SOMEBODY_WAITS',
                "expression, SOMEBODY_WAITS",
            ),
            without(
                seats,
                "release_actions",
                'values |= {"shard": keys.shard(event_id), "due_key": keys.due_key(2, now)}',
                "pass",
            ),
        )
    ),
}
