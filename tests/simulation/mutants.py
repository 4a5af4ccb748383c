"""Production with one guard less, each of which the checker must catch: what cannot be missed was never proved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from convoke import decide, fanout, feedback, plan, reconcile, sweep
from convoke.case import Case
from convoke.effects import Send
from convoke.ledger import Intent
from convoke.store import erasure, events, registry, seating
from convoke.store import records as store_records
from convoke.store.invitations import Invitations
from convoke.store.reads import Reads
from convoke.store.records import Records

from .faults import Mode
from .history import People
from .post import Post
from .scene import EVENT_ID, SETTINGS
from .small_world.worlds import Bounds
from .surgery import cut
from .world import World

Change = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Mutant:
    """``changes`` take the guard out; ``mode`` is in which faults it matters.

    What chance seldom brings about is looked for in the small world, within ``bounds``.
    """

    changes: tuple[Change, ...]
    mode: Mode = Mode.ALL
    bounds: Bounds | None = None

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


BOTH = "FENCE_AND_POKE_ARE_THOSE_READ"


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
    told = invitation.acknowledged.told
    posted = reads.posted(rid, told.sequence)
    if posted is None or posted.letter is None:
        return
    intent = Intent(told=told, attempt="at once")
    effect = Send(letter=posted.letter, intent=intent, event_id=EVENT_ID, registration_id=rid)
    # The API is a function, too: from its look to its sending some time passes.
    world.at(2 * world.random(), lambda: world.post.send(effect, lambda _: None))


def _insistent(self: Post, world: World) -> None:
    _quiet(self, world)
    self.tries = 5


_quiet = Post.__init__


AS_IT_WAS = 'changes |= {"exposed": before.exposed, "heard": items.told_item(before.heard)}'

MUTANTS: dict[str, Mutant] = {
    "version-in-the-slice": Mutant(
        (
            without(fanout, "tell_slice", "fan is None or fan.version != part.version", "fan is None"),
            instead(store_records, "STILL_AT_THIS_SLICE", "#cursor = :cursor"),
        )
    ),
    "cursor-in-its-condition": Mutant((instead(store_records, "STILL_AT_THIS_SLICE", "#version = :version"),)),
    "cursor-in-the-slice": Mutant(
        (
            without(fanout, "tell_slice", "if fan.cursor != part.cursor:", "if False:"),
            instead(store_records, "STILL_AT_THIS_SLICE", "#version = :version"),
        )
    ),
    "fan-ended-whatever-it-is": Mutant(
        (
            without(
                Records,
                "end_fan",
                "**self._fan(effect.slice, {})",
                "**{**self._fan(effect.slice, {}), 'ConditionExpression': 'attribute_exists(pk)'}",
            ),
        )
    ),
    "poke-in-the-claim": Mutant((without(Invitations, "claim", BOTH, "FENCE_IS_MINE"),)),
    "fence-in-the-claim": Mutant((without(Invitations, "claim", BOTH, "'poke = :poke'"),)),
    "fence-on-clear": Mutant((without(Invitations, "clear", BOTH, "'poke = :poke'"),), bounds=Bounds(("move",), 2, 0)),
    "poke-on-clear": Mutant((without(Invitations, "clear", BOTH, "FENCE_IS_MINE"),)),
    "fence-raised-with-nothing-owed": Mutant(
        (
            without(
                Invitations,
                "clear",
                "seen = effect.seen\n",
                "seen = effect.seen\n    if seen.owed_at is None: return True\n",
            ),
        ),
        bounds=Bounds(("move",), 2, 0),
    ),
    "lease": Mutant((without(reconcile, "reconcile", "seen.invitation.lease_until > now", "False"),)),
    "lease-kept-when-unknown": Mutant(
        (
            without(
                reconcile,
                "say",
                "yield Wait(claimed=claimed, owed_at=owed(pressing, max(lease_until, now + times.resend_after)))",
                "yield GiveBack(claimed=claimed, before=before, owed_at=owed(pressing, now), attempts=1)",
            ),
        )
    ),
    "read-order": Mutant(
        (
            without(
                reconcile,
                "look",
                "    invitation = yield ReadInvitation",
                "    event = yield ReadEvent(event_id=event_id)\n    invitation = yield ReadInvitation",
            ),
            without(
                reconcile,
                "look",
                "    event = yield ReadEvent(event_id=event_id)\n    if",
                "    if",
            ),
        ),
        bounds=Bounds(("move",), 2, 0),
    ),
    "read-order-in-a-slice": Mutant(
        (
            without(
                fanout,
                "tell_slice",
                "    invitations = yield ReadInvitations",
                "    event = yield ReadEvent(event_id=part.event_id)\n    invitations = yield ReadInvitations",
            ),
            without(
                fanout,
                "tell_slice",
                "    event = yield ReadEvent(event_id=part.event_id)\n    if event",
                "    if event",
            ),
        ),
        bounds=Bounds(("move",), 2, 0),
    ),
    "one-attempt": Mutant((instead(Post, "__init__", _insistent),)),
    "doubt": Mutant((without(plan, "told_of", "invitation.doubt and invitation.heard is not None", "False"),)),
    "doubt-about-a-cancel": Mutant((without(decide, "unsaid", "if not told.certain:", "if False:"),)),
    "repair": Mutant((without(reconcile, "_record", "repair=True", "repair=False"),), Mode.ZOMBIE),
    "repair-after-arrival": Mutant(
        (without(feedback, "hear", "if out_of_order(heard) and heard.repair < MOST_REPAIRS:", "if False:"),)
    ),
    "resend-through-delivery": Mutant((instead(People, "resend", _once_more),)),
    "stale-intent": Mutant(
        (without(plan, "_pending", "pending is None or not says_the_same(message, pending.told)", "pending is None"),)
    ),
    "bytes-kept": Mutant(
        (
            without(reconcile, "_letter", "if plan.repeats is not None:", "if False:"),
            without(reconcile, "_letter", "return standing.letter", "return letter"),
        )
    ),
    "dtstamp-kept": Mutant(
        (
            without(
                reconcile,
                "intent_for",
                "            told=plan.repeats.told,",
                "            told=replace(plan.repeats.told, dtstamp=now.replace(microsecond=0)),",
            ),
            without(reconcile, "_letter", "if plan.repeats is not None:", "if False:"),
            without(reconcile, "_letter", "return standing.letter", "return letter"),
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
    "generation-after-a-cancel": Mutant((without(Case, "invite", "told.generation + 1", "told.generation"),)),
    "given-back-exposed-lowered": Mutant(
        (
            without(Invitations, "give_back", AS_IT_WAS, "pass"),
            without(Invitations, "give_back", 'remove += ("exposed", "heard")', "pass"),
        )
    ),
    "given-back-exposed-as-it-was": Mutant(
        (without(Invitations, "give_back", AS_IT_WAS, 'remove += ("exposed", "heard")'),)
    ),
    "owed-though-poked": Mutant((without(Invitations, "_settle", BOTH, "FENCE_IS_MINE"),)),
    "cancel-before-another-address": Mutant(
        (
            without(
                reconcile,
                "decide",
                "message.method is Method.CANCEL and _hopeless(seen, message)",
                "message.method is Method.CANCEL",
            ),
        )
    ),
    "poke-of-the-unsettled": Mutant((without(fanout, "tell_slice", "if outcome not in SETTLED:", "if False:"),)),
    "fan-owed": Mutant(
        (
            without(
                events,
                "change_event",
                "items.fan_item(fan, owed_at=keys.owed(priority, now))",
                "{k: v for k, v in items.fan_item(fan, owed_at=keys.owed(priority, now)).items() if k != 'owed_shard'}",
            ),
        )
    ),
    "registration-owed": Mutant((without(registry, "arrival", "None if waits else keys.owed(2, now)", "None"),)),
    "withdrawal-poked": Mutant(
        (without(registry, "_departure", '"invitation": poke(settings, invitation, 0, now),', ""),)
    ),
    "forgotten-only-when-taken-back": Mutant(
        (without(sweep, "_see_to", "(yield from _taken_back(due, sender))", "True"),)
    ),
    "letters-forgotten": Mutant(
        (without(erasure, "forget", "_forget_letters(client, settings, registration_id)", "pass"),)
    ),
    "seats-owed": Mutant(
        (
            without(
                seating,
                "given_back",
                'f"SET #owed_shard = :shard, #owed_at = :owed {expression}", SOMEBODY_WAITS',
                "expression, SOMEBODY_WAITS",
            ),
            without(
                seating, "given_back", 'values |= {"shard": keys.shard(event_id), "owed": keys.owed(2, now)}', "pass"
            ),
        )
    ),
}
