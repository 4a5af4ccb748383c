"""Writes to fan-outs and to their batches."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from .. import effects
from ..decision.fan_out import Batch, FanOut
from . import codec, conditions, keys
from .repository import Repository
from .writes import DUE, Action, delete, mark, put, rounds, update

# The condition of each write: a mutant of the simulator replaces one of them.
UPON_PLANNING = conditions.STILL_AT_THIS_PAGE
UPON_COUNTING = conditions.STILL_SO_MANY_LEFT
UPON_TAKING = conditions.NOBODY_HAS_IT
UPON_GIVING_BACK = conditions.LEASE_IS_MINE


class FanOuts(Repository):
    """What planners and workers write. Each method returns whether its condition held, or what it has written."""

    # --- planning -----------------------------------------------------------------------------------------------

    def plan_batches(self, effect: effects.PlanBatches) -> bool:
        """Write the batches and move ``planned_to``. False: another planner, or a newer change, was faster."""
        actions = {
            batch.first: put(self._sent, batch_item(batch, due_key=due_key)) for batch, due_key in effect.batches
        }
        return not self._attempt({**actions, "fan-out": self._planned(effect)})

    def _planned(self, effect: effects.PlanBatches) -> Action:
        """The action that moves ``planned_to``, or deletes a fan-out of which no batch is left."""
        seen, key = effect.seen, keys.fan_out(effect.seen.event_id)
        values: dict[str, Any] = {"version": seen.version, "planned_to": seen.planned_to}
        condition, add = UPON_PLANNING, {"people": effect.people, "left": len(effect.batches)}
        if effect.due_key is not None:
            changes = {"planned_to": effect.through, "due_key": effect.due_key}
            return update(self._sent, key, changes, condition, add=add, **values)
        if not effect.batches:
            # The end of a batch does not delete a fan-out that is being planned: here it is known whether any is left.
            condition, values = f"{condition} AND {conditions.LEFT_UNCHANGED}", {**values, "left": seen.left}
            if not seen.left:
                return delete(self._sent, key, condition, **values)
        return self._all_planned(key, effect.through, condition, add, values)

    def _all_planned(
        self, key: keys.Key, through: str, condition: str, add: dict[str, int], values: dict[str, Any]
    ) -> Action:
        """The action that ends the planning. The fan-out is kept: how urgent it is counts for a change that follows."""
        return update(self._sent, key, {"planned_to": through}, condition, add=add, remove=DUE, **values)

    def tell_now_action(self, fan_out: FanOut, now: datetime) -> Action:
        """The action by which a fan-out that waits for further changes waits no longer."""
        changes = {"due_key": keys.due_key(fan_out.priority, now)}
        key, values = keys.fan_out(fan_out.event_id), still_waiting(fan_out)
        return update(self._sent, key, changes, conditions.STILL_WAITS, remove=("told_at",), **values)

    # --- batches ------------------------------------------------------------------------------------------------

    def claim_batch(self, effect: effects.ClaimBatch) -> Batch | None:
        """Take the lease on a batch. ``None``: there is no such batch any more, or another worker has it."""
        key = keys.batch(effect.hint.event_id, effect.hint.version, effect.hint.first)
        found = self._item(self._sent, key)
        if found is None:
            return None
        batch = codec.read(Batch, found)
        due_key = keys.keep_due_since(keys.due_key(batch.priority, effect.lease_until), found.get("due_key"))
        mine = {"lease_until": keys.instant(effect.lease_until), **mark()}
        condition = f"({UPON_TAKING}) AND {conditions.AFTER_UNCHANGED}"
        now, after = keys.instant(effect.now), batch.after
        action = update(self._sent, key, {**mine, "due_key": due_key}, condition, now=now, after=after)
        taken = self._write_own(action, mine)
        return replace(batch, lease_until=effect.lease_until) if taken else None

    def move_batch(self, effect: effects.MoveBatch) -> bool:
        """Give the rest of a batch back. False: another worker has it, or it has ended."""
        batch, changes = effect.batch, {"after": effect.after, "due_key": effect.due_key, **mark()}
        action = update(self._sent, _key(batch), changes, UPON_GIVING_BACK, remove=("lease_until",), **_lease(batch))
        return self._write_own(action, changes)

    def end_batch(self, effect: effects.EndBatch) -> bool:
        """Delete a batch, and count it off its fan-out. False: another worker has it, or it has ended."""
        batch = effect.batch
        actions = {"batch": delete(self._sent, _key(batch), UPON_GIVING_BACK, **_lease(batch))}
        for _ in rounds():
            fan_out = self._get(FanOut, self._sent, keys.fan_out(batch.event_id))
            counted = {} if fan_out is None else self._counted(fan_out, batch)
            refused = self._attempt({**actions, **counted})
            if not refused or "batch" in refused:
                return not refused
        raise AssertionError  # never reached: rounds() raises Contention

    def _counted(self, fan_out: FanOut, batch: Batch) -> dict[str, Action]:
        """The action that counts ``batch`` off, and with the last batch deletes the fan-out; none if it is newer."""
        if fan_out.version != batch.version:
            return {}
        key = keys.fan_out(batch.event_id)
        values: dict[str, Any] = {"version": batch.version, "left": fan_out.left}
        condition = UPON_COUNTING
        if fan_out.planning:
            # Meanwhile the last batches may have been planned, and as many others have ended.
            condition = f"{condition} AND {conditions.SOME_IS_TO_BE_PLANNED}"
        elif fan_out.left <= 1:
            return {"fan-out": delete(self._sent, key, condition, **values)}
        return {"fan-out": update(self._sent, key, {}, condition, add={"left": -1}, **values)}


def still_waiting(fan_out: FanOut) -> dict[str, Any]:
    """The values of :data:`conditions.STILL_WAITS` for a fan-out that was read."""
    version, planned_to, told_at = fan_out.version, fan_out.planned_to, codec.value(fan_out.told_at)
    return {"version": version, "planned_to": planned_to, "told_at": told_at}


def batch_item(batch: Batch, *, due_key: str) -> dict[str, Any]:
    """The item of a batch."""
    # The shard is that of where it begins: so an event's batches are spread over the partitions of the due index.
    return codec.item(batch, _key(batch), **codec.due_attributes(batch.first or batch.event_id, due_key))


def _key(batch: Batch) -> keys.Key:
    return keys.batch(batch.event_id, batch.version, batch.first)


def _lease(batch: Batch) -> dict[str, Any]:
    return {"lease_until": keys.instant(batch.lease_until) if batch.lease_until else None}
