"""Writes of events, the fan-outs of their changes, and the split transfers between them."""

from __future__ import annotations

from datetime import datetime

from ..decision.fan_out import FanOut
from ..model import Event, LocalTime, frozen
from ..schedule import series
from . import codec, conditions, keys
from .dynamo import Item
from .fan_outs import still_waiting
from .repository import Repository
from .writes import Action, check, delete, put, update


@frozen
class SplitTransfer:
    """Which registrations to copy to ``event_id``: those of the event ``source`` that were made before it was split,
    for dates after the split.
    """

    event_id: str
    """The new event."""
    source: str
    """The id of the event that was split."""
    since: LocalTime
    """The first occurrence that belongs to the new event."""
    named: int
    """The number of earlier schedules that ``source`` had when it was split; ``since`` is an occurrence's name then."""
    at: datetime
    """When it was split (UTC)."""
    cursor: str = ""
    """The id of the last registration that has been processed."""
    due_key: str = ""
    """``<priority>#<instant>``: from when on the next registrations are processed; empty before it is stored."""
    again_at: datetime | None = None
    """From when on (UTC) all are looked at once more; ``None`` until everybody was copied."""
    failed: tuple[str, ...] = ()
    """The ids of those who could not be copied so far: they are tried again when all others were looked at."""


codec.record(SplitTransfer)


def _item(event: Event) -> Item:
    """The event, and by what the indexes of starts and of organizers find it."""
    instants = {"starts_at": keys.instant(event.when.starts_at), "ends_at": keys.instant(series.ends_at(event))}
    return codec.item(event, keys.event(event.event_id), **instants, person=keys.organizer(event.organizer.email))


class Events(Repository):
    def new_action(self, event: Event) -> Action:
        return put(self._people, _item(event), conditions.NEW)

    def change_action(self, before: Event, after: Event) -> Action:
        """The action that replaces ``before`` by ``after``; it fails where somebody changed the event meanwhile."""
        return put(
            self._people,
            _item(after),
            conditions.VERSION_AND_ACCOUNT_UNCHANGED,
            version=before.version,
            account=before.account,
        )

    def unchanged_check(self, event: Event) -> Action:
        """The action that makes a transaction fail where somebody changed the event since it was read."""
        return check(self._people, keys.event(event.event_id), conditions.VERSION_UNCHANGED, version=event.version)

    def fan_out_action(self, fan_out: FanOut, now: datetime, earlier: FanOut | None = None) -> Action:
        """The action that starts the fan-out of a change, due at ``now`` or when it is announced, in the place of the
        ``earlier`` one. It fails where that one waited at ``now``, and does not wait any more.
        """
        due = codec.task_attributes(fan_out.event_id, keys.due_key(fan_out.priority, fan_out.told_at or now))
        item = codec.item(fan_out, keys.fan_out(fan_out.event_id), **due)
        if earlier is None or not earlier.waits(now):
            return put(self._sent, item)
        return put(self._sent, item, conditions.STILL_WAITS, **still_waiting(earlier))

    def untold_action(self, event: Event, expires_at: datetime) -> Action:
        """The action that keeps ``event`` as it was before the first of the changes that wait to be announced."""
        return put(self._sent, codec.item(event, keys.untold(event.event_id), expires_at=codec.epoch(expires_at)))

    def untold(self, event_id: str) -> Event | None:
        """The event as it was before the changes that wait, or once waited, to be told."""
        return self._get(Event, self._sent, keys.untold(event_id))

    def hint_action(self, event: Event, now: datetime) -> Action:
        """The action that changes nothing of the event, but gives the stream a record of it."""
        return update(
            self._people,
            keys.event(event.event_id),
            {"hinted_at": keys.instant(now)},
            conditions.VERSION_UNCHANGED,
            version=event.version,
        )

    # --- split transfers ----------------------------------------------------------------------------------------

    def transfer(self, event_id: str) -> SplitTransfer | None:
        """The transfer of registrations to this event that is under way, if any, be it for the second time."""
        return self._get(SplitTransfer, self._sent, keys.split_transfer(event_id))

    def transferring(self, event_id: str) -> bool:
        """Whether registrations are still being copied to this event."""
        transfer = self.transfer(event_id)
        return transfer is not None and transfer.again_at is None

    def not_transferring_check(self, event_id: str) -> Action:
        """The action that makes a transaction fail while registrations are being copied to this event."""
        return check(self._sent, keys.split_transfer(event_id), conditions.EVERYBODY_WAS_COPIED)

    def start_transfer_action(self, transfer: SplitTransfer, priority: int, now: datetime) -> Action:
        """The action that starts the transfer, for the transaction that creates the new event."""
        due = codec.task_attributes(transfer.event_id, keys.due_key(priority, now))
        return put(self._sent, codec.item(transfer, keys.split_transfer(transfer.event_id), **due))

    def move_transfer_action(
        self, transfer: SplitTransfer, cursor: str, failed: tuple[str, ...], at: datetime
    ) -> Action:
        """The action that moves the cursor of the transfer, unless somebody else did; the rest is due ``at`` (UTC)."""
        due_key = keys.keep_due_since(keys.due_key(int(transfer.due_key[0]), at), transfer.due_key)
        key = keys.split_transfer(transfer.event_id)
        changes = {"cursor": cursor, "failed": codec.value(failed), "due_key": due_key}
        return update(self._sent, key, changes, _unchanged(transfer), cursor=transfer.cursor)

    def look_again_action(self, transfer: SplitTransfer, failed: tuple[str, ...], at: datetime) -> Action:
        """The action by which all registrations are looked at once more from ``at`` on, unless the cursor was moved."""
        due_key = keys.due_key(int(transfer.due_key[0]), at)
        changes = {"cursor": "", "failed": codec.value(failed), "due_key": due_key, "again_at": keys.instant(at)}
        key = keys.split_transfer(transfer.event_id)
        return update(self._sent, key, changes, _unchanged(transfer), cursor=transfer.cursor)

    def end_transfer_action(self, transfer: SplitTransfer) -> Action:
        key = keys.split_transfer(transfer.event_id)
        return delete(self._sent, key, _unchanged(transfer), cursor=transfer.cursor)


def _unchanged(transfer: SplitTransfer) -> str:
    """The condition that nobody moved the cursor since ``transfer`` was read."""
    return conditions.CURSOR_OF_THE_FIRST_LOOK_UNCHANGED if transfer.again_at is None else conditions.CURSOR_UNCHANGED
