"""The seats of events and the places on their waitlists: one item for each event with the counts, one for each block of
them that a shard gives out, and one for each place on a waitlist.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..decision.decide import INVITATION
from ..decision.invitation import Hold, Seats, SeatShard
from . import codec, conditions, dynamo, keys
from .dynamo import Item
from .repository import Repository
from .writes import DUE, Action, attempt, delete, put, update

SHARDS = 16
"""How many shards an event's seats have at most. Those of an event where registrations never met have none."""

UPON_ASKING = conditions.TAKES_PEOPLE
UPON_PASSING_ON = conditions.HOLD_UNCHANGED

codec.record(SeatShard)
codec.record(Hold)


class SeatCounts(Repository):
    def new_action(self, event_id: str, seats: Seats) -> Action:
        item = codec.item(seats, keys.seats(event_id), event_id=event_id)
        return put(self._sent, item, conditions.NEW)

    def read(self, event_id: str) -> Seats | None:
        """The seats, strongly consistent, or ``None`` where there is no such event.

        One query, but not one moment: what is registered meanwhile may or may not be counted.
        """
        first, last = keys.seats(event_id), {**keys.seats(event_id), "sk": f"{keys.SEATS}#~"}
        found = list(self._rows(dynamo.between(self._sent, first, last, start=True)))
        return counted(found[0], found[1:]) if found else None

    # --- taking -------------------------------------------------------------------------------------------------

    def take_action(self, event_id: str, seats: Seats, count: int, *, waits: bool, block: bool, decided: int) -> Action:
        """The action that takes ``count`` seats, or (``waits``) places on the waitlist, from the event's own count.

        ``block``: they are lent to a shard. ``decided`` is how many of those who take them were pending. It fails where
        somebody waits, or nobody, where fewer are free, or where the event is closed.
        """
        condition = conditions.BEHIND_OTHERS if waits else _are_free(seats)
        add = {"waiting" if waits else "taken": count, **({"blocks": 1} if block else {}), **_fewer(decided)}
        return update(self._sent, keys.seats(event_id), {}, condition, add=add, **_room(seats, count))

    def lend_action(self, event_id: str, number: int, count: int, *, waits: bool) -> Action:
        """The action that gives a shard so many seats, or places on the waitlist, to give out."""
        changes, key = {"number": number, "waits": waits}, keys.seat_shard(event_id, number)
        return update(self._sent, key, changes, "", add={"free": count}, remove=("stopped",))

    def take_from_shard_action(self, event_id: str, number: int, count: int, *, waits: bool, decided: int) -> Action:
        key, condition = keys.seat_shard(event_id, number), conditions.SHARD_HAS_SOME
        add = {"free": -count, **_fewer(decided)}
        return update(self._sent, key, {}, condition, add=add, count=count, waits=waits)

    def wait_first_action(self, event_id: str, seats: Seats, count: int, look_at: datetime, decided: int) -> Action:
        """The action that takes the first place on the waitlist, where not even the shards have ``count`` seats.

        Of who needs several seats some may be free: the waitlist is due then, at ``look_at`` (UTC).
        """
        return update(
            self._sent,
            keys.seats(event_id),
            self.due(event_id, look_at) if count > 1 else {},
            conditions.FIRST_TO_WAIT,
            add={"waiting": 1, **_fewer(decided)},
            blocks=seats.blocks,
            **_room(seats, count),
        )

    def place_action(self, event_id: str, registration_id: str) -> Action:
        place = {**keys.waiting(event_id, registration_id), "registration_id": registration_id}
        return put(self._people, place, conditions.NEW)

    # --- pending ------------------------------------------------------------------------------------------------

    def ask_actions(self, event_id: str, count: int, new_shard: int | None) -> dict[str, Action]:
        """The actions that count ``count`` more pending registrations in the event's own item, and make a shard of the
        number ``new_shard`` that counts the next ones. They fail where the event is closed.
        """
        add = {"pending": count, **({} if new_shard is None else {"blocks": 1})}
        actions = {"seats": update(self._sent, keys.seats(event_id), {}, UPON_ASKING, add=add)}
        if new_shard is not None:
            item = {**keys.seat_shard(event_id, new_shard), "number": new_shard, "free": 0, "waits": False}
            actions["shard"] = put(self._sent, item, conditions.NEW)
        return actions

    def ask_shard_action(self, event_id: str, number: int, count: int) -> Action:
        """The action that counts ``count`` more pending registrations in a shard."""
        key, condition = keys.seat_shard(event_id, number), conditions.SHARD_IS_NOT_STOPPED
        return update(self._sent, key, {}, condition, add={"pending": count})

    # --- copying ------------------------------------------------------------------------------------------------

    def transfer_actions(self, event_id: str, registration_id: str, count: int, *, waits: bool) -> dict[str, Action]:
        """The actions that take ``count`` seats, or (``waits``) a place on the waitlist, for a person who had them
        before a split: whatever is free.
        """
        if not waits:
            return {"seats": self.count_action(event_id, taken=count)}
        return {
            "seats": self.count_action(event_id, waiting=1),
            "waiting": self.place_action(event_id, registration_id),
        }

    # --- giving back --------------------------------------------------------------------------------------------

    def give_back(self, event_id: str, shard: SeatShard) -> bool:
        """Give what ``shard`` has left back to the event. False: somebody took of it, or it was given more, meanwhile.

        Raises :class:`dynamo.Contention`.
        """
        key, condition = keys.seat_shard(event_id, shard.number), conditions.SHARD_UNCHANGED
        counted = {"waiting" if shard.waits else "taken": -shard.free}
        actions = {
            "shard": update(self._sent, key, {"free": 0}, condition, free=shard.free, waits=shard.waits),
            "seats": self.count_action(event_id, conditions.EXISTS, **counted),
        }
        return not attempt(self.client, actions, 1)

    def stop_actions(self, event_id: str, seats: Seats) -> dict[str, Action]:
        """The actions after which no shard of ``seats`` gives out what it has left, for the transaction of
        :meth:`change_action`.
        """
        return {
            f"shard {shard.number}": update(self._sent, keys.seat_shard(event_id, shard.number), {"stopped": True})
            for shard in seats.shards
        }

    def let_a_change_pass(self, event_id: str, until: datetime) -> None:
        """Make registrations wait until then (UTC), or until the change is written: a transaction with all shards of
        an event has no chance while a hundred registrations a second take seats from them.
        """
        self._write(update(self._sent, keys.seats(event_id), {"yield_until": keys.instant(until)}))

    # --- releasing ----------------------------------------------------------------------------------------------

    def release_action(self, event_id: str, count: int, now: datetime, *, anybody_waits: bool) -> Action:
        """The action that releases ``count`` seats, and makes the waitlist due where ``anybody_waits`` on it; it fails
        where that has changed.
        """
        condition = conditions.SOMEBODY_WAITS if anybody_waits else conditions.NOBODY_WAITS
        due = self.due(event_id, now) if anybody_waits else {}
        return update(self._sent, keys.seats(event_id), due, condition, add={"taken": -count})

    # --- keeping seats for those who withdrew by one click ------------------------------------------------------

    def hold(self, event_id: str, registration_id: str) -> Hold | None:
        """The seats that are kept for a registration, strongly consistent; ``None`` where none are."""
        return self._get(Hold, self._sent, keys.hold(event_id, registration_id))

    def hold_actions(self, hold: Hold) -> dict[str, Action]:
        """The actions that keep the seats of a registration, which stay taken, until the time of ``hold``."""
        due = codec.task_attributes(hold.registration_id, keys.due_key(INVITATION, hold.until))
        item = codec.item(hold, keys.hold(hold.event_id, hold.registration_id), **due)
        return {
            "hold": put(self._sent, item, conditions.NEW),
            "seats": self.count_action(hold.event_id, held=hold.seats),
        }

    def take_held_actions(self, hold: Hold) -> dict[str, Action]:
        """The actions that give kept seats back to their registration; they fail where the event is closed, or where
        the seats were released.
        """
        return {
            "hold": delete(self._sent, keys.hold(hold.event_id, hold.registration_id), conditions.EXISTS),
            "seats": self.count_action(hold.event_id, conditions.TAKES_PEOPLE, held=-hold.seats),
        }

    def pass_on_held_actions(
        self, hold: Hold, seats: Seats, count: int, now: datetime, decided: int
    ) -> dict[str, Action]:
        """The actions that give kept seats to a new registration of the same person, which takes ``count``: what is
        left over is released, and what is lacking taken of what is free. ``decided`` is as in :meth:`take_action`. They
        fail as :meth:`take_held_actions` and :meth:`take_action` do, and where ``hold`` has changed since it was read.
        """
        read = {"seats": hold.seats, "until": keys.instant(hold.until)}
        more = count - hold.seats
        condition = _are_free(seats) if more > 0 else conditions.TAKES_PEOPLE
        add = {"held": -hold.seats, **({"taken": more} if more else {}), **_fewer(decided)}
        due = self.due(hold.event_id, now) if more < 0 else {}
        return {
            "hold": delete(self._sent, keys.hold(hold.event_id, hold.registration_id), UPON_PASSING_ON, **read),
            "seats": update(self._sent, keys.seats(hold.event_id), due, condition, add=add, **_room(seats, more)),
        }

    def release_held_actions(self, hold: Hold, now: datetime, *, anybody_waits: bool, early: bool) -> dict[str, Action]:
        """The actions that release kept seats once their time is over, or ``early``; see :meth:`release_action`."""
        key, event_id = keys.hold(hold.event_id, hold.registration_id), hold.event_id
        over = conditions.EXISTS if early else conditions.HELD_LONG_ENOUGH
        condition = conditions.SOMEBODY_WAITS if anybody_waits else conditions.NOBODY_WAITS
        due = self.due(event_id, now) if anybody_waits else {}
        add = {"taken": -hold.seats, "held": -hold.seats}
        return {
            "hold": delete(self._sent, key, over, now=keys.instant(now)),
            "seats": update(self._sent, keys.seats(event_id), due, condition, add=add),
        }

    def leave_waitlist_actions(self, event_id: str, registration_id: str) -> dict[str, Action]:
        return {
            "seats": self.count_action(event_id, waiting=-1),
            "waiting": self._leave_action(event_id, registration_id),
        }

    def promote_actions(self, event_id: str, registration_id: str, seats: Seats, count: int) -> dict[str, Action]:
        """The actions that give ``count`` free seats to somebody on the waitlist."""
        condition = conditions.CAN_PROMOTE_WITHOUT_LIMIT if seats.capacity is None else conditions.CAN_PROMOTE
        add = {"taken": count, "waiting": -1}
        return {
            "seats": update(self._sent, keys.seats(event_id), {}, condition, add=add, **_room(seats, count)),
            "waiting": self._leave_action(event_id, registration_id),
        }

    def open_action(self, event_id: str, now: datetime, *, opens: bool) -> Action:
        """The action that opens an event that has taken no registrations so far, and makes the waitlist due."""
        return update(self._sent, keys.seats(event_id), {**self.due(event_id, now), "open": opens})

    def change_action(
        self, event_id: str, seats: Seats, now: datetime, *, capacity: int | None, **changes: Any
    ) -> Action:
        """The action that writes ``capacity`` and the ``changes``, and makes the waitlist due: somebody may get a seat.
        It fails where a shard was lent a block since ``seats`` was read.
        """
        changes |= self.due(event_id, now)
        remove: tuple[str, ...] = ("yield_until",)
        if capacity is None:
            remove += ("capacity",)
        else:
            changes["capacity"] = capacity
        condition = conditions.NO_BLOCK_LENT_SINCE
        return update(self._sent, keys.seats(event_id), changes, condition, remove=remove, blocks=seats.blocks)

    def clear_due(self, event_id: str, *, over: bool) -> None:
        """Remove the due key: the event is ``over``, or nobody can be promoted. Does nothing where somebody can."""
        condition = conditions.EXISTS if over else conditions.CANNOT_PROMOTE
        self._attempt({"seats": update(self._sent, keys.seats(event_id), {}, condition, remove=DUE)})

    def look_again(self, event_id: str, seats: Seats, at: datetime) -> None:
        """Have the waitlist looked at again at that time (UTC), unless it became due in another way meanwhile."""
        if seats.due_key is not None:
            later, unchanged = self.due(event_id, at), conditions.DUE_KEY_UNCHANGED
            self._write(update(self._sent, keys.seats(event_id), later, unchanged, due_key=seats.due_key))

    def due(self, event_id: str, now: datetime) -> dict[str, Any]:
        return codec.task_attributes(event_id, keys.due_key(INVITATION, now))

    def count_action(self, event_id: str, condition: str = conditions.EXISTS, **add: int) -> Action:
        """The action that adds to some of the event's own counts."""
        return update(self._sent, keys.seats(event_id), {}, condition, add=add)

    def _leave_action(self, event_id: str, registration_id: str) -> Action:
        return delete(self._people, keys.waiting(event_id, registration_id), conditions.EXISTS)


def _are_free(seats: Seats) -> str:
    """The condition that there are so many seats as :func:`_room` says."""
    return conditions.SEATS_ARE_UNLIMITED if seats.capacity is None else conditions.SEATS_ARE_FREE


def _room(seats: Seats, count: int) -> dict[str, Any]:
    """The values of the conditions that ``count`` seats are free, or are not, with the capacity that was read."""
    return {"capacity": seats.capacity, "most": (seats.capacity or 0) - count}


def _fewer(decided: int) -> dict[str, int]:
    """What is added to a count of pending registrations of which so many were decided: nothing where none was."""
    return {"pending": -decided} if decided else {}


def counted(own: Item, shards: Iterable[Item]) -> Seats:
    """What the shards have counts as taken, or as waiting, in the event's own item, but not in the result. Pending
    registrations are counted in all of them.
    """
    seats = replace(codec.read(Seats, own), shards=tuple(codec.read(SeatShard, shard) for shard in shards))
    return replace(
        seats,
        taken=seats.taken - seats.lent(waits=False),
        waiting=seats.waiting - seats.lent(waits=True),
        pending=seats.pending + sum(shard.pending for shard in seats.shards),
    )
