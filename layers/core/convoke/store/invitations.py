"""The conditional writes to single invitations.

Every write is conditional on the fence that was read, and raises it. Only a wake-up is unconditional, so that a reason
to look again cannot be lost to a concurrent write.
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

# Nobody wrote to the invitation since it was read.
FENCE_IS_THE_ONE_READ = "fence = :fence"
# Nobody wrote to the invitation since it was read, and no wake-up was added.
FENCE_AND_WAKEUPS_ARE_THOSE_READ = "fence = :fence AND wakeups = :wakeups"
# The invitation exists, so that a wake-up cannot create a partial one.
EXISTS = "attribute_exists(pk)"

DUE_ATTRIBUTES = ("due_shard", "due_key")
MESSAGE = "message"
"""The name of the action that records in a stored message why it was given up."""


class Invitations:
    """Carries out the effects that write to one invitation.

    A result of ``False``, ``None`` or ``OVERTAKEN`` says that another writer was faster and nothing was written.
    """

    def __init__(self, client: Any, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._table = settings.invitations_table

    def clear_due(self, effect: effects.ClearDue) -> bool:
        """Remove the due key, since nothing is to be sent."""
        seen = effect.seen
        written, _ = self._update(
            seen,
            {"state": DeliveryState.EXPIRED.value} if effect.expired else {},
            DUE_ATTRIBUTES,
            FENCE_AND_WAKEUPS_ARE_THOSE_READ,
            {":fence": seen.fence, ":wakeups": seen.wakeups},
        )
        return written

    def claim(self, effect: effects.Claim) -> Invitation | None:
        """Write the intent and the lease. Returns the invitation as this claim wrote it."""
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
            due_key=keys.keep_due_since(effect.due_key, seen.due_key),
        )
        written, existing = self._update(
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
        # botocore repeats a request whose response was lost: then the stored claim is this one. It is returned as it
        # was made, without wake-ups that were added since, since those have not been looked at.
        return claimed if written or _still_claimed(existing, claimed) else None

    def release_claim(self, effect: effects.ReleaseClaim) -> bool:
        """End a claim of which it is certain that nothing left, with what may have been sent as it was before it."""
        claimed, before = effect.claimed, effect.before
        assert claimed.intent is not None  # noqa: S101 (what was claimed has an intent)
        intent = replace(claimed.intent, failed=effect.failed, unknowns=claimed.intent.unknowns - 1)
        changes: Item = {"intent": items.intent_item(intent), "attempts": effect.attempts}
        also: dict[str, Action] = {}
        if effect.failed:
            changes |= {"state": DeliveryState.FAILED.value, "reason": effect.reason}
            also = self._give_up_actions(claimed, intent.calendar_state.sequence, effect)
        remove: tuple[str, ...] = ("lease_until",)
        if before.highest_possibly_sent is not None and before.possibly_sent is not None:
            changes |= {
                "highest_possibly_sent": before.highest_possibly_sent,
                "possibly_sent": items.calendar_state_item(before.possibly_sent),
            }
        else:
            remove += ("highest_possibly_sent", "possibly_sent")
        return self._settle(claimed, changes, remove, effect.due_key, also) is not AcknowledgeResult.OVERTAKEN

    def _give_up_actions(self, claimed: Invitation, sequence: int, effect: effects.ReleaseClaim) -> dict[str, Action]:
        """The actions beside an invitation whose message is given up: the reason, the webhook event, and a survey."""
        webhook_event, settings = effect.webhook_event, self._settings
        also = {MESSAGE: records.give_up_action(settings, claimed.registration_id, sequence, effect.reason)}
        if webhook_event is not None:
            survey_due_key = keys.due_key(attention.PRIORITY, webhook_event.at)
            also |= {
                "survey": attention.survey_at_action(settings, claimed.event_id, survey_due_key),
                **self._webhook_event_actions(webhook_event),
            }
        return also

    def hold_claim(self, effect: effects.HoldClaim) -> bool:
        """Keep the claim and its lease, since it is not known whether the message left."""
        return self._settle(effect.claimed, {}, (), effect.due_key) is not AcknowledgeResult.OVERTAKEN

    def acknowledge(self, effect: effects.Acknowledge) -> AcknowledgeResult:
        """Record that SES accepted the message, and end the claim."""
        changes: Item = {
            "acknowledged": items.acknowledged_item(effect.acknowledged),
            "attempts": 0,
            "state": DeliveryState.ACCEPTED.value,
            "reason": "",
        }
        return self._settle(effect.claimed, changes, ("lease_until",), effect.due_key)

    def store_report(self, effect: effects.StoreReport) -> bool:
        """Write what SES reported about a message, with its webhook event."""
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
            FENCE_IS_THE_ONE_READ,
            {":fence": effect.seen.fence},
            self._webhook_event_actions(effect.webhook_event) if effect.webhook_event else {},
        )
        return written

    def _webhook_event_actions(self, webhook_event: effects.NewWebhookEvent) -> dict[str, Action]:
        return outbox.event_actions(
            self._client,
            self._settings,
            webhook_event.account,
            webhook_event.type,
            webhook_event.data,
            webhook_event.at,
        )

    def wake_up(self, effect: effects.WakeUp) -> None:
        """Add a wake-up, on no condition but that the invitation exists. The sooner due key is kept."""
        existing = dynamo.get(self._client, self._table, keys.registration(effect.event_id, effect.registration_id))
        if existing is None:
            return
        due_key = keys.sooner_due_key(effect.due_key, existing.get("due_key", effect.due_key))
        due_key = keys.keep_due_since(due_key, existing.get("due_key"))
        dynamo.conditionally(
            self._client.update_item,
            TableName=self._table,
            Key=dynamo.wire(keys.registration(effect.event_id, effect.registration_id)),
            UpdateExpression="SET due_shard = :shard, due_key = :due_key ADD wakeups :one"
            + (", repair :one" if effect.repair else ""),
            ConditionExpression=EXISTS,
            ExpressionAttributeValues=dynamo.wire(
                {":one": 1, ":shard": keys.shard(effect.registration_id), ":due_key": due_key}
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
        """Write to a claimed invitation, with the actions ``also``. ``due_key`` is set, or removed where it is
        ``None``, unless a wake-up was added meanwhile: its due key is kept.
        """
        due = items.due_attributes(claimed.registration_id, due_key, claimed.due_key)
        latest = claimed
        for _ in range(4):
            written, existing = self._update(
                latest,
                {**changes, **due},
                remove + (DUE_ATTRIBUTES if due_key is None else ()),
                FENCE_AND_WAKEUPS_ARE_THOSE_READ,
                {":fence": latest.fence, ":wakeups": claimed.wakeups},
                also,
            )
            if written:
                return AcknowledgeResult.DONE if due_key is None else AcknowledgeResult.STILL_DUE
            if not _still_claimed(existing, claimed):
                return AcknowledgeResult.OVERTAKEN
            latest = existing
            if latest.wakeups != claimed.wakeups:
                written, existing = self._update(
                    latest, changes, remove, FENCE_IS_THE_ONE_READ, {":fence": latest.fence}, also
                )
                if written:
                    return AcknowledgeResult.STILL_DUE
                if not _still_claimed(existing, claimed):
                    return AcknowledgeResult.OVERTAKEN
                latest = existing
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
        """Write to the invitation and raise its fence, with the actions ``also``. Returns (True, None), or (False, the
        invitation that is stored).
        """
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
                # The message has no record, or SES has reported about it.
                others = {name: action for name, action in also.items() if name != MESSAGE}
                return self._update(seen, changes, remove, condition, values, others)
            found = refused.get("invitation")
            return "invitation" not in refused, items.invitation_of(found) if found else None
        written, existing = dynamo.conditionally(self._client.update_item, **write)
        return written, items.invitation_of(existing) if existing else None


def _still_claimed(existing: Invitation | None, claimed: Invitation) -> TypeGuard[Invitation]:
    """Whether the claim is still held: only reports from SES, or an earlier attempt at this very write, raised
    the fence.
    """
    if existing is None or existing.intent is None or claimed.intent is None:
        return False
    # The intent of a person who was erased since has no recipient any more; it must not be written back.
    return (existing.intent.attempt, existing.intent.calendar_state) == (
        claimed.intent.attempt,
        claimed.intent.calendar_state,
    )
