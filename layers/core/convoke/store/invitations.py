"""What delivery reads and writes. Every write to an invitation is conditional on the fence that was read, and raises
it; only a poke is unconditional: a reason to look again must not be lost to a race.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeGuard

from .. import effects
from ..decision.invitation import Invitation
from ..effects import AcknowledgeResult
from ..model import DeliveryState
from ..settings import Settings
from . import (
    attention,
    dynamo,
    items,
    keys,
    outbox,
    records,
)
from .items import Item
from .writes import NOTHING_ELSE, Action, attempt

# Nobody wrote since I read.
FENCE_IS_MINE = "fence = :fence"
# Nobody wrote since I read, and no new reason to look has come.
FENCE_AND_WAKEUPS_ARE_THOSE_READ = "fence = :fence AND wakeups = :wakeups"
# It stands: a poke must not bring forth a torso.
STANDS = "attribute_exists(pk)"

OWED = ("due_shard", "due_key")
MESSAGE = "message"
"""The action that notes in a message's record why it was given up."""


class Invitations:
    """Conditional writes of single invitations."""

    def __init__(self, client: Any, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._table = settings.invitations_table

    def clear(self, effect: effects.ClearDue) -> bool:
        seen = effect.seen
        written, _ = self._update(
            seen,
            {"state": DeliveryState.EXPIRED.value} if effect.expired else {},
            OWED,
            FENCE_AND_WAKEUPS_ARE_THOSE_READ,
            {":fence": seen.fence, ":wakeups": seen.wakeups},
        )
        return written

    def claim(self, effect: effects.Claim) -> Invitation | None:
        seen, intent = effect.seen, effect.intent
        sequence = intent.calendar_state.sequence
        claimed = replace(
            seen,
            generation=intent.calendar_state.generation,
            fence=seen.fence + 1,
            allocated=max(seen.allocated, sequence),
            highest_possibly_sent=sequence,
            possibly_sent=intent.calendar_state,
            intent=intent,
            lease_until=effect.lease_until,
            due_key=keys.still_due(effect.due_key, seen.due_key),
        )
        written, standing = self._update(
            seen,
            {
                "generation": claimed.generation,
                "allocated": claimed.allocated,
                "highest_possibly_sent": sequence,
                "possibly_sent": items.calendar_state_item(intent.calendar_state),
                "intent": items.intent_item(intent),
                "lease_until": keys.instant(effect.lease_until),
                **items.due_attributes(seen.registration_id, effect.due_key, seen.due_key),
            },
            (),
            FENCE_AND_WAKEUPS_ARE_THOSE_READ,
            {":fence": seen.fence, ":wakeups": seen.wakeups},
        )
        # The wire tries again by itself: where its first answer was lost, the claim that stands in the way is mine.
        # It is answered as it was made: a poke that has come since was not looked at, and must not seem so.
        return claimed if written or _held(standing, claimed) else None

    def give_back(self, effect: effects.ReleaseClaim) -> bool:
        claimed, before = effect.claimed, effect.before
        assert claimed.intent is not None  # noqa: S101 (what was claimed has an intent)
        intent = replace(claimed.intent, failed=effect.failed, unknowns=claimed.intent.unknowns - 1)
        changes: Item = {"intent": items.intent_item(intent), "attempts": effect.attempts}
        also: dict[str, Action] = {}
        if effect.failed:
            changes |= {"state": DeliveryState.FAILED.value, "reason": effect.reason}
            also = self._giving_up(claimed, intent.calendar_state.sequence, effect)
        remove: tuple[str, ...] = ("lease_until",)
        if before.highest_possibly_sent is not None and before.possibly_sent is not None:
            changes |= {
                "highest_possibly_sent": before.highest_possibly_sent,
                "possibly_sent": items.calendar_state_item(before.possibly_sent),
            }
        else:
            remove += ("highest_possibly_sent", "possibly_sent")
        return self._settle(claimed, changes, remove, effect.due_key, also) is not AcknowledgeResult.OVERTAKEN

    def _giving_up(self, claimed: Invitation, sequence: int, effect: effects.ReleaseClaim) -> dict[str, Action]:
        """What is written with an invitation whose message is given up: why, who is to be told, that somebody looks."""
        fact, settings = effect.webhook_event, self._settings
        also = {MESSAGE: records.giving_up(settings, claimed.registration_id, sequence, effect.reason)}
        if fact is not None:
            looked_at = keys.owed(attention.PRIORITY, fact.at)
            also |= {"survey": attention.watching_now(settings, claimed.event_id, looked_at), **self._telling(fact)}
        return also

    def wait(self, effect: effects.HoldClaim) -> bool:
        return self._settle(effect.claimed, {}, (), effect.due_key) is not AcknowledgeResult.OVERTAKEN

    def acknowledge(self, effect: effects.Acknowledge) -> AcknowledgeResult:
        changes: Item = {
            "acknowledged": items.acknowledged_item(effect.acknowledged),
            "attempts": 0,
            "state": DeliveryState.ACCEPTED.value,
            "reason": "",
        }
        return self._settle(effect.claimed, changes, ("lease_until",), effect.due_key)

    def amend(self, effect: effects.StoreReport) -> bool:
        changed = effect.changed
        written, _ = self._update(
            effect.seen,
            items.present(
                {
                    "intent": items.intent_item(changed.intent) if changed.intent else None,
                    "acknowledged": items.acknowledged_item(changed.acknowledged) if changed.acknowledged else None,
                    "stopped": items.stopped_items(changed.stopped),
                    "delivered": items.delivered_items(changed.delivered),
                    "state": changed.state.value,
                    "reason": changed.reason,
                }
            ),
            (),
            FENCE_IS_MINE,
            {":fence": effect.seen.fence},
            self._telling(effect.webhook_event) if effect.webhook_event else {},
        )
        return written

    def _telling(self, fact: effects.NewWebhookEvent) -> dict[str, Action]:
        return outbox.telling(self._client, self._settings, fact.account, fact.type, fact.data, fact.at)

    def wakeups(self, effect: effects.WakeUp) -> None:
        """Unconditional, but for the time: the earlier one stands."""
        standing = dynamo.get(self._client, self._table, keys.registration(effect.event_id, effect.registration_id))
        if standing is None:
            return
        due_key = keys.sooner(effect.due_key, standing.get("due_key", effect.due_key))
        due_key = keys.still_due(due_key, standing.get("due_key"))
        dynamo.conditionally(
            self._client.update_item,
            TableName=self._table,
            Key=dynamo.wire(keys.registration(effect.event_id, effect.registration_id)),
            UpdateExpression="SET due_shard = :shard, due_key = :owed ADD wakeups :one"
            + (", repair :one" if effect.repair else ""),
            ConditionExpression=STANDS,
            ExpressionAttributeValues=dynamo.wire(
                {":one": 1, ":shard": keys.shard(effect.registration_id), ":owed": due_key}
            ),
        )

    def _settle(
        self,
        claimed: Invitation,
        changes: Item,
        remove: tuple[str, ...],
        due_key: str | None,
        also: Mapping[str, Action] = NOTHING_ELSE,
    ) -> AcknowledgeResult:
        """End a claim, ``also`` with it. Whoever poked meanwhile has said when to look again, and that stands; else
        ``due_key`` does.
        """
        owed = items.due_attributes(claimed.registration_id, due_key, claimed.due_key)
        held = claimed
        for _ in range(4):
            written, standing = self._update(
                held,
                {**changes, **owed},
                remove + (OWED if due_key is None else ()),
                FENCE_AND_WAKEUPS_ARE_THOSE_READ,
                {":fence": held.fence, ":wakeups": claimed.wakeups},
                also,
            )
            if written:
                return AcknowledgeResult.DONE if due_key is None else AcknowledgeResult.STILL_DUE
            if not _held(standing, claimed):
                return AcknowledgeResult.OVERTAKEN
            held = standing
            if held.wakeups != claimed.wakeups:
                written, standing = self._update(held, changes, remove, FENCE_IS_MINE, {":fence": held.fence}, also)
                if written:
                    return AcknowledgeResult.STILL_DUE
                if not _held(standing, claimed):
                    return AcknowledgeResult.OVERTAKEN
                held = standing
        return AcknowledgeResult.OVERTAKEN

    def _update(
        self,
        seen: Invitation,
        changes: Item,
        remove: tuple[str, ...],
        condition: str,
        values: Item,
        also: Mapping[str, Action] = NOTHING_ELSE,
    ) -> tuple[bool, Invitation | None]:
        """Write to the invitation and raise its fence, ``also`` with it; or answer what stands there instead."""
        changes = {**changes, "fence": seen.fence + 1}
        names = {f"#{name}": name for name in (*changes, *remove)}
        expression = "SET " + ", ".join(f"#{name} = :set_{name}" for name in changes)
        if remove:
            expression += " REMOVE " + ", ".join(f"#{name}" for name in remove)
        write = {
            "TableName": self._table,
            "Key": dynamo.wire(keys.registration(seen.event_id, seen.registration_id)),
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": dynamo.wire(
                {**values, **{f":set_{name}": value for name, value in changes.items()}}
            ),
        }
        if also:
            write["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
            refused = attempt(self._client, {"invitation": {"Update": write}, **also})
            if refused.keys() == {MESSAGE}:
                # It has no record, or that knows better.
                others = {name: action for name, action in also.items() if name != MESSAGE}
                return self._update(seen, changes, remove, condition, values, others)
            found = refused.get("invitation")
            return "invitation" not in refused, items.invitation_of(found) if found else None
        written, standing = dynamo.conditionally(self._client.update_item, **write)
        return written, items.invitation_of(standing) if standing else None


def _held(standing: Invitation | None, claimed: Invitation) -> TypeGuard[Invitation]:
    """Whether nobody claimed since: only SES's own events, or an earlier try of this very write, raised the fence."""
    if standing is None or standing.intent is None or claimed.intent is None:
        return False
    # A person who was forgotten since is in no intent any more, and must not be written back.
    return (standing.intent.attempt, standing.intent.calendar_state) == (
        claimed.intent.attempt,
        claimed.intent.calendar_state,
    )
