"""The seats of events and the places on their waitlists: one item for each event with the counts, and one for each
place on a waitlist.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..decision.invitation import Seats
from . import codec, conditions, dynamo, keys
from .repository import Repository
from .writes import DUE, Action, delete, put, update


class SeatCounts(Repository):
    def new_action(self, event_id: str, seats: Seats) -> Action:
        item = codec.item(seats, keys.seats(event_id), event_id=event_id)
        return put(self._sent, item, conditions.NEW)

    def read(self, event_id: str) -> tuple[Seats, bool] | None:
        """The seats, strongly consistent, and whether the waitlist is due."""
        item = dynamo.get(self.client, self._sent, keys.seats(event_id))
        return None if item is None else (codec.read(Seats, item), "due_key" in item)

    def take_actions(
        self, event_id: str, registration_id: str, *, waits: bool, transferred: bool = False
    ) -> dict[str, Action]:
        """The actions that take a seat, or (``waits``) a place on the waitlist.

        The action named ``seats`` fails where only the other is available, or none; but not for a person who is
        ``transferred`` after a split: they keep their seat, or their place on the waitlist, whatever is free.
        """
        free = conditions.WAITLIST_ONLY if waits else conditions.SEAT_IS_FREE
        condition = conditions.EXISTS if transferred else free
        seats = self._count(event_id, condition, waiting=1) if waits else self._count(event_id, condition, taken=1)
        if not waits:
            return {"seats": seats}
        place = {**keys.waiting(event_id, registration_id), "registration_id": registration_id}
        return {"seats": seats, "waiting": put(self._people, place, conditions.NEW)}

    def release_action(self, event_id: str, now: datetime, *, anybody_waits: bool) -> Action:
        """The action that releases a seat, and makes the waitlist due where ``anybody_waits`` on it; it fails where
        that has changed.
        """
        condition = conditions.SOMEBODY_WAITS if anybody_waits else conditions.NOBODY_WAITS
        due = self.due(event_id, now) if anybody_waits else {}
        return update(self._sent, keys.seats(event_id), due, condition, add={"taken": -1})

    def leave_waitlist_actions(self, event_id: str, registration_id: str) -> dict[str, Action]:
        return {
            "seats": self._count(event_id, conditions.EXISTS, waiting=-1),
            "waiting": self._leave_action(event_id, registration_id),
        }

    def promote_actions(self, event_id: str, registration_id: str) -> dict[str, Action]:
        """The actions that give a free seat to somebody on the waitlist."""
        return {
            "seats": self._count(event_id, conditions.CAN_PROMOTE, taken=1, waiting=-1),
            "waiting": self._leave_action(event_id, registration_id),
        }

    def change_action(self, event_id: str, now: datetime, *, remove: tuple[str, ...] = (), **changes: Any) -> Action:
        """The action that writes or removes ``open`` or ``capacity``, and makes the waitlist due: somebody may get a
        seat.
        """
        return update(self._sent, keys.seats(event_id), {**self.due(event_id, now), **changes}, remove=remove)

    def clear_due(self, event_id: str, *, over: bool) -> None:
        """Remove the due key: the event is ``over``, or nobody can be promoted. Does nothing where somebody can."""
        condition = conditions.EXISTS if over else conditions.CANNOT_PROMOTE
        self._attempt({"seats": update(self._sent, keys.seats(event_id), {}, condition, remove=DUE)})

    def due(self, event_id: str, now: datetime) -> dict[str, Any]:
        return codec.due_attributes(event_id, keys.due_key(2, now))

    def _count(self, event_id: str, condition: str, **add: int) -> Action:
        return update(self._sent, keys.seats(event_id), {}, condition, add=add)

    def _leave_action(self, event_id: str, registration_id: str) -> Action:
        return delete(self._people, keys.waiting(event_id, registration_id), conditions.EXISTS)
